"""The twin of minivit's Swin as a PyTorch user would write it; its parameters have timm's names and shapes.

Nothing here imports minivit, so that memory and start-up of PyTorch alone can be measured.
"""

# pyright: reportMissingImports=false

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch_twin import ACTIVATIONS, both_sides


class TorchWindowAttention(nn.Module):
    """Attention inside (shifted) windows that divide the map, with a relative position bias, by PyTorch's fused op."""

    def __init__(
        self, dim: int, num_heads: int, size: tuple[int, int], window: tuple[int, int], shift: tuple[int, int]
    ):
        super().__init__()
        (Y, X), (M, L) = size, window
        self.num_heads, self.window, self.shift = num_heads, window, shift
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.relative_position_bias_table = nn.Parameter(torch.zeros((2 * M - 1) * (2 * L - 1), num_heads))
        y, x = torch.arange(M).repeat_interleave(L), torch.arange(L).repeat(M)
        way = (y[:, None] - y + M - 1) * (2 * L - 1) + (x[:, None] - x + L - 1)
        self.register_buffer("way", way, persistent=False)
        rows, columns = torch.zeros(Y), torch.zeros(X)
        for part, side, place in ((rows, M, 0), (columns, L, 1)):
            if shift[place]:
                part[-side:] = 1
                part[-shift[place] :] = 2
        regions = self.cut((3 * rows[:, None] + columns).view(1, Y, X, 1))[:, :, 0]
        apart = regions[:, :, None] != regions[:, None, :]
        mask = torch.zeros(apart.shape).masked_fill(apart, -100.0) if any(shift) else None
        self.register_buffer("mask", mask, persistent=False)

    def cut(self, x: torch.Tensor) -> torch.Tensor:
        (B, Y, X, D), (M, L) = x.shape, self.window
        return x.view(B, Y // M, M, X // L, L, D).permute(0, 1, 3, 2, 4, 5).reshape(-1, M * L, D)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (B, Y, X, D), (M, L), (down, right) = x.shape, self.window, self.shift
        if self.mask is not None:
            x = torch.roll(x, (-down, -right), (1, 2))
        windows = self.cut(x)
        W, N, _ = windows.shape
        q, k, v = self.qkv(windows).view(W, N, 3, self.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        bias = self.relative_position_bias_table[self.way].permute(2, 0, 1)[None]
        if self.mask is not None:
            bias = (bias + self.mask[:, None]).repeat(B, 1, 1, 1)
        h = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        h = self.proj(h.transpose(1, 2).reshape(W, N, D))
        x = h.view(B, Y // M, X // L, M, L, D).permute(0, 1, 3, 2, 4, 5).reshape(B, Y, X, D)
        return x if self.mask is None else torch.roll(x, (down, right), (1, 2))


class TorchSwinBlock(nn.Module):
    """The twin of minivit's Block with attention in windows."""

    def __init__(self, dim: int, hidden: int, act: nn.Module, attn: nn.Module) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(dim), attn, nn.LayerNorm(dim)
        self.mlp, self.act = nn.ModuleDict({"fc1": nn.Linear(dim, hidden), "fc2": nn.Linear(hidden, dim)}), act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp["fc2"](self.act(self.mlp["fc1"](self.norm2(x))))


class TorchPatchMerging(nn.Module):
    """Four neighbours to one of twice the width."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm, self.reduction = nn.LayerNorm(4 * dim), nn.Linear(4 * dim, 2 * dim, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        B, Y, X, C = x.shape
        four = x.view(B, Y // 2, 2, X // 2, 2, C).permute(0, 1, 3, 4, 2, 5).reshape(B, Y // 2, X // 2, 4 * C)
        return self.reduction(self.norm(four))


class TorchSwin(nn.Module):
    """The twin of minivit's Swin of this configuration, for windows that divide every map."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        (Y, X), (P, Q), (M, L) = (both_sides(config[f"{name}_size"]) for name in ("img", "patch", "window"))
        dim, act = config["embed_dim"], ACTIVATIONS[config["act_layer"]]
        self.patch_embed = nn.ModuleDict(
            {"proj": nn.Conv2d(config["in_chans"], dim, (P, Q), (P, Q)), "norm": nn.LayerNorm(dim)}
        )
        self.layers = nn.ModuleList()
        for i, (depth, heads) in enumerate(zip(config["depths"], config["num_heads"], strict=True)):
            width, size = dim * 2**i, (Y // P // 2**i, X // Q // 2**i)
            window = min(M, size[0]), min(L, size[1])
            half = M // 2 if size[0] > M else 0, L // 2 if size[1] > L else 0
            hidden = int(width * config["mlp_ratio"])
            stage = nn.Module()
            stage.downsample = TorchPatchMerging(width // 2) if i else nn.Identity()
            stage.blocks = nn.Sequential(
                *(
                    TorchSwinBlock(width, hidden, act, TorchWindowAttention(width, heads, size, window, shift))
                    for shift in [half if j % 2 else (0, 0) for j in range(depth)]
                )
            )
            self.layers.append(stage)
        width = dim * 2 ** (len(config["depths"]) - 1)
        self.norm = nn.LayerNorm(width)
        self.head = nn.ModuleDict({"fc": nn.Linear(width, config["num_classes"])})

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch_embed["norm"](self.patch_embed["proj"](x).permute(0, 2, 3, 1))
        for stage in self.layers:
            x = stage.blocks(stage.downsample(x))
        return self.head["fc"](self.norm(x).mean((1, 2)))
