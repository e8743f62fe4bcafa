"""PyTorch's layout: linear weights (out, in), convolution kernels (out, in, rows, columns)."""

import numpy as np
from numpy import ndarray

from minivit.models.vit import ViT


def torch_shapes(model: ViT) -> dict[str, tuple[int, ...]]:
    """The shape that each parameter has in PyTorch, by our name for it; the patch embedding is a convolution there."""
    shapes = {name: param.shape for name, param in model.named_params().items()}
    shapes = {name: shape[::-1] if len(shape) == 2 else shape for name, shape in shapes.items()}
    D, _ = shapes["patch_embed.proj.weight"]
    shapes["patch_embed.proj.weight"] = (D, model.in_chans, *model.patch_embed.patch_size)
    return shapes


def from_torch(array: ndarray) -> ndarray:
    """Our order of axes: (out, in) -> (in, out), (D, C, P, Q) -> (P, Q, C, D); all else unchanged."""
    if array.ndim == 4:
        return array.transpose(2, 3, 1, 0)
    return array.T if array.ndim == 2 else array


def to_torch(array: ndarray, shape: tuple[int, ...]) -> ndarray:
    """The inverse of :func:`from_torch`: a copy of ``array`` in PyTorch's ``shape``."""
    if len(shape) == 4:
        D, C, P, Q = shape
        array = array.reshape(P, Q, C, D).transpose(3, 2, 0, 1)
    elif len(shape) == 2:
        array = array.T
    return np.array(array, order="C")
