"""Pooling attention: relative positions by rows and columns between maps of two sizes, and the layer around them."""

from functools import partial
from typing import Any

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, close, first_sample, lengths, telling, with_options
from minivit.layers.pooling_attention import PoolingAttention
from minivit.ops.relative_logits import relative_index

Pairs = tuple[tuple[int, int], ...]

FEWER: Pairs = (4, 2), (6, 3), (6, 2), (8, 4)
"""Places of queries and of keys along one side of the map: keys are spread by a whole number."""

MORE: Pairs = (2, 4), (3, 6), (2, 6), (4, 8)
ALIKE: Pairs = (3, 3), (4, 4), (5, 5)
NOT_WHOLE: Pairs = (5, 2), (5, 3), (7, 3), (7, 5), (2, 5), (3, 5), (3, 7), (5, 7)
"""Without a common divisor, so that no way but 0 falls on a place: however it is written, as much is cut off."""


def sides(*pairs: tuple[int, int]) -> Draw:
    """Draws how many places of queries and of keys there are along one side."""
    return lambda rng: Case(choose(rng, *pairs), {})


def asked(*pairs: tuple[int, int], lead: int = 1, more: int = 0, any_order: bool = False, apart: bool = True) -> Draw:
    """Draws queries, tables and indices of two maps; no two lengths are equal, where they can be kept ``apart``.

    Tables have some vectors ``more`` than there are ways. In ``any_order``, each pair has any of the vectors.
    """

    def drawn(rng: Generator) -> Case:
        while True:
            (Y, U), (X, V) = choose(rng, *pairs), choose(rng, *pairs)
            *batch, K = lengths(rng, lead + 1)
            P, Q = 2 * max(Y, U) - 1 + more, 2 * max(X, V) - 1 + more
            if different((*batch, K, Y, X, U, V, Y * X, P, Q)) or not apart:
                break
        row_index, column_index = relative_index(Y, U), relative_index(X, V)
        if any_order:
            row_index, column_index = rng.integers(0, P, (Y, U)), rng.integers(0, Q, (X, V))
        arrays = map(rng.standard_normal, ((*batch, Y * X, K), (P, K), (Q, K)))
        return Case(tuple(arrays), {"row_index": row_index, "column_index": column_index})

    return drawn


def many_heads(rng: Generator) -> Case:
    index = {"row_index": relative_index(6, 3), "column_index": relative_index(8, 4)}
    return Case(tuple(map(rng.standard_normal, ((64, 8, 48, 5), (11, 5), (15, 5)))), index)


def fitting(case: Case) -> Case:
    """Indices for as many queries, and of vectors that the tables have."""
    (q, rows, columns), options = case
    row_index, column_index = options["row_index"], options["column_index"]
    if q.shape[-2] == 1:
        row_index, column_index = row_index[:1], column_index[:1]
    elif q.shape[-2] != len(row_index) * len(column_index):
        row_index = np.resize(row_index, (q.shape[-2] // len(column_index), row_index.shape[1]))
    index = {"row_index": row_index % len(rows), "column_index": column_index % len(columns)}
    return Case((q, rows, columns), index)


def layer(rng: Generator, map_size: tuple[int, int] = (4, 6), **options: Any) -> Case:
    """Tokens of a map, one in front, and the parameters of the layer; no two lengths of an array are equal."""
    options = {"num_prefix_tokens": 1, "stride_q": 2, "stride_kv": (2, 3), **options}
    while True:
        B, D, H, K = choose(rng, 5, 8), choose(rng, 9, 10, 11), choose(rng, 2, 3), choose(rng, 3, 5, 6)
        made: dict[str, Any] = {"dim": D, "dim_out": H * K, "num_heads": H, "map_size": map_size, **options}
        built = PoolingAttention(**made)
        N, Nq, S = (options["num_prefix_tokens"] + Y * X for Y, X in (map_size, built.q_size, built.kv_size))
        if different((B, N, D), (B, Nq, H * K), (B, H, Nq, K), (B, H, S, K), (D, H * K)):
            break
    shapes = {name: param.shape for name, param in built.named_state().items()}
    params = {name: rng.standard_normal(shape) / choose(rng, 2.0, 3.0) for name, shape in shapes.items()}
    return Case((rng.standard_normal((B, N, D)), params), made)


def drawn_layer(map_size: tuple[int, int] = (4, 6), **options: Any) -> Draw:
    return partial(layer, map_size=map_size, **options)


def named_sizes(case: Case) -> dict[str, float]:
    q, index = case.args[0], case.kwargs
    (Y, U), (X, V) = index["row_index"].shape, index["column_index"].shape
    found: dict[str, float] = {"the head width": q.shape[-1], "the queries": Y * X, "the keys": U * V}
    return telling({**found, **({"the batch": q.shape[0]} if q.ndim > 2 else {})})


def layer_sizes(case: Case) -> dict[str, float]:
    (x, _), options = case
    heads, width = options["num_heads"], options["dim_out"] // options["num_heads"]
    return telling({"the batch": len(x), "the heads": heads, "the head width": width, "the width": options["dim_out"]})


def only_the_way_counts(call: Call, rng: Generator) -> str | None:
    n = choose(rng, 4, 5, 6)
    index = np.asarray(call(n, n))
    if index.shape != (n, n) or np.array_equal(index[1:, 1:], index[:-1, :-1]):
        return None  # of shapes another check speaks
    return "on one map, a query and a key that both move one place have the same way as before; yours have another"


def all_in_the_table(call: Call, rng: Generator) -> str | None:
    for queries, keys in (choose(rng, *FEWER), choose(rng, *MORE), choose(rng, *ALIKE), choose(rng, *NOT_WHOLE)):
        index, most = np.asarray(call(queries, keys)), 2 * max(queries, keys) - 2
        if index.min() < 0 or index.max() > most:
            return (
                f"of {queries} queries and {keys} keys there are vectors 0 to {most}; yours asks for "
                f"{index.min()} to {index.max()}"
            )
    return None


def a_column_and_a_row(call: Call, rng: Generator) -> str | None:
    """What a query says of places is the sum of a number for each row and one for each column."""
    (q, *tables), index = asked(*FEWER)(rng)
    y = call(q, *tables, **index)[0]
    of_map = y.reshape(*y.shape[:2], index["row_index"].shape[1], -1)
    corners = of_map - of_map[..., :1] - of_map[..., :1, :] + of_map[..., :1, :1]
    says = (
        "what a query says of places must be a number for each row of the keys plus one for each column; yours is not"
    )
    return None if close(corners, 0) else says


def twice_the_query(call: Call, rng: Generator) -> str | None:
    (q, *tables), index = asked(*FEWER)(rng)
    same = close(call(2 * q, *tables, **index)[0], 2 * call(q, *tables, **index)[0])
    return None if same else "a query that is twice as long must have scores that are twice as large"


def found_and_added(call: Call, rng: Generator) -> str | None:
    """Norms that make all queries b and all values c: whatever the shares are, c is found, and b is added."""
    (x, params), options = layer(rng)
    b, c = rng.standard_normal((2, *params["norm_q.bias"].shape))
    zeros = {f"norm_{part}.weight": 0 * params[f"norm_{part}.weight"] for part in "qv"}
    y = call(x, {**params, **zeros, "norm_q.bias": b, "norm_v.bias": c}, **options)[0]
    expected = np.tile(b + c, options["num_heads"]) @ params["proj.weight"] + params["proj.bias"]
    if close(y, expected):
        return None
    says = "where the norms make every query b and every value c, each token must get the output map of b + c"
    return f"{says}; the first token has it not" if close(y[:, 1:], expected) else f"{says}; yours do not"


def heads_share_kernels(call: Call, rng: Generator) -> str | None:
    """Where all heads are made alike and nothing is mixed behind them."""
    (x, params), options = layer(rng)
    D, H, K = options["dim"], options["num_heads"], options["dim_out"] // options["num_heads"]
    one = params["qkv.weight"].reshape(D, 3, H, K)[:, :, :1], params["qkv.bias"].reshape(3, H, K)[:, :1]
    alike = {"qkv.weight": one[0].repeat(H, 2).reshape(D, -1), "qkv.bias": one[1].repeat(H, 1).ravel()}
    plain = {"proj.weight": np.eye(H * K), "proj.bias": np.zeros(H * K)}
    y = call(x, {**params, **alike, **plain}, **options)[0]
    heads = y.reshape(*y.shape[:2], H, K)
    return None if close(heads, heads[:, :, :1]) else "heads that are given the same must find the same; yours do not"


ROWS_OF_KEYS = "r, c_rows = embedding_forward(row_index, rows)"
COLUMNS_OF_KEYS = "c, c_columns = embedding_forward(column_index, columns)"
OF_ROWS = "of_rows = q @ r.mT"
OF_COLUMNS = "of_columns = (q.swapaxes(-3, -2) @ c.mT).swapaxes(-3, -2)"
BY_COLUMN = "are numbered column by column; places are numbered row by row"
AS_IT_IS = "divided by sqrt(K); the query is taken as it is"
BOTH = "query @ rows[row_index[y, u]] + query @ columns[column_index[x, v]]"
DIFFERENCE = "the index is the plain difference of the places; take row_index and column_index, which know of two maps"
NOT_SPREAD = "the smaller map is not spread: where there are half as many keys, each is two places from the next"
SPREAD = "apart, keys_apart = max(keys / queries, 1.0), max(queries / keys, 1.0)"
WAY = "way = np.arange(queries, dtype=np.float32)[:, None] * apart - np.arange(keys, dtype=np.float32) * keys_apart"
CUT_OFF = "return (way + (keys - 1) * keys_apart).astype(int)"
PAIRS = "a vector gets the sum over all pairs of rows that it stands for"
ALL_QUERIES = "all queries of a row have met the same vectors: sum"


def overwritten(name: str, of_what: str, tokens: str) -> str:
    """The way back into a table in which later pairs overwrite what others have left."""
    return (
        f"{name} = np.zeros({tokens}.table_shape, dy.dtype)\n    for i in np.ndindex({tokens}.tokens.shape):\n"
        f"        {name}[{tokens}.tokens[i]] = {of_what}[i]"
    )


def averaged(name: str, of_what: str, tokens: str) -> str:
    """The way back into a table in which a vector gets the mean of its pairs."""
    return (
        f"({name},) = embedding_backward({of_what}, {tokens}); {name} /= "
        f"np.maximum(np.bincount({tokens}.tokens.ravel(), minlength=len({name})), 1)[:, None]"
    )


def pooling(then: str, maps: str = "x[..., P:, :].reshape(-1, *map_size, K)") -> str:
    """The layer's forward with another pooling of tokens: how maps are made, and what is made of what comes out."""
    return (
        "def pool_tokens(pool, x, *, map_size, num_prefix_tokens):\n        P, (*lead, N, K) = num_prefix_tokens, "
        f"x.shape\n        maps, cache = pool.forward({maps})\n        {then}\n    {QKV}"
    )


def unpooling(then: str, dmaps: str = "dy[..., P:, :].reshape(-1, *pooled_size, K)") -> str:
    """The same of the layer's backward."""
    return (
        "def pool_tokens_backward(pool, dy, cache, *, map_size, pooled_size, num_prefix_tokens):\n        P, (*lead, "
        f"N, K) = num_prefix_tokens, dy.shape\n        dmaps = pool.backward({dmaps}, cache)\n        {then}\n    "
        f"{PROJ_BACK}"
    )


QKV = "h, c_qkv = self.qkv.forward(x)"
SPLIT = "q, k, v = np.split(heads, 3, axis=-3)"
E = "bias, c_relative_logits = self.relative_logits(q)"
ATTEND = "h, c_attention = multi_head_attention_forward(q, k, v, bias)"
ADDED = "h = h + merged"
MERGED = "merged, _ = merge_heads_forward(q)"
PROJ = "y, c_proj = self.proj.forward(h)"
PROJ_BACK = "dh = self.proj.backward(dy, cache.proj)"
DHEADS = "dheads, _ = split_heads_forward(dh, num_heads=self.num_heads)"
E_BACK = "dq = self.relative_logits_backward(dq, dbias, cache.relative_logits)"
JOINED = "(dh,) = split_heads_backward(join_heads(dq, dk, dv), cache.split)"
IN_FRONT = "return np.concatenate((x[..., :P, :], maps.reshape(*lead, -1, K)), axis=-2), cache"
DIN_FRONT = "return np.concatenate((dy[..., :P, :], dmaps.reshape(*lead, -1, K)), axis=-2)"
NAMES = {"q": "queries", "k": "keys", "v": "values"}


def pooled(part: str) -> str:
    """The line that pools queries, keys or values."""
    return f"{part}, c_pool_{part} = pool_tokens(self.pool_{part}, {part}, **sizes)"


def normed(part: str) -> str:
    """The line that norms them."""
    return f"{part}, c_norm_{part} = self.norm_{part}.forward({part})"


def norm_mistakes(part: str) -> dict[str, str]:
    """What people write for it."""
    line, name, other = normed(part), NAMES[part], "k" if part == "q" else "q"
    return {
        f"c_norm_{part} = self.norm_{part}.forward({part})[1]": f"the norm of the {name} is missing: self.norm_{part}, "
        "behind pooling",
        f"c_norm_{part} = self.norm_{part}.forward({part})[1]; {part} = self.norm_{other}.forward({part})[0]": (
            f"the {name} go through the norm of the {NAMES[other]}; they have their own"
        ),
        f"P, front = self.num_prefix_tokens, {part}; {line}; {part} = np.concatenate((front[..., :P, :], {part}[..., "
        "P:, :]), axis=-2)": f"of the {name} the tokens in front of the map are not normed; all tokens are",
    }


def way_back(part: str) -> str:
    """The line that leads a gradient back through the norm."""
    return f"d{part} = self.norm_{part}.backward(d{part}, cache.norm_{part})"


def without_front(part: str) -> dict[str, str]:
    """What people write for the line that leads a gradient back through the pooling, if they forget a class token."""
    lost = f"; d{part} = d{part}.copy(); d{part}[..., : self.num_prefix_tokens, :] = 0"
    says = f"the gradient of the tokens in front is lost on the way of the {NAMES[part]}: it goes around pooling"
    return {unpooled(part, part) + lost: says}


def unpooled(part: str, pool: str, cache: str = "") -> str:
    """The line that leads a gradient back through the pooling."""
    size = "q" if part == "q" else "kv"
    return (
        f"d{part} = pool_tokens_backward(self.pool_{pool}, d{part}, cache.pool_{cache or pool}, "
        f"pooled_size=self.{size}_size, **sizes)"
    )


loops = partial(
    Task,
    cases={
        "": asked(*FEWER, lead=0),
        "with a vector for each pair": asked(*FEWER, lead=0, any_order=True),
        "with more keys": asked(*MORE, lead=0),
    },
    axes={"y": "query key"},
    keep_loops=True,
    fitting=fitting,
)
indices = partial(
    Task,
    cases={
        "": sides(*ALIKE),
        "with fewer keys": sides(*FEWER),
        "with fewer queries": sides(*MORE),
        "where no whole number lies between": sides(*NOT_WHOLE),
        "of one key": sides((4, 1), (5, 1)),
        "of one query": sides((1, 4), (1, 5)),
    },
    axes={"y": "query key"},
)
logits = partial(
    Task,
    cases={
        "": asked(*FEWER, *MORE),
        "of one map": asked(*ALIKE, apart=False),
        "without a batch": asked(*FEWER, lead=0),
        "with two leading axes": asked(*FEWER, lead=2),
        "with a vector for each pair": asked(*FEWER, any_order=True),
        "with vectors that no pair needs": asked(*FEWER, *MORE, more=2),
        "where no whole number lies between": asked(*NOT_WHOLE, apart=False),
        "of one place": asked((1, 1), lead=2, apart=False),
    },
    big=many_heads,
    sizes=named_sizes,
    simpler={"for one sample": first_sample()},
    axes={
        "y": "sample query key",
        "dq": "sample query width",
        "drows": "vector width",
        "dcolumns": "vector width",
    },
    fitting=fitting,
)
layers = partial(
    Task,
    cases={
        "": drawn_layer(),
        "without a token in front": drawn_layer(num_prefix_tokens=0),
        "with two tokens in front": drawn_layer((5, 4), num_prefix_tokens=2, stride_kv=2),
        "without relative positions": drawn_layer(rel_pos=False),
        "without residual pooling": drawn_layer(residual_pooling=False),
        "with queries that keep their places": drawn_layer(stride_q=1),
        "with queries that are not pooled": drawn_layer(kernel_q=1, stride_q=1),
        "with keys that are not pooled": drawn_layer(kernel_kv=1, stride_kv=1),
        "without any pooling": drawn_layer(kernel_q=1, stride_q=1, kernel_kv=1, stride_kv=1),
        "with the mean of each window": drawn_layer(mode="avg"),
        "with a kernel that is not square": drawn_layer(kernel_q=(3, 1), kernel_kv=(1, 3), qkv_bias=False),
        "with a generator": with_options(layer, rng=3),
    },
    sizes=layer_sizes,
    simpler=ONE_SAMPLE,
    axes={"y": "sample token width", "dx": "sample token width"},
)

TASKS = (
    loops(
        "relative_logits_loops",
        mistakes={
            "query = q[y * X + x]": {
                "query = q[x * Y + y]": f"queries {BY_COLUMN}",
                "query = q[y]": "that is the query of place y; the one in row y and column x is q[y * X + x]",
                "query = q[x]": "that is the query of place x; the one in row y and column x is q[y * X + x]",
                "query = q[y * X + x] / q.shape[1] ** 0.5": f"the scores are {AS_IT_IS}",
                "query = q[-1 - y * X - x]": "queries are taken from the last to the first",
            },
            BOTH: {
                "query @ rows[row_index[y, u]]": "the ways to the right are missing: the two scores are added",
                "query @ columns[column_index[x, v]]": "the ways down are missing: the two scores are added",
                "query @ rows[row_index[y, u]] - query @ columns[column_index[x, v]]": "the score of the columns is "
                "subtracted; it is added",
                "(query @ rows[row_index[y, u]]) * (query @ columns[column_index[x, v]])": "the two scores are "
                "multiplied; they are added",
                "(query @ rows[row_index[y, u]] + query @ columns[column_index[x, v]]) / 2": "the mean of the two "
                "scores is taken; they are added",
                "query @ (rows[row_index[y, u]] * columns[column_index[x, v]])": "the two vectors are multiplied; the "
                "query meets each, and the scores are added",
                "rows[row_index[y, u]] @ columns[column_index[x, v]]": "the query is missing: it meets both vectors",
                "rows[row_index[y, u]].sum() + columns[column_index[x, v]].sum()": "the query is missing: it meets "
                "both vectors",
                "query @ rows[u] + query @ columns[v]": "the tables are asked for the place of the key; they are asked "
                "for the way to it: row_index[y, u], column_index[x, v]",
                "query @ rows[y] + query @ columns[x]": "the tables are asked for the place of the query; they are "
                "asked for the way from it: row_index[y, u], column_index[x, v]",
                "query @ rows[y - u + U - 1] + query @ columns[x - v + V - 1]": DIFFERENCE,
                "query @ rows[y - u] + query @ columns[x - v]": f"{DIFFERENCE} (below 0, Python counts from the end)",
                "query @ rows[-1 - row_index[y, u]] + query @ columns[-1 - column_index[x, v]]": "the tables are read "
                "from the end: each way is taken for the one back",
            },
            "logits[y, x, u, v] =": {
                "logits[y, x, U - 1 - u, v] =": "the rows of the keys are upside down",
                "logits[y, x, u, V - 1 - v] =": "the columns of the keys are mirrored",
                "logits[Y - 1 - y, x, u, v] =": "the rows of the queries are upside down",
            },
        },
    ),
    indices(
        "relative_index",
        properties=(
            Property("only the way counts", only_the_way_counts),
            Property("all ways are in the table", all_in_the_table),
        ),
        mistakes={
            SPREAD: {
                "apart, keys_apart = 1.0, 1.0": NOT_SPREAD,
                "apart, keys_apart = max(queries / keys, 1.0), max(keys / queries, 1.0)": "the larger map is spread; "
                "the smaller one is, over the larger",
                "apart, keys_apart = keys / queries, queries / keys": "one map is spread and the other pressed "
                "together; places of the larger map are one apart: max(..., 1)",
                "apart, keys_apart = max(keys // queries, 1), max(queries // keys, 1)": "the smaller map is spread by "
                "a whole number; by keys / queries or queries / keys, and ways are cut off at the end",
                "apart, keys_apart = max(keys / queries, 1.0), 1.0": NOT_SPREAD,
                "apart, keys_apart = 1.0, max(queries / keys, 1.0)": "where there are fewer queries, these are not "
                "spread",
                "apart, keys_apart = min(keys / queries, 1.0), min(queries / keys, 1.0)": "the larger map is pressed "
                "together; the smaller one is spread over it: max(..., 1)",
            },
            WAY: {
                "way = np.arange(keys) * keys_apart - np.arange(queries)[:, None] * apart": "the way is that of the "
                "key minus the query; it is that of the query minus the key",
                "way = np.abs(np.arange(queries)[:, None] * apart - np.arange(keys) * keys_apart)": "up and down have "
                "the same vector; the way has a sign",
                "way = np.arange(queries)[:, None] * apart + np.arange(keys) * keys_apart": "the places are added; the "
                "way is their difference",
                "way = (np.arange(queries)[:, None] - np.arange(keys)) * apart * keys_apart": "the difference is "
                "spread; each place is spread by itself, and then the difference is taken",
                "way = (np.arange(queries) * apart - np.arange(keys)[:, None] * keys_apart)": "... y",
            },
            CUT_OFF: {
                "return way.astype(int)": "ways are not moved: the longest one up is negative, and must have the index "
                "0",
                "return (way + keys - 1).astype(int)": "ways are moved by keys - 1; by the place of the last key, "
                "which is spread, too",
                "return (way + max(queries, keys) - 1).astype(int)": "ways are moved by the larger number of places, "
                "less one; by the place of the last key, so that the longest way up has the index 0",
                "return (way + queries - 1).astype(int)": "ways are moved by the number of queries; by the place of "
                "the last key",
                "return (way + (queries - 1) * apart).astype(int)": "ways are moved by the place of the last query; by "
                "that of the last key",
                "return (way + keys * keys_apart).astype(int)": "ways are moved one key too far: the first vector is "
                "used by none",
                "return np.rint(way + (keys - 1) * keys_apart).astype(int)": "ways are rounded; they are cut off to "
                "whole places",
                "return np.ceil(way + (keys - 1) * keys_apart).astype(int)": "ways are rounded up; they are cut off to "
                "whole places",
                "return way.astype(int) + int((keys - 1) * keys_apart)": "way and shift are cut off each by itself; "
                "add first, and then cut off",
                "return way + (keys - 1) * keys_apart": "... y",
                "return (way - way.min()).astype(int)[:, ::-1]": "... y",
            },
        },
    ),
    logits(
        "relative_logits_forward",
        properties=(
            Property("a column and a row", a_column_and_a_row),
            Property("a query that is twice as long", twice_the_query),
        ),
        mistakes={
            "q = q.reshape(*B, Y, X, K)": {
                "q = q.reshape(*B, X, Y, K).swapaxes(-3, -2)": f"queries {BY_COLUMN}",
                "q = q.reshape(*B, Y, X, K); q *= 1.5": "... you modified q in place",
                "q = q.reshape(*B, Y, X, K)[..., ::-1, :, :]": "the rows of the queries are upside down",
                "q = q.reshape(*B, Y, X, K)[..., ::-1, :]": "the columns of the queries are mirrored",
                "q = q.reshape(*B, Y, X, K) / K**0.5": f"the scores are {AS_IT_IS}",
            },
            ROWS_OF_KEYS: {
                f"{ROWS_OF_KEYS}; r = r[:, ::-1]": "the rows of the keys are upside down",
                f"{ROWS_OF_KEYS}; r = rows[::-1][row_index]": "the table of rows is read from the end: ways down are "
                "taken for ways up",
                f"{ROWS_OF_KEYS}; r = rows[np.arange(Y)[:, None] - np.arange(U)]": "row_index is not used: the index "
                "is the plain difference of the rows (and below 0, Python counts from the end)",
                f"{ROWS_OF_KEYS}; r = rows[np.arange(Y)[:, None] - np.arange(U) + U - 1]": "row_index is not used: "
                "the index is the plain difference of the rows, of which the smaller map is not spread",
                f"{ROWS_OF_KEYS}; r = np.broadcast_to(rows[:U], r.shape)": "the table of rows is asked for the row of "
                "the key; for the way to it, row_index",
                f"{ROWS_OF_KEYS}; r = r.mean(1, keepdims=True).repeat(U, 1)": "all rows of keys have the mean of their "
                "vectors; each has its own",
            },
            COLUMNS_OF_KEYS: {
                f"{COLUMNS_OF_KEYS}; c = c[:, ::-1]": "the columns of the keys are mirrored",
                f"{COLUMNS_OF_KEYS}; c = columns[::-1][column_index]": "the table of columns is read from the end: "
                "ways to the right are taken for ways to the left",
                f"{COLUMNS_OF_KEYS}; c = columns[np.arange(X)[:, None] - np.arange(V)]": "column_index is not used: "
                "the index is the plain difference of the columns (and below 0, Python counts from the end)",
                f"{COLUMNS_OF_KEYS}; c = columns[np.arange(X)[:, None] - np.arange(V) + V - 1]": "column_index is not "
                "used: the index is the plain difference of the columns, of which the smaller map is not spread",
                f"{COLUMNS_OF_KEYS}; c = np.broadcast_to(columns[:V], c.shape)": "the table of columns is asked for "
                "the column of the key; for the way to it, column_index",
                f"{COLUMNS_OF_KEYS}; c = rows[column_index % len(rows)]": "the vectors of the columns are taken out of "
                "the table of rows",
            },
            OF_ROWS: {
                "of_rows = q @ r.mT / K**0.5": f"the scores of the rows are {AS_IT_IS}",
                "of_rows = np.ones_like(q) @ r.mT": "in the scores of the rows the query is missing",
                "of_rows = q.mean(-2, keepdims=True).repeat(X, -2) @ r.mT": "all queries of a row share their mean; "
                "each asks for itself",
                "of_rows = q[..., :1, :].repeat(X, -2) @ r.mT": "the first query of each row stands for all of them",
                "of_rows = 0 * (q @ r.mT)": "the scores of the rows are missing",
                "of_rows = -(q @ r.mT)": "the scores of the rows are subtracted; they are added",
            },
            OF_COLUMNS: {
                f"{OF_COLUMNS} / K**0.5": f"the scores of the columns are {AS_IT_IS}",
                f"{OF_COLUMNS} * 0": "the scores of the columns are missing",
                f"{OF_COLUMNS} * -1": "the scores of the columns are subtracted; they are added",
                "of_columns = (np.ones_like(q).swapaxes(-3, -2) @ c.mT).swapaxes(-3, -2)": "in the scores of the "
                "columns the query is missing",
                "of_columns = (q[..., :1, :, :].repeat(Y, -3).swapaxes(-3, -2) @ c.mT).swapaxes(-3, -2)": "the first "
                "query of each column stands for all of them",
            },
            "logits = of_rows[..., :, None] + of_columns[..., None, :]": {
                "logits = of_rows[..., None, :] + of_columns[..., :, None]": f"keys {BY_COLUMN}",
                "logits = of_rows[..., :, None] * of_columns[..., None, :]": "the scores of rows and columns are "
                "multiplied; they are added",
                "logits = (of_rows[..., :, None] + of_columns[..., None, :]) / 2": "the mean of the two scores is "
                "taken; they are added",
                "logits = (of_rows[..., :, None] + of_columns[..., None, :]) / (U * V)": "the scores are divided by "
                "the number of keys; they are only added",
                "logits = np.maximum(of_rows[..., :, None], of_columns[..., None, :])": "the larger of the two scores "
                "is taken; they are added",
            },
            "return logits.reshape(*B, N, U * V),": {
                "return logits,": "... the numbers are right, only the shape",
                "return logits.reshape(*B, N, U * V).mT,": "... y has shape",
                "return logits.swapaxes(-4, -3).reshape(*B, N, U * V),": "the rows of what comes out are numbered "
                "column by column; queries stand row by row",
                "return (np.stack([l.reshape(N, U * V) for l in logits.reshape(-1, Y, X, U, V)]).reshape(*B, N, U * "
                "V)),": "... a loop over axis 0 of q",
            },
            "RelativeLogitsCache(q, r, c, c_rows, c_columns)": {
                "RelativeLogitsCache(q, c, r, c_rows, c_columns)": "... cache.rows",
                "RelativeLogitsCache(q / K**0.5, r, c, c_rows, c_columns)": "... cache.q",
            },
        },
        reasons={"sqrt(the head width)": "the scores of positions take the query as it is"},
    ),
    logits(
        "relative_logits_backward",
        mistakes={
            "dlogits = dy.reshape(*B, Y, X, U, V)": {
                "dlogits = dy.reshape(*B, X, Y, U, V).swapaxes(-4, -3)": f"the queries of dy {BY_COLUMN}",
                "dlogits = dy.reshape(*B, Y, X, V, U).mT": f"the keys of dy {BY_COLUMN}",
                "dlogits = dy.reshape(*B, Y, X, U, V) / K**0.5": f"dy is {AS_IT_IS}",
                "dlogits = dy.reshape(*B, Y, X, U, V)[..., ::-1, :]": "the rows of the keys are upside down in dy",
                "dlogits = dy.reshape(*B, Y, X, U, V)[..., ::-1]": "the columns of the keys are mirrored in dy",
            },
            "dof_rows = row_sum(dlogits)[..., 0]": {
                "dof_rows = dlogits.mean(-1)": "for the rows, the mean over the columns of the keys is taken; the same "
                "score stood in all of them: sum",
                "dof_rows = dlogits[..., 0]": "for the rows, the first column of the keys alone is taken; the same "
                "score stood in all of them: sum",
                "dof_rows = dlogits[..., -1]": "for the rows, the last column of the keys alone is taken; the same "
                "score stood in all of them: sum",
                "dof_rows = np.broadcast_to(dlogits.sum((-2, -1))[..., None], (*B, Y, X, U))": "for the rows, the sum "
                "over all keys is taken; each row of keys has its own, over its columns",
            },
            "dof_columns = row_sum(dlogits.swapaxes(-2, -1))[..., 0]": {
                "dof_columns = dlogits.mean(-2)": "for the columns, the mean over the rows of the keys is taken; the "
                "same score stood in all of them: sum",
                "dof_columns = dlogits[..., 0, :]": "for the columns, the first row of the keys alone is taken; the "
                "same score stood in all of them: sum",
                "dof_columns = dlogits[..., -1, :]": "for the columns, the last row of the keys alone is taken; the "
                "same score stood in all of them: sum",
            },
            "dq = dof_rows @ r": {
                "dq = 0 * q": "in dq the rows are missing: the query met both vectors, and what comes from "
                "both is added",
                "dq = dof_rows @ r[::-1]": "in dq the vectors are those of the rows of queries in reversed order",
                "dq = dof_rows @ r / U": "in dq the mean over the rows of the keys is taken; it is the sum",
                "dq = -(dof_rows @ r)": "in dq what comes from the rows is subtracted; it is added",
                "dq = dof_rows @ np.broadcast_to(r[:1], r.shape)": "in dq the vectors of the first row of queries "
                "stand for all rows",
            },
            "dq += (dof_columns.swapaxes(-3, -2) @ c).swapaxes(-3, -2)": {
                "pass": "in dq the columns are missing: the query met both vectors",
                "dq -= (dof_columns.swapaxes(-3, -2) @ c).swapaxes(-3, -2)": "in dq what comes from the columns is "
                "subtracted; it is added",
                "dq += (dof_columns.swapaxes(-3, -2) @ c / V).swapaxes(-3, -2)": "in dq the mean over the columns of "
                "the keys is taken; it is the sum",
                "dq += (dof_columns.swapaxes(-3, -2) @ c[::-1]).swapaxes(-3, -2)": "in dq the vectors are those of the "
                "columns of queries in reversed order",
            },
            "dr = _per_row(dof_rows, q)": {
                "dr = _per_row(dof_rows, q) / X": f"drows is a mean over the queries of a row; {ALL_QUERIES}",
                "dr = _per_row(dof_rows[..., :1, :], q[..., :1, :])": "drows is made of the first query of each row; "
                f"{ALL_QUERIES}",
                "dr = _per_row(dof_rows[:1], q[:1])": "drows is that of the first sample; all have met the same "
                "vectors: sum",
                "dr = _per_row(dof_rows, np.ones_like(q))": "in drows the query is missing",
                "dr = _per_row(dof_rows, q)[:, ::-1]": "in drows the rows of the keys are upside down",
                "dr = _per_row(dof_rows, q[..., ::-1, :])": "in drows the gradient meets queries in another order",
            },
            "dc = _per_row(dof_columns.swapaxes(-3, -2), q.swapaxes(-3, -2))": {
                "dc = _per_row(dof_columns.swapaxes(-3, -2), q.swapaxes(-3, -2)) / Y": "dcolumns is a mean over the "
                "queries of a column; all of them have met the same vectors: sum",
                "dc = _per_row(dof_columns.swapaxes(-3, -2)[..., :1, :], q.swapaxes(-3, -2)[..., :1, :])": "dcolumns "
                "is made of the first query of each column; all of them have met the same vectors: sum",
                "dc = _per_row(dof_columns[:1].swapaxes(-3, -2), q[:1].swapaxes(-3, -2))": "dcolumns is that of the "
                "first sample; all have met the same vectors: sum",
                "dc = _per_row(dof_columns.swapaxes(-3, -2), np.ones_like(q).swapaxes(-3, -2))": "in dcolumns the "
                "query is missing",
            },
            "(drows,) = embedding_backward(dr, c_rows)": {
                overwritten("drows", "dr", "c_rows"): f"drows keeps the last pair of rows only; {PAIRS}",
                averaged("drows", "dr", "c_rows"): f"drows is the mean over pairs of rows; {PAIRS}",
                "(drows,) = embedding_backward(dr, c_rows); drows = drows[::-1]": "... reversed along the vector axis",
                "(drows,) = embedding_backward(dr, c_rows); drows = -drows": "... drows has the wrong sign",
                "(drows,) = embedding_backward(dr, c_rows); drows /= len(dy)": "... the batch: averaged over it",
                "drows = dr": "... drows has shape",
            },
            "(dcolumns,) = embedding_backward(dc, c_columns)": {
                overwritten("dcolumns", "dc", "c_columns"): "dcolumns keeps the last pair of columns only; "
                f"{PAIRS.replace('rows', 'columns')}",
                averaged("dcolumns", "dc", "c_columns"): "dcolumns is the mean over pairs of columns; "
                f"{PAIRS.replace('rows', 'columns')}",
                "(dcolumns,) = embedding_backward(dc, c_columns); dcolumns = dcolumns[::-1]": "... reversed along the "
                "vector axis",
                "dcolumns = np.zeros(c_columns.table_shape, dy.dtype)": "... dcolumns is zero everywhere",
            },
            "return RelativeLogitsGrads(dq.reshape(*B, Y * X, K), drows, dcolumns)": {
                "return RelativeLogitsGrads(dq.reshape(*B, Y * X, K), dcolumns, drows)": "... ",
                "return RelativeLogitsGrads(dq, drows, dcolumns)": "... the numbers are right, only the shape",
                "return RelativeLogitsGrads(dq.swapaxes(-3, -2).reshape(*B, Y * X, K), drows, dcolumns)": "dq is put "
                "back column by column; queries are numbered row by row",
            },
        },
        reasons={"sqrt(the head width)": "the scores of positions take the query as it is"},
    ),
    layers(
        "PoolingAttention.forward",
        properties=(
            Property("c is found and b is added", found_and_added),
            Property("heads share the kernels", heads_share_kernels),
        ),
        mistakes={
            QKV: {
                pooling("return np.concatenate((maps.reshape(*lead, -1, K), x[..., :P, :]), axis=-2), cache"): "the "
                "tokens in front of the map come behind it; they stay in front",
                pooling(
                    "return np.concatenate((x[..., N - P :, :], maps.reshape(*lead, -1, K)), axis=-2), cache",
                    "x[..., : N - P, :].reshape(-1, *map_size, K)",
                ): "the map is taken from the first token on, and the last one for the one in front; the map begins "
                "behind the tokens in front",
                pooling(
                    IN_FRONT, "x[..., P:, :].reshape(-1, *map_size[::-1], K).swapaxes(1, 2)"
                ): f"places of the map {BY_COLUMN}",
                pooling(
                    IN_FRONT.replace("maps.reshape", "maps.swapaxes(1, 2).reshape")
                ): "the pooled map is read column by column; row by row",
                pooling(IN_FRONT.replace("x[..., :P, :]", "0 * x[..., :P, :]")): "the tokens in front of the map are "
                "lost: they go around pooling, as they are",
                pooling(
                    IN_FRONT.replace(
                        "x[..., :P, :]", "x[..., :P, :] + maps.reshape(*lead, -1, K).mean(-2, keepdims=True)"
                    )
                ): "the mean of the pooled map is added to the tokens in front; they stay as they are",
                pooling(
                    IN_FRONT.replace(
                        "maps.reshape",
                        "whole[:, :: map_size[0] // maps.shape[1], :: map_size[1] // maps.shape[2]].reshape",
                    ).replace("return", "whole = x[..., P:, :].reshape(-1, *map_size, K); return")
                ): "of the map every so many-th place is taken as it is; self.pool_q.forward (and those of keys and "
                "values) weighs the places around",
                pooling(
                    IN_FRONT, "x[..., P:, :].swapaxes(-3, -2).reshape(-1, *map_size, K)"
                ): "heads and places are torn apart: each head of each sample is a map by itself, (B, H, N, K) becomes "
                "(B*H, Y, X, K)",
                f"x *= 1.5; {QKV}": "... you modified x in place",
                f"{QKV}; h = h - self.qkv.forward(0 * x)[0]": "the bias of qkv is missing: self.qkv.forward(x)",
            },
            SPLIT: {
                "k, q, v = np.split(heads, 3, axis=-3)": "queries and keys are exchanged: the columns of qkv are "
                "[q; k; v]",
                "q, v, k = np.split(heads, 3, axis=-3)": "keys and values are exchanged: the columns of qkv are "
                "[q; k; v]",
                "v, k, q = np.split(heads, 3, axis=-3)": "queries and values are exchanged: the columns of qkv are "
                "[q; k; v]",
                "q, k, v = np.moveaxis(heads.reshape(len(x), -1, 3, *heads.shape[-2:]), 2, 0)": "each head has its q, "
                "k, v side by side; the columns of qkv are [q; k; v], and heads inside each",
            },
            pooled("k"): {
                f"{pooled('k')}; k = pool_tokens(self.pool_v, np.split(heads, 3, axis=-3)[1], **sizes)[0]": "keys are "
                "pooled with the kernels of the values; self.pool_k has theirs",
            },
            pooled("v"): {
                f"{pooled('v')}; v = pool_tokens(self.pool_k, np.split(heads, 3, axis=-3)[2], **sizes)[0]": "values "
                "are pooled with the kernels of the keys; self.pool_v has theirs",
            },
            normed("q"): {
                **norm_mistakes("q"),
                f"{normed('q')}; q = pool_tokens(self.pool_q, self.norm_q.forward(np.split(heads, 3, axis=-3)[0])[0], "
                "**sizes)[0]": "queries are normed before they are pooled; the norm comes behind",
            },
            normed("k"): norm_mistakes("k"),
            normed("v"): norm_mistakes("v"),
            E: {
                f"{E}; bias = None": "the scores of relative positions are missing: self.relative_logits(q)",
                f"{E}; bias = bias if bias is None else bias / q.shape[-1] ** 0.5": "the scores of relative positions "
                "are divided by sqrt(K), as in the paper's formula; they are added as they are, as in its code",
                f"{E}; bias = bias if bias is None else -bias": "the scores of relative positions are subtracted; they "
                "are added",
                f"{E}; bias = self.relative_logits(pool_tokens(self.pool_q, np.split(heads, 3, axis=-3)[0], "
                "**sizes)[0])[0]": "relative positions are asked by queries that are not normed; by those that attend",
            },
            ATTEND: {
                f"{ATTEND}; h = multi_head_attention_forward(q, v, k, bias)[0]": "keys and values have changed places "
                "in attention",
                f"{ATTEND}; h = multi_head_attention_forward(q / q.shape[-1] ** 0.5, k, v, bias)[0]": "the scores are "
                "divided by sqrt(K) twice; multi_head_attention_forward does it",
                f"{ATTEND}; h = multi_head_attention_forward(q * q.shape[-1] ** 0.5, k, v, bias)[0]": "the scores are "
                "not divided by sqrt(K); they are, before relative positions are added",
                f"{ATTEND}; P = self.num_prefix_tokens; h = multi_head_attention_forward(q, k[..., P:, :], v[..., P:, "
                ":], None if bias is None else bias[..., P:])[0]": "nobody asks the tokens in front; they are keys as "
                "all others",
                f"{ATTEND}; h = np.ascontiguousarray(h.reshape(len(h), h.shape[1], self.num_heads, -1)[:, :, ::-1])"
                ".reshape(h.shape)": "what heads found is put side by side in reversed order",
            },
            MERGED: {
                "merged, _ = merge_heads_forward(pool_tokens(self.pool_q, np.split(heads, 3, axis=-3)[0], **sizes)[0])"
                "": "the queries are added as they were before their norm; those that attend are added",
                "merged = q.reshape(len(q), q.shape[2], -1)": "the heads of the queries that are added are torn apart: "
                "(B, H, N, K) becomes (B, N, H*K) with merge_heads_forward",
                "merged = q.transpose(0, 2, 3, 1).reshape(h.shape)": "in the queries that are added, heads stand "
                "inside each channel; channels stand inside each head: merge_heads_forward",
            },
            ADDED: {
                "pass": "residual pooling is missing: the pooled queries are added to what attention found",
                "h = h - merged": "the pooled queries are subtracted; they are added",
                "h = (h + merged) / 2": "the mean of the pooled queries and what was found is taken; they are added",
                "h = merged": "the pooled queries take the place of what attention found; they are added",
                "h = h * merged": "the pooled queries are multiplied with what was found; they are added",
                "merged = merged.copy(); merged[:, : self.num_prefix_tokens] = 0; h = h + merged": "the tokens in "
                "front get no query added; all tokens get theirs",
            },
            "if self.residual_pooling:": {
                "if True:": "the pooled queries are added though residual_pooling is off",
            },
            PROJ: {
                "y, c_proj = h, self.proj.forward(h)[1]": "the output map is missing: self.proj",
                f"{PROJ}; y = y[:, ::-1]": "... reversed along the token axis",
                f"{PROJ}; y = y + merge_heads_forward(q)[0]": "the pooled queries are added behind proj; they are "
                "added before it, once",
            },
        },
        uses=("relative_index", "relative_logits_forward"),
        free=tuple(f"cache.pool_{part}.x" for part in "qkv"),
    ),
    layers(
        "PoolingAttention.backward",
        mistakes={
            PROJ_BACK: {
                unpooling(DIN_FRONT.replace("dy[..., :P, :]", "0 * dy[..., :P, :]")): "the gradient of the tokens in "
                "front is lost: they went around pooling, and so does it",
                unpooling(
                    "return np.concatenate((dmaps.reshape(*lead, -1, K), dy[..., :P, :]), axis=-2)"
                ): "the gradient of the tokens in front is put behind that of the map",
                unpooling(
                    DIN_FRONT.replace("dmaps.reshape", "dmaps.swapaxes(1, 2).reshape")
                ): "the gradient of the map is read column by column; row by row",
                unpooling(
                    DIN_FRONT, "dy[..., P:, :].reshape(-1, *pooled_size[::-1], K).swapaxes(1, 2)"
                ): "the gradient of the pooled map is laid out column by column; row by row",
                unpooling(
                    DIN_FRONT.replace("dmaps.reshape", "spread.reshape").replace(
                        "return",
                        "s = [-(-a // b) for a, b in zip(map_size, pooled_size)]; spread = dy[..., P:, "
                        ":].reshape(-1, *pooled_size, K).repeat(s[0], 1).repeat(s[1], 2)[:, : map_size[0], : "
                        "map_size[1]] / (s[0] * s[1]); return",
                    )
                ): "the gradient of a pooled place is shared out evenly among those it was made of; the pooling's own "
                "backward weighs them",
                "dh = dy @ self.proj.weight.value.T": "the backward of proj is not called: it gets no gradient",
                "self.proj.backward(dy, cache.proj); dh = self.proj.backward(dy, cache.proj)": "... times too large",
            },
            DHEADS: {
                "dheads, _ = split_heads_forward(dy, num_heads=self.num_heads)": "to the queries that were added goes "
                "dy; what has passed proj does",
                "dheads = dh.reshape(dq.shape)": "the heads of the gradient that goes to the queries are torn apart: "
                "split_heads_forward",
            },
            "dq = dq + dheads": {
                "pass": "the gradient of residual pooling is missing: the queries were added, so dh goes back to them "
                "as it is, too",
                "dq = dq - dheads": "the gradient of residual pooling is subtracted; it is added",
                "dq = dheads": "what comes through attention is lost: the gradient of residual pooling is added to it",
                "dq = dq + 2 * dheads": "the gradient of residual pooling counts twice",
                "dheads = dheads.copy(); dheads[..., : self.num_prefix_tokens, :] = 0; dq = dq + dheads": "the tokens "
                "in front get no gradient of residual pooling; their queries were added, too",
            },
            "if self.residual_pooling:": {
                "if True:": "the gradient of residual pooling is added though there is none",
            },
            E_BACK: {
                "pass": "nothing reaches the tables of relative positions, and the queries hear nothing of them: "
                "self.relative_logits_backward",
                "self.relative_logits_backward(dq, dbias, cache.relative_logits)": "what relative positions want of "
                "the queries is not added: self.relative_logits_backward returns dq with it",
                "dq = self.relative_logits_backward(dq, dbias / dq.shape[-1] ** 0.5, cache.relative_logits)": "the "
                "gradient of relative positions is divided by sqrt(K); the forward does not divide by it",
                "dq = dq + self.relative_logits_backward(dq, dbias, cache.relative_logits)": "what comes through "
                "attention counts twice: self.relative_logits_backward returns dq with its own part added",
            },
            way_back("q"): {
                "pass": "the way back through the norm of the queries is missing: self.norm_q.backward",
            },
            way_back("k"): {
                "pass": "the way back through the norm of the keys is missing: self.norm_k.backward",
                "dk = self.norm_q.backward(dk, cache.norm_k)": "the gradient of the keys' norm is given to that of the "
                "queries",
            },
            way_back("v"): {
                "pass": "the way back through the norm of the values is missing: self.norm_v.backward",
                "dv = self.norm_k.backward(dv, cache.norm_v)": "the gradient of the values' norm is given to that of "
                "the keys",
            },
            unpooled("k", "k"): {
                unpooled("k", "v", "k"): "the gradient of the keys' kernels is given to those of the values",
                unpooled("k", "v"): "the gradient of the keys goes back through the pooling of the values",
                **without_front("k"),
                unpooled("k", "k") + "; dk = 0 * dk": "nothing goes back to x through the keys",
            },
            unpooled("v", "v"): {
                unpooled("v", "k", "v"): "the gradient of the values' kernels is given to those of the keys",
                unpooled("v", "k"): "the gradient of the values goes back through the pooling of the keys",
                **without_front("v"),
                unpooled("v", "v") + "; dv = 0 * dv": "nothing goes back to x through the values",
            },
            unpooled("q", "q"): {
                **without_front("q"),
                unpooled("q", "q") + "; dq = 0 * dq": "nothing goes back to x through the queries",
            },
            JOINED: {
                JOINED.replace(
                    "dq, dk, dv", "dk, dq, dv"
                ): "the gradients of queries and keys have changed places: the columns of qkv are [q; k; v]",
                JOINED.replace("dq, dk, dv", "dq, dv, dk"): "the gradients of keys and values have changed places: the "
                "columns of qkv are [q; k; v]",
                "B, _, N, _ = dq.shape; dh = np.stack([d.swapaxes(1, 2) for d in (dq, dk, dv)], axis=3).reshape(B, N, "
                "-1)": "the gradients are put side by side head by head; the columns of qkv are [q; k; v], and heads "
                "inside each",
                "B, _, N, _ = dq.shape; dh = join_heads(dq, dk, dv).copy().reshape(B, N, -1)": "the heads of the "
                "gradient of qkv are torn apart: (B, 3H, N, K) becomes (B, N, 3H*K) with split_heads_backward",
            },
            "return self.qkv.backward(dh, cache.qkv)": {
                "return dh @ self.qkv.weight.value.T": "the backward of qkv is not called: it gets no gradient",
                "return -self.qkv.backward(dh, cache.qkv)": "... dx has the wrong sign",
                "return self.qkv.backward(dh, cache.qkv) / len(dy)": "... the batch: averaged over it",
                "self.qkv.zero_grad(); return self.qkv.backward(dh, cache.qkv)": "... is assigned where a gradient is "
                "there already",
            },
        },
        uses=("relative_logits_backward",),
    ),
)

POOLING_ATTENTION = Exercise(
    "pooling_attention",
    "pooling attention: relative positions between two maps, and the layer of MViT",
    60,
    TASKS,
    offers=(
        *("np", "embedding_forward", "embedding_backward", "join_heads", "split_heads_forward"),
        *("split_heads_backward", "merge_heads_forward", "multi_head_attention_forward"),
        "multi_head_attention_backward",
    ),
    closed=(
        *(f"minivit.layers.pooling_attention:{name}" for name in ("pool_tokens", "pool_tokens_backward")),
        "minivit.ops.relative_logits:_per_row",
    ),
    lecture="13_after_swin",
    section=2,
)
