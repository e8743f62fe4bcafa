"""Where is the object?"""

from collections.abc import Sequence

import numpy as np

from minivit.ops.losses import l1_backward, l1_forward
from minivit.tasks.task import Task, share_of
from minivit.types import Float, ndarray


class OneBox(Task):
    """The box of the one object on an image, or none: L1 distance, a mean over boxes; the score is the mean IoU.

    Outputs are (B, 4): x0, y0, x1, y1 as shares of the sides of the image. Targets are a list with an array (1, 4) for
    an image with an object, (0, 4) for one without: its output has no say.
    """

    def over(self, targets: Sequence[ndarray]) -> float:
        return sum(map(len, targets))

    def forward(self, outputs: Float[ndarray, "B 4"], targets: Sequence[ndarray], over: float) -> tuple[float, tuple]:
        there = [i for i, boxes in enumerate(targets) if len(boxes)]
        if not there:
            return 0.0, (outputs, there, None, None)
        boxes = np.concatenate([targets[i] for i in there]).astype(outputs.dtype)
        loss, c_loss = l1_forward(outputs[there], boxes)
        share = share_of(len(there), over, outputs.dtype)
        return float(loss) * (len(there) / over), (outputs, there, c_loss, share)

    def backward(self, cache: tuple) -> Float[ndarray, "B 4"]:
        outputs, there, c_loss, share = cache
        doutputs = np.zeros_like(outputs)
        if there:
            doutputs[there] = l1_backward(share, c_loss).x  # forward: outputs[there]
        return doutputs

    def score(self, outputs: Float[ndarray, "B 4"], targets: Sequence[ndarray]) -> float:
        pairs = [(output, boxes[0]) for output, boxes in zip(outputs, targets, strict=True) if len(boxes)]
        return float(np.mean([iou(a, b) for a, b in pairs]))


def iou(a: Float[ndarray, "4"], b: Float[ndarray, "4"]) -> float:
    """Intersection of two boxes (x0, y0, x1, y1) over their union; 0 where they have no area in common."""
    width, height = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    common = max(width, 0) * max(height, 0)
    whole = sum(max(x1 - x0, 0) * max(y1 - y0, 0) for x0, y0, x1, y1 in (a, b)) - common
    return float(common / whole) if common else 0.0
