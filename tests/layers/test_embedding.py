import numpy as np
import pytest

from minivit.check import check_layer
from minivit.layers import Embedding, LearnedPositions, Param, SinusoidalPositions, TokenEmbed, Unembedding

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(4,), (2, 4), (2, 0)])
def test_gradients(shape):
    check_layer(Embedding(5, 3).init(), RNG.integers(0, 5, shape))


def test_tokens_have_no_gradient():
    layer = Embedding(5, 3).init()
    y, cache = layer.forward(np.array([1, 1]))
    assert layer.backward(y, cache) is None
    np.testing.assert_array_equal(layer.weight.grad[1], 2 * layer.weight.value[1])


def test_its_table_is_no_linear_map_and_starts_with_numbers_of_size_1():
    """So weight decay is not for it."""
    weight = Embedding(500, 30).init().weight
    assert isinstance(weight, Param)
    assert not weight.is_linear_map
    assert abs(weight.value.std() - 1) < 0.02


def test_a_table_in_two_places_gets_both_gradients():
    embedding = Embedding(5, 4).init(dtype="float64")
    head = Unembedding(embedding)
    check_layer(head, RNG.standard_normal((2, 3, 4)))
    tokens, dy = np.array([[1, 4]]), RNG.standard_normal((1, 2, 5))
    x, c_embed = embedding.forward(tokens)
    y, c_head = head.forward(x)
    np.testing.assert_allclose(y, x @ embedding.weight.value.T)
    embedding.backward(head.backward(dy, c_head), c_embed)
    expected = dy[0].T @ x[0]
    expected[[1, 4]] += dy[0] @ embedding.weight.value
    np.testing.assert_allclose(embedding.weight.grad, expected, rtol=1e-12)


@pytest.mark.parametrize("positions", [SinusoidalPositions(), LearnedPositions(6, 4)])
def test_what_enters_a_transformer(positions):
    layer = TokenEmbed(Embedding(5, 4), positions, drop=0.2).init()
    check_layer(layer, RNG.integers(0, 5, (2, 3)), rng=np.random.default_rng(1))
    tokens = np.array([[3, 3]])
    x, _ = layer.forward(tokens)
    places, _ = positions.forward(np.zeros((1, 2, 4), np.float32))
    np.testing.assert_allclose(x, 2 * layer.embed.weight.value[tokens] + places, rtol=1e-6)  # sqrt(4)
