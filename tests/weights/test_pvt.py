"""Weights of both versions of the Pyramid Vision Transformer, under all their names."""

from typing import Any

import numpy as np
import pytest

from minivit.models import PVT, PVTv2
from minivit.weights import load_any, load_hf, load_timm, resample_abs_pos_embed, to_hf, to_timm
from tests.models.test_pvt import BOTH

from .test_loaders import assert_refuses, assert_same

BLOCK = ["norm1", "attn.q", "attn.kv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"]
REDUCED = [*BLOCK, "attn.sr", "attn.norm"]
V1 = {"patch_embed1": ["proj", "norm"], "block1.0": REDUCED, "block1.1": REDUCED, "patch_embed2": ["proj", "norm"]}
V1 |= {"block2.0": BLOCK}
CONV = ["mlp.dwconv.dwconv"]
V2 = {"patch_embed1": ["proj", "norm"], "block1.0": REDUCED + CONV, "block1.1": REDUCED + CONV}
V2 |= {"patch_embed2": ["proj", "norm"], "block2.0": BLOCK + CONV}
LAYERS = {"PVT": [*(f"{front}.{part}" for front, parts in V1.items() for part in parts), "norm", "head"]}
LAYERS["PVTv2"] = [*(f"{front}.{part}" for front, parts in V2.items() for part in parts), "norm1", "norm2", "head"]
OFFICIAL = {
    name: {f"{layer}.{kind}" for layer in layers for kind in ("weight", "bias")} for name, layers in LAYERS.items()
}
OFFICIAL["PVT"] |= {"pos_embed1", "pos_embed2", "cls_token"}
MODELS: dict[str, Any] = {"PVT": PVT, "PVTv2": PVTv2}
each_version = pytest.mark.parametrize("name", BOTH)


def official(name: str, arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The same weights under the names of the authors' code, stage by stage."""
    renamed = {}
    for key, array in arrays.items():
        for stage in (0, 1):
            key = key.replace(f"stages.{stage}.blocks.", f"block{stage + 1}.")
            key = key.replace(f"stages.{stage}.downsample", f"patch_embed{stage + 1}")
            key = key.replace(f"stages.{stage}.patch_embed", f"patch_embed{stage + 1}")
            key = key.replace(f"stages.{stage}.pos_embed", f"pos_embed{stage + 1}")
            key = key.replace(f"stages.{stage}.norm", f"norm{stage + 1}").replace(f"stages.{stage}.", "")
        renamed[key.replace("patch_embed.", "patch_embed1.").replace("dwconv", "dwconv.dwconv")] = array
    return renamed


@each_version
def test_official_names(name: str) -> None:
    model, other = (MODELS[name](**BOTH[name], seed=seed) for seed in (0, 1))
    arrays = official(name, to_timm(other))
    assert arrays.keys() == OFFICIAL[name]
    load_timm(model, arrays)
    assert_same(model, other)


@each_version
@pytest.mark.parametrize("back", [to_timm, to_hf])
def test_weights_come_back(name: str, back: Any) -> None:
    model, again = (MODELS[name](**BOTH[name], seed=seed) for seed in (0, 1))
    load_any(again, back(model))
    assert_same(model, again)


@each_version
def test_a_body_alone(name: str) -> None:
    """As ``PvtModel`` and ``PvtV2Model`` write it."""
    model, other = (MODELS[name](**BOTH[name], seed=seed) for seed in (0, 1))
    arrays = {key.removeprefix("pvt.").removeprefix("pvt_v2."): array for key, array in to_hf(other).items()}
    body = {key: array for key, array in arrays.items() if not key.startswith("classifier")}
    assert all(key.startswith("encoder.") for key in body)
    assert_refuses(load_hf, model, body, KeyError, "keep_head=True")
    load_hf(model, body, keep_head=True)
    other.head.load_state_dict(model.head.state_dict())
    assert_same(model, other)


@each_version
def test_another_number_of_classes(name: str) -> None:
    model, other = MODELS[name](**BOTH[name]), MODELS[name](**{**BOTH[name], "num_classes": 7})
    assert_refuses(load_timm, model, to_timm(other), ValueError, "is for 7 classes, the model for 5")
    load_timm(model, to_timm(other), keep_head=True)


@pytest.mark.parametrize(("back", "load"), [(to_timm, load_timm), (to_hf, load_hf)])
def test_a_grid_is_that_of_the_first_stage(back: Any, load: Any) -> None:
    """A checkpoint of 9 x 14 pixels has maps of 4 x 7 and 2 x 3: no squares, so they must be given, once."""
    checkpoint = back(PVT(**BOTH["PVT"]))
    model = PVT(**{**BOTH["PVT"], "img_size": 16})
    assert_refuses(load, model, checkpoint, ValueError, "positions for 28 patches make no square grid")
    load(model, checkpoint, grid=(4, 7))
    for stage, table in zip(model.stages, ("stages.0.pos_embed", "stages.1.pos_embed"), strict=True):
        grid, ours = ((4, 7), (2, 3))["1" in table], to_timm(PVT(**BOTH["PVT"]))[table]
        fitting = resample_abs_pos_embed(
            ours,
            stage.map_size,
            grid,
            num_prefix_tokens=int("1" in table),
            interpolation="bilinear",
            antialias=False,
        )
        np.testing.assert_allclose(stage.pos_embed.value, fitting, rtol=1e-6)
    assert_refuses(
        lambda *args: load(*args, grid=(3, 7)), model, checkpoint, ValueError, "28 patches make no grid of 3 x 7"
    )


def test_weights_of_the_other_version() -> None:
    first, second = (MODELS[name](**BOTH[name]) for name in BOTH)
    for back, load in ((to_timm, load_timm), (to_hf, load_hf)):
        assert_refuses(load, first, back(second), KeyError, "inside its MLPs, as PVT v2 has, which this")
        assert_refuses(load, second, back(first), KeyError, "as PVT has, the first version, which this")


def test_attention_of_linear_cost_is_another_model() -> None:
    linear, plain = PVTv2(**BOTH["PVTv2"], linear=True), PVTv2(**BOTH["PVTv2"])
    for back, load in ((to_timm, load_timm), (to_hf, load_hf)):
        assert_refuses(load, plain, back(linear), KeyError, r"of linear cost \(as b2_li has\): .* with linear=True")
        assert_refuses(load, linear, back(plain), KeyError, "no attention of linear cost: .* with linear=False")


def test_other_ratios_of_spatial_reduction_are_named() -> None:
    for name, options in BOTH.items():
        with_keys_reduced, without = (MODELS[name](**{**options, "sr_ratios": ratios}) for ratios in ((2, 1), (1, 1)))
        for back, load in ((to_timm, load_timm), (to_hf, load_hf)):
            assert_refuses(load, without, back(with_keys_reduced), KeyError, "its sr_ratios")
            assert_refuses(load, with_keys_reduced, back(without), KeyError, "its sr_ratios")


@each_version
@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"depths": (1, 2)},
            KeyError,
            r"stages have \(2, 1\) blocks, the model's \(1, 2\): build it with depths=\(2, 1\)",
        ),
        ({"qkv_bias": False}, KeyError, "has biases of queries, keys and values: build the model with qkv_bias=True"),
        ({"sr_ratios": (1, 1)}, KeyError, "have no place in this model"),
        ({"sr_ratios": (3, 1)}, ValueError, r"has shape \(4, 4, 2, 2\); this model expects \(4, 4, 3, 3\)"),
    ],
    ids=str,
)
def test_a_checkpoint_of_another_model(name: str, options: dict[str, Any], error: Any, message: str) -> None:
    model, other = MODELS[name](**{**BOTH[name], **options}), MODELS[name](**BOTH[name])
    assert_refuses(load_timm, model, to_timm(other), error, message)
