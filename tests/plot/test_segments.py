"""Maps of classes over images."""

import numpy as np
import pytest

from minivit import plot
from minivit.plot.segments import colour, coloured
from tests.unchecked import without_annotations

IMAGES = np.full((3, 8, 12, 3), 90, np.uint8)
SAID = np.zeros((3, 8, 12), np.uint8)
SAID[0, 2:5, 3:9], SAID[2] = 1, 3
TRUTH = np.where(SAID == 3, 255, SAID)
NAMES = ("background", "a $5_$", "b", "c")


def test_each_image_stands_beside_its_maps() -> None:
    figure = plot.segments(IMAGES, SAID, NAMES, truth=TRUTH)
    panels = [ax for ax in figure.axes if ax.images]
    assert [len(ax.images) for ax in panels] == [1, 2, 2] * 3
    assert [ax.get_title() for ax in panels] == ["image", "said", "true"] * 2 + [""] * 3
    for i in range(3):
        for ax, classes in ((panels[3 * i + 1], SAID[i]), (panels[3 * i + 2], TRUTH[i])):
            alpha = np.asarray(ax.images[1].get_array())[..., 3]
            np.testing.assert_array_equal(alpha > 0, classes > 0)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a $5_$", "c"]


def test_one_picture_of_which_nothing_is_known() -> None:
    figure = plot.segments(IMAGES[:1], np.zeros((1, 8, 12), np.uint8), NAMES)
    assert [ax.get_title() for ax in figure.axes] == ["image", "said"]
    assert not figure.legends


def test_every_class_has_a_colour_of_its_own() -> None:
    classes = np.arange(256).reshape(16, 16)
    colours = coloured(classes, 151)
    assert colours[0, 0, 3] == 0
    assert len({*map(tuple, colours.reshape(-1, 4)[1:151].round(4).tolist())}) == 150
    np.testing.assert_array_equal(colours.reshape(-1, 4)[151:], np.broadcast_to((0.5, 0.5, 0.5, 0.85), (105, 4)))
    np.testing.assert_allclose(colours[0, 1, :3], colour(1))


@without_annotations
def test_other_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="truth"):
        plot.segments(IMAGES, SAID, NAMES, truth=TRUTH[:2])
