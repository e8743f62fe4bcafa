import numpy as np
import pytest

from minivit.ops import drop_path_forward, dropout_forward

X = np.ones((400, 3, 50))


@pytest.mark.parametrize("forward", [dropout_forward, drop_path_forward])
def test_nothing_happens_without_a_generator_or_a_rate(forward):
    assert forward(X, rate=0.5)[0] is X
    assert forward(X, rate=0.0, rng=np.random.default_rng(0))[0] is X


def test_dropout_keeps_the_mean():
    y, _ = dropout_forward(X, rate=0.25, rng=np.random.default_rng(0))
    np.testing.assert_allclose(np.unique(y), [0, 4 / 3])
    assert abs((y == 0).mean() - 0.25) < 0.01
    assert abs(y.mean() - 1) < 0.01


def test_drop_path_drops_whole_samples():
    y, _ = drop_path_forward(X, rate=0.25, rng=np.random.default_rng(0))
    assert (y == y[:, :1, :1]).all()
    assert abs((y[:, 0, 0] == 0).mean() - 0.25) < 0.07


def test_same_generator_same_numbers_in_both_precisions():
    y, _ = dropout_forward(X, rate=0.5, rng=np.random.default_rng(0))
    y32, _ = dropout_forward(X.astype(np.float32), rate=0.5, rng=np.random.default_rng(0))
    np.testing.assert_array_equal(y, y32)


@pytest.mark.parametrize("forward", [dropout_forward, drop_path_forward])
@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_rate_outside_its_range(forward, rate):
    with pytest.raises(ValueError, match=f"rate is {rate}; expected 0 <= rate < 1"):
        forward(X, rate=rate)
