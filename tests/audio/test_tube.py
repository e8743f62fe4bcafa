from typing import Any

import numpy as np
import pytest

from minivit.audio import tube_formants, tube_response
from minivit.audio.tube import LOSS, TUBES
from minivit.audio.voice import FORMANTS
from tests.unchecked import without_annotations


def test_a_tube_that_is_as_wide_everywhere_rings_at_odd_quarters_of_a_wave():
    """And it makes no difference how wide it is, or of how many pieces."""
    expected = [500, 1500, 2500, 3500, 4500]
    for tubes in (TUBES["uh"], ((17.5, 0.1),), ((10.0, 2.0), (7.5, 2.0)), [(3.5, 4.0)] * 5):
        np.testing.assert_allclose(tube_formants(tubes), expected, atol=1e-3)
    np.testing.assert_allclose(tube_formants(((17.5, 1.0),), highest=2000.0), [500, 1500], atol=1e-3)


@pytest.mark.parametrize(("name", "expected"), [("a", [789, 1276, 2808]), ("i", [257, 1904, 2917])])
def test_two_tubes_make_a_vowel(name, expected):
    """As in the tables of textbooks, and near to what 33 men have said."""
    found = tube_formants(TUBES[name])
    np.testing.assert_allclose(found[:3], expected, atol=1)
    np.testing.assert_allclose(found[:3], FORMANTS[name], rtol=0.2)


def test_two_tubes_by_their_equation():
    """Where nothing is lost, resonances of two tubes are where A2 cos(k l1) cos(k l2) = A1 sin(k l1) sin(k l2)."""
    (l1, A1), (l2, A2) = TUBES["ae"]
    k = 2 * np.pi * tube_formants(TUBES["ae"]) / 35_000
    np.testing.assert_allclose(A2 * np.cos(k * l1) * np.cos(k * l2), A1 * np.sin(k * l1) * np.sin(k * l2), atol=1e-3)


def test_the_response_has_its_peaks_at_the_formants():
    frequency = np.arange(1.0, 5000.0)
    for tubes in TUBES.values():
        level = tube_response(frequency, tubes)
        peaks = frequency[1:-1][(level[1:-1] > level[:-2]) & (level[1:-1] > level[2:])]
        np.testing.assert_allclose(peaks, tube_formants(tubes), atol=5)


def test_a_resonance_is_as_wide_as_is_lost():
    """Half of the power, 3 dB, is left at half of the width on either side; at 0 Hz the air just moves along."""
    level = tube_response(np.array([500.0, 500 - LOSS / 2, 500 + LOSS / 2, 0.0]), TUBES["uh"])
    np.testing.assert_allclose(level[0] - level[1:3], 3.01, atol=0.05)
    assert abs(level[3]) < 0.1
    assert tube_response(np.array([1e3], np.float32), TUBES["uh"]).dtype == np.float32


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tube_formants([]), r"tube_formants: there are no tubes; expected a \(length, area\) for each"),
        (lambda: tube_formants([(1.0, 2.0, 3.0)]), r"tubes is .*; expected a sequence of \(float, float\)"),
        (lambda: tube_formants([(1.0, 2.0), (3.0,)]), r"tubes is .*; expected a sequence of \(float, float\)"),
        (lambda: tube_formants([("a", 1.0)]), r"tubes is .*; expected a sequence of \(float, float\)"),
        (lambda: tube_formants([(1.0, 0.0)]), "tubes have a length or an area that is not between 0.01 and 100 cm"),
        (lambda: tube_formants([(np.nan, 1.0)]), "tubes have a length or an area"),
        (lambda: tube_formants([(1e300, 1.0)]), "tubes have a length or an area"),
        (lambda: tube_formants([(1.0, 1.0)], highest=1e9), r"highest is 1000000000\.0; expected .* at most 5000"),
        (lambda: tube_response(np.array([-1.0]), [(1.0, 1.0)]), "tube_response: frequency must be at least 0 Hz"),
        (lambda: tube_response(np.array([np.inf]), [(1.0, 1.0)]), "frequency must be at least 0 Hz, and finite"),
        (lambda: tube_response(np.array([1]), [(1.0, 1.0)]), "frequency has dtype int64"),
    ],
)
def test_wrong_arguments(call: Any, message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        without_annotations(call)()
