"""Level 2: a layer owns parameters and other layers, and nothing else."""

import gc
from collections.abc import Callable, Iterator, Mapping
from types import FunctionType, ModuleType
from typing import Any, Self

import numpy as np
from numpy import ndarray

from minivit.checked import precision_of
from minivit.layers.param import Param, check_real
from minivit.nests import NESTS, entries, mapped


class Layer:
    """Parameters, and the wiring of pairs: ``y, cache = forward(x)`` and ``dx = backward(dy, cache)``.

    A layer holds no activations: what backward needs is in the cache, so a layer can be used twice, and in threads
    through :meth:`replica`. ``backward`` adds to the gradient of every parameter and returns the gradients of the array
    arguments of ``forward``, in order. Parameters and child layers are attributes, or stand in lists, tuples and dicts
    that are attributes, and are named after them: ``blocks.0.attn.qkv.weight``.

    Randomness (dropout, stochastic depth) happens exactly when ``forward`` is given a generator ``rng``.
    """

    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[..., Any]

    def init(self, seed: int = 0, dtype: str | type | np.dtype = "float32") -> Self:
        """Give every parameter its seed and dtype; returns the layer itself.

        Each parameter draws from a generator of its own, seeded by ``seed`` and its name: the same model has the same
        initial values in whatever order, and however many, of its parameters are used.

        Raises
        ------
        TypeError
            If the dtype is another, or if a parameter or a layer is hidden where it would not be found, and so not be
            trained or saved: in a set, an object that is no layer, a method, a function.
        """
        dtype = precision_of(dtype)
        self._refuse_hidden()
        for name, param in self.named_state().items():
            param.init([seed, *name.encode()], dtype)
        return self

    def _refuse_hidden(self) -> None:
        waiting: list[tuple[str, Any, bool]] = [("", self, True)]  # where it is, what it is, whether it is found there
        seen: set[int] = set()
        while waiting:
            place, item, found = waiting.pop()
            if isinstance(item, (Param, Layer)) and not found:
                kinds = "attributes, lists, tuples and dicts"
                raise TypeError(f"{place} hides a {type(item).__name__}; expected it in {kinds}")
            if isinstance(item, Layer):
                waiting += [(f"{type(item).__name__}.{name}", part, True) for name, part in vars(item).items()]
            elif isinstance(item, NESTS):
                waiting += [(place, part, found) for _, part in entries(item)]
            elif id(item) not in seen and not isinstance(item, NO_HOLDERS):
                seen.add(id(item))
                inside = (item.__closure__ or ()) if isinstance(item, FunctionType) else gc.get_referents(item)
                waiting += [(place, part, False) for part in inside]

    def named_params(self) -> dict[str, Param]:
        """Every parameter by its name, in order of definition; a shared one once, under its first name."""
        return {name: param for name, param in self.named_state().items() if param.learned}

    def named_state(self) -> dict[str, Param]:
        """As :meth:`named_params`, with all that is saved but not learned: running averages."""
        found: dict[str, Param] = {}
        seen: set[int] = set()
        for name, param in self._walk(""):
            if id(param) not in seen:
                seen.add(id(param))
                found[name] = param
        return found

    def _walk(self, prefix: str) -> Iterator[tuple[str, Param]]:
        for name, item in vars(self).items():
            if isinstance(item, HOLDERS):
                yield from _params_in(item, prefix + name)

    @property
    def params(self) -> list[Param]:
        """Every parameter once."""
        return list(self.named_params().values())

    @property
    def num_params(self) -> int:
        """Number of learned numbers, shared ones counted once. Allocates nothing."""
        return sum(param.size for param in self.params)

    def zero_grad(self) -> None:
        """Set every gradient to zero."""
        for param in self.params:
            param.zero_grad()

    def replica(self) -> Self:
        """The same layer for another thread: shares every value, owns its gradients."""
        return self._replica({})

    def _replica(self, twins: dict[int, Param]) -> Self:
        """``twins`` maps parameters already met to their replicas, so that what was shared stays shared."""
        inside = {name: _twin(item, twins) for name, item in vars(self).items() if isinstance(item, HOLDERS)}
        if not inside:  # there is no gradient to own
            return self
        layer = object.__new__(type(self))
        vars(layer).update(vars(self) | inside)
        return layer

    def absorb(self, cache: Any) -> None:
        """Let every layer that keeps statistics of its batches take in those of this one, from the cache of forward.

        Raises
        ------
        TypeError
            If a layer inside keeps statistics, and no field of the cache bears its name.
        """
        for name, item in vars(self).items():
            if all(param.learned for _, param in _params_in(item, name) if item is not param):
                continue
            if hasattr(cache, name):
                mapped(_absorb, item, getattr(cache, name))
            else:
                kinds = f"{type(self).__name__}.{name} keeps statistics of its batches"
                raise TypeError(f"{kinds}; expected a field {name!r} in the cache, a {type(cache).__name__}")

    def state_dict(self) -> dict[str, ndarray]:
        """A copy of every value, by name."""
        return {name: param.value.copy() for name, param in self.named_state().items()}

    def load_state_dict(self, arrays: Mapping[str, ndarray]) -> None:
        """Set every value by name.

        Raises
        ------
        KeyError
            If an array is missing or has a name that the layer does not know; nothing is changed then.
        ValueError
            If an array has the wrong shape or holds no numbers; nothing is changed then.
        """
        params = self.named_state()
        check_arrays({name: param.shape for name, param in params.items()}, arrays)
        values = {name: param.empty() for name, param in params.items()}
        for name, value in values.items():
            value[...] = arrays[name]
        for name, param in params.items():
            param.take(values[name])


HOLDERS = (Param, Layer, *NESTS)
"""Attributes in which there may be parameters; most are numbers."""

NO_HOLDERS = (Param, type, ModuleType, str, bytes, int, float, ndarray)
"""What is not searched for hidden layers."""


def _params_in(item: Any, name: str) -> Iterator[tuple[str, Param]]:
    """Every parameter in a layer, or in nested lists, tuples and dicts, by name."""
    if isinstance(item, Param):
        yield name, item
    elif isinstance(item, Layer):
        yield from item._walk(f"{name}.")
    elif isinstance(item, NESTS):
        for key, part in entries(item):
            yield from _params_in(part, f"{name}.{key}")


def _twin(item: Any, twins: dict[int, Param]) -> Any:
    if isinstance(item, Param):
        return twins.setdefault(id(item), item.replica())
    if isinstance(item, Layer):
        return item._replica(twins)
    return mapped(lambda part: _twin(part, twins), item) if isinstance(item, NESTS) else item


def _absorb(layer: Any, cache: Any) -> None:
    if isinstance(layer, Layer):
        layer.absorb(cache)


def check_arrays(expected: Mapping[str, tuple[int, ...]], arrays: Mapping[str, ndarray]) -> None:
    """Compare names and shapes of arrays with what a model expects, and say in one sentence what does not fit."""
    missing = [name for name in expected if name not in arrays]
    unknown = [name for name in arrays if name not in expected]
    said = [f"array {missing[0]!r} is missing{_and_more(missing)}"] if missing else []
    said += [f"array {unknown[0]!r}{_and_more(unknown)} has no place in this model"] if unknown else []
    if said:
        raise KeyError(" and ".join(said) + (": these are not the weights of this model" if missing else ""))
    for name, shape in expected.items():
        if np.shape(arrays[name]) != shape:
            raise ValueError(f"array {name!r} has shape {np.shape(arrays[name])}; this model expects {shape}")
        check_real(f"array {name!r}", arrays[name])


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
