"""What the loaders share: a table of where each parameter stands in a checkpoint, and the code that follows it."""

import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.layers.layer import check_arrays
from minivit.models.vit import ViT
from minivit.ops.resize import resize_forward
from minivit.storage import open_safetensors

Arrays = Mapping[str, ndarray] | str | Path
"""What a loader takes: arrays by name, or the path of a .safetensors or .npz file with them."""


class Place(NamedTuple):
    """Where a parameter stands in a checkpoint: the arrays that make it, side by side, and the shape of each."""

    names: tuple[str, ...]
    shape: tuple[int, ...]


def load_places(
    model: ViT,
    arrays: Arrays,
    places: Mapping[str, Place],
    *,
    to_our_axes: Callable[[ndarray], ndarray],
    resize: Mapping[str, Any],
    head: str,
    keep_head: bool,
) -> None:
    """Set every parameter of the model from its place in the checkpoint; nothing changes if anything does not fit.

    Parameters
    ----------
    places : {name of our parameter: Place}
    to_our_axes : callable
        Turns the axes of one array into our order. Which of them belong together is then a reshape: (D, H, K) and
        (P, Q, C, D) become (D, H*K) and (P*Q*C, D).
    resize : options of :func:`minivit.ops.resize_forward`
        How position embeddings of another grid are resampled.
    head : str
        What the names of the classifier begin with in the checkpoint.
    keep_head : bool
        Leave our head alone, and the checkpoint's aside.
    """
    arrays = read(arrays)
    if keep_head:
        places = {name: place for name, place in places.items() if not name.startswith("head.")}
        arrays = {name: array for name, array in arrays.items() if not name.startswith(head)}
    _check_classes(arrays, places)
    expected = {name: place.shape for place in places.values() for name in place.names}
    (positions,) = places["pos_embed"].names
    if positions in arrays and _is_table(arrays[positions], width=expected[positions][2]):
        expected[positions] = np.shape(arrays[positions])  # any number of tokens: it will be resampled
    check_arrays(expected, arrays)

    params = model.named_params()
    values = {}
    for name, place in places.items():
        parts = [to_our_axes(np.asarray(arrays[part], params[name].dtype)) for part in place.names]
        if name == "pos_embed":
            parts = [resize_positions(part, model, resize) for part in parts]
        rows = params[name].shape[:-1]
        values[name] = np.concatenate([part.reshape(*rows, -1) for part in parts], axis=-1)
    for name, value in values.items():
        params[name].value = value


def resize_positions(positions: ndarray, model: ViT, options: Mapping[str, Any]) -> ndarray:
    """Position embeddings (1, old tokens, D) for the model's grid of patches; the class token's row stays as it is.

    A checkpoint does not say its grid, so it is taken to be square, as every official loader does.

    Source: Dosovitskiy et al. 2021, section 3.2, "Fine-tuning and higher resolution".
    """
    rows, columns = model.patch_embed.grid_size
    _, tokens, D = model.pos_embed.shape
    if positions.shape[1] == tokens:
        return positions
    front = tokens - rows * columns
    patches = positions.shape[1] - front
    side = math.isqrt(max(patches, 0))
    if patches < 1 or side * side != patches:
        raise ValueError(
            f"the checkpoint has positions for {patches} patches, which make no square grid; "
            f"they cannot be resized to the model's {rows} x {columns}"
        )
    grid = positions[:, front:].reshape(1, side, side, D)
    grid, _ = resize_forward(grid, size=(rows, columns), **options)
    return np.concatenate((positions[:, :front], grid.reshape(1, rows * columns, D)), axis=1)


def read(arrays: Arrays) -> Mapping[str, ndarray]:
    """The arrays themselves, read from a file if need be."""
    if not isinstance(arrays, str | Path):
        return arrays
    path = Path(arrays)
    if path.suffix == ".safetensors":
        with open_safetensors(path) as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if path.suffix != ".npz":
        raise ValueError(f"weights are read from .safetensors and .npz files, not from {path.name}")
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is not an .npz file, or it is damaged")
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def _check_classes(arrays: Mapping[str, ndarray], places: Mapping[str, Place]) -> None:
    """The commonest misfit deserves a sentence of its own."""
    if "head.bias" not in places:
        return
    (name,), (classes,) = places["head.bias"]
    if name in arrays and np.shape(arrays[name]) != (classes,):
        raise ValueError(
            f"the checkpoint is for {np.size(arrays[name])} classes, the model for {classes}: "
            f"build the model with num_classes={np.size(arrays[name])}, or keep the model's own head (keep_head=True)"
        )


def _is_table(positions: ndarray, width: int) -> bool:
    shape = np.shape(positions)
    return len(shape) == 3 and shape[0] == 1 and shape[2] == width
