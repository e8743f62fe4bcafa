"""The block of MViT: attention that pools may shrink the map, and the shortcut follows it."""

from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import LayerNorm, Linear, Mlp, MlpCache, mlp_width
from minivit.layers.dropout import drop_path
from minivit.layers.layer import Layer
from minivit.layers.pool import MaxPool2d
from minivit.layers.pooling_attention import (
    PoolingAttention,
    PoolingAttentionCache,
    pool_tokens,
    pool_tokens_backward,
)
from minivit.layers.sequence import Identity, IdentityCache
from minivit.ops.dropout import DropPathCache
from minivit.ops.layer_norm import LayerNormCache
from minivit.ops.linear import LinearCache
from minivit.ops.pool import MaxPool2dCache
from minivit.ops.sliding import sliding
from minivit.types import Size, pair


class MViTBlockCache(NamedTuple):
    """Caches of the steps of :class:`MViTBlock`, by name."""

    norm1: LayerNormCache
    shortcut_proj_attn: LinearCache | IdentityCache
    shortcut_pool_attn: MaxPool2dCache | IdentityCache
    attn: PoolingAttentionCache
    drop_path1: DropPathCache | IdentityCache
    norm2: LayerNormCache
    shortcut_proj_mlp: LinearCache | IdentityCache
    mlp: MlpCache
    drop_path2: DropPathCache | IdentityCache


class MViTBlock(Layer):
    """``shortcut + attn(norm1(x))``, then ``shortcut + mlp(norm2(x))``, where attention may shrink the map.

    Parameters
    ----------
    dim, dim_out : int
        Width of what comes in and of what comes out.
    expand_attn : bool
        Where the two differ, whether attention makes the new width (MViTv2) or the MLP (MViT). The shortcut of that
        step is a linear map of the normalised input, that of the other the input itself.
    stride_q : int or (rows, columns)
        Of the queries. The shortcut of attention follows by the largest number of each window, of one pixel more than
        the stride.
    attention : options of :class:`minivit.layers.PoolingAttention`

    References
    ----------
    Fan et al. 2021, "Multiscale Vision Transformers", section 3.2 and figure 3 ("skip-connections"); Li et al. 2022,
    "MViTv2", section 4.1, in its code rather than in its text.
    """

    def __init__(
        self,
        dim: int,
        dim_out: int,
        num_heads: int,
        map_size: tuple[int, int],
        *,
        mlp_ratio: float,
        expand_attn: bool,
        kernel_q: Size = 3,
        stride_q: Size,
        drop_path_rate: float,
        norm_eps: float,
        inner_norm_eps: float,
        num_prefix_tokens: int,
        **attention: Any,
    ) -> None:
        self.map_size, self.num_prefix_tokens = map_size, num_prefix_tokens
        width = dim_out if expand_attn else dim  # between the two steps
        self.norm1 = LayerNorm(dim, eps=norm_eps)
        self.shortcut_proj_attn: Layer = Linear(dim, width) if width != dim else Identity()
        steps = pair(stride_q)
        P, Q = (step + 1 if step > 1 else 1 for step in steps)
        half = P // 2, Q // 2
        pools = max(steps) > 1
        self.shortcut_pool_attn: Layer = MaxPool2d((P, Q), stride=steps, padding=half) if pools else Identity()
        self.attn = PoolingAttention(
            dim,
            width,
            num_heads,
            map_size,
            kernel_q=kernel_q,
            stride_q=steps,
            num_prefix_tokens=num_prefix_tokens,
            norm_eps=inner_norm_eps,
            **attention,
        )
        self.out_size = self.attn.q_size
        shortcut_size = sliding("shortcut", map_size, (P, Q), stride=steps, padding=half).out
        if self.out_size != shortcut_size:
            ours, others = (" x ".join(map(str, size)) for size in (self.out_size, shortcut_size))
            even = not all(side % 2 for side in pair(kernel_q))
            hint = f"; kernel_qkv is {kernel_q}, expected odd sides" if even else ""
            raise ValueError(
                f"queries of a map of {map_size} are pooled with stride {steps}: {ours} and {others} do not fit{hint}"
            )
        self.drop_path1 = drop_path(drop_path_rate)
        self.norm2 = LayerNorm(width, eps=norm_eps)
        self.shortcut_proj_mlp: Layer = Linear(width, dim_out) if width != dim_out else Identity()
        self.mlp = Mlp(width, mlp_width(width, mlp_ratio), out_dim=dim_out)
        self.drop_path2 = drop_path(drop_path_rate)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, MViTBlockCache]:
        """(B, P + Y*X, dim) -> (B, P + Yq*Xq, dim_out)."""
        h, c_norm1 = self.norm1.forward(x)
        shortcut, c_proj_attn = self.shortcut_proj_attn.forward(h if self.projects("attn") else x)
        shortcut, c_pool_attn = pool_tokens(
            self.shortcut_pool_attn, shortcut, map_size=self.map_size, num_prefix_tokens=self.num_prefix_tokens
        )
        h, c_attn = self.attn.forward(h)
        h, c_drop_path1 = self.drop_path1.forward(h, rng=rng)
        x = shortcut + h
        h, c_norm2 = self.norm2.forward(x)
        shortcut, c_proj_mlp = self.shortcut_proj_mlp.forward(h if self.projects("mlp") else x)
        h, c_mlp = self.mlp.forward(h)
        h, c_drop_path2 = self.drop_path2.forward(h, rng=rng)
        return shortcut + h, MViTBlockCache(
            norm1=c_norm1,
            shortcut_proj_attn=c_proj_attn,
            shortcut_pool_attn=c_pool_attn,
            attn=c_attn,
            drop_path1=c_drop_path1,
            norm2=c_norm2,
            shortcut_proj_mlp=c_proj_mlp,
            mlp=c_mlp,
            drop_path2=c_drop_path2,
        )

    def backward(self, dy: ndarray, cache: MViTBlockCache) -> ndarray:
        """A shortcut's gradient joins that of its step before the norm, or behind it if the shortcut begins there."""
        dh = self.mlp.backward(self.drop_path2.backward(dy, cache.drop_path2), cache.mlp)
        dshortcut = self.shortcut_proj_mlp.backward(dy, cache.shortcut_proj_mlp)
        if self.projects("mlp"):
            dx = self.norm2.backward(dh + dshortcut, cache.norm2)
        else:
            dx = dshortcut + self.norm2.backward(dh, cache.norm2)
        dh = self.attn.backward(self.drop_path1.backward(dx, cache.drop_path1), cache.attn)
        dshortcut = pool_tokens_backward(
            self.shortcut_pool_attn,
            dx,
            cache.shortcut_pool_attn,
            map_size=self.map_size,
            pooled_size=self.out_size,
            num_prefix_tokens=self.num_prefix_tokens,
        )
        dshortcut = self.shortcut_proj_attn.backward(dshortcut, cache.shortcut_proj_attn)
        if self.projects("attn"):
            return self.norm1.backward(dh + dshortcut, cache.norm1)
        return dshortcut + self.norm1.backward(dh, cache.norm1)

    def projects(self, step: str) -> bool:
        """Whether the shortcut of "attn", or "mlp", has a linear map, and so begins behind the norm."""
        return isinstance(getattr(self, f"shortcut_proj_{step}"), Linear)
