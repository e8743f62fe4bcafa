"""Level 2: parameters, and the wiring of pairs into layers."""

from minivit.layers.attention import CrossAttention, SelfAttention
from minivit.layers.basic import LayerNorm, Linear, Mlp
from minivit.layers.block import Block, PostNormBlock
from minivit.layers.checkpoint import Checkpoint
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.patch_embed import PatchEmbed

__all__ = [
    "Block",
    "Checkpoint",
    "CrossAttention",
    "Layer",
    "LayerNorm",
    "Linear",
    "Mlp",
    "Param",
    "PatchEmbed",
    "PostNormBlock",
    "SelfAttention",
]
