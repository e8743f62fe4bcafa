"""What a function returned, as arrays by name: ``y`` and ``cache.weights``, or ``dq``, ``dk``, ``dv``."""

from typing import Any

import numpy as np
from numpy import ndarray

from minivit.course.exercise import Kind
from minivit.course.wire import type_name

LONGEST_MESSAGE = 2000  # characters


class MalformedError(ValueError):
    """The result is not of the kind that was asked for. The message says what is."""


def named_outputs(kind: Kind, value: Any, expected: Any) -> dict[str, Any]:
    """Name every part of a result.

    Raises
    ------
    MalformedError
        If the result has not the structure of the expected one.
    """
    if kind == "forward":
        if not (isinstance(value, (tuple, list)) and len(value) == 2) or hasattr(value, "_fields"):
            raise MalformedError(f"it must return the pair (y, cache); it returned {describe(value)}")
        y, cache = value
        return {"y": _leaf(y, "y")} | _fields("the cache", cache, expected[1], "cache.")
    if kind == "backward":
        return _fields("the gradients", value, expected, "d")
    if hasattr(expected, "_fields"):
        return _fields("the result", value, expected, "")
    return {"y": _leaf(value, "y")}


def _fields(what: str, value: Any, expected: Any, prefix: str) -> dict[str, Any]:
    wanted = expected if isinstance(expected, dict) else expected._asdict()
    found = value if isinstance(value, dict) else value._asdict() if hasattr(value, "_asdict") else None
    if found is None:
        names = ", ".join(wanted)
        kind = f"{a(type(expected).__name__)} ({names})" if hasattr(expected, "_fields") else f"the fields {names}"
        same_name = ", which is no NamedTuple" * (type_name(value) == type(expected).__name__)
        raise MalformedError(f"{what} must be {kind}; it returned {describe(value)}{same_name}")
    for name in wanted:
        if name not in found:
            raise MalformedError(f"{what} must have a field {name!r}; there are only {', '.join(map(repr, found))}")
    return flatten(found, prefix)


def flatten(value: Any, prefix: str) -> dict[str, Any]:
    """Every leaf of a nest of NamedTuples and dicts, by its path."""
    items = value if isinstance(value, dict) else value._asdict() if hasattr(value, "_asdict") else None
    if items is None:
        return {prefix.rstrip("."): value}
    out: dict[str, Any] = {}
    for name, item in items.items():
        nested = isinstance(item, dict) or hasattr(item, "_asdict")
        out |= flatten(item, f"{prefix}{name}.") if nested else {f"{prefix}{name}": item}
    return out


def _leaf(value: Any, name: str) -> Any:
    if not isinstance(value, (ndarray, np.generic, float, int)):
        raise MalformedError(f"{name} must be an array; it is {describe(value)}")
    return value


def describe(value: Any) -> str:
    """What came, in a few words."""
    if value is None:
        return "None (is the return missing?)"
    if isinstance(value, ndarray):
        return f"one array of shape {value.shape}"
    if isinstance(value, (tuple, list)):
        return f"{a(type_name(value))} of {len(value)}"
    return a(type_name(value))


def a(word: str) -> str:
    """The word with its article."""
    if word.startswith("an "):
        return word
    return f"{'an' if word[:1] in 'AEIOUaeio' else 'a'} {word}"


def clip(text: str, length: int = LONGEST_MESSAGE) -> str:
    """The beginning of a text that comes from elsewhere, and may be of any length."""
    return text if len(text) <= length else f"{text[:length]} ... ({len(text):,} characters)"
