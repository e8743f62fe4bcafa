import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers.conv1d import CausalPad, Conv1d
from minivit.layers.conv_block1d import ConvBlock1d, SkipConvBlock1d
from minivit.weights.torch_layout import torch_shape

X = np.random.default_rng(0).standard_normal((2, 9, 4))


@pytest.mark.parametrize(
    "layer",
    [
        Conv1d(4, 5, 3),
        Conv1d(4, 5, 1, bias=False),
        Conv1d(4, 5, 3, stride=2),
        CausalPad(3),
        CausalPad(4, mode="constant"),
        ConvBlock1d(4, 5, 3, stride=2),
        ConvBlock1d(4, 5, 3, causal="edge", bias=False),
        SkipConvBlock1d(4, 4, 3, causal="constant", residual_scale=0.5),
        SkipConvBlock1d(4, 5, 2, causal="edge", residual_scale=0.7),
        SkipConvBlock1d(4, 5, 3, stride=2, residual_scale=0.5),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_gradients(layer):
    check_layer(layer.init(0), X)


@pytest.mark.parametrize("drop", [0.0, 0.4])
def test_gradients_with_dropout(drop):
    block = SkipConvBlock1d(4, 5, 3, causal="edge", residual_scale=0.5, drop=drop).init(0)
    check_layer(block, X, rng=np.random.default_rng(2))


def test_pytorchs_order_of_axes():
    assert torch_shape(Conv1d(4, 5, 3).weight) == (5, 4, 3)
    assert Conv1d(4, 5, 3).weight.fans == (12, 15)
    assert Conv1d(4, 5, 3).weight.is_linear_map  # weight decay is for it


def test_causal_padding_keeps_the_number_of_frames():
    for kernel in (1, 2, 5):
        block = ConvBlock1d(4, 5, kernel, causal="edge").init(0, "float64")
        assert block.forward(X)[0].shape == (2, 9, 5)
