"""Which of the classes is on the image?"""

from typing import Any

import numpy as np

from minivit.checked import check_range, check_type
from minivit.ops.losses import cross_entropy_backward, cross_entropy_forward
from minivit.tasks.task import LossCache, Task, share_of
from minivit.types import Float, ndarray


class Classification(Task):
    """Cross-entropy of logits (B, classes), a mean over images; the score is the share of right answers.

    Targets are class numbers (B,) or soft targets (B, classes).
    """

    def __init__(self, *, label_smoothing: float = 0.0) -> None:
        check_range("label_smoothing", label_smoothing, at_least=0, below=1)
        self.label_smoothing = label_smoothing

    def over(self, targets: Any) -> float:
        check_type("labels", targets, ndarray)
        return len(targets)

    def forward(self, outputs: Float[ndarray, "B classes"], targets: ndarray, over: float) -> tuple[float, LossCache]:
        loss, c_loss = cross_entropy_forward(outputs, targets, label_smoothing=self.label_smoothing)
        share = share_of(len(targets), over, outputs.dtype)
        return float(loss) * (len(targets) / over), LossCache(c_loss, share)

    def backward(self, cache: LossCache) -> Float[ndarray, "B classes"]:
        (dlogits,) = cross_entropy_backward(cache.share, cache.op)
        return dlogits

    def score(self, outputs: Float[ndarray, "B classes"], targets: ndarray) -> float:
        labels = targets if targets.ndim == 1 else targets.argmax(-1)
        return float(np.mean(outputs.argmax(-1) == labels))
