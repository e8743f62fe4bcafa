"""Arrays without numbers: a shape, strides and a dtype. Real code runs on them, and what it would cost is seen.

NumPy lets an array answer for itself (``__array_ufunc__``, ``__array_function__``). A :class:`MetaArray` answers with
another one, of the shape, dtype and memory layout that NumPy's own answer would have, and tells its :class:`Tally` what
was done. PyTorch calls such a thing a tensor on the device "meta".
"""

# pyright: reportIncompatibleMethodOverride=false, reportIncompatibleVariableOverride=false
# (options of NumPy that no code here uses are left out)

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from math import prod
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.checked import PRECISION
from minivit.cost.errors import CostError, may_ask, where
from minivit.cost.indexing import check_assigned, check_mask, found, indexed, is_basic, picked
from minivit.cost.layout import (
    Strides,
    axes_of,
    broadcast,
    c_order,
    kept_order,
    reshaped,
    whole_shape,
)
from minivit.cost.operators import OPERATORS
from minivit.cost.tally import Tally
from minivit.layers.param import ParamStorage

MOST_BYTES = 2**63
"""Of one array."""

MOST_ARRAYS = 250_000
"""Of one run, views among them: seven times those of the largest models.

A recurrent net over a billion places would make no end of it.
"""

UFUNCS: dict[str, Callable] = {}
"""What stands in the place of the methods of NumPy's ufuncs, by their names. See ``ufuncs.py``."""

FUNCTIONS: dict[Callable, Callable] = {}
"""What stands in the place of NumPy's functions: those that are no ufuncs and no methods. See ``functions.py``."""

MAKERS: dict[Callable, Callable] = {}
"""The same of those that make an array of another one's kind (``like=``), which they get first."""

PLAIN: set[Callable] = set()
"""Functions that NumPy itself makes of others."""


class MetaArray(np.ndarray):
    """An array without numbers. Its memory is a single 1, which is what code sees that asks for a number."""

    tally: Tally
    steps: Strides
    owner: "MetaArray | None"
    below: int | None = None
    """Of whole numbers by which an axis was indexed: its length, so there are no more different ones."""
    given_as: str = ""
    """Of an argument that was given as a tuple: its name."""

    def __new__(
        cls,
        shape: Sequence[int],
        dtype: Any,
        tally: Tally,
        steps: Strides | None = None,
        owner: "MetaArray | None" = None,
    ) -> "MetaArray":
        shape, dtype = tuple(shape), np.dtype(dtype)
        if prod(shape) * dtype.itemsize >= MOST_BYTES:
            raise CostError(f"an array of shape {shape}, {dtype}, has more bytes than NumPy can count {where()}")
        array = np.ndarray.__new__(cls, shape, dtype, _one(dtype), strides=(0,) * len(shape))
        array.tally = tally
        array.steps = c_order(shape, dtype.itemsize) if steps is None else steps
        array.owner = owner
        tally.made += 1
        if owner is None:
            tally.allocate(array)
        if tally.made > MOST_ARRAYS:
            raise CostError(f"the code makes more than {MOST_ARRAYS:,} arrays, too many to count {where()}")
        return array

    def __array_finalize__(self, parent: Any) -> None:
        if parent is not None:  # made by NumPy itself, which knows nothing of layouts
            raise CostError(f"the counter does not know what made an array of shape {self.shape} {where()}")

    def __del__(self) -> None:
        if getattr(self, "owner", self) is None:
            self.tally.release(self)

    # ---- what an array knows of itself

    @property
    def strides(self) -> Strides:
        """Those that NumPy's array would have."""
        return self.steps

    @property
    def flags(self) -> Any:
        """What is asked of those that NumPy's array would have: whether it lies in one piece, row after row."""
        steps = zip(self.shape, self.steps, c_order(self.shape, self.itemsize), strict=True)
        return SimpleNamespace(c_contiguous=not self.size or all(n == 1 or step == own for n, step, own in steps))

    @property
    def base(self) -> "MetaArray | None":
        """The array whose memory this one is a view of."""
        return self.owner

    def __repr__(self) -> str:
        return f"MetaArray(shape={self.shape}, dtype={self.dtype})"

    __str__ = __repr__

    # ---- what NumPy does with arrays

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return UFUNCS[method](ufunc, *inputs, **options)

    def __array_function__(self, func: Callable, types: Any, args: Any, kwargs: Any) -> Any:
        if func in MAKERS:  # called as np.zeros(shape, like=self)
            return MAKERS[func](self, *args, **kwargs)
        if func in FUNCTIONS:
            return FUNCTIONS[func](*args, **kwargs)
        if func in PLAIN:
            return func._implementation(*args, **kwargs)  # type: ignore[attr-defined]
        raise CostError(f"the counter does not know {func.__module__}.{func.__name__} {where()}")

    # ---- views, and copies where there is none

    def _view(self, shape: Sequence[int], steps: Strides, dtype: Any = None) -> "MetaArray":
        dtype, owner = self.dtype if dtype is None else dtype, self if self.owner is None else self.owner
        view = MetaArray(shape, dtype, self.tally, steps, owner)
        view.below = self.below
        return view

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> "MetaArray":
        """A view if the layout permits it, as NumPy decides, and else a copy."""
        if order != "C":
            raise CostError(f"the counter does not know reshape in order {order!r} {where()}")
        whole = whole_shape(shape[0] if len(shape) == 1 and not isinstance(shape[0], int) else shape, self.size)
        steps = reshaped(self.shape, self.steps, whole, self.itemsize)
        return self.copy().reshape(whole) if steps is None else self._view(whole, steps)

    def transpose(self, *axes: Any) -> "MetaArray":
        """Axes in another order."""
        if len(axes) == 1 and (axes[0] is None or not isinstance(axes[0], (int, np.integer))):
            (axes,) = axes
        order = axes_of(axes, self.ndim) if axes else range(self.ndim)[::-1]
        if len(order) != self.ndim:
            raise ValueError(f"transpose: {len(order)} axes for an array of {self.ndim}")
        return self._view([self.shape[i] for i in order], tuple(self.steps[i] for i in order))

    def swapaxes(self, axis1: int, axis2: int) -> "MetaArray":
        """Two axes exchanged."""
        order = [*range(self.ndim)]
        (i,), (j,) = axes_of(axis1, self.ndim), axes_of(axis2, self.ndim)
        order[i], order[j] = order[j], order[i]
        return self.transpose(order)

    @property
    def T(self) -> "MetaArray":  # noqa: N802
        """All axes reversed."""
        return self.transpose()

    @property
    def mT(self) -> "MetaArray":  # noqa: N802
        """The last two axes exchanged."""
        return self.swapaxes(-1, -2)

    @property
    def real(self) -> "MetaArray":
        """The array itself, if it is not complex; else a view of every second number."""
        return self._view(self.shape, self.steps, PRECISION[self.dtype]) if self.dtype.kind == "c" else self

    @property
    def imag(self) -> "MetaArray":
        """The other numbers."""
        if self.dtype.kind != "c":
            raise CostError(f"the counter does not know ndarray.imag of real numbers {where()}")
        return self._view(self.shape, self.steps, PRECISION[self.dtype])

    def ravel(self, order: str = "C") -> "MetaArray":
        """One axis."""
        return self.reshape(-1, order=order)

    def flatten(self, order: str = "C") -> "MetaArray":
        """One axis, in a copy."""
        return self.copy().reshape(-1, order=order)

    def squeeze(self, axis: Any = None) -> "MetaArray":
        """Without axes of length 1."""
        gone = [i for i, n in enumerate(self.shape) if n == 1] if axis is None else axes_of(axis, self.ndim)
        if any(self.shape[i] != 1 for i in gone):
            raise ValueError(f"squeeze: axes {gone} of shape {self.shape} are not all of length 1")
        kept = [i for i in range(self.ndim) if i not in gone]
        return self._view([self.shape[i] for i in kept], tuple(self.steps[i] for i in kept))

    def __getitem__(self, index: Any) -> "MetaArray":
        if is_basic(index):
            return self._view(*indexed(self.shape, self.steps, index))
        if isinstance(index, MetaArray) and index.dtype == bool:  # how many is not known: all
            check_mask(self.shape[: index.ndim], index)
            may_ask()
            shape = (index.size, *self.shape[index.ndim :])
            steps = c_order(shape, self.itemsize)
        else:
            shape, steps = picked(self.shape, self.steps, index, self.itemsize)
        if isinstance(index, MetaArray) and index.dtype != bool:
            index.below = self.shape[0]
        self.tally.elementwise(prod(shape))
        result = MetaArray(shape, self.dtype, self.tally, steps)
        result.below = self.below
        return result

    def __setitem__(self, index: Any, value: Any) -> None:
        if isinstance(index, MetaArray) and index.dtype == bool:  # how many is not known: at most all
            check_mask(self.shape[: index.ndim], index)
            self.tally.elementwise(index.size)
            return
        shape, _ = found(self.shape, self.steps, index, self.itemsize)
        check_assigned(np.shape(value), shape)
        self.tally.elementwise(prod(shape))

    def copy(self, order: str = "C") -> "MetaArray":
        """The same in memory of its own."""
        self.tally.elementwise(self.size)
        steps = kept_order(self.shape, layouts_of([self]), self.itemsize) if order in "KA" else None
        return MetaArray(self.shape, self.dtype, self.tally, steps)

    def __copy__(self) -> "MetaArray":
        return self.copy()

    def __deepcopy__(self, memo: Any) -> "MetaArray":
        return self.copy()

    def astype(self, dtype: Any, order: str = "K", copy: bool = True, **_: Any) -> "MetaArray":
        """Converted: a copy, unless it is of this dtype and none is asked for."""
        if not copy and self.dtype == np.dtype(dtype):
            return self
        self.tally.elementwise(self.size)
        steps = kept_order(self.shape, layouts_of([self]), np.dtype(dtype).itemsize)
        return MetaArray(self.shape, dtype, self.tally, steps)

    def fill(self, value: Any) -> None:
        """One pass over memory."""
        self.tally.elementwise(self.size)

    def take(self, indices: Any, axis: int | None = None, out: Any = None, mode: Any = "raise") -> Any:
        """Entries of an axis."""
        return np.take(self, indices, axis, out, mode)

    def round(self, decimals: int = 0, out: Any = None) -> Any:
        """Fewer digits."""
        if self.dtype.kind in "iub":
            return self.copy() if out is None else np.positive(self, out=out)
        return np.rint(self, out=out)

    def dot(self, b: Any, out: Any = None) -> "MetaArray":
        """A matrix product."""
        return np.dot(self, b, out)

    def repeat(self, repeats: Any, axis: int | None = None) -> Any:
        """Entries more than once."""
        return np.repeat(self, repeats, axis)

    def argmax(self, axis: int | None = None, out: Any = None, **options: Any) -> "MetaArray":
        """Places."""
        return np.argmax(self, axis, out, **options)

    def argmin(self, axis: int | None = None, out: Any = None, **options: Any) -> "MetaArray":
        """Places."""
        return np.argmin(self, axis, out, **options)

    def argsort(self, axis: int | None = -1, **_: Any) -> "MetaArray":
        """An order."""
        axes_of(() if axis is None else axis, self.ndim)
        self.tally.elementwise(self.size)
        return MetaArray(self.shape if axis is not None else (self.size,), np.intp, self.tally)

    def __iter__(self) -> Iterator["MetaArray"]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # ---- who asks for a number

    def _or_a_tuple(self) -> str:
        """What else may have been meant."""
        name = (self if self.owner is None else self.owner).given_as
        return f"; if {name} is meant as a tuple, not as the shape of an array, annotate it: {name}: tuple" * bool(name)

    def item(self, *args: Any) -> Any:
        """The number 1: the numbers are ordinary."""
        may_ask(self._or_a_tuple())
        return self.dtype.type(1).item()

    def __bool__(self) -> bool:
        may_ask(self._or_a_tuple())
        return True

    def __float__(self) -> float:
        may_ask(self._or_a_tuple())
        return 1.0

    def __int__(self) -> int:
        may_ask(self._or_a_tuple())
        return 1

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __round__(self, ndigits: int | None = None) -> float:
        return round(float(self), ndigits)

    def __index__(self) -> int:
        raise CostError(f"a number that is not there is wanted as an index {where()}{self._or_a_tuple()}")


for _name, _operation in OPERATORS.items():
    setattr(MetaArray, f"__{_name}__", _operation)

SEEN = frozenset(
    [
        *("shape", "dtype", "ndim", "size", "itemsize", "nbytes"),
        *("sum", "mean", "prod", "max", "min", "any", "all", "var", "std", "clip", "conj", "conjugate"),
        *("cumsum", "cumprod"),
    ]
)
"""What an array knows without numbers, and methods that NumPy itself makes of ufuncs."""


def _unknown(name: str) -> property:
    def refuse(array: MetaArray) -> None:
        raise CostError(f"the counter does not know ndarray.{name} {where()}")

    return property(refuse, doc="Not known to the counter.\n\n:meta private:")  # not in the reference


READERS = {"__array__", "__dlpack__", "__reduce__", "__reduce_ex__"}
"""Methods by which others get at the numbers."""

for _name in ({name for name in dir(ndarray) if not name.startswith("_")} | READERS) - SEEN - vars(MetaArray).keys():
    setattr(MetaArray, _name, _unknown(_name))  # which would read memory that is not there


class MetaParam(MetaArray, ParamStorage):
    """The memory of a parameter, without numbers."""


@cache
def _one(dtype: np.dtype) -> bytes:
    return np.ones((), dtype).tobytes()


def layouts_of(arrays: Sequence[Any]) -> tuple[tuple[Any, Strides], ...]:
    """Shapes and strides."""
    return tuple([(array.shape, array.strides) for array in arrays])


def tally_of(arrays: Sequence[Any]) -> Tally:
    for array in arrays:
        if isinstance(array, MetaArray):
            return array.tally
    raise AssertionError("NumPy asks only where there is an array without numbers")


def written(array: Any, shape: Any, dtype: np.dtype, alike: bool = False) -> "MetaArray":
    """The array that was given to be written into, if a result of this shape and dtype has a place there."""
    refuse_real(array)
    if array.shape != shape and (alike or broadcast(array.shape, shape) != array.shape):
        raise ValueError(f"what has shape {tuple(shape)} is written into an array of shape {array.shape}")
    if not np.can_cast(dtype, array.dtype, "same_kind"):
        raise TypeError(f"what has dtype {dtype} is written into an array of {array.dtype}")
    return array


def refuse_real(array: Any) -> None:
    if not isinstance(array, MetaArray):
        raise CostError(
            f"an array of numbers is written into where there are only shapes {where()}: "
            "np.zeros_like(x, shape=...) makes one of the kind of x, np.zeros(shape) does not"
        )
