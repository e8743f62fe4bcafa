"""Will a model find room in memory with images of this size? Asked before anything is computed."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from minivit.models import PRESETS, Model, ViT
from minivit.train.step import SHARD_SIZE
from minivit.types import pair

MOST_BYTES = 2**29
"""Of one attention array; each block keeps one until its backward, in each thread."""


def check_attention_fits(name: str, model: Model) -> None:
    """Refuse a Vision Transformer whose attention arrays are larger than ``MOST_BYTES``, and name a preset that fits.

    Attention compares every patch with every other: half the patch size makes it 16 times as large.

    Parameters
    ----------
    name : str
        Of the model.
    model : Model
        Of another family, all sizes are taken to fit.

    Raises
    ------
    ValueError
        If the model does not fit.
    """
    config = model.config
    if type(model) is not ViT or (size := attention_bytes(config)) <= MOST_BYTES:
        return
    (Y, X), (P, Q) = pair(config["img_size"]), pair(config["patch_size"])
    # presets are in the order of their size; each can have images of any size that its patches divide
    others = {other: {**options, "img_size": (Y, X)} for other, (kind, options) in PRESETS.items() if kind is ViT}
    fitting = [other for other, its in others.items() if _divides(its) and attention_bytes(its) <= MOST_BYTES]
    advice = f"use --model {fitting[0]}, or smaller images" if fitting else "use smaller images"
    raise ValueError(
        f"{name} cuts images of {Y} x {X} pixels into {Y // P * (X // Q)} patches, and each array of its attention "
        f"takes {size / 2**30:.1f} GiB for {SHARD_SIZE} images, more than {MOST_BYTES / 2**30:.1f}: "
        f"{advice} (--img-size)"
    )


def attention_bytes(config: Mapping[str, Any]) -> int:
    """Bytes of the attention weights of one block, for a shard of images: (images, heads, patches, patches)."""
    (Y, X), (P, Q) = pair(config["img_size"]), pair(config["patch_size"])
    itemsize = np.dtype(config.get("dtype", "float32")).itemsize
    return SHARD_SIZE * config["num_heads"] * (Y // P * (X // Q)) ** 2 * itemsize


def _divides(config: Mapping[str, Any]) -> bool:
    (Y, X), (P, Q) = pair(config["img_size"]), pair(config["patch_size"])
    return Y % P == 0 and X % Q == 0
