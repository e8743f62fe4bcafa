"""What every data set looks like, and the one function that loads any of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from minivit.types import UInt8, ndarray

NAMES = ("shapes", "cifar10", "cifar100")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Images and labels to train on and to test on.

    ``mean`` and ``std`` are those of the training images, one number per channel, in units of pixel / 255.
    An inconsistent data set raises ValueError, in plain words: what is here may come from a user's own files.
    """

    name: str
    train_images: ndarray  # uint8 (N, Y, X, C), C = 1 or 3
    train_labels: ndarray  # int64 (N,), 0 <= label < len(class_names)
    test_images: ndarray
    test_labels: ndarray
    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def __post_init__(self):
        _check_split("train", self.train_images, self.train_labels, len(self.class_names))
        _check_split("test", self.test_images, self.test_labels, len(self.class_names))
        train, test = self.train_images.shape[1:], self.test_images.shape[1:]
        if train != test:
            raise ValueError(f"train images are {_size(train)} but test images are {_size(test)}; they must be alike.")
        if not len(self.mean) == len(self.std) == train[2]:
            raise ValueError(
                f"mean and std need one number for each of the {train[2]} channels, "
                f"got {len(self.mean)} and {len(self.std)}."
            )


def _check_split(split: str, images: ndarray, labels: ndarray, num_classes: int) -> None:
    if images.dtype != np.uint8:
        raise ValueError(f"{split} images must be uint8, got {images.dtype}.")
    if images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(f"{split} images must be (images, rows, columns, 1 or 3 channels), got shape {images.shape}.")
    if images.size == 0:
        raise ValueError(f"the {split} split is empty: its images have shape {images.shape}.")
    if labels.dtype != np.int64 or labels.ndim != 1:
        raise ValueError(f"{split} labels must be one axis of int64, got {labels.dtype} of shape {labels.shape}.")
    if len(images) != len(labels):
        raise ValueError(f"the {split} split has {len(images)} images but {len(labels)} labels.")
    wrong = labels[(labels < 0) | (labels >= num_classes)]
    if len(wrong):
        raise ValueError(f"the {split} split has the label {wrong[0]}; labels must lie in 0..{num_classes - 1}.")


def _size(shape: tuple[int, ...]) -> str:
    rows, columns, channels = shape
    return f"{rows} x {columns} pixels with {channels} channels"


def channel_statistics(images: UInt8[ndarray, "N Y X C"]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the mean and the standard deviation of each channel, in units of pixel / 255."""
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


def load(name_or_folder: str | Path, *, data_dir: str | Path | None = None, seed: int = 0) -> Dataset:
    """Load a data set by its name or from a folder.

    Parameters
    ----------
    name_or_folder : "shapes" (drawn from ``seed``), "cifar10" or "cifar100" (downloaded once), or a folder that holds
        CIFAR in an official layout, or images as ``train/CLASS/*.png`` (or jpg) and the same in ``test`` or ``val``.
    data_dir : where downloads are kept; default: the environment variable MINIVIT_DATA, else the user's cache folder.

    Raises
    ------
    ValueError : neither a name nor a folder, or data that cannot be used.
    FileNotFoundError, OSError : a file is missing, or the download failed.
    """
    from minivit.data.cifar import cifar10, cifar100, find_layout, read_layout  # here: these import Dataset
    from minivit.data.folder import image_folder
    from minivit.data.shapes import shapes

    if name_or_folder == "shapes":
        return shapes(seed=seed)
    if name_or_folder == "cifar10":
        return cifar10(data_dir=data_dir)
    if name_or_folder == "cifar100":
        return cifar100(data_dir=data_dir)
    folder = Path(name_or_folder)
    if not folder.is_dir():
        raise ValueError(f"unknown data set {str(folder)!r}: expected {', '.join(NAMES)} or an existing folder.")
    found = find_layout(folder)
    return read_layout(*found) if found else image_folder(folder)
