"""Multiscale Vision Transformers, of both versions."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers import Identity
from minivit.layers.mvit_stage import strides
from minivit.layers.pooling_attention import pool_tokens as right_pooling
from minivit.models import PRESETS, MViT
from minivit.ops import relative_index
from minivit.weights import load_timm, to_timm
from tests import facts
from tests.test_parity import Case, channels_last
from tests.unchecked import without_annotations
from tests.weights.test_loaders import assert_refuses, assert_same

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {"img_size": (9, 14), "depths": (1, 2), "embed_dim": 4, "stride_q": (1, 2), "num_classes": 5}
SMALL |= {"patch_kernel": 3, "patch_stride": 2, "patch_padding": 1, "stride_kv_adaptive": 2, "mlp_ratio": 1.5}
FIRST: dict[str, Any] = {"expand_attn": False, "use_cls_token": True, "use_abs_pos": True, "sep_pos_embed": True}
FIRST |= {"residual_pooling": False, "pool_all_q": False, "rel_pos_type": "none"}
IMAGES = RNG.standard_normal((2, 9, 14, 3))


def mvit(**options: Any) -> MViT:
    return MViT(**{**SMALL, **options})


@pytest.mark.sampled(every=0, rest=2)
@pytest.mark.parametrize("name", facts.MVIT)
@without_annotations
def test_parameters_and_macs(name: str) -> None:
    estimate = mv.cost.estimate(name)
    assert (estimate.params, estimate.macs_forward) == facts.MVIT[name]


def test_no_preset_is_forgotten() -> None:
    names = {name for name, (kind, _) in PRESETS.items() if kind is MViT}
    assert names == {*facts.MVIT, "mvitv2_tiny_patch2_32", "mvit_base_16"}


@without_annotations
def test_the_first_version_has_the_size_that_its_paper_says() -> None:
    """Table 9: 37.0 M parameters, 7.8 G."""
    estimate = mv.cost.estimate("mvit_base_16")
    assert (round(estimate.params / 1e6, 1), round(estimate.macs_forward / 1e9, 1)) == (37.0, 7.8)


def test_number_of_parameters_by_hand() -> None:
    total, before = 3 * 3 * 3 * 32 + 32, 32
    for i, depth in enumerate([1, 2, 3]):
        D, side, K = 32 * 2**i, 16 // 2**i, 32
        for j in range(depth):
            of_queries = 2 * side if j == 0 and i > 0 else side  # the map that comes in
            keys = max(4 // 2**i, 1)
            ways = 2 * max(side, -(-of_queries // keys)) - 1
            total += 2 * before + before * 3 * D + 3 * D + D * D + D  # norm, qkv, proj
            total += 3 * (9 * K + 2 * K) + 2 * ways * K  # pooling with its norms, relative positions
            total += 2 * D + D * 2 * D + 2 * D + 2 * D * D + D  # norm, MLP
            total += before * D + D if before != D else 0
            before = D
    total += 2 * before + before * 10 + 10
    assert mv.create_model("mvitv2_tiny_patch2_32").num_params == total == 466_986


OPTIONS: list[dict[str, Any]] = [
    {},
    FIRST,
    {"use_cls_token": True, "global_pool": "avg", "use_abs_pos": True, "qkv_bias": False},
    {"mode": "max", "num_classes": 0, "stride_kv": (3, (1, 2))},
    {"mode": "avg", "expand_attn": False, "kernel_qkv": (3, 5), "grad_checkpointing": True},
    {"depths": (1,), "embed_dim": (6,), "num_heads": (3,), "stride_q": ((2, 1),)},
    {"depths": (0, 1), "embed_dim": (4, 4), "num_heads": (1, 2), "sep_pos_embed": True, "use_abs_pos": True},
]


@pytest.mark.sampled(every=0, rest=2)
@pytest.mark.parametrize("options", OPTIONS, ids=[*map(str, OPTIONS)])
def test_gradients(options: dict[str, Any]) -> None:
    check_layer(mvit(**options), IMAGES)


@pytest.mark.sampled(every=2)
@pytest.mark.parametrize("version", [FIRST, {}], ids=["first", "second"])
def test_gradients_with_all_drop_rates(version: dict[str, Any]) -> None:
    check_layer(mvit(**version, drop_rate=0.3, drop_path_rate=0.3), IMAGES, rng=np.random.default_rng(0))


def test_attention_maps_are_in_the_cache() -> None:
    _, cache = mvit(use_cls_token=True, dtype="float64").forward(IMAGES)
    maps = [block.attn.attention.weights for stage in cache.stages for block in stage.blocks]
    # of 5 x 7 places, keys of 3 x 4; then queries of 3 x 4, keys of 5 x 7, and of 3 x 4
    assert [weights.shape for weights in maps] == [(2, 1, 36, 13), (2, 2, 13, 36), (2, 2, 13, 13)]
    for weights in maps:
        np.testing.assert_allclose(weights.sum(-1), 1)


def test_where_tokens_become_wider() -> None:
    """In the second version by the first attention of a stage, in the first by the last MLP of the one before."""
    wider = {}
    for expand in (True, False):
        names = mvit(expand_attn=expand).named_params()
        (wider[expand],) = {name.rpartition(".")[0] for name in names if "shortcut" in name}
    assert wider == {True: "stages.1.blocks.0.shortcut_proj_attn", False: "stages.0.blocks.0.shortcut_proj_mlp"}


def test_where_queries_are_pooled() -> None:
    second, first = mvit(), mvit(**FIRST)
    assert [name for name in second.named_params() if "pool_q" in name] == [
        "stages.0.blocks.0.attn.pool_q.weight",
        "stages.1.blocks.0.attn.pool_q.weight",
        "stages.1.blocks.1.attn.pool_q.weight",
    ]
    assert [name for name in first.named_params() if "pool_q" in name] == ["stages.1.blocks.0.attn.pool_q.weight"]


def test_separate_tables_of_positions_are_one_in_two_parts() -> None:
    joint, separate = (mvit(**{**FIRST, "sep_pos_embed": apart}, dtype="float64") for apart in (False, True))
    arrays = joint.state_dict()
    table = arrays.pop("pos_embed")
    separate.load_state_dict({**arrays, "pos_embed_class": table[:, :1], "pos_embed_spatial": table[:, 1:]})
    np.testing.assert_array_equal(joint.forward(IMAGES)[0], separate.forward(IMAGES)[0])


def test_strides_of_keys_follow_those_of_queries() -> None:
    assert strides((1, 2, 2, 2), None, 4)[1] == [(4, 4), (2, 2), (1, 1), (1, 1)]
    assert strides(((1, 1), (1, 2), (2, 3)), None, (4, 6))[1] == [(4, 6), (4, 6), (2, 2)]
    assert strides((1, 2), (3, (1, 2)), 4) == ([(1, 1), (2, 2)], [(3, 3), (1, 2)])


def half_a_window_off(queries: int, keys: int) -> np.ndarray:
    """Ways counted from the larger map's end, as if keys were not spread."""
    apart, keys_apart = max(keys // queries, 1), max(queries // keys, 1)
    return np.arange(queries)[:, None] * apart - np.arange(keys) * keys_apart + max(queries, keys) - 1


def all_heads_in_one(pool: Any, x: np.ndarray, **sizes: Any) -> Any:
    """The first head's map for all heads: as if they had been pooled before they were split."""
    return right_pooling(pool, np.repeat(x[:, :1], x.shape[1], axis=1) if x.ndim == 4 else x, **sizes)


def class_token_pooled(pool: Any, x: np.ndarray, *, map_size: Any, num_prefix_tokens: int) -> Any:
    """The class token takes part in what becomes of the map: it gets the mean of it."""
    y, cache = right_pooling(pool, x, map_size=map_size, num_prefix_tokens=num_prefix_tokens)
    if num_prefix_tokens and not isinstance(pool, Identity):
        y[..., :1, :] = y[..., 1:, :].mean(-2, keepdims=True)
    return y, cache


MISTAKES: dict[str, tuple[str, str, Any]] = {
    "another relative index": ("timm_mvitv2", "pooling_attention.relative_index", half_a_window_off),
    "ways turned round": (
        "timm_mvitv2",
        "pooling_attention.relative_index",
        lambda n, m: relative_index(n, m)[::-1, ::-1],
    ),
    "one head pooled for all": ("timm_mvitv2", "pooling_attention.pool_tokens", all_heads_in_one),
    "a class token pooled": ("timm_mvitv2_cls", "pooling_attention.pool_tokens", class_token_pooled),
    "a class token pooled in the shortcut": ("timm_mvitv2_cls", "mvit_block.pool_tokens", class_token_pooled),
    "no norm behind pooling": (
        "mvit_first",
        "pooling_attention.LayerNorm.forward",
        lambda self, x, rng=None: (x, None),
    ),
    "queries added to none": ("timm_mvitv2", "pooling_attention.merge_heads_forward", lambda q: (0, None)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_show_beside_others(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fixtures of tests/test_parity.py can tell each of these from what is right."""
    name, place, wrong = MISTAKES[mistake]
    case = Case(name)
    model = MViT(**case.meta["config"], dtype="float64")
    load_timm(model, case.part("param"))
    images = channels_last(case["in/x"])
    assert np.abs(model.forward(images)[0] - case["out/y"]).max() < 1e-10
    monkeypatch.setattr(f"minivit.layers.{place}", wrong)
    assert np.abs(model.forward(images)[0] - case["out/y"]).max() > 1e-3


def test_stochastic_depth_grows_over_all_blocks() -> None:
    model = mvit(depths=(2, 3), drop_path_rate=0.4)
    rates = [getattr(block.drop_path1, "rate", 0.0) for stage in model.stages for block in stage.blocks]
    np.testing.assert_allclose(rates, [0, 0.1, 0.2, 0.3, 0.4])


@pytest.mark.parametrize("version", [{}, FIRST], ids=["second", "first"])
def test_no_images(version: dict[str, Any]) -> None:
    model = mvit(**version, dtype="float64")
    logits, cache = model.forward(np.zeros((0, 9, 14, 3)))
    assert logits.shape == (0, 5)
    assert model.backward(logits, cache).shape == (0, 9, 14, 3)


def test_images_of_another_size() -> None:
    with pytest.raises(ValueError, match=r"shape \(2, 14, 9, 3\); the model expects \(batch, 9, 14, 3\)"):
        mvit().forward(np.zeros((2, 14, 9, 3), np.float32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depths": (1,)}, r"depths are \(1,\), stride_q \[\(1, 1\), \(2, 2\)\]; expected one of each for every stage"),
        ({"embed_dim": (4,)}, r"embed_dim \(4,\); expected one of each for every stage"),
        ({"num_heads": (1, 2, 3)}, r"num_heads \(1, 2, 3\); expected one of each for every stage"),
        ({"stride_kv": (1,)}, r"stride_kv \[\(1, 1\)\]; expected one of each for every stage"),
        ({"depths": (), "stride_q": ()}, "expected one of each for every stage"),
        ({"stride_q": (1, 0)}, r"stride_q is \(0, 0\); expected at least 1"),
        ({"stride_kv": (1, (1, 0))}, r"stride_kv is \(1, 0\); expected at least 1"),
        ({"num_heads": 3}, "width 4 is not divisible by num_heads 3"),
        ({"stride_q": (1, 3), "img_size": (12, 12)}, r"are pooled with stride \(3, 3\): 2 x 2 and 3 x 3 do not fit$"),
        (
            {"patch_kernel": 12},
            "9 x 14 with 1 x 1 zeros on each side is smaller than the patch size 12 x 12",
        ),
        ({"kernel_qkv": 4}, "6 x 8 and 5 x 7 do not fit; kernel_qkv is 4, expected odd sides"),
        ({"kernel_qkv": (3, 2)}, r"do not fit; kernel_qkv is \(3, 2\), expected odd sides"),
        ({"mode": "mean"}, "mode is 'mean'; expected one of conv, max, avg"),
        ({"rel_pos_type": "none at all"}, 'rel_pos_type is \'none at all\'; expected "spatial" or "none"'),
        ({"global_pool": "max"}, 'global_pool is \'max\'; expected "token" or "avg"'),
        ({"global_pool": "token"}, 'global_pool="token" reads the class token, so it needs use_cls_token=True'),
        ({"sep_pos_embed": True}, "sep_pos_embed=True is for tables of positions: it needs use_abs_pos=True"),
        ({"mlp_ratio": 0.1}, "mlp_ratio is 0.1; it makes 0.4 of 4 channels, expected at least 1"),
        ({"norm_eps": -1.0}, "norm_eps is -1.0; expected at least 0"),
        ({"inner_norm_eps": -1.0}, "inner_norm_eps is -1.0; expected at least 0"),
        ({"embed_dim": 0}, "embed_dim is 0; expected at least 1"),
    ],
)
def test_wrong_options(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mvit(**options)


def test_official_names() -> None:
    """Blocks are counted through all stages, and the linear maps of shortcuts and the head are called otherwise."""
    for expand in (False, True):
        model, other = (mvit(expand_attn=expand, seed=seed) for seed in (0, 1))
        official = {}
        for name, array in to_timm(other).items():
            for ours, theirs in (("stages.0.blocks.0", "blocks.0"), ("stages.1.blocks.0", "blocks.1")):
                name = name.replace(ours, theirs)
            name = name.replace("stages.1.blocks.1", "blocks.2").replace("head.fc", "head.projection")
            official[name.replace("shortcut_proj_attn", "proj").replace("shortcut_proj_mlp", "proj")] = array
        assert {"blocks.2.attn.rel_pos_h", f"blocks.{int(expand)}.proj.bias", "head.projection.bias"} < official.keys()
        load_timm(model, official)
        assert_same(model, other)


def test_weights_of_another_model() -> None:
    second, first = to_timm(mvit()), to_timm(mvit(**FIRST))
    assert_refuses(load_timm, mvit(**FIRST), second, KeyError, "by rows and columns, as MViT v2 and SAM have")
    assert_refuses(load_timm, mvit(), first, KeyError, "shortcuts as MViT has, the first version")
    with_token = to_timm(mvit(use_cls_token=True))
    assert_refuses(load_timm, mvit(), with_token, KeyError, "a class token: build the model with use_cls_token=True")
    assert_refuses(load_timm, mvit(depths=(2, 1)), second, KeyError, r"build it with depths=\(1, 2\)")
    assert_refuses(load_timm, mvit(num_classes=3), second, ValueError, "is for 5 classes, the model for 3")
    load_timm(mvit(num_classes=3), second, keep_head=True)
