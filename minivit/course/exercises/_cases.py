"""Small helpers that several exercises draw their cases with."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Draw


def first_sample(arguments: int = 1) -> Callable[[Case], Case | None]:
    """The case with the first sample only; the first so many arguments have a batch axis."""

    def one(case: Case) -> Case | None:
        first = case.args[0]
        if first.ndim < 2 or len(first) < 2 or any(np.ndim(arg) > 2 for arg in case.args[arguments:]):
            return None
        return Case((*(arg[:1] for arg in case.args[:arguments]), *case.args[arguments:]), case.kwargs)

    return one


def batch_sizes(case: Case) -> dict[str, float]:
    """Numbers of things in the first argument, by the names that messages use."""
    shape = case.args[0].shape
    found: dict[str, float] = {}
    if len(shape) > 1:
        found |= {"the batch": shape[0], "the rows": int(np.prod(shape[:-1])), "the width": shape[-1]}
    if len(shape) > 2:
        found["the tokens"] = shape[-2]
    return found | {"all numbers": int(np.prod(shape))}


def with_options(draw: Draw, **options: Any) -> Draw:
    """The same draw with these keyword arguments."""

    def drawn(rng: Generator) -> Case:
        case = draw(rng)
        return Case(case.args, {**case.kwargs, **options})

    return drawn
