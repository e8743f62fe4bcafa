"""What a Vision Transformer makes of a photograph, and what can be seen in that without any training."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from minivit.layers.checkpoint import Checkpoint, CheckpointCache
from minivit.look.backbone import Backbone
from minivit.plot.attention import read_by_head
from minivit.types import Bool, Float, Int, UInt8, ndarray


class Seen(NamedTuple):
    """A photograph, and what the model makes of it.

    Parameters
    ----------
    image : uint8 (Y, X, C)
    patches : (rows, columns, D)
        Behind the last norm.
    attention : (H, rows, columns)
        How much each head of the last block looks at each patch, for what a head of classes would read: the class
        token, or the mean of the patches.
    """

    image: UInt8[ndarray, "Y X C"]
    patches: Float[ndarray, "rows columns D"]
    attention: Float[ndarray, "H rows columns"]


def look(backbone: Backbone, image: UInt8[ndarray, "Y X C"]) -> Seen:
    """Run the model on a photograph of :meth:`Backbone.read`, and the last block once more for its attention.

    Raises
    ------
    ValueError
        If there is no block, or what the model makes of the photograph is not finite.
    """
    Y, X, _ = image.shape
    model = backbone.build((Y, X))
    _, cache = model.forward(backbone.normalize(image))
    rows, columns = model.patch_embed.grid_size
    if not model.blocks:
        raise ValueError("the model has no blocks, so nothing looks at anything")
    last, c_last = model.blocks[-1], cache.blocks[-1]
    assert isinstance(last, Checkpoint)
    assert isinstance(c_last, CheckpointCache)
    tokens, c_block = last.layer.forward(*c_last.inputs)
    tokens, _ = model.norm.forward(tokens)
    patches = tokens[0, tokens.shape[1] - rows * columns :].reshape(rows, columns, -1)
    (attention,) = read_by_head(c_block.attn.attention.weights, cache)
    if not (np.isfinite(patches).all() and np.isfinite(attention).all()):
        raise ValueError("what the model makes of the photograph is not finite: its weights are too large")
    return Seen(image, patches, attention)


class Components(NamedTuple):
    """Principal components of the patches of one photograph as colours, and which patches are not background."""

    colours: Float[ndarray, "rows columns 3"]
    foreground: Bool[ndarray, "rows columns"]


def components(grids: Sequence[ndarray]) -> list[Components]:
    r"""The first three principal components of the patches in the foreground, as red, green and blue.

    The first component of all patches of a photograph parts what stands out from what is around it: patches on one side
    of its mean are background, and black. A component has no sign; which side is the background is decided by the edge
    of the photograph, of which more is background than of the middle. Of what is left of all photographs together,
    components are taken anew, so that one colour means the same on all. It runs from 0 to 1 between the first and the
    last percent of its component.

    References
    ----------
    Oquab et al. 2024, "DINOv2: Learning Robust Visual Features without Supervision", section 7.5 and figure 1. (There
    the threshold is set by eye, for a group of photographs.)
    """
    foregrounds = [_foreground(grid) for grid in grids]
    patches = np.concatenate([grid[mask] for grid, mask in zip(grids, foregrounds, strict=True)])
    parts = principal_components(patches, 3)
    low, high = np.percentile(parts, (1, 99), axis=0)
    shares = ((parts - low) / np.where(high > low, high - low, 1)).clip(0, 1)
    ends = np.cumsum([mask.sum() for mask in foregrounds])[:-1]
    found = []
    for mask, its in zip(foregrounds, np.split(shares, ends), strict=True):
        colours = np.zeros((*mask.shape, 3))
        colours[mask] = its
        found.append(Components(colours, mask))
    return found


def _foreground(grid: Float[ndarray, "rows columns D"]) -> Bool[ndarray, "rows columns"]:
    first = principal_components(grid.reshape(-1, grid.shape[-1]), 1).reshape(grid.shape[:2])
    edge = np.ones(first.shape, bool)
    edge[1:-1, 1:-1] = False
    foreground = first < 0 if first[edge].mean() > 0 else first > 0  # the mean of all is 0
    return foreground if foreground.any() else np.ones_like(foreground)  # where all patches are alike


def principal_components(x: Float[ndarray, "n D"], count: int) -> Float[ndarray, "n count"]:
    r"""Of samples, what they are in the directions in which they vary most: :math:`(X - \mu)\, V`.

    The columns of V are eigenvectors of the covariance, of which the largest number is positive; zeros where there are
    fewer than ``count``.
    """
    x = x.astype(np.float64)
    centered = x - x.mean(0)
    _, directions = np.linalg.eigh(centered.T @ centered)  # in ascending order of variance
    V = directions[:, ::-1][:, :count]
    V = V * np.sign(V[np.abs(V).argmax(0), np.arange(V.shape[1])])
    return np.pad(centered @ V, ((0, 0), (0, count - V.shape[1])))


def nearest(
    a: Float[ndarray, "rows columns D"],
    b: Float[ndarray, "rows2 columns2 D"],
    of_a: Bool[ndarray, "rows columns"],
    of_b: Bool[ndarray, "rows2 columns2"],
    *,
    count: int = 20,
) -> Int[ndarray, "pairs 2 2"]:
    """Pairs of patches of two photographs that are each other's nearest, by the cosine of their features.

    Only patches of the foreground are asked, ``of_a`` and ``of_b``. The most alike come first; a patch beside one that
    is taken already is left out, so that the pairs lie all over the photograph.

    Returns
    -------
    (pairs, 2, 2)
        At most ``count``: (row, column) in a, and (row, column) in b.
    """
    places_a, places_b = np.argwhere(of_a), np.argwhere(of_b)
    if not len(places_a) or not len(places_b):
        return np.zeros((0, 2, 2), int)
    cosines = _of_length_one(a[of_a]) @ _of_length_one(b[of_b]).T
    there, back = cosines.argmax(1), cosines.argmax(0)
    mutual = np.flatnonzero(back[there] == np.arange(len(places_a)))
    taken: list[ndarray] = []
    for i in mutual[np.argsort(-cosines[mutual, there[mutual]])]:
        if len(taken) < count and all(abs(pair[0] - places_a[i]).max() > 1 for pair in taken):
            taken.append(np.stack((places_a[i], places_b[there[i]])))
    return np.array(taken, int).reshape(-1, 2, 2)


def _of_length_one(x: Float[ndarray, "n D"]) -> Float[ndarray, "n D"]:
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.finfo(x.dtype).tiny)
