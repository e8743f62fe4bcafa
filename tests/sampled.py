"""Long lists of cases that prove the same: a third of them in each run, the others by ``pytest -m rest``."""

from collections.abc import Iterable
from typing import Any

import pytest

REST = pytest.mark.rest


def a_third_by_default(cases: Iterable[Any], ids: Iterable[str] = ()) -> list[Any]:
    """Every third case (values, or parameters of pytest's) as it is; the others are left to ``pytest -m rest``."""
    named = [pytest.param(case, id=name) for case, name in zip(cases, ids, strict=True)] if ids else [*cases]
    return [c if i % 3 == 0 else pytest.param(*c.values, id=c.id, marks=[*c.marks, REST]) for i, c in enumerate(named)]
