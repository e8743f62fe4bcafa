"""An MLP of any depth, with ReLU between its linear maps."""

from typing import NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.basic import Linear, Relu
from minivit.layers.layer import Layer
from minivit.ops.activations import ReluCache
from minivit.ops.linear import LinearCache


class ReluMlpCache(NamedTuple):
    """Caches of the linear maps of :class:`ReluMlp`, and of the ReLUs between them."""

    layers: list[LinearCache]
    act: list[ReluCache]


class ReluMlp(Layer):
    """``depth`` linear maps, a ReLU behind each but the last: what makes a box, a score or a vector of a token.

    Source: Kirillov et al. 2023, "Segment Anything", appendix A; Carion et al. 2020, "DETR", section 3.2.
    """

    def __init__(self, dim: int, hidden_dim: int, out_dim: int, depth: int) -> None:
        widths = [dim, *[hidden_dim] * (depth - 1), out_dim]
        self.layers = [Linear(widths[i], widths[i + 1]) for i in range(depth)]
        self.act = Relu()

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, ReluMlpCache]:
        c_layers, c_act = [], []
        for i, layer in enumerate(self.layers):
            if i:
                x, cache = self.act.forward(x)
                c_act.append(cache)
            x, cache = layer.forward(x)
            c_layers.append(cache)
        return x, ReluMlpCache(c_layers, c_act)

    def backward(self, dy: ndarray, cache: ReluMlpCache) -> ndarray:
        for i, layer in reversed([*enumerate(self.layers)]):
            dy = layer.backward(dy, cache.layers[i])
            if i:
                dy = self.act.backward(dy, cache.act[i - 1])
        return dy
