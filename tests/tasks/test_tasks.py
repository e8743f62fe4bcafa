"""Every task: its gradient, that shards add up to the batch, and a model that learns it."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_vjp
from minivit.data import END, PAD, START, sorting
from minivit.data.examples import Images
from minivit.data.scenes import draw_scenes
from minivit.layers import Layer, frozen
from minivit.models import CLIP, DETR, ImageGPT, MaskedViT, SegFormer, SwinIR, Transformer, UPerNet, ViT, Wav2Vec
from minivit.nests import mapped
from minivit.ops import label_weights, log_softmax_forward, mse_backward, mse_forward, one_hot, patchify_forward
from minivit.tasks import (
    Classification,
    Contrastive,
    Denoise,
    Detect,
    Distillation,
    Future,
    MaskedPatches,
    MaskedPrediction,
    Match,
    NextPixel,
    NextToken,
    OneBox,
    Restoration,
    Segment,
    Task,
    Upscale,
)
from minivit.tasks.detect import Objects, centred
from minivit.tasks.distillation import Taught
from minivit.tasks.masked import Masked
from minivit.tasks.masked_prediction import AskedPatches
from minivit.tasks.next_token import greedy
from minivit.tasks.restoration import Restored
from minivit.tasks.task import joined, number_of, part_of
from minivit.train import SGD, AdamW, normalize, predict, random_crop_flip, training_step
from tests.sampled import REST
from tests.tasks import families
from tests.tasks.families import BoxAndClass, FillIn, TwoHeads, TwoViews
from tests.unchecked import without_annotations

B = 37  # two shards of 16, and 5
RNG = np.random.default_rng(0)
CROP = partial(random_crop_flip, padding=2)
SMALL: dict[str, Any] = {"img_size": 16, **families.SMALL}
WAVES: dict[str, Any] = {
    "conv_dim": (12, 16),
    "conv_kernel": (10, 4),
    "conv_stride": (5, 2),
    "context_dim": (16,),
    "context_kernel": (3,),
    "prediction_steps": 3,
}
RESTORING: dict[str, Any] = {
    "img_size": 8,
    "embed_dim": 8,
    "depths": (2,),
    "num_heads": (2,),
    "window_size": 4,
    "mlp_ratio": 1.0,
}
TOKENS: dict[str, Any] = {"embed_dim": 24, "encoder_depth": 1, "decoder_depth": 1, "num_heads": 3, "norm_first": True}


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
    model = TwoViews(dtype=dtype)
    return Given(Contrastive(CROP, temperature=0.2), model, inputs.astype(dtype), [None] * n)


def given_patches(dtype: str, n: int = B) -> Given:
    images = scenes(n)[0].astype(dtype)
    mask = np.random.default_rng(2).random((n, 16)) < np.linspace(0, 0.9, n)[:, None]  # unevenly
    patches, _ = patchify_forward(images, patch_size=4)
    return Given(MaskedPatches(4), FillIn(dtype=dtype), (images, mask), Masked(patches, mask))


def given_hidden_patches(target: str, dtype: str, n: int = B) -> Given:
    """Unevenly many of each image, all masked."""
    images = scenes(n)[0].astype(dtype)
    asked = np.random.default_rng(2).random((n, 16)) < np.linspace(0, 0.9, n)[:, None]
    task = MaskedPrediction(4, target=target)
    pixels = np.clip(60 * images + 128, 0, 255).astype(np.uint8)
    answers = task.answers(pixels, images)
    sizes = {"img_size": 16, "patch_size": 4, "embed_dim": 24, "depth": 1, "num_heads": 3, "mlp_ratio": 2.0}
    model = MaskedViT(target=target, **sizes, dtype=dtype)
    return Given(task, model, (images, np.where(asked, -1, np.arange(16))), AskedPatches(answers, asked))


def given_hidden_codes(dtype: str, n: int = B) -> Given:
    return given_hidden_patches("mean", dtype, n)


def given_hidden_small_patches(dtype: str, n: int = B) -> Given:
    return given_hidden_patches("downsized", dtype, n)


def given_hidden_colours(dtype: str, n: int = B) -> Given:
    return given_hidden_patches("rgb", dtype, n)


def given_classes(dtype: str, n: int = B) -> Given:
    images = scenes(n)[0].astype(dtype)
    labels = np.arange(n) % 7
    return Given(Classification(label_smoothing=0.1), ViT(**SMALL, num_classes=7, dtype=dtype), images, labels)


def given_tokens(dtype: str, n: int = B) -> Given:
    """Sequences of very different lengths: the last shard has short ones."""
    data = sorting(n, 1, length=9, seed=3)
    order = np.argsort((data.train.source == PAD).sum(1))
    examples = data.train.take(order)
    model = Transformer(**TOKENS, vocab_size=len(data.class_names), dtype=dtype)
    inputs, targets = NextToken().draw(examples, normalize=normalize)
    return Given(NextToken(label_smoothing=0.1), model, inputs, targets)


def given_pixels(dtype: str, n: int = B) -> Given:
    codes = np.random.default_rng(7).integers(0, 4, (n, 12)).cumsum(1) % 5  # what comes next depends on what there was
    model = ImageGPT(img_size=(3, 4), vocab_size=6, embed_dim=24, depth=1, num_heads=3, dtype=dtype)
    return Given(NextPixel(model), model, model.inputs_of(codes), codes)


class BoxAndClassTask(Task):
    """Where it is, and what it is: two outputs, two means."""

    box, label = OneBox(), Classification()

    def over(self, targets):
        return self.label.over(targets[1])

    def forward(self, outputs, targets):
        box, c_box = mse_forward(outputs.box, targets[0])
        label, c_label = self.label.forward(outputs.logits, targets[1])
        return 3 * box + label, (c_box, c_label)

    def backward(self, dloss, cache):
        c_box, c_label = cache
        return BoxAndClass(mse_backward(3 * dloss, c_box).x, self.label.backward(dloss, c_label))

    def score(self, outputs, targets):
        return self.label.score(outputs.logits, targets[1])


def given_two_outputs(dtype: str, n: int = B) -> Given:
    images = scenes(n)[0].astype(dtype)
    targets = (np.random.default_rng(5).random((n, 4)).astype(dtype), np.arange(n) % 10)
    return Given(BoxAndClassTask(), TwoHeads(dtype=dtype), images, targets)


def given_a_teacher(dtype: str, n: int = B) -> Given:
    images = scenes(n)[0].astype(dtype)
    teacher = ViT(**SMALL, num_classes=7, seed=5, dtype=dtype)
    task = Distillation(partial(predict, teacher), alpha=0.3, temperature=2.0, label_smoothing=0.1)
    model = ViT(**SMALL, num_classes=7, dtype=dtype)
    labels = np.arange(n) % 7
    return Given(task, model, images, Taught(labels, 50 * task.teacher(images), label_weights(labels)))


def given_a_teacher_of_some(dtype: str, n: int = B) -> Given:
    """Some images have no label, those of the last shard among them."""
    task, model, images, taught = given_a_teacher(dtype, n)
    labels = np.where((np.arange(n) % 3 > 0) & (np.arange(n) < 32), taught.labels, -1)
    return Given(task, model, images, taught._replace(labels=labels, weights=label_weights(labels)))


def given_a_teacher_for_the_token(dtype: str, n: int = B) -> Given:
    _, _, images, taught = given_a_teacher_of_some(dtype, n)
    model = ViT(**SMALL, num_classes=7, distilled=True, heads_apart=True, dtype=dtype)
    task = Distillation(len, method="hard", token=True, alpha=0.3, label_smoothing=0.1, teacher_smoothing=0.2)
    return Given(task, model, images, taught)


def given_the_slides_teacher(dtype: str, n: int = B) -> Given:
    _, model, images, taught = given_a_teacher_of_some(dtype, n)
    options = {"reverse": True, "per_class": True, "smooth_others": True}
    return Given(Distillation(len, temperature=3.0, label_smoothing=0.1, **options), model, images, taught)


def given_waves(dtype: str, n: int = B) -> Given:
    """Gliding tones: what comes next is a little higher than what there was, or, in the others, a little lower."""
    rng = np.random.default_rng(6)
    rising = np.linspace(0.1, 1.5, 240)
    pitch = np.where(rng.random((n, 1)) < 0.5, rising, rising[::-1])
    waves = np.sin(np.cumsum(pitch, axis=1) + rng.uniform(0, 6, (n, 1))) + 0.01 * rng.standard_normal((n, 240))
    model = Wav2Vec(**WAVES, dtype=dtype)
    return Given(Future(num_negatives=4, offset=model.offset), model, waves.astype(dtype), np.arange(n))


def given_captions(dtype: str, n: int = B) -> Given:
    """Images of one colour each, and texts that say which: as many words as it has of red, then of green."""
    rng = np.random.default_rng(8)
    colours = rng.integers(1, 4, (n, 2))
    words = [[1, *[3] * red, *[4] * green, 2, *[0] * (8 - red - green)] for red, green in colours]
    images = np.repeat(colours, 2 * 64, 1).reshape(n, 4, 8, 8).transpose(0, 2, 3, 1)[..., 1:] - 2
    images = images + 0.1 * rng.standard_normal(images.shape)
    towers = {"embed_dim": 12, "depth": 1, "num_heads": 2, "text_dim": 12, "text_depth": 1, "text_heads": 2}
    sizes = {"img_size": 8, "patch_size": 4, "joint_dim": 8, "vocab_size": 5, "max_length": 10, "eos_token_id": 2}
    tokens = np.array(words)
    return Given(Match(), CLIP(**towers, **sizes, dtype=dtype), (images.astype(dtype), tokens), tokens)


def given_noise(dtype: str, n: int = B) -> Given:
    return given_restoration(Denoise(sigma=60.0), SwinIR(**RESTORING, upscale=1, dtype=dtype), dtype, n)


def given_small_images(dtype: str, n: int = B) -> Given:
    model = SwinIR(**RESTORING, upscale=2, upsampler="pixelshuffledirect", dtype=dtype)
    return given_restoration(Upscale(), model, dtype, n)


def given_restoration(task: Restoration, model: SwinIR, dtype: str, n: int) -> Given:
    pixels = np.stack([scene.image for scene in draw_scenes(n, size=16, rng=np.random.default_rng(8))])
    inputs, targets = task.draw(Images(pixels), normalize=np.asarray)
    return Given(task, model, inputs.astype(dtype), Restored(*(made.astype(dtype) for made in targets)))


def given_segments(dtype: str, n: int = B) -> Given:
    """Unevenly many pixels of each image count; averages stand still: shards would have others than the batch."""
    model = UPerNet(
        img_size=16, patch_size=2, num_classes=4, embed_dim=8, depths=(1, 1), num_heads=(2, 2), window_size=4,
        mlp_ratio=1.0, channels=8, pool_scales=(1, 2), aux_channels=4, dtype=dtype,
    )  # fmt: skip
    images, maps = small_maps(n)
    return Given(Segment(), frozen(model), images.astype(dtype), maps)


def given_segments_of_places(dtype: str, n: int = B) -> Given:
    """Fewer logits than there are pixels, of one head."""
    model = SegFormer(
        img_size=16, num_classes=4, embed_dims=(8, 12), depths=(1, 1), num_heads=(1, 2), sr_ratios=(2, 1),
        mlp_ratios=(2.0, 2.0), channels=8, patch_size=3, patch_stride=2, drop_rate=0.0, drop_path_rate=0.0, dtype=dtype,
    )  # fmt: skip
    images, maps = small_maps(n)
    return Given(Segment(), frozen(model), images.astype(dtype), maps)


def small_maps(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Classes by how many colours shine at a pixel."""
    rng = np.random.default_rng(9)
    shines = rng.random((n, 3, 4, 4)).repeat(4, 2).repeat(4, 3) < 0.5
    maps = shines.sum(1).astype(np.uint8)
    maps[rng.random((n, 16, 16)) < np.linspace(0, 0.9, n)[:, None, None]] = 255
    images = shines.transpose(0, 2, 3, 1) - 0.5 + 0.1 * rng.standard_normal((n, 16, 16, 3))
    return images, maps


def given_detections(dtype: str, n: int = B) -> Given:
    """Of the first ten images, and of every fifth, nobody has said what is on them; on the others are up to three."""
    found = draw_scenes(n, size=16, max_objects=3, rng=np.random.default_rng(11))
    images = normalize(np.stack([scene.image for scene in found]), (0.5,) * 3, (0.25,) * 3)
    shown = [slice(None) if n < B or (i >= 10 and i % 5) else slice(0) for i in range(n)]
    labels = [scene.labels[part] for scene, part in zip(found, shown, strict=True)]
    boxes = [centred(scene.boxes[part] / 16) for scene, part in zip(found, shown, strict=True)]
    model = DETR(
        img_size=16, backbone="swin_tiny_patch4_64", num_classes=10, embed_dim=24, num_heads=3, mlp_dim=32,
        encoder_depth=1, decoder_depth=2, num_queries=4, pre_norm=True, drop_rate=0.0, dtype=dtype,
    )  # fmt: skip
    return Given(Detect(num_queries=4), model, images.astype(dtype), Objects(labels, boxes))


GIVEN = [
    given_detections,
    given_segments,
    given_segments_of_places,
    given_noise,
    given_small_images,
    given_captions,
    given_classes,
    given_boxes,
    given_views,
    given_patches,
    given_hidden_codes,
    given_hidden_small_patches,
    given_hidden_colours,
    given_tokens,
    given_pixels,
    given_two_outputs,
    given_a_teacher,
    given_a_teacher_of_some,
    given_a_teacher_for_the_token,
    given_the_slides_teacher,
    given_waves,
]
every_task = pytest.mark.parametrize("given", GIVEN)


def outputs_of(given: Given) -> np.ndarray:
    inputs = given.inputs if isinstance(given.inputs, tuple) else (given.inputs,)
    return given.model.forward(*inputs)[0]


class NamedGrads(NamedTuple):
    outputs: Any


@pytest.mark.sampled(every=4)
@every_task
def test_the_gradient_of_the_loss(given):
    task, _, _, targets = given = given("float64", 13)
    outputs = mapped(lambda output: output + 0.01 * RNG.standard_normal(output.shape), outputs_of(given))
    check_vjp(
        lambda outputs: task.forward(outputs, targets),
        lambda dloss, cache: NamedGrads(task.backward(dloss, cache)),
        outputs,
    )


@every_task
@pytest.mark.parametrize("threads", [pytest.param(1, marks=REST), 3])
def test_shards_add_up_to_the_whole_batch(given, threads):
    task, model, inputs, targets = given = given("float64")
    loss, c_loss = task.forward(outputs_of(given), targets)
    whole = model.replica()
    parts = inputs if isinstance(inputs, tuple) else (inputs,)
    _, c_model = whole.forward(*parts)
    whole.backward(task.backward(np.ones_like(loss), c_loss), c_model)
    expected = [param.grad.copy() for param in whole.params]

    ours = training_step(model, inputs, targets, optimizer=SGD(model, lr=0.0), task=task, threads=threads)
    assert ours == pytest.approx(np.sum(loss), rel=1e-12)
    for param, grad in zip(model.params, expected, strict=True):
        np.testing.assert_allclose(param.grad, grad, rtol=1e-9, atol=1e-14 + 1e-11 * np.abs(grad).max())


@pytest.mark.parametrize(
    "given",
    [
        given_boxes,
        given_views,
        given_patches,
        given_hidden_colours,
        given_tokens,
        given_captions,
        given_segments,
        given_detections,
    ],
)
def test_a_mean_over_images_would_be_another_loss(given):
    """What the shards' own losses would add up to, weighted as images are: the reason for ``over`` and ``coupled``."""
    task, _, _, targets = given = given("float64")
    outputs = mapped(lambda output: 4 * output, outputs_of(given))  # untrained, all would be as wrong
    shards = [slice(start, start + 16) for start in range(0, B, 16)]
    parts = [(part_of(outputs, s), part_of(targets, s)) for s in shards]
    losses = [
        np.sum(task.forward(out, target)[0]) * number_of(target) / B
        for out, target in parts
        if np.any(task.over(target))
    ]
    right = np.sum(task.forward(outputs, targets)[0])
    assert abs(sum(losses) - right) > 1e-3 * right


@pytest.mark.sampled(every=14)
@pytest.mark.parametrize(
    ("given", "steps", "before", "after"),
    [
        (given_boxes, 50, 0.1, 0.5),
        (given_views, 25, 0.5, 0.9),
        (given_captions, 60, 0.4, 0.9),
        (given_detections, 160, 0.05, 0.5),
        (given_patches, 60, 0.0, 0.15),
        (given_hidden_codes, 60, 0.1, 0.3),
        (given_hidden_colours, 60, 0.1, 0.3),
        (given_tokens, 80, 0.1, 0.5),
        (given_noise, 60, 0.01, 0.5),
        (given_segments, 60, 0.5, 0.8),
        (given_segments_of_places, 60, 0.5, 0.8),
        (given_small_images, 60, -5.0, -0.5),
        (given_waves, 150, 0.3, 0.8),
    ],
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
        model = TwoViews(drop_path_rate=0.4, drop_rate=0.3, dtype="float64")
        step = {"optimizer": SGD(model, lr=0.0), "task": task, "rng": np.random.default_rng(3), "threads": threads}
        losses.append(training_step(model, inputs, targets, **step))
        grads.append([param.grad for param in model.params])
    assert losses[0] == losses[1] == losses[2]
    for one, two, four in zip(*grads, strict=True):
        np.testing.assert_array_equal(one, two)
        np.testing.assert_array_equal(one, four)
    model = TwoViews(dtype="float64")
    assert training_step(model, inputs, targets, optimizer=SGD(model), task=task) != losses[0]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_coupled_step_says_once_what_overflows(threads):
    """In its first pass as in its second: one sentence, and no warnings beside it."""
    task, _, inputs, targets = given_views("float32")
    model = TwoViews()
    model.encoder.blocks[1].attn.qkv.weight.value[...] *= 1e25
    with pytest.raises(FloatingPointError, match=r"the first place that is not finite is .*blocks\.1\.attn\.attention"):
        training_step(model, inputs, targets, optimizer=SGD(model), task=task, threads=threads)


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


def test_the_score_of_what_cannot_be_scored():
    """Not a number, and no warning; a score of 0 would say that the model is bad."""
    outputs = np.zeros((3, 4), np.float32)
    assert np.isnan(OneBox().score(outputs, [np.zeros((0, 4))] * 3))
    for grey in (1, 0.1):  # the mean of seven times 0.1, in float32, is another number
        true = np.full((7, 4, 3), grey, np.float32)
        for guess in (true, true + 1):
            assert np.isnan(MaskedPatches(4).score(guess, Masked(true, np.eye(7, 4) + np.eye(7, 4, -4) > 0)))
            assert np.isnan(MaskedPrediction(4, target="rgb").score(guess, AskedPatches(true, np.ones((7, 4), bool))))


def test_the_overlap_of_boxes():
    outputs = np.array([[0.0, 0, 2, 2], [0, 0, 1, 1], [0.5, 0, 0.2, 1], [9, 9, 9, 9]])  # the third, sides exchanged
    targets = [np.array([box]) for box in ([1.0, 1, 3, 3], [1.0, 0, 2, 1], [0.0, 0, 1, 1])] + [np.zeros((0, 4))]
    for i, expected in enumerate((1 / 7, 0, 0)):
        assert OneBox().score(outputs[i : i + 1], targets[i : i + 1]) == pytest.approx(expected)
    assert OneBox().score(outputs, targets) == pytest.approx(1 / 21)


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
    with pytest.raises(ValueError, match="37 and 36 inputs and 37 targets; expected as many"):
        training_step(model, (images, mask[:-1]), targets, optimizer=SGD(model), task=task)


@pytest.mark.parametrize("targets", [np.array([1]), np.arange(3), np.ones((1, 3)) / 3])
def test_a_label_does_not_stand_for_others(targets):
    with pytest.raises(ValueError, match=f"Classification: there are 4 outputs and {len(targets)} targets"):
        Classification().score(np.eye(3)[[0, 1, 1, 0]], targets)


@pytest.mark.parametrize("given", [given_boxes, given_segments, given_detections, given_captions, given_noise])
def test_outputs_and_targets_must_be_of_the_same_number(given):
    """Also where the targets would do for some of the outputs."""
    task, _, _, targets = given = given("float64", 3)
    outputs = outputs_of(given)
    for slices in ((slice(2), slice(3)), (slice(3), slice(2)), (slice(1), slice(3))):
        fewer = part_of(outputs, slices[0]), part_of(targets, slices[1])
        counts = f"{number_of(fewer[0])} outputs and {number_of(fewer[1])} targets; expected as many"
        for call in (task.forward, task.score):
            with pytest.raises(ValueError, match=counts):
                call(*fewer)


@pytest.mark.parametrize(
    ("targets", "kind", "message"),
    [
        (None, TypeError, "a batch has None; expected an array or a list with an entry for each sample"),
        (
            Taught(np.zeros(16, int), np.zeros((32, 7)), np.ones(16)),
            ValueError,
            r"parts of a batch have \[16, 32, 16\] entries; expected",
        ),
        (Taught(np.zeros(16, int), np.zeros(()), np.ones(16)), TypeError, r"a batch has array\(0\.\); expected"),
        ((), ValueError, r"parts of a batch have \[\] entries"),
    ],
)
def test_targets_that_are_none(targets, kind, message):
    task, model, images, _ = given_a_teacher("float32", 16)
    with pytest.raises(kind, match=message):
        training_step(model, images, targets, optimizer=SGD(model), task=task)
    with pytest.raises(ValueError, match=r"training_step: .* expected as many, at least one"):
        training_step(model, (), np.zeros(16, int), optimizer=SGD(model))


def test_targets_that_are_not_finite():
    task, model, images, taught = given_a_teacher("float32", 5)
    with pytest.raises(FloatingPointError, match=r"the loss is nan: .* or the targets are not finite"):
        training_step(model, images, taught._replace(teacher=taught.teacher * np.nan), optimizer=SGD(model), task=task)


@pytest.mark.parametrize(
    ("task", "shape", "targets", "message"),
    [
        (OneBox(), (3, 5), [np.zeros((1, 4))] * 3, r"outputs has shape \(3, 5\); expected \(B, 4\)"),
        (Contrastive(CROP), (3, 5), range(3), r"outputs has shape \(3, 5\); expected \(B, 2, D\)"),
        (Contrastive(CROP), (3, 3, 5), range(3), r"outputs has shape \(3, 3, 5\); expected \(B, 2, D\)"),
        (
            MaskedPatches(8),
            (3, 16, 48),
            Masked(np.zeros((3, 4, 192), np.float32), np.ones((3, 4), bool)),
            r"outputs have shape \(3, 16, 48\); expected \(3, 4, 192\), a number for each pixel of patches of size 8",
        ),
    ],
)
def test_outputs_that_are_none_for_this_task(task, shape, targets, message):
    for function in (task.forward, task.score):
        with pytest.raises(ValueError, match=message):
            without_annotations(function)(np.zeros(shape, np.float32), targets)


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_a_teacher_may_have_another_precision(dtype):
    task, model, images, taught = given_a_teacher("float32")
    outputs, _ = model.forward(images)
    taught = taught._replace(teacher=taught.teacher.astype("float16"))
    loss, cache = task.forward(outputs, taught._replace(teacher=taught.teacher.astype(dtype)))
    assert loss == task.forward(outputs, taught._replace(teacher=taught.teacher.astype("float32")))[0]
    assert np.asarray(loss).dtype == task.backward(loss, cache).dtype == np.float32


def test_a_teacher_that_gives_no_array_is_refused():
    task = Distillation(lambda images: images.tolist())  # type: ignore[arg-type,return-value]
    with pytest.raises(TypeError, match=r"what the teacher says is \[.*; expected ndarray"):
        task.draw(mv.data.shapes(2, 2).train, normalize=lambda pixels: pixels)


def test_the_score_of_classes_is_that_of_predict():
    task, model, images, labels = given_classes("float32")
    assert task.score(predict(model, images), labels) == pytest.approx(
        np.mean(mv.train.predict(model, images).argmax(1) == labels)
    )


@pytest.mark.parametrize("data", [mv.data.shapes(8, 8), sorting(8, 8)], ids=["images", "tokens"])
def test_what_the_loss_cannot_be_below_is_that_of_smoothed_targets(data):
    kind = Classification if data.name == "shapes" else NextToken
    least = kind(label_smoothing=0.1).least_loss(data)
    targets = kind().draw(data.train, normalize=np.asarray)[1]
    perfect = np.log(0.9 * one_hot(targets, len(data.class_names)) + 0.1 / len(data.class_names))
    task = kind(label_smoothing=0.1)
    np.testing.assert_allclose(task.forward(perfect, targets)[0], least, rtol=1e-6)
    assert task.forward(0.9 * perfect, targets)[0] > least
    assert (kind().least_loss(data), OneBox().least_loss(data)) == (0, 0)


def test_every_file_of_tasks_is_found():
    """Nobody keeps a list: a file in minivit/tasks is all that a task needs."""
    files = {path.stem for path in Path(mv.tasks.__file__).parent.glob("*.py")} - {"__init__", "task"}
    found = [item for item in vars(mv.tasks).values() if isinstance(item, type) and issubclass(item, Task)]
    assert {task.__module__.rpartition(".")[2] for task in found} - {"task"} == files
    assert all(getattr(mv.tasks, task.__name__) is task for task in found)


def test_padding_has_no_say_and_tokens_count_alike():
    logits = RNG.standard_normal((3, 4, 7))
    targets = np.array([[5, 6, 3, END], [5, END, PAD, PAD], [END, PAD, PAD, PAD]])
    task = NextToken()
    loss, cache = task.forward(logits, targets)
    real = [(b, t) for b in range(3) for t in range(4) if targets[b, t] != PAD]
    assert task.over(targets) == len(real) == 7
    log_probs, _ = log_softmax_forward(logits)
    assert loss == pytest.approx(-np.mean([log_probs[b, t, targets[b, t]] for b, t in real]))
    doutputs = task.backward(np.ones(()), cache)
    np.testing.assert_array_equal(doutputs.any(-1), targets != PAD)


def test_a_sequence_is_right_if_every_token_is():
    targets = np.array([[5, 6, END], [5, END, PAD]])
    outputs = one_hot(np.array([[5, 6, END], [5, END, 6]]), 7)
    assert NextToken().score(outputs, targets) == 1
    outputs[1, 0] = 0
    assert NextToken().score(outputs, targets) == 0.5


class Recited(Layer):
    """Says of each place what comes next in a table, whatever the source; the token before decides."""

    def __init__(self, after: dict[int, int]) -> None:
        self.after = after

    def forward(self, source, before):
        return one_hot(np.vectorize(lambda token: self.after.get(token, 3), otypes=[int])(before), 7), None


def test_greedy_decoding_stops_at_the_end():
    written = greedy(Recited({START: 4, 4: 5, 5: END}), np.zeros((2, 3), int), length=7)
    np.testing.assert_array_equal(written, [[START, 4, 5, END, PAD, PAD, PAD]] * 2)
    assert greedy(Recited({}), np.zeros((1, 3), int), length=4).tolist() == [[START, 3, 3, 3]]
    assert greedy(Recited({}), np.zeros((0, 3), int), length=4).shape == (0, 4)
    assert greedy(Recited({}), np.zeros((2, 3), int), length=1).tolist() == [[START]] * 2
