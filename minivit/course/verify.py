"""Check the exercises themselves: right answers get full marks, stubs none, and every planted bug is found."""

import ast
from collections.abc import Callable, Iterator

from minivit.course.bugs import BUGS, Bug
from minivit.course.call import load_source
from minivit.course.checks import check_names
from minivit.course.exercise import Exercise, Task
from minivit.course.exercises import EXERCISES
from minivit.course.grade import closed_functions, run_checks
from minivit.course.process import processes_exist
from minivit.course.report import Report
from minivit.course.runner import ChildRunner, InPlaceRunner, texts_of
from minivit.course.stub import solved_source, stub_source

FEWEST_BUGS = 60


def verify(tell: Callable[[str], None] = print) -> bool:
    """Run everything and tell what is found; True when all is as it should be."""
    troubles = [f"there are {len(BUGS)} planted bugs; at least {FEWEST_BUGS} are wanted"] * (len(BUGS) < FEWEST_BUGS)
    for exercise in EXERCISES.values():
        found = [*empty_tasks(exercise), *early_answers(exercise), *judge_reference(exercise), *judge_stub(exercise)]
        bugs = [bug for bug in BUGS if bug.task in {task.name for task in exercise.tasks}]
        found += [trouble for bug in bugs if (trouble := judge_bug(exercise, bug))]
        how = f"{len(found)} troubles" if found else "as it should be"
        tell("\n  ".join([f"{exercise.name}: reference, stub and {len(bugs)} planted bugs: {how}", *found]))
        troubles += found
    tell(f"{len(BUGS)} planted bugs, {len(troubles)} troubles")
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
        given = texts_of(task.given, tuple(closed_functions(exercise)))
        for name in {where.partition(":")[2] for where in given} & {other.name for other in exercise.tasks} - judged:
            yield f"{name} stands in while {task.name} is checked, and is still to be judged: put it before"
        judged.add(task.name)


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
    runner = ChildRunner(source, "solution.py", closed_functions(exercise))
    try:
        return run_checks(exercise, runner)
    finally:
        runner.close()


def judge_bug(exercise: Exercise, bug: Bug) -> str | None:
    """None if the bug is found and named, else what is wrong."""
    task = next(task for task in exercise.tasks if task.name == bug.task)
    name = f"{bug.task} with {bug.new!r} for {bug.old!r}"
    source = plant(solved_source(exercise), task, bug)
    if source is None:
        return f"{name}: there is no such line in the reference any more"
    runner = InPlaceRunner(load_source(source, "solution.py"))
    report = run_checks(exercise, runner, tasks=[task], timed="loop" in bug.says)
    if report.ok:
        return f"{name} passes"
    messages = "\n".join(result.message for result in report.results if result.status == "failed")
    if not any(words in messages for words in bug.says.split("|")):
        return f"{name} fails without saying {bug.says!r}:\n{messages}"
    return None


def plant(source: str, task: Task, bug: Bug) -> str | None:
    """The text with the bug in it, or None if its place is not found."""
    first, last = body_lines(source, task.name)
    lines = source.split("\n")
    body = "\n".join(lines[first:last])
    if bug.old not in body:
        return None
    indent = body[: len(body) - len(body.lstrip())]
    body = body.replace(bug.old, bug.new, 1) if bug.old else indent + bug.new
    return "\n".join([*lines[:first], body, *lines[last:]])


def body_lines(source: str, name: str) -> tuple[int, int]:
    """Where the body of a function (or of a layer's method) begins and ends, without its docstring."""
    node: ast.Module | ast.FunctionDef | ast.ClassDef = ast.parse(source)
    for part in name.split("."):
        node = next(n for n in node.body if isinstance(n, (ast.FunctionDef, ast.ClassDef)) and n.name == part)
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return body[0].lineno - 1, body[-1].end_lineno or 0
