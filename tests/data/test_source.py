"""A data set as a run remembers it."""

from pathlib import Path

import pytest

from minivit.data.source import full_source


def test_folders_are_kept_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pets").mkdir()
    (tmp_path / "shapes").mkdir()
    assert full_source("pets") == {"data": str(tmp_path / "pets"), "data_dir": None}
    assert full_source("shapes") == {"data": "shapes", "data_dir": None}  # a name is no folder, whatever there is
    assert full_source("nix", data_dir="d") == {"data": "nix", "data_dir": str(tmp_path / "d")}


def test_a_size_is_kept_only_where_it_was_asked_for() -> None:
    assert full_source("shapes", img_size=24) == {"data": "shapes", "data_dir": None, "img_size": 24}
