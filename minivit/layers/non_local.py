"""Non-local blocks: each place of a map gathers from all places, and adds what it finds. Residual, so they may stand
anywhere in a network of convolutions.
"""

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.checked import check_range
from minivit.layers.basic import Linear
from minivit.layers.batch_norm import BatchNorm
from minivit.layers.initial import he_normal, normal, zeros
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.layers.pool import MaxPool2d
from minivit.layers.sequence import Identity, IdentityCache, run, run_backward
from minivit.ops.attention import attention_backward, attention_forward
from minivit.ops.layer_scale import LayerScaleCache, layer_scale_backward, layer_scale_forward
from minivit.ops.linear import LinearCache
from minivit.ops.non_local import (
    concatenation_mean_backward,
    concatenation_mean_forward,
    dot_product_mean_backward,
    dot_product_mean_forward,
)
from minivit.ops.pool import MaxPool2dCache


class NonLocalCache(NamedTuple):
    """Caches of the steps of :class:`NonLocal`; ``attention.weights`` is the map of who looks where (B, N, S)."""

    theta: LinearCache | IdentityCache
    phi: LinearCache | IdentityCache
    g: LinearCache
    phi_pool: MaxPool2dCache | IdentityCache
    g_pool: MaxPool2dCache | IdentityCache
    attention: Any
    map_size: tuple[int, int]
    W: list[Any]


class NonLocal(Layer):
    r"""``x + W(y)``, where y of each place is a mean over all places; here the paper's "embedded Gaussian".

    .. math:: y_i = \frac{1}{\mathcal C(x)} \sum_j f(x_i, x_j)\, g(x_j), \qquad
              f(x_i, x_j) = e^{\theta(x_i) \cdot \phi(x_j)}, \qquad \mathcal C(x) = \sum_j f(x_i, x_j)

    which is attention of one head without the scale 1 / sqrt(K). Other forms of f override :meth:`attend`.

    Convolutions of 1 x 1 are linear maps. Their names are the paper's, W's those of PyTorch's sequences: ``W.0`` the
    map, ``W.1`` its norm. (Unofficial code calls ``theta``, ``phi`` and ``g`` so too, but where keys are pooled their
    maps are ``phi.0`` and ``g.0``.)

    Parameters
    ----------
    dim : int
        Channels of the map.
    inter_dim : int, optional
        Those of queries, keys and values; half as many as the map's if not given (section 3.3).
    sub_sample : bool
        Whether keys and values are max-pooled, 2 x 2 places to one: a quarter of the products ("subsampling trick").
    norm : bool
        Whether there is a batch norm behind W. It, or W itself where there is none, begins with zeros, so that a block
        can be put into a trained network and changes nothing at first.

    Raises
    ------
    ValueError
        If ``inter_dim`` is less than 1.

    References
    ----------
    Wang et al. 2018, "Non-local Neural Networks", sections 3.2, 3.3 and 4.1.
    """

    def __init__(self, dim: int, inter_dim: int | None = None, *, sub_sample: bool = True, norm: bool = True) -> None:
        inter_dim = max(dim // 2, 1) if inter_dim is None else inter_dim
        check_range("inter_dim", inter_dim, at_least=1)
        one = (1, 1)
        self.theta: Layer = Linear(dim, inter_dim, kernel_size=one, initial=normal(0.01))
        self.phi: Layer = Linear(dim, inter_dim, kernel_size=one, initial=normal(0.01))
        self.g = Linear(dim, inter_dim, kernel_size=one, initial=he_normal)
        self.phi_pool: Layer = MaxPool2d(2, stride=2) if sub_sample else Identity()
        self.g_pool: Layer = MaxPool2d(2, stride=2) if sub_sample else Identity()
        last = Linear(inter_dim, dim, kernel_size=one, initial=he_normal if norm else zeros)
        self.W: list[Layer] = [last, BatchNorm(dim, initial=zeros)] if norm else [last]

    def attend(self, q: ndarray, k: ndarray, v: ndarray) -> tuple[ndarray, Any]:
        """What each query finds: (B, N, K), (B, S, K) and (B, S, V) -> (B, N, V)."""
        return attention_forward(q, k, v, scale=1.0)

    def attend_backward(self, dy: ndarray, cache: Any) -> tuple[ndarray, ndarray, ndarray]:
        """Gradients of queries, keys and values."""
        return attention_backward(dy, cache)[:3]

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, NonLocalCache]:
        """(B, Y, X, C) -> (B, Y, X, C): project and pool; attend; project and add."""
        B, Y, X, _ = x.shape
        q, c_theta = self.theta.forward(x)  # (B, Y, X, K)
        k, c_phi = self.phi.forward(x)
        v, c_g = self.g.forward(x)  # (B, Y, X, V)
        k, c_phi_pool = self.phi_pool.forward(k)  # (B, Y/2, X/2, K)
        v, c_g_pool = self.g_pool.forward(v)
        h, c_attention = self.attend(*(part.reshape(B, prod(part.shape[1:3]), part.shape[3]) for part in (q, k, v)))
        h, c_W = run(self.W, h.reshape(B, Y, X, h.shape[-1]))  # (B, Y, X, C)
        return x + h, NonLocalCache(
            theta=c_theta,
            phi=c_phi,
            g=c_g,
            phi_pool=c_phi_pool,
            g_pool=c_g_pool,
            attention=c_attention,
            map_size=k.shape[1:3],
            W=c_W,
        )

    def backward(self, dy: ndarray, cache: NonLocalCache) -> ndarray:
        """Add to the gradient of every parameter; return that of ``x``."""
        (B, Y, X, _), keys = dy.shape, cache.map_size
        dh = run_backward(self.W, dy, cache.W)
        dq, dk, dv = self.attend_backward(dh.reshape(B, Y * X, dh.shape[-1]), cache.attention)
        dv = self.g_pool.backward(dv.reshape(B, *keys, dv.shape[-1]), cache.g_pool)
        dk = self.phi_pool.backward(dk.reshape(B, *keys, dk.shape[-1]), cache.phi_pool)
        dx = dy + self.g.backward(dv, cache.g)  # forward: return x + h
        dx += self.phi.backward(dk, cache.phi)
        dx += self.theta.backward(dq.reshape(B, Y, X, dq.shape[-1]), cache.theta)
        return dx


class GaussianNonLocal(NonLocal):
    """``f(x_i, x_j) = exp(x_i . x_j)``: queries and keys are the map itself. Source: Wang et al. 2018, equation 2."""

    def __init__(self, dim: int, inter_dim: int | None = None, *, sub_sample: bool = True, norm: bool = True) -> None:
        super().__init__(dim, inter_dim, sub_sample=sub_sample, norm=norm)
        self.theta = self.phi = Identity()


class DotProductNonLocal(NonLocal):
    """``f(x_i, x_j) = theta(x_i) . phi(x_j)``, divided by the number of keys. Source: Wang et al. 2018, equation 4."""

    def attend(self, q: ndarray, k: ndarray, v: ndarray) -> tuple[ndarray, Any]:
        return dot_product_mean_forward(q, k, v)

    def attend_backward(self, dy: ndarray, cache: Any) -> tuple[ndarray, ndarray, ndarray]:
        return dot_product_mean_backward(dy, cache)


class ConcatenationNonLocal(NonLocal):
    """``f(x_i, x_j) = relu(w . [theta(x_i), phi(x_j)])``, divided by the number of keys.

    Source: Wang et al. 2018, equation 5.
    """

    def __init__(self, dim: int, inter_dim: int | None = None, *, sub_sample: bool = True, norm: bool = True) -> None:
        super().__init__(dim, inter_dim, sub_sample=sub_sample, norm=norm)
        width = self.g.weight.shape[-1]
        self.concat_project = {"weight": Param((1, 1, 2 * width, 1), "row column in out", normal(0.01))}

    def attend(self, q: ndarray, k: ndarray, v: ndarray) -> tuple[ndarray, Any]:
        return concatenation_mean_forward(q, k, v, self.concat_project["weight"].value.ravel())

    def attend_backward(self, dy: ndarray, cache: Any) -> tuple[ndarray, ndarray, ndarray]:
        dq, dk, dv, dvector = concatenation_mean_backward(dy, cache)
        weight = self.concat_project["weight"]
        weight.add_grad(dvector.reshape(weight.shape))
        return dq, dk, dv


class Gain(Layer):
    """One number for a whole map, 0 at first: what a branch finds is let in as far as it helps."""

    def __init__(self) -> None:
        self.gamma = Param((1,), "one", zeros)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, LayerScaleCache]:
        y, cache = layer_scale_forward(x[..., None], self.gamma.value)  # each number a channel of its own
        return y[..., 0], cache

    def backward(self, dy: ndarray, cache: LayerScaleCache) -> ndarray:
        dx, dgamma = layer_scale_backward(dy[..., None], cache)
        self.gamma.add_grad(dgamma)
        return dx[..., 0]


class SAGANAttention(NonLocal):
    r"""Self-attention of SAGAN: ``x + gamma * y``, one learned number in place of W, 0 at first.

    Queries f and keys g have an eighth of the channels, values h all of them; no scale, no pooling. That is the paper's
    figure 2 without its last map, as in the most used unofficial code (``query_conv``, ``key_conv``, ``value_conv`` and
    ``gamma`` there, here ``theta``, ``phi``, ``g`` and ``W.0.gamma``). In the paper's text h has an eighth, too, and a
    last 1 x 1 convolution brings it back; in the authors' code h has half of the channels, and keys and values are
    max-pooled, which is :class:`NonLocal`'s way. The generator's spectral normalisation is not of this layer.

    References
    ----------
    Zhang et al. 2019, "Self-Attention Generative Adversarial Networks", section 3, equations 1 to 3.
    """

    def __init__(self, dim: int) -> None:
        if dim < 8:
            raise ValueError(f"dim is {dim}; queries and keys have an eighth of the channels, so expected 8 at least")
        super().__init__(dim, dim // 8, sub_sample=False, norm=False)
        self.g = Linear(dim, dim, kernel_size=(1, 1), initial=he_normal)
        self.W = [Gain()]


def non_local_in_loops(layer: NonLocal, x: ndarray) -> ndarray:
    """What ``layer`` of the embedded Gaussian, without pooling, adds to one map: equations 1 and 3, place by place."""
    (Y, X, _), W = x.shape, layer.W
    theta, phi, g = (part.forward(x)[0].reshape(Y * X, -1) for part in (layer.theta, layer.phi, layer.g))
    y = np.zeros_like(g)
    for i in range(Y * X):
        f = [np.exp(theta[i] @ phi[j]) for j in range(Y * X)]
        for j in range(Y * X):
            y[i] += f[j] / sum(f) * g[j]
    return run(W, y.reshape(1, Y, X, -1))[0][0]
