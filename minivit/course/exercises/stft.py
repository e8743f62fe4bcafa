"""The short-time Fourier transform: windows, frames, overlap-add, the transform with its backward, and its inverse."""

import numpy as np
from numpy.random import Generator

from minivit.audio.frames import frame_forward
from minivit.audio.stft import stft_forward
from minivit.check.draw import Case, choose
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, close
from minivit.course.exercises._waves import (
    SOUNDS,
    WAVES,
    frames,
    named_window,
    spectra,
    wave,
    window_of_its_own,
    window_of_one,
)


def named_sizes(case: Case) -> dict[str, float]:
    n_fft, hop = case.kwargs.get("n_fft"), case.kwargs.get("hop_length")
    return {name: size for name, size in (("n_fft", n_fft), ("hop_length", hop)) if size and size not in (2, 4)}


def adds_up(call: Call, rng: Generator) -> str | None:
    """Periodic Hann windows, half a window apart, add up to 1."""
    w = np.asarray(call("hann", 8))
    added = w[:4] + w[4:]
    says = "periodic Hann windows that lie half a window apart add up to 1 everywhere"
    return None if close(added, 1) else f"{says}; yours make {', '.join(f'{number:.4g}' for number in added)}"


def is_the_adjoint(call: Call, rng: Generator) -> str | None:
    (y,), cut = wave(3)(rng)
    z = rng.standard_normal(frame_forward(y, **cut)[0].shape)
    added = call(z, hop_length=3)[0]
    left, right = (frame_forward(y, **cut)[0] * z).sum(), (y[:, : added.shape[-1]] * added).sum()
    says = "the product of frames(y) and z must be that of y and the frames z added up: one is the other's adjoint"
    return None if close(left, right) else f"{says}; they are {left:.6g} and {right:.6g}"


def has_a_tone_in_its_bin(call: Call, rng: Generator) -> str | None:
    k, n_fft = choose(rng, 3, 4, 5), 16
    y = np.cos(2 * np.pi * k * np.arange(80) / n_fft + rng.uniform(0, 6))
    size = np.abs(call(y, n_fft=n_fft, hop_length=4, center=False)[0])
    right = np.zeros(9)
    right[[k - 1, k, k + 1]] = 2, 4, 2  # half of the window's sum; of Hann's a quarter leaks to either side
    says = f"a tone in bin {k} of 16, under a Hann window, has the sizes 2, 4, 2 in the bins {k - 1} to {k + 1}"
    return None if close(size, right[:, None]) else f"{says}; yours are {', '.join(f'{s:.3g}' for s in size[:, 0])}"


def is_linear(call: Call, rng: Generator) -> str | None:
    one, other = rng.standard_normal((2, 40))
    options = {"n_fft": 8, "hop_length": 3}
    both = call(one - 3 * other, **options)[0]
    same = close(both, np.asarray(call(one, **options)[0]) - 3 * np.asarray(call(other, **options)[0]))
    return None if same else "the transform of a sum must be the sum of the transforms"


def keeps_the_energy(call: Call, rng: Generator) -> str | None:
    y = rng.standard_normal(48)
    X = call(y, "rectangular", n_fft=12, hop_length=12, center=False)[0]
    yours = (np.abs(X[[0, -1]]) ** 2).sum() + 2 * (np.abs(X[1:-1]) ** 2).sum()
    right = 12 * (y * y).sum()
    says = (
        "Parseval: without overlap and window, |X|^2 of all bins (with their conjugates) sums to n_fft times that of y"
    )
    return None if close(yours, right) else f"{says}, {right:.6g} here; yours is {yours:.6g}"


def reconstructs(call: Call, rng: Generator) -> str | None:
    for window, n_fft, hop in (("hann", 8, 2), ("hann", 8, 3), ("hamming", 9, 4), ("blackman", 12, 5)):
        y = rng.standard_normal((3, 41))
        X, _ = stft_forward(y, window, n_fft=n_fft, hop_length=hop)
        again = call(X, window, n_fft=n_fft, hop_length=hop, length=41 - hop)[0]
        if not close(again, y[:, : 41 - hop]):
            return f"the inverse of the transform of y must be y ({window}, n_fft = {n_fft}, hop_length = {hop})"
    return None


PERIOD = "(Nx if fftbins else Nx - 1)"
TABLE = "COSINES[window]"
VIEW = "sliding_window_view(y, frame_length, axis=-1)[..., ::hop_length, :]"
COLUMNS = "return frames.swapaxes(-1, -2)"
SYMMETRIC = "the window is symmetric; for a spectrum it is periodic (fftbins=True)"
AT_THE_LEFT = (
    "a window that is shorter than n_fft stands at the beginning of the frame; it belongs in the middle (pad_center)"
)
QUARTER = "without hop_length, the hop is a quarter of the window, win_length // 4, not of n_fft"
NO_WINDOW = "the window is missing: each frame is multiplied by it"
SQUARED = "the window has been multiplied twice"
NOTHING_DIVIDED = "nothing is divided in the transform; only the inverse divides"
LAST_FRAME = "the last whole frame is missing: there are 1 + (T - W) // hop_length"
EXCHANGED = "frame_length and hop_length are exchanged"
OVERWRITTEN = "where frames overlap, a later one overwrites the earlier; they are added: +="
FORGETS = "+= with an index adds one of the frames that meet in a sample and forgets the others; np.add.at adds all"
NOT_EACH = (
    "a loop over the frames, or over the pieces of a frame, is enough: not over each of its samples, and no matrix"
)
TOO_SLOW = f"times as long as the reference on a large batch: {NOT_EACH}"
AVERAGED = "divided by the number of frames that overlap; they are added"
SPECTRA = "X = _spectra(rows, w).swapaxes(-1, -2)"
ADJOINT = "dx, *_ = rfft_backward(dy.swapaxes(-1, -2), RfftCache(W, W))"
TO_FRAMES = "(dpadded,) = frame_backward((dx * w).swapaxes(-1, -2), cache.frame)"
OF_WINDOW = "dw = column_sum(cache.rows * dx)"
DENOMINATOR = "(w * w)[:, None]"
DIVIDED = "y = added[..., start:stop] / squares"


def long_wave_of_frames(rng: Generator) -> Case:
    return Case((rng.standard_normal((1, 256, 256)),), {"hop_length": 64})


def long_wave(rng: Generator) -> Case:
    return Case((rng.standard_normal((1, 255 * 64 + 256)),), {"frame_length": 256, "hop_length": 64})


def symmetric(mode: str) -> str:
    """The frames of a wave that is filled up in another way."""
    return (
        "p = c_pad_wave.pad_length; padded = np.pad(y, ((0, 0),) * (y.ndim - 1) + ((p, p),), "
        f"{mode!r}) if pad_mode == 'reflect' else padded; frames, c_frame = frame_forward("
    )


def laid(line: str, returned: str = "y") -> str:
    """Overlap-add as a loop over frames."""
    return (
        "*B, W, N = frames.shape; h = hop_length; y = np.zeros_like(frames, shape=(*B, W + (N - 1) * h)); count = y * 0"
        f"\n    for t in range(N):\n        {line}; count[..., t * h : t * h + W] += 1\n    return {returned}, "
        "OverlapAddCache(W, h, N)"
    )


TASKS = (
    Task(
        "get_window",
        {
            "": named_window("hann"),
            "Hamming": named_window("hamming"),
            "Blackman": named_window("blackman"),
            "Povey": named_window("povey"),
            "rectangular": named_window("rectangular", "boxcar"),
            "equal from both ends": named_window("hann", "hamming", "blackman", "povey", fftbins=False),
            "of a single sample": window_of_one,
            "of an array": window_of_its_own,
        },
        (Property("periodic windows add up", adds_up),),
        {
            PERIOD: {
                "(Nx - 1)": "the window is equal from both ends; with fftbins=True it is one period, M = Nx, whose "
                "next sample would be the first again",
                "Nx": "fftbins=False means M = Nx - 1, so that the last sample equals the first",
                "(Nx + 1)": "the window begins and ends too early: M is Nx, or Nx - 1 with fftbins=False",
            },
            "(-1) ** j *": {
                "": "the signs must change from one cosine to the next: -, +",
                "(-1) ** (j > 0) *": "the third term of Blackman is subtracted; the signs change: - 0.5, + 0.08",
                "-(-1) ** j *": "... wrong sign",
            },
            "np.arange(Nx)": {
                "np.arange(1, Nx + 1)": "n is counted from 1; it begins with 0",
                "(np.arange(Nx) + 0.5)": "n lies between the samples; it is 0, 1, 2, ...",
                "(np.arange(Nx) - Nx // 2)": "n is counted from the middle of the window; from its beginning",
            },
            "2 * np.pi": {"np.pi": "half a period: the angle is 2 pi n / M"},
            "np.cos(j * angle)": {
                "np.sin(j * angle)": "sines in place of cosines",
                "np.cos(angle)": "the third term of Blackman has twice the angle: cos(4 pi n / M)",
                "np.cos(angle) ** j": "the third term of Blackman is the cosine of twice the angle, cos(4 pi n / M), "
                "and not the square of a cosine",
            },
            TABLE: {
                "((0.5, 0.5) if window == 'hamming' else COSINES[window])": "that is Hann's window; Hamming's has 0.54 "
                "and 0.46",
                "((0.46, 0.54) if window == 'hamming' else COSINES[window])": "0.54 and 0.46 are exchanged",
                "COSINES[window][:2]": "the third term of Blackman is missing: 0.08 cos(4 pi n / M)",
                "((0.54, 0.46) if window == 'hann' else COSINES[window])": "that is Hamming's window; Hann's has 0.5 "
                "and 0.5",
            },
            "** POVEY if": {
                "if": "the power 0.85 of Povey's window is missing",
                "** 0.5 if": "the power of Povey's window is 0.85",
            },
            'np.maximum(w, 0) ** POVEY if window == "povey" else np.asarray(w)': {
                '(np.maximum(w, 0) ** POVEY if window == "povey" else np.asarray(w)) ** 2': "the window is squared",
                "np.sqrt(np.maximum(w, 0))": "the root of the window is taken",
                "np.asarray(w) / np.max(w)": "the window is divided by its largest number; the formula "
                "is all that is asked for",
                "np.asarray(w) / np.sum(w)": "the window is divided by its sum; the formula is all that is asked for",
                "np.asarray(w)[:-1]": "... y has shape",
            },
            "return np.ones(1)": {
                "return sum(a * (-1) ** j for j, a in enumerate(COSINES[window])) * np.ones(1)": "a window of a single "
                "sample is 1; the formula has its first sample, which is small",
            },
            "return window": {
                "return window * get_window('hann', Nx, fftbins=fftbins)": "an array is the window, as it is",
                "return window / window.sum()": "an array is the window, as it is; nothing is divided",
            },
        },
    ),
    Task(
        "frame_forward",
        WAVES,
        mistakes={
            VIEW: {
                "sliding_window_view(y, frame_length, axis=-1)[..., : 1 + (T - frame_length) // hop_length, :]": "the "
                "frames begin at every sample; they begin hop_length samples apart",
                "sliding_window_view(y, frame_length, axis=-1)": "there is a frame at every sample; they begin "
                "hop_length samples apart",
                "sliding_window_view(y, frame_length, axis=-1)[..., ::frame_length, :]": "the frames begin "
                "frame_length samples apart; it is hop_length",
                "sliding_window_view(y, hop_length, axis=-1)[..., ::frame_length, :]": EXCHANGED,
                "sliding_window_view(y, frame_length, axis=-1)[..., ::hop_length, :][..., :-1, :]": LAST_FRAME,
                "sliding_window_view(y[..., :-1], frame_length, axis=-1)[..., ::hop_length, :]": LAST_FRAME,
                "sliding_window_view(y, frame_length, axis=-1)[..., hop_length::hop_length, :]": "the first frame is "
                "missing: it begins at sample 0",
                "sliding_window_view(y[..., (T - frame_length) % hop_length :], frame_length, axis=-1)[..., "
                "::hop_length, :]": "the rest is left out at the beginning; it is left out at the end",
                "sliding_window_view(np.pad(y, ((0, 0),) * (y.ndim - 1) + ((0, -(T - frame_length) % hop_length),)), "
                "frame_length, axis=-1)[..., ::hop_length, :]": "the rest at the end is filled up with zeros to one "
                "frame more; it is left out",
                "sliding_window_view(y, frame_length, axis=-1)[..., ::hop_length, ::-1]": "... reversed along",
                "sliding_window_view(y, frame_length, axis=-1)[..., ::-hop_length, :]": "the frames are cut from the "
                "end",
            },
            COLUMNS: {
                "return frames": "... it equals the transpose of the expected",
                "return frames.reshape(*frames.shape[:-2], frame_length, -1)": "a reshape does not exchange axes: "
                "frame t is column t, frames[..., :, t]",
            },
            "FrameCache(T, frame_length, hop_length)": {
                "FrameCache(T, hop_length, frame_length)": "... cache.frame_length is",
                "FrameCache(frames.shape[-2], frame_length, hop_length)": "... cache.length is",
            },
        },
        axes={"y": "wave sample frame"},
        simpler=ONE_SAMPLE,
    ),
    Task(
        "overlap_add_forward",
        {
            "": frames(2, 3),
            "without overlap": lambda rng: Case((rng.standard_normal((3, 5, 7)),), {"hop_length": 5}),
            "with gaps": frames(9, 11),
            "without other axes": frames(2, 3, batch=0),
            "with two other axes": frames(2, batch=2),
        },
        (Property("the adjoint of frames", is_the_adjoint),),
        {
            "": {
                laid("y[..., t * h : t * h + W] = frames[..., t]"): OVERWRITTEN,
                laid("y[..., t * h : t * h + W] += frames[..., t]", "y / np.maximum(count, 1)"): AVERAGED,
                "*B, W, N = frames.shape; h = hop_length; y = np.zeros_like(frames, shape=(*B, W + (N - 1) * h)); "
                "y[..., np.arange(W)[:, None] + h * np.arange(N)] += frames; return y, OverlapAddCache(W, h, N)"
                "": FORGETS,
                laid(
                    "y[..., t * h : t * h + W] += frames[..., t]", "y / N"
                ): "divided by the number of frames; they are added",
                laid("y[..., t * h : t * h + W] += frames[..., N - 1 - t]"): "the last frame comes first",
                laid("y[..., t * h : t * h + W] += frames[..., ::-1, t]"): "each frame is turned around in time",
                laid("y[..., t : t + W] += frames[..., t]"): "the frames lie one sample apart; it is hop_length",
                laid("y[..., t * h : t * h + W] += frames[..., t] * (t < N - 1)"): "the last frame is missing",
                laid("y[..., t * h : t * h + W] += frames[..., t] * (t > 0)"): "the first frame is missing",
                laid(
                    "y[..., t * h : t * h + W] += frames[..., t]", "y[..., : N * h]"
                ): "the end of the last frame is cut off: there are W + (N - 1) hop_length samples",
                laid(
                    "y[..., t * h : t * h + W] += frames[..., t]", "np.pad(y, ((0, 0),) * (y.ndim - 1) + ((0, h),))"
                ): "one hop too much: there are W + (N - 1) hop_length samples",
                laid("y[..., t * h : t * h + W] += frames[..., t]").replace(
                    "*B, W, N = frames.shape", "*B, W, N = frames.mT.shape; frames = frames.mT"
                ): "a frame is a column, frames[..., :, t], and there are frames.shape[-1] of them",
                laid("y[..., t * h : t * h + W] += frames.reshape(*B, N, W)[..., t, :]"): "a reshape does not exchange "
                "axes: frame t is column t, frames[..., :, t]",
                laid("y[..., t * h : t * h + W] += frames[..., t]", "2 * y"): "... 2 times too large",
                laid("for n in range(W): y[..., t * h + n] += frames[..., n, t]"): f"... {TOO_SLOW}",
            }
        },
        axes={"y": "wave sample"},
        loops={"frames": (2,)},
        instead=NOT_EACH,
        big=long_wave_of_frames,
        simpler=ONE_SAMPLE,
    ),
    Task(
        "frame_backward",
        WAVES,
        mistakes={
            "return WaveGrad(_filled_up(added, 0, T - added.shape[-1]))": {
                "return WaveGrad(added)": "the samples behind the last frame are missing: nobody has read them, so "
                "their gradient is 0, but they are there",
                "return WaveGrad(_filled_up(added, T - added.shape[-1], 0))": "the zeros stand at the beginning; the "
                "samples that are in no frame are the last ones",
                "ones = overlap_add_forward(np.ones_like(dy), hop_length=hop)[0]; return WaveGrad(_filled_up(added / "
                "np.maximum(ones, 1), 0, T - added.shape[-1]))": "divided by the number of frames in which a sample "
                "is; their gradients are added",
                "return WaveGrad(_filled_up(added / N, 0, T - added.shape[-1]))": "divided by the number of frames; "
                "the gradients are added",
                "return WaveGrad(-_filled_up(added, 0, T - added.shape[-1]))": "... has the wrong sign",
            },
            "added, _ = overlap_add_forward(dy, hop_length=hop)": {
                "added, _ = overlap_add_forward(dy[..., :-1], hop_length=hop)": "the last frame is missing",
                "added, _ = overlap_add_forward(dy[..., ::-1], hop_length=hop)": "the last frame comes first",
                "added, _ = overlap_add_forward(dy * (np.arange(N) == 0) if hop < W else dy, hop_length=hop)": "only "
                "the first frame has a gradient; a sample gets that of every frame in which it is",
                "added = np.zeros_like(dy, shape=(*dy.shape[:-2], T)); added[..., np.arange(W)[:, None] + hop * "
                "np.arange(N)] += dy": FORGETS,
                "added = np.zeros_like(dy, shape=(*dy.shape[:-2], T))\n    for t in range(N):\n        "
                "added[..., t * hop : t * hop + W] = dy[..., t]": OVERWRITTEN,
                "added = np.zeros_like(dy, shape=(*dy.shape[:-2], T))\n    for t in range(N):\n        for n in "
                "range(W): added[..., t * hop + n] += dy[..., n, t]": f"... {TOO_SLOW}",
            },
        },
        uses=("overlap_add_forward",),
        axes={"dy": "wave sample"},
        loops={"y": (1,)},
        instead=NOT_EACH,
        big=long_wave,
        simpler=ONE_SAMPLE,
    ),
    Task(
        "stft_forward",
        SOUNDS,
        (
            Property("linear", is_linear),
            Property("a tone in its bin", has_a_tone_in_its_bin),
            Property("Parseval", keeps_the_energy),
        ),
        {
            "least = 1 if center else n_fft": {
                "least = 1; w = np.ones_like(w)": NO_WINDOW,
                "least = 1; w = w * w": SQUARED,
                "least = 1; w = pad_center(get_window(window, win, fftbins=False).astype(y.dtype), size=n_fft)"
                "": SYMMETRIC,
                "least = 1; w = np.pad(get_window(window, win), (0, n_fft - win)).astype(y.dtype)": AT_THE_LEFT,
                "least = 1; w = np.pad(get_window(window, win), (n_fft - win, 0)).astype(y.dtype)": "a window that is "
                "shorter than n_fft stands at the end of the frame; it belongs in the middle (pad_center)",
                "least = 1; w = np.roll(w, 1) if win < n_fft and (n_fft - win) % 2 else w": "where an odd rest is left "
                "around the window, the odd zero stands on the right of it (pad_center)",
                "least = 1; w = get_window(window if isinstance(window, np.ndarray) and len(window) == n_fft else "
                "'hann', n_fft).astype(y.dtype)": "the window has win_length samples, and zeros around it up to "
                "n_fft; and it is the one that is given",
                "least = 1; w = w / w.sum()": "the window is divided by its sum; " + NOTHING_DIVIDED,
                "least = 1; hop = max(1, n_fft // 4) if hop_length is None else hop_length": QUARTER,
                "least = 1; hop = win // 2 if hop_length is None else hop_length": "without hop_length, the hop is a "
                "quarter of the window, not a half",
                "least = 1; hop = win": "the frames do not overlap: they begin hop_length samples apart",
            },
            "pad_length=n_fft // 2 if center else 0": {
                "pad_length=0": "center=True adds n_fft // 2 samples at either end, so that frame t is centred at "
                "sample t hop_length",
                "pad_length=n_fft if center else 0": "n_fft // 2 samples are added at either end, not n_fft",
                "pad_length=win // 2 if center else 0": "half of the window is added at either end; it is half of "
                "n_fft",
                "pad_length=hop if center else 0": "one hop is added at either end; it is n_fft // 2 samples",
                "pad_length=(n_fft - 1) // 2 if center else 0": "(n_fft - 1) // 2 samples are added at either end; it "
                "is n_fft // 2",
            },
            "pad_mode=pad_mode": {
                "pad_mode='reflect' if y.shape[-1] > n_fft else pad_mode": "the "
                "ends are filled up by reflection, whatever pad_mode says",
            },
            "frames, c_frame = frame_forward(": {
                symmetric("symmetric"): "the last sample is repeated where the ends are reflected: np.pad calls that "
                "'symmetric', and 'reflect' where it is not",
                symmetric(
                    "edge"
                ): "the ends are filled up with copies of the last sample; 'reflect' is the mirror image",
                symmetric(
                    "wrap"
                ): "the ends are filled up with the other end of the wave; 'reflect' is the mirror image",
            },
            SPECTRA: {
                "X = _spectra(rows, w)": "... it equals the transpose of the expected",
                "X = _spectra(rows, w).swapaxes(-1, -2).conj()": "... the complex conjugate",
                "X = np.abs(_spectra(rows, w).swapaxes(-1, -2))": "... their angle is missing",
                "X = np.abs(_spectra(rows, w).swapaxes(-1, -2)) ** 2": "... the squared size",
                "X = _spectra(rows, w).swapaxes(-1, -2).real": "... the imaginary part is missing",
                "X = _spectra(rows, w).swapaxes(-1, -2) / n_fft": f"divided by n_fft: {NOTHING_DIVIDED}",
                "X = _spectra(rows, w).swapaxes(-1, -2) / np.sqrt(n_fft)": f"divided by sqrt(n_fft): {NOTHING_DIVIDED}",
                "X = _spectra(rows, w).swapaxes(-1, -2) / np.sqrt((w * w).sum())": "divided by the root of the sum of "
                f"the window's squares: {NOTHING_DIVIDED}",
                "X = _spectra(rows, w).swapaxes(-1, -2)[..., :-1]": "the last frame is missing: there are 1 + (T - "
                "n_fft) // hop_length, where T counts what was added",
                "X = _spectra(rows, w).swapaxes(-1, -2)[..., 1:]": "the first frame is missing",
                "X = _spectra(rows, w).swapaxes(-1, -2)[..., :-1, :]": "the last bin is missing: k goes from 0 to "
                "n_fft // 2",
                "X = _spectra(rows, w).swapaxes(-1, -2)[..., 1:, :]": "bin 0 is missing",
                "X = np.fft.rfft(frames * w[:, None])": "transformed along the frames: rfft takes the last axis; the "
                "samples of a frame stand in the last but one (axis=-2)",
                "X = np.fft.fft(rows * w).swapaxes(-1, -2)": "all n_fft frequencies; of real numbers the second half "
                "says nothing new: rfft",
                "X = np.fft.rfft(np.roll(rows * w, -(n_fft // 2), -1)).swapaxes(-1, -2)": "the frames are rolled so "
                "that their middle comes first (zero phase); here a frame is transformed as it stands",
                "X = _spectra(rows - rows.mean(-1, keepdims=True), w).swapaxes(-1, -2)": "the mean of each frame is "
                "subtracted; it belongs to the frame",
                "X = _spectra(rows[..., ::-1], w).swapaxes(-1, -2)": "each frame is turned around in time",
                "X = _spectra(rows, w).swapaxes(-1, -2) * np.exp(-2j * np.pi * np.arange(1 + n_fft // 2)[:, None] * "
                "hop * np.arange(rows.shape[-2]) / n_fft)": "the phase is counted from the beginning of the wave; "
                "here each frame begins with n = 0",
                "X = 2 * _spectra(rows, w).swapaxes(-1, -2)": "... 2 times too large",
                "X = _spectra(rows, w).swapaxes(-1, -2).astype(complex)": "... it must be of complex64",
            },
            "StftCache(c_pad_wave, c_frame, w, win,": {
                "StftCache(c_pad_wave, c_frame, get_window(window, win).astype(y.dtype), win,": "... cache.window has "
                "shape",
                "StftCache(c_pad_wave, c_frame, w, n_fft,": "... cache.win_length is",
            },
        },
        uses=("get_window", "frame_forward"),
        free=("cache.rows",),
        sizes=named_sizes,
        axes={"y": "wave frequency frame"},
        simpler=ONE_SAMPLE,
    ),
    Task(
        "stft_backward",
        SOUNDS,
        mistakes={
            ADJOINT: {
                "dx = np.fft.irfft(dy.swapaxes(-1, -2), W)": "the inverse transform is no adjoint: it divides by "
                "n_fft and counts the bins between the edges twice; take rfft_backward",
                "dx = np.fft.irfft(dy.swapaxes(-1, -2), W) * W": "the bins between the edges count twice (irfft adds "
                "their conjugates); take rfft_backward",
                "dx, *_ = rfft_backward(dy.swapaxes(-1, -2).conj(), RfftCache(W, W))": "dy is conjugated: "
                "rfft_backward takes it as it is",
                "dx, *_ = rfft_backward(dy.swapaxes(-1, -2).real + 0j, RfftCache(W, W))": "the imaginary part of dy is "
                "left out",
                "dx, *_ = rfft_backward(np.abs(dy.swapaxes(-1, -2)) + 0j, RfftCache(W, W))": "the angle of dy is left "
                "out",
                "dx, *_ = rfft_backward(dy.swapaxes(-1, -2), RfftCache(W, W)); dx = dx / W": "divided by n_fft: the "
                "forward divides by nothing, so neither does its gradient",
                "dx, *_ = rfft_backward(dy.swapaxes(-1, -2), RfftCache(W, W)); dx = dx[..., ::-1]": "each frame is "
                "turned around in time",
            },
            TO_FRAMES: {
                "(dpadded,) = frame_backward(dx.swapaxes(-1, -2), cache.frame)": "the window is forgotten: the forward "
                "multiplies by it, so the gradient is multiplied by it, too",
                "(dpadded,) = frame_backward((dx * w * w).swapaxes(-1, -2), cache.frame)": SQUARED,
                "(dpadded,) = frame_backward((dx * w[::-1]).swapaxes(-1, -2), cache.frame)": "the window is turned "
                "around",
                "(dpadded,) = frame_backward((dx * w).swapaxes(-1, -2), cache.frame); dpadded = dpadded / np.maximum("
                "frame_backward(np.ones_like(dx).swapaxes(-1, -2), cache.frame)[0], 1)": "divided by the number of "
                "frames that overlap; their gradients are added",
                "(dpadded,) = frame_backward((dx * w).swapaxes(-1, -2), cache.frame); dpadded = dpadded / np.maximum("
                "frame_backward((np.ones_like(dx) * w * w).swapaxes(-1, -2), cache.frame)[0], 1e-3)": "divided by the "
                "sum of the squared windows: that is the inverse, not the adjoint",
                "dx = np.fft.irfft(dy.swapaxes(-1, -2), W); (dpadded,) = frame_backward((dx * w).swapaxes(-1, -2), "
                "cache.frame); s = frame_backward((np.ones_like(dx) * w * w).swapaxes(-1, -2), cache.frame)[0]; "
                "dpadded = dpadded / np.where(s > 1e-10, s, 1)": "that is istft_forward, the inverse; the backward is "
                "the adjoint of every step, which divides by nothing",
                "dpadded = np.zeros_like(dx, shape=(*dx.shape[:-2], T))\n    for t in range(N):\n        dpadded[..., "
                "t * hop : t * hop + W] = dx[..., t, :] * w": OVERWRITTEN,
            },
            "(dwave,) = pad_wave_backward(dpadded, cache.pad_wave)": {
                "dwave = dpadded": "the samples that were added at the ends still have a gradient; pad_wave_backward "
                "takes it off",
                "p = cache.pad_wave; dwave = dpadded[..., p.pad_length : p.pad_length + p.length]": "what was "
                "reflected at the ends has a gradient, which belongs to its image: pad_wave_backward",
                "p = cache.pad_wave; dwave = dpadded[..., : p.length]": "the padding is taken off at the end only",
                "p = cache.pad_wave; dwave = dpadded[..., 2 * p.pad_length :]": "the padding is taken off at the "
                "beginning only",
                "(dwave,) = pad_wave_backward(dpadded, cache.pad_wave); dwave = -dwave": "... has the wrong sign",
            },
            "if cache.rows is None:": {"if True:": "... dwindow is None"},
            OF_WINDOW: {
                "dw = (cache.rows * dx * w).sum(tuple(range(dx.ndim - 1)))": "the window stands in its own gradient: "
                "the frames are multiplied by it, so its gradient is the sum of frames times dx",
                "dw = dx.sum(tuple(range(dx.ndim - 1)))": "the frames are missing in the gradient of the window: sum "
                "of y[t hop + n] dx[n, t]",
                "dw = (cache.rows * dx).mean(tuple(range(dx.ndim - 1)))": "averaged over the frames; every frame has a "
                "part, and they are summed",
                "dw = (cache.rows * dx)[0].sum(tuple(range(dx.ndim - 2)))": "... dwindow",
                "dw = -(cache.rows * dx).sum(tuple(range(dx.ndim - 1)))": "... dwindow has the wrong sign",
                "dw = (cache.rows * dx).sum(tuple(range(dx.ndim - 1)))[::-1]": "... dwindow",
            },
            "_centre(dw, cache.win_length)": {
                "dw": "the zeros around the window are no part of it: take the win_length samples in the middle",
                "dw[: cache.win_length]": "the first win_length samples; the window stands in the middle",
                "dw[-cache.win_length :]": "the last win_length samples; the window stands in the middle",
            },
        },
        uses=("frame_backward",),
        sizes=named_sizes,
        axes={"dy": "wave sample"},
        simpler=ONE_SAMPLE,
    ),
    Task(
        "istft_forward",
        {
            "": spectra(),
            "that is not centred": spectra(window="hamming", center=False),
            "of an odd n_fft": spectra(9, 11),
            "with another window": spectra(window="blackman", center=True),
            "with a shorter window": spectra(shorter=3),
            "with the hop that is not given": spectra(12, shorter=4, hops=False),
            "with a length": spectra(length=2),
            "with a length that only the last frame reaches": spectra(length=-2),
            "with a window of its own": spectra(window=None),
            "of one wave": spectra(axes=0),
            "of waves in two axes": spectra(axes=2),
        },
        (Property("gives the wave back", reconstructs),),
        {
            DENOMINATOR: {
                "w[:, None]": "divided by the sum of the windows; as the frames were multiplied by the window twice, "
                "it is the sum of their squares",
                "np.ones((W, 1))": "divided by the number of frames that overlap; it is the sum of the squared windows",
            },
            "windowed = (rows * w)": {
                "windowed = rows": "the frames are not multiplied by the window again: the sum of squares in the "
                "denominator counts it twice",
                "windowed = (rows * w * w)": SQUARED,
                "windowed = (rows * w[::-1])": "the window is turned around",
            },
            "windowed = (rows * w).swapaxes(-1, -2)": {
                "windowed = rows.swapaxes(-1, -2); squares, _ = overlap_add_forward(np.broadcast_to(w[:, None], (W, "
                "N)), hop_length=hop); squares = squares[start:stop]": "neither multiplied by the window again nor "
                "divided by its squares: that is the inverse of a transform, but not the nearest wave; it is w in the "
                "sum and w^2 in the denominator",
                "windowed = (rows / np.where(w == 0, 1, w)).swapaxes(-1, -2); squares, _ = overlap_add_forward(np."
                "broadcast_to((w != 0)[:, None] + 0.0, (W, N)), hop_length=hop); squares = squares[start:stop]": "each "
                "frame is divided by the window; multiply by it, and divide the sum by the squares",
            },
            DIVIDED: {
                "y = added[..., start:stop]": "nothing is divided: the sum is the wave times the sum of squared "
                "windows",
                "y = added[..., start:stop] / (w * w).sum()": "divided by one number; it is the sum of squares at each "
                "sample",
                "y = added[..., start:stop] / squares.max()": "divided by the largest sum of squares; it is that of "
                "each sample",
                "y = added[..., start:stop] * hop / (w * w).sum()": "divided by the mean of the sum of squares; near "
                "the ends fewer frames overlap, so it is the sum at each sample",
                "y = added[..., start:stop] / np.sqrt(squares)": "divided by the root of the sum of squares",
                "y = added[..., : stop - start] / squares": "the n_fft // 2 samples before the first one are still "
                "there: left out at the beginning, too",
                "y = added / (overlap_add_forward((w * w)[:, None] * np.ones((W, N)), hop_length=hop)[0] + 1)": "... "
                "y has shape",
                "y = 2 * added[..., start:stop] / squares": "... 2 times too large",
                "y = added[..., start:stop] / squares; y = y[..., ::-1]": "... reversed along",
                "y = (added[..., start:stop] / squares).astype(float)": "... comes y in float64",
            },
            "rows, _ = irfft_forward(stft_matrix.swapaxes(-1, -2), n=W)": {
                "rows, _ = irfft_forward(stft_matrix.swapaxes(-1, -2).conj(), n=W)": "each frame is turned around in "
                "time: the spectrum is conjugated",
                "rows, _ = irfft_forward(stft_matrix.swapaxes(-1, -2), n=W); rows = rows * W": "... = ",
                "rows, _ = irfft_forward(np.abs(stft_matrix.swapaxes(-1, -2)) + 0j, n=W)": "the angles are lost: "
                "np.abs does not belong there",
                "rows, _ = irfft_forward(stft_matrix.swapaxes(-1, -2).real + 0j, n=W)": "the imaginary part of the "
                "spectrum is left out",
                "rows = np.roll(irfft_forward(stft_matrix.swapaxes(-1, -2), n=W)[0], W // 2, -1)": "the frames are "
                "rolled by half of n_fft; a frame begins with its first sample",
                "rows = np.fft.ifft(stft_matrix.swapaxes(-1, -2), W).real": "the bins of negative frequencies are "
                "missing: irfft takes them for the conjugates of those that are given, ifft for zeros",
                "rows, _ = irfft_forward(stft_matrix[..., ::-1].swapaxes(-1, -2), n=W)": "the last frame comes first",
            },
            'gap = f"istft': {
                'w = pad_center(get_window(window, win, fftbins=False).astype(w.dtype), size=W); gap = f"istft'
                "": SYMMETRIC,
                'w = np.pad(get_window(window, win), (0, W - win)).astype(w.dtype); gap = f"istft': AT_THE_LEFT,
            },
            "covered - start if length is None": {
                "covered if length is None": "without length, the n_fft // 2 samples that centring has added at the "
                "end are left out, too",
            },
            "else start + length": {
                "else length": "length counts from the first sample that is kept, so the last one is start + length",
            },
            "start, covered = W // 2 if center else 0,": {
                "start, covered = 0,": "... ValueError",
                "hop = hop_length or max(1, W // 4); start, covered = W // 2 if center else 0,": QUARTER,
                "hop = hop_length or win // 2; start, covered = W // 2 if center else 0,": "without hop_length, the "
                "hop is a quarter of the window, not a half",
            },
        },
        uses=("get_window", "overlap_add_forward"),
        free=tuple(
            f"cache.{name}"
            for name in ("window", "squares", "hop_length", "num_frames", "start", "win_length", "rows", "y")
        ),
        axes={"y": "wave sample"},
        sizes=named_sizes,
        simpler=ONE_SAMPLE,
    ),
)

STFT = Exercise(
    "stft",
    "the short-time Fourier transform, and back",
    60,
    TASKS,
    offers=(
        *("pad_center", "pad_wave_forward", "pad_wave_backward"),
        *("rfft_forward", "rfft_backward", "irfft_forward", "RfftCache"),
    ),
    closed=(
        "minivit.audio.frames:overlap_add_backward",
        *(f"minivit.audio.stft:{name}" for name in ("istft_backward", "_spectra", "_rows", "_window_and_hop")),
    ),
    lecture="09_sound",
    section=5,
)
