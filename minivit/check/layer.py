"""Check a layer or a model: the gradients of its inputs and of every parameter."""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.caches import arrays_in
from minivit.check.arguments import Call, MalformedError
from minivit.check.compare import check_derivatives
from minivit.check.derivative import Differences, GradientError
from minivit.check.outputs import parts
from minivit.check.promises import check_second_backward
from minivit.check.report import Hints, named_sizes
from minivit.check.trial import Trial, read_only
from minivit.layers.layer import Layer
from minivit.nests import NESTS, entries


def check_layer(layer: Layer, *inputs: Any, seed: int = 0, rtol: float = 1e-8, **kwargs: Any) -> None:
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
        The array arguments of ``layer.forward``; ``backward`` returns the gradient of each (of integers, none).
        Several outputs are treated as by :func:`minivit.check.check_vjp`.
    seed : int
        Of the random cotangent, directions and moves of the parameters.
    rtol : float
        How far a gradient may be off, relative to itself; what the numerical derivative may be off is added.
    **kwargs
        Options of ``layer.forward`` (``mask``, ``rng``); each call gets a copy.

    Raises
    ------
    GradientError
        If a gradient is wrong, is not added to ``param.grad``, or differs when backward runs a second time, or if
        forward or backward writes into inputs, parameters, cache or ``dy``. It says which gradients are right.
    """
    rng = np.random.default_rng(seed)
    call = _LayerCall(_nearby(layer, rng), inputs, kwargs)
    trial = Trial(call, call.backward, seed, label=f"{type(layer).__name__}.backward")
    check_second_backward(trial)
    _check_adding(trial, call)
    check_derivatives(
        trial,
        Differences,
        rng=rng,
        rtol=rtol,
        hints=lambda trial: Hints(
            named_sizes(trial.args, kwargs), _gradients_on_the_way(trial, call), split=trial.split, of_layer=True
        ),
    )


class _LayerCall(Call):
    """A layer as a pair: its parameters are arguments like its inputs, which are called ``input 0`` and so on."""

    def __init__(self, layer: Layer, inputs: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        super().__init__(layer.forward, inputs, kwargs)
        self.layer, self.params = layer, layer.named_params()
        self._names = {path: f"input {i}" for i, path in enumerate(self.required)}
        values = {name: param.value for name, param in self.params.items()}
        self.args = {self._names.get(path, path): arg for path, arg in self.args.items()} | values
        self.required = [*self._names.values(), *self.params]

    def __call__(self, values: Mapping[str, Any]) -> Any:
        for name, param in self.params.items():
            param.value = values[name]
        with read_only("forward", self._params_now()):
            return super().__call__({**values, **{path: values[name] for path, name in self._names.items()}})

    def backward(self, dy: Any, cache: Any) -> tuple[Any, dict[str, ndarray]]:
        self.layer.zero_grad()
        with read_only(f"{type(self.layer).__name__}.backward", self._params_now()):
            returned = self.layer.backward(dy, cache)
        return returned, {name: param.grad for name, param in self.params.items()}

    def _params_now(self) -> list[ndarray]:
        return [param.value for param in self.params.values()]

    def named(self, returned: Any) -> dict[str, Any]:
        dinputs, grads = returned
        dinputs = dinputs if isinstance(dinputs, tuple) else (dinputs,)
        dinputs = [dinput for dinput in dinputs if dinput is not None]
        if len(dinputs) != len(self._names):
            raise MalformedError(f"{len(dinputs)} gradients; expected {len(self._names)}, one for each input array")
        return dict(zip(self._names.values(), dinputs, strict=True)) | grads


def _nearby(layer: Layer, rng: np.random.Generator) -> Layer:
    """A float64 copy of the layer, every parameter moved by a normal number of size 0.1."""
    layer = copy.deepcopy(layer)
    for param in layer.named_state().values():
        value = param.value
        param.init([0], np.dtype(np.float64))
        param.value = value + 0.1 * rng.standard_normal(param.shape)
    return layer


def _check_adding(trial: Trial, call: _LayerCall) -> None:
    """A backward adds to the gradients that are there, where it may have been called before."""
    trial.backward(trial.dy)
    with trial.untouched(trial.cache, trial.dy):
        call.layer.backward(trial.dy, trial.cache)
    for name, param in call.params.items():
        grad = trial.grads[name]
        if not np.allclose(param.grad, 2 * grad, rtol=1e-12, atol=1e-12 * np.abs(grad).max(initial=0)):
            raise GradientError(f"{trial.label}: a second backward must add the same gradient of {name} again (+=)")


def _gradients_on_the_way(trial: Trial, call: _LayerCall) -> dict[str, ndarray]:
    """What goes into and comes out of the backward of every layer inside, and what it adds to each parameter."""
    found = dict(parts(trial.dy, "dy"))

    def note(words: str, value: Any) -> None:
        for path, array in arrays_in(value):
            what = f"{words} as {path}" if path else words
            found[what if what not in found else f"{what} (call {len(found)})"] = array.copy()

    def watched(path: str, layer: Layer) -> Callable:
        backward = layer.backward

        def noting(dy: Any, cache: Any) -> Any:
            before = {name: param.grad.copy() for name, param in layer.named_params().items()}
            note(f"what goes into {path}.backward", dy)
            returned = backward(dy, cache)
            for dx in returned if isinstance(returned, tuple) else (returned,):
                note(f"what {path}.backward returns", dx)
            for name, param in layer.named_params().items():
                note(f"what {path}.backward adds to its {name}", param.grad - before[name])
            return returned

        return noting

    for path, layer in _inside(call.layer, ""):
        layer.backward = watched(path, layer)
    trial.rerun(trial.args, trial.dy)
    return found


def _inside(item: Any, path: str) -> Iterator[tuple[str, Layer]]:
    """Every layer below this one, by its place: ``blocks.0.attn``."""
    children = vars(item).items() if isinstance(item, Layer) else entries(item) if isinstance(item, NESTS) else ()
    for name, child in children:
        place = f"{path}.{name}".lstrip(".")
        if isinstance(child, Layer):
            yield place, child
        yield from _inside(child, place)
