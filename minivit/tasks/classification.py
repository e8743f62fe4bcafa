"""Which of the classes is on the image?"""

from typing import Any

import numpy as np

from minivit.checked import check_type, checked
from minivit.data.dataset import Dataset
from minivit.data.examples import LabeledImages
from minivit.ops.losses import CrossEntropyCache, cross_entropy_backward, cross_entropy_forward, least_cross_entropy
from minivit.ops.softmax import softmax_forward
from minivit.tasks.task import Augment, Normalize, Pictures, Task
from minivit.types import Float, Scalar, Share, ndarray


class Classification(Task):
    """Cross-entropy of logits (B, classes), a mean over images; the score is the share of right answers.

    Targets are class numbers (B,) or soft targets (B, classes).

    Parameters
    ----------
    label_smoothing : float
        See :func:`minivit.ops.cross_entropy_forward`.
    augment : function of pixels and a random generator, optional
        What makes other images of the same things, in training.
    """

    kind = LabeledImages
    loss_name = "cross-entropy (nats)"
    score_name = "accuracy"

    @checked
    def __init__(self, *, label_smoothing: Share = 0.0, augment: Augment | None = None) -> None:
        self.label_smoothing, self.augment = label_smoothing, augment

    def draw(
        self, examples: LabeledImages, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[Any, Any]:
        self.check(examples)
        pixels = examples.images
        if self.augment is not None and rng is not None:
            pixels = self.augment(pixels, rng)
        return normalize(pixels), examples.labels

    def model_options(self, dataset: Dataset) -> dict[str, Any]:
        return super().model_options(dataset) | {"num_classes": len(dataset.class_names)}

    def over(self, targets: Any) -> int:
        check_type("labels", targets, ndarray)
        return len(targets)

    def forward(self, outputs: Float[ndarray, "B classes"], targets: ndarray) -> tuple[Scalar, CrossEntropyCache]:
        return cross_entropy_forward(outputs, targets, label_smoothing=self.label_smoothing)

    def backward(self, dloss: Scalar, cache: CrossEntropyCache) -> Float[ndarray, "B classes"]:
        (dlogits,) = cross_entropy_backward(dloss, cache)
        return dlogits

    def score(self, outputs: Float[ndarray, "B classes"], targets: ndarray) -> float:
        labels = targets if targets.ndim == 1 else targets.argmax(-1)
        return float(np.mean(outputs.argmax(-1) == labels))

    def least_loss(self, dataset: Dataset) -> float:
        """That of a model which says for every image exactly what the smoothed targets say, their entropy."""
        return least_cross_entropy(len(dataset.class_names), self.label_smoothing)

    def pictures(self, dataset: Dataset, examples: LabeledImages, targets: Any, outputs: ndarray) -> Pictures:
        from minivit import plot

        images, labels, names = examples.images, examples.labels, dataset.class_names
        return {"predictions": lambda: plot.predictions(images, labels, softmax_forward(outputs)[0], names)}
