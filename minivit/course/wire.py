"""The protocol: what the check and the child say to each other, as bytes.

The check asks, the child answers. Every question bears a number that nobody can guess, and its answer the same one;
what bears another is dropped. A message is JSON for the structure, and behind it the numbers of all arrays, never
pickle: to read it runs no code of the other side. What does not follow the rules is a WireError.
"""

import json
import re
import secrets
import struct
import sys
from collections.abc import Callable
from math import isfinite, prod
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.course.call import Outcome

LARGEST_MESSAGE = 64 * 2**20  # bytes
LARGEST_STRUCTURE = 2**20  # bytes of JSON
DEEPEST = 20  # levels of tuples in tuples
LONGEST_NAME = 100
HEAD = struct.Struct("<QQ")  # number of the question, length of the message
LENGTH = struct.Struct("<Q")  # of the JSON
DTYPE = re.compile("[<>|=][biufcSU][1-9][0-9]{0,5}")

FindClass = Callable[[str], type | None]


class WireError(ValueError):
    """What came, or what is to be sent, is no message."""


def ask(requests: Any, answers: Any, question: bytes) -> bytes:
    """Send a question and wait for its answer.

    Raises
    ------
    EOFError, OSError
        If the other side is gone.
    WireError
        If what it says is no message.
    """
    number = secrets.randbits(64)
    send(requests, number, question)
    while (message := receive(answers)) is not None:
        if message[0] == number:
            return message[1]
    raise EOFError("the other side is gone")


def send(pipe: Any, number: int, data: bytes) -> None:
    """Head, then message."""
    for part in (HEAD.pack(number, len(data)), data):
        rest = memoryview(part)
        while rest:
            rest = rest[pipe.write(rest) :]
    pipe.flush()


def receive(pipe: Any) -> tuple[int, bytes] | None:
    """Number and message, or None when the other side is gone."""
    head = _read(pipe, HEAD.size)
    if head is None:
        return None
    number, length = HEAD.unpack(head)
    if length > LARGEST_MESSAGE:
        raise WireError(f"a message of {length:,} bytes")
    data = _read(pipe, length)
    return None if data is None else (number, data)


def _read(pipe: Any, length: int) -> bytes | None:
    data = bytearray()
    while len(data) < length:
        part = pipe.read(min(length - len(data), 2**20))
        if not part:
            return None
        data += part
    return bytes(data)


def read_outcome(data: bytes) -> Outcome:
    """The answer of a child; a WireError where anything of it is not as it must be."""
    value = unpack(data)
    if not (isinstance(value, tuple) and len(value) == len(Outcome._fields)):
        raise WireError("an answer has five parts")
    status, message, _, _, seconds = value
    if not isinstance(status, str) or status not in ("returned", "raised", "not implemented"):
        raise WireError("an answer begins with how it went")
    if not isinstance(message, str) or not isinstance(seconds, float) or not (isfinite(seconds) and seconds >= 0):
        raise WireError("an answer has a message and a time")
    return Outcome(*value)


def pack(value: Any) -> bytes:
    """Numbers, text, arrays, generators, None, and nests of them in tuples, lists, dicts and NamedTuples.

    Raises
    ------
    WireError
        If it is too large, or too deep.
    """
    arrays: list[ndarray] = []
    structure = json.dumps(_describe(value, arrays, DEEPEST)).encode()
    size = LENGTH.size + len(structure) + sum(array.nbytes for array in arrays)
    if size > LARGEST_MESSAGE:
        raise WireError(f"{size:,} bytes are more than the {LARGEST_MESSAGE:,} that can be handed over")
    if len(structure) > LARGEST_STRUCTURE:
        raise WireError("it has too many parts, or too much text")
    return b"".join([LENGTH.pack(len(structure)), structure, *(array.tobytes() for array in arrays)])


def unpack(data: bytes, find_class: FindClass = lambda name: None) -> Any:
    """Undo :func:`pack`. A NamedTuple whose class is not found becomes :class:`Fields`."""
    try:
        (length,) = LENGTH.unpack_from(data)
        if length > min(LARGEST_STRUCTURE, len(data) - LENGTH.size):
            raise WireError("a message has too much text, or less than it says")
        numbers = Numbers(memoryview(data)[LENGTH.size + length :])
        value = _rebuild(json.loads(data[LENGTH.size : LENGTH.size + length]), numbers, find_class)
        if numbers.rest:
            raise WireError("a message has more numbers than its arrays")
        return value
    except WireError:
        raise
    except Exception as error:  # whatever can be wrong with bytes that come from elsewhere
        raise WireError(f"a message cannot be read: {error}") from error


class Numbers:
    """The part of a message behind its structure. Arrays are taken off it one by one, each byte once."""

    def __init__(self, rest: memoryview) -> None:
        self.rest = rest

    def take(self, dtype: str, shape: list[int]) -> ndarray:
        """The next array, in memory of its own."""
        if not DTYPE.fullmatch(dtype):
            raise WireError("an array of a type that does not cross")
        size = prod(shape) * np.dtype(dtype).itemsize
        array = np.ndarray(tuple(shape), dtype, self.rest[:size]).copy()
        self.rest = self.rest[size:]
        return array


def _describe(value: Any, arrays: list[ndarray], levels: int) -> Any:
    """What stands in the JSON for ``value``; its arrays are appended to ``arrays``."""
    if levels == 0:
        raise WireError(f"it is nested more than {DEEPEST} levels deep")
    if isinstance(value, (ndarray, np.generic)):
        array = np.asarray(value)
        if not DTYPE.fullmatch(array.dtype.str):
            return {"other": "an array of Python objects" if array.dtype.hasobject else "an array of no numbers"}
        arrays.append(array)
        in_columns = array.flags.f_contiguous and not array.flags.c_contiguous
        kind = "columns" if in_columns else "array" if isinstance(value, ndarray) else "scalar"
        return {kind: [array.dtype.str, list(array.shape)]}
    if isinstance(value, np.random.Generator) and type(value.bit_generator) is np.random.PCG64:
        state = value.bit_generator.state
        return {"generator": [*state["state"].values(), state["has_uint32"], state["uinteger"]]}
    if _is_plain(value):
        return value
    if isinstance(value, int):
        return {"other": f"whole number of {value.bit_length():,} bits"}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        names = map(str, value._fields)  # type: ignore[attr-defined]
        fields = {name: _describe(item, arrays, levels - 1) for name, item in zip(names, value, strict=True)}
        return {"named": type(value).__name__, "fields": fields}
    if isinstance(value, (tuple, list)):
        items = [_describe(item, arrays, levels - 1) for item in value]
        return {"tuple" if isinstance(value, tuple) else "list": items}
    if isinstance(value, dict):
        return {"dict": {str(key)[:LONGEST_NAME]: _describe(item, arrays, levels - 1) for key, item in value.items()}}
    return {"other": type(value).__name__[:LONGEST_NAME]}


def _rebuild(node: Any, numbers: Numbers, find_class: FindClass) -> Any:
    if _is_plain(node):
        return node
    kind = next(iter(node))
    inside = node[kind]
    if kind == "array":
        return numbers.take(*inside)
    if kind == "columns":  # of which NumPy sends the numbers by rows
        return np.asfortranarray(numbers.take(*inside))
    if kind == "scalar":
        return numbers.take(*inside)[()]
    if kind == "generator":
        state, inc, has_half, half = map(int, inside)
        bits = np.random.PCG64()
        bits.state = {**bits.state, "state": {"state": state, "inc": inc}, "has_uint32": has_half, "uinteger": half}
        return np.random.Generator(bits)
    if kind in ("tuple", "list"):
        items = [_rebuild(item, numbers, find_class) for item in inside]
        return tuple(items) if kind == "tuple" else items
    if kind == "dict":
        return {key: _rebuild(item, numbers, find_class) for key, item in inside.items()}
    if kind == "named":
        fields = {key: _rebuild(item, numbers, find_class) for key, item in node["fields"].items()}
        found = find_class(inside)
        if found is None:
            return Fields(inside, fields)
        if getattr(found, "_fields", None) != tuple(fields):
            raise WireError(
                f"your {inside} must have the fields {', '.join(fields)} and be a NamedTuple, as it was given"
            )
        return found(**fields)
    if kind == "other":
        return Other(str(inside))
    raise WireError(f"a message has a {kind}")


def _is_plain(value: Any) -> bool:
    """Whether JSON can hold it as it is: text, None, and numbers, but no integer that an array could not hold."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**64
    return value is None or isinstance(value, (float, str))


class Fields(dict[str, Any]):
    """The fields of a NamedTuple whose class is not here."""

    def __init__(self, what: str, fields: dict[str, Any]) -> None:
        super().__init__(fields)
        self.what = what


class Other:
    """Stands for an object of a type that does not cross."""

    def __init__(self, what: str) -> None:
        self.what = what


def type_name(value: Any) -> str:
    """What a message calls the type of ``value``."""
    return value.what if isinstance(value, (Other, Fields)) else type(value).__name__


def find_in_minivit(name: str) -> type | None:
    """A class of minivit by its name, in whatever module of it."""
    for module_name, module in list(sys.modules.items()):
        if module_name.split(".")[0] == "minivit" and isinstance(found := vars(module).get(name), type):
            return found
    return None
