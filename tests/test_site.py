"""The site: what it derives from the code."""

import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.sampled import REST

pytest.importorskip("sphinx", reason="needs the extra [docs]")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def pages():
    """The module that writes the pages."""
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return import_module("site_pages")
    finally:
        sys.path.pop(0)


def test_the_map_knows_where_attention_is_treated(pages):
    place = pages.place_of("minivit.ops.attention")
    assert place.idea.startswith("Scaled dot-product attention: ")
    assert place.papers == ['Vaswani et al. 2017, "Attention Is All You Need", section 3.2.1.']
    assert ":doc:`02_attention </notebooks/02_attention>`" in place.lectures
    assert place.exercises == [":doc:`attention </minivit/course/exercises/attention>`"]
    assert "``tests/ops/test_attention.py``" in place.tests


@REST
def test_every_exercise_stands_on_the_map(pages):
    text = pages.map_page()
    for name in pages.EXERCISES:
        assert f"</minivit/course/exercises/{name}>" in text, name


@REST
def test_every_module_has_a_page_that_a_list_leads_to(pages):
    text = "".join([pages.index_page(), *(pages.module_page(part) for part in pages.modules())])
    for name in pages.modules():
        assert f"<{name}>`" in text, name


def test_a_name_is_found_as_its_users_write_it(pages):
    assert "minivit.storage.load" in pages.full_names(pages.minivit, "minivit.load")
    assert "minivit.models.vit.ViT" in pages.full_names(pages.minivit, "minivit.models.ViT")
    assert pages.find(pages.minivit, "minivit.nothing") is None
