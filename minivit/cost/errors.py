"""What cannot be counted, and where in whose code."""

import sys
from types import FrameType

BETWEEN = ("minivit.cost.", "numpy.", "contextlib.", "jaxtyping.")
"""Modules whose functions stand between an array and the code that uses it."""


class CostError(TypeError):
    """Code does something for which numbers would be needed, or which the counter does not know."""


def where() -> str:
    """The function that uses an array, and its line."""
    frame = _caller()
    return f"(in {frame.f_code.co_name}, {frame.f_code.co_filename.rpartition('/')[2]} line {frame.f_lineno})"


def may_ask(hint: str = "") -> None:
    """Our own code may look at a number, and finds an ordinary one; of other code nobody knows what it would do."""
    if not str(_caller().f_globals.get("__name__")).startswith("minivit."):
        raise CostError(f"the code looks at a number, and here are none: only shapes {where()}{hint}")


def _caller() -> FrameType:
    """The frame outside of the counter and NumPy from which we were called."""
    frame = sys._getframe(1)
    while frame.f_back and f"{frame.f_globals.get('__name__')}.".startswith(BETWEEN):
        frame = frame.f_back
    return frame
