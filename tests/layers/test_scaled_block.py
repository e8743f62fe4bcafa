from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import Block, LayerScale, ScaledBlock

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 5, 6))
OPTIONS: dict[str, Any] = {"mlp_ratio": 1.5, "proj_drop": 0.2, "drop_path_rate": 0.3}


def test_gradients():
    check_layer(ScaledBlock(6, 3, init_values=0.7, mlp_ratio=1.5).init(), X)
    check_layer(ScaledBlock(6, 3, init_values=0.7, **OPTIONS).init(), X, rng=np.random.default_rng(1))
    check_layer(LayerScale(6, 0.3).init(), X)


@pytest.mark.parametrize("rng", [None, 4])
def test_with_factors_of_one_it_is_a_block(rng):
    """The same bits, and the same numbers dropped; the other parts have the same names."""
    plain, scaled = Block(6, 3, **OPTIONS).init(dtype="float64"), ScaledBlock(6, 3, init_values=1.0, **OPTIONS).init()
    scaled.init(dtype="float64")
    ones = {f"{name}.gamma": np.ones(6) for name in ("ls1", "ls2")}
    assert scaled.state_dict().keys() - plain.state_dict().keys() == ones.keys()
    scaled.load_state_dict(plain.state_dict() | ones)
    y, cache = plain.forward(X, rng=None if rng is None else np.random.default_rng(rng))
    same, c_scaled = scaled.forward(X, rng=None if rng is None else np.random.default_rng(rng))
    np.testing.assert_array_equal(same, y)
    np.testing.assert_array_equal(scaled.backward(X, c_scaled), plain.backward(X, cache))


def test_what_a_branch_adds_is_in_proportion_to_its_factors():
    small, large = (ScaledBlock(6, 3, init_values=value).init(dtype="float64") for value in (1e-9, 2e-9))
    large.load_state_dict(small.state_dict() | {f"{name}.gamma": np.full(6, 2e-9) for name in ("ls1", "ls2")})
    added = [block.forward(X)[0] - X for block in (small, large)]
    np.testing.assert_allclose(added[1], 2 * added[0], rtol=1e-5)
