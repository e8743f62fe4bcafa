"""Models in files: configuration and arrays in one safetensors file. No pickle: opening a file never runs code.

The arrays are the file's tensors. What else is to be kept (a dict that JSON can write) stands in the header, next to
the version of minivit and a checksum of it all. Files of minivit 0.1 have no checksum, and are read all the same.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import blake2b
from inspect import signature
from math import prod
from pathlib import Path
from reprlib import repr as in_short
from typing import Any, get_args

import numpy as np
from numpy import ndarray

from minivit.caches import first_nonfinite
from minivit.checked import check_type
from minivit.files import must_be_file, replace_file
from minivit.json_text import from_json, to_json, tuples
from minivit.layers.layer import check_arrays
from minivit.layers.param import Param
from minivit.models.model import MODELS, Model, with_article
from minivit.types import Depth, Depths
from minivit.version import __version__

HEADER = "minivit"  # the entry of a file's metadata that only files of ours have
OPTIMIZER = "optimizer/"  # what the names of an optimizer's arrays begin with, beside those of the model


def save(
    model: Model, path: str | Path, *, optimizer_state: Mapping[str, ndarray] | None = None, **metadata: Any
) -> None:
    """Write a model to one file: class name, ``model.config``, every value, and ``metadata`` (anything JSON can write).

    ``optimizer_state``, from ``optimizer.state_dict()``, is for a training that is to go on from this file.
    The file is replaced as a whole or not at all, see :func:`write_arrays`.

    Raises
    ------
    TypeError, ValueError
        If ``model`` is not one of ``minivit.models.MODELS``, or JSON cannot write the metadata.
    OSError
        If the file cannot be written; what stood there before is untouched.
    """
    name = type(model).__name__
    if MODELS.get(name) is not type(model):
        raise TypeError(f"save: {name} is not a model that load could build again; the models are {', '.join(MODELS)}")
    arrays = {name: param.value for name, param in model.named_state().items()}
    arrays |= {OPTIMIZER + name: array for name, array in (optimizer_state or {}).items()}
    write_arrays(path, arrays, {"model": name, "config": model.config, "metadata": metadata})


def load(path: str | Path) -> Model:
    """Build the model that :func:`save` has written. What else was saved is in ``read_metadata(path)["metadata"]``.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or the system does not let it be read.
    KeyError
        If an array of the model is missing, or there is one too many.
    ValueError
        If the file is damaged, was not written by :func:`save`, or holds a model that does not fit its arrays.
    """
    arrays, metadata = read_arrays(path)
    if "model" not in metadata:
        raise ValueError(f"{path} holds arrays but no model: it was not written by minivit.save")
    name, config = metadata["model"], tuples(metadata.get("config"))
    if not isinstance(name, str) or name not in MODELS:
        raise ValueError(
            f"{path} holds {with_article(str(name)[:40])}; this minivit has the models {', '.join(MODELS)}"
        )
    arrays, _ = split_arrays(arrays)
    try:
        check_type("config", config, dict[str, Any])
        _check_counts(MODELS[name], config, arrays)
        model = MODELS[name](**config)
        arrays = fitting(model.named_state(), arrays)
    except TypeError as error:  # an option that this version of the class does not have
        raise ValueError(f"{path} has a configuration that this minivit does not understand: {error}") from error
    except (KeyError, ValueError) as error:
        raise type(error)(f"{path} does not fit its own configuration: {error.args[0]}") from error
    except (ArithmeticError, MemoryError) as error:  # an image of 0 pixels, or of more than there are numbers
        raise ValueError(f"{path} has a configuration that no model can have: {error}") from error
    model.load_state_dict(arrays)
    return model


def must_be_finite(model: Model, path: str | Path) -> None:
    """ValueError if a weight that was read from ``path`` is no number: of such a model comes nothing but nan."""
    if name := first_nonfinite_weight(model):
        raise ValueError(f"{path} holds weights that are not finite numbers, the first of them in {name}")


def first_nonfinite_weight(model: Model) -> str | None:
    """The name of the first of all that a model keeps that holds a nan or an infinity."""
    return first_nonfinite({name: param.value for name, param in model.named_state().items()})


def _check_counts(kind: type[Model], config: Mapping[str, Any], arrays: Mapping[str, ndarray]) -> None:
    """Before a model is built, see that it has no more layers than there are arrays.

    Parameters allocate nothing until they are used, so a model costs as much as it has layers, whatever their size.
    The options that say how many there are have the type ``Depth`` or ``Depths``.
    """
    for name, option in signature(kind).parameters.items():
        hints = [option.annotation, *get_args(option.annotation)]  # or one of a union
        if config.get(name) is not None and (Depth in hints or Depths in hints):
            several = Depths in hints
            check_type(name, config[name], tuple[int, ...] if several else int)
            if (sum(config[name]) if several else config[name]) > len(arrays):
                raise ValueError(f"{name} is {in_short(config[name])}, and the file has {len(arrays)} arrays in all")


def fitting(expected: Mapping[str, Param | ndarray], arrays: Mapping[str, ndarray]) -> dict[str, ndarray]:
    """The arrays of a file, when their names, shapes and dtypes are those expected; ``KeyError`` or ``ValueError``.

    Kernels (P, P, C, D), which minivit 0.1 wrote as matrices (P*P*C, D), get their axes back.
    """
    arrays = {name: _as_kernel(array, expected[name]) if name in expected else array for name, array in arrays.items()}
    check_arrays({name: ours.shape for name, ours in expected.items()}, arrays)
    for name, ours in expected.items():
        if arrays[name].dtype != ours.dtype:
            raise ValueError(f"array {name!r} holds {arrays[name].dtype}; expected {ours.dtype}")
    return arrays


def _as_kernel(array: ndarray, expected: Param | ndarray) -> ndarray:
    *rows, width = expected.shape or (0,)
    return array.reshape(expected.shape) if len(rows) == 3 and array.shape == (prod(rows), width) else array


def split_arrays(arrays: Mapping[str, ndarray]) -> tuple[dict[str, ndarray], dict[str, ndarray]]:
    """The arrays of a file in two: those of the model, and those of the optimizer under their own names."""
    model = {name: array for name, array in arrays.items() if not name.startswith(OPTIMIZER)}
    optimizer = {n.removeprefix(OPTIMIZER): array for n, array in arrays.items() if n.startswith(OPTIMIZER)}
    return model, optimizer


def write_arrays(path: str | Path, arrays: Mapping[str, ndarray], metadata: Mapping[str, Any]) -> None:
    """Write arrays by name, and a dict for JSON, to a safetensors file; training checkpoints use it too.

    Whoever reads, reads the old file or the new one, also after a crash or on a full disk, see
    :func:`minivit.files.replace_file`. Equal arrays and metadata make equal bytes.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    OSError
        If the disk is full or refuses; what stood at ``path`` is untouched.
    TypeError, ValueError
        If JSON cannot write the metadata, or safetensors has no such dtype.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save as to_bytes

    stored = {name: np.asarray(array, array.dtype.newbyteorder("<"), order="C") for name, array in arrays.items()}
    header = from_json(to_json({"version": __version__, "metadata": metadata}))
    header["checksum"] = checksum(stored, header)
    # one entry only: safetensors would write several in any order, and equal files would not have equal bytes
    try:
        replace_file(path, to_bytes(stored, metadata={HEADER: to_json(header)}))
    except SafetensorError as error:
        raise TypeError(f"cannot write {path}: {error}") from error
    except FileNotFoundError as error:
        raise FileNotFoundError(f"cannot write {path}: there is no folder {Path(path).parent}") from error


def checksum(arrays: Mapping[str, ndarray], header: Mapping[str, Any]) -> str:
    """BLAKE2b of all that a file says: its header, and of every array the name, dtype, shape and bytes."""
    names = sorted(arrays)
    kinds = [(name, arrays[name].dtype.name, arrays[name].shape) for name in names]
    digest = blake2b(to_json((header, kinds)).encode(), digest_size=32)
    for name in names:
        digest.update(np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def read_arrays(path: str | Path) -> tuple[dict[str, ndarray], dict[str, Any]]:
    """Arrays and metadata that :func:`write_arrays` has written.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or the system does not let it be read.
    ValueError
        If the file is damaged or was not written by minivit.
    """
    with open_safetensors(path) as file:
        header = _header(path, file)
        try:
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if strange := {array.dtype.name for array in arrays.values() if array.dtype.kind not in "biufc"}:
                raise TypeError(min(strange))  # which a library has taught NumPy
        except (TypeError, AttributeError) as error:  # bfloat16 and the like, which minivit does not write
            raise ValueError(f"{path} holds an array of a kind that NumPy does not have: {error}") from error
    content = {name: header[name] for name in ("version", "metadata")}
    if "checksum" in header and header["checksum"] != checksum(arrays, content):
        raise ValueError(f"{path} is damaged: its checksum is not that of its content")
    return arrays, header["metadata"]


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Only the metadata of a file, without its arrays, and so without a look at the checksum."""
    with open_safetensors(path) as file:
        return _header(path, file)["metadata"]


def is_ours(path: str | Path) -> bool:
    """Whether a safetensors file was written by minivit. ValueError if it is damaged, or none."""
    with open_safetensors(path) as file:
        return HEADER in (file.metadata() or {})


def _header(path: str | Path, file: Any) -> dict[str, Any]:
    texts = file.metadata() or {}
    if HEADER not in texts:
        raise ValueError(
            f"{path} was not written by minivit (weights of other origin: --model names what they are of, or see "
            "minivit.weights)"
        )
    try:
        header = from_json(texts[HEADER])
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    names = ("version", "metadata"), ("version", "metadata", "checksum")  # without one: minivit 0.1
    if not isinstance(header, dict) or tuple(header) not in names or not isinstance(header["metadata"], dict):
        raise ValueError(f"{path} is damaged: its header is not one that minivit writes")
    return header


@contextmanager
def open_safetensors(path: str | Path) -> Iterator[Any]:
    """Open any safetensors file; say in one sentence what is wrong with it.

    safetensors itself sees to it that the arrays lie inside the file and do not overlap.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or the system does not let it be read.
    ValueError
        If it is no safetensors file, is damaged, or has an array of a shape that no array can have.
    """
    from safetensors import SafetensorError, safe_open

    must_be_file(path)
    try:
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118
                shape = file.get_slice(name).get_shape()
                if len(shape) > 64 or prod(max(length, 1) for length in shape) > 2**58:
                    raise ValueError(f"{path} is damaged: its array {name!r} has the shape {shape}")
            yield file
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file, or it is damaged: {error}") from error
