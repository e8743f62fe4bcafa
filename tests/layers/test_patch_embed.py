import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import OverlappingPatchEmbed, PatchEmbed
from minivit.ops import conv2d_forward

X = np.random.default_rng(0).standard_normal((2, 6, 20, 3))


def test_patch_embed():
    layer = PatchEmbed((6, 20), (2, 4), 3, 7).init()
    assert (layer.grid_size, layer.num_patches) == ((3, 5), 15)
    check_layer(layer, X)


def test_is_a_convolution():
    layer = PatchEmbed((6, 20), (2, 4), 3, 7).init(dtype="float64")
    weight, bias = (param.value for param in layer.params)
    y, _ = conv2d_forward(X, weight.reshape(2, 4, 3, 7), bias, stride=(2, 4))
    np.testing.assert_allclose(layer.forward(X)[0], y.reshape(2, 15, 7), rtol=1e-12, atol=1e-12)


def test_patch_must_divide_the_image():
    with pytest.raises(ValueError, match="image size 6 x 20 is not divisible by the patch size 4 x 4"):
        PatchEmbed((6, 20), 4, 3, 7)


def test_an_image_smaller_than_a_patch_is_told_a_size_that_there_can_be():
    with pytest.raises(ValueError, match=r"image size 3 x 20 is not divisible by the patch size 4 x 8; 4 x 24 would"):
        PatchEmbed((3, 20), (4, 8), 3, 7)


def test_overlapping_patches():
    layer = OverlappingPatchEmbed((6, 20), (3, 4), (2, 5), 3, 7).init()
    assert (layer.grid_size, layer.num_patches) == ((2, 4), 8)
    check_layer(layer, X)
    tokens, cache = layer.init(dtype="float64").forward(X)
    assert cache.grid_size == (2, 4)
    patch = X[:, 2:5, 5:9].reshape(2, -1)  # of the second row and the second column
    weight, bias = (param.value for param in layer.params)
    np.testing.assert_allclose(tokens[:, 5], patch @ weight.reshape(-1, 7) + bias, rtol=1e-12)


def test_patches_that_touch_are_those_of_a_patch_embed():
    apart, overlapping = (
        PatchEmbed((6, 20), (2, 4), 3, 7).init(),
        OverlappingPatchEmbed((6, 20), (2, 4), (2, 4), 3, 7).init(),
    )
    overlapping.load_state_dict(apart.state_dict())
    x = X.astype(np.float32)
    np.testing.assert_allclose(overlapping.forward(x)[0], apart.forward(x)[0], rtol=1e-5, atol=1e-6)


def test_a_patch_is_no_larger_than_the_image():
    with pytest.raises(ValueError, match="image size 6 x 20 is smaller than the patch size 7 x 4"):
        OverlappingPatchEmbed((6, 20), (7, 4), 2, 3, 7)
