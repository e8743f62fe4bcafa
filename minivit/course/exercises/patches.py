"""Patch embedding as a convolution: with loops, with one product at each place, the patches, and the layer."""

from collections.abc import Callable

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.cases.patches import patches as draw_patches
from minivit.check.draw import Case, choose, different, sizes
from minivit.course.exercise import Call, Exercise, Mistake, Property, Task, Trial
from minivit.course.exercises._cases import first_sample, with_options
from minivit.ops.conv import conv2d_forward


def images(rng: Generator) -> Case:
    image, _, patch_size = draw_patches(rng)
    return Case((rng.standard_normal(image),), {"patch_size": patch_size})


def square_patches(rng: Generator) -> Case:
    B, C, rows, columns = sizes(rng, 4)
    return Case((rng.standard_normal((B, 3 * rows, 3 * columns, C)),), {"patch_size": 3})


def many_patches(rng: Generator) -> Case:
    return Case((rng.standard_normal((8, 64, 64, 2)),), {"patch_size": 2})


def kernel(rng: Generator) -> Case:
    while True:  # until no two lengths are equal
        (B, C, O), (P, Q) = sizes(rng, 3), choose(rng, (2, 3), (3, 2))
        Y, X = rng.integers(6, 11, 2).tolist()
        if different((B, Y, X, C), (P, Q, C, O)) and Y != X:
            return Case((rng.standard_normal((B, Y, X, C)), rng.standard_normal((P, Q, C, O))), {})


def many_images(rng: Generator) -> Case:
    return Case((rng.standard_normal((2000, 4, 4, 2)), rng.standard_normal((2, 2, 2, 5))), {"stride": 2})


def layer(rng: Generator) -> Case:
    (x,), options = images(rng)
    size = options["patch_size"]
    rows, columns = size if isinstance(size, tuple) else (size, size)
    width = choose(rng, 7, 11, 13)
    C = x.shape[3]
    shapes = {"proj.weight": (rows, columns, C, width), "proj.bias": (width,)}
    params = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    made = {"img_size": x.shape[1:3], "patch_size": size, "in_chans": C, "embed_dim": width}
    return Case((x, params), made)


def named_sizes(case: Case) -> dict[str, float]:
    B, Y, X, C = case.args[0].shape
    size = case.kwargs["patch_size"]
    P, Q = size if isinstance(size, tuple) else (size, size)
    tokens = Y * X // (P * Q)
    return {"the batch": B, "the tokens": tokens, "the rows": B * tokens, "the channels": C, "a patch": P * Q * C}


def is_the_convolution(call: Call, rng: Generator) -> str | None:
    """A convolution whose stride is its size."""
    (x, params), options = layer(rng)
    size = options["patch_size"]
    P, Q = size if isinstance(size, tuple) else (size, size)
    expected = conv2d_forward(x, params["proj.weight"], params["proj.bias"], stride=(P, Q))[0]
    got = call(x, params, **options)[0]
    if np.allclose(got, expected.reshape(got.shape), rtol=0, atol=1e-9):
        return None
    return "a convolution with the same weight and stride P gives other numbers"


def cut(x: ndarray, size: int | tuple[int, int]) -> ndarray:
    """(B, rows, P, columns, Q, C): the image with its patches as axes."""
    P, Q = (size, size) if isinstance(size, int) else size
    return x.reshape(len(x), x.shape[1] // P, P, x.shape[2] // Q, Q, x.shape[3])


def in_order(*order: int):
    """Patches whose axes were moved otherwise."""
    return lambda t: cut(t.args[0], t.kwargs["patch_size"]).transpose(0, *order).reshape(t.expected[0].shape)


def back_in_order(t: Trial, *order: int) -> ndarray:
    """The gradient when the way back forgets or exchanges axes."""
    B, Y, X, C = t.cache.image_shape
    P, Q = t.cache.patch_size
    moved = t.dy.reshape(B, Y // P, X // Q, P, Q, C).transpose(0, *order)
    return moved.reshape(t.expected.x.shape)


def with_kernel(change: Callable[[ndarray], ndarray]):
    """What the convolution gives with another kernel."""

    def convolution(t: Trial) -> ndarray:
        x, weight = t.args
        return conv2d_forward(x, change(weight).reshape(weight.shape), **t.kwargs)[0]

    return convolution


def channels_first(weight: ndarray) -> ndarray:
    """The kernel that a window laid out as (channel, row, column) would need."""
    P, Q, C, O = weight.shape
    return weight.reshape(C, P, Q, O).transpose(1, 2, 0, 3)


CONVOLUTION_MISTAKES = (
    Mistake(
        "y",
        with_kernel(lambda weight: weight[::-1, ::-1]),
        "the kernel is flipped; deep learning's convolution does not flip it",
    ),
    Mistake("y", with_kernel(np.ones_like), "the weight is missing: that is the sum over the window"),
)
ANOTHER_ORDER = "window and kernel are laid out in different orders; both are (row, column, channel)"

MODULE, LAYER = "minivit.ops.patches", "minivit.layers.patch_embed"
IMAGES = {"": images, "with square patches": square_patches}

PATCHES = Exercise(
    "patches",
    "patch embedding as a convolution",
    50,
    (
        Task(
            "conv2d_loops",
            "minivit.ops.conv",
            "plain",
            {"": kernel, "with stride 2": with_options(kernel, stride=2)},
            mistakes=CONVOLUTION_MISTAKES,
            simpler={"for one sample": first_sample()},
            axes={"y": "sample row column channel"},
            keep_loops=True,
        ),
        Task(
            "conv2d_places",
            "minivit.ops.conv",
            "plain",
            {"": kernel, "with stride 2": with_options(kernel, stride=2)},
            mistakes=(
                *CONVOLUTION_MISTAKES,
                Mistake("y", with_kernel(lambda weight: weight.transpose(2, 0, 1, 3)), ANOTHER_ORDER),
                Mistake("y", with_kernel(channels_first), ANOTHER_ORDER),
                Mistake(
                    "y",
                    with_kernel(lambda weight: weight.reshape(weight.shape[3], -1).T),
                    "the output channel is the last axis of the kernel already: reshape(-1, O) keeps it there",
                ),
            ),
            big=many_images,
            simpler={"for one sample": first_sample()},
            axes={"y": "sample row column channel"},
            keep_loops=True,
        ),
        Task(
            "patchify_forward",
            MODULE,
            "forward",
            IMAGES,
            mistakes=(
                Mistake(
                    "y",
                    lambda t: t.args[0].reshape(t.expected[0].shape),
                    "one reshape cannot do it: the rows of a patch do not lie side by side in memory",
                ),
                Mistake(
                    "y",
                    in_order(1, 3, 5, 2, 4),
                    "inside a patch the order is (channel, row, column), PyTorch's; here it is (row, column, channel)",
                ),
                Mistake("y", in_order(1, 3, 4, 2, 5), "inside a patch the order is (column, row, channel)"),
                Mistake(
                    "y", in_order(3, 1, 2, 4, 5), "the patches are numbered column by column; number them row by row"
                ),
            ),
            big=many_patches,
            simpler={"for one sample": first_sample()},
            axes={"y": "sample token number"},
        ),
        Task(
            "patchify_backward",
            MODULE,
            "backward",
            IMAGES,
            mistakes=(
                Mistake(
                    "dx",
                    lambda t: t.dy.reshape(t.expected.x.shape),
                    "one reshape cannot do it: undo the forward's steps one by one, the last one first",
                ),
                Mistake("dx", lambda t: back_in_order(t, 1, 4, 2, 3, 5), "row and column inside a patch are exchanged"),
            ),
            big=many_patches,
            simpler={"for one sample": first_sample()},
            axes={"dx": "sample row column channel"},
        ),
        Task(
            "PatchEmbed.forward",
            LAYER,
            "forward",
            {"": layer},
            (Property("the same as a convolution with stride P", is_the_convolution),),
            (Mistake("y", lambda t: t.expected[1].proj.x, "those are the patches; proj makes tokens of them"),),
            sizes=named_sizes,
            simpler={"for one sample": first_sample()},
            axes={"y": "sample token channel"},
            uses=("patchify_forward",),
        ),
        Task(
            "PatchEmbed.backward",
            LAYER,
            "backward",
            {"": layer},
            sizes=named_sizes,
            simpler={"for one sample": first_sample()},
            axes={"dx": "sample row column channel"},
            uses=("patchify_backward",),
        ),
    ),
    offers=("pair", "patchify_forward", "patchify_backward"),
    closed=(
        "minivit.ops.patches:unpatchify_forward",
        "minivit.ops.patches:unpatchify_backward",
        "minivit.ops.conv:conv2d_forward",
        "minivit.ops.conv:conv2d_backward",
    ),
)
