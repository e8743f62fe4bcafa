"""What is special about Fourier features."""

from math import pi

import numpy as np

from minivit.ops import fourier_features_forward

RNG = np.random.default_rng(0)


def test_products_of_features_say_how_two_points_lie_to_each_other():
    frequencies, points = RNG.standard_normal((2, 7)), RNG.uniform(-1, 1, (2, 2))
    shift = np.array([0.3, -0.2])
    (a, b), (c, d) = (fourier_features_forward(it, frequencies)[0] for it in (points, points + shift))
    np.testing.assert_allclose(a @ b, c @ d, rtol=1e-10)
    np.testing.assert_allclose(a @ b, np.cos(2 * pi * (points[0] - points[1]) @ frequencies).sum(), rtol=1e-10)
    np.testing.assert_allclose(a @ a, 7, rtol=1e-12)
