"""Masks of what clicks and boxes mean: the loss, its gradient, shards, clicks that follow, a model that learns it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_pair
from minivit.data import scenes
from minivit.data.clicks import correction, inexact_box, mask_iou, middle, somewhere
from minivit.layers.mask_decoder import MaskOutputs
from minivit.models import SAM
from minivit.tasks import Prompt
from minivit.tasks.prompt import Prompted, best_masks, said_and_true
from minivit.tasks.task import part_of
from minivit.train import SGD, Recipe, Trainer, training_step
from tests.models.test_sam import SMALL
from tests.sampled import REST

RNG = np.random.default_rng(0)
DATA = scenes(24, 6, size=(16, 24))
TINY: dict[str, Any] = {**SMALL, "img_size": (16, 24), "dtype": "float64"}


def pixels(images):
    return images / 255 - 0.5


def outputs_of(B=3, P=2, M=4, size=(5, 7)) -> MaskOutputs:
    return MaskOutputs(RNG.standard_normal((B, P, M, *size)), RNG.standard_normal((B, P, M)))


def targets_of(B=3, P=2, size=(5, 7), several=False, valid=None) -> Prompted:
    valid = np.ones((B, P), bool) if valid is None else valid
    none = np.zeros((B, P, 0, 2)), np.zeros((B, P, 0), int), np.zeros((B, 0, 4))
    return Prompted(RNG.random((B, P, *size)) < 0.4, valid, np.full(B, several), *none)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("size", [(5, 7), (11, 10)])
@pytest.mark.parametrize("score_all", [False, True])
def test_gradient(several, size, score_all):
    valid = np.array([[True, True], [False, True], [True, False]])
    task, targets = Prompt(score_all=score_all), targets_of(size=size, several=several, valid=valid)
    outputs = outputs_of()

    def forward(masks, iou_scores):
        return task.forward(MaskOutputs(masks, iou_scores), targets)

    check_pair(forward, task.backward, *outputs)


def test_the_loss_by_hand():
    """Of one mask of four pixels, on two of which the object is."""
    logits = np.array([2.0, -1.0, 0.5, -3.0])
    truth = np.array([True, True, False, False])
    p = 1 / (1 + np.exp(-np.where(truth, logits, -logits)))
    focal = -(np.where(truth, 0.25, 0.75) * (1 - p) ** 2 * np.log(p)).mean()
    probs = 1 / (1 + np.exp(-logits))
    dice = 1 - (2 * probs[truth].sum() + 1) / (probs.sum() + 2 + 1)
    outputs = MaskOutputs(np.stack([logits, 9 * logits]).reshape(1, 1, 2, 2, 2), np.array([[[0.5, 0.9]]]))
    targets = targets_of(1, 1, (2, 2), several=True)._replace(masks=truth.reshape(1, 1, 2, 2))
    loss, _ = Prompt().forward(outputs, targets)
    iou = 1 / 3  # the pixels above 0 are the first and the third
    np.testing.assert_allclose(loss, 20 * focal + dice + (0.5 - iou) ** 2, rtol=1e-12)


def test_the_best_mask_alone_learns_and_what_is_best_is_the_loss_not_the_score():
    targets = targets_of(1, 1)
    truth = targets.masks[0, 0]
    masks = RNG.standard_normal((1, 1, 4, 5, 7))
    masks[0, 0, 2] = np.where(truth, 3.0, -3.0)
    masks[0, 0, 0] = np.where(truth, 9.0, -9.0)  # better still, and for several clicks only
    outputs = MaskOutputs(masks, np.array([[[9.0, 5.0, -2.0, 7.0]]]))
    for score_all, scored in ((True, [1, 2, 3]), (False, [2])):
        task = Prompt(score_all=score_all)
        loss, cache = task.forward(outputs, targets)
        doutputs = task.backward(np.ones_like(loss), cache)
        assert np.flatnonzero(np.any(doutputs.masks[0, 0], axis=(1, 2))).tolist() == [2]
        assert np.flatnonzero(doutputs.iou_scores[0, 0]).tolist() == scored
    loss, cache = task.forward(outputs, targets._replace(several=np.array([True])))
    doutputs = task.backward(np.ones_like(loss), cache)
    assert np.flatnonzero(np.any(doutputs.masks[0, 0], axis=(1, 2))).tolist() == [0]


def test_the_score_goes_by_what_the_model_says():
    targets = targets_of(1, 1)
    truth = targets.masks[0, 0]
    masks = np.full((1, 1, 4, 5, 7), -1.0)
    masks[0, 0, 1] = np.where(truth, 1.0, -1.0)
    for says, expected in (([9.0, 3.0, 1.0, 2.0], 1.0), ([9.0, 1.0, 2.0, 3.0], 0.0)):
        outputs = MaskOutputs(masks, np.array([[says]]))
        assert Prompt().score(outputs, targets) == expected
    assert np.isnan(Prompt().score(outputs, targets._replace(valid=np.array([[False]]))))
    several = targets._replace(several=np.array([True]))
    assert not best_masks(outputs, several.several).max() > 0
    assert said_and_true(outputs, several)[1] == 0


@pytest.mark.parametrize("further", [0, 2])
def test_shards_give_the_gradient_of_the_whole_batch(further, monkeypatch):
    """Objects lie unevenly in them: some images have fewer than prompts."""
    model, task = SAM(**TINY), Prompt(prompts=2)
    task.begin(model, DATA)
    inputs, targets = task.draw(DATA.train, normalize=pixels, rng=np.random.default_rng(1))
    for _ in range(further):
        inputs, targets = task.followed(inputs, targets, model.forward(*inputs)[0], RNG)
    targets = targets._replace(valid=targets.valid & (np.arange(24) % 5 > 0)[:, None])
    outputs, cache = model.forward(*inputs)
    loss, c_loss = task.forward(outputs, targets)
    model.backward(task.backward(np.ones_like(loss), c_loss), cache)
    whole = {name: param.grad.copy() for name, param in model.named_params().items()}
    in_shards = training_step(model, inputs, targets, optimizer=SGD(model, lr=0.0), task=task, threads=2)
    np.testing.assert_allclose(in_shards, float(loss), rtol=1e-12)
    scale = max(np.abs(grad).max() for grad in whole.values())
    for name, param in model.named_params().items():
        np.testing.assert_allclose(param.grad, whole[name], rtol=0, atol=1e-12 * scale, err_msg=name)


def test_no_threads_change_a_bit_and_a_resumed_training_ends_in_the_same(tmp_path):
    options = {name: value for name, value in SMALL.items() if name != "img_size"}
    recipe = Recipe(model="sam_tiny_patch4_64", options=options, epochs=2, batch_size=8, lr=1e-3)
    states = []
    for threads in (1, 2):
        trainer = Trainer(recipe, DATA, threads=threads, task=Prompt(prompts=2))
        steps = [metrics.loss for metrics in trainer.run()]
        states.append((steps, trainer.model.state_dict()))
    begun = Trainer(recipe, DATA, threads=2, task=Prompt(prompts=2))
    for metrics in begun.run():
        if metrics.step == 3:
            begun.save(tmp_path / "checkpoint.safetensors")
            break
    resumed = Trainer(recipe, DATA, threads=1, task=Prompt(prompts=2))
    resumed.resume(tmp_path / "checkpoint.safetensors")
    later = [metrics.loss for metrics in resumed.run()]
    assert states[0][0] == states[1][0] == [*states[0][0][:3], *later]
    for name, value in states[0][1].items():
        np.testing.assert_array_equal(states[1][1][name], value)
        np.testing.assert_array_equal(resumed.model.state_dict()[name], value)


def test_a_test_clicks_on_the_middle_of_every_object_once():
    (images, points, labels, boxes, masks), targets = Prompt().draw(DATA.test, normalize=pixels)
    assert boxes.size == masks.size == 0
    assert images.shape[1:] == (16, 24, 3)
    for b, objects in enumerate(DATA.test.masks):
        assert targets.valid[b].sum() == len(objects)
        for p, mask in enumerate(objects):
            x, y = points[b, p, 0].astype(int)
            assert mask[y, x]
            assert labels[b, p] == 1
            assert (x, y) == middle(mask)
        assert np.all(labels[b, len(objects) :] == -1)


def test_training_clicks_on_objects_and_then_where_the_mask_is_wrong():
    model, task = SAM(**TINY), Prompt(prompts=3, rounds=4)
    task.begin(model, DATA)
    seen = set()
    for seed in range(12):
        inputs, targets = task.draw(DATA.train, normalize=pixels, rng=np.random.default_rng(seed))
        _, points, labels, boxes, masks = inputs
        N = points.shape[2]
        seen.add((N, boxes.shape[1] > 0))
        assert targets.several.all() == (N + (boxes.shape[1] > 0) > 1) == (masks.shape[1] > 0)
        y, x = points[..., 1].astype(int), points[..., 0].astype(int)
        on_it = np.take_along_axis(targets.masks.reshape(24, 3, -1), y * 24 + x, axis=2)
        np.testing.assert_array_equal(labels, on_it)
        if N and not boxes.size:
            assert on_it[:, :, 0].all()
    assert {N for N, _ in seen} >= {1, 2, 3}
    assert any(boxed for _, boxed in seen)


def test_each_click_that_follows_is_a_mistake_of_the_mask_before():
    model, task = SAM(**TINY), Prompt(prompts=2)
    inputs, targets = task.draw(DATA.test, normalize=pixels)
    outputs, _ = model.forward(*inputs)
    said, _ = said_and_true(outputs, targets)
    (_, points, labels, _, masks), after = task.followed(inputs, targets, outputs, RNG)
    assert after.several.all()
    np.testing.assert_array_equal(masks, best_masks(outputs, targets.several))
    for b, p in zip(*np.nonzero(targets.valid), strict=True):
        x, y = points[b, p, -1].astype(int)
        assert said[b, p, y, x] != targets.masks[b, p, y, x] == labels[b, p, -1]


def test_an_image_without_objects_has_no_say():
    empty = replace(DATA.test, masks=[np.zeros((0, 16, 24), bool), *DATA.test.masks[1:]])
    empty = replace(
        empty, boxes=[np.zeros((0, 4), int), *empty.boxes[1:]], labels=[np.zeros(0, int), *empty.labels[1:]]
    )
    model, task = SAM(**TINY), Prompt()
    task.begin(model, DATA)
    for rng in (None, np.random.default_rng(0), np.random.default_rng(3)):
        inputs, targets = task.draw(empty, normalize=pixels, rng=rng)
        assert not targets.valid[0].any()
        outputs, _ = model.forward(*inputs)
        _, cache = task.forward(outputs, targets)
        assert not task.backward(np.float64(1), cache).masks[0].any()
    nothing = part_of(targets, slice(1))
    assert task.over(nothing) == 0
    with pytest.raises(ValueError, match="Prompt: there is no object on these images; expected one at least"):
        task.forward(part_of(outputs, slice(1)), nothing)


def test_what_is_refused():
    halved = replace(DATA.test, masks=[masks[:, ::2] for masks in DATA.test.masks])
    with pytest.raises(ValueError, match=r"Prompt: masks have shape \(\d, 8, 24\); expected \(objects, 16, 24\)"):
        Prompt(rounds=1).draw(halved, normalize=pixels)
    with pytest.raises(
        TypeError, match=r"Prompt is about Scenes \(such as those of the data set scenes\); these examples"
    ):
        Prompt().check(mv.data.shapes(4, 2).train)
    with pytest.raises(ValueError, match="Prompt: there is no model to answer a click"):
        [Prompt().draw(DATA.test, normalize=pixels, rng=np.random.default_rng(seed)) for seed in range(9)]
    with pytest.raises(ValueError, match="prompts is 0; expected at least 1"):
        Prompt(prompts=0)
    with pytest.raises(ValueError, match=r"middle: the mask of 3 x 4 has no pixel; expected one at least"):
        middle(np.zeros((3, 4), bool))


@pytest.mark.parametrize("wrong", [{"B": 4}, {"B": 2}, {"P": 1}, {"P": 3}])
def test_outputs_of_other_prompts_are_refused(wrong):
    for call in (Prompt().forward, Prompt().score):
        with pytest.raises(ValueError, match=r"Prompt: there are masks for .* prompts; expected \(3, 2\), as targets"):
            call(outputs_of(**wrong), targets_of())


def test_the_middle_of_a_ring_is_on_the_ring():
    y, x = np.mgrid[-10:11, -10:11]
    far = np.hypot(x, y)
    ring = (far > 4) & (far < 9)
    x0, y0 = middle(ring)
    assert ring[y0, x0]
    assert 6 <= np.hypot(x0 - 10, y0 - 10) <= 7.5
    assert middle(np.ones((5, 9), bool)) == (2, 2)


def test_the_loss_is_a_mean_over_prompts():
    outputs, targets = outputs_of(2, 1), targets_of(2, 1)
    once, _ = Prompt().forward(outputs, targets)
    twice = MaskOutputs(*(np.repeat(part, 2, axis=1) for part in outputs))
    masks, valid = np.repeat(targets.masks, 2, axis=1), np.ones((2, 2), bool)
    assert Prompt().forward(twice, targets._replace(masks=masks, valid=valid))[0] == pytest.approx(once, rel=1e-12)


def test_a_prompt_in_training_may_be_a_box_around_its_object():
    task = Prompt(box_share=1.0, rounds=1)
    inputs, targets = task.draw(DATA.train, normalize=pixels, rng=np.random.default_rng(0))
    for mask, box in zip(targets.masks[targets.valid], inputs[3][targets.valid], strict=True):
        rows, columns = np.nonzero(mask)
        exact = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert np.abs(box - exact).max() <= 0.5 * max(np.ptp(columns), np.ptp(rows)) + 1


def test_boxes_are_inexact_and_stay_on_the_image():
    mask = np.zeros((16, 24), bool)
    mask[3:9, 10:24] = True
    boxes = np.array([inexact_box(mask, RNG) for _ in range(300)])
    assert np.all(boxes[:, :2] >= 0)
    assert np.all(boxes[:, 2:] <= [24, 16])
    assert np.all(boxes[:, 2:] - boxes[:, :2] >= 1 - 1e-9)
    np.testing.assert_allclose(boxes[:, :2].mean(0), [10, 3], atol=0.3)
    np.testing.assert_allclose(boxes[:, :2].std(0), [1.4, 0.6], rtol=0.2)


def test_somewhere_is_anywhere_on_a_mask_and_a_right_mask_is_clicked_on_once_more():
    mask = RNG.random((4, 5)) < 0.5
    found = {somewhere(mask, RNG) for _ in range(300)}
    assert found == {(x, y) for y, x in zip(*np.nonzero(mask), strict=True)}
    (x, y), on_it = correction(mask, mask, RNG)
    assert mask[y, x]
    assert on_it
    (x, y), on_it = correction(np.ones_like(mask), mask, RNG)
    assert not mask[y, x]
    assert not on_it


def test_iou_of_masks():
    a, b = np.array([[1, 1, 0, 0], [0, 0, 0, 0]], bool), np.array([[0, 1, 1, 0], [0, 0, 0, 0]], bool)
    np.testing.assert_allclose(mask_iou(a, b), [1 / 3, 1])


@REST
def test_a_model_learns_it():
    """To find the one object of an image: some steps on the same few."""
    data = scenes(16, 4, size=(16, 24), max_objects=1)
    wide = {"embed_dim": 32, "window_size": 0, "prompt_dim": 64, "decoder_mlp_dim": 64, "dtype": "float32"}
    model, task = SAM(**TINY | wide), Prompt(rounds=1, prompts=1)
    optimizer = mv.train.AdamW(model, lr=1e-3)
    inputs, targets = task.draw(data.train, normalize=lambda it: pixels(it).astype("f"))
    losses = [training_step(model, inputs, targets, optimizer=optimizer, task=task, threads=1) for _ in range(160)]
    assert losses[-1] < losses[0] / 5
    assert task.score(model.forward(*inputs)[0], targets) > 0.8


def test_pictures():
    model, task = SAM(**TINY), Prompt()
    inputs, targets = task.draw(DATA.test, normalize=pixels)
    (draw,) = task.pictures(DATA, DATA.test, targets, model.forward(*inputs)[0]).values()
    figure = draw()
    shown = [ax for ax in figure.axes if ax.images]
    assert len(shown) == 6
    assert all("IoU" in ax.get_xlabel() for ax in shown)


def test_one_click_here_and_several_there_are_refused():
    """Their shards would not add up to the whole."""
    targets = targets_of()._replace(several=np.array([True, False, False]))
    with pytest.raises(ValueError, match="several is True for some images and False for others"):
        Prompt().forward(outputs_of(), targets)
