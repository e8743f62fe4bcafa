from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import Block, Checkpoint, DecoderBlock, PostNormBlock, PostNormDecoderBlock
from minivit.layers.cycle_mlp import CycleMixing
from minivit.layers.relative_window_attention import RelativeWindowAttention
from minivit.layers.spatial_shift import SpatialShift, SplitShift
from minivit.ops.dropout import DropPathCache
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
X = RNG.standard_normal((4, 5, 6))
OPTIONS: dict[str, Any] = {"mlp_ratio": 1.5, "proj_drop": 0.3, "drop_path_rate": 0.4}


@pytest.mark.parametrize("block", [Block, PostNormBlock])
def test_block(block):
    check_layer(block(6, 3, **OPTIONS).init(), X)
    check_layer(block(6, 3, **OPTIONS).init(), X, rng=np.random.default_rng(1))
    check_layer(block(6, 3, qkv_bias=False, act_layer="relu").init(), X, mask=np.tril(np.ones((5, 5), bool)))


@pytest.mark.parametrize("mixer", [SpatialShift(8), SplitShift(8), CycleMixing(8), RelativeWindowAttention(8, 2, 3)])
def test_what_mixes_all_places_takes_no_mask(mixer):
    """It was left aside without a word: without the annotations, too."""
    block = Block(8, 2, attn=mixer).init(0, "float64")
    with pytest.raises(ValueError, match="mixes all places; it takes no mask"):
        without_annotations(block.forward)(np.ones((2, 3, 3, 8)), mask=np.eye(3, dtype=bool))


def test_dropped_sample_skips_the_block():
    block = Block(6, 3, drop_path_rate=0.999).init(dtype="float64")
    y, cache = block.forward(X, rng=np.random.default_rng(0))
    assert isinstance(cache.drop_path1, DropPathCache)
    np.testing.assert_array_equal(cache.drop_path1.factor, np.zeros((4, 1, 1)))
    np.testing.assert_array_equal(y, X)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_checkpoint_gives_the_same_bits(dtype):
    plain = Block(6, 3, **OPTIONS).init(0, dtype)
    checkpoint = Checkpoint(Block(6, 3, **OPTIONS)).init(0, dtype)
    x, dy = X.astype(dtype), RNG.standard_normal(X.shape).astype(dtype)
    y, cache = plain.forward(x, rng=np.random.default_rng(1))
    y_checkpoint, c_checkpoint = checkpoint.forward(x, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(y_checkpoint, y)
    np.testing.assert_array_equal(checkpoint.backward(dy, c_checkpoint), plain.backward(dy, cache))
    for name, param in plain.named_params().items():
        np.testing.assert_array_equal(checkpoint.named_params()[name].grad, param.grad)


def test_checkpoint_by_the_numbers():
    check_layer(Checkpoint(Block(6, 3, **OPTIONS)).init(), X, rng=np.random.default_rng(1))


def test_checkpoint_moves_the_generator_as_the_layer_does():
    generators = [np.random.default_rng(1) for _ in range(2)]
    Block(6, 3, **OPTIONS).init(0, "float64").forward(X, rng=generators[0])
    Checkpoint(Block(6, 3, **OPTIONS)).init(0, "float64").forward(X, rng=generators[1])
    assert generators[0].random() == generators[1].random()


@pytest.mark.parametrize("block", [Block, PostNormBlock, DecoderBlock, PostNormDecoderBlock])
def test_a_ratio_of_two_widths_gives_back_the_second(block):
    """392 * (1024 / 392) is 1023.9999999999999; the width of 55 * 2.5 is 137, as in timm."""
    for dim, ratio, width in [(392, 1024 / 392, 1024), (49, 1 / 49, 1), (12, 20 / 12, 20), (55, 2.5, 137), (8, 4, 32)]:
        assert block(dim, 1, mlp_ratio=ratio).mlp.fc1.weight.shape == (dim, width)
