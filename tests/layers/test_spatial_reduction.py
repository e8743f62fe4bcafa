import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import DepthwiseMlp, SelfAttention, SpatialReductionAttention
from minivit.ops import adaptive_avg_pool2d_loops, attention_loops, conv2d_loops, gelu_forward, layer_norm_forward

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 5, 6, 4))


def attention(**options):
    return SpatialReductionAttention(4, 2, **options).init(1, "float64")


@pytest.mark.parametrize(
    "options", [{}, {"sr_ratio": 2}, {"sr_ratio": 5, "qkv_bias": False}, {"linear": True, "proj_drop": 0.3}]
)
def test_gradients(options):
    check_layer(SpatialReductionAttention(4, 2, **options).init(), X, rng=np.random.default_rng(1))


def test_with_nothing_reduced_it_is_self_attention():
    """Of places as of tokens; the matrices are those of ``qkv``."""
    layer, whole = attention(), SelfAttention(4, 2).init(2, "float64")
    arrays = whole.state_dict()
    for kind in ("weight", "bias"):
        array = arrays.pop(f"qkv.{kind}")
        arrays |= {f"q.{kind}": array[..., :4], f"kv.{kind}": array[..., 4:]}
    layer.load_state_dict(arrays)
    tokens = X.reshape(2, 30, 4)
    expected, _ = whole.forward(tokens)
    np.testing.assert_allclose(layer.forward(tokens)[0], expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(layer.forward(X)[0], expected.reshape(X.shape), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("options", [{"sr_ratio": 2}, {"linear": True, "sr_ratio": 3}])
def test_it_is_what_the_paper_says(options):
    """Written out: a smaller map, its norm, and for each head the softmax over its places."""
    layer = attention(**options)
    arrays = {name: RNG.standard_normal(array.shape) for name, array in layer.state_dict().items()}
    layer.load_state_dict(arrays)
    small = adaptive_avg_pool2d_loops(X, 7, 7) if "linear" in options else X
    small = conv2d_loops(small, arrays["sr.weight"], stride=layer.sr_ratio) + arrays["sr.bias"]
    small, _ = layer_norm_forward(small, arrays["norm.weight"], arrays["norm.bias"], eps=1e-5)
    if "linear" in options:
        small, _ = gelu_forward(small)
    assert small.shape[1:3] == ((7, 7) if "linear" in options else (2, 3))
    q = X.reshape(2, 30, 4) @ arrays["q.weight"] + arrays["q.bias"]
    k, v = np.split(small.reshape(2, -1, 4) @ arrays["kv.weight"] + arrays["kv.bias"], 2, axis=-1)
    heads = [slice(0, 2), slice(2, 4)]
    h = np.stack([np.hstack([attention_loops(q[b, :, n], k[b, :, n], v[b, :, n]) for n in heads]) for b in range(2)])
    expected = (h @ arrays["proj.weight"] + arrays["proj.bias"]).reshape(X.shape)
    y, cache = layer.forward(X)
    np.testing.assert_allclose(y, expected, rtol=1e-11, atol=1e-13)
    assert cache.attention.weights.shape == (2, 2, 30, 49 if "linear" in options else 6)


def test_keys_can_be_hidden():
    layer = attention(sr_ratio=2)
    mask = np.arange(6) < 4
    _, cache = layer.forward(X, mask=mask)
    assert np.all(cache.attention.weights[..., 4:] == 0)


def test_a_map_that_is_too_small():
    with pytest.raises(ValueError, match="a map of 5 x 6 is smaller than sr_ratio 6: there would be no key"):
        attention(sr_ratio=6).forward(X)
    assert attention(sr_ratio=6, linear=True).forward(X)[0].shape == X.shape


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="width 4 is not divisible by num_heads 3"):
        SpatialReductionAttention(4, 3)


@pytest.mark.parametrize("extra_relu", [False, True])
def test_depthwise_mlp(extra_relu):
    check_layer(DepthwiseMlp(4, 7, extra_relu=extra_relu, drop=0.2).init(), X, rng=np.random.default_rng(1))


def test_a_depthwise_mlp_without_neighbours_is_an_mlp_of_each_place():
    layer = DepthwiseMlp(4, 7).init(3, "float64")
    kernel = np.zeros((3, 3, 1, 7))
    kernel[1, 1] = 1
    layer.dwconv.weight.value = kernel
    h, _ = gelu_forward(X @ layer.fc1.weight.value)
    np.testing.assert_allclose(layer.forward(X)[0], h @ layer.fc2.weight.value, rtol=1e-12, atol=1e-14)
