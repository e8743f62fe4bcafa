from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import DecoderBlock, PostNormDecoderBlock

RNG = np.random.default_rng(0)
X, MEMORY = RNG.standard_normal((4, 5, 6)), RNG.standard_normal((4, 7, 6))
MASK = (np.arange(7) < np.array([[7], [3], [5], [0]]))[:, None, None]
OPTIONS: dict[str, Any] = {"mlp_ratio": 1.5, "proj_drop": 0.3, "drop_path_rate": 0.4}
every_block = pytest.mark.parametrize("block", [DecoderBlock, PostNormDecoderBlock])


@every_block
def test_gradients(block):
    check_layer(block(6, 3, **OPTIONS).init(), X, MEMORY)
    check_layer(block(6, 3, **OPTIONS).init(), X, MEMORY, memory_mask=MASK, rng=np.random.default_rng(1))
    check_layer(block(6, 3, qkv_bias=False, act_layer="relu").init(), X, MEMORY)


@every_block
def test_a_token_looks_at_those_before_it_and_at_the_memory(block):
    layer = block(6, 3).init(dtype="float64")
    y, _ = layer.forward(X, MEMORY)
    later, memory = X.copy(), MEMORY.copy()
    later[:, 3:] += 1
    np.testing.assert_array_equal(layer.forward(later, MEMORY)[0][:, :3], y[:, :3])
    assert (layer.forward(later, MEMORY)[0][:, 3:] != y[:, 3:]).all()
    memory[:, 6] += 1
    assert (layer.forward(X, memory)[0] != y).all()


@every_block
def test_what_is_masked_is_not_read(block):
    layer = block(6, 3).init(dtype="float64")
    y, cache = layer.forward(X, MEMORY, memory_mask=MASK)
    memory = np.where(MASK[:, 0, 0, :, None], MEMORY, RNG.standard_normal(MEMORY.shape))
    np.testing.assert_array_equal(layer.forward(X, memory, memory_mask=MASK)[0], y)
    _, dmemory = layer.backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(dmemory[~MASK[:, 0, 0]], 0)
