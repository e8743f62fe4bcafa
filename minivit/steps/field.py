"""How much each part of an image counts for each place, after each block: the receptive field, found by trying."""

from math import ceil
from typing import Any

import numpy as np

from minivit.cost.tally import layers_in
from minivit.layers import Layer, OverlappingPatchEmbed, PatchEmbed
from minivit.look.influence import influence
from minivit.models.model import Model
from minivit.types import ndarray

SQUARES = 8
"""Along each side of an image that is not cut into patches, or into too many."""

MOST_PATCHES = 256
"""Of more, it would take longer than a reader waits: the model computes once for each."""

MOST_WORK = 2**28
"""Parts of the image times parameters, for the same reason."""


def patch_embed_of(model: Layer) -> PatchEmbed | OverlappingPatchEmbed | None:
    """The first layer that makes tokens of patches, if there is one."""
    return next((layer for _, layer in layers_in(model) if isinstance(layer, PatchEmbed | OverlappingPatchEmbed)), None)


def receptive_field(model: Model, image: ndarray) -> dict[str, Any]:
    """How far each part of an image moves the vectors of each block, or why that is not known.

    A part is changed to the mean of the image, and the model computes again. Parts are patches, or squares where the
    model does not cut the image into patches, or into too many.

    Parameters
    ----------
    model : Model
    image : (1, Y, X, C)

    Returns
    -------
    dict
        ``part``, "patch" or "square"; ``grid``, their rows and columns; and ``blocks``, by name (T + parts, parts): the
        share that each part has in the T tokens in front of a block's map, and in that place of the map that lies in
        the middle of each part. Or ``reason``.
    """
    embed, (_, Y, X, _) = patch_embed_of(model), image.shape
    part, grid = "square", (min(SQUARES, Y), min(SQUARES, X))
    if isinstance(embed, PatchEmbed) and embed.num_patches <= MOST_PATCHES:
        part, grid = "patch", embed.grid_size
    number = grid[0] * grid[1]
    if number * model.num_params > MOST_WORK:
        return {"reason": f"it is found by changing each of {number} parts of the image, which takes too long here"}
    shares = influence(model, image, _changed(image, grid), every_token=True)
    maps = _halved(embed.grid_size) if embed else []
    in_front = {0, getattr(model, "num_prefix_tokens", 0)}
    blocks = {name: _of_parts(share, grid, maps, in_front) for name, share in shares.items()}
    found = {name: share for name, share in blocks.items() if share is not None}
    if not found:
        return {"reason": "no block has a map of the image"}
    return {"part": part, "grid": list(grid), "blocks": found}


def _changed(image: ndarray, grid: tuple[int, int]) -> ndarray:
    """The image as often as it has parts, another one of them changed in each."""
    (R, C), (_, Y, X, _) = grid, image.shape
    changed, grey = np.repeat(image, R * C, axis=0), image.mean((0, 1, 2))
    for n, one in enumerate(changed):
        row, column = divmod(n, C)
        one[row * Y // R : (row + 1) * Y // R, column * X // C : (column + 1) * X // C] = grey
    return changed


def _of_parts(share: ndarray, grid: tuple[int, int], maps: list[tuple[int, int]], in_front: set[int]) -> ndarray | None:
    """Of a block's places (parts, ...) those in front, and that in the middle of each part; None if it has no map.

    Tokens have one of the maps, with as many in front as there may be.
    """
    T, places = 0, share.shape[1:]
    if len(places) == 1:
        known = ((tokens - Y * X, (Y, X)) for tokens in places for Y, X in maps)
        T, places = next((one for one in known if one[0] in in_front), (0, ()))
        if not places:
            return None
    rows, columns = ((np.arange(n) * 2 + 1) * length // (2 * n) for n, length in zip(grid, places, strict=True))
    middles = T + (rows[:, None] * places[1] + columns).ravel()
    share = share.reshape(len(share), -1)
    return np.concatenate([share[:, :T], share[:, middles]], axis=1).T.astype(np.float32)


def _halved(grid: tuple[int, int]) -> list[tuple[int, int]]:
    """A map, and each further one of half the sides, down to 2 x 2."""
    maps = [grid]
    while min(maps[-1]) > 2:
        maps.append((ceil(maps[-1][0] / 2), ceil(maps[-1][1] / 2)))
    return maps
