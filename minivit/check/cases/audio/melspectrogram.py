"""Sample inputs of mel spectrograms: as few frequencies as still have one in every band."""

from typing import Any

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes

CONSTANTS = {"mel_scale": ("mel_basis",)}


def mel_scale(rng: Generator) -> Case:
    B, F, N, M = sizes(rng, 4)
    return Case((rng.standard_normal((B, F, N)), rng.standard_normal((M, F))), {})


def banded(rng: Generator) -> tuple[tuple[int, int], int, dict[str, Any]]:
    """Shape of waves, number of bands, and how they are cut and summed."""
    while True:  # until no two lengths are equal
        (B,), T, M = sizes(rng, 1), int(rng.integers(30, 60)), choose(rng, 3, 4)
        n_fft, center = choose(rng, 16, 20, 27), choose(rng, True, False)
        hop_length = int(rng.integers(4, 12))
        N = 1 + (T + 2 * (n_fft // 2) * center - n_fft) // hop_length
        if different((B, T), (B, M, N)):
            break
    options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": n_fft - 2, "center": center, "n_mels": M}
    options |= {"sr": 8000.0, "pad_mode": choose(rng, "constant", "reflect"), "htk": choose(rng, False, True)}
    return (B, T), M, options | {"fmax": choose(rng, None, 3800.0)}


def melspectrogram(rng: Generator) -> Case:
    shape, _, options = banded(rng)
    window = choose(rng, "hann", rng.standard_normal(options["win_length"]))
    more = {"power": choose(rng, 1.0, 2.0), "fmin": choose(rng, 0.0, 100.0), "norm": choose(rng, "slaney", None)}
    return Case((rng.standard_normal(shape), window), options | more)
