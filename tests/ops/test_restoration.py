"""Ops that make maps larger, beside their definitions; measures of images, and what they refuse."""

import numpy as np
import pytest

from minivit.ops import (
    charbonnier_backward,
    charbonnier_forward,
    l1_forward,
    leaky_relu_backward,
    leaky_relu_forward,
    pixel_shuffle_backward,
    pixel_shuffle_forward,
    pixel_shuffle_loops,
    reflect_pad_backward,
    reflect_pad_forward,
    relu_forward,
    upsample_nearest_backward,
    upsample_nearest_forward,
)
from minivit.ops.image_quality import psnr, ssim

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 5, 18))


@pytest.mark.parametrize("upscale", [1, 3])
def test_pixels_are_where_the_loops_put_them(upscale):
    y, cache = pixel_shuffle_forward(X, upscale=upscale)
    np.testing.assert_array_equal(y, pixel_shuffle_loops(X, upscale))
    np.testing.assert_array_equal(pixel_shuffle_backward(y, cache).x, X)  # a permutation: the way back is its inverse


def test_four_channels_become_two_by_two_pixels_row_by_row():
    y, _ = pixel_shuffle_forward(np.arange(8.0).reshape(1, 1, 1, 8), upscale=2)
    np.testing.assert_array_equal(y[0, :, :, 0], [[0, 1], [2, 3]])
    np.testing.assert_array_equal(y[0, :, :, 1], [[4, 5], [6, 7]])


def test_channels_that_make_no_pixels():
    with pytest.raises(ValueError, match="pixel_shuffle: x has 18 channels; expected a multiple of 2 \\* 2 = 4"):
        pixel_shuffle_forward(X, upscale=2)
    with pytest.raises(ValueError, match="upscale is 0; expected at least 1"):
        pixel_shuffle_forward(X, upscale=0)


def test_a_pixel_becomes_a_block():
    y, cache = upsample_nearest_forward(X, scale=(2, 3))
    assert all(np.array_equal(y[:, i, j], X[:, i // 2, j // 3]) for i in range(6) for j in range(15))
    np.testing.assert_array_equal(upsample_nearest_backward(np.ones_like(y), cache).x, np.full_like(X, 6))


def test_a_mirror_is_that_of_numpy():
    for padding in (0, 2, (1, 0), ((0, 2), (4, 3))):
        y, cache = reflect_pad_forward(X, padding=padding)
        sides = np.broadcast_to(np.array(padding).reshape((-1, 1) if padding == (1, 0) else np.shape(padding)), (2, 2))
        np.testing.assert_array_equal(y, np.pad(X, ((0, 0), *sides.tolist(), (0, 0)), mode="reflect"))
        assert reflect_pad_backward(np.ones_like(y), cache).x.sum() == y.size


def test_pixels_at_the_edge_are_not_repeated():
    line = np.arange(4.0).reshape(1, 4, 1, 1)
    y, cache = reflect_pad_forward(line, padding=((2, 3), (0, 0)))
    np.testing.assert_array_equal(y.ravel(), [2, 1, 0, 1, 2, 3, 2, 1, 0])
    np.testing.assert_array_equal(reflect_pad_backward(np.ones_like(y), cache).x.ravel(), [2, 3, 3, 1])


@pytest.mark.parametrize(
    ("padding", "message"),
    [
        (3, "x has 3 rows; expected more than the 3 to be mirrored"),
        (((0, 0), (0, 5)), "x has 5 columns; expected more than the 5"),
        (-1, "padding is -1; expected 0 or more"),
    ],
)
def test_too_little_to_be_mirrored(padding, message):
    with pytest.raises(ValueError, match=message):
        reflect_pad_forward(X, padding=padding)


def test_a_leaky_relu_without_a_leak_is_a_relu():
    np.testing.assert_array_equal(leaky_relu_forward(X, negative_slope=0.0)[0], relu_forward(X)[0])
    y, cache = leaky_relu_forward(np.array([-2.0, 0.0, 3.0]), negative_slope=0.25)
    np.testing.assert_array_equal(y, [-0.5, 0, 3])
    np.testing.assert_array_equal(leaky_relu_backward(np.ones(3), cache).x, [0.25, 0.25, 1])
    with pytest.raises(ValueError, match=r"negative_slope is 1\.0; expected"):
        leaky_relu_forward(X, negative_slope=1.0)


def test_charbonnier_far_away_is_l1_and_at_the_target_a_parabola():
    target = X + 10 * np.sign(RNG.standard_normal(X.shape))
    assert charbonnier_forward(X, target)[0] == pytest.approx(l1_forward(X, target)[0], rel=1e-7)
    loss, cache = charbonnier_forward(X, X, eps=0.5)
    assert loss == pytest.approx(0.5)
    np.testing.assert_array_equal(charbonnier_backward(1.0, cache).x, 0 * X)
    with pytest.raises(ValueError, match=r"eps is 0\.0; expected"):
        charbonnier_forward(X, X, eps=0.0)
    with pytest.raises(ValueError, match="charbonnier: there is nothing to take a mean of"):
        charbonnier_forward(X[:0], X[:0])


def test_measures_of_a_batch_are_those_of_each_image():
    images, targets = RNG.random((2, 3, 9, 8, 3))
    for measure in (psnr, ssim):
        each = [measure(a, b, data_range=1.0) for a, b in zip(images, targets, strict=True)]
        np.testing.assert_allclose(measure(images, targets, data_range=1.0), each, rtol=1e-12)


def test_measures_of_what_does_not_differ_and_of_a_known_error():
    image = RNG.random((7, 7, 1))
    assert psnr(image, image, data_range=1.0) == np.inf
    assert ssim(image, image, data_range=1.0) == pytest.approx(1)
    assert psnr(image, image + 0.1, data_range=1.0) == pytest.approx(20)
    dark = np.zeros((8, 8, 3), np.uint8)
    assert psnr(dark, dark + np.uint8(255), data_range=255) == pytest.approx(0)  # and no byte flows over


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_what_cannot_be_measured(measure):
    image = np.zeros((9, 9, 3))
    with pytest.raises(ValueError, match=r"images have shape \(9, 9, 3\), targets \(9, 9, 1\); expected the same"):
        measure(image, image[..., :1], data_range=1.0)
    with pytest.raises(ValueError, match=r"images have shape \(9, 9\); expected \(..., rows, columns, channels\)"):
        measure(image[..., 0], image[..., 0], data_range=1.0)
    with pytest.raises(ValueError, match=r"data_range is 0\.0; expected"):
        measure(image, image, data_range=0.0)


def test_windows_that_cannot_be():
    image = np.zeros((9, 6, 3))
    with pytest.raises(ValueError, match="win_size is 4; expected an odd number"):
        ssim(image, image, data_range=1.0, win_size=4)
    with pytest.raises(ValueError, match="images are 9 x 6 pixels, smaller than the window of 7 x 7"):
        ssim(image, image, data_range=1.0)
    with pytest.raises(ValueError, match="smaller than the window of 11 x 11"):
        ssim(image, image, data_range=1.0, gaussian_weights=True)
