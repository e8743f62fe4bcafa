"""Trainings with all of it: the same bits for any number of threads and after resumption, and what is refused."""

import json
import re
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit import cli
from minivit.storage import read_arrays, write_arrays
from minivit.train import Recipe, Trainer, pictures, predict
from minivit.train.folder import RunFolder
from minivit.train.recipe import OFF
from tests.test_cli import write_cifar
from tests.train.small import TINY, assert_same_bits, small_dataset, small_recipe, small_trainer
from tests.train.sounds import small_sound_trainer, small_sounds

ALL: dict[str, Any] = {
    "randaugment": (2, 9.0),
    "random_erasing": 0.25,
    "mixup": 0.8,
    "cutmix": 1.0,
    "ema": 0.6,
    "options": {**TINY, "mlp_drop_rate": 0.1, "drop_path_rate": 0.1},
}


SMALL_RESNET = {"layers": (1, 1), "channels": (8, 8), "stem_chans": 8}


@pytest.fixture(scope="module")
def dataset() -> mv.data.Dataset:
    return small_dataset()


def state(trainer: Trainer) -> dict[str, np.ndarray]:
    average = {f"average.{name}": array for name, array in trainer.trained.state_dict().items()}
    return trainer.model.state_dict() | trainer.optimizer.state_dict() | average


@pytest.fixture(scope="module")
def uninterrupted(dataset: mv.data.Dataset) -> tuple[dict[str, np.ndarray], list]:
    trainer = small_trainer(dataset, **ALL)
    rows = list(trainer.run())
    return state(trainer), rows


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize("stop", [0, 1, 3, 5, 6])
def test_interrupted_and_resumed(dataset: mv.data.Dataset, uninterrupted: tuple, stop: int, tmp_path: Path) -> None:
    expected, expected_rows = uninterrupted
    trainer = small_trainer(dataset, **ALL)
    rows = list(islice(trainer.run(), stop))
    trainer.save(tmp_path / "checkpoint")
    again = small_trainer(dataset, **ALL, threads=2)
    again.resume(tmp_path / "checkpoint")
    rows += again.run()
    assert_same_bits(state(again), expected)
    assert rows == expected_rows


def test_the_average_is_tested_and_kept(dataset: mv.data.Dataset, tmp_path: Path) -> None:
    trainer = small_trainer(dataset, **ALL)
    *_, last = trainer.run()
    assert trainer.trained is not trainer.model
    averaged, latest = trainer.trained.state_dict(), trainer.model.state_dict()
    assert not np.array_equal(averaged["head.weight"], latest["head.weight"])
    trainer.save(tmp_path / "checkpoint")
    kept = mv.load(tmp_path / "checkpoint")
    assert_same_bits(kept.state_dict(), trainer.trained.state_dict())
    guesses = predict(kept, trainer.normalize(dataset.test.images)).argmax(1)
    assert last.test_score == (guesses == dataset.test.labels).mean()


@pytest.mark.parametrize("choice", ["randaugment", "random_erasing", "mixup", "cutmix"])
def test_each_changes_what_is_seen_and_ema_does_not(dataset: mv.data.Dataset, choice: str) -> None:
    def losses(**choices: Any) -> list[float]:
        return [row.loss for row in small_trainer(dataset, epochs=1, **choices).run()]

    assert losses(**{choice: ALL[choice]}) != losses()
    assert losses(ema=0.6) == losses()


def test_a_training_without_it_is_what_it_was(dataset: mv.data.Dataset) -> None:
    """Not a number is drawn, and no weights are kept twice."""
    trainer = small_trainer(dataset)
    assert trainer.trained is trainer.model
    assert trainer.task.mix is None  # type: ignore[attr-defined]
    off = small_trainer(dataset, **OFF)
    assert [row.loss for row in islice(trainer.run(), 2)] == [row.loss for row in islice(off.run(), 2)]


def test_batches_have_soft_targets(dataset: mv.data.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(
        "minivit.train.trainer.training_step", lambda model, images, targets, **_: seen.append(targets) or 1.0
    )
    list(small_trainer(dataset, epochs=1, mixup=0.5).run())
    assert {targets.shape for targets in seen} == {(12, 10)}
    assert all(np.allclose(targets.sum(1), 1) for targets in seen)
    assert len({targets.tobytes() for targets in seen}) == 3


def test_batch_normalisation_and_its_averages() -> None:
    """The average has running averages of its own: those of the weights that it is made of."""
    trainer = small_trainer(small_dataset(), epochs=1, model="resnet20_32", options=SMALL_RESNET, ema=0.5)
    list(trainer.run())
    ours, theirs = (model.named_state() for model in (trainer.trained, trainer.model))
    running = [name for name, param in ours.items() if not param.learned]
    assert running
    assert any(not np.array_equal(ours[name].value, theirs[name].value) for name in running)


def test_a_checkpoint_of_another_recipe(dataset: mv.data.Dataset, tmp_path: Path) -> None:
    small_trainer(dataset, ema=0.5).save(tmp_path / "checkpoint")
    with pytest.raises(ValueError, match=r"belongs to another training: its ema is 0.5, not None"):
        small_trainer(dataset).resume(tmp_path / "checkpoint")
    arrays, header = read_arrays(tmp_path / "checkpoint")
    arrays = {name: array for name, array in arrays.items() if not name.startswith("optimizer/learned.head")}
    write_arrays(tmp_path / "damaged", arrays, header)
    with pytest.raises(ValueError, match=r"damaged is damaged: .*learned\.head"):
        small_trainer(dataset, ema=0.5).resume(tmp_path / "damaged")


def test_files_from_before_there_was_any_of_it(dataset: mv.data.Dataset, tmp_path: Path) -> None:
    """A run folder and a checkpoint that do not name the choices: the run goes on without them."""
    folder = RunFolder(tmp_path / "run")
    folder.create(small_recipe(), {"data": "shapes", "data_dir": None})
    config = json.loads(folder.config_path.read_text())
    trainer = small_trainer(dataset)
    trainer.save(folder.checkpoint_path)
    arrays, header = read_arrays(folder.checkpoint_path)
    for name in OFF:
        del config["recipe"][name], header["metadata"]["recipe"][name]
    folder.config_path.write_text(json.dumps(config))
    write_arrays(folder.checkpoint_path, arrays, header)
    recipe, _, _ = folder.read_config()
    assert recipe == small_recipe()
    folder.resume(Trainer(recipe, dataset, threads=1))


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"randaugment": (2, 9)}, r"randaugment is \(2, 9\), and that is for images, not for sounds; expected None"),
        ({"random_erasing": 0.5}, "random_erasing is 0.5, and that is for images, not for sounds; expected 0.0"),
        ({"cutmix": 1.0}, "cutmix is 1.0, and that is for images, not for sounds; expected 0.0"),
        (
            {"mixup": 0.2, "model": "wav2vec_tiny"},
            "mixup is 0.2, and wav2vec_tiny is not trained to classify; expected 0.0",
        ),
        (
            {"label_smoothing": 0.5, "model": "wav2vec_tiny"},
            "label_smoothing is 0.5, and wav2vec_tiny is not trained to classify",
        ),
    ],
)
def test_what_is_not_for_sounds(choices: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        Trainer(Recipe(**{"model": "ast_tiny_patch16_64x98", "crop_padding": 0, **choices}), small_sounds())


def test_sounds_can_be_mixed() -> None:
    losses = [next(small_sound_trainer(mixup=mixup, ema=0.9).run()).loss for mixup in (0.0, 0.5)]
    assert losses[0] != losses[1]


# The command line

TRAIN = ["train", "--data", "cifar", "--model", "vit_micro_patch4_32", "--epochs", "1", "--batch-size", "10"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    write_cifar(tmp_path / "cifar")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pictures, "draw_run", lambda *_: [])
    return tmp_path


def recorded(run: str) -> dict[str, Any]:
    return json.loads(Path(run, "config.json").read_text(encoding="utf-8"))["recipe"]


def test_what_the_command_line_asks_for_is_recorded(place: Path) -> None:
    assert cli.main([*TRAIN, "--recipe", "medium1", "--regularisation", "0.1", "--out", "a"]) == 0
    recipe = recorded("a")
    assert (recipe["randaugment"], recipe["mixup"], recipe["ema"]) == ([2, 15.0], 0.2, None)
    assert (recipe["options"]["mlp_drop_rate"], recipe["options"]["drop_path_rate"]) == (0.1, 0.1)
    config = mv.load("a/checkpoint.safetensors").config
    assert (config["mlp_drop_rate"], config["proj_drop_rate"], config["drop_path_rate"]) == (0.1, 0.0, 0.1)

    each = "--recipe light2 --randaugment 1 5 --mixup 0 --cutmix 1 --random-erasing 0.25 --ema 0.9"
    each += " --label-smoothing 0 --weight-decay 0.1 --threads 1 --out b"
    assert cli.main([*TRAIN, *each.split()]) == 0
    expected = {"randaugment": [1, 5], "mixup": 0.0, "cutmix": 1.0, "random_erasing": 0.25, "ema": 0.9}
    expected |= {"label_smoothing": 0.0, "weight_decay": 0.1}
    assert {name: recorded("b")[name] for name in expected} == expected

    assert cli.main([*TRAIN, "--out", "c"]) == 0
    assert {name: recorded("c")[name] for name in OFF} == json.loads(json.dumps(OFF))
    assert asdict(Recipe()).keys() == recorded("c").keys()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--recipe medum1", "minivit: there is no recipe 'medum1'; .* did you mean medium1"),
        ("--mixup -1", "minivit: mixup is -1.0; expected 0 or a positive, finite number"),
        ("--mixup nan", "minivit: mixup is nan; expected 0 or a positive, finite number"),
        ("--cutmix inf", "minivit: cutmix is inf; expected 0 or a positive, finite number"),
        ("--randaugment 2 -3", r"minivit: randaugment is \(2, -3\); expected a magnitude from 0 to 30, or None"),
        ("--randaugment 2 1e9", "minivit: randaugment is .*; expected a magnitude from 0 to 30, or None"),
        ("--randaugment 99 3", r"minivit: randaugment is \(99, 3\); expected 0 to 16 layers, or None"),
        ("--random-erasing 2", "minivit: random_erasing is 2.0; expected a number from 0 to 1"),
        ("--ema 1", "minivit: ema is 1.0; expected a number from 0 to below 1, or None"),
        ("--regularisation 1", "minivit: regularisation is 1.0; expected at least 0 and below 1"),
        ("--model resnet18 --regularisation 0.1", "minivit: regularisation is .* resnet18 has not got both"),
    ],
)
def test_what_cannot_be_asked_for(place: Path, options: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*TRAIN, *options.split()]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.match(says, said), said
    assert not Path("runs").exists()


def test_a_resumed_run_keeps_its_recipe(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*TRAIN, "--ema", "0.5", "--out", "run"]) == 0
    assert cli.main(["train", "--resume", "run", "--recipe", "light1", "--mixup", "1"]) == 1
    assert "as it was begun; --recipe and --mixup cannot change it" in capsys.readouterr().err
    assert cli.main(["train", "--resume", "run"]) == 0


def test_doctor_explains_a_recipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["doctor", "--recipe", "strong1"]) == 0
    assert capsys.readouterr().out.startswith("strong1: RandAugment(2, 20)")
    assert cli.main(["doctor", "--recipe", "stron"]) == 1
    assert "did you mean strong" in capsys.readouterr().err
