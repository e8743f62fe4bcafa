"""What does the teacher say that is on the image?"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from minivit.checked import check_shape, check_type, checked
from minivit.data.dataset import Dataset
from minivit.data.examples import LabeledImages, TaughtImages
from minivit.ops.distillation import (
    DistillationCache,
    distillation_backward,
    distillation_forward,
    label_weights,
    smoothed,
)
from minivit.ops.losses import CrossEntropyCache, cross_entropy_backward, cross_entropy_forward, one_hot
from minivit.tasks.classification import Classification, Mix
from minivit.tasks.task import Augment, Normalize, Pictures, Task
from minivit.types import Float, Scalar, Share, Temperature, ndarray

CHUNK = 1024
"""Images that a teacher is shown at a time, to answer for all of them."""

MOST_ANSWERS = 2**28
"""Bytes of the answers that are kept of the images to train on, and of those to test on."""


class Taught(NamedTuple):
    """Targets of :class:`Distillation`: the true classes, the logits of the teacher for the very same inputs, and how
    much each label counts: 0 where there is none, so much elsewhere that the labels of the batch make a mean.
    """

    labels: ndarray
    teacher: Float[ndarray, "B classes"]
    weights: Float[ndarray, " B"]


class DistillationTaskCache(NamedTuple):
    """Caches of the two losses."""

    labels: CrossEntropyCache
    teacher: DistillationCache | CrossEntropyCache


class Distillation(Task):
    r"""Learn from the labels and from a teacher; the score is that of the labels.

    .. math:: L = (1 - \alpha)\, \mathrm{CE}(z, y) + \alpha\, \tau^2\, \mathrm{KL}(p_\text{teacher} \,\|\, p)
              \quad\text{or, hard,}\quad
              (1 - \alpha)\, \mathrm{CE}(z, y) + \alpha\, \mathrm{CE}(z, \operatorname{argmax}_c z^\text{teacher}_c)

    The second part is a mean over all images of the batch, the first a mean over those that have a label
    (:class:`minivit.data.TaughtImages`; in a batch without any it is 0). An image without a label has no say in the
    first part, and is not counted there. The logits z of the cross-entropy are never softened.

    The teacher sees what the model sees: the same crops of the same images. Where no augmentation changes them, a
    training asks it once for each image (:meth:`prepared`), and so it does for the images to test on.

    Parameters
    ----------
    teacher : function of inputs
        Returns logits (B, classes) of any precision: ``functools.partial(minivit.train.predict, model)``.
    method : "soft" or "hard"
        Learn the probabilities of the teacher, or the class that it holds for likeliest.
    token : bool
        For a model with a distillation token, whose class head learns the labels and whose other head learns from the
        teacher (DeiT): outputs are (B, 2, classes). The score is that of their mean; :meth:`scores` has each.
    alpha : float
        Weight of the teacher, 0 to 1, as in DeiT's code and, called lambda, in its paper. (Slides on DeiT that write
        :math:`\alpha L_\text{base} + (1 - \alpha) L_\text{dist}` weigh the labels by it; and their soft loss for the
        token has no temperature, which is ``temperature=1.0``.)
    temperature, reverse, per_class
        Of the soft method: those of :func:`minivit.ops.distillation_forward`.
    label_smoothing : float
        Of the labels.
    teacher_smoothing : float
        Of the teacher's classes, in the hard method. DeiT leaves them as they are.
    smooth_others : bool
        Smooth as slides on DeiT do, the true class keeps 1 - smoothing: see :func:`minivit.ops.smoothed`.
    augment, mix
        As for :class:`Classification`; what is mixed, the teacher sees so, too.

    Notes
    -----
    The loss of DeiT's code is ``per_class=True``; that of the paper, and of slides, is ``reverse=True``, with
    ``smooth_others=True`` where there is smoothing. For the six logits below, alpha 0.4 and temperature 3:

    >>> import numpy as np
    >>> from minivit.tasks import Distillation
    >>> from minivit.tasks.distillation import Taught
    >>> logits, said = np.array([[1.0, 0, 2], [3, 1, 0]]), np.array([[0.0, 0, 4], [1, 2, 0]])
    >>> def loss(**options):
    ...     task = Distillation(lambda images: said, alpha=0.4, temperature=3.0, label_smoothing=0.1, **options)
    ...     return round(float(task.forward(logits, Taught(np.array([0, 1]), said, np.ones(2)))[0]), 4)
    >>> loss(), loss(per_class=True), loss(reverse=True, smooth_others=True)
    (1.4043, 1.1769, 1.4117)

    References
    ----------
    Hinton, Vinyals and Dean 2015, "Distilling the Knowledge in a Neural Network", section 2; Touvron et al. 2021,
    "Training data-efficient image transformers & distillation through attention", section 4, and ``losses.py`` of its
    code (github.com/facebookresearch/deit, commit 7e160fe).
    """

    kind = LabeledImages | TaughtImages
    loss_name = "loss of labels and teacher (nats)"
    score_name = "accuracy"

    @checked
    def __init__(
        self,
        teacher: Callable[[Any], ndarray],
        *,
        method: str = "soft",
        token: bool = False,
        alpha: Share = 0.5,
        temperature: Temperature = 1.0,
        reverse: bool = False,
        per_class: bool = False,
        label_smoothing: Share = 0.0,
        teacher_smoothing: Share = 0.0,
        smooth_others: bool = False,
        augment: Augment | None = None,
        mix: Mix | None = None,
    ) -> None:
        if method not in ("soft", "hard"):
            raise ValueError(f'method is {method!r}; expected "soft" or "hard"')
        if method == "hard" and (temperature != 1 or reverse or per_class):
            raise ValueError("temperature, reverse and per_class are about probabilities: they need method='soft'")
        if method == "soft" and teacher_smoothing:
            raise ValueError("teacher_smoothing is about the teacher's classes: it needs method='hard'")
        if smooth_others and not (label_smoothing or teacher_smoothing):
            raise ValueError("smooth_others says how to smooth: it needs label_smoothing or teacher_smoothing")
        self.labels = Classification(label_smoothing=label_smoothing, augment=augment, mix=mix)
        self.teacher, self.method, self.token, self.alpha = teacher, method, token, alpha
        self.temperature, self.reverse, self.per_class = temperature, reverse, per_class
        self.teacher_smoothing, self.smooth_others = teacher_smoothing, smooth_others

    def draw(
        self,
        examples: LabeledImages | TaughtImages,
        *,
        normalize: Normalize,
        rng: np.random.Generator | None = None,
    ) -> tuple[Any, Taught]:
        self.check(examples)
        labeled = LabeledImages(examples.images, examples.labels)
        inputs, labels = self.labels.draw(labeled, normalize=normalize, rng=rng)
        changed = self.changes and rng is not None
        if isinstance(examples, TaughtImages) and examples.answers.shape[1] and not changed:
            answers = examples.answers
        else:
            answers = self.ask(inputs)
        return inputs, Taught(labels, answers, label_weights(labels))

    def model_options(self, dataset: Dataset) -> dict[str, Any]:
        return self.labels.model_options(dataset) | ({"heads_apart": True} if self.token else {})

    def prepared(self, dataset: Dataset, *, normalize: Normalize) -> Dataset:
        """The data set with the teacher's answers beside it, each given once.

        Those to images that are augmented are not kept, and none if all of them take more than ``MOST_ANSWERS`` bytes
        (67 million logits in float32): then the teacher is asked in each step. The images are shown to it in their
        order, so answers have the same bits each time.
        """
        train, test = dataset.train, self.asked(dataset.test, normalize)
        if not self.changes:
            return replace(dataset, train=self.asked(train, normalize), test=test)
        return replace(dataset, train=TaughtImages.unasked(train.images, train.labels), test=test)

    def asked(self, examples: LabeledImages | TaughtImages, normalize: Normalize) -> TaughtImages:
        """The examples with the teacher's answers, if there is room for them."""
        if isinstance(examples, TaughtImages) and examples.answers.shape[1]:
            return examples
        images = examples.images
        first, *later = [images[start : start + CHUNK] for start in range(0, len(images), CHUNK)]
        answers = self.ask(normalize(first))
        if answers.nbytes // len(first) * len(images) > MOST_ANSWERS:
            return TaughtImages.unasked(images, examples.labels)
        answers = np.concatenate([answers, *(self.ask(normalize(chunk)) for chunk in later)])
        return TaughtImages(images, examples.labels, answers)

    @property
    def changes(self) -> bool:
        """Whether images are augmented or mixed in training, so that the teacher sees others each time."""
        return self.labels.augment is not None or self.labels.mix is not None

    def ask(self, inputs: Any) -> ndarray:
        """What the teacher says of these inputs."""
        answers = self.teacher(inputs)
        check_type("what the teacher says", answers, ndarray)
        return answers

    def finished(self, model: Any) -> Any:
        """Of a model with both heads apart, the one whose logits are their mean."""
        return model.with_heads(apart=False) if self.token else model

    def heads(self, outputs: Float[ndarray, "B *heads classes"]) -> tuple[ndarray, ndarray]:
        """The logits that learn the labels, and those that learn from the teacher: the same without the token."""
        if outputs.shape[1:-1] != (2,) * self.token:
            expected = "(B, 2, classes), the logits of two heads" if self.token else "(B, classes)"
            raise ValueError(f"Distillation: outputs have shape {outputs.shape}; expected {expected}")
        return (outputs[:, 0], outputs[:, 1]) if self.token else (outputs, outputs)

    def forward(
        self, outputs: Float[ndarray, "B *heads classes"], targets: Taught
    ) -> tuple[Scalar, DistillationTaskCache]:
        for_labels, for_teacher = self.heads(outputs)
        B, classes = for_labels.shape
        check_shape("what the teacher says", targets.teacher, (B, classes))
        dtype = outputs.dtype

        def smooth(rows: ndarray, smoothing: float) -> ndarray:
            return smoothed(rows.astype(dtype, copy=False), smoothing, others=self.smooth_others)

        labels = targets.labels if targets.labels.ndim == 2 else one_hot(np.maximum(targets.labels, 0), classes)
        truth = smooth(labels, self.labels.label_smoothing) * targets.weights.astype(dtype)[:, None]
        labels_loss, c_labels = cross_entropy_forward(for_labels, truth)
        if self.method == "hard":
            said = smooth(one_hot(targets.teacher.argmax(-1), classes), self.teacher_smoothing)
            teacher_loss, c_teacher = cross_entropy_forward(for_teacher, said)
        else:
            said = targets.teacher.astype(dtype, copy=False)
            options = {"temperature": self.temperature, "reverse": self.reverse, "per_class": self.per_class}
            teacher_loss, c_teacher = distillation_forward(for_teacher, said, **options)
        parts = (1 - self.alpha, labels_loss), (self.alpha, teacher_loss)
        loss = sum(share * part for share, part in parts if share)  # 0 times an infinite loss would be nan
        return loss, DistillationTaskCache(c_labels, c_teacher)

    def backward(self, dloss: Scalar, cache: DistillationTaskCache) -> Float[ndarray, "B *heads classes"]:
        (dfor_labels,) = cross_entropy_backward(dloss * (1 - self.alpha), cache.labels)
        if isinstance(cache.teacher, DistillationCache):
            (dfor_teacher,) = distillation_backward(dloss * self.alpha, cache.teacher)
        else:
            (dfor_teacher,) = cross_entropy_backward(dloss * self.alpha, cache.teacher)
        return np.stack((dfor_labels, dfor_teacher), axis=1) if self.token else dfor_labels + dfor_teacher

    def read_outs(self, outputs: Float[ndarray, "B *heads classes"]) -> dict[str, ndarray]:
        """The logits (B, classes) that may be read, by their names in the table of DeiT's paper.

        Of two heads those of the "class" token, of the "distillation" token, and "both": their mean, as DeiT's code
        has it. (Its paper adds the probabilities.) Of a single head "class" alone.
        """
        for_labels, for_teacher = self.heads(outputs)
        if not self.token:
            return {"class": for_labels}
        return {"class": for_labels, "distillation": for_teacher, "both": outputs.mean(1)}

    def scores(self, outputs: Float[ndarray, "B *heads classes"], targets: Taught) -> dict[str, float]:
        """The accuracy of each read-out, of the images that have a label; nan if none has one."""
        known = targets.weights > 0
        labels = targets.labels[known]
        return {
            name: self.labels.score(logits[known], labels) if known.any() else np.nan
            for name, logits in self.read_outs(outputs).items()
        }

    def score(self, outputs: Float[ndarray, "B *heads classes"], targets: Taught) -> float:
        return self.scores(outputs, targets)["both" if self.token else "class"]

    def pictures(
        self, dataset: Dataset, examples: LabeledImages | TaughtImages, targets: Taught, outputs: ndarray
    ) -> Pictures:
        labeled = LabeledImages(examples.images, examples.labels)
        logits = self.read_outs(outputs)["both" if self.token else "class"]
        return self.labels.pictures(dataset, labeled, targets.labels, logits)
