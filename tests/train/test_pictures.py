"""The pictures of a run, without a command line around them."""

import gc
import weakref
from pathlib import Path

import pytest

from minivit import plot
from minivit.layers import Checkpoint
from minivit.train.pictures import draw_run
from tests.train.any_size import AnySize
from tests.train.small import TINY, small_dataset, small_trainer

NAMES = ["learning_curves", "predictions", "attention_maps", "patch_filters", "position_similarity"]


@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_what_a_model_cannot_show_is_left_out(
    grad_checkpointing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpointed block keeps no attention map."""
    monkeypatch.setattr(plot, "save", lambda _, path: path.touch())
    trainer = small_trainer(small_dataset(), options={**TINY, "grad_checkpointing": grad_checkpointing})
    paths = draw_run(tmp_path, trainer, list(trainer.run()))
    assert paths == [tmp_path / f"{name}.png" for name in NAMES if not (grad_checkpointing and "maps" in name)]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_of_another_family_is_drawn_what_its_parameters_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Filters of the first kernel, and a table on a grid; a model without either has none."""
    monkeypatch.setattr(plot, "save", lambda _, path: path.touch())
    trainer = small_trainer(small_dataset())
    rows = list(trainer.run())
    trainer.model = Checkpoint(trainer.model)  # type: ignore[assignment]
    names = [path.stem for path in draw_run(tmp_path, trainer, rows)]
    assert names == ["learning_curves", "predictions", "patch_filters", "position_similarity"]
    trainer.model = AnySize()
    assert [path.stem for path in draw_run(tmp_path, trainer, rows)] == ["learning_curves", "predictions"]


def test_no_picture_can_be_drawn_and_nothing_is_left_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[weakref.ref] = []

    def fail(picture: object, path: Path) -> None:
        drawn.append(weakref.ref(picture))
        raise ValueError(f"no room for {path.stem}")

    monkeypatch.setattr(plot, "save", fail)
    trainer = small_trainer(small_dataset())
    assert draw_run(tmp_path / "not there", trainer, list(trainer.run())) == []
    said = capsys.readouterr().err.splitlines()
    place = tmp_path / "not there"
    assert said == [f"minivit: {place / name}.png could not be drawn: no room for {name}" for name in NAMES]
    gc.collect()
    assert [ref() for ref in drawn] == [None] * len(NAMES)
