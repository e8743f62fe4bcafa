import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minivit.check import CASES
from minivit.ops import (
    attention_backward,
    attention_chunked_backward,
    attention_chunked_forward,
    attention_forward,
)


@given(seed=st.integers(0, 2**32 - 1), block_size=st.integers(1, 11))
def test_equals_attention(seed, block_size):
    rng = np.random.default_rng(seed)
    args, kwargs = CASES["attention"](rng)
    y, cache = attention_forward(*args, **kwargs)
    chunked, chunked_cache = attention_chunked_forward(*args, **kwargs, block_size=block_size)
    np.testing.assert_allclose(chunked, y, rtol=1e-12, atol=1e-12)
    dy = rng.standard_normal(y.shape)
    grads, expected = attention_chunked_backward(dy, chunked_cache), attention_backward(dy, cache)
    for grad, expected_grad in zip(grads, expected, strict=True):
        if grad is None or expected_grad is None:
            assert grad is expected_grad
        else:
            np.testing.assert_allclose(grad, expected_grad, rtol=1e-12, atol=1e-12)


def test_large_scores_do_not_overflow():
    q, k = np.full((3, 2), 1e3, np.float32), np.array([[1, 1], [-1, -1], [2, 2]], np.float32)
    v = np.eye(3, dtype=np.float32)
    y, cache = attention_chunked_forward(q, k, v, block_size=1)
    np.testing.assert_array_equal(y, [[0, 0, 1]] * 3)
    assert all(np.isfinite(grad).all() for grad in attention_chunked_backward(y, cache)[:3])


def test_query_that_may_look_at_nothing_gets_zeros():
    q, k, v = (np.ones((5, 3)) for _ in range(3))
    mask = np.arange(5)[:, None] > np.arange(5)  # the first query sees nothing, the second one key, ...
    y, cache = attention_chunked_forward(q, k, v, mask=mask, block_size=2)
    np.testing.assert_array_equal(y, [[0] * 3] + [[1] * 3] * 4)
    assert all(np.isfinite(grad).all() for grad in attention_chunked_backward(np.ones_like(y), cache)[:3])


def test_an_image_of_128_by_64_pixels_as_tokens_takes_little_memory():
    """One head over 8,192 tokens: the matrix of weights alone would be 256 MiB."""
    rng = np.random.default_rng(0)
    q, k, v, dy = (rng.standard_normal((8_192, 32), np.float32) for _ in range(4))
    tracemalloc.start()
    _, cache = attention_chunked_forward(q, k, v)
    attention_chunked_backward(dy, cache)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 2**20


@given(seed=st.integers(0, 2**32 - 1), block_size=st.integers(1, 11))
def test_causal_equals_attention_with_a_triangle_for_a_mask(seed, block_size):
    """Also with a bias and another mask, and with keys of tokens before the queries."""
    rng = np.random.default_rng(seed)
    args, kwargs = CASES["attention"](rng)
    N, S = args[0].shape[-2], args[1].shape[-2]
    if N > S:
        args = (args[0][..., :S, :], args[1], args[2], None)
        N, kwargs["mask"] = S, None
    seen = np.tri(N, S, S - N, dtype=bool)
    both = seen if kwargs["mask"] is None else seen & kwargs["mask"]
    y, cache = attention_forward(*args, mask=both, scale=kwargs["scale"])
    chunked, chunked_cache = attention_chunked_forward(*args, **kwargs, causal=True, block_size=block_size)
    np.testing.assert_allclose(chunked, y, rtol=1e-12, atol=1e-12)
    dy = rng.standard_normal(y.shape)
    grads, expected = attention_chunked_backward(dy, chunked_cache), attention_backward(dy, cache)
    for grad, expected_grad in zip(grads, expected, strict=True):
        if expected_grad is not None:
            np.testing.assert_allclose(grad, expected_grad, rtol=1e-12, atol=1e-12)


def test_causal_needs_a_key_in_the_place_of_each_query():
    with pytest.raises(ValueError, match="there are 4 queries and 3 keys; expected at least as many keys if causal"):
        attention_chunked_forward(np.zeros((4, 2)), np.zeros((3, 2)), np.zeros((3, 2)), causal=True)


def test_block_size_must_be_positive():
    x = np.zeros((3, 2))
    with pytest.raises(ValueError, match="block_size is 0; expected at least 1"):
        attention_chunked_forward(x, x, x, block_size=0)


def test_shapes_are_checked_as_for_attention():
    with pytest.raises(ValueError, match=r"k has shape \(4, 5\); expected \(..., S, K\), with K as in q"):
        attention_chunked_forward(np.zeros((3, 2)), np.zeros((4, 5)), np.zeros((4, 5)))
