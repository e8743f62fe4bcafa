"""Spectrograms as images, to be looked at wherever images are."""

import numpy as np

from minivit.audio.kaldi import kaldi_fbank_forward
from minivit.checked import checked
from minivit.types import Float, Int, UInt8, ndarray

BANDS = 64
RANGE = 11.5
"""Of the natural logarithm of power, from the brightest to black: 50 dB."""


@checked
def spectrogram_images(spectrograms: Float[ndarray, "N M T"]) -> UInt8[ndarray, "N M T C"]:
    """Images in colour of logarithmic spectrograms, the lowest frequency in the last row; each has its own scale.

    Parameters
    ----------
    spectrograms : (N, M, T)
        Natural logarithms of power; what is 50 dB below the loudest of a sound, and all below, is black.

    Returns
    -------
    images : uint8 (N, M, T, 3)
    """
    from matplotlib import colormaps

    loudest = spectrograms.max((1, 2), keepdims=True)
    levels = np.clip(1 + (spectrograms - loudest) / RANGE, 0, 1)
    return colormaps["magma"](levels[:, ::-1], bytes=True)[..., :3]


@checked
def sound_images(waves: Int[ndarray, "N T"], sr: int) -> UInt8[ndarray, "N M F C"]:
    """Spectrograms of sounds, in 64 bands as an ear hears them, as images (:func:`spectrogram_images`).

    Parameters
    ----------
    waves : int16 (N, T)
        As a data set has them.
    sr : int
        Samples in a second.
    """
    y = waves * np.float32(2.0**-15)
    spectrograms, _ = kaldi_fbank_forward(y, sr=float(sr), n_mels=BANDS, window="hann")
    return spectrogram_images(spectrograms)
