"""Say what a wrong answer looks like, in the words of who wrote it: which array, where, and what kind of mistake."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import floor, isclose, log10, sqrt
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.check.diagnose import diagnose
from minivit.course.exercise import Task, Trial
from minivit.course.outputs import flatten, named_outputs

TOLERANCE = 1e-9  # the expected numbers are exact here, not numerical derivatives, so patterns are held to more digits
ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def same(a: ndarray, b: ndarray) -> bool:
    """Equal shapes and, up to rounding, equal numbers."""
    with np.errstate(all="ignore"):
        return a.shape == b.shape and bool((np.abs(a - b) <= TOLERANCE * np.abs(b).max(initial=0)).all())


def exchanged(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> str | None:
    """``"dgamma and dbeta"`` where each holds the other's numbers (and, in a forward, y is right all the same)."""
    if "y" in wanted and not same(np.asarray(found["y"]), np.asarray(wanted["y"])):
        return None
    arrays = {name: a for name, a in wanted.items() if isinstance(a, ndarray) and isinstance(found.get(name), ndarray)}
    for one, other in combinations(arrays, 2):
        if same(arrays[one], arrays[other]):
            continue
        if same(found[one], arrays[other]) and same(found[other], arrays[one]):
            return f"{one} and {other}"
    return None


def wrong_shape(name: str, got: ndarray, expected: ndarray, wanted: Mapping[str, Any] | None = None) -> str:
    """A message for an array of another shape; ``wanted`` are all arrays that are expected."""
    message = f"{name} has shape {got.shape}; expected {expected.shape}"
    if got.ndim == expected.ndim >= 2 and same(got.mT, expected):
        return f"{message}: it equals the transpose of the expected" + " (last two axes)" * (got.ndim > 2)
    for other, array in (wanted or {}).items():
        if other != name and isinstance(array, ndarray) and array.ndim > 1 and array.shape == got.shape:
            holds = "it holds what belongs into" if same(got, array) else "that is the shape of"
            return f"{message}: {holds} {other}"
    if got.size == expected.size and same(got.reshape(expected.shape), expected):
        return f"{message}: the numbers are right, only the shape is not"
    extra = got.ndim - expected.ndim
    if any(same(got, expected.sum(axes)) for axes in combinations(range(expected.ndim), max(-extra, 0)) if axes):
        return f"{message}: it is summed over an axis that must stay"
    if extra > 0 and got.shape[extra:] == expected.shape and same(got.sum(tuple(range(extra))), expected):
        return f"{message}: it is not summed yet. What was added to every row gets the sum over all rows"
    if got.ndim == expected.ndim and all(n in (1, m) for n, m in zip(expected.shape, got.shape, strict=True)):
        return f"{message}: an axis that was stretched in the forward must be summed"
    if got.ndim == expected.ndim and all(n in (1, m) for n, m in zip(got.shape, expected.shape, strict=True)):
        return f"{message}: it is summed over an axis that must stay"
    return message


def wrong_values(
    wrong: Mapping[str, tuple[ndarray, ndarray]], task: Task, trial: Trial, said: Sequence[str] = ()
) -> str:
    """A message for wrong numbers, given as (got, expected) by name.

    It speaks of one array, its worst place, and names the others. What has been ``said`` of another case wins where it
    fits this one too: an easy case has several explanations. Then a known mistake wins, of whatever array.
    """
    names = sorted(wrong, key=lambda name: name == "value")  # the averages first: a new value follows from them
    known = [(name, sentence) for name in names for sentence in known_mistakes(name, wrong[name][0], task, trial)]
    known.sort(key=lambda pair: pair[1] not in said)
    patterns = ((name, sentence) for name in names for sentence in _patterns(name, *wrong[name], task, trial))
    name, sentence = known[0] if known else next(patterns, (names[0], f"{names[0]} is wrong"))
    others = [other for other in wrong if other != name]
    also = f"\n  also wrong: {', '.join(others)}" if others else ""
    return f"{sentence}\n  {worst_place(name, *wrong[name])}{also}"


def worst_place(name: str, got: ndarray, expected: ndarray) -> str:
    """Index and both values where the difference is largest."""
    with np.errstate(all="ignore"):
        error = np.abs(np.asarray(got) - expected)
    error = np.where((got == expected), 0, np.where(np.isnan(error), np.inf, error))
    index = tuple(int(i) for i in np.unravel_index(int(error.argmax()), error.shape))
    place = f"{name}[{', '.join(map(str, index))}]" if index else name
    is_, should_be = told_apart(got[index], expected[index])
    return f"worst: {place} is {is_}, it should be {should_be}"


def told_apart(a: float, b: float, digits: int = 9) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see that they differ."""
    while digits < 17 and f"{a:.{digits}g}" == f"{b:.{digits}g}":
        digits += 1
    return f"{a:.{digits}g}", f"{b:.{digits}g}"


def known_mistakes(name: str, got: ndarray, task: Task, trial: Trial) -> Iterator[str]:
    """The known mistakes of this output that give just these numbers."""
    expected = named_outputs(task.kind, trial.expected, trial.expected).get(name)
    for mistake in task.mistakes if expected is not None else ():
        if mistake.output == name and _matches(mistake.wrong, trial, got, np.asarray(expected)):
            yield f"{name}: {mistake.says}"


def _patterns(name: str, got: ndarray, expected: ndarray, task: Task, trial: Trial) -> Iterator[str]:
    """Everything that can be said of the numbers alone, the most telling first."""
    if not np.isfinite(got).all() and np.isfinite(expected).all():
        kind = "nan" if np.isnan(got).any() else "infinity"
        yield f"{name} has {kind} in {int((~np.isfinite(got)).sum())} places"
        return
    if not np.isfinite(expected).all():
        return
    if not got.any() and expected.any():
        yield f"{name} is zero everywhere: nothing reaches it"
    if square_transposed(got, expected):
        yield f"{name} equals the transpose of the expected"
    error = float(np.abs(got - expected).max()) / (float(np.abs(expected).max()) or np.inf)
    if 0 < error < 1e-4:
        yield f"{name} is right to {floor(-log10(error))} digits only: is a constant like eps missing, or elsewhere?"
    if (factor := _factor(got, expected)) and (sentence := _factor_sentence(name, factor, task, trial, got.size)):
        yield sentence
    other = _is_another(name, got, trial)
    if other:
        yield f"{name} holds what belongs into {other}"
    if got.size > 1 and (sentence := diagnose(got, expected)):  # of one number a factor or a constant tells nothing
        yield f"{name}: {in_words(sentence, task.axes.get(name, ''), got.ndim)}"


def square_transposed(got: ndarray, expected: ndarray) -> bool:
    """A square matrix hides this behind its shape."""
    return got.ndim == 2 and got.shape[0] == got.shape[1] and same(got.T, expected) and not same(got, expected)


def _matches(wrong: Any, trial: Trial, got: ndarray, expected: ndarray) -> bool:
    """Whether the student's numbers are those of a known mistake (which must differ from the right ones here)."""
    try:
        with np.errstate(all="ignore"):
            mistaken = np.asarray(wrong(trial))
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, ZeroDivisionError):
        return False  # this case has no such mistake: no mask to forget, for instance
    if mistaken.shape != got.shape or not np.isfinite(mistaken).all():
        return False
    return same(got, mistaken) and not same(mistaken, expected)


def _factor(got: ndarray, expected: ndarray) -> float | None:
    """The one number by which ``got`` is too large, if there is one."""
    square = float(np.vdot(expected, expected))
    if square == 0:
        return None
    factor = float(np.vdot(expected, got)) / square
    return factor if abs(factor) > TOLERANCE and same(np.asarray(got / factor), expected) else None


def _factor_sentence(name: str, factor: float, task: Task, trial: Trial, numbers: int) -> str | None:
    if isclose(factor, -1, rel_tol=1e-6):
        return f"{name} has the wrong sign"
    size = f"{factor:.4g} times too large" if abs(factor) > 1 else f"{1 / factor:.4g} times too small"
    sign = " and has the wrong sign" if factor < 0 else ""
    for key, words in _named_factors(abs(factor), task, trial):
        reason = task.reasons.get(key)
        return f"{name} is {size.replace('-', '')} {words}{sign}" + (f": {reason}" if reason else "")
    return f"{name} is {size.replace('-', '')}{sign}, the same factor everywhere" if numbers > 1 else None


def _named_factors(factor: float, task: Task, trial: Trial) -> Iterator[tuple[str, str]]:
    """Names of a factor: ``"sqrt(the head width)", "= sqrt(8), the head width"``."""
    sizes = task.sizes(trial.case) if task.sizes else {}
    for name, size in sizes.items():
        if size in (0, 1):
            continue
        counts = name not in ("scale", "the head width", "the width")  # things that one may sum or average over
        what = f"{size:g}, {name}" if size > 1 else f"1 / {size:g}, one over {name}"
        forms = {
            name: (size, f"= {what}" + ": summed over it instead of averaged" * counts),
            f"1 / {name}": (1 / size, f"= {what}" + ": averaged over it instead of summed" * counts),
            f"sqrt({name})": (sqrt(size), f"= sqrt({size:g}), {name}"),
            f"1 / sqrt({name})": (1 / sqrt(size), f"= sqrt({size:g}), {name}"),
            f"{name} squared": (size * size, f"= {size:g} squared, {name}"),
        }
        for key, (value, words) in forms.items():
            if isclose(factor, value, rel_tol=1e-6):
                yield key, words


def _is_another(name: str, got: ndarray, trial: Trial) -> str | None:
    """The name of the output whose numbers stand here by mistake."""
    is_forward = isinstance(trial.expected, tuple) and not hasattr(trial.expected, "_fields")
    expected = {"y": trial.expected[0]} if is_forward else trial.expected
    for other, value in flatten(expected, "d" if trial.cache is not None else "").items():
        if other != name and isinstance(value, ndarray) and value.shape == got.shape and same(got, value):
            return other
    return None


def in_words(sentence: str, axes: str, ndim: int) -> str:
    """Replace ``index 2 of axis 1`` by ``the third head``, where the axes have names."""
    names = axes.split()[-ndim:] if ndim else []
    if len(names) != ndim:
        return sentence

    def one(match: re.Match) -> str:
        index, axis = int(match[1]), int(match[2])
        which = ORDINALS[index] if index < len(ORDINALS) else f"number {index}"
        return f"the {which} {names[axis]}"

    sentence = re.sub(r"index (\d+) of axis (\d+)", one, sentence)
    sentence = re.sub(r"(indices [\d, to]+) of axis (\d+)", r"\1 (counted from 0) of axis \2", sentence)
    sentence = re.sub(
        r"axes (\d+) and (\d+)", lambda m: f"the axes {names[int(m[1])]} and {names[int(m[2])]}", sentence
    )
    return re.sub(r"axis (\d+)", lambda m: f"the {names[int(m[1])]} axis", sentence)
