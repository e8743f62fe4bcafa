"""Larger images: channels that become pixels, pixels that are repeated, and a loss of what comes out."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import arrays, batch_sizes, close
from minivit.course.explain import told_apart


def maps(*upscales: int, sides: tuple[int, int] | None = None, channels: int | None = None) -> Draw:
    """Draws maps of which no two lengths are equal, before and after."""

    def drawn(rng: Generator) -> Case:
        while True:
            r = choose(rng, *upscales)
            B, *others = rng.permutation([3, 5, 6, 7]).tolist()  # of images no 2 and no 4, which much else may be
            Y, X, C = rng.permutation([2, 4, 8, *others])[:3].tolist()
            Y, X = sides or (Y, X)
            C = channels or C
            if sides or different((B, Y, X, C * r * r), (B, r * Y, r * X, C), (B, r, Y, X, C)):
                return Case((rng.standard_normal((B, Y, X, C * r * r)),), {"upscale": r})

    return drawn


def by_position(draw: Draw) -> Draw:
    """The same for the loops, whose second argument has no name in the call."""

    def drawn(rng: Generator) -> Case:
        args, options = draw(rng)
        return Case((*args, options["upscale"]), {})

    return drawn


MAPS = {
    "": maps(3),
    "of other factors": maps(2, 4, 5),
    "of one channel": maps(2, 3, channels=1),
    "of a single row": maps(3, sides=(1, 5)),
    "where nothing is to be enlarged": maps(1),
}


def enlarged(*scales: int | tuple[int, int], row: bool = False) -> Draw:
    """Draws maps to repeat, of which no two lengths are equal."""

    def drawn(rng: Generator) -> Case:
        B, Y, X, C = rng.permutation([3, 5, 6, 7]).tolist()
        return Case((rng.standard_normal((B, 1 if row else Y, X, C)),), {"scale": scales[rng.integers(len(scales))]})

    return drawn


def twice(rng: Generator) -> Case:
    """By the usual factor."""
    return Case(enlarged(2)(rng).args, {})


REPEATED: dict[str, Draw] = {
    "": enlarged((3, 5), (5, 3)),
    "by one factor for both sides": enlarged(3, 5),
    "by 2, if nothing is said": twice,
    "of a single row": enlarged((5, 3), row=True),
    "where rows are not to be repeated": enlarged((1, 3)),
}


def two_images(**options: float) -> Draw:
    """What a model has made of an image, and the image: near it, and far."""

    def drawn(rng: Generator) -> Case:
        (x,), _ = arrays("B Y X C")(rng)
        near = rng.random(x.shape) < 0.5
        target = x + np.where(near, 1e-3, 1.0) * rng.standard_normal(x.shape)
        return Case((x, target), options)

    return drawn


def the_same(rng: Generator) -> Case:
    (x, _), options = two_images(eps=0.1)(rng)
    return Case((x, x.copy()), options)


RESTORED: dict[str, Draw] = {
    "": two_images(eps=0.3),
    "with the usual eps": two_images(),
    "where nothing is wrong": the_same,
    "of one row": arrays("N", "N", eps=0.5),
}


def block_sizes(case: Case) -> dict[str, float]:
    scale = case.kwargs.get("scale", 2)
    r, s = scale if isinstance(scale, tuple) else (scale, scale)
    return {"the batch": len(case.args[0]), "a block": r * s, "its rows": r, "its columns": s} if r != s else {}


def blocks_of_the_same(call: Call, rng: Generator) -> str | None:
    y = call(np.array([[1.0, 2], [3, 4]]).reshape(1, 2, 2, 1), scale=(2, 3))[0][0, :, :, 0]
    right = [[1, 1, 1, 2, 2, 2]] * 2 + [[3, 3, 3, 4, 4, 4]] * 2
    if y.tolist() == right:
        return None
    return f"of the rows 1 2 and 3 4, by (2, 3), come {right}; yours are {y.tolist()}"


def is_nearly_the_distance(call: Call, rng: Generator) -> str | None:
    zero, far = np.zeros((2, 3)), np.full((2, 3), 4.0)
    for words, x, right in (
        ("where nothing is wrong, with eps 3, the loss is 3", zero, 3.0),
        ("where all numbers are wrong by 4, with eps 3, it is the root of 16 + 9, 5", far, 5.0),
    ):
        found = call(x, zero, eps=3.0)[0]
        if not close(found, right):
            return f"{words}; yours is {told_apart(found, right, digits=4)[0]}"
    return None


def named_sizes(case: Case) -> dict[str, float]:
    r = case.kwargs.get("upscale", case.args[-1])
    return {"the batch": len(case.args[0]), "the factor": r} if r not in (1, 2, 4) else {}


def first_image(case: Case) -> Case | None:
    return Case((case.args[0][:1], *case.args[1:]), case.kwargs) if len(case.args[0]) > 1 else None


def one_place(call: Call, *, by_name: bool) -> str | None:
    """Of one place with eight channels, 0 to 7, two pictures of 2 x 2."""
    x = np.arange(8.0).reshape(1, 1, 1, 8)
    y = call(x, upscale=2)[0] if by_name else call(x, 2)
    found = [np.asarray(y)[0, :, :, c].tolist() for c in (0, 1)]
    right = [[[0, 1], [2, 3]], [[4, 5], [6, 7]]]
    if found == right:
        return None
    return f"of one place with the channels 0 to 7 come two maps, {right[0]} and {right[1]}; yours are {found}"


def one_place_by_loops(call: Call, rng: Generator) -> str | None:
    return one_place(call, by_name=False)


def one_place_at_once(call: Call, rng: Generator) -> str | None:
    return one_place(call, by_name=True)


def nothing_is_made_up(call: Call, rng: Generator) -> str | None:
    (x,), options = MAPS[""](rng)
    y = call(x, **options)[0]
    if np.array_equal(np.sort(y, axis=None), np.sort(x, axis=None)):
        return None
    return "every number of x must stand in y once, as it is: nothing is summed, scaled or made up"


TENSORFLOW = (
    "channels are read in TensorFlow's order (depth_to_space: all channels of one pixel side by side); here, as in "
    "PyTorch, the r * r pixels of one channel stand side by side: c * r² + p * r + q"
)
TURNED = "rows and columns within a place are exchanged: p, which counts more, is the row"
UPSIDE = "the rows within a place are upside down"
MIRRORED = "the columns within a place are mirrored"
APART = (
    "the pixels of a place lie far apart (row p * Y + i); they lie side by side: row r * i + p. In the reshape, p "
    "stands behind i"
)
SPLIT = "x.reshape(B, Y, X, channels // (r * r), r, r).transpose(0, 1, 4, 2, 5, 3)"
FIRST_C = "x.reshape(B, Y, X, r, r, channels // (r * r))"
JOINED = "return pixels.reshape(B, r * Y, r * X, channels // (r * r)), PixelShuffleCache(x.shape, r)"
BACK = "dy.reshape(B, Y, r, X, r, channels // (r * r)).transpose(0, 1, 3, 5, 2, 4)"
PLACES = "(i, p), (j, q) = divmod(row, upscale), divmod(column, upscale)"
CHANNEL = "y[:, row, column, c] = x[:, i, j, c * upscale**2 + p * upscale + q]"


def channel(index: str) -> str:
    return f"y[:, row, column, c] = x[:, i, j, {index}]"


REPEAT = "x.repeat(r, axis=1).repeat(s, axis=2)"
KEPT = "UpsampleNearestCache(x.shape, (r, s))"
BLOCKS = "blocks = dy.reshape(B, Y, r, X, s, C)"
SUM = "blocks.sum(axis=(2, 4))"
ALL_OF_IT = "a pixel stands in all of its block, so it gets the sum of all gradients there"
FIRST = "(np.arange(r * x.shape[1]) % r == 0)[:, None, None] & (np.arange(s * x.shape[2]) % s == 0)[:, None]"
ROUNDED = "np.minimum(np.rint(np.arange(r * x.shape[1]) / r).astype(int), x.shape[1] - 1)"
ROOT = "root = np.sqrt(difference * difference + eps * eps)"
MEAN = 'root.sum() / _count("charbonnier", x)'
SLOPE = "difference / root * (dy / root.size)"

repeated = partial(
    Task,
    cases=REPEATED,
    sizes=block_sizes,
    axes={"y": "sample row column channel", "dx": "sample row column channel"},
    simpler={"for one sample": first_image},
    reasons={"a block": ALL_OF_IT},
)
compared = partial(Task, cases=RESTORED, sizes=batch_sizes, axes={"dx": "sample row column channel"})
shuffled = partial(
    Task,
    cases=MAPS,
    sizes=named_sizes,
    axes={"y": "sample row column channel", "dx": "sample row column channel"},
    simpler={"for one sample": first_image},
)
TASKS = (
    Task(
        "pixel_shuffle_loops",
        {label: by_position(draw) for label, draw in MAPS.items()},
        (Property("one place by hand", one_place_by_loops),),
        {
            PLACES: {
                "(p, i), (q, j) = divmod(row, y.shape[1] // upscale), divmod(column, y.shape[2] // upscale)": APART,
                "(i, p), (j, q) = (row // upscale, 0), (column // upscale, 0)": "all pixels of a place get its first "
                "channel, as if the nearest were repeated; each has a channel of its own",
                "(j, p), (i, q) = divmod(row, upscale), divmod(column, upscale); i, j = i % "
                "x.shape[1], j % x.shape[2]": "rows of y are columns of x",
                "(i, p), (j, q) = divmod(row, upscale), divmod(column, upscale); p = upscale - 1 - p": UPSIDE,
                "(i, p), (j, q) = divmod(row, upscale), divmod(column, upscale); q = upscale - 1 - q": MIRRORED,
            },
            CHANNEL: {
                channel("c + y.shape[3] * (p * upscale + q)"): TENSORFLOW,
                channel("c * upscale**2 + q * upscale + p"): TURNED,
                channel("c * upscale + p * upscale + q"): "channel c begins at c * r², not at c * r",
                channel("c * upscale**2 + p + q"): "p counts once; it counts r: c * r² + p * r + q",
                channel("slice(c * upscale**2, (c + 1) * upscale**2)") + ".mean(-1)": "a pixel is the mean of the "
                "channels of its place; it is one of them",
                channel("c * upscale**2 + p * upscale + q") + " / upscale**2": "... y is",
                channel("(y.shape[3] - 1 - c) * upscale**2 + p * upscale + q"): "... reversed along the channel axis",
                channel("c * upscale**2 + p * upscale + q").replace("x[:,", "x[:1,"): "the first image is taken for "
                "all of them",
            },
        },
        sizes=named_sizes,
        axes={"y": "sample row column channel"},
        simpler={"for one sample": first_image},
        keep_loops=True,
    ),
    shuffled(
        "pixel_shuffle_forward",
        properties=(
            Property("one place by hand", one_place_at_once),
            Property("nothing is made up", nothing_is_made_up),
        ),
        mistakes={
            SPLIT: {
                f"{FIRST_C}.transpose(0, 1, 3, 2, 4, 5)": TENSORFLOW,
                SPLIT.replace("0, 1, 4, 2, 5, 3", "0, 1, 5, 2, 4, 3"): TURNED,
                SPLIT.replace("0, 1, 4, 2, 5, 3", "0, 4, 1, 5, 2, 3"): APART,
                SPLIT.replace("0, 1, 4, 2, 5, 3", "0, 1, 4, 5, 2, 3"): "the columns of a place lie far apart (column "
                "q * X + j); they lie side by side: column r * j + q",
                SPLIT.replace("0, 1, 4, 2, 5, 3", "0, 4, 1, 2, 5, 3"): "the rows of a place lie far apart (row p * Y + "
                "i); they lie side by side: row r * i + p",
                SPLIT.replace("0, 1, 4, 2, 5, 3", "0, 2, 4, 1, 5, 3"): "rows and columns of the map are exchanged",
                "x": "no axis is moved: a reshape alone leaves the numbers in their order. Split the channels, then "
                "(B, Y, X, C, p, q) becomes (B, Y, p, X, q, C)",
                f"{SPLIT}[:, :, ::-1]": UPSIDE,
                f"{SPLIT}[:, :, :, :, ::-1]": MIRRORED,
                "np.repeat(np.repeat(x[..., :: r * r][:, :, None, :, None], r, 2), r, 4)": "all pixels of a place get "
                "its first channel, as if the nearest were repeated; each has a channel of its own",
                "np.repeat(np.repeat(x.reshape(B, Y, X, channels // (r * r), r * r).mean(-1)[:, :, None, :, None], r, "
                "2), r, 4)": ("a pixel is the mean of the channels of its place; it is one of them"),
                f"{SPLIT} / (r * r)": "... y is",
                f"np.flip({SPLIT}, -1)": "... reversed along the channel axis",
            },
            JOINED: {
                JOINED.replace("r * Y, r * X", "r * X, r * Y"): "... y has shape",
                JOINED.replace("channels // (r * r)), Pixel", "channels // (r * r)).mT, Pixel"): "... y has shape",
                "return pixels, PixelShuffleCache(x.shape, r)": "... y has shape",
                JOINED.replace("x.shape, r)", "pixels.shape, r)"): "... cache.x_shape is",
                JOINED.replace("x.shape, r)", "x.shape, r * r)"): "... cache.upscale is",
                f"x *= 2; {JOINED}": "... you modified x in place",
            },
            "if channels % (r * r):": {"if False:": "... it must raise a ValueError"},
        },
    ),
    shuffled(
        "pixel_shuffle_backward",
        mistakes={
            BACK: {
                "dy.reshape(B, Y, r, X, r, channels // (r * r)).transpose(0, 1, 3, 2, 4, 5)": f"back, {TENSORFLOW}",
                BACK.replace("0, 1, 3, 5, 2, 4", "0, 1, 3, 5, 4, 2"): f"back, {TURNED}",
                "dy.reshape(B, r, Y, r, X, channels // (r * r)).transpose(0, 2, 4, 5, 1, 3)": "dy is cut as if the "
                "pixels of a place lay far apart; they lie side by side: rows are (Y, r), not (r, Y)",
                "dy.reshape(B, Y, r, X, r, channels // (r * r))": "no axis is moved: a reshape alone leaves the "
                "numbers in their order. (B, Y, p, X, q, C) becomes (B, Y, X, C, p, q)",
                BACK.replace("0, 1, 3, 5, 2, 4", "0, 1, 3, 5, 2, 4)[..., ::-1, :].transpose(0, 1, 2, 3, 4, 5"): UPSIDE,
                f"{BACK}[..., ::-1]": MIRRORED,
                "dy.reshape(B, Y, X, channels // (r * r), r, r).transpose(0, 1, 4, 2, 5, 3)": "the steps of the "
                "forward are taken once more; go them backwards: cut dy up as it was joined, and move the axes back",
                f"{BACK} / (r * r)": "... dx is",
                f"np.broadcast_to({BACK}.mean((-2, -1), keepdims=True), (B, Y, X, channels // (r * r), r, r))": (
                    "every channel of a place gets the mean of its pixels; it gets the gradient of its own pixel"
                ),
                f"np.broadcast_to({BACK}.sum((-2, -1), keepdims=True), (B, Y, X, channels // (r * r), r, r))": (
                    "every channel of a place gets the sum of its pixels; it gets the gradient of its own pixel"
                ),
                "pixel_shuffle_forward(dy.transpose(0, 3, 1, 2).reshape(B, r * Y, r * X, -1), upscale=1)[0]": "... ",
            },
            "return InputGrad(parts.reshape(B, Y, X, channels))": {
                "return InputGrad(parts.reshape(B, X, Y, channels))": "... dx has shape",
                "return InputGrad(parts)": "... dx has shape",
                "return InputGrad(-parts.reshape(B, Y, X, channels))": "... dx has the wrong sign",
                "return InputGrad(parts.reshape(B, Y, X, channels) / B)": "... the batch: averaged over it instead of "
                "summed",
            },
        },
    ),
    repeated(
        "upsample_nearest_forward",
        properties=(Property("four pixels by hand", blocks_of_the_same),),
        mistakes={
            REPEAT: {
                "np.tile(x, (1, r, s, 1))": "whole maps are laid side by side; each pixel is repeated where it stands: "
                "row i of y is row i // r of x, not i % Y",
                f"{REPEAT} * ({FIRST})": "the new pixels are 0, as a transposed convolution sees them; they are like "
                "the first one of their block",
                f"x[:, {ROUNDED}].repeat(s, axis=2)": "i / r is rounded to the nearest row; cut it off, or the first "
                "and the last row get blocks of another height",
                "x.repeat(r, axis=1).repeat(r, axis=2)": "... y has shape",
                "x.repeat(s, axis=1).repeat(r, axis=2)": "... y has shape",
                "x.repeat(r, axis=2).repeat(s, axis=1)": "... y has shape",
                "x.repeat(r, axis=1)": "... y has shape",
                "x.repeat(r * s, axis=3)": "... y has shape",
                f"{REPEAT} / (r * s)": "... y is",
                f"{REPEAT}[..., ::-1]": "... reversed along the channel axis",
                f"{REPEAT}[:, ::-1]": "... reversed along the row axis",
            },
            KEPT: {
                "UpsampleNearestCache(x.shape, (s, r))": "... cache.scale",
                "UpsampleNearestCache(x.repeat(r, axis=1).repeat(s, axis=2).shape, (r, s))": "... cache.x_shape",
            },
            "r, s = pair(scale)": {
                "r, s = pair(scale); x *= 2": "... you modified x in place",
                "r, s = (2, 2)": "... y has shape",
            },
        },
    ),
    repeated(
        "upsample_nearest_backward",
        mistakes={
            SUM: {
                "blocks.mean(axis=(2, 4))": f"a pixel gets the mean of its block; {ALL_OF_IT}",
                "blocks[:, :, 0, :, 0]": f"a pixel gets that of the first place of its block alone; {ALL_OF_IT}",
                "blocks[:, :, -1, :, -1]": f"a pixel gets that of the last of its block alone; {ALL_OF_IT}",
                "blocks[:, :, r // 2, :, s // 2]": f"a pixel gets that of the middle of its block alone; {ALL_OF_IT}",
                "blocks.sum(axis=2)[:, :, :, 0]": "only the rows of a block are summed, and of its columns the first "
                "is taken; sum over both",
                "blocks.sum(axis=4)[:, :, 0]": "only the columns of a block are summed, and of its rows the first is "
                "taken; sum over both",
                "blocks.max(axis=(2, 4))": "the largest gradient of a block is taken, as if it had been pooled by "
                "maxima; it is the sum",
                "blocks.sum(axis=(1, 3))": "... dx has shape",
                "blocks.sum(axis=(2, 4)) / B": "... the batch: averaged over it instead of summed",
                "-blocks.sum(axis=(2, 4))": "... dx has the wrong sign",
                "blocks.sum(axis=(2, 4))[..., ::-1]": "... reversed along the channel axis",
            },
            BLOCKS: {
                "blocks = dy.reshape(B, r, Y, s, X, C).transpose(0, 2, 1, 4, 3, 5)": "dy is cut as if whole maps lay "
                "side by side; the places of a block do: rows are (Y, r), not (r, Y)",
                "blocks = dy.reshape(B, Y, s, X, r, C)": "rows are cut by the factor of the columns, and columns by "
                "that of the rows",
                f"{BLOCKS}; dy = dy * 0; blocks = blocks * 0": "... dx is zero everywhere",
            },
        },
    ),
    compared(
        "charbonnier_forward",
        properties=(Property("a loss by hand", is_nearly_the_distance),),
        mistakes={
            ROOT: {
                "root = np.sqrt(difference * difference + eps)": "under the root stands eps, not its square: so the "
                "loss of a right pixel would be the root of eps",
                "root = np.sqrt(difference * difference) + eps": "eps is added to the distance, whose kink stays; it "
                "is added under the root, squared",
                "root = abs(difference)": "that is the distance itself, with its kink: eps² is missing under the root",
                "root = difference * difference + eps * eps": "the root is missing",
                "root = np.sqrt(difference * difference + eps * eps) - eps": "eps is subtracted, so that a right pixel "
                "loses nothing; here it loses eps",
                "root = np.where(abs(difference) < eps, difference * difference / (2 * eps) + eps / 2, "
                "abs(difference))": "that is Huber's loss, a parabola and two lines; here one root is both",
                "root = np.maximum(abs(difference), eps)": "what is below eps is cut off, and has no slope; the root "
                "has one",
            },
            MEAN: {
                "np.sqrt((difference * difference).sum() + eps * eps)": "one root is taken of all squares; each number "
                "has its own",
                "np.sqrt((difference * difference).mean() + eps * eps)": "one root is taken of the mean square; each "
                "number has its own",
                "root.sum()": "... the numbers: summed over it instead of averaged",
                "root.sum() / len(x)": "the sum is divided by the images; the mean is taken over all numbers",
                "np.median(root)": "the median is taken; it is the mean",
                "root.max()": "the worst number is taken; it is the mean of all",
                "-root.mean()": "... y has the wrong sign",
                "np.square(root).mean()": "the root is missing",
            },
            "CharbonnierCache(difference, root)": {
                "CharbonnierCache(root, difference)": "... exchanged",
                "CharbonnierCache(-difference, root)": "... cache.difference has the wrong sign",
                "CharbonnierCache(difference, root * root)": "... cache.root",
            },
            "difference = x - target": {
                "x -= target; difference = x": "... you modified x in place",
            },
        },
    ),
    compared(
        "charbonnier_backward",
        mistakes={
            SLOPE: {
                "np.sign(difference) * (dy / root.size)": "that is the slope of the distance, 1 or -1 however near; "
                "near the target it goes to 0: (x - t) / root",
                "difference * (dy / root.size)": "the root is missing: the farther away, the larger; its slope is at "
                "most 1",
                "difference / root / root * (dy / root.size)": "divided by the root twice; its derivative is "
                "(x - t) / root",
                "1 / root * (dy / root.size)": "what stands under the root has a derivative, too: times x - t",
                "difference / (2 * root) * (dy / root.size)": "the 2 of the root's derivative and that of the square "
                "cancel",
                "2 * difference / root * (dy / root.size)": "the 2 of the square and that of the root's derivative "
                "cancel",
                "root / root.size * dy": "that is the loss of each number; its slope is (x - t) / root",
                "difference / root / root.size": "dy is missing: the loss may be scaled later",
                "difference / root * dy": "... the numbers: summed over it instead of averaged",
                "difference / root * (dy / len(root))": "divided by the images; the mean was taken over all numbers",
                "-difference / root * (dy / root.size)": "... dx has the wrong sign",
                "difference / root * (dy / root.size) * (abs(difference) > 1e-2)": "where the difference is small "
                "there is no slope; it is small, not 0",
            },
        },
    ),
)

PIXEL_SHUFFLE = Exercise(
    "pixel_shuffle",
    "larger images: channels become pixels, or pixels are repeated; a loss without a kink",
    45,
    TASKS,
    offers=("np", "InputGrad", "pair"),
    lecture="14_boxes_masks_words",
    section=7,
)
