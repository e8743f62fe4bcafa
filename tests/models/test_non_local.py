from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers.non_local import NonLocal
from minivit.models import PRESETS, NonLocalResNet, create_model
from minivit.models.non_local import FORMS

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (8, 6),
    "num_classes": 5,
    "block": "basic",
    "layers": (2, 1),
    "channels": (8, 9),
    "non_local": (1, 1),
    "stem": "3x3",
    "stem_chans": 3,
    "zero_init_last": False,
}
IMAGES = RNG.standard_normal((3, 8, 6, 3))


def block(dim):
    """Parameters of a non-local block: three maps to half of the channels, one back, a norm."""
    return 3 * (dim * dim // 2 + dim // 2) + dim // 2 * dim + dim + 2 * dim


RESNET50, TINY = 25_557_032, 20 * (27 + 2) + 10 * 81
PARAMETERS = {
    "nonlocal_resnet50_1": RESNET50 + block(1024),
    "nonlocal_resnet50_5": RESNET50 + 2 * block(512) + 3 * block(1024),
    "nonlocal_resnet50_10": RESNET50 + 4 * block(512) + 6 * block(1024),
    "nonlocal_resnet_tiny_32": TINY
    + sum(depth * (9 * a * a + 2 * a) for a, depth in ((20, 6), (40, 5), (80, 5)))
    + sum(9 * a * 2 * a + 2 * 2 * a + a * 2 * a + 2 * 2 * a for a in (20, 40))
    + block(40)
    + block(80),
}


def random(**options: Any) -> Any:
    """A small model whose non-local blocks change something."""
    model = NonLocalResNet(**{**SMALL, **options}, dtype="float64")
    for name, param in model.named_params().items():
        if ".W." in name:
            param.value = RNG.standard_normal(param.shape)
    return model


@pytest.mark.parametrize("name", [name for name, (model_class, _) in PRESETS.items() if model_class is NonLocalResNet])
def test_number_of_parameters(name):
    assert create_model(name).num_params == PARAMETERS[name]


@pytest.mark.sampled(every=8, rest=3)
@pytest.mark.parametrize(
    "options",
    [
        *({"form": form} for form in FORMS),
        {"sub_sample": False, "num_classes": 0},
        {
            "block": "bottleneck",
            "channels": (2, 3),
            "stem": "7x7",
            "img_size": 32,
            "layers": (1, 1),
            "sub_sample": False,
        },
    ],
    ids=str,
)
def test_gradients(options):
    check_layer(random(**options), IMAGES)


def test_each_form_is_a_layer_for_all():
    assert {form.__name__ for form in FORMS.values()} <= {*mv.layers.__all__}


def test_where_the_papers_blocks_stand():
    """Right before the last residual block of the third stage; behind every other one; behind each."""

    def stages(name):
        model = create_model(name)
        return ["".join("N" if isinstance(b, NonLocal) else "r" for b in getattr(model, f"layer{i}")) for i in (2, 3)]

    assert stages("nonlocal_resnet50_1") == ["rrrr", "rrrrrNr"]
    assert stages("nonlocal_resnet50_5") == ["rrNrrN", "rrNrrNrrN"]
    assert stages("nonlocal_resnet50_10") == ["rN" * 4, "rN" * 6]


def test_before_training_it_is_the_resnet():
    options = {name: value for name, value in SMALL.items() if name != "non_local"}
    plain, model = mv.models.ResNet(**options, dtype="float64"), NonLocalResNet(**SMALL, dtype="float64")
    rename = {"layer1.0.": "layer1.0.", "layer1.1.": "layer1.2."}
    arrays = plain.state_dict()
    for ours, theirs in rename.items():
        arrays |= {theirs + n[len(ours) :]: a for n, a in plain.state_dict().items() if n.startswith(ours)}
    arrays = {name: a for name, a in arrays.items() if not name.startswith("layer1.1.")}
    model.load_state_dict({name: arrays.get(name, a) for name, a in model.state_dict().items()})
    np.testing.assert_array_equal(model.forward(IMAGES)[0], plain.forward(IMAGES)[0])


def test_a_place_sees_the_other_end_of_the_map():
    """Which convolutions of 3 x 3 alone would not see behind one block."""
    model = random(layers=(1,), channels=(8,), non_local=(1,), sub_sample=False)
    x, far = RNG.standard_normal((2, 8, 6, 8)), np.zeros((2, 8, 6, 8))
    far[:, -1, -1] = 1
    at = model.layer1[1]
    changed = at.forward(x + far)[0] - at.forward(x)[0]
    assert np.abs(changed[:, 0, 0]).min() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"form": "softmax"}, "^form is 'softmax'; expected one of gaussian, embedded_gaussian, dot_product, concat"),
        ({"non_local": (1,)}, r"^layers are \(2, 1\), non_local \(1,\); expected one of each for every stage$"),
        ({"non_local": (1, -1)}, "non_local"),
        ({"non_local": (1, 2)}, r"^non_local is \(1, 2\); expected at most 1 for stage 1, which has no more blocks$"),
        (
            {"img_size": 2},
            "^img_size is 2, and in stage 1 a map of 1 x 1 is too small to be pooled: expected 2 x 2 places at least, "
            "or sub_sample=False$",
        ),
        ({"img_size": (7, 4), "stem": "7x7"}, r"^img_size is \(7, 4\), and in stage 0 a map of 2 x 1 is too small"),
        ({"non_local": (3, 0)}, r"^non_local is \(3, 0\); expected at most 2 for stage 0"),
        ({"form": "sagan", "channels": (4, 6)}, "^dim is 4; queries and keys have an eighth of the channels"),
        ({"stem": "5x5"}, '^stem is \'5x5\'; expected "7x7" or "3x3"$'),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        NonLocalResNet(**{**SMALL, **options})


def test_a_map_of_one_place_cannot_be_pooled():
    model = NonLocalResNet(**SMALL)
    with pytest.raises(ValueError, match=r"^max_pool2d: a window of \(2, 2\) is larger than the map of \(1, 1\)"):
        model.forward(np.ones((2, 2, 2, 3), np.float32))


@pytest.mark.parametrize(
    "options", [{"sub_sample": False}, {"form": "sagan", "channels": (8, 8)}, {"non_local": (1, 0)}]
)
def test_a_map_of_one_place_is_enough_where_nothing_is_pooled(options):
    model = NonLocalResNet(**{**SMALL, "img_size": 2, **options})
    assert model.forward(np.ones((2, 2, 2, 3), np.float32))[0].shape == (2, 5)
