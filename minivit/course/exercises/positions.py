"""Positions for another grid: a kernel, a matrix of it, maps resized by two of them, and a table of positions."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, close, lengths, telling

MODES = "bilinear", "bicubic"
FEW, MANY = (3, 4, 5), (7, 8, 9, 11)


def offsets(rng: Generator) -> Case:
    """Distances of both signs, whole ones and those at which the kernel has its seams among them."""
    t = rng.uniform(-3.5, 3.5, lengths(rng, 2))
    t.flat[:9] = rng.permutation([-2, -1, 0, 1, 2, -0.4, 1.7, -1.3, 3.2])
    return Case((t, choose(rng, -0.5, -0.75, -0.6, -0.9)), {})


def within(low: float, high: float) -> Callable[[Case], Case]:
    """Makes of a case one with distances of these sizes alone, of either sign."""

    def simplify(case: Case) -> Case:
        t, a = case.args
        return Case((np.copysign(low + np.abs(t) % (high - low), t), a), {})

    return simplify


def many_offsets(rng: Generator) -> Case:
    return Case((rng.uniform(-3, 3, (20_000, 8)), -0.75), {})


def pixels(old: tuple[int, ...], new: tuple[int, ...], **options: Any) -> Draw:
    """Draws how many pixels there are, how many there shall be, and options, of which a tuple has several."""

    def drawn(rng: Generator) -> Case:
        given = {name: choose(rng, *value) if isinstance(value, tuple) else value for name, value in options.items()}
        return Case((choose(rng, *old), choose(rng, *new)), given)

    return drawn


def maps(*, growing: bool = True, square: bool = False, **options: Any) -> Draw:
    """Draws maps (B, Y, X, C) and another size, (rows, columns) or a number; no two lengths are equal."""

    def drawn(rng: Generator) -> Case:
        while True:
            B, C, Y, X, rows, columns = rng.permutation([3, 5, 6, 7, 8, 9, 10, 11])[:6].tolist()
            columns = rows if square else columns
            fits = min(rows, columns) > max(Y, X) if growing else max(rows, columns) < min(Y, X)
            if fits and (square or different((B, rows, columns, C))):
                break
        return Case((rng.standard_normal((B, Y, X, C)),), {"size": rows if square else (rows, columns), **options})

    return drawn


def keeping(*, rows: bool = False, columns: bool = False, **options: Any) -> Draw:
    """Draws maps that are to have as many rows, or columns, as before."""

    def drawn(rng: Generator) -> Case:
        (x,), drawn_options = maps(growing=False, **options)(rng)
        new = drawn_options["size"]
        size = x.shape[1] if rows else new[0], x.shape[2] if columns else new[1]
        return Case((x,), {**drawn_options, "size": size})

    return drawn


def large_maps(rng: Generator) -> Case:
    return Case((rng.standard_normal((128, 5, 6, 16)),), {"size": (7, 9)})


def positions(old: Any, *sizes: Any, front: int = 1, given: bool = True, **options: Any) -> Draw:
    """Draws a table of positions of a grid, some of them in front, and a size of another; ``given``: and the old one.

    ``front`` is handed on where it is not 1. What may be a number is one where it stands as one here.
    """

    def drawn(rng: Generator) -> Case:
        rows, columns = (old, old) if isinstance(old, int) else old
        B, D = lengths(rng, 2)
        table = rng.standard_normal((B, front + rows * columns, D))
        more = {"num_prefix_tokens": front} if front != 1 else {}
        return Case((table, choose(rng, *sizes), *((old,) if given else ())), {**more, **options})

    return drawn


MATRICES = {
    "": pixels(FEW, MANY),
    "for fewer pixels": pixels(MANY, FEW),
    "for more pixels, bicubic": pixels(FEW, MANY, mode="bicubic"),
    "for fewer pixels, bicubic": pixels(MANY, FEW, mode="bicubic"),
    "with aligned corners": pixels((*FEW, 6), (*FEW, *MANY), antialias=False, align_corners=True),
    "with aligned corners, bicubic": pixels((*FEW, 6), (*FEW, *MANY), mode="bicubic", align_corners=True),
    "with antialias, for fewer pixels": pixels(MANY, FEW, antialias=True),
    "with antialias, for fewer pixels, bicubic": pixels(MANY, FEW, mode="bicubic", antialias=True),
    "with antialias, for more pixels": pixels((4, 5, 6), (7,), antialias=True),  # fewer than twice as many
    "with antialias, for more pixels, bicubic": pixels((4, 5, 6), (7,), mode="bicubic", antialias=True),
    "of one pixel": pixels((1,), MANY, mode=MODES, antialias=(False, True)),
    "for one pixel": pixels(MANY, (1,), mode=MODES, antialias=(False, True)),
    "for one pixel, with aligned corners": pixels(MANY, (1,), mode=MODES, align_corners=True),
}
MAPS = {
    "": maps(),
    "for fewer pixels": maps(growing=False),
    "bicubic": maps(mode="bicubic"),
    "with antialias": maps(growing=False, antialias=True),
    "bicubic, with antialias": maps(growing=False, mode="bicubic", antialias=True),
    "with aligned corners": maps(antialias=False, align_corners=True),
    "with a number for both sides": maps(square=True),
    "for as many rows": keeping(rows=True, mode="bicubic"),
    "for as many columns": keeping(columns=True),
    "for the same size": keeping(rows=True, columns=True, mode="bicubic"),
}
TABLES = {
    "": positions(3, (5, 4), (2, 7), (6, 5), given=False),
    "of a grid that is not square": positions((3, 5), (4, 6), (2, 7), (3, 8)),
    "for as many rows": positions((3, 5), (3, 8), (3, 4)),
    "for as many columns": positions((3, 5), (6, 5), (2, 5)),
    "for a square grid": positions((3, 5), 4, 6, 2),
    "of a square grid that is given": positions(4, (2, 7), 7),
    "with several positions in front": positions((3, 4), (5, 6), (2, 3), front=3),
    "of a square grid, with more in front": positions(2, (3, 4), (5, 3), front=5, given=False),
    "with none in front": positions(4, (6, 5), (3, 7), front=0, given=False),
    "for another grid of as many patches": positions((3, 4), (4, 3), (2, 6), (6, 2)),
    "of a square grid, for as many patches": positions(4, (2, 8), (8, 2), given=False),
    "of no square grid, which is not given, for as many patches": positions((3, 4), (3, 4), (2, 6), given=False),
    "for the same grid": positions((3, 4), (3, 4)),
    "as in transformers": positions(6, (4, 3), (3, 5), antialias=False, given=False),
    "as in Google's ViT": positions(
        4, (6, 5), (3, 7), interpolation="bilinear", antialias=False, align_corners=True, given=False
    ),
    "bilinear": positions(6, (4, 3), (8, 5), interpolation="bilinear", given=False),
}


def sizes_of_matrix(case: Case) -> dict[str, float]:
    old, new = case.args
    return telling({"old / new": old / new, "old": old, "new": new})


def sizes_of_maps(case: Case) -> dict[str, float]:
    (B, Y, X, C), size = case.args[0].shape, case.kwargs["size"]
    rows, columns = (size, size) if isinstance(size, int) else size
    named = {"the batch": B, "the old rows": Y, "the old columns": X, "the channels": C}
    pixels = {"the new pixels": rows * columns, "the old pixels": Y * X}
    return telling({**named, "the new rows": rows, "the new columns": columns, **pixels})


def is_one_at_its_own_place(call: Call, rng: Generator) -> str | None:
    for a in (-0.5, -0.75):
        k = np.asarray(call(np.arange(-3.0, 4.0), a))
        if not close(k, [0, 0, 0, 1, 0, 0, 0]):
            return (
                f"at -3, -2, ..., 3 the kernel is 0, 0, 0, 1, 0, 0, 0, so that a pixel that is not moved stays as it "
                f"is; with a = {a:g} yours is {', '.join(f'{number:.4g}' for number in k)}"
            )
    return None


def counts_all_once(call: Call, rng: Generator) -> str | None:
    u = rng.uniform(0, 1)
    k = np.asarray(call(u - np.arange(-2.0, 4.0), -0.75))
    says = "wherever a new pixel lies, the weights of the old ones sum to 1"
    return None if close(k.sum(), 1) else f"{says}; yours, at {u:.3g} between two, sum to {k.sum():.6g}"


def keeps_what_is_constant(call: Call, rng: Generator) -> str | None:
    for old, new, options in ((5, 8, {}), (9, 4, {"mode": "bicubic"}), (9, 4, {"antialias": True})):
        rows = np.asarray(call(old, new, **options)).sum(1)
        if not close(rows, 1):
            words = ", ".join([f"{old}, {new}", *(f"{name}={value!r}" for name, value in options.items())])
            i = int(np.abs(rows - 1).argmax())
            says = "what is the same everywhere must stay so, at the edge, too: each row sums to 1"
            return f"{says}; row {i} of resize_matrix({words}) sums to {rows[i]:.6g}"
    return None


def leaves_as_many_alone(call: Call, rng: Generator) -> str | None:
    for mode in MODES:
        for more in ({}, {"antialias": True}, {"align_corners": True}):
            if not close(call(6, 6, mode=mode, **more), np.eye(6)):
                words = ", ".join(f"{name}={value!r}" for name, value in {"mode": mode, **more}.items())
                return f"from 6 to 6 pixels nothing changes: resize_matrix(6, 6, {words}) must be the identity"
    return None


def keeps_left_and_right_alike(call: Call, rng: Generator) -> str | None:
    for old, new, mode in ((5, 8, "bilinear"), (8, 5, "bicubic")):
        matrix = np.asarray(call(old, new, mode=mode))
        if not close(matrix, matrix[::-1, ::-1]):
            return (
                "the mirror image of a row of pixels must become the mirror image: "
                f"resize_matrix({old}, {new}, mode={mode!r}) reversed along both axes must be itself"
            )
    return None


def counts_every_pixel(call: Call, rng: Generator) -> str | None:
    matrix = np.asarray(call(12, 3, antialias=True))
    unseen = np.flatnonzero((matrix == 0).all(0)).tolist()
    says = "with antialias every old pixel counts; of 12 that become 3, yours never looks at"
    return f"{says} {', '.join(map(str, unseen))}" if unseen else None


def doubles_two(call: Call, rng: Generator) -> str | None:
    """The example of the statement."""
    y = np.asarray(call(2, 4)) @ [0.0, 4.0]
    says = "two pixels 0 and 4 become four, 0, 1, 3 and 4 (an edge pixel repeats beyond the edge)"
    return None if close(y, [0, 1, 3, 4]) else f"{says}; yours become {', '.join(f'{number:.4g}' for number in y)}"


def channels_stay_apart(call: Call, rng: Generator) -> str | None:
    (x,), options = maps()(rng)
    alone = np.zeros_like(x)
    alone[0, ..., 1] = x[0, ..., 1]
    y = np.array(call(alone, **options)[0])
    y[0, ..., 1] = 0
    return None if close(y, 0) else "a channel of one sample reaches others: rows and columns alone are resized"


def front_stays(call: Call, rng: Generator) -> str | None:
    table = rng.standard_normal((1, 3 + 16, 5))
    other = np.concatenate((rng.standard_normal((1, 3, 5)), table[:, 3:]), axis=1)
    y, same = (np.asarray(call(t, (5, 6), num_prefix_tokens=3)) for t in (table, other))
    if not np.array_equal(y[:, :3], table[:, :3]):
        return "the positions in front (class token, distillation token, registers) must stay as they are, to the bit"
    return None if close(y[:, 3:], same[:, 3:]) else "the positions of patches must not depend on those in front"


def rows_follow_rows(call: Call, rng: Generator) -> str | None:
    """A table whose numbers say their row in one channel and their column in the other, from top and left."""
    i, j = np.divmod(np.arange(12), 4)
    y = np.asarray(call(np.stack((i, j), -1)[None] * 1.0, (6, 8), (3, 4), num_prefix_tokens=0))[0]
    down, right = y.reshape(6, 8, 2)[..., 0], y.reshape(6, 8, 2)[..., 1]
    if close(down, down[:, :1]) and close(right, right[:1]):
        return None
    return (
        "positions are in the order of the patches, row by row: with the number of its row in each position, all new "
        "ones of a row must be equal, and with that of its column, all of a column"
    )


HALF = "pixels are areas: the centre of number i lies at i + 1/2, so u = (i + 0.5) old / new - 0.5"
CENTRES = "centres = (np.arange(new) + 0.5) * (old / new) - 0.5"
ALIGNED = "centres = np.arange(new) * ((old - 1) / (new - 1) if new > 1 else 0.0)"
STRETCH = "stretch = max(old / new, 1.0) if antialias else 1.0"
DISTANCE = "distance = np.abs(centres[:, None] - places) / stretch"
KERNELS = 'weights = np.maximum(1 - distance, 0) if mode == "bilinear" else cubic_kernel(distance, a)'
INSIDE = "weights = weights * ((places >= 0) & (places < old))"
NORMALISED = "weights /= weights.sum(1, keepdims=True)"
ADDED = "np.add.at(matrix, (row, places.clip(0, old - 1)), weights)"
LOST = (
    "beyond the edge the edge pixel repeats, so its column gets several weights: add them up (an assignment keeps the "
    "last, += with an index one of them; np.add.at adds all)"
)
REPEATS = "beyond the edge the edge pixel repeats: weights of places outside go to it"
NOT_REPEATED = f"weights beyond the edge are dropped and the others made to sum to 1; without antialias {REPEATS}"
WIDER = "with antialias the kernel is old / new times as wide where pixels become fewer"
ONLY_FEWER = f"{WIDER}; where they become more, it is as wide as always"
NARROW = (
    "the kernel is made wider, but only pixels as near as without antialias are looked at; it reaches old / new times "
    "as far"
)
TRUNCATED = "int() rounds towards 0, and a new pixel may lie at -0.25: round down, np.floor or math.floor"
OF_A = "Keys' a is -0.75, and -0.5 with antialias"
OUTSIDE = (
    "with antialias there is nothing beyond the edge: weights outside are 0, and the others are divided by their sum"
)
NEAREST = "the nearest old pixel alone is taken; all that the kernel reaches count"
ANY_CENTRES = (
    "np.arange(new) * ((old - 1) / max(new - 1, 1)) if align_corners else (np.arange(new) + 0.5) * (old / new) - 0.5"
)
INSIDE_ALONE = (
    f"u = {ANY_CENTRES}; t = (u[:, None] - np.arange(old)) / stretch; w = np.maximum(1 - abs(t), 0) if mode == "
    "'bilinear' else cubic_kernel(t, a)"
)
OF_CENTRES = {
    "np.arange(new) * (old / new)": f"the pixels' left edges are matched; {HALF}",
    "(np.arange(new) + 0.5) * (old / new)": f"the last 0.5 is missing; {HALF}",
    "np.arange(new) * (old / new) - 0.5": f"the first 0.5 is missing; {HALF}",
    "(np.arange(new) + 0.5) * (old / new) + 0.5": f"0.5 is added in the end; {HALF}",
    "(np.arange(new) - 0.5) * (old / new) + 0.5": f"both 0.5 have the wrong sign; {HALF}",
    "(np.arange(new) + 0.5) * (new / old) - 0.5": "multiplied by new / old; by old / new, "
    "because a place among the old pixels is asked for",
    "np.arange(new) * ((old - 1) / (new - 1) if new > 1 else 0.0)": "the corners are aligned "
    f"though it is not asked for; {HALF}",
    "(np.arange(new) + 0.5) * ((old - 1) / max(new - 1, 1)) - 0.5": "both conventions are "
    f"mixed; without aligned corners {HALF.partition(', so ')[2]}",
    "(np.arange(new) + 0.5) * max(old / new, 1.0) - 0.5": "the places are old / new apart, "
    "also where pixels become more; max(..., 1) is for the kernel's width alone",
    "np.arange(1, new + 1) * (old / new) - 0.5": f"the pixels' right edges are matched; {HALF}",
    "np.arange(1, new + 1) * (old / new) - 1": f"the pixels' right edges are matched; {HALF}",
    "np.round((np.arange(new) + 0.5) * (old / new) - 0.5)": "the place is rounded, so one old pixel is taken; it lies "
    "between two, and both count",
    "(np.arange(new) + 0.5) * (old // new) - 0.5": "old // new is a whole number; old / new is not",
    "((np.arange(new) + 0.5) * (old / new) - 0.5).clip(0, old - 1)": "the centres are clipped to the map, which is "
    "right for the triangle alone: bicubic and with antialias a new pixel near the edge lies outside",
    "np.arange(new) + 0.5 * (old / new) - 0.5": f"brackets are missing in (i + 0.5) old / new; {HALF}",
    "np.arange(new) * (old / new) + 0.5": f"the first 0.5 belongs to i; {HALF}",
    "(np.arange(new) + 0.5) * (max(old / new, 1.0) if antialias else 1.0) - 0.5": "multiplied by the width "
    "of the kernel, which is 1 without antialias; the places are old / new apart, always",
    "((np.arange(new) + 0.5) * (old / new) - 0.5).clip(0)": "the centres are clipped on the left, which is right for "
    "the triangle alone: bicubic and with antialias a new pixel near the edge lies outside",
    "((np.arange(new) + 0.5) * (old / new) - 0.5).clip(None, old - 1)": "the centres are clipped on the right, which "
    "is right for the triangle alone: bicubic and with antialias a new pixel near the edge lies outside",
}
"""Where new pixels lie, if corners are not aligned, with a mistake, and what is said of it."""
MAKE_ROWS = "rows = resize_matrix(x.shape[1], new_rows, **options)"
MAKE_COLUMNS = "columns = resize_matrix(x.shape[2], new_columns, **options)"
APPLIED = "return _apply(x, rows, columns), ResizeCache(rows, columns)"
BACK = "_apply(dy, cache.rows.T, cache.columns.T)"
GRID = "grid = posemb[:, num_prefix_tokens:].reshape(B, old_rows, old_columns, D)"
OPTIONS = 'options = {"mode": interpolation, "antialias": antialias, "align_corners": align_corners}'
RESIZED = "grid, _ = resize_forward(grid, size=(new_rows, new_columns), **options)"
JOINED = "return np.concatenate((posemb[:, :num_prefix_tokens], patches), axis=1)"
ROW_BY_ROW = "positions are in the order of the patches, row by row: (B, rows * columns, D) is (B, rows, columns, D)"


def unless_aligned(centres: str) -> str:
    """Where new pixels lie with a mistake that is made without aligned corners alone."""
    return f"({ANY_CENTRES.partition(' if ')[0]} if align_corners else {centres})"


def spread(
    centres: str = "",
    places: str = "np.arange(-2, old + 2)",
    *,
    first: str = "pass",
    triangle: str = "np.maximum(1 - abs(t), 0)",
    weights: str = "w",
    to: str = "j.clip(0, old - 1)",
    normalised: str = "m / m.sum(1, keepdims=True)",
) -> str:
    """A matrix as the statement's hint makes it, by the weights of all places, with a mistake somewhere.

    It differs from a mistake in the reference where a place lies outside, or beyond what the kernel reaches.
    """
    return (
        f"{first}; u, j = {centres or ANY_CENTRES}, {places}; t = (u[:, None] - j) / stretch; w = {triangle} if mode "
        "== 'bilinear' else cubic_kernel(t, a); w = w * ((j >= 0) & (j < old)) if antialias else w; m = np.zeros((new, "
        f"old)); np.add.at(m, (np.arange(new)[:, None], np.broadcast_to({to}, t.shape)), {weights}); return "
        f"{normalised} if antialias else m"
    )


def from_whole(rounded: str, first: int, last: int) -> str:
    """The weights of places from so far before the rounded place to so far behind it; of all others 0."""
    return f"w * ((j >= np.{rounded}(u)[:, None] + {first}) & (j <= np.{rounded}(u)[:, None] + {last}))"


def counted(rounded: str, first: int, stop: int) -> str:
    """A bicubic matrix of the pixels from ``first`` to ``stop`` about the rounded place."""
    return (
        f"u = {ANY_CENTRES}; j = (np.{rounded}(u)[:, None] + np.arange({first}, {stop})).astype(int); matrix[:] = 0; "
        "np.add.at(matrix, (np.arange(new)[:, None], j.clip(0, old - 1)), cubic_kernel(u[:, None] - j, a)); return "
        "matrix"
    )


of_maps = partial(
    Task,
    cases=MAPS,
    big=large_maps,
    sizes=sizes_of_maps,
    simpler=ONE_SAMPLE,
    instead="where a product with a matrix does all rows, or all columns, of all samples and channels at once",
)

TASKS = (
    Task(
        "cubic_kernel",
        {"": offsets},
        (
            Property("1 at its own place, 0 at others", is_one_at_its_own_place),
            Property("all weights together are 1", counts_all_once),
        ),
        {
            "d = np.abs(t)": {
                "a = -0.5; d = np.abs(t)": "a is always -0.5; it is an argument",
                "a = -0.75; d = np.abs(t)": "a is always -0.75; it is an argument",
                "d = t": "t may be negative: the kernel is the same on both sides, so take |t| first",
                "d = -t": "t may be of either sign; take |t|",
                "d = t * t": "that is t squared; take |t|",
                "d = np.maximum(t, 0)": "of a negative t the kernel is not that of 0 but that of |t|",
                "np.abs(t, out=t); d = t": "... you modified t in place",
                "d = np.abs(t).astype(np.float32)": "... float32",
                "d = np.abs(t).astype(np.float64)": "... comes y in float64",
            },
            "near = ((a + 2) * d - (a + 3)) * d * d + 1": {
                "near = ((a + 2) * d - (a + 3)) * d * d": "the 1 is missing in the formula for |t| <= 1",
                "near = ((a + 2) * d + (a + 3)) * d * d + 1": "(a + 3)|t|^2 is subtracted, for |t| <= 1",
                "near = ((a + 3) * d - (a + 2)) * d * d + 1": "a + 2 and a + 3 have changed places: (a + 2)|t|^3 - "
                "(a + 3)|t|^2 + 1",
                "near = ((a + 2) * d - (a + 3)) * d + 1": "the powers are too low by one for |t| <= 1: |t|^3 and |t|^2",
                "near = ((a + 2) * d - (a + 3)) * d * d * d + 1": "the powers are too high by one for |t| <= 1: |t|^3 "
                "and |t|^2",
                "near = 1 - d": "for |t| <= 1 that is the triangle; the cubic is (a + 2)|t|^3 - (a + 3)|t|^2 + 1",
                "near = (1.5 * d - 2.5) * d * d + 1": "a is always -0.5 for |t| <= 1; it is an argument",
                "near = (1.25 * d - 2.25) * d * d + 1": "a is always -0.75 for |t| <= 1; it is an argument",
                "near = ((2 - a) * d - (3 - a)) * d * d + 1": "a has the wrong sign for |t| <= 1",
                "near = ((a + 2) * d - (a + 3)) * d**2 + a": "the last term is a for |t| <= 1; it is 1",
                "near = (a + 2) * d**3 - (a + 3) * d**2 + d": "the last term is |t| for |t| <= 1; it is 1",
            },
            "far = a * (((d - 5) * d + 8) * d - 4)": {
                "far = 0 * d": "between 1 and 2 the kernel is not 0: a (|t|^3 - 5|t|^2 + 8|t| - 4)",
                "far = ((d - 5) * d + 8) * d - 4": "the factor a is missing between 1 and 2",
                "far = -a * (((d - 5) * d + 8) * d - 4)": "between 1 and 2 the kernel is negative; yours has the wrong "
                "sign there",
                "far = a * (((d - 5) * d + 8) * d)": "the -4 is missing between 1 and 2",
                "far = a * (((d - 5) * d + 8) * d + 4)": "4 is subtracted between 1 and 2",
                "far = a * (((d + 5) * d + 8) * d - 4)": "5|t|^2 is subtracted between 1 and 2",
                "far = a * (((d - 5) * d - 8) * d - 4)": "8|t| is added between 1 and 2",
                "far = a * (((d - 8) * d + 5) * d - 4)": "5 and 8 have changed places between 1 and 2",
                "far = a * (((d + 8) * d - 5) * d - 4)": "5 belongs to |t|^2 and 8 to |t| between 1 and 2",
                "far = (a * d - 5) * d * d + 8 * d - 4": "a stands before |t|^3 alone; it multiplies all four terms",
                "far = -0.5 * (((d - 5) * d + 8) * d - 4)": "a is always -0.5 between 1 and 2; it is an argument",
                "far = -0.75 * (((d - 5) * d + 8) * d - 4)": "a is always -0.75 between 1 and 2; it is an argument",
                "far = ((a + 2) * d - (a + 3)) * d * d + 1": "between 1 and 2 another formula holds: a (|t|^3 - "
                "5|t|^2 + 8|t| - 4)",
                "far = a * d**3 - 5 * d**2 + 8 * d - 4": "a stands before |t|^3 alone; it multiplies all four terms",
            },
            "np.where(d <= 1, near, np.where(d < 2, far, 0))": {
                "np.where(d <= 1, near, far)": "from 2 on the kernel is 0; yours goes on",
                "np.where(d <= 1, far, np.where(d < 2, near, 0))": "the two formulas have changed places",
                "np.where(d <= 1, 2 / 3 - d * d + d**3 / 2, np.where(d < 2, (2 - d) ** 3 / 6, 0))": "that is the cubic "
                "B-spline, which smooths: it is 2/3 at 0, Keys' kernel 1",
                "np.where(d < 2, near, 0)": "between 1 and 2 another formula holds",
                "np.where(d < 2, far, 0)": "up to 1 another formula holds",
                "np.where(d <= 1, near, 0)": "between 1 and 2 the kernel is not 0: a (|t|^3 - 5|t|^2 + 8|t| - 4)",
                "np.where(d <= 0.5, near, np.where(d < 2, far, 0))": "the first formula holds up to 1, not 1/2",
                "np.where(d <= 1, near, np.where(d < 1.5, far, 0))": "the second formula holds up to 2, not 3/2",
                "np.where(d <= 1, near, np.where(d < 3, far, 0))": "the second formula holds up to 2, not 3",
                "np.where(d <= 1, near, 0) + np.where(d < 2, far, 0)": "up to 1 both formulas are added; each holds "
                "where it holds",
                "np.where(d <= 1, near, np.where(d < 2, np.abs(far), 0))": "between 1 and 2 the kernel is negative; "
                "yours has the wrong sign there",
                "np.maximum(np.where(d <= 1, near, np.where(d < 2, far, 0)), 0)": "between 1 and 2 the kernel is not "
                "0: a (|t|^3 - 5|t|^2 + 8|t| - 4)",
                "np.where(d <= 1, near, np.where(d < 2, far, 0)).ravel()": "... y has shape",
                "np.where(d < 1, near, np.where(d > 1, np.where(d < 2, far, 0), 1))": "at 1 the kernel is 0 (< and > "
                "leave it out)",
                "np.vectorize(lambda d, n, f: n if d <= 1 else f if d < 2 else 0.0, otypes=[d.dtype])(d, near, far)": (
                    "... a loop over axis"
                ),
            },
        },
        big=many_offsets,
        simpler={
            "for t from 0 on": lambda case: case._replace(args=(np.abs(case.args[0]), case.args[1])),
            "for |t| below 2": within(0, 2),
            "for |t| up to 1": within(0, 1),
            "for |t| from 1 to 2": within(1, 2),
            "for |t| from 2 on": within(2, 4),
        },
        instead="where np.where takes one formula here and another there",
    ),
    Task(
        "resize_matrix",
        MATRICES,
        (
            Property("two pixels become four", doubles_two),
            Property("each row sums to 1", keeps_what_is_constant),
            Property("as many pixels stay as they are", leaves_as_many_alone),
            Property("left and right are alike", keeps_left_and_right_alike),
            Property("with antialias every pixel counts", counts_every_pixel),
        ),
        {
            STRETCH: {
                "stretch = 1.0": f"antialias does not widen the kernel: {WIDER}",
                "stretch = max(old / new, 1.0)": "the kernel is widened though antialias is not asked for",
                "stretch = old / new if antialias else 1.0": f"the kernel becomes narrower; {ONLY_FEWER}",
                "stretch = max(new / old, 1.0) if antialias else 1.0": f"{ONLY_FEWER} (old / new, not new / old)",
                "stretch = max(old // new, 1) if antialias else 1.0": f"{WIDER}; old // new is a whole number",
                "stretch = float(np.ceil(max(old / new, 1.0))) if antialias else 1.0": f"{WIDER}; yours is rounded up",
                "stretch = max(np.sqrt(old / new), 1.0) if antialias else 1.0": f"{WIDER}; not by the root of it",
                "stretch = max(old / new, 1.0) / 2 + 0.5 if antialias else 1.0": "... y",
                "stretch = 2 * max(old / new, 1.0) if antialias else 1.0": f"{WIDER}; yours is twice that",
            },
            CENTRES: {
                **{f"centres = {centres}": says for centres, says in OF_CENTRES.items()},
                "centres = np.floor((np.arange(new) + 0.5) * (old / new))": "... y",
            },
            ALIGNED: {
                "centres = np.linspace(0, old - 1, new) if new > 1 else np.array([old - 1.0])": "with aligned "
                "corners a single new pixel is the first old one, as in PyTorch, not the last",
                "centres = np.linspace(0, old - 1, new) if new > 1 else np.array([(old - 1) / 2])": "with aligned "
                "corners a single new pixel is the first old one, as in PyTorch, not the middle",
                "centres = (np.arange(new) + 0.5) * (old / new) - 0.5": "align_corners is left out: then u = i (old - "
                "1) / (new - 1)",
                "centres = np.arange(new) * (old / new)": "with aligned corners u = i (old - 1) / (new - 1), not i old "
                "/ new: the last pixels coincide, too",
                "centres = np.arange(new) * ((new - 1) / (old - 1) if old > 1 else 0.0)": "with aligned corners it is "
                "the other way round: u = i (old - 1) / (new - 1)",
                "centres = np.arange(new) * ((old - 1) / (new - 1) if new > 1 else 0.0) - 0.5": "with aligned corners "
                "there is no 0.5: u = i (old - 1) / (new - 1)",
                "centres = (np.arange(new) + 0.5) * ((old - 1) / (new - 1) if new > 1 else 0.0)": "with aligned "
                "corners there is no 0.5: u = i (old - 1) / (new - 1)",
                "centres = (np.arange(new) + 0.5) * ((old - 1) / (new - 1) if new > 1 else 0.0) - 0.5": "with aligned "
                "corners there is no 0.5: u = i (old - 1) / (new - 1)",
                "centres = np.arange(new) * (old / (new - 1) if new > 1 else 0.0)": "with aligned corners both counts "
                "are one less: u = i (old - 1) / (new - 1)",
                "centres = np.arange(new) * ((old - 1) / new)": "with aligned corners both counts are one less: u = i "
                "(old - 1) / (new - 1)",
                "centres = np.arange(new) * ((old - 1) / (new - 1))": "... ZeroDivisionError",
            },
            'radius = 1 if mode == "bilinear" else 2': {
                "radius = -0.5": "... y",
            },
            DISTANCE: {
                "distance = np.abs(centres[:, None] / stretch - places)": "the place is divided by old / new and the "
                "old pixel is not; their difference is",
                "distance = np.abs(centres[:, None] - places) * stretch": "the distance is multiplied by old / new; "
                "divide: the kernel becomes wider, not narrower",
                "distance = np.abs(centres[:, None] - places - 0.5) / stretch": "the distance to half a pixel beside "
                "is taken; old pixel j lies at j",
                "distance = np.abs(np.floor(centres)[:, None] - places) / stretch": "the place is rounded down before "
                "the distance is taken",
                "distance = np.abs(np.round(centres)[:, None] - places) / stretch": "the place is rounded, so one old "
                "pixel is taken; it lies between two, and both count",
                "distance = np.abs(centres[:, None] - places) / stretch; distance = np.where(distance < distance.min(1,"
                " keepdims=True) + 1e-9, 0, 9)": "... y",
                "distance = np.abs(centres[:, None] - places) / stretch; places = places[:, ::-1]": "the weights of "
                "left and right neighbours are exchanged: the nearer one counts more",
                "distance = np.abs(centres[:, None] - places.clip(0, old - 1)) / stretch": "... y",
            },
            "a = -0.5 if antialias else -0.75": {
                "a = -0.75": f"a is -0.75 here; {OF_A}",
                "a = -0.5": f"a is -0.5 here; {OF_A}",
                "a = -0.75 if antialias else -0.5": f"a is -0.5 here; {OF_A}",
                "a = 0.5 if antialias else 0.75": f"a has the wrong sign; {OF_A}",
                "a = -1.0": f"a is -1; {OF_A}",
                "a = -0.6": f"a is -0.6; {OF_A}",
                "a = 0.0": f"a is 0; {OF_A}",
                "a = -0.5 if stretch > 1 else -0.75": f"a is -0.75 here; {OF_A}",
            },
            KERNELS: {
                "weights = np.maximum(1 - distance, 0)": "the kernel is the triangle here; bicubic has Keys' kernel",
                "weights = cubic_kernel(distance, a)": "the kernel is Keys' here; bilinear has the triangle",
                'weights = np.maximum(1 - distance, 0) if mode == "bicubic" else cubic_kernel(distance, a)': "the "
                "kernel is Keys' here; bilinear has the triangle",
                'weights = (1 - distance) if mode == "bilinear" else cubic_kernel(distance, a)': "the triangle goes "
                "on below 0; beyond its foot it is 0",
                'weights = np.maximum(1 - distance, 0) ** 2 if mode == "bilinear" else cubic_kernel(distance, a)': (
                    "the triangle is squared"
                ),
                'weights = np.maximum(1 - distance / 2, 0) / 2 if mode == "bilinear" else cubic_kernel(distance, a)': (
                    "the triangle is twice too wide: it reaches 1 to either side"
                ),
                'weights = (distance <= 0.5) * 1.0 if mode == "bilinear" else cubic_kernel(distance, a)': "that is the "
                "nearest pixel, a box; bilinear is a triangle",
                'weights = np.exp(-distance * distance) if mode == "bilinear" else cubic_kernel(distance, a)': "that "
                "is a Gaussian; bilinear is a triangle",
                'weights = np.maximum(1 - distance, 0) if mode == "bilinear" else np.maximum(cubic_kernel(distance, a),'
                " 0)": "negative weights are cut off, those of pixels between 1 and 2 away; they count, too",
                'weights = np.maximum(1 - distance, 0) if mode == "bilinear" else np.where(distance <= 1, '
                "cubic_kernel(distance, a), 0)": "negative weights are cut off, those of pixels between 1 and 2 away; "
                "they count, too",
                'weights = distance * (distance <= 1) if mode == "bilinear" else cubic_kernel(distance, a)': "the "
                "weights of left and right neighbours are exchanged: the nearer one counts more",
            },
            INSIDE: {
                "pass": f"weights beyond the edge go to the edge pixel, as without antialias; {OUTSIDE}",
                "weights = weights * (places >= 0)": f"on the right the edge pixel repeats; {OUTSIDE}",
                "weights = weights * (places < old)": f"on the left the edge pixel repeats; {OUTSIDE}",
                f"{INSIDE} * (np.abs(centres[:, None] - places) < radius)": NARROW,
                "weights = weights * ((places > 0) & (places < old))": "old pixel 0 is left out",
                "weights = weights * ((places >= 0) & (places < old - 1))": "the last old pixel is left out",
            },
            NORMALISED: {
                "pass": f"the weights are not divided by their sum; {OUTSIDE}",
                "weights /= weights.sum(0, keepdims=True)": "... y has nan",
                "weights /= weights.sum()": "divided by the sum of all weights; each new pixel's weights, a row, sum "
                "to 1",
                "weights /= stretch": f"divided by old / new, which is their sum in the middle only; {OUTSIDE}",
                "weights /= np.abs(weights).sum(1, keepdims=True)": "divided by the sum of absolute values; some of "
                "Keys' weights are negative, and the sum itself must be 1",
                "weights /= np.linalg.norm(weights, axis=1, keepdims=True)": "divided by the length of the row as a "
                "vector; its sum must be 1",
                "weights = np.exp(weights) / np.exp(weights).sum(1, keepdims=True)": "... y",
                "weights /= weights.max(1, keepdims=True)": "divided by the largest weight; the sum of a row must be 1",
            },
            ADDED: {
                "matrix[row, places.clip(0, old - 1)] = weights": LOST,
                "matrix[row, places.clip(0, old - 1)] += weights": LOST,
                "np.add.at(matrix, (row, places % old), weights)": "what leaves at one end comes in at the other; "
                f"{REPEATS}",
                "np.add.at(matrix, (row, np.minimum(np.abs(places), 2 * (old - 1) - places) % old), weights)": "the "
                f"map is mirrored at its edge pixel; {REPEATS}",
                "np.add.at(matrix, (row, np.where(places < 0, -1 - places, np.where(places >= old, 2 * old - 1 - "
                "places, places)).clip(0, old - 1)), weights)": f"the map is mirrored at its edge; {REPEATS}",
                "np.add.at(matrix, (row, (places + 1).clip(0, old - 1)), weights)": "every weight stands one column "
                "too far to the right",
                "np.add.at(matrix, (row, (places - 1).clip(0, old - 1)), weights)": "every weight stands one column "
                "too far to the left",
                "np.add.at(matrix, (row, places), weights)": "... IndexError",
            },
            "return matrix": {
                **{spread(unless_aligned(centres)): says for centres, says in OF_CENTRES.items()},
                spread(weights="w * (j >= 0)"): f"weights beyond the left edge are dropped; {REPEATS}",
                spread(weights="w * (j < old)"): f"weights beyond the right edge are dropped; {REPEATS}",
                spread(places="np.arange(-1, old + 2)"): "one place beyond the left edge is looked at; Keys' kernel "
                "reaches two (from floor(u) - 1 on, and int() rounds towards 0)",
                spread(places="np.arange(-2, old + 1)"): "one place beyond the right edge is looked at; Keys' kernel "
                "reaches two",
                spread(to="j % old"): f"what leaves at one end comes in at the other; {REPEATS}",
                spread(to="np.minimum(j, old - 1)"): "weights beyond the left edge go to NumPy's last columns: index "
                f"-1 is the last; {REPEATS}",
                spread(triangle="cubic_kernel(t, a)"): "the kernel is Keys' here; bilinear has the triangle",
                spread(triangle="1 - abs(t)"): "the triangle goes on below 0; beyond its foot it is 0",
                spread(triangle="np.maximum(1 - t, 0)"): "of a negative distance the triangle is 1 - |t|; take |t|",
                spread(triangle="abs(t) * (abs(t) < 1)"): "the weights of left and right neighbours are exchanged: the "
                "nearer one counts more",
                spread(weights="abs(w)"): "negative weights are made positive; those of Keys' kernel are meant",
                spread(weights="np.trunc(w)"): "the weights are cut to whole numbers: the matrix is one of integers "
                "(np.zeros makes floats unless it is told otherwise)",
                spread(first="antialias = True; a = -0.5; stretch = max(old / new, 1.0)"): "antialiased though it is "
                "not asked for",
                spread(normalised="m / m.sum(0)"): "each column is made to sum to 1; the rows do",
                spread(weights="w * (abs(u[:, None] - j) < 2)"): NARROW,
                spread(weights=from_whole("floor", -1, 2)): NARROW,
                spread(weights=from_whole("trunc", 0, 1)): TRUNCATED,
                "return matrix.T": "... it equals the transpose of the expected",
                "return matrix[::-1]": "... reversed along the new axis",
                "return matrix[:, ::-1]": "... reversed along the new axis",
                "return matrix.astype(np.float32).astype(float)": "... float32's rounding",
                "return matrix * old / new": "... old / new",
                "return matrix / matrix.sum(0, keepdims=True).clip(1e-9)": "each column is made to sum to 1; the rows "
                "do",
                "return np.linalg.pinv(matrix)": "... y has shape",
                "return np.abs(matrix)": "negative weights are made positive; those of Keys' kernel are meant",
                "return np.eye(new, old)": "the map is cut or filled up; it is resized",
                "return np.eye(old)[np.arange(new) * old // new]": NEAREST,
                "return np.eye(old)[((np.arange(new) + 0.5) * old / new).astype(int)]": NEAREST,
                "i, j = np.arange(new)[:, None], np.arange(old); return np.maximum(np.minimum((i + 1) * old / new, j + "
                "1) - np.maximum(i * old / new, j), 0) * new / old": "that is the mean of the area which a new pixel "
                "covers, as pooling takes it; old pixels count by how far their centres are",
                f"i = np.arange(new); u = {ANY_CENTRES}; f = np.trunc(u).astype(int); m = np.zeros((new, old)); "
                "np.add.at(m, (i, f), 1 - (u - f)); np.add.at(m, (i, np.minimum(f + 1, old - 1)), u - f); return m": (
                    TRUNCATED
                ),
                f"i = np.arange(new); u = {ANY_CENTRES}; f = np.floor(u).astype(int); m = np.zeros((new, old)); "
                "np.add.at(m, (i, f), 1 - (u - f)); np.add.at(m, (i, np.minimum(f + 1, old - 1)), u - f); return m": (
                    f"at the left edge floor(u) is -1, which is NumPy's last column; {REPEATS}"
                ),
                f"u = {ANY_CENTRES}; j = np.arange(-2, old + 2); t = u[:, None] - j; w = np.maximum(1 - abs(t), 0) if "
                "mode == 'bilinear' else cubic_kernel(t, a); matrix[np.arange(new)[:, None], j.clip(0, old - 1)] = w; "
                "return matrix": LOST,
                f"{INSIDE_ALONE}; return w": "beyond the edge there is nothing, so rows there do not sum to 1; without "
                f"antialias {REPEATS}",
                f"{INSIDE_ALONE}; return w / w.sum(1, keepdims=True)": NOT_REPEATED,
                f"u = {ANY_CENTRES}; t = u[:, None] - np.arange(-1, old + 1); w = cubic_kernel(t, a); return w @ np.pad"
                "(np.eye(old), ((1, 1), (0, 0)), 'edge')": "one place beyond each edge is looked at; Keys' kernel "
                "reaches two",
                counted(
                    "round", -1, 3
                ): "the four pixels are counted from the rounded place; round down: from floor(u) - 1 to floor(u) + 2",
                counted("floor", -1, 2): "three pixels are looked at; Keys' kernel reaches four, from floor(u) - 1 to "
                "floor(u) + 2",
                counted("floor", 0, 2): "two pixels are looked at; Keys' kernel reaches four, from floor(u) - 1 to "
                "floor(u) + 2",
                "return matrix.round(6)": "... right to",
            },
            'mode not in ("bilinear", "bicubic")': {"False": "... with mode='no_such_name' it must raise a ValueError"},
            "old < 1 or new < 1": {"False": "... it must raise a ValueError"},
            "antialias and align_corners:": {"False:": "... it must raise a ValueError"},
        },
        sizes=sizes_of_matrix,
        axes={"y": "new old"},
        uses=("cubic_kernel",),
    ),
    of_maps(
        "resize_forward",
        properties=(Property("channels and samples stay apart", channels_stay_apart),),
        mistakes={
            "new_rows, new_columns = pair(size)": {
                "new_columns, new_rows = pair(size)": "size is (rows, columns); yours are exchanged",
                "new_rows, new_columns = size": "... cannot unpack non-iterable int object",
                "new_rows = new_columns = pair(size)[0]": "both sides get the number of rows; size may be (rows, "
                "columns)",
            },
            MAKE_ROWS: {
                'rows = resize_matrix(x.shape[1], new_rows, **{**options, "mode": "bilinear"})': "mode is not handed "
                "on to the rows",
                'rows = resize_matrix(x.shape[1], new_rows, **{**options, "antialias": False})': "antialias is not "
                "handed on to the rows",
                'rows = resize_matrix(x.shape[1], new_rows, **{**options, "align_corners": False})': "align_corners is "
                "not handed on to the rows",
                "rows = resize_matrix(x.shape[1], new_rows)": "the options are not handed on to the rows",
                "rows = resize_matrix(new_rows, x.shape[1], **options).T": "those are the transposed weights of the "
                "way back; resize_matrix(old, new) of the rows",
                "rows = resize_matrix(x.shape[1], new_rows, **options)[::-1]": "... reversed along the row axis",
                "rows = resize_matrix(x.shape[2], new_rows, **options)": "... ",
                "rows = np.eye(x.shape[1])[np.arange(new_rows) * x.shape[1] // new_rows]": "the nearest row is taken; "
                "rows are resized as columns are, with resize_matrix",
            },
            MAKE_COLUMNS: {
                'columns = resize_matrix(x.shape[2], new_columns, **{**options, "mode": "bilinear"})': "mode is not "
                "handed on to the columns",
                'columns = resize_matrix(x.shape[2], new_columns, **{**options, "antialias": False})': "antialias is "
                "not handed on to the columns",
                'columns = resize_matrix(x.shape[2], new_columns, **{**options, "align_corners": False})': (
                    "align_corners is not handed on to the columns"
                ),
                "columns = resize_matrix(x.shape[2], new_columns)": "the options are not handed on to the columns",
                "columns = resize_matrix(new_columns, x.shape[2], **options).T": "those are the transposed weights of "
                "the way back; resize_matrix(old, new) of the columns",
                "columns = resize_matrix(x.shape[2], new_columns, **options)[::-1]": "... reversed along the column "
                "axis",
                "columns = np.eye(x.shape[2])[np.arange(new_columns) * x.shape[2] // new_columns]": "the nearest "
                "column is taken; columns are resized as rows are, with resize_matrix",
            },
            ".astype(np.real(x).dtype)": {"": "... from float32 comes y in float64"},
            'options = {"mode": mode, "antialias": antialias, "align_corners": align_corners}': {
                'options = {"antialias": antialias, "align_corners": align_corners}': "mode is not handed on to "
                "resize_matrix",
                'options = {"mode": mode, "align_corners": align_corners}': "antialias is not handed on to "
                "resize_matrix",
                'options = {"mode": mode, "antialias": antialias}': "align_corners is not handed on to resize_matrix",
                "options = {}": "none of the options is handed on to resize_matrix",
                'options = {"mode": mode, "antialias": align_corners, "align_corners": antialias}': "antialias and "
                "align_corners are exchanged on the way to resize_matrix",
                'options = {"mode": "bicubic", "antialias": antialias, "align_corners": align_corners}': "mode is "
                "always bicubic",
                'options = {"mode": mode, "antialias": not align_corners, "align_corners": align_corners}': (
                    "antialias is on though it is not asked for"
                ),
            },
            APPLIED: {
                "return rows @ x.reshape(len(x), x.shape[1], -1), ResizeCache(rows, columns)": "... y has shape",
                "return np.einsum('iy,byxc->bixc', rows, x), ResizeCache(rows, columns)": "the columns are not resized;"
                " both sides are, one after the other",
                "return columns @ x, ResizeCache(rows, columns)": "the rows are not resized; both sides are, one after "
                "the other",
                "B, Y, X, C = x.shape; y = rows @ x.reshape(B * C, Y, X) @ columns.T; return y.reshape(B, *y.shape[1:],"
                " C), ResizeCache(rows, columns)": "x is reshaped to (B C, Y, X), which tears the channels apart: they "
                "are last, so move them before (np.moveaxis), or multiply without it",
                "return _apply(x, rows, columns), ResizeCache(columns, rows)": "... cache.rows and cache.columns are "
                "exchanged",
                "return _apply(x, rows, columns), ResizeCache(rows.T, columns.T)": "... it equals the transpose",
                "return _apply(x.swapaxes(1, 2), columns, rows), ResizeCache(rows, columns)": "... y has shape",
                "return _apply(x, rows, columns).swapaxes(1, 2), ResizeCache(rows, columns)": "... y has shape",
                "return _apply(x, rows, columns).transpose(0, 3, 1, 2), ResizeCache(rows, columns)": "... y has shape",
                "return _apply(x, rows, columns).clip(x.min(), x.max()), ResizeCache(rows, columns)": "the numbers are "
                "clipped to the range of the old ones; positions may lie outside",
                "return _apply(x[:1], rows, columns).repeat(len(x), 0), ResizeCache(rows, columns)": "all samples are "
                "the first one",
                "return _apply(x[..., :1], rows, columns).repeat(x.shape[3], 3), ResizeCache(rows, columns)": "all "
                "channels are the first one",
                "return np.stack([_apply(x[b : b + 1], rows, columns)[0] for b in range(len(x))]), ResizeCache(rows, "
                "columns)": "... a loop over axis 0 of x",
                "return np.stack([_apply(x[..., c, None], rows, columns)[..., 0] for c in range(x.shape[3])], -1), "
                "ResizeCache(rows, columns)": "... a loop over axis 3 of x",
                "x *= 2; return _apply(x, rows, columns), ResizeCache(rows, columns)": "... you modified x in place",
                "return (rows @ x.reshape(len(x), x.shape[1], -1)).reshape(len(x), len(rows), -1, x.shape[3]) @ "
                "np.ones((x.shape[3], x.shape[3])), ResizeCache(rows, columns)": "... y has shape",
                "B, Y, X, C = x.shape; z = (rows @ x.reshape(B, Y, -1)).reshape(B, len(rows), X, C); return (columns @ "
                "z.reshape(B, X, -1)).reshape(B, len(rows), len(columns), C), ResizeCache(rows, columns)": "a reshape "
                "to (B, X, ...) takes rows for columns, because rows come first in memory; (B, Yo, X, C) is right as "
                "it is for the second product",
                "return (_apply(x, rows, columns) + 0 * x.mean()) / 2, ResizeCache(rows, columns)": "... 2 times too "
                "small",
            },
        },
        axes={"y": "sample row column channel"},
        uses=("resize_matrix",),
    ),
    of_maps(
        "resize_backward",
        mistakes={
            BACK: {
                "_apply(dy, cache.rows, cache.columns)": "... ValueError: matmul",
                "_apply(dy, cache.columns.T, cache.rows.T)": "... ValueError: matmul",
                "_apply(dy, np.linalg.pinv(cache.rows), np.linalg.pinv(cache.columns))": "that is the inverse, which "
                "would make the old map again; the gradient is made by the transposed matrices",
                "_apply(dy, resize_matrix(*cache.rows.shape).astype(dy.dtype), resize_matrix(*cache.columns.shape)"
                ".astype(dy.dtype))": "dy is resized to the old size; the gradient is made by the transposed matrices: "
                "each old pixel gets back what it gave, with the same weights",
                "_apply(dy, resize_matrix(*cache.rows.shape[::-1]).T.astype(dy.dtype), resize_matrix(*cache.columns."
                "shape[::-1]).T.astype(dy.dtype))": "the matrices are made anew, without the options; take those of "
                "the cache",
                "(cache.rows.T @ dy.reshape(-1, *dy.shape[1:3]) @ cache.columns).reshape(len(dy), cache.rows.shape[1], "
                "-1, dy.shape[3])": "dy is reshaped to (B C, Yo, Xo), which tears the channels apart: they are last, "
                "so move them before (np.moveaxis), or multiply without it",
                "_apply(dy, (cache.rows / cache.rows.sum(0).clip(1e-9)).T, (cache.columns / cache.columns.sum(0).clip("
                "1e-9)).T)": "the weights that an old pixel gave are made to sum to 1; they are taken as they are",
                "_apply(dy, cache.rows.T / len(cache.rows), cache.columns.T)": "... the new rows: averaged over it "
                "instead of summed",
                "_apply(dy, cache.rows.T, cache.columns.T / len(cache.columns))": "... the new columns: averaged over "
                "it instead of summed",
                "_apply(dy, cache.rows.T > 0, cache.columns.T > 0)": "the weights are missing: an old pixel gets back "
                "as much of dy as it gave",
                "_apply(dy, cache.rows.T, cache.columns.T)[:, ::-1]": "dy is read from the last row on, or dx "
                "written so",
                "_apply(dy, cache.rows.T, cache.columns.T)[:, :, ::-1]": "dy is read from the last column on, or dx "
                "written so",
                "_apply(dy, abs(cache.rows.T), abs(cache.columns.T))": "negative weights are made positive",
                "-_apply(dy, cache.rows.T, cache.columns.T)": "... dx has the wrong sign",
                "_apply(dy, cache.rows.T**2, cache.columns.T**2)": "the weights are squared",
                "_apply(dy, cache.rows.T, cache.columns.T) / len(dy)": "... the batch: averaged over it instead of "
                "summed",
                "_apply(dy, cache.rows.T, cache.columns.T).sum(0, keepdims=True)": "... dx has shape",
                "np.einsum('yi,bijc->byjc', cache.rows.T, dy)": "only the rows are undone; both sides were resized",
                "cache.columns.T @ dy": "only the columns are undone; both sides were resized",
                "np.stack([_apply(d[None], cache.rows.T, cache.columns.T)[0] for d in dy])": "... a loop over axis 0",
                "np.stack([_apply(dy[..., c, None], cache.rows.T, cache.columns.T)[..., 0] for c in range("
                "dy.shape[3])], -1)": "... a loop over axis 3",
                "_apply(dy, cache.rows.T.astype(float), cache.columns.T.astype(float))": "... comes dx in float64",
                "_apply(dy.mean(0, keepdims=True).repeat(len(dy), 0), cache.rows.T, cache.columns.T)": "every sample "
                "gets the mean of all; each has its own gradient",
                "_apply(np.broadcast_to(dy[:1], dy.shape), cache.rows.T, cache.columns.T)": "every sample gets the "
                "gradient of the first; each has its own",
                "_apply(dy, np.eye(*cache.rows.T.shape, dtype=dy.dtype), cache.columns.T)": "the rows are cut or "
                "filled up; they are multiplied by cache.rows.T",
                "_apply(dy, cache.rows.T, np.eye(*cache.columns.T.shape, dtype=dy.dtype))": "the columns are cut or "
                "filled up; they are multiplied by cache.columns.T",
            },
        },
        axes={"dx": "sample row column channel"},
    ),
    Task(
        "resample_abs_pos_embed",
        TABLES,
        (
            Property("what stands in front stays", front_stays),
            Property("rows follow rows", rows_follow_rows),
        ),
        {
            "count = N - num_prefix_tokens": {
                "num_prefix_tokens = 1; count = N - num_prefix_tokens": "... ValueError",
            },
            "side = math.isqrt(count)": {
                "side = -1": "... must be given",
                "side = math.isqrt(N)": "... positions for 4 patches make no square grid",
            },
            "        if side * side == count:": {
                "        if new_rows * new_columns == count: return posemb\n"
                "        if side * side == count:": "as many positions as the new grid needs are left as they "
                "are; a table for 4 x 4 is one of a square grid, so for 2 x 8 it is resampled",
            },
            "        elif new_rows * new_columns == count:": {
                "        elif False:": "... positions for 12 patches make no square grid",
            },
            "if (old_rows, old_columns) == (new_rows, new_columns):": {
                "if old_rows * old_columns == new_rows * new_columns:": "as many positions as the new grid needs are "
                "left as they are; 3 x 4 is another grid than 4 x 3",
                "if old_rows == new_rows:": "a grid with as many rows as the new grid has is left as it is; columns "
                "count, too",
                "if old_columns == new_columns:": "a grid with as many columns as the new grid has is left as it is; "
                "rows count, too",
                "if True:": "... y has shape",
            },
            "old_rows, old_columns = pair(old_size)": {
                "old_columns, old_rows = pair(old_size)": "the old grid's rows and columns are exchanged; old_size is "
                "(rows, columns)",
                "old_rows, old_columns = old_size": "... cannot unpack non-iterable int object",
                "old_rows = old_columns = math.isqrt(count)": "... ",
            },
            "new_rows, new_columns = pair(new_size)": {
                "new_columns, new_rows = pair(new_size)": "the new grid's rows and columns are exchanged; new_size is "
                "(rows, columns)",
                "new_rows, new_columns = new_size": "... cannot unpack non-iterable int object",
                "new_rows = new_columns = pair(new_size)[0]": "both sides get the number of rows; new_size may be "
                "(rows, columns)",
            },
            GRID: {
                "grid = posemb[:, num_prefix_tokens:].reshape(B, old_columns, old_rows, D).swapaxes(1, 2)": "the old "
                f"positions are read column by column; {ROW_BY_ROW}",
                "grid = posemb[:, num_prefix_tokens:].reshape(B, old_columns, old_rows, D)": "the old grid's rows and "
                "columns are exchanged; old_size is (rows, columns)",
                "grid = posemb[:, : N - num_prefix_tokens].reshape(B, old_rows, old_columns, D)": "the grid is taken "
                "from the first position on; the positions in front are none of it",
                "grid = posemb[:, num_prefix_tokens:].reshape(B, D, old_rows, old_columns).transpose(0, 2, 3, 1)": (
                    "reshaped to (B, D, rows, columns), which tears the vectors apart: D is the last axis, so reshape "
                    "to (B, rows, columns, D)"
                ),
                "grid = posemb[:, num_prefix_tokens:].mT.reshape(B, old_rows, old_columns, D)": "transposed before the "
                "reshape, which tears the vectors apart: D stays last",
                "grid = posemb[:, num_prefix_tokens:][:, ::-1].reshape(B, old_rows, old_columns, D)": "the grid is "
                "read from its last position on, or written so",
                "grid = posemb[:, num_prefix_tokens:].reshape(B, old_rows, old_columns, D)[:, ::-1]": "the grid is "
                "read from its last row on, or written so",
                "grid = posemb[:, num_prefix_tokens:].reshape(B, old_rows, old_columns, D)[:, :, ::-1]": "the grid is "
                "read from its last column on, or written so",
                "posemb = np.roll(posemb, num_prefix_tokens, axis=1); grid = posemb[:, num_prefix_tokens:].reshape(B, "
                "old_rows, old_columns, D)": "the positions in front are taken from the end; they are the first ones",
                "grid = (posemb - posemb[:, :1])[:, num_prefix_tokens:].reshape(B, old_rows, old_columns, D)": "the "
                "first position is subtracted from all others",
                "grid = posemb[:, num_prefix_tokens:].reshape(B, old_rows, old_columns, D); grid = grid / np.sqrt((grid"
                "**2).sum(-1, keepdims=True))": "the vectors are made to have length 1; they are resampled as they are",
                "grid = posemb[:1, num_prefix_tokens:].reshape(1, old_rows, old_columns, D).repeat(B, 0)": "all tables "
                "are the first one",
            },
            OPTIONS: {
                'options = {"antialias": antialias, "align_corners": align_corners}': "interpolation is not handed on "
                "to resize_forward, as mode",
                'options = {"mode": interpolation, "align_corners": align_corners}': "antialias is not handed on to "
                "resize_forward, whose default is False",
                'options = {"mode": interpolation, "antialias": antialias}': "align_corners is not handed on to "
                "resize_forward",
                'options = {"mode": "bicubic", "antialias": antialias, "align_corners": align_corners}': "it is always "
                "bicubic; interpolation says what it is",
                'options = {"mode": interpolation, "antialias": False, "align_corners": True}': "the corners are "
                "aligned always, and nothing is antialiased; both are arguments",
                'options = {"mode": interpolation, "antialias": not align_corners, "align_corners": align_corners}': (
                    "antialias is always True without aligned corners; it is an argument"
                ),
                "options = {}": "none of the options is handed on to resize_forward, whose defaults are others",
            },
            RESIZED: {
                "grid, _ = resize_forward(grid, size=(new_columns, new_rows), **options)": "the new grid's rows and "
                "columns are exchanged; new_size is (rows, columns)",
                "grid, _ = resize_forward(grid, size=(new_columns, new_rows), **options); grid = grid.swapaxes(1, 2)": (
                    "rows and columns are exchanged on the way (a swapaxes too many): resize (old rows, old columns) "
                    "to (new rows, new columns)"
                ),
                "grid, _ = resize_forward(grid.reshape(B, 1, -1, D), size=(1, new_rows * new_columns), **options)": (
                    "the positions are resampled along the sequence, as if they were one long row; they are a grid"
                ),
                "grid = grid[:, np.arange(new_rows) * old_rows // new_rows][:, :, np.arange(new_columns) * old_columns "
                "// new_columns]": "the nearest position is taken; resize_forward takes weighted sums",
                "grid = np.pad(grid, ((0, 0), (0, max(0, new_rows - old_rows)), (0, max(0, new_columns - old_columns)),"
                " (0, 0)))[:, :new_rows, :new_columns]": "the grid is cut or filled up with zeros; it is resized",
                "grid = posemb[:, num_prefix_tokens:].reshape(B, old_columns, old_rows, D).swapaxes(1, 2); grid, _ = "
                "resize_forward(grid, size=(new_rows, new_columns), **options); grid = grid.swapaxes(1, 2)": "the "
                f"positions are read and written column by column; {ROW_BY_ROW}",
                "grid = np.stack([resize_forward(g[None], size=(new_rows, new_columns), **options)[0][0] for g in grid]"
                ")": "... a loop over axis 0 of posemb",
                "grid = np.concatenate([resize_forward(grid[..., d, None], size=(new_rows, new_columns), **options)[0] "
                "for d in range(D)], -1)": "... a loop over axis 2 of posemb",
                "grid, _ = resize_forward(grid, size=(new_rows, new_columns), **options); grid *= new_rows * "
                "new_columns / count": "multiplied by how many times as many positions there are; leave them as "
                "they are",
                "grid, _ = resize_forward(grid, size=(new_rows, new_columns), **options); grid *= count / (new_rows "
                "* new_columns)": "divided by how many times as many positions there are; leave them as they are",
                "grid = grid.copy()": "... cannot reshape array",
            },
            JOINED: {
                "return grid.reshape(B, -1, D)": "the positions in front are missing: put them before the new ones",
                "return np.concatenate((posemb[:1, :num_prefix_tokens], patches[:1]), axis=1)": "only the first table "
                "is returned; B are asked for",
                "return np.concatenate((grid.reshape(B, -1, D), posemb[:, :num_prefix_tokens]), axis=1)": "what stands "
                "in front has come to stand behind",
                "return np.concatenate((0 * posemb[:, :num_prefix_tokens], patches), axis=1)": "the "
                "positions in front have become zeros; they stay as they are",
                "return np.concatenate((posemb[:, :num_prefix_tokens], grid.swapaxes(1, 2).reshape(B, -1, D)), "
                "axis=1)": f"the new positions are written column by column; {ROW_BY_ROW}",
                "return np.concatenate((posemb[:, :1], patches), axis=1)": "one position in front is kept; "
                "num_prefix_tokens says how many there are",
                "return np.concatenate((posemb[:, :1].repeat(num_prefix_tokens, 1), patches), axis=1)": (
                    "all positions in front are the first one; each stays as it is"
                ),
                "return np.concatenate((posemb[:, N - num_prefix_tokens :], patches), axis=1)": "the "
                "last positions are put in front; those in front are the first ones",
                "return np.concatenate((posemb[:, :num_prefix_tokens], grid.reshape(B, D, -1).mT), axis=1)": "the "
                "vectors are torn apart when rows and columns are joined: D is the last axis",
                "return np.concatenate((grid.mean((1, 2))[:, None].repeat(num_prefix_tokens, 1), grid.reshape(B, -1, "
                "D)), axis=1)": "the mean of the grid stands in front; the positions in front stay as they are",
                "return grid": "... y has shape",
                "return np.concatenate((posemb[:, :num_prefix_tokens], grid.reshape(B, -1, D)), axis=1) * np.ones(D)": (
                    "... from float32 comes y in float64"
                ),
                "posemb[:, num_prefix_tokens:] *= 2; return np.concatenate((posemb[:, :num_prefix_tokens], grid.reshape"
                "(B, -1, D)), axis=1)": "... you modified posemb in place",
            },
            "old_rows * old_columns != count": {
                "False": "... ",
            },
        },
        simpler=ONE_SAMPLE,
        axes={"y": "table position channel"},
        uses=("resize_forward",),
        instead="where resize_forward takes all tables and channels at once",
    ),
)

POSITIONS = Exercise(
    "positions",
    "positions for another grid: resizing by matrices",
    60,
    TASKS,
    offers=("math", "pair"),
    closed=("minivit.ops.resize:_apply", "minivit.weights.positions:cut_or_stretch_pos_embed"),
    lecture="11_training_better",
    section=7,
)
