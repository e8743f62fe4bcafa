import numpy as np
import pytest

from minivit.ops.sliding import from_windows, places, rows_of_windows, sliding, spread, windows

RNG = np.random.default_rng(0)
WINDOWS = [
    {"kernel": 1},
    {"kernel": 3, "padding": 1},
    {"kernel": (2, 3), "stride": (3, 2), "padding": ((0, 1), (2, 0))},
    {"kernel": (3, 2), "dilation": (2, 3), "padding": (1, 4)},
    {"kernel": 2, "stride": 5},
    {"kernel": (9, 2), "padding": 3, "stride": (1, 3)},
    {"kernel": 2, "stride": (2, 1), "padding": 6, "dilation": 3},
    {"kernel": 1, "stride": (4, 3), "padding": (5, 0)},
]
every_window = pytest.mark.parametrize("window", [sliding("test", (7, 8), **options) for options in WINDOWS])


@every_window
def test_windows_are_what_the_window_sees_at_each_position(window):
    x = RNG.standard_normal((2, 7, 8, 3))
    seen = windows(x, window, fill=9)
    padded = np.pad(x, ((0, 0), *window.padding, (0, 0)), constant_values=9)
    (Yo, Xo), (P, Q), (sy, sx), (dy, dx) = window.out, window.kernel, window.stride, window.dilation
    assert seen.shape == (2, Yo, Xo, P, Q, 3)
    for i, j, p, q in np.ndindex(Yo, Xo, P, Q):
        np.testing.assert_array_equal(seen[:, i, j, p, q], padded[:, i * sy + p * dy, j * sx + q * dx])
    for row, size in zip((sy * Yo + dy * (P - 1), sx * Xo + dx * (Q - 1)), padded.shape[1:3], strict=True):
        assert row >= size  # there is no room for one more


@every_window
def test_rows_of_windows_are_pixels_side_by_side(window):
    window = window._replace(stride=(window.stride[0], 1))
    x = RNG.standard_normal((2, 7, 8, 3))
    rows = rows_of_windows(x, window)
    assert rows.shape == (2, window.out[0], *window.kernel, window.out[1] * 3)
    pixels = rows.reshape(*rows.shape[:4], window.out[1], 3)
    np.testing.assert_array_equal(pixels, np.moveaxis(windows(x, window), 2, 4))
    assert np.shares_memory(rows, x) or any(map(any, window.padding))


@every_window
def test_places_are_the_windows_without_the_padding(window):
    x = RNG.standard_normal((2, 7, 8, 3))
    found = np.zeros((2, *window.out, *window.kernel, 3))
    order = []
    for (p, q), pixels, positions in places(window):
        found[:, :, :, p, q][positions] = x[pixels]
        order.append((p, q))
    np.testing.assert_array_equal(found, windows(x, window))
    assert order == [*np.ndindex(*window.kernel)]


@every_window
def test_the_way_back_is_the_transpose_of_the_way(window):
    x = RNG.standard_normal((2, 7, 8, 3))
    seen = windows(x, window)
    dwindows = RNG.standard_normal(seen.shape)
    np.testing.assert_allclose((from_windows(dwindows, window) * x).sum(), (dwindows * seen).sum(), rtol=1e-12)


@every_window
def test_the_turned_window_meets_the_gradients_of_those_that_saw_the_pixel(window):
    dy = RNG.standard_normal((2, *window.out, 3))
    laid_out = spread(dy, window)
    met = windows(laid_out, window.back)[:, :, :, ::-1, ::-1]  # (B, Y, X, P, Q, C)
    expected = np.zeros((2, 7, 8, *window.kernel, 3))
    for (p, q), pixels, positions in places(window):
        expected[:, :, :, p, q][pixels] = dy[positions]
    np.testing.assert_array_equal(met, expected)


def test_nothing_is_copied_where_each_pixel_has_its_own_position():
    x, window = np.ones((2, 7, 8, 3)), sliding("test", (7, 8), 1)
    assert spread(x, window) is x
    assert np.shares_memory(windows(x, window), x)


@pytest.mark.parametrize(
    ("side", "kernel", "stride"), [(224, 7, 2), (7, 3, 2), (8, 3, 2), (5, 1, 2), (6, 2, 3), (3, 5, 4)]
)
def test_same_padding_gives_a_position_for_each_stride(side, kernel, stride):
    """TensorFlow's rule; of an odd number of zeros, the one more is at the end."""
    window = sliding("test", (side, side + 1), kernel, stride=stride, padding="same")
    assert window.out == (-(-side // stride), -(-(side + 1) // stride))
    (top, bottom), _ = window.padding
    needed = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    assert (top, bottom) == (needed // 2, needed - needed // 2)


def test_same_padding_counts_dilation():
    window = sliding("test", (9, 8), (3, 2), dilation=(2, 3), padding="same")
    assert (window.out, window.padding) == ((9, 8), ((2, 2), (1, 2)))


def test_another_word_for_padding():
    with pytest.raises(ValueError, match="test: padding is 'valid'; expected numbers, or \"same\""):
        sliding("test", (9, 8), 3, padding="valid")
