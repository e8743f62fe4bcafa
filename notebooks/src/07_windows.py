# %% [markdown]
# # Hierarchy and windows
#
# A [Vision Transformer](04_vit.ipynb) has the same tokens, of the same width, in all of its blocks. This lecture builds one
# that is a pyramid, the Swin Transformer: small patches at first, that look at their neighbours only, and fewer and wider
# tokens from stage to stage. Each step is run, and so is its backward pass; at the end a small Swin is trained and looked into.
#
# 1. [Shrink and widen, or stay](#1-Shrink-and-widen,-or-stay): what a pyramid saves, and what it does not.
# 2. [Windows](#2-Windows): cut a map, attend, put it together; the weights, measured in caches.
# 3. [Why windows alone are not enough](#3-Why-windows-alone-are-not-enough), shown by gradients.
# 4. [The shift](#4-The-shift): the ugly detail at the edges, the roll, the mask, and what windows do that do not divide.
# 5. [Relative positions](#5-Relative-positions): a table for the ways from one token to another.
# 6. [Patch merging](#6-Patch-merging) and the pyramid: Swin-T, S and B, counted.
# 7. [A small Swin, trained](#7-A-small-Swin,-trained), and what CNN, ViT and Swin see by depth.
#
# Slides, paper and code do not have the same letters. Here, as in the code:
#
# | here | what it is | in the paper | on the slides |
# |---|---|---|---|
# | $Y \times X$ | rows and columns of a map, in tokens | $h \times w$ | $H \times W$ |
# | $M$ | side of a window; in code $M \times L$, if it is not square | $M$ | $M$ |
# | $W$ | windows of a map, $YX / M^2$ | | |
# | $N$ | tokens of a window, $M^2$ | $M^2$ | $M^2$ |
# | $C$ | width of a token (its channels); $D$ in the code of layers | $C$ | $C$ |
# | $H$ | heads | | |
# | $d_k$ | width of a head, $C / H$; $K$ in shapes | $d$ | $D$ |
# | $B$ | bias of relative positions; at the front of a shape, images of a batch | $B$ | $B$ |
#
# Two exercises belong to it. [`windows`](../minivit/course/exercises/windows.md) (cut, shift, mask, positions) has its answers in
# sections 2, 4 and 5, [`swin_block`](../minivit/course/exercises/swin_block.md) (the two layers) in sections 4 and 6. Their
# statements have all the formulas: who wants to find the code does them before reading it here.
#
# It takes less than a minute on two processors and needs no download. *Predict* means: write down a guess before you run the
# cell below. Every number that the text claims stands in an `assert`; they are the same on every machine, but for those of the
# training in section 7, which move by a few percent. Words in blue lead to the [glossary](../docs/glossary.md).

# %%
from timeit import repeat
from unittest import mock

import numpy as np
from IPython.display import Markdown

import minivit as mv
from minivit import ops, plot
from minivit.cost import formulas
from minivit.layers.patch_merging import PatchMerging
from minivit.layers.window_attention import WindowAttention, window_attention_in_full
from minivit.ops.relative_position import relative_position_index
from minivit.plot.lectures import windows as lecture
from minivit.plot.matrices import matrices
from minivit.plot.source import show_source

np.set_printoptions(precision=3, suppress=True)
MIB = 2**20

# %% [markdown]
# ## 1 Shrink and widen, or stay
#
# Things in images come in all sizes, from a button to a house. A convolutional net answers with a
# [hierarchy](../docs/glossary.md#hierarchical): every few layers it halves both sides of its map and doubles the width of
# its vectors. A ViT is [isotropic](../docs/glossary.md#isotropic). The two were drawn side by side
# [in lecture 4](04_vit.ipynb#5-What-is-built-in,-and-what-is-not); here is what they cost.
#
# Take the four maps of Swin-T on an image of 224 × 224 pixels, cut into patches of 4 × 4: 56 × 56 tokens of width 96, then 28 ×
# 28 of 192, 14 × 14 of 384, 7 × 7 of 768. **Predict.** On which of them is a 3 × 3 convolution dearest? An MLP? Attention of
# all with all?

# %%
STAGES = ((56, 96), (28, 192), (14, 384), (7, 768))
names = "3 × 3 convolution", "MLP", "attention", "of which all with all"
macs = {name: [] for name in names}
for side, C in STAGES:
    N, entries = side**2, formulas.attention_entries((side, side))
    everywhere = formulas.msa_macs((side, side), C)
    for name, number in zip(
        names, (9 * N * C**2, 8 * N * C**2, everywhere, 2 * entries * C), strict=True
    ):
        macs[name].append(number)
heads = [f"{side}² × {C}" for side, C in STAGES]
lines = [f"| millions of MACs | {' | '.join(heads)} |", "|-|-|-|-|-|"]
for name, row in macs.items():
    lines.append(f"| {name} | {' | '.join(f'{n / 1e6:,.0f}' for n in row)} |")
assert len({*macs["3 × 3 convolution"]}) == len({*macs["MLP"]}) == 1  # the same in all stages
pairs = macs["of which all with all"]
assert [pairs[i] // pairs[i + 1] for i in range(3)] == [8, 8, 8]
assert round(pairs[0] / macs["attention"][0], 2) == 0.94
Markdown("\n".join(lines))

# %% [markdown]
# Convolution and MLP cost the same on each: a quarter of the places, and four times the weights. That is the balance for which
# such nets halve and double. Attention of all with all is out of it. Its two products, scores and weighted sums, take
# $2 (YX)^2 C$: on each map eight times what they take on the next, and on the first 94 % of the layer.
#
# Work is not the worst. On the first map, one attention matrix has $56^4$ entries, 9.8 million. (One deck of slides has $56^2 \times
# 4^2 = 9.8$ M. It is a misprint: that product is 50,176.) Swin-T has two blocks of three heads there; attended all with all, backward
# would need six such matrices. **Predict.** How many MiB, for one image?

# %%
entries = formulas.attention_entries((56, 56))
assert entries == 56**4 == 9_834_496 and 56**2 * 4**2 == 50_176
first_stage = 2 * 3 * 4 * entries  # blocks, heads, bytes
print(f"{entries:,} entries; for 2 blocks of 3 heads {first_stage / MIB:.0f} MiB")
assert round(first_stage / MIB) == 225 and 56**4 == 256 * 14**4

# %% [markdown]
# 225 MiB, for one image and two of twelve blocks. Patches of 16 × 16 have 256 times fewer entries, but then nobody sees fine
# things: who finds and outlines objects wants the map of 56 × 56.
#
# *Sources.* Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows", section 1 and figure
# 1; He et al. 2016, "Deep Residual Learning for Image Recognition", section 3.3 (halve and double).

# %% [markdown]
# ## 2 Windows
#
# *To cut a map into windows is the first part of the exercise [`windows`](../minivit/course/exercises/windows.md):
# `minivit course start windows`. Try it before you read on.*
#
# Let each token look only at those in its own [window](../docs/glossary.md#window-attention), $M \times M$ tokens. First the
# cut. A map of 4 × 6 tokens, numbered, with one channel, and windows of 2 × 3:

# %%
numbers = np.arange(1.0, 25).reshape(1, 4, 6, 1)
windows, cut = ops.window_partition_forward(numbers, window_size=(2, 3))
assert windows.shape == (1, 4, 6, 1)  # batch, windows, tokens of a window, channels
assert windows[0, 1, :, 0].tolist() == [4, 5, 6, 10, 11, 12]
tiles = {f"window {w + 1}": windows[0, w].reshape(2, 3) for w in range(4)}
matrices({"map": numbers[0, :, :, 0], **tiles}, columns=5, shared=True)

# %%
show_source(
    ops.window_partition_forward, "B, Y, X, C = x.shape", "M, L =", "tiles =", "return tiles"
)

# %% [markdown]
# A side of $Y$ rows is split into $Y/M$ windows of $M$ rows; then the two axes that count windows go in front. It is a move of
# numbers, none is lost and none is added. (The op can do more: a shift, and zeros where windows do not divide the map. That is
# section 4.)
#
# **Predict.** What is the backward pass of a move?

# %%
show_source(ops.window_partition_backward)
together, _ = ops.window_reverse_forward(windows, map_size=(4, 6), window_size=(2, 3))
assert np.array_equal(together, numbers)  # the inverse
rng = np.random.default_rng(0)
dy = rng.standard_normal(windows.shape)
(dx,) = ops.window_partition_backward(dy, cut)
assert np.array_equal(dx, ops.window_reverse_forward(dy, map_size=(4, 6), window_size=(2, 3))[0])
assert np.isclose((dy * windows).sum(), (dx * numbers).sum())  # <dy, P x> = <P^T dy, x>

# %% [markdown]
# Where a number went, its gradient comes from, so it is the move back: put the windows together. As a matrix the move is a
# permutation $\Pi$, and $\Pi^\top = \Pi^{-1}$. Both are ops, and the backward of each is the forward of the other.
#
# Between the two stands attention as [lecture 2](02_attention.ipynb) left it. Nothing in it is new, the windows are one more axis
# in front, like the batch: scores are $(B, W, H, N, N)$, with $N = M^2$.
#
# **Predict.** A map of $Y \times X$ tokens has $(YX)^2$ weights in each head (on the slides $H^2 W^2$). And in windows, all windows
# together?

# %%
sides, C, M = np.array([7, 14, 28, 56]), 8, 7


def weights_kept(side, window):
    """The attention weights in the cache of a layer with one head, counted from their bytes."""
    layer = WindowAttention(C, 1, (side, side), window_size=window).init(0)
    x = np.random.default_rng(side).standard_normal((1, side, side, C), np.float32)
    _, cache = layer.forward(x)
    return mv.nbytes(cache.attn.attention.weights) // 4  # float32


everywhere = np.array([weights_kept(side, side) for side in sides.tolist()])
in_windows = np.array([weights_kept(side, M) for side in sides.tolist()])
assert np.array_equal(everywhere, sides**4)  # Y^2 X^2
assert np.array_equal(in_windows, M**4 * (sides // M) ** 2)
assert np.array_equal(in_windows, M**2 * sides**2)  # M^2 Y X
assert everywhere[-1] == 64 * in_windows[-1] and in_windows[-1] == 153_664
for side, all_of_them, inside in zip(sides, everywhere, in_windows, strict=True):
    print(f"{side:2} x {side:<2} {all_of_them:>9,} weights, in windows {inside:>7,}")

# %%
closed = {"one window: $Y^2 X^2$": sides**4, f"windows of {M} × {M}: $M^2 Y X$": M**2 * sides**2}
rings = zip(closed, ((sides, everywhere), (sides, in_windows)), strict=True)
lecture.weights_by_side(sides, closed, dict(rings))

# %% [markdown]
# $M^4 \cdot \frac YM \cdot \frac XM = M^2 YX$, in caches as on paper: linear in the area, and 64 times less on the map of 56 × 56.
# The multiplications of the two products shrink by the same factor; those of the whole layer, which has four projections as well,
# by 13.8 ([counted in lecture 6](06_costs.ipynb#2-Pixels,-patches,-windows)).
#
# **Predict.** Swin has $M = 7$ throughout. Of the four maps of section 1, which is dearest for attention in windows?

# %%
costs = [formulas.window_msa_macs((side, side), C, 7) for side, C in STAGES]
products = [2 * formulas.window_attention_entries((side, side), 7) * C for side, C in STAGES]
print("M MACs of the layer:", [round(n / 1e6) for n in costs])
print("of these the products:", [round(n / 1e6) for n in products])
assert [round(n / 1e6) for n in costs] == [145, 130, 123, 119]
assert [round(macs["attention"][stage] / 1e6) for stage in (0, 3)] == [2004, 119]
assert round(products[0] / costs[0], 1) == 0.2
assert round(formulas.msa_macs((56, 56), 96) / costs[0], 1) == 13.8
assert costs[3] == formulas.msa_macs((7, 7), 768)  # one window: nothing is saved

# %% [markdown]
# Still the first, but not by much any more: 145 to 119 in place of 2,004 to 119, and the products are a fifth of it or
# less. The balance is back.
#
# *Sources.* Liu et al. 2021, section 3.2, equations 1 and 2.

# %% [markdown]
# ## 3 Why windows alone are not enough
#
# What is given up? Tokens of two windows never meet, however many blocks there are. Do not believe it: ask the gradient. What
# has no say in an output gets no gradient from it; what has a say gets one, but for accidents. So: four blocks on a map of 16 ×
# 16 tokens in windows of 4 × 4; a random gradient at *one* token of the last output; and backward, block by block.
#
# **Predict.** Where will it have arrived after one block? After four? And in the lower row, where every second block has its
# windows moved by two tokens?


# %%
def gradients(layers, x, place):
    """Sizes of the gradient of one output token: before the last layer, the last two, ..."""
    caches, maps = [], []
    for layer in layers:
        x, cache = layer.forward(x)
        caches.append(cache)
    dx = np.zeros_like(x)
    dx[(0, *place)] = np.random.default_rng(0).standard_normal(x.shape[-1])
    for layer, cache in zip(reversed(layers), reversed(caches), strict=True):
        dx = layer.backward(dx, cache)
        maps.append(np.abs(dx[0]).sum(-1))
    return maps


token, rows, edges = (6, 9), {}, {}
four = {"embed_dim": 16, "depths": (4,), "num_heads": (2,), "dtype": "float64", "seed": 0}
x = np.random.default_rng(0).standard_normal((1, 16, 16, 16))
for name, shifted in (("windows stay", False), ("every second moves", True)):
    blocks = mv.create_model("swin_tiny_patch2_32", shifted=shifted, **four).layers[0].blocks
    rows[name] = gradients(blocks, x, token)
    edges[name] = [(4, block.attn.cut["shift_size"][0]) for block in blocks[::-1]]

# %%
assert edges["every second moves"] == [(4, 2), (4, 0), (4, 2), (4, 0)]
reached = {name: [np.count_nonzero(it) for it in maps] for name, maps in rows.items()}
assert reached["windows stay"] == [16, 16, 16, 16]
assert reached["every second moves"] == [16, 64, 144, 256]
titles = [f"{n} block{'s' * (n > 1)} back" for n in range(1, 5)]
title = "Who has a say in the token that is marked"
lecture.gradient_maps(rows, titles, start=token, edges=edges, title=title)

# %% [markdown]
# Without a shift it is 16 tokens after any number of blocks, and the white is not small but 0: this is sixteen nets that share
# their weights and do not know of each other, and nobody sees a thing that lies across an edge. With the shift, it is 16, 64,
# 144, and all 256 after four blocks. How much arrives is another question: in places at the rim, less than a ten-thousandth of
# what arrives in the middle.
#
# (One deck of slides has windows that shift "progressively across the image". They do not wander: they take turns between two
# places.)
#
# What is it worth? For Swin-T the paper measured, with and without, how many images are classified right (ImageNet; top-5: the
# right class is among the first five), how well objects are found and outlined (COCO; box AP and mask AP), and how well each pixel is
# named (ADE20k; mIoU). 100 is perfect in all:

# %%
quoted = {row.topic: row.printed for row in mv.cost.slides().only("quoted").rows}
imagenet, coco, ade = "ImageNet top-1, top-5", "COCO box AP, mask AP", "ADE20k mIoU"
lines = [f"| Swin-T, in % | {imagenet} | {coco} | {ade} |", "|-|-|-|-|"]
for name in ("without shifting", "with shifted windows"):
    lines.append(f"| {name} | {quoted[f'Swin-T: {name}'].replace(';', ' |')} |")
assert quoted["Swin-T: without shifting"].startswith("80.2")
assert quoted["Swin-T: with shifted windows"].startswith("81.3")
smallest = rows["every second moves"][3].min() / rows["every second moves"][3].max()
assert 1e-5 < smallest < 1e-4
Markdown("\n".join(lines))

# %% [markdown]
# A point in ImageNet, and nearly three in finding objects. (Quoted. What shift and positions are worth to small Swins on CIFAR-10 is a
# question of [Training better](11_training_better.ipynb#9-What-it-is-worth,-measured-here).)
#
# *Sources.* Liu et al. 2021, section 3.2, figure 2 and table 4.

# %% [markdown]
# ## 4 The shift
#
# *Shift and mask are the second part of the exercise [`windows`](../minivit/course/exercises/windows.md). The layer of all this,
# whose code stands before "Windows that do not divide the map", is the first part of
# [`swin_block`](../minivit/course/exercises/swin_block.md).*
#
# [Shifted windows](../docs/glossary.md#shifted-windows): moved by half a window, $\lfloor M/2 \rfloor$ tokens down and to the
# right, windows lie across the edges of the ones before. And here comes the ugly detail: they do not fit any more. **Predict.** A
# map of 8 × 8 tokens and windows of 4 × 4, moved by 2. How many pieces, and of which sizes?

# %%
tokens = np.arange(64).reshape(8, 8)
bands = np.split(tokens, [2, 6], axis=0)
pieces = [piece.shape for band in bands for piece in np.split(band, [2, 6], axis=1)]
print(pieces)
assert len(pieces) == 9 and pieces.count((4, 4)) == 1
assert pieces.count((2, 4)) == pieces.count((4, 2)) == 2 and pieces.count((2, 2)) == 4
assert (56 // 7 + 1) ** 2 == 81 and (14 // 7 + 1) ** 2 / (14 // 7) ** 2 == 2.25

# %% [markdown]
# Nine pieces in place of four windows, and only one of them is whole. Fill the others up, and there are $(Y/M + 1)(X/M + 1)$
# windows: on Swin-T's third map, 14 × 14, nine for four, 2.25 times the work. The paper's trick: roll the map, up and to the
# left, until the moved windows lie where the plain ones were. What leaves at the top comes back at the bottom.


# %%
data = mv.data.shapes(n_train=8000, n_test=500, seed=0)
image = data.train.images[17]


def roll(shift=2):
    return lecture.moved_windows(image, 4, shift, patch_size=4)


plot.frames(roll, shift=[0, 1, 2, 3])

# %% [markdown]
# As many windows as before. But look at the corner at the bottom right: its window holds four pieces that are no neighbours, one
# from each corner of the image, put together along the dashed seam. **Predict.** If nobody forbids it, who has a say in the
# token at the top left?

# %%
layer = WindowAttention(8, 2, (8, 8), window_size=4, shift_size=2).init(0, "float64")
x = rng.standard_normal((1, 8, 8, 8))
with mock.patch.object(WindowAttention, "mask", None):
    careless = gradients([layer], x, (0, 0))
leak = {"first token": [it[0] for it in (careless, gradients([layer], x, (0, 0)))]}
strangers, piece = (it > 0 for it in leak["first token"])
assert strangers.sum() == strangers[np.ix_([0, 1, 6, 7], [0, 1, 6, 7])].sum() == 16
assert piece.sum() == piece[:2, :2].sum() == 4
both = {"first token": [(4, 2), (4, 2)]}
titles = ["without a mask", "with the mask"]
title = "One layer of attention with a shift"
lecture.gradient_maps(leak, titles, start=(0, 0), edges=both, title=title)

# %% [markdown]
# ### The mask
#
# All four corners. So strangers are forbidden to look at each other, by a [mask](../docs/glossary.md#mask): their score is
# $-\infty$, their weight 0. Who is a stranger? Number the nine pieces; in a window, those with one number are neighbours.

# %%
show_source(ops.window_regions)
show_source(ops.shifted_window_mask)
plot.shifted_regions((8, 8), 4, 2)

# %% [markdown]
# Along each side there are three parts (`_parts` writes 0, then 1 into the last $M$ places, then 2 into the last
# $\lfloor M/2 \rfloor$): far from the seam, before it, behind it; and so there are up to nine regions. A window
# inside has no stranger; at the right and at the bottom there are two groups each, and in the corner four. Only windows at the
# edge have anything to forbid. **Predict.** Which part of all pairs is allowed, here and on the map of 56 × 56?

# %%
mask = ops.shifted_window_mask((8, 8), 4, 2)
sizes = (8, 4), (56, 7)
allowed = [ops.shifted_window_mask((Y, Y), M, M // 2).mean() for Y, M in sizes]
assert mask.shape == (4, 16, 16) and allowed[0] == 0.75**2  # three quarters along each side
assert round(allowed[1], 2) == 0.88
assert np.array_equal(mask, mask.swapaxes(1, 2))  # it is mutual
assert mask[0].all() and mask[3].sum() == 4 * 4**2  # inside; four groups of four in the corner
assert len(np.unique(ops.window_regions((8, 8), 4, 2))) == 9
for (Y, M), share in zip(sizes, allowed, strict=True):
    print(f"{Y} x {Y} in windows of {M}: {share:.0%} of the pairs in windows are allowed")

# %% [markdown]
# ### The literal twin
#
# Roll, cut, mask, put together, roll back: is that what the paper's picture shows, attention inside nine pieces? Here is the
# slow version that cannot be wrong: *full* attention over all tokens of the map, and an explicit matrix, $-\infty$ for all pairs
# but those of one piece. It has $(YX)^2$ scores, so it is for this page.

# %%
show_source(window_attention_in_full)
y, cache = layer.forward(x)
off = np.abs(y - window_attention_in_full(layer, x)).max()
print("windows = full attention with a mask, to 1e-12:", off < 1e-12)
assert off < 1e-12

# %%
piece = np.array([0, 0, 1, 1, 1, 1, 2, 2])  # of each row, and of each column
of_token = (3 * piece[:, None] + piece).ravel()
together = of_token[:, None] == of_token  # (64, 64): may look at each other
rolled, _ = ops.window_partition_forward(
    np.arange(64.0).reshape(1, 8, 8, 1), window_size=4, shift_size=2
)
members = rolled[0, :, :, 0].astype(int)
for window, its_mask in zip(members, mask, strict=True):
    assert np.array_equal(together[np.ix_(window, window)], its_mask)
assert together.sum() == mask.sum()  # and nobody else

# %% [markdown]
# Equal, and the mask is the one that is written down from the nine pieces by hand. Forward and backward of the layer:

# %%
show_source(WindowAttention.forward)
show_source(WindowAttention.backward)

# %% [markdown]
# Read it upwards: undo the putting together, undo attention, undo the cut. The roll is inside the two moves: rolled up by 2
# forward, down by 2 backward. The mask has no backward of its own. A weight of 0 passes no gradient, because softmax's is
# $w_i (\bar w_i - \sum_j w_j \bar w_j)$, and $w_i = 0$. (timm and the official code add $-100$ in place of $-\infty$; softmax
# makes less than $10^{-43}$ of that.) All of it at once, against differences:

# %%
mv.check.check_layer(layer, x)  # silent: right
dy = rng.standard_normal(y.shape)
dx = layer.backward(dy, cache)
(dh,) = ops.window_reverse_backward(dy, cache.reverse)
assert np.array_equal(dh, ops.window_partition_forward(dy, window_size=4, shift_size=2)[0])
assert np.exp(-100) < 1e-43
strangers = cache.attn.attention.weights[0, 3, :, ~mask[3]]
assert strangers.size and np.all(strangers == 0)

# %% [markdown]
# ### Windows that do not divide the map
#
# Published models have maps that windows divide; yours may not. The official code for classification refuses such a map. timm and
# transformers fill it up with zeros at the bottom and on the right until windows do divide it. But timm **rolls, then fills up**;
# transformers **fills up, then rolls**. Take a row of seven tokens, 1 to 7, in windows of four, moved by two. One place has to be
# filled up, and its 0 ends up elsewhere. The third matrix has the regions that the mask is made of: who may look at whom.

# %%
seven = np.arange(1.0, 8).reshape(1, 1, 7, 1)
cut = {"window_size": (1, 4), "shift_size": (0, 2)}
orders = {}
for name, pad_first in (("timm", False), ("transformers", True)):
    windows, _ = ops.window_partition_forward(seven, **cut, pad_first=pad_first)
    orders[name] = windows[0, :, :, 0]
regions = ops.window_regions((1, 7), **cut)
matrices({**orders, "regions": regions + 1}, title="Each row is a window of four places")

# %%
assert orders["timm"].tolist() == [[3, 4, 5, 6], [7, 1, 2, 0]]
assert orders["transformers"].tolist() == [[3, 4, 5, 6], [7, 0, 1, 2]]
assert regions.tolist() == [[0, 0, 0, 0], [1, 1, 2, 2]]
off = {}
for grid in (6, 7):
    sizes = {"img_size": 2 * grid, "patch_size": 2, "window_size": 4, "num_classes": 5}
    images = np.random.default_rng(1).standard_normal((1, 2 * grid, 2 * grid, 3))
    sizes |= {"embed_dim": 8, "depths": (2,), "num_heads": (2,), "dtype": "float64", "seed": 0}
    a, b = (
        mv.models.Swin(**sizes, windows_like=like).forward(images)[0]
        for like in ("timm", "transformers")
    )
    off[grid] = np.abs(a - b).max() / np.abs(a).max()
    print(f"{grid} x {grid} in windows of 4: logits differ by {off[grid]:.0%} of the largest")
assert off[6] < 1e-12 and off[7] > 0.01

# %% [markdown]
# Compare the second windows with their regions, 2 2 3 3. In transformers' order they fit: 7 and a zero are one group, 1 and 2, from
# the other end of the row, are another. timm has the same mask, but its windows are 7 1 | 2 0: tokens 7 and 1, from opposite ends,
# look at each other, and the neighbours 1 and 2 do not.
#
# The two numbers are of whole models with the same weights. On a map of 7 × 7 the two orders give other logits. On 6 × 6 they
# give the same: two places are filled up, as many as the shift is long, and then the windows are 1 2 | 0 0 and 0 0 | 1 2, the same
# groups in another place. (Zeros may be looked at like tokens in both libraries.) Neither order is wrong for weights that were
# trained with it, so the model has an option: `windows_like`.
#
# *Sources.* Liu et al. 2021, section 3.2, figure 4. The two orders: timm's `swin_transformer.py` and transformers'
# `modeling_swin.py`; outputs of both are fixtures of the tests.

# %% [markdown]
# ## 5 Relative positions
#
# **Exercise.** [`windows`](../minivit/course/exercises/windows.md): `minivit course start windows`. Its last part is what follows,
# the bias and its backward; the other parts are in sections 2 and 4. Try it before you read on.
#
# A ViT adds a vector for each place, an *absolute* [position](../docs/glossary.md#position-embedding). Swin adds none.
# What it adds is to the scores, a number for each pair that depends on how the two lie to each other, a [relative position
# bias](../docs/glossary.md#relative-position-bias):
#
# $$\operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{d_k}} + B\right) V, \qquad B \in \mathbb{R}^{M^2 \times M^2} .$$
#
# ($d_k$ is the width of a *head*. Slides write $\sqrt D$, and elsewhere $D$ for the width of a token; divided by the root of that,
# scores would be smaller by $\sqrt H$.) Are the $M^4$ numbers of $B$ learned? No: between two tokens of a window there are at most
# $2M - 1$ ways up or down and as many left or right, so each head learns a table of $(2M - 1)^2$, and $B$ reads from it.
#
# **Predict.** A window of 2 × 2 has the tokens 1 2 / 3 4, and its table nine entries, 0 to 8, row by row: from *one row up, one
# column to the left* (query minus key) to *one down, one to the right*. Which entry does query 1 read for key 1? Query 1 for key
# 4? Query 4 for key 1?

# %%
two = relative_position_index(2, 2)
by_hand = [[4, 3, 1, 0], [5, 4, 2, 1], [7, 6, 4, 3], [8, 7, 5, 4]]
assert two.tolist() == by_hand
three = relative_position_index(3, 3)
assert three[0].tolist() == [12, 11, 10, 7, 6, 5, 2, 1, 0]
assert np.all(np.diag(two) == 4) and np.all(np.diag(three) == 12)  # itself: the middle
assert np.all(two + two.T == 8) and np.all(three + three.T == 24)  # there and back
title = "Which entry is read (rows: queries; columns: keys)"
matrices({"2 × 2": two, "3 × 3": three}, digits=0, numbered=True, title=title)

# %% [markdown]
# Query 1 reads the middle, 4, for itself; entry 0 for key 4, which lies below and to the right, so from it to the query it is up
# and to the left; and query 4 reads 8. The way there and the way back add up to the largest number. Entries are numbered
# by $(\Delta y + M - 1)(2M - 1) + (\Delta x + M - 1)$:

# %%
show_source(relative_position_index)
show_source(ops.relative_position_bias_forward, "bias =")
M = 7
assert (2 * M - 1) ** 2 == 169 and M**4 == 2401
swin = mv.create_model("swin_tiny_patch4_window7_224")
tables = [
    param for name, param in swin.named_params().items() if name.endswith("position_bias_table")
]
assert {param.shape[0] for param in tables} == {169}
assert sum(param.size for param in tables) == 169 * 138 == 23_322
assert 197 * 768 == 151_296  # positions of ViT-B/16

# %% [markdown]
# 169 numbers for 2,401 pairs; all of Swin-T's tables together have 23,322, where a ViT-Base has 151,296 in its positions.
#
# ### The same everywhere
#
# All windows read the same table, so attention does not know where on the map a window lies. **Predict.** Roll a map of 8 × 8 to
# the right by four tokens, the side of a window. Does a layer without shift give its old output, rolled by four as well? And if the
# map is rolled by one, the old output rolled by one?

# %%
plain = WindowAttention(8, 2, (8, 8), window_size=4).init(0, "float64")
changed = {}
for by in (4, 1):
    rolled_before = plain.forward(np.roll(x, by, axis=2))[0]
    rolled_after = np.roll(plain.forward(x)[0], by, axis=2)
    changed[by] = np.abs(rolled_before - rolled_after).max()
    print(f"rolled by {by}, before or after the layer: largest difference {changed[by]:.2g}")
assert changed[4] < 1e-14 and changed[1] > 0.1

# %% [markdown]
# By four: yes, each window has gone to the place of another, and is treated as before. By one: no, for other tokens share a window
# now. A convolution gives its old output, moved, for a move by *any* number of places; windows give it for moves by whole windows
# only.
#
# Are positions worth it, and which? What the paper measured for Swin-T:

# %%
kinds = (
    "no positions",
    "absolute positions",
    "absolute and relative positions",
    "relative positions without appearance",
    "relative positions",
)
lines = [f"| Swin-T, in % | {imagenet} | {coco} | {ade} |", "|-|-|-|-|"]
lines += [f"| {kind} | {quoted[f'Swin-T: {kind}'].replace(';', ' |')} |" for kind in kinds]
top = [float(quoted[f"Swin-T: {kind}"][:4]) for kind in kinds]
assert top == [80.1, 80.5, 81.3, 79.3, 81.3] and round(top[4] - top[3], 1) == 2
Markdown("\n".join(lines))

# %% [markdown]
# Relative ones: 1.2 points on ImageNet more than none, and absolute ones beside them gain nothing, and lose in finding and
# outlining objects. "Without appearance" has no queries and keys, only the softmax of $B$: each token gets a mean of its window with
# weights that are the same for every image. It is two points behind, not fifty. All of them are options of the model:
# `relative_position="bias"`, `"none"` or `"only"`, and `ape=True`.
#
# ### Backward
#
# An entry that many pairs have read gets the *sum* of their gradients, over all windows and images as well. **Predict.** In a
# window of 3 × 3, how many pairs read the middle of the table? And a corner?

# %%
readers = np.bincount(three.ravel(), minlength=25).reshape(5, 5)
assert np.array_equal(readers, np.outer([1, 2, 3, 2, 1], [1, 2, 3, 2, 1]))  # (M - |dy|)(M - |dx|)
assert readers.sum() == 9**2 and readers[2, 2] == 9 and readers[0, 0] == 1
title = "Pairs that read each entry"
matrices({"rows: Δy from −2 to 2; columns: Δx": readers}, digits=0, title=title)

# %% [markdown]
# All nine tokens read the middle, for themselves; a corner is read by one pair. With loops, the backward pass is its definition:


# %%
def bias_backward_loops(dbias, window_size):
    """The gradient (P, H) of the table, from that of the bias (H, N, N)."""
    index = relative_position_index(*window_size)
    dtable = np.zeros((index.max() + 1, len(dbias)), dbias.dtype)
    for h in range(len(dbias)):
        for n in range(len(index)):
            for m in range(len(index)):
                dtable[index[n, m], h] += dbias[h, n, m]  # it was read from there
    return dtable


table = rng.standard_normal((35, 2))
_, cache = ops.relative_position_bias_forward(table, window_size=(3, 4))
dbias = rng.standard_normal((2, 12, 12))
(dtable,) = ops.relative_position_bias_backward(dbias, cache)
assert np.allclose(dtable, bias_backward_loops(dbias, (3, 4)), atol=1e-13)
show_source(ops.relative_position_bias_backward, "index =", "dtable", "for h")

# %% [markdown]
# The mistake that everybody makes once: `dtable[index] += dbias`. **Predict.** What does NumPy do where an index comes twice?

# %%
index = relative_position_index(3, 4)
wrong = np.zeros_like(dtable)
wrong[index] += dbias.transpose(1, 2, 0)
added = np.zeros_like(dtable)
np.add.at(added, index, dbias.transpose(1, 2, 0))
assert np.allclose(added, dtable, atol=1e-13)
print(f"+= is off by {np.abs(wrong - dtable).max():.1f}, np.add.at by nothing")
assert np.abs(wrong - dtable).max() > 1
single = dbias.astype(np.float32)  # in float32: who rounds less?
(counted,) = ops.relative_position_bias_backward(single, cache)
one_by_one = bias_backward_loops(single, (3, 4))
exact = bias_backward_loops(single.astype(float), (3, 4))
errors = [np.abs(it - exact).max() for it in (counted, one_by_one)]
assert counted.dtype == one_by_one.dtype == np.float32 and errors[0] < errors[1]

# %% [markdown]
# It writes one of them and forgets the others. `np.add.at` adds them all, and so does `np.bincount`, which counts with weights;
# the latter adds in float64 whatever it is given, and so rounds less. **Predict.** Which is faster, for twelve heads in a window of
# 7 × 7? `np.add.at` may add whole rows of the table, as above, or head by head.

# %%
index, dbias = relative_position_index(7, 7), rng.standard_normal((12, 49, 49)).astype(np.float32)
_, cache = ops.relative_position_bias_forward(np.zeros((169, 12), np.float32), window_size=7)


def by_rows():
    np.add.at(np.zeros((169, 12), np.float32), index, dbias.transpose(1, 2, 0))


def by_heads():
    sums = np.zeros((12, 169), np.float32)
    for h in range(12):
        np.add.at(sums[h], index.ravel(), dbias[h].ravel())


def by_bincount():
    ops.relative_position_bias_backward(dbias, cache)


fastest = {
    f.__name__: min(repeat(f, number=5, repeat=20)) / 5 for f in (by_bincount, by_heads, by_rows)
}
print({name: f"{1e6 * seconds:.0f} µs" for name, seconds in fastest.items()})
assert fastest["by_rows"] > 1.5 * fastest["by_bincount"]

# %% [markdown]
# By rows, several times slower; head by head, with a NumPy of today, less than twice as fast, and minivit takes the one
# that rounds less. (Microseconds move from machine to machine; the assert asks for the first only.)
#
# In the layer, the gradient of the scores is summed over images and windows before it comes here, for all read the same table;
# between strangers it is 0. Of its backward, in section 4, these lines do it:

# %%
show_source(WindowAttention.backward, "if ", "dbias", "dtable")

# %% [markdown]
# *Sources.* Liu et al. 2021, section 3.2, equation 4, and table 4; Shaw, Uszkoreit and Vaswani 2018, "Self-Attention with
# Relative Position Representations"; Raffel et al. 2020, "Exploring the Limits of Transfer Learning", section 2.1 (a number for
# each distance, added to the scores).

# %% [markdown]
# ## 6 Patch merging
#
# **Exercise.** [`swin_block`](../minivit/course/exercises/swin_block.md): `minivit course start swin_block`. Its first part is the
# layer of section 4, its second patch merging. Try it before you read on.
#
# Between two stages stands the step that makes the pyramid, [patch merging](../docs/glossary.md#patch-merging): 2 × 2 neighbours
# are put side by side, four times the channels, and a linear map makes half of that. A map of 4 × 4 with one channel:

# %%
numbers = np.arange(1.0, 17).reshape(1, 4, 4, 1)
merged, cut = ops.merge_patches_forward(numbers)
assert merged.shape == (1, 2, 2, 4)
assert merged[0, 0, 0].tolist() == [1, 5, 2, 6]  # down first, then to the right
matrices({"map": numbers[0, :, :, 0], "merged: a row for each token": merged.reshape(4, 4)})

# %% [markdown]
# Down first: 1, 5, 2, 6. No formula asks for that order; the published weights do. **Predict.** What is its backward pass? Is there a
# name in convolutional nets for "$2 \times 2$ neighbours, one matrix from $4C$ to $2C$"?

# %%
show_source(ops.merge_patches_backward)
dy = rng.standard_normal(merged.shape)
(dx,) = ops.merge_patches_backward(dy, cut)
assert np.isclose((dy * merged).sum(), (dx * numbers).sum())
assert dx[0, 1, 0, 0] == dy[0, 0, 0, 1]  # number 5: the second of the first token

C = 3
x, W = rng.standard_normal((2, 6, 8, C)), rng.standard_normal((4 * C, 2 * C))
merged, _ = ops.merge_patches_forward(x)
kernel = W.reshape(2, 2, C, 2 * C).transpose(1, 0, 2, 3)  # (right, down) becomes (row, column)
convolved, _ = ops.conv2d_forward(x, kernel, np.zeros(2 * C), stride=2)
assert np.allclose(merged @ W, convolved, atol=1e-12)
print("merge, then a matrix", (merged @ W).shape, "= 2 x 2 convolution with stride 2")

# %% [markdown]
# Every number goes back to where it came from: a permutation again. And merging and matrix together are a convolution with a kernel
# of 2 × 2 and stride 2. (Slides speak of a 1 × 1 convolution: that is the matrix alone, on the merged map.) What stands between the
# two in the code, and in no sentence of the paper, is a layer norm over the $4C$ numbers:

# %%
show_source(PatchMerging.forward)
show_source(PatchMerging.backward)
mv.check.check_layer(PatchMerging(3).init(0, "float64"), x)
half, _ = PatchMerging(96).init(0).forward(np.zeros((1, 56, 56, 96), np.float32))
assert half.shape == (1, 28, 28, 192) and 2 * half.size == 56 * 56 * 96
assert ops.merge_patches_forward(np.ones((1, 3, 5, 1)))[0].shape == (1, 2, 3, 4)
assert swin.patch_embed.proj.weight.shape == (4, 4, 3, 96) and 4 * 4 * 3 == 48

# %% [markdown]
# A quarter of the tokens, twice the width: half of the numbers. Odd maps get a row or a column of zeros. The first stage has
# nothing to merge; it begins as a ViT does, with patches, here of 4 × 4 pixels, and a linear map from 48 numbers to 96.
#
# The blocks are those of the ViT: norm, attention, add; norm, MLP, add. Only attention is another. With W-MSA for plain windows
# and SW-MSA for shifted ones, two in a row are
#
# $$\hat z^l = \text{W-MSA}(\text{LN}(z^{l-1})) + z^{l-1}, \qquad z^l = \text{MLP}(\text{LN}(\hat z^l)) + \hat z^l,$$
# $$\hat z^{l+1} = \text{SW-MSA}(\text{LN}(z^l)) + z^l, \qquad z^{l+1} = \text{MLP}(\text{LN}(\hat z^{l+1})) + \hat z^{l+1} .$$
#
# Its backward is that of the [residual path](03_transformer.ipynb#2-The-residual-path). One forward, read from its cache: how the
# windows of each block are cut, and the shape of its weights, $(B, W, H, N, N)$.

# %%
small = mv.create_model("swin_tiny_patch2_32", seed=0)
images = mv.train.normalize(image[None], data.mean, data.std)
logits, cache = small.forward(images)
for number, stage in enumerate(cache.layers, 1):
    for block in stage.blocks:
        cut, weights = block.attn.partition, block.attn.attn.attention.weights
        way = "SW-MSA" if any(cut.shift_size) else "W-MSA"
        print(
            f"stage {number}: {cut.map_size[0]:2} x {cut.map_size[1]:<2} {way:6}", weights.shape
        )
assert {type(block) for stage in small.layers for block in stage.blocks} == {mv.layers.Block}
shifts = [[b.attn.partition.shift_size[0] for b in stage.blocks] for stage in cache.layers]
assert shifts == [[0, 2], [0, 2, 0, 2], [0, 0]]  # where one window is the map, nothing moves

# %%
plot.pyramid(image, small)

# %% [markdown]
# ### Swin-T, S and B
#
# The published sizes: depths 2, 2, 6, 2 (T) and 2, 2, 18, 2 (S, B), widths from 96 (T, S) or 128 (B), a head for every 32
# numbers, an MLP four times as wide. **Predict.** In which stage are most of the parameters? Counted, beside the figures that
# the paper prints:

# %%
lines = ["| | parameters | printed | MACs | printed | in stages 1, 2, 3, 4 |", "|-|-|-|-|-|-|"]
exact, printed = {}, mv.cost.slides().to_dict()
for letter, name in (("T", "tiny"), ("S", "small"), ("B", "base")):
    net = mv.create_model(f"swin_{name}_patch4_window7_224")
    macs = mv.cost.estimate(net, batch=1).macs_forward  # the model's own code is run
    sizes = {key: net.config[key] for key in ("embed_dim", "depths")}
    assert macs == formulas.swin_macs(**sizes)  # the closed form
    exact[letter] = net.num_params, macs
    stages = [sum(param.size for param in stage.params) for stage in net.layers]
    shares = " ".join(f"{size / net.num_params:.0%}" for size in stages)
    M, G = (
        printed[f"Swin-{letter} at 224: {what}"]["printed"] for what in ("parameters", "MACs")
    )
    counted = f"| Swin-{letter} | {net.num_params:,} | {M}M | {macs:,} | {G}G | {shares} |"
    lines.append(counted)
assert exact["T"] == (28_288_354, 4_490_566_656)
assert exact["S"] == (49_606_258, 8_740_875_264)
assert exact["B"] == (87_768_224, 15_430_946_816)
Markdown("\n".join(lines))

# %% [markdown]
# Most parameters are where the tokens are few and wide, in stages 3 and 4. The printed figures are these, rounded, but for two
# things. What is called FLOPs is MACs; FLOPs are twice as many. And 28.29 million are 28, not 29. (It is 29 in the
# table of the paper; 28 in the list of models that comes with the official code.)
#
# What that buys, in the paper's figures: images per second on one GPU (V100), and accuracy on ImageNet. Beside ViTs stand RegNetY,
# convolutional nets with a pyramid whose widths and depths come from a search (Radosavovic et al. 2020); 4G and 16G are their MACs.

# %%
speed = {row.split(": ")[1]: text for row, text in quoted.items() if row.startswith("Speed")}
nets = "RegNetY-4G", "DeiT-S", "Swin-T", "RegNetY-16G", "DeiT-B", "Swin-B"
lines = ["| at 224 × 224 | G MACs | images/s | top-1, % |", "|-|-|-|-|"]
claimed = {}
for net in nets:
    topic = f"{net}: MACs" if net.startswith("RegNet") else f"{net} at 224: MACs"
    claimed[net] = printed[topic]["printed"]
    lines.append(f"| {net} | {claimed[net]} | {speed[f'{net} at 224'].replace(';', ' |')} |")
top = {net: float(speed[f"{net} at 224"].split(";")[1]) for net in nets}
assert top["Swin-T"] == 81.3 and round(top["Swin-T"] - top["DeiT-S"], 1) == 1.5
assert round(top["Swin-B"] - top["DeiT-B"], 1) == 1.7
gains = top["Swin-T"] - top["RegNetY-4G"], top["Swin-B"] - top["RegNetY-16G"]
assert np.round(gains, 1).tolist() == [1.3, 0.6]
assert [speed[f"{net} at 224"].split(".")[0] for net in ("Swin-T", "DeiT-S")] == ["755", "940"]
assert [*claimed.values()] == ["4.0", "4.6", "4.5", "16.0", "17.5", "15.4"]
Markdown("\n".join(lines))

# %% [markdown]
# At about the MACs of a DeiT, which is a ViT with a [better training](11_training_better.ipynb), Swin-T is 1.5 points better and Swin-B 1.7; beside the
# convolutional nets it is 1.3 and 0.6. With almost the MACs of DeiT-S, Swin-T was slower: 755 images a second against 940, and 1,157
# of RegNetY-4G. To cut, to roll and to put together counts no MAC, and takes time.
#
# And the maps of all sizes, that finding objects wants? In one and the same detector (Cascade Mask R-CNN), with each of three nets
# below it:

# %%
lines = ["| COCO, in % | box AP | mask AP |", "|-|-|-|"]
found = {}
for name, row in (("ResNet-50", "R50"), ("DeiT-S", "DeiT-S"), ("Swin-T", "Swin-T")):
    boxes, masks, *_ = quoted[f"COCO: Cascade with masks, {row}"].split("; ")
    found[name] = float(boxes.split(", ")[0])
    lines.append(f"| {name} | {found[name]} | {masks.split(', ')[0]} |")
assert round(found["Swin-T"] - found["DeiT-S"], 1) == 2.5
Markdown("\n".join(lines))

# %% [markdown]
# 2.5 points of box AP more than the isotropic DeiT-S, of whose one map the others have to be made afterwards. That is what the
# pyramid is for.
#
# Others have built pyramids, too: MViT and its successor pool queries, keys and values inside attention; Swin V2 normalises
# queries and keys, and makes the table of positions by a small net, so that it fits any window.
#
# *Sources.* Liu et al. 2021 (ICCV; most slides say CVPR), sections 3.1 and 3.3, equation 3, tables 1 and 2; Radosavovic et al. 2020,
# "Designing Network Design Spaces"; Fan et al. 2021, "Multiscale Vision Transformers"; Li et al. 2022, "MViTv2"; Liu et al. 2022,
# "Swin Transformer V2".

# %% [markdown]
# ## 7 A small Swin, trained
#
# ### What is seen, by depth
#
# The [receptive field](../docs/glossary.md#receptive-field) of a token, measured as in section 3, on a map of 32 × 32. Four nets
# with eight layers that mix places: 3 × 3 convolutions that keep the map; the same with patch merging after the second and the
# sixth; blocks of a Swin with the same pyramid, in windows of 4 × 4; and the blocks of a ViT, which are those of a Swin whose one
# window is the map. **Predict.** Which sees everything first? How far do the plain convolutions come?


# %%
class Conv(mv.layers.Layer):
    """A 3 × 3 convolution with a random kernel."""

    def __init__(self, C):
        self.kernel = np.random.default_rng(0).standard_normal((3, 3, C, C), np.float32)

    def forward(self, x, rng=None):
        return ops.conv2d_forward(x, self.kernel, np.zeros(len(x.T), np.float32), padding=1)

    def backward(self, dy, cache):
        return ops.conv2d_backward(dy, cache).x


# %%
def swin_layers(**options):
    net = mv.create_model("swin_tiny_patch2_32", img_size=64, embed_dim=8, seed=0, **options)
    return [layer for stage in net.layers for layer in (stage.downsample, *stage.blocks)]


merge = [PatchMerging(C).init(0) for C in (8, 16)]
nets = {
    "3 × 3 convolutions": [Conv(8)] * 8,
    "3 × 3, in a pyramid": [Conv(8)] * 2
    + [merge[0], *[Conv(16)] * 4]
    + [merge[1], *[Conv(32)] * 2],
    "Swin": swin_layers(num_heads=(1, 2, 4)),
    "ViT": swin_layers(depths=(8,), num_heads=(1,), window_size=32),
}

# %%
x = np.random.default_rng(0).standard_normal((1, 32, 32, 8), np.float32)
fields = {}
for name, layers in nets.items():
    fields[name], sides = [], 32
    for last, layer in enumerate(layers):
        if isinstance(layer, PatchMerging):
            sides //= 2
        elif isinstance(layer, (Conv, mv.layers.Block)):
            middle = (sides // 2, sides // 2)
            fields[name].append(gradients(layers[: last + 1], x, middle)[-1])
seen = {name: [np.count_nonzero(field) for field in each] for name, each in fields.items()}
for name, counts in seen.items():
    print(f"{name:26}", *counts)
assert seen["3 × 3 convolutions"] == [(2 * L + 1) ** 2 for L in range(1, 9)]
assert seen["ViT"] == [1024] * 8
lecture.seen_by_depth(seen, 32 * 32)

# %%
some = {name: [fields[name][depth - 1] for depth in (1, 2, 4, 6)] for name in [*nets][1:]}
titles = [f"{depth} deep" for depth in (1, 2, 4, 6)]
assert seen["3 × 3 convolutions"][-1] == 289 and seen["3 × 3, in a pyramid"][-2:] == [900, 1024]
assert seen["Swin"] == [16, 64, 256, 576, 784, 1024, 1024, 1024]
lecture.gradient_maps(
    some, titles, start=(16, 16), title="What a token in the middle sees, by depth"
)

# %% [markdown]
# The ViT sees all at once; Swin after six blocks, the convolutional pyramid after eight layers, and without a pyramid a
# convolution is at 289 of 1024 by then. Swin stands between the two: what is near comes first, as in a convolution, and a few
# blocks and merges later all is seen. But not alike: at the rim of such a field arrives little. A field is what *can* be seen.
#
# ### Training
#
# The small Swin that fits here has patches of 4 × 4, two stages of two blocks, maps of 8 × 8 and 4 × 4, windows of 4 × 4, and
# width 32, then 64. It sees 8,000 images twice. (The ViT of [lecture 5](05_training_vit.ipynb#1-Training-it,-here) saw them three
# times.)

# %%
recipe = mv.train.Recipe(
    model="swin_tiny_patch2_32",
    options={"patch_size": 4, "embed_dim": 32, "depths": (2, 2), "num_heads": (2, 4)},
    epochs=2,
    batch_size=16,
    lr=4e-3,
    crop_padding=0,
    flip=False,
    seed=0,
)
trainer = mv.train.Trainer(recipe, data)
model, rows = trainer.model, [*trainer.run()]
assert model.num_params == 95_478 and len(rows) == 1000
assert rows[-1].test_score > 0.75
plot.learning_curves(rows, least=trainer.task.least_loss(data))

# %% [markdown]
# About 84 % of the test images, and still on its way. (`minivit train --model swin_tiny_patch2_32` is the larger one, and
# longer: [training](../docs/training.md#a-swin-transformer). A ViT, a Swin and a Mixer trained for the same time stand side by side in
# [the next lecture](08_no_attention.ipynb#6-Training-one).)
#
# Where does it look? Below, how much each token is looked at by the tokens of its window, in the two blocks of the first stage;
# lines are the windows' edges. **Predict.** A shape lies across the edges of four windows. How can four windows agree on what it is?

# %%
pixels = data.test.images[:3]
_, cache = model.forward(mv.train.normalize(pixels, data.mean, data.std))
for block in cache.layers[0].blocks:
    assert np.allclose(block.attn.attn.attention.weights.sum(-1), 1, atol=1e-5)
plot.attention_in_windows(pixels, cache, stage=0)

# %% [markdown]
# In the first block they cannot: in each, its own part of the shape is looked at. In the second, the shift has made a window in
# the middle that holds most of the shape at once; there tokens look about more evenly. Do the two blocks differ like that in more
# images than three? Of each of 200 images take the 16 of 64 tokens that stand out most from the background, and measure how much
# they are looked at. 1 is the mean of all tokens: whoever looks at everything alike gives that.

# %%
many = data.test.images[:200]
_, cache = model.forward(mv.train.normalize(many, data.mean, data.std))
light = ops.patchify_forward(many.astype(np.float32), patch_size=4)[0].mean(2)  # (200, 64)
contrast = np.abs(light - np.median(light, axis=1, keepdims=True))
stands_out = contrast.argsort(1)[:, -16:]
on_shape = []
for block in cache.layers[0].blocks:
    falls = block.attn.attn.attention.weights.mean(2).sum(-2)  # (B, W, N)
    places, _ = ops.window_reverse_forward(falls[..., None], **block.attn.partition._asdict())
    on_shape.append(np.take_along_axis(places.reshape(200, 64), stands_out, axis=1).mean())
print(f"windows {on_shape[0]:.2f}, shifted windows {on_shape[1]:.2f} times the mean")
assert on_shape[0] > 1.2 and on_shape[0] > on_shape[1]

# %% [markdown]
# They do. In the first block the shape gets nearly twice its share of attention (1.9 when this was written), in the second hardly
# more than its share (1.1). It looks as if the first block finds out, inside of each window, where the shape is, and the second
# mixes what four windows have found.
#
# What have the heads learned of positions? Around each token (+), how much is added to the score of a key there:

# %%
plot.relative_position_biases(model, stage=0, block=0)

# %%
tables = [block.attn.relative_position_bias_table.value for block in model.layers[1].blocks]
ways = np.mean([table.reshape(7, 7, -1).mean(-1) for table in tables], axis=0)
rim = np.ones((7, 7), bool)
rim[1:-1, 1:-1] = False
near, far = ways[2:5, 2:5].mean(), ways[rim].mean()
print(f"stage 2, mean bias: {near:+.2f} for the token and its neighbours, {far:+.2f} at the rim")
assert near > far
plot.relative_position_biases(model, stage=1, block=0)

# %% [markdown]
# A scale from -0.4 to 0.4 is little beside scores that decide. In the second stage near tokens count for a little more than far
# ones, on average; no head shows it clearly. In a thousand steps no more has become of it.
#
# **Predict.** Take away from the trained net, one after the other: the biases; the mask; the shift (with its mask). Which does it
# miss most?

# %%
attns = [block.attn for stage in model.layers for block in stage.blocks]


def score():
    return (trainer.probabilities(data.test.images).argmax(1) == data.test.labels).mean()


whole, kept = score(), [attn.cut for attn in attns]
scores, before = {"as it is": whole}, model.state_dict()
for attn in attns:
    attn.relative_position_bias_table.value[...] = 0
scores["no biases"] = score()
model.load_state_dict(before)
with mock.patch.object(WindowAttention, "mask", None):
    scores["no mask"] = score()
for attn in attns:
    attn.cut = attn.cut | {"shift_size": (0, 0)}
scores["no shift"] = score()
for attn, cut in zip(attns, kept, strict=True):
    attn.cut = cut
assert score() == whole
print({name: f"{value:.1%}" for name, value in scores.items()})

# %% [markdown]
# The shift, by far: without it what was learned to come across the edges does not come. The mask matters less, perhaps because
# strangers come from the rim, which here is mostly background. The biases are hardly missed. But this asks what a net misses that
# was trained with a thing; whether one trained without it would be worse is another question. The paper's table 4, quoted
# above, is about that one, and so are the small Swins of [Training
# better](11_training_better.ipynb#9-What-it-is-worth,-measured-here).

# %%
assert scores["no shift"] < whole - 0.05 and scores["no shift"] < scores["no mask"]
assert scores["no biases"] > whole - 0.05

# %% [markdown]
# *Sources.* Liu et al. 2021, table 4; Luo et al. 2016, "Understanding the Effective Receptive Field in Deep Convolutional
# Neural Networks" (at the rim arrives little).
#
# ### To do yourself
#
# 1. Swin on images of 448 × 448: by which factor do its attention weights grow, and by which would those of attention of all with
#    all?
# 2. On a map of 8 × 8 in windows of 4 × 4, how many pairs of tokens may look at each other in a block without shift, in one
#    with, and in full attention?
# 3. A table is for windows of 7 × 7, and you want windows of 12 × 12. How many rows must it have, and what could stand in them?
# 4. Exchange `(1, 0)` and `(0, 1)` in patch merging, in forward and backward. Which test finds that? Does the model train worse?
# 5. Let the window grow in place of the shift: can four blocks with windows of 2 × 2, 4 × 4, 8 × 8 and 16 × 16 see a map of 16
#    × 16? What is lost?
#
# <details><summary>Answers</summary>
#
# 1. By 4, as the area; by 16.
# 2. 64 · 16 = 1,024; 576, as 0.5625 of the pairs are allowed; 64 · 64 = 4,096.
# 3. 23 · 23 = 529. The old ones, resampled as a picture of 13 × 13, as is done with position embeddings.
# 4. None that knows only forward and backward, for the pair stays a permutation and its inverse. One against published weights
#    does: the same numbers meet other rows of the matrix. Trained from the start, the model is as good, for the rows of a
#    matrix that is drawn at random may stand in any order.
# 5. Yes, the last block alone sees all. Lost is what windows are for: the weights of the last are $(YX)^2$ again.
#
# </details>

# %%
big, usual = ((side // 4, side // 4) for side in (448, 224))
assert formulas.window_attention_entries(big, 7) == 4 * formulas.window_attention_entries(
    usual, 7
)
assert formulas.attention_entries(big) == 16 * formulas.attention_entries(usual)
pairs = [ops.shifted_window_mask((8, 8), 4, shift).sum() for shift in (0, 2)]
assert pairs == [64 * 16, 576] == [1024, 0.5625 * 1024] and 64 * 64 == 4096
assert (2 * 12 - 1) ** 2 == 529
assert formulas.window_attention_entries((16, 16), 16) == 16**4
