"""The official names for the parts of a :class:`minivit.models.DETR`, from the repository facebookresearch/detr.

Its Transformer's blocks are named as PyTorch's; its ResNets are torchvision's, the parts of which have timm's names.
"""

import re

from minivit.models.detr import DETR
from minivit.models.resnet import ResNet
from minivit.weights.places import Place, Table
from minivit.weights.tables.torch_transformer import DECODER_BLOCK, ENCODER_BLOCK, shares

UNFIT = "the official DETR has a ResNet for a backbone: this one has none"


def table(model: DETR) -> Table:
    way: dict[str, Place] = {
        "query_embed": Place(("query_embed.weight",)),
        "transformer.norm": Place(("transformer.decoder.norm",)),
        "class_embed": Place(("class_embed",)),
        **{f"bbox_embed.layers.{i}": Place((f"bbox_embed.layers.{i}",)) for i in range(3)},
        "input_proj": Place(("input_proj",)),
        "input_proj.weight": one_by_one("input_proj.weight", model),
    }
    if model.config["pre_norm"]:
        way["transformer.encoder_norm"] = Place(("transformer.encoder.norm",))
    for side, block in (("encoder", ENCODER_BLOCK), ("decoder", DECODER_BLOCK)):
        for i in range(model.config[f"{side}_depth"]):
            ours, theirs = f"transformer.{side}.{i}", f"transformer.{side}.layers.{i}"
            way |= {f"{ours}.{part}": Place((f"{theirs}.{name}",)) for part, name in block.items()}
            way |= shares(f"{ours}.attn", f"{theirs}.self_attn")
            if side == "decoder":
                way |= shares(f"{ours}.cross_attn", f"{theirs}.multihead_attn")
    way |= {name: Place((f"backbone.0.body.{name.removeprefix('backbone.')}",)) for name in backbone_layers(model)}
    return Table([way], unfit="" if isinstance(model.backbone, ResNet) else UNFIT)


def backbone_layers(model: DETR) -> list[str]:
    """The names of all layers of the backbone."""
    names = (re.sub(r"\.(weight|bias|running_mean|running_var)$", "", name) for name in model.named_state())
    return [*dict.fromkeys(name for name in names if name.startswith("backbone."))]


def one_by_one(name: str, model: DETR) -> Place:
    """A linear map that is a convolution of 1 x 1 there."""
    return Place((name,), split={"in": (model.input_proj.weight.shape[0], 1, 1)})
