"""The discrete Fourier transform: as it is defined, by hand in N log N steps, and fast, of real numbers, as a pair."""

from types import ModuleType
from typing import Annotated, NamedTuple

import numpy as np

from minivit.checked import PRECISION, check_shape, checked, real_numbers
from minivit.ops.input_grad import InputGrad, SpectrumGrad
from minivit.types import Complex, Float, Positive, Range, Real, Samples, ndarray

MatrixSize = Annotated[int, Range(at_least=1, at_most=2**13)]  # of which the matrix has a gibibyte


@checked
def euler(angle: float | ndarray) -> Complex[ndarray, "..."]:
    """The point of the unit circle at an angle: e^(i angle) = cos(angle) + i sin(angle), Euler's formula."""
    numbers = real_numbers("euler: angle", angle)
    return np.asarray(np.cos(numbers) + 1j * np.sin(numbers))


@checked
def dft_loops(x: Float[ndarray, "W"]) -> Complex[ndarray, "W"]:
    """The discrete Fourier transform as it is defined: X_k = sum over n of x_n e^(-2 pi i k n / N).

    X_k is how much of a wave there is that turns k times in N samples, and where in its turn it begins.
    """
    N = len(x)
    X = np.zeros(N, np.result_type(x, np.complex64))
    for k in range(N):
        for n in range(N):
            X[k] += x[n] * euler(-2 * np.pi * (k * n % N) / N)
    return X


@checked
def dft_matrix(N: MatrixSize) -> Complex[ndarray, "W W"]:
    """The matrix of the transform, F_kn = e^(-2 pi i k n / N): X = F x. Its inverse is conj(F) / N.

    There are N different numbers in it, the N-th roots of 1: after N steps the circle is round.

    Raises
    ------
    ValueError
        If N is less than 1, or more than 2^13: there would be more than 2^26 numbers.
    """
    k = np.arange(N)
    return euler(-2 * np.pi / N * k)[k[:, None] * k % N]


@checked
def dft(x: Float[ndarray, "*B W"]) -> Complex[ndarray, "*B W"]:
    """The discrete Fourier transform of the last axis, by the matrix: N^2 multiplications.

    Raises
    ------
    ValueError
        If there are more than 2^13 numbers, whose matrix has 2^26.
    """
    return x @ dft_matrix(x.shape[-1]).astype(np.result_type(x, np.complex64), copy=False)


@checked
def fft(x: Float[ndarray, "*B W"]) -> Complex[ndarray, "*B W"]:
    """The discrete Fourier transform of the last axis, by hand and of any length, with about N log N multiplications.

    Of an even number, those at even places are transformed, and those at odd ones (both at once, as two rows). X_k then
    is their sum, the latter turned by k / N of a circle, and X_{k + N/2} their difference, as half a circle is -1. An
    odd number that is left is a convolution (:func:`bluestein`), done by transforms whose length is a power of 2.

    References
    ----------
    Cooley and Tukey 1965, "An algorithm for the machine calculation of complex Fourier series".
    """
    *B, N = x.shape
    x = x.astype(np.result_type(x, np.complex64), copy=False)
    if N == 1:
        return x.copy()
    if N % 2:
        return bluestein(x)
    halves = fft(x.reshape(*B, N // 2, 2).swapaxes(-1, -2))
    even, odd = halves[..., 0, :], halves[..., 1, :] * euler(-2 * np.pi / N * np.arange(N // 2)).astype(x.dtype)
    return np.concatenate([even + odd, even - odd], axis=-1)


@checked
def bluestein(x: Complex[ndarray, "*B W"]) -> Complex[ndarray, "*B W"]:
    """The discrete Fourier transform of any length as a convolution.

    With k n = (k^2 + n^2 - (k - n)^2) / 2 and the chirp c_n = e^(pi i n^2 / N):
    X_k = conj(c_k) sum over n of (x_n conj(c_n)) c_{k - n}, which transforms of a longer length M >= 2 N - 1 turn into
    a product.

    References
    ----------
    Bluestein 1970, "A linear filtering approach to the computation of discrete Fourier transform".
    """
    N = x.shape[-1]
    M = power_of_two(2 * N - 1)
    n = np.arange(N)
    chirp = euler(np.pi / N * (n * n % (2 * N))).astype(x.dtype)  # n^2 modulo two turns of half a circle: exact
    a = np.zeros_like(x, shape=(*x.shape[:-1], M), order="C")
    a[..., :N] = x * chirp.conj()
    b = np.zeros_like(x, shape=M)
    b[:N], b[M - N + 1 :] = chirp, chirp[:0:-1]  # c_{-n} = c_n, and negative places are those at the end
    X = fft((fft(a) * fft(b)).conj()).conj() / M  # the inverse transform of the product
    return X[..., :N] * chirp.conj()


@checked
def ifft(X: Complex[ndarray, "*B W"]) -> Complex[ndarray, "*B W"]:
    """The inverse of :func:`fft`: x_n = 1/N sum over k of X_k e^(2 pi i k n / N), which turns the other way."""
    return fft(X.conj()).conj() / X.shape[-1]


@checked
def dft_multiplications(N: Samples) -> int:
    """Multiplications of complex numbers in :func:`dft`: N^2."""
    return N * N


@checked
def fft_multiplications(N: Samples) -> int:
    """Multiplications of complex numbers in :func:`fft`: N / 2 log2 N where N is a power of 2.

    Each halving has N / 2. Where an odd m is left, the power of 2 M is at least 2 m - 1: each of the N / m rows has
    two transforms of M, the product in between, and the chirp before and after; and one transform is the chirp's.
    """
    rows = N & -N  # the largest power of 2 that divides it
    m, halvings = N // rows, (rows - 1).bit_length()
    if m == 1:
        return halvings * N // 2
    M = power_of_two(2 * m - 1)
    return halvings * N // 2 + rows * (2 * fft_multiplications(M) + M + 2 * m) + fft_multiplications(M)


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


@checked
def power_of_two(least: Positive) -> int:
    """The smallest power of 2 that is not below ``least``."""
    return 1 << (least - 1).bit_length()
