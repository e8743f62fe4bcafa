"""Level 1, the mathematics: pairs of plain functions on arrays, ``NAME_forward`` and ``NAME_backward``.

Every module of this package that defines a pair is found, and all its functions are functions of ``minivit.ops``. What
checks, tests, lectures and exercises say about "every op" they say by ``OPS``.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from minivit.ops.registry import Op, ops_of, public_functions

OPS: dict[str, Op] = {}
"""Every op by its name."""

__all__ = ["OPS", "Op"]

for _info in iter_modules(__path__, __name__ + "."):
    _module = import_module(_info.name)
    if _ops := ops_of(_module):
        OPS |= _ops
        globals().update(public_functions(_module))

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
