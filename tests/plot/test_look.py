import numpy as np
import pytest

from minivit.plot import photographs
from minivit.plot.look import beside

RNG = np.random.default_rng(0)


def inputs(heads: int = 6, grids=((5, 8), (6, 4))):
    images = [RNG.integers(0, 256, (rows * 4, columns * 4, 3), np.uint8) for rows, columns in grids]
    return images, [RNG.random((heads, *grid)) for grid in grids], [RNG.random((*grid, 3)) for grid in grids]


@pytest.mark.parametrize("heads", [1, 3, 4, 6, 12, 16])
def test_every_head_and_both_pictures_have_a_panel(heads: int) -> None:
    images, attention, colours = inputs(heads)
    figure = photographs(images, attention, colours)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles == ["photograph", "three components", *[f"head {h + 1}" for h in range(heads)]] * 2
    drawn = figure.axes[2].images[0].get_array()
    np.testing.assert_array_equal(drawn, attention[0][0])
    np.testing.assert_array_equal(figure.axes[1].images[0].get_array(), colours[0])


def test_lines_lead_from_patch_to_patch() -> None:
    images, attention, colours = inputs()
    pairs = np.array([[[0, 0], [5, 3]], [[4, 7], [0, 1]]])
    ax = photographs(images, attention, colours, [pairs]).axes[-1]
    _, offset = beside(*images)
    lines = [np.asarray(line.get_xydata()).tolist() for line in ax.lines]
    assert lines == [[[2, 2], [offset + 14, 22]], [[30, 18], [offset + 6, 2]]]
    assert not photographs(images, attention, colours, [pairs[:0]]).axes[-1].lines


def test_lists_of_other_lengths() -> None:
    images, attention, colours = inputs()
    with pytest.raises(ValueError, match="there are 2 images and 1 attention; expected as many"):
        photographs(images, attention[:1], colours)
    with pytest.raises(ValueError, match="there are 2 photographs and 2 lists of pairs; expected one fewer"):
        photographs(images, attention, colours, [np.zeros((0, 2, 2), int)] * 2)
