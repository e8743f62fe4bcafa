"""Prompts as a model gets them: points and boxes become one list of labelled points, and what cannot be is refused."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, check_type, first_wrong
from minivit.types import Bool, Float, Int, ndarray

NOTHING, PADDING, NEGATIVE, POSITIVE, TOP_LEFT, BOTTOM_RIGHT = -10, -1, 0, 1, 2, 3
"""The label of a point that is to be ignored as transformers do it, the official one of a point that is none, those of
clicks beside and on the object, and those of the corners of a box."""


class Prompts(NamedTuple):
    """P prompts for each image: N labelled points in each, and masks to begin with."""

    points: Float[ndarray, "B P N 2"]
    labels: Int[ndarray, "B P N"]
    masks: Float[ndarray, "B M Y X"] | None
    """M is P, or 1: the same for all prompts."""


def joined_prompts(
    B: int,
    points: ndarray | None,
    labels: ndarray | None,
    boxes: ndarray | None,
    masks: ndarray | None,
    *,
    img_size: tuple[int, int],
    mask_size: tuple[int, int],
    dtype: np.dtype,
) -> Prompts:
    """Points, then the corners of a box, or where there is no box a point that is none, as in the official code.

    Arrays without a prompt or a point in them stand for none.

    Raises
    ------
    ValueError, TypeError
        If there are not as many of each, their shapes are others, a label is unknown, a point or a box lies outside the
        image, or a box has no area.
    """
    for name, prompts in {"points": points, "labels": labels, "boxes": boxes, "masks": masks}.items():
        check_type(name, prompts, ndarray | None)
    points, boxes, masks = (None if it is None or 0 in it.shape[1:] else it for it in (points, boxes, masks))
    if points is None and labels is not None and 0 not in labels.shape[1:]:
        raise ValueError(f"labels have shape {labels.shape}, and there are no points; expected a point for each")
    counts = {
        name: it.shape[1] for name, it in (("points", points), ("boxes", boxes)) if it is not None and it.ndim > 1
    }
    if len({*counts.values()}) > 1:
        raise ValueError(
            f"there are points for {counts['points']} prompts and {counts['boxes']} boxes; expected as many"
        )
    given = 1 if masks is None or masks.ndim < 2 else masks.shape[1]
    P = next(iter(counts.values()), given)
    parts: list[tuple[ndarray, ndarray]] = []
    if points is not None:
        N = points.shape[2] if points.ndim == 4 else "points"
        _check_numbers("points", points, (B, P, N, 2))
        labels = np.ones_like(points[..., 0], dtype=np.intp) if labels is None else labels
        check_shape("labels", labels, points.shape[:3])
        _check_labels(labels)
        labels = labels.astype(np.intp)  # those without a sign have no -1
        must_be_inside(points, labels, img_size)
        points = np.where((labels < NEGATIVE)[..., None], 0, points)  # a point that is none may be anything, nan, too
        parts.append((points, labels))
        if boxes is None:
            parts.append((np.zeros_like(points[:, :, :1]), np.full_like(labels[:, :, :1], PADDING)))
    if boxes is not None:
        _check_numbers("boxes", boxes, (B, P, 4))
        corners = boxes.reshape(B, P, 2, 2)
        kinds = np.zeros_like(corners[..., 0], dtype=np.intp) + np.array([TOP_LEFT, BOTTOM_RIGHT])
        must_be_inside(corners, kinds, img_size)
        check_areas(boxes)
        parts.append((corners, kinds))
    if masks is not None:
        _check_numbers("masks", masks, (B, P if masks.ndim < 2 or masks.shape[1] != 1 else 1, *mask_size))
        masks = _in(dtype, masks)
    if not parts:
        return Prompts(np.zeros((B, P, 0, 2), dtype), np.zeros((B, P, 0), np.intp), masks)
    joined = np.concatenate([_in(dtype, part) for part, _ in parts], axis=2)
    return Prompts(joined, np.concatenate([part.astype(np.intp, copy=False) for _, part in parts], axis=2), masks)


def _in(dtype: np.dtype, array: ndarray) -> ndarray:
    """In the precision of the model; what is complex, for the complex step, stays so."""
    return array if np.iscomplexobj(array) else array.astype(dtype, copy=False)


def _check_numbers(name: str, array: ndarray, expected: tuple[int | str, ...]) -> None:
    """See that these are real numbers, of this shape; a word in it stands for any number."""
    if array.dtype.kind not in "iufc":
        raise TypeError(f"{name} have dtype {array.dtype}; expected numbers")
    lengths = zip(array.shape, expected, strict=False)
    if array.ndim != len(expected) or not all(isinstance(wanted, str) or n == wanted for n, wanted in lengths):
        raise ValueError(f"{name} have shape {array.shape}; expected ({', '.join(map(str, expected))})")


def _check_labels(labels: ndarray) -> None:
    if labels.dtype.kind not in "iu":
        raise TypeError(f"labels have dtype {labels.dtype}; expected integers")
    known = ((labels >= PADDING) & (labels <= BOTTOM_RIGHT)) | (labels == NOTHING)
    if not known.all():
        raise ValueError(
            f"a label is {labels[~known].flat[0]}; expected 1 on the object, 0 beside it, -1 for no point, "
            "2 and 3 for the corners of a box, or -10"
        )


def inside(points: ndarray, labels: Int[ndarray, "*N"], size: tuple[int, int]) -> Bool[ndarray, "*N"]:
    """Which points (x, y) are on an image of so many rows and columns; (0, 0) is the middle of its first pixel.

    A click is on a pixel, half a pixel from its middle at most; a box ends behind the last one. A point that is none is
    everywhere.
    """
    Y, X = size
    x, y = np.real(points[..., 0]), np.real(points[..., 1])
    edge = np.where(labels < TOP_LEFT, 0.5, 0)
    return (x >= -0.5) & (x <= X - edge) & (y >= -0.5) & (y <= Y - edge) | (labels < NEGATIVE)


def must_be_inside(points: ndarray, labels: Int[ndarray, "*N"], size: tuple[int, int]) -> None:
    """ValueError for the first point that is not :func:`inside`."""
    there = inside(points, labels, size)
    if not there.all():
        what = "point" if labels[~there][0] < TOP_LEFT else "corner of a box"
        x, y = np.real(points[~there][0]).tolist()
        raise ValueError(
            f"a {what} is at x, y = {x:g}, {y:g}, outside the image, {size[1]} wide and {size[0]} high; 0, 0 is in the "
            f"middle of its first pixel, and {size[1] - 1}, {size[0] - 1} in that of the last one"
        )


def check_areas(boxes: ndarray) -> None:
    """ValueError for the first box that is nothing, or the wrong way round."""
    wide = (np.real(boxes[..., 2:]) > np.real(boxes[..., :2])).all(-1)  # unsigned numbers have no difference below 0
    if not wide.all():
        raise ValueError(
            f"a box is {first_wrong(boxes, wide)}, without area; expected x0, y0, x1, y1 with x0 < x1 and y0 < y1"
        )
