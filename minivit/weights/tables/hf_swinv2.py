"""The names of transformers for the parts of a :class:`minivit.models.SwinV2`: its ``Swinv2ForImageClassification``."""

from minivit.layers.swin_stage import SwinStage, fit_windows
from minivit.models.swin_v2 import SwinV2
from minivit.types import Size
from minivit.weights.places import OF_WINDOWS, Table
from minivit.weights.tables.hf_swin import way_of

BLOCK = {  # names inside encoder.layers.0.blocks.0
    "attn.logit_scale": ("attention.self.logit_scale",),
    "attn.cpb_mlp.0": ("attention.self.continuous_position_bias_mlp.0",),
    "attn.cpb_mlp.2": ("attention.self.continuous_position_bias_mlp.2",),
    "attn.qkv": ("attention.self.query", "attention.self.key", "attention.self.value"),
    "attn.q_bias": ("attention.self.query.bias",),
    "attn.v_bias": ("attention.self.value.bias",),
    "attn.proj": ("attention.output.dense",),
    "norm1": ("layernorm_before",),
    "mlp.fc1": ("intermediate.dense",),
    "mlp.fc2": ("output.dense",),
    "norm2": ("layernorm_after",),
}
ASIDE = {
    r"relative_position_index$|relative_coords_table$": OF_WINDOWS,
    r"^decoder\.|embeddings\.mask_token": "Swinv2ForImageClassification of transformers does not use it either",
}
UNFIT = (
    "transformers fill up maps that windows do not divide before they are rolled, take square windows, and fit these "
    "to maps whose odd sides were halved and cut off: this model does it as timm"
)


def table(model: SwinV2) -> Table:
    return Table(
        [way_of(model, body, BLOCK) for body in ("swinv2.", "")],
        aside=ASIDE,
        unfit=UNFIT if _cut_otherwise(model) else "",
    )


def _cut_otherwise(model: SwinV2) -> bool:
    """Whether transformers would cut a map of this model in another way."""
    Y, X = model.grid_size
    window_size = model.config["window_size"]
    return any(
        _differ(stage, (Y // 2**i, X // 2**i), window_size) for i, stage in enumerate(model.layers) if stage.blocks
    )


def _differ(stage: SwinStage, their_size: tuple[int, int], window_size: Size) -> bool:
    """They know square windows alone; where blocks move them, by the same way down and right, and fill up before.

    They fit window and shift to the rows of ``their_size``, the grid halved and cut off. Merging rounds up, so there
    may be more.
    """
    (M, L), (down, right) = fit_windows(stage.map_size, window_size, "timm")
    (their_window, _), (their_shift, _) = fit_windows(their_size, window_size, "timm")
    filled_up = any(side % M for side in stage.map_size)
    moves = len(stage.blocks) > 1
    return not M == L == their_window or (moves and (not down == right == their_shift or (filled_up and down > 0)))
