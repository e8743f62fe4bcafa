"""Colours as numbers of a palette: k-means finds the colours of the palette, each pixel takes the nearest."""

from math import prod

import numpy as np

from minivit.checked import check_numbers, checked
from minivit.types import Count, Float, Int, Positive, ndarray

AT_ONCE = 2**22
"""Distances that are held together."""

MOST_PIXELS, MOST_COLORS = 2**20, 2**15
"""From which clusters are found, and different colours among them; of more, so many are drawn."""

MOST_ROUNDS = 50


@checked
def unit_colors(pixels: ndarray) -> Float[ndarray, "..."]:
    """Pixels from -1 to 1, as clusters are kept: ``x / 127.5 - 1`` of uint8; others are there already.

    Raises
    ------
    TypeError
        If they are neither uint8 nor float32 or float64.
    ValueError
        If numbers are outside of -1 to 1.
    """
    if pixels.dtype == np.uint8:
        return pixels / np.float32(127.5) - np.float32(1)
    if pixels.dtype not in (np.float32, np.float64):
        raise TypeError(f"pixels have dtype {pixels.dtype}; expected uint8, or float32 or float64 from -1 to 1")
    if pixels.size and not (pixels.min() >= -1 and pixels.max() <= 1):
        raise ValueError(f"pixels go from {pixels.min():g} to {pixels.max():g}; expected -1 to 1")
    return pixels


@checked
def nearest_clusters(colors: Float[ndarray, "*B C"], clusters: Float[ndarray, "K C"]) -> Int[ndarray, "*B"]:
    r"""The number of the nearest cluster of each colour; of those that are equally near, the first.

    .. math:: k = \arg\min_j \sum_c (x_c - m_{jc})^2

    References
    ----------
    Chen et al. 2020, "Generative Pretraining from Pixels", section 4.2.
    """
    flat = colors.reshape(-1, colors.shape[-1])
    codes = np.empty(len(flat), np.intp)
    step = max(1, AT_ONCE // len(clusters))
    for start in range(0, len(flat), step):
        codes[start : start + step] = _distances(flat[start : start + step], clusters).argmin(1)
    return codes.reshape(colors.shape[:-1])


@checked
def colors_of_clusters(codes: ndarray, clusters: Float[ndarray, "K C"]) -> Float[ndarray, "*B C"]:
    """The colour of each code. ValueError for one that is none of the clusters."""
    check_numbers("code", codes, len(clusters), "clusters")
    return clusters[codes]


@checked
def fit_clusters(colors: Float[ndarray, "N C"], *, count: Positive, seed: Count = 0) -> Float[ndarray, "K C"]:
    r"""k-means: ``count`` colours, such that the squared distance of all colours to the nearest is small.

    .. math:: \min_m \sum_n \min_k \lVert x_n - m_k \rVert^2

    The first clusters are drawn from the colours, each with a probability in proportion to its squared distance from
    those that there are ("k-means++"). Then each colour goes to the nearest, each cluster moves to the mean of its
    colours, and so on, until nothing changes, or 50 times. Equal colours are counted, not computed again and again.
    The outcome depends on colours and seed alone.

    Where there are no more different colours than clusters, the clusters are these colours, in the order of their
    numbers, and the last one fills up the rest, which no colour is then coded by.

    Parameters
    ----------
    colors : (N, C)
        From -1 to 1, as :func:`unit_colors` makes them.
    count : int
        K, 512 in the paper.

    Raises
    ------
    ValueError
        If there are no colours, or one has a number that is not finite.

    References
    ----------
    Lloyd 1982, "Least squares quantization in PCM"; Arthur and Vassilvitskii 2007, "k-means++"; Chen et al. 2020,
    "Generative Pretraining from Pixels", section 4.2 (512 clusters of the RGB values of ImageNet's pixels).
    """
    if prod(colors.shape) == 0:
        raise ValueError(f"fit_clusters: colors have shape {colors.shape}; expected at least one colour")
    if not np.isfinite(colors).all():
        raise ValueError("fit_clusters: colors have numbers that are not finite; expected none")
    rng = np.random.default_rng(seed)
    if len(colors) > MOST_PIXELS:
        colors = colors[rng.integers(len(colors), size=MOST_PIXELS)]
    found, times = np.unique(colors, axis=0, return_counts=True)
    if len(found) <= count:
        return np.concatenate((found, np.repeat(found[-1:], count - len(found), axis=0)))
    if len(found) > MOST_COLORS:
        chosen = np.sort(rng.choice(len(found), MOST_COLORS, replace=False, p=times / times.sum()))
        found, times = found[chosen], np.ones(MOST_COLORS)
    points, weights = found.astype(np.float64), times.astype(np.float64)
    clusters = _spread_out(points, weights, count, rng)
    codes = np.full(len(points), -1)
    for _ in range(MOST_ROUNDS):
        before, codes = codes, nearest_clusters(points, clusters)
        if np.array_equal(before, codes):
            break
        members = np.bincount(codes, weights, count)
        sums = np.stack([np.bincount(codes, weights * channel, count) for channel in points.T], axis=1)
        taken = members > 0  # a cluster that has lost all colours stays where it is
        clusters[taken] = sums[taken] / members[taken, None]
    return clusters.astype(colors.dtype)


def _spread_out(points: ndarray, weights: ndarray, count: int, rng: np.random.Generator) -> ndarray:
    """Points to begin with, far from each other: k-means++."""
    clusters = np.empty((count, points.shape[1]))
    distance = np.ones(len(points))
    for k in range(count):
        share = np.cumsum(weights * distance)
        clusters[k] = points[min(np.searchsorted(share, rng.random() * share[-1], side="right"), len(points) - 1)]
        from_new = np.square(points - clusters[k]).sum(1)
        distance = from_new if k == 0 else np.minimum(distance, from_new)
    return clusters


def _distances(colors: ndarray, clusters: ndarray) -> ndarray:
    """Squared distances (N, K), channel by channel: differences first, so that equal distances are equal numbers."""
    total = np.zeros((len(colors), len(clusters)), np.result_type(colors, clusters))
    for x, m in zip(colors.T, clusters.T, strict=True):
        difference = x[:, None] - m
        total += difference * difference
    return total
