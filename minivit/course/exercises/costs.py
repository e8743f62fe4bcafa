"""What attention, convolutions and a Vision Transformer cost, as formulas that are held against the counter."""

from collections.abc import Callable
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


def whole(*ranges: tuple[int, int], **options: Any) -> Draw:
    """Draws whole numbers from these ranges, for arguments by position; options are ranges, or values as they are."""

    def drawn(rng: Generator) -> Case:
        def value(given: Any) -> Any:
            return int(rng.integers(*given)) if isinstance(given, tuple) else given

        return Case(tuple(map(value, ranges)), {name: value(given) for name, given in options.items()})

    return drawn


def sides(rng: Generator, part: int) -> tuple[int, int]:
    """Rows and columns that so large a part divides, another number of them in each."""
    rows, columns = rng.permutation(range(2, 9))[:2]
    return int(rows) * part, int(columns) * part


def cut(largest: int = 8, *others: tuple[int, int], **options: Any) -> Draw:
    """Draws a size, what is given by ``others``, and the side of parts that divide it."""

    def drawn(rng: Generator) -> Case:
        part = int(rng.integers(2, largest))
        return Case((sides(rng, part), *(int(rng.integers(*other)) for other in others), part), options)

    return drawn


def vit(rng: Generator) -> Case:
    """Options of a small model, no two alike."""
    patch_size = int(rng.integers(2, 6))
    embed_dim, depth, mlp_dim, num_classes = (int(n) for n in rng.permutation([6, 10, 22, 26, 34])[:4])
    options = {"embed_dim": embed_dim, "depth": depth // 2, "mlp_dim": mlp_dim, "num_classes": num_classes}
    return Case((), {"img_size": sides(rng, patch_size), "patch_size": patch_size, "in_chans": 4, **options})


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

formula = partial(Task, hides_docstring=True)

TASKS = (
    formula(
        "num_tokens",
        {"": cut(), "with a class token": cut(class_token=True)},
        mistakes={
            '_parts("img_size", img_size, "patch_size", patch_size) + class_token': {
                '_parts("img_size", img_size, "patch_size", patch_size)': TOKEN,
                '_parts("img_size", img_size, "patch_size", patch_size) + 1': "a class token is counted that is not "
                "there",
                "pair(img_size)[0] // pair(patch_size)[0] + class_token": "that is one column of patches; N = HW / P^2",
                '_parts("img_size", img_size, "patch_size", 1) + class_token': "those are the pixels; N = HW / P^2",
                "(pair(img_size)[0] // pair(patch_size)[0]) ** 2 + class_token": "the image is not square: H and W",
            },
        },
    ),
    formula(
        "attention_entries",
        {"": cut(), "with a class token": cut(class_token=True)},
        mistakes={
            "num_tokens(img_size, patch_size, class_token=class_token) ** 2": {
                "num_tokens(img_size, patch_size, class_token=class_token)": "that is the number of tokens; every "
                "token looks at every token: N^2",
                "num_tokens(img_size, patch_size) ** 2": TOKEN,
                "num_tokens(img_size, patch_size) ** 2 + class_token": "the class token looks at all, and all look "
                "at it: (N + 1)^2",
                "num_tokens(img_size, patch_size, class_token=class_token) ** 4": "R^4 is said of the side R; N = R^2 "
                "already, so it is N^2",
            },
        },
        uses=("num_tokens",),
    ),
    formula(
        "window_attention_entries",
        {"": cut()},
        mistakes={
            "(M * L) ** 2": {
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
            "": whole((5, 50), depth=(2, 9), num_heads=(3, 11), batch=(2, 7), itemsize=2),
            "with one layer, head and image": whole((5, 50)),
        },
        (Property("what the counter counts", maps_are_counted),),
        mistakes={
            "entries * depth * num_heads * batch * itemsize": {
                "entries * depth * num_heads * num_heads * batch * itemsize": "the heads are multiplied twice",
                "entries * depth * num_heads * batch * itemsize * 8": "those are bits; a byte has 8",
                "entries * entries * depth * num_heads * batch * itemsize": "entries are N^2 already",
                "entries * depth * num_heads * batch * 4": "itemsize is not used: 4 bytes are those of float32",
            },
        },
    ),
    formula(
        "msa_macs",
        {"": lambda rng: Case((sides(rng, 1), int(rng.integers(5, 40))), {})},
        (Property("what the counter counts", attention_is_counted),),
        mistakes={
            "4 * N * C**2 + 2 * N**2 * C": {
                "8 * N * C**2 + 4 * N**2 * C": FLOPS,
                "4 * N * C**2": "the attention itself is missing, scores and weighted sum: 2 N^2 C",
                "2 * N**2 * C": "the projections are missing: 4 N C^2",
                "3 * N * C**2 + 2 * N**2 * C": "queries, keys and values are three projections; the output is the "
                "fourth",
                "4 * N * C**2 + N**2 * C": "scores and weighted sum are two products of N^2 C each",
                "4 * N * C**2 + 2 * N * C**2": "the attention is quadratic in the tokens: 2 N^2 C",
            },
        },
        uses=("num_tokens",),
    ),
    formula(
        "window_msa_macs",
        {"": cut(6, (5, 40))},
        mistakes={
            "4 * N * C**2 + 2 * window_attention_entries(grid_size, window_size) * C": {
                "msa_macs(grid_size, channels)": "the windows are not used: that is attention over the whole grid",
                "8 * N * C**2 + 4 * window_attention_entries(grid_size, window_size) * C": FLOPS,
                "2 * window_attention_entries(grid_size, window_size) * C": "the projections are missing: 4 N C^2",
                "4 * N * C**2 + window_attention_entries(grid_size, window_size) * C": "scores and weighted sum are "
                "two products of M^2 N C each",
            },
        },
        uses=("num_tokens", "window_attention_entries"),
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
        },
        (Property("what the counter counts", convolution_is_counted),),
        mistakes={
            "Y * X * conv_params(kernel_size, in_chans, out_chans, groups=groups, bias=False)": {
                "2 * Y * X * conv_params(kernel_size, in_chans, out_chans, groups=groups, bias=False)": FLOPS,
                "Y * X * conv_params(kernel_size, in_chans, out_chans, groups=groups)": "a bias is added, and "
                "multiplies nothing",
                "conv_params(kernel_size, in_chans, out_chans, groups=groups, bias=False)": "those are the weights; "
                "each is multiplied once at every place of the output",
                "Y * Y * conv_params(kernel_size, in_chans, out_chans, groups=groups, bias=False)": "the output is not "
                "square: Y rows and X columns",
            },
        },
        uses=("conv_params",),
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
        },
        (held_against(lambda it: it.params, "parameters"),),
        mistakes={
            "N = num_tokens(img_size, patch_size, class_token=class_token)": {
                "N = num_tokens(img_size, patch_size)": HALF_A_TOKEN,
            },
            "(class_token + N) * embed_dim": {
                "N * embed_dim": HALF_A_TOKEN,
                "0": "class token and positions are forgotten",
            },
            "2 * embed_dim + (embed_dim + 1) * num_classes": {
                "(embed_dim + 1) * num_classes": "the last norm is forgotten: 2 D",
                "2 * embed_dim + embed_dim * num_classes": "the bias of the head is forgotten: one number for each "
                "class",
                "2 * embed_dim": "the head is forgotten",
            },
            "depth * block_params(embed_dim, mlp_dim, qkv_bias=qkv_bias)": {
                "block_params(embed_dim, mlp_dim, qkv_bias=qkv_bias)": "that is one block",
            },
        },
        uses=("num_tokens", "conv_params", "block_params"),
    ),
    formula(
        "encoder_macs",
        {"": whole((5, 40), (6, 30), (31, 90), depth=(2, 9)), "of one block": whole((5, 40), (6, 30), (31, 90))},
        mistakes={
            "depth * (msa_macs((tokens, 1), embed_dim) + 2 * tokens * embed_dim * mlp_dim)": {
                "2 * depth * (msa_macs((tokens, 1), embed_dim) + 2 * tokens * embed_dim * mlp_dim)": FLOPS,
                "depth * (msa_macs((tokens, 1), embed_dim) + tokens * embed_dim * mlp_dim)": "the MLP is two products",
                "depth * msa_macs((tokens, 1), embed_dim)": "the MLP is forgotten: 2 N D F",
            },
        },
        uses=("num_tokens", "msa_macs"),
    ),
    formula(
        "vit_macs",
        {"": vit, "without a class token": with_options(vit, class_token=False)},
        (held_against(lambda it: it.macs_forward, "MACs"),),
        mistakes={
            "N = num_tokens(img_size, patch_size, class_token=class_token)": {
                "N = num_tokens(img_size, patch_size)": f"{TOKEN} (as in the papers' figures: 17.47 G for ViT-B/16)",
            },
            "return patches + encoder_macs(N, embed_dim, mlp_dim, depth) + embed_dim * num_classes": {
                "return 2 * (patches + encoder_macs(N, embed_dim, mlp_dim, depth) + embed_dim * num_classes)": FLOPS,
                "return encoder_macs(N, embed_dim, mlp_dim, depth) + embed_dim * num_classes": "the map of the "
                "patches is forgotten",
                "return patches + encoder_macs(N, embed_dim, mlp_dim, depth)": "the head is forgotten: D K, for one "
                "token",
                "return patches + encoder_macs(N, embed_dim, mlp_dim, depth) + N * embed_dim * num_classes": "the "
                "head reads one token, not all of them",
            },
            "conv_macs((Y // P, X // Q), patch_size, in_chans, embed_dim)": {
                "N * P * Q * in_chans * embed_dim": "the class token does not pass through the map of the patches",
            },
        },
        uses=("num_tokens", "conv_params", "conv_macs", "msa_macs", "encoder_macs"),
    ),
)

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
