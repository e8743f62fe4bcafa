"""Local attention: every place of a map looks at the window around it, as a convolution does, and weighs what it sees.

The kernel of a convolution says once and for all what each place of the window is worth. Here every query asks anew.
"""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.rows import token_product, token_sum
from minivit.ops.sliding import Padding, Sliding, places, sliding, windows
from minivit.ops.softmax import SoftmaxCache, softmax_backward, softmax_forward
from minivit.types import Float, Size, ndarray


class LocalAttentionCache(NamedTuple):
    """What ``local_attention_backward`` needs. ``weights`` say where in its window each query looked."""

    q: Float[ndarray, "B Yo Xo H K"]
    k: Float[ndarray, "B Y X H K"]
    v: Float[ndarray, "B Y X H V"]
    relative: Float[ndarray, "H S K"] | None
    has_bias: bool
    weights: Float[ndarray, "B Yo Xo H S"]
    window: Sliding


class LocalAttentionGrads(NamedTuple):
    """Gradients of the arguments of ``local_attention_forward``, by name; None for what was not given."""

    q: Float[ndarray, "B Yo Xo H K"]
    k: Float[ndarray, "B Y X H K"]
    v: Float[ndarray, "B Y X H V"]
    relative: Float[ndarray, "H S K"] | None
    bias: Float[ndarray, "H S"] | None


@checked
def local_attention_forward(
    q: Float[ndarray, "B Yo Xo H K"],
    k: Float[ndarray, "B Y X H K"],
    v: Float[ndarray, "B Y X H V"],
    relative: Float[ndarray, "H S K"] | None = None,
    bias: Float[ndarray, "H S"] | None = None,
    *,
    kernel_size: Size,
    stride: Size = 1,
    padding: Padding = 0,
) -> tuple[Float[ndarray, "B Yo Xo H V"], LocalAttentionCache]:
    r"""Softmax over the places of a window, for each query and each head.

    .. math:: y_{ij} = \sum_{p,q} \operatorname{softmax}_{pq}\!\left(
              q_{ij} \cdot k_{i+p,\,j+q} + q_{ij} \cdot r_{pq} + b_{pq}\right) v_{i+p,\,j+q}

    Of the map around, there are zeros: a key of zeros has the score of its place alone (0 without one), takes its part
    in the softmax, and has nothing to give. So a query at the edge finds less. The papers leave this open; so it is in
    what others have made of them. The scores are not divided by anything.

    Windows are views of the padded map, and nothing is copied: of one row of a window, keys lie side by side, so its
    scores are a product of a matrix and the query.

    Parameters
    ----------
    q : (B, Yo, Xo, H, K)
        Queries, one at each position of the window.
    k, v : (B, Y, X, H, K), (B, Y, X, H, V)
        Keys and values of the map.
    relative : (H, S, K), optional
        A vector for each place of the window, row by row (S = P*Q), which the query meets as it meets the key there.
    bias : (H, S), optional
        A number for each place of the window, whatever the query is.
    kernel_size, stride, padding
        Of the window, as of :func:`minivit.ops.conv2d_forward`.

    Returns
    -------
    y : (B, Yo, Xo, H, V)
    cache : LocalAttentionCache

    Raises
    ------
    ValueError
        If the window is larger than the padded map, stands at other positions than there are queries, or has another
        number of places than ``relative`` or ``bias``.

    References
    ----------
    Ramachandran et al. 2019, "Stand-Alone Self-Attention in Vision Models", section 3, equations 2 and 3; Hu et al.
    2019, "Local Relation Networks for Image Recognition", section 3.2.
    """
    window = sliding("local_attention", k.shape[1:3], kernel_size, stride=stride, padding=padding)
    (P, Q), (B, H, K) = window.kernel, (len(k), *k.shape[3:])
    check_shape("local_attention: q", q, (B, *window.out, H, K))
    for name, table in (("relative", relative), ("bias", bias)):
        if table is not None and table.shape[1] != P * Q:
            raise ValueError(f"local_attention: {name} has {table.shape[1]} places; a window of {P} x {Q} has {P * Q}")
    scores = _met(k, window) @ q[..., None, :, None]  # (B, Yo, Xo, H, P, Q, 1)
    scores = scores.reshape(*q.shape[:4], P * Q)
    if relative is not None:
        scores += (q[..., None, :] @ relative.mT)[..., 0, :]  # (B, Yo, Xo, H, 1, S)
    if bias is not None:
        scores += bias
    weights, _ = softmax_forward(scores)
    of_rows = _in_rows(weights, window) @ _met(v, window)  # (B, Yo, Xo, H, P, 1, V)
    return token_sum(of_rows[..., 0, :]), LocalAttentionCache(
        q=q, k=k, v=v, relative=relative, has_bias=bias is not None, weights=weights, window=window
    )


@checked
def local_attention_backward(dy: Float[ndarray, "B Yo Xo H V"], cache: LocalAttentionCache) -> LocalAttentionGrads:
    r"""Gradients of :func:`local_attention_forward`.

    With :math:`a_{ij,pq}` for the weights and :math:`s_{ij,pq}` for the scores, a query's is a sum over its window:

    .. math:: \bar a_{ij,pq} = \bar y_{ij} \cdot v_{i+p,\,j+q}, \qquad
              \bar q_{ij} = \sum_{p,q} \bar s_{ij,pq}\, (k_{i+p,\,j+q} + r_{pq})

    Seen from the map: a place lay in many windows, each time at another place of it, and gets the sum over these:

    .. math:: \bar k_{mn} = \sum_{\substack{i+p=m\\ j+q=n}} \bar s_{ij,pq}\, q_{ij}, \qquad
              \bar v_{mn} = \sum_{\substack{i+p=m\\ j+q=n}} a_{ij,pq}\, \bar y_{ij}

    A place of the window is the same for all queries of all images:
    :math:`\bar r_{pq} = \sum_{ij} \bar s_{ij,pq}\, q_{ij}` and :math:`\bar b_{pq} = \sum_{ij} \bar s_{ij,pq}`.
    """
    q, k, v, relative, has_bias, weights, window = cache
    check_shape("local_attention_backward: dy", dy, (*q.shape[:4], v.shape[-1]))
    dv = _seen_from_map(weights, dy, window)  # formula: y = sum of weights * v over the window
    dweights = (_met(v, window) @ dy[..., None, :, None]).reshape(weights.shape)  # formula: the same
    (dscores,) = softmax_backward(dweights, SoftmaxCache(weights))  # forward: weights, _ = softmax_forward(scores)
    dq = token_sum((_in_rows(dscores, window) @ _met(k, window))[..., 0, :])  # formula: scores = k @ q in the window
    dk = _seen_from_map(dscores, q, window)  # formula: scores = k @ q in the window
    drelative = dbias = None
    if relative is not None:
        dq += (dscores[..., None, :] @ relative)[..., 0, :]  # forward: scores += (q[..., None, :] @ relative.mT)
        drelative = token_product(_per_head(dscores), _per_head(q))  # forward: (q[..., None, :] @ relative.mT)
    if has_bias:
        dbias = token_sum(_per_head(dscores))  # forward: scores += bias
    return LocalAttentionGrads(dq, dk, dv, drelative, dbias)


def _met(x: Float[ndarray, "B Y X H K"], window: Sliding) -> Float[ndarray, "B Yo Xo H P Q K"]:
    """What the window meets at each position, head by head: a view of the padded map."""
    B, Y, X, H, K = x.shape
    met = windows(x.reshape(B, Y, X, H * K), window)  # (B, Yo, Xo, P, Q, H*K)
    return np.moveaxis(met.reshape(*met.shape[:5], H, K), 5, 3)


def _in_rows(weights: Float[ndarray, "B Yo Xo H S"], window: Sliding) -> Float[ndarray, "B Yo Xo H P 1 Q"]:
    """The numbers of a window, each of its rows a matrix of one row."""
    return weights.reshape(*weights.shape[:4], *window.kernel)[..., None, :]


def _per_head(x: Float[ndarray, "B Yo Xo H K"]) -> Float[ndarray, "H N K"]:
    """All positions of all images behind each other, for each head."""
    return np.moveaxis(x, 3, 0).reshape(x.shape[3], -1, x.shape[4])


def _seen_from_map(
    weights: Float[ndarray, "B Yo Xo H S"], x: Float[ndarray, "B Yo Xo H K"], window: Sliding
) -> Float[ndarray, "B Y X H K"]:
    """For each place of the map, the sum of x over all positions from which it was seen, weighted as it was there."""
    B, Yo, Xo, H, K = x.shape
    total = np.zeros_like(x, shape=(B, *window.size, H * K))
    for (p, q), pixels, positions in places(window):
        share = np.einsum("...h,...hk->...hk", weights[..., p * window.kernel[1] + q], x)
        total[pixels] += share.reshape(B, Yo, Xo, H * K)[positions]
    return total.reshape(B, *window.size, H, K)


class PlaceVectorsCache(NamedTuple):
    """What ``place_vectors_backward`` needs: of each table its number of vectors, and their width."""

    rows: tuple[int, int]
    columns: tuple[int, int]


class PlaceVectorsGrads(NamedTuple):
    """Gradients of the arguments of ``place_vectors_forward``, by name."""

    rows: Float[ndarray, "P D"]
    columns: Float[ndarray, "Q F"]


@checked
def place_vectors_forward(
    rows: Float[ndarray, "P D"], columns: Float[ndarray, "Q F"]
) -> tuple[Float[ndarray, "S DF"], PlaceVectorsCache]:
    r"""A vector for each place of a window, of that of its row and that of its column: :math:`r_{pq} = [R_p, C_q]`.

    P + Q vectors stand for P*Q places: rows say something in the first channels, columns in the others.

    References
    ----------
    Ramachandran et al. 2019, "Stand-Alone Self-Attention in Vision Models", section 3.1.
    """
    (P, D), (Q, F) = rows.shape, columns.shape
    of_rows, of_columns = np.broadcast_to(rows[:, None], (P, Q, D)), np.broadcast_to(columns, (P, Q, F))
    vectors = np.concatenate((of_rows, of_columns), axis=-1)
    return vectors.reshape(P * Q, D + F), PlaceVectorsCache((P, D), (Q, F))


@checked
def place_vectors_backward(dy: Float[ndarray, "S DF"], cache: PlaceVectorsCache) -> PlaceVectorsGrads:
    """Gradients of :func:`place_vectors_forward`: a row's vector stood in all of its columns, and the other way."""
    (P, D), (Q, F) = cache
    check_shape("place_vectors_backward: dy", dy, (P * Q, D + F))
    dvectors = dy.reshape(P, Q, D + F)  # forward: vectors.reshape(P * Q, D + F)
    drows = token_sum(dvectors[..., :D])  # forward: np.broadcast_to(rows[:, None], (P, Q, D))
    dcolumns = token_sum(dvectors[..., D:].swapaxes(0, 1))  # forward: np.broadcast_to(columns, (P, Q, F))
    return PlaceVectorsGrads(drows, dcolumns)


def local_attention_loops(
    q: Float[ndarray, "Yo Xo K"],
    k: Float[ndarray, "Y X K"],
    v: Float[ndarray, "Y X V"],
    relative: Float[ndarray, "S K"],
    bias: Float[ndarray, " S"],
    *,
    kernel_size: int,
    stride: int = 1,
    padding: int = 0,
) -> Float[ndarray, "Yo Xo V"]:
    """One head of one image, as the definition says it: for every query, the window, its scores, a softmax, a sum."""
    (Y, X, _), (Yo, Xo, _) = k.shape, q.shape
    y = np.zeros_like(v, shape=(Yo, Xo, v.shape[2]))
    for i, j in np.ndindex(Yo, Xo):
        scores, values = [], []
        for p, r in np.ndindex(kernel_size, kernel_size):
            row, column = stride * i + p - padding, stride * j + r - padding
            inside = 0 <= row < Y and 0 <= column < X
            place = p * kernel_size + r
            key = k[row, column] if inside else np.zeros_like(k[0, 0])
            scores.append(q[i, j] @ (key + relative[place]) + bias[place])
            values.append(v[row, column] if inside else np.zeros_like(v[0, 0]))
        shares, _ = softmax_forward(np.array(scores))
        y[i, j] = shares @ np.array(values)
    return y
