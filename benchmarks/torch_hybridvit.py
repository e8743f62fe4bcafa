"""The twin of minivit's HybridViT as a PyTorch user would write it; its parameters have timm's names and shapes.

Nothing here imports minivit, so that memory and start-up of PyTorch alone can be measured.
"""

# pyright: reportMissingImports=false

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import batch_norm, conv2d, max_pool2d, pad, relu
from torch_twin import both_sides
from torch_vit import TorchViT


def same(x: torch.Tensor, kernel: int, stride: int, value: float = 0.0) -> torch.Tensor:
    """As many numbers around a map as let ceil(side / stride) of them come out."""
    sides = []
    for side in reversed(x.shape[-2:]):
        missing = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        sides += [missing // 2, missing - missing // 2]
    return pad(x, sides, value=value) if any(sides) else x


class TorchStdConv(nn.Conv2d):
    """A convolution whose kernel has mean 0 and variance 1 for each output, as timm writes it."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = self.weight.reshape(1, len(self.weight), -1)
        weight = batch_norm(rows, None, None, training=True, momentum=0.0, eps=1e-8).reshape_as(self.weight)
        return conv2d(same(x, self.kernel_size[0], self.stride[0]), weight, stride=self.stride)


class TorchBackboneBlock(nn.Module):
    """The twin of minivit's BackboneBlock."""

    def __init__(self, chans: int, out: int, stride: int, first: bool, groups: int) -> None:
        super().__init__()
        middle = max(8, (out // 4 + 4) // 8 * 8)
        if first:
            conv = TorchStdConv(chans, out, 1, stride, bias=False)
            self.downsample = nn.ModuleDict({"conv": conv, "norm": nn.GroupNorm(groups, out)})
        self.first = first
        self.conv1, self.norm1 = TorchStdConv(chans, middle, 1, bias=False), nn.GroupNorm(groups, middle)
        self.conv2, self.norm2 = TorchStdConv(middle, middle, 3, stride, bias=False), nn.GroupNorm(groups, middle)
        self.conv3, self.norm3 = TorchStdConv(middle, out, 1, bias=False), nn.GroupNorm(groups, out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shortcut = self.downsample["norm"](self.downsample["conv"](x)) if self.first else x
        h = relu(self.norm1(self.conv1(x)))
        h = relu(self.norm2(self.conv2(h)))
        return relu(self.norm3(self.conv3(h)) + shortcut)


class TorchHybridViT(TorchViT):
    """The twin of minivit's HybridViT of this configuration, with tokens that are single places of the map."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        small, layers, groups = config["stem"] == "3x3", config["layers"], config["num_groups"]
        halvings = len(layers) - 1 + (0 if small else 2)
        map_size = tuple(-(-side // 2**halvings) for side in both_sides(config["img_size"]))
        chans = (config["stem_chans"], *config["channels"])
        super().__init__({**config, "img_size": map_size, "in_chans": chans[-1]})
        stages = [
            nn.ModuleDict({
                "blocks": nn.Sequential(*(
                    TorchBackboneBlock(chans[i + (j > 0)], chans[i + 1], 2 if i and not j else 1, j == 0, groups)
                    for j in range(depth)
                ))
            })
            for i, depth in enumerate(layers)
        ]  # fmt: skip
        conv = TorchStdConv(config["in_chans"], chans[0], 3 if small else 7, 1 if small else 2, bias=False)
        stem = nn.ModuleDict({"conv": conv, "norm": nn.GroupNorm(groups, chans[0])})
        self.patch_embed["backbone"] = nn.ModuleDict({"stem": stem, "stages": nn.ModuleList(stages)})
        self.small = small

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        backbone = self.patch_embed["backbone"]
        x = relu(backbone["stem"]["norm"](backbone["stem"]["conv"](x)))
        x = x if self.small else max_pool2d(same(x, 3, 2, -torch.inf), 3, 2)
        for stage in backbone["stages"]:
            x = stage["blocks"](x)
        return super().forward(x)
