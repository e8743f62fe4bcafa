"""The names of transformers for the parts of a :class:`minivit.models.SegFormer`: ``SegformerForSemanticSegmentation``.

Its encoder is one of PVT v2, and :mod:`minivit.weights.tables.hf_pvtv2` has it from here.
"""

from minivit.models.pvt_v2 import PVTv2
from minivit.models.segformer import SegFormer
from minivit.weights.places import Place, Table

BLOCK = {  # names inside stages.0.blocks.0
    "norm1": ("layernorm_before",),
    "attn.q": ("attention.q_proj",),
    "attn.sr": ("attention.sequence_reduction.sequence_reduction",),
    "attn.norm": ("attention.sequence_reduction.layer_norm",),
    "attn.kv": ("attention.k_proj", "attention.v_proj"),
    "attn.proj": ("attention.o_proj",),
    "norm2": ("layernorm_after",),
    "mlp.fc1": ("mlp.fc1",),
    "mlp.dwconv": ("mlp.dwconv.dwconv",),
    "mlp.fc2": ("mlp.fc2",),
}
OLDER_BLOCK = {  # those of the files on the hub, inside encoder.block.0.0
    "norm1": ("layer_norm_1",),
    "attn.q": ("attention.self.query",),
    "attn.sr": ("attention.self.sr",),
    "attn.norm": ("attention.self.layer_norm",),
    "attn.kv": ("attention.self.key", "attention.self.value"),
    "attn.proj": ("attention.output.dense",),
    "norm2": ("layer_norm_2",),
    "mlp.fc1": ("mlp.dense1",),
    "mlp.dwconv": ("mlp.dwconv.dwconv",),
    "mlp.fc2": ("mlp.dense2",),
}
NEWER = {"patches": "stages.{}.patch_embeddings", "block": "stages.{}.blocks.{}", "norm": "stages.{}.layer_norm"}
OLDER = {"patches": "encoder.patch_embeddings.{}", "block": "encoder.block.{}.{}", "norm": "encoder.layer_norm.{}"}


def table(model: SegFormer) -> Table:
    return Table([way | _decoder(model, projections) for way, projections in encoders(model)])


def encoders(model: SegFormer | PVTv2) -> list[tuple[dict[str, Place], str]]:
    """Ways of writing the encoder, in a whole model or alone (``SegformerModel``); what each calls the projections."""
    return [
        (_encoder(model, "segformer.", NEWER, BLOCK), "linear_projections"),
        (_encoder(model, "segformer.", OLDER, OLDER_BLOCK), "linear_c"),
        (_encoder(model, "", NEWER, BLOCK), "linear_projections"),
    ]


def _encoder(
    model: SegFormer | PVTv2, body: str, names: dict[str, str], block: dict[str, tuple[str, ...]]
) -> dict[str, Place]:
    way = {}
    for i, stage in enumerate(model.stages):
        patches = "patch_embed" if i == 0 else f"stages.{i}.downsample"
        theirs = body + names["patches"].format(i)
        way |= {
            f"{patches}.proj": Place((f"{theirs}.proj",)),
            f"{patches}.norm": Place((f"{theirs}.layer_norm",)),
            f"stages.{i}.norm": Place((body + names["norm"].format(i),)),
        }
        for j in range(len(stage.blocks)):
            theirs = body + names["block"].format(i, j)
            for part, parts in block.items():
                way[f"stages.{i}.blocks.{j}.{part}"] = Place(tuple(f"{theirs}.{name}" for name in parts))
    return way


def _decoder(model: SegFormer, projections: str) -> dict[str, Place]:
    head = "decode_head"
    way = {f"{head}.{part}": Place((f"{head}.{part}",)) for part in ("linear_fuse", "batch_norm", "classifier")}
    for i in range(len(model.stages)):
        way[f"{head}.linear_projections.{i}"] = Place((f"{head}.{projections}.{i}.proj",))
    return way
