"""Twins of minivit's families that timm has, too: timm's own models, as a PyTorch user would take them.

Nothing here imports minivit. timm need not have torchvision beside it, see tools/_timm.py.
"""

# pyright: reportMissingImports=false

import sys
from collections.abc import Callable, Mapping
from inspect import signature
from pathlib import Path
from typing import Any

from measure import Skip
from torch import nn
from torch_twin import both_sides

sys.path.append(str(Path(__file__).parent.parent / "tools"))
try:
    from _timm import timm
except ImportError as error:
    raise Skip(f"the twin is timm's model: {error}") from error

Config = Mapping[str, Any]
MIXER, PVT_V2, MVIT = timm.models.mlp_mixer, timm.models.pvt_v2, timm.models.mvitv2


def taken(kind: Callable[..., Any], config: Config) -> dict[str, Any]:
    """The options that ``kind`` has too, under the same name; float32 and GELU are timm's defaults and are not said."""
    names = [name for name in signature(kind).parameters if name in config and name not in ("act_layer", "dtype")]
    of_kind = {name: config[name] for name in names}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in of_kind.items()}


def alike(kind: Callable[..., nn.Module], **parts: Any) -> Callable[[Config], nn.Module]:
    """Of a model of timm that needs nothing but the options of ours, and perhaps other parts, its twin."""
    return lambda config: kind(**taken(kind, config), **parts)


def pvt_v2(config: Config) -> nn.Module:
    """A PVT v2, whose first patches have the size and stride of the configuration: timm has 7 and 4 for all."""
    net = alike(PVT_V2.PyramidVisionTransformerV2)(config)
    size, stride, width = config["patch_size"], config["patch_stride"], config["embed_dims"][0]
    net.patch_embed = PVT_V2.OverlapPatchEmbed(size, stride=stride, in_chans=config["in_chans"], embed_dim=width)
    return net


def mvit(config: Config) -> nn.Module:
    """An MViT v2, whose kernels and strides are pairs in timm."""
    sizes = ("patch_kernel", "patch_stride", "patch_padding", "kernel_qkv", "stride_kv_adaptive")
    pairs: dict[str, Any] = {name: both_sides(config[name]) for name in sizes}
    pairs["stride_q"] = tuple(map(both_sides, config["stride_q"]))
    stages = MVIT.MultiScaleVitCfg(**taken(MVIT.MultiScaleVitCfg, config) | pairs)
    return MVIT.MultiScaleVit(stages, **taken(MVIT.MultiScaleVit, {**config, "global_pool": "avg"}))


BUILDERS: dict[str, Callable[[Config], nn.Module]] = {
    "SwinV2": alike(timm.models.swin_transformer_v2.SwinTransformerV2),
    "PVTv2": pvt_v2,
    "MViT": mvit,
    "SamViT": alike(timm.models.vision_transformer_sam.VisionTransformerSAM),
    "ResMLP": alike(MIXER.MlpMixer, block_layer=MIXER.ResBlock, norm_layer=MIXER.Affine),
    "GMLP": alike(MIXER.MlpMixer, block_layer=MIXER.SpatialGatingBlock, mlp_layer=timm.layers.GatedMlp),
}
