"""What a Mixer's tokens listen to: the hidden units of token mixing as small maps."""

from collections.abc import Mapping

import numpy as np

from minivit.plot.embedding import mosaic
from minivit.plot.figure import GREY, SMALL, TEXT, WIDTH, Figure, bare, new_figure, set_title, signed_colours
from minivit.types import Float, Int, ndarray, pair

COLUMNS = 4  # pairs side by side


def paired_units(weight: Float[ndarray, "N E"], grid_size: int | tuple[int, int]) -> Int[ndarray, "pairs 2"]:
    """Which hidden units look at the same with opposite signs: the strongest first takes the one most opposed to it.

    The pairs come from smooth maps to fine ones, by the mean frequency of both. Of an odd number of units one is left.

    Parameters
    ----------
    weight : (N, E)
        ``blocks.0.mlp_tokens.fc1.weight``.
    grid_size : int or (rows, columns)
        Of the N tokens.
    """
    rows, columns = pair(grid_size)
    N, E = weight.shape
    if rows * columns != N:
        raise ValueError(f"weight is for {N} tokens; a grid of {rows} x {columns} has {rows * columns}")
    length = np.linalg.norm(weight, axis=0)
    unit = weight / np.maximum(length, np.finfo(weight.dtype).tiny)
    cosine = unit.T @ unit  # (E, E)
    left, pairs = [int(e) for e in np.argsort(-length, kind="stable")], []
    while len(left) > 1:
        first = left.pop(0)
        second = min(left, key=lambda e: cosine[first, e])
        left.remove(second)
        pairs.append((first, second))
    power = np.abs(np.fft.fft2(weight.T.reshape(E, rows, columns))) ** 2
    each = np.hypot(np.fft.fftfreq(rows)[:, None], np.fft.fftfreq(columns))  # (rows, columns)
    frequency = (power * each).sum((1, 2)) / np.maximum(power.sum((1, 2)), np.finfo(weight.dtype).tiny)
    found = np.array(pairs, dtype=int).reshape(-1, 2)
    return found[np.argsort(frequency[found].sum(1), kind="stable")]


def token_mixing_maps(
    weights: Mapping[str, Float[ndarray, "N E"]], grid_size: int | tuple[int, int], *, count: int = 12
) -> Figure:
    """Draw hidden units as maps, in pairs one above the other: blue where a token counts, orange where it is deducted.

    Each map has a scale of its own; white is zero. Of more than ``count`` pairs, some are drawn, from the smoothest to
    the finest: see :func:`paired_units`.

    Parameters
    ----------
    weights : {title of the panel: (N, E)}
        First weights of token mixing, or what training has added to them.
    grid_size : int or (rows, columns)
    count : int
        Pairs of each block.

    References
    ----------
    Tolstikhin et al. 2021, "MLP-Mixer: An all-MLP Architecture for Vision", figure 5.
    """
    pictures = {title: _picture(weight, pair(grid_size), count) for title, weight in weights.items()}
    Y, X = (max(picture.shape[axis] for picture in pictures.values()) for axis in (0, 1))
    across = 0.97 * WIDTH / max(2, len(pictures))  # inches, of a panel
    figure = new_figure(across * Y / X + 0.95, across * len(pictures) + 0.2)
    colours = signed_colours()
    for ax, (title, picture) in zip(figure.subplots(1, len(pictures), squeeze=False)[0], pictures.items(), strict=True):
        ax.set_facecolor("#cccccc")  # seen where there is nan
        ax.imshow(picture, cmap=colours, vmin=-1, vmax=1, interpolation="nearest")
        ax.set_title(title, fontsize=TEXT, loc="left")
        bare(ax)
        ax.spines[:].set_visible(False)
    set_title(figure, "Token mixing: units as maps")
    words = "two of a pair, one above the other; smooth pairs first\nblue counts, orange is deducted; a scale for each"
    figure.supxlabel(words, fontsize=SMALL, color=GREY)
    return figure


def _picture(weight: Float[ndarray, "N E"], grid: tuple[int, int], count: int) -> Float[ndarray, "Y X"]:
    """So many pairs as one array, nan between them."""
    pairs = paired_units(weight, grid)
    if not len(pairs):
        raise ValueError(f"weight has {weight.shape[1]} hidden units; expected at least 2, for a pair")
    pairs = pairs[np.linspace(0, len(pairs) - 1, min(count, len(pairs))).round().astype(int)]
    maps = weight.T[pairs].reshape(len(pairs), 2, *grid)
    maps = maps / np.maximum(abs(maps).max((2, 3), keepdims=True), np.finfo(maps.dtype).tiny)
    columns = min(COLUMNS, len(pairs))
    blank = np.full((-len(maps) % columns, *maps.shape[1:]), np.nan)
    maps = np.concatenate((maps, blank)).reshape(-1, columns, 2, *grid)  # (rows, columns, 2, Y, X)
    upper, lower = (maps[:, :, i, :, :, None] for i in (0, 1))
    between = np.full_like(upper[:, :, :1], np.nan)
    return mosaic(np.concatenate((upper, between, lower), axis=2), gap=2, fill=np.nan)[:, :, 0]
