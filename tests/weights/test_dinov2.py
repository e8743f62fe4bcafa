"""Weights of DINOv2 and DeiT III; that the models compute the same is in tests/test_parity.py."""

import re
import warnings
from typing import Any

import numpy as np
import pytest
from numpy import ndarray

from minivit.models import ViT
from minivit.weights import load_google, load_hf, load_timm, resample_abs_pos_embed, to_hf, to_timm

from .test_loaders import assert_refuses, assert_same

OPTIONS: dict[str, Any] = {"img_size": 8, "patch_size": 2, "embed_dim": 12, "depth": 2, "num_heads": 3}
OPTIONS |= {"mlp_ratio": 2.0, "num_classes": 0, "init_values": 0.5}
MASK = "left .*embeddings.mask_token' aside: it stood for patches that were hidden in training"


def of_transformers(**options: Any) -> dict[str, ndarray]:
    return {name.removeprefix("dinov2."): array for name, array in to_hf(ViT(**{**OPTIONS, **options}, seed=1)).items()}


@pytest.mark.parametrize("front", ["", "dinov2.", "backbone.", "model.dinov2."])
@pytest.mark.parametrize("older", [False, True])
def test_names_of_all_kinds_of_files(front: str, older: bool) -> None:
    """The mask token of its training is left aside, and that is said."""
    arrays = {}
    for name, array in {**of_transformers(), "embeddings.mask_token": np.zeros((1, 12))}.items():
        for part in ("query", "key", "value") if older else ():
            name = name.replace(f"attention.{part[0]}_proj", f"attention.attention.{part}")
        arrays[front + (name.replace("o_proj", "output.dense") if older else name)] = array
    model = ViT(**OPTIONS, seed=2)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        load_hf(model, arrays)
    assert any(re.match(MASK, str(warning.message)) for warning in said)
    assert_same(model, ViT(**OPTIONS, seed=1))


@pytest.mark.parametrize("img_size", [(8, 8), (4, 16), (10, 6), (32, 32)])
def test_positions_of_other_sizes(img_size: tuple[int, int]) -> None:
    """As each library resamples them, and the class token's is left alone, and registers have none or their own."""
    grid = (img_size[0] // 2, img_size[1] // 2)
    options: dict[str, Any] = {**OPTIONS, "img_size": img_size}
    old = ViT(**OPTIONS, seed=1).pos_embed.value
    model = ViT(**options)
    load_hf(model, of_transformers())
    expected = resample_abs_pos_embed(old, grid, antialias=False)
    np.testing.assert_array_equal(model.pos_embed.value, expected)
    np.testing.assert_array_equal(model.pos_embed.value[:, 0], old[:, 0])
    for more, front in (({"reg_tokens": 3}, 4), ({"reg_tokens": 3, "no_embed_class": True}, 0)):
        trained, model = ViT(**OPTIONS, **more, seed=1), ViT(**options, **more)
        load_timm(model, to_timm(trained), grid=(4, 4))
        expected = resample_abs_pos_embed(trained.pos_embed.value, grid, num_prefix_tokens=front)
        np.testing.assert_array_equal(model.pos_embed.value, expected)
        np.testing.assert_array_equal(model.pos_embed.value[:, :front], trained.pos_embed.value[:, :front])
        assert trained.reg_token is not None
        assert model.reg_token is not None
        np.testing.assert_array_equal(model.reg_token.value, trained.reg_token.value)


def test_a_classifier_that_reads_class_token_and_mean() -> None:
    """It is left aside with ``keep_head``, and otherwise refused, however many classes there are."""
    arrays = {f"dinov2.{name}": array for name, array in of_transformers().items()}
    arrays |= {"classifier.weight": np.zeros((5, 24)), "classifier.bias": np.zeros(5)}
    with_head = ViT(**{**OPTIONS, "num_classes": 5})
    message = r"'classifier\.weight' has shape \(5, 24\); this model expects \(5, 12\): .* two tokens beside each other"
    assert_refuses(load_hf, with_head, arrays, ValueError, message)
    assert_refuses(load_hf, ViT(**OPTIONS), arrays, KeyError, "the model has no head: keep_head=True leaves")
    for model in (with_head, ViT(**OPTIONS)):
        load_hf(model, arrays, keep_head=True)
        np.testing.assert_array_equal(model.blocks[1].ls2.gamma.value, ViT(**OPTIONS, seed=1).blocks[1].ls2.gamma.value)
    body = {name: array for name, array in arrays.items() if not name.startswith("classifier")}
    assert_refuses(load_hf, with_head, body, KeyError, "the checkpoint has no head: keep_head=True keeps the model's")
    with pytest.raises(ValueError, match=r"reads class token and mean .* without a head \(num_classes=0\)"):
        to_hf(with_head)


@pytest.mark.parametrize("load", [load_hf, load_timm])
def test_gated_mlps_are_refused(load: Any) -> None:
    """Those of the giant: w12 and w3 of its own files, weights_in and weights_out of transformers."""
    names = {load_hf: "encoder.layer.0.mlp.weights_in.weight", load_timm: "blocks.0.mlp.w12.weight"}
    arrays = of_transformers() if load is load_hf else to_timm(ViT(**OPTIONS))
    arrays = {name: array for name, array in arrays.items() if "mlp.fc1" not in name}
    arrays[names[load]] = np.zeros((48, 12))
    assert_refuses(
        load, ViT(**OPTIONS), arrays, KeyError, r"the checkpoint has gated MLPs \(SwiGLU\), which this model"
    )


@pytest.mark.parametrize(
    ("model", "trained", "message"),
    [
        (
            {"init_values": None},
            {},
            "layer scale, which this model does not: build it with init_values=1e-5",
        ),
        ({}, {"init_values": None}, "the checkpoint has no layer scale: build the model with init_values=None"),
        (
            {},
            {"reg_tokens": 4},
            "register tokens, which this model does not: build it with as many reg_tokens",
        ),
        ({"reg_tokens": 4}, {}, "the checkpoint has no register tokens: build the model with reg_tokens=0"),
    ],
)
def test_options_that_differ_are_named(model: dict, trained: dict, message: str) -> None:
    arrays = to_timm(ViT(**{**OPTIONS, **trained}))
    assert_refuses(load_timm, ViT(**{**OPTIONS, **model}), arrays, KeyError, message)


def test_layer_scale_of_transformers_is_named() -> None:
    model = ViT(**{**OPTIONS, "init_values": None})
    assert_refuses(load_hf, model, of_transformers(), KeyError, "this model does not: build it with init_values")


def test_positions_that_some_tokens_have_and_others_do_not() -> None:
    with_class, without = (ViT(**OPTIONS, no_embed_class=flag) for flag in (False, True))
    message = r"positions for 15 patches .* \(of a ViT, no_embed_class=True needs none\)"
    assert_refuses(load_timm, with_class, to_timm(without), ValueError, message)
    message = r"positions for 17 patches .* \(of a ViT, no_embed_class=False has\)"
    assert_refuses(load_timm, without, to_timm(with_class), ValueError, message)
    message = r"array 'reg_token' has shape \(1, 4, 12\); this model expects \(1, 2, 12\)"
    arrays = to_timm(ViT(**OPTIONS, reg_tokens=4, no_embed_class=True))
    assert_refuses(load_timm, ViT(**OPTIONS, reg_tokens=2, no_embed_class=True), arrays, ValueError, message)


@pytest.mark.parametrize("options", [{"reg_tokens": 2}, {"no_embed_class": True}])
def test_what_transformers_do_otherwise_is_refused(options: dict) -> None:
    model = ViT(**OPTIONS, **options)
    message = "transformers add a position to the class token and none to registers.*by load_timm"
    assert_refuses(load_hf, model, of_transformers(), ValueError, message)
    with pytest.raises(ValueError, match=message):
        to_hf(model)
    distilled = ViT(**{**OPTIONS, "num_classes": 3}, distilled=True)
    assert_refuses(load_hf, distilled, of_transformers(), ValueError, "no distilled model with LayerScale")
    message = "load_google knows no name for 'blocks.0.ls1.gamma'"
    google = ViT(**OPTIONS, act_layer="gelu_tanh")
    assert_refuses(load_google, google, {"cls": np.zeros((1, 1, 12))}, ValueError, message)


def test_weights_for_the_other_loader_are_recognised() -> None:
    assert_refuses(load_timm, ViT(**OPTIONS), of_transformers(), KeyError, "these are weights for load_hf")
    assert_refuses(load_hf, ViT(**OPTIONS), to_timm(ViT(**OPTIONS)), KeyError, "these are weights for load_timm")
