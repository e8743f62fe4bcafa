from math import sqrt

import numpy as np
import pytest

from minivit.layers.initial import lecun_normal, normal, ones, xavier_uniform, zeros
from minivit.layers.param import Param


@pytest.fixture
def matrix():
    return Param((300, 200), "in out", zeros)


@pytest.mark.parametrize(
    ("init", "std"), [(normal(0.02), 0.02), (lecun_normal, 1 / sqrt(300)), (xavier_uniform, sqrt(2 / 500))]
)
def test_spread(init, std, matrix):
    value = init(np.random.default_rng(0), matrix)
    assert value.shape == (300, 200)
    assert abs(value.mean()) < 5 * std / sqrt(value.size)
    assert abs(value.std() / std - 1) < 0.02


def test_xavier_uniform_stays_within_its_limit(matrix):
    assert np.abs(xavier_uniform(np.random.default_rng(0), matrix)).max() <= sqrt(6 / 500)


def test_constants(matrix):
    rng = np.random.default_rng(0)
    assert not zeros(rng, matrix).any()
    assert (ones(rng, matrix) == 1).all()
