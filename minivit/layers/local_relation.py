"""The local relation layer: what a place of the window is worth follows from where it lies and from what is there."""

from math import ceil
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_range
from minivit.layers.basic import Linear, Relu
from minivit.layers.batch_norm import BatchNorm
from minivit.layers.initial import he_normal
from minivit.layers.layer import Layer
from minivit.layers.sequence import run, run_backward
from minivit.ops.activations import ReluCache
from minivit.ops.batch_norm import BatchNormCache
from minivit.ops.linear import LinearCache
from minivit.ops.local_attention import LocalAttentionCache, local_attention_backward, local_attention_forward
from minivit.types import Float


def window_positions(kernel_size: int) -> Float[ndarray, "S 2"]:
    """Where each place of a window lies, row by row: how far to the right of its middle, and how far up."""
    y, x = np.divmod(np.arange(kernel_size**2), kernel_size)
    middle = kernel_size // 2
    return np.stack((x - middle, middle - y), axis=-1).astype(float)


class GeometryPriorCache(NamedTuple):
    """Caches of the steps of :class:`GeometryPrior`."""

    l1: LinearCache
    act: ReluCache
    l2: LinearCache


class GeometryPrior(Layer):
    """A small network that says of each place of a window, for each head, what it is worth whatever is there.

    Its input are two numbers, so weights of neighbouring places are alike, and a larger window has no more parameters.
    """

    def __init__(self, num_heads: int, kernel_size: int) -> None:
        hidden = max(num_heads // 2, 1)
        self.kernel_size = kernel_size
        self.l1 = Linear(2, hidden, kernel_size=(1, 1), initial=he_normal)
        self.act = Relu()
        self.l2 = Linear(hidden, num_heads, kernel_size=(1, 1), initial=he_normal)

    def forward(self, *, rng: Generator | None = None) -> tuple[ndarray, GeometryPriorCache]:
        """() -> (S, H): for each place of the window a score of each head."""
        positions = window_positions(self.kernel_size).astype(self.l1.weight.dtype)
        y, caches = run([self.l1, self.act, self.l2], positions)
        return y, GeometryPriorCache(*caches)

    def backward(self, dy: ndarray, cache: GeometryPriorCache) -> tuple[()]:
        """Add to the gradients of both maps; there is no input that could have one."""
        run_backward([self.l1, self.act, self.l2], dy, cache)
        return ()


class LocalRelationCache(NamedTuple):
    """Caches of the steps of :class:`LocalRelation`; ``attention.weights`` is (B, Yo, Xo, H, S)."""

    qmap: LinearCache
    kmap: LinearCache
    gp: GeometryPriorCache
    attention: LocalAttentionCache
    final1x1: LinearCache


class LocalRelation(Layer):
    r"""``final(y)``, where y of each channel is a mean over the window, m channels weighing it alike.

    .. math:: y_c(p') = \sum_{p \in \Omega(p')} \omega_{c}(p', p)\, x_c(p), \qquad
              \omega(p', p) = \operatorname{softmax}_p\big(q(p')\, k(p) + g(p - p')\big)

    Query and key are one number each for each group of channels, the "appearance composability"; g is the
    :class:`GeometryPrior`. It is :func:`minivit.ops.local_attention_forward` with keys of width 1. Values are the map
    as it comes; what is found of them is mixed by a last map of 1 x 1.

    Of H = C / m groups, channel c belongs to group c modulo H, as in unofficial PyTorch code (whose softmax goes along
    one side of the window only; it is over the whole here, as in the paper); the paper says only that m channels share.
    Where m does not divide C, H is rounded up, and some groups have one channel less. Of the paper's three ways to
    compare, this is the multiplication; the squared difference :math:`-(q - k)^2` is, in a softmax, the product of
    (2q, -1) and (k, k^2).

    Parameters
    ----------
    in_chans, out_chans : int
        Both the same, as values are the map itself.
    kernel_size : int
        Side of the window; odd, so that it has a middle.
    channels_per_head : int
        m: how many channels share their weights.
    stride : int

    Raises
    ------
    ValueError
        If ``out_chans`` are others than ``in_chans``, the window has no middle, or an option is out of range.

    References
    ----------
    Hu et al. 2019, "Local Relation Networks for Image Recognition", section 3.2 and figure 2.
    """

    def __init__(
        self,
        in_chans: int,
        out_chans: int,
        *,
        kernel_size: int = 7,
        channels_per_head: int = 8,
        stride: int = 1,
    ) -> None:
        if in_chans != out_chans:
            raise ValueError(
                f"in_chans is {in_chans}, out_chans {out_chans}; a local relation layer keeps the channels"
            )
        check_range("kernel_size", kernel_size, at_least=1)
        check_range("channels_per_head", channels_per_head, at_least=1)
        check_range("stride", stride, at_least=1)
        if kernel_size % 2 == 0:
            raise ValueError(f"kernel_size is {kernel_size}; expected an odd number: the window has a middle")
        self.num_heads = ceil(in_chans / channels_per_head)
        self.kernel_size, self.stride = kernel_size, stride
        self.qmap = Linear(in_chans, self.num_heads, kernel_size=(1, 1))
        self.kmap = Linear(in_chans, self.num_heads, kernel_size=(1, 1))
        self.gp = GeometryPrior(self.num_heads, kernel_size)
        self.final1x1 = Linear(in_chans, out_chans, kernel_size=(1, 1), initial=he_normal)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, LocalRelationCache]:
        """(B, Y, X, C) -> (B, Yo, Xo, C): compare within the window; gather, a group of channels alike; mix."""
        s, C, H = self.stride, x.shape[-1], self.num_heads
        m = ceil(C / H)
        q, c_qmap = self.qmap.forward(x[:, ::s, ::s])  # (B, Yo, Xo, H)
        k, c_kmap = self.kmap.forward(x)  # (B, Y, X, H)
        prior, c_gp = self.gp.forward()  # (S, H)
        v = _filled_up(x, H)  # as many channels for each head
        v = v.reshape(*x.shape[:3], m, H).swapaxes(-2, -1)  # (B, Y, X, H, m): channel c is of head c % H
        h, c_attention = local_attention_forward(
            q[..., None],
            k[..., None],
            v,
            bias=prior.T,
            kernel_size=self.kernel_size,
            stride=s,
            padding=self.kernel_size // 2,
        )
        h = h.swapaxes(-2, -1).reshape(*h.shape[:3], m * H)[..., :C]  # (B, Yo, Xo, C)
        y, c_final1x1 = self.final1x1.forward(h)
        return y, LocalRelationCache(qmap=c_qmap, kmap=c_kmap, gp=c_gp, attention=c_attention, final1x1=c_final1x1)

    def backward(self, dy: ndarray, cache: LocalRelationCache) -> ndarray:
        """Add to the gradient of every parameter; return that of ``x``, which was query, key and value."""
        s, C, H = self.stride, dy.shape[-1], self.num_heads
        m = ceil(C / H)
        dh = self.final1x1.backward(dy, cache.final1x1)
        dh = _filled_up(dh, H)  # forward: [..., :C]
        dh = dh.reshape(*dh.shape[:3], m, H).swapaxes(-2, -1)
        dq, dk, dv, _, dprior = local_attention_backward(dh, cache.attention)
        dx = dv.swapaxes(-2, -1).reshape(*dv.shape[:3], m * H)[..., :C]  # forward: v.reshape(*x.shape[:3], m, H)
        if dprior is not None:
            self.gp.backward(dprior.T, cache.gp)  # forward: bias=prior.T
        dx = dx + self.kmap.backward(dk[..., 0], cache.kmap)
        dx[:, ::s, ::s] += self.qmap.backward(dq[..., 0], cache.qmap)  # forward: x[:, ::s, ::s]
        return dx


def _filled_up(x: ndarray, num_heads: int) -> ndarray:
    """The map with zeros behind its channels, until heads divide them; it itself where they do."""
    missing = -x.shape[-1] % num_heads
    return np.pad(x, ((0, 0), (0, 0), (0, 0), (0, missing))) if missing else x


class LocalRelationStemCache(NamedTuple):
    """Caches of the steps of :class:`LocalRelationStem`, in order."""

    conv: LinearCache
    bn: BatchNormCache
    act: ReluCache
    lr: LocalRelationCache


class LocalRelationStem(Layer):
    """The colours of each pixel, brought to more channels, and a local relation layer with a stride."""

    def __init__(self, in_chans: int, out_chans: int, **options: int) -> None:
        self.conv = Linear(in_chans, out_chans, kernel_size=(1, 1), bias=False, initial=he_normal)
        self.bn = BatchNorm(out_chans)
        self.act = Relu()
        self.lr = LocalRelation(out_chans, out_chans, **options)

    @property
    def steps(self) -> list[Layer]:
        return [self.conv, self.bn, self.act, self.lr]

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, LocalRelationStemCache]:
        y, caches = run(self.steps, x)
        return y, LocalRelationStemCache(*caches)

    def backward(self, dy: ndarray, cache: LocalRelationStemCache) -> ndarray:
        return run_backward(self.steps, dy, cache)
