import numpy as np
import pytest
from scipy.fft import dct

from minivit.audio.dct import dct_backward, dct_forward, dct_matrix

X = np.random.default_rng(0).standard_normal((2, 7, 5))


@pytest.mark.parametrize("norm", ["ortho", None])
@pytest.mark.parametrize("n", [None, 1, 4, 7])
def test_the_transform_of_scipy(n, norm):
    y, _ = dct_forward(X, n=n, norm=norm)
    np.testing.assert_allclose(y, np.asarray(dct(X, axis=1, norm=norm))[:, :n], atol=1e-14)


def test_rows_have_right_angles():
    D = dct_matrix(7, 7)
    np.testing.assert_allclose(D @ D.T, np.eye(7), atol=1e-14)
    y, cache = dct_forward(X)
    np.testing.assert_allclose(dct_backward(y, cache).x, X, atol=1e-14)
    np.testing.assert_allclose((y * y).sum(1), (X * X).sum(1))


def test_a_constant_is_in_the_first_number_alone():
    y, _ = dct_forward(np.full((7, 1), 3.0))
    np.testing.assert_allclose(y[:, 0], [3 * np.sqrt(7), 0, 0, 0, 0, 0, 0], atol=1e-14)


def test_options():
    with pytest.raises(ValueError, match="dct: n is 8; expected at most 7, as many as there are numbers"):
        dct_forward(X, n=8)
    with pytest.raises(ValueError, match="dct: norm is 'slaney'; expected 'ortho' or None"):
        dct_forward(X, norm="slaney")
    _, cache = dct_forward(X, n=3)
    with pytest.raises(ValueError, match=r"dct_backward: dy has shape \(2, 7, 5\); expected \(2, 3, 5\)"):
        dct_backward(X, cache)
