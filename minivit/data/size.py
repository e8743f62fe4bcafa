"""Whole numbers that a user chooses: how many, and how large."""

from operator import index
from typing import SupportsIndex

Size = SupportsIndex | tuple[SupportsIndex, SupportsIndex]
"""The side of a square in pixels, or (rows, columns)."""


def whole_number(value: SupportsIndex, name: str, *, least: int) -> int:
    """``value`` as Python's own integer.

    Raises
    ------
    TypeError
        If it is not a whole number, of Python or of NumPy.
    ValueError
        If it is less than ``least``.
    """
    try:
        number = index(value)
    except TypeError as error:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from error
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number


def sides(size: Size, *, least: int = 1, name: str = "size") -> tuple[int, int]:
    """``size`` as (rows, columns).

    Raises
    ------
    TypeError
        If it is neither a whole number nor two of them.
    ValueError
        If a side has fewer than ``least`` pixels.
    """
    try:
        rows, columns = map(index, size if isinstance(size, tuple) else (size, size))
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be a number of pixels or (rows, columns), got {size!r}") from error
    if min(rows, columns) < least:
        enough = f"{least} pixel{'s' * (least > 1)}"
        raise ValueError(f"{name} must be at least {enough} on each side, got {rows} rows and {columns} columns")
    return rows, columns
