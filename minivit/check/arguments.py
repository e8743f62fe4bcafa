"""The arguments of one call of a forward, by name: which may be varied, and which of them need a gradient."""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.check.reals import is_complex

Args = dict[str, Any]
"""Numbers that may be varied, by name: arrays of real or complex numbers, floats. One in a list is ``parts[0]``."""

BY_POSITION = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
    inspect.Parameter.VAR_POSITIONAL,
)
NEVER_COPIED = (ndarray, np.generic, str, int, float, type(None), ModuleType)


class MalformedError(ValueError):
    """What backward returned has not the form of gradients."""


class Call:
    """A forward and the arguments for it; ``call(values)`` calls it with other values in their places.

    Everything else that was given, a random generator for instance, is copied for each call, so that each call computes
    the same.

    Attributes
    ----------
    args : dict
        What may be varied, as it was given.
    required : list of str
        What needs a gradient: each array of real or complex numbers for a parameter that may be given by position
        (however it was given), unless it is named in ``constants``.
    others : list of array
        Masks, integers and the like.
    """

    def __init__(
        self, forward: Callable, args: tuple[Any, ...], kwargs: Mapping[str, Any], constants: tuple[str, ...] = ()
    ) -> None:
        self.forward, self._positional, self._keywords = forward, [], dict(kwargs)
        self.parameters = _parameters(forward)
        unknown = [name for name in constants if name not in self.parameters]
        if unknown:
            raise ValueError(f"constants: {unknown[0]!r} is no argument of forward; they are {[*self.parameters]}")
        names = [name for name, kind in self.parameters.items() if kind in BY_POSITION[:2]]
        rest = next((name for name, kind in self.parameters.items() if kind is BY_POSITION[2]), "argument")
        for i, arg in enumerate(args):
            name = names[i] if i < len(names) else f"{rest}[{i - len(names)}]"
            self._positional.append((name, arg))
        self.given = dict(self._positional) | self._keywords
        self.args: Args = {}
        self.required: list[str] = []
        self.others: list[ndarray] = []
        for name, arg in self.given.items():
            root = name.partition("[")[0]
            needed = self.parameters.get(root) in BY_POSITION and root not in constants
            for path, leaf in leaves(arg, name):
                if _may_vary(path, leaf):
                    self.args[path] = leaf
                    if needed and isinstance(leaf, ndarray):
                        self.required.append(path)
                elif isinstance(leaf, ndarray):
                    self.others.append(leaf)

    def values(self, dtype: type[np.floating]) -> Args:
        """A copy of what may be varied, in this precision; plain Python floats, which have none, as they are."""
        return {name: as_dtype(arg, dtype) for name, arg in self.args.items()}

    def __call__(self, values: Mapping[str, Any]) -> Any:
        args = [values[name] if name in values else _replaced(arg, name, values) for name, arg in self._positional]
        return self.forward(*args, **{name: _replaced(arg, name, values) for name, arg in self._keywords.items()})

    def named(self, returned: Any) -> dict[str, Any]:
        """What backward returned, by the names of the arguments."""
        if not hasattr(returned, "_fields"):
            raise MalformedError(
                f"{described(returned)}; expected a NamedTuple of gradients, with the arguments' names as fields: "
                f"{', '.join(self.required)}"
            )
        return {path: grad for name, field in returned._asdict().items() for path, grad in leaves(field, name)}


def _parameters(forward: Callable) -> dict[str, Any]:
    try:
        parameters = inspect.signature(forward).parameters
    except (ValueError, TypeError) as error:
        name = getattr(forward, "__name__", "forward")
        raise TypeError(
            f"{name} does not tell the names of its arguments; wrap it in a function that does: def forward(x): ..."
        ) from error
    return {name: parameter.kind for name, parameter in parameters.items()}


def leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Everything in a nest of lists, tuples and dicts, with its name: ``parts[0]``, ``params['weight']``."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{name}[{key!r}]")
    elif isinstance(value, (list, tuple)):
        for i, item in enumerate(value):
            yield from leaves(item, f"{name}[{i}]")
    else:
        yield name, value


def _replaced(value: Any, name: str, values: Mapping[str, Any]) -> Any:
    """The same nest with the values that are named, and with copies of what a call could use up."""
    if name in values:
        return values[name]
    if isinstance(value, NEVER_COPIED):
        return value
    if isinstance(value, dict):
        return {key: _replaced(item, f"{name}[{key!r}]", values) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        items = [_replaced(item, f"{name}[{i}]", values) for i, item in enumerate(value)]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return copy.deepcopy(value)


def _may_vary(name: str, leaf: Any) -> bool:
    """Whether it is an array of real or complex numbers, or a float; what cannot be computed with is refused."""
    if not isinstance(leaf, (ndarray, np.generic)):
        return isinstance(leaf, float)
    if leaf.dtype.kind in "biuUSMm":
        return False
    if leaf.dtype.kind not in "fc" or leaf.dtype.itemsize < 4:
        raise TypeError(
            f"{name} has dtype {leaf.dtype}; gradients are checked of float64 and float32 arrays, and of complex ones"
        )
    return True


def as_dtype(arg: Any, dtype: type[np.floating]) -> Any:
    """A copy of real numbers in this dtype, of complex ones in its precision; all else, Python's floats too, as is."""
    if not isinstance(arg, ndarray | np.generic) or arg.dtype.kind not in "fc":
        return arg
    kind = np.result_type(dtype, np.complex64) if is_complex(arg) else np.dtype(dtype)
    return np.array(arg, kind) if isinstance(arg, ndarray) else kind.type(arg)


def described(value: Any) -> str:
    """What came, in a few words."""
    if isinstance(value, ndarray):
        return f"an array of {value.dtype}, shape {value.shape}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    return "None" if value is None else f"a {type(value).__name__}"
