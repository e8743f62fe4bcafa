import numpy as np
import pytest

from minivit.ops import attention_backward, attention_forward, attention_loops
from minivit.ops.attention import attention_one_loop

RNG = np.random.default_rng(0)
Q, K, V = RNG.standard_normal((2, 3, 5, 7)), RNG.standard_normal((2, 3, 4, 7)), RNG.standard_normal((2, 3, 4, 6))


@pytest.mark.parametrize("loops", [attention_loops, attention_one_loop])
def test_loops_agree(loops):
    y, _ = attention_forward(Q, K, V)
    for i in np.ndindex(2, 3):
        np.testing.assert_allclose(loops(Q[i], K[i], V[i]), y[i], rtol=1e-12)


def test_one_loop_agrees_with_loops_and_survives_large_scores():
    q, k, v = Q[0, 0], K[0, 0], V[0, 0]
    y = attention_one_loop(q, k, v)
    np.testing.assert_allclose(y, attention_loops(q, k, v), rtol=1e-12)
    assert attention_one_loop(*(a.astype(np.float32) for a in (q, k, v))).dtype == np.float32
    np.testing.assert_allclose(attention_one_loop(1e4 * q, k, v), attention_forward(1e4 * q, k, v)[0], rtol=1e-9)


def test_weights_are_in_the_cache_and_are_shares():
    _, cache = attention_forward(Q, K, V)
    assert cache.weights.shape == (2, 3, 5, 4)
    np.testing.assert_allclose(cache.weights.sum(-1), 1)


def test_masked_keys_do_not_exist():
    mask = np.array([True, False, True, True])
    y, cache = attention_forward(Q, K, V, mask=mask)
    np.testing.assert_allclose(y, attention_forward(Q, K[..., mask, :], V[..., mask, :])[0], rtol=1e-12)
    grads = attention_backward(y, cache)
    np.testing.assert_array_equal(grads.k[..., 1, :], 0)
    np.testing.assert_array_equal(grads.v[..., 1, :], 0)


def test_bias_of_minus_infinity_is_a_mask():
    mask = RNG.random((5, 4)) < 0.5
    bias = np.where(mask, 0.0, -np.inf)
    np.testing.assert_array_equal(attention_forward(Q, K, V, bias)[0], attention_forward(Q, K, V, mask=mask)[0])


def test_query_that_may_look_at_nothing_gets_zeros():
    mask = np.ones((5, 4), bool)
    mask[2] = False
    y, cache = attention_forward(Q, K, V, mask=mask)
    np.testing.assert_array_equal(y[..., 2, :], 0)
    grads = attention_backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(grads.q[..., 2, :], 0)
    assert all(np.isfinite(grad).all() for grad in (grads.q, grads.k, grads.v))


def test_order_of_keys_does_not_matter():
    order = [2, 0, 3, 1]
    y, _ = attention_forward(Q, K[..., order, :], V[..., order, :])
    np.testing.assert_allclose(y, attention_forward(Q, K, V)[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"v": V[..., 1:, :]},
            r"v has shape \(2, 3, 3, 6\); expected \(..., S, V\), with S as in k",
        ),
        ({"q": Q[..., 1:]}, r"k has shape .*; expected \(..., S, K\), with K as in q"),
        ({"q": Q[:1]}, r"k has shape .*; expected \(..., S, K\), with ... as in q"),
        ({"bias": np.zeros((1, 2, 3, 5, 4))}, r"bias \(1, 2, 3, 5, 4\) does not broadcast to the scores"),
        ({"mask": np.ones((5, 1, 1, 5, 4), bool)}, "mask .* does not broadcast to the scores"),
        ({"bias": np.zeros((4, 5))}, r"bias \(4, 5\) does not broadcast to the scores \(2, 3, 5, 4\)"),
        ({"mask": np.ones((4, 5), bool)}, r"mask \(4, 5\) does not broadcast to the scores \(2, 3, 5, 4\)"),
    ],
)
def test_what_does_not_fit(changes, message):
    with pytest.raises(ValueError, match=message):
        attention_forward(**{"q": Q, "k": K, "v": V, **changes})


def test_mask_must_be_boolean():
    with pytest.raises(TypeError, match="mask has dtype float64; expected bool"):
        attention_forward(Q, K, V, mask=np.ones((5, 4)))
