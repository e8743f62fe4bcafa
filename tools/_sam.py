"""SAM of transformers and of its authors, and timm's image encoder of it, for tools/make_fixtures.py.

The authors' code is the package ``segment-anything``; where it is not installed, its fixture stays as it is.
"""

# pyright: reportMissingImports=false

import sys
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any
from unittest.mock import patch

import torch
import transformers
from _timm import stand_ins, timm
from torch import Tensor, nn
from torch.nn import Module
from transformers import SamConfig, SamMaskDecoderConfig, SamPromptEncoderConfig, SamVisionConfig
from transformers.loss import loss_for_object_detection as detection

Record = Callable[..., None]
SMALL: dict[str, Any] = {  # our options: a map of 3 x 3 that windows of 2 x 2 do not divide
    "img_size": 12,
    "patch_size": 4,
    "embed_dim": 4,
    "depth": 2,
    "num_heads": 2,
    "mlp_ratio": 1.5,
    "window_size": 2,
    "global_attn_indexes": (1,),
    "prompt_dim": 16,
    "mask_in_chans": 8,
    "decoder_depth": 2,
    "decoder_num_heads": 2,
    "decoder_mlp_dim": 10,
    "num_multimask_outputs": 1,
    "iou_head_depth": 4,
    "iou_head_hidden_dim": 6,
    "decoder_norm_eps": 1e-6,
    "learn_frequencies": True,
}
POINTS = [[[[3.0, 5.0], [0.0, 0.0]], [[7.0, 11.0], [2.0, 9.0]], [[10.5, 1.0], [0.0, 0.0]]]] * 2
LABELS = [[[1, -10], [0, 1], [1, -1]], [[0, -1], [1, 1], [1, -10]]]
BOXES = [[[1.0, 2.0, 7.0, 11.0], [0.0, 0.0, 5.0, 4.0]], [[3.0, 1.0, 9.5, 8.0], [6.0, 6.0, 11.0, 12.0]]]
TIMM: dict[str, dict[str, Any]] = {
    "timm_samvit": {"window_size": 2, "neck_chans": 6, "num_classes": 0},
    "timm_samvit_classes": {
        "window_size": 3,
        "use_abs_pos": False,
        "qkv_bias": False,
        "neck_chans": None,
        "num_classes": 5,
    },
}


def sams(record: Record, randomize: Callable[[Module], Module]) -> None:
    torch.manual_seed(21)
    points, labels, boxes = torch.tensor(POINTS), torch.tensor(LABELS), torch.tensor(BOXES)
    masks = torch.randn(2, 1, 12, 12)
    prompts: dict[str, dict[str, Any]] = {
        "hf_sam_several": {"input_points": points, "input_labels": labels, "input_masks": masks},
        "hf_sam_boxes": {"input_boxes": boxes, "multimask_output": False},
        "hf_sam_boxes_and_points": {
            "input_boxes": boxes,
            "input_points": points[:, :2],
            "input_labels": labels[:, :2],
            "input_masks": masks,
        },
        "hf_sam_nothing": {},
    }
    for name, prompt in prompts.items():
        of_transformers(record, randomize, name, prompt)
    official(record, randomize)
    mask_losses(record)
    for name, options in TIMM.items():
        of_timm(record, randomize, name, options)
    torch.manual_seed(25)
    clicks = {"input_points": points[:, :2], "input_labels": labels[:, :2]}
    of_transformers(record, randomize, "hf_sam_three", clicks, decoder_depth=1, num_multimask_outputs=3)


def mask_losses(record: Record) -> None:
    """Of one mask each, as the losses of transformers' DETR and MaskFormer take the mean of several."""
    torch.manual_seed(23)
    logits, truth = torch.randn(3, 20, requires_grad=True), (torch.rand(3, 20) < 0.4).double()

    def run() -> dict[str, Tensor]:
        rows = list(zip(logits[:, None], truth[:, None], strict=True))
        return {
            "focal": torch.stack([detection.sigmoid_focal_loss(z, t, 1) for z, t in rows]),
            "focal_otherwise": torch.stack([detection.sigmoid_focal_loss(z, t, 1, 0.6, 1.5) for z, t in rows]),
            "dice": torch.stack([detection.dice_loss(z, t, 1) for z, t in rows]),
        }

    record("hf_mask_losses", run, {"logits": logits}, constants={"truth": truth})


def of_transformers(
    record: Record, randomize: Callable[[Module], Module], name: str, prompt: dict[str, Any], **options: Any
) -> None:
    without: dict[str, Any] = (
        {"use_abs_pos": False, "use_rel_pos": False, "qkv_bias": False} if name == "hf_sam_boxes" else {}
    )
    c = SMALL | without | options
    vision = SamVisionConfig(
        hidden_size=c["embed_dim"],
        output_channels=c["prompt_dim"],
        num_hidden_layers=c["depth"],
        num_attention_heads=c["num_heads"],
        image_size=c["img_size"],
        patch_size=c["patch_size"],
        mlp_dim=6,
        window_size=c["window_size"],
        global_attn_indexes=list(c["global_attn_indexes"]),
        num_pos_feats=c["prompt_dim"] // 2,
        **without,
    )
    prompts = SamPromptEncoderConfig(
        hidden_size=c["prompt_dim"],
        image_size=c["img_size"],
        patch_size=c["patch_size"],
        mask_input_channels=c["mask_in_chans"],
    )
    decoder = SamMaskDecoderConfig(
        hidden_size=c["prompt_dim"],
        mlp_dim=c["decoder_mlp_dim"],
        num_hidden_layers=c["decoder_depth"],
        num_attention_heads=c["decoder_num_heads"],
        num_multimask_outputs=c["num_multimask_outputs"],
        iou_head_depth=c["iou_head_depth"],
        iou_head_hidden_dim=c["iou_head_hidden_dim"],
    )
    config = SamConfig(
        vision_config=vision.to_dict(), prompt_encoder_config=prompts.to_dict(), mask_decoder_config=decoder.to_dict()
    )
    model = randomize(transformers.SamModel(config))
    inputs = {"x": torch.randn(2, 3, c["img_size"], c["img_size"], requires_grad=True)}
    for key in ("input_points", "input_boxes", "input_masks"):
        if key in prompt:
            inputs[key] = prompt[key].clone().requires_grad_()
    constants = {"input_labels": prompt["input_labels"]} if "input_labels" in prompt else {}
    multimask_output = prompt.get("multimask_output", True)

    def run() -> dict[str, Tensor]:
        prompts = {key: it for key, it in (inputs | constants).items() if key != "x"}
        outputs = model(pixel_values=inputs["x"], multimask_output=multimask_output, **prompts)
        return {"masks": outputs.pred_masks, "iou_scores": outputs.iou_scores}

    params, unused = split(model, run)
    record(name, run, inputs, params, constants | unused, config=c, multimask_output=multimask_output)


def official(record: Record, randomize: Callable[[Module], Module]) -> None:
    """One image, with a click and a box on each of two objects, and a mask for each: the authors' parts, put together
    as their ``Sam`` does it, without its pixels of 0 to 255, and with points in float64.
    """
    if find_spec("segment_anything") is None:
        print("segment-anything is not installed: its fixture stays as it is")
        return
    with patch.dict(sys.modules, stand_ins):
        from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, TwoWayTransformer
    c = SMALL | {"decoder_norm_eps": 1e-5, "learn_frequencies": False, "window_size": 2}
    side, dim = c["img_size"], c["prompt_dim"]
    encoder = ImageEncoderViT(
        img_size=side,
        patch_size=c["patch_size"],
        embed_dim=c["embed_dim"],
        depth=c["depth"],
        num_heads=c["num_heads"],
        mlp_ratio=c["mlp_ratio"],
        out_chans=dim,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
        use_rel_pos=True,
        window_size=c["window_size"],
        global_attn_indexes=c["global_attn_indexes"],
    )
    prompts = PromptEncoder(dim, (3, 3), (side, side), c["mask_in_chans"])
    transformer = TwoWayTransformer(c["decoder_depth"], dim, c["decoder_num_heads"], c["decoder_mlp_dim"])
    decoder = MaskDecoder(
        transformer_dim=dim,
        transformer=transformer,
        num_multimask_outputs=c["num_multimask_outputs"],
        iou_head_depth=c["iou_head_depth"],
        iou_head_hidden_dim=c["iou_head_hidden_dim"],
    )
    model = randomize(nn.ModuleDict({"image_encoder": encoder, "prompt_encoder": prompts, "mask_decoder": decoder}))
    matrix = prompts.pe_layer.positional_encoding_gaussian_matrix
    x = torch.randn(1, 3, side, side, requires_grad=True)
    points, labels = torch.tensor(POINTS)[0, :2], torch.tensor([[1, 0], [0, 1]])
    boxes, masks = torch.tensor(BOXES)[0], torch.randn(2, 1, 12, 12, requires_grad=True)

    def run() -> dict[str, Tensor]:
        with patch.object(torch, "float", torch.float64), patch.object(torch, "float32", torch.float64):
            sparse, dense = prompts((points, labels), boxes, masks)
            found, scores = decoder(encoder(x), prompts.get_dense_pe(), sparse, dense, True)
        return {"masks": found, "iou_scores": scores}

    params, unused = split(model, run)
    constants = {"points": points, "labels": labels, "boxes": boxes} | unused
    constants["unused/prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"] = matrix
    record("sam_official", run, {"x": x, "masks": masks}, params, constants, config=c)


def of_timm(record: Record, randomize: Callable[[Module], Module], name: str, options: dict[str, Any]) -> None:
    """On a map of 5 x 5; with its relative positions for a map of 7 x 7, by timm's own loader."""
    torch.manual_seed(22)
    config = {"img_size": 20, "patch_size": 4, "embed_dim": 8, "depth": 2, "num_heads": 2, "mlp_ratio": 1.5}
    config |= {"global_attn_indexes": (1,), "use_rel_pos": True, **options}
    model = randomize(timm.models.vision_transformer_sam.VisionTransformerSAM(**config))
    x = torch.randn(2, 3, 20, 20, requires_grad=True)
    record(name, lambda: {"y": model(x)}, {"x": x}, dict(model.named_parameters()), config=config)


def split(model: Module, run: Callable[[], dict[str, Tensor]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters that outputs depend on, and the others, which have no gradient."""
    params = dict(model.named_parameters())
    gradients = torch.autograd.grad(sum(y.sum() for y in run().values()), [*params.values()], allow_unused=True)
    has_one = {key: gradient is not None for key, gradient in zip(params, gradients, strict=True)}
    return (
        {key: param for key, param in params.items() if has_one[key]},
        {f"unused/{key}": param for key, param in params.items() if not has_one[key]},
    )
