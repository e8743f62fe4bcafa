"""Say what a wrong answer looks like, in the words of who wrote it: which array, where, and what kind of mistake."""

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from itertools import combinations, permutations
from math import floor, isclose, log10
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.diagnose import Names, common_factor, counts, diagnose
from minivit.check.diagnose import same as same_up_to
from minivit.check.reals import as_reals, is_complex
from minivit.course.call import perform
from minivit.course.complex_numbers import of_complex
from minivit.course.exercise import Task, Trial
from minivit.course.outputs import flatten, is_number, named_outputs
from minivit.course.plant import planted
from minivit.course.trial import forward_names, our_answer, without_options

TOLERANCE = 1e-9  # the expected numbers are exact here, not numerical derivatives, so patterns are held to more digits
SMALL = 1e-3  # of the largest number of all outputs: what is smaller is judged as if it were as large


@np.errstate(all="ignore")
def same(a: ndarray, b: ndarray) -> bool:
    """Equal shapes and, up to rounding, equal numbers."""
    return same_up_to(a, b, tolerance=TOLERANCE)


def exchanged(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> tuple[str, ...]:
    """``"dgamma", "dbeta"`` where each holds the other's numbers (and, in a forward, y is right all the same).

    Or where three or more have changed places.
    """
    if "y" in wanted and not same(np.asarray(found["y"]), np.asarray(wanted["y"])):
        return ()
    arrays = {name: a for name, a in wanted.items() if isinstance(a, ndarray) and isinstance(found.get(name), ndarray)}
    for one, other in combinations(arrays, 2):
        if same(arrays[one], arrays[other]):
            continue
        if same(found[one], arrays[other]) and same(found[other], arrays[one]):
            return one, other
    holds = {name: [other for other in arrays if same(found[name], arrays[other])] for name in arrays}
    moved = {name: others[0] for name, others in holds.items() if len(others) == 1 and others[0] != name}
    return (*moved,) if {*moved} == {*moved.values()} else ()


def wrong_shape(name: str, got: ndarray, expected: ndarray, wanted: Mapping[str, Any] | None = None) -> str:
    """A message for an array of another shape; ``wanted`` are all arrays that are expected."""
    message = f"{name} has shape {got.shape}; expected {expected.shape}"
    if got.ndim == expected.ndim >= 2 and same(got.mT, expected):
        return f"{message}: it equals the transpose of the expected" + " (last two axes)" * (got.ndim > 2)
    for other, array in (wanted or {}).items():
        if other != name and isinstance(array, ndarray) and array.ndim > 1 and array.shape == got.shape:
            holds = "it holds what belongs into" if same(got, array) else "that is the shape of"
            return f"{message}: {holds} {other}"
    if expected.shape == (*got.shape, 1) and same(got[..., None], expected):
        missing = "the axis of length 1 is missing (keepdims=True in a sum or mean, no squeeze)"
        return f"{message}: the numbers are right; {missing}"
    if got.ndim == expected.ndim >= 3:
        for order in permutations(range(got.ndim)):
            if same(got, expected.transpose(order)):
                return f"{message}: its axes stand in another order, {order} (.T turns all of them around)"
    if got.size == expected.size and same(got.reshape(expected.shape), expected):
        return f"{message}: the numbers are right, only the shape is not"
    extra = got.ndim - expected.ndim
    if any(
        same(got, np.asarray(expected.sum(axes))) for axes in combinations(range(expected.ndim), max(-extra, 0)) if axes
    ):
        return f"{message}: it is summed over an axis that must stay"
    if extra > 0 and got.shape[extra:] == expected.shape and same(got.sum(tuple(range(extra))), expected):
        return f"{message}: it is not summed yet. What was added to every row gets the sum over all rows"
    if got.ndim == expected.ndim and all(n in (1, m) for n, m in zip(expected.shape, got.shape, strict=True)):
        return f"{message}: an axis that was stretched in the forward must be summed"
    if got.ndim == expected.ndim and all(n in (1, m) for n, m in zip(got.shape, expected.shape, strict=True)):
        return f"{message}: it is summed over an axis that must stay"
    others = [i for i, lengths in enumerate(zip(got.shape, expected.shape, strict=False)) if len({*lengths}) > 1]
    if got.ndim == expected.ndim and len(others) == 2 and sorted(got.shape) == sorted(expected.shape):
        return f"{message}: the lengths of axes {others[0]} and {others[1]} are exchanged"
    return message


@np.errstate(all="ignore")
def wrong_values(
    wrong: Mapping[str, tuple[ndarray, ndarray]],
    task: Task,
    trial: Trial,
    said: Sequence[str] = (),
    right: Sequence[Trial] = (),
) -> str:
    """A message for wrong numbers, given as (got, expected) by name.

    It speaks of one array, its worst place, and names the others. What has been ``said`` of another case wins where it
    fits this one too: an easy case has several explanations. Then a known mistake wins, of whatever array; not one that
    would have been seen in the cases that were ``right``, if there is another.
    """
    names = sorted(wrong, key=lambda name: name == "value")  # the averages first: a new value follows from them
    known = known_mistakes({name: wrong[name][0] for name in names}, task, trial, right)
    told = {sentence_of(line) for line in said}
    known.sort(key=lambda pair: sentence_of(pair[1]) not in told)
    seen = (
        (name, sentence)
        for patterns in (_patterns, _likenesses)
        for name in names
        for sentence in patterns(name, *wrong[name], task, trial)
    )
    name, sentence = known[0] if known else next(seen, (names[0], f"{names[0]} is wrong"))
    others = [other for other in wrong if other != name]
    also = f"\n  also wrong: {', '.join(others)}" if others else ""
    return f"{sentence}\n  {worst_place(name, *wrong[name])}{also}"


def sentence_of(line: str) -> str:
    """What is said of an output, without its name: in another case the same may show in another one."""
    return line.partition(": ")[2]


def worst_place(name: str, got: ndarray, expected: ndarray) -> str:
    """Index and both values where the difference is largest."""
    index = worst_index(got, expected)
    place = f"{name}[{', '.join(map(str, index))}]" if index else name
    is_, should_be = told_apart(got[index], expected[index])
    return f"worst: {place} is {is_}, it should be {should_be}"


def worst_index(got: ndarray, expected: ndarray) -> tuple[int, ...]:
    """Where the difference is largest."""
    with np.errstate(all="ignore"):
        error = np.abs(np.asarray(got) - expected)
    error = np.where((got == expected), 0, np.where(np.isnan(error), np.inf, error))
    return tuple(int(i) for i in np.unravel_index(int(error.argmax()), error.shape))


def told_apart(a: Any, b: Any, digits: int = 9) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see that they differ."""
    while digits < 17 and f"{a:.{digits}g}" == f"{b:.{digits}g}":
        digits += 1
    return f"{a:.{digits}g}", f"{b:.{digits}g}"


def known_mistakes(
    found: Mapping[str, ndarray], task: Task, trial: Trial, right: Sequence[Trial] = ()
) -> list[tuple[str, str]]:
    """Outputs whose numbers are just those of a known mistake, planted in the reference and run, and what it says.

    They come in the order in which they are found, without those that would have made wrong what was ``right`` in
    other cases, if there are others; of one output those first of whose other consequences none is right here, and of
    these what explains most and contradicts least. A mistake that has no consequence (a mask forgotten where there is
    none) is none. What is drawn, or says who is for whom, is often a small whole number, and so is what follows from
    it: there one output alone fits by chance, unless its shape is wrong, so a mistake has to explain them all.
    """
    expected = _arrays(task, trial, trial.expected)
    draws = any(isinstance(arg, Generator) for arg in trial.args)
    by_chance = draws or all(
        it.dtype.kind == "i" and name in found and found[name].shape == it.shape for name, it in expected.items()
    )
    untouched = expected.keys() - _others(found, expected).keys()
    known: list[tuple[bool, int, bool, int, int, str]] = []
    order = [*found]
    for says, answer, wrong in _consequences(_Asked(task, trial)):
        fits = [name for name in wrong.keys() & found.keys() if same(found[name], wrong[name])]
        others = len(wrong) - len(fits)
        if fits and not (by_chance and (others or not all(name in fits or name in untouched for name in found))):
            seen = any(_makes_wrong(answer, task, other) for other in right)
            spoils = not untouched.isdisjoint(wrong)
            known += [(seen, order.index(name), spoils, -len(fits), others, says) for name in fits]
    known = [item for item in known if not item[0]] or known
    return [(order[i], f"{order[i]}: {says}") for _, i, _, _, _, says in sorted(known, key=lambda item: item[:5])]


Answer = Callable[[Trial], Any]
"""What a function would return; None if it would not."""


class _Asked:
    """A task with a trial, equal to any other of the same numbers: of many solutions the same is asked again."""

    def __init__(self, task: Task, trial: Trial) -> None:
        self.task, self.trial = task, trial
        self.numbers = pickle.dumps((task.module, task.name, trial.args, trial.kwargs))

    def __hash__(self) -> int:
        return hash(self.numbers)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Asked) and self.numbers == other.numbers


@lru_cache(16)
def _consequences(asked: _Asked) -> list[tuple[str, Answer, dict[str, ndarray]]]:
    """Of each known mistake what is said of it, its answer, and which outputs are wrong by it."""
    task, trial = asked.task, asked.trial
    expected = _arrays(task, trial, trial.expected)
    answers = wrong_answers(task, trial)
    return [(says, answer, _others(_arrays_of(answer, task, trial), expected)) for says, answer in answers]


def wrong_answers(task: Task, trial: Trial) -> Iterator[tuple[str, Answer]]:
    """What is said of each known mistake, and what it makes of arguments; last, that one of these is not used."""

    def with_mistake(trial: Trial, module: Any) -> Any:
        outcome = perform(module, task.name, trial.args, trial.kwargs)
        return outcome.value if outcome.status == "returned" else None

    def without(trial: Trial, name: str) -> Any:
        for other, args, kwargs in without_options(task, trial):
            if other == name:
                with np.errstate(all="ignore"), suppress(TypeError, ValueError):  # one that must be given
                    return our_answer(task, args, kwargs)
        return None

    for mistake in (bug for bug in task.bugs if bug.known):
        yield mistake.says, partial(with_mistake, module=planted(task, mistake))
    for name, _, _ in without_options(task, trial):
        yield f"the argument {name} is not used", partial(without, name=name)


def _arrays_of(answer: Answer, task: Task, trial: Trial) -> dict[str, ndarray]:
    """The outputs of an answer, none if there is no answer."""
    value = answer(trial)
    return {} if value is None else _arrays(task, trial, value)


def _makes_wrong(answer: Answer, task: Task, trial: Trial) -> bool:
    """Whether an answer is another than the right one."""
    return bool(_others(_arrays_of(answer, task, trial), _arrays(task, trial, trial.expected)))


@np.errstate(all="ignore")
def _others(arrays: Mapping[str, ndarray], expected: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """Those that are not as expected: as they are judged, so that of a gradient of zero rounding is no difference."""
    sizes = {name: float(np.abs(array).max(initial=0)) for name, array in expected.items()}
    least = SMALL * max(sizes.values(), default=0)
    return {
        name: arrays[name]
        for name in arrays.keys() & expected.keys()
        if not same_up_to(arrays[name], expected[name], max(sizes[name], least), TOLERANCE)
    }


def _arrays(task: Task, trial: Trial, value: Any) -> dict[str, ndarray]:
    """The outputs that are finite numbers, by name."""
    named = named_outputs(task.kind, value, trial.expected)
    arrays = {name: np.asarray(part) for name, part in named.items() if is_number(task.kind, part)}
    return {name: array for name, array in arrays.items() if np.isfinite(array).all()}


def _patterns(name: str, got: ndarray, expected: ndarray, task: Task, trial: Trial) -> Iterator[str]:
    """All that can be said of the numbers alone and names a cause, the most telling first."""
    for kind, is_kind in (("nan", np.isnan), ("infinity", np.isinf)):
        if places := int((is_kind(got) & ~is_kind(expected)).sum()):
            yield f"{name} has {kind} in {places} places"
            return
    if not np.isfinite(expected).all():
        return
    if not got.any() and expected.any() and (got.ndim or expected.dtype.kind in "fc"):  # 0 is as good as any count
        yield f"{name} is zero everywhere: nothing reaches it"
    if sentence := nearly_right(name, got, expected):
        yield sentence
    yield from of_complex(name, got, expected)
    factor = common_factor(got, expected, TOLERANCE)
    if factor and (sentence := _factor_sentence(name, factor, task, trial, got.size)):
        yield sentence
    other = _is_another(name, got, trial)
    if other:
        yield f"{name} holds what belongs into {other}"
    if argument := _is_argument(got, task, trial):
        yield f"{name} is the argument {argument} as it came"


def _likenesses(name: str, got: ndarray, expected: ndarray, task: Task, trial: Trial) -> Iterator[str]:
    """What wrong numbers look like, and where they are."""
    finite = np.isfinite(got).all() and np.isfinite(expected).all()
    if finite and got.size > 1 and (sentence := diagnose(got, expected, axes=task.axes.get(name, ""))):
        yield f"{name}: {sentence}"  # not of one number, which is off by any factor


ROUNDING = "float32's rounding"
ON_THE_WAY = "something is computed in float32 on the way"
CASTS = "np.float32(...), dtype=np.float32"


def nearly_right(name: str, got: ndarray, expected: ndarray) -> str | None:
    """What a small error tells: rounding goes both ways, a constant like eps most often goes one way."""
    if is_complex(got) or is_complex(expected):
        got, expected = (as_reals(np.asarray(a, np.complex128)) for a in (got, expected))
    error = float(np.abs(got - expected).max(initial=0)) / (float(np.abs(expected).max(initial=0)) or np.inf)
    if not TOLERANCE < error < 1e-3:
        return None
    digits = f"{name} is right to {floor(-log10(error))} digits only"
    if (np.asarray(got, np.float16) == got).all():
        return f"{digits}: float16 has no more; something is computed in it"
    if error >= 1e-4:
        return None
    if expected.dtype != np.float32 and (np.asarray(got, np.float32) == got).all():
        return f"{digits}: that is {ROUNDING}: {ON_THE_WAY} ({CASTS}), though float64 came in"
    difference = ((got - expected) * np.sign(expected)).ravel()
    goes_one_way = min((difference > 0).sum(), (difference < 0).sum()) <= difference.size / 20
    if error < 2e-6 and not goes_one_way:
        return f"{digits}: that is either {ROUNDING} ({ON_THE_WAY}: {CASTS}) or a small constant that is wrong"
    return f"{digits}: is a constant like eps missing, elsewhere, or not asked for?" + (
        " (Or a number was rounded to float32.)" if error < 1e-6 else ""
    )


def _factor_sentence(name: str, factor: float, task: Task, trial: Trial, numbers: int) -> str | None:
    if isclose(factor, -1, rel_tol=1e-6):
        return f"{name} has the wrong sign"
    size = f"{factor:.4g} times too large" if abs(factor) > 1 else f"{1 / factor:.4g} times too small"
    sign = " and has the wrong sign" if factor < 0 else ""
    sizes = task.sizes(trial.case) if task.sizes else {}
    for form, name_of_size in Names(sizes).of_factor(abs(factor)):
        reason = task.reasons.get(form.format(name_of_size))
        words = _factor_in_words(form, name_of_size, sizes[name_of_size])
        return f"{name} is {size.replace('-', '')} {words}{sign}" + (f": {reason}" if reason else "")
    return f"{name} is {size.replace('-', '')}{sign}, the same factor everywhere" if numbers > 1 else None


def _factor_in_words(form: str, name: str, size: float) -> str:
    """``= sqrt(8), the head width``: what a factor is made of."""
    if "sqrt" in form:
        return f"= sqrt({size:g}), {name}"
    if "squared" in form:
        return f"= {size:g} squared, {name}"
    what = f"= {size:g}, {name}" if size > 1 else f"= 1 / {size:g}, one over {name}"
    if not counts(name) or name.endswith("width"):
        return what
    return what + (": averaged over it instead of summed" if "/" in form else ": summed over it instead of averaged")


def _is_argument(got: ndarray, task: Task, trial: Trial) -> str | None:
    """The name of the argument whose numbers have come out as they went in."""
    given = dict(zip(forward_names(task), trial.inputs, strict=False)) | ({} if trial.dy is None else {"dy": trial.dy})
    arrays = {name: value for name, value in given.items() if isinstance(value, ndarray) and value.dtype.kind in "fc"}
    return next((name for name, value in arrays.items() if got.size > 1 and same(got, value)), None)


def _is_another(name: str, got: ndarray, trial: Trial) -> str | None:
    """The name of the output whose numbers stand here by mistake."""
    is_forward = isinstance(trial.expected, tuple) and not hasattr(trial.expected, "_fields")
    expected = {"y": trial.expected[0]} if is_forward else trial.expected
    for other, value in flatten(expected, "d" if trial.cache is not None else "").items():
        if other != name and isinstance(value, ndarray) and value.shape == got.shape and same(got, value):
            return other
    return None
