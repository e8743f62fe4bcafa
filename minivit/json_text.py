"""JSON: written from NumPy's numbers too, and read strictly, because a file may come from anybody."""

import json
from math import isfinite
from reprlib import repr as short
from typing import Any

import numpy as np

DEPTH = 32  # how deep lists and dicts may be nested
LONGEST = 10_000_000  # characters; what Python makes of a text may be thirty times as large
TOO_DEEP = f"lists or dicts are nested more than {DEPTH} deep"


def to_json(value: Any, *, indent: int | None = None) -> str:
    """JSON text of a value; NumPy's numbers and arrays become plain ones.

    Raises
    ------
    TypeError, ValueError
        If JSON has no way to write it, or :func:`from_json` would not read it again.
    """
    try:
        text = json.dumps(value, indent=indent, default=_python)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    from_json(text)
    return text


def from_json(text: str) -> Any:
    """What a JSON text says.

    Raises
    ------
    ValueError
        If it is not JSON, names something twice, holds a number that is not finite, is nested too deeply or too long.
    """
    if len(text) > LONGEST:
        raise ValueError(f"a text of {len(text):,} characters is too long; expected at most {LONGEST:,}")
    try:
        value = json.loads(text, object_pairs_hook=_each_name_once, parse_constant=_finite, parse_float=_finite)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    _check_depth([value], DEPTH + 1)
    return value


def _python(value: Any) -> Any:
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    raise TypeError(f"{value!r} cannot be written: a {type(value).__name__} is not JSON serializable")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names: dict[str, Any] = {}
    for name, value in pairs:
        if name in names:
            raise ValueError(f"the name {short(name)} stands there twice")
        names[name] = value
    return names


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"the number {text[:20]} is not finite")
    return number


def _check_depth(nest: dict | list, room: int) -> None:
    if room == 0:
        raise ValueError(TOO_DEEP)
    for item in nest.values() if isinstance(nest, dict) else nest:
        if isinstance(item, dict | list):
            _check_depth(item, room - 1)


def tuples(value: Any) -> Any:
    """The same value with tuples in place of lists. JSON has no tuples: a size (rows, columns) comes back as a list."""
    if isinstance(value, dict):
        return {name: tuples(item) for name, item in value.items()}
    return tuple(map(tuples, value)) if isinstance(value, list | tuple) else value
