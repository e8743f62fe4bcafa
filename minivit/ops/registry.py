"""The list of all ops. What checks, tests, lectures and exercises say about "every op" they say by this list."""

from collections.abc import Callable
from typing import NamedTuple

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
from minivit.ops.attention import attention_backward, attention_forward
from minivit.ops.attention_chunked import attention_chunked_backward, attention_chunked_forward
from minivit.ops.conv import conv2d_backward, conv2d_forward
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
)
from minivit.ops.resize import resize_backward, resize_forward
from minivit.ops.softmax import log_softmax_backward, log_softmax_forward, softmax_backward, softmax_forward


class Op(NamedTuple):
    """A pair: ``y, cache = forward(...)`` and ``grads = backward(dy, cache)``."""

    forward: Callable
    backward: Callable


OPS: dict[str, Op] = {
    "linear": Op(linear_forward, linear_backward),
    "relu": Op(relu_forward, relu_backward),
    "gelu": Op(gelu_forward, gelu_backward),
    "gelu_tanh": Op(gelu_tanh_forward, gelu_tanh_backward),
    "sigmoid": Op(sigmoid_forward, sigmoid_backward),
    "softmax": Op(softmax_forward, softmax_backward),
    "log_softmax": Op(log_softmax_forward, log_softmax_backward),
    "layer_norm": Op(layer_norm_forward, layer_norm_backward),
    "layer_norm_sample": Op(layer_norm_sample_forward, layer_norm_sample_backward),
    "attention": Op(attention_forward, attention_backward),
    "attention_chunked": Op(attention_chunked_forward, attention_chunked_backward),
    "split_heads": Op(split_heads_forward, split_heads_backward),
    "merge_heads": Op(merge_heads_forward, merge_heads_backward),
    "dropout": Op(dropout_forward, dropout_backward),
    "drop_path": Op(drop_path_forward, drop_path_backward),
    "conv2d": Op(conv2d_forward, conv2d_backward),
    "patchify": Op(patchify_forward, patchify_backward),
    "unpatchify": Op(unpatchify_forward, unpatchify_backward),
    "mean_pool": Op(mean_pool_forward, mean_pool_backward),
    "avg_pool2d": Op(avg_pool2d_forward, avg_pool2d_backward),
    "max_pool2d": Op(max_pool2d_forward, max_pool2d_backward),
    "resize": Op(resize_forward, resize_backward),
    "add_positions": Op(add_positions_forward, add_positions_backward),
    "prepend_token": Op(prepend_token_forward, prepend_token_backward),
    "cross_entropy": Op(cross_entropy_forward, cross_entropy_backward),
    "mse": Op(mse_forward, mse_backward),
    "l1": Op(l1_forward, l1_backward),
    "distillation": Op(distillation_forward, distillation_backward),
}
