"""Loaders of foreign weights: layouts, resampled positions, and what is said when something does not fit.

Their files and names are tested in test_files.py and test_names.py; that the loaded models compute what
the others compute, in tests/test_parity.py.
"""

import re
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy import ndarray
from safetensors.numpy import save_file

import minivit as mv
from minivit.models import AttentionAugmentedResNet, Mixer, Model, Swin, Transformer, ViT
from minivit.weights import load_google, load_hf, load_timm, load_torch, tables, to_timm
from minivit.weights.names import listed

FIXTURES = Path(__file__).parents[1] / "fixtures"
CONFIG = {"img_size": (8, 6), "patch_size": (4, 2), "embed_dim": 12, "depth": 2, "num_heads": 3, "num_classes": 5}
CONFIG |= {"mlp_ratio": 2.0, "act_layer": "gelu_tanh"}
TRANSFORMER: dict[str, Any] = {
    "vocab_size": 0,
    "embed_dim": 12,
    "num_heads": 3,
    "mlp_ratio": 20 / 12,
    "norm_first": True,
}
TRANSFORMER |= {"encoder_depth": 2, "decoder_depth": 3, "final_norm": True}
LOADERS = {"timm_vit_token": load_timm, "timm_google": load_google, "hf_vit": load_hf}
POSITIONS = {
    "timm_vit_token": "pos_embed",
    "timm_google": "Transformer/posembed_input/pos_embedding",
    "hf_vit": "vit.embeddings.position_embeddings",
}

each_loader = pytest.mark.parametrize(("fixture", "load"), LOADERS.items())


@cache
def read_fixture(fixture: str) -> dict[str, ndarray]:
    with np.load(FIXTURES / f"{fixture}.npz") as file:
        return {key.removeprefix("param/"): file[key] for key in file.files if key.startswith("param/")}


def checkpoint(fixture: str) -> dict[str, ndarray]:
    return {name: array.copy() for name, array in read_fixture(fixture).items()}


def with_table(fixture: str, table: ndarray) -> dict[str, ndarray]:
    return {**checkpoint(fixture), POSITIONS[fixture]: table}


def assert_same(model: Model, other: Model) -> None:
    for param, other_param in zip(model.params, other.params, strict=True):
        np.testing.assert_array_equal(param.value, other_param.value)


def assert_refuses(load: Callable, model: Model, arrays: Any, error: type[Exception], match: str) -> None:
    """The error says what is wrong, and the model is as it was."""
    before = model.state_dict()
    with pytest.raises(error, match=match):
        load(model, arrays)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@pytest.mark.parametrize("options", [{}, {"global_pool": "avg"}, {"global_pool": "avg", "class_token": False}])
def test_to_timm_is_the_inverse_of_load_timm(options: dict) -> None:
    model, again = ViT(**CONFIG, **options, seed=1), ViT(**CONFIG, **options, seed=2)
    arrays = to_timm(model)
    assert list(arrays) == list(model.named_params())
    assert arrays["patch_embed.proj.weight"].shape == (12, 3, 4, 2)
    assert arrays["blocks.0.attn.qkv.weight"].shape == (36, 12)
    assert all(array.flags.c_contiguous for array in arrays.values())
    load_timm(again, arrays)
    assert_same(model, again)


@given(
    grid=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    patch=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    pool=st.sampled_from([("token", True), ("avg", True), ("avg", False)]),
    fc_norm=st.sampled_from([None, True, False]),
    qkv_bias=st.booleans(),
    grad_checkpointing=st.booleans(),
    sizes=st.tuples(*(st.integers(1, 3) for _ in range(4))),
    num_classes=st.integers(0, 3),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_to_timm_is_the_inverse_of_load_timm_for_all_options(
    grid: tuple[int, int],
    patch: tuple[int, int],
    pool: tuple[str, bool],
    sizes: tuple[int, ...],
    **options: Any,
) -> None:
    """Also where heads, patches or grids make other axes as long: nothing is told by its length."""
    depth, num_heads, width, in_chans = sizes
    options |= {"img_size": (grid[0] * patch[0], grid[1] * patch[1]), "patch_size": patch, "in_chans": in_chans}
    options |= {"depth": depth, "num_heads": num_heads, "embed_dim": width * num_heads, "mlp_ratio": 1.0}
    options |= {"global_pool": pool[0], "class_token": pool[1]}
    model, again = ViT(**options, seed=1), ViT(**options, seed=2)
    load_timm(again, to_timm(model))
    assert_same(model, again)
    assert list(to_timm(again)) == list(again.named_params())


def test_to_timm_shares_no_memory_with_the_model() -> None:
    model = ViT(**CONFIG)
    before = model.state_dict()
    for array in to_timm(model).values():
        array += 1
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@each_loader
@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
def test_a_file_loads_as_its_arrays(fixture: str, load: Callable, suffix: str, tmp_path: Path) -> None:
    arrays, path = checkpoint(fixture), tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(arrays, path)
    else:
        np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    model, from_path, from_str = (ViT(**CONFIG) for _ in range(3))
    load(model, arrays)
    load(from_path, path)
    load(from_str, str(path))
    assert_same(model, from_path)
    assert_same(model, from_str)


def test_bad_files_are_named(tmp_path: Path) -> None:
    model = ViT(**CONFIG)
    for name in ("a.npz", "a.safetensors"):
        with pytest.raises(FileNotFoundError, match=re.escape(f"there is no file {tmp_path / name}")):
            load_timm(model, tmp_path / name)
        (tmp_path / name).write_bytes(b"not weights")
        with pytest.raises(ValueError, match=re.escape(str(tmp_path / name))):
            load_timm(model, tmp_path / name)
    with pytest.raises(ValueError, match=r"from \.safetensors and \.npz files, not from model\.bin"):
        load_timm(model, tmp_path / "model.bin")


ASIDE = {
    "timm_vit_token": ["pre_logits.fc.weight", "pre_logits.fc.bias"],
    "timm_google": ["pre_logits/kernel", "pre_logits/bias"],
    "hf_vit": ["vit.pooler.dense.weight", "vit.embeddings.mask_token", "decoder.0.bias"],
}


@each_loader
@pytest.mark.parametrize("keep_head", [False, True])
def test_what_official_loaders_leave_aside_is_left_aside_and_said(
    fixture: str, load: Callable, keep_head: bool
) -> None:
    model, again = ViT(**CONFIG), ViT(**CONFIG)
    load(model, checkpoint(fixture), keep_head=keep_head)
    more = {name: np.ones((12, 12)) for name in ASIDE[fixture]}
    with pytest.warns(UserWarning, match=f"left {listed(ASIDE[fixture])} aside: ") as caught:
        load(again, {**checkpoint(fixture), **more}, keep_head=keep_head)
    assert len(caught) == 1
    assert_same(model, again)


@each_loader
def test_a_good_checkpoint_loads_without_a_word(fixture: str, load: Callable) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(ViT(**CONFIG), checkpoint(fixture))
        load(ViT(**CONFIG), checkpoint(fixture), keep_head=True)


@each_loader
def test_a_missing_array_is_named(fixture: str, load: Callable) -> None:
    arrays = checkpoint(fixture)
    for name in list(arrays)[::5]:
        rest = {key: array for key, array in arrays.items() if key != name}
        assert_refuses(load, ViT(**CONFIG), rest, KeyError, f"array '{name}' is missing")


@each_loader
def test_an_array_too_many_is_named(fixture: str, load: Callable) -> None:
    arrays = {**checkpoint(fixture), "extra/weight": np.zeros(3)}
    assert_refuses(load, ViT(**CONFIG), arrays, KeyError, "array 'extra/weight' has no place in this model")


@each_loader
def test_a_wrong_shape_is_named_in_the_layout_of_the_file(fixture: str, load: Callable) -> None:
    arrays = checkpoint(fixture)
    name = next(name for name in arrays if name.endswith(("fc1.weight", "Dense_0/kernel")))
    wrong = {**arrays, name: arrays[name].T}
    expected = re.escape(f"'{name}' has shape {arrays[name].T.shape}; this model expects {arrays[name].shape}")
    assert_refuses(load, ViT(**CONFIG), wrong, ValueError, expected)


@each_loader
def test_a_flat_array_of_the_right_size_is_refused(fixture: str, load: Callable) -> None:
    arrays = checkpoint(fixture)
    for name, array in arrays.items():
        if array.ndim > 1:
            assert_refuses(load, ViT(**CONFIG), {**arrays, name: array.ravel()}, ValueError, f"'{name}' has shape")


@each_loader
def test_another_number_of_classes_is_named(fixture: str, load: Callable) -> None:
    model = ViT(**{**CONFIG, "num_classes": 7})
    message = r"is for 5 classes, the model for 7: .*num_classes=5.*keep_head=True"
    assert_refuses(load, model, checkpoint(fixture), ValueError, message)


@each_loader
@pytest.mark.parametrize("num_classes", [7, 0])
def test_keep_head_loads_all_but_the_head(fixture: str, load: Callable, num_classes: int) -> None:
    model, whole = ViT(**{**CONFIG, "num_classes": num_classes}), ViT(**CONFIG)
    head = {name: value for name, value in model.state_dict().items() if name.startswith("head.")}
    load(model, checkpoint(fixture), keep_head=True)
    load(whole, checkpoint(fixture))
    expected = {**whole.state_dict(), **head}
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, expected[name])


@pytest.mark.parametrize(("option", "value"), [("act_layer", "gelu"), ("norm_eps", 1e-12)])
def test_google_says_which_option_it_needs(option: str, value: object) -> None:
    config = {**CONFIG, option: value}
    arrays = checkpoint("timm_google")
    assert_refuses(load_google, ViT(**config), arrays, ValueError, f"build it with {option}=.*exact=False")
    model = ViT(**config)
    load_google(model, arrays, exact=False)
    np.testing.assert_array_equal(model.state_dict()["head.bias"], arrays["head/bias"].astype(np.float32))


def test_google_in_another_activation_differs_by_about_1e_4() -> None:
    """As load_google says it."""
    exact, erf = ViT(**CONFIG, dtype="float64"), ViT(**{**CONFIG, "act_layer": "gelu"}, dtype="float64")
    load_google(exact, checkpoint("timm_google"))
    load_google(erf, checkpoint("timm_google"), exact=False)
    images = np.random.default_rng(0).standard_normal((8, 8, 6, 3))
    logits = exact.forward(images)[0]
    difference = np.abs(erf.forward(images)[0] - logits).max() / np.abs(logits).max()
    assert 2e-5 < difference < 5e-4


def body_alone(arrays: dict[str, ndarray]) -> dict[str, ndarray]:
    """As ViTModel has them."""
    return {n.removeprefix("vit."): a for n, a in arrays.items() if not n.startswith("classifier")}


def test_hf_body_alone() -> None:
    model, again = ViT(**CONFIG, seed=1), ViT(**CONFIG, seed=1)
    load_hf(model, checkpoint("hf_vit"), keep_head=True)
    arrays = {**body_alone(checkpoint("hf_vit")), "pooler.dense.bias": np.zeros(12)}
    with pytest.warns(UserWarning, match=r"left 'pooler\.dense\.bias' aside"):
        load_hf(again, arrays, keep_head=True)
    assert_same(model, again)
    message = "'classifier.bias', 'classifier.weight' are missing: the checkpoint has no head: keep_head=True"
    assert_refuses(load_hf, ViT(**CONFIG), arrays, KeyError, message)


@pytest.mark.parametrize(("fixture", "load"), [("timm_google", load_google), ("hf_vit", load_hf)])
def test_models_that_normalise_after_pooling_are_refused(fixture: str, load: Callable) -> None:
    model = ViT(**CONFIG, global_pool="avg")
    assert_refuses(load, model, checkpoint(fixture), ValueError, "build the model with fc_norm=False")


def test_hf_names_of_older_versions() -> None:
    older = {
        "vit.layers.": "vit.encoder.layer.",
        "attention.q_proj": "attention.attention.query",
        "attention.k_proj": "attention.attention.key",
        "attention.v_proj": "attention.attention.value",
        "attention.o_proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",
    }
    arrays = {}
    for name, array in checkpoint("hf_vit").items():
        for new, old in older.items():
            name = name.replace(new, old)
        arrays[name] = array
    assert "vit.encoder.layer.1.attention.attention.query.weight" in arrays
    model, again = ViT(**CONFIG), ViT(**CONFIG)
    load_hf(model, checkpoint("hf_vit"))
    load_hf(again, arrays)
    assert_same(model, again)


MIXER: dict[str, Any] = {"img_size": (8, 6), "patch_size": (4, 2), "num_blocks": 2, "embed_dim": 10, "num_classes": 5}
MIXER |= {"mlp_ratio": (0.7, 2.0), "act_layer": "gelu_tanh"}
MIXER_LOADERS = {"timm_mixer": load_timm, "google_mixer": load_google}


@pytest.mark.parametrize(("fixture", "load"), MIXER_LOADERS.items())
def test_a_mixer_is_loaded_whole_or_not_at_all(fixture: str, load: Callable) -> None:
    """Another family, more blocks, another grid, other classes, and without the head."""
    vit = {"timm_mixer": "timm_vit_token", "google_mixer": "timm_google"}[fixture]
    names = r"arrays .* and \d+ more are missing and arrays .* and \d+ more have no place in this model: "
    for model, theirs in ((Mixer(**MIXER), vit), (ViT(**CONFIG), fixture)):
        assert_refuses(load, model, checkpoint(theirs), KeyError, f"{names}these are not the weights of this model")
    deeper = Mixer(**{**MIXER, "num_blocks": 3})
    depth = "missing: the checkpoint's depth is 2, the model's 3: build it with num_blocks=2"
    assert_refuses(load, deeper, checkpoint(fixture), KeyError, depth)
    shape = r"fc1.weight' has shape \(7, 6\); this model expects \(7, 12\)"
    if load is load_google:
        shape = r"token_mixing/Dense_0/kernel' has shape \(6, 7\); this model expects \(12, 7\)"
    assert_refuses(load, Mixer(**{**MIXER, "img_size": (8, 12)}), checkpoint(fixture), ValueError, shape)
    other = Mixer(**{**MIXER, "num_classes": 7})
    assert_refuses(load, other, checkpoint(fixture), ValueError, "is for 5 classes, the model for 7")
    load(other, checkpoint(fixture), keep_head=True)


def test_to_timm_is_the_inverse_of_load_timm_for_a_mixer() -> None:
    model, again = Mixer(**MIXER, seed=1), Mixer(**MIXER, seed=2, grad_checkpointing=True)
    load_timm(again, to_timm(model))
    assert_same(model, again)
    assert to_timm(model)["blocks.1.mlp_tokens.fc1.weight"].shape == (7, 6)


def test_names_of_timm_and_of_google_are_told_apart() -> None:
    for load, other in ((load_timm, "google_mixer"), (load_google, "timm_mixer")):
        message = f"these are weights for {MIXER_LOADERS[other].__name__}"
        assert_refuses(load, Mixer(**MIXER), checkpoint(other), KeyError, message)


def test_google_says_which_option_a_mixer_needs() -> None:
    for option, value in (("act_layer", "gelu"), ("norm_eps", 1e-5)):
        arrays = checkpoint("google_mixer")
        assert_refuses(load_google, Mixer(**{**MIXER, option: value}), arrays, ValueError, f"build it with {option}=")


def test_checkpointed_blocks_have_the_same_names() -> None:
    model, again = ViT(**CONFIG), ViT(**CONFIG, grad_checkpointing=True, seed=1)
    load_timm(again, to_timm(model))
    assert_same(model, again)


def test_a_preset_loads() -> None:
    """The names and some shapes of vit_tiny_patch16_224, as timm lists them."""
    arrays = to_timm(mv.create_model("vit_tiny_patch16_224"))
    assert len(arrays) == 4 + 12 * 12 + 4
    assert arrays["patch_embed.proj.weight"].shape == (192, 3, 16, 16)
    assert arrays["pos_embed"].shape == (1, 197, 192)
    assert arrays["blocks.11.mlp.fc2.weight"].shape == (192, 768)
    assert arrays["head.weight"].shape == (1000, 192)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocab_size": 7}, "has neither embedding nor head: build the model with vocab_size=0"),
        ({"final_norm": False}, "normalises behind its last blocks: build the model with final_norm=True"),
        ({"norm_first": False, "final_norm": None}, "build the model with final_norm=True"),
    ],
)
def test_transformers_that_pytorch_does_not_have(options, message):
    model = Transformer(**{**TRANSFORMER, **options})
    with pytest.raises(ValueError, match=message):
        load_torch(model, {})


def test_each_third_of_what_pytorch_keeps_in_one():
    """Queries, keys and values of cross-attention; a file of another size is refused, and nothing is changed."""
    model = Transformer(**TRANSFORMER, dtype="float64")
    arrays = {
        name: array for name, array in read_fixture("transformer_pre").items() if name[:7] in ("encoder", "decoder")
    }
    load_torch(model, arrays)
    theirs, ours = arrays["decoder.layers.2.multihead_attn.in_proj_weight"], model.named_params()
    for i, name in enumerate("qkv"):
        np.testing.assert_array_equal(
            ours[f"decoder.2.cross_attn.{name}.weight"].value, theirs[12 * i : 12 * (i + 1)].T
        )
    before = model.state_dict()
    wrong = {**arrays, "decoder.layers.2.multihead_attn.in_proj_weight": theirs[:24]}
    with pytest.raises(ValueError, match=r"in_proj_weight' has shape \(24, 12\); this model expects \(36, 12\)"):
        load_torch(model, wrong)
    del wrong["decoder.layers.2.multihead_attn.in_proj_weight"]
    with pytest.raises(KeyError, match=r"array 'decoder\.layers\.2\.multihead_attn\.in_proj_weight' is missing"):
        load_torch(model, wrong)
    assert all(np.array_equal(before[name], value) for name, value in model.state_dict().items())


def test_pytorch_has_no_vision_transformer():
    with pytest.raises(TypeError, match=r"load_torch knows .*Transformer, not ViT"):
        load_torch(ViT(**CONFIG), {})


SWIN: dict[str, Any] = {"patch_size": 2, "embed_dim": 8, "num_heads": (2, 4), "window_size": 4, "num_classes": 3}


@pytest.mark.parametrize(("theirs", "ours"), [((2, 2), (2, 3)), ((2, 2), (2, 1)), ((2, 1), (0, 1)), ((1, 0), (1, 2))])
@pytest.mark.filterwarnings("ignore")
def test_other_depths_of_stages_are_named(theirs: tuple[int, ...], ours: tuple[int, ...]) -> None:
    model, other = (Swin(img_size=32, depths=depths, **SWIN) for depths in (ours, theirs))
    counted = theirs if theirs[-1] else theirs[:-1]  # a stage without blocks leaves no name of one
    message = re.escape(f"the checkpoint's stages have {counted} blocks, the model's {ours}: build it with depths=")
    with pytest.raises(KeyError, match=message):
        load_timm(model, to_timm(other))


def test_a_checkpoint_of_another_window() -> None:
    model, other = (Swin(img_size=32, depths=(1, 1), **{**SWIN, "window_size": side}) for side in (8, 4))
    with pytest.raises(
        ValueError, match=r"The checkpoint's window is 4 x 4, this model's needs 225 rows: .*window_size=4"
    ):
        load_timm(model, to_timm(other))


def test_a_checkpoint_of_larger_images_whose_windows_are_cut() -> None:
    """Of the same window_size, which is more than the last map of one of them."""
    model, other = (Swin(img_size=side, depths=(1, 1), **{**SWIN, "window_size": 8}) for side in (16, 32))
    with pytest.raises(ValueError, match=r"window is 8 x 8, this model's needs 49 rows: .* checkpoint's img_size$"):
        load_timm(model, to_timm(other))


@pytest.mark.parametrize(
    ("there", "here", "message"),
    [
        ((8, 6), (12, 6), r"key_rel_h' has shape \(7, 20\); this model expects \(11, 20\).* 4 rows, here 6: .*img_"),
        ((8, 6), (8, 12), r"key_rel_w' has shape \(5, 20\); this model expects \(11, 20\).* 3 columns, here 6: .*img_"),
    ],
)
def test_a_checkpoint_for_maps_of_another_size(there: tuple[int, int], here: tuple[int, int], message: str) -> None:
    options: dict[str, Any] = {"block": "basic", "layers": (1, 1), "channels": (4, 6), "num_heads": 2, "stem": "3x3"}
    model, other = (AttentionAugmentedResNet(img_size=size, num_classes=3, **options) for size in (here, there))
    with pytest.raises(ValueError, match=message):
        load_timm(model, to_timm(other))


def test_official_names_of_a_swin() -> None:
    """Its merging stands a stage earlier, its head has another name, and its buffers are stored."""
    model, other = (Swin(img_size=32, depths=(2, 1), seed=seed, **SWIN) for seed in (0, 1))
    official = {
        name.replace("layers.1.downsample", "layers.0.downsample").replace("head.fc", "head"): array
        for name, array in to_timm(other).items()
    }
    buffers: dict[str, ndarray] = {
        "layers.0.blocks.0.attn.relative_position_index": np.zeros((16, 16), np.int64),
        "layers.0.blocks.1.attn_mask": np.zeros((16, 16, 16), np.float32),
    }
    with pytest.warns(UserWarning, match="it is computed from the window's size, not learned"):
        load_timm(model, {**official, **buffers})
    for name, array in to_timm(other).items():
        np.testing.assert_array_equal(to_timm(model)[name], array)


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        ({"img_size": 32}, True),
        ({"img_size": (16, 32)}, True),  # a single block of the second stage is not shifted
        (
            {"img_size": (16, 32), "depths": (1, 2)},
            False,
        ),  # of maps of 4 x 8, transformers shift none, timm the longer side
        ({"img_size": 32, "shifted": False}, False),  # transformers shift, and have tables of relative positions
        ({"img_size": 32, "relative_position": "only"}, False),
        ({"img_size": 32, "relative_position": "none"}, False),
        ({"img_size": 32, "patch_norm": False}, False),
        ({"img_size": 36}, False),
        ({"img_size": 36, "depths": (1, 1)}, True),  # nothing is shifted: both fill up alike
        ({"img_size": 32, "window_size": (4, 2)}, False),
        ({"img_size": (16, 32), "windows_like": "transformers"}, True),
        ({"img_size": 36, "windows_like": "mmsegmentation"}, True),  # both fill up first
        ({"img_size": (16, 32), "depths": (1, 2), "windows_like": "mmsegmentation"}, False),  # which shifts all
    ],
    ids=str,
)
def test_where_transformers_cut_otherwise_it_is_said(options: dict[str, Any], fits: bool) -> None:
    model = Swin(**{"depths": (2, 1), **SWIN, **options})
    assert bool(tables.find("hf", model).unfit) != fits
