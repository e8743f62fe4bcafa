"""Attention inside of convolutional networks: the same numbers as PyTorch's, by tools/_cnn_attention.py."""

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pytest
from numpy import ndarray

from minivit.layers import Layer, frozen
from minivit.layers.attention_conv import AttentionConv
from minivit.layers.augmented_conv import AugmentedConv
from minivit.layers.local_relation import LocalRelation
from minivit.layers.non_local import SAGANAttention
from minivit.models.non_local import FORMS
from minivit.weights.torch_layout import from_torch
from tests.test_parity import Case, assert_gradient, assert_output, assert_parameters, channels_last


def loaded(layer: Layer, arrays: dict[str, ndarray], key: str) -> Layer:
    """With the arrays of this layer, by PyTorch's names and in its order of axes; averages that are not there stay."""
    layer.init(0, "float64")
    for name, param in layer.named_state().items():
        if param.learned or f"{key}.{name}" in arrays:
            param.value = from_torch(arrays[f"{key}.{name}"], param)
    return layer


def assert_layers(case: Case, make: Mapping[str, Callable[[], Layer]]) -> None:
    """Each layer's output, the gradients of its parameters, and the sum of the gradients of the one input."""
    x, dx = channels_last(case["in/x"]), 0
    assert {f"out/{key}" for key in make} == {key for key in case.arrays if key.startswith("out/")}
    for key, layer in make.items():
        ours = frozen(loaded(layer(), case.part("param") | case.part("const"), key))
        theirs = loaded(layer(), case.part("gparam"), key)
        y, cache = ours.forward(x)
        assert_output(y, channels_last(case[f"out/{key}"]))
        dx = dx + ours.backward(channels_last(case[f"cot/{key}"]), cache)
        assert_parameters(ours, theirs)
    assert_gradient(np.asarray(dx), channels_last(case["gin/x"]))


def test_non_local() -> None:
    case = Case("non_local")
    make = {key: partial(FORMS[options.pop("form")], 8, 3, **options) for key, options in case.meta["options"].items()}
    assert_layers(case, make | {"sagan": lambda: SAGANAttention(8)})


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_compared(form: str) -> None:
    assert f"out/{form}" in Case("non_local").arrays


def test_augmented_conv() -> None:
    case = Case("augmented_conv")
    assert_layers(case, {key: partial(AugmentedConv, 3, 9, **o) for key, o in case.meta["options"].items()})


def test_local_attention() -> None:
    """SASA's layer, and LR-Net's."""
    case = Case("local_attention")
    make = {key: partial(AttentionConv, 6, 4, **o) for key, o in case.meta["options"].items() if "num_heads" in o}
    make |= {key: partial(LocalRelation, 6, 6, **o) for key, o in case.meta["options"].items() if key not in make}
    assert_layers(case, make)
