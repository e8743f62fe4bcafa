"""A batch of no images, of trained networks: fixed statistics have no mean to take of it."""

from typing import Any

import numpy as np
import pytest

from minivit import models
from minivit.layers import frozen
from minivit.models.non_local import FORMS

SMALL: dict[str, Any] = {"img_size": (8, 6), "num_classes": 5, "layers": (1, 1), "stem": "3x3", "stem_chans": 8}
NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("ResNet", {}),
    *(("NonLocalResNet", {"non_local": (0, 1), "form": form, "block": "basic"}) for form in FORMS),
    ("AttentionAugmentedResNet", {"num_heads": 2, "block": "basic"}),
    ("SASA", {"kernel_size": 3, "num_heads": 2}),
    ("LRNet", {"kernel_size": 3, "channels_per_head": 3}),
]


@pytest.mark.parametrize(
    ("name", "options"), NETWORKS, ids=lambda it: it if isinstance(it, str) else it.get("form", "")
)
def test_no_images(name: str, options: dict[str, Any]) -> None:
    model = frozen(getattr(models, name)(**SMALL, channels=(8, 12), **options))
    logits, cache = model.forward(np.zeros((0, 8, 6, 3), np.float32))
    assert logits.shape == (0, 5)
    assert model.backward(logits, cache).shape == (0, 8, 6, 3)
