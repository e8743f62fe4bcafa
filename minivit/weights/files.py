"""Arrays by name in files of others, .safetensors and .npz, each read when it is asked for. Knows nothing of models."""

import io
import json
import math
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.lib import format as npy

from minivit.files import must_be_file
from minivit.storage import HEADER, open_safetensors

Arrays = Mapping[str, Any] | str | Path
"""What a loader takes: arrays by name (in a nest of mappings, too), or the path of a .safetensors or .npz file."""

PICKLES = (".pth", ".pt", ".bin", ".ckpt", ".pkl", ".pickle", ".tar")
LONGEST_HEADER = 10_000  # bytes of an array's header in an .npz file: NumPy's own limit


class Stored(NamedTuple):
    """An array that is not read yet: its shape, what its numbers are ("float32", "bfloat16"), and how to read it."""

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], ndarray]


def read(path: str | Path) -> dict[str, ndarray]:
    """All arrays of a .safetensors or .npz file, by name: to look into it, or to choose what a loader is to be given.

    Numbers in bfloat16, which NumPy does not have, become float32; that is exact.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is of another kind, damaged, or holds Python objects: nothing is ever unpickled.
    """
    with open_arrays(path) as stored:
        return {name: array.read() for name, array in stored.items()}


@contextmanager
def open_arrays(arrays: object, separator: str = ".") -> Iterator[dict[str, Stored]]:
    """The arrays of a file or a mapping; names in a nest are joined: {"model": {"x": a}} is {"model.x": a}."""
    if isinstance(arrays, Mapping):
        with _one_sentence("the mapping of arrays"):
            stored = {name: _given(value) for name, value in _flat(arrays, separator)}
        yield stored
    elif isinstance(arrays, str | Path):
        path = Path(arrays)
        with _opener(path)(path) as stored:
            yield stored
    else:
        raise TypeError(
            f"weights are arrays by name or the path of a file, not a {type(arrays).__name__} "
            "(of a PyTorch module, pass its state_dict())"
        )


def _opener(path: Path) -> Callable[[Path], Any]:
    suffix = path.suffix.lower()
    if suffix not in (".safetensors", ".npz"):
        why = f": {_pickle(path)}" if suffix in PICKLES else ""
        raise ValueError(f"weights are read from .safetensors and .npz files, not from {path.name or path}{why}")
    must_be_file(path)
    return _open_npz if suffix == ".npz" else _open_safetensors


def _pickle(path: Path) -> str:
    return (
        "a pickle can run code when it is opened; where you trust it, PyTorch converts its state_dict: "
        f"safetensors.torch.save_file(torch.load({path.name!r}, weights_only=True), {path.stem + '.safetensors'!r})"
    )


@contextmanager
def _open_safetensors(path: Path) -> Iterator[dict[str, Stored]]:
    with open_safetensors(path) as file:  # which checks the header
        if HEADER in (file.metadata() or {}):
            raise ValueError(
                f"{path} was written by minivit: load it by minivit.load, and on the command line without --model"
            )
        with open(path, "rb") as raw, _one_sentence(f"{path}"):
            size = int.from_bytes(raw.read(8), "little")
            header = json.loads(raw.read(size))
        yield {name: _tensor(path, file, name, header[name], 8 + size) for name in file.keys()}  # noqa: SIM118


def _tensor(path: Path, file: Any, name: str, entry: Mapping[str, Any], start: int) -> Stored:
    shape, dtype = tuple(entry["shape"]), entry["dtype"].lower()
    kinds = {"f": "float", "bf": "bfloat", "i": "int", "u": "uint", "c": "complex"}
    letters = dtype.rstrip("0123456789")
    dtype = kinds.get(letters, letters) + dtype.removeprefix(letters)  # "BF16" is bfloat16
    if dtype == "bfloat16":  # the library reads no numbers that NumPy does not have
        return Stored(shape, dtype, partial(_read_bfloat16, path, name, shape, start + entry["data_offsets"][0]))
    return Stored(shape, dtype, partial(_read_tensor, path, file, name))


def _read_tensor(path: Path, file: Any, name: str) -> ndarray:
    with _one_sentence(f"array {name!r} of {path}"):
        return file.get_tensor(name)


def _read_bfloat16(path: Path, name: str, shape: tuple[int, ...], start: int) -> ndarray:
    with _one_sentence(f"array {name!r} of {path}"):
        return from_bfloat16(np.fromfile(path, np.uint16, math.prod(shape), offset=start).reshape(shape))


@contextmanager
def _open_npz(path: Path) -> Iterator[dict[str, Stored]]:
    with open(path, "rb") as raw:
        with _one_sentence(f"{path}"):
            file = zipfile.ZipFile(raw)
            members = {
                member: member.filename.removesuffix(".npy") for member in file.infolist() if not member.is_dir()
            }
            if any(name.endswith("data.pkl") for name in members.values()):
                raise ValueError(f"it is a pickle of PyTorch; {_pickle(path)}")
            twice = [name for name, times in Counter(members.values()).items() if times > 1]
            if twice:
                raise ValueError(f"it holds {twice[0]!r} more than once")
        yield {name: _member(path, file, member, name) for member, name in members.items()}


def _member(path: Path, file: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> Stored:
    with _one_sentence(f"array {name!r} of {path}"):
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError("it is compressed in a way that NumPy does not write")
        with file.open(member) as stream:  # a few bytes may unpack to gigabytes: read no more than a header can be
            start = io.BytesIO(stream.read(LONGEST_HEADER))
        version = npy.read_magic(start)
        try:
            shape, _, dtype = (npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0)(start)
        except MemoryError as error:  # what Python says of brackets that are nested too deeply
            raise ValueError("its header is none") from error
        if dtype.hasobject:
            raise ValueError("it holds Python objects, which are never unpickled (allow_pickle=False)")
        sound = all(type(length) is int and length >= 0 for length in shape)
        if not sound or member.file_size - start.tell() != math.prod(shape) * dtype.itemsize:
            raise ValueError("it is not as long as its header says")
    return Stored(shape, kind_of(dtype), partial(_read_member, path, file, member, name))


def _read_member(path: Path, file: zipfile.ZipFile, member: zipfile.ZipInfo, name: str) -> ndarray:
    with _one_sentence(f"array {name!r} of {path}"), file.open(member) as stream:
        array = npy.read_array(stream, allow_pickle=False)
    return from_bfloat16(array) if kind_of(array.dtype) == "bfloat16" else array


def _flat(arrays: Mapping[Any, Any], separator: str) -> Iterator[tuple[str, Any]]:
    for name, value in arrays.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}{separator}{rest}", leaf) for rest, leaf in _flat(value, separator))
        else:
            yield f"{name}", value


def _given(value: Any) -> Stored:
    """A value of a mapping: an array, or what NumPy makes one of, or something that it cannot read."""
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):  # a ragged list, a tensor of another device or of numbers of its own
        return Stored(getattr(value, "shape", ()), str(getattr(value, "dtype", type(value).__name__)), lambda: value)
    if kind_of(array.dtype) == "bfloat16":
        return Stored(array.shape, "bfloat16", partial(from_bfloat16, array))
    return Stored(array.shape, kind_of(array.dtype), lambda: array)


def kind_of(dtype: np.dtype) -> str:
    """The name of a dtype. NumPy writes bfloat16, which it does not know, to a file as two bytes without meaning."""
    return "bfloat16" if dtype.str[1:] == "V2" and dtype.names is None else dtype.name


def from_bfloat16(array: ndarray) -> ndarray:
    """Numbers of 16 bits that are the upper half of a float32, as float32."""
    return (array.view(np.uint16).astype(np.uint32) << 16).view(np.float32)


@contextmanager
def _one_sentence(what: str) -> Iterator[None]:
    """Readers stumble over damaged files in a dozen ways, with as many kinds of error: here they become one."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{what} cannot be read: {reason}") from error
