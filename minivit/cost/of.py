"""What one op, one layer or one function costs."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import Parameter, signature, unwrap
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.caches import nbytes
from minivit.cost.meta import MetaArray
from minivit.cost.run import MetaGenerator, like, numberless
from minivit.cost.tally import Tally, Work
from minivit.every_op import EVERY_OP
from minivit.layers.layer import Layer
from minivit.nests import mapped


@dataclass(frozen=True)
class Cost:
    """What a function does, keeps and needs."""

    forward: Work
    backward: Work
    """Nothing, of a function that has none."""
    kept_bytes: int
    """What backward keeps: the arrays of the cache, each piece of memory once."""
    peak_bytes: int
    """The most that was alive at once, arguments included."""


def of(function: Callable | Layer | str, /, *, dtype: str = "float32", **arguments: Any) -> Cost:
    """What an op, a layer or a function of your own costs, forward and, where there is one, backward.

    Parameters
    ----------
    function : function, Layer or str
        ``mv.ops.NAME_forward``, or NAME; a layer; or a function of your own that takes and returns arrays. If it is
        called NAME_forward and there is a NAME_backward beside it, they are a pair, and both are counted.
    dtype : str
        Of the arrays, and the precision of those that must be complex; a parameter of the function that has this name
        keeps its default.
    arguments
        By name. A tuple of whole numbers is the shape of an array without numbers, except where the function's
        annotations ask for a tuple. All else is handed on: an array of numbers, such as labels, is one.

    Notes
    -----
    NumPy tells nobody of what makes a real array of a numberless one (``np.asarray(x)``, ``np.array(x)``,
    ``np.float32(x.sum())``, a real table indexed by numberless tokens): from there on nothing is counted, and what is
    made is allocated. If such an array is returned, that is said. The peak leaves out what NumPy casts or copies inside
    of one call, as where float32 meets float64.

    Raises
    ------
    CostError
        If the function looks at numbers, or calls what the counter does not know, or returns an array of numbers; it
        says where.
    ValueError
        If there is no op of this name, or no argument is an array.
    TypeError
        If the function takes no arguments by name, or has a backward beside it and returns no cache.

    Examples
    --------
    >>> import numpy as np, minivit as mv
    >>> mv.cost.of(mv.ops.attention_forward, q=(8, 4, 197, 64), k=(8, 4, 197, 64), v=(8, 4, 197, 64)).forward.macs
    158961664
    >>> mv.cost.of(mv.layers.SelfAttention(64, num_heads=4), x=(8, 197, 64)).kept_bytes
    6984832
    >>> mv.cost.of(lambda x, w: np.maximum(x @ w, 0), x=(197, 64), w=(64, 256)).forward
    Work(macs=3227648, elements=50432)
    """
    if isinstance(function, str):
        if function not in EVERY_OP:
            raise ValueError(f"there is no op {function!r}; expected one of {', '.join(EVERY_OP)}")
        function = EVERY_OP[function].forward
    _check_dtype(dtype)
    tally = Tally()
    forward: Any = function
    backward: Any = _backward_of(function)
    if isinstance(function, Layer):
        twin = copy.deepcopy(function).init(dtype=dtype)
        numberless(twin, tally)
        forward, backward = twin.forward, getattr(twin, "backward", None)
    hints = {name: it.annotation for name, it in _parameters(forward).items()}
    given = {
        name: value if _is_tuple(hints.get(name)) else _argument(name, value, _asked(hints.get(name), dtype), tally)
        for name, value in arguments.items()
    }
    if not isinstance(function, Layer) and not any(isinstance(each, (MetaArray, Generator)) for each in given.values()):
        raise ValueError(
            "no argument is an array without numbers; a tuple of whole numbers, as in x=(8, 64), makes one"
        )
    tally.phase = "forward"
    result = forward(**given)
    maker = _maker(forward)
    kept = 0
    if backward is not None:
        y, cache = _of_a_pair(result, maker)
        kept = nbytes(cache)
        tally.phase = "backward"
        backward(mapped(lambda array: like(array, tally, maker), y), cache)
    else:
        mapped(lambda array: _refuse_numbers(array, maker), result)
    return Cost(tally.total(phase="forward"), tally.total(phase="backward"), kept, tally.peak)


def _check_dtype(dtype: str) -> None:
    try:
        kind = np.dtype(dtype).kind
    except TypeError:
        kind = "none"
    if kind not in {*"biufc"}:
        raise TypeError(f"dtype is {dtype!r}; expected one of numbers, such as float32")


def _parameters(function: Any) -> Mapping[str, Parameter]:
    """The parameters of a function that can be given by name, and that no argument of the counter hides."""
    name = getattr(function, "__name__", "the function")
    try:
        found = {} if isinstance(function, np.ufunc) else signature(function).parameters
    except ValueError:  # of code that is not Python's
        found = {}
    if not found or any(it.kind is it.POSITIONAL_ONLY for it in found.values()):
        raise TypeError(
            f"{name} takes no arguments by name; put it into a function that does, such as lambda x: {name}(x)"
        )
    if "dtype" in found and found["dtype"].default is Parameter.empty:
        raise TypeError(
            f"{name} has a parameter dtype, and here that is the dtype of the arrays; give it in a function around it, "
            f"such as lambda x: {name}(x, dtype='float64')"
        )
    return found


def _of_a_pair(result: Any, maker: str) -> tuple[Any, Any]:
    """What a forward returns beside which there is a backward."""
    if not isinstance(result, tuple) or len(result) != 2:
        raise TypeError(f"a forward that has a backward beside it must return two things, y and a cache{maker}")
    return result


def _backward_of(function: Any) -> Callable | None:
    """What stands beside NAME_forward as NAME_backward."""
    plain = unwrap(function) if callable(function) else function
    name = getattr(plain, "__name__", "")
    beside = getattr(plain, "__globals__", {})
    return beside.get(f"{name.removesuffix('_forward')}_backward") if name.endswith("_forward") else None


def _is_tuple(annotation: Any) -> bool:
    return "tuple" in str(annotation) and "ndarray" not in str(annotation)


def _asked(annotation: Any, dtype: str) -> Any:
    """The dtype of an array: complex, of this precision, where nothing else is allowed."""
    kinds = getattr(annotation, "dtypes", ())
    return np.result_type(dtype, np.complex64) if "complex64" in kinds and "float32" not in kinds else dtype


def _argument(name: str, value: Any, dtype: Any, tally: Tally) -> Any:
    if isinstance(value, Generator):
        return MetaGenerator(tally)
    is_shape = isinstance(value, tuple) and all(isinstance(n, (int, np.integer)) for n in value)
    if not is_shape:
        return value
    array = MetaArray(value, dtype, tally)
    array.given_as = name
    return array


def _refuse_numbers(array: Any, maker: str) -> None:
    if isinstance(array, (ndarray, np.generic)) and not isinstance(array, MetaArray):
        like(array, Tally(), maker)


def _maker(function: Any) -> str:
    """A function's name, file and first line, in words."""
    plain = unwrap(function)
    code = getattr(plain, "__code__", None)
    if code is None:
        return ""
    return f" (in {code.co_name}, {code.co_filename.rpartition('/')[2]} line {code.co_firstlineno})"
