from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.layers import frozen
from minivit.models import PRESETS, ResNet, create_model
from minivit.train import AdamW, predict, training_step
from tests import facts

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (8, 6),
    "num_classes": 5,
    "layers": (2, 1),
    "channels": (4, 6),
    "stem": "3x3",
    "stem_chans": 3,
    "zero_init_last": False,
}
IMAGES = RNG.standard_normal((3, 8, 6, 3))
PARAMETERS = {name: params for name, (params, _) in facts.RESNET.items()}
CONVS = 27 * 16 + 6 * 9 * 16**2 + 9 * 16 * 32 + 5 * 9 * 32**2 + 9 * 32 * 64 + 5 * 9 * 64**2 + 16 * 32 + 32 * 64
NORMS = 2 * (7 * 16 + 7 * 32 + 7 * 64)  # with those of the two shortcuts
PARAMETERS["resnet20_32"] = CONVS + NORMS + 64 * 10 + 10


@pytest.mark.parametrize("name", [name for name, (model_class, _) in PRESETS.items() if model_class is ResNet])
def test_number_of_parameters(name):
    assert create_model(name).num_params == PARAMETERS[name]


def test_resnet_20_has_0_27_million_parameters_and_20_layers():
    """As the paper says, table 6; its shortcuts have none, which makes 2,752 of a difference."""
    model = create_model("resnet20_32")
    assert round(model.num_params / 1e6, 2) == 0.27
    shortcuts = sum(p.size for name, p in model.named_params().items() if "downsample" in name)
    assert shortcuts == 2752
    matrices = [n for n, p in model.named_params().items() if p.is_linear_map and "downsample" not in n]
    assert len(matrices) == 20


@pytest.mark.sampled(every=3)
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"block": "bottleneck", "channels": (2, 3)},
        {"stem": "7x7", "layers": (1,), "channels": (3,)},
        {"layers": (1, 1, 1), "channels": (3, 3, 5)},
        {"num_classes": 0, "layers": (0, 1)},
    ],
    ids=str,
)
def test_gradients(options):
    check_layer(ResNet(**{**SMALL, **options}), IMAGES)


def test_gradients_with_running_averages():
    model = ResNet(**SMALL, dtype="float64")
    for name, param in model.named_state().items():
        if not param.learned:
            param.value = RNG.uniform(0.5, 2, param.shape) * (1 if name.endswith("var") else 0.3)
    check_layer(frozen(model), IMAGES)


def test_gradients_with_stochastic_depth():
    model = ResNet(**SMALL, drop_rate=0.3, drop_path_rate=0.5)
    check_layer(model, IMAGES, rng=np.random.default_rng(1))
    assert [block.drop_path.rate for block in (*model.layer1[1:], *model.layer2)] == [0.25, 0.5]


def test_an_untrained_block_hands_on_what_it_is_given():
    model = ResNet(**{**SMALL, "zero_init_last": True}, dtype="float64")
    block, x = model.layer1[1], np.abs(RNG.standard_normal((2, 4, 4, 4)))
    np.testing.assert_array_equal(block.forward(x)[0], x)
    assert model.layer1[1].downsample == []


def test_images_of_any_size():
    """The number of parameters knows nothing of it; each side is halved and rounded up."""
    model = ResNet(**SMALL)
    for size in ((8, 6), (5, 9), (1, 2)):
        logits, cache = model.forward(np.ones((2, *size, 3), np.float32))
        assert logits.shape == (2, 5)
        assert cache.map_size == (-(-size[0] // 2), -(-size[1] // 2))


def test_what_a_batch_has_learned_is_used_for_inference():
    model = ResNet(**SMALL)
    images, labels = IMAGES.astype(np.float32), np.array([0, 3, 1])
    before = predict(model, images)
    training_step(model, images, labels, optimizer=AdamW(model, lr=1e-3))
    averages = {name: p.value for name, p in model.named_state().items() if not p.learned}
    assert len(averages) == 2 * 9
    assert all(not np.array_equal(a, np.ones_like(a)) and np.any(a) for a in averages.values())
    assert not np.allclose(before, predict(model, images))
    np.testing.assert_allclose(predict(model, images[:1]), predict(model, images)[:1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block": "wide"}, r"^block is 'wide'; expected one of basic, bottleneck$"),
        ({"stem": "deep"}, r"^stem is 'deep'; expected \"7x7\" or \"3x3\"$"),
        ({"layers": (1, 2, 3)}, r"^layers are \(1, 2, 3\), channels \(4, 6\); expected one of each for every stage"),
        ({"layers": (1,) * 5, "channels": (1,) * 5}, "up to four stages$"),
        ({"layers": (), "channels": ()}, "expected one of each for every stage"),
        ({"channels": (4, 0)}, "channels"),
        ({"stem_chans": 0}, "stem_chans is 0"),
        ({"drop_path_rate": 1.0}, "drop_path_rate is 1.0"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        ResNet(**{**SMALL, **options})


def test_a_batch_of_one_image_that_ends_in_one_place():
    """Its channels cannot be normalised in training; they can with running averages."""
    model = ResNet(**{**SMALL, "img_size": 2})
    image = np.ones((1, 2, 2, 3), np.float32)
    with pytest.raises(
        ValueError, match=r"batch_norm: x has shape .*; expected at least two numbers for each channel: more images, or"
    ):
        model.forward(image)
    assert predict(model, image).shape == (1, 5)


def test_other_channels():
    with pytest.raises(ValueError, match="images have 1 channels; the model expects 3"):
        ResNet(**SMALL).forward(np.ones((2, 8, 6, 1), np.float32))
    assert mv.models.ResNet is ResNet
