"""What every data set looks like, and the one function that loads any of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from unicodedata import category

import numpy as np

from minivit.checked import checked
from minivit.data.paths import folder_path
from minivit.types import Size, UInt8, ndarray

NAMES = ("shapes", "cifar10", "cifar100")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels to train on and to test on.

    Attributes
    ----------
    name : str
    train_images, test_images : uint8 (N, Y, X, C) with C = 1 or 3
        Both of one size; nothing is ever written to them.
    train_labels, test_labels : int64 (N,), 0 <= label < len(class_names)
    class_names : tuple of str
        All different. A list is made a tuple here.
    mean, std : tuple of float
        Of the training images, one number per channel, in units of pixel / 255.

    Raises
    ------
    ValueError, TypeError
        If they do not fit together. What is here may come from a user's own files, so the message is in plain words.
    """

    name: str
    train_images: ndarray
    train_labels: ndarray
    test_images: ndarray
    test_labels: ndarray
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self) -> None:
        names = _class_names(self.class_names)
        _check_split("train", self.train_images, self.train_labels, len(names))
        _check_split("test", self.test_images, self.test_labels, len(names))
        train, test = self.train_images.shape[1:], self.test_images.shape[1:]
        if train != test:
            raise ValueError(f"train images are {_size(train)} but test images are {_size(test)}; they must be alike")
        if not len(self.mean) == len(self.std) == train[2]:
            raise ValueError(
                f"mean and std need one number for each of the {train[2]} channels, "
                f"got {len(self.mean)} and {len(self.std)}"
            )
        mean, std = tuple(map(float, self.mean)), tuple(map(float, self.std))
        if not all(map(isfinite, mean + std)) or min(std) < 0:
            raise ValueError(f"mean is {mean} and std is {std}; expected finite numbers, and none of std below zero")
        # as checkpoints store them, whatever kind of sequence and of number they were
        for field, value in (("class_names", names), ("mean", mean), ("std", std)):
            object.__setattr__(self, field, value)


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


def _check_split(split: str, images: ndarray, labels: ndarray, num_classes: int) -> None:
    for name, array in (("images", images), ("labels", labels)):
        if not isinstance(array, ndarray):
            raise TypeError(f"{split} {name} must be a NumPy array, got {type(array).__name__}")
    if images.dtype != np.uint8:
        raise ValueError(f"{split} images must be uint8, got {images.dtype}")
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(f"{split} images must be (images, rows, columns, 1 or 3 channels), got shape {images.shape}")
    if images.size == 0:
        raise ValueError(f"the {split} split is empty: its images have shape {images.shape}")
    if labels.dtype != np.int64 or labels.ndim != 1:
        raise ValueError(f"{split} labels must be one axis of int64, got {labels.dtype} of shape {labels.shape}")
    if len(images) != len(labels):
        raise ValueError(f"the {split} split has {len(images)} images but {len(labels)} labels")
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if len(wrong):
        raise ValueError(
            f"the {split} split has the label {wrong[0]}; labels must lie in 0..{num_classes - 1}, "
            f"because there are {num_classes} class names"
        )


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
    for start in range(0, len(flat), 256):  # 256 * 255**2 fits in 32 bits, and the chunk in the cache
        chunk = flat[start : start + 256].astype(np.uint32)
        total += chunk.sum(0, dtype=np.uint32)
        squares += (chunk * chunk).sum(0, dtype=np.uint32)
    mean = total.reshape(-1, channels).sum(0) / (flat.size // channels)
    std = np.sqrt(squares.reshape(-1, channels).sum(0) / (flat.size // channels) - mean**2)
    return tuple((mean / 255).tolist()), tuple((std / 255).tolist())


@checked
def load_dataset(
    name_or_folder: str | Path,
    *,
    img_size: Size | None = None,
    data_dir: str | Path | None = None,
    seed: int = 0,
) -> Dataset:
    """Load a data set by its name or from a folder.

    Parameters
    ----------
    name_or_folder : str or Path
        "shapes" (drawn from ``seed``), "cifar10" or "cifar100" (downloaded once), or a folder that holds CIFAR in an
        official layout, or images as :func:`image_folder` reads them.
    img_size : int or (rows, columns), optional
        For a folder of images: the size that all of them get.
    data_dir : str or Path, optional
        Where downloads are kept; the environment variable MINIVIT_DATA, or else the user's cache folder, if not given.
    seed : int

    Raises
    ------
    ValueError
        If it is neither a name nor a folder, or its data cannot be used.
    OSError
        If a file is missing or cannot be read, or the download failed.
    """
    from minivit.data.cifar import cifar10, cifar100, find_layout, read_layout  # here: these import Dataset
    from minivit.data.folder import image_folder
    from minivit.data.shapes import shapes

    layout = None
    if name_or_folder not in NAMES:
        folder = folder_path(name_or_folder, "the data set")
        if not folder.is_dir():
            expected = f"expected {', '.join(NAMES)} or an existing folder"
            raise ValueError(f"unknown data set {str(name_or_folder)!r}: {expected}")
        layout = find_layout(folder)
        if layout is None:
            return image_folder(folder, img_size=img_size)
    if img_size is not None:
        raise ValueError(f"img_size is for folders of images; those of {name_or_folder} have 32 x 32 pixels")
    if layout:
        return read_layout(*layout)
    if name_or_folder == "shapes":
        return shapes(seed=seed)
    return cifar10(data_dir=data_dir) if name_or_folder == "cifar10" else cifar100(data_dir=data_dir)
