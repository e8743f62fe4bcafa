"""Waves, windows, frames and spectra, as the exercise ``stft`` draws them."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, complex_normal, different
from minivit.course.exercise import Draw


def named_window(*names: str, fftbins: bool = True) -> Draw:
    def drawn(rng: Generator) -> Case:
        return Case((choose(rng, *names), choose(rng, 6, 7, 8, 9)), {} if fftbins else {"fftbins": False})

    return drawn


def window_of_its_own(rng: Generator) -> Case:
    N = choose(rng, 5, 6, 7)
    return Case((rng.standard_normal(N), N), {})


def window_of_one(rng: Generator) -> Case:
    return Case((choose(rng, "hann", "hamming", "blackman", "povey"), 1), {"fftbins": choose(rng, True, False)})


def wave(*hops: int, batch: int = 1, rest: bool = True) -> Draw:
    """Draws a wave that is cut into frames of 5 to 8 samples, and perhaps a rest; no two lengths are equal."""

    def drawn(rng: Generator) -> Case:
        while True:
            B, W, hop, N = rng.permutation([3, 4])[:batch].tolist(), choose(rng, 5, 6, 7, 8), choose(rng, *hops), 5
            N += int(rng.integers(5))
            T = W + (N - 1) * hop + (int(rng.integers(1, hop)) if rest else 0)
            if different((*B, T, W, N, hop)):
                return Case((rng.standard_normal((*B, T)),), {"frame_length": W, "hop_length": hop})

    return drawn


def frames(*hops: int, batch: int = 1) -> Draw:
    def drawn(rng: Generator) -> Case:
        while True:
            B, W, N = rng.permutation([3, 4])[:batch].tolist(), choose(rng, 5, 6, 7, 8), choose(rng, 5, 6, 7, 9)
            hop = choose(rng, *hops)
            if different((*B, W, N, W + (N - 1) * hop, hop)):
                return Case((rng.standard_normal((*B, W, N)),), {"hop_length": hop})

    return drawn


WAVES = {
    "": wave(2, 3),
    "without overlap": lambda rng: Case((rng.standard_normal((3, 37)),), {"frame_length": 5, "hop_length": 5}),
    "with gaps": wave(9, 11),
    "without a rest": wave(2, 3, rest=False),
    "of a single frame": lambda rng: Case((rng.standard_normal((3, 7)),), {"frame_length": 7, "hop_length": 2}),
    "without other axes": wave(2, 3, batch=0),
    "with two other axes": wave(2, batch=2),
}


def sizes(rng: Generator, n_ffts: tuple[int, ...], center: bool, least: int = 26) -> tuple[int, int, int, int, int]:
    """Of waves, their samples, n_fft, a hop, and the frames: no two of them, nor the number of bins, are equal."""
    while True:
        B, T, n_fft, hop = choose(rng, 3, 4), int(rng.integers(least, 45)), choose(rng, *n_ffts), choose(rng, 2, 3)
        N = 1 + (T + 2 * (n_fft // 2) * center - n_fft) // hop
        if different((B, T, n_fft, 1 + n_fft // 2, N, hop)):
            return B, T, n_fft, hop, N


def sound(
    *n_ffts: int,
    window: str | None = "hann",
    shorter: int = 0,
    hops: bool = True,
    axes: int = 1,
    least: int = 26,
    **options: object,
) -> Draw:
    """Draws what ``stft_forward`` is given; without a name a window of its own."""

    def drawn(rng: Generator) -> Case:
        B, T, n_fft, hop, _ = sizes(rng, n_ffts or (8, 10, 12), bool(options.get("center", True)), least)
        win = n_fft - shorter
        own = rng.uniform(0.5, 1.5, win) if window is None else window
        given = {"n_fft": n_fft} | ({"hop_length": hop} if hops else {}) | ({"win_length": win} if shorter else {})
        return Case((rng.standard_normal((*(2, B)[2 - axes :], T)), own), {**given, **options})

    return drawn


def spectra(
    *n_ffts: int,
    window: str | None = "hann",
    shorter: int = 0,
    hops: bool = True,
    center: bool | None = None,
    length: int | None = None,
    axes: int = 1,
) -> Draw:
    """Draws what ``istft_forward`` is given: no transform of any wave; ``length`` are samples less than there are.

    What is None is not given.
    """

    def drawn(rng: Generator) -> Case:
        centred = center is not False
        B, _, n_fft, hop, N = sizes(rng, n_ffts or (8, 10, 12), centred)
        win = n_fft - shorter
        own = rng.uniform(0.5, 1.5, win) if window is None else window
        given = ({"hop_length": hop} if hops else {}) | ({"win_length": win} if shorter else {})
        given |= ({"n_fft": n_fft} if n_fft % 2 else {}) | ({} if center is None else {"center": center})
        if length is not None:
            given["length"] = n_fft + (N - 1) * hop - 2 * (n_fft // 2) * centred - length
        return Case((complex_normal(rng, (*(2, B)[2 - axes :], 1 + n_fft // 2, N)), own), given)

    return drawn


SOUNDS = {
    "": sound(),
    "that is not centred": sound(center=False),
    "of an odd n_fft": sound(9, 11),
    "with another window": sound(window="hamming"),
    "with a shorter window": sound(shorter=3),
    "with the hop that is not given": sound(12, shorter=4, hops=False),
    "with a window of three samples": sound(6, shorter=3, hops=False),
    "filled up by reflection": sound(8, pad_mode="reflect", least=41),
    "with a window of its own": sound(window=None),
    "with a shorter window of its own": sound(window=None, shorter=3),
    "of one wave": sound(window=None, axes=0),
    "of waves in two axes": sound(window=None, axes=2),
}
