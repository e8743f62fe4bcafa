"""Sample inputs of logits about future frames: some steps reach beyond the last frame, some distractors are true."""

from numpy.random import Generator

from minivit.check.draw import Case, different, sizes
from minivit.ops.future import future_pairs


def future_logits(rng: Generator) -> Case:
    while True:  # until no two lengths are equal
        B, T, K, D, N = sizes(rng, 5)
        T += 2  # there is a frame ahead
        offset = int(rng.integers(1, T))
        P = len(future_pairs(T, K, offset)[0])
        if different((B, T, K, D), (B, T, N), (B, P, 1 + N)):
            break
    distractors = rng.integers(0, T, (B, T, N))
    return Case((rng.standard_normal((B, T, K, D)), rng.standard_normal((B, T, D)), distractors), {"offset": offset})
