"""What a pair promises beside right gradients: the same again, its own memory, linear in ``dy``, float32 stays it."""

from typing import Any

import numpy as np

from minivit.check.arguments import as_dtype
from minivit.check.derivative import GradientError, random_like
from minivit.check.outputs import for_each
from minivit.check.trial import Trial

LARGE = 2.0**20  # a power of two: dy is multiplied by it without rounding, and a bound on dy is met


def check_second_backward(trial: Trial) -> None:
    """A second backward with the same cache gives the same bits."""
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


def check_memory(trial: Trial) -> None:
    """No two gradients share memory, and no two numbers of one gradient do."""
    grads = [(name, np.asarray(grad)) for name, grad in trial.grads.items() if grad is not None]
    for i, (name, grad) in enumerate(grads):
        if grad.size and any(
            stride == 0 and length > 1 for stride, length in zip(grad.strides, grad.shape, strict=True)
        ):
            raise GradientError(
                f"{trial.label}: the gradient of {name} is one number stretched over many places, which cannot be "
                "changed one by one; copy it"
            )
        for other, other_grad in grads[:i]:
            if np.shares_memory(grad, other_grad):
                raise GradientError(
                    f"{trial.label}: the gradients of {other} and {name} share memory; "
                    "whoever adds to one would change the other"
                )


def check_linear(trial: Trial) -> None:
    """The gradients of a sum of cotangents are the sum of the gradients, however large or small these are."""
    rng = np.random.default_rng([trial.seed, 1])
    dy = for_each(lambda old: random_like(rng, np.asarray(old)) * (old != 0), trial.dy)
    other, large = trial.backward(dy), trial.backward(for_each(lambda a, b: LARGE * (a - 3 * b), trial.dy, dy))
    small = trial.backward(for_each(lambda a: a / LARGE, trial.dy))
    for name, grad in trial.grads.items():
        if grad is None:
            continue
        error = _largest(grad - 3 * other[name] - large[name] / LARGE, grad - small[name] * LARGE)
        tolerance = 1e-12 * (_largest(grad) + 3 * _largest(other[name]))
        if not (error <= tolerance or trial.is_rounding(name, error - tolerance)):
            raise GradientError(f"{trial.label}: the gradient of {name} is not linear in dy (off by {error:.3g})")


def check_float32(trial: Trial, trial32: Trial) -> None:
    """The gradients in float32 are those in float64, up to rounding.

    What rounding does in float64 it does in float32 2**29 times as much. It counts where numbers are the difference of
    large ones: rows with a large mean and a small spread, gradients that are truly zero.
    """
    reference: dict[str, Any] = {}
    for name, grad in trial32.grads.items():
        if grad is None:
            continue
        tolerance = 2e-5 * _largest(trial.grads[name])
        error = _largest(grad - trial.grads[name])
        if error <= tolerance:
            continue
        if not reference:  # the same numbers in both: those that float32 can hold
            reference = trial.rerun({key: as_dtype(arg, np.float64) for key, arg in trial32.args.items()}, trial.dy)
        error = _largest(grad - reference[name])
        if not (error <= tolerance or trial.is_rounding(name, (error - tolerance) / 2**29)):
            raise GradientError(f"{trial.label}: the gradient of {name} in float32 is off by {error:.3g}")


def _largest(*arrays: Any) -> float:
    return max(float(np.abs(array).max(initial=0)) for array in arrays)
