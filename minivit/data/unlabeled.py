"""Images without labels: a folder of them, or those of a data set whose labels are withheld."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from minivit.checked import check_range, check_type, plain
from minivit.data.dataset import Dataset
from minivit.data.examples import UNLABELED, LabeledImages, TaughtImages
from minivit.data.folder import IMAGE_SUFFIXES, KINDS
from minivit.data.image_file import read_image
from minivit.data.paths import folder_path
from minivit.types import ndarray


def partly_labeled(
    dataset: Dataset, *, labeled: int | None = None, unlabeled: str | Path | None = None
) -> Dataset[TaughtImages]:
    """The same data set, in which some images to train on have no label. Nothing changes for those to test on.

    Parameters
    ----------
    dataset : Dataset
        Of :class:`LabeledImages`.
    labeled : int, optional
        So many images keep their label: the first of a random order that is always the same, so those of 1,000 are
        among those of 5,000.
    unlabeled : str or Path, optional
        A folder of images, without folders for classes, to train on behind those of the data set. Each is brought to
        their size as :func:`~minivit.data.image_file.read_image` does. What lies there beside images is left out, which
        a warning says; ``mean`` and ``std`` stay those of the data set.

    Raises
    ------
    TypeError
        If the data set is of another kind, or ``labeled`` no whole number.
    ValueError
        If it has fewer images than are to keep their label, or the folder holds none or one that cannot be read.
    OSError
        If there is no such folder, or it cannot be read.
    """
    train, test = dataset.train, dataset.test
    if not isinstance(train, LabeledImages) or not isinstance(test, LabeledImages):
        raise TypeError(
            f"labeled and unlabeled are for images that have labels; {dataset.name} has {type(train).__name__}"
        )
    images, labels = train.images, train.labels
    if labeled is not None:
        count: int = plain(labeled)
        check_type("labeled", count, int)
        check_range("labeled", count, at_least=0, at_most=len(train))
        labels = labels.copy()
        labels[np.random.default_rng(0).permutation(len(train))[count:]] = UNLABELED
    if unlabeled is not None:
        _, Y, X, C = images.shape
        more = _images_in(folder_path(unlabeled, "unlabeled"), (Y, X), C)
        images = np.concatenate((images, more))
        labels = np.concatenate((labels, np.full(len(more), UNLABELED)))
    unasked = TaughtImages.unasked
    return replace(dataset, train=unasked(images, labels), test=unasked(test.images, test.labels))


def _images_in(folder: Path, size: tuple[int, int], channels: int) -> ndarray:
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}")
    paths: list[Path] = []
    left_out: list[Path] = []
    for path in sorted(path for path in folder.iterdir() if not path.name.startswith(".")):
        is_image = path.suffix.lower() in IMAGE_SUFFIXES and not path.is_dir()
        (paths if is_image else left_out).append(path)
    if not paths:
        raise ValueError(f"{folder} holds no images: expected {KINDS}, and no folders around them")
    if left_out:
        more = f" and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        warnings.warn(f"{folder}: left out {left_out[0].name!r}{more}; images are {KINDS}", stacklevel=4)
    images = np.empty((len(paths), *size, channels), np.uint8)  # first of all: what has no room is said at once
    for i, path in enumerate(paths):
        images[i] = read_image(path, size=size, channels=channels)
    return images
