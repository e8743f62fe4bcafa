"""The twin of minivit's ViT as a PyTorch user would write it; its parameters have timm's names and shapes.

Nothing here imports minivit, so that memory and start-up of PyTorch alone can be measured.
"""

# pyright: reportMissingImports=false

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch_twin import ACTIVATIONS, both_sides


class TorchBlock(nn.Module):
    """The twin of minivit's Block, with PyTorch's fused attention."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        dim, eps, bias = config["embed_dim"], config["norm_eps"], config["qkv_bias"]
        hidden = int(dim * config["mlp_ratio"])
        self.num_heads = config["num_heads"]
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = nn.ModuleDict({"qkv": nn.Linear(dim, 3 * dim, bias=bias), "proj": nn.Linear(dim, dim)})
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = nn.ModuleDict({"fc1": nn.Linear(dim, hidden), "fc2": nn.Linear(hidden, dim)})
        self.act = ACTIVATIONS[config["act_layer"]]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        B, N, D = x.shape
        qkv = self.attn["qkv"](self.norm1(x)).view(B, N, 3, self.num_heads, D // self.num_heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        h = nn.functional.scaled_dot_product_attention(q, k, v)
        x = x + self.attn["proj"](h.transpose(1, 2).reshape(B, N, D))
        return x + self.mlp["fc2"](self.act(self.mlp["fc1"](self.norm2(x))))


class TorchViT(nn.Module):
    """The twin of minivit's ViT of this configuration; its parameters have timm's names and shapes."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        dim, eps, token, patch = config["embed_dim"], config["norm_eps"], config["class_token"], config["patch_size"]
        Y, X, P, Q = (side for size in (config["img_size"], patch) for side in both_sides(size))
        norm_after_pool = config["global_pool"] == "avg" if config["fc_norm"] is None else config["fc_norm"]
        self.pool, self.front = config["global_pool"], int(token)
        self.patch_embed = nn.ModuleDict({"proj": nn.Conv2d(config["in_chans"], dim, (P, Q), (P, Q))})
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim)) if token else None
        self.pos_embed = nn.Parameter(torch.zeros(1, (Y // P) * (X // Q) + token, dim))
        self.blocks = nn.ModuleList(TorchBlock(config) for _ in range(config["depth"]))
        self.norm = nn.Identity() if norm_after_pool else nn.LayerNorm(dim, eps=eps)
        self.fc_norm = nn.LayerNorm(dim, eps=eps) if norm_after_pool else nn.Identity()
        self.head = nn.Linear(dim, config["num_classes"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.patch_embed["proj"](x).flatten(2).transpose(1, 2)
        if self.cls_token is not None:
            x = torch.cat([self.cls_token.expand(len(x), -1, -1), x], 1)
        x = x + self.pos_embed
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        x = x[:, 0] if self.pool == "token" else x[:, self.front :].mean(1)
        return self.head(self.fc_norm(x))
