"""The names of transformers for the parts of a :class:`minivit.models.ViT`: its ``ViTForImageClassification``."""

from minivit.layers.sequence import Identity
from minivit.models.vit import ViT
from minivit.weights.places import Place, Table, Way

BODY = {  # names inside "vit.", which is missing in files of ViTModel, the body alone
    "cls_token": "embeddings.cls_token",
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
UNUSED = r"^decoder\.|^(vit\.)?(pooler\.|embeddings\.mask_token)"  # the first is of ViTForMaskedImageModeling
UNFIT = "the ViT of transformers has no norm after pooling: build the model with fc_norm=False"


def table(model: ViT) -> Table:
    kinds = {"layers": BLOCK, "encoder.layer": OLDER_BLOCK}
    return Table(
        [_way(model, body, f"{body}{blocks}", kinds[blocks]) for body in ("vit.", "") for blocks in kinds],
        aside={UNUSED: "ViTForImageClassification of transformers does not use it either"},
        unfit="" if isinstance(model.fc_norm, Identity) else UNFIT,
    )


def _way(model: ViT, body: str, blocks: str, block: dict[str, tuple[str, ...]]) -> Way:
    way = {ours: Place((body + theirs,)) for ours, theirs in BODY.items()} | {"head": Place(("classifier",))}
    for i in range(len(model.blocks)):
        for ours, theirs in block.items():
            way[f"blocks.{i}.{ours}"] = Place(tuple(f"{blocks}.{i}.{name}" for name in theirs))
    return way
