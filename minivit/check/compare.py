"""Compare gradients with numerical slopes along directions, and collect what is wrong."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.derivative import GradientError, Slopes, norm
from minivit.check.directions import directions
from minivit.check.elements import compare_elements, few_enough
from minivit.check.report import Hints, explain
from minivit.check.trial import Trial

ROUGH = 1e-3  # of what is usual: a slope that may be off by more says nothing about a gradient
ROUNDING = 1e-9  # of what is usual: an error that may be rounding


class Verdict(NamedTuple):
    """Which gradients of a trial are wrong, and how; and which are right."""

    trial: Trial
    slopes: Slopes
    wrong: dict[str, str]
    right: list[str]


def check_derivatives(
    trial: Trial,
    kind: type[Slopes],
    *,
    rng: Generator,
    rtol: float,
    hints: Callable[[Trial], Hints],
    every_element: bool = False,
) -> None:
    """Compare each gradient with the slopes of the function along random directions of its argument.

    A gradient may differ by ``rtol`` of the products that are summed along a direction, and by what the numerical slope
    itself may be off; nothing depends on the units of inputs and outputs. Of several outputs each is compared alone,
    and then all together.

    Parameters
    ----------
    every_element : bool
        Compare element by element, too.

    Raises
    ------
    GradientError
        Naming what is wrong and what is right, the worst index, both values and, if known, the pattern of the error.
    """
    how = kind, rng, rtol, every_element
    alone = [_judged(one, *how) for one in trial.alone]
    verdict = next((one for one in alone if one.wrong), None) or _judged(trial, *how)
    if verdict.wrong:
        found = hints(verdict.trial)._replace(outputs=_outputs(alone), elsewhere=_elsewhere(verdict, alone))
        trial, slopes, wrong, right = verdict
        raise GradientError(explain(trial.label, slopes, trial.grads, wrong, right, rng, found))


def _judged(trial: Trial, kind: type[Slopes], rng: Generator, rtol: float, every_element: bool) -> Verdict:
    slopes = trial.slopes(kind)
    wrong: dict[str, str] = {}
    right: list[str] = []
    for name, grad in trial.grads.items():
        if grad is None:
            continue
        grad, shape = np.asarray(grad), np.shape(slopes.args[name])
        if grad.shape != shape:
            wrong[name] = f"has shape {grad.shape}, the argument {shape}"
        elif not np.isfinite(grad).all():
            wrong[name] = "is not finite"
        elif complaint := _wrong(trial, slopes, name, grad, rng, rtol) or (
            _wrong_elements(trial, slopes, name, grad) if every_element else None
        ):
            wrong[name] = complaint
        else:
            right.append(name)
    return Verdict(trial, slopes, wrong, right)


def _outputs(alone: list[Verdict]) -> str | None:
    """For which of several outputs all gradients are right, and for which not."""
    right = [verdict.trial.name for verdict in alone if not verdict.wrong]
    wrong = [verdict.trial.name for verdict in alone if verdict.wrong]
    if right and not wrong:
        return "of the outputs: right for each alone, wrong for all together"
    words = [f"{word} for {', '.join(names)}" for word, names in (("right", right), ("wrong", wrong)) if names]
    return f"of the outputs: {'; '.join(words)}" if words else None


def _elsewhere(verdict: Verdict, alone: list[Verdict]) -> dict[str, Slopes]:
    """The slopes if the cotangent of one output were that of another one, of the same size."""
    slopes = verdict.slopes
    return {
        other.trial.name: type(slopes)(other.trial.outputs, slopes.args, other.slopes.y, slopes.dy)
        for other in alone
        if other is not verdict and other.slopes.y.size == slopes.y.size
    }


def _wrong(trial: Trial, slopes: Slopes, name: str, grad: ndarray, rng: Generator, rtol: float) -> str | None:
    """What is wrong, if anything is, along one of many directions."""
    cannot = f"{trial.label}: the gradient of {name} cannot be told"
    for direction in directions(rng, grad):
        products = grad * direction
        got, size = float(products.sum()), norm(products)
        if abs(got - slopes.quick(name, direction)) <= rtol * size:
            continue
        if not slopes.repeats():
            raise GradientError(
                f"{trial.label}: forward gives other numbers when it is called again with the same arguments, so it "
                "has no slope; if it draws random numbers, give it a generator as an argument: each call gets a copy"
            )
        slope, usual = slopes.careful(name, direction), max(slopes.usual(name), size)
        known, error = slope.error <= ROUGH * usual, abs(got - slope.value) - slope.error
        small = error <= ROUNDING * usual
        if known and (error <= rtol * size or (small and trial.is_rounding(name, error, direction))):
            continue
        if sides := slopes.sides(name, direction):
            if few_enough(slopes, grad):
                return _wrong_elements(trial, slopes, name, grad)
            raise GradientError(
                f"{cannot} where forward has a kink, as here (its slope is {sides[0]:.6g} behind and {sides[1]:.6g} "
                "ahead); choose numbers away from zeros and ties"
            )
        if not np.isfinite(slope.error):
            why = slopes.failure or "it gives nan"
            raise GradientError(f"{cannot} because forward fails for numbers close by: {why}")
        if error <= rtol * size:
            raise GradientError(
                f"{cannot} because forward is too rough: its slope {slope.value:.6g} may be off by {slope.error:.2g}; "
                "does it compute in float64?"
            )
        return (
            f"is wrong. Along a random direction the output changes by {slope.value:.9g}, the gradient says {got:.9g}"
        )
    return None


def _wrong_elements(trial: Trial, slopes: Slopes, name: str, grad: ndarray) -> str | None:
    """What is wrong, compared number by number; numbers at a kink are right between the slopes of its sides."""
    comparison = compare_elements(slopes, name, grad, np.arange(grad.size))
    error = np.abs(comparison.got - comparison.expected).max(initial=0)
    if not comparison.wrong.any() or (error <= ROUNDING * slopes.usual(name) and trial.is_rounding(name, error)):
        return None
    return f"is wrong in {comparison.wrong.sum()} of {grad.size} places"
