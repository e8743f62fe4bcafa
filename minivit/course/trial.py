"""Random cases, and what the reference makes of them."""

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


def make_trial(task: Task, draw: Draw, rng: Generator, dtype: type[np.floating] = np.float64) -> Trial:
    """One random case, and the reference's answer. A backward is given the reference's cache and a random dy."""
    case = draw(rng)
    args, kwargs = mapped(lambda arg: as_dtype(arg, dtype), case.args), case.kwargs
    with np.errstate(all="ignore"):
        if task.kind != "backward":
            return Trial(case, args, kwargs, None, None, reference(task)(*args, **kwargs))
        forward = find(import_module(task.module), task.name.replace("backward", "forward"))
        assert forward
        y, cache = forward(*args, **kwargs)
        dy = random_like(rng, y)
        args, kwargs = ((dy, cache, args[1]), kwargs) if task.is_layer else ((dy, cache), {})
        return Trial(case, args, kwargs, dy, cache, reference(task)(*args, **kwargs))
