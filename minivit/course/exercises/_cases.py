"""Small helpers that several exercises draw their cases with."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Draw


def lengths(rng: Generator, count: int) -> list[int]:
    """So many different lengths, none of them 2 or 4: what is twice too large is so for many other reasons."""
    return rng.permutation([3, *range(5, count + 5)])[:count].tolist()


def telling(sizes: dict[str, float]) -> dict[str, float]:
    """Those of a layer that a factor may be called by: not 2 and 4, see :func:`lengths`."""
    return {name: size for name, size in sizes.items() if size not in (2, 4)}


def arrays(*shapes: str | None, scale: float = 1.0, **options: Any) -> Draw:
    """Draws normal numbers of these shapes; the letters of ``"B N 4"`` are different lengths. Options go along."""
    axes = " ".join(shape for shape in shapes if shape is not None).split()
    letters = dict.fromkeys(axis for axis in axes if not axis.isdigit())

    def drawn(rng: Generator) -> Case:
        axis_lengths: dict[str, Any] = dict(zip(letters, lengths(rng, len(letters)), strict=True))
        every = (
            None if shape is None else [int(axis_lengths.get(axis, axis)) for axis in shape.split()] for shape in shapes
        )
        return Case(tuple(None if shape is None else scale * rng.standard_normal(shape) for shape in every), options)

    return drawn


def close(a: Any, b: Any) -> bool:
    """Whether all numbers of about 1 are equal, up to rounding."""
    return np.allclose(a, b, rtol=0, atol=1e-9)


LARGE_QUERIES, LARGE_KEYS = np.array([1000.0, -1000.0]), np.array([1.0, 0.999, 0.99])


def overflown(y: ndarray) -> str | None:
    """What is said of shares (2, 3) of the scores of ``LARGE_QUERIES`` and ``LARGE_KEYS``, if they are not right."""
    right = np.exp([[0.0, -1.0, -10.0], [-10.0, -9.0, 0.0]])
    right /= right.sum(-1, keepdims=True)
    if close(y, right):
        return None
    row = int(np.abs(y - right).sum(-1).argmax()) if np.isfinite(y).all() else int(np.isfinite(y).all(-1).argmin())
    scores = LARGE_QUERIES[row] * LARGE_KEYS
    given, yours, expected = (", ".join(f"{x:.4g}" for x in each) for each in (scores, y[row], right[row]))
    return (
        f"scores of {given} give the shares {yours}; they should be {expected}. exp(1000) overflows and exp(-1000) is "
        "0: subtract the largest score of each row first, or call softmax_forward"
    )


def first_sample(arguments: int = 1) -> Callable[[Case], Case | None]:
    """The case with the first sample only; the first so many arguments have a batch axis."""

    def one(case: Case) -> Case | None:
        first = case.args[0]
        if first.ndim < 2 or len(first) < 2 or any(np.ndim(arg) > 2 for arg in case.args[arguments:]):
            return None
        options = {name: of_first_sample(value, len(first)) for name, value in case.kwargs.items()}
        return Case((*(arg[:1] for arg in case.args[:arguments]), *case.args[arguments:]), options)

    return one


def of_first_sample(option: Any, count: int) -> Any:
    """Of a mask or a bias of each sample that of the first one."""
    return option[:1] if np.ndim(option) == 4 and len(option) == count else option


ONE_SAMPLE = {"for one sample": first_sample()}


def batch_sizes(case: Case) -> dict[str, float]:
    """Numbers of things in the first argument, by the names that messages use."""
    shape = case.args[0].shape
    found: dict[str, float] = {}
    if len(shape) > 1:
        found |= {"the batch": shape[0], "the rows": int(np.prod(shape[:-1])), "the width": shape[-1]}
    if len(shape) > 2:
        found["the tokens"] = shape[-2]
    return found | {"the numbers": int(np.prod(shape))}


def with_options(draw: Draw, **options: Any) -> Draw:
    """The same draw with these keyword arguments."""

    def drawn(rng: Generator) -> Case:
        case = draw(rng)
        return Case(case.args, {**case.kwargs, **options})

    return drawn


def with_token_mask(draw: Draw) -> Draw:
    """The same draw of a layer of tokens (B, N, D), with a mask: one token may look at nothing, and one at all."""

    def drawn(rng: Generator) -> Case:
        args, options = draw(rng)
        mask = rng.random((args[0].shape[1],) * 2) < 0.5
        mask[0], mask[1] = False, True
        return Case(args, {**options, "mask": mask})

    return drawn


def with_no_token_allowed(draw: Draw) -> Draw:
    """The same with a mask that forbids everything."""

    def drawn(rng: Generator) -> Case:
        args, options = draw(rng)
        return Case(args, {**options, "mask": np.zeros((args[0].shape[1],) * 2, bool)})

    return drawn
