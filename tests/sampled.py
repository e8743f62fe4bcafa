"""Long lists of cases that prove the same: some in each run, others by ``pytest -m rest`` or ``pytest -m slow``.

``@pytest.mark.sampled(every=3)`` leaves two of three cases of a test to ``rest``; with ``rest=6`` only every sixth one
of these, and what is left is slow; with ``every=0`` all are left. A test that takes seconds is left to ``rest`` by
``@REST``. ``pytest -m rest --part 0/2`` runs every second test, ``--part 1/2`` the others.
"""

from collections.abc import Generator
from itertools import groupby
from typing import Any

import pytest

REST = pytest.mark.rest


def pytest_addoption(parser: Any) -> None:
    """``--part 0/2``."""
    parser.addoption("--part", default="0/1", metavar="K/N", help="every Nth test, from the Kth on, counted from 0")


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(config: Any, items: list[Any]) -> Generator[None]:
    """Marks the cases that are left, before pytest asks for the marks; takes a part of those that it has chosen."""
    for _, cases in groupby(items, lambda item: (item.parent, getattr(item, "originalname", ""))):
        leave(list(cases))
    yield
    first, step = map(int, config.getoption("part").split("/"))
    config.hook.pytest_deselected(items=[item for place, item in enumerate(items) if place % step != first])
    items[:] = items[first::step]


def leave(cases: list[Any]) -> None:
    """Marks those of a test that are left to another run."""
    mark = cases[0].get_closest_marker("sampled")
    if not mark:
        return
    every = mark.kwargs.get("every", len(cases))
    for place, case in enumerate(cases):
        if (every == 0 or place % every) and not case.get_closest_marker("slow"):
            case.add_marker(pytest.mark.slow if place % mark.kwargs.get("rest", 1) else REST)
