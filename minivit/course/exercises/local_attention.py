"""Attention in a window around each place of a map: with its loops, in all windows at once, and the window's places."""

from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import (
    LARGE_KEYS,
    LARGE_QUERIES,
    arrays,
    close,
    first_sample,
    lengths,
    overflown,
    telling,
)
from minivit.ops.sliding import sliding

AROUND = ((3, 5), (1, 2)), ((5, 3), (2, 1))
"""Windows with a middle, and the padding with which there is one around each place."""


def looking(
    windows: Any = AROUND,
    sides: Any = None,
    *,
    relative: bool = False,
    bias: bool = False,
    stride: Any = 1,
    batch: tuple[int, int] | None = None,
) -> Draw:
    """Draws what ``local_attention_forward`` is given; no two lengths of an array are equal, where sides are free."""

    def drawn(rng: Generator) -> Case:
        while True:
            B, H, K, V = rng.permutation([2, 3, 5, 6, 7])[:4].tolist()
            B, H = batch or (B, H)
            Y, X = sides or rng.permutation([4, 5, 6, 7, 8, 9, 10])[:2].tolist()
            kernel_size, padding = choose(rng, *windows)
            window = sliding("case", (Y, X), kernel_size, stride=stride, padding=padding)
            S = window.kernel[0] * window.kernel[1]
            shapes = (B, Y, X, H, K), (B, Y, X, H, V), (B, *window.out, H, K), (B, *window.out, H, V), (H, S, K)
            if sides or batch or different(*shapes):
                break
        q, k, v = (rng.standard_normal(shape) for shape in (shapes[2], shapes[0], shapes[1]))
        tables = [rng.standard_normal((H, S, K)) if relative else None, rng.standard_normal((H, S)) if bias else None]
        while tables and tables[-1] is None:
            tables.pop()
        return Case((q, k, v, *tables), {"kernel_size": kernel_size, "stride": stride, "padding": padding})

    return drawn


def one_map(rng: Generator) -> Case:
    """One head of one image: a square window, of which some at the edge lie over it."""
    while True:
        Y, X, K, V = (*rng.permutation([6, 7, 8, 10])[:2].tolist(), *lengths(rng, 2))
        stride, padding = 2, choose(rng, 1, 2)
        window = sliding("case", (Y, X), 3, stride=stride, padding=padding)
        if different((Y, X, K, V), (*window.out, K, V)):
            break
    shapes = (*window.out, K), (Y, X, K), (Y, X, V), (9, K), (9,)
    return Case(tuple(map(rng.standard_normal, shapes)), {"kernel_size": 3, "stride": stride, "padding": padding})


def inside_one_map(rng: Generator) -> Case:
    Y, X, K, V = (*rng.permutation([6, 7, 8, 10])[:2].tolist(), *lengths(rng, 2))
    shapes = (Y - 2, X - 2, K), (Y, X, K), (Y, X, V), (9, K), (9,)
    return Case(tuple(map(rng.standard_normal, shapes)), {"kernel_size": 3})


def fitting(case: Case) -> Case:
    """Queries for all positions of the window on a map of another size, and tables for all of its places."""
    (q, k, v, relative, bias), options = case
    window = sliding("case", k.shape[:2], options["kernel_size"], stride=options["stride"], padding=options["padding"])
    tables = np.resize(relative, (9, relative.shape[1])), np.resize(bias, 9)
    return Case((np.resize(q, (*window.out, q.shape[2])), k, v, *tables), options)


def named_sizes(case: Case) -> dict[str, float]:
    B, Yo, Xo, H, K = case.args[0].shape
    kernel = case.kwargs["kernel_size"]
    P, Q = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    found = {"the batch": B, "the heads": H, "the head width": K, "the places of a window": P * Q}
    return telling({**found, "the positions": Yo * Xo, "the rows": B * Yo * Xo})


def is_a_mean(call: Call, rng: Generator) -> str | None:
    """Where no window reaches over the edge."""
    (q, k, v), options = looking([((2, 3), 0), ((3, 2), 0)])(rng)
    y = call(q, k, np.ones_like(v), **options)[0]
    if close(y, 1):
        return None
    low, high = y.min(), y.max()
    return f"where no window is at the border, values of 1 have the mean 1; yours goes from {low:.4g} to {high:.4g}"


def zeros_take_part(call: Call, rng: Generator) -> str | None:
    """All scores are equal: the corner of a map gets as much as there is of the map in its window."""
    ones = np.ones((1, 5, 7, 1, 1))
    y = call(0 * ones, ones, ones, kernel_size=3, padding=1)[0]
    corner, edge = y[0, 0, 0, 0, 0], y[0, 0, 3, 0, 0]
    if close(corner, 4 / 9) and close(edge, 6 / 9):
        return None
    return (
        "where all scores are 0 and all values 1, a window of 3 x 3 in the corner has 4 of its 9 places on the map, "
        f"and y is 4/9; at the edge 6/9: the zeros around the map take part in the softmax. Yours are {corner:.4g} "
        f"and {edge:.4g}"
    )


def moves_along(call: Call, rng: Generator) -> str | None:
    """Away from the border a map that is moved gives the same, moved."""
    (q, k, v), options = looking([((3, 3), (1, 1))], (9, 11))(rng)
    y = call(q, k, v, **options)[0]
    moved = call(*(np.roll(part, (1, 2), (1, 2)) for part in (q, k, v)), **options)[0]
    same = close(y[:, 1:-2, 1:-3], moved[:, 2:-1, 3:-1])
    return None if same else "away from the border, a map that is moved must give the same, moved"


def heads_do_not_meet(call: Call, rng: Generator) -> str | None:
    (q, k, v), options = looking()(rng)
    other = k.copy()
    other[:, :, :, 0] += 1
    same = close(call(q, k, v, **options)[0][:, :, :, 1:], call(q, other, v, **options)[0][:, :, :, 1:])
    return None if same else "other keys of the first head change what other heads find: each attends by itself"


def survives_large_scores(call: Call, rng: Generator) -> str | None:
    """One window, over all of a map of one row; two samples, so that the largest score of all is not that of each."""
    q, k, v = LARGE_QUERIES.reshape(2, 1, 1, 1, 1), LARGE_KEYS.reshape(1, 1, 3, 1, 1), np.eye(3).reshape(1, 1, 3, 1, 3)
    y = call(q, k.repeat(2, axis=0), v.repeat(2, axis=0), kernel_size=(1, 3))[0]
    return overflown(y.reshape(2, 3))


WINDOW = 'window = sliding("local_attention", k.shape[1:3], kernel_size, stride=stride, padding=padding)'
SOFTMAX = "weights, _ = softmax_forward(scores)"
MET = "scores = _met(k, window) @ q[..., None, :, None]"
FOUND = "of_rows = _in_rows(weights, window) @ _met(v, window)"
OF_PLACES = "scores += (q[..., None, :] @ relative.mT)[..., 0, :]"
OF_BIAS = "scores += bias"
RETURN = "return token_sum(of_rows[..., 0, :]), "
INSIDE = "inside = np.ascontiguousarray(_met(np.ones_like(k[..., :1]), window)).reshape(*q.shape[:4], -1)"
UNPACK = "q, k, v, relative, has_bias, weights, window = cache"
SOFTMAX_BACK = "(dscores,) = softmax_backward(dweights, SoftmaxCache(weights))"
BY_COLUMN = "are numbered column by column; places of a window are numbered row by row"
TURNED = "are read from the last place of the window to the first"
ONE_HEAD = "those of the first head stand for all; each head has its own"
BEYOND = "what is beyond the map is left out of the softmax; here it is zeros, which take their share"
NO_ROOT = "the scores are divided by sqrt(K), as in a Transformer; here they are not"
OVER_EDGE = "around the map are {}; zeros are"
AROUND_IT = "each window begins at its place; it lies around it: half of the zeros stand {}"
WHOLE = "the whole window has one softmax"
IN_SOFTMAX = "in the softmax's backward"
ADDED_UP = "a place of the map lay in many windows, and gets the sum over all of them"


def bordered(padded: str) -> str:
    """The forward with something else around keys and values (each of them x here, of the window w)."""
    return (
        f"{WINDOW}\n    def _met(x, w):\n        H, K = x.shape[3:]; zeros = ((0, 0), *w.padding, (0, 0), (0, 0)); "
        f"(a, b), (c, d) = w.padding\n        x = {padded}\n        met = windows(x.reshape(*x.shape[:3], H * K), "
        "w._replace(padding=((0, 0), (0, 0))))\n        return np.moveaxis(met.reshape(*met.shape[:5], H, K), 5, 3)"
    )


def scattered(step: str, place: str = "p * window.kernel[1] + r") -> str:
    """The backward in which what windows send back to the map (a share of each place of theirs) is put otherwise."""
    return (
        f"{UNPACK}\n    def _seen_from_map(w, x, window):\n        B, Yo, Xo, H, K = x.shape; P, Q = window.kernel; "
        "total = np.zeros_like(x, shape=(B, *window.size, H * K))\n        for (p, r), pixels, positions in "
        f"places(window):\n            share = (w[..., {place}, None] * x).reshape(B, Yo, Xo, H * K)\n            "
        f"{step}\n        return total.reshape(B, *window.size, H, K)"
    )


def beyond(index: str) -> str:
    """Adds also what is for places beyond the map, at another place: of index n, along a side of so many places."""
    rows, columns = (
        index.format(
            n=f"(np.arange({count}) * window.stride[{a}] + {p} - window.padding[{a}][0])", side=f"window.size[{a}]"
        )
        for a, count, p in ((0, "Yo", "p"), (1, "Xo", "r"))
    )
    return f"np.add.at(total, (slice(None), ({rows})[:, None], {columns}), share)"


SUMS = "total[pixels] += share[positions]"

loops = partial(
    Task,
    cases={"": one_map, "without stride and padding": inside_one_map},
    axes={"y": "row column width"},
    keep_loops=True,
    fitting=fitting,
)
vectors = partial(Task, cases={"": arrays("P D", "Q F"), "of a single row": arrays("1 D", "Q F")})
windowed = partial(
    Task,
    cases={
        "": looking(),
        "with vectors for the places": looking(relative=True),
        "with a bias for the places": looking(bias=True),
        "with both": looking(relative=True, bias=True),
        "with a number for the window": looking([(3, 1)], relative=True, bias=True),
        "with a stride": looking([((2, 3), 1), ((3, 2), 0)], relative=True, bias=True, stride=(2, 1)),
        "with a stride that leaves places out": looking([(2, 0)], stride=3),
        'with "same" padding': looking([((2, 3), "same"), ((3, 4), "same")], relative=True, stride=2),
        "with a window that is larger than the map": looking([((5, 7), (3, 3))], (2, 3), relative=True, bias=True),
        "on a map of one place": looking([(3, 1)], (1, 1), relative=True, bias=True),
        "on a map of a single row": looking([((1, 3), (0, 1))], (1, 9), relative=True),
    },
    big=looking([((3, 3), (1, 1))], (48, 64), batch=(2, 2)),
    sizes=named_sizes,
    simpler={"for one sample": first_sample(3)},
    axes={
        "y": "sample row column head width",
        "cache.weights": "sample row column head place",
        "dq": "sample row column head width",
        "dk": "sample row column head width",
        "dv": "sample row column head width",
        "drelative": "head place width",
        "dbias": "head place",
    },
    instead="where a view of all windows, or one step for each place of the window, does it for all positions at once",
)
TASKS = (
    loops(
        "local_attention_loops",
        mistakes={
            "row, column = stride * i + p - padding, stride * j + r - padding": {
                "row, column = stride * i + p - kernel_size // 2, stride * j + r - kernel_size // 2": "half of the "
                "window is subtracted, whatever the padding is",
                "row, column = i + p - padding, j + r - padding": "the stride is left out: window (i, j) begins at row "
                "stride * i, less the padding",
                "row, column = stride * i + p, stride * j + r": "the padding is left out: the first window begins so "
                "many rows above the map",
                "row, column = stride * i + p + padding, stride * j + r + padding": "the padding is added; it is "
                "subtracted: the first window begins above the map",
                "row, column = stride * i + r - padding, stride * j + p - padding": "rows and columns of the window "
                "are exchanged: its places are numbered row by row",
                "row, column = stride * (i + p) - padding, stride * (j + r) - padding": "the window has holes: the "
                "stride is that of the query, not of the places in its window",
                "row, column = stride * i - p + padding, stride * j - r + padding": "the window is turned by 180 "
                "degrees",
                "row, column = stride * i + p - padding, stride * j + r - 1": "columns begin one place to the left, "
                "whatever the padding is",
            },
            "inside = 0 <= row < Y and 0 <= column < X": {
                "row, column, inside = row % Y, column % X, True": OVER_EDGE.format("its places from the other side"),
                "row, column, inside = min(max(row, 0), Y - 1), min(max(column, 0), X - 1), True": OVER_EDGE.format(
                    "copies of its edge"
                ),
                "inside = 0 < row < Y and 0 < column < X": "row 0 and column 0 are taken for what is beyond the map",
                "inside = 0 <= row < Y - 1 and 0 <= column < X - 1": "the last row and column are taken for what is "
                "beyond the map",
                "inside = row < Y and column < X": "above and left of the map, Python counts from the end: row -1 is "
                "the last one",
                "inside = True; row, column = abs(row), abs(column); row, column = min(row, 2 * Y - 2 - row), "
                "min(column, 2 * X - 2 - column)": OVER_EDGE.format("its mirror images"),
            },
            "place = p * kernel_size + r": {
                "place = kernel_size**2 - 1 - (p * kernel_size + r)": f"relative and bias {TURNED}",
                "place = p * kernel_size + kernel_size - 1 - r": "columns of relative and bias are mirrored",
                "place = (kernel_size - 1 - p) * kernel_size + r": "rows of relative and bias are upside down",
            },
            "scores.append(q[i, j] @ (key + relative[place]) + bias[place])": {
                "scores.append(q[i, j] @ key + bias[place])": "the vectors of the places are missing: q meets key + r",
                "scores.append(q[i, j] @ (key + relative[place]))": "the bias of the places is missing",
                "scores.append(q[i, j] @ key)": "vectors and bias of the places are missing",
                "scores.append(q[i, j] @ key + key @ relative[place] + bias[place])": "the key meets the vector of its "
                "place; the query does",
                "scores.append(q[i, j] @ (key + relative[place]) / len(key) ** 0.5 + bias[place])": NO_ROOT,
                "scores.append((q[i, j] @ (key + relative[place]) + bias[place]) / len(key) ** "
                "0.5)": "all of the score is divided by sqrt(K); here nothing is",
                "scores.append(q[i, j] @ (key - relative[place]) + bias[place])": "the vector of the place is "
                "subtracted; it is added to the key",
                "scores.append(q[i, j] @ (key + relative[place]) - bias[place])": "the bias is subtracted; it is added",
                "scores.append(q[i, j] @ (key + relative[place]) * bias[place])": "the score is multiplied by the "
                "bias; the bias is added",
                "scores.append((q[i, j] @ (key + relative[place]) + bias[place]) * inside)": "beyond the map the "
                "score is 0; only the key is zero there: the place still has its vector and bias",
                "scores.append(q[i, j] @ (key + relative[place]) + bias[place] if inside else -np.inf)": BEYOND,
                "scores.append(q[i, j] @ (key * relative[place]) + bias[place])": "key and vector are multiplied; they "
                "are added",
            },
            "shares, _ = softmax_forward(np.array(scores))": {
                "shares = np.array(scores)": "the scores themselves are the shares; a softmax makes shares of them",
                "shares = np.exp(scores)": "the shares must sum to one: divide by the sum of all of them",
                "shares = np.full(len(scores), 1 / len(scores))": "that is the plain mean of the window",
                "shares = softmax_forward(np.reshape(scores, (kernel_size, "
                "kernel_size)))[0].ravel()": f"each row of the window has a softmax of its own; {WHOLE}",
                "shares = softmax_forward(np.reshape(scores, (kernel_size, "
                "kernel_size)).T.copy())[0].T.ravel()": f"each column of the window has a softmax of its own; {WHOLE}",
                "shares = np.array(scores) == max(scores)": "the best place alone is looked at; all are, by their "
                "shares",
                "shares = 1 / (1 + np.exp(-np.array(scores)))": "the shares are sigmoids of the scores; they are a "
                "softmax",
            },
            "y[i, j] = shares @ np.array(values)": {
                "y[i, j] = shares @ np.array(values[::-1])": "the values are in another order than the scores",
                "y[i, j] = shares @ np.array(values) / len(values)": "the sum is divided by the places of the "
                "window; the shares sum to one already",
                "y[i, j] = shares.max() * np.array(values)[shares.argmax()]": "only the place with the largest share "
                "gives something; all do",
            },
        },
    ),
    vectors(
        "place_vectors_forward",
        mistakes={
            "vectors = np.concatenate((of_rows, of_columns), axis=-1)": {
                "vectors = np.concatenate((of_columns, of_rows), axis=-1)": "the column's vector stands first; the "
                "row's does: [R_p, C_q]",
                "vectors = np.concatenate((of_rows[::-1], of_columns), axis=-1)": "the rows are upside down",
                "vectors = np.concatenate((of_rows, of_columns[:, ::-1]), axis=-1)": "the columns are mirrored",
                "vectors = np.concatenate((of_rows, of_columns), axis=-1)[::-1, ::-1]": "the places are numbered from "
                "the last to the first",
                "vectors = np.concatenate((of_rows, 0 * of_columns), axis=-1)": "the columns' vectors are missing",
                "vectors = np.concatenate((0 * of_rows, of_columns), axis=-1)": "the rows' vectors are missing",
                "vectors = np.concatenate((of_rows.reshape(Q, P, D).swapaxes(0, 1), of_columns), axis=-1)": "the rows' "
                "vectors are laid out column by column; place p * Q + q has that of row p",
                "vectors = np.concatenate((np.tile(rows, (Q, 1)).reshape(P, Q, D), of_columns), axis=-1)": "the rows' "
                "vectors come one after the other (np.tile); each is repeated for all columns of its row (np.repeat)",
                "vectors = np.concatenate((of_rows, np.repeat(columns, P, 0).reshape(P, Q, F)), axis=-1)": "each "
                "column's vector is repeated (np.repeat); all of them come again in every row (np.tile)",
                "vectors = np.concatenate((of_rows * columns.mean(), of_columns * rows.mean()), axis=-1)": "... y",
            },
            "return vectors.reshape(P * Q, D + F)": {
                "return vectors.swapaxes(0, 1).reshape(P * Q, D + F)": f"the places {BY_COLUMN}",
                "return vectors": "... the numbers are right, only the shape",
                "return vectors.reshape(P * Q, D + F) / 2": "... y is 2 times too small",
                "return np.broadcast_to(rows.mean(0), (P * Q, D)) if D == F else vectors[..., :D].reshape(P * Q, D)": (
                    "... y has shape"
                ),
            },
            "PlaceVectorsCache((P, D), (Q, F))": {"PlaceVectorsCache((Q, F), (P, D))": "... cache.rows is"},
        },
        axes={"y": "place channel"},
    ),
    vectors(
        "place_vectors_backward",
        mistakes={
            "drows = token_sum(dvectors[..., :D])": {
                "drows = token_sum(dvectors[..., :D]) / Q": "drows is the mean over the columns; it is the sum",
                "drows = dvectors[:, 0, :D]": "drows is that of the first column alone; a row's vector stood in all of "
                "them: sum",
                "drows = dvectors[:, -1, :D]": "drows is that of the last column alone, as if later ones had "
                "overwritten the others; sum over all",
                "drows = np.broadcast_to(token_sum(dvectors[..., :D]).mean(0), (P, "
                "D)).copy()": "every row has the mean over the rows; each has its own",
                "drows = token_sum(dvectors[::-1, :, :D])": "drows is upside down",
                "drows = 0 * token_sum(dvectors[..., :D])": "... drows is zero everywhere",
                "drows = dvectors[..., :D]": "... drows has shape",
            },
            "dcolumns = token_sum(dvectors[..., D:].swapaxes(0, 1))": {
                "dcolumns = token_sum(dvectors[..., D:].swapaxes(0, 1)) / P": "dcolumns is the mean over the rows; "
                "it is the sum",
                "dcolumns = dvectors[0, :, D:]": "dcolumns is that of the first row alone; a column's vector stood in "
                "all of them: sum",
                "dcolumns = dvectors[-1, :, D:]": "dcolumns is that of the last row alone, as if later ones had "
                "overwritten the others; sum over all",
                "dcolumns = -token_sum(dvectors[..., D:].swapaxes(0, 1))": "... dcolumns has the wrong sign",
            },
            "dvectors = dy.reshape(P, Q, D + F)": {
                "dvectors = dy.reshape(Q, P, D + F).swapaxes(0, 1)": f"the places of dy {BY_COLUMN}",
                "dvectors = dy[::-1].reshape(P, Q, D + F)": f"the places of dy {TURNED}",
                "dvectors = dy.reshape(P, Q, D + F); dvectors = np.concatenate((dvectors[..., F:], dvectors[..., "
                ":F]), -1)": ("the last channels are taken for those of the rows; rows have the first ones"),
            },
            "PlaceVectorsGrads(drows, dcolumns)": {
                "PlaceVectorsGrads(dcolumns, drows)": "... exchanged",
            },
        },
        axes={"drows": "row channel", "dcolumns": "column channel"},
    ),
    windowed(
        "local_attention_forward",
        properties=(
            Property("a mean of the values", is_a_mean),
            Property("zeros take part", zeros_take_part),
            Property("a map that is moved", moves_along),
            Property("heads do not meet", heads_do_not_meet),
            Property("large scores do not overflow", survives_large_scores),
        ),
        mistakes={
            WINDOW: {
                bordered('np.pad(x, zeros, "edge")'): OVER_EDGE.format("copies of its edge"),
                bordered('np.pad(x, zeros, "wrap")'): OVER_EDGE.format("its places from the other side"),
                bordered('np.pad(x, zeros, "reflect")'): OVER_EDGE.format("its mirror images"),
                bordered('np.pad(x, zeros, "edge") if x is k else np.pad(x, zeros)'): "around the keys are copies of "
                "the edge; zeros are, as around the values",
                bordered('np.pad(x, zeros, "edge") if x is v else np.pad(x, zeros)'): "around the values are copies of "
                "the edge; zeros are, as around the keys",
                bordered(
                    "np.pad(x, zeros, constant_values=-1e9) if x is k else np.pad(x, zeros)"
                ): "around the map are large negative keys; zeros are, which take part in the softmax",
                bordered("np.pad(x, ((0, 0), (0, a + b), (0, c + d), (0, 0), (0, 0)))"): AROUND_IT.format(
                    "above and on the left"
                ),
                bordered("np.pad(x, ((0, 0), (a + b, 0), (c + d, 0), (0, 0), (0, 0)))"): "each window ends at its "
                "place; it lies around it: half of the zeros stand below and on the right",
                bordered("np.pad(x, ((0, 0), (0, a + b), (c, d), (0, 0), (0, 0)))"): "each window begins at the row of "
                "its place; it lies around it",
                bordered("np.pad(x, ((0, 0), (a, b), (0, c + d), (0, 0), (0, 0)))"): "each window begins at the column "
                "of its place; it lies around it",
                f"{WINDOW}; q *= 1.5": "... you modified q in place",
            },
            MET: {
                "scores = _met(k, window)[..., ::-1, ::-1, :] @ q[..., None, :, None]": "the keys of a window are "
                "turned by 180 degrees, the values are not",
                "scores = _met(k, window)[..., ::-1, :, :] @ q[..., None, :, None]": "the rows of a window are upside "
                "down for the keys, and not for the values",
                "scores = _met(k, window)[..., ::-1, :] @ q[..., None, :, None]": "the columns of a window are "
                "mirrored for the keys, and not for the values",
                "scores = _met(k, window).swapaxes(4, 5) @ q[..., None, :, None]": f"the keys of a window {BY_COLUMN}",
                "scores = _met(k, window) @ q[..., None, :, None] / K**0.5": NO_ROOT.replace(
                    "scores are", "products are"
                ),
                "scores = _met(k, window) @ q[..., None, :, None] / (H * K) ** 0.5": "the products are divided by "
                "sqrt(H K), the root of the whole width; here they are not divided",
                "scores = _met(k, window) @ q[..., None, :, None] * K**0.5": "the products are multiplied by sqrt(K)",
                "scores = _met(k, window) @ q[..., ::-1, :][..., None, :, None]": "the queries of the heads are in "
                "reversed order",
                "scores = _met(k, window) @ q[..., :1, :][..., None, :, None]": f"of the queries {ONE_HEAD}",
                "scores = _met(k[..., :1, :].repeat(H, 3), window) @ q[..., None, :, None]": f"of the keys {ONE_HEAD}",
                "scores = (_met(k, window) * q[..., None, None, :]).mean(-1)": "the products of a query and a key are "
                "averaged; they are summed",
                "scores = -((_met(k, window) - q[..., None, None, :]) ** 2).sum(-1)": "the score is minus the squared "
                "distance of query and key; it is their dot product",
                "scores = _met(k, window).sum(-1)": "the query is missing in the scores",
                "scores = (_met(k, window).sum(3, keepdims=True) @ q.sum(3)[:, :, :, None, None, :, "
                "None]).repeat(H, 3)": ("all heads share sums of queries and keys; each head compares its own"),
            },
            OF_PLACES: {
                "scores -= (q[..., None, :] @ relative.mT)[..., 0, :]": "what the query finds in the vectors of places "
                "is subtracted; it is added",
                "scores += (q[..., None, :] @ relative[:, ::-1].mT)[..., 0, :]": f"the vectors of places {TURNED}",
                "scores += (q[..., None, :] @ relative.reshape(H, P, Q, K).swapaxes(1, "
                "2).reshape(relative.shape).mT)[..., 0, :]": f"the vectors of places {BY_COLUMN}",
                "scores += (q[..., None, :] @ relative.reshape(H, P, Q, K)[:, "
                "::-1].reshape(relative.shape).mT)[..., 0, :]": (
                    "the vectors of places are upside down: row 0 is the topmost of the window"
                ),
                "scores += (q[..., None, :] @ relative.reshape(H, P, Q, K)[:, :, "
                "::-1].reshape(relative.shape).mT)[..., 0, :]": "the vectors of places are mirrored: column 0 is the "
                "leftmost of the window",
                "scores += (q[..., None, :] @ relative[:1].mT)[..., 0, :]": f"of the vectors of places {ONE_HEAD}",
                "scores += (q[..., None, :] @ relative[::-1].mT)[..., 0, :]": "the vectors of places are those of the "
                "heads in reversed order",
                "scores += (_met(k, window) * relative.reshape(H, P, Q, K)).sum(-1).reshape(scores.shape)": "the keys "
                "meet the vectors of their places; the query does",
                f"{INSIDE}; scores += inside * (q[..., None, :] @ relative.mT)[..., 0, :]": "beyond the map the "
                "vectors of places are left out; only the key is zero there: the place still has its vector",
                "scores += relative.sum(-1)": "the query is missing in what is added for the places: q . r",
                "scores += (q[..., None, :] @ relative.mT)[..., 0, :] / K**0.5": "what is added for the places is "
                "divided by sqrt(K); it is not",
                "scores += 2 * (q[..., None, :] @ relative.mT)[..., 0, :]": "the vectors of the places count twice",
                "scores = (q[..., None, :] @ relative.mT)[..., 0, :]": "the vectors of places take the place of the "
                "keys; both are met",
                "scores *= (q[..., None, :] @ relative.mT)[..., 0, :]": "the scores are multiplied by what is found in "
                "the vectors of places; it is added",
            },
            OF_BIAS: {
                "scores -= bias": "the bias is subtracted; it is added to the scores",
                "scores *= bias": "the scores are multiplied by the bias; it is added to them",
                "scores += bias[:, ::-1]": f"the biases of places {TURNED}",
                "scores += bias.reshape(H, P, Q).swapaxes(1, 2).reshape(H, P * Q)": f"the biases of places {BY_COLUMN}",
                "scores += bias[:1]": f"of the biases {ONE_HEAD}",
                "scores += bias[::-1]": "the biases are those of the heads in reversed order",
                f"{INSIDE}; scores += inside * bias": "beyond the map the biases are left out; only the key is zero "
                "there: the place still has its bias",
                "scores += bias / K**0.5": "the bias is divided by sqrt(K); it is added as it is",
                "scores += np.exp(bias)": "the exponential of the bias is added; the bias itself is",
                "scores += bias + bias": "the bias counts twice",
            },
            SOFTMAX: {
                "weights = np.exp(scores); weights /= weights.sum(-1, keepdims=True)": "... exp(1000) overflows",
                "weights = np.exp(scores - scores.max()); weights /= weights.sum(-1, keepdims=True)": "... scores of "
                "-1000, -999, -990 give the shares nan",
                "weights = softmax_forward(scores.reshape(*q.shape[:4], P, Q))[0].reshape(scores.shape)": "each row of "
                f"the window has a softmax of its own; {WHOLE}",
                "e = np.exp(scores.reshape(*q.shape[:4], P, Q)); weights = (e / e.sum(4, keepdims=True)).reshape("
                "scores.shape)": f"each column of the window has a softmax of its own; {WHOLE}",
                "e = np.exp(scores); weights = e / e.sum(3, keepdims=True)": "the softmax runs over the heads; it runs "
                "over the places of a window",
                "e = np.exp(scores); weights = e / e.sum((1, 2), keepdims=True)": "the softmax runs over the "
                "positions; each query shares itself out over the places of its window",
                "e = np.exp(scores); weights = e / e.sum(2, keepdims=True)": "the softmax runs over the columns of the "
                "map; it runs over the places of a window",
                "e = np.exp(scores); weights = e / e.sum(1, keepdims=True)": "the softmax runs over the rows of the "
                "map; it runs over the places of a window",
                "e = np.exp(scores); weights = e / e.sum(0, keepdims=True)": "the softmax runs over the samples; it "
                "runs over the places of a window",
                "e = np.exp(scores); weights = e / e.sum((3, 4), keepdims=True)": "heads and places share one softmax; "
                "each head has its own",
                "weights = scores": "the scores themselves are the shares; a softmax makes shares of them",
                "weights = scores / (P * Q)": "the scores, divided by the places of the window, are the shares; a "
                "softmax makes shares of them",
                "weights = np.exp(scores)": "the shares must sum to one: divide by the sum over the window",
                "weights = 1 / (1 + np.exp(-scores))": "the shares are sigmoids of the scores; they are a softmax",
                "weights = np.full_like(scores, 1 / (P * Q))": "that is the plain mean of the window: the scores are "
                "missing",
                "weights = (scores == scores.max(-1, keepdims=True)) * np.ones_like(scores)": "the best place of the "
                "window alone is looked at; all are, by their shares",
                "weights, _ = softmax_forward(scores / K**0.5)": NO_ROOT,
                "weights, _ = softmax_forward(scores / (P * Q))": "the scores are divided by the places of the window",
                f"{INSIDE}; weights, _ = softmax_forward(np.where(inside > 0, scores, -np.inf))": BEYOND,
                f"{INSIDE}; weights, _ = softmax_forward(scores); weights = weights * inside": "what zeros beyond "
                "the map have of the softmax is set to 0 (y is the same, as they have nothing to give); keep it",
                "weights = softmax_forward(scores - bias)[0] + bias if bias is not None else "
                "softmax_forward(scores)[0]": (
                    "the bias is added to the shares, after the softmax; it is added to the scores, before"
                ),
            },
            FOUND: {
                "of_rows = _in_rows(weights, window) @ _met(v, window)[..., ::-1, ::-1, :]": "the values of a window "
                "are turned by 180 degrees, the keys are not",
                "of_rows = _in_rows(weights, window) @ _met(v, window)[..., ::-1, :, :]": "the rows of a window are "
                "upside down for the values, and not for the keys",
                "of_rows = _in_rows(weights, window) @ _met(v, window)[..., ::-1, :]": "the columns of a window are "
                "mirrored for the values, and not for the keys",
                "of_rows = np.ascontiguousarray(weights.reshape(*q.shape[:4], Q, P).mT)[..., None, :] @ _met(v, "
                "window)": (f"the shares {BY_COLUMN}"),
                "of_rows = _in_rows(weights, window) @ _met(v[..., :1, :].repeat(H, 3), window)": f"of the values "
                f"{ONE_HEAD}",
                "of_rows = _in_rows(weights, window) @ _met(v[..., ::-1, :], window)": "the values are those of the "
                "heads in reversed order",
                "of_rows = _in_rows(weights.mean(3, keepdims=True).repeat(H, 3), window) @ _met(v, "
                "window)": "all heads have the mean of their shares; each has its own",
            },
            RETURN: {
                "return of_rows[..., 0, :].mean(-2), ": "the rows of the window are averaged; they are summed",
                "return of_rows[..., 0, 0, :], ": "only the first row of the window gives something; sum over all",
                "return of_rows[..., -1, 0, :], ": "only the last row of the window is left; sum over all",
                "return of_rows[..., P // 2, 0, :], ": "only the middle row of the window gives something; sum over "
                "all",
                "return token_sum(of_rows[..., 0, :]) / (P * Q), ": "the sum is divided by the places of the window; "
                "the shares sum to one already",
                "return token_sum(of_rows[..., 0, :]).reshape(*q.shape[:3], -1), ": "... y has shape",
                "return token_sum(of_rows[..., 0, :])[:, ::-1], ": "... reversed along the row axis",
                "return token_sum(of_rows[..., 0, :]).mean(3, keepdims=True).repeat(H, 3), ": "all heads give the "
                "mean of what they found; each gives its own",
            },
            "has_bias=bias is not None": {"has_bias=False": "... cache.has_bias"},
            "weights=weights": {
                "weights=scores": "those are the scores; keep the shares, their softmax",
                "weights=weights.reshape(*q.shape[:4], P, Q)": "... cache.weights has shape",
            },
        },
    ),
    windowed(
        "local_attention_backward",
        mistakes={
            UNPACK: {
                scattered("total[pixels] = share[positions]"): "each window overwrites what others have sent to a "
                f"place of the map; {ADDED_UP}",
                scattered("total[pixels] += share[positions] / (P * Q)"): "a place of the map gets the mean over the "
                "places of a window; it gets the sum",
                scattered(
                    "total[pixels] += share[positions] * ((p, r) == (P // 2, Q // 2))"
                ): f"a place of the map gets something from its own window alone; {ADDED_UP}",
                scattered("total[pixels] += share[positions] * ((p, r) == (0, 0))"): "only the first place of each "
                "window gets something; all do",
                scattered("total[pixels] += share[positions] * (p == P // 2)"): "only the middle row of each window "
                "gets something; all do",
                scattered("total[pixels] = np.maximum(total[pixels], share[positions])"): "of what windows send to a "
                f"place the largest is kept; {ADDED_UP}",
                scattered(SUMS, "P * Q - 1 - (p * Q + r)"): "on the way back windows are turned by 180 degrees: what "
                "stood at place (p, q) of a window gets the weight of that place",
                scattered(SUMS, "r * P + p"): f"on the way back the weights {BY_COLUMN}",
                scattered(SUMS, "p * Q + Q - 1 - r"): "on the way back the columns of windows are mirrored",
                scattered(SUMS, "(P - 1 - p) * Q + r"): "on the way back the rows of windows are upside down",
                scattered(beyond("np.clip({n}, 0, {side} - 1)")): "what goes to zeros beyond the map is added to its "
                "edge; nobody gets it",
                scattered(beyond("{n} % {side}")): "what goes to zeros beyond the map is added on the other side of it "
                "(negative indices); nobody gets it",
                scattered("total[pixels] += share[positions].mean(0)"): "every sample gets the mean over the samples",
            },
            "dv = _seen_from_map(weights, dy, window)": {
                "dv = _seen_from_map(np.ones_like(weights), dy, window)": "in dv the weights are missing",
                "dv = _seen_from_map(softmax_forward(weights)[0], dy, window)": "for dv a softmax is taken of the "
                "weights; they are the shares already",
                "dv = _seen_from_map(weights, dy[..., ::-1, :], window)": "dv is made of dy with the heads in reversed "
                "order",
                "dv = _seen_from_map(weights, dy, window) / weights.shape[-1]": "dv is the mean over the places of a "
                "window; it is the sum",
                "dv = 0 * v": "... dv is zero everywhere",
                "dv = -_seen_from_map(weights, dy, window)": "... dv has the wrong sign",
            },
            "dweights = (_met(v, window) @ dy[..., None, :, None]).reshape(weights.shape)": {
                "dweights = np.ascontiguousarray((_met(v, window)[..., ::-1, ::-1, :] @ dy[..., None, :, "
                "None])).reshape(weights.shape)": "the gradient of a weight meets another value of the window "
                "(turned by 180 degrees)",
                "dweights = np.ascontiguousarray((_met(v, window) @ dy[..., None, :, None]).swapaxes(4, 5)).reshape("
                "weights.shape)": f"the gradients of the weights {BY_COLUMN}",
                "dweights = (_met(v, window).sum(-1) * dy.sum(-1)[..., None, None]).reshape(weights.shape)": "for "
                "dweights the sum of dy is multiplied by the sum of the value; a dot product sums the products",
                "dweights = (_met(v, window) @ dy[..., None, :, None]).reshape(weights.shape) / "
                "v.shape[-1]": "dweights is a mean over the channels of the value; it is the sum",
            },
            SOFTMAX_BACK: {
                "dscores = dweights": "the backward of the softmax is left out: dweights is used as if it were dscores",
                "dscores = dweights * weights": f"{IN_SOFTMAX} the sum is missing: weights * (dweights - "
                "sum(dweights * weights))",
                "dscores = weights * (1 - weights) * dweights": f"{IN_SOFTMAX} only the diagonal of the Jacobian is "
                "there: a share depends on every score of its window",
                "dscores = dweights - (dweights * weights).sum(-1, keepdims=True)": f"{IN_SOFTMAX} the bracket is "
                "right, but it is not yet multiplied by weights",
                "dscores = weights * (dweights - dweights.sum(-1, keepdims=True))": f"{IN_SOFTMAX} the sum runs over "
                "dweights alone; it must run over dweights * weights",
                "dscores = weights * (dweights - dweights.mean(-1, keepdims=True))": f"{IN_SOFTMAX} the plain mean is "
                "subtracted; it is the mean weighted by the shares",
                "dscores = weights * (dweights + (dweights * weights).sum(-1, "
                "keepdims=True))": f"{IN_SOFTMAX} the sum is added; it is subtracted",
                "dscores = weights * (dweights - (dweights * weights).sum(3, keepdims=True))": f"{IN_SOFTMAX} the sum "
                "runs over the heads; it runs over the places of a window",
                "dscores = weights * (dweights - (dweights * weights).sum((3, 4), keepdims=True))": f"{IN_SOFTMAX} the "
                "sum runs over the heads, too; each has a softmax of its own",
                "w, d = (a.reshape(*q.shape[:4], *window.kernel) for a in (weights, dweights)); dscores = (w * (d "
                "- (d * w).sum(-1, keepdims=True))).reshape(weights.shape)": f"{IN_SOFTMAX} the sum runs over a row "
                "of the window; it runs over the whole window",
                "w, d = (a.reshape(*q.shape[:4], *window.kernel) for a in (weights, dweights)); dscores = (w * (d "
                "- (d * w).sum(-2, keepdims=True))).reshape(weights.shape)": f"{IN_SOFTMAX} the sum runs over a "
                "column of the window; it runs over the whole window",
                f"{SOFTMAX_BACK}; dscores = dscores / q.shape[-1] ** 0.5": "dscores is divided by sqrt(K); the forward "
                "does not divide",
                f"{SOFTMAX_BACK}; {INSIDE}; dscores = dscores * inside": "the gradient of scores beyond the map is "
                "dropped; the vectors and biases of these places had a part in it",
                f"{INSIDE}; (dscores,) = softmax_backward(dweights, SoftmaxCache(weights * inside / "
                "np.maximum((weights * inside).sum(-1, keepdims=True), 1e-300)))": f"{IN_SOFTMAX} what is beyond the "
                "map is left out; it took part in the forward",
            },
            "dq = token_sum((_in_rows(dscores, window) @ _met(k, window))[..., 0, :])": {
                "dq = token_sum((_in_rows(weights, window) @ _met(k, window))[..., 0, :])": "dq is made of the "
                "weights; it is made of dscores",
                "dq = token_sum((_in_rows(dweights, window) @ _met(k, window))[..., 0, :])": "dq is made of "
                "dweights; go back through the softmax first",
                "dq = 0 * q": "in dq the keys are missing: sum dscores * key over the window",
                "dq = (_in_rows(dscores, window) @ _met(k, window))[..., 0, :].mean(-2)": "in dq the rows of a "
                "window are averaged; they are summed",
                "dq = (_in_rows(dscores, window) @ _met(k, window))[..., -1, 0, :]": "in dq only the last row of each "
                "window is left; sum over all",
                "dq = token_sum((_in_rows(dscores, window) @ _met(k, window)[..., ::-1, ::-1, :])[..., "
                "0, :])": "in dq the keys of a window are turned by 180 degrees",
                "dq = token_sum((_in_rows(dscores, window) @ _met(k, window))[..., 0, :]); dq /= q.shape[-1] ** 0.5": (
                    "dq is divided by sqrt(K); the forward does not divide"
                ),
            },
            "dk = _seen_from_map(dscores, q, window)": {
                "dk = _seen_from_map(weights, q, window)": "dk is made of the weights; it is made of dscores",
                "dk = _seen_from_map(dweights, q, window)": "dk is made of dweights; go back through the softmax first",
                "dk = _seen_from_map(np.ones_like(dscores), q, window)": "in dk dscores is missing",
                "dk = _seen_from_map(dscores, q, window) / q.shape[-1] ** 0.5": "dk is divided by sqrt(K); the forward "
                "does not divide",
                "dk = _seen_from_map(dscores, q[..., ::-1, :], window)": "dk is made of the queries with the heads in "
                "reversed order",
                "dk = _seen_from_map(dscores[..., ::-1], q, window)": "for dk windows are turned by 180 degrees",
                "dk = 0 * k": "... dk is zero everywhere",
            },
            "dq += (dscores[..., None, :] @ relative)[..., 0, :]": {
                "pass": "in dq the vectors of places are missing: the query met key + r",
                "dq = (dscores[..., None, :] @ relative)[..., 0, :]": "in dq the vectors of places take the place of "
                "the keys; both are summed",
                "dq -= (dscores[..., None, :] @ relative)[..., 0, :]": "in dq the vectors of places are subtracted",
                "dq += (weights[..., None, :] @ relative)[..., 0, :]": "in dq the vectors of places are weighted by "
                "the shares; by dscores",
                "dq += (dscores[..., None, :] @ relative[:, ::-1])[..., 0, :]": f"in dq the vectors of places {TURNED}",
                "dq += (dscores[..., None, :] @ relative[:1])[..., 0, :]": "in dq, of the vectors of places "
                f"{ONE_HEAD}",
                "H, S, K = relative.shape; dq += (dscores[..., None, :] @ relative.reshape(H, *window.kernel, "
                "K).swapaxes(1, 2).reshape(H, S, K))[..., 0, :]": f"in dq the vectors of places {BY_COLUMN}",
            },
            "drelative = token_product(_per_head(dscores), _per_head(q))": {
                "drelative = token_product(_per_head(weights), _per_head(q))": "drelative is made of the weights; it "
                "is made of dscores",
                "drelative = token_product(_per_head(dweights), _per_head(q))": "drelative is made of dweights; go "
                "back through the softmax first",
                "drelative = token_product(_per_head(dscores), _per_head(q)) / q[..., 0, "
                "0].size": "drelative is the mean over all queries; it is the sum",
                "drelative = token_product(_per_head(dscores), _per_head(q)) / len(q)": "... the batch: averaged "
                "over it",
                "drelative = token_product(_per_head(dscores[:1]), _per_head(q[:1]))": "drelative is that of the first "
                "sample; all have met the same vectors: sum",
                "drelative = token_product(_per_head(dscores[:, :1, :1]), _per_head(q[:, :1, "
                ":1]))": "drelative is that of the first query; all have met the same vectors: sum",
                "drelative = token_product(_per_head(dscores), _per_head(q))[:, ::-1]": "... reversed along the "
                "place axis",
                "g = token_product(_per_head(dscores), _per_head(q)); drelative = np.broadcast_to(g.sum(0), g.shape)": (
                    "all heads have the sum of their gradients of the vectors; each has its own"
                ),
                "g = token_product(_per_head(dscores), _per_head(q)); drelative = g.reshape(len(g), *window.kernel, -1)"
                ".swapaxes(1, 2).reshape(g.shape)": f"the places of drelative {BY_COLUMN}",
                "drelative = np.broadcast_to(token_sum(_per_head(dscores))[..., None], relative.shape)": "in drelative "
                "the query is missing",
                "drelative = token_product(_per_head(dscores), _per_head(q)).mT": "... it equals the transpose",
            },
            "dbias = token_sum(_per_head(dscores))": {
                "dbias = token_sum(_per_head(dweights))": "dbias is the sum of dweights; the bias is added to the "
                "scores, before the softmax: sum dscores",
                "dbias = token_sum(_per_head(weights))": "dbias is the sum of the weights; sum dscores",
                "dbias = token_sum(_per_head(dscores)) / q[..., 0, 0].size": "dbias is the mean over all queries; it "
                "is the sum",
                "dbias = token_sum(_per_head(dscores[:1]))": "dbias is that of the first sample; all have the same "
                "bias: sum",
                "dbias = np.broadcast_to(dscores.sum((0, 1, 2, 3)), dscores.shape[3:])": "all heads have the sum of "
                "their gradients of the bias; each has its own",
                "dbias = token_sum(_per_head(dscores))[:, ::-1]": "... reversed along the place axis",
                "g = token_sum(_per_head(dscores)); dbias = g.reshape(len(g), *window.kernel).swapaxes(1, 2).reshape("
                "g.shape)": f"the places of dbias {BY_COLUMN}",
                "dbias = -token_sum(_per_head(dscores))": "... dbias has the wrong sign",
                "dbias = None": "... dbias is None",
            },
            "return LocalAttentionGrads(dq, dk, dv, drelative, dbias)": {
                "return LocalAttentionGrads(dk, dq, dv, drelative, dbias)": "... ",
                "return LocalAttentionGrads(dq, dv, dk, drelative, dbias)": "... dk and dv are exchanged",
                "return LocalAttentionGrads(dq, dk, dv, None, dbias)": "... drelative is None",
            },
        },
    ),
)

LOCAL_ATTENTION = Exercise(
    "local_attention",
    "local attention: in a window around each place of a map",
    60,
    TASKS,
    offers=(
        *("np", "softmax_forward", "softmax_backward", "SoftmaxCache", "sliding", "windows", "places"),
        "minivit.ops.sliding.from_windows",
    ),
    closed=tuple(f"minivit.ops.local_attention:{name}" for name in ("_met", "_in_rows", "_per_head", "_seen_from_map")),
    lecture="12_attention_meets_images",
    section=5,
)
