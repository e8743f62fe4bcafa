"""Decibels and logarithms with a floor: librosa's, PyTorch's (tests/audio/test_parity.py), and at their edges."""

import numpy as np
import pytest

from minivit.audio.decibels import log_floor_backward, log_floor_forward, power_to_db_backward, power_to_db_forward
from tests.test_parity import Case

LIBROSA = Case("librosa_features")
S = LIBROSA["out/melspectrogram"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("db", {}),
        ("db_range", {"ref": S.max(), "top_db": 30.0}),
        ("db_whole", {"ref": 0.5, "amin": 1e-6, "top_db": None}),
    ],
)
def test_decibels_of_librosa(name, options):
    y, _ = power_to_db_forward(S, **options)
    np.testing.assert_allclose(y, LIBROSA[f"out/{name}"], rtol=0, atol=1e-10)


def test_ten_times_the_power_is_ten_decibels_more():
    y, _ = power_to_db_forward(np.array([[1.0, 10, 100, 1e-20]]), top_db=None)
    np.testing.assert_allclose(y, [[0, 10, 20, -100]], atol=1e-12)
    y, _ = power_to_db_forward(np.array([[1.0, 10, 100, 1e-20]]), top_db=15.0)
    np.testing.assert_allclose(y, [[5, 10, 20, 5]], atol=1e-12)
    y, _ = power_to_db_forward(np.array([[1.0]]), ref=1e-15)  # no lower than amin
    np.testing.assert_allclose(y, 100, atol=1e-12)


def test_every_spectrogram_has_a_loudest_place_of_its_own():
    both = np.stack((S, S * 1e-4))
    y, _ = power_to_db_forward(both, top_db=20.0, amin=1e-30)
    for one, alone in zip(y, both, strict=True):
        np.testing.assert_array_equal(one, power_to_db_forward(alone, top_db=20.0, amin=1e-30)[0])
    np.testing.assert_allclose(np.ptp(y, axis=(1, 2)), 20)


def test_what_is_cut_off_moves_with_the_loudest():
    S = np.array([[[1.0, 2.0, 100.0]]])
    dy = np.array([[[3.0, 5.0, 7.0]]])
    y, cache = power_to_db_forward(S, top_db=18.0)
    dS = power_to_db_backward(dy, cache).S
    np.testing.assert_allclose(y, [[[2, 10 * np.log10(2), 20]]])
    np.testing.assert_allclose(dS * np.log(10) / 10, [[[0, 5 / 2, (7 + 3) / 100]]])
    two = np.array([[[1.0, 100.0, 100.0]]])
    dS = power_to_db_backward(dy, power_to_db_forward(two, top_db=18.0)[1]).S
    np.testing.assert_allclose(dS * np.log(10) / 10, [[[0, 6.5 / 100, 8.5 / 100]]])


def test_silence_has_no_gradient_and_is_no_minus_infinity():
    silence = np.zeros((2, 3, 4), np.float32)
    y, cache = power_to_db_forward(silence)
    np.testing.assert_allclose(y, -100, rtol=1e-6)
    np.testing.assert_array_equal(power_to_db_backward(np.ones_like(y), cache).S, 0)
    y, cache = log_floor_forward(np.array([0.0, -np.inf, -3.0, 1e-11]))
    np.testing.assert_allclose(y, np.log(1e-10))
    np.testing.assert_array_equal(log_floor_backward(np.ones_like(y), cache).x, 0)


def test_nan_stays_where_it_is_and_infinity_is_infinite():
    y, _ = log_floor_forward(np.array([1.0, np.nan, np.inf]))
    np.testing.assert_array_equal(y, [0, np.nan, np.inf])
    for top_db in (None, 20.0):
        y, cache = power_to_db_forward(np.array([[1.0, np.nan, 1e-9]]), top_db=top_db)
        np.testing.assert_allclose(y, [[0, np.nan, -90]])
        dS = power_to_db_backward(np.ones_like(y), cache).S
        np.testing.assert_allclose(dS, 10 / np.log(10) * np.array([[1, np.nan, 1e9]]))


def test_the_floor_is_inside_and_is_a_floor():
    y, _ = log_floor_forward(np.array([0.1, 1.0, 2.0]), floor=0.5)
    np.testing.assert_allclose(y, np.log([0.5, 1, 2]), rtol=1e-15)


def test_no_frames_no_decibels():
    y, cache = power_to_db_forward(np.zeros((3, 0)))
    assert y.shape == power_to_db_backward(y, cache).S.shape == (3, 0)


@pytest.mark.parametrize("option", ["ref", "amin"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_options_out_of_range(option, value):
    with pytest.raises(ValueError, match=f"^power_to_db: {option} is {value}; expected above 0 and finite"):
        power_to_db_forward(S, **{option: value})
    with pytest.raises(ValueError, match=f"^log_floor: floor is {value}; expected above 0 and finite"):
        log_floor_forward(S, floor=value)
    with pytest.raises(ValueError, match=r"^power_to_db: top_db is -1.0; expected at least 0"):
        power_to_db_forward(S, top_db=-1.0)


def test_a_floor_that_is_zero_in_the_precision_of_the_numbers_is_none():
    silence = np.zeros((2, 3), np.float32)
    for floor in (1e-60, 1e39):
        with pytest.raises(ValueError, match=r"^log_floor: floor is 1e.*; expected at least 1.17.*e-38 and at most"):
            log_floor_forward(silence, floor=floor)
        with pytest.raises(ValueError, match=r"^power_to_db: amin is 1e.*; expected at least 1.17.*e-38 and at most"):
            power_to_db_forward(silence, amin=floor)
    np.testing.assert_allclose(log_floor_forward(silence.astype(float), floor=1e-60)[0], np.log(1e-60))
    np.testing.assert_allclose(power_to_db_forward(silence.astype(float), amin=1e-60)[0], -600)
