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
# is worth more than none. What the text says about the numbers that the cells compute is checked there by an `assert`;
# only times are not, they depend on the machine. Everything runs in well under a minute on two processors and downloads
# nothing. You need linear algebra, the chain rule and some NumPy. (Formulas, text and pictures count from 1, Python
# from 0.)

# %%
from itertools import pairwise

import numpy as np
from ipywidgets import FloatSlider, SelectionSlider, interact
from threadpoolctl import threadpool_limits

import minivit as mv
from minivit.layers import Layer, Linear, SelfAttention
from minivit.plot.lectures import attention as lecture
from minivit.plot.matrices import matrices
from minivit.plot.source import show_source

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
    multi_head_attention_forward,
    one_hot,
    relu_backward,
    relu_forward,
    softmax_backward,
    softmax_forward,
    split_heads_forward,
)

# %% [markdown]
# Code of the package is shown from the package itself, so what you read is what runs. `show_source` prints a
# function without its docstring, or only those lines that contain a given piece of text.

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
# $h_t = \tanh\left([x_t, h_{t-1}] W + b\right)$. It has to take the marked symbol into its state, to leave the 23 others
# out, and to hold what it took through all the steps that follow. (One `Linear` is used 24 times, once per symbol. It
# may be: a layer of minivit keeps no activations, each call returns a cache of its own.)


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
# All three train in the same loop, on the same sequences, with the same learning rate and for the same number of steps.
# (They do not have the same number of parameters: the smallest of the three is the recurrent net.)
#
# **Predict.** The convolution has five layers, and each looks two positions to the left. From which distance on can it
# only guess? Which of the other two has trouble, and where?


# %%
def train(net, steps, see=np.asarray):
    """Train a fresh net; ``see`` is what it is shown of each batch."""
    net.init(0)
    optimizer = mv.train.AdamW(net, lr=3e-3, weight_decay=0.0)
    rng = np.random.default_rng(0)
    for _ in range(steps):
        x, answers, _ = lookup(rng, 64)
        logits, c_net = net.forward(see(x))
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
sizes = {name: sum(param.value.size for param in net.params) for name, net in nets.items()}
assert sizes == {"recurrent": 820, "convolution": 7492, "attention": 2644}

# %%
x, answers, distances = lookup(np.random.default_rng(1), 6000)


def right_at_each_distance(net, see=np.asarray):
    hits = net.forward(see(x))[0].argmax(1) == answers
    return np.array([hits[distances == d].mean() for d in range(LENGTH)])


accuracy = {name: right_at_each_distance(net) for name, net in nets.items()}
assert accuracy["attention"].min() > 0.99  # at every distance
assert accuracy["convolution"][:11].min() > 0.95 and accuracy["convolution"][11:].max() < 0.4
assert accuracy["recurrent"].mean() < 0.5  # after as many steps
assert accuracy["recurrent"][0] < 0.6  # hardly better where nothing has to be remembered
_, (_, c_attn, _, _) = nets["attention"].forward(x)
at_mark = c_attn.attention.weights[np.arange(len(x)), 0, -1, LENGTH - 1 - distances]
print(
    f"weight of the marked place: {at_mark.mean():.2f}, of all the others {1 - at_mark.mean():.2f}"
)
assert at_mark.mean() > 0.8
lecture.accuracy_by_distance(np.arange(LENGTH), accuracy, chance=1 / SYMBOLS)

# %% [markdown]
# The convolution is right up to 5 × 2 = 10 steps and guesses beyond: the answer is not in what it sees, and no training
# helps. Attention does not care about distance: the mark makes the weight large, the symbol is the value, and weight
# *times* value brings the one to the end, wherever it stands. The recurrent net could see everything, but after 400 steps
# it has hardly begun to learn. It forgets, one is tempted to say. But look at distance 0: nothing has to be remembered
# there, and it is hardly better.
#
# ### What is hard for the recurrent net?
#
# Give it 1500 steps, and compare with two nets that are helped, each in one thing. One is shown only the marked
# symbol, all others are blank: nothing is left to it but to remember. The other starts with the identity as the matrix
# of its state, so that it begins by handing on what it holds as it is.
#
# **Predict.** Which of the three get there? And at which distance do you expect the most mistakes?


# %%
class FromIdentity(Recurrent):
    def init(self, seed):
        super().init(seed)
        self.cell.weight.value[SYMBOLS + 1 :] = np.eye(WIDTH)  # the rows that meet h
        return self


def only_marked(x):
    """The same sequences; every symbol is blank but the marked one."""
    return np.concatenate((x[..., :SYMBOLS] * x[..., SYMBOLS:], x[..., SYMBOLS:]), axis=-1)


longer = {
    "as it was": (train(Recurrent(), 1500), np.asarray),
    "shown only the marked symbol": (train(Recurrent(), 1500, only_marked), only_marked),
    "matrix starts as the identity": (train(FromIdentity(), 1500), np.asarray),
}

# %%
after_1500 = {name: right_at_each_distance(net, see) for name, (net, see) in longer.items()}
plain, marked, identity = after_1500.values()
assert plain.mean() > 0.4  # it learns,
assert plain[0] < plain.mean()  # but distance 0 is harder than others
assert marked.min() > 0.95  # memory alone: nearly always right, at all distances
assert identity.mean() > 0.9 and identity[0] > 0.9
for name, values in after_1500.items():
    print(f"{name:30} {values.mean():4.0%}; at distance 0 {values[0]:4.0%}, 23 {values[23]:4.0%}")
lecture.accuracy_by_distance(
    np.arange(LENGTH), after_1500, 1 / SYMBOLS, title="Three recurrent nets after 1500 steps"
)

# %% [markdown]
# Memory is not what it lacks. Shown only the marked symbol, the same net from the same random matrix holds it over 23
# steps, nearly without a mistake. Yet alone, with everything to do at once, it has trouble at distance 0, where there is
# nothing to hold. Is the marked symbol not in its state at all when it arrives in the last step? Ask the state: fit a
# linear map from states to answers on one half of such sequences, and test it on the other.

# %%
net, _ = longer["as it was"]
x_many, answers_many, distances_many = lookup(np.random.default_rng(5), 24_000)
last = distances_many == 0  # the mark came in the last step
logits, (steps, _) = net.forward(x_many[last])
_, states = steps[-1]
fit, test = np.split(np.arange(last.sum()), [last.sum() // 2])
design = np.column_stack((states, np.ones(len(states))))
probe, *_ = np.linalg.lstsq(design[fit], one_hot(answers_many[last][fit], SYMBOLS))
by_probe = (design[test] @ probe).argmax(1) == answers_many[last][test]
by_head = logits[test].argmax(1) == answers_many[last][test]
print(f"marked in the last step: the head is right in {by_head.mean():.0%},", end=" ")
print(f"a linear map fitted to the state in {by_probe.mean():.0%}")
assert by_probe.mean() > 0.95

# %% [markdown]
# It is there, but in a form that the head has not learned to read as well. Every step multiplies the state by the matrix,
# so a symbol that has just arrived looks different from one that has been held for some steps, and only one sequence in 24
# asks for the fresh form. Where the matrix starts as the identity, both look alike from the beginning, and distance 0 is no
# harder than the others.
#
# So this net *can* do the task; what is hard is to *learn*, from the last answer alone and by sums and a tanh, to take one
# symbol, to leave 23 and to hold the one in a form that stays. Either help is enough. Without, it is a matter of luck: take
# another seed, or another processor that rounds differently, and the first curve is another one, with its mistakes at
# other distances. (The gates of an LSTM are made for this: they *multiply*, as attention's weights do.)
#
# ### How far does a gradient reach?
#
# 24 steps are few. Long sequences bring one more trouble, and the backward pass tells of it. `backward` returns the
# gradient of the input, so we can ask of a *fresh* net: how strongly does the answer depend on the symbol $d$ steps back?
# Let the sequence be 200 symbols long.
#
# **Predict.** Draw the curves: how large is the gradient that arrives 1, 10, 100 steps back, compared with that of the last
# symbol? And in a recurrent net whose matrix is three times as large?


# %%
class Large(Recurrent):
    def init(self, seed):
        super().init(seed)
        self.cell.weight.value[SYMBOLS + 1 :] *= 3
        return self


def reach(net, length=200):
    """Length of the gradient that arrives at each distance, relative to that at distance 0."""
    net.init(0)
    x, _, _ = lookup(np.random.default_rng(2), 32, length)
    y, cache = net.forward(x)
    dy = np.random.default_rng(3).standard_normal(y.shape).astype(y.dtype)
    dx = net.backward(dy, cache).astype(float)  # the squares of large numbers need the range
    size = np.sqrt((dx * dx).sum((0, 2)))[::-1]  # the last position has distance 0
    return size / size[0]


fresh = {"recurrent": Recurrent(), "convolution": Convolution(), "attention": Attention()}
fresh["recurrent, matrix times 3"] = Large()
gradient = {name: reach(net) for name, net in fresh.items()}

# %%
fading, exploding = gradient["recurrent"], gradient["recurrent, matrix times 3"]
assert 0.05 < fading[23] < 0.15  # a tenth, more or less, over the 24 places of the task
assert fading[100] < 1e-2 and fading[199] < 1e-3  # step by step
assert exploding[100] > 1e4
assert np.all(gradient["convolution"][11:] == 0)  # exactly zero beyond its reach
far = gradient["attention"][1:]
assert far.min() > 0.8 * far.max()  # any distance is one step
lecture.gradient_by_distance(np.arange(200), gradient)

# %% [markdown]
# On the way back through a recurrent net, the gradient is multiplied once per step by the same matrix and by slopes of
# tanh, which are at most 1. So it changes like a geometric series, a straight line on this axis: it fades, or, if the
# matrix is large, it explodes (and soon leaves the picture). Over the 24 places of our task about a tenth arrives, over 100
# less than a hundredth. (So it is when training begins; a net that learns changes its matrix.) In the convolution it is
# exactly zero beyond the reach (and so not drawn). In attention, every position is one weighted mean away.
#
# **Predict.** Two things in the picture want an explanation. Why does the convolution have a peak? Why does attention drop
# after distance 0, and then no more?


# %%
class WithoutQuery(Attention):
    def init(self, seed):
        super().init(seed)
        self.attn.qkv.weight.value[:, :WIDTH] = 0  # the columns that make the query
        return self


ways = np.ones(1, int)
for _ in range(5):  # each layer goes 0, 1 or 2 steps back
    ways = np.convolve(ways, [1, 1, 1])
print("ways to distance 0, 1, ...:", ways)
assert ways.sum() == 3**5 == 243 and ways[5] == 51 == ways.max() and ways[0] == ways[10] == 1
peak = gradient["convolution"][:11]
assert 4 <= peak.argmax() <= 6 and np.corrcoef(peak, np.sqrt(ways))[0, 1] > 0.95

assert gradient["attention"][1] < 0.6
assert np.allclose(reach(WithoutQuery()), 1, atol=1e-3)  # the drop is gone

# %% [markdown]
# Through five layers that each look 0, 1 or 2 steps back there are 243 ways, 51 of which lead to distance 5 and only one
# to distance 0 or to 10. Contributions with random signs add up like the root of their number: that is the peak. And
# the last position of attention is the one that asks. Its symbol is in the query as well, all others are in keys and
# values only; take the query away, and the curve is flat.
#
# ### What each costs
#
# There is no free lunch; let us count. For one layer over $N$ tokens of width $D$ we want three numbers: the
# multiplications; how many steps must wait for one another; and through how many layers or steps a signal passes from
# the first token to the last.
#
# The multiplications we count twice. Vaswani et al., in their table 1, leave out what each token makes out of itself: the
# product with $x_t$ in a recurrent net, $N D^2$, and the four projections of attention (queries, keys, values, and `proj`
# after), $4 N D^2$. The layers that we have just trained need them, so here they are a column of their own.
#
# **Predict.** Attention compares every token with every other. For short sequences, is it dearer or cheaper than the
# other two? And with the projections?


# %%
def product(a, b, count, own=False):
    """Count and return a @ b; own: it makes something out of each token alone."""
    multiplications = a.shape[0] * a.shape[1] * b.shape[1]
    count["whole layer"] += multiplications
    count["multiplications"] += 0 if own else multiplications
    return a @ b


def recurrent(x, count):
    h, W = np.zeros((1, x.shape[1])), np.eye(x.shape[1])
    for row in x:
        h = np.tanh(product(row[None], W, count, own=True) + product(h, W, count))
        count["steps"] += 1  # each needs the h before it


def convolution(x, count, kernel=3):
    W = np.eye(x.shape[1])
    sum(product(np.roll(x, shift, axis=0), W, count) for shift in range(kernel))
    count["steps"] += 1  # all rows at once


# %%
def attention(x, count):
    W = np.eye(x.shape[1])
    q, k, v = (product(x, W, count, own=True) for _ in "qkv")
    weights, _ = softmax_forward(product(q, k.T, count))
    product(product(weights, v, count), W, count, own=True)  # proj
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
        count = {"multiplications": 0, "whole layer": 0, "steps": 0, "path": path_length(matrix)}
        layer(np.random.default_rng(0).standard_normal((N, D)), count)
        found[layer.__name__] = count
    return found


# %%
def formulas(N, D, k=3):
    costs = {
        "recurrent": (N * D**2, 2 * N * D**2, N, N - 1),
        "convolution": (k * N * D**2, k * N * D**2, 1, -(-(N - 1) // (k - 1))),
        "attention": (2 * N**2 * D, 4 * N * D**2 + 2 * N**2 * D, 1, 1),
    }
    names = ("multiplications", "whole layer", "steps", "path")
    return {layer: dict(zip(names, cost, strict=True)) for layer, cost in costs.items()}


for N, D in ((5, 7), (24, 24), (49, 64)):
    assert counted(N, D) == formulas(N, D)  # what is counted is what the formula says

# %% [markdown]
# | one layer, $N$ tokens of width $D$ | multiplications, as in the paper | of the whole layer | steps that wait | path length |
# |---|---|---|---|---|
# | recurrent | $N D^2$ | $2 N D^2$ | $N$ | $N - 1$ |
# | convolution, kernel $k$ | $k N D^2$ | $k N D^2$ | 1 | $\lceil (N-1)/(k-1) \rceil$ |
# | attention | $2 N^2 D$ | $4 N D^2 + 2 N^2 D$ | 1 | 1 |

# %%
lengths, D = np.unique(np.geomspace(2, 4096, 60).astype(int)), 64
at, at_49 = {N: formulas(int(N), D) for N in lengths}, counted(49, D)
names = {
    "multiplications": "multiplications",
    "steps": "steps, one after the other",
    "path": "path length",
}
curves = {
    title: {layer: np.array([at[N][layer][key] for N in lengths]) for layer in nets}
    for key, title in names.items()
}
rings = {
    title: (49, {layer: at_49[layer][key] for layer in nets}) for key, title in names.items()
}
whole = "attention with its projections"
curves["multiplications"][whole] = np.array([at[N]["attention"]["whole layer"] for N in lengths])
rings["multiplications"][1][whole] = at_49["attention"]["whole layer"]
lecture.growth(lengths, curves, rings)

# %%
for N in lengths:
    cost = {layer: at[N][layer]["multiplications"] for layer in nets}
    assert (cost["attention"] < min(cost["recurrent"], cost["convolution"])) == (N < D / 2)
    cost = {layer: at[N][layer]["whole layer"] for layer in nets}
    assert cost["attention"] > max(cost["recurrent"], cost["convolution"])  # k is 3 here
same = formulas(2 * D, D)["attention"]
assert same["whole layer"] == 2 * same["multiplications"]  # at N = 2D, half and half
sentence, image = formulas(30, 512)["attention"], formulas(128 * 128, D)["attention"]
for name, cost in (("30 words of width 512", sentence), ("128 x 128 pixels of width 64", image)):
    share = cost["multiplications"] / cost["whole layer"]
    print(f"{name}: {cost['whole layer']:,} multiplications, {share:.0%} of them compare and mix")
assert sentence == {"multiplications": 921_600, "whole layer": 32_378_880, "steps": 1, "path": 1}
assert sentence["multiplications"] < 0.03 * sentence["whole layer"]
assert 128 * 128 == 16_384 and image["multiplications"] > 0.99 * image["whole layer"]

# %% [markdown]
# Without the projections, attention is the cheapest as long as $N < D/2$. With them it is never cheaper than the other two:
# $4 N D^2$ alone is more than the convolution's $3 N D^2$. What is true is this: for a sentence of 30 words of width 512,
# to compare every word with every other is less than 3 % of the layer's work, 0.9 of 32 million multiplications. At
# $N = 2D$ it is half. From there it grows with $N^2$, and for long sequences nothing else matters. Keep that in
# mind for the second lecture, where an image of 128 × 128 pixels is a sequence of 16,384.
#
# What attention buys is on the right: all positions at once, and one step between any two. (The rings are counted, the
# lines are the formulas.)
#
# *Sources.* Vaswani et al. 2017, "Attention Is All You Need", section 4 and table 1 (which gives orders, so without the
# factor 2); Bahdanau et al. 2015, "Neural Machine Translation by Jointly Learning to Align and Translate", for the weighted
# mean; Bengio et al. 1994, "Learning Long-Term Dependencies with Gradient Descent is Difficult".

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
show_source(attention_loops)

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
# Without the division, this query looks at one key and at nothing else. One query may be luck; here are 2,000, each with
# 12 keys of its own.

# %%
rng = np.random.default_rng(0)
q = rng.standard_normal((2000, 1, 256), np.float32)
k = rng.standard_normal((2000, 12, 256), np.float32)
for name, scale in (("not divided", 1.0), ("divided", 1 / np.sqrt(256))):
    _, cache = attention_forward(q, k, k, scale=scale)
    largest = cache.weights.max(-1)
    above = (largest > 0.95).mean()
    print(f"{name:11}: largest weight {largest.mean():.2f}, above 0.95 in {above:.0%} of queries")
    if scale == 1:
        assert 0.7 < above < 0.8 and 0.91 < largest.mean() < 0.95
    else:
        assert above == 0 and 0.27 < largest.mean() < 0.31

# %% [markdown]
# Without the division the weights are nearly always close to all or nothing: in about three of four queries one key gets
# more than 0.95. That is bad for *learning*: the slope of softmax is $\alpha_i (\delta_{ij} - \alpha_j)$ (section 3 derives
# it), and where all weights are 0 or 1 it is 0. The mean over 100 queries of each width:

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
# them. The whole layer, as the package has it (`dropout`, without a random generator, does nothing):

# %%
show_source(split_heads_forward, "return")
show_source(multi_head_attention_forward, "y, cache =", "y, _ =")
show_source(SelfAttention.forward)

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
show_source(softmax_backward)
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
show_source(attention_backward, "dv =")
assert np.allclose(dV, np.einsum("nm,nd->md", A, dY))

# %% [markdown]
# **Second product.** The same sum, seen from the other factor: $A_{nm}$ enters all $y_{nd}$ of its row, with the factor
# $v_{md}$:
#
# $$\bar A_{nm} = \sum_d \bar y_{nd}\, v_{md} \qquad\text{that is}\qquad \bar A = \bar Y V^\top.$$
#
# To look more at token $m$ lowers the loss if its value points against $\bar y_n$: then $\bar A_{nm}$ is negative. Then
# comes softmax, row by row, which we have: $\bar S = A \circ \big(\bar A - \sum_m \bar A_{\cdot m} A_{\cdot m}\big)$.
# (`ascontiguousarray` copies the transposed values so that they lie in memory in the order in which the product reads them.
# The numbers are the same.)

# %%
show_source(attention_backward, "dweights =", "(dscores,)")
dA = np.einsum("nd,md->nm", dY, V)
dS = A * (dA - (dA * A).sum(1, keepdims=True))
assert np.allclose(dS.sum(1), 0)  # the rows of a softmax's gradient sum to zero

# %% [markdown]
# **Third and fourth product.** $S_{nm} = s \sum_k q_{nk} k_{mk}$, so
#
# $$\bar q_{nk} = s \sum_m \bar S_{nm}\, k_{mk}, \qquad \bar k_{mk} = s \sum_n \bar S_{nm}\, q_{nk},
# \qquad\text{that is}\qquad \bar Q = s\, \bar S K, \quad \bar K = s\, \bar S^\top Q.$$
#
# Where a query should have looked more, $\bar S_{nm}$ is negative. So $\bar q_n$ points *away* from those keys, and a step of
# gradient descent, which goes along $-\bar q_n$, moves the query towards them.

# %%
show_source(attention_backward, "dq", "dk")
assert np.allclose(dQ, s * np.einsum("nm,mk->nk", dS, K))
assert np.allclose(dK, s * np.einsum("nm,nk->mk", dS, Q))
moved, _ = attention_forward(Q - 0.01 * dQ, K, V)  # a small step of gradient descent
assert (dY * moved).sum() < (dY * Y).sum()  # lowers the loss
assert np.all((-0.01 * s * dQ @ K.T * dS).sum(1) < 0)  # scores rise where dS is negative
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
# No number is off by more than $10^{-8}$, and the checker of the package, `mv.check.check_vjp`, is silent: it tries
# random directions, one per argument and a few more in large ones, for two forward passes each.
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
# the input of a layer normalisation whose `gamma` are all equal, as in a fresh network. **A cotangent must be random.**
# Three more ways for a check to lie (equal lengths of all axes, float32, a loose tolerance) are in
# [docs/gradients.md](../docs/gradients.md).

# %%
_, cache = mv.ops.layer_norm_forward(x, np.ones(5), np.zeros(5))
dx, _, _ = mv.ops.layer_norm_backward(np.ones((3, 5)), cache)
assert np.abs(dx).max() < 1e-12

# %% [markdown]
# ### To do yourself
#
# 1. Give the recurrent net 3000 steps, or another `WIDTH`, or another seed. Which curve do you get? Then give it a gate.
# 2. Put a `mask` on `attention_forward` so that nobody looks to the right. Which entries of $A$ are zero, and what does
#    the backward pass do about them? (Nothing. Why is that enough?)
# 3. Forget something else in `sleepy_backward`: the transpose of `dk`, the sum in the softmax. Read the messages.
# 4. Check `layer_norm` with ones, once with equal and once with random `gamma`, and explain what you see from its docstring:
#    `help(mv.ops.layer_norm_backward)`.
#
# **Next:** [the second lecture](02_vit.ipynb). Pixels are too many; patches are few; and then a Vision Transformer.
#
# *Sources.* Vaswani et al. 2017, section 3.2; the backward pass of attention with matrices is in Dao et al. 2022,
# "FlashAttention", appendix B.2; gradient checks in Goodfellow et al. 2016, "Deep Learning", section 11.5.
