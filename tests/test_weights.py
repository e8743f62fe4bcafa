"""Loaders of foreign weights: layouts, resampled positions, and what is said when something does not fit.

That the loaded models compute what the others compute is tested in test_parity.py.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy import ndarray
from safetensors.numpy import save_file
from scipy.ndimage import zoom

import minivit as mv
from minivit.models import ViT
from minivit.weights import load_google, load_hf, load_timm, to_timm

FIXTURES = Path(__file__).parent / "fixtures"
CONFIG = {"img_size": (8, 6), "patch_size": (4, 2), "embed_dim": 12, "depth": 2, "num_heads": 3, "num_classes": 5}
CONFIG |= {"mlp_ratio": 2.0, "act_layer": "gelu_tanh"}
LOADERS = {"timm_vit_token": load_timm, "timm_google": load_google, "hf_vit": load_hf}
POSITIONS = {
    "timm_vit_token": "pos_embed",
    "timm_google": "Transformer/posembed_input/pos_embedding",
    "hf_vit": "vit.embeddings.position_embeddings",
}

each_loader = pytest.mark.parametrize(("fixture", "load"), LOADERS.items())


def checkpoint(fixture: str) -> dict[str, ndarray]:
    with np.load(FIXTURES / f"{fixture}.npz") as file:
        return {key.removeprefix("param/"): file[key] for key in file.files if key.startswith("param/")}


def assert_same(model: ViT, other: ViT) -> None:
    for param, other_param in zip(model.params, other.params, strict=True):
        np.testing.assert_array_equal(param.value, other_param.value)


def assert_refuses(load: Callable, model: ViT, arrays: dict[str, ndarray], error: type[Exception], match: str) -> None:
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


def test_to_timm_shares_no_memory_with_the_model() -> None:
    model = ViT(**CONFIG)
    before = model.state_dict()
    for array in to_timm(model).values():
        array += 1
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


@each_loader
def test_values_take_the_dtype_of_the_model(fixture: str, load: Callable) -> None:
    single, double = ViT(**CONFIG), ViT(**CONFIG, dtype="float64")
    load(single, checkpoint(fixture))
    load(double, checkpoint(fixture))
    for param, exact in zip(single.params, double.params, strict=True):
        assert param.value.dtype == np.float32
        np.testing.assert_array_equal(param.value, exact.value.astype(np.float32))


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


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_timm(ViT(**CONFIG), tmp_path / "a.npz")


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


def with_table(fixture: str, table: ndarray) -> dict[str, ndarray]:
    return {**checkpoint(fixture), POSITIONS[fixture]: table}


@each_loader
def test_positions_of_a_square_grid_are_resampled(fixture: str, load: Callable) -> None:
    """3 x 3 -> 2 x 5, by the functions of timm (float32), transformers, and the one of SciPy that Google uses."""
    with np.load(FIXTURES / "positions.npz") as file:
        old, timm, hf = file["in/pos_embed"], file["out/timm"], file["out/hf"]
        rows, columns = json.loads(file["__meta__"].tobytes())["grid"]
    google = np.asarray(zoom(old[0, 1:].reshape(3, 3, 12), (rows / 3, columns / 3, 1), order=1))
    google = google.reshape(1, rows * columns, 12)
    expected = {"timm_vit_token": timm, "hf_vit": hf, "timm_google": np.concatenate((old[:, :1], google), axis=1)}
    tolerance = {"timm_vit_token": 1e-6, "hf_vit": 1e-12, "timm_google": 1e-12}

    model = ViT(**{**CONFIG, "img_size": (4 * rows, 2 * columns)}, dtype="float64")
    load(model, with_table(fixture, old))
    np.testing.assert_allclose(model.pos_embed.value, expected[fixture], rtol=0, atol=tolerance[fixture])
    np.testing.assert_array_equal(model.pos_embed.value[:, 0], old[:, 0])


def test_positions_without_class_token_are_resampled() -> None:
    model = ViT(**CONFIG, global_pool="avg", class_token=False)
    arrays = {**to_timm(model), "pos_embed": np.ones((1, 16, 12), np.float32)}
    load_timm(model, arrays)
    np.testing.assert_allclose(model.pos_embed.value, 1, rtol=1e-6)


@each_loader
def test_positions_that_do_not_fit_are_named(fixture: str, load: Callable) -> None:
    not_square = with_table(fixture, np.zeros((1, 1 + 8, 12)))
    assert_refuses(load, ViT(**CONFIG), not_square, ValueError, r"positions for 8 patches.* the model's 2 x 3")
    only_class_token = with_table(fixture, np.zeros((1, 1, 12)))
    assert_refuses(load, ViT(**CONFIG), only_class_token, ValueError, "positions for 0 patches")
    for shape in [(1, 7, 13), (7, 12), (2, 7, 12)]:
        wrong = with_table(fixture, np.zeros(shape))
        assert_refuses(load, ViT(**CONFIG), wrong, ValueError, re.escape(f"has shape {shape}"))


@pytest.mark.parametrize(("option", "value"), [("act_layer", "gelu"), ("norm_eps", 1e-12)])
def test_google_says_which_option_it_needs(option: str, value: object) -> None:
    config = {**CONFIG, option: value}
    arrays = checkpoint("timm_google")
    assert_refuses(load_google, ViT(**config), arrays, ValueError, f"build it with {option}=.*exact=False")
    model = ViT(**config)
    load_google(model, arrays, exact=False)
    np.testing.assert_array_equal(model.state_dict()["head.bias"], arrays["head/bias"].astype(np.float32))


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
