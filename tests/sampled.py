"""Long lists of cases that prove the same: some of them in each run, the others by ``pytest -m rest``."""

from collections.abc import Callable, Hashable, Iterable
from typing import Any

import pytest

REST = pytest.mark.rest


def a_third_by_default(cases: Iterable[Any], ids: Iterable[str] = ()) -> list[Any]:
    """Every third case (values, or parameters of pytest's) as it is; the others are left to ``pytest -m rest``."""
    return [case if i % 3 == 0 else left(case) for i, case in enumerate(named(cases, ids))]


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
