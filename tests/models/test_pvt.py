"""Both versions of the Pyramid Vision Transformer."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.models import PRESETS, PVT, PVTv2
from tests import facts
from tests.models import test_pvt_v2
from tests.sampled import REST
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {"img_size": (9, 14), "patch_size": 2, **test_pvt_v2.STAGES}  # some pixels are not seen
BOTH: dict[str, dict[str, Any]] = {"PVT": SMALL, "PVTv2": test_pvt_v2.SMALL}
each_version = pytest.mark.parametrize("name", BOTH)
IMAGES = RNG.standard_normal((2, 9, 14, 3))


def small(name: str, **options: Any) -> Any:
    return mv.models.MODELS[name](**{**BOTH[name], **options})


@pytest.mark.sampled(every=0, rest=4)
@pytest.mark.parametrize("name", facts.PVT)
@without_annotations
def test_parameters_and_macs(name: str) -> None:
    estimate = mv.cost.estimate(name)
    assert (estimate.params, estimate.macs_forward) == facts.PVT[name]


def test_no_preset_is_forgotten() -> None:
    ours = {name for name, (kind, _) in PRESETS.items() if kind in (PVT, PVTv2) and not name.endswith("_32")}
    assert ours == {*facts.PVT}


def test_number_of_parameters_by_hand() -> None:
    v1 = v2 = 0
    before, stages = 3, [(32, 2, 4, 4, 16 * 16), (64, 2, 2, 4, 8 * 8), (128, 2, 1, 2, 1 + 4 * 4)]
    for D, depth, R, ratio, positions in stages:
        F, P = D * ratio, 2
        norm, reduction = 2 * D, (R * R * D * D + D + 2 * D if R > 1 else 0)
        block = 2 * norm + D * D + D + 2 * (D * D + D) + reduction + D * D + D + D * F + F + F * D + D
        v1 += P * P * before * D + D + norm + positions * D + depth * block
        v2 += 3 * 3 * before * D + D + norm + depth * (block + 9 * F + F) + norm
        before = D
    assert mv.create_model("pvt_tiny_patch2_32").num_params == v1 + 128 + 2 * 128 + 128 * 10 + 10 == 514_602
    assert mv.create_model("pvt_v2_tiny_32").num_params == v2 + 128 * 10 + 10 == 564_682


@pytest.mark.sampled(every=8, rest=2)
@each_version
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"qkv_bias": False, "num_classes": 0},
        {"embed_dims": (4,), "depths": (1,), "num_heads": (2,), "sr_ratios": (1,), "mlp_ratios": (2,)},
        {"depths": (0, 2), "sr_ratios": (3, 1), "grad_checkpointing": True},
    ],
    ids=str,
)
def test_gradients(name: str, options: dict[str, Any]) -> None:
    check_layer(small(name, **options), IMAGES)


@REST
@each_version
def test_gradients_with_all_drop_rates(name: str) -> None:
    rates = {f"{step}_rate": 0.3 for step in ("drop", "proj_drop", "drop_path")}
    if name == "PVT":
        rates["pos_drop_rate"] = 0.3
    check_layer(small(name, **rates), IMAGES, rng=np.random.default_rng(0))


@each_version
def test_attention_maps_are_in_the_cache(name: str) -> None:
    _, cache = small(name, dtype="float64").forward(IMAGES)
    maps = [block.attn.attention.weights for stage in cache.stages for block in stage.blocks]
    shapes = {
        "PVT": [(2, 1, 28, 6), (2, 1, 28, 6), (2, 2, 7, 7)],  # of 4 x 7 and 1 + 2 x 3 places
        "PVTv2": [(2, 1, 35, 6), (2, 1, 35, 6), (2, 2, 12, 12)],  # of 5 x 7 and 3 x 4
    }
    assert [weights.shape for weights in maps] == shapes[name]
    for weights in maps:
        np.testing.assert_allclose(weights.sum(-1), 1)


@each_version
def test_stochastic_depth_grows_over_all_blocks(name: str) -> None:
    blocks = [block for stage in small(name, depths=(2, 3), drop_path_rate=0.4).stages for block in stage.blocks]
    rates = [getattr(block.drop_path1, "rate", 0.0) for block in blocks]
    np.testing.assert_allclose(rates, [0, 0.1, 0.2, 0.3, 0.4])


def test_there_is_one_class_token_in_the_last_stage() -> None:
    model = small("PVT", dtype="float64")
    assert [name for name in model.named_params() if "cls_token" in name] == ["stages.1.cls_token"]
    assert [stage.pos_embed.shape for stage in model.stages] == [(1, 28, 4), (1, 7, 6)]
    without_head = small("PVT", num_classes=0, dtype="float64")
    _, cache = model.forward(IMAGES)
    np.testing.assert_array_equal(without_head.forward(IMAGES)[0], cache.head.x)


def test_what_patches_leave_over_is_not_seen() -> None:
    """Of the first version: 9 rows have 4 patches of 2, 7 columns of the map 3."""
    model = small("PVT", dtype="float64")
    dx = model.backward(np.ones((2, 5)), model.forward(IMAGES)[1])
    assert np.abs(dx[:, :8]).min((0, 3)).max() > 0
    np.testing.assert_array_equal(dx[:, 8:], 0)


@each_version
def test_images_of_another_kind(name: str) -> None:
    with pytest.raises(ValueError, match=r"images have 4 channels; the model expects 3"):
        small(name).forward(np.zeros((2, 9, 14, 4), np.float32))
    if name == "PVT":
        with pytest.raises(ValueError, match=r"shape \(2, 14, 9, 3\); the model expects \(batch, 9, 14, 3\)"):
            small(name).forward(np.zeros((2, 14, 9, 3), np.float32))


@each_version
def test_no_images(name: str) -> None:
    model = small(name, dtype="float64")
    logits, cache = model.forward(np.zeros((0, 9, 14, 3)))
    assert logits.shape == (0, 5)
    assert model.backward(logits, cache).shape == (0, 9, 14, 3)


@each_version
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depths": (1,)}, r"embed_dims are \(4, 6\), depths \(1,\); expected one of each for every stage"),
        ({"mlp_ratios": (1, 1, 1)}, r"mlp_ratios \(1, 1, 1\); expected one of each for every stage"),
        (dict.fromkeys(("embed_dims", "depths", "num_heads", "sr_ratios", "mlp_ratios"), ()), "expected one of"),
        ({"mlp_ratios": (2.0, 0.1)}, "mlp_ratio is 0.1; it makes 0.6 of 6 channels, expected at least 1"),
        ({"num_heads": (3, 2)}, "width 4 is not divisible by num_heads 3"),
        ({"sr_ratios": (0, 1)}, r"sr_ratios is \(0, 1\); expected at least 1"),
        (
            {"sr_ratios": (6, 1)},
            r"^img_size is \(9, 14\), and in stage 0 a map of . x 7 is smaller than sr_ratio 6: there would be no key$",
        ),
        ({"embed_dims": (4, 0)}, r"embed_dims is \(4, 0\); expected at least 1"),
        ({"norm_eps": -1.0}, "norm_eps is -1.0; expected at least 0"),
        ({"inner_norm_eps": -1.0}, "inner_norm_eps is -1.0; expected at least 0"),
    ],
)
def test_wrong_options(name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(name, **options)


def test_wrong_options_of_the_first_version() -> None:
    with pytest.raises(ValueError, match=r"sr_ratios are \(2, 2\); the last is 1, for its class token is on no map"):
        small("PVT", sr_ratios=(2, 2))
    with pytest.raises(ValueError, match="img_size is 3: too small, stage 1 gets 1 x 1 for patches of 2 x 2"):
        small("PVT", img_size=3, sr_ratios=(1, 1))
    with pytest.raises(ValueError, match=r"img_size is \(1, 9\): too small, stage 0 gets 1 x 9 for patches of 2 x 2"):
        small("PVT", img_size=(1, 9), sr_ratios=(1, 1))
