"""What is kept of batches, and what inference makes of it; tests/layers/test_batch_norm.py has PyTorch's numbers."""

import numpy as np
import pytest

from minivit.ops import batch_norm_forward, fixed_scale_and_shift, running_averages

RNG = np.random.default_rng(0)


def test_of_all_batches_of_two_the_variance_is_that_of_all_on_average():
    numbers = RNG.standard_normal((5, 3))
    pairs = [numbers[[i, j]] for i in range(5) for j in range(i)]
    zeros = np.zeros(3)
    var = [running_averages(zeros, zeros, two.mean(0), two.var(0), 2, momentum=1.0).var for two in pairs]
    np.testing.assert_allclose(np.mean(var, 0), numbers.var(0, ddof=1), rtol=1e-12)


def test_with_the_batchs_own_statistics_inference_computes_what_training_does():
    x, gamma, beta = RNG.standard_normal((7, 4, 3)), *RNG.standard_normal((2, 3))
    y, cache = batch_norm_forward(x, gamma, beta, eps=0.3)
    scale, shift = fixed_scale_and_shift(gamma, beta, cache.mean, cache.var, eps=0.3)
    np.testing.assert_allclose(x * scale + shift, y, rtol=1e-12, atol=1e-14)


def test_what_is_refused():
    one = np.ones(3)
    with pytest.raises(ValueError, match="running_averages: count is 1; expected at least 2"):
        running_averages(one, one, one, one, 1)
    with pytest.raises(ValueError, match=r"running_averages: momentum is 1\.5; expected at least 0 and at most 1"):
        running_averages(one, one, one, one, 2, momentum=1.5)
    with pytest.raises(ValueError, match="fixed_scale_and_shift: eps is -1; expected at least 0"):
        fixed_scale_and_shift(one, one, one, one, eps=-1)
