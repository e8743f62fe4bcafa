import itertools
from io import BytesIO

import numpy as np
import pytest

from minivit.audio.mel import mel_frequencies
from minivit.audio.overview import wav_overview
from minivit.audio.wav import write_wav
from minivit.plot.overview import sound_overview

SR = 8000


@pytest.fixture
def found(tmp_path):
    time = np.arange(SR) / SR
    write_wav(tmp_path / "a.wav", np.stack([np.sin(2 * np.pi * 1000 * time), np.zeros(SR)]), SR)
    return lambda **options: wav_overview(tmp_path / "a.wav", n_fft=512, **options)


def panels(figure):
    return [ax for ax in figure.axes if ax.images]


def drawn(panel):
    return np.asarray(panel.images[0].get_array())


def test_a_panel_for_each_channel_in_one_scale(found):
    figure = sound_overview(found(), db=60, title="a", names=["left", "right"])
    left, right = panels(figure)
    assert [panel.get_title(loc="left") for panel in (left, right)] == ["left", "right"]
    levels = drawn(left)
    assert (levels.max(), levels.min()) == (0, pytest.approx(-60))
    assert abs(np.argmax(levels.mean(1)) - 64) < 1  # 1000 Hz
    np.testing.assert_allclose(drawn(right), -60)
    assert left.get_xlim() == (0, 1)
    assert right.get_xlabel() == "time (s)"


def test_frequencies_stand_beside_their_rows(found):
    for options, expected in (({}, {"0": 0, "1": 64, "4": 256}), ({"n_mels": 40}, {})):
        overview = found(**options)
        panel = panels(sound_overview(overview, db=60, title="a"))[0]
        named = {
            text.get_text(): place for text, place in zip(panel.get_yticklabels(), panel.get_yticks(), strict=True)
        }
        assert len(named) > 3
        for text, place in named.items():
            assert np.interp(place, np.arange(len(overview.hertz)), overview.hertz) == pytest.approx(1000 * float(text))
        assert expected.items() <= named.items()


def test_long_sounds_are_counted_in_minutes(found):
    overview = found()
    overview = overview._replace(info=overview.info._replace(length=3600 * SR))
    panel = panels(sound_overview(overview, db=60, title="a"))[-1]
    assert panel.get_xlabel() == "time (min)"
    assert panel.get_xlim() == (0, 60)


def test_silence_is_black(found):
    overview = found()
    silent = overview._replace(power=np.zeros_like(overview.power))
    for panel in panels(sound_overview(silent, db=60, title="a")):
        np.testing.assert_allclose(drawn(panel), -60)


@pytest.mark.parametrize("sr", [8000, 44_100, 96_000])
def test_names_of_frequencies_do_not_lie_on_each_other(found, sr):
    overview = found(n_mels=128)
    overview = overview._replace(hertz=mel_frequencies(130, fmax=sr / 2)[1:-1])
    figure = sound_overview(overview, db=60, title="a")
    figure.savefig(BytesIO())
    for panel in panels(figure):
        boxes = [text.get_window_extent() for text in panel.get_yticklabels()]
        assert len(boxes) > 3
        assert all(below.y1 < above.y0 for below, above in itertools.pairwise(boxes))


def test_the_bar_of_colours_is_equally_wide_beside_few_channels_and_many(found):
    overview = found()
    widths = []
    for channels in (1, 2, 8):
        power = np.repeat(overview.power[:1], channels, 0)
        figure = sound_overview(overview._replace(power=power), db=60, title="a")
        figure.savefig(BytesIO())
        widths.append(figure.axes[-1].get_position().width)
    np.testing.assert_allclose(widths, widths[0], rtol=0.3)
