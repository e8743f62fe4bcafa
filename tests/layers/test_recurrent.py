import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import GRU, GRUCell
from tests.unchecked import without_annotations

RNG = np.random.default_rng(0)
X, H = RNG.standard_normal((3, 5, 4)), RNG.standard_normal((3, 6))
MASK = np.array([[True] * 5, [True, True, False, False, False], [False] * 5])


def test_a_cell():
    check_layer(GRUCell(4, 6).init(), X[:, 0], H)


@pytest.mark.parametrize("mask", [None, MASK, RNG.random((3, 5)) < 0.5])
@pytest.mark.parametrize("reverse", [False, True])
def test_gradients(mask, reverse):
    check_layer(GRU(4, 6, reverse=reverse).init(), X, mask=mask)


def test_it_is_its_cell_step_by_step():
    layer = GRU(4, 6).init(dtype="float64")
    y, _ = layer.forward(X)
    h = np.zeros((3, 6))
    for n in range(5):
        h, _ = layer.cell.forward(X[:, n], h)
        np.testing.assert_array_equal(y[:, n], h)


def test_backwards_it_is_the_same_of_the_sequence_turned_round():
    ahead, back = GRU(4, 6).init(dtype="float64"), GRU(4, 6, reverse=True).init(dtype="float64")
    np.testing.assert_array_equal(back.forward(X)[0], ahead.forward(X[:, ::-1])[0][:, ::-1])


@pytest.mark.parametrize("reverse", [False, True])
def test_padding_is_not_read(reverse):
    layer = GRU(4, 6, reverse=reverse).init(dtype="float64")
    y, _ = layer.forward(X, mask=MASK)
    short, _ = layer.forward(X[1:2, :2])
    np.testing.assert_allclose(y[1, :2], short[0], rtol=1e-13)
    np.testing.assert_array_equal(y[1, 2:], 0 if reverse else np.repeat(y[1, 1:2], 3, axis=0))
    assert not y[2].any()


@pytest.mark.parametrize("shape", [(0, 5, 4), (3, 0, 4), (3, 1, 4)])
def test_few_or_none(shape):
    layer, x = GRU(4, 6).init(), np.zeros(shape, np.float32)
    y, cache = layer.forward(x)
    assert (y.shape, y.dtype) == ((*shape[:2], 6), np.float32)
    assert layer.backward(y, cache).shape == shape


@pytest.mark.parametrize(
    ("x", "mask", "error", "message"),
    [
        (X, MASK[0], ValueError, r"mask has shape \(5,\); expected \(B, N\)"),
        (X, MASK[:1], ValueError, r"mask has shape \(1, 5\); expected \(B, N\), with B as in x"),
        (X, MASK.astype(int), TypeError, "mask has dtype int64; expected bool"),
        (X, np.full((3, 5), np.nan), TypeError, "mask has dtype float64; expected bool"),
        (X, MASK.tolist(), TypeError, "mask is .*, of type list; expected a NumPy array"),
        (X[0], None, ValueError, r"x has shape \(5, 4\); expected \(B, N, D\)"),
        (X[:, :0].astype(int), None, TypeError, "x has dtype int64; expected float32 or float64"),
    ],
)
def test_sequences_and_masks_that_are_none(x, mask, error, message):
    with pytest.raises(error, match=f"^GRU.forward: {message}"):
        without_annotations(lambda: GRU(4, 6).init(dtype="float64").forward(x, mask=mask))()


@pytest.mark.parametrize("wrong", [np.s_[:, :, :1], np.s_[:, :, :5], np.s_[:, :4], np.s_[:1], np.s_[0]])
def test_a_cotangent_of_another_shape(wrong):
    """One column would fit every state, and be counted for each."""
    layer = GRU(4, 6).init(dtype="float64")
    y, cache = layer.forward(X)
    with pytest.raises(ValueError, match=r"dy has shape .*; expected \("):
        layer.backward(y[wrong], cache)
