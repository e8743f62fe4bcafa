"""What a message says of a wrong gradient: the worst place, a map of the errors, and the pattern that they follow."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.derivative import Slopes
from minivit.check.diagnose import AT_ONCE, OF_SAMPLES, diagnose, missing_or_twice, parts_in_order, same
from minivit.check.elements import WORK, Comparison, compare_elements, few_enough, numerical_gradient, wrong_by_halving

MAP = (16, 64)  # rows and columns of a map, at most
PARTS = ("real", "imaginary")
CONJUGATE = np.array([1, -1])
MOST_LOOKS = 8  # wrong gradients that are searched for a pattern


class Hints(NamedTuple):
    """What a message may name.

    ``sizes`` are numbers that could be a wrong factor, ``passing`` gradients that could be missing or counted twice.
    Of several wrong gradients that of the first argument is explained; of a layer, whose mistakes run through all
    gradients that backward computes later, the last one in which a pattern is found. ``outputs`` says for which of
    several outputs gradients are right, and ``elsewhere`` are the slopes if the cotangent were that of another one.
    ``split`` are the complex arguments, whose gradients have their two parts along an axis more.
    """

    sizes: Mapping[str, float]
    passing: Mapping[str, ndarray]
    split: Sequence[str] = ()
    of_layer: bool = False
    outputs: str | None = None
    elsewhere: Mapping[str, Slopes] = {}


class Look(NamedTuple):
    """What is seen of one wrong gradient: a pattern of the errors (a telling or a weak one), the worst, and a map."""

    telling: str | None = None
    weak: str | None = None
    worst: str | None = None
    map: Sequence[str] = ()


def explain(
    label: str,
    slopes: Slopes,
    grads: Mapping[str, Any],
    wrong: Mapping[str, str],
    right: list[str],
    rng: Generator,
    hints: Hints,
) -> str:
    """The whole message: one wrong gradient in detail, the others by name."""
    names = [*wrong][::-1][:MOST_LOOKS] if hints.of_layer else [*wrong][:1]
    looks: dict[str, Look] = {}
    for name in names:
        looks[name] = _look_at(slopes, name, grads, rng, hints)
        if looks[name].telling:
            break
    name = max(looks, key=lambda name: (bool(looks[name].telling), bool(looks[name].weak)))
    look, others = looks[name], [other for other in wrong if other != name]
    pattern = look.telling or look.weak
    lines = [f"{label}: the gradient of {name} {wrong[name]}"]
    lines += [look.worst] if look.worst else []
    lines += [f"what it looks like: {pattern}"] if pattern else []
    lines += look.map
    lines += [f"also wrong: {', '.join(others)}"] if others else []
    lines += [f"right: {', '.join(right)}"] if right else []
    lines += [hints.outputs] if hints.outputs else []
    return "\n  ".join(lines)


def _look_at(slopes: Slopes, name: str, grads: Mapping[str, Any], rng: Generator, hints: Hints) -> Look:
    grad, shape = np.asarray(grads[name]), np.shape(slopes.args[name])
    if grad.shape != shape:
        if not few_enough(slopes, np.empty(shape)):
            return Look()
        return Look(diagnose(grad, numerical_gradient(slopes, name), hints.sizes))
    if few_enough(slopes, grad):
        comparison = compare_elements(slopes, name, grad, np.arange(grad.size))
        expected = comparison.expected.reshape(shape)
        telling, weak = _telling(name, grads, expected, hints), diagnose(grad, expected, hints.sizes)
        return Look(
            telling, weak, _worst(comparison, shape, name in hints.split), _map(comparison, shape, name in hints.split)
        )
    count = min(int(np.clip(WORK // slopes.y.size, 20, 1000)), grad.size) - 1
    places = np.append(wrong_by_halving(slopes, name, grad, rng), rng.choice(grad.size, count, replace=False))
    some = compare_elements(slopes, name, grad, places)
    return Look(
        diagnose(some.got, some.expected, hints.sizes, OF_SAMPLES), worst=_worst(some, shape, name in hints.split)
    )


def _worst(comparison: Comparison, shape: tuple[int, ...], split: bool) -> str:
    places, got, expected, kinks = comparison
    i = _index_of_worst(comparison)
    index = tuple(int(n) for n in np.unravel_index(places[i], shape))
    where = f"{index[:-1]}, its {PARTS[index[-1]]} part" if split else f"{index}"
    among = "" if len(places) == np.prod(shape) else f" of {len(places)} places tried"
    kink = " (the slope of one side: forward has a kink there)" if places[i] in kinks else ""
    return f"worst{among}: index {where}, got {got[i]:.9g}, expected {expected[i]:.9g}{kink}"


def _index_of_worst(comparison: Comparison) -> int:
    return int(np.nan_to_num(np.abs(comparison.got - comparison.expected), nan=np.inf).argmax())


def _telling(name: str, grads: Mapping[str, Any], expected: ndarray, hints: Hints) -> str | None:
    """A pattern that explains a gradient whole, and cannot be by chance."""
    grad = np.asarray(grads[name])
    if at_once := diagnose(grad, expected, hints.sizes, AT_ONCE):
        return at_once
    if name in hints.split and same(grad * CONJUGATE, expected):
        return "the complex conjugate of what it should be: imaginary parts have the wrong sign"
    for other, other_grad in grads.items():
        if other != name and expected.any() and same(np.asarray(other_grad), expected):
            return f"its numbers stand in the place of {other}: are the two exchanged?"
    for other, slopes in hints.elsewhere.items():
        theirs = numerical_gradient(slopes, name)
        if same(grad, theirs):
            return f"it would be right for {other}: are the two exchanged?"
        if same(grad - expected, theirs):
            return f"what it would be for {other} is added: is a cotangent used twice?"
    if found := parts_in_order(grad, expected):
        letters = next((letters for letters in ("qkv", "kv") if letters in name), "")
        if len(letters) == len(found[1]):
            return f"in it {' and '.join(letters[i] for i, j in enumerate(found[1]) if i != j)} are exchanged"
    return missing_or_twice(grad, expected, hints.passing)


def _map(comparison: Comparison, shape: tuple[int, ...], split: bool) -> list[str]:
    """Rows and columns of the last two axes, ``#`` where a number is wrong; of other axes, that of the worst place."""
    if not shape:
        return []
    wrong, index = comparison.wrong.reshape(shape), np.unravel_index(_index_of_worst(comparison), shape)
    wrong = np.asarray(wrong.any(-1) if split else wrong)
    leading = tuple(int(n) for n in index[: max(wrong.ndim - 2, 0)])
    plane = np.atleast_2d(wrong[leading])
    if plane.size < 4 or plane.all() or not plane.any():
        return []
    rows = [
        np.array_split(part, min(plane.shape[1], MAP[1]), axis=1)
        for part in np.array_split(plane, min(len(plane), MAP[0]))
    ]
    where = f", at {leading} of the other axes" if leading else ""
    signs = ["".join("#" if cell.any() else "." for cell in row) for row in rows]
    return [f"where (# wrong, . right; the last two axes{where}):", *(f"  {line}" for line in signs)]


def named_sizes(args: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, float]:
    """Numbers that a forgotten or superfluous factor may be, by name: axes of the first array, options of the call."""
    x = next(arg for arg in args.values() if isinstance(arg, ndarray))
    sizes: dict[str, float] = {"the number of elements": x.size}
    if x.ndim > 1:
        sizes |= {"the batch size": len(x), "the width": x.shape[-1], "the number of rows": np.prod(x.shape[:-1])}
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
    return {name: float(size) for name, size in sizes.items() if size not in (0, 1)}
