"""Frames: cut a wave into overlapping pieces, and add pieces up to a wave; fill up ends and windows."""

from typing import Annotated, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import FramesGrad, WaveGrad
from minivit.types import Float, Positive, Range, Real, Samples, ndarray


class FrameCache(NamedTuple):
    """What backward needs: how long the wave was, and how it was cut."""

    length: int
    frame_length: int
    hop_length: int


@checked
def frame_forward(
    y: Float[ndarray, "*B T"], *, frame_length: Samples, hop_length: Positive
) -> tuple[Float[ndarray, "*B W N"], FrameCache]:
    """Cut a wave into frames: a strided view of it, in which nothing is copied and which nobody may write to.

    frames[..., n, t] = y[..., t hop_length + n]. What does not fill a frame at the end is left out.

    Parameters
    ----------
    y : (..., T)
    frame_length : int
        W, samples of a frame.
    hop_length : int
        Samples from the start of one frame to that of the next; more than a frame leaves gaps.

    Returns
    -------
    frames : (..., W, N)
        N = 1 + (T - W) // hop_length, as ``librosa.util.frame`` has them: time is last.
    cache : FrameCache

    Raises
    ------
    ValueError
        If the wave is shorter than one frame, or an option is out of range.
    """
    T = y.shape[-1]
    if frame_length > T:
        raise ValueError(f"frame: y has {T} samples; expected at least frame_length, {frame_length}")
    frames = sliding_window_view(y, frame_length, axis=-1)[..., ::hop_length, :]
    return frames.swapaxes(-1, -2), FrameCache(T, frame_length, hop_length)


@checked
def frame_backward(dy: Float[ndarray, "*B W N"], cache: FrameCache) -> WaveGrad:
    """Gradient of :func:`frame_forward`: where frames overlap, a sample is in several of them, and gradients add up."""
    T, W, hop = cache
    N = 1 + (T - W) // hop
    check_shape("frame_backward: dy", dy, (*dy.shape[:-2], W, N))
    added, _ = overlap_add_forward(dy, hop_length=hop)  # formula: dy_i = sum over t of dframes[i - t hop, t]
    return WaveGrad(_filled_up(added, 0, T - added.shape[-1]))  # formula: what is in no frame has gradient 0


class OverlapAddCache(NamedTuple):
    """What backward needs: how frames were laid."""

    frame_length: int
    hop_length: int
    num_frames: int


@checked
def overlap_add_forward(
    frames: Float[ndarray, "*B W N"], *, hop_length: Samples
) -> tuple[Float[ndarray, "*B T"], OverlapAddCache]:
    """Lay frames side by side, ``hop_length`` samples apart, and add them up: the adjoint of :func:`frame_forward`.

    y[..., i] = sum over t of frames[..., i - t hop_length, t].

    A frame is cut into pieces of one hop: the j-th pieces of all frames fill a whole number of hops without overlap,
    so that they are added at once.

    Parameters
    ----------
    frames : (..., W, N)
    hop_length : int

    Returns
    -------
    y : (..., T)
        T = W + (N - 1) hop_length.
    cache : OverlapAddCache

    Raises
    ------
    ValueError
        If there is no frame, or an option is out of range.
    """
    *B, W, N = frames.shape
    if N == 0:
        raise ValueError(f"overlap_add: frames has shape {frames.shape}; expected (..., W, N), with N at least 1")
    pieces = -(-W // hop_length)
    hops = np.zeros_like(frames, shape=(*B, N + pieces - 1, hop_length), order="C")
    for j in range(pieces):
        piece = frames[..., j * hop_length : (j + 1) * hop_length, :].swapaxes(-1, -2)  # (..., N, at most a hop)
        hops[..., j : j + N, : piece.shape[-1]] += piece
    y = hops.reshape(*B, (N + pieces - 1) * hop_length)[..., : W + (N - 1) * hop_length]
    return y, OverlapAddCache(W, hop_length, N)


@checked
def overlap_add_backward(dy: Float[ndarray, "*B T"], cache: OverlapAddCache) -> FramesGrad:
    """Gradient of :func:`overlap_add_forward`: every frame gets that of the samples to which it was added."""
    W, hop, N = cache
    check_shape("overlap_add_backward: dy", dy, (*dy.shape[:-1], W + (N - 1) * hop))
    frames, _ = frame_forward(dy, frame_length=W, hop_length=hop)  # formula: dframes[n, t] = dy_{n + t hop}
    return FramesGrad(frames.copy())  # each number its own: as a view, those that overlap would be one


class PadWaveCache(NamedTuple):
    """What backward needs: how long the wave was, how much was added at either end, and of what."""

    length: int
    pad_length: int
    pad_mode: str


PadLength = Annotated[int, Range(at_least=0, at_most=2**24)]
PAD_MODES = ("constant", "reflect")


@checked
def pad_wave_forward(
    y: Float[ndarray, "*B T"], *, pad_length: PadLength, pad_mode: str = "constant"
) -> tuple[Float[ndarray, "*B S"], PadWaveCache]:
    """Make a wave longer at both ends, so that the first frame is centred at its first sample.

    Parameters
    ----------
    y : (..., T)
    pad_length : int
        Samples at either end.
    pad_mode : str
        "constant": zeros. "reflect": the wave backwards, its last sample not repeated. librosa's default was "reflect"
        before 0.9 and is "constant" since; torch's and torchaudio's is "reflect".

    Raises
    ------
    ValueError
        If there is no such mode, or the wave is too short to be reflected: it needs more than ``pad_length`` samples.
    """
    T = y.shape[-1]
    if pad_mode not in PAD_MODES:
        raise ValueError(f"pad_wave: pad_mode is {pad_mode!r:.100}; expected one of {', '.join(PAD_MODES)}")
    if pad_mode == "reflect" and pad_length >= T:
        raise ValueError(
            f"pad_wave: y has {T} samples; expected more than {pad_length} to be reflected, or pad_mode='constant'"
        )
    padded = _filled_up(y, pad_length, pad_length)
    if pad_mode == "reflect" and pad_length:
        padded[..., :pad_length] = y[..., pad_length:0:-1]
        padded[..., -pad_length:] = y[..., -2 : -2 - pad_length : -1]
    return padded, PadWaveCache(T, pad_length, pad_mode)


@checked
def pad_wave_backward(dy: Float[ndarray, "*B S"], cache: PadWaveCache) -> WaveGrad:
    """Gradient of :func:`pad_wave_forward`: what was reflected gets the gradient of its image, too."""
    T, pad, mode = cache
    check_shape("pad_wave_backward: dy", dy, (*dy.shape[:-1], T + 2 * pad))
    dx = dy[..., pad : pad + T].copy()  # forward: padded = _filled_up(y, pad_length, pad_length)
    if mode == "reflect" and pad:
        dx[..., pad:0:-1] += dy[..., :pad]  # forward: padded[..., :pad_length] = y[..., pad_length:0:-1]
        dx[..., -2 : -2 - pad : -1] += dy[..., -pad:]  # forward: y[..., -2 : -2 - pad_length : -1]
    return WaveGrad(dx)


@checked
def pad_center(data: Real[ndarray, "W"], *, size: Samples) -> Real[ndarray, "L"]:
    """Put a window into the middle of ``size`` samples, zeros around it: where it fills an odd rest, on the right.

    Raises
    ------
    ValueError
        If it is longer than that.
    """
    if len(data) > size:
        raise ValueError(f"pad_center: data has {len(data)} samples; expected at most size, {size}")
    before = (size - len(data)) // 2
    return _filled_up(data, before, size - len(data) - before)


def _filled_up(y: ndarray, before: int, after: int) -> ndarray:
    """A copy with zeros at its ends."""
    return np.pad(y, ((0, 0),) * (y.ndim - 1) + ((before, after),))
