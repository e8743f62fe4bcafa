"""MixUp and CutMix: timm's numbers, images and targets mixed alike, shards that add up to the batch."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.random import default_rng

import minivit as mv
from minivit.data.examples import LabeledImages, LabeledSounds
from minivit.tasks import Classification
from minivit.tasks.task import part_of
from minivit.train import mixing, normalize, normalize_waves, training_step
from minivit.train.mixing import Box, cutmix
from tests.train.small import small_batch, small_model
from tests.unchecked import without_annotations

FIXTURE = Path(__file__).parents[1] / "fixtures" / "timm_mixup.npz"


def batch(B: int = 7, Y: int = 6, X: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = default_rng(0)
    return rng.standard_normal((B, Y, X, 3)), rng.integers(0, 5, B)


def same_as_timm() -> None:
    with np.load(FIXTURE) as file:
        arrays = {name: file[name] for name in file.files}
    boxes = json.loads(bytes(arrays["__meta__"]))["boxes"]
    images, targets = np.moveaxis(arrays["in/x"], 1, -1), np.eye(5)[arrays["in/y"]]
    for name in ("mixup", "cutmix", "cut_off"):
        if name == "mixup":
            mixed = mixing.mixup(images, targets, float(arrays["in/mixup_lam"]))
        else:
            mixed = mixing.cutmix(images, targets, mixing.Box(*boxes[name]))
        np.testing.assert_allclose(mixed.inputs, np.moveaxis(arrays[f"out/{name}"], 1, -1), rtol=0, atol=1e-12)
        smoothed = mixed.targets * 0.9 + 0.1 / 5  # what the loss makes of them
        np.testing.assert_allclose(smoothed, arrays[f"out/{name}_target"], rtol=0, atol=1e-12)


def test_the_same_numbers_as_timm() -> None:
    same_as_timm()


def images_and_targets_are_mixed_alike() -> None:
    """Images that are their targets: whatever is mixed, the share of a class is the mean of its channel."""
    labels = default_rng(1).integers(0, 4, 9)
    images = np.eye(4)[labels][:, None, None, :] * np.ones((1, 7, 5, 1))
    for seed in range(40):
        for alphas in ({"mixup_alpha": 0.8}, {"cutmix_alpha": 1.0}, {"mixup_alpha": 0.5, "cutmix_alpha": 0.5}):
            mixed = mixing.mix(images, labels, default_rng(seed), num_classes=4, **alphas)
            np.testing.assert_allclose(mixed.inputs.mean((1, 2)), mixed.targets, atol=1e-12)
            np.testing.assert_allclose(mixed.targets.sum(1), 1, atol=1e-12)


def test_images_and_targets_are_mixed_alike() -> None:
    images_and_targets_are_mixed_alike()


def test_the_first_goes_with_the_last() -> None:
    images, labels = batch(4)
    mixed = mixing.mixup(images, np.eye(5)[labels], 0.75)
    np.testing.assert_allclose(mixed.inputs[0], 0.75 * images[0] + 0.25 * images[3])
    np.testing.assert_allclose(mixed.inputs[2], 0.75 * images[2] + 0.25 * images[1])


def test_a_box_is_taken_out_of_the_other_image() -> None:
    images, labels = batch(4)
    mixed = mixing.cutmix(images, np.eye(5)[labels], mixing.Box(1, 4, 2, 7))
    inside = np.zeros((6, 8), bool)
    inside[1:4, 2:7] = True
    np.testing.assert_array_equal(mixed.inputs[1][inside], images[2][inside])
    np.testing.assert_array_equal(mixed.inputs[1][~inside], images[1][~inside])


def boxes_have_the_share_that_was_asked_for() -> None:
    """Where the edge cuts nothing off; their middles are everywhere."""
    boxes = [mixing.random_box(default_rng(seed), (20, 40), 0.75) for seed in range(300)]
    sizes = {(box.bottom - box.top, box.right - box.left) for box in boxes}
    assert max(sizes) == (10, 20)
    assert {box.top for box in boxes} == set(range(15))  # the middle is 0 to 19, five rows below the top
    assert min(bottom - top for top, bottom, _, _ in boxes) == 5


def test_boxes_have_the_share_that_was_asked_for() -> None:
    boxes_have_the_share_that_was_asked_for()


def shares_are_drawn_from_beta() -> None:
    """Of alpha 0.2 most are near 0 or 1, of 8 near a half; both as the distribution has it."""
    images, labels = np.zeros((2, 1, 1, 1)), np.array([0, 1])
    for alpha in (0.2, 1.0, 8.0):
        drawn = [
            mixing.mix(images, labels, default_rng(seed), num_classes=2, mixup_alpha=alpha).targets[0, 0]
            for seed in range(2000)
        ]
        variance = 1 / (4 * (2 * alpha + 1))
        assert abs(np.mean(drawn) - 0.5) < 5 * np.sqrt(variance / 2000)
        assert np.var(drawn) == pytest.approx(variance, rel=0.1)


def test_shares_are_drawn_from_beta() -> None:
    shares_are_drawn_from_beta()


def test_a_coin_decides_where_both_are_asked_for() -> None:
    images, labels = batch(6, 12, 12)
    cut = [
        np.isin(mixing.mix(images, labels, default_rng(seed), num_classes=5, mixup_alpha=1.0, cutmix_alpha=1.0).inputs,
                images).all()
        for seed in range(200)
    ]  # fmt: skip
    assert 70 < sum(cut) < 130  # a hundred, give or take four standard deviations


def test_a_batch_of_one_is_its_own_partner() -> None:
    images, labels = batch(1)
    for alphas in ({"mixup_alpha": 1.0}, {"cutmix_alpha": 1.0}):
        mixed = mixing.mix(images, labels, default_rng(0), num_classes=5, **alphas)
        np.testing.assert_allclose(mixed.inputs, images, rtol=1e-15)
        np.testing.assert_allclose(mixed.targets, np.eye(5)[labels], rtol=1e-15)


@pytest.mark.parametrize("shape", [(3, 1, 9, 1), (3, 9, 1, 3), (2, 1, 1, 1)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_images_of_any_shape_and_precision(shape: tuple[int, ...], dtype: type) -> None:
    images = default_rng(0).standard_normal(shape).astype(dtype)
    images.flags.writeable = False
    for alphas in ({"mixup_alpha": 1.0}, {"cutmix_alpha": 1.0}, {}):
        mixed = mixing.mix(images, np.arange(shape[0]), default_rng(0), num_classes=3, **alphas)
        assert (mixed.inputs.shape, mixed.inputs.dtype, mixed.targets.dtype) == (shape, dtype, dtype)


def shards_add_up_to_the_batch() -> None:
    images, labels = small_batch(40, "float64")
    mixed = mixing.mix(images, labels, default_rng(3), num_classes=5, mixup_alpha=1.0)
    task = Classification(label_smoothing=0.1)
    model = small_model(dtype="float64")

    def gradients() -> list[np.ndarray]:
        return [param.grad.copy() for param in model.named_params().values()]

    optimizer = mv.train.SGD(model, lr=0.0)
    loss = training_step(model, *mixed, optimizer=optimizer, task=task, threads=2)  # in shards of 16
    in_shards = gradients()
    for param in model.named_params().values():
        param.zero_grad()
    outputs, cache = model.forward(mixed.inputs)
    whole, c_loss = task.forward(outputs, mixed.targets)
    model.backward(task.backward(1.0, c_loss), cache)
    assert loss == pytest.approx(float(whole), rel=1e-12)
    for shard, all_at_once in zip(in_shards, gradients(), strict=True):
        np.testing.assert_allclose(shard, all_at_once, rtol=1e-9, atol=1e-12)


def test_shards_add_up_to_the_batch() -> None:
    shards_add_up_to_the_batch()


def the_task_mixes_in_training_only() -> None:
    images = default_rng(0).integers(0, 256, (6, 8, 8, 3), np.uint8)
    examples = LabeledImages(images, np.array([0, 1, 2, 3, 4, 0]))
    task = Classification(mix=partial(mixing.mix, num_classes=5, mixup_alpha=1.0))
    change = partial(normalize, mean=(0.5,) * 3, std=(0.2,) * 3)
    plain, labels = task.draw(examples, normalize=change)
    np.testing.assert_array_equal(plain, change(images))
    np.testing.assert_array_equal(labels, examples.labels)
    inputs, targets = task.draw(examples, normalize=change, rng=default_rng(2))
    assert targets.shape == (6, 5)
    lam = targets[1, 1]
    assert 0 < lam < 1
    np.testing.assert_allclose(inputs, lam * plain + (1 - lam) * plain[::-1], atol=1e-6)
    larger, smaller = (labels, labels[::-1]) if lam > 0.5 else (labels[::-1], labels)
    assert task.score(np.eye(5)[larger], targets) == 1
    assert task.score(np.eye(5)[smaller], targets) == pytest.approx(1 / 3)  # both of the outermost are of class 0
    assert task.over(part_of(targets, slice(0, 4))) == 4


def test_the_task_mixes_in_training_only() -> None:
    the_task_mixes_in_training_only()


def test_sounds_can_be_laid_over_each_other_but_not_cut() -> None:
    sounds = LabeledSounds(default_rng(0).integers(-99, 99, (4, 50)).astype(np.int16), np.array([0, 1, 1, 0]))
    over = Classification(mix=partial(mixing.mix, num_classes=2, mixup_alpha=1.0))
    inputs, targets = over.draw(sounds, normalize=normalize_waves, rng=default_rng(0))
    assert (inputs.shape, targets.shape) == ((4, 50), (4, 2))
    for seed in range(4):  # of which the coin chooses MixUp in some
        cut = Classification(mix=partial(mixing.mix, num_classes=2, mixup_alpha=1.0, cutmix_alpha=1.0))
        with pytest.raises(ValueError, match=r"cutmix: inputs have shape \(4, 50\); expected images \(B, Y, X, C\)"):
            cut.draw(sounds, normalize=normalize_waves, rng=default_rng(seed))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mixup_alpha": -0.1}, "mixup_alpha is -0.1; expected at least 0 and finite"),
        ({"mixup_alpha": float("nan")}, "mixup_alpha is nan; expected at least 0 and finite"),
        ({"cutmix_alpha": float("inf")}, "cutmix_alpha is inf; expected at least 0 and finite"),
        ({"num_classes": 3}, "label 3 is out of range; expected 0 to 2 for 3 classes"),
    ],
)
def test_what_cannot_be_mixed(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mixing.mix(batch()[0], np.array([0, 1, 2, 3, 4, 0, 1]), default_rng(0), **{"num_classes": 5, **options})


@pytest.mark.parametrize("box", [(-1, 2, 0, 1), (0, 7, 0, 1), (3, 2, 0, 1), (0, 1, 5, 9)])
def test_a_box_beyond_the_image(box: tuple[int, int, int, int]) -> None:
    images, labels = batch()
    with pytest.raises(ValueError, match=r"cutmix: box is .*; expected rows within 0 to 6 and columns within 0 to 8"):
        mixing.cutmix(images, np.eye(5)[labels], mixing.Box(*box))


@pytest.mark.parametrize("lam", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none(lam: float) -> None:
    images, labels = batch()
    with pytest.raises(ValueError, match=f"lam is {lam}; expected at least 0 and at most 1"):
        mixing.mixup(images, np.eye(5)[labels], lam)


def test_a_box_of_numpys_integers_is_counted_in_pythons() -> None:
    """In eight bits 200 times 199 would be 152; and a share of float64 would lift the targets."""
    images, targets = np.zeros((2, 250, 250, 1), np.float32), np.eye(2, dtype=np.float32)
    expected = cutmix(images, targets, Box(0, 200, 1, 200)).targets
    for dtype in (np.uint8, np.int64):
        box: Any = Box(*np.array([0, 200, 1, 200], dtype))
        np.testing.assert_array_equal(without_annotations(cutmix)(images, targets, box).targets, expected, strict=True)
    assert expected[0, 0] == np.float32(1 - 200 * 199 / 250**2)
    half: Any = Box(0, 1.5, 0, 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^cutmix: box is Box\(.*; expected Box\(top: int, .* right: int\)$"):
        without_annotations(cutmix)(images, targets, half)
