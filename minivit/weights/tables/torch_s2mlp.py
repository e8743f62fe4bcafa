"""The names of Jittor-MLP's PyTorch models for the parts of a :class:`minivit.models.S2MLP`."""

from minivit.models.s2_mlp import S2MLP
from minivit.weights.places import Place, Table

SHIFT = {"attn.fc1": "0.fn.0", "attn.fc2": "0.fn.3"}
SPLIT = {
    "attn.mlp1": "0.fn.mlp1",
    "attn.split_attention.fc1": "0.fn.split_attention.mlp1",
    "attn.split_attention.fc2": "0.fn.split_attention.mlp2",
    "attn.mlp2": "0.fn.mlp2",
}
BLOCK = {"norm1": "0.norm", "norm2": "1.norm", "mlp.fc1": "1.fn.0", "mlp.fc2": "1.fn.3"}


def table(model: S2MLP) -> Table:
    block = BLOCK | (SPLIT if model.config["mixing"] == "split" else SHIFT)
    way = {"head.fc": Place(("mlp_head.1",))}
    for i, stage in enumerate(model.stages):
        way[f"stages.{i}.patch_embed.proj"] = Place((f"stages.{i}.0",))
        for j in range(len(stage.blocks)):
            for ours, theirs in block.items():
                way[f"stages.{i}.blocks.{j}.{ours}"] = Place((f"stages.{i}.1.model.{j}.{theirs}",))
    return Table([way])
