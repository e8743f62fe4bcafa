"""Which of the classes is on the image, or to be heard?"""

from collections.abc import Callable
from typing import Any

import numpy as np

from minivit.checked import check_type, checked
from minivit.data.dataset import Dataset
from minivit.data.examples import LabeledImages, LabeledSounds
from minivit.ops.losses import CrossEntropyCache, cross_entropy_backward, cross_entropy_forward, least_cross_entropy
from minivit.ops.softmax import softmax_forward
from minivit.tasks.task import Augment, Normalize, Pictures, Task, check_as_many
from minivit.types import Float, Scalar, Share, ndarray

Mix = Callable[[ndarray, ndarray, np.random.Generator], tuple[ndarray, ndarray]]
"""From inputs and class numbers (B,) to mixed inputs and soft targets (B, classes)."""


class Classification(Task):
    """Cross-entropy of logits (B, classes), a mean over images or sounds; the score is the share of right answers.

    Targets are class numbers (B,) or soft targets (B, classes).

    Parameters
    ----------
    label_smoothing : float
        See :func:`minivit.ops.cross_entropy_forward`.
    augment : function of pixels, or samples, and a random generator, optional
        What makes other images, or sounds, of the same things, in training.
    mix : function of inputs, labels and a random generator, optional
        What mixes a batch in training, inputs and targets alike (:func:`minivit.train.mix`). For the score the target
        is the class with the larger share.
    """

    kind = LabeledImages | LabeledSounds
    loss_name = "cross-entropy (nats)"
    score_name = "accuracy"

    @checked
    def __init__(self, *, label_smoothing: Share = 0.0, augment: Augment | None = None, mix: Mix | None = None) -> None:
        self.label_smoothing, self.augment, self.mix = label_smoothing, augment, mix

    def draw(
        self,
        examples: LabeledImages | LabeledSounds,
        *,
        normalize: Normalize,
        rng: np.random.Generator | None = None,
    ) -> tuple[Any, Any]:
        self.check(examples)
        stored = examples.images if isinstance(examples, LabeledImages) else examples.waves
        if self.augment is not None and rng is not None:
            stored = self.augment(stored, rng)
        inputs, targets = normalize(stored), examples.labels
        if self.mix is not None and rng is not None:
            inputs, targets = self.mix(inputs, targets, rng)
        return inputs, targets

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
        check_as_many("Classification", outputs, targets)
        labels = targets if targets.ndim == 1 else targets.argmax(-1)
        return float(np.mean(outputs.argmax(-1) == labels))

    def least_loss(self, dataset: Dataset) -> float:
        """That of a model which says for every example exactly what the smoothed targets say, their entropy."""
        return least_cross_entropy(len(dataset.class_names), self.label_smoothing)

    def pictures(
        self, dataset: Dataset, examples: LabeledImages | LabeledSounds, targets: Any, outputs: ndarray
    ) -> Pictures:
        from minivit import plot

        def predictions() -> Any:
            images = examples.images if isinstance(examples, LabeledImages) else sound_images(examples.waves)
            return plot.predictions(images, examples.labels, softmax_forward(outputs)[0], dataset.class_names)

        def sound_images(waves: ndarray) -> ndarray:
            assert dataset.sr is not None
            return plot.sound_images(waves, dataset.sr)

        return {"predictions": predictions}
