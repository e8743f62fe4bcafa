"""Kaldi's log-mel features: what AST, and much of speech recognition, was trained on."""

from collections.abc import Iterable, Iterator
from math import inf
from typing import Any, NamedTuple

import numpy as np

from minivit.audio.decibels import LogFloorCache, log_floor_backward, log_floor_forward
from minivit.audio.fourier import RfftCache, power_of_two, rfft_backward, rfft_forward
from minivit.audio.frames import FrameCache, frame_backward, frame_forward
from minivit.audio.mel import kept_filterbank
from minivit.audio.preemphasis import PreemphasisCache, preemphasis_backward, preemphasis_forward
from minivit.audio.spectrogram import magnitude, magnitude_gradient
from minivit.audio.streaming import whole_frames
from minivit.audio.windows import get_window
from minivit.checked import check_range, check_shape, checked
from minivit.ops.input_grad import WaveGrad
from minivit.types import Complex, Positive, Real, Samples, Share, ndarray

MILLISECONDS = {"win_length": 25.0, "hop_length": 10.0}
EPSILON = 2.0**-23  # that of float32: Kaldi's floor


class KaldiFbankCache(NamedTuple):
    """What ``kaldi_fbank_backward`` needs, step by step. Frames are rows here, and only the result is turned."""

    ends: tuple[int, int]
    frame: FrameCache
    remove_dc_offset: bool
    preemphasis: PreemphasisCache
    window: Real[ndarray, " W"]
    rfft: RfftCache
    X: Complex[ndarray, "*B N F"]
    power: float
    mel_basis: Real[ndarray, "M F"]
    log_floor: LogFloorCache


@checked
def kaldi_fbank_forward(
    y: Real[ndarray, "*B T"],
    *,
    sr: float = 16000.0,
    n_mels: Positive = 23,
    win_length: Samples | None = None,
    hop_length: Positive | None = None,
    n_fft: Samples | None = None,
    window: str | ndarray = "povey",
    fmin: float = 20.0,
    fmax: float | None = None,
    coef: Share = 0.97,
    remove_dc_offset: bool = True,
    snip_edges: bool = True,
    power: float = 2.0,
    floor: float = EPSILON,
) -> tuple[Real[ndarray, "*B M N"], KaldiFbankCache]:
    r"""Log-mel features as Kaldi has them: each frame is made free of its mean, pre-emphasised, and then windowed.

    .. math::

        f_t[n] = y[t h + n], \qquad g_t[n] = f_t[n] - \bar f_t, \qquad
        Y_t[m] = \ln \max\Bigl(\epsilon, \sum_k W_m[k]\, |\mathrm{DFT}(w\, (g_t[n] - c\, g_t[n-1]))_k|^p\Bigr)

    So it is not what librosa and torchaudio do with a whole wave: the mean goes, and pre-emphasis comes, frame by
    frame, where the first sample stands before itself; windows are symmetric; triangles have sides that are straight in
    mel; the logarithm is natural, and its floor 2^-23; frames are not centred. Arguments have librosa's names. Their
    defaults are those of Kaldi's compute-fbank-feats and of torchaudio.compliance.kaldi.fbank, but there is no dither
    (noise that Kaldi adds, and torchaudio does not) and no energy beside the bands.

    transformers' ASTFeatureExtractor and the code of AST itself have ``window="hann", n_mels=128``: of these filters,
    no. 3 is empty, as a warning says. Kaldi takes samples for integers; those from -1 to 1 make features that are
    30 ln 2 less.

    Parameters
    ----------
    y : (..., T)
        At least one frame.
    sr : float
        Samples per second.
    n_mels : int
        M, bands.
    win_length, hop_length : int, optional
        W, samples of a frame, 25 ms if not given, and h, from one to the next, 10 ms.
    n_fft : int, optional
        Length of the DFT, at least that of a frame; the next power of two if not given.
    window : str or array (win_length,)
        Symmetric, if given by its name. It has no gradient.
    fmin, fmax : float
        In hertz; ``fmax`` is half of ``sr`` if not given.
    coef : float
        c, from 0 (no pre-emphasis) to 1.
    remove_dc_offset : bool
        Whether frames are made free of their mean.
    snip_edges : bool
        True: only whole frames, 1 + (T - W) // h of them. False: as many as there are hops, (T + h // 2) // h, each
        centred in its hop; at the ends the wave is mirrored, with its first and its last sample.
    power : 2.0 or 1.0
        Of the spectrum, or its size.
    floor : float
        :math:`\epsilon`.

    Returns
    -------
    z : (..., M, N)
        Time last, as everywhere here; Kaldi and torchaudio have it first.

    Raises
    ------
    ValueError
        If the wave is shorter than a frame, or an option is out of its range.

    References
    ----------
    Povey et al. 2011, "The Kaldi Speech Recognition Toolkit"; feature-window.cc, feature-fbank.cc, mel-computations.cc.
    """
    W, h = _samples("win_length", win_length, sr), _samples("hop_length", hop_length, sr)
    n = power_of_two(W) if n_fft is None else n_fft
    if n < W:
        raise ValueError(f"kaldi_fbank: n_fft is {n}; expected at least {W}, the samples of a frame")
    if power not in (1, 2):
        raise ValueError(f"kaldi_fbank: power is {power}; expected 1.0 or 2.0")
    check_range("kaldi_fbank: floor", floor, above=0, below=inf)
    T = y.shape[-1]
    N = 1 + (T - W) // h if snip_edges else (T + h // 2) // h
    if T < W or N < 1:
        raise ValueError(f"kaldi_fbank: y has shape {y.shape}; expected at least {max(W, h - h // 2)} samples, a frame")
    left = 0 if snip_edges else W // 2 - h // 2
    ends = left, max(0, (N - 1) * h + W - left - T)
    frames, c_frame = frame_forward(_mirror_ends(y, ends), frame_length=W, hop_length=h)
    rows = frames.swapaxes(-1, -2)
    if remove_dc_offset:
        rows = rows - rows.mean(-1, keepdims=True)
    rows, c_preemphasis = preemphasis_forward(rows, coef=coef, pad_mode="edge")
    w = get_window(window, W, fftbins=False).astype(y.dtype, copy=False)
    X, c_rfft = rfft_forward(rows * w, n=n)
    S = magnitude(X, power)
    options = {"sr": sr, "n_fft": n, "n_mels": n_mels, "fmin": fmin, "fmax": fmax}
    mel_basis = kept_filterbank("kaldi_fbank", y.dtype, **options, htk=True, norm=None, triangles="mel")
    z, c_log_floor = log_floor_forward(S @ mel_basis.T, floor=floor)
    cache = KaldiFbankCache(
        ends=ends,
        frame=c_frame,
        remove_dc_offset=remove_dc_offset,
        preemphasis=c_preemphasis,
        window=w,
        rfft=c_rfft,
        X=X,
        power=power,
        mel_basis=mel_basis,
        log_floor=c_log_floor,
    )
    return z.swapaxes(-1, -2), cache


@checked
def kaldi_fbank_backward(dy: Real[ndarray, "*B M N"], cache: KaldiFbankCache) -> WaveGrad:
    """Gradient of :func:`kaldi_fbank_forward`: its steps, undone from the last to the first."""
    c = cache
    *B, N, M = c.log_floor.x.shape
    check_shape("kaldi_fbank_backward: dy", dy, (*B, M, N))
    (dmel,) = log_floor_backward(dy.swapaxes(-1, -2), c.log_floor)
    dS = dmel @ c.mel_basis  # forward: S @ mel_basis.T
    dX = magnitude_gradient(dS, c.X, c.power)  # forward: S = magnitude(X, power)
    (drows,) = rfft_backward(dX, c.rfft)
    (drows,) = preemphasis_backward(drows * c.window, c.preemphasis)  # forward: rfft_forward(rows * w, n=n)
    if c.remove_dc_offset:
        drows = drows - drows.mean(-1, keepdims=True)  # forward: rows = rows - rows.mean(-1, keepdims=True)
    (dmirrored,) = frame_backward(drows.swapaxes(-1, -2), c.frame)  # forward: rows = frames.swapaxes(-1, -2)
    return WaveGrad(_mirror_ends_backward(dmirrored, c.ends))


@checked
def kaldi_fbank_blocks(
    blocks: Iterable,
    *,
    sr: float = 16000.0,
    win_length: Samples | None = None,
    hop_length: Positive | None = None,
    **options: Any,
) -> Iterator:
    """Kaldi's features of a wave that comes in blocks: together what :func:`kaldi_fbank_forward` makes of the whole.

    Only whole frames, as with ``snip_edges=True``. Parameters and errors as there; ``blocks``, and what may differ in
    the last bit, as for :func:`minivit.audio.log_mel.log_mel_blocks`.
    """
    W, h = _samples("win_length", win_length, sr), _samples("hop_length", hop_length, sr)
    spans = whole_frames(blocks, frame_length=W, hop_length=h, label="kaldi_fbank_blocks")
    frames = {"sr": sr, "win_length": W, "hop_length": h, "snip_edges": True}
    return (kaldi_fbank_forward(span, **frames, **options)[0] for span in spans)


def _samples(name: str, given: int | None, sr: float) -> int:
    check_range("kaldi_fbank: sr", sr, above=0, below=inf)
    milliseconds, least = MILLISECONDS[name], 2 if name == "win_length" else 1
    samples = int(sr * milliseconds * 0.001) if given is None else given
    if samples < least:
        at = f", {milliseconds:g} ms at {sr} Hz" if given is None else ""
        raise ValueError(f"kaldi_fbank: {name} is {samples}{at}; expected at least {least}")
    return samples


def _mirror_ends(y: ndarray, ends: tuple[int, int]) -> ndarray:
    """Mirrored samples at both ends, the first and the last among them; or less samples on the left."""
    left, right = ends
    if left <= 0 and right == 0:
        return y[..., -left:]
    before, after = y[..., : max(left, 0)][..., ::-1], y[..., y.shape[-1] - right :][..., ::-1]
    return np.concatenate((before, y[..., max(-left, 0) :], after), axis=-1)


def _mirror_ends_backward(dy: ndarray, ends: tuple[int, int]) -> ndarray:
    left, right = ends
    before, after, end = max(left, 0), max(-left, 0), dy.shape[-1] - right
    T = end - left
    dx = np.zeros_like(dy, shape=(*dy.shape[:-1], T))
    dx[..., after:] = dy[..., before:end]  # forward: y[..., max(-left, 0) :]
    dx[..., :before] += dy[..., :before][..., ::-1]  # forward: y[..., : max(left, 0)][..., ::-1]
    dx[..., T - right :] += dy[..., end:][..., ::-1]  # forward: y[..., y.shape[-1] - right :][..., ::-1]
    return dx
