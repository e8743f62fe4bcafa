"""The discrete Fourier transform of real numbers as a pair."""

from types import ModuleType
from typing import NamedTuple

import numpy as np

from minivit.checked import PRECISION, check_shape, checked
from minivit.ops.input_grad import InputGrad, SpectrumGrad
from minivit.types import Complex, Real, Samples, ndarray


class RfftCache(NamedTuple):
    """What backward needs: how many numbers there were, and of how many the transform is."""

    length: int
    n: int


@checked
def rfft_forward(x: Real[ndarray, "*B W"], *, n: Samples | None = None) -> tuple[Complex[ndarray, "*B F"], RfftCache]:
    """The discrete Fourier transform of real numbers, fast: X_k = sum_n x_n e^(-2 pi i k n / N), k = 0 to N // 2.

    The other half says nothing new, as X_{N-k} is the conjugate of X_k. float32 gives complex64.

    Parameters
    ----------
    x : (..., W)
    n : int, optional
        N. More than W: zeros are added. Less: what is behind is left out. W if not given.

    Returns
    -------
    X : (..., F)
        F = 1 + N // 2.
    cache : RfftCache

    References
    ----------
    Cooley and Tukey 1965, "An algorithm for the machine calculation of complex Fourier series".
    """
    N = x.shape[-1] if n is None else n
    return _code_for(x).rfft(x, N), RfftCache(x.shape[-1], N)


@checked
def rfft_backward(dy: Complex[ndarray, "*B F"], cache: RfftCache) -> InputGrad:
    """Gradient of :func:`rfft_forward`: the adjoint of a matrix is its conjugate transpose.

    With L = Re sum_k conj(dy_k) X_k, dx_n = Re sum_k dy_k e^(2 pi i k n / N), over the bins that there are. The inverse
    transform divides by N, and counts every bin between the edges twice, for its conjugate.
    """
    W, N = cache
    check_shape("rfft_backward: dy", dy, (*dy.shape[:-1], 1 + N // 2))
    dx = _code_for(dy).irfft(dy * (N / _copies(N, dy)), N)  # forward: return _code_for(x).rfft(x, N)
    if W <= N:
        return InputGrad(dx[..., :W])
    return InputGrad(np.pad(dx, ((0, 0),) * (dx.ndim - 1) + ((0, W - N),)))  # formula: what was left out has gradient 0


class IrfftCache(NamedTuple):
    """What backward needs: how many numbers were made."""

    n: int


@checked
def irfft_forward(X: Complex[ndarray, "*B F"], *, n: Samples) -> tuple[Real[ndarray, "*B W"], IrfftCache]:
    """The inverse of :func:`rfft_forward`: x_n = 1/N sum_k X_k e^(2 pi i k n / N), over all N frequencies.

    Those that are not given are the conjugates of those that are. Imaginary parts at the edges, k = 0 and N / 2, where
    real numbers have none, are not looked at.

    Parameters
    ----------
    X : (..., 1 + n // 2)
    n : int
        N; it cannot be told from X, where N and N + 1 have as many bins.

    Raises
    ------
    ValueError
        If there are more bins or less.
    """
    if X.shape[-1] != 1 + n // 2:
        raise ValueError(f"irfft: X has {X.shape[-1]} bins; expected {1 + n // 2} for n = {n}")
    return _code_for(X).irfft(X, n), IrfftCache(n)


@checked
def irfft_backward(dy: Real[ndarray, "*B W"], cache: IrfftCache) -> SpectrumGrad:
    """Gradient of :func:`irfft_forward`: dX_k = c_k / N sum_n dy_n e^(-2 pi i k n / N).

    c_k is how often bin k was counted: between the edges twice, as X_k stands for its conjugate, too.
    """
    (N,) = cache
    check_shape("irfft_backward: dy", dy, (*dy.shape[:-1], N))
    return SpectrumGrad(_code_for(dy).rfft(dy) * (_copies(N, dy) / N))  # forward: return _code_for(X).irfft(X, n)


def _copies(N: int, like: ndarray) -> ndarray:
    """How many of the N frequencies each bin stands for: between the edges for its conjugate, too."""
    copies = np.full(1 + N // 2, 2, PRECISION[like.dtype])
    copies[0] = 1
    if N % 2 == 0:
        copies[-1] = 1
    return copies


def _code_for(x: ndarray) -> ModuleType:
    """The code of scipy, which takes half the time of NumPy's: it transforms as many rows at once as a register holds.

    Arrays without numbers (:mod:`minivit.cost`) answer for themselves to NumPy's functions only.
    """
    if type(x) is not ndarray:
        return np.fft
    from scipy import fft

    return fft
