"""A learned array: its value, its gradient, and what its axes are."""

import copy
from collections.abc import Callable
from math import prod

import numpy as np
from numpy import ndarray

from minivit.checked import check_type

Initial = Callable[[np.random.Generator, "Param"], ndarray]

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
    axes : str
        A name for each axis. ``"in out"`` is a matrix, ``"row column in out"`` the kernel of a convolution: an array
        with an axis "in" and an axis "out" is a linear map, and its other axes are the places it looks at. All other
        names (``"out"`` of a bias, ``"batch position width"``) are for those who read, and for loaders.
    initial : callable (rng, param) -> array
        One of :mod:`minivit.layers.initial`.
    learned : bool
        False for numbers that are kept and saved with the others, but not trained: running averages.
    grid : (rows, columns), optional
        What the entries of a table stand on: of an axis "position" the last rows * columns, row by row; those in front
        are for class tokens and their like. Loaders resample such a table for another grid.
    within : (smallest, largest), optional
        What an optimizer leaves it between: behind each step, numbers beyond are set to these.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        axes: str,
        initial: Initial,
        *,
        learned: bool = True,
        grid: tuple[int, int] | None = None,
        within: tuple[float, float] | None = None,
    ) -> None:
        check_type("shape", shape, tuple[int, ...])
        if min(shape, default=1) < 1:
            raise ValueError(f"a parameter cannot have shape {shape}; every side is at least 1")
        if prod(shape) > MOST_NUMBERS:
            raise ValueError(f"a parameter of shape {shape} has more numbers than any array can have")
        self.axes = tuple(axes.split())
        if len(self.axes) != len(shape):
            raise ValueError(f"axes are {axes!r}; expected a name for each axis of {shape}")
        if grid is not None and not (min(grid) >= 1 and prod(grid) <= max(shape, default=0)):
            raise ValueError(f"a parameter of shape {shape} has no entries for a grid of {grid}")
        self.shape = shape
        self.learned = learned
        self.grid = grid
        self.within = within
        self.dtype = np.dtype(np.float32)
        self._initial = initial
        self._seed: list[int] | None = None
        self._value: ndarray | None = None
        self._grad: ndarray | None = None

    def __repr__(self) -> str:
        return f"Param(shape={self.shape}, axes={' '.join(self.axes)!r}, dtype={self.dtype})"

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def is_linear_map(self) -> bool:
        """Whether it maps from an axis "in" to an axis "out": weight decay is for these."""
        return {"in", "out"} <= {*self.axes}

    @property
    def fans(self) -> tuple[int, int]:
        """Fan in and fan out of a linear map: how many numbers each output is made of, and each input goes into."""
        length = dict(zip(self.axes, self.shape, strict=True))
        places = prod(n for name, n in length.items() if name not in ("in", "out"))
        return length["in"] * places, length["out"] * places

    @property
    def value(self) -> ndarray:
        """The array itself. Assigning copies into it; the shape must match."""
        if self._value is None:
            if self._seed is None:
                raise RuntimeError(f"{self} has no value yet: call init(seed) on the layer that it belongs to")
            self.value = self._initial(np.random.default_rng(self._seed), self)
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
        self._grad = np.asanyarray(new, self.dtype)

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

    def adopt(self, value: ndarray) -> None:
        """Have this array for a value, whatever there was before; whoever shares that, keeps it."""
        self._value = value

    def replica(self) -> "Param":
        """A parameter that shares this one's value and has a gradient of its own."""
        twin = copy.copy(self)
        twin._value, twin._grad = self.value, None
        return twin


def check_real(name: str, array: ndarray) -> None:
    """Say that these are no real numbers: NumPy would read text, drop imaginary parts and make nan of None."""
    if (dtype := np.asarray(array).dtype).kind not in "biuf":
        raise ValueError(f"{name} has dtype {dtype}; expected real numbers")
