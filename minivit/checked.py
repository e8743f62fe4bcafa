"""What is asked of the arguments of every op, at one place: types, dtypes and shapes, before any work.

An op says in its signature what it takes, and :func:`checked` holds its callers to that. So an op is left with its
formula, and all of them refuse the same things in the same words.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from difflib import get_close_matches
from functools import cache, reduce, wraps
from inspect import signature
from math import inf
from operator import or_
from reprlib import repr as in_short
from sys import float_info
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin

import numpy as np

from minivit.types import Scalar, ndarray

MOST_REMEMBERED = 1000  # kinds of calls of one function
COUNTS = "BNST"  # there may be no samples and no tokens, but what there is has a width, rows and columns

Function = TypeVar("Function", bound=Callable[..., Any])

PRECISION = {np.dtype(kind): np.dtype(real) for kind, real in {"f4": "f4", "f8": "f8", "c8": "f4", "c16": "f8"}.items()}


def checked(function: Function) -> Function:
    """Have every call of ``function`` checked against its annotations.

    - ``Float[ndarray, "*B D"]``: an array of float32 or float64 with these axes. A letter means the same length in all
      arrays of the call, those of its ``cache`` included, and all of them have one precision. Where one is complex (for
      the complex step), the others become complex too.
    - ``Real`` is never complex, and ``Complex`` always is: a spectrum.
    - ``Bool[ndarray, "*B D"]``: an array of bool. ``ndarray``: any array.
    - ``Scalar``: one number. It takes the precision of the arrays.
    - All else are options, of the Python types that stand there; ``Size``, ``Count``, ``Rate`` and their
      kin are in their ranges. NumPy's numbers become Python's: a ``np.float64`` would lift float32 to float64, and JSON
      cannot write a ``np.int64``. Those that only ``**options`` takes may be anything.

    Raises
    ------
    TypeError, ValueError
        One sentence: the function, the argument, what came, what was expected.
    """
    parameters = signature(function, eval_str=True).parameters.values()
    named = [parameter for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD]
    takes_others = len(named) < len(parameters)
    hints = {p.name: object if p.annotation is p.empty else p.annotation for p in named}
    positional = [parameter.name for parameter in named if parameter.kind is not parameter.KEYWORD_ONLY]
    ranges = {name: part for name, hint in hints.items() for part in ranges_of(hint)}
    hints = {name: without_range(hint) for name, hint in hints.items()}
    label = function.__qualname__.removesuffix(".__init__").removesuffix("_forward")
    right: set[Any] = set()  # what has been found right once, need not be looked at again

    @wraps(function)
    def call(*args: Any, **options: Any) -> Any:
        kinds = (*options, _kinds((*args, *options.values()), exact=bool(ranges)))
        if kinds in right:
            return function(*args, **options)
        values = dict(zip(positional, args, strict=False)) | options
        others = {name: value for name, value in values.items() if name not in hints}
        if len(values) < len(args) + len(options) or (others and not takes_others):
            return function(*args, **options)  # one too many, given twice, or unknown: Python says so
        try:
            taken = {name: _taken(name, value, hints[name]) for name, value in values.items() if name in hints}
            _fit_together(taken, hints)
            for name in ranges.keys() & taken.keys():
                if taken[name] is not None:
                    check_range(name, taken[name], **ranges[name]._asdict())
        except (TypeError, ValueError) as error:
            raise type(error)(f"{label}: {error}") from None
        if _kinds(taken.values()) == _kinds(values.values()) and len(right) < MOST_REMEMBERED:
            right.add(kinds)
        return function(**taken, **others)

    return call  # type: ignore[return-value]


def ranges_of(hint: Any) -> Iterable[Any]:
    """The range that an annotation asks for, or one part of it: ``Count | None`` that of ``Count``."""
    return [*getattr(hint, "__metadata__", ()), *(part for kind in _either(hint) for part in ranges_of(kind))]


def without_range(hint: Any) -> Any:
    """The type that an annotation asks for: of ``Count | None`` it is ``int | None``."""
    if getattr(hint, "__metadata__", None):
        return get_args(hint)[0]
    return reduce(or_, map(without_range, _either(hint))) if _either(hint) else hint


def _either(hint: Any) -> tuple[Any, ...]:
    """The parts of ``A | B``, which is of another type if a range is among them."""
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else ()


def _kinds(values: Iterable[Any], *, exact: bool = False) -> tuple[Any, ...]:
    """All that decides whether arguments are right: dtype and shape of arrays; types of options.

    ``exact``: and the numbers themselves, where they must be in a range.
    """
    kinds: list[Any] = []
    for value in values:
        kind = type(value)
        if kind is ndarray:
            kinds += (value.dtype, value.shape)
        elif isinstance(value, ndarray):
            kinds += (kind, value.dtype, value.shape)
        elif isinstance(value, (tuple, list)):
            kinds.append((kind, _kinds(value, exact=exact)))
        elif kind is dict:
            kinds.append((kind, _kinds(value.items(), exact=exact)))
        else:
            itself = isinstance(value, (int, float)) and (exact or too_long(value))
            kinds.append((kind, value) if itself else kind)
    return tuple(kinds)


def too_long(value: Any) -> bool:
    """Whether a number is a whole one that no float can be."""
    return isinstance(value, int) and abs(value) > float_info.max


def check_type(name: str, value: Any, hint: Any) -> None:
    """TypeError for an option that is not of the type that stands there; True is no number."""
    if not _fits(value, hint):
        raise TypeError(f"{name} is {in_short(value)}; expected {_words(hint)}")


def check_range(
    name: str,
    value: float | Sequence[float],
    *,
    at_least: float | None = None,
    above: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> None:
    """ValueError for an option, or one of several numbers, outside its range.

    nan is outside every range; ``below=inf`` means finite.
    """
    numbers = value if isinstance(value, Sequence) else (value,)
    ends = [
        (f"at least {at_least}", at_least is None or all(number >= at_least for number in numbers)),
        (f"above {above}", above is None or all(number > above for number in numbers)),
        ("finite" if below == inf else f"below {below}", below is None or all(number < below for number in numbers)),
        (f"at most {at_most}", at_most is None or all(number <= at_most for number in numbers)),
    ]
    if not all(holds for _, holds in ends):
        words = " and ".join(words for words, _ in ends if "None" not in words)
        raise ValueError(f"{name} is {in_short(value)}; expected {words}")


def check_stages(**options: Sequence[Any]) -> None:
    """ValueError if there is no stage, or an option has one number too few or too many; the first one says how many."""
    (first, stages), *others = options.items()
    for name, numbers in others:
        if not stages or len(numbers) != len(stages):
            given = f"{first} are {in_short(stages)}, {name} {in_short(numbers)}"
            raise ValueError(f"{given}; expected one of each for every stage")


def check_no_mask(layer: str, mask: Any) -> None:
    """ValueError if there is one, for a layer that can leave no place out."""
    if mask is not None:
        raise ValueError(f"{layer} mixes all places; it takes no mask")


def first_wrong(rows: ndarray, right: ndarray | np.bool) -> str:
    """The first row that is not right, or the only one, as it is said.

    >>> from minivit.checked import first_wrong
    >>> first_wrong(np.array([[0, 0, 2, 2], [3, 1, 2, 9]]), np.array([True, False]))
    '3, 1, 2, 9'
    """
    return ", ".join(f"{number:g}" for number in rows[~right][0].tolist())


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is none of the known: those that are like it, if any are.

    >>> from minivit.checked import did_you_mean
    >>> did_you_mean("dpeth", ["depth", "num_heads"]), did_you_mean("x", ["depth"])
    ('; did you mean depth?', '')
    """
    nearest = " or ".join(get_close_matches(name, [*known]))
    return f"; did you mean {nearest}?" if nearest else ""


def check_broadcast(label: str, what: str, shape: tuple[int, ...], **arrays: ndarray | None) -> None:
    """ValueError for an array that does not broadcast to a shape, that of ``what``; None is no array."""
    for name, array in arrays.items():
        if array is None:
            continue
        lengths = zip(reversed(array.shape), reversed(shape), strict=False)
        if array.ndim > len(shape) or not all(length in (1, whole) for length, whole in lengths):
            raise ValueError(f"{label}: {name} {array.shape} does not broadcast to {what} {shape}")


def check_shape(name: str, array: ndarray, expected: tuple[int, ...]) -> None:
    """TypeError for no array, ValueError for another shape, where lengths follow from what no annotation says."""
    if getattr(array, "shape", None) != expected:
        check_type(name, array, ndarray)
        raise ValueError(f"{name} has shape {array.shape}; expected {expected}")


def check_numbers(name: str, numbers: ndarray, count: int, what: str, *, lowest: int = 0) -> None:
    """TypeError or ValueError for an array whose entries are not numbers of ``count`` things, or down to ``lowest``."""
    if not np.issubdtype(numbers.dtype, np.integer):
        raise TypeError(f"{name}s have dtype {numbers.dtype}; expected integers, the numbers of {what}")
    if numbers.size and not (numbers.min() >= lowest and numbers.max() < count):
        bad = numbers[(numbers < lowest) | (numbers >= count)].flat[0]
        raise ValueError(f"{name} {bad} is out of range; expected {lowest} to {count - 1} for {count} {what}")


def precision_of(dtype: Any) -> np.dtype:
    """The dtype that a name or a type means: float32 or float64. TypeError for any other."""
    name = in_short(dtype)
    if dtype is not None:  # which NumPy takes for float64
        with suppress(TypeError, ValueError, SyntaxError):  # all of which NumPy raises
            name = np.dtype(dtype).name
    if name not in ("float32", "float64"):
        raise TypeError(f"dtype is {name}; expected float32 (to train) or float64 (to check)")
    return np.dtype(name)


def real_numbers(name: str, values: float | ndarray) -> ndarray:
    """An array of floats, in the precision that it has; numbers and integers become float64. TypeError for others."""
    _check_unmasked(name, values)
    array = np.asarray(float(values) if isinstance(values, int) else values)
    if array.dtype not in (np.float32, np.float64) and not np.issubdtype(array.dtype, np.integer):
        raise TypeError(f"{name} has dtype {array.dtype}; expected float32, float64 or integers")
    return array if array.dtype == np.float32 else array.astype(np.float64)


def _check_unmasked(name: str, value: Any) -> None:
    if isinstance(value, np.ma.MaskedArray):
        raise TypeError(f"{name} is a masked array; expected a plain one, in which every number counts")


def plain(value: Any) -> Any:
    """NumPy's numbers as Python's, those within tuples, lists and dicts too; all else as it is."""
    if isinstance(value, np.generic) or (isinstance(value, ndarray) and value.ndim == 0):
        return value.item()
    if type(value) is tuple:
        return tuple(map(plain, value))
    if type(value) is list:
        return [plain(item) for item in value]
    if hasattr(value, "_fields") and all(isinstance(item, (int, float, np.generic)) for item in value):
        return type(value)(*map(plain, value))
    if type(value) is dict:
        return {plain(key): plain(item) for key, item in value.items()}
    return value


class Axes(NamedTuple):
    """A shape annotation, taken apart: the axes by name, which of them stands for any number of axes, the dtypes."""

    names: tuple[str, ...]
    variadic: int | None
    dtypes: tuple[str, ...]

    def __str__(self) -> str:
        names = ", ".join("..." if name.startswith("*") else name for name in self.names)
        return f"({names},)" if len(self.names) == 1 else f"({names})"

    def lengths(self, shape: tuple[int, ...]) -> list[tuple[str, Any]] | None:
        """Each axis and its length; None if there are too few axes or too many."""
        parts: tuple[Any, ...] = shape
        if self.variadic is not None and len(shape) >= len(self.names) - 1:
            start, stop = self.variadic, self.variadic + len(shape) - len(self.names) + 1
            parts = (*shape[:start], shape[start:stop], *shape[stop:])
        return [*zip(self.names, parts, strict=True)] if len(parts) == len(self.names) else None


@cache
def axes_of(hint: Any) -> Axes | None:
    """The array that a hint asks for, None if it asks for something else."""
    for part in get_args(hint) or (hint,):
        if hasattr(part, "dim_str"):  # an annotation of jaxtyping
            return Axes(tuple(part.dim_str.split()), part.index_variadic, part.dtypes)
    return None


def _may_be_either(axes: Axes) -> bool:
    """Whether numbers are real, and complex for the complex step."""
    return {"float32", "complex64"} <= {*axes.dtypes}


@cache
def _fields(kind: Any) -> dict[str, Any]:
    """The annotations of the arrays in a cache."""
    return {name: hint for name, hint in getattr(kind, "__annotations__", {}).items() if axes_of(hint)}


def _taken(name: str, value: Any, hint: Any) -> Any:
    """An argument as the function gets it, if it is of the type that its annotation asks for."""
    axes = axes_of(hint)
    if hint == Scalar or (axes is None and hint is not ndarray):
        value = plain(value)
        check_type(name, value, hint)
        return value
    if axes and type(value) in (NoneType, str) and type(value) in get_args(hint):
        return value
    _check_unmasked(name, value)
    has_own_ways = isinstance(value, ndarray) and type(value).__array_ufunc__ is not ndarray.__array_ufunc__
    if isinstance(value, (float, np.generic, ndarray)) and not has_own_ways:  # one that records what is done with it
        value = np.asarray(value)  # the plain array: products of np.matrix are others
    if not isinstance(value, ndarray):
        or_name = " or a name" * (str in get_args(hint))
        raise TypeError(f"{name} is {in_short(value)}, of type {type(value).__name__}; expected a NumPy array{or_name}")
    if axes and not (value.dtype.name in axes.dtypes and value.dtype.isnative):
        kinds = {"float32": "float32 or float64", "complex64": "complex64 or complex128", "int64": "integers"}
        expected = next((words for kind, words in kinds.items() if kind in axes.dtypes), axes.dtypes[0])
        raise TypeError(f"{name} has dtype {value.dtype}; expected {expected}")
    return value


def _fit_together(values: dict[str, Any], hints: dict[str, Any]) -> None:
    """See that all arrays of a call have one precision, and equal lengths where their annotations share a letter."""
    kept = _fields(hints["cache"]) if "cache" in values else {}
    arrays = {f"cache.{name}": (axes_of(hint), getattr(values["cache"], name)) for name, hint in kept.items()}
    arrays |= {name: (axes_of(hints[name]), value) for name, value in values.items()}
    known: dict[str, tuple[Any, str, tuple[int, ...]]] = {}
    precision, first, is_complex = None, "", False
    for name, (axes, array) in arrays.items():
        if axes is None or not isinstance(array, ndarray):
            continue
        if array.dtype in PRECISION:
            is_complex = is_complex or (array.dtype.kind == "c" and _may_be_either(axes))
            if first and precision != PRECISION[array.dtype]:
                raise TypeError(f"{name} is of {array.dtype}, but {first} of {precision}; expected one precision")
            precision, first = PRECISION[array.dtype], first or name
        lengths = axes.lengths(array.shape)
        if lengths is None:
            raise ValueError(f"{name} has shape {array.shape}; expected {axes}")
        for letter, length in lengths:
            if letter == "...":
                continue
            if length == 0 and letter not in COUNTS:
                raise ValueError(f"{name} has shape {array.shape}; expected {axes}, with {letter} at least 1")
            if letter.isdigit() and length != int(letter):
                raise ValueError(f"{name} has shape {array.shape}; expected {axes}")
            expected, where, shape = known.setdefault(letter, (length, name, array.shape))
            if length != expected:
                which = "..." if letter.startswith("*") else letter
                reason = f"with {which} as in {where}, which has shape {shape}"
                raise ValueError(f"{name} has shape {array.shape}; expected {axes}, {reason}")
    for name, hint in hints.items():
        if hint == Scalar and name in values:
            values[name] = np.asarray(values[name], precision)
        elif is_complex and (axes := axes_of(hint)) and _may_be_either(axes) and isinstance(values.get(name), ndarray):
            values[name] = values[name].astype(np.result_type(precision, np.complex64), copy=False)


def _fits(value: Any, hint: Any) -> bool:
    """Whether an option is of the type that stands there; what is no type (``Any``) fits all."""
    parts = get_args(hint)
    if hint == Scalar:
        return _fits(value, float)
    if isinstance(hint, UnionType):
        return any(_fits(value, part) for part in parts)
    if get_origin(hint) is tuple:
        if parts[-1] is Ellipsis:
            parts = parts[:1] * len(value) if isinstance(value, (tuple, list)) else ()
        return isinstance(value, (tuple, list)) and len(value) == len(parts) and all(map(_fits, value, parts))
    if get_origin(hint) is Callable:
        return callable(value)
    if get_origin(hint) is dict:
        return isinstance(value, dict) and all(_fits(k, parts[0]) and _fits(v, parts[1]) for k, v in value.items())
    if get_origin(hint) is Sequence:
        if isinstance(value, (str, bytes)):
            return isinstance(value, str) and parts[0] is str
        items = value.tolist() if isinstance(value, ndarray) else value
        return isinstance(items, Sequence) and all(_fits(plain(item), parts[0]) for item in items)
    if hint in (int, float):
        return (
            isinstance(value, (int, hint)) and not isinstance(value, bool) and not (hint is float and too_long(value))
        )
    if hasattr(hint, "_fields"):  # a cache, or one of somebody's own with the same fields; or a few numbers
        return getattr(value, "_fields", None) == hint._fields and all(map(_fits, value, _numbers_of(hint)))
    return hint is Any or not isinstance(hint, type) or isinstance(value, hint)


def _numbers_of(kind: Any) -> Sequence[Any]:
    """The types of the fields of a NamedTuple, if all are numbers; else they may be anything."""
    hints = [*kind.__annotations__.values()]
    return hints if {*hints} <= {int, float} else [object] * len(hints)


def _words(hint: Any) -> str:
    """A type as a user reads it: ``int or (int, int)``."""
    if hint in (Scalar, Ellipsis):
        return "..." if hint is Ellipsis else "a number"
    if isinstance(hint, UnionType):
        return " or ".join(map(_words, get_args(hint)))
    if get_origin(hint) is tuple:
        return f"({', '.join(map(_words, get_args(hint)))})"
    if get_origin(hint) is Sequence:
        return f"a sequence of {_words(get_args(hint)[0])}"
    if get_origin(hint) is Callable:
        return "a function"
    if hasattr(hint, "_fields") and {*_numbers_of(hint)} <= {int, float}:
        return (
            f"{hint.__name__}({', '.join(f'{name}: {kind.__name__}' for name, kind in hint.__annotations__.items())})"
        )
    return "None" if hint is NoneType else getattr(hint, "__name__", str(hint))
