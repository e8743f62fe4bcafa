import numpy as np
import pytest
from matplotlib.figure import Figure

from minivit.plot import augmentations, mixtures
from minivit.train import pixel_operations
from minivit.train.randaugment import OPERATIONS

NAMES = ("ring", "star", "cross")


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (4, 12, 16, 3)).astype(np.uint8)


def drawn_images(figure):
    return [np.asarray(ax.images[0].get_array()) for ax in figure.axes if ax.axison]


def test_each_operation_at_each_magnitude(images):
    figure = augmentations(images[0])
    assert isinstance(figure, Figure)
    panels = [ax for ax in figure.axes if ax.axison]
    assert len(panels) == 16 * 3
    assert [ax.get_title(loc="left") for ax in panels[::3]] == list(OPERATIONS)
    assert [ax.get_xlabel() for ax in panels[:3]] == ["0", "10", "20"]
    shown = dict(zip(OPERATIONS, np.split(np.array(drawn_images(figure)), 16), strict=True))
    np.testing.assert_array_equal(shown["Rotate"][0], images[0])
    np.testing.assert_array_equal(shown["Rotate"][1], pixel_operations.rotate(images[0], 30.0))
    np.testing.assert_array_equal(shown["Posterize"][1], images[0] & 0xF0)
    np.testing.assert_array_equal(shown["Solarize"][0], 255 - images[0])


def test_other_magnitudes_and_grey_images(images):
    figure = augmentations(images[0, :, :, :1], magnitudes=[2.5])
    assert [ax.get_xlabel() for ax in figure.axes if ax.axison] == ["2.5"] * 16


def test_images_in_pairs(images):
    figure = mixtures(images, np.array([0, 1, 1, 2]), NAMES, lam=0.75)
    panels = [ax for ax in figure.axes if ax.axison]
    assert [panels[i].get_ylabel() for i in (0, 4, 8)] == ["images", "MixUp", "CutMix"]
    texts = [ax.get_xlabel() for ax in panels]
    assert texts[:4] == ["ring 100%", "star 100%", "star 100%", "cross 100%"]
    assert texts[4:8] == ["ring 75%\ncross 25%", "star 100%", "star 100%", "cross 75%\nring 25%"]
    shown = drawn_images(figure)
    np.testing.assert_array_equal(shown[4], np.round(0.75 * images[0] + 0.25 * images[3]).astype(np.uint8))
    taken = (shown[8] == images[3]).all(-1).mean()  # of CutMix, as much as the words say
    assert f"cross {taken:.0%}" in texts[8]


def test_what_cannot_be_drawn(images):
    with pytest.raises(ValueError, match="there are no magnitudes"):
        augmentations(images[0], magnitudes=[])
    with pytest.raises((TypeError, ValueError)):
        augmentations(images[0].astype(float))
    with pytest.raises((TypeError, ValueError)):
        mixtures(images, np.array([0, 1, 2]), NAMES)
