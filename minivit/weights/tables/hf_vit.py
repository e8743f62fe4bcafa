"""The names of transformers for the parts of a :class:`minivit.models.ViT`: its ``ViTForImageClassification``.

Of a distilled one they are those of ``DeiTForImageClassificationWithTeacher``, of one with LayerScale those of
``Dinov2Model`` and ``Dinov2ForImageClassification``.
"""

from collections.abc import Iterable, Mapping

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
BLOCKS = (("layers", BLOCK), ("encoder.layer", OLDER_BLOCK))
OF_BOTH_DINOV2 = {
    "norm1": ("norm1",),
    "ls1.gamma": ("layer_scale1.lambda1",),
    "norm2": ("norm2",),
    "mlp.fc1": ("mlp.fc1",),
    "mlp.fc2": ("mlp.fc2",),
    "ls2.gamma": ("layer_scale2.lambda1",),
}
ATTENTION = ("attn.qkv", "attn.proj")
DINOV2_BLOCKS = tuple(
    ("encoder.layer", {**OF_BOTH_DINOV2, **{part: block[part] for part in ATTENTION}}) for block in (BLOCK, OLDER_BLOCK)
)
UNUSED = r"^decoder\.|^((vit|deit)\.)?(pooler\.|embeddings\.mask_token)"  # the first is of ViTForMaskedImageModeling
UNFIT = "the ViT of transformers has no norm after pooling: build the model with fc_norm=False"
UNFIT_PREFIX = (
    "transformers add a position to the class token and none to registers, timm none to either (no_embed_class) or one "
    "to both: load timm's file of these weights by load_timm"
)
UNFIT_DISTILLED = "transformers have no distilled model with LayerScale: build the model with init_values=None"
HEAD_OF_DINOV2 = (
    "the classifier of transformers' DINOv2 reads class token and mean of the patches beside each other, this model's "
    "head one of them: without a head (num_classes=0) its weights can be given"
)


def table(model: ViT) -> Table:
    distilled = model.head_dist is not None
    unfit = "" if isinstance(model.fc_norm, Identity) else UNFIT
    if model.reg_token or model.without_position:
        unfit = UNFIT_PREFIX
    if model.config.get("init_values") is not None:
        return Table(
            ways("dinov2.", BODY, {"head": "classifier"}, len(model.blocks), DINOV2_BLOCKS),
            aside={r"embeddings\.mask_token$": "it stood for patches that were hidden in training"},
            unfit=UNFIT_DISTILLED if distilled else unfit,
            no_way_back="" if isinstance(model.head, Identity) else HEAD_OF_DINOV2,
        )
    head = {"head": "cls_classifier", "head_dist": "distillation_classifier"} if distilled else {"head": "classifier"}
    return Table(
        ways("deit." if distilled else "vit.", BODY, head, len(model.blocks)),
        aside={UNUSED: "ViTForImageClassification of transformers does not use it either"},
        unfit=unfit,
    )


def ways(
    name: str,
    body: Mapping[str, str],
    head: Mapping[str, str],
    depth: int,
    kinds: Iterable[tuple[str, Mapping[str, tuple[str, ...]]]] = BLOCKS,
) -> list[Way]:
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
        for blocks, block in kinds
    ]
