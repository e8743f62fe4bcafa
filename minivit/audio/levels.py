"""How loud a sound is: its largest sample and its mean, in decibels below what a file can hold, and what is cut off."""

from collections.abc import Iterable, Iterator
from math import inf, log10

import numpy as np

from minivit.types import ndarray

FULL = {"PCM_U8": 1 - 2.0**-7, "PCM_16": 1 - 2.0**-15}
"""The largest positive sample that there may be; the largest negative one is -1. Files with more bits, and floats, come
from 16 bits often enough, and were cut off there."""


class Levels:
    """How loud each channel of a sound is, of which blocks pass by one after the other.

    Decibels are below full scale, a sample of 1; minus infinity is silence. The mean is the root of the mean square.

    Parameters
    ----------
    channels : int
    subtype : str
        How its file has samples, as :func:`minivit.audio.wav.wav_info` says it.
    """

    def __init__(self, channels: int, subtype: str = "PCM_16") -> None:
        self.length = 0
        """Samples that have passed by."""
        self.full, self.above = np.zeros((2, channels), int)
        """Samples of each channel at full scale: more than a few may have been louder, and were cut off there. Those
        above it, which only floats have, were not, and may be before anybody hears them."""
        self._full_scale = FULL.get(subtype, FULL["PCM_16"])
        self._peak, self._energy = np.zeros(channels), np.zeros(channels)

    def passing(self, blocks: Iterable[ndarray]) -> Iterator[ndarray]:
        """The same blocks, (T,) or (channels, T)."""
        for y in blocks:
            size = np.abs(np.atleast_2d(y))
            self.length += size.shape[-1]
            self.above += (size > 1).sum(-1)
            self.full += ((size >= self._full_scale) & (size <= 1)).sum(-1)
            self._peak = np.maximum(self._peak, size.max(-1, initial=0))
            self._energy += np.square(size, dtype=np.float64).sum(-1)
            yield y

    @property
    def peak(self) -> float:
        """The largest sample of all channels, 1 being full scale."""
        return float(self._peak.max())

    @property
    def peak_db(self) -> list[float]:
        """The largest sample of each channel."""
        return [20 * log10(peak) if peak else -inf for peak in self._peak]

    @property
    def mean_db(self) -> list[float]:
        """The mean of each channel."""
        return [10 * log10(energy / self.length) if energy else -inf for energy in self._energy]

    def words(self) -> list[str]:
        """Of each channel, what there is to say."""
        each = zip(self.peak_db, self.mean_db, self.full, self.above, strict=True)
        return [
            f"peak {peak:z.1f} dB, mean {mean:z.1f} dB of full scale"
            + (f", {full:,} samples cut off?" if full > 1 else "")
            + (f", {above:,} samples above it" if above else "")
            if peak > -inf
            else "silent"
            for peak, mean, full, above in each
        ]
