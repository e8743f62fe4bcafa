"""What counts for one place, drawn."""

import numpy as np
import pytest

from minivit.plot import influences

IMAGE = np.zeros((4, 6, 3), np.uint8)


@pytest.mark.parametrize("count", [1, 3, 20])
def test_the_first_and_the_last_block_are_drawn_and_what_has_no_say_is_white(count):
    maps = {f"blocks.{i}": np.eye(4, 6) * (i + 1) for i in range(count)}
    figure = influences(IMAGE, maps)
    drawn = [ax for ax in figure.axes if ax.images]
    titles = [ax.get_title() for ax in drawn]
    assert titles[:2] == ["image", "1: 17%"]
    assert titles[-1] == f"{count}: 17%"
    assert len(titles) == 1 + min(count, 8)
    shown = np.ma.asarray(drawn[-1].images[0].get_array())
    np.testing.assert_array_equal(np.ma.getmaskarray(shown), np.eye(4, 6) == 0)


def test_no_block_after_which_more_is_seen_is_left_out():
    counts = [1, 2, 3, 4, 5, 5, 5, 9, 9, 9, 24, 24]
    maps = {f"blocks.{i}": (np.arange(24) < count).reshape(4, 6) * 1.0 for i, count in enumerate(counts)}
    titles = [ax.get_title() for ax in influences(IMAGE, maps).axes if ax.images]
    numbers = [int(title.split(":")[0]) for title in titles[1:]]
    assert numbers == [1, 2, 3, 4, 5, 8, 11, 12]


def test_a_place_for_which_nothing_counts():
    figure = influences(IMAGE, {"blocks.0": np.zeros((4, 6))})
    assert figure.axes[1].get_title() == "1: 0%"
