"""Long lists of cases that prove the same: some in each run, others by ``pytest -m rest``, the most of very long ones
by ``pytest -m slow``.
"""

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import pytest

REST = pytest.mark.rest


def a_third_by_default(cases: Iterable[Any], ids: Iterable[str] = ()) -> list[Any]:
    """Every third case (values, or parameters of pytest's) as it is; the others are left to ``pytest -m rest``."""
    return [case if i % 3 == 0 else left(case) for i, case in enumerate(named(cases, ids))]


def few_by_default(cases: Iterable[Any], ids: Iterable[str] = (), *, every: int, rest: int = 1) -> list[Any]:
    """One case of so many as it is; every so-manyth of the others for ``pytest -m rest``, and what is left is slow."""
    chosen = []
    for i, case in enumerate(named(cases, ids)):
        marks = [] if i % every == 0 else [REST] if i % rest == 0 else [pytest.mark.slow]
        chosen.append(pytest.param(*case.values, id=case.id, marks=[*case.marks, *marks]))
    return chosen


def one_of_each_by_default(cases: Iterable[Any], kind: Callable[..., Hashable], ids: Iterable[str] = ()) -> list[Any]:
    """The first case of each kind, which is a function of its values; the others are left to ``pytest -m rest``."""
    seen = set()
    chosen = []
    for case in named(cases, ids):
        of = kind(*case.values)
        chosen.append(left(case) if of in seen else case)
        seen.add(of)
    return chosen


def named(cases: Iterable[Any], ids: Iterable[str]) -> list[Any]:
    """Parameters of pytest's, which cases may be already."""
    if ids:
        return [pytest.param(case, id=name) for case, name in zip(cases, ids, strict=True)]
    return [case if hasattr(case, "marks") else pytest.param(case) for case in cases]


def left(case: Any) -> Any:
    """A case that is left to ``pytest -m rest``."""
    return pytest.param(*case.values, id=case.id, marks=[*case.marks, REST])
