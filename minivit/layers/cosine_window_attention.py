"""Attention inside the windows of a map, as Swin V2 has it: of directions, with positions that a small net knows."""

from math import log
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_shape
from minivit.layers.attention import check_heads, join_heads
from minivit.layers.basic import Linear, Relu
from minivit.layers.dropout import dropout
from minivit.layers.initial import full, zeros
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.sequence import IdentityCache, run, run_backward
from minivit.layers.window_attention import shifted_mask
from minivit.ops.activations import ReluCache, SigmoidCache, sigmoid_backward, sigmoid_forward
from minivit.ops.cosine_attention import CosineAttentionCache, cosine_attention_backward, cosine_attention_forward
from minivit.ops.dropout import DropoutCache
from minivit.ops.heads import (
    MergeHeadsCache,
    SplitHeadsCache,
    merge_heads_backward,
    merge_heads_forward,
    split_heads_backward,
    split_heads_forward,
)
from minivit.ops.linear import LinearCache
from minivit.ops.relative_position import (
    RelativePositionBiasCache,
    relative_position_bias_backward,
    relative_position_bias_forward,
)
from minivit.ops.rows import column_sum, sum_to
from minivit.ops.windows import (
    WindowPartitionCache,
    window_partition_backward,
    window_partition_forward,
    window_reverse_backward,
    window_reverse_forward,
)
from minivit.types import Float, Shift, Size, pair

CPB_WIDTH = 512
"""Of the hidden layer of the net that makes a bias of an offset."""

STRANGERS = -100.0
"""What is added to the score of a pair that must not look at each other, as in the official code."""


class ContinuousBiasCache(NamedTuple):
    """Caches of the steps from offsets to the bias of each pair of tokens."""

    cpb_mlp: list[LinearCache | ReluCache]
    sigmoid: SigmoidCache
    relative_position_bias: RelativePositionBiasCache


class CosineWindowAttentionCache(NamedTuple):
    """Caches of the steps of :class:`CosineWindowAttention`; ``attention.attention.weights`` is (B, W, H, N, N)."""

    partition: WindowPartitionCache
    qkv: LinearCache
    split: SplitHeadsCache
    bias: ContinuousBiasCache
    attention: CosineAttentionCache
    merge: MergeHeadsCache
    proj: LinearCache
    proj_drop: DropoutCache | IdentityCache
    reverse: WindowPartitionCache


class CosineWindowAttention(Layer):
    r"""Cosine attention of the tokens of each window of a map, with a continuous bias for how they lie to each other.

    .. math:: \operatorname{softmax}\!\left(\frac{\cos(Q, K)}{\tau} + 16\, \sigma(\text{MLP}(\Delta))\right) V

    There is no table of biases: a net of two layers says of an offset :math:`\Delta = (\Delta y, \Delta x)`, on a
    logarithmic scale, how much each head likes it. So a model can be given windows of another size.

    Queries and values have a bias, keys have none (it would change nothing in plain attention, but here it would).
    Strangers, whom a shifted cut puts into one window, have 100 taken from their scores, as in the official code: of
    plain attention that is as good as infinity, but cosines are multiplied by up to 100, and where a head is as sharp
    as that, strangers may be seen.

    Parameters
    ----------
    dim, num_heads, map_size, window_size, shift_size, qkv_bias, proj_drop
        As of :class:`minivit.layers.WindowAttention`.
    pretrained_window_size : int or (rows, columns)
        Of the model whose weights this one is to have: its offsets are on the scale of that. 0: those of this one.

    References
    ----------
    Liu et al. 2022, "Swin Transformer V2: Scaling Up Capacity and Resolution", sections 3.2 and 3.3.
    """

    def __init__(
        self,
        dim: int,
        num_heads: int,
        map_size: Size,
        *,
        window_size: Size,
        shift_size: Shift = 0,
        pretrained_window_size: Shift = 0,
        qkv_bias: bool = True,
        proj_drop: float = 0.0,
    ) -> None:
        check_heads(dim, num_heads)
        self.num_heads, self.map_size = num_heads, pair(map_size)
        self.cut: dict[str, Any] = {"window_size": pair(window_size), "shift_size": pair(shift_size)}
        self.pretrained_window_size = pair(pretrained_window_size)
        self.logit_scale = Param((num_heads, 1, 1), "head query key", full(log(10)))
        self.cpb_mlp = [Linear(2, CPB_WIDTH), Relu(), Linear(CPB_WIDTH, num_heads, bias=False)]
        self.qkv = Linear(dim, 3 * dim, bias=False)
        self.q_bias = Param((dim,), "out", zeros) if qkv_bias else None
        self.v_bias = Param((dim,), "out", zeros) if qkv_bias else None
        self.proj = Linear(dim, dim)
        self.proj_drop = dropout(proj_drop)

    def forward(
        self, x: ndarray, *, mask: ndarray | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, CosineWindowAttentionCache]:
        """(B, Y, X, D) -> (B, Y, X, D): cut into windows; attend in each; put them back.

        ``mask`` may forbid pairs; it is broadcastable to (B, W, H, N, N).
        """
        check_shape("window attention: x", x, (len(x), *self.map_size, x.shape[-1]))
        windows, c_partition = window_partition_forward(x, **self.cut)  # (B, W, N, D)
        h, c_qkv = self.qkv.forward(windows)  # (B, W, N, 3D)
        if self.q_bias and self.v_bias:
            h = h + np.concatenate((self.q_bias.value, np.zeros_like(self.q_bias.value), self.v_bias.value))
        heads, c_split = split_heads_forward(h, num_heads=3 * self.num_heads)  # (B, W, 3H, N, K)
        q, k, v = np.split(heads, 3, axis=-3)  # (B, W, H, N, K) each, views
        bias, c_bias = self.bias_forward()  # (H, N, N)
        strangers = shifted_mask(self.map_size, **self.cut)
        if strangers is not None:
            bias = np.where(strangers, bias, bias + x.dtype.type(STRANGERS))  # (W, H, N, N)
        h, c_attention = cosine_attention_forward(q, k, v, self.logit_scale.value, bias, mask=mask)
        h, c_merge = merge_heads_forward(h)  # (B, W, N, D)
        h, c_proj = self.proj.forward(h)
        h, c_proj_drop = self.proj_drop.forward(h, rng=rng)
        y, c_reverse = window_reverse_forward(h, map_size=self.map_size, **self.cut)
        return y, CosineWindowAttentionCache(
            partition=c_partition,
            qkv=c_qkv,
            split=c_split,
            bias=c_bias,
            attention=c_attention,
            merge=c_merge,
            proj=c_proj,
            proj_drop=c_proj_drop,
            reverse=c_reverse,
        )

    def backward(self, dy: ndarray, cache: CosineWindowAttentionCache) -> ndarray:
        """Add to the gradients of the parameters; return that of ``x``."""
        (dh,) = window_reverse_backward(dy, cache.reverse)  # the steps of forward, last first
        dh = self.proj_drop.backward(dh, cache.proj_drop)
        dh = self.proj.backward(dh, cache.proj)
        (dh,) = merge_heads_backward(dh, cache.merge)
        dq, dk, dv, dlogit_scale, dbias = cosine_attention_backward(dh, cache.attention)
        self.logit_scale.add_grad(dlogit_scale)
        self.bias_backward(dbias, cache.bias)
        (dh,) = split_heads_backward(join_heads(dq, dk, dv), cache.split)  # (B, W, N, 3D)
        if self.q_bias and self.v_bias:
            dq_bias, _, dv_bias = np.split(column_sum(dh), 3)
            self.q_bias.add_grad(dq_bias)
            self.v_bias.add_grad(dv_bias)
        (dx,) = window_partition_backward(self.qkv.backward(dh, cache.qkv), cache.partition)
        return dx

    def bias_forward(self) -> tuple[Float[ndarray, "H N N"], ContinuousBiasCache]:
        """16 sigmoid(MLP(offset)), of every pair of tokens of a window."""
        window_size = self.cut["window_size"]
        offsets = log_spaced_offsets(window_size, self.pretrained_window_size).astype(self.logit_scale.dtype)
        table, c_cpb_mlp = run(self.cpb_mlp, offsets)  # (P, H)
        table, c_sigmoid = sigmoid_forward(table)
        bias, c_bias = relative_position_bias_forward(16 * table, window_size=window_size)  # (H, N, N)
        return bias, ContinuousBiasCache(c_cpb_mlp, c_sigmoid, c_bias)

    def bias_backward(self, dbias: Any, cache: ContinuousBiasCache) -> None:
        """Add to the gradients of the net; offsets have none."""
        dbias = sum_to(dbias, dbias.shape[-3:])  # formula: the same bias for every window
        (dtable,) = relative_position_bias_backward(dbias, cache.relative_position_bias)
        (dtable,) = sigmoid_backward(16 * dtable, cache.sigmoid)  # forward: 16 * table
        run_backward(self.cpb_mlp, dtable, cache.cpb_mlp)


def log_spaced_offsets(window_size: tuple[int, int], pretrained: tuple[int, int] = (0, 0)) -> Float[ndarray, "P 2"]:
    r"""All offsets (down, right) between two tokens of a window, near ones finer than far ones.

    .. math:: \hat\Delta = \operatorname{sign}(\Delta)\, \frac{\log_2(1 + |8 \Delta / (M - 1)|)}{\log_2 8}

    M is the window ``pretrained``, or where that is 0 this one: so the farthest are about ±1 for the model that
    learned, and a little more where windows have grown since. In the order of a table of relative positions.

    References
    ----------
    Liu et al. 2022, "Swin Transformer V2", section 3.3, equation 4, and its code (the paper does not divide by M - 1).
    timm and transformers compute this in float32, whatever the model computes in.
    """
    sides = [side or M for M, side in zip(window_size, pretrained, strict=True)]
    axes = [np.arange(1 - M, M) * 8 / max(side - 1, 1) for M, side in zip(window_size, sides, strict=True)]
    offsets = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.sign(offsets) * np.log2(1 + np.abs(offsets)) / 3
