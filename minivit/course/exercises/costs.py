"""What attention, convolutions and a Vision Transformer cost, as formulas that are held against the counter."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case
from minivit.cost.estimate import Estimate, estimate
from minivit.cost.of import of
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import with_options
from minivit.layers.attention import SelfAttention
from minivit.types import Size, pair


def whole(*ranges: tuple[int, int], **options: Any) -> Draw:
    """Draws whole numbers from these ranges, for arguments by position; options are ranges, or values as they are."""

    def drawn(rng: Generator) -> Case:
        def value(given: Any) -> Any:
            return int(rng.integers(*given)) if isinstance(given, tuple) else given

        return Case(tuple(map(value, ranges)), {name: value(given) for name, given in options.items()})

    return drawn


def sides(rng: Generator, part: Size) -> tuple[int, int]:
    """Rows and columns that so large a part divides, another number of them in each."""
    (rows, columns), (P, Q) = rng.permutation(range(2, 9))[:2], pair(part)
    return int(rows) * P, int(columns) * Q


def cut(largest: int = 8, *others: tuple[int, int], oblong: bool = False, **options: Any) -> Draw:
    """Draws a size, what is given by ``others``, and the side, or sides, of parts that divide it."""

    def drawn(rng: Generator) -> Case:
        P, Q = (int(side) for side in rng.permutation(range(2, largest))[:2])
        part = (P, Q) if oblong else P
        return Case((sides(rng, part), *(int(rng.integers(*other)) for other in others), part), options)

    return drawn


def square(*others: tuple[int, int]) -> Draw:
    """The same with a number in place of each pair."""

    def drawn(rng: Generator) -> Case:
        parts, P, *numbers = (int(rng.integers(*each)) for each in ((3, 9), (2, 6), *others))
        return Case((parts * P, *numbers, P), {})

    return drawn


def vit(rng: Generator) -> Case:
    """Options of a small model, no two alike."""
    patch_size = int(rng.integers(2, 6))
    embed_dim, depth, mlp_dim, num_classes = (int(n) for n in rng.permutation([6, 10, 22, 26, 34])[:4])
    options = {"embed_dim": embed_dim, "depth": depth // 2, "mlp_dim": mlp_dim, "num_classes": num_classes}
    return Case((), {"img_size": sides(rng, patch_size), "patch_size": patch_size, "in_chans": 4, **options})


def oblong_vit(rng: Generator) -> Case:
    """The same with patches that are not square."""
    case = vit(rng)
    return Case((), {**case.kwargs, "img_size": sides(rng, (2, 3)), "patch_size": (2, 3)})


def square_vit(rng: Generator) -> Case:
    """The same for square images."""
    case = vit(rng)
    return Case((), {**case.kwargs, "img_size": case.kwargs["img_size"][0]})


def counted(case: Case) -> Estimate:
    """The model with these options, run without numbers."""
    options = dict(case.kwargs)
    width, hidden = options["embed_dim"], options.pop("mlp_dim")
    return estimate("vit_tiny_patch4_32", num_heads=2, mlp_ratio=hidden / width, **options)


def held_against(figure: Callable[[Estimate], int], what: str) -> Property:
    """The formula against the counter, for a whole model."""

    def holds(call: Call, rng: Generator) -> str | None:
        case = vit(rng)
        yours, right = call(**case.kwargs), figure(counted(case))
        return None if yours == right else f"{what} are counted: {right:,}; your formula says {yours:,} ({case.kwargs})"

    return Property("what the counter counts", holds)


def attention_is_counted(call: Call, rng: Generator) -> str | None:
    """The products of a real layer."""
    (Y, X), C = sides(rng, 1), 2 * int(rng.integers(2, 9))
    right = of(SelfAttention(C, num_heads=2), x=(1, Y * X, C)).forward.macs
    yours = call((Y, X), C)
    return (
        None if yours == right else f"{right:,} MACs are counted for {Y} x {X} tokens of width {C}; yours are {yours:,}"
    )


def convolution_is_counted(call: Call, rng: Generator) -> str | None:
    """The product of a real convolution of stride 1."""
    (Y, X), P, C, D = sides(rng, 1), int(rng.integers(1, 4)), int(rng.integers(1, 6)), int(rng.integers(1, 6))
    shapes = {"x": (1, Y + P - 1, X + P - 1, C), "weight": (P, P, C, D)}
    right = of("conv2d", x=shapes["x"], weight=shapes["weight"]).forward.macs
    yours = call((Y, X), P, C, D)
    return None if yours == right else f"{right:,} MACs are counted for {shapes}; yours are {yours:,}"


def maps_are_counted(call: Call, rng: Generator) -> str | None:
    """The attention maps in the cache of a real op, in float32."""
    N, heads, batch = (int(n) for n in rng.permutation(range(3, 9))[:3])
    shape = (batch, heads, N, 8)
    kept = of("attention", q=shape, k=shape, v=shape).kept_bytes
    right = kept - 3 * int(np.prod(shape)) * 4  # q, k and v are kept, too
    yours = call(N * N, num_heads=heads, batch=batch)
    says = f"{right:,} bytes of maps are in the cache of attention with q, k, v of shape {shape}; yours are {yours:,}"
    return None if yours == right else says


FLOPS = "those are FLOPs: a MAC is a multiplication with its addition, and counts once"
HALF_A_TOKEN = "D numbers are missing: the class token is learned, and so is its position"
TOKEN = "the class token is forgotten: it is a token like the others"

OBLONG = "with patches that are not square"
SQUARE = "with a number for both sides"

formula = partial(Task, hides_docstring=True)

FORMULAS = (
    formula(
        "num_tokens",
        {
            "": cut(),
            "with a class token": cut(class_token=True),
            OBLONG: cut(oblong=True),
            SQUARE: square(),
        },
        mistakes={
            '_parts("img_size", img_size, "patch_size", patch_size) + class_token': {
                '_parts("img_size", img_size, "patch_size", patch_size)': TOKEN,
                '_parts("img_size", img_size, "patch_size", patch_size) + 1': "a class token is counted that is not "
                "there",
                "pair(img_size)[0] // pair(patch_size)[0] + class_token": "that is one column of patches; N = HW / P^2",
                '_parts("img_size", img_size, "patch_size", (1, pair(patch_size)[1])) + class_token': "that is cut "
                "along the columns only; N = HW / P^2",
                '3 * _parts("img_size", img_size, "patch_size", patch_size) + class_token': "the channels of a patch "
                "are one token, not three",
                "pair(img_size)[0] // pair(patch_size)[0] * (pair(img_size)[1] // pair(patch_size)[0]) + class_token": (
                    "a patch has P rows and Q columns"
                ),
                '_parts("img_size", img_size, "patch_size", patch_size) * (1 + class_token)': "the class token is one "
                "more, not one for each patch",
                '_parts("img_size", img_size, "patch_size", 1) + class_token': "those are the pixels; N = HW / P^2",
                "(pair(img_size)[0] // pair(patch_size)[0]) ** 2 + class_token": "the image is not square: H and W",
            },
        },
    ),
    formula(
        "attention_entries",
        {"": cut(), "with a class token": cut(class_token=True), OBLONG: cut(oblong=True), SQUARE: square()},
        mistakes={
            "num_tokens(img_size, patch_size, class_token=class_token) ** 2": {
                "num_tokens(img_size, patch_size, class_token=class_token)": "that is the number of tokens; every "
                "token looks at every token: N^2",
                "num_tokens(img_size, patch_size) ** 2": TOKEN,
                "(num_tokens(img_size, patch_size) + 1) ** 2": "a class token is counted that is not there",
                "num_tokens(img_size, patch_size, class_token=class_token) ^ 2": "^ is no power in Python: **",
                "num_tokens(img_size, patch_size) * num_tokens(img_size, patch_size, class_token=class_token)": "the "
                "class token looks at all, and all look at it: (N + 1)^2",
                "num_tokens(img_size, patch_size) ** 2 + class_token": "the class token looks at all, and all look "
                "at it: (N + 1)^2",
                "num_tokens(img_size, patch_size, class_token=class_token) ** 4": "R^4 is said of the side R; N = R^2 "
                "already, so it is N^2",
            },
        },
    ),
    formula(
        "window_attention_entries",
        {"": cut(), "with windows that are not square": cut(oblong=True), SQUARE: square()},
        mistakes={
            "(M * L) ** 2": {
                "M ** 4": "the window has M rows and L columns",
                "M ** 2 * L": "M^4 is (M L)^2: each of the M L tokens of a window looks at each",
                "(M * L)": "a window of M^2 tokens has M^4 entries: each of them looks at each",
            },
            '_parts("grid_size", grid_size, "window_size", window_size) *': {
                "": "that is one window; there are (H / M) (W / M)",
                '_parts("grid_size", grid_size, "window_size", 1) *': "(H / M) (W / M) windows are asked, not H W",
            },
            "return": {
                "return num_tokens(grid_size) ** 2 #": "that is attention without windows, H^2 W^2; it is M^2 H W"
            },
        },
    ),
    formula(
        "attention_bytes",
        {
            "": whole((5000, 9000), depth=(2, 9), num_heads=(3, 11), batch=(2, 7), itemsize=8),
            "with one layer, head and image": whole((5000, 9000)),
        },
        (Property("what the counter counts", maps_are_counted),),
        mistakes={
            "entries * depth * num_heads * batch * itemsize": {
                "entries * depth * num_heads * num_heads * batch * itemsize": "the heads are multiplied twice",
                "entries * depth * num_heads * batch * itemsize // 1024": "those are KiB; bytes are asked",
                "entries * depth * num_heads * batch * itemsize // 1000": "those are kB; bytes are asked",
                "entries * depth * num_heads * batch * itemsize // 2**20": "those are MiB; bytes are asked",
                "entries * depth * num_heads * batch": "those are numbers; each has itemsize bytes",
                "2 * entries * depth * num_heads * batch * itemsize": "only the maps are asked, not the scores beside "
                "them",
                "entries * depth * num_heads * batch * itemsize * 8": "those are bits; a byte has 8",
                "entries * entries * depth * num_heads * batch * itemsize": "entries are N^2 already",
                "entries * depth * num_heads * batch * 4": "itemsize is not used: 4 bytes are those of float32",
            },
        },
    ),
    formula(
        "msa_macs",
        {"": lambda rng: Case((sides(rng, 1), int(rng.integers(5, 40))), {}), SQUARE: whole((3, 9), (10, 40))},
        (Property("what the counter counts", attention_is_counted),),
        mistakes={
            "4 * N * C**2 + 2 * N**2 * C": {
                "8 * N * C**2 + 4 * N**2 * C": FLOPS,
                "N * C**2 + 2 * N**2 * C": "there are four projections: queries, keys, values and output",
                "4 * C**2 + 2 * N**2 * C": "each of the N tokens is projected: 4 N C^2",
                "4 * N * C**2": "the attention itself is missing, scores and weighted sum: 2 N^2 C",
                "2 * N**2 * C": "the projections are missing: 4 N C^2",
                "3 * N * C**2 + 2 * N**2 * C": "queries, keys and values are three projections; the output is the "
                "fourth",
                "4 * N * C**2 + N**2 * C": "scores and weighted sum are two products of N^2 C each",
                "4 * pair(grid_size)[0] * C**2 + 2 * pair(grid_size)[0] ** 2 * C": "that is one side of the grid; "
                "there are h w tokens",
                "4 * N * C + 2 * N**2 * C": "a projection is a product with a C x C matrix: N C^2 each",
                "4 * N * C**2 + 2 * N**2": "each entry of the matrix is a product of rows of length C, over all "
                "heads: N^2 C",
                "4 * N * C**2 + 2 * N**2 * C + N**2": "the softmax multiplies no matrices",
                "4 * N * C**2 + 4 * N * C + 2 * N**2 * C": "a bias is added, and multiplies nothing",
                "4 * (N + 1) * C**2 + 2 * (N + 1) ** 2 * C": "there is no class token on this grid",
                "4 * N * C**2 + 2 * N * C": "each token looks at all N: 2 N^2 C",
                "4 * N * C**2 + 2 * N * C**2": "the attention is quadratic in the tokens: 2 N^2 C",
            },
        },
    ),
    formula(
        "window_msa_macs",
        {
            "": cut(6, (5, 40)),
            "with windows that are not square": cut(6, (5, 40), oblong=True),
            SQUARE: square((10, 40)),
        },
        mistakes={
            "4 * N * C**2 + 2 * window_attention_entries(grid_size, window_size) * C": {
                "msa_macs(grid_size, channels)": "the windows are not used: that is attention over the whole grid",
                "8 * N * C**2 + 4 * window_attention_entries(grid_size, window_size) * C": FLOPS,
                "2 * window_attention_entries(grid_size, window_size) * C": "the projections are missing: 4 N C^2",
                "3 * N * C**2 + 2 * window_attention_entries(grid_size, window_size) * C": "queries, keys and values "
                "are three projections; the output is the fourth",
                "4 * N * C**2 + 2 * window_attention_entries(grid_size, window_size) * N * C": "that is M^2 (h w)^2; "
                "the windows together have M^2 h w entries",
                "4 * N * C**2 + 2 * num_tokens(window_size) ** 2 * N * C": "there are h w / M^2 windows of M^4 "
                "entries, not h w",
                "4 * N * C**2 + 2 * num_tokens(window_size) ** 2 * C": "that is the attention in one window; there are "
                "h w / M^2",
                "4 * N * C**2 + 2 * N * C": "each token looks at the M^2 tokens of its window: 2 M^2 N C",
                "4 * N * C**2 + 2 * pair(window_size)[0] ** 2 * N * C": "the window has M rows and L columns",
                "4 * N * C + 2 * window_attention_entries(grid_size, window_size) * C": "a projection is a product "
                "with a C x C matrix: N C^2 each",
                "4 * N * C**2 + 2 * pair(window_size)[0] * N * C": "a window of side M has M^2 tokens: 2 M^2 N C",
                "4 * N * C**2 + window_attention_entries(grid_size, window_size) * C": "scores and weighted sum are "
                "two products of M^2 N C each",
            },
        },
    ),
    formula(
        "conv_params",
        {
            "": whole((2, 6), (3, 9), (9, 20)),
            "without a bias": whole((2, 6), (3, 9), (9, 20), bias=False),
            "with a kernel that is not square": lambda rng: Case(((2, 5), 3, int(rng.integers(4, 9))), {}),
            "with groups": lambda rng: Case(
                (3, 4 * int(rng.integers(2, 5)), 4 * int(rng.integers(5, 8))), {"groups": 4}
            ),
        },
        mistakes={
            "P * Q * (in_chans // groups) * out_chans + bias * out_chans": {
                "P * Q * (in_chans // groups) * out_chans": "the bias is forgotten: one number for each output channel",
                "P * Q * (in_chans // groups) * out_chans + bias": "the bias is one number for each output channel",
                "P * Q * (in_chans // groups) * out_chans + bias * in_chans": "the bias belongs to the output channels",
                "P * Q * out_chans + bias * out_chans": "each filter sees the channels of its group: C / G of them",
                "P * Q * 3 * out_chans + bias * out_chans": "there are not always three channels",
                "P * Q * in_chans * out_chans + bias * out_chans": "each filter sees the channels of its group only: "
                "C / G of them",
                "P * (in_chans // groups) * out_chans + bias * out_chans": "the kernel has P rows and Q columns",
                "P * Q * (in_chans // groups) * out_chans + out_chans": "there is a bias only if it is asked for",
                "P * P * (in_chans // groups) * out_chans + bias * out_chans": "the kernel has P rows and Q columns",
                "P * Q * (in_chans // groups) * (out_chans // groups) + bias * out_chans": "each of the C' filters "
                "sees the C / G channels of its group; there are C' of them, not C' / G",
            },
        },
    ),
    formula(
        "conv_macs",
        {
            "": lambda rng: Case((sides(rng, 1), *(int(n) for n in rng.permutation([2, 3, 5, 6])[:3])), {}),
            "with groups": lambda rng: Case((sides(rng, 1), 3, 4 * int(rng.integers(2, 5)), 20), {"groups": 4}),
            "with a kernel that is not square": lambda rng: Case((sides(rng, 1), (2, 5), 3, 7), {}),
            SQUARE: lambda rng: Case(tuple(int(n) for n in rng.permutation([3, 5, 6, 7])), {}),
        },
        (Property("what the counter counts", convolution_is_counted),),
        mistakes={
            "Y * X * conv_params(kernel_size, in_chans, out_chans, groups=groups, bias=False)": {
                "2 * Y * X * conv_params(kernel_size, in_chans, out_chans, groups=groups, bias=False)": FLOPS,
                "Y * X * conv_params(kernel_size, in_chans, out_chans, groups=groups)": "a bias is added, and "
                "multiplies nothing",
                "conv_params(kernel_size, in_chans, out_chans, groups=groups, bias=False)": "those are the weights; "
                "each is multiplied once at every place of the output",
                "(Y - pair(kernel_size)[0] + 1) * (X - pair(kernel_size)[1] + 1) * conv_params(kernel_size, in_chans, "
                "out_chans, groups=groups, bias=False)": "out_size is the size of the output already",
                "Y * conv_params(kernel_size, in_chans, out_chans, groups=groups, bias=False)": "that is one column of "
                "the output; it has Y rows and X columns",
                "Y * X * conv_params(kernel_size, in_chans, out_chans, bias=False)": "each filter sees the channels of "
                "its group only: C / G of them",
                "Y * X * conv_params(1, in_chans, out_chans, groups=groups, bias=False)": "the kernel is forgotten: "
                "P Q places of the input meet at each place of the output",
                "Y * X * conv_params(kernel_size, groups, out_chans, groups=groups, bias=False)": "the input channels "
                "are forgotten: C / G",
                "Y * Y * conv_params(kernel_size, in_chans, out_chans, groups=groups, bias=False)": "the output is not "
                "square: Y rows and X columns",
            },
        },
    ),
    formula(
        "block_params",
        {"": whole((6, 30), (31, 90)), "without the bias of qkv": whole((6, 30), (31, 90), qkv_bias=False)},
        mistakes={
            "4 * D**2 + 2 * D * F + 9 * D + F - (not qkv_bias) * 3 * D": {
                "4 * D**2 + 2 * D * F": "biases and norms are forgotten: 9 D + F",
                "4 * D**2 + 2 * D * F + 4 * D": "the biases are forgotten: 5 D + F",
                "4 * D**2 + 2 * D * F + 5 * D + F - (not qkv_bias) * 3 * D": "the two norms are forgotten: gamma and "
                "beta each, 4 D",
                "3 * D**2 + 2 * D * F + 9 * D + F - (not qkv_bias) * 3 * D": "the output projection is forgotten: it "
                "is the fourth of D^2",
                "4 * D**2 + D * F + 9 * D + F - (not qkv_bias) * 3 * D": "the MLP is two maps: 2 D F",
                "4 * D**2 + 2 * D * F + 7 * D + F - (not qkv_bias) * 3 * D": "there are two norms, with gamma and beta "
                "each: 4 D",
                "3 * D**2 + 2 * D * F + 8 * D + F - (not qkv_bias) * 3 * D": "the output projection is forgotten: it "
                "has a matrix and a bias, D^2 + D",
                "4 * D**2 + 2 * D * F + 9 * D + F": "without qkv_bias there are 3 D numbers less",
                "4 * D**2 + 2 * D * F + 9 * D + F - (not qkv_bias) * 4 * D": "the output projection keeps its bias",
                "12 * D**2 + 13 * D - (not qkv_bias) * 3 * D": "that is for an MLP four times as wide: F is given",
                "4 * D**2 + 2 * D * F + 9 * D + F - (not qkv_bias) * D": "queries, keys and values have a bias each: "
                "3 D",
            },
        },
    ),
    formula(
        "vit_params",
        {
            "": vit,
            "without a class token": with_options(vit, class_token=False),
            "without the bias of qkv": with_options(vit, qkv_bias=False),
            OBLONG: oblong_vit,
            SQUARE: square_vit,
        },
        (held_against(lambda it: it.params, "parameters"),),
        mistakes={
            "N = num_tokens(img_size, patch_size, class_token=class_token)": {
                "N = num_tokens(img_size, patch_size)": HALF_A_TOKEN,
            },
            "(class_token + N) * embed_dim": {
                "N * embed_dim": HALF_A_TOKEN,
                "(1 + N) * embed_dim": "without a class token there is nothing to learn for one",
                "class_token * embed_dim": "the positions are forgotten: N D",
                "0": "class token and positions are forgotten",
            },
            "conv_params(patch_size, in_chans, embed_dim)": {
                "conv_params(patch_size, in_chans, embed_dim, bias=False)": "the bias of the map of the patches is "
                "forgotten: D",
                "conv_params(patch_size, 1, embed_dim)": "a patch has C channels: P^2 C D",
                "conv_params(patch_size, 3, embed_dim)": "a patch has in_chans channels, not always three",
                "num_tokens(img_size, patch_size) * conv_params(patch_size, in_chans, embed_dim)": "all patches share "
                "one map",
            },
            "2 * embed_dim + (embed_dim + 1) * num_classes": {
                "2 * embed_dim + N * embed_dim * num_classes + num_classes": "the head reads one token",
                "(embed_dim + 1) * num_classes": "the last norm is forgotten: 2 D",
                "2 * embed_dim + embed_dim * num_classes": "the bias of the head is forgotten: one number for each "
                "class",
                "2 * embed_dim": "the head is forgotten",
            },
            "depth * block_params(embed_dim, mlp_dim, qkv_bias=qkv_bias)": {
                "block_params(embed_dim, mlp_dim, qkv_bias=qkv_bias)": "that is one block",
                "depth * block_params(embed_dim, mlp_dim)": "qkv_bias is not handed on to the blocks",
                "depth * block_params(embed_dim, 4 * embed_dim, qkv_bias=qkv_bias)": "mlp_dim is given; it is not "
                "always four times the width",
                "depth * (block_params(embed_dim, mlp_dim, qkv_bias=qkv_bias) + N * embed_dim)": "positions are added "
                "once, before the blocks",
            },
        },
    ),
    formula(
        "encoder_macs",
        {"": whole((5, 40), (6, 30), (31, 90), depth=(2, 9)), "of one block": whole((5, 40), (6, 30), (31, 90))},
        mistakes={
            "depth * (msa_macs((tokens, 1), embed_dim) + 2 * tokens * embed_dim * mlp_dim)": {
                "2 * depth * (msa_macs((tokens, 1), embed_dim) + 2 * tokens * embed_dim * mlp_dim)": FLOPS,
                "depth * (msa_macs((tokens, 1), embed_dim) + tokens * embed_dim * mlp_dim)": "the MLP is two products",
                "depth * msa_macs((tokens, 1), embed_dim)": "the MLP is forgotten: 2 N D F",
                "msa_macs((tokens, 1), embed_dim) + 2 * tokens * embed_dim * mlp_dim": "that is one block",
                "depth * msa_macs((tokens, 1), embed_dim) + 2 * tokens * embed_dim * mlp_dim": "every block has an MLP",
                "depth * (msa_macs((tokens, 1), embed_dim) + 2 * embed_dim * mlp_dim)": "the MLP is for each token: "
                "2 N D F",
                "depth * (msa_macs(tokens, embed_dim) + 2 * tokens * embed_dim * mlp_dim)": "a single number is the "
                "side of a square grid, with N^2 tokens; N tokens are (N, 1)",
                "depth * (4 * tokens * embed_dim**2 + 2 * tokens * embed_dim * mlp_dim)": "the attention itself is "
                "missing, scores and weighted sum: 2 N^2 D",
                "depth * (msa_macs((tokens, 1), embed_dim) + tokens * embed_dim * (2 * mlp_dim - tokens))": (
                    "scores and weighted sum are two products of N^2 D each"
                ),
                "depth * (msa_macs((tokens, 1), embed_dim) + tokens * embed_dim * (2 * mlp_dim - embed_dim))": (
                    "queries, keys and values are three projections; the output is the fourth"
                ),
                "depth * (msa_macs((tokens, 1), embed_dim) + 8 * tokens * embed_dim**2)": "mlp_dim is given; it is not "
                "always four times the width",
            },
        },
    ),
    formula(
        "vit_macs",
        {
            "": vit,
            "without a class token": with_options(vit, class_token=False),
            OBLONG: oblong_vit,
            SQUARE: square_vit,
        },
        (held_against(lambda it: it.macs_forward, "MACs"),),
        mistakes={
            "N = num_tokens(img_size, patch_size, class_token=class_token)": {
                "N = num_tokens(img_size, patch_size)": f"{TOKEN} (as in the papers' figures: 17.47 G for ViT-B/16)",
            },
            "return patches + encoder_macs(N, embed_dim, mlp_dim, depth) + embed_dim * num_classes": {
                "return 2 * (patches + encoder_macs(N, embed_dim, mlp_dim, depth) + embed_dim * num_classes)": FLOPS,
                "return encoder_macs(N, embed_dim, mlp_dim, depth) + embed_dim * num_classes": "the map of the "
                "patches is forgotten",
                "return patches + encoder_macs(N, embed_dim, mlp_dim) + embed_dim * num_classes": "that is one block",
                "return patches + encoder_macs(N, embed_dim, 4 * embed_dim, depth) + embed_dim * num_classes": (
                    "mlp_dim is given; it is not always four times the width"
                ),
                "return patches + encoder_macs(N, embed_dim, mlp_dim, depth) + (embed_dim + 1) * num_classes": "a bias "
                "is added, and multiplies nothing",
                "return patches + encoder_macs(N, embed_dim, mlp_dim, depth)": "the head is forgotten: D K, for one "
                "token",
                "return patches + encoder_macs(N, embed_dim, mlp_dim, depth) + N * embed_dim * num_classes": "the "
                "head reads one token, not all of them",
            },
            "conv_macs((Y // P, X // Q), patch_size, in_chans, embed_dim)": {
                "conv_macs((Y // P, X // Q), patch_size, 1, embed_dim)": "a patch has C channels: P^2 C D each",
                "conv_macs((Y // P, X // Q), patch_size, 3, embed_dim)": "a patch has in_chans channels, not always "
                "three",
                "(Y // P) * (X // Q) * conv_params(patch_size, in_chans, embed_dim)": "a bias is added, and multiplies "
                "nothing",
                "P * Q * in_chans * embed_dim": "that is one patch; there are HW / P^2",
                "conv_macs(img_size, patch_size, in_chans, embed_dim)": "the patches do not overlap: HW / P^2 places, "
                "not HW",
                "N * P * Q * in_chans * embed_dim": "the class token does not pass through the map of the patches",
            },
        },
    ),
)

TASKS = tuple(replace(task, uses=tuple(earlier.name for earlier in FORMULAS[:i])) for i, task in enumerate(FORMULAS))

COSTS = Exercise(
    "costs",
    "what it costs, in formulas",
    40,
    TASKS,
    offers=("pair",),
    closed=(
        *("minivit.cost.formulas.swin:swin_macs", "minivit.cost.formulas.swin:swin_params"),
        *("minivit.cost.formulas.vit:attention_share", "minivit.cost.estimate:estimate", "minivit.cost.of:of"),
    ),
    lecture="06_costs",
    section=3,
)
