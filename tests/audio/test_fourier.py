"""The discrete Fourier transform in all its forms against NumPy's, and how many multiplications it takes."""

import numpy as np
import pytest
from scipy.linalg import dft as scipys_matrix

from minivit.audio.fourier import (
    bluestein,
    dft,
    dft_loops,
    dft_matrix,
    dft_multiplications,
    euler,
    fft,
    fft_multiplications,
    ifft,
    irfft_forward,
    rfft_backward,
    rfft_forward,
)

RNG = np.random.default_rng(0)
LENGTHS = [1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 31, 60, 64, 97, 100, 127, 128, 360]


def drawn(*shape):
    return RNG.standard_normal(shape) + 1j * RNG.standard_normal(shape)


@pytest.mark.parametrize("N", LENGTHS)
def test_all_forms_are_equal(N):
    x = drawn(3, N)
    expected = np.fft.fft(x)
    for transform in (dft, fft, bluestein):
        np.testing.assert_allclose(transform(x), expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(transform(x[:, None]), expected[:, None], rtol=0, atol=1e-12)
    np.testing.assert_allclose(ifft(expected), x, rtol=0, atol=1e-13)
    if N < 40:
        np.testing.assert_allclose(dft_loops(x[0]), expected[0], rtol=0, atol=1e-12)


def test_long_transforms_are_as_exact():
    for N in (2**14, 3**9, 10007):
        x = drawn(N)
        np.testing.assert_allclose(fft(x), np.fft.fft(x), rtol=0, atol=1e-10)


@pytest.mark.parametrize("transform", [dft, fft, dft_loops])
def test_real_numbers_are_transformed_in_their_precision(transform):
    x = RNG.standard_normal(6)
    np.testing.assert_allclose(transform(x), np.fft.fft(x), rtol=0, atol=1e-14)
    assert transform(x).dtype == np.complex128
    assert transform(x.astype(np.float32)).dtype == np.complex64
    given = x.astype(np.complex128)
    transform(given)
    np.testing.assert_array_equal(given, x)
    assert not np.shares_memory(transform(given[:1]), given)


def test_the_matrix_is_scipys_and_its_inverse_is_its_conjugate():
    F = dft_matrix(12)
    np.testing.assert_allclose(F, scipys_matrix(12), rtol=0, atol=1e-13)
    np.testing.assert_allclose(F @ F.conj() / 12, np.eye(12), rtol=0, atol=1e-14)
    np.testing.assert_array_equal(F, F.T)


def test_eulers_formula():
    angle = np.linspace(-7, 7, 29)
    np.testing.assert_allclose(euler(angle), np.exp(1j * angle), rtol=0, atol=1e-15)
    assert np.real(euler(np.pi)) == -1


class Counting(np.ndarray):
    """Numbers that count the multiplications that are done with them, number by number."""

    count = 0

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        plain = [np.asarray(each) if isinstance(each, np.ndarray) else each for each in inputs]
        result = getattr(ufunc, method)(*plain, **options)
        if ufunc is np.multiply and any(np.iscomplexobj(each) for each in plain):
            Counting.count += result.size
        return result.view(Counting) if isinstance(result, np.ndarray) else result

    def __array_function__(self, func, types, args, kwargs):
        result = super().__array_function__(func, types, args, kwargs)
        return result.view(Counting) if isinstance(result, np.ndarray) else result


@pytest.mark.parametrize("N", [1, 2, 3, 5, 8, 12, 64, 100, 1024])
def test_multiplications_are_counted_as_they_are_done(N, monkeypatch):
    monkeypatch.setattr(Counting, "count", 0)
    x = drawn(N)
    np.testing.assert_allclose(np.asarray(fft(x.view(Counting))), np.fft.fft(x), rtol=0, atol=1e-11)
    assert Counting.count == fft_multiplications(N)


def test_n_log_n_against_n_squared():
    assert [fft_multiplications(2**k) for k in range(1, 11)] == [k * 2 ** (k - 1) for k in range(1, 11)]
    assert [dft_multiplications(N) for N in (1, 7, 1024)] == [1, 49, 1024**2]
    assert all(fft_multiplications(N) < dft_multiplications(N) for N in range(60, 400, 17))


@pytest.mark.parametrize("n", [None, 1, 4, 7, 8, 12])
def test_real_transforms_are_numpys(n):
    x = RNG.standard_normal((2, 3, 7))
    X, _ = rfft_forward(x, n=n)
    np.testing.assert_allclose(X, np.fft.rfft(x, n), rtol=0, atol=1e-14)
    back, _ = irfft_forward(X, n=n or 7)
    np.testing.assert_allclose(back, np.fft.irfft(np.fft.rfft(x, n), n or 7), rtol=0, atol=1e-15)
    assert rfft_forward(x.astype(np.float32), n=n)[0].dtype == np.complex64
    assert irfft_forward(X.astype(np.complex64), n=n or 7)[0].dtype == np.float32


@pytest.mark.parametrize("N", [1, 2, 5, 6])
def test_the_adjoint_is_the_conjugate_transpose(N):
    F = dft_matrix(N)[: 1 + N // 2]
    dy = drawn(1 + N // 2)
    _, cache = rfft_forward(np.zeros(N))
    np.testing.assert_allclose(rfft_backward(dy, cache).x, (F.conj().T @ dy).real, rtol=0, atol=1e-14)


def test_imaginary_parts_of_the_edges_are_not_looked_at():
    X = drawn(4)
    edges = X.copy()
    edges[[0, -1]] = edges[[0, -1]].real
    np.testing.assert_allclose(irfft_forward(X, n=6)[0], irfft_forward(edges, n=6)[0], rtol=0, atol=1e-16)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rfft_forward(np.zeros(0)), ValueError, r"rfft: x has shape \(0,\); expected \(\.\.\., W\), with W at"),
        (lambda: rfft_forward(np.zeros(3), n=0), ValueError, "rfft: n is 0; expected at least 1"),
        (lambda: rfft_forward(np.zeros(3), n=10**12), ValueError, "rfft: n is 1000000000000; expected .* at most"),
        (lambda: rfft_forward(drawn(3)), TypeError, "rfft: x has dtype complex128; expected float32 or float64"),
        (
            lambda: irfft_forward(np.zeros(3), n=4),
            TypeError,
            "irfft: X has dtype float64; expected complex64 or complex",
        ),
        (lambda: irfft_forward(drawn(3), n=6), ValueError, "irfft: X has 3 bins; expected 4 for n = 6"),
        (lambda: dft(np.zeros(9000)), ValueError, "dft_matrix: N is 9000; expected at least 1 and at most 8192"),
        (lambda: fft(np.zeros(0)), ValueError, r"fft: x has shape \(0,\); expected .* W at least 1"),
        (lambda: fft(np.zeros(4, int)), TypeError, "fft: x has dtype int64; expected float32 or float64"),
    ],
)
def test_what_cannot_be_transformed_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_no_rows_make_none():
    assert rfft_forward(np.zeros((0, 5)))[0].shape == (0, 3)
    assert fft(np.zeros((0, 6))).shape == (0, 6)


def test_euler_of_small_integers_has_all_its_digits():
    np.testing.assert_array_equal(euler(np.arange(5, dtype=np.uint8)), euler(np.arange(5.0)), strict=True)
    with pytest.raises(TypeError, match="euler: angle has dtype <U1"):
        euler(np.array(["a"]))
