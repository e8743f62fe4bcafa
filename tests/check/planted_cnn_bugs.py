"""Bugs of ResNets and of what stands in front of hybrids, as they are made."""

import numpy as np

from minivit.layers import BasicBlock, BatchNorm, Bottleneck, Param, StdConv2d, frozen, run_backward
from minivit.layers.initial import normal as normal_values
from minivit.ops import conv2d_backward, relu_backward
from minivit.ops.batch_norm import BatchNormCache
from minivit.ops.rows import column_sum
from tests.check.planted_bugs import Bug
from tests.check.small_pairs import normal
from tests.check.wrong_layers import WrongLayer

AXES = (0, 1, 2)


def divisor_as_a_constant(dy, c, g):
    return g._replace(weight=(dy - dy.mean(AXES)) / c.divisor)


def other_root(dy, c, g):
    """The slope of the form that adds eps elsewhere."""
    along = (dy * c.centered).mean(AXES) / c.divisor**3
    return g._replace(weight=(dy - dy.mean(AXES)) / c.divisor - c.centered * along)


CNN_BUGS = [
    Bug("weight_standardization", "divisor as a constant", divisor_as_a_constant, "gradient of weight is wrong"),
    Bug("weight_standardization", "without the mean",
        lambda dy, c, g: g._replace(weight=g.weight + dy.mean(AXES) / c.divisor), "gradient of weight is wrong"),
    Bug("weight_standardization", "dy as it comes", lambda dy, c, g: g._replace(weight=dy.copy())),
    Bug("weight_standardization", "the divisor's root is the divisor", other_root, "gradient of weight is wrong",
        lambda case: case.kwargs["eps_beside"] == "deviation" and case.kwargs["eps"] > 0.1),
    Bug("batch_norm", "statistics of a single place",
        lambda dy, c, g: g._replace(x=c.gamma * c.rstd * (dy - g.beta - c.xhat * g.gamma))),
    Bug("batch_norm", "gamma's gradient from x, not xhat",
        lambda dy, c, g: g._replace(gamma=column_sum(dy * (c.xhat / c.rstd + c.mean)))),
]  # fmt: skip


def block(kind, *args, **options):
    return lambda: kind(*args, zero_init_last=False, **options)


def shortcut_forgotten(layer, dy, cache):
    (dh,) = relu_backward(dy, cache.act)
    return run_backward(layer.branch, dh, cache[: len(layer.branch)])


def branch_past_the_relu(layer, dy, cache):
    (dh,) = relu_backward(dy, cache.act)
    dx = run_backward(layer.branch, dy, cache[: len(layer.branch)])
    return dx + run_backward(layer.downsample, dh, cache.downsample)


def downsample_skipped(layer, dy, cache):
    (dh,) = relu_backward(dy, cache.act)
    dx = run_backward(layer.branch, dh, cache[: len(layer.branch)])
    run_backward(layer.downsample, dh, cache.downsample)
    return dx + dh


def last_norm_skipped(layer, dy, cache):
    (dh,) = relu_backward(dy, cache.act)
    dx = run_backward(layer.branch[:4], dh, cache[:4])
    return dx + run_backward(layer.downsample, dh, cache.downsample)


def norms_exchanged(layer, dy, cache):
    return BasicBlock.backward(layer, dy, cache._replace(bn1=cache.bn2, bn2=cache.bn1))


def with_statistics_of_the_batch(layer, dy, cache):
    """What was frozen, backwards as in training."""
    norm, x = layer.norm, cache.x
    var, mean = norm.running_var.value, norm.running_mean.value
    rstd = 1 / np.sqrt(var + norm.eps)
    batch = BatchNormCache(xhat=(x - mean) * rstd, rstd=rstd, gamma=norm.weight.value, mean=mean, var=var)
    return norm.backward(dy, batch)


def mean_forgotten(layer, dy, cache):
    layer.norm.weight.add_grad(column_sum(dy * cache.x) / np.sqrt(layer.norm.running_var.value + layer.norm.eps))
    layer.norm.bias.add_grad(column_sum(dy))
    return dy * cache.scale


def kernel_as_it_is(layer, dy, cache):
    """The gradient of the standardised kernel, for that of the kernel."""
    dx, dweight, _ = conv2d_backward(dy, cache.conv)
    layer.weight.add_grad(dweight)
    return dx


def frozen_norm():
    norm = BatchNorm(6)
    norm.running_mean = Param((6,), "out", normal_values(1), learned=False)
    norm.running_var = Param((6,), "out", lambda rng, param: rng.uniform(0.5, 2, param.shape), learned=False)
    return frozen(norm.init())


class Strange(BasicBlock):
    """With a convolution in its shortcut though the shapes are the same."""

    def __init__(self, in_chans, chans, **options):
        super().__init__(in_chans, chans, **options)
        self.downsample = [StdConv2d(in_chans, chans, 1)]


MAPS, WIDE_MAPS = (normal(2, 4, 4, 6),), (normal(2, 4, 4, 12),)
WRONG_CNN_LAYERS = [
    WrongLayer(
        "a residual block without its shortcut", block(Bottleneck, 12, 3), shortcut_forgotten, ("x",), WIDE_MAPS
    ),
    WrongLayer("the branch goes past the last relu", block(BasicBlock, 6, 6), branch_past_the_relu, (), MAPS),
    WrongLayer("a shortcut past its convolution", block(Strange, 6, 6, stride=1), downsample_skipped, ("x",), MAPS),
    WrongLayer("the caches of two norms exchanged", block(BasicBlock, 6, 6), norms_exchanged, (), MAPS),
    WrongLayer("the last norm skipped on the way back", block(BasicBlock, 6, 6), last_norm_skipped, (), MAPS),
    WrongLayer("a frozen norm as in training", frozen_norm, with_statistics_of_the_batch, ("x",), MAPS),
    WrongLayer("a frozen scale without the mean", frozen_norm, mean_forgotten, ("weight",), MAPS),
    WrongLayer("a standardised kernel as a plain one", lambda: StdConv2d(6, 5, 3), kernel_as_it_is, ("weight",), MAPS),
]
