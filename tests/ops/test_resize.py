import numpy as np
import pytest

from minivit.ops import cubic_kernel, resize_forward, resize_matrix

OPTIONS = [
    {"mode": mode, **more}
    for mode in ("bilinear", "bicubic")
    for more in ({}, {"antialias": True}, {"align_corners": True})
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize(("old", "new"), [(5, 11), (11, 5), (7, 7), (1, 3), (3, 1)])
def test_rows_sum_to_one(old, new, options):
    matrix = resize_matrix(old, new, **options)
    assert matrix.shape == (new, old)
    np.testing.assert_allclose(matrix.sum(1), 1, rtol=1e-12)


@pytest.mark.parametrize("options", OPTIONS)
def test_same_size_is_the_identity(options):
    np.testing.assert_allclose(resize_matrix(6, 6, **options), np.eye(6), atol=1e-15)


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_aligned_corners_stay(mode):
    matrix = resize_matrix(4, 9, mode=mode, align_corners=True)
    np.testing.assert_allclose(matrix[[0, -1]], np.eye(4)[[0, -1]], atol=1e-15)


@pytest.mark.parametrize("options", OPTIONS)
def test_mirror_image(options):
    matrix = resize_matrix(5, 8, **options)
    np.testing.assert_allclose(matrix, matrix[::-1, ::-1], atol=1e-14)


def test_known_bilinear_weights():
    expected = [[1, 0], [0.75, 0.25], [0.25, 0.75], [0, 1]]
    np.testing.assert_allclose(resize_matrix(2, 4), expected)


def test_known_bicubic_weights_half_way():
    np.testing.assert_allclose(resize_matrix(8, 4, mode="bicubic")[1, 1:5], [-0.09375, 0.59375, 0.59375, -0.09375])


@pytest.mark.parametrize("a", [-0.5, -0.75])
def test_keys_kernel(a):
    np.testing.assert_allclose(cubic_kernel(np.arange(-3.0, 4.0), a), np.arange(-3, 4) == 0, atol=1e-15)
    t = np.linspace(-3, 3, 61)
    np.testing.assert_array_equal(cubic_kernel(t, a), cubic_kernel(-t, a))
    slopes = (cubic_kernel(np.array([1.0, 1.0 + 1e-6]), a) - cubic_kernel(np.array([1.0 - 1e-6, 1.0]), a)) / 1e-6
    np.testing.assert_allclose(slopes, a, rtol=1e-4)
    assert cubic_kernel(np.array([0.3], np.float32), a).dtype == np.float32


def test_halving_with_antialias_counts_every_pixel():
    assert (resize_matrix(8, 2, antialias=True) > 0).sum(0).all()
    assert not (resize_matrix(8, 2) > 0).sum(0).all()


def test_rows_and_columns_are_not_confused():
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 4))
    y, _ = resize_forward(x, size=(6, 7))
    expected = np.einsum("iy,jx,byxc->bijc", resize_matrix(3, 6), resize_matrix(5, 7), x)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 3, "mode": "nearest"}, 'mode is \'nearest\'; expected "bilinear" or "bicubic"'),
        ({"size": (3, 0)}, r"size is \(3, 0\); expected at least 1"),
        ({"size": 3, "antialias": True, "align_corners": True}, "antialias and align_corners exclude each other"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        resize_forward(np.zeros((1, 2, 2, 1)), **options)
