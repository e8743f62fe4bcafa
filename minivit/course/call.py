"""Call one function of a solution and say how it went. The child process and the run in place share this file."""

import copy
import sys
import time
import traceback
import types
import warnings
from collections.abc import Callable
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


def perform(module: Any, name: str, args: tuple, kwargs: dict[str, Any], repeats: int = 0) -> Outcome:
    """Call ``name`` of the module; with ``repeats``, time it so many times and return the shortest."""
    function = find(module, name)
    if function is None:
        return Outcome("not implemented", f"there is no {name.partition('.')[0]} in your solution")
    path = getattr(module, "__file__", None)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            if repeats:
                return Outcome("returned", seconds=min(_timed(function, args, kwargs) for _ in range(repeats)))
            args = copy.deepcopy(args)  # so that what one call writes into, the next one does not see
            value = function(*args, **kwargs)
    except NotImplementedError as error:
        return Outcome("not implemented", str(error))
    except MemoryError as error:
        return Outcome("raised", f"it asked for more memory than there is here. {error}".strip())
    except SystemExit:
        return Outcome("raised", f"it called sys.exit(){_place(path)}; a function returns instead")
    except (Exception, KeyboardInterrupt) as error:
        return Outcome("raised", f"{type(error).__name__}: {str(error)[:500]}{_place(path)}")
    return Outcome("returned", value=value, args=args)


def _timed(function: Callable, args: tuple, kwargs: dict[str, Any]) -> float:
    start = time.perf_counter()
    function(*args, **kwargs)
    return time.perf_counter() - start


def _place(path: str | None) -> str:
    """Where in the solution the error that is being handled arose: its line and number."""
    frames = [frame for frame in traceback.extract_tb(sys.exc_info()[2]) if frame.filename == path]
    if not frames:
        return ""
    return f"\n  in {frames[-1].name}, line {frames[-1].lineno}: {frames[-1].line}"
