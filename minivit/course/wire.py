"""Arguments and results as bytes, to cross between two processes: JSON for the structure, npz for arrays, never pickle.

Whatever the other side sends, reading it runs no code of theirs.
"""

import io
import json
import struct
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray

LARGEST_MESSAGE = 64 * 2**20  # bytes
STRUCTURE = "structure"

FindClass = Callable[[str], type | None]


class WireError(ValueError):
    """What came cannot be understood."""


def pack(value: Any) -> bytes:
    """Numbers, text, arrays, None, and nests of them in tuples, lists, dicts and NamedTuples."""
    arrays: dict[str, ndarray] = {}
    structure = json.dumps(_describe(value, arrays))
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays, **{STRUCTURE: np.frombuffer(structure.encode(), np.uint8)})
    return file.getvalue()


def unpack(data: bytes, find_class: FindClass = lambda name: None) -> Any:
    """Undo :func:`pack`. A NamedTuple whose class is not found becomes a dict of its fields."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST_MESSAGE:
                raise WireError("a message unpacks to more than it may")
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return _rebuild(json.loads(arrays[STRUCTURE].tobytes()), arrays, find_class)
    except WireError:
        raise
    except Exception as error:
        raise WireError(f"a message cannot be read: {error}") from error


def _describe(value: Any, arrays: dict[str, ndarray]) -> Any:
    if value is None or (isinstance(value, (bool, int, float, str)) and not isinstance(value, np.generic)):
        return value
    if isinstance(value, (ndarray, np.generic)):
        if value.dtype.hasobject:
            return {"other": "an array of Python objects"}
        name = f"a{len(arrays)}"
        arrays[name] = np.asarray(value)
        return {"array" if isinstance(value, ndarray) else "scalar": name}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        fields = {str(field): _describe(item, arrays) for field, item in zip(value._fields, value, strict=True)}  # type: ignore[attr-defined]
        return {"named": type(value).__name__, "fields": fields}
    if isinstance(value, (tuple, list)):
        return {type(value).__name__: [_describe(item, arrays) for item in value]}
    if isinstance(value, dict):
        return {"dict": {str(key): _describe(item, arrays) for key, item in value.items()}}
    return {"other": f"{type(value).__name__}"}


def _rebuild(node: Any, arrays: Any, find_class: FindClass) -> Any:
    if not isinstance(node, dict):
        return node
    kind = next(iter(node))
    inside = node[kind]
    if kind == "array":
        return arrays[inside]
    if kind == "scalar":
        return arrays[inside][()]
    if kind == "tuple":
        return tuple(_rebuild(item, arrays, find_class) for item in inside)
    if kind == "list":
        return [_rebuild(item, arrays, find_class) for item in inside]
    if kind == "dict":
        return {key: _rebuild(item, arrays, find_class) for key, item in inside.items()}
    if kind == "named":
        fields = {key: _rebuild(item, arrays, find_class) for key, item in node["fields"].items()}
        found = find_class(inside)
        if found is None:
            return fields
        if getattr(found, "_fields", None) != tuple(fields):
            raise WireError(f"your {inside} must have the fields {', '.join(fields)}, as it was given")
        return found(**fields)
    return Other(str(inside))


class Other:
    """Stands for an object of a type that does not cross."""

    def __init__(self, what: str) -> None:
        self.what = what


def type_name(value: Any) -> str:
    """What a message calls the type of ``value``."""
    return value.what if isinstance(value, Other) else type(value).__name__


def send(pipe: io.BufferedIOBase, data: bytes) -> None:
    """Length, then bytes."""
    pipe.write(struct.pack("<Q", len(data)))
    pipe.write(data)
    pipe.flush()


def receive(pipe: io.BufferedIOBase) -> bytes | None:
    """The next message, or None when the other side is gone or sends what is no message."""
    head = pipe.read(8)
    if len(head) < 8:
        return None
    length = struct.unpack("<Q", head)[0]
    if length > LARGEST_MESSAGE:
        return None
    data = pipe.read(length)
    return data if len(data) == length else None


def find_in_minivit(name: str) -> type | None:
    """A class of minivit by its name, in whatever module of it."""
    for module_name, module in list(sys.modules.items()):
        if module_name.split(".")[0] == "minivit" and isinstance(found := vars(module).get(name), type):
            return found
    return None
