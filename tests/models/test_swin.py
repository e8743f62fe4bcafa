import tracemalloc
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers.patch_merging import PatchMerging
from minivit.layers.swin_stage import fit_windows
from minivit.layers.window_attention import WindowAttention, window_attention_in_full
from minivit.models import PRESETS, Swin
from tests import facts
from tests.sampled import REST
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (6, 8),
    "patch_size": 1,
    "in_chans": 3,
    "num_classes": 5,
    "embed_dim": 4,
    "depths": (2, 1),
    "num_heads": (2, 1),
    "window_size": (2, 4),
    "mlp_ratio": 1.5,
}
IMAGES = RNG.standard_normal((2, 6, 8, 3))


def swin(**options: Any) -> Swin:
    return Swin(**{**SMALL, **options})


@pytest.mark.sampled(every=12)
@pytest.mark.parametrize("name", [name for name, (model_class, _) in PRESETS.items() if model_class is Swin])
@without_annotations
def test_parameters_and_macs(name):
    if name == "swin_tiny_patch2_32":  # by hand, below
        return
    params, macs = facts.SWIN[name]
    assert mv.create_model(name).num_params == params
    assert mv.cost.estimate(name).macs_forward == macs


def test_number_of_parameters_by_hand():
    M, classes, total, D = 4, 10, (2 * 2 * 3) * 48 + 48 + 2 * 48, 48
    for i, (depth, heads) in enumerate([(2, 2), (4, 4), (2, 8)]):
        D = 48 * 2**i
        F = 2 * D
        total += depth * (2 * 2 * D + D * 3 * D + 3 * D + (2 * M - 1) ** 2 * heads + D * D + D + D * F + F + F * D + D)
        total += (2 * D) * D + 2 * (2 * D) if i else 0  # merging: 4C to 2C, and a norm of 4C
    total += 2 * D + D * classes + classes
    assert mv.create_model("swin_tiny_patch2_32").num_params == total == 1_029_214


OPTIONS: list[dict[str, Any]] = [
    {},
    {"img_size": (5, 7)},  # no window divides any map, and one row, one column are left over at merging
    {"img_size": (5, 7), "window_size": 4, "windows_like": "transformers"},
    {"img_size": (5, 7), "window_size": 4, "windows_like": "mmsegmentation"},
    {"window_size": (9, 1)},
    {"shifted": False, "qkv_bias": False},
    {"patch_norm": False, "num_classes": 0},
    {"relative_position": "none"},
    {"relative_position": "none", "ape": True, "act_layer": "relu"},
    {"relative_position": "only", "ape": True},
    {"depths": (1,), "num_heads": (2,), "window_size": 1},
    {"depths": (0, 2, 1), "num_heads": (1, 2, 4)},
]


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize("options", OPTIONS, ids=map(str, OPTIONS))
def test_gradients(options):
    model = swin(**options)
    check_layer(model, RNG.standard_normal((2, *model.img_size, 3)))


@REST
@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_gradients_with_all_drop_rates(grad_checkpointing):
    rates = {f"{name}_rate": 0.3 for name in ("drop", "pos_drop", "proj_drop", "drop_path")}
    check_layer(swin(**rates, grad_checkpointing=grad_checkpointing), IMAGES, rng=np.random.default_rng(0))


@pytest.mark.parametrize(("window", "shift"), [((2, 4), (0, 0)), ((2, 4), (1, 2)), ((3, 2), (2, 0)), ((6, 8), (0, 0))])
@pytest.mark.parametrize("relative_position", ["bias", "none", "only"])
def test_windows_are_full_attention_with_a_mask_and_a_bias(window, shift, relative_position):
    layer = WindowAttention(
        4, 2, (6, 8), window_size=window, shift_size=shift, relative_position=relative_position
    ).init(dtype="float64")
    x = RNG.standard_normal((2, 6, 8, 4))
    y, cache = layer.forward(x)
    np.testing.assert_allclose(window_attention_in_full(layer, x), y, rtol=0, atol=1e-12)
    weights = cache.attn.attention.weights
    assert weights.shape == (2, 48 // (window[0] * window[1]), 2, window[0] * window[1], window[0] * window[1])
    with pytest.raises(ValueError, match="windows of 4 x 4 do not divide a map of 6 x 8"):
        window_attention_in_full(WindowAttention(4, 2, (6, 8), window_size=4).init(), x.astype("f"))


def test_pairs_of_a_window_can_be_forbidden():
    layer = WindowAttention(4, 2, (4, 4), window_size=2, shift_size=1).init(dtype="float64")
    mask = np.eye(4, dtype=bool)
    _, cache = layer.forward(RNG.standard_normal((1, 4, 4, 4)), mask=mask)
    assert np.all(cache.attn.attention.weights == mask)


def reached(model: Swin) -> np.ndarray:
    """Which pixels have a say in the first place of the last map."""
    model.init(0, "float64")
    images = RNG.standard_normal((1, *model.img_size, 3))
    _, cache = model.forward(images)
    stage, dx = model.layers[-1], np.zeros((1, 8, 8, 4))
    dx[0, 0, 0] = 1
    dx = stage.backward(dx, cache.layers[-1])
    dx = dx.reshape(1, 64, 4)
    return np.abs(model.patch_embed.backward(dx, cache.patch_embed)).sum((0, 3)) > 0


def test_without_a_shift_no_window_looks_into_another():
    options = {"img_size": 8, "depths": (4,), "num_heads": (2,), "window_size": 4}
    alone = reached(swin(**options, shifted=False))
    assert alone[:4, :4].all()
    assert alone.sum() == 16
    assert reached(swin(**options)).all()


@pytest.mark.parametrize(
    ("size", "window", "timm", "transformers"),
    [
        ((8, 8), 4, ((4, 4), (2, 2)), ((4, 4), (2, 2))),
        ((4, 4), 4, ((4, 4), (0, 0)), ((4, 4), (0, 0))),
        ((5, 4), 4, ((4, 4), (2, 0)), ((4, 4), (0, 0))),
        ((3, 9), 4, ((3, 4), (0, 2)), ((3, 3), (0, 0))),
        ((9, 9), 5, ((5, 5), (2, 2)), ((5, 5), (2, 2))),
    ],
)
def test_windows_fit_into_the_map(size, window, timm, transformers):
    assert fit_windows(size, window, "timm") == timm
    assert fit_windows(size, window, "transformers") == transformers


def test_the_two_ways_differ_where_windows_do_not_divide_a_map():
    for size, same in [((8, 8), True), ((5, 7), False)]:
        y = [
            swin(img_size=size, window_size=4, windows_like=like, dtype="float64").forward(np.ones((1, *size, 3)))[0]
            for like in ("timm", "transformers")
        ]
        assert np.array_equal(*y) == same


def test_in_front_of_decoders_images_may_be_of_any_size():
    """With windows that keep their size, a model for one size computes what that for another one does."""
    options: dict[str, Any] = {"window_size": 4, "depths": (2, 2), "patch_size": 2, "windows_like": "mmsegmentation"}
    model = swin(img_size=12, dtype="float64", **options)
    for size in ((12, 12), (10, 26), (4, 6)):
        images, other = RNG.standard_normal((2, *size, 3)), swin(img_size=size, dtype="float64", seed=1, **options)
        other.load_state_dict(model.state_dict())
        (y, cache), (expected, c_other) = model.features(images), other.features(images)
        np.testing.assert_array_equal(y, expected)
        dy = RNG.standard_normal(y.shape)
        np.testing.assert_array_equal(model.features_backward(dy, cache), other.features_backward(dy, c_other))
    with pytest.raises(ValueError, match=r"an image of 11 x 12 pixels cannot be cut into patches of 2 x 2"):
        model.features(np.ones((1, 11, 12, 3)))
    with pytest.raises(ValueError, match=r"the model expects \(batch, 12, 12, 3\)"):  # a position for each patch
        swin(img_size=12, ape=True, **options).features(np.ones((1, 10, 12, 3), np.float32))


def test_attention_maps_are_in_the_cache():
    _, cache = swin(dtype="float64").forward(IMAGES)
    for i, (windows, tokens, heads) in enumerate([(6, 8, 2), (2, 8, 1)]):
        for block in cache.layers[i].blocks:
            weights = block.attn.attn.attention.weights
            assert weights.shape == (2, windows, heads, tokens, tokens)
            np.testing.assert_allclose(weights.sum(-1), 1)


def test_stochastic_depth_grows_over_all_blocks():
    blocks = [block for stage in swin(depths=(2, 3), drop_path_rate=0.4).layers for block in stage.blocks]
    rates = [getattr(block.drop_path1, "rate", 0.0) for block in blocks]
    np.testing.assert_allclose(rates, [0, 0.1, 0.2, 0.3, 0.4])


def test_parameter_names_are_those_of_timm():
    names = list(swin(depths=(1, 1)).named_params())
    block = ["norm1.weight", "norm1.bias", "attn.qkv.weight", "attn.qkv.bias", "attn.proj.weight", "attn.proj.bias"]
    block += ["attn.relative_position_bias_table", "norm2.weight", "norm2.bias"]
    block += ["mlp.fc1.weight", "mlp.fc1.bias", "mlp.fc2.weight", "mlp.fc2.bias"]
    assert names == [
        *(f"patch_embed.{part}" for part in ("proj.weight", "proj.bias", "norm.weight", "norm.bias")),
        *(f"layers.0.blocks.0.{part}" for part in block),
        *(f"layers.1.downsample.{part}" for part in ("norm.weight", "norm.bias", "reduction.weight")),
        *(f"layers.1.blocks.0.{part}" for part in block),
        *("norm.weight", "norm.bias", "head.fc.weight", "head.fc.bias"),
    ]


def test_patch_merging_halves_the_map_and_doubles_the_width():
    layer = PatchMerging(3).init(dtype="float64")
    for size, merged in [((4, 6), (2, 3)), ((5, 1), (3, 1))]:
        assert layer.forward(np.ones((2, *size, 3)))[0].shape == (2, *merged, 6)
    check_layer(layer, RNG.standard_normal((2, 3, 4, 3)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window_size": 0}, "window_size is 0; expected at least 1"),
        ({"window_size": (2, -1)}, r"window_size is \(2, -1\); expected at least 1"),
        ({"num_heads": (2, 3)}, "width 8 is not divisible by num_heads 3"),
        ({"num_heads": (2, 0)}, r"num_heads is \(2, 0\); expected at least 1"),
        ({"num_heads": (2,)}, r"depths are \(2, 1\), num_heads \(2,\); expected one of each for every stage"),
        ({"depths": (), "num_heads": ()}, "expected one of each for every stage"),
        ({"patch_size": 16}, "image size 6 x 8 is not divisible by the patch size 16 x 16"),
        ({"relative_position": "yes"}, """relative_position is 'yes'; expected "bias", "only" or "none\""""),
        (
            {"windows_like": "torchvision"},
            """windows_like is 'torchvision'; expected "timm", "transformers" or "mmsegmentation\"""",
        ),
        ({"windows_like": "transformers"}, 'the window is 2 x 4; with windows_like="transformers", expected a square'),
        ({"mlp_ratio": 0}, "mlp_ratio is 0; expected above 0 and finite"),
        ({"act_layer": "elu"}, "act_layer is 'elu'"),
    ],
)
def test_wrong_options(options, message):
    with pytest.raises(ValueError, match=message):
        swin(**options)


def test_images_of_another_size():
    with pytest.raises(ValueError, match=r"shape \(2, 8, 6, 3\); the model expects \(batch, 6, 8, 3\)"):
        swin().forward(np.zeros((2, 8, 6, 3), np.float32))


@pytest.mark.parametrize("sides", [(6, 6), (8, 6), (4, 12)])
def test_a_map_of_another_size(sides):
    """Also one that has as many windows."""
    layer = WindowAttention(4, 2, (6, 8), window_size=2, shift_size=1).init(dtype="float64")
    with pytest.raises(ValueError, match=r"window attention: x has shape \(1, .*, 4\); expected \(1, 6, 8, 4\)"):
        layer.forward(np.zeros((1, *sides, 4)))


def test_no_images():
    model = swin(dtype="float64")
    logits, cache = model.forward(np.zeros((0, 6, 8, 3)))
    assert logits.shape == (0, 5)
    assert model.backward(logits, cache).shape == (0, 6, 8, 3)


def test_building_makes_no_masks():
    tracemalloc.start()
    model = swin(img_size=128, patch_size=1, window_size=100, depths=(4,), num_heads=(1,))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    masks = [block.attn.mask for block in swin(depths=(4,), num_heads=(2,), window_size=2).layers[0].blocks]
    assert masks[0] is masks[2] is None
    assert masks[1] is masks[3] is not None
    assert model.num_params > 0


def test_a_width_that_no_array_has():
    with pytest.raises(ValueError, match=r"mlp_ratio is 1e\+308; it makes inf of 4 channels"):
        swin(mlp_ratio=1e308)
