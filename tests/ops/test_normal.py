import numpy as np
import pytest
from scipy.stats import norm

from minivit.ops.normal import normal_cdf, normal_cdf_fast, normal_pdf

X = np.linspace(-6, 6, 101)


def test_literal_forms():
    np.testing.assert_allclose(normal_cdf(X), norm.cdf(X), atol=1e-15)
    np.testing.assert_allclose(normal_pdf(X), norm.pdf(X), rtol=1e-14)


@pytest.mark.parametrize("limit", [6, 60, 1e38])
def test_fast_form_is_the_literal_one_to_the_last_digit(limit):
    """No overflow is reported anywhere: warnings are errors here."""
    x = np.linspace(-limit, limit, 100_001).astype(np.float32)
    y = normal_cdf_fast(x)
    assert y.dtype == np.float32
    assert np.abs(y - normal_cdf(x.astype(np.float64))).max() < 2e-7


def test_float32_takes_the_fast_form_and_is_right_at_the_ends():
    x = np.array([-np.inf, 0, np.inf, np.nan], np.float32)
    np.testing.assert_array_equal(normal_cdf(x), [0, 0.5, 1, np.nan])
    x = X.astype(np.float32)
    np.testing.assert_array_equal(normal_cdf(x), normal_cdf_fast(x))
