import numpy as np
import pytest

from minivit.ops import adaptive_avg_pool2d_backward, adaptive_avg_pool2d_forward, adaptive_avg_pool2d_loops
from minivit.ops.adaptive_pool import cells

X = np.random.default_rng(0).standard_normal((2, 6, 9, 3))


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (2, 4), (4, 5), (7, 7), (6, 9), (13, 2)])
def test_it_is_what_the_loops_say(size):
    y, _ = adaptive_avg_pool2d_forward(X, output_size=size)
    np.testing.assert_allclose(y, adaptive_avg_pool2d_loops(X, *size), rtol=1e-12, atol=1e-15)


def test_cells_cover_an_axis_and_share_what_they_do_not_divide():
    assert cells(6, 3) == [(0, 2), (2, 4), (4, 6)]
    assert cells(5, 3) == [(0, 2), (1, 4), (3, 5)]
    assert cells(2, 3) == [(0, 1), (0, 2), (1, 2)]


def test_a_pixel_in_several_cells_gets_a_share_from_each():
    _, cache = adaptive_avg_pool2d_forward(X[:, :5], output_size=(3, 1))
    dx = adaptive_avg_pool2d_backward(np.ones((2, 3, 1, 3)), cache).x
    np.testing.assert_allclose(dx[0, :, 0, 0], np.array([1 / 2, 1 / 2 + 1 / 3, 1 / 3, 1 / 3 + 1 / 2, 1 / 2]) / 9)


def test_as_many_cells_as_places_change_nothing():
    np.testing.assert_array_equal(adaptive_avg_pool2d_forward(X, output_size=(6, 9))[0], X)


def test_no_cells():
    with pytest.raises(ValueError, match="output_size is 0; expected at least 1"):
        adaptive_avg_pool2d_forward(X, output_size=0)
