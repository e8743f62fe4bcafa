"""CLIP, forward and backward, as transformers and OpenAI compute it: see tools/_clip.py."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit import ops
from minivit.layers import frozen
from minivit.models.clip import CLIPOutputs
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
