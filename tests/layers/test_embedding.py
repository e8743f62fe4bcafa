import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import Embedding, Param

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(4,), (2, 4), (2, 0)])
def test_gradients(shape):
    check_layer(Embedding(5, 3).init(), RNG.integers(0, 5, shape))


def test_tokens_have_no_gradient():
    layer = Embedding(5, 3).init()
    y, cache = layer.forward(np.array([1, 1]))
    assert layer.backward(y, cache) is None
    np.testing.assert_array_equal(layer.weight.grad[1], 2 * layer.weight.value[1])


def test_its_table_is_no_linear_map_and_starts_with_numbers_of_size_1():
    """So weight decay is not for it."""
    weight = Embedding(500, 30).init().weight
    assert isinstance(weight, Param)
    assert not weight.is_linear_map
    assert abs(weight.value.std() - 1) < 0.02
