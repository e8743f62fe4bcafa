"""Back to sound: a wave from what its spectrogram or its mel spectrogram has kept of it."""

from collections.abc import Callable
from math import inf
from typing import Any, NamedTuple

import numpy as np

from minivit.audio.mel import mel_filterbank
from minivit.audio.stft import istft_forward, stft_forward
from minivit.checked import check_range, checked
from minivit.types import Count, Positive, Real, Samples, ndarray


class Inverted(NamedTuple):
    """A wave, and how far its features were from those wanted, before the first step and after each."""

    y: Real[ndarray, "*B T"]
    convergence: Real[ndarray, " I"]
    """:func:`spectral_convergence`, in float64; the last is that of y."""


@checked
def spectral_convergence(found: Real[ndarray, "..."], wanted: Real[ndarray, "..."]) -> float:
    r"""The length of what is wrong, in parts of the length of what is wanted: :math:`\|A - S\|_F / \|S\|_F`.

    0 is perfect. If nothing is wanted, it is 0 where nothing is found, and else infinite.

    Source: Sturmel and Daudet 2011, "Signal reconstruction from STFT magnitude: a state of the art".
    """
    if found.shape != wanted.shape:
        raise ValueError(f"spectral_convergence: found has shape {found.shape}; expected {wanted.shape}, as wanted")
    wrong, length = _length(found - wanted), _length(wanted)
    return wrong / length if length else (wrong and wrong * inf)  # not a number stays none


def _length(x: ndarray) -> float:
    """The root of the sum of squares, added up in float64 without a copy of all numbers."""
    numbers = x.reshape(-1)
    return float(np.sqrt(np.einsum("i,i->", numbers, numbers, dtype=np.float64)))


@checked
def griffinlim(
    S: Real[ndarray, "*B F N"],
    *,
    n_iter: Count = 32,
    hop_length: Positive | None = None,
    win_length: Samples | None = None,
    n_fft: Samples | None = None,
    window: str = "hann",
    center: bool = True,
    length: Positive | None = None,
    pad_mode: str = "constant",
    momentum: float = 0.99,
    init: str | None = "random",
    seed: Count = 0,
) -> Inverted:
    r"""A wave whose spectrogram is nearly this one: the phases, which a spectrogram has lost, are guessed and mended.

    .. math::
        c_i &= \mathrm{STFT}(\mathrm{ISTFT}(S\, e^{i \angle t_{i-1}})) \\
        t_i &= c_i + \alpha\, (c_i - c_{i-1})

    Few complex matrices are the transform of any wave, because frames overlap: what one of them says of a sample, its
    neighbours must say too. The first line goes to the nearest matrix that is one, and from there to the nearest with
    sizes S, by keeping its phases. Neither step can lead away, so without momentum (:math:`\alpha = 0`, Griffin and
    Lim) the error never grows. With momentum it may, but falls faster and further.

    It is gradient descent in disguise: a step without momentum moves sample y[i] by -1 / (n_fft s[i]) of its gradient,
    where s[i] is the sum of squared windows there, and the loss half of the sum of :math:`(|X_{kt}| - S_{kt})^2` over
    all n_fft frequencies. Alpha is the momentum of Nesterov's accelerated descent.

    Parameters
    ----------
    S : (..., F, N)
        Magnitudes :math:`|X|`, not their squares.
    n_iter : int
        Steps; each costs an STFT and an inverse. With 0, the wave of the phases at the start.
    hop_length, win_length, n_fft, window, center, pad_mode
        As S was made by :func:`minivit.audio.stft.stft_forward`; n_fft = 2 (F - 1) if not given.
    length : int, optional
        Samples of the wave, where they are known: those of N frames are within one hop.
    momentum : float
        :math:`\alpha`, at least 0; above 1 it does not settle.
    init : "random" or None
        The phases at the start: drawn, or all zero. (All zero is a click at the beginning of every frame, of which the
        window leaves little.)
    seed : int
        What random phases are drawn from; librosa's ``random_state``, which without one draws others every time.

    Raises
    ------
    ValueError
        If S is not finite and at least 0, or has not as many frames as ``length`` has; or as
        :func:`minivit.audio.stft.istft_forward`.

    References
    ----------
    Griffin and Lim 1984, "Signal estimation from modified short-time Fourier transform", section III.
    Perraudin, Balazs and Soendergaard 2013, "A fast Griffin-Lim algorithm", algorithm 2.
    """
    _check_sizes("griffinlim: S", S)
    check_range("griffinlim: momentum", momentum, at_least=0, below=inf)
    if init not in ("random", None):
        raise ValueError(f"griffinlim: init is {init!r:.100}; expected 'random' or None")
    *_, F, N = S.shape
    if center and N == 1 and length is None:
        raise ValueError("griffinlim: S has a single frame, of which the middle is at sample 0; expected a length")
    n_fft = 2 * (F - 1) or 1 if n_fft is None else n_fft
    cut: Any = {"n_fft": n_fft, "hop_length": hop_length, "win_length": win_length, "center": center}

    def there_and_back(X: ndarray) -> tuple[ndarray, ndarray]:
        y, _ = istft_forward(X, window, length=length, **cut)
        return y, stft_forward(y, window, pad_mode=pad_mode, **cut)[0]

    turns = np.random.default_rng(seed).random(S.shape) if init else np.zeros(S.shape)
    y, c = there_and_back(S * np.exp(2j * np.pi * turns).astype(np.result_type(S.dtype, np.complex64)))
    if c.shape != S.shape:
        raise ValueError(f"griffinlim: a wave of {length} samples has {c.shape[-1]} frames; expected {N}, as S has")
    before, convergence = np.zeros_like(c), [spectral_convergence(np.abs(c), S)]
    for _ in range(n_iter):
        t = c - momentum / (1 + momentum) * before  # (1 + alpha) times smaller than above, which no phase feels
        before = c
        y, c = there_and_back(t * (S / np.maximum(np.abs(t), np.finfo(S.dtype).tiny)))
        convergence.append(spectral_convergence(np.abs(c), S))
    return Inverted(y, np.array(convergence))


@checked
def invert_by_gradient(
    target: Real[ndarray, "..."],
    y: Real[ndarray, "*B T"],
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *,
    n_iter: Count = 200,
    lr: float = 3e-3,
) -> Inverted:
    r"""A wave with these features, whatever they are: gradient descent on the samples, through the features' backward.

    .. math:: L(y) = \tfrac{1}{2} \sum (\mathrm{forward}(y) - \mathrm{target})^2,
        \qquad \frac{\partial L}{\partial y} = \mathrm{backward}(\mathrm{forward}(y) - \mathrm{target})

    Griffin-Lim knows one kind of features, the sizes of an STFT; this takes any pair: a log-mel layer, say. A wave has
    all its samples for weights, and Adam takes the steps, shorter and shorter ones, down to none. The loss has many
    minima, as two waves with one spectrogram need not be near each other: begin at a wave of :func:`griffinlim` where
    there is one, or with a little noise.

    >>> import numpy as np, minivit as mv
    >>> layer = mv.layers.LogMel(sr=16000, n_fft=1024, n_mels=80)
    >>> target, _ = layer.forward(np.sin(np.arange(2048) / 20))
    >>> start = 0.01 * np.random.default_rng(0).standard_normal(2048)
    >>> found = mv.audio.invert_by_gradient(target, start, layer.forward, layer.backward, n_iter=20)
    >>> found.y.shape, found.convergence.shape
    ((2048,), (21,))

    Parameters
    ----------
    target : array
        The features wanted.
    y : (..., T)
        The wave to begin with, which is left as it is. From silence, no gradient leads away.
    forward : function
        y -> features, cache.
    backward : function
        dfeatures, cache -> the gradient of y, or several gradients of which it is the first.
    lr : float
        How far the first step moves a sample: a hundredth of the largest one in the wave is good for log-mel features,
        a few hundredths for the sizes of an STFT.

    Raises
    ------
    ValueError
        If the features have another shape than the target, or the error stops being a number.

    References
    ----------
    Kingma and Ba 2015, "Adam", algorithm 1, as in :func:`minivit.train.optim.adam_update`.
    Decorsiere et al. 2015, "Inversion of auditory spectrograms, traditional spectrograms, and other envelope
    representations", who take another descent (L-BFGS).
    """
    check_range("invert_by_gradient: lr", lr, above=0, below=inf)
    beta1, beta2 = 0.9, 0.999
    m, v, convergence = np.zeros(y.shape), np.zeros(y.shape), []  # float64: squares of a soft wave's gradient are small
    for step in range(n_iter + 1):
        features, cache = forward(y)
        if features.shape != target.shape:
            raise ValueError(f"invert_by_gradient: target has shape {target.shape}; the features {features.shape}")
        convergence.append(spectral_convergence(features, target))
        if not convergence[-1] < inf:
            raise ValueError(
                f"invert_by_gradient: the error is {convergence[-1]} after {step} steps; expected a number"
            )
        if step < n_iter:
            grads = backward(features - target, cache)
            dy = (grads if isinstance(grads, ndarray) else grads[0]).astype(np.float64, copy=False)
            m = beta1 * m + (1 - beta1) * dy
            v = beta2 * v + (1 - beta2) * (dy * dy)
            root = np.sqrt(v / (1 - beta2 ** (step + 1))) + np.finfo(np.float64).tiny
            rate = lr * (1 - step / n_iter) / (1 - beta1 ** (step + 1))
            y = y - (rate * (m / root)).astype(y.dtype)
    return Inverted(y, np.array(convergence))


@checked
def mel_to_stft(
    M: Real[ndarray, "*B M N"],
    *,
    sr: float = 22050,
    n_fft: Samples = 2048,
    power: float = 2.0,
    n_iter: Count = 100,
    fmin: float = 0.0,
    fmax: float | None = None,
    htk: bool = False,
    norm: str | None = "slaney",
) -> Real[ndarray, "*B F N"]:
    r"""Magnitudes whose mel spectrogram is this one: non-negative least squares, frame by frame.

    .. math:: \min_{P \ge 0} \tfrac{1}{2} \| W P - M \|^2, \qquad |X| = P^{1 / \mathrm{power}}

    A mel filter has summed many frequencies, so many P are as good. An exact solver of such a problem
    (``scipy.optimize.nnls``) finds one with as few frequencies as possible, single tones that nobody played. Here
    gradient descent begins at the smallest P of all, without its negative parts, and finds one nearby, which is
    smooth: steps of length 1 / ||W||^2, what becomes negative is set to 0, with Nesterov's momentum, which a frame
    loses when it leads it uphill. (librosa begins alike and lets L-BFGS go on, which ends sooner: of the vowels of
    :func:`minivit.audio.voice.vowel` in 80 bands with an error of 4 %, this one after 100 steps with 0.2 %.)

    Parameters
    ----------
    M : (..., M, N)
        A mel spectrogram, not in decibels.
    sr, n_fft, fmin, fmax, htk, norm
        As :func:`minivit.audio.mel.mel_filterbank` made W.
    power : float
        Of the magnitudes that were summed: 2, or 1.
    n_iter : int
        Steps.

    Returns
    -------
    S : (..., F, N)
        Magnitudes, for :func:`griffinlim`.

    Raises
    ------
    ValueError
        If M is not finite and at least 0, or all filters are empty; or as :func:`minivit.audio.mel.mel_filterbank`.

    References
    ----------
    Beck and Teboulle 2009, "A fast iterative shrinkage-thresholding algorithm for linear inverse problems".
    O'Donoghue and Candes 2015, "Adaptive restart for accelerated gradient schemes", section 3.2.
    """
    from scipy.sparse import csr_array

    _check_sizes("mel_to_stft: M", M)
    check_range("mel_to_stft: power", power, above=0, below=inf)
    bank = mel_filterbank(sr=sr, n_fft=n_fft, n_mels=M.shape[-2], fmin=fmin, fmax=fmax, htk=htk, norm=norm)
    W, transposed = csr_array(bank.astype(M.dtype)), csr_array(bank.T.astype(M.dtype))
    wanted = np.moveaxis(M, -2, 0).reshape(len(bank), -1)  # (M, frames of all waves)
    loud = np.maximum(wanted.max(0), np.finfo(M.dtype).tiny)  # each as loud as 1: squares of small numbers would be 0
    wanted = wanted / loud
    strongest = float(np.linalg.norm(bank, 2)) ** 2
    if not np.finfo(M.dtype).tiny < strongest < np.finfo(M.dtype).max:
        highest = sr / 2 if fmax is None else fmax
        raise ValueError(
            f"mel_to_stft: no filter from fmin, {fmin:g} Hz, to fmax, {highest:g} Hz, lets anything through that "
            f"can be counted; expected a band that has some of the frequencies, {sr / n_fft:g} Hz apart"
        )
    step = np.asarray(1 / strongest, M.dtype)
    P = np.maximum(np.linalg.pinv(bank).astype(M.dtype) @ wanted, 0)
    z, age = P, np.ones(P.shape[1], M.dtype)
    for _ in range(n_iter):
        after = np.maximum(z - step * (transposed @ (W @ z - wanted)), 0)
        older = (1 + np.sqrt(1 + 4 * age * age)) / 2
        uphill = np.einsum("fn,fn->n", z - after, after - P) > 0
        z = after + np.where(uphill, 0, (age - 1) / older).astype(M.dtype) * (after - P)
        P, age = after, np.where(uphill, 1, older).astype(M.dtype)
    S = ((P * loud) ** np.asarray(1 / power, M.dtype)).reshape(bank.shape[1], *M.shape[:-2], M.shape[-1])
    return np.ascontiguousarray(np.moveaxis(S, 0, -2))


def _check_sizes(name: str, sizes: ndarray) -> None:
    if not (sizes >= 0).all() or np.isinf(sizes).any():
        bad = sizes[~((sizes >= 0) & (sizes < inf))].flat[0]
        raise ValueError(f"{name} has {bad} in it; expected finite numbers from 0 on")
