"""Sample inputs for every op, file by file as in :mod:`minivit.ops`, in ``audio`` as in :mod:`minivit.audio`.

They are small, random, with all options.

The function NAME in the file that has the name of the op's file draws one case of the op NAME; then::

    check_pair(NAME_forward, NAME_backward, *case.args, constants=CONSTANTS[NAME], **case.kwargs)

Functions with a kink (ReLU, maxima, absolute values) get numbers at a safe distance from it: there, and only there, a
numerical derivative means nothing.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import walk_packages
from typing import Any

from numpy.random import Generator

from minivit.check.draw import Case
from minivit.every_op import EVERY_OP

_files = {info.name: vars(import_module(info.name)) for info in walk_packages(__path__, f"{__name__}.")}


def _beside(op: str) -> dict[str, Any]:
    """What stands in the file of cases that has the name of an op's file; nothing if there is none."""
    place = EVERY_OP[op].forward.__module__.removeprefix("minivit.").removeprefix("ops.")
    return _files.get(f"{__name__}.{place}", {})


CASES: dict[str, Callable[[Generator], Case]] = {op: _beside(op)[op] for op in EVERY_OP if op in _beside(op)}
"""For every op of :data:`minivit.every_op.EVERY_OP` a function that draws one case."""

CONSTANTS: dict[str, tuple[str, ...]] = {op: _beside(op).get("CONSTANTS", {}).get(op, ()) for op in EVERY_OP}
"""For every op its arguments that have no gradient, though they may be given by position."""
