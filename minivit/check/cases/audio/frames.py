"""Sample inputs of what cuts waves into frames, and adds them up."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def frame(rng: Generator) -> Case:
    while True:  # until no two lengths are equal
        (B,), W, hop, N = sizes(rng, 1), *(int(n) for n in rng.integers((1, 1, 2), 6))
        T = W + (N - 1) * hop + int(rng.integers(hop))
        if different((B, T), (B, W, N)):
            return Case((rng.standard_normal((B, T)),), {"frame_length": W, "hop_length": hop})


def overlap_add(rng: Generator) -> Case:
    while True:
        (B, W, N), hop = sizes(rng, 3), int(rng.integers(1, 6))
        if different((B, W + (N - 1) * hop)):
            return Case((rng.standard_normal((B, W, N)),), {"hop_length": hop})


def pad_wave(rng: Generator) -> Case:
    while True:
        (B, T), mode = sizes(rng, 2), choose(rng, "constant", "reflect")
        pad = int(rng.integers(T if mode == "reflect" else T + 2))
        if different((B, T + 2 * pad)):
            return Case((rng.standard_normal((B, T)),), {"pad_length": pad, "pad_mode": mode})
