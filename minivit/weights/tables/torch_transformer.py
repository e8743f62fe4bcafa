"""PyTorch's names for the parts of a :class:`minivit.models.Transformer`: its ``torch.nn.Transformer``."""

from minivit.models.transformer import Transformer
from minivit.weights.places import Place, Table, Way

ENCODER_BLOCK = {
    "norm1": "norm1",
    "attn.proj": "self_attn.out_proj",
    "norm2": "norm2",
    "mlp.fc1": "linear1",
    "mlp.fc2": "linear2",
}
DECODER_BLOCK = ENCODER_BLOCK | {"cross_attn.proj": "multihead_attn.out_proj", "norm3": "norm3"}


def table(model: Transformer) -> Table:
    way: dict[str, Place] = {}
    for side, block in (("encoder", ENCODER_BLOCK), ("decoder", DECODER_BLOCK)):
        way[f"{side}_norm"] = Place((f"{side}.norm",))
        for i in range(model.config[f"{side}_depth"]):
            ours, theirs = f"{side}.{i}", f"{side}.layers.{i}"
            way |= {f"{ours}.{layer}": Place((f"{theirs}.{name}",)) for layer, name in block.items()}
            for kind in ("weight", "bias"):
                way[f"{ours}.attn.qkv.{kind}"] = Place((f"{theirs}.self_attn.in_proj_{kind}",))
            if side == "decoder":
                way |= shares(f"{ours}.cross_attn", f"{theirs}.multihead_attn")
    return Table([way], unfit=_unfit(model))


def shares(ours: str, theirs: str) -> Way:
    """The matrices of queries, keys and values of cross-attention are the three parts of one."""
    return {
        f"{ours}.{layer}.{kind}": Place((f"{theirs}.in_proj_{kind}",), share=(i, 3))
        for i, layer in enumerate("qkv")
        for kind in ("weight", "bias")
    }


def _unfit(model: Transformer) -> str:
    if model.vocab_size:
        return "torch.nn.Transformer has neither embedding nor head: build the model with vocab_size=0"
    if not model.has_final_norm:
        return "torch.nn.Transformer normalises behind its last blocks: build the model with final_norm=True"
    return ""
