"""Compare gradients with numerical derivatives: the core that the checks of pairs and of layers share."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.diagnose import diagnose

Args = dict[str, Any]
"""Arguments by name, in the order of the call; those that are no arrays (None) are passed on."""

Function = Callable[[Args], Any]
"""The function whose gradient is checked."""

Slope = Callable[[Function, Args, str, ndarray, Any], float]
"""A way to differentiate numerically: :func:`central_difference` or :func:`complex_step`."""

LARGEST_FULL_REPORT = 10_000  # elements; of larger arguments a sample of places is compared


class GradientError(AssertionError):
    """A backward pass breaks its promise. The message says which, where, and what the error looks like."""


def random_like(rng: Generator, y: Any) -> Any:
    """A random cotangent for ``y``. Never ones: softmax and layer norm send a constant cotangent to zero."""
    return np.asarray(rng.standard_normal(np.shape(y)), y.dtype)[()]


def central_difference(f: Function, args: Args, name: str, direction: ndarray, dy: Any) -> float:
    r"""Slope of :math:`\sum \bar y\, f` along a direction of one argument, :math:`(f(x+hv) - f(x-hv)) / 2h`.

    h = 1e-6 in float64 makes the error of the formula (h^2) and that of rounding (1e-16 / h) both about 1e-10.
    """
    h = 1e-6
    ahead = f({**args, name: args[name] + h * direction})
    behind = f({**args, name: args[name] - h * direction})
    return float((dy * (ahead - behind)).sum() / (2 * h))


def complex_step(f: Function, args: Args, name: str, direction: ndarray, dy: Any) -> float:
    r"""The same slope as :math:`\operatorname{Im} f(x + ihv) / h`: nothing is subtracted, so it is exact to rounding.

    Source: Squire and Trapp 1998, "Using Complex Variables to Estimate Derivatives of Real Functions".
    """
    h = 1e-30
    with np.errstate(invalid="ignore"):  # BLAS may say so of complex products though every number is finite
        y = f({**args, name: args[name] + 1j * h * direction})
    return float((dy * y.imag).sum() / h)


def check_derivatives(
    label: str,
    f: Function,
    args: Args,
    grads: Mapping[str, Any],
    dy: Any,
    *,
    rng: Generator,
    rtol: float,
    slope: Slope = central_difference,
    sizes: Mapping[str, float] | None = None,
) -> None:
    """Compare each gradient with the slope of ``f`` along one random direction of its argument.

    The tolerance is relative to the sizes of cotangent and direction, not to the gradient, which may truly be zero
    (that of attention's key bias is).

    Raises
    ------
    GradientError
        Naming the argument, the worst index, both values and, if it is a known one, the pattern of the error.
    """
    sizes = sizes or {}
    for name, grad in grads.items():
        arg = args[name]
        if grad is None or arg is None:
            if grad is not arg:
                which = "None, though the argument was given" if grad is None else "not None, though the argument was"
                raise GradientError(f"{label}: the gradient of {name} is {which}")
            continue
        if np.shape(grad) != arg.shape:
            message = f"{label}: the gradient of {name} has shape {np.shape(grad)}, the argument {arg.shape}"
            expected = _gradient_at(f, args, name, dy, slope, np.arange(arg.size)).reshape(arg.shape)
            raise GradientError(_with_pattern(message, diagnose(grad, expected, sizes)))
        direction = rng.standard_normal(arg.shape)
        got, expected = float((grad * direction).sum()), slope(f, args, name, direction, dy)
        tolerance = rtol * float(np.linalg.norm(dy)) * float(np.linalg.norm(direction))
        if not abs(got - expected) <= tolerance:  # "not <=" also catches nan
            message = (
                f"{label}: the gradient of {name} is wrong. Along a random direction the output changes by "
                f"{expected:.9g}, the gradient says {got:.9g}"
            )
            raise GradientError(message + _where(f, args, name, grad, dy, rng, slope, sizes))


def _where(
    f: Function,
    args: Args,
    name: str,
    grad: ndarray,
    dy: Any,
    rng: Generator,
    slope: Slope,
    sizes: Mapping[str, float],
) -> str:
    """The worst place and the pattern, from the numerical gradient element by element (only taken upon failure)."""
    complete = grad.size <= LARGEST_FULL_REPORT
    places = np.arange(grad.size) if complete else rng.choice(grad.size, LARGEST_FULL_REPORT // 10, replace=False)
    expected = _gradient_at(f, args, name, dy, slope, places)
    error = np.abs(grad.ravel()[places] - expected)
    worst = int(np.nan_to_num(error, nan=np.inf).argmax())
    index = tuple(int(i) for i in np.unravel_index(places[worst], grad.shape))
    among = "" if complete else f" of {len(places)} places tried"
    message = f"\n  worst{among}: index {index}, got {grad[index]:.9g}, expected {expected[worst]:.9g}"
    return _with_pattern(message, diagnose(grad, expected.reshape(grad.shape), sizes) if complete else None)


def _gradient_at(f: Function, args: Args, name: str, dy: Any, slope: Slope, places: ndarray) -> ndarray:
    """Numerical gradient at the given flat indices, one slope for each."""
    shape = args[name].shape
    expected = np.empty(len(places))
    for i, place in enumerate(places):
        direction = np.zeros(shape)
        direction.flat[place] = 1
        expected[i] = slope(f, args, name, direction, dy)
    return expected


def _with_pattern(message: str, pattern: str | None) -> str:
    return f"{message}\n  what it looks like: {pattern}" if pattern else message


def named_sizes(x: ndarray, options: Mapping[str, Any]) -> dict[str, float]:
    """Numbers that a forgotten or superfluous factor may be, by name: axes of ``x``, and options of the call."""
    sizes: dict[str, float] = {"the number of elements": x.size}
    if x.ndim > 1:
        sizes |= {"the batch size": len(x), "the width": x.shape[-1], "the number of rows": x.size / x.shape[-1]}
    if x.ndim > 2:
        sizes["the number of tokens"] = x.shape[-2]
    if x.ndim == 4:
        sizes |= {"the length of axis 1": x.shape[1], "the length of axis 2": x.shape[2]}
    for name, option in options.items():
        if isinstance(option, tuple) and all(isinstance(side, int) for side in option):
            sizes[f"the product of {name}"] = float(np.prod(option))
        elif isinstance(option, (int, float)) and not isinstance(option, bool) and option > 0:
            sizes[name] = option
            if name == "kernel_size":
                sizes["kernel_size ** 2"] = option**2
            if option < 1:
                sizes[f"1 - {name}"] = 1 - option
    return {name: size for name, size in sizes.items() if size not in (0, 1)}
