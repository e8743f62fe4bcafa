import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import CrossAttention, SelfAttention

RNG = np.random.default_rng(0)
X, CONTEXT = RNG.standard_normal((2, 5, 12)), RNG.standard_normal((2, 4, 7))


@pytest.mark.parametrize("qkv_bias", [True, False])
def test_self_attention(qkv_bias):
    check_layer(SelfAttention(12, 3, qkv_bias=qkv_bias).init(), X)


def test_self_attention_with_mask_and_dropout():
    mask = np.tril(np.ones((5, 5), bool))
    check_layer(SelfAttention(12, 3, proj_drop=0.3).init(), X, mask=mask, rng=np.random.default_rng(1))


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


def test_cross_attention():
    layer = CrossAttention(12, 3, context_dim=7).init()
    check_layer(layer, X, CONTEXT)
    check_layer(layer, X, CONTEXT, mask=RNG.random((5, 4)) < 0.6)


def test_cross_attention_to_itself_is_self_attention():
    self_attention, cross = SelfAttention(12, 3).init(dtype="float64"), CrossAttention(12, 3).init(dtype="float64")
    arrays = self_attention.state_dict()
    for kind in ("weight", "bias"):
        arrays[f"q.{kind}"], arrays[f"kv.{kind}"] = np.split(arrays.pop(f"qkv.{kind}"), [12], axis=-1)
    cross.load_state_dict(arrays)
    np.testing.assert_allclose(cross.forward(X, X)[0], self_attention.forward(X)[0], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("layer", [SelfAttention, CrossAttention])
@pytest.mark.parametrize("num_heads", [0, 5])
def test_heads_must_divide_the_width(layer, num_heads):
    with pytest.raises(ValueError, match=f"width 12 is not divisible by num_heads {num_heads}"):
        layer(12, num_heads)
