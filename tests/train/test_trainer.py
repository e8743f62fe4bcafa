"""The loop: what it reports, that it learns, and that an interrupted training ends in the same bits."""

import json
from dataclasses import replace
from itertools import islice
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import minivit as mv
from minivit.checked import plain
from minivit.data import LabeledImages
from minivit.storage import read_arrays, write_arrays
from minivit.train import Metrics, Recipe, Trainer, warmup_cosine
from minivit.train.trained_on import read_trained_on
from tests.train.small import TINY, assert_same_bits, small_dataset, small_model, small_trainer
from tests.unchecked import without_annotations


@pytest.fixture(scope="module")
def dataset() -> mv.data.Dataset:
    return small_dataset()


def state(trainer: Trainer) -> dict[str, np.ndarray]:
    return trainer.model.state_dict() | trainer.optimizer.state_dict()


def test_metrics_of_every_step(dataset: mv.data.Dataset) -> None:
    trainer = small_trainer(dataset, epochs=3, warmup_epochs=1.4, lr=0.01)  # 40 images, batches of 12
    assert (trainer.steps_per_epoch, trainer.total_steps) == (3, 9)
    rows, rates = [], []
    for row in trainer.run():
        rows.append(row)
        rates.append(trainer.optimizer.lr)
    assert [row.step for row in rows] == list(range(1, 10))
    assert [row.epoch for row in rows] == [step / 3 for step in range(1, 10)]
    assert rates == [row.lr for row in rows] == [warmup_cosine(t, total=9, warmup=4, lr=0.01) for t in range(9)]
    assert all(np.isfinite(row.loss) for row in rows)
    assert [row.step for row in rows if row.test_score is not None] == [3, 6, 9]
    guesses = mv.train.predict(trainer.model, trainer.normalize(dataset.test.images)).argmax(1)
    assert rows[-1].test_score == (guesses == dataset.test.labels).mean() == trainer.test_score()
    assert list(trainer.run()) == []  # it is over


def test_probabilities(dataset: mv.data.Dataset) -> None:
    probabilities = small_trainer(dataset).probabilities(dataset.test.images)
    assert probabilities.shape == (10, 10)
    assert (probabilities > 0).all()
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-5)


def test_fewer_images_than_a_batch(dataset: mv.data.Dataset) -> None:
    trainer = small_trainer(dataset, batch_size=1000, epochs=2)
    assert (trainer.batch_size, trainer.total_steps) == (40, 2)
    assert [row.test_score is None for row in trainer.run()] == [False, False]


def batches(dataset: mv.data.Dataset, monkeypatch: pytest.MonkeyPatch, **choices: Any) -> list[np.ndarray]:
    """Which images each step sees; it trains on nothing."""
    numbered = dataset.train.images.copy()
    numbered[:, 0, 0, 0] = np.arange(len(numbered))
    seen = []

    def note(model: object, images: np.ndarray, labels: np.ndarray, **_: object) -> float:
        pixel = images[:, 0, 0, 0] * dataset.std[0] + dataset.mean[0]
        seen.append(np.round(255 * pixel).astype(int))
        np.testing.assert_array_equal(labels, dataset.train.labels[seen[-1]])
        return 1.0

    monkeypatch.setattr("minivit.train.trainer.training_step", note)
    trainer = small_trainer(
        replace(dataset, train=replace(dataset.train, images=numbered)), crop_padding=0, flip=False, **choices
    )
    list(trainer.run())
    return seen


def test_an_epoch_shows_no_image_twice(dataset: mv.data.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = batches(dataset, monkeypatch, epochs=2)
    assert [len(batch) for batch in seen] == [12] * 6
    epochs = np.concatenate(seen[:3]), np.concatenate(seen[3:])
    assert [len(set(epoch)) for epoch in epochs] == [36, 36]
    assert set(epochs[0]) != set(epochs[1])  # what was left over in one comes in another
    assert list(epochs[0]) != sorted(epochs[0])


def test_the_seed_decides_the_order(dataset: mv.data.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    first, same, other = (batches(dataset, monkeypatch, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_every_step_draws_its_own_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    """One image, six steps: six different crops."""
    seen = []
    monkeypatch.setattr(
        "minivit.train.trainer.training_step", lambda model, images, *_, **__: seen.append(images) or 1.0
    )
    list(small_trainer(small_dataset(1, 1), epochs=6).run())
    assert len({images.tobytes() for images in seen}) == 6


def test_it_learns_a_few_shapes_by_heart() -> None:
    dataset = small_dataset(32, 16)
    options = {"embed_dim": 32, "depth": 2, "num_heads": 2, "patch_size": 8, "global_pool": "avg"}
    plain = {"label_smoothing": 0.0, "crop_padding": 0, "flip": False}
    trainer = small_trainer(dataset, threads=2, options=options, epochs=80, batch_size=32, lr=5e-3, **plain)
    losses = without_annotations(lambda: [row.loss for row in trainer.run()])()
    assert losses[0] == pytest.approx(log(10), abs=0.05)  # what a guess costs
    assert losses[-1] < 0.1
    assert (trainer.probabilities(dataset.train.images).argmax(1) == dataset.train.labels).all()


# Interruption. Dropout and augmentation are on, so that all randomness takes part.
NOISY = {"epochs": 3, "options": {"embed_dim": 16, "depth": 2, "num_heads": 2, "patch_size": 8, "drop_path_rate": 0.3}}


@pytest.fixture(scope="module")
def uninterrupted(dataset: mv.data.Dataset) -> tuple[dict[str, np.ndarray], list[Metrics]]:
    trainer = small_trainer(dataset, **NOISY)
    rows = list(trainer.run())
    return state(trainer), rows


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize("stop", [0, 1, 2, 3, 4, 8, 9])
def test_interrupted_and_resumed(dataset: mv.data.Dataset, uninterrupted: tuple, stop: int, tmp_path: Path) -> None:
    expected, expected_rows = uninterrupted
    trainer = small_trainer(dataset, **NOISY)
    rows = list(islice(trainer.run(), stop))
    assert trainer.step == stop
    trainer.save(tmp_path / "checkpoint")
    again = small_trainer(dataset, **NOISY, threads=2)
    again.resume(tmp_path / "checkpoint")
    rows += again.run()
    assert_same_bits(state(again), expected)
    assert rows == expected_rows


def test_interrupted_at_every_step(dataset: mv.data.Dataset, uninterrupted: tuple, tmp_path: Path) -> None:
    trainer = small_trainer(dataset, **NOISY)
    trainer.save(tmp_path / "checkpoint")
    for _ in range(9):
        trainer = small_trainer(dataset, **NOISY)
        trainer.resume(tmp_path / "checkpoint")
        next(trainer.run())
        trainer.save(tmp_path / "checkpoint")
    trainer.resume(tmp_path / "checkpoint")
    assert_same_bits(state(trainer), uninterrupted[0])


def test_stopped_and_called_again(dataset: mv.data.Dataset, uninterrupted: tuple) -> None:
    trainer = small_trainer(dataset, **NOISY)
    next(trainer.run())
    rows = list(trainer.run())
    assert rows == uninterrupted[1][1:]
    assert_same_bits(state(trainer), uninterrupted[0])


def test_a_checkpoint_is_a_model(dataset: mv.data.Dataset, tmp_path: Path) -> None:
    trainer = small_trainer(dataset)
    next(trainer.run())
    trainer.save(tmp_path / "checkpoint")
    images = trainer.normalize(dataset.test.images)
    np.testing.assert_array_equal(mv.load(tmp_path / "checkpoint").forward(images)[0], trainer.model.forward(images)[0])


def test_the_step_of_a_nan_is_named(dataset: mv.data.Dataset) -> None:
    trainer = small_trainer(dataset)
    steps = trainer.run()
    next(steps)
    trainer.model.head.bias.value[0] = np.nan  # type: ignore[union-attr]
    before = state(trainer)
    with pytest.raises(FloatingPointError, match=r"at step 2: the loss is nan: parameter head.bias .* smaller lr"):
        next(steps)
    assert trainer.step == 1
    np.testing.assert_equal(state(trainer), before)


def test_weights_that_the_last_step_has_spoilt_are_no_result(dataset: mv.data.Dataset) -> None:
    """The loss of a step is that of the weights before it, so no later step would say so."""
    trainer = small_trainer(dataset)
    *_, last = range(trainer.total_steps)
    steps = trainer.run()
    for _ in range(last):
        next(steps)
    spoilt, step = trainer.model.named_params()["head.bias"], trainer.optimizer.step
    trainer.optimizer.step = lambda: (step(), spoilt.value.fill(np.inf))  # type: ignore[method-assign, func-returns-value]
    with pytest.raises(FloatingPointError, match=rf"at step {last + 1}: head.bias is not finite; a smaller lr"):
        next(steps)


# Checkpoints that do not fit


@pytest.fixture
def checkpoint(dataset: mv.data.Dataset, tmp_path: Path) -> Path:
    trainer = small_trainer(dataset)
    next(trainer.run())
    trainer.save(tmp_path / "checkpoint")
    return tmp_path / "checkpoint"


def refuse(trainer: Trainer, checkpoint: Path, message: str) -> None:
    """Resuming must fail with this message and change neither the training nor the file."""
    before, content = state(trainer), checkpoint.read_bytes()
    with pytest.raises(ValueError, match=message):
        trainer.resume(checkpoint)
    assert trainer.step == 0
    assert_same_bits(state(trainer), before)
    assert checkpoint.read_bytes() == content


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"model": "vit_tiny_patch4_32"}, "its model is vit_micro_patch4_32, not vit_tiny_patch4_32"),
        ({"options": {"depth": 1, "embed_dim": 16, "num_heads": 2}}, "its options is"),
        ({"epochs": 3}, "its epochs is 2, not 3"),
        ({"seed": 1}, "its seed is 0, not 1"),
        ({"betas": (0.9, 0.999)}, r"its betas is \[0.9, 0.99\], not \[0.9, 0.999\]"),
    ],
)
def test_a_checkpoint_of_another_recipe(
    dataset: mv.data.Dataset, checkpoint: Path, choices: dict, message: str
) -> None:
    refuse(small_trainer(dataset, **choices), checkpoint, f"belongs to another training: {message}")


def test_a_checkpoint_of_other_images(dataset: mv.data.Dataset, checkpoint: Path) -> None:
    renamed = replace(dataset, class_names=("cat", *dataset.class_names[1:]))
    refuse(small_trainer(renamed), checkpoint, "another training: its class_names")
    refuse(small_trainer(small_dataset(41)), checkpoint, "another training: its mean")


def otherwise(dataset: mv.data.Dataset, what: str) -> mv.data.Dataset:
    """The same mean and the same number of images, but something is another."""
    train, test = dataset.train, dataset.test
    if what == "order":
        return replace(dataset, train=train.take(np.arange(len(train))[::-1]))
    if what == "labels":
        return replace(dataset, train=LabeledImages(train.images, np.roll(train.labels, 1)))
    if what == "images to test on":
        return replace(dataset, test=LabeledImages(255 - test.images, test.labels))
    return replace(dataset, test=test.take(slice(1, None)))


@pytest.mark.parametrize("what", ["order", "labels", "images to test on", "number of images to test on"])
def test_a_checkpoint_of_other_examples(dataset: mv.data.Dataset, checkpoint: Path, what: str) -> None:
    """Also where the mean of the images does not tell it."""
    message = "belongs to another training: the examples of .* are not those that this run was begun with: some were"
    refuse(small_trainer(otherwise(dataset, what)), checkpoint, message)


def test_a_checkpoint_of_a_model_of_other_options(dataset: mv.data.Dataset, checkpoint: Path) -> None:
    """Also where the recipe is the same: another version of minivit may mean another model by its name."""
    arrays, header = read_arrays(checkpoint)
    header["config"]["num_heads"] = 4
    write_arrays(checkpoint, arrays, header)
    refuse(small_trainer(dataset), checkpoint, "belongs to another training: the num_heads of its model is 4, not 2")
    del header["config"]["num_heads"]  # an option that there was not yet
    write_arrays(checkpoint, arrays, header)
    small_trainer(dataset).resume(checkpoint)


def test_a_checkpoint_from_before_there_were_fingerprints(dataset: mv.data.Dataset, checkpoint: Path) -> None:
    arrays, header = read_arrays(checkpoint)
    del header["metadata"]["fingerprints"]
    write_arrays(checkpoint, arrays, header)
    trainer = small_trainer(dataset)
    trainer.resume(checkpoint)
    assert trainer.step > 0


def test_fingerprints_that_are_none(dataset: mv.data.Dataset, checkpoint: Path) -> None:
    rewrite(checkpoint, fingerprints={"data": 7})
    refuse(small_trainer(dataset), checkpoint, "is damaged: fingerprints is .*expected dict")


def test_a_file_without_a_training(dataset: mv.data.Dataset, checkpoint: Path) -> None:
    mv.save(small_model(), checkpoint)
    refuse(small_trainer(dataset), checkpoint, "holds no training to go on with, at most a model")
    write_arrays(checkpoint, {"a": np.ones(3)}, {"note": 1})
    refuse(small_trainer(dataset), checkpoint, "holds no training")


@pytest.mark.parametrize("name", ["head.bias", "optimizer/m.head.bias", "optimizer/steps"])
def test_a_missing_array(dataset: mv.data.Dataset, checkpoint: Path, name: str) -> None:
    arrays, metadata = read_arrays(checkpoint)
    del arrays[name]
    write_arrays(checkpoint, arrays, metadata)
    refuse(small_trainer(dataset), checkpoint, f"is damaged: array '{name.removeprefix('optimizer/')}' is missing")


def rewrite(checkpoint: Path, arrays: dict[str, np.ndarray] | None = None, **changes: Any) -> None:
    """Change what a checkpoint says of the training, and its arrays."""
    theirs, header = read_arrays(checkpoint)
    write_arrays(checkpoint, {**theirs, **(arrays or {})}, {**header, "metadata": {**header["metadata"], **changes}})


def test_a_checkpoint_from_when_there_was_one_task(dataset: mv.data.Dataset, checkpoint: Path) -> None:
    arrays, header = read_arrays(checkpoint)
    del header["metadata"]["task"]
    write_arrays(checkpoint, arrays, header)
    trainer = small_trainer(dataset)
    trainer.resume(checkpoint)
    assert trainer.step == header["metadata"]["step"] > 0
    assert read_trained_on(checkpoint, trainer.model).class_names == dataset.class_names


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (-1, "step is -1; expected 0 to 6"),
        (7, "step is 7; expected 0 to 6"),
        (10**9, "step is 1000000000; expected 0 to 6"),
        (2, "step is 2, but the optimizer has made 1"),
        (True, "step is True; expected int"),
        (1.0, "step is 1.0; expected int"),
        ("1", "step is '1'; expected int"),
        (None, "step is None; expected int"),
    ],
)
def test_a_step_that_is_none(dataset: mv.data.Dataset, checkpoint: Path, step: object, message: str) -> None:
    rewrite(checkpoint, step=step)
    refuse(small_trainer(dataset), checkpoint, f"is damaged: {message}")


@pytest.mark.parametrize("steps", [0, 2, -1, 10**12])
def test_an_optimizer_at_another_step(dataset: mv.data.Dataset, checkpoint: Path, steps: int) -> None:
    rewrite(checkpoint, {"optimizer/steps": np.array(steps)})
    refuse(small_trainer(dataset), checkpoint, f"is damaged: step is 1, but the optimizer has made {steps}")


@pytest.mark.parametrize("name", ["head.bias", "optimizer/m.head.bias", "optimizer/steps"])
def test_an_array_of_another_kind(dataset: mv.data.Dataset, checkpoint: Path, name: str) -> None:
    """Which would go on with other bits."""
    array = read_arrays(checkpoint)[0][name]
    rewrite(checkpoint, {name: array.astype(np.float16)})
    short = name.removeprefix("optimizer/")
    refuse(small_trainer(dataset), checkpoint, f"is damaged: array '{short}' holds float16; expected {array.dtype}")
    rewrite(checkpoint, {name: np.zeros((3, 2), array.dtype)})
    refuse(small_trainer(dataset), checkpoint, rf"is damaged: array '{short}' has shape \(3, 2\)")


@pytest.mark.parametrize("changes", [{"recipe": 3}, {"data": []}, {"recipe": None}, {"data": "shapes"}])
def test_a_training_that_is_none(dataset: mv.data.Dataset, checkpoint: Path, changes: dict) -> None:
    rewrite(checkpoint, **changes)
    refuse(small_trainer(dataset), checkpoint, "holds no training to go on with")


def test_a_flipped_bit(dataset: mv.data.Dataset, checkpoint: Path) -> None:
    """In the head, in a matrix, in an average of the optimizer: never other weights in silence."""
    content = checkpoint.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(8 * len(content), size=60):
        flipped = bytearray(content)
        flipped[place // 8] ^= 1 << place % 8
        checkpoint.write_bytes(flipped)
        refuse(small_trainer(dataset), checkpoint, "is damaged|was not written by minivit")


def test_a_checkpoint_from_before_there_was_a_checksum(
    dataset: mv.data.Dataset, uninterrupted: tuple, tmp_path: Path
) -> None:
    trainer = small_trainer(dataset, **NOISY)
    next(trainer.run())
    trainer.save(tmp_path / "checkpoint")
    arrays, metadata = read_arrays(tmp_path / "checkpoint")
    header = json.dumps({"version": "0.1.0", "metadata": metadata})
    save_file(arrays, tmp_path / "checkpoint", metadata={"minivit": header})
    again = small_trainer(dataset, **NOISY)
    again.resume(tmp_path / "checkpoint")
    list(again.run())
    assert_same_bits(state(again), uninterrupted[0])


def test_numpy_numbers_are_a_recipe(tmp_path: Path) -> None:
    """What a data set's own numbers are: ``labels.max() + 1``, say."""
    data = small_dataset()
    numbers = replace(data, mean=tuple(map(np.float64, data.mean)), std=tuple(np.array(data.std)))
    options = {**NOISY["options"], "num_classes": data.train.labels.max() + 1, "depth": np.int32(2)}
    trainer = small_trainer(numbers, options=options)
    next(trainer.run())
    trainer.save(tmp_path / "checkpoint")
    again = small_trainer(data, options={name: plain(value) for name, value in options.items()})
    again.resume(tmp_path / "checkpoint")
    assert_same_bits(state(again), state(trainer))


def test_the_model_fits_the_images(dataset: mv.data.Dataset) -> None:
    splits = {"train": dataset.train, "test": dataset.test}
    grey = {name: replace(split, images=split.images[..., :1]) for name, split in splits.items()}
    grey |= {"mean": dataset.mean[:1], "std": dataset.std[:1], "class_names": (*dataset.class_names, "other")}
    config = small_trainer(replace(dataset, **grey)).model.config
    assert (config["img_size"], config["in_chans"], config["num_classes"]) == ((32, 32), 1, 11)
    assert small_trainer(dataset, options={**TINY, "num_classes": 12}).model.config["num_classes"] == 12


# Recipes


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"epochs": 0}, "epochs is 0; expected at least 1"),
        ({"batch_size": -5}, "batch_size is -5; expected at least 1"),
        ({"lr": -1.0}, "lr is -1.0; expected a positive, finite number"),
        ({"lr": 0.0}, "lr is 0.0"),
        ({"lr": float("nan")}, "lr is nan"),
        ({"lr": float("inf")}, "lr is inf"),
        ({"seed": -1}, "seed is -1; expected 0 or more"),
    ],
)
def test_a_recipe_that_cannot_be_cooked(choices: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Recipe(**choices)


@pytest.mark.parametrize("name", ["name", "seed"])
def test_an_option_that_is_not_for_the_model(dataset: mv.data.Dataset, name: str) -> None:
    with pytest.raises(ValueError, match=f"^options has an entry '{name}', which the recipe itself decides$"):
        Trainer(Recipe("vit_micro_patch4_32", options={name: 3}), dataset)


def test_a_warmup_of_any_length(dataset: mv.data.Dataset) -> None:
    assert np.isfinite(next(small_trainer(dataset, warmup_epochs=1e308).run()).loss)


def test_no_threads(dataset: mv.data.Dataset) -> None:
    with pytest.raises(ValueError, match="threads is 0; expected at least 1"):
        small_trainer(dataset, threads=0)
