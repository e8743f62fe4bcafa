"""Optimizers: how a gradient becomes a step. The rules are plain functions; the classes keep the running averages."""

from collections.abc import Callable, Mapping
from math import inf, sqrt
from typing import NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.layers.layer import Layer, check_arrays
from minivit.layers.param import Param
from minivit.types import Float, ndarray


class AdamUpdate(NamedTuple):
    """New value, and new running averages of the gradient (m) and of its square (v)."""

    value: Float[ndarray, "*W"]
    m: Float[ndarray, "*W"]
    v: Float[ndarray, "*W"]


@checked
def adam_update(
    value: Float[ndarray, "*W"],
    grad: Float[ndarray, "*W"],
    m: Float[ndarray, "*W"],
    v: Float[ndarray, "*W"],
    step: int,
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> AdamUpdate:
    r"""One step of Adam.

    .. math::
        m &\leftarrow \beta_1 m + (1 - \beta_1)\, g \\
        v &\leftarrow \beta_2 v + (1 - \beta_2)\, g^2 \\
        w &\leftarrow w - \eta\, \frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \epsilon}

    m and v start at zero, so they are too small in the first steps; dividing by :math:`1 - \beta^t` corrects it.

    Parameters
    ----------
    value, grad, m, v : arrays of one shape
        The parameter w, its gradient g, and the averages from the step before (zeros before the first).
    step : int
        t, counted from 1.
    lr : float
        The learning rate :math:`\eta`.

    References
    ----------
    Kingma and Ba 2015, "Adam: A Method for Stochastic Optimization", algorithm 1.
    """
    beta1, beta2 = betas
    if not (step >= 1 and 0 <= beta1 < 1 and 0 <= beta2 < 1):
        raise ValueError(f"adam_update: step is {step}, betas are {betas}; expected 1 or more, and from 0 to below 1")
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * (grad * grad)
    root = np.sqrt(v) / sqrt(1 - beta2**step) + eps
    return AdamUpdate(value - (lr / (1 - beta1**step)) * (m / root), m, v)


@checked
def adamw_update(
    value: Float[ndarray, "*W"],
    grad: Float[ndarray, "*W"],
    m: Float[ndarray, "*W"],
    v: Float[ndarray, "*W"],
    step: int,
    *,
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> AdamUpdate:
    r"""One step of Adam with decoupled weight decay.

    .. math:: w \leftarrow (1 - \eta \lambda)\, w \quad\text{and then a step of Adam}

    The decay does not pass through Adam's averages: weights shrink at one rate whatever the size of their gradient.

    Source: Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization", algorithm 2 (lr scales the decay, as in
    PyTorch).
    """
    return adam_update(value * (1 - lr * weight_decay), grad, m, v, step, lr=lr, betas=betas, eps=eps)


@checked
def sgd_update(
    value: Float[ndarray, "*W"],
    grad: Float[ndarray, "*W"],
    velocity: Float[ndarray, "*W"],
    *,
    lr: float,
    momentum: float = 0.0,
) -> tuple[Float[ndarray, "*W"], Float[ndarray, "*W"]]:
    r"""One step of gradient descent with momentum; returns the new value and velocity.

    .. math:: u \leftarrow \mu u + g, \qquad w \leftarrow w - \eta u

    Source: Polyak 1964; in this form Sutskever et al. 2013 and PyTorch.
    """
    velocity = momentum * velocity + grad
    return value - lr * velocity, velocity


def is_linear_map(name: str, param: Param) -> bool:
    """Whether weight decay applies: to matrices and kernels, not to biases, scales of norms, tokens or tables."""
    return param.is_linear_map


def the_same(name: str, param: Param) -> float:
    """The same learning rate for all parameters."""
    return 1.0


class Optimizer:
    """Base of the optimizers: the parameters, the learning rate, the step count and the running averages by name.

    ``optimizer.lr`` may be set before every step (that is what a schedule does). ``rates`` says by what factor a
    parameter's own differs from it; those with 0 are left as they are, and nothing is kept for them.
    """

    slots: tuple[str, ...] = ()
    """Names of the running averages kept for each parameter."""

    def __init__(
        self,
        model: Layer,
        lr: float,
        weight_decay: float,
        decays: Callable[[str, Param], bool],
        rates: Callable[[str, Param], float],
    ) -> None:
        check_range("lr", lr, at_least=0, below=inf)
        check_range("weight_decay", weight_decay, at_least=0, below=inf)
        known = model.named_params()
        self.rates = {name: rates(name, param) for name, param in known.items()}
        for name, rate in self.rates.items():
            check_range(f"the rate of {name}", rate, at_least=0, below=inf)
        self.params = {name: param for name, param in known.items() if self.rates[name] > 0}
        self.lr = lr
        self.steps = 0
        self.decay = {name: weight_decay if decays(name, param) else 0.0 for name, param in self.params.items()}
        self.state = {
            f"{slot}.{name}": np.zeros_like(p.value) for slot in self.slots for name, p in self.params.items()
        }

    def step(self) -> None:
        """Update every parameter from its ``grad``."""
        check_range("lr", self.lr, at_least=0, below=inf)
        self.steps += 1
        for name, param in self.params.items():
            lr = self.lr * self.rates[name]
            value, *averages = self.update(
                param, lr, self.decay[name], *(self.state[f"{s}.{name}"] for s in self.slots)
            )
            param.value = np.clip(value, *param.within) if param.within else value
            for slot, average in zip(self.slots, averages, strict=True):
                self.state[f"{slot}.{name}"] = average

    def update(self, param: Param, lr: float, decay: float, *averages: ndarray) -> tuple[ndarray, ...]:
        """New value and new running averages of one parameter."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, ndarray]:
        """Everything but the hyper-parameters, for a checkpoint."""
        return {"steps": np.array(self.steps), **self.state}

    def load_state_dict(self, arrays: Mapping[str, ndarray]) -> None:
        """Continue from :meth:`state_dict`. Raises KeyError or ValueError if it belongs to other parameters."""
        check_arrays({name: np.shape(array) for name, array in self.state_dict().items()}, arrays)
        state = {name: np.array(arrays[name], array.dtype) for name, array in self.state.items()}
        steps = int(arrays["steps"])
        check_range("steps", steps, at_least=0)
        self.state, self.steps = state, steps


class AdamW(Optimizer):
    """Adam with decoupled weight decay (:func:`adamw_update`), by default on matrices and kernels only."""

    slots = ("m", "v")

    @checked
    def __init__(
        self,
        model: Layer,
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.05,
        decays: Callable[[str, Param], bool] = is_linear_map,
        rates: Callable[[str, Param], float] = the_same,
    ) -> None:
        super().__init__(model, lr, weight_decay, decays, rates)
        for i, beta in enumerate(betas):
            check_range(f"betas[{i}]", beta, at_least=0, below=1)
        check_range("eps", eps, above=0, below=inf)  # where a gradient is 0, 0 / 0
        self.betas, self.eps = betas, eps

    def update(self, param: Param, lr: float, decay: float, *averages: ndarray) -> tuple[ndarray, ...]:
        m, v = averages
        options = {"lr": lr, "betas": self.betas, "eps": self.eps, "weight_decay": decay}
        return adamw_update(param.value, param.grad, m, v, self.steps, **options)


class Adam(Optimizer):
    """Adam (:func:`adam_update`); weight decay, if any, is the classic kind that is added to the gradient."""

    slots = ("m", "v")

    @checked
    def __init__(
        self,
        model: Layer,
        *,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        decays: Callable[[str, Param], bool] = is_linear_map,
        rates: Callable[[str, Param], float] = the_same,
    ) -> None:
        super().__init__(model, lr, weight_decay, decays, rates)
        for i, beta in enumerate(betas):
            check_range(f"betas[{i}]", beta, at_least=0, below=1)
        check_range("eps", eps, above=0, below=inf)  # where a gradient is 0, 0 / 0
        self.betas, self.eps = betas, eps

    def update(self, param: Param, lr: float, decay: float, *averages: ndarray) -> tuple[ndarray, ...]:
        m, v = averages
        grad = param.grad + decay * param.value
        return adam_update(param.value, grad, m, v, self.steps, lr=lr, betas=self.betas, eps=self.eps)


class SGD(Optimizer):
    """Gradient descent with momentum (:func:`sgd_update`); weight decay is added to the gradient."""

    slots = ("velocity",)

    @checked
    def __init__(
        self,
        model: Layer,
        *,
        lr: float = 0.1,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        decays: Callable[[str, Param], bool] = is_linear_map,
        rates: Callable[[str, Param], float] = the_same,
    ) -> None:
        super().__init__(model, lr, weight_decay, decays, rates)
        check_range("momentum", momentum, at_least=0, below=1)
        self.momentum = momentum

    def update(self, param: Param, lr: float, decay: float, *averages: ndarray) -> tuple[ndarray, ...]:
        (velocity,) = averages
        grad = param.grad + decay * param.value
        return sgd_update(param.value, grad, velocity, lr=lr, momentum=self.momentum)


def global_norm(params: list[Param]) -> float:
    """Length of all gradients laid end to end, the square root of the sum of all squares.

    In float64, because the square of 1e20 does not fit float32.
    """
    return sqrt(sum(float(np.square(param.grad, dtype=np.float64).sum()) for param in params))


@checked
def clip_grad_norm(params: list[Param], max_norm: float) -> float:
    r"""Scale all gradients together so that their global norm is at most ``max_norm``; returns the norm it was.

    .. math:: g \leftarrow g \cdot \min\left(1, \frac{\text{max\_norm}}{\lVert g \rVert + 10^{-6}}\right)

    Raises
    ------
    ValueError
        If ``max_norm`` is not positive: a negative one would turn every gradient round.

    References
    ----------
    Pascanu et al. 2013, "On the difficulty of training recurrent neural networks", algorithm 1; the 1e-6 is PyTorch's.
    """
    check_range("max_norm", max_norm, above=0)
    norm = global_norm(params)
    if norm > max_norm - 1e-6:
        for param in params:
            param.grad *= max_norm / (norm + 1e-6)
    return norm
