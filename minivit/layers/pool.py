"""From many tokens to one: what the head of a classifier reads."""

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.layer import Layer
from minivit.ops.pool import (
    FirstTokenCache,
    MeanPoolCache,
    PrefixTokensCache,
    first_token_backward,
    first_token_forward,
    mean_pool_backward,
    mean_pool_forward,
    prefix_tokens_backward,
    prefix_tokens_forward,
)


class MeanPool(Layer):
    """The mean of the tokens, those in front left out (``global_pool="avg"``)."""

    def __init__(self, num_prefix_tokens: int = 0) -> None:
        self.num_prefix_tokens = num_prefix_tokens

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, MeanPoolCache]:
        return mean_pool_forward(x, num_prefix_tokens=self.num_prefix_tokens)

    def backward(self, dy: ndarray, cache: MeanPoolCache) -> ndarray:
        (dx,) = mean_pool_backward(dy, cache)
        return dx


class FirstToken(Layer):
    """The first token, which is the class token (``global_pool="token"``)."""

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, FirstTokenCache]:
        return first_token_forward(x)

    def backward(self, dy: ndarray, cache: FirstTokenCache) -> ndarray:
        (dx,) = first_token_backward(dy, cache)
        return dx


class PrefixTokens(Layer):
    """The tokens in front of the patches: class and distillation token."""

    def __init__(self, num_prefix_tokens: int) -> None:
        self.num_prefix_tokens = num_prefix_tokens

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, PrefixTokensCache]:
        return prefix_tokens_forward(x, num_prefix_tokens=self.num_prefix_tokens)

    def backward(self, dy: ndarray, cache: PrefixTokensCache) -> ndarray:
        (dx,) = prefix_tokens_backward(dy, cache)
        return dx
