"""Count the steps that Python takes in a call: lines, calls and returns. A loop takes more of them the longer its axis.

Unlike a time it is the same in every run, and small arrays do. So an axis can be tried alone. Who takes very many is
not watched to the end, see ``MOST``. What NumPy does in Python inside of one of its functions (``np.split``) is not
counted, save where it calls what it was given, nor are our own sums, which take more steps for more blocks, and the
look at arguments, which remembers what it has seen.
"""

import gc
import inspect
import sys
import typing
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
from numpy import ndarray

from minivit import checked
from minivit.nests import mapped
from minivit.ops import rows

MOST = 100_000  # steps that are counted; being told of each makes it some ten times as long

SKIPPED = str(Path(np.__file__).parent), *(str(module.__file__) for module in (rows, checked, typing))


class Seen(ndarray):
    """An array of which every view and every result is seen: a loop in C (``map``) takes steps of Python here."""

    def __array_finalize__(self, obj: Any) -> None:
        pass


def count_steps(function: Callable, args: tuple, kwargs: dict[str, Any]) -> int:
    """Steps of one call. What is done only once (imports, what is remembered of shapes) is done in a call before."""
    function = _bare(function)
    function(*args, **kwargs)
    try:
        return _count(function, *mapped(lambda a: a.view(Seen) if type(a) is ndarray else a, (args, kwargs)))
    except Exception:  # it wants plain arrays
        return _count(function, args, kwargs)


def _bare(function: Any) -> Any:
    """Without what looks at the arguments, which makes plain arrays of them."""
    if isinstance(function, partial):
        return partial(function.func, *map(_bare, function.args), **function.keywords)
    return inspect.unwrap(function)


def _count(function: Callable, args: tuple, kwargs: dict[str, Any]) -> int:
    _counted(function, args, kwargs)
    return _counted(function, args, kwargs)


def _counted(function: Callable, args: tuple, kwargs: dict[str, Any]) -> int:
    counter = Counter()
    before, collecting = sys.gettrace(), gc.isenabled()
    gc.disable()  # what dies meanwhile may take steps of its own (``__del__``, weak references), whenever it likes
    sys.settrace(counter)
    try:
        function(*args, **kwargs)
    except Enough:
        pass
    finally:
        sys.settrace(before)
        if collecting:
            gc.enable()
    return counter.steps


class Enough(BaseException):  # which an ``except Exception`` of a solution lets through
    """There are more steps than are counted."""


class Counter:
    """Is told of every step, see ``sys.settrace``."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, frame: FrameType, event: str, arg: Any) -> "Counter | None":
        if frame.f_code is Seen.__array_finalize__.__code__ and frame.f_locals["self"].dtype == object:
            self.steps += frame.f_locals["self"].size  # np.vectorize: each number is given to a function of Python's
        if _is_skipped(frame.f_back if frame.f_code is Seen.__array_finalize__.__code__ else frame):
            return None
        self.steps += 1
        if self.steps >= MOST:
            raise Enough
        return self


def _is_skipped(frame: FrameType | None) -> bool:
    """Whether this is done by NumPy (and is more than a loop), by a sum of ours, or by the look at arguments."""
    code = frame.f_code if frame else None
    return code is not None and code.co_filename.startswith(SKIPPED) and code.co_name != "apply_along_axis"
