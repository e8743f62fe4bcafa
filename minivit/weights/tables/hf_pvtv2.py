"""The names of transformers for the parts of a :class:`minivit.models.PVTv2`: its ``PvtV2ForImageClassification``.

The encoder of a SegFormer is one, too: ``SegformerForImageClassification``.
"""

from minivit.models.pvt_v2 import PVTv2
from minivit.weights.places import Place, Table
from minivit.weights.tables.hf_segformer import encoders

BLOCK = {  # names inside encoder.layers.0.blocks.0
    "norm1": ("layer_norm_1",),
    "attn.q": ("attention.query",),
    "attn.sr": ("attention.spatial_reduction",),
    "attn.norm": ("attention.layer_norm",),
    "attn.kv": ("attention.key", "attention.value"),
    "attn.proj": ("attention.proj",),
    "norm2": ("layer_norm_2",),
    "mlp.fc1": ("mlp.dense1",),
    "mlp.dwconv": ("mlp.dwconv.dwconv",),
    "mlp.fc2": ("mlp.dense2",),
}

HEAD = {"head": Place(("classifier",))}


def table(model: PVTv2) -> Table:
    ways = [_way(model, body) for body in ("pvt_v2.", "")]  # PvtV2Model, the body alone, has nothing in front
    ways += [] if model.config["linear"] else [way for way, _ in encoders(model)]  # no SegFormer has that attention
    return Table([way | HEAD for way in ways])


def _way(model: PVTv2, body: str) -> dict[str, Place]:
    way = {}
    for i, stage in enumerate(model.stages):
        theirs, ours = f"{body}encoder.layers.{i}", f"stages.{i}"
        patches = "patch_embed" if i == 0 else f"{ours}.downsample"
        way |= {
            f"{patches}.proj": Place((f"{theirs}.patch_embedding.proj",)),
            f"{patches}.norm": Place((f"{theirs}.patch_embedding.layer_norm",)),
            f"{ours}.norm": Place((f"{theirs}.layer_norm",)),
        }
        for j in range(len(stage.blocks)):
            for part, names in BLOCK.items():
                way[f"{ours}.blocks.{j}.{part}"] = Place(tuple(f"{theirs}.blocks.{j}.{name}" for name in names))
    return way
