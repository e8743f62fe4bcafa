"""Google's names for the parts of a :class:`minivit.models.HybridViT`: those of a ViT, and of the ResNet before it."""

from minivit.models.hybrid import HybridViT
from minivit.weights.places import Place, Table
from minivit.weights.tables import google_vit


def table(model: HybridViT) -> Table:
    vit = google_vit.table(model)
    backbone = "patch_embed.backbone"
    way = {f"{backbone}.stem.conv": Place(("conv_root",)), f"{backbone}.stem.norm": Place(("gn_root",))}
    for i, depth in enumerate(model.config["layers"]):
        for j in range(depth):
            ours, theirs = f"{backbone}.stages.{i}.blocks.{j}", f"block{i + 1}/unit{j + 1}"
            way |= {f"{ours}.conv{k}": Place((f"{theirs}/conv{k}",)) for k in (1, 2, 3)}
            way |= {f"{ours}.norm{k}": Place((f"{theirs}/gn{k}",)) for k in (1, 2, 3)}
            way |= {
                f"{ours}.downsample.conv": Place((f"{theirs}/conv_proj",)),
                f"{ours}.downsample.norm": Place((f"{theirs}/gn_proj",)),
            }
    trained_with = {**vit.trained_with, "backbone_like": "google"}
    return vit._replace(ways=[{**vit.ways[0], **way}], trained_with=trained_with)
