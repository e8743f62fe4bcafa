"""Count the steps that Python takes in a call: lines, calls and returns. A loop takes more of them the longer its axis.

Unlike a time it is the same in every run, and small arrays do. So an axis can be tried alone.
"""

import sys
from collections.abc import Callable
from typing import Any

from numpy import ndarray

from minivit.nests import mapped


class Seen(ndarray):
    """An array of which every view and every result is seen: a loop in C (``map``) takes steps of Python here."""

    def __array_finalize__(self, obj: Any) -> None:
        pass


def count_steps(function: Callable, args: tuple, kwargs: dict[str, Any]) -> int:
    """Steps of one call. What is done only once (imports, what is remembered of shapes) is done in a call before."""
    function(*args, **kwargs)
    try:
        return _count(function, *mapped(lambda a: a.view(Seen) if type(a) is ndarray else a, (args, kwargs)))
    except Exception:  # it wants plain arrays
        return _count(function, args, kwargs)


def _count(function: Callable, args: tuple, kwargs: dict[str, Any]) -> int:
    function(*args, **kwargs)
    counter = Counter()
    before = sys.gettrace()
    sys.settrace(counter)
    try:
        function(*args, **kwargs)
    finally:
        sys.settrace(before)
    return counter.steps


class Counter:
    """Is told of every step, see :func:`sys.settrace`."""

    def __init__(self) -> None:
        self.steps = 0

    def __call__(self, frame: Any, event: str, arg: Any) -> "Counter":
        self.steps += 1
        return self
