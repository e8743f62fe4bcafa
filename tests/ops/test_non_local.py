"""Attention without a softmax, beside the definition."""

import numpy as np
import pytest

from minivit.ops import (
    concatenation_mean_backward,
    concatenation_mean_forward,
    dot_product_mean_forward,
    non_local_loops,
)

RNG = np.random.default_rng(0)
Q, K, V = (RNG.standard_normal((2, 3, n, width)) for n, width in ((5, 4), (7, 4), (7, 6)))
VECTOR = RNG.standard_normal(8)


@pytest.mark.parametrize(
    ("forward", "vector"), [(dot_product_mean_forward, ()), (concatenation_mean_forward, (VECTOR,))]
)
def test_it_is_what_the_loops_say(forward, vector):
    y, cache = forward(Q, K, V, *vector)
    for b, h in np.ndindex(2, 3):
        np.testing.assert_allclose(y[b, h], non_local_loops(Q[b, h], K[b, h], V[b, h], *vector), rtol=1e-12)
    np.testing.assert_allclose(y, cache.weights @ V, rtol=1e-12)


def test_without_a_softmax_the_brackets_may_stand_elsewhere():
    y, _ = dot_product_mean_forward(Q, K, V)
    np.testing.assert_allclose(y, Q @ (K.mT @ V) / 7, rtol=1e-12)


def test_a_place_that_is_cut_off_has_no_gradient():
    y, cache = concatenation_mean_forward(-np.abs(Q), -np.abs(K), V, np.abs(VECTOR))
    assert not y.any()
    assert not any(grad.any() for grad in concatenation_mean_backward(np.ones_like(y), cache))


def test_a_vector_of_another_length_is_refused():
    with pytest.raises(ValueError, match="vector has 7 numbers; queries and keys of 4 need 8"):
        concatenation_mean_forward(Q, K, V, VECTOR[:7])
