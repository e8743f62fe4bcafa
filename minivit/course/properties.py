"""Properties of a function: what must hold whatever the numbers."""

from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.asked import Asked, called_with
from minivit.course.compare import CheckFailedError, Compared
from minivit.course.exercise import Property, Trial
from minivit.course.explain import ROUNDING, nearly_right, wrong_shape
from minivit.course.outputs import describe, named_outputs
from minivit.course.trial import argument_names, our_answer


class Watched:
    """The function as a property calls it; ``rounding`` is what is to be said if it only rounds to float32.

    ``wrong`` is the first call of which more than that is wrong.
    """

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        self.rounding = ""
        self.wrong: Compared | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        task = self.asked.task
        outcome = self.asked.runner.call(task.name, args, kwargs, "value", task.given)
        given = dict(zip(argument_names(task), args, strict=False)) | kwargs
        outcome = outcome._replace(message=outcome.message + called_with(given) * (outcome.status == "raised"))
        value = self.asked.returned(outcome).value
        pair = isinstance(value, (tuple, list)) and bool(value) and isinstance(value[0], (ndarray, np.generic, float))
        if task.kind == "forward" and not pair:
            raise CheckFailedError(f"it must return the pair (y, cache); it returned {describe(value)}")
        expected = our_answer(task, args, kwargs)
        trial = Trial(Case(args, kwargs), args, args, kwargs, None, None, None, expected)
        compared = Compared(task, trial, value)
        y, right = (value[0], expected[0]) if task.kind == "forward" else (value, expected)
        found, wanted = named_outputs("plain", y, right), named_outputs("plain", right, right)
        for name, array in wanted.items():
            if np.shape(found[name]) != np.shape(array):  # to compare these could fill the memory
                message = wrong_shape(name, np.asarray(found[name]), np.asarray(array), wanted)
                raise CheckFailedError(message, compared)
            self._look(name, np.asarray(found[name]), np.asarray(array), compared)
        return found if hasattr(expected, "_fields") else value

    def _look(self, name: str, got: ndarray, expected: ndarray, compared: Compared) -> None:
        if got.dtype.kind in "fc" and expected.dtype in (np.float64, np.complex128):
            near = nearly_right(name, got, expected) or ""
            self.rounding = self.rounding or near * (ROUNDING in near)
            if not near and not np.allclose(got, expected, rtol=1e-9, atol=1e-12, equal_nan=True):
                self.wrong = self.wrong or compared


def check_property(asked: Asked, item: Property, rng: Generator) -> None:
    """Raise the sentence that says what does not hold; where only digits are missing, that."""
    call = Watched(asked)
    with np.errstate(all="ignore"):
        sentence = item.holds(call, rng)
    if sentence:
        raise CheckFailedError(sentence if call.wrong or not call.rounding else call.rounding, call.wrong)
