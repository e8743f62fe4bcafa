"""Sample inputs of attention in blocks of keys."""

from numpy.random import Generator

from minivit.check.cases.attention import attention
from minivit.check.draw import Case, choose


def attention_chunked(rng: Generator) -> Case:
    args, kwargs = attention(rng)
    N, S = args[0].shape[-2], args[1].shape[-2]
    causal = choose(rng, False, N <= S)
    return Case(args, {**kwargs, "causal": causal, "block_size": int(rng.integers(1, S + 2))})
