"""Local attention, beside the definition."""

from typing import Any

import numpy as np
import pytest

from minivit.ops import (
    attention_forward,
    conv2d_forward,
    local_attention_forward,
    local_attention_loops,
    place_vectors_forward,
)

RNG = np.random.default_rng(0)
K, V = RNG.standard_normal((2, 5, 7, 3, 4)), RNG.standard_normal((2, 5, 7, 3, 6))
RELATIVE, BIAS = RNG.standard_normal((3, 9, 4)), RNG.standard_normal((3, 9))


@pytest.mark.parametrize(
    ("stride", "padding", "out"), [(1, 1, (5, 7)), (1, 0, (3, 5)), (2, 1, (3, 4)), (2, 0, (2, 3)), (3, 1, (2, 3))]
)
def test_it_is_what_the_loops_say(stride, padding, out):
    q, options = RNG.standard_normal((2, *out, 3, 4)), {"kernel_size": 3, "stride": stride, "padding": padding}
    y, _ = local_attention_forward(q, K, V, RELATIVE, BIAS, **options)
    for b, h in np.ndindex(2, 3):
        expected = local_attention_loops(q[b, :, :, h], K[b, :, :, h], V[b, :, :, h], RELATIVE[h], BIAS[h], **options)
        np.testing.assert_allclose(y[b, :, :, h], expected, rtol=1e-11, atol=1e-13)


def test_of_a_window_as_large_as_the_map_it_is_attention():
    q = RNG.standard_normal((2, 1, 1, 3, 4))
    y, cache = local_attention_forward(q, K, V, kernel_size=(5, 7))
    heads_first = (np.moveaxis(a.reshape(2, -1, 3, a.shape[-1]), 2, 1) for a in (q, K, V))
    expected, _ = attention_forward(*heads_first, scale=1.0)
    np.testing.assert_allclose(y[:, 0, 0], expected[:, :, 0], rtol=1e-12)
    np.testing.assert_allclose(cache.weights.sum(-1), 1, rtol=1e-12)


def test_where_only_places_speak_it_is_a_depthwise_convolution():
    """Weights that are the same everywhere are a kernel, and heads its channels."""
    weights = RNG.uniform(0.1, 1, (3, 9))
    weights /= weights.sum(-1, keepdims=True)
    x = RNG.standard_normal((2, 5, 7, 3))
    y, _ = local_attention_forward(
        0 * x[..., None], x[..., None], x[..., None], bias=np.log(weights), kernel_size=3, padding=1
    )
    kernel = weights.T.reshape(3, 3, 1, 3)
    expected, _ = conv2d_forward(x, kernel, padding=1, groups=3)
    np.testing.assert_allclose(y[..., 0], expected, rtol=1e-11, atol=1e-13)


def test_zeros_around_the_map_take_their_part():
    """At a corner five of nine places lie outside; they have equal scores, and nothing to give."""
    ones = np.ones((1, 4, 4, 1, 1))
    y, cache = local_attention_forward(0 * ones, ones, ones, kernel_size=3, padding=1)
    np.testing.assert_allclose(cache.weights, 1 / 9)
    np.testing.assert_allclose(y[0, :2, :2, 0, 0], [[4 / 9, 6 / 9], [6 / 9, 1]])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"q": K[:, 1:]}, "local_attention: q"),
        ({"relative": RELATIVE[:, 1:]}, "^local_attention: relative has 8 places; a window of 3 x 3 has 9$"),
        ({"bias": BIAS[:, 1:]}, "^local_attention: bias has 8 places; a window of 3 x 3 has 9$"),
        ({"kernel_size": 9}, r"^local_attention: a window of \(9, 9\) is larger than the map of \(7, 9\)"),
        ({"padding": -1}, "padding is -1"),
    ],
)
def test_what_is_refused(change, says):
    arguments: dict[str, Any] = {"q": K, "k": K, "v": V, "kernel_size": 3, "padding": 1}
    with pytest.raises(ValueError, match=says):
        local_attention_forward(**arguments | change)


def test_a_vector_of_the_row_and_one_of_the_column_for_each_place():
    rows, columns = RNG.standard_normal((3, 2)), RNG.standard_normal((4, 5))
    vectors, _ = place_vectors_forward(rows, columns)
    for place, (p, q) in enumerate(np.ndindex(3, 4)):
        np.testing.assert_array_equal(vectors[place], [*rows[p], *columns[q]])
