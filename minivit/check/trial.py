"""One run of a pair: what came out of forward and backward, held to the form that it must have."""

import copy
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.caches import arrays_in
from minivit.check.arguments import Args, Call, MalformedError, described
from minivit.check.derivative import EPS, ComplexSteps, Differences, GradientError, Slopes, rounded
from minivit.check.outputs import any_complex, cotangent, flat, form, has_gradient, only, parts
from minivit.check.reals import as_complex, as_reals, is_complex
from minivit.checked import PRECISION
from minivit.nests import NESTS, named_leaves

SAFETY = 30  # times what one rounding changes
TRIES = 20  # a gradient that is truly zero often stays it, to the bit


class Trial:
    """A pair, run once in one dtype, with everything that it must not write to set read-only.

    Attributes
    ----------
    args : dict
        The arguments that may be varied, in this precision.
    y, dy : array, or nest of arrays
        The output and a random cotangent (zero where ``y`` is infinite, as what is masked may be). Several outputs are
        a nest, and their cotangents one of the same type.
    name : str
        ``dy``; if one of several outputs is tried alone, ``dy.first`` or the like.
    grads : dict
        Gradients by the names of ``args``; None where the argument was no array either, or needs none. Those of complex
        arguments are split into their parts (:mod:`minivit.check.reals`), as are the slopes they are compared with.
    split : list of str
        Which arguments are complex.
    """

    def __init__(
        self, call: Call, backward: Callable, seed: int, dtype: type[np.floating] = np.float64, label: str = ""
    ) -> None:
        if not call.required:
            given = ", ".join(f"{name} is {described(arg)}" for name, arg in call.given.items())
            raise TypeError(f"nothing to check: forward was given no array of floating-point numbers ({given})")
        self.call, self.seed, self.dtype, self._backward = call, seed, dtype, backward
        self.label = label or getattr(backward, "__name__", "backward")
        self.args = call.values(dtype)
        self.split = [name for name, arg in self.args.items() if is_complex(arg)]
        self.name, self._place = "dy", None  # of the output that is tried alone
        self.y, self.cache = self._forward(self.args)
        self.dy = cotangent(np.random.default_rng(seed), self.y)
        self.grads = self.backward(self.dy)

    @cached_property
    def alone(self) -> "list[Trial]":
        """Of several outputs, a trial of each alone, in which the cotangents of all others are zero.

        So a mistake in a small output does not hide beside a large one, and a message can say which it is.
        """
        names = [name for name, _ in parts(self.dy, "dy")]
        return [self._of_one(place, name) for place, name in enumerate(names)] if len(names) > 1 else []

    def _of_one(self, place: int, name: str) -> "Trial":
        trial = copy.copy(self)
        trial.label, trial.name, trial._place = f"{self.label}, from {name} alone", name, place
        trial.dy = only(self.dy, place)
        trial.grads = trial.rerun(trial.args, trial.dy)
        return trial

    def outputs(self, values: Args) -> ndarray:
        """The outputs of forward for other values, as one flat array; both are split where they are complex."""
        y = self.call(values | {name: as_complex(values[name]) for name in self.split})[0]
        if isinstance(y, NESTS) and form(y) != form(self.y):
            raise GradientError(f"{self.label}: for other numbers forward returns outputs of another number or shape")
        return flat(y, self._place, split=any_complex(self.y))

    def slopes(self, kind: type[Slopes]) -> Slopes:
        """The numerical slopes of the forward that was tried."""
        args, split = {name: as_reals(arg) for name, arg in self.args.items()}, any_complex(self.y)
        if kind is ComplexSteps:
            if self.split or split:
                which = f"{self.split[0]} is" if self.split else "outputs are"
                raise TypeError(f"{self.label}: {which} complex; the complex step is for real arguments and outputs")
            args = args | {name: args[name] + 0j for name, grad in self.grads.items() if grad is not None}
        y, dy = (flat(nest, self._place, split=split) for nest in (self.y, self.dy))
        return kind(self.outputs, args, y, dy)

    def backward(self, dy: Any) -> dict[str, Any]:
        """Gradients for another cotangent, with the same cache."""
        return self._gradients(self.args, self.cache, dy)

    def rerun(self, values: Args, dy: Any) -> dict[str, Any]:
        """Gradients for other values of the arguments."""
        return self._gradients(values, self._forward(values)[1], dy)

    def is_rounding(self, name: str, error: float, direction: ndarray | float = 1.0) -> bool:
        """Whether an error in a gradient, or in its sum along a direction, is what rounding makes there.

        It is if the gradient moves as much, within a factor of safety, when all numbers move by one rounding.
        """
        along = np.sum if isinstance(direction, ndarray) else np.asarray
        grad = along(self.grads[name] * direction)
        rng = np.random.default_rng([self.seed, 3])
        moved = EPS * self.slopes(Differences).usual(name)
        for _ in range(TRIES):
            if error <= SAFETY * moved:
                return True
            values = rounded(self.args, rng)
            grads = self._gradients(values, rounded(self._forward(values)[1], rng), rounded(self.dy, rng))
            moved = max(moved, float(np.abs(along(grads[name] * direction) - grad).max(initial=0)))
        return False

    def untouched(self, *values: Any, label: str = "") -> AbstractContextManager[None]:
        """Within the ``with``, nothing may write to these values or to what was given."""
        return read_only(label or self.label, *values, self.call.others)

    def _forward(self, values: Args) -> tuple[Any, Any]:
        with self.untouched(values, label="forward"):
            returned = self.call(values)
        if not (isinstance(returned, tuple | list) and len(returned) == 2):
            raise GradientError(
                f"forward returned {described(returned)}; expected the pair (y, cache): what backward needs is in the "
                "cache (None if it needs nothing)"
            )
        y, cache = returned
        self._check_outputs(y, values)
        return y, cache

    def _check_outputs(self, y: Any, values: Args) -> None:
        """Whether each is an array of numbers in this dtype; beside it may stand what has no gradient."""
        several = isinstance(y, NESTS)
        for path, leaf in named_leaves(y, "y"):
            if several and (leaf is None or np.asarray(leaf).dtype.kind in "biu"):
                continue
            if not isinstance(leaf, ndarray | np.generic | float):
                raise GradientError(f"forward returned {described(leaf)} as {path}; expected an array")
            dtype, which = np.asarray(leaf).dtype, f" as {path}" if several else ""
            if not has_gradient(leaf):
                raise TypeError(
                    f"forward makes {dtype}{which}, which has no gradient; give it floating-point numbers: x / 1.0"
                )
            if PRECISION.get(dtype) != self.dtype and type(leaf) is not float:
                raise GradientError(
                    f"{self.label}: from {np.dtype(self.dtype)} forward makes {dtype}{which}; dtype in = dtype out"
                )
            _check_finite(leaf, f" of {path}" if several else "", values)
        if not parts(y, "y"):
            came = ", ".join(f"{path} is {described(leaf)}" for path, leaf in named_leaves(y, "y")) or described(y)
            raise TypeError(f"forward makes nothing that has a gradient: {came}; expected floating-point numbers")

    def _gradients(self, values: Args, cache: Any, dy: Any) -> dict[str, Any]:
        with self.untouched(values, cache, dy):
            returned = self._backward(dy, cache)
        try:
            grads = self.call.named(returned)
        except MalformedError as error:
            raise GradientError(f"{self.label}: returned {error}") from error
        for name, grad in grads.items():
            self._check_gradient(name, grad)
        for name in self.call.required:
            if grads.get(name) is None:
                what = "None, though the argument was given" if name in grads else "left out"
                raise GradientError(
                    f"{self.label}: the gradient of {name} is {what}; if it is a constant, say so: "
                    f"constants=({name.partition('[')[0]!r},)"
                )
        return {name: as_reals(grad) for name, grad in grads.items() if name in values}

    def _check_gradient(self, name: str, grad: Any) -> None:
        """Whether there is such an argument, and the gradient is made of numbers of its dtype."""
        if grad is None:
            return
        if name not in self.args:
            raise self._no_such_argument(name)
        if not isinstance(grad, ndarray | np.generic | float):
            raise GradientError(f"{self.label}: the gradient of {name} is {described(grad)}; expected an array")
        arg = self.args[name]
        if isinstance(arg, ndarray) and (dtype := np.asarray(grad).dtype) != arg.dtype and type(grad) is not float:
            raise GradientError(f"{self.label}: the gradient of {name} is {dtype}; the argument is {arg.dtype}")

    def _no_such_argument(self, name: str) -> Exception:
        given, root = self.call.given, name.partition("[")[0]
        arg = given.get(name)
        if isinstance(arg, ndarray):
            return TypeError(f"{name} has dtype {arg.dtype}, yet {self.label} returns its gradient; give it as floats")
        if isinstance(arg, list | tuple | dict) or root != name:
            return GradientError(
                f"{self.label}: the gradient {name} does not fit {', '.join(self.args)}, which forward was given: "
                "an array has an array of gradients, a list or *args has a tuple"
            )
        if root in self.call.parameters:
            return GradientError(f"{self.label}: the gradient of {name} is not None, though the argument was")
        return GradientError(f"{self.label}: gradient {name!r} is not an argument; forward was given {[*given]}")


def _check_finite(y: Any, which: str, values: Args) -> None:
    """Minus infinity may come out where it went in (a mask); nothing else that is not finite may."""
    if np.isfinite(y).all():
        return
    masked = any(np.isneginf(np.real(arg)).any() for arg in values.values())
    bad = np.argwhere(~np.isfinite(y) & ~(masked & np.isneginf(np.real(y))))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        raise GradientError(
            f"forward gives {np.asarray(y)[index]} at index {index}{which}; no gradient can be checked there, choose "
            "other inputs"
        )


@contextmanager
def read_only(label: str, *values: Any) -> Iterator[None]:
    """Within the ``with``, writing to an array in ``values`` (caches, tuples, dicts) raises a GradientError."""
    arrays = [array for _, array in arrays_in(values) if array.flags.writeable]
    for array in arrays:
        array.flags.writeable = False
    try:
        yield
    except ValueError as error:
        if "read-only" not in str(error):
            raise
        message = f"{label}: writes into an input, the cache or dy; copy an array before changing it"
        raise GradientError(message) from error
    finally:
        for array in sorted(arrays, key=lambda a: a.base is not None):  # views can be released after what they view
            array.flags.writeable = True
