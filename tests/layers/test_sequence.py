"""Layers side by side; those one after the other are tested by the models that are made of them."""

import numpy as np
import pytest

from minivit.layers import Linear
from minivit.layers.sequence import run_each, run_each_backward

X = np.random.default_rng(0).standard_normal((2, 2, 3))


def test_each_layer_has_a_token_of_its_own():
    layers = [Linear(3, 4).init(seed, dtype="float64") for seed in (1, 2)]
    y, caches = run_each(layers, X)
    np.testing.assert_array_equal(y, np.stack([layers[n].forward(X[:, n])[0] for n in range(2)], axis=1))
    dx = run_each_backward(layers, y, caches)
    for n, layer in enumerate(layers):
        np.testing.assert_allclose(dx[:, n], y[:, n] @ layer.weight.value.T)
        np.testing.assert_allclose(layer.weight.grad, X[:, n].T @ y[:, n])
    with pytest.raises(ValueError, match="zip"):
        run_each_backward(layers, y, caches[:1])
