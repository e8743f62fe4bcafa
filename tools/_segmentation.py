"""UPerNet on Swin and SegFormer of transformers, for tools/make_fixtures.py: on maps that no window divides."""

# pyright: reportMissingImports=false

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
import transformers
from torch import Tensor, nn

SWIN: dict[str, Any] = {"embed_dim": 4, "depths": (2, 1, 2), "num_heads": (1, 2, 2), "window_size": 3, "mlp_ratio": 1.5}
UPERNET: dict[str, Any] = {
    "patch_size": 2,
    "num_classes": 5,
    "channels": 4,
    "pool_scales": (1, 2, 3),
    "aux_channels": 3,
}
SEGFORMER: dict[str, Any] = {
    "embed_dims": (4, 6, 8),
    "depths": (1, 2, 1),
    "num_heads": (1, 2, 2),
    "sr_ratios": (3, 2, 1),
    "mlp_ratios": (2, 3, 2),
    "channels": 6,
    "num_classes": 5,
}
SIDES = {"hf_upernet": (11, 18), "hf_upernet_small": (4, 10), "hf_upernet_train": (12, 14)}


def segmenters(record: Callable[..., None], randomize: Callable[[nn.Module], nn.Module]) -> None:
    for name, sides in SIDES.items():
        upernet(record, randomize, name, sides)
    for name in ("hf_segformer", "hf_segformer_train"):
        segformer(record, randomize, name)


def upernet(
    record: Callable[..., None], randomize: Callable[[nn.Module], nn.Module], name: str, sides: tuple[int, int]
) -> None:
    """Images of any size; "train" has the batch's own statistics, and the loss of labels of which some do not count."""
    torch.manual_seed(31)
    config = SWIN | UPERNET | {"img_size": 20}
    backbone = transformers.SwinConfig(
        image_size=20,
        patch_size=2,
        embed_dim=SWIN["embed_dim"],
        depths=[*SWIN["depths"]],
        num_heads=[*SWIN["num_heads"]],
        window_size=SWIN["window_size"],
        mlp_ratio=SWIN["mlp_ratio"],
        drop_path_rate=0.0,
        out_features=["stage1", "stage2", "stage3"],
    )
    hf = transformers.UperNetConfig(
        backbone_config=backbone,
        hidden_size=UPERNET["channels"],
        pool_scales=[*UPERNET["pool_scales"]],
        auxiliary_channels=UPERNET["aux_channels"],
        num_labels=UPERNET["num_classes"],
    )
    hf.auxiliary_in_channels = None
    model = randomize(transformers.UperNetForSemanticSegmentation(hf))
    model.auxiliary_head = _second_to_last(hf, model)
    randomize(model)
    x = torch.randn(2, 3, *sides, requires_grad=True)
    labels = _labels(sides)
    averages = _averages(model, trained=name.endswith("train"))
    maps: dict[str, Tensor] = {}
    model.auxiliary_head.register_forward_hook(lambda _, __, logits: maps.update(auxiliary=logits))

    def run() -> dict[str, Tensor]:
        outputs = model(x, labels=labels)
        auxiliary = F.interpolate(maps["auxiliary"], size=sides, mode="bilinear", align_corners=False)
        return {"logits": outputs.logits, "auxiliary": auxiliary, "loss": outputs.loss}

    params = {key: param for key, param in model.named_parameters() if ".swin.layernorm." not in key}
    record(name, run, {"x": x}, params, {"labels": labels, **averages()}, config=config)


def _second_to_last(config: Any, model: nn.Module) -> nn.Module:
    """The head that reads the last map but one: of four stages the third, the library's default."""
    from transformers.models.upernet.modeling_upernet import UperNetFCNHead

    return UperNetFCNHead(config, in_channels=model.backbone.channels, in_index=len(SWIN["depths"]) - 2)


def segformer(record: Callable[..., None], randomize: Callable[[nn.Module], nn.Module], name: str) -> None:
    """Logits of each place of the first map; their loss is of logits made as large as the labels."""
    torch.manual_seed(32)
    config = SEGFORMER | {"norm_eps": 1e-5, "img_size": (17, 26), "drop_rate": 0.0}
    hf = transformers.SegformerConfig(
        num_encoder_blocks=3,
        hidden_sizes=[*SEGFORMER["embed_dims"]],
        depths=[*SEGFORMER["depths"]],
        num_attention_heads=[*SEGFORMER["num_heads"]],
        sr_ratios=[*SEGFORMER["sr_ratios"]],
        mlp_ratios=[*SEGFORMER["mlp_ratios"]],
        patch_sizes=[7, 3, 3],
        strides=[4, 2, 2],
        decoder_hidden_size=SEGFORMER["channels"],
        num_labels=SEGFORMER["num_classes"],
        classifier_dropout_prob=0.0,
        drop_path_rate=0.0,
    )
    model = randomize(transformers.SegformerForSemanticSegmentation(hf))
    x, labels = torch.randn(2, 3, 17, 26, requires_grad=True), _labels((17, 26))
    averages = _averages(model, trained=name.endswith("train"))

    def run() -> dict[str, Tensor]:
        outputs = model(x, labels=labels)
        return {"logits": outputs.logits, "loss": outputs.loss}

    record(name, run, {"x": x}, dict(model.named_parameters()), {"labels": labels, **averages()}, config=config)


def _labels(sides: tuple[int, int]) -> Tensor:
    """Of pixels; one in five does not count, and on the second image fewer do than on the first."""
    labels = torch.randint(0, 5, (2, *sides))
    labels[torch.rand(2, *sides) < 0.2] = 255
    labels[1, : sides[0] // 2] = 255
    return labels


def _averages(model: nn.Module, *, trained: bool) -> Callable[[], dict[str, Tensor]]:
    """Running averages other than 0 and 1, as they are before anything is computed; or a model that does not use them.

    Statistics of the batch are those of a model in training, which has no dropout here.
    """
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, std=0.5)
            nn.init.uniform_(module.running_var, 0.5, 2.0)
    before = {f"buffer/{key}": buffer.clone() for key, buffer in model.named_buffers() if "running" in key}
    model.train(trained)
    return lambda: before
