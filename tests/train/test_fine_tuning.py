"""Trainings that begin where others have ended, in Python and from the command line."""

import shlex
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import minivit as mv
from minivit import cli
from minivit.data import Dataset
from minivit.train import Recipe, Trainer
from minivit.train.recipes import recipe_of
from tests.models.test_resnet import SMALL as RESNET
from tests.sampled import REST
from tests.test_cli import assert_same_training
from tests.train.sounds import small_sounds

TINY = {"embed_dim": 8, "depth": 2, "num_heads": 2}
SETTINGS = [f"--set={name}={value}" for name, value in TINY.items()]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return mv.data.shapes(40, 24)


def recipe(model="vit_micro_patch4_32", options=TINY, **choices) -> Recipe:
    return Recipe(model=model, options=options, epochs=1, batch_size=20, lr=1e-2, crop_padding=0, **choices)


@pytest.fixture(scope="module")
def before(data, tmp_path_factory) -> Path:
    """A run that has ended."""
    trainer = Trainer(recipe(seed=3), data, threads=1)
    list(trainer.run())
    path = tmp_path_factory.mktemp("before") / "checkpoint.safetensors"
    trainer.save(path)
    return path


def changed(trainer: Trainer, start: dict[str, np.ndarray]) -> set[str]:
    return {name for name, value in trainer.model.state_dict().items() if not np.array_equal(value, start[name])}


def test_it_begins_with_what_was_learned(data, before):
    trainer = Trainer(recipe(init=str(before)), data, threads=1)
    theirs = mv.load(before).state_dict()
    different = changed(trainer, theirs)
    assert different == {"head.weight", "head.bias"}  # the other one's has been trained
    list(trainer.run())
    assert changed(trainer, theirs) == {*theirs}


def test_a_frozen_body_stays(data, before):
    trainer = Trainer(recipe(init=str(before), freeze=True), data, threads=1)
    start = trainer.model.state_dict()
    rows = list(trainer.run())
    assert changed(trainer, start) == {"head.weight", "head.bias"}
    assert rows[-1].test_score == trainer.test_score()
    assert {name.partition(".")[2] for name in trainer.optimizer.state} == {"head.weight", "head.bias"}


def test_the_average_of_a_frozen_body_is_that_body(data, before):
    trainer = Trainer(recipe(init=str(before), freeze=True, ema=0.99), data, threads=1)
    start = trainer.model.state_dict()
    list(trainer.run())
    average = trainer.trained.state_dict()
    assert {name for name, value in average.items() if not np.array_equal(value, start[name])} == {
        "head.weight",
        "head.bias",
    }


def test_a_frozen_body_normalises_by_what_it_has_seen(data, tmp_path):
    """Neither its averages move, nor do the statistics of a batch have a say."""
    options = {name: value for name, value in RESNET.items() if name not in ("img_size", "num_classes")}
    first = Trainer(recipe("resnet20_32", options), data, threads=1)
    list(first.run())
    first.save(tmp_path / "checkpoint.safetensors")
    trainer = Trainer(recipe("resnet20_32", options, init=str(tmp_path), freeze=True), data, threads=1)
    start = trainer.model.state_dict()
    images = trainer.normalize(data.train.images[:4])
    np.testing.assert_allclose(trainer.learner.forward(images)[0], mv.train.predict(trainer.model, images), atol=1e-5)
    list(trainer.run())
    assert changed(trainer, start) == {"fc.weight", "fc.bias"}


def test_layers_learn_at_their_own_rates(data, before):
    trainer = Trainer(recipe(init=str(before), layer_decay=0.1), data, threads=1)
    start = trainer.model.state_dict()
    list(trainer.run())
    moved = {
        name: float(np.abs(trainer.model.state_dict()[name] - start[name]).mean())
        for name in ("pos_embed", "blocks.0.mlp.fc1.weight", "blocks.1.mlp.fc1.weight", "norm.weight")
    }
    steps = [*moved.values()]
    assert all(4 * a < b for a, b in pairwise(steps)), moved


@pytest.mark.parametrize("choices", [{}, {"freeze": True}, {"layer_decay": 0.5, "ema": 0.9}])
@pytest.mark.parametrize("threads", [pytest.param(1, marks=REST), 2])
def test_it_goes_on_without_what_it_began_with(choices, threads, data, before, tmp_path):
    source = tmp_path / "source.safetensors"
    source.write_bytes(before.read_bytes())
    told = recipe(init=str(source), **choices)
    whole, half = (Trainer(told, data, threads=1) for _ in range(2))
    list(whole.run())
    next(iter(half.run()))
    half.save(tmp_path / "half.safetensors")
    source.unlink()
    again = Trainer(told, data, threads=threads, to_resume=True)
    again.resume(tmp_path / "half.safetensors")
    list(again.run())
    for name, value in whole.trained.state_dict().items():
        np.testing.assert_array_equal(again.trained.state_dict()[name], value)


@pytest.mark.parametrize("choices", [{}, {"layer_decay": 0.5}])
def test_so_do_models_that_are_not_trained_to_classify(choices, tmp_path):
    small = {"model": "wav2vec_tiny", "epochs": 1, "batch_size": 12, "crop_padding": 0, "flip": False}
    sounds = small_sounds(length=16_000)
    Trainer(Recipe(**small, seed=3), sounds, threads=1).save(tmp_path / "checkpoint.safetensors")
    trainer = Trainer(Recipe(**small, init=str(tmp_path), **choices), sounds, threads=1)
    assert not changed(trainer, mv.load(tmp_path / "checkpoint.safetensors").state_dict())
    with pytest.raises(ValueError, match=r"^freeze leaves all but the head as it is, and this Wav2Vec has none$"):
        Trainer(Recipe(**small, init=str(tmp_path), freeze=True), sounds, threads=1)


def stopped(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@REST
@pytest.mark.parametrize("what", ["init", "data"])
def test_before_its_first_checkpoint_it_goes_on_with_the_same_only(what, before, tmp_path, monkeypatch, capsys):
    """A run that ends before anything is saved begins anew when it is resumed, and reads all once more."""
    monkeypatch.chdir(tmp_path)
    source, seeds = Path("source.safetensors"), {"data": 0}
    source.write_bytes(before.read_bytes())
    monkeypatch.setattr("minivit.data.names.shapes", lambda seed: mv.data.shapes(40, 24, seed=seeds["data"]))
    pooling = ["--set", "global_pool=token", "--set", "class_token=true"]
    command = ["train", "--epochs", "1", "--batch-size", "20", *SETTINGS, *pooling, "--init", str(source)]
    assert cli.main([*command, "--out", "whole"]) == 0
    with monkeypatch.context() as patch:
        patch.setattr("minivit.train.trainer.training_step", stopped)
        assert cli.main([*command, "--out", "cut"]) == 130
    assert [path.name for path in Path("cut").iterdir() if path.suffix] == ["config.json"]
    config, other = Path("cut/config.json").read_bytes(), mv.load(before)
    if what == "init":
        token = other.named_params()["cls_token"]
        token.value = token.value + 1
        mv.save(other, source)
        changed = f"the weights in {source.resolve()}", "it was trained further, or another model is there now"
    else:
        seeds["data"] = 1
        changed = "the examples of shapes", "some were added, removed or changed"
    capsys.readouterr()
    assert cli.main(["train", "--resume", "cut"]) == 1
    words = " are not those that this run was begun with: "
    assert capsys.readouterr().err == f"minivit: {words.join(changed)}\n"
    assert Path("cut/config.json").read_bytes() == config
    assert [path.name for path in Path("cut").iterdir() if path.suffix] == ["config.json"]

    source.write_bytes(before.read_bytes())
    seeds["data"] = 0
    assert cli.main(["train", "--resume", "cut"]) == 0
    assert_same_training(Path("cut"), Path("whole"))


def test_another_beginning_is_another_training(data, before, tmp_path):
    trainer = Trainer(recipe(init=str(before)), data, threads=1)
    trainer.save(tmp_path / "it.safetensors")
    with pytest.raises(ValueError, match="belongs to another training: its init is"):
        Trainer(recipe(), data, threads=1).resume(tmp_path / "it.safetensors")


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"freeze": True}, "freeze leaves all but the head as it is: it needs init"),
        ({"freeze": True, "init": "a", "layer_decay": 0.5}, "with freeze only the head is trained"),
        ({"layer_decay": 0.0}, "layer_decay is 0.0; expected a number above 0 and at most 1, or None"),
        ({"layer_decay": 1.5}, "layer_decay is 1.5"),
    ],
)
def test_choices_that_do_not_fit(choices, message):
    with pytest.raises(ValueError, match=message):
        recipe(**choices)


@REST
def test_from_the_command_line(before, tmp_path, monkeypatch, capsys):
    """At another size of images, so that positions are resampled; and on from there without the file."""
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "source.safetensors"
    source.write_bytes(before.read_bytes())
    monkeypatch.setattr("minivit.data.names.shapes", lambda seed: mv.data.shapes(40, 24, seed=seed))
    command = ["train", "--epochs", "1", "--batch-size", "20", "--img-size", "40", *SETTINGS]
    command += ["--init", "source.safetensors", "--layer-decay", "0.7", "--out", "tuned", "--threads", "1"]
    assert cli.main([*command, "--set", "global_pool=token", "--set", "class_token=true"]) == 0, capsys.readouterr()
    assert mv.load("tuned/checkpoint.safetensors").named_params()["pos_embed"].shape == (1, 101, 8)
    source.unlink()
    assert cli.main(["train", "--resume", "tuned"]) == 0
    assert "is finished" in capsys.readouterr().out


@REST
def test_the_model_is_that_of_the_run_where_none_is_named(tmp_path, monkeypatch):
    """With all its options, and what else is asked for."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minivit.data.names.shapes", lambda seed: mv.data.shapes(40, 24, seed=seed))
    short = ["train", "--epochs", "1", "--batch-size", "20", "--threads", "1"]
    assert cli.main([*short, "--model", "resnet20_32", "--set", "layers=1,1,1", "--out", "first"]) == 0
    assert cli.main([*short, "--init", "first", "--set", "drop_rate=0.1", "--out", "second"]) == 0
    first, second = (mv.load(f"{name}/checkpoint.safetensors").config for name in ("first", "second"))
    assert second == first | {"drop_rate": 0.1}


@REST
def test_weights_of_others_are_those_of_the_preset(tmp_path, monkeypatch):
    """Which reads a class token here: nothing more need be said."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minivit.data.names.shapes", lambda seed: mv.data.shapes(40, 24, seed=seed))
    name = "vit_micro_patch4_32"
    before = mv.create_model(name, num_classes=7)
    assert before.config["class_token"]
    save_file(mv.weights.to_timm(before), "timm.safetensors")
    command = ["train", "--epochs", "1", "--batch-size", "20", "--model", name, "--init", "timm.safetensors"]
    assert cli.main([*command, "--freeze", "--out", "probe"]) == 0
    after = mv.load("probe/checkpoint.safetensors")
    np.testing.assert_array_equal(after.named_params()["cls_token"].value, before.named_params()["cls_token"].value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--init", "nowhere"], "there is no run or file nowhere"),
        (["--freeze"], "freeze leaves all but the head as it is"),
        (["--init", "~nobody-of-this-name/x"], "nobody-of-this-name"),
        (["--resume", "run", "--freeze"], "--resume goes on with a run as it was begun; --freeze cannot change it"),
    ],
)
def test_mistakes_at_the_command_line(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["train", *options]) == 1
    assert message in capsys.readouterr().err
    assert not [*tmp_path.iterdir()]


def test_what_does_not_fit_leaves_no_folder(before, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minivit.data.names.shapes", lambda seed: mv.data.shapes(40, 24, seed=seed))
    settings = ["--set", "embed_dim=8", "--set", "num_heads=4"]
    assert cli.main(["train", "--init", str(before), "--out", "run", *settings]) == 1
    err = capsys.readouterr().err
    its = "its depth is 2, not 4; its num_heads is 2, not 4; its class_token is True, not False"
    assert err == f"minivit: {before} holds another ViT than this one: {its}\n"
    assert not Path("run").exists()


@REST
def test_what_is_left_aside_is_said_in_a_line(before, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("minivit.data.names.shapes", lambda seed: mv.data.shapes(40, 24, seed=seed))
    arrays = {f"student.{name}": array for name, array in mv.weights.to_timm(mv.load(before)).items()}
    save_file({**arrays, "teacher.norm.weight": np.ones(8, np.float32)}, "timm.safetensors")
    pooling = ["--set", "global_pool=token", "--set", "class_token=true"]
    command = ["train", "--epochs", "1", "--batch-size", "20", *SETTINGS, *pooling, "--init", "timm.safetensors"]
    assert cli.main(command) == 0
    said = "minivit: took the arrays whose names begin with 'student.' and left 'teacher.norm.weight' aside"
    assert said in capsys.readouterr().err.splitlines()


def test_a_classifier_begins_with_hidden_patches_as_the_docs_say(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
    lines = page.partition("## Hidden patches")[2].splitlines()[2:4]
    models = []
    for line in lines:
        args = cli.build_parser().parse_args(shlex.split(line, comments=True)[1:])
        told = recipe_of(args.data, args.set or [], model=args.model)
        models.append(mv.create_model(told.model, **told.options))
    mv.save(models[0], tmp_path / "checkpoint.safetensors")
    mv.train.begin_with(models[1], tmp_path)
    np.testing.assert_array_equal(models[1].norm.weight.value, models[0].norm.weight.value)


def test_recipes_compare_whole():
    assert replace(recipe(), layer_decay=0.5) != recipe()
