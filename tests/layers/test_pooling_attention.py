from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import MViTBlock, PoolingAttention, SelfAttention
from minivit.layers.pooling_attention import pool_tokens
from minivit.layers.sequence import Identity
from minivit.ops import (
    avg_pool2d_forward,
    conv2d_forward,
    layer_norm_forward,
    max_pool2d_forward,
    relative_index,
    relative_logits_loops,
    softmax_forward,
)
from tests.sampled import REST

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 20, 6))  # a map of 4 x 5


def attention(**options: Any) -> PoolingAttention:
    return PoolingAttention(6, 8, 2, (4, 5), **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride_q": 2, "stride_kv": (2, 1)},
        {"stride_kv": 3, "mode": "max", "rel_pos": False, "qkv_bias": False},
        {"stride_q": (1, 2), "kernel_kv": 1, "mode": "avg", "residual_pooling": False},
        {"kernel_q": 1, "kernel_kv": (5, 3), "stride_kv": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("tokens", [0, 2])
def test_gradients(options: dict[str, Any], tokens: int) -> None:
    x = RNG.standard_normal((2, 20 + tokens, 6))
    check_layer(attention(num_prefix_tokens=tokens, **options).init(), x)


def test_without_pooling_and_positions_it_is_self_attention() -> None:
    options = {"kernel_q": 1, "kernel_kv": 1, "rel_pos": False, "residual_pooling": False}
    layer = PoolingAttention(6, 6, 2, (4, 5), **options).init(1, "float64")
    whole = SelfAttention(6, 2).init(2, "float64")
    layer.load_state_dict(whole.state_dict())
    np.testing.assert_array_equal(layer.forward(X)[0], whole.forward(X)[0])


@pytest.mark.parametrize("mode", ["conv", "max", "avg"])
def test_it_is_what_the_papers_say(mode: str) -> None:
    """Head by head: pooled after the heads are split, normed after pooling, rows and columns, Q added."""
    layer = attention(num_prefix_tokens=1, stride_q=2, stride_kv=(1, 2), mode=mode).init(3, "float64")
    arrays = {name: RNG.standard_normal(array.shape) for name, array in layer.state_dict().items()}
    layer.load_state_dict(arrays)
    x = RNG.standard_normal((2, 21, 6))

    def pooled(part: str, head: np.ndarray, stride: Any) -> np.ndarray:
        token, places = head[:1], head[1:].reshape(1, 4, 5, 4)
        options = {"stride": stride, "padding": 1}
        if mode == "conv":
            small, _ = conv2d_forward(places, arrays[f"pool_{part}.weight"], groups=4, **options)
        else:
            small, _ = (max_pool2d_forward if mode == "max" else avg_pool2d_forward)(places, kernel_size=3, **options)
        tokens = np.concatenate((token, small.reshape(-1, 4)))
        if mode != "conv":
            return tokens
        return layer_norm_forward(tokens, arrays[f"norm_{part}.weight"], arrays[f"norm_{part}.bias"], eps=1e-6)[0]

    h = x @ arrays["qkv.weight"] + arrays["qkv.bias"]
    expected = np.empty((2, 7, 8))
    for b in range(2):
        for head in range(2):
            columns = [slice(part * 8 + head * 4, part * 8 + head * 4 + 4) for part in range(3)]
            q = pooled("q", h[b, :, columns[0]], 2)
            k, v = (pooled(part, h[b, :, columns[i]], (1, 2)) for i, part in ((1, "k"), (2, "v")))
            scores = q @ k.T / 2
            scores[1:, 1:] += relative_logits_loops(
                q[1:],
                arrays["rel_pos_h"],
                arrays["rel_pos_w"],
                row_index=relative_index(2, 4),
                column_index=relative_index(3, 3),
            )
            expected[b, :, head * 4 : head * 4 + 4] = softmax_forward(scores)[0] @ v + q
    expected = expected @ arrays["proj.weight"] + arrays["proj.bias"]
    y, cache = layer.forward(x)
    np.testing.assert_allclose(y, expected, rtol=1e-11, atol=1e-13)
    assert cache.attention.weights.shape == (2, 2, 7, 13)
    assert arrays["rel_pos_h"].shape == (7, 4)
    assert arrays["rel_pos_w"].shape == (5, 4)


def test_heads_share_the_kernels_of_pooling() -> None:
    """Heads that are given the same see the same."""
    layer = attention(stride_q=2).init(0, "float64")
    heads = np.repeat(RNG.standard_normal((2, 1, 20, 4)), 2, axis=1)
    pooled, _ = pool_tokens(layer.pool_q, heads, map_size=(4, 5), num_prefix_tokens=0)
    np.testing.assert_array_equal(pooled[:, 0], pooled[:, 1])
    assert layer.pool_q.weight.shape == (3, 3, 1, 4)  # type: ignore[attr-defined]


def test_tokens_in_front_of_the_map_are_not_pooled() -> None:
    x = RNG.standard_normal((2, 22, 4))
    layer = attention(stride_q=2).init(0, "float64")
    y, _ = pool_tokens(layer.pool_q, x, map_size=(4, 5), num_prefix_tokens=2)
    np.testing.assert_array_equal(y[:, :2], x[:, :2])
    assert y.shape == (2, 2 + 6, 4)
    np.testing.assert_array_equal(pool_tokens(Identity(), x, map_size=(4, 5), num_prefix_tokens=2)[0], x)


@REST
@pytest.mark.parametrize("expand_attn", [False, True])
@pytest.mark.parametrize("dim_out", [6, 8])
def test_gradients_of_a_block(expand_attn: bool, dim_out: int) -> None:
    block = MViTBlock(
        6,
        dim_out,
        2,
        (4, 5),
        mlp_ratio=1.5,
        expand_attn=expand_attn,
        stride_q=(2, 1),
        drop_path_rate=0.2,
        norm_eps=1e-6,
        inner_norm_eps=1e-5,
        num_prefix_tokens=1,
        stride_kv=2,
    )
    assert block.out_size == (2, 5)
    names = {name.split(".")[0] for name in block.named_params() if name.startswith("shortcut")}
    assert names == (set() if dim_out == 6 else {"shortcut_proj_attn" if expand_attn else "shortcut_proj_mlp"})
    check_layer(block.init(), RNG.standard_normal((3, 21, 6)), rng=np.random.default_rng(0))


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match="mode is 'conv_unshared'; expected one of conv, max, avg"):
        attention(mode="conv_unshared")
    with pytest.raises(ValueError, match="width 8 is not divisible by num_heads 3"):
        PoolingAttention(6, 8, 3, (4, 5))
