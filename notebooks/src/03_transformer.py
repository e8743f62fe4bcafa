# %% [markdown]
# # The Transformer
#
# Attention is one layer. This lecture builds the whole model around it, that of 2017, piece by piece, until it reads a
# sequence and writes another: it learns to sort. Each piece is derived or measured, and what an encoder-only model such
# as the Vision Transformer takes over, it takes over unchanged.
#
# 1. [Multi-head attention in five steps](#1-Multi-head-attention-in-five-steps), from a sentence to what leaves the layer.
# 2. [The residual path](#2-The-residual-path): why depth does not starve the first layers.
# 3. [Layer normalisation, twice](#3-Layer-normalisation,-twice): what is averaged, and what its backward cannot see.
# 4. [The MLP and GELU](#4-The-MLP-and-GELU): each token alone; two thirds of the parameters.
# 5. [Pre-norm or post-norm](#5-Pre-norm-or-post-norm): gradients by depth, and who needs warmup.
# 6. [Positions](#6-Positions): a set becomes a sequence.
# 7. [Encoder and decoder](#7-Encoder-and-decoder): causal mask, cross-attention, and a model that sorts.
#
# **How to read it.** Where it says *Predict*, stop and write down a guess before you run the cell below. What the text
# says about the numbers that the cells compute is checked there by an `assert`. *Which numbers move between machines:*
# times, and the last digits of all that is trained here (losses, scores, attention maps of section 7); they are
# asserted as ranges. All else is the same everywhere. It takes about half a minute on two processors, and no download.
# Formulas and text count from 1, Python from 0.

# %%
import json
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import minivit as mv
from minivit import ops
from minivit.check import check_vjp
from minivit.data import END, PAD, START, decode, sorting
from minivit.layers import Block, Identity, LayerNorm, PostNormBlock, SelfAttention
from minivit.layers.residual import PostNorm, PreNorm
from minivit.layers.sequence import run, run_backward
from minivit.plot.lectures import transformer as lecture
from minivit.plot.source import show_source
from minivit.tasks import NextToken
from minivit.tasks.next_token import greedy
from minivit.train import Recipe, Trainer

np.set_printoptions(precision=3, suppress=True)
_ = threadpool_limits(1)  # matrices as small as these gain nothing from a second BLAS thread


# %% [markdown]
# ## 1 Multi-head attention in five steps
#
# **1 A sentence.** Words become [tokens](../docs/glossary.md#token): numbers of rows in a table. (Real models cut rare
# words into pieces. Ours are whole words.)
#
# **2 Embed.** Each token takes its row of a learned table $E$, the [embedding](../docs/glossary.md#embedding):
# $x_n = E_{t_n}$. It is a linear map of one-hot rows, without the zeros; so its gradient adds up, in each row, what
# arrives at all the places that took it.

# %%
sentence = "The animal didn't cross the street because it was too tired"
words = sentence.lower().split()
vocabulary = sorted(set(words))
tokens = np.array([vocabulary.index(word) for word in words])
D, H = 16, 4  # width, heads
rng = np.random.default_rng(0)
E = rng.standard_normal((len(vocabulary), D))
x, c_embed = ops.embedding_forward(tokens, E)  # (N, D)
assert x.shape == (11, 16) and len(vocabulary) == 10  # "the" stands there twice
assert np.array_equal(x, ops.one_hot(tokens, 10) @ E)
dx = rng.standard_normal(x.shape)
(dE,) = ops.embedding_backward(dx, c_embed)
assert np.allclose(dE[vocabulary.index("the")], dx[0] + dx[4])  # both places

# %% [markdown]
# **3 Split.** Three matrices make [queries](../docs/glossary.md#query), [keys](../docs/glossary.md#key) and
# [values](../docs/glossary.md#value) of all tokens, and each is cut into $H$ heads: head $h$ owns $D/H$ neighbouring
# columns. **4 Attend.** In each head alone, $A_h = \operatorname{softmax}(Q_h K_h^\top / \sqrt{D/H})$ and
# $Z_h = A_h V_h$. **5 Concatenate** the $Z_h$ side by side, and multiply by one more matrix, $W^O$: only here do heads
# meet.
#
# **Predict.** The original has 8 heads. What do 8 heads cost, compared with one of the full width: in numbers of
# parameters, in products?

# %%
WQ, WK, WV, WO = (rng.standard_normal((D, D)) / np.sqrt(D) for _ in range(4))
qkv = {"Q": x @ WQ, "K": x @ WK, "V": x @ WV}  # (N, D) each
K = D // H  # width of a head
maps, found = [], []
for h in range(H):
    q, k, v = (array[:, h * K : (h + 1) * K] for array in qkv.values())  # (N, K)
    A, _ = ops.softmax_forward(q @ k.T / np.sqrt(K))  # (N, N)
    maps.append(A)
    found.append(A @ v)  # (N, K)
joined = np.concatenate(found, axis=1)  # (N, D)
y = joined @ WO  # (N, D)
lecture.five_steps(words, x, qkv, np.array(maps), joined, y)

# %% [markdown]
# The same number of parameters, $4 D^2$, and the same number of products in the five steps: $H$ heads of width $D/H$
# instead of one of width $D$. (What grows with $H$ are the maps: $H N^2$ numbers.) What is won: a softmax looks mostly at
# one place, and $H$ of them look at $H$ places.
#
# The weights here are random, so nothing in these maps means anything yet. What they are when they have been learned,
# section 7 shows. And the layer of the package is these five lines:

# %%
layer = SelfAttention(D, H, qkv_bias=False).init(dtype="float64")
layer.qkv.weight.value = np.concatenate((WQ, WK, WV), axis=1)  # one product makes all three
layer.proj.weight.value = WO
of_package, cache = layer.forward(x[None])
assert np.allclose(of_package[0], y, atol=1e-14)
assert np.allclose(cache.attention.weights[0], maps, atol=1e-15)
assert (
    sum(param.size for name, param in layer.named_params().items() if "weight" in name)
    == 4 * D**2
)
print(
    {
        name: part.shape
        for name, part in {"x": x, "head": found[0], "map": maps[0], "y": y}.items()
    }
)

# %% [markdown]
# **To do yourself.** In a layer with 2 heads instead of 4 and the same matrices, is the output the same? What if there is
# no softmax and no scale, $A_h = Q_h K_h^\top$?
#
# <details><summary>Answer</summary>
#
# No, in both cases. A head's scores are products over its own columns only, so another cut gives other scores; and
# without the softmax $\sum_h Q_h K_h^\top V_h$ placed side by side still pairs the columns of Q and K with the columns
# of V of the *same* head alone.
#
# </details>

# %%
two_heads = SelfAttention(D, 2, qkv_bias=False).init(dtype="float64")
two_heads.load_state_dict(layer.state_dict())
assert np.abs(two_heads.forward(x[None])[0][0] - y).max() > 0.1


def linear_heads(H):
    """Heads without softmax and scale, side by side."""
    parts = (np.split(array, H, axis=1) for array in qkv.values())
    return np.concatenate([q @ k.T @ v for q, k, v in zip(*parts, strict=True)], axis=1)


assert np.abs(linear_heads(2) - linear_heads(4)).max() > 1

# %% [markdown]
# **Step through it:** <a href="../docs/steps/vit.html#blocks.0.attn/split_heads/forward">split</a>,
# <a href="../docs/steps/vit.html#blocks.0.attn/multi_head_attention/forward">attend</a> and
# <a href="../docs/steps/vit.html#blocks.0.attn/merge_heads/forward">merge</a> in a Vision Transformer.
#
# *Sources.* Vaswani et al. 2017, "Attention Is All You Need", section 3.2.2. The sentence is that of J. Uszkoreit's post
# "Transformer: A Novel Neural Network Architecture for Language Understanding", 2017.
#
# **Exercise.** [`multi_head`](../minivit/course/exercises/multi_head.md): `minivit course start multi_head`

# %% [markdown]
# ## 2 The residual path
#
# A [block](../docs/glossary.md#block) adds what a layer finds to what was there: $x' = x + f(x)$. The
# [residual path](../docs/glossary.md#residual-path) is the plain $x$ that goes on. Backward, both ways get the
# [gradient](../docs/glossary.md#gradient): $\bar x = \bar x' + f$'s own. However little $f$ lets through, $\bar x'$
# arrives.
#
# **Predict.** 24 fresh blocks of attention and MLP: with the path and without, and either with the normalisation of the next
# section and without. The gradient at the end has size 1. How large is it at the beginning, in each of the four?


# %%
class NoPathBlock(Block):
    """A block without its residual paths: mlp(norm2(attn(norm1(x)))) alone."""

    def forward(self, x):
        return run([self.norm1, self.attn, self.norm2, self.mlp], x)

    def backward(self, dy, cache):
        return run_backward([self.norm1, self.attn, self.norm2, self.mlp], dy, cache)


# %%
def alike(x):
    """The mean cosine between two different tokens of a sample."""
    units = x / np.linalg.norm(x, axis=-1, keepdims=True)
    N = x.shape[1]
    return float(((units @ units.mT).sum((1, 2)).mean() - N) / (N * (N - 1)))


def through(kind, *, norm=True, depth=24, width=64):
    """By block: size of x behind it, gradient in front of it, how alike the tokens are."""
    blocks = [kind(width, 4).init(seed, "float64") for seed in range(depth)]
    for block in () if norm else blocks:
        block.norm1, block.norm2 = Identity(), Identity()
    rng = np.random.default_rng(0)
    x, caches, size, cosine, back = rng.standard_normal((8, 16, width)), [], [], [], []
    for block in blocks:
        x, cache = block.forward(x)
        caches.append(cache)
        size.append(np.sqrt(np.mean(x * x)))
        cosine.append(alike(x))
    dx = rng.standard_normal(x.shape)
    for block, cache in zip(blocks[::-1], caches[::-1], strict=True):
        dx = block.backward(dx, cache)
        back.append(np.sqrt(np.mean(dx * dx)))
    return np.array(size), np.array(back[::-1]), np.array(cosine)


# %%
kinds = {
    "path and norm": (Block, True),
    "norm alone": (NoPathBlock, True),
    "path alone": (Block, False),
    "neither": (NoPathBlock, False),
}
found = {name: through(kind, norm=norm) for name, (kind, norm) in kinds.items()}
curves = {name: back for name, (_, back, _) in found.items()}
for name, back in curves.items():
    print(f"{name:14} gradient at the beginning: {back[0]:.1e}")
assert curves["neither"][0] < 1e-12 and curves["path alone"][0] > 1e6
assert 1 < curves["path and norm"][0] < 5 and 0.5 < curves["norm alone"][0] < 5
title = "What arrives of a gradient of size 1"
lecture.by_depth(curves, ylabel="gradient in front of the block", title=title, log=True)

# %% [markdown]
# With neither, the gradient is multiplied, block by block, by what the layers let through, and fades like a geometric
# series: nothing arrives. With the path alone it explodes: each block adds in proportion to what is there. The norm keeps
# sizes in order. So is the path superfluous once there is a norm? Its sizes are fine, but look at what is in the vectors:
#
# **Predict.** Attention takes means. What becomes of 16 different tokens after 24 times taking means?

# %%
curves = {name: found[name][2] for name in ("path and norm", "norm alone")}
assert curves["norm alone"][5] > 0.999 and curves["path and norm"][-1] < 0.7
lecture.by_depth(
    curves, ylabel="cosine between two tokens", title="Without the path, all tokens become one"
)

# %% [markdown]
# After a few blocks without the path all tokens are the same vector, whatever went in (Dong et al.: "pure attention loses
# rank"). With it, a token keeps what it was, and blocks add to it: the tokens grow alike here, too, but slowly, and after 24
# blocks the cosine is still below 0.7.
#
# **To do yourself.** A block $x + f(x)$ whose $f$ ends in a matrix of zeros computes $x$. Does it learn?
#
# <details><summary>Answer</summary>
#
# Yes. The gradient of that matrix is (what enters it)$^\top$ times the arriving gradient, which is not zero, so the first
# step changes it. What is zero is the gradient of all that stands *before* it in $f$, in the first step only. Some models
# start like this on purpose: a deep net begins as the identity.
#
# </details>

# %%
block, x = Block(64, 4).init(0, "float64"), np.random.default_rng(0).standard_normal((2, 5, 64))
for part in (block.attn.proj, block.mlp.fc2):
    part.weight.value = np.zeros_like(part.weight.value)
y, c_block = block.forward(x)
assert np.array_equal(y, x)
block.backward(np.random.default_rng(1).standard_normal(y.shape), c_block)
assert block.mlp.fc2.weight.grad.any() and not block.mlp.fc1.weight.grad.any()

# %% [markdown]
# **Step through it:** <a href="../docs/steps/vit.html#blocks.1/forward">a block</a> and <a href="../docs/steps/vit.html#blocks.1/backward">its backward</a>.
#
# *Sources.* He et al. 2016, "Deep Residual Learning for Image Recognition", section 3; the same, "Identity Mappings in
# Deep Residual Networks", section 2; Dong, Cordonnier and Loukas 2021, "Attention Is Not All You Need: Pure Attention
# Loses Rank Doubly Exponentially with Depth".
#
# **Exercise.** [`block`](../minivit/course/exercises/block.md): `minivit course start block`

# %% [markdown]
# ## 3 Layer normalisation, twice
#
# [Layer normalisation](../docs/glossary.md#layer-normalisation) subtracts a mean, divides by a standard deviation, and then
# learns a scale $\gamma$ and a shift $\beta$. Of *which* numbers is the mean? There are two answers in circulation:
#
# - **per token:** each row of width $d$ by itself, $\mu_n = \frac1d \sum_j x_{nj}$;
# - **per sample:** all tokens together, $\mu = \frac{1}{nd} \sum_{i,j} x_{ij}$, as several lectures write it.
#
# **Predict.** One token is ten times as loud as the others. What becomes of the others, under either?

# %%
rng = np.random.default_rng(1)
x = rng.standard_normal((1, 8, 16))
x[:, 2] *= 10  # the loud one
ones, zeros = np.ones(16), np.zeros(16)
per_token, _ = ops.layer_norm_forward(x, ones, zeros)
per_sample, _ = ops.layer_norm_sample_forward(x, ones, zeros)
size = {"token": np.sqrt((per_token**2).mean(-1)), "sample": np.sqrt((per_sample**2).mean(-1))}
print("sizes of the tokens, per token: ", size["token"][0])
print("sizes of the tokens, per sample:", size["sample"][0])
lecture.same_scale(
    {"x, cut at 3": x[0], "normalised per token": per_token[0], "per sample": per_sample[0]},
    limit=3.0,
    label="one scale for all three: orange −3, white 0, blue 3",
    title="One loud token (the third row)",
)

# %%
assert np.allclose(size["token"], 1, atol=1e-5)  # every token has size 1
quiet = np.delete(size["sample"][0], 2)
assert quiet.max() < 0.5 < 2 < size["sample"][0, 2]  # the loud one has pushed all others down
group, _ = ops.group_norm_forward(x, ones, zeros, num_groups=1, eps=1e-6)
assert np.allclose(per_sample, group)  # per sample: a group norm with a single group

# %% [markdown]
# There is a second difference, and it decides the matter for a model that writes. Per sample, the mean is taken over all
# tokens: what stands at the end of the sequence changes the beginning. A decoder that is to say what comes next would be
# told, through the mean, what comes next. Transformers normalise per token; `LayerNorm` here does, too.

# %%
later = x.copy()
later[:, -1] += 1  # change the last token only
for name, norm in (("token", ops.layer_norm_forward), ("sample", ops.layer_norm_sample_forward)):
    change = np.abs(norm(later, ones, zeros)[0] - norm(x, ones, zeros)[0])[0, :-1].max()
    print(f"per {name:6} the seven tokens before it change by {change:.3f}")
    assert (change == 0) == (name == "token")

# %% [markdown]
# ### Its backward: what the norm cannot see has no gradient
#
# Let $\hat x = (x - \mu) / \sigma$, for one token of width $d$. Two changes of $x$ leave $\hat x$ as it is: moving all
# numbers together, $x + a\,\mathbf 1$ (the mean takes it away), and stretching, $(1 + a)(x - \mu)$ (the deviation takes
# it away). Whatever follows cannot depend on them; so the gradient has no part along $\mathbf 1$, and none along
# $\hat x$. Everything else passes, divided by $\sigma$. With the gradient of $\hat x$, $g = \bar y \gamma$, that *is* the
# formula:
#
# $$\bar x = \frac1\sigma \Big( g \;-\; \underbrace{\mathbf 1\,\tfrac1d \textstyle\sum_j g_j}_{\text{along } \mathbf 1}
# \;-\; \underbrace{\hat x\,\tfrac1d \textstyle\sum_j g_j \hat x_j}_{\text{along } \hat x} \Big),$$
#
# because $\mathbf 1$ and $\hat x$ both have length $\sqrt d$ and stand at right angles. (The chain rule, worked through
# mean and deviation term by term, ends in the same three terms.)

# %%
x = rng.standard_normal((5, 16)) * 3 + 1
gamma, beta = rng.standard_normal((2, 16))
y, cache = ops.layer_norm_forward(x, gamma, beta, eps=0.0)
dy = rng.standard_normal(y.shape)
dx, dgamma, dbeta = ops.layer_norm_backward(dy, cache)
g, xhat, sigma = dy * gamma, cache.xhat, x.std(-1, keepdims=True)
along_1 = g.mean(-1, keepdims=True)
along_xhat = xhat * (g * xhat).mean(-1, keepdims=True)
assert np.allclose(dx, (g - along_1 - along_xhat) / sigma, atol=1e-14)
print("along ones:", np.abs(dx.sum(-1)).max(), " along x-hat:", np.abs((dx * xhat).sum(-1)).max())
assert np.abs(dx.sum(-1)).max() < 1e-13 and np.abs((dx * xhat).sum(-1)).max() < 1e-13
check_vjp(ops.layer_norm_forward, ops.layer_norm_backward, x, gamma, beta)  # against differences

# %% [markdown]
# For tokens of width 3 one can look at it. All $\hat x$ have mean 0 and length $\sqrt 3$: they lie on a circle, and the
# gradient can only go along it.

# %%
small = rng.standard_normal((9, 3))
_, cache = ops.layer_norm_forward(small, np.ones(3), np.zeros(3), eps=0.0)
arriving = rng.standard_normal(small.shape)
left = ops.layer_norm_backward(arriving, cache).x * small.std(-1, keepdims=True)
assert np.allclose(np.linalg.norm(cache.xhat, axis=1), np.sqrt(3))
assert np.allclose((left * cache.xhat).sum(-1), 0) and np.allclose(left.sum(-1), 0)
lecture.on_the_circle(cache.xhat, arriving, left)

# %% [markdown]
# **To do yourself.** What does a layer norm of width 2 compute? And why does a loss that is the sum of all outputs give a
# gradient check nothing to check (with $\gamma = 1$)?
#
# <details><summary>Answer</summary>
#
# Width 2: whichever is larger becomes $+1$, the other $-1$; in width 2 the "circle" has two points, and the gradient is
# 0 (as far as $\epsilon$ is small). The sum of the outputs of a token is $d$ times the mean of $\hat x$, always 0: it has
# no gradient, right or wrong. That is why a gradient check takes a *random* [cotangent](../docs/glossary.md#cotangent).
#
# </details>

# %%
two, cache = ops.layer_norm_forward(np.array([[3.0, -7.0]]), np.ones(2), np.zeros(2), eps=0.0)
assert np.allclose(two, [[1, -1]])
assert np.allclose(ops.layer_norm_backward(np.array([[0.3, 0.8]]), cache).x, 0)

# %% [markdown]
# **Step through it:** <a href="../docs/steps/vit.html#blocks.0.norm1/layer_norm/backward">layer norm, backward</a>.
#
# *Sources.* Ba, Kiros and Hinton 2016, "Layer Normalization", section 3; Wu and He 2018, "Group Normalization" (a single
# group).
#
# **Exercise.** [`layer_norm`](../minivit/course/exercises/layer_norm.md): `minivit course start layer_norm`

# %% [markdown]
# ## 4 The MLP and GELU
#
# Attention moves information between tokens; what is *made* of it is made in the [MLP](../docs/glossary.md#mlp) (the paper:
# "feed-forward network", FFN), for each token alone: up to four times the width, an activation, and down again,
#
# $$\mathrm{FFN}(x) = \phi(x W_1 + b_1)\, W_2 + b_2 .$$
#
# In 2017 $\phi$ was ReLU; BERT, GPT and ViT have [GELU](../docs/glossary.md#gelu), $x \Phi(x)$ with the normal
# distribution $\Phi$: where ReLU decides by the sign, it weights by how likely a normal number is to be smaller. Because
# $\Phi$ was slow, there is an approximation by tanh, and models that were trained with one want that one.
#
# **Predict.** By how much do the two differ? Does it matter?

# %%
x = np.linspace(-6, 6, 24_001)
exact, tanh = ops.gelu_forward(x)[0], ops.gelu_tanh_forward(x)[0]
relu, _ = ops.relu_forward(x)
worst = np.abs(tanh - exact).argmax()
print(f"largest difference {abs(tanh - exact)[worst]:.2e}, at |x| = {abs(x[worst]):.2f}")
assert 4.7e-4 < abs(tanh - exact).max() < 4.8e-4
assert 3900 < abs(tanh - exact).max() / (np.spacing(np.float32(2.7)) / 2) < 4100
assert exact.min() > -0.17 and np.isclose(x[exact.argmin()], -0.752, atol=1e-3)  # it dips below 0
near = np.abs(x) <= 4
curves = {"ReLU": relu[near], "GELU": exact[near], "GELU, tanh": tanh[near]}
lecture.activations(x[near], curves, (tanh - exact)[near])

# %% [markdown]
# Five ten-thousandths, in each of many layers: small, and yet about four thousand times what rounding in float32 does to a
# number of this size (1.2e-7). A loaded model that answers *almost* as published often has the other GELU.
#
# Where are the parameters? Attention has $4 D^2$, an MLP of four times the width $8 D^2$:

# %%
block = Block(512, 8).init()
parts = {"attention": block.attn.num_params, "MLP": block.mlp.num_params}
print({name: f"{number:,}" for name, number in parts.items()})
assert parts == {"attention": 1_050_624, "MLP": 2_099_712}
assert 0.66 < parts["MLP"] / sum(parts.values()) < 0.67

# %% [markdown]
# ### Backwards
#
# Of the MLP's two parts, the linear map $y_{nf} = \sum_d x_{nd} W_{df} + b_f$ has three gradients. The number $x_{nd}$ enters all
# $y_{nf}$ of its row, $W_{df}$ those of all tokens, and $b_f$ as well, with the factor 1:
#
# $$\bar X = \bar Y W^\top, \qquad \bar W = X^\top \bar Y, \qquad \bar b = \sum_n \bar y_n .$$
#
# What forward has used many times gets a sum. An activation acts on each number alone, so its backward multiplies by a slope; by
# the product rule, with the normal density $\varphi = \Phi'$, that of GELU is $\Phi(x) + x\, \varphi(x)$.
#
# **Predict.** The slope of ReLU lies between 0 and 1. And that of GELU?

# %%
rows, W, b = (rng.standard_normal(shape) for shape in ((7, 3), (3, 5), 5))
y, c_linear = ops.linear_forward(rows, W, b)
dy = rng.standard_normal(y.shape)
dx, dW, db = ops.linear_backward(dy, c_linear)
assert np.allclose(dx, np.einsum("nf,df->nd", dy, W))  # a sum over outputs,
assert np.allclose(dW, np.einsum("nd,nf->df", rows, dy)) and np.allclose(db, dy.sum(0))  # tokens

_, c_gelu = ops.gelu_forward(x)
(slope,) = ops.gelu_backward(np.ones_like(x), c_gelu)
assert np.allclose(slope, np.gradient(exact, x), atol=1e-3)
density = np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
cdf = np.divide(exact, x, out=np.full_like(x, 0.5), where=x != 0)  # GELU is x times it
assert np.allclose(slope, cdf + x * density)
print(f"slope of GELU: from {slope.min():.3f} at {x[slope.argmin()]:.2f}", end=" ")
print(f"to {slope.max():.3f} at {x[slope.argmax()]:.2f}")
assert np.isclose(slope.max(), 1.129, atol=1e-3) and np.isclose(slope.min(), -0.129, atol=1e-3)
assert np.isclose(abs(x[[slope.argmin(), slope.argmax()]]), np.sqrt(2), atol=1e-3).all()

# %% [markdown]
# From −0.13 to 1.13: GELU dips before it rises, and makes up for it. (At $\pm\sqrt 2$, where the slope's own derivative,
# $(2 - x^2)\, \varphi(x)$, is 0.)

# %% [markdown]
# **To do yourself.** Without the activation, what is a block's MLP? Could it be left out then?
#
# <details><summary>Answer</summary>
#
# One linear map, $x W_1 W_2$ and a shift. Behind attention it would be little more than a change of $W^O$, were it not
# for the norm in front of it. The activation is what makes the width in the middle worth anything.
#
# </details>
#
# **Step through it:** <a href="../docs/steps/vit.html#blocks.1.mlp.fc1/linear/backward">the gradient of a weight</a> and
# <a href="../docs/steps/vit.html#blocks.1.mlp/gelu/backward">GELU, backward</a>.
#
# *Sources.* Vaswani et al. 2017, section 3.3; Hendrycks and Gimpel 2016, "Gaussian Error Linear Units", section 2.
#
# **Exercise.** [`linear`](../minivit/course/exercises/linear.md), with GELU: `minivit course start linear`

# %% [markdown]
# ## 5 Pre-norm or post-norm
#
# Where does the normalisation stand? The original has it on the road itself, *behind* each sum
# ([post-norm](../docs/glossary.md#post-norm)); ViT and nearly all that came later have it *in front of* attention and MLP,
# beside the road ([pre-norm](../docs/glossary.md#pre-norm)). (A slide says of the Transformer of 2017 that "Layernorm is
# applied before every block": so it is in ViT, of which it says the same.) In the package that is one overridden step:

# %%
show_source(PreNorm.step)
show_source(PostNorm.step)

# %% [markdown]
# And its mirror. Compare the last lines: pre-norm hands `dy` on as it is; post-norm first sends it through the norm's
# backward, in every step.

# %%
show_source(PreNorm.step_backward)
show_source(PostNorm.step_backward)

# %% [markdown]
# **Predict.** 24 fresh blocks of each. How does the *size of x* develop from block to block?

# %%
x_pre, _, _ = through(Block)
x_post, _, _ = through(PostNormBlock)
assert np.allclose(x_post, 1, atol=1e-2) and 3.4 < x_pre[-1] < 3.6  # post-norm: always 1
curves = {"pre-norm": x_pre, "post-norm": x_post}
lecture.by_depth(
    curves, ylabel="size of x behind the block", title="The road grows, or is trimmed"
)

# %% [markdown]
# Post-norm trims the road to size 1 behind each sum. Pre-norm lets it grow, about as the root of the depth: each block
# adds something of the same size. So late blocks change a pre-norm road by less and less, in proportion; a last norm,
# behind all blocks, brings it back to size 1 (and divides the gradient by the size that it had). What does that do to the
# gradient of the *last* block?
#
# **Predict.** Fresh networks of 2 to 32 blocks, a random gradient of size 1 at the end. How large is the gradient of the
# last MLP's second matrix, and how does it depend on the depth?


# %%
def last_gradient(kind, depth, width=64):
    """Root mean square of the gradient of the last MLP's second matrix."""
    blocks = [kind(width, 4).init(seed, "float64") for seed in range(depth)]
    norm = (LayerNorm(width) if kind is Block else Identity()).init(0, "float64")
    rng = np.random.default_rng(0)
    x, caches = run(blocks, rng.standard_normal((8, 16, width)))
    y, c_norm = norm.forward(x)
    dx = norm.backward(rng.standard_normal(y.shape), c_norm)
    blocks[-1].backward(dx, caches[-1])
    return np.sqrt(np.mean(blocks[-1].mlp.fc2.weight.grad ** 2))


depths = np.array([2, 4, 8, 16, 32])
kinds = {"pre-norm": Block, "post-norm": PostNormBlock}
last = {name: np.array([last_gradient(kind, L) for L in depths]) for name, kind in kinds.items()}
for name, values in last.items():
    print(f"{name:9}", values)
assert (
    np.all(np.diff(last["pre-norm"]) < 0) and 2 < last["pre-norm"][0] / last["pre-norm"][-1] < 4
)
assert last["post-norm"].max() < 1.2 * last["post-norm"].min()
lecture.over_depths(depths, last, title="The last block's gradient, by depth")

# %% [markdown]
# Post-norm: the same at every depth. Pre-norm: it falls, roughly like $1/\sqrt L$, because the last norm divides by the size
# of the road. (Xiong et al. prove bounds of this form for both.) A deep post-norm network begins with full-sized steps in
# all its last blocks at once, while what comes in from below changes under them; this is what
# [warmup](../docs/glossary.md#warmup), a [learning rate](../docs/glossary.md#learning-rate) that starts near 0, was
# introduced for. Is that so here? The experiment: six blocks in encoder and decoder, one [epoch](../docs/glossary.md#epoch)
# of sorting (the task of section 7), two learning rates, with and without warmup, no
# [clipping](../docs/glossary.md#clipping), three seeds; 24 trainings, made by `python experiments/norm_placement.py`.
#
# **Predict.** Which of the eight settings fail?

# %%
RESULTS = next(
    Path(path)
    for path in ("../experiments/results", "experiments/results")
    if Path(path).is_dir()
)
runs = json.loads((RESULTS / "norm_placement.json").read_text(encoding="utf-8"))["runs"]


def chosen(lr, warmup, norm_first):
    setting = {"lr": lr, "warmup": warmup, "norm_first": norm_first}
    return [run for run in runs if setting.items() <= run.items()]


score = {}
print("sequences sorted after one epoch, three seeds each")
for lr in (0.001, 0.003):
    for warmup in (0.0, 0.5):
        for norm_first in (True, False):
            key = lr, warmup, norm_first
            score[key] = [run["sorted"] for run in chosen(*key)]
            kind = "pre-norm" if norm_first else "post-norm"
            words = f"lr {lr}, {'with' if warmup else 'without'} warmup, {kind}"
            print(f"  {words:38}", " ".join(f"{share:6.1%}" for share in score[key]))

# %%
assert all(len(shares) == 3 for shares in score.values())
assert min(min(shares) for key, shares in score.items() if key[2]) > 0.97  # pre-norm: always
assert (
    max(score[0.003, 0.0, False]) < 0.6
)  # post-norm, large steps, no warmup: fails, with every seed
assert min(score[0.003, 0.5, False]) > 0.93  # with warmup it does not
small = [share for key, shares in score.items() if key[0] == 0.001 for share in shares]
assert min(small) > 0.85  # at the smaller learning rate all learn
panels = {}
for name, warmup in (
    ("lr 0.003, without warmup", 0.0),
    ("lr 0.003, half an epoch of warmup", 0.5),
):
    kinds = {"pre-norm": True, "post-norm": False}
    panels[name] = {
        kind: [np.array(run["losses"]) for run in chosen(0.003, warmup, norm_first)]
        for kind, norm_first in kinds.items()
    }
lecture.trainings(panels, title="Six blocks each, three seeds: post-norm needs the warmup")

# %% [markdown]
# At the smaller learning rate all four learn, post-norm a little worse. At the larger one, post-norm without warmup is the
# only one that fails, and it does so with every seed. Pre-norm learns at either rate, with warmup or without. (That is one
# reason why ViT is pre-norm.)
#
# **To do yourself.** A pre-norm network without the last norm: what becomes of its outputs when it gets deeper?
#
# <details><summary>Answer</summary>
#
# They grow with the road, about as $\sqrt{L}$: 3.5 times after 24 blocks here. A head behind it would begin with
# [logits](../docs/glossary.md#logits) of that size, confident and wrong. So every pre-norm model has one more norm at its
# end: ViT calls it `norm`.
#
# </details>
#
# *Sources.* Vaswani et al. 2017, section 3.1 (post-norm) and 5.3 (warmup); Xiong et al. 2020, "On Layer Normalization in the
# Transformer Architecture", theorem 1.

# %% [markdown]
# ## 6 Positions
#
# Attention compares and averages; it does not know where a token stands. Exchange tokens, and the outputs are exchanged,
# nothing else: it is [permutation equivariant](../docs/glossary.md#permutation-equivariant), and so are norm and MLP,
# which look at each token alone. A set goes in, a set comes out.

# %%
encoder = [Block(32, 4).init(seed, "float64") for seed in range(3)]
x = np.random.default_rng(2).standard_normal((1, 9, 32))
order = np.random.default_rng(3).permutation(9)
straight, _ = run(encoder, x)
mixed, _ = run(encoder, x[:, order])
assert np.allclose(mixed, straight[:, order], atol=1e-12)
print("largest difference:", np.abs(mixed - straight[:, order]).max())

# %% [markdown]
# So the place must be in the vector: a [position embedding](../docs/glossary.md#position-embedding) is added to the token's,
# $x_n = \sqrt{D}\,E_{t_n} + P_n$. (The factor brings the rows of the table, which start with numbers of size $1/\sqrt D$,
# to the size of the positions.) The original takes waves of $D/2$ lengths, from $2\pi$ to almost $10000 \cdot 2\pi$,
#
# $$P_{n,2i} = \sin(\omega_i n), \qquad P_{n,2i+1} = \cos(\omega_i n), \qquad \omega_i = 10000^{-2i/D} .$$
#
# **Predict.** What does the product $P_n \cdot P_m$ of two rows depend on?

# %%
table = ops.sincos_positions_1d(64, 64)  # (N, D)
similarity = table @ table.T
assert np.allclose(np.diag(similarity), 32)  # D / 2: sin² + cos² of each wave
for k in range(64):
    assert np.ptp(np.diag(similarity, k)) < 1e-12  # along a diagonal: the same
assert similarity[0, 4] < 24 < similarity[0, 3] and similarity[0, 1:].max() < 31
lecture.positions(table, similarity)

# %% [markdown]
# On the distance alone: $\sum_i \cos(\omega_i (n - m))$, because sine and cosine of one wave are a point on a circle, and
# the product of two points is the cosine of the angle between them. It is largest for a place with itself, 32, falls to 24
# within four steps, and then slowly, with small waves.
#
# **The rotation.** A step of $k$ places turns each such point by the angle $\omega_i k$, *wherever* it starts. So
# $P_{n+k} = R_k P_n$ with one matrix $R_k$ for all $n$: a linear map, which a head can learn, "look three places back".


# %%
def rotation(k, D=64):
    """The matrix that turns every pair (sin, cos) by its angle."""
    R = np.zeros((D, D))
    for i in range(0, D, 2):
        angle = k * 10_000 ** (-i / D)
        turn = [[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]
        R[i : i + 2, i : i + 2] = turn
    return R


for k in (1, 3, 20):
    assert np.allclose(table[k:], table[:-k] @ rotation(k).T, atol=1e-12)  # for all n at once
assert np.allclose(rotation(3) @ rotation(4), rotation(7))
print(
    "P[n + 3] = R(3) P[n], largest error:", np.abs(table[3:] - table[:-3] @ rotation(3).T).max()
)

# %% [markdown]
# **Or learn the table,** one row for each place, like the embedding: BERT, GPT-2 and ViT do. It can be anything, but there
# is no row for a place beyond its end. The paper tried both and found no difference (table 3, row E). Here, too: writing
# digits backwards is a task in which everything depends on the place. Three seeds each, by
# `python experiments/transformer_tasks.py` and `python experiments/positions.py`:

# %%
results = {}
for name in ("transformer_tasks", "positions"):
    results[name] = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["runs"]
waves = [run["right"][-1] for run in results["transformer_tasks"] if run["task"] == "reversal"]
learned = [run["right"][-1] for run in results["positions"]]
for kind, final in (("waves", waves), ("learned", learned)):
    print(f"{kind:8} sequences written backwards:", " ".join(f"{share:.1%}" for share in final))
    assert len(final) == 3 and min(final) > 0.97
cosines = [np.array(run["cosines"]) for run in results["positions"]]
lecture.same_scale(
    {f"seed {seed}": array for seed, array in enumerate(cosines)},
    label="cosine between the learned rows of two places of the source",
    limit=1.0,
    rows=range(1, 9),
    columns=range(1, 9),
    height=3.9,
    title="Learned positions: what training has made of random rows",
)

# %% [markdown]
# Each began with rows of its own, and all three ended alike: neighbours have become similar, the first places the opposite
# of the last. Nobody has told the table that place 2 lies between 1 and 3. (Sequences have four to eight digits, so places
# 5 to 8 are not always there; they are also those that look most alike.)

# %%
others = ~np.eye(8, dtype=bool)
assert np.corrcoef([array[others] for array in cosines]).min() > 0.9  # the seeds agree
assert all(array[0, 1] > 0.3 and array[0, 7] < -0.5 for array in cosines)

# %% [markdown]
# **To do yourself.** Can an encoder without positions sort? Can it reverse?
#
# <details><summary>Answer</summary>
#
# What it makes of the source is a set. The sorted sequence depends on the set of digits alone (as often as each occurs), so
# nothing is lost. The reversed sequence depends on the order, which is gone: `12` and `21` look alike.
#
# </details>
#
# *Sources.* Vaswani et al. 2017, section 3.5; Gehring et al. 2017, "Convolutional Sequence to Sequence Learning",
# section 3.1 (learned positions).

# %% [markdown]
# ## 7 Encoder and decoder
#
# The [encoder](../docs/glossary.md#encoder) reads the source, all places at once; what it makes of it is called *memory*.
# Only its first block is given embeddings, each other one what the block below it has made.
# The [decoder](../docs/glossary.md#decoder) writes the target, one symbol after the other. Its blocks have three steps:
# [self-attention](../docs/glossary.md#self-attention) with a [causal mask](../docs/glossary.md#causal-mask), in which a
# place sees itself and those before it; [cross-attention](../docs/glossary.md#cross-attention), whose queries come from
# the target and whose keys and values from the memory; and the MLP.

# %%
data = sorting(9_000, 500)
known = {tuple(row) for row in data.train.source.tolist()}
assert not known & {tuple(row) for row in data.test.source.tolist()}  # tested on others
digits, answers = (
    ["".join(row) for row in decode(column[:4], data.class_names)]
    for column in (data.test.source, data.test.target)
)
for source, target in zip(digits, answers, strict=True):
    print(f"{source:8} -> {target}")
print("\nsource:", data.test.source[2], "\ntarget:", data.test.target[2])
assert data.class_names[:3] == ("<pad>", "<start>", "<end>") and (PAD, START, END) == (0, 1, 2)

# %% [markdown]
# Symbols become tokens: start, then the digits, then end, and [padding](../docs/glossary.md#padding) up to a common
# length. Padding is nobody's key: a [mask](../docs/glossary.md#mask) forbids it in the encoder and in cross-attention.

# %%
recipe = Recipe(
    "transformer_micro",
    {"embed_dim": 32, "encoder_depth": 1, "decoder_depth": 1},
    epochs=3,
    batch_size=64,
    lr=6e-3,
    weight_decay=0.0,
    warmup_epochs=0.3,
)
trainer = Trainer(recipe, data, task=NextToken(), threads=2)
model = trainer.model
(source, before), targets = NextToken().draw(data.test, normalize=trainer.normalize)
logits, cache = model.forward(source, before)
shapes = {"src": source.shape, "memory": cache.memory.shape, "tgt": before.shape}
shapes |= {"hidden": cache.decoder[0].mlp.fc1.x.shape, "logits": logits.shape}
print(f"{model.num_params:,} parameters")
lecture.architecture(shapes, encoder_depth=1, decoder_depth=1)

# %% [markdown]
# Read a box upwards: the norm in front, then attention or MLP, then the sum with what went round it. In the package the
# decoder's block is those three steps:

# %%
show_source(type(model.decoder[0]).forward, "self.step", "x, self.norm2", "causal")

# %% [markdown]
# **The causal mask, checked twice.** Change the target from its fourth place on: no logit of the first three may change.
# And backward: the loss at place $t$ must have no gradient at later places.

# %%
changed = before.copy()
changed[:, 3:] = 5
assert np.array_equal(model.forward(source, changed)[0][:, :3], logits[:, :3])
causal = cache.decoder[0].attn.attention.weights  # (B, H, T, T)
assert np.all(np.triu(causal, 1) == 0) and np.allclose(causal.sum(-1), 1, atol=1e-5)
cross = cache.decoder[0].cross_attn.attention.weights  # (B, H, T, S)
assert np.all(cross.transpose(0, 3, 1, 2)[source == PAD] == 0)  # padding gets nothing

block, rng = model.decoder[0], np.random.default_rng(0)
x, memory = rng.standard_normal((1, 6, 32), np.float32), cache.memory[:1]
y, c_block = block.forward(x, memory)
dy = np.zeros_like(y)
dy[:, 2] = 1  # a loss at the third place
dx, dmemory = block.backward(dy, c_block)
assert np.all(dx[:, 3:] == 0) and np.all(dx[:, :3] != 0) and dmemory.any()

# %% [markdown]
# Because of this mask all places of a target can be trained at once: the decoder is shown the *true* symbols before each
# place ([teacher forcing](../docs/glossary.md#teacher-forcing)) and says what comes next; the loss is the
# [cross-entropy](../docs/glossary.md#cross-entropy) of each token (in [nats](../docs/glossary.md#nats)), a mean over all
# that are not padding.
#
# **Predict.** 21,920 parameters, 9,000 sequences, three times each. What share of 500 new sequences is sorted without a
# mistake?

# %%
rows = list(trainer.run())
scores = [row.test_score for row in rows if row.test_score is not None]
print("sorted without a mistake, after each epoch:", " ".join(f"{score:.1%}" for score in scores))
assert model.num_params == 21_920
assert scores[-1] > 0.95
mv.plot.learning_curves(rows, loss="cross-entropy of a token (nats)", score="sequences right")

# %% [markdown]
# None of the 500 is among the 9,000: it has learned to sort, not the answers. With twice the width and depth it solves
# three tasks; three seeds each, by `python experiments/transformer_tasks.py`:

# %%
for task in ("sorting", "reversal", "addition"):
    final = [run["right"][-1] for run in results["transformer_tasks"] if run["task"] == task]
    print(f"{task:9}", " ".join(f"{share:.1%}" for share in final))
    assert len(final) == 3 and min(final) >= 0.99

# %% [markdown]
# **It writes.** Nobody tells it the symbols before now. Greedy decoding takes the likeliest symbol and feeds it back:

# %%
show_source(greedy)
written = greedy(model, data.test.source, length=data.test.target.shape[1])
right = (written == data.test.target).all(1)
print(f"written without a mistake: {right.mean():.1%}")
assert np.isclose(right.mean(), trainer.test_score())  # why? see below

# %% [markdown]
# To write $T$ symbols it computes $1 + 2 + \dots + T = T(T+1)/2$ places, most of them again and again: because of the
# causal mask, nothing in them changes when a symbol is added. Where each layer keeps its keys and values (a
# [KV cache](../docs/glossary.md#kv-cache)), $T$ places are enough; for 9 symbols 9 in place of 45, for 1000 a
# five-hundredth.
#
# **To do yourself.** The score with the true symbols before each place equals that of what the model writes by itself, to
# the last sequence. Why?
#
# <details><summary>Answer</summary>
#
# If every symbol is right given the true ones before, the model's own are the true ones, step by step, so it writes the
# same. If one is wrong, the first wrong one has only right ones before it, in both. So a sequence is right in both, or
# in none. (Of the *share of symbols* that are right, this does not hold: after a mistake both go different ways.)
#
# </details>
#
# **What each output looks at.** The rows of cross-attention say where in the source each written symbol comes from.
#
# **Predict.** The decoder is about to write the smallest digit that is left. Where will it look?

# %%
_, cache = model.forward(source, before)
cross = cache.decoder[0].cross_attn.attention.weights  # (B, H, T, S)
longest = int(
    np.flatnonzero(right & (source != PAD).all(1))[0]
)  # the first right one of full length
T = int((targets[longest] != PAD).sum())
names = dict(enumerate(data.class_names))
columns = [names[token] for token in source[longest].tolist()]
lecture.looks(
    cross[longest, :, :T],
    columns,
    [names[token].strip("<>") for token in targets[longest, :T].tolist()],
    title="Cross-attention while sorting: one scale for all heads, 0 to 1",
)

# %%
same = (
    source[:, None, :] == targets[:, :, None]
)  # (B, T, S): places that hold what is to be written
digit = targets > END
mass = (cross.mean(1) * same).sum(-1)[digit].mean()
chance = (same.sum(-1) / (source != PAD).sum(-1, keepdims=True))[digit].mean()
print(f"attention on the places of the digit to be written: {mass:.0%}; by chance: {chance:.0%}")
assert mass > 1.5 * chance

# %% [markdown]
# It looks at the digit that it is about to write, at all its places, twice as much as chance would have it; nobody has told
# it where that is. (Not only: to know which digit is next, it also has to see which are not smaller.)
#
# **How large was the original?** `transformer_base` has the options of the paper, $D = 512$, 8 heads, 6 + 6 blocks, one
# table for source, target and head, and a vocabulary of "about 37000" tokens. The paper says 65 million parameters, and 213
# million for the big one ($D = 1024$, 16 heads).

# %%
V, counts, ranges = 37_000, {}, []
for name, D, paper in (("transformer_base", 512, 65), ("transformer_big", 1024, 213)):
    total = mv.create_model(name).num_params
    attention, mlp, norm = 4 * (D * D + D), 8 * D * D + 5 * D, 2 * D
    blocks = 6 * (attention + mlp + 2 * norm) + 6 * (2 * attention + mlp + 3 * norm)
    assert total == V * D + blocks  # by hand
    counts[name] = total
    low, high = ((paper + half) * 1e6 for half in (-0.5, 0.5))
    ranges.append([(low - blocks) / D, (high - blocks) / D])
    fits = "{:,.0f} to {:,.0f}".format(*ranges[-1])
    print(
        f"{name}: {total:,}; the paper prints {paper} million, which fits a vocabulary of {fits}"
    )
assert counts == {"transformer_base": 63_082_496, "transformer_big": 214_245_376}
(base_low, base_high), (big_low, big_high) = ranges
assert big_high < base_low  # no vocabulary gives both
assert abs(base_low + base_high - 2 * 40_700) < 100 and abs(big_low + big_high - 2 * 35_800) < 100

# %% [markdown]
# 63.1 and 214.2 million. The printed 65 is more than rounding: it would need a vocabulary of about 40,700, while the printed
# 213 needs about 35,800. No single vocabulary gives both, so at least one of the two was counted otherwise. (A number that
# everybody cites, and that nobody has to recount.)
#
# **What came of it.** Keep the encoder alone, and fill in masked words: BERT, and RoBERTa and DeBERTa after it, which
# understand: they answer questions, find names. Keep the decoder alone, without cross-attention, and say what comes next:
# GPT, which generates text. Keep both: T5, which translates. Keep the encoder alone, and feed it pieces of an image: the
# Vision Transformer, which is the [next lecture](04_vit.ipynb).
#
# **To do yourself.** How many of the base model's parameters are embeddings? And how many does an encoder-only model of six
# such blocks have, without them?
#
# <details><summary>Answer</summary>
#
# $37000 \cdot 512 = 18{,}944{,}000$, three tenths. Six encoder blocks are 18,914,304, about as many again; the other
# 25,224,192 are the decoder's, whose blocks have two attentions.
#
# </details>

# %%
encoder, decoder = (
    sum(
        param.size
        for name, param in mv.create_model("transformer_base").named_params().items()
        if name.startswith(side)
    )
    for side in ("encoder", "decoder")
)
assert (37_000 * 512, encoder, decoder) == (18_944_000, 18_914_304, 25_224_192)

# %% [markdown]
# *Sources.* Vaswani et al. 2017, sections 3.1 to 3.4 and table 3; Williams and Zipser 1989, "A Learning Algorithm for
# Continually Running Fully Recurrent Neural Networks" (teacher forcing); Press and Wolf 2017, "Using the Output Embedding to
# Improve Language Models" (tied embeddings); Devlin et al. 2019, "BERT"; Radford et al. 2018, "Improving Language
# Understanding by Generative Pre-Training"; Raffel et al. 2020, "Exploring the Limits of Transfer Learning with a Unified
# Text-to-Text Transformer".
