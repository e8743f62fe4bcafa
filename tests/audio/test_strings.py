from typing import Any

import numpy as np
import pytest

from minivit.audio import melody, pluck, vowel
from tests.unchecked import without_annotations

SR = 16_000


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("frequency", [55.0, 110.0, 233.08, 440.0, 1000.0, 1760.0])
def test_a_string_is_in_tune(frequency):
    """To three cents: without the all-pass filter, 1,760 Hz would be out by up to 90."""
    y = pluck(frequency, duration=2.0, sr=SR, rng=rng())
    power = np.abs(np.fft.rfft(y * np.hanning(len(y)), 2**19))
    near = np.arange(2**18 + 1) * SR / 2**19
    power[(near < 0.9 * frequency) | (near > 1.1 * frequency)] = 0
    heard = near[power.argmax()]
    assert 1200 * abs(np.log2(heard / frequency)) < 3


def test_the_delay_line_as_it_is_defined():
    """N + 1/2 samples of a period, when nothing is left to tune: y_t = x_t + (y_{t-N} + y_{t-N-1}) / 2."""
    N = 37
    y = pluck(SR / (N + 1.5), duration=0.05, sr=SR, rng=rng())  # the filter in the loop delays by one: C = 0
    burst = rng().uniform(-1, 1, N)
    expected = np.zeros(len(y))
    for t in range(len(y)):
        back = [expected[t - lag] if t >= lag else 0 for lag in (N + 1, N + 2)]
        expected[t] = (burst[t] if t < N else 0) + sum(back) / 2
    np.testing.assert_allclose(y, expected, atol=1e-6)


def test_it_fades_and_its_high_harmonics_fade_first():
    y = pluck(220.0, duration=2.0, sr=SR, rng=rng())
    early, late = (np.abs(np.fft.rfft(part)) ** 2 for part in (y[:4000], y[-4000:]))
    assert early.sum() > 4 * late.sum()
    brightness = [float(power[250:].sum() / power.sum()) for power in (early, late)]  # above 1 kHz
    assert brightness[0] > 5 * brightness[1]


def test_notes_follow_one_another_and_end_where_the_next_begins():
    frequencies = [200.0, 300.0, 400.0]
    y = melody(frequencies, duration=0.25, sr=SR, rng=rng())
    assert (y.shape, y.dtype) == ((12_000,), np.float32)
    for note, frequency in zip(np.split(y, 3), frequencies, strict=True):
        alike = np.fft.irfft(np.abs(np.fft.rfft(note, 8192)) ** 2)
        lag = 20 + int(alike[20:100].argmax())
        assert SR / lag == pytest.approx(frequency, rel=0.03)
        assert note[-1] == 0
        assert np.abs(note[-60:]).max() < np.abs(note[-300:-200]).max()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pluck(0.0, sr=SR, rng=rng()), r"pluck: frequency is 0\.0; expected at least 20"),
        (lambda: pluck(float("nan"), sr=SR, rng=rng()), "frequency is nan"),
        (lambda: pluck(5000.0, sr=SR, rng=rng()), "pluck: frequency is 5000; expected at most sr / 4 = 4000 Hz"),
        (lambda: pluck(100.0, sr=0, rng=rng()), "sr is 0; expected at least 1"),
        (lambda: pluck(100.0, sr=SR, duration=1e9, rng=rng()), "duration is 1000000000.0; expected .* at most 600"),
        (lambda: melody([], sr=SR, rng=rng()), "melody: there are no frequencies; expected at least one note"),
        (lambda: melody([100.0, 1.0], sr=SR, rng=rng()), r"frequency is 1\.0; expected at least 20"),
    ],
)
def test_wrong_arguments(call: Any, message: str):
    with pytest.raises((TypeError, ValueError), match=message):
        without_annotations(call)()


def test_shorter_than_a_period():
    assert pluck(20.0, duration=0.001, sr=SR, rng=rng()).shape == (16,)
    assert pluck(20.0, duration=1e-9, sr=SR, rng=rng()).shape == (1,)


def test_numbers_of_numpy():
    y = without_annotations(melody)(np.array([200, 300]), duration=np.float64(0.1), sr=np.int64(SR), rng=rng())
    np.testing.assert_array_equal(y, melody([200.0, 300.0], duration=0.1, sr=SR, rng=rng()))


def test_more_samples_than_anybody_hears():
    for call in (pluck, vowel):
        first = 200.0 if call is pluck else "a"
        options = {"rng": rng()} if call is pluck else {}
        with pytest.raises(ValueError, match=r"duration is 600 s, 1\d{2},\d{3},\d{3} samples at .* at most 10,000,000"):
            call(first, duration=600.0, sr=192_000, **options)
    with pytest.raises(ValueError, match="melody: duration of all frequencies is 800 s, 12,800,000 samples at 16,000"):
        melody([200.0] * 8, duration=100.0, sr=16_000, rng=rng())
