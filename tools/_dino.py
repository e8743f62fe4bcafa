"""ViTs with LayerScale and registers, of timm and transformers, for tools/make_fixtures.py."""

# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
import transformers
from _timm import VisionTransformer
from torch import nn

SHAPE = {"img_size": (8, 6), "patch_size": (4, 2), "embed_dim": 12, "depth": 2, "num_heads": 3, "mlp_ratio": 2.0}
OTHERS = {"dinov2": {}, "reg4": {"reg_tokens": 4, "no_embed_class": True}, "reg_with_position": {"reg_tokens": 2}}
OTHERS |= {"reg_avg": {"reg_tokens": 2, "global_pool": "avg", "class_token": False}, "deit3": {"no_embed_class": True}}


def dino(record: Callable[..., None], randomize: Callable[[nn.Module], nn.Module]) -> None:
    """Logits; of transformers' model of the body, class token and mean of the patches behind its norm.

    ``hf_dinov2_resampled`` has positions on a grid of 4 x 4 for patches on one of 3 x 2. transformers would round them
    to float32, which is undone here.
    """
    for name, options in OTHERS.items():
        torch.manual_seed(8)
        config: dict[str, Any] = {**SHAPE, "num_classes": 5, "init_values": 0.3, **options}
        model, x = randomize(VisionTransformer(**config)), torch.randn(2, 3, 8, 6, requires_grad=True)
        params = dict(model.named_parameters())
        record(f"timm_{name}", lambda model=model, x=x: {"y": model(x)}, {"x": x}, params, config=config)

    theirs = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 3, "mlp_ratio": 2, "patch_size": 2}
    ours = {"patch_size": 2, "embed_dim": 12, "depth": 2, "num_heads": 3, "mlp_ratio": 2.0, "num_classes": 0}
    for name, side, size in (("hf_dinov2", 6, (6, 6)), ("hf_dinov2_resampled", 8, (6, 4))):
        torch.manual_seed(9)
        config = transformers.Dinov2Config(image_size=side, **theirs)
        model, x = randomize(transformers.Dinov2Model(config)), torch.randn(2, 3, *size, requires_grad=True)
        params = dict(model.named_parameters())
        mask = {"mask_token": params.pop("embeddings.mask_token")}

        def run(model: nn.Module = model, x: torch.Tensor = x) -> dict[str, torch.Tensor]:
            with patch.object(torch, "float32", torch.float64):
                tokens = model(x).last_hidden_state
            return {"token": tokens[:, 0], "avg": tokens[:, 1:].mean(1)}

        options = {**ours, "img_size": size, "init_values": 1.0, "norm_eps": config.layer_norm_eps}
        record(name, run, {"x": x}, params, mask, config=options)
