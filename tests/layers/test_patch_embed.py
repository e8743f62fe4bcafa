import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import PatchEmbed
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
