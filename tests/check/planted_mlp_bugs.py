"""Bugs of MLPs in which tokens meet by a matrix, a gate or a shift (ResMLP, gMLP, CycleMLP, S2-MLP), as made."""

import numpy as np

from minivit.layers import (
    CycleFC,
    CycleMixing,
    GmlpBlock,
    ResMlpBlock,
    SpatialGatingUnit,
    SpatialShift,
    SplitAttention,
    SplitShift,
)
from minivit.layers.gmlp_block import Gate, GatedMlp
from minivit.layers.initial import normal as normal_values
from minivit.ops import (
    affine_forward,
    layer_scale_backward,
    shift_channels_backward,
    shift_channels_forward,
    spatial_gating_backward,
    split_attention_backward,
)
from tests.check.planted_bugs import Bug, right
from tests.check.small_pairs import normal
from tests.check.wrong_layers import WrongLayer


def gate_of(c, bias=0.0):
    """What the gate would be with this bias in place of its own."""
    return c.weight.mT @ c.v + bias


def of_one_channel(dy, c, g):
    """The matrix from the first channel, as if the others had one of their own."""
    dgate = dy * c.u
    return g._replace(weight=(c.v[..., :1] @ dgate[..., :1].mT).reshape(-1, *c.weight.shape).sum(0))


def looking(case):
    """Whether any channel looks elsewhere, at a place that is on the map."""
    offsets, (_, Y, X, _) = case.kwargs["offsets"], case.args[0].shape
    return (np.any(offsets, axis=1) & (np.abs(offsets) < (Y, X)).all(1)).any()


def beyond_an_edge(case):
    return case.kwargs["repeat"] and looking(case)


def zeros_beyond(case):
    return not case.kwargs["repeat"] and looking(case)


def down_or_right(case):
    """Whether some channel has another number of rows than of columns to go."""
    offsets, (_, Y, X, _) = case.kwargs["offsets"], case.args[0].shape
    return (np.ptp(offsets, axis=1).astype(bool) & (np.abs(offsets).max(1) < min(Y, X))).any()


def shifted_on(dy, c, g):
    """Once more the way that forward went."""
    y, _ = shift_channels_forward(dy, offsets=c.offsets, repeat=c.repeat)
    return g._replace(x=y)


def rolled(dy, offsets):
    """Back, but around the edge, as ``np.roll`` has it."""
    return np.stack([np.roll(dy[..., i], offset, (1, 2)) for i, offset in enumerate(map(tuple, offsets))], axis=-1)


def another_shift(dy, c, g, change):
    return g._replace(x=shift_channels_backward(dy, c._replace(**change(c))).x)


def in_place(x, *, offsets, repeat=True):
    """Row after row, each from the one that has just been written: the first spreads over the map."""
    y, (_, Y, X, C) = x.copy(), x.shape
    for c in range(C):
        for i, j in np.ndindex(Y, X):
            row, column = i + offsets[c, 0], j + offsets[c, 1]
            if 0 <= row < Y and 0 <= column < X:
                y[:, i, j, c] = y[:, row, column, c]
            elif not repeat:
                y[:, i, j, c] = 0
    return y, shift_channels_forward(x, offsets=offsets, repeat=repeat)[1]


def up_or_left(case):
    """Some channel looks at what a loop in place has overwritten, and at something else than it."""
    offsets, (_, Y, X, _) = case.kwargs["offsets"], case.args[0].shape
    one_step = (offsets == (-1, 0)).all(1) & (Y > 2) | (offsets == (0, -1)).all(1) & (X > 2)
    return one_step.any()


def shares_over_channels(dy, c, g):
    dweights = (dy[..., None, :, :] * c.x).sum(-2)
    weights = c.weights.mT
    return g._replace(scores=weights * (dweights - (weights * dweights).sum(-1, keepdims=True)))


def shares_without_their_sum(dy, c, g):
    """As if the share of each branch were a sigmoid of its own."""
    dweights = (dy[..., None, :, :] * c.x).sum(-2)
    return g._replace(scores=dweights * c.weights.mT * (1 - c.weights.mT))


MLP_BUGS = [
    Bug("affine", "the scale's gradient over one axis only",
        lambda dy, c, g: g._replace(alpha=(dy * c.x)[(-1,) * (dy.ndim - 1)].copy()), "gradient of alpha is wrong",
        lambda case: case.args[0].ndim > 1),
    Bug("affine", "the scale's gradient by what came out",
        lambda dy, c, g: g._replace(alpha=(dy * c.x * c.alpha).reshape(-1, dy.shape[-1]).sum(0)),
        "gradient of alpha is wrong"),
    Bug("affine", "not scaled on the way back", lambda dy, c, g: g._replace(x=dy.copy()), "gradient of x is wrong"),
    Bug("affine", "divided by the scale on the way back", lambda dy, c, g: g._replace(x=dy / c.alpha),
        "gradient of x is wrong"),
    Bug("affine", "the shift scaled, too", lambda dy, c, g: g._replace(beta=g.beta * c.alpha),
        "gradient of beta is wrong"),
    Bug("affine", "the shift of the mean", lambda dy, c, g: g._replace(beta=g.beta / (dy.size / dy.shape[-1])),
        "gradient of beta is wrong", lambda case: case.args[0].ndim > 1),
    Bug("affine", "shifted before it is scaled", right,
        forward=lambda x, alpha, beta: ((x + beta) * alpha, affine_forward(x, alpha, beta)[1])),
    Bug("spatial_gating", "the bias of the gate forgotten",
        lambda dy, c, g: g._replace(u=dy * gate_of(c)), "gradient of u is wrong"),
    Bug("spatial_gating", "a bias of one for all", lambda dy, c, g: g._replace(u=dy * gate_of(c, 1.0)),
        "gradient of u is wrong"),
    Bug("spatial_gating", "the gate gets nothing", lambda dy, c, g: g._replace(v=g.v * 0), "gradient of v is wrong"),
    Bug("spatial_gating", "the matrix transposed on the way back",
        lambda dy, c, g: g._replace(v=c.weight.mT @ (dy * c.u)), "gradient of v is wrong"),
    Bug("spatial_gating", "the gradient of the matrix transposed",
        lambda dy, c, g: g._replace(weight=g.weight.T.copy()), "gradient of weight is wrong"),
    Bug("spatial_gating", "not multiplied by the other half",
        lambda dy, c, g: g._replace(v=c.weight @ dy), "gradient of v is wrong"),
    Bug("spatial_gating", "the halves exchanged",
        lambda dy, c, g: g._replace(u=g.v, v=g.u), "gradient of u is wrong"),
    Bug("spatial_gating", "the matrix of one channel", of_one_channel, "gradient of weight is wrong"),
    Bug("spatial_gating", "the bias from what is let through",
        lambda dy, c, g: g._replace(bias=(dy * c.v).sum(-1).reshape(-1, dy.shape[-2]).sum(0)),
        "gradient of bias is wrong"),
    Bug("shift_channels", "shifted on, not back", shifted_on, "gradient of x is wrong", looking),
    Bug("shift_channels", "around the edge", lambda dy, c, g: g._replace(x=rolled(dy, c.offsets)),
        "gradient of x is wrong", looking),
    Bug("shift_channels", "rows and columns exchanged",
        lambda dy, c, g: another_shift(dy, c, g, lambda c: {"offsets": c.offsets[:, ::-1]}),
        "gradient of x is wrong", down_or_right),
    Bug("shift_channels", "offsets in reversed order",
        lambda dy, c, g: another_shift(dy, c, g, lambda c: {"offsets": c.offsets[::-1]}), "gradient of x is wrong",
        lambda case: looking(case) and down_or_right(case)
        and not np.array_equal(case.kwargs["offsets"], case.kwargs["offsets"][::-1])),
    Bug("shift_channels", "what repeats gets one share",
        lambda dy, c, g: another_shift(dy, c, g, lambda c: {"repeat": False}), "gradient of x is wrong",
        beyond_an_edge),
    Bug("shift_channels", "zeros beyond the edge send something back",
        lambda dy, c, g: another_shift(dy, c, g, lambda c: {"repeat": True}), "gradient of x is wrong", zeros_beyond),
    Bug("shift_channels", "in place, and read again", right, "gradient of x is wrong", up_or_left,
        forward=in_place),
    Bug("split_attention", "a softmax over the channels", shares_over_channels, "gradient of scores is wrong"),
    Bug("split_attention", "shares that do not sum to one", shares_without_their_sum, "gradient of scores is wrong"),
    Bug("split_attention", "past the softmax",
        lambda dy, c, g: g._replace(scores=(dy[..., None, :, :] * c.x).sum(-2)), "gradient of scores is wrong"),
    Bug("split_attention", "equal shares on the way back",
        lambda dy, c, g: g._replace(x=np.repeat(dy[..., None, :, :] / c.x.shape[-3], c.x.shape[-3], -3)),
        "gradient of x is wrong"),
    Bug("split_attention", "shares of another branch",
        lambda dy, c, g: g._replace(x=dy[..., None, :, :] * np.roll(c.weights, 1, -1).mT[..., None, :]),
        "gradient of x is wrong"),
    Bug("split_attention", "the mean of all places, not their sum",
        lambda dy, c, g: g._replace(scores=g.scores / c.x.shape[-2]), "gradient of scores is wrong"),
]  # fmt: skip


def strong(layer):
    """What begins near zero, and hides what is behind it, drawn as large as all else."""
    for name, param in layer.named_params().items():
        if name.endswith(("ls1", "ls2", "proj.weight", "proj.bias", "alpha")):
            param._initial = normal_values(1.0)
    return layer


def res_mlp(tokens=5):
    return lambda: strong(ResMlpBlock(6, tokens, channels_dim=7, init_values=0.5))


def res_mlp_with(
    scale=lambda dh, cache: layer_scale_backward(dh, cache), swap=lambda dh: dh.mT.copy(), residual=True, affine=True
):
    """The backward of a block of ResMLP, one step of the way over the tokens made otherwise."""

    def backward(layer, dy, cache):
        dh, dls2 = layer_scale_backward(dy, cache.ls2)
        layer.ls2.add_grad(dls2)
        dx = dy + layer.norm2.backward(layer.mlp_channels.backward(dh, cache.mlp_channels), cache.norm2)
        dh, dls1 = scale(dx, cache.ls1)
        layer.ls1.add_grad(dls1)
        dh = swap(layer.linear_tokens.backward(swap(dh), cache.linear_tokens))
        back = layer.norm1.backward(dh, cache.norm1)
        return (back if affine else dh) + (dx if residual else 0)

    return backward


def scale_of_the_tokens(dh, cache):
    """As if LayerScale stood between the affine map and the matrix: x at its place."""
    dx, dgamma = layer_scale_backward(dh, cache)
    return dx, dgamma[::-1].copy()


def scales_exchanged(layer, dy, cache):
    return ResMlpBlock.backward(layer, dy, cache._replace(ls1=cache.ls2, ls2=cache.ls1))


def gating():
    return strong(SpatialGatingUnit(8, 5))


def norm_of_the_other_half(layer, dy, cache):
    du, dv = layer.proj.backward(dy, cache.proj)
    return np.concatenate((layer.norm.backward(du, cache.norm), dv), axis=-1)


def halves_in_another_order(layer, dy, cache):
    dx = SpatialGatingUnit.backward(layer, dy, cache)
    return np.roll(dx, dx.shape[-1] // 2, -1)


def past_the_norm(layer, dy, cache):
    layer.norm.backward(layer.proj.backward(dy, cache.proj)[1], cache.norm)
    return np.concatenate(spatial_gating_backward(dy, cache.proj)[:2], axis=-1)


def gate_for_itself(layer, dy, cache):
    """Through the gate alone: the half that is let through gets nothing."""
    du, dv = layer.proj.backward(dy, cache.proj)
    return np.concatenate((0 * du, layer.norm.backward(dv, cache.norm)), axis=-1)


def gate_in_front_of_the_activation(layer, dy, cache):
    dh = layer.gate.backward(layer.fc2.backward(dy, cache.fc2), cache.gate)
    return layer.fc1.backward(dh, cache.fc1)


def bias_of_each_channel(layer, dy, cache):
    dx = Gate.backward(layer, dy, cache)
    layer.bias.grad = layer.bias.grad / dy.shape[-1]
    return dx


def cycle(**options):
    return lambda: CycleFC(6, 5, **{"along": 1, **options})


def cycle_with(change):
    """The backward of a CycleFC with another shift."""
    return lambda layer, dy, cache: CycleFC.backward(layer, dy, cache._replace(shift=change(cache.shift)))


def not_shifted(layer, dy, cache):
    """The gradient of what has been shifted."""
    stays = cache.shift._replace(offsets=0 * cache.shift.offsets)
    return CycleFC.backward(layer, dy, cache._replace(shift=stays))


def shifted_once_more(layer, dy, cache):
    return shift_channels_forward(not_shifted(layer, dy, cache), offsets=cache.shift.offsets, repeat=False)[0]


def around_the_edge(layer, dy, cache):
    return rolled(not_shifted(layer, dy, cache), cache.shift.offsets)


def along_rows_for_columns(layer, dy, cache):
    return CycleMixing.backward(layer, dy, cache._replace(sfc_h=cache.sfc_w, sfc_w=cache.sfc_h))


def two_branches(layer, dy, cache):
    """What looks at its own place gets nothing."""
    layer.mlp_c.backward = lambda dh, c: 0 * dh
    dx = CycleMixing.backward(layer, dy, cache)
    del layer.mlp_c.backward
    return dx


def split(**options):
    return lambda: SplitAttention(6, 5, 3, **{"total": False, "branch_last": True, **options})


def branches_read_otherwise(layer, dy, cache):
    layer.branch_last = not layer.branch_last
    dx = SplitAttention.backward(layer, dy, cache)
    layer.branch_last = not layer.branch_last
    return dx


def sum_for_mean(layer, dy, cache):
    layer.total = not layer.total
    dx = SplitAttention.backward(layer, dy, cache)
    layer.total = not layer.total
    return dx


def past_the_scores(layer, dy, cache):
    """The shares as if they were given: what the branches said of them is forgotten."""
    SplitAttention.backward(layer, dy, cache)
    return split_attention_backward(dy, cache.attention).x


def shift_with(change):
    """The backward of a SpatialShift with another shift."""
    return lambda layer, dy, cache: SpatialShift.backward(layer, dy, cache._replace(shift=change(cache.shift)))


def past_the_activation(layer, dy, cache):
    (dh,) = shift_channels_backward(layer.fc2.backward(dy, cache.fc2), cache.shift)
    return layer.fc1.backward(dh, cache.fc1)


def both_shifts_alike(layer, dy, cache):
    return SplitShift.backward(layer, dy, cache._replace(shift2=cache.shift1))


def shifts_exchanged(layer, dy, cache):
    return SplitShift.backward(layer, dy, cache._replace(shift1=cache.shift2, shift2=cache.shift1))


def all_thirds_shifted(layer, dy, cache):
    """The last third, which stays, shifted back as the first."""
    B, Y, X, C = dy.shape
    dh = layer.mlp2.backward(dy, cache.mlp2).reshape(B, Y * X, C)
    dh = layer.split_attention.backward(dh, cache.split_attention).reshape(B, 3, Y, X, C)
    shifts = (cache.shift1, cache.shift2, cache.shift1)
    thirds = [shift_channels_backward(dh[:, i], shift).x for i, shift in enumerate(shifts)]
    return layer.mlp1.backward(np.concatenate(thirds, axis=-1), cache.mlp1)


TOKENS, SQUARE = (normal(2, 5, 6),), (normal(2, 6, 6),)
MAPS, BRANCHES = (normal(2, 4, 5, 6),), (normal(2, 3, 7, 6),)
WRONG_MLP_LAYERS = [
    WrongLayer("LayerScale in front of the matrix", res_mlp(), res_mlp_with(scale_of_the_tokens), ("ls1",), TOKENS),
    WrongLayer("LayerScale forgotten on the way back", res_mlp(),
               res_mlp_with(lambda dh, c: (dh, layer_scale_backward(dh, c)[1])), ("linear_tokens",), TOKENS),
    WrongLayer("tokens and channels not exchanged", res_mlp(6), res_mlp_with(swap=lambda dh: dh), ("linear_tokens",),
               SQUARE),
    WrongLayer("tokens and channels reshaped", res_mlp(),
               res_mlp_with(swap=lambda dh: dh.reshape(2, *dh.shape[:0:-1])), ("linear_tokens",), TOKENS),
    WrongLayer("a residual around the tokens lost", res_mlp(), res_mlp_with(residual=False), ("input 0",), TOKENS),
    WrongLayer("past the affine map", res_mlp(), res_mlp_with(affine=False), ("input 0",), TOKENS),
    WrongLayer("LayerScale of the other branch", res_mlp(), scales_exchanged, ("ls",), TOKENS),
    WrongLayer("the norm of the half that is let through", gating, norm_of_the_other_half, (), (normal(2, 5, 8),)),
    WrongLayer("halves in another order", gating, halves_in_another_order, ("input 0",), (normal(2, 5, 8),)),
    WrongLayer("past the norm of the gate", gating, past_the_norm, ("proj",), (normal(2, 5, 8),)),
    WrongLayer("through the gate alone", gating, gate_for_itself, ("input 0",), (normal(2, 5, 8),)),
    WrongLayer("a gate in front of the activation", lambda: strong(GatedMlp(6, 8, 5)),
               gate_in_front_of_the_activation, ("fc1",), TOKENS),
    WrongLayer("a bias for each channel", lambda: strong(Gate(5)), bias_of_each_channel, ("bias",),
               (normal(2, 5, 4), normal(2, 5, 4) + 1)),
    WrongLayer("a block of gMLP without its residual", lambda: strong(GmlpBlock(6, 5, channels_dim=8)),
               lambda layer, dy, cache: GmlpBlock.backward(layer, dy, cache) - dy, ("input 0",), TOKENS),
    WrongLayer("a cycle the other way round", cycle(), cycle_with(lambda c: c._replace(offsets=-c.offsets)),
               ("input 0",), MAPS),
    WrongLayer("a cycle that begins at its first step", cycle(),
               cycle_with(lambda c: c._replace(offsets=np.roll(c.offsets, 1, 0))), ("input 0",), MAPS),
    WrongLayer("a cycle through rows, not columns", cycle(),
               cycle_with(lambda c: c._replace(offsets=c.offsets[:, ::-1])), ("input 0",), MAPS),
    WrongLayer("edges that repeat in a cycle", cycle(), cycle_with(lambda c: c._replace(repeat=True)),
               ("input 0",), MAPS),
    WrongLayer("a cycle around the edge", cycle(), around_the_edge, ("input 0",), MAPS),
    WrongLayer("a cycle shifted once more", cycle(along=0), shifted_once_more, ("input 0",), MAPS),
    WrongLayer("rows and columns of a CycleMLP exchanged", lambda: CycleMixing(6), along_rows_for_columns,
               ("input 0",), MAPS),
    WrongLayer("two branches of three", lambda: CycleMixing(6), two_branches, ("mlp_c",), MAPS),
    WrongLayer("the scores of branches in another order", split(), branches_read_otherwise, ("fc2",), BRANCHES),
    WrongLayer("a sum of places for their mean", split(), sum_for_mean, ("input 0",), BRANCHES),
    WrongLayer("shares as if they were given", split(total=True, branch_last=False, bias=False), past_the_scores,
               ("input 0",), BRANCHES),
    WrongLayer("a spatial shift the other way", lambda: SpatialShift(6),
               shift_with(lambda c: c._replace(offsets=-c.offsets)), (), MAPS),
    WrongLayer("zeros beyond the edges of a spatial shift", lambda: SpatialShift(6),
               shift_with(lambda c: c._replace(repeat=False)), (), MAPS),
    WrongLayer("past the activation of a spatial shift", lambda: SpatialShift(6), past_the_activation, ("fc1",), MAPS),
    WrongLayer("both shifts alike", lambda: SplitShift(6), both_shifts_alike, ("mlp1",), MAPS),
    WrongLayer("shifts exchanged", lambda: SplitShift(6), shifts_exchanged, ("mlp1",), MAPS),
    WrongLayer("the last third shifted, too", lambda: SplitShift(6), all_thirds_shifted, ("mlp1",), MAPS),
]  # fmt: skip
