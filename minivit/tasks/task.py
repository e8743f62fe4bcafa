"""What all tasks have in common: a batch, a loss as a pair, what it is a mean over, a score, and pictures."""

from collections.abc import Callable, Sized
from reprlib import repr as in_short
from types import UnionType
from typing import Any, ClassVar, Self, get_args

import numpy as np
from numpy import ndarray

from minivit.data.dataset import Dataset
from minivit.data.examples import Examples, Sounds
from minivit.nests import mapped
from minivit.types import Scalar

Normalize = Callable[[ndarray], ndarray]
"""From what is stored, pixels of uint8 or samples of int16, to what a model sees or hears."""

Augment = Callable[[ndarray, np.random.Generator], ndarray]
"""Other pixels, or samples, of the same things: ``functools.partial(random_crop_flip, padding=4)``."""

Pictures = dict[str, Callable[[], Any]]
"""Pictures, as :mod:`minivit.plot` makes them, by the names of their files; each is drawn when it is called."""


class Task:
    """Joins a model to data: what it is shown (:meth:`draw`), and ``loss, cache = forward(outputs, targets)`` with its
    ``doutputs = backward(dloss, cache)``.

    A loss is a mean over something: images, boxes, masked patches; :meth:`over` says how many there are. A batch is
    computed in shards, and each counts for its share of them, so that losses and gradients of the shards add up to
    those of the whole batch, however unevenly the somethings lie in them. A loss of several parts, each a mean over
    something else, is an array with a number for each, as is what :meth:`over` says; their sum is what is trained.
    """

    coupled = False
    """Whether every part of the loss depends on all samples of the batch. The step then computes all outputs first,
    takes the loss of the whole batch, and runs each shard forward again before its backward."""

    mirrors = True
    """Whether a mirror image has the same target, or one that is mirrored with it. A training mirrors no others."""

    kind: type[Examples] | UnionType = Examples
    """What examples this task is about; ``A | B`` for one that takes both."""

    loss_name = "loss"
    """What the loss is, with its unit."""

    score_name = "score"
    """What the score is; 1, or 100 %, is perfect."""

    usual_model: ClassVar[str | None] = None
    """The preset that ``minivit train --task NAME`` trains where no other is named; None: it is not asked for so."""

    usual_data: ClassVar[str] = "shapes"
    """The data set that it then trains it on, where no other is named."""

    @classmethod
    def of(cls, model: Any, **options: Any) -> Self:
        """The task for a model that was chosen for it. ValueError for a model that can do no such thing."""
        if type(model).usual_task != cls.__name__:
            theirs, instead = type(model).usual_task, f"; {cls.usual_model} would be" if cls.usual_model else ""
            raise ValueError(f"{type(model).__name__} is trained for {theirs}, not for {cls.__name__}{instead}")
        return cls(**model.task_options(), **options)

    def draw(self, examples: Any, *, normalize: Normalize, rng: np.random.Generator | None = None) -> tuple[Any, Any]:
        """Inputs of the model and targets of the loss for some examples.

        Parameters
        ----------
        examples : minivit.data.Examples
            Of the kind that this task is about.
        normalize : function
            What to do to pixels or samples before a model gets them.
        rng : numpy.random.Generator, optional
            For what is random in training: augmentation, masks. Without it the examples are drawn for a test: the same
            each time.
        """
        raise NotImplementedError

    def check(self, examples: Any) -> None:
        """TypeError for examples of another kind."""
        if not isinstance(examples, self.kind):
            kinds = " or ".join(kind.__name__ for kind in get_args(self.kind | None)[:-1])  # of one, or of a union
            such = "" if self.usual_data == Task.usual_data else f" (such as those of the data set {self.usual_data})"
            theirs = type(examples).__name__
            raise TypeError(f"{type(self).__name__} is about {kinds}{such}; these examples are {theirs}")

    def recast(self, dataset: Dataset) -> Dataset:
        """The data set with its examples as this task is about them; by default, as they are."""
        return dataset

    def model_options(self, dataset: Dataset) -> dict[str, Any]:
        """Options that a model needs for this task on this data set; ``img_size`` and ``length`` if it has them."""
        if isinstance(dataset.train, Sounds):
            return {"sr": dataset.sr, "length": dataset.train.waves.shape[1]}
        _, Y, X, C = dataset.train.images.shape
        return {"img_size": (Y, X), "in_chans": C}

    def begin(self, model: Any, dataset: Dataset) -> None:
        """What a new model gets from the data set before its training; by default, nothing."""

    def prepared(self, dataset: Dataset, *, normalize: Normalize) -> Dataset:
        """The data set with what is computed once for all of a training; by default, as it is."""
        return dataset

    def over(self, targets: Any) -> int | ndarray:
        """How many the loss of samples with these targets is a mean over; by default, the samples."""
        return number_of(targets)

    def forward(self, outputs: Any, targets: Any) -> tuple[Scalar, Any]:
        """The loss of samples that have something to take a mean over, and the cache for :meth:`backward`. A part of
        it that has nothing is 0.
        """
        raise NotImplementedError

    def backward(self, dloss: Scalar, cache: Any) -> Any:
        """Gradient of the outputs: an array, or a nest of arrays if these are one."""
        raise NotImplementedError

    def finished(self, model: Any) -> Any:
        """The model as it is kept and asked, where it is trained in another form; by default, as it is."""
        return model

    def score(self, outputs: Any, targets: Any) -> float:
        """How good the outputs are; 1 is perfect."""
        raise NotImplementedError

    def least_loss(self, dataset: Dataset) -> float:
        """A loss that no model can be below on this data set, which need not be reached; by default, 0."""
        return 0.0

    def pictures(self, dataset: Dataset, examples: Any, targets: Any, outputs: Any) -> Pictures:
        """What to draw of the model's outputs for some examples of the data set; by default, nothing."""
        return {}


# Inputs, targets and outputs are arrays or lists with an entry for each sample, or tuples and dicts of such.
STRUCTURES = (tuple, dict)


def number_of(nest: Any) -> int:
    """How many samples there are: as many in every part of the nest."""
    if isinstance(nest, STRUCTURES):
        numbers = [number_of(part) for part in (nest.values() if isinstance(nest, dict) else nest)]
        if len(set(numbers)) != 1:
            raise ValueError(f"the parts of a batch have {numbers} entries; expected as many in each")
        return numbers[0]
    if not isinstance(nest, Sized) or getattr(nest, "ndim", 1) == 0:
        raise TypeError(f"a batch has {in_short(nest)}; expected an array or a list with an entry for each sample")
    return len(nest)


def check_as_many(task: str, outputs: Any, targets: Any) -> None:
    """ValueError if there are not as many of both: some would be left out, or count for others."""
    ours, theirs = number_of(outputs), number_of(targets)
    if ours != theirs:
        raise ValueError(f"{task}: there are {ours} outputs and {theirs} targets; expected as many")


def part_of(nest: Any, shard: slice) -> Any:
    """The same of some samples only."""
    return mapped(lambda entries: entries[shard], nest, nests=STRUCTURES)


def joined(parts: list[Any]) -> Any:
    """The outputs of all shards as those of the whole batch: the inverse of :func:`part_of`, for arrays."""
    return mapped(lambda *arrays: np.concatenate(arrays), *parts, nests=STRUCTURES)
