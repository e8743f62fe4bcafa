"""One-dimensional convolution, channels last: that of a map with a single row. And what makes it causal.

A kernel of length K that stands at frame t looks at frames t to t + K - 1. With K - 1 frames in front of the first one,
it looks at t - K + 1 to t, the past and the present: :func:`causal_pad_forward`.
"""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, check_shape, checked
from minivit.ops.conv import Conv2dCache, check_channels, conv2d_backward, conv2d_forward
from minivit.ops.input_grad import InputGrad
from minivit.ops.rows import token_sum
from minivit.types import Count, Float, Positive, ndarray


class Conv1dCache(NamedTuple):
    """What ``conv1d_backward`` needs: the same convolution of maps (B, 1, T, C)."""

    conv2d: Conv2dCache


class Conv1dGrads(NamedTuple):
    """Gradients of the arguments of ``conv1d_forward``, by name."""

    x: Float[ndarray, "B T C"]
    weight: Float[ndarray, "K CG O"]
    bias: Float[ndarray, " O"] | None


@checked
def conv1d_forward(
    x: Float[ndarray, "B T C"],
    weight: Float[ndarray, "K CG O"],
    bias: Float[ndarray, " O"] | None = None,
    *,
    stride: Positive = 1,
    padding: int | tuple[int, int] = 0,
    dilation: Positive = 1,
    groups: Positive = 1,
) -> tuple[Float[ndarray, "B To O"], Conv1dCache]:
    r"""Convolution (cross-correlation) along time, of frames padded with zeros.

    .. math:: y_{b,t,o} = \beta_o + \sum_{k,c} x_{b,\, s t + d k,\, c}\; W_{k,c,o}

    with stride s and dilation d: :func:`~minivit.ops.conv.conv2d_forward` of maps with one row.

    Parameters
    ----------
    x : (B, T, C)
        Samples of a wave (C = 1), or frames. (PyTorch has the channels second.)
    weight : (K, C / groups, O)
    bias : (O,), optional
    stride, dilation : int
    padding : int or (before, after)
        How many zeros.
    groups : int
        Input and output channels are cut into so many groups; each output sees the inputs of its own group only.

    Returns
    -------
    y : (B, To, O) with To = (T + before + after - d (K - 1) - 1) // s + 1
    cache : Conv1dCache

    Raises
    ------
    ValueError
        If channels, groups and kernel do not fit, the padding is negative, or the kernel is longer than the padded
        wave.

    References
    ----------
    Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning".
    """
    T, before_after = x.shape[1], (padding, padding) if isinstance(padding, int) else padding
    check_channels("conv1d", x.shape[2], weight.shape, groups)
    check_range("conv1d: padding", before_after, at_least=0)
    reach = dilation * (len(weight) - 1) + 1
    if T == 0 or T + sum(before_after) < reach:
        raise ValueError(
            f"conv1d: x has {T} places in time, {T + sum(before_after)} with padding; expected at least {reach}, "
            "as many as the kernel reaches over, and not padding alone"
        )
    y, cache = conv2d_forward(
        x[:, None],
        weight[None],
        bias,
        stride=(1, stride),
        padding=((0, 0), before_after),
        dilation=(1, dilation),
        groups=groups,
    )
    return y[:, 0], Conv1dCache(cache)


@checked
def conv1d_backward(dy: Float[ndarray, "B To O"], cache: Conv1dCache) -> Conv1dGrads:
    """Gradients of :func:`conv1d_forward`: those of the map with one row, which are derived in
    :func:`~minivit.ops.conv.conv2d_backward`.
    """
    (c_conv2d,) = cache
    (_, To), O = c_conv2d.window.out, c_conv2d.weight.shape[3]
    check_shape("conv1d_backward: dy", dy, (len(c_conv2d.x), To, O))
    dx, dweight, dbias = conv2d_backward(dy[:, None], c_conv2d)  # forward: y[:, 0]
    return Conv1dGrads(dx[:, 0], dweight[0], dbias)  # formula: conv2d of x[:, None] and weight[None]


def conv1d_loops(
    x: Float[ndarray, "B T C"], weight: Float[ndarray, "K C O"], stride: int = 1
) -> Float[ndarray, "B To O"]:
    """The definition with its loops: at every place, multiply what the kernel meets by the kernel and sum."""
    K, _, O = weight.shape
    y = np.zeros_like(x, shape=(len(x), (x.shape[1] - K) // stride + 1, O))
    for b, t, o in np.ndindex(y.shape):
        y[b, t, o] = (x[b, t * stride : t * stride + K] * weight[..., o]).sum()
    return y


class CausalPadCache(NamedTuple):
    """What ``causal_pad_backward`` needs."""

    before: int
    mode: str


MODES = ("edge", "constant")


@checked
def causal_pad_forward(
    x: Float[ndarray, "B T C"], *, before: Count, mode: str = "edge"
) -> tuple[Float[ndarray, "B Tp C"], CausalPadCache]:
    r"""Put frames in front of the first one, so that a convolution behind it sees no future.

    .. math:: y_{b,t} = x_{b,\, \max(t - n,\, 0)}, \qquad t = 0, \dots, T + n - 1

    with n frames in front; in mode "constant" these are zeros. A kernel of length K (and dilation 1) needs n = K - 1:
    the output at t then depends on inputs up to t alone, and there are as many outputs as inputs.

    Parameters
    ----------
    x : (B, T, C)
    before : int
        How many.
    mode : "edge" or "constant"
        The first frame again and again, as wav2vec of fairseq has it (PyTorch's ``ReplicationPad1d``), or zeros, which
        fairseq has as an option (``agg_zero_pad``). The names are NumPy's.

    Raises
    ------
    ValueError
        If the mode is another, or there is no first frame.

    References
    ----------
    Oord et al. 2016, "WaveNet", section 2.1 (causal convolutions); Schneider et al. 2019, "wav2vec", section 2.1.
    """
    if mode not in MODES:
        raise ValueError(f"causal_pad: mode is {mode!r}; expected {' or '.join(map(repr, MODES))}")
    if x.shape[1] == 0:
        raise ValueError(f"causal_pad: there is no first frame, x has shape {x.shape}")
    return np.pad(x, ((0, 0), (before, 0), (0, 0)), mode=mode), CausalPadCache(before, mode)


@checked
def causal_pad_backward(dy: Float[ndarray, "B Tp C"], cache: CausalPadCache) -> InputGrad:
    r"""Gradient of :func:`causal_pad_forward`: the first frame gets the sum over all places where it stands.

    .. math:: \bar x_{b,0} = \sum_{t=0}^{n} \bar y_{b,t}, \qquad \bar x_{b,t} = \bar y_{b,\, t + n}

    Zeros are constants and take nothing.
    """
    before, mode = cache
    if dy.shape[1] <= before:
        raise ValueError(f"causal_pad_backward: dy has shape {dy.shape}; expected more than {before} frames")
    dx = dy[:, before:].copy()
    if mode == "edge":
        dx[:, 0] += token_sum(dy[:, :before])  # forward: np.pad(x, ((0, 0), (before, 0), (0, 0)), mode=mode)
    return InputGrad(dx)
