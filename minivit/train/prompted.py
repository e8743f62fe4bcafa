"""What is meant by clicks and a box on a picture in a file, by the model of a run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minivit.data.image_file import fit_image, read_image
from minivit.layers.prompts import BOTTOM_RIGHT, NEGATIVE, POSITIVE, TOP_LEFT, check_areas, inside, must_be_inside
from minivit.tasks.prompt import Prompt, best_masks, grown
from minivit.train.step import predict
from minivit.train.trained_on import load_of_images
from minivit.types import Bool, Float, Int, UInt8, ndarray


class Answer(NamedTuple):
    """The picture as the model sees it, the mask on it, its IoU as the model says it, and the prompt, in its pixels."""

    image: UInt8[ndarray, "Y X C"]
    mask: Bool[ndarray, "Y X"]
    iou: float
    points: Float[ndarray, "N 2"]
    labels: Int[ndarray, "N"]
    box: Float[ndarray, "4"] | None


def masks_of(run_or_file: str | Path) -> Callable[..., Answer]:
    """What answers clicks and boxes on pictures.

    Parameters
    ----------
    run_or_file : str or Path
        Folder of a run, or its checkpoint.

    Returns
    -------
    of_file : function (file, clicks, beside, box)
        Of a picture, with points (x, y) on an object, points beside it, and (x0, y0, x1, y1) around it, in pixels of
        the picture, (0, 0) in the middle of the first one. The picture is cut and resized to what the model knows.

    Raises
    ------
    FileNotFoundError, OSError
        If a file is missing or cannot be read.
    ValueError
        If the model was not trained for prompts, something is damaged, there is no prompt, or it is not on what is left
        of the picture.
    """
    path, model, _, kind = load_of_images(run_or_file, Prompt, "to make masks of what is clicked on")

    def of_file(
        file: str | Path,
        clicks: Sequence[Sequence[float]] = (),
        beside: Sequence[Sequence[float]] = (),
        box: Sequence[float] | None = None,
    ) -> Answer:
        if not clicks and box is None:
            raise ValueError("there is nothing that says which object is meant: expected a click on it, or a box")
        picture = read_image(file, channels=len(kind.mean))
        image = fit_image(picture, kind.img_size)
        places = np.array([*clicks, *beside, *(() if box is None else (box[:2], box[2:]))], np.float32)
        count, corners = len(clicks) + len(beside), [TOP_LEFT, BOTTOM_RIGHT] * (box is not None)
        kinds = np.array([POSITIVE] * len(clicks) + [NEGATIVE] * len(beside) + corners, np.intp)
        must_be_inside(places, kinds, picture.shape[:2])
        if box is not None:  # in the numbers that were given, and not in those of the small image
            check_areas(np.asarray(box))
        seen = _seen(places, kinds, picture.shape[:2], kind.img_size)
        points, labels = seen[:count], kinds[:count]
        corners = seen[count:].reshape(1, -1, 4)  # of one box, or of none
        prompts = points[None, None], labels[None, None], corners, np.zeros((1, 0, 1, 1), np.float32)
        outputs = predict(model, (kind.normalize(image[None]), *prompts), threads=1)
        several = np.array([count + (box is not None) > 1])
        logits = grown(best_masks(outputs, several), kind.img_size)[0, 0]
        scores = outputs.iou_scores[0, 0]
        iou = float(scores[0] if several[0] else scores[1:].max())
        if not np.isfinite(logits).all() or not np.isfinite(iou):
            raise ValueError(f"{path} gives no mask for {file}: its numbers are too large, or not finite")
        return Answer(image, logits > 0, iou, points, labels, None if box is None else corners[0, 0])

    return of_file


def _seen(
    places: Float[ndarray, "N 2"], kinds: Int[ndarray, "N"], theirs: tuple[int, ...], ours: tuple[int, int]
) -> Float[ndarray, "N 2"]:
    """Where places (x, y) of a picture lie in what :func:`minivit.data.image_file.fit_image` makes of it.

    Raises
    ------
    ValueError
        If one lies where that cuts the picture off.
    """
    (Y, X), (rows, columns) = theirs, ours
    if ours == (Y, X):
        return places
    scale = max(rows / Y, columns / X)
    middle, ours_middle = np.array([X, Y], np.float32) / 2, np.array([columns, rows], np.float32) / 2
    seen = ((places + 0.5 - middle) * scale + ours_middle - 0.5).astype(np.float32)
    there = inside(seen, kinds, ours)
    if not there.all():
        x, y = places[~there][0].tolist()
        sees = f"of an image {X} wide and {Y} high the middle, as wide to high as {columns} to {rows}"
        raise ValueError(f"{x:g},{y:g} is not on what the model sees: {sees}")
    return seen
