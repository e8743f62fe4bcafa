# %% [markdown]
# # Attention for sequences
#
# A network that reads a sequence has to decide, at every step, *what should I look at?* This lecture gives the answer that
# was found first for translation: a weighted mean whose weights are learned. It ends with a network that looks at a picture
# while it describes it, and with a table of what recurrent nets, convolutions and attention can do and what they cost.
# The [next lecture](02_attention.ipynb) takes attention apart, forwards and backwards.
#
# 1. [What should I look at?](#1-What-should-I-look-at?) A weighted mean.
# 2. [One task, three answers](#2-One-task,-three-answers): a recurrent net, a convolution and attention.
# 3. [A decoder that looks back](#3-A-decoder-that-looks-back): the recurrent decoder with attention, and without.
# 4. [The same over a picture](#4-The-same-over-a-picture): a network that looks while it writes a caption.
# 5. [Three ways of processing sequences](#5-Three-ways-of-processing-sequences), measured.
#
# **How to read it.** Where it says *Predict*, stop and write down a guess before you run the cell below; a wrong guess
# is worth more than none. What the text says about the numbers that the cells compute is checked there by an `assert`,
# within bounds: two processors round differently, and a training that goes another way ends at another per cent. Times are
# not checked, they depend on the machine. Everything runs in about half a minute on two processors and downloads nothing.
# You need linear algebra, the chain rule and some NumPy. (Formulas, text and pictures count from 1, Python from 0.)

# %%
from itertools import pairwise

import numpy as np
from threadpoolctl import threadpool_limits

import minivit as mv
from minivit.layers import Layer, Linear, SelfAttention
from minivit.plot.lectures import sequences as lecture

np.set_printoptions(precision=3, suppress=True)
_ = threadpool_limits(1)  # matrices as small as these gain nothing from a second BLAS thread

# %% [markdown]
# Every operation of the package is a pair of plain functions, and whoever sees the pair knows the op.
# `y, cache = NAME_forward(x)` computes, and keeps in the cache what `dx = NAME_backward(dy, cache)` will need: the
# *backward pass*, from the gradient of the output to that of the input.

# %%
from minivit.ops import (
    conv2d_backward,
    conv2d_forward,
    cross_entropy_backward,
    cross_entropy_forward,
    one_hot,
    relu_backward,
    relu_forward,
    softmax_forward,
)

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


def look(sharpness=1.0):
    alpha, _ = softmax_forward(sharpness * scores)
    return lecture.weighted_mean(h, alpha)


alpha, _ = softmax_forward(scores)
assert np.all((alpha >= 0) & (alpha <= 1)) and np.isclose(alpha.sum(), 1)
assert np.allclose(softmax_forward(0 * scores)[0] @ h, h.mean(0))  # sharpness 0: the plain mean
assert np.allclose(softmax_forward(50 * scores)[0] @ h, h[0])  # very sharp: one of them
mv.plot.frames(look, sharpness=[0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])

# %% [markdown]
# Move the slider. With sharpness 0 all weights are ¼ and $z$ is the plain mean. With a large one, $z$ is the $h_i$ of the largest score:
# softmax is a *soft* argmax, and unlike the argmax it has a gradient. $z$ never leaves the region between the vectors.
#
# (The functions of `mv.plot` return what they have drawn, and a cell that ends with it shows it. There is nothing to open,
# to show or to close; `mv.plot.frames` draws one picture for each place of the slider.)

# %% [markdown]
# ## 2 One task, three answers
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
