# %% [markdown]
# # From attention to the Vision Transformer, first lecture: attention
#
# This lecture starts with a sequence of vectors and one question, *what should I look at?*, and ends with a backward
# pass of attention that you have derived, run, checked and broken. The [second lecture](02_vit.ipynb) puts images in
# and trains a Vision Transformer.
#
# 1. [What should I look at?](#1-What-should-I-look-at?) A weighted mean; a recurrent net, a convolution and attention on
#    one task; what each costs.
# 2. [Self-attention in six steps](#2-Self-attention-in-six-steps), by hand, then as matrices; the root of $d_k$; heads.
# 3. [Backwards](#3-Backwards): softmax, the four products, and how a gradient check works, catches, and lies.
#
# **How to read it.** Where it says *Predict*, stop and write down a guess before you run the cell below; a wrong guess
# is worth more than none. Every number that the text claims is checked by an `assert`. Everything runs in well under a
# minute on two processors and downloads nothing. You need linear algebra, the chain rule and some NumPy.

# %%
import inspect
from itertools import pairwise
from textwrap import dedent

import numpy as np
from IPython.display import Markdown, display
from ipywidgets import FloatSlider, SelectionSlider, interact
from threadpoolctl import threadpool_limits

import minivit as mv
from minivit.layers import Layer, Linear, SelfAttention
from minivit.plot import lecture
from minivit.plot.matrices import matrices

np.set_printoptions(precision=3, suppress=True)
_ = threadpool_limits(1)  # matrices as small as these gain nothing from a second BLAS thread

# %% [markdown]
# Every operation of the package is a pair of plain functions, and whoever sees the pair knows the op.
# `y, cache = NAME_forward(x)` computes, and keeps in the cache what `dx = NAME_backward(dy, cache)` will need.

# %%
from minivit.ops import (
    attention_backward,
    attention_forward,
    attention_loops,
    conv2d_backward,
    conv2d_forward,
    cross_entropy_backward,
    cross_entropy_forward,
    one_hot,
    relu_backward,
    relu_forward,
    softmax_backward,
    softmax_forward,
    split_heads_forward,
)

# %% [markdown]
# Code of the package is shown from the package itself, so what you read is what runs. This helper prints a function
# without its docstring, or only those lines that contain a given piece of text.


# %%
def show(function, *pieces):
    """Display the source of a function, or only its lines that contain one of the pieces."""
    source = dedent(inspect.getsource(function))
    if function.__doc__:
        quotes = source.index('"""')
        source = (
            source[: source.rindex("\n", 0, quotes) + 1]
            + source[source.index('"""', quotes + 3) + 4 :]
        )
    lines = [line for line in source.splitlines() if not pieces or any(p in line for p in pieces)]
    module = function.__module__.replace(".", "/")
    body = dedent("\n".join(lines)) if pieces else "\n".join(lines)
    display(Markdown(f"`{module}.py`\n```python\n{body}\n```"))


# %% [markdown]
# ## 1 What should I look at?
#
# A network reads a sequence of vectors $h_1, \dots, h_N$: words, notes, or pieces of an image. It has to produce one
# vector $z$ that sums up what matters *now*. The simplest answer that can be differentiated is a weighted mean,
#
# $$z = \sum_{i=1}^{N} \alpha_i h_i, \qquad \alpha_i \in [0, 1], \qquad \sum_i \alpha_i = 1 .$$
#
# The weights $\alpha_i$ say how much to look at each $h_i$. They come from scores $e_i$, which may be any real
# numbers, through the softmax, $\alpha_i = e^{e_i} / \sum_j e^{e_j}$.
#
# **Predict.** The scores below are 2, 1, 0 and −1, multiplied by a sharpness. Where is $z$ when the sharpness is 0?
# Where does it go when it grows?

# %%
h = np.array([[1.0, 4.0], [5.0, 5.0], [4.0, 1.0], [0.0, 0.0]])
scores = np.array([2.0, 1.0, 0.0, -1.0])


def look(sharpness):
    alpha, _ = softmax_forward(sharpness * scores)
    return lecture.weighted_mean(h, alpha)


alpha, _ = softmax_forward(scores)
assert np.all((alpha >= 0) & (alpha <= 1)) and np.isclose(alpha.sum(), 1)
assert np.allclose(softmax_forward(0 * scores)[0] @ h, h.mean(0))  # sharpness 0: the plain mean
assert np.allclose(softmax_forward(50 * scores)[0] @ h, h[0])  # very sharp: one of them
look(sharpness=1.0)

# %% [markdown]
# With sharpness 0 all weights are ¼ and $z$ is the plain mean. With a large one, $z$ is the $h_i$ of the largest score:
# softmax is a *soft* argmax, and unlike the argmax it has a gradient. $z$ never leaves the region between the vectors.
#
# (The functions of `mv.plot` return what they have drawn, and a cell that ends with it shows it. There is nothing to open,
# to show or to close.)
#
# Move the slider (in a running notebook):

# %%
_ = interact(look, sharpness=FloatSlider(1.0, min=0, max=6, step=0.25))

# %% [markdown]
# ### One task, three answers
#
# Here is a task that asks nothing but *look at the right place*. A sequence has 24 places, each with one of the symbols
# a, b, c and d; one place carries a mark. At the end of the sequence, say which symbol was marked.

# %%
LENGTH, SYMBOLS, WIDTH = 24, 4, 24


def lookup(rng, batch, length=LENGTH):
    """Sequences (B, N, 5): four columns for the symbol, one for the mark. Answers, distances."""
    symbols = rng.integers(SYMBOLS, size=(batch, length))
    place = rng.integers(length, size=batch)
    mark = one_hot(place, length)[..., None]  # (B, N, 1)
    x = np.concatenate((one_hot(symbols, SYMBOLS), mark), axis=-1)
    return x, symbols[np.arange(batch), place], length - 1 - place


x, answers, distances = lookup(np.random.default_rng(0), 4)
for sequence, answer, distance in zip(x, answers, distances, strict=True):
    words = ["abcd"[row[:SYMBOLS].argmax()] + "*" * int(row[SYMBOLS]) for row in sequence]
    print(" ".join(words), "->", "abcd"[answer], f"({distance} steps back)")

# %% [markdown]
# **A recurrent net** reads one symbol after the other and keeps a state,
# $h_t = \tanh\left([x_t, h_{t-1}] W + b\right)$. The state at the end has to remember the marked symbol through all the
# steps that follow it. (One `Linear` is used 24 times, once per symbol. It may be: a layer of minivit keeps no
# activations, each call returns a cache of its own.)


# %%
class Recurrent(Layer):
    def __init__(self):
        self.cell = Linear(SYMBOLS + 1 + WIDTH, WIDTH)
        self.head = Linear(WIDTH, SYMBOLS)

    def forward(self, x):
        h, steps = np.zeros((len(x), WIDTH), x.dtype), []
        for t in range(x.shape[1]):
            a, c_cell = self.cell.forward(np.concatenate((x[:, t], h), axis=1))
            h = np.tanh(a)
            steps.append((c_cell, h))
        y, c_head = self.head.forward(h)
        return y, (steps, c_head)

    def backward(self, dy, cache):
        steps, c_head = cache
        dh, dx = self.head.backward(dy, c_head), []
        for c_cell, h in reversed(steps):
            da = dh * (1 - h * h)  # forward: h = tanh(a)
            dx_t, dh = np.split(self.cell.backward(da, c_cell), [SYMBOLS + 1], axis=1)
            dx.append(dx_t)
        return np.stack(dx[::-1], axis=1)  # (B, N, 5)


# %% [markdown]
# **A one-dimensional convolution** computes each position from its neighbours: here from itself and the two to its
# left, in five layers. All positions are computed at once. A sequence is an image of one row, so our `conv2d` does it.


# %%
class Convolution(Layer):
    def __init__(self, depth=5, kernel=3):
        channels = [SYMBOLS + 1] + [WIDTH] * depth
        self.filters = [Linear(kernel * c, d) for c, d in pairwise(channels)]
        self.head, self.kernel = Linear(WIDTH, SYMBOLS), kernel

    def forward(self, x):
        h, steps = x[:, None], []  # (B, 1, N, C): one row
        for filt in self.filters:
            weight = filt.weight.value.reshape(1, self.kernel, -1, WIDTH)
            left = ((0, 0), (self.kernel - 1, 0))  # zeros on the left only
            h, c_conv = conv2d_forward(h, weight, filt.bias.value, padding=left)
            h, c_relu = relu_forward(h)
            steps.append((filt, c_conv, c_relu))
        y, c_head = self.head.forward(h[:, 0, -1])
        return y, (steps, c_head, h.shape)


# %%
def convolution_backward(self, dy, cache):
    steps, c_head, shape = cache
    dh = np.zeros(shape, dy.dtype)
    dh[:, 0, -1] = self.head.backward(dy, c_head)  # forward: only the last position is read
    for filt, c_conv, c_relu in reversed(steps):
        (dh,) = relu_backward(dh, c_relu)
        dh, dweight, dbias = conv2d_backward(dh, c_conv)
        filt.weight.grad += dweight.reshape(filt.weight.shape)
        filt.bias.grad += dbias
    return dh[:, 0]


Convolution.backward = convolution_backward  # a method like the others, in a cell of its own

# %% [markdown]
# **Attention** compares what the last position asks for with what every position offers, and takes the weighted mean.
# How it does that is section 2; for now it is one layer, `SelfAttention`.


# %%
class Attention(Layer):
    def __init__(self):
        self.embed = Linear(SYMBOLS + 1, WIDTH)
        self.attn = SelfAttention(WIDTH, num_heads=1)
        self.head = Linear(WIDTH, SYMBOLS)

    def forward(self, x):
        h, c_embed = self.embed.forward(x)
        z, c_attn = self.attn.forward(h)
        y, c_head = self.head.forward(z[:, -1])
        return y, (c_embed, c_attn, c_head, z.shape)

    def backward(self, dy, cache):
        c_embed, c_attn, c_head, shape = cache
        dz = np.zeros(shape, dy.dtype)
        dz[:, -1] = self.head.backward(dy, c_head)  # forward: only the last position is read
        return self.embed.backward(self.attn.backward(dz, c_attn), c_embed)


# %% [markdown]
# All three train in the same loop, on the same sequences, for the same number of steps.
#
# **Predict.** The convolution has five layers, and each looks two positions to the left. From which distance on can it
# only guess? Which of the other two has trouble, and where?


# %%
def train(net, steps, seed=0):
    net.init(seed)
    optimizer = mv.train.AdamW(net, lr=3e-3, weight_decay=0.0)
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        x, answers, _ = lookup(rng, 64)
        logits, c_net = net.forward(x)
        _, c_loss = cross_entropy_forward(logits, answers)
        (dlogits,) = cross_entropy_backward(np.float32(1), c_loss)
        net.zero_grad()
        net.backward(dlogits, c_net)
        mv.train.clip_grad_norm(net.params, 1.0)
        optimizer.step()
    return net


nets = {"recurrent": Recurrent(), "convolution": Convolution(), "attention": Attention()}
for net in nets.values():
    train(net, steps=400)

# %%
x, answers, distances = lookup(np.random.default_rng(1), 6000)
right = {name: net.forward(x)[0].argmax(1) == answers for name, net in nets.items()}
accuracy = {
    name: np.array([hits[distances == d].mean() for d in range(LENGTH)])
    for name, hits in right.items()
}
assert accuracy["attention"].min() > 0.99  # at every distance
assert accuracy["convolution"][:10].min() > 0.9 and accuracy["convolution"][11:].max() < 0.4
assert accuracy["recurrent"].mean() < 0.5  # after as many steps
lecture.accuracy_by_distance(np.arange(LENGTH), accuracy, chance=1 / SYMBOLS)

# %% [markdown]
# The convolution is perfect up to 5 × 2 = 10 steps and guesses beyond: the answer is not in what it sees, and no
# training helps. The recurrent net could see everything, but after 400 steps it has hardly begun to learn. (Give it
# 1500, exercise 1; with another width or seed it may not start at all. Gates, as in an LSTM, make it easier.) Attention
# does not care about distance.
#
# ### Why the recurrent net is hard to train
#
# The backward pass tells. `backward` returns the gradient of the input, so we can ask of a *fresh* net: how strongly
# does the answer depend on the symbol $d$ steps back? Let the sequence be 200 symbols long.
#
# **Predict.** Draw the three curves: how large is the gradient that arrives 1, 10, 100 steps back?


# %%
def reach(net, length=200):
    """Length of the gradient that arrives at each distance, relative to the largest."""
    net.init(0)
    x, _, _ = lookup(np.random.default_rng(2), 32, length)
    y, cache = net.forward(x)
    dx = net.backward(np.random.default_rng(3).standard_normal(y.shape).astype(y.dtype), cache)
    size = np.sqrt((dx * dx).sum((0, 2)))[::-1]  # the last position has distance 0
    return size / size.max()


fresh = {"recurrent": Recurrent(), "convolution": Convolution(), "attention": Attention()}
gradient = {name: reach(net) for name, net in fresh.items()}
fading = gradient["recurrent"]
assert fading[100] < 1e-2 and fading[199] < 1e-3  # step by step
assert np.all(gradient["convolution"][11:] == 0)  # exactly zero beyond its reach
far = gradient["attention"][1:]
assert far.min() > 0.8 * far.max()  # any distance is one step
lecture.gradient_by_distance(np.arange(200), gradient)

# %% [markdown]
# On the way back through a recurrent net, the gradient is multiplied once per step by the same matrix and by slopes of
# tanh, which are at most 1: it fades like a geometric series, a straight line on this axis. In the convolution it is
# exactly zero beyond the reach (and so not drawn). In attention, every position is one weighted mean away.
#
# ### What each costs
#
# There is no free lunch; let us count. For one layer over $N$ tokens of width $D$ we want three numbers: the
# multiplications; how many steps must wait for one another; and through how many layers or steps a signal passes from
# the first token to the last. (What each token makes out of itself, such as queries, keys and values, is left out, as in
# the paper's table: that costs $N D^2$ a few times, whatever comes after.)
#
# **Predict.** Attention compares every token with every other. For short sequences, is it dearer or cheaper than the
# other two?


# %%
def product(a, b, count):
    count["multiplications"] += a.shape[0] * a.shape[1] * b.shape[1]
    return a @ b


def recurrent(x, count):
    h, W = np.zeros((1, x.shape[1])), np.eye(x.shape[1])
    for row in x:
        h = np.tanh(row + product(h, W, count))  # needs the h before it
        count["steps"] += 1


def convolution(x, count, kernel=3):
    W = np.eye(x.shape[1])
    sum(product(np.roll(x, shift, axis=0), W, count) for shift in range(kernel))
    count["steps"] += 1  # all rows at once


def attention(x, count):
    weights, _ = softmax_forward(product(x, x.T, count))
    product(weights, x, count)
    count["steps"] += 1


# %% [markdown]
# The length of the path follows from who reads whom. Write it as a matrix of zeros and ones; its $L$-th power is nonzero
# where $L$ layers connect two positions.


# %%
def path_length(reads):
    """Number of layers after which the last token knows of the first."""
    reached, layers = reads.copy(), 1
    while not reached[-1, 0]:
        reached, layers = (reached @ reads) > 0, layers + 1
    return layers


def counted(N, D):
    near = np.tri(N, dtype=int)  # row n may read columns 0..n
    reads = {
        recurrent: near - np.tri(N, k=-2),
        convolution: near - np.tri(N, k=-3),
        attention: np.ones((N, N)),
    }
    found = {}
    for layer, matrix in reads.items():
        count = {"multiplications": 0, "steps": 0, "path": path_length(matrix)}
        layer(np.random.default_rng(0).standard_normal((N, D)), count)
        found[layer.__name__] = count
    return found


# %%
def formulas(N, D, kernel=3):
    return {
        "recurrent": {"multiplications": N * D**2, "steps": N, "path": N - 1},
        "convolution": {
            "multiplications": kernel * N * D**2,
            "steps": 1,
            "path": -(-(N - 1) // (kernel - 1)),
        },
        "attention": {"multiplications": 2 * N**2 * D, "steps": 1, "path": 1},
    }


for N, D in ((5, 7), (24, 24), (49, 64)):
    assert counted(N, D) == formulas(N, D)  # what is counted is what the formula says

# %% [markdown]
# | one layer, $N$ tokens of width $D$ | multiplications | steps that wait | path length |
# |---|---|---|---|
# | recurrent | $N D^2$ | $N$ | $N - 1$ |
# | convolution, kernel $k$ | $k N D^2$ | 1 | $\lceil (N-1)/(k-1) \rceil$ |
# | attention | $2 N^2 D$ | 1 | 1 |

# %%
lengths, D = np.unique(np.geomspace(2, 4096, 60).astype(int)), 64
names = {
    "multiplications": "multiplications",
    "steps": "steps, one after the other",
    "path": "path length",
}
curves = {
    title: {layer: np.array([formulas(int(N), D)[layer][key] for N in lengths]) for layer in nets}
    for key, title in names.items()
}
at_49 = counted(49, D)
rings = {
    title: (49, {layer: at_49[layer][key] for layer in nets}) for key, title in names.items()
}
assert (
    formulas(32, 64)["attention"]["multiplications"]
    == formulas(32, 64)["recurrent"]["multiplications"]
)
lecture.growth(lengths, curves, rings)

# %% [markdown]
# Attention is the *cheapest* as long as $N < D/2$, as for a sentence of 30 words of width 512. But it grows with $N^2$,
# and for long sequences nothing else matters. Keep that in mind for the second lecture, where an image
# of 128 × 128 pixels is a sequence of 16,384. What attention buys is on the right: all positions at once, and one step
# between any two. (The rings are counted, the lines are the formulas.)
#
# *Sources.* Vaswani et al. 2017, "Attention Is All You Need", section 4 and table 1 (which leaves out the factor 2);
# Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate", for the weighted mean;
# Bengio et al. 1994, "Learning Long-Term Dependencies with Gradient Descent is Difficult".

# %% [markdown]
# ## 2 Self-attention in six steps
#
# Where do the scores come from? Each token makes three vectors out of itself: a **query** (what do I look for?), a
# **key** (what do I offer?) and a **value** (what do I hand over?). A score is the dot product of a query with a key.
#
# Four tokens, numbers small enough for pencil and paper. Step 1 is three matrix products.

# %%
X = np.array([[1, 0], [0, 1], [1, 1], [2, 0]], float)  # four tokens of width 2
W_Q = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], float)
W_K = np.array([[0, 0, 2, 2], [1, 1, 1, 1]], float)
W_V = np.array([[2, 0], [0, 4]], float)

Q, K, V = X @ W_Q, X @ W_K, X @ W_V  # step 1: queries, keys, values
d_k = Q.shape[1]
matrices(
    {"X": X, "Q": Q, "K": K, "V": V}, title="Step 1: queries, keys and values of four tokens"
)

# %% [markdown]
# **Predict.** Take pencil and paper: the first token has the query (1, 1, 0, 0). Which two tokens will it look at most?

# %%
q = Q[0]
e = np.array([q @ k for k in K])  # step 2: scores
print("scores             ", e)
e = e / np.sqrt(d_k)  # step 3: divide by the root of d_k = 4
print("divided by 2       ", e)
alpha = np.exp(e) / np.exp(e).sum()  # step 4: softmax
print("weights            ", alpha)
weighed = alpha[:, None] * V  # step 5: weigh the values
print("weighed values     ", *weighed)
z = weighed.sum(0)  # step 6: sum
print("z of the first     ", z)

assert np.array_equal(K @ q, [0, 2, 2, 0])
E = np.exp(1)
assert np.allclose(alpha, np.array([1, E, E, 1]) / (2 + 2 * E))
assert np.allclose(z, [(6 + 2 * E) / (2 + 2 * E), 8 * E / (2 + 2 * E)])  # by hand

# %% [markdown]
# By hand: the scores 0, 2, 2, 0 become 0, 1, 1, 0, and the weights are $(1, e, e, 1)/(2 + 2e)$. The second and third
# token share most of it. The definition, for every query in turn, is the slow version in the package:

# %%
show(attention_loops)

# %% [markdown]
# ### From loops to matrices
#
# All dot products of all queries with all keys are one matrix product, $Q K^\top$; all weighted sums are another,
# $A V$. So the six steps are one line,
#
# $$Z = \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt{d_k}}\right) V ,$$
#
# with the softmax taken in each row. The op of the package computes just that, and its cache keeps the weights $A$.

# %%
S = Q @ K.T / np.sqrt(d_k)
A, _ = softmax_forward(S)
Z = A @ V

z, cache = attention_forward(Q, K, V)
assert np.allclose(z, Z) and np.allclose(z, attention_loops(Q, K, V))
assert np.allclose(cache.weights, A) and np.allclose(A.sum(1), 1)
assert abs(A[1, 3] - 0.64) < 0.005  # token 2 looks at token 4
assert np.array_equal(S, [[0, 1, 1, 0], [2, 1, 3, 4], [2, 2, 4, 4], [0, 2, 2, 0]])
matrices(
    {"$QK^T/\\sqrt{d_k}$": S, "$A$ = softmax": A, "V": V, "$Z = AV$": Z},
    title="Steps 2 to 6 at once: row n is what token n looks at",
)

# %% [markdown]
# Read a row of $A$: token 2 gives 0.64 of its attention to token 4. Rows sum to one, columns do not: a token may be
# looked at by everybody or by nobody. And $A$ is not symmetric, because asking is not offering.
#
# **Predict.** What happens to $Z$ if the tokens are put into another order?

# %%
order = np.array([2, 0, 3, 1])
shuffled, _ = attention_forward(Q[order], K[order], V[order])
assert np.allclose(shuffled, Z[order])
print("Z, its rows reordered:", np.allclose(shuffled, Z[order]))

# %% [markdown]
# The rows of $Z$ are reordered in the same way, and nothing else. Attention does not know where a token stands; a
# sequence is a set to it. Whoever needs the order must put it into the vectors: the *position embedding* of lecture two.
#
# ### Why divide by $\sqrt{d_k}$?
#
# If the entries of $q$ and $k$ are independent with mean 0 and variance 1, each product $q_i k_i$ has variance 1, and
# $q \cdot k = \sum_i q_i k_i$ has variance $d_k$: the scores spread like $\sqrt{d_k}$.
#
# **Predict.** With $d_k = 256$ and 12 keys, how large is the largest weight if you forget to divide?

# %%
rng = np.random.default_rng(0)
for width in (1, 4, 16, 64, 256, 1024):
    q, k = rng.standard_normal((2, 4000, width))
    dots = (q * k).sum(1)
    root = np.sqrt(width)
    print(f"d_k = {width:4}: q.k spreads by {dots.std():5.1f}, the root is {root:4.0f}")
    assert abs(dots.std() / np.sqrt(width) - 1) < 0.1


# %%
def spread(d_k):
    return lecture.saturation(d_k)


assert lecture.one_query(256, scaled=False).weights.max() > 0.95
assert lecture.one_query(256, scaled=True).weights.max() < 0.5
spread(256)

# %%
_ = interact(spread, d_k=SelectionSlider(options=[1, 4, 16, 64, 256, 1024], value=256))

# %% [markdown]
# Without the division the weights are all or nothing. That is bad for *learning*: the slope of softmax is
# $\alpha_i (\delta_{ij} - \alpha_j)$ (section 3 derives it), and where all weights are 0 or 1 it is 0. The mean over 100
# queries of each width:

# %%
widths, slope = np.array([1, 4, 16, 64, 256, 1024]), {"divided": [], "not divided": []}
for width in widths:
    for name, scaled in (("divided", True), ("not divided", False)):
        queries = [lecture.one_query(width, scaled=scaled, seed=i).weights for i in range(100)]
        slope[name].append(np.mean([(w * (1 - w)).sum() for w in queries]))
slope = {name: np.array(values) for name, values in slope.items()}
assert slope["not divided"][-1] < 0.1 * slope["divided"][-1]
assert np.ptp(slope["divided"]) < 0.05
lecture.slope_by_width(widths, slope)

# %% [markdown]
# At $d_k = 1024$ less than a tenth of the slope is left without the division; with it, the slope does not depend on
# the width. One small factor, and the scores of a fresh network are ready to learn at any width.
#
# ### Heads
#
# One set of weights per token is one question per token. Suppose a token wants to know two things: what stands to my
# left, and who else carries my letter? Build queries and keys by hand: in the first six columns the position (the query
# asks for the position before its own; the first token asks for the last), in the last six the letter.
#
# **Predict.** One head over all twelve columns *adds* the scores of both questions. What do its weights look like?

# %%
letters = np.array([0, 1, 0, 2, 1, 2])  # a b a c b c
position, letter = one_hot(np.arange(6), 6), one_hot(letters, 6)
query = 12 * np.concatenate((np.roll(position, -1, axis=1), letter), axis=1)[None]  # (1, 6, 12)
key = np.concatenate((position, letter), axis=1)[None]

one, _ = split_heads_forward(query, num_heads=1)  # (1, 1, 6, 12)
two, _ = split_heads_forward(query, num_heads=2)  # (1, 2, 6, 6)
key_one, key_two = (split_heads_forward(key, num_heads=n)[0] for n in (1, 2))
_, c_one = attention_forward(one, key_one, key_one)
_, c_two = attention_forward(two, key_two, key_two)
assert np.array_equal(c_two.weights[0, 0].argmax(1), [5, 0, 1, 2, 3, 4])  # the neighbour
assert np.allclose(np.sort(c_one.weights)[..., -3:], 1 / 3, atol=0.02)  # three, for two reasons
same = letters[:, None] == letters
assert np.allclose(c_two.weights[0, 1][same], 0.5, atol=0.02)  # the two of the same letter
matrices(
    {
        "one head: both at once": c_one.weights[0, 0],
        "head 1: my left": c_two.weights[0, 0],
        "head 2: my letter": c_two.weights[0, 1],
    },
    title="Each row is what one of the six tokens looks at",
    tokens="abacbc",
)

# %% [markdown]
# One head mixes the answers: a third to each of three tokens, and nobody can tell any more which value came for which
# reason. Two heads of half the width keep them apart; their results stand side by side and one more matrix, `proj`, mixes
# them. The whole layer, as the package has it:

# %%
show(split_heads_forward, "return")
show(SelfAttention.forward)

# %% [markdown]
# **Predict.** Do eight heads of width 8 cost more multiplications than one head of width 64? Do they cost more memory?

# %%
N, D = 50, 64
x = np.random.default_rng(0).standard_normal((1, N, D))
for H in (1, 2, 4, 8):
    heads, _ = split_heads_forward(x, num_heads=H)
    _, cache = attention_forward(heads, heads, heads)
    macs = 2 * H * N * N * (D // H)  # scores and weighted sums of every head
    assert macs == 2 * N * N * D and cache.weights.nbytes == H * N * N * 8
    print(f"{H} heads: {macs:,} multiplications, {cache.weights.nbytes:,} bytes of weights")

# %% [markdown]
# Multiplications: the same. Memory: one $N \times N$ matrix *per head* waits for the backward pass. This is the number
# that the second lecture runs into.
#
# *Sources.* Vaswani et al. 2017, sections 3.2.1 (and its footnote 4 on $\sqrt{d_k}$) and 3.2.2. The path from loops
# to one product follows the assignments of EECS 498 (Johnson, Michigan); more pictures are in chapter 11 of d2l.ai and
# in "The Annotated Transformer".

# %% [markdown]
# ## 3 Backwards
#
# Training needs the gradient of one number, the loss $L$, with respect to everything. We write $\bar a$ for
# $\partial L / \partial a$ (in code `da`). A backward pass gets $\bar y$ from above and returns the gradient of each
# input. It never sees the loss itself.
#
# ### Softmax
#
# Row by row, $y_i = e^{x_i} / \sum_j e^{x_j}$. Every output depends on every input:
#
# $$\frac{\partial y_i}{\partial x_j} = y_i (\delta_{ij} - y_j).$$
#
# (For $i = j$ the quotient rule gives $y_i - y_i^2$; for $i \ne j$ only the denominator moves: $-y_i y_j$.)
# **Predict.** What do the rows of this matrix sum to, and why must they?

# %%
x = np.array([2.0, 1.0, 0.0, -1.0])
y, cache = softmax_forward(x)
J = np.diag(y) - np.outer(y, y)  # the formula


def f(x):
    return softmax_forward(x)[0]


tiny = 1e-6 * np.eye(4)
numerical = np.stack([(f(x + v) - f(x - v)) / 2e-6 for v in tiny], axis=1)
assert np.allclose(J, numerical, atol=1e-10)
assert np.allclose(J.sum(0), 0) and np.allclose(J.sum(1), 0) and np.allclose(J, J.T)
matrices({"y": y[:, None], "$\\partial y_i/\\partial x_j$": J}, digits=3)

# %% [markdown]
# Zero, in rows and columns. The outputs always sum to one, so what one gains the others lose (columns); and adding the
# same number to all scores changes nothing (rows).
#
# Backward needs $\bar x_j = \sum_i \bar y_i \, \partial y_i / \partial x_j$. Insert the formula:
#
# $$\bar x_j = \sum_i \bar y_i \, y_i (\delta_{ij} - y_j) = y_j \Big(\bar y_j - \sum_i \bar y_i y_i\Big).$$
#
# The sum is one number per row, so the matrix is never built. Here is the op:

# %%
show(softmax_backward)
dy = np.array([0.3, -1.0, 0.5, 2.0])
(dx,) = softmax_backward(dy, cache)
assert np.allclose(dx, J.T @ dy)
print("from the matrix  ", J.T @ dy)
print("softmax_backward ", dx)

# %% [markdown]
# ### Attention: four products
#
# Forward, with $s = 1/\sqrt{d_k}$:
#
# $$S = s\, Q K^\top, \qquad A = \operatorname{softmax}(S), \qquad Y = A V.$$
#
# Backward walks from $Y$ to $Q$, $K$, $V$. Two matrix products forward give four backward, because each product has two
# factors and each factor gets a gradient. Take them one at a time; to have nothing up our sleeves, each line of the op is
# compared with the sum over indices, written as a loop over letters (`einsum`).

# %%
rng = np.random.default_rng(3)
N, M, d_k, d_v = 5, 7, 3, 2  # queries, keys, two widths: all different, no transpose can hide
Q, K, V = (
    rng.standard_normal((N, d_k)),
    rng.standard_normal((M, d_k)),
    rng.standard_normal((M, d_v)),
)
Y, cache = attention_forward(Q, K, V)
dY = rng.standard_normal(Y.shape)  # what comes from above
dQ, dK, dV, _ = attention_backward(dY, cache)
A, s = cache.weights, cache.scale

# %% [markdown]
# **First product.** $y_{nd} = \sum_m A_{nm} v_{md}$. The value $v_{md}$ enters $y_{nd}$ for every query $n$, with the
# factor $A_{nm}$:
#
# $$\bar v_{md} = \sum_n A_{nm}\, \bar y_{nd} \qquad\text{that is}\qquad \bar V = A^\top \bar Y.$$
#
# A value collects the gradients of those that looked at it, as much as they looked.

# %%
show(attention_backward, "dv =")
assert np.allclose(dV, np.einsum("nm,nd->md", A, dY))

# %% [markdown]
# **Second product.** The same sum, seen from the other factor: $A_{nm}$ enters all $y_{nd}$ of its row, with the factor
# $v_{md}$:
#
# $$\bar A_{nm} = \sum_d \bar y_{nd}\, v_{md} \qquad\text{that is}\qquad \bar A = \bar Y V^\top.$$
#
# To look more at token $m$ is good if its value points where the loss wants $y_n$ to go. Then comes softmax, row by row,
# which we have: $\bar S = A \circ \big(\bar A - \sum_m \bar A_{\cdot m} A_{\cdot m}\big)$.

# %%
show(attention_backward, "dweights =", "dscores,")
dA = np.einsum("nd,md->nm", dY, V)
dS = A * (dA - (dA * A).sum(1, keepdims=True))
assert np.allclose(dS.sum(1), 0)  # the rows of a softmax's gradient sum to zero

# %% [markdown]
# **Third and fourth product.** $S_{nm} = s \sum_k q_{nk} k_{mk}$, so
#
# $$\bar q_{nk} = s \sum_m \bar S_{nm}\, k_{mk}, \qquad \bar k_{mk} = s \sum_n \bar S_{nm}\, q_{nk},
# \qquad\text{that is}\qquad \bar Q = s\, \bar S K, \quad \bar K = s\, \bar S^\top Q.$$
#
# A query moves towards the keys it should have looked at more. (The scale $s$ goes on both; it is easily forgotten on
# one of them.)

# %%
show(attention_backward, "dq", "dk")
assert np.allclose(dQ, s * np.einsum("nm,mk->nk", dS, K))
assert np.allclose(dK, s * np.einsum("nm,nk->mk", dS, Q))
gradients = {
    "\\bar Y": dY,
    "\\bar A": dA,
    "\\bar S": dS,
    "\\bar Q": dQ,
    "\\bar K": dK,
    "\\bar V": dV,
}
matrices(
    {f"${name}$": array for name, array in gradients.items()},
    columns=3,
    title="What arrives at each matrix: blue is positive, orange negative",
)

# %% [markdown]
# ### Is it right?
#
# We have compared the code with our own algebra; both may be wrong in the same way. The forward pass is an independent
# witness: move the input a little and see how the output moves. For a random cotangent $\bar y$ and each element $x_j$,
#
# $$\bar x_j \approx \frac{\sum \bar y \cdot \big(f(x + h e_j) - f(x - h e_j)\big)}{2h}, \qquad h = 10^{-6}.$$


# %%
def numerical_gradient(f, x, dy, step=1e-6):
    """The formula above, one element of x after the other, in float64."""
    dx = np.empty_like(x)
    for j in np.ndindex(x.shape):
        v = np.zeros_like(x)
        v[j] = step
        dx[j] = (dy * (f(x + v) - f(x - v))).sum() / (2 * step)
    return dx


expected = {
    "q": numerical_gradient(lambda q: attention_forward(q, K, V)[0], Q, dY),
    "k": numerical_gradient(lambda k: attention_forward(Q, k, V)[0], K, dY),
    "v": numerical_gradient(lambda v: attention_forward(Q, K, v)[0], V, dY),
}
claimed = {"q": dQ, "k": dK, "v": dV}
for name in expected:
    error = np.abs(expected[name] - claimed[name]).max()
    assert error < 1e-8
mv.check.check_vjp(attention_forward, attention_backward, Q, K, V)  # silent: right

# %% [markdown]
# No number is off by more than $10^{-8}$, and the checker of the package, `mv.check.check_vjp`, is silent: it tries one
# random direction per argument, which costs two forward passes however large the argument is.
#
# ### A planted bug
#
# Here is a backward pass as people write it at two in the morning: the scale is forgotten for the queries. **Predict.**
# Shapes fit, nothing crashes, a network would even train. Does the check see it, and what does it say?


# %%
def sleepy_backward(dy, cache):
    grads = attention_backward(dy, cache)
    return grads._replace(q=grads.q / cache.scale)  # forgot: dq *= scale


try:
    mv.check.check_vjp(attention_forward, sleepy_backward, Q, K, V)
except mv.check.GradientError as error:
    message = str(error)
    print(message)
assert "gradient of q" in message and "1.73205" in message  # the root of d_k = 3

# %%
only_q = {"q": expected["q"]}
right_q, sleepy_q = claimed, sleepy_backward(dY, cache)._asdict()
lecture.slopes_beside({"right": (only_q, right_q), "the scale forgotten": (only_q, sleepy_q)})

# %% [markdown]
# The gradient of q lies on a line, but not on the diagonal: too large by a constant factor, which the message recognises
# as $\sqrt{3}$, the root of the width.
#
# ### How a check lies
#
# It is tempting to check with a cotangent of ones: "take the sum of the outputs as the loss". Here is a softmax backward
# with a real mistake: it subtracts the *plain* mean instead of the weighted one.
#
# **Predict.** What is the right gradient when $\bar y = (1, \dots, 1)$? What does the wrong one return?


# %%
def wrong_softmax_backward(dy, cache):
    return cache.y * (dy - dy.mean(-1, keepdims=True))  # should be (dy * y).sum


x = np.random.default_rng(0).standard_normal((3, 5))
y, cache = softmax_forward(x)
checks = {}
cotangents = {
    "ones": np.ones_like(y),
    "random": np.random.default_rng(1).standard_normal(y.shape),
}
for name, dy in cotangents.items():
    truth = numerical_gradient(lambda x: softmax_forward(x)[0], x, dy)
    wrong = wrong_softmax_backward(dy, cache)
    checks[f"cotangent: {name}"] = ({"x": truth}, {"x": wrong})
    print(f"{name:6}: off by {np.abs(truth - wrong).max():.6f}")

errors = [np.abs(truth["x"] - wrong["x"]).max() for truth, wrong in checks.values()]
assert errors[0] < 1e-9 and errors[1] > 0.01  # ones: passed; random: caught
lecture.slopes_beside(checks)

# %% [markdown]
# With ones, everything is zero: the outputs of softmax sum to one whatever the input, so the sum has no gradient, and
# the wrong backward happens to return zeros as well. Even a backward that returns `0 * dy` would pass. The same is true of
# layer normalisation. **A cotangent must be random.** Three more ways for a check to lie (equal lengths of all axes,
# float32, a loose tolerance) are in [docs/gradients.md](../docs/gradients.md).
#
# ### To do yourself
#
# 1. Give the recurrent net 1500 steps, then another `WIDTH`, then start its matrix as the identity. How far does it get?
# 2. Put a `mask` on `attention_forward` so that nobody looks to the right. Which entries of $A$ are zero, and what does
#    the backward pass do about them? (Nothing. Why is that enough?)
# 3. Forget something else in `sleepy_backward`: the transpose of `dk`, the sum in the softmax. Read the messages.
# 4. Check `layer_norm` with ones, and explain what you see from its docstring: `show(mv.ops.layer_norm_backward)`.
#
# **Next:** [the second lecture](02_vit.ipynb). Pixels are too many; patches are few; and then a Vision Transformer.
#
# *Sources.* Vaswani et al. 2017, section 3.2; the backward pass of attention with matrices is in Dao et al. 2022,
# "FlashAttention", appendix B.2; gradient checks in Goodfellow et al. 2016, "Deep Learning", section 11.5.
