"""Google's names for the parts of a :class:`minivit.models.Mixer`."""

from minivit.models.mixer import Mixer
from minivit.weights.places import Place, Table

BLOCK = {  # names inside MixerBlock_0
    "norm1": "LayerNorm_0",
    "mlp_tokens.fc1": "token_mixing/Dense_0",
    "mlp_tokens.fc2": "token_mixing/Dense_1",
    "norm2": "LayerNorm_1",
    "mlp_channels.fc1": "channel_mixing/Dense_0",
    "mlp_channels.fc2": "channel_mixing/Dense_1",
}


def table(model: Mixer) -> Table:
    way = {"stem.proj": Place(("stem",)), "norm": Place(("pre_head_layer_norm",)), "head": Place(("head",))}
    for i in range(len(model.blocks)):
        way |= {f"blocks.{i}.{ours}": Place((f"MixerBlock_{i}/{theirs}",)) for ours, theirs in BLOCK.items()}
    return Table([way], trained_with={"act_layer": "gelu_tanh", "norm_eps": 1e-6})
