import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import Attention, SelfAttention

RNG = np.random.default_rng(0)
X, KEY, VALUE = RNG.standard_normal((2, 5, 12)), RNG.standard_normal((2, 4, 7)), RNG.standard_normal((2, 4, 7))
BIASES = [(2, 3, 5, 4), (3, 5, 4), (5, 1), ()]  # of every sample, shared by the samples, by heads and keys, by all


@pytest.mark.parametrize("qkv_bias", [True, False])
def test_self_attention(qkv_bias):
    check_layer(SelfAttention(12, 3, qkv_bias=qkv_bias).init(), X)


def test_self_attention_with_mask_and_dropout():
    mask = np.tril(np.ones((5, 5), bool))
    check_layer(SelfAttention(12, 3, proj_drop=0.3).init(), X, mask=mask, rng=np.random.default_rng(1))


def test_the_attention_map_is_in_the_cache():
    """Where pictures, lectures and students find it."""
    _, cache = SelfAttention(12, 3).init(dtype="float64").forward(X)
    assert cache.attention.weights.shape == (2, 3, 5, 5)
    np.testing.assert_allclose(cache.attention.weights.sum(-1), 1, rtol=1e-12)


def test_causal_mask_hides_the_future():
    layer = SelfAttention(12, 3).init(dtype="float64")
    mask = np.tril(np.ones((5, 5), bool))
    y, _ = layer.forward(X, mask=mask)
    changed = X.copy()
    changed[:, 3:] += 1
    np.testing.assert_array_equal(layer.forward(changed, mask=mask)[0][:, :3], y[:, :3])


def test_order_of_tokens_is_carried_through():
    layer, order = SelfAttention(12, 3).init(dtype="float64"), [3, 1, 4, 0, 2]
    np.testing.assert_allclose(layer.forward(X[:, order])[0], layer.forward(X)[0][:, order], rtol=1e-12, atol=1e-15)


def test_gradient_of_the_key_bias_is_zero():
    layer = SelfAttention(12, 3).init(dtype="float64")
    y, cache = layer.forward(X)
    layer.backward(RNG.standard_normal(y.shape), cache)
    dq, dk, dv = np.split(layer.named_params()["qkv.bias"].grad, 3)
    np.testing.assert_allclose(dk, 0, atol=1e-15)
    assert np.abs(dv).max() > 0.01
    assert np.abs(dq).max() > 0


@pytest.mark.parametrize("shape", BIASES)
def test_self_attention_with_a_bias(shape):
    bias = RNG.standard_normal([5 if length == 4 else length for length in shape])
    check_layer(SelfAttention(12, 3).init(), X, bias)
    check_layer(SelfAttention(12, 3).init(), X, bias, mask=np.tril(np.ones((5, 5), bool)))


@pytest.mark.parametrize("qkv_bias", [True, False])
def test_attention(qkv_bias):
    layer = Attention(12, 3, context_dim=7, qkv_bias=qkv_bias).init()
    check_layer(layer, X, KEY, VALUE)
    check_layer(layer, X, KEY, VALUE, mask=RNG.random((5, 4)) < 0.6)


@pytest.mark.parametrize("shape", BIASES)
def test_attention_with_a_bias_and_all_else(shape):
    layer = Attention(12, 3, context_dim=7, proj_drop=0.3).init()
    mask = RNG.random((2, 1, 1, 4)) < 0.6
    check_layer(layer, X, KEY, VALUE, RNG.standard_normal(shape), mask=mask, rng=np.random.default_rng(1))


@pytest.mark.parametrize("layer", [SelfAttention, Attention])
def test_one_head(layer):
    check_layer(layer(12, 1).init(), *([X] if layer is SelfAttention else [X, X[:, :4] + 1, X[:, 1:] - 1]))


def test_one_gradient_for_each_array_that_was_given():
    attend, to_itself = Attention(12, 3).init(dtype="float64"), SelfAttention(12, 3).init(dtype="float64")
    bias = np.zeros((3, 5, 5))
    y, cache = to_itself.forward(X)
    assert to_itself.backward(y, cache).shape == X.shape
    y, cache = to_itself.forward(X, bias)
    assert [grad.shape for grad in to_itself.backward(y, cache)] == [X.shape, bias.shape]
    y, cache = attend.forward(X, X, X)
    assert [grad.shape for grad in attend.backward(y, cache)] == [X.shape] * 3
    y, cache = attend.forward(X, X, X, bias)
    assert [grad.shape for grad in attend.backward(y, cache)] == [X.shape] * 3 + [bias.shape]


def test_a_bias_of_minus_infinity_forbids_as_a_mask_does():
    layer, mask = SelfAttention(12, 3).init(dtype="float64"), np.tril(np.ones((5, 5), bool))
    y, cache = layer.forward(X, np.where(mask, 0, -np.inf))
    np.testing.assert_allclose(y, layer.forward(X, mask=mask)[0], rtol=1e-12, atol=1e-15)
    assert all(np.isfinite(grad).all() for grad in layer.backward(y, cache))


def test_without_any_key_only_the_bias_of_the_projection_is_left():
    layer = Attention(12, 3, context_dim=7).init(dtype="float64")
    bias = layer.named_params()["proj.bias"].value = RNG.standard_normal(12)
    y, cache = layer.forward(X, KEY[:, :0], VALUE[:, :0])
    np.testing.assert_array_equal(y, np.broadcast_to(bias, X.shape))
    dquery, dkey, dvalue = layer.backward(y, cache)
    np.testing.assert_array_equal(dquery, np.zeros_like(X))
    assert dkey.shape == dvalue.shape == (2, 0, 7)


def test_without_any_sample():
    y, cache = SelfAttention(12, 3).init().forward(X[:0].astype(np.float32))
    assert SelfAttention(12, 3).init().backward(y, cache).shape == y.shape == (0, 5, 12)


def test_attention_to_itself_is_self_attention():
    fused, apart = SelfAttention(12, 3).init(dtype="float64"), Attention(12, 3).init(dtype="float64")
    arrays = fused.state_dict()
    for kind in ("weight", "bias"):
        parts = np.split(arrays.pop(f"qkv.{kind}"), 3, axis=-1)
        arrays |= {f"{name}.{kind}": part for name, part in zip("qkv", parts, strict=True)}
    apart.load_state_dict(arrays)
    (y, cache), (expected, expected_cache) = apart.forward(X, X, X), fused.forward(X)
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-15)
    dx = sum(apart.backward(y, cache))  # x stands in three places
    np.testing.assert_allclose(dx, fused.backward(y, expected_cache), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("layer", [SelfAttention, Attention])
@pytest.mark.parametrize("num_heads", [0, 5])
def test_heads_must_divide_the_width(layer, num_heads):
    with pytest.raises(ValueError, match=f"width 12 is not divisible by num_heads {num_heads}"):
        layer(12, num_heads)
