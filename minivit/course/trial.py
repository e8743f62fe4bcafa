"""Random cases, and what the reference makes of them."""

import copy
import inspect
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
from numpy.random import Generator

from minivit.check.arguments import as_dtype
from minivit.check.derivative import random_like
from minivit.course.call import find
from minivit.course.exercise import Draw, Task, Trial
from minivit.nests import mapped


def reference(task: Task) -> Any:
    """Our own function."""
    function = find(import_module(task.module), task.name)
    assert function, task.name
    return function


def our_answer(task: Task, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What our own function returns."""
    return reference(task)(*unused(args), **kwargs)


def unused(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments with a copy of each generator, so that whoever is called next draws the same."""
    return tuple(copy.deepcopy(arg) if isinstance(arg, Generator) else arg for arg in args)


def make_trial(task: Task, draw: Draw, rng: Generator, dtype: type[np.floating] = np.float64) -> Trial:
    """One random case, and the reference's answer. A backward is given the reference's cache and a random dy."""
    case = draw(rng)
    args, kwargs = mapped(lambda arg: as_dtype(arg, dtype), tuple(case))
    case = case._replace(kwargs=kwargs)
    with np.errstate(all="ignore"):
        if task.kind != "backward":
            return Trial(case, args, args, kwargs, None, None, None, our_answer(task, args, kwargs))
        forward = find(import_module(task.module), task.forward)
        assert forward
        y, cache = forward(*args, **kwargs)
        dy = random_like(rng, y)
        inputs = args
        args, kwargs = ((dy, cache, args[1]), kwargs) if task.is_layer else ((dy, cache), {})
        return Trial(case, inputs, args, kwargs, dy, y, cache, reference(task)(*args, **kwargs))


def argument_names(task: Task) -> list[str]:
    """What the arguments by position are called."""
    if task.kind == "backward":
        return ["dy", "cache", "params"]
    if task.is_layer:
        return ["x", "params"]
    code = inspect.unwrap(reference(task)).__code__
    return list(code.co_varnames[: code.co_argcount])


def forward_names(task: Task) -> list[str]:
    """The arguments of the function, or of its forward."""
    if task.kind != "backward" or task.is_layer:
        return ["x", "params"] if task.is_layer else argument_names(task)
    return argument_names(replace(task, name=task.forward))


def without_options(task: Task, trial: Trial) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """The calls that leave out one argument which may be left out: who ignores it has their numbers."""
    if task.kind == "backward":
        return
    for name in trial.kwargs:
        if not (task.is_layer and name in inspect.signature(layer_class(task).__init__).parameters):
            yield name, trial.args, {other: value for other, value in trial.kwargs.items() if other != name}
    for i, name in enumerate(() if task.is_layer else argument_names(task)[: len(trial.args)]):
        default = inspect.signature(reference(task)).parameters[name].default
        if trial.args[i] is not None and default is not inspect.Parameter.empty:
            yield name, (*trial.args[:i], default, *trial.args[i + 1 :]), trial.kwargs


def layer_class(task: Task) -> Any:
    """The layer of a method."""
    return getattr(import_module(task.module), task.name.partition(".")[0])
