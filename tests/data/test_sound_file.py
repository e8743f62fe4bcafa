"""Sounds in files, made what a model has learned; each thing that is done to one is said."""

import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest

from minivit.audio import resample, write_wav
from minivit.data import sound_file
from minivit.data.sound_file import loudest, read_sound

SR = 8_000
RNG = np.random.default_rng(0)
WAVE = (RNG.standard_normal(1_000) / 8).astype(np.float32)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.wav"


def test_a_sound_that_fits_is_taken_as_it_is(path: Path) -> None:
    write_wav(path, WAVE, SR, subtype="FLOAT")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        y = read_sound(path, sr=SR, length=1_000)
    np.testing.assert_array_equal(y, WAVE, strict=True)


def test_a_short_one_gets_silence_behind_it(path: Path) -> None:
    write_wav(path, WAVE, SR, subtype="FLOAT")
    with pytest.warns(UserWarning, match=r"a\.wav: put 0\.12 s of silence behind it$"):
        y = read_sound(path, sr=SR, length=2_000)
    np.testing.assert_array_equal(y, np.append(WAVE, np.zeros(1_000, np.float32)), strict=True)


def test_of_a_long_one_the_loudest_part_is_taken(path: Path) -> None:
    wave = WAVE / 100
    wave[700:800] = WAVE[700:800]
    write_wav(path, wave, SR, subtype="FLOAT")
    with pytest.warns(UserWarning, match=r"a\.wav: cut out 0\.0\d to 0\.10 s, where it is loudest$"):
        y = read_sound(path, sr=SR, length=100)
    start = loudest(wave, 100)
    assert 690 <= start <= 710
    np.testing.assert_array_equal(y, wave[start : start + 100])


def test_where_it_is_loudest() -> None:
    parts = [np.sum(WAVE[i : i + 300].astype(np.float64) ** 2) for i in range(701)]
    assert loudest(WAVE, 300) == np.argmax(parts)
    assert loudest(np.array([0, 2, 2, 0, 2, 2], np.float32), 2) == 1  # the first of several
    assert loudest(WAVE, 1_000) == 0


def test_channels_and_rates(path: Path) -> None:
    both = np.stack((WAVE, WAVE / 2))
    write_wav(path, both, 2 * SR, subtype="FLOAT")
    said = r"a\.wav: took the mean of its 2 channels, resampled it from 16,000 to 8,000 Hz, put 0\.01 s of silence"
    with pytest.warns(UserWarning, match=said):
        y = read_sound(path, sr=SR, length=600)
    expected = resample(both.mean(0), orig_sr=2 * SR, target_sr=SR)
    np.testing.assert_array_equal(y[:500], expected)
    assert y.dtype == np.float32


def test_silence_is_no_sound(path: Path) -> None:
    write_wav(path, np.zeros(1_000), SR)
    with pytest.raises(ValueError, match=r"a\.wav is silent: there is nothing to hear in it"):
        read_sound(path, sr=SR, length=1_000)


def test_channels_that_cancel_each_other(path: Path) -> None:
    write_wav(path, np.stack([WAVE, -WAVE]), SR)
    with pytest.raises(ValueError, match=r"a\.wav has 2 channels whose mean is silent"):
        read_sound(path, sr=SR, length=1_000)


@pytest.mark.parametrize("block", [100, 350, 2**18])
def test_the_loudest_part_is_the_same_in_blocks_of_any_length(path: Path, monkeypatch, block: int) -> None:
    wave = (RNG.standard_normal((2, 5_000)) / 8).astype(np.float32)
    write_wav(path, wave, 3 * SR, subtype="FLOAT")
    monkeypatch.setattr(sound_file, "BLOCK", block)
    start = loudest(wave.mean(0), 300)
    with pytest.warns(UserWarning, match=f"cut out {start / SR / 3:.2f} to "):
        y = read_sound(path, sr=SR, length=100)
    expected = resample(wave.mean(0)[start : start + 300], orig_sr=3 * SR, target_sr=SR)
    np.testing.assert_array_equal(y, expected)


def test_memory_does_not_follow_the_length_of_a_file_nor_its_rate(path: Path) -> None:
    """Four minutes in stereo, and 4 million seconds at 1 Hz, which at 8 kHz would be 32 gigabytes."""
    for wave, rate in ((np.zeros((2, 4_000_000), np.int16), 16_000), (np.zeros(4_000_000, np.int16), 1)):
        wave[..., 3_000_000:] = 1000
        write_wav(path, wave, rate)
        tracemalloc.start()
        with pytest.warns(UserWarning, match="cut out"):
            y = read_sound(path, sr=SR, length=8_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert y.any()
        assert len(y) == 8_000
        assert peak < 16e6


def test_integers_that_were_written_as_floats_are_noticed(path: Path) -> None:
    wave = 20_000 * WAVE / np.abs(WAVE).max()
    write_wav(path, wave, SR, subtype="FLOAT")
    with pytest.warns(UserWarning, match=r"a\.wav: its largest sample is 2e\+04, and full scale is 1; left as it is"):
        y = read_sound(path, sr=SR, length=1_000)
    np.testing.assert_array_equal(y, wave)


def test_a_rate_that_nobody_records_at_is_said_of_the_file(path: Path) -> None:
    write_wav(path, WAVE, SR)
    content = bytearray(path.read_bytes())
    content[24:28] = (4_294_967_295).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.wav: samples in a second is 4294967295; expected .* at most 1000000"):
        read_sound(path, sr=SR, length=1_000)


def test_what_is_no_sound(path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no file .*a\.wav"):
        read_sound(path, sr=SR, length=5)
    path.write_bytes(b"not a sound")
    with pytest.raises(ValueError, match=r"a\.wav"):
        read_sound(path, sr=SR, length=5)
