"""Call one function of a solution and say how it went. The child process and the run in place share this file."""

import builtins
import copy
import difflib
import inspect
import linecache
import os
import sys
import traceback
import types
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from time import perf_counter
from typing import Any, Literal, NamedTuple

import numpy as np

from minivit.course.layers import layer_backward, layer_forward, layer_together
from minivit.course.pair import together, twice
from minivit.course.steps import count_steps
from minivit.layers.layer import Layer

Status = Literal["returned", "raised", "not implemented", "died", "too slow"]
How = Literal["value", "seconds", "steps"]
"""What is asked of a call: what it returns, how long it takes, how many steps of Python."""

THEN = " then "
"""Between a forward and the backward that is given its cache: ``softmax_forward then softmax_backward``.

Between twice the same name: it is called with other arguments then.
"""

PRODUCT = "mismatch in its core dimension"
UNPACKED = "does what an op returned still hold all of it? y, cache = NAME_forward(...); dx, = NAME_backward(...)"
RIDDLES = {  # of Python's and NumPy's, and what is meant most often
    "inhomogeneous": UNPACKED,
    "tuple indices must be integers": UNPACKED,
    "for @: 'tuple'": UNPACKED,
    "for @: 'ndarray' and 'tuple'": UNPACKED,
    "object is not callable": "if it is a layer: y, cache = layer.forward(x)",
    PRODUCT: "the last axis of the first must be as long as the last but one of the second",
}

REPEATS = 5  # of a call that is timed


class Outcome(NamedTuple):
    """How a call went. ``args`` are the arguments, and behind them the options, as they were afterwards.

    Of an error, ``value`` are the names of its class and of those above it.
    """

    status: Status
    message: str = ""
    value: Any = None
    args: Any = None
    seconds: float = 0.0


def load_source(source: str, path: str) -> types.ModuleType:
    """Run the text of a solution as a module named ``solution``."""
    module = types.ModuleType("solution")
    module.__file__ = path
    sys.modules["solution"] = module  # NamedTuple and dataclasses look their module up
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)  # lines for tracebacks
    exec(compile(source, path, "exec"), vars(module))
    return module


def find(module: Any, name: str) -> Callable | None:
    """A function by its name; a method of a layer as a plain function, see :mod:`minivit.course.layers`."""
    forward, _, backward = name.partition(THEN)
    owner, _, method = forward.partition(".")
    found = getattr(module, owner, None)
    if found is None or (backward and not hasattr(module, backward.partition(".")[0])):
        return None
    if method:
        run = layer_together if backward else layer_forward if method == "forward" else layer_backward
        return partial(run, found)
    if not backward:
        return found
    return partial(twice, found) if backward == forward else partial(together, found, getattr(module, backward))


def perform(
    module: Any,
    name: str,
    args: tuple,
    kwargs: dict[str, Any],
    how: How = "value",
    given: Mapping[str, Callable] | None = None,
    closed: tuple[str, ...] = (),
) -> Outcome:
    """Call ``name`` of the module.

    While it lasts, the functions in ``given`` stand in place of those of the same names that it may call, and those in
    ``closed`` (``module:name``, of other packages) refuse.
    """
    function = find(module, name)
    if function is None:
        return Outcome("not implemented", _missing(module, name))
    path = getattr(module, "__file__", None)
    try:
        with (
            warnings.catch_warnings(),
            np.errstate(all="ignore"),
            _standing_in(given or {}, module, name),
            _refusing(closed),
        ):
            warnings.simplefilter("ignore")
            args, kwargs = copy.deepcopy((args, kwargs))  # so that what one call writes into, the next one does not see
            if how == "value":
                return Outcome("returned", value=function(*args, **kwargs), args=(*args, kwargs))
            with _printing_nothing():
                if how == "steps":
                    return Outcome("returned", value=count_steps(function, args, kwargs))
                return Outcome("returned", seconds=shortest_time(function, args, kwargs, REPEATS))
    except NotImplementedError as error:
        return Outcome("not implemented", text_of_error(error))
    except MemoryError as error:
        return Outcome("raised", f"it asked for more memory than there is here. {text_of_error(error)}".strip())
    except SystemExit:
        return Outcome("raised", f"it called sys.exit(){_place(path)}; a function returns instead")
    except Exception as error:
        above = tuple(kind.__name__[:100] for kind in type(error).__mro__[:10])
        text = text_of_error(error)
        place = _place(path)
        return Outcome("raised", f"{type(error).__name__}: {text}{place}{_hint(module, error, text, place)}", above)


@contextmanager
def _printing_nothing() -> Iterator[None]:
    """While it lasts, print does nothing: it is no loop, and takes longer than what is measured."""
    before = builtins.print
    builtins.print = lambda *args, **options: None
    try:
        yield
    finally:
        builtins.print = before


@contextmanager
def _refusing(closed: tuple[str, ...]) -> Iterator[None]:
    """While it lasts, these functions refuse: they are the answer, however they are called."""
    before = []
    try:
        for where in closed:
            module, _, name = where.partition(":")
            if module not in sys.modules:  # then nobody has it; to import it would take long
                continue
            function = inspect.unwrap(getattr(sys.modules[module], name))
            before.append((function, function.__code__))
            package = module.partition(".")[0]
            shut(function, f"what {package} has for this is closed during the check: to write it is the exercise")
        yield
    finally:
        for function, code in before:
            function.__code__ = code


def shut(function: Any, text: str) -> None:
    """Make a function refuse to work, under whatever name it is called."""
    names: dict[str, Any] = {}
    exec(f"def refuse(*args, **kwargs): raise PermissionError({text!r})", names)
    function.__code__ = names["refuse"].__code__.replace(co_freevars=function.__code__.co_freevars)


@contextmanager
def _standing_in(given: Mapping[str, Callable], module: Any, name: str) -> Iterator[None]:
    """Let these names mean these functions where ``name`` looks them up."""
    tables = [_names_of(module, part) for part in name.split(THEN)]
    before = [{other: names[other] for other in given if other in names} for names in tables]
    for names, found in zip(tables, before, strict=True):
        names.update({other: given[other] for other in found})
    try:
        yield
    finally:
        for names, found in zip(tables, before, strict=True):
            names.update(found)


def _names_of(module: Any, name: str) -> dict[str, Any]:
    """Where a function looks names up."""
    owner, _, method = name.partition(".")
    function = getattr(module, owner)
    return getattr(inspect.unwrap(getattr(function, method) if method else function), "__globals__", {})


def _missing(module: Any, name: str) -> str:
    """That there is no such function, and which it may be that is there."""
    name = next(part for part in name.split(THEN) if not hasattr(module, part.partition(".")[0]))
    name, _, method = name.partition(".")
    own = [n for n, f in vars(module).items() if getattr(f, "__module__", None) == "solution" and not _is_ours(n)]
    near = difflib.get_close_matches(name, own, 1, 0.8)
    kind = "class" if method else "function"
    file = os.path.basename(getattr(module, "__file__", "the solution"))
    return f"there is no {kind} {name} in {file}" + (f" (there is {near[0]})" if near else "")


def _hint(module: Any, error: Exception, text: str, place: str) -> str:
    """What is meant most often by an error whose text says little; nothing of others."""
    for riddle, meant in RIDDLES.items():
        if riddle in text:
            turned = "; .T turns all axes around, .mT the last two" * (riddle == PRODUCT and ".T" in place)
            return f"\n  {meant}{turned}"
    return _attributes_of(error.obj) if type(error) is AttributeError else _fields_of_tuple(module, text)


def _fields_of_tuple(module: Any, text: str) -> str:
    """Of an error that a NamedTuple of the module raises when it is made: the fields that it has."""
    name, made, _ = text.partition(".__new__() ")
    fields = getattr(getattr(module, name, None), "_fields", ()) if made else ()
    return f"\n  the fields of {name} are {', '.join(map(str, fields))}" if fields else ""


def _attributes_of(thing: Any) -> str:
    """Of an AttributeError: what a NamedTuple has instead, and that layers keep nothing."""
    if fields := getattr(type(thing), "_fields", ()):
        return f"\n  it is a NamedTuple; its fields are {', '.join(map(str, fields))}"
    if isinstance(thing, Layer):
        return "\n  if forward has put it there: each call has a layer of its own; backward gets the cache, and dy"
    return ""


def _is_ours(name: str) -> bool:
    """Whether minivit has something of this name: then it is not another one misspelt."""
    return any(name in vars(m) for key, m in list(sys.modules.items()) if key.partition(".")[0] == "minivit")


def text_of_error(error: BaseException) -> str:
    """The beginning of its message; the class may be the student's, and its ``__str__`` may fail."""
    try:
        return str(error)[:500]
    except Exception:
        return "(and its message cannot be shown)"


def shortest_time(function: Callable, args: tuple, kwargs: dict[str, Any], repeats: int) -> float:
    """Seconds of the fastest of some calls: what disturbs one of them does not count."""
    times = []
    for _ in range(repeats):
        start = perf_counter()
        function(*args, **kwargs)
        times.append(perf_counter() - start)
    return min(times)


def _place(path: str | None) -> str:
    """Where in the solution the error that is being handled arose: its line and number."""
    frames = [frame for frame in traceback.extract_tb(sys.exc_info()[2]) if frame.filename == path]
    if not frames:
        return ""
    return f"\n  in {frames[-1].name}, line {frames[-1].lineno}: {frames[-1].line}"
