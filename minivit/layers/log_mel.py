"""From waves to log-mel spectrograms, inside of a model: nothing is learned, and gradients reach the wave."""

from inspect import signature
from typing import Any

from numpy import ndarray
from numpy.random import Generator

from minivit.audio import OPS
from minivit.audio.kaldi import KaldiFbankCache, kaldi_fbank_forward
from minivit.audio.log_mel import LogMelCache
from minivit.audio.melspectrogram import melspectrogram_forward
from minivit.checked import checked
from minivit.layers.layer import Layer


class LogMel(Layer):
    """Log-mel features of waves, (B, T) to (B, n_mels, frames).

    Parameters
    ----------
    sr : float
        Samples per second.
    kaldi : bool
        False: :func:`minivit.audio.log_mel.log_mel_forward`, librosa's way. True: Kaldi's,
        :func:`minivit.audio.kaldi.kaldi_fbank_forward`; with ``n_mels=128, window="hann"`` these are the features that
        transformers' ASTFeatureExtractor makes, before it subtracts their mean.
    **options
        All others of this function.

    Raises
    ------
    TypeError
        If the function has no such option. (What it says to their values, it says when it is called.)
    """

    @checked
    def __init__(self, *, sr: float, kaldi: bool = False, **options: Any) -> None:
        known = {*signature(kaldi_fbank_forward if kaldi else melspectrogram_forward).parameters, "floor"} - {"y"}
        if unknown := options.keys() - known:
            raise TypeError(f"LogMel: there is no option {min(unknown)!r}; expected some of {', '.join(sorted(known))}")
        self.op = OPS["kaldi_fbank" if kaldi else "log_mel"]
        self.options = {"sr": sr, **options}

    def forward(self, y: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, LogMelCache | KaldiFbankCache]:
        return self.op.forward(y, **self.options)

    def backward(self, dy: ndarray, cache: LogMelCache | KaldiFbankCache) -> ndarray:
        return self.op.backward(dy, cache).y
