"""Verify the annotations that no call verifies: the fields of caches and gradients; and ask what they say of an op."""

from collections.abc import Callable
from inspect import signature
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

import numpy as np

from tests.conftest import with_shapes


def mismatches(*tuples: Any) -> list[str]:
    """Fields of NamedTuples whose arrays are not what the annotation says.

    All fields are judged in one context: a letter means the same length in all of them.
    """
    with with_shapes("context"):
        return [
            f"{type(each).__name__}.{name} is {described(getattr(each, name))}, annotated {hint}"
            for each in tuples
            for name, hint in get_type_hints(type(each)).items()
            if not matches(getattr(each, name), hint)
        ]


def is_analytic(forward: Callable) -> bool:
    """Whether a forward also computes with complex numbers in the place of real ones, as the complex step needs it.

    Then no array that it takes or makes is annotated as ``Real`` or ``Complex``.
    """
    call = signature(forward)
    hints = [*get_args(call.return_annotation)[:1], *(it.annotation for it in call.parameters.values())]
    kinds = [getattr(part, "dtypes", ()) for hint in hints for part in (get_args(hint) or (hint,))]
    return all(("float64" in kind) == ("complex128" in kind) for kind in kinds)


def matches(value: Any, hint: Any) -> bool:
    """Whether a value is what its annotation says; parts of tuples and of unions included."""
    if isinstance(hint, UnionType):
        return any(matches(value, option) for option in get_args(hint))
    if get_origin(hint) is tuple:
        if not isinstance(value, tuple):
            return False
        inner = get_args(hint)
        inner = inner[:1] * len(value) if inner[-1] is Ellipsis else inner
        return len(value) == len(inner) and all(map(matches, value, inner))
    return isinstance(value, hint)


def described(value: Any) -> str:
    """Dtype and shape of an array, or the value itself."""
    return f"{value.dtype}{value.shape}" if isinstance(value, np.ndarray) else repr(value)
