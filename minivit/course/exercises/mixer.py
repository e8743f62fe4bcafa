"""MLP-Mixer: its two MLPs as convolutions, and the block, in which an MLP over the tokens stands for attention."""

from functools import partial
from typing import Any

from numpy.random import Generator

from minivit.check.draw import Case
from minivit.course.exercise import Call, Exercise, Property, Task
from minivit.course.exercises._cases import ONE_SAMPLE, close, lengths, telling, with_options
from minivit.layers.mixer_block import MixerBlock


def tokens_of_a_map(rng: Generator) -> Case:
    B, Y, X, D, E = lengths(rng, 5)
    shapes = (B, Y, X, D), (Y * X, E), (E,), (E, Y * X), (Y * X,)
    return Case(tuple(rng.standard_normal(shape) for shape in shapes), {})


def channels_of_a_map(rng: Generator) -> Case:
    B, Y, X, D, F = lengths(rng, 5)
    shapes = (B, Y, X, D), (D, F), (F,), (F, D), (D,)
    return Case(tuple(rng.standard_normal(shape) for shape in shapes), {})


def block(rng: Generator) -> Case:
    B, N, D, E, F = lengths(rng, 5)
    options: dict[str, Any] = {"dim": D, "num_tokens": N, "tokens_dim": E, "channels_dim": F}
    shapes = {name: param.shape for name, param in MixerBlock(**options).named_params().items()}
    params = {name: rng.standard_normal(shape) / 2 for name, shape in shapes.items()}
    return Case((rng.standard_normal((B, N, D)), params), options)


def named_sizes(case: Case) -> dict[str, float]:
    B, N, D = case.args[0].shape
    return telling({"the batch": B, "the tokens": N, "the width": D, "the rows": B * N, "the columns": B * D})


def map_sizes(case: Case) -> dict[str, float]:
    B, Y, X, D = case.args[0].shape
    return telling({"the batch": B, "the tokens": Y * X, "the width": D})


def without_branches(call: Call, rng: Generator) -> str | None:
    """With zeros in the last matrix of each MLP, the MLPs add nothing."""
    (x, params), options = block(rng)
    params = {name: 0 * value if ".fc2." in name else value for name, value in params.items()}
    return None if close(call(x, params, **options)[0], x) else "where both MLPs give zeros, y must be x"


def samples_are_apart(call: Call, rng: Generator) -> str | None:
    (x, params), options = block(rng)
    says = "the first sample alone gives something else than in a batch: samples must not see each other"
    return None if close(call(x[:1], params, **options)[0], call(x, params, **options)[0][:1]) else says


def places_are_apart(call: Call, rng: Generator) -> str | None:
    """Each place by itself, in any order."""
    (x, *mlp), _ = channels_of_a_map(rng)
    says = "a map turned round must give the same tokens turned round: each place is mapped by itself"
    return None if close(call(x[:, ::-1, ::-1], *mlp), call(x, *mlp)[:, ::-1, ::-1]) else says


def channels_share(call: Call, rng: Generator) -> str | None:
    """Every channel by itself, and all by the same kernels."""
    (x, *mlp), _ = tokens_of_a_map(rng)
    says = "channels in another order must give the same channels in that order: all of them share their kernels"
    return None if close(call(x[..., ::-1], *mlp), call(x, *mlp)[..., ::-1]) else says


NO_GELU = "GELU is missing between the two convolutions"
GELUS = {
    "pass": NO_GELU,
    "h = 0.5 * h * (1 + np.tanh((2 / np.pi) ** 0.5 * (h + 0.044715 * h * h * h)))": "that is GELU with tanh, an "
    "approximation; gelu_forward is the exact one",
    "h = h / (1 + np.exp(-1.702 * h))": "that is GELU with a logistic function, an approximation; gelu_forward is the "
    "exact one",
    "h = h / (1 + np.exp(-h))": "that is SiLU; between the two convolutions stands GELU",
    "h = np.maximum(h, 0)": "that is ReLU; between the two convolutions stands GELU",
    "h, _ = gelu_forward(h); h, _ = gelu_forward(h)": "GELU is there twice, one behind the other",
}
LAST_GELU = "a second GELU stands behind the second convolution; there is one, between the two"
LATE_BIAS = "the bias of the first convolution is added behind GELU; it belongs before it"
NO_BIAS = "the bias of the {} convolution is missing"
REPEATED = "the {} of a group must lie side by side, all of the first channel, then all of the second: np.tile repeats "
REPEATED += "them as a whole, np.repeat one by one"
RESHAPED = "a reshape keeps the order in memory: it exchanges no axes, and mixes tokens with channels; swap them"
NOT_BACK = "the axes are not swapped back: a reshape gives the right shape, with the numbers in other places"
LEFT_OUT = "{} is left out, or does not get rng: a branch passes through it before it is added"
NO_DROPOUT = "the dropout inside {} is left out: it needs rng"
UNDROPPED = "the backward of {} is left out: a branch that was dropped gets no gradient"
ADDS = "x + h, so both ways get the gradient: dy itself and what comes back through the MLP"
TWICE = "the backward of {} is called twice, so what was kept grows twice"
NOT_CALLED = "the backward of {} is not called: its parameters get no gradient"

on_maps = partial(Task, simpler=ONE_SAMPLE, sizes=map_sizes, axes={"y": "sample row column channel"})
on_tokens = partial(
    Task,
    cases={
        "": block,
        "with dropout": with_options(block, proj_drop=0.4, rng=3),
        "with stochastic depth": with_options(block, drop_path_rate=0.5, rng=4),
        "with stochastic depth, without a generator": with_options(block, drop_path_rate=0.5),
    },
    sizes=named_sizes,
    simpler=ONE_SAMPLE,
    axes={"y": "sample token channel", "dx": "sample token channel"},
)

TASKS = (
    on_maps(
        "channel_mixing_conv",
        {"": channels_of_a_map},
        (Property("each place by itself", places_are_apart),),
        {
            "h, _ = gelu_forward(h)": GELUS,
            "weight1[None, None], bias1)": {"weight1[None, None])": NO_BIAS.format("first")},
            "weight1[None, None], bias1)  # (B, Y, X, F)\n    h, _ = gelu_forward(h)": {
                "weight1[None, None]); h = gelu_forward(h)[0] + bias1": LATE_BIAS,
            },
            "weight2[None, None], bias2)": {"weight2[None, None])": NO_BIAS.format("second")},
            "return y": {
                "return gelu_forward(y)[0]": LAST_GELU,
                "return x + y": "x is added: the residual path belongs to the block, not to the MLP",
                "return y.reshape(len(x), -1, x.shape[3])": "... y has shape",
            },
        },
    ),
    on_maps(
        "token_mixing_conv",
        {"": tokens_of_a_map},
        (Property("channels share their kernels", channels_share),),
        {
            "h, _ = gelu_forward(h)": GELUS,
            "weight1.reshape(Y, X, 1, -1)": {
                "weight1.reshape(X, Y, 1, -1).swapaxes(0, 1)": "rows and columns of the kernels are exchanged: tokens "
                "are numbered row by row",
                "weight1.T.reshape(Y, X, 1, -1)": "a kernel is a column of weight1; a reshape of its transpose cuts "
                "rows to pieces",
                "weight1[::-1].reshape(Y, X, 1, -1)": "the kernels are turned; this convolution does not flip them",
            },
            "np.tile(kernels, D), np.tile(bias1, D)": {
                "np.repeat(kernels, D, -1), np.tile(bias1, D)": REPEATED.format("kernels"),
                "np.tile(kernels, D), np.repeat(bias1, D)": REPEATED.format("biases"),
                "np.repeat(kernels, D, -1), np.repeat(bias1, D)": REPEATED.format("kernels and biases"),
                "np.tile(kernels, D), None": NO_BIAS.format("first"),
            },
            "np.tile(bias1, D), groups=D)  # (B, 1, 1, D * E)\n    h, _ = gelu_forward(h)": {
                "None, groups=D); h = gelu_forward(h)[0] + np.tile(bias1, D)": LATE_BIAS,
            },
            "np.tile(weight2[None, None], D), np.tile(bias2, D)": {
                "np.repeat(weight2[None, None], D, -1), np.tile(bias2, D)": REPEATED.format("kernels"),
                "np.tile(weight2[None, None], D), np.repeat(bias2, D)": REPEATED.format("biases"),
                "np.repeat(weight2[None, None], D, -1), np.repeat(bias2, D)": REPEATED.format("kernels and biases"),
                "np.tile(weight2[None, None], D), None": NO_BIAS.format("second"),
            },
            "y.reshape(B, D, Y, X).transpose(0, 2, 3, 1)": {
                "gelu_forward(y)[0].reshape(B, D, Y, X).transpose(0, 2, 3, 1)": LAST_GELU,
                "y.reshape(B, Y, X, D)": "the channels come first in y, each with its N places: reshape to "
                "(B, D, Y, X), then move the channels to the end",
                "y.reshape(B, D, Y, X)": "... y has shape",
                "y.reshape(B, D, X, Y).transpose(0, 3, 2, 1)": "rows and columns of the map are exchanged: tokens are "
                "numbered row by row",
                "x + y.reshape(B, D, Y, X).transpose(0, 2, 3, 1)": "x is added: the residual path belongs to the "
                "block, not to the MLP",
            },
        },
    ),
    on_tokens(
        "MixerBlock.forward",
        properties=(
            Property("the MLPs' outputs are added to x", without_branches),
            Property("samples do not see each other", samples_are_apart),
        ),
        mistakes={
            "h, c_norm1 = self.norm1.forward(x)": {
                "_, c_norm1 = self.norm1.forward(x); h = x": "norm1 is left out: token mixing reads norm1(x), not x",
                "_, c_norm1 = self.norm1.forward(x); h = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims="
                "True) + 1e-6)": "norm1 runs over the tokens; it normalises each token over its channels, before the "
                "axes are swapped",
            },
            "self.mlp_tokens.forward(h.mT.copy(), rng=rng)": {
                "self.mlp_tokens.forward(h, rng=rng)": "... linear: weight has shape",
                "self.mlp_tokens.forward(h.mT.copy())": NO_DROPOUT.format("mlp_tokens"),
            },
            "h, c_mlp_tokens = self.mlp_tokens.forward(h.mT.copy(), rng=rng)  # (B, D, N)\n    h, c_drop_path1 = "
            "self.drop_path1.forward(h.mT.copy(), rng=rng)": {
                "h, c_mlp_tokens = self.mlp_tokens.forward(h.reshape(len(h), h.shape[2], -1), rng=rng); "
                "h, c_drop_path1 = self.drop_path1.forward(h.reshape(x.shape), rng=rng)": RESHAPED,
                "_, c_mlp_tokens = self.mlp_tokens.forward(h.mT, rng=rng); "
                "h, c_drop_path1 = self.drop_path1.forward(h, rng=rng)": "token mixing is missing: what is added is "
                "norm1(x)",
            },
            "self.drop_path1.forward(h.mT.copy(), rng=rng)": {
                "self.drop_path1.forward(h.reshape(x.shape), rng=rng)": NOT_BACK,
                "self.drop_path1.forward(h, rng=rng)": "... operands could not be broadcast",
                "h.mT, IdentityCache()": LEFT_OUT.format("drop_path1"),
            },
            "x = x + h": {
                "x = h": "the residual is missing after token mixing: x + h",
                "x += h": "... you modified x in place",
            },
            "x = x + h  # never +=: we do not own x\n    # channel_mixing: a token is a row\n    h, c_norm2 = "
            "self.norm2.forward(x)": {
                "h2, c_norm2 = self.norm2.forward(x); x = x + h; h = h2": "norm2 and channel mixing read x as it came "
                "in (parallel branches); they read the sum after token mixing",
                "x, c_norm2 = self.norm2.forward(x + h); h = x": "the residual path passes norm2; x is added as it is "
                "after token mixing, and only channel mixing reads norm2(x)",
                "h, c_norm2 = self.norm2.forward(x + h)": "what token mixing found is lost: the last sum is with x as "
                "it came in; it is with the sum after token mixing",
            },
            "self.norm2.forward(x)": {
                "self.norm1.forward(x)": "norm1 is used twice; norm2 stands before channel mixing",
            },
            "h, c_norm2 = self.norm2.forward(x)": {
                "_, c_norm2 = self.norm2.forward(x); h = x": "norm2 is left out: channel mixing reads norm2(x), not x",
            },
            "h, c_mlp_channels =": {"_, c_mlp_channels =": "channel mixing is missing: what is added is norm2(x)"},
            "self.mlp_channels.forward(h, rng=rng)": {
                "self.mlp_channels.forward(h)": NO_DROPOUT.format("mlp_channels"),
            },
            "self.drop_path2.forward(h, rng=rng)": {"h, IdentityCache()": LEFT_OUT.format("drop_path2")},
            "h, c_drop_path2 = self.drop_path2.forward(h, rng=rng)": {
                "x, c_drop_path2 = self.drop_path2.forward(x + h, rng=rng); h = 0": "drop_path2 drops the sum; it "
                "drops the branch alone, and x passes always",
            },
            "h, c_drop_path1 = self.drop_path1.forward(h.mT.copy(), rng=rng)": {
                "x, c_drop_path1 = self.drop_path1.forward(x + h.mT, rng=rng); h = 0": "drop_path1 drops the sum; it "
                "drops the branch alone, and x passes always",
            },
            "return x + h": {
                "return h": "the residual is missing after channel mixing: x + h",
                "return x + x + h": "x is added twice after channel mixing",
            },
            "": {
                "h, c_norm2 = self.norm2.forward(x); h, c_channels = self.mlp_channels.forward(h, rng=rng); "
                "h, c_drop2 = self.drop_path2.forward(h, rng=rng); x = x + h; "
                "h, c_norm1 = self.norm1.forward(x); h, c_tokens = self.mlp_tokens.forward(h.mT, rng=rng); "
                "h, c_drop1 = self.drop_path1.forward(h.mT, rng=rng); "
                "return x + h, MixerBlockCache(c_norm1, c_tokens, c_drop1, c_norm2, c_channels, c_drop2)": "channel "
                "mixing comes before token mixing; it comes after it",
            },
        },
    ),
    on_tokens(
        "MixerBlock.backward",
        mistakes={
            "dx = dy + self.norm2": {
                "dx = self.norm2": f"the way round channel mixing is missing: {ADDS}",
                "dx = 0.5 * dy + self.norm2": "dy is halved on the way round channel mixing: both ways of x + h get "
                "all of it",
            },
            "dh = self.mlp_channels.backward(dh, cache.mlp_channels)\n    dx = dy + self.norm2.backward(dh, "
            "cache.norm2)": {
                "dh = self.norm2.backward(dh, cache.norm2); dx = dy + self.mlp_channels.backward(dh, "
                "cache.mlp_channels)": "norm2 comes before mlp_channels here; what the forward does last is undone "
                "first: mlp_channels, then norm2",
            },
            "self.mlp_tokens.backward(dh.mT.copy(), cache.mlp_tokens)  # forward: h.mT.copy()\n    dh = "
            "self.norm1.backward(dh.mT.copy(), cache.norm1)": {
                "self.mlp_tokens.backward(self.norm1.backward(dh, cache.norm1).mT, cache.mlp_tokens).mT": "norm1 comes "
                "before mlp_tokens here; what the forward does last is undone first: mlp_tokens, then norm1",
            },
            "return dx + dh": {
                "return dh": f"the way round token mixing is missing: {ADDS}",
                "return dx + dy + dh": "dy is added once more in the end; it is in the gradient of the sum already",
                "return dy + dh": "dy itself is added in the end; add the gradient of the sum after token mixing, "
                "which has passed channel mixing as well",
            },
            "dh = self.mlp_tokens.backward(dh.mT.copy(), cache.mlp_tokens)  # forward: h.mT.copy()\n    dh = "
            "self.norm1.backward(dh.mT.copy(), cache.norm1)": {
                "dh = self.mlp_tokens.backward(dh.reshape(len(dh), dh.shape[2], -1), cache.mlp_tokens); "
                "dh = self.norm1.backward(dh.reshape(dy.shape), cache.norm1)": RESHAPED,
                "dh = self.norm1.backward(dh, cache.norm1)": NOT_CALLED.format("mlp_tokens"),
            },
            "self.mlp_tokens.backward(dh.mT.copy(), cache.mlp_tokens)": {
                "self.mlp_tokens.backward(dh, cache.mlp_tokens)": "... ",
            },
            "self.norm1.backward(dh.mT.copy(), cache.norm1)": {
                "self.norm1.backward(dh.reshape(dy.shape), cache.norm1)": NOT_BACK,
                "self.norm1.backward(dh, cache.norm1)": "... ",
                "dh.mT": NOT_CALLED.format("norm1"),
            },
            "dh = self.mlp_channels.backward(dh, cache.mlp_channels)": {"pass": NOT_CALLED.format("mlp_channels")},
            "self.drop_path1.backward(dx,": {
                "self.drop_path1.backward(dy,": "token mixing got dy; it must get the gradient of the sum after it, "
                "which has passed channel mixing as well",
            },
            "dh = self.drop_path1.backward(dx, cache.drop_path1)": {
                "dh = dx": UNDROPPED.format("drop_path1"),
                "dh = self.drop_path1.backward(self.drop_path1.backward(dx, cache.drop_path1), cache.drop_path1)": (
                    TWICE.format("drop_path1")
                ),
            },
            "dh = self.drop_path2.backward(dy, cache.drop_path2)": {
                "dh = dy": UNDROPPED.format("drop_path2"),
                "dh = self.drop_path2.backward(self.drop_path2.backward(dy, cache.drop_path2), cache.drop_path2)": (
                    TWICE.format("drop_path2")
                ),
            },
            "self.norm2.backward(dh, cache.norm2)": {
                "dh": NOT_CALLED.format("norm2"),
                "self.norm1.backward(dh, cache.norm2)": "norm1 is used twice; the gradient before channel mixing goes "
                "through norm2",
                "self.norm2.backward(dh, cache.norm1)": "norm2 got the cache of norm1",
            },
        },
    ),
)

MIXER = Exercise(
    "mixer",
    "MLP-Mixer: its MLPs as convolutions, and its block",
    40,
    TASKS,
    offers=("np", "conv2d_forward", "gelu_forward"),
    lecture="08_no_attention",
    section=2,
)
