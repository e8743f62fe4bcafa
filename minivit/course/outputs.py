"""What a function returned, as arrays by name: ``y`` and ``cache.weights``, or ``dq``, ``dk``, ``dv``."""

from typing import Any

import numpy as np
from numpy import ndarray

from minivit.course.exercise import Kind
from minivit.course.wire import Fields, type_name

LONGEST_MESSAGE = 2000  # characters


class MalformedError(ValueError):
    """The result is not of the kind that was asked for. The message says what is."""


def named_outputs(kind: Kind, value: Any, expected: Any) -> dict[str, Any]:
    """Name every part of a result; of a cache of another form than the given one, none (see :func:`form_note`).

    Raises
    ------
    MalformedError
        If the result has not the structure of the expected one.
    """
    if kind == "forward":
        if not (isinstance(value, (tuple, list)) and len(value) == 2) or _fields_of(value) is not None:
            raise MalformedError(f"it must return the pair (y, cache); it returned {describe(value)}")
        y, cache = value
        named = {"y": _leaf(y, "y")} | ({} if cache_note(cache, expected[1]) else flatten(cache, "cache."))
        return {name: _as_number(part) for name, part in named.items()}
    if kind == "backward":
        return _named("the gradients", value, expected, "d")
    if hasattr(expected, "_fields"):
        return _named("the result", value, expected, "")
    return {"y": _as_number(_leaf(value, "y"))}


def form_note(kind: Kind, value: Any, expected: Any) -> str:
    """What is to be said of the form of a result, though the numbers are judged all the same; else nothing."""
    if kind == "forward":
        return cache_note(value[1], expected[1])
    fields = _fields_of(value)
    same_names = fields is not None and [*fields] == [*getattr(expected, "_fields", ())] and not _is_plain_dict(value)
    if hasattr(expected, "_fields") and not same_names:
        how = "place" if fields is None else "name"
        return f"{describe(value)}, which is read by {how}; the given one is {_given(expected)}"
    return ""


def cache_note(cache: Any, expected: Any) -> str:
    """That a cache has another form than the given one: it can only be judged together with its backward."""
    found, wanted = _fields_of(cache), expected._asdict()
    same_names = found is not None and found.keys() == wanted.keys() and not _is_plain_dict(cache)
    if same_names and flatten(expected, "").keys() <= flatten(cache, "").keys():
        return ""
    own = "no cache" if cache is None else f"a cache of your own, {describe(cache)}"
    return f"{own}; the given one is {_given(expected)}"


def _given(expected: Any) -> str:
    """``an AttentionGrads (q, k, v, bias)``."""
    return f"{a(type(expected).__name__)} ({', '.join(expected._fields)})"


def _fields_of(value: Any) -> dict[str, Any] | None:
    """Fields of a NamedTuple or dict, by name."""
    return value if isinstance(value, dict) else value._asdict() if hasattr(value, "_asdict") else None


def _is_plain_dict(value: Any) -> bool:
    return isinstance(value, dict) and not isinstance(value, Fields)


def _named(what: str, value: Any, expected: Any, prefix: str) -> dict[str, Any]:
    wanted = expected if isinstance(expected, dict) else expected._asdict()
    found = _fields_of(value)
    if found is None and isinstance(value, (tuple, list)) and len(value) == len(wanted):
        found = dict(zip(wanted, value, strict=True))
    if found is None:
        kind = f"the fields {', '.join(wanted)}" if isinstance(expected, dict) else _given(expected)
        same_name = ", which is no NamedTuple" * (type_name(value) == type(expected).__name__)
        too_many = isinstance(value, (tuple, list)) and len(value) > len(wanted) and prefix == "d"
        others = f"; nothing but {' and '.join(wanted)} has a gradient" * too_many
        returned = f"{describe(value)}{same_name}{_alone(value, expected, prefix)}{others}"
        raise MalformedError(f"{what} must be {kind}; it returned {returned}")
    if all(f"{prefix}{name}" in found for name in wanted):  # dx, dgamma, as the messages call them
        found = {name: found[f"{prefix}{name}"] for name in wanted}
    for name in wanted:
        if name not in found:
            if isinstance(expected, dict):  # those of a layer
                raise MalformedError(
                    f"{prefix}{name} is missing: forward was given a {name}, so return (dx, {prefix}{name})"
                )
            raise MalformedError(f"{what} must have a field {name!r}; there are only {', '.join(map(repr, found))}")
    return flatten(found, prefix)


def _alone(value: Any, expected: Any, prefix: str) -> str:
    """Of an array that stands alone for the only field: whether its numbers are right, and what to put it into."""
    if len(expected) != 1 or not isinstance(value, ndarray):
        return ""
    (array,) = expected.values() if isinstance(expected, dict) else expected
    is_right = value.shape == np.shape(array) and np.allclose(value, array, rtol=1e-9, atol=1e-12)
    put = "" if isinstance(expected, dict) else f"; return {type(expected).__name__}({prefix}{expected._fields[0]})"
    return f", whose numbers are {'right' if is_right else 'others'}{put}"


def flatten(value: Any, prefix: str) -> dict[str, Any]:
    """Every leaf of a nest of NamedTuples and dicts, by its path; what a list of such holds, by its number."""
    items = value if isinstance(value, dict) else value._asdict() if hasattr(value, "_asdict") else None
    if items is None:
        return {prefix.rstrip("."): value}
    out: dict[str, Any] = {}
    for name, item in items.items():
        if isinstance(item, list) and item and all(map(_has_fields, item)):  # caches of layers behind one another
            item = dict(enumerate(item))
        out |= flatten(item, f"{prefix}{name}.") if _has_fields(item) else {f"{prefix}{name}": item}
    return out


def _has_fields(value: Any) -> bool:
    return isinstance(value, dict) or hasattr(value, "_asdict")


def _leaf(value: Any, name: str) -> Any:
    if not isinstance(value, (ndarray, np.generic, float, int)):
        raise MalformedError(f"{name} must be an array; it is {describe(value)}")
    return value


def _as_number(value: Any) -> Any:
    """True is compared as 1."""
    return value.astype(int) if isinstance(value, ndarray) and value.dtype == bool else value


def is_number(kind: Kind, value: Any) -> bool:
    """Whether this is judged as numbers: an array, or the whole number that a formula gives."""
    return isinstance(value, (ndarray, np.generic)) or is_whole(kind, value)


def is_whole(kind: Kind, value: Any) -> bool:
    """Whether this is what a formula of whole numbers gives, which must be right to the unit."""
    return kind == "plain" and type(value) is int


def describe(value: Any) -> str:
    """What came, in a few words."""
    if _fields_of(value) is not None and not _is_plain_dict(value):
        return f"{a(type_name(value))} ({', '.join(_fields_of(value) or ())})"
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
