"""``minivit spectrogram``, ``hide`` and ``synth``: what they draw, write and print, and what they say of mistakes."""

import shlex
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minivit import cli, plot
from minivit.audio.voice import speak
from minivit.audio.wav import read_wav, write_wav

SR = 8000
TOO_LONG = (
    "minivit: speak: what text lasts is 599.76 s, 115,153,920 samples at 192,000 in a second; "
    "expected at most 10,000,000 samples"
)


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    write_wav("noise.wav", 0.1 * rng.standard_normal((2, SR)).clip(-3, 3), SR)
    Image.fromarray(np.kron(rng.integers(0, 256, (6, 3)), np.ones((8, 8))).astype(np.uint8)).save("pixels.png")
    return tmp_path


@pytest.fixture
def undrawn(monkeypatch):
    """Pictures that cost no time: a file with nothing in it."""
    monkeypatch.setattr(plot, "save", lambda picture, path: Path(path).touch())


def run(capsys, *command):
    """The exit code, what was printed, and the error."""
    code = cli.main([*map(str, command)])
    printed = capsys.readouterr()
    return code, printed.out.splitlines(), printed.err.strip()


def size(path):
    with Image.open(path) as picture:
        picture.load()
        return picture.size


def test_a_spectrogram_is_drawn_and_its_levels_are_printed(place, capsys):
    code, lines, error = run(capsys, "spectrogram", "noise.wav")
    assert (code, error) == (0, "")
    assert lines[0] == "noise.wav: 1.00 s at 8000 Hz, PCM_16; drawn: noise-spectrogram.png"
    assert [line[:15] for line in lines[1:]] == ["channel 1: peak", "channel 2: peak"]
    assert "mean -20." in lines[1]
    assert size("noise-spectrogram.png")[0] > 1000


def test_all_options_are_taken(place, capsys):
    options = ("-o", "bands.svg", "--mel", "--window", "blackman", "--n-fft", 1024, "--hop", 100, "--db", 40.5)
    code, lines, error = run(capsys, "spectrogram", "noise.wav", *options)
    assert (code, error) == (0, "")
    assert lines[0].endswith("drawn: bands.svg")
    assert (place / "bands.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_empty_bands_and_missing_samples_are_noted(place, capsys, undrawn):
    content = (place / "noise.wav").read_bytes()
    (place / "half.wav").write_bytes(content[: len(content) // 2])
    code, _, notes = run(capsys, "spectrogram", "half.wav", "--mel", "--n-fft", 64)
    assert code == 0
    first, second = notes.splitlines()
    assert first.startswith("minivit: half.wav says that it has 8,000 samples, but it ends after")
    assert second.startswith("minivit: mel_filterbank: empty filters, 66 of 128")


def damaged(place, name, at, form, *numbers):
    content = bytearray((place / "noise.wav").read_bytes())
    struct.pack_into(form, content, at, *numbers)
    (place / name).write_bytes(content)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: damaged(p, "bad.wav", 24, "<I", 0), "bad.wav says that it has 0 samples in a second"),
        (lambda p: damaged(p, "bad.wav", 20, "<H", 0x55), "bad.wav is compressed (MP3)"),
        (lambda p: damaged(p, "bad.wav", 34, "<H", 7), "bad.wav has a header that contradicts itself"),
        (lambda p: damaged(p, "bad.wav", 40, "<I", 0), "bad.wav has no samples"),
        (lambda p: (p / "bad.wav").write_bytes(b""), "bad.wav is empty"),
        (lambda p: (p / "bad.wav").write_bytes(b"fLaC" + bytes(100)), "bad.wav is no WAV file but FLAC"),
        (lambda p: (p / "bad.wav").mkdir(), "Is a directory: bad.wav"),
        (lambda p: None, "there is no file bad.wav"),
        (lambda p: write_wav(p / "bad.wav", np.zeros((9, 5)), SR), "bad.wav has 9 channels; expected at most 8"),
    ],
)
def test_a_file_that_cannot_be_drawn_is_named_in_one_sentence(place, capsys, make, message):
    make(place)
    code, lines, error = run(capsys, "spectrogram", "bad.wav")
    assert (code, lines) == (1, [])
    assert error.startswith(f"minivit: {message}")
    assert len(error.splitlines()) == 1
    assert not (place / "bad-spectrogram.png").exists()


def test_a_sample_that_is_no_number_is_found(place, capsys):
    write_wav("nan.wav", np.zeros(100), SR, subtype="FLOAT")
    content = bytearray((place / "nan.wav").read_bytes())
    struct.pack_into("<f", content, len(content) - 4, np.nan)
    (place / "nan.wav").write_bytes(content)
    code, _, error = run(capsys, "spectrogram", "nan.wav")
    assert code == 1
    assert "no finite number" in error


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_every_kind_of_sample_is_drawn(place, capsys, undrawn, subtype):
    write_wav("kind.wav", 0.5 * np.sin(np.arange(3000) / 5), SR, subtype=subtype)
    code, lines, _ = run(capsys, "spectrogram", "kind.wav")
    assert code == 0
    assert f"8000 Hz, {subtype};" in lines[0]
    assert lines[1].startswith("peak -6.0 dB, mean -9.0 dB")


def test_silence_a_dead_channel_and_what_was_cut_off_are_told(place, capsys, undrawn):
    loud = np.clip(3 * np.sin(np.arange(3000) / 5), -1, 1)
    write_wav("dead.wav", np.stack([loud, np.zeros(3000)]), SR)
    write_wav("silence.wav", np.zeros(1), SR)
    _, lines, _ = run(capsys, "spectrogram", "dead.wav")
    assert "samples cut off?" in lines[1]
    assert lines[2] == "channel 2: silent"
    code, lines, _ = run(capsys, "spectrogram", "silence.wav")
    assert (code, lines[1]) == (0, "silent")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--n-fft", "1"], "n_fft is 1; expected at least 2 and at most 65536"),
        (["--n-fft", "9" * 30], "n_fft is 9"),
        (["--hop", "4096"], "hop_length is 4096; expected 1 to 2048"),
        (["--hop", "0"], "hop_length is 0"),
        (["--window", "kaiser"], "window is 'kaiser'; expected one of"),
        (["--db", "0"], "--db is 0.0; expected above 0"),
        (["--db", "nan"], "--db is nan"),
        (["--db", "1e9"], "--db is 1000000000.0; expected above 0 and at most 300"),
        (["-o", "."], "Is a directory: ."),
        (["-o", "/"], "Is a directory: /"),
        (["-o", "/dev/null"], "Not an ordinary file: /dev/null"),
        (["-o", "picture.pgf"], "picture.pgf is no name for a picture"),
        (["-o", "picture.wav"], "picture.wav is no name for a picture"),
        (["-o", "no/such/folder.png"], "No such file or directory: no/such/folder.png"),
    ],
)
def test_an_option_out_of_range_is_one_sentence(place, capsys, options, message):
    code, lines, error = run(capsys, "spectrogram", "noise.wav", *options)
    assert (code, lines) == (1, [])
    assert message in error
    assert len(error.splitlines()) == 1


def test_the_name_that_is_told_is_that_of_the_picture(place, capsys, undrawn):
    _, lines, _ = run(capsys, "spectrogram", "noise.wav", "-o", "picture")
    assert lines[0].endswith("drawn: picture.png")
    assert (place / "picture.png").exists()


def test_nothing_takes_the_place_of_what_it_is_made_from(place, capsys):
    """A recording may be called .png, and an image .wav."""
    for command, name, source in (("spectrogram", "a.png", "noise.wav"), ("hide", "b.wav", "pixels.png")):
        content = (place / source).read_bytes()
        (place / name).write_bytes(content)
        code, lines, error = run(capsys, command, name, "-o", f"../{place.name}/{name}")
        assert (code, lines) == (1, [])
        assert error.endswith(f"{name} is the file that is read; expected another name for what is written")
        assert (place / name).read_bytes() == content


@pytest.mark.parametrize("scale", [1e30, 1e-30])
def test_floats_whose_energies_are_no_numbers_any_more_are_not_drawn_white_or_black(place, capsys, scale):
    write_wav("floats.wav", scale * np.sin(np.arange(3000) / 5), SR, subtype="FLOAT")
    code, lines, error = run(capsys, "spectrogram", "floats.wav")
    assert (code, lines) == (1, [])
    assert error == f"minivit: floats.wav has {scale:.3g} for its largest sample; expected 1e-12 to 1e+15"


def test_what_is_printed_to_be_typed_can_be_typed(place, capsys, undrawn):
    code, lines, _ = run(capsys, "hide", "pixels.png", "-o", "two words.wav")
    assert code == 0
    command = shlex.split(lines[1].removeprefix("to see it: minivit "))
    assert command[1] == "two words.wav"
    assert run(capsys, *command)[0] == 0


def test_a_picture_is_hidden_and_can_be_drawn_again(place, capsys, undrawn):
    code, lines, error = run(capsys, "hide", "pixels.png", "-o", "pixels.wav")
    assert (code, error) == (0, "")
    words, found = lines[0].split(", correlation ")
    assert words == "pixels.wav: 2.0 s at 22050 Hz; from 517 to 9905 Hz its spectrogram shows pixels.png"
    assert float(found) > 0.95
    y, sr = read_wav("pixels.wav")
    assert (sr, y.ndim) == (22050, 1)
    assert 0.88 < np.abs(y).max() < 0.9
    command = lines[1].removeprefix("to see it: minivit ").split()
    assert run(capsys, *command)[0] == 0
    assert (place / "pixels-spectrogram.png").exists()


def test_a_sound_without_an_ending_gets_one(place, capsys):
    assert run(capsys, "hide", "pixels.png", "-o", "secret")[0] == 0
    assert (place / "secret.wav").is_file()


def test_black_letters_on_nothing_are_hidden_as_on_white_paper(place, capsys):
    shades = np.kron([[0, 255], [100, 180]], np.ones((9, 9))).astype(np.uint8)
    Image.fromarray(np.dstack([np.zeros_like(shades), 255 - shades])).resize((9, 18)).save("letters.png")
    code, lines, _ = run(capsys, "hide", "letters.png", "-o", "letters.wav")
    assert code == 0
    assert float(lines[0].split()[-1]) > 0.95


@pytest.mark.parametrize(
    ("image", "out", "message"),
    [
        ("none.png", "a.wav", "there is no file none.png"),
        ("noise.wav", "a.wav", "noise.wav cannot be read as an image"),
        ("pixels.png", "pixels.png", "pixels.png is no name for a sound: it ends in .png; expected .wav"),
        ("pixels.png", "no/such/a.wav", "No such file or directory: no/such/a.wav"),
        ("pixels.png", ".", "Is a directory: ."),
        ("pixels.png", "/dev/null", "Not an ordinary file: /dev/null"),
        ("white.png", "a.wav", "hide: all pixels of image are of one brightness"),
    ],
)
def test_what_cannot_be_hidden_is_one_sentence(place, capsys, image, out, message):
    Image.new("RGBA", (9, 9), (0, 0, 0, 0)).save("white.png")
    before = (place / "pixels.png").read_bytes()
    code, lines, error = run(capsys, "hide", image, "-o", out)
    assert (code, lines) == (1, [])
    assert error.startswith(f"minivit: {message}")
    assert len(error.splitlines()) == 1
    assert (place / "pixels.png").read_bytes() == before
    assert not (place / "a.wav").exists()


def test_names_that_are_no_words_stay_on_their_line(place, capsys):
    (place / "noise.wav").rename(place / "$x\n_^.wav")
    code, lines, _ = run(capsys, "spectrogram", "$x\n_^.wav", "-o", "a.png")
    assert code == 0
    assert lines[0].startswith(r"$x\n_^.wav: 1.00 s")
    assert size("a.png")[0] > 1000


def test_a_voice_is_written_to_a_file(place, capsys):
    code, lines, error = run(capsys, "synth", "a ei", "-o", "said")
    assert (code, error) == (0, "")
    assert lines == ["said.wav: 0.94 s at 16000 Hz"]
    y, sr = read_wav("said.wav")
    assert (sr, len(y)) == (16_000, 15_040)
    np.testing.assert_allclose(y, speak("a ei"), atol=2**-15)


def test_a_voice_has_a_pitch_a_speed_breath_a_rate_and_a_seed(place, capsys):
    options = {"pitch": 210.0, "speed": 2.0, "breath": 0.5, "sr": 8000, "seed": 3}
    given = [text for name, value in options.items() for text in (f"--{name}", value)]
    code, lines, _ = run(capsys, "synth", "ai", "-o", "said.wav", *given)
    assert (code, lines) == (0, ["said.wav: 0.28 s at 8000 Hz"])
    np.testing.assert_allclose(read_wav("said.wav")[0], speak("ai", **options), atol=2**-15)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (("hello", "-o", "x.wav"), "minivit: speak: text has 'h'; expected words of the vowels a, e, i, o, u"),
        (("a, e", "-o", "x.wav"), "minivit: speak: text has ','; expected words of the vowels a, e, i, o, u"),
        (("a", "-o", "x.mp3"), "minivit: x.mp3 is no name for a sound: it ends in .mp3; expected .wav"),
        (("a", "-o", "x.wav", "--speed", "0"), "minivit: speak: speed is 0.0; expected at least 0.1 and at most 10"),
        (("a", "-o", "x.wav", "--sr", "100"), "minivit: speak: sr is 100; expected at least 4000 and at most 192000"),
        (("a", "-o", ".."), "minivit: Is a directory: .."),
        (("a" * 2142, "--sr", "192000", "-o", "x.wav"), TOO_LONG),
        (("a", "-o", "no/x.wav"), "minivit: No such file or directory: no/x.wav"),
    ],
)
def test_what_cannot_be_said(place, capsys, command, message):
    assert run(capsys, "synth", *command) == (1, [], message)
    assert not (place / "x.wav").exists()
