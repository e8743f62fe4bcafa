"""Who calls the functions of a solution: a child (:class:`ChildRunner`), or this process (:class:`InPlaceRunner`)."""

import inspect
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from minivit.course.call import THEN, How, Outcome, perform
from minivit.course.outputs import clip
from minivit.course.process import KEPT_OUTPUT, Child
from minivit.course.wire import pack

CALL_SECONDS = 5.0
START_SECONDS = 60.0  # importing minivit, on a slow disk


ClosedFor = Mapping[str, tuple[str, ...]]
"""Of each function that is asked for, which of other packages refuse while it is called."""


class CannotRunError(ValueError):
    """The solution cannot even be loaded."""


class InPlaceRunner:
    """No process, no limits: for a browser, for functions in a notebook, and for code that is trusted."""

    isolated = False
    output = ""

    def __init__(self, module: Any, closed_for: ClosedFor | None = None) -> None:
        self.module, self.closed_for = module, closed_for or {}

    def call(
        self, name: str, args: tuple, kwargs: dict[str, Any], how: How = "value", given: tuple[str, ...] = ()
    ) -> Outcome:
        """As :func:`perform`; ``given`` are names, ``module:name``."""
        ours = {where.partition(":")[2]: ours_at(where) for where in given}
        return perform(self.module, name, args, kwargs, how, ours, closed_while(name, self.closed_for))

    def has(self, name: str) -> bool:
        """Whether the function is there: who has a function of a notebook checked may leave the others out."""
        return hasattr(self.module, name.partition(".")[0])

    def is_shared(self, name: str) -> bool:
        """There is no other place to call it in."""
        return False

    def close(self) -> None:
        """Nothing to do."""


class ChildRunner:
    """One child process for all calls, and a fresh one after :meth:`close`, or when it had to be ended.

    Parameters
    ----------
    source, path : str
        Text of the solution, read once (it may delete itself), and where it came from.
    closed : list of str
        ``module:name`` of functions that the solution may not call.
    closed_for : mapping of str to tuple of str, optional
        The same, of other packages, for some of its functions only.
    """

    isolated = True

    def __init__(
        self,
        source: str,
        path: str,
        closed: list[str],
        closed_for: ClosedFor | None = None,
        *,
        seconds: float = CALL_SECONDS,
    ) -> None:
        self.seconds, self.closed_for = seconds, closed_for or {}
        self._closed = tuple(closed)
        self._solution = pack({"source": source, "path": path, "closed": closed})
        self._folder = str(Path(path).parent)
        self._called: set[str] = set()  # in this child
        self._kept = ""
        self._child = self._start()

    @property
    def output(self) -> str:
        """The beginning of what the solution has printed."""
        return (self._kept + self._child.output)[:KEPT_OUTPUT]

    def call(
        self, name: str, args: tuple, kwargs: dict[str, Any], how: How = "value", given: tuple[str, ...] = ()
    ) -> Outcome:
        """As :func:`perform`, in the child; ``given`` are names, ``module:name``.

        The child has of them what is sent with the call, as text. If it must be ended where other functions were called
        before, one of them may be the cause (by a thread that it left, say): a fresh child is asked again.
        """
        texts = texts_of(given, self._closed)
        closed = closed_while(name, self.closed_for)
        call = pack({"name": name, "args": args, "kwargs": kwargs, "how": how, "given": texts, "closed": closed})
        outcome = self._ask(name, call)
        return self._ask(name, call) if self._child.ended and self.is_shared(name) else outcome

    def has(self, name: str) -> bool:
        """A file is judged as a whole: what is not there, is missing."""
        return True

    def is_shared(self, name: str) -> bool:
        """Whether another function was called in the same process."""
        return not self._called <= {*name.split(THEN)}

    def close(self) -> None:
        """End the child; another call would begin with a fresh one."""
        self._child.end()

    def _ask(self, name: str, call: bytes) -> Outcome:
        if self._child.ended:
            self._kept = self.output
            self._called = set()
            self._child = self._start()
        self._called.update(name.split(THEN))
        return self._child.ask(call, self.seconds)

    def _start(self) -> Child:
        """A new child with the solution loaded, or CannotRunError."""
        try:
            child = Child(self._folder)
        except OSError as error:
            raise CannotRunError(f"no process can be started for the solution: {error.strerror or error}") from error
        try:
            outcome = child.ask(pack(None), START_SECONDS)  # it answers as soon as it is there
            if outcome.status == "returned":
                outcome = child.ask(self._solution, self.seconds)
        except BaseException:  # Ctrl-C: nobody else knows of it yet
            child.end()
            raise
        if outcome.status != "returned":
            child.end()
            raise CannotRunError(f"the solution cannot be loaded: {clip(outcome.message)}")
        return child


Runner = ChildRunner | InPlaceRunner
"""Calls the functions of one solution: ``call``, ``close``, ``output``, ``isolated``."""


def ours_at(where: str) -> Any:
    """Our own function, by ``module:name``."""
    module, _, name = where.partition(":")
    return getattr(import_module(module), name)


def closed_while(name: str, closed_for: ClosedFor) -> tuple[str, ...]:
    """What refuses during a call, of one function or of a forward and its backward."""
    return tuple(dict.fromkeys(where for part in name.split(THEN) for where in closed_for.get(part, ())))


@cache
def texts_of(given: tuple[str, ...], closed: tuple[str, ...]) -> dict[str, str]:
    """The sources of our functions, and of those among the closed ones that they call, as ``{"module:name": text}``."""
    texts: dict[str, str] = {}
    left = [ours_at(where) for where in given]
    while left:
        function = inspect.unwrap(left.pop())
        texts[f"{function.__module__}:{function.__name__}"] = inspect.getsource(function)
        called = [function.__globals__.get(name) for name in function.__code__.co_names]
        left += [f for f in called if inspect.isfunction(f) and f"{f.__module__}:{f.__name__}" in {*closed} - {*texts}]
    return texts
