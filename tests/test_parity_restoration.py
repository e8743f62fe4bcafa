"""SwinIR, the ops around it and the measures of images, beside what ``tools/_swin_ir.py`` had others compute."""

import numpy as np
import pytest

import minivit as mv
from minivit import ops
from minivit.ops.image_quality import psnr, ssim
from minivit.weights import load_timm, to_timm
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
