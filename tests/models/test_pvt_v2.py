"""What the second version of the Pyramid Vision Transformer has for itself; tests/models/test_pvt.py is of both."""

from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.models import PVTv2

RNG = np.random.default_rng(0)
STAGES: dict[str, Any] = {"embed_dims": (4, 6), "depths": (2, 1), "num_heads": (1, 2), "sr_ratios": (2, 1)}
STAGES |= {"mlp_ratios": (1.5, 2), "num_classes": 5}
SMALL: dict[str, Any] = {"img_size": (9, 14), "patch_size": 3, "patch_stride": 2, **STAGES}
IMAGES = RNG.standard_normal((2, 9, 14, 3))


def test_gradients_of_attention_of_linear_cost() -> None:
    check_layer(PVTv2(**SMALL, linear=True), IMAGES)


def test_it_takes_images_of_any_size() -> None:
    model = PVTv2(**SMALL, dtype="float64")
    for size in [(4, 4), (17, 8)]:
        check_layer(model, RNG.standard_normal((1, *size, 3)))
    with pytest.raises(ValueError, match="a map of 1 x 2 is smaller than sr_ratio 2"):
        model.init(0, "float64").forward(np.zeros((1, 2, 4, 3)))
