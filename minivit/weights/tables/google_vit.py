"""Google's names for the parts of a :class:`minivit.models.ViT`."""

from minivit.layers.sequence import Identity
from minivit.models.vit import ViT
from minivit.weights.places import Place, Table

UNFIT = "Google's Vision Transformer normalises before pooling: build the model with fc_norm=False"


def table(model: ViT) -> Table:
    D, H = model.config["embed_dim"], model.config["num_heads"]
    heads = (H, D // H)
    way = {
        "cls_token": Place(("cls",)),
        "pos_embed": Place(("Transformer/posembed_input/pos_embedding",)),
        "patch_embed.proj": Place(("embedding",)),
        "norm": Place(("Transformer/encoder_norm",)),
        "head": Place(("head",)),
    }
    for i in range(len(model.blocks)):
        theirs = f"Transformer/encoderblock_{i}"
        attention = f"{theirs}/MultiHeadDotProductAttention_1"
        qkv = (f"{attention}/query", f"{attention}/key", f"{attention}/value")
        way |= {
            f"blocks.{i}.norm1": Place((f"{theirs}/LayerNorm_0",)),
            f"blocks.{i}.attn.qkv": Place(qkv, split={"out": heads}),
            f"blocks.{i}.attn.proj": Place((f"{attention}/out",), split={"in": heads}),
            f"blocks.{i}.norm2": Place((f"{theirs}/LayerNorm_2",)),
            f"blocks.{i}.mlp.fc1": Place((f"{theirs}/MlpBlock_3/Dense_0",)),
            f"blocks.{i}.mlp.fc2": Place((f"{theirs}/MlpBlock_3/Dense_1",)),
        }
    return Table(
        [way],
        aside={
            "^pre_logits/": "Google's own loader drops this layer, too; the checkpoint's head was trained behind it"
        },
        trained_with={"act_layer": "gelu_tanh", "norm_eps": 1e-6},
        unfit="" if isinstance(model.fc_norm, Identity) else UNFIT,
    )
