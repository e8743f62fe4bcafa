"""What every data set looks like."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Generic, TypeVar
from unicodedata import category

import numpy as np

from minivit.checked import checked
from minivit.data.examples import Examples, Images, Sounds
from minivit.types import UInt8, ndarray

Kind = TypeVar("Kind", bound=Examples)


@dataclass(frozen=True, eq=False)
class Dataset(Generic[Kind]):
    """Examples to train on and to test on, with what is known of them.

    Attributes
    ----------
    name : str
    train, test : LabeledImages, or Examples of another kind
        ``train.images`` is uint8 (N, Y, X, C), or ``train.waves`` int16 (N, T); ``train.labels``, or boxes, or captions
        say what is known of them. All images are of one size, all sounds of one length; nothing is ever written to.
    class_names : tuple of str
        All different: the names of the classes, or the symbols of sequences. A list is made a tuple here.
    mean, std : tuple of float
        Of the training images, one number per channel, in units of pixel / 255; none where there are no images.
    sr : int or None
        Samples in a second, of sounds; None where there are none.

    Raises
    ------
    ValueError, TypeError
        If they do not fit together. What is here may come from a user's own files, so the message is in plain words.
    """

    name: str
    train: Kind
    test: Kind
    class_names: tuple[str, ...]
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    sr: int | None = None

    def __post_init__(self) -> None:
        names = _class_names(self.class_names)
        for split, examples in (("train", self.train), ("test", self.test)):
            if not isinstance(examples, Examples):
                raise TypeError(f"{split} must be Examples, such as LabeledImages, got {type(examples).__name__}")
            examples.check(split, len(names))
        if type(self.train) is not type(self.test):
            raise TypeError(f"train is {type(self.train).__name__} but test is {type(self.test).__name__}")
        channels = 0
        if isinstance(self.train, Images) and isinstance(self.test, Images):
            train, test = self.train.images.shape[1:], self.test.images.shape[1:]
            if train != test:
                raise ValueError(
                    f"train images are {_size(train)} but test images are {_size(test)}; they must be alike"
                )
            channels = train[2]
        self._check_sounds()
        if not len(self.mean) == len(self.std) == channels:
            raise ValueError(
                f"mean and std need one number for each of the {channels} channels, "
                f"got {len(self.mean)} and {len(self.std)}"
            )
        mean, std = tuple(map(float, self.mean)), tuple(map(float, self.std))
        if not all(map(isfinite, mean + std)) or min(std, default=0) < 0:
            raise ValueError(f"mean is {mean} and std is {std}; expected finite numbers, and none of std below zero")
        sr = None if self.sr is None else int(self.sr)
        # as checkpoints store them, whatever kind of sequence and of number they were
        for field, value in (("class_names", names), ("mean", mean), ("std", std), ("sr", sr)):
            object.__setattr__(self, field, value)

    def _check_sounds(self) -> None:
        """Sounds are of one length and have a rate; nothing else has one."""
        if not isinstance(self.train, Sounds) or not isinstance(self.test, Sounds):
            if self.sr is not None:
                raise ValueError(f"sr is {self.sr}, and there are no sounds; expected None")
            return
        train, test = self.train.waves.shape[1], self.test.waves.shape[1]
        if train != test:
            raise ValueError(f"train sounds have {train} samples but test sounds {test}; they must be alike")
        if not isinstance(self.sr, (int, np.integer)) or isinstance(self.sr, bool):
            raise TypeError(f"sr is {self.sr!r:.100}; expected a whole number, the samples in a second")
        if self.sr < 1:
            raise ValueError(f"sr is {self.sr}; expected at least 1 sample in a second")


def _class_names(names: Sequence[str]) -> tuple[str, ...]:
    if isinstance(names, str) or not all(isinstance(name, str) and name for name in names):
        raise TypeError(f"class_names must be strings, and none of them empty; got {names!r:.100}")
    if not len(names):
        raise ValueError("class_names is empty; expected the name of each class")
    for name in names:
        if any(category(letter) in ("Cc", "Cs") for letter in name):  # such as escape, or what is not Unicode
            raise ValueError(f"class_names has {name!a:.100}, with characters that cannot be printed")
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise ValueError(f"class_names has {name!r} {times} times; expected a name of its own for each class")
    return tuple(names)


def _size(shape: tuple[int, ...]) -> str:
    rows, columns, channels = shape
    return f"{rows} x {columns} pixels with {channels} channels"


@checked
def channel_statistics(images: UInt8[ndarray, "N Y X C"]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, in units of pixel / 255.

    Raises
    ------
    ValueError, TypeError
        If there are no pixels, or they are not uint8.
    """
    if len(images) == 0:
        raise ValueError("there are no images; expected at least one")
    channels = images.shape[-1]
    flat = images.reshape(len(images), -1)
    total, squares = np.zeros((2, flat.shape[1]), np.int64)
    some = max(1, min(256, 2**22 // max(1, flat.shape[1])))  # 256 * 255**2 fits in 32 bits, and the chunk in the cache
    for start in range(0, len(flat), some):
        chunk = flat[start : start + some].astype(np.uint32)
        total += chunk.sum(0, dtype=np.uint32)
        squares += (chunk * chunk).sum(0, dtype=np.uint32)
    mean = total.reshape(-1, channels).sum(0) / (flat.size // channels)
    std = np.sqrt(squares.reshape(-1, channels).sum(0) / (flat.size // channels) - mean**2)
    return tuple((mean / 255).tolist()), tuple((std / 255).tolist())
