"""What windows, their mask and relative positions promise beyond what all ops do."""

import numpy as np
import pytest

from minivit.ops.merge_patches import merge_patches_forward
from minivit.ops.relative_position import (
    relative_position_bias_backward,
    relative_position_bias_forward,
    relative_position_index,
)
from minivit.ops.windows import (
    shifted_window_mask,
    window_partition_backward,
    window_partition_forward,
    window_regions,
    window_reverse_backward,
    window_reverse_forward,
)

RNG = np.random.default_rng(0)
CUTS = [  # map, window, shift
    ((4, 6), (2, 3), (0, 0)),
    ((4, 6), (2, 3), (1, 1)),
    ((5, 7), (2, 3), (1, 2)),
    ((5, 7), (4, 4), (0, 3)),
    ((3, 2), (5, 4), (2, 1)),
    ((1, 1), (1, 1), (0, 0)),
]
every_cut = pytest.mark.parametrize(("size", "window", "shift"), CUTS)


def plain_windows(x, window):
    """As the definition says it: window after window, token after token."""
    (Y, X), (M, L) = x.shape[1:3], window
    return np.array(
        [
            [
                [x[b, row + i, column + j] for i in range(M) for j in range(L)]
                for row in range(0, Y, M)
                for column in range(0, X, L)
            ]
            for b in range(len(x))
        ]
    )


def test_windows_are_numbered_row_by_row_and_so_are_their_tokens():
    x = np.arange(24.0).reshape(1, 4, 6, 1)
    windows, _ = window_partition_forward(x, window_size=(2, 3))
    assert windows[0, 1, :, 0].tolist() == [3, 4, 5, 9, 10, 11]
    np.testing.assert_array_equal(windows, plain_windows(x, (2, 3)))


def test_the_map_rolls_up_and_to_the_left():
    x = np.arange(16.0).reshape(1, 4, 4, 1)
    windows, _ = window_partition_forward(x, window_size=2, shift_size=1)
    assert windows[0, 0, :, 0].tolist() == [5, 6, 9, 10]  # the middle of the map
    assert windows[0, 3, :, 0].tolist() == [15, 12, 3, 0]  # its four corners
    rolled = np.roll(x, (-1, -1), axis=(1, 2))
    np.testing.assert_array_equal(windows, plain_windows(rolled, (2, 2)))


def test_timm_rolls_before_it_fills_up_and_transformers_afterwards():
    x = np.arange(1, 4.0).reshape(1, 1, 3, 1)
    timm, _ = window_partition_forward(x, window_size=(1, 2), shift_size=(0, 1))
    assert timm[0, :, :, 0].tolist() == [[2, 3], [1, 0]]
    transformers, _ = window_partition_forward(x, window_size=(1, 2), shift_size=(0, 1), pad_first=True)
    assert transformers[0, :, :, 0].tolist() == [[2, 3], [0, 1]]


@every_cut
@pytest.mark.parametrize("pad_first", [False, True])
def test_what_is_cut_can_be_put_together(size, window, shift, pad_first):
    x = RNG.standard_normal((2, *size, 3))
    cut = {"window_size": window, "shift_size": shift, "pad_first": pad_first}
    windows, cache = window_partition_forward(x, **cut)
    assert windows.shape == (2, -(-size[0] // window[0]) * -(-size[1] // window[1]), window[0] * window[1], 3)
    y, reverse = window_reverse_forward(windows, map_size=size, **cut)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(window_partition_backward(windows, cache).x, x)
    np.testing.assert_array_equal(window_reverse_backward(x, reverse).x, windows)  # zeros where it was filled up
    assert np.count_nonzero(windows) == x.size


@every_cut
def test_who_may_look_at_whom_is_who_was_near_before_the_roll(size, window, shift):
    """Two tokens of a window were near if the roll took both around an edge, or neither."""
    mask = shifted_window_mask(size, window, shift)
    filled = [-(-side // M) * M for side, M in zip(size, window, strict=True)]
    places = np.stack(np.meshgrid(*map(np.arange, filled), indexing="ij"), -1)[None].astype(float)
    windows, _ = window_partition_forward(places, window_size=window, shift_size=shift)
    for members, allowed in zip(windows[0], mask, strict=True):
        for n, one in enumerate(members):
            for m, other in enumerate(members):
                assert allowed[n, m] == np.all((one < shift) == (other < shift))


def test_there_are_nine_regions():
    regions = window_regions(6, 2, 1)
    assert sorted(set(regions.ravel())) == list(range(9))
    assert regions[-1].tolist() == [4, 5, 7, 8]  # the last window: four corners that have nothing to do with each other
    assert shifted_window_mask(6, 2, 1)[-1].sum() == 4
    assert shifted_window_mask(6, 2).all()


def test_a_shift_is_less_than_a_window():
    x = np.zeros((1, 4, 4, 1))
    with pytest.raises(
        ValueError, match=r"window_partition: shift_size is 2, and the window 2 x 2; expected less than"
    ):
        window_partition_forward(x, window_size=2, shift_size=2)
    with pytest.raises(ValueError, match=r"window_partition: shift_size is -1; expected at least 0"):
        window_partition_forward(x, window_size=2, shift_size=-1)
    with pytest.raises(ValueError, match=r"window_partition: window_size is \(2, 0\); expected at least 1"):
        window_partition_forward(x, window_size=(2, 0))
    with pytest.raises(ValueError, match="shifted_window_mask: window_size is 0; expected at least 1"):
        shifted_window_mask(4, 0)


def test_windows_that_no_memory_would_hold():
    for side in (10**5, 10**9, 10**12):
        with pytest.raises(ValueError, match=rf"windows of {side} x {side} fill a map of 4 x 6 up to {side} x {side} "):
            window_partition_forward(np.zeros((1, 4, 6, 1)), window_size=side)
        with pytest.raises(ValueError, match=rf"windows of {side} x 1 fill a map of 4 x 99999 up to {side} x 99999 "):
            shifted_window_mask((4, 99999), (side, 1))


def test_gradients_of_a_table_are_real():
    _, cache = relative_position_bias_forward(np.zeros((9, 1)), window_size=2)
    with pytest.raises(TypeError, match="dy has dtype complex128; expected float32 or float64"):
        relative_position_bias_backward(np.zeros((1, 4, 4), complex), cache)


def test_windows_that_make_no_such_map():
    windows = np.zeros((1, 4, 4, 1))
    with pytest.raises(
        ValueError, match=r"4 windows of 4 tokens do not make a map of 4 x 6; expected 6 windows of 2 x 2"
    ):
        window_reverse_forward(windows, map_size=(4, 6), window_size=2)
    _, cache = window_reverse_forward(windows, map_size=4, window_size=2)
    with pytest.raises(
        ValueError, match=r"window_reverse_backward: dy has shape \(1, 4, 5, 1\); expected \(1, 4, 4, 1\)"
    ):
        window_reverse_backward(np.zeros((1, 4, 5, 1)), cache)


@pytest.mark.parametrize("window", [(2, 3), (3, 2), (1, 4), (1, 1), (4, 4)])
def test_relative_positions_are_the_way_from_key_to_query(window):
    rows, columns = window
    index = relative_position_index(rows, columns)
    for n in range(rows * columns):
        for m in range(rows * columns):
            down, right = n // columns - m // columns, n % columns - m % columns
            assert divmod(index[n, m], 2 * columns - 1) == (down + rows - 1, right + columns - 1)
    assert len(set(index.ravel())) == (2 * rows - 1) * (2 * columns - 1)  # each entry is read


def test_an_entry_gets_the_sum_of_all_pairs_that_read_it():
    table = RNG.standard_normal((15, 2))
    bias, cache = relative_position_bias_forward(table, window_size=(2, 3))
    assert bias.shape == (2, 6, 6)
    dbias = RNG.standard_normal(bias.shape)
    dtable = np.zeros_like(table)
    for h in range(2):
        np.add.at(dtable[:, h], relative_position_index(2, 3), dbias[h])
    np.testing.assert_allclose(relative_position_bias_backward(dbias, cache).table, dtable, atol=1e-14)
    ones = relative_position_bias_backward(np.ones_like(bias), cache).table
    assert ones[:, 0].tolist() == [1, 2, 3, 2, 1, 2, 4, 6, 4, 2, 1, 2, 3, 2, 1]  # so often each way is there


def test_a_table_for_another_window():
    with pytest.raises(
        ValueError, match=r"the table has 14 rows; a window of 2 x 3 needs \(2\*2 - 1\) \* \(2\*3 - 1\) = 15"
    ):
        relative_position_bias_forward(np.zeros((14, 2)), window_size=(2, 3))


def test_four_patches_side_by_side_in_the_order_of_the_official_code():
    x = RNG.standard_normal((2, 4, 6, 3))
    y, _ = merge_patches_forward(x)
    four = x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]
    np.testing.assert_array_equal(y, np.concatenate(four, axis=-1))


@pytest.mark.parametrize("size", [(1, 1), (3, 4), (4, 3), (5, 5)])
def test_odd_maps_are_filled_up_with_zeros(size):
    x = RNG.standard_normal((2, *size, 3))
    y, _ = merge_patches_forward(x)
    whole = np.zeros((2, size[0] + size[0] % 2, size[1] + size[1] % 2, 3))
    whole[:, : size[0], : size[1]] = x
    np.testing.assert_array_equal(y, merge_patches_forward(whole)[0])
