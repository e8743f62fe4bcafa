"""Patch embedding as a convolution: with loops, with one product at each place, the patches, and the layer."""

from functools import partial

from numpy.random import Generator

from minivit.check.cases.patches import patches as draw_patches
from minivit.check.draw import Case, choose, different, sizes
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, close, with_options
from minivit.ops.conv import conv2d_forward


def images(rng: Generator) -> Case:
    image, _, patch_size = draw_patches(rng)
    return Case((rng.standard_normal(image),), {"patch_size": patch_size})


def square_patches(rng: Generator) -> Case:
    B, C, rows, columns = sizes(rng, 4)
    return Case((rng.standard_normal((B, 3 * rows, 3 * columns, C)),), {"patch_size": 3})


def kernel(rng: Generator) -> Case:
    while True:  # until no two lengths are equal
        (B, C, O), (P, Q) = (n + 2 for n in sizes(rng, 3)), choose(rng, (2, 3), (3, 2))
        Y, X = rng.integers(6, 11, 2).tolist()
        if different((B, Y, X, C, P, Q, O)):
            return Case((rng.standard_normal((B, Y, X, C)), rng.standard_normal((P, Q, C, O))), {})


def layer(rng: Generator) -> Case:
    (x,), options = images(rng)
    while not {2, 4}.isdisjoint((len(x), x.shape[3])):  # as in lengths
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
    return {
        "the batch": B,
        "the tokens": tokens,
        "the rows": B * tokens,
        "the channels": C,
        "the numbers of a patch": P * Q * C,
    }


def is_the_convolution(call: Call, rng: Generator) -> str | None:
    """A convolution whose stride is its size."""
    (x, params), options = layer(rng)
    size = options["patch_size"]
    P, Q = size if isinstance(size, tuple) else (size, size)
    expected = conv2d_forward(x, params["proj.weight"], params["proj.bias"], stride=(P, Q))[0]
    got = call(x, params, **options)[0]
    says = "a convolution with the same weight and stride P gives other numbers"
    return None if close(got, expected.reshape(got.shape)) else says


START = "the stride only changes how many windows there are; they also start at"
CONVOLUTION = {
    "P, Q, _, O =": {
        "weight = weight[::-1, ::-1]; P, Q, _, O =": "the kernel is flipped; deep learning's convolution does not "
        "flip it",
        "x, weight = x[..., :1], weight[:, :, :1]; P, Q, _, O =": "only the first channel is used; the sum goes over "
        "all channels of the window",
        "weight = np.ones_like(weight); P, Q, _, O =": "the weight is missing: that is the sum over the window",
    },
    "j * stride : j * stride + Q": {
        "j : j + Q": f"{START} column j * stride",
        "-Q - j * stride : x.shape[2] - j * stride": "... reversed along the column axis",
    },
    "i * stride : i * stride + P": {"i : i + P": f"{START} row i * stride"},
    "stride : i * stride + P": {"stride : i * stride + P - 1": "... "},
    "return y": {
        "return conv2d_forward(x, weight)[0][:, :rows, :columns]": f"{START} row i * stride and column j * stride",
        "return y / (P * Q)": "the sum over the window is divided by its size; a convolution sums",
        "return y[:, ::-1]": "... reversed along the row axis",
        "return y.swapaxes(1, 2)": "... y has shape",
        "return y + 1": "... y: the constant 1 is added everywhere",
        "return y[:, :-1]": "... y has shape",
        "return np.abs(y)": "... y",
    },
}
ANOTHER_ORDER = "window and kernel are laid out in different orders; both are (row, column, channel)"
TILES = "dy.reshape(B, Y // patch_size[0], X // patch_size[1], *patch_size, C)"

convolution = partial(
    Task,
    cases={"": kernel, "with stride 2": with_options(kernel, stride=2)},
    simpler=ONE_SAMPLE,
    axes={"y": "sample row column channel"},
    keep_loops=True,
)
on_images = partial(
    Task,
    cases={"": images, "with square patches": square_patches},
    big=arrays("8 64 64 2", patch_size=2),
    simpler=ONE_SAMPLE,
)
layer_task = partial(
    Task, cases={"": layer, "with a generator": with_options(layer, rng=3)}, sizes=named_sizes, simpler=ONE_SAMPLE
)

TASKS = (
    convolution("conv2d_loops", mistakes=CONVOLUTION),
    convolution(
        "conv2d_places",
        mistakes={
            **CONVOLUTION,
            "windows.reshape(len(x), -1)": {
                "windows.transpose(0, 3, 1, 2).reshape(len(x), -1)": ANOTHER_ORDER,
                "windows[0].reshape(-1)": "... right for the first sample",
            },
            "windows.reshape(len(x), -1) @ weight.reshape(-1, O)": {
                "np.array([window.reshape(-1) @ weight.reshape(-1, O) for window in windows])": "... a loop over axis",
            },
            "weight.reshape(-1, O)": {
                "weight.transpose(2, 0, 1, 3).reshape(-1, O)": ANOTHER_ORDER,
                "weight.reshape(O, -1).T": "the output channel is the last axis of the kernel already: reshape(-1, O) "
                "keeps it there",
            },
        },
        big=arrays("2000 4 4 2", "2 2 2 5", stride=2),
        loops={"weight": (0, 1)},
    ),
    on_images(
        "patchify_forward",
        mistakes={
            "tiles.transpose(0, 1, 3, 2, 4, 5)": {
                "tiles": "one reshape cannot do it: the rows of a patch do not lie side by side in memory",
                "tiles.transpose(0, 1, 3, 5, 2, 4)": "inside a patch the order is (channel, row, column), PyTorch's; "
                "here it is (row, column, channel)",
                "tiles.transpose(0, 1, 3, 4, 2, 5)": "inside a patch the order is (column, row, channel)",
                "tiles.transpose(0, 3, 1, 2, 4, 5)": "the patches are numbered column by column; number them row by "
                "row",
            },
            "(rows, columns))": {
                "(columns, rows))": "... cache.patch_size is",
                "rows)": "... cache.patch_size is",
            },
            "PatchifyCache(x.shape": {
                "PatchifyCache(x.shape[1:]": "... cache.image_shape is",
                "PatchifyCache(tiles.shape": "... cache.image_shape is",
            },
            "B, Y, X, C = x.shape": {
                "x = x[:, ::-1]; B, Y, X, C = x.shape": "... y",
                "x = x / 255; B, Y, X, C = x.shape": "... times too small",
                "x = x[:1]; B, Y, X, C = x.shape": "... y has shape",
            },
        },
        axes={"y": "sample token number"},
    ),
    on_images(
        "patchify_backward",
        mistakes={
            "unpatchify_forward(dy, img_size=(Y, X), patch_size=patch_size)": {
                "dy.reshape(B, Y, X, C), None": "one reshape cannot do it: undo the forward's steps one by one, the "
                "last one first",
                f"{TILES}.transpose(0, 1, 4, 2, 3, 5).reshape(B, Y, X, C), None": "row and column inside a patch are "
                "exchanged",
            },
            "InputGrad(dx)": {
                "InputGrad(dx[:, ::-1])": "... reversed along the row axis",
                "InputGrad(dx[:, :, ::-1])": "... reversed along the column axis",
                "InputGrad(dx[..., ::-1])": "... reversed along the channel axis",
                "InputGrad(dx / patch_size[0])": "... times too small",
                "InputGrad(dx.swapaxes(1, 2))": "... dx has shape",
            },
        },
        axes={"dx": "sample row column channel"},
    ),
    layer_task(
        "PatchEmbed.forward",
        properties=(Property("the same as a convolution with stride P", is_the_convolution),),
        mistakes={
            "h, c_proj =": {
                "_, c_proj =": "those are the patches; proj makes tokens of them",
                "h += 1; h, c_proj =": "... a convolution with the same weight",
                "h = h[:, ::-1]; h, c_proj =": "... reversed along the token axis",
            },
            "patchify_forward(x, patch_size=self.patch_size)": {
                "patchify_forward(x.swapaxes(1, 2).copy().reshape(x.shape), patch_size=self.patch_size)": "rows and "
                "columns of the image are exchanged",
            },
            "return h, PatchEmbedCache": {
                "return h - self.proj.bias.value, PatchEmbedCache": "the bias of proj is missing",
                "return h * 2, PatchEmbedCache": "... y is 2 times too large",
            },
        },
        axes={"y": "sample token channel"},
        uses=("patchify_forward",),
    ),
    layer_task(
        "PatchEmbed.backward",
        mistakes={
            "self.proj.backward(dy": {
                "(lambda *_: dy @ cache.proj.weight.T)(dy": "... dproj.weight is zero everywhere"
            },
            "dh = self.proj": {
                "self.proj.zero_grad(); dh = self.proj": "... is assigned where a gradient is there already",
                "self.proj.backward(dy, cache.proj); dh = self.proj": "... dproj.weight is 2 times too large",
            },
            "return dx": {
                "return -dx": "... dx has the wrong sign",
                "return dx.mean(0)": "... dx has shape",
                "return None": "... ",
            },
            "(dy, cache.proj)": {"(dy / len(dy), cache.proj)": "... the batch: averaged over it instead of summed"},
        },
        axes={"dx": "sample row column channel"},
        uses=("patchify_backward",),
    ),
)

PATCHES = Exercise(
    "patches",
    "patch embedding as a convolution",
    50,
    TASKS,
    offers=("pair", "patchify_forward", "patchify_backward"),
    closed=(
        *("minivit.ops.patches:unpatchify_forward", "minivit.ops.patches:unpatchify_backward"),
        *("minivit.ops.conv:conv2d_forward", "minivit.ops.conv:conv2d_backward"),
        *(f"minivit.ops.conv_{form}:conv_{form}" for form in ("columns", "depthwise", "shifts")),
        *(f"minivit.ops.conv_{form}:conv_{form}_gradients" for form in ("columns", "depthwise", "shifts")),
    ),
    lecture="04_vit",
    section=2,
)
