import numpy as np
import pytest

from minivit.layers import Mlp
from minivit.ops import (
    conv2d_backward,
    conv2d_forward,
    conv2d_loops,
    conv2d_places,
    gelu_backward,
    gelu_forward,
    linear_backward,
    linear_forward,
    patchify_backward,
    patchify_forward,
)

RNG = np.random.default_rng(0)
X, WEIGHT, BIAS = RNG.standard_normal((2, 9, 12, 4)), RNG.standard_normal((3, 2, 4, 6)), RNG.standard_normal(6)


@pytest.mark.parametrize("stride", [1, 2])
def test_loops_agree(stride):
    y, _ = conv2d_forward(X, WEIGHT, stride=stride)
    np.testing.assert_allclose(y, conv2d_loops(X, WEIGHT, stride), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(y, conv2d_places(X, WEIGHT, stride), rtol=1e-12, atol=1e-12)


def test_padding_is_zeros_around_the_image():
    y, _ = conv2d_forward(X, WEIGHT, padding=((1, 2), (3, 0)))
    padded = np.pad(X, ((0, 0), (1, 2), (3, 0), (0, 0)))
    np.testing.assert_allclose(y, conv2d_loops(padded, WEIGHT), rtol=1e-12, atol=1e-12)


def test_dilation_is_a_kernel_with_holes():
    holes = np.zeros((5, 4, 4, 6))
    holes[::2, ::3] = WEIGHT
    y, _ = conv2d_forward(X, WEIGHT, dilation=(2, 3))
    np.testing.assert_allclose(y, conv2d_loops(X, holes), rtol=1e-12, atol=1e-12)


def test_groups_are_convolutions_side_by_side():
    y, _ = conv2d_forward(X, WEIGHT[:, :, :2], groups=2)
    halves = [conv2d_loops(X[..., 2 * g : 2 * g + 2], WEIGHT[:, :, :2, 3 * g : 3 * g + 3]) for g in range(2)]
    np.testing.assert_allclose(y, np.concatenate(halves, -1), rtol=1e-12, atol=1e-12)


def test_patch_embedding_is_a_strided_convolution():
    y, cache = conv2d_forward(X, WEIGHT, BIAS, stride=(3, 2))
    patches, c_patches = patchify_forward(X, patch_size=(3, 2))
    tokens, c_linear = linear_forward(patches, WEIGHT.reshape(-1, 6), BIAS)
    np.testing.assert_allclose(y, tokens.reshape(y.shape), rtol=1e-12, atol=1e-12)
    dy = RNG.standard_normal(y.shape)
    dx, dweight, dbias = conv2d_backward(dy, cache)
    dpatches, dmatrix, dbias_linear = linear_backward(dy.reshape(tokens.shape), c_linear)
    np.testing.assert_allclose(dx, patchify_backward(dpatches, c_patches).x, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dweight, dmatrix.reshape(WEIGHT.shape), rtol=1e-12, atol=1e-12)
    assert dbias is not None
    assert dbias_linear is not None
    np.testing.assert_allclose(dbias, dbias_linear, rtol=1e-12, atol=1e-12)


def test_mlp_is_a_stack_of_one_by_one_convolutions():
    mlp = Mlp(4, 7).init(seed=0, dtype="float64")
    tokens = X.reshape(2, -1, 4)  # a feature map and its tokens are views of each other
    y, cache = mlp.forward(tokens)
    values = {name: param.value for name, param in mlp.named_params().items()}
    w1, w2 = values["fc1.weight"][None, None], values["fc2.weight"][None, None]
    h, c_conv1 = conv2d_forward(X, w1, values["fc1.bias"])
    h, c_gelu = gelu_forward(h)
    h, c_conv2 = conv2d_forward(h, w2, values["fc2.bias"])
    np.testing.assert_allclose(h, y.reshape(X.shape), rtol=1e-12, atol=1e-12)
    dy = RNG.standard_normal(X.shape)
    dx = mlp.backward(dy.reshape(tokens.shape), cache)
    dh, dw2, _ = conv2d_backward(dy, c_conv2)
    (dh,) = gelu_backward(dh, c_gelu)
    dh, dw1, _ = conv2d_backward(dh, c_conv1)
    np.testing.assert_allclose(dh, dx.reshape(X.shape), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dw1[0, 0], mlp.fc1.weight.grad, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dw2[0, 0], mlp.fc2.weight.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("weight", "options", "message"),
    [
        ((3, 2, 5, 6), {}, r"x has 4 channels and weight \(3, 2, 5, 6\) makes 6 from 5 in each of 1 groups"),
        ((3, 2, 2, 5), {"groups": 2}, "channels out a multiple of 2"),
        ((10, 2, 4, 6), {}, r"the kernel \(10 x 2, dilation \(1, 1\)\) is larger than the image"),
        ((3, 5, 4, 6), {"dilation": 3}, "is larger than the image"),
    ],
)
def test_what_does_not_fit(weight, options, message):
    with pytest.raises(ValueError, match=message):
        conv2d_forward(X, np.zeros(weight), **options)


def test_wrong_bias():
    with pytest.raises(ValueError, match=r"bias has shape \(2,\); expected \(O,\), with O as in weight"):
        conv2d_forward(np.zeros((1, 5, 5, 2)), np.zeros((3, 3, 2, 4)), np.zeros(2))
