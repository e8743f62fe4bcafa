"""The official names for the parts of a :class:`minivit.models.SAM`: its ``Sam``.

Source: the repository facebookresearch/segment-anything. Its image encoder has timm's names, but for the MLPs.
"""

import re

from minivit.models.sam import SAM
from minivit.weights.places import Place, Table

MLP = re.compile(r"\bmlp\.fc([12])\b")
ATTENTION = re.compile(r"\b(\w*attn\w*)\.([qkv]|proj)\b")


def table(model: SAM) -> Table:
    return Table([{ours: Place((theirs,)) for ours, theirs in official_names(model).items()}])


def official_names(model: SAM) -> dict[str, str]:
    """{name of our layer, or of an array that is no layer's: the official one}"""
    names = {}
    for name in model.named_state():
        layer = name.removesuffix(".weight").removesuffix(".bias")
        names[layer] = _renamed(layer)
    return names


def _renamed(name: str) -> str:
    name = MLP.sub(r"mlp.lin\1", name)
    if name.startswith("mask_decoder."):
        name = ATTENTION.sub(lambda it: f"{it[1]}.{'out' if it[2] == 'proj' else it[2]}_proj", name)
    if name == "prompt_encoder.frequencies":
        return "prompt_encoder.pe_layer.positional_encoding_gaussian_matrix"
    if re.search(r"(_token|_tokens|_embed|point_embeddings\.\d)$", name) and not name.startswith("image_encoder."):
        name += ".weight"
    return name
