"""S2-MLP and CycleMLP: MLPs that look at neighbours."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers.cycle_mlp import CycleFC
from minivit.models import S2MLP, CycleMLP
from minivit.weights import load_timm, load_torch, to_timm
from tests import facts

RNG = np.random.default_rng(0)
S2: dict[str, Any] = {
    "img_size": (8, 12),
    "num_classes": 3,
    "patch_sizes": (2, 2),
    "embed_dims": (6, 7),
    "depths": (1, 1),
    "mlp_ratios": (1.5, 2.0),
}
CYCLE: dict[str, Any] = {
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


@pytest.mark.parametrize("name", facts.SHIFTING)
def test_parameters_and_macs(name):
    params, macs = facts.SHIFTING[name]
    assert mv.create_model(name).num_params == params
    assert mv.cost.estimate(name).macs_forward == macs


def random(model: Any) -> Any:
    model.init(0, "float64")
    for param in model.named_params().values():
        param.value = RNG.standard_normal(param.shape) / 2
    return model


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"mixing": "split"},
        {"num_classes": 0, "act_layer": "relu"},
        {**RATES, "mixing": "split"},
        {"depths": (0, 1)},
    ],
    ids=str,
)
def test_gradients_of_s2_mlp(options):
    check_layer(random(S2MLP(**{**S2, **options})), RNG.standard_normal((2, 8, 12, 3)), rng=np.random.default_rng(0))


@pytest.mark.parametrize(
    "options", [{}, {"qkv_bias": True, "num_classes": 0, "act_layer": "gelu_tanh"}, RATES, {"depths": (2, 0)}], ids=str
)
def test_gradients_of_cycle_mlp(options):
    model = random(CycleMLP(**{**CYCLE, **options}))
    check_layer(model, RNG.standard_normal((2, 8, 12, 3)), rng=np.random.default_rng(0))


def test_a_cycle_fc_is_a_convolution_most_weights_of_which_are_zero():
    layer = CycleFC(7, 5, along=1).init(0, "float64")
    x = RNG.standard_normal((2, 4, 6, 7))
    kernel = np.zeros((1, 3, 7, 5))
    for c in range(7):
        kernel[0, (c + 1) % 3, c] = layer.weight.value[0, 0, c]
    y, _ = mv.ops.conv2d_forward(x, kernel, padding=(0, 1))
    np.testing.assert_allclose(layer.forward(x)[0], y, rtol=1e-12)


def seen(model: Any, size: tuple[int, int]) -> np.ndarray:
    """Which pixels have a say in what its blocks make of the place in the middle."""
    layer = model.stages[0] if hasattr(model, "stages") else model.network[0][0]
    x = RNG.standard_normal((1, *size, 4))
    y, cache = layer.forward(x)
    dy = np.zeros_like(y)
    dy[0, size[0] // 2, size[1] // 2] = 1
    return np.abs(layer.backward(dy, cache)[0]).sum(-1) > 0


def test_one_block_of_s2_mlp_sees_the_four_neighbours():
    options = {**S2, "img_size": 5, "in_chans": 4, "patch_sizes": (1,), "embed_dims": (4,), "depths": (1,)}
    model = random(S2MLP(**{**options, "mlp_ratios": (1.0,)}))
    cross = np.zeros((5, 5), bool)
    cross[2, 1:4] = cross[1:4, 2] = True
    np.testing.assert_array_equal(seen(model, (5, 5)), cross)


def test_images_of_any_size_go_through_a_cycle_mlp():
    model = CycleMLP(**CYCLE)
    for size in ((8, 12), (9, 7), (1, 1)):
        logits, cache = model.forward(np.ones((2, *size, 3), "f"))
        assert model.backward(logits, cache).shape == (2, *size, 3)


def test_files_of_the_authors_hold_offsets_too():
    model = CycleMLP(**CYCLE)
    arrays = to_timm(model)
    for name in [name for name in arrays if "sfc" in name and name.endswith("weight")]:
        arrays[name.replace("weight", "offset")] = np.zeros((1, 2 * arrays[name].shape[1], 1, 1), "f")
    with pytest.warns(UserWarning, match="sfc_h.offset.*aside: it is computed from the number of channels"):
        load_timm(CycleMLP(**CYCLE), arrays)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (
            {"depths": (2, 2)},
            r"the checkpoint's stages have \(1, 2\) blocks, the model's \(2, 2\): build it with depths",
        ),
        (
            {"qkv_bias": True},
            "the checkpoint has no biases of queries, keys and values: build the model with qkv_bias=False",
        ),
    ],
    ids=str,
)
def test_what_a_cycle_mlp_of_other_options_is_told(options, why):
    with pytest.raises(KeyError, match=why):
        load_timm(CycleMLP(**{**CYCLE, **options}), to_timm(CycleMLP(**CYCLE)))


@pytest.mark.parametrize(
    ("model", "other"),
    [
        (CycleMLP(**CYCLE), S2MLP(**S2)),
        (S2MLP(**S2), CycleMLP(**CYCLE)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_weights_of_another_of_them(model, other):
    with pytest.raises(KeyError, match="have no place in this model: these are not the weights of this model"):
        load_timm(model, to_timm(other))


@pytest.mark.parametrize(("mixing", "other"), [("shift", "split"), ("split", "shift")])
def test_weights_of_the_other_version(mixing, other):
    with pytest.raises(KeyError, match=f'build it with mixing="{other}"'):
        load_timm(S2MLP(**S2, mixing=mixing), to_timm(S2MLP(**S2, mixing=other)))


def test_a_checkpoint_of_the_other_version():
    """The names of the port, which has another one for each version."""
    names = {"stages.0.0.weight": np.zeros((6, 3, 2, 2), "f")}
    with pytest.raises(KeyError, match="missing"):
        load_torch(S2MLP(**S2), names)


def test_what_is_refused():
    with pytest.raises(ValueError, match='mixing is \'roll\'; expected "shift" or "split"'):
        S2MLP(**S2, mixing="roll")
    with pytest.raises(ValueError, match="expected one of each for every stage"):
        S2MLP(**{**S2, "depths": (1,)})
    with pytest.raises(ValueError, match="expected one of each for every stage"):
        CycleMLP(**{**CYCLE, "mlp_ratios": (4.0,)})
    with pytest.raises(ValueError, match=r"mlp_ratios is 0.0; expected at least 0.25 and finite"):
        CycleMLP(**{**CYCLE, "mlp_ratios": (0.0, 1.0)})
    with pytest.raises(ValueError, match=r"mlp_ratios is nan; expected at least 0.14"):
        CycleMLP(**{**CYCLE, "mlp_ratios": (1.0, float("nan"))})
    with pytest.raises(
        ValueError, match=r"img_size: a window of \(7, 7\) is larger than the map of \(5, 12\), padding"
    ):
        CycleMLP(img_size=(1, 8))
    with pytest.raises(ValueError, match="not divisible"):
        S2MLP(**{**S2, "img_size": 10})
    with pytest.raises(ValueError, match="images have shape"):
        S2MLP(**S2).forward(np.zeros((1, 8, 8, 3), "f"))
