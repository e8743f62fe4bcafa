"""Mixed precision, emulated: what is multiplied has few bits, what is added up has many.

Every number is rounded to what the low format can say, and kept in float32; so the errors are those of the format, and
nothing gets faster.

Source: Micikevicius et al. 2018, "Mixed Precision Training".
"""

import copy
from functools import partial
from math import inf
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.random import Generator

from minivit.checked import check_range, check_shape, checked
from minivit.cost.formats import format_named, round_to
from minivit.layers.basic import Linear
from minivit.layers.layer import Layer
from minivit.nests import mapped
from minivit.ops.linear import LinearCache
from minivit.tasks.task import Task
from minivit.train.optim import Optimizer
from minivit.types import Float, ndarray

Model = TypeVar("Model", bound=Layer)


@checked
def mixed_matmul(a: Float[ndarray, "*B N K"], b: Float[ndarray, "*B K M"], format: str) -> Float[ndarray, "*B N M"]:
    r"""A product as tensor cores make it: factors of a low format, sums in float32.

    .. math:: y_{nm} = \sum_k \operatorname{FP32}(\hat a_{nk} \hat b_{km})

    Here :math:`\hat a` is a rounded to the format. Numbers of TF32 and FP16 have 11 binary digits, their products at
    most 22, and float32 has 24: unless it is out of range, a product is exact, and only sums are rounded.

    Parameters
    ----------
    a : (..., N, K)
    b : (..., K, M)
        With the same leading axes.
    format : str
        A name in ``minivit.cost.formats.FORMATS``, of the factors.

    Raises
    ------
    ValueError
        If shapes do not fit, or the format is unknown or wider than float32.

    References
    ----------
    Micikevicius et al. 2018, section 3.3.
    """
    if format == "fp64":
        raise ValueError(
            "mixed_matmul: format is 'fp64'; expected one that float32 holds, because the sums are float32"
        )
    a32, b32 = (round_to(factor, format).astype(np.float32) for factor in (a, b))
    with np.errstate(over="ignore", invalid="ignore"):
        return (a32 @ b32).astype(a.dtype)


@checked
def low_matmul(a: Float[ndarray, "*B N K"], b: Float[ndarray, "*B K M"], format: str) -> Float[ndarray, "*B N M"]:
    r"""The same product with sums of the low format, too: every partial sum is rounded, one after the other.

    .. math:: s_0 = 0, \qquad s_k = \operatorname{round}(s_{k-1} + \hat a_{nk} \hat b_{km}), \qquad y_{nm} = s_K

    Product and sum of a step are float64, so what counts is one rounding to the format, as in a multiply-add. What is
    smaller than half the distance of the format's numbers around the sum is lost: 256 + 1 is 256 in BF16.

    Parameters
    ----------
    a : (..., N, K)
    b : (..., K, M)
        With the same leading axes.
    format : str
        A name in ``minivit.cost.formats.FORMATS``, of factors and sums.

    Raises
    ------
    ValueError
        If shapes do not fit, or the format is unknown.
    """
    wide_a, wide_b = (round_to(factor, format).astype(np.float64) for factor in (a, b))
    total = np.zeros((*a.shape[:-1], b.shape[-1]))
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(a.shape[-1]):
            total = round_to(total + wide_a[..., :, k, None] * wide_b[..., k, None, :], format)
        return total.astype(a.dtype)


@checked
def relative_error(y: ndarray, exact: ndarray) -> float:
    r"""How far ``y`` is from the exact array, over all numbers: :math:`\lVert y - e \rVert / \lVert e \rVert`.

    ValueError if they are not of one shape. What is compared may be of another precision.
    """
    check_shape("y", y, exact.shape)
    return float(np.linalg.norm(np.subtract(y, exact, dtype=np.float64)) / np.linalg.norm(exact.astype(np.float64)))


@checked
def underflow(x: Float[ndarray, "..."], format: str, *, scale: float = 1.0) -> float:
    """The share of the numbers other than 0 that become 0 when ``scale`` times them is rounded to a format."""
    there = x[x != 0].astype(np.float64)
    return float(np.mean(round_to(scale * there, format) == 0)) if there.size else 0.0


class Rounded(Layer):
    """A linear map of a low format: its input, its weights and its output are rounded, and so are all its gradients.

    The sums inside are float32. The parameters stay as they are, the master weights that the optimizer changes, and
    keep the names they have in ``layer``.

    Source: Micikevicius et al. 2018, section 3.1 and figure 1.
    """

    def __init__(self, layer: Linear, format: str) -> None:
        format_named(format)
        self.layer, self.format = layer, format

    def _walk(self, prefix: str):
        return self.layer._walk(prefix)

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, LinearCache]:
        low = copy.deepcopy(self.layer)
        for param in low.params:
            param.value = round_to(param.value, self.format)
        y, cache = low.forward(round_to(x, self.format))
        return round_to(y, self.format), cache

    def backward(self, dy: ndarray, cache: LinearCache) -> ndarray:
        twin = self.layer.replica()
        dx = twin.backward(round_to(dy, self.format), cache)  # the cache has the rounded input and weights
        for param, low in zip(self.params, twin.params, strict=True):
            param.add_grad(round_to(low.grad, self.format))
        return round_to(dx, self.format)


def rounded(model: Model, format: str) -> Model:
    """A replica of a model in which every linear map is :class:`Rounded`; it shares the values, its master weights.

    All else is float32: norms, softmax, activations, the sums of residual connections, the loss. PyTorch's ``autocast``
    makes the same choice, and rounds the two products inside attention too, which here are float32 products of rounded
    queries, keys and values.

    Raises
    ------
    ValueError
        If there is no such format.
    """
    return _rounded(model.replica(), format)  # one replica of all, so that shared parameters stay shared


def _rounded(part: Any, format: str) -> Any:
    """The same with its linear maps in :class:`Rounded`. Writes to the layers, so they must be those of a replica."""
    if isinstance(part, Linear):
        return Rounded(part, format)
    if isinstance(part, Layer) and part.params:
        for name, item in list(vars(part).items()):
            setattr(part, name, mapped(partial(_rounded, format=format), item))
    return part


class Step(NamedTuple):
    """The loss of a step, and whether it was made: it is not where loss or gradient are not finite."""

    loss: float
    made: bool


@np.errstate(all="ignore")  # what is not finite ends the step
def mixed_precision_step(
    model: Layer, inputs: ndarray, targets: Any, *, optimizer: Optimizer, task: Task, loss_scale: float = 1.0
) -> Step:
    r"""Forward, loss, backward with a scaled loss, and an update of the master weights in float32.

    .. math:: g = \frac{1}{s} \frac{\partial\, (s L)}{\partial w}

    Gradients are proportional to that of the loss. Times s they lie where the low format has numbers; divided again, in
    float32, they are what they were. A scale that is a power of 2 changes nothing else. If it is too large, gradients
    overflow, and the step is left out.

    Parameters
    ----------
    model : Layer
        That of :func:`rounded`; any other is trained in its own precision.
    inputs : (B, ...)
    targets
        What the task takes.
    optimizer : Optimizer
        Of this model.
    task : Task
    loss_scale : float
        The factor s, the same in every step (static loss scaling).

    Raises
    ------
    ValueError
        If the scale is not positive and finite.

    References
    ----------
    Micikevicius et al. 2018, section 3.2.
    """
    check_range("loss_scale", loss_scale, above=0, below=inf)
    outputs, c_model = model.forward(inputs)
    loss, c_loss = task.forward(outputs, targets)
    model.zero_grad()
    model.backward(task.backward(np.full_like(loss, loss_scale), c_loss), c_model)
    for param in model.params:
        param.grad /= loss_scale
    made = bool(np.isfinite(loss) and all(np.isfinite(param.grad).all() for param in model.params))
    if made:
        optimizer.step()
    return Step(float(loss), made)
