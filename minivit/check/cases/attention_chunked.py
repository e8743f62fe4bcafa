"""Sample inputs of attention in blocks of keys."""

from numpy.random import Generator

from minivit.check.cases.attention import attention
from minivit.check.draw import Case


def attention_chunked(rng: Generator) -> Case:
    args, kwargs = attention(rng)
    return Case(args, {**kwargs, "block_size": int(rng.integers(1, args[1].shape[-2] + 2))})
