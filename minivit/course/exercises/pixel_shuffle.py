"""Pixel shuffle: channels become pixels, with loops, at once, and back."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different
from minivit.course.exercise import Call, Draw, Exercise, Property, Task


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
)

PIXEL_SHUFFLE = Exercise(
    "pixel_shuffle",
    "channels that become pixels: with loops, by moving axes, and back",
    25,
    TASKS,
    offers=("np", "InputGrad"),
    lecture="14_boxes_masks_words",
    section=7,
)
