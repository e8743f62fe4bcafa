"""Dropout inside MLPs alone: an option apart from that behind attention."""

from typing import Any

import numpy as np
import pytest

from minivit.layers import Block
from minivit.layers.dropout import Dropout
from minivit.layers.layer import Layer
from minivit.layers.sequence import Identity
from minivit.models import MODELS, ViT
from tests.models import test_ast, test_hybrid, test_masked_vit, test_swin, test_vit

FAMILIES: dict[str, dict[str, Any]] = {
    "ViT": test_vit.SMALL,
    "HybridViT": test_hybrid.SMALL,
    "MaskedViT": test_masked_vit.SMALL,
    "Swin": test_swin.SMALL,
    "AST": test_ast.SMALL,
}
each_family = pytest.mark.parametrize("name", FAMILIES)


def blocks_of(part: Any) -> list[Block]:
    """All of them, wherever they stand."""
    if isinstance(part, Block):
        return [part]
    inside = vars(part).values() if isinstance(part, Layer) else part if isinstance(part, list) else ()
    return [block for child in inside for block in blocks_of(child)]


def rates(layer: Layer) -> float:
    """What a step drops; nothing if it was left out."""
    assert isinstance(layer, (Dropout, Identity))
    return layer.rate if isinstance(layer, Dropout) else 0.0


@each_family
@pytest.mark.parametrize(
    ("options", "behind_attention", "in_mlps"),
    [
        ({}, 0, 0),
        ({"mlp_drop_rate": 0.1}, 0, 0.1),
        ({"proj_drop_rate": 0.2}, 0.2, 0.2),
        ({"proj_drop_rate": 0.2, "mlp_drop_rate": 0.0}, 0.2, 0),
        ({"proj_drop_rate": 0.2, "mlp_drop_rate": 0.1}, 0.2, 0.1),
    ],
)
def test_each_step_has_its_rate(name: str, options: dict[str, float], behind_attention: float, in_mlps: float) -> None:
    blocks = blocks_of(MODELS[name](**FAMILIES[name], **options))
    assert blocks
    for block in blocks:
        assert rates(block.attn.proj_drop) == behind_attention  # type: ignore[attr-defined]
        assert rates(block.mlp.drop1) == rates(block.mlp.drop2) == in_mlps  # type: ignore[attr-defined]


def test_what_is_dropped() -> None:
    model = ViT(**test_vit.SMALL, mlp_drop_rate=0.5)
    images = test_vit.IMAGES.astype(np.float32)
    _, cache = model.forward(images, rng=np.random.default_rng(0))
    assert 0.3 < (cache.blocks[0].mlp.drop1.factor == 0).mean() < 0.7
    quiet, _ = model.forward(images)
    np.testing.assert_array_equal(quiet, ViT(**test_vit.SMALL).forward(images)[0])
