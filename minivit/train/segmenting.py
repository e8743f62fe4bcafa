"""What there is at each pixel of a picture in a file, by the model of a run."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minivit.data.image_file import read_image
from minivit.tasks.segment import Segment, classes_of, heads_of
from minivit.train.step import predict
from minivit.train.trained_on import load_of_images
from minivit.types import Int, UInt8, ndarray


class SegmentedFile(NamedTuple):
    """The picture as the model sees it, and of which class each pixel is said to be."""

    image: UInt8[ndarray, "Y X C"]
    classes: Int[ndarray, "Y X"]

    def shares(self, class_names: tuple[str, ...]) -> list[tuple[str, float]]:
        """The classes that are somewhere, and their shares of the picture, the largest first."""
        counts = np.bincount(self.classes.ravel(), minlength=len(class_names)) / self.classes.size
        return [(class_names[c], float(counts[c])) for c in np.argsort(-counts, kind="stable") if counts[c]]


def segmenter(run_or_file: str | Path) -> tuple[Callable[[str | Path], SegmentedFile], tuple[str, ...]]:
    """What says of each pixel of a picture of which class it is, and the names of the classes.

    Parameters
    ----------
    run_or_file : str or Path
        Folder of a run, or its checkpoint.

    Returns
    -------
    of_file : function
        Of a picture, which is cut and resized to what the model knows.
    class_names : tuple of str

    Raises
    ------
    FileNotFoundError, OSError
        If a file is missing or cannot be read.
    ValueError
        If the model was not trained to segment, or something is damaged.
    """
    path, model, class_names, kind = load_of_images(run_or_file, Segment, "to say what is at each pixel")

    def of_file(file: str | Path) -> SegmentedFile:
        image = read_image(file, size=kind.img_size, channels=len(kind.mean))
        logits, *_ = heads_of(predict(model, kind.normalize(image[None]), threads=1))
        if not np.isfinite(logits).all():
            raise ValueError(f"{path} says nothing of {file}: its numbers are too large, or not finite")
        return SegmentedFile(image, classes_of(logits, kind.img_size)[0])

    return of_file, class_names
