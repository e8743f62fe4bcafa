import pytest

from minivit.models import MODELS, PRESETS
from tests.tasks.families import FAMILIES


@pytest.fixture
def families(monkeypatch):
    """The small families are found by name, as those in minivit/models are."""
    for name, family in FAMILIES.items():
        monkeypatch.setitem(MODELS, family.__name__, family)
        monkeypatch.setitem(PRESETS, name, (family, {}))
