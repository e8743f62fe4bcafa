"""CycleMLP, an MLP whose channels look in turn at neighbours; tests/test_parity.py holds it against others."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers.cycle_mlp import CycleFC
from minivit.models import CycleMLP
from minivit.weights import load_timm, to_timm
from tests.sampled import REST

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


def test_a_map_steps_through_rows_or_columns() -> None:
    with pytest.raises(ValueError, match=r"^along is 2; expected at least 0 and at most 1$"):
        CycleFC(6, 5, along=2)


def random(model: Any) -> Any:
    model.init(0, "float64")
    for param in model.named_params().values():
        param.value = RNG.standard_normal(param.shape) / 2
    return model


@REST
@pytest.mark.parametrize(
    "options", [RATES, {}, {"qkv_bias": True, "num_classes": 0, "act_layer": "gelu_tanh"}, {"depths": (2, 0)}], ids=str
)
def test_gradients(options):
    model = random(CycleMLP(**{**SMALL, **options}))
    check_layer(model, RNG.standard_normal((2, 8, 12, 3)), rng=np.random.default_rng(0))


@REST
@pytest.mark.parametrize("img_size", [(1, 4), (1, 1), (3, 1)])
def test_gradients_of_maps_that_are_all_edge(img_size):
    model = random(CycleMLP(**{**SMALL, "img_size": img_size, "patch_stride": 1}))
    check_layer(model, RNG.standard_normal((2, *img_size, 3)))


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


def test_files_of_the_authors_hold_offsets_too():
    arrays = to_timm(CycleMLP(**SMALL))
    for name in [name for name in arrays if "sfc" in name and name.endswith("weight")]:
        arrays[name.replace("weight", "offset")] = np.zeros((1, 2 * arrays[name].shape[1], 1, 1), "f")
    with pytest.warns(UserWarning, match="sfc_h.offset.*aside: it is computed from the number of channels"):
        load_timm(CycleMLP(**SMALL), arrays)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"depths": (2, 2)}, r"stages have \(1, 2\) blocks, the model's \(2, 2\): build it with depths=\(1, 2\)"),
        (
            {"qkv_bias": True},
            "the checkpoint has no biases of queries, keys and values: build the model with qkv_bias=F",
        ),
    ],
    ids=str,
)
def test_weights_of_other_options(options, why):
    with pytest.raises(KeyError, match=why):
        load_timm(CycleMLP(**{**SMALL, **options}), to_timm(CycleMLP(**SMALL)))


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"mlp_ratios is .0.0, 1.0.; expected above 0 and finite"):
        CycleMLP(**{**SMALL, "mlp_ratios": (0.0, 1.0)})
    with pytest.raises(ValueError, match=r"mlp_ratios is .1.0, nan.; expected above 0 and finite"):
        CycleMLP(**{**SMALL, "mlp_ratios": (1.0, float("nan"))})
    with pytest.raises(
        ValueError, match=r"mlp_ratio is 0.1; it makes 0.4 of 4 channels, expected at least 1 and finite"
    ):
        CycleMLP(**{**SMALL, "mlp_ratios": (0.1, 1.0)})
    with pytest.raises(
        ValueError, match=r"img_size: a window of \(7, 7\) is larger than the map of \(5, 12\), padding"
    ):
        CycleMLP(img_size=(1, 8))
    with pytest.raises(ValueError, match="expected one of each for every stage"):
        CycleMLP(**{**SMALL, "mlp_ratios": (4.0,)})
