from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.cost import estimate
from minivit.layers import Conv2d
from minivit.models import PRESETS, SASA, create_model
from tests.sampled import REST

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (8, 6),
    "num_classes": 5,
    "layers": (1, 2),
    "channels": (4, 6),
    "kernel_size": 3,
    "num_heads": 2,
    "stem": "3x3",
    "stem_chans": 3,
    "zero_init_last": False,
}
FULL = {"stem": "attention", "stem_chans": 4, "layers": (1, 1)}
OTHER_STEM = {"stem": "7x7", "kernel_size": 5, "num_heads": 1, "num_classes": 0}
IMAGES = RNG.standard_normal((3, 8, 6, 3))
DEPTHS = {"sasa_resnet26": (1, 2, 4, 1), "sasa_resnet38": (2, 3, 5, 2), "sasa_resnet50": (3, 4, 6, 3)}
CIFAR_STEM = {"sasa_resnet26": 10_334_952, "sasa_resnet38": 14_182_952, "sasa_resnet50": 18_030_952}


def bottleneck(in_chans, chans, kernel_size):
    """Two maps of 1 x 1, three for queries, keys and values, the vectors of the window, three norms, a shortcut."""
    maps = in_chans * chans + 3 * chans * chans + kernel_size * chans + 4 * chans * chans + 12 * chans
    return maps + (4 * in_chans * chans + 8 * chans if in_chans != 4 * chans else 0)


TINY = [(32, 24), (96, 48), (192, 48), (192, 96), (384, 96), (384, 96)]
PARAMETERS = {name: count + 64 * 3 * (49 - 9) for name, count in CIFAR_STEM.items()}
PARAMETERS["sasa_resnet_tiny_32"] = 32 * 29 + sum(bottleneck(*widths, 5) for widths in TINY) + 10 * 385


@pytest.mark.parametrize("name", [name for name, (model_class, _) in PRESETS.items() if model_class is SASA])
def test_number_of_parameters(name):
    assert create_model(name).num_params == PARAMETERS[name]


@pytest.mark.parametrize("name", DEPTHS)
def test_number_of_parameters_with_the_stem_of_unofficial_code(name):
    assert SASA(layers=DEPTHS[name], stem="3x3").num_params == CIFAR_STEM[name]
    assert SASA(layers=DEPTHS[name], stem="attention").num_params == CIFAR_STEM[name] + 192


@REST
def test_products_of_the_papers_network():
    """It counts 7.0 to 7.2 G FLOPs for 50 layers, two for each MAC."""
    assert round(2 * estimate("sasa_resnet50").macs_forward / 1e9, 1) == 7.0


@REST
@pytest.mark.parametrize("options", [{}, OTHER_STEM, FULL], ids=str)
def test_gradients(options):
    check_layer(SASA(**{**SMALL, **options}), IMAGES)


def test_no_convolution_looks_around():
    model = create_model("sasa_resnet26")
    blocks = [*model.layer1, *model.layer2, *model.layer3, *model.layer4]
    kernels = {
        layer.weight.shape[:2] for b in blocks for layer in (*b.branch, *b.downsample) if isinstance(layer, Conv2d)
    }
    assert kernels == {(1, 1)}


@pytest.mark.parametrize("size", [(8, 6), (5, 9), (7, 2)])
def test_images_of_any_size(size):
    logits, cache = SASA(**SMALL).forward(RNG.standard_normal((2, *size, 3)).astype("float32"))
    assert logits.shape == (2, 5)
    assert cache.map_size == (-(-size[0] // 2), -(-size[1] // 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 4}, "^kernel_size is 4; expected an odd number: the window has a middle$"),
        ({"num_heads": 4}, "^width 6 is not divisible by num_heads 4"),
        ({"channels": (4, 5), "num_heads": 1}, "^out_chans is 5; expected an even number"),
        ({"stem": "5x5"}, """^stem is '5x5'; expected "7x7", "3x3" or "attention"$"""),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        SASA(**{**SMALL, **options})
