"""The names of transformers for the parts of a :class:`minivit.models.DETR`: its ``DetrForObjectDetection``.

The library can have timm's ResNet for a backbone, or its own; the published files have timm's, under the names of older
versions.
"""

import re

from minivit.models.detr import DETR
from minivit.models.resnet import ResNet
from minivit.weights.places import Place, Table, Way
from minivit.weights.tables.torch_detr import backbone_layers, one_by_one

BLOCK = {
    "norm1": "self_attn_layer_norm",
    "attn.q": "self_attn.q_proj",
    "attn.k": "self_attn.k_proj",
    "attn.v": "self_attn.v_proj",
    "attn.proj": "self_attn.o_proj",
    "mlp.fc1": "mlp.fc1",
    "mlp.fc2": "mlp.fc2",
}
ENCODER = BLOCK | {"norm2": "final_layer_norm"}
DECODER = BLOCK | {
    "norm2": "encoder_attn_layer_norm",
    "cross_attn.q": "encoder_attn.q_proj",
    "cross_attn.k": "encoder_attn.k_proj",
    "cross_attn.v": "encoder_attn.v_proj",
    "cross_attn.proj": "encoder_attn.o_proj",
    "norm3": "final_layer_norm",
}
OLDER = {"o_proj": "out_proj", "mlp.fc": "fc"}
BACKBONE = {  # pattern in our name of a layer: what it is in the library's own ResNet
    r"^backbone\.conv1$": "embedder.embedder.convolution",
    r"^backbone\.bn1$": "embedder.embedder.normalization",
    r"^backbone\.layer(\d)\.(\d+)\.conv(\d)$": r"encoder.stages.\1.layers.\2.layer.\3.convolution",
    r"^backbone\.layer(\d)\.(\d+)\.bn(\d)$": r"encoder.stages.\1.layers.\2.layer.\3.normalization",
    r"^backbone\.layer(\d)\.(\d+)\.downsample\.0$": r"encoder.stages.\1.layers.\2.shortcut.convolution",
    r"^backbone\.layer(\d)\.(\d+)\.downsample\.1$": r"encoder.stages.\1.layers.\2.shortcut.normalization",
}
UNFIT = "the DETR of transformers is known here with a ResNet for a backbone, and without norms in front"


def table(model: DETR) -> Table:
    layers = backbone_layers(model)
    timm = {name: name.removeprefix("backbone.") for name in layers}
    own = {name: _in_their_resnet(name) for name in layers}
    ways = [
        _way(model, own, "model.backbone.model"),
        _way(model, timm, "model.backbone.model"),
        _way(model, own, "model.backbone.conv_encoder.model", older=True),
        _way(model, timm, "model.backbone.conv_encoder.model", older=True),
    ]
    fits = isinstance(model.backbone, ResNet) and not model.config["pre_norm"]
    return Table(ways, unfit="" if fits else UNFIT)


def _way(model: DETR, backbone: dict[str, str], place: str, *, older: bool = False) -> Way:
    way: dict[str, Place] = {
        "query_embed": Place(("model.query_position_embeddings.weight",)),
        "transformer.norm": Place(("model.decoder.layernorm",)),
        "class_embed": Place(("class_labels_classifier",)),
        **{f"bbox_embed.layers.{i}": Place((f"bbox_predictor.layers.{i}",)) for i in range(3)},
        "input_proj": Place(("model.input_projection",)),
        "input_proj.weight": one_by_one("model.input_projection.weight", model),
        **{ours: Place((f"{place}.{theirs}",)) for ours, theirs in backbone.items()},
    }
    for side, names in (("encoder", ENCODER), ("decoder", DECODER)):
        for i in range(model.config[f"{side}_depth"]):
            for part, name in names.items():
                for new, old in OLDER.items() if older else ():
                    name = name.replace(new, old)
                way[f"transformer.{side}.{i}.{part}"] = Place((f"model.{side}.layers.{i}.{name}",))
    return way


def _in_their_resnet(name: str) -> str:
    for pattern, theirs in BACKBONE.items():
        if re.match(pattern, name):
            name = re.sub(pattern, theirs, name)
            return re.sub(r"(stages|layer)\.(\d+)\.", lambda it: f"{it[1]}.{int(it[2]) - 1}.", name)  # from 0 on
    return name
