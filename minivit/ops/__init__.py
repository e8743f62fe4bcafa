"""Level 1, the mathematics: pairs of plain functions on arrays, ``NAME_forward`` and ``NAME_backward``."""

from minivit.ops.activations import (
    gelu_backward,
    gelu_forward,
    gelu_tanh_backward,
    gelu_tanh_forward,
    relu_backward,
    relu_forward,
    sigmoid_backward,
    sigmoid_forward,
)
from minivit.ops.attention import attention_backward, attention_forward, attention_loops, attention_one_loop
from minivit.ops.attention_chunked import attention_chunked_backward, attention_chunked_forward
from minivit.ops.conv import conv2d_backward, conv2d_forward, conv2d_loops, conv2d_places
from minivit.ops.dropout import drop_path_backward, drop_path_forward, dropout_backward, dropout_forward
from minivit.ops.heads import merge_heads_backward, merge_heads_forward, split_heads_backward, split_heads_forward
from minivit.ops.layer_norm import (
    layer_norm_backward,
    layer_norm_forward,
    layer_norm_sample_backward,
    layer_norm_sample_forward,
)
from minivit.ops.linear import linear_backward, linear_forward
from minivit.ops.losses import (
    cross_entropy_backward,
    cross_entropy_forward,
    distillation_backward,
    distillation_forward,
    l1_backward,
    l1_forward,
    mse_backward,
    mse_forward,
    one_hot,
)
from minivit.ops.patches import patchify_backward, patchify_forward, unpatchify_backward, unpatchify_forward
from minivit.ops.pool import (
    avg_pool2d_backward,
    avg_pool2d_forward,
    max_pool2d_backward,
    max_pool2d_forward,
    mean_pool_backward,
    mean_pool_forward,
)
from minivit.ops.positions import (
    add_positions_backward,
    add_positions_forward,
    prepend_token_backward,
    prepend_token_forward,
    sincos_positions_1d,
    sincos_positions_2d,
)
from minivit.ops.registry import OPS, Op
from minivit.ops.resize import resize_backward, resize_forward, resize_matrix
from minivit.ops.softmax import log_softmax_backward, log_softmax_forward, softmax_backward, softmax_forward

__all__ = [
    "OPS",
    "Op",
    "add_positions_backward",
    "add_positions_forward",
    "attention_backward",
    "attention_chunked_backward",
    "attention_chunked_forward",
    "attention_forward",
    "attention_loops",
    "attention_one_loop",
    "avg_pool2d_backward",
    "avg_pool2d_forward",
    "conv2d_backward",
    "conv2d_forward",
    "conv2d_loops",
    "conv2d_places",
    "cross_entropy_backward",
    "cross_entropy_forward",
    "distillation_backward",
    "distillation_forward",
    "drop_path_backward",
    "drop_path_forward",
    "dropout_backward",
    "dropout_forward",
    "gelu_backward",
    "gelu_forward",
    "gelu_tanh_backward",
    "gelu_tanh_forward",
    "l1_backward",
    "l1_forward",
    "layer_norm_backward",
    "layer_norm_forward",
    "layer_norm_sample_backward",
    "layer_norm_sample_forward",
    "linear_backward",
    "linear_forward",
    "log_softmax_backward",
    "log_softmax_forward",
    "max_pool2d_backward",
    "max_pool2d_forward",
    "mean_pool_backward",
    "mean_pool_forward",
    "merge_heads_backward",
    "merge_heads_forward",
    "mse_backward",
    "mse_forward",
    "one_hot",
    "patchify_backward",
    "patchify_forward",
    "prepend_token_backward",
    "prepend_token_forward",
    "relu_backward",
    "relu_forward",
    "resize_backward",
    "resize_forward",
    "resize_matrix",
    "sigmoid_backward",
    "sigmoid_forward",
    "sincos_positions_1d",
    "sincos_positions_2d",
    "softmax_backward",
    "softmax_forward",
    "split_heads_backward",
    "split_heads_forward",
    "unpatchify_backward",
    "unpatchify_forward",
]
