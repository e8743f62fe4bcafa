"""Frames and what adds them up, against loops and NumPy's padding."""

import numpy as np
import pytest

from minivit.audio.frames import (
    frame_backward,
    frame_forward,
    overlap_add_backward,
    overlap_add_forward,
    pad_center,
    pad_wave_backward,
    pad_wave_forward,
)

RNG = np.random.default_rng(0)
CUTS = [  # samples, frame, hop
    (10, 4, 2),
    (11, 4, 2),
    (10, 4, 3),
    (10, 3, 4),
    (10, 10, 1),
    (1, 1, 1),
    (9, 5, 5),
]
every_cut = pytest.mark.parametrize(("T", "W", "hop"), CUTS)


@every_cut
def test_frame_n_t_is_sample_n_of_the_frame_that_begins_at_t_hops(T, W, hop):
    y = RNG.standard_normal((2, T))
    frames, _ = frame_forward(y, frame_length=W, hop_length=hop)
    expected = np.stack([y[:, start : start + W] for start in range(0, T - W + 1, hop)], -1)
    np.testing.assert_array_equal(frames, expected)


def test_frames_are_a_view_that_nobody_may_write_to():
    y = np.zeros(100)
    frames, _ = frame_forward(y, frame_length=10, hop_length=2)
    assert np.shares_memory(frames, y)
    assert not frames.flags.writeable
    assert y.flags.writeable


def test_a_wave_may_be_of_any_layout():
    y = RNG.standard_normal((20, 3, 2)).T[:, ::-1, ::2]
    plain, _ = frame_forward(y.copy(), frame_length=4, hop_length=3)
    np.testing.assert_array_equal(frame_forward(y, frame_length=4, hop_length=3)[0], plain)


@every_cut
def test_frames_are_added_where_they_lay(T, W, hop):
    frames = RNG.standard_normal((2, W, 3))
    y, _ = overlap_add_forward(frames, hop_length=hop)
    expected = np.zeros((2, W + 2 * hop))
    for t in range(3):
        expected[:, t * hop : t * hop + W] += frames[..., t]
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-15)


@every_cut
def test_each_is_the_adjoint_of_the_other(T, W, hop):
    """<frame(y), f> = <y, add(f)>, to the bit where nothing is summed: the gradient of one is the other."""
    y = RNG.standard_normal((2, T))
    frames, c_frame = frame_forward(y, frame_length=W, hop_length=hop)
    f = RNG.standard_normal(frames.shape)
    added, c_add = overlap_add_forward(f, hop_length=hop)
    dy = frame_backward(f, c_frame).y
    np.testing.assert_array_equal(dy[:, : added.shape[-1]], added)
    assert not dy[:, added.shape[-1] :].any()
    covered = y[:, : added.shape[-1]]
    np.testing.assert_array_equal(overlap_add_backward(covered, c_add).frames, frames)
    assert np.sum(frames * f) == pytest.approx(np.sum(y * dy), rel=1e-12)


@pytest.mark.parametrize(
    ("mode", "pad"), [("constant", 0), ("constant", 3), ("constant", 9), ("reflect", 0), ("reflect", 4)]
)
def test_ends_are_filled_up_as_numpy_does_it(mode, pad):
    y = RNG.standard_normal((2, 5)).astype(np.float32)
    padded, cache = pad_wave_forward(y, pad_length=pad, pad_mode=mode)
    np.testing.assert_array_equal(padded, np.pad(y, ((0, 0), (pad, pad)), mode))
    assert padded.dtype == np.float32
    assert not np.shares_memory(padded, y)
    assert pad_wave_backward(padded, cache).y.shape == y.shape


def test_a_window_stands_in_the_middle():
    w = np.array([1.0, 2, 3])
    assert pad_center(w, size=3).tolist() == [1, 2, 3]
    assert pad_center(w, size=6).tolist() == [0, 1, 2, 3, 0, 0]
    assert pad_center(w, size=7).tolist() == [0, 0, 1, 2, 3, 0, 0]
    assert pad_center(w.astype(np.float32), size=6).dtype == np.float32
    with pytest.raises(ValueError, match="pad_center: data has 3 samples; expected at most size, 2"):
        pad_center(w, size=2)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda y: frame_forward(y, frame_length=6, hop_length=1),
            ValueError,
            "frame: y has 5 samples; expected at least",
        ),
        (lambda y: frame_forward(y, frame_length=0, hop_length=1), ValueError, "frame: frame_length is 0; expected at"),
        (lambda y: frame_forward(y, frame_length=2, hop_length=0), ValueError, "frame: hop_length is 0; expected at"),
        (
            lambda y: frame_forward(y, frame_length=2, hop_length=1.5),  # pyright: ignore[reportArgumentType]
            TypeError,
            "frame: hop_length is 1.5; expected int",
        ),
        (
            lambda y: frame_forward(y, frame_length=10**9, hop_length=1),
            ValueError,
            "frame_length is 1000000000; .* at most",
        ),
        (lambda y: frame_forward(y[:0], frame_length=1, hop_length=1), ValueError, "frame: y has 0 samples; expected"),
        (
            lambda y: overlap_add_forward(y[:, None][:, :0], hop_length=1),
            ValueError,
            r"frames has shape \(5, 0\); expected",
        ),
        (lambda y: overlap_add_forward(y[:0][:, None], hop_length=1), ValueError, "with W at least 1"),
        (
            lambda y: pad_wave_forward(y, pad_length=5, pad_mode="reflect"),
            ValueError,
            "y has 5 samples; expected more than 5",
        ),
        (lambda y: pad_wave_forward(y, pad_length=-1), ValueError, "pad_wave: pad_length is -1; expected at least 0"),
        (
            lambda y: pad_wave_forward(y, pad_length=10**12),
            ValueError,
            "pad_length is 1000000000000; .* at most 16777216",
        ),
        (
            lambda y: overlap_add_forward(y[:, None], hop_length=2**40),
            ValueError,
            "hop_length is 1099511627776; .* at most",
        ),
        (
            lambda y: pad_wave_forward(y, pad_length=1, pad_mode="wrap"),
            ValueError,
            "pad_mode is 'wrap'; expected one of",
        ),
    ],
)
def test_what_cannot_be_cut_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call(np.zeros(5))
