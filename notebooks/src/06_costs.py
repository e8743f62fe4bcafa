# %% [markdown]
# # What it costs
#
# How much memory, how many multiplications, how many bits: this lecture counts them. Most of its numbers are exact, since
# they come from the code that would run, and those that are measured stand beside what was predicted. The
# [last lecture](05_training_vit.ipynb) trained a small Vision Transformer (ViT) here; this one says what a large one asks
# for, and why a graphics processor (GPU) is built as it is.
#
# 1. [What is counted](#1-What-is-counted): parameters, MACs and FLOPs, elements, bytes, and how code without numbers is
#    counted.
# 2. [Pixels, patches, windows](#2-Pixels,-patches,-windows): attention that is quadratic in the area, and attention that
#    is linear.
# 3. [A model in two polynomials](#3-A-model-in-two-polynomials): parameters and multiplications of a ViT, and attention's
#    share.
# 4. [The memory of a training step](#4-The-memory-of-a-training-step): what is alive, and what makes it less.
# 5. [Number formats](#5-Number-formats): what bits are for, rounding, and where it ends.
# 6. [Mixed precision](#6-Mixed-precision): multiply in few bits, add in many.
# 7. [What a GPU does with it](#7-What-a-GPU-does-with-it): operations and bytes, and the roofline of your own machine.
# 8. [The numbers on the slides](#8-The-numbers-on-the-slides), one by one.
#
# *Predict* means: write down a guess before you run the cell below. Words in blue lead to the
# [glossary](../docs/glossary.md). Every number that the text claims is asserted. Counts are the same on every machine;
# only what is measured, at the ends of sections 4 and 7, differs, and the asserts there ask for what holds anyway.

# %%
import json
import sys
from pathlib import Path

import numpy as np
from IPython.display import Markdown

import minivit as mv
from minivit import ops, plot
from minivit.cost import formats, formulas
from minivit.plot.lectures import cost as lecture
from minivit.threads import one_blas_thread

np.set_printoptions(precision=4, suppress=True)
KIB, MIB, GIB = 2**10, 2**20, 2**30

# %% [markdown]
# ## 1 What is counted
#
# Four things.
#
# - **Parameters**: the numbers that are learned.
# - **Multiplications** of matrix products. A product of $(N, K)$ with $(K, M)$ has $NM$ results, and each is a sum of $K$
#   products: $NKM$ times a multiplication and an addition. Such a pair is a [MAC](../docs/glossary.md#mac),
#   multiply-accumulate; a [FLOP](../docs/glossary.md#flop) is one operation, so a MAC is two FLOPs.
# - **Elements**: what norms, softmax, activations and sums do to each number. No MACs, but not free, as section 7 shows.
# - **Bytes**: of the arrays that are alive. A KiB is $2^{10}$ bytes, a MiB $2^{20}$, a [GiB](../docs/glossary.md#gib) $2^{30}$, a
#   TiB $2^{40}$.
#
# **Predict.** The first map of the MLP in ViT-Base: 197 tokens of width 768 become 197 of width 3072. How many MACs? And
# how many in its backward?

# %%
macs = 0
for _row in range(3):  # (3, 4) @ (4, 5), with pencil and paper
    for _column in range(5):
        for _k in range(4):
            macs += 1
assert macs == 3 * 4 * 5 == mv.cost.of(lambda a, b: a @ b, a=(3, 4), b=(4, 5)).forward.macs

fc1 = mv.cost.of("linear", x=(197, 768), weight=(768, 3072), bias=(3072,))
print(f"forward  {fc1.forward.macs:,} MACs, {fc1.forward.elements:,} elements")
print(f"backward {fc1.backward.macs:,} MACs, {fc1.backward.elements:,} elements")
assert fc1.forward.macs == 197 * 768 * 3072 == 464_781_312
assert fc1.forward.elements == 197 * 3072  # the bias: one addition for each number
assert fc1.backward.macs == 2 * fc1.forward.macs

# %% [markdown]
# 465 million MACs, or 930 million FLOPs. Backward needs twice as many: for $Y = XW$ there are two gradients,
# $\bar X = \bar Y W^\top$ and $\bar W = X^\top \bar Y$, and each is a product of the same three sizes.
#
# **MACs are often called FLOPs.** "DeiT-B at 224: 17.5 G FLOPs" in table 1 of the Swin paper is a ViT-B/16, and its number one of
# MACs; so are those of all ViT, DeiT and Swin models there (section 8). The data sheet of a processor means FLOPs. Who divides one by the other is off by a factor of two.

# %%
base = mv.cost.estimate("vit_base_patch16_224")
assert base.macs_forward == 17_563_828_224 and base.flops_forward == 2 * base.macs_forward
assert base.macs_backward == 2 * base.macs_forward
assert base.params == 86_567_656
base

# %% [markdown]
# ### How it is counted
#
# Who counts by formulas has to write one for each layer, and forgets some. Here the real code is run, line for line, but on
# arrays that have no numbers: a shape, strides and a dtype. NumPy asks an array what `@` and `np.exp` shall do with it, and
# these answer with another array without numbers, and note what would have been done.

# %%
from minivit.cost.meta import MetaArray
from minivit.cost.tally import Tally

tally = Tally()
tally.phase = "forward"
scores = MetaArray((2**20, 2**20), "float32", tally)  # a trillion scores
weights, _ = ops.softmax_forward(scores)
print(f"{weights!r} of {weights.nbytes / 2**40:.0f} TiB; {tally.total().elements:,} elements")
assert weights.shape == scores.shape and weights.nbytes == 4 * 2**40
passes = 3 * 2**40  # exponential, sum, divide
sums_of_blocks = 2 * 2**30  # each row is summed in blocks of 1024; then their sums are
extremes = 2 * (2**20 + 1)  # the smallest and the largest of all rows' sums, each from 1 on
assert tally.total().elements == passes + sums_of_blocks + extremes

# %% [markdown]
# Four TiB, and no memory is asked for: this is the softmax of the package, not a word was added to it. So a model that you
# write tomorrow is counted too.
#
# What cannot be counted as it stands is code that looks at a number to decide what to do. This softmax does: if a row's sum leaves
# the range of `np.exp`, it takes another way. The package's own code is told that the numbers are ordinary, so what is counted is
# its usual way: an assumption. Which numbers are ordinary for *your* code nobody knows, and it is refused:

# %%
try:
    mv.cost.of(lambda x: x if x.sum() > 0 else -x, x=(3, 4))
except mv.cost.CostError as error:
    message = str(error).partition(" (")[0]
print(message)
assert message == "the code looks at a number, and here are none: only shapes"

# %% [markdown]
# **Predict.** Sort them by MACs, then by elements: linear maps, attention, GELU, layer norm, softmax.

# %%
lines = ["| op of ViT-B/16 | MACs | of all | elements | of all |", "|---|---:|---:|---:|---:|"]
for op in base.by_op()[:5]:
    of_macs = op.forward.macs / base.forward.macs
    of_elements = op.forward.elements / base.forward.elements
    lines.append(
        f"| `{op.name}` | {op.forward.macs:,} | {of_macs:.1%} | "
        f"{op.forward.elements:,} | {of_elements:.1%} |"
    )
work = {op.name: op.forward for op in base.by_op()}
assert round(work["linear"].macs / base.forward.macs, 3) == 0.959
assert round(work["gelu"].elements / base.forward.elements, 3) == 0.615
assert work["linear"].macs + work["attention"].macs == base.forward.macs
assert base.forward.elements < 0.01 * base.forward.macs
assert work["gelu"].elements == 14 * 12 * 197 * 3072  # fourteen passes in each of 12 blocks
Markdown("\n".join(lines))

# %% [markdown]
# Linear maps have 95.9 % of all MACs, and attention the rest. (`attention` are its two products; the maps to queries, keys
# and values are linear.) GELU has none, but more than half of the elements, because in NumPy it takes fourteen passes over
# the widest arrays. For every element there are more than 100 MACs, so one would leave elements out. Section 7 comes back to that.
#
# *Sources.* Dosovitskiy et al. 2021, section 3.1; what minivit counts is said in full in [what a model
# costs](../docs/cost.md).

# %% [markdown]
# ## 2 Pixels, patches, windows
#
# The [lecture on the ViT](04_vit.ipynb#1-Pixels-or-patches) ran into a wall: with a token for each pixel of an
# $R \times R$ image, one head has $R^4$ attention weights, and in 48 layers of 16 heads that is 768 GiB at $R = 128$.
# Patches of side $P$ leave $N = HW/P^2$ tokens and $(R/P)^4$ weights. There is a third way, between the two: small patches,
# but each looks only at those in its own [window](../docs/glossary.md#window-attention) of $M \times M$ patches.
#
# **Predict.** One window has $M^4$ weights. How many have all windows of an $H \times W$ grid together? By how much does it
# grow when the image's side is doubled?

# %%
side = 224 // 4  # Swin's first stage: patches of 4 x 4, windows of 7 x 7
everywhere = formulas.attention_entries((side, side))
in_windows = formulas.window_attention_entries((side, side), 7)
assert everywhere == side**4 == 9_834_496  # H^2 W^2
assert in_windows == 7**4 * (side // 7) * (side // 7) == 7**2 * side**2 == 153_664  # M^2 H W
assert formulas.window_attention_entries((2 * side, 2 * side), 7) == 4 * in_windows
print(f"{side} x {side} patches: {everywhere:,} weights, in windows {in_windows:,}")
lecture.pixels_patches_windows()

# %% [markdown]
# $M^4 \cdot \frac H M \cdot \frac W M = M^2 HW$: linear in the area, so twice the side is *four* times the weights, and the
# line is half as steep. (Lines are the formulas, rings are counted: what the cache of `attention_forward` holds beside
# queries, keys and values.) What is given up: a patch does not see beyond its window. Swin shifts the windows by half of
# their side in every second block, so that what was cut is joined there.
#
# ### The multiplications
#
# Memory is one thing, work another. On a grid of $h \times w$ tokens with $C$ channels, a layer of attention multiplies
#
# - for queries, keys, values and output: four times $(hw, C)$ with $(C, C)$, that is $4\,hw\,C^2$;
# - for scores and weighted sums: in each of $n$ heads twice $(hw)^2\, C/n$, so $2 (hw)^2 C$ whatever $n$ is.
#
# With [MSA](../docs/glossary.md#msa) for multi-head self-attention, and W-MSA for the same in windows:
#
# $$\Omega(\text{MSA}) = 4\,hw\,C^2 + 2\,(hw)^2\,C, \qquad \Omega(\text{W-MSA}) = 4\,hw\,C^2 + 2\,M^2\,hw\,C .$$
#
# In windows, each token meets $M^2$ tokens in place of $hw$. Is that what is computed? Count two layers of the package, one that
# attends in the whole grid, and one in windows.

# %%
from minivit.layers.window_attention import WindowAttention

C, M, heads = 96, 7, 3
layer = mv.layers.SelfAttention(C, num_heads=heads)
grid_sides, whole, windows = np.array([7, 14, 28, 56, 112]), [], []
for side in grid_sides.tolist():
    in_windows = WindowAttention(C, heads, (side, side), window_size=M)
    whole.append(mv.cost.of(layer, x=(1, side * side, C)).forward.macs)
    windows.append(mv.cost.of(in_windows, x=(1, side, side, C)).forward.macs)
h = np.unique(np.round(np.geomspace(7, 112, 40) / 7).astype(int)) * 7  # windows divide it
closed = {
    "everywhere, Ω(MSA)": np.array([formulas.msa_macs((n, n), C) for n in h.tolist()]),
    "in windows, Ω(W-MSA)": np.array(
        [formulas.window_msa_macs((n, n), C, M) for n in h.tolist()]
    ),
}
for name, counts in zip(closed, (whole, windows), strict=True):
    assert all(closed[name][h == n] == macs for n, macs in zip(grid_sides, counts, strict=True))
# %%
twelve = mv.cost.of(mv.layers.SelfAttention(C, num_heads=12), x=(1, 56 * 56, C)).forward.macs
assert twelve == whole[3]  # heads cancel
assert whole[0] == windows[0] and whole[4] / whole[3] > 15 and windows[4] == 4 * windows[3]
assert round(whole[3] / windows[3], 1) == 13.8
print(f"56 x 56 tokens: {whole[3] / 1e6:,.0f} M MACs, in windows {windows[3] / 1e6:,.0f} M")
counted = np.tile(grid_sides, 2), np.array(whole + windows)
lecture.attention_and_windows(h, closed, counted)

# %% [markdown]
# Not close: equal. At Swin's first stage windows save a factor of 13.8; on a grid as small as one window they change nothing.
# And note what they cannot save: $4\,hw\,C^2$ is the same in both. The whole model follows: Swin-T has 28.3 M parameters and
# 4.49 G MACs, counted in it or by formula.

# %%
tiny = mv.cost.estimate("swin_tiny_patch4_window7_224")
assert tiny.params == formulas.swin_params() == 28_288_354
assert tiny.macs_forward == formulas.swin_macs() == 4_490_566_656

# %% [markdown]
#
# *Sources.* Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", section 3.2,
# equations 1 and 2; Dosovitskiy et al. 2021, section 3.1.

# %% [markdown]
# ## 3 A model in two polynomials
#
# With $N$ tokens (the class token among them) of width $D$, hidden width $F$ of the MLP, $L$ blocks, $K$ classes, and patches
# of side $P$ in $C$ channels, the parameters are
#
# $$\underbrace{P^2 C D + D}_{\text{embedding}} + \underbrace{D}_{\text{class}} + \underbrace{ND}_{\text{positions}} +
# L\,(\underbrace{4D^2 + 4D}_{\text{attention}} + \underbrace{2DF + F + D}_{\text{MLP}} + \underbrace{4D}_{\text{norms}})
# + \underbrace{2D}_{\text{norm}} + \underbrace{DK + K}_{\text{head}}$$
#
# and the MACs of one image
#
# $$\underbrace{\tfrac{HW}{P^2}\, P^2 C D}_{\text{embedding}} + L\,(\underbrace{4ND^2 + 2N^2D}_{\text{attention}} +
# \underbrace{2NDF}_{\text{MLP}}) + \underbrace{DK}_{\text{head}} .$$
#
# The usual mistakes: the class token is forgotten (here $N$ = 197, not 196, and it does not pass through the embedding);
# the number of heads is multiplied in (it is in neither formula); biases are forgotten; a FLOP is taken for a MAC.
#
# **Predict.** Which terms make up most of ViT-Base? What happens to both numbers when $D$ is doubled, when $L$ is, when the
# side of the image is?

# %%
# as in the paper: no distillation token, registers, scales in branches, or norm before blocks
plain = {
    name
    for name, (kind, options) in mv.models.PRESETS.items()
    if kind is mv.models.ViT and not {"distilled", "init_values", "pre_norm"} & options.keys()
}
counted = [row for row in mv.cost.presets() if row["name"] in plain]
for row in counted:
    config = mv.create_model(row["name"]).config
    keys = ("img_size", "patch_size", "num_classes", "embed_dim", "depth", "class_token")
    sizes = {key: config[key] for key in keys}
    sizes["mlp_dim"] = round(config["mlp_ratio"] * config["embed_dim"])
    assert formulas.vit_params(**sizes) == row["params"]
    assert formulas.vit_macs(**sizes) == row["macs_forward"]
print(f"{len(counted)} models: formula = counted, to the last parameter and MAC")
assert len(counted) > 20

# %%
N, D, F, L, K = 197, 768, 3072, 12, 1000
terms = {
    "embedding, class token, positions": (16 * 16 * 3 * D + 2 * D + N * D, 196 * 16 * 16 * 3 * D),
    "attention: queries, keys, values, output": (L * (4 * D**2 + 4 * D), L * 4 * N * D**2),
    "attention: scores and weighted sums": (0, L * 2 * N**2 * D),
    "MLP": (L * (2 * D * F + F + D), L * 2 * N * D * F),
    "norms": (L * 4 * D + 2 * D, 0),
    "head": (D * K + K, D * K),
}
assert sum(p for p, _ in terms.values()) == base.params
assert sum(m for _, m in terms.values()) == base.macs_forward
lines = ["| ViT-B/16 | parameters | | MACs | |", "|---|---:|---:|---:|---:|"]
for name, (p, m) in terms.items():
    shares = f"{p / base.params:.1%} | {m:,} | {m / base.macs_forward:.1%} |"
    lines.append(f"| {name} | {p:,} | {shares}")
Markdown("\n".join(lines))

# %%
mlp, maps = terms["MLP"], terms["attention: queries, keys, values, output"]
totals = base.params, base.macs_forward
assert [round(n / total, 3) for n, total in zip(mlp, totals, strict=True)] == [0.655, 0.635]
assert [round(n / total, 3) for n, total in zip(maps, totals, strict=True)] == [0.327, 0.318]
for options, p, m in (
    ({"embed_dim": 1536, "mlp_dim": 6144}, 3.96, 3.91),
    ({"depth": 24}, 1.98, 1.99),
):
    assert abs(formulas.vit_params(**options) / base.params - p) < 0.01
    assert abs(formulas.vit_macs(**options) / base.macs_forward - m) < 0.01
wide = formulas.vit_macs(img_size=448) / base.macs_forward
tokens = [formulas.num_tokens(side, 16, class_token=True) for side in (224, 448)]
ratio = tokens[1] / tokens[0]
assert round(wide, 1) == 4.5 and round(ratio, 2) == 3.98 and round(ratio**2, 1) == 15.9
print(f"twice the side: {ratio:.2f} times the tokens, {wide:.2f} times the MACs")

# %% [markdown]
# About two thirds of both are the MLP, and a third are the four maps of attention. Twice the width is nearly four times of both
# (3.96 and 3.91), twice the depth twice. Twice the side of the image leaves the parameters as they are, but for positions,
# and multiplies the work by 4.5: nearly four times (3.98, for there is still one class token) for all that is linear in $N$,
# nearly sixteen (15.9) for the scores.
#
# So the part that everybody calls quadratic is small. How small? With $F = 4D$ it is $2N^2D$ of $12ND^2 + 2N^2D$:
# a share of $N / (6D + N)$. It is half of the work at $N = 6D$ tokens, and no sooner. **Predict.** At which image size is
# that, for ViT-B/16?


# %%
def share_of_attention(P=16):
    """Multiplications of ViT-Base with patches of side P over the size of the image."""
    sides = [224, 320, 448, 640, 896, 1024]
    macs = [formulas.vit_macs(img_size=R, patch_size=P) for R in sides]
    tokens = [formulas.num_tokens(R, P, class_token=True) for R in sides]
    mixing = [2 * 12 * n**2 * 768 for n in tokens]
    title = f"ViT-Base with patches of {P} × {P}"
    figure = plot.macs_by_size([(R, R) for R in sides], macs, mixing, title=title)
    left, right = figure.axes  # the same scales for every P
    left.set_ylim(0.02, 9000)
    right.set_ylim(0, 100)
    left.get_legend().set_loc("lower right")
    return figure


at_1024 = mv.cost.estimate("vit_base_patch16_224", img_size=1024)
shares = [mv.cost.attention_macs(e) / e.macs_forward for e in (base, at_1024)]
assert [round(share, 3) for share in shares] == [0.041, 0.469]
assert abs(shares[0] - 197 / (6 * 768 + 197)) < 0.001
assert round((6 * 768 - 1) ** 0.5 * 16) == 1086  # half of the work, at 6 D tokens
plot.frames(share_of_attention, P=[32, 16, 8])

# %% [markdown]
# 4.1 % at 224 pixels, 46.9 % at 1024, half at 1086. For smaller patches it comes sooner: move the slider. Whoever replaces
# attention by something linear saves at most 4.1 % of a ViT-B/16 at 224, and memory; at 1024 nearly half.
#
# **Exercise.** [`costs`](../minivit/course/exercises/costs.md): `minivit course start costs`
#
# *Sources.* Dosovitskiy et al. 2021, section 3.1 and table 1; Vaswani et al. 2017, table 1.

# %% [markdown]
# ## 4 The memory of a training step
#
# "The model has 86 million parameters in float32, so training it takes 330 MiB." **Predict.** How far off is that, for a
# batch of 32 images?
#
# Five things are alive at the peak of a step:
#
# | | bytes, with $n$ parameters in float32 |
# |---|---|
# | weights | $4n$ |
# | gradients | $4n$ |
# | the optimizer: AdamW keeps two averages | $8n$ |
# | what backward needs of forward: [activation memory](../docs/glossary.md#activation-memory) | grows with the batch |
# | workspace: inputs, and what is just being computed | |

# %%
one, many = mv.cost.estimate("vit_base_patch16_224"), {}
for batch in (1, 8, 32):
    step = mv.cost.estimate("vit_base_patch16_224", batch=batch)
    many[f"batch of {batch}"] = mv.cost.memory_parts(step, at_once=True)
    assert step.activation_bytes == batch * one.activation_bytes
frugal = mv.cost.estimate("vit_base_patch16_224", batch=32, recompute="blocks")
many["batch of 32, recomputed"] = mv.cost.memory_parts(frugal, at_once=True)
assert one.weight_bytes == one.gradient_bytes == 4 * one.params
assert one.optimizer_bytes == 8 * one.params
fixed = 16 * one.params
assert round(fixed / MIB) == 1321 and round(one.activation_bytes / MIB, 1) == 133.3
assert step.peak_whole_batch_bytes > 17 * one.weight_bytes
share = {
    n: n * one.activation_bytes / mv.cost.estimate(one.name, batch=n).peak_whole_batch_bytes
    for n in (10, 11)
}
assert share[10] < 0.5 < share[11]
print(f"per parameter 16 bytes: {fixed / MIB:,.0f} MiB;", end=" ")
print(f"per image {one.activation_bytes / MIB:.1f} MiB")
plot.memory_bars(many, title="ViT-B/16 at 224: the peak of a training step, batch at once")

# %% [markdown]
# More than seventeen times off. Per parameter there are 16 bytes, whatever the batch; per image backward needs 133.3 MiB,
# so from eleven images on it is more than half of the peak. **Why does backward keep it?** Because gradients are products with it: that of $W$
# in $Y = XW$ is $X^\top \bar Y$, so $X$ must still be there; softmax needs its output, GELU its input, a norm its $\hat x$.
# The last lecture [took a block's cache apart](05_training_vit.ipynb#6-What-backward-keeps), to the byte. ViT-Base, layer by
# layer:

# %%
of_layer = {layer.name: layer.activation_bytes for layer in base.by_layer(3)}
parts = ("norm1", "attn", "norm2", "mlp")
kept = {part: of_layer[f"blocks.0.{part}"] for part in parts}
print({part: f"{size / MIB:.2f} MiB" for part, size in kept.items()})
assert sum(kept.values()) == of_layer["blocks.0"]
assert 12 * of_layer["blocks.0"] == of_layer["blocks"] > 0.99 * base.activation_bytes
x, probabilities = 4 * 197 * 768, 4 * 12 * 197**2
assert kept["attn"] == 5 * x + probabilities and kept["mlp"] == x + 2 * 4 * x
assert 0.37 < probabilities / kept["attn"] < 0.39

# %% [markdown]
# ### Three ways to need less
#
# **Shards.** minivit computes 16 images at a time, forward and backward, and adds up their gradients; the next 16 then take
# the same memory again. A batch of 128 keeps no more than one of 16. (Where each layer would be computed for the whole batch
# at once, as on a GPU, the same is called gradient accumulation.)
#
# **[Recomputation](../docs/glossary.md#recomputation)**, or gradient checkpointing: a block keeps its input only, and runs
# forward again when backward needs the rest (`grad_checkpointing=True`). **Predict.** What does it cost, in MACs?
#
# **Fewer bytes per number**: sections 5 and 6.

# %%
sharded = [mv.cost.estimate("vit_base_patch16_224", batch=batch) for batch in (32, 128)]
kept_16 = 16 * one.activation_bytes
assert all(e.shard_activation_bytes == kept_16 for e in sharded)
peaks = [e.peak_training_bytes / GIB for e in sharded]
print(f"in shards of 16: batch of 32 {peaks[0]:.2f} GiB, of 128 {peaks[1]:.2f} GiB")
assert peaks[1] < 1.02 * peaks[0]
more = frugal.macs_forward + frugal.macs_backward
plain = 3 * 32 * base.macs_forward
less = 32 * base.activation_bytes / frugal.activation_bytes
print(f"recomputed: {less:.1f} times less is kept, {more / plain - 1:.1%} more MACs")
assert 16.4 < less < 16.6 and round(more / plain - 1, 3) == 0.331

# %%
budget = "16GiB"
asked = mv.cost.largest_batch("vit_base_patch16_224", budget)
recomputed = mv.cost.largest_batch("vit_base_patch16_224", budget, recompute="blocks")
print(f"within {budget}, all at once: {asked.at_once} images, recomputed {recomputed.at_once}")
assert (asked.at_once, recomputed.at_once) == (105, 521)
assert asked.peak_at_once <= 16 * GIB
one_more = mv.cost.estimate("vit_base_patch16_224", batch=106)
assert one_more.peak_whole_batch_bytes > 16 * GIB

# %% [markdown]
# A third more work (one forward in addition to what costs three) buys batches that are five times as large: 521 images in
# place of 105, within 16 GiB. On the command line: `minivit cost vit_base_patch16_224 --budget 16GiB`.
#
# ### Is it true?
#
# So far nothing was allocated. Now a small ViT makes a real step, and Python's own record of memory (`tracemalloc`) stands
# beside the estimate.

# %%
real = mv.cost.measure("vit_tiny_patch4_32", batch=32)
expected = real.estimate
for name in ("shard_activation_bytes", "peak_training_bytes"):
    predicted, measured = getattr(expected, name), getattr(real, name)
    print(f"{name:23} {predicted / MIB:6.2f} MiB estimated, {measured / MIB:6.2f} MiB measured")
assert real.shard_activation_bytes == expected.shard_activation_bytes  # to the byte
assert abs(real.peak_training_bytes / expected.peak_training_bytes - 1) < 0.02

# %% [markdown]
# What is kept is equal to the byte; the peak is within 2 %, for Python's own objects are in the measured one.
#
# *Sources.* Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"; Loshchilov and Hutter 2019 (AdamW's state).

# %% [markdown]
# ## 5 Number formats
#
# A floating-point number has one bit for the sign $S$, some for the exponent $E$, and the rest for the mantissa $M$:
#
# $$x = (-1)^S \; 2^{E - b} \left(1 + \frac{M}{2^m}\right),$$
#
# where $m$ counts the bits of the mantissa, and the bias $b$ is half of the exponents' range: 127 for 8 bits, 15 for 5. That is
# for normal numbers. With $E = 0$ there is no 1 in front, and with the largest $E$ stand infinity and
# [*nan*](../docs/glossary.md#nan), not a number (in all formats here but E4M3). [FP32](../docs/glossary.md#fp32) is NumPy's
# float32, FP64 its float64, [FP16](../docs/glossary.md#fp16) its float16; [TF32](../docs/glossary.md#tf32), BF16 and
# [FP8](../docs/glossary.md#fp8) NumPy does not have, and E4M3 and E5M2 are FP8 with so many bits of $E$ and $M$. (One finds
# $2^{E + \text{bias}}$ on slides: right only if one calls −127 the bias.) **Predict.** FP16 and
# [BF16](../docs/glossary.md#bf16) both have 16 bits. What is each better at?

# %%
lecture.bit_layouts()

# %%
code = 0b0_01111_1000000000  # FP16: sign 0, exponent 15, mantissa 512
assert formats.value_of(code, "fp16") == 2.0 ** (15 - 15) * (1 + 512 / 2**10) == 1.5
assert np.array(code, np.uint16).view(np.float16) == 1.5  # NumPy agrees
assert formats.normal_value(0, 15, 512, mantissa_bits=10, bias=-15) == 1.5  # as on slides
zero = formats.normal_value(0, 0, 0, mantissa_bits=10, bias=-15)  # E = 0: not right
assert formats.value_of(0, "fp16") == 0 != zero
rows = ["| | largest | smallest normal | smallest | after 1 comes |", "|---|---|---|---|---|"]
for name, label in lecture.LABELS.items():
    f = formats.FORMATS[name]
    sizes = (f"{x:.3g}" for x in (f.largest, f.smallest_normal, f.smallest_subnormal))
    rows.append(f"| {label} | {' | '.join(sizes)} | 1 + {f.epsilon:.3g} |")
half, brain = formats.FORMATS["fp16"], formats.FORMATS["bf16"]
assert half.largest == 65_504 and brain.largest > 3e38
assert brain.epsilon == 8 * half.epsilon == 1 / 128
Markdown("\n".join(rows))

# %%
lecture.representable_numbers()

# %% [markdown]
# FP16 has three bits more for the digits, BF16 three more for the range: it is FP32 with the lower half cut off. TF32 has the
# range of the one and the digits of the other, 19 bits in all, and takes 32 in memory.
#
# ### Rounding
#
# A number that is not in the format becomes the nearest that is; of two equally near ones, that with the even mantissa.
# **Predict.** What becomes of 0.1, of 257, of 2049 and of 70,000?

# %%
numbers = np.array([0.1, 257.0, 2049.0, 70_000.0, 1e-7])
rows = ["| | " + " | ".join(f"{x:g}" for x in numbers) + " |", "|---" * 6 + "|"]
rounded = {}
for name in ("fp32", "tf32", "bf16", "fp16", "fp8_e4m3", "fp8_e5m2"):
    rounded[name] = formats.round_to(numbers, name)
    cells = (f"{x:.9g}" for x in rounded[name])
    rows.append(f"| {lecture.LABELS[name]} | {' | '.join(cells)} |")
assert rounded["bf16"][1] == 256 and rounded["fp16"][2] == 2048 == rounded["tf32"][2]
assert np.isinf(rounded["fp16"][3]) and np.isnan(rounded["fp8_e4m3"][3])
assert rounded["bf16"][3] == 70_144 and rounded["fp8_e4m3"][1] == 256
assert rounded["fp16"][4] == 2 * half.smallest_subnormal
assert formats.round_to(np.array([65_519.0, 65_520.0]), "fp16").tolist() == [65_504, np.inf]
x = np.linspace(1, 2, 10_001)
for name in rounded:  # at most half of the last digit
    assert np.abs(formats.round_to(x, name) / x - 1).max() <= formats.FORMATS[name].epsilon / 2
Markdown("\n".join(rows))

# %% [markdown]
# In BF16 there is no 257: with eight digits, 256 is followed by 258, and 257 lies in the middle. FP16 ends at 65,504, and
# what rounds beyond is infinite; E4M3 has no infinity, its 448 is followed by *nan*. And below the smallest normal number
# stand the [subnormals](../docs/glossary.md#subnormal-number), evenly spaced down to 0: there, digits are lost one after the
# other.

# %%
lecture.rounding_errors()

# %% [markdown]
# Read it from the right: overflow ends a line; then, over the whole range of normal numbers, the error is at most
# $2^{-m-1}$; then subnormals, where it doubles with each octave until all is lost. The choice of a format is the choice of
# how high and how wide this basin is.
#
# *Sources.* IEEE 754-2019, sections 3.3, 3.4, 4.3.1; Kalamkar et al. 2019, "A Study of BFLOAT16 for Deep Learning Training";
# Micikevicius et al. 2022, "FP8 Formats for Deep Learning"; NVIDIA 2020, "NVIDIA A100 Tensor Core GPU Architecture" (TF32).

# %% [markdown]
# ## 6 Mixed precision
#
# A matrix product is made of sums $y = x_1 w_1 + x_2 w_2 + \dots$ The circuit of a multiplication grows with the square
# of the number of digits, that of an addition does not. So: **multiply in few bits, add in many**. That is what [tensor
# cores](../docs/glossary.md#tensor-core) do, and what [mixed precision](../docs/glossary.md#mixed-precision) means first.
#
# **Predict.** Add up 1,000 ones, each sum rounded to BF16. What comes out? And in FP16, 5,000 ones?

# %%
from minivit.cost.mixed_precision import low_matmul, mixed_matmul, underflow

for name, length, result in (("bf16", 1000, 256), ("fp16", 5000, 2048), ("fp8_e4m3", 1000, 16)):
    ones = np.ones((1, length), np.float32)
    low = low_matmul(ones, ones.T, name).item()
    mixed = mixed_matmul(ones, ones.T, name).item()
    print(f"{length:,} ones: {low:g} if added in {lecture.LABELS[name]}, {mixed:g} in FP32")
    assert low == result and mixed == length

# %% [markdown]
# BF16 stops at 256: 256 + 1 is 257, and that is 256. The *products* are harmless. Two factors of 11 digits (FP16, TF32) have a
# product of at most 22, two of 8 (BF16) one of 16, and FP32 has 24: unless it is out of FP32's range, as one of BF16 may be, it is
# exact, and only sums are rounded. Hence the errors of longer and longer sums, of products of normally distributed numbers.
# `python experiments/mixed_precision.py` made them, with three seeds each, and the trainings below:

# %%
results = json.loads(Path("../experiments/results/mixed_precision.json").read_text("utf-8"))
assert results["command"] == "python experiments/mixed_precision.py"
lengths = np.array(results["lengths"])


def errors_of(factors, name):
    """Of the products of these factors in a format: with sums in FP32, and in the format."""
    runs = [r for r in results["runs"] if r.get("of") == factors and r["format"] == name]
    assert [run["seed"] for run in runs] == [0, 1, 2]
    return {kind: np.array([run[kind] for run in runs]) for kind in ("mixed", "low")}


errors = {name: errors_of("normal", name) for name in ("bf16", "fp16", "fp8_e4m3")}
growth = {}
for name, both in errors.items():
    mixed, low = (both[kind].mean(0) for kind in ("mixed", "low"))
    assert np.ptp(mixed) < 0.1 * mixed.mean()  # flat
    assert np.all(np.diff(low) > 0)  # grows with the length
    growth[name] = round(low[-1] / low[0], 1)
assert lengths[-1] / lengths[0] == 256 == 16**2
assert growth == {"bf16": 13.5, "fp16": 14.2, "fp8_e4m3": 7.8}
assert round(errors["fp8_e4m3"]["low"].mean(0)[-1], 2) == 0.64
lecture.product_errors(lengths, errors)

# %% [markdown]
# With sums in FP32 (dashed), the error of these products is that of their factors, at any length here: ups and downs cancel. With
# sums in the low format it grows. In BF16 and FP16 that is nearly like the square root of the length: 256 times as long, 13.5 and
# 14.2 times the error. In E4M3 it is 7.8 times, for there the error ends at 64 % of the result, and has not much further to go.
#
# FP32 does not help where the *factors* are lost. Attention over $S$ tokens multiplies weights of about $1/S$, and E4M3 has nothing
# between 0 and $2^{-9}$:

# %%
weighted = {name: errors_of("attention", name)["mixed"].mean(0) for name in errors}
for name in ("bf16", "fp16"):
    assert np.ptp(weighted[name]) < 0.15 * weighted[name].mean()
assert [round(x, 3) for x in weighted["fp8_e4m3"][[0, -1]]] == [0.039, 0.735]
assert formats.FORMATS["fp8_e4m3"].smallest_subnormal == 2**-9
assert formats.round_to(np.array([1 / 256, 1 / 4096]), "fp8_e4m3").tolist() == [2**-8, 0]
print(f"E4M3, sums in FP32, {lengths[0]} to {lengths[-1]} tokens:", weighted["fp8_e4m3"])

# %% [markdown]
# BF16 and FP16 stay where they were; in E4M3 the error goes from 3.9 % to 73.5 %.
#
# ### Weights need many bits, too
#
# **Predict.** A weight of 1 is moved by 0.001, a thousand times, in BF16. Where does it arrive?

# %%
weight, master = np.float32(1), np.float32(1)
for _ in range(1000):
    weight = formats.round_to(np.asarray(weight - np.float32(0.001)), "bf16")
    master = master - np.float32(0.001)
print(f"in BF16 {weight:g}, in FP32 {master:.3g}")
assert weight == 1 and abs(master) < 1e-4
below, between = formats.round_to(np.array([1 - 2**-8, 1 - 2**-8 / 4]), "bf16")
assert below == 1 - 2**-8 and between == 1 and 0.25 < 0.001 / 2**-8 < 0.26

# %% [markdown]
# It has not moved: the next number of BF16 below 1 is $1 - 2^{-8} \approx 0.996$, and a step of a quarter of the gap between them
# is rounded away. So the optimizer keeps **master weights** in FP32, and the products get a rounded copy. Mixed precision does not save
# the memory of the weights; it saves that of what backward keeps, and time.
#
# ### Loss scaling
#
# Gradients are small: the loss is a mean over the batch, so each of $B$ images sends at most $1/B$ back into each of its logits.
# In FP16, whatever is not above $2^{-25}$ is 0. The remedy
# is one factor: gradients are proportional to the loss, so multiply the loss by $s$ before backward, and divide the
# gradients by $s$, in FP32, before the optimizer sees them: [loss scaling](../docs/glossary.md#loss-scaling). **Predict.** For
# which powers of two $s$ do the gradients of a fresh ViT neither vanish nor overflow?

# %%
images = mv.data.shapes(n_train=64, n_test=1, seed=0).train
model = mv.create_model("vit_micro_patch4_32", seed=0)
logits, cache = model.forward((images.images / 255 - 0.5).astype(np.float32))
_, c_loss = ops.cross_entropy_forward(logits, images.labels)
dlogits = ops.cross_entropy_backward(np.float32(1), c_loss).logits
assert dlogits.shape == (64, 10) and np.abs(dlogits).max() < 1 / 64
assert formats.round_to(np.array([2.0**-25, 1.01 * 2.0**-25]), "fp16").tolist() == [0, 2.0**-24]
model.backward(dlogits, cache)
gradients = np.concatenate([param.grad.ravel() for param in model.params])


def gradients_times(exponent=0):
    """How large the gradients of a fresh ViT are, with the loss times a power of 2."""
    return lecture.gradient_sizes(gradients, 2.0**exponent)


lost = {n: underflow(gradients, "fp16", scale=2.0**n) for n in (-16, 0, 10)}
print({f"2^{n}": f"{share:.2%} become 0" for n, share in lost.items()})
assert lost[-16] > 0.9 and lost[0] < 0.01
largest = np.abs(gradients).max()
good = [n for n in range(-24, 32) if underflow(gradients, "fp16", scale=2.0**n) < 0.01]
good = [n for n in good if largest * 2.0**n < formats.FORMATS["fp16"].largest]
print(f"from 2^{good[0]} to 2^{good[-1]} less than 1 % become 0 and none overflows")
assert {0, 10} <= {*good} and not {-8, 20} & {*good} and 18 < len(good) < 26
plot.frames(gradients_times, exponent=[-16, -8, 0, 8, 16, 24])

# %% [markdown]
# Without a scale these lie high enough. With a loss $2^{16}$ times smaller (a mean over more, a small weight in a sum of
# losses) more than nine tenths are gone. With one that is too large the first gradients overflow, and a single one spoils the
# step. Between lies a window some twenty octaves wide, and a scale has to hit it.
#
# ### Which training survives?
#
# A small ViT makes 300 steps with its linear maps in a format, forward and backward, master weights and all else in FP32; a
# step whose gradient is not finite is left out. **Predict.** Which of them learn: FP16 and BF16 with the loss times $2^{-16}$,
# $1$, $2^{10}$, $2^{20}$? And FP8?

# %%
trainings = {}
for run in results["runs"]:
    if run["part"] == "training":
        power = round(np.log2(run["loss_scale"]))
        label = lecture.LABELS[run["format"]] + (f", loss × $2^{{{power}}}$" if power else "")
        steps, losses = trainings.setdefault(label, ([], []))
        steps.append(run["steps"])
        losses.append(run["loss"])
trainings = {label: tuple(map(np.array, both)) for label, both in trainings.items()}
assert all(len(losses) == 3 for _, losses in trainings.values())
loss = {label: losses.mean() for label, (_, losses) in trainings.items()}
assert np.array_equal(trainings["BF16"][1], trainings["BF16, loss × $2^{-16}$"][1])
assert max(abs(loss[name] - loss["FP32"]) for name in ("BF16", "FP16")) < 0.02
assert loss["FP16, loss × $2^{-16}$"] > 2.2 and loss["FP8 E4M3"] > 2.2
assert trainings["FP16, loss × $2^{20}$"][0].max() == 0
assert trainings["FP8 E4M3, loss × $2^{10}$"][0].tolist() == [260, 274, 265]
assert round(900 / (900 - sum((260, 274, 265)))) == 9  # one step in nine is left out
e4m3 = trainings["FP8 E4M3"][1], trainings["FP8 E4M3, loss × $2^{10}$"][1]
assert np.round(e4m3[0], 2).tolist() == [2.28, 2.08, 2.28] and round(np.log(10), 2) == 2.30
assert e4m3[1].max() < 1.7 and np.ptp(trainings["FP32"][1]) > 0.05
assert np.round(e4m3[1] - trainings["FP32"][1], 2).tolist() == [0.10, 0.05, -0.02]
lecture.formats_survived(trainings, steps=results["steps"], guessing=np.log(10))

# %% [markdown]
# BF16 does not care about the scale: its range is that of FP32, and the two trainings are the same to the last bit, since a
# power of two changes no digit. FP16 learns as well as FP32 if the gradients lie in its window; too small, and all 300 steps
# are made but lead nowhere; too large, and none is made. E4M3 without a scale hardly learns: two of three seeds stay near the loss
# of guessing (2.28; guessing has 2.30), one comes to 2.08. With $2^{10}$ all three come below 1.7, though one step in nine is left out.
# Whether that costs some of the loss three seeds cannot say: against FP32 it is 0.10 and 0.05 more, and 0.02 less. Training in FP8
# scales each array by itself.
#
# (Frameworks find the scale as they go: double it from time to time, halve it when a gradient overflows.)
#
# *Sources.* Micikevicius et al. 2018, "Mixed Precision Training"; Kalamkar et al. 2019; Horowitz 2014, "Computing's Energy
# Problem (and What We Can Do About It)", for what a multiplication and an addition cost.

# %% [markdown]
# ## 7 What a GPU does with it
#
# A GPU has many simple cores. NVIDIA's H100 has 132 multiprocessors (SM; on the SXM board) of 128 cores each; a core does one
# multiply-add per cycle, and at the clock of the slide there are $1.775 \cdot 10^9$ cycles in a second. **Predict.** How many FLOP/s? Watch the zeros: on one slide this
# product comes out as $60 \cdot 10^9$.

# %%
peak = formulas.peak_flops(132, 128, 2, 1_775_000_000)
assert peak == 132 * 128 * 2 * 1_775_000_000 and round(peak / 1e12) == 60
print(f"132 x 128 x 2 x 1.775 GHz = {peak:.3g} FLOP/s, that is {peak / 1e12:.0f} TFLOP/s")

small_product = 2 * 4 * 16 * 8  # FLOPs of (4, 16) @ (16, 8), which a tensor core does in a cycle
tensor = formulas.peak_flops(132, 4, small_product, 1_775_000_000)
assert small_product == 1024 and round(tensor / 1e12) == 960
print(f"four tensor cores per SM: {tensor / 1e12:.0f} TFLOP/s, {tensor / peak:.0f} times as many")
assert tensor == 16 * peak
assert round(4 * tensor / 1e12) == 3839  # four in each quarter of an SM, as on a slide
assert round(1e15 / (132 * 4 * small_product) / 1e9, 2) == 1.85

# %% [markdown]
# $60 \cdot 10^{12}$, a thousand times more. A [tensor core](../docs/glossary.md#tensor-core) multiplies two small matrices of
# FP16 or BF16 in each cycle and adds in FP32, as in section 6; four in each SM give 960 TFLOP/s at this clock. The
# "1000" of the announcement would need 1.85 GHz, or are rounded. ("Four per subunit", of which an SM has four, would give 3,839.)
#
# ### Operations need bytes
#
# Numbers come from memory, 3.0 TB/s as announced. So a chip that does 60 TFLOP/s has to do 20 operations with every byte that it
# reads or writes, or it waits. How many an op does per byte is its [arithmetic
# intensity](../docs/glossary.md#arithmetic-intensity). A sum $x + y$ of float32 does 1 operation on 12 bytes. A product of two
# $n \times n$ matrices does $2n^3$ on $12 n^2$: more with every $n$.
#
# **Predict.** In ViT-Base, elements were less than one in a hundred MACs. Suppose that each is read and written once. How much
# of the *time* do they take on an H100, if nothing else slows it?

# %%
bandwidth = 3.0e12
assert round(peak / bandwidth) == 20 and round(tensor / bandwidth) == 320
for name, rate, size in (("FP32 cores", peak, 4), ("tensor cores, BF16", tensor, 2)):
    products = base.flops_forward / rate
    passes = 2 * size * base.forward.elements / bandwidth
    share = passes / (passes + products)
    print(f"{name:18} products {1e6 * products:4.0f} µs, elements {1e6 * passes:4.0f} µs", end="")
    print(f", that is {share:.0%}")
    assert round(share, 2) == {4: 0.43, 2: 0.86}[size]

# %% [markdown]
# 43 %, and with tensor cores 86 %. The faster the products, the more the rest weighs; counting FLOPs says nothing about it.
# That is why GPUs run several such passes as one (*fusion*), so that numbers are read once: GELU's fourteen passes become
# one.
#
# Both limits in one picture are the [roofline](../docs/glossary.md#roofline): at $I$ FLOPs per byte, an op does at most
# $\min(\text{peak},\ I \times \text{bandwidth})$ FLOP/s. Here for ops of ViT-Base in BF16, fused, each array read or written
# once.


# %%
def intensity(rows, inner, columns, size=2):
    """FLOPs per byte of a product (rows, inner) @ (inner, columns), numbers of ``size`` bytes."""
    return 2 * rows * inner * columns / (rows * inner + inner * columns + rows * columns) / size


assert np.isclose(intensity(300, 300, 300, size=4), 300 / 6)  # n / 6, in float32
per_byte = {
    "sum of residual path": 1 / (3 * 2),
    "GELU, in one pass": work["gelu"].elements / (12 * 197 * 3072) / (2 * 2),
    "MLP map, 1 token": intensity(1, 768, 3072),
    "scores of a head": intensity(197, 64, 197),
    "MLP map, 1 image": intensity(197, 768, 3072),
    "MLP map, 16 images": intensity(16 * 197, 768, 3072),
}
points = {name: (i, min(tensor, i * bandwidth)) for name, i in per_byte.items()}
reached = {name: rate / tensor for name, (_, rate) in points.items()}
print({name: f"{share:.1%}" for name, share in reached.items()})
assert round(reached["scores of a head"], 2) == 0.12 and reached["MLP map, 1 token"] < 0.004
assert reached["MLP map, 16 images"] == 1 and 0.4 < reached["MLP map, 1 image"] < 0.5
roofs = {
    "tensor cores: 960 TFLOP/s": (tensor, bandwidth),
    "FP32 cores: 60 TFLOP/s": (peak, bandwidth),
}
lecture.roofline(roofs, points, title="At most, on an H100: 3 TB/s, or all cores busy")

# %% [markdown]
# - A single token (or image) does not fill a GPU: the weights are read for one row. A **batch** uses them many times.
# - The **scores** of a head are a large product with short rows: 64 MACs for each number that is written. They stay
#   below an eighth of the peak, unless scores never go to memory: *FlashAttention*, and here
#   [`attention_chunked`](04_vit.ipynb#1-Pixels-or-patches), work on blocks that fit into a cache: here the processor's, small and
#   fast memory for what was used last, not what a forward keeps.
# - Halving the bytes of a number moves every point to the right, tensor cores or not.
#
# Slides like to divide by the price, too. Prices change, so that is left to you: `formulas.flops_per_dollar(tensor, dollars)`.
#
# ### The roofline of your machine
#
# The same, measured here, in some seconds: one thread ([BLAS](../docs/glossary.md#blas) would use more), float32, the ops of a
# small ViT forward on 16 images. The two slopes are those of copying 32 KiB to other 32 KiB, which lie in a cache, and 64 MiB to
# others, which hardly ever do; bytes are those that are read and those that are written. (The whole of it, with all caches:
# `python benchmarks/roofline.py --png roofline.png`; see [speed](../docs/speed.md).)

# %%
sys.path.insert(0, "../benchmarks")
import roofline
from workload import make_workload

with one_blas_thread():
    fastest = 1e9 * roofline.large_product()
    near, far = (1e9 * roofline.bandwidth(size).copy for size in (2**16, 2**27))
    measured = roofline.op_points(make_workload("vit_tiny_patch4_32:avg", None).config)
fastest = max(fastest, *(1e9 * point.gflops for point in measured))  # whatever was seen
shown = "gelu", "softmax", "layer_norm", "attention", "patchify + linear", "linear fc2"
forward = {
    point.name.removesuffix(", forward"): (point.intensity, 1e9 * point.gflops)
    for point in measured
    if point.name in [f"{name}, forward" for name in shown]
}
roofs = {
    f"64 KiB: {near / 1e9:.0f} GB/s": (fastest, near),
    f"128 MiB: {far / 1e9:.0f} GB/s": (fastest, far),
}
title = f"This machine: at most {fastest / 1e9:.0f} GFLOP/s, as far as was seen"
lecture.roofline(roofs, forward, title=title)

# %%
for name, (x, rate) in forward.items():
    print(f"{name:17} {x:5.2f} FLOPs per byte, {rate / fastest:5.1%} of the peak")
assert forward["linear fc2"][0] > 20 and 3 < forward["attention"][0] < 4
few = "layer_norm", "softmax", "gelu"
assert all(forward[name][0] < 0.2 for name in few)
assert 5 * max(forward[name][1] for name in few) < forward["linear fc2"][1] > fastest / 5
assert forward["attention"][1] < forward["linear fc2"][1]

# %% [markdown]
# A laptop is a small GPU: another scale, the same picture. The large product, `fc2`, does more than a fifth of what the processor
# could (how much, is printed above), and more than attention, whose products are small. Norms, softmax and GELU have less than a fifth
# of an operation per byte, and do less than a fifth of what `fc2` does. To the left of the [ridge](../docs/glossary.md#ridge) an op
# may lie above the lower slope, where what 16 images need fits into a cache: that is one reason for
# [shards](../docs/glossary.md#shard). No op has to reach its roof: a roofline says what is possible, not what is done.
#
# *Sources.* Williams, Waterman and Patterson 2009, "Roofline: An Insightful Visual Performance Model"; NVIDIA 2022, "NVIDIA
# H100 Tensor Core GPU Architecture" (numbers as announced; later boards have a higher clock and 3.35 TB/s); Dao et al. 2022,
# "FlashAttention"; Ivanov et al. 2021, "Data Movement Is All You Need".

# %% [markdown]
# ## 8 The numbers on the slides
#
# A course on attention and ViT shows hundreds of numbers on its slides. `mv.cost.slides()` has most of them, in 210 rows: one for each
# number that can be computed, and one for each line of a table that can only be quoted. (What is left out stands in its
# docstring.) It says what comes out:
#
# | verdict | |
# |---|---|
# | right | the same |
# | rounded | less than one step of the last digit away: rounded up, down, or cut |
# | wrong unit | right, if read in the unit that is meant |
# | wrong | else |
# | quoted | what only a measurement or a paper can say; where to look it up |
#
# **Predict.** Of 112 that are computed, how many are not right as they stand?

# %%
slides = mv.cost.slides()
verdicts = "right", "rounded", "wrong unit", "wrong", "quoted"
counts = {verdict: len(slides.only(verdict).rows) for verdict in verdicts}
print(slides.summary())
assert sum(counts.values()) == len(slides.rows) == 210 and counts["quoted"] == 98
assert counts["wrong unit"] == 19 and counts["wrong"] == 16
assert counts["right"] + counts["rounded"] == 112 - 35
slides.only("wrong")

# %% [markdown]
# 35: sixteen are wrong, nineteen have a wrong unit. The wrong ones:
#
# - $56^2 \times 4^2$ is a misprint of $56^4$. It is 196 times less.
# - ViT-Large has 304 M parameters with patches of 16, 307 M with patches of 32, whose embedding is larger. Two rows print 307 M for
#   patches of 16; the paper prints one number for both.
# - Base and Large of the Transformer have 6 + 6 layers. With one table of 37,000 tokens they have 63.1 and 214.2 M parameters; the
#   paper's 65 and 213 M would need two different vocabularies, of 40,700 and 35,800.
# - XLNet has a fifth matrix in each layer, for relative positions: $13 D^2$, and 360 M in all. Its "340 M" is BERT's.
# - ResNet-50 has 4.09 G MACs in its convolutions and its head, LR-Net-50 4.03 in its layers; a table says 4.3 of both.
# - There is no H100 with 40 GB.
# - 60 × 10⁹, and four tensor cores in a subunit: section 7.
# - Five sources: ViT as a paper of CVPR 2020, where it never was, SAGAN in the year of its preprint, Swin and SwinIR elsewhere than they
#   appeared, CLIP under another author.

# %%
rows = slides.to_dict()
wrong = {topic: row for topic, row in rows.items() if row["verdict"] == "wrong"}
assert 56**4 == 196 * 56**2 * 4**2
millions = {
    topic: row["computed"] / 1e6
    for topic, row in rows.items()
    if "parameters" in topic and row["computed"]
}
assert [round(millions[f"ViT-Large (L/{P}): parameters"]) for P in (16, 32)] == [304, 307]
assert (
    sum(topic.startswith("ViT-L") and row["printed"] == "307" for topic, row in wrong.items())
    == 2
)
assert mv.create_model("transformer_base").config["vocab_size"] == 37_000
for name, exact, width, tokens in (
    ("Transformer-Base", 63.1, 512, 40_700),
    ("Transformer-Large", 214.2, 1024, 35_800),
):
    row, found = rows[f"{name}: parameters"], millions[f"{name}: parameters"]
    assert round(found, 1) == exact and row["printed"] in ("65", "213")
    assert round(37_000 + (int(row["printed"]) - found) * 1e6 / width, -2) == tokens

# %%
one_more = formulas.language_model_params(24, 1024, 32_000, relative=True)
assert one_more - formulas.language_model_params(24, 1024, 32_000) == 24 * (1024**2 + 2 * 1024)
assert round(one_more / 1e6) == round(millions["XLNet-Large: parameters"]) == 360
assert (
    rows["XLNet-Large: parameters"]["printed"] == "~" + rows["BERT-Large: parameters"]["printed"]
)
resnet = rows["ResNet-50: MACs"]
assert round(resnet["computed"] / 1e9, 2) == 4.09 and resnet["printed"] == "4.3"
assert sum(topic.startswith("Source of") for topic in wrong) == 5

# %%
slides.only("wrong unit")

# %% [markdown]
# Three kinds of mistakes, over and over. Eight powers of two: 768 GiB are $768 \cdot 2^{30}$ bytes, or 825 GB. Nine times MACs that
# are called FLOPs. And, twice, attention weights that are called parameters: those are learned and stored once, these are computed
# for each image anew.
#
# A fourth kind hides in digits: ViT-B/16 at 384 pixels has 55.48 G MACs, and the table says 55.4; ViT-L/16 has 191.07, and it says
# 190.7, which no rounding explains. A count without the class token fits both: 55.38 and 190.71.

# %%
meant = [row.meant for row in slides.only("wrong unit").rows]
kinds = (
    sum(unit.endswith("iB") for unit in meant),
    meant.count("G MACs"),
    sum("attention weights" in unit for unit in meant),
)
assert kinds == (8, 9, 2) and sum(kinds) == 19
large = {"embed_dim": 1024, "depth": 24, "mlp_dim": 4096}
for name, options, printed, found in (
    ("ViT-B/16 at 384", {}, "55.4", (55.38, 55.48)),
    ("ViT-L/16 at 384", large, "190.7", (190.71, 191.07)),
):
    without, counted = (
        formulas.vit_macs(img_size=384, class_token=token, **options) for token in (False, True)
    )
    assert (round(without / 1e9, 2), round(counted / 1e9, 2)) == found
    row = rows[f"{name}: MACs"]
    assert row["computed"] == without and row["printed"] == printed
assert slides.only("wrong unit").rows[0].computed == 768 * GIB and round(768 * GIB / 1e9) == 825


# %%
def folded(what, rows):
    summary = f"<summary>The {len(rows.rows)} that are {what}</summary>"
    return f"<details>{summary}{rows._repr_html_()}</details>"


right, quoted = slides.only("right", "rounded"), slides.only("quoted")
Markdown(folded("right or rounded", right) + folded("quoted", quoted))

# %% [markdown]
# "Rounded" is no blame, but it hides things: GPT-3's 175 B come out of 96 layers of width 12,288 with $12 D^2$ weights each and
# a vocabulary of 50,257 (and 2,048 positions), while Gopher's 280 B need $13 D^2$: with $12 D^2$ they are 258 B. And A100's 312 TFLOP/s are 108 SMs × 4 tensor cores × 512 × 1.41
# GHz. What is *quoted*: accuracies, images per second, days of training, and models that nobody can count from a slide. It is what the
# slide says, and the paper is where you can look it up.

# %%
by_paper = {}
for row in slides.only("quoted").rows:
    by_paper[row.source.split(",")[0]] = by_paper.get(row.source.split(",")[0], 0) + 1
print({paper: by_paper[paper] for paper in sorted(by_paper, key=by_paper.get, reverse=True)[:6]})
assert by_paper["Liu et al. 2021"] > by_paper["Touvron et al. 2021"] > 10
assert round(millions["Gopher: parameters"] / 1e3) == 280
assert round(millions["GPT-3: parameters"] / 1e3) == 175
assert round(formulas.language_model_params(80, 16_384, 32_000) / 1e9) == 258
gpt3 = formulas.language_model_params(96, 12_288, 50_257, positions=2048)
assert gpt3 == rows["GPT-3: parameters"]["computed"]
a100 = rows["A100: FP16/BF16, tensor cores"]["computed"]
assert a100 == formulas.peak_flops(108, 4, 512, 1_410_000_000) and round(a100 / 1e12) == 312

# %% [markdown]
# ### To do yourself
#
# 1. A tool adds up what it has a rule for, linear maps and convolutions, and does not see the two products inside attention. Which
#    share of the MACs does it find for ViT-B/16 at 224 pixels, and at 1024?
# 2. ViT-Large, 16 GiB, all at once: how many images, without and with recomputation?
# 3. In which format do 4,096 products of normally distributed numbers, added in that format, have an error of about 7 %?
# 4. Count a function of your own: `mv.cost.of(lambda q, k: q @ k.mT, q=(12, 197, 64), k=(12, 197, 64))`. How many FLOPs per
#    byte is that, and on which side of an H100's ridge?
#
# <details><summary>Answers</summary>
#
# 1. 95.9 %, which nobody notices, and 53.1 %. Tools that add up layers have no other way: the products are in no layer.
# 2. 32 and 248: the gain is larger than for ViT-Base, for there are twice as many blocks.
# 3. BF16.
# 4. 29.8 million MACs on 12 × (2 × 197 × 64 + 197²) numbers, 19.4 FLOPs per byte in float32: just left of the ridge of the
#    FP32 cores, at 20.
#
# </details>

# %%
for e, found in ((base, 0.959), (at_1024, 0.531)):
    linear = next(op.forward.macs for op in e.by_op() if op.name == "linear")
    assert round(linear / e.macs_forward, 3) == found
for how, most in (("none", 32), ("blocks", 248)):
    fits, not_any_more = (
        mv.cost.estimate("vit_large_patch16_224", batch=n, recompute=how).peak_whole_batch_bytes
        for n in (most, most + 1)
    )
    assert fits <= 16 * GIB < not_any_more
product = mv.cost.of(lambda q, k: q @ k.mT, q=(12, 197, 64), k=(12, 197, 64)).forward
per_byte = 2 * product.macs / (4 * 12 * (2 * 197 * 64 + 197**2))
assert product.macs == 29_805_312 and round(per_byte, 1) == 19.4
assert round(errors["bf16"]["low"].mean(0)[-1], 2) == 0.07
