"""Logarithms of power, as loudness is heard, with an explicit floor: silence is no minus infinity."""

from math import inf, log, log10
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.ops.input_grad import InputGrad, SpectrogramGrad
from minivit.types import Bool, Float, ndarray

PER_NEPER = 10 / log(10)  # decibels of a power that is e times as large


class LogFloorCache(NamedTuple):
    """What ``log_floor_backward`` needs: x, and where the floor stood in for it."""

    x: Float[ndarray, "*B T"]
    low: Bool[ndarray, "*B T"]


@checked
def log_floor_forward(
    x: Float[ndarray, "*B T"], *, floor: float = 1e-10
) -> tuple[Float[ndarray, "*B T"], LogFloorCache]:
    r"""Natural logarithm of what is above the floor, and of the floor for all else: :math:`y = \ln \max(x, \epsilon)`.

    Kaldi and torchaudio's copy of it have 2^-23, the epsilon of float32, for a floor; transformers have 1e-10, or that
    of Kaldi. Others add it inside of the logarithm, ln(x + eps) (torchaudio's ``MFCC(log_mels=True)`` with 1e-6), which
    is not the same number anywhere; one outside, ln(x) + eps, would be none.

    Parameters
    ----------
    x : (..., T)
        Powers. nan stays nan.
    floor : float
        :math:`\epsilon`, above 0.

    Raises
    ------
    ValueError
        If the floor is not above 0, or not finite, in the precision of x.
    """
    _check_floor("log_floor: floor", floor, x)
    low = np.real(x) <= floor
    return np.log(np.where(low, floor, x)), LogFloorCache(x, low)


@checked
def log_floor_backward(dy: Float[ndarray, "*B T"], cache: LogFloorCache) -> InputGrad:
    r"""Gradient of :func:`log_floor_forward`: :math:`\bar x = \bar y / x` above the floor; below it x has no say."""
    x, low = cache
    return InputGrad(np.where(low, 0, dy / np.where(low, 1, x)))  # forward: y = np.log(np.where(low, floor, x))


class PowerToDbCache(NamedTuple):
    """What ``power_to_db_backward`` needs: S, and where it is at most ``amin``, raised to the end of range, loudest."""

    S: Float[ndarray, "*B F T"]
    low: Bool[ndarray, "*B F T"]
    raised: Bool[ndarray, "*B F T"] | None
    loudest: Bool[ndarray, "*B F T"] | None


@checked
def power_to_db_forward(
    S: Float[ndarray, "*B F T"],
    *,
    ref: float = 1.0,
    amin: float = 1e-10,
    top_db: float | None = 80.0,
) -> tuple[Float[ndarray, "*B F T"], PowerToDbCache]:
    r"""Power in decibels, cut off at ``top_db`` below the loudest place of each spectrogram.

    .. math::

        L = 10 \log_{10} \max(S, a) - 10 \log_{10} \max(r, a), \qquad y = \max(L,\; \max_{f,t} L - d)

    Each spectrogram (F, T) has a loudest place of its own, so a sample does not depend on its batch. librosa takes the
    loudest place of the whole array, torchaudio that of all channels of a sample; of one spectrogram all give the same.

    Parameters
    ----------
    S : (..., F, T)
        Power, not amplitude. nan stays nan.
    ref : float
        r, the power that is called 0 dB; ``S.max()`` makes all levels negative (a number: no gradient goes there).
    amin : float
        a, the lowest power that is told from silence.
    top_db : float or None
        d, the range in decibels; None cuts nothing off.

    Raises
    ------
    ValueError
        If ``ref`` or ``amin`` is not above 0 (``amin`` in the precision of S), or ``top_db`` is negative.
    """
    check_range("power_to_db: ref", ref, above=0, below=inf)
    _check_floor("power_to_db: amin", amin, S)
    low = np.real(S) <= amin
    level = 10 * np.log10(np.where(low, amin, S)) - 10 * log10(max(ref, amin))
    if top_db is None or S.shape[-1] == 0:
        return level, PowerToDbCache(S, low, None, None)
    check_range("power_to_db: top_db", top_db, at_least=0, below=inf)
    peak = level.max((-2, -1), keepdims=True)
    raised = np.real(level) < np.real(peak) - top_db
    return np.where(raised, peak - top_db, level), PowerToDbCache(S, low, raised, level == peak)


@checked
def power_to_db_backward(dy: Float[ndarray, "*B F T"], cache: PowerToDbCache) -> SpectrogramGrad:
    r"""Gradient of :func:`power_to_db_forward`: :math:`\bar S = \frac{10}{\ln 10}\, \bar L / S` above ``amin``.

    What was raised follows the loudest place, which therefore gets its gradients; equally loud ones share them.
    """
    S, low, raised, loudest = cache
    dlevel = dy
    if raised is not None and loudest is not None:
        dlevel = np.where(raised, 0, dy)  # forward: y = np.where(raised, peak - top_db, level)
        dpeak = np.where(raised, dy, 0).sum((-2, -1), keepdims=True)
        equals = np.maximum(loudest.sum((-2, -1), keepdims=True), 1)  # where nan is the loudest, nothing equals it
        dlevel += loudest * (dpeak / equals)  # forward: peak = level.max((-2, -1), keepdims=True)
    dS = np.where(low, 0, PER_NEPER * dlevel / np.where(low, 1, S))  # forward: 10 * np.log10(np.where(low, amin, S))
    return SpectrogramGrad(dS)


def _check_floor(name: str, floor: float, like: ndarray) -> None:
    """In float32, 1e-46 is 0, whose logarithm is minus infinity."""
    check_range(name, floor, above=0, below=inf)
    kind = np.finfo(like.dtype)
    check_range(name, floor, at_least=float(kind.tiny), at_most=float(kind.max))
