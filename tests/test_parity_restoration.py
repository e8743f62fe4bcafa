"""SwinIR, the ops around it and the measures of images, beside what ``tools/_swin_ir.py`` had others compute."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit import ops
from minivit.models import swin_ir
from minivit.ops.image_quality import psnr, ssim
from minivit.weights import load_timm, load_torch, to_timm
from tests.test_parity import (
    Case,
    assert_given_back,
    assert_gradient,
    assert_model,
    assert_output,
    channels_last,
)

SWIN_IRS = [
    "swin_ir_classical",
    "swin_ir_classical_x3",
    "swin_ir_lightweight",
    "swin_ir_real_x2",
    "swin_ir_real_x4",
    "swin_ir_denoising",
    "swin_ir_one_window",
]


@pytest.mark.parametrize("name", SWIN_IRS)
@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_swin_ir(name: str, grad_checkpointing: bool) -> None:
    """All heads, both ends of a residual block, images of odd sizes, and windows that never move."""
    assert_model(mv.models.SwinIR, Case(name), load_timm, load_timm, grad_checkpointing=grad_checkpointing)


@pytest.mark.parametrize("name", SWIN_IRS)
def test_weights_of_swin_ir_are_given_back(name: str) -> None:
    case = Case(name)
    model = mv.models.SwinIR(**case.meta["config"], dtype="float64")
    load_timm(model, case.part("param"))
    assert_given_back(to_timm(model), case)
    index = {"layers.0.residual_group.blocks.0.attn.relative_position_index": np.zeros((4, 4), np.int64)}
    with pytest.warns(UserWarning, match="it is computed from the window's size"):
        load_torch(model, case.part("param") | index)
    assert_given_back(to_timm(model), case)


def test_ops_of_restoration() -> None:
    case, dx = Case("restoration_ops"), 0
    for name, options in case.meta["options"].items():
        op, maps = ops.OPS[name], name != "charbonnier"
        args = (case["in/x"].transpose(0, 2, 3, 1),) + (() if maps else (channels_last(case["const/target"]),))
        y, cache = op.forward(*args, **options)
        theirs, cot = (case[f"{part}/{name}"] for part in ("out", "cot"))
        assert_output(y, channels_last(theirs) if maps else theirs)
        dx = dx + op.backward(channels_last(cot) if maps else cot, cache).x
    assert_gradient(np.asarray(dx), channels_last(case["gin/x"]))


@pytest.mark.parametrize("kind", ["uint8", "float", "grey"])
def test_measures_of_images_are_those_of_scikit_image(kind: str) -> None:
    case = Case("image_quality")
    images, data_range = (case[f"in/{kind}"], case[f"const/{kind}"]), case.meta["data_range"][kind]
    np.testing.assert_allclose(psnr(*images, data_range=data_range), case[f"out/{kind}/psnr"], rtol=1e-12)
    for name, options in case.meta["options"].items():
        theirs = case[f"out/{kind}/{name}"]
        np.testing.assert_allclose(ssim(*images, data_range=data_range, **options), theirs, rtol=1e-10)


right_pad = swin_ir.reflect_pad_forward
MISTAKES: dict[str, tuple[str, str, Any]] = {
    "an edge that is repeated": (
        "swin_ir_lightweight",
        "models.swin_ir.reflect_pad_forward",
        lambda x, padding: (np.pad(x, ((0, 0), *padding, (0, 0)), mode="symmetric"), right_pad(x, padding=padding)[1]),
    ),
    "zeros beyond the edge": (
        "swin_ir_real_x4",
        "models.swin_ir.reflect_pad_forward",
        lambda x, padding: (np.pad(x, ((0, 0), *padding, (0, 0))), right_pad(x, padding=padding)[1]),
    ),
    "filled up at the top": (
        "swin_ir_denoising",
        "models.swin_ir.reflect_pad_forward",
        lambda x, padding: right_pad(x, padding=(padding[0][::-1], padding[1][::-1])),
    ),
    "channels of a pixel side by side": (
        "swin_ir_classical",
        "layers.upsampling.pixel_shuffle_forward",
        lambda x, upscale: ops.pixel_shuffle_forward(
            x.reshape(*x.shape[:3], upscale**2, -1).swapaxes(3, 4).reshape(x.shape), upscale=upscale
        ),
    ),
    "nothing leaks in the head": (
        "swin_ir_real_x2",
        "layers.upsampling.leaky_relu_forward",
        lambda x, negative_slope: ops.leaky_relu_forward(x, negative_slope=0.0),
    ),
    "the leak of PyTorch's default": (
        "swin_ir_classical_x3",
        "layers.upsampling.leaky_relu_forward",
        lambda x, negative_slope: ops.leaky_relu_forward(x),
    ),
    "another mean": ("swin_ir_classical", "models.swin_ir.RGB_MEAN", (0.485, 0.456, 0.406)),
    "windows that always move": (
        "swin_ir_one_window",
        "layers.swin_stage.fit_windows",
        lambda map_size, window_size, like: ((2, 2), (1, 1)),
    ),
    "the mask of the images that it was made for": (
        "swin_ir_lightweight",
        "layers.window_attention.shifted_mask",
        lambda map_size, window_size, shift_size: None,
    ),
    "a block without its residual": (
        "swin_ir_real_x2",
        "layers.rstb.RSTB.forward",
        lambda self, x, rng=None: (swin_ir.run([self.residual_group, self.conv], x)[0], None),
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_show_beside_others(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, place, wrong = MISTAKES[mistake]
    case = Case(name)

    def error() -> float:
        model = mv.models.SwinIR(**case.meta["config"], dtype="float64")
        load_timm(model, case.part("param"))
        return np.abs(model.forward(channels_last(case["in/x"]))[0] - case["out/y"]).max()

    assert error() < 1e-10
    monkeypatch.setattr(f"minivit.{place}", wrong)
    assert error() > 1e-3
