import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import Conv2d
from minivit.ops import conv2d_forward

X = np.random.default_rng(0).standard_normal((2, 7, 9, 3))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("stride", [1, (2, 3)])
def test_gradients(bias, stride):
    check_layer(Conv2d(3, 4, (2, 5), stride=stride, bias=bias).init(), X)


def test_it_is_the_op():
    layer = Conv2d(3, 4, 2, stride=3).init(dtype="float64")
    assert layer.bias is not None
    layer.bias.value += 1
    y, _ = conv2d_forward(X, layer.weight.value, layer.bias.value, stride=3)
    np.testing.assert_array_equal(layer.forward(X)[0], y)
    assert layer.weight.axes == ("row", "column", "in", "out")
