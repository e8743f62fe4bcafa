"""gMLP: what it does otherwise than a Mixer; tests/test_parity.py holds it against timm."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers.gmlp_block import GmlpBlock, SpatialGatingUnit
from minivit.models import GMLP, Mixer, ResMLP
from minivit.ops import spatial_gating_forward, spatial_gating_loops
from minivit.train import begin_with
from minivit.weights import load_timm, to_timm

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (4, 6),
    "patch_size": 2,
    "num_classes": 5,
    "num_blocks": 2,
    "embed_dim": 8,
    "mlp_ratio": 1.5,
}
IMAGES = RNG.standard_normal((2, 4, 6, 3))


@pytest.mark.parametrize(
    "options",
    [
        {"mlp_ratio": 1.5},
        {"mlp_ratio": 1.0, "num_classes": 0, "act_layer": "gelu_tanh"},
        {"patch_size": (4, 6), "mlp_ratio": 0.25, "act_layer": "relu"},
        {"num_blocks": 0},
    ],
    ids=str,
)
def test_gradients(options):
    model = GMLP(**{**SMALL, **options}).init(0, "float64")
    for param in model.named_params().values():
        param.value = RNG.standard_normal(param.shape)
    check_layer(model, IMAGES)


@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_gradients_with_all_drop_rates(grad_checkpointing):
    rates: dict[str, Any] = {"drop_rate": 0.2, "proj_drop_rate": 0.2, "drop_path_rate": 0.4}
    model = GMLP(**SMALL, **rates, grad_checkpointing=grad_checkpointing)
    check_layer(model, IMAGES, rng=np.random.default_rng(1))


def test_the_gate_is_what_the_loops_say():
    u, v = RNG.standard_normal((2, 3, 5, 4))
    weight, bias = RNG.standard_normal((5, 5)), RNG.standard_normal(5)
    y, _ = spatial_gating_forward(u, v, weight, bias)
    for b in range(3):
        np.testing.assert_allclose(y[b], spatial_gating_loops(u[b], v[b], weight, bias), rtol=1e-12)


def test_a_gate_begins_open():
    unit = SpatialGatingUnit(8, 6).init(0, "float64")
    x = RNG.standard_normal((2, 6, 8))
    y, _ = unit.forward(x)
    np.testing.assert_allclose(y, x[..., :4], rtol=1e-4)


def test_in_a_gmlp_block_tokens_meet_in_the_gate_alone():
    block = GmlpBlock(4, 6, channels_dim=8).init(0, "float64")
    block.mlp_channels.gate.proj.weight.value = np.diag(RNG.standard_normal(6))
    x = RNG.standard_normal((1, 6, 4))
    moved = x + np.eye(6)[:1].T  # another first token
    y, again = (block.forward(a)[0] for a in (x, moved))
    np.testing.assert_array_equal(again[:, 1:], y[:, 1:])
    assert np.all(again[:, 0] != y[:, 0])


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"mlp_ratio 0.375 makes 3 channels of 8; a gate needs halves"):
        GMLP(**{**SMALL, "mlp_ratio": 0.375})
    with pytest.raises(ValueError, match="images have shape"):
        GMLP(**SMALL).forward(np.zeros((1, 6, 4, 3), "f"))


@pytest.mark.parametrize("kind", [GMLP, ResMLP])
def test_a_matrix_of_tokens_is_for_images_of_one_size(kind, tmp_path):
    model, other = kind(**SMALL), kind(**{**SMALL, "img_size": 6})
    why = "a row for each token: there images have 9 patches, here 6, and it takes no others"
    with pytest.raises(ValueError, match=rf"has shape \(9, 9\); this model expects \(6, 6\): {why}"):
        load_timm(model, to_timm(other))
    mv.save(other, tmp_path / "other.npz")
    with pytest.raises(ValueError, match=rf"has shape \(9, 9\) there and \(6, 6\) here: {why}"):
        begin_with(model, tmp_path / "other.npz")


@pytest.mark.parametrize(("kind", "other"), [(GMLP, ResMLP), (Mixer, GMLP), (ResMLP, Mixer), (Mixer, ResMLP)])
def test_weights_of_another_of_them(kind, other):
    with pytest.raises(KeyError, match="are missing and arrays"):
        load_timm(kind(**SMALL), to_timm(other(**SMALL)))
