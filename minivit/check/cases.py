"""Sample inputs for every op: small, random, with all options, and no two axes of the same length.

Equal lengths hide mistakes: a transposed square matrix still fits. ``CASES["linear"](rng)`` draws one case; then

    check_pair(linear_forward, linear_backward, *case.args, **case.kwargs)

Losses also need ``constants=CONSTANTS[name]``: their targets have no gradient.

Functions with a kink (ReLU, maxima, absolute values) get numbers at a safe distance from it: there, and only there, a
numerical derivative means nothing.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator


class Case(NamedTuple):
    """One call: ``forward(*args, **kwargs)``."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def sizes(rng: Generator, count: int) -> list[int]:
    """So many different lengths, from 2 on: an axis of length 1 is broadcast, and hides a sum that backward forgot."""
    return rng.permutation(np.arange(2, count + 3))[:count].tolist()


def choose(rng: Generator, *options: Any) -> Any:
    """One of the options."""
    return options[rng.integers(len(options))]


def different(*shapes: tuple[int, ...]) -> bool:
    """Whether no shape has two axes of the same length."""
    return all(len(set(shape)) == len(shape) for shape in shapes)


def generator(rng: Generator) -> Generator:
    """A new generator, for an op that draws random numbers itself."""
    return np.random.default_rng(rng.integers(2**32))


def linear(rng: Generator) -> Case:
    B, N, D, F = sizes(rng, 4)
    x = rng.standard_normal(choose(rng, (B, N, D), (N, D)))
    return Case((x, rng.standard_normal((D, F)), choose(rng, None, rng.standard_normal(F))), {})


def elementwise(rng: Generator) -> Case:
    return Case((2 * rng.standard_normal(sizes(rng, 3)),), {})


def relu(rng: Generator) -> Case:
    shape = sizes(rng, 3)
    return Case((rng.uniform(0.1, 2, shape) * rng.choice([-1, 1], shape),), {})


def layer_norm(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    D += 6  # a row of two numbers becomes 1 and -1 whatever they are, and its gradient nothing but rounding
    x = 1 + 2 * rng.standard_normal(choose(rng, (B, N, D), (N, D)))
    return Case((x, rng.standard_normal(D), rng.standard_normal(D)), {"eps": choose(rng, 1e-6, 1e-3)})


def layer_norm_sample(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    D += 6  # as for layer_norm
    shape = choose(rng, (D,), (N, D))
    x = 1 + 2 * rng.standard_normal((B, N, D))
    return Case((x, rng.standard_normal(shape), rng.standard_normal(shape)), {"eps": choose(rng, 1e-6, 1e-3)})


def attention(rng: Generator) -> Case:
    B, H, N, S, K, V = sizes(rng, 6)
    lead = choose(rng, (B, H), (B,), ())
    q, k, v = (rng.standard_normal((*lead, *shape)) for shape in ((N, K), (S, K), (S, V)))
    broadcast = (1,) * len(lead)
    shapes = [(*lead, N, S), (N, S), (*broadcast, N, S), (*lead, 1, S), (*lead[1:], N, 1)]
    bias = choose(rng, None, rng.standard_normal(choose(rng, *shapes)))
    mask = choose(rng, None, rng.random(choose(rng, *shapes)) < 0.7)
    return Case((q, k, v, bias), {"mask": mask, "scale": choose(rng, None, 0.3)})


def attention_chunked(rng: Generator) -> Case:
    args, kwargs = attention(rng)
    return Case(args, {**kwargs, "block_size": int(rng.integers(1, args[1].shape[-2] + 2))})


def split_heads(rng: Generator) -> Case:
    B, H, N, K = sizes(rng, 4)
    while not different((B, N, H * K)):
        B, H, N, K = sizes(rng, 4)
    return Case((rng.standard_normal((B, N, H * K)),), {"num_heads": H})


def merge_heads(rng: Generator) -> Case:
    B, H, N, K = sizes(rng, 4)
    while not different((B, N, H * K)):
        B, H, N, K = sizes(rng, 4)
    return Case((rng.standard_normal((B, H, N, K)),), {})


def dropout(rng: Generator) -> Case:
    kwargs = {"rate": choose(rng, 0.0, 0.3, 0.6), "rng": choose(rng, None, generator(rng), generator(rng))}
    return Case((rng.standard_normal(sizes(rng, 3)),), kwargs)


def conv2d(rng: Generator) -> Case:
    while True:  # until it fits
        B, P, Q, groups = *sizes(rng, 3), choose(rng, 1, 1, 2, 3)
        group_in, group_out = choose(rng, 1, 2, 3, 4), choose(rng, 1, 2, 3)
        Y, X = (rng.integers(5, 12, 2)).tolist()
        stride, dilation = choose(rng, 1, 2, (2, 3), (3, 1)), choose(rng, 1, 1, 2, (1, 2))
        (sy, sx), (dy, dx) = (pair if isinstance(pair, tuple) else (pair, pair) for pair in (stride, dilation))
        padding, (rows, columns) = choose(rng, (0, (0, 0)), (1, (2, 2)), ((1, 0), (2, 0)), (((0, 1), (2, 1)), (1, 3)))
        out = ((Y + rows - dy * (P - 1) - 1) // sy + 1, (X + columns - dx * (Q - 1) - 1) // sx + 1)
        x_shape, weight_shape = (B, Y, X, group_in * groups), (P, Q, group_in, group_out * groups)
        if min(out) > 1 and different(x_shape, weight_shape, (B, *out, weight_shape[3])):
            break
    bias = choose(rng, None, rng.standard_normal(weight_shape[3]))
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return Case((rng.standard_normal(x_shape), rng.standard_normal(weight_shape), bias), options)


def patches(rng: Generator) -> tuple[tuple[int, ...], tuple[int, ...], int | tuple[int, int]]:
    """Shapes of an image and of its patches, and the size of a patch."""
    while True:  # until no two lengths are equal
        (B, C, rows, columns), (P, Q) = sizes(rng, 4), choose(rng, (2, 3), (3, 2), (2, 2))
        image, tokens = (B, rows * P, columns * Q, C), (B, rows * columns, P * Q * C)
        if different(image, tokens):
            return image, tokens, P if P == Q else (P, Q)


def patchify(rng: Generator) -> Case:
    image, _, patch_size = patches(rng)
    return Case((rng.standard_normal(image),), {"patch_size": patch_size})


def unpatchify(rng: Generator) -> Case:
    (_, Y, X, _), tokens, patch_size = patches(rng)
    return Case((rng.standard_normal(tokens),), {"img_size": (Y, X), "patch_size": patch_size})


def mean_pool(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    return Case((rng.standard_normal((B, N, D)),), {"num_prefix_tokens": int(rng.integers(0, N))})


def pool_windows(rng: Generator) -> tuple[tuple[int, ...], dict[str, Any]]:
    """Shape of a map, and windows that fit: apart, touching and overlapping."""
    while True:  # until no two lengths are equal
        B, C = sizes(rng, 2)
        Y, X = rng.integers(5, 12, 2).tolist()
        kernel_size, stride = choose(rng, 2, 3, (2, 3), (4, 2)), choose(rng, None, 1, 2, (3, 2))
        (P, Q), (sy, sx) = (
            side if isinstance(side, tuple) else (side, side) for side in (kernel_size, stride or kernel_size)
        )
        out = ((Y - P) // sy + 1, (X - Q) // sx + 1)
        if min(out) > 1 and different((B, Y, X, C), (B, *out, C)):
            return (B, Y, X, C), {"kernel_size": kernel_size, "stride": stride}


def avg_pool2d(rng: Generator) -> Case:
    shape, options = pool_windows(rng)
    return Case((rng.standard_normal(shape),), options)


def max_pool2d(rng: Generator) -> Case:
    shape, options = pool_windows(rng)
    x = rng.permutation(np.prod(shape)) / 10.0 - 5  # no two numbers closer than 0.1
    return Case((x.reshape(shape),), options)


def resize(rng: Generator) -> Case:
    B, Y, X, C, new_rows, new_columns = sizes(rng, 6)
    size = choose(rng, (new_rows, new_columns), (new_columns + Y + X, new_rows))
    while not different((B, *size, C)):
        size = (size[0] + 1, size[1])
    options = choose(rng, {}, {"antialias": True}, {"align_corners": True})
    mode = choose(rng, "bilinear", "bicubic")
    return Case((rng.standard_normal((B, Y, X, C)),), {"size": size, "mode": mode, **options})


def add_positions(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    return Case((rng.standard_normal((B, N, D)), rng.standard_normal(choose(rng, (N, D), (1, N, D)))), {})


def prepend_token(rng: Generator) -> Case:
    B, N, D = sizes(rng, 3)
    while not different((B, N + 1, D)):
        B, N, D = sizes(rng, 3)
    return Case((rng.standard_normal((B, N, D)), rng.standard_normal((1, 1, D))), {})


def cross_entropy(rng: Generator) -> Case:
    B, N, C = sizes(rng, 3)
    lead = choose(rng, (B,), (B, N))
    labels = rng.integers(0, C, lead)
    soft = rng.random((*lead, C))  # its rows need not sum to one
    targets = choose(rng, labels, soft, soft / soft.sum(-1, keepdims=True))
    return Case((2 * rng.standard_normal((*lead, C)), targets), {"label_smoothing": choose(rng, 0.0, 0.1)})


def mse(rng: Generator) -> Case:
    shape = sizes(rng, 3)
    return Case((rng.standard_normal(shape), rng.standard_normal(shape)), {})


def l1(rng: Generator) -> Case:
    target = rng.standard_normal(sizes(rng, 3))
    distance = rng.uniform(0.1, 2, target.shape) * rng.choice([-1, 1], target.shape)
    return Case((target + distance, target), {})


def distillation(rng: Generator) -> Case:
    B, N, C = sizes(rng, 3)
    shape = choose(rng, (B, C), (B, N, C))
    return Case((rng.standard_normal(shape), rng.standard_normal(shape)), {"temperature": choose(rng, 1.0, 3.0)})


CASES: dict[str, Callable[[Generator], Case]] = {
    "linear": linear,
    "relu": relu,
    "gelu": elementwise,
    "gelu_tanh": elementwise,
    "sigmoid": elementwise,
    "softmax": elementwise,
    "log_softmax": elementwise,
    "layer_norm": layer_norm,
    "layer_norm_sample": layer_norm_sample,
    "attention": attention,
    "attention_chunked": attention_chunked,
    "split_heads": split_heads,
    "merge_heads": merge_heads,
    "dropout": dropout,
    "drop_path": dropout,
    "conv2d": conv2d,
    "patchify": patchify,
    "unpatchify": unpatchify,
    "mean_pool": mean_pool,
    "first_token": elementwise,
    "avg_pool2d": avg_pool2d,
    "max_pool2d": max_pool2d,
    "resize": resize,
    "add_positions": add_positions,
    "prepend_token": prepend_token,
    "cross_entropy": cross_entropy,
    "mse": mse,
    "l1": l1,
    "distillation": distillation,
}
"""For every op of :data:`minivit.ops.OPS` a function that draws one case."""

CONSTANTS: dict[str, tuple[str, ...]] = dict.fromkeys(CASES, ()) | {
    "cross_entropy": ("targets",),
    "mse": ("target",),
    "l1": ("target",),
    "distillation": ("teacher_logits",),
}
"""For every op its arguments that have no gradient, though they may be given by position."""
