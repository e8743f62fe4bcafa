import numpy as np
import pytest

from minivit.plot import matches
from tests.unchecked import without_annotations

SIMILARITY = np.array([[0.91, -0.2, 0.3], [0.1, 0.25, 0.77]])


def test_matches(rng):
    images = rng.integers(0, 256, (2, 6, 9, 3)).astype(np.uint8)
    figure = matches(images, ["a red circle", "a blue star left of a white ring", "b"], SIMILARITY)
    *panels, matrix, _ = figure.axes
    np.testing.assert_array_equal([ax.images[0].get_array() for ax in panels], images)
    np.testing.assert_array_equal(matrix.images[0].get_array(), SIMILARITY)
    bold = {text.get_text() for text in matrix.texts if text.get_fontweight() == "bold"}
    assert bold == {"0.91", "0.77"}
    assert [label.get_text() for label in matrix.get_xticklabels()][1].replace("\n", " ").startswith("a blue star")


def test_what_does_not_fit(rng):
    images = np.zeros((2, 4, 4, 3), np.uint8)
    with pytest.raises(ValueError, match="similarity"):
        without_annotations(matches)(images, ["a", "b", "c"], SIMILARITY[:1])
    with pytest.raises(ValueError, match="similarity"):
        without_annotations(matches)(images, ["a", "b"], SIMILARITY)
