"""Log-mel features: hertz as an ear counts them, triangles, sums over bands, a logarithm with a floor, deltas."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.audio.mel import hz_to_mel
from minivit.check.draw import Case, choose
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, close, lengths, with_options


def on_both_sides(low: float, middle: float, high: float) -> Draw:
    """Draws seven numbers, some below and some above the place where the scale bends."""

    def drawn(rng: Generator) -> Case:
        numbers = *rng.uniform(low, middle, 3), *rng.uniform(middle, high, 4)
        return Case((rng.permutation(numbers),), {})

    return drawn


hertz, mels = on_both_sides(20, 1000, 9000), on_both_sides(0.5, 15, 48)


def scale_cases(draw: Draw, htk: Draw) -> dict[str, Draw]:
    def one_number(rng: Generator) -> Case:
        return Case((float(draw(rng).args[0][0]),), {})

    def matrix(rng: Generator) -> Case:
        return Case((np.stack([draw(rng).args[0] for _ in range(3)]),), {})

    return {
        "": draw,
        "on HTK's scale": with_options(htk, htk=True),
        "of a matrix": matrix,
        "of one number": one_number,
    }


def triangles(rng: Generator) -> Case:
    """Edges at uneven distances, and places on them, between them, and beyond the first and the last."""
    edges = np.cumsum(rng.uniform(0.5, 2, choose(rng, 6, 7)))
    between = np.linspace(edges[0] - 0.7, edges[-1] + 0.9, choose(rng, 12, 14))
    return Case((edges, np.sort(np.concatenate((between, edges)))), {})


def one_triangle(rng: Generator) -> Case:
    return Case((np.cumsum(rng.uniform(1, 2, 3)), rng.uniform(0, 6, 11)), {})


def bank(**options: object) -> Draw:
    """Draws what a bank is made of: so many frequencies that one is in every band, of 128 as well."""

    def drawn(rng: Generator) -> Case:
        sr, n_fft = choose(rng, (8000.0, 1024), (11025.0, 1500), (16000.0, 2100))
        return Case((), {"sr": sr, "n_fft": n_fft, "n_mels": choose(rng, 9, 11, 14), **options})

    return drawn


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
BANKS = {
    "": bank(),
    "on HTK's scale": bank(htk=True, norm="slaney"),
    "without a norm": bank(norm=None),
    "from fmin to fmax": bank(fmin=150.0, fmax=3000.0),
    "with triangles in mel": bank(triangles="mel"),
    "as Kaldi has it": bank(htk=True, norm=None, triangles="mel", fmin=20.0),
    "of an odd n_fft": bank(sr=8000.0, n_fft=1025),
}
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


def begins_with_zero(call: Call, rng: Generator) -> str | None:
    y = [float(call(0.0, htk=htk)) for htk in (False, True)]
    return None if close(y, 0) else f"0 hertz are 0 mel on both scales; yours are {y[0]:.4g}, and {y[1]:.4g} with htk"


def is_steady(call: Call, rng: Generator) -> str | None:
    below, above = np.asarray(call(np.array([999.999999, 1000.0])))
    says = f"999.999999 Hz are {below:.6g} mel and 1000 Hz are {above:.6g}: the two parts do not meet where they should"
    return None if abs(above - below) < 1e-6 else says


def octaves_are_alike(call: Call, rng: Generator) -> str | None:
    steps = np.diff(call(np.array([1000.0, 2000.0, 4000.0, 8000.0])))
    says = (
        f"above 1000 Hz each octave has as many mel; from 1000 Hz on yours have {', '.join(f'{n:.4g}' for n in steps)}"
    )
    return None if close(steps, steps[0]) else says


def whole_numbers(call: Call, rng: Generator) -> str | None:
    """An array that is made like its argument cuts off what stands behind the point."""
    f = np.array([3, 40, 70])
    says = "an array of whole numbers gives others than the same numbers as float64: is the result made like it?"
    return None if close(call(f), call(f.astype(float))) else says


def undoes_hz_to_mel(call: Call, rng: Generator) -> str | None:
    (f,), _ = hertz(rng)
    for htk in (False, True):
        back = np.asarray(call(np.asarray(hz_to_mel(f, htk=htk)), htk=htk))
        if not np.allclose(back, f, rtol=1e-9, atol=0):
            i = int(np.abs(back - f).argmax())
            return f"with htk={htk}, {f[i]:.6g} Hz become mel and then {back[i]:.6g} Hz; they must come back"
    return None


def together_one(call: Call, rng: Generator) -> str | None:
    edges = np.cumsum(rng.uniform(0.5, 2, 8))
    total = call(edges, rng.uniform(edges[1], edges[-2], 13)).sum(0)
    says = "from the second edge to the last but one all filters together are 1: where one falls, the next one rises"
    return None if close(total, 1) else f"{says}; yours go from {total.min():.4g} to {total.max():.4g}"


def of_one_area(call: Call, rng: Generator) -> str | None:
    sr, n_fft = 16000.0, 2**13
    area = call(sr=sr, n_fft=n_fft, n_mels=10).sum(1) * (sr / n_fft)
    says = "with norm='slaney' each filter has the area 1, its sum times the hertz between two frequencies"
    return None if np.allclose(area, 1, atol=1e-3) else f"{says}; yours have {area.min():.4g} to {area.max():.4g}"


def silence_is_finite(call: Call, rng: Generator) -> str | None:
    y = np.asarray(call(np.array([0.0, 1e-30]))[0])
    says = f"powers of 0 and 1e-30 have the logarithm of the floor, {np.log(1e-10):.6g}; yours are {y.tolist()}"
    return None if np.allclose(y, np.log(1e-10), rtol=1e-9) else says


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


SLANEY_ABOVE = "BREAK_MEL + np.log(f / BREAK_HZ) / LOG_STEP"
BENDS = "np.where(f < BREAK_HZ, f / HZ_PER_MEL, above)"
UNBENDS = "np.where(m < BREAK_MEL, m * HZ_PER_MEL, above)"
ABOVE = "np.log(np.maximum(f, BREAK_HZ) / BREAK_HZ) / LOG_STEP"
BACK = "np.exp(LOG_STEP * (np.maximum(m, BREAK_MEL) - BREAK_MEL))"
EXCHANGED = "the two scales are exchanged: with htk it is 2595 log10(1 + f / 700)"
EDGES = "edges = mel_frequencies(n_mels + 2, fmin=fmin, fmax=fmax, htk=htk)"
PLACES = "places = np.arange(1 + n_fft // 2) * (sr / n_fft)"
NORM = "W *= 2 / (edges[2:] - edges[:-2])[:, None]"
ROUNDED = (
    "the edges are rounded to frequencies of the DFT, as in old tutorials; they stand where they stand, and the "
    "triangles are read at the frequencies"
)
LINES = "(places - left) / (middle - left), (right - places) / (right - middle)"
SLOPES = "y = _repeat_ends(_slopes(data, h), h) if mode"
WEIGHTED = "total += n * (x[..., h + n : h + n + frames] - x[..., h - n : h - n + frames])"


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


def ends(first: str, last: str, cut: str = "dy[..., h : dy.shape[-1] - h].copy()") -> str:
    """The delta's backward where the ends get something else."""
    return (
        f"shape, h, mode = cache\n    def _repeat_ends_backward(dy, h):\n        dx = {cut}; {first}; {last}\n        "
        "return dx"
    )


BEFORE = "dx[..., 0] += dy[..., :h].sum(-1)"
BEHIND = "dx[..., -1] += dy[..., dy.shape[-1] - h :].sum(-1)"


def part_of_scale(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Case], Case | None]:
    """Numbers from one part of Slaney's scale."""

    def one(case: Case) -> Case | None:
        return None if case.kwargs.get("htk") else Case((change(case.args[0]),), {})

    return one


def without_silence(case: Case) -> Case | None:
    (x,), options = case
    return Case((np.where(x == 0, options["floor"] / 3, x),), options) if (x == 0).any() else None


summed = partial(Task, sizes=named_sizes, simpler=ONE_SAMPLE)
changes = partial(Task, simpler=ONE_SAMPLE)

TASKS = (
    Task(
        "hz_to_mel",
        scale_cases(hertz, on_both_sides(20, 1000, 9000)),
        (
            Property("0 Hz are 0 mel", begins_with_zero),
            Property("no jump at 1000 Hz", is_steady),
            Property("each octave has as many mel", octaves_are_alike),
            Property("whole numbers are numbers", whole_numbers),
        ),
        {
            "if htk:": {
                "if True:": "that is HTK's formula; without htk it is Slaney's, straight up to 1000 Hz",
                "if not htk:": EXCHANGED,
            },
            "HTK_MELS * np.log10(1 + f / HTK_HZ)": {
                "HTK_MELS * np.log(1 + f / HTK_HZ)": "the natural logarithm is taken; 2595 belongs to that of base 10",
                "1127 * np.log10(1 + f / HTK_HZ)": "1127 belongs to the natural logarithm; that of base 10 has 2595",
                "1127 * np.log(1 + f / HTK_HZ)": "that is Kaldi's scale, of 1127 ln; HTK's has 2595 log10, which is "
                "1126.99 ln",
                "HTK_MELS * np.log2(1 + f / HTK_HZ)": "the logarithm is that of base 2; 2595 belongs to that of base "
                "10",
                "HTK_MELS * np.log10(f / HTK_HZ)": "1 is missing in the logarithm: 1 + f / 700, so that 0 Hz are 0 mel",
                "HTK_MELS * np.log10(1 + f) / HTK_HZ": "the bracket is elsewhere: it is f that is divided by 700",
                "HTK_MELS * np.log10(1 + f / BREAK_HZ)": "f is divided by 1000; on HTK's scale it is by 700",
                "HTK_MELS * np.log10(HTK_HZ + f)": "1 + f / 700 is (700 + f) / 700: the division is missing",
            },
            ABOVE: {
                "np.log10(np.maximum(f, BREAK_HZ) / BREAK_HZ) / LOG_STEP": "above 1000 Hz log10 stands beside ln 6.4; "
                "both logarithms are natural",
                "np.log(np.maximum(f, BREAK_HZ) / BREAK_HZ) * LOG_STEP": "above 1000 Hz you multiply by ln 6.4 / 27; "
                "it is 27 / ln 6.4",
                "np.log(np.maximum(f, BREAK_HZ) / BREAK_HZ) * 27": "above 1000 Hz the division by ln 6.4 is missing",
                "np.log(np.maximum(f, BREAK_HZ) / BREAK_HZ)": "above 1000 Hz the factor 27 / ln 6.4 is missing",
                "np.log(np.maximum(f, BREAK_HZ)) / LOG_STEP": "above 1000 Hz the logarithm is that of f; it is that of "
                "f / 1000",
                "np.log(1 + np.maximum(f, BREAK_HZ) / BREAK_HZ) / LOG_STEP": "above 1000 Hz 1 is added in the "
                "logarithm; it is ln(f / 1000), and 0 at 1000 Hz",
                "np.log2(np.maximum(f, BREAK_HZ) / BREAK_HZ) / LOG_STEP": "above 1000 Hz log2 stands beside ln 6.4; "
                "both logarithms are natural",
            },
            "above = BREAK_MEL +": {"above =": "above 1000 Hz 15 is missing: there the straight part has got so far"},
            BENDS: {
                f"np.where(f < BREAK_HZ, f * HZ_PER_MEL, {SLANEY_ABOVE})": "below 1000 Hz you multiply by 200 / 3; it "
                "is 3 f / 200",
                f"np.where(f < BREAK_HZ, f / 200, {SLANEY_ABOVE})": "below 1000 Hz the 3 is missing: 3 f / 200",
                f"np.where(f > BREAK_HZ, f / HZ_PER_MEL, {SLANEY_ABOVE})": "the two parts are exchanged: straight "
                "below 1000 Hz, logarithmic above",
                "(f / HZ_PER_MEL)": "the logarithm above 1000 Hz is missing",
                f"({SLANEY_ABOVE})": "below 1000 Hz it is a straight line, 3 f / 200; yours is the "
                "logarithm there, too (hertz are compared with 1000, not with 15)",
            },
        },
        simpler={
            "below 1000 Hz": part_of_scale(lambda f: f % 1000),
            "above 1000 Hz": part_of_scale(lambda f: 1001 + f % 7000),
        },
    ),
    Task(
        "mel_to_hz",
        scale_cases(mels, on_both_sides(20, 1000, 2900)),
        (
            Property("undoes hz_to_mel", undoes_hz_to_mel),
            Property("whole numbers are numbers", whole_numbers),
        ),
        {
            "if htk:": {
                "if True:": "that is the way back from HTK's scale; without htk it is Slaney's",
                "if not htk:": "the two scales are exchanged: with htk it is 700 (10^(m / 2595) - 1)",
            },
            "HTK_HZ * (10 ** (m / HTK_MELS) - 1)": {
                "HTK_HZ * (np.exp(m / HTK_MELS) - 1)": "the base is e; what undoes log10 is 10^",
                "HTK_HZ * 10 ** (m / HTK_MELS)": "1 is missing: of 1 + f / 700 it must be subtracted",
                "HTK_HZ * 10 ** (m / HTK_MELS) - 1": "1 is subtracted behind the product; first subtract it, then "
                "multiply by 700",
                "HTK_HZ * 10 ** (m / HTK_MELS - 1)": "1 is subtracted in the exponent; it is from the power",
                "HTK_HZ * (10 ** (m / HTK_MELS) + 1)": "1 is added; the forward has added it, so subtract it",
                "(10 ** (m / HTK_MELS) - 1) / HTK_HZ": "you divide by 700; the forward has divided, so multiply",
                "HTK_HZ * (2 ** (m / HTK_MELS) - 1)": "the base is 2; what undoes log10 is 10^",
                "BREAK_HZ * (10 ** (m / HTK_MELS) - 1)": "it is multiplied by 1000; on HTK's scale it is by 700",
                "HTK_HZ * (np.exp(m / 1127) - 1)": "that is Kaldi's scale, of 1127 ln; HTK's has 2595 log10, which is "
                "1126.99 ln",
            },
            BACK: {
                "np.exp(LOG_STEP * np.maximum(m, BREAK_MEL))": "above 15 mel, 15 is not subtracted: they are 1000 Hz",
                "np.exp(np.maximum(m, BREAK_MEL) - BREAK_MEL)": "above 15 mel the factor ln 6.4 / 27 is missing",
                "10 ** (LOG_STEP * (np.maximum(m, BREAK_MEL) - BREAK_MEL))": "above 15 mel the base is 10, beside ln "
                "6.4; what undoes ln is exp",
                "np.exp((np.maximum(m, BREAK_MEL) - BREAK_MEL) / 27)": "above 15 mel ln 6.4 is missing: it is "
                "multiplied by ln 6.4 / 27",
                "6.4 ** (np.maximum(m, BREAK_MEL) - BREAK_MEL)": "above 15 mel the division by 27 is missing: 27 steps "
                "are a factor of 6.4",
                "np.exp((np.maximum(m, BREAK_MEL) - BREAK_MEL) / LOG_STEP)": "above 15 mel you divide by ln 6.4 / 27; "
                "the forward has divided, so multiply",
                "(np.exp(LOG_STEP * (np.maximum(m, BREAK_MEL) - BREAK_MEL)) - 1)": "above 15 mel 1 is subtracted, as "
                "on HTK's scale; at 15 mel the exponential is 1, and the frequency 1000 Hz",
            },
            "above = BREAK_HZ *": {"above =": "above 15 mel the factor 1000 is missing"},
            UNBENDS: {
                "np.where(m < BREAK_MEL, m / HZ_PER_MEL, above)": "below 15 mel you divide by 200 / 3; the forward has "
                "divided, so multiply",
                "np.where(m < BREAK_MEL, m * 200, above)": "below 15 mel the 3 is missing: 200 m / 3",
                "np.where(m > BREAK_MEL, m * HZ_PER_MEL, BREAK_HZ * np.exp(LOG_STEP * (m - BREAK_MEL)))": "the two "
                "parts are exchanged: straight below 15 mel, exponential above",
                "(m * HZ_PER_MEL)": "the exponential above 15 mel is missing (mel are compared with 15, not with 1000)",
                "(BREAK_HZ * np.exp(LOG_STEP * (m - BREAK_MEL)))": "below 15 mel it is a straight line, 200 m / 3; "
                "yours is the exponential everywhere",
                "hz_to_mel(m)": "that is hz_to_mel once more; undo it",
            },
        },
        simpler={
            "below 15 mel": part_of_scale(lambda m: m % 15),
            "above 15 mel": part_of_scale(lambda m: 15.1 + m % 30),
        },
    ),
    Task(
        "triangular_filters",
        {"": triangles, "with one filter": one_triangle},
        (Property("all filters together are 1", together_one),),
        {
            "np.maximum(0, np.minimum(": {
                "(np.minimum(": "a filter is negative outside of its edges; there it is 0",
                "np.abs(np.minimum(": "a filter is mirrored outside of its edges; there it is 0",
                "np.maximum(0, np.maximum(": "the larger of the two lines is taken; a triangle is under both of them",
                "np.maximum(0, np.multiply(": "the two lines are multiplied; a triangle is the smaller of the two",
                "2 / (right - left) * np.maximum(0, np.minimum(": "each filter is made to have the area 1; here it is "
                "1 high, and mel_filterbank sees to the norm",
            },
            LINES: {
                "(places - left) / (middle - left), (right - places) / (middle - left)": "both sides have the slope of "
                "the rising one; the falling one ends at the edge after",
                "(places - left) / (right - middle), (right - places) / (right - middle)": "both sides have the slope "
                "of the falling one; the rising one begins at the edge before",
                "(places - left) / (right - left), (right - places) / (right - left)": "both sides are divided by the "
                "whole width of the filter; each by its own, so that it is 1 at the middle edge",
                "2 * (places - left) / (right - left), 2 * (right - places) / (right - left)": "the peak stands half "
                "way between the outer edges; it stands at the middle edge",
                "(places - left) / (middle - left), (right - places) / (right - middle) + 1": "the falling side ends "
                "too late: it is 1 at the middle edge and 0 at the right one",
                "(places - left), (right - places)": "the slopes are 1; divide, so that a filter is 1 at its middle "
                "edge",
                "1 - 2 * np.abs(places - middle) / (right - left), 1": "both sides are equally wide; they go to the "
                "edges before and after, which lie unevenly",
                "(places >= left) * 1.0, (places < right) * 1.0": "those are boxes; a filter rises and falls in "
                "straight lines",
                "(places - left) / (middle - left), (places <= middle) * 1.0": "the falling side is missing",
                "(places >= middle) * 1.0, (right - places) / (right - middle)": "the rising side is missing",
                "np.sin(np.pi / 2 * (places - left) / (middle - left)), np.sin(np.pi / 2 * (right - places) / (right - "
                "middle))": "... y",
            },
            "left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]": {
                "left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]; middle = (left + right) / "
                "2": "the peak stands half way between the outer edges; it stands at the middle edge",
                "left, middle, right = edges[:-3, None], edges[1:-2, None], edges[2:-1, None]": "... y has shape",
                "left, middle, right = edges[:-2], edges[1:-1], edges[2:]; places = places[:, None]": "... it equals "
                "the transpose of the expected",
                "edges = np.round(edges); left, middle, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]": (
                    "the edges are rounded; they stand where they stand"
                ),
                "edges = edges[::-1]; left, middle, right = edges[2:, None], edges[1:-1, None], edges[:-2, None]": (
                    "... reversed along the filter axis"
                ),
            },
            "return np.maximum(0": {
                "edges *= 1.5; return np.maximum(0": "... you modified edges in place",
                "return (places != middle) * np.maximum(0": "at its middle edge a filter is 1; yours is 0 there (< on "
                "both sides?)",
                "return (1 + (places == middle)) * np.maximum(0": "at the middle edge both sides are counted, which "
                "makes 2; a filter is 1 there",
            },
            "len(edges) < 3 or not (np.diff(edges) > 0).all()": {
                "False": "... it must raise a ValueError",
                "len(edges) < 3": "... it must raise a ValueError",
            },
        },
        axes={"y": "filter place"},
    ),
    Task(
        "mel_filterbank",
        BANKS,
        (Property("each filter has the area 1", of_one_area),),
        {
            EDGES: {
                "edges = mel_frequencies(n_mels + 2, fmin=fmin, fmax=fmax, htk=True)": "the edges are equally far "
                "apart on HTK's scale; without htk it is Slaney's",
                "edges = mel_frequencies(n_mels + 2, fmin=fmin, fmax=fmax, htk=not htk)": "the edges are equally far "
                "apart on the other scale; hand htk on as it is",
                "edges = np.linspace(fmin, fmax, n_mels + 2)": "the edges are equally far apart in hertz; they are in "
                "mel",
                "edges = np.asarray(mel_to_hz(np.linspace(hz_to_mel(fmin, htk=htk), hz_to_mel(fmax, htk=htk), n_mels + "
                "2)))": "htk is handed to hz_to_mel and not to mel_to_hz",
                "edges = np.asarray(mel_to_hz(np.linspace(hz_to_mel(fmin), hz_to_mel(fmax), n_mels + 2), htk=htk))": (
                    "htk is handed to mel_to_hz and not to hz_to_mel"
                ),
                "edges = np.geomspace(fmin + 1, fmax, n_mels + 2)": "the edges are equally far apart in the logarithm "
                "of hertz; they are in mel",
                "edges = mel_frequencies(n_mels + 3, fmin=fmin, fmax=fmax, htk=htk)[1:]": "the first edge is one step "
                "above fmin; it is fmin itself, and there are n_mels + 2 edges",
                "edges = mel_frequencies(n_mels + 3, fmin=fmin, fmax=fmax, htk=htk)[:-1]": "the last edge is one step "
                "below fmax; it is fmax itself (no endpoint=False), and there are n_mels + 2 edges",
                "edges = mel_frequencies(n_mels + 4, fmin=fmin, fmax=fmax, htk=htk)[1:-1]": "the edges lie one step "
                "inside of the band; the first is fmin and the last fmax, and there are n_mels + 2",
                "edges = mel_frequencies(n_mels, fmin=fmin, fmax=fmax, htk=htk)": "... y has shape",
                "edges = mel_frequencies(n_mels + 1, fmin=fmin, fmax=fmax, htk=htk)": "... y has shape",
                f"{EDGES}; edges = np.floor((n_fft + 1) * edges / sr) * (sr / n_fft)": ROUNDED,
                f"{EDGES}; edges = np.floor(n_fft * edges / sr) * (sr / n_fft)": ROUNDED,
                f"{EDGES}; edges = np.round(n_fft * edges / sr) * (sr / n_fft)": ROUNDED,
            },
            PLACES: {
                "places = np.linspace(0, sr / 2, 1 + n_fft // 2)": "the last frequency of the DFT is not sr / 2 if "
                "n_fft is odd; frequency k is k sr / n_fft",
                "places = np.arange(1 + n_fft // 2) * (sr / (n_fft + 1))": "frequency k of the DFT is k sr / n_fft, "
                "not k sr / (n_fft + 1)",
                "places = (np.arange(1 + n_fft // 2) + 0.5) * (sr / n_fft)": "the filters are read half way between "
                "the frequencies of the DFT; frequency k is k sr / n_fft",
                "places = np.arange(1, 2 + n_fft // 2) * (sr / n_fft)": "the frequencies begin with number 1; the "
                "first one is 0",
                "places = np.arange(1 + n_fft // 2) * (sr / 2 / n_fft)": "frequency k of the DFT is k sr / n_fft; "
                "yours are half of that",
                "places = np.linspace(0, sr, 1 + n_fft // 2)": "the frequencies end at sr; a DFT of real numbers ends "
                "at about half of that, and frequency k is k sr / n_fft",
                "places = np.arange(n_fft // 2) * (sr / n_fft)": "... y has shape",
                "places = np.arange(n_fft) * (sr / n_fft)": "... y has shape",
                "places = np.linspace(fmin, fmax, 1 + n_fft // 2)": "the frequencies of the DFT go from fmin to fmax; "
                "they are those of all the DFT, k sr / n_fft, whatever the band",
                "places = np.fft.rfftfreq(n_fft)": "... y is zero everywhere",
            },
            "fmax = sr / 2 if": {"fmax = sr if": "if fmax is not given, it is sr; it is half of sr"},
            NORM: {
                "pass": "norm='slaney' is left out: divide each filter by half of its width in hertz",
                "W *= 1 / (edges[2:] - edges[:-2])[:, None]": "each filter is divided by its width; it is by half of "
                "it, so that the area is 1",
                "W *= 2 * (edges[2:] - edges[:-2])[:, None]": "each filter is multiplied by its width; divide by half "
                "of it",
                "W *= (edges[2:] - edges[:-2])[:, None] / 2": "each filter is multiplied by half of its width; divide",
                "W *= 2 / (edges[1:-1] - edges[:-2])[:, None]": "the width is taken to the middle edge; it goes from "
                "the first to the last edge of a filter",
                "W *= 2 / (edges[2:] - edges[1:-1])[:, None]": "the width is taken from the middle edge on; it goes "
                "from the first to the last edge of a filter",
                "W *= 1 / (edges[2:] - edges[1:-1])[:, None]": "each filter is divided by the width of its falling "
                "side; it is by half of its whole width",
                "W *= 2 / np.diff(hz_to_mel(edges, htk=htk))[1:, None]": "the width is taken in mel, between two "
                "edges; it is in hertz, from the first to the last edge of a filter",
                "m = np.asarray(hz_to_mel(edges, htk=htk)); W *= 2 / (m[2:] - m[:-2])[:, None]": "the width is taken "
                "in mel; it is in hertz",
                "W /= W.sum(1, keepdims=True)": "each filter's sum is made 1; it is divided by half of its width in "
                "hertz",
                "W /= W.sum(1, keepdims=True) * (sr / n_fft)": "each filter is divided by its own sum, which depends "
                "on where the frequencies lie; it is by half of its width in hertz",
                "W /= W.max(1, keepdims=True)": "each filter's largest number is made 1; it is divided by half of its "
                "width in hertz",
                "W *= 2 / (edges[2:] - edges[:-2])[:, None] * (sr / n_fft)": "the width is counted in frequencies of "
                "the DFT; it is in hertz",
                "W /= np.linalg.norm(W, axis=1, keepdims=True)": "each filter is divided by its length as a vector; it "
                "is by half of its width in hertz",
            },
            "W = triangular_filters(np.asarray(hz_to_mel(edges, htk=htk)), np.asarray(hz_to_mel(places, htk=htk)))": {
                "W = triangular_filters(edges, places)": "triangles='mel' is left out: edges and frequencies are then "
                "both in mel",
                "W = triangular_filters(np.asarray(hz_to_mel(edges)), np.asarray(hz_to_mel(places)))": "with "
                "triangles='mel' and htk the triangles are straight on Slaney's scale; hand htk on",
                "W = triangular_filters(np.asarray(hz_to_mel(edges, htk=True)), np.asarray(hz_to_mel(places, "
                "htk=True)))": "with triangles='mel' the triangles are straight on HTK's scale, whatever htk says",
                "W = triangular_filters(np.asarray(hz_to_mel(edges, htk=htk)), places)": "with triangles='mel' the "
                "edges are in mel and the frequencies in hertz; both are in mel",
            },
            "W = triangular_filters(edges, places)": {
                "W = triangular_filters(np.floor((n_fft + 1) * edges / sr) * (sr / n_fft), places)": ROUNDED,
                "W = triangular_filters(np.floor(n_fft * edges / sr) * (sr / n_fft), places)": ROUNDED,
                "W = triangular_filters(np.round(n_fft * edges / sr) * (sr / n_fft), places)": ROUNDED,
            },
            'if norm == "slaney":': {
                "if True:": "the norm is always Slaney's; norm=None leaves the filters 1 high",
                "if norm is None:": "... norm='slaney' is left out",
            },
            "return W": {
                "return W.T": "... it equals the transpose of the expected",
                "return W[::-1]": "... reversed along the band axis",
                "return W[:, ::-1]": "... reversed along the frequency axis",
                "return W.astype(np.float32).astype(float)": "... float32's rounding",
                "return W**2": "the triangles are squared",
                "return np.sqrt(W)": "the root of the triangles is taken; it is the power of a spectrum that they sum",
            },
            'norm not in ("slaney", None)': {"False": "... with norm='no_such_name' it must raise a ValueError"},
            'triangles not in ("hertz", "mel")': {
                "False": "... with triangles='no_such_name' it must raise a ValueError"
            },
            '_check_band("mel_filterbank", fmin, fmax)': {"pass": "... it must raise a ValueError"},
            'check_range("mel_filterbank: sr", sr, above=0, below=inf)': {
                "pass": "... with sr=-0.5 it must raise a ValueError"
            },
        },
        axes={"y": "band frequency"},
        uses=("hz_to_mel", "mel_to_hz", "triangular_filters"),
    ),
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
        (Property("silence is not minus infinity", silence_is_finite),),
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
            'check_range("log_floor: floor", floor, above=0, below=inf)': {
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
                "np.where(low, 0, dy)": "the division by x is missing: the slope of the logarithm is 1 / x",
                "dy": "that is dy itself: the slope of the logarithm is 1 / x, and 0 where the floor stood in",
                "np.where(low, 0, dy * x)": "you multiply by x; the slope of the logarithm is 1 / x",
                "np.where(low, 0, dy / np.log(x))": "dy is divided by the logarithm; divide it by x",
                "np.where(low, 0, dy / x / np.log(10))": "that is the slope of log10; the forward takes the natural "
                "logarithm",
                "np.where(low, 0, dy * np.exp(x))": "the slope of the logarithm is 1 / x, not exp(x)",
                "np.where(low, 0, dy / (1 + x))": "that is the slope of ln(1 + x); it is 1 / x",
                "np.where(low, 0, -dy / x)": "... dx has the wrong sign",
                "np.where(low, 0, 1 / x)": "... dx is not linear in dy",
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
                "return DataGrad(-_repeat_ends(_slopes(dy, cache.h), cache.h)); shape, h, mode = cache": "that is "
                "minus the delta of dy; right in the middle, but not at the ends",
                "return DataGrad(_slopes(_repeat_ends(dy, cache.h), cache.h)); shape, h, mode = cache": "that is the "
                "delta of dy; a gradient goes the other way: a frame is ahead of those before it",
                "return DataGrad(-_slopes(_repeat_ends(dy, cache.h), cache.h)); shape, h, mode = cache": "that is "
                "minus the delta of dy; right in the middle, but not at the ends",
                "dy = np.pad(dy, [(0, 0)] * (dy.ndim - 1) + [(cache.h, cache.h)]); return DataGrad(-_slopes(dy, "
                "cache.h)); shape, h, mode = cache": "right in the middle, but not at the ends: what was repeated "
                "there was read more often",
                "return DataGrad(dy); shape, h, mode = cache": "that is dy itself",
                "shape, h, mode = cache; h = 2 * h": "... ",
                "shape, h, mode = cache; dy *= 2": "... you modified dy in place",
            },
        },
        axes={"ddata": "sample band frame"},
    ),
)

MEL = Exercise(
    "mel",
    "log-mel features, and how they change",
    50,
    TASKS,
    offers=("log",),
    closed=(
        *("minivit.audio.mel:mel_frequencies", "minivit.audio.mel:kept_filterbank"),
        *("minivit.audio.decibels:power_to_db_forward", "minivit.audio.decibels:power_to_db_backward"),
        *(f"minivit.audio.delta:_{name}" for name in ("slopes", "slopes_backward", "squares")),
        *(f"minivit.audio.delta:_{name}" for name in ("repeat_ends", "repeat_ends_backward")),
    ),
    lecture="09_sound",
    section=6,
)
