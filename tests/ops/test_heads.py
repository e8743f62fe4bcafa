import numpy as np
import pytest

from minivit.ops import merge_heads_forward, split_heads_forward

X = np.random.default_rng(0).standard_normal((2, 3, 20))


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
