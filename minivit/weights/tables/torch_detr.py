"""The official names for the parts of a :class:`minivit.models.DETR`, from the repository facebookresearch/detr.

Its ResNets are torchvision's, the parts of which have timm's names.
"""

import re

from minivit.models.detr import DETR
from minivit.models.resnet import ResNet
from minivit.weights.places import Place, Table, Way

BLOCK = {
    "norm1": "norm1",
    "norm2": "norm2",
    "norm3": "norm3",
    "attn.proj": "self_attn.out_proj",
    "cross_attn.proj": "multihead_attn.out_proj",
    "mlp.fc1": "linear1",
    "mlp.fc2": "linear2",
}
ATTENTION = {"attn": "self_attn", "cross_attn": "multihead_attn"}
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
    for side in ("encoder", "decoder"):
        for i in range(model.config[f"{side}_depth"]):
            ours, theirs = f"transformer.{side}.{i}", f"transformer.{side}.layers.{i}"
            way |= {
                f"{ours}.{part}": Place((f"{theirs}.{name}",))
                for part, name in BLOCK.items()
                if side == "decoder" or part not in ("norm3", "cross_attn.proj")
            }
            for part, name in ATTENTION.items():
                if side == "decoder" or part == "attn":
                    way |= _shares(f"{ours}.{part}", f"{theirs}.{name}")
    way |= {name: Place((f"backbone.0.body.{name.removeprefix('backbone.')}",)) for name in backbone_layers(model)}
    return Table([way], unfit="" if isinstance(model.backbone, ResNet) else UNFIT)


def backbone_layers(model: DETR) -> list[str]:
    """The names of all layers of the backbone."""
    names = (re.sub(r"\.(weight|bias|running_mean|running_var)$", "", name) for name in model.named_state())
    return [*dict.fromkeys(name for name in names if name.startswith("backbone."))]


def one_by_one(name: str, model: DETR) -> Place:
    """A linear map that is a convolution of 1 x 1 there."""
    return Place((name,), split={"in": (model.input_proj.weight.shape[0], 1, 1)})


def _shares(ours: str, theirs: str) -> Way:
    """The matrices of queries, keys and values are the three parts of one."""
    return {
        f"{ours}.{layer}.{kind}": Place((f"{theirs}.in_proj_{kind}",), share=(i, 3))
        for i, layer in enumerate("qkv")
        for kind in ("weight", "bias")
    }
