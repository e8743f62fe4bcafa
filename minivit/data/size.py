"""Whole numbers that a user chooses: how many, and how large."""

from operator import index
from typing import SupportsIndex

Size = SupportsIndex | tuple[SupportsIndex, SupportsIndex]
"""The side of a square in pixels, or (rows, columns)."""

MOST_PIXELS = 65_535
"""Of a side; so it is in JPEG, too."""


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
        If a side has fewer than ``least`` pixels, or more than ``MOST_PIXELS``.
    """
    try:
        rows, columns = map(index, size if isinstance(size, tuple) else (size, size))
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be a number of pixels or (rows, columns), got {size!r}") from error
    got = f"on each side, got {rows} rows and {columns} columns"
    if min(rows, columns) < least:
        raise ValueError(f"{name} must be at least {least} pixel{'s' * (least > 1)} {got}")
    if max(rows, columns) > MOST_PIXELS:
        raise ValueError(f"{name} must be at most {MOST_PIXELS:,} pixels {got}")
    return rows, columns
