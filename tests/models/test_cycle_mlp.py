"""CycleMLP, an MLP whose channels look in turn at neighbours; tests/test_parity.py holds it against others."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers.cycle_mlp import CycleFC
from minivit.models import CycleMLP

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (8, 12),
    "num_classes": 3,
    "patch_size": 3,
    "patch_stride": 2,
    "patch_padding": 1,
    "embed_dims": (4, 7),
    "depths": (1, 2),
    "mlp_ratios": (1.5, 2.0),
}
RATES = {"drop_rate": 0.2, "proj_drop_rate": 0.2, "drop_path_rate": 0.4}


def random(model: Any) -> Any:
    model.init(0, "float64")
    for param in model.named_params().values():
        param.value = RNG.standard_normal(param.shape) / 2
    return model


@pytest.mark.parametrize(
    "options", [{}, {"qkv_bias": True, "num_classes": 0, "act_layer": "gelu_tanh"}, RATES, {"depths": (2, 0)}], ids=str
)
def test_gradients(options):
    model = random(CycleMLP(**{**SMALL, **options}))
    check_layer(model, RNG.standard_normal((2, 8, 12, 3)), rng=np.random.default_rng(0))


def test_a_cycle_fc_is_a_convolution_most_weights_of_which_are_zero():
    layer = CycleFC(7, 5, along=1).init(0, "float64")
    x = RNG.standard_normal((2, 4, 6, 7))
    kernel = np.zeros((1, 3, 7, 5))
    for c in range(7):
        kernel[0, (c + 1) % 3, c] = layer.weight.value[0, 0, c]
    y, _ = mv.ops.conv2d_forward(x, kernel, padding=(0, 1))
    np.testing.assert_allclose(layer.forward(x)[0], y, rtol=1e-12)


def test_images_of_any_size_go_through_a_cycle_mlp():
    model = CycleMLP(**SMALL)
    for size in ((8, 12), (9, 7), (1, 1)):
        logits, cache = model.forward(np.ones((2, *size, 3), "f"))
        assert model.backward(logits, cache).shape == (2, *size, 3)


def test_what_is_refused():
    with pytest.raises(ValueError, match="expected one of each for every stage"):
        CycleMLP(**{**SMALL, "mlp_ratios": (4.0,)})
