"""A data set of one's own: a folder of image files, one subfolder per class, or of images that have none."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from unicodedata import normalize

import numpy as np

from minivit.checked import check_range, checked
from minivit.data.dataset import Dataset, channel_statistics
from minivit.data.examples import Images, LabeledImages
from minivit.data.image_file import SUFFIXES, read_image
from minivit.data.paths import folder_path
from minivit.types import Size, UInt8, ndarray, pair

IMAGE_SUFFIXES = tuple(suffix for suffixes in SUFFIXES.values() for suffix in suffixes)
MOST_PIXELS = 2**16
"""Of a side; pictures in JPEG have fewer, too."""

KINDS = ", ".join(f"*{suffix}" for suffix in IMAGE_SUFFIXES)


@checked
def image_folder(folder: str | Path, *, img_size: Size | None = None) -> Dataset:
    """Read ``folder/train/CLASS/*.png`` and ``folder/test/CLASS/*.png``, or ``folder/val/CLASS/*.png``.

    The classes are the subfolders of ``train`` in alphabetical order. Where ``train`` has images and no subfolder,
    nothing is known of them: they are :class:`~minivit.data.examples.Images`, for tasks that need no label. Files are
    read by :func:`~minivit.data.image_file.read_image`, in colour. Hidden files and folders (``.name``) are skipped.
    What else is left out, files that are no images and folders within a class, is said by a warning.

    Parameters
    ----------
    folder : str or Path
    img_size : int or (rows, columns), optional
        The size that all images get; if not given, they must have one size already.

    Raises
    ------
    FileNotFoundError
        If there is no ``train``, or neither ``test`` nor ``val``.
    ValueError
        If a class has no image to train on, is unknown in ``train``, or has the name of another but for capitals; if an
        image cannot be read, or has another size than the first.
    OSError
        If the system does not let a file or folder be read.
    """
    folder = folder_path(folder, "folder")
    if img_size is not None:
        check_range("img_size", max(pair(img_size)), below=MOST_PIXELS)
    train, tests = folder / "train", [path for path in (folder / "test", folder / "val") if path.is_dir()]
    if not train.is_dir():
        raise FileNotFoundError(
            f"{folder} holds no data set: expected the files of CIFAR-10 or CIFAR-100, or train/CLASS/*.png "
            "and test/CLASS/*.png (or val/CLASS/*.png)"
        )
    if not tests:
        raise FileNotFoundError(
            f"{folder} has a folder train, but neither test nor val: move some images of each class to test/CLASS"
        )
    test, *left_out = tests
    of_classes = any(path.is_dir() for path in _visible(train)) or not _images_in(train, [])
    if of_classes:
        train_files, test_files = _files(train, left_out), _files(test, left_out)
        _check_classes(train, train_files, test, test_files)
    else:
        train_files, test_files = ({"image": _images_in(split, left_out)} for split in (train, test))
        if not any(test_files.values()):
            raise ValueError(f"{test} holds no images: expected {test}/{KINDS}, as in {train}")
    if left_out:
        more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        first = left_out[0].relative_to(folder).as_posix()
        where = "CLASS/" if of_classes else ""
        warnings.warn(f"{folder}: left out {first!r}{more}; images are {where}{KINDS}", stacklevel=3)

    places = {name: label for label, name in enumerate(train_files)}
    found = [(path, places[name]) for files in (train_files, test_files) for name in files for path in files[name]]
    images = _read_images([path for path, _ in found], img_size)
    labels = np.array([label for _, label in found], np.int64)
    n = sum(map(len, train_files.values()))
    train_images, test_images = (
        LabeledImages(images[part], labels[part]) if of_classes else Images(images[part])
        for part in (slice(n), slice(n, None))
    )
    names, statistics = tuple(train_files), channel_statistics(images[:n])
    return Dataset(folder.resolve().name, train_images, test_images, names, *statistics)


def _files(split: Path, left_out: list[Path]) -> dict[str, list[Path]]:
    """The image files of each class, both in alphabetical order; adds to ``left_out`` what else is there."""
    classes: dict[str, list[Path]] = {}
    known: dict[str, Path] = {}
    for folder in _visible(split):
        if not folder.is_dir():
            left_out.append(folder)
            continue
        # macOS writes the same name with other characters: an umlaut as a letter and its dots
        name = normalize("NFC", folder.name)
        if (twin := known.setdefault(name.casefold(), folder)) != folder:
            raise ValueError(f"{twin} and {folder} have the same name but for capitals; rename one, or move its images")
        classes[name] = _images_in(folder, left_out)
    return dict(sorted(classes.items()))


def _images_in(folder: Path, left_out: list[Path]) -> list[Path]:
    """The image files of a folder; adds to ``left_out`` what else is there."""
    found: list[Path] = []
    for path in _visible(folder):
        is_image = path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()
        (found if is_image else left_out).append(path)
    return found


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))


def _check_classes(
    train: Path, train_files: dict[str, list[Path]], test: Path, test_files: dict[str, list[Path]]
) -> None:
    if not train_files:
        raise ValueError(f"{train} has no images: expected {train}/CLASS/{KINDS}, or {train}/{KINDS} without classes")
    if len(train_files) == 1:
        raise ValueError(f"{train} has the subfolder {next(iter(train_files))} only: expected one for each class")
    strangers = [name for name in test_files if name not in train_files]
    if strangers:
        raise ValueError(f"{test / strangers[0]} is a class that {train} does not have")
    for split, files in ((train, train_files), (test, test_files)):
        if not any(files.values()):
            raise ValueError(f"{split} holds no images: expected {split}/CLASS/{KINDS}")
    for name, files in train_files.items():
        if not files:
            raise ValueError(f"{train / name} holds no images: expected {KINDS}")


def _read_images(paths: Sequence[Path], size: Size | None) -> UInt8[ndarray, "N Y X 3"]:
    rows, columns = read_image(paths[0]).shape[:2] if size is None else pair(size)
    images = np.empty((len(paths), rows, columns, 3), np.uint8)  # first of all: what has no room is said at once
    for i, path in enumerate(paths):
        image = read_image(path, size=size)
        if image.shape != images.shape[1:]:
            raise ValueError(
                f"{path} is {image.shape[1]} x {image.shape[0]} pixels but {paths[0]} is {columns} x {rows}: "
                "all images must have one size; img_size (--img-size) gives them one"
            )
        images[i] = image
    return images
