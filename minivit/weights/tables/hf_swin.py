"""The names of transformers for the parts of a :class:`minivit.models.Swin`: its ``SwinForImageClassification``."""

from minivit.layers.swin_stage import fit_windows
from minivit.models.swin import Swin
from minivit.models.upernet import UPerNet
from minivit.types import pair
from minivit.weights.places import OF_WINDOWS, Place, Table, Way, unfit

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
THEIRS = {"relative_position": "bias", "shifted": True, "patch_norm": True}
CUT_OTHERWISE = (
    "transformers cut a map of this model into other windows than timm, because one of its sides fits into a window, "
    'or windows do not divide it: build the model with windows_like="transformers"'
)
ASIDE = {
    r"relative_position_index$": OF_WINDOWS,
    r"^decoder\.|embeddings\.mask_token": "SwinForImageClassification of transformers does not use it either",
}


def table(model: Swin) -> Table:
    return Table(
        [way_of(model, body, block) for body in ("swin.", "") for block in (BLOCK, OLDER_BLOCK)],
        aside=ASIDE,
        unfit=unfit(model, THEIRS) or (CUT_OTHERWISE if _cut_otherwise(model) else ""),
    )


def _cut_otherwise(model: Swin) -> bool:
    """Whether transformers would cut a map of this model in another way."""
    like = model.config["windows_like"]
    if like == "transformers":
        return False
    M, L = pair(model.config["window_size"])
    return M != L or any(
        _differ(stage.map_size, M, like, moves=len(stage.blocks) > 1) for stage in model.layers if stage.blocks
    )


def _differ(map_size: tuple[int, int], window_size: int, like: str, *, moves: bool) -> bool:
    """Where nothing moves, only the window counts; where it does, the shift, and what fills the map up, too."""
    window, shift = fit_windows(map_size, window_size, like)
    their_window, their_shift = fit_windows(map_size, window_size, "transformers")
    filled_up = like == "timm" and any(side % M for side, M in zip(map_size, window, strict=True))  # others do it first
    return window != their_window or (moves and (shift != their_shift or (filled_up and any(shift))))


def way_of(model: Swin | UPerNet, body: str, block: dict[str, tuple[str, ...]]) -> Way:
    """Where each part stands, if those of the body have this prefix, and those of a block these names."""
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
