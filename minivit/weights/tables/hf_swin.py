"""The names of transformers for the parts of a :class:`minivit.models.Swin`: its ``SwinForImageClassification``."""

from minivit.models.swin import Swin, fit_windows
from minivit.weights.places import Place, Table, Way

BODY = {  # names inside "swin.", which is missing in files of SwinModel, the body alone
    "patch_embed.proj": "embeddings.patch_embeddings.projection",
    "patch_embed.norm": "embeddings.norm",
    "absolute_pos_embed": "embeddings.position_embeddings",
    "norm": "layernorm",
}
BLOCK = {  # names inside encoder.layers.0.blocks.0
    "norm1": ("layernorm_before",),
    "attn.qkv": ("attention.q_proj", "attention.k_proj", "attention.v_proj"),
    "attn.relative_position_bias_table": ("attention.relative_position_bias.relative_position_bias_table",),
    "attn.proj": ("attention.o_proj",),
    "norm2": ("layernorm_after",),
    "mlp.fc1": ("mlp.fc1",),
    "mlp.fc2": ("mlp.fc2",),
}
OLDER_BLOCK = {  # those of most files on the hub
    "norm1": ("layernorm_before",),
    "attn.qkv": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attn.relative_position_bias_table": ("attention.self.relative_position_bias_table",),
    "attn.proj": ("attention.output.dense",),
    "norm2": ("layernorm_after",),
    "mlp.fc1": ("intermediate.dense",),
    "mlp.fc2": ("output.dense",),
}
UNFIT = (
    "windows do not divide every map of this model, and transformers fill maps up in another way than timm: build the "
    'model with windows_like="transformers"'
)
ASIDE = {
    r"relative_position_index$": "it is computed from the window's size, not learned",
    r"^decoder\.|embeddings\.mask_token": "SwinForImageClassification of transformers does not use it either",
}


def table(model: Swin) -> Table:
    return Table(
        [_way(model, body, block) for body in ("swin.", "") for block in (BLOCK, OLDER_BLOCK)],
        aside=ASIDE,
        unfit=UNFIT if _cut_otherwise(model) else "",
    )


def _cut_otherwise(model: Swin) -> bool:
    """Whether transformers would cut a map of this model in another way."""
    window_size, like = model.config["window_size"], model.config["windows_like"]
    sizes = [stage.map_size for stage in model.layers]
    cuts = [(fit_windows(size, window_size, "timm"), size) for size in sizes]
    whole = all(Y % M == X % L == 0 for ((M, L), _), (Y, X) in cuts)
    square = all(M == L for ((M, L), _), _ in cuts)
    return like == "timm" and not (whole and square)


def _way(model: Swin, body: str, block: dict[str, tuple[str, ...]]) -> Way:
    way = {ours: Place((body + theirs,)) for ours, theirs in BODY.items()} | {"head.fc": Place(("classifier",))}
    for i, stage in enumerate(model.layers):
        stages = f"{body}encoder.layers"
        for part in ("norm", "reduction"):
            way[f"layers.{i + 1}.downsample.{part}"] = Place((f"{stages}.{i}.downsample.{part}",))
        for j in range(len(stage.blocks)):
            for ours, theirs in block.items():
                places = tuple(f"{stages}.{i}.blocks.{j}.{name}" for name in theirs)
                way[f"layers.{i}.blocks.{j}.{ours}"] = Place(places)
    return way
