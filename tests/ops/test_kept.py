import numpy as np
import pytest

from minivit.ops.kept import kept

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex128"])
def test_it_is_np_where(dtype):
    a = RNG.standard_normal((5, 7)).astype(dtype)
    a[0, :4] = np.nan, np.inf, -np.inf, -0.0
    for where in (RNG.random((5, 7)) < 0.5, np.zeros((5, 7), bool), np.ones((5, 7), bool)):
        y = kept(a, where)
        np.testing.assert_array_equal(y, np.where(where, a, 0))
        assert y.dtype == a.dtype
        assert not np.shares_memory(y, a)


def test_of_views():
    a, where = RNG.standard_normal((6, 8)).astype(np.float32)[::2, ::-3], RNG.random((6, 8))[1::2, ::-3] < 0.5
    np.testing.assert_array_equal(kept(a, where), np.where(where, a, 0))
    a.flags.writeable = False
    np.testing.assert_array_equal(kept(a.T, where.T), np.where(where, a, 0).T)


def test_of_no_numbers():
    assert kept(np.zeros((0, 3)), np.zeros((0, 3), bool)).shape == (0, 3)
