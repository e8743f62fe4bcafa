"""The names of transformers for the parts of a :class:`minivit.models.PVT`: its ``PvtForImageClassification``."""

from functools import partial

from minivit.models.pvt import PVT
from minivit.weights.places import Place, Table, Way
from minivit.weights.tables.timm_pvt import fit_stages

PATCHES = {  # names inside encoder.patch_embeddings.0
    "patch_embed.proj": "projection",
    "patch_embed.norm": "layer_norm",
    "cls_token": "cls_token",
    "pos_embed": "position_embeddings",
}
BLOCK = {  # names inside encoder.block.0.0
    "norm1": ("layer_norm_1",),
    "attn.q": ("attention.self.query",),
    "attn.sr": ("attention.self.sequence_reduction",),
    "attn.norm": ("attention.self.layer_norm",),
    "attn.kv": ("attention.self.key", "attention.self.value"),
    "attn.proj": ("attention.output.dense",),
    "norm2": ("layer_norm_2",),
    "mlp.fc1": ("mlp.dense1",),
    "mlp.fc2": ("mlp.dense2",),
}


def table(model: PVT) -> Table:
    return Table(
        [_way(model, body) for body in ("pvt.", "")],  # PvtModel, the body alone, has nothing in front
        resample={"position": partial(fit_stages, as_many_fit=False)},
    )


def _way(model: PVT, body: str) -> Way:
    way = {"norm": Place((f"{body}encoder.layer_norm",)), "head": Place(("classifier",))}
    for i, stage in enumerate(model.stages):
        for ours, theirs in PATCHES.items():
            way[f"stages.{i}.{ours}"] = Place((f"{body}encoder.patch_embeddings.{i}.{theirs}",))
        for j in range(len(stage.blocks)):
            for part, names in BLOCK.items():
                places = tuple(f"{body}encoder.block.{i}.{j}.{name}" for name in names)
                way[f"stages.{i}.blocks.{j}.{part}"] = Place(places)
    return way
