from typing import Any

import numpy as np
import pytest

from minivit.audio import basilar_membrane_response, erb, greenwood, greenwood_frequencies, greenwood_position
from tests.unchecked import without_annotations


@pytest.mark.parametrize(
    ("species", "apex", "middle", "base"), [("human", 19.8, 1710.3, 20_677.1), ("cat", 91.2, 4751.6, 57_042.2)]
)
def test_the_map(species, apex, middle, base):
    """Worked out by hand from A (10^(a x) - k)."""
    got = greenwood(np.array([0, 0.5, 1]), species=species)
    np.testing.assert_allclose(got, [apex, middle, base], rtol=1e-2 if species == "human" else 1e-5, atol=0.1)


def test_the_way_back():
    for species in ("human", "cat"):
        x = np.linspace(0, 1, 101)
        np.testing.assert_allclose(greenwood_position(greenwood(x, species=species), species=species), x, atol=1e-12)


def test_frequencies_are_equally_far_apart_on_the_membrane():
    f = greenwood_frequencies(30, fmin=100, fmax=16_000, species="cat")
    assert f[0] == pytest.approx(100)
    assert f[-1] == pytest.approx(16_000)
    steps: Any = np.diff(np.asarray(greenwood_position(f, species="cat")))
    np.testing.assert_allclose(steps, steps[0])


def test_widths():
    """Of Glasberg and Moore's filters at 1 kHz, 132.6 Hz; high ones all cover the same length of the membrane."""
    assert erb(1000.0) == pytest.approx(132.639)
    for species in ("human", "cat"):
        f = np.array([2000.0, 4000, 8000, 16_000])
        half = np.asarray(erb(f, species=species)) / 2
        ends = [np.asarray(greenwood_position(f + sign * half, species=species)) for sign in (-1, 1)]
        np.testing.assert_allclose(ends[1] - ends[0], 0.0226, atol=0.0008)
    slope = np.diff([greenwood_position(f) for f in (99.5, 100.5, 999.5, 1000.5)])[::2]  # of the membrane, per hertz
    np.testing.assert_allclose(slope * np.asarray(erb(np.array([100.0, 1000.0]))), [0.030, 0.024], atol=0.0005)


def test_numbers_and_precisions():
    assert isinstance(greenwood(0.5), float)
    assert np.asarray(greenwood(np.array([0.5], np.float32))).dtype == np.float32
    assert np.asarray(erb(np.array([1000]))).dtype == np.float64
    assert isinstance(without_annotations(greenwood_position)(np.int64(1000)), float)


def test_responses_of_the_membrane_lean_to_one_side():
    """Above its frequency, a place soon does not answer any more; an octave below and further down, it still does."""
    frequency = np.geomspace(50, 60_000, 4001)
    place = np.array([0.3, 0.5, 0.7])
    response = basilar_membrane_response(frequency, place, species="cat")
    assert response.shape == (3, 4001)
    np.testing.assert_allclose(response.max(1), 0, atol=1e-3)
    best = np.asarray(greenwood(place, species="cat"))
    np.testing.assert_allclose(frequency[response.argmax(1)], best, rtol=0.03)
    below = basilar_membrane_response(best / 2, place, species="cat").diagonal()
    above = basilar_membrane_response(best * 2, place, species="cat").diagonal()
    assert (above < below - 15).all()
    # towards 0 Hz, half the frequency is half the motion; far above, a hundred and twenty-eighth
    slopes = np.diff(basilar_membrane_response(best[:1] * [0.001, 0.002, 500, 1000], place[:1], species="cat")[0])
    np.testing.assert_allclose(slopes[[0, 2]], [6.02, -7 * 6.02], atol=0.01)


def test_a_response_is_as_wide_as_its_filter():
    """The rectangle of the same height and area (of the power) is about as wide as a gammatone's."""
    frequency = np.linspace(1, 8000, 80_000)
    place = np.atleast_1d(greenwood_position(1000.0))
    power = 10 ** (basilar_membrane_response(frequency, place, species="human") / 10)
    assert power.sum() * (frequency[1] - frequency[0]) == pytest.approx(132.6, rel=0.05)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: greenwood(1.5), "greenwood: position must lie between 0, the apex, and 1, the base"),
        (lambda: greenwood(float("nan")), "greenwood: position must lie between"),
        (lambda: greenwood(0.5, species="dog"), "greenwood: species is 'dog'; expected human or cat"),
        (lambda: greenwood(np.array([0.5], np.float16)), "greenwood: position has dtype float16"),
        (lambda: greenwood_position(10.0), r"frequency is none that this ear hears \(human: 20 to 20,677 Hz\)"),
        (lambda: greenwood_position(np.array([np.nan])), "frequency is none that this ear hears"),
        (lambda: greenwood_position(60_000.0, species="cat"), r"\(cat: 91 to 57,042 Hz\)"),
        (lambda: greenwood_frequencies(0), "n_filters is 0; expected at least 1"),
        (lambda: greenwood_frequencies(10**9), "n_filters is 1000000000; expected .* at most 10000"),
        (lambda: greenwood_frequencies(5, fmin=300, fmax=200), "fmin is 300 and fmax 200; expected fmin < fmax"),
        (lambda: erb(0.0), "erb: frequency must be above 0 Hz, and finite"),
        (lambda: erb(np.inf), "erb: frequency must be above 0 Hz"),
        (lambda: erb(100.0, species="Cat"), "erb: species is 'Cat'"),
        (lambda: basilar_membrane_response(np.zeros(1), np.ones(1)), "frequency must be above 0 Hz"),
        (lambda: basilar_membrane_response(np.ones(1), 2 * np.ones(1)), "position must lie between"),
    ],
)
def test_wrong_arguments(call: Any, message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        without_annotations(call)()
