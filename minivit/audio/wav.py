"""WAV files: samples of 8, 16, 24 or 32 bits or floats, with any number of channels, as a whole or in blocks.

A file from somebody else may say anything of itself. So its header is read here, with the standard library: soundfile
takes a file that was cut off, or whose number of bits is a lie, without a word; scipy fails on several in the middle of
its own code, and cannot stream; the standard library's ``wave`` knows no floats.
"""

import struct
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from minivit.audio.riff import SUBTYPES, WavInfo, wav_header
from minivit.checked import checked
from minivit.files import must_be_file, replace_file
from minivit.types import Positive, SampleRate, ndarray

BLOCK = 2**18
"""Samples of a channel that are converted at a time."""

MOST_CHANNELS = 64
"""In a file that is written: more of them are an array that lies on its side."""


@checked
def wav_info(path: str | Path) -> WavInfo:
    """What is in a WAV file, by its header and its size. (Arguments, errors and warnings: see :func:`read_wav`.)"""
    must_be_file(path)
    with open(path, "rb") as file:
        try:
            found, told = wav_header(file)
        except ValueError as error:
            raise ValueError(f"{path} {error}") from None
    if found.length < told:
        missing = f"{path} says that it has {told:,} samples, but it ends after {found.length:,}: the rest is missing"
        warnings.warn(missing, stacklevel=2)
    return found


@checked
def read_wav(path: str | Path) -> tuple[ndarray, int]:
    """Read a WAV file.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    y : float32 (T,), or (channels, T) if there are several
        Integers are divided by the largest there may be, so that they lie between -1 and 1; floats are as they are.
    sr : int
        Samples in a second.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it cannot be read.
    ValueError
        If it is no WAV file, or a compressed one, or has no samples, or a header that cannot be right (no channels, no
        rate, sizes that contradict each other), or a sample that is no finite number.

    Warns
    -----
    UserWarning
        If the file is shorter than it says: what is there is read.
    """
    info = wav_info(path)
    y = np.empty((info.channels, info.length), np.float32)
    start = 0
    for block in _blocks(path, info, BLOCK):
        y[:, start : start + block.shape[1]] = block
        start += block.shape[1]
    return (y[0] if info.channels == 1 else y), info.sr


@checked
def wav_blocks(path: str | Path, *, block_length: Positive) -> Iterator[ndarray]:
    """Read a WAV file block by block, each ``block_length`` samples long, but for the last: of any length of file, no
    more than one of them is in memory.

    Blocks are as :func:`read_wav` would give them. The file is open until the last block has come or nobody holds the
    iterator. What is wrong with the header is said at once (errors and warnings: see :func:`read_wav`).
    """
    info = wav_info(path)
    blocks = _blocks(path, info, min(block_length, info.length))
    return (block[0] for block in blocks) if info.channels == 1 else blocks


@checked
def write_wav(path: str | Path, y: ndarray, sr: SampleRate, *, subtype: str = "PCM_16") -> None:
    """Write a WAV file, as a whole or not at all.

    Parameters
    ----------
    path : str or Path
    y : (T,) or (channels, T)
        Floats; or int16, as a data set of sounds has them, if they are written as they are.
    sr : int
        Samples in a second.
    subtype : str
        How samples are written, as soundfile calls it: "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE".

    Raises
    ------
    ValueError, TypeError
        If there are no samples, or one is no finite number, or, where they become integers, is above 1 or below -1; if
        the subtype is none of these, or the file would be larger than 4 GiB.
    OSError
        If the file cannot be written.
    """
    if subtype not in SUBTYPES:
        raise ValueError(f"write_wav: subtype is {subtype!r:.100}; expected one of {', '.join(SUBTYPES)}")
    if y.dtype not in (np.float32, np.float64) and not (y.dtype == np.int16 and subtype == "PCM_16"):
        raise TypeError(f"write_wav: y has dtype {y.dtype}; expected float32 or float64 (int16 becomes PCM_16 only)")
    if y.ndim not in (1, 2) or y.size == 0:
        raise ValueError(f"write_wav: y has shape {y.shape}; expected (samples,) or (channels, samples), at least one")
    rows = np.atleast_2d(y)
    (channels, length), (tag, width) = rows.shape, SUBTYPES[subtype]
    if channels > MOST_CHANNELS:
        words = f"expected (channels, samples), and at most {MOST_CHANNELS} channels"
        raise ValueError(f"write_wav: y has shape {y.shape}; {words}")
    size = channels * length * width
    if size >= 2**32 - 100 or sr * channels * width >= 2**32:
        raise ValueError(f"write_wav: {size:,} bytes at {sr:,} Hz are more than a WAV file can say of itself: 4 GiB")
    layout = struct.pack("<HHIIHH", tag, channels, sr, sr * channels * width, channels * width, 8 * width)
    chunks = _chunk(b"fmt ", layout if tag == 1 else layout + b"\0\0")
    if tag != 1:
        chunks += _chunk(b"fact", struct.pack("<I", length))
    samples = b"".join(_written(rows[:, start : start + BLOCK], subtype) for start in range(0, length, BLOCK))
    content = b"WAVE" + chunks + _chunk(b"data", samples)
    replace_file(path, b"RIFF" + struct.pack("<I", len(content)) + content)


def _chunk(name: bytes, content: bytes) -> bytes:
    """A name, how many bytes, the bytes, and one more where they are odd."""
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _written(rows: ndarray, subtype: str) -> bytes:
    """Samples (channels, T) as a file has them: the channels of one time, then those of the next."""
    if rows.dtype == np.int16:
        return rows.T.astype("<i2").tobytes()
    with np.errstate(over="ignore"):  # it is said below that a number is not finite
        samples = rows.T.astype("<f4" if subtype == "FLOAT" else "<f8", order="C")  # (T, channels)
    if not np.isfinite(samples).all():
        raise ValueError(f"write_wav: y has a sample that is no finite number as {subtype}")
    tag, width = SUBTYPES[subtype]
    if tag == 3:
        return samples.tobytes()
    highest = float(np.abs(samples).max())
    if highest > 1 + 1e-6:  # what rounding has made of 1
        raise ValueError(f"write_wav: y goes to {highest:.3g}, and {subtype} to 1; divide by np.abs(y).max() before")
    one = 2 ** (8 * width - 1)
    numbers = np.clip(np.rint(samples * one), -one, one - 1).astype("<i4")
    if width == 1:
        return (numbers + one).astype("u1").tobytes()  # from 0 on, as only samples of 8 bits are
    return numbers.view("u1").reshape(*numbers.shape, 4)[..., :width].tobytes()  # the lower bytes


def _blocks(path: str | Path, info: WavInfo, length: int) -> Iterator[ndarray]:
    """Blocks (channels, T)."""
    tag, width = SUBTYPES[info.subtype]
    with open(path, "rb") as file:
        file.seek(info.start)
        for start in range(0, info.length, length):
            count = min(length, info.length - start) * info.channels
            content = file.read(count * width)
            if len(content) < count * width:
                raise ValueError(f"{path} has become shorter while it was read")
            block = _read(content, info.subtype).reshape(-1, info.channels).T
            if tag == 3 and not np.isfinite(block).all():
                at = start + int(np.argmin(np.isfinite(block).all(0)))
                raise ValueError(
                    f"{path} has a sample that is no finite number, {at / info.sr:.3f} s from its beginning"
                )
            yield block


def _read(content: bytes, subtype: str) -> ndarray:
    if subtype == "PCM_U8":
        return (np.frombuffer(content, "u1").astype(np.float32) - 128) / 128
    if subtype == "PCM_16":
        return np.frombuffer(content, "<i2").astype(np.float32) / 2**15
    if subtype == "PCM_24":  # as the upper three bytes of four
        four = np.zeros((len(content) // 3, 4), "u1")
        four[:, 1:] = np.frombuffer(content, "u1").reshape(-1, 3)
        return four.view("<i4")[:, 0].astype(np.float32) / 2**31
    if subtype == "PCM_32":
        return np.frombuffer(content, "<i4").astype(np.float32) / 2**31
    with np.errstate(over="ignore"):  # it is said below that a number is not finite
        return np.frombuffer(content, "<f4" if subtype == "FLOAT" else "<f8").astype(np.float32)
