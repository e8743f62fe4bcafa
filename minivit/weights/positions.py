"""Position embeddings for another grid of patches."""

import math
from typing import Any

import numpy as np

from minivit.checked import checked
from minivit.layers.param import Param
from minivit.ops.resize import resize_forward
from minivit.types import Count, Float, Size, ndarray, pair
from minivit.weights.places import Grid


@checked
def resample_abs_pos_embed(
    posemb: Float[ndarray, "B N D"],
    new_size: Size,
    old_size: Size | None = None,
    *,
    num_prefix_tokens: Count = 1,
    interpolation: str = "bicubic",
    antialias: bool = True,
    align_corners: bool = False,
) -> Float[ndarray, "B M D"]:
    """Resample position embeddings, learned on one grid of patches, for another; what stands in front stays as it is.

    Names and defaults are timm's. The libraries differ in how they resample:

    ============  =============  =========  =============
    as in         interpolation  antialias  align_corners
    ============  =============  =========  =============
    timm          "bicubic"      True       False
    transformers  "bicubic"      False      False
    Google's ViT  "bilinear"     False      True
    ============  =============  =========  =============

    Parameters
    ----------
    posemb : (B, num_prefix_tokens + rows * columns, D)
    new_size, old_size : int or (rows, columns)
        Of the grids. The old one is taken to be square if it is not given, as the libraries do; one that is not square
        and has as many patches as the new one is taken to be the new one.
    num_prefix_tokens : int
        Positions in front of the grid's: of the class token, of register tokens.
    interpolation, antialias, align_corners
        See ``mode`` and its kin of :func:`minivit.ops.resize_forward`.

    Returns
    -------
    (B, num_prefix_tokens + new rows * new columns, D), of the same dtype; ``posemb`` itself if the grid is the same.

    Raises
    ------
    ValueError
        If the positions do not make the old grid, or a size or an option is out of range.

    References
    ----------
    Dosovitskiy et al. 2021, section 3.2, "Fine-tuning and higher resolution".
    """
    B, N, D = posemb.shape
    new_rows, new_columns = pair(new_size)
    count = N - num_prefix_tokens
    if count < 1:
        raise ValueError(f"{N} positions, {num_prefix_tokens} of them in front, are positions for {count} patches")
    if old_size is None:
        side = math.isqrt(count)
        if side * side == count:
            old_size = side
        elif new_rows * new_columns == count:
            old_size = new_size
        else:
            raise ValueError(f"positions for {count} patches make no square grid: their (rows, columns) must be given")
    old_rows, old_columns = pair(old_size)
    if old_rows * old_columns != count:
        raise ValueError(f"positions for {count} patches make no grid of {old_rows} x {old_columns}")
    if (old_rows, old_columns) == (new_rows, new_columns):
        return posemb
    grid = posemb[:, num_prefix_tokens:].reshape(B, old_rows, old_columns, D)
    options = {"mode": interpolation, "antialias": antialias, "align_corners": align_corners}
    grid, _ = resize_forward(grid, size=(new_rows, new_columns), **options)
    patches = grid.reshape(B, new_rows * new_columns, D)
    return np.concatenate((posemb[:, :num_prefix_tokens], patches), axis=1)


@checked
def cut_or_stretch_pos_embed(
    posemb: Float[ndarray, "B N D"], new_size: Size, old_size: Size, *, num_prefix_tokens: Count = 2
) -> Float[ndarray, "B M D"]:
    """Make position embeddings of a spectrogram fit another one, as the code of AST does it.

    What is a second long stays a second long where the new grid is shorter: the middle of the old one is cut out. Where
    it is longer, the old one is stretched (bilinear, without antialiasing). So with the columns, then with the rows.

    Parameters
    ----------
    posemb : (B, num_prefix_tokens + rows * columns, D)
    new_size, old_size : int or (rows, columns)
        Of the grids.
    num_prefix_tokens : int
        Positions in front of the grid's, which stay as they are.

    Raises
    ------
    ValueError
        If the positions do not make the old grid.

    References
    ----------
    Gong et al. 2021, "AST: Audio Spectrogram Transformer", section 2.2.
    """
    (rows, columns), new = pair(old_size), pair(new_size)
    B, N, D = posemb.shape
    if num_prefix_tokens + rows * columns != N:
        raise ValueError(f"{N} positions, {num_prefix_tokens} of them in front, make no grid of {rows} x {columns}")
    grid = posemb[:, num_prefix_tokens:].reshape(B, rows, columns, D)
    for axis in (2, 1):
        length, wanted = grid.shape[axis], new[axis - 1]
        if wanted <= length:
            first = length // 2 - wanted // 2
            grid = grid.take(range(first, first + wanted), axis)
        else:
            size = (grid.shape[1], wanted) if axis == 2 else (wanted, grid.shape[2])
            grid, _ = resize_forward(grid, size=size, mode="bilinear", antialias=False)
    return np.concatenate((posemb[:, :num_prefix_tokens], grid.reshape(B, -1, D)), axis=1)


def fit_spectrogram_positions(table: ndarray, param: Param, grid: Grid) -> ndarray:
    """A checkpoint's positions of a spectrogram for the grid of our parameter, (1, N, D).

    ``grid`` is that of the checkpoint; if it is not given, it is taken to have as many rows, because it has as many
    bands, but other frames.
    """
    assert param.grid is not None
    rows, columns = param.grid
    front, patches = param.shape[1] - rows * columns, table.shape[1] - (param.shape[1] - rows * columns)
    if grid is None and patches % rows:
        raise ValueError(
            f"the checkpoint's {table.shape[1]} positions, {front} of them in front, do not make {rows} rows, as this "
            "model has: grid=(rows, columns) says which grid they are of"
        )
    return cut_or_stretch_pos_embed(table, (rows, columns), grid or (rows, patches // rows), num_prefix_tokens=front)


def fit_positions(table: ndarray, param: Param, grid: Grid, *, as_many_fit: bool = False, **convention: Any) -> ndarray:
    """A checkpoint's table with an axis "position" for the grid of our parameter.

    What stands in front of the parameter's grid is taken to be as many positions in the checkpoint.

    Parameters
    ----------
    grid : (rows, columns), optional
        Of the checkpoint, which does not say it. If it is not given, it is taken to be square.
    as_many_fit : bool
        If it is not given, take positions for as many patches as the model has as they are, rather.
    convention : options of :func:`resample_abs_pos_embed`
    """
    assert param.grid is not None
    if as_many_fit and grid is None and table.shape == param.shape:
        return table
    axis = param.axes.index("position")
    before, after = table.shape[:axis], table.shape[axis + 1 :]
    rows, columns = param.grid
    front = param.shape[axis] - rows * columns
    positions = table.reshape(math.prod(before), -1, math.prod(after))  # (B, N, D)
    try:
        fitting = resample_abs_pos_embed(positions, (rows, columns), grid, num_prefix_tokens=front, **convention)
    except ValueError as error:
        N, hint = positions.shape[1], ""
        side = math.isqrt(N)
        if front and side > 1 and side * side == N:  # as where timm's no_embed_class is set
            hint = (
                f"; if none of them is for a class token, they are {side} x {side}, and this model needs {front} more "
                "(of a ViT, no_embed_class=True needs none)"
            )
        elif not front and side * side == N - 1:
            hint = "; if one is for a class token, this model has no place for it (of a ViT, no_embed_class=False has)"
        raise ValueError(
            f"the checkpoint's {error}; they cannot be resized to the model's {rows} x {columns} "
            f"(grid=(rows, columns) says which grid they are of{hint})"
        ) from error
    return fitting.reshape(*before, -1, *after)
