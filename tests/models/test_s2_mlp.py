"""S2-MLP, an MLP that looks at neighbours by shifting; tests/test_parity.py holds it against others."""

from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.models import PRESETS, S2MLP, CycleMLP
from minivit.weights import load_timm, load_torch, to_timm
from tests.test_parity import Case

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (8, 12),
    "num_classes": 3,
    "patch_sizes": (2, 2),
    "embed_dims": (6, 7),
    "depths": (1, 1),
    "mlp_ratios": (1.5, 2.0),
}
RATES = {"drop_rate": 0.2, "proj_drop_rate": 0.2, "drop_path_rate": 0.4}


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
def test_gradients(options):
    check_layer(random(S2MLP(**{**SMALL, **options})), RNG.standard_normal((2, 8, 12, 3)), rng=np.random.default_rng(0))


@pytest.mark.sampled(every=4)
@pytest.mark.parametrize("mixing", ["shift", "split"])
@pytest.mark.parametrize(("img_size", "embed_dim"), [((1, 1), 1), ((1, 1), 5), ((1, 4), 3), ((3, 1), 2)])
def test_gradients_of_maps_that_are_all_edge(img_size, embed_dim, mixing):
    options = {**SMALL, "img_size": img_size, "patch_sizes": (1,), "embed_dims": (embed_dim,), "depths": (2,)}
    model = random(S2MLP(**{**options, "mlp_ratios": (2.0,)}, mixing=mixing))
    check_layer(model, RNG.standard_normal((2, *img_size, 3)))


def seen(model: Any, size: tuple[int, int]) -> np.ndarray:
    """Which pixels have a say in what its blocks make of the place in the middle."""
    layer = model.stages[0]
    x = RNG.standard_normal((1, *size, 4))
    y, cache = layer.forward(x)
    dy = np.zeros_like(y)
    dy[0, size[0] // 2, size[1] // 2] = 1
    return np.abs(layer.backward(dy, cache)[0]).sum(-1) > 0


@pytest.mark.parametrize(("name", "millions"), [("s2mlpv2_small_7", 25.1), ("s2mlpv2_medium_7", 55.3)])
def test_the_papers_numbers_are_without_the_second_matrices_of_split_attention(name, millions):
    params = mv.create_model(name).named_params()
    left_out = {key for key in params if key.endswith("split_attention.fc2.weight")}
    assert len(left_out) == sum(PRESETS[name][1]["depths"])
    counted = sum(param.value.size for key, param in params.items() if key not in left_out)
    assert round(counted / 1e6, 1) == millions


def test_one_block_of_s2_mlp_sees_the_four_neighbours():
    options = {**SMALL, "img_size": 5, "in_chans": 4, "patch_sizes": (1,), "embed_dims": (4,), "depths": (1,)}
    model = random(S2MLP(**{**options, "mlp_ratios": (1.0,)}))
    cross = np.zeros((5, 5), bool)
    cross[2, 1:4] = cross[1:4, 2] = True
    np.testing.assert_array_equal(seen(model, (5, 5)), cross)


@pytest.mark.parametrize(("mixing", "other"), [("shift", "split"), ("split", "shift")])
def test_a_checkpoint_of_the_other_version(mixing, other):
    model, theirs = S2MLP(**SMALL, mixing=mixing), S2MLP(**SMALL, mixing=other)
    with pytest.raises(KeyError, match=f'build it with mixing="{other}"'):
        load_timm(model, to_timm(theirs))
    fixture = Case("s2_mlp_v2" if other == "split" else "s2_mlp")  # with the names of the port
    options = {**fixture.meta["config"], "mixing": mixing}
    with pytest.raises(KeyError, match=f'build it with mixing="{other}"'):
        load_torch(S2MLP(**options), fixture.part("param"))


def test_weights_of_another_model():
    cycle = CycleMLP(embed_dims=(6, 7), depths=(1, 1), mlp_ratios=(1.5, 2.0), num_classes=3)
    with pytest.raises(KeyError, match="have no place in this model: these are not the weights of this model"):
        load_timm(S2MLP(**SMALL), to_timm(cycle))
    with pytest.raises(KeyError, match="have no place in this model: these are not the weights of this model"):
        load_timm(cycle, to_timm(S2MLP(**SMALL)))


def test_what_is_refused():
    with pytest.raises(ValueError, match='mixing is \'roll\'; expected "shift" or "split"'):
        S2MLP(**SMALL, mixing="roll")
    with pytest.raises(ValueError, match="expected one of each for every stage"):
        S2MLP(**{**SMALL, "depths": (1,)})
    with pytest.raises(ValueError, match="not divisible"):
        S2MLP(**{**SMALL, "img_size": 10})
    with pytest.raises(ValueError, match="images have shape"):
        S2MLP(**SMALL).forward(np.zeros((1, 8, 8, 3), "f"))
