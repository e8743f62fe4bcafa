"""The Transformer block: attention and MLP, each with a normalisation, added to what was there."""

from numpy.random import Generator

from minivit.check.draw import Case, choose, different, sizes
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import (
    ONE_SAMPLE,
    close,
    telling,
    with_no_token_allowed,
    with_options,
    with_token_mask,
)
from minivit.layers.block import Block


def layer(rng: Generator) -> Case:
    while True:  # until no two lengths are equal
        B, N, K = sizes(rng, 3)
        H, mlp_ratio = choose(rng, 2, 3), choose(rng, 2.0, 3.0)
        D = H * K
        if different((B, N, D)):
            break
    shapes = {name: param.shape for name, param in Block(D, H, mlp_ratio=mlp_ratio).named_params().items()}
    params = {name: rng.standard_normal(shape) / choose(rng, 2.0, 3.0) for name, shape in shapes.items()}
    return Case((rng.standard_normal((B, N, D)), params), {"dim": D, "num_heads": H, "mlp_ratio": mlp_ratio})


CASES = {
    "": layer,
    "with a mask": with_token_mask(layer),
    "with a mask that forbids everything": with_no_token_allowed(layer),
    "with dropout": with_options(layer, proj_drop=0.4, rng=3),
    "with stochastic depth": with_options(layer, drop_path_rate=0.5, rng=4),
    "with stochastic depth, without a generator": with_options(layer, drop_path_rate=0.5),
}


def named_sizes(case: Case) -> dict[str, float]:
    B, N, D = case.args[0].shape
    return telling({"the batch": B, "the tokens": N, "the width": D, "the rows": B * N})


def without_branches(call: Call, rng: Generator) -> str | None:
    """With zeros in the last matrix of each branch, the branches add nothing."""
    (x, params), options = layer(rng)
    last = ("attn.proj.weight", "attn.proj.bias", "mlp.fc2.weight", "mlp.fc2.bias")
    params = {name: 0 * value if name in last else value for name, value in params.items()}
    return None if close(call(x, params, **options)[0], x) else "where both branches give zeros, y must be x"


LEFT_OUT = "{} is left out, or does not get rng: a branch passes through it before it is added"
UNDROPPED = "the backward of {} is left out: a branch that was dropped gets no gradient"
DROPS_ALL = "drop_path2 gets the sum, and drops x as well; it gets the branch alone: x + drop_path2(h)"
ADDS = "x + h, so both ways get the gradient: dy itself and what comes back through the branch"

TASKS = (
    Task(
        "Block.forward",
        CASES,
        (Property("branches are added to x", without_branches),),
        {
            "x = x + h": {
                "x = h": "the residual is missing after attention: x + h",
                "x += h": "... you modified x in place",
            },
            "x = x + h  # never +=: we do not own x\n    h, c_norm2 = self.norm2.forward(x)": {
                "h2, c_norm2 = self.norm2.forward(x); x = x + h; h = h2": "norm2 and the MLP read x as it came in "
                "(parallel branches); they read the sum after attention",
                "h, c_norm2 = self.norm2.forward(x + h)": "what attention found is lost: the MLP's output is added to "
                "x as it came in; add it to the sum after attention",
            },
            "return x + h": {"return h": "the residual is missing after the MLP: x + h"},
            "self.norm2.forward(x)": {
                "self.norm1.forward(x)": "norm1 stands before the MLP; norm2 belongs there",
            },
            "h, c_mlp = self.mlp.forward(h": {
                "_, c_mlp = self.mlp.forward(h": "the MLP is missing",
                "h, c_mlp = self.mlp.forward(x": "the MLP reads x; it reads norm2(x)",
            },
            "h, c_attn = self.attn.forward(h": {
                "_, c_attn = self.attn.forward(h": "attention is missing",
                "h, c_attn = self.attn.forward(x": "attention reads x; it reads norm1(x)",
            },
            "self.drop_path1.forward(h, rng=rng)": {"h, IdentityCache()": LEFT_OUT.format("drop_path1")},
            "self.drop_path2.forward(h, rng=rng)": {
                "h, IdentityCache()": LEFT_OUT.format("drop_path2"),
                "self.drop_path2.forward(x + h, rng=rng); x = 0": DROPS_ALL,
            },
            "": {
                "h, c_norm2 = self.norm2.forward(x); h, c_mlp = self.mlp.forward(h, rng=rng); "
                "h, c_drop2 = self.drop_path2.forward(h, rng=rng); x = x + h; "
                "h, c_norm1 = self.norm1.forward(x); h, c_attn = self.attn.forward(h, mask=mask, rng=rng); "
                "h, c_drop1 = self.drop_path1.forward(h, rng=rng); "
                "return x + h, BlockCache(c_norm1, c_attn, c_drop1, c_norm2, c_mlp, c_drop2)": "the MLP comes before "
                "attention; it comes after it",
                "h, c_attn = self.attn.forward(x, mask=mask, rng=rng); x, c_norm1 = self.norm1.forward(x + h); "
                "h, c_mlp = self.mlp.forward(x, rng=rng); y, c_norm2 = self.norm2.forward(x + h); "
                "return y, BlockCache(c_norm1, c_attn, IdentityCache(), c_norm2, c_mlp, IdentityCache())": "that is "
                "the post-norm block, which normalises each sum; here a branch reads a normalised copy, and the sum "
                "stays as it is",
            },
        },
        sizes=named_sizes,
        simpler=ONE_SAMPLE,
        axes={"y": "sample token channel"},
    ),
    Task(
        "Block.backward",
        CASES,
        mistakes={
            "dx = dy + self.norm2": {"dx = self.norm2": f"the way round the MLP is missing: {ADDS}"},
            "return dx + self.norm1": {
                "return self.norm1": f"the way round attention is missing: {ADDS}",
                "return dy + self.norm1": "dy itself is added in the end; add the gradient of the sum after attention, "
                "which has passed the MLP's branch as well",
            },
            "dh = self.drop_path1.backward(dx, cache.drop_path1)": {"dh = dx": UNDROPPED.format("drop_path1")},
            "dh = self.drop_path2.backward(dy, cache.drop_path2)": {"dh = dy": UNDROPPED.format("drop_path2")},
            "self.drop_path1.backward(dx,": {
                "self.drop_path1.backward(dy,": "attention got dy; it must get the gradient of the sum after it, which "
                "has passed the MLP's branch as well",
            },
            "dh = self.mlp.backward(dh, cache.mlp)": {
                "pass": "the backward of the MLP is not called: its parameters get no gradient",
            },
            "dh = self.attn.backward(dh, cache.attn)": {
                "pass": "the backward of attention is not called: its parameters get no gradient",
            },
            "self.norm2.backward(dh, cache.norm2)": {
                "dh": "the backward of norm2 is not called: its parameters get no gradient",
                "self.norm2.backward(dh, cache.norm1)": "norm2 got the cache of norm1",
            },
            "self.norm1.backward(dh, cache.norm1)": {
                "dh": "the backward of norm1 is not called: its parameters get no gradient"
            },
        },
        sizes=named_sizes,
        simpler=ONE_SAMPLE,
        axes={"dx": "sample token channel"},
    ),
)

BLOCK = Exercise("block", "the Transformer block", 30, TASKS, lecture="03_transformer", section=2)
