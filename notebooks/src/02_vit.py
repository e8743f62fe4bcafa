# %% [markdown]
# # From attention to the Vision Transformer, second lecture: images
#
# In the [first lecture](01_attention.ipynb) attention read sequences: a weighted mean of values, with weights
# $A = \operatorname{softmax}(QK^\top/\sqrt{d_k})$, and one matrix of weights per head waiting for the backward pass. Now
# the sequence is an image.
#
# 4. [Pixels or patches](#4-Pixels-or-patches): the wall that grows with the fourth power of the image's side, the exact way
#    round it, and the practical one.
# 5. [The Vision Transformer](#5-The-Vision-Transformer), piece by piece, then trained here, then looked into.
# 6. [What backward keeps](#6-What-backward-keeps), and what it costs to keep less.
#
# It takes under a minute on two processors, half of it the training, within 1 GiB of memory and without a download.
# *Predict* means: write down a guess before you run the cell below. Formulas, text and pictures count from 1 (the class
# token of section 5 is number 0, as in the paper), Python counts from 0.

# %%
import time
import tracemalloc

import numpy as np
from IPython.display import Markdown, display
from ipywidgets import IntSlider, SelectionSlider, interact

import minivit as mv
from minivit import ops, plot
from minivit.layers import Block, PatchEmbed
from minivit.plot.lectures import vit as lecture
from minivit.plot.source import show_source
from minivit.train import Recipe, Trainer

np.set_printoptions(precision=3, suppress=True)
KIB, MIB, GIB = 2**10, 2**20, 2**30

# %% [markdown]
# ## 4 Pixels or patches
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
def patches_wall(P):
    pixels, larger = 2.0 ** np.arange(1, 9), P * 2.0 ** np.arange(9 - np.log2(P))
    curves = {
        "every pixel a token": (pixels, wall(pixels, 16, 48)),
        f"patches of {P} × {P}": (larger, wall(larger, 16, 48, patch=P)),
    }
    size = wall(128, 16, 48, patch=P)
    marks = {"768 GiB": (128, wall(128, 16, 48)), f"{size / MIB:,.4g} MiB": (128, size)}
    title = f"Patches of {P} × {P} need {P**4:,} times less memory"
    assert wall(128, 16, 48) == P**4 * size
    return lecture.attention_wall(curves, marks, title=title)


assert wall(128, 16, 48) // wall(128, 16, 48, patch=16) == 16**4 == 65_536
assert wall(128, 16, 48, patch=16) == 12 * MIB
patches_wall(16)

# %%
_ = interact(patches_wall, P=SelectionSlider(options=[2, 4, 8, 16, 32], value=16))

# %% [markdown]
# $N = (R/P)^2$ tokens are left, so
#
# $$\text{bytes} = 4\,H L \left(\frac{R}{P}\right)^4 ,$$
#
# and that is 12 MiB instead of 768 GiB, $16^4$ = 65,536 times less. The fourth power, which was against us, now works for
# us. What is lost: inside a patch, attention cannot look at
# single pixels. What happens there is left to one linear map, as the next section shows.
#
# *Sources.* Chen et al. 2020, "Generative Pretraining from Pixels"; Rabe and Staats 2021, "Self-attention Does Not Need
# $O(n^2)$ Memory"; Dao et al. 2022, "FlashAttention"; Milakov and Gimelshein 2018, "Online normalizer calculation for
# softmax"; Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words".

# %% [markdown]
# ## 5 The Vision Transformer
#
# Our data: ten shapes, drawn from a seed, of random colour, size, tilt and place. 32 × 32 pixels.

# %%
data = mv.data.shapes(n_train=8000, n_test=500, seed=0)
assert data.train.images.shape == (8000, 32, 32, 3) and data.train.images.dtype == np.uint8
plot.samples(data.train.images[:16], data.train.labels[:16], data.class_names)

# %% [markdown]
# ### From an image to a sequence
#
# Patches are cut without overlap and numbered row by row, from 1 to $N$. Each is laid out as one row of $P \cdot P \cdot 3$
# numbers: patch $n$ is `patches[:, n - 1]`.

# %%
image = data.train.images[2]


def cut(P):
    return lecture.cut_into_patches(image, P)


patches, _ = ops.patchify_forward(image[None].astype(float), patch_size=4)
assert patches.shape == (1, 8 * 8, 4 * 4 * 3)
n = 10  # the second patch of the second row
assert np.array_equal(patches[0, n - 1].reshape(4, 4, 3), image[4:8, 4:8])
cut(4)

# %%
_ = interact(cut, P=SelectionSlider(options=[2, 4, 8, 16], value=4))

# %% [markdown]
# **Linear projection.** Every patch $x_p$ is mapped to a token of width $D$ by one matrix, $x_p E$ with
# $E \in \mathbb{R}^{P^2 C \times D}$. That is a convolution whose kernel is as large as its stride: it visits every patch
# once. **Predict.** What shape must the kernel have?

# %%
embed = PatchEmbed(32, 4, 3, 48).init(0)
images = mv.train.normalize(data.train.images[:5], data.mean, data.std)
tokens, _ = embed.forward(images)  # (5, 64, 48)

kernel = embed.proj.weight.value  # (4, 4, 3, 48); as a matrix, (48, 48)
maps, _ = ops.conv2d_forward(images, kernel, embed.proj.bias.value, stride=4)  # (5, 8, 8, 48)
assert np.allclose(tokens, maps.reshape(5, 64, 48), atol=1e-5)
print("patches times matrix", tokens.shape, "= strided convolution", maps.shape)
show_source(PatchEmbed.forward)

# %% [markdown]
# **Class token.** One more token, the same learned vector for every image, is put in front. It stands for no patch; in the
# end the class is read from it alone, so all it can know is what attention brings it.
#
# **Position embedding.** Attention does not know where a token stands (you saw it in the first lecture: reorder the
# tokens and the results are reordered). So one learned vector per position is added.
#
# $$z_0 = [\,x_\text{class};\; x_1 E;\; \dots;\; x_N E\,] + E_\text{pos}, \qquad E_\text{pos} \in \mathbb{R}^{(N+1) \times D}$$
#
# **Predict.** Take the position embedding away and shuffle the patches of an image like a jigsaw puzzle. Does the
# model notice?

# %%
shuffle = np.random.default_rng(0).permutation(64)
pieces, _ = ops.patchify_forward(images, patch_size=4)
puzzle, _ = ops.unpatchify_forward(pieces[:, shuffle], img_size=32, patch_size=4)

model = mv.create_model("vit_micro_patch4_32", seed=0)
with_positions = np.abs(model.forward(images)[0] - model.forward(puzzle)[0]).max()
model.pos_embed.value[...] = 0
without = np.abs(model.forward(images)[0] - model.forward(puzzle)[0]).max()
print(f"largest change of a logit: {with_positions:.4f} with positions, {without:.6f} without")
assert with_positions > 1e-3 and without < 1e-5

# %% [markdown]
# Without positions a Vision Transformer sees a bag of patches.
#
# **Blocks.** Then come $L$ blocks, each with two steps. Attention lets tokens exchange what they know; the MLP thinks about
# each token alone. Both *add* to what is there, and both read a normalised copy:
#
# $$z' = z + \operatorname{MSA}(\operatorname{LN}(z)), \qquad z'' = z' + \operatorname{MLP}(\operatorname{LN}(z')).$$
#
# The backward pass is the forward pass read from the bottom up. Where forward adds two branches, both get the gradient.
# (`drop_path` sometimes leaves out a branch in training; without a random generator it does nothing.)

# %%
show_source(Block.forward)
show_source(Block.backward)

# %% [markdown]
# **Head.** A last normalisation, and a linear map from the class token to ten logits.
#
# Here is the whole way for one image, every array that is kept for the backward pass, in the order in which it was made.
# (One block instead of four; the others look the same.) **Predict.** Which row is the largest?

# %%
small = mv.create_model("vit_micro_patch4_32", embed_dim=48, depth=1, seed=0)
logits, cache = small.forward(images[:1])
table = mv.describe(cache)
assert cache.blocks[0].attn.attention.weights.shape == (1, 4, 65, 65)
assert max(row.nbytes for row in table.rows) == 4 * 65 * 65 * 4  # the attention weights
table

# %% [markdown]
# Read it from top to bottom and you have read the model: 64 patches of 48 numbers (4 · 4 · 3); 65 tokens with the class token
# in front; queries, keys and values, which are views into the one array that `qkv` made; four attention maps of 65 × 65;
# the MLP, twice as wide; the head. The attention maps are the largest array, even for images as small as these.
#
# Is the backward pass of the whole model right? The checker of the first lecture takes models as well:

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

# %% [markdown]
# ### Training it, here
#
# A ViT of four blocks and width 48 sees 8,000 images three times, in batches of 32. Cross-entropy, AdamW, a warmup and a
# cosine: what `minivit train` does, only smaller. The curve is drawn again every 75 steps. All processors work; with
# `threads=1` only one does, and the result is the same to the bit.
#
# **Predict.** Guessing gives 10 %; a linear classifier on the pixels stays below 40 % (a test of the package trains one).
# Where will this be after one pass over the images? After three?

# %%
recipe = Recipe(
    model="vit_micro_patch4_32",
    options={"embed_dim": 48},
    epochs=3,
    batch_size=32,
    lr=4e-3,
    crop_padding=0,
    flip=False,
    seed=0,
)
trainer = Trainer(recipe, data)
assert trainer.total_steps == 3 * 8000 // 32 == 750
print(f"{trainer.model.num_params:,} parameters, {trainer.total_steps} steps")

rows, screen = [], display(Markdown("training ..."), display_id="curve")
for metrics in trainer.run():
    rows.append(metrics)
    if metrics.step % 75 == 0:
        screen.update(plot.learning_curves(rows))

assert rows[-1].test_score > 0.8

# %% [markdown]
# The loss begins at $\ln 10 \approx 2.3$, which is guessing, stays near it for a while, then falls: attention has found out
# what to look at. (The loss does not go to zero: the labels are smoothed by 0.1, so even the best answer costs 0.5 nats.)

# %%
best = 0.1 / 10 + 0.9 * ops.one_hot(
    data.test.labels[0], 10
)  # a smoothed label, predicted exactly
assert abs(-(best * np.log(best)).sum() - 0.5) < 0.01
assert abs(rows[0].loss - np.log(10)) < 0.2
pixels, labels = data.test.images[:18], data.test.labels[:18]
probabilities = trainer.probabilities(pixels)
assert np.allclose(probabilities.sum(1), 1, atol=1e-5)
plot.predictions(pixels, labels, probabilities, data.class_names)

# %% [markdown]
# ### Looking into it
#
# **Attention maps.** The row of the class token in $A$ says where it looked. It is in the cache, nothing else is needed:
# `cache.blocks[3].attn.attention.weights[:, :, 0, 1:]` for block 4. *Rollout* multiplies the maps of all blocks, half and
# half with the identity for the residual path, to say how much of each patch arrives. All maps have one scale, so compare
# them: which head stares at a single patch, and which glances at many?

# %%
model = trainer.model
_, cache = model.forward(trainer.normalize(pixels[:4]))
for block in cache.blocks:
    assert np.allclose(block.attn.attention.weights.sum(-1), 1, atol=1e-5)
plot.attention_maps(pixels[:4], cache, block=-1)


# %%
def maps_of(block, image):
    one = data.test.images[image : image + 2]
    return plot.attention_maps(one, model.forward(trainer.normalize(one))[1], block=block - 1)


_ = interact(maps_of, block=IntSlider(4, 1, 4), image=IntSlider(0, 0, 100))

# %% [markdown]
# The heads look at different things (some of them at the background), and the rollout lies on the shape. Nobody gave the
# model an outline, only ten words. Is that more than an impression? Shapes stand out from the background, so
# measure how much of the rollout falls on the quarter of the patches that differ most from the usual brightness, and
# compare with the same model before training. **Predict.** How much does a quarter of the patches get if nothing has been
# learned?

# %%
many = data.test.images[:200]
light, _ = ops.patchify_forward(many.astype(np.float32), patch_size=4)
contrast = np.abs(light.mean(2) - np.median(light.mean(2), axis=1, keepdims=True))
stands_out = contrast.argsort(1)[:, -16:]  # 16 of 64 patches


def on_shape(net):
    """Share of the rollout that falls on the patches that stand out, mean of 200 images."""
    _, cache = net.forward(trainer.normalize(many))
    flow = plot.read_by_head(plot.attention_rollout(cache), cache).reshape(200, 64)
    flow = flow / flow.sum(1, keepdims=True)
    return np.take_along_axis(flow, stands_out, axis=1).sum(1).mean()


fresh = Trainer(recipe, data).model
before, after = on_shape(fresh), on_shape(model)
print(f"on the quarter of the patches that stands out: {before:.1%} before training,", end=" ")
print(f"{after:.1%} after")
assert abs(before - 0.25) < 0.01 and after > 0.35

# %% [markdown]
# Before training, attention is spread evenly, and a quarter of the patches gets a quarter of it. So it is learned, and more
# than an impression. (It says where the model looks, not that it answers for this reason.)
#
# **Patch filters.** The columns of $E$ are 48 filters of 4 × 4 pixels with three colours. Their principal components show what
# the model measures in a patch. **Predict.** What would you measure? And how much of it is learned in 750 steps?

# %%
weight = model.patch_embed.proj.weight.value
_, shares = plot.principal_filters(weight)
_, fresh_shares = plot.principal_filters(fresh.patch_embed.proj.weight.value)
print(f"first three components: {shares[:3].sum():.0%} of the energy, before training", end=" ")
print(f"{fresh_shares[:3].sum():.0%}")
assert shares[:3].sum() > fresh_shares[:3].sum() + 0.02
plot.patch_filters(weight)

# %% [markdown]
# Be honest: most of it is still the noise that it was drawn as. Only the first few components have grown; they are smooth,
# from dark to light across the patch. After hours of training on photographs they look like those of a convolutional
# net (figure 7 of the paper).
#
# **Position embeddings.** Nobody told the model that patch 9 lies below patch 1 (a row has eight). Each small map shows how
# similar the embedding of one position is to those of all the others. **Predict.** Where do the shapes of our data hardly
# ever reach?

# %%
similarity = plot.similarity_maps(model.pos_embed.value, 8)  # (8, 8, 8, 8)
flat = similarity.reshape(64, 64)
row, column = np.divmod(np.arange(64), 8)
distance = np.abs(row[:, None] - row) + np.abs(column[:, None] - column)  # steps along the grid
rim = (np.minimum(row, column) == 0) | (np.maximum(row, column) == 7)
inside = distance[~rim][:, ~rim]
near, far = (flat[~rim][:, ~rim][pick].mean() for pick in (inside == 1, inside >= 4))
among_rim = flat[rim][:, rim][distance[rim][:, rim] >= 4].mean()
print(f"inside: neighbours {near:+.2f}, four or more apart {far:+.2f}")
print(f"on the rim: four or more apart {among_rim:+.2f}")
usual = contrast.mean(0)  # of each patch, from above
inner, outer = usual[~rim].mean(), usual[rim].mean()
print(
    f"patches differ from the usual brightness by {inner:.0f} inside, by {outer:.0f} on the rim"
)
assert near > far + 0.1 and among_rim > far + 0.1
assert outer < 0.5 * inner
plot.position_similarity(model.pos_embed.value, 8)

# %% [markdown]
# Inside the image, neighbours have become similar: the model has learned, from labels alone, that its tokens lie on a
# grid. And the positions on the rim all look alike, however far apart: shapes seldom reach it, so one word for *rim* is
# enough. A position embedding holds what the task needs, not geometry for its own sake.
#
# *Sources.* Dosovitskiy et al. 2021, section 3.1, equations 1 to 4, figures 6 and 7 and appendix D.8 (arXiv version 2);
# Abnar and Zuidema 2020, "Quantifying Attention Flow in Transformers"; Loshchilov and Hutter 2019, "Decoupled Weight Decay
# Regularization"; the UvA Deep Learning tutorials (Lippe), number 15, walk the same way in PyTorch.

# %% [markdown]
# ## 6 What backward keeps
#
# Parameters are not what fills the memory in training. It is what forward keeps for backward, for every image of the
# batch. Here is the cache of eight images, one row per part of the model:

# %%
batch = trainer.normalize(data.train.images[:8])
logits, cache = model.forward(batch)
assert mv.nbytes(cache) > 10 * 4 * model.num_params  # the parameters, in float32
mv.describe(cache, depth=2)

# %% [markdown]
# In a block, with $N$ tokens of width $D$, hidden width $F$ and $H$ heads, the cache holds
#
# | | numbers per image |
# |---|---|
# | two norms: $\hat x$ and one number per token each | $2ND + 2N$ |
# | attention: input, $q\,k\,v$, output of the heads | $ND + 3ND + ND$ |
# | attention weights | $H N^2$ |
# | MLP: input, before GELU, after GELU | $ND + 2NF$ |
#
# **Predict.** $N = 65$, $D = 48$, $F = 96$, $H = 4$. The attention weights were the largest single array above. Which share
# of a block do they take: a tenth, a third, two thirds? And which for images of twice the side?


# %%
def block_bytes(N, D, F, H):
    """Bytes that one block keeps for one image, in float32, by the table above."""
    return {
        "norms": 4 * (2 * N * D + 2 * N),
        "attention: q k v etc.": 4 * 5 * N * D,
        "attention weights": 4 * H * N * N,
        "MLP": 4 * (N * D + 2 * N * F),
    }


def measured_bytes(block):
    """The same from the cache itself; every array is counted once."""
    part = {row.name: row.nbytes for row in mv.describe(block, depth=1).rows}
    weights = block.attn.attention.weights.nbytes
    return {
        "norms": part["norm1"] + part["norm2"],
        "attention: q k v etc.": part["attn"] - weights,
        "attention weights": weights,
        "MLP": part["mlp"],
    }


# %%
parts = {f"block {i + 1}": measured_bytes(block) for i, block in enumerate(cache.blocks)}
expected = {name: 8 * size for name, size in block_bytes(65, 48, 96, 4).items()}
assert all(part == expected for part in parts.values())  # measured = formula, to the byte
for side in (32, 64):
    size = block_bytes((side // 4) ** 2 + 1, 48, 96, 4)
    share = size["attention weights"] / sum(size.values())
    print(f"{side} x {side} pixels: attention weights are {share:.0%} of a block")
    assert max(size, key=size.__getitem__) == "attention weights"
    assert abs(share - {32: 0.31, 64: 0.64}[side]) < 0.005
*others, largest = sorted(size.values())
assert largest > 4 * others[-1]

total = mv.nbytes(cache)
inside = sum(sum(part.values()) for part in parts.values())
bars = {"before the blocks": {"embedding and head": mv.nbytes(cache.patch_embed)}, **parts}
bars["after the blocks"] = {"embedding and head": total - inside - mv.nbytes(cache.patch_embed)}
assert sum(sum(bar.values()) for bar in bars.values()) == total
params = 4 * model.num_params / KIB
print(f"parameters {params:,.0f} KiB, kept for 8 images {total / KIB:,.0f} KiB")
lecture.bytes_by_part(bars, title="Kept for a batch of 8 images")

# %% [markdown]
# A third, or 31 %: the largest line, but by a little. They alone grow with $N^2$: for images of twice the side they take 64 %,
# more than four times as much as any other line.
#
# ### Recomputation
#
# Must a block keep all that? It could keep its *input* only and run its forward pass again when backward needs the rest.
# That is `Checkpoint`, all of it:

# %%
show_source(mv.layers.Checkpoint.forward)
show_source(mv.layers.Checkpoint.backward)

# %% [markdown]
# **Predict.** By how much does the cache shrink? Does the memory that a step needs shrink as much? How many more
# multiplications does a step need, and how much more time?

# %%
frugal = mv.models.ViT(**{**model.config, "grad_checkpointing": True})
frugal.load_state_dict(model.state_dict())
same_logits, thin = frugal.forward(batch)
dlogits = np.random.default_rng(0).standard_normal(logits.shape, np.float32)
gradients = []
for net, c in ((model, cache), (frugal, thin)):
    net.zero_grad()
    net.backward(dlogits, c)
    gradients.append([param.grad.copy() for param in net.params])

assert np.array_equal(logits, same_logits)
assert all(np.array_equal(a, b) for a, b in zip(*gradients, strict=True))  # the same bits
one_block = sum(expected.values())
peak = mv.nbytes(thin) + one_block
print(
    f"everything kept {total / KIB:,.0f} KiB; recomputed {mv.nbytes(thin) / KIB:,.0f} KiB",
    end=" ",
)
print(f"and one block at a time, {one_block / KIB:,.0f} KiB")

# %% [markdown]
# That is what is *kept*. A step needs more: gradients on their way from layer to layer, and results of half-finished
# formulas, which live for a moment. So let Python's own accountant, `tracemalloc`, tell the most that is alive at once.


# %%
def most_alive(net):
    """Most bytes of arrays alive at once in one forward and backward pass, parameters apart."""
    tracemalloc.start()
    _, c = net.forward(batch)
    net.backward(dlogits, c)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most


kept_inputs = sum(mv.nbytes(block) for block in thin.blocks)
assert kept_inputs == 4 * 8 * 65 * 48 * 4  # blocks, images, tokens, width, bytes
most, most_thin = most_alive(model), most_alive(frugal)
rest = mv.nbytes(thin) - kept_inputs  # embedding and head
parts = ("embedding and head", "blocks", "inputs of blocks", "the block at work", "for a moment")
sizes = {
    "everything kept": (total - inside, inside, 0, 0, most - total),
    "recomputed": (rest, 0, kept_inputs, one_block, most_thin - peak),
}
bars = {name: dict(zip(parts, row, strict=True)) for name, row in sizes.items()}
assert rest == total - inside and peak == sum(sizes["recomputed"][:4])
title = "The most that is alive at once, forward and backward of 8 images"
lecture.bytes_by_part(bars, title=title, what="caches, and other arrays as measured (KiB)")

# %%
print(f"kept:  {total / peak:.1f} times less")
print(f"alive: {most / most_thin:.1f} times less")
assert 2.8 < total / peak < 3.2 and 1.9 < most / most_thin < 2.4
moments = np.array([most - total, most_thin - peak])
assert np.all(np.abs(moments / MIB - 1.8) < 0.3)


def multiplications(N, D, F):
    """Of one block for one image: qkv and proj, the MLP, attention's two products."""
    return N * (4 * D * D + 2 * D * F) + 2 * N * N * D


blocks = 4 * multiplications(65, 48, 96)
forward = 64 * 48 * 48 + blocks + 48 * 10  # patch embedding, blocks, head
more = blocks / (3 * forward)  # forward once, backward twice as much; the blocks once more
assert 0.32 < more < 1 / 3
clock = {}
for net in (model, frugal) * 5:
    start = time.perf_counter()
    net.backward(dlogits, net.forward(batch)[1])
    clock[net] = min(clock.get(net, np.inf), time.perf_counter() - start)
print(f"{more:.0%} more multiplications, {clock[frugal] / clock[model] - 1:.0%} more time")

# %% [markdown]
# The gradients are the same to the last bit. What is kept is three times less, but what is alive at once only about
# two times, because some 1.8 MiB live for a moment in both. (The gradients of the parameters, the state of the
# optimizer and the images come on top, and do not change.)
#
# Forward costs one unit of multiplications and backward two (two products for each one of forward), so one more forward
# makes four units out of three: a third more, or a little less, because only the blocks run again. The clock asks for more
# than that, about 40 % if nothing else runs on the machine: the `exp` of the softmax and the $\Phi$ of GELU take time
# without being multiplications, and backward does not need them again.
#
# The deeper the network, the larger the gain, because only one block at a time is whole. For models of the paper, at
# 224 × 224 pixels, what is kept for backward at most, by the formula that agreed with the measurement above:

# %%
lines = ["| model | tokens | kept by the blocks, per image | recomputed |", "|---|---|---|---|"]
for name in ("tiny", "base", "huge"):
    config = mv.models.PRESETS[f"vit_{name}_patch{14 if name == 'huge' else 16}_224"][1]
    D, depth, H = config["embed_dim"], config["depth"], config["num_heads"]
    N = (224 // config["patch_size"]) ** 2 + 1
    block = sum(block_bytes(N, D, 4 * D, H).values())
    everything, thin_bytes = depth * block, depth * 4 * N * D + block
    lines.append(
        f"| ViT-{name.title()} | {N} | {everything / MIB:.0f} MiB | {thin_bytes / MIB:.0f} MiB |"
    )
    if name == "tiny":  # once more: is the formula true of the real model?
        net = mv.create_model("vit_tiny_patch16_224")
        _, c = net.forward(np.zeros((1, 224, 224, 3), np.float32))
        assert sum(mv.nbytes(b) for b in c.blocks) == everything
Markdown("\n".join(lines))

# %% [markdown]
# ### To do yourself
#
# 1. Train with `options={"embed_dim": 48, "global_pool": "avg"}`: the head reads the mean of the patches instead of the
#    class token. Which learns faster here? Where do the patches look?
# 2. Train with `"patch_size": 8`. How many tokens are left, what does a step cost, and what does it do to the accuracy?
# 3. At which side $R$ (patches of 16, 12 heads, width 768, MLP of 3072) do the attention weights become the largest part of
#    a block? Use `block_bytes`.
# 4. Replace `attention_forward` by `attention_chunked_forward` in a layer of your own. What does `mv.describe` say then?
#
# *Sources.* Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"; the presets are those of Dosovitskiy
# et al. 2021, table 1, and of timm.
