"""A message takes thousands of calls of forward, all alike: that they keep to their annotations is seen elsewhere."""

from functools import wraps

import jaxtyping
import pytest

from minivit.check import report


def without_annotations(function):
    """The same function, in which calls are not held to their annotations."""

    @wraps(function)
    def unchecked(*args):
        jaxtyping.config.update("jaxtyping_disable", True)
        try:
            return function(*args)
        finally:
            jaxtyping.config.update("jaxtyping_disable", False)

    return unchecked


@pytest.fixture(autouse=True)
def quick_messages(monkeypatch):
    for name in ("compare_elements", "numerical_gradient"):
        monkeypatch.setattr(report, name, without_annotations(getattr(report, name)))
