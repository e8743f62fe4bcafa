"""The twin of minivit's PVT as a PyTorch user would write it; its parameters have minivit's names.

Nothing here imports minivit, so that memory and start-up of PyTorch alone can be measured.
"""

# pyright: reportMissingImports=false

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch_mixer import TorchMlp
from torch_twin import both_sides


class TorchReduction(nn.Module):
    """The twin of minivit's SpatialReductionAttention."""

    def __init__(self, config: Mapping[str, Any], stage: int) -> None:
        super().__init__()
        dim, bias, self.ratio = config["embed_dims"][stage], config["qkv_bias"], config["sr_ratios"][stage]
        self.heads = config["num_heads"][stage]
        self.q, self.kv = nn.Linear(dim, dim, bias), nn.Linear(dim, 2 * dim, bias)
        self.proj = nn.Linear(dim, dim)
        if self.ratio > 1:
            self.sr = nn.Conv2d(dim, dim, self.ratio, self.ratio)
            self.norm = nn.LayerNorm(dim, eps=config["inner_norm_eps"])

    def forward(self, x: torch.Tensor, map_size: tuple[int, int]) -> torch.Tensor:
        B, N, D = x.shape
        q = self.q(x).reshape(B, N, self.heads, D // self.heads).transpose(1, 2)
        if self.ratio > 1:
            x = self.sr(x.transpose(1, 2).reshape(B, D, *map_size))
            x = self.norm(x.flatten(2).transpose(1, 2))
        k, v = self.kv(x).reshape(B, -1, 2, self.heads, D // self.heads).permute(2, 0, 3, 1, 4)
        y = nn.functional.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(B, N, D))


class TorchPVTBlock(nn.Module):
    """The twin of minivit's Block with attention of that kind."""

    def __init__(self, config: Mapping[str, Any], stage: int) -> None:
        super().__init__()
        dim, eps = config["embed_dims"][stage], config["norm_eps"]
        self.norm1, self.attn = nn.LayerNorm(dim, eps=eps), TorchReduction(config, stage)
        hidden = int(dim * config["mlp_ratios"][stage])
        self.norm2, self.mlp = nn.LayerNorm(dim, eps=eps), TorchMlp(dim, hidden, nn.GELU())

    def forward(self, x: torch.Tensor, map_size: tuple[int, int]) -> torch.Tensor:
        x = x + self.attn(self.norm1(x), map_size)
        return x + self.mlp(self.norm2(x))


class TorchPVTStage(nn.Module):
    """The twin of minivit's PVTStage."""

    def __init__(self, config: Mapping[str, Any], stage: int, chans: int, patch: tuple[int, int], places: int) -> None:
        super().__init__()
        dim, last = config["embed_dims"][stage], stage == len(config["depths"]) - 1
        parts = {"proj": nn.Conv2d(chans, dim, patch, patch), "norm": nn.LayerNorm(dim, eps=config["inner_norm_eps"])}
        self.patch_embed = nn.ModuleDict(parts)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim)) if last else None
        self.pos_embed = nn.Parameter(torch.zeros(1, last + places, dim))
        self.blocks = nn.ModuleList(TorchPVTBlock(config, stage) for _ in range(config["depths"][stage]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch_embed["proj"](x)
        map_size = x.shape[2], x.shape[3]
        x = self.patch_embed["norm"](x.flatten(2).transpose(1, 2))
        if self.cls_token is not None:
            x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), 1)
        x = x + self.pos_embed
        for block in self.blocks:
            x = block(x, map_size)
        return x if self.cls_token is not None else x.transpose(1, 2).reshape(len(x), -1, *map_size)


class TorchPVT(nn.Module):
    """The twin of minivit's PVT of this configuration."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        chans, (Y, X), stages = config["in_chans"], both_sides(config["img_size"]), []
        for i, dim in enumerate(config["embed_dims"]):
            P, Q = both_sides(config["patch_size"] if i == 0 else 2)
            Y, X = Y // P, X // Q
            stages.append(TorchPVTStage(config, i, chans, (P, Q), Y * X))
            chans = dim
        self.stages = nn.Sequential(*stages)
        self.norm, self.head = nn.LayerNorm(chans, eps=config["norm_eps"]), nn.Linear(chans, config["num_classes"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.stages(x))[:, 0])
