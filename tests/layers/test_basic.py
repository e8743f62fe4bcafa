import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import GroupNorm, LayerNorm, Linear, Mlp
from minivit.layers.basic import ACTIVATIONS

RNG = np.random.default_rng(0)
X = RNG.standard_normal((2, 3, 5))


@pytest.mark.parametrize("bias", [True, False])
def test_linear(bias):
    layer = Linear(5, 7, bias=bias).init()
    check_layer(layer, X)
    assert list(layer.named_params()) == (["weight", "bias"] if bias else ["weight"])


def test_layer_norm():
    layer = LayerNorm(5, eps=1e-3).init()
    check_layer(layer, X)
    assert layer.init(dtype="float64").forward(X)[0].shape == X.shape


@pytest.mark.parametrize("shape", [(2, 4, 5, 6), (7, 3, 6), (8, 6)])
def test_group_norm(shape):
    layer = GroupNorm(2, 6).init()
    check_layer(layer, RNG.standard_normal(shape))
    assert {name: param.shape for name, param in layer.named_params().items()} == {"weight": (6,), "bias": (6,)}


@pytest.mark.parametrize("num_groups", [0, 4])
def test_groups_must_divide_the_channels(num_groups):
    with pytest.raises(ValueError, match=f"num_channels 6 is not divisible by num_groups {num_groups}"):
        GroupNorm(num_groups, 6)


@pytest.mark.parametrize("act_layer", ACTIVATIONS)
def test_mlp(act_layer):
    check_layer(Mlp(5, 7, act_layer=act_layer).init(), X)


def test_mlp_with_dropout():
    check_layer(Mlp(5, 7, drop=0.4).init(), X, rng=np.random.default_rng(1))


def test_mlp_drops_only_with_a_generator():
    mlp = Mlp(5, 7, drop=0.4).init(dtype="float64")
    np.testing.assert_array_equal(mlp.forward(X)[0], mlp.forward(X)[0])
    assert not np.array_equal(mlp.forward(X)[0], mlp.forward(X, rng=np.random.default_rng(0))[0])


def test_unknown_activation():
    with pytest.raises(ValueError, match="act_layer is 'tanh'; expected one of gelu, gelu_tanh, quick_gelu, relu"):
        Mlp(5, 7, act_layer="tanh")
