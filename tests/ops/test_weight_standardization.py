import numpy as np
import pytest

from minivit.ops import batch_norm_forward, weight_standardization_backward, weight_standardization_forward

RNG = np.random.default_rng(0)
WEIGHT = 3 + 2 * RNG.standard_normal((3, 2, 4, 5))


def test_each_output_has_mean_0_and_variance_1():
    y, _ = weight_standardization_forward(WEIGHT)
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-14)
    np.testing.assert_allclose(y.var((0, 1, 2)), 1, rtol=1e-7)


def test_timms_is_batch_norm_of_the_kernel():
    y, _ = weight_standardization_forward(WEIGHT, eps=0.3)
    expected, _ = batch_norm_forward(WEIGHT, np.ones(5), np.zeros(5), eps=0.3)
    np.testing.assert_allclose(y, expected, rtol=1e-13)


def test_googles_adds_to_the_deviation():
    y, _ = weight_standardization_forward(WEIGHT, eps=0.3, eps_beside="deviation")
    expected = (WEIGHT - WEIGHT.mean((0, 1, 2))) / (WEIGHT.std((0, 1, 2)) + 0.3)
    np.testing.assert_allclose(y, expected, rtol=1e-13)


@pytest.mark.parametrize("beside", ["variance", "deviation"])
def test_a_kernel_of_equal_numbers(beside):
    """It becomes zeros, and hands on no nan."""
    y, cache = weight_standardization_forward(np.full((3, 3, 2, 4), 0.7), eps_beside=beside)
    np.testing.assert_allclose(y, 0, atol=1e-7)
    assert np.isfinite(weight_standardization_backward(RNG.standard_normal(y.shape), cache).weight).all()


def test_of_one_number_nothing_is_left():
    y, cache = weight_standardization_forward(np.ones((1, 1, 1, 3)))
    np.testing.assert_array_equal(y, 0)
    np.testing.assert_array_equal(weight_standardization_backward(np.ones_like(y), cache).weight, 0)


def test_what_is_refused():
    with pytest.raises(ValueError, match="weight_standardization: eps is 0"):
        weight_standardization_forward(WEIGHT, eps=0.0)
    with pytest.raises(ValueError, match="eps_beside is 'both'; expected"):
        weight_standardization_forward(WEIGHT, eps_beside="both")
