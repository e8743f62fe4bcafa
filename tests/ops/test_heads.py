import numpy as np
import pytest

from minivit.ops import (
    attention_loops,
    merge_heads_forward,
    multi_head_attention_backward,
    multi_head_attention_forward,
    split_heads_forward,
)

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 20))
Q, K, V = (RNG.standard_normal((2, 4, *shape)) for shape in ((3, 5), (7, 5), (7, 6)))


def test_head_owns_neighbouring_columns():
    heads, _ = split_heads_forward(X, num_heads=4)
    for h in range(4):
        np.testing.assert_array_equal(heads[:, h], X[:, :, 5 * h : 5 * h + 5])


def test_merge_undoes_split():
    heads, _ = split_heads_forward(X, num_heads=4)
    np.testing.assert_array_equal(merge_heads_forward(heads)[0], X)


def test_split_is_a_view():
    assert np.shares_memory(split_heads_forward(X, num_heads=4)[0], X)


def test_heads_must_divide_the_width():
    with pytest.raises(ValueError, match="width 20 is not divisible by num_heads 3"):
        split_heads_forward(X, num_heads=3)


def test_every_head_attends_on_its_own():
    y, cache = multi_head_attention_forward(Q, K, V)
    for b in range(2):
        for h in range(4):
            expected = attention_loops(Q[b, h], K[b, h], V[b, h])
            np.testing.assert_allclose(y[b, :, 6 * h : 6 * h + 6], expected, rtol=1e-12)
    assert cache.weights.shape == (2, 4, 3, 7)


def test_a_head_gets_the_gradient_of_its_columns():
    y, cache = multi_head_attention_forward(Q, K, V)
    dy = np.zeros_like(y)
    dy[..., 6:12] = 1
    for grad in multi_head_attention_backward(dy, cache)[:3]:
        assert grad[:, 1].any()
        assert not np.delete(grad, 1, axis=1).any()


def test_queries_without_any_key_get_zeros():
    y, cache = multi_head_attention_forward(Q, K[:, :, :0], V[:, :, :0])
    np.testing.assert_array_equal(y, np.zeros((2, 3, 24)))
    dq, dk, dv, dbias = multi_head_attention_backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(dq, np.zeros_like(Q))
    assert (dk.shape, dv.shape, dbias) == ((2, 4, 0, 5), (2, 4, 0, 6), None)


@pytest.mark.parametrize("shape", [(2, 3, 23), (2, 2, 24), (3, 3, 24)])
def test_a_cotangent_has_the_shape_of_the_output(shape):
    _, cache = multi_head_attention_forward(Q, K, V)
    with pytest.raises(ValueError, match=r"multi_head_attention_backward: dy has shape .*; expected \("):
        multi_head_attention_backward(np.ones(shape), cache)


@pytest.mark.parametrize("given", ["bias", "mask"])
def test_what_does_not_broadcast_to_the_scores(given):
    array = {"bias": np.ones((5, 3, 7)), "mask": np.ones((5, 3, 7), bool)}[given]
    with pytest.raises(ValueError, match=rf"{given} \(5, 3, 7\) does not broadcast to the scores \(2, 4, 3, 7\)"):
        multi_head_attention_forward(Q, K, V, **{given: array})
