"""Random cases, and what the reference makes of them."""

from importlib import import_module
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.derivative import random_like
from minivit.course.call import find
from minivit.course.exercise import Draw, Task, Trial


def reference(task: Task) -> Any:
    """Our own function."""
    function = find(import_module(task.module), task.name)
    assert function, task.name
    return function


def make_trial(task: Task, draw: Draw, rng: Generator, dtype: type[np.floating] = np.float64) -> Trial:
    """One random case, and the reference's answer. A backward is given the reference's cache and a random dy."""
    case = draw(rng)
    args, kwargs = _as_dtype(case.args, dtype), case.kwargs
    with np.errstate(all="ignore"):
        if task.kind != "backward":
            return Trial(case, args, kwargs, None, None, reference(task)(*args, **kwargs))
        forward = find(import_module(task.module), task.name.replace("backward", "forward"))
        assert forward
        y, cache = forward(*args, **kwargs)
        dy = random_like(rng, y)
        args, kwargs = ((dy, cache, args[1]), kwargs) if task.is_layer else ((dy, cache), {})
        return Trial(case, args, kwargs, dy, cache, reference(task)(*args, **kwargs))


def _as_dtype(value: Any, dtype: type[np.floating]) -> Any:
    if isinstance(value, ndarray) and value.dtype == np.float64:
        return value.astype(dtype)
    if isinstance(value, tuple):
        return tuple(_as_dtype(item, dtype) for item in value)
    return {name: _as_dtype(item, dtype) for name, item in value.items()} if isinstance(value, dict) else value
