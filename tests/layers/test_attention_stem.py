import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import AttentionStem

RNG = np.random.default_rng(0)
MAPS = RNG.standard_normal((2, 5, 4, 3))


@pytest.mark.parametrize("options", [{}, {"kernel_size": 3, "mixtures": 1}, {"kernel_size": 1}], ids=str)
def test_gradients(options):
    check_layer(AttentionStem(3, 6, **{"num_heads": 2, **options}).init(), MAPS)


def test_it_is_what_the_definition_says():
    """Window by window; a window of 4 x 4 begins two places before its query, and there are zeros around the map."""
    layer = AttentionStem(3, 8, num_heads=2, mixtures=3).init(0, "float64")
    y, _ = layer.forward(MAPS)
    maps = [part.weight.value[0, 0] for part in (layer.query_conv, layer.key_conv, *layer.value_conv)]
    padded = np.pad(MAPS, ((0, 0), (2, 1), (2, 1), (0, 0)))
    of_maps = np.exp((layer.emb_a.value[:, None] + layer.emb_b.value) @ layer.emb_mix.value)  # (4, 4, 3)
    p = of_maps / of_maps.sum(-1, keepdims=True)
    for b, i, j, head in np.ndindex(2, 5, 4, 2):
        own = slice(4 * head, 4 * head + 4)
        met = padded[b, i : i + 4, j : j + 4]
        scores = np.exp((met @ maps[1][:, own]) @ (MAPS[b, i, j] @ maps[0][:, own]))
        mixed = sum(p[..., m, None] * (met @ maps[2 + m][:, own]) for m in range(3))
        expected = (scores[..., None] * mixed).sum((0, 1)) / scores.sum()
        np.testing.assert_allclose(y[b, i, j, own], expected, rtol=1e-11, atol=1e-13)


def test_the_number_of_parameters_is_that_of_unofficial_code():
    """64 channels: two maps and four of values, two tables of four rows, and four vectors that mix."""
    assert AttentionStem(3, 64).num_params == 6 * 3 * 64 + 2 * 4 * 64 + 4 * 64 == 3 * 3 * 3 * 64 + 192


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 4}, "^width 6 is not divisible by num_heads 4"),
        ({"num_heads": 2, "kernel_size": 0}, "^kernel_size is 0; expected at least 1"),
        ({"num_heads": 2, "mixtures": -1}, "^mixtures is -1; expected at least 1"),
    ],
)
def test_options_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        AttentionStem(3, 6, **options)
