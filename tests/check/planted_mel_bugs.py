"""Wrong pairs of log-mel features, as people write them: see :mod:`tests.check.planted_bugs`."""

import numpy as np

from minivit.audio.decibels import PER_NEPER, log_floor_backward, power_to_db_backward
from minivit.audio.delta import delta_backward
from minivit.audio.kaldi import kaldi_fbank_backward
from minivit.audio.log_mel import log_mel_backward
from minivit.audio.melspectrogram import mel_scale_backward, melspectrogram_backward, melspectrogram_forward
from minivit.audio.mfcc import mfcc_backward
from minivit.audio.preemphasis import preemphasis_backward, preemphasis_forward
from tests.check.planted_bugs import Bug, right


def edge(case):
    return case.kwargs["pad_mode"] == "edge"


def of_two(case):
    return case.kwargs["power"] == 2


def cut_off(case):
    """Far above what is told from silence."""
    return case.kwargs["top_db"] is not None and case.kwargs["amin"] < 1e-9


def first_sample_counts(case):
    """Not where the window begins with zero."""
    return case.kwargs["coef"] > 0 and isinstance(case.kwargs["window"], np.ndarray)


def interp(case):
    return case.kwargs["mode"] == "interp"


def ortho(case):
    return case.kwargs["norm"] == "ortho"


def mirrored(case):
    """At the end, where a frame is."""
    options = case.kwargs
    _, T = case.args[0].shape
    W, h = options["win_length"], options["hop_length"]
    left, N = W // 2 - h // 2, (T + h // 2) // h
    return not options["snip_edges"] and left > 1 and (N - 1) * h + W - left - T > 1


def rises_on_its_own(dy, c):
    """What is raised as if it were as loud as it is."""
    return power_to_db_backward(dy, c._replace(raised=None, loudest=None))


def loudest_is_constant(dy, c):
    return power_to_db_backward(np.where(c.raised, 0, dy), c._replace(raised=None, loudest=None))


def without_basis(dy, c):
    scale = c.mel_scale._replace(mel_basis=(c.mel_scale.mel_basis > 0).astype(dy.dtype))
    return melspectrogram_backward(dy, c._replace(mel_scale=scale))


def htk_of_the_other(y, window, **options):
    Y, _ = melspectrogram_forward(y, window, **options)
    return Y, melspectrogram_forward(y, window, **{**options, "htk": not options["htk"]})[1]


def as_amplitude(c):
    """The cache of a mel spectrogram as if its power were 1."""
    return c._replace(spectrogram=c.spectrogram._replace(power=1.0))


def mfcc_without(dy, c, step, **fields):
    return mfcc_backward(dy, c._replace(**{step: getattr(c, step)._replace(**fields)}))


# One bug, one row.
# fmt: off
MEL_BUGS: list[Bug] = [
    Bug("log_floor", "the floor has a slope", lambda dy, c, g: g._replace(x=dy / c.x), "gradient of x is wrong"),
    Bug("log_floor", "the floor added inside", lambda dy, c, g: g._replace(x=np.where(c.low, 0, dy / (c.x + 0.5))),
        "gradient of x is wrong"),
    Bug("log_floor", "decimal", lambda dy, c, g: g._replace(x=g.x / np.log(10)), "constant factor 0.434"),
    Bug("log_floor", "without 1 / x", lambda dy, c, g: g._replace(x=np.where(c.low, 0, dy)), "gradient of x is wrong"),
    Bug("log_floor", "x of the floor", lambda dy, c, g: log_floor_backward(dy, c._replace(low=~c.low)),
        "gradient of x is wrong"),
    Bug("power_to_db", "natural", lambda dy, c, g: g._replace(S=g.S / PER_NEPER), "constant factor 0.23"),
    Bug("power_to_db", "of amplitudes", lambda dy, c, g: g._replace(S=2 * g.S), "constant factor 2"),
    Bug("power_to_db", "what is raised has a slope of its own", lambda dy, c, g: rises_on_its_own(dy, c),
        "gradient of S is wrong", cut_off),
    Bug("power_to_db", "the loudest as a constant", lambda dy, c, g: loudest_is_constant(dy, c),
        "gradient of S is wrong", cut_off),
    Bug("power_to_db", "without 1 / S", lambda dy, c, g: g._replace(S=g.S * c.S), "gradient of S is wrong"),
    Bug("preemphasis", "forward in time", lambda dy, c, g: g._replace(y=preemphasis_forward(dy, coef=c.coef)[0]),
        "gradient of y is wrong"),
    Bug("preemphasis", "the other sign", lambda dy, c, g: preemphasis_backward(dy, c._replace(coef=-c.coef)),
        "gradient of y is wrong"),
    Bug("preemphasis", "what stands before the first is zero",
        lambda dy, c, g: preemphasis_backward(dy, c._replace(pad_mode="constant")), "gradient of y is wrong", edge),
    Bug("delta", "the other sign", lambda dy, c, g: g._replace(data=-g.data), "wrong sign"),
    Bug("delta", "not divided", lambda dy, c, g: g._replace(data=g.data * 2 * sum(n * n for n in range(c.h + 1))),
        "constant factor"),
    Bug("delta", "copies of the ends forgotten",
        lambda dy, c, g: delta_backward(np.pad(dy[..., c.h : -c.h], ((0, 0), (0, 0), (c.h, c.h))), c),
        "gradient of data is wrong", interp),
    Bug("delta", "frames repeated in place of slopes", lambda dy, c, g: delta_backward(dy, c._replace(mode="nearest")),
        "gradient of data is wrong", interp),
    Bug("delta", "one frame late", lambda dy, c, g: g._replace(data=np.roll(g.data, 1, -1)), "permuted along axis 2"),
    Bug("dct", "not normed", lambda dy, c, g: g._replace(x=g.x * np.sqrt(2 * c.F)), "constant factor", ortho),
    Bug("dct", "bands reversed", lambda dy, c, g: g._replace(x=np.flip(g.x, 1)), "reversed along axis 1"),
    Bug("dct", "the first row as long as the others",
        lambda dy, c, g: g._replace(x=g.x + dy[:, :1] * (np.sqrt(2) - 1) / np.sqrt(c.F)), "gradient of x is wrong",
        ortho),
    Bug("mel_scale", "bands averaged", lambda dy, c, g: g._replace(S=g.S / len(c.mel_basis)), "constant factor"),
    Bug("mel_scale", "bands reversed", lambda dy, c, g: mel_scale_backward(dy[:, ::-1], c), "gradient of S is wrong"),
    Bug("mel_scale", "sizes of weights",
        lambda dy, c, g: mel_scale_backward(dy, c._replace(mel_basis=abs(c.mel_basis))), "gradient of S is wrong"),
    Bug("melspectrogram", "bands without slopes", lambda dy, c, g: without_basis(dy, c), "gradient of y is wrong"),
    Bug("melspectrogram", "as if it were the amplitude",
        lambda dy, c, g: melspectrogram_backward(dy, as_amplitude(c)), "gradient of y is wrong", of_two),
    Bug("melspectrogram", "the other scale's filters", right, "gradient of y is wrong", forward=htk_of_the_other),
    Bug("log_mel", "as if it were the amplitude",
        lambda dy, c, g: log_mel_backward(dy, c._replace(melspectrogram=as_amplitude(c.melspectrogram))),
        "gradient of y is wrong", of_two),
    Bug("log_mel", "logarithm forgotten",
        lambda dy, c, g: melspectrogram_backward(dy, c.melspectrogram), "gradient of y is wrong"),
    Bug("mfcc", "cosine transform not normed", lambda dy, c, g: mfcc_without(dy, c, "dct", norm=None),
        "gradient of y is wrong", ortho),
    Bug("mfcc", "decibels of the wrong place",
        lambda dy, c, g: mfcc_without(dy, c, "power_to_db", S=np.flip(c.power_to_db.S, -1)), "gradient of y is wrong"),
    Bug("kaldi_fbank", "mean as a constant",
        lambda dy, c, g: kaldi_fbank_backward(dy, c._replace(remove_dc_offset=False)), "gradient of y is wrong",
        lambda case: case.kwargs["remove_dc_offset"]),
    Bug("kaldi_fbank", "pre-emphasis of another first sample",
        lambda dy, c, g: kaldi_fbank_backward(dy, c._replace(preemphasis=c.preemphasis._replace(pad_mode="constant"))),
        "gradient of y is wrong", first_sample_counts),
    Bug("kaldi_fbank", "window forgotten",
        lambda dy, c, g: kaldi_fbank_backward(dy, c._replace(window=np.ones_like(c.window))), "gradient of y is wrong"),
    Bug("kaldi_fbank", "images forgotten",
        lambda dy, c, g: g._replace(y=g.y - np.pad(g.y[..., :1], ((0, 0), (0, g.y.shape[-1] - 1)))),
        "gradient of y is wrong", mirrored),
    Bug("kaldi_fbank", "as if it were the amplitude", lambda dy, c, g: kaldi_fbank_backward(dy, c._replace(power=1.0)),
        "gradient of y is wrong", of_two),
    Bug("kaldi_fbank", "conjugate of X", lambda dy, c, g: kaldi_fbank_backward(dy, c._replace(X=c.X.conj())),
        "gradient of y is wrong"),
]
# fmt: on
