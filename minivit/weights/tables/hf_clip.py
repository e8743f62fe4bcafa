"""The names of transformers for the parts of a :class:`minivit.models.CLIP`: its ``CLIPModel``."""

from minivit.models.clip import CLIP
from minivit.models.vit import ViT
from minivit.weights.places import Place, Table, Way

BLOCK = {  # names inside encoder.layers.0, of both towers
    "norm1": ("layer_norm1",),
    "attn.qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "attn.proj": ("self_attn.out_proj",),
    "norm2": ("layer_norm2",),
    "mlp.fc1": ("mlp.fc1",),
    "mlp.fc2": ("mlp.fc2",),
}
ASIDE = {r"position_ids$": "they are the numbers of the places, not learned"}
UNFIT = "the CLIP of transformers has a ViT for images: that of OpenAI has a ResNet, too, see load_torch"


def table(model: CLIP) -> Table:
    visual = "vision_model.embeddings"
    way: dict[str, Place] = {
        "visual.cls_token": Place((f"{visual}.class_embedding",), split={"batch": (), "token": ()}),
        "visual.pos_embed": Place((f"{visual}.position_embedding.weight",), split={"batch": ()}),
        "visual.patch_embed.proj": Place((f"{visual}.patch_embedding",)),
        "visual.norm_pre": Place(("vision_model.pre_layrnorm",)),  # they spell it so
        "visual.norm": Place(("vision_model.post_layernorm",)),
        "visual_proj": Place(("visual_projection",)),
        "text.embed": Place(("text_model.embeddings.token_embedding",)),
        "text.positions.table": Place(("text_model.embeddings.position_embedding.weight",)),
        "text.norm": Place(("text_model.final_layer_norm",)),
        "text_proj": Place(("text_projection",)),
        "logit_scale": Place(("logit_scale",)),
    }
    if not isinstance(model.visual, ViT):
        return Table([way], unfit=UNFIT)
    way |= _blocks("visual", "vision_model", len(model.visual.blocks))
    way |= _blocks("text", "text_model", len(model.text.blocks))
    return Table([way], aside=ASIDE)


def _blocks(ours: str, theirs: str, depth: int) -> Way:
    return {
        f"{ours}.blocks.{i}.{part}": Place(tuple(f"{theirs}.encoder.layers.{i}.{name}" for name in names))
        for i in range(depth)
        for part, names in BLOCK.items()
    }
