"""The costs that papers and lectures write down in closed form, as functions on whole numbers.

They are for reading and teaching; what a model really costs is counted where it is computed. MACs are multiplications
with their additions, those of matrix products and convolutions; a FLOP is half of one. Elementwise work is not in them.
"""

from minivit.cost.formulas.attention import (
    attention_bytes,
    attention_entries,
    msa_macs,
    num_tokens,
    window_attention_entries,
    window_msa_macs,
)
from minivit.cost.formulas.conv import conv_macs, conv_params
from minivit.cost.formulas.hardware import flops_per_dollar, memory_bandwidth, peak_flops
from minivit.cost.formulas.language import language_model_params
from minivit.cost.formulas.mixer import mixer_macs, mixer_params, token_mixing_macs, token_mixing_params
from minivit.cost.formulas.resnet import resnet_macs, resnet_params
from minivit.cost.formulas.sequence import (
    SequenceCost,
    convolution_layer,
    recurrent_layer,
    restricted_self_attention_layer,
    self_attention_layer,
)
from minivit.cost.formulas.swin import swin_macs, swin_params
from minivit.cost.formulas.vit import attention_share, block_params, encoder_macs, vit_macs, vit_params
