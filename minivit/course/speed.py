"""No loops in Python: counted, axis by axis, and timed on a large batch."""

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.asked import Asked
from minivit.course.call import REPEATS, shortest_time
from minivit.course.compare import CheckFailedError
from minivit.course.exercise import Draw, Task, Trial
from minivit.course.outputs import named_outputs
from minivit.course.resized import TIMES, Resized, longer, resized, trial_of
from minivit.course.steps import MOST, count_steps
from minivit.course.trial import forward_names, make_trial, reference, unused
from minivit.threads import keep_freed_memory

SLOWEST = 100  # times the reference: a loop over rows is hundreds of times slower
ATTEMPTS = 4
FEWEST_STEPS = 0.2  # of Python for each index of an axis: then there is a loop over it, or over windows of four


def check_loops(asked: Asked, rng: Generator) -> None:
    """The steps of Python do not grow with the length of any axis, unless the reference's do.

    Who adds many numbers in two halves takes more steps as well, but not again where there are still more.
    """
    task = asked.task
    case = most_different(asked.first, rng)
    steps, loops = asked.steps(trial_of(task, case, rng)), {}
    for large in resized(task, case, rng, longer):
        if any(is_allowed(task, place) for place in large.places):
            continue
        more = asked.steps(large.trial)
        if more - steps >= fewest_of_a_loop(large.length):
            larger = next(still_longer(task, large, rng), large)
            ours = our_steps(task, large.trial), our_steps(task, larger.trial)
            if not goes_on(*ours, larger.length) and goes_on(more, asked.steps(larger.trial), larger.length):
                loops.setdefault(str(large.places), axis_name(task, large))
    if loops:
        instead = task.instead or "where one NumPy call can do it all"
        raise CheckFailedError(f"a loop over {' and '.join(sorted(loops.values()))}, {instead}")


def fewest_of_a_loop(length: int) -> float:
    """Steps by which a call grows with an axis that was so long, if there is a loop over it."""
    return FEWEST_STEPS * length * (TIMES - 1)


def still_longer(task: Task, large: Resized, rng: Generator) -> Iterator[Resized]:
    """The same axis (or option) once more so many times as long."""
    for other in resized(task, large.trial.case, rng, longer):
        if (other.length, other.option) == (TIMES * large.length, large.option):
            yield other


def goes_on(few: int, many: int, length: int) -> bool:
    """Whether steps grow as an axis does that was so long."""
    return many >= MOST or many - few >= fewest_of_a_loop(length)


def our_steps(task: Task, trial: Trial) -> int:
    """Steps of the reference."""
    with np.errstate(all="ignore"):
        return count_steps(reference(task), unused(trial.args), trial.kwargs)


def is_allowed(task: Task, place: tuple[int, int]) -> bool:
    """Whether the statement allows a loop over this axis of this argument."""
    return place[1] in task.loops.get(forward_names(task)[place[0]], ())


def axis_name(task: Task, large: Resized) -> str:
    """``axis 1 of q (head)``: the word is that of the argument, or of an output in which the length stands as well."""
    if large.option:
        return f"all {large.option}"
    argument, axis = large.places[0]
    name = forward_names(task)[argument]
    shape = large.trial.inputs[argument].shape
    output = {"y": large.trial.y} if task.kind == "backward" else named_outputs(task.kind, *[large.trial.expected] * 2)
    same_place = {name: shape, f"d{name}": shape, **{of: np.shape(array) for of, array in output.items()}}
    for of in (name, *task.axes):
        words, there = task.axes.get(of, ""), same_place.get(of, ())
        if len(there) > axis and there[axis] == shape[axis] and len(words.split()) == len(there):
            return f"axis {axis} of {name} ({words.split()[axis]})"
    return f"axis {axis} of {name}"


def most_different(draw: Draw, rng: Generator) -> Case:
    """Of some cases the one with the most different lengths: where two axes share one, neither can be tried alone."""
    return max((draw(rng) for _ in range(10)), key=lambda case: len({n for a in case.args for n in np.shape(a)}))


def check_time(asked: Asked, rng: Generator) -> str:
    """The time on a large batch as a multiple of ours in the same run; the best of some attempts counts.

    A busy machine makes a fast function slow for a moment; ours is timed before and after, so that it does not make a
    slow one look fast.
    """
    task = asked.task
    assert task.big
    trial = make_trial(task, task.big, rng, np.float32)

    def ours() -> float:
        return shortest_time(reference(task), trial.args, trial.kwargs, REPEATS)

    ratio = np.inf
    keep_freed_memory()  # otherwise large arrays can make ours slow, and a loop look fast beside it
    for _ in range(ATTEMPTS):
        with np.errstate(all="ignore"):
            our_seconds = ours()
            outcome = asked.timed(trial)
            our_seconds = min(our_seconds, ours())
        if outcome.status == "too slow":
            raise CheckFailedError(f"{outcome.message} On a large batch the reference takes {our_seconds * 1e3:.1f} ms")
        ratio = min(ratio, asked.returned(outcome).seconds / our_seconds)
        if ratio <= SLOWEST:
            return f"{ratio:.1f} times the reference's time"
    raise CheckFailedError(
        f"{ratio:.0f} times as long as the reference on a large batch: "
        + (task.instead or "a loop over rows, samples or numbers, where one NumPy call can do them all")
    )
