"""Sample inputs of relative logits: the ways of a map, between it and coarser or finer ones."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes
from minivit.ops.relative_logits import relative_index


def relative_logits(rng: Generator) -> Case:
    """Now and then rows in any order; the last column is taken by no pair."""
    while True:
        B, H, Y, X, K = sizes(rng, 5)
        U, V = choose(rng, (Y, 2 * X), (1, X), (2 * Y, X), (2 * Y, 2 * X))
        P, Q = 2 * max(Y, U) - 1, 2 * max(X, V)
        if different((B, H, Y * X, K), (B, H, Y * X, U * V), (P, K), (Q, K)):
            break
    row_index = rng.integers(0, P, (Y, U)) if rng.random() < 0.3 else relative_index(Y, U)
    q = rng.standard_normal((*choose(rng, (B, H), (B,), ()), Y * X, K))
    tables = rng.standard_normal((P, K)), rng.standard_normal((Q, K))
    return Case((q, *tables), {"row_index": row_index, "column_index": relative_index(X, V)})
