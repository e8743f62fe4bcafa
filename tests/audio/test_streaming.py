"""A wave in blocks has the transform that it has in one piece."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minivit.audio.stft import stft_forward
from minivit.audio.streaming import stft_blocks


def outcome(function):
    """What it gives, or None for a wave that is too short."""
    try:
        return function()
    except ValueError:
        return None


@given(
    seed=st.integers(0, 2**32 - 1),
    T=st.integers(0, 100),
    n_fft=st.integers(1, 20),
    hop_length=st.integers(1, 25),
    center=st.booleans(),
    pad_mode=st.sampled_from(["constant", "reflect"]),
)
def test_blocks_of_any_length_give_the_same_numbers(seed, T, **options):
    options["n_fft"] = options.pop("n_fft")
    rng = np.random.default_rng(seed)
    y = rng.standard_normal((2, T)).astype(rng.choice(["f4", "f8"]))
    blocks = np.split(y, np.sort(rng.integers(0, T + 1, rng.integers(8))), axis=-1)
    whole = outcome(lambda: stft_forward(y, "hamming", **options)[0])
    parts = outcome(lambda: np.concatenate([*stft_blocks(blocks, "hamming", **options)], axis=-1))
    if whole is None:
        assert parts is None
        return
    assert parts is not None
    assert parts.dtype == whole.dtype
    np.testing.assert_allclose(parts, whole, rtol=0, atol=1e-14 if y.dtype == np.float64 else 1e-6)


def test_each_frame_comes_as_soon_as_it_is_whole():
    asked = []

    def blocks():
        for i in range(10):
            asked.append(i)
            yield np.ones(8)

    stream = stft_blocks(blocks(), n_fft=16, hop_length=8, center=False)
    assert asked == []
    next(stream)
    assert asked == [0, 1]
    next(stream)
    assert asked == [0, 1, 2]


def test_memory_does_not_grow_with_the_wave():
    def peak(count):
        tracemalloc.start()
        for _ in stft_blocks((np.zeros(4000, np.float32) for _ in range(count)), n_fft=400, hop_length=160):
            pass
        size = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size

    peak(3)
    assert peak(40) < 1.5 * peak(8) < 1e6


@pytest.mark.parametrize(
    ("blocks", "options", "error", "message"),
    [
        ([], {}, ValueError, "stft_blocks: blocks have 0 samples together; expected at least 1"),
        ([np.zeros(0)], {}, ValueError, "stft_blocks: blocks have 0 samples together; expected at least 1"),
        (
            [np.zeros(3)] * 2,
            {"pad_mode": "reflect", "n_fft": 16},
            ValueError,
            "have 6 samples together; expected at least 9",
        ),
        (
            [np.zeros(3)] * 2,
            {"center": False, "n_fft": 16},
            ValueError,
            "have 6 samples together; expected at least 16, a frame",
        ),
        (
            [np.zeros(3), np.zeros((1, 3))],
            {},
            ValueError,
            r"a block has shape \(1, 3\), float64; expected \(\.\.\., t\) as",
        ),
        ([np.zeros(3), np.zeros(3, "f4")], {}, ValueError, r"a block has shape \(3,\), float32; expected"),
        ([np.zeros(3, int)], {}, TypeError, r"a block is an array of int64, shape \(3,\); expected an array"),
        ([[1.0, 2.0]], {}, TypeError, r"a block is \[1.0, 2.0\]; expected an array"),
        ([1.0, 2.0], {}, TypeError, r"a block is 1.0; expected an array"),
        ([np.zeros(3)], {"hop_length": 0}, ValueError, "stft_blocks: hop_length is 0; expected at least 1"),
        ([np.zeros(3)], {"pad_mode": "wrap"}, ValueError, "pad_mode is 'wrap'; expected one of constant, reflect"),
    ],
)
def test_blocks_that_do_not_fit_are_refused(blocks, options, error, message):
    with pytest.raises(error, match=message):
        list(stft_blocks(blocks, **options))
