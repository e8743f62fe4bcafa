"""PyTorch's order of axes, from the names of ours."""

import numpy as np
import pytest

from minivit.layers.initial import normal
from minivit.layers.param import Param
from minivit.weights.torch_layout import from_torch, to_torch, torch_shape

KINDS = {
    ("in out", (3, 5)): (5, 3),
    ("row column in out", (7, 2, 3, 5)): (5, 3, 7, 2),
    ("row column in out", (7, 2, 1, 5)): (5, 1, 7, 2),  # depthwise
    ("time in out", (7, 3, 5)): (5, 3, 7),
    ("out", (5,)): (5,),
    ("offset head", (9, 4)): (9, 4),
    ("batch position width", (1, 6, 5)): (1, 6, 5),
}


@pytest.mark.parametrize(("kind", "shape"), KINDS.items(), ids=str)
def test_there_and_back(kind, shape):
    axes, ours = kind
    param = Param(ours, axes, normal(1.0))
    param.init([0], np.dtype("float64"))
    array = to_torch(param)
    assert array.shape == torch_shape(param) == shape
    assert array.flags.c_contiguous
    assert not np.shares_memory(array, param.value)
    np.testing.assert_array_equal(from_torch(array, param), param.value)


def test_a_kernel_in_pytorchs_order():
    """Number (o, i, y, x) there is number (y, x, i, o) here."""
    param = Param((7, 2, 3, 5), "row column in out", normal(1.0))
    param.init([0], np.dtype("float64"))
    assert to_torch(param)[4, 2, 6, 1] == param.value[6, 1, 2, 4]
