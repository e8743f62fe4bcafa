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
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

import minivit as mv
from minivit.data import PAD, decode
from minivit.layers import GRU, AttentionDecoder, Layer, Linear, SelfAttention
from minivit.models import RNNSearch, ShowAttendTell
from minivit.plot.lectures import sequences as lecture
from minivit.plot.source import show_source
from minivit.tasks import NextToken
from minivit.tasks.next_token import greedy

np.set_printoptions(precision=3, suppress=True)
_ = threadpool_limits(1)  # matrices as small as these gain nothing from a second BLAS thread

# %% [markdown]
# Every operation of the package is a pair of plain functions, and whoever sees the pair knows the op.
# `y, cache = NAME_forward(x)` computes, and keeps in the cache what `dx = NAME_backward(dy, cache)` will need: the
# *backward pass*, from the [gradient](../docs/glossary.md#gradient) of the output to that of the input.

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
# The weights $\alpha_i$ say how much to look at each $h_i$. They come from scores $e_i$, which may be any real numbers,
# through the [softmax](../docs/glossary.md#softmax), $\alpha_i = e^{e_i} / \sum_j e^{e_j}$.
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
DISTANCE = "steps between the marked symbol and the end"


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
# **A [recurrent net](../docs/glossary.md#recurrent-net)** reads one symbol after the other and keeps a state,
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
# **A one-dimensional [convolution](../docs/glossary.md#convolution)** computes each position from its neighbours: here from
# itself and the two to its left, in five layers. All positions are computed at once. A sequence is an image of one row, so
# our `conv2d` does it.


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
# How it does that is the [next lecture](02_attention.ipynb); for now it is one layer, `SelfAttention`.


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
# All three train in the same loop, on the same sequences, with the same [learning rate](../docs/glossary.md#learning-rate)
# and for the same number of steps: the loss is the [cross-entropy](../docs/glossary.md#cross-entropy), whose gradient the
# [next lecture](02_attention.ipynb#3-Backwards) derives, the optimizer
# [AdamW](../docs/glossary.md#adamw), and long gradients are [clipped](../docs/glossary.md#clipping). (They do not have the
# same number of parameters: the smallest of the three is the recurrent net.)
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
print(f"weight of the marked place: {at_mark.mean():.2f}")
assert at_mark.mean() > 0.8

# %%
title = "Who can look how far back?"
lecture.accuracy_by(np.arange(LENGTH), accuracy, xlabel=DISTANCE, title=title, chance=1 / SYMBOLS)

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
title = "Three recurrent nets after 1500 steps"
lecture.accuracy_by(
    np.arange(LENGTH), after_1500, xlabel=DISTANCE, title=title, chance=1 / SYMBOLS
)

# %% [markdown]
# Memory is not what it lacks. Shown only the marked symbol, the same net from the same random matrix holds it over 23
# steps, nearly without a mistake. Yet alone, with everything to do at once, it has trouble at distance 0, where there is
# nothing to hold. So this net *can* do the task; what is hard is to *learn*, from the last answer alone and by sums and a
# tanh, to take one symbol, to leave 23 and to hold the one in a form that stays. Either help is enough. Without, it is a
# matter of luck: another seed, or another processor that rounds differently, gives another first curve.
#
# [Gates](../docs/glossary.md#gate) are made for this: they *multiply*, as attention's weights do. The recurrent nets from
# here on have them, and the next section says how.
#
# *Sources.* Bengio et al. 1994, "Learning Long-Term Dependencies with Gradient Descent is Difficult"; Le et al. 2015, "A
# Simple Way to Initialize Recurrent Networks of Rectified Linear Units", for the identity.

# %% [markdown]
# ## 3 A decoder that looks back
#
# So far there was one answer per sequence. Translation, or an answer to a question, is a sequence itself. Two recurrent
# nets can do that: an [encoder](../docs/glossary.md#encoder) reads, and hands its last state to a
# [decoder](../docs/glossary.md#decoder), which writes one [token](../docs/glossary.md#token) after the other and reads each
# that it has written. All that the decoder knows has then to pass through one vector, however long the sequence is.
#
# Bahdanau et al. let the decoder look back. Before each token it compares its state $s_{t-1}$ with *every* state
# $h_1, \dots, h_N$ of the encoder, and takes their weighted mean:
#
# $$e_{t,i} = f_{att}(s_{t-1}, h_i), \qquad \alpha_t = \operatorname{softmax}(e_t), \qquad
# c_t = \sum_{i=1}^{N} \alpha_{t,i}\, h_i, \qquad s_t = \operatorname{RNN}([y_{t-1}; c_t],\, s_{t-1}).$$
#
# This is section 1, once per token. The score is a small network of its own, which is learned with all the rest:
# $f_{att}(s, h) = v_a \cdot \tanh(W s + U h)$, called [additive attention](../docs/glossary.md#additive-attention). Here it is, as the package has it ($q = W s$, and
# $k = U h$, which is computed once for all steps; $v_a$ is `vector`, and `v` are the values, here the $h_i$):

# %%
show_source(mv.ops.additive_attention_forward)

# %% [markdown]
# ### A state with gates
#
# The RNN in the last formula is a [GRU](../docs/glossary.md#gru) here, a gated recurrent unit. A gate is a number between 0 and 1
# for each number of the state, $\sigma(a) = 1 / (1 + e^{-a})$ of a linear map, and it multiplies. Let $a$ be a linear map of the
# input and $b$ one of the state, each with three parts:
#
# $$r = \sigma(a_r + b_r), \qquad z = \sigma(a_z + b_z), \qquad n = \tanh(a_n + r \circ b_n), \qquad
# h' = (1 - z) \circ n + z \circ h .$$
#
# $n$ is what the net of section 2 would make its state. The *update* gate $z$ chooses, number by number, between $n$ and the old
# $h$: to hold is $z = 1$, to take is $z = 0$, and which of them, here and now, is learned. The *reset* gate $r$ says how much of the
# old state $n$ may see. Backward, each factor of a product gets the other one, and $\sigma$ and $\tanh$ their slopes:
#
# $$\bar h = \bar h' \circ z, \quad \bar n = \bar h' \circ (1 - z), \quad \bar z = \bar h' \circ (h - n), \quad
# \bar a_n = \bar n \circ (1 - n^2), \quad \bar b_n = \bar a_n \circ r, \quad \bar r = \bar a_n \circ b_n,$$
#
# and $\bar a_z = \bar b_z = \bar z \circ z (1 - z)$, in the same way for $r$, because the slope of the sigmoid is
# $\sigma' = e^{-a} / (1 + e^{-a})^2 = \sigma (1 - \sigma)$: a quarter at most, and near 0 where a gate is sure. ($\bar h$ is what
# comes along the direct way; what comes through $b$, a linear map of $h$, is added.)
#
# **Predict.** A slope of a quarter, 24 times, is $4^{-24}$. What is left after 24 steps of a gradient that goes from state to
# state through $z$, where $a_z + b_z$ is 0, 2, 4 or 6?

# %%
a, step = np.linspace(-8, 8, 33), 1e-6
(up, _), (down, _) = mv.ops.sigmoid_forward(a + step), mv.ops.sigmoid_forward(a - step)
gate, c_gate = mv.ops.sigmoid_forward(a)
(slope,) = mv.ops.sigmoid_backward(np.ones_like(a), c_gate)
assert np.allclose(slope, gate * (1 - gate))
assert np.allclose(slope, (up - down) / (2 * step), atol=1e-9)
assert slope.max() == 0.25 and slope[a == 0] == 0.25 and slope[-1] < 0.001

for score in (0.0, 2.0, 4.0, 6.0):
    from_input, nothing = np.repeat([0.0, score, 0.0], 4), np.zeros(12)  # of r, z and n; b is 0
    h, caches = np.ones(4), []
    for _ in range(LENGTH):
        h, c_step = mv.ops.gru_forward(from_input, nothing, h)
        caches.append(c_step)
    dh = np.ones(4)
    for c_step in reversed(caches):
        dh = mv.ops.gru_backward(dh, c_step).h
    z = 1 / (1 + np.exp(-score))
    print(f"z = {z:.4f}: after {LENGTH} steps {dh[0]:.2g} of the gradient is left")
    assert np.allclose(dh, z**LENGTH)
    assert (score, dh[0] > 0.6) in ((0, False), (2, False), (4, True), (6, True))

# %% [markdown]
# $z^{24}$, and not a slope to the power of 24: on the way from state to state stands the gate itself, neither the slope of a
# function nor a matrix. A gate that is nearly shut to the new holds what it has, and lets the gradient pass; that its *own* slope
# is small then only means that it stays as it is.
#
# The rest of a step of the decoder is this cell, and a linear map that gives a score to every token of the vocabulary:

# %%
show_source(
    AttentionDecoder.forward, "for t in range(T)", "query, c =", "context, c =", "query[:, None]"
)
show_source(AttentionDecoder.forward, "self.cell.forward", "self.head.forward")

# %% [markdown]
# Our task for it: write a row of 6 to 12 digits backwards. In training the decoder is shown the *true* tokens before each
# one, not its own (["teacher forcing"](../docs/glossary.md#teacher-forcing)), so all places can be trained in one pass; what
# is minimised is the cross-entropy of the next token. When it has to write by itself, it
# takes the likeliest token each time ([greedy decoding](../docs/glossary.md#greedy-decoding)).

# %%
data = mv.data.reversal(n_train=20_000, n_test=1_000, length=12)
symbols, task = data.class_names, NextToken()
print("vocabulary:", *symbols)
print("read:      ", *decode(data.test.source[:1], symbols)[0])
print("write:     ", *decode(data.test.target[:1], symbols)[0])


def train_on(model, draw, steps, lr):
    """The model, trained on ``draw(rng)``: inputs and targets of a batch."""
    optimizer, rng = mv.train.AdamW(model, lr=lr, weight_decay=0.0), np.random.default_rng(0)
    for step in range(steps):
        inputs, targets = draw(rng)
        optimizer.lr = lr * min(1, (steps - step) / (0.4 * steps))  # the last steps are smaller
        logits, c_model = model.forward(*inputs)
        _, c_loss = task.forward(logits, targets)
        model.zero_grad()
        model.backward(task.backward(np.float32(1), c_loss), c_model)
        mv.train.clip_grad_norm(model.params, 1.0)
        optimizer.step()
    return model


# %% [markdown]
# Beside it, a decoder that may not look back. It has the same parts, and the set of vectors that it may look at has only
# one in it: the last states of the encoder. (Two nets read, one from each end; $h_i$ is both states at place $i$.)
#
# **Predict.** Both are trained for 250 steps. For which lengths will the one without attention fail?


# %%
def digits(rng):
    return task.draw(data.train.take(rng.integers(20_000, size=64)), normalize=np.asarray)


options = {"vocab_size": len(symbols), "embed_dim": 32}
models = {
    "with attention": RNNSearch(**options),
    "without: one vector": RNNSearch(**options, attention=False),
}
for model in models.values():
    train_on(model, digits, steps=250, lr=5e-3)
sizes = [model.num_params for model in models.values()]
assert sizes[0] == sizes[1] == 32_461  # the same parts

# %%
lengths = (data.test.source != PAD).sum(1)
right = {}
for name, model in models.items():
    written = greedy(model, data.test.source, length=data.test.target.shape[1])
    hits = (written == data.test.target).all(1)  # every digit, and the end
    right[name] = np.array([hits[lengths == n].mean() for n in range(6, 13)])
    print(f"{name:20} {hits.mean():4.0%} of the rows right")

attention, bottleneck = right.values()
assert attention.min() > 0.9  # at every length
assert bottleneck[0] > 0.5 and bottleneck[-1] < 0.25  # 6 digits, 12 digits
title = "Rows written backwards without a mistake, after 250 steps"
lecture.accuracy_by(np.arange(6, 13), right, xlabel="digits in the row", title=title)

# %% [markdown]
# Without attention most rows of six digits are right, and hardly any of twelve: every further digit has to find room in the
# same vector, and has to be found again in it. (A larger one, or more training, moves the curve to the right; the question
# at the end says how far.) With attention nothing has to be remembered, only to be *found*. Where did it look?

# %%
longest = np.flatnonzero(lengths == 12)
(source, before), targets = task.draw(data.test.take(longest), normalize=np.asarray)
_, cache = models["with attention"].forward(source, before)
weights = cache.decoder.alignment  # (rows, tokens written, tokens read)
looked = weights[:, :12].argmax(-1)  # the place looked at most, before each of the 12 digits
off = np.abs(looked - np.arange(12)[::-1])
beside = (
    np.abs(np.arange(12)[:, None] - np.arange(12)) <= 1
)  # for each digit, it and its neighbours
print(f"looks most at the digit to be written: {np.mean(off == 0):.0%}")
print(f"at it or beside it: {np.mean(off <= 1):.0%}; guessing {beside.mean():.0%}")
assert np.mean(off <= 1) > 0.9
read, wrote = decode(source[:1], symbols)[0], [*decode(targets[:1], symbols)[0], "end"]
lecture.alignment(weights[0], wrote, read)

# %% [markdown]
# From the last digit to the first: nobody told it. The alignment was learned from pairs of rows alone, because the weights
# have a gradient. Between French and English the same picture is nearly the other diagonal, but for words that change
# their places; that is figure 3 of the paper. (That it sometimes looks beside the digit is no mistake: $h_i$ is a state, and
# knows of its neighbours.)
#
# ### Its backward pass
#
# The weighted mean and the softmax are left to the next lecture; new is the network that makes the scores. With
# $t_{ni} = \tanh(q_n + k_i)$ and $e_{ni} = v_a \cdot t_{ni}$, and $\bar a$ for the gradient of the loss with respect to $a$ (in
# code `da`),
#
# $$\bar v_a = \sum_{n,i} \bar e_{ni}\, t_{ni}, \qquad \bar u_{ni} = \bar e_{ni}\, v_a \circ (1 - t_{ni}^2), \qquad
# \bar q_n = \sum_i \bar u_{ni}, \qquad \bar k_i = \sum_n \bar u_{ni}.$$
#
# **Predict.** Why is the gradient of a query a sum over keys?

# %%
show_source(mv.ops.additive_attention_backward)

# %% [markdown]
# Because the query enters the score of every key. The sums are what [broadcasting](../docs/glossary.md#broadcasting) becomes
# on its way back.
#
# Over time it is the same once more: all steps read the same vectors $h_i$, so their gradients add up over the steps
# (`dmemory += dv`: they are the values), and a state gets gradients from three sides: from the token that was read off it, from the next state,
# and from the next query. The lines of the decoder's backward, from the last step to the first:

# %%
show_source(
    AttentionDecoder.backward, "for t in", "ds = ds", "dinput, ds", "dx[:, t]", "dcontext ="
)
show_source(AttentionDecoder.backward, "dquery, dk", "dkeys +=", "dmemory +=")

# %% [markdown]
# Is it right? The forward pass is an independent witness: move each argument a little in a random direction, and see
# how the outputs move. The checker of the package is silent where a backward is right. Let us also forget something.

# %%
rng = np.random.default_rng(0)
q, k, v = (rng.standard_normal(shape) for shape in ((2, 3, 5), (2, 4, 5), (2, 4, 7)))
pair = (mv.ops.additive_attention_forward, mv.ops.additive_attention_backward)
mv.check.check_vjp(*pair, q, k, v, rng.standard_normal(5))
mv.check.check_layer(models["with attention"], source[:3], before[:3])  # the whole model, too


def without_the_slope(dy, cache):
    """Backward of somebody who forgets that tanh has a slope."""
    return mv.ops.additive_attention_backward(dy, cache._replace(hidden=0 * cache.hidden))


try:
    mv.check.check_vjp(pair[0], without_the_slope, q, k, v, rng.standard_normal(5))
except mv.check.GradientError as error:
    message = str(error)
    print(message.splitlines()[0])
assert "gradient of" in message

# %% [markdown]
# **Exercise.** [`recurrent_attention`](../minivit/course/exercises/recurrent_attention.md): `minivit course start recurrent_attention`
#
# *Sources.* Sutskever et al. 2014, "Sequence to Sequence Learning with Neural Networks", and Cho et al. 2014, "Learning
# Phrase Representations using RNN Encoder-Decoder", for the decoder without attention and the gated unit; Bahdanau et al.
# 2015, "Neural Machine Translation by Jointly Learning to Align and Translate", sections 3.1 and 5.2, appendix A.1.2.

# %% [markdown]
# ## 4 The same over a picture
#
# Nothing in the decoder knows that $h_1, \dots, h_N$ came from a sequence. A convolutional net makes a
# [grid of features](../docs/glossary.md#feature-map) of a picture, a vector $h_{i,j}$ per cell; let the decoder look at these, and it can describe the picture:
#
# $$e_{t,i,j} = f_{att}(s_{t-1}, h_{i,j}), \qquad \alpha_t = \operatorname{softmax}(e_t)\ \text{over all cells}, \qquad
# c_t = \sum_{i,j} \alpha_{t,i,j}\, h_{i,j}.$$
#
# That is "Show, Attend and Tell". In code the two axes of the grid become one, and there is nothing more to do:

# %%
show_source(ShowAttendTell.forward, "run(self.convs", "cells", "self.decoder.forward")

# %% [markdown]
# Our pictures have 32 × 32 pixels and one drawn object; the grid has 8 × 8 cells. A caption says "a" or "an", the colour and
# the shape.
#
# **Predict.** Where will it look before "a", before the colour, before the shape?

# %%
scenes = mv.data.scenes(3_000, 300, size=32, max_objects=1)
captions = mv.data.captioned(scenes)
words = captions.class_names


def seen(pixels):
    return mv.train.normalize(pixels, scenes.mean, scenes.std)


def pictures(rng):
    return task.draw(captions.train.take(rng.integers(3_000, size=32)), normalize=seen)


captioner = train_on(ShowAttendTell(img_size=32, vocab_size=len(words)), pictures, 300, lr=3e-3)

# %%
images = seen(captions.test.images)
written = greedy(captioner, images, length=5)
hits = written == captions.test.target
_, cache = captioner.forward(images, written[:, :-1])
maps = cache.alignment  # (pictures, words, rows, columns)
on_object = scenes.test.masks  # a list of (objects, 32, 32)
cells = np.stack([mask[0].reshape(8, 4, 8, 4).any((1, 3)) for mask in on_object])
share = (maps[:, :3] * cells[:, None]).sum((2, 3)).mean(0)
print(f"captions right: {hits.all(1).mean():.0%}; colour {hits[:, 2].mean():.0%}, ", end="")
print(f"shape {hits[:, 3].mean():.0%}")
print(
    f"the object is on {cells.mean():.0%} of the cells, and gets of the attention, word for word:"
)
print(
    *(f"{word}: {part:.0%}" for word, part in zip(("a", "colour", "shape"), share, strict=True))
)
assert hits[:, 2].mean() > 0.95 and hits.all(1).mean() > 0.7
assert share.min() > 3 * cells.mean()
shown = decode(written[:3], words)
lecture.looked_at(captions.test.images[:3], shown, maps[:3])

# %% [markdown]
# The pictures are drawn as the decoder saw them before each word: dark where it looked at nothing, and below each the share
# of the one cell (4 × 4 pixels) that it looked at most. It looks at the object, though nobody told it what an object is, or
# where: only the captions were given. Before "a" it looks there, too: "an" is for orange, so it needs the colour already.
#
# With one object there is not much to choose. With two there is, but a net that learns colours, shapes *and* "left of"
# needs more than a lecture's minute. The following comes from `python experiments/captioner.py`: 20,000 scenes of one or two
# objects, 3,000 steps, three seeds. Either object may be named first, so what counts is whether a caption is *true*.

# %%
experiment = json.loads(Path("../experiments/results/captioner.json").read_text("utf-8"))
runs = experiment["runs"]
for name in ("true_of_one", "true_of_two", "on_the_named", "on_the_other", "area_of_the_named"):
    print(f"{name.replace('_', ' '):18}", *(f"{run[name]:6.1%}" for run in runs))
assert len(runs) == 3 and experiment["settings"]["steps"] == 3000
assert all(run["true_of_one"] > 0.98 and 0.5 < run["true_of_two"] < 0.67 for run in runs)
assert all(run["on_the_named"] > 0.6 and run["on_the_other"] < 0.2 for run in runs)
assert all(0.11 < run["area_of_the_named"] < 0.14 for run in runs)
drawn = mv.data.scenes(1, 8, size=32, max_objects=2)  # the first 8 of the same scenes
two = [i for i in range(8) if len(runs[0]["captions"][i].split()) > 4][:3]
told = [runs[0]["captions"][i].split() for i in two]
for i in two:
    print(f"written: {runs[0]['captions'][i]}; given: {drawn.test.captions[i]}")
lecture.looked_at(drawn.test.images[two], told, [np.array(runs[0]["maps"][i]) for i in two])

# %% [markdown]
# Read a row from left to right: the light goes from one object to the other as the sentence does. The numbers say how far to
# trust that. In the captions that are true, before it writes the word for a shape, about seven tenths of its attention fall
# on the object that it names, which covers an eighth of the cells, and less than two tenths on the other. The rest falls
# beside them: a cell has seen 15 × 15 pixels, so also the cells *around* a thing know of it. A map shows which vectors were
# used, not which pixels they were made of. (Were the features normalised over the whole picture, every cell would know of
# all of it, and the light might fall anywhere.) And of two objects more than a third of the captions are not true; the maps
# do not show that.
#
# *Sources.* Xu et al. 2015, "Show, Attend and Tell: Neural Image Caption Generation with Visual Attention", sections 3.1 and
# 4.2.

# %% [markdown]
# ## 5 Three ways of processing sequences
#
# A recurrent net, a convolution, attention: what can each of them do, and what does it cost? We measure five things, and
# put them into one table.
#
# ### How far does a gradient reach?
#
# The 24 steps of section 2 are few. Long sequences bring one more trouble, and the [backward
# pass](../docs/glossary.md#backward-pass) tells of it. `backward` returns the
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
# exactly zero beyond the reach (and so not drawn). In attention, every position is one weighted mean away. (Why the
# convolution has a peak, and why attention drops after distance 0 and then no more, is a question at the end.)

# %% [markdown]
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
# mind for the [lecture on the Vision Transformer](04_vit.ipynb), where an image of 128 × 128 pixels is a sequence of 16,384.
#
# What attention buys is on the right: all positions at once, and one step between any two. (The rings are counted, the
# lines are the formulas.)

# %% [markdown]
# ### What waits in memory
#
# What forward keeps for backward can be measured: `mv.nbytes(cache)` counts it.
#
# **Predict.** The sequence becomes twice as long. How much more does each net keep?

# %%
grown, kept = np.array([64, 128, 256, 512, 1024]), {}
for name, net in nets.items():
    batches = [lookup(np.random.default_rng(0), 8, n)[0] for n in grown]
    kept[name] = np.array([mv.nbytes(net.forward(batch)[1]) for batch in batches])
    factors = kept[name][1:] / kept[name][:-1]
    print(f"{name:12}", *(f"{size / 2**20:7.2f}" for size in kept[name]), "MiB; times", factors)
assert np.allclose(kept["recurrent"][1:] / kept["recurrent"][:-1], 2, atol=0.02)
assert np.allclose(kept["convolution"][1:] / kept["convolution"][:-1], 2, atol=0.02)
assert 3.3 < kept["attention"][-1] / kept["attention"][-2] < 4
weights = 8 * grown * grown * 4  # of 8 sequences, in float32
assert np.all(kept["attention"] - weights > 0)
assert (kept["attention"] - weights)[-1] < 0.2 * kept["attention"][-1]  # nearly all of it
lecture.bytes_by_length(grown, kept)

# %% [markdown]
# Recurrent net and convolution: twice. Attention: nearly four times, because its weights are $N \times N$ numbers, and
# at $N = 1024$ they are nearly all that it keeps. (A softmax does not need them all at once: `mv.ops.attention_chunked` keeps a
# multiple of $N$ and computes the weights again on the way back.)
#
# ### On what do they work?
#
# **Predict.** Shuffle the symbols, marks and all, but leave the last one where it is. Who notices?

# %%
x, answers, distances = lookup(np.random.default_rng(6), 500)
order = np.append(np.random.default_rng(7).permutation(LENGTH - 1), LENGTH - 1)
noticed = {}
for name, net in nets.items():
    before, after = net.forward(x)[0], net.forward(x[:, order])[0]
    noticed[name] = np.abs(after - before).max() / np.abs(before).max()
    print(f"{name:12} answers move by {noticed[name]:.1e} of their size")
assert noticed["attention"] < 1e-5
assert noticed["recurrent"] > 0.1 and noticed["convolution"] > 0.1

# %% [markdown]
# Attention does not: it works on a *set*, and whoever needs the order has to put it into the vectors. That is no
# weakness alone: in section 4 the set was a grid, and the decoder did not need a line of code for it. A convolution needs
# neighbours, so a grid, of one dimension or of two. A recurrent net needs a first, a second and a last.
#
# ### The table

# %%
at_20 = {name: float(accuracy[name][20]) for name in nets}
back_100 = {name: float(gradient[name][100] / gradient[name][1]) for name in nets}
waits = {name: counted(49, 64)[name]["steps"] for name in nets}
passes = {name: counted(49, 64)[name]["path"] for name in nets}
times = {name: float(kept[name][-1] / kept[name][-2]) for name in nets}
print(f"{'':12} steps  path  right at 20  gradient 100 back  memory at 2N")
for name in nets:
    print(f"{name:12} {waits[name]:5} {passes[name]:5} {at_20[name]:12.0%}", end="")
    print(f" {back_100[name]:18.2g} {times[name]:13.1f}")
assert waits == {"recurrent": 49, "convolution": 1, "attention": 1}
assert passes == {"recurrent": 48, "convolution": 24, "attention": 1}
assert at_20["attention"] > 0.99 and max(at_20["convolution"], at_20["recurrent"]) < 0.6
assert back_100["convolution"] == 0 and back_100["recurrent"] < 0.02
assert back_100["attention"] > 0.8

# %% [markdown]
# | | recurrent net | convolution | self-attention |
# |---|---|---|---|
# | works on | ordered sequences | grids of any dimension | sets (order and places have to be put in) |
# | parallel over positions | no: at $N = 49$, 49 steps wait for one another | yes: 1 step | yes: 1 step |
# | long sequences: way from first to last | 48 steps | 24 layers of kernel 3 | **1 layer** |
# | ... what is 20 steps back (section 2) | below 60 % right after 400 steps | guesses | over 99 % right |
# | ... gradient 100 steps back, against 1 step | less than a fiftieth | exactly 0 (five layers) | more than 0.8 |
# | memory, when $N$ doubles | twice | twice | up to four times: $N^2$ |
#
# Such a table is often shown with a plus or a minus in each place, and some have a minus for self-attention in the row of
# long sequences. For what this row is about, to connect what is far apart, attention is the best of the three: one step
# from anywhere to anywhere, no gradient lost on the way. What does grow with the length is its cost, and that is the row of
# memory. To put both into one sign is to say that a lamp is dark because it needs much current.
#
# *Sources.* Vaswani et al. 2017, "Attention Is All You Need", section 4 and table 1 (which gives orders, so without the
# factor 2: there attention is the cheapest up to $N = D$; its shorter path through convolutions, $\log_k N$, is that of
# layers with growing gaps in their kernels); Bengio et al. 1994, "Learning Long-Term Dependencies with Gradient Descent is
# Difficult".

# %% [markdown]
# ### To do yourself
#
# 1. In the picture of the gradients, why does the convolution have a peak? Why does attention drop after distance 0, and
#    then no more?
#
# <details><summary>Answer</summary>
#
# Through five layers that each look 0, 1 or 2 steps back there are $3^5 = 243$ ways, 51 of which lead to distance 5 and only
# one to distance 0 or to 10. Contributions with random signs add up like the root of their number: that is the peak. The
# last position of attention is the one that asks: its symbol is in the query as well, all others are in keys and values
# only. Take the query away, and the curve is flat. The next cell shows both.
#
# </details>
#
# 2. Give the recurrent net of section 2 gates: `GRU` in place of the cell. What changes?
#
# <details><summary>Answer</summary>
#
# Nearly everything: after 400 steps it is right at all distances, without help. The cell after the next one trains it.
#
# </details>
#
# 3. Give the decoder without attention 64 numbers for each state in place of 32. What becomes of its curve?
#
# <details><summary>Answer</summary>
#
# It moves to the right: in our run, 91 % of the rows of 6 digits were right in place of 65 %, 28 % of those of 9 in place of
# 12 %, and of 12 digits hardly any either way. 1,000 steps in place of 250 help more (97 %, 60 % and 10 %; another processor
# may move all of these by some per cent). These trainings are not in the lecture; each takes less than a minute. It is the
# vector that is full, and the longer row that has to fit.
#
# </details>
#
# 4. How many numbers does additive attention keep for backward, and how many does the product of queries and keys?
#
# <details><summary>Answer</summary>
#
# For $N$ queries, $S$ keys and a hidden layer of width $K$, additive attention keeps $N S K$ numbers, the hidden layer for
# every pair, beside the $N S$ weights; the product keeps, beside the weights, only the queries and keys, $(N + S) K$
# numbers. In a recurrent decoder that is small ($N$ is one at a time), over a whole sequence at once it is not. That is one
# of the reasons why the next lecture multiplies.
#
# </details>


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


# %%
class Gated(Layer):
    """A recurrent net with gates, on the task of section 2."""

    def __init__(self):
        self.gru = GRU(SYMBOLS + 1, WIDTH)
        self.head = Linear(WIDTH, SYMBOLS)

    def forward(self, x):
        h, c_gru = self.gru.forward(x)
        y, c_head = self.head.forward(h[:, -1])
        return y, (c_gru, c_head, h.shape)

    def backward(self, dy, cache):
        c_gru, c_head, shape = cache
        dh = np.zeros(shape, dy.dtype)
        dh[:, -1] = self.head.backward(dy, c_head)
        return self.gru.backward(dh, c_gru)


x, answers, distances = lookup(np.random.default_rng(1), 6000)
gated = right_at_each_distance(train(Gated(), 400))
print(f"with gates, after 400 steps: {gated.mean():.0%} right; at worst {gated.min():.0%}")
assert gated.min() > 0.9  # at every distance

# %%
q, k, v = (np.zeros(shape) for shape in ((50, 16), (60, 16), (60, 16)))
_, additive = mv.ops.additive_attention_forward(q, k, v, np.zeros(16))
_, dot = mv.ops.attention_forward(q, k, v)
assert (
    additive.hidden.size == 50 * 60 * 16 and additive.weights.size == dot.weights.size == 50 * 60
)
assert mv.nbytes(additive) > 8 * mv.nbytes(dot)

# %% [markdown]
# **Next:** [the attention layer](02_attention.ipynb), step by step, forwards and backwards.
