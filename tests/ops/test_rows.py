import numpy as np
import pytest

from minivit.ops.rows import column_sum, row_dot, row_sum, sum_to

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((2, 3, 5)), RNG.standard_normal((2, 3, 5))


def test_sums():
    np.testing.assert_allclose(row_dot(A, B), (A * B).sum(-1, keepdims=True), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(row_sum(A), A.sum(-1, keepdims=True), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(column_sum(A), A.sum((0, 1)), rtol=1e-12, atol=1e-15)


def test_complex_numbers_are_not_conjugated():
    np.testing.assert_allclose(row_dot(1j * A, 1j * B), -row_dot(A, B))


@pytest.mark.parametrize("shape", [(2, 3, 5), (3, 5), (5,), (1, 3, 5), (2, 1, 1), (3, 1), (1,), ()])
def test_sum_to_undoes_broadcasting(shape):
    ones = np.zeros(shape)
    total = sum_to(A, shape)
    assert total.shape == shape
    assert not np.shares_memory(total, A)
    np.testing.assert_allclose((total * (ones + 2)).sum(), (A * (np.zeros_like(A) + ones + 2)).sum())
    np.testing.assert_allclose(
        sum_to(A * np.broadcast_to(weights := RNG.standard_normal(shape), A.shape), shape), weights * total
    )
