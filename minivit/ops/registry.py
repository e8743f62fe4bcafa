"""How ops are found: in a module of ops or audio, ``NAME_forward`` and ``NAME_backward`` make the op NAME."""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from inspect import isfunction
from pkgutil import iter_modules
from types import ModuleType
from typing import NamedTuple


class Op(NamedTuple):
    """A pair: ``y, cache = forward(...)`` and ``grads = backward(dy, cache)``."""

    forward: Callable
    backward: Callable


def modules_of(package: str, path: Sequence[str]) -> Iterator[ModuleType]:
    """Every module of a package, by the package's name and its ``__path__``."""
    for info in iter_modules(path, f"{package}."):
        yield import_module(info.name)


def public_functions(module: ModuleType) -> dict[str, Callable]:
    """Every function that is defined in a module, in its order, but those whose names begin with an underscore."""
    functions = {name: item for name, item in vars(module).items() if isfunction(item) and not name.startswith("_")}
    return {name: function for name, function in functions.items() if function.__module__ == module.__name__}


def ops_of(module: ModuleType) -> dict[str, Op]:
    """The ops that a module defines, by name."""
    functions = public_functions(module)
    names = [name.removesuffix("_forward") for name in functions if name.endswith("_forward")]
    return {name: Op(functions[f"{name}_forward"], functions[f"{name}_backward"]) for name in names}
