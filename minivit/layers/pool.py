"""From many tokens to one, which is what the head of a classifier reads; and from a map to a smaller one."""

from numpy import ndarray
from numpy.random import Generator

from minivit.layers.layer import Layer
from minivit.ops.adaptive_pool import (
    AdaptiveAvgPool2dCache,
    adaptive_avg_pool2d_backward,
    adaptive_avg_pool2d_forward,
)
from minivit.ops.pool import (
    AvgPool2dCache,
    FirstTokenCache,
    MaxPool2dCache,
    MeanPoolCache,
    PatchTokensCache,
    PrefixTokensCache,
    avg_pool2d_backward,
    avg_pool2d_forward,
    first_token_backward,
    first_token_forward,
    max_pool2d_backward,
    max_pool2d_forward,
    mean_pool_backward,
    mean_pool_forward,
    patch_tokens_backward,
    patch_tokens_forward,
    prefix_tokens_backward,
    prefix_tokens_forward,
)
from minivit.ops.sliding import Padding
from minivit.types import Size


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


class PatchTokens(Layer):
    """The tokens of patches, without those in front of them."""

    def __init__(self, num_prefix_tokens: int) -> None:
        self.num_prefix_tokens = num_prefix_tokens

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, PatchTokensCache]:
        return patch_tokens_forward(x, num_prefix_tokens=self.num_prefix_tokens)

    def backward(self, dy: ndarray, cache: PatchTokensCache) -> ndarray:
        (dx,) = patch_tokens_backward(dy, cache)
        return dx


class MaxPool2d(Layer):
    """The largest number of each window of a map, each channel alone."""

    def __init__(self, kernel_size: Size, *, stride: Size, padding: Padding = 0) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, MaxPool2dCache]:
        return max_pool2d_forward(x, kernel_size=self.kernel_size, stride=self.stride, padding=self.padding)

    def backward(self, dy: ndarray, cache: MaxPool2dCache) -> ndarray:
        (dx,) = max_pool2d_backward(dy, cache)
        return dx


class AvgPool2d(Layer):
    """The mean of each window of a map, each channel alone; zeros of a padding count.

    Windows touch and do not overlap, if no stride is given.
    """

    def __init__(self, kernel_size: Size, *, stride: Size | None = None, padding: Padding = 0) -> None:
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, AvgPool2dCache]:
        return avg_pool2d_forward(x, kernel_size=self.kernel_size, stride=self.stride, padding=self.padding)

    def backward(self, dy: ndarray, cache: AvgPool2dCache) -> ndarray:
        (dx,) = avg_pool2d_backward(dy, cache)
        return dx


class AdaptiveAvgPool2d(Layer):
    """The mean of every cell of a grid laid over a map, whatever the map's size."""

    def __init__(self, output_size: Size) -> None:
        self.output_size = output_size

    def forward(self, x: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, AdaptiveAvgPool2dCache]:
        return adaptive_avg_pool2d_forward(x, output_size=self.output_size)

    def backward(self, dy: ndarray, cache: AdaptiveAvgPool2dCache) -> ndarray:
        (dx,) = adaptive_avg_pool2d_backward(dy, cache)
        return dx
