"""Position embeddings of checkpoints on other grids, by the three conventions; see tests/test_parity.py, too."""

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import zoom

from minivit.models import ViT
from minivit.weights import load_google, load_hf, load_timm, resample_abs_pos_embed, to_timm
from tests.unchecked import without_annotations

from .test_loaders import CONFIG, FIXTURES, assert_refuses, each_loader, with_table


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


@pytest.mark.parametrize(("fixture", "load"), [("timm_google", load_google), ("hf_vit", load_hf)])
def test_a_square_grid_is_resampled_for_one_of_as_many_patches(fixture: str, load: Callable) -> None:
    """4 x 4 -> 2 x 8, as transformers does; what Google's own loader does not know."""
    old = np.random.default_rng(0).standard_normal((1, 17, 12))
    options: dict[str, Any] = {"antialias": False}
    if load is load_google:
        options |= {"interpolation": "bilinear", "align_corners": True}
    expected = resample_abs_pos_embed(old, (2, 8), **options)
    assert np.abs(expected - old).max() > 1
    model = ViT(**{**CONFIG, "img_size": (8, 16)}, dtype="float64")
    load(model, with_table(fixture, old))
    np.testing.assert_array_equal(model.pos_embed.value, expected)
    load(model, with_table(fixture, old), grid=(2, 8))
    np.testing.assert_array_equal(model.pos_embed.value, old)
    load(model, with_table(fixture, old), grid=(8, 2))
    np.testing.assert_array_equal(model.pos_embed.value, resample_abs_pos_embed(old, (2, 8), (8, 2), **options))


def test_timm_takes_positions_for_as_many_patches_as_they_are() -> None:
    old = np.random.default_rng(0).standard_normal((1, 17, 12))
    model = ViT(**{**CONFIG, "img_size": (8, 16)}, dtype="float64")
    load_timm(model, with_table("timm_vit_token", old))
    np.testing.assert_array_equal(model.pos_embed.value, old)
    load_timm(model, with_table("timm_vit_token", old), grid=(4, 4))
    np.testing.assert_array_equal(model.pos_embed.value, resample_abs_pos_embed(old, (2, 8)))


@each_loader
def test_the_grid_of_the_checkpoint_may_be_given(fixture: str, load: Callable) -> None:
    """Otherwise 3 x 12 would be taken for 6 x 6."""
    old = np.random.default_rng(0).standard_normal((1, 37, 12))
    model, square = (ViT(**CONFIG, dtype="float64") for _ in range(2))
    load(model, with_table(fixture, old), grid=(3, 12))
    load(square, with_table(fixture, old))
    assert np.abs(model.pos_embed.value - square.pos_embed.value).max() > 0.1
    message = "positions for 36 patches make no grid of 4 x 8; .* the model's 2 x 3"
    assert_refuses(
        lambda model, arrays: load(model, arrays, grid=(4, 8)), model, with_table(fixture, old), ValueError, message
    )


def test_positions_for_patches_only_are_named() -> None:
    """As timm has them where no_embed_class is set: 4 x 4 for a model with one more for its class token."""
    arrays = with_table("timm_vit_token", np.zeros((1, 16, 12)))
    message = (
        "positions for 15 patches .* if none of them is for a class token, they are 4 x 4, and this model needs 1 more"
    )
    assert_refuses(load_timm, ViT(**CONFIG), arrays, ValueError, message)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"new_size": (2, 3)}, "positions for 11 patches make no square grid: their .* must be given"),
        ({"new_size": 3, "old_size": (3, 4)}, "positions for 11 patches make no grid of 3 x 4"),
        (
            {"new_size": 3, "old_size": (-1, -11)},
            r"^resample_abs_pos_embed: old_size is \(-1, -11\); expected at least 1$",
        ),
        ({"new_size": 3, "num_prefix_tokens": 12}, "12 positions, 12 of them in front, are positions for 0 patches"),
        ({"new_size": 3, "num_prefix_tokens": -1}, "num_prefix_tokens is -1; expected at least 0"),
        ({"new_size": (0, 3), "old_size": (1, 11)}, r"new_size is \(0, 3\); expected at least 1"),
        ({"new_size": 3, "old_size": (1, 11), "interpolation": "area"}, 'mode is .area.; expected "bilinear"'),
        ({"new_size": 3, "old_size": (1, 11), "align_corners": True}, "antialias and align_corners exclude each other"),
    ],
)
def test_positions_that_make_no_grid(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resample_abs_pos_embed(np.zeros((1, 12, 5)), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"new_size": 4.0}, r"new_size is 4\.0; expected int or \(int, int\)"),
        ({"new_size": "4"}, r"new_size is '4'; expected int or \(int, int\)"),
        ({"new_size": True}, r"new_size is True; expected int or \(int, int\)"),
        ({"new_size": (4, 4, 4)}, r"new_size is \(4, 4, 4\); expected int or \(int, int\)"),
        ({"new_size": 4, "old_size": (3, 3.0)}, r"old_size is \(3, 3\.0\); expected int or \(int, int\) or None"),
        ({"new_size": 4, "num_prefix_tokens": 1.0}, r"num_prefix_tokens is 1\.0; expected int"),
        ({"new_size": 4, "antialias": 1}, r"antialias is 1; expected bool"),
        ({"new_size": 4, "posemb": np.zeros((1, 10, 5), int)}, r"posemb has dtype int64; expected float32 or float64"),
        ({"new_size": 4, "posemb": [[0.0]]}, r"posemb is \[\[0\.0\]\], of type list; expected a NumPy array"),
    ],
    ids=str,
)
def test_sizes_that_are_none(options: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=f"^resample_abs_pos_embed: {message}$"):
        resample_abs_pos_embed(**{"posemb": np.zeros((1, 10, 5)), **options})


@pytest.mark.parametrize("size", [np.int64(4), np.uint8(4), np.array(4), (np.int32(4), 4)], ids=repr)
def test_sizes_may_be_numpys_integers(size: Any) -> None:
    old = np.random.default_rng(0).standard_normal((1, 10, 5))
    three: Any = np.int64(3)
    right = resample_abs_pos_embed(old, 4, 3)
    np.testing.assert_array_equal(resample_abs_pos_embed(old, size, three), right)


@each_loader
def test_a_grid_that_is_none(fixture: str, load: Callable) -> None:
    arrays = with_table(fixture, np.random.default_rng(0).standard_normal((1, 37, 12)))
    for grid, error, message in (
        (4.0, TypeError, r"^grid is 4\.0; expected int or \(int, int\)$"),
        ((0, 36), ValueError, r"^grid is \(0, 36\); expected at least 1$"),
    ):
        with pytest.raises(error, match=message):
            without_annotations(load)(ViT(**CONFIG), arrays, grid=grid)
    model, other = ViT(**CONFIG), ViT(**CONFIG)
    without_annotations(load)(model, arrays, grid=(np.int64(3), np.int64(12)))
    load(other, arrays, grid=(3, 12))
    np.testing.assert_array_equal(model.pos_embed.value, other.pos_embed.value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_resampled_positions_keep_dtype_and_what_is_in_front(dtype: str) -> None:
    old = np.random.default_rng(0).standard_normal((2, 3 + 16, 5)).astype(dtype)
    new = resample_abs_pos_embed(old, (5, 2), num_prefix_tokens=3)
    assert new.dtype == dtype
    assert new.shape == (2, 3 + 10, 5)
    np.testing.assert_array_equal(new[:, :3], old[:, :3])
    assert resample_abs_pos_embed(old, 4, num_prefix_tokens=3) is old
    assert resample_abs_pos_embed(old, (2, 8), (2, 8), num_prefix_tokens=3) is old
    assert resample_abs_pos_embed(old[:, :9], (2, 3), num_prefix_tokens=3).shape == (2, 9, 5)
    assert resample_abs_pos_embed(old[:0], (5, 2), num_prefix_tokens=3).shape == (0, 13, 5)


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
