from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers.augmented_conv import AugmentedConv
from minivit.ops import attention_loops, conv2d_forward

RNG = np.random.default_rng(0)
MAPS = RNG.standard_normal((2, 5, 4, 3))
OPTIONS: dict[str, Any] = {"dk": 6, "dv": 4, "num_heads": 2}


@pytest.mark.parametrize(
    "options",
    [
        {"map_size": (5, 4)},
        {"map_size": (3, 2), "stride": 2},
        {"qkv_kernel_size": 3, "num_heads": 1},
        {"kernel_size": 5},
    ],
    ids=str,
)
def test_gradients(options):
    check_layer(AugmentedConv(3, 9, **{**OPTIONS, **options}).init(), MAPS)


def test_it_is_a_convolution_beside_attention_of_each_head():
    layer: Any = AugmentedConv(3, 9, **OPTIONS).init(0, "float64")
    y, _ = layer.forward(MAPS)
    conv, _ = conv2d_forward(MAPS, layer.conv_out.weight.value, layer.conv_out.bias.value, padding=1)
    np.testing.assert_array_equal(y[..., :5], conv)
    qkv = MAPS.reshape(2, 20, 3) @ layer.qkv_conv.weight.value[0, 0]
    for b in range(2):
        heads = [attention_loops(qkv[b, :, s : s + 3], qkv[b, :, 6 + s : 9 + s], qkv[b, :, v : v + 2])
                 for s, v in ((0, 12), (3, 14))]  # fmt: skip
        found = np.concatenate(heads, axis=-1) @ layer.attn_out.weight.value[0, 0]
        np.testing.assert_allclose(y[b, ..., 5:].reshape(20, 4), found, rtol=1e-10, atol=1e-12)


def test_a_query_knows_where_a_key_is():
    """With scores of rows alone, and a vector that stands for one row further down, all places look there."""
    layer: Any = AugmentedConv(3, 9, map_size=(5, 4), **OPTIONS).init(0, "float64")
    layer.qkv_conv.weight.value = np.zeros((1, 1, 3, 16))
    layer.qkv_conv.bias.value = np.where(np.arange(16) < 6, 1.0, 0)  # queries of ones, keys of zeros
    layer.key_rel_w.value = np.zeros((7, 3))
    layer.key_rel_h.value = np.where(np.arange(9)[:, None] == 5, 100.0, np.zeros((9, 3)))  # 4 is the row itself
    _, cache = layer.forward(MAPS)
    weights = cache.attention.weights.reshape(2, 2, 5, 4, 5, 4)
    for y in range(4):
        np.testing.assert_allclose(weights[:, :, y, :, y + 1].sum(-1), 1)
    np.testing.assert_allclose(weights[:, :, 4], 1 / 20)  # there is none below the last


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dk": 7}, "^width 7 is not divisible by num_heads 2"),
        ({"dv": 5}, "^width 5 is not divisible by num_heads 2"),
        ({"dv": 10}, "^dv is 10; expected at least 1, and fewer than the 9 channels of the output$"),
        ({"dv": 0}, "^dv is 0; expected at least 1"),
        ({"kernel_size": 4}, "^kernel_size is 4; expected an odd number: convolution and attention make one map$"),
        ({"kernel_size": -1}, "^kernel_size is -1; expected at least 1$"),
        ({"qkv_kernel_size": 2}, "^qkv_kernel_size is 2; expected an odd number"),
        ({"stride": 0}, "^stride is 0; expected at least 1$"),
        ({"map_size": (0, 4)}, r"^map_size is \(0, 4\); expected at least 1$"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        AugmentedConv(3, 9, **{**OPTIONS, **options})


def test_relative_positions_are_for_one_map():
    layer = AugmentedConv(3, 9, map_size=(4, 5), **OPTIONS).init(0, "float64")
    with pytest.raises(ValueError, match=r"^queries are of a map of . x .; relative positions are for 4 x 5$"):
        layer.forward(MAPS)
