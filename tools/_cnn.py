"""timm's ResNets and hybrids, for tools/make_fixtures.py: on odd maps, which strides do not divide."""

# pyright: reportMissingImports=false

import tempfile
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch
from _timm import timm
from timm.layers import GroupNormAct, StdConv2dSame, pad_same
from timm.models.resnet import BasicBlock, Bottleneck, ResNet
from timm.models.resnetv2 import ResNetV2
from timm.models.vision_transformer_hybrid import HybridEmbed
from torch import nn

RESNETS = {
    "timm_resnet_basic": ("basic", False, {"layers": (2, 1, 1, 1), "channels": (3, 4, 5, 6)}),
    "timm_resnet_bottleneck": ("bottleneck", True, {"layers": (1, 2, 1, 1), "channels": (2, 3, 4, 5)}),
}
LEAVES = ("scale", "bias")
BLOCKS = {"basic": BasicBlock, "bottleneck": Bottleneck}


def resnets(record: Callable[..., None], randomize: Callable[[nn.Module], nn.Module]) -> None:
    """One with its running averages, one with the statistics of its batch, and what becomes of the averages then."""
    for name, (block, train, sizes) in RESNETS.items():
        torch.manual_seed(7)
        options = {**sizes, "num_classes": 5}
        model = randomize(ResNet(block=BLOCKS[block], **{key: list_of(value) for key, value in options.items()}))
        for part in model.modules():
            if isinstance(part, nn.BatchNorm2d):
                nn.init.normal_(part.running_mean)
                nn.init.uniform_(part.running_var, 0.5, 2)
        before = {key: value.clone() for key, value in model.named_buffers() if "num_batches" not in key}
        x = torch.randn(3, 3, 21, 18, requires_grad=True)
        model.train(train)
        y = model(x)
        after = {key: value.clone() for key, value in model.named_buffers() if "num_batches" not in key}
        constants = {f"before/{key}": value for key, value in before.items()}
        constants |= {f"after/{key}": value for key, value in after.items()}
        params = dict(model.named_parameters())
        record(name, partial(dict, y=y), {"x": x}, params, constants, config={"block": block, **options}, train=train)


def list_of(value: Any) -> Any:
    """As timm takes it."""
    return [*value] if isinstance(value, tuple) else value


class GoogleConv(StdConv2dSame):
    """Google's formula: the small number is added to the standard deviation."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        axes = (1, 2, 3)
        weight = self.weight - self.weight.mean(axes, keepdim=True)
        weight = weight / (self.weight.std(axes, keepdim=True, unbiased=False) + 1e-5)
        return nn.functional.conv2d(pad_same(x, self.kernel_size, self.stride), weight, stride=self.stride)


def hybrid_model(conv: Callable[..., nn.Module], norm_eps: float, **more: Any) -> tuple[nn.Module, dict[str, Any]]:
    """A hybrid, and its options. A place of the ResNet's map is a token."""
    layers, channels, stem_chans, groups = (1, 2), (8, 16), 8, 2
    backbone = ResNetV2(
        layers=layers,
        channels=channels,
        num_classes=0,
        global_pool="",
        stem_chs=stem_chans,
        preact=False,
        stem_type="same",
        conv_layer=conv,
        norm_layer=partial(GroupNormAct, num_groups=groups, eps=norm_eps),
    )
    options = {"img_size": (13, 18), "embed_dim": 12, "depth": 1, "num_heads": 3, "mlp_ratio": 2.0, "num_classes": 5}
    embed = partial(HybridEmbed, backbone=backbone)
    model = timm.models.VisionTransformer(**options, **more, patch_size=1, embed_layer=embed)
    return model, options | {"layers": layers, "channels": channels, "stem_chans": stem_chans, "num_groups": groups}


def hybrid(record: Callable[..., None], randomize: Callable[[nn.Module], nn.Module]) -> None:
    """Standardised kernels, group normalisation, padding that is not the same on both sides."""
    torch.manual_seed(8)
    model, config = hybrid_model(partial(StdConv2dSame, eps=1e-8), 1e-5)
    randomize(model)
    x = torch.randn(2, 3, 13, 18, requires_grad=True)
    record("timm_hybrid", lambda: {"y": model(x)}, {"x": x}, dict(model.named_parameters()), config=config)


def google_hybrid(write: Callable[..., None], vit: dict[str, tuple[int, ...]]) -> None:
    """Weights in Google's format, read by timm, computed with Google's formulas. ``vit``: shapes of the ViT's part."""
    torch.manual_seed(9)
    model, config = hybrid_model(GoogleConv, 1e-6, act_layer=partial(nn.GELU, approximate="tanh"))
    shapes = {"conv_root/kernel": (7, 7, 3, 8), "gn_root/scale": (8,), "gn_root/bias": (8,)}
    for unit, chans, out in (("block1/unit1", 8, 8), ("block2/unit1", 8, 16), ("block2/unit2", 16, 16)):
        shapes |= {f"{unit}/conv1/kernel": (1, 1, chans, 8), f"{unit}/conv2/kernel": (3, 3, 8, 8)}
        shapes |= {f"{unit}/conv3/kernel": (1, 1, 8, out)}
        shapes |= {f"{unit}/gn{n}/{leaf}": (width,) for n, width in ((1, 8), (2, 8), (3, out)) for leaf in LEAVES}
        if unit.endswith("unit1"):
            shapes |= {f"{unit}/conv_proj/kernel": (1, 1, chans, out)}
            shapes |= {f"{unit}/gn_proj/{leaf}": (out,) for leaf in LEAVES}
    arrays = {key: torch.randn(shape).numpy() / 2 for key, shape in (vit | shapes).items()}
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/google.npz", **arrays)
        model.eval().load_pretrained(f"{folder}/google.npz")
    x, cotangent = torch.randn(2, 3, 13, 18, requires_grad=True), torch.randn(2, 5)
    y, params = model(x), dict(model.named_parameters())
    dx, *gradients = torch.autograd.grad((y * cotangent).sum(), [x, *params.values()])
    written = {"in/x": x, "out/y": y, "cot/y": cotangent, "gin/x": dx}
    written |= {f"param/{key}": a for key, a in arrays.items()}
    written |= {f"gparam/{key}": g for key, g in zip(params, gradients, strict=True)}
    write("google_hybrid", written, {"config": config | {"act_layer": "gelu_tanh", "backbone_like": "google"}})
