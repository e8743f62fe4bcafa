"""Long lists of cases that prove the same: some in each run, others by ``pytest -m rest`` or ``pytest -m slow``.

``@pytest.mark.sampled(every=3)`` leaves two of three cases of a test to ``rest``; with ``rest=6`` only every sixth one
of these, and what is left is slow; with ``every=0`` all are left. A test that takes seconds is left to ``rest`` by
``@REST``.
"""

from itertools import groupby
from typing import Any

import pytest

REST = pytest.mark.rest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[Any]) -> None:
    """Marks the cases that are left, before pytest asks for the marks."""
    for _, cases in groupby(items, lambda item: (item.parent, getattr(item, "originalname", ""))):
        leave(list(cases))


def leave(cases: list[Any]) -> None:
    """Marks those of a test that are left to another run."""
    mark = cases[0].get_closest_marker("sampled")
    if not mark:
        return
    every = mark.kwargs.get("every", len(cases))
    for place, case in enumerate(cases):
        if (every == 0 or place % every) and not case.get_closest_marker("slow"):
            case.add_marker(pytest.mark.slow if place % mark.kwargs.get("rest", 1) else REST)
