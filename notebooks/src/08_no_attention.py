# %% [markdown]
# # No attention at all
#
# So far everything turned on attention. What if we take it out? MLP-Mixer (Tolstikhin et al. 2021) puts an MLP over the
# tokens in its place and leaves the rest of the [Vision Transformer](04_vit.ipynb) (ViT) as it is. It learns to see, and what
# it can and cannot do says a good deal about attention, too.
#
# 1. [Another look at a block](#1-Another-look-at-a-block): where in it do tokens talk to each other?
# 2. [Token mixing and channel mixing](#2-Token-mixing-and-channel-mixing): one MLP along each axis, and the way back.
# 3. [A weird convolutional net](#3-A-weird-convolutional-net): the same numbers, written with kernels.
# 4. [What it costs](#4-What-it-costs): linear in the tokens, and why.
# 5. [What it cannot do](#5-What-it-cannot-do): another image size, another order. And a ViT?
# 6. [Training one](#6-Training-one): beside a ViT and a Swin in the same time, and maps of what its tokens listen to.
#
# | here | what it is | in the paper | on the slides |
# |---|---|---|---|
# | $N$ | tokens | $S$ | $N$ |
# | $D$ | width of a token: its channels | $C$ | $C$ |
# | $E$ | hidden width of token mixing | $D_S$ | left out |
# | $F$ | hidden width of channel mixing | $D_C$ | left out |
# | $W_1, W_2$ | token mixing, the first in a block | $W_1, W_2$ of MLP1 | MLP 2 |
# | $W_3, W_4$ | channel mixing, the second | $W_3, W_4$ of MLP2 | MLP 1 |
# | $A^\top$, `A.mT` | $A$ with its rows and columns swapped | | |
#
# It takes about half a minute on two processors. *Predict* means: write down a guess before you run the cell below. Every
# number that the text claims stands in an `assert`. All are the same on every machine but those of the training in
# section 6, where the asserts ask for what holds anyway. Words in blue lead to the [glossary](../docs/glossary.md).

# %%
import json
from pathlib import Path

import numpy as np
from IPython.display import Markdown

import minivit as mv
from minivit import ops, plot
from minivit.cost import formulas
from minivit.layers import Block, MixerBlock, channel_mixing_conv, token_mixing_conv
from minivit.plot.lectures import no_attention as lecture
from minivit.plot.matrices import matrices
from minivit.plot.source import show_source
from minivit.train import Recipe, Trainer

np.set_printoptions(precision=3, suppress=True)

# %% [markdown]
# ## 1 Another look at a block
#
# A [block](../docs/glossary.md#block) of a ViT has four layers: two norms, attention, an [MLP](../docs/glossary.md#mlp). It
# reads a matrix $X$ with a row for each of $N$ [tokens](../docs/glossary.md#token), $D$ numbers wide. Take one number of a
# layer's output, that of token 3 in channel 4, and ask which numbers of the input it depends on. Its gradient says so.
#
# **Predict.** Which of the 6 × 8 numbers, for each layer?


# %%
def asked(layer, x):
    """Size of the gradient of one output, token 3 in channel 4, with regard to every input."""
    y, cache = layer.forward(x)
    dy = np.zeros_like(y)
    dy[0, 3 - 1, 4 - 1] = 1
    return np.abs(layer.backward(dy, cache))[0]


def percent(size):
    """Of the largest, to two digits."""
    return np.vectorize(lambda share: float(f"{share:.2g}"))(100 * size / size.max())


N, D = 6, 8
x = np.random.default_rng(1).standard_normal((1, N, D))
block = Block(D, num_heads=2).init(0, "float64")
parts = {"norm": block.norm1, "MLP": block.mlp, "attention": block.attn}
gradients = {name: asked(layer, x) for name, layer in parts.items()}
assert [np.flatnonzero(g.any(1)).tolist() for g in gradients.values()] == [[2], [2], [*range(6)]]
TITLE = "What channel 4 of token 3 depends on (rows: tokens; columns: channels; % of the largest)"
shown = {name: percent(size) for name, size in gradients.items()}
matrices(shown, digits=3, columns=3, numbered=True, title=TITLE)

# %% [markdown]
# Norm and MLP keep to row 3: a 0 is exactly 0. **Only attention looks at other rows**: take it out, and every token is alone
# for good. So something has to stand there. What does attention do? It multiplies the values $V$ by a matrix $A$ of $N \times N$
# numbers. The matrix is computed from the image: it is another one for each image, and costs queries, keys and a softmax.
#
# Now the plan: let the matrix be *learned*, the same for every image, like all other matrices of the net. And since two
# matrices with a nonlinearity between them can do more than one, let it be an MLP.
#
# *Sources.* Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", section 3.1 (the block).

# %% [markdown]
# ## 2 Token mixing and channel mixing
#
# **Exercise.** [`mixer`](../minivit/course/exercises/mixer.md): `minivit course start mixer`. This section and the next show its
# answers; try it before you read their code. Its statement has all the formulas.
#
# An MLP mixes the numbers of a row. Swap the axes of $X$, and a row is a channel: an MLP on it mixes the tokens.
#
# $$U = X + \big(\sigma(\operatorname{LN}_1(X)^\top W_1) W_2\big)^\top, \qquad Y = U + \sigma(\operatorname{LN}_2(U) W_3) W_4,$$
#
# with $W_1 \in \mathbb{R}^{N \times E}$, $W_2 \in \mathbb{R}^{E \times N}$, $W_3 \in \mathbb{R}^{D \times F}$, $W_4 \in
# \mathbb{R}^{F \times D}$, biases that are not written, and GELU for $\sigma$. The first is called
# [token mixing](../docs/glossary.md#token-mixing), the second [channel mixing](../docs/glossary.md#channel-mixing); it is the MLP
# that was there before. Step by step, with the shapes (batch of one, rows, columns):

# %%
E, F = 5, 16
mixer = MixerBlock(D, N, tokens_dim=E, channels_dim=F).init(0, "float64")
tokens_mlp, channels_mlp = mixer.mlp_tokens, mixer.mlp_channels
steps = {"X": x}
steps["LN1(X)"], c_norm1 = mixer.norm1.forward(x)
steps["swapped"] = steps["LN1(X)"].mT
h, _ = tokens_mlp.fc1.forward(steps["swapped"])
steps["times W1, GELU"], _ = ops.gelu_forward(h)
steps["times W2"], _ = tokens_mlp.fc2.forward(steps["times W1, GELU"])
steps["swapped back"] = steps["times W2"].mT
steps["U"] = x + steps["swapped back"]
steps["LN2(U)"], c_norm2 = mixer.norm2.forward(steps["U"])
h, _ = channels_mlp.fc1.forward(steps["LN2(U)"])
steps["times W3, GELU"], _ = ops.gelu_forward(h)
steps["times W4"], _ = channels_mlp.fc2.forward(steps["times W3, GELU"])
steps["Y"] = steps["U"] + steps["times W4"]
y, cache = mixer.forward(x)
assert np.allclose(steps["Y"], y, atol=1e-14)  # by hand = the layer
Markdown(
    "\n".join(["| | shape |", "|---|---|", *(f"| {k} | {a.shape} |" for k, a in steps.items())])
)

# %%
assert [steps[name].shape[1:] for name in ("swapped", "times W1, GELU", "times W3, GELU")] == [
    (D, N),
    (D, E),
    (N, F),
]
show_source(MixerBlock.forward)

# %% [markdown]
# Each MLP is shared: token mixing by all channels, channel mixing by all tokens. Neither norm nor channel mixing sees another
# row, and token mixing (without its norm) sees no other column.
#
# **Predict.** What does one number depend on after token mixing, after channel mixing, after the whole block? How many blocks
# does it take until every number has heard of every other?

# %%
one = np.zeros((1, N, D))
one[0, 3 - 1, 4 - 1] = 1
_, c_tokens = tokens_mlp.forward(x.mT)
gradients = {
    "token mixing": np.abs(tokens_mlp.backward(one.mT, c_tokens).mT)[0],
    "channel mixing": asked(channels_mlp, x),
    "the block": asked(mixer, x),
}
shown = {name: percent(size) for name, size in gradients.items()}
assert np.flatnonzero(gradients["token mixing"].any(0)).tolist() == [4 - 1]  # its column
assert np.flatnonzero(gradients["channel mixing"].any(1)).tolist() == [3 - 1]  # its row
assert (gradients["the block"] > 0).all()
matrices(shown, digits=3, columns=3, numbered=True, title=TITLE)

# %% [markdown]
# A column, a row, and after both everything: the number needs row 3 of $U$, and each number of that row needs its column of
# $X$. One block is enough, as it is with attention.
#
# ### The way back
#
# From the bottom up. $\bar Y$ goes two ways, past channel mixing and through it; their sum, $\bar U$, goes two ways again. A swap
# is undone by a swap. Write $f^*$ for the backward pass of $f$, and keep $\top$ for swaps:
#
# $$\bar U = \bar Y + \operatorname{LN}_2^*\!\big(\operatorname{MLP}_\text{channels}^*(\bar Y)\big), \qquad
#   \bar X = \bar U + \operatorname{LN}_1^*\!\Big(\big(\operatorname{MLP}_\text{tokens}^*(\bar U^\top)\big)^\top\Big) .$$

# %%
dy = np.random.default_rng(1).standard_normal(y.shape)
mixer.zero_grad()
du = dy + mixer.norm2.backward(channels_mlp.backward(dy, cache.mlp_channels), cache.norm2)
dx = du + mixer.norm1.backward(tokens_mlp.backward(du.mT, cache.mlp_tokens).mT, cache.norm1)
assert np.allclose(dx, mixer.backward(dy, cache), atol=1e-14)
small = mv.models.Mixer(
    img_size=(4, 6),
    patch_size=2,
    num_classes=5,
    embed_dim=8,
    num_blocks=2,
    seed=0,
    dtype="float64",
)
images = np.random.default_rng(0).standard_normal((3, 4, 6, 3))
mv.check.check_layer(small, images)  # silent: right
print(len(small.params), "parameters, and the images: every gradient agrees with differences")
assert len(small.params) == 30

# %% [markdown]
# The lines above are the formulas, and agree with `MixerBlock.backward`. The check of a whole Mixer of two blocks has 30 arrays
# of parameters. **Predict.** Two of these have no gradient at all, whatever the images are. Which?

# %%
logits, cache = small.forward(images)
small.zero_grad()
small.backward(np.ones_like(logits) * [1, -2, 3, -4, 5], cache)
largest = {name: np.abs(param.grad).max() for name, param in small.named_params().items()}
none = [name for name, size in largest.items() if size < 1e-13 * max(largest.values())]
assert none == [f"blocks.{i}.mlp_tokens.fc2.bias" for i in range(2)]
print(*none, sep="\n")

# %% [markdown]
# The last bias of token mixing is one number for each token, added to all of its channels alike. Every later norm takes the
# mean of a token away, and with it this number. It stays what it was at first: zero. (timm and Google store it all the same.)
#
# *Sources.* Tolstikhin et al. 2021, "MLP-Mixer: An all-MLP Architecture for Vision", section 2 and equation 1.

# %% [markdown]
# ## 3 A weird convolutional net
#
# Convolutions are not needed, says the paper, and then grants that a Mixer can be seen as a very special convolutional net. Lay
# the tokens out as the map that they come from. Channel mixing applies one matrix at every place: two
# [convolutions](../docs/glossary.md#convolution) with kernels of 1 × 1, as the MLP of a ViT. And token mixing?
#
# The slide of the lectures says: MLP 1 is $C \to C$ for each patch, a convolution of 1 × 1; MLP 2 is $N \to N$ for
# each channel, a convolution of $\sqrt N \times \sqrt N$ in $C$ groups ($C$ is our $D$). **Predict.** What comes out of that
# second convolution, for a map of 2 × 3 places with 8 channels?

# %%
Y, X = 2, 3
as_map = x.reshape(1, Y, X, D)
kernel = np.random.default_rng(2).standard_normal((Y, X, 1, D))  # one for each channel
out, _ = ops.conv2d_forward(as_map, kernel, groups=D)
print("one kernel for each channel:", as_map.shape, "->", out.shape)
assert out.shape == (1, 1, 1, D)

# %% [markdown]
# One number for each channel, not $N$: a kernel as large as the map has one place to be at. **The slide leaves the hidden
# widths out.** Token mixing is $N \to E \to N$: the first layer is a depthwise convolution with $E$ kernels for each
# channel, the second a 1 × 1 that makes $N$ places out of $E$ numbers, in each channel by itself. And there is a second
# thing that no usual depthwise convolution has: the kernels of all channels are the *same*. In the code, `np.tile` repeats them.

# %%
show_source(token_mixing_conv)

# %%
rows = {
    "token mixing": (token_mixing_conv, tokens_mlp, tokens_mlp.forward(x.mT)[0].mT),
    "channel mixing": (channel_mixing_conv, channels_mlp, channels_mlp.forward(x)[0]),
}
for name, (convolution, mlp, expected) in rows.items():
    found = convolution(as_map, *(param.value for param in mlp.params))
    difference = np.abs(found.reshape(1, N, D) - expected).max()
    print(f"{name:15} as convolutions: {found.shape}, largest difference {difference:.0e}")
    assert difference < 1e-12

# %% [markdown]
# ### What the sharing saves
#
# **Predict.** Mixer-B/16 has 14 × 14 tokens of width 768 and 59.9 million parameters. How many would it have if each channel
# had its own kernels, as in a usual depthwise convolution? How many more multiplications?

# %%
sizes = {"tied": formulas.mixer_params(), "untied": formulas.mixer_params(tied=False)}
assert sizes == {"tied": 59_880_472, "untied": 1_450_678_504}
one_block = [formulas.token_mixing_params(196, 384, channels=n) for n in (1, 768)]
assert one_block == [151_108, 768 * 151_108]
first, second = (
    ((14, 14), 768, 768 * 384),
    (1, 768 * 384, 768 * 196),
)  # kernel, channels in and out
convolutions = sum(formulas.conv_macs(1, *conv, groups=768) for conv in (first, second))
assert formulas.token_mixing_macs(196, 384, 768) == convolutions == 115_605_504
for name, params in sizes.items():
    print(f"{name:7} {params / 1e6:8,.1f} M parameters, {formulas.mixer_macs() / 1e9:.1f} G MACs")

# %% [markdown]
# 24 times as many parameters, and not one multiplication more: each kernel is used once in each channel, whosever it is.
# According to the paper the sharing costs no accuracy. It says something true: what is up or left in one channel is so in all of
# them.
#
# *Sources.* Tolstikhin et al. 2021, the abstract, section 1 ("a very special CNN"), section 2 and appendix A.1 (the sharing).

# %% [markdown]
# ## 4 What it costs
#
# In each block, for one image, with the hidden widths $E$ and $F$, and without the norms, which both have:
#
# | | parameters | MACs |
# |---|---|---|
# | attention | $4D^2 + 4D$ | $4ND^2 + 2N^2D$ |
# | token mixing | $2NE + E + N$ | $2NED$ |
# | channel mixing, MLP | $2DF + F + D$ | $2NDF$ |
#
# Token mixing is linear in $N$, *because $E$ is chosen without regard to it*: 256 to 640 in the paper, half of the
# width. **Predict.** At 14 × 14 tokens and $D$ = 768, how many times cheaper than attention is token mixing? At 56 × 56?

# %%
tokens = np.array([49, 196, 784, 3136])
curves = {
    "attention": np.array([formulas.msa_macs((int(n), 1), 768) for n in tokens]),
    "token mixing": np.array([formulas.token_mixing_macs(int(n), 384, 768) for n in tokens]),
}
ratio = curves["attention"] / curves["token mixing"]
print({int(n): f"{r:.1f} times" for n, r in zip(tokens, ratio, strict=True)})
assert np.round(ratio, 1).tolist() == [4.1, 4.5, 6.0, 12.2]
square = [round(2 * n**2 * 768 / formulas.msa_macs((n, 1), 768), 2) for n in (196, 3136)]
assert square == [0.11, 0.67]  # the part of attention that is quadratic
assert np.array_equal(
    curves["token mixing"] * 4, [*curves["token mixing"][1:], 4 * 1_849_688_064]
)
lecture.macs_by_tokens(tokens, curves, {"B/16 at 224": 196})

# %% [markdown]
# Token mixing costs a quarter or less. At 196 tokens, that is not for the famous square: of what attention costs, $2N^2D$ is a
# ninth, and the rest is $4ND^2$, its four matrices of $D \times D$. At 3,136 tokens the square is two thirds. Whole models, for one
# image, counted by running them ([how](06_costs.ipynb)):

# %%
lines = ["| | parameters | MACs | kept for backward |", "|---|---:|---:|---:|"]
counted = {}
for name in ("vit_base_patch16_224", "mixer_b16_224", "vit_base_patch32_224", "mixer_b32_224"):
    counted[name] = cost = mv.cost.estimate(name)
    kept = f"{cost.activation_bytes / 2**20:.1f} MiB"
    lines.append(f"| `{name}` | {cost.params:,} | {cost.macs_forward:,} | {kept} |")
vit_b, mixer_b, vit_b32, mixer_b32 = counted.values()
assert (mixer_b.params, mixer_b.macs_forward) == (59_880_472, 12_601_767_936)
assert mixer_b.params == formulas.mixer_params()
assert mixer_b.macs_forward == formulas.mixer_macs()
assert round(mixer_b.params / vit_b.params, 2) == 0.69
assert round(mixer_b.macs_forward / vit_b.macs_forward, 2) == 0.72
assert round(mixer_b32.params / vit_b32.params, 2) == 0.68
assert round(mixer_b32.macs_forward / vit_b32.macs_forward, 2) == 0.73
assert mixer_b.activation_bytes < vit_b.activation_bytes
assert mixer_b32.activation_bytes > vit_b32.activation_bytes
hidden = 12 * 2 * 4 * 768 * 384  # blocks, before and after GELU, bytes, D, E
assert hidden == 27 * 2**20
Markdown("\n".join(lines))

# %% [markdown]
# About 70 % of the parameters and of the MACs. With patches of 16 × 16 a Mixer keeps less for backward; with 32 × 32 it keeps
# more, for in each channel of each block it keeps $E$ hidden numbers, before and after GELU, however few the tokens are: 27 MiB in
# both Mixers.
#
# What is it worth? The paper's own tables, not computed here: trained on ImageNet alone, Mixer-B/16 reaches 76.4 % and a ViT-B/16
# 79.7 %; with 300 million images before, the largest of each, 87.9 % and 88.6 %. With little data the matrix that is computed is
# ahead; with much, a learned one nearly catches up.
#
# *Sources.* Tolstikhin et al. 2021, section 2 and tables 1 to 3.

# %% [markdown]
# ## 5 What it cannot do
#
# ### Another image size
#
# **Predict.** A model for images of 32 × 32 pixels gets one of 48 × 48. What does a Mixer do? What would the blocks of a ViT do?

# %%
net = mv.create_model("mixer_tiny_patch4_32", embed_dim=32, num_blocks=2, seed=0)
vit = mv.create_model("vit_micro_patch4_32", embed_dim=32, depth=2, seed=0)
large = np.random.default_rng(0).standard_normal((1, 48, 48, 3)).astype(np.float32)
try:
    net.forward(large)
except ValueError as error:
    print(error)
W1 = net.blocks[0].mlp_tokens.fc1.weight
assert W1.shape[0] == (32 // 4) ** 2 == 64  # a row for each token, and there are 144 now
h = np.random.default_rng(0).standard_normal((1, 144, 32)).astype(np.float32)
y, _ = mv.layers.run(vit.blocks, h)
assert y.shape == h.shape and vit.pos_embed.shape == (1, 65, 32)  # 64 patches and a class token
print("the blocks of a ViT take 144 tokens as they took 65:", y.shape)

# %% [markdown]
# A ViT has to be told new positions, which can be resampled
# ([lecture 5](05_training_vit.ipynb#5-Fine-tuning-at-a-higher-resolution)); no matrix in its blocks knows $N$. In a Mixer every
# block has two that do. It is **bound to its image size**.
#
# ### Another order
#
# Shuffle the patches of an image. **Predict.** Who notices: a ViT, a ViT without positions, a Mixer (which never had any)?

# %%
image = np.random.default_rng(1).standard_normal((1, 32, 32, 3)).astype(np.float32)
order = np.random.default_rng(2).permutation(64)


def shuffled(images):
    """The same patches in another order."""
    patches, _ = ops.patchify_forward(images, patch_size=4)
    return ops.unpatchify_forward(patches[:, order], img_size=32, patch_size=4)[0]


blind = mv.create_model("vit_micro_patch4_32", embed_dim=32, depth=2, seed=0)
blind.pos_embed.value[...] = 0
nets = {"ViT": vit, "ViT without positions": blind, "Mixer": net}
noticed = {}
for name, model in nets.items():
    before, after = (model.forward(it)[0] for it in (image, shuffled(image)))
    noticed[name] = np.abs(after - before).max() / np.abs(before).max()
print({name: f"{change:.1e}" for name, change in noticed.items()})
assert noticed["ViT without positions"] < 1e-5
assert noticed["ViT"] > 1e-3 and noticed["Mixer"] > 0.05

# %% [markdown]
# These are the largest changes of a logit, as parts of the largest logit. The ViT without positions does not care, but for
# rounding: it is [permutation equivariant](../docs/glossary.md#permutation-equivariant). One with positions notices; not by much
# here, for positions are drawn small, and nobody has trained them. A Mixer notices at once: token 17 has row 17 of $W_1$ to itself.
# That is why it needs no [position embedding](../docs/glossary.md#position-embedding).
#
# So it knows *where* everything is. Does it know what is *beside* what? Shuffle the patches, and in the same way the rows of $W_1$,
# the columns of $W_2$ and the bias that follows it. **Predict.** What happens to the output?

# %%
again = mv.create_model("mixer_tiny_patch4_32", embed_dim=32, num_blocks=2, seed=0)
for block in again.blocks:
    mlp = block.mlp_tokens
    mlp.fc1.weight.value = mlp.fc1.weight.value[order]
    mlp.fc2.weight.value = mlp.fc2.weight.value[:, order]
    mlp.fc2.bias.value = mlp.fc2.bias.value[order]
same = np.abs(again.forward(shuffled(image))[0] - net.forward(image)[0]).max()
print(f"largest change of a logit: {same:.1e}")
assert same < 1e-5

# %% [markdown]
# Nothing, but for rounding. For every Mixer there is another that sees the shuffled world as this one sees ours, and before
# training both are equally likely. So if all images had their patches shuffled in one and the same way, it would learn as well as
# before: **beyond its patches, a Mixer has no idea that images are two-dimensional.** A kernel of 3 × 3 would look at strangers then.
# That is what little [inductive bias](../docs/glossary.md#inductive-bias) means. The paper's figures in section 4 fit it: a ViT is
# ahead by less where the images are many.
#
# ### What came of it
#
# Many nets of that year and the next have MLPs and no attention. ResMLP leaves of token mixing a single matrix. gMLP multiplies: half
# of the channels, mixed over the tokens by one matrix, are a gate for the other half. Both are bound to their image size like a Mixer.
# S²-MLP has no matrix over the tokens: it moves a quarter of the channels by one place up, a quarter down, left and right, and lets
# channel mixing do the rest. CycleMLP reads the channels of a token from its neighbours in turn. These two know neighbours again,
# and take an image of any size.
#
# *Sources.* Tolstikhin et al. 2021, section 2; Touvron et al. 2021, "ResMLP"; Liu et al. 2021, "Pay Attention to MLPs" (gMLP); Yu et
# al. 2022, "S²-MLP"; Chen et al. 2022, "CycleMLP".

# %% [markdown]
# ## 6 Training one
#
# Three blocks of width 64 see 8,000 drawn shapes three times, as the ViT of [lecture 5](05_training_vit.ipynb#1-Training-it,-here)
# does. **Predict.** Guessing is 10 %. Where does it end?

# %%
data = mv.data.shapes(n_train=8000, n_test=500, seed=0)
options = {"embed_dim": 64, "num_blocks": 3, "mlp_ratio": (1.0, 2.0)}
recipe = Recipe(
    model="mixer_tiny_patch4_32",
    options=options,
    epochs=3,
    batch_size=32,
    lr=4e-3,
    crop_padding=0,
    flip=False,
    seed=0,
)
trainer = Trainer(recipe, data)
history = list(trainer.run())
score = history[-1].test_score
print(f"{trainer.model.num_params:,} parameters, {len(history)} steps: {score:.0%}")
assert trainer.model.num_params == 79_370 and score > 0.8
plot.learning_curves(history, least=trainer.task.least_loss(data))

# %% [markdown]
# Better than nine in ten on the machine that wrote this. **Predict.** And now the trained model on shuffled images?

# %%
labels = data.test.labels
right = {}
for name, pixels in (
    ("as they are", data.test.images),
    ("shuffled", shuffled(data.test.images.astype(float)).astype(np.uint8)),
):
    right[name] = (trainer.probabilities(pixels).argmax(1) == labels).mean()
print({name: f"{share:.0%}" for name, share in right.items()})
assert right["as they are"] > 0.8 and right["shuffled"] < 0.3

# %% [markdown]
# It is back at guessing: to a Mixer, a patch in another place is another thing.
#
# ### Every family in the same time
#
# The nets of lectures 5, 7 and 8 were trained for as long as a lecture has, each in another way; their scores are no comparison. This one
# is: CIFAR-10, about half a million parameters and ten minutes on two cores for each family of this course, as many whole epochs as fit
# into them, and the learning rate the best of three for images that were held back. **Predict.** Which is ahead: convolution,
# attention, or what has neither?

# %%
RESULTS = Path("../experiments/results")
runs, speeds = (
    json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["runs"]
    for name in ("gallery", "gallery_speed")
)
speed = {run["model"]: run for run in speeds}
final = {run["model"]: run["test"] for run in runs}
lines = [
    "| CIFAR-10 in ten minutes | parameters | seconds per step | epochs | test accuracy |",
    "|---|---:|---:|---:|---:|",
]
for run in sorted(runs, key=lambda run: -run["test"]):
    its = speed[run["model"]]
    numbers = f"{its['params']:,} | {its['seconds_per_step']:.2f} | {run['epochs']}"
    lines.append(f"| `{run['model']}` | {numbers} | {run['test']:.1%} |")
ahead = [name.partition("_")[0] for name in sorted(final, key=final.get)[-4:]]
assert len({"resmlp", "gmlp", "mixer"}.intersection(ahead)) == 3
assert round(mixer_b.params / speed["mixer_tiny_patch4_32"]["params"]) == 105
assert round(vit_b.params / speed["vit_micro_patch4_32"]["params"]) == 180
Markdown("\n".join(lines))

# %% [markdown]
# What has neither: three of the first four mix tokens by a matrix. One of 64 × 64 is small and quick, and knows from the first step
# which token stands where; what attention has to learn of that, it learns from positions. But with one run of each, a point or two
# are no ranking, and this says how fast they learn, not how far they come. For that see section 4:
# of models with 105 and 180 times the parameters, trained on ImageNet, the ViT is three points ahead of the Mixer. (The command, what
# each costs, what is special about it, and how far it sees: [the gallery](../docs/gallery.md). iGPT was told no class; a linear probe
# reads what it has learned.)
#
# ### What its tokens listen to
#
# Column $e$ of $W_1$ has a number for each token: how much it counts for hidden unit $e$. Laid out on the grid it is a map, as
# in figure 5 of the paper. Here is what training has added to them. Units are drawn in pairs, each with the one that is most
# opposed to it, from smooth maps to fine ones; blue counts, orange is deducted.

# %%
fresh = Trainer(recipe, data).model
names = [f"blocks.{i}.mlp_tokens.fc1.weight" for i in range(3)]
now, before = (model.named_params() for model in (trainer.model, fresh))
changes = [now[name].value - before[name].value for name in names]
plot.token_mixing_maps({f"block {i + 1}": change for i, change in enumerate(changes)}, 8)

# %% [markdown]
# Spots and bars, some of them large, though nothing was told about neighbours. (That the maps of a pair have opposite signs says
# nothing: so they were paired, and smooth maps of random numbers would look so, too.)
#
# Is that more than an impression? If neighbouring tokens are treated alike, the maps are smooth. **Predict.** How alike
# are neighbours in a map that was drawn at random?


# %%
def neighbours(weight):
    """Correlation of each place of the maps with its right neighbour."""
    maps = weight.reshape(8, 8, -1)
    return np.corrcoef(maps[:, :-1].ravel(), maps[:, 1:].ravel())[0, 1]


learned = [neighbours(change) for change in changes]
drawn = [neighbours(before[name].value) for name in names]
print("what training added:", *(f"{r:+.2f}" for r in learned))
print("as drawn:           ", *(f"{r:+.2f}" for r in drawn))
assert min(learned) > 0.15 and max(np.abs(drawn)) < 0.1

# %% [markdown]
# Nobody told it, and it has found out: what is near belongs together. A [convolution](04_vit.ipynb) knows that from the start.
#
# ### To do yourself
#
# 1. Mixer-B/16 at 448 × 448 pixels: how many times the MACs? How many more parameters? And a ViT-B/16?
# 2. Choose $E = 2N$ instead. What does token mixing cost then, as a power of $N$?
# 3. Take token mixing out of every block. What is left? Can that net tell an image from the same image with its patches shuffled?
# 4. Why does a Mixer have no class token?
#
# <details><summary>Answers</summary>
#
# 1. Four times, to a thousandth: everything but the head is linear in $N$. 12 · 588 · 769 = 5.4 million more parameters: in each
#    block 588 more tokens, with $2E$ weights and a bias. A ViT: 4.5 times the MACs, and 588 more positions of 768 numbers.
# 2. $2N \cdot 2N \cdot D$: quadratic, like attention's $2N^2D$, and twice as much.
# 3. A net that judges each patch alone, and then takes the mean over the patches. A mean does not depend on the order, so no: both
#    images give the same logits.
# 4. Every token has a place, a row of $W_1$, and none is free. The mean of all tokens is read instead.
#
# </details>

# %%
four_times = formulas.mixer_macs(img_size=448) / formulas.mixer_macs()
assert abs(four_times - 4) < 0.001
more = formulas.mixer_params(img_size=448) - formulas.mixer_params()
assert more == 12 * (784 - 196) * (2 * 384 + 1) == 5_426_064
assert round(formulas.vit_macs(img_size=448) / formulas.vit_macs(), 1) == 4.5
assert formulas.vit_params(img_size=448) - formulas.vit_params() == 588 * 768
assert formulas.token_mixing_macs(196, 2 * 196, 768) == 4 * 196**2 * 768
alone = mv.create_model("mixer_tiny_patch4_32", embed_dim=32, num_blocks=2, seed=0)
for block in alone.blocks:
    block.mlp_tokens.fc2.weight.value[...] = 0  # token mixing adds nothing then
both = [alone.forward(pixels)[0] for pixels in (image, shuffled(image))]
assert np.allclose(*both, atol=1e-6) and not np.allclose(
    both[0], net.forward(image)[0], atol=1e-3
)

# %% [markdown]
# **Next:** if you have not done so before section 2, write both yourself, the weird net and the block, forward and backward:
# [`mixer`](../minivit/course/exercises/mixer.md).
