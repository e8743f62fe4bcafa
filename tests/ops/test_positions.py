import re
from math import cos, sin

import numpy as np
import pytest

from minivit.ops import (
    add_positions_forward,
    prepend_token_backward,
    prepend_token_forward,
    sincos_positions_1d,
    sincos_positions_2d,
)

RNG = np.random.default_rng(0)


def test_sincos_1d_is_the_formula():
    table = sincos_positions_1d(5, 6)
    for n in range(5):
        for i in range(3):
            angle = n / 10_000 ** (2 * i / 6)
            np.testing.assert_allclose(table[n, 2 * i : 2 * i + 2], [sin(angle), cos(angle)], rtol=1e-12)


def test_sincos_2d_is_the_formula():
    table = sincos_positions_2d(3, 5, 8, temperature=100.0)
    assert table.shape == (15, 8)
    for y in range(3):
        for x in range(5):
            xs, ys = ([position / 100 ** (2 * i / 4) for i in range(2)] for position in (x, y))
            expected = [*map(sin, xs), *map(cos, xs), *map(sin, ys), *map(cos, ys)]
            np.testing.assert_allclose(table[5 * y + x], expected, rtol=1e-12, atol=1e-15)


def test_width_must_be_even():
    with pytest.raises(ValueError, match="width is 5; expected an even number"):
        sincos_positions_1d(3, 5)


def test_width_of_a_grid_must_be_a_multiple_of_4():
    with pytest.raises(ValueError, match="width is 6; expected a multiple of 4"):
        sincos_positions_2d(3, 5, 6)


def test_positions_are_added_to_every_sample():
    x, table = RNG.standard_normal((2, 3, 5)), RNG.standard_normal((1, 3, 5))
    np.testing.assert_array_equal(add_positions_forward(x, table)[0], np.stack([x[0] + table[0], x[1] + table[0]]))


def test_token_comes_first():
    x, token = RNG.standard_normal((2, 3, 5)), RNG.standard_normal((1, 1, 5))
    y, _ = prepend_token_forward(x, token)
    np.testing.assert_array_equal(y[:, 0], np.stack([token[0, 0]] * 2))
    np.testing.assert_array_equal(y[:, 1:], x)


@pytest.mark.parametrize("shape", [(4, 5), (3, 6), (1, 4, 5), (2, 3, 5), (4, 1, 3, 5)])
def test_table_of_another_size(shape):
    with pytest.raises(ValueError, match=re.escape(f"the table has shape {shape}; x has 3 tokens of width 5")):
        add_positions_forward(np.zeros((2, 3, 5)), np.zeros(shape))


def test_several_tokens_come_first():
    x, tokens = RNG.standard_normal((2, 3, 5)), RNG.standard_normal((1, 4, 5))
    y, cache = prepend_token_forward(x, tokens)
    np.testing.assert_array_equal(y[:, :4], np.concatenate((tokens, tokens)))
    np.testing.assert_array_equal(y[:, 4:], x)
    dx, dtokens = prepend_token_backward(y, cache)
    np.testing.assert_array_equal(dx, x)
    np.testing.assert_array_equal(dtokens, 2 * tokens)


def test_token_of_another_width():
    with pytest.raises(ValueError, match=r"token has shape \(1, 1, 6\); expected \(1, R, D\), with D as in x"):
        prepend_token_forward(np.zeros((2, 3, 5)), np.zeros((1, 1, 6)))


@pytest.mark.parametrize("temperature", [0.0, -1.0, np.nan, np.inf])
def test_temperature_of_positions_is_positive(temperature):
    with pytest.raises(ValueError, match=f"temperature is {temperature}; expected above 0 and finite"):
        sincos_positions_1d(3, 4, temperature=temperature)


def test_sizes_of_positions():
    with pytest.raises(TypeError, match=r"sincos_positions_1d: length is 3\.5; expected int"):
        sincos_positions_1d(3.5, 4)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="width is -4; expected at least 0"):
        sincos_positions_2d(2, 3, -8)
