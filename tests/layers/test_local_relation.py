from typing import Any

import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers.local_relation import GeometryPrior, LocalRelation, LocalRelationStem, window_positions
from minivit.ops import local_attention_loops

RNG = np.random.default_rng(0)
MAPS = RNG.standard_normal((2, 5, 4, 6))
SEVEN = RNG.standard_normal((2, 5, 4, 7))


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2}, {"kernel_size": 1, "channels_per_head": 1}, {"kernel_size": 7, "channels_per_head": 4}],
    ids=str,
)
def test_gradients(options):
    check_layer(LocalRelation(6, 6, **{"kernel_size": 3, "channels_per_head": 2, **options}).init(), MAPS)


def test_gradients_where_some_groups_have_one_channel_less():
    check_layer(LocalRelation(7, 7, kernel_size=3, channels_per_head=3).init(), SEVEN)


def test_gradients_of_the_stem():
    check_layer(LocalRelationStem(6, 4, kernel_size=3, channels_per_head=2, stride=2).init(), MAPS)


def test_positions_count_to_the_right_and_up():
    np.testing.assert_array_equal(window_positions(3)[[0, 2, 4, 7]], [[-1, 1], [1, 1], [0, 0], [0, -1]])


@pytest.mark.parametrize(
    ("maps", "channels_per_head", "heads"),
    [(MAPS, 2, 3), (MAPS, 3, 2), (MAPS, 4, 2), (MAPS, 5, 2), (MAPS, 6, 1), (MAPS, 9, 1), (SEVEN, 3, 3)],
)
def test_it_is_what_the_loops_say(maps, channels_per_head, heads):
    """Channel by channel: the query, the key and the prior are those of channel modulo heads."""
    C = maps.shape[-1]
    layer: Any = LocalRelation(C, C, kernel_size=3, channels_per_head=channels_per_head).init(0, "float64")
    y, cache = layer.forward(maps)
    assert cache.attention.weights.shape == (2, 5, 4, heads, 9)
    q, k = (maps @ part.weight.value[0, 0] for part in (layer.qmap, layer.kmap))
    prior, _ = layer.gp.forward()
    for b in range(2):
        found = np.empty((5, 4, C))
        for c in range(C):
            h = c % heads
            single = (a[b, :, :, [n]].transpose(1, 2, 0) for a, n in ((q, h), (k, h), (maps, c)))
            loops = local_attention_loops(*single, np.zeros((9, 1)), prior[:, h], kernel_size=3, padding=1)
            found[..., c] = loops[..., 0]
        np.testing.assert_allclose(y[b], found @ layer.final1x1.weight.value[0, 0], rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize(("channels_per_head", "heads", "times"), [(1, 7, 0), (3, 3, 2), (7, 1, 0)])
def test_channels_are_filled_up_only_where_some_are_missing(channels_per_head, heads, times, monkeypatch):
    layer, pad, padded = LocalRelation(7, 7, kernel_size=3, channels_per_head=channels_per_head).init(), np.pad, []

    def noted(array, widths):
        padded.append(widths[-1])
        return pad(array, widths)

    monkeypatch.setattr(np, "pad", noted)
    y, cache = layer.forward(SEVEN.astype("float32"))
    layer.backward(y, cache)
    assert layer.num_heads == heads
    assert padded == [(0, -7 % heads)] * times


def test_a_larger_window_has_no_more_parameters():
    assert LocalRelation(8, 8, kernel_size=9).init().num_params == LocalRelation(8, 8, kernel_size=3).init().num_params
    assert GeometryPrior(3, 5).init(0).forward()[0].shape == (25, 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kernel_size": 4}, r"^kernel_size is 4; expected an odd number"),
        ({"kernel_size": -1}, r"^kernel_size is -1; expected at least 1$"),
        ({"channels_per_head": 0}, r"^channels_per_head is 0; expected at least 1$"),
        ({"stride": 0}, r"^stride is 0; expected at least 1$"),
        ({"out_chans": 8}, r"^in_chans is 6, out_chans 8; a local relation layer keeps the channels$"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        LocalRelation(6, **{"out_chans": 6, **options})
