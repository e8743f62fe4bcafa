"""Matching: scipy's against trying all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minivit.ops.matching import match, match_literal


@given(seed=st.integers(0, 2**32 - 1), queries=st.integers(1, 5), objects=st.integers(0, 5))
def test_equal_to_trying_all(seed, queries, objects):
    cost = np.random.default_rng(seed).standard_normal((queries, objects))
    found, literal = match(cost), match_literal(cost)
    np.testing.assert_array_equal(found.rows, literal.rows)
    np.testing.assert_array_equal(found.columns, literal.columns)
    assert len(found.rows) == min(queries, objects)
    assert len({*found.rows.tolist()}) == len({*found.columns.tolist()}) == len(found.rows)


def test_greedy_is_worse():
    """The first object would take what the second needs more."""
    cost = np.array([[1.0, 2.0], [2.0, 9.0]])
    rows, columns = match(cost)
    assert cost[rows, columns].sum() == 4
    assert rows.tolist() == [0, 1]
    assert columns.tolist() == [1, 0]


@pytest.mark.parametrize("bad", [np.nan, -np.inf])
def test_costs_that_are_no_costs(bad):
    with pytest.raises(ValueError, match="a cost is nan or minus infinity"):
        match(np.array([[0.0, bad]]))
