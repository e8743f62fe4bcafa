"""Sample inputs of the loss of matched boxes: no edge, and no centre or size, is close to that of another box."""

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, sizes


def matched_boxes(rng: Generator) -> Case:
    Q, N = (size + 3 for size in sorted(sizes(rng, 2), reverse=True))  # no axis has 4 entries, as boxes have
    while True:
        x, target = (rng.uniform(0.2, 1, (count, 4)) for count in (Q, N))
        edges = [np.concatenate((b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2), axis=1) for b in (x, target)]
        turned = [edge[:, [2, 3, 0, 1]] for edge in edges]  # where boxes touch, there is a kink, too
        pairs = (x, target), edges, (edges[0], turned[1])
        if min(np.abs(a[:, None] - b[None]).min() for a, b in pairs) > 1e-4:
            break
    M = rng.integers(1, N)
    chosen = {"box_weight": rng.uniform(1, 5), "giou_weight": rng.uniform(1, 5)}
    return Case((x, target, rng.permutation(Q)[:M], rng.permutation(N)[:M]), chosen)


CONSTANTS = {"matched_boxes": ("target",)}
