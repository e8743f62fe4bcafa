"""Windows: cut a map, shift it, say who may look at whom, put it together again, and the bias of relative positions."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE


def cut(rng: Generator, whole: bool = True, shifted: bool = False) -> tuple[tuple[int, ...], tuple[int, ...], dict]:
    """Shapes of a map and of its windows, and their sides and shift; no two lengths are equal, nor two shifts."""
    while True:
        B, C = choose(rng, 3, 5, 7), choose(rng, 3, 5, 7, 11)
        (M, L) = choose(rng, (2, 3), (3, 2), (3, 4), (4, 3))
        Y, X = choose(rng, 2, 3) * M, choose(rng, 2, 3) * L
        if not whole:
            Y, X = Y - int(rng.integers(1, M)), X - int(rng.integers(1, L))
        windows = (B, -(-Y // M) * -(-X // L), M * L, C)
        shift = (int(rng.integers(1, M)), int(rng.integers(1, L))) if shifted else (0, 0)
        if different((B, Y, X, C), windows, (M, L, Y, X)) and (different(shift) or not shifted):
            return (B, Y, X, C), windows, {"window_size": (M, L), "shift_size": shift}


def whole_map(*, forward: str, whole: bool = True, shifted: bool = False, **options: object) -> Draw:
    """Draws what ``window_partition_forward`` or ``window_reverse_forward`` is given."""

    def drawn(rng: Generator) -> Case:
        (B, Y, X, C), windows, cuts = cut(rng, whole, shifted)
        if forward == "partition":
            return Case((rng.standard_normal((B, Y, X, C)),), {**cuts, **options})
        return Case((rng.standard_normal(windows),), {"map_size": (Y, X), **cuts, **options})

    return drawn


def square(forward: str) -> Draw:
    """The same with a number in place of each pair; the last window of each side is not full."""

    def drawn(rng: Generator) -> Case:
        B, C, (M, shift) = *choose(rng, (3, 5), (5, 3), (7, 5)), choose(rng, (3, 1), (3, 2), (4, 1), (4, 3))
        windows = choose(rng, 2, 3)
        side = windows * M - 1
        options = {"window_size": M, "shift_size": shift, "pad_first": True}
        if forward == "partition":
            return Case((rng.standard_normal((B, side, side, C)),), options)
        return Case((rng.standard_normal((B, windows**2, M**2, C)),), {"map_size": side, **options})

    return drawn


def cases(forward: str) -> dict[str, Draw]:
    draw = partial(whole_map, forward=forward)
    return {
        "": draw(),
        "with a shift": draw(shifted=True),
        "where windows do not divide the map": draw(whole=False),
        "with a shift, where windows do not divide the map": draw(whole=False, shifted=True),
        "with a shift, filled up first": draw(whole=False, shifted=True, pad_first=True),
        "with a number for both sides": square(forward),
    }


def mask_case(whole: bool, shifted: bool) -> Draw:
    def drawn(rng: Generator) -> Case:
        (_, Y, X, _), _, options = cut(rng, whole, shifted)
        return Case(((Y, X), options["window_size"], options["shift_size"]), {})

    return drawn


def shifted_along_columns(rng: Generator) -> Case:
    (map_size, window_size, (_, right)), _ = mask_case(True, True)(rng)
    return Case((map_size, window_size, (0, right)), {})


def square_windows(rng: Generator) -> Case:
    return Case((choose(rng, 6, 7, 9), 3, choose(rng, 1, 2)), {})


def window(rng: Generator) -> Case:
    return Case(choose(rng, (2, 4), (3, 2), (3, 4), (4, 3)), {})


def one_row(rng: Generator) -> Case:
    return Case(choose(rng, (1, 4), (5, 1)), {})


def table(rng: Generator) -> Case:
    (rows, columns), H = choose(rng, (2, 3), (3, 2), (3, 4)), choose(rng, 3, 5)
    return Case((rng.standard_normal(((2 * rows - 1) * (2 * columns - 1), H)),), {"window_size": (rows, columns)})


def square_table(rng: Generator) -> Case:
    return Case((rng.standard_normal((25, choose(rng, 3, 5))),), {"window_size": 3})


def large(rng: Generator) -> Case:
    return Case((rng.standard_normal((2, 64, 96, 8)),), {"window_size": (2, 3), "shift_size": (1, 2)})


def large_windows(rng: Generator) -> Case:
    options = {"map_size": (64, 96), "window_size": (2, 3), "shift_size": (1, 2)}
    return Case((rng.standard_normal((2, 1024, 6, 8)),), options)


def no_number_changes(call: Call, rng: Generator) -> str | None:
    (x,), options = whole_map(forward="partition", shifted=True)(rng)
    same = np.array_equal(np.sort(call(x, **options)[0], axis=None), np.sort(x, axis=None))
    return None if same else "cutting moves numbers and changes none; yours are others"


def puts_together(call: Call, rng: Generator) -> str | None:
    (x,), options = whole_map(forward="partition")(rng)
    (M, L), map_size = options["window_size"], x.shape[1:3]
    rows = np.concatenate(np.split(x, map_size[1] // L, 2), 0)  # of windows: strips of the map, then their pieces
    pieces = [piece for strip in np.split(rows, map_size[0] // M, 1) for piece in np.split(strip, map_size[1] // L)]
    windows = np.stack([piece.reshape(len(x), M * L, -1) for piece in pieces], 1)
    same = np.array_equal(call(windows, map_size=map_size, **options)[0], x)
    return None if same else "windows that were cut out one by one with slices do not become the map again"


def is_of_bool(call: Call, rng: Generator) -> str | None:
    args, _ = mask_case(True, True)(rng)
    dtype = np.asarray(call(*args)).dtype
    return None if dtype.kind == "b" else f"a mask is of True and False, which attention asks for; yours is of {dtype}"


def is_of_whole_numbers(call: Call, rng: Generator) -> str | None:
    dtype = np.asarray(call(2, 3)).dtype
    return None if dtype.kind in "iu" else f"an index is of whole numbers; yours is of {dtype}"


def depends_on_the_way(call: Call, rng: Generator) -> str | None:
    index = call(3, 4)
    same = index[0, 5] == index[1, 6] == index[6, 11]  # one row up and one column to the left
    return None if same else "tokens 0 and 5, 1 and 6, and 6 and 11 of a 3 x 4 window lie alike: one entry for all"


CUT = "down, right = cache.shift_size"
FILLED = (
    "if pad_first:\n        x = _roll(_fill(x, cache), -down, -right)\n    else:\n        x = _fill(_roll(x, -down, "
    "-right), cache)"
)


def filling(pad: str) -> str:
    """The cut with another way to fill the map up: ``a`` rows and ``b`` columns are missing."""
    sides = "(Y, X), (M, L) = c.map_size, c.window_size"
    return f"{CUT}\n    def _fill(x, c):\n        {sides}; a, b = -Y % M, -X % L\n        return {pad}"


def seam(is_over: str, shift: str = "pair(shift_size)") -> str:
    """Regions of the mask with another seam along a side of n places, in windows of m, after a shift of s."""
    return (
        f"over = lambda n, m, s: {is_over}; (Y, X), (M, L), (a, b) = pair(map_size), pair(window_size), {shift}; "
        "x = (2.0 * over(Y, M, a)[:, None] + over(X, L, b))[None, :, :, None]; regions = window_partition_forward(x, "
        "window_size=(M, L))[0][0, :, :, 0]"
    )


def numbered(x: str, options: str = "", keys: str = "True") -> str:
    """The mask with another map of numbers x, made of what was rolled over, and of what only fills up (as keys)."""
    return (
        "(Y, X), (M, L), (a, b) = pair(map_size), pair(window_size), pair(shift_size); y, x = (np.arange(-(-n // m) * "
        "m) for n, m in ((Y, M), (X, L))); down, right = (y >= len(y) - a)[:, None], x >= len(x) - b; filled = (y >= Y)"
        "[:, None] | (x >= X); cut = lambda of, **options: window_partition_forward(np.add(of, np.zeros((1, len(y), "
        f"len(x))))[..., None], window_size=(M, L), **options)[0][0, :, :, 0]; regions, keys = cut({x}{options}), "
        f"cut({keys}); return (regions[:, :, None] == regions[:, None, :]) & (keys[:, None, :] > 0)"
    )


RESHAPED = "one reshape cannot do it: the rows of a window do not lie side by side in memory"
BY_COLUMN = "the windows are numbered column by column; number them row by row"
INSIDE = "the tokens inside a window are numbered column by column; number them row by row"
SWAPPED = "a reshape exchanges no axes: it mixes heads with pairs; move the axis of the heads with a transpose"
OVERWRITTEN = (
    "in the corner one number overwrites the other; rows may be rolled over, columns, or both: add the numbers"
)
FILLED_FORBIDDEN = "what only fills the map up is forbidden; here it may be looked at, as in timm"
ONE_FOR_ALL = "left and right, up and down have one entry; each way has its own"
SIDES = "rows and columns of the window are exchanged: window_size is (rows, columns)"
SHIFTS = "rows and columns of the shift are exchanged: shift_size is (rows, columns)"
FIRST = "filling up and rolling come in the wrong order: pad_first says whether filling up is the first of the two"
BACK_FIRST = (
    "dropping what filled up and rolling back come in the wrong order: what the forward does last is undone first"
)
UNROLLED = "the map is not rolled back"
AGAIN = "rolled in the direction of the forward once more; the way back is the other one"
UNCUT = "what filled the map up is still there; drop it"
ONCE_ROLLED = "[2 * s for s in shift_size]"

cutting = partial(
    Task,
    cases=cases("partition"),
    big=large,
    simpler=ONE_SAMPLE,
    axes={"x": "sample row column channel", "y": "sample window token channel"},
)
joining = partial(
    Task,
    cases=cases("reverse"),
    big=large_windows,
    simpler=ONE_SAMPLE,
    axes={"x": "sample window token channel", "y": "sample row column channel"},
)
biases = partial(
    Task,
    cases={"": table, "with a square window": square_table},
    axes={"y": "head query key", "dtable": "way head"},
)

TASKS = (
    cutting(
        "window_partition_forward",
        properties=(Property("no number changes", no_number_changes),),
        mistakes={
            ".transpose(0, 1, 3, 2, 4, 5)": {
                "": RESHAPED,
                ".transpose(0, 3, 1, 2, 4, 5)": BY_COLUMN,
                ".transpose(0, 1, 3, 4, 2, 5)": INSIDE,
                ".transpose(0, 3, 1, 4, 2, 5)": "windows, and tokens inside of them, are numbered column by column; "
                "number both row by row",
                ".transpose(0, 2, 4, 1, 3, 5).reshape(B, Y // M, X // L, M, L, C)": "tokens that lie M apart are "
                "together (a grid with holes); a window holds neighbours",
                ".transpose(0, 1, 3, 2, 4, 5)[..., ::-1, :]": "... y",
            },
            "pair(window_size), shift,": {"pair(window_size)[::-1], shift,": SIDES},
            "x.reshape(B, Y // M, M, X // L, L, C).transpose(0, 1, 3, 2, 4, 5)": {
                "x.reshape(B, M, Y // M, L, X // L, C).transpose(0, 2, 4, 1, 3, 5)": "tokens that lie Y / M rows and "
                "X / L columns apart are together; a window holds neighbours",
                "x.reshape(B, Y // M, M, X // L, L, C).transpose(1, 3, 0, 2, 4, 5)": "the windows come before the "
                "samples, and a reshape then mixes the two; samples come first",
            },
            CUT: {
                "right, down = cache.shift_size": SHIFTS,
                f"{CUT}; down, right = -down, -right": "the map is rolled down and to the right; roll it up and to "
                "the left: np.roll by -shift",
                f"{CUT}; right = 0": "only rows are rolled; the columns have a shift, too",
                f"{CUT}; down = 0": "only columns are rolled; the rows have a shift, too",
                f"{CUT}; _roll = lambda x, a, b: np.roll(x, a + b, 1)": "rows are rolled by both shifts; the second "
                "one is that of the columns, axis 2",
                f"{CUT}; right = down": "the shift of the rows is used for the columns, too",
                f"{CUT}; _roll = lambda x, a, b: np.roll(x, (a, b), (0, 1))": "the roll runs over samples and rows; "
                "rows and columns are axes 1 and 2",
                f"{CUT}; M, L = cache.window_size; down, right = down and M // 2, right and L // 2": "the map is "
                "rolled by half a window, whatever shift_size says",
                f"{CUT}; _roll = lambda x, a, b: np.pad(x[:, -a:, -b:], ((0, 0), (0, -a), (0, -b), (0, 0)))": "what "
                "leaves at the top and on the left is lost; it comes back at the bottom and on the right: np.roll",
                filling("np.pad(x, ((0, 0), (a, 0), (b, 0), (0, 0)))"): "the map is filled up at the top and on the "
                "left; zeros come at the bottom and on the right",
                filling("np.pad(x, ((0, 0), (a // 2, a - a // 2), (b // 2, b - b // 2), (0, 0)))"): "the map is "
                "filled up on all sides; zeros come at the bottom and on the right only",
                filling('np.pad(x, ((0, 0), (0, a), (0, b), (0, 0)), "edge")'): "the map is filled up with copies of "
                "its edge; it is with zeros",
                filling('np.pad(x, ((0, 0), (0, a), (0, b), (0, 0)), "reflect")'): "the map is filled up with its "
                "mirror image; it is with zeros",
                filling('np.pad(x, ((0, 0), (0, a), (0, b), (0, 0)), "wrap")'): "the map is filled up with its own "
                "beginning; it is with zeros",
                filling("np.pad(x, ((0, 0), (0, a), (0, b), (0, 0)), constant_values=-100)"): "the map is filled up "
                "with -100; it is with zeros, and the mask is another matter",
                filling("np.pad(x, ((0, 0), (0, M - Y % M), (0, L - X % L), (0, 0)))"): "a whole window too much "
                "where windows divide the map: -Y % M rows are missing, not M - Y % M",
                filling("x[:, : Y // M * M, : X // L * L]"): "what fills no whole window is cut off; fill the map up "
                "with zeros instead",
                f"{CUT}; x = x * 1.5": "... y is 1.5 times too large",
                f"{CUT}; x *= 1.5": "... you modified x in place",
            },
            "if pad_first:": {
                "if not pad_first:": FIRST,
            },
            "return tiles.reshape(B, Y // M * (X // L), M * L, C)": {
                "return tiles.reshape(B * (Y // M) * (X // L), M * L, C)": "windows of all samples stand in one axis, "
                "as in the official code; here they have one of their own: (B, W, N, C)",
                "return tiles.reshape(B, Y // M, X // L, M * L, C)": "... the numbers are right, only the shape is not",
                "return tiles.reshape(B, Y // M * (X // L), M * L, C).swapaxes(1, 2)": "windows and tokens have "
                "changed places: (B, W, N, C)",
                "return tiles.reshape(B, Y // M * (X // L), M * L, C)[:, ::-1]": "... reversed along the window axis",
                "return tiles.reshape(B, Y // M * (X // L), M * L, C)[:, :, ::-1]": "... reversed along the token axis",
                "return np.zeros((B, Y // M * (X // L), M * L, C)) + tiles.reshape(B, -1, M * L, C)": "... comes y in "
                "float64",
            },
            "M * L, C), cache": {"M * L, C), cache._replace(map_size=(Y, X))": "... cache.map_size is"},
        },
    ),
    joining(
        "window_reverse_forward",
        properties=(Property("puts together what was cut with slices", puts_together),),
        mistakes={
            ".transpose(0, 1, 3, 2, 4, 5)": {"": RESHAPED},
            "x.reshape(B, rows, columns, M, L, C)": {
                "x.reshape(B, rows, M, columns, L, C)": "windows are cut into axes as a map is; theirs are (rows of "
                "windows, columns of windows, rows inside, columns inside)",
                "x[:, ::-1].reshape(B, rows, columns, M, L, C)": "the windows are in reversed order",
                "x.reshape(B, columns, rows, M, L, C).swapaxes(1, 2)": BY_COLUMN.replace("number them", "they are"),
                "x.reshape(B, rows, columns, L, M, C).swapaxes(3, 4)": INSIDE.replace("number them", "they are"),
            },
            "(down, right), _ = cache": {
                "(right, down), _ = cache": SHIFTS,
                "(down, right), _ = cache; down, right = -down, -right": AGAIN,
                "(down, right), _ = cache; right = 0": "only rows are rolled back; the columns have a shift, too",
                "(down, right), _ = cache; down = 0": "only columns are rolled back; the rows have a shift, too",
            },
            "y = tiles.reshape(B, rows * M, columns * L, C)": {
                "y = tiles.reshape(B, rows * M, columns * L, C); Y, X = y.shape[1:3]": UNCUT,
                "y = tiles.reshape(B, rows * M, columns * L, C)[:, rows * M - Y :, columns * L - X :]": "dropped at "
                "the top and on the left; what filled the map up stands at the bottom and on the right",
            },
            "if pad_first:": {
                "if not pad_first:": BACK_FIRST,
            },
            "WindowPartitionCache(pair(map_size)": {
                "WindowPartitionCache(pair(map_size)[::-1]": "... expected",
            },
        },
    ),
    cutting(
        "window_partition_backward",
        mistakes={
            "**cache._asdict()": {
                "**cache._replace(shift_size=(0, 0))._asdict()": UNROLLED,
                "**cache._replace(pad_first=not cache.pad_first)._asdict()": BACK_FIRST,
                "**cache._replace(shift_size=cache.shift_size[::-1] if max(cache.shift_size) < min(cache.window_size) "
                "else (0, 0))._asdict()": SHIFTS,
                "**cache._replace(map_size=tuple(-(-n // m) * m for n, m in zip(cache.map_size, "
                "cache.window_size)))._asdict()": UNCUT,
            },
            "return InputGrad(dx)": {
                "return InputGrad(np.roll(dx, [-2 * s for s in cache.shift_size], (1, 2)))": AGAIN,
                "return InputGrad(dy[:, : dx.shape[1] * dx.shape[2] // dy.shape[2]].reshape(dx.shape))": RESHAPED,
                "return InputGrad(dx / dy.shape[1])": "the gradient is divided by the number of windows; each place "
                "was read once, by one of them",
                "return InputGrad(-dx)": "... dx has the wrong sign",
                "return InputGrad(dx[:, ::-1])": "... reversed along the row axis",
            },
        },
        axes={"dx": "sample row column channel"},
        uses=("window_reverse_forward",),
    ),
    joining(
        "window_reverse_backward",
        mistakes={
            "_, window_size, shift_size, pad_first = cache": {
                "_, window_size, shift_size, pad_first = cache; shift_size = 0": "dy is not rolled: the forward has "
                "rolled the map back, so its gradient is rolled as in window_partition_forward",
                "_, window_size, shift_size, pad_first = cache; pad_first = not pad_first": FIRST,
                f"_, window_size, shift_size, pad_first = cache; dy = np.roll(dy, {ONCE_ROLLED}, (1, 2))": "dy is "
                "rolled down and to the right, as in the forward; its gradient goes the other way",
                "_, window_size, shift_size, pad_first = cache; (Y, X), (M, L) = cache[:2]; dy = np.pad(dy, ((0, 0), "
                '(0, -Y % M), (0, -X % L), (0, 0)), "edge"); cache = cache._replace(map_size=dy.shape[1:3])': "what "
                "was dropped has got a gradient; nobody reads it, so it is 0",
            },
            "return InputGrad(dx)": {
                "return InputGrad(dx[:, ::-1])": "... reversed along the window axis",
                "return InputGrad(dx.reshape(len(dx), -1, dx.shape[-1]))": "... only the shape is not",
            },
        },
        axes={"dx": "sample window token channel"},
        uses=("window_partition_forward",),
    ),
    Task(
        "shifted_window_mask",
        {
            "": mask_case(True, True),
            "without a shift": mask_case(True, False),
            "shifted along columns only": shifted_along_columns,
            "of square windows": square_windows,
            "where windows do not divide the map": mask_case(False, True),
        },
        (Property("is of True and False", is_of_bool),),
        {
            "==": {"!=": "the mask is the wrong way round: True is where one may look"},
            "regions = window_regions(map_size, window_size, shift_size)": {
                "down, right = pair(shift_size); regions = window_regions(map_size, window_size, (down, 0))": "only "
                "the seam between rows is minded; columns were rolled, too",
                "down, right = pair(shift_size); regions = window_regions(map_size, window_size, (0, right))": "only "
                "the seam between columns is minded; rows were rolled, too",
                seam("np.arange(-(-n // m) * m) >= -(-n // m) * m - s", "pair(shift_size)[::-1]"): SHIFTS,
                "regions = window_regions(map_size, window_size, tuple(m // 2 for m in pair(window_size)))": "that is "
                "the mask of a shift of half a window, whatever shift_size says; without a shift all may look at all",
                "regions = window_regions(map_size, window_size, tuple(s and m - s for m, s in zip(pair(window_size), "
                "pair(shift_size))))": "the seam stands `shift` places behind the beginning of the last window; it is "
                "`shift` places before its end",
                "regions = window_regions(map_size, window_size, shift_size); regions = regions // 3 + regions % 3": "a"
                " number for rows and one for columns are added, and strangers get the same sum (0 + 2, 1 + 1); keep "
                "them apart: 3 * rows + columns",
                numbered("np.where(right, 1, 2 * down)"): OVERWRITTEN,
                numbered("np.where(down, 1, 2 * right)"): OVERWRITTEN,
                numbered("2 * down + right", ", shift_size=(a, b)"): "the map of numbers is rolled once more; the "
                "numbers are those of the rolled map already, so it is cut without a shift",
                numbered("2 * down + right + 10 * filled"): FILLED_FORBIDDEN,
                numbered("np.where(filled, 10, 2 * down + right)"): FILLED_FORBIDDEN,
                numbered("2 * down + right", keys="~filled"): FILLED_FORBIDDEN,
                seam("(np.arange(n) >= n - s) & (s > 0)"): "the map of numbers is not filled up before it is numbered "
                "and cut, so what fills it up gets a 0, and the seam is counted from the end of the map",
                "regions = window_regions(map_size, window_size, shift_size); M, L = pair(window_size); regions = "
                "regions.reshape(-1, M, L).swapaxes(1, 2).reshape(-1, M * L)": INSIDE,
                "regions = window_regions(map_size, window_size, shift_size); c = -(-pair(map_size)[1] // "
                "pair(window_size)[1]); regions = regions.reshape(-1, c, regions.shape[1]).swapaxes(0, 1).reshape("
                "regions.shape)": BY_COLUMN,
                seam("np.arange(-(-n // m) * m) >= (n - s if s else np.inf)"): "the seam is "
                "counted from the end of the map; count from the end of what fills it up, as timm does",
                seam("np.arange(-(-n // m) * m) < s"): "the first `shift` places are taken for strangers; in the "
                "rolled map they are the last ones",
            },
            "return regions[:, :, None] == regions[:, None, :]": {
                "return np.where(regions[:, :, None] == regions[:, None, :], 0.0, -100.0)": "those are numbers to add "
                "to the scores, as in the official code; the mask says True where one may look",
                "return (regions[:, :, None] == regions[:, None, :]).astype(int)": "... of True and False",
                "return (regions[:, :, None] == regions[:, None, :])[-1]": "... y has shape",
                "return (regions[:, :, None] == regions[:, None, :]) & ~np.eye(regions.shape[1], dtype=bool)": "a "
                "token may look at itself, too",
                "return np.ones((*regions.shape, regions.shape[1]), bool)": "nothing is forbidden, though strangers "
                "stand in the windows at the edge",
                "return (regions[:, :, None] == regions[:, None, :]) & (regions[:, :, None] < 8)": "the window in the "
                "corner may not look at itself; who was rolled over together may look at each other",
            },
        },
        axes={"y": "window query key"},
        uses=("window_partition_forward",),
    ),
    Task(
        "relative_position_index",
        {"": window, "of a single row or column": one_row},
        (
            Property("whole numbers", is_of_whole_numbers),
            Property("only the way counts", depends_on_the_way),
        ),
        {
            "y[:, None] - y, x[:, None] - x": {
                "y - y[:, None], x - x[:, None]": "transposed: that is key minus query; row n belongs to query n, and "
                "the way is query minus key",
                "y[:, None] - y, x - x[:, None]": "columns are counted the other way round: query minus key, as rows",
                "y - y[:, None], x[:, None] - x": "rows are counted the other way round: query minus key, as columns",
                "np.abs(y[:, None] - y), np.abs(x[:, None] - x)": ONE_FOR_ALL,
                "1 - rows + np.abs(y[:, None] - y), 1 - columns + np.abs(x[:, None] - x)": ONE_FOR_ALL,
                "1 - rows + y[:, None] - y, 1 - columns + x[:, None] - x": "rows - 1 and columns - 1 are missing: the "
                "ways up and to the left are negative, and numbers begin with 0",
            },
            "y, x = np.divmod": {
                "x, y = np.divmod": "row and column of a token are exchanged: np.divmod(n, columns) is (row, column)",
            },
            "np.arange(rows * columns), columns)": {
                "np.arange(rows * columns), rows)": "a window has `columns` tokens in a row; divide by columns, not "
                "rows",
            },
            "(2 * columns - 1)": {
                "(2 * rows - 1)": "there are 2 * columns - 1 ways to the side, so rows count that much, not 2 * rows "
                "- 1",
                "(2 * columns)": "rows count 2 * columns - 1, one for each way to the side; yours is one more",
                "columns": "rows count `columns`, so that only the difference of the tokens' numbers counts, and the "
                "last of a row and the first of the next would be neighbours; there are 2 * columns - 1 ways to the "
                "side",
            },
            "return (down + rows - 1)": {
                "return down": "rows - 1 is missing: the way up is negative, and numbers begin with 0",
                "return (down + rows)": "numbers begin with 0: add rows - 1, not rows",
            },
            "+ (right + columns - 1)": {
                "+ right": "columns - 1 is missing: the way to the left is negative, and numbers begin with 0",
                "+ (right + columns)": "numbers begin with 0: add columns - 1, not columns",
            },
            "": {
                "y, x = np.divmod(np.arange(rows * columns), columns); return (x[:, None] - x + columns - 1) * (2 * "
                "rows - 1) + (y[:, None] - y + rows - 1)": "the table is numbered column by column; it is row by row",
                "y, x = np.divmod(np.arange(rows * columns), columns); return (y[:, None] - y + rows - 1) + (x[:, "
                "None] - x + columns - 1)": "rows and columns are added, so different ways get one number; rows count "
                "2 * columns - 1",
                "return np.arange((rows * columns) ** 2).reshape(rows * columns, -1)": "every pair has an entry of its "
                "own; pairs that lie alike share one",
                "y, x = np.divmod(np.arange(rows * columns), columns); return (y[:, None] - y + rows - 1.0) * (2 * "
                "columns - 1) + (x[:, None] - x + columns - 1)": "... an index is of whole numbers",
            },
        },
        axes={"y": "query key"},
    ),
    biases(
        "relative_position_bias_forward",
        mistakes={
            "np.take(table.T, relative_position_index(rows, columns), axis=1)": {
                "np.take(table.T, relative_position_index(rows, columns).T, axis=1)": "the index is transposed: row n "
                "of the bias is of query n, column m of key m",
                "np.take(table.T, relative_position_index(columns, rows), axis=1)": SIDES,
                "table[relative_position_index(rows, columns)].reshape(table.shape[1], rows * columns, -1)": SWAPPED,
                "table[relative_position_index(rows, columns)]": "the heads come last; they come first: (H, N, N)",
                "np.take(table.T[:1].repeat(table.shape[1], 0), relative_position_index(rows, columns), axis=1)": "the "
                "bias of the first head stands in all; each head has its own column of the table",
                "np.take(table.T * 0 + table.mean(1), relative_position_index(rows, columns), axis=1)": "all heads "
                "have the mean of their biases; each has its own column of the table",
                "np.take(table.mean(1)[None], relative_position_index(rows, columns), axis=1)": "... y has shape",
                "np.take(table.T[::-1], relative_position_index(rows, columns), axis=1)": "... reversed along the head",
                "np.take(np.exp(table.T), relative_position_index(rows, columns), axis=1)": "those are exponentials; "
                "the bias is added to the scores as it stands in the table",
                "np.take(-table.T, relative_position_index(rows, columns), axis=1)": "... y has the wrong sign",
            },
            "RelativePositionBiasCache((rows, columns))": {
                "RelativePositionBiasCache((columns, rows))": "... cache.window_size is",
            },
        },
        uses=("relative_position_index",),
    ),
    biases(
        "relative_position_bias_backward",
        mistakes={
            "np.bincount(index, dbias.ravel(), minlength=ways)": {
                "np.bincount(index, dbias.T.ravel(), minlength=ways)": "the index, or dy, is transposed: row n is of "
                "query n in both",
                "np.bincount(index, dy.reshape(N, N, -1)[..., h].ravel(), minlength=ways)": SWAPPED,
                "np.bincount(index, dy[0].ravel(), minlength=ways)": "the gradient of the first head stands in all "
                "columns; each head has its own",
                "np.bincount(index, dy.sum(0).ravel(), minlength=ways)": "the heads are summed; each has its own "
                "column of the table",
                "np.bincount(index, dbias.ravel(), minlength=ways) / np.bincount(index)": "averaged over the pairs "
                "that read an entry; their gradients are summed",
                "np.bincount(index, dbias.ravel(), minlength=ways) / N": "divided by N; the gradients of the pairs are "
                "summed",
                "dbias.ravel()[[np.flatnonzero(index == way)[0] for way in range(ways)]]": "only the first pair that "
                "reads an entry counts; all of them are summed",
                "np.bincount(index, -dbias.ravel(), minlength=ways)": "... dtable has the wrong sign",
            },
            "dtable[:, h] = np.bincount(index, dbias.ravel(), minlength=ways)": {
                "dtable[index, h] = dbias.ravel()": "the last pair overwrites what came before, and += does so, too: "
                "sum over all pairs that read an entry, with np.add.at or np.bincount",
            },
            "relative_position_index(rows, columns)": {"relative_position_index(columns, rows)": SIDES},
            "return TableGrad(dtable)": {
                "return TableGrad(dtable.T)": "... it equals the transpose",
                "return TableGrad(dtable[::-1])": "the index, or dy, is transposed",
            },
        },
        uses=("relative_position_index",),
    ),
)

WINDOWS = Exercise(
    "windows",
    "windows: cut, shift, mask, and relative positions",
    60,
    TASKS,
    offers=("pair",),
    closed=("minivit.ops.windows:window_regions", "minivit.ops.windows:_parts"),
    lecture="07_windows",
    section=5,
)
