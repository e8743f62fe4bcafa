"""Average precision, COCO's measure of detection. It is measured, not learned by, so it has no backward."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.checked import check_range
from minivit.ops.boxes import box_iou_forward
from minivit.types import Bool, Float

COCO_THRESHOLDS = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""IoUs from which on a detection is right: 0.50, 0.55, ..., 0.95."""
RECALLS = np.linspace(0, 1, 101)
"""Where a curve of precision is read."""
AREAS = {
    "all": (0, 1e5**2),
    "small": (0, 32**2),
    "medium": (32**2, 96**2),
    "large": (96**2, 1e5**2),
}
"""In pixels; both ends belong to a range."""

Overlap = Callable[[Any, Any], ndarray]
"""From n detections and m objects to their IoUs (n, m)."""


class Found(NamedTuple):
    """What was found on an image, in any order."""

    scores: Float[ndarray, "n"]
    labels: ndarray
    shapes: ndarray
    """Boxes (n, 4), x0, y0, x1, y1; or masks, bool (n, Y, X)."""


class Truth(NamedTuple):
    """What is on an image."""

    labels: ndarray
    shapes: ndarray


class AveragePrecision(NamedTuple):
    """COCO's twelve numbers, from 0 to 1; nan where no object is of that size."""

    AP: float
    """Mean over classes, thresholds and recalls."""
    AP50: float
    AP75: float
    AP_small: float
    AP_medium: float
    AP_large: float
    AR_1: float
    """Mean over classes and thresholds of the share of objects that are found, with the best detection of an image."""
    AR_10: float
    AR_100: float
    AR_small: float
    AR_medium: float
    AR_large: float


def box_overlap(found: Float[ndarray, "n 4"], true: Float[ndarray, "m 4"]) -> Float[ndarray, "n m"]:
    """IoU of all boxes with all."""
    return box_iou_forward(found.astype(np.float64)[:, None], true.astype(np.float64)[None])[0]


def mask_overlap(found: Bool[ndarray, "n Y X"], true: Bool[ndarray, "m Y X"]) -> Float[ndarray, "n m"]:
    """IoU of all masks with all; 0 of two that are empty."""
    for masks in (found, true):
        if masks.dtype != bool:
            raise TypeError(f"average_precision: masks have dtype {masks.dtype}; expected bool, such as mask > 0")
    a, b = (masks.reshape(len(masks), prod(masks.shape[1:])).astype(np.float64) for masks in (found, true))
    both = a @ b.T
    union = a.sum(1)[:, None] + b.sum(1) - both
    return np.divide(both, union, out=np.zeros_like(both), where=union > 0)


def average_precision(found: Sequence[Found], true: Sequence[Truth]) -> AveragePrecision:
    r"""How well objects of many images were found, as COCO measures it.

    Of each class, detections of all images are taken in the order of their scores. One is right if its IoU with an
    object of its class, which no better one has taken, reaches a threshold; of several, it takes that of the largest
    IoU. After the n-th, the precision is the share of the n that are right, the recall the share of the objects that
    are found.

    .. math:: \text{AP} = \frac{1}{101} \sum_{r \in \{0, 0.01, \ldots, 1\}} \max_{\text{recall} \ge r} \text{precision}

    Parameters
    ----------
    found, true : for each image
        Its detections, and its objects: both have boxes, or both have masks. Of each class, the best 100 detections on
        an image count.

    Raises
    ------
    ValueError
        If there are not as many images, or, on one of them, not as many scores, labels and boxes or masks.
    TypeError
        If masks are not bool, or scores no numbers.

    References
    ----------
    Lin et al. 2014, "Microsoft COCO"; the same numbers as pycocotools (``COCOeval``, for boxes and for masks), which
    takes the areas of objects from the annotations, where they may be others, and knows crowds besides.
    """
    matches = _matches(found, true, COCO_THRESHOLDS, AREAS)
    half, three_quarters = COCO_THRESHOLDS.index(0.5), COCO_THRESHOLDS.index(0.75)
    curves = {name: [_precisions(match) for match in matches[name]] for name in AREAS}
    recalls = {name: [_recalls(match, 100) for match in matches[name]] for name in AREAS}
    return AveragePrecision(
        _mean(curves["all"]),
        _mean([curve[half] for curve in curves["all"]]),
        _mean([curve[three_quarters] for curve in curves["all"]]),
        *(_mean(curves[name]) for name in ("small", "medium", "large")),
        *(_mean([_recalls(match, most) for match in matches["all"]]) for most in (1, 10)),
        *(_mean(recalls[name]) for name in ("all", "small", "medium", "large")),
    )


def average_precision_at(threshold: float, found: Sequence[Found], true: Sequence[Truth]) -> float:
    """AP of one threshold alone, above 0 and at most 1, such as AP50; nan without any object."""
    check_range("average_precision_at: threshold", threshold, above=0, at_most=1)
    matches = _matches(found, true, (threshold,), {"all": AREAS["all"]})
    return _mean([_precisions(match) for match in matches["all"]])


class _Match(NamedTuple):
    """Detections of one class: those of an image in the order of their scores, one image after the other."""

    scores: ndarray
    places: ndarray
    """Of each, in the order of its image: 0 is the best."""
    right: ndarray
    """(thresholds, detections)"""
    ignored: ndarray
    """(thresholds, detections): what counts neither as right nor as wrong, as it is of another size."""
    objects: int


def _matches(
    found: Sequence[Found], true: Sequence[Truth], thresholds: Sequence[float], areas: dict[str, tuple[float, float]]
) -> dict[str, list[_Match]]:
    """For each range of areas, of each class that an image has an object of."""
    if len(found) != len(true):
        raise ValueError(f"there are detections of {len(found)} images, and objects of {len(true)}; expected as many")
    found = [Found(_scores(its.scores), np.asarray(its.labels), _numbers(its.shapes)) for its in found]
    true = [Truth(np.asarray(its.labels), _numbers(its.shapes)) for its in true]
    for its in found:
        if not len(its.scores) == len(its.labels) == len(its.shapes):
            had = f"{len(its.scores)} scores, {len(its.labels)} labels and {len(its.shapes)} boxes or masks"
            raise ValueError(f"average_precision: on an image was found {had}; expected as many of each")
    for its in true:
        if len(its.labels) != len(its.shapes):
            had = f"an image has {len(its.labels)} labels and {len(its.shapes)} boxes or masks"
            raise ValueError(f"average_precision: {had}; expected as many of each")
    classes = sorted({label for truth in true for label in truth.labels.tolist()})
    matches: dict[str, list[_Match]] = {name: [] for name in areas}
    for label in classes:
        images = []
        for its, truth in zip(found, true, strict=True):
            scores, shapes = its.scores[its.labels == label], its.shapes[its.labels == label]
            order = np.argsort(-scores, kind="stable")[:100]
            scores, shapes = scores[order], shapes[order]
            objects = truth.shapes[truth.labels == label]
            overlap = _overlap(shapes, objects)
            images.append((scores, overlap, _area(shapes), _area(objects)))
        for name, (least, most) in areas.items():
            parts = []
            for scores, overlap, area, true_area in images:
                beside = (true_area < least) | (true_area > most)  # these objects are of another size
                right, ignored = _taken(overlap, beside, thresholds)
                ignored |= ~right & ~ignored & ((area < least) | (area > most))
                parts.append((scores, np.arange(len(scores)), right, ignored, int((~beside).sum())))
            all_scores, places, right, ignored, objects = zip(*parts, strict=True)
            joined = (np.concatenate(all_scores), np.concatenate(places))
            matches[name].append(
                _Match(*joined, np.concatenate(right, axis=1), np.concatenate(ignored, axis=1), sum(objects))
            )
    return matches


def _scores(scores: Any) -> ndarray:
    """In float64: those without a sign have no negative, by which they are ordered."""
    scores = np.asarray(scores)
    if scores.dtype.kind not in "iuf":
        raise TypeError(f"average_precision: scores have dtype {scores.dtype}; expected numbers")
    return scores.astype(np.float64)


def _numbers(shapes: Any) -> ndarray:
    """Masks as they are, boxes in float64: an area of few bits would be another one."""
    shapes = np.asarray(shapes)
    return shapes if shapes.ndim == 3 else shapes.astype(np.float64)


def _overlap(shapes: ndarray, objects: ndarray) -> ndarray:
    """IoU of all with all, of boxes or of masks."""
    if shapes.ndim != objects.ndim:
        had = f"detections have shape {shapes.shape}, objects {objects.shape}"
        raise ValueError(f"average_precision: {had}; expected boxes (n, 4) of both, or masks (n, Y, X) of both")
    if objects.ndim != 3:
        return box_overlap(shapes, objects)
    if shapes.shape[1:] != objects.shape[1:]:
        (Y, X), (rows, columns) = shapes.shape[1:], objects.shape[1:]
        raise ValueError(f"average_precision: detections are masks of {Y} x {X} pixels, objects of {rows} x {columns}")
    return mask_overlap(shapes, objects)


def _taken(overlap: ndarray, beside: ndarray, thresholds: Sequence[float]) -> tuple[ndarray, ndarray]:
    """Which detections are right, and which have taken an object that does not count, at each threshold.

    An object that counts goes before one that does not, whatever the IoU.
    """
    right = np.zeros((len(thresholds), len(overlap)), bool)
    ignored = np.zeros_like(right)
    for t, threshold in enumerate(thresholds):
        free = np.ones(overlap.shape[1], bool)
        for d, row in enumerate(overlap):
            able = free & (row >= min(threshold, 1 - 1e-10))
            if not able.any():
                continue
            able = able & ~beside if (able & ~beside).any() else able
            best = len(row) - 1 - int(np.argmax(np.where(able, row, -1)[::-1]))  # of equal ones the last
            free[best] = False
            right[t, d], ignored[t, d] = not beside[best], beside[best]
    return right, ignored


def _in_order(match: _Match, most: int) -> tuple[ndarray, ndarray]:
    """How many are right and how many wrong up to each detection, (thresholds, detections), by falling score."""
    counted = np.flatnonzero(match.places < most)
    order = counted[np.argsort(-match.scores[counted], kind="stable")]
    right, ignored = match.right[:, order], match.ignored[:, order]
    return right.cumsum(1), (~right & ~ignored).cumsum(1)


def _precisions(match: _Match) -> ndarray:
    """(thresholds, 101): the best precision at each recall or a larger one; nan without an object of this size."""
    if not match.objects:
        return np.full((len(match.right), len(RECALLS)), np.nan)
    right, wrong = _in_order(match, 100)
    precision = right / np.maximum(right + wrong, 1)
    precision = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    curves = np.zeros((len(right), len(RECALLS)))
    for curve, its, values in zip(curves, right / match.objects, precision, strict=True):
        places = np.searchsorted(its, RECALLS, side="left")
        reached = places < len(its)
        curve[reached] = values[places[reached]]
    return curves


def _recalls(match: _Match, most: int) -> ndarray:
    """(thresholds): the share of the objects that is found, with so many detections on an image."""
    if not match.objects:
        return np.full(len(match.right), np.nan)
    right, _ = _in_order(match, most)
    return right[:, -1] / match.objects if right.shape[1] else np.zeros(len(right))


def _area(shapes: ndarray) -> ndarray:
    """Of boxes (n, 4), or of masks (n, Y, X), in pixels."""
    if shapes.ndim == 3:
        return shapes.sum((1, 2))
    return (shapes[:, 2] - shapes[:, 0]) * (shapes[:, 3] - shapes[:, 1])


def _mean(parts: Sequence[ndarray]) -> float:
    """Over all that are numbers; nan, if there are none."""
    values = np.concatenate([np.ravel(part) for part in parts]) if parts else np.array([])
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else np.nan
