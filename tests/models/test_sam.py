"""SAM; tests/test_parity_sam.py holds it against transformers and the authors' code."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers import Layer
from minivit.layers.mask_decoder import MaskOutputs
from minivit.models import SAM
from minivit.weights import load_hf, load_torch, to_hf
from tests import facts
from tests.models.test_sam_vit import ENCODER
from tests.unchecked import without_annotations
from tests.weights.test_loaders import assert_refuses

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    **ENCODER,
    "prompt_dim": 16,
    "mask_in_chans": 4,
    "decoder_num_heads": 2,
    "decoder_mlp_dim": 7,
    "iou_head_hidden_dim": 5,
}
IMAGES = RNG.standard_normal((2, 12, 20, 3))
POINTS = RNG.uniform(0, 12, (2, 3, 2, 2))
LABELS = np.array([[[1, 0], [1, -1], [0, -10]], [[2, 3], [1, 1], [-1, 0]]])
BOXES = np.array([[[1.0, 2, 7, 11], [0, 0, 5, 4], [9, 3, 19, 8]], [[3, 1, 9, 8], [6, 6, 18, 11], [4, 2, 6, 3]]])
MASKS = RNG.standard_normal((2, 3, 12, 20))


def sam(**options: Any) -> SAM:
    model = SAM(**{**SMALL, **options}, dtype="float64")
    for param in model.named_params().values():
        param.value = RNG.standard_normal(param.shape) / 2
    return model


@pytest.mark.parametrize("name", facts.SAM)
def test_parameters(name: str) -> None:
    assert mv.create_model(name).num_params == facts.SAM[name]


def test_parameters_of_the_parts_and_of_transformers() -> None:
    model = mv.create_model("sam_vit_b")
    assert {name: getattr(model, name).num_params for name in facts.SAM_PARTS} == facts.SAM_PARTS
    in_transformers = mv.create_model("sam_vit_b", learn_frequencies=True)
    assert in_transformers.num_params == 93_735_728


class With(Layer):
    """A SAM with the same prompts for all images that come in, as a layer of the arrays that have a gradient."""

    def __init__(self, model: SAM, labels: Any = None, *, boxed: bool = False, **options: Any) -> None:
        self.model, self.labels, self.boxed, self.options = model, labels, boxed, options

    def forward(self, images: Any, places: Any = None, masks: Any = None) -> Any:
        prompts = (None, None, places) if self.boxed else (places, self.labels, None)
        return self.model.forward(images, *prompts, masks, **self.options)

    def backward(self, dy: Any, cache: Any) -> Any:
        dimages, dpoints, _, dboxes, dmasks = self.model.backward(dy, cache)
        given = [it for it in (dimages, dboxes if self.boxed else dpoints, dmasks) if it is not None]
        return tuple(given) if len(given) > 1 else dimages


ONE = {"decoder_depth": 1}  # block
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[Any, ...]]] = {
    "points": (ONE, {"labels": LABELS}, (POINTS,)),
    "points, two blocks": ({"num_multimask_outputs": 1}, {"labels": LABELS, "multimask_output": True}, (POINTS,)),
    "points, trained frequencies": (ONE | {"learn_frequencies": True}, {"labels": LABELS}, (POINTS,)),
    "points and masks": (ONE, {"labels": LABELS, "multimask_output": False}, (POINTS, MASKS)),
    "points and one mask": (ONE, {"labels": LABELS}, (POINTS, MASKS[:, :1])),
    "boxes": (ONE | {"grad_checkpointing": True}, {"boxed": True}, (BOXES,)),
    "boxes and masks": (ONE | {"window_size": 0}, {"boxed": True}, (BOXES, MASKS)),
    "nothing": (ONE | {"num_multimask_outputs": 1}, {}, ()),
    "no positions": (
        ONE | {"use_abs_pos": False, "use_rel_pos": False, "qkv_bias": False},
        {"labels": LABELS},
        (POINTS,),
    ),
    "large windows": (ONE | {"window_size": (9, 2), "global_attn_indexes": ()}, {"labels": LABELS}, (POINTS,)),
}


@pytest.mark.sampled(every=0, rest=10)
@pytest.mark.parametrize("name", [*CASES])
def test_gradients(name: str) -> None:
    options, how, prompts = CASES[name]
    check_layer(With(sam(**options), **how), IMAGES, *prompts)


def test_each_prompt_is_answered_for_itself() -> None:
    model = sam()
    together, _ = model.forward(IMAGES, POINTS, LABELS, masks=MASKS)
    for p in range(3):
        alone, _ = model.forward(IMAGES, POINTS[:, [p]], LABELS[:, [p]], masks=MASKS[:, [p]])
        np.testing.assert_allclose(together.masks[:, [p]], alone.masks, rtol=1e-10)
        np.testing.assert_allclose(together.iou_scores[:, [p]], alone.iou_scores, rtol=1e-10)


def test_the_order_of_points_does_not_matter_and_padding_does_not_depend_on_where_it_is() -> None:
    model = sam()
    y, _ = model.forward(IMAGES, POINTS, LABELS)
    turned, _ = model.forward(IMAGES, POINTS[:, :, ::-1], LABELS[:, :, ::-1])
    np.testing.assert_allclose(turned.masks, y.masks, rtol=1e-9)
    moved = np.where((LABELS < 0)[..., None], 5.0, POINTS)
    np.testing.assert_allclose(model.forward(IMAGES, moved, LABELS)[0].masks, y.masks, rtol=1e-12)


def test_a_box_is_its_two_corners() -> None:
    model = sam()
    y, _ = model.forward(IMAGES, boxes=BOXES)
    corners = np.concatenate((BOXES.reshape(2, 3, 2, 2), POINTS[:, :, :1]), axis=2)
    labels = np.broadcast_to([2, 3, 1], (2, 3, 3))
    both, _ = model.forward(IMAGES, POINTS[:, :, :1], LABELS[:, :, :1] * 0 + 1, BOXES)
    assert not np.allclose(y.masks, both.masks)
    padded, _ = model.forward(IMAGES, corners, labels)  # as points they are followed by one that is none
    assert padded.masks.shape == both.masks.shape == (2, 3, 4, 12, 20)


def test_arrays_without_a_prompt_stand_for_none() -> None:
    model = sam()
    bare, _ = model.forward(IMAGES)
    assert bare.masks.shape == (2, 1, 4, 12, 20)
    empty = np.zeros((2, 3, 0, 2)), np.zeros((2, 3, 0), int)
    for prompts in (empty, (*empty, np.zeros((2, 0, 4)), np.zeros((2, 0, 12, 20)))):
        np.testing.assert_array_equal(model.forward(IMAGES, *prompts)[0].masks, bare.masks)
    y, _ = model.forward(IMAGES, *empty, BOXES)
    np.testing.assert_array_equal(y.masks, model.forward(IMAGES, boxes=BOXES)[0].masks)


def test_clicks_without_labels_are_on_the_object() -> None:
    model = sam()
    on = np.ones(LABELS.shape, int)
    y, _ = model.forward(IMAGES, POINTS)
    np.testing.assert_array_equal(y.masks, model.forward(IMAGES, POINTS, on)[0].masks)


def test_the_three_masks_and_the_single_one_are_parts_of_all_four() -> None:
    model = sam()
    both, _ = model.forward(IMAGES, POINTS, LABELS)
    for choice, expected in ((True, slice(1, None)), (False, slice(1))):
        y, _ = model.forward(IMAGES, POINTS, LABELS, multimask_output=choice)
        np.testing.assert_array_equal(y.masks, both.masks[:, :, expected])
        np.testing.assert_array_equal(y.iou_scores, both.iou_scores[:, :, expected])


def test_frequencies_are_saved_and_loaded_but_not_trained(tmp_path: Any) -> None:
    model = sam()
    assert "prompt_encoder.frequencies" not in model.named_params()
    assert model.prompt_encoder.frequencies.value.std() > 0.5
    mv.save(model, tmp_path / "sam.safetensors")
    again = mv.load(tmp_path / "sam.safetensors")
    np.testing.assert_array_equal(again.forward(IMAGES, POINTS)[0].masks, model.forward(IMAGES, POINTS)[0].masks)


LAST = RNG.uniform(1, 9, (2, 3, 2, 2))
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"points": LAST + np.array([12, 0])}, r"a point is at x, y = 2\d\.?\d*, .*outside the image, 20 wide and 12 high"),
    ({"points": LAST * np.array([1, -1])}, r"a point is at x, y = .*, -.*outside the image, 20 wide and 12 high"),
    ({"points": LAST * np.nan}, "a point is at x, y = nan, nan, outside the image, 20 wide and 12 high"),
    ({"points": LAST[0]}, r"points have shape \(3, 2, 2\); expected \(2, 2, points, 2\)"),
    ({"points": LAST[:1]}, r"points have shape \(1, 3, 2, 2\); expected \(2, 3, 2, 2\)"),
    ({"points": LAST, "labels": LABELS[:, :, :1]}, r"labels has shape \(2, 3, 1\); expected \(2, 3, 2\)"),
    ({"points": LAST, "labels": LABELS * 0 + 7}, "a label is 7; expected 1 on the object, 0 beside it, -1 for no"),
    ({"points": LAST, "labels": LABELS * 0 - 2}, "a label is -2; expected 1 on the object"),
    ({"labels": LABELS}, r"labels have shape \(2, 3, 2\), and there are no points; expected a point for each"),
    ({"boxes": BOXES[..., [0, 1, 0, 3]]}, r"a box is 1, 2, 1, 11, without area; expected x0, y0, x1, y1 with x0 < x1"),
    ({"boxes": BOXES[..., [2, 3, 0, 1]]}, r"a box is 7, 11, 1, 2, without area"),
    ({"boxes": BOXES[..., [2, 3, 0, 1]].astype(np.uint8)}, r"a box is 7, 11, 1, 2, without area"),
    (
        {"boxes": BOXES + np.array([0, 0, 9, 0])},
        r"a corner of a box is at x, y = 28, 8, outside the image, 20 wide and 12 high",
    ),
    ({"boxes": BOXES[:, :2], "points": LAST}, "there are points for 3 prompts and 2 boxes; expected as many"),
    ({"boxes": BOXES[..., :3]}, r"boxes have shape \(2, 3, 3\); expected \(2, 3, 4\)"),
    ({"boxes": BOXES, "masks": MASKS[..., :10]}, r"masks have shape \(2, 3, 12, 10\); expected \(2, 3, 12, 20\)"),
    ({"boxes": BOXES, "masks": MASKS[:, :2]}, r"masks have shape \(2, 2, 12, 20\); expected \(2, 3, 12, 20\)"),
]


@pytest.mark.parametrize(("prompts", "says"), WRONG, ids=[says for _, says in WRONG])
def test_prompts_that_cannot_be(prompts: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        sam().forward(IMAGES, **prompts)


def test_prompts_that_are_no_numbers() -> None:
    with pytest.raises(TypeError, match="points have dtype bool; expected numbers"):
        sam().forward(IMAGES, POINTS > 3)
    with pytest.raises(TypeError, match="labels have dtype float64; expected integers"):
        sam().forward(IMAGES, POINTS, LABELS * 1.0)
    given = {"points": POINTS, "labels": LABELS, "boxes": BOXES, "masks": MASKS}
    for name, prompts in given.items():
        with pytest.raises(TypeError, match=f"{name} is .*; expected ndarray"):
            without_annotations(sam().forward)(IMAGES, **{**given, name: prompts.tolist()})


def test_a_point_that_is_none_may_be_anything() -> None:
    model, labels = sam(learn_frequencies=True), np.ones(POINTS.shape[:3], int)
    labels[:, :, -1] = -1
    odd = np.where(labels[..., None] < 0, np.nan, POINTS)
    found = []
    for points in (POINTS, odd):
        model.zero_grad()
        outputs, cache = model.forward(IMAGES, points, labels)
        _, dpoints, *_ = model.backward(outputs, cache)
        found.append([outputs.masks, dpoints, *(param.grad.copy() for param in model.params)])
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_labels_without_a_sign_are_labels() -> None:
    ones = np.ones(POINTS.shape[:3], np.int64)
    model = sam()
    expected, _ = model.forward(IMAGES, POINTS, ones)
    found, _ = model.forward(IMAGES, POINTS, ones.astype(np.uint8))
    np.testing.assert_array_equal(found.masks, expected.masks)


@pytest.mark.parametrize("prompts", [{"points": POINTS}, {"boxes": BOXES}, {"boxes": BOXES, "masks": MASKS}, {}])
def test_no_images_have_no_masks(prompts: dict[str, Any]) -> None:
    model = sam()
    outputs, cache = model.forward(IMAGES[:0], **{name: array[:0] for name, array in prompts.items()})
    whole, _ = model.forward(IMAGES, **prompts)
    assert outputs.masks.shape == (0, *whole.masks.shape[1:])
    assert outputs.iou_scores.shape == (0, *whole.iou_scores.shape[1:])
    assert model.backward(outputs, cache)[0].shape == IMAGES[:0].shape


def test_a_click_at_the_edge_is_inside() -> None:
    corners = np.broadcast_to(np.array([[0, 0], [19, 11]]), (2, 1, 2, 2))
    y, _ = sam().forward(IMAGES, corners)
    assert np.isfinite(y.masks).all()
    whole, _ = sam().forward(IMAGES, boxes=np.broadcast_to(np.array([0, 0, 20, 12]), (2, 1, 4)))
    assert np.isfinite(whole.masks).all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"prompt_dim": 12}, "prompt_dim is 12; expected a multiple of 8"),
        ({"decoder_norm_eps": -1.0}, "decoder_norm_eps is -1.0; expected"),
        ({"decoder_norm_eps": np.nan}, "decoder_norm_eps is nan; expected"),
        ({"mask_in_chans": 6}, "mask_in_chans is 6; expected a multiple of 4"),
        ({"attention_downsample_rate": 3}, "attention_downsample_rate is 3; expected a divisor of prompt_dim 16"),
        ({"global_attn_indexes": (2,)}, r"global_attn_indexes are \(2,\); expected numbers of its 2 blocks, from 0"),
        ({"window_size": (0, 3)}, r"window_size is \(0, 3\); expected 0, for no windows, or at least 1 on both sides"),
        ({"decoder_num_heads": 3}, "width 16 is not divisible by num_heads 3"),
        ({"img_size": (13, 20)}, "image size 13 x 20 is not divisible by the patch size 4 x 4"),
    ],
)
def test_options_that_do_not_fit(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        sam(**options)


def test_weights_of_others_name_what_is_missing() -> None:
    model = sam()
    arrays = to_hf(model)
    assert "shared_image_embedding.positional_embedding" in arrays
    del arrays["mask_decoder.iou_token.weight"]
    assert_refuses(load_hf, model, arrays, KeyError, "array 'mask_decoder.iou_token.weight' is missing")
    with pytest.raises(KeyError, match="are missing"):
        load_torch(model, to_hf(model))


def test_the_copy_of_the_frequencies_in_transformers_is_left_aside() -> None:
    model = sam()
    arrays = to_hf(model)
    arrays["prompt_encoder.shared_embedding.positional_embedding"] = arrays[
        "shared_image_embedding.positional_embedding"
    ]
    with pytest.warns(UserWarning, match="it is the matrix of shared_image_embedding once more"):
        load_hf(model, arrays)


def test_cotangents_of_masks_that_were_not_asked_for_are_zero() -> None:
    model = sam()
    y, cache = model.forward(IMAGES, POINTS, LABELS, multimask_output=False)
    dimages, *_ = model.backward(MaskOutputs(np.ones_like(y.masks), np.zeros_like(y.iou_scores)), cache)
    grads = {name: param.grad for name, param in model.named_params().items() if "hypernetworks" in name}
    assert np.abs(dimages).max() > 0
    assert all(np.any(grad) == (".output_hypernetworks_mlps.0." in f".{name}") for name, grad in grads.items())


@pytest.mark.parametrize("masks", [1, 3, 5])
def test_a_gradient_for_another_number_of_masks_is_refused(masks: int) -> None:
    model = sam()
    y, cache = model.forward(IMAGES, POINTS, LABELS)
    wrong = MaskOutputs(np.ones((*y.masks.shape[:2], masks, *y.masks.shape[3:])), np.ones_like(y.iou_scores))
    with pytest.raises(ValueError, match=r"the gradient of the masks has shape .*; expected"):
        model.backward(wrong, cache)
    with pytest.raises(ValueError, match=r"the gradient of the scores has shape .*; expected"):
        model.backward(MaskOutputs(y.masks, np.ones((*y.masks.shape[:2], masks))), cache)


def test_a_complex_step_reaches_prompts() -> None:
    """The derivative along a click, and along a mask, is that of backward."""
    model = sam()
    y, cache = model.forward(IMAGES, POINTS, LABELS, None, MASKS)
    dy = MaskOutputs(RNG.standard_normal(y.masks.shape), RNG.standard_normal(y.iou_scores.shape))
    _, dpoints, _, _, dmasks = model.backward(dy, cache)
    step = 1e-30j
    for name, grad, ways in (("points", dpoints, POINTS), ("masks", dmasks, MASKS)):
        way = RNG.standard_normal(ways.shape)
        moved = {"points": POINTS, "masks": MASKS} | {name: ways + step * way}
        found, _ = without_annotations(model.forward)(IMAGES, labels=LABELS, **moved)
        slope = sum((part * d).sum().imag for part, d in zip(found, dy, strict=True)) / step.imag
        np.testing.assert_allclose((grad * way).sum(), slope, rtol=1e-8)
