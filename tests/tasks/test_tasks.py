"""Every task: its gradient, that shards add up to the batch, and a model that learns it."""

from typing import Any, NamedTuple

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_vjp
from minivit.data.scenes import draw_scenes
from minivit.layers import Block, Layer, Linear, Param, run, run_backward
from minivit.layers.initial import normal
from minivit.layers.patch_embed import PatchEmbed
from minivit.models import ViT
from minivit.ops import patchify_forward
from minivit.tasks import Classification, Contrastive, MaskedPatches, OneBox, Task
from minivit.tasks.boxes import iou
from minivit.tasks.masked import Masked
from minivit.tasks.task import joined, number_of, part_of
from minivit.train import SGD, AdamW, normalize, predict, random_crop_flip, training_step
from tests.unchecked import without_annotations

B = 37  # two shards of 16, and 5
RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "depth": 2, "num_heads": 3, "mlp_ratio": 2.0}


class TwoViews(Layer):
    """The same model looks at both views of each image: (B, 2, Y, X, C) -> (B, 2, D)."""

    def __init__(self, encoder: Layer) -> None:
        self.encoder = encoder

    def forward(self, views, *, rng=None):
        outputs, c_encoder = self.encoder.forward(views.reshape(-1, *views.shape[2:]), rng=rng)
        return outputs.reshape(len(views), 2, -1), (c_encoder, views.shape)

    def backward(self, dy, cache):
        c_encoder, shape = cache
        return self.encoder.backward(dy.reshape(-1, dy.shape[2]), c_encoder).reshape(shape)


class FillIn(Layer):
    """Predicts all patches; those that are masked it sees as one learned token."""

    def __init__(self) -> None:
        self.patch_embed = PatchEmbed(16, 4, 3, 24)
        self.mask_token = Param((24,), "width", normal(0.02))
        self.pos_embed = Param((16, 24), "position width", normal(0.02))
        self.blocks = [Block(24, 3, mlp_ratio=2.0) for _ in range(2)]
        self.head = Linear(24, 48)

    def forward(self, images, mask, *, rng=None):
        x, c_embed = self.patch_embed.forward(images)
        x = np.where(mask[..., None], self.mask_token.value, x) + self.pos_embed.value
        x, c_blocks = run(self.blocks, x, rng=rng)
        y, c_head = self.head.forward(x)
        return y, (c_embed, mask, c_blocks, c_head)

    def backward(self, dy, cache):
        c_embed, mask, c_blocks, c_head = cache
        dx = run_backward(self.blocks, self.head.backward(dy, c_head), c_blocks)
        self.pos_embed.add_grad(dx.sum(0))
        self.mask_token.add_grad(dx[mask].sum(0))
        return self.patch_embed.backward(np.where(mask[..., None], 0, dx), c_embed), None


def scenes(n: int) -> tuple[np.ndarray, list[np.ndarray]]:
    """One object on each picture; of the first ten, and of every fifth, nobody has said where it is."""
    found = draw_scenes(n, size=16, max_objects=1, rng=np.random.default_rng(1))
    images = normalize(np.stack([scene.image for scene in found]), (0.5,) * 3, (0.25,) * 3)
    return images, [scene.boxes[: i >= 10 and i % 5 > 0] / 16 for i, scene in enumerate(found)]


class Given(NamedTuple):
    """A task, a model for it, and a batch."""

    task: Task
    model: Layer
    inputs: Any
    targets: Any


def given_boxes(dtype: str, n: int = B) -> Given:
    images, boxes = scenes(n)
    return Given(OneBox(), ViT(**SMALL, num_classes=4, dtype=dtype), images.astype(dtype), boxes)


def given_views(dtype: str, n: int = B) -> Given:
    pixels = np.stack([scene.image for scene in draw_scenes(n, size=16, max_objects=1, rng=np.random.default_rng(1))])
    views = [random_crop_flip(pixels, np.random.default_rng(seed), padding=2) for seed in (1, 2)]
    inputs = np.stack([normalize(view, (0.5,) * 3, (0.25,) * 3) for view in views], axis=1)
    model = TwoViews(ViT(**SMALL, num_classes=16, dtype=dtype)).init(0, dtype)
    return Given(Contrastive(temperature=0.2), model, inputs.astype(dtype), [None] * n)


def given_patches(dtype: str, n: int = B) -> Given:
    images = scenes(n)[0].astype(dtype)
    mask = np.random.default_rng(2).random((n, 16)) < np.linspace(0, 0.9, n)[:, None]  # unevenly
    patches, _ = patchify_forward(images, patch_size=4)
    return Given(MaskedPatches(), FillIn().init(0, dtype), (images, mask), Masked(patches, mask))


def given_classes(dtype: str, n: int = B) -> Given:
    images = scenes(n)[0].astype(dtype)
    labels = np.arange(n) % 7
    return Given(Classification(label_smoothing=0.1), ViT(**SMALL, num_classes=7, dtype=dtype), images, labels)


GIVEN = [given_classes, given_boxes, given_views, given_patches]
every_task = pytest.mark.parametrize("given", GIVEN)


def outputs_of(given: Given) -> np.ndarray:
    inputs = given.inputs if isinstance(given.inputs, tuple) else (given.inputs,)
    return given.model.forward(*inputs)[0]


class NamedGrads(NamedTuple):
    outputs: np.ndarray


@every_task
def test_the_gradient_of_the_loss(given):
    task, _, _, targets = given = given("float64", 13)
    outputs = outputs_of(given) + 0.01 * RNG.standard_normal(outputs_of(given).shape)
    check_vjp(
        lambda outputs: task.forward(outputs, targets),
        lambda dloss, cache: NamedGrads(task.backward(dloss, cache)),
        outputs,
    )


@every_task
@pytest.mark.parametrize("threads", [1, 3])
def test_shards_add_up_to_the_whole_batch(given, threads):
    task, model, inputs, targets = given = given("float64")
    loss, c_loss = task.forward(outputs_of(given), targets)
    whole = model.replica()
    parts = inputs if isinstance(inputs, tuple) else (inputs,)
    _, c_model = whole.forward(*parts)
    whole.backward(task.backward(np.ones(()), c_loss), c_model)
    expected = [param.grad.copy() for param in whole.params]

    ours = training_step(model, inputs, targets, optimizer=SGD(model, lr=0.0), task=task, threads=threads)
    assert ours == pytest.approx(loss, rel=1e-12)
    for param, grad in zip(model.params, expected, strict=True):
        np.testing.assert_allclose(param.grad, grad, rtol=1e-9, atol=1e-14 + 1e-11 * np.abs(grad).max())


@pytest.mark.parametrize("given", [given_boxes, given_views, given_patches])
def test_a_mean_over_images_would_be_another_loss(given):
    """What the shards' own losses would add up to, weighted as images are: the reason for ``over`` and ``coupled``."""
    task, _, _, targets = given = given("float64")
    outputs = outputs_of(given)
    shards = [slice(start, start + 16) for start in range(0, B, 16)]
    parts = [(part_of(outputs, s), part_of(targets, s)) for s in shards]
    losses = [task.forward(out, target)[0] * len(out) / B for out, target in parts if task.over(target)]
    right, _ = task.forward(outputs, targets)
    assert abs(sum(losses) - right) > 1e-3 * right


@pytest.mark.parametrize(
    ("given", "steps", "before", "after"),
    [(given_boxes, 50, 0.1, 0.5), (given_views, 25, 0.5, 0.9), (given_patches, 60, 0.0, 0.15)],
)
def test_a_model_learns_it(given, steps, before, after):
    task, model, inputs, targets = given = given("float32", 32)
    assert task.score(outputs_of(given), targets) < before
    step = {"optimizer": AdamW(model, lr=5e-3, weight_decay=0.0), "task": task, "clip_norm": 1.0}
    quick_step = without_annotations(lambda: training_step(model, inputs, targets, **step))
    losses = [quick_step() for _ in range(steps)]
    assert losses[-1] < losses[0] / 1.5
    assert task.score(outputs_of(given), targets) > after


def test_a_coupled_step_drops_the_same_numbers_in_both_passes():
    task, _, inputs, targets = given_views("float64")
    losses, grads = [], []
    for threads in (1, 2, 4):
        model = TwoViews(ViT(**SMALL, num_classes=16, drop_path_rate=0.4, drop_rate=0.3, dtype="float64"))
        model.init(0, "float64")
        step = {"optimizer": SGD(model, lr=0.0), "task": task, "rng": np.random.default_rng(3), "threads": threads}
        losses.append(training_step(model, inputs, targets, **step))
        grads.append([param.grad for param in model.params])
    assert losses[0] == losses[1] == losses[2]
    for one, two, four in zip(*grads, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, four)
    model = TwoViews(ViT(**SMALL, num_classes=16, dtype="float64")).init(0, "float64")
    assert training_step(model, inputs, targets, optimizer=SGD(model), task=task) != losses[0]


def test_samples_without_a_box_have_no_say():
    images, boxes = scenes(20)
    model = ViT(**SMALL, num_classes=4)
    loss, cache = OneBox().forward(model.forward(images)[0], boxes)
    doutputs = OneBox().backward(np.ones_like(loss), cache)
    assert doutputs.dtype == np.float32
    assert [i for i, row in enumerate(doutputs) if row.any()] == [i for i, box in enumerate(boxes) if len(box)]
    none = [box[:0] for box in boxes]
    before = model.state_dict()
    assert training_step(model, images, none, optimizer=SGD(model, lr=1.0), task=OneBox()) == 0
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_the_overlap_of_boxes():
    assert iou(np.array([0.0, 0, 2, 2]), np.array([1.0, 1, 3, 3])) == pytest.approx(1 / 7)
    assert iou(np.array([0.0, 0, 1, 1]), np.array([1.0, 0, 2, 1])) == 0
    assert iou(np.array([0.5, 0, 0.2, 1]), np.array([0.0, 0, 1, 1])) == 0  # its sides are exchanged


def test_parts_of_nests():
    nest = {"a": np.arange(5), "b": (np.arange(10).reshape(5, 2), list("vwxyz")), "c": Masked(np.eye(5), np.eye(5))}
    assert number_of(nest) == 5
    part = part_of(nest, slice(1, 3))
    assert part["a"].tolist() == [1, 2]
    assert part["b"][1] == ["w", "x"]
    assert isinstance(part["c"], Masked)
    arrays = {"a": nest["a"], "c": nest["c"]}
    again = joined([part_of(arrays, slice(0, 3)), part_of(arrays, slice(3, 5))])
    np.testing.assert_array_equal(again["a"], nest["a"])
    np.testing.assert_array_equal(again["c"].mask, nest["c"].mask)


def test_inputs_and_targets_must_be_of_the_same_number():
    task, model, (images, mask), targets = given_patches("float32")
    with pytest.raises(ValueError, match="37 and 36 images and 37 labels; expected as many"):
        training_step(model, (images, mask[:-1]), targets, optimizer=SGD(model), task=task)


def test_the_score_of_classes_is_that_of_predict():
    task, model, images, labels = given_classes("float32")
    assert task.score(predict(model, images), labels) == pytest.approx(
        np.mean(mv.train.predict(model, images).argmax(1) == labels)
    )
