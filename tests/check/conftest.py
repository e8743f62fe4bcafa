"""A message takes thousands of calls of forward, all alike: that they keep to their annotations is seen elsewhere."""

import pytest

from minivit.check import report
from tests.unchecked import without_annotations


@pytest.fixture(autouse=True)
def quick_messages(monkeypatch):
    for name in ("compare_elements", "numerical_gradient"):
        monkeypatch.setattr(report, name, without_annotations(getattr(report, name)))
