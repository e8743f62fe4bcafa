"""The short-time Fourier transform against its definition and scipy's, and the way back."""

import numpy as np
import pytest
import scipy.signal

import minivit as mv
from minivit.audio import stft as module
from minivit.audio.stft import istft_backward, istft_forward, stft_backward, stft_forward
from minivit.audio.windows import get_window

RNG = np.random.default_rng(0)


def by_definition(y, w, n_fft, hop):
    """One number after the other, of a wave whose ends are filled up already."""
    N = 1 + (len(y) - n_fft) // hop
    n = np.arange(n_fft)
    return np.array(
        [
            [(w * y[t * hop : t * hop + n_fft] * np.exp(-2j * np.pi * k * n / n_fft)).sum() for t in range(N)]
            for k in range(1 + n_fft // 2)
        ]
    )


@pytest.mark.parametrize(("n_fft", "hop", "win"), [(8, 2, 8), (9, 4, 6), (8, 11, 5), (1, 1, 1)])
@pytest.mark.parametrize("pad_mode", ["constant", "reflect"])
@pytest.mark.parametrize("center", [True, False])
def test_each_number_is_that_of_the_definition(n_fft, hop, win, pad_mode, center):
    y, w = RNG.standard_normal((2, 23)), RNG.standard_normal(win)
    X, _ = stft_forward(y, w, n_fft=n_fft, hop_length=hop, win_length=win, center=center, pad_mode=pad_mode)
    before = (n_fft - win) // 2
    whole = np.pad(w, (before, n_fft - win - before))
    padded = np.pad(y, ((0, 0), (n_fft // 2, n_fft // 2)), pad_mode) if center else y
    np.testing.assert_allclose(X, [by_definition(row, whole, n_fft, hop) for row in padded], rtol=0, atol=1e-12)


def test_frames_are_scipys():
    """Whose ends are filled up by zeros as well, and which divides by the sum of the window."""
    y = RNG.standard_normal(400)
    theirs = scipy.signal.stft(y, window="hamming", nperseg=64, noverlap=48, boundary="zeros", padded=False)[2]
    X, _ = stft_forward(y, "hamming", n_fft=64, hop_length=16)
    np.testing.assert_allclose(X / get_window("hamming", 64).sum(), theirs, rtol=0, atol=1e-14)


def test_defaults_are_librosas():
    y = RNG.standard_normal(6000)
    X, _ = stft_forward(y)
    again, _ = stft_forward(
        y, window="hann", n_fft=2048, hop_length=512, win_length=2048, center=True, pad_mode="constant"
    )
    np.testing.assert_array_equal(X, again)
    assert X.shape == (1025, 1 + 6000 // 512)
    assert stft_forward(y, n_fft=512, win_length=400)[0].shape == (257, 1 + 6000 // 100)
    assert stft_forward(y[:5], n_fft=3)[0].shape == (2, 5)  # 3 // 4 of a sample is one


def test_blocks_of_any_size_give_the_same(monkeypatch):
    y = RNG.standard_normal((3, 300)).astype(np.float32)
    whole, _ = stft_forward(y, n_fft=16, hop_length=4)
    monkeypatch.setattr(module, "BLOCK", 1)
    one_by_one, _ = stft_forward(y, n_fft=16, hop_length=4)
    np.testing.assert_allclose(one_by_one, whole, rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_stays(dtype):
    y = RNG.standard_normal((2, 100)).astype(dtype)
    X, cache = stft_forward(y, n_fft=16)
    back, back_cache = istft_forward(X, length=100)
    assert (PRECISION := np.dtype(dtype)) == back.dtype == stft_backward(X, cache).y.dtype
    assert X.dtype == istft_backward(back, back_cache).stft_matrix.dtype == np.result_type(PRECISION, np.complex64)


PERFECT = [
    ("hann", 64, 64, 16),
    ("hann", 64, 64, 32),
    ("hann", 64, 40, 10),
    ("hann", 65, 65, 16),
    ("hamming", 64, 64, 48),
    ("blackman", 64, 64, 16),
    ("rectangular", 64, 64, 32),
    ("hann", 2048, 2048, 512),
]


@pytest.mark.parametrize(("window", "n_fft", "win", "hop"), PERFECT)
@pytest.mark.parametrize("pad_mode", ["constant", "reflect"])
@pytest.mark.parametrize("T", [4096, 4999])
def test_reconstruction_is_perfect(window, n_fft, win, hop, pad_mode, T):
    y = RNG.standard_normal((2, T))
    cut = {"n_fft": n_fft, "win_length": win, "hop_length": hop}
    X, _ = stft_forward(y, window, **cut, pad_mode=pad_mode)
    back, _ = istft_forward(X, window, **cut, length=T)
    np.testing.assert_allclose(back, y, rtol=0, atol=1e-12)
    shorter, _ = istft_forward(X, window, **cut)
    np.testing.assert_allclose(shorter, y[:, : shorter.shape[-1]], rtol=0, atol=1e-12)
    assert T - hop < shorter.shape[-1] + n_fft % 2 <= T + 1


def test_reconstruction_without_filled_up_ends():
    y = RNG.standard_normal(200)
    X, _ = stft_forward(y, "hamming", n_fft=16, hop_length=8, center=False)
    back, _ = istft_forward(X, "hamming", hop_length=8, center=False)
    np.testing.assert_allclose(back, y, rtol=0, atol=1e-12)


def test_what_is_no_transform_gives_the_nearest_wave():
    """Least squares: at the wave that comes out, the distance has no slope."""
    X = RNG.standard_normal((9, 12)) + 1j * RNG.standard_normal((9, 12))
    X[[0, -1]] = X[[0, -1]].real
    cut = {"n_fft": 16, "hop_length": 4, "center": False}
    y, _ = istft_forward(X, "hamming", **cut)
    there, cache = stft_forward(y, "hamming", **cut)
    twice = np.r_[1, np.full(7, 2), 1][:, None]  # all frequencies count, also those that are not stored
    np.testing.assert_allclose(stft_backward(twice * (there - X), cache).y, 0, atol=1e-12)


@pytest.mark.parametrize(
    ("window", "options", "message"),
    [
        (
            "hann",
            {"hop_length": 16},
            "do not overlap-add: they leave nothing of sample 8 of 176; expected a smaller hop",
        ),
        ("hamming", {"hop_length": 20}, "windows of 16 samples, 20 apart, do not overlap-add"),
        ("hamming", {"hop_length": 10**15}, "windows of 16 samples, 1000000000000000 apart, .* nothing of sample 8;"),
        ("hann", {"hop_length": 8, "center": False}, r"nothing of sample 0 of .*, or center=True"),
        (np.zeros(16), {"hop_length": 4}, "do not overlap-add"),
        (np.full(16, np.nan), {"hop_length": 4}, "do not overlap-add"),
        ("hann", {"hop_length": 4, "length": 1000}, "length is 1000; expected at most 52, what 12 frames cover"),
    ],
)
def test_windows_that_do_not_overlap_add_are_refused(window, options, message):
    X = np.zeros((9, 12), np.complex128)
    with pytest.raises(ValueError, match=f"istft: .*{message}"):
        istft_forward(X, window, **options)


@pytest.mark.parametrize(
    ("y", "options", "error", "message"),
    [
        (np.zeros(0), {}, ValueError, r"stft: y has shape \(0,\); expected \(\.\.\., T\), with T at least 1 samples"),
        (
            np.zeros(7),
            {"n_fft": 8, "center": False},
            ValueError,
            r"stft: y has shape \(7,\); expected .* at least 8 samples",
        ),
        (
            np.zeros(4),
            {"n_fft": 8, "pad_mode": "reflect"},
            ValueError,
            "y has 4 samples; expected more than 4 to be refl",
        ),
        (np.zeros(9), {"n_fft": 8, "win_length": 9}, ValueError, "stft: win_length is 9; expected at most n_fft, 8"),
        (np.zeros(9), {"n_fft": 0}, ValueError, "stft: n_fft is 0; expected at least 1"),
        (np.zeros(9), {"n_fft": 2**40}, ValueError, "stft: n_fft is 1099511627776; expected .* at most 16777216"),
        (np.zeros(9), {"hop_length": 0}, ValueError, "stft: hop_length is 0; expected at least 1"),
        (np.zeros(9), {"window": "hannn"}, ValueError, "window is 'hannn'; expected one of"),
        (np.zeros(9), {"window": 3}, TypeError, "stft: window is 3, of type int; expected a NumPy array or a name"),
        (np.zeros(9), {"window": np.ones(8, np.float32)}, TypeError, "stft: window is of float32, but y of float64"),
        (np.zeros(9), {"window": np.ones(7), "n_fft": 8}, ValueError, r"window has shape \(7,\); expected \(8,\)"),
        (np.zeros(9, int), {}, TypeError, "stft: y has dtype int64; expected float32 or float64"),
        (np.zeros(9, complex), {}, TypeError, "stft: y has dtype complex128; expected float32 or float64"),
        (np.array(1.0), {}, ValueError, r"stft: y has shape \(\); expected \(\.\.\., T\)"),
    ],
)
def test_a_wave_that_cannot_be_cut_is_refused(y, options, error, message):
    with pytest.raises(error, match=message):
        stft_forward(y, **options)


@pytest.mark.parametrize(
    ("shape", "options", "message"),
    [
        ((5, 0), {}, r"stft_matrix has shape \(5, 0\); expected \(\.\.\., 5, N\) for n_fft = 8, with N at least 1"),
        ((1, 3), {}, r"stft_matrix has shape \(1, 3\)"),
        ((5, 3), {"n_fft": 11}, r"expected \(\.\.\., 6, N\) for n_fft = 11"),
        ((5, 3), {"win_length": 9}, "istft: win_length is 9; expected at most n_fft, 8"),
    ],
)
def test_a_spectrum_that_is_none_is_refused(shape, options, message):
    with pytest.raises(ValueError, match=message):
        istft_forward(np.zeros(shape, np.complex64), **options)


def test_silence_and_a_hop_larger_than_the_window():
    X, _ = stft_forward(np.zeros(50), n_fft=8, hop_length=20)
    assert X.shape == (5, 3)
    assert not X.any()


def test_nan_stays_in_its_frames():
    y = RNG.standard_normal(100)
    y[50] = np.nan
    bad = np.isnan(stft_forward(y, n_fft=8, hop_length=4)[0]).all(0)
    assert np.flatnonzero(bad).tolist() == [12, 13]


def test_leading_axes_and_layouts_do_not_matter():
    y = RNG.standard_normal((3, 2, 60))
    X, _ = stft_forward(y, n_fft=8, hop_length=3)
    for i in np.ndindex(3, 2):
        np.testing.assert_allclose(X[i], stft_forward(y[i], n_fft=8, hop_length=3)[0], rtol=0, atol=1e-14)
    turned = np.asfortranarray(y)
    np.testing.assert_array_equal(stft_forward(turned, n_fft=8, hop_length=3)[0], X)
    np.testing.assert_array_equal(
        istft_forward(np.ascontiguousarray(X), hop_length=3)[0], istft_forward(X, hop_length=3)[0]
    )


def test_a_name_keeps_no_frames():
    """What backward needs of a long wave is little, unless the window has a gradient."""
    y = RNG.standard_normal(10_000)
    _, by_name = stft_forward(y, "hann", n_fft=64)
    _, own = stft_forward(y, get_window("hann", 64), n_fft=64)
    assert mv.nbytes(by_name) == 64 * 8
    assert mv.nbytes(own) == (64 + 10_064) * 8
    assert stft_backward(stft_forward(y, n_fft=64)[0], by_name).window is None


def test_the_gradient_of_a_window_keeps_its_digits_in_a_long_wave():
    """Each of 75,000 frames has a part in it: added one by one in float32, 9e-6 and 3e-5 of it would be wrong."""
    y, w = 0.5 + RNG.standard_normal(600_000), get_window("hann", 32)
    dX = 1 + 0.1 * RNG.standard_normal((17, 75_001, 2)).view(complex)[..., 0]
    grads = {}
    for real, whole in ((np.float32, np.complex64), (np.float64, np.complex128)):
        options = {"window": w.astype(real), "hop_length": 8}
        X, cache = stft_forward(y.astype(real), n_fft=32, **options)
        found, c_inverse = istft_forward(X, length=len(y), **options)
        dy = np.sign(y).astype(real)
        assert found.shape == dy.shape
        grads[real] = stft_backward(dX.astype(whole), cache).window, istft_backward(dy, c_inverse).window
    for short, long in zip(*grads.values(), strict=True):
        assert short is not None
        assert long is not None
        assert np.abs(short - long).max() < 2e-6 * np.abs(long).max()
