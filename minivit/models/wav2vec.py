"""wav2vec: two convolutional nets hear a wave, one what there is now, one what led there, and say what comes next.

Source: Schneider et al. 2019, "wav2vec: Unsupervised Pre-training for Speech Recognition".
"""

from collections.abc import Callable
from itertools import accumulate, pairwise
from math import inf, prod
from operator import mul
from reprlib import repr as in_short
from typing import Any, ClassVar, NamedTuple

import numpy as np

from minivit.checked import check_range, check_type
from minivit.layers.conv_block1d import ConvBlock1d, ConvBlock1dCache, SkipConvBlock1d, SkipConvBlock1dCache
from minivit.layers.dropout import dropout as dropout_layer
from minivit.layers.initial import zeros
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward
from minivit.models.model import Model
from minivit.ops.dropout import DropoutCache
from minivit.ops.linear import LinearCache, linear_backward, linear_forward
from minivit.ops.log_compression import LogCompressionCache, log_compression_backward, log_compression_forward
from minivit.types import Count, Float, Positive, Positives, Rate, ndarray


class LogCompression(Layer):
    """``log(1 + |x|)``."""

    def forward(self, x: ndarray, *, rng: np.random.Generator | None = None) -> tuple[ndarray, LogCompressionCache]:
        return log_compression_forward(x)

    def backward(self, dy: ndarray, cache: LogCompressionCache) -> ndarray:
        (dx,) = log_compression_backward(dy, cache)
        return dx


class Steps(Layer):
    r"""What is said of each of the next K frames: :math:`h_k(c) = W_k c + b`, a matrix for each step, one bias for all.

    In the paper each step has a bias of its own; fairseq, whose weights these are, has one (its layer is a transposed
    convolution over an axis of length 1).
    """

    def __init__(self, dim: int, out_dim: int, steps: int) -> None:
        self.weight = Param((dim, steps, out_dim), "in step out", _small)
        self.bias = Param((out_dim,), "out", zeros)

    def forward(
        self, c: Float[ndarray, "B T E"], *, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B T K D"], LinearCache]:
        E, K, D = self.weight.shape
        h, cache = linear_forward(c, self.weight.value.reshape(E, K * D), np.tile(self.bias.value, K))
        return h.reshape(*c.shape[:2], K, D), cache

    def backward(self, dy: Float[ndarray, "B T K D"], cache: LinearCache) -> Float[ndarray, "B T E"]:
        *lead, K, D = dy.shape
        dc, dweight, dbias = linear_backward(dy.reshape(*lead, K * D), cache)
        assert dbias is not None
        self.weight.add_grad(dweight.reshape(self.weight.shape))
        self.bias.add_grad(dbias.reshape(K, D).sum(0))  # forward: np.tile(self.bias.value, K)
        return dc


def _small(rng: np.random.Generator, param: Param) -> ndarray:
    """Such that the dot products of what is said with frames begin near 1, not near the root of their width."""
    dim, _, out_dim = param.shape
    return rng.standard_normal(param.shape) / np.sqrt(dim * out_dim)


class Wav2VecOutputs(NamedTuple):
    """What a :class:`Wav2Vec` makes of waves."""

    z: Float[ndarray, "B T D"]
    """Frames: what the encoder hears in a short piece of the wave."""
    c: Float[ndarray, "B T E"]
    """Contexts: what the context network knows at a frame, from it and those before."""
    h: Float[ndarray, "B T K D"]
    """What is said at a frame of each of K later ones."""


class Wav2VecCache(NamedTuple):
    """Caches of the steps of :class:`Wav2Vec`, in order."""

    feature_extractor: list[ConvBlock1dCache | SkipConvBlock1dCache]
    compression: LogCompressionCache | IdentityCache
    drop_features: DropoutCache | IdentityCache
    feature_aggregator: list[ConvBlock1dCache | SkipConvBlock1dCache]
    drop_agg: DropoutCache | IdentityCache
    project_to_steps: LinearCache
    drop_steps: DropoutCache | IdentityCache


class Wav2Vec(Model):
    """An encoder makes a frame of every 30 ms of sound, ten milliseconds apart; a context network sums up the past of
    each; a linear map per step says what the frames to come will be like.

    What it is trained for, :class:`minivit.tasks.Future`, needs no labels; afterwards ``c`` is what others learn from.

    All convolutions of the context network are causal, so that it cannot look at what it is to foretell. The norms do
    look ahead: two numbers of each layer, a mean and a variance, come from the whole wave.

    Parameters
    ----------
    conv_dim, conv_kernel, conv_stride : tuple of int
        Channels, kernel and stride of each layer of the encoder.
    context_dim, context_kernel : tuple of int
        Channels and kernel of each layer of the context network.
    prediction_steps : int
        K, of how many frames ahead something is said.
    skip_connections_feat, skip_connections_agg : bool
        Skips around the layers of the encoder (where they change no channels) and of the context network.
    residual_scale : float
        What the variance of a sum of two is multiplied by.
    log_compression : bool
        Whether ``z`` is log(1 + z) of what the encoder hears.
    conv_bias : bool
        Whether the convolutions of the context network have a bias; those of the encoder have none.
    agg_zero_pad : bool
        What the context network hears before the beginning: zeros, or the first frame again and again.
    dropout, dropout_features, dropout_agg : float
        Dropout behind the convolutions of the context network and behind ``h``; of what the context network gets; of
        ``c``. Only active when ``forward`` gets ``rng``.
    seed : int
        Of the initial values.
    dtype : "float32" or "float64"

    Raises
    ------
    ValueError, TypeError
        If an option is out of range or of another type, or there is not a kernel (and a stride) for each layer.

    Notes
    -----
    Options are named as in fairseq, but for the layers, which fairseq has as one text; ``conv_dim``, ``conv_kernel``
    and ``conv_stride`` are transformers' names for wav2vec 2.0. fairseq's recurrent context network, its quantizers
    (vq-wav2vec) and its InfoNCE loss are other papers' and are left out.
    """

    usual_task: ClassVar[str] = "Future"

    def __init__(
        self,
        *,
        conv_dim: Positives = (512, 512, 512, 512, 512),
        conv_kernel: Positives = (10, 8, 4, 4, 4),
        conv_stride: Positives = (5, 4, 2, 2, 2),
        context_dim: Positives = (512,) * 9,
        context_kernel: Positives = (3,) * 9,
        prediction_steps: Positive = 12,
        skip_connections_feat: bool = False,
        skip_connections_agg: bool = False,
        residual_scale: float = 0.5,
        log_compression: bool = False,
        conv_bias: bool = True,
        agg_zero_pad: bool = False,
        dropout: Rate = 0.0,
        dropout_features: Rate = 0.0,
        dropout_agg: Rate = 0.0,
        seed: Count = 0,
        dtype: str | type | np.dtype = "float32",
    ) -> None:
        check_range("residual_scale", residual_scale, above=0, below=inf)
        _check_layers(conv_dim=conv_dim, conv_kernel=conv_kernel, conv_stride=conv_stride)
        _check_layers(context_dim=context_dim, context_kernel=context_kernel)
        self.kernels, self.strides = conv_kernel, conv_stride
        scale: dict[str, Any] = {"residual_scale": residual_scale}

        self.feature_extractor = []
        layers = zip(pairwise((1, *conv_dim)), conv_kernel, conv_stride, strict=True)
        for (in_chans, out_chans), kernel, stride in layers:
            skips = skip_connections_feat and in_chans == out_chans
            kind, more = (SkipConvBlock1d, scale) if skips else (ConvBlock1d, {})
            self.feature_extractor.append(kind(in_chans, out_chans, kernel, stride=stride, bias=False, **more))
        self.compression: Layer = LogCompression() if log_compression else Identity()
        self.drop_features = dropout_layer(dropout_features)
        kind, more = (SkipConvBlock1d, scale) if skip_connections_agg else (ConvBlock1d, {})
        more = {**more, "causal": "constant" if agg_zero_pad else "edge", "bias": conv_bias, "drop": dropout}
        self.feature_aggregator = [
            kind(in_chans, out_chans, kernel, **more)
            for (in_chans, out_chans), kernel in zip(
                pairwise((conv_dim[-1], *context_dim)), context_kernel, strict=True
            )
        ]
        self.drop_agg = dropout_layer(dropout_agg)
        self.project_to_steps = Steps(context_dim[-1], conv_dim[-1], prediction_steps)
        self.drop_steps = dropout_layer(dropout)
        self.init(seed, dtype)

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return prod(self.strides)

    @property
    def receptive_field(self) -> int:
        """Samples that a frame hears."""
        hops = accumulate(self.strides, mul, initial=1)
        return 1 + sum((kernel - 1) * hop for kernel, hop in zip(self.kernels, hops, strict=False))

    @property
    def offset(self) -> int:
        """Steps to the first frame that shares no sample with the present one: where ``h`` begins in fairseq."""
        return -(-self.receptive_field // self.hop)

    def task_options(self) -> dict[str, Any]:
        return {"offset": self.offset}

    def example(self, batch: int, length: int, new: Callable[..., ndarray]) -> tuple[ndarray, ...]:
        return (new((batch, self.receptive_field + (length - 1) * self.hop), self.dtype),)

    def forward(
        self, waves: Float[ndarray, "B samples"], *, rng: np.random.Generator | None = None
    ) -> tuple[Wav2VecOutputs, Wav2VecCache]:
        """Frames, contexts, and what is said of later frames, of waves (B, samples); the cache for :meth:`backward`.

        Raises
        ------
        ValueError, TypeError
            If the waves have another number of axes, another dtype than the model, or fewer samples than a frame hears.
        """
        self.check_waves(waves)
        z, c_feature_extractor = run(self.feature_extractor, waves[..., None])  # (B, T, D)
        z, c_compression = self.compression.forward(z)
        c, c_drop_features = self.drop_features.forward(z, rng=rng)
        c, c_feature_aggregator = run(self.feature_aggregator, c, rng=rng)  # (B, T, E)
        c, c_drop_agg = self.drop_agg.forward(c, rng=rng)
        h, c_project_to_steps = self.project_to_steps.forward(c)  # (B, T, K, D)
        h, c_drop_steps = self.drop_steps.forward(h, rng=rng)
        return Wav2VecOutputs(z, c, h), Wav2VecCache(
            feature_extractor=c_feature_extractor,
            compression=c_compression,
            drop_features=c_drop_features,
            feature_aggregator=c_feature_aggregator,
            drop_agg=c_drop_agg,
            project_to_steps=c_project_to_steps,
            drop_steps=c_drop_steps,
        )

    def backward(self, dy: Wav2VecOutputs, cache: Wav2VecCache) -> Float[ndarray, "B samples"]:
        """Add to the gradient of every parameter; return the gradient of the waves."""
        dz, dc, dh = dy
        dh = self.drop_steps.backward(dh, cache.drop_steps)
        # forward: Wav2VecOutputs(z, c, h); c is an output, too
        dc = dc + self.project_to_steps.backward(dh, cache.project_to_steps)
        dc = self.drop_agg.backward(dc, cache.drop_agg)
        dc = run_backward(self.feature_aggregator, dc, cache.feature_aggregator)
        dz = dz + self.drop_features.backward(dc, cache.drop_features)  # forward: Wav2VecOutputs(z, c, h); so is z
        dz = self.compression.backward(dz, cache.compression)
        return run_backward(self.feature_extractor, dz, cache.feature_extractor)[..., 0]

    def check_waves(self, waves: ndarray) -> None:
        """See that waves are what the model takes.

        Raises
        ------
        ValueError, TypeError
            If they are not.
        """
        check_type("waves", waves, ndarray)
        if waves.ndim != 2:
            raise ValueError(f"waves have shape {waves.shape}; the model expects (batch, samples), one channel")
        if waves.shape[1] < self.receptive_field:
            raise ValueError(
                f"waves have {waves.shape[1]} samples; the model expects at least {self.receptive_field}, which one "
                "frame hears"
            )
        if waves.dtype != self.dtype and not np.iscomplexobj(waves):
            raise TypeError(
                f"waves have dtype {waves.dtype}; the model computes in {self.dtype} "
                "(divide samples of 16 bits by 32768)"
            )


def _check_layers(**options: tuple[int, ...]) -> None:
    """See that there are layers, and of each option one number for each of them."""
    (first, numbers), *others = options.items()
    if not numbers:
        raise ValueError(f"{first} is (); expected a number for each layer, of which there is at least one")
    for name, each in others:
        if len(each) != len(numbers):
            expected = f"expected {len(numbers)} numbers, as {first} has: one for each layer"
            raise ValueError(f"{name} is {in_short(each)}; {expected}")


Wav2Vec.add_presets(
    {
        # of the embedded sounds, each a second at 8 kHz, it makes 48 frames
        "wav2vec_tiny": {
            "conv_dim": (32, 32, 64, 64, 64),
            "context_dim": (64,) * 6,
            "context_kernel": (3,) * 6,
            "log_compression": True,
            "skip_connections_agg": True,
        },
        "wav2vec": {},  # the paper's section 2.1
        "wav2vec_large": {  # there, too, and fairseq's recipe of the checkpoint wav2vec_large.pt
            "conv_dim": (512,) * 7,
            "conv_kernel": (10, 8, 4, 4, 4, 1, 1),
            "conv_stride": (5, 4, 2, 2, 2, 1, 1),
            "context_dim": (512,) * 12,
            "context_kernel": (*range(2, 14),),
            "skip_connections_agg": True,
            "log_compression": True,
        },
    }
)
