"""Numerical slopes, each with how far it may be off: the core that the checks of pairs and of layers share."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.arguments import Args
from minivit.check.directions import everywhere
from minivit.check.reals import as_complex, as_reals, is_complex
from minivit.nests import mapped

Function = Callable[[Args], Any]
"""The function whose gradient is checked."""

EPS = float(np.finfo(np.float64).eps)
QUICK_STEP = 1e-5  # of the argument's scale: the error of the formula (h^2) and of rounding (1e-16 / h) are about 1e-11
OTHER_STEP = QUICK_STEP / 16  # to see whether the quick slope depends on its step
KINK_STEPS = (1e-4, 1e-4 / 8, 1e-4 / 64)
SMALLEST_STEP, LARGEST_STEP = 3e-13, 0.5
SHORT_STEP = 1e-10
VISIBLE_STEP = 1e-2  # also to a forward in half precision
WIDE_STEPS = (4, 1 / 4)
SAFETY = 10


class GradientError(AssertionError):
    """A backward pass breaks its promise. The message says which, where, and what the error looks like."""


class Slope(NamedTuple):
    """A numerical derivative, and how far it may be from the true one."""

    value: float
    error: float


def random_like(rng: Generator, y: Any) -> Any:
    """A random cotangent for ``y``. Never ones: softmax and layer norm send a constant cotangent to zero."""
    if is_complex(y):
        return np.asarray(as_complex(rng.standard_normal((*np.shape(y), 2))), y.dtype)[()]
    return np.asarray(rng.standard_normal(np.shape(y)), y.dtype)[()]


class Slopes:
    """Slopes of one function at one place: ``f`` returns its outputs as one flat array, and ``y`` for ``args``.

    :meth:`quick` costs two calls of ``f`` and is right for almost every function; :meth:`careful` costs many and says
    how far to trust it.
    """

    def __init__(self, f: Function, args: Args, y: Any, dy: Any) -> None:
        self._f, self.args, self.y, self.dy = f, args, np.ravel(y), np.ravel(dy)
        finite = np.isfinite(self.y)
        self._finite = None if finite.all() else finite  # minus infinity stays minus infinity: no slope to compare
        self.size = norm(self.dy[finite] * np.abs(self.y[finite]))
        self.failure: Exception | None = None
        self._scales: dict[str, tuple[float, float]] = {}
        self._staircases: dict[str, tuple[float, float]] = {}

    def scale(self, name: str) -> float:
        """How far apart the numbers of an argument lie; their size, if they are (almost) alike."""
        spread, size = self._spread_and_size(name)
        return spread if spread > 1e-3 * size else size

    def _spread_and_size(self, name: str) -> tuple[float, float]:
        if name not in self._scales:
            self._scales[name] = spread_and_size(self.args[name])
        return self._scales[name]

    def repeats(self) -> bool:
        """Whether two calls give the same numbers."""
        return np.array_equal(self._f(self.args), self._f(self.args), equal_nan=True)

    def usual(self, name: str) -> float:
        """How large a slope is nothing special here, even if the true one is zero, or almost, at this very place.

        The largest of those along steps as large as the argument, and of what would change the output by its own size.
        """
        direction = everywhere(np.random.default_rng(0), np.shape(self.args[name]))
        wide = [self._difference(name, direction, self.scale(name) * part) for part in WIDE_STEPS]
        return max(
            self.size / self.scale(name),
            *(norm(slopes) for slopes in wide if np.isfinite(slopes).all()),
            0,
        )

    def quick(self, name: str, direction: ndarray) -> float:
        """The slope along a direction, off by about 1e-10 of what counts as usual."""
        raise NotImplementedError

    def careful(self, name: str, direction: ndarray) -> Slope:
        """The slope along a direction, as exact as float64 allows, and how exact that is."""
        raise NotImplementedError

    def is_smooth(self, name: str, direction: ndarray) -> bool:
        """Whether quick slopes are right: there is no kink, and their step does not matter."""
        return True

    def sides(self, name: str, direction: ndarray) -> tuple[float, float] | None:
        """The slopes behind and ahead, if there is a kink between them: if they differ however small the step."""
        return None

    def _difference(self, name: str, direction: ndarray, step: float) -> ndarray:
        """The central difference of each output, times its cotangent."""
        x = self.args[name]
        with np.errstate(all="ignore"):
            change = np.real(self._at(name, x + step * direction) - self._at(name, x - step * direction))
        return self._weighted(change) / (2 * step)

    def _at(self, name: str, x: Any) -> ndarray:
        """What ``f`` makes of other values; nan where it refuses: a large step may leave the domain of a logarithm."""
        try:
            return self._f({**self.args, name: _of_the_kind_of(self.args[name], x)})
        except Exception as error:
            self.failure = error
            return np.full(self.y.shape, np.nan)

    def _weighted(self, change: ndarray) -> ndarray:
        return self.dy * (change if self._finite is None else np.where(self._finite, change, 0))


class Differences(Slopes):
    """Slopes by central differences, with steps in proportion to the scale of the argument."""

    def quick(self, name: str, direction: ndarray) -> float:
        return float(self._difference(name, direction, QUICK_STEP * self.scale(name)).sum())

    def careful(self, name: str, direction: ndarray) -> Slope:
        """Steps from small to large, each pair of them extrapolated, as long as all agree.

        Two differences with steps h and 8h make one whose error falls with h^4 (Richardson). While steps are small,
        what the next step changes is rounding, which falls with 1 / h; when the formula begins to fail, or a kink is
        crossed, the result leaves the bounds that the steps before have set, and the search ends.
        """
        spread, size = self._spread_and_size(name)
        step, height = self._staircase(name)
        noise, best = max(self._rounding(name, direction), height), Slope(np.nan, np.inf)
        terms = extrapolated = None
        while step < LARGEST_STEP * max(spread, size):
            smaller, terms = terms, self._difference(name, direction, step)
            last, extrapolated = extrapolated, None if smaller is None else (64 * smaller - terms) / 63
            if last is not None and extrapolated is not None:
                change, value = extrapolated - last, float(extrapolated.sum())
                if not np.isfinite(value) or (best.error < np.inf and not abs(value - best.value) <= best.error):
                    break
                noise = max(noise, (abs(change.sum()) + norm(change)) * step / 8)
                error = SAFETY * noise / (step / 8)
                if error < best.error:
                    best = Slope(value, error)
            step *= 8
        return best

    def _staircase(self, name: str) -> tuple[float, float]:
        """The shortest step that is not lost in rounding, and what it changes in a forward of low precision, or zero.

        Such a forward is a staircase: seen from afar outputs have a slope, and with a short step few of them change.
        """
        if name not in self._staircases:
            spread, size = self._spread_and_size(name)
            direction = everywhere(np.random.default_rng(0), np.shape(self.args[name]))
            shortest, visible = max(SMALLEST_STEP * spread, 16 * EPS * size), VISIBLE_STEP * self.scale(name)
            slopes, step = self._difference(name, direction, visible), shortest
            change = np.abs(self._difference(name, direction, visible / 8) - slopes)
            sloping = change < np.abs(slopes) / 2
            while step < visible and 2 * (self._difference(name, direction, step)[sloping] == 0).sum() > sloping.sum():
                step *= 8
            self._staircases[name] = step, norm(slopes) * step if step > shortest else 0.0
        return self._staircases[name]

    def _rounding(self, name: str, direction: ndarray) -> float:
        """What rounding does to the outputs: how far they are from parabolas, on steps so short that they should be."""
        spread, size = self._spread_and_size(name)
        x, step, noise, bend = self.args[name], max(SHORT_STEP * spread, 100 * EPS * size), EPS * self.size, None
        for h in (step, step / 2, step / 4):
            with np.errstate(all="ignore"):
                wider, bend = (
                    bend,
                    self._weighted(self._at(name, x + h * direction) + self._at(name, x - h * direction) - 2 * self.y),
                )
            if wider is not None:
                rest = bend - wider / 4
                noise = max(noise, abs(float(rest.sum())) + norm(rest))
        return noise

    def is_smooth(self, name: str, direction: ndarray) -> bool:
        one, other = (
            float(self._difference(name, direction, self.scale(name) * h).sum()) for h in (QUICK_STEP, OTHER_STEP)
        )
        return abs(one - other) <= 1e-7 * abs(one) and not self.sides(name, direction)

    def sides(self, name: str, direction: ndarray) -> tuple[float, float] | None:
        jumps, behind, ahead = [], np.nan, np.nan
        for step in (self.scale(name) * part for part in KINK_STEPS):
            with np.errstate(all="ignore"):
                ahead = self._one_sided(name, direction, step)
                behind = self._one_sided(name, direction, -step)
            jumps.append(ahead - behind)
        jump = abs(jumps[-1])
        rounding = max(100 * EPS * self.size, SAFETY * self._staircase(name)[1])
        noise = rounding / (self.scale(name) * KINK_STEPS[-1])
        lasting = all(abs(other - jumps[-1]) <= 0.1 * jump for other in jumps)
        return (behind, ahead) if lasting and jump > noise + 1e-3 * max(abs(ahead), abs(behind)) else None

    def _one_sided(self, name: str, direction: ndarray, step: float) -> float:
        return float(self._weighted(self._at(name, self.args[name] + step * direction) - self.y).sum() / step)


class ComplexSteps(Slopes):
    """Slopes by the complex step: exact to rounding, for a function that also computes with complex numbers."""

    def quick(self, name: str, direction: ndarray) -> float:
        return float(self._terms(self.args, name, direction).sum())

    def careful(self, name: str, direction: ndarray) -> Slope:
        """The error is what changes when every argument moves by one rounding."""
        rng = np.random.default_rng(0)
        value = self.quick(name, direction)
        moved = [float(self._terms(rounded(self.args, rng), name, direction).sum()) for _ in range(3)]
        return Slope(value, SAFETY * max(abs(other - value) for other in moved))

    def _terms(self, args: Args, name: str, direction: ndarray) -> ndarray:
        step = 1e-30 * self.scale(name)
        with np.errstate(all="ignore"):  # BLAS may call complex products invalid though every number is finite
            y = self._f({**args, name: _of_the_kind_of(args[name], args[name] + 1j * step * direction)})
        return self._weighted(y.imag) / step


def spread_and_size(x: Any) -> tuple[float, float]:
    """Standard deviation and root mean square of the finite numbers; 1 for both where there is nothing but zeros.

    The spread of equal numbers is their size.
    """
    x = np.real(np.asarray(x))
    x = x[np.isfinite(x)]
    size = norm(x) / np.sqrt(max(x.size, 1)) or 1.0
    spread = float(np.std(x)) if x.size else size
    return (spread if spread > 1e-12 * size else size), size


def norm(a: Any) -> float:
    """Root of the sum of squares, also where the squares are too large or too small for float64."""
    with np.errstate(over="ignore"):
        size = float(np.linalg.norm(a))
    if 1e-150 < size < 1e150:
        return size
    largest = float(np.abs(a).max(initial=0))
    return float(np.linalg.norm(a / largest)) * largest if 0 < largest < np.inf else largest


def rounded(value: Any, rng: Generator) -> Any:
    """Every number in a nest moved by one rounding, up, down or not at all: results are no surer than they stay."""

    def moved(leaf: Any) -> Any:
        if not (isinstance(leaf, ndarray | np.inexact) and np.asarray(leaf).dtype.kind in "fc"):
            return leaf
        if is_complex(leaf):
            return as_complex(moved(as_reals(leaf)))
        return _of_the_kind_of(leaf, leaf * (1 + EPS * rng.integers(-1, 2, np.shape(leaf))))

    return mapped(moved, value)


def _of_the_kind_of(arg: Any, value: Any) -> Any:
    """An array without axes stays one, where NumPy's arithmetic makes it a number."""
    return np.asarray(value) if isinstance(arg, ndarray) else value
