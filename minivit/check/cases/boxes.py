"""Sample inputs of the ops of boxes: no edge of a box is close to an edge of another, where a slope changes."""

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def _boxes(rng: Generator, count: int) -> np.ndarray:
    """Corners (count, 4) of boxes that overlap, contain each other or lie apart."""
    edges = rng.permutation(4 * count * 3).reshape(-1, 2)[: 2 * count] / 10.0 + rng.uniform(0, 0.02, (2 * count, 2))
    edges = np.sort(edges, axis=1).reshape(count, 2, 2)  # (box, axis, first and second)
    return edges.swapaxes(1, 2).reshape(count, 4)


def box_corners(rng: Generator) -> Case:
    return Case((rng.standard_normal((*(size + 3 for size in sizes(rng, 2)), 4)),), {})


def box_iou(rng: Generator) -> Case:
    N, M = (size + 3 for size in sizes(rng, 2))  # no axis has 4 entries, as boxes have
    a, b = _boxes(rng, N), _boxes(rng, M) + 0.05
    many = _boxes(rng, N * M).reshape(N, M, 4)
    return Case(choose(rng, (a[:, None], b[None]), (many, b), (many, many[::-1, ::-1] + 0.05)), {})


giou = box_iou
