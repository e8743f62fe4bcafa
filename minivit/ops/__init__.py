"""Level 1, the mathematics: pairs of plain functions on arrays, ``NAME_forward`` and ``NAME_backward``.

Every module of this package that defines a pair is found, and all its functions are functions of ``minivit.ops``. Those
of sound stand in ``minivit.audio``; what checks, tests and exercises say about "every op" they say by
``minivit.every_op``.
"""

from typing import TYPE_CHECKING, Any

from minivit.ops.registry import Op, modules_of, ops_of, public_functions

OPS: dict[str, Op] = {}
"""Every op of this package by its name."""

__all__ = ["OPS", "Op"]

for _module in modules_of(__name__, __path__):
    if _ops := ops_of(_module):
        OPS |= _ops
        globals().update(public_functions(_module))

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
