"""OpenAI's names for the parts of a :class:`minivit.models.CLIP`; open_clip has the same."""

from minivit.models.clip import CLIP
from minivit.models.vit import ViT
from minivit.weights.places import Place, Table, Way

BLOCK = {  # names inside resblocks.0, of both towers
    "norm1": "ln_1",
    "attn.proj": "attn.out_proj",
    "norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}
STEM = {
    "conv1.conv1": "conv1",
    "conv1.bn1": "bn1",
    "conv1.conv2": "conv2",
    "conv1.bn2": "bn2",
    "conv1.conv3": "conv3",
    "bn1": "bn3",
}
POOL = {
    "pool.attn.q": "attnpool.q_proj",
    "pool.attn.k": "attnpool.k_proj",
    "pool.attn.v": "attnpool.v_proj",
    "pool.attn.proj": "attnpool.c_proj",
}
CONVS = ("conv1", "bn1", "conv2", "bn2", "conv3", "bn3")
ASIDE = {"^(input_resolution|context_length|vocab_size)$": "they are options, not learned"}


def table(model: CLIP) -> Table:
    way: dict[str, Place] = {
        "text.embed": Place(("token_embedding",)),
        "text.positions.table": Place(("positional_embedding",)),
        "text.norm": Place(("ln_final",)),
        "text_proj.weight": Place(("text_projection",), as_ours=True),
        "logit_scale": Place(("logit_scale",)),
        **_blocks("text", "transformer", len(model.text.blocks)),
    }
    way |= _vit(model.visual) if isinstance(model.visual, ViT) else _resnet(model.visual)
    return Table([way], aside=ASIDE)


def _vit(visual: ViT) -> Way:
    return {
        "visual.cls_token": Place(("visual.class_embedding",), split={"batch": (), "token": ()}),
        "visual.pos_embed": Place(("visual.positional_embedding",), split={"batch": ()}),
        "visual.patch_embed.proj": Place(("visual.conv1",)),
        "visual.norm_pre": Place(("visual.ln_pre",)),
        "visual.norm": Place(("visual.ln_post",)),
        "visual_proj.weight": Place(("visual.proj",), as_ours=True),
        **_blocks("visual", "visual.transformer", len(visual.blocks)),
    }


def _resnet(visual: object) -> Way:
    way = {"visual.pool.pos_embed": Place(("visual.attnpool.positional_embedding",))}
    way |= {f"visual.{ours}": Place((f"visual.{theirs}",)) for ours, theirs in (STEM | POOL).items()}
    for name in ("layer1", "layer2", "layer3", "layer4"):
        for i in range(len(getattr(visual, name))):
            place = f"visual.{name}.{i}"
            way |= {f"{place}.{part}": Place((f"{place}.{part}",)) for part in CONVS}
            # the pooling in front of the convolution has a number here, and none there
            way |= {f"{place}.downsample.{j}": Place((f"{place}.downsample.{j - 1}",)) for j in (1, 2)}
    return way


def _blocks(ours: str, theirs: str, depth: int) -> Way:
    way = {}
    for i in range(depth):
        block, its = f"{ours}.blocks.{i}", f"{theirs}.resblocks.{i}"
        way |= {f"{block}.{part}": Place((f"{its}.{name}",)) for part, name in BLOCK.items()}
        way |= {f"{block}.attn.qkv.{kind}": Place((f"{its}.attn.in_proj_{kind}",)) for kind in ("weight", "bias")}
    return way
