"""The two classes of level 2: ``Param``, a value and its gradient; ``Layer``, which owns parameters, nothing else."""

import copy
from collections.abc import Callable, Mapping
from math import prod
from typing import Any, Self

import numpy as np
from numpy import ndarray

from minivit.checked import check_type

Init = Callable[[np.random.Generator, tuple[int, ...]], ndarray]

MOST_NUMBERS = 2**58
"""Of one array: NumPy counts its bytes in 64 bits."""


class ParamStorage(np.ndarray):
    """The memory of a parameter. The type alone tells :func:`minivit.nbytes` that it is not part of a cache."""


class Param:
    """A learned array: ``value``, and ``grad``, into which every backward adds.

    The value is drawn when it is first used, so a model that is only counted allocates nothing. It is always written in
    place: replicas of a layer, which share it, see every update.

    Parameters
    ----------
    shape : tuple of int
    init : callable (rng, shape) -> array
        One of :mod:`minivit.layers.init`.
    """

    def __init__(self, shape: tuple[int, ...], init: Init) -> None:
        check_type("shape", shape, tuple[int, ...])
        if min(shape, default=1) < 1:
            raise ValueError(f"a parameter cannot have shape {shape}; every side is at least 1")
        if prod(shape) > MOST_NUMBERS:
            raise ValueError(f"a parameter of shape {shape} has more numbers than any array can have")
        self.shape = shape
        self.dtype = np.dtype(np.float32)
        self._init = init
        self._seed: list[int] | None = None
        self._value: ndarray | None = None
        self._grad: ndarray | None = None

    def __repr__(self) -> str:
        return f"Param(shape={self.shape}, dtype={self.dtype})"

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape))

    @property
    def value(self) -> ndarray:
        """The array itself. Assigning copies into it; the shape must match."""
        if self._value is None:
            if self._seed is None:
                raise RuntimeError(f"{self} has no value yet: call init(seed) on the layer that it belongs to")
            self.value = self._init(np.random.default_rng(self._seed), self.shape)
        assert self._value is not None
        return self._value

    @value.setter
    def value(self, new: ndarray) -> None:
        if np.shape(new) != self.shape:
            raise ValueError(f"a parameter of shape {self.shape} cannot take a value of shape {np.shape(new)}")
        check_real("the value of a parameter", new)
        value = self.empty() if self._value is None else self._value
        value[...] = new  # may fail; there is no value then rather than one of random memory
        self._value = value

    def empty(self) -> ndarray:
        """Memory for a value of this parameter, not yet its own, to be filled and given to :meth:`take`."""
        return ParamStorage(self.shape, self.dtype).view(ndarray)

    def take(self, value: ndarray) -> None:
        """As ``self.value = value``, for one that was filled in :meth:`empty`: needs no memory, so it cannot fail."""
        if self._value is None:
            self._value = value
        else:
            self._value[...] = value

    @property
    def grad(self) -> ndarray:
        """Gradient of the loss, of the shape and dtype of ``value``; zeros until a backward has added to it."""
        if self._grad is None:
            self._grad = np.zeros(self.shape, self.dtype)
        return self._grad

    @grad.setter
    def grad(self, new: ndarray) -> None:
        if np.shape(new) != self.shape:
            raise ValueError(f"a parameter of shape {self.shape} cannot take a gradient of shape {np.shape(new)}")
        check_real("the gradient of a parameter", new)
        self._grad = np.asarray(new, self.dtype)

    def add_grad(self, more: ndarray) -> None:
        """``grad += more``; the first one is taken over as it is, so it must be an array of the caller's own making."""
        if self._grad is None:
            self.grad = more
        else:
            self._grad += more

    def zero_grad(self) -> None:
        """Forget the gradient: it is zeros again until a backward adds to it."""
        self._grad = None

    def init(self, seed: list[int], dtype: np.dtype) -> None:
        """Forget value and gradient; draw the value from this seed when it is next used."""
        self.dtype, self._seed = dtype, seed
        self._value = self._grad = None

    def replica(self) -> "Param":
        """A parameter that shares this one's value and has a gradient of its own."""
        twin = copy.copy(self)
        twin._value, twin._grad = self.value, None
        return twin


class Layer:
    """Parameters, and the wiring of pairs: ``y, cache = forward(x)`` and ``dx = backward(dy, cache)``.

    A layer holds no activations: what backward needs is in the cache, so a layer can be used twice, and in threads
    through :meth:`replica`. ``backward`` adds to the gradient of every parameter and returns the gradients of the array
    arguments of ``forward``, in order. Parameters and child layers are found as attributes (lists of layers too), and
    named after them: ``blocks.0.attn.qkv.weight``.

    Randomness (dropout, stochastic depth) happens exactly when ``forward`` is given a generator ``rng``.
    """

    forward: Callable[..., tuple[Any, Any]]
    backward: Callable[..., Any]

    def init(self, seed: int = 0, dtype: str | np.dtype = "float32") -> Self:
        """Give every parameter its seed and dtype; returns the layer itself.

        Each parameter draws from a generator of its own, seeded by ``seed`` and its name: the same model has the same
        initial values in whatever order, and however many, of its parameters are used.
        """
        dtype = np.dtype(dtype)
        if dtype not in (np.float32, np.float64):
            raise TypeError(f"dtype is {dtype}; expected float32 (to train) or float64 (to check)")
        for name, param in self.named_params().items():
            param.init([seed, *name.encode()], dtype)
        return self

    def named_params(self) -> dict[str, Param]:
        """Every parameter by its name, in order of definition; a shared one once, under its first name."""
        found: dict[str, Param] = {}
        seen: set[int] = set()
        for name, param in self._walk(""):
            if id(param) not in seen:
                seen.add(id(param))
                found[name] = param
        return found

    def _walk(self, prefix: str):
        for name, item in vars(self).items():
            if isinstance(item, Param):
                yield prefix + name, item
            elif isinstance(item, Layer):
                yield from item._walk(f"{prefix}{name}.")
            elif isinstance(item, list):
                for i, layer in enumerate(item):
                    yield from layer._walk(f"{prefix}{name}.{i}.")

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
        layer = copy.copy(self)
        for name, item in vars(self).items():
            if isinstance(item, Param):
                setattr(layer, name, twins.setdefault(id(item), item.replica()))
            elif isinstance(item, Layer):
                setattr(layer, name, item._replica(twins))
            elif isinstance(item, list):
                setattr(layer, name, [child._replica(twins) for child in item])
        return layer

    def state_dict(self) -> dict[str, ndarray]:
        """A copy of every value, by name."""
        return {name: param.value.copy() for name, param in self.named_params().items()}

    def load_state_dict(self, arrays: Mapping[str, ndarray]) -> None:
        """Set every value by name.

        Raises
        ------
        KeyError
            If an array is missing or has a name that the layer does not know; nothing is changed then.
        ValueError
            If an array has the wrong shape or holds no numbers; nothing is changed then.
        """
        params = self.named_params()
        check_arrays({name: param.shape for name, param in params.items()}, arrays)
        values = {name: param.empty() for name, param in params.items()}
        for name, value in values.items():
            value[...] = arrays[name]
        for name, param in params.items():
            param.take(values[name])


def check_arrays(expected: Mapping[str, tuple[int, ...]], arrays: Mapping[str, ndarray]) -> None:
    """Compare names and shapes of arrays with what a model expects, and say in one sentence what does not fit."""
    missing = [name for name in expected if name not in arrays]
    if missing:
        raise KeyError(f"array {missing[0]!r} is missing{_and_more(missing)}: these are not the weights of this model")
    unknown = [name for name in arrays if name not in expected]
    if unknown:
        raise KeyError(f"array {unknown[0]!r}{_and_more(unknown)} has no place in this model")
    for name, shape in expected.items():
        if np.shape(arrays[name]) != shape:
            raise ValueError(f"array {name!r} has shape {np.shape(arrays[name])}; this model expects {shape}")
        check_real(f"array {name!r}", arrays[name])


def check_real(name: str, array: ndarray) -> None:
    """Say that these are no real numbers: NumPy would read text, drop imaginary parts and make nan of None."""
    if (dtype := np.asarray(array).dtype).kind not in "biuf":
        raise ValueError(f"{name} has dtype {dtype}; expected real numbers")


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""
