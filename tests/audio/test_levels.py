"""What is said of how loud a sound is: right numbers, whatever blocks it comes in."""

from math import inf

import numpy as np
import pytest

from minivit.audio.levels import Levels


def after(*blocks):
    levels = Levels(len(np.atleast_2d(blocks[0])))
    for block, same in zip(blocks, levels.passing(blocks), strict=True):
        assert same is block
    return levels


def test_a_sine_has_its_peak_and_three_decibels_less():
    y = 0.1 * np.sin(2 * np.pi * np.arange(1000) / 50).astype(np.float32)
    for blocks in ([y], np.split(y, 4), [y[:1], y[1:]]):
        levels = after(*blocks)
        assert levels.length == 1000
        assert levels.peak_db == pytest.approx([-20], abs=0.02)
        assert levels.mean_db == pytest.approx([-23.01], abs=0.02)
        assert levels.words() == ["peak -20.0 dB, mean -23.0 dB of full scale"]


def test_a_dead_channel_is_silent_and_the_other_is_not():
    levels = after(np.array([[0.5, -0.5], [0, 0]]))
    assert levels.peak_db == levels.mean_db == pytest.approx([-6.02, -inf], abs=0.01)
    assert levels.words() == ["peak -6.0 dB, mean -6.0 dB of full scale", "silent"]


def test_a_wave_that_was_cut_off_is_told_from_one_that_is_just_as_loud():
    y = np.clip(2 * np.sin(2 * np.pi * np.arange(100) / 50), -1, 1 - 2**-15)
    levels = after(y[:30], y[30:])
    assert levels.full.tolist() == [(np.abs(2 * np.sin(2 * np.pi * np.arange(100) / 50)) >= 1).sum()]
    assert "samples cut off?" in levels.words()[0]
    assert "cut off" not in after(np.array([0.3, 1.0, -0.3])).words()[0]
    assert "cut off" not in after(np.full(50, 0.999)).words()[0]


def test_tiny_samples_are_not_silent_in_single_precision():
    levels = after(np.full(10, 1e-30, np.float32))
    assert levels.mean_db == pytest.approx([-600], abs=0.1)


def test_8_bits_are_cut_off_at_their_own_largest_number():
    y = np.array([0, 127, 127, 127, 126, -128]) / np.float32(128)
    for subtype, full in {"PCM_U8": 4, "PCM_16": 1}.items():
        levels = Levels(1, subtype)
        list(levels.passing([y]))
        assert levels.full.tolist() == [full]


def test_floats_above_full_scale_were_not_cut_off():
    levels = after(np.array([0.5, 3.0, -40.0]))
    assert levels.words() == ["peak 32.0 dB, mean 27.3 dB of full scale, 2 samples above it"]
    assert levels.peak == 40


def test_nearly_nothing_below_full_scale_is_nothing_below_it():
    assert after(np.full(1, 1 - 2.0**-15)).words() == ["peak 0.0 dB, mean 0.0 dB of full scale"]
