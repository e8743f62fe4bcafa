"""The names of transformers for the parts of a :class:`minivit.models.ViT`: its ``ViTForImageClassification``.

Of a distilled one they are those of ``DeiTForImageClassificationWithTeacher``.
"""

from collections.abc import Mapping

from minivit.layers.sequence import Identity
from minivit.models.vit import ViT
from minivit.weights.places import Place, Table, Way

BODY = {  # names inside "vit." or "deit.", which is missing in files of the body alone
    "cls_token": "embeddings.cls_token",
    "dist_token": "embeddings.distillation_token",
    "pos_embed": "embeddings.position_embeddings",
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "norm": "layernorm",
}
BLOCK = {  # names inside layers.0
    "norm1": ("layernorm_before",),
    "attn.qkv": ("attention.q_proj", "attention.k_proj", "attention.v_proj"),
    "attn.proj": ("attention.o_proj",),
    "norm2": ("layernorm_after",),
    "mlp.fc1": ("mlp.fc1",),
    "mlp.fc2": ("mlp.fc2",),
}
OLDER_BLOCK = {  # names inside encoder.layer.0: those of most files on the hub
    "norm1": ("layernorm_before",),
    "attn.qkv": ("attention.attention.query", "attention.attention.key", "attention.attention.value"),
    "attn.proj": ("attention.output.dense",),
    "norm2": ("layernorm_after",),
    "mlp.fc1": ("intermediate.dense",),
    "mlp.fc2": ("output.dense",),
}
BLOCKS = {"layers": BLOCK, "encoder.layer": OLDER_BLOCK}
UNUSED = r"^decoder\.|^((vit|deit)\.)?(pooler\.|embeddings\.mask_token)"  # the first is of ViTForMaskedImageModeling
UNFIT = "the ViT of transformers has no norm after pooling: build the model with fc_norm=False"


def table(model: ViT) -> Table:
    distilled = model.head_dist is not None
    head = {"head": "cls_classifier", "head_dist": "distillation_classifier"} if distilled else {"head": "classifier"}
    return Table(
        ways("deit." if distilled else "vit.", BODY, head, len(model.blocks)),
        aside={UNUSED: "ViTForImageClassification of transformers does not use it either"},
        unfit="" if isinstance(model.fc_norm, Identity) else UNFIT,
    )


def ways(name: str, body: Mapping[str, str], head: Mapping[str, str], depth: int) -> list[Way]:
    """How files of a Transformer on patches are written: with its name in front of the body or not, newer and older."""
    return [
        {ours: Place((theirs,)) for ours, theirs in head.items()}
        | {ours: Place((front + theirs,)) for ours, theirs in body.items()}
        | {
            f"blocks.{i}.{ours}": Place(tuple(f"{front}{blocks}.{i}.{part}" for part in theirs))
            for i in range(depth)
            for ours, theirs in block.items()
        }
        for front in (name, "")
        for blocks, block in BLOCKS.items()
    ]
