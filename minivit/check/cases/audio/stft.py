"""Sample inputs of the short-time Fourier transform and its inverse: windows by name, and of their own."""

from typing import Any

from numpy.random import Generator

from minivit.check.draw import Case, choose, complex_normal, different, sizes


def framed(rng: Generator) -> tuple[tuple[int, int], tuple[int, int, int], dict[str, Any]]:
    """Shapes of waves and their spectra, and how they are cut, without gaps."""
    while True:  # until no two lengths are equal
        (B,), T = sizes(rng, 1), int(rng.integers(8, 24))
        n_fft, center = int(rng.integers(4, 9)), choose(rng, True, False)
        win_length = choose(rng, n_fft, int(rng.integers(4, n_fft + 1)))
        hop_length = int(rng.integers(1, 1 + win_length // 2))
        N = 1 + (T + 2 * (n_fft // 2) * center - n_fft) // hop_length
        if N > 1 and different((B, T), (B, 1 + n_fft // 2, N)):
            options = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length, "center": center}
            return (B, T), (B, 1 + n_fft // 2, N), options


def stft(rng: Generator) -> Case:
    shape, _, options = framed(rng)
    window = choose(rng, "hann", "hamming", rng.standard_normal(options["win_length"]))
    return Case((rng.standard_normal(shape), window), options | {"pad_mode": choose(rng, "constant", "reflect")})


def istft(rng: Generator) -> Case:
    """Every sample is under some window: one that begins with zeros must be centred."""
    while True:
        _, (B, F, N), options = framed(rng)
        if not options["center"]:
            options["win_length"] = options["n_fft"]
        T = options["n_fft"] + (N - 1) * options["hop_length"] - 2 * (options["n_fft"] // 2) * options["center"]
        options["length"] = choose(rng, None, T - 1)
        if B < T - 1:
            break
    own = rng.uniform(0.5, 1.5, options["win_length"])
    window = choose(rng, "hamming", "hann" if options["center"] else "rectangular", own)
    return Case((complex_normal(rng, (B, F, N)), window), options)
