"""Level 2: parameters, and the wiring of pairs into layers."""

from minivit.layers.affine import Affine
from minivit.layers.attention import Attention, SelfAttention
from minivit.layers.attention_conv import AttentionConv
from minivit.layers.attention_decoder import AttentionDecoder
from minivit.layers.attention_stem import AttentionStem
from minivit.layers.augmented_conv import AugmentedConv
from minivit.layers.basic import Activation, GroupNorm, LayerNorm, Linear, Mlp, Relu, RMSNorm
from minivit.layers.batch_norm import BatchNorm, frozen
from minivit.layers.block import Block, PostNormBlock, ResPostNormBlock
from minivit.layers.checkpoint import Checkpoint
from minivit.layers.conv1d import CausalPad, Conv1d
from minivit.layers.conv2d import Conv2d, StdConv2d
from minivit.layers.conv_module import ConvModule
from minivit.layers.conv_transpose import ConvTranspose2d
from minivit.layers.cosine_window_attention import CosineWindowAttention
from minivit.layers.cycle_mlp import CycleFC, CycleMixing
from minivit.layers.decoder_block import DecoderBlock, PostNormDecoderBlock
from minivit.layers.depthwise_mlp import DepthwiseMlp
from minivit.layers.dropout import Dropout, DropPath
from minivit.layers.embedding import Embedding, TokenEmbed, Unembedding
from minivit.layers.gmlp_block import GmlpBlock, SpatialGatingUnit
from minivit.layers.gpt_block import CausalAttention, GPTBlock
from minivit.layers.layer import Layer
from minivit.layers.local_relation import GeometryPrior, LocalRelation, LocalRelationStem
from minivit.layers.log_mel import LogMel
from minivit.layers.mixer_block import MixerBlock
from minivit.layers.mixing_as_conv import channel_mixing_conv, token_mixing_conv
from minivit.layers.mvit_block import MViTBlock
from minivit.layers.non_local import (
    ConcatenationNonLocal,
    DotProductNonLocal,
    Gain,
    GaussianNonLocal,
    NonLocal,
    SAGANAttention,
)
from minivit.layers.palette import Palette
from minivit.layers.param import Param
from minivit.layers.patch_embed import ConvPatchEmbed, OverlappingPatchEmbed, PatchEmbed
from minivit.layers.patch_merging import PatchMerging, PatchMergingV2
from minivit.layers.pool import AdaptiveAvgPool2d, AvgPool2d, FirstToken, MaxPool2d, MeanPool
from minivit.layers.pooling_attention import PoolingAttention
from minivit.layers.positions import LearnedPositions, SinusoidalPositions
from minivit.layers.recurrent import GRU, GRUCell
from minivit.layers.relative_window_attention import RelativeWindowAttention
from minivit.layers.relu_mlp import ReluMlp
from minivit.layers.res_mlp_block import ResMlpBlock
from minivit.layers.residual_conv import BasicBlock, Bottleneck
from minivit.layers.scaled_block import LayerScale, ScaledBlock
from minivit.layers.sequence import (
    Identity,
    run,
    run_backward,
    run_beside,
    run_beside_backward,
    run_keeping,
    run_keeping_backward,
)
from minivit.layers.spatial_reduction import SpatialReductionAttention
from minivit.layers.spatial_shift import SpatialShift, SplitShift
from minivit.layers.split_attention import SplitAttention
from minivit.layers.two_way_block import TwoWayBlock
from minivit.layers.upsampling import LeakyRelu, PixelShuffle, UpConv2d
from minivit.layers.window_attention import AnyWindowAttention, WindowAttention

__all__ = [
    "GRU",
    "Activation",
    "AdaptiveAvgPool2d",
    "Affine",
    "AnyWindowAttention",
    "Attention",
    "AttentionConv",
    "AttentionDecoder",
    "AttentionStem",
    "AugmentedConv",
    "AvgPool2d",
    "BasicBlock",
    "BatchNorm",
    "Block",
    "Bottleneck",
    "CausalAttention",
    "CausalPad",
    "Checkpoint",
    "ConcatenationNonLocal",
    "Conv1d",
    "Conv2d",
    "ConvModule",
    "ConvPatchEmbed",
    "ConvTranspose2d",
    "CosineWindowAttention",
    "CycleFC",
    "CycleMixing",
    "DecoderBlock",
    "DepthwiseMlp",
    "DotProductNonLocal",
    "DropPath",
    "Dropout",
    "Embedding",
    "FirstToken",
    "GPTBlock",
    "GRUCell",
    "Gain",
    "GaussianNonLocal",
    "GeometryPrior",
    "GmlpBlock",
    "GroupNorm",
    "Identity",
    "Layer",
    "LayerNorm",
    "LayerScale",
    "LeakyRelu",
    "LearnedPositions",
    "Linear",
    "LocalRelation",
    "LocalRelationStem",
    "LogMel",
    "MViTBlock",
    "MaxPool2d",
    "MeanPool",
    "MixerBlock",
    "Mlp",
    "NonLocal",
    "OverlappingPatchEmbed",
    "Palette",
    "Param",
    "PatchEmbed",
    "PatchMerging",
    "PatchMergingV2",
    "PixelShuffle",
    "PoolingAttention",
    "PostNormBlock",
    "PostNormDecoderBlock",
    "RMSNorm",
    "RelativeWindowAttention",
    "Relu",
    "ReluMlp",
    "ResMlpBlock",
    "ResPostNormBlock",
    "SAGANAttention",
    "ScaledBlock",
    "SelfAttention",
    "SinusoidalPositions",
    "SpatialGatingUnit",
    "SpatialReductionAttention",
    "SpatialShift",
    "SplitAttention",
    "SplitShift",
    "StdConv2d",
    "TokenEmbed",
    "TwoWayBlock",
    "Unembedding",
    "UpConv2d",
    "WindowAttention",
    "channel_mixing_conv",
    "frozen",
    "run",
    "run_backward",
    "run_beside",
    "run_beside_backward",
    "run_keeping",
    "run_keeping_backward",
    "token_mixing_conv",
]
