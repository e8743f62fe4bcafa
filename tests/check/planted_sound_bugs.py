"""Wrong pairs of sound, as people write them: see :mod:`tests.check.planted_bugs`."""

import numpy as np

from minivit.audio.fourier import rfft_backward
from minivit.audio.frames import overlap_add_forward
from minivit.audio.spectrogram import spectrogram_backward
from minivit.audio.stft import istft_backward, stft_backward, stft_forward
from minivit.ops.input_grad import WaveGrad
from tests.check.planted_bugs import Bug, right
from tests.check.planted_mel_bugs import MEL_BUGS


def own_window(case):
    return isinstance(case.args[1], np.ndarray)


def short_window(case):
    return own_window(case) and case.kwargs["win_length"] < case.kwargs["n_fft"] - 1


def overlapping(case):
    """At least two frames that do."""
    hop, W = case.kwargs["hop_length"], case.kwargs["frame_length"]
    return hop < W and case.args[0].shape[-1] >= W + hop


def centred(case):
    return case.kwargs["center"]


def reflecting(case):
    return case.kwargs["pad_mode"] == "reflect" and case.kwargs.get("pad_length", 1) > 0


def of_power(power):
    return lambda case: case.kwargs["power"] == power


def inner_bins(case):
    """Those between the edges: of three numbers, there is one."""
    return (case.kwargs["n"] or case.args[0].shape[-1]) > 2


def fitted(y, length):
    """So many samples: zeros at the end, or less."""
    return np.pad(y, ((0, 0),) * (y.ndim - 1) + ((0, max(0, length - y.shape[-1])),))[..., :length]


def laid(dy, c, overwriting):
    dx = np.zeros((*dy.shape[:-2], c.length), dy.dtype)
    for t in range(dy.shape[-1]):
        part = dx[..., t * c.hop_length :][..., : c.frame_length]
        part[...] = dy[..., t] if overwriting else part + dy[..., t]
    return dx


def with_edges(X, factor):
    """Spectra with their first and last bin times a factor."""
    X = X.copy()
    X[..., 0] *= factor
    X[..., -1] *= factor
    return X


def stft_of_hann(y, window, **options):
    X, _ = stft_forward(y, "hann", **options)
    return X, stft_forward(y, window, **options)[1]


def sum_of_windows(c):
    """What windows themselves sum to, where their squares should."""
    w = np.repeat(c.window[:, None], c.num_frames, 1)
    return overlap_add_forward(w, hop_length=c.hop_length)[0][c.start :][: len(c.squares)]


def of_first_frame(dy, c, g):
    first = np.zeros_like(dy)
    first[..., 0] = dy[..., 0]
    return g._replace(window=stft_backward(first, c).window)


def window_from_the_left(dy, c, g):
    whole = stft_backward(dy, c._replace(win_length=len(c.window))).window
    assert whole is not None
    return g._replace(window=whole[: c.win_length])


def without_the_squares(dy, c, g):
    """The window's part in the sum of squares is that of y: gone if y is zero."""
    return g._replace(window=istft_backward(dy, c._replace(y=np.zeros_like(c.y))).window)


# One bug, one row.
# fmt: off
SOUND_BUGS: list[Bug] = [
    *MEL_BUGS,
    Bug("frame", "= instead of +=", lambda dy, c, g: WaveGrad(laid(dy, c, overwriting=True)), "gradient of y is wrong",
        overlapping),
    Bug("frame", "hop and window exchanged",
        lambda dy, c, g: WaveGrad(fitted(overlap_add_forward(dy, hop_length=c.frame_length)[0], c.length)),
        "gradient of y is wrong", overlapping),
    Bug("frame", "one sample late", lambda dy, c, g: WaveGrad(np.roll(g.y, 1, -1)), "permuted along axis 1",
        lambda case: case.kwargs["hop_length"] <= case.kwargs["frame_length"] and case.args[0].shape[-1] > 3),
    Bug("overlap_add", "frames side by side", lambda dy, c, g: g._replace(frames=np.moveaxis(
        fitted(dy, c.frame_length * c.num_frames).reshape(len(dy), c.num_frames, -1), 1, 2).copy()),
        "gradient of frames is wrong", lambda case: case.kwargs["hop_length"] < case.args[0].shape[1]),
    Bug("overlap_add", "divided by the frames", lambda dy, c, g: g._replace(frames=g.frames / c.num_frames), "factor"),
    Bug("pad_wave", "filled up on one side", lambda dy, c, g: WaveGrad(dy[..., : c.length].copy()),
        "gradient of y is wrong", lambda case: case.kwargs["pad_length"] > 0),
    Bug("pad_wave", "images forgotten", lambda dy, c, g: WaveGrad(dy[..., c.pad_length :][..., : c.length].copy()),
        "gradient of y is wrong", reflecting),
    Bug("rfft", "conjugate forgotten", lambda dy, c, g: g._replace(x=rfft_backward(dy.conj(), c).x),
        "gradient of x is wrong", inner_bins),
    Bug("rfft", "bins between the edges counted twice",
        lambda dy, c, g: g._replace(x=fitted(np.fft.irfft(dy, c.n) * c.n, c.length)), "gradient of x is wrong",
        inner_bins),
    Bug("rfft", "edge bins halved",
        lambda dy, c, g: g._replace(x=rfft_backward(with_edges(dy, 0.5), c).x), "gradient of x is wrong"),
    Bug("rfft", "edge bins doubled",
        lambda dy, c, g: g._replace(x=rfft_backward(with_edges(dy, 2), c).x), "gradient of x is wrong"),
    Bug("rfft", "divided by n, as the inverse is", lambda dy, c, g: g._replace(x=g.x / c.n), "constant factor",
        inner_bins),
    Bug("rfft", "bin off by one", lambda dy, c, g: g._replace(x=rfft_backward(np.roll(dy, 1, -1), c).x),
        "gradient of x is wrong", inner_bins),
    Bug("irfft", "conjugate forgotten", lambda dy, c, g: g._replace(X=g.X.conj()), "complex conjugate", inner_bins),
    Bug("irfft", "edge bins doubled", lambda dy, c, g: g._replace(X=with_edges(g.X, 2)), "gradient of X is wrong"),
    Bug("irfft", "every bin counted once", lambda dy, c, g: g._replace(X=np.fft.rfft(dy) / c.n),
        "gradient of X is wrong", inner_bins),
    Bug("irfft", "without 1 / n", lambda dy, c, g: g._replace(X=g.X * c.n), "constant factor"),
    Bug("irfft", "real part only", lambda dy, c, g: g._replace(X=g.X.real + 0 * g.X), "gradient of X is wrong",
        inner_bins),
    Bug("irfft", "real", lambda dy, c, g: g._replace(X=np.abs(g.X)), "the gradient of X is float64"),
    Bug("stft", "window forgotten",
        lambda dy, c, g: g._replace(y=stft_backward(dy, c._replace(window=np.ones_like(c.window))).y),
        "gradient of y is wrong"),
    Bug("stft", "window squared", lambda dy, c, g: g._replace(y=stft_backward(dy, c._replace(window=c.window**2)).y),
        "gradient of y is wrong"),
    Bug("stft", "conjugate forgotten", lambda dy, c, g: stft_backward(dy.conj(), c), "gradient of y is wrong"),
    Bug("stft", "bin off by one", lambda dy, c, g: stft_backward(np.roll(dy, 1, -2), c), "gradient of y is wrong"),
    Bug("stft", "frame off by one", lambda dy, c, g: stft_backward(np.roll(dy, 1, -1), c), "gradient of y is wrong"),
    Bug("stft", "not filled up in the middle", lambda dy, c, g: g._replace(y=fitted(g.y[..., 1:], g.y.shape[-1])),
        "gradient of y is wrong", centred),
    Bug("stft", "window of the first frame", of_first_frame, "gradient of window is wrong", own_window),
    Bug("stft", "window cut from the left", window_from_the_left, "gradient of window is wrong", short_window),
    Bug("stft", "another window in forward", right, "gradient of", own_window, forward=stft_of_hann),
    Bug("istft", "window not squared",
        lambda dy, c, g: g._replace(stft_matrix=istft_backward(dy, c._replace(squares=sum_of_windows(c))).stft_matrix),
        "gradient of stft_matrix is wrong", own_window),
    Bug("istft", "not divided by the sum of squares",
        lambda dy, c, g: g._replace(stft_matrix=istft_backward(dy * c.squares, c).stft_matrix),
        "gradient of stft_matrix is wrong", own_window),
    Bug("istft", "conjugate forgotten", lambda dy, c, g: g._replace(stft_matrix=g.stft_matrix.conj()),
        "complex conjugate"),
    Bug("istft", "window in the sum of squares forgotten", without_the_squares, "gradient of window is wrong",
        own_window),
    Bug("spectrogram", "without the 2", lambda dy, c, g: spectrogram_backward(dy / 2, c), "constant factor 0.5",
        of_power(2)),
    Bug("spectrogram", "conjugate of X", lambda dy, c, g: spectrogram_backward(dy, c._replace(X=c.X.conj())),
        "gradient of y is wrong"),
    Bug("spectrogram", "as if it were the amplitude", lambda dy, c, g: spectrogram_backward(dy, c._replace(power=1.0)),
        "gradient of y is wrong", of_power(2)),
]
# fmt: on
