"""The names of transformers for a :class:`minivit.models.UPerNet`: its ``UperNetForSemanticSegmentation`` on a Swin."""

import re

from minivit.models.upernet import UPerNet
from minivit.weights.places import Place, Table, Way, unfit
from minivit.weights.tables.hf_swin import ASIDE, BLOCK, OLDER_BLOCK, way_of

THEIRS = {"decode_head": "upernet", "relative_position": "bias", "shifted": True}
UNUSED = {r"^backbone\.(swin\.)?layernorm\.": "SwinBackbone of transformers does not use it either"}


def table(model: UPerNet) -> Table:
    return Table(
        [
            {**way_of(model, body, block), **_heads(model)}
            for body, block in (("backbone.swin.", BLOCK), ("backbone.", OLDER_BLOCK))
        ],
        aside={**ASIDE, **UNUSED},
        unfit=unfit(model, THEIRS),
    )


def _heads(model: UPerNet) -> Way:
    """Norms of the maps, and both heads, which are called as ours but for the branches of the pyramid pooling."""
    way = {f"norms.{i}": Place((f"backbone.hidden_states_norms.stage{i + 1}",)) for i in range(len(model.norms))}
    for name in model.named_state():
        ours, _, _ = name.rpartition(".")
        if ours.startswith(model.head_names):
            way[ours] = Place((re.sub(r"(?<=\.psp_modules\.)(\d+)\.conv", r"\1.1", ours),))
    return way
