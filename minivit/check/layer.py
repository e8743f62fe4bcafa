"""Check a layer or a model: the gradients of its inputs and of every parameter."""

import copy
from typing import Any

import numpy as np

from minivit.check.derivative import Args, GradientError, check_derivatives, named_sizes, random_like
from minivit.check.pair import as_dtype, read_only
from minivit.layers.layer import Layer


def check_layer(layer: Layer, *inputs: Any, seed: int = 0, rtol: float = 1e-6, **kwargs: Any) -> None:
    """Check ``layer.backward``: the gradients it returns and those it adds to the parameters.

    Everything happens in float64 on a copy of the layer, so the layer itself, its dtype included, stays as it is. The
    copy's parameters are moved a little at random: a scale of exactly 1 or a bias of exactly 0, as they start, would
    hide a backward that forgets them.

    >>> import numpy as np
    >>> from minivit.check import check_layer
    >>> from minivit.layers import Linear
    >>> check_layer(Linear(3, 5).init(seed=0), np.random.default_rng(0).standard_normal((2, 3)))

    Parameters
    ----------
    layer : Layer
        Initialised (``layer.init(seed)``).
    *inputs
        The array arguments of ``layer.forward``; ``backward`` returns the gradient of each.
    seed : int
        Of the random cotangent, directions and moves of the parameters.
    rtol : float
        Relative to the sizes of cotangent and direction.
    **kwargs
        Options of ``layer.forward`` (``mask``, ``rng``); each call gets a copy.

    Raises
    ------
    GradientError
        If a gradient is wrong, is not added to ``param.grad``, or differs when backward runs a second time, or if
        forward or backward writes into inputs, parameters, cache or ``dy``.
    """
    rng = np.random.default_rng(seed)
    label = f"{type(layer).__name__}.backward"
    layer = _nearby(layer, rng)
    params = layer.named_params()
    given: Args = {f"input {i}": as_dtype(x, np.float64) for i, x in enumerate(inputs)}
    values: Args = {name: param.value for name, param in params.items()}

    with read_only(label, given, values):
        y, cache = layer.forward(*given.values(), **copy.deepcopy(kwargs))
    dy = random_like(rng, y)

    def backward() -> dict[str, Any]:
        """Gradients of the inputs, and what has gathered in those of the parameters."""
        with read_only(label, given, values, cache, dy):
            dinputs = layer.backward(dy, cache)
        dinputs = dinputs if isinstance(dinputs, tuple) else (dinputs,)
        return dict(zip(given, dinputs, strict=True)) | {name: param.grad.copy() for name, param in params.items()}

    layer.zero_grad()
    grads = backward()
    layer.zero_grad()
    again, twice = backward(), backward()
    for name, grad in grads.items():
        if not np.array_equal(grad, again[name]):
            raise GradientError(f"{label}: a second backward with the same cache gives another gradient of {name}")
        if name in params and not np.allclose(twice[name], 2 * grad, rtol=1e-12, atol=1e-12 * np.abs(grad).max()):
            raise GradientError(f"{label}: a second backward must add the same gradient of {name} again (+=)")

    def function(args: Args) -> Any:
        for name, param in params.items():
            param.value = args[name]
        y, _ = layer.forward(*(args[name] for name in given), **copy.deepcopy(kwargs))
        return y

    args = given | {name: value.copy() for name, value in values.items()}
    sizes = named_sizes(given["input 0"], {})
    check_derivatives(label, function, args, grads, dy, rng=rng, rtol=rtol, sizes=sizes)


def _nearby(layer: Layer, rng: np.random.Generator) -> Layer:
    """A float64 copy of the layer, every parameter moved by a normal number of size 0.1."""
    layer = copy.deepcopy(layer)
    for param in layer.params:
        value = param.value
        param.init([0], np.dtype(np.float64))
        param.value = value + 0.1 * rng.standard_normal(param.shape)
    return layer
