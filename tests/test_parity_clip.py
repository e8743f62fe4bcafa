"""CLIP, forward and backward, as transformers and OpenAI compute it: see tools/_clip.py."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit import ops
from minivit.layers import Identity, MaxPool2d, frozen
from minivit.layers.text_tower import TextTower
from minivit.models.clip import CLIPOutputs
from minivit.ops import add_positions_forward, prepend_mean_forward
from minivit.weights import load_hf, load_torch, to_hf
from tests.test_parity import Case, assert_gradient, assert_output, assert_parameters, channels_last

CASES: dict[str, tuple[Callable, bool]] = {
    "hf_clip": (load_hf, True),
    "hf_clip_gelu": (load_hf, True),
    "openai_clip_resnet": (load_torch, False),
    "openai_clip_resnet_train": (load_torch, False),
}


def build(name: str) -> tuple[Case, mv.models.CLIP, mv.models.CLIP]:
    """A case, our model with its weights, and one with the gradients that are expected in place of weights."""
    case, load = Case(name), CASES[name][0]
    model, expected = (mv.models.CLIP(**case.meta["config"], dtype="float64") for _ in range(2))
    averages = {key: a for key, a in case.part("const").items() if key != "tokens"}
    load(model, case.part("param") | averages)
    load(expected, case.part("gparam") | averages)
    return case, model, expected


def loss_and_gradients(outputs: CLIPOutputs, case: Case) -> tuple[dict[str, Any], CLIPOutputs]:
    """What the case asks for, and the gradient of the outputs for its cotangents."""
    logits, c_logits = ops.scaled_similarities_forward(*outputs)
    found: dict[str, Any] = {"logits": logits, "image": outputs.image, "text": outputs.text}
    dlogits = case["cot/logits"]
    if "loss" in case.part("out"):
        found["loss"], c_loss = ops.symmetric_cross_entropy_forward(logits)
        dlogits = dlogits + ops.symmetric_cross_entropy_backward(case["cot/loss"], c_loss).logits
    dimage, dtext, dscale = ops.scaled_similarities_backward(dlogits, c_logits)
    return found, CLIPOutputs(dimage + case["cot/image"], dtext + case["cot/text"], dscale)


@pytest.mark.parametrize("name", CASES)
def test_clip(name):
    case, model, expected = build(name)
    x, tokens = channels_last(case["in/x"]), case["const/tokens"]
    net = model if case.meta.get("train") else frozen(model)
    outputs, cache = net.forward(x, tokens)
    found, doutputs = loss_and_gradients(outputs, case)
    for key, ours in found.items():
        assert_output(ours, case[f"out/{key}"])
    dx, dtokens = net.backward(doutputs, cache)
    assert dtokens is None
    assert_gradient(dx, channels_last(case["gin/x"]))
    assert_parameters(net, expected)


@pytest.mark.parametrize("name", [name for name, (_, back) in CASES.items() if back])
def test_weights_are_given_back(name):
    case, model, _ = build(name)
    back = to_hf(model)
    assert back.keys() == case.part("param").keys()
    for key, array in back.items():
        np.testing.assert_array_equal(array, case[f"param/{key}"])


def left_out(part: str) -> Callable:
    """A mistake in a model: one of its norms is not there."""
    return lambda model, patch: setattr(getattr(model, part), "norm_pre" if part == "visual" else "norm", Identity())


def text_at(place: Callable) -> Callable:
    """A mistake: the features of a text are those of another token."""
    return lambda model, patch: patch.setattr(TextTower, "ends", lambda self, tokens: place(tokens))


def replaced(name: str, wrong: Any) -> Callable:
    """A mistake in a function that a module calls."""
    return lambda model, patch: patch.setattr(f"minivit.{name}", wrong)


class NoMask:
    """NumPy, where every token sees every other."""

    def __getattr__(self, name: str) -> Any:
        return (lambda N, **options: np.ones((N, N), bool)) if name == "tri" else getattr(np, name)


def mean_last(x: Any) -> Any:
    y, cache = prepend_mean_forward(x)
    return np.roll(y, -1, 1), cache


def no_place_for_the_mean(x: Any, table: Any) -> Any:
    return add_positions_forward(x, np.concatenate((0 * table[:1], table[1:])))


def max_in_the_stem(model: Any, patch: Any) -> None:
    model.visual.maxpool = MaxPool2d(2, stride=2)


def strides_in_blocks(model: Any, patch: Any) -> None:
    block = model.visual.layer2[0]
    block.avgpool, block.conv2.stride = Identity(), 2


def pool_behind_the_shortcut(model: Any, patch: Any) -> None:
    block = model.visual.layer2[0]
    block.downsample[0], block.downsample[1].stride = Identity(), 2


def other_activation(model: Any, patch: Any) -> None:
    for tower in (model.text, model.visual):
        for block in tower.blocks:
            block.mlp.act = ops.OPS["gelu"]


MISTAKES: dict[str, tuple[str, Callable]] = {
    "every token of a text sees every other": ("hf_clip", replaced("layers.text_tower.np", NoMask())),
    "the last token for the end": ("hf_clip", text_at(lambda tokens: np.full(len(tokens), tokens.shape[1] - 1))),
    "the highest token for the end": ("hf_clip", text_at(lambda tokens: tokens.argmax(1))),
    "the last end, not the first": (
        "hf_clip",
        text_at(lambda tokens: tokens.shape[1] - 1 - (tokens == 11)[:, ::-1].argmax(1)),
    ),
    "no norm in front of the blocks": ("hf_clip", left_out("visual")),
    "no norm behind the text's": ("hf_clip", left_out("text")),
    "another activation": ("hf_clip", other_activation),
    "vectors of any length": ("hf_clip", replaced("models.clip.unit_vectors_forward", lambda x: (x, None))),
    "means by their largest number": ("openai_clip_resnet", max_in_the_stem),
    "a stride in place of means": ("openai_clip_resnet", strides_in_blocks),
    "a stride on the way past": ("openai_clip_resnet", pool_behind_the_shortcut),
    "the last place asks": ("openai_clip_resnet", replaced("layers.attention_pool.prepend_mean_forward", mean_last)),
    "the mean has no place": (
        "openai_clip_resnet",
        replaced("layers.attention_pool.add_positions_forward", no_place_for_the_mean),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_forward_show(mistake, monkeypatch):
    name, make = MISTAKES[mistake]
    case, model, _ = build(name)

    def error() -> float:
        outputs, _ = frozen(model).forward(channels_last(case["in/x"]), case["const/tokens"])
        pairs = (outputs.image, case["out/image"]), (outputs.text, case["out/text"])
        return max(np.abs(ours - theirs).max() for ours, theirs in pairs)

    assert error() < 1e-10
    make(model, monkeypatch)
    assert error() > 1e-3
