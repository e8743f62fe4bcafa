"""Tasks of the exercise ``mel`` that are about features: sums over bands, a logarithm with a floor, deltas."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose
from minivit.course.exercise import Call, Draw, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, close, lengths


def spectrogram(*, lowest: float, leading: int = 1) -> Draw:
    """Draws powers (..., F, N) and a matrix (M, F), whose numbers may be of both signs."""

    def drawn(rng: Generator) -> Case:
        *before, F, N, M = lengths(rng, leading + 3)
        return Case((rng.uniform(0.1, 2, (*before, F, N)), rng.uniform(lowest, 2, (M, F))), {})

    return drawn


def powers(*, silent: bool = False, axes: int = 3, **options: float) -> Draw:
    """Draws powers around the floor, at most a fifth and five times of it, and some that are zero."""

    def drawn(rng: Generator) -> Case:
        floor = options.get("floor", 1e-10)
        x = floor * np.exp(rng.uniform(-1.6, 1.6, lengths(rng, axes)))
        x[np.abs(x / floor - 1) < 0.05] = 2 * floor  # no number is close to it
        x.flat[:4] = floor * rng.permutation([0.3, 0.5, 2, 3])
        if silent:
            x[rng.random(x.shape) < 0.3] = 0
        return Case((x,), options)

    return drawn


def features(*frames: int, **options: object) -> Draw:
    """Draws features (B, F, T), as wide as delta's window, so that the wrong axis can be taken."""

    def drawn(rng: Generator) -> Case:
        shape = choose(rng, 3, 5), choose(rng, 10, 11), choose(rng, *frames)
        return Case((rng.standard_normal(shape),), options)

    return drawn


FRAMES = 20, 21, 22
SPECTROGRAMS = {
    "": spectrogram(lowest=0.1),
    "of any matrix": spectrogram(lowest=-2),
    "of one spectrogram": spectrogram(lowest=0.1, leading=0),
    "with one more axis": spectrogram(lowest=0.1, leading=2),
}
POWERS = {
    "": powers(),
    "with a floor of its own": powers(floor=0.5),
    "of silence": powers(silent=True, floor=0.5),
    "of one row": powers(axes=1),
}
FEATURES = {
    "": features(*FRAMES),
    "with a width of its own": features(*FRAMES, width=5),
    "with the first and last frame repeated": features(*FRAMES, mode="nearest"),
    "of few frames, the first and last repeated": features(2, 4, mode="nearest"),
    "of as many frames as the width": features(9),
    "of one row": arrays("14"),
}


def named_sizes(case: Case) -> dict[str, float]:
    S, mel_basis = case.args
    found: dict[str, float] = {
        "the bands": mel_basis.shape[0],
        "the frequencies": S.shape[-2],
        "the frames": S.shape[-1],
    }
    return found | ({"the batch": len(S)} if S.ndim > 2 else {})


def without_silence(case: Case) -> Case | None:
    (x,), options = case
    return Case((np.where(x == 0, options["floor"] / 3, x),), options) if (x == 0).any() else None


def silence_is_finite(call: Call, rng: Generator) -> str | None:
    y = np.asarray(call(np.array([0.0, 1e-30]))[0])
    says = f"powers of 0 and 1e-30 have the logarithm of the floor, {np.log(1e-10):.6g}; yours are {y.tolist()}"
    return None if np.allclose(y, np.log(1e-10), rtol=1e-9) else says


def nan_stays(call: Call, rng: Generator) -> str | None:
    """What is not above the floor need not be below it."""
    y = np.asarray(call(np.array([np.nan, 1.0]))[0])
    says = "nan stays nan, so that nobody takes it for silence (x > floor is False of nan, and so is x < floor)"
    return None if np.isnan(y[0]) else f"{says}; yours becomes {y[0]:.6g}"


def constant_has_no_delta(call: Call, rng: Generator) -> str | None:
    for mode in ("interp", "nearest"):
        y = call(np.full((2, 11), 3.0), mode=mode)[0]
        if not close(y, 0):
            return f"what never changes has no delta; with mode={mode!r} yours goes from {y.min():.4g} to {y.max():.4g}"
    return None


def line_has_its_slope(call: Call, rng: Generator) -> str | None:
    y = call(0.7 * np.arange(13.0), width=5)[0]
    says = "a straight line that rises by 0.7 with each frame has the delta 0.7 everywhere, at both ends, too"
    return None if close(y, 0.7) else f"{says}; yours goes from {y.min():.4g} to {y.max():.4g}"


SLOPES = "y = _repeat_ends(_slopes(data, h), h) if mode"


def slopes(step: str, squares: str = "2 * sum(n * n for n in range(1, h + 1))", ns: str = "range(1, h + 1)") -> str:
    """The delta with another slope: ``step`` is what n adds of ahead and behind, ``a`` and ``b``."""
    return (
        f"def _slopes(x, h):\n        T = x.shape[-1] - 2 * h; total = np.zeros((*x.shape[:-1], T))\n        "
        f"for n in {ns}:\n            a, b = x[..., h + n : h + n + T], x[..., h - n : h - n + T]; total += {step}\n"
        f"        return total / ({squares})\n    {SLOPES}"
    )


def undone(step: str, squares: str = "2 * sum(n * n for n in range(1, h + 1))") -> str:
    """The delta's backward with another step: ``a`` and ``b`` are the frames ahead and behind, which may be changed."""
    return (
        "shape, h, mode = cache\n    def _slopes_backward(dy, h):\n        T = dy.shape[-1]; dx = np.zeros((*dy.shape["
        f":-1], T + 2 * h)); d = dy / ({squares})\n        for n in range(1, h + 1):\n            "
        f"a, b = dx[..., h + n : h + n + T], dx[..., h - n : h - n + T]; {step}\n        return dx"
    )


def ends(first: str, last: str) -> str:
    """The delta's backward where the ends get something else."""
    return (
        "shape, h, mode = cache\n    def _repeat_ends_backward(dy, h):\n        "
        f"dx = dy[..., h : dy.shape[-1] - h].copy(); {first}; {last}\n        return dx"
    )


DELTA_OF_DY = "y, _ = delta_forward(dy, width=2 * cache.h + 1, mode=cache.mode)"
ONE_OF_EQUALS = (
    "shape, h, mode = cache; last = shape[-1] - 1; dx = np.zeros(shape); t = np.arange(last + 1)\n    "
    "t = np.clip(t, h, last - h) if mode == 'interp' else t\n    for n in range(1, h + 1):\n        "
    "dx[..., np.clip(t + n, 0, last)] += n * dy; dx[..., np.clip(t - n, 0, last)] -= n * dy\n    "
    "return DataGrad(dx / _squares(h))"
)
BEFORE = "dx[..., 0] += dy[..., :h].sum(-1)"
BEHIND = "dx[..., -1] += dy[..., dy.shape[-1] - h :].sum(-1)"

summed = partial(Task, sizes=named_sizes, simpler=ONE_SAMPLE)
changes = partial(Task, simpler=ONE_SAMPLE)

FEATURE_TASKS = (
    summed(
        "mel_scale_forward",
        SPECTROGRAMS,
        mistakes={
            "mel_basis @ S, ": {
                "(mel_basis @ S).mT, ": "... it equals the transpose of the expected (last two axes)",
                "S.mT @ mel_basis.T, ": "... it equals the transpose of the expected (last two axes)",
                "np.tensordot(mel_basis, S, (1, -2)), ": "... y has shape",
                "mel_basis @ S**2, ": "S is squared once more; it holds powers already",
                "mel_basis @ np.sqrt(S), ": "the root of S is taken; sum the powers as they are",
                "(mel_basis @ np.sqrt(S)) ** 2, ": "amplitudes are summed and then squared; sum the powers as they are",
                "(mel_basis @ S) ** 2, ": "the sums are squared; S holds powers already",
                "np.log(mel_basis @ S), ": "the logarithm comes later, in log_floor_forward",
                "np.log10(mel_basis @ S), ": "the logarithm comes later, in log_floor_forward, and is the natural one",
                "10 * np.log10(mel_basis @ S), ": "those are decibels; here a band is the sum itself",
                "mel_basis @ np.log(S), ": "the logarithm is taken before the sum; it is taken of the bands, later",
                "mel_basis @ S / mel_basis.sum(1, keepdims=True), ": "that is a mean, weighted by the filter; a band "
                "is the sum",
                "mel_basis @ S / mel_basis.shape[1], ": "... the frequencies: averaged over it instead of summed",
                "(mel_basis[:, :, None] * S[..., None, :, :]).max(-2), ": "that is the strongest frequency of a band; "
                "sum all of them",
                "np.abs(mel_basis @ S), ": "negative sums are made positive; a band is the sum as it is",
                "(mel_basis > 0) @ S, ": "the weights of the filters are missing: frequencies count as much as the "
                "filter says",
                "mel_basis[:, ::-1] @ S, ": "the filters are read from the highest frequency on",
                "mel_basis @ S[..., ::-1], ": "... reversed along the frame axis",
                "(mel_basis @ S)[..., ::-1, :], ": "... reversed along the band axis",
                "(mel_basis @ S).cumsum(-1), ": "the frames are added up; each frame has its own bands",
                "np.array([mel_basis @ s for s in S]), ": "... a loop over axis",
                "(mel_basis.astype(np.float64) @ S), ": "... comes y in float64",
            },
            "MelScaleCache(mel_basis)": {
                "MelScaleCache(mel_basis.T)": "... it equals the transpose of the expected",
            },
        },
        axes={"y": "sample band frame"},
    ),
    summed(
        "mel_scale_backward",
        SPECTROGRAMS,
        mistakes={
            "cache.mel_basis.T @ dy": {
                "cache.mel_basis @ dy": "... ValueError: matmul",
                "np.linalg.pinv(cache.mel_basis) @ dy": "that is the inverse, which would make the spectrogram again; "
                "the gradient is the transposed matrix times dy",
                "(cache.mel_basis.T @ dy).mT": "... it equals the transpose of the expected (last two axes)",
                "(cache.mel_basis.T > 0) @ dy": "the weights of the filters are missing: a frequency gets as much of "
                "dy as it gave to the band",
                "cache.mel_basis.T / cache.mel_basis.sum(1) @ dy": "each filter is divided by its sum; the forward has "
                "not done so",
                "cache.mel_basis.T / cache.mel_basis.T.sum(1, keepdims=True) @ dy": "the bands of a frequency are "
                "averaged; their gradients are summed, by their weights",
                "cache.mel_basis.T @ dy / len(cache.mel_basis)": "... the bands: averaged over it instead of summed",
                "cache.mel_basis.T @ dy / dy.shape[-1]": "... the frames: averaged over it instead of summed",
                "cache.mel_basis.T ** 2 @ dy": "the weights of the filters are squared",
                "-cache.mel_basis.T @ dy": "... dS has the wrong sign",
                "cache.mel_basis.T[::-1] @ dy": "... reversed along the frequency axis",
                "np.repeat(dy.sum(-2, keepdims=True), cache.mel_basis.shape[1], -2)": "every frequency gets the sum of "
                "all bands; it gets that of the bands it is in, by their weights",
                "(cache.mel_basis.T[..., None] * dy[..., None, :, :]).max(-2)": "only one band counts for a frequency; "
                "all in which it is are summed",
                "np.array([cache.mel_basis.T @ d for d in dy])": "... a loop over axis",
            },
            "SpectrogramGrad(": {"(lambda x: x)(": "... the gradients must be a SpectrogramGrad"},
        },
        axes={"dS": "sample frequency frame"},
    ),
    Task(
        "log_floor_forward",
        POWERS,
        (
            Property("silence is not minus infinity", silence_is_finite),
            Property("nan stays nan", nan_stays),
        ),
        {
            "np.log(np.where(low, floor, x))": {
                "np.log10(np.where(low, floor, x))": "the logarithm is that of base 10; take the natural one, np.log",
                "np.log2(np.where(low, floor, x))": "the logarithm is that of base 2; take the natural one, np.log",
                "10 * np.log10(np.where(low, floor, x))": "those are decibels, 10 log10; take the natural logarithm",
                "20 * np.log10(np.where(low, floor, x))": "those are decibels of amplitudes, 20 log10; take the "
                "natural logarithm",
                "np.log1p(x / floor)": "x is divided by the floor, and 1 is added; the floor takes the place of what "
                "is below it: max(x, floor)",
                "np.log1p(np.where(low, floor, x))": "that is the logarithm of 1 + x; it is that of x",
                "np.log(np.where(low, floor, x)) / 2": "half of the logarithm, as of an amplitude; x is a power",
                "np.log(np.where(low, floor, x) ** 2)": "x is squared; it is a power already",
                "np.log(x + floor)": "the floor is added to x; it takes the place of what is below it: max(x, floor)",
                "np.log(x)": "nothing is held at the floor; it takes the place of what is below it, in the logarithm: "
                "max(x, floor)",
                "np.log(x) + floor": "the floor is added to the logarithm; it takes the place of what is below it: "
                "max(x, floor)",
                "np.log(np.where(low, floor, x + floor))": "the floor is added to what is above it; it takes the place "
                "of what is below it: max(x, floor)",
                "np.maximum(np.log(x), floor)": "the logarithm is held at the floor; x is, and then the logarithm is "
                "taken",
                "np.where(low, floor, np.log(x))": "below the floor stands the floor itself; its logarithm must",
                "np.where(low, 0, np.log(x))": "below the floor stands 0; the logarithm of the floor must",
                "np.log(np.minimum(x, floor))": "the smaller of x and the floor is taken; take the larger one",
                "np.log(np.maximum(x, floor) / floor)": "x is divided by the floor; the floor stands in for what is "
                "below it, and nothing else",
                "np.log(np.maximum(x, floor * x.max()))": "the floor is taken below the largest number; it is the "
                "number that is given",
                "np.log(np.maximum(x, np.finfo(x.dtype).eps))": "another floor is taken than the number that is given",
                "np.where(low, np.log(floor), np.log(x))": "... comes y in float64",
                "np.maximum(x, floor)": "the logarithm is missing",
                "-np.log(np.where(low, floor, x))": "... y has the wrong sign",
            },
            "LogFloorCache(x, low)": {
                "LogFloorCache(np.where(low, floor, x), low)": "that is x with the floor in it; keep x as it came",
                "LogFloorCache(np.log(np.where(low, floor, x)), low)": "that is y; keep x",
                "LogFloorCache(x, ~low)": "low is True where x is above the floor; it is True where the floor stood in",
            },
            '_check_floor("log_floor: floor", floor, x)': {
                "pass": "... it must raise a ValueError",
            },
        },
        axes={"y": "sample band frame"},
    ),
    Task(
        "log_floor_backward",
        POWERS,
        mistakes={
            "np.where(low, 0, dy / np.where(low, 1, x))": {
                "dy / x": "where the floor stood in, x has no say: there the gradient is 0",
                "np.where(low, dy, dy / x)": "where the floor stood in, dy is handed on; there x has no say, and the "
                "gradient is 0",
                "np.where(low, dy / x, 0)": "the mask is the wrong way round: the gradient is 0 where the floor stood "
                "in, and low is True there",
                "dy / np.maximum(x, 1e-10)": "where the floor stood in, dy is divided by it; there x has no say, and "
                "the gradient is 0",
                "np.where(low, 0, dy)": "the division by x is missing: the slope of the logarithm is 1 / x",
                "dy": "that is dy itself: the slope of the logarithm is 1 / x, and 0 where the floor stood in",
                "np.where(low, 0, dy * x)": "you multiply by x; the slope of the logarithm is 1 / x",
                "np.where(low, 0, dy / np.log(x))": "dy is divided by the logarithm; divide it by x",
                "np.where(low, 0, dy / x / np.log(10))": "that is the slope of log10; the forward takes the natural "
                "logarithm",
                "np.where(low, 0, dy * np.exp(x))": "the slope of the logarithm is 1 / x, not exp(x)",
                "np.where(low, 0, dy / (1 + x))": "that is the slope of ln(1 + x); it is 1 / x",
                "np.where(low, 0, -dy / x)": "... dx has the wrong sign",
                "np.where(low, 0, 1 / x)": "... dx is the same whatever dy is",
                "np.where(low, 0, dy / x / x)": "x stands twice below; the slope of the logarithm is 1 / x",
                "np.where(low, 0, dy / (x + 1e-10))": "a constant is added to x; above the floor there is none",
                "np.where(low, 0.0, dy * np.float64(1) / x)": "... comes dx in float64",
            },
            "InputGrad(np": {"(lambda a: a)(np": "... the gradients must be an InputGrad"},
        },
        simpler={"where nothing is silent": without_silence},
        axes={"dx": "sample band frame"},
    ),
    changes(
        "delta_forward",
        FEATURES,
        (
            Property("a constant has no delta", constant_has_no_delta),
            Property("a line has its slope everywhere", line_has_its_slope),
        ),
        {
            SLOPES: {
                slopes("n * (b - a)"): "... y has the wrong sign",
                slopes("a - b"): "the differences are not multiplied by n; those farther apart count more",
                slopes("(a - b) / n"): "the differences are divided by n; they are multiplied by it",
                slopes("n * (a - b)", "sum(n * n for n in range(1, h + 1))"): "the 2 below the line is missing: 2 (1 + "
                "4 + ... + h^2)",
                slopes("n * (a - b)", "2 * sum(range(1, h + 1))"): "the sum below the line is that of n; it is that of "
                "n squared, and twice that",
                slopes("n * (a - b)", "2 * h"): "divided by the number of frames; below the line stands 2 (1 + 4 + ... "
                "+ h^2)",
                slopes("n * (a - b)", "2 * h + 1"): "divided by the width; below the line stands 2 (1 + 4 + ... + h^2)",
                slopes("n * (a - b)", "1"): "the division by 2 (1 + 4 + ... + h^2) is missing",
                slopes("n * (a - b)", "2 * sum(n * n for n in range(1, h))"): "the sum below the line ends before n = "
                "h: range(1, h + 1)",
                slopes("n * (a - b)", ns="range(1, h)"): "the sum ends before n = h: range(1, h + 1)",
                slopes("n * (a - b)", ns="range(h)"): "the sum ends before n = h: range(1, h + 1)",
                slopes("n * n * (a - b)"): "the differences are multiplied by n squared; it is n, and the squares "
                "stand below the line",
                slopes("n * (a + b)"): "the frames before and after are added; subtract those before",
                slopes("n * a"): "the frames before are missing: n (x_{t+n} - x_{t-n})",
                slopes("a - x[..., h : h + T]", "h"): "that is the mean step from the frame to those after it; it is "
                "the slope through the frames on both sides",
                f"h = width; {SLOPES}": "h is the whole width; there are h = (width - 1) / 2 frames on each side",
                f"_repeat_ends = lambda x, h: np.pad(x, [(0, 0)] * (x.ndim - 1) + [(h, h)]); {SLOPES}": "the ends are "
                "filled up with zeros; with 'interp' the first and last slope are repeated, with 'nearest' the first "
                "and last frame",
                f'_repeat_ends = lambda x, h: np.pad(x, [(0, 0)] * (x.ndim - 1) + [(h, h)], "reflect"); {SLOPES}': (
                    "the ends are filled up with a mirror image; with 'interp' the first and last slope are repeated, "
                    "with 'nearest' the first and last frame"
                ),
                f'_repeat_ends = lambda x, h: np.pad(x, [(0, 0)] * (x.ndim - 1) + [(h, h)], "symmetric"); {SLOPES}': (
                    "the ends are filled up with a mirror image; with 'interp' the first and last slope are repeated, "
                    "with 'nearest' the first and last frame"
                ),
                f'_repeat_ends = lambda x, h: np.pad(x, [(0, 0)] * (x.ndim - 1) + [(h, h)], "wrap"); {SLOPES}': "the "
                "ends are filled up from the other end; with 'interp' the first and last slope are repeated, with "
                "'nearest' the first and last frame",
                f"_repeat_ends = lambda x, h: x; {SLOPES}": "... y has shape",
                'y = _slopes(np.pad(data, [(0, 0)] * (data.ndim - 1) + [(h, h)], "wrap"), h) if mode': "the frames "
                "beyond an end are taken from the other end (np.roll?); with 'interp' the first and last slope are "
                "repeated, with 'nearest' the first and last frame",
                "y = _slopes(np.pad(data, [(0, 0)] * (data.ndim - 1) + [(h, h)]), h) if mode": "the frames beyond an "
                "end are taken for zeros; with 'interp' the first and last slope are repeated, with 'nearest' the "
                "first and last frame",
                "y = np.gradient(data, axis=-1) if mode": "that is the slope between the frame before and the one "
                "after; it is that of a line through `width` frames",
                "y = np.diff(data, axis=-1, prepend=data[..., :1]) if mode": "that is the step from the frame before; "
                "it is the slope of a line through `width` frames",
                f"data = data * 1.5; {SLOPES}": "... y is 1.5 times too large",
            },
            "_repeat_ends(_slopes(data, h), h) if mode": {
                "_slopes(_repeat_ends(data, h), h) if mode": "with 'interp' the first and last frame are repeated, as "
                "with 'nearest'; it is the first and last slope that are",
                "_repeat_ends(_slopes(data.mT, h), h).mT if data.ndim > 1 and mode": "the slope is that along the "
                "bands; it is that along the frames, the last axis",
            },
            'mode == "interp" else _slopes(_repeat_ends(data, h), h)': {
                'mode != "interp" else _slopes(_repeat_ends(data, h), h)': "... delta",
                'mode == "interp" else _slopes(np.concatenate((data[..., -h:], data, *h * [data[..., -1:]]), -1), h)': (
                    "with 'nearest' the frames before the first are taken from the end (a negative index counts from "
                    "there); the first frame is repeated"
                ),
            },
            "DeltaCache(data.shape, h, mode)": {
                "DeltaCache(data.shape, width, mode)": "... cache.h is",
                "DeltaCache(data.shape[-1:], h, mode)": "... cache.shape",
                "DeltaCache(data, h, mode)": "... cache.shape",
            },
            "width % 2 == 0 or not 3 <= width <= WIDEST": {
                "False": "... it must raise a ValueError",
                "width % 2 == 0": "... with width=1 it must raise a ValueError",
                "not 3 <= width <= WIDEST": "... it must raise a ValueError",
            },
            'mode not in ("interp", "nearest")': {"False": "... with mode='no_such_name' it must raise a ValueError"},
        },
        axes={"y": "sample band frame"},
    ),
    changes(
        "delta_backward",
        FEATURES,
        mistakes={
            "shape, h, mode = cache": {
                undone("a -= n * d; b += n * d"): "... ddata has the wrong sign",
                undone("a += n * d"): "the frames before are missing: they were subtracted, so they get -n dy",
                undone("b -= n * d"): "the frames after are missing: they were added, so they get +n dy",
                undone("a += n * d; b += n * d"): "the frames before were subtracted; they get -n dy",
                undone("a += d; b -= d"): "the factor n is missing: a frame gets as much as it counted",
                undone("a[:] = n * d; b[:] = -n * d"): "each step overwrites what the ones before it gave to a frame; "
                "add: it was read for many slopes",
                undone("a += n * d; b -= n * d", "1"): "the division by 2 (1 + 4 + ... + h^2) is missing",
                undone("a += n * d; b -= n * d", "sum(n * n for n in range(1, h + 1))"): "the 2 below the line is "
                "missing: 2 (1 + 4 + ... + h^2)",
                undone("a += n * d; b -= n * d", "2 * h + 1"): "divided by the width; the forward divides by 2 (1 + 4 "
                "+ ... + h^2)",
                ends("pass", "pass"): "what the repeated ends got is dropped; they were copies of the first and the "
                "last, which get it, too",
                ends(BEFORE, "pass"): "what the copies of the last one got is dropped; the last one gets it, too",
                ends("pass", BEHIND): "what the copies of the first one got is dropped; the first one gets it, too",
                ends("dx[..., 0] = dy[..., :h].sum(-1)", "dx[..., -1] = dy[..., dy.shape[-1] - h :].sum(-1)"): "the "
                "ends get what their copies got and lose what is their own; add both",
                ends("dx[..., 0] += dy[..., :h].mean(-1)", "dx[..., -1] += dy[..., dy.shape[-1] - h :].mean(-1)"): (
                    "what the copies of the ends got is averaged; it is summed"
                ),
                ends("dx[..., 0] += dy[..., 0]", "dx[..., -1] += dy[..., -1]"): "only one copy of each end counts; "
                "there are h of each, and their gradients are summed",
                ends(
                    "dx[..., :h] += dy[..., h - 1 :: -1]", "dx[..., dx.shape[-1] - h :] += dy[..., : -h - 1 : -1]"
                ): "what the copies of the ends got is folded back, as if the ends had been mirrored; all of it goes "
                "to the first and the last one",
                "shape, h, mode = cache; mode = 'interp' if mode == 'nearest' and shape[-1] > 2 * h else 'nearest'": (
                    "the steps are undone in the wrong order: 'interp' repeats the ends last, so this is undone first, "
                    "and with 'nearest' last"
                ),
                f"{DELTA_OF_DY}; return DataGrad(y); shape, h, mode = cache": "that is the delta of dy; a gradient "
                "goes the other way: a frame is ahead of those before it",
                f"{DELTA_OF_DY}; return DataGrad(-y); shape, h, mode = cache": "that is minus the delta of dy; right "
                "in the middle, but not at the ends",
                "return DataGrad(-_slopes(_repeat_ends(dy, cache.h), cache.h)); shape, h, mode = cache": "that is "
                "minus the delta of dy; right in the middle, but not at the ends",
                "dy = np.pad(dy, [(0, 0)] * (dy.ndim - 1) + [(cache.h, cache.h)]); return DataGrad(-_slopes(dy, "
                "cache.h)); shape, h, mode = cache": "right in the middle, but not at the ends: what was repeated "
                "there was read more often",
                "dy = np.pad(dy, [(0, 0)] * (dy.ndim - 1) + [(cache.h, cache.h)]); return DataGrad(_slopes(dy, "
                "cache.h)); shape, h, mode = cache": "the slopes before and after are exchanged: a frame is read with "
                "+n for the slope n before it; and at the ends it is read more often",
                ONE_OF_EQUALS: "a frame that is read for several slopes keeps the gradient of one of them (dx[..., i] "
                "+= adds once where i has a frame twice; np.add.at adds all)",
                "return DataGrad(dy); shape, h, mode = cache": "that is dy itself",
                "shape, h, mode = cache; h = 2 * h": "... ",
                "shape, h, mode = cache; dy *= 2": "... you modified dy in place",
            },
        },
        axes={"ddata": "sample band frame"},
    ),
)
