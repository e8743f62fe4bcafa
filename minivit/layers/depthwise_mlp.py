"""An MLP whose hidden numbers look at their neighbours, each channel by itself."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import Activation, Linear, Relu
from minivit.layers.conv2d import Conv2d
from minivit.layers.dropout import dropout
from minivit.layers.layer import Layer
from minivit.layers.sequence import Identity, IdentityCache
from minivit.ops.activations import GeluCache, ReluCache
from minivit.ops.conv import Conv2dCache
from minivit.ops.dropout import DropoutCache
from minivit.ops.linear import LinearCache


class DepthwiseMlpCache(NamedTuple):
    """Caches of the steps of :class:`DepthwiseMlp`, in order."""

    fc1: LinearCache
    relu: ReluCache | IdentityCache
    dwconv: Conv2dCache
    act: GeluCache
    drop1: DropoutCache | IdentityCache
    fc2: LinearCache
    drop2: DropoutCache | IdentityCache


class DepthwiseMlp(Layer):
    """Two linear maps; between them a depthwise convolution of 3 x 3 pixels, and GELU.

    The zeros around the map tell a place where it stands, so that a model with it needs no table of positions (Islam
    et al. 2020, "How Much Position Information Do Convolutional Neural Networks Encode?").

    ``extra_relu`` puts a ReLU in front of the convolution. The paper does not mention it; the models with attention of
    linear cost were trained so.

    Source: Wang et al. 2022, "PVT v2: Improved Baselines with Pyramid Vision Transformer", section 3.3.
    """

    def __init__(self, dim: int, hidden_dim: int, *, extra_relu: bool = False, drop: float = 0.0) -> None:
        self.fc1 = Linear(dim, hidden_dim)
        self.relu: Layer = Relu() if extra_relu else Identity()
        self.dwconv = Conv2d(hidden_dim, hidden_dim, 3, padding=1, groups=hidden_dim)
        self.act = Activation("gelu")
        self.drop1 = dropout(drop)
        self.fc2 = Linear(hidden_dim, dim)
        self.drop2 = dropout(drop)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, DepthwiseMlpCache]:
        """(B, Y, X, D) -> (B, Y, X, D)."""
        h, c_fc1 = self.fc1.forward(x)
        h, c_relu = self.relu.forward(h)
        h, c_dwconv = self.dwconv.forward(h)
        h, c_act = self.act.forward(h)
        h, c_drop1 = self.drop1.forward(h, rng=rng)
        h, c_fc2 = self.fc2.forward(h)
        y, c_drop2 = self.drop2.forward(h, rng=rng)
        return y, DepthwiseMlpCache(
            fc1=c_fc1, relu=c_relu, dwconv=c_dwconv, act=c_act, drop1=c_drop1, fc2=c_fc2, drop2=c_drop2
        )

    def backward(self, dy: ndarray, cache: DepthwiseMlpCache) -> ndarray:
        dh = self.drop2.backward(dy, cache.drop2)
        dh = self.fc2.backward(dh, cache.fc2)
        dh = self.drop1.backward(dh, cache.drop1)
        dh = self.act.backward(dh, cache.act)
        dh = self.dwconv.backward(dh, cache.dwconv)
        dh = self.relu.backward(dh, cache.relu)
        return self.fc1.backward(dh, cache.fc1)
