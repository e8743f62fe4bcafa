import re
from functools import partial
from importlib import import_module
from inspect import signature
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import save_file

import minivit as mv
from minivit.layers import Param
from minivit.models import AST, DETR, SAM, HybridViT, MaskedViT, Mixer, NonLocalResNet, ResNet, Swin, UPerNet, ViT
from minivit.models.detr import BACKBONES
from minivit.ops import resize_forward
from minivit.train import SGD, AdamW, training_step
from minivit.train.beginning import begin_with, by_layer, only_head
from minivit.weights import to_timm
from tests.cost.test_equal import FAMILIES, draw_options
from tests.models.test_hybrid import SMALL as HYBRID
from tests.models.test_mixer import SMALL as MIXER
from tests.models.test_resnet import SMALL as RESNET
from tests.train.sounds import SMALL_AST

SIZES = {"img_size": (8, 12), "patch_size": 4, "embed_dim": 12, "depth": 2, "num_heads": 3, "mlp_ratio": 2.0}
RNG = np.random.default_rng(0)


def saved(model, folder):
    mv.save(model, folder / "checkpoint.safetensors")
    return folder


def same(ours, theirs, but=()):
    for name, value in ours.state_dict().items():
        if not name.startswith(("head", "fc", *but)):
            np.testing.assert_array_equal(value, theirs.state_dict()[name])


@pytest.mark.parametrize("how", ["folder", "file"])
def test_all_but_the_head_is_taken_over(how, tmp_path):
    theirs, ours = ViT(**SIZES, num_classes=7, seed=1), ViT(**SIZES, num_classes=3, seed=2)
    head = ours.head.weight.value.copy()
    folder = saved(theirs, tmp_path)
    begin_with(ours, folder if how == "folder" else folder / "checkpoint.safetensors")
    same(ours, theirs)
    np.testing.assert_array_equal(ours.head.weight.value, head)
    assert not np.shares_memory(ours.norm.weight.value, theirs.norm.weight.value)


@pytest.mark.parametrize(("kind", "options"), [(Mixer, MIXER), (ResNet, RESNET), (mv.models.HybridViT, HYBRID)])
def test_of_any_family(kind, options, tmp_path):
    """Running averages, too."""
    theirs, ours = kind(**options, seed=1), kind(**{**options, "num_classes": 3}, seed=2)
    for param in theirs.named_state().values():
        param.value = RNG.uniform(0.5, 1, param.shape)
    begin_with(ours, saved(theirs, tmp_path))
    same(ours, theirs)


@pytest.mark.parametrize("mode", ["bicubic", "bilinear"])
def test_positions_of_another_grid_are_resampled_and_the_class_token_is_not(mode, tmp_path):
    theirs, ours = ViT(**SIZES, seed=1), ViT(**{**SIZES, "img_size": (16, 12)}, seed=2)
    theirs.pos_embed.value = RNG.standard_normal(theirs.pos_embed.shape)
    begin_with(ours, saved(theirs, tmp_path), **({} if mode == "bicubic" else {"interpolation": mode}))
    same(ours, theirs, but=["pos_embed"])
    table = theirs.pos_embed.value
    np.testing.assert_array_equal(ours.pos_embed.value[:, 0], table[:, 0])
    grid, _ = resize_forward(table[:, 1:].reshape(1, 2, 3, 12), size=(4, 3), mode=mode, antialias=True)
    np.testing.assert_allclose(ours.pos_embed.value[:, 1:], grid.reshape(1, 12, 12), rtol=1e-6)


def test_an_interpolation_that_there_is_not(tmp_path):
    with pytest.raises(ValueError, match=r'^interpolation is .nearest.; expected "bicubic" or "bilinear"$'):
        begin_with(ViT(**SIZES), tmp_path / "none.safetensors", interpolation="nearest")


def test_what_was_learned_of_hidden_patches_is_what_a_classifier_begins_with(tmp_path):
    theirs, ours = MaskedViT(**SIZES, target="rgb", seed=1), ViT(**SIZES, num_classes=3, seed=2)
    begin_with(ours, saved(theirs, tmp_path))
    same(ours, theirs)


SWIN = {"img_size": 16, "patch_size": 2, "embed_dim": 4, "depths": (2, 1), "num_heads": (1, 2), "window_size": 2}
PYRAMID = {"img_size": 16, "layers": (1, 1), "channels": (4, 6), "stem_chans": 4}
DECODER = {"channels": 4, "pool_scales": (1, 2), "aux_channels": 4, "num_classes": 3, "seed": 2}
BOXES = {"img_size": 16, "embed_dim": 8, "num_heads": 2, "mlp_dim": 6, "encoder_depth": 1, "decoder_depth": 1}


def detr(monkeypatch, kind, options, **others):
    monkeypatch.setitem(BACKBONES, "small", (kind, options))
    return DETR(**BOXES, backbone="small", num_classes=3, seed=2, **others)


@pytest.mark.parametrize(
    ("kind", "options", "prefix"), [(Swin, SWIN, ""), (Swin, SWIN, "backbone."), (ResNet, PYRAMID, "backbone.")]
)
def test_a_model_that_is_built_on_a_classifier_begins_with_one(kind, options, prefix, tmp_path, monkeypatch):
    theirs = kind(**options, num_classes=7, seed=1)
    for param in theirs.named_state().values():
        param.value = RNG.uniform(0.5, 1, param.shape)
    ours = detr(monkeypatch, kind, options) if prefix else UPerNet(**options, **DECODER)
    before = ours.state_dict()
    begin_with(ours, saved(theirs, tmp_path))
    after, taken = ours.state_dict(), {}
    for name, value in theirs.state_dict().items():
        if not name.startswith(("head.", "fc.")):
            called = f"{prefix}{name}" if prefix else name.replace("norm.", "norms.1.") if name[:5] == "norm." else name
            taken[called] = value
    assert {name for name, value in after.items() if not np.array_equal(value, before[name])} == {*taken}
    for name, value in taken.items():
        np.testing.assert_array_equal(after[name], value)


def test_what_a_segmenter_begins_with_computes_the_same_map(tmp_path):
    theirs, ours = Swin(**SWIN, seed=1, dtype="float64"), UPerNet(**SWIN, **DECODER, dtype="float64")
    begin_with(ours, saved(theirs, tmp_path))
    images = RNG.standard_normal((2, 16, 16, 3))
    expected, _ = theirs.features(images)
    _, cache = ours.forward(images)
    last = cache.norms[1]
    np.testing.assert_allclose(last.xhat * theirs.norm.weight.value + theirs.norm.bias.value, expected, atol=1e-12)


@pytest.mark.parametrize("form", ["gaussian", "embedded_gaussian", "dot_product", "concatenation", "sagan"])
def test_attention_between_the_blocks_of_a_trained_resnet_changes_nothing_at_first(form, tmp_path):
    deep = {**PYRAMID, "layers": (3, 5), "stem": "3x3", "block": "bottleneck", "dtype": "float64"}
    theirs = ResNet(**deep, num_classes=7, seed=1)
    for param in theirs.named_state().values():
        param.value = RNG.uniform(0.5, 1, param.shape)
    ours = NonLocalResNet(**deep, non_local=(1, 2), form=form, num_classes=3, seed=2)
    begin_with(ours, saved(theirs, tmp_path))
    images = RNG.standard_normal((2, 16, 16, 3))
    np.testing.assert_allclose(ours.features(images)[0], theirs.features(images)[0], rtol=1e-12)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"num_heads": (2, 2)}, r"holds another Swin than this UPerNet: its num_heads is \(2, 2\), not \(1, 2\)"),
        ({"relative_position": "none"}, "its relative_position is 'none', not 'bias'"),
        ({"ape": True}, "its ape is True, not False"),
        ({"patch_norm": False}, "its patch_norm is False, not True"),
        (
            {"img_size": 2},  # a map of one place
            r"position_bias_table has shape .* here: it depends on the size of the images, 2 x 2 pixels there, 16 x 16 "
            r"here \(--img-size\)",
        ),
    ],
)
def test_a_segmenter_begins_with_no_other_classifier(options, says, tmp_path):
    with pytest.raises(ValueError, match=says):
        begin_with(UPerNet(**SWIN, **DECODER), saved(Swin(**{**SWIN, **options}), tmp_path))


def test_a_detector_begins_with_no_other_classifier(tmp_path, monkeypatch):
    with pytest.raises(
        ValueError, match=r"holds another ResNet than this DETR: its channels is \(4, 8\), not \(4, 6\)"
    ):
        begin_with(detr(monkeypatch, ResNet, PYRAMID), saved(ResNet(**{**PYRAMID, "channels": (4, 8)}), tmp_path))
    with pytest.raises(ValueError, match=r"holds a ViT of .*, which has no .* for this DETR"):
        begin_with(detr(monkeypatch, ResNet, PYRAMID), saved(ViT(**SIZES), tmp_path))


def test_files_of_timm(tmp_path):
    theirs, ours = ViT(**SIZES, num_classes=7, seed=1), ViT(**SIZES, num_classes=3, seed=2)
    save_file(to_timm(theirs), tmp_path / "timm.safetensors")
    begin_with(ours, tmp_path / "timm.safetensors")
    same(ours, theirs)


@pytest.mark.filterwarnings("ignore:.*loaded nan")
@pytest.mark.parametrize(
    "write", [lambda theirs, path: mv.save(theirs, path), lambda *to: save_file(to_timm(to[0]), to[1])]
)
def test_weights_that_are_no_numbers(write, tmp_path):
    """Of which nothing but nan would come; the model stays as it was."""
    theirs, ours = ViT(**SIZES, num_classes=7, seed=1), ViT(**SIZES, num_classes=3, seed=2)
    theirs.norm.bias.value[1] = np.nan
    before = ours.state_dict()
    write(theirs, tmp_path / "nan.safetensors")
    says = r"nan\.safetensors holds weights that are not finite numbers, the first of them in norm\.bias$"
    with pytest.raises(ValueError, match=says):
        begin_with(ours, tmp_path / "nan.safetensors")
    same(ours, SimpleNamespace(state_dict=lambda: before))


@pytest.mark.parametrize("name", ["mask_token", "more.weight", "head_dist_2.weight", "blocks.2.norm1.weight"])
def test_what_a_file_of_timm_has_beside_is_refused(name, tmp_path):
    ours = ViT(**SIZES, seed=2)
    before = ours.state_dict()
    save_file({**to_timm(ViT(**SIZES, seed=1)), name: np.ones(12, np.float32)}, tmp_path / "timm.safetensors")
    with pytest.raises(ValueError, match=f"does not fit this ViT of .*: array '{name}' has no place in this model"):
        begin_with(ours, tmp_path / "timm.safetensors")
    for part, value in ours.state_dict().items():
        np.testing.assert_array_equal(value, before[part])


def test_what_lies_beside_a_whole_model_of_others_is_said(tmp_path):
    theirs, ours = ViT(**SIZES, seed=1), ViT(**SIZES, seed=2)
    arrays = {f"student.{name}": array for name, array in to_timm(theirs).items()}
    save_file({**arrays, "teacher.norm.weight": np.ones(12, np.float32)}, tmp_path / "timm.safetensors")
    with pytest.warns(UserWarning, match="begin with 'student.' and left 'teacher.norm.weight' aside"):
        begin_with(ours, tmp_path / "timm.safetensors")
    same(ours, theirs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"depth": 3}, "its depth is 2, not 3"),
        ({"depth": 1}, "its depth is 2, not 1"),
        ({"embed_dim": 24}, "its embed_dim is 12, not 24"),
        ({"num_heads": 4}, "its num_heads is 3, not 4"),
        ({"act_layer": "relu"}, "its act_layer is 'gelu', not 'relu'"),
        ({"norm_eps": 1e-3}, r"its norm_eps is 1e-06, not 0\.001"),
        ({"qkv_bias": False}, "its qkv_bias is True, not False"),
        ({"patch_size": (4, 2)}, r"its patch_size is 4, not \(4, 2\)"),
        ({"distilled": True}, "its distilled is False, not True"),
        ({"reg_tokens": 1}, "its reg_tokens is 0, not 1"),
        ({"no_embed_class": True}, "its no_embed_class is False, not True"),
        ({"class_token": False, "global_pool": "avg"}, "its class_token is True, not False"),
        ({"num_heads": 4, "act_layer": "relu"}, "its num_heads is 3, not 4; its act_layer is 'gelu', not 'relu'"),
    ],
)
def test_models_that_differ_in_more(options, message, tmp_path):
    ours = ViT(**{**SIZES, **options}, seed=2)
    before = ours.state_dict()
    with pytest.raises(ValueError, match=f"^{tmp_path} holds another ViT than this one: {message}$"):
        begin_with(ours, saved(ViT(**SIZES, seed=1), tmp_path))
    for name, value in ours.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize(
    ("theirs", "ours", "message"),
    [
        (
            ViT(**SIZES),
            ViT(**SIZES, init_values=1e-5),
            "which has no 'blocks.0.ls1.gamma'.* and 1 more for this ViT of",
        ),
        (
            ViT(**SIZES, init_values=1e-5),
            ViT(**SIZES),
            "which has 'blocks.0.ls1.gamma'.* and 1 more beside this ViT of",
        ),
        (ViT(**SIZES), ViT(**SIZES, fc_norm=True), "which has no 'fc_norm.bias', 'fc_norm.weight' for this ViT of"),
        (
            MaskedViT(**SIZES),
            ViT(**{**SIZES, "depth": 1}),
            "holds another MaskedViT than this ViT: its depth is 2, not 1",
        ),
        (
            MaskedViT(**SIZES),
            ViT(**{**SIZES, "depth": 3}),
            "a MaskedViT of .* which has no 'blocks.2.* for this ViT of",
        ),
        (MaskedViT(**SIZES), ViT(**SIZES, act_layer="relu"), "its act_layer is 'gelu', not 'relu'"),
        (
            MaskedViT(**SIZES),
            ViT(**SIZES, no_embed_class=True),
            "pos_embed has 1 positions in front of the patches there",
        ),
        (Mixer(**MIXER), Mixer(**{**MIXER, "img_size": 8}), "fc1.weight has shape .* there and .* here: it depends"),
        (Mixer(**MIXER), ViT(**SIZES, norm_eps=1e-5), "holds a Mixer of .* parameters, which has no"),
    ],
)
def test_models_whose_parameters_differ_in_more(theirs, ours, message, tmp_path):
    before = ours.state_dict()
    with pytest.raises(ValueError, match=message):
        begin_with(ours, saved(theirs, tmp_path))
    for name, value in ours.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def test_a_rate_of_sounds_is_asked_only_where_both_have_one(tmp_path):
    """What was trained on spectrograms can hear waves."""
    options = {"n_mels": 8, "patch_size": 4, "stride": 4, "embed_dim": 8, "depth": 1, "num_heads": 2, "num_classes": 2}
    seen, heard = AST(**options, length=8), AST(**options, length=1600, sr=16_000)
    begin_with(heard, saved(seen, tmp_path))
    same(heard, seen, but=["pos_embed"])
    with pytest.raises(ValueError, match="holds another AST than this one: its sr is 16000, not 8000"):
        begin_with(AST(**options, length=1600, sr=8_000), saved(heard, tmp_path))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"patch_size": (4, 4)}, {"mlp_ratio": 2}),  # the same, written otherwise
        ({"init_values": 1e-5}, {"init_values": 1e-2}),  # they were only a beginning
        ({"drop_path_rate": 0.5, "drop_rate": 0.1}, {"mlp_drop_rate": 0.2, "grad_checkpointing": True}),
        ({"class_token": True}, {"global_pool": "avg", "fc_norm": False}),  # what a new head reads
        ({"distilled": True, "heads_apart": True}, {"distilled": True}),
    ],
)
def test_what_may_differ(theirs, ours, tmp_path):
    first, second = ViT(**{**SIZES, **theirs}, num_classes=7, seed=1), ViT(**{**SIZES, **ours}, num_classes=3, seed=2)
    begin_with(second, saved(first, tmp_path))
    same(second, first)


OTHERWISE = {
    "act_layer": "gelu_tanh",
    "backbone_like": "google",
    "block": "bottleneck",
    "norm_eps": 0.1,
    "positions": "learned",
    "relative_position": "none",
    "stem": "7x7",
    "target": "pixels",
    "windows_like": "transformers",
}
"""Of options that are words, or small, another value."""

MAY_CHANGE = {"img_size", "length", "mean", "std", "num_classes", "target", "global_pool", "heads_apart", "chunk_size"}
"""What a model computes with the same weights, and only these (in chunks, to rounding); rates of what is dropped change
nothing without rng."""


def otherwise(name, value):
    """Other values of an option."""
    if name in OTHERWISE:
        return [OTHERWISE[name]]
    if name == "global_pool":
        return [pool for pool in ("avg", "token") if pool != value]
    if isinstance(value, bool) or name in ("fc_norm", "final_norm"):
        return [not value]
    if isinstance(value, int):
        return [2 * value or 2, value + 1, value - 1]
    if isinstance(value, float):
        return [value / 2 if value else 0.25]
    if isinstance(value, tuple):
        return [tuple(2 * number for number in value), tuple(number + 1 for number in value), value[::-1]]
    return [] if isinstance(value, str) else [0.25, 16_000]


@pytest.mark.sampled(every=20, rest=2)
@pytest.mark.parametrize("kind", FAMILIES)
def test_what_is_taken_over_computes_the_same(kind, tmp_path):
    """Of every family, for every option: one that differs in it is refused, or computes the same but for the head."""
    small = import_module(f"tests.models.test_{kind.__module__.rpartition('.')[2]}").SMALL
    base = kind(**{**small, "dtype": "float64"})
    theirs = kind(**{**base.config, "seed": 1})
    for param in theirs.named_state().values():
        param.value = RNG.uniform(0.5, 1, param.shape)
    saved(theirs, tmp_path)
    accepted, refused = set(), set()
    for name in signature(kind).parameters.keys() - {"dtype"}:
        for value in otherwise(name, base.config[name]):
            try:
                ours = kind(**{**base.config, name: value})
                ours.state_dict()
            except (TypeError, ValueError):
                continue
            try:
                begin_with(ours, tmp_path)
            except ValueError:
                refused.add(name)
                continue
            accepted.add(name)
            if name in MAY_CHANGE:
                continue
            for part, param in ours.named_state().items():  # the heads, which stayed
                param.value = theirs.named_state()[part].value
            inputs = theirs.example(2, 5, lambda shape, dtype: np.ones(shape, dtype))
            for got, expected in zip(*(leaves(model.forward(*inputs)[0]) for model in (ours, theirs)), strict=True):
                np.testing.assert_array_equal(got, expected, err_msg=f"{kind.__name__}({name}={value!r})")
    assert "seed" in accepted
    assert refused


def leaves(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)


def test_another_family(tmp_path):
    with pytest.raises(ValueError, match=r"holds a Mixer of .* parameters, which has no"):
        begin_with(ViT(**SIZES), saved(Mixer(**MIXER), tmp_path))
    with pytest.raises(ValueError, match=r"holds an AST of .* parameters, which has no"):
        begin_with(ViT(**SIZES), saved(AST(**SMALL_AST), tmp_path))


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileNotFoundError):
        begin_with(ViT(**SIZES), tmp_path / "missing.safetensors")
    (tmp_path / "checkpoint.safetensors").write_bytes(b"\x00" * 30)
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors"):
        begin_with(ViT(**SIZES), tmp_path)
    save_file({"a": np.ones(3)}, tmp_path / "strange.safetensors")
    with pytest.raises(ValueError, match=r"strange\.safetensors does not fit this ViT of"):
        begin_with(ViT(**SIZES), tmp_path / "strange.safetensors")


def test_rates_by_layer():
    model = ViT(**{**SIZES, "depth": 3}, num_classes=2)
    rate = by_layer(model, 0.5)
    rates = {name: rate(name, param) for name, param in model.named_params().items()}
    assert rates["patch_embed.proj.weight"] == rates["cls_token"] == rates["pos_embed"] == 0.5**4
    assert [rates[f"blocks.{i}.mlp.fc1.bias"] for i in range(3)] == [0.125, 0.25, 0.5]
    assert rates["norm.weight"] == rates["head.bias"] == 1


def test_rates_by_layer_of_other_families():
    """A block is a layer wherever it stands; its shortcut is a part of it."""
    resnet = ResNet(**RESNET)
    rate = by_layer(resnet, 0.5)
    rates = {name: rate(name, param) for name, param in resnet.named_params().items()}
    assert (rates["conv1.weight"], rates["layer1.0.conv1.weight"], rates["layer1.1.conv2.weight"]) == (
        1 / 16,
        1 / 8,
        1 / 4,
    )
    assert rates["layer2.0.conv1.weight"] == rates["layer2.0.downsample.1.bias"] == 1 / 2
    assert rates["fc.weight"] == 1
    swin = Swin(img_size=16, patch_size=2, embed_dim=6, depths=(2, 1), num_heads=(1, 2), window_size=4)
    rate = by_layer(swin, 0.5)
    rates = {name: rate(name, param) for name, param in swin.named_params().items()}
    assert rates["layers.0.blocks.0.norm1.weight"] < rates["layers.0.blocks.1.norm1.weight"]
    assert rates["layers.0.blocks.1.norm1.weight"] < rates["layers.1.downsample.norm.weight"]
    assert rates["layers.1.blocks.0.norm1.weight"] == 1 / 2


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", FAMILIES)
def test_rates_never_fall_in_the_order_of_forward(kind, seed, monkeypatch):
    """Whatever the family: what forward uses later learns no slower. So names stand in the order of forward."""
    rng = np.random.default_rng(seed)
    model = kind(**draw_options(kind, rng))
    inputs = model.example(2, 5, lambda shape, dtype: rng.integers(1, 3, shape).astype(dtype))
    masks = np.zeros((2, 1, *model.mask_size), model.dtype) if isinstance(model, SAM) else None
    more = {} if masks is None else {"masks": masks}  # which has layers that read them, and nothing else
    names = {id(param): name for name, param in model.named_params().items()}
    used: dict[int, None] = {}

    def of_numbers(param):
        used.setdefault(id(param))
        return param._value

    model.state_dict()  # all are drawn
    monkeypatch.setattr(Param, "value", property(of_numbers))
    model.forward(*inputs, **more)
    rate, params = by_layer(model, 0.5), model.named_params()
    in_order = [names[key] for key in used if key in names]
    rates = [rate(name, params[name]) for name in in_order]
    assert {*in_order} == {*params}
    assert rates[-1] == 1
    for others in product(*map(partial(parts_beside, in_order), model.beside)):  # one part of each place
        rates = [rate(name, params[name]) for name in in_order if not name.startswith(sum(others, ()))]
        assert rates == sorted(rates), dict(zip(in_order, rates, strict=False))


def parts_beside(names, way):
    """For each part that stands in this place, the others."""
    parts = {found[0] for name in names if (found := re.match(way, name))}
    return [(*(parts - {part}),) for part in parts]


def rates_of(model):
    rate = by_layer(model, 0.5)
    return {name: float(-np.log2(rate(name, param))) for name, param in model.named_params().items()}


def test_rates_by_layer_of_lists_in_lists():
    """Each block is a layer, whatever stands between the names of its two lists."""
    net = mv.create_model("swinir_tiny_dn", depths=(2, 2))
    rate, params = by_layer(net, 0.5), net.named_params()
    names = [f"layers.{i}.residual_group.blocks.{j}.norm1.weight" for i in (0, 1) for j in (0, 1)]
    rates = [rate(name, params[name]) for name in names]
    assert len({*rates}) == 4
    assert rates == sorted(rates)
    net = mv.create_model("cyclemlp_tiny_patch2_32", depths=(2, 2), embed_dims=(8, 16), mlp_ratios=(2, 2))
    rate, params = by_layer(net, 0.5), net.named_params()
    names = [f"network.{i}.{j}.norm1.weight" for i in (0, 2) for j in (0, 1)]
    rates = [rate(name, params[name]) for name in names]
    assert len({*rates}) == 4
    assert rates == sorted(rates)


def test_rates_by_layer_of_two_towers():
    """Each begins with its embedding and ends at the scale of both."""
    model = mv.create_model("clip_vit_tiny_patch8_64", depth=3, text_depth=2)
    rates = rates_of(model)
    for tower, first, depth in (("visual", "visual.patch_embed.proj.weight", 3), ("text", "text.embed.weight", 2)):
        blocks = [rates[f"{tower}.blocks.{i}.mlp.fc1.bias"] for i in range(depth)]
        assert [rates[first], *blocks] == [*range(depth + 1, 0, -1)]
        assert rates[f"{tower}_proj.weight"] == rates[f"{tower}.norm.bias"] == rates["logit_scale"] == 0


def test_rates_by_layer_of_what_answers_clicks():
    """The image's way is no longer for there being prompts, and each mask has a network of its own, the score too."""
    rates = rates_of(mv.create_model("sam_tiny_patch4_64"))
    decoder = rates["mask_decoder.mask_tokens"]
    assert rates["image_encoder.neck.3.bias"] == rates["prompt_encoder.mask_downscaling.6.bias"] == decoder + 1
    assert rates["image_encoder.patch_embed.proj.weight"] == max(rates.values()) == decoder + 4 + 4 + 1
    networks = [f"mask_decoder.output_hypernetworks_mlps.{i}.layers.{j}.bias" for i in range(4) for j in range(3)]
    assert {rates[name] for name in networks} == {0}
    assert rates["mask_decoder.iou_prediction_head.layers.2.bias"] == 0
    assert rates["mask_decoder.output_upscaling.3.bias"] == 0 < rates["mask_decoder.output_upscaling.0.bias"]
    assert rates["mask_decoder.transformer.layers.0.norm1.bias"] < decoder


def test_rates_by_layer_of_decoders():
    """A head that is new learns as a whole; the classes and the boxes of a query end side by side."""
    rates = rates_of(mv.create_model("upernet_swin_tiny_patch4_64"))
    assert {rate for name, rate in rates.items() if "_head." in name} == {0}
    assert {rates[f"norms.{i}.bias"] for i in range(3)} == {1}
    rates = rates_of(mv.create_model("detr_tiny_64"))
    assert rates["class_embed.bias"] == rates["bbox_embed.layers.2.bias"] == 0
    assert rates["backbone.conv1.weight"] == max(rates.values())


def test_rates_by_layer_of_a_hybrid():
    """Its first projection stands behind the stages of its backbone, with the positions, and not with the stem."""
    model = HybridViT(**{**HYBRID, "depth": 2})
    rate = by_layer(model, 0.5)
    rates = {name: rate(name, param) for name, param in model.named_params().items()}
    assert rates["blocks.0.norm1.weight"] == 1 / 4
    assert rates["patch_embed.proj.weight"] == rates["pos_embed"] == 1 / 8
    stages = [rates[f"patch_embed.backbone.stages.{name}.conv1.weight"] for name in ("0.blocks.0", "1.blocks.1")]
    assert stages == [1 / 64, 1 / 16]
    assert rates["patch_embed.backbone.stem.conv.weight"] == 1 / 128


@pytest.mark.parametrize(
    ("decay", "message"),
    [
        (float("nan"), "decay is nan; expected above 0 and at most 1"),
        (-0.5, r"decay is -0\.5; expected above 0 and at most 1"),
        (0.0, r"decay is 0\.0; expected above 0 and at most 1"),
        (1.5, r"decay is 1\.5; expected above 0 and at most 1"),
        ("x", "decay is 'x'; expected float"),
    ],
)
def test_a_decay_that_is_none(decay, message):
    """As of a recipe."""
    with pytest.raises((ValueError, TypeError), match=f"^by_layer: {message}$"):
        by_layer(ViT(**SIZES), decay)


def test_a_frozen_body_stays_and_only_the_head_learns():
    model = ViT(**SIZES, num_classes=3)
    before = model.state_dict()
    optimizer = AdamW(model, lr=1e-2, rates=only_head(model))
    assert [*optimizer.params] == ["head.weight", "head.bias"]
    assert {*optimizer.state_dict()} == {"steps", "m.head.weight", "v.head.weight", "m.head.bias", "v.head.bias"}
    images, labels = RNG.standard_normal((5, 8, 12, 3)).astype(np.float32), np.arange(5) % 3
    training_step(model, images, labels, optimizer=optimizer, clip_norm=1.0)
    changed = {name for name, value in model.state_dict().items() if not np.array_equal(value, before[name])}
    assert changed == {"head.weight", "head.bias"}


def test_what_is_clipped_is_what_is_learned():
    """Gradients of a body that stays would shorten those of the head."""
    images, labels = RNG.standard_normal((5, 8, 12, 3)).astype(np.float32), np.arange(5) % 3
    model = ViT(**SIZES, num_classes=3)
    training_step(model, images, labels, optimizer=SGD(model, lr=0.0, rates=only_head(model)))
    gradient = np.concatenate([model.head.weight.grad.ravel(), model.head.bias.grad])
    before = model.head.bias.value.copy()
    step = SGD(model, lr=1.0, rates=only_head(model))
    training_step(model, images, labels, optimizer=step, clip_norm=0.5 * float(np.linalg.norm(gradient)))
    np.testing.assert_allclose(before - model.head.bias.value, 0.5 * gradient[-3:], rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("kind", [SGD, AdamW, mv.train.Adam])
def test_a_rate_is_a_factor_of_the_learning_rate(kind):
    """Of the decay, too, where it is a part of the step."""

    def stepped(rate, lr):
        model = ViT(**SIZES, num_classes=3)
        model.head.weight.grad = np.ones_like(model.head.weight.value)
        optimizer = kind(model, lr=lr, weight_decay=0.1, rates=lambda name, param: rate)
        optimizer.step()
        return model.head.weight.value

    np.testing.assert_array_equal(stepped(0.5, 0.2), stepped(1.0, 0.1))


@pytest.mark.parametrize("rate", [-1.0, np.inf, np.nan])
def test_rates_that_are_none(rate):
    def rates(name: str, param: Param) -> float:
        return rate

    with pytest.raises(ValueError, match=r"the rate of patch_embed.proj.weight is"):
        SGD(ViT(**SIZES), rates=rates)
