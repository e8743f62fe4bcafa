import numpy as np
import pytest

from minivit.ops import additive_attention_backward, additive_attention_forward, additive_attention_loops

RNG = np.random.default_rng(0)
Q, K, V = RNG.standard_normal((3, 5)), RNG.standard_normal((4, 5)), RNG.standard_normal((4, 2))
VECTOR = RNG.standard_normal(5)


def test_it_is_what_its_loops_say():
    y, _ = additive_attention_forward(Q, K, V, VECTOR)
    np.testing.assert_allclose(y, additive_attention_loops(Q, K, V, VECTOR), rtol=1e-13)


def test_the_order_of_what_is_looked_at_does_not_count():
    order = [2, 0, 3, 1]
    y, cache = additive_attention_forward(Q, K, V, VECTOR)
    other, other_cache = additive_attention_forward(Q, K[order], V[order], VECTOR)
    np.testing.assert_allclose(other, y, rtol=1e-13)
    np.testing.assert_allclose(other_cache.weights, cache.weights[:, order], rtol=1e-13)


def test_one_vector_is_looked_at_whatever_is_asked():
    y, cache = additive_attention_forward(Q, K[:1], V[:1], VECTOR)
    np.testing.assert_array_equal(y, np.repeat(V[:1], 3, axis=0))
    grads = additive_attention_backward(RNG.standard_normal(y.shape), cache)
    assert not grads.q.any()
    assert not grads.k.any()
    assert not grads.vector.any()


def test_what_is_forbidden_is_not_looked_at():
    mask = np.array([[True, False, True, False], [False] * 4, [True] * 4])
    y, cache = additive_attention_forward(Q, K, V, VECTOR, mask=mask)
    assert not cache.weights[~mask].any()
    np.testing.assert_array_equal(y[1], 0)  # it may look at nothing
    np.testing.assert_allclose(y[0], additive_attention_forward(Q[:1], K[::2], V[::2], VECTOR)[0][0], rtol=1e-13)
    grads = additive_attention_backward(np.ones_like(y), cache)
    assert all(np.isfinite(grad).all() for grad in grads)


def test_without_keys_there_is_nothing_and_no_gradient():
    y, cache = additive_attention_forward(Q, K[:0], V[:0], VECTOR)
    np.testing.assert_array_equal(y, np.zeros((3, 2)))
    grads = additive_attention_backward(np.ones_like(y), cache)
    assert [grad.shape for grad in grads] == [(3, 5), (0, 5), (0, 2), (5,)]
    assert not grads.q.any()
    assert not grads.vector.any()


@pytest.mark.parametrize("shape", [(3, 5), (4,), ()])
def test_a_wrong_mask_is_refused_in_one_sentence(shape):
    mask = np.ones(shape, bool)
    if shape == (3, 5):
        with pytest.raises(ValueError, match=r"mask \(3, 5\) does not broadcast to the scores \(3, 4\)"):
            additive_attention_forward(Q, K, V, VECTOR, mask=mask)
    else:
        additive_attention_forward(Q, K, V, VECTOR, mask=mask)
    with pytest.raises(TypeError, match="mask"):
        additive_attention_forward(Q, K, V, VECTOR, mask=mask.astype(float))
