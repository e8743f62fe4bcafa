"""SAM: the same numbers as transformers and the authors' code, and of its image encoder as timm, by tools/_sam.py."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from minivit.layers.mask_decoder import MaskOutputs
from minivit.layers.prompts import joined_prompts
from minivit.layers.relative_window_attention import RelativeWindowAttention
from minivit.layers.two_way_block import TwoWayBlock
from minivit.models import SAM, SamViT
from minivit.ops import OPS, embedding_forward, fourier_features_forward
from minivit.weights import load_hf, load_timm, load_torch, to_hf, to_timm
from tests.test_parity import (
    Case,
    assert_given_back,
    assert_gradient,
    assert_model,
    assert_output,
    assert_parameters,
    channels_last,
)

HF = ("hf_sam_several", "hf_sam_boxes", "hf_sam_boxes_and_points", "hf_sam_nothing", "hf_sam_three")


def parts(case: Case) -> tuple[dict[str, ndarray], dict[str, ndarray]]:
    """All parameters, and all gradients: 0 of those that this prompt does not need."""
    unused = {key.removeprefix("unused/"): a for key, a in case.part("const").items() if key.startswith("unused/")}
    return case.part("param") | unused, case.part("gparam") | {key: np.zeros_like(a) for key, a in unused.items()}


def with_weights(case: Case, load: Callable, **options: Any) -> tuple[SAM, SAM]:
    """A model with the weights of the other library, and one with its gradients for weights."""
    ours, theirs = (SAM(**{**case.meta["config"], **options}, dtype="float64") for _ in range(2))
    for model, arrays in zip((ours, theirs), parts(case), strict=True):
        load(model, arrays)
    return ours, theirs


def asked(model: SAM, case: Case) -> tuple[MaskOutputs, Any]:
    """What the model makes of the images and prompts of a case; a mask is that of all prompts of an image."""
    kinds = ("in/input_points", "const/input_labels", "in/input_boxes", "in/input_masks")
    prompts: Any = [case.arrays.get(kind) for kind in kinds]
    return model.forward(channels_last(case["in/x"]), *prompts, multimask_output=case.meta["multimask_output"])


@pytest.mark.parametrize("grad_checkpointing", [False, True])
@pytest.mark.parametrize("name", HF)
def test_transformers(name: str, grad_checkpointing: bool) -> None:
    case = Case(name)
    ours, theirs = with_weights(case, load_hf, grad_checkpointing=grad_checkpointing)
    y, cache = asked(ours, case)
    assert_output(y.masks, case["out/masks"])
    assert_output(y.iou_scores, case["out/iou_scores"])
    dx, dpoints, dlabels, dboxes, dmasks = ours.backward(MaskOutputs(case["cot/masks"], case["cot/iou_scores"]), cache)
    assert_gradient(dx, channels_last(case["gin/x"]))
    assert_parameters(ours, theirs)
    assert dlabels is None
    gradients = {"points": dpoints, "boxes": dboxes, "masks": dmasks}
    for kind, gradient in gradients.items():
        if f"gin/input_{kind}" in case.arrays:
            assert_gradient(gradient, case[f"gin/input_{kind}"])
        else:
            assert gradient is None


def test_the_weights_of_transformers_are_given_back() -> None:
    case = Case("hf_sam_several")
    ours, _ = with_weights(case, load_hf)
    given_back, (arrays, _) = to_hf(ours), parts(case)
    assert given_back.keys() == arrays.keys()
    for key, array in arrays.items():
        np.testing.assert_array_equal(given_back[key], array)


def test_the_code_of_the_authors() -> None:
    """One image, a click and a box on each of two objects, and a mask for each."""
    case = Case("sam_official")
    ours, theirs = with_weights(case, load_torch)
    points, labels, boxes = (case[f"const/{name}"][None] for name in ("points", "labels", "boxes"))
    masks = case["in/masks"].transpose(1, 0, 2, 3)
    y, cache = ours.forward(channels_last(case["in/x"]), points, labels, boxes, masks, multimask_output=True)
    assert_output(y.masks[0], case["out/masks"])
    assert_output(y.iou_scores[0], case["out/iou_scores"])
    cotangent = MaskOutputs(case["cot/masks"][None], case["cot/iou_scores"][None])
    dx, _, _, _, dmasks = ours.backward(cotangent, cache)
    assert_gradient(dx, channels_last(case["gin/x"]))
    assert_gradient(dmasks, case["gin/masks"].transpose(1, 0, 2, 3))
    assert_parameters(ours, theirs)


def test_losses_of_masks() -> None:
    case = Case("hf_mask_losses")
    logits, truth, dlogits = case["in/logits"], case["const/truth"] > 0, np.zeros((3, 20))
    for name, op, options in (
        ("focal", OPS["sigmoid_focal_loss"], {}),
        ("focal_otherwise", OPS["sigmoid_focal_loss"], {"alpha": 0.6, "gamma": 1.5}),
        ("dice", OPS["dice_loss"], {}),
    ):
        loss, cache = op.forward(logits, truth, **options)
        assert_output(loss, case[f"out/{name}"])
        dlogits += op.backward(case[f"cot/{name}"], cache).logits
    assert_gradient(dlogits, case["gin/logits"])


@pytest.mark.parametrize("name", ["timm_samvit", "timm_samvit_classes"])
@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_image_encoder_of_timm(name: str, grad_checkpointing: bool) -> None:
    case = Case(name)
    assert_model(SamViT, case, load_timm, load_timm, norm_eps=1e-5, grad_checkpointing=grad_checkpointing)
    model = SamViT(**case.meta["config"], dtype="float64")
    load_timm(model, case.part("param"))
    assert_given_back(to_timm(model), case)


right_points, right_block = joined_prompts, TwoWayBlock.forward
right_features, right_embedding = fourier_features_forward, embedding_forward


def moved(change: Callable) -> Callable:
    """Prompts of which something was changed."""
    return lambda *given, **sizes: change(right_points(*given, **sizes))


def waves(change: Callable) -> Callable:
    return lambda x, frequencies: change(*right_features(x, frequencies))


def swapped_halves(y: ndarray, cache: Any) -> Any:
    return np.concatenate(np.split(y, 2, axis=-1)[::-1], axis=-1), cache


def without_padding(prompts: Any) -> Any:
    if (prompts.labels[..., -1] != -1).any():  # there is a box
        return prompts
    return prompts._replace(points=prompts.points[:, :, :-1], labels=prompts.labels[:, :, :-1])


def later_block(self: TwoWayBlock, *given: Any, **options: Any) -> Any:
    """The first block with positions, and with a way around its attention."""
    self.first = False
    return right_block(self, *given, **options)


def every_block_first(self: TwoWayBlock, *given: Any, **options: Any) -> Any:
    self.first = True
    return right_block(self, *given, **options)


def positions_only_once(self: TwoWayBlock, tokens: Any, image: Any, tokens_pos: Any, image_pos: Any, **o: Any) -> Any:
    return right_block(self, tokens, image, tokens_pos if self.first else 0 * tokens_pos, image_pos, **o)


def rows_of_other_labels(labels: ndarray, table: ndarray) -> Any:
    return right_embedding(np.where(labels == 2, 3, np.where(labels == 3, 2, labels)), table)


def ignored_as_no_point(labels: ndarray, table: ndarray) -> Any:
    return right_embedding(np.maximum(labels, 1), table)


def cut_without_filling(self: RelativeWindowAttention, x: ndarray, **options: Any) -> Any:
    """Zeros in place of the last row of the map, too."""
    return right_attention(self, np.pad(x[:, :-1], ((0, 0), (0, 1), (0, 0), (0, 0))), **options)


right_attention = RelativeWindowAttention.forward
MISTAKES: dict[str, tuple[str, str, Any]] = {
    "rows for columns": (
        "hf_sam_boxes",
        "models.sam.joined_prompts",
        moved(lambda it: it._replace(points=it.points[..., ::-1].copy())),
    ),
    "corners of pixels, not their middles": (
        "hf_sam_boxes",
        "models.sam.joined_prompts",
        moved(lambda it: it._replace(points=it.points - 0.5)),
    ),
    "no padding behind points": ("hf_sam_several", "models.sam.joined_prompts", moved(without_padding)),
    "corners exchanged": (
        "hf_sam_boxes",
        "models.sam.joined_prompts",
        moved(lambda it: it._replace(labels=it.labels[..., ::-1].copy())),
    ),
    "clicks on and beside exchanged": (
        "hf_sam_several",
        "layers.prompt_encoder.embedding_forward",
        rows_of_other_labels,
    ),
    "what is to be ignored taken for no point": (
        "hf_sam_several",
        "layers.prompt_encoder.embedding_forward",
        ignored_as_no_point,
    ),
    "cosines first": ("hf_sam_boxes", "layers.prompt_encoder.fourier_features_forward", waves(swapped_halves)),
    "waves without 2 pi": (
        "hf_sam_nothing",
        "layers.prompt_encoder.fourier_features_forward",
        lambda x, frequencies: right_features(x, frequencies / (2 * np.pi)),
    ),
    "a way around the first attention": ("hf_sam_nothing", "layers.two_way_block.TwoWayBlock.forward", later_block),
    "no block with a way around": ("hf_sam_nothing", "layers.two_way_block.TwoWayBlock.forward", every_block_first),
    "positions in the first block alone": (
        "hf_sam_nothing",
        "layers.two_way_block.TwoWayBlock.forward",
        positions_only_once,
    ),
    "the last row cut off": (
        "hf_sam_nothing",
        "layers.relative_window_attention.RelativeWindowAttention.forward",
        cut_without_filling,
    ),
    "the tanh of GELU": ("hf_sam_several", "layers.basic.ACTIVATIONS", {"gelu": OPS["gelu_tanh"], "relu": OPS["relu"]}),
}


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_show_beside_transformers(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, place, wrong = MISTAKES[mistake]
    case = Case(name)

    def error() -> float:
        ours, _ = with_weights(case, load_hf)
        y, _ = asked(ours, case)
        return float(np.abs(y.masks - case["out/masks"]).max())

    assert error() < 1e-10
    monkeypatch.setattr(f"minivit.{place}", wrong)
    assert error() > 1e-5
