"""Models in files: configuration and arrays in one safetensors file. No pickle: opening a file never runs code.

The arrays are the file's tensors. What else is to be kept (a dict that JSON can write) stands in the header, next to
the version of minivit.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy import ndarray

from minivit.models import MODELS, ViT

OPTIMIZER = "optimizer/"  # what the names of an optimizer's arrays begin with, beside those of the model


def save(
    model: ViT, path: str | Path, *, optimizer_state: Mapping[str, ndarray] | None = None, **metadata: Any
) -> None:
    """Write a model to one file: class name, ``model.config``, every value, and ``metadata`` (anything JSON can write).

    ``optimizer_state``, from ``optimizer.state_dict()``, is for a training that is to go on from this file.
    The file is replaced as a whole or not at all, see :func:`write_arrays`.

    Raises
    ------
    TypeError
        If ``model`` is not one of ``minivit.models.MODELS``, or JSON cannot write the metadata.
    OSError
        If the file cannot be written; what stood there before is untouched.
    """
    name = type(model).__name__
    if MODELS.get(name) is not type(model):
        raise TypeError(f"save: {name} is not a model that load could build again; the models are {', '.join(MODELS)}")
    arrays = {name: param.value for name, param in model.named_params().items()}
    arrays |= {OPTIMIZER + name: array for name, array in (optimizer_state or {}).items()}
    write_arrays(path, arrays, {"model": name, "config": model.config, "metadata": metadata})


def load(path: str | Path) -> ViT:
    """Build the model that :func:`save` has written. What else was saved is in ``read_metadata(path)["metadata"]``.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    KeyError
        If an array of the model is missing, or there is one too many.
    ValueError
        If the file is damaged, was not written by :func:`save`, or holds a model that does not fit its arrays.
    """
    arrays, metadata = read_arrays(path)
    if "model" not in metadata:
        raise ValueError(f"{path} holds arrays but no model: it was not written by minivit.save")
    if metadata["model"] not in MODELS:
        raise ValueError(f"{path} holds a {metadata['model']}; this minivit has the models {', '.join(MODELS)}")
    # JSON has no tuples: sizes (rows, columns) come back as lists
    config: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in metadata["config"].items()}
    try:
        model = MODELS[metadata["model"]](**config)
        model.load_state_dict(split_arrays(arrays)[0])
    except TypeError as error:  # an option that this version of the class does not have
        raise ValueError(f"{path} has a configuration that this minivit does not understand: {error}") from error
    except (KeyError, ValueError) as error:
        raise type(error)(f"{path} does not fit its own configuration: {error.args[0]}") from error
    return model


def split_arrays(arrays: Mapping[str, ndarray]) -> tuple[dict[str, ndarray], dict[str, ndarray]]:
    """The arrays of a file in two: those of the model, and those of the optimizer under their own names."""
    model = {name: array for name, array in arrays.items() if not name.startswith(OPTIMIZER)}
    optimizer = {n.removeprefix(OPTIMIZER): array for n, array in arrays.items() if n.startswith(OPTIMIZER)}
    return model, optimizer


def write_arrays(path: str | Path, arrays: Mapping[str, ndarray], metadata: Mapping[str, Any]) -> None:
    """Write arrays by name, and a dict for JSON, to a safetensors file; training checkpoints use it too.

    Whoever reads, reads the old file or the new one, also after a crash or on a full disk, see :func:`replace_file`.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    OSError
        If the disk is full or refuses; what stood at ``path`` is untouched.
    TypeError
        If JSON cannot write the metadata.
    """
    from safetensors.numpy import save as to_bytes

    from minivit import __version__

    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"cannot write {path}: there is no folder {path.parent}")
    # one entry only: safetensors would write several in any order, and equal files would not have equal bytes
    header = {"minivit": json.dumps({"version": __version__, "metadata": metadata})}
    content = to_bytes({name: np.asarray(array, order="C") for name, array in arrays.items()}, metadata=header)
    replace_file(path, content)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all.

    Everything goes to a temporary file in the same folder, is forced to disk and only then takes the place of ``path``
    in one step. If the disk is full or refuses (OSError), the temporary file is removed.
    """
    temporary = path.with_name(f".{uuid4().hex}.tmp")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)  # only there if something went wrong


def read_arrays(path: str | Path) -> tuple[dict[str, ndarray], dict[str, Any]]:
    """Arrays and metadata that :func:`write_arrays` has written.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged or was not written by minivit.
    """
    with open_safetensors(path) as file:
        return {name: file.get_tensor(name) for name in file.keys()}, _metadata(path, file)  # noqa: SIM118


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Only the metadata of a file, without its arrays; raises as :func:`read_arrays` does."""
    with open_safetensors(path) as file:
        return _metadata(path, file)


@contextmanager
def open_safetensors(path: str | Path) -> Iterator[Any]:
    """Open any safetensors file; say in one sentence what is wrong with it."""
    from safetensors import SafetensorError, safe_open

    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        with safe_open(path, framework="numpy") as file:
            yield file
    except SafetensorError as error:
        raise ValueError(f"{path} is not a safetensors file, or it is damaged: {error}") from error


def _metadata(path: str | Path, file: Any) -> dict[str, Any]:
    header = file.metadata() or {}
    if "minivit" not in header:
        raise ValueError(f"{path} was not written by minivit (weights of other origin: see minivit.weights)")
    return json.loads(header["minivit"])["metadata"]
