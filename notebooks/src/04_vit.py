# %% [markdown]
# # The Vision Transformer
#
# A [Transformer](03_transformer.ipynb) reads a sequence. An image is none. This lecture makes it one, slide by slide: each
# step is computed live, its shapes are those of the arrays, and a drawing of the model grows with it. At the end stands a
# Vision Transformer (ViT) whose every number you have seen; the [next lecture](05_training_vit.ipynb) trains it.
#
# 1. [Pixels or patches](#1-Pixels-or-patches): the wall that grows with the fourth power of the image's side, the exact way
#    round it, and the practical one.
# 2. [From an image to tokens](#2-From-an-image-to-tokens): patches, rows, projection, class token, positions.
# 3. [Encoder and head](#3-Encoder-and-head): what the blocks add, what the head reads, and where the convolutions hide.
# 4. [How large](#4-How-large): Base, Large and Huge, counted to the last parameter, and their attention weights.
# 5. [What is built in, and what is not](#5-What-is-built-in,-and-what-is-not): isotropic or hierarchical, inductive bias.
#
# It takes a few seconds on two processors, within 1 GiB of memory and without a download. *Predict* means: write down a
# guess before you run the cell below. Every number that the text claims stands in an `assert`. Those of this lecture are
# counts and equalities, the same on every machine; only the last digits of floating-point numbers move. Formulas, text and
# pictures count from 1 (the class token is number 0, as in the paper), Python counts from 0. Words in blue lead to the
# [glossary](../docs/glossary.md).

# %%
import numpy as np
from IPython.display import Markdown

import minivit as mv
from minivit import ops, plot
from minivit.layers import Block, PatchEmbed
from minivit.plot.lectures import vit as lecture
from minivit.plot.source import show_source

np.set_printoptions(precision=3, suppress=True)
KIB, MIB, GIB = 2**10, 2**20, 2**30

# %% [markdown]
# ## 1 Pixels or patches
#
# The simplest way to give an image to attention: every pixel is a token. An image of $R \times R$ pixels is a sequence
# of $N = R^2$ tokens, and attention compares every one with every other. The weights of one head are $N^2 = R^4$
# numbers, and the backward pass needs them all. With 4 bytes per number, $H$ heads and $L$ layers,
#
# $$\text{bytes} = 4 \, H L R^4 .$$
#
# **Predict.** How much is that for a small image, 128 × 128, in a network of 48 layers with 16 heads? A photo on your
# phone is 30 times as wide.


# %%
def wall(side, heads, layers, patch=1):
    """Bytes of all attention weights, in float32, for an image of side x side pixels."""
    tokens = (side // patch) ** 2
    return 4 * heads * layers * tokens**2


assert wall(128, heads=16, layers=48) == 768 * GIB  # to the byte
print(f"128 x 128 pixels: {wall(128, 16, 48) / GIB:.0f} GiB")
print(f" 32 x  32 pixels: {wall(32, 16, 48) / GIB:.0f} GiB")
assert wall(256, 16, 48) == 16 * wall(128, 16, 48)  # twice the side: sixteen times

# %% [markdown]
# 768 GiB, for one image, before anything has been learned from it. Formulas are patient, so let us measure: the cache of
# `attention_forward` is plain data, and `mv.nbytes` counts it.


# %%
def measure(side, heads=16, width=4):
    """Bytes of the weights of one layer, measured; the rest of the cache is q, k and v."""
    rng = np.random.default_rng(side)
    shape = (1, heads, side * side, width)
    q, k, v = (rng.standard_normal(shape, np.float32) for _ in range(3))
    _, cache = ops.attention_forward(q, k, v)
    qkv = q.nbytes + k.nbytes + v.nbytes
    assert mv.nbytes(cache) == qkv + wall(side, heads, layers=1)  # the formula, to the byte
    return mv.nbytes(cache) - qkv


sides = np.array([2, 4, 8, 12, 16, 24, 32])
measured = np.array([measure(int(side)) for side in sides])
print({int(side): f"{size / MIB:.3g} MiB" for side, size in zip(sides, measured, strict=True)})

# %%
many = 2.0 ** np.arange(1, 9)
curves = {
    "48 layers of 16 heads": (many, wall(many, 16, 48)),
    "1 layer of 16 heads": (many, wall(many, 16, 1)),
    "1 head": (many, wall(many, 1, 1)),
}
marks = {"768 GiB": (128, wall(128, 16, 48))}
lecture.attention_wall(curves, marks, (sides, measured))

# %% [markdown]
# The rings lie on the line, and the line goes through the roof: twice the side is sixteen times the memory. Image GPT
# (Chen et al. 2020) did feed pixels to a Transformer of this size; it had to shrink its images to 64 × 64 and less.
#
# ### The exact way round: never hold the matrix
#
# Backward needs the weights, but must they all exist *at the same time*? A softmax can be summed up piece by piece, if we
# remember the largest score so far and scale down what we have when a larger one turns up.
#
# **Predict.** In the loop below, what is `total` at the end, compared with the plain $\sum_j e^{s_j}$?

# %%
scores = np.array([1.0, 3.0, 2.0, 5.0, 0.0, 4.0])
values = np.array([1.0, 0.0, 2.0, 1.0, 3.0, 2.0])
top, total, z = -np.inf, 0.0, 0.0
for s, v in zip(scores.reshape(3, 2), values.reshape(3, 2), strict=True):  # blocks of two keys
    new_top = max(top, s.max())
    shrink = np.exp(top - new_top)  # 1 if the largest stays, smaller if a larger one came
    p = np.exp(s - new_top)
    total = shrink * total + p.sum()
    z = shrink * z + p @ v
    top = new_top
    print(f"largest {top:.0f}, total {total:.4f}, z {z / total:.4f}")

weights, _ = ops.softmax_forward(scores)
assert np.isclose(z / total, weights @ values)
assert np.isclose(total * np.exp(top), np.exp(scores).sum())

# %% [markdown]
# It is the plain sum divided by $e^{\text{largest}}$, and $z$ divided by it is exactly attention's weighted mean: nothing
# is approximated. `attention_chunked` does this for blocks of keys, and its backward computes each block of weights again.
# The loop in its forward:

# %%
show_source(
    ops.attention_chunked_forward,
    "for keys",
    "old, top",
    "finite",
    "shrink",
    "p -=",
    "np.exp(p",
    "+= p @",
)

# %% [markdown]
# First the check that it is the same function with the same gradient. Then the image of 128 × 128 pixels, one head, whose
# matrix alone would be 1 GiB, more than this notebook allows itself.

# %%
rng = np.random.default_rng(0)
q, k, v, dy = rng.standard_normal((4, 1, 2, 24 * 24, 8))
y, cache = ops.attention_forward(q, k, v)
y_chunked, cache_chunked = ops.attention_chunked_forward(q, k, v, block_size=100)
assert np.allclose(y, y_chunked, atol=1e-13)
grads = ops.attention_backward(dy, cache)
grads_chunked = ops.attention_chunked_backward(dy, cache_chunked)
for name in "qkv":
    assert np.allclose(getattr(grads, name), getattr(grads_chunked, name), atol=1e-12)
print(f"kept by attention:         {mv.nbytes(cache) / MIB:5.2f} MiB")
print(f"kept by attention_chunked: {mv.nbytes(cache_chunked) / MIB:5.2f} MiB")

# %%
N, K = 128 * 128, 16
q, k, v = rng.standard_normal((3, N, K), np.float32)
assert wall(128, heads=1, layers=1) == GIB
y, cache = ops.attention_chunked_forward(q, k, v, block_size=256)
kept = mv.nbytes(cache)
few = rng.choice(N, 20, replace=False)  # some rows, by the dense op
dense, _ = ops.attention_forward(q[few], k, v)
assert np.allclose(y[few], dense, atol=1e-5)
print(f"one head on 128 x 128 pixels keeps {kept / MIB:.2f} MiB instead of {GIB / MIB:.0f} MiB")
assert kept < 0.005 * GIB
assert 256 * N * 4 == 16 * MIB  # the scores of one block of keys

# %% [markdown]
# Less than half a percent is kept (while it works, a few arrays of 16 MiB, the scores of one block, are alive as well), and
# yet hardly anybody feeds pixels to attention. The memory is gone, but the *work* is not: there are still $2 N^2 d_k$
# multiplications per head, and backward computes the scores a second time.
#
# ### The practical way: patches
#
# Cut the image into patches of $P \times P$ pixels and let each be one token.
#
# **Predict.** How many tokens are left, and by which factor does $P = 16$ shrink the 768 GiB?


# %%
def patches_wall(P=16):
    pixels, larger = 2.0 ** np.arange(1, 9), P * 2.0 ** np.arange(9 - np.log2(P))
    curves = {
        "every pixel a token": (pixels, wall(pixels, 16, 48)),
        f"patches of {P} × {P}": (larger, wall(larger, 16, 48, patch=P)),
    }
    size = wall(128, 16, 48, patch=P)
    unit, name = (GIB, "GiB") if size >= GIB else (MIB, "MiB")
    marks = {"768 GiB": (128, wall(128, 16, 48)), f"{size / unit:g} {name}": (128, size)}
    title = f"Patches of {P} × {P} need {P**4:,} times less memory"
    assert wall(128, 16, 48) == P**4 * size
    return lecture.attention_wall(curves, marks, title=title)


assert wall(128, 16, 48) // wall(128, 16, 48, patch=16) == 16**4 == 65_536
assert wall(128, 16, 48, patch=16) == 12 * MIB
plot.frames(patches_wall, P=[2, 4, 8, 16, 32])

# %% [markdown]
# $N = (R/P)^2$ tokens are left, so
#
# $$\text{bytes} = 4\,H L \left(\frac{R}{P}\right)^4 ,$$
#
# and that is 12 MiB instead of 768 GiB, $16^4$ = 65,536 times less. The fourth power, which was against us, now works for
# us. What is lost: inside a patch, attention cannot look at
# single pixels. What happens there is left to one linear map, as section 2 shows.
#
# *Sources.* Chen et al. 2020, "Generative Pretraining from Pixels"; Rabe and Staats 2021, "Self-attention Does Not Need
# $O(n^2)$ Memory"; Dao et al. 2022, "FlashAttention"; Milakov and Gimelshein 2018, "Online normalizer calculation for
# softmax"; Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words".

# %% [markdown]
# ## 2 From an image to tokens
#
# Our data: ten shapes, drawn from a seed, of random colour, size, tilt and place, $H \times W$ = 32 × 32 pixels in $C$ = 3
# colours. One of them goes all the way.

# %%
data = mv.data.shapes(n_train=1000, n_test=100, seed=0)
assert data.train.images.shape == (1000, 32, 32, 3) and data.train.images.dtype == np.uint8
plot.samples(data.train.images[:16], data.train.labels[:16], data.class_names)

# %% [markdown]
# ### Step 1: cut
#
# [Patches](../docs/glossary.md#patch) of $P \times P$ pixels, without overlap, numbered row by row from 1 to
#
# $$N = \frac{HW}{P^2} .$$
#
# **Predict.** $N$ for 32 × 32 pixels and $P = 8$? And for 224 × 224 and $P = 16$?

# %%
P = 8
image = data.train.images[2]
pixels, _ = ops.patchify_forward(image[None].astype(float), patch_size=P)
stages = {"image": image, "patches": pixels.reshape(-1, P, P, 3)}
assert len(stages["patches"]) == 32 * 32 // P**2 == 16
assert 224 * 224 // 16**2 == 14 * 14 == 196
assert np.array_equal(stages["patches"][7 - 1], image[8:16, 16:24])  # number 7: row 2, column 3
lecture.vit_so_far(stages)

# %% [markdown]
# ### Step 2: flatten
#
# Each patch is laid out as one row of $P^2 C$ numbers, and the image has become a matrix, $N \times P^2 C$. (The pixels are
# first brought to mean 0 and spread 1, colour by colour, as for any net.) Nothing is lost and nothing added: the two
# matrices hold the same numbers in another order, so the backward pass is the same move, back.

# %%
images = mv.train.normalize(image[None], data.mean, data.std)  # (1, 32, 32, 3)
rows, _ = ops.patchify_forward(images, patch_size=P)
assert rows.shape == (1, 16, 8 * 8 * 3) and rows.size == images.size
again, _ = ops.unpatchify_forward(rows, img_size=32, patch_size=P)
assert np.array_equal(again, images)
stages["rows"] = rows[0]
lecture.vit_so_far(stages)


# %%
def cut(P=4):
    return lecture.cut_into_patches(image, P)


plot.frames(cut, P=[2, 4, 8, 16])

# %% [markdown]
# With small patches the sequence is long and its rows are short: 64 rows of 48 numbers for $P = 4$. The models that we train
# have these; for the drawing, 16 columns are enough.
#
# **Step through it:** <a href="../docs/steps/vit.html#patch_embed/patchify/forward">an image is cut</a>.
#
# ### Step 3: project
#
# Every row $x_p$ is mapped to a [token](../docs/glossary.md#token) of width $D$ by one matrix, the same for all:
# $x_p E$ with $E \in \mathbb{R}^{P^2 C \times D}$, and a bias.

# %%
model = mv.create_model("vit_micro_patch4_32", patch_size=P, embed_dim=48, seed=0)
tokens, _ = model.patch_embed.forward(images)
E = model.patch_embed.proj.weight.value.reshape(8 * 8 * 3, 48)
assert np.allclose(tokens, rows @ E + model.patch_embed.proj.bias.value, atol=1e-5)
assert tokens.shape == (1, 16, 48)
stages["tokens"] = tokens[0]
lecture.vit_so_far(stages)

# %% [markdown]
# "A vision model without [convolutions](../docs/glossary.md#convolution)", one hears. But a matrix that is applied to every
# patch *is* a convolution, with a kernel as large as its [stride](../docs/glossary.md#stride): it visits every patch once.
# **Predict.** What shape must the kernel have, and what shape comes out?

# %%
kernel = model.patch_embed.proj.weight.value
feature_map, _ = ops.conv2d_forward(images, kernel, model.patch_embed.proj.bias.value, stride=P)
assert kernel.shape == (8, 8, 3, 48) and feature_map.shape == (1, 4, 4, 48)
assert np.allclose(tokens, feature_map.reshape(1, 16, 48), atol=1e-5)
print("rows times matrix", tokens.shape, "= strided convolution", feature_map.shape)

# %% [markdown]
# **Exercise.** [`patches`](../minivit/course/exercises/patches.md): `minivit course start patches`
#
# **Step through it:** <a href="../docs/steps/vit.html#patch_embed.proj/linear/forward">patches become tokens</a>.
#
# The layer of the package takes the rows and the matrix:

# %%
show_source(PatchEmbed.forward)

# %% [markdown]
# ### Step 4: the class token
#
# One more token is put in front, the [class token](../docs/glossary.md#class-token): a learned vector, the same for every
# image. It stands for no patch. What is it for? In the end *one* vector must answer for the whole image, and every patch
# has its own affairs. The class token has none: it is a place to collect in, and since it is the same for every image, all
# that it can know at the end is what attention has brought it. (The idea is BERT's. In the drawing it is nearly white,
# because it begins at almost nothing.)

# %%
with_class, _ = ops.prepend_token_forward(tokens, model.cls_token.value)
assert with_class.shape == (1, 1 + 16, 48)
assert np.array_equal(with_class[0, 0], model.cls_token.value[0, 0])
assert np.array_equal(with_class[:, 1:], tokens)
stages["with_class"] = with_class[0]
lecture.vit_so_far(stages)

# %% [markdown]
# The other way is to do without, and to read the *mean* of all patches, as convolutional nets do: `global_pool="avg"`. The
# paper tried both (appendix D.3) and found them equally good, each with a [learning rate](../docs/glossary.md#learning-rate)
# of its own. We measure it in the [next lecture](05_training_vit.ipynb#3-Class-token-or-mean). **Predict.** The gradient
# that arrives at the tokens of the last block: which tokens get any, in either case?

# %%
z = np.random.default_rng(0).standard_normal((1, 17, 48))
dy = np.ones((1, 48))
(d_token,) = ops.first_token_backward(dy, ops.first_token_forward(z)[1])
(d_mean,) = ops.mean_pool_backward(dy, ops.mean_pool_forward(z, num_prefix_tokens=1)[1])
assert np.flatnonzero(np.abs(d_token).sum((0, 2))).tolist() == [0]  # the class token, all of it
assert np.flatnonzero(np.abs(d_mean).sum((0, 2))).tolist() == [*range(1, 17)]
assert np.allclose(d_mean[:, 1:], 1 / 16)  # a share for each patch
pooled = mv.create_model(
    "vit_micro_patch4_32", patch_size=P, embed_dim=48, class_token=False, global_pool="avg"
)
assert model.num_params - pooled.num_params == 48 + 48  # the token, and its position

# %% [markdown]
# ### Step 5: positions
#
# [Attention](02_attention.ipynb) does not know where a token stands: reorder the tokens, and the results are reordered. So
# one learned vector for each position is added, a [position embedding](../docs/glossary.md#position-embedding),
#
# $$z_0 = [\,x_\text{class};\; x_1 E;\; \dots;\; x_N E\,] + E_\text{pos}, \qquad E_\text{pos} \in \mathbb{R}^{(N+1) \times D} .$$

# %%
z0, _ = ops.add_positions_forward(with_class, model.pos_embed.value)
assert model.pos_embed.shape == (1, 17, 48)
assert np.array_equal(z0, with_class + model.pos_embed.value)
stages |= {"positions": model.pos_embed.value[0], "z0": z0[0]}
lecture.vit_so_far(stages)

# %% [markdown]
# **Predict.** Shuffle the patches of an image like a jigsaw puzzle. Does the model notice? And without the positions?

# %%
shuffle = np.random.default_rng(0).permutation(16)
puzzle, _ = ops.unpatchify_forward(rows[:, shuffle], img_size=32, patch_size=P)
blind = mv.create_model("vit_micro_patch4_32", patch_size=P, embed_dim=48, seed=0)
blind.pos_embed.value[...] = 0
with_positions, without = (
    np.abs(net.forward(images)[0] - net.forward(puzzle)[0]).max() for net in (model, blind)
)
print(f"largest change of a logit: {with_positions:.4f} with positions, {without:.6f} without")
assert with_positions > 1e-3 and without < 1e-5

# %% [markdown]
# Without positions a Vision Transformer sees a bag of patches: it is
# [permutation-equivariant](../docs/glossary.md#permutation-equivariant) up to the head, and the head does not see the order
# at all.
#
# **Exercise.** [`tokens`](../minivit/course/exercises/tokens.md): `minivit course start tokens`
#
# **Step through it:** <a href="../docs/steps/vit.html#add_positions/forward">positions are added</a>.
#
# *Sources.* Dosovitskiy et al. 2021, section 3.1, equation 1, and appendix D.3; Devlin et al. 2019, "BERT".

# %% [markdown]
# ## 3 Encoder and head
#
# ### Step 6: the encoder
#
# $L$ blocks follow, those of the [Transformer lecture](03_transformer.ipynb), with the norms in front
# ([pre-norm](../docs/glossary.md#pre-norm)). Attention lets tokens exchange what they know; the
# [MLP](../docs/glossary.md#mlp) thinks about each token alone. Both *add* to what is there, and both read a normalised copy:
#
# $$z' = z + \operatorname{MSA}(\operatorname{LN}(z)), \qquad z'' = z' + \operatorname{MLP}(\operatorname{LN}(z')).$$
#
# The backward pass is the forward pass read from the bottom up. Where forward adds two branches, both get the gradient.
# (`drop_path`, [stochastic depth](../docs/glossary.md#stochastic-depth), sometimes leaves out a branch in training; without
# a random generator it does nothing.)

# %%
show_source(Block.forward)
show_source(Block.backward)

# %%
zL, c_blocks = mv.layers.run(model.blocks, z0)
assert zL.shape == z0.shape  # what comes out is of the shape that went in
for block in c_blocks:
    assert block.attn.attention.weights.shape == (1, 4, 17, 17)  # images, heads, readers, read
stages["zL"] = zL[0]
lecture.vit_so_far(stages, depth=len(model.blocks))

# %% [markdown]
# Here is the second convolution in hiding. The MLP applies two matrices to every token alone. Lay the 16 patch tokens out as
# the 4 × 4 map that they come from: a matrix at every place is a convolution with a kernel of 1 × 1. **Predict.** Which part
# of a Vision Transformer is then no convolution?

# %%
mlp = model.blocks[0].mlp
y, _ = mlp.forward(z0[:, 1:])  # the patch tokens, (1, 16, 48)
as_map = z0[:, 1:].reshape(1, 4, 4, 48)
W1, W2 = (fc.weight.value[None, None] for fc in (mlp.fc1, mlp.fc2))  # kernels of 1 x 1
assert W1.shape == (1, 1, 48, 96) and W2.shape == (1, 1, 96, 48)
h, _ = ops.conv2d_forward(as_map, W1, mlp.fc1.bias.value)
h, _ = ops.gelu_forward(h)
h, _ = ops.conv2d_forward(h, W2, mlp.fc2.bias.value)
assert np.allclose(y, h.reshape(1, 16, 48), atol=1e-5)
print("MLP", y.shape, "= two convolutions of 1 x 1", h.shape)

# %% [markdown]
# Attention: it alone mixes places, and with weights that depend on the image, where a convolution's are fixed.
#
# ### Step 7: the head
#
# A last normalisation, and a linear map from token 0 to ten [logits](../docs/glossary.md#logits).

# %%
h, _ = model.norm.forward(zL)
logits, _ = model.head.forward(h[:, 0])
assert np.array_equal(logits, model.forward(images)[0])  # all steps by hand = the model
probabilities, _ = ops.softmax_forward(logits)
assert np.all(np.abs(probabilities - 0.1) < 0.03)  # untrained: about 10 % each
stages["logits"] = logits[0]
lecture.vit_so_far(stages, depth=len(model.blocks), class_names=data.class_names)

# %% [markdown]
# That is a Vision Transformer, all of it. Untrained, it holds all classes for about equally likely.
#
# Below is the same way as its cache tells it, every array that is kept for the [backward
# pass](../docs/glossary.md#backward-pass), in the order in which it was made: for the model with patches of 4 × 4 that we
# train next, and one of its four blocks (the others look the same). **Predict.** Which row is the largest?

# %%
small = mv.create_model("vit_micro_patch4_32", embed_dim=48, depth=1, seed=0)
logits, cache = small.forward(images)
table = mv.describe(cache)
assert cache.blocks[0].attn.attention.weights.shape == (1, 4, 65, 65)
assert max(row.nbytes for row in table.rows) == 4 * 65 * 65 * 4  # the attention weights
table

# %% [markdown]
# Read it from top to bottom and you have read the model: 64 patches of 48 numbers (4 · 4 · 3); 65 tokens with the class
# token in front; queries, keys and values, which are views into the one array that `qkv` made; four attention maps of 65 ×
# 65; the MLP, twice as wide; the head. The attention maps are the largest array, even for images as small as these.
#
# Is the backward pass of the whole model right? The [gradient check](../docs/glossary.md#gradient-check) of the
# [attention lecture](02_attention.ipynb) takes models as well:

# %%
tiny = mv.models.ViT(
    img_size=(6, 4),
    patch_size=2,
    num_classes=5,
    embed_dim=8,
    depth=2,
    num_heads=2,
    seed=0,
    dtype="float64",
)
few_images = np.random.default_rng(0).standard_normal((3, 6, 4, 3))
mv.check.check_layer(tiny, few_images)  # silent: right
print(len(tiny.params), "parameters, and the images: every gradient agrees with differences")
assert len(tiny.params) == 32

# %% [markdown]
# **Step through it:** all seven steps with their numbers, and the way back, of
# <a href="../docs/steps/vit.html">a small Vision Transformer on a heart</a>, which has no class token;
# <a href="../docs/steps/vit.html#pool/mean_pool/forward">the mean of its tokens</a> and
# <a href="../docs/steps/vit.html#head/linear/forward">its logits</a>.
#
# *Sources.* Dosovitskiy et al. 2021, section 3.1, equations 1 to 4.

# %% [markdown]
# ## 4 How large
#
# The paper's three sizes. A model of this package draws its numbers on first use, so Huge costs nothing as long as it is
# only counted. **Predict.** Where do the parameters sit: in the patch embedding, in attention, or in the MLPs?


# %%
def count(D, L, F, patch, classes=1000, side=224, channels=3):
    """Parameters of a ViT by its closed form, part by part."""
    N = (side // patch) ** 2
    return {
        "patches": patch * patch * channels * D + D,
        "class token, positions": D + (N + 1) * D,
        "attention": L * (4 * D * D + 4 * D),  # q, k, v and the output, with their biases
        "MLP": L * (2 * D * F + F + D),
        "norms": (2 * L + 1) * 2 * D,
        "head": D * classes + classes,
    }


# %%
head = "| | layers | D | MLP | heads | parameters | in the paper | attention | MLP |"
lines = [head, "|-" * 9 + "|"]
paper = {"base_patch16": 86, "large_patch16": 307, "huge_patch14": 632}  # millions, table 1
exact = {}
for name, millions in paper.items():
    net = mv.create_model(f"vit_{name}_224")
    D, L, patch = net.config["embed_dim"], net.config["depth"], net.config["patch_size"]
    parts = count(D, L, 4 * D, patch)
    exact[name] = net.num_params
    assert sum(parts.values()) == net.num_params  # closed form = counted
    attention, mlp = (f"{parts[part] / net.num_params:.0%}" for part in ("attention", "MLP"))
    lines.append(
        f"| ViT-{name.split('_')[0].title()}/{patch} | {L} | {D} | {4 * D} "
        f"| {net.config['num_heads']} | {net.num_params:,} | {millions}M | {attention} | {mlp} |"
    )
assert [*exact.values()] == [86_567_656, 304_326_632, 632_045_800]
assert mv.create_model("vit_large_patch32_224").num_params == 306_535_400
heads = [D * 1000 + 1000 for D in (768, 1024, 1280)]
without_head = [number - head for number, head in zip(exact.values(), heads, strict=True)]
assert without_head == [85_798_656, 303_301_632, 630_764_800]
Markdown("\n".join(lines))

# %% [markdown]
# One third is attention, two thirds are the MLPs, and all else is small change. The counts are exact, with a head for 1000
# classes and images of 224 × 224. Of the paper's numbers, 632 million is Huge with its head (632.0; 630.8 without). 86 is
# Base without its head (85.8); with it, 86.6 would be rounded to 87. And 307 for Large is not what Large has with patches of
# 16 × 16, which is 304.3 with its head; with patches of 32 × 32 it would be 306.5.
#
# ### The attention weights again
#
# At 224 × 224, patches of 16 × 16 make a grid of 14 × 14. Without the class token, one matrix of attention weights has
# $(14^2)^2$ numbers. **Predict.** Is that per head, per layer, or for the whole model? Are they parameters?

# %%
for grid, kib, mib in ((14, 150.0625, 112.546875), (16, 256, 192)):
    side = grid * (224 // grid)
    entries = grid**4
    one_head = 4 * entries
    everything = wall(side, heads=16, layers=48, patch=224 // grid)
    print(
        f"{grid} x {grid}: {entries:,} entries, {one_head / KIB:.2f} KiB for one head,", end=" "
    )
    print(f"{everything / MIB:.2f} MiB for 48 layers of 16 heads")
    assert one_head == kib * KIB and everything == mib * MIB == 48 * 16 * one_head
assert 14**4 == 38_416 and 16**4 == 65_536

base = mv.create_model("vit_base_patch16_224", depth=1)  # one block of Base
_, cache = base.forward(np.zeros((1, 224, 224, 3), np.float32))
weights = cache.blocks[0].attn.attention.weights
assert weights.shape == (1, 12, 197, 197)  # with the class token
assert weights[0, 0].nbytes == 4 * 197**2 and weights.nbytes == 12 * 4 * 197**2
print("ViT-Base, with its class token:", end=" ")
print(f"{weights[0, 0].nbytes / KIB:.2f} KiB for one head,", end=" ")
print(f"{weights.nbytes / MIB:.2f} MiB for one layer of 12")

# %% [markdown]
# **Per head**, and for one image. You will find the 150 KiB called the memory of a layer: a layer of ViT-Base has twelve
# heads, so it holds twelve of them, 1.78 MiB. And they are not parameters, as they are sometimes called: they are computed
# for each image anew, and what they cost is memory until backward, not storage. Likewise with pixels as tokens, at
# 224 × 224: there are $224^4$ = 2.5 billion entries; the 22 billion that one reads take each *colour* of each pixel for a
# token.

# %%
assert 224**4 == 2_517_630_976 and (3 * 224 * 224) ** 2 == 22_658_678_784 == 9 * 224**4
assert round(weights.nbytes / MIB, 2) == 1.78

# %% [markdown]
# *Sources.* Dosovitskiy et al. 2021, table 1.

# %% [markdown]
# ## 5 What is built in, and what is not
#
# ### Isotropic or hierarchical
#
# Every block of a ViT has the same tokens of the same width: it is [isotropic](../docs/glossary.md#isotropic). Most
# convolutional nets are pyramids: deeper in, the map gets smaller and its vectors wider, because things in images come in
# all sizes. The Swin Transformer is a pyramid of attention. Bars are as high as the map has rows, and as blue as
# its vectors are wide; all three panels have the same scales.

# %%
lecture.pyramids(lecture.PYRAMIDS)

# %%
for name, model_stages in lecture.PYRAMIDS.items():
    sizes = (f"{side}² × {width} = {side**2 * width:,}" for side, width, _ in model_stages)
    print(f"{name:10}", *sizes)
vit, swin, resnet = ([side**2 * width for side, width, _ in s] for s in lecture.PYRAMIDS.values())
assert vit == [14 * 14 * 768] == [150_528]  # numbers in a map, the same in every block
assert swin == [301_056, 150_528, 75_264, 37_632]  # half of it from stage to stage
assert resnet == [802_816, 401_408, 200_704, 100_352]

# Why does Swin need windows? It begins with patches of 4 x 4:
everywhere, in_windows = 56**4, 7**2 * 56**2  # entries of one head: all pairs; windows of 7 x 7
assert everywhere == 9_834_496 and in_windows == 153_664
print(f"56 x 56 tokens: {everywhere:,} entries of one head for all pairs,", end=" ")
print(f"{in_windows:,} in windows of 7 x 7, {everywhere // in_windows} times less")
assert everywhere == 64 * in_windows

# %% [markdown]
# Where both have 14 × 14 places, ViT-Base is twice as wide as Swin-Tiny. Patches of a quarter of the side (4 pixels for 16)
# cost attention 256 times more, so the fine stages of a pyramid cannot compare all with all; Swin compares within windows
# ([counted](06_costs.ipynb#2-Pixels,-patches,-windows) in lecture 6).
#
# ### Inductive bias
#
# What does a model know of images before it has seen one? That is its [inductive bias](../docs/glossary.md#inductive-bias).
# A convolution knows two things: *what is near belongs together*, and *a thing is the same thing wherever it stands*. Both
# can be measured. First: how far does one place of the output see, after one layer? Its [receptive
# field](../docs/glossary.md#receptive-field) is where a gradient arrives. **Predict.** How many of the 1024 pixels for a
# convolution with a kernel of 3 × 3? After two? For one block of a ViT?


# %%
def pixels_reached(backward, map_shape):
    """How many pixels get a gradient from the number in the middle of a layer's output."""
    dy = np.zeros(map_shape)
    dy[(0, *(side // 2 for side in map_shape[1:-1]), 0)] = 1
    return int((np.abs(backward(dy)).sum((0, 3)) > 0).sum())


rng = np.random.default_rng(0)
x, W = rng.standard_normal((1, 32, 32, 3)), rng.standard_normal((3, 3, 3, 3))
y1, c1 = ops.conv2d_forward(x, W, padding=1)
y2, c2 = ops.conv2d_forward(y1, W, padding=1)
one = pixels_reached(lambda dy: ops.conv2d_backward(dy, c1).x, y1.shape)
two = pixels_reached(
    lambda dy: ops.conv2d_backward(ops.conv2d_backward(dy, c2).x, c1).x, y2.shape
)
vit = mv.create_model("vit_micro_patch4_32", embed_dim=48, seed=0, dtype="float64")
h, c_embed = vit.patch_embed.forward(x)
h, c_block = vit.blocks[0].forward(h)
attended = pixels_reached(
    lambda dy: vit.patch_embed.backward(vit.blocks[0].backward(dy, c_block), c_embed), h.shape
)
print(f"pixels that are seen: one convolution {one}, two {two}, one ViT block {attended}")
assert (one, two, attended) == (9, 25, 32 * 32)

# %% [markdown]
# Second: move the image by four pixels, the side of a patch. What a convolution computes moves along. **Predict.** And the
# tokens of a ViT: after the projection? After the positions?

# %%
moved = np.roll(x, 4, axis=2)  # to the right; what leaves comes in at the left
y_moved, _ = ops.conv2d_forward(moved, W, padding=1)
conv = np.abs(y_moved[:, 1:-1, 5:-1] - y1[:, 1:-1, 1:-5]).max()  # off the rim
before, after = (vit.patch_embed.forward(im)[0].reshape(1, 8, 8, 48) for im in (x, moved))
projected = np.abs(after[:, :, 1:] - before[:, :, :-1]).max()
where = vit.pos_embed.value[:, 1:].reshape(1, 8, 8, 48)
placed = np.abs((after + where)[:, :, 1:] - (before + where)[:, :, :-1]).max()
by_one = vit.patch_embed.forward(np.roll(x, 1, axis=2))[0].reshape(1, 8, 8, 48)
cut_elsewhere = np.abs(by_one - before).max()
print(f"convolution {conv:.1g}, projection {projected:.1g}, with positions {placed:.2f}")
assert conv < 1e-12 and projected < 1e-12 and placed > 0.01
assert cut_elsewhere > 1  # moved by one pixel, every patch is another

# %% [markdown]
# | built in | convolutional net | ViT |
# |---|---|---|
# | near belongs together | in every layer: 9 pixels, then 25, ... | within a patch only; the first block sees all 1024 |
# | the same thing everywhere | in every layer, for any move | projection and MLP, for moves by whole patches |
# | the image is two-dimensional | in every layer | where patches are cut; positions start as a list without order |
#
# What is not built in has to be learned, from images. How many that takes is measured in the
# [next lecture](05_training_vit.ipynb#4-Why-a-ViT-wants-data).
#
# *Sources.* Dosovitskiy et al. 2021, section 3.1 ("Inductive bias"); Liu et al. 2021, "Swin Transformer"; He et al. 2016,
# "Deep Residual Learning", table 1.
#
# ### To do yourself
#
# 1. An image of 384 × 384, patches of 16 × 16: how many tokens, and how many times the attention weights of 224 × 224?
# 2. Which model has more parameters, ViT-Base with patches of 16 or of 32 pixels? Which needs more multiplications?
# 3. Take away the class token *and* the positions, and average: `class_token=False, global_pool="avg"` with `pos_embed` at
#    zero. What does the model do with a jigsaw puzzle now?
# 4. In the drawing, the rows of "projected" are much alike, but for a few. Why?
#
# <details><summary>Answers</summary>
#
# 1. 24 · 24 = 576 patches, 577 tokens. $(576/196)^2$ = 8.6 times.
# 2. Patches of 32: 88,224,232 against 86,567,656. Their matrix $E$ has four times the rows (3072), which is 1.77 million
#    more, and the positions are fewer by 147 · 768, which is 0.11 million less. But patches of 16 need more multiplications:
#    17.6 billion against 4.4, four times as many, because there are 197 tokens instead of 50.
# 3. The logits stay the same: the mean of the patches does not depend on their order either.
# 4. Most patches are background, dark and nearly even: their rows, and so their tokens, are nearly the same. Those that
#    differ are on the shape.
#
# </details>

# %%
assert (384 // 16) ** 2 == 576 and round((576 / 196) ** 2, 1) == 8.6
assert mv.create_model("vit_base_patch32_224").num_params == 88_224_232
assert (32**2 - 16**2) * 3 * 768 == 1_769_472 and (196 - 49) * 768 == 112_896
assert 88_224_232 - 86_567_656 == 1_769_472 - 112_896


def multiplications(patch, D=768, F=3072, L=12):
    """Of ViT-Base for one image: patch embedding, blocks, head."""
    N = (224 // patch) ** 2 + 1
    blocks = L * (N * (4 * D * D + 2 * D * F) + 2 * N * N * D)
    return (N - 1) * 3 * patch * patch * D + blocks + D * 1000


assert (multiplications(16), multiplications(32)) == (17_563_828_224, 4_409_186_304)
pooled.pos_embed.value[...] = 0
assert np.allclose(pooled.forward(images)[0], pooled.forward(puzzle)[0], atol=1e-5)

# %% [markdown]
# **Next:** [training it](05_training_vit.ipynb).
