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
from tests.unchecked import without_annotations

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


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: spatial_shifts(-1), ValueError, "spatial_shifts: channels is -1; expected at least 1"),
        (lambda: spatial_shifts(4.0), TypeError, r"spatial_shifts: channels is 4\.0; expected int"),
        (lambda: cycle_offsets(4, along=2), ValueError, "cycle_offsets: along is 2; expected at least 0 and at most 1"),
        (lambda: cycle_offsets(4, along=-1), ValueError, "cycle_offsets: along is -1; expected at least 0"),
        (lambda: cycle_offsets(4, along=0, steps=0), ValueError, "cycle_offsets: steps is 0; expected at least 1"),
    ],
)
def test_offsets_that_are_none(call, error, says):
    with pytest.raises(error, match=says):
        without_annotations(call)()


def test_offsets_longer_than_any_map():
    x = RNG.standard_normal((1, 2, 3, 2))
    far = np.array([[2**63 - 1, 0], [0, -(2**63)]])
    for repeat in (True, False):
        y, cache = shift_channels_forward(x, offsets=far, repeat=repeat)
        near, c_near = shift_channels_forward(x, offsets=far.clip(-5, 5), repeat=repeat)
        np.testing.assert_array_equal(y, near)
        np.testing.assert_array_equal(shift_channels_backward(x, cache).x, shift_channels_backward(x, c_near).x)


def test_shares_of_each_channel_sum_to_one():
    x, scores = np.ones((2, 3, 5, 4)), RNG.standard_normal((2, 3, 4))
    y, _ = split_attention_forward(x, scores)
    np.testing.assert_allclose(y, 1, rtol=1e-12)
    one_only = np.where(np.arange(3)[:, None] == 1, 0, -np.inf) + np.zeros((2, 3, 4))
    x = RNG.standard_normal((2, 3, 5, 4))
    np.testing.assert_array_equal(split_attention_forward(x, one_only)[0], x[:, 1])
