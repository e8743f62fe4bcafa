"""timm's names for the parts of a :class:`minivit.models.ModifiedResNet`: its ``resnet50_clip``, which is a ByobNet."""

from minivit.models.modified_resnet import ModifiedResNet
from minivit.weights.places import Place, Table

STEM = {
    "conv1.conv1": "stem.conv1.conv",
    "conv1.bn1": "stem.conv1.bn",
    "conv1.conv2": "stem.conv2.conv",
    "conv1.bn2": "stem.conv2.bn",
    "conv1.conv3": "stem.conv3.conv",
    "bn1": "stem.conv3.bn",
    "pool.attn.q": "head.q",
    "pool.attn.k": "head.k",
    "pool.attn.v": "head.v",
    "pool.attn.proj": "head.proj",
}
BLOCK = {
    "conv1": "conv1_1x1.conv",
    "bn1": "conv1_1x1.bn",
    "conv2": "conv2_kxk.conv",
    "bn2": "conv2_kxk.bn",
    "conv3": "conv3_1x1.conv",
    "bn3": "conv3_1x1.bn",
    "downsample.1": "shortcut.conv.conv",
    "downsample.2": "shortcut.conv.bn",
}
NO_WAY_BACK = "timm calls the parts of this network otherwise, and its weights are only loaded"


def table(model: ModifiedResNet) -> Table:
    way = {ours: Place((theirs,)) for ours, theirs in STEM.items()} | {"pool.pos_embed": Place(("head.pos_embed",))}
    for i in range(4):
        for j in range(len(getattr(model, f"layer{i + 1}"))):
            way |= {f"layer{i + 1}.{j}.{part}": Place((f"stages.{i}.{j}.{name}",)) for part, name in BLOCK.items()}
    return Table([way], no_way_back=NO_WAY_BACK)
