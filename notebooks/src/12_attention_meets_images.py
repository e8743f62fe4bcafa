# %% [markdown]
# # Attention meets images
#
# "How to use Attention / Transformers for Vision?" ask the slides, and answer with four ideas. The fourth is the [Vision
# Transformer](04_vit.ipynb) (ViT), which won. This lecture is about the three that came before it: what each changes in a
# network, its step forward and its step backward with numbers, what it costs beside the convolution that it joins or
# replaces, and how far a place sees by it.
#
# 1. [Four ideas](#1-Four-ideas): where places of a map meet, in seven networks.
# 2. [Between the blocks](#2-Between-the-blocks): non-local blocks in four forms, which begin as nothing at all.
# 3. [A gate that begins closed](#3-A-gate-that-begins-closed): SAGAN's one number, and its first two steps.
# 4. [Side by side](#4-Side-by-side): augmented convolutions, and what a query says of rows and columns.
# 5. [In place of a convolution](#5-In-place-of-a-convolution): local attention, its backward, its places and its border.
# 6. [Local relations](#6-Local-relations): LR-Net, and its table, layer by layer.
# 7. [Lots of tricky details](#7-Lots-of-tricky-details): why it was slow, and what it gained.
# 8. [Pixels](#8-Pixels): the fourth power, who may look at whom, and memory without the matrix.
# 9. [Side by side with a ViT](#9-Side-by-side-with-a-ViT), at nearly as many parameters.
#
# Slides, papers and code do not have the same letters:
#
# | here | what it is | papers | slides |
# |---|---|---|---|
# | $Y \times X$, $N = YX$ | places of a map that ask | $H \times W$; with $T$ frames (Wang et al.) | $H \times W$ |
# | $S$ | places that are asked | | |
# | $C$, $C'$ | channels of a map, before and behind | $F_{in}$, $F_{out}$ (Bello et al.); $d_{in}$, $d_{out}$ (Ramachandran et al.) | $C$, $C'$; once $C$ for $C'$ |
# | $K$ | width of a query and of a key | $d_k$, $d_k^h$ (Bello et al.) | $D_Q$ |
# | $M$ | side of a window | $k$ (Ramachandran et al.) | $R$ |
# | $m$ | channels that share their weights | $m$ (Hu et al.) | $m$ |
# | $R$ | side of an image, in pixels | | $R$, too |
#
# It takes less than a minute on two processors and needs no download. *Predict* means: write down a guess before you run
# the cell below. Every number that the text claims stands in an `assert`, and is the same on every machine, but for times
# in section 7, of which it asks the order; what papers have measured is quoted. Words in blue lead to the
# [glossary](../docs/glossary.md).

# %%
import sys
from itertools import pairwise
from math import isqrt
from pathlib import Path
from timeit import timeit

import numpy as np
from IPython.display import Markdown

import minivit as mv
from minivit import ops
from minivit.cost import formulas
from minivit.cost.tally import layers_in
from minivit.layers import AttentionConv, AugmentedConv, LocalRelation, NonLocal, SAGANAttention
from minivit.layers.conv2d import Conv2d
from minivit.layers.local_relation import window_positions
from minivit.ops.color_codes import color_codes, colors_of
from minivit.ops.local_attention import _seen_from_map
from minivit.ops.non_local import non_local_loops
from minivit.ops.relative_logits import relative_index
from minivit.plot.lectures import attention_meets_images as lecture
from minivit.plot.lectures.windows import gradient_maps
from minivit.plot.matrices import matrices
from minivit.plot.source import show_source

# %%
np.set_printoptions(precision=3, suppress=True)
KIB, MIB, GIB = 2**10, 2**20, 2**30
rng = np.random.default_rng(0)


def table(head, rows, align="---:"):
    """A table in Markdown."""
    lines = [head, ["---"] + [align] * (len(head) - 1), *rows]
    return Markdown("\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines))


# %% [markdown]
# ## 1 Four ideas
#
# Most layers of a network for images work place by place: 1 × 1 convolutions, MLPs, norms, activations. What a place knows
# of others comes from the few layers in which places meet. In a ResNet these are its convolutions with kernels larger than
# one pixel (and poolings, which have nothing to learn). **Predict.** Which share of the parameters of a ResNet-50 do they
# have, and which share of its MACs?

# %%
ATTENTION = NonLocal, AttentionConv, LocalRelation, mv.layers.SelfAttention


def meeting(model):
    """The layers in which places of a map meet: {name: kind}."""
    found = {}
    for name, layer in layers_in(model):
        if any(name.startswith(f"{other}.") for other in found):
            continue  # a part of a layer that is there already
        if isinstance(layer, AugmentedConv):
            found[name] = "both"
        elif isinstance(layer, ATTENTION):
            found[name] = "attention"
        elif isinstance(layer, Conv2d) and layer.weight.shape[0] > 1:
            found[name] = "convolution"
        elif isinstance(layer, mv.layers.PatchEmbed):
            found[name] = "convolution" if layer.proj.weight.shape[0] > 1 else "place by place"
    return found


# %%
resnet = mv.cost.estimate("resnet50")
where = meeting(mv.create_model("resnet50"))
wide = [layer for layer in resnet.layers if layer.name in where]
params = sum(layer.params for layer in wide) / resnet.params
macs = sum(layer.forward.macs for layer in wide) / resnet.macs_forward
print(f"{len(wide)} layers: {params:.0%} of {resnet.params:,} parameters")
print(f"and {macs:.0%} of {resnet.macs_forward:,} MACs")
assert len(wide) == 1 + 16 and (round(params, 2), round(macs, 2)) == (0.44, 0.48)
assert (resnet.params, resnet.macs_forward) == (25_557_032, 4_089_184_256)

# %% [markdown]
# Seventeen layers, and less than half of everything. What the ideas change is in these; the other half stays. Here are the
# small nets of this package for images of 32 × 32 pixels, layer by layer from the image to the head, without what works
# place by place:

# %%
IDEAS = {
    "ResNet": ("resnet20_32", {"channels": (20, 40, 80), "stem_chans": 20}),
    "1 non-local": ("nonlocal_resnet_tiny_32", {}),
    "1 augmented": ("aa_resnet_tiny_32", {}),
    "2 SASA": ("sasa_resnet_tiny_32", {}),
    "2 LR-Net": ("lr_net_tiny_32", {}),
    "3 pixels": ("vit_tiny_patch4_32", {"embed_dim": 96, "patch_size": 1}),
    "4 ViT": ("vit_tiny_patch4_32", {"embed_dim": 96}),
}
kinds = {}
for idea, (name, options) in IDEAS.items():
    of_layers = meeting(mv.create_model(name, **options)).values()
    kinds[idea] = [kind for kind in of_layers if kind != "place by place"]
counts = {idea: (kind.count("convolution"), len(kind)) for idea, kind in kinds.items()}
assert counts["ResNet"] == (19, 19) and counts["1 non-local"] == (19, 21)
assert counts["1 augmented"] == (13, 19) and counts["2 SASA"] == (1, 7)
assert counts["2 LR-Net"] == (0, 7) and counts["4 ViT"] == (1, 7)
assert counts["3 pixels"] == (0, 6)
lecture.looking_around(kinds)

# %% [markdown]
# - **Idea 1**, "Add attention to existing CNNs": a block here and there, between blocks that stay. "Model is still a CNN!"
#   Its other form gives some channels of a convolution to attention.
# - **Idea 2**, "Replace Convolution with 'Local Attention'". "Replace all conv in ResNet", says the slide; what is replaced
#   are those of 3 × 3 pixels. The 1 × 1 stay, and in SASA, but for its "full attention", the first one.
# - **Idea 3**, "Standard Transformer on Pixels": nothing of the CNN is left.
# - **Idea 4**, "Standard Transformer on Patches": the same, behind one [convolution with a
#   stride](04_vit.ipynb#2-From-an-image-to-tokens).
#
# Other slides tell the same story in two steps: "Augmenting conv. neural networks with the attention mechanism, e.g.,
# AAConv"; "Building fully-attentional models, e.g., SASA".

# %% [markdown]
# ## 2 Between the blocks
#
# **Exercise.** [`non_local`](../minivit/course/exercises/non_local.md): `minivit course start non_local`. This section shows
# answers of it, and the next one its gate.
#
# ### Four ways to compare two places
#
# A [non-local](../docs/glossary.md#non-local-block) operation gives each place $i$ a mean over all places $j$ of what they
# have to say, $g(x_j)$, weighted by how much they matter to it:
#
# $$y_i = \frac{1}{\mathcal C(x)} \sum_j f(x_i, x_j)\, g(x_j) .$$
#
# Wang et al. try four $f$. With $q_i = \theta(x_i)$ and $k_j = \phi(x_j)$, which are 1 × 1 convolutions:
#
# | | $f(x_i, x_j)$ | $\mathcal C(x)$ |
# |---|---|---|
# | Gaussian | $e^{x_i \cdot x_j}$ | $\sum_j f(x_i, x_j)$ |
# | embedded Gaussian | $e^{q_i \cdot k_j}$ | $\sum_j f(x_i, x_j)$ |
# | dot product | $q_i \cdot k_j$ | $S$, the number of places |
# | concatenation | $\operatorname{ReLU}(w \cdot [q_i, k_j])$ | $S$ |
#
# Four places with two channels, and everything else the identity. **Predict.** In which matrices does each row sum to 1? In
# which may a weight be negative?

# %%
x = np.array([[1.0, 0], [0, 1], [1, 1], [-1, 2]])
w = np.array([1.0, -1, -1, 1])  # of [q, k]: first what meets the query
f = {
    "Gaussian": ops.attention_forward(x, x, x, scale=1)[1].weights,
    "dot product": ops.dot_product_mean_forward(x, x, x)[1].weights,
    "concatenation": ops.concatenation_mean_forward(x, x, x, w)[1].weights,
}
assert np.allclose(f["dot product"], x @ x.T / 4)
e = np.exp(x @ x.T)
assert np.allclose(f["Gaussian"], e / e.sum(1, keepdims=True))
assert np.allclose(f["Gaussian"].sum(1), 1)
assert f["dot product"].min() == -0.25 and f["concatenation"].min() == 0
assert f["dot product"].sum(1).tolist() == [0.25, 1, 1.25, 1.75]
matrices(f, numbered=True, title="Who looks where: rows are queries")

# %% [markdown]
# Only the Gaussian ones are means: a softmax in every row. (A slide calls that softmax itself $f$, with the sum over $j$ in
# it; in the paper the sum is $\mathcal C(x)$.) So they are attention, and nothing new: the paper says that
# self-attention of Transformers is the embedded Gaussian. What is missing is $\sqrt{K}$ under the scores. The other two
# have no softmax, and divide by the *number* of places, so that maps of any size give sums of like size. All of it with
# loops, as the formula says it:

# %%
show_source(non_local_loops)
for forward, vector in (
    (ops.dot_product_mean_forward, ()),
    (ops.concatenation_mean_forward, (w,)),
):
    assert np.allclose(forward(x, x, x, *vector)[0], non_local_loops(x, x, x, *vector))
layer = NonLocal(6, sub_sample=False).init(0, "float64")
maps = rng.standard_normal((1, 4, 5, 6))
_, cache = layer.forward(maps)
q, k, v = (part.forward(maps)[0].reshape(1, 20, 3) for part in (layer.theta, layer.phi, layer.g))
assert np.allclose(cache.attention.weights, ops.attention_forward(q, k, v, scale=1)[1].weights)
assert np.allclose(cache.attention.weights, ops.attention_forward(q * 3**0.5, k, v)[1].weights)

# %% [markdown]
# ### Backward, step by step
#
# The dot product is the shortest attention there is: $A = Q K^\top / S$, $Y = A V$. **Predict.** Two products, so there are
# four on the way back. Which? Let the gradient that comes in be 1 at the first channel of the first place, and 0 elsewhere.

# %%
y, cache = ops.dot_product_mean_forward(x, x, x)
dy = np.zeros((4, 2))
dy[0, 0] = 1
dv = cache.weights.T @ dy  # who looked at me, and how much
dA = dy @ x.T  # what I would have given
dscores = dA / 4
dq, dk = dscores @ x, dscores.T @ x
for name, mine in zip("qkv", (dq, dk, dv), strict=True):
    assert np.allclose(mine, getattr(ops.dot_product_mean_backward(dy, cache), name))
assert dv[:, 0].tolist() == [0.25, 0, 0.25, -0.25] and dA[0].tolist() == [1, 0, 1, -1]
steps = {"A": cache.weights, "dy": dy, "dv = Aᵀ dy": dv, "dA = dy vᵀ": dA, "dq": dq, "dk": dk}
matrices(steps, columns=6)

# %%
show_source(ops.dot_product_mean_backward)
mv.check.check_pair(ops.dot_product_mean_forward, ops.dot_product_mean_backward, x, x, x)

# %% [markdown]
# Only the first query gets a gradient, for only it was asked. A value gets it by how much it was looked at ($A$), a key by
# what its value has to offer ($\bar A$), even where its weight is 0. A softmax would multiply that by the weight.
#
# Without a softmax, brackets may be moved: $(Q K^\top) V = Q\, (K^\top V)$. **Predict.** On a map of 56 × 56 with $K$ = 32,
# how much does that save?

# %%
q, k, v = rng.standard_normal((3, 56 * 56, 32))
y, _ = ops.dot_product_mean_forward(q, k, v)
assert np.allclose(y, q @ (k.T @ v / len(k)))
both = [
    mv.cost.of(way, q=q.shape, k=k.shape, v=v.shape).forward.macs
    for way in (lambda q, k, v: (q @ k.T) @ v, lambda q, k, v: q @ (k.T @ v))
]
print(f"{both[0]:,} or {both[1]:,} MACs: {both[0] / both[1]:.0f} times fewer")
assert both == [2 * 3136**2 * 32, 2 * 3136 * 32**2] and both[0] / both[1] == 3136 / 32 == 98

# %% [markdown]
# 98 times, and there is no map of $N^2$ weights any more. (The paper does not do it. It is what later was called linear
# attention.)
#
# ### The block
#
# Around the operation stand a map back to the block's channels and a residual path, $z_i = W y_i + x_i$. Its widths:
# queries, keys and values have half of the channels; keys and values are max-pooled, 2 × 2 places to one. Here it is as the
# paper puts it into a ResNet-50, into the stage of 14 × 14 places with 1024 channels, beside the block in front of it:

# %%
C = 1024
block = NonLocal(C).init(0)
x = rng.standard_normal((1, 14, 14, C), np.float32)
y, cache = block.forward(x)
at = cache.attention
shapes = {"x": x, "theta": at.q[0], "phi": at.k[0], "g": at.v[0], "weights": at.weights[0]}
shapes |= {"y": at.q[0], "W": y}
shapes = {name: array.shape[-3:] for name, array in shapes.items()}
assert shapes["weights"] == (196, 49) and shapes["phi"] == (49, 512)
lecture.non_local_steps(shapes)

# %%
PLACE, CONV, ATTEND = "place by place", "convolution", "attention"
bottleneck = [("1 × 1, 256", PLACE), ("3 × 3 convolution, 256", CONV), ("1 × 1, 1024", PLACE)]
bottleneck += [("+", PLACE)]
non_local = [("non-local, 512", ATTEND), ("+", PLACE)]
lecture.blocks(
    {"a block of ResNet-50": bottleneck, "and a non-local one": bottleneck + non_local},
    title="Idea 1: between blocks that stay",
)

# %% [markdown]
# **Predict.** What does such a block do to the map before it has learned anything?

# %%
assert np.array_equal(y, x)  # to the bit
assert not block.W[1].weight.value.any()

# %% [markdown]
# Nothing. The norm behind $W$ begins with a scale of zero, so $z = x$, and a block can be put into a network that has been
# trained before: it computes what it did. How it gets away from there is the next section.
#
# ### What it costs
#
# **Predict.** Does one such block multiply more, or the whole bottleneck beside it? And what does pooling save?

# %%
ours = mv.cost.of(NonLocal(C), x=(1, 14, 14, C))
whole = mv.cost.of(NonLocal(C, sub_sample=False), x=(1, 14, 14, C))
beside = next(layer for layer in resnet.by_layer() if layer.name == "layer3.1")
conv = next(layer for layer in resnet.by_layer() if layer.name == "layer3.1.conv2")
rows = [["non-local block", ours.forward.macs], ["without pooling", whole.forward.macs]]
rows += [["bottleneck", beside.forward.macs], ["its 3 × 3 convolution", conv.forward.macs]]
N, K = 196, 512
assert ours.forward.macs == 4 * N * C * K + 2 * N * (N // 4) * K == 420_876_288
assert whole.forward.macs == 4 * N * C * K + 2 * N * N * K == 450_379_776
assert beside.forward.macs == 218_365_952 and conv.forward.macs == 115_605_504
table(["on 14 × 14 × 1024", "MACs"], [[name, f"{macs:,}"] for name, macs in rows])

# %% [markdown]
# The block, nearly twice. And its four 1 × 1 maps are nearly all of that, so pooling hardly matters here: the pairs are a
# quarter (the paper writes "by 1/4" and means *to* 1/4), and the MACs 7 % less. It matters where maps are large. On a map
# of 56 × 56 with 256 channels:

# %%
shares = {}
for side, chans in ((56, 256), (28, 512), (14, 1024), (7, 2048)):
    pooled, plain = (
        mv.cost.of(NonLocal(chans, sub_sample=each), x=(1, side, side, chans))
        for each in (True, False)
    )
    shares[side] = plain.forward.macs / pooled.forward.macs, plain.kept_bytes / MIB
    print(
        f"{side:2} × {side:2}: {plain.forward.macs / 1e6:5,.0f} M MACs, {shares[side][1]:4.1f} MiB"
    )
    print(
        f" pooled: {pooled.forward.macs / 1e6:5,.0f} M MACs, {pooled.kept_bytes / MIB:4.1f} MiB"
    )
assert round(shares[56][0], 1) == 2.8 and round(1 - 1 / shares[14][0], 2) == 0.07
large = mv.cost.estimate("nonlocal_resnet50_5")
assert large.params - resnet.params == 7_358_464
assert round(large.macs_forward / resnet.macs_forward, 2) == 1.55

# %% [markdown]
# Five blocks, two in the second stage and three in the third (the paper's res3 and res4), make 55 % more MACs out of a
# ResNet-50.
#
# ### How far a place sees
#
# Ask the gradient, as in [lecture 7](07_windows.ipynb#3-Why-windows-alone-are-not-enough): one place of the output, and
# what has a say in it. A 3 × 3 convolution, a 7 × 7, a non-local block as it begins, and one whose $W$ is not zero any
# more. **Predict.** All four.


# %%
def seen(layer, x, place, channels=slice(None)):
    """Sizes of the gradient of one place of the output, or of some of its channels."""
    y, cache = layer.forward(x)
    dy = np.zeros_like(y)
    dy[(0, *place, channels)] = np.random.default_rng(1).standard_normal(
        dy[0, 0, 0, channels].shape
    )
    return np.abs(layer.backward(dy, cache)[0]).sum(-1)


x = rng.standard_normal((1, 14, 14, 8))
begun = NonLocal(8, sub_sample=False, norm=False).init(0, "float64")
begun.W[0].weight.value[...] = 0.1 * rng.standard_normal(begun.W[0].weight.shape)
layers = {
    "3 × 3": Conv2d(8, 8, 3, padding=1),
    "7 × 7": Conv2d(8, 8, 7, padding=3),
    "non-local, at first": NonLocal(8),
    "with W ≠ 0": begun,
}
fields = [
    seen(each.init(0, "float64") if each is not begun else each, x, (5, 8))
    for each in layers.values()
]
assert [np.count_nonzero(field) for field in fields] == [9, 49, 1, 196]
gradient_maps({"one layer": fields}, [*layers], start=(5, 8), title="What has a say in one place")

# %% [markdown]
# 9, 49, itself alone, and everything, all nearly alike, as queries and keys begin small. A pile of 3 × 3 convolutions,
# each of which reaches one place further, needs 14 / 2 = 7 layers to see all of this map from its middle, and 13 from a
# corner.
#
# What is it worth? On videos (Kinetics), Wang et al. report 71.8 % for a ResNet-50 without, and with one block of each form
# between 72.5 and 72.9 %: that some places look at all helps, and by which $f$ hardly matters.
#
# *Sources.* Wang et al. 2018, "Non-local Neural Networks", sections 3.1 to 3.3 and 4.1, equations 1 to 6, tables 1 and 2a
# (its networks are for videos, so there are $T$ frames in each map); Vaswani et al. 2017, section 3.2.1; Katharopoulos et
# al. 2020, "Transformers are RNNs" (linear attention); Buades et al. 2005, "A Non-Local Algorithm for Image Denoising",
# after which it is named.

# %% [markdown]
# ## 3 A gate that begins closed
#
# SAGAN, a net that makes images, has the same block with fewer parts: queries and keys of $C/8$ channels, and behind it one
# learned number, which is 0 at first (here values are as wide as the map, as in the most used code; in the paper they have
# $C/8$, too, and a last 1 × 1 convolution brings them back):
#
# $$z_i = x_i + \gamma\, o_i, \qquad o_i = \sum_j \operatorname{softmax}_j(q_i \cdot k_j)\, v_j .$$
#
# (The slides say ICML 2018. The preprint is of 2018, the conference was that of 2019.) So the net may rely on its
# neighbourhood first, "since this is easier", and let in what is far as far as it helps. **Predict.** At $\gamma = 0$,
# which of the four gradients is not zero: that of $\gamma$, of the maps to queries, keys and values? If all of them are,
# nothing ever learns.

# %%
gate = SAGANAttention(8).init(0, "float64")
gate.theta.weight.value *= 50  # so that who looks where is not the same for all
gate.phi.weight.value *= 50
x, target = rng.standard_normal((2, 1, 4, 4, 8))


def gradients(gate):
    """Half the squared distance to a target, and its gradients: of x, sizes of the others."""
    gate.zero_grad()
    z, cache = gate.forward(x)
    dx = gate.backward(z - target, cache)
    sizes = {name: np.abs(param.grad).max() for name, param in gate.named_params().items()}
    return 0.5 * ((z - target) ** 2).sum(), dx, sizes, z, cache


loss, dx, sizes, z, cache = gradients(gate)
print(f"loss {loss:.3f}", {name: f"{size:.3f}" for name, size in sizes.items()})
assert [name for name, size in sizes.items() if size > 0] == ["W.0.gamma"]

# %% [markdown]
# That of $\gamma$ alone. It is a single dot product: how well what attention has found, $o$, points to where the loss wants
# the map to go. All else is multiplied by $\gamma$, and waits:
#
# $$\bar\gamma = \sum_i \bar z_i \cdot o_i, \qquad \bar o_i = \gamma\, \bar z_i = 0, \qquad \bar x_i = \bar z_i + 0 .$$

# %%
found, _ = ops.attention_forward(
    *(part.forward(x)[0].reshape(16, -1) for part in (gate.theta, gate.phi, gate.g)), scale=1
)
gamma = gate.named_params()["W.0.gamma"]
assert np.isclose(gamma.grad[0], ((z - target).reshape(16, 8) * found).sum())
assert np.array_equal(z, x) and np.array_equal(dx, z - target)  # the block is not there

rate, rows = 0.002, []
for step in range(4):
    loss, _, sizes, _, _ = gradients(gate)
    keys, values = sizes["phi.weight"], sizes["g.weight"]
    rows.append([step, f"{loss:.4f}", f"{gamma.value[0]:+.4f}", f"{keys:.5f}", f"{values:.4f}"])
    for param in gate.params:
        param.value -= rate * param.grad
assert rows[0][3:] == ["0.00000", "0.0000"] and all(float(row[4]) > 0 for row in rows[1:])
assert all(float(a[1]) > float(b[1]) for a, b in pairwise(rows))
table(["step", "loss", "γ", "gradient of keys", "of values"], rows)

# %% [markdown]
# The first step moves $\gamma$ and nothing else, in whichever direction helps, be it below zero. From the second on all
# move, and $\gamma$ is a factor in all gradients of queries, keys and values. The first step,
# that is, says only whether attention of *random* weights is of use; what it looks at is learned as far as the gate is
# open.
#
# The non-local block opens in the same way. **Predict.** Behind its $W$ stands a norm with a scale and a shift. Which of
# its gradients are not zero in the first step?

# %%
first = NonLocal(8).init(0, "float64")
z, cache = first.forward(x)
first.backward(z - target, cache)
moves = [name for name, param in first.named_params().items() if np.abs(param.grad).max() > 0]
print(*moves)
assert moves == ["W.1.weight", "W.1.bias"]

# %% [markdown]
# Scale and shift, for each channel: eight gates in place of one. (The [LayerScale](../docs/glossary.md#layerscale) of later
# Transformers is such a gate on every branch, but begins a little open.)
#
# What is the price of the two, on a map of 32 × 32 with 256 channels?

# %%
C = 256
pair = {"non-local": NonLocal(C), "SAGAN": SAGANAttention(C)}
rows = []
for name, each in pair.items():
    cost = mv.cost.of(each, x=(1, 32, 32, C))
    params = sum(param.size for param in each.params)
    rows.append([name, f"{params:,}", f"{cost.forward.macs:,}", f"{cost.kept_bytes / MIB:.2f}"])
N = 32**2
assert rows[0][2] == f"{4 * N * C * 128 + 2 * N * (N // 4) * 128:,}"
assert rows[1][2] == f"{N * C * (2 * 32 + C) + N * N * (32 + C):,}"
table(["on 32 × 32 × 256", "parameters", "MACs", "MiB kept"], rows)

# %% [markdown]
# Fewer parameters, and more MACs, for the keys are not pooled and values are as wide as the map.
#
# *Sources.* Zhang et al. 2019, "Self-Attention Generative Adversarial Networks" (preprint of 2018), section 3, equations 1
# to 3 and figure 2; Touvron et al. 2021, "Going deeper with Image Transformers" (LayerScale).

# %% [markdown]
# ## 4 Side by side
#
# A [non-local block](../docs/glossary.md#non-local-block) stands behind a convolution. AAConv stands beside it: of the $C'$
# channels of its output, $d_v$ come of attention of all places with all, with several heads, and $C' - d_v$ of a
# convolution. A convolution of the second stage of AA-ResNet-50, which has 28 × 28 places and 128 channels:

# %%
layer = mv.create_model("aa_resnet50").layer2[1].conv2.init(0)
x = rng.standard_normal((1, 28, 28, 128), np.float32)
y, cache = layer.forward(x)
parts = {"x": x, "conv": layer.conv_out.forward(x)[0], "qkv": layer.qkv_conv.forward(x)[0]}
parts |= {"weights": cache.attention.weights, "heads": y[..., -16:], "y": y}
shapes = {name: array.shape[1:] for name, array in parts.items()}
assert shapes["conv"] == (28, 28, 112) and shapes["qkv"] == (28, 28, 2 * 160 + 16)
assert shapes["weights"] == (8, 784, 784)
assert np.array_equal(y[..., :112], parts["conv"])  # side by side, nothing is added
lecture.augmented_steps(shapes)

# %% [markdown]
# Only 16 of 128 channels are attention's, two for each of eight heads; its queries and keys have 20 numbers for each head,
# 160 in all. (The paper's shares: a tenth of the channels for values, a fifth for keys, but 20 for each head at least. A
# tenth of 128 is here the next number above it that eight heads divide.)
#
# ### What a query says of rows and columns
#
# Attention does not know where a key lies. Swin adds a number for each way from one place to another, [the same for all
# queries](07_windows.ipynb#5-Relative-positions). Here each query says what it thinks of a way, and of rows and columns
# apart:
#
# $$s_{(y,x),(u,v)} = \frac{q_{(y,x)} \cdot \left(k_{(u,v)} + r^{W}_{v-x} + r^{H}_{u-y}\right)}{\sqrt{K}} .$$
#
# A map of 2 × 3 places, vectors of width 1: 10, 20, 30 for a row up, none, a row down; 1 to 5 for two columns to the left
# up to two to the right; and queries of 1. So tens tell rows and units tell columns. **Predict.** Which number has the
# first place, at the top left, for the last one?

# %%
Y, X = 2, 3
index = {"row_index": relative_index(Y, Y).T, "column_index": relative_index(X, X).T}
down, right = np.array([[10.0], [20], [30]]), np.arange(1.0, 6)[:, None]
q = np.ones((6, 1))
logits, cache = ops.relative_logits_forward(q, down, right, **index)
assert np.all(np.diag(logits) == 23) and logits[0, 5] == 35 and logits[5, 0] == 11
pieces = {"which row": index["row_index"], "which column": index["column_index"]}
matrices(pieces | {"logits: a query in each row": logits}, digits=0, columns=3)

# %% [markdown]
# 35: one down, two to the right. Itself it has under 23. A query that is twice as long has twice these logits, and one that
# is $-1$ wants the opposite of all: a bias that the query decides. And $(2Y - 1) + (2X - 1)$ vectors do what $(2Y - 1)(2X -
# 1)$ would do.
#
# Backward: a vector stands in many pairs. **Predict.** If the gradient of each logit is 1 and all queries are 1, what is
# the gradient of the vector for *no row up or down*?

# %%
twice, _ = ops.relative_logits_forward(2 * q, down, right, **index)
assert np.array_equal(twice, 2 * logits)
dq, ddown, dright = ops.relative_logits_backward(np.ones((6, 6)), cache)
# rows that are so far apart, and X X pairs for each two
ways_down = [X**2 * (Y - abs(way)) for way in (-1, 0, 1)]
ways_right = [Y**2 * (X - abs(way)) for way in (-2, -1, 0, 1, 2)]
assert ddown.ravel().tolist() == ways_down == [9, 18, 9]
assert dright.ravel().tolist() == ways_right == [4, 8, 12, 8, 4]
assert np.array_equal(dq, logits.sum(1, keepdims=True))
print("rows", *ways_down, "  columns", *ways_right)
show_source(ops.relative_logits_backward, "formula", "forward", "dq")
assert (2 * 28 - 1) * 2 == 110 and (2 * 28 - 1) ** 2 == 3025

# %% [markdown]
# 18: two rows, and for each 3 × 3 pairs of columns. On a map of 28 × 28, 110 vectors stand in for 3,025.
#
# ### How far, and what it costs
#
# **Predict.** What do the channels of the convolution see, what those of attention?

# %%
small = AugmentedConv(8, 8, dk=8, dv=4, num_heads=2, map_size=14).init(0, "float64")
x = rng.standard_normal((1, 14, 14, 8))
fields = [seen(small, x, (5, 8), slice(4)), seen(small, x, (5, 8), slice(4, 8))]
assert [np.count_nonzero(field) for field in fields] == [9, 14 * 14]
titles = ["channels of the convolution", "channels of attention"]
gradient_maps({"AAConv": fields}, titles, start=(5, 8), title="In one layer, both")

# %% [markdown]
# Now the price, as before. The whole layer beside the convolution in whose place it stands, on the maps of a ResNet-50:

# %%
model, rows, kept = mv.create_model("aa_resnet50"), [], {}
for stage, (side, C) in enumerate(((56, 64), (28, 128), (14, 256), (7, 512)), 1):
    layer = getattr(model, f"layer{stage}")[1].conv2
    if stage == 1:  # the model has none here
        layer = AugmentedConv(C, C, dk=160, dv=8, num_heads=8, map_size=side)
    ours = mv.cost.of(layer, x=(1, side, side, C))
    conv = mv.cost.of(Conv2d(C, C, 3, padding=1, bias=False), x=(1, side, side, C))
    kept[side] = conv.kept_bytes / MIB, ours.kept_bytes / MIB
    macs = f"{conv.forward.macs:,}", f"{ours.forward.macs:,}"
    rows.append([f"{side} × {side} × {C}", *macs, *(f"{size:.2f}" for size in kept[side])])
assert [row[1] for row in rows] == ["115,605,504"] * 4 and rows[0][2] == "1,875,578,880"
assert rows[3][2] == "114,721,936"
assert round(kept[56][1]) == 307 and round(kept[28][1] / kept[28][0]) == 54
head = ["map", "MACs, convolution", "MACs, AAConv", "MiB kept, convolution", "MiB kept, AAConv"]
table(head, rows)

# %% [markdown]
# The convolution costs the same on each map ([why](07_windows.ipynb#1-Shrink-and-widen,-or-stay)). Attention beside it
# costs nothing on the last map, doubles the work on the second, and would be sixteen times as much, and 307 MiB for one
# image, on the first, which has none. (To save memory, the paper pools large maps in front of attention; the model here
# does not.) What is kept is 54 times as much on the second map: eight maps of $784^2$ weights.
#
# The whole AA-ResNet-50 has hardly more parameters than the ResNet, since what attention takes, the convolution gives, and
# 15 % more MACs. The paper reports 1.3 points of top-1 accuracy on ImageNet, and next to no more operations, 8.3 G where
# the ResNet has 8.2 (two of them to a MAC): its maps are pooled.

# %%
augmented = mv.cost.estimate("aa_resnet50")
assert augmented.params - resnet.params == 232_936
print(f"{augmented.params:,} parameters, {augmented.macs_forward / 1e9:.2f} G MACs")
assert round(augmented.params / resnet.params, 2) == 1.01
assert round(augmented.macs_forward / resnet.macs_forward, 2) == 1.15

# %% [markdown]
# *Sources.* Bello et al. 2019, "Attention Augmented Convolutional Networks", abstract, sections 3 and 4.1 and figure 2;
# Shaw, Uszkoreit and Vaswani 2018, "Self-Attention with Relative Position Representations".

# %% [markdown]
# ## 5 In place of a convolution
#
# **Exercise.** [`local_attention`](../minivit/course/exercises/local_attention.md): `minivit course start local_attention`.
# This section shows its answers.
#
# "Can we replace convolution entirely?" ask the slides. "Convolution: Output at each position is inner product of conv
# kernel with receptive field in input." Then, in four steps: "Map center of receptive field to **query**"; "Map each
# element in receptive field to **key** and **value**"; "Compute **output** using attention"; and in a ResNet:


# %%
def bottleneck_of(look_around, kind, width):
    return [
        (f"1 × 1, {width}", PLACE),
        (f"{look_around}, {width}", kind),
        ("1 × 1, 256", PLACE),
        ("+", PLACE),
    ]


idea_2 = {
    "a block of ResNet-50": bottleneck_of("3 × 3 convolution", CONV, 64),
    "SASA": bottleneck_of("7 × 7 attention", ATTEND, 64),
    "LR-Net": bottleneck_of("7 × 7 local relation", ATTEND, 100),
}
lecture.blocks(idea_2, title="Idea 2: what looks around is replaced")

# %% [markdown]
# (The boxes of the slides have queries $D_Q$, keys $R \times R \times D_Q$, values $R \times R \times C'$, and, some of
# them, an output $C$. It is $C'$. Their $R$ is the side of a window; a few slides on it is that of an image.)
#
# [Local attention](../docs/glossary.md#local-attention) in a window of $M \times M$ places around each:
#
# $$y_{ij} = \sum_{(a,b) \in \text{window}} \operatorname{softmax}_{ab}\!\left(q_{ij} \cdot k_{ab} + q_{ij} \cdot r_{a-i,\,b-j}\right) v_{ab} .$$
#
# A kernel says once and for all what each place of a window is worth. Here every query asks anew. To see it without any
# training: let queries, keys and values be the colours themselves. Three windows of 7 × 7 on an image, weighed by a blur
# and by attention:

# %%
data = mv.data.shapes(n_train=50, n_test=10, seed=0)
image = data.train.images[17]
colours = (image / 255.0 - 0.3)[None, :, :, None]  # (B, Y, X, H, K)
window = {"kernel_size": 7, "padding": 3}
_, cache = ops.local_attention_forward(8 * colours, colours, colours, **window)
places = [(8, 8), (12, 18), (21, 20)]
asked = [cache.weights[(0, *place)].reshape(7, 7) for place in places]
blur = np.outer(*[[1, 6, 15, 20, 15, 6, 1]] * 2) / 4096
assert np.isclose(blur.sum(), 1) and all(np.isclose(each.sum(), 1) for each in asked)
bright = image[18:25, 17:24, 0] > 128  # the cross in the third window
assert round(bright.mean(), 2) == 0.55 and asked[2][bright].sum() > 0.99
assert max(np.ptp(asked[0]), np.ptp(asked[1])) < np.ptp(asked[2])
rows = {"convolution": [blur] * 3, "attention": asked}
lecture.weighed_windows(image, places, rows, title="What the places of a window are worth")

# %% [markdown]
# The blur is the same everywhere. Attention is nearly a plain mean where all is alike (1 and 2); at the tip of the cross
# (3) more than 99 % of it stays on the cross, which is 55 % of the window.
#
# ### A convolution seen as attention
#
# **Predict.** All queries are zero. What has become of attention in windows of 3 × 3?

# %%
x = rng.standard_normal((1, 6, 7, 4))
heads = x[:, :, :, None]  # one head
window = {"kernel_size": 3, "padding": 1}
y, _ = ops.local_attention_forward(0 * heads, heads, heads, **window)
taps = np.zeros((3, 3, 4, 4))
taps[:, :] = np.eye(4) / 9  # a ninth of each place, channel by channel
assert np.allclose(y[:, :, :, 0], ops.conv2d_forward(x, taps, padding=1)[0], atol=1e-14)
print("zero queries: a convolution with nine taps of 1/9")

# %% [markdown]
# All scores are equal, so all weights are 1/9: a convolution with equal taps, exactly. And *any* convolution? A head whose
# bias is $-\infty$ for all places but one looks at that one. Nine heads look at nine places, and the matrix that mixes
# heads holds the kernel. (So a layer of attention *can* do what a convolution does, if it has a head for each tap:
# Cordonnier et al. 2020.)

# %%
kernel = rng.standard_normal((3, 3, 4, 5))
one_place_each = np.where(np.eye(9, dtype=bool), 0, -np.inf)
nine = np.repeat(heads, 9, axis=3)
moved, cache = ops.local_attention_forward(0 * nine, nine, nine, bias=one_place_each, **window)
y = moved.reshape(1, 6, 7, 9 * 4) @ kernel.reshape(9 * 4, 5)
assert np.allclose(y, ops.conv2d_forward(x, kernel, padding=1)[0], atol=1e-13)
assert set(np.unique(cache.weights)) == {0.0, 1.0}
print("nine heads, one place each: any 3 × 3 convolution")

# %% [markdown]
# ### Forward and backward, by hand
#
# A map of one row, five places of one channel; windows of three; queries, keys and values are the map itself. **Predict.**
# The place in the middle, which is 0, asks. What are its weights, and what does it get?

# %%
row = np.array([1.0, 2, 0, 1, 3])
windows = np.stack([np.pad(row, 1)[i : i + 3] for i in range(5)])  # beyond the map are zeros
scores = row[:, None] * windows
weights, _ = ops.softmax_forward(scores)
y = (weights * windows).sum(1)
line = row.reshape(1, 1, 5, 1, 1)
of_op, cache = ops.local_attention_forward(line, line, line, kernel_size=(1, 3), padding=(0, 1))
assert np.allclose(of_op.ravel(), y) and np.allclose(cache.weights[0, 0, :, 0], weights)
assert np.allclose(weights[2], 1 / 3) and np.isclose(y[2], (2 + 0 + 1) / 3)
steps = {"windows": windows, "scores": scores, "weights": weights, "y": y[:, None]}
matrices(steps, numbered=True, title="Each row is a place that asks")

# %% [markdown]
# A third each, and $(2 + 0 + 1)/3 = 1$. Now backward. **Predict.** How many windows hold the second place, and so send it a
# gradient as a value? What is that gradient, if each output has the gradient 1?

# %%
dy = np.ones(5)
dvalues = np.zeros(7)  # of the padded row
for i in range(5):
    dvalues[i : i + 3] += weights[i] * dy[i]  # as seen from the map: it lay in three windows
grads = ops.local_attention_backward(dy.reshape(of_op.shape), cache)
assert np.allclose(grads.v.ravel(), dvalues[1:-1])
assert np.isclose(dvalues[2], weights[0, 2] + weights[1, 1] + weights[2, 0])
lost = dvalues[[0, -1]].sum()
print(f"gradient of the values {dvalues[1:-1]}, and {lost:.2f} for zeros beyond the map")
assert np.isclose(dvalues.sum(), 5) and round(lost, 2) == 0.09
show_source(ops.local_attention_backward, "dv =", "dweights", "dscores", "dq", "dk")
show_source(_seen_from_map)

# %% [markdown]
# Three windows; it was the right one for the first place, the middle for itself, the left one for the third. The sum of all
# is 5, as weights sum to one, but 0.09 of it goes to zeros that stand beyond the map, and is lost: that is the border, to
# which we come. It is the backward of [a convolution](../docs/glossary.md#convolution), with weights that differ from
# window to window: a scatter where forward gathers.
#
# ### Places of a window
#
# SASA's $r$ has a vector for each row of the window in one half of the channels, and one for each column in the other: $M +
# M$ vectors stand for $M^2$ places. **Predict.** How many parameters has a layer of 7 × 7 with 64 channels, as a
# convolution and as attention? And if the window grows to 11 × 11?

# %%
vectors, _ = ops.place_vectors_forward(
    np.array([[10.0], [20], [30]]), np.array([[1.0], [2], [3]])
)
assert vectors.sum(1).tolist() == [11, 12, 13, 21, 22, 23, 31, 32, 33]
counts = {}
for M in (3, 7, 11):
    attend = AttentionConv(64, 64, kernel_size=M)
    convolve = Conv2d(64, 64, M, padding=M // 2, bias=False)
    counts[M] = [sum(param.size for param in layer.params) for layer in (convolve, attend)]
    print(f"{M:2} × {M:<2} convolution {counts[M][0]:7,}, attention {counts[M][1]:6,}")
    assert counts[M] == [M**2 * 64**2, 3 * 64**2 + M * 64]
assert counts[7] == [200_704, 12_736] and counts[11][1] == 12_992

# %% [markdown]
# 200,704 and 12,736; a larger window adds 64 for each row and column. Parameters do not grow with the window, as they do in
# a convolution. MACs do: $2 M^2$ for each number of the map, to compare and to sum up.
#
# What the paper leaves open is how heads share $r$. Here, as in the unofficial code, halves are those of all channels
# together. So of two heads the first knows of rows alone:

# %%
two = AttentionConv(4, 4, kernel_size=3, num_heads=2).init(0, "float64")
two.key_conv.weight.value[...] = 0  # so that scores are those of places
_, cache = two.forward(rng.standard_normal((1, 5, 5, 4)))
one_query = cache.attention.weights[0, 2, 2].reshape(2, 3, 3)
assert np.allclose(one_query[0], one_query[0][:, :1]) and np.ptp(one_query[0][:, 0]) > 0.05
assert np.allclose(one_query[1], one_query[1][:1]) and np.ptp(one_query[1][0]) > 0.05
matrices({"first head": one_query[0], "second head": one_query[1]}, shared=True)

# %% [markdown]
# ### The border
#
# A window at the edge reaches beyond the map. A convolution finds zeros there, and nobody minds: zero times a weight is
# nothing. In a softmax a zero is not nothing. Its score is 0, or that of its place alone, and it takes its share.
# **Predict.** All scores are equal, the window is 7 × 7, and the query stands in the corner. Which part of its attention
# goes beyond the map?

# %%
x = np.ones((1, 9, 9, 1, 1))
y, cache = ops.local_attention_forward(0 * x, x, x, kernel_size=7, padding=3)
inside = y[0, :, :, 0, 0]  # as all values are 1: the weight of what is on the map
print(
    f"on the map: middle {inside[4, 4]:.0%}, edge {inside[0, 4]:.0%}, corner {inside[0, 0]:.0%}"
)
assert np.isclose(inside[4, 4], 1) and np.isclose(inside[0, 4], 28 / 49)
assert np.isclose(inside[0, 0], 16 / 49) and round(33 / 49, 2) == 0.67

# %% [markdown]
# 33 of 49, two thirds. The other way is to leave those keys out, by a [mask](../docs/glossary.md#mask); then the corner
# gets a mean of the 16 that are there. Papers do not say which they do; in code of others (PyTorch) zeros take part, and so
# they do here. A query in the corner of a map of 4 × 4, in a window of 3 × 3, both ways:

# %%
x = rng.standard_normal((1, 4, 4, 1, 2))
y, cache = ops.local_attention_forward(x, x, x, kernel_size=3, padding=1)
corner = cache.weights[0, 0, 0, 0].reshape(3, 3)
those = x[0, :2, :2, 0].reshape(4, 2)  # the four that are there
masked = ops.attention_forward(those[:1], those, those, scale=1)
left_out = np.zeros((3, 3))
left_out[1:, 1:] = masked[1].weights.reshape(2, 2)
on_map = corner[1:, 1:].sum()
assert np.allclose(corner[1:, 1:] / on_map, left_out[1:, 1:])
assert np.allclose(y[0, 0, 0, 0], on_map * masked[0][0])
print(f"{on_map:.0%} of the weight is on the map: y = {y[0, 0, 0, 0]}, masked {masked[0][0]}")
matrices({"zeros take part": corner, "zeros left out": left_out}, shared=True)

# %% [markdown]
# The same direction, another length: with zeros taking part, the corner gets its masked answer times the weight that is on
# the map. Is that a mistake? It tells the net where the border is, as padding does in convolutions. But weights trained
# with one of the two give other answers with the other, and no shape will warn you. It is one of those details.
#
# *Sources.* Ramachandran et al. 2019, "Stand-Alone Self-Attention in Vision Models", sections 3 and 3.1, equations 2 and 3;
# Cordonnier, Loukas and Jaggi 2020, "On the Relationship between Self-Attention and Convolutional Layers".

# %% [markdown]
# ## 6 Local relations
#
# LR-Net has the same idea with fewer numbers. Query and key are *one* number each, for each group of $m$ = 8 channels;
# values are the map as it comes, and a 1 × 1 convolution follows. What a place of the window is worth is a sum of how the
# two compare and of where the place lies:
#
# $$\omega(p', p) = \operatorname{softmax}_p\bigl(\Phi(q_{p'}, k_p) + g(p - p')\bigr) .$$
#
# The first is called appearance composability, the second geometric prior. For $\Phi$ the paper has the product $q k$, the
# squared difference $-(q - k)^2$ and the absolute difference $-|q - k|$. **Predict.** The squared difference is a product
# of vectors of width 2, in a softmax. Which?

# %%
q, k = rng.standard_normal((2, 6))
squared, _ = ops.softmax_forward(-((q[:, None] - k) ** 2))
as_vectors = np.stack((2 * q, -np.ones(6)), -1) @ np.stack((k, k**2))
assert np.allclose(squared, ops.softmax_forward(as_vectors)[0])
print("-(q - k)² is (2q, -1) · (k, k²), and -q², which is the same for all keys")
show_source(LocalRelation.forward)

# %% [markdown]
# $-(q-k)^2 = 2qk - k^2 - q^2$, and what is the same for all keys does nothing in a softmax.
#
# ### The geometric prior
#
# SASA learns vectors for places. Here $g$ is a small network, from two numbers, how far to the right and how far up, to one
# for each group of channels. **Predict.** For 13 groups, how many parameters have network and table, for windows of 7 × 7?
# Of 15 × 15?

# %%
relation = mv.create_model("lr_net50").layer1[1].conv2.init(1, "float64")
prior = relation.gp.named_params()
counts = {M: (sum(param.size for param in prior.values()), 13 * M * M) for M in (7, 15)}
assert relation.num_heads == 13 and counts == {7: (109, 637), 15: (109, 2925)}
assert window_positions(7)[[0, 24, 48]].tolist() == [[-3, 3], [0, 0], [3, -3]]
drawn, _ = relation.gp.forward()  # (S, H)
free = rng.standard_normal(drawn.shape) * drawn.std()
shown = {}
for name, scores in (("small network", drawn), ("free numbers", free)):
    shown[name] = ops.softmax_forward(scores.T)[0].reshape(13, 7, 7)[:8]
steps = {name: np.abs(np.diff(np.log(each))).mean() for name, each in shown.items()}
assert steps["small network"] < 0.6 * steps["free numbers"]
lecture.priors(shown, title="What a place of the window is worth, before any training")

# %% [markdown]
# 109 whatever the window is. And a network of two layers with ReLUs makes pieces of planes, so neighbours are alike from
# the start, while numbers of a table know nothing of each other.
#
# Its backward has one step that no other layer here has: a forward without an input. What comes back from all windows of
# all images is summed, to the $7 \cdot 7 \times 13$ scores, and goes through the little network to its weights:

# %%
show_source(LocalRelation.backward)
mv.check.check_layer(
    LocalRelation(12, 12, kernel_size=3).init(0), rng.standard_normal((2, 4, 5, 12))
)

# %% [markdown]
# ### The table of the slides, layer by layer
#
# Stage by stage, with the sides of the map that comes out and, behind each bracket, how often its block is repeated. All of
# it is read off the two models here, but for the last two rows, which are the slides':


# %%
def told(layer):
    """A layer as the slides tell of it: kernel and channels."""
    if isinstance(layer, LocalRelation):
        M, channels = layer.kernel_size, layer.final1x1.weight.shape[-1]
        return f"{M} × {M} LR, {channels}"
    P, *_, channels = layer.weight.shape
    return f"{P} × {P}{' conv' * (P > 1)}, {channels}"


def column(model, stem):
    """What the table says of a model; ``stem`` are its layers in front of max pooling."""
    pool = model.maxpool
    cells = ["; ".join(map(told, stem)) + f", stride {stem[-1].stride}"]
    cells.append(f"{pool.kernel_size} × {pool.kernel_size} max pool, stride {pool.stride}")
    for blocks in (model.layer1, model.layer2, model.layer3, model.layer4):
        one = blocks[0]
        steps = "; ".join(map(told, (one.conv1, one.conv2, one.conv3)))
        cells.append(f"[{steps}] × {len(blocks)}")
    cells.append(f"global average pool; {model.fc.weight.shape[-1]}-d fc, softmax")
    return cells


# %%
def sides(estimate, model, stem):
    """Rows of the map behind the stem, and of each stage: MACs are weights times places."""
    macs = {layer.name: layer.forward.macs for layer in estimate.by_layer()}
    last = {f"layer{n}.0.conv3": getattr(model, f"layer{n}")[0].conv3 for n in (1, 2, 3, 4)}
    return [isqrt(macs[name] // layer.weight.size) for name, layer in (stem | last).items()]


# %%
convs, relations = mv.create_model("resnet50"), mv.create_model("lr_net50")
lr, first = mv.cost.estimate("lr_net50"), relations.conv1
after = sides(resnet, convs, {"conv1": convs.conv1})
assert after == sides(lr, relations, {"conv1.lr.final1x1": first.lr.final1x1})
assert after == [112, 56, 28, 14, 7]
output = [f"{n} × {n}" for n in (112, 56, *after[1:], 1)]
ours = [column(convs, [convs.conv1]), column(relations, [first.conv, first.lr])]
assert ours[0][:2] == ["7 × 7 conv, 64, stride 2", "3 × 3 max pool, stride 2"]
assert ours[1][:2] == ["1 × 1, 64; 7 × 7 LR, 64, stride 2", "3 × 3 max pool, stride 2"]
for row, depth in zip((2, 3, 4, 5), (3, 4, 6, 3), strict=True):
    C, wide = 16 * 2**row, 25 * 2**row
    assert ours[0][row] == f"[1 × 1, {C}; 3 × 3 conv, {C}; 1 × 1, {4 * C}] × {depth}"
    assert ours[1][row] == f"[1 × 1, {wide}; 7 × 7 LR, {wide}; 1 × 1, {4 * C}] × {depth}"
assert ours[0][6] == ours[1][6] == "global average pool; 1000-d fc, softmax"
names = ["res1", "", "res2", "res3", "res4", "res5", ""]
rows = [*zip(names, output, *ours, strict=True)]
rows += [("# params", "", "25.5 × 10⁶", "23.3 × 10⁶"), ("FLOPs", "", *["4.3 × 10⁹"] * 2)]
table(["stage", "output", "ResNet-50", "LR-Net-50 (7 × 7, $m$ = 8)"], rows, align="---")

# %% [markdown]
# **Predict.** 100 channels, and 8 of them share their weights. How many groups are that? And which of the four totals are
# right?

# %%
stages = {"res1": ("conv1", "bn1"), "head": ("fc",)}
stages |= {f"res{n + 1}": (f"layer{n}",) for n in (1, 2, 3, 4)}
rows = []
for stage in sorted(stages, key=lambda name: (name == "head", name)):
    row = [stage]
    for net in (resnet, lr):
        own = [layer for layer in net.by_layer(1) if layer.name in stages[stage]]
        row.append(f"{sum(layer.params for layer in own):,}")
        row.append(f"{sum(layer.forward.macs for layer in own) / 1e6:,.0f}")
    rows.append(row)
total = [f"{n:,.0f}" for net in (resnet, lr) for n in (net.params, net.macs_forward / 1e6)]
rows.append(["all", *total])
assert total == ["25,557,032", "4,089", "23,380,033", "4,034"]
assert rows[0][1:] == ["9,536", "118", "5,700", "137"]
table(["", "ResNet-50", "M MACs", "LR-Net-50", "M MACs"], rows)


# %%
def beside(stage):
    """Of the second block of a stage, the three steps: parameters and M MACs."""
    rows = []
    for step in (1, 2, 3):
        row = [f"{stage}, step {step}"]
        for net in (resnet, lr):
            own = next(la for la in net.by_layer() if la.name == f"layer{stage}.1.conv{step}")
            row += [f"{own.params:,}", f"{own.forward.macs / 1e6:,.1f}"]
        rows.append(row)
    return rows


groups = [
    getattr(mv.create_model("lr_net50"), f"layer{n}")[0].conv2.num_heads for n in (1, 2, 3, 4)
]
assert groups == [13, 25, 50, 100] and 100 / 8 == 12.5 and 13 * 8 - 100 == 4
assert beside(1)[1] == ["1, step 2", "36,864", "115.6", "12,835", "57.5"]
assert beside(4)[1] == ["4, step 2", "2,359,296", "115.6", "806,250", "41.6"]
head = ["stage", "ResNet-50", "M MACs", "LR-Net-50", "M MACs"]
table(head, [row for stage in (1, 2, 3, 4) for row in beside(stage)])

# %% [markdown]
# Twelve and a half. The paper does not say what becomes of the half, and its code was never published; here there are 13
# groups, and four of them have a channel less. The parameters of the table are right, cut to 25.5 and 23.3. Its FLOPs are
# MACs, and ours are fewer in both columns: 4.09 and 4.03 G. What the layer saves, 36,864 parameters against 12,835 and half
# of the MACs, is spent on width: 100 channels in place of 64, so that the totals are equal.
#
# (Between the two stands max pooling, which one deck has in res1, the other in res2, where the table of ResNets has it.)
#
# *Sources.* Hu et al. 2019, "Local Relation Networks for Image Recognition", section 3.2 and table 1; table 1 of He et
# al. 2016, "Deep Residual Learning for Image Recognition".

# %% [markdown]
# ## 7 Lots of tricky details
#
# "Lots of tricky details, hard to implement, only marginally better than ResNets", say the slides of idea 2. One by one.
#
# ### The details
#
# What has to be decided, and where papers, code of others and this package decide it:
#
# | | |
# |---|---|
# | beyond the border | zeros take part, or are left out; no paper says it ([section 5](#The-border)) |
# | rows and columns of $r$ | halves of all channels, or of each head |
# | scores | divided by $\sqrt K$ in AAConv, by nothing in SASA and non-local blocks |
# | a stride | SASA attends everywhere, then takes means of 2 × 2; LR-Net asks at every second place |
# | the first layer | a convolution, or attention with values that depend on the place; pixels say too little to compare them |
# | 100 / 8 | 13 groups |
# | softmax | over the whole window; in an unofficial LR-Net along one side of it, in an unofficial SASA for each channel alone |
#
# Each line gives another network with the same shapes.
#
# ### Hard to make fast
#
# Four layers that look around on a map of 28 × 28 with 128 channels; elements are for each thousand MACs. **Predict.**
# Which needs the fewest MACs? Which takes longest?

# %%
C, side = 128, 28
layers = {
    "convolution 3 × 3": Conv2d(C, C, 3, padding=1, bias=False),
    "convolution 7 × 7": Conv2d(C, C, 7, padding=3, bias=False),
    "SASA 7 × 7": AttentionConv(C, C),
    "LR 7 × 7": LocalRelation(C, C),
}
rows, counted = [], {}
for name, layer in layers.items():
    cost = counted[name] = mv.cost.of(layer, x=(1, side, side, C))
    params, work = sum(param.size for param in layer.params), cost.forward
    per_mac = work.elements / work.macs
    sizes = [f"{size / MIB:.1f}" for size in (cost.kept_bytes, cost.peak_bytes)]
    rows.append([name, f"{params:,}", f"{work.macs / 1e6:,.1f}", f"{1000 * per_mac:.0f}", *sizes])
assert [row[2] for row in rows] == ["115.6", "629.4", "53.3", "21.6"]
assert [row[3] for row in rows] == ["6", "3", "52", "204"]
assert [row[4] for row in rows] == ["0.4", "0.4", "2.7", "3.2"]
head = ["28 × 28 × 128", "parameters", "M MACs", "elements", "MiB kept", "MiB at most"]
table(head, rows)

# %%
x = rng.standard_normal((2, side, side, C), np.float32)
for layer in layers.values():
    layer.init(0)
seconds = dict.fromkeys(layers, np.inf)
for _ in range(7):  # in turn, so that all see the same machine
    for name, layer in layers.items():
        seconds[name] = min(seconds[name], timeit(lambda it=layer: it.forward(x), number=1))
rates = {name: 2 * counted[name].forward.macs / seconds[name] / 1e9 for name in layers}
for name, rate in rates.items():
    print(f"{name:18} {1000 * seconds[name]:6.1f} ms, {rate:6.1f} G MACs a second")
assert seconds["SASA 7 × 7"] > 1.3 * seconds["convolution 3 × 3"]

# %% [markdown]
# Attention has half of the convolution's MACs, or a fifth, and takes longer. (Times move from machine to machine; the
# assert asks for the order.) Why? Think of what one number is good for, once it has been fetched. A convolution meets $9 C$
# numbers at each place, and multiplies each with $C'$ weights, the same everywhere: a large product of matrices. Local
# attention meets $M^2 K$ numbers of keys in each head and multiplies each *once*, with that one query; and then so with
# values. **Predict.** Bytes for each MAC, if windows are gathered: both?

# %%
N, M = side**2, 7
conv_macs = formulas.conv_macs(side, 3, C, C)
local = mv.cost.of(
    "local_attention",
    q=(1, side, side, 8, 16),
    k=(1, side, side, 8, 16),
    v=(1, side, side, 8, 16),
    kernel_size=M,
    padding=3,
).forward
assert conv_macs == counted["convolution 3 × 3"].forward.macs and local.macs == 2 * M**2 * N * C
gathered = {
    "convolution": 4 * 9 * N * C / conv_macs,
    "attention": 4 * 2 * M**2 * N * C / local.macs,
}
once = {
    "convolution": 4 * (2 * N * C + 9 * C * C) / conv_macs,  # map, kernel, output
    "attention": 4 * 4 * N * C / local.macs,  # queries, keys, values, output
}
print("windows gathered:", {name: f"{size:.3f} bytes per MAC" for name, size in gathered.items()})
print("each array once: ", {name: f"{size:.3f} bytes per MAC" for name, size in once.items()})
assert gathered == {"convolution": 4 / 128, "attention": 4}
assert round(once["attention"] / once["convolution"]) == 14

# %% [markdown]
# 0.03 and 4: with 128 channels 128 times more. Even with a perfect kernel, which reads each array once, it is 14 times
# more, and softmax comes on top: the elements of the table. A chip that does [20 operations in the time of a
# byte](06_costs.ipynb#Operations-need-bytes) waits. Swin's answer was not a faster kernel but [another
# cut](07_windows.ipynb#2-Windows): all queries of a window share its keys, and the products are large again.
#
# ### How far
#
# A window of 7 × 7 sees what a convolution of 7 × 7 sees, with less than a tenth of its MACs. **Predict.** How much do one,
# two and three layers of each see, in windows of 7 × 7 and with convolutions of 3 × 3?


# %%
class Pile(mv.layers.Layer):
    """Layers one behind the other."""

    def __init__(self, *layers):
        self.layers = [*layers]

    def forward(self, x, rng=None):
        caches = []
        for layer in self.layers:
            x, cache = layer.forward(x)
            caches.append(cache)
        return x, caches

    def backward(self, dy, caches):
        for layer, cache in zip(self.layers[::-1], caches[::-1], strict=True):
            dy = layer.backward(dy, cache)
        return dy


# %%
x = rng.standard_normal((1, 24, 24, 8))
rows = {"convolution 3 × 3": [], "SASA 7 × 7": []}
for depth in (1, 2, 3):
    convs = Pile(*(Conv2d(8, 8, 3, padding=1) for _ in range(depth))).init(0, "float64")
    attend = Pile(*(AttentionConv(8, 8, num_heads=2) for _ in range(depth))).init(0, "float64")
    for name, pile in zip(rows, (convs, attend), strict=True):
        rows[name].append(seen(pile, x, (12, 12)))
reached = {name: [np.count_nonzero(field) for field in fields] for name, fields in rows.items()}
assert counted["convolution 7 × 7"].forward.macs > 11 * counted["SASA 7 × 7"].forward.macs
assert reached == {"convolution 3 × 3": [9, 25, 49], "SASA 7 × 7": [49, 169, 361]}
titles = [f"{depth} layer{'s' * (depth > 1)}" for depth in (1, 2, 3)]
gradient_maps(rows, titles, start=(12, 12), title="What has a say in one place, by depth")

# %% [markdown]
# ### Only marginally better?
#
# Idea 2 has two networks. What the SASA paper reports on ImageNet beside what is counted here. Its FLOPs, for once, are
# FLOPs, two for each MAC. "Full attention" has a first layer of attention, too: `SASA(stem="attention")`, in which values
# are mixtures of four linear maps, in shares that each place of a window of 4 × 4 has, for a single map of colours would
# find no edges.

# %%
reported = {26: (74.5, 75.8, 74.8), 38: (76.2, 77.1, 76.9), 50: (76.9, 77.4, 77.6)}
depths, rows, fewer = {26: (1, 2, 4, 1), 38: (2, 3, 5, 2), 50: (3, 4, 6, 3)}, [], {}
for net, (conv, attend, full) in reported.items():
    ours = mv.cost.estimate(f"sasa_resnet{net}")
    theirs = formulas.resnet_params(depths[net]), formulas.resnet_macs(depths[net])
    fewer[net] = 1 - ours.params / theirs[0], 1 - ours.macs_forward / theirs[1]
    for name, (params, macs), top in (
        ("ResNet", theirs, conv),
        ("SASA", (ours.params, ours.macs_forward), f"{attend} ({full})"),
    ):
        rows.append([f"{name}-{net}", f"{params / 1e6:.1f}", f"{2 * macs / 1e9:.1f}", top])
assert rows[4] == ["ResNet-50", "25.6", "8.2", 76.9]
assert rows[5] == ["SASA-50", "18.0", "7.0", "77.4 (77.6)"]
assert [round(share, 2) for share in fewer[50]] == [0.29, 0.15]
assert [round(a - c, 1) for c, a, _ in reported.values()] == [1.3, 0.9, 0.5]
head = ["", "M parameters", "G FLOPs", "top-1, % (full attention)"]
table(head, rows)

# %% [markdown]
# 29 % fewer parameters, as its abstract says (and 12 % fewer FLOPs, with full attention; 15 % are counted for the other),
# and half a point, 0.9 or 1.3 more. But where a layer with half of the MACs takes longer, as above, a larger ResNet is as
# quick.
#
# The other layer of the slides has its own answer. What the LR-Net paper reports, by the name of the network: parameters in
# millions, G FLOPs (MACs, as above) and top-1 accuracy on ImageNet, in percent, beside what is counted here.

# %%
reported, rows = {26: (14.7, 2.6, 75.7), 50: (23.3, 4.3, 77.3)}, []
for depth, (params, flops, top) in reported.items():
    ours, conv = (mv.cost.estimate(f"{net}{depth}") for net in ("lr_net", "resnet"))
    assert abs(ours.params / 1e6 - params) < 0.1 and ours.params < conv.params
    assert 0.9 < ours.macs_forward / 1e9 / flops < 0.95
    counted = [f"{n:.1f}" for n in (ours.params / 1e6, ours.macs_forward / 1e9)]
    rows.append([f"LR-Net-{depth}", params, counted[0], flops, counted[1], top])
assert [row[2] for row in rows] == ["14.6", "23.4"] and [row[4] for row in rows] == ["2.4", "4.0"]
assert round(reported[50][2] - reported[26][2], 1) == 1.6
table(["", "M parameters", "counted", "G MACs", "counted", "top-1, %"], rows)

# %% [markdown]
# Its ResNet-26 is about three points behind LR-Net-26, its ResNet-50 one point behind LR-Net-50. So for 26 layers "only
# marginally" is unjust; with 50, three points have become one, as SASA's 1.3 became a half. A reason may be that each
# window sees 7 × 7 places at once, while many convolutions of 3 × 3 see as far in the end.
#
# *Sources.* Ramachandran et al. 2019, table 1 and section 3.2; Hu et al. 2019, sections 3.2 and 4; Vaswani et al. 2021,
# "Scaling Local Self-Attention for Parameter Efficient Visual Backbones" (how to make it faster: blocks of queries that
# share their keys).

# %% [markdown]
# ## 8 Pixels
#
# Idea 3 leaves nothing of a convolutional net: each pixel is a token, and the Transformer is that of language. "Problem:
# Memory use!" [Lecture 4](04_vit.ipynb#1-Pixels-or-patches) runs into that wall; here are its numbers. **Predict.** Bytes
# of one attention matrix for an image of 224 × 224? And of all, in 48 layers of 16 heads, at 128 × 128?

# %%
rows, sizes = [], {}
for R in (16, 32, 64, 128, 224):
    entries = formulas.attention_entries(R)
    one = formulas.attention_bytes(entries)
    sizes[R] = one, formulas.attention_bytes(entries, depth=48, num_heads=16)
    assert entries == R**4 and sizes[R][1] == 48 * 16 * one
    rows.append(
        [
            R,
            f"{R * R:,}",
            f"{entries:,}",
            f"{one / MIB:,.2f} MiB",
            f"{sizes[R][1] / GIB:,.2f} GiB",
        ]
    )
assert sizes[128] == (GIB, 768 * GIB) and sizes[16] == (256 * KIB, 192 * MIB)
assert round(sizes[224][0] / GIB, 1) == 9.4 and round(sizes[224][1] / GIB / 1024, 1) == 7
table(["R", "tokens", "entries of a matrix", "one matrix", "48 layers of 16 heads"], rows)

# %% [markdown]
# 9.4 GiB for one matrix; and 768 GiB, where the slide prints "768GB", which would be less. Another deck has "(3 × 224 ×
# 224)² = 22 billion parameters". They are not parameters but weights that are computed for each image anew, and it makes
# three tokens of each pixel. **Predict.** How many times more entries are that? (It is not as odd as it seems: in the Image
# Transformer of Parmar et al. each of the three colours of a pixel is a token with one of 256 values.)

# %%
assert (3 * 224 * 224) ** 2 == 9 * 224**4 == 22_658_678_784
assert round(9 * 224**4 / 1e9) == 23  # the slide cuts, 22.66
print(f"{(3 * 224 * 224) ** 2:,} = 9 · {224**4:,}")

# %% [markdown]
# Nine times more. So images get small: Image GPT (iGPT) has 32 × 32, 48 × 48 or 64 × 64 pixels, and one token for each, of
# 512 colours that were found by clustering. Here colours have [three bits for each
# channel](11_training_better.ipynb#6-What-lies-hidden), which are 512, too.
#
# ### A set, or a sequence
#
# "Treat an image as a set of pixel values", says the slide. Attention would: [in another order it gives the
# same](02_attention.ipynb#1-Self-attention-in-six-steps). iGPT reads a *sequence*, row by row, and adds a learned vector
# for each place, so that nothing is built in of which pixel lies above which; that has to be learned. What it learns from
# is the next pixel:
#
# $$p(x) = \prod_{n=1}^{N} p(x_n \mid x_1, \dots, x_{n-1}), \qquad \text{loss} = -\frac1N \sum_n \log p(x_n \mid x_1, \dots, x_{n-1}) .$$
#
# No pixel may look ahead: that is a [causal mask](../docs/glossary.md#causal-mask), as [in a
# decoder](03_transformer.ipynb#7-Encoder-and-decoder).

# %%
transformer = [("norm", PLACE), ("attention, all before", ATTEND), ("+", PLACE)]
transformer += [("norm", PLACE), ("MLP", PLACE), ("+", PLACE)]
lecture.blocks(
    {
        "a block of ResNet-50": idea_2["a block of ResNet-50"],
        "a block of a Transformer": transformer,
    },
    title="Idea 3: nothing is left",
)

# %%
few = image[::2, ::2]  # 16 × 16 pixels
codes = color_codes(few)
assert codes.shape == (16, 16) and codes.max() < 512
causal = np.tri(16 * 16, dtype=bool)
assert causal.sum() == 256 * 257 // 2
lecture.next_pixel(colors_of(codes, channels=3).astype(np.uint8), 121, causal)

# %% [markdown]
# **Predict.** The loss of somebody who holds all 512 colours for equally likely, in nats and in bits? On our shapes, how
# often is a pixel's colour that of its left neighbour?

# %%
everything = color_codes(data.train.images)
knows_nothing, _ = ops.cross_entropy_forward(np.zeros((256, 512)), codes.ravel())
same = (everything[:, :, 1:] == everything[:, :, :-1]).mean()
commonest = np.bincount(everything.ravel()).max() / everything.size
print(f"{knows_nothing:.2f} nats, {knows_nothing / np.log(2):.1f} bits")
print(f"as its left neighbour: {same:.0%}; the commonest colour: {commonest:.0%}")
assert np.isclose(knows_nothing, np.log(512)) and np.isclose(knows_nothing / np.log(2), 9)
assert 0.35 < same < 0.5 and commonest < 0.25

# %% [markdown]
# 6.24 nats, or nine bits; and in more than two of five cases: there is much to be learned from the pixel next door, before
# anything of shapes.
#
# ### The mask, forward and backward
#
# Six pixels, 2 × 3. **Predict.** The gradient of the fourth output: which scores get any, which values? And with the first
# four pixels alone, is the fourth output the same?

# %%
q, k, v = rng.standard_normal((3, 6, 2))
y, cache = ops.attention_forward(q, k, v, mask=np.tri(6, dtype=bool))
dy = np.zeros((6, 2))
dy[3] = 1
grads = ops.attention_backward(dy, cache)
assert np.all(cache.weights[np.triu_indices(6, 1)] == 0)
for name in "kv":
    assert np.flatnonzero(np.abs(getattr(grads, name)).sum(1)).tolist() == [0, 1, 2, 3]
assert np.flatnonzero(np.abs(grads.q).sum(1)).tolist() == [3]
short, _ = ops.attention_forward(q[:4], k[:4], v[:4], mask=np.tri(4, dtype=bool))
assert np.allclose(short, y[:4])
matrices({"weights": cache.weights, "dq": grads.q, "dk": grads.k, "dv": grads.v}, numbered=True)

# %% [markdown]
# What comes later has weight 0, and so gradient 0, and is not missed if it is not there. So one pass gives all $N$
# predictions, each from what was known before it, and training is as parallel as without a mask. To draw a sample is not: a
# pixel has to be there before the next one looks at it.
#
# How far does a pixel see? Everything that came before, at once; or, in local attention over pixels, as the Image
# Transformer has it to afford larger images, what came before in the neighbourhood. (Its neighbourhoods are blocks; here
# each pixel has its own window of 7 × 7.)


# %%
def causal_field(mask, layers, place, side=14):
    """Sizes of the gradient of one pixel behind some layers of attention with this mask."""
    x, caches = np.random.default_rng(0).standard_normal((side * side, 8)), []
    for _ in range(layers):
        x, cache = ops.attention_forward(x, x, x, mask=mask)
        caches.append(cache)
    dx = np.zeros_like(x)
    dx[place] = 1
    for cache in reversed(caches):
        grads = ops.attention_backward(dx, cache)
        dx = grads.q + grads.k + grads.v
    return np.abs(dx).sum(-1).reshape(side, side)


down, right = np.divmod(np.arange(14 * 14), 14)
near = np.maximum(np.abs(down[:, None] - down), np.abs(right[:, None] - right)) <= 3
before = np.tri(14 * 14, dtype=bool)
place = 9 * 14 + 7
fields = [causal_field(before, 1, place)]
fields += [causal_field(before & near, layers, place) for layers in (1, 2)]
assert [np.count_nonzero(field) for field in fields] == [place + 1, 3 * 7 + 4, 5 * 13 + 10 + 7]
titles = ["all before, 1 layer", "window of 7 × 7, 1 layer", "the same, 2 layers"]
gradient_maps({"pixels": fields}, titles, start=(9, 7), title="What has a say in the next pixel")

# %% [markdown]
# ### Without the matrix
#
# [`attention_chunked`](04_vit.ipynb#1-Pixels-or-patches) never holds the matrix. One layer of iGPT's kind at 64 × 64
# pixels, 16 heads of width 32, counted without computing it. **Predict.** What do both keep for backward? What does the
# second cost in MACs?

# %%
N = 64 * 64
heads = {"q": (1, 16, N, 32), "k": (1, 16, N, 32), "v": (1, 16, N, 32)}
dense, chunked = (mv.cost.of(name, **heads) for name in ("attention", "attention_chunked"))
rows = []
for name, cost in (("dense", dense), ("chunked", chunked)):
    macs = f"{cost.forward.macs / 1e9:.1f}", f"{cost.backward.macs / 1e9:.1f}"
    rows.append([name, f"{cost.kept_bytes / MIB:,.1f}", f"{cost.peak_bytes / MIB:,.1f}", *macs])
assert dense.kept_bytes == 16 * (4 * N**2 + 4 * 3 * N * 32) == (1024 + 24) * MIB
assert chunked.kept_bytes == 16 * (4 * 4 * N * 32 + 4 * N) and chunked.kept_bytes < 33 * MIB
assert dense.forward.macs == chunked.forward.macs == 16 * 2 * N**2 * 32
assert chunked.backward.macs / dense.backward.macs == 1.25
assert N**2 == 16 * MIB and sizes[64][1] == 48 * GIB
table(["64 × 64", "MiB kept", "MiB at most", "G MACs forward", "backward"], rows)

# %% [markdown]
# 1,048 MiB against 32, to the same result; backward makes five products in place of four. All 48 layers would keep 48 GiB
# of weights or none. (A causal mask that is handed over as an array has $N^2$ bytes of its own, 16 MiB here, which all
# layers can share.) So memory is no wall any more. Work is: 17 G MACs for one layer of one image are more than four times a
# whole ResNet-50 on 224 × 224.

# %%
assert dense.forward.macs > 4 * resnet.macs_forward

# %% [markdown]
# ### iGPT
#
# With 48 layers of width 1,536 (iGPT-L), trained on ImageNet without labels to tell the next pixel, what it has learned
# inside tells CIFAR-10's classes to a linear probe with 96.3 %, on 32 × 32 pixels, and with 99.0 % if all of it is
# fine-tuned.
#
# A tiny one can be had in minutes: `minivit train --model imagegpt_tiny_16 --data shapes` has 4 layers, 256 pixels and 64
# colours. This is how it goes on below upper halves that it has never seen, after 625 steps. **Predict.** It knows colours,
# edges and how a disc closes. What does it not know, in which pictures?
#
# ![Lower halves of shapes, drawn pixel by pixel](../docs/images/imagegpt_completions.png)
#
# A ring's other side is far below what is given, in rows that begin on the ground: the ring is forgotten on the way. A
# heart's tip and the points of a star are guesses, which no later pixel can take back.
#
# What does a linear probe find in it of the ten classes? **Predict.** In which block most, and how much more than before
# training?

# %%
sys.path.append(str(Path("../experiments")))
from record import measured

assert 20_000 // 32 == 625  # one epoch of its batches
Markdown(measured("probe_pixels"))

# %% [markdown]
# Nothing to speak of: what a vector of one pixel's colour says, as a mean over all places, is best where nothing has been
# mixed with it yet, and random vectors of colours say nearly as much. To say the next pixel of such a picture it is enough
# to know that colours go on, which needs no class. The paper's probes are best in the middle of models that know far more
# of their pixels ([more on it](../docs/training.md#the-next-pixel)).
#
# *Sources.* Chen et al. 2020, "Generative Pretraining from Pixels" (ICML), abstract and section 3; Parmar et al. 2018,
# "Image Transformer" (ICML), section 3; Rabe and Staats 2021, "Self-attention Does Not Need $O(n^2)$ Memory".

# %% [markdown]
# ## 9 Side by side with a ViT
#
# The nets of [section 1](#1-Four-ideas), on 32 × 32 pixels. Widths are such that they have nearly as many parameters.
# **Predict.** Sort them by MACs, then by what backward keeps. How far apart are pixels and patches?

# %%
colours = dict.fromkeys(IDEAS, "attention")
colours |= {"ResNet": "convolution", "1 non-local": "both", "1 augmented": "both"}
cost = {idea: mv.cost.estimate(name, **options) for idea, (name, options) in IDEAS.items()}
bars = {
    idea: {
        "thousand parameters": each.params / 1e3,
        "M MACs": each.macs_forward / 1e6,
        "MiB kept": each.activation_bytes / MIB,
    }
    for idea, each in cost.items()
    if idea != "3 pixels"
}
lecture.costs(bars, colours, title="Without pixels, which would be off the page")

# %%
rows = []
for idea, each in cost.items():
    work = f"{each.macs_forward:,}", f"{each.forward.elements:,}"
    rows.append([idea, f"{each.params:,}", *work, f"{each.activation_bytes / MIB:.2f}"])
params = [each.params for each in cost.values()]
assert min(params) > 380_000 and max(params) < 550_000
pixels, patches = cost["3 pixels"], cost["4 ViT"]
assert round(pixels.macs_forward / patches.macs_forward) == 49
assert round(pixels.activation_bytes / patches.activation_bytes) == 58
assert round(cost["1 non-local"].macs_forward / cost["ResNet"].macs_forward, 2) == 1.04
assert patches.macs_forward == min(each.macs_forward for each in cost.values())
assert round(cost["2 SASA"].activation_bytes / cost["ResNet"].activation_bytes, 1) == 3.5
table(["for one image", "parameters", "MACs", "elements", "MiB kept"], rows)

# %% [markdown]
# - Two non-local blocks cost little here, 4 % of the MACs: maps are small where they stand, and channels are few.
# - Local attention, and augmented convolutions, keep three times what convolutions keep and more: who looks where.
# - Pixels cost 49 times the MACs of patches and keep 58 times as much. About $16^2$ times in the attention matrices and 16
#   times in all else: a token for 16 pixels.
# - The ViT has the fewest MACs of all, and its products are large ones. It looks at everything in each layer, and yet pays
#   for it only on an 8 × 8 grid.
#
# So idea 4 is idea 3 with fewer tokens; and the [windows of Swin](07_windows.ipynb) are idea 2 with queries that share
# their keys. Patches lose single pixels; and that neighbours matter, which convolutions have built in, has to be learned,
# [from data](05_training_vit.ipynb#4-Why-a-ViT-wants-data).
#
# ### To do yourself
#
# 1. A non-local block of the form "Gaussian", no pooling, no norm: how many parameters has it on 64 channels, and on a map
#    of 7 × 7, how many MACs?
# 2. SAGAN's $\gamma$ begins at 0 and so does the loss's gradient for it, by accident: $\sum_i \bar z_i \cdot o_i = 0$. What
#    happens then?
# 3. Relative logits for a map of 14 × 20: how many vectors by rows and columns, and how many for all ways?
# 4. Local attention in windows of 5 × 5, all scores equal, zeros take part. Which part of the weight is on the map at the
#    middle of an edge, and in a corner?
# 5. An LR-Net with $m$ = 1: how many maps of weights are there for 64 channels, and what would depthwise convolution be in
#    these terms?
# 6. A Transformer reads 64 × 64 pixels with patches of 2 × 2. By which factor do attention matrices shrink? Can patches be
#    predicted one after the other, too?
#
# <details><summary>Answers</summary>
#
# 1. $g$ and $W$: $64 \cdot 32 + 32$ and $32 \cdot 64 + 64$, together 4,192. Twice $49 \cdot 64 \cdot 32$ for these, $49^2
#    \cdot 64$ for the scores and $49^2 \cdot 32$ for the sums: 431,200.
# 2. Nothing moves in this block: $\gamma$ stays 0, and all else is multiplied by it. The next batch has another gradient.
# 3. 27 + 39 = 66, and 1,053.
# 4. 15 of 25 and 9 of 25.
# 5. 64, one for each channel; a depthwise convolution is that with weights that no query changes and no softmax holds to be
#    positive and to sum to one.
# 6. By 16. Yes: each output then has to foretell a patch of four pixels, at once or through a code for each patch, and
#    there are many more patches than colours.
#
# </details>

# %%
gaussian = mv.layers.GaussianNonLocal(64, sub_sample=False, norm=False)
assert sum(param.size for param in gaussian.params) == 64 * 32 + 32 + 32 * 64 + 64 == 4192
macs = mv.cost.of(gaussian, x=(1, 7, 7, 64)).forward.macs
assert macs == 2 * 49 * 64 * 32 + 49**2 * (64 + 32) == 431_200
assert (2 * 14 - 1) + (2 * 20 - 1) == 66 and (2 * 14 - 1) * (2 * 20 - 1) == 1053
x = np.ones((1, 9, 9, 1, 1))
y, _ = ops.local_attention_forward(0 * x, x, x, kernel_size=5, padding=2)
assert np.allclose(y[0, 0, [4, 0], 0, 0], [15 / 25, 9 / 25])
assert LocalRelation(64, 64, channels_per_head=1).num_heads == 64
assert formulas.attention_entries(64) == 16 * formulas.attention_entries(64, 2)
