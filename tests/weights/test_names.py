"""Names in checkpoints: prefixes, and the likeliest reason why names do not fit."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray

from minivit.models import ViT
from minivit.weights import load_google, load_hf, load_timm, to_timm
from minivit.weights.names import listed, prefix_of
from tests.sampled import REST

from .test_loaders import CONFIG, LOADERS, assert_refuses, assert_same, checkpoint, each_loader

QKV_BIAS = r"(qkv|query|key|value|[qkv]_proj)[./]bias"
PREFIXES = ["module.", "model.", "_orig_mod.", "state_dict.", "ema.", "encoder.", "backbone.", "net._orig_mod.module."]


def prefixed(prefix: str, arrays: dict[str, ndarray]) -> dict[str, ndarray]:
    return {prefix + name: array for name, array in arrays.items()}


def tree(arrays: dict[str, ndarray], separator: str) -> dict[str, Any]:
    """The arrays in a nest of dicts."""
    root: dict[str, Any] = {}
    for name, array in arrays.items():
        *parts, last = name.split(separator)
        node = root
        for part in parts:
            node = node.setdefault(part, {})
        node[last] = array
    return root


@each_loader
@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_stands_in_front_of_all_names_is_removed_and_said(fixture: str, load: Callable, prefix: str) -> None:
    model, again = ViT(**CONFIG), ViT(**CONFIG)
    load(model, checkpoint(fixture))
    with pytest.warns(UserWarning, match=f"names begin with '{re.escape(prefix)}'$"):
        load(again, prefixed(prefix, checkpoint(fixture)))
    assert_same(model, again)


@pytest.mark.parametrize("prefix", ["opt/target/", "params/", "params/img/"])
def test_prefixes_of_google(prefix: str) -> None:
    model, again = ViT(**CONFIG), ViT(**CONFIG)
    load_google(model, checkpoint("timm_google"))
    with pytest.warns(UserWarning, match=f"names begin with '{prefix}'$"):
        load_google(again, prefixed(prefix, checkpoint("timm_google")))
    assert_same(model, again)


@given(st.lists(st.text("abc_.", min_size=1, max_size=6), max_size=3))
def test_any_prefix_is_found(parts: list[str]) -> None:
    names = list(to_timm(ViT(**CONFIG)))
    prefix = "".join(f"{part}." for part in parts)
    assert prefix_of([prefix + name for name in names], set(names)) == (prefix, len(names))


def test_a_nest_of_mappings_is_joined_by_the_separator_of_the_family() -> None:
    """What torch.load gives of a training, and what Flax has in memory."""
    model, again = ViT(**CONFIG), ViT(**CONFIG)
    arrays = checkpoint("timm_vit_token")
    load_timm(model, arrays)
    optimizer = {"state": {0: {"exp_avg": np.zeros(3)}}, "param_groups": [{"lr": 1e-3}]}
    nest = {"epoch": 3, "args": None, "optimizer": optimizer, "state_dict": prefixed("module.", arrays)}
    said = "begin with 'state_dict.module.' and left 'args', 'epoch', 'optimizer.param_groups' and 1 more aside"
    with pytest.warns(UserWarning, match=re.escape(said)):
        load_timm(again, nest)
    assert_same(model, again)

    load_google(model, checkpoint("timm_google"))
    with pytest.warns(UserWarning, match="begin with 'params/'"):
        load_google(again, {"params": tree(checkpoint("timm_google"), "/")})
    assert_same(model, again)


@each_loader
@pytest.mark.parametrize("prefixes", [("model.", "model_ema."), ("", "ema."), ("student.module.", "teacher.")])
def test_weights_that_are_there_twice_are_refused(fixture: str, load: Callable, prefixes: tuple[str, str]) -> None:
    arrays = prefixed(prefixes[0], checkpoint(fixture)) | prefixed(prefixes[1], checkpoint(fixture))
    message = f"holds these weights 2 times, with {listed(prefixes)} in front of their names: pass the arrays of one"
    assert_refuses(load, ViT(**CONFIG), arrays, ValueError, re.escape(message))


def test_a_head_elsewhere_is_missing_or_left_aside() -> None:
    arrays = checkpoint("timm_vit_token")
    arrays = {name if name.startswith("head") else f"backbone.{name}": array for name, array in arrays.items()}
    message = "arrays 'backbone.head.bias', 'backbone.head.weight' are missing: .*keep_head=True"
    assert_refuses(load_timm, ViT(**CONFIG), arrays, KeyError, message)
    with pytest.warns(UserWarning, match="'backbone.' and left 'head.bias', 'head.weight' aside"):
        load_timm(ViT(**CONFIG), arrays, keep_head=True)


def test_names_without_a_separator_are_no_prefix() -> None:
    arrays = prefixed("module_", checkpoint("timm_vit_token"))
    assert_refuses(load_timm, ViT(**CONFIG), arrays, KeyError, "29 more are missing .* not the weights of this model")


OPTIONS = {
    "class_token": [{"global_pool": "avg", "fc_norm": False}, {"class_token": False}],
    "fc_norm": [{"global_pool": "avg", "fc_norm": True}, {"fc_norm": False}],
    "qkv_bias": [{"qkv_bias": True}, {"qkv_bias": False}],
    "distilled": [{"distilled": True}, {"distilled": False}],
    "depth": [{"depth": 5}, {"depth": 1}],
}


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("turn", [1, -1])
def test_an_option_that_differs_is_named(option: str, turn: int) -> None:
    """As it would have to be set: the checkpoint knows."""
    first, second = OPTIONS[option]
    theirs, ours = ({**CONFIG, **first}, {**CONFIG, **first, **second})[::turn]
    arrays = to_timm(ViT(**theirs))
    wanted = ViT(**theirs).config[option]
    for prefix in ("", "module."):
        message = f"build .* with {option}={wanted}"
        assert_refuses(load_timm, ViT(**ours), prefixed(prefix, arrays), KeyError, message)


@each_loader
def test_biases_that_the_model_lacks_are_named(fixture: str, load: Callable) -> None:
    model = ViT(**CONFIG, qkv_bias=False)
    assert_refuses(load, model, checkpoint(fixture), KeyError, "biases of queries, .* build .* with qkv_bias=True")
    arrays = {name: array for name, array in checkpoint(fixture).items() if not re.search(QKV_BIAS, name)}
    load(model, arrays)
    assert_refuses(load, ViT(**CONFIG), arrays, KeyError, "no biases of queries, .* build .* with qkv_bias=False")


def test_a_head_that_only_one_has_is_named() -> None:
    headless = ViT(**{**CONFIG, "num_classes": 0})
    assert_refuses(load_timm, ViT(**CONFIG), to_timm(headless), KeyError, "has no head: keep_head=True keeps")
    assert_refuses(load_timm, headless, to_timm(ViT(**CONFIG)), KeyError, "model has no head: keep_head=True leaves")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("blocks.0.ls1.gamma", "layer scale"),
        ("encoder.layer.0.layer_scale1.lambda1", "layer scale"),
        ("blocks.0.gamma_1", "layer scale"),
        ("reg_token", "register tokens"),
        ("embeddings.register_tokens", "register tokens"),
        ("blocks.0.mlp.w12.weight", "gated MLPs"),
        ("encoder.layer.0.mlp.weights_in.weight", "gated MLPs"),
        ("blocks.0.attn.q_norm.weight", "norms of queries and keys"),
        ("blocks.0.attn.relative_position_bias_table", "tables of relative positions"),
        ("decoder_blocks.0.norm1.weight", "a decoder"),
        ("bn.num_batches_tracked", "batch norms"),
    ],
)
@each_loader
def test_a_part_that_the_model_lacks_is_named(fixture: str, load: Callable, name: str, part: str) -> None:
    arrays = {**checkpoint(fixture), name: np.zeros(())}
    message = f"array '{name}' has no place in this model: the checkpoint has {part}.*, which this model does not"
    assert_refuses(load, ViT(**CONFIG), arrays, KeyError, message)


@each_loader
def test_weights_for_another_loader_are_named(fixture: str, load: Callable) -> None:
    for other in LOADERS:
        if other != fixture:
            message = f"these are weights for {LOADERS[other].__name__}"
            assert_refuses(load, ViT(**CONFIG), checkpoint(other), KeyError, message)


@each_loader
def test_nothing_and_nonsense(fixture: str, load: Callable) -> None:
    assert_refuses(load, ViT(**CONFIG), {}, KeyError, "more are missing: these are not the weights of this model")
    nonsense: Any = {"": None, "epoch": "one", "optimizer": {0: []}}
    assert_refuses(load, ViT(**CONFIG), nonsense, KeyError, "arrays '', 'epoch', 'optimizer.0' have no place")


def test_half_of_the_names_behind_a_prefix_is_no_prefix() -> None:
    arrays = {f"module.{name}" if i % 2 else name: a for i, (name, a) in enumerate(checkpoint("hf_vit").items())}
    assert_refuses(
        load_hf, ViT(**CONFIG), arrays, KeyError, "missing and arrays 'module.* have no place in this model.?$"
    )


@REST
def test_hostile_names_take_no_time() -> None:
    """Every dot might end a prefix, every digit count blocks."""
    arrays = {**checkpoint("hf_vit"), "." * 10**6: np.zeros(3), f"blocks.{'9' * 10**6}.x": np.zeros(3)}
    assert_refuses(load_hf, ViT(**CONFIG), arrays, KeyError, "have no place in this model")
