import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers.attention_conv import AttentionConv
from minivit.layers.pool import AvgPool2d
from minivit.ops import local_attention_loops

RNG = np.random.default_rng(0)
MAPS = RNG.standard_normal((2, 5, 4, 3))


@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 2}, {"kernel_size": 1, "num_heads": 3}, {"kernel_size": 7, "stride": 3}],
    ids=str,
)
def test_gradients(options):
    check_layer(AttentionConv(3, 6, **{"kernel_size": 3, "num_heads": 2, **options}).init(), MAPS)


def test_gradients_of_pooling():
    check_layer(AvgPool2d(2, padding="same").init(), MAPS)


def test_it_is_what_the_loops_say():
    """Of two heads, the first has the vectors of rows, the second those of columns."""
    layer = AttentionConv(3, 8, kernel_size=3, num_heads=2).init(0, "float64")
    y, _ = layer.forward(MAPS)
    q, k, v = (MAPS @ part.weight.value[0, 0] for part in (layer.query_conv, layer.key_conv, layer.value_conv))
    vectors = {0: np.repeat(layer.rel_h.value, 3, axis=0), 1: np.tile(layer.rel_w.value, (3, 1))}
    for b, head in np.ndindex(2, 2):
        own = slice(4 * head, 4 * head + 4)
        expected = local_attention_loops(
            q[b, ..., own], k[b, ..., own], v[b, ..., own], vectors[head], np.zeros(9), kernel_size=3, padding=1
        )
        np.testing.assert_allclose(y[b, ..., own], expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((3, 9), {"num_heads": 3}, "^out_chans is 9; expected an even number: half for rows, half for columns$"),
        ((3, 6), {"num_heads": 4}, "^width 6 is not divisible by num_heads 4"),
        ((3, 6), {"num_heads": 2, "kernel_size": 4}, "^kernel_size is 4; expected an odd number"),
        ((3, 6), {"num_heads": 2, "kernel_size": -1}, "^kernel_size is -1; expected at least 1$"),
        ((3, 6), {"num_heads": 2, "stride": 0}, "^stride is 0; expected at least 1$"),
    ],
)
def test_options_that_do_not_fit(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        AttentionConv(*arguments, **options)
