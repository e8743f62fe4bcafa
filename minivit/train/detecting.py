"""What is where on a picture in a file, by the model of a run."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range
from minivit.data.image_file import read_image
from minivit.ops.average_precision import Found
from minivit.tasks.detect import Detect, detected
from minivit.train.step import predict
from minivit.train.trained_on import load_of_images
from minivit.types import UInt8, ndarray


class Seen(NamedTuple):
    """The picture as the model sees it, and what it finds there: boxes in its pixels, best first."""

    image: UInt8[ndarray, "Y X C"]
    found: Found
    class_names: tuple[str, ...]


def detector(run_or_file: str | Path, *, threshold: float = 0.5) -> Callable[[str | Path], Seen]:
    """What finds objects on pictures, of the model of a run.

    Parameters
    ----------
    run_or_file : str or Path
        Folder of a run, or its checkpoint.
    threshold : float
        Only boxes with at least this score are told of.

    Returns
    -------
    of_file : function (file)
        The picture is cut and resized to what the model knows.

    Raises
    ------
    FileNotFoundError, OSError
        If a file is missing or cannot be read.
    ValueError
        If the model was not trained to detect, something is damaged, or ``threshold`` is not between 0 and 1.
    """
    check_range("threshold", threshold, at_least=0, at_most=1)
    path, model, class_names, kind = load_of_images(run_or_file, Detect, "to detect objects")
    Y, X = kind.img_size

    def of_file(file: str | Path) -> Seen:
        image = read_image(file, size=kind.img_size, channels=len(kind.mean))
        outputs = predict(model, kind.normalize(image[None]), threads=1)
        (found,) = detected(outputs)
        if not (np.isfinite(found.scores).all() and np.isfinite(found.shapes).all()):
            raise ValueError(f"{path} finds no boxes on {file}: its numbers are too large, or not finite")
        order = np.argsort(-found.scores, kind="stable")
        order = order[found.scores[order] >= threshold]
        boxes = found.shapes[order] * np.array((X, Y, X, Y), found.shapes.dtype)
        return Seen(image, Found(found.scores[order], found.labels[order], boxes), class_names)

    return of_file
