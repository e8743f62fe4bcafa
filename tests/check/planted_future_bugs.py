"""Wrong pairs of convolutions in time and of frames to come, as people write them: see tests.check.planted_bugs."""

import numpy as np

from minivit.ops import causal_pad_forward, future_logits_backward, future_logits_forward
from tests.check.planted_bugs import Bug, has_bias, right


def longer_kernel(case):
    return len(case.args[1]) > 1


def strided(case):
    return case.kwargs["stride"] > 1


def of_mode(mode):
    return lambda case: case.kwargs["mode"] == mode


def two_samples(case):
    return len(case.args[0]) > 1


def two_steps(case):
    """At least two steps that have frames to speak of."""
    _, T, K, _ = case.args[0].shape
    return min(K, T - case.kwargs["offset"]) > 1


def padded_on_both_sides(x, *, before, mode):
    y, cache = causal_pad_forward(x, before=before, mode=mode)
    return np.roll(y, -(before // 2), axis=1), cache


def padded_behind(x, *, before, mode):
    y, cache = causal_pad_forward(x[:, ::-1], before=before, mode=mode)
    return y[:, ::-1].copy(), cache


def zeros_take_something(dy, c, g):
    dx = g.x.copy()
    dx[:, 0] += dy[:, : c.before].sum(1)
    return g._replace(x=dx)


def frames_not_numbered_by_sample(dy, c, g):
    """Every sample's gradients go to the frames of the first."""
    T = c.said.shape[1]
    return g._replace(z=future_logits_backward(dy, c._replace(places=c.places % T)).z)


def only_true_frames_learn(dy, c, g):
    return g._replace(z=future_logits_backward(dy * (np.arange(dy.shape[2]) == 0), c).z)


def only_true_frames_teach(dy, c, g):
    return g._replace(h=future_logits_backward(dy * (np.arange(dy.shape[2]) == 0), c).h)


def truth_is_a_distractor(h, z, distractors, *, offset):
    """The frame one earlier passes for the true one."""
    _, cache = future_logits_forward(h, z, distractors, offset=offset)
    return future_logits_forward(h, np.roll(z, 1, axis=1), distractors, offset=offset)[0], cache


def of_another_sample(h, z, distractors, *, offset):
    _, cache = future_logits_forward(h, z, distractors, offset=offset)
    logits, _ = future_logits_forward(h, z, distractors, offset=offset)
    others, _ = future_logits_forward(h, z[::-1], distractors, offset=offset)
    return np.concatenate((logits[..., :1], others[..., 1:]), axis=2), cache


def earlier(dy, c, g):
    """What was said is taken for said one frame earlier."""
    return g._replace(h=np.roll(g.h, -1, axis=1))


# One bug, one row.
# fmt: off
FUTURE_BUGS: list[Bug] = [
    Bug("conv1d", "kernel turned", lambda dy, c, g: g._replace(weight=g.weight[::-1].copy()), "reversed along axis 0",
        longer_kernel),
    Bug("conv1d", "bias averaged over time", lambda dy, c, g: g._replace(bias=dy.mean(1).sum(0)), "gradient of bias",
        has_bias),
    Bug("conv1d", "frames one too late", lambda dy, c, g: g._replace(x=np.roll(g.x, 1, 1)), "gradient of x is wrong"),
    Bug("conv1d", "stride forgotten", lambda dy, c, g: g._replace(
        x=np.concatenate((g.x[:, :: c.conv2d.window.stride[1]], np.zeros_like(g.x)), 1)[:, : g.x.shape[1]]),
        "gradient of x is wrong", strided),
    Bug("causal_pad", "the first frame gets its own gradient alone",
        lambda dy, c, g: g._replace(x=dy[:, c.before :].copy()), "gradient of x is wrong", of_mode("edge")),
    Bug("causal_pad", "zeros take something", zeros_take_something, "gradient of x is wrong", of_mode("constant")),
    Bug("causal_pad", "cut off behind", lambda dy, c, g: g._replace(x=dy[:, : g.x.shape[1]].copy())),
    Bug("causal_pad", "forward pads on both sides", right, "gradient of x", lambda case: case.kwargs["before"] > 1,
        padded_on_both_sides),
    Bug("causal_pad", "forward pads behind, and sees the future", right, "gradient of x", forward=padded_behind),
    Bug("future_logits", "all samples taken for the first", frames_not_numbered_by_sample, "gradient of z",
        two_samples),
    Bug("future_logits", "distractors are constants", only_true_frames_learn, "gradient of z"),
    Bug("future_logits", "distractors do not push", only_true_frames_teach, "gradient of h"),
    Bug("future_logits", "frames are constants", lambda dy, c, g: g._replace(z=0 * g.z), "all zeros"),
    Bug("future_logits", "said one frame earlier", earlier, "gradient of h"),
    Bug("future_logits", "steps exchanged", lambda dy, c, g: g._replace(h=g.h[:, :, ::-1].copy()), "gradient of h",
        two_steps),
    Bug("future_logits", "forward takes an earlier frame for the true one", right, "also wrong: z",
        forward=truth_is_a_distractor),
    Bug("future_logits", "forward takes distractors from another sample", right, "gradient of", two_samples,
        of_another_sample),
    Bug("binary_cross_entropy", "a sum", lambda dy, c, g: g._replace(logits=g.logits * g.logits.size), "factor"),
    Bug("binary_cross_entropy", "true minus said", lambda dy, c, g: g._replace(logits=-g.logits), "wrong sign"),
    Bug("binary_cross_entropy", "softmax over each row", lambda dy, c, g: g._replace(logits=dy / c.logits.size * (
        np.exp(c.logits) / np.exp(c.logits).sum(-1, keepdims=True) - c.targets))),
    Bug("binary_cross_entropy", "forward's targets the wrong way round",
        lambda dy, c, g: g._replace(logits=g.logits + dy * (2 * c.targets - 1) / c.logits.size)),
    Bug("log_compression", "without the sign", lambda dy, c, g: g._replace(x=dy / (1 + np.abs(c.x)))),
    Bug("log_compression", "slope of log |x|", lambda dy, c, g: g._replace(x=dy / c.x)),
]
# fmt: on
