"""PVT and PVT v2 of timm and transformers, for tools/make_fixtures.py: on maps that nothing divides."""

# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
import transformers
from _timm import timm
from torch import nn

SHAPE: dict[str, Any] = {"embed_dims": (4, 6, 9), "depths": (1, 2, 1), "num_heads": (1, 2, 3), "num_classes": 5}
SHAPE |= {"sr_ratios": (3, 2, 1), "mlp_ratios": (2, 3, 2), "in_chans": 1}
TIMM = {
    "timm_pvt_v2": {"img_size": (29, 38), "qkv_bias": False},
    "timm_pvt_v2_linear": {"img_size": (33, 26), "linear": True},
}
HF = {
    "hf_pvt": {"img_size": 44, "patch_size": 4, "qkv_bias": False},
    "hf_pvt_v2": {"img_size": (33, 26), "linear": True},
}
THEIRS = {  # options of transformers
    "embed_dims": "hidden_sizes",
    "depths": "depths",
    "num_heads": "num_attention_heads",
    "mlp_ratios": "mlp_ratios",
    "num_classes": "num_labels",
    "in_chans": "num_channels",
    "qkv_bias": "qkv_bias",
    "linear": "linear_attention",
}


def pvts(record: Callable[..., None], randomize: Callable[[nn.Module], nn.Module]) -> None:
    for name, options in TIMM.items():
        torch.manual_seed(11)
        config = SHAPE | options
        x = images(config["img_size"])
        theirs = {option: [*value] if isinstance(value, tuple) else value for option, value in config.items()}
        del theirs["img_size"]
        model = randomize(timm.models.pvt_v2.PyramidVisionTransformerV2(**theirs))
        record(name, lambda model=model, x=x: {"y": model(x)}, {"x": x}, dict(model.named_parameters()), config=config)
    for name, options in HF.items():
        torch.manual_seed(12)
        config = SHAPE | options
        x = images(config["img_size"])
        theirs = {hf: config[ours] for ours, hf in THEIRS.items() if ours in config} | {"num_encoder_blocks": 3}
        if name == "hf_pvt":
            sizes = {"image_size": 44, "patch_sizes": (4, 2, 2), "strides": (4, 2, 2)}
            hf = transformers.PvtConfig(**theirs, **sizes, sequence_reduction_ratios=config["sr_ratios"])
            model = randomize(transformers.PvtForImageClassification(hf))
        else:
            sizes = {"image_size": config["img_size"], "patch_sizes": (7, 3, 3), "strides": (4, 2, 2)}
            hf = transformers.PvtV2Config(**theirs, **sizes, sr_ratios=config["sr_ratios"])
            model = randomize(transformers.PvtV2ForImageClassification(hf))
        run = lambda model=model, x=x: {"y": model(x).logits}  # noqa: E731
        constants = resized(model) if name == "hf_pvt" else {}
        config["inner_norm_eps"] = hf.layer_norm_eps
        record(name, run, {"x": x}, dict(model.named_parameters()), constants, config=config)


def images(size: Any) -> torch.Tensor:
    rows, columns = (size, size) if isinstance(size, int) else size
    return torch.randn(2, 1, rows, columns, requires_grad=True)


def resized(model: nn.Module) -> dict[str, torch.Tensor]:
    """Positions for images of 32 x 60, resized as the official code does it: the class token's stay as they are."""
    tables = {}
    for i, (old, new) in enumerate([((11, 11), (8, 15)), ((5, 5), (4, 7)), ((2, 2), (2, 3))]):
        table = model.pvt.encoder.patch_embeddings[i].position_embeddings.detach()
        front, grid = table[:, : -old[0] * old[1]], table[:, -old[0] * old[1] :]
        grid = F.interpolate(grid.reshape(1, *old, -1).permute(0, 3, 1, 2), size=new, mode="bilinear")
        tables[f"resized/{i}"] = torch.cat((front, grid.flatten(2).transpose(1, 2)), dim=1)
    return tables
