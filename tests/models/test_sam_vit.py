"""The image encoder of SAM; tests/test_parity_sam.py holds it against timm and the authors' code."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers.relative_window_attention import RelativeWindowAttention
from minivit.models import SamViT
from tests import facts
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
ENCODER: dict[str, Any] = {
    "img_size": (12, 20),
    "patch_size": 4,
    "embed_dim": 6,
    "depth": 2,
    "num_heads": 2,
    "mlp_ratio": 1.5,
    "window_size": 2,
    "global_attn_indexes": (1,),
}
SMALL: dict[str, Any] = {**ENCODER, "num_classes": 5, "neck_chans": 8}


@pytest.mark.parametrize("name", facts.SAM_VIT)
@without_annotations
def test_parameters_and_macs(name: str) -> None:
    estimate = mv.cost.estimate(name)
    assert (estimate.params, estimate.macs_forward) == facts.SAM_VIT[name]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_classes": 0, "neck_chans": None},
        {"grad_checkpointing": True, "drop_path_rate": 0.4, "proj_drop_rate": 0.2},
    ],
    ids=str,
)
def test_gradients(options: dict[str, Any]) -> None:
    model = SamViT(**{**SMALL, **options}, dtype="float64")
    for param in model.named_params().values():
        param.value = RNG.standard_normal(param.shape) / 2
    rng = np.random.default_rng(0) if "drop_path_rate" in options else None
    check_layer(model, RNG.standard_normal((2, 12, 20, 3)), rng=rng)


def test_windows_that_do_not_fit_are_filled_up_with_tokens_that_take_part() -> None:
    """As in the authors' code: with keys and values of their biases alone."""
    layer = RelativeWindowAttention(4, 2, (3, 5), window_size=2).init(0, "float64")
    layer.named_params()["qkv.bias"].value = RNG.standard_normal(12)
    x = RNG.standard_normal((1, 3, 5, 4))
    y, cache = layer.forward(x)
    assert cache.attn.attention.weights.shape == (1, 6, 2, 4, 4)
    weights = cache.attn.attention.weights[0, 5]  # the last window has one place of the map
    assert np.all(weights > 1e-6)
    filled = np.pad(x, ((0, 0), (0, 1), (0, 1), (0, 0)))
    whole = RelativeWindowAttention(4, 2, (4, 6), window_size=2).init(0, "float64")
    whole.load_state_dict(layer.state_dict())
    np.testing.assert_allclose(y, whole.forward(filled)[0][:, :3, :5], rtol=1e-12)
