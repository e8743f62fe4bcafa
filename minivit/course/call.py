"""Call one function of a solution and say how it went. The child process and the run in place share this file."""

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
from time import perf_counter
from typing import Any, Literal, NamedTuple

import numpy as np

from minivit.layers.layer import Layer

Status = Literal["returned", "raised", "not implemented", "died", "too slow"]


class Outcome(NamedTuple):
    """How a call went. ``args`` are the arguments as they were afterwards."""

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
    """A function by its name; a method of a layer as a plain function, see :func:`layer_forward`."""
    owner, _, method = name.partition(".")
    found = getattr(module, owner, None)
    if found is None or not method:
        return found
    run = layer_forward if method == "forward" else layer_backward
    return lambda *args, **options: run(found, *args, **options)


def layer_forward(layer_class: Callable[..., Layer], x: Any, params: dict[str, Any], **options: Any) -> Any:
    """Make a layer with these parameters and run its forward."""
    return make_layer(layer_class, params, options).forward(x)


def layer_backward(
    layer_class: Callable[..., Layer], dy: Any, cache: Any, params: dict[str, Any], **options: Any
) -> dict[str, Any]:
    """Run the layer's backward; the gradients of its input and of its parameters, by name."""
    layer = make_layer(layer_class, params, options)
    dx = layer.backward(dy, cache)
    return {"x": dx, **{name: param.grad for name, param in layer.named_params().items()}}


def make_layer(layer_class: Callable[..., Layer], params: dict[str, Any], options: dict[str, Any]) -> Layer:
    """A layer whose parameters have these values and their dtype."""
    layer = layer_class(**options).init(0, next(iter(params.values())).dtype)
    layer.load_state_dict(params)
    return layer


def perform(
    module: Any,
    name: str,
    args: tuple,
    kwargs: dict[str, Any],
    repeats: int = 0,
    given: Mapping[str, Callable] | None = None,
) -> Outcome:
    """Call ``name`` of the module; with ``repeats``, time it so many times and return the shortest.

    While it lasts, the functions in ``given`` stand in place of those of the same names that it may call.
    """
    function = find(module, name)
    if function is None:
        return Outcome("not implemented", _missing(module, name))
    path = getattr(module, "__file__", None)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"), _standing_in(given or {}, module, name):
            warnings.simplefilter("ignore")
            if repeats:
                return Outcome("returned", seconds=shortest_time(function, args, kwargs, repeats))
            args = copy.deepcopy(args)  # so that what one call writes into, the next one does not see
            value = function(*args, **kwargs)
    except NotImplementedError as error:
        return Outcome("not implemented", text_of_error(error))
    except MemoryError as error:
        return Outcome("raised", f"it asked for more memory than there is here. {text_of_error(error)}".strip())
    except SystemExit:
        return Outcome("raised", f"it called sys.exit(){_place(path)}; a function returns instead")
    except Exception as error:
        return Outcome("raised", f"{type(error).__name__}: {text_of_error(error)}{_place(path)}")
    return Outcome("returned", value=value, args=args)


@contextmanager
def _standing_in(given: Mapping[str, Callable], module: Any, name: str) -> Iterator[None]:
    """Let these names mean these functions where ``name`` looks them up."""
    owner, _, method = name.partition(".")
    function = getattr(module, owner)
    names = getattr(inspect.unwrap(getattr(function, method) if method else function), "__globals__", {})
    before = {other: names[other] for other in given if other in names}
    names.update({other: given[other] for other in before})
    try:
        yield
    finally:
        names.update(before)


def _missing(module: Any, name: str) -> str:
    """That there is no such function, and which it may be that is there."""
    name, _, method = name.partition(".")
    own = [n for n, f in vars(module).items() if getattr(f, "__module__", None) == "solution" and not _is_ours(n)]
    near = difflib.get_close_matches(name, own, 1, 0.8)
    kind = "class" if method else "function"
    file = os.path.basename(getattr(module, "__file__", "the solution"))
    return f"there is no {kind} {name} in {file}" + (f" (there is {near[0]})" if near else "")


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
