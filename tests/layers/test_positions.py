import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import LearnedPositions, SinusoidalPositions
from minivit.ops import sincos_positions_1d
from tests.unchecked import without_annotations

X = np.random.default_rng(0).standard_normal((3, 5, 4))


@pytest.mark.parametrize("layer", [SinusoidalPositions(), LearnedPositions(7, 4), LearnedPositions(5, 4)])
def test_gradients(layer):
    check_layer(layer.init(), X)


def test_waves_are_those_of_the_paper():
    y, _ = SinusoidalPositions().forward(X)
    np.testing.assert_array_equal(y, X + sincos_positions_1d(5, 4))
    assert SinusoidalPositions().forward(X.astype(np.float32))[0].dtype == np.float32


def test_more_tokens_than_places():
    with pytest.raises(ValueError, match="a sequence has 5 tokens, and there are learned positions for 4"):
        LearnedPositions(4, 4).init(dtype="float64").forward(X)


def test_places_that_are_not_there_get_no_gradient():
    layer = LearnedPositions(7, 4).init(dtype="float64")
    y, cache = layer.forward(X)
    layer.backward(np.ones_like(y), cache)
    np.testing.assert_array_equal(layer.table.grad, np.repeat([3.0, 0.0], [5, 2])[:, None] * np.ones(4))


@pytest.mark.parametrize("layer", [SinusoidalPositions(), LearnedPositions(3, 4)])
def test_one_sequence_alone_is_no_batch(layer):
    with pytest.raises(ValueError, match=r"Positions\.forward: x has shape \(5, 4\); expected \(B, N, D\)"):
        without_annotations(lambda: layer.init(dtype="float64").forward(X[0]))()
