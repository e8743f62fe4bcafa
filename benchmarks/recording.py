"""An array that writes down every NumPy operation it takes part in, so that what is counted is what really runs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray


class Operand(NamedTuple):
    """How an array lies in memory."""

    shape: tuple[int, ...]
    strides: tuple[int, ...]
    nbytes: int


class Operation(NamedTuple):
    """One ufunc call: its name, what it read, and what it wrote."""

    name: str
    inputs: tuple[Operand, ...]
    output: Operand

    @property
    def is_product(self) -> bool:
        """Whether this is a product of two matrices (a product with a vector of ones is a sum, written fast)."""
        a, *rest = self.inputs
        return self.name == "matmul" and len(a.shape) > 1 and len(rest[0].shape) > 1 and rest[0].shape[-1] > 1

    @property
    def macs(self) -> int:
        """Multiplications, each with its addition, of a product; 0 of anything else."""
        return int(np.prod(self.output.shape)) * self.inputs[0].shape[-1] if self.name in ("matmul", "vecdot") else 0

    @property
    def flops(self) -> int:
        """Two per multiply-add; else one for every element, be it a sum or an exponential."""
        return 2 * self.macs or max(int(np.prod(x.shape)) for x in (*self.inputs, self.output))

    @property
    def nbytes(self) -> int:
        """Bytes read and written, every operand once."""
        return sum(x.nbytes for x in (*self.inputs, self.output))


class Recorded(np.ndarray):
    """An array with a ``log``; so has everything that is computed from it.

    An operation is seen if one of its operands is recorded. Copies (reshapes of transposed arrays, concatenations) are
    not: they compute nothing.
    """

    log: list[Operation]

    def __array_finalize__(self, parent: Any) -> None:
        if isinstance(parent, Recorded) and hasattr(parent, "log"):
            self.log = parent.log

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        plain = [unwrap(x) for x in inputs]
        if out is not None:
            options["out"] = tuple(unwrap(x) for x in out)
        result = getattr(ufunc, method)(*plain, **options)
        log = next(x.log for x in (*inputs, *(out or ())) if isinstance(x, Recorded))
        operands = tuple(operand(x) for x in plain if isinstance(x, np.ndarray))
        log.append(Operation(ufunc.__name__, operands, operand(np.asarray(result))))
        return record(result, log) if isinstance(result, np.ndarray) else result


MAKERS = ("empty", "zeros", "ones", "full", "empty_like", "zeros_like", "ones_like", "ascontiguousarray")


@contextmanager
def recording(log: list[Operation]) -> Iterator[None]:
    """While it lasts, the arrays that code gets from ``np.empty`` and its like are recorded, too."""
    with ExitStack() as patches:
        for name in MAKERS:
            patches.enter_context(patch.object(np, name, _recorded_maker(getattr(np, name), log)))
        yield


def _recorded_maker(make: Any, log: list[Operation]) -> Any:
    return lambda *args, **options: record(make(*map(unwrap, args), **options), log)


def record(array: NDArray[Any], log: list[Operation]) -> Recorded:
    """A view of the array that writes to ``log``."""
    recorded = array.view(Recorded)
    recorded.log = log
    return recorded


def unwrap(x: Any) -> Any:
    """The plain array, or whatever else it is."""
    return x.view(np.ndarray) if isinstance(x, Recorded) else x


def operand(array: NDArray[Any]) -> Operand:
    """Shape and strides; the elements it really has, not those that broadcasting repeats."""
    once = [n for n, stride in zip(array.shape, array.strides, strict=True) if stride]
    return Operand(array.shape, array.strides, int(np.prod(once)) * array.itemsize)
