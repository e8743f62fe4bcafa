"""Check an op: a forward and a backward function, against numerical derivatives and against the promises of a pair."""

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.caches import arrays_in
from minivit.check.derivative import (
    Args,
    Function,
    GradientError,
    Slope,
    central_difference,
    check_derivatives,
    complex_step,
    named_sizes,
    random_like,
)


def check_vjp(
    forward: Callable, backward: Callable, *args: Any, seed: int = 0, rtol: float = 1e-7, **kwargs: Any
) -> None:
    """Check the gradients of a pair against central differences, in float64 and with a random cotangent.

    >>> import numpy as np
    >>> from minivit.check import check_vjp
    >>> from minivit.ops import softmax_backward, softmax_forward
    >>> check_vjp(softmax_forward, softmax_backward, np.random.default_rng(0).standard_normal((3, 5)))

    Parameters
    ----------
    forward, backward : functions
        ``y, cache = forward(*args, **kwargs)`` and ``grads = backward(dy, cache)``, where ``grads`` is a NamedTuple
        whose fields are names of parameters of ``forward``: those are checked.
    *args
        Floating-point arrays are taken in float64.
    seed : int
        Of the random cotangent and directions.
    rtol : float
        Relative to the sizes of cotangent and direction.
    **kwargs
        Options of ``forward``. Each call gets a copy, so a random generator among them drops the same numbers again.

    Raises
    ------
    GradientError
        If a gradient is wrong, or if forward or backward writes into an array that was given to it.
    """
    _check_slopes(_try(forward, backward, args, kwargs, seed), central_difference, rtol, seed)


def check_complex_step(
    forward: Callable, backward: Callable, *args: Any, seed: int = 0, rtol: float = 1e-12, **kwargs: Any
) -> None:
    """As :func:`check_vjp`, by the complex step: exact, for a forward that also computes with complex numbers."""
    trial = _try(forward, backward, args, kwargs, seed)
    complex_args = {name: trial.args[name] + 0j for name, grad in trial.grads.items() if grad is not None}
    _check_slopes(trial._replace(args=trial.args | complex_args), complex_step, rtol, seed)


def check_pair(forward: Callable, backward: Callable, *args: Any, seed: int = 0, **kwargs: Any) -> None:
    """Check everything that a pair promises; arguments and errors as for :func:`check_vjp`.

    - the gradients are right (:func:`check_vjp`) and have the shapes and dtypes of their arguments,
    - inputs, cache and ``dy`` are not written to,
    - a second backward gives the same bits, so nothing is used up,
    - the gradients share no memory with one another, so each may be changed by who receives it,
    - backward is linear in ``dy``,
    - float32 stays float32, and its gradients agree with those in float64 to 2e-5.
    """
    trial = _try(forward, backward, args, kwargs, seed)
    _check_again(trial)
    _check_slopes(trial, central_difference, 1e-7, seed)
    _check_memory(trial)
    _check_linear(trial, np.random.default_rng([seed, 1]))
    _check_float32(trial, _try(forward, backward, args, kwargs, seed, np.float32))


class _Trial(NamedTuple):
    """One run of a pair, and what it takes to run it again."""

    label: str
    function: Function
    backward: Callable[[Any], dict[str, Any]]
    args: Args
    options: dict[str, Any]
    y: Any
    dy: Any
    grads: dict[str, Any]


def _try(
    forward: Callable,
    backward: Callable,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    seed: int,
    dtype: type[np.floating] = np.float64,
) -> _Trial:
    """Run forward and backward once, with everything that they must not write to set read-only."""
    label = getattr(backward, "__name__", "backward")
    names = [*inspect.signature(forward).parameters][: len(args)]
    given = {name: as_dtype(arg, dtype) for name, arg in zip(names, args, strict=True)}

    def run(values: Args) -> tuple[Any, Any]:
        return forward(*values.values(), **copy.deepcopy(kwargs))

    with read_only("forward", given):
        y, cache = run(given)
    dy = random_like(np.random.default_rng(seed), y)

    def run_backward(dy: Any) -> dict[str, Any]:
        with read_only(label, given, cache, dy):
            grads = backward(dy, cache)
        if not hasattr(grads, "_fields"):
            raise GradientError(f"{label}: returned {type(grads).__name__}; expected a NamedTuple of gradients")
        found = {name: grad for name, grad in grads._asdict().items() if name in given or grad is not None}
        unknown = [name for name in found if name not in given]
        if unknown:
            raise GradientError(f"{label}: gradient {unknown[0]!r} is not an argument; forward was given {names}")
        return found

    return _Trial(label, lambda values: run(values)[0], run_backward, given, kwargs, y, dy, run_backward(dy))


def _check_slopes(trial: _Trial, slope: Slope, rtol: float, seed: int) -> None:
    check_derivatives(
        trial.label,
        trial.function,
        trial.args,
        trial.grads,
        trial.dy,
        rng=np.random.default_rng([seed, 2]),
        rtol=rtol,
        slope=slope,
        sizes=named_sizes(next(iter(trial.args.values())), trial.options),
    )


def _check_again(trial: _Trial) -> None:
    try:
        again = trial.backward(trial.dy)
    except Exception as error:
        raise GradientError(f"{trial.label}: a second backward with the same cache fails: {error!r}") from error
    for name, grad in trial.grads.items():
        if not np.array_equal(grad, again[name], equal_nan=grad is not None):
            raise GradientError(
                f"{trial.label}: a second backward with the same cache gives another gradient of {name}: "
                "backward draws random numbers, or uses up what forward left for it"
            )


def _check_memory(trial: _Trial) -> None:
    grads = [(name, grad) for name, grad in trial.grads.items() if grad is not None]
    for i, (name, grad) in enumerate(grads):
        for other, other_grad in grads[:i]:
            if np.shares_memory(grad, other_grad):
                raise GradientError(
                    f"{trial.label}: the gradients of {other} and {name} share memory; "
                    "whoever adds to one would change the other"
                )


def _check_linear(trial: _Trial, rng: np.random.Generator) -> None:
    dy = random_like(rng, trial.dy)
    other, total = trial.backward(dy), trial.backward(trial.dy - 3 * dy)
    largest = _largest(trial.grads) + 3 * _largest(other)
    for name, grad in trial.grads.items():
        error = 0 if grad is None else np.abs(grad - 3 * other[name] - total[name]).max(initial=0)
        if not error <= 1e-12 * largest:
            raise GradientError(f"{trial.label}: the gradient of {name} is not linear in dy (off by {error:.3g})")


def _check_float32(trial: _Trial, trial32: _Trial) -> None:
    if trial32.y.dtype != np.float32:
        raise GradientError(f"{trial.label}: from float32 forward makes {trial32.y.dtype}; dtype in = dtype out")
    for name, grad in trial32.grads.items():
        if grad is None:
            continue
        if grad.dtype != np.float32:
            raise GradientError(f"{trial.label}: the gradient of {name} is {grad.dtype}; the argument is float32")
        error = np.abs(grad - trial.grads[name]).max(initial=0)
        if not error <= 2e-5 * _largest(trial.grads):
            raise GradientError(f"{trial.label}: the gradient of {name} in float32 is off by {error:.3g}")


def _largest(grads: dict[str, Any]) -> float:
    """Largest number in all gradients together: one of them alone may truly be zero."""
    return max(float(np.abs(grad).max(initial=0)) for grad in grads.values() if grad is not None)


def as_dtype(arg: Any, dtype: type[np.floating]) -> Any:
    """A copy of a floating-point array in this dtype; anything else as it is."""
    if isinstance(arg, ndarray) and np.issubdtype(arg.dtype, np.floating):
        return arg.astype(dtype)
    return arg


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
