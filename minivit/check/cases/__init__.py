"""Sample inputs for every op, file by file as in :mod:`minivit.ops`: small, random, with all options.

The function NAME in the file that has the name of the op's file draws one case of the op NAME; then::

    check_pair(NAME_forward, NAME_backward, *case.args, constants=CONSTANTS[NAME], **case.kwargs)

Functions with a kink (ReLU, maxima, absolute values) get numbers at a safe distance from it: there, and only there, a
numerical derivative means nothing.
"""

from collections.abc import Callable
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from numpy.random import Generator

from minivit.check.draw import Case
from minivit.ops import OPS

_files = {info.name: vars(import_module(f"{__name__}.{info.name}")) for info in iter_modules(__path__)}


def _beside(name: str) -> dict[str, Any]:
    """What stands in the file of cases that has the name of an op's file; nothing if there is none."""
    return _files.get(OPS[name].forward.__module__.rpartition(".")[2], {})


CASES: dict[str, Callable[[Generator], Case]] = {name: _beside(name)[name] for name in OPS if name in _beside(name)}
"""For every op of :data:`minivit.ops.OPS` a function that draws one case."""

CONSTANTS: dict[str, tuple[str, ...]] = {name: _beside(name).get("CONSTANTS", {}).get(name, ()) for name in OPS}
"""For every op its arguments that have no gradient, though they may be given by position."""
