"""Sample inputs of distillation; the teacher has no gradient."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, sizes


def distillation(rng: Generator) -> Case:
    B, N, C = sizes(rng, 3)
    shape = choose(rng, (B, C), (B, N, C))
    options = {"temperature": choose(rng, 1.0, 3.0), "reverse": choose(rng, False, True)}
    return Case(
        (rng.standard_normal(shape), rng.standard_normal(shape)), options | {"per_class": choose(rng, False, True)}
    )


CONSTANTS = {"distillation": ("teacher_logits",)}
