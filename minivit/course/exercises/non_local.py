"""Attention between the blocks of a convolutional network: without a softmax, with it, and behind a gate."""

from functools import partial

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case, choose, different
from minivit.course.exercise import Call, Draw, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, arrays, close, first_sample, lengths, telling, with_options
from minivit.layers.non_local import NonLocal

NO_KINK = 1e-4  # a score may not be so near zero that float32 rounds it to the other side


def compared(lead: int = 1, width: int | None = None) -> Draw:
    """Draws queries, keys and values with so many leading axes, and a vector that reads queries and keys."""

    def drawn(rng: Generator) -> Case:
        while True:
            *batch, N, S, K, V = lengths(rng, lead + 4)
            K = K if width is None else width
            q, k, v = (rng.standard_normal((*batch, *shape)) for shape in ((N, K), (S, K), (S, V)))
            vector = rng.standard_normal(2 * K)
            scores = (q @ vector[:K])[..., :, None] + (k @ vector[K:])[..., None, :]
            if 2 * K not in (*batch, N, S, V) and np.abs(scores).min() > NO_KINK:
                return Case((q, k, v, vector), {})

    return drawn


def without_vector(rng: Generator) -> Case:
    (q, k, v, _), _ = compared(lead=0)(rng)
    return Case((q, k, v), {})


def many(rng: Generator) -> Case:
    q, k, v = (rng.standard_normal((64, 8, *shape)) for shape in ((6, 5), (7, 5), (7, 5)))
    return Case((q, k, v, rng.standard_normal(10)), {})


def gain(rng: Generator) -> Case:
    B, Y, X, C = lengths(rng, 4)
    return Case((rng.standard_normal((B, Y, X, C)), {"gamma": 0.5 + rng.random(1)}), {})


def closed_gain(rng: Generator) -> Case:
    (x, _), _ = gain(rng)
    return Case((x, {"gamma": np.zeros(1)}), {})


def negative_gain(rng: Generator) -> Case:
    (x, params), _ = gain(rng)
    return Case((x, {"gamma": -params["gamma"]}), {})


def gain_of_tokens(rng: Generator) -> Case:
    (x, params), _ = gain(rng)
    return Case((x[:, :, 0], params), {})


def block(rng: Generator, odd: bool = False, sides: tuple[int, int] | None = None, **options: object) -> Case:
    """A map and the parameters of the block; no two lengths are equal: places, keys, and widths."""
    while True:
        Y, X = sides or (choose(rng, 5, 7), choose(rng, 3, 7, 8)) if odd or sides else choose(rng, (4, 6), (6, 4))
        B, C, K = choose(rng, 3, 5), choose(rng, 7, 9, 10), choose(rng, 3, 5, 8)
        keys = Y * X if options.get("sub_sample") is False else (Y // 2) * (X // 2)
        if different((B, Y * X, C), (B, Y * X, K), (B, keys, K), (Y, C, K), (X, C, K), (B, Y, X)) or sides:
            break
    made = {"dim": C, "inter_dim": K, **options}
    shapes = {name: param.shape for name, param in NonLocal(C, K, **options).named_state().items()}  # type: ignore[arg-type]
    params = {name: rng.standard_normal(shape) / choose(rng, 2.0, 3.0) for name, shape in shapes.items()}
    return Case((rng.standard_normal((B, Y, X, C)), params), made)


def drawn_block(odd: bool = False, sides: tuple[int, int] | None = None, **options: object) -> Draw:
    return partial(block, odd=odd, sides=sides, **options)


def named_sizes(case: Case) -> dict[str, float]:
    q, k = case.args[:2]
    found: dict[str, float] = {"the queries": q.shape[-2], "the keys": k.shape[-2], "the head width": q.shape[-1]}
    return telling({**found, "the batch": q.shape[0]} if q.ndim > 2 else found)


def block_sizes(case: Case) -> dict[str, float]:
    B, Y, X, C = case.args[0].shape
    found = {"the batch": B, "the channels": C, "the places": Y * X}
    return telling({**found, "the inner width": case.kwargs["inter_dim"]})


def mean_of_products(call: Call, rng: Generator) -> str | None:
    """Without a softmax, the brackets may stand elsewhere."""
    (q, k, v, _), _ = compared()(rng)
    same = close(call(q, k, v)[0], q @ (k.mT @ v) / k.shape[-2])
    return None if same else "without a softmax (Q K^T) V / S is Q (K^T V) / S; yours is another number"


def twice_as_many_keys(call: Call, rng: Generator) -> str | None:
    (q, k, v, _), _ = compared()(rng)
    both = call(q, np.concatenate((k, k), -2), np.concatenate((v, v), -2))[0]
    says = "if every key and its value comes twice, a mean over the keys stays as it is; yours changes"
    return None if close(both, call(q, k, v)[0]) else says


def no_negative_weights(call: Call, rng: Generator) -> str | None:
    (q, k, v, vector), _ = compared()(rng)
    y = call(q, k, np.ones_like(v), vector)[0]
    return None if y.min() >= 0 else "a ReLU leaves no weight below zero, so of values of 1 no y is negative; yours is"


def begins_as_nothing(call: Call, rng: Generator) -> str | None:
    """With the scale and shift of the norm at zero."""
    (x, params), options = block(rng)
    silent = {**params, "W.1.weight": 0 * params["W.1.weight"], "W.1.bias": 0 * params["W.1.bias"]}
    same = np.array_equal(call(x, silent, **options)[0], x)
    return None if same else "where the norm behind W has the scale 0 and the shift 0, the map goes through as it is"


def places_know_no_order(call: Call, rng: Generator) -> str | None:
    """Without pooling, a map whose rows stand in another order."""
    (x, params), options = block(rng, sub_sample=False)
    same = close(call(x[:, ::-1], params, **options)[0], call(x, params, **options)[0][:, ::-1])
    return None if same else "without pooling, a map that is turned upside down must give the same, upside down"


S_KEYS = "divided by S, the number of keys"
MEAN = {
    "pass": f"the sum over the keys is not divided: it is to be {S_KEYS}",
    "weights /= q.shape[-2]": f"the sum over the keys is divided by N, the number of queries; it is {S_KEYS}",
    "weights /= q.shape[-1]": f"the sum over the keys is divided by K, the width of a query; it is {S_KEYS}",
    "weights /= v.shape[-1]": f"the sum over the keys is divided by V, the width of a value; it is {S_KEYS}",
    "weights /= np.sqrt(q.shape[-1])": "the scores are divided by sqrt(K), as in a Transformer; here they are "
    f"{S_KEYS}",
    "weights /= np.sqrt(k.shape[-2])": f"the sum over the keys is divided by sqrt(S); it is {S_KEYS} itself",
    "weights /= k.shape[-2] ** 2": "the sum over the keys is divided by S twice; once is right",
    "weights /= k.shape[-2] * np.sqrt(q.shape[-1])": "the scores are divided by sqrt(K) as well; 1 / S is all there is",
    "weights /= k.shape[-2] - 1": f"the sum over the keys is divided by S - 1; it is {S_KEYS}",
    "weights /= len(q)": f"the sum over the keys is divided by the number of samples; it is {S_KEYS}",
    "weights *= k.shape[-2]": f"the sum over the keys is multiplied by S; it is {S_KEYS}",
    "weights /= weights.sum(-1, keepdims=True)": "each score is divided by the sum of the scores of its query; it is "
    f"{S_KEYS}, whatever their sum is",
    "weights /= np.abs(weights).sum(-1, keepdims=True)": "each score is divided by the sum of the sizes of the scores; "
    f"it is {S_KEYS}",
    "weights = np.exp(weights); weights /= weights.sum(-1, keepdims=True)": "a softmax is taken of the scores: that is "
    "the embedded Gaussian; here they are divided by S as they are",
    "weights = np.exp(weights); weights /= weights.sum(-2, keepdims=True)": "a softmax is taken, over the queries; "
    "here the scores are divided by S as they are",
    "weights = np.exp(weights) / k.shape[-2]": "the exponential of each score is taken; here it counts as it is",
}
VALUES = {
    "return weights @ v[..., ::-1, :]": "the values are in another order than the keys",
    "return weights @ (v - v.mean(-2, keepdims=True))": "the mean of the values is taken off them; they count as they "
    "are",
    "return weights.sum(-1, keepdims=True) * v.mean(-2, keepdims=True)": "the sum of the weights meets the mean of the "
    "values; each value has a weight of its own",
    "return np.broadcast_to(v.mean(-2, keepdims=True), (*q.shape[:-1], v.shape[-1])).copy()": "that is the plain mean "
    "of the values: the scores are missing",
    "return np.maximum(weights, 0) @ v": "no weight is left below zero",
    "return np.maximum(weights @ v, 0)": "a ReLU is taken of y; of what comes out nothing is cut off",
    "return (weights @ v).mT": "... it equals the transpose",
    "return (weights @ v).sum(-2, keepdims=True)": "... y has shape",
    "q *= 1.5; return weights @ v": "... you modified q in place",
}
RELU = "weights = np.maximum(of_query[..., :, None] + of_key[..., None, :], 0)"
OF_BOTH = "of_query, of_key = q @ vector[:K], k @ vector[K:]"
HALVES = "the halves of the vector are exchanged: its first K numbers meet the query, the last K the key"
SUM_INSIDE = "(of_query[..., :, None] + of_key[..., None, :])"
TWICE_DIVIDED = "the gradient of the scores is divided by S twice; once is right"
NOT_DIVIDED = "the gradient of the scores is not divided by S, as the scores were"


def inside(expression: str) -> str:
    """What becomes of the scores with something else in place of the ReLU."""
    return f"weights = {expression.format(SUM_INSIDE)}"


loops = partial(
    Task, cases={"": without_vector, "with a vector": compared(lead=0)}, axes={"y": "query width"}, keep_loops=True
)
compare = partial(
    Task,
    sizes=named_sizes,
    simpler={"for one sample": first_sample(3)},
    axes={
        "y": "sample query width",
        "cache.weights": "sample query key",
        "dq": "sample query width",
        "dk": "sample key width",
        "dv": "sample key width",
    },
)
dot_product = partial(
    compare,
    cases={
        "": arrays("B N K", "B S K", "B S V"),
        "without a batch": arrays("N K", "S K", "S V"),
        "with two leading axes": arrays("B H N K", "B H S K", "B H S V"),
        "of a map with itself": arrays("B N K", "B N K", "B N V"),
    },
    big=arrays("64 8 6 5", "64 8 7 5", "64 8 7 5"),
)
concatenation = partial(
    compare,
    cases={
        "": compared(),
        "without a batch": compared(lead=0),
        "with two leading axes": compared(lead=2),
        "with queries and keys of one number": compared(width=1),
    },
    big=many,
)
gate = partial(
    Task,
    cases={
        "": gain,
        "where the gate is closed": closed_gain,
        "where the gate is negative": negative_gain,
        "of tokens": gain_of_tokens,
        "with a generator": with_options(gain, rng=3),
    },
    simpler=ONE_SAMPLE,
    axes={"y": "sample row column channel", "dx": "sample row column channel"},
)
blocks = partial(
    Task,
    cases={
        "": drawn_block(),
        "without pooling": drawn_block(sub_sample=False),
        "without a norm": drawn_block(norm=False),
        "without pooling and norm": drawn_block(sub_sample=False, norm=False),
        "on a map with odd sides": drawn_block(odd=True),
        "on a map of one place": drawn_block(sides=(1, 1), sub_sample=False),
        "on a map of a single row": drawn_block(sides=(1, 6), sub_sample=False),
        "with a generator": with_options(block, rng=3),
        "where another form of f overrides attend": with_options(block, overridden="attend"),
    },
    sizes=block_sizes,
    axes={"y": "sample row column channel", "dx": "sample row column channel"},
)

POOLED = "k, c_phi_pool = self.phi_pool.forward(k)  # (B, Y/2, X/2, K)\n    v, c_g_pool = self.g_pool.forward(v)"
ATTEND = "h, c_attention = self.attend(*(part.reshape(B, prod(part.shape[1:3]), part.shape[3]) for part in (q, k, v)))"
LAST = "h, c_W = run(self.W, h.reshape(B, Y, X, h.shape[-1]))  # (B, Y, X, C)"
ROWS = "q_, k_, v_ = (part.reshape(B, -1, part.shape[-1]) for part in (q, k, v))"
RETURN = "return x + h, NonLocalCache("
KEYS_BACK = "dk = self.phi_pool.backward(dk.reshape(B, *keys, dk.shape[-1]), cache.phi_pool)"
VALUES_BACK = "dv = self.g_pool.backward(dv.reshape(B, *keys, dv.shape[-1]), cache.g_pool)"
SOFTMAX_BACK = "dq, dk, dv = self.attend_backward(dh.reshape(B, Y * X, dh.shape[-1]), cache.attention)"
ALIKE = (
    "the four places of a pool get a quarter of the gradient each; the largest of them, which was handed on, gets all"
)


def attended(made: str) -> str:
    """The block with something else in place of attention; the cache is as it was, so that only y tells."""
    return f"{ATTEND.partition('  #')[0]}; {ROWS}; {made}"


def spread(name: str) -> str:
    """The backward of the pooling of keys or values that shares the gradient out evenly."""
    return (
        f"d = {name}.reshape(B, *keys, {name}.shape[-1]); s = Y // keys[0], X // keys[1]; {name} = np.zeros((B, Y, X, "
        f"d.shape[-1]), d.dtype); {name}[:, : s[0] * keys[0], : s[1] * keys[1]] = d.repeat(s[0], 1).repeat(s[1], 2) / "
        "(s[0] * s[1])"
    )


TASKS = (
    loops(
        "non_local_loops",
        mistakes={
            "f = query @ key if vector is None else max(vector @ np.concatenate((query, key)), 0)": {
                "f = query @ key if vector is None else vector @ np.concatenate((query, "
                "key))": "with a vector, what is below zero counts: the ReLU is missing",
                "f = max(query @ key, 0) if vector is None else max(vector @ np.concatenate((query, "
                "key)), 0)": "without a vector, what is below zero is cut off; the dot product counts as it is",
                "f = query @ key if vector is None else max(vector @ np.concatenate((key, query)), "
                "0)": "the key stands first; the query does: [q, k]",
                "f = query @ key": "with a vector, f is the dot product all the same; it is ReLU(w . [q, k])",
                "f = np.exp(query @ key) if vector is None else max(vector @ np.concatenate((query, "
                "key)), 0)": "without a vector, f is the exponential of the dot product; here it is the dot product",
                "f = query @ key / len(query) ** 0.5 if vector is None else max(vector @ np.concatenate((query, "
                "key)), 0)": ("the dot product is divided by sqrt(K), which a Transformer does; here it is not"),
                "f = query @ key if vector is None else min(vector @ np.concatenate((query, key)), "
                "0)": "with a vector, what is above zero is cut off; it is what is below: max(..., 0)",
                "f = query @ key if vector is None else abs(vector @ np.concatenate((query, "
                "key)))": "with a vector, the sign is dropped; what is below zero becomes 0",
                "f = query @ key if vector is None else max(vector[: len(query)] @ query, 0) + "
                "max(vector[len(query) :] @ key, 0)": "a ReLU is taken of the query's number and of the key's, each "
                "alone; it is taken of their sum",
                "f = query @ query if vector is None else max(vector @ np.concatenate((query, "
                "query)), 0)": "the query is held against itself; against the key",
                "f = key @ key if vector is None else max(vector @ np.concatenate((key, key)), 0)": "the key is held "
                "against itself; against the query",
                "f = 1": "that is the plain mean of the values: f is missing",
            },
            "y[n] += f * value / len(k)": {
                "y[n] += f * value": "nothing is divided by S, the number of keys",
                "y[n] += f * value / len(q)": "divided by the number of queries; by that of the keys",
                "y[n] += f * value / len(query)": "divided by the width of a query; by the number of keys",
                "y[n] += f * value / len(value)": "divided by the width of a value; by the number of keys",
                "y[n] = f * value / len(k)": "each value takes the place of the one before, so the last is left; add: "
                "y[n] +=",
                "y[0] += f * value / len(k)": "all is added to the first query's row; it belongs to row n",
                "y[n] += f * v.mean(0) / len(k)": "every key brings the mean of the values; it brings its own",
                "y[n] += f / len(k)": "the value is missing: f weighs it",
                "y[n] -= f * value / len(k)": "... y has the wrong sign",
                "y += f * value / len(k)": "every query gets the sum for all queries; y[n] +=",
            },
        },
    ),
    dot_product(
        "dot_product_mean_forward",
        properties=(
            Property("brackets may be moved", mean_of_products),
            Property("it is a mean over the keys", twice_as_many_keys),
        ),
        mistakes={
            "weights /= k.shape[-2]": MEAN
            | {
                "weights = np.maximum(weights, 0) / k.shape[-2]": "what is below zero is cut off; that belongs to "
                "concatenation, here weights may be negative",
                "weights = np.abs(weights) / k.shape[-2]": "the signs of the scores are dropped; weights may be "
                "negative",
                "weights = weights / k.shape[-2] / np.sqrt((q**2).sum(-1)[..., :, None] * (k**2).sum(-1)[..., "
                "None, :])": (
                    "the products are divided by the lengths of query and key (cosines); they count as they are"
                ),
            },
            "weights = q @ k.mT": {
                "weights = q @ np.roll(k, 1, -2).mT": "the keys are one place off: key j has value j",
                "weights = (q - q.mean(-2, keepdims=True)) @ k.mT": "the mean of the queries is taken off them; they "
                "count as they are",
                "weights = q @ (k - k.mean(-2, keepdims=True)).mT": "the mean of the keys is taken off them; they "
                "count as they are",
                "weights = -((q[..., :, None, :] - k[..., None, :, :]) ** 2).sum(-1)": "the score is minus the squared "
                "distance of query and key; it is their dot product",
                "weights = q.sum(-1)[..., :, None] * k.sum(-1)[..., None, :]": "the sum of the query is multiplied by "
                "the sum of the key; the dot product sums the products",
                "weights = q.astype(np.float32) @ k.mT.astype(np.float32)": "... in float32",
            },
            "return weights @ v": VALUES,
            "weights=weights": {
                "weights=weights * k.shape[-2]": "those are the scores; what is kept are the weights, divided by S",
            },
            "q=q, k=k": {"q=k, k=q": "... cache.q and cache.k are exchanged"},
        },
    ),
    dot_product(
        "dot_product_mean_backward",
        mistakes={
            "dscores /= k.shape[-2]": {
                "pass": NOT_DIVIDED,
                "dscores /= q.shape[-2]": "the gradient of the scores is divided by N, the number of queries; the "
                "forward divides by S, that of the keys",
                "dscores /= q.shape[-1]": "the gradient of the scores is divided by K, the width; the forward "
                "divides by S, the number of keys",
                "dscores /= np.sqrt(q.shape[-1])": "the gradient of the scores is divided by sqrt(K); the forward "
                "divides by S, the number of keys",
                "dscores /= k.shape[-2] ** 2": TWICE_DIVIDED,
                "dscores *= k.shape[-2]": "the gradient of the scores is multiplied by S; the forward divides by it, "
                "and so does the backward",
                "dscores *= weights": "the gradient of the scores is multiplied by the weights, as in a softmax's "
                "backward; there is no softmax here",
                "dscores *= weights / k.shape[-2]": "the gradient of the scores is multiplied by the weights; there "
                "is no softmax here",
                "dscores = weights * (dscores - (dscores * weights).sum(-1, keepdims=True))": "the backward of a "
                "softmax is taken; the forward has none, so the gradient is divided by S, and that is all",
                "dscores = (dscores - dscores.mean(-1, keepdims=True)) / k.shape[-2]": "the mean of the gradients of a "
                "query's scores is taken off them; there is no softmax whose weights sum to one",
                "dscores = dscores * (weights > 0) / k.shape[-2]": "only where a weight is above zero a gradient goes "
                "back; there is no ReLU here",
                "dscores /= len(q)": "the gradient of the scores is divided by the number of samples; by S, the "
                "number of keys",
            },
            "dv = weights.mT @ dy": {
                "dv = weights.mT @ dy / k.shape[-2]": "dv is divided by S once more; the weights in the cache are "
                "divided already",
                "dv = weights.mT @ dy * k.shape[-2]": "dv is made of the scores before they were divided; take the "
                "weights as they are",
                "dv = np.exp(weights) / np.exp(weights).sum(-1, keepdims=True); dv = dv.mT "
                "@ dy": "a softmax is taken of the weights; they are used as they are",
                "dv = np.abs(weights).mT @ dy": "in dv the signs of the weights are dropped; a value that was "
                "subtracted gets the negative gradient",
                "dv = np.ones_like(weights).mT @ dy": "the weights are missing in dv: it is their transpose times dy",
                "dv = weights[..., ::-1].mT @ dy": "... reversed along the key axis",
                "dv = np.broadcast_to((weights.mT @ dy).mean(-2, keepdims=True), v.shape)": "every value gets the mean "
                "of what all values are to get",
            },
            "dscores = dy @ v.mT": {
                "dscores = dy @ np.roll(v, 1, -2).mT": "the gradient of weight (n, j) meets another value than v_j",
                "dscores = dy.sum(-1, keepdims=True) * v.sum(-1)[..., None, :]": "the sum of dy is multiplied by the "
                "sum of the value; a dot product sums the products",
            },
            "DotProductMeanGrads(dscores @ k, dscores.mT @ q, dv)": {
                "DotProductMeanGrads(weights @ k, dscores.mT @ q, dv)": "dq is made of the weights; it is dscores @ k",
                "DotProductMeanGrads(dscores @ k, weights.mT @ q, dv)": "dk is made of the weights; it is the "
                "transpose of dscores times q",
                "DotProductMeanGrads(dscores.mT @ q, dscores @ k, dv)": "... dq and dk are exchanged",
                "DotProductMeanGrads(dscores @ k, 0 * k, dv)": "nothing reaches the keys; their gradient is the "
                "transpose of dscores times q",
                "DotProductMeanGrads(0 * q, dscores.mT @ q, dv)": "nothing reaches the queries; their gradient is "
                "dscores @ k",
                "DotProductMeanGrads(dscores @ k, -dscores.mT @ q, dv)": "... dk has the wrong sign",
                "DotProductMeanGrads(dscores @ k / k.shape[-2], dscores.mT @ q, dv)": "dq is divided by S once more",
                "DotProductMeanGrads(dscores @ k, dscores.mT @ q / q.shape[-2], dv)": "dk is the mean over the "
                "queries; it is their sum",
                "DotProductMeanGrads(dscores @ k, (dscores.mT @ q)[..., ::-1, :], dv)": "... reversed along the key "
                "axis",
                "DotProductMeanGrads(dscores @ np.roll(k, 1, -2), dscores.mT @ q, dv)": "dscores meets the keys in "
                "another order",
                "DotProductMeanGrads(dscores @ k, dscores.mT @ np.roll(q, 1, -2), dv)": "dscores meets the queries in "
                "another order",
            },
        },
        reasons={"the keys": "the forward divides the scores by it"},
    ),
    concatenation(
        "concatenation_mean_forward",
        properties=(Property("no weight is negative", no_negative_weights),),
        mistakes={
            "weights /= k.shape[-2]": {new: says for new, says in MEAN.items() if ".sum(" not in new}
            | {
                "weights /= np.maximum(weights.sum(-1, keepdims=True), 1e-300)": "each weight is divided by the sum of "
                f"those of its query; it is {S_KEYS}, whatever their sum is",
                "weights = np.exp(weights); weights /= weights.sum(-1, keepdims=True)": "a softmax is taken of what "
                "the ReLU leaves; it is divided by S as it is",
                "weights /= 2 * q.shape[-1]": "the sum over the keys is divided by 2K, the length of the vector; it "
                f"is {S_KEYS}",
                "weights /= np.maximum((weights > 0).sum(-1, keepdims=True), 1)": "divided by the number of keys whose "
                f"weight is above zero; it is {S_KEYS}, also of those that the ReLU has cut off",
            },
            OF_BOTH: {
                "of_query, of_key = q @ vector[K:], k @ vector[:K]": HALVES,
                "of_query, of_key = q @ vector[::2], k @ vector[1::2]": "every second number of the vector meets the "
                "query; its first K numbers do",
                "of_query, of_key = q @ vector[:K], k @ vector[:K]": "the first half of the vector meets both; the key "
                "meets the other half",
                "of_query, of_key = q @ vector[K:], k @ vector[K:]": "the last half of the vector meets both; the "
                "query meets the first half",
                "of_query, of_key = q @ vector[:K], 0 * (k @ vector[K:])": "the key's number is missing, so all keys "
                "count alike",
                "of_query, of_key = 0 * (q @ vector[:K]), k @ vector[K:]": "the query's number is missing, so all "
                "queries look at the same",
                "of_query, of_key = q @ vector[:K], -k @ vector[K:]": "the key's number is subtracted; it is added",
                "of_query, of_key = q @ vector[K - 1 :: -1] if K > 1 else q @ vector[:K], k @ vector[: K - 1 : -1]": (
                    "each half of the vector is read from its end"
                ),
            },
            RELU: {
                inside("{}"): "the ReLU is missing: what is below zero counts",
                inside(
                    "np.maximum(of_query, 0)[..., :, None] + np.maximum(of_key, 0)[..., None, :]"
                ): "a ReLU is taken of the query's number and of the key's, each alone; it is taken of their sum",
                inside("np.maximum(of_query[..., :, None] * of_key[..., None, :], 0)"): "the query's number is "
                "multiplied by the key's; the two are added",
                inside("np.minimum({}, 0)"): "what is above zero is cut off; it is what is below: np.maximum(..., 0)",
                inside("np.abs({})"): "the signs are dropped; what is below zero becomes 0",
                inside("np.maximum({}, 0) ** 2"): "the ReLU is squared; it counts as it is",
                inside("np.where({0} > 0, {0}, 0.01 * {0})"): "what is below zero still counts a hundredth (a leaky "
                "ReLU); it becomes 0",
                inside("({} > 0) * 1.0"): "all that is above zero counts alike, as 1; it counts as much as it is",
                inside("np.tanh({})"): "tanh stands where the ReLU is",
                inside("1 / (1 + np.exp(-{}))"): "a sigmoid stands where the ReLU is",
                inside("np.maximum({}, 0.5)"): "what is below one half is lifted to it; below zero it becomes 0",
            },
            "return weights @ v": {new: says for new, says in VALUES.items() if "weights, 0" not in new},
            "weights=weights": {
                "weights=weights * k.shape[-2]": "those are the scores; what is kept are the weights, divided by S",
            },
            "len(vector) != 2 * K": {"False": "... it must raise a ValueError"},
        },
    ),
    concatenation(
        "concatenation_mean_backward",
        mistakes={
            "dscores = kept(dweights, np.real(weights) > 0)": {
                "dscores = dweights": "the ReLU's backward is missing: where it has cut off, nothing goes back",
                "dscores = dweights * weights": "the gradient is multiplied by the weights; where a weight is above "
                "zero it goes back as it is, elsewhere it is 0",
                "dscores = np.maximum(dweights, 0)": "what is below zero in the gradient is cut off; where the "
                "*weight* is not above zero it is",
                "dscores = np.where(weights > 0, 0, dweights)": "the ReLU's backward is the wrong way round: where a "
                "weight is above zero the gradient goes back",
                "dscores = np.where(weights > 0, dweights, 0.01 * dweights)": "where the ReLU has cut off, a hundredth "
                "still goes back; nothing does",
                "dscores = weights * (dweights - (dweights * weights).sum(-1, keepdims=True))": "the backward of a "
                "softmax is taken; the forward has a ReLU",
                "dscores = (weights > 0) * 1.0": "of the ReLU only where it was open is left; dweights is missing",
            },
            "dweights /= k.shape[-2]": {
                "pass": NOT_DIVIDED,
                "dweights /= q.shape[-2]": "the gradient of the scores is divided by N, the number of queries; the "
                "forward divides by S, that of the keys",
                "dweights /= 2 * q.shape[-1]": "the gradient of the scores is divided by 2K, the length of the vector; "
                "the forward divides by S, the number of keys",
                "dweights /= k.shape[-2] ** 2": TWICE_DIVIDED,
                "dweights /= np.maximum((weights > 0).sum(-1, keepdims=True), 1)": "divided by the number of keys "
                "whose weight is above zero; the forward divides by S, all of them",
            },
            "dv = weights.mT @ dy": {
                "dv = weights.mT @ dy / k.shape[-2]": "dv is divided by S once more; the weights in the cache are "
                "divided already",
                "dv = weights.mT @ dy * k.shape[-2]": "dv is made of the scores before they were divided; take the "
                "weights as they are",
                "dv = (weights > 0).astype(dy.dtype).mT @ dy": "in dv all weights above zero count as 1",
                "dv = np.ones_like(weights).mT @ dy": "the weights are missing in dv: it is their transpose times dy",
            },
            "dof_query = row_sum(dscores)": {
                "dof_query = row_sum(dscores) / k.shape[-2]": "a query's number gets the mean over the keys; it gets "
                "the sum",
                "dof_query = dscores.max(-1, keepdims=True)": "a query's number gets the largest gradient of its "
                "row; it gets the sum",
                "dof_query = dscores[..., :1]": "a query's number gets the gradient of the first key alone; it gets "
                "the sum over all keys",
            },
            "dof_key = token_sum(dscores)[..., None]": {
                "dof_key = token_sum(dscores)[..., None] / q.shape[-2]": "a key's number gets the mean over the "
                "queries; it gets the sum",
                "dof_key = dscores[..., 0, :, None]": "a key's number gets the gradient of the first query alone; it "
                "gets the sum over all queries",
                "dof_key = -token_sum(dscores)[..., None]": "the key's number was added, so its gradient is not "
                "negative",
            },
            "dvector = np.concatenate((column_sum(dof_query * q), column_sum(dof_key * k)))": {
                "dvector = np.concatenate((column_sum(dof_key * k), column_sum(dof_query * "
                "q)))": "the halves of dvector are exchanged: what met the query comes first",
                "dvector = np.concatenate((column_sum(dof_query * q), 0 * column_sum(dof_key * k)))": "nothing reaches "
                "the half of the vector that met the key",
                "dvector = np.concatenate((0 * column_sum(dof_query * q), column_sum(dof_key * k)))": "nothing reaches "
                "the half of the vector that met the query",
                "dvector = np.concatenate((column_sum(dof_query * q) / q.shape[-2], column_sum(dof_key * k) / "
                "k.shape[-2]))": "dvector has the mean over queries and keys; it has the sum",
                "dvector = np.concatenate((column_sum(q), column_sum(k)))": "dvector is the sum of queries and keys; "
                "each counts with its gradient",
                "dvector = np.concatenate((column_sum(dof_query * q), column_sum(dof_key * k))) / (len(q) if "
                "q.ndim > 2 else 1)": "... the batch: averaged over it instead of summed",
                "dvector = np.concatenate(((dof_query * q).reshape(-1, *q.shape[-2:])[0].sum(0), (dof_key * "
                "k).reshape(-1, *k.shape[-2:])[0].sum(0)))": "dvector is that of the first sample; all read the same "
                "vector, so sum over them",
                "dvector = np.concatenate((dof_query * q).sum((-2, -1)), (dof_key * k).sum((-2, -1)))": "... ",
            },
            "ConcatenationMeanGrads(dof_query * vector[:K], dof_key * vector[K:], dv, dvector)": {
                "ConcatenationMeanGrads(dof_query * vector[K:], dof_key * vector[:K], dv, "
                "dvector)": "dq and dk are made of each other's half of the vector",
                "ConcatenationMeanGrads(dof_query * vector[:K], dof_key * vector[:K], dv, "
                "dvector)": "dk is made of the half of the vector that met the query",
                "ConcatenationMeanGrads(dof_query * vector[K:], dof_key * vector[K:], dv, "
                "dvector)": "dq is made of the half of the vector that met the key",
                "ConcatenationMeanGrads(dscores @ k, dscores.mT @ q, dv, dvector)": "dq and dk are those of a dot "
                "product; here each is a number times its half of the vector",
                "ConcatenationMeanGrads(dof_query * vector[:K], 0 * k, dv, dvector)": "nothing reaches the keys",
                "ConcatenationMeanGrads(0 * q, dof_key * vector[K:], dv, dvector)": "nothing reaches the queries",
                "ConcatenationMeanGrads(dof_query * vector[:K], dof_key * vector[K:], dv, -dvector)": "... dvector has "
                "the wrong sign",
            },
        },
        reasons={"the keys": "the forward divides the scores by it"},
    ),
    gate(
        "Gain.forward",
        mistakes={
            "y, cache = layer_scale_forward(x[..., None], self.gamma.value)": {
                "y, cache = layer_scale_forward(x[..., None], self.gamma.value); y = y + x[..., "
                "None]": "x is added: the residual path belongs to the block; this is gamma times x, and nothing else",
                "y, cache = layer_scale_forward(x[..., None], self.gamma.value); y = (1 - self.gamma.value) * "
                "x[..., None]": ("x is multiplied by 1 - gamma; by gamma"),
                "y, cache = layer_scale_forward(x[..., None], self.gamma.value); y = x[..., None] / (1 + np.exp(-"
                "self.gamma.value))": "the gate is a sigmoid of gamma; it is gamma itself, which is 0 at first",
                "y, cache = layer_scale_forward(x[..., None], self.gamma.value); y = x[..., None] * np.tanh("
                "self.gamma.value)": "the gate is tanh of gamma; it is gamma itself",
                "y, cache = layer_scale_forward(x[..., None], self.gamma.value); y = x[..., None] * np.exp(self.gamma."
                "value)": "the gate is the exponential of gamma; it is gamma itself",
                "y, cache = layer_scale_forward(x[..., None], self.gamma.value); y = x[..., None] + self.gamma.value": (
                    "gamma is added; x is multiplied by it"
                ),
                "y, cache = layer_scale_forward(x[..., None], self.gamma.value); y = y * self.gamma.value": "x is "
                "multiplied by gamma twice",
                "y, cache = layer_scale_forward(x[..., None], self.gamma.value); y = x[..., "
                "None]": "the gate is missing: that is x",
                "y, cache = layer_scale_forward(x[..., None], np.abs(self.gamma.value))": "the sign of gamma is "
                "dropped; the gate may be negative",
                "y, cache = layer_scale_forward(x[..., None], np.maximum(self.gamma.value, 0))": "a gamma below zero "
                "is cut off; the gate may be negative",
                "y, cache = layer_scale_forward(x[..., None], self.gamma.value); y = np.maximum(y, 0)": "what is below "
                "zero is cut off",
                "y, cache = layer_scale_forward(x[..., None], self.gamma.value); y = y / "
                "len(x)": "... the batch: averaged over it",
                "x *= 1.5; y, cache = layer_scale_forward(x[..., None], self.gamma.value)": "... you modified x in "
                "place",
            },
            "return y[..., 0], cache": {
                "return y, cache": "... y has shape",
                "return y[..., 0], cache._replace(x=y)": "that is y; backward needs x, which gamma was multiplied with",
            },
        },
        sizes=lambda case: {"the batch": len(case.args[0])},
    ),
    gate(
        "Gain.backward",
        mistakes={
            "self.gamma.add_grad(dgamma)": {
                "pass": "the gate gets no gradient, so it never opens: self.gamma.add_grad(dgamma)",
                "self.gamma.grad = dgamma": "... is assigned where a gradient is there already",
                "self.gamma.add_grad(-dgamma)": "... dgamma has the wrong sign",
                "self.gamma.add_grad(dgamma * self.gamma.value)": "dgamma is multiplied by gamma, so a closed gate "
                "never opens; it is the sum of dy * x",
                "self.gamma.add_grad(dgamma / len(dy))": "... the batch: averaged over it instead of summed",
                "self.gamma.add_grad(dgamma / dy.size)": "dgamma is a mean over all numbers; it is their sum",
                "self.gamma.add_grad(dy.sum().reshape(1))": "dgamma is the sum of dy; each counts with the x that it "
                "was multiplied with",
                "self.gamma.add_grad(cache.x.sum().reshape(1))": "dgamma is the sum of x; each counts with its dy",
                "self.gamma.add_grad((dy[0] * cache.x[0, ..., 0]).sum().reshape(1))": "dgamma is that of the first "
                "sample; sum over all",
                "self.gamma.add_grad(np.abs(dgamma))": "the sign of dgamma is dropped; a gate may go below zero",
            },
            "return dx[..., 0]": {
                "return dy": "dx is dy: the way back through the gate is multiplied by gamma, too",
                "return dx[..., 0] + dy": "dy is added: the residual path belongs to the block",
                "return dx[..., 0] * self.gamma.value": "dx is multiplied by gamma twice",
                "return dy * cache.x[..., 0]": "dx is dy times x; it is dy times gamma",
                "return 0 * dy": "nothing goes back through the gate; dx is gamma times dy",
                "return -dx[..., 0]": "... dx has the wrong sign",
                "return dx": "... dx has shape",
            },
        },
        sizes=lambda case: {"the batch": len(case.args[0])},
    ),
    blocks(
        "NonLocal.forward",
        properties=(
            Property("it begins as nothing", begins_as_nothing),
            Property("rows in another order", places_know_no_order),
        ),
        mistakes={
            "q, c_theta = self.theta.forward(x)": {
                "q, _ = self.phi.forward(x); c_theta = self.theta.forward(x)[1]": "the queries are made by phi; theta "
                "makes them, phi the keys",
                "q, _ = self.g.forward(x); c_theta = self.theta.forward(x)[1]": "the queries are made by g; theta "
                "makes them, g the values",
                "q, c_theta = self.theta.forward(x); q = q - self.theta.bias.value": "the bias of theta is missing",
                "x = x * 1.5; q, c_theta = self.theta.forward(x)": "... y",
                "x *= 1.5; q, c_theta = self.theta.forward(x)": "... you modified x in place",
            },
            "k, c_phi = self.phi.forward(x)": {
                "k, _ = self.theta.forward(x); c_phi = self.phi.forward(x)[1]": "the keys are made by theta; phi makes "
                "them",
                "k, _ = self.g.forward(x); c_phi = self.phi.forward(x)[1]": "the keys are made by g; phi makes them",
            },
            "v, c_g = self.g.forward(x)": {
                "v, _ = self.phi.forward(x); c_g = self.g.forward(x)[1]": "the values are made by phi; g makes them",
                "v, _ = self.theta.forward(x); c_g = self.g.forward(x)[1]": "the values are made by theta; g makes "
                "them",
            },
            POOLED: {
                "k_, v_ = k, v\n    "
                + POOLED
                + "; k, v = k_, v_": "keys and values are not pooled: self.phi_pool and self.g_pool do it (and are "
                "Identity where nothing is to be pooled)",
                POOLED + "; means = [(p[:, : 2 * k.shape[1], : 2 * k.shape[2]].reshape(B, k.shape[1], 2, "
                "k.shape[2], 2, -1).mean((2, 4)) if k.shape[1] < Y else p) for p in (self.phi.forward(x)[0], "
                "self.g.forward(x)[0])]; k, v = means": "keys "
                "and values are the means of 2 x 2 places; they are the largest numbers: self.phi_pool",
                POOLED
                + "; s = Y // k.shape[1], X // k.shape[2]; k, v = (self.phi.forward(x)[0], self.g.forward(x)[0]); "
                "k, v = (p[:, :: s[0], :: s[1]][:, : Y // s[0], : X // s[1]] for p in (k, v))": "of 2 x 2 keys and "
                "values the first is taken; the largest number of each channel is: self.phi_pool",
                POOLED + "; p = self.phi_pool.forward(x)[0]; k, v = self.phi.forward(p)[0], self.g.forward(p)[0]": (
                    "the map is pooled before phi and g; they come first, and what they give is pooled"
                ),
            },
            ATTEND: {
                ATTEND.replace("self.attend(", "attention_forward(").replace("(q, k, v)))", "(q, k, v)), scale=1.0)"): (
                    "attention_forward is called here; call self.attend, which other forms of f override"
                ),
                attended("h = self.attend(q_, v_, k_)[0]"): "keys and values have changed places: attend(q, k, v)",
                attended(
                    "h = self.attend(q_ / q_.shape[-1] ** 0.5, k_, v_)[0]"
                ): "the scores are divided by sqrt(K), as in a Transformer; here they are not (scale=1)",
                attended(
                    "h = self.attend(q_ / k_.shape[1], k_, v_)[0]"
                ): "the scores are divided by the number of keys "
                "and then go into a softmax; the embedded Gaussian takes them as they are",
                attended(
                    "h = q_ @ k_.mT / k_.shape[1] @ v_"
                ): "that is the dot product, divided by the number of keys; "
                "self.attend has the softmax of the embedded Gaussian",
                attended("s = np.exp(q_ @ k_.mT); h = s / s.sum(1, keepdims=True) @ v_"): "the softmax runs over the "
                "queries; each query shares itself out over the keys",
                attended(
                    "h = np.broadcast_to(v_.mean(1, keepdims=True), q_.shape)"
                ): "every place gets the mean of all values: the scores are missing",
                attended("h = self.attend(q.swapaxes(1, 2).reshape(q_.shape), k_, v_)[0]"): "the places of the queries "
                "are numbered column by column, and what they find is put back row by row",
                attended("h = self.attend(q_, k.swapaxes(1, 2).reshape(k_.shape), v_)[0]"): "the keys are numbered "
                "column by column, and the values row by row",
                attended(
                    "h = self.attend(q.transpose(0, 3, 1, 2).reshape(q_.shape), k_, v_)[0]"
                ): "the queries are torn "
                "apart: channels are last already, so (B, Y, X, K) becomes (B, N, K) by one reshape",
                attended(
                    "h = self.attend(q_.reshape(1, -1, q_.shape[2]), k_.reshape(1, -1, k_.shape[2]), v_.reshape(1, "
                    "-1, v_.shape[2]))[0].reshape(q_.shape)"
                ): "the places of all images look at each other; each image is by itself",
                attended(
                    "h = self.attend(k_[:, np.arange(Y * X) % k_.shape[1]], k_, v_)[0]"
                ): "the keys ask; the queries do",
                attended("h = self.attend(q_, k_[:, ::-1], v_)[0]"): "the values are in another order than the keys",
                attended(
                    "h = h + v_[:, np.arange(Y * X) % v_.shape[1]]"
                ): "the values are added to what was found; only x is, at the end",
                attended("h = h + q_"): "the queries are added to what was found; only x is, at the end",
            },
            LAST: {
                f"{LAST.partition('  #')[0]}; h, _ = run(self.W[:1], self.attend(*(part.reshape(B, -1, "
                "part.shape[-1]) for part in (q, k, v)))[0].reshape(B, Y, X, -1))": "the norm behind W is left out: "
                "self.W is a list of one or two layers, run(self.W, h)",
                f"h = np.maximum(h, 0); {LAST}": "there is no ReLU before W",
                f"{LAST.partition('  #')[0]}; h = np.maximum(h, 0)": "there is no ReLU behind W",
                "h = h.reshape(B, X, Y, h.shape[-1]).swapaxes(1, 2); h, c_W = run(self.W, h)": "what was found is put "
                "back column by column; places are numbered row by row",
                f"h = h[:, ::-1]; {LAST}": "what was found is put back from the last place to the first",
                f"h_ = h.reshape(B, Y, X, h.shape[-1]); {LAST.partition('  #')[0]}; h = np.zeros_like(x); h[..., : "
                "h_.shape[-1]] = h_[..., : x.shape[-1]]": "W is missing: it maps what was found back to the channels "
                "of the map",
            },
            RETURN: {
                "return h, NonLocalCache(": "the residual path is missing: x + h",
                "return x - h, NonLocalCache(": "h is subtracted from x; it is added",
                "return (x + h) / 2, NonLocalCache(": "x and h are averaged; they are added",
                "return 2 * x + h, NonLocalCache(": "x is added twice",
                "return x * h, NonLocalCache(": "x and h are multiplied; they are added",
                "return np.maximum(x + h, 0), NonLocalCache(": "there is no ReLU behind the sum",
                "return (x + h).reshape(B, Y * X, -1), NonLocalCache(": "... the numbers are right, only the shape",
                "return x + h.swapaxes(1, 2).reshape(x.shape), NonLocalCache(": "what was found is put back column by "
                "column; places are numbered row by row",
                "return x + h[:, ::-1], NonLocalCache(": "what was found is put back upside down",
                "return x[:1] + h, NonLocalCache(": "the first image is added to all; each gets its own",
            },
        },
    ),
    blocks(
        "NonLocal.backward",
        mistakes={
            "dx = dy + self.g.backward(dv, cache.g)": {
                "dx = self.g.backward(dv, cache.g)": "the gradient of the residual path is missing: x was added, so dy "
                "goes back as it is, too",
                "dx = 2 * dy + self.g.backward(dv, cache.g)": "the gradient of the residual path counts twice",
                "dx = dy - self.g.backward(dv, cache.g)": "what comes back through g is subtracted; it is added",
                "self.g.backward(dv, cache.g); dx = dy.copy()": "what comes back through g is not added to dx: x went "
                "into g, too",
                "dx = dy.copy()": "nothing reaches g: the gradient of the values goes through "
                "self.g_pool.backward (of places that were pooled, the largest gets it) to self.g.backward",
                "dx = dy + self.g.backward(dy @ self.W[0].weight.value[0, 0].T, cache.g)": "g is given what comes "
                "out of W's backward, without the way back through attention (and pooling)",
                "dx = dh @ self.W[0].weight.value[0, 0] + self.g.backward(dv, cache.g)": "the residual path is given "
                "what has passed W; it is given dy itself",
                "self.g.zero_grad(); dx = dy + self.g.backward(dv, cache.g)": "... is assigned where a gradient is "
                "there already",
            },
            "dx += self.phi.backward(dk, cache.phi)": {
                "self.phi.backward(dk, cache.phi)": "what comes back through the keys is not added to dx: x went into "
                "phi, too",
                "pass": "nothing reaches phi: the gradient of the keys goes "
                "through self.phi_pool.backward (of places that were pooled, the largest gets it) to self.phi.backward",
                "dx -= self.phi.backward(dk, cache.phi)": "what comes back through the keys is subtracted; it is added",
                "dx += self.theta.backward(dk, cache.theta)": "the gradient of the keys is given to theta; phi made "
                "them",
                "dx += 2 * self.phi.backward(dk, cache.phi)": "what comes back through the keys counts twice",
            },
            "dx += self.theta.backward(dq.reshape(B, Y, X, dq.shape[-1]), cache.theta)": {
                "self.theta.backward(dq.reshape(B, Y, X, dq.shape[-1]), cache.theta)": "what comes back through the "
                "queries is not added to dx: x went into theta, too",
                "pass": "nothing reaches theta: the gradient of the queries goes to self.theta.backward",
                "dx += self.phi.backward(dq.reshape(B, Y, X, dq.shape[-1]), cache.phi)": "the gradient of the "
                "queries is given to phi; theta made them",
                "dx += self.theta.backward(dq.reshape(B, X, Y, dq.shape[-1]).swapaxes(1, 2), "
                "cache.theta)": "the gradient "
                "of the queries is put back column by column; places are numbered row by row",
                "dx += self.theta.backward(dq.reshape(B, Y, X, dq.shape[-1]) / dq.shape[-1] ** 0.5, "
                "cache.theta)": "the gradient of the queries is divided by sqrt(K); the forward does not divide by it",
            },
            SOFTMAX_BACK: {
                SOFTMAX_BACK.replace("self.attend_backward", "attention_backward") + "[:3]": "attention_backward is "
                "called here; call self.attend_backward, which other forms of f override",
                f"{SOFTMAX_BACK}; dv, dk = dk, dv": "the gradients of keys and values have changed places",
                "c, dh_ = cache.attention, dh.reshape(B, Y * X, dh.shape[-1]); s = dh_ @ c.v.mT / c.k.shape[1]; "
                "dq, dk, dv = s @ c.k, s.mT @ c.q, c.weights.mT @ dh_": "that is the backward of the dot product, "
                "which has no softmax; self.attend_backward has it",
                f"{SOFTMAX_BACK}; dq, dk = dq / dq.shape[-1] ** 0.5, dk / dq.shape[-1] "
                "** 0.5": "the gradients of queries and keys are divided by sqrt(K); the forward does not divide by it",
                "dq, dk, dv = self.attend_backward(dh.reshape(B, Y * X, dh.shape[-1])[:, ::-1], "
                "cache.attention)": "the gradient meets the places in reversed order",
            },
            KEYS_BACK: {
                spread("dk"): f"of the keys, {ALIKE}",
                "dk = self.g_pool.backward(dk.reshape(B, *keys, dk.shape[-1]), "
                "cache.g_pool)": "the gradient of the keys "
                "goes to where the *values* were largest; self.phi_pool and cache.phi_pool know where the keys were",
            },
            VALUES_BACK: {
                spread("dv"): f"of the values, {ALIKE}",
                "dv = self.phi_pool.backward(dv.reshape(B, *keys, dv.shape[-1]), "
                "cache.phi_pool)": "the gradient of the "
                "values goes to where the *keys* were largest; self.g_pool and cache.g_pool know where the values were",
            },
            "dh = run_backward(self.W, dy, cache.W)": {
                "dh = run_backward(self.W[:1], dy, cache.W[:1])": "the norm behind W is left out on the way back",
                "run_backward(self.W, dy, cache.W); dh = run_backward(self.W, dy, cache.W)": "... times too large",
                "dh = dy @ self.W[0].weight.value[0, 0].T": "the backward of the layers in self.W is not called: "
                "they get no gradient",
                "dh = -run_backward(self.W, dy, cache.W)": "what goes back into attention has the wrong sign",
                "dh = run_backward(self.W, dy, cache.W); dh = np.maximum(dh, 0)": "what is below zero in the "
                "gradient is cut off on its way",
            },
            "return dx": {
                "return -dx": "... dx has the wrong sign",
                "return dx.reshape(B, Y * X, -1)": "... the numbers are right, only the shape",
                "return dx / B": "... the batch: averaged over it instead of summed",
            },
        },
    ),
)

NON_LOCAL = Exercise(
    "non_local",
    "non-local blocks: attention without a softmax, a gate, and the block",
    60,
    TASKS,
    offers=("np", "run", "run_backward", "layer_scale_forward", "layer_scale_backward"),
    lecture="12_attention_meets_images",
    section=2,
)
