"""Sample inputs of distillation; the teacher has no gradient."""

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def distillation(rng: Generator) -> Case:
    B, N, C = sizes(rng, 3)
    shape = choose(rng, (B, C), (B, N, C))
    options = {"temperature": choose(rng, 1.0, 3.0), "reverse": choose(rng, False, True)}
    return Case(
        (rng.standard_normal(shape), rng.standard_normal(shape)), options | {"per_class": choose(rng, False, True)}
    )


def taught(rng: Generator) -> Case:
    """Some images have no label, some batches none at all."""
    B, C = sizes(rng, 2)
    labels = np.where(rng.random(B) < choose(rng, 0.5, 1.0), rng.integers(0, C, B), -1)
    options = {"alpha": choose(rng, 0.3, 0.8), "temperature": choose(rng, 1.0, 3.0), "hard": choose(rng, False, True)}
    return Case((rng.standard_normal((B, C)), rng.standard_normal((B, C)), labels), options)


CONSTANTS = {"distillation": ("teacher_logits",), "taught": ("teacher_logits",)}
