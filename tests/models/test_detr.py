"""DETR; tests/test_parity_detr.py holds it against transformers, tests/tasks/test_detect.py trains it."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.models import DETR, ResNet, Swin
from minivit.models.detr import BACKBONES
from tests import facts
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
SMALL_SWIN: dict[str, Any] = {"depths": (1, 1), "num_heads": (1, 2), "window_size": 2, "mlp_ratio": 1.0}
BACKBONES["small_swin"] = Swin, {"embed_dim": 4, **SMALL_SWIN}
BACKBONES["small_resnet"] = ResNet, {"layers": (1, 1), "channels": (4, 6), "stem_chans": 4, "zero_init_last": False}
SMALL: dict[str, Any] = {
    "img_size": 16,
    "num_classes": 3,
    "backbone": "small_swin",
    "fixed_norms": False,
    "embed_dim": 8,
    "num_heads": 2,
    "mlp_dim": 6,
    "encoder_depth": 1,
    "decoder_depth": 2,
    "num_queries": 3,
    "drop_rate": 0.0,
}


@pytest.mark.parametrize("name", facts.DETR)
def test_parameters(name: str) -> None:
    """Those of the official code, which does not count the arrays of batch norms that do not learn."""
    assert mv.create_model(name).num_params == facts.DETR[name]


@pytest.mark.sampled(every=0, rest=3)
@pytest.mark.parametrize("options", [{}, {"pre_norm": True, "encoder_depth": 2}, {"backbone": "small_resnet"}])
def test_gradients(options: dict[str, Any]) -> None:
    """With a ResNet, of norms that do not learn."""
    rng = np.random.default_rng(1)  # near an edge of a ReLU no difference would tell
    model = DETR(**{**SMALL, **options, "fixed_norms": "backbone" in options}, dtype="float64")
    for name, param in model.named_state().items():
        if not param.learned:
            param.value = rng.uniform(0.5, 2, param.shape) if "var" in name else rng.standard_normal(param.shape)
    without_annotations(lambda: check_layer(model, rng.standard_normal((2, 16, 16, 3))))()


def test_the_arrays_of_fixed_norms_are_saved_and_not_learned() -> None:
    model = DETR(**{**SMALL, "backbone": "small_resnet", "fixed_norms": True})
    learned, kept = model.named_params(), model.named_state()
    assert {name for name in kept if name not in learned} == {
        name for name in kept if ".bn" in name or "downsample.1" in name
    }
    before = model.state_dict()
    images = RNG.standard_normal((4, 16, 16, 3)).astype(np.float32)
    _, cache = model.forward(images)
    model.absorb(cache)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])
    free = DETR(**{**SMALL, "backbone": "small_resnet"})
    _, cache = free.forward(images)
    mean = free.named_state()["backbone.bn1.running_mean"].value.copy()
    free.absorb(cache)
    assert (free.named_state()["backbone.bn1.running_mean"].value != mean).all()


def test_a_query_is_told_from_others_by_its_position_alone() -> None:
    model = DETR(**SMALL)
    images = RNG.standard_normal((1, 16, 16, 3)).astype(np.float32)
    before, _ = model.forward(images)
    model.query_embed.value = model.query_embed.value[[2, 0, 1]]
    after, _ = model.forward(images)
    np.testing.assert_allclose(after.boxes, before.boxes[:, :, [2, 0, 1]], rtol=0, atol=1e-5)


def test_the_backbone_is_the_preset() -> None:
    model = DETR(**{**SMALL, "backbone": "small_resnet"})
    assert isinstance(model.backbone, ResNet)
    assert isinstance(DETR(**SMALL).backbone, Swin)
    assert model.input_proj.weight.shape == (6, 8)
    features, _ = model.backbone.features(np.zeros((1, 40, 50, 3), np.float32))
    assert features.shape == (1, 5, 7, 6)
    y, _ = model.forward(np.zeros((1, 40, 50, 3), np.float32))  # a ResNet takes images of any size
    assert y.boxes.shape == (1, 2, 3, 4)
    with pytest.raises(ValueError, match=r"the model expects \(batch, 16, 16, 3\)"):
        DETR(**SMALL).forward(np.zeros((1, 40, 50, 3), np.float32))
