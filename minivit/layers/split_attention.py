"""Split attention as a layer: branches are added up, in shares that the image decides."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import Mlp, MlpCache
from minivit.ops.pool import MeanPoolCache, mean_pool_backward, mean_pool_forward
from minivit.ops.split_attention import SplitAttentionCache, split_attention_backward, split_attention_forward
from minivit.types import Float


class SplitAttentionLayerCache(NamedTuple):
    """Caches of the steps of :class:`SplitAttention`; ``attention.weights`` are the shares, (B, C, K)."""

    pool: MeanPoolCache
    mlp: MlpCache
    attention: SplitAttentionCache


class SplitAttention(Mlp):
    r"""K branches (B, K, N, C) become one, (B, N, C): an MLP sees what all have found, and says how much each counts.

    .. math::
        Y = \sum_k a_k \odot X_k, \qquad
        a = \operatorname{softmax}_k\!\Big(\operatorname{MLP}\Big(\sum_{k,n} X_{kn}\Big)\Big)

    For CycleMLP the MLP sees a mean instead of the sum over n.

    Parameters
    ----------
    dim, hidden_dim : int
        Channels, and the width of the MLP's hidden layer.
    branches : int
        K.
    total : bool
        Whether the MLP sees the sum over all places (S2-MLPv2) or, with what the branches sum to, the mean (CycleMLP).
    branch_last : bool
        Of what the MLP gives, whether the K numbers of a channel stand side by side (CycleMLP), or the C of a branch.
    bias : bool
        Whether the MLP has biases.

    References
    ----------
    Zhang et al. 2020, "ResNeSt: Split-Attention Networks", section 3.1; Yu et al. 2021, "S2-MLPv2", section 3.2; Chen
    et al. 2022, "CycleMLP", section 3.3.
    """

    def __init__(
        self, dim: int, hidden_dim: int, branches: int, *, total: bool, branch_last: bool, bias: bool = True
    ) -> None:
        self.total, self.branch_last = total, branch_last
        super().__init__(dim, hidden_dim, out_dim=branches * dim, bias=bias)

    def forward(  # type: ignore[override]
        self, x: Float[ndarray, "B K N C"], *, rng: Generator | None = None
    ) -> tuple[Float[ndarray, "B N C"], SplitAttentionLayerCache]:
        B, K, N, C = x.shape
        seen, c_pool = mean_pool_forward(x.reshape(B, K * N, C))  # (B, C)
        scores, c_mlp = super().forward(seen * self._count(K, N))  # (B, K*C)
        scores = scores.reshape(B, C, K).mT if self.branch_last else scores.reshape(B, K, C)
        y, c_attention = split_attention_forward(x, scores)
        return y, SplitAttentionLayerCache(c_pool, c_mlp, c_attention)

    def backward(  # type: ignore[override]
        self, dy: Float[ndarray, "B N C"], cache: SplitAttentionLayerCache
    ) -> Float[ndarray, "B K N C"]:
        B, K, N, C = cache.attention.x.shape
        dx, dscores = split_attention_backward(dy, cache.attention)
        dscores = (dscores.mT if self.branch_last else dscores).reshape(B, K * C)
        dseen = super().backward(dscores, cache.mlp) * self._count(K, N)  # forward: seen * self._count(K, N)
        (dpooled,) = mean_pool_backward(dseen, cache.pool)
        return dx + dpooled.reshape(dx.shape)  # x is pooled, and it is added up

    def _count(self, branches: int, places: int) -> int:
        """What makes of the mean over branches and places what the MLP sees."""
        return branches * places if self.total else branches
