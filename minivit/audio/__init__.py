"""Sound: waves, their spectra, and what ears and models make of them. Pairs on arrays, as in ``minivit.ops``.

Time is the last axis of a wave ``(..., T)``, and a spectrogram is ``(..., F, T)``: frequency, then time, as in librosa,
whose names these functions, arguments and defaults have. (Images are channels last; but a spectrogram is read row by
row, frequency by frequency, and a filter bank is a matrix that multiplies it from the left.)

All public functions of all modules of this package are functions of ``minivit.audio``.
"""

from typing import TYPE_CHECKING, Any

from minivit.ops.registry import Op, modules_of, ops_of, public_functions

OPS: dict[str, Op] = {}
"""Every op of this package by its name."""

__all__ = ["OPS"]

for _module in modules_of(__name__, __path__):
    OPS |= ops_of(_module)
    globals().update(public_functions(_module))

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
