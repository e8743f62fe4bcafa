"""Shifted channels, beside the definition; and maps that are added up."""

import numpy as np
import pytest

from minivit.ops import (
    cycle_offsets,
    shift_channels_backward,
    shift_channels_forward,
    shift_channels_loops,
    spatial_shifts,
    split_attention_forward,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("repeat", [True, False])
@pytest.mark.parametrize("offsets", [spatial_shifts(6), cycle_offsets(6, along=1), RNG.integers(-5, 6, (6, 2))])
def test_it_is_what_the_loops_say(offsets, repeat):
    x = RNG.standard_normal((2, 3, 4, 6))
    y, cache = shift_channels_forward(x, offsets=offsets, repeat=repeat)
    np.testing.assert_array_equal(y, shift_channels_loops(x, offsets=offsets, repeat=repeat))
    dy = RNG.standard_normal(x.shape)
    (dx,) = shift_channels_backward(dy, cache)
    for place in [
        (0, 0, 0, 0),
        (1, 2, 3, 5),
        (0, 1, 0, 3),
        (1, 0, 2, 2),
    ]:
        one = np.zeros_like(x)
        one[place] = 1
        assert dx[place] == pytest.approx((dy * shift_channels_loops(one, offsets=offsets, repeat=repeat)).sum())


def test_a_quarter_looks_each_way_and_edges_repeat():
    x = np.broadcast_to(np.arange(9.0).reshape(1, 3, 3, 1), (1, 3, 3, 4))
    y, _ = shift_channels_forward(x, offsets=spatial_shifts(4))
    np.testing.assert_array_equal(y[0, :, 0, 0], [0, 0, 3])  # what is above
    np.testing.assert_array_equal(y[0, :, 0, 1], [3, 6, 6])  # below
    np.testing.assert_array_equal(y[0, 0, :, 2], [0, 0, 1])  # on the left
    np.testing.assert_array_equal(y[0, 0, :, 3], [1, 2, 2])  # on the right
    again, _ = shift_channels_forward(x, offsets=spatial_shifts(4, rows_first=False))
    np.testing.assert_array_equal(again[..., [2, 3, 0, 1]], y)


def test_parts_of_channels_that_are_no_multiple_of_four():
    np.testing.assert_array_equal(spatial_shifts(6)[:, 0], [-1, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(spatial_shifts(6)[:, 1], [0, 0, 0, -1, 1, 1])


def test_a_cycle_begins_in_its_middle():
    np.testing.assert_array_equal(cycle_offsets(7, along=1)[:, 1], [0, 1, -1, 0, 1, -1, 0])
    np.testing.assert_array_equal(cycle_offsets(4, steps=4, along=0), [[0, 0], [1, 0], [-2, 0], [-1, 0]])


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"shift_channels: offsets has shape \(3, 2\)"):
        shift_channels_forward(np.ones((1, 2, 2, 4)), offsets=spatial_shifts(3))
    with pytest.raises(TypeError, match="shift_channels: offsets has dtype float64; expected integers"):
        shift_channels_forward(np.ones((1, 2, 2, 4)), offsets=np.zeros((4, 2)))


def test_shares_of_each_channel_sum_to_one():
    x, scores = np.ones((2, 3, 5, 4)), RNG.standard_normal((2, 3, 4))
    y, _ = split_attention_forward(x, scores)
    np.testing.assert_allclose(y, 1, rtol=1e-12)
    one_only = np.where(np.arange(3)[:, None] == 1, 0, -np.inf) + np.zeros((2, 3, 4))
    x = RNG.standard_normal((2, 3, 5, 4))
    np.testing.assert_array_equal(split_attention_forward(x, one_only)[0], x[:, 1])
