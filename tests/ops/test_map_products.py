"""What is special about products of vectors with every place of a map."""

import numpy as np

from minivit.ops import map_products_forward

RNG = np.random.default_rng(0)


def test_products_are_a_classifier_of_places():
    vectors, maps = RNG.standard_normal((2, 3, 4)), RNG.standard_normal((2, 5, 6, 4))
    y, _ = map_products_forward(vectors, maps)
    np.testing.assert_allclose(y, np.einsum("bmc,byxc->bmyx", vectors, maps), rtol=1e-12)
