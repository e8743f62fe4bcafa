"""Sample inputs of attention without a softmax: no score near zero, where the ReLU has its kink."""

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def dot_product_mean(rng: Generator) -> Case:
    B, H, N, S, K, V = sizes(rng, 6)
    lead = choose(rng, (B, H), (B,), ())
    return Case(tuple(rng.standard_normal((*lead, *shape)) for shape in ((N, K), (S, K), (S, V))), {})


def concatenation_mean(rng: Generator) -> Case:
    """A query's number is a whole one, a key's lies half way between two: their sum is 1/2 away from zero at least."""
    (q, k, v), _ = dot_product_mean(rng)
    vector = rng.standard_normal(2 * q.shape[-1])
    of_query, of_key = np.split(vector, 2)
    whole, half = rng.integers(-3, 4, q.shape[:-1]), rng.integers(-3, 4, k.shape[:-1]) + 0.5
    return Case((_with_product(q, of_query, whole), _with_product(k, of_key, half), v, vector), {})


def _with_product(tokens: ndarray, vector: ndarray, products: ndarray) -> ndarray:
    """Tokens moved along the vector until these are their products with it."""
    length = max(vector @ vector, 1e-9)  # of tokens without width, nothing
    return tokens + ((products - tokens @ vector) / length)[..., None] * vector
