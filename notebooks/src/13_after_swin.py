# %% [markdown]
# # After Swin
#
# Swin ended one question, how a Transformer can have a pyramid, and began many. This lecture steps through the nets that stood
# beside it and came after it in 2021: PVT and MViT, which ask fewer keys in other ways; Swin V2, which is Swin made fit to grow; and
# five nets without attention that began where [MLP-Mixer](08_no_attention.ipynb) stopped. Their ideas are small, one or two each. We
# take each by itself, run it, run it backwards, and ask what it is worth, or where it leaks.
#
# 1. [Fewer keys](#1-Fewer-keys): PVT, and its second version, which needs no table of positions.
# 2. [Pooling](#2-Pooling): MViT, and each change on the way to its second version.
# 3. [Growing](#3-Growing): Swin V2: depth, sharp heads, larger windows.
# 4. [What MLPs can do](#4-What-MLPs-can-do): ResMLP, gMLP, S²-MLP, CycleMLP.
# 5. [What each of them sees](#5-What-each-of-them-sees), by depth, and what each costs.
# 6. [Questions](#6-Questions), with answers.
#
# **On the slides.** Two decks have one slide for all "other hierarchical Vision Transformers", with a figure of each and no
# formula, in this order: MViT, Swin V2, Improved MViT. (The last is the first title of MViTv2, under which it was on arXiv in
# December of 2021; it was published in 2022. And Swin itself, which both decks place at CVPR, was at ICCV 2021.) One of the two has
# a slide of references to what came with and after Mixer: ResMLP, Mixer, gMLP, S²-MLP, CycleMLP, titles only. A third deck
# announces PVT in its contents, and then has no slide of it. So all that follows is what these slides leave out.
#
# | here | what it is | in the papers |
# |---|---|---|
# | $N$, $S$ | tokens of a map, $Y \times X$, that ask; places that are asked (keys) | $hw$ (PVT); $L$, $\tilde L$ (MViT) |
# | $D$, $H$ | width of a token; heads; in costs $C$ is the width | $C$, $N$ heads (PVT); $D$, $h$ (MViT) |
# | $R$ | side of the places that become one key | $R$ (PVT) |
# | $E$ | scores of relative positions | $E^{(\text{rel})}$ (MViTv2) |
# | $t$ | logarithm of the scale of cosines | $1/\tau = e^t$ (Swin V2) |
# | $M$ | side of a window | $M$ |
#
# It takes about half a minute on two processors and needs no download. *Predict* means: write down a guess before you run the cell
# below. Every number that the text claims stands in an `assert`; they are the same on every machine. Figures of papers are marked as
# quoted. Words in blue lead to the [glossary](../docs/glossary.md).

# %%
import numpy as np
from IPython.display import Markdown

import minivit as mv
from minivit import ops, plot
from minivit.cost import formulas
from minivit.layers import SelfAttention
from minivit.layers.affine import Affine
from minivit.layers.basic import Linear
from minivit.layers.block import Block, PostNormBlock, ResPostNormBlock
from minivit.layers.cosine_window_attention import CosineWindowAttention, log_spaced_offsets
from minivit.layers.cycle_mlp import CycleFC
from minivit.layers.gmlp_block import SpatialGatingUnit
from minivit.layers.pooling_attention import PoolingAttention
from minivit.layers.res_mlp_block import ResMlpBlock
from minivit.layers.sequence import run, run_backward
from minivit.layers.spatial_reduction import SpatialReductionAttention
from minivit.layers.spatial_shift import SplitShift
from minivit.layers.split_attention import SplitAttention
from minivit.layers.window_attention import WindowAttention
from minivit.look import influence
from minivit.ops.heads import multi_head_attention_backward
from minivit.ops.relative_logits import relative_index
from minivit.ops.shift_channels import cycle_offsets, spatial_shifts
from minivit.ops.spatial_gating import spatial_gating_loops

# %%
from minivit.plot.family_tree import IDEAS, family_tree
from minivit.plot.lectures import after_swin as lecture
from minivit.plot.lectures import no_attention
from minivit.plot.matrices import matrices
from minivit.plot.source import show_source

np.set_printoptions(precision=3, suppress=True)


def table(head, rows):
    """A table in Markdown, its first column in words, the others numbers."""
    lines = [f"| {' | '.join(head)} |", f"|-|{'-:|' * (len(head) - 1)}"]
    return Markdown("\n".join(lines + [f"| {' | '.join(map(str, row))} |" for row in rows]))


def shapes(steps):
    return table(["", "shape"], [(name, array.shape) for name, array in steps.items()])


# %% [markdown]
# ## 1 Fewer keys
#
# ### What a hierarchy is for
#
# [Lecture 7](07_windows.ipynb#1-Shrink-and-widen,-or-stay) has the reason: whoever finds and outlines objects wants maps of all
# sizes, down to a place for every 4 × 4 pixels, and on that map all with all is too much: 56 × 56 tokens of an image of 224 pixels
# are 3,136, and their pairs nearly ten million. Three answers were on arXiv between February and April of 2021, and all three let
# each token ask *fewer keys*. Swin asks neighbours. PVT asks everybody, but many as one. MViT does the same by pooling. On a map of
# 16 × 16:

# %%
side = 16
row, column = np.indices((side, side))
place = row * side + column + 1
near = (row // 4 == 2) & (column // 4 == 1)
centre = ((row + 1) % 4 < 3) & ((column + 1) % 4 < 3) & (row < 15) & (column < 15)
regions = {
    "all with all": place,
    "Swin: a window": np.where(near, place, 0),
    "PVT: 4 × 4 as one": 4 * (row // 4) + column // 4 + 1,
    "MViT: 3 × 3, stride 4": np.where(centre, 4 * ((row + 1) // 4) + (column + 1) // 4 + 1, 0),
}
keys = [len(np.unique(numbers[numbers > 0])) for numbers in regions.values()]
assert keys == [256, 16, 16, 16]
lecture.who_is_asked(regions, (9, 6))

# %% [markdown]
# The same number of keys, 16 of 256, in three ways: a few places in full, all of them blurred, and all of them blurred with gaps:
# in the last, the token with the cross asks others, and its own place is in no key. (The gaps are no mistake of the drawing. We
# come back to them in section 2.)
#
# ### Spatial reduction, step by step
#
# PVT (Pyramid Vision Transformer) has four stages like Swin, each with patches, a table of positions and blocks. What is new stands
# in its attention, [spatial reduction attention](../docs/glossary.md#spatial-reduction-attention). Queries are those of all places.
# Keys and values are made of a smaller map:
#
# $$Q = X W^Q, \qquad [K, V] = \operatorname{SR}(X)\, W^{KV}, \qquad
#   \operatorname{SR}(X) = \operatorname{Norm}(\operatorname{patches}_R(X)\, W^S),$$
#
# with $R \times R$ places of $D$ numbers side by side, and $W^S$ of $R^2 D \times D$. **Predict.** The shapes, for a map of 8 × 8,
# $D$ = 8, two heads, $R$ = 4.

# %%
rng = np.random.default_rng(0)
D, H, R = 8, 2, 4
x = rng.standard_normal((1, 8, 8, D))
layer = SpatialReductionAttention(D, H, sr_ratio=R).init(0, "float64")
steps = {"X": x, "Q": layer.q.forward(x)[0]}
steps["patches of X"] = ops.patchify_forward(x, patch_size=R)[0]
W = layer.sr.weight.value.reshape(R * R * D, D)
steps["times W of SR, norm"], _ = layer.norm.forward(steps["patches of X"] @ W)
steps["K and V"], _ = layer.kv.forward(steps["times W of SR, norm"])
steps["Q in heads"], _ = ops.split_heads_forward(steps["Q"].reshape(1, 64, D), num_heads=H)
heads, _ = ops.split_heads_forward(steps["K and V"], num_heads=2 * H)
steps["K in heads"], steps["V in heads"] = np.split(heads, 2, axis=1)
mixed, c_attention = ops.attention_forward(*[steps[f"{it} in heads"] for it in "QKV"])
steps["weights"] = c_attention.weights
steps["Y"] = layer.proj.forward(ops.merge_heads_forward(mixed)[0])[0].reshape(x.shape)
y, cache = layer.forward(x)
assert np.allclose(steps["Y"], y, atol=1e-14)  # by hand = the layer
assert steps["weights"].shape == (1, H, 64, 4)  # 64 queries, and 64 / R^2 keys
shapes(steps)

# %%
lines = "c_q = self", "c_sr = self", "c_norm = self", "c_kv = self", "k, v =", "c_attention ="
show_source(SpatialReductionAttention.forward, *lines)
show_source(SpatialReductionAttention.backward)
mv.check.check_layer(layer, x)  # silent: right

# %% [markdown]
# Patches and a matrix are a convolution with stride $R$, which is how the code has it (`sr`); here they are written as in the
# paper. Backward has one thing that plain attention has not: $X$ went two ways, to the queries as it is and to the keys through the
# reduction, and so its gradient is the sum of both. (Pooling and the activation in it are for the second version, below.)
#
# ### What it costs
#
# The two products of attention have $N \cdot N / R^2$ pairs in place of $N^2$: $R^2$ times less, says the paper, and it has $R$ =
# 8, 4, 2, 1 in its four stages. **Predict.** The first stage of PVT-Small, 56 × 56 tokens of width 64. How many times cheaper is the
# whole layer than attention of all with all? And than windows of 8 × 8? The same on an image of 1024 × 1024 pixels, where the map is
# 256 × 256?


# %%
def reduced_macs(side, C, R):
    """Queries and output; the reduction; keys and values; scores and weighted sums."""
    N, S = side**2, (side // R) ** 2
    return 2 * N * C**2 + S * R**2 * C**2 + 2 * S * C**2 + 2 * N * S * C


def linear_macs(side, C, P=7):
    """The same with P x P keys, whatever the map: they are means, mapped by C x C."""
    return 2 * side**2 * C**2 + 3 * P**2 * C**2 + 2 * side**2 * P**2 * C


C, macs = 64, {"all with all": [], "windows of 8": [], "PVT, R = 8": [], "PVT v2, linear": []}
sides = [16, 32, 56, 128, 256]
for side in sides:
    grid = (side, side)
    macs["all with all"].append(formulas.msa_macs(grid, C))
    macs["windows of 8"].append(formulas.window_msa_macs(grid, C, 8))
    macs["PVT, R = 8"].append(reduced_macs(side, C, 8))
    macs["PVT v2, linear"].append(linear_macs(side, C))

# %%
counted = {name: [] for name in macs}
for side in sides:
    layers = (
        SelfAttention(C, 1),
        WindowAttention(C, 1, (side, side), window_size=8),
        SpatialReductionAttention(C, 1, sr_ratio=8),
        SpatialReductionAttention(C, 1, linear=True),
    )
    inputs = [(1, side**2, C), *[(1, side, side, C)] * 3]
    for name, it, shape in zip(macs, layers, inputs, strict=True):
        counted[name].append(mv.cost.of(it, x=shape).forward.macs)
assert counted == macs  # the closed forms are what the code does
at = {pixels: [numbers[i] for numbers in macs.values()] for pixels, i in ((224, 2), (1024, 4))}
assert [round(at[224][0] / n, 1) for n in at[224][1:]] == [17.0, 22.4, 28.5]
assert [round(at[1024][0] / n) for n in at[1024][1:]] == [342, 59, 581]
rows = [[f"{p} × {p} pixels", *[f"{n / 1e6:,.0f}" for n in it]] for p, it in at.items()]
table(["millions of MACs", *macs], rows)

# %%
tokens = np.array(sides) ** 2
curves = {name: np.array(numbers) for name, numbers in macs.items()}
no_attention.macs_by_tokens(tokens, curves, {"224 px": 56**2, "1024 px": 256**2})

# %% [markdown]
# At 224 pixels PVT's layer is 22 times cheaper than all with all (not 64: queries and output are projected as before), and cheaper
# than windows. At 1024 it is 59 times cheaper, but nearly six times as dear as windows: the orange, dashed line is straight and the
# green one bends up. With fixed $R$ it is still quadratic in the area, $2N^2C/R^2$. That is what the second version mends with its
# **linear** form: the map is averaged to 7 × 7 whatever its size. 49 keys, for every image.
#
# PVT v2's paper writes $\Omega(\text{SRA}) = 2h^2w^2C/R^2 + hwC^2R^2$ in its first equation. **Predict.** Is the second term, the
# convolution, right?

# %%
reduction = mv.cost.of(SpatialReductionAttention(C, 1, sr_ratio=8).sr, x=(1, 56, 56, C))
print(f"counted {reduction.forward.macs:,}; printed {56**2 * C**2 * 8**2:,}")
assert reduction.forward.macs == 56**2 * C**2
linear = SpatialReductionAttention(8, 1, linear=True).init(0)
for side in (14, 20):  # 49 keys, for every image
    _, cache = linear.forward(np.ones((1, side, side, 8), np.float32))
    assert cache.attention.weights.shape == (1, 1, side**2, 49)
assert 6 * at[1024][1] > at[1024][2] > 5.8 * at[1024][1]
names = "pvt_small", "pvt_v2_b2", "pvt_v2_b2_li", "swinv2_tiny_window8_256"
costs = {(name, px): mv.cost.estimate(name, img_size=px) for name in names for px in (224, 1024)}
rows = []
for name in names:
    both = costs[name, 224], costs[name, 1024]
    rows.append([f"`{name}`", *[f"{it.params / 1e6:.1f}" for it in both]])
    rows[-1] += [f"{it.macs_forward / 1e9:.1f}" for it in both]
assert [row[3:] for row in rows[:3]] == [["3.8", "138.8"], ["4.0", "143.4"], ["3.9", "76.9"]]
assert [row[1:3] for row in rows[:2]] == [["24.5", "32.2"], ["25.4", "25.4"]]
head = ["", "M parameters at 224", "at 1024", "G MACs at 224", "at 1024"]
table(head, rows)

# %% [markdown]
# No: a convolution whose stride is its kernel visits $hw/R^2$ places with $R^2 C^2$ weights, so it costs $hwC^2$, without $R^2$: 64
# times less than printed. In whole nets, beside their MLPs, linear attention saves little at 224 pixels and nearly half of the work
# at 1024. And look at the parameters: the first version grows by 7.7 million with the image. Those are its tables of positions.
#
# *Sources.* Wang et al. 2021, "Pyramid Vision Transformer", section 3.3 and table 1; Wang et al. 2022, "PVT v2: Improved Baselines
# with Pyramid Vision Transformer", section 3, equations 1 and 2.

# %% [markdown]
# ### Overlapping patches, and no table
#
# PVT v2 changes two more things, and drops one. Patches overlap: with a stride of $S$ the kernel is $2S - 1$ and there are $S - 1$
# zeros around. In the MLP, between its two matrices, a depthwise convolution of 3 × 3 looks at neighbours. Then the table of
# positions goes. How can a net without one know where a place is?
#
# **Predict.** Move what is seen by four pixels, two places of the first map of our small nets. In which columns is the map of the
# moved image the old one, moved? First for PVT, without and with its table; then for PVT v2, and after one, two and three of its
# MLPs.

# %%
show_source(mv.layers.DepthwiseMlp.forward, "c_fc1 =", "c_dwconv =", "c_act =", "c_fc2 =")
scene = rng.standard_normal((1, 32, 36, 3))
here, there = scene[:, :, 4:], scene[:, :, :32]  # the same things, four pixels further right
one = mv.create_model("pvt_tiny_patch2_32", seed=0, dtype="float64").stages[0]
two = mv.create_model("pvt_v2_tiny_32", seed=0, dtype="float64")
mlps = [block.mlp for block in (*two.stages[0].blocks, two.stages[0].blocks[0])]


def second_version(image, depth):
    h, _ = two.patch_embed.forward(image)
    for mlp in mlps[:depth]:
        h = h + mlp.forward(h)[0]
    return h


maps = {"PVT, patches": [one.patch_embed.forward(image)[0] for image in (here, there)]}
places = one.pos_embed.value.reshape(1, 16, 16, -1)
maps["PVT, table added"] = [h + places for h in maps["PVT, patches"]]
names = "PVT v2, patches", "and an MLP", "two MLPs", "three MLPs"
maps |= {name: [second_version(it, n) for it in (here, there)] for n, name in enumerate(names)}

# %%
differs = [np.abs(a[:, :, :-2] - b[:, :, 2:]).max((0, -1)) > 1e-9 for a, b in maps.values()]
columns = ["".join("x" if it.any() else "." for it in found.T) for found in differs]
for name, text in zip(maps, columns, strict=True):
    print(f"{name:18} {text}")
assert columns[:2] == ["." * 14, "x" * 14]
assert columns[2:] == ["x.............", "xx...........x", "xxx.........xx", "xxxx.......xxx"]
title = "Where the map of the moved image is not the old one, moved (blue)"
lecture.told_apart(differs, [*maps], title)

# %% [markdown]
# PVT's patches move with what is seen; its table does not, and after it nothing does. PVT v2 moves in the middle. Only what lies at
# an edge does not: there it has met the zeros around the map, one column further in with every convolution. (At the right the new
# map shows what the old one did not see.) So the zeros are what tells a place where it is. To see it without anything else, give it
# an image that is grey all over. **Predict.** Which places know that they are not in the middle?

# %%
grey = np.ones((1, 32, 32, 3))
known = []
for depth in range(4):
    h = second_version(grey, depth)
    known.append(np.abs(h - h[:, 8:9, 8:9]).max((0, -1)) > 1e-9)
assert [int(it.sum()) for it in known] == [31, 87, 135, 175]
flat, _ = one.patch_embed.forward(grey)
assert np.ptp(flat, axis=(1, 2)).max() < 1e-9  # PVT without its table: all alike
lecture.told_apart(known, [*names], "Who can tell, on a grey image, that it is not in the middle")

# %% [markdown]
# Rings, one place wider with each convolution, that tell how far away the edge is. It costs no number per place, and so an image
# may have another size. The first version refuses it:

# %%
larger = np.zeros((1, 48, 40, 3))
logits, _ = two.forward(larger)
assert logits.shape == (1, 10)
try:
    mv.create_model("pvt_tiny_patch2_32", dtype="float64").forward(larger)
    raise AssertionError("it has taken another size")
except ValueError as error:
    print(error)

# %% [markdown]
# What it is worth, quoted: PVT-Small 79.8 % of ImageNet, PVT v2-B2, of about the same size, 82.0 %, and with linear attention 82.1 %.
#
# *Sources.* Wang et al. 2022, section 3 and table 2; Islam, Jia and Bruce 2020, "How Much Position Information Do Convolutional
# Neural Networks Encode?" (zeros at the edge).

# %% [markdown]
# ## 2 Pooling
#
# **Exercise.** [`pooling_attention`](../minivit/course/exercises/pooling_attention.md): `minivit course start pooling_attention`.
# This section shows its answers.
#
# MViT (Multiscale Vision Transformers) was made for video, where tokens are many more; here it is for images. Its idea is one
# layer, [pooling attention](../docs/glossary.md#pooling-attention): queries, keys and values are made of all tokens first, split
# into heads, and then each is *pooled* as a map.
#
# $$Q = \operatorname{pool}_Q(X W^Q), \qquad K = \operatorname{pool}_K(X W^K), \qquad V = \operatorname{pool}_V(X W^V) .$$
#
# Pooled keys make attention cheaper, as in PVT. Pooled *queries* make what comes out smaller: the map shrinks inside attention, and
# no patch merging is needed between stages. Pooling is a depthwise convolution of 3 × 3, whose kernels all heads share, and a norm.
#
# **Predict.** The shapes, for a map of 8 × 8 from width 8 to 16, two heads, queries pooled with stride 2, keys and values with
# stride 4. How many weights does the pooling of keys have? Spatial reduction with $R$ = 4 would have $4^2 \cdot 16^2$ = 4,096.

# %%
sizes = {"stride_q": 2, "stride_kv": 4, "residual_pooling": False}
pooling = PoolingAttention(8, 16, 2, (8, 8), **sizes).init(0, "float64")
x = rng.standard_normal((1, 64, 8))
y, cache = pooling.forward(x)
steps = {"X": x, "times W": pooling.qkv.forward(x)[0]}
heads, _ = ops.split_heads_forward(steps["times W"], num_heads=6)
steps["Q of all"], steps["K of all"], steps["V of all"] = np.split(heads, 3, axis=1)
for name, stride in (("q", 2), ("k", 4), ("v", 4)):
    maps = steps[f"{name.upper()} of all"].reshape(2, 8, 8, 8)  # each head is a map of its own
    kernel = getattr(pooling, f"pool_{name}").weight.value
    pooled, _ = ops.conv2d_forward(maps, kernel, stride=stride, padding=1, groups=8)
    pooled, _ = getattr(pooling, f"norm_{name}").forward(pooled.reshape(1, 2, -1, 8))
    steps[f"{name.upper()} pooled"] = pooled
q, k, v = (steps[f"{name} pooled"] for name in "QKV")
E, _ = pooling.relative_logits(q)
mixed, _ = ops.attention_forward(q, k, v, E)
steps["Y"], _ = pooling.proj.forward(ops.merge_heads_forward(mixed)[0])
assert np.allclose(steps["Y"], y, atol=1e-14) and pooling.pool_k.weight.size == 3 * 3 * 8 == 72
assert (q.shape, k.shape, y.shape) == ((1, 2, 16, 8), (1, 2, 4, 8), (1, 16, 16))
shapes(steps)

# %%
show_source(PoolingAttention.backward)
mv.check.check_layer(pooling, x)

# %% [markdown]
# 72 weights: nothing is mixed but places. Read backward from the bottom: three maps are un-pooled, each to all 64 places, and their
# sum goes through one matrix. (What it says of `residual_pooling` and `relative_logits` is the second version. They come now.)
#
# ### A gap
#
# In the published nets kernels are 3 × 3, and keys of the first stage are pooled with a stride of 4. **Predict.** Which part of the
# 56 × 56 places of that stage has a say in a key?

# %%
small = mv.create_model("mvitv2_small", seed=0)
lasts = [stage.blocks[-1].attn for stage in small.stages]
assert [it.map_size[0] // it.kv_size[0] for it in lasts] == [4, 2, 1, 1]  # strides of keys
first = lasts[0]
ones = np.ones((1, 56, 56, first.pool_k.weight.shape[-1]), np.float32)
pooled, c_pool = first.pool_k.forward(ones)
back = first.pool_k.backward(np.ones_like(pooled), c_pool)
asked = np.abs(back[0]).sum(-1) > 0
assert pooled.shape[1:3] == (14, 14) and asked.sum() == 41**2 == 1681
assert round(asked.mean(), 3) == 0.536
print(f"{asked.sum()} of {asked.size} places: {asked.mean():.1%}")
print("rows:", "".join("x" if it.any() else "." for it in asked))

# %% [markdown]
# Little more than half. Every fourth row and column falls between two windows; those tokens ask, and think for themselves, but in the
# first stage nobody asks them. In the later stages, with strides of 2 and 1, windows overlap, and the gaps are closed.
#
# *Sources.* Fan et al. 2021, "Multiscale Vision Transformers", section 3.1; strides and kernels: the code of Li et al. 2022.

# %% [markdown]
# ### Positions by axis
#
# The first version has tables of positions. The second one has relative positions that the *query* decides: to the score of query
# $i$ and key $j$ is added $E_{ij} = q_i \cdot R_{ij}$, with a learned vector $R$ for every way. On a map of 56 × 56 there would be
# $(2 \cdot 56 - 1)^2$ ways. So it is decomposed: a vector for each way down and one for each way to the right, added up.
#
# $$R_{ij} = R^h_{y_i - y_j} + R^w_{x_i - x_j}$$
#
# **Predict.** How many vectors is that for 56 × 56? And is it the same as *some* full table?

# %%
Y = X = 4
q = rng.standard_normal((Y * X, 5))
R_h, R_w = rng.standard_normal((2, 2 * Y - 1, 5))
index = relative_index(Y, Y)
E, c_logits = ops.relative_logits_forward(q, R_h, R_w, row_index=index, column_index=index)
full = R_h[:, None] + R_w  # a vector for each of 7 x 7 ways
ways = full[index[:, None, :, None], index[None, :, None, :]]  # (Y, X, Y, X, 5): of each pair
in_full = np.einsum("yxk,yxuvk->yxuv", q.reshape(Y, X, 5), ways)
assert np.allclose(E, in_full.reshape(16, 16), atol=1e-12)
assert (2 * 56 - 1) ** 2 == 12_321 and 2 * (2 * 56 - 1) == 222
print("one vector for each way:", 111**2, " by axis:", 2 * 111)

# %%
show_source(ops.relative_logits_forward, "of_rows", "of_columns", "logits =")
y0, x0 = 1, 2
query = q[4 * y0 + x0]
down, right = (query @ R_h[index[y0]].T)[:, None], (query @ R_w[index[x0]].T)[None]
together = E[4 * y0 + x0].reshape(4, 4)
assert np.allclose(together, down + right)
assert max(np.linalg.matrix_rank(it.reshape(4, 4)) for it in E) == 2
parts = {"ways down": down, "ways to the right": right, "what it adds to the scores": together}
matrices(parts, digits=1, title="What one query, in row 2 and column 3, says of places")

# %% [markdown]
# 222 in place of 12,321, and it is the full table of all sums. What is lost? For each query its map is a column plus a row, of rank
# 2 at most: it can want "two rows up" or "left", or both together, but not "on a diagonal", nor "in a ring". (Softmax multiplies
# the two, so the weights are a product.) In the backward pass, a vector's gradient is a sum over all pairs with its way, as for
# [Swin's table](07_windows.ipynb#5-Relative-positions).
#
# Where keys are pooled, their places are further apart. The index then counts on the finer of the two maps. Below, rows are queries
# and columns are keys, along one axis of the map:

# %%
fewer = relative_index(4, 2)
assert index.tolist() == [[3, 2, 1, 0], [4, 3, 2, 1], [5, 4, 3, 2], [6, 5, 4, 3]]
assert fewer.tolist() == [[2, 0], [3, 1], [4, 2], [5, 3]]
mv.check.check_layer(PoolingAttention(8, 16, 2, (8, 8), stride_kv=4).init(1, "float64"), x)
title = "Which vector stands for the way"
matrices({"4 queries, 4 keys": index, "4 queries, 2 keys": fewer}, digits=0, title=title)

# %% [markdown]
# The paper's formula is $\operatorname{softmax}((QK^\top + E) / \sqrt{d})\, V$. The code, with which the published weights were
# trained, is $\operatorname{softmax}(QK^\top / \sqrt{d} + E)\, V$: it does not divide $E$. Who loads those weights must do as the
# code does, and so do we above.
#
# ### Residual pooling, and its gradient
#
# The second version adds the pooled queries to what attention has found, $Y = \operatorname{attention}(Q, K, V) + Q$. **Predict.**
# What does that change in the gradient of $Q$? Which of its two parts is longer, in an untrained layer?

# %%
residual = PoolingAttention(8, 16, 2, (8, 8), stride_q=2, stride_kv=4).init(0, "float64")
y, cache = residual.forward(x)
dy = rng.standard_normal(y.shape)
dh = residual.proj.backward(dy, cache.proj)
through_softmax = multi_head_attention_backward(dh, cache.attention).q
past_it, _ = ops.split_heads_forward(dh, num_heads=2)
ratio = np.linalg.norm(past_it) / np.linalg.norm(through_softmax)
print(f"the gradient past attention is {ratio:.0f} times as long as the one through it")
assert 2 < ratio < 4
show_source(PoolingAttention.backward, "if self.residual_pooling", "dheads")

# %% [markdown]
# Without the sum, queries hear of the loss through the softmax only; with it, also directly, and in this layer that part is the
# longer one, about three times. (And a shortcut leads around the whole layer, as in every block. It is pooled, too, by the largest
# number of a window.)
#
# ### From v1 to v2, one by one
#
# Where does the width double? In the first version in the *last MLP* of a stage, in the second in the *first attention* of the next.
# From the layers themselves, where it changes:

# %%
rows = []
for name in ("mvit_base_16", "mvitv2_small"):
    blocks = [block for stage in mv.create_model(name).stages for block in stage.blocks]
    for number, block in enumerate(blocks, 1):
        widths = block.norm1.weight.size, block.norm2.weight.size, block.mlp.fc2.weight.shape[-1]
        if len({*widths}) > 1:
            sides = f"{block.map_size[0]} → {block.out_size[0]}"
            rows.append([f"`{name}`", number, sides, *widths])
assert [row[1] for row in rows] == [1, 3, 14, 2, 4, 15]
assert all(row[3] == row[4] for row in rows[:3]) and all(row[4] == row[5] for row in rows[3:])
table(["", "block", "side of the map", "width in", "behind attention", "out"], rows)

# %% [markdown]
# Both begin with blocks of 1, 2, 11 and 2 for four stages, so one can be made of the other, option by option. **Predict.** Which
# step saves most? Which is free?

# %%
changes = {
    "MViT-B/16, the first version": {},
    "width grows in attention": {"expand_attn": True},
    "queries pooled in all blocks": {"pool_all_q": True},
    "residual pooling": {"residual_pooling": True},
    "relative positions": {"rel_pos_type": "spatial"},
    "no tables of positions": {"use_abs_pos": False, "sep_pos_embed": False},
    "no class token: MViTv2-S": {"use_cls_token": False},
}
_, options = mv.models.PRESETS["mvit_base_16"]
numbers = []
for change in changes.values():
    options = options | change
    cost = mv.cost.estimate(mv.models.MViT(**options))
    numbers.append((cost.params, cost.macs_forward, cost.activation_bytes))
last = mv.cost.estimate("mvitv2_small")
assert numbers[-1] == (last.params, last.macs_forward, last.activation_bytes)
assert numbers[0][:2] == (36_982_600, 7_809_333_696)
assert numbers[-1][:2] == (34_870_216, 6_959_715_072)

# %%
steps = np.diff([it[:2] for it in numbers], axis=0)
assert steps[0].tolist() == [-1_937_376, -868_976_640]  # the width
squares = sum((side**2 + 1) * width**2 for side, width in ((56, 96), (28, 192), (14, 384)))
assert steps[0, 1] == -10 * squares
assert steps[2].tolist() == [0, 0]  # residual pooling
assert (
    steps[3, 0] == 112_512 and steps[4, 0] == -301_152
)  # positions: relative ones in, tables out
assert steps[4, 0] == -(56 * 56 + 1) * 96
rows = [
    [name, f"{params:,}", f"{macs / 1e9:.3f}", f"{kept / 2**20:.1f}"]
    for name, (params, macs, kept) in zip(changes, numbers, strict=True)
]
table(["", "parameters", "G MACs", "MiB kept for backward"], rows)

# %% [markdown]
# Where the width grows saves a ninth of all multiplications, $10\, N d^2$ at the end of each stage but the last, of $N$ tokens of width
# $d$. Six of the ten: the queries, keys and values of the first attention of a stage are made on the map of the stage *before*, four
# times as many tokens, and now from vectors of half the width. The other four: the last MLP before it no longer widens. Residual pooling costs
# no multiplication and no parameter. What it is worth, quoted: 83.0 % for the first, 83.6 % for the second.
#
# *Sources.* Li et al. 2022, "MViTv2: Improved Multiscale Vision Transformers for Classification and Detection", section 4.1, and its
# code; Fan et al. 2021, section 3.2.

# %% [markdown]
# ## 3 Growing
#
# Swin V2 is Swin, of the same stages and windows, with three things changed because three things went wrong when it was made
# larger: numbers grew from block to block until training failed; a few pairs of tokens took all of the attention; and a model that
# was trained with small windows was bad with large ones.
#
# ### A norm behind what is found
#
# Blocks of a ViT and of Swin are [pre-norm](../docs/glossary.md#pre-norm): what they add is normalised *before* attention and MLP,
# and comes out as large as the weights make it. [Post-norm](../docs/glossary.md#post-norm) normalises the sum.
# [Res-post-norm](../docs/glossary.md#res-post-norm) normalises what is added, and leaves the path alone:
#
# $$x + f(\operatorname{LN}(x)), \qquad \operatorname{LN}(x + f(x)), \qquad x + \operatorname{LN}(f(x)) .$$
#
# **Predict.** Twenty-four blocks of each, untrained, on tokens of size 1. How large is what comes out? And if all weights are four
# times as large?

# %%
show_source(ResPostNormBlock.forward, "c_attn = self", "c_norm1 = self", "x = x + h")
kinds = {"pre-norm": Block, "post-norm": PostNormBlock, "res-post-norm": ResPostNormBlock}


def sizes_by_depth(kind, times, scale=1.0, depth=24):
    """Root mean square of 64 tokens of width 64 behind each block."""
    x, found = np.random.default_rng(1).standard_normal((1, 64, 64)), []
    for seed in range(depth):
        block = kind(64, 4).init(seed, "float64")
        for name, param in block.named_params().items():
            if "norm" in name and name.endswith("weight"):
                param.value = np.full_like(param.value, scale)
            elif name.endswith("weight"):
                param.value = times * param.value
        x, _ = block.forward(x)
        found.append(np.sqrt((x * x).mean()))
    return np.array(found)


sizes = {
    words: {name: sizes_by_depth(kind, times) for name, kind in kinds.items()}
    for words, times in (("weights as drawn", 1), ("four times as large", 4))
}
lecture.growth(sizes)

# %%
ends = {words: {name: it[-1] for name, it in rows.items()} for words, rows in sizes.items()}
once, four = ends.values()
assert 3 < once["pre-norm"] < 4 and round(four["pre-norm"] / once["pre-norm"]) == 21
assert np.isclose(once["post-norm"], 1, atol=1e-3) and np.isclose(four["post-norm"], 1, atol=1e-3)
bound = np.sqrt(1 + 2 * 24)  # 48 additions of size 1, if they have nothing to do with each other
assert bound == 7 and all(abs(it["res-post-norm"] - bound) < 0.5 for it in (once, four))
assert np.allclose(sizes_by_depth(ResPostNormBlock, 4, scale=0), 1, atol=0.05)
rows = [[words, *[f"{it:.1f}" for it in row.values()]] for words, row in ends.items()]
table(["behind 24 blocks", *kinds], rows)

# %% [markdown]
# With pre-norm, four times the weights make twenty times the numbers. Nothing holds them: training may make weights as large as it
# likes. The paper shows it of trained Swins, where the largest layer is $10^4$ times as large as the smallest, and the largest
# model did not finish. Res-post-norm does not ask how large weights are: each of $2L$ additions has size 1 (times the norm's
# scale), and if they have nothing to do with each other, that makes $\sqrt{1 + 2L}$, here $\sqrt{49} = 7$ (measured: 7.4). It
# grows, too, but by a law. (The paper says that it "does not accumulate"; with norms of scale 1 it does, as a root. In its code
# norms begin with scale 0, and an untrained block hands on what it is given: the last assert.) Post-norm does not grow at all, and
# pays for it [in its gradients](03_transformer.ipynb#5-Pre-norm-or-post-norm).
#
# *Sources.* Liu et al. 2022, "Swin Transformer V2: Scaling Up Capacity and Resolution", section 3.2, figures 1 to 3.

# %% [markdown]
# ### Cosines, and a clamp
#
# A score $q \cdot k$ grows with the lengths of both. One long query, and its softmax is a hard choice. Swin V2 has [cosine
# attention](../docs/glossary.md#cosine-attention): only directions count, and each head learns how sharp it wants to be.
#
# $$\operatorname{softmax}\!\left(\frac{\cos(Q, K)}{\tau} + B\right) V, \qquad \frac1\tau = e^{\min(t,\, \ln 100)} .$$
#
# Step by step: three queries of two numbers, the second of which is ten times the first. **Predict.** The weights of both kinds.

# %%
q = np.array([[[2.0, 1], [20, 10], [-1, 2]]])  # one head
k = np.array([[[1.0, 0], [0, 1], [1, 1]]])
v = np.eye(3)[None]
t = np.full((1, 1, 1), np.log(10))
unit_q, unit_k = (it / np.linalg.norm(it, axis=-1, keepdims=True) for it in (q, k))
cosines = unit_q @ unit_k.mT
weights, _ = ops.softmax_forward(np.exp(t) * cosines)
y, cache = ops.cosine_attention_forward(q, k, v, t)
assert np.allclose(weights @ v, y, atol=1e-14) and np.allclose(cache.attention.weights, weights)
plain = ops.attention_forward(q, k, v)[1].weights
assert np.array_equal(weights[0, 0].round(12), weights[0, 1].round(12))  # length does not count
assert plain[0, 1, 2] > 0.999 > 0.7 > plain[0, 0].max()
shown = {"plain scores": (q @ k.mT)[0], "their softmax": plain[0]}
shown |= {"cosines": cosines[0], "softmax of 10 cosines": weights[0]}
matrices(shown, columns=4, numbered=True, title="Attention of dot products, and of cosines")

# %% [markdown]
# Backward has one new step. What points along a vector can only make it longer or shorter, and its length does not count, so it is
# taken out: with $\hat q = q / \lVert q \rVert$,
#
# $$\bar q = \frac{\bar{\hat q} - \hat q\, (\hat q \cdot \bar{\hat q})}{\lVert q \rVert} .$$
#
# **Predict.** The gradient of the second query, which is ten times the first: longer or shorter than that of the first?

# %%
show_source(ops.unit_vectors_backward, "along", "dx")
show_source(
    ops.cosine_attention_backward, "dscaled", "duk", "dscale =", "dlogit_scale", "dq,", "dk,"
)
dy = np.tile(rng.standard_normal(3), (1, 3, 1))
dq, dk, dv, dt, _ = ops.cosine_attention_backward(dy, cache)
assert np.allclose((dq * q).sum(-1), 0, atol=1e-12) and np.allclose(
    (dk * k).sum(-1), 0, atol=1e-12
)
assert np.allclose(dq[0, 0], 10 * dq[0, 1], atol=1e-12)  # a long query learns slowly
h = 1e-6
up, down = (ops.cosine_attention_forward(q, k, v, t + s)[0] for s in (h, -h))
assert np.isclose(dt.item(), (dy * (up - down)).sum() / (2 * h), rtol=1e-6)

# %% [markdown]
# Shorter, ten times. The scale has a bound: 100. (The paper speaks of $\tau$ above 0.01; the code learns $t$ and clamps it at $\ln
# 100$.) **Predict.** What is the gradient of $t$ below the bound, at it, beyond it?

# %%
edge = np.log(100)
ts = np.linspace(3.6, 5.4, 181)
scale, slope = [], []
for value in ts:
    y, cache = ops.cosine_attention_forward(q, k, v, np.full((1, 1, 1), value))
    scale.append(np.exp(min(value, edge)))
    slope.append(ops.cosine_attention_backward(dy, cache).logit_scale.item())
scale, slope = np.array(scale), np.array(slope)
assert (
    scale.max() <= 100.0001 and np.all(slope[ts <= edge] != 0) and np.all(slope[ts > edge] == 0)
)
lecture.clamped(ts, scale, slope, edge)

# %% [markdown]
# Up to the bound, and at it, the gradient is what it is; beyond it is exactly 0. A step of the optimizer that carries $t$ over the
# edge is the last one that the loss decides: from there no gradient calls it back, only what moves parameters without one, such as
# momentum or weight decay.
#
# *Sources.* Liu et al. 2022, section 3.2, equation 2; its code (the clamp).

# %% [markdown]
# ### Strangers, and sharp heads
#
# A shifted window holds pieces that are no neighbours, and [a mask](07_windows.ipynb#4-The-shift) keeps them apart. Swin's code,
# and Swin V2's, adds $-100$ to the score of strangers. For dot products of ordinary size that is as good as $-\infty$. **Predict.**
# A head with the scale 100. A query has one neighbour, which looks the other way (cosine $-1$), and one stranger just like it
# (cosine 1). Whom does it see?

# %%
query, both = (
    np.array([[[1.0, 0]]]),
    np.array([[[-1.0, 0], [1, 0]]]),
)  # the neighbour, the stranger
apart = np.array([[[0.0, -100]]])
for sharp in (10, 100):
    t = np.full((1, 1, 1), np.log(sharp))
    _, cache = ops.cosine_attention_forward(query, both, np.eye(2)[None], t, apart)
    print(f"scale {sharp:3}: the stranger gets {cache.attention.weights[0, 0, 1]:.3g}")
    assert np.isclose(
        cache.attention.weights[0, 0, 1], 1 if sharp == 100 else np.exp(-80), atol=0
    )

# %%
mask = ops.shifted_window_mask((8, 8), 4, 2)[:, None]
maps = np.random.default_rng(0).standard_normal((50, 8, 8, 8))
worst = {}
for sharp in (10, 30, 100):
    layer = CosineWindowAttention(8, 2, (8, 8), window_size=4, shift_size=2).init(0, "float64")
    layer.logit_scale.value[...] = np.log(sharp)
    _, cache = layer.forward(maps)
    leak = np.where(mask, 0, cache.attention.attention.weights).sum(-1)
    worst[sharp] = leak.max()
    print(
        f"scale {sharp:3}: strangers get {leak.max():.1g} at most, {leak.mean():.1g} on average"
    )
assert worst[10] < 1e-30 and worst[30] < 1e-15 and worst[100] > 0.99

# %% [markdown]
# The stranger, all of it: $100 \cdot 1 - 100$ is more than $100 \cdot (-1)$. Cosines times 100 lie between $-100$ and $100$, so a
# sharp head can outbid the mask. It does not take a made-up case: with random weights and a scale of 100, some token gives
# everything to strangers. At 30 nothing gets through. What is in the published weights we have not looked at; a mask of $-\infty$,
# as in our Swin, would not leak at any scale, but it would not be the model that was trained.

# %% [markdown]
# ### Larger windows
#
# Swin has a table of biases. For a larger window it is resampled, like an image. Swin V2 has a small net of two layers in its
# place, which says for *any* way how much a head likes it: $B = 16\, \sigma(\operatorname{MLP}(\hat\Delta))$. (Equation 3 of the
# paper has the net alone; that it is squeezed between 0 and 16 is the code's.) What goes in is the way on a logarithmic scale, here
# for rows:
#
# $$\hat\Delta = \operatorname{sign}(\Delta)\, \frac{\log_2(1 + |8 \Delta / (M - 1)|)}{\log_2 8} .$$
#
# (The paper has $\operatorname{sign}(\Delta) \log(1 + |\Delta|)$; the code divides by the window first.) **Predict.** A window
# grows from 8 to 16. How far must the net be trusted beyond what it has seen, with $\Delta$ itself, and with its logarithm?

# %%
beyond = {
    "Δ itself": 15 / 7 - 1,
    "log(1 + |Δ|), the paper": np.log(1 + 15) / np.log(1 + 7) - 1,
    "the code": log_spaced_offsets((16, 16), (8, 8)).max() / log_spaced_offsets((8, 8)).max() - 1,
}
for name, share in beyond.items():
    print(f"{name:24} {share:.2f} of the range")
assert [round(share, 2) for share in beyond.values()] == [1.14, 0.33, 0.32]
assert round(beyond["Δ itself"] / beyond["log(1 + |Δ|), the paper"], 1) == 3.4

# %% [markdown]
# By 1.14 of the range, or by 0.33 of it; that is 3.4 times less (the paper says "about 4 times").
#
# Let us grow one, from 4 to 8. A head that likes what is near: we *train* the net to give such biases, by its own backward pass, in
# windows of 4 × 4. Then we ask for 8 × 8, and beside it we resample the table of 7 × 7, by the bicubic interpolation that Swin has.
# **Predict.** What does each say of the next neighbour?

# %%
offsets = np.arange(-3, 4)
liked = 8 * np.exp(-(offsets[:, None] ** 2 + offsets**2) / 4).reshape(49, 1)
layer = CosineWindowAttention(8, 1, (4, 4), window_size=4).init(0, "float64")
optimizer = mv.train.Adam(layer, lr=1e-2)


def biases(window, trained=(0, 0)):
    h, c_mlp = run(layer.cpb_mlp, log_spaced_offsets(window, trained))
    squeezed, c_sigmoid = ops.sigmoid_forward(h)
    return 16 * squeezed, c_mlp, c_sigmoid


for _ in range(400):
    layer.zero_grad()
    found, c_mlp, c_sigmoid = biases((4, 4))
    (dh,) = ops.sigmoid_backward(16 * 2 * (found - liked) / 49, c_sigmoid)
    run_backward(layer.cpb_mlp, dh, c_mlp)
    optimizer.step()
small = biases((4, 4))[0].reshape(7, 7)
assert np.abs(small - liked.reshape(7, 7)).max() < 1

# %%
by_net = biases((8, 8), (4, 4))[0].reshape(15, 15)
resampled, _ = ops.resize_forward(small[None, :, :, None], size=15, mode="bicubic")
by_table = resampled[0, :, :, 0]
inner = slice(4, 11)  # the ways that were known
assert np.allclose(by_net[inner, inner], small, atol=1e-12)
moved = np.abs(by_table[inner, inner] - small).max()
assert moved > 2 and abs(by_table[7, 8] - small[3, 3]) < abs(by_table[7, 8] - small[3, 4])
print(
    f"next neighbour: learned {small[3, 4]:.1f}, net {by_net[7, 8]:.1f}, table {by_table[7, 8]:.1f}"
)
print(f"known ways, largest change: net 0, table {moved:.1f} of {small.max():.1f}")
ways = np.arange(-7, 8)
grown = {"the table, resampled": (ways, by_table[7]), "the net, log-spaced": (ways, by_net[7])}
lecture.grown_window((ways[inner], small[3]), grown)

# %% [markdown]
# The net says of every way that it knows exactly what it said before, and guesses the ways beyond. The table is stretched: what was
# learned of one step is now said of two, and the next neighbour is treated almost as the token itself. Which is right is no
# theorem: where an image is only shown larger, stretched is not foolish. It was measured. Quoted, a Swin trained with windows of 8
# at 256 pixels, and tested with larger ones without training on:

# %%
quoted = {"table": (81.7, 79.4, 77.2, 68.7), "net of Δ": (81.7, 82.0, 81.2, 77.6)}
quoted["net of log Δ"] = (81.8, 82.4, 81.7, 79.1)
assert [round(row[0] - row[-1], 1) for row in quoted.values()] == [13.0, 4.1, 2.7]
table(
    ["ImageNet top-1, %", "8, 256 px", "12, 384 px", "16, 512 px", "24, 768 px"],
    [[name, *row] for name, row in quoted.items()],
)

# %% [markdown]
# The table loses 13 points on the way to windows of 24. The net gains at first and is 4.1 points behind its beginning in the end,
# or 2.7 with the logarithm: most of what it is worth is the net. (After training on at the larger size, all are close: 83.2, 83.7,
# 84.2 at 768 pixels.)
#
# *Sources.* Liu et al. 2022, section 3.3, equations 3 and 4, table 1 (quoted).

# %% [markdown]
# ## 4 What MLPs can do
#
# **Exercise.** [`gating`](../minivit/course/exercises/gating.md): `minivit course start gating`. The part on gMLP shows answers
# of it, and the one on S²-MLP what must come out at an edge.
#
# MLP-Mixer mixes tokens by an MLP of its own, $N \to E \to N$. The nets that came with it and after it ask how little of that is
# enough. In the order of the slide:
#
# | | what mixes tokens | weights that are bound to $N$ |
# |---|---|---|
# | ResMLP | one matrix | $N^2$ |
# | Mixer | two matrices and GELU | $2NE$ |
# | gMLP | one matrix, as a gate | $N^2$ |
# | S²-MLP | a shift of channels by one place | none |
# | CycleMLP | channels that look at neighbours in turn, and a mean | none |
#
# ### ResMLP: no norm
#
# ResMLP has one matrix over the tokens, the MLP over the channels, and where others normalise it has a scale and a shift of each
# channel, $\operatorname{Aff}(x) = \alpha x + \beta$. No mean is taken, no deviation. **Predict.** What can be done with it after
# training, in front of a linear map, that cannot be done with a layer norm?

# %%
affine, linear = Affine(5).init(0, "float64"), Linear(5, 3).init(0, "float64")
affine.alpha.value, affine.beta.value = rng.standard_normal((2, 1, 1, 5))
x = rng.standard_normal((1, 7, 5))
alpha, beta = affine.alpha.value.ravel(), affine.beta.value.ravel()
W, b = linear.weight.value, linear.bias.value
y, _ = linear.forward(affine.forward(x)[0])
into_W, into_b = alpha[:, None] * W, b + beta @ W
assert np.allclose(x @ into_W + into_b, y, atol=1e-14)  # Aff is gone
A, a = rng.standard_normal((7, 7)), rng.standard_normal((7, 1))  # one matrix over the tokens
mixed = A @ affine.forward(x)[0] + a
swapped = (A @ x) * alpha + (A.sum(1, keepdims=True) * beta + a)
assert np.allclose(mixed, swapped, atol=1e-13)
assert np.linalg.matrix_rank(A.sum(1, keepdims=True) * beta + a) == 2
print(
    "behind the tokens' matrix:",
    swapped.shape,
    "= scale of channels, and a bias of 7 x 5 numbers",
)

# %% [markdown]
# It can be multiplied into the map behind it: $(\alpha x + \beta) W + b = x (\alpha W) + (\beta W + b)$, and then it costs nothing.
# That is so in front of the MLP. The paper says so of "the adjacent linear layer". In front of the matrix over the *tokens* there
# is a catch: the scale of channels can step over it, into the scale that stands behind it anyway
# ([LayerScale](../docs/glossary.md#layerscale)), but the shift becomes a bias for every token *and* channel, where the matrix has
# one for each token.
#
# A norm divides by what it has seen, so it cannot be multiplied in. Without one, deep nets have to begin gently: LayerScale lets each
# branch add $10^{-4}$ of what it has found at first, in the net of 12 blocks, and less in deeper ones.

# %%
lines = "c_norm1 = self", "c_linear_tokens = self", "c_ls1 = layer", "x = x + h"
show_source(ResMlpBlock.forward, *lines)
block = mv.create_model("resmlp_12_224").blocks[0]
assert np.all(block.ls1.value == np.float32(1e-4)) and block.linear_tokens.weight.shape == (
    196,
    196,
)
assert formulas.token_mixing_params(196, 384) == 151_108  # Mixer-B/16
assert block.linear_tokens.weight.size + block.linear_tokens.bias.size == 196 * 197 == 38_612

# %% [markdown]
# *Sources.* Touvron et al. 2021, "ResMLP: Feedforward networks for image classification with data-efficient training", section 2,
# equations 1 to 3.
#
# ### gMLP: a gate
#
# gMLP has no token mixing of its own: each block is one MLP over the channels, and in the middle of it half of the hidden channels
# become a [gate](../docs/glossary.md#gate) for the other half, by a matrix over the tokens:
#
# $$y = u \odot g, \qquad g = W^\top \operatorname{LN}(v) + b .$$
#
# **Predict.** At first $W$ is nearly 0 and $b$ is 1. What does the gate do? What gradient do $u$ and $v$ get?

# %%
show_source(ops.spatial_gating_forward, "gate =", "gate +=", "return")
show_source(ops.spatial_gating_backward, "du =", "dgate =", "dv =", "dweight =", "dbias =")
unit = SpatialGatingUnit(8, 6).init(0, "float64")
x = rng.standard_normal((1, 6, 8))
u, v = np.split(x, 2, axis=-1)
y, cache = unit.forward(x)
assert np.abs(y - u).max() < 1e-4  # open
dy = rng.standard_normal(y.shape)
du, dv = np.split(unit.backward(dy, cache), 2, axis=-1)
print(f"gradient of u: {np.linalg.norm(du):.2g}, of v: {np.linalg.norm(dv):.2g}")
assert np.allclose(du, dy, atol=1e-4) and np.linalg.norm(dv) < 1e-4 * np.linalg.norm(du)

# %% [markdown]
# It stands open, and the block is a plain MLP: tokens do not hear of each other, and the half that could let them gets almost no
# gradient. Almost: what wakes it is $\bar W = v\, \bar g^\top$, which is not small. Now with a matrix that is not asleep, step by
# step, both halves:

# %%
W, b = rng.standard_normal((6, 6)), rng.standard_normal(6)
y, cache = ops.spatial_gating_forward(u, v, W, b)
g = W.T @ v + b[:, None]
assert np.allclose(y, u * g) and np.allclose(y[0], spatial_gating_loops(u[0], v[0], W, b))
du, dv, dW, db = ops.spatial_gating_backward(dy, cache)
dg = dy * u  # each factor gets the other one
assert np.allclose(du, dy * g) and np.allclose(dv, W @ dg)
assert np.allclose(dW, v[0] @ dg[0].T) and np.allclose(db, dg[0].sum(-1))
double, _ = ops.spatial_gating_forward(2 * u, 2 * v, W, 0 * b)
assert np.allclose(double, 4 * ops.spatial_gating_forward(u, v, W, 0 * b)[0])  # of second order
pictures = {"u": u[0], "v": v[0], "g = Wᵀv + b": g[0], "y = u g": y[0]}
matrices(pictures, columns=4, digits=1, numbered=True, title="Rows: tokens; columns: channels")

# %% [markdown]
# The same matrix for each image and each channel, as in a Mixer; but the result is *multiplied* by the image, so that it is of
# second order in it, as the product of queries, keys and values is of third. Attention computes its matrix; a gate computes what
# the learned matrix is multiplied with.
#
# *Sources.* Liu et al. 2021, "Pay Attention to MLPs", sections 2 and 2.1, equations 1, 2 and 4.

# %% [markdown]
# ### S²-MLP: a shift
#
# And if there is no matrix over the tokens at all? S²-MLP moves a quarter of the channels one place up, a quarter down, left and
# right, and maps channels to channels: then each token has parts of its neighbours in it. It costs no multiplication. The one
# detail is the edge. **Predict.** A map of 4 × 4, numbered; at each place what lies above it. What stands in the first row, by
# `np.roll`, and in the paper?

# %%
numbers = np.arange(1.0, 17).reshape(1, 4, 4, 1)
above = np.array([[-1, 0]])
shifted, cut = ops.shift_channels_forward(numbers, offsets=above)
rolled = np.roll(numbers, 1, axis=1)
assert shifted[0, :2, :, 0].tolist() == [[1, 2, 3, 4], [1, 2, 3, 4]]  # the edge, repeated
assert rolled[0, 0, :, 0].tolist() == [13, 14, 15, 16]  # the other edge
(back,) = ops.shift_channels_backward(np.ones_like(numbers), cut)
assert back[0, :, 0, 0].tolist() == [2, 1, 1, 0]  # how often each has been looked at
in_place = numbers.copy()
in_place[:, 1:] = in_place[:, :-1]
assert np.array_equal(in_place, shifted)
maps = {
    "the map": numbers,
    "np.roll": rolled,
    "the paper's shift": shifted,
    "its gradient of ones": back,
}
title = "What lies above (repeated at the edge, or taken from the other end)"
matrices({name: it[0, :, :, 0] for name, it in maps.items()}, columns=4, digits=0, title=title)

# %% [markdown]
# `np.roll` brings the lowest row to the top, and treats grass as the neighbour of sky. The paper writes it as an assignment,
# `x[1:] = x[:-1]`, which leaves the first row as it was: repeated. Backward, an edge that was read twice gets two gradients, and the
# row that nobody has read gets none. (In NumPy this very line is safe, for it copies where the two overlap. The well-known port in
# PyTorch writes it into the array that it reads, and there, on a CPU, the first row may run down the whole map.)
#
# **Predict.** A shift and a matrix of $C \times O$ behind it are a convolution. Of which size, and how many of its weights are zero?

# %%
C, O = 8, 6
x, W = rng.standard_normal((1, 5, 7, C)), rng.standard_normal((C, O))
offsets = spatial_shifts(C)
kernel = np.zeros((3, 3, C, O))
for channel, (down, right) in enumerate(offsets):
    kernel[1 + down, 1 + right, channel] = W[channel]
y = ops.shift_channels_forward(x, offsets=offsets)[0] @ W
padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
convolved, _ = ops.conv2d_forward(padded, kernel)
assert np.allclose(y, convolved, atol=1e-13)
assert (kernel == 0).mean() == 8 / 9
assert mv.cost.of(ops.shift_channels_forward, x=x.shape, offsets=offsets).forward.macs == 0
print(f"3 x 3, with {(kernel == 0).mean():.1%} zeros; multiplications of the shift: 0")

# %% [markdown]
# ### CycleMLP: in turn
#
# CycleMLP has the same thought along one axis: channel 0 is read from its own place, channel 1 from one step further, channel 2
# from one step before, and so on in turn. (Figure 2 of the paper begins the cycle in another place than its code.) Beyond the edge
# there are zeros, so this is a convolution to the last pixel. **Predict.** Of 1 × 3; and how many zeros?

# %%
layer = CycleFC(C, O, along=1).init(0, "float64")
steps = cycle_offsets(C, along=1)[:, 1]
assert steps.tolist() == [0, 1, -1, 0, 1, -1, 0, 1]
kernel = np.zeros((1, 3, C, O))
kernel[0, 1 + steps, np.arange(C)] = layer.weight.value.reshape(C, O)
convolved, _ = ops.conv2d_forward(x, kernel, layer.bias.value, padding=(0, 1))
y, _ = layer.forward(x)
assert np.allclose(convolved, y, atol=1e-13) and (kernel == 0).mean() == 2 / 3
macs = mv.cost.of(layer, x=x.shape).forward.macs
assert macs == 5 * 7 * C * O == formulas.conv_macs((5, 7), 1, C, O)  # those of 1 x 1
print(f"{(kernel == 0).mean():.0%} zeros; {macs:,} multiplications, as of a kernel of 1 x 1")

# %% [markdown]
# Two of three weights are zero, and it costs what a 1 × 1 convolution costs. "An MLP" is a name: these two are convolutions that
# have saved most of their weights. In exchange they take any map, as convolutions do, and a pyramid can be made of them.
#
# ### Split attention
#
# S²-MLPv2 and CycleMLP look in three ways (two different shifts and none; rows, columns, and neither) and add the three maps
# up. With which shares? [Split attention](../docs/glossary.md#split-attention) asks the image: an MLP
# reads the sum, or the mean, over all places, and a softmax for every channel divides.
# **Predict.** Which places of the map have a say in the output of *one* place?

# %%
lines = (
    "c_mlp1 =",
    "h3 =",
    "c_shift1 =",
    "c_shift2 =",
    "h = np",
    "c_split_attention =",
    "c_mlp2 =",
)
show_source(SplitShift.forward, *lines)
splitter = SplitAttention(8, 8, 3, total=True, branch_last=False, bias=False).init(0, "float64")
three = rng.standard_normal((1, 3, 16, 8))  # three ways to look at 16 places
y, cache = splitter.forward(three)
scores, _ = splitter.fc2.forward(ops.gelu_forward(splitter.fc1.forward(three.sum((1, 2)))[0])[0])
shares = ops.softmax_forward(scores.reshape(1, 3, 8).mT)[0].mT
by_hand = (shares[:, :, None] * three).sum(1)
assert np.allclose(by_hand, y, atol=1e-13) and np.allclose(shares.sum(1), 1)
one_place = np.zeros_like(y)
one_place[0, 5] = 1
reached = np.abs(splitter.backward(one_place, cache)).sum((0, 1, 3)) > 0
assert reached.all()  # all of them
title = "Shares of three branches, for each channel"
matrices({"rows: branches; columns: channels": shares[0]}, title=title)

# %% [markdown]
# All places have a say, because the shares are decided by a sum over the whole map. So a net with split attention sees everything
# in its first block, however short its shifts are: not where things are, but what there is. Remember that for the pictures below.
#
# What came of it, quoted, at 224 pixels on ImageNet; counted are our models:

# %%
quoted = {
    "mixer_b16_224": 76.4,
    "resmlp_24_224": 79.4,
    "gmlp_s16_224": 79.6,
    "s2mlp_deep": 80.7,
    "cyclemlp_b2": 81.6,
    "deit_small_patch16_224": 79.8,
}
rows = []
for name, top in quoted.items():
    cost = mv.cost.estimate(name)
    rows.append([f"`{name}`", f"{cost.params / 1e6:.1f}", f"{cost.macs_forward / 1e9:.1f}", top])
assert [row[1:3] for row in rows[1:5]] == [
    ["30.0", "6.0"],
    ["19.4", "4.4"],
    ["53.9", "10.5"],
    ["26.8", "3.9"],
]
table(["", "M parameters", "G MACs", "top-1, % (quoted)"], rows)

# %% [markdown]
# With less and less that mixes tokens it did not become worse, and the last before DeiT, a ViT for comparison, is nearly a
# convolutional net again. (Recipes of training differ from paper to paper, so small differences say nothing. The paper of S²-MLP
# prints 51 million; it has no official code, and our 53.9 are those of the port that people use.)
#
# *Sources.* Yu et al. 2022, "S²-MLP: Spatial-Shift MLP Architecture for Vision", section 3.2; Yu et al. 2021, "S²-MLPv2", section
# 3.2; Chen et al. 2022, "CycleMLP: A MLP-like Architecture for Dense Prediction", sections 3.2 and 3.3; Zhang et al. 2020,
# "ResNeSt: Split-Attention Networks", section 3.1.

# %% [markdown]
# ## 5 What each of them sees
#
# Who has a say in the middle of the map? We ask by trying. One image, nets with random weights, small ones for 32 × 32 pixels; turn
# 2 × 2 pixels of it into their negative, compute again, and see how far the vector in the middle has moved, after each block. All
# 256 places in turn. (`minivit.look.influence` does that for any model, in float64, so that what is rounding can be told from what
# is small.)
#
# Two of them have to be woken first. **Predict.** Which, and why? Remember how Swin V2's norms and gMLP's gates begin.

# %%
data = mv.data.shapes(n_train=32, n_test=16, seed=0)
image = data.test.images[3:4]
changed = np.repeat(image, 256, axis=0)
pieces = changed.reshape(256, 16, 2, 16, 2, 3)  # a view: 16 x 16 pieces of 2 x 2 pixels
for n in range(256):
    y, x = divmod(n, 16)
    pieces[n, y, :, x] = 255 - pieces[n, y, :, x]


def seen_by(model):
    """By block, how much each piece counts for the vector in the middle, (16, 16)."""
    before, after = (mv.train.normalize(it, data.mean, data.std) for it in (image, changed))
    return {
        name: share.reshape(16, 16) for name, share in influence(model, before, after).items()
    }


def draw(maps):
    return plot.influences(image[0], {k: np.kron(it, np.ones((2, 2))) for k, it in maps.items()})


field = seen_by(mv.create_model("swinv2_tiny_patch2_32", seed=0))
counts = [int((it > 0).sum()) for it in field.values()]
print("Swin V2 as it begins, pieces that count, block by block:", *counts)
assert counts == [1, 1, 4, 4, 16, 16]

# %% [markdown]
# A Swin V2 that has not been trained hands everything on. Its blocks see nothing but their own place, and only patch merging joins
# 2 × 2. So its norms get the scale 1, and the matrices of gMLP's gates are drawn as large as others.
#
# **Predict.** For each of the six: how many of the 256 pieces count after the first block, and in which shape?

# %%
names = {
    "Swin V2": "swinv2_tiny_patch2_32",
    "PVT": "pvt_tiny_patch2_32",
    "MViTv2": "mvitv2_tiny_patch2_32",
    "S²-MLP": "s2mlp_tiny_patch4_32",
    "CycleMLP": "cyclemlp_tiny_patch2_32",
    "gMLP": "gmlp_tiny_patch4_32",
}
fields = {}
for words, name in names.items():
    model = mv.create_model(name, seed=0)
    for path, param in model.named_params().items():
        if path.endswith(("norm1.weight", "norm2.weight")):
            param.value = np.ones_like(param.value)
        elif path.endswith("gate.proj.weight"):
            its_own = np.random.default_rng(0)
            param.value = its_own.normal(0, 1 / 8, param.shape).astype(np.float32)
    fields[words] = seen_by(model)
seen = {words: [int((it > 0).sum()) for it in maps.values()] for words, maps in fields.items()}
table(
    ["pieces that count, of 256", "block by block"],
    [[k, ", ".join(map(str, v))] for k, v in seen.items()],
)

# %%
assert seen["Swin V2"] == [16, 64, 144, 256, 256, 256]
assert seen["PVT"] == [256] * 6 and seen["gMLP"] == [256] * 8
assert seen["MViTv2"] == [196] + [256] * 5
assert [n // 4 for n in seen["S²-MLP"]] == [5, 13, 25, 39, 51]
assert seen["CycleMLP"] == [256] * 8
draw(fields["Swin V2"])

# %% [markdown]
# **Swin V2**: the window, then the shifted window, as [in lecture 7](07_windows.ipynb#7-A-small-Swin,-trained). Above each map
# stand the number of the block and the part of the image that counts; each has its own scale of colours, dark for what counts most.

# %%
draw(fields["PVT"])

# %% [markdown]
# **PVT**: everything counts in the first block. The middle itself counts most: it is the one place that its query sees in full,
# through the residual path. All others are seen as patches of 4 × 4 places.

# %%
draw(fields["MViTv2"])

# %% [markdown]
# **MViTv2**: everything in principle, but for the gaps of section 2 in the first block: single rows and columns of pixels that no
# pooled key sees, and the right and lower edge. (A piece of 2 × 2 pixels counts here if one of them does, so only the edge is white;
# pixel by pixel [the gallery](../docs/gallery.md#multiscale-vision-transformers) shows them.) In the next block they are closed.

# %%
draw(fields["S²-MLP"])

# %% [markdown]
# **S²-MLP**: a cross of five patches, and from block to block a larger diamond: 5, 13, 25 patches of 4 × 4 pixels, then it
# meets the edges. After five blocks, 51 of 64 patches.

# %%
draw(fields["CycleMLP"])

# %% [markdown]
# **CycleMLP**: a small spot for what it sees *as* places, and everything, faintly, in the first block. That is split attention: the
# shares are decided by a mean over all places. How faintly?

# %%
first = next(iter(fields["CycleMLP"].values()))
near = np.zeros((16, 16), bool)
near[7:10, 7:10] = True  # the middle of the map, (8, 8), and its neighbours
far = first[~near].max()
print(f"largest share near by {first[near].max():.2f}, elsewhere {far:.2f}")
assert first[near].max() > 0.9 and 0.05 < far < 0.1
draw(fields["gMLP"])

# %% [markdown]
# **gMLP**: everything at once, and but for the middle itself, which comes past the gate, far and near alike: its matrix has been
# drawn, and has no idea what is beside what. What is learned is another matter: the paper shows that trained gates look like
# convolutions.
#
# ### What they cost
#
# The same question to `mv.cost`, for all tiny presets of this lecture and its relatives. **Predict.** Which keeps most for each
# multiplication?

# %%
tiny = [*names.values(), "pvt_v2_tiny_32", "resmlp_tiny_patch4_32"]
tiny += ["swin_tiny_patch2_32", "mixer_tiny_patch4_32", "vit_tiny_patch4_32"]
costs = {name: mv.cost.estimate(name) for name in tiny}
rows = [
    [f"`{name}`", f"{it.params:,}", f"{it.macs_forward / 1e6:.1f}", f"{it.activation_bytes:,}"]
    for name, it in sorted(costs.items(), key=lambda pair: pair[1].macs_forward)
]
kept = {name: it.activation_bytes / it.macs_forward for name, it in costs.items()}
assert max(kept, key=kept.get) == "swinv2_tiny_patch2_32"
assert costs["swinv2_tiny_patch2_32"].activation_bytes == 2_744_096
assert costs["mixer_tiny_patch4_32"].macs_forward == 75_891_968
table(["", "parameters", "M MACs", "bytes kept"], rows)

# %% [markdown]
# They do not say which sees better, and neither do the pictures. The five at the top are hierarchies. (Swin is one, too, but this
# one has twice as many parameters.) And cosines have a price that no MAC shows: of all, Swin V2 keeps most for each multiplication,
# the directions and lengths of its queries and keys among it.
#
# ## 6 Questions
#
# 1. PVT with $R$ = 8 on a map of 60 × 60. How many keys? Which tokens are in none?
# 2. From which map on, with $C$ = 64 and windows of 8, are windows cheaper than spatial reduction with $R$ = 8? (Use the closed
#    forms of section 1.)
# 3. Why must keys and values be pooled with the same stride, and queries not?
# 4. MViTv2's relative positions for a map of $Y \times X$ queries and keys: rank at most 2 for each query. And the whole matrix
#    $E$, of $N \times N$?
# 5. Swin V2's keys have no bias, its queries and values have. In plain attention a bias of the keys changes nothing. Why, and why not
#    in cosine attention?
# 6. A head of Swin V2 has $t$ = 6. What is its scale? What gradient does it get?
# 7. What happens to S²-MLP if all four parts of the channels are shifted the same way?
# 8. A gate with $W$ = 0 and $b$ = 0. What is the output of the block, what the gradient of $W$?
#
# <details><summary>Answers</summary>
#
# 1. 7 × 7 = 49: the last four rows and columns are in no key, 464 of 3,600 tokens. They have queries, and see what the others see.
# 2. From 80 × 80 on, of the sides that 8 divides: there $2N^2C/R^2$ has overtaken the $2M^2NC$ of windows and what they pay more for
#    keys and values.
# 3. Each weight of attention belongs to a key *and* its value: there must be as many, in the same order. Queries decide only how many
#    rows come out.
# 4. At most $Y + X - 1$. $E = [A\; B]\, J$, where $A$ has a column for each row of keys, $B$ one for each column of keys, and $J$
#    says in which row and in which column a key lies; the columns of $J$ say it twice, so its rank is $Y + X - 1$. For 6 × 6: 11 of
#    36.
# 5. A bias adds $q \cdot b$ to all scores of a query alike, and softmax does not see what is added to all. A cosine divides by the
#    length of $k + b$, which differs from key to key.
# 6. 100, for $6 > \ln 100 = 4.6$; none, exactly 0.
# 7. Each place sees only its own column, upwards (or its row, to one side), one step further with each block.
# 8. $y = u \odot 0 = 0$: the block hands on its input, but for its last bias. $\bar W = v\, (\bar y \odot u)^\top$ is not 0, so it
#    wakes up; $\bar u$ and $\bar v$ are 0 until then.
#
# </details>

# %%
layer = SpatialReductionAttention(8, 1, sr_ratio=8).init(0, "float64")
h = rng.standard_normal((1, 60, 60, 8))
_, cache = layer.forward(h)
assert cache.attention.weights.shape[-1] == 49 and 60**2 - 56**2 == 464
dearer = [
    n
    for n in range(8, 257, 8)
    if reduced_macs(n, 64, 8) > formulas.window_msa_macs((n, n), 64, 8)
]
assert dearer[0] == 80

# %%
b, three, t = (
    np.array([3.0, -1]),
    np.eye(3)[None],
    np.full((1, 1, 1), 1.0),
)  # for q and k of section 3
plain = [ops.attention_forward(q, it, three)[0] for it in (k, k + b)]
cosine = [ops.cosine_attention_forward(q, it, three, t)[0] for it in (k, k + b)]
assert np.allclose(*plain) and not np.allclose(*cosine, atol=0.01)
y, cache = ops.cosine_attention_forward(q, k, three, 0 * t + 6)
assert ops.cosine_attention_backward(three, cache).logit_scale.item() == 0
dy, v = rng.standard_normal((2, *u.shape))  # for u of section 4
y, cache = ops.spatial_gating_forward(u, v, np.zeros((6, 6)), np.zeros(6))
du, dv, dW, _ = ops.spatial_gating_backward(dy, cache)
assert not y.any() and not du.any() and not dv.any() and np.allclose(dW, v[0] @ (dy * u)[0].T)
R_h, R_w, six = *rng.standard_normal((2, 11, 5)), relative_index(6, 6)
queries = rng.standard_normal((36, 5))
E, _ = ops.relative_logits_forward(queries, R_h, R_w, row_index=six, column_index=six)
assert np.linalg.matrix_rank(E) == 11

# %% [markdown]
# ### Which idea came of which
#
# Where all of this stands, among its relatives. (The nets of this lecture are one file of `minivit/models` each, forward and backward
# on a few screens.) Columns are kinds of nets, and time runs down, by the month in which a paper was on arXiv (of iGPT: on
# OpenAI's page).

# %%
papers = list(IDEAS)
assert papers.index("PVT") < papers.index("Swin") < papers.index("MViT") < papers.index("Swin V2")
family_tree()
