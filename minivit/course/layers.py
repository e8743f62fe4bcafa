"""Methods of layers as plain functions: make the layer with these parameters and options, and run them.

An option is of the constructor if that has a parameter of its name, else of forward. Those of forward that are arrays
and may be given by position (a bias of the scores) have gradients, as ``x`` has. The option ``overridden`` is the name
of a method that gives twice as much, as that of a subclass may; so does its backward.
"""

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from minivit.course.pair import together
from minivit.layers.layer import Layer

Options = dict[str, Any]


def layer_forward(layer_class: Callable[..., Layer], x: Any, params: dict[str, Any], **options: Any) -> Any:
    """Its forward. In ``params`` stands what became of them, here as below."""
    layer, call = made(layer_class, params, options)
    value = _forward(layer, x, call)
    params.update(values_of(layer))
    return value


def layer_backward(
    layer_class: Callable[..., Layer],
    dy: Any,
    cache: Any,
    params: dict[str, Any],
    start: dict[str, Any] | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Its backward; gradients by name. Those of parameters begin with ``start``, else with zeros."""
    layer, call = made(layer_class, params, options)
    grads = _gradients(layer, dy, cache, call, start)
    params.update(values_of(layer))
    return grads


def layer_together(
    layer_class: Callable[..., Layer],
    dy: Any,
    args: tuple,
    other: tuple,
    start: dict[str, Any] | None = None,
    **options: Any,
) -> tuple:
    """As :func:`minivit.course.pair.together`; gradients of parameters begin with ``start`` each time."""
    x, params = args
    layer, call = made(layer_class, params, options)

    def forward(x: Any, *_: Any) -> Any:
        value = _forward(layer, x, call)
        layer.load_state_dict(params)  # what it writes into them is told of the forward, and not of the backward
        return value

    def backward(dy: Any, cache: Any) -> dict[str, Any]:
        return _gradients(layer, dy, cache, call, start)

    value = together(forward, backward, dy, (x,), other)
    params.update(values_of(layer))
    return value


def made(layer_class: Callable[..., Layer], params: dict[str, Any], options: Options) -> tuple[Layer, Options]:
    """A layer whose parameters have these values and their dtype, and the options that are left for its forward."""
    own = inspect.signature(layer_class.__init__).parameters
    layer = layer_class(**{name: value for name, value in options.items() if name in own})
    layer.init(0, next(iter(params.values())).dtype)
    layer.load_state_dict(params)
    if method := options.get("overridden"):
        override(layer, method)
    return layer, {name: value for name, value in options.items() if name not in {*own, "overridden"}}


def override(layer: Any, method: str) -> None:
    """Have a method, and its backward, give twice as much: who works around it has other numbers."""
    forward, backward = getattr(layer, method), getattr(layer, f"{method}_backward")

    def twice(*args: Any, **options: Any) -> tuple[Any, Any]:
        y, cache = forward(*args, **options)
        return 2 * y, cache

    setattr(layer, method, twice)
    setattr(layer, f"{method}_backward", lambda dy, cache: backward(2 * dy, cache))


def _forward(layer: Any, x: Any, call: Options) -> Any:
    """A generator does not cross to another process; its seed does."""
    seed = {"rng": np.random.default_rng(call["rng"])} if "rng" in call else {}
    return layer.forward(x, **{**call, **seed})


def values_of(layer: Layer) -> dict[str, Any]:
    """The parameters by name, and what is saved but not learned: running averages."""
    return {name: param.value for name, param in layer.named_state().items()}


def _gradients(layer: Any, dy: Any, cache: Any, call: Options, start: dict[str, Any] | None = None) -> dict[str, Any]:
    layer.zero_grad()
    for name, grad in (start or {}).items():
        layer.named_params()[name].grad = grad.copy()
    returned = layer.backward(dy, cache)
    inputs = ["x", *(name for name in call if name in positional(type(layer)))]
    is_pair = len(inputs) > 1 and isinstance(returned, (tuple, list))
    grads = dict(zip(inputs, returned, strict=False)) if is_pair else {"x": returned}
    return {**grads, **{name: param.grad for name, param in layer.named_params().items()}}


def positional(layer_class: type) -> list[str]:
    """Further arguments of forward that may be given by position."""
    parameters = [*inspect.signature(layer_class.forward).parameters.values()][2:]  # type: ignore[attr-defined]
    return [parameter.name for parameter in parameters if parameter.kind is parameter.POSITIONAL_OR_KEYWORD]
