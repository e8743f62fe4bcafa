from collections import Counter
from unittest.mock import patch

import numpy as np
import pytest

from minivit.check import CASES
from minivit.layers import Mlp
from minivit.ops import (
    conv,
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
from minivit.ops.conv import FORMS, Form

RNG = np.random.default_rng(0)
X, WEIGHT, BIAS = RNG.standard_normal((2, 9, 12, 4)), RNG.standard_normal((3, 2, 4, 6)), RNG.standard_normal(6)


def loops_gradients(dy, x, weight, window):
    """The definition of the gradients with its loops: what each position met, it answers for."""
    groups = x.shape[3] // weight.shape[2]
    x = np.pad(x, ((0, 0), *window.padding, (0, 0)))
    (P, Q), (sy, sx), (down, right), (rows, columns) = window.reach, window.stride, window.dilation, window.out
    y, dx, dweight = np.zeros_like(dy), np.zeros_like(x), np.zeros_like(weight)
    for i, j, group in np.ndindex(rows, columns, groups):
        of_in, of_out = (slice(group * n, (group + 1) * n) for n in (weight.shape[2], weight.shape[3] // groups))
        met = slice(None), slice(sy * i, sy * i + P, down), slice(sx * j, sx * j + Q, right), of_in
        y[:, i, j, of_out] = np.einsum("bpqc,pqco->bo", x[met], weight[..., of_out])
        dweight[..., of_out] += np.einsum("bpqc,bo->pqco", x[met], dy[:, i, j, of_out])
        dx[met] += np.einsum("bo,pqco->bpqc", dy[:, i, j, of_out], weight[..., of_out])
    (top, bottom), (left, right) = window.padding
    return y, dx[:, top : x.shape[1] - bottom, left : x.shape[2] - right], dweight


SHAPES = [  # of the map, of the kernel, and options
    ((2, 9, 12, 4), (3, 3, 4, 6), {"padding": 1}),
    ((2, 9, 12, 4), (3, 2, 4, 6), {"padding": ((1, 2), (3, 0)), "dilation": (2, 3)}),
    ((2, 9, 12, 4), (3, 2, 4, 6), {"padding": 5}),  # some windows meet nothing but padding
    ((2, 2, 3, 4), (5, 4, 4, 6), {"padding": (2, 3)}),  # the kernel is larger than the map
    ((1, 1, 12, 4), (1, 5, 4, 6), {"padding": (0, 2)}),
    ((3, 7, 1, 4), (4, 1, 4, 6), {}),
    ((2, 9, 12, 4), (1, 1, 4, 6), {}),
    ((2, 3, 2, 7), (2, 2, 7, 9), {}),
    ((2, 9, 12, 4), (3, 3, 4, 6), {"stride": 2, "padding": 1}),
    ((2, 9, 12, 4), (2, 1, 4, 6), {"stride": (3, 2), "dilation": 2}),
    ((2, 9, 12, 4), (2, 2, 4, 6), {"stride": 4}),  # some pixels are met by none
    ((2, 9, 12, 4), (1, 1, 4, 6), {"stride": 2}),
    ((2, 9, 12, 4), (3, 3, 2, 6), {"groups": 2, "stride": (1, 2), "padding": 1}),
    ((2, 9, 12, 4), (1, 1, 2, 6), {"groups": 2}),
    ((2, 9, 12, 4), (3, 3, 1, 8), {"groups": 4}),
    ((2, 9, 12, 4), (3, 3, 1, 4), {"groups": 4, "padding": 1}),
    ((2, 9, 12, 4), (3, 2, 1, 4), {"groups": 4, "padding": ((0, 1), (2, 0)), "dilation": (1, 2)}),
    ((2, 9, 12, 4), (3, 3, 1, 4), {"groups": 4, "padding": 4, "stride": (2, 3)}),
    ((2, 9, 12, 4), (1, 1, 1, 4), {"groups": 4}),
]
FITS = {
    "shifts": lambda x, weight, options: options.get("groups", 1) == 1 and options.get("stride", 1) == 1,
    "depthwise": lambda x, weight, options: options.get("groups", 1) == x[3] == weight[3],
    "columns": lambda x, weight, options: True,
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_agrees_with_the_loops(name):
    shapes = [shape for shape in SHAPES if FITS[name](*shape)]
    assert len(shapes) >= 4
    for x_shape, weight_shape, options in shapes:
        x, weight = RNG.standard_normal(x_shape), RNG.standard_normal(weight_shape)
        _, cache = conv2d_forward(x, weight, **options)
        dy = RNG.standard_normal((len(x), *cache.window.out, weight_shape[3]))
        expected = loops_gradients(dy, x, weight, cache.window)
        y = FORMS[name].convolve(x, weight, cache.window)
        grads = FORMS[name].gradients(dy, x, weight, cache.window)
        for ours, theirs in zip((y, *grads), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("x", "weight", "options"), SHAPES)
def test_the_op_agrees_with_the_loops(x, weight, options):
    x, weight = RNG.standard_normal(x), RNG.standard_normal(weight)
    y, cache = conv2d_forward(x, weight, **options)
    dy = RNG.standard_normal(y.shape)
    dx, dweight, dbias = conv2d_backward(dy, cache)
    assert dbias is None
    for ours, theirs in zip((y, dx, dweight), loops_gradients(dy, x, weight, cache.window), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_the_cases_reach_every_form():
    called = Counter()
    counting = {
        name: Form(lambda *args, name=name: called.update([name]) or FORMS[name].convolve(*args), form.gradients)
        for name, form in FORMS.items()
    }
    cases = [CASES["conv2d"](np.random.default_rng(seed)) for seed in range(50)]
    with patch.object(conv, "FORMS", counting):
        for case in cases:
            conv2d_forward(*case.args, **case.kwargs)
    assert min(called[name] for name in FORMS) >= 5


@pytest.mark.parametrize(("x", "weight", "options"), SHAPES)
def test_of_no_images_there_are_no_gradients(x, weight, options):
    y, cache = conv2d_forward(np.zeros((0, *x[1:]), np.float32), np.ones(weight, np.float32), **options)
    assert y.shape == (0, *cache.window.out, weight[3])
    dx, dweight, _ = conv2d_backward(y, cache)
    assert dx.shape == (0, *x[1:])
    np.testing.assert_array_equal(dweight, np.zeros(weight))


@pytest.mark.parametrize(
    ("images", "weight", "stride"),
    [
        ((16, 64, 64, 8), (3, 3, 8, 8), 1),
        ((16, 64, 64, 8), (3, 3, 1, 8), 1),
        ((16, 64, 64, 8), (3, 3, 2, 8), 2),
        ((1, 160, 160, 4), (1, 1, 4, 4), 1),
        ((1, 1, 100_000, 4), (1, 3, 4, 4), 1),  # a sound: one long row
        ((1, 1, 100_000, 4), (1, 3, 1, 4), 1),
        ((1, 1, 100_000, 4), (1, 3, 2, 4), 2),
    ],
)
def test_a_sum_over_many_positions_keeps_its_digits(images, weight, stride):
    x = 1 + RNG.standard_normal(images, np.float32)
    options = {"groups": images[3] // weight[2], "padding": weight[0] // 2, "stride": stride}
    y, cache = conv2d_forward(x, np.ones(weight, np.float32), **options)
    dy = 1 + RNG.standard_normal(y.shape, np.float32)
    grads = conv2d_backward(dy, cache)
    x, dy = x.astype(np.float64), dy.astype(np.float64)
    exact = conv2d_backward(dy, conv2d_forward(x, np.ones(weight), **options)[1])
    np.testing.assert_allclose(grads.weight, exact.weight, rtol=1e-6)


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
        ((10, 2, 4, 6), {}, r"^conv2d: a window of \(10, 2\) is larger than the map of \(9, 12\), padding included"),
        ((3, 5, 4, 6), {"dilation": 3, "padding": 0}, r"a window of \(7, 13\) is larger"),
        ((3, 2, 4, 6), {"padding": (0, -1)}, r"^conv2d: padding is \(0, -1\); expected 0 or more"),
    ],
)
def test_what_does_not_fit(weight, options, message):
    with pytest.raises(ValueError, match=message):
        conv2d_forward(X, np.zeros(weight), **options)


def test_wrong_bias():
    with pytest.raises(ValueError, match=r"bias has shape \(2,\); expected \(O,\), with O as in weight"):
        conv2d_forward(np.zeros((1, 5, 5, 2)), np.zeros((3, 3, 2, 4)), np.zeros(2))
