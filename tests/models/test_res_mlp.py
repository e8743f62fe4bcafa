"""ResMLP: what it does otherwise than a Mixer; tests/test_parity.py holds it against timm."""

from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers.res_mlp_block import ResMlpBlock
from minivit.models import ResMLP
from minivit.ops import affine_forward

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
    model = ResMLP(**{**SMALL, **options}).init(0, "float64")
    for param in model.named_params().values():
        param.value = RNG.standard_normal(param.shape)
    check_layer(model, IMAGES)


@pytest.mark.parametrize("grad_checkpointing", [False, True])
def test_gradients_with_all_drop_rates(grad_checkpointing):
    rates: dict[str, Any] = {"drop_rate": 0.2, "proj_drop_rate": 0.2, "drop_path_rate": 0.4}
    model = ResMLP(**SMALL, **rates, grad_checkpointing=grad_checkpointing)
    check_layer(model, IMAGES, rng=np.random.default_rng(1))


def test_an_affine_map_can_be_multiplied_into_the_linear_map_behind_it():
    x, alpha, beta = RNG.standard_normal((7, 4)), *RNG.standard_normal((2, 4))
    weight = RNG.standard_normal((4, 3))
    y, _ = affine_forward(x, alpha, beta)
    np.testing.assert_allclose(y @ weight, x @ (alpha[:, None] * weight) + beta @ weight, rtol=1e-12)


def test_a_res_mlp_block_hands_on_nearly_what_it_is_given_at_first():
    block = ResMlpBlock(4, 6, channels_dim=8, init_values=1e-6).init(0, "float64")
    x = RNG.standard_normal((2, 6, 4))
    y, _ = block.forward(x)
    np.testing.assert_allclose(y, x, atol=1e-4)
    assert np.all(y != x)


def test_what_is_refused():
    with pytest.raises(ValueError, match="mlp_ratio is 0"):
        ResMLP(**{**SMALL, "mlp_ratio": 0.0})
    with pytest.raises(ValueError, match="init_values is 0"):
        ResMLP(**SMALL, init_values=0.0)
