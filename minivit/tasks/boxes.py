"""Where is the object?"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.data.dataset import Dataset
from minivit.data.examples import Scenes
from minivit.ops.boxes import box_iou_forward
from minivit.ops.losses import L1Cache, l1_backward, l1_forward
from minivit.tasks.task import Normalize, Pictures, Task, check_as_many
from minivit.types import Float, Scalar, ndarray


class OneBoxCache(NamedTuple):
    """What ``OneBox.backward`` needs: of which samples there is a box."""

    shape: tuple[int, ...]
    there: list[int]
    loss: L1Cache


class OneBox(Task):
    """The box of the one object on an image, or none: L1 distance, a mean over boxes; the score is the mean IoU, nan of
    no boxes.

    Outputs are (B, 4): x0, y0, x1, y1 as shares of the sides of the image. Targets are a list with an array (1, 4) for
    an image with an object, (0, 4) for one without: its output has no say.
    """

    kind = Scenes
    loss_name = "L1 distance (shares of the image)"
    score_name = "IoU"

    def draw(
        self, examples: Scenes, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[ndarray, list[ndarray]]:
        self.check(examples)
        if any(len(boxes) > 1 for boxes in examples.boxes):
            raise ValueError("there are images with several boxes; expected at most one object on each: max_objects=1")
        _, Y, X, _ = examples.images.shape
        return normalize(examples.images), [boxes / (X, Y, X, Y) for boxes in examples.boxes]

    def model_options(self, dataset: Dataset) -> dict[str, Any]:
        return super().model_options(dataset) | {"num_classes": 4}

    def over(self, targets: Sequence[ndarray]) -> int:
        return sum(map(len, targets))

    @checked
    def forward(self, outputs: Float[ndarray, "B 4"], targets: Sequence[ndarray]) -> tuple[Scalar, OneBoxCache]:
        check_as_many("OneBox", outputs, targets)
        there = [i for i, boxes in enumerate(targets) if len(boxes)]
        boxes = np.concatenate(targets).astype(outputs.dtype)
        loss, c_loss = l1_forward(outputs[there], boxes)
        return loss, OneBoxCache(outputs.shape, there, c_loss)

    def backward(self, dloss: Scalar, cache: OneBoxCache) -> Float[ndarray, "B 4"]:
        (dthere,) = l1_backward(dloss, cache.loss)
        doutputs = np.zeros_like(dthere, shape=cache.shape)
        doutputs[cache.there] = dthere  # forward: outputs[there]
        return doutputs

    @checked
    def score(self, outputs: Float[ndarray, "B 4"], targets: Sequence[ndarray]) -> float:
        check_as_many("OneBox", outputs, targets)
        there = [i for i, boxes in enumerate(targets) if len(boxes)]
        if not there:
            return np.nan
        ious, _ = box_iou_forward(outputs[there], np.concatenate(targets).astype(outputs.dtype))
        return float(ious.mean())

    def pictures(
        self, dataset: Dataset, examples: Scenes, targets: Sequence[ndarray], outputs: Float[ndarray, "B 4"]
    ) -> Pictures:
        from minivit import plot

        _, Y, X, _ = examples.images.shape
        return {"boxes": lambda: plot.boxes(examples.images, examples.boxes, outputs * (X, Y, X, Y))}
