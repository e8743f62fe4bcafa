"""What an overview promises: the same means, however the file is cut into pieces, and no more memory for more."""

import tracemalloc

import numpy as np
import pytest

from minivit.audio import overview
from minivit.audio.mel import mel_filterbank
from minivit.audio.overview import column_means, wav_overview
from minivit.audio.spectrogram import spectrogram_forward
from minivit.audio.wav import read_wav, write_wav

S = np.random.default_rng(0).random((2, 3, 23))


@pytest.mark.parametrize("lengths", [[23], [1] * 23, [0, 5, 0, 11, 7], [22, 1]])
@pytest.mark.parametrize("most", [1, 2, 4, 6, 8, 22, 23, 24, 1000])
def test_columns_are_the_means_of_their_frames_however_they_come(lengths, most):
    pieces = np.split(S, np.cumsum(lengths)[:-1], axis=-1)
    means, each = column_means(iter(pieces), num_frames=23, max_columns=most)
    assert means.shape[-1] <= most
    assert (each - 1) * most < 23  # with one frame less in each there would be too many columns
    expected = np.stack([S[..., i : i + each].mean(-1) for i in range(0, 23, each)], -1)
    np.testing.assert_allclose(means, expected, rtol=1e-12)


def test_precision_stays_and_pieces_are_left_as_they_are():
    piece = S.astype(np.float32)
    piece.flags.writeable = False
    means, _ = column_means([piece], num_frames=23, max_columns=5)
    assert means.dtype == np.float32


@pytest.mark.parametrize("count", [22, 24])
def test_more_frames_than_were_said_or_fewer(count):
    with pytest.raises(ValueError, match=f"there are 23 frames in pieces; expected num_frames, {count}"):
        column_means([S[..., :20], S[..., 20:]], num_frames=count, max_columns=5)


def test_no_piece_and_no_columns():
    with pytest.raises(ValueError, match="there are 0 frames"):
        column_means([], num_frames=3)
    with pytest.raises(ValueError, match="max_columns is 0"):
        column_means([S], num_frames=23, max_columns=0)


SR = 8000


def tone(hertz, seconds=1.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * SR)) / SR)


@pytest.fixture
def file(tmp_path):
    write_wav(tmp_path / "sound.wav", np.stack([tone(1000), 0.1 * tone(3000)]), SR)
    return tmp_path / "sound.wav"


def test_each_channel_is_strong_at_its_frequency(file):
    found = wav_overview(file, n_fft=256)
    assert found.power.shape == (2, 129, 1 + SR // 64)
    assert found.hertz[found.power.mean(-1).argmax(-1)].tolist() == [1000, 3000]
    assert (found.info.sr, found.info.channels, found.info.length) == (SR, 2, SR)
    assert found.levels.peak_db == pytest.approx([-6, -26], abs=0.1)


def test_bands_are_mel_filters_and_named_by_their_middle(file):
    found = wav_overview(file, n_fft=512, n_mels=20)
    assert found.power.shape[:2] == (2, 20)
    loudest = found.power.mean(-1).argmax(-1)
    distance = np.diff(found.hertz).max()
    np.testing.assert_allclose(found.hertz[loudest], [1000, 3000], atol=distance)
    y, _ = read_wav(file)
    expected, _ = spectrogram_forward(y, n_fft=512)
    bank = mel_filterbank(sr=SR, n_fft=512, n_mels=20)
    np.testing.assert_allclose(found.power, bank @ expected, rtol=1e-3, atol=1e-5 * expected.max())


@pytest.mark.parametrize(
    "options",
    [
        {"n_fft": 256},
        {"n_fft": 255, "hop_length": 100, "window": "blackman"},
        {"n_fft": 200, "hop_length": 200, "window": "rectangular"},
        {"n_fft": 64, "hop_length": 1},
    ],
)
def test_in_blocks_it_is_the_spectrogram_in_one_piece(file, monkeypatch, options):
    y, _ = read_wav(file)
    monkeypatch.setattr(overview, "BLOCK", 2 * 1001)
    found = wav_overview(file, max_columns=10**4, **options)
    window = options.pop("window", "hann")
    expected, _ = spectrogram_forward(y, window, **options)
    np.testing.assert_allclose(found.power, expected, rtol=1e-5, atol=1e-9 * expected.max())


@pytest.mark.parametrize("length", [1, 2, 63, 64, 65])
def test_a_file_shorter_than_a_frame_is_one_among_zeros(tmp_path, length):
    write_wav(tmp_path / "short.wav", np.full(length, 0.5), SR)
    found = wav_overview(tmp_path / "short.wav", n_fft=2048)
    assert found.power.shape == (1, 1025, 1)
    assert found.power.max() > 0


def peak_of(path, **options):
    """Bytes that the overview of a file has taken at most, and its shape."""
    wav_overview(path, n_fft=16)  # what is imported on first use
    tracemalloc.start()
    found = wav_overview(path, **options)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, found.power.shape


def test_an_hour_needs_no_more_memory_than_a_minute(tmp_path, monkeypatch):
    """Here 50 seconds, and blocks of half a second: the spectrogram has 3.2 MB, the wave 1.6."""
    monkeypatch.setattr(overview, "BLOCK", 4096)
    write_wav(tmp_path / "long.wav", np.tile(tone(440).astype(np.float32), 50), SR)
    peak, shape = peak_of(tmp_path / "long.wav", n_fft=256, max_columns=100)
    assert peak < 7e5
    assert shape == (1, 129, 100)


def test_frames_that_overlap_by_all_but_a_sample_take_no_more_memory(tmp_path, monkeypatch):
    """In one piece, the spectrum has 8 MB."""
    monkeypatch.setattr(overview, "BLOCK", 4096)
    write_wav(tmp_path / "short.wav", tone(440, 0.25), SR)
    peak, shape = peak_of(tmp_path / "short.wav", n_fft=1024, hop_length=1, max_columns=50)
    assert peak < 1e6
    assert shape == (1, 513, 49)


def test_of_long_frames_and_many_channels_there_are_fewer_columns(file, monkeypatch):
    monkeypatch.setattr(overview, "MOST_NUMBERS", 10_000)
    assert wav_overview(file, n_fft=256).power.shape == (2, 129, 32)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_fft": 1}, "n_fft is 1; expected at least 2"),
        ({"n_fft": 10**6}, "n_fft is 1000000; expected at least 2 and at most 65536"),
        ({"n_fft": 256, "hop_length": 257}, "hop_length is 257; expected 1 to 256, the length of a frame"),
        ({"hop_length": 0}, "hop_length is 0; expected 1 to 2048"),
        ({"window": "flat"}, "window is 'flat'; expected one of rectangular, boxcar, hann"),
        ({"n_mels": 0}, "n_mels is 0; expected at least 1"),
        ({"max_columns": 0}, "max_columns is 0"),
    ],
)
def test_options_out_of_range_are_refused(file, options, message):
    with pytest.raises(ValueError, match=message):
        wav_overview(file, **options)


def test_more_channels_than_a_picture_has_room_for_are_refused(tmp_path):
    write_wav(tmp_path / "many.wav", np.zeros((9, 10)), SR)
    with pytest.raises(ValueError, match="has 9 channels; expected at most 8"):
        wav_overview(tmp_path / "many.wav")


@pytest.mark.parametrize(
    ("pieces", "options", "message"),
    [
        ([None], {}, "a block is None; expected an array"),
        ([S.astype(np.uint8)], {}, "a block is an array of uint8"),
        ([S, S.astype(np.float32)], {}, "a block has shape .*, float32; expected .* float64"),
        ([S, S[:1]], {}, r"a block has shape \(1, 3, 23\)"),
        ([S], {"num_frames": 10**30}, "num_frames is 1000000000000000000000000000000; expected at least 1 and at most"),
    ],
)
def test_pieces_that_are_none(pieces, options, message):
    with pytest.raises((TypeError, ValueError), match=f"column_means: {message}"):
        column_means(pieces, **{"num_frames": 23, **options})


def test_as_many_columns_as_anybody_likes():
    means, each = column_means([S], num_frames=23, max_columns=10**400)
    np.testing.assert_array_equal(means, S)
    assert each == 1


def test_silence_has_no_energy(tmp_path):
    write_wav(tmp_path / "silence.wav", np.zeros(SR), SR)
    found = wav_overview(tmp_path / "silence.wav")
    assert not found.power.any()
    assert found.levels.words() == ["silent"]
