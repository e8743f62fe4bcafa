"""The names of transformers for the parts of a :class:`minivit.models.SAM`: its ``SamModel``.

They follow the official ones, and many parts have got another name. The library computes the norms inside of the
decoder's blocks with 1e-6, the authors, who trained them, with 1e-5: ``decoder_norm_eps`` says which.
"""

import re

from minivit.models.sam import SAM
from minivit.weights.places import Place, Table, unfit
from minivit.weights.tables.torch_sam import official_names

NAMES = {  # pattern in an official name: what stands there in transformers
    r"^image_encoder\.blocks\.": "vision_encoder.layers.",
    r"^image_encoder\.": "vision_encoder.",
    r"patch_embed\.proj$": "patch_embed.projection",
    r"(vision_encoder\.layers\.\d+|mask_decoder\..*layers\.\d+)\.norm(\d)$": r"\1.layer_norm\2",
    r"neck\.0$": "neck.conv1",
    r"neck\.1$": "neck.layer_norm1",
    r"neck\.2$": "neck.conv2",
    r"neck\.3$": "neck.layer_norm2",
    r"^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$": "shared_image_embedding.positional_embedding",
    r"\bpoint_embeddings\.": "point_embed.",
    r"\bmask_downscaling\.0$": "mask_embed.conv1",
    r"\bmask_downscaling\.1$": "mask_embed.layer_norm1",
    r"\bmask_downscaling\.3$": "mask_embed.conv2",
    r"\bmask_downscaling\.4$": "mask_embed.layer_norm2",
    r"\bmask_downscaling\.6$": "mask_embed.conv3",
    r"\bnorm_final_attn$": "layer_norm_final_attn",
    r"\boutput_upscaling\.0$": "upscale_conv1",
    r"\boutput_upscaling\.1$": "upscale_layer_norm",
    r"\boutput_upscaling\.3$": "upscale_conv2",
}
MLP = re.compile(r"^(.*(?:output_hypernetworks_mlps\.\d+|iou_prediction_head))\.layers\.(\d+)$")
THEIRS = {"act_layer": "gelu", "attention_downsample_rate": 2}
ONE_MAP = "the IoU head of transformers' SAM has two maps at least: build the model with iou_head_depth=2 or more"
TIED = {
    r"^prompt_encoder\.shared_embedding\.positional_embedding$": "it is the matrix of shared_image_embedding once more"
}


def table(model: SAM) -> Table:
    last = {"iou_prediction_head": model.config["iou_head_depth"] - 1}
    way = {ours: Place((_renamed(theirs, last),)) for ours, theirs in official_names(model).items()}
    one_map = "" if model.config["iou_head_depth"] > 1 else ONE_MAP
    return Table([way], aside=TIED, unfit=unfit(model, THEIRS) or one_map)


def _renamed(name: str, last: dict[str, int]) -> str:
    if found := MLP.match(name):  # its MLPs call the first and the last map otherwise, and count those between
        mlp, number = found[1], int(found[2])
        end = last.get(mlp.rpartition(".")[2], 2)
        return f"{mlp}.proj_in" if number == 0 else f"{mlp}.proj_out" if number == end else f"{mlp}.layers.{number - 1}"
    for pattern, theirs in NAMES.items():
        name = re.sub(pattern, theirs, name)
    return name
