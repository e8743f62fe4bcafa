"""What SwinIR promises beyond Swin; tests/test_parity_restoration.py holds it against the official code's formulas."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers import AnyWindowAttention, WindowAttention
from minivit.models import SwinIR
from minivit.models.swin_ir import RGB_MEAN
from minivit.weights import load_timm, to_timm
from tests import facts
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (8, 12),
    "embed_dim": 4,
    "depths": (2,),
    "num_heads": (2,),
    "window_size": 4,
    "mlp_ratio": 1.5,
    "upscale": 1,
    "num_feat": 2,
}


def swin_ir(**options: Any) -> SwinIR:
    return SwinIR(**{**SMALL, **options})


def random(model: SwinIR) -> SwinIR:
    """All numbers random: the last convolution begins with zeros."""
    model.init(0, "float64")
    for param in model.named_params().values():
        param.value = RNG.standard_normal(param.shape) / 2
    return model


def photographs(*shape: int) -> np.ndarray:
    return RNG.random(shape)


@pytest.mark.sampled(every=0, rest=3)
@pytest.mark.parametrize("name", facts.SWIN_IR)
@without_annotations
def test_parameters_and_macs(name):
    model, (params, macs) = mv.create_model(name), facts.SWIN_IR[name]
    assert model.num_params == params
    assert mv.cost.estimate(model).macs_forward == macs


OPTIONS: list[tuple[dict[str, Any], tuple[int, int]]] = [
    ({}, (8, 12)),
    ({"in_chans": 1, "img_range": 3.0}, (7, 9)),
    ({"upscale": 2, "upsampler": "pixelshuffledirect", "patch_norm": False}, (5, 8)),
    ({"upscale": 3, "upsampler": "pixelshuffle", "depths": (1, 2), "num_heads": (1, 2)}, (4, 7)),
    ({"upscale": 4, "upsampler": "pixelshuffle", "qkv_bias": False}, (3, 4)),
    ({"upscale": 2, "upsampler": "nearest+conv"}, (5, 3)),
    ({"upscale": 4, "upsampler": "nearest+conv", "resi_connection": "3conv"}, (4, 4)),
    ({"img_size": 2, "in_chans": 2}, (6, 5)),
    ({"depths": (0,), "window_size": 1}, (1, 2)),
]


@pytest.mark.sampled(every=4, rest=5)
@pytest.mark.parametrize(("options", "size"), OPTIONS, ids=[str(options) for options, _ in OPTIONS])
def test_gradients(options, size):
    model = random(swin_ir(**options))
    check_layer(model, photographs(2, *size, model.in_chans))


@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_gradients_with_all_drop_rates(grad_checkpointing):
    model = random(swin_ir(drop_rate=0.3, drop_path_rate=0.3, grad_checkpointing=grad_checkpointing))
    check_layer(model, photographs(2, 8, 12, 3), rng=np.random.default_rng(0))


def test_an_untrained_model_gives_back_what_came_or_the_mean_colour():
    images = photographs(2, 7, 9, 3).astype("f")
    np.testing.assert_allclose(swin_ir().forward(images)[0], images, atol=1e-6)
    enlarged, _ = swin_ir(upscale=2, upsampler="pixelshuffledirect").forward(images)
    np.testing.assert_allclose(enlarged, np.broadcast_to(np.array(RGB_MEAN, "f"), (2, 14, 18, 3)), atol=1e-6)


@pytest.mark.parametrize(("head", "upscale"), [("", 1), ("pixelshuffle", 3), ("nearest+conv", 4)])
def test_an_image_that_is_filled_up_counts_as_its_mirror(head, upscale):
    """What is restored of a photograph of odd size is the corner of what is restored of it and its mirror."""
    model, image = random(swin_ir(upsampler=head, upscale=upscale)), photographs(1, 6, 7, 3)
    mirrored = np.concatenate((image, image[:, 4:2:-1][:, :2]), axis=1)
    mirrored = np.concatenate((mirrored, mirrored[:, :, 5:4:-1]), axis=2)
    whole, _ = model.forward(mirrored)
    np.testing.assert_array_equal(model.forward(image)[0], whole[:, : 6 * upscale, : 7 * upscale])


def test_a_mean_is_taken_off_colours_only():
    for channels in (1, 2, 4):
        assert swin_ir(in_chans=channels).mean == (0.0,)
    assert swin_ir().mean == (0.4488, 0.4371, 0.4040)


def test_windows_of_any_map_are_those_of_a_layer_that_was_made_for_it():
    options: dict[str, Any] = {"window_size": 3, "shift_size": 1}
    anywhere = AnyWindowAttention(4, 2, 9, **options).init(3, "float64")
    for size in ((6, 9), (3, 12), (5, 7)):
        x, dy = RNG.standard_normal((2, 2, *size, 4))
        made = WindowAttention(4, 2, size, **options).init(3, "float64")
        (y, cache), (expected, c_made) = anywhere.forward(x), made.forward(x)
        np.testing.assert_array_equal(y, expected)
        anywhere.zero_grad()
        np.testing.assert_array_equal(anywhere.backward(dy, cache), made.backward(dy, c_made))
        for param, other in zip(anywhere.params, made.params, strict=True):
            np.testing.assert_array_equal(param.grad, other.grad)
    assert anywhere.map_size == (9, 9)


def test_windows_are_shifted_where_the_model_was_made_for_more_than_one():
    def shifts(**options):
        return [block.attn.cut["shift_size"] for block in swin_ir(**options).layers[0].residual_group.blocks]

    assert shifts() == [(0, 0), (2, 2)]
    assert shifts(img_size=(4, 12)) == shifts(img_size=2) == [(0, 0), (0, 0)]


def test_files_of_the_official_code_hold_masks_and_indices_too():
    model = swin_ir()
    arrays = to_timm(swin_ir(seed=1))
    assert {"conv_first.weight", "layers.0.residual_group.blocks.1.attn.qkv.weight", "layers.0.conv.weight"} <= {
        *arrays
    }
    block = "layers.0.residual_group.blocks.1."
    extra = {
        f"{block}attn.relative_position_index": np.zeros((16, 16), int),
        f"{block}attn_mask": np.zeros((6, 16, 16)),
    }
    with pytest.warns(UserWarning, match="left .*relative_position_index.* aside: it is computed"):
        load_timm(model, arrays | extra)
    np.testing.assert_array_equal(model.conv_first.weight.value, swin_ir(seed=1).conv_first.weight.value)
    three = to_timm(swin_ir(resi_connection="3conv"))
    assert {name for name in three if name.startswith("layers.0.conv")} == {
        f"layers.0.conv.{i}.{kind}" for i in (0, 2, 4) for kind in ("weight", "bias")
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"upsampler": "bicubic"}, "upsampler is 'bicubic'; expected one of '', 'pixelshuffle'"),
        ({"upscale": 2}, "upscale is 2; with upsampler='' expected 1"),
        (
            {"upscale": 6, "upsampler": "pixelshuffle"},
            "upscale is 6; with upsampler='pixelshuffle' expected 1, 2, 3, 4",
        ),
        ({"upscale": 3, "upsampler": "nearest+conv"}, r"upscale is 3; with upsampler='nearest\+conv' expected 2, 4"),
        ({"upscale": 99, "upsampler": "pixelshuffledirect"}, "upscale is 99; .* expected 1 to 32"),
        ({"depths": (2, 2)}, r"depths are \(2, 2\), num_heads \(2,\); expected one of each for every stage"),
        ({"num_heads": (3,)}, "4 is not divisible by .*3"),
        ({"img_size": 3}, "img_size 3 is less than a window of 4, and does not divide it"),
        ({"resi_connection": "2conv"}, 'resi_connection is \'2conv\'; expected "1conv" or "3conv"'),
        ({"resi_connection": "3conv", "embed_dim": 2}, 'embed_dim is 2; with resi_connection="3conv"'),
        ({"img_range": 0.0}, "img_range is 0.0; expected"),
    ],
)
def test_what_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        swin_ir(**options)


def test_images_that_are_refused():
    model = swin_ir()
    with pytest.raises(ValueError, match=r"images of 2 x 9 pixels are too small .* 4 x 4; expected at least 3 x 3"):
        model.forward(photographs(1, 2, 9, 3).astype("f"))
    with pytest.raises(ValueError, match="images have 1 channels; the model expects 3"):
        model.forward(photographs(1, 8, 8, 1).astype("f"))
    with pytest.raises(TypeError, match="images have dtype float64; the model computes in float32"):
        model.forward(photographs(1, 8, 8, 3))
    assert model.forward(photographs(1, 3, 3, 3).astype("f"))[0].shape == (1, 3, 3, 3)


@pytest.mark.parametrize("shape", [(1, 6, 7, 3), (1, 7, 9, 3), (1, 9, 9, 3), (2, 7, 8, 3)])
def test_a_gradient_of_another_shape_is_refused(shape):
    model = swin_ir(upscale=1)
    y, cache = model.forward(photographs(1, 7, 8, 3).astype("f"))
    assert y.shape == (1, 7, 8, 3)
    with pytest.raises(ValueError, match=r"SwinIR.backward: dy has shape .*; expected \(1, 7, 8, 3\)"):
        model.backward(np.ones(shape, "f"), cache)
