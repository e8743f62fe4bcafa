"""Multi-head self-attention: split the width into heads, attend, merge, and wire it into a layer with parameters."""

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes
from minivit.course.exercise import Call, Exercise, Mistake, Property, Task, Trial
from minivit.course.exercises._cases import first_sample
from minivit.layers.attention import SelfAttention
from minivit.ops.attention import attention_forward


def head_sizes(rng: Generator) -> tuple[int, int, int, int]:
    while True:  # until no two lengths are equal
        B, H, N, K = sizes(rng, 4)
        if different((B, N, H * K), (B, H, N, K)):
            return B, H, N, K


def wide(rng: Generator) -> Case:
    B, H, N, K = head_sizes(rng)
    return Case((rng.standard_normal((B, N, H * K)),), {"num_heads": H})


def split(rng: Generator) -> Case:
    return Case((rng.standard_normal(head_sizes(rng)),), {})


def heads(rng: Generator) -> Case:
    B, H, N, S, K, V = sizes(rng, 6)
    while not different((B, N, H * V)):
        B, H, N, S, K, V = sizes(rng, 6)
    return Case((*(rng.standard_normal((B, H, *shape)) for shape in ((N, K), (S, K), (S, V))), None), {})


def with_bias_and_mask(rng: Generator) -> Case:
    (q, k, v, _), _ = heads(rng)
    _, H, N, _ = q.shape
    mask = rng.random((N, k.shape[2])) < 0.6
    return Case((q, k, v, rng.standard_normal((H, N, k.shape[2]))), {"mask": mask})


def layer(rng: Generator) -> Case:
    B, H, N, K = head_sizes(rng)
    D = H * K
    shapes = {"qkv.weight": (D, 3 * D), "qkv.bias": (3 * D,), "proj.weight": (D, D), "proj.bias": (D,)}
    params = {name: rng.standard_normal(shape) / choose(rng, 2.0, 3.0) for name, shape in shapes.items()}
    return Case((rng.standard_normal((B, N, D)), params), {"dim": D, "num_heads": H})


def no_bias(rng: Generator) -> Case:
    (x, params), options = layer(rng)
    return Case((x, {n: p for n, p in params.items() if n != "qkv.bias"}), {**options, "qkv_bias": False})


def many_heads(rng: Generator) -> Case:
    D = 64
    shapes = {"qkv.weight": (D, 3 * D), "qkv.bias": (3 * D,), "proj.weight": (D, D), "proj.bias": (D,)}
    params = {name: rng.standard_normal(shape) / 8 for name, shape in shapes.items()}
    return Case((rng.standard_normal((64, 6, D)), params), {"dim": D, "num_heads": 16})


def with_one_head(case: Case) -> Case | None:
    return Case(case.args, {**case.kwargs, "num_heads": 1}) if case.kwargs.get("num_heads", 1) > 1 else None


def named_sizes(case: Case) -> dict[str, float]:
    B, N, D = case.args[0].shape
    H = case.kwargs["num_heads"]
    return {
        "the head width": D // H,
        "the heads": H,
        "the tokens": N,
        "the batch": B,
        "the width": D,
        "the rows": B * N,
    }


def is_a_permutation(call: Call, rng: Generator) -> str | None:
    (x,), options = wide(rng)
    y = call(x, **options)[0]
    same = np.array_equal(np.sort(y, axis=None), np.sort(x, axis=None))
    return None if same else "splitting moves numbers and changes none; yours are others"


def head_owns_its_columns(call: Call, rng: Generator) -> str | None:
    (x,), options = wide(rng)
    width = x.shape[2] // options["num_heads"]
    for h, y in enumerate(call(x, **options)[0].swapaxes(0, 1)):
        if not np.array_equal(y, x[:, :, h * width : (h + 1) * width]):
            return f"head {h} must hold columns {h * width} to {(h + 1) * width - 1} of x, for every token"
    return None


def knows_no_order(call: Call, rng: Generator) -> str | None:
    (x, params), options = layer(rng)
    if np.allclose(call(x[:, ::-1], params, **options)[0], call(x, params, **options)[0][:, ::-1], rtol=0, atol=1e-9):
        return None
    return "self-attention of the tokens in another order must give the same tokens in that order"


def samples_are_apart(call: Call, rng: Generator) -> str | None:
    (x, params), options = layer(rng)
    if np.allclose(call(x[:1], params, **options)[0], call(x, params, **options)[0][:1], rtol=0, atol=1e-9):
        return None
    return "the first sample alone gives something else than in a batch: samples must not see each other"


def exchanged(order: list[int]):
    """Output of a layer that takes q, k and v from the columns of qkv in another order."""

    def run(t: Trial) -> ndarray:
        x, params = t.args
        moved = {n: _columns(p, order) if n.startswith("qkv") else p for n, p in params.items()}
        built = SelfAttention(**t.kwargs).init(0, x.dtype)
        built.load_state_dict(moved)
        return built.forward(x)[0]

    return run


def _columns(param: ndarray, order: list[int]) -> ndarray:
    parts = np.split(param, 3, axis=-1)
    return np.concatenate([parts[i] for i in order], axis=-1)


def wrongly_joined(order: list[int]):
    """Gradient of the weight qkv when the gradients of q, k and v were joined in another order."""

    def run(t: Trial) -> ndarray:
        return _columns(t.expected["qkv.weight"], order)

    return run


MODULE, LAYER = "minivit.ops.heads", "minivit.layers.attention"

MULTI_HEAD = Exercise(
    "multi_head",
    "multi-head self-attention",
    50,
    (
        Task(
            "split_heads_forward",
            MODULE,
            "forward",
            {"": wide},
            (
                Property("no number changes", is_a_permutation),
                Property("each head owns its columns", head_owns_its_columns),
            ),
            (
                Mistake(
                    "y",
                    lambda t: t.args[0].reshape(t.expected[0].shape),
                    "one reshape cannot do it: it mixes tokens with heads. Reshape to (B, N, H, K), then move axes",
                ),
                Mistake(
                    "y",
                    lambda t: t.args[0].reshape(*t.args[0].shape[:2], -1, t.kwargs["num_heads"]).transpose(0, 3, 1, 2),
                    "the width was cut into (K, H); a head owns neighbouring columns, so cut it into (H, K)",
                ),
            ),
            simpler={"with one head": with_one_head},
            axes={"y": "sample head token width"},
        ),
        Task(
            "merge_heads_forward",
            MODULE,
            "forward",
            {"": split},
            mistakes=(
                Mistake(
                    "y",
                    lambda t: t.args[0].reshape(t.expected[0].shape),
                    "one reshape cannot do it: first move the head axis behind the tokens",
                ),
                Mistake(
                    "y",
                    lambda t: t.args[0].transpose(0, 2, 3, 1).reshape(t.expected[0].shape),
                    "the columns of the heads are interleaved: before the reshape the order is (B, N, H, K)",
                ),
            ),
            axes={"y": "sample token channel"},
        ),
        Task(
            "split_heads_backward",
            MODULE,
            "backward",
            {"": wide},
            mistakes=(
                Mistake(
                    "dx",
                    lambda t: t.dy.reshape(t.expected.x.shape),
                    "one reshape cannot do it: first move the head axis behind the tokens",
                ),
                Mistake(
                    "dx",
                    lambda t: t.dy.transpose(0, 2, 3, 1).reshape(t.expected.x.shape),
                    "the columns of the heads are interleaved: before the reshape the order is (B, N, H, K)",
                ),
            ),
            axes={"dx": "sample token channel"},
            uses=("merge_heads_forward",),
        ),
        Task(
            "merge_heads_backward",
            MODULE,
            "backward",
            {"": split},
            mistakes=(
                Mistake(
                    "dx",
                    lambda t: t.dy.reshape(t.expected.x.shape),
                    "one reshape cannot do it: it mixes tokens with heads. Reshape to (B, N, H, K), then move axes",
                ),
            ),
            axes={"dx": "sample head token width"},
            uses=("split_heads_forward",),
        ),
        Task(
            "multi_head_attention_forward",
            MODULE,
            "forward",
            {"": heads, "with a bias and a mask": with_bias_and_mask},
            mistakes=(
                Mistake(
                    "y",
                    lambda t: attention_forward(*t.args, **t.kwargs)[0].reshape(t.expected[0].shape),
                    "one reshape cannot merge the heads: first move the head axis behind the tokens",
                ),
            ),
            axes={"y": "sample query channel"},
            uses=("merge_heads_forward",),
        ),
        Task(
            "multi_head_attention_backward",
            MODULE,
            "backward",
            {"": heads, "with a bias and a mask": with_bias_and_mask},
            mistakes=(
                Mistake(
                    "dv",
                    lambda t: t.cache.weights.mT @ t.dy.reshape(*t.cache.q.shape[:3], -1),
                    "one reshape cannot split dy into heads: reshape to (B, N, H, K), then move axes",
                ),
            ),
            axes={"dq": "sample head query width", "dk": "sample head key width", "dv": "sample head key width"},
            uses=("split_heads_forward",),
        ),
        Task(
            "SelfAttention.forward",
            LAYER,
            "forward",
            {"": layer, "without the bias of qkv": no_bias},
            (
                Property("the order of tokens does not matter", knows_no_order),
                Property("samples do not see each other", samples_are_apart),
            ),
            (
                Mistake("y", exchanged([1, 0, 2]), "q and k have changed places: the columns of qkv are [q, k, v]"),
                Mistake("y", exchanged([0, 2, 1]), "k and v have changed places: the columns of qkv are [q, k, v]"),
                Mistake("y", exchanged([2, 1, 0]), "q and v have changed places: the columns of qkv are [q, k, v]"),
                Mistake("y", lambda t: t.expected[1].proj.x, "the last layer, proj, is missing"),
            ),
            big=many_heads,
            sizes=named_sizes,
            simpler={"for one sample": first_sample(), "with one head": with_one_head},
            axes={"y": "sample token channel"},
            uses=("split_heads_forward", "multi_head_attention_forward"),
        ),
        Task(
            "SelfAttention.backward",
            LAYER,
            "backward",
            {"": layer, "without the bias of qkv": no_bias},
            mistakes=(
                Mistake(
                    "dqkv.weight",
                    wrongly_joined([1, 0, 2]),
                    "the gradients of q and k have changed places: join them as [dq, dk, dv]",
                ),
                Mistake(
                    "dqkv.weight",
                    wrongly_joined([0, 2, 1]),
                    "the gradients of k and v have changed places: join them as [dq, dk, dv]",
                ),
                Mistake(
                    "dqkv.weight",
                    wrongly_joined([2, 1, 0]),
                    "the gradients of q and v have changed places: join them as [dq, dk, dv]",
                ),
            ),
            big=many_heads,
            sizes=named_sizes,
            simpler={"for one sample": first_sample(), "with one head": with_one_head},
            axes={"dx": "sample token channel", "dqkv.weight": "row column"},
            uses=("split_heads_backward", "multi_head_attention_backward"),
        ),
    ),
    offers=(
        "np",
        "attention_forward",
        "attention_backward",
        "split_heads_forward",
        "split_heads_backward",
        "merge_heads_forward",
        "merge_heads_backward",
    ),
    closed=(
        "minivit.layers.attention:Attention.forward",
        "minivit.layers.attention:Attention.backward",
        "minivit.layers.attention:join_heads",
    ),
)
