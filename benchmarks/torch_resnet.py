"""The twin of minivit's ResNet as a PyTorch user would write it; its parameters have timm's names and shapes.

Its batch normalisation takes the statistics of the whole batch, where minivit's takes those of each shard of 16 images.

Nothing here imports minivit, so that memory and start-up of PyTorch alone can be measured.
"""

# pyright: reportMissingImports=false

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.functional import relu


class TorchResidual(nn.Module):
    """The twin of minivit's BasicBlock or Bottleneck: convolutions (in, out, kernel, stride), each with its norm."""

    def __init__(self, convs: list[tuple[int, int, int, int]], stride: int) -> None:
        super().__init__()
        self.depth, chans, out_chans = len(convs), convs[0][0], convs[-1][1]
        for i, (before, after, kernel, step) in enumerate(convs, start=1):
            self.add_module(f"conv{i}", nn.Conv2d(before, after, kernel, step, kernel // 2, bias=False))
            self.add_module(f"bn{i}", nn.BatchNorm2d(after))
        shortcut = nn.Conv2d(chans, out_chans, 1, stride, bias=False), nn.BatchNorm2d(out_chans)
        self.downsample = nn.Sequential(*(shortcut if (chans, stride) != (out_chans, 1) else ()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x
        for i in range(1, self.depth + 1):
            h = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(h))
            h = relu(h) if i < self.depth else h
        return relu(h + self.downsample(x))


class TorchResNet(nn.Module):
    """The twin of minivit's ResNet of this configuration."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        super().__init__()
        small, width = config["stem"] == "3x3", config["stem_chans"]
        self.conv1 = nn.Conv2d(config["in_chans"], width, *((3, 1, 1) if small else (7, 2, 3)), bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)
        self.stages = []
        for i, (depth, chans) in enumerate(zip(config["layers"], config["channels"], strict=True)):
            blocks = []
            for j in range(depth):
                stride = 2 if i and not j else 1
                if config["block"] == "basic":
                    convs, out = [(width, chans, 3, stride), (chans, chans, 3, 1)], chans
                else:
                    convs, out = [(width, chans, 1, 1), (chans, chans, 3, stride), (chans, 4 * chans, 1, 1)], 4 * chans
                blocks.append(TorchResidual(convs, stride))
                width = out
            self.stages.append(f"layer{i + 1}")
            self.add_module(self.stages[-1], nn.Sequential(*blocks))
        self.fc = nn.Linear(width, config["num_classes"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.maxpool(relu(self.bn1(self.conv1(x))))
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(x.mean((2, 3)))
