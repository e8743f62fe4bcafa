"""What does the teacher say that is on the image?"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minivit.checked import check_type, checked
from minivit.data.dataset import Dataset
from minivit.data.examples import LabeledImages
from minivit.ops.losses import CrossEntropyCache, DistillationCache, distillation_backward, distillation_forward
from minivit.tasks.classification import Classification
from minivit.tasks.task import Augment, Normalize, Pictures, Task
from minivit.types import Float, Scalar, Share, Temperature, ndarray


class Taught(NamedTuple):
    """Targets of :class:`Distillation`: the true classes, and the logits of the teacher for the very same inputs."""

    labels: ndarray
    teacher: Float[ndarray, "B classes"]


class DistillationTaskCache(NamedTuple):
    """Caches of the two losses."""

    labels: CrossEntropyCache
    teacher: DistillationCache


class Distillation(Task):
    r"""Learn from the labels and from a teacher: a mean over images of both losses; the score is that of the labels.

    .. math:: L = (1 - \alpha)\, \mathrm{CE}(z, y) + \alpha\, \tau^2\, \mathrm{KL}(p_\text{teacher} \,\|\, p)

    The teacher sees what the model sees: the same crops of the same images.

    Parameters
    ----------
    teacher : function of inputs
        Returns logits (B, classes) of any precision: ``functools.partial(minivit.train.predict, model)``.
    alpha : float
        Weight of the teacher, 0 to 1.
    temperature : float
        The tau of :func:`minivit.ops.distillation_forward`.
    label_smoothing, augment
        As for :class:`Classification`.

    References
    ----------
    Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network", section 2.
    """

    kind = LabeledImages
    loss_name = "cross-entropy and divergence (nats)"
    score_name = "accuracy"

    @checked
    def __init__(
        self,
        teacher: Callable[[Any], ndarray],
        *,
        alpha: Share = 0.5,
        temperature: Temperature = 1.0,
        label_smoothing: Share = 0.0,
        augment: Augment | None = None,
    ) -> None:
        self.labels = Classification(label_smoothing=label_smoothing, augment=augment)
        self.teacher, self.alpha, self.temperature = teacher, alpha, temperature

    def draw(
        self, examples: LabeledImages, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[Any, Taught]:
        inputs, labels = self.labels.draw(examples, normalize=normalize, rng=rng)
        answers = self.teacher(inputs)
        check_type("what the teacher says", answers, ndarray)
        return inputs, Taught(labels, answers)

    def model_options(self, dataset: Dataset) -> dict[str, Any]:
        return self.labels.model_options(dataset)

    def over(self, targets: Taught) -> int:
        return self.labels.over(targets.labels)

    def forward(self, outputs: Float[ndarray, "B classes"], targets: Taught) -> tuple[Scalar, DistillationTaskCache]:
        labels, c_labels = self.labels.forward(outputs, targets.labels)
        said = targets.teacher.astype(outputs.dtype, copy=False)
        teacher, c_teacher = distillation_forward(outputs, said, temperature=self.temperature)
        return (1 - self.alpha) * labels + self.alpha * teacher, DistillationTaskCache(c_labels, c_teacher)

    def backward(self, dloss: Scalar, cache: DistillationTaskCache) -> Float[ndarray, "B classes"]:
        dlogits = self.labels.backward(dloss * (1 - self.alpha), cache.labels)
        (dlogits_too,) = distillation_backward(dloss * self.alpha, cache.teacher)
        return dlogits + dlogits_too

    def score(self, outputs: Float[ndarray, "B classes"], targets: Taught) -> float:
        return self.labels.score(outputs, targets.labels)

    def pictures(self, dataset: Dataset, examples: LabeledImages, targets: Taught, outputs: ndarray) -> Pictures:
        return self.labels.pictures(dataset, examples, targets.labels, outputs)
