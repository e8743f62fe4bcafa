"""A lecturer's own checks, beside those of the exercises: a file of Python with a tuple ``TASKS``.

Each is a :class:`~minivit.course.exercise.Task` with the name of a function that some exercise asks for, and with
further cases and properties. What is right says the reference, as ever.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from minivit.course.call import load_source
from minivit.course.exercise import Exercise, Task
from minivit.course.exercises import EXERCISES
from minivit.course.source import read_text


def read_extra(name: str) -> tuple[Task, ...]:
    """Run the file, which is trusted, and take its tasks.

    Raises
    ------
    ValueError
        If it has none, or one that adds nothing to any exercise, or more than cases and properties.
    """
    tasks = getattr(load_source(read_text(Path(name)), name), "TASKS", None)
    if not (isinstance(tasks, (tuple, list)) and tasks and all(isinstance(task, Task) for task in tasks)):
        raise ValueError(f"{name} has no TASKS, a tuple of minivit.course.exercise.Task")
    asked = {task.name: task for exercise in EXERCISES.values() for task in exercise.tasks}
    for task in tasks:
        if task.name not in asked:
            raise ValueError(f"{name} checks {task.name}, which no exercise asks for")
        if task != Task(task.name, task.cases, task.properties):
            raise ValueError(f"{name} gives {task.name} more than cases and properties")
        labels = [*asked[task.name].cases, *(item.name for item in asked[task.name].properties)]
        twice = {*labels} & {*task.cases, *(item.name for item in task.properties)}
        if twice:
            raise ValueError(f"{name} checks {task.name} {min(twice)!r}, as the exercise does; choose another name")
        asked[task.name] = extended(asked[task.name], task)
    return tuple(tasks)


def with_extra(exercise: Exercise, tasks: Iterable[Task]) -> Exercise:
    """The exercise, in which these tasks have added their cases and properties."""
    own = {task.name: task for task in exercise.tasks}
    for task in tasks:
        if task.name in own:
            own[task.name] = extended(own[task.name], task)
    return replace(exercise, tasks=tuple(own.values()))


def extended(task: Task, extra: Task) -> Task:
    """A task with the cases and properties of another one behind its own."""
    cases = {**task.cases, **extra.cases}
    return replace(task, cases=cases, properties=(*task.properties, *extra.properties))
