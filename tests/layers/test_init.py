from math import sqrt

import numpy as np
import pytest

from minivit.layers.init import lecun_normal, normal, ones, xavier_uniform, zeros


@pytest.mark.parametrize(
    ("init", "std"), [(normal(0.02), 0.02), (lecun_normal, 1 / sqrt(300)), (xavier_uniform, sqrt(2 / 500))]
)
def test_spread(init, std):
    value = init(np.random.default_rng(0), (300, 200))
    assert value.shape == (300, 200)
    assert abs(value.mean()) < 5 * std / sqrt(value.size)
    assert abs(value.std() / std - 1) < 0.02


def test_xavier_uniform_stays_within_its_limit():
    assert np.abs(xavier_uniform(np.random.default_rng(0), (300, 200))).max() <= sqrt(6 / 500)


def test_constants():
    rng = np.random.default_rng(0)
    assert not zeros(rng, (3, 5)).any()
    assert (ones(rng, (3, 5)) == 1).all()
