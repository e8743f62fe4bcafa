import tracemalloc

import numpy as np
import pytest

from minivit.ops.rows import (
    COLUMN_BLOCK,
    ROW_BLOCK,
    WIDE_ROW,
    column_sum,
    plus_row,
    row_dot,
    row_sum,
    sum_to,
    times_row,
    token_product,
    token_sum,
)

RNG = np.random.default_rng(0)
A, B = RNG.standard_normal((2, 3, 5)), RNG.standard_normal((2, 3, 5))


def test_sums():
    np.testing.assert_allclose(row_dot(A, B), (A * B).sum(-1, keepdims=True), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(row_sum(A), A.sum(-1, keepdims=True), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(column_sum(A), A.sum((0, 1)), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(token_sum(A), A.sum(1), rtol=1e-12, atol=1e-15)


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


@pytest.mark.parametrize("block", [COLUMN_BLOCK, ROW_BLOCK])
@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_every_number_is_in_one_block(block, blocks, more):
    a, b = np.random.default_rng(0).standard_normal((2, 2, blocks * block + more))
    np.testing.assert_allclose(row_sum(a), a.sum(-1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(row_dot(a, b), (a * b).sum(-1, keepdims=True), rtol=1e-10)
    np.testing.assert_allclose(row_dot(1j * a, b), 1j * row_dot(a, b), rtol=1e-12)
    np.testing.assert_allclose(token_sum(a[..., None])[..., 0], a.sum(-1), rtol=1e-12)
    np.testing.assert_allclose(column_sum(a.T), a.sum(1), rtol=1e-12)


def relative_error(got, a, axis):
    """Root of the mean square, in units of the rounding of float32."""
    exact = a.astype(np.float64).sum(axis)
    return np.linalg.norm(got.reshape(exact.shape) - exact) / np.linalg.norm(exact) / 2**-24


# beside each shape, the error of PyTorch 2.13's sum of the same numbers
@pytest.mark.parametrize(
    ("shape", "torch"), [((3_000, 128), 0.87), ((25_000, 64), 0.89), ((100_000, 64), 1.19), ((2, 100_000, 8), 1.2)]
)
def test_a_sum_of_many_tokens_keeps_its_digits(shape, torch):
    a = 1 + np.random.default_rng(0).standard_normal(shape, np.float32)
    assert relative_error(token_sum(a), a, -2) < 2 * torch
    assert relative_error(a.sum(-2), a, -2) > 8 * torch  # as NumPy sums
    assert relative_error(sum_to(a, a.shape[-1:]), a, tuple(range(a.ndim - 1))) < 2 * torch


@pytest.mark.parametrize("tokens", [0, 1, COLUMN_BLOCK, COLUMN_BLOCK + 1, 5 * COLUMN_BLOCK, 25_003])
@pytest.mark.parametrize(("width", "other"), [(3, 4), (1, 1), (32, 32)])
def test_a_product_over_many_tokens_keeps_its_digits(tokens, width, other):
    rng = np.random.default_rng(0)
    a, b = (1 + rng.standard_normal((2, tokens, side), np.float32) for side in (width, other))
    exact = a.astype(np.float64).mT @ b.astype(np.float64)
    got = token_product(a, b)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, exact, rtol=1e-6, atol=1e-5)


@pytest.mark.parametrize(("shape", "torch"), [((200, 3_000), 0.86), ((20, 100_000), 0.63), ((8, 150_528), 1.14)])
def test_a_sum_of_a_long_row_keeps_its_digits(shape, torch):
    a = 1 + np.random.default_rng(0).standard_normal(shape, np.float32)
    assert relative_error(row_sum(a), a, -1) < 3 * torch
    assert relative_error(row_dot(a, np.ones_like(a)), a, -1) < 3 * torch
    assert relative_error(sum_to(a, (len(a), 1)), a, -1) < 3 * torch


@pytest.mark.parametrize("width", [1, 3, 16, WIDE_ROW // 2, WIDE_ROW // 2 + 1, WIDE_ROW, WIDE_ROW + 1])
@pytest.mark.parametrize("lead", [(), (0,), (1,), (2, 0), (7,), (4, 8, 8)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_row_for_all_rows_gives_the_bits_of_broadcasting(lead, width, order):
    rng = np.random.default_rng(0)
    x = np.asarray(rng.standard_normal((*lead, width), np.float32), order=order)
    row = rng.standard_normal(width, np.float32)
    for with_row, expected in ((plus_row, x + row), (times_row, x * row)):
        before = x.copy()
        np.testing.assert_array_equal(with_row(x, row), expected)
        np.testing.assert_array_equal(x, before)
        out = np.full_like(x, np.nan)
        with_row(x, row, out=out)
        np.testing.assert_array_equal(out, expected)
        with_row(before, row, out=before)
        np.testing.assert_array_equal(before, expected)


@pytest.mark.parametrize("width", [16, WIDE_ROW, WIDE_ROW + 1, 2 * WIDE_ROW, 4 * WIDE_ROW + 1])
def test_a_row_is_copied_only_until_it_is_wide(width):
    x, row = np.ones((4096, width), np.float32), np.ones(width, np.float32)
    times_row(x, row, out=x)  # what is looked up once
    tracemalloc.start()
    times_row(x, row, out=x)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 1024 < x.nbytes  # half of it is NumPy's own, for any product that stands where x stood
