"""Deltas: how features change from frame to frame, beside the features themselves."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import DataGrad
from minivit.types import Float, ndarray

WIDEST = 999  # frames


class DeltaCache(NamedTuple):
    """What ``delta_backward`` needs."""

    shape: tuple[int, ...]
    h: int
    mode: str


@checked
def delta_forward(
    data: Float[ndarray, "*B T"], *, width: int = 9, mode: str = "interp"
) -> tuple[Float[ndarray, "*B T"], DeltaCache]:
    r"""The slope of the straight line that fits best through the ``width`` frames around each frame.

    .. math::

        y_t = \frac{\sum_{n=1}^{h} n\, (x_{t+n} - x_{t-n})}{2 \sum_{n=1}^{h} n^2},
        \qquad h = \frac{\text{width} - 1}{2}

    At both ends frames are missing, and implementations differ. ``"interp"``, librosa's default, repeats the first and
    the last slope; ``"nearest"``, torchaudio's (whose default width is 5) and HTK's, the first and the last frame.
    The delta of a delta is an acceleration. librosa's ``order=2`` is another one: the curvature of a parabola.

    Parameters
    ----------
    data : (..., T)
    width : int
        Frames: an odd number from 3 to 999.
    mode : "interp" or "nearest"

    Raises
    ------
    ValueError
        If an option is out of its range, or there are too few frames: less than ``width``, with "nearest" none.

    References
    ----------
    Furui 1986, "Speaker-independent isolated word recognition using dynamic features of speech spectrum".
    Young et al. 2002, "The HTK Book", section 5.9.
    """
    if width % 2 == 0 or not 3 <= width <= WIDEST:
        raise ValueError(f"delta: width is {width}; expected an odd number from 3 to {WIDEST}")
    if mode not in ("interp", "nearest"):
        raise ValueError(f"delta: mode is {mode!r:.100}; expected 'interp' or 'nearest'")
    needed = width if mode == "interp" else 1
    if data.shape[-1] < needed:
        raise ValueError(f"delta: data has {data.shape[-1]} frames; with mode {mode!r} expected at least {needed}")
    h = width // 2
    y = _repeat_ends(_slopes(data, h), h) if mode == "interp" else _slopes(_repeat_ends(data, h), h)
    return y, DeltaCache(data.shape, h, mode)


@checked
def delta_backward(dy: Float[ndarray, "*B T"], cache: DeltaCache) -> DataGrad:
    """Gradient of :func:`delta_forward`: a frame lies ahead of those before it (+n), and behind those after it (-n).

    Both steps are linear, so each is undone by its transpose, the last one first.
    """
    shape, h, mode = cache
    check_shape("delta_backward: dy", dy, shape)
    if mode == "interp":
        return DataGrad(_slopes_backward(_repeat_ends_backward(dy, h), h))  # forward: _repeat_ends(_slopes(data, h), h)
    return DataGrad(_repeat_ends_backward(_slopes_backward(dy, h), h))  # forward: _slopes(_repeat_ends(data, h), h)


def _slopes(x: ndarray, h: int) -> ndarray:
    """The slope at every frame that has h others on both sides: (..., T - 2 h)."""
    frames = x.shape[-1] - 2 * h
    total = np.zeros_like(x, shape=(*x.shape[:-1], frames))
    for n in range(1, h + 1):
        total += n * (x[..., h + n : h + n + frames] - x[..., h - n : h - n + frames])
    return total / _squares(h)


def _slopes_backward(dy: ndarray, h: int) -> ndarray:
    frames = dy.shape[-1]
    dx = np.zeros_like(dy, shape=(*dy.shape[:-1], frames + 2 * h))
    dtotal = dy / _squares(h)  # forward: y = total / _squares(h)
    for n in range(1, h + 1):
        dx[..., h + n : h + n + frames] += n * dtotal  # forward: x[..., h + n : h + n + frames]
        dx[..., h - n : h - n + frames] -= n * dtotal  # forward: x[..., h - n : h - n + frames]
    return dx


def _repeat_ends(x: ndarray, h: int) -> ndarray:
    """The first and the last frame h times more: (..., T + 2 h)."""
    first, last = (np.broadcast_to(end, (*x.shape[:-1], h)) for end in (x[..., :1], x[..., -1:]))
    return np.concatenate((first, x, last), axis=-1)


def _repeat_ends_backward(dy: ndarray, h: int) -> ndarray:
    frames = dy.shape[-1] - 2 * h
    dx = dy[..., h : h + frames].copy()  # forward: np.concatenate((first, x, last), axis=-1)
    dx[..., 0] += dy[..., :h].sum(-1)
    dx[..., -1] += dy[..., h + frames :].sum(-1)
    return dx


def _squares(h: int) -> int:
    """Twice the sum of n squared."""
    return 2 * sum(n * n for n in range(1, h + 1))
