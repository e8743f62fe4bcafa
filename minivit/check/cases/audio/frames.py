"""Sample inputs of what cuts waves into frames, and adds them up."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes


def frame(rng: Generator) -> Case:
    while True:  # until no two lengths are equal
        (B,), (W, hop, N) = sizes(rng, 1), (int(n) for n in rng.integers(1, 6, 3))
        T = W + (N - 1) * hop + int(rng.integers(hop))
        if different((B, T), (B, W, N)):
            return Case((rng.standard_normal((B, T)),), {"frame_length": W, "hop_length": hop})


def overlap_add(rng: Generator) -> Case:
    return Case((rng.standard_normal(sizes(rng, 3)),), {"hop_length": int(rng.integers(1, 6))})


def pad_wave(rng: Generator) -> Case:
    B, T = sizes(rng, 2)
    mode = choose(rng, "constant", "reflect")
    most = T if mode == "reflect" else T + 2
    return Case((rng.standard_normal((B, T)),), {"pad_length": int(rng.integers(most)), "pad_mode": mode})
