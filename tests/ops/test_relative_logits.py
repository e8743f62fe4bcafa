"""Rows and columns of relative positions, beside the definition and the paper's ways."""

import numpy as np
import pytest

from minivit.ops import relative_index, relative_logits_forward, relative_logits_loops
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("queries", "keys"), [((3, 5), (3, 5)), ((4, 6), (2, 3)), ((2, 3), (4, 9))])
def test_it_is_what_the_loops_say(queries, keys):
    indices = {"row_index": relative_index(queries[0], keys[0]), "column_index": relative_index(queries[1], keys[1])}
    tables = RNG.standard_normal((9, 4)), RNG.standard_normal((17, 4))
    q = RNG.standard_normal((2, 3, queries[0] * queries[1], 4))
    logits, _ = relative_logits_forward(q, *tables, **indices)
    for b, h in np.ndindex(2, 3):
        np.testing.assert_allclose(logits[b, h], relative_logits_loops(q[b, h], *tables, **indices), atol=1e-13)


def test_the_ways_of_a_map_are_numbered_from_the_longest_up_to_the_longest_down():
    np.testing.assert_array_equal(relative_index(3, 3), [[2, 1, 0], [3, 2, 1], [4, 3, 2]])


def test_a_coarser_map_is_spread_over_the_finer_one():
    np.testing.assert_array_equal(relative_index(4, 2), [[2, 0], [3, 1], [4, 2], [5, 3]])
    np.testing.assert_array_equal(relative_index(2, 4), [[3, 2, 1, 0], [5, 4, 3, 2]])


def test_ways_are_rounded_as_by_the_official_code():
    """In float32: the way from the last key to query y is y, exactly, and less by a rounding (printed by PyTorch)."""
    assert relative_index(8, 7)[:, -1].tolist() == [0, 0, 1, 2, 3, 4, 5, 6]
    assert relative_index(11, 10)[:, -1].tolist() == [*range(0, 1), *range(0, 10)]


@pytest.mark.parametrize(("queries", "keys"), [(10, 3), (5, 3), (3, 5), (7, 4), (4, 9), (56, 14), (7, 7), (1, 4)])
def test_places_are_spread_and_cut_off_as_in_the_official_code(queries, keys):
    """Also where one number does not divide the other."""
    index, apart = relative_index(queries, keys), max(queries / keys, 1)
    for i in range(queries):
        for j in range(keys):
            assert index[i, j] == int(i * max(keys / queries, 1) - j * apart + (keys - 1) * apart)
    assert 0 <= index.min() <= index.max() < 2 * max(queries, keys) - 1


def test_a_map_that_moves_keeps_its_scores():
    """What lies two rows below is the same wherever one looks from."""
    q = np.broadcast_to(RNG.standard_normal(3), (12, 3))
    tables = RNG.standard_normal((7, 3)), RNG.standard_normal((5, 3))
    logits, _ = relative_logits_forward(q, *tables, row_index=relative_index(4, 4), column_index=relative_index(3, 3))
    logits = logits.reshape(4, 3, 4, 3)
    np.testing.assert_allclose(logits[1:, 1:, 1:, 1:], logits[:-1, :-1, :-1, :-1], rtol=1e-12)


def test_what_is_refused():
    q, table, index = np.ones((6, 2)), np.ones((3, 2)), np.zeros((2, 2), int)
    with pytest.raises(ValueError, match="relative_logits: q has 6 queries; the indices are for a map of 2 x 2"):
        relative_logits_forward(q, table, table, row_index=index, column_index=index)
    with pytest.raises(ValueError, match="3"):
        relative_logits_forward(q[:4], table, table, row_index=index + 3, column_index=index)
    with pytest.raises(TypeError):
        relative_logits_forward(q[:4], table, table, row_index=index, column_index=index + 0.5)


def test_an_index_of_nothing():
    with pytest.raises(ValueError, match="relative_index: queries is 0; expected at least 1"):
        relative_index(0, 3)
    with pytest.raises(TypeError, match=r"relative_index: keys is 3\.0; expected int"):
        without_annotations(relative_index)(2, 3.0)  # pyright: ignore[reportArgumentType]
