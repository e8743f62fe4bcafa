"""What one op, one layer or one function costs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from minivit.caches import nbytes
from minivit.cost.meta import MetaArray
from minivit.cost.run import like, numberless
from minivit.cost.tally import Tally, Work
from minivit.layers.layer import Layer
from minivit.nests import mapped
from minivit.ops import OPS


@dataclass(frozen=True)
class Cost:
    """What a function does, keeps and needs."""

    forward: Work
    backward: Work
    """Nothing, of a function that is no op and no layer."""
    kept_bytes: int
    """What backward keeps: the arrays of the cache, each piece of memory once."""
    peak_bytes: int
    """The most that was alive at once, arguments included."""


def of(function: Callable | Layer | str, *, dtype: str = "float32", **arguments: Any) -> Cost:
    """What an op, a layer or a function of your own costs, forward and (of ops and layers) backward.

    Parameters
    ----------
    function : function, Layer or str
        ``mv.ops.NAME_forward``, or NAME; a layer; or a function that takes and returns arrays.
    dtype : str
        Of the arrays.
    arguments
        By name. A tuple of whole numbers is the shape of an array; give an option that is such a tuple as a list.

    Raises
    ------
    CostError
        If the function looks at numbers, or calls what the counter does not know; it says where.
    ValueError
        If there is no op of this name.

    Examples
    --------
    >>> mv.cost.of(mv.ops.attention_forward, q=(8, 4, 197, 64), k=(8, 4, 197, 64), v=(8, 4, 197, 64)).forward.macs
    158961664
    """
    if isinstance(function, str):
        if function not in OPS:
            raise ValueError(f"there is no op {function!r}; expected one of {', '.join(OPS)}")
        function = OPS[function].forward
    tally = Tally()
    forward: Any = function
    backward: Any = next((op.backward for op in OPS.values() if op.forward is function), None)
    if isinstance(function, Layer):
        twin = function.replica()
        numberless(twin, tally)
        forward, backward = twin.forward, twin.backward
    tally.phase = "forward"
    result = forward(**{name: _argument(value, dtype, tally) for name, value in arguments.items()})
    kept = 0
    if backward is not None:
        y, cache = result
        kept = nbytes(cache)
        tally.phase = "backward"
        backward(mapped(lambda array: like(array, tally), y), cache)
    return Cost(tally.total(phase="forward"), tally.total(phase="backward"), kept, tally.peak)


def _argument(value: Any, dtype: str, tally: Tally) -> Any:
    is_shape = isinstance(value, tuple) and all(isinstance(n, (int, np.integer)) for n in value)
    return MetaArray(value, dtype, tally) if is_shape else value
