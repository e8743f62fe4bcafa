import numpy as np
import pytest

from minivit.plot import completions, drawn
from tests.unchecked import without_annotations


@pytest.fixture
def images(rng):
    return rng.integers(0, 256, (5, 6, 9, 3)).astype(np.uint8)


def shown(figure):
    return [ax.images[0].get_array() for ax in figure.axes if ax.images]


def test_drawn(images):
    figure = drawn(images, columns=3, title="Sixteen colours")
    np.testing.assert_array_equal(shown(figure), images)
    assert figure.get_suptitle() == "Sixteen colours"


def test_completions(images):
    """From above: what was given, each trial, what is there."""
    trials = np.stack([images[::-1], images // 2])
    figure = completions(images, images // 3, trials)
    np.testing.assert_array_equal(shown(figure), np.concatenate([images // 3, *trials, images]))
    assert [ax.get_ylabel() for ax in figure.axes[::5]] == ["given", "completed 1", "completed 2", "true"]


def test_as_many_in_each_row(images):
    with pytest.raises(ValueError, match="given"):
        without_annotations(completions)(images, images[:4], images[None])
    with pytest.raises(ValueError, match="completed_1"):
        without_annotations(completions)(images, images, images[None, :4])
