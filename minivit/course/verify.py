"""Check the exercises themselves: right answers get full marks, stubs none, and every planted bug is found."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from typing import Any, TypeGuard, get_args, get_type_hints

import numpy as np

from minivit.course.asked import partner
from minivit.course.call import load_source
from minivit.course.checks import check_names, check_task
from minivit.course.exercise import Exercise, Mistake, Task
from minivit.course.exercises import EXERCISES
from minivit.course.grade import closed_for, closed_functions, run_checks
from minivit.course.outputs import a, is_number, named_outputs
from minivit.course.plant import NoSuchPieceError, planted
from minivit.course.process import processes_exist
from minivit.course.report import Report
from minivit.course.runner import ChildRunner, InPlaceRunner, texts_of
from minivit.course.stub import solved_source, stub_source
from minivit.course.trial import argument_names, layer_class, make_trial, our_answer, reference, without_options
from minivit.processors import available_processors

FEWEST_BUGS = 300
DRAWS = 5  # of each kind of call, whose options may be drawn, too


def verify(tell: Callable[[str], None] = print, names: Sequence[str] = ()) -> bool:
    """Run everything, or the exercises of these names, and tell what is found; True when all is as it should be."""
    exercises = {name: EXERCISES[name] for name in names or EXERCISES}
    bugs = {name: [(task, bug) for task in exercise.tasks for bug in task.bugs] for name, exercise in exercises.items()}
    count, fewest = sum(map(len, bugs.values())), 0 if names else FEWEST_BUGS
    troubles = [f"there are {count} planted bugs; at least {fewest} are wanted"] * (count < fewest)
    with (
        ProcessPoolExecutor(available_processors(), get_context("spawn"))
        if processes_exist()
        else nullcontext() as pool
    ):
        judge = pool.map if pool else map
        judged = {name: judge(judge_at, [(name, task.name, bug) for task, bug in bugs[name]]) for name in bugs}
        for name, exercise in exercises.items():
            found = [*empty_tasks(exercise), *early_answers(exercise)]
            found += [*unasked_arguments(exercise), *unasked_forms(exercise)]
            found += [*judge_reference(exercise), *judge_stub(exercise)]
            found += filter(None, judged[name])
            how = f"{len(found)} troubles" if found else "as it should be"
            tell("\n  ".join([f"{name}: reference, stub and {len(bugs[name])} planted bugs: {how}", *found]))
            troubles += found
    tell(f"{count} planted bugs, {len(troubles)} troubles")
    return not troubles


def empty_tasks(exercise: Exercise) -> Iterator[str]:
    """An exercise that asks for nothing would be passed by everybody."""
    if not exercise.tasks:
        yield f"{exercise.name} has no tasks"
    for task in exercise.tasks:
        if not task.cases or len(check_names(task)) < 4:
            yield f"{task.name} is checked by nothing"


def early_answers(exercise: Exercise) -> Iterator[str]:
    """What stands in for a while is then in the child: it must have been judged before."""
    judged = set()
    for task in exercise.tasks:
        forward = partner(task)
        given = texts_of((*task.given, *(forward.given if forward else ())), tuple(closed_functions(exercise)))
        for name in {where.partition(":")[2] for where in given} & {other.name for other in exercise.tasks} - judged:
            yield f"{name} stands in while {task.name} is checked, and is still to be judged: put it before"
        judged.add(task.name)


def unasked_arguments(exercise: Exercise) -> Iterator[str]:
    """Whoever ignores an argument that may be left out must have other numbers in one of the cases."""
    for task in exercise.tasks:
        asked, rng = set(), np.random.default_rng(0)
        for draw in (draw for draw in task.cases.values() for _ in range(DRAWS)):
            trial = make_trial(task, draw, rng)
            for name, args, kwargs in without_options(task, trial):
                try:
                    with np.errstate(all="ignore"):
                        value = our_answer(task, args, kwargs)
                except TypeError:  # one that must be given
                    continue
                except ValueError:  # nothing fits without it
                    asked.add(name)
                    continue
                if not same_outputs(task, value, trial.expected):
                    asked.add(name)
        for name in optional_arguments(task) - asked:
            yield f"{task.name} is right though it ignores {name}: add a case in which that counts"


def unasked_forms(exercise: Exercise) -> Iterator[str]:
    """What may be one number or a pair must be drawn as both: who takes only one of them is wrong in a case then."""
    for task in exercise.tasks:
        rng = np.random.default_rng(0)
        trials = [make_trial(task, draw, rng) for draw in task.cases.values() for _ in range(DRAWS)]
        for name, hint in get_type_hints(inspect.unwrap(reference(task))).items() if not task.is_layer else ():
            if {*get_args(hint)} >= {int, tuple[int, int]}:
                given = [
                    {**dict(zip(argument_names(task), t.args, strict=False)), **t.kwargs}.get(name) for t in trials
                ]
                for form in {int, tuple} - {type(value) for value in given}:
                    yield f"{task.name} is never given {a(form.__name__)} as {name}: add a case with one"


def optional_arguments(task: Task) -> set[str]:
    """Arguments that may be left out and that the reference uses."""
    method = layer_class(task).__dict__[task.name.partition(".")[2]] if task.is_layer else reference(task)
    function = inspect.unwrap(method)
    used = {node.id for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function)))) if is_read(node)}
    parameters = inspect.signature(function).parameters.values() if task.kind != "backward" else ()
    return {p.name for p in parameters if p.default is not p.empty and p.name in used}


def is_read(node: ast.AST) -> TypeGuard[ast.Name]:
    """Whether the value of a name is read here."""
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)


def same_outputs(task: Task, value: Any, expected: Any) -> bool:
    """Whether all arrays are equal, and the whole number that a formula gives."""
    one, other = (named_outputs(task.kind, result, expected) for result in (value, expected))
    return all(np.array_equal(one[name], array) for name, array in other.items() if is_number(task.kind, array))


def judge_reference(exercise: Exercise) -> Iterator[str]:
    """The reference must pass everything, as a solution that is checked like any other."""
    report = run(exercise, solved_source(exercise))
    for result in report.results:
        if result.status != "passed":
            yield f"the reference fails {result.task} ({result.check}): {result.message}"


def judge_stub(exercise: Exercise) -> Iterator[str]:
    """The stub must score nothing, and be told that it is not implemented."""
    for result in run(exercise, stub_source(exercise)).results:
        if result.status != "not implemented":
            yield f"the untouched stub is {result.status} in {result.task} ({result.check}): {result.message}"


def run(exercise: Exercise, source: str) -> Report:
    """Check a text as if it were a solution."""
    if not processes_exist():
        return run_checks(exercise, InPlaceRunner(load_source(source, "solution.py")))
    runner = ChildRunner(source, "solution.py", closed_functions(exercise), closed_for(exercise.tasks))
    try:
        return run_checks(exercise, runner)
    finally:
        runner.close()


def judge_bug(exercise: Exercise, task: Task, bug: Mistake) -> str | None:
    """None if the bug is found and named, else what is wrong."""
    name = f"{task.name} with {bug.new!r} for {bug.old!r}"
    try:
        runner = InPlaceRunner(planted(task, bug), closed_for([task]))
    except NoSuchPieceError as error:
        return f"{name}: {error} any more"
    messages = []
    for result in check_task(task, runner, 0, timed="times as long" in bug.says):
        messages += [result.message] * (result.status == "failed")
        if result.status == "failed" and bug.says in result.message:
            return None
    return f"{name} fails without saying {bug.says!r}:\n" + "\n".join(messages) if messages else f"{name} passes"


def judge_at(place: tuple[str, str, Mistake]) -> str | None:
    """The same, of what can be sent to another process: the names of an exercise and of a function, and the bug."""
    name, function, bug = place
    exercise = EXERCISES[name]
    return judge_bug(exercise, next(task for task in exercise.tasks if task.name == function), bug)
