"""The block that convolutional nets of sound are made of: convolution, normalisation, ReLU; with a skip, or without."""

from math import sqrt
from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import GroupNorm
from minivit.layers.conv1d import CausalPad, Conv1d
from minivit.layers.dropout import dropout
from minivit.layers.layer import Layer
from minivit.layers.sequence import Identity, IdentityCache
from minivit.ops.activations import ReluCache, relu_backward, relu_forward
from minivit.ops.conv1d import CausalPadCache, Conv1dCache
from minivit.ops.dropout import DropoutCache
from minivit.ops.group_norm import GroupNormCache
from minivit.types import Float


class ConvBlock1dCache(NamedTuple):
    """Caches of the steps of :class:`ConvBlock1d`, in order."""

    pad: CausalPadCache | IdentityCache
    conv: Conv1dCache
    drop: DropoutCache | IdentityCache
    norm: GroupNormCache
    relu: ReluCache


class ConvBlock1d(Layer):
    """``relu(norm(drop(conv(pad(x)))))``, of frames (B, T, C).

    The norm has one group: each sample is normalised over all its frames and channels. That takes its loudness away,
    and is the one step through which the past learns something of the future: two numbers, mean and variance.

    Parameters
    ----------
    in_chans, out_chans, kernel_size, stride : int
    causal : str, optional
        What stands in front of the first frame, "edge" or "constant", so that convolutions see no future: see
        :func:`minivit.ops.causal_pad_forward`. Without it nothing does, and fewer frames come out.
    bias : bool
        Of the convolution.
    drop : float

    References
    ----------
    Schneider et al. 2019, "wav2vec: Unsupervised Pre-training for Speech Recognition", section 2.1.
    """

    def __init__(
        self,
        in_chans: int,
        out_chans: int,
        kernel_size: int,
        *,
        stride: int = 1,
        causal: str | None = None,
        bias: bool = True,
        drop: float = 0.0,
    ) -> None:
        self.pad: Layer = Identity() if causal is None else CausalPad(kernel_size, mode=causal)
        self.conv = Conv1d(in_chans, out_chans, kernel_size, stride=stride, bias=bias)
        self.drop = dropout(drop)
        self.norm = GroupNorm(1, out_chans)

    def forward(self, x: Float[ndarray, "B T C"], *, rng: Generator | None = None) -> tuple[ndarray, ConvBlock1dCache]:
        h, c_pad = self.pad.forward(x)
        h, c_conv = self.conv.forward(h)
        h, c_drop = self.drop.forward(h, rng=rng)
        h, c_norm = self.norm.forward(h)
        h, c_relu = relu_forward(h)
        return h, ConvBlock1dCache(pad=c_pad, conv=c_conv, drop=c_drop, norm=c_norm, relu=c_relu)

    def backward(self, dy: ndarray, cache: ConvBlock1dCache) -> ndarray:
        (dh,) = relu_backward(dy, cache.relu)
        dh = self.norm.backward(dh, cache.norm)
        dh = self.drop.backward(dh, cache.drop)
        dh = self.conv.backward(dh, cache.conv)
        return self.pad.backward(dh, cache.pad)


class SkipConvBlock1dCache(NamedTuple):
    """Caches of the steps of :class:`SkipConvBlock1d`, in order, and how many frames it was given."""

    pad: CausalPadCache | IdentityCache
    conv: Conv1dCache
    drop: DropoutCache | IdentityCache
    norm: GroupNormCache
    relu: ReluCache
    residual_proj: Conv1dCache | IdentityCache
    frames: int


class SkipConvBlock1d(ConvBlock1d):
    r"""``(block(x) + residual_proj(x)) * sqrt(residual_scale)``: a convolution finds what is to be added to its input.

    The sum of two has about twice their variance; a ``residual_scale`` of 0.5 takes that back. Where channels differ,
    the input goes through a matrix. Where the convolution leaves out frames, so does the skip: it keeps the first of
    every so many, as fairseq does.

    Source: Schneider et al. 2019, section 2.1 (wav2vec large); He et al. 2016, "Deep Residual Learning".
    """

    def __init__(self, in_chans: int, out_chans: int, kernel_size: int, *, residual_scale: float, **options) -> None:
        super().__init__(in_chans, out_chans, kernel_size, **options)
        same = in_chans == out_chans
        self.residual_proj: Layer = Identity() if same else Conv1d(in_chans, out_chans, 1, bias=False)
        self.scale = sqrt(residual_scale)

    def forward(  # type: ignore[override]
        self, x: Float[ndarray, "B T C"], *, rng: Generator | None = None
    ) -> tuple[ndarray, SkipConvBlock1dCache]:
        h, c_block = super().forward(x, rng=rng)
        residual = x[:, :: x.shape[1] // h.shape[1]][:, : h.shape[1]]
        residual, c_residual_proj = self.residual_proj.forward(residual)
        cache = SkipConvBlock1dCache(**c_block._asdict(), residual_proj=c_residual_proj, frames=x.shape[1])
        return (h + residual) * self.scale, cache

    def backward(self, dy: ndarray, cache: SkipConvBlock1dCache) -> ndarray:  # type: ignore[override]
        dh = dy * self.scale
        dx = super().backward(dh, ConvBlock1dCache(*cache[:5]))
        dresidual = self.residual_proj.backward(dh, cache.residual_proj)
        dx[:, :: cache.frames // dy.shape[1]][:, : dy.shape[1]] += dresidual
        return dx
