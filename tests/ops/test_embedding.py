import numpy as np
import pytest

from minivit.ops import embedding_backward, embedding_forward, linear_backward, linear_forward, one_hot

RNG = np.random.default_rng(0)
TABLE = RNG.standard_normal((7, 3))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.uint64])
@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 5), (4, 2, 5)])
def test_it_is_a_linear_map_of_one_hot_rows(shape, dtype):
    tokens = RNG.integers(0, 7, shape, dtype)
    y, cache = embedding_forward(tokens, TABLE)
    same, c_linear = linear_forward(one_hot(tokens, 7).astype(float), TABLE)
    np.testing.assert_array_equal(y, same)
    dy = RNG.standard_normal(y.shape)
    (dtable,) = embedding_backward(dy, cache)
    np.testing.assert_allclose(dtable, linear_backward(dy, c_linear).weight, rtol=1e-13, atol=1e-15)


def test_a_token_in_many_places_gets_the_sum_and_one_in_none_gets_nothing():
    tokens = np.array([[2, 2, 5], [2, 0, 5]])
    _, cache = embedding_forward(tokens, TABLE)
    dy = RNG.standard_normal((2, 3, 3))
    (dtable,) = embedding_backward(dy, cache)
    np.testing.assert_allclose(dtable[2], dy[0, 0] + dy[0, 1] + dy[1, 0])
    np.testing.assert_array_equal(dtable[[1, 3, 4, 6]], 0)


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 4)])
def test_no_tokens(shape):
    y, cache = embedding_forward(np.zeros(shape, int), TABLE)
    assert y.shape == (*shape, 3)
    np.testing.assert_array_equal(embedding_backward(y, cache).table, np.zeros_like(TABLE))


def test_many_places_keep_their_digits():
    table = np.zeros((2, 3), np.float32)
    _, cache = embedding_forward(np.ones(1_000_000, int), table)
    (dtable,) = embedding_backward(np.full((1_000_000, 3), 0.1, np.float32), cache)
    assert dtable.dtype == np.float32
    np.testing.assert_allclose(dtable[1], 100_000, rtol=1e-7)


def test_tokens_that_change_later_change_no_gradient():
    tokens = np.array([1, 2])
    _, cache = embedding_forward(tokens, TABLE)
    tokens[:] = 3
    assert np.flatnonzero(embedding_backward(np.ones((2, 3)), cache).table[:, 0]).tolist() == [1, 2]


@pytest.mark.parametrize("bad", [7, -1])
def test_tokens_that_are_not_in_the_table(bad):
    with pytest.raises(ValueError, match=f"token {bad} is out of range; expected 0 to 6 for 7 rows"):
        embedding_forward(np.array([3, bad]), TABLE)


@pytest.mark.parametrize("tokens", [np.ones(2), np.array([True]), np.array(["a"])])
def test_tokens_that_are_no_integers(tokens):
    with pytest.raises(TypeError, match=r"tokens have dtype .*; expected integers, the numbers of rows"):
        embedding_forward(tokens, TABLE)


@pytest.mark.parametrize(("shape", "expected"), [((4, 2, 3), r"\(\.\.\., D\)"), ((2, 4, 5), r"\(2, 4, 3\)")])
def test_a_cotangent_of_another_shape(shape, expected):
    _, cache = embedding_forward(np.zeros((2, 4), int), TABLE)
    with pytest.raises(ValueError, match=f"dy has shape .*; expected {expected}"):
        embedding_backward(np.zeros(shape), cache)
