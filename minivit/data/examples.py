"""Examples to train on or to test on: columns with one entry for each example."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from reprlib import repr as in_short
from typing import Any, Self

import numpy as np

from minivit.checked import first_wrong
from minivit.types import ndarray

Column = ndarray | list
"""An array with a row for each example, or, where rows differ in length, a list with an array or a text for each."""


UNLABELED = -1
"""In place of the number of a class, where nobody has said which."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Some examples. A subclass names the columns, of whatever kind of data: images, sounds, boxes, captions.

    ``len(examples)`` is how many there are; :meth:`take` gives some of them, as examples of the same kind. Nothing else
    is asked of data by those who train on them; a :class:`minivit.tasks.Task` knows what the columns of its own mean.

    >>> import numpy as np
    >>> from minivit.data import LabeledImages
    >>> pets = LabeledImages(images=np.zeros((3, 32, 32, 3), np.uint8), labels=np.array([0, 1, 1]))
    >>> len(pets), pets.take([2, 0]).labels.tolist()
    (3, [1, 0])
    """

    def __len__(self) -> int:
        return len(self.columns()[0][1])

    def take(self, indices: ndarray | Sequence[int] | slice) -> Self:
        """The examples at these places, in this order. Arrays and lists are copied, except of a slice.

        Parameters
        ----------
        indices : whole numbers, or an array of bool with one for each example, or a slice
            A number below zero counts from the end.

        Raises
        ------
        TypeError, ValueError, IndexError
            If they are something else, or a place is not there.
        """
        places = indices if isinstance(indices, slice) else _places(indices, len(self))
        return type(self)(**{name: _taken(column, places) for name, column in self.columns()})

    def columns(self) -> list[tuple[str, Any]]:
        """Every column with its name, in their order."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]

    def check(self, split: str, num_classes: int) -> None:
        """Refuse columns that do not fit each other.

        Parameters
        ----------
        split : str
            What to call them in the message: "train", "test".
        num_classes : int
            Of the data set; labels are below it.

        Raises
        ------
        TypeError, ValueError
            If a column is no array or list, or is empty, or has another length than the first.
        """
        (first, column), *others = self.columns()
        for name, other in self.columns():
            if not isinstance(other, (ndarray, list)):
                raise TypeError(f"{split} {name} must be a NumPy array or a list, got {type(other).__name__}")
        if len(column) == 0:
            raise ValueError(f"the {split} split is empty: it has no {first}")
        for name, other in others:
            if len(other) != len(column):
                raise ValueError(f"the {split} split has {len(column)} {first} but {len(other)} {name}")


def _places(indices: Any, count: int) -> ndarray:
    """Indices as NumPy takes them along the first axis; a tuple would be one place along several axes."""
    places = np.asarray(indices)
    if places.ndim != 1:
        raise ValueError(f"indices have shape {places.shape}; expected one axis: a single example is take([i])")
    if places.dtype != bool and places.size and not np.issubdtype(places.dtype, np.integer):
        raise TypeError(f"indices are {in_short(indices)}; expected whole numbers, or an array of bool")
    if places.dtype == bool and len(places) != count:
        raise IndexError(f"indices are {len(places)} of bool; expected {count}, one for each example")
    return places if places.dtype == bool else places.astype(np.intp, copy=False)


def _taken(column: Column, places: ndarray | slice) -> Column:
    if isinstance(column, ndarray) or isinstance(places, slice):
        return column[places]
    return [column[i] for i in np.arange(len(column))[places]]


def _check_labels(split: str, labels: ndarray, num_classes: int) -> None:
    if labels.dtype != np.int64 or labels.ndim != 1:
        raise ValueError(f"{split} labels must be one axis of int64, got {labels.dtype} of shape {labels.shape}")
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if len(wrong):
        raise ValueError(
            f"the {split} split has the label {wrong[0]}; labels must lie in 0..{num_classes - 1}, "
            f"because there are {num_classes} class names"
        )


@dataclass(frozen=True, eq=False)
class Images(Examples):
    """Images, and nothing that is known of them.

    Attributes
    ----------
    images : uint8 (N, Y, X, C) with C = 1 or 3
    """

    images: ndarray

    def check(self, split: str, num_classes: int) -> None:
        """As :meth:`Examples.check`, and the images must be pixels."""
        if not isinstance(self.images, ndarray):
            raise TypeError(f"{split} images must be a NumPy array, got {type(self.images).__name__}")
        shape = self.images.shape
        if self.images.dtype != np.uint8:
            raise ValueError(f"{split} images must be uint8, got {self.images.dtype}")
        if len(shape) != 4 or shape[3] not in (1, 3):
            raise ValueError(f"{split} images must be (images, rows, columns, 1 or 3 channels), got shape {shape}")
        if self.images.size == 0:
            raise ValueError(f"the {split} split is empty: its images have shape {shape}")
        super().check(split, num_classes)


@dataclass(frozen=True, eq=False)
class LabeledImages(Images):
    """Images of one thing each, and what it is.

    Attributes
    ----------
    images : uint8 (N, Y, X, C)
    labels : int64 (N,), 0 <= label < the number of classes
    """

    labels: ndarray

    def check(self, split: str, num_classes: int) -> None:
        """As :meth:`Images.check`, and the labels must be numbers of classes."""
        if not isinstance(self.labels, ndarray):
            raise TypeError(f"{split} labels must be a NumPy array, got {type(self.labels).__name__}")
        super().check(split, num_classes)
        _check_labels(split, self.labels, num_classes)


@dataclass(frozen=True, eq=False)
class TaughtImages(Images):
    """Images of one thing each: of some it is known what it is, and of all what a teacher says.

    Attributes
    ----------
    images : uint8 (N, Y, X, C)
    labels : int64 (N,)
        -1 where nobody has said what it is; of images to test on, everything is known.
    answers : float (N, classes)
        Logits of the teacher; (N, 0) where it is to be asked for each batch.
    """

    labels: ndarray
    answers: ndarray

    @classmethod
    def unasked(cls, images: ndarray, labels: ndarray) -> Self:
        """Images about which the teacher has not been asked yet."""
        return cls(images, labels, np.empty((len(images), 0), np.float32))

    def check(self, split: str, num_classes: int) -> None:
        """As :meth:`Images.check`; a label may be -1, and answers are logits of all classes, or of none."""
        for name, column in (("labels", self.labels), ("answers", self.answers)):
            if not isinstance(column, ndarray):
                raise TypeError(f"{split} {name} must be a NumPy array, got {type(column).__name__}")
        super().check(split, num_classes)
        known = self.labels != UNLABELED
        _check_labels(split, self.labels[known], num_classes)
        if split == "test" and not known.all():
            raise ValueError(f"the test split has {(~known).sum()} images without a label; expected one for each")
        shape = self.answers.shape
        if self.answers.dtype.kind != "f" or shape[1:] not in ((0,), (num_classes,)):
            raise ValueError(
                f"{split} answers must be floating-point numbers, (images, {num_classes}) or (images, 0), "
                f"got {self.answers.dtype} of shape {shape}"
            )


@dataclass(frozen=True, eq=False)
class Sounds(Examples):
    """Sounds of one length, and nothing that is known of them. Their rate is ``Dataset.sr``.

    Attributes
    ----------
    waves : int16 (N, T)
        Samples as a WAV file has them; 32,768 would be 1.
    """

    waves: ndarray

    def check(self, split: str, num_classes: int) -> None:
        """As :meth:`Examples.check`, and the waves must be samples of 16 bits."""
        if not isinstance(self.waves, ndarray):
            raise TypeError(f"{split} waves must be a NumPy array, got {type(self.waves).__name__}")
        if self.waves.dtype != np.int16:
            raise ValueError(f"{split} waves must be int16, got {self.waves.dtype}")
        if self.waves.ndim != 2:
            raise ValueError(f"{split} waves must be (sounds, samples), got shape {self.waves.shape}")
        if self.waves.size == 0:
            raise ValueError(f"the {split} split is empty: its waves have shape {self.waves.shape}")
        super().check(split, num_classes)


@dataclass(frozen=True, eq=False)
class LabeledSounds(Sounds):
    """Sounds of one thing each, and what it is.

    Attributes
    ----------
    waves : int16 (N, T)
    labels : int64 (N,), 0 <= label < the number of classes
    """

    labels: ndarray

    def check(self, split: str, num_classes: int) -> None:
        """As :meth:`Sounds.check`, and the labels must be numbers of classes."""
        if not isinstance(self.labels, ndarray):
            raise TypeError(f"{split} labels must be a NumPy array, got {type(self.labels).__name__}")
        super().check(split, num_classes)
        _check_labels(split, self.labels, num_classes)


def check_corners(boxes: ndarray, what: str) -> None:
    """ValueError for the first box, x0, y0, x1, y1, that is not finite, or the wrong way round."""
    right = np.isfinite(boxes).all(1) & (boxes[:, 2:] >= boxes[:, :2]).all(1)
    if not right.all():
        raise ValueError(f"{what} is {first_wrong(boxes, right)}; expected x0 <= x1 and y0 <= y1")


@dataclass(frozen=True, eq=False)
class Scenes(Images):
    """Images of several objects, and everything that is true of them: see :class:`minivit.data.scenes.Scene`.

    Attributes
    ----------
    images : uint8 (N, Y, X, 3)
    labels : list of int64 (objects,)
    boxes : list of int64 (objects, 4)
        x0, y0, x1, y1 in pixels.
    masks : list of bool (objects, Y, X)
    captions : list of str
    """

    labels: list[ndarray]
    boxes: list[ndarray]
    masks: list[ndarray]
    captions: list[str]

    def check(self, split: str, num_classes: int) -> None:
        """As :meth:`Images.check`, and every object must have a class, a box and a mask, and every image a caption."""
        super().check(split, num_classes)
        size = self.images.shape[1:3]
        for i, (labels, boxes, masks) in enumerate(zip(self.labels, self.boxes, self.masks, strict=True)):
            if not isinstance(boxes, ndarray) or boxes.shape[1:] != (4,) or boxes.dtype.kind not in "iuf":
                raise ValueError(f"{split} boxes[{i}] is {in_short(boxes)}; expected numbers of shape (objects, 4)")
            if not len(labels) == len(boxes) == len(masks):
                counts = f"{len(labels)} labels, {len(boxes)} boxes and {len(masks)} masks"
                raise ValueError(f"the {split} split has {counts} for image {i}; expected as many")
            for label in np.asarray(labels).tolist():
                if label not in range(num_classes):
                    raise ValueError(
                        f"an object of {split} image {i} has the label {label}; expected 0 to {num_classes - 1}"
                    )
            check_corners(boxes, f"a box of {split} image {i}")
            for mask in masks:
                if not isinstance(mask, ndarray) or mask.dtype != bool:
                    raise ValueError(
                        f"a mask of {split} image {i} is {in_short(mask)}; expected an array of bool, such as mask > 0"
                    )
                if mask.shape != size:
                    raise ValueError(
                        f"a mask of {split} image {i} has shape {mask.shape}; expected {size}, as the image"
                    )
        for i, caption in enumerate(self.captions):
            if not isinstance(caption, str):
                raise ValueError(f"the caption of {split} image {i} is {caption!r}; expected a text")
