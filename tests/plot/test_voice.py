from typing import Any

import numpy as np
import pytest

from minivit.audio.tube import TUBES, tube_formants, tube_response
from minivit.audio.voice import FORMANTS
from minivit.plot import source_and_filter, vocal_tube

from .drawn import texts


def dashed(panel: Any) -> list[float]:
    """Where lines are drawn from the bottom to the top, in hertz."""
    return [1000 * float(line.get_xdata()[0]) for line in panel.lines if len(set(line.get_xdata())) == 1]


@pytest.mark.parametrize("name", TUBES)
def test_a_tube_beside_its_formants(name):
    figure: Any = vocal_tube(name)
    left, right = figure.axes
    x, wall = left.lines[0].get_data()
    lengths, areas = np.array(TUBES[name]).T
    np.testing.assert_allclose(x[::2], [0, *np.cumsum(lengths)[:-1]])
    np.testing.assert_allclose(np.pi * wall[::2] ** 2, areas)
    np.testing.assert_allclose(dashed(right), tube_formants(TUBES[name]))
    np.testing.assert_allclose(
        right.lines[0].get_ydata(), tube_response(1000 * right.lines[0].get_xdata(), TUBES[name])
    )
    assert f"of '{name}', and its formants: {tube_formants(TUBES[name])[0]:.0f}, " in figure.get_suptitle()


def test_tubes_of_ones_own():
    figure: Any = vocal_tube([(5.0, 1.0), (5.0, 2.0), (5.0, 3.0)])
    assert figure.get_suptitle().startswith("A vocal tract, and its formants: ")
    with pytest.raises(ValueError, match="tubes are 'y'; expected one of uh, a, ae, i, or tubes"):
        vocal_tube("y")


def test_source_filter_and_sound():
    """The harmonics of the source are even; those of the sound are strongest where the formants are."""
    panels: Any = source_and_filter("i", pitch=100.0).axes
    assert [panel.get_title() for panel in panels] == [
        "source: pulses of the glottis",
        "filter: the tract of 'i'",
        "sound: the vowel 'i'",
    ]
    for panel in panels[1:]:
        np.testing.assert_allclose(dashed(panel)[:3], FORMANTS["i"])
        assert texts(panel)[:3] == ["F1", "F2", "F3"]
        khz, level = panel.lines[0].get_data()
        near = (khz > 1.8) & (khz < 2.6)
        assert khz[near][level[near].argmax()] == pytest.approx(2.29, abs=0.06)
    assert dashed(panels[0]) == []
    khz, level = panels[0].lines[0].get_data()
    assert 1000 * khz[level.argmax()] == pytest.approx(100, abs=2)
    with pytest.raises(ValueError, match="name is 'y'; expected one of a, e, i, o, u"):
        source_and_filter("y")
