"""WAV files, held against scipy and the standard library, and as others make them: damaged, compressed, lying."""

import os
import struct
import tracemalloc
import warnings
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import wavfile

from minivit.audio import read_wav, wav_blocks, wav_info, write_wav
from minivit.audio.riff import SUBTYPES
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
SAMPLES = np.arange(-150, 150, dtype="<i2")
AMBISONIC = b"\x00\x00\x21\x07\xd3\x11\x86\x44\xc8\xc1\xca\x00\x00\x00"
GUID = b"\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(content) if size is None else size) + content + b"\0" * (len(content) % 2)


def layout(tag: int = 1, channels: int = 1, sr: int = 8000, bits: int = 16, frame: int = 2, more: bytes = b"") -> bytes:
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, sr, sr * frame & 0xFFFFFFFF, frame, bits) + more)


def riff(*chunks: bytes, size: int | None = None, name: bytes = b"RIFF") -> bytes:
    content = b"WAVE" + b"".join(chunks)
    return name + struct.pack("<I", len(content) if size is None else size) + content


DATA = chunk(b"data", SAMPLES.tobytes())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sound.wav"


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("subtype", SUBTYPES)
def test_there_and_back_and_as_scipy_reads_it(path, subtype, channels):
    """Numbers that each of them can have, the least and the largest among them, come back to the bit."""
    bits = {"PCM_U8": 8, "PCM_16": 16}.get(subtype, 24)
    numbers = RNG.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (channels, 301))
    numbers[0, :2] = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    y = (numbers / 2 ** (bits - 1)).astype(np.float32)
    y = y[0] if channels == 1 else y
    write_wav(path, y, 11_025, subtype=subtype)
    back, sr = read_wav(path)
    assert (sr, back.dtype, back.shape) == (11_025, np.float32, y.shape)
    np.testing.assert_array_equal(back, y)
    assert wav_info(path)[:4] == (11_025, channels, 301, subtype)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # it does not know what a chunk 'fact' is
        sr, theirs = wavfile.read(path)
    assert sr == 11_025
    scale = {"PCM_U8": 2**7, "PCM_16": 2**15, "PCM_24": 2**31, "PCM_32": 2**31}.get(subtype, 1)
    zero = 128 if subtype == "PCM_U8" else 0
    np.testing.assert_array_equal((theirs.astype(np.float64) - zero).T / scale, y)


@pytest.mark.parametrize(("width", "channels"), [(1, 1), (2, 1), (2, 2), (3, 1), (3, 2), (4, 1)])
def test_as_the_standard_library_writes_it(path, width, channels):
    content = RNG.integers(0, 256, 30 * width * channels, dtype=np.uint8).tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(44_100)
        file.writeframes(content)
    y, sr = read_wav(path)
    parts = [content[i : i + width] for i in range(0, len(content), width)]
    expected = [int.from_bytes(part, "little", signed=width > 1) / 2 ** (8 * width - 1) for part in parts]
    expected = np.reshape(expected, (30, channels)).T - (1 if width == 1 else 0)
    assert sr == 44_100
    np.testing.assert_allclose(np.atleast_2d(y), expected, atol=6e-8)
    assert y.shape == ((30,) if channels == 1 else (channels, 30))
    write_wav(path, y, sr, subtype={1: "PCM_U8", 2: "PCM_16", 3: "PCM_24", 4: "PCM_32"}[width])
    with wave.open(str(path)) as file:
        assert (file.getsampwidth(), file.getnchannels(), file.getframerate()) == (width, channels, 44_100)
        if width < 4:  # float32 has 24 bits
            assert file.readframes(100) == content


def test_what_lies_between_two_numbers_becomes_the_nearest_and_1_the_largest(path):
    write_wav(path, np.array([0.4, 0.6, -0.6, 2.0**15, 2.0**15 + 0.01, -(2.0**15)]) / 2**15, 8000)
    np.testing.assert_array_equal(wavfile.read(path)[1], [0, 1, -1, 32_767, 32_767, -32_768])


def test_int16_is_written_as_it_is(path):
    write_wav(path, SAMPLES, 8000)
    np.testing.assert_array_equal(wavfile.read(path)[1], SAMPLES)
    np.testing.assert_array_equal(read_wav(path)[0], SAMPLES / np.float32(2**15))


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("block_length", [1, 7, 300, 10**12])
def test_blocks_are_the_whole_piece_by_piece(path, channels, block_length):
    y = RNG.uniform(-1, 1, (channels, 300)).astype(np.float32)
    write_wav(path, y[0] if channels == 1 else y, 8000, subtype="FLOAT")
    blocks = list(wav_blocks(path, block_length=block_length))
    assert {block.shape[-1] for block in blocks[:-1]} <= {block_length}
    np.testing.assert_array_equal(np.concatenate(blocks, -1), y[0] if channels == 1 else y)


def test_a_long_file_is_read_in_the_memory_of_a_block(path):
    """An eighth of an hour at 16 kHz: whole, it would be 29 MB."""
    write_wav(path, np.zeros(7_200_000, np.int16), 16_000)
    tracemalloc.start()
    count = sum(len(block) for block in wav_blocks(path, block_length=16_000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 7_200_000
    assert peak < 1e6


def test_nothing_is_left_open(path):
    """Neither by who stops in the middle, nor by what is refused: a ResourceWarning would be an error here."""
    write_wav(path, np.zeros(100), 8000)
    blocks = wav_blocks(path, block_length=10)
    next(blocks)
    del blocks
    path.write_bytes(riff(layout(sr=0), DATA))
    with pytest.raises(ValueError, match="0 samples in a second"):
        wav_blocks(path, block_length=10)
    path.unlink()


GOOD = {
    "a chunk before": riff(chunk(b"LIST", b"INFOabc"), layout(), DATA),
    "a chunk behind": riff(layout(), DATA, chunk(b"LIST", b"INFOabcd")),
    "12 bits, the upper ones of 16": riff(layout(bits=12), DATA),
    "extensible": riff(layout(0xFFFE, more=struct.pack("<HHIH", 22, 16, 4, 1) + GUID), DATA),
    "half a sample at the end": riff(layout(), chunk(b"data", SAMPLES.tobytes() + b"\1")),
    "sizes of a pipe": riff(layout(), chunk(b"data", SAMPLES.tobytes(), 0xFFFFFFFF), size=0xFFFFFFFF),
    "sizes never written": riff(layout(), chunk(b"data", SAMPLES.tobytes(), 0), size=0),
    "sizes of a file that is yet empty": riff(layout(), chunk(b"data", SAMPLES.tobytes(), 0), size=36),
    "beyond 4 GiB": riff(
        chunk(b"ds64", struct.pack("<QQQI", 900, 600, 300, 0)),
        layout(),
        chunk(b"data", SAMPLES.tobytes(), 0xFFFFFFFF),
        chunk(b"LIST", b"INFOabcd"),
        name=b"RF64",
        size=0xFFFFFFFF,
    ),
    "as EBU calls a file beyond 4 GiB": riff(
        chunk(b"ds64", struct.pack("<QQQI", 900, 600, 300, 0)),
        layout(),
        chunk(b"data", SAMPLES.tobytes(), 0xFFFFFFFF),
        name=b"BW64",
        size=0xFFFFFFFF,
    ),
    "extensible, of ambisonics": riff(layout(0xFFFE, more=struct.pack("<HHIH", 22, 16, 0, 1) + AMBISONIC), DATA),
    "said twice": riff(layout(), layout(), DATA),
    "a wrong number of bytes in a second": riff(layout()[:16] + b"\7\7\7\7" + layout()[20:], DATA),
}


@pytest.mark.parametrize("content", GOOD.values(), ids=GOOD)
def test_headers_that_are_right_or_can_be_put_right(path, content):
    path.write_bytes(content)
    y, sr = read_wav(path)
    assert sr == 8000
    np.testing.assert_array_equal(y, SAMPLES / np.float32(2**15))


def test_20_bits_in_three_bytes(path):
    more = struct.pack("<HHIH", 22, 20, 4, 1) + GUID
    path.write_bytes(riff(layout(0xFFFE, 1, 8000, 24, 3, more), chunk(b"data", b"\0\0\x40\0\0\xc0")))
    assert read_wav(path)[0].tolist() == [0.5, -0.5]


BAD = {
    b"": "is empty; expected a WAV file",
    b"RIFF\0\0": "is no WAV file$",
    b"hello world, no sound": "is no WAV file$",
    b"RIFF\0\0\0\0AVI LIST": "is no WAV file$",
    b"fLaC\0\0\0\x22" + bytes(40): "is no WAV file but FLAC: convert it, for example by ffmpeg -i FILE .* OUT.wav",
    b"ID3\x04\0" + bytes(40): "is no WAV file but MP3: convert it",
    b"OggS" + bytes(40): "is no WAV file but Ogg",
    b"\0\0\0\x1cftypM4A " + bytes(40): "is no WAV file but MP4 or M4A",
    b"RIFX" + bytes(4) + b"WAVE": "is no WAV file but RIFX .WAV with its bytes in the other order.",
    riff(layout(17, bits=4, frame=256), DATA): r"is compressed \(IMA ADPCM\); expected PCM or floats: convert it, .*",
    riff(layout(7, bits=8, frame=1), DATA): r"is compressed \(mu-law\)",
    riff(layout(0x55, bits=0, frame=1), DATA): r"is compressed \(MP3\)",
    riff(layout(0x4321), DATA): r"is compressed \(a codec of the number 17185\)",
    riff(layout(0xFFFE, more=struct.pack("<HHIH", 22, 16, 4, 6) + GUID), DATA): r"is compressed \(A-law\)",
    riff(layout(0xFFFE), DATA): "its header is an extensible one and ends before it says the format",
    riff(layout(0xFFFE, more=struct.pack("<HHIH", 22, 16, 4, 1) + b"x" * 14), DATA): (
        r"has samples of an unknown kind \(0100(78){14}\); expected PCM or floats"
    ),
    riff(layout(), layout(channels=2, frame=4), DATA): "it says twice what its samples are, and not the same",
    riff(*[chunk(b"JUNK", b"")] * 1000, layout(), DATA): "1,000 chunks, and none of them has its samples",
    riff(layout(sr=0), DATA): "says that it has 0 samples in a second; expected at least 1",
    riff(layout(channels=0), DATA): "says that it has 0 channels; expected at least 1",
    riff(layout(bits=0), DATA): "says that its samples have 0 bits; expected 8, 16, 24 or 32 bits",
    riff(layout(bits=64, frame=8), DATA): "says that its samples have 64 bits; expected 8, 16, 24 or 32",
    riff(layout(3), DATA): "says that its samples have 16 bits; expected 32 or 64 bits, as they are floats",
    riff(layout(bits=24), DATA): "has a header that contradicts itself: 1 x 24 bits are 3 bytes, and it says 2",
    riff(layout(frame=7), DATA): "contradicts itself: 1 x 16 bits are 2 bytes, and it says 7",
    riff(layout(channels=65_535), DATA): "contradicts itself: 65535 x 16 bits are 131070 bytes, and it says 2",
    riff(layout(), chunk(b"data", b"")): "has no samples",
    riff(layout(), chunk(b"data", b"", 0), chunk(b"LIST", b"INFOabcd")): "has no samples",
    riff(layout(), chunk(b"data", b"\1")): "has no samples",
    riff(layout()): r"it ends before its samples begin \(a chunk 'data'\)",
    riff(DATA, layout()): r"nothing says what its samples are \(a chunk 'fmt '\)",
    riff(chunk(b"fmt ", b"\1\0\1\0"), DATA): "nothing says what its samples are",
    riff(layout(), chunk(b"LIST", b"abcd", 10**9)): "it says that 1,000,000,000 bytes of 'LIST' follow, and has 4",
    riff(layout(3, bits=32, frame=4), chunk(b"data", np.array([0, 1, np.nan], "<f4").tobytes())): (
        r"has a sample that is no finite number, 0\.000 s from its beginning"
    ),
    riff(layout(3, bits=64, frame=8), chunk(b"data", np.array([1e300], "<f8").tobytes())): "is no finite number",
}


@pytest.mark.parametrize(("content", "message"), BAD.items(), ids=range(len(BAD)))
def test_files_that_cannot_be_read(path, content, message):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"sound\.wav {message}|sound\.wav .*{message}"):
        read_wav(path)


def test_zeros_without_end_are_no_header(path):
    """They are empty chunks without names: hundreds of millions of them, in a file that takes no room on a disk."""
    path.write_bytes(b"RIFF\0\0\0\0WAVE")
    os.truncate(path, 2**32)
    with pytest.raises(ValueError, match="1,000 chunks, and none of them has its samples"):
        wav_info(path)


def test_a_place_without_a_file(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*nothing"):
        read_wav(tmp_path / "nothing.wav")
    with pytest.raises(IsADirectoryError):
        read_wav(tmp_path)


def test_a_file_that_was_cut_off(path):
    path.write_bytes(riff(layout(), DATA)[:-200])
    with pytest.warns(UserWarning, match=r"sound\.wav says that it has 300 samples, but it ends after 200"):
        y, _ = read_wav(path)
    np.testing.assert_array_equal(y, SAMPLES[:200] / np.float32(2**15))


def test_a_file_that_becomes_shorter_while_it_is_read(path):
    write_wav(path, np.zeros(200_000, np.int16), 8000)
    blocks = wav_blocks(path, block_length=150_000)
    next(blocks)
    with open(path, "r+b") as file:
        file.truncate(310_000)
    with pytest.raises(ValueError, match=r"sound\.wav has become shorter while it was read"):
        next(blocks)


def test_no_size_of_a_header_takes_memory(path):
    """A header that says 4 GiB, of a file of 644 bytes."""
    path.write_bytes(riff(layout(channels=32_767, frame=65_534), chunk(b"data", bytes(65_534), 0xFFFFFFF0)))
    tracemalloc.start()
    with pytest.warns(UserWarning, match="it ends after 1"):
        y, _ = read_wav(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert y.shape == (32_767, 1)
    assert peak < 2e6


@pytest.mark.parametrize(
    ("y", "options", "message"),
    [
        (np.zeros(0), {}, r"y has shape \(0,\); expected \(samples,\) or \(channels, samples\), at least one"),
        (np.zeros((2, 0)), {}, r"y has shape \(2, 0\)"),
        (np.zeros((1, 2, 3)), {}, r"y has shape \(1, 2, 3\)"),
        (np.zeros(()), {}, r"y has shape \(\)"),
        (np.zeros((8000, 2)), {}, r"y has shape \(8000, 2\); expected \(channels, samples\), and at most 64 channels"),
        (np.zeros(3, np.int32), {}, "y has dtype int32; expected float32 or float64"),
        (np.zeros(3, np.float16), {}, "y has dtype float16"),
        (np.zeros(3, np.int16), {"subtype": "PCM_24"}, r"y has dtype int16; expected .* \(int16 becomes PCM_16 only\)"),
        (np.array([0.0, np.nan]), {}, "y has a sample that is no finite number"),
        (np.array([0.0, -np.inf]), {"subtype": "FLOAT"}, "no finite number as FLOAT"),
        (np.array([1e300]), {"subtype": "FLOAT"}, "no finite number as FLOAT"),
        (np.array([0.0, -1.5]), {}, r"y goes to 1\.5, and PCM_16 to 1; divide by np\.abs\(y\)\.max\(\) before"),
        (np.zeros(3), {"subtype": "MP3"}, "subtype is 'MP3'; expected one of PCM_U8, PCM_16"),
        (np.zeros(3), {"sr": 0}, "sr is 0; expected at least 1"),
        (np.zeros(3), {"sr": 10**7}, "sr is 10000000; expected at least 1 and at most 1000000"),
        (np.zeros(3), {"sr": 8000.5}, r"sr is 8000\.5; expected int"),
    ],
)
def test_sounds_that_cannot_be_written(path, y, options: dict[str, Any], message):
    with pytest.raises((TypeError, ValueError), match=f"write_wav: .*{message}"):
        without_annotations(write_wav)(path, y, **{"sr": 8000, **options})
    assert not path.exists()


def test_a_file_that_cannot_be_written_leaves_the_old_one(path):
    write_wav(path, SAMPLES, 8000)
    old = path.read_bytes()
    with pytest.raises(ValueError, match="no finite"):
        write_wav(path, np.array([np.nan]), 8000)
    assert path.read_bytes() == old
    with pytest.raises(FileNotFoundError):
        write_wav(path.parent / "nowhere" / "x.wav", SAMPLES, 8000)


@pytest.mark.parametrize("block_length", [0, -1])
def test_blocks_without_length(path, block_length):
    write_wav(path, SAMPLES, 8000)
    with pytest.raises(ValueError, match=r"block_length is .*; expected at least 1"):
        wav_blocks(path, block_length=block_length)


def test_numbers_of_numpy_and_float32_and_strides(path):
    y = RNG.uniform(-1, 1, (300, 2)).astype(np.float32)
    without_annotations(write_wav)(path, y.T, np.int64(8000), subtype="PCM_24")
    back, sr = read_wav(str(path))
    assert (sr, type(sr)) == (8000, int)
    np.testing.assert_allclose(back, y.T, atol=2**-24)
