"""The short-time Fourier transform, which sees what frequencies there are when, and its inverse."""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from minivit.audio.fourier import IrfftCache, RfftCache, irfft_backward, irfft_forward, rfft_backward, rfft_forward
from minivit.audio.frames import (
    FrameCache,
    PadWaveCache,
    frame_backward,
    frame_forward,
    overlap_add_forward,
    pad_center,
    pad_wave_backward,
    pad_wave_forward,
)
from minivit.audio.windows import get_window
from minivit.checked import PRECISION, check_shape, checked
from minivit.ops.rows import column_sum
from minivit.types import Complex, Count, Positive, Real, Samples, ndarray

BLOCK = 2**16  # numbers of frames that are transformed at once: with their spectrum, they stay in the processor's cache
LEAST = 1e-10  # of the largest sum of squared windows: where less is left of the wave, nothing can be told of it


class StftCache(NamedTuple):
    """What backward needs: how ends were filled up and frames cut, and the window, zeros around it.

    Of a window that has a gradient also its length, and the frames: a view of the wave.
    """

    pad_wave: PadWaveCache
    frame: FrameCache
    window: Real[ndarray, "W"]
    win_length: int
    rows: Real[ndarray, "*B N W"] | None


class StftGrads(NamedTuple):
    """Gradients of the arguments of the forward; None for a window that was given by name."""

    y: Real[ndarray, "*B T"]
    window: Real[ndarray, "V"] | None


@checked
def stft_forward(
    y: Real[ndarray, "*B T"],
    window: Real[ndarray, "V"] | str = "hann",
    *,
    n_fft: Samples = 2048,
    hop_length: Positive | None = None,
    win_length: Samples | None = None,
    center: bool = True,
    pad_mode: str = "constant",
) -> tuple[Complex[ndarray, "*B F N"], StftCache]:
    """Cut a wave into frames, multiply each by a window, and transform it.

    X[..., k, t] = sum over n of w[n] y[..., t hop_length + n] e^(-2 pi i k n / n_fft)

    Parameters
    ----------
    y : (..., T)
    window : str or array (win_length,)
        A name for :func:`minivit.audio.windows.get_window`, then periodic; or the window itself, which has a gradient.
    n_fft : int
        Samples of a frame; any number, fast if its prime factors are small.
    hop_length : int, optional
        Samples from one frame to the next; win_length // 4 if not given.
    win_length : int, optional
        Samples of the window, around which zeros are put up to n_fft; n_fft if not given.
    center : bool
        True: n_fft // 2 samples are added at either end, so frame t is centred at sample t hop_length.
        False: frame t begins there.
    pad_mode : str
        What is added: "constant", zeros, or "reflect"; see :func:`minivit.audio.frames.pad_wave_forward`.

    Returns
    -------
    X : (..., F, N), complex
        F = 1 + n_fft // 2 frequencies, k sr / n_fft hertz; N frames, 1 + T // hop_length if centred and n_fft is even.
        In memory, the frequencies of one frame stand side by side.
    cache : StftCache

    Raises
    ------
    ValueError
        If the wave has no samples, not enough for one frame, or no more than are to be reflected, the window is longer
        than n_fft, or an option is out of range.

    References
    ----------
    Allen and Rabiner 1977, "A unified approach to short-time Fourier analysis and synthesis".
    librosa.stft, whose arguments these are. torch.stft pads by "reflect", and without a window takes a rectangular one.
    """
    w, win, hop = _window_and_hop("stft", window, y.dtype, n_fft, hop_length, win_length)
    least = 1 if center else n_fft
    if y.shape[-1] < least:
        raise ValueError(f"stft: y has shape {y.shape}; expected (..., T), with T at least {least} samples")
    padded, c_pad_wave = pad_wave_forward(y, pad_length=n_fft // 2 if center else 0, pad_mode=pad_mode)
    frames, c_frame = frame_forward(padded, frame_length=n_fft, hop_length=hop)
    rows = frames.swapaxes(-1, -2)  # (..., N, W)
    X = _spectra(rows, w).swapaxes(-1, -2)
    return X, StftCache(c_pad_wave, c_frame, w, win, None if isinstance(window, str) else rows)


@checked
def stft_backward(dy: Complex[ndarray, "*B F N"], cache: StftCache) -> StftGrads:
    """Gradient of :func:`stft_forward`: every step is linear, so each is undone by its adjoint, the last one first.

    The cotangent of a complex number is dL/dRe X + i dL/dIm X, as in PyTorch. Every frame has a part in the gradient
    of the window: dw[n] = sum over t of y[t hop_length + n] dx[n, t], where dx is that of the windowed frames.
    """
    w, (T, W, hop) = cache.window, cache.frame
    N = 1 + (T - W) // hop
    check_shape("stft_backward: dy", dy, (*dy.shape[:-2], 1 + W // 2, N))
    dx, *_ = rfft_backward(dy.swapaxes(-1, -2), RfftCache(W, W))  # forward: X = _spectra(rows, w).swapaxes(-1, -2)
    (dpadded,) = frame_backward((dx * w).swapaxes(-1, -2), cache.frame)  # formula: rows are multiplied by w
    (dwave,) = pad_wave_backward(dpadded, cache.pad_wave)
    if cache.rows is None:
        return StftGrads(dwave, None)
    dw = column_sum(cache.rows * dx)  # formula: rows are multiplied by w
    return StftGrads(dwave, _centre(dw, cache.win_length))


class IstftCache(NamedTuple):
    """What backward needs: the window, zeros around it, the sums of its squares, and which samples were kept.

    Of a window that has a gradient also its length, the frames, and the wave that came out.
    """

    window: Real[ndarray, "W"]
    squares: Real[ndarray, "T"]
    hop_length: int
    num_frames: int
    start: int
    win_length: int
    rows: Real[ndarray, "*B N W"] | None
    y: Real[ndarray, "*B T"] | None


class IstftGrads(NamedTuple):
    """Gradients of the arguments of the forward; None for a window that was given by name."""

    stft_matrix: Complex[ndarray, "*B F N"]
    window: Real[ndarray, "V"] | None


@checked
def istft_forward(
    stft_matrix: Complex[ndarray, "*B F N"],
    window: Real[ndarray, "V"] | str = "hann",
    *,
    hop_length: Positive | None = None,
    win_length: Samples | None = None,
    n_fft: Samples | None = None,
    center: bool = True,
    length: Count | None = None,
) -> tuple[Real[ndarray, "*B T"], IstftCache]:
    """The wave whose short-time Fourier transform this is, or is nearest to it.

    y[i] = (sum over t of w[i - t hop_length] x_t[i - t hop_length]) / (sum over t of w[i - t hop_length]^2)

    where x_t is the inverse transform of frame t. It was multiplied by w when it was cut, so it is again: the sum over
    frames then is y times the sum of squares, and if it is no transform of any wave, y is the one whose transform
    differs least, in squares.

    Parameters
    ----------
    stft_matrix : (..., F, N), complex
        As :func:`stft_forward` returns it.
    window, hop_length, win_length, n_fft, center
        As they were given there; n_fft = 2 (F - 1) if not given.
    length : int, optional
        Samples of the wave. If not given, those that were added at the ends are left out of what the frames cover:
        up to hop_length - 1 samples of the wave may then be missing at its end.

    Raises
    ------
    ValueError
        If windows do not overlap-add (some sample has no frame, or only the zeros of a window), if there are no frames
        or another number of frequencies, or an option is out of range.

    References
    ----------
    Griffin and Lim 1984, "Signal estimation from modified short-time Fourier transform", equation 6.
    """
    F, N = stft_matrix.shape[-2:]
    W = 2 * (F - 1) if n_fft is None else n_fft
    if (N == 0 or W < 1) or F != 1 + W // 2:
        came = f"stft_matrix has shape {stft_matrix.shape}"
        raise ValueError(f"istft: {came}; expected (..., {1 + W // 2}, N) for n_fft = {W}, with N at least 1")
    w, win, hop = _window_and_hop("istft", window, PRECISION[stft_matrix.dtype], W, hop_length, win_length)
    start, covered = W // 2 if center else 0, W + (N - 1) * hop
    stop = covered - start if length is None else start + length
    if stop > covered:
        raise ValueError(f"istft: length is {length}; expected at most {covered - start}, what {N} frames cover")
    gap = f"istft: windows of {win} samples, {hop} apart, do not overlap-add: they leave nothing of sample"
    if N > 1 and hop > W:  # said before memory is taken for it
        raise ValueError(f"{gap} {W - start}; expected a smaller hop_length")
    squares, _ = overlap_add_forward(np.broadcast_to((w * w)[:, None], (W, N)), hop_length=hop)
    squares = squares[start:stop]
    if not (squares > LEAST * squares.max(initial=0)).all():
        i = int(np.argmin(squares))
        raise ValueError(f"{gap} {i} of {len(squares)}; expected a smaller hop_length, or center=True")
    rows, _ = irfft_forward(stft_matrix.swapaxes(-1, -2), n=W)  # (..., N, W)
    windowed = (rows * w).swapaxes(-1, -2)
    added, _ = overlap_add_forward(windowed, hop_length=hop)
    y = added[..., start:stop] / squares
    kept = (None, None) if isinstance(window, str) else (rows, y)
    return y, IstftCache(w, squares, hop, N, start, win, *kept)


@checked
def istft_backward(dy: Real[ndarray, "*B T"], cache: IstftCache) -> IstftGrads:
    """Gradient of :func:`istft_forward`: the adjoint of each step, and for the window, which is in two sums, two terms.

    With g = dy / squares, the windowed frames get those samples of g to which they were added, and the sum of squares
    at sample i gets - g[i] y[i].
    """
    w, squares, hop, N, start, win, rows, y = cache
    check_shape("istft_backward: dy", dy, (*dy.shape[:-1], len(squares)))
    W = len(w)
    ends = start, W + (N - 1) * hop - start - len(squares)
    dadded = dy / squares  # forward: y = added[..., start:stop] / squares
    dx = _rows(dadded, ends, W, hop)  # forward: added, _ = overlap_add_forward(windowed, hop_length=hop)
    (dX,) = irfft_backward(dx * w, IrfftCache(W))  # forward: windowed = (rows * w).swapaxes(-1, -2)
    dX = dX.swapaxes(-1, -2)
    if rows is None or y is None:
        return IstftGrads(dX, None)
    dw = column_sum(rows * dx)  # forward: windowed = (rows * w).swapaxes(-1, -2)
    dsquares = -column_sum(dadded * y)  # forward: y = added[..., start:stop] / squares
    dw += 2 * w * column_sum(_rows(dsquares, ends, W, hop))  # forward: np.broadcast_to((w * w)[:, None], (W, N))
    return IstftGrads(dX, _centre(dw, win))


def _window_and_hop(
    label: str, window: Any, dtype: Any, n_fft: int, hop_length: int | None, win_length: int | None
) -> tuple[ndarray, int, int]:
    """The window with zeros around it, its own length, and the hop."""
    win = n_fft if win_length is None else win_length
    if win > n_fft:
        raise ValueError(f"{label}: win_length is {win}; expected at most n_fft, {n_fft}")
    hop = max(1, win // 4) if hop_length is None else hop_length
    return pad_center(get_window(window, win).astype(dtype, copy=False), size=n_fft), win, hop


def _spectra(rows: ndarray, w: ndarray) -> ndarray:
    """Transform frames in blocks, each before the next meets the window: all at once would wait for memory."""
    *B, N, W = rows.shape
    dtype = np.result_type(rows.dtype, np.complex64)
    X = np.empty_like(rows, shape=(*B, N, 1 + W // 2), dtype=dtype, order="C")
    step = max(1, BLOCK // max(1, prod(B) * W))
    for start in range(0, N, step):
        block = slice(start, start + step)
        X[..., block, :], _ = rfft_forward(rows[..., block, :] * w)
    return X


def _rows(y: ndarray, ends: tuple[int, int], W: int, hop: int) -> ndarray:
    """The frames (..., N, W) of a wave of which some samples at its ends were left out."""
    whole = np.pad(y, ((0, 0),) * (y.ndim - 1) + (ends,))
    return frame_forward(whole, frame_length=W, hop_length=hop)[0].swapaxes(-1, -2)


def _centre(window: ndarray, length: int) -> ndarray:
    """So many samples in the middle: what :func:`pad_center` put there."""
    start = (len(window) - length) // 2
    return window[start : start + length]
