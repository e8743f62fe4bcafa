from math import ceil
from typing import Any

import numpy as np
import pytest

import minivit as mv
from minivit.check import check_layer
from minivit.cost import estimate
from minivit.cost.tally import layers_in
from minivit.layers.local_relation import LocalRelation, LocalRelationStem
from minivit.models import PRESETS, LRNet, create_model
from tests.sampled import REST

RNG = np.random.default_rng(0)
SMALL: dict[str, Any] = {
    "img_size": (8, 6),
    "num_classes": 5,
    "layers": (1, 2),
    "channels": (3, 5),
    "kernel_size": 3,
    "channels_per_head": 2,
    "stem": "3x3",
    "stem_chans": 3,
    "zero_init_last": False,
}
IMAGES = RNG.standard_normal((3, 8, 6, 3))


def relation(chans):
    """Queries and keys of an eighth, the prior's two maps, and the last one."""
    heads = ceil(chans / 8)
    hidden = max(heads // 2, 1)
    return 2 * (chans + 1) * heads + 3 * hidden + (hidden + 1) * heads + (chans + 1) * chans


def bottleneck(in_chans, width, out_chans):
    maps = in_chans * width + relation(width) + width * out_chans + 4 * width + 2 * out_chans
    return maps + (in_chans * out_chans + 2 * out_chans if in_chans != out_chans else 0)


def network(stem, stages, classes):
    """Stages are (width, channels that come out, depth)."""
    in_chans, total = stem, 3 * stem + 2 * stem + relation(stem) + 2 * stem
    for width, out_chans, depth in stages:
        for _ in range(depth):
            total += bottleneck(in_chans, width, out_chans)
            in_chans = out_chans
    return total + (in_chans + 1) * classes


QUERIES = ((224, 64, 8), (56, 200, 25), (28, 400, 50), (14, 800, 100))
"""Sides of the maps that a local relation layer with a stride reads, their channels, and its groups."""
WIDTHS = ((100, 256), (200, 512), (400, 1024), (800, 2048))
PARAMETERS = {
    "lr_net26": network(64, [(*widths, 2) for widths in WIDTHS], 1000),
    "lr_net50": network(64, [(*widths, depth) for widths, depth in zip(WIDTHS, (3, 4, 6, 3), strict=True)], 1000),
    "lr_net_tiny_32": network(32, [(24, 96, 1), (48, 192, 2), (96, 384, 3)], 10),
}


@pytest.mark.parametrize("name", [name for name, (model_class, _) in PRESETS.items() if model_class is LRNet])
def test_number_of_parameters(name):
    assert create_model(name).num_params == PARAMETERS[name]


@REST
def test_the_papers_numbers():
    """It has 23.3 million parameters; groups of 8 are not to be made of 100 channels, and each rounding has more."""
    assert PARAMETERS["lr_net50"] == 23_380_033
    assert round(estimate("lr_net50").macs_forward / 1e9, 2) == 4.03


@REST
def test_why_others_count_fewer_parameters():
    """Without biases of queries, keys and last maps, and with 12 groups of the 100 channels: 2 * 100 + 7 less each."""
    for name, count in (("lr_net26", 14_607_132), ("lr_net50", 23_371_954)):
        layers = [layer for _, layer in layers_in(create_model(name)) if isinstance(layer, LocalRelation)]
        maps = [part for layer in layers for part in (layer.qmap, layer.kmap, layer.final1x1)]
        biases = sum(part.bias.size for part in maps if part.bias)
        narrow = sum(layer.num_heads == 13 for layer in layers)
        assert PARAMETERS[name] - biases - 207 * narrow == count
        if name == "lr_net26":
            assert (biases, narrow) == (3_832, 2)
    assert round(estimate("lr_net26").macs_forward / 1e9, 3) == 2.381
    everywhere = sum((n * n - n * n // 4) * wide * heads for n, wide, heads in QUERIES)
    assert round((estimate("lr_net26").macs_forward + everywhere) / 1e9, 3) == 2.435
    assert round((estimate("lr_net50").macs_forward + everywhere) / 1e9, 2) == 4.09


def test_its_parts_are_layers_for_all():
    assert {"LocalRelation", "LocalRelationStem", "GeometryPrior"} <= {*mv.layers.__all__}


def test_table_1_layer_by_layer():
    model = create_model("lr_net50")
    assert isinstance(model.conv1, LocalRelationStem)
    assert model.conv1.lr.kernel_size == 7
    assert model.conv1.lr.stride == 2
    for stage, (width, out_chans), depth in zip(range(1, 5), WIDTHS, (3, 4, 6, 3), strict=True):
        blocks = getattr(model, f"layer{stage}")
        assert len(blocks) == depth
        for number, block in enumerate(blocks):
            assert isinstance(block.conv2, LocalRelation)
            assert (block.conv2.kernel_size, block.conv2.stride) == (7, 2 if stage > 1 and not number else 1)
            assert block.conv1.weight.shape[3] == width == block.conv2.final1x1.weight.shape[3]
            assert block.conv3.weight.shape[3] == out_chans
        assert blocks[0].conv2.num_heads == {100: 13, 200: 25, 400: 50, 800: 100}[width]


@REST
@pytest.mark.parametrize(
    "options", [{}, {"stem": "7x7", "kernel_size": 5, "base_width": 64, "num_classes": 0}], ids=str
)
def test_gradients(options):
    check_layer(LRNet(**{**SMALL, **options}), IMAGES)


@pytest.mark.parametrize("size", [(8, 6), (5, 9), (7, 2)])
def test_images_of_any_size(size):
    logits, cache = LRNet(**SMALL).forward(RNG.standard_normal((2, *size, 3)).astype("float32"))
    assert logits.shape == (2, 5)
    assert cache.map_size == (-(-size[0] // 2), -(-size[1] // 2))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 4}, "^kernel_size is 4; expected an odd number: the window has a middle$"),
        ({"channels_per_head": 0}, "channels_per_head is 0"),
        ({"base_width": 0}, "base_width is 0"),
        ({"stem": "5x5"}, "^stem is '5x5'"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        LRNet(**{**SMALL, **options})
