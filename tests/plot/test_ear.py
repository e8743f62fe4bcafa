from typing import Any

import numpy as np
import pytest

from minivit.audio import cochleagram, greenwood, vowel
from minivit.plot import cochleagram_beside_spectrogram, ear_maps, ear_responses


@pytest.mark.parametrize("species", ["cat", "human"])
def test_curves_from_the_apex_to_the_base(ax, species):
    places = [0.2, 0.5, 0.9]
    assert ear_responses(species, places=places, ax=ax) is ax
    assert ax.get_xscale() == "log"
    for line, best in zip(ax.lines, np.asarray(greenwood(np.array(places), species=species)), strict=True):
        frequency, level = line.get_data()
        assert frequency[level.argmax()] == pytest.approx(best, rel=0.05)
        assert level.max() == pytest.approx(0, abs=0.05)
        assert frequency[0] < best / 2 < 1.5 * best < frequency[-1]
    assert species in ax.get_title(loc="left")
    assert len(ear_responses().lines) == 11


def test_both_maps(ax):
    ear_maps(ax=ax)
    ends = {text.get_text(): text.xy for text in ax.texts}
    assert ends["human"] == pytest.approx((35, 20_677), abs=1)
    assert ends["cat"] == pytest.approx((25, 57_042), abs=1)


def test_a_sound_as_frames_and_as_places():
    y = vowel("a", duration=0.3)
    panels: Any = cochleagram_beside_spectrogram(y, sr=16_000, db=50.0).axes
    assert [panel.get_title() for panel in panels[:2]] == ["spectrogram", "cochleagram of a human"]
    shapes = [np.asarray(panel.images[0].get_array()).shape for panel in panels[:2]]
    assert shapes == [(257, 38), (96, 30)]
    expected = cochleagram(y, sr=16_000, n_filters=96)
    drawn = np.asarray(panels[1].images[0].get_array())
    np.testing.assert_allclose(drawn, np.maximum(10 * np.log10(expected / expected.max()), -50), atol=1e-3)
    cat: Any = cochleagram_beside_spectrogram(y, sr=16_000, species="cat").axes
    assert cat[1].get_title() == "cochleagram of a cat"
