"""Directions, and attention that compares nothing else."""

import numpy as np
import pytest

from minivit.ops import (
    attention_forward,
    cosine_attention_backward,
    cosine_attention_forward,
    unit_vectors_backward,
    unit_vectors_forward,
)

RNG = np.random.default_rng(0)
Q, K, V = RNG.standard_normal((3, 2, 3, 5, 4))
SCALE = np.log([[[1.0]], [[10.0]], [[1000.0]]])


def test_vectors_of_length_one_and_zeros_as_they_are():
    x = np.array([[3.0, 4.0], [0.0, 0.0], [-5e-300, 0.0]])
    y, cache = unit_vectors_forward(x)
    np.testing.assert_allclose(y, [[0.6, 0.8], [0, 0], [-5e-288, 0]], rtol=1e-12)
    (dx,) = unit_vectors_backward(np.ones((3, 2)), cache)
    np.testing.assert_allclose(dx, [[0.032, -0.024], [1e12, 1e12], [1e12, 1e12]], rtol=1e-12)


def test_lengths_of_queries_and_keys_do_not_matter():
    y, cache = cosine_attention_forward(Q, K, V, SCALE)
    again, _ = cosine_attention_forward(7 * Q, K / 9, V, SCALE)
    np.testing.assert_allclose(again, y, rtol=1e-12)
    dq, dk, *_ = cosine_attention_backward(RNG.standard_normal(y.shape), cache)
    np.testing.assert_allclose((dq * Q).sum(-1), 0, atol=1e-12)  # to be longer would change nothing
    np.testing.assert_allclose((dk * K).sum(-1), 0, atol=1e-12)


def test_scores_are_cosines_and_the_scale_ends_at_a_hundred():
    y, cache = cosine_attention_forward(Q, K, V, SCALE)
    cosines = np.einsum("bhnk,bhsk->bhns", Q, K)
    cosines /= np.linalg.norm(Q, axis=-1)[..., None] * np.linalg.norm(K, axis=-1)[..., None, :]
    scores = cosines * np.array([1.0, 10.0, 100.0])[:, None, None]
    expected, _ = attention_forward(np.zeros_like(Q), K, V, scores)
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    dscale = cosine_attention_backward(np.ones_like(y) * V, cache).logit_scale
    assert dscale[2] == 0
    assert np.all(dscale[:2])


def test_each_head_has_a_scale():
    with pytest.raises(ValueError, match=r"cosine_attention: logit_scale has shape \(2, 1, 1\)"):
        cosine_attention_forward(Q, K, V, SCALE[:2])


def test_a_vector_with_a_number_that_is_none_has_no_direction():
    """Its length is none either: no other number is divided by the shortest length instead."""
    y, _ = unit_vectors_forward(np.array([[np.nan, 1.0, 2.0], [0.0, 3.0, 4.0]]))
    np.testing.assert_array_equal(y, [[np.nan] * 3, [0, 0.6, 0.8]])
