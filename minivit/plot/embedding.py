"""What the first layer learns: patch filters and position embeddings, as in figure 7 of the ViT paper."""

import numpy as np

from minivit.plot.figure import SMALL, TEXT, TITLE, WIDTH, Axes, bare, new_panel
from minivit.types import Float, ndarray, pair


def principal_filters(
    weight: Float[ndarray, "P Q C D"],
) -> tuple[Float[ndarray, "n P Q C"], Float[ndarray, "n"]]:
    r"""Principal components of the filters of a patch embedding, and the share of the filters' energy in each.

    .. math:: W = U S V^\top

    The columns of W are the D filters; those of U are orthonormal filters of which the first n sum up W better than any
    other n. They are not centred first: a filter and its negative serve the model alike, so their mean means nothing.

    Parameters
    ----------
    weight : (P, P, C, D)
        ``patch_embed.proj.weight``.

    Returns
    -------
    filters : (n, P, P, C), n = min(P*P*C, D)
        The most important first, each of length one.
    shares : (n,)
        :math:`S_i^2 / \sum_j S_j^2`; zeros where all filters are.
    """
    P, Q, C, D = weight.shape
    U, S, _ = np.linalg.svd(weight.reshape(-1, D), full_matrices=False)
    energy = (S * S).sum()
    return U.T.reshape(-1, P, Q, C), S * S / (energy if energy else 1)


def patch_filters(weight: Float[ndarray, "P Q C D"], *, count: int = 28, ax: Axes | None = None) -> Axes:
    """Draw the first principal filters as colours: grey is zero, and each is scaled to the full range.

    Parameters
    ----------
    weight : (P, P, C, D), see :func:`principal_filters`
    count : int
        How many to draw, if there are as many; four rows of seven in the paper.

    References
    ----------
    Dosovitskiy et al. 2021, figure 7 left.
    """
    filters, shares = principal_filters(weight)
    filters, shares = filters[:count], shares[:count]
    if filters.shape[3] not in (1, 3):
        raise ValueError(f"the filters have {filters.shape[3]} channels; expected 1 or 3, which can be seen")
    columns = min(7, len(filters))
    tiles = 0.5 + 0.5 * filters / abs(filters).max((1, 2, 3), keepdims=True)
    blank = np.ones((-len(tiles) % columns, *tiles.shape[1:]))
    tiles = np.concatenate((tiles, blank)).reshape(-1, columns, *tiles.shape[1:])  # (rows, columns, P, Q, C)
    picture = mosaic(tiles, gap=1, fill=1.0)
    if ax is None:
        ax = new_panel(0.6 * WIDTH * picture.shape[0] / picture.shape[1] + 0.3, 0.6 * WIDTH)
    ax.imshow(np.broadcast_to(picture, (*picture.shape[:2], 3)), interpolation="nearest")
    ax.set_title(
        f"{len(filters)} principal patch filters, {shares.sum():.0%} of the energy", fontsize=TITLE, loc="left"
    )
    bare(ax)
    ax.spines[:].set_visible(False)
    return ax


def similarity_maps(
    pos_embed: Float[ndarray, "... N D"], grid_size: int | tuple[int, int]
) -> Float[ndarray, "rows columns rows columns"]:
    """Cosine similarity of the embedding of each position (row, column) with that of each other.

    Parameters
    ----------
    pos_embed : (N, D) or (1, N, D)
        One per patch, row by row; what stands in front (a class token) is left out.
    grid_size : int or (rows, columns)
    """
    rows, columns = pair(grid_size)
    if pos_embed.shape[-2] < rows * columns:
        raise ValueError(f"pos_embed is for {pos_embed.shape[-2]} tokens; a grid of {rows} x {columns} needs more")
    e = pos_embed.reshape(-1, pos_embed.shape[-1])[-rows * columns :]
    e = e / np.maximum(np.linalg.norm(e, axis=1, keepdims=True), np.finfo(e.dtype).tiny)
    return (e @ e.T).reshape(rows, columns, rows, columns)


def position_similarity(
    pos_embed: Float[ndarray, "... N D"], grid_size: int | tuple[int, int], *, ax: Axes | None = None
) -> Axes:
    """Draw :func:`similarity_maps`: at each place of the grid stands the map of that position, small.

    Source: Dosovitskiy et al. 2021, figure 7 centre.
    """
    maps = similarity_maps(pos_embed, grid_size)
    rows, columns = maps.shape[:2]
    picture = mosaic(maps[..., None], gap=1, fill=np.nan)[:, :, 0]
    if ax is None:
        ax = new_panel(0.78 * 0.7 * WIDTH * picture.shape[0] / picture.shape[1] + 0.7, 0.7 * WIDTH)
    image = ax.imshow(picture, cmap="viridis", vmin=-1, vmax=1, interpolation="nearest")
    for axis, count in ((ax.xaxis, columns), (ax.yaxis, rows)):
        every = -(-count // 14)  # more than 14 numbers along an axis would run into each other
        numbers = np.arange(0, count, every)
        axis.set_ticks(numbers * (count + 1) + (count - 1) / 2, labels=[str(n + 1) for n in numbers])
    ax.set_xlabel("patch column", fontsize=TEXT)
    ax.set_ylabel("patch row", fontsize=TEXT)
    ax.set_title("Similarity of each position with all others", fontsize=TITLE, loc="left")
    ax.tick_params(labelsize=SMALL, length=0)
    ax.spines[:].set_visible(False)
    bar = ax.figure.colorbar(image, ax=ax, ticks=[-1, 0, 1], fraction=0.04, pad=0.03)
    bar.set_label("cosine similarity", fontsize=TEXT)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_visible(False)
    return ax


def mosaic(tiles: Float[ndarray, "rows columns P Q C"], *, gap: int, fill: float) -> Float[ndarray, "Y X C"]:
    """Lay tiles side by side, in rows and columns, with a gap of so many pixels between them."""
    rows, columns, P, Q, C = tiles.shape
    canvas = np.full((rows, P + gap, columns, Q + gap, C), fill, tiles.dtype)
    canvas[:, :P, :, :Q] = tiles.transpose(0, 2, 1, 3, 4)
    return canvas.reshape(rows * (P + gap), columns * (Q + gap), C)[:-gap, :-gap]
