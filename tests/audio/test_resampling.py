import numpy as np
import pytest
from scipy.signal import resample_poly

from minivit.audio import resample
from tests.unchecked import without_annotations


@pytest.mark.parametrize(("orig_sr", "target_sr"), [(16_000, 8_000), (8_000, 16_000), (44_100, 16_000), (8_000, 8_001)])
def test_a_tone_stays_a_tone_as_loud_and_as_high(orig_sr, target_sr):
    y = resample(tone(orig_sr, orig_sr // 2), orig_sr=orig_sr, target_sr=target_sr)
    assert len(y) == -(-(orig_sr // 2) * target_sr // orig_sr)
    inside = slice(len(y) // 10, -len(y) // 10)
    np.testing.assert_allclose(y[inside], tone(target_sr, len(y))[inside], atol=2e-3)


def tone(sr: int, length: int) -> np.ndarray:
    return 0.7 * np.sin(2 * np.pi * 1000 * np.arange(length) / sr)


def test_what_the_new_rate_cannot_have_is_filtered_out():
    """Without the filter, 7,000 Hz would be heard at 1,000."""
    y = np.sin(2 * np.pi * 7000 * np.arange(16_000) / 16_000)
    assert np.abs(resample(y, orig_sr=16_000, target_sr=8_000)[100:-100]).max() < 0.01


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_precision_and_axes(dtype):
    y = np.random.default_rng(0).standard_normal((2, 3, 101)).astype(dtype)
    got = resample(y, orig_sr=3, target_sr=2)
    assert (got.dtype, got.shape) == (dtype, (2, 3, 68))
    np.testing.assert_allclose(got, resample_poly(y.astype(float), 2, 3, axis=-1), atol=1e-5)
    strided = np.repeat(y, 2, axis=-1)[..., ::2]
    np.testing.assert_array_equal(resample(strided, orig_sr=3, target_sr=2), got)


def test_the_same_rate_is_a_copy():
    y = np.arange(5.0)
    same = resample(y, orig_sr=44_100, target_sr=44_100)
    np.testing.assert_array_equal(same, y)
    assert not np.shares_memory(same, y)


@pytest.mark.parametrize(("length", "expected"), [(0, 0), (1, 1), (3, 2)])
def test_few_samples(length, expected):
    assert resample(np.ones((2, length)), orig_sr=2, target_sr=1).shape == (2, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"orig_sr": 0}, "resample: orig_sr is 0; expected at least 1"),
        ({"target_sr": -8000}, "resample: target_sr is -8000; expected at least 1"),
        ({"target_sr": 10**9}, "resample: target_sr is 1000000000; expected .* at most 1000000"),
        ({"target_sr": 8000.0}, r"resample: target_sr is 8000\.0; expected int"),
        ({"y": np.arange(5)}, "resample: y has dtype int64; expected float32 or float64"),
        ({"y": np.zeros(5, np.float16)}, "resample: y has dtype float16"),
        ({"y": [0.0, 1.0]}, "resample: y is .*, of type list"),
    ],
)
def test_wrong_arguments(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        without_annotations(resample)(**{"y": np.zeros(5), "orig_sr": 8000, "target_sr": 16_000, **options})
