from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import Conv2d
from minivit.layers.augmented_conv import AugmentedConv
from minivit.models import PRESETS, AttentionAugmentedResNet, create_model
from tests.sampled import REST

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (8, 6),
    "num_classes": 5,
    "block": "basic",
    "layers": (1, 2),
    "channels": (4, 6),
    "num_heads": 2,
    "value_ratio": 0.4,
    "stem": "3x3",
    "stem_chans": 3,
    "zero_init_last": False,
}
IMAGES = RNG.standard_normal((3, 8, 6, 3))
RESNETS = {"aa_resnet34": 21_797_672, "aa_resnet50": 25_557_032, "aa_resnet101": 44_549_160, "aa_resnet152": 60_192_808}


def more(in_chans, out_chans, side, dk, dv, heads=8):
    """What attention costs in the place of dv channels of a convolution."""
    qkv, last = (in_chans + 1) * (2 * dk + dv), (dv + 1) * dv
    return qkv + last + 2 * (2 * side - 1) * dk // heads + (out_chans - dv) - 9 * in_chans * dv


def of_bottlenecks(*depths):
    sizes = zip((128, 256, 512), (28, 14, 7), ((160, 16), (160, 24), (160, 48)), depths, strict=True)
    return sum(depth * more(chans, chans, side, *widths) for chans, side, widths, depth in sizes)


PARAMETERS = {
    "aa_resnet34": RESNETS["aa_resnet34"]
    + more(64, 128, 28, 160, 32) + 3 * more(128, 128, 28, 160, 32)
    + more(128, 256, 14, 160, 64) + 5 * more(256, 256, 14, 160, 64)
    + more(256, 512, 7, 160, 128) + 2 * more(512, 512, 7, 160, 128),
    "aa_resnet50": RESNETS["aa_resnet50"] + of_bottlenecks(4, 6, 3),
    "aa_resnet101": RESNETS["aa_resnet101"] + of_bottlenecks(4, 23, 3),
    "aa_resnet152": RESNETS["aa_resnet152"] + of_bottlenecks(8, 36, 3),
    "aa_resnet_tiny_32": 20 * 29 + 810
    + sum(depth * (9 * a * a + 2 * a) for a, depth in ((20, 6), (40, 5), (80, 5)))
    + sum(9 * a * 2 * a + 2 * 2 * a + a * 2 * a + 2 * 2 * a for a in (20, 40))
    + more(20, 40, 16, 80, 8, 4) + 2 * more(40, 40, 16, 80, 8, 4)
    + more(40, 80, 8, 80, 16, 4) + 2 * more(80, 80, 8, 80, 16, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, (kind, _) in PRESETS.items() if kind is AttentionAugmentedResNet])
def test_number_of_parameters(name):
    assert create_model(name).num_params == PARAMETERS[name]


def test_the_papers_numbers_of_parameters():
    millions = {name: round(count / 1e6, 1) for name, count in PARAMETERS.items() if name != "aa_resnet_tiny_32"}
    assert millions == {"aa_resnet34": 20.8, "aa_resnet50": 25.8, "aa_resnet101": 45.4, "aa_resnet152": 61.6}


@REST
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"relative": False, "augment_from": 0, "num_classes": 0},
        {"block": "bottleneck", "augment_from": 0, "stem": "7x7", "img_size": (8, 6), "num_heads": 1},
    ],
    ids=str,
)
def test_gradients(options):
    check_layer(AttentionAugmentedResNet(**{**SMALL, **options}), IMAGES)


def test_which_convolutions_are_augmented():
    model = AttentionAugmentedResNet(**SMALL)
    assert [type(block.conv1) for block in (*model.layer1, *model.layer2)] == [Conv2d, AugmentedConv, AugmentedConv]
    assert [type(block.conv2) for block in (*model.layer1, *model.layer2)] == [Conv2d] * 3
    model = create_model("aa_resnet50")
    assert [type(getattr(model, f"layer{i}")[0].conv2) for i in (1, 2, 3, 4)] == [Conv2d] + [AugmentedConv] * 3


@pytest.mark.parametrize(("img_size", "stem"), [((23, 38), "7x7"), ((9, 5), "3x3")])
def test_relative_positions_fit_the_map_of_any_size(img_size, stem):
    model = AttentionAugmentedResNet(**{**SMALL, "img_size": img_size, "stem": stem, "augment_from": 0})
    model.forward(RNG.standard_normal((2, *img_size, 3)).astype("float32"))


def test_images_of_another_size():
    model = AttentionAugmentedResNet(**SMALL, dtype="float64")
    with pytest.raises(ValueError, match=r"images have shape \(3, 6, 8, 3\); the model expects \(batch, 8, 6, 3\)"):
        model.forward(IMAGES.transpose(0, 2, 1, 3))
    free = AttentionAugmentedResNet(**SMALL, relative=False, dtype="float64")
    assert free.forward(IMAGES.transpose(0, 2, 1, 3))[0].shape == (3, 5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"value_ratio": 1.0},
            "^2 heads and a value_ratio of 1 are 6 channels of attention; "
            "expected fewer than the 6 of a convolution of stage 1$",
        ),
        ({"num_heads": 0}, "num_heads is 0"),
        ({"augment_from": 2}, "^augment_from is 2; expected at most 1, the last of 2 stages$"),
        ({"augment_from": 9}, "^augment_from is 9; expected at most 1"),
        ({"key_ratio": 1.5}, "key_ratio is 1.5"),
        ({"stem": "5x5"}, "^stem is '5x5'"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        AttentionAugmentedResNet(**{**SMALL, **options})
