"""Pictures of several shapes with everything that is true of them: boxes, masks, captions.

For detection, segmentation and learning from captions. The objects are those of :mod:`minivit.data.shapes`.
"""

from typing import Annotated, NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.data.dataset import Dataset, channel_statistics
from minivit.data.examples import Scenes
from minivit.data.geometry import PALETTE, SHAPES, background, coverage, develop, paint, place, rows_columns, tilt
from minivit.types import Bool, Count, Float, Int, Positive, Range, Size, UInt8, ndarray

MIN_VISIBLE = 0.6  # the share of every object that the objects above it leave visible
Objects = Annotated[int, Range(at_least=1, below=len(PALETTE) + 1)]
"""How many: no two objects of a scene share a colour."""
ATTEMPTS = 30  # to find room for one more object, before the scene stays as it is


class Scene(NamedTuple):
    """A picture of ``n`` objects. A later object lies above the earlier ones."""

    image: UInt8[ndarray, "Y X 3"]
    labels: Int[ndarray, "n"]
    """The place of each object's class in ``SHAPES``."""
    colours: tuple[str, ...]
    """The name of each object's colour in ``PALETTE``; no two objects share one."""
    boxes: Int[ndarray, "n 4"]
    """x0, y0, x1, y1 in pixels, tight around the mask; x1 and y1 are exclusive: the width is x1 - x0."""
    masks: Bool[ndarray, "n Y X"]
    """The visible pixels of each object; a pixel belongs to the uppermost object that covers half of it."""
    caption: str
    """For example "a red circle left of a blue star", or "a red ring, a green cross and a blue star"."""


@checked
def scenes(
    n_train: Positive = 5_000, n_test: Positive = 500, *, size: Size = 64, max_objects: Objects = 4, seed: Count = 0
) -> Dataset[Scenes]:
    """Draw a data set of scenes: images with the boxes, masks and captions of their objects.

    The same seed gives the same scenes, and a smaller set is the beginning of a larger one. Train and test scenes come
    from independent streams of random numbers.

    Raises
    ------
    ValueError, TypeError
        If ``n_train`` or ``n_test`` is less than 1, ``seed`` less than 0, or a choice is none of :func:`draw_scenes`.
    """
    streams = zip((n_train, n_test), np.random.default_rng(seed).spawn(2), strict=True)
    train, test = (_columns(draw_scenes(n, size=size, max_objects=max_objects, rng=rng)) for n, rng in streams)
    return Dataset("scenes", train, test, tuple(SHAPES), *channel_statistics(train.images))


def _columns(drawn: list[Scene]) -> Scenes:
    images, labels, _, boxes, masks, captions = zip(*drawn, strict=True)
    return Scenes(np.stack(images), list(labels), list(boxes), list(masks), list(captions))


@checked
def draw_scenes(n: Positive, *, size: Size = 64, max_objects: Objects = 4, rng: np.random.Generator) -> list[Scene]:
    """Draw n scenes of 1 to ``max_objects`` objects.

    Parameters
    ----------
    n : int
    size : int or (rows, columns)
        In pixels, at least 16.
    max_objects : int
        At most the number of colours, 8. Where the picture is too full for one more object, it has fewer.
    rng : numpy.random.Generator
        The source of all randomness; every scene has a child generator of its own (``rng.spawn``), so the first scenes
        do not depend on how many follow.

    Raises
    ------
    ValueError, TypeError
        If ``n`` is less than 1, ``size`` less than 16, ``max_objects`` not between 1 and 8, or one no whole number.
    MemoryError
        If there is no room for so many pictures.
    """
    np.empty((n, *rows_columns(size), 3), np.uint8)  # what has no room is said now, not when the memory is full
    return [_draw_scene(size, max_objects, rng.spawn(1)[0]) for _ in range(n)]


def _draw_scene(size: Size, max_objects: int, rng: np.random.Generator) -> Scene:
    wanted = int(rng.integers(1, max_objects + 1))
    labels = rng.integers(len(SHAPES), size=wanted)
    cover = _arrange(labels, size, rng)
    labels = labels[: len(cover)]
    colours = tuple(rng.permutation(list(PALETTE))[: len(cover)].tolist())

    canvas = background(1, size, rng)
    for one, colour in zip(cover, colours, strict=True):
        paint(canvas, one[None], np.array([PALETTE[colour]], np.float32))
    masks = _visible(cover >= 0.5)
    boxes = np.array([bounding_box(mask) for mask in masks])
    return Scene(develop(canvas, rng)[0], labels, colours, boxes, masks, caption(labels, colours, boxes))


def _arrange(labels: Int[ndarray, "n"], size: Size, rng: np.random.Generator) -> Float[ndarray, "m Y X"]:
    """Place the objects one after the other, and return the coverage of as many as found room."""
    cover, centres, radii = [], np.empty((0, 2), np.float32), np.empty(0, np.float32)
    for label in labels:
        for _ in range(ATTEMPTS):
            radius = min(rows_columns(size)) * (0.14 + 0.10 * rng.random(1, np.float32))
            centre = place(1, radius, size, rng)
            new = coverage(label[None], centre, radius, tilt(1, rng), size)[0]
            # Centres further apart than a radius: "left of" and "above" are then beyond doubt.
            apart = np.linalg.norm(centres - centre, axis=1) > np.maximum(radii, radius)
            whole = np.array([*cover, new]) >= 0.5
            if apart.all() and (_visible(whole).sum((1, 2)) >= MIN_VISIBLE * whole.sum((1, 2))).all():
                cover, centres, radii = [*cover, new], np.append(centres, centre, 0), np.append(radii, radius)
                break
        else:
            break
    return np.array(cover)


def _visible(masks: Bool[ndarray, "n Y X"]) -> Bool[ndarray, "n Y X"]:
    """Take from every mask the pixels that a later mask covers."""
    covered = np.logical_or.accumulate(masks[::-1])[::-1]  # by this object or one above it
    return np.concatenate([masks[:-1] & ~covered[1:], masks[-1:]])


def bounding_box(mask: Bool[ndarray, "Y X"]) -> tuple[int, int, int, int]:
    """Return the smallest x0, y0, x1, y1 (x1, y1 exclusive) around the true pixels of a mask that has some."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def caption(labels: Int[ndarray, "n"], colours: tuple[str, ...], boxes: Int[ndarray, "n 4"]) -> str:
    """Name the objects; of two objects, say also how they lie to each other, along the axis that parts them more."""
    names = list(SHAPES)
    things = [
        f"{'an' if colour[0] in 'aeiou' else 'a'} {colour} {names[label]}"
        for label, colour in zip(labels, colours, strict=True)
    ]
    if len(things) == 2:
        dx, dy = (boxes[1, :2] + boxes[1, 2:] - boxes[0, :2] - boxes[0, 2:]).tolist()
        if abs(dx) > abs(dy):
            relation = "left of" if dx > 0 else "right of"
        else:
            relation = "above" if dy > 0 else "below"
        return f"{things[0]} {relation} {things[1]}"
    return " and ".join([", ".join(things[:-1]), things[-1]]) if len(things) > 1 else things[0]
