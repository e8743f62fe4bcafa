"""Where a token stands: position tables, and the ops that put positions and class tokens into a sequence."""

from math import inf, prod
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, check_shape, checked
from minivit.ops.rows import sum_to
from minivit.types import Bool, Float, ndarray


@checked
def sincos_positions_1d(
    length: int, width: int, *, temperature: float = 10_000.0, like: ndarray | None = None
) -> Float[ndarray, "N D"]:
    r"""Sinusoidal position encoding of a sequence.

    .. math:: P_{n,2i} = \sin(n / \tau^{2i/D}), \qquad P_{n,2i+1} = \cos(n / \tau^{2i/D})

    Sines and cosines alternate, as the paper writes it.

    Parameters
    ----------
    length, width : int
        N and D.
    temperature : float
        :math:`\tau`.
    like : array, optional
        What kind of array the table is to be: that of ``np.arange(..., like=like)``.

    Raises
    ------
    ValueError
        If ``width`` is odd.

    References
    ----------
    Vaswani et al. 2017, "Attention Is All You Need", section 3.5.
    """
    sine, cosine = _waves(np.arange(length, like=like), width, temperature)
    return np.stack((sine, cosine), axis=2).reshape(length, width)


@checked
def sincos_positions_2d(rows: int, columns: int, width: int, *, temperature: float = 10_000.0) -> Float[ndarray, "N D"]:
    r"""Sinusoidal position encoding of a grid: half of the width encodes the column x, half the row y.

    Each half holds all its sines, then all its cosines: [sin x, cos x, sin y, cos y], tokens row by row. This is the
    table of MAE (He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners", section 3, official code).

    Raises
    ------
    ValueError
        If ``width`` is not a multiple of 4.
    """
    check_width("sincos_positions_2d", width)
    y, x = np.divmod(np.arange(rows * columns), columns)
    return np.concatenate((*_waves(x, width // 2, temperature), *_waves(y, width // 2, temperature)), axis=1)


@checked
def padded_sincos_positions_2d(
    valid: Bool[ndarray, "B Y X"], width: int, *, normalize: bool = True, temperature: float = 10_000.0
) -> Float[ndarray, "B N D"]:
    r"""Sinusoidal position encodings of images of which some are smaller than the array that holds them.

    Rows and columns are counted from 1, where there is an image. With ``normalize`` they are then scaled: the last one
    is at :math:`2\pi`, however many there are. Half of the width encodes the row y, half the column x, in both of
    which sines and cosines alternate, as in :func:`sincos_positions_1d`.

    Parameters
    ----------
    valid : (B, Y, X)
        True where there is an image, False where the array is filled up.
    width : int
        D, a multiple of 4.

    Raises
    ------
    ValueError
        If ``width`` is not a multiple of 4.

    References
    ----------
    Carion et al. 2020, "End-to-End Object Detection with Transformers", section 3.2 and official code
    (``PositionEmbeddingSine``). :func:`sincos_positions_2d` has x first, and all sines before all cosines.
    """
    check_width("padded_sincos_positions_2d", width)
    half = []
    for axis in (1, 2):
        place = valid.cumsum(axis, dtype=np.float64)
        if normalize:
            last = place[:, -1:] if axis == 1 else place[:, :, -1:]
            place = place / (last + 1e-6) * (2 * np.pi)
        half.append(np.stack(_waves(place, width // 2, temperature), axis=-1).reshape(*valid.shape, width // 2))
    return np.concatenate(half, axis=-1).reshape(len(valid), prod(valid.shape[1:]), width)


def check_width(op: str, width: int) -> None:
    """ValueError for a width that does not have a sine and a cosine of both axes."""
    if width % 4:
        raise ValueError(f"{op}: width is {width}; expected a multiple of 4 (sine and cosine of x and y)")


def _waves(position: ndarray, width: int, temperature: float) -> tuple[ndarray, ndarray]:
    """Sines and cosines (..., width / 2) of the positions, at wavelengths from 2 pi to 2 pi * temperature."""
    if width % 2:
        raise ValueError(f"sincos positions: width is {width}; expected an even number (a sine for every cosine)")
    check_range("sincos positions: width", width, at_least=0)
    check_range("sincos positions: temperature", temperature, above=0, below=inf)
    angle = position[..., None] / temperature ** (np.arange(0, width, 2) / width)
    return np.sin(angle), np.cos(angle)


class PrependTokenCache(NamedTuple):
    """What ``prepend_token_backward`` needs."""

    num_tokens: int


class PrependTokenGrads(NamedTuple):
    """Gradients of the arguments of ``prepend_token_forward``, by name."""

    x: Float[ndarray, "B N D"]
    token: Float[ndarray, "1 R D"] | None


@checked
def prepend_token_forward(
    x: Float[ndarray, "B N D"], token: Float[ndarray, "1 R D"] | None = None
) -> tuple[Float[ndarray, "B M D"], PrependTokenCache]:
    """Put one learned token (the class token) in front of every sequence: (B, N, D) -> (B, N + 1, D).

    R tokens at once (registers) make N + R. Without a token x stays as it is.

    Raises
    ------
    ValueError
        If the token has another width.

    References
    ----------
    Devlin et al. 2019, "BERT"; for images Dosovitskiy et al. 2021, equation 1. Registers: Darcet et al. 2024, "Vision
    Transformers Need Registers", section 2.2.
    """
    if token is None:
        return x, PrependTokenCache(num_tokens=0)
    tokens = np.broadcast_to(token, (len(x), *token.shape[1:]))
    return np.concatenate((tokens, x), axis=1), PrependTokenCache(num_tokens=token.shape[1])


@checked
def prepend_token_backward(dy: Float[ndarray, "B M D"], cache: PrependTokenCache) -> PrependTokenGrads:
    """Gradients of :func:`prepend_token_forward`: the first rows, summed over the batch, and the rest."""
    R = cache.num_tokens
    if R == 0:
        return PrependTokenGrads(dy, None)
    return PrependTokenGrads(dy[:, R:], sum_to(dy[:, :R], (1, R, dy.shape[2])))  # formula: y = [token, x]


class AddPositionsCache(NamedTuple):
    """What ``add_positions_backward`` needs."""

    positions_shape: tuple[int, ...]


class AddPositionsGrads(NamedTuple):
    """Gradients of the arguments of ``add_positions_forward``, by name."""

    x: Float[ndarray, "B N D"]
    positions: Float[ndarray, "..."]


@checked
def add_positions_forward(
    x: Float[ndarray, "B N D"], positions: Float[ndarray, "..."]
) -> tuple[Float[ndarray, "B N D"], AddPositionsCache]:
    """Add the same table, (N, D) or (1, N, D), to every sample: ``y = x + positions``.

    Raises
    ------
    ValueError
        If the table is for another number of tokens or another width.

    References
    ----------
    Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", equation 1.
    """
    if positions.shape not in (x.shape[1:], (1, *x.shape[1:])):
        raise ValueError(
            f"add_positions: the table has shape {positions.shape}; x has {x.shape[1]} tokens of width {x.shape[2]}, "
            f"so it must be {x.shape[1:]} or {(1, *x.shape[1:])}"
        )
    return x + positions, AddPositionsCache(positions.shape)


@checked
def add_positions_backward(dy: Float[ndarray, "B N D"], cache: AddPositionsCache) -> AddPositionsGrads:
    """Gradients of :func:`add_positions_forward`: unchanged to x; to the table, the sum over samples."""
    check_shape("add_positions_backward: dy", dy, (len(dy), *cache.positions_shape[-2:]))
    return AddPositionsGrads(dy, sum_to(dy, cache.positions_shape))  # forward: y = x + positions
