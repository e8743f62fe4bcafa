"""The short-time Fourier transform of waves that come block by block: an hour of sound in little memory."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from minivit.audio.frames import pad_wave_forward
from minivit.audio.stft import stft_forward
from minivit.checked import checked
from minivit.types import Count, Positive, Real, Samples, ndarray


@checked
def stft_blocks(
    blocks: Iterable,
    window: Real[ndarray, "V"] | str = "hann",
    *,
    n_fft: Samples = 2048,
    hop_length: Positive | None = None,
    win_length: Samples | None = None,
    center: bool = True,
    pad_mode: str = "constant",
) -> Iterator:
    """The transform of a wave that comes in blocks, as soon as each frame is whole: together the same numbers.

    At any time a block, its spectrum, and about two frames are in memory.

    >>> import numpy as np, minivit as mv
    >>> y = np.sin(np.arange(16_000) / 20)
    >>> blocks = mv.audio.stft_blocks(np.array_split(y, 100), n_fft=400, hop_length=160)
    >>> np.allclose(np.concatenate(list(blocks), axis=-1), mv.audio.stft_forward(y, n_fft=400, hop_length=160)[0])
    True

    Parameters
    ----------
    blocks : iterable of arrays (..., t)
        Of one dtype, and alike but in their lengths, which may be any.
    window, n_fft, hop_length, win_length, center, pad_mode
        As for :func:`minivit.audio.stft.stft_forward`.

    Yields
    ------
    X : (..., F, n), complex
        The next frames, at least one.

    Raises
    ------
    TypeError, ValueError
        As :func:`minivit.audio.stft.stft_forward`, of the whole wave; and if a block does not fit to the one before.
    """
    win = n_fft if win_length is None else win_length
    hop = max(1, win // 4) if hop_length is None else hop_length
    options = {"n_fft": n_fft, "hop_length": hop, "win_length": win, "center": False}
    spans = whole_frames(
        blocks,
        frame_length=n_fft,
        hop_length=hop,
        pad_length=n_fft // 2 if center else 0,
        pad_mode=pad_mode,
        label="stft_blocks",
    )
    return (stft_forward(span, window, **options)[0] for span in spans)


@checked
def whole_frames(
    blocks: Iterable,
    *,
    frame_length: Samples,
    hop_length: Positive,
    pad_length: Count = 0,
    pad_mode: str = "constant",
    label: str = "whole_frames",
) -> Iterator[ndarray]:
    """A wave that comes in blocks of any lengths, in spans that begin and end with a frame: what is made of frames.

    No frame is in two spans; samples are, where frames overlap. Sentences about errors begin with ``label``.
    """
    return _spans(label, _padded(label, iter(blocks), pad_length, pad_mode), frame_length, hop_length)


def _padded(label: str, blocks: Iterator[ndarray], pad: int, pad_mode: str) -> Iterator[ndarray]:
    """The wave piece by piece, with what is added at its ends: to reflect these, so many samples must have come."""
    least, begun, ending = pad + 1 if pad_mode == "reflect" else 1, False, None
    for block in blocks:
        check_block(label, block, ending)
        ending = block if ending is None else np.concatenate([ending, block], axis=-1)
        if begun:
            yield block
        elif ending.shape[-1] >= least:
            begun = True
            yield pad_wave_forward(ending, pad_length=pad, pad_mode=pad_mode)[0][..., : pad + ending.shape[-1]]
        if begun:
            ending = ending[..., -least:].copy()  # a view would keep the block alive
    if ending is None or not begun:
        count = 0 if ending is None else ending.shape[-1]
        raise ValueError(f"{label}: blocks have {count} samples together; expected at least {least}")
    yield pad_wave_forward(ending, pad_length=pad, pad_mode=pad_mode)[0][..., pad + ending.shape[-1] :]


def _spans(label: str, pieces: Iterator[ndarray], n_fft: int, hop: int) -> Iterator[ndarray]:
    """As many whole frames as there are by now, with all samples from the first of them to the last."""
    buffer, start, samples, any_frame = None, 0, 0, False  # start: where in the buffer the next frame begins
    for piece in pieces:
        buffer = piece if buffer is None else np.concatenate([buffer, piece], axis=-1)
        samples += piece.shape[-1]
        N = 1 + (buffer.shape[-1] - start - n_fft) // hop
        if N > 0:
            any_frame = True
            yield buffer[..., start : start + n_fft + (N - 1) * hop]
            start += N * hop
        gone = min(start, buffer.shape[-1])
        buffer, start = buffer[..., gone:], start - gone
    if not any_frame:
        raise ValueError(f"{label}: blocks have {samples} samples together; expected at least {n_fft}, a frame")


@checked
def check_block(label: str, block: Any, before: ndarray | None) -> None:
    """TypeError or ValueError, beginning with ``label``, for what is no block of a wave, or not like the last."""
    if not isinstance(block, ndarray) or block.ndim == 0 or block.dtype not in (np.float32, np.float64):
        came = f"an array of {block.dtype}, shape {block.shape}" if isinstance(block, ndarray) else repr(block)[:50]
        raise TypeError(f"{label}: a block is {came}; expected an array (..., t) of float32 or float64")
    if before is not None and (block.dtype, block.shape[:-1]) != (before.dtype, before.shape[:-1]):
        raise ValueError(
            f"{label}: a block has shape {block.shape}, {block.dtype}; expected (..., t) as of those before, "
            f"{before.shape}, {before.dtype}"
        )
