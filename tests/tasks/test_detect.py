"""What the task of detection promises beyond what all tasks do."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from minivit.data import Scenes, scenes, shapes
from minivit.layers.detr_transformer import Detections
from minivit.models import DETR
from minivit.tasks import Detect
from minivit.tasks.detect import Objects, centred, cornered, detected, mirror
from minivit.train import SGD, Recipe, Trainer, predict, training_step
from tests.train.small import assert_same_bits

RNG = np.random.default_rng(0)
SCENES = scenes(40, 20, size=32, max_objects=3)
TINY: dict[str, Any] = {"backbone": "swin_tiny_patch4_64", "embed_dim": 16, "num_heads": 2, "mlp_dim": 16}
TINY |= {"encoder_depth": 1, "decoder_depth": 2, "num_queries": 4}


def outputs(images: int, *, blocks: int = 2, queries: int = 4, classes: int = 3) -> Detections:
    logits = RNG.standard_normal((images, blocks, queries, classes + 1))
    return Detections(logits, RNG.uniform(0.2, 0.6, (images, blocks, queries, 4)))


def objects(*counts: int) -> Objects:
    labels = [RNG.integers(0, 3, n) for n in counts]
    return Objects(labels, [RNG.uniform(0.2, 0.6, (n, 4)) for n in counts])


def test_images_without_objects_have_a_loss_of_classes_alone():
    task, found, nothing = Detect(num_queries=4, no_object_weight=0.1), outputs(2), objects(0, 0)
    losses, cache = task.forward(found, nothing)
    log_probs = found.logits - np.log(np.exp(found.logits).sum(-1, keepdims=True))
    np.testing.assert_allclose(losses, [2 * -log_probs[..., -1].mean(), 0], rtol=1e-12)
    dlogits, dboxes = task.backward(np.ones(2), cache)
    assert (dboxes == 0).all()
    assert (dlogits != 0).all()
    np.testing.assert_array_equal(task.over(nothing), [0.1 * 8, 0])


def test_a_step_on_images_without_objects():
    """No box in the whole batch: nothing is divided by nothing."""
    model = DETR(img_size=32, num_classes=3, **TINY)
    images = RNG.standard_normal((3, 32, 32, 3)).astype(np.float32)
    task = Detect(num_queries=4)
    loss = training_step(model, images, objects(0, 0, 0), optimizer=SGD(model, lr=0.1), task=task)
    assert np.isfinite(loss)
    assert (model.bbox_embed.layers[0].weight.grad == 0).all()
    assert (model.class_embed.weight.grad != 0).any()


def test_more_objects_than_queries():
    """All queries are matched, with those that cost least; the others of the objects have no say."""
    task, many = Detect(num_queries=4, no_object_weight=0.1), objects(6, 1)
    found = outputs(2)
    _, cache = task.forward(found, many)
    image, block, query, _ = cache.matches
    assert np.bincount(image).tolist() == [8, 2]
    for b in (0, 1):
        assert sorted(query[(image == 0) & (block == b)]) == [0, 1, 2, 3]
    np.testing.assert_allclose(task.over(many), [4 + 1 + 0.3, 5])


def test_each_block_is_matched_anew():
    found, true = outputs(1), objects(2)
    swapped = Detections(found.logits[:, :1].repeat(2, 1), found.boxes[:, :1].repeat(2, 1))
    swapped.logits[:, 1], swapped.boxes[:, 1] = swapped.logits[:, 0, ::-1], swapped.boxes[:, 0, ::-1]
    *_, query, object_ = Detect(num_queries=4).match(swapped, true)
    first, second = dict(zip(object_[:2], query[:2], strict=True)), dict(zip(object_[2:], query[2:], strict=True))
    assert second == {n: 3 - q for n, q in first.items()}


def test_where_classes_are_alike_boxes_decide_and_the_other_way_round():
    found, places = outputs(1), [2, 0]
    alike = Detections(np.zeros_like(found.logits), found.boxes[:, :1].repeat(2, 1))
    *_, query, object_ = Detect(num_queries=4).match(alike, Objects([np.array([0, 0])], [alike.boxes[0, 0, places]]))
    assert query[np.argsort(object_, kind="stable")].tolist() == [2, 2, 0, 0]
    logits = np.zeros((1, 1, 4, 4))
    logits[0, 0, places, [0, 1]] = 3
    alike = Detections(logits, np.full((1, 1, 4, 4), 0.5))
    *_, query, object_ = Detect(num_queries=4).match(alike, Objects([np.array([0, 1])], [np.full((2, 4), 0.4)]))
    assert query[np.argsort(object_)].tolist() == places


def test_without_auxiliary_losses_the_last_block_alone_has_one():
    found, true = outputs(2, blocks=3), objects(1, 2)
    last = Detections(*(part[:, -1:] for part in found))
    task = Detect(num_queries=4, aux_loss=False)
    losses, cache = task.forward(found, true)
    np.testing.assert_allclose(losses, Detect(num_queries=4).forward(last, true)[0], rtol=1e-14)
    dlogits, dboxes = task.backward(np.ones(2), cache)
    assert (dlogits[:, :-1] == 0).all()
    assert (dboxes[:, :-1] == 0).all()
    assert (dlogits[:, -1] != 0).all()
    assert dboxes.any()


def test_a_class_that_the_model_does_not_have():
    true = Objects([np.array([3])], [np.full((1, 4), 0.5)])
    with pytest.raises(ValueError, match="label 3 is out of range"):
        Detect(num_queries=4).forward(outputs(1), true)


def test_boxes_without_area_or_beside_the_image():
    """They are matched like others; loss and gradient are numbers."""
    boxes = np.array([[0.5, 0.5, 0.0, 0.0], [1.4, -0.3, 0.2, 0.0]])
    true, found = Objects([np.array([0, 1])], [boxes]), outputs(1)
    found.boxes[0, 0, 0] = boxes[0]
    losses, cache = Detect(num_queries=4).forward(found, true)
    assert np.isfinite(losses).all()
    assert all(np.isfinite(part).all() for part in Detect(num_queries=4).backward(np.ones(2), cache))


def test_of_a_box_that_the_edge_cuts_off_what_is_on_the_image_is_left():
    """And of one beside the image, or without area, nothing: its object is none."""
    boxes = np.array([[-5, 3, 10, 40], [16, 6, 19, 9], [160, 60, 190, 90], [4, 4, 4, 9], [-9, -9, 0, 0]])
    images, labels = np.zeros((1, 32, 32, 3), np.uint8), np.arange(5) % 3
    examples = Scenes(images, [labels], [boxes], [np.zeros((5, 32, 32), bool)], [""])
    _, found = Detect(num_queries=4).draw(examples, normalize=lambda pixels: pixels / np.float32(255))
    assert found.labels[0].tolist() == [0, 1]
    np.testing.assert_allclose(cornered(found.boxes[0]) * 32, [[0, 3, 10, 32], [16, 6, 19, 9]], rtol=1e-6)


def test_what_is_not_finite_is_said_with_its_place():
    model = DETR(img_size=32, num_classes=3, **TINY)
    model.class_embed.weight.value = np.full_like(model.class_embed.weight.value, np.nan)
    images = np.zeros((2, 32, 32, 3), np.float32)
    with pytest.raises(FloatingPointError, match="class_embed"):
        training_step(model, images, objects(1, 1), optimizer=SGD(model, lr=0.1), task=Detect(num_queries=4))


def test_boxes_are_mirrored_with_their_images():
    boxes = np.array([[2.0, 3, 10, 8], [0, 0, 32, 5]]) / 32
    np.testing.assert_allclose(cornered(centred(boxes)), boxes, rtol=1e-14)
    mirrored = cornered(mirror(centred(boxes))) * 32
    np.testing.assert_allclose(mirrored, [[22, 3, 30, 8], [0, 0, 32, 5]], rtol=1e-14)

    task = Detect(num_queries=4)
    plain, true = task.draw(SCENES.test, normalize=lambda pixels: pixels / np.float32(255))
    drawn, found = task.draw(SCENES.test, normalize=lambda pixels: pixels / np.float32(255), rng=RNG)
    flipped = [(image[:, ::-1] == other).all() for image, other in zip(plain, drawn, strict=True)]
    assert 0 < sum(flipped) < len(flipped)
    for flip, before, after in zip(flipped, true.boxes, found.boxes, strict=True):
        np.testing.assert_array_equal(after, mirror(before) if flip else before)
        assert after.dtype == np.float32
    never, _ = Detect(num_queries=4, flip=False).draw(SCENES.test, normalize=lambda p: p / np.float32(255), rng=RNG)
    np.testing.assert_array_equal(never, plain)


def test_boxes_are_shares_of_the_sides():
    data = scenes(3, 1, size=(32, 64), max_objects=2)
    _, true = Detect().draw(data.train, normalize=lambda pixels: pixels / np.float32(255))
    (x0, y0, x1, y1), (x, y, width, height) = data.train.boxes[0][0], true.boxes[0][0]
    expected = [(x0 + x1) / 128, (y0 + y1) / 64, (x1 - x0) / 64, (y1 - y0) / 32]
    np.testing.assert_allclose([x, y, width, height], expected, rtol=1e-6)


def test_the_score_of_boxes_that_are_right():
    _, true = Detect(num_queries=4).draw(SCENES.test, normalize=lambda pixels: pixels / np.float32(255))
    logits, boxes = np.zeros((20, 2, 4, 11)), np.full((20, 2, 4, 4), 0.5)
    logits[..., -1] = 5
    for i, (labels, its) in enumerate(zip(*true, strict=True)):
        for n, label in enumerate(labels):
            logits[i, -1, n, label], logits[i, -1, n, -1], boxes[i, -1, n] = 9, 0, its[n]
    task = Detect(num_queries=4)
    assert task.score(Detections(logits, boxes), true) == pytest.approx(1)
    assert task.score(Detections(logits[:, ::-1], boxes[:, ::-1]), true) < 0.1  # the last block is asked
    (first, *_) = detected(Detections(logits, boxes))
    assert first.labels[0] == true.labels[0][0]
    assert first.labels.max() < 10  # "no object" is none of the classes, however likely it is
    assert first.scores[0] == pytest.approx(np.exp(9) / (np.exp(9) + 10))


def test_training_goes_on_where_it_stopped(tmp_path):
    """Same bits after resumption, and for any number of threads."""
    choices: Any = {"model": "detr_tiny_64", "options": TINY, "task": "detect", "epochs": 1, "batch_size": 20}
    whole = Trainer(Recipe(**choices), SCENES, threads=2)
    steps = [metrics.loss for metrics in whole.run()]
    begun = Trainer(Recipe(**choices), SCENES, threads=1)
    assert next(begun.run()).loss == steps[0]
    begun.save(tmp_path / "run.safetensors")
    resumed = Trainer(Recipe(**choices), SCENES, threads=1)
    resumed.resume(tmp_path / "run.safetensors")
    assert [metrics.loss for metrics in resumed.run()] == steps[1:]
    assert_same_bits(resumed.model.state_dict(), whole.model.state_dict())


def test_a_recipe_says_whether_images_are_mirrored():
    options = {"num_queries": 4, "embed_dim": 8, "num_heads": 2, "encoder_depth": 1, "decoder_depth": 1}
    for flip in (True, False):
        recipe = Recipe(model="detr_tiny_64", flip=flip, options=options)
        assert vars(Trainer(recipe, SCENES, threads=1).task)["flip"] is flip


def test_boxes_that_cannot_be():
    """In pixels, of a negative side, or no number: the loss would be large, or nan, and no more said."""
    outputs = Detections(np.zeros((1, 1, 2, 4)), np.full((1, 1, 2, 4), 0.5))
    for box in ([16, 16, 8, 8], [0.5, 0.5, -0.1, 0.2], [0.5, np.nan, 0.1, 0.2], [0.5, 0.5, 0.1, np.inf]):
        targets = Objects([np.array([0])], [np.array([box], float)])
        with pytest.raises(
            ValueError, match=r"Detect: a box of image 0 is .*; expected centre and size, as shares of the"
        ):
            Detect(num_queries=2).forward(outputs, targets)
    scenes = replace(SCENES.test, boxes=[boxes * np.nan for boxes in SCENES.test.boxes])
    with pytest.raises(ValueError, match="a box of image 0 is nan, nan, nan, nan; expected x0 <= x1 and y0 <= y1"):
        Detect().draw(scenes, normalize=np.asarray)


def test_what_is_no_scene():
    with pytest.raises(
        TypeError,
        match=r"Detect is about Scenes \(such as those of the data set scenes\); these examples are LabeledImages",
    ):
        Detect().check(shapes(1, 1).train)


def test_images_of_any_size_in_one_array():
    """With a ResNet; what is beside an image, where its array is larger, changes nothing but what its edge touches."""
    model = DETR(img_size=64, num_classes=3, **{**TINY, "backbone": "resnet10_64"})
    images = RNG.standard_normal((2, 40, 50, 3)).astype(np.float32)
    whole = predict(model, images)
    sizes = np.array([[40, 50], [40, 50]])
    masked = predict(model, (images, sizes))
    np.testing.assert_allclose(masked.logits, whole.logits, rtol=0, atol=1e-5)
    for wrong in ([[41, 50], [1, 1]], [[0, 1], [1, 1]], [[1, 1], [1, 51]]):
        with pytest.raises(ValueError, match="expected for each of 2 images rows from 1 to 40"):
            model.forward(images, np.array(wrong))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"backbone": "resnet9"}, "backbone is 'resnet9'; expected the preset of a ResNet or a Swin"),
        ({"backbone": "vit_micro_patch4_32"}, "expected the preset of a ResNet or a Swin"),
        ({"embed_dim": 18}, "embed_dim is 18; expected a multiple of 4"),
        ({"embed_dim": 20, "num_heads": 3}, "not divisible by num_heads"),
        ({"num_queries": 0}, "num_queries"),
        ({"decoder_depth": 0}, "decoder_depth is 0; expected at least 1"),
    ],
)
def test_options_that_do_not_fit(options, says):
    with pytest.raises(ValueError, match=says):
        DETR(**{**TINY, **options})


def test_no_object_counts_something():
    """Or a batch without objects would have no loss, and nothing would ever be told apart from an object."""
    with pytest.raises(ValueError, match=r"no_object_weight is 0\.0; expected"):
        Detect(no_object_weight=0.0)


def test_a_task_for_another_number_of_queries_is_refused():
    """Its mean would be over queries that there are not."""
    with pytest.raises(ValueError, match="Detect: outputs have 4 queries; expected num_queries, which is 100"):
        Detect().forward(outputs(2), objects(1, 0))


def test_no_images_are_refused():
    found = outputs(2)
    with pytest.raises(ValueError, match="Detect: there are no images; expected one at least"):
        Detect(num_queries=4).forward(type(found)(*(part[:0] for part in found)), objects())
