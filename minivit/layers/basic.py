"""Layers of one or two ops: Linear, LayerNorm, RMSNorm, GroupNorm, Relu, Mlp."""

from math import inf
from typing import Any, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_type
from minivit.layers.dropout import dropout
from minivit.layers.initial import ones, xavier_uniform, zeros
from minivit.layers.layer import Layer
from minivit.layers.param import Initial, Param
from minivit.layers.sequence import IdentityCache
from minivit.ops import OPS, Op
from minivit.ops.activations import ReluCache, relu_backward, relu_forward
from minivit.ops.dropout import DropoutCache
from minivit.ops.group_norm import GroupNormCache, group_norm_backward, group_norm_forward
from minivit.ops.layer_norm import LayerNormCache, layer_norm_backward, layer_norm_forward
from minivit.ops.linear import LinearCache, linear_backward, linear_forward
from minivit.ops.rms_norm import RmsNormCache, rms_norm_backward, rms_norm_forward

ACTIVATIONS: dict[str, Op] = {name: OPS[name] for name in ("gelu", "gelu_tanh", "quick_gelu", "relu")}


class Linear(Layer):
    """``y = x W + b`` with W of shape (in_features, out_features).

    With ``kernel_size`` x is what a convolution sees through its windows, and W is its kernel: rows of P*Q*in_features
    numbers, and (P, Q, in_features, out_features).
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        kernel_size: tuple[int, int] | None = None,
        bias: bool = True,
        initial: Initial = xavier_uniform,
    ) -> None:
        axes = "row column in out" if kernel_size else "in out"
        self.weight = Param((*(kernel_size or ()), in_features, out_features), axes, initial)
        self.bias = Param((out_features,), "out", zeros) if bias else None

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, LinearCache]:
        matrix = self.weight.value.reshape(-1, self.weight.shape[-1])
        return linear_forward(x, matrix, self.bias.value if self.bias else None)

    def backward(self, dy: ndarray, cache: LinearCache) -> ndarray:
        dx, dmatrix, dbias = linear_backward(dy, cache)
        self.weight.add_grad(dmatrix.reshape(self.weight.shape))
        if self.bias and dbias is not None:
            self.bias.add_grad(dbias)
        return dx


class Norm(Layer):
    """What all normalisations learn: a scale and a shift of each channel, the op's gamma and beta.

    They are called ``weight`` and ``bias``, as in checkpoints.
    """

    def __init__(self, dim: int, *, eps: float, initial: Initial = ones) -> None:
        self.weight = Param((dim,), "out", initial)
        self.bias = Param((dim,), "out", zeros)
        self.eps = eps

    def add_grads(self, dx: ndarray, dgamma: ndarray, dbeta: ndarray) -> ndarray:
        """Add the gradients of scale and shift; return that of ``x``."""
        self.weight.add_grad(dgamma)
        self.bias.add_grad(dbeta)
        return dx


class LayerNorm(Norm):
    """Layer normalisation of the last axis: every token by itself."""

    def __init__(self, dim: int, *, eps: float = 1e-6, initial: Initial = ones) -> None:
        super().__init__(dim, eps=eps, initial=initial)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, LayerNormCache]:
        return layer_norm_forward(x, self.weight.value, self.bias.value, eps=self.eps)

    def backward(self, dy: ndarray, cache: LayerNormCache) -> ndarray:
        return self.add_grads(*layer_norm_backward(dy, cache))


class RMSNorm(Layer):
    """RMS normalisation of the last axis: a scale is learned, no shift. In iGPT ``eps`` is 1e-5."""

    def __init__(self, dim: int, *, eps: float = 1e-5) -> None:
        self.weight = Param((dim,), "out", ones)
        self.eps = eps

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, RmsNormCache]:
        return rms_norm_forward(x, self.weight.value, eps=self.eps)

    def backward(self, dy: ndarray, cache: RmsNormCache) -> ndarray:
        dx, dgamma = rms_norm_backward(dy, cache)
        self.weight.add_grad(dgamma)
        return dx


class GroupNorm(Norm):
    """Group normalisation of (B, ..., C): ``num_groups`` groups of neighbouring channels, each over all places.

    Arguments are in PyTorch's order.

    Source: Wu and He 2018, "Group Normalization".
    """

    def __init__(self, num_groups: int, num_channels: int, *, eps: float = 1e-5, initial: Initial = ones) -> None:
        check_type("num_groups", num_groups, int)
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"num_channels {num_channels} is not divisible by num_groups {num_groups}")
        super().__init__(num_channels, eps=eps, initial=initial)
        self.num_groups = num_groups

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, GroupNormCache]:
        return group_norm_forward(x, self.weight.value, self.bias.value, num_groups=self.num_groups, eps=self.eps)

    def backward(self, dy: ndarray, cache: GroupNormCache) -> ndarray:
        return self.add_grads(*group_norm_backward(dy, cache))


class Relu(Layer):
    """``y = max(x, 0)`` as a layer, where layers stand one after the other."""

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, ReluCache]:
        return relu_forward(x)

    def backward(self, dy: ndarray, cache: ReluCache) -> ndarray:
        (dx,) = relu_backward(dy, cache)
        return dx


class Activation(Layer):
    """Any activation as a layer, by its name."""

    def __init__(self, act_layer: str) -> None:
        check_act_layer(act_layer)
        self.act = ACTIVATIONS[act_layer]

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, Any]:
        return self.act.forward(x)

    def backward(self, dy: ndarray, cache: Any) -> ndarray:
        (dx,) = self.act.backward(dy, cache)
        return dx


def mlp_width(dim: int, mlp_ratio: float) -> int:
    """``dim * mlp_ratio``, cut off to a whole number, as timm does it.

    A ratio is often one of two widths, and 392 * (1024 / 392) is 1023.9999999999999: 1024 is meant.

    Raises
    ------
    ValueError
        If nothing is left of it, or no array can be so wide.
    """
    width = dim * mlp_ratio * (1 + 1e-12)
    if not 1 <= width < inf:
        raise ValueError(
            f"mlp_ratio is {mlp_ratio}; it makes {width:.3g} of {dim} channels, expected at least 1 and finite"
        )
    return int(width)


def check_act_layer(act_layer: str) -> None:
    """ValueError for a name of no activation; a model asks it, too, which may have no block that would."""
    if act_layer not in ACTIVATIONS:
        raise ValueError(f"act_layer is {act_layer!r}; expected one of {', '.join(ACTIVATIONS)}")


class MlpCache(NamedTuple):
    """Caches of the steps of :class:`Mlp`, in order."""

    fc1: LinearCache
    act: NamedTuple
    drop1: DropoutCache | IdentityCache
    fc2: LinearCache
    drop2: DropoutCache | IdentityCache


class Mlp(Layer):
    """Two linear maps with an activation between: each token alone, wide in the middle.

    ``out_dim`` is the width of what comes out, if it is not ``dim``.

    Source: Dosovitskiy et al. 2021, section 3.1; Vaswani et al. 2017, section 3.3 (there with ReLU).
    """

    def __init__(
        self,
        dim: int,
        hidden_dim: int,
        *,
        out_dim: int | None = None,
        bias: bool = True,
        act_layer: str = "gelu",
        drop: float = 0.0,
    ) -> None:
        check_act_layer(act_layer)
        self.fc1 = Linear(dim, hidden_dim, bias=bias)
        self.fc2 = Linear(hidden_dim, dim if out_dim is None else out_dim, bias=bias)
        self.act = ACTIVATIONS[act_layer]
        self.drop1 = dropout(drop)
        self.drop2 = dropout(drop)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, MlpCache]:
        h, c_fc1 = self.fc1.forward(x)
        h, c_act = self.act.forward(h)
        h, c_drop1 = self.drop1.forward(h, rng=rng)
        h, c_fc2 = self.fc2.forward(h)
        h, c_drop2 = self.drop2.forward(h, rng=rng)
        return h, MlpCache(fc1=c_fc1, act=c_act, drop1=c_drop1, fc2=c_fc2, drop2=c_drop2)

    def backward(self, dy: ndarray, cache: MlpCache) -> ndarray:
        dh = self.drop2.backward(dy, cache.drop2)
        dh = self.fc2.backward(dh, cache.fc2)
        dh = self.drop1.backward(dh, cache.drop1)
        (dh,) = self.act.backward(dh, cache.act)
        return self.fc1.backward(dh, cache.fc1)
