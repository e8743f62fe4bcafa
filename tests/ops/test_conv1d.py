"""What convolution in time and causal padding promise beyond what all ops do."""

import numpy as np
import pytest

from minivit.ops import (
    causal_pad_backward,
    causal_pad_forward,
    conv1d_backward,
    conv1d_forward,
    conv1d_loops,
    conv2d_forward,
)

RNG = np.random.default_rng(0)
X, WEIGHT, BIAS = RNG.standard_normal((2, 13, 4)), RNG.standard_normal((3, 4, 6)), RNG.standard_normal(6)


def sees(net, frames, chans=4):
    """Which inputs (columns) each output (rows) of a net depends on."""
    x = RNG.standard_normal((1, frames, chans))
    y = net(x)
    changed = [x + (np.arange(frames) == t)[:, None] for t in range(frames)]
    return np.array([(net(other) != y).any((0, 2)) for other in changed]).T


@pytest.mark.parametrize("stride", [1, 2, 5])
def test_the_loops_of_the_definition(stride):
    y, _ = conv1d_forward(X, WEIGHT, stride=stride)
    np.testing.assert_allclose(y, conv1d_loops(X, WEIGHT, stride), rtol=1e-12, atol=1e-12)


def test_numpy_convolves_with_the_kernel_turned():
    y, _ = conv1d_forward(X[:1, :, :1], WEIGHT[:, :1, :1], padding=2)
    np.testing.assert_allclose(y[0, :, 0], np.convolve(X[0, :, 0], WEIGHT[::-1, 0, 0]), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "options", [{}, {"stride": 3, "padding": (2, 0)}, {"dilation": 2, "padding": 1}, {"groups": 2, "stride": 2}]
)
def test_a_map_with_one_row(options):
    weight = WEIGHT[:, : 4 // options.get("groups", 1)]
    y, cache = conv1d_forward(X, weight, BIAS, **options)
    padding = options.get("padding", 0)
    before, after = padding if isinstance(padding, tuple) else (padding, padding)
    as_map = {"stride": (1, options.get("stride", 1)), "dilation": (1, options.get("dilation", 1))}
    as_map |= {"padding": ((0, 0), (before, after)), "groups": options.get("groups", 1)}
    expected, _ = conv2d_forward(X[:, None], weight[None], BIAS, **as_map)
    np.testing.assert_array_equal(y, expected[:, 0])
    dx, dweight, dbias = conv1d_backward(np.ones_like(y), cache)
    assert (dx.shape, dweight.shape) == (X.shape, weight.shape)
    np.testing.assert_array_equal(dbias, np.full(6, y[..., 0].size))


def test_more_channels_and_frames_than_one_form_of_convolution_takes():
    for shape, kernel in (((2, 40, 3), (3, 3, 5)), ((2, 7, 1), (4, 1, 9)), ((1, 9, 5), (9, 1, 5))):
        x, weight = RNG.standard_normal(shape), RNG.standard_normal(kernel)
        y, _ = conv1d_forward(x, weight, groups=shape[2] // kernel[1])
        for o in range(kernel[2]):
            seen = slice(o, o + 1) if kernel[1] < shape[2] else slice(None)
            np.testing.assert_allclose(y[..., o], conv1d_loops(x[..., seen], weight[..., [o]])[..., 0], rtol=1e-11)


def test_a_float32_that_does_not_lie_in_one_piece():
    x = np.asfortranarray(X.astype(np.float32))[:, ::2]
    y, cache = conv1d_forward(x, WEIGHT.astype(np.float32))
    assert y.dtype == conv1d_backward(y, cache).x.dtype == np.float32
    np.testing.assert_allclose(y, conv1d_loops(x.astype(float), WEIGHT), atol=1e-5)


@pytest.mark.parametrize(
    ("frames", "options", "message"),
    [
        (2, {}, "conv1d: x has 2 places in time, 2 with padding; expected at least 3"),
        (4, {"dilation": 2}, "conv1d: x has 4 places in time, 4 with padding; expected at least 5"),
        (0, {"padding": 9}, "conv1d: x has 0 places in time, 18 with padding; expected at least 3"),
        (5, {"padding": -1}, "conv1d: padding is .*-1.*; expected at least 0"),
        (5, {"padding": (0, -2)}, "conv1d: padding is .*-2.*; expected at least 0"),
        (5, {"groups": 3}, r"conv1d: x has 4 channels and weight \(3, 4, 6\) makes 6 from 4 in each of 3 groups"),
        (5, {"stride": 0}, "conv1d: stride is 0; expected at least 1"),
    ],
)
def test_what_does_not_fit(frames, options, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        conv1d_forward(X[:, :frames], WEIGHT, **options)


@pytest.mark.parametrize("mode", ["edge", "constant"])
@pytest.mark.parametrize("kernel", [1, 2, 3, 6])
def test_with_causal_padding_a_convolution_sees_the_past_alone(mode, kernel):
    weight = RNG.standard_normal((kernel, 4, 5))

    def net(x):
        padded, _ = causal_pad_forward(x, before=kernel - 1, mode=mode)
        return conv1d_forward(padded, weight)[0]

    seen = sees(net, 9)
    later, earlier = np.mgrid[:9, :9]
    np.testing.assert_array_equal(seen, (earlier <= later) & (earlier > later - kernel))


def test_what_sees_the_future_is_found():
    """Wrong paddings, as people write them: at both sides, behind, and too little in front."""
    later, earlier = np.mgrid[:9, :9]
    for padding in ((1, 1), (0, 2)):
        seen = sees(lambda x, padding=padding: conv1d_forward(x, WEIGHT, padding=padding)[0], 9)
        assert seen[earlier > later].any()


def test_zeros_in_front_are_the_padding_of_a_convolution():
    padded, _ = causal_pad_forward(X, before=2, mode="constant")
    y, _ = conv1d_forward(padded, WEIGHT)
    np.testing.assert_array_equal(y, conv1d_forward(X, WEIGHT, padding=(2, 0))[0])


def test_the_first_frame_again_and_again():
    y, cache = causal_pad_forward(X, before=3)
    np.testing.assert_array_equal(y, X[:, [0, 0, 0, *range(13)]])
    dx = causal_pad_backward(np.ones_like(y), cache).x
    np.testing.assert_array_equal(dx, np.broadcast_to(np.r_[4, np.ones(12)][:, None], X.shape))
    zeros = causal_pad_backward(np.ones_like(y), cache._replace(mode="constant")).x
    np.testing.assert_array_equal(zeros, np.ones_like(X))


def test_no_frames_in_front():
    y, cache = causal_pad_forward(X, before=0)
    np.testing.assert_array_equal(y, X)
    np.testing.assert_array_equal(causal_pad_backward(X, cache).x, X)


def test_wrong_paddings():
    with pytest.raises(ValueError, match=r"^causal_pad: mode is 'reflect'; expected 'edge' or 'constant'"):
        causal_pad_forward(X, before=1, mode="reflect")
    with pytest.raises(ValueError, match=r"^causal_pad: before is -1; expected at least 0"):
        causal_pad_forward(X, before=-1)
    with pytest.raises(ValueError, match=r"^causal_pad: there is no first frame, x has shape \(2, 0, 4\)"):
        causal_pad_forward(X[:, :0], before=1)
    _, cache = causal_pad_forward(X, before=3)
    with pytest.raises(
        ValueError, match=r"^causal_pad_backward: dy has shape \(2, 3, 4\); expected more than 3 frames"
    ):
        causal_pad_backward(X[:, :3], cache)
