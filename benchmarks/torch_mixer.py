"""The twin of minivit's Mixer as a PyTorch user would write it; its parameters have timm's names and shapes.

Nothing here imports minivit, so that memory and start-up of PyTorch alone can be measured.
"""

# pyright: reportMissingImports=false

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch_twin import ACTIVATIONS, both_sides


class TorchMlp(nn.Module):
    """Two linear maps and an activation between them."""

    def __init__(self, width: int, hidden: int, act: nn.Module) -> None:
        super().__init__()
        self.fc1, self.act, self.fc2 = nn.Linear(width, hidden), act, nn.Linear(hidden, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc2(self.act(self.fc1(x)))


class TorchMixerBlock(nn.Module):
    """The twin of minivit's MixerBlock."""

    def __init__(self, config: Mapping[str, Any], tokens: int) -> None:
        super().__init__()
        dim, eps, act = config["embed_dim"], config["norm_eps"], ACTIVATIONS[config["act_layer"]]
        tokens_dim, channels_dim = (int(dim * ratio) for ratio in config["mlp_ratio"])
        self.norm1, self.mlp_tokens = nn.LayerNorm(dim, eps=eps), TorchMlp(tokens, tokens_dim, act)
        self.norm2, self.mlp_channels = nn.LayerNorm(dim, eps=eps), TorchMlp(dim, channels_dim, act)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.mlp_tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.mlp_channels(self.norm2(x))


class TorchMixer(nn.Module):
    """The twin of minivit's Mixer of this configuration, with two ratios in ``mlp_ratio``."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        (Y, X), (P, Q) = (both_sides(config[f"{name}_size"]) for name in ("img", "patch"))
        dim = config["embed_dim"]
        self.stem = nn.ModuleDict({"proj": nn.Conv2d(config["in_chans"], dim, (P, Q), (P, Q))})
        self.blocks = nn.Sequential(*(TorchMixerBlock(config, Y // P * (X // Q)) for _ in range(config["num_blocks"])))
        self.norm, self.head = nn.LayerNorm(dim, eps=config["norm_eps"]), nn.Linear(dim, config["num_classes"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem["proj"](x).flatten(2).transpose(1, 2)
        return self.head(self.norm(self.blocks(x)).mean(1))
