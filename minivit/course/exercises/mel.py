"""Log-mel features: hertz as an ear counts them, and triangular filters; what comes then, stands in _mel_features."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from minivit.audio.mel import hz_to_mel
from minivit.check.draw import Case, choose
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import close, with_options
from minivit.course.exercises._mel_features import FEATURE_TASKS


def on_both_sides(low: float, middle: float, high: float) -> Draw:
    """Draws seven numbers, some below and some above the place where the scale bends."""

    def drawn(rng: Generator) -> Case:
        numbers = *rng.uniform(low, middle, 3), *rng.uniform(middle, high, 4)
        return Case((rng.permutation(numbers),), {})

    return drawn


hertz, mels = on_both_sides(20, 1000, 9000), on_both_sides(0.5, 15, 48)


def scale_cases(draw: Draw, htk: Draw) -> dict[str, Draw]:
    def one_number(rng: Generator) -> Case:
        return Case((float(draw(rng).args[0].max()),), {})  # an array alone would show what is wrong above the bend

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


BANKS = {
    "": bank(),
    "on HTK's scale": bank(htk=True, norm="slaney"),
    "without a norm": bank(norm=None),
    "from fmin to fmax": bank(fmin=150.0, fmax=3000.0),
    "with triangles in mel": bank(triangles="mel"),
    "as Kaldi has it": bank(htk=True, norm=None, triangles="mel", fmin=20.0),
    "of an odd n_fft": bank(sr=8000.0, n_fft=1025),
}


def part_of_scale(change: Callable[[np.ndarray], np.ndarray]) -> Callable[[Case], Case | None]:
    """Numbers from one part of Slaney's scale."""

    def one(case: Case) -> Case | None:
        return None if case.kwargs.get("htk") else Case((change(case.args[0]),), {})

    return one


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

TASKS = (
    Task(
        "hz_to_mel",
        scale_cases(hertz, hertz),
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
                "27 * np.log(np.maximum(f, BREAK_HZ) / BREAK_HZ / 6.4)": "above 1000 Hz 6.4 stands inside of the "
                "logarithm of f; ln(f / 1000) is divided by ln 6.4",
            },
            "above = BREAK_MEL +": {"above =": "above 1000 Hz 15 is missing: there the straight part has got so far"},
            BENDS: {
                f"np.where(f < BREAK_HZ, f * HZ_PER_MEL, {SLANEY_ABOVE})": "below 1000 Hz you multiply by 200 / 3; it "
                "is 3 f / 200",
                f"np.where(f < BREAK_HZ, f / 200, {SLANEY_ABOVE})": "below 1000 Hz the 3 is missing: 3 f / 200",
                f"np.where(f > BREAK_HZ, f / HZ_PER_MEL, {SLANEY_ABOVE})": "the two parts are exchanged: straight "
                "below 1000 Hz, logarithmic above",
                "f / HZ_PER_MEL + (f >= BREAK_HZ) * above": "above 1000 Hz the straight part is added once more; 15 "
                "stands for it",
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
                "6.4 ** (np.maximum(m, BREAK_MEL) - BREAK_MEL) / 27": "above 15 mel the power is divided by 27; its "
                "exponent is",
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
                "(places - left) / (middle - left), (places - right) / (right - middle)": "the falling side has the "
                "wrong sign: right - place, so that it is 0 at the right edge and 1 at the middle one",
                "(places - left) / (right - middle), (right - places) / (middle - left)": "each side is divided by the "
                "width of the other one; by its own, so that it is 1 at the middle edge",
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
                "len(edges) < 3 or (np.diff(edges) < 0).any()": "... whose first two are equal it must raise",
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
                "W = triangular_filters(np.floor((n_fft + 1) * edges / sr) * (sr / n_fft), places)": f"{ROUNDED}; and "
                "the norm is missing",
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
                "W = triangular_filters(np.asarray(hz_to_mel(edges, htk=htk)), np.asarray(hz_to_mel(places)))": "with "
                "triangles='mel' and htk the frequencies are on Slaney's scale, the edges on HTK's; hand htk on to "
                "both",
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
    *FEATURE_TASKS,
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
