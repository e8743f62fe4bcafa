# %% [markdown]
# # The attention layer
#
# In the [first lecture](01_sequences.ipynb) attention was a weighted mean, and a network learned what to look at. This
# lecture takes one attention layer apart: what it computes, why it divides by a root, what a head is for; and it ends with a
# backward pass that you have derived, run, checked and broken. The [next lecture](03_transformer.ipynb) builds
# Transformers out of such layers.
#
# 1. [Self-attention in six steps](#1-Self-attention-in-six-steps), by hand, then as matrices; the root of $d_k$; heads.
# 2. [What does "it" look at?](#2-What-does-"it"-look-at?) A sentence that every lecture shows, and a toy in which it is true.
# 3. [Backwards](#3-Backwards): softmax, the four products, and how a gradient check works, catches, and lies.
#
# **How to read it.** Where it says *Predict*, stop and write down a guess before you run the cell below; a wrong guess
# is worth more than none. What the text says about the numbers that the cells compute is checked there by an `assert`. They
# are the same on every machine but for the last digits; only in section 2, where a network is trained, they may move by
# some per cent. Everything runs in about half a minute on two processors and downloads nothing. You need linear algebra,
# the chain rule and some NumPy. (Formulas, text and pictures count from 1, Python from 0.)
#
# *Step through it* leads to the same computation on a [page of steps](../docs/steps.md), where every number can be read and
# asked what made it. The site has these pages; in a clone `python tools/step_pages.py` makes them.

# %%
import numpy as np
from threadpoolctl import threadpool_limits

import minivit as mv
from minivit.data import encode
from minivit.layers import Embedding, Layer, LayerNorm, LearnedPositions, Linear, SelfAttention
from minivit.plot.lectures import attention as lecture
from minivit.plot.matrices import matrices
from minivit.plot.source import show_source

np.set_printoptions(precision=3, suppress=True)
_ = threadpool_limits(1)  # matrices as small as these gain nothing from a second BLAS thread

# %%
from minivit.ops import (
    attention_backward,
    attention_forward,
    attention_loops,
    multi_head_attention_forward,
    one_hot,
    softmax_backward,
    softmax_forward,
    split_heads_forward,
)

# %% [markdown]
# Code of the package is shown from the package itself, so what you read is what runs. `show_source` prints a
# function without its docstring, or only those lines that contain a given piece of text.

# %% [markdown]
# ## 1 Self-attention in six steps
#
# Where do the scores come from? Each [token](../docs/glossary.md#token) makes three vectors out of itself: a **query** (what
# do I look for?), a **key** (what do I offer?) and a **value** (what do I hand over?). A score is the dot product of a query
# with a key.
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
#
# Some slides begin with a wider form, $y_i = \sum_j f(x_i, x_j)\, g(x_j)$: any $f$ that relates two positions, any $g$ that
# represents one. Here $g(x_j) = x_j W_V$, and $f$ is the softmax over $j$; [non-local
# blocks](12_attention_meets_images.ipynb#2-Between-the-blocks) try four. (They leave $\sqrt{d_k}$ out of $f$, where
# others have it; $n$, "the number of sequences", is that of the positions in one; and of $h$ heads the last is not head$_n$.)

# %%
S = Q @ K.T / np.sqrt(d_k)
A, _ = softmax_forward(S)
Z = A @ V
f, g = np.exp(S) / np.exp(S).sum(1, keepdims=True), X @ W_V
assert np.allclose(Z, [sum(f[i, j] * g[j] for j in range(4)) for i in range(4)])

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
# sequence is a set to it. Whoever needs the order must put it into the vectors: a [position
# embedding](../docs/glossary.md#position-embedding), as in the [lecture on the Transformer](03_transformer.ipynb).
#
# ### Why divide by $\sqrt{d_k}$?
#
# If the entries of $q$ and $k$ are independent with mean 0 and variance 1, each product $q_i k_i$ has variance 1, and
# $q \cdot k = \sum_i q_i k_i$ has variance $d_k$: the scores spread like $\sqrt{d_k}$. (With 64, the width of a head in the
# Transformer of 2017, "divide the scores by 8".)
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
def spread(d_k=256):
    return lecture.saturation(d_k)


assert lecture.one_query(256, scaled=False).weights.max() > 0.95
assert lecture.one_query(256, scaled=True).weights.max() < 0.5
mv.plot.frames(spread, d_k=[1, 4, 16, 64, 256, 1024])

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
    shared=True,
    title="Each row is what one of the six tokens looks at",
    tokens="abacbc",
)

# %% [markdown]
# One head mixes the answers: a third to each of three tokens, and nobody can tell any more which value came for which
# reason. Two heads of half the width keep them apart; their results stand side by side and one more matrix, `proj`, mixes
# them. The whole layer, as the package has it ([`dropout`](../docs/glossary.md#dropout), without a random generator, does
# nothing):

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
# that the [lecture on the Vision Transformer](04_vit.ipynb) runs into.
#
# *Sources.* Vaswani et al. 2017, sections 3.2.1 (and its footnote 4 on $\sqrt{d_k}$) and 3.2.2. The path from loops
# to one product follows the assignments of EECS 498 (Johnson, Michigan); more pictures are in chapter 11 of d2l.ai and
# in "The Annotated Transformer".

# %% [markdown]
# ## 2 What does "it" look at?
#
# *The animal didn't cross the street because it was too tired.* Nobody hesitates: "it" is the animal. Were it "too wide",
# it would be the street. This sentence stands in most lectures on attention, beside a picture of a large model in which
# "it" looks at "animal". No such model is here. So we build a world so small that we can train a network in it, and ask
# what its "it" looks at, and whether that means anything.
#
# In our world there are creatures and places; the one kind may be tired or hungry, the other wide or deep. Each sentence
# names one of each, in either order, and its last word decides. The network has to *name the noun* that "it" stands for, and
# its answer is read at "it".

# %%
CREATURES, PLACES = ["animal", "dog", "horse", "child"], ["street", "river", "field", "bridge"]
OF_CREATURES, OF_PLACES = (
    ["tired", "hungry", "scared", "young"],
    ["wide", "deep", "long", "empty"],
)
VERBS, NOUNS = ["cross", "stop", "reach", "like"], CREATURES + PLACES
FRAME = ["the", "_", "didn't", "_", "the", "_", "because", "it", "was", "too", "_"]
IT, LENGTH = FRAME.index("it"), len(FRAME)
WORDS = [*dict.fromkeys([*FRAME, *NOUNS, *VERBS, *OF_CREATURES, *OF_PLACES])]


def sentences(rng, batch):
    """Tokens (B, 11), the noun that "it" is (B,), and its place (B,)."""
    texts, answers, places = [], [], []
    for _ in range(batch):
        nouns = [rng.choice(CREATURES), rng.choice(PLACES)]
        meant = rng.integers(2)  # 0: the creature
        last = rng.choice((OF_CREATURES, OF_PLACES)[meant])
        order = rng.permutation(2)
        fill = iter([nouns[order[0]], rng.choice(VERBS), nouns[order[1]], last])
        texts.append([next(fill) if word == "_" else word for word in FRAME])
        answers.append(NOUNS.index(nouns[meant]))
        places.append((1, 5)[int(order[1] == meant)])
    return encode(texts, tuple(WORDS)), np.array(answers), np.array(places)


# %%
tokens, answers, places = sentences(np.random.default_rng(0), 4)
for row, answer, place in zip(tokens, answers, places, strict=True):
    words = [WORDS[token] for token in row]
    assert words[place] == NOUNS[answer]
    print(" ".join(words), "->", NOUNS[answer])

# %% [markdown]
# The network: each word takes a row of a table, each place adds a vector of its own, then one attention layer or two, each
# with a [layer normalisation](../docs/glossary.md#layer-normalisation) in front. Between the two is a [residual
# path](../docs/glossary.md#residual-path), $h + \text{attention}(h)$; what the last one gives at "it" is all that a linear
# map has to name the noun from.


# %%
class Reader(Layer):
    def __init__(self, depth, causal=False, dim=32):
        self.mask = np.tri(LENGTH, dtype=bool) if causal else None
        self.embed = Embedding(len(WORDS), dim)
        self.places = LearnedPositions(LENGTH, dim)
        self.norms = [LayerNorm(dim) for _ in range(depth)]
        self.attns = [SelfAttention(dim, num_heads=1) for _ in range(depth)]
        self.head = Linear(dim, len(NOUNS))

    def forward(self, tokens, mask=None, rng=None):
        h, c_embed = self.embed.forward(tokens)
        h, c_places = self.places.forward(h)
        z, caches = np.zeros_like(h), []
        masks = [self.mask] * len(self.attns)
        masks[-1] = self.mask if mask is None else mask  # a mask is for the last layer
        for norm, attn, hidden in zip(self.norms, self.attns, masks, strict=True):
            h = h + z  # the residual path; nothing is added before the first layer
            z, c_norm = norm.forward(h)
            z, c_attn = attn.forward(z, mask=hidden)
            caches.append((c_norm, c_attn))
        y, c_head = self.head.forward(z[:, IT])
        return y, (c_embed, c_places, caches, c_head, z.shape)


# %%
def reader_backward(self, dy, cache):
    c_embed, c_places, caches, c_head, shape = cache
    dz, dh = np.zeros(shape, dy.dtype), np.zeros(shape, dy.dtype)
    dz[:, IT] = self.head.backward(dy, c_head)  # forward: only "it" is read
    layers = [*zip(self.norms, self.attns, caches, strict=True)]
    for norm, attn, (c_norm, c_attn) in reversed(layers):
        dh = dh + norm.backward(attn.backward(dz, c_attn), c_norm)
        dz = dh  # forward: h + z, so both ways get it
    self.embed.backward(self.places.backward(dh, c_places), c_embed)


Reader.backward = reader_backward  # a method like the others, in a cell of its own
mv.check.check_layer(Reader(depth=2).init(0), tokens)

# %% [markdown]
# **Predict.** Begin with one layer. Can it name the noun? And what does "it" look at, in a sentence with "tired" and in the
# same with "wide"?


# %%
def learn(depth, seed=0, steps=400, causal=False):
    net, rng = Reader(depth, causal).init(seed), np.random.default_rng(seed)
    optimizer = mv.train.AdamW(net, lr=3e-3, weight_decay=0.3)
    for _ in range(steps):
        tokens, answers, _ = sentences(rng, 64)
        given = {"optimizer": optimizer, "clip_norm": 1.0, "threads": 1}
        mv.train.training_step(net, tokens, answers, **given)
    return net


def at_it(net, tokens, mask=None):
    """What the network answers, and the row of "it" in the attention map of each layer."""
    logits, (_, _, layers, _, _) = net.forward(tokens, mask=mask)
    return logits.argmax(1), [c_attn.attention.weights[:, 0, IT] for _, c_attn in layers]


def shares(weights):
    """Mean weight of the noun that "it" is, of the other noun, of the last word."""
    each = np.arange(len(weights))
    return weights[each, places].mean(), weights[each, 6 - places].mean(), weights[:, -1].mean()


# %%
one = learn(depth=1)
tokens, answers, places = sentences(np.random.default_rng(1), 2000)
found, (weights,) = at_it(one, tokens)
meant, other, last = shares(weights)
print(
    f"one layer: {np.mean(found == answers):.0%} right; it looks at the noun that it is", end=""
)
print(f" with {meant:.2f}, at the other noun with {other:.2f}, at the last word with {last:.2f}")
assert np.mean(found == answers) > 0.99
assert abs(meant - other) < 0.1 and min(meant, other) > 0.25

pair_of = {
    last: f"the animal didn't cross the street because it was too {last}".split()
    for last in ("tired", "wide")
}
both = encode([*pair_of.values()], tuple(WORDS))
answer, (weights,) = at_it(one, both)
print("answers:", *(NOUNS[number] for number in answer))
divided = weights[:, 1] / weights[:, 5]  # between animal and street
assert np.isclose(*divided, rtol=1e-3)  # the last word has no say in it
rows = {
    f'one layer, "{last}"': (pair_of[last], row)
    for last, row in zip(pair_of, weights, strict=True)
}
lecture.looks_at(rows, title='What "it" looks at, with one layer')

# %% [markdown]
# It is always right, and what "it" looks at does not say why. On average it looks at the noun that it is no more than at
# the other; and in our two sentences it divides its looks between animal and street in the same way, to the last digits,
# though the answers differ. It cannot do otherwise. The query of "it" is made of "it" and its place, which are the same in
# every sentence, so it *does not know* how the sentence ends. Then how is it right? By votes: each word in the mean speaks for
# some nouns and against others, the last word for all that can be tired or for all that can be wide, and the head adds up. So a
# noun may win that was hardly looked at.
#
# So that "it" can look at one noun and not at the other, it has to know the last word *before* it asks. That takes two
# layers.
#
# **Predict.** What will "it" look at in the first layer, what in the second?

# %%
twos = {seed: learn(depth=2, seed=seed) for seed in range(3)}
for seed, net in twos.items():
    found, maps = at_it(net, tokens)
    print(f"two layers, seed {seed}: {np.mean(found == answers):.0%} right")
    for number, (meant, other, last) in enumerate(map(shares, maps), 1):
        print(f"  layer {number}: the noun that it is {meant:.2f}, the other {other:.2f}", end="")
        print(f", the last word {last:.2f}")
    assert np.mean(found == answers) > 0.99
    assert meant > 0.25 and meant > 4 * other  # in the last layer
    assert shares(maps[0])[2] > 0.25  # the last word, in the first

answer, (first, second) = at_it(twos[0], both)
assert [NOUNS[number] for number in answer] == ["animal", "street"]
assert second[0, 1] > second[0, 5] and second[1, 5] > second[1, 1]
rows = {}
for number, last in enumerate(pair_of):
    rows[f'layer 1, "{last}"'] = (pair_of[last], first[number])
    rows[f'layer 2, "{last}"'] = (pair_of[last], second[number])
lecture.looks_at(rows, title='What "it" looks at, with two layers')

# %% [markdown]
# First "it" looks at the end of the sentence, above all. With what it has learned there it asks again: for "tired" it looks
# at the animal, for "wide" at the street. This is the picture that everybody shows, and in this little world it is real.
#
# Is what it looks at also the *reason* of its answer? A map does not say so; an experiment does. In the last layer, hide one
# word from "it" (a [mask](../docs/glossary.md#mask)), and see whether the answer is still right.
#
# **Predict.** Hide the noun that it is; hide the other noun; hide the last word. What happens to each network?


# %%
def with_hidden(net, place):
    """Share of right answers if, in the last layer, nobody may look at this place."""
    mask = np.ones((len(tokens), 1, 1, LENGTH), bool)
    mask[np.arange(len(tokens)), 0, 0, place] = False
    return np.mean(at_it(net, tokens, mask)[0] == answers)


hidden = {
    "the noun that it is": places,
    "the other noun": 6 - places,
    "the last word": LENGTH - 1,
}
print(f"{'':20} one layer  two layers, three seeds")
for name, place in hidden.items():
    alone, *others = (with_hidden(net, place) for net in (one, *twos.values()))
    print(f"{name:20} {alone:9.0%} ", *(f"{right:6.0%}" for right in others))
    if name == "the other noun":
        assert min(alone, *others) > 0.98
    elif name == "the noun that it is":
        assert max(alone, *others) < 0.7
    else:
        assert alone < 0.7 and min(others) > 0.85

# %% [markdown]
# In the networks of two layers the map tells the truth. Without the noun that it looks at, the answer is gone; without the
# other noun or the last word, in this layer, hardly anything changes: what the last word had to say, "it" has read in the
# layer before. In the network of one layer, the same experiment finds a reason where the map shows none: it needs the noun
# *and* the last word, for their votes.
#
# What this proves: attention *can* do what the picture of the animal shows, by reading the end of the sentence first, and
# a training finds it without being told. What it does not prove: that a large model does it in this way; that a map with
# one bright word is the reason of an answer, or a map without one says that there is none; and that anything in here has
# understood a word. It has four creatures, four places, and a frame of eleven words. (And the
# head reads nothing but the last weighted mean. A Transformer adds the mean to what was there, and an answer can come past
# the last map.)
#
# *Sources.* The sentence is from Uszkoreit 2017, "Transformer: A Novel Neural Network Architecture for Language
# Understanding" (Google's blog); pairs of sentences that differ in the word that decides are Winograd schemas, Levesque et al.
# 2012. Whether maps explain: Jain and Wallace 2019, "Attention is not Explanation", and Wiegreffe and Pinter 2019,
# "Attention is not not Explanation".

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
# The sum is one number per row, so the matrix is never built.
#
# **Step through it:** <a href="../docs/steps/attention.html#softmax/backward">softmax, backward</a>.
#
# Here is the op:

# %%
show_source(softmax_backward)
dy = np.array([0.3, -1.0, 0.5, 2.0])
(dx,) = softmax_backward(dy, cache)
assert np.allclose(dx, J.T @ dy)
print("from the matrix  ", J.T @ dy)
print("softmax_backward ", dx)

# %% [markdown]
# ### From shares to a loss
#
# At the end of a classifier stands a softmax, too, and after it the [cross-entropy](../docs/glossary.md#cross-entropy) with
# targets $t_i$ that sum to one (a 1 for the right class, 0 for the others): $L = -\sum_i t_i \log y_i$. It takes the logarithm of
# the shares at once, the [log-softmax](../docs/glossary.md#log-softmax),
#
# $$\ell_i = \log y_i = x_i - \log \sum_j e^{x_j}.$$
#
# **Predict.** The scores are 0 and −2000. What does `np.log(softmax(x))` give, and what is right?
#
# The derivative of the logarithm of the sum is $e^{x_j} / \sum_k e^{x_k} = y_j$, so $\partial \ell_i / \partial x_j =
# \delta_{ij} - y_j$, and
#
# $$\bar x_j = \sum_i \bar \ell_i\, (\delta_{ij} - y_j) = \bar \ell_j - y_j \sum_i \bar \ell_i .$$
#
# The loss gives $\bar \ell_i = -t_i\, \bar L$, and minus the sum of these is $\bar L$, because the $t_i$ sum to one:
#
# $$\bar x_j = (y_j - t_j)\, \bar L, \qquad\text{and for the mean of } N \text{ rows, a } N\text{th of it.}$$
#
# What was said, minus what is true. The slope of the softmax is gone: a sure and wrong answer has a gradient of nearly 1, where
# the gradient of $y$ itself would be nearly 0.
#
# **Step through it:** <a href="../docs/steps/vit.html#cross_entropy/backward">cross-entropy, backward</a>.

# %%
far = np.array([0.0, -2000.0])
with np.errstate(divide="ignore"):
    print("log of the softmax", np.log(softmax_forward(far)[0]))
print("log-softmax       ", mv.ops.log_softmax_forward(far)[0])
assert np.array_equal(mv.ops.log_softmax_forward(far)[0], far)

_, c_log = mv.ops.log_softmax_forward(x)
(dx,) = mv.ops.log_softmax_backward(dy, c_log)
assert np.allclose(dx, (np.eye(4) - y).T @ dy) and np.allclose(dx, dy - y * dy.sum())

logits, labels = np.stack([x, 2 * x]), np.array([0, 3])  # two rows, the second sure and wrong
shares, _ = softmax_forward(logits)
loss, c_loss = mv.ops.cross_entropy_forward(logits, labels)
(dlogits,) = mv.ops.cross_entropy_backward(np.array(1.0), c_loss)
assert np.isclose(loss, -np.log(shares[[0, 1], labels]).mean())
assert np.allclose(dlogits, (shares - one_hot(labels, 4)) / 2)
assert dlogits[1, 3] < -0.99 / 2 and np.allclose(dlogits.sum(1), 0)
print("said minus true, a half of it:", *dlogits, sep="\n")

# %% [markdown]
# That exp(−2000) is 0 in a computer, and its logarithm $-\infty$, would be an infinite loss for an answer whose loss is 2000.
#
# **Exercise.** [`softmax`](../minivit/course/exercises/softmax.md): `minivit course start softmax`
#
# ### Attention: four products
#
# Forward, with $s = 1/\sqrt{d_k}$:
#
# $$S = s\, Q K^\top, \qquad A = \operatorname{softmax}(S), \qquad Y = A V.$$
#
# Backward walks from $Y$ to $Q$, $K$, $V$. Two matrix products forward give four backward, because each product has two
# factors and each factor gets a gradient. Take them one at a time; to have nothing up our sleeves, each line of the op is
# compared with the sum over indices, written as a loop over letters (`einsum`).
#
# **Step through it:** <a href="../docs/steps/attention.html#attention/forward">forward</a> and <a href="../docs/steps/attention.html#attention/backward">backward</a> of an attention of
# five queries and six keys.

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
# witness: move the input a little and see how the output moves. For a random [cotangent](../docs/glossary.md#cotangent)
# $\bar y$, in the place of the gradient from above, and each element $x_j$,
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
# ### Every number of it
#
# The same call, forward and backward, as a page to walk through ([how](../docs/steps.md)): `b` and `f` change the
# direction, the pointer reads numbers, a click on one says what made it. **Predict** before you click: of which numbers of
# dy is the first number of dq made?

# %%
mv.steps.step_op("attention", Q, K, V, dy=dY)

# %% [markdown]
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
# **Exercise.** [`attention`](../minivit/course/exercises/attention.md): `minivit course start attention`
#
# ### To do yourself
#
# 1. Put a `mask` on `attention_forward` so that nobody looks to the right. Which entries of $A$ are zero, and what does
#    the backward pass do about them?
#
# <details><summary>Answer</summary>
#
# Those above the diagonal. The backward pass does nothing about them, and need not: $\bar S = A \circ (\dots)$ is zero where
# $A$ is. Nobody looked there, so to score higher or lower there, as long as it stays forbidden, changes nothing.
#
# </details>
#
# 2. Forget something else in `sleepy_backward`: exchange `q` and `k` in two products, leave out the sum in the softmax. What do
#    the messages say?
#
# <details><summary>Answer</summary>
#
# The next cell plants both. Of the sum it says which gradients are still right: that of `v`, which does not pass through
# the softmax. Where as many queries as keys are given, exchanged gradients have the right shapes, and only the numbers tell.
#
# </details>
#
# 3. Check `layer_norm` with a cotangent of ones, once with equal and once with random `gamma`. What do you see, and why?
#
# <details><summary>Answer</summary>
#
# With equal `gamma` the gradient of the input is 0, with random `gamma` it is not. Backward first multiplies the cotangent by
# `gamma` and then takes out its mean and its part along $\hat x$, because the norm sees neither a shift nor a scale. Ones times
# equal numbers *are* a shift, so nothing is left of them.
#
# </details>
#
# 4. In section 2, give the sentences to a network of two layers in which every word may look only to the left (a [causal
#    mask](../docs/glossary.md#causal-mask)).
#    Can it still name the noun at "it"?
#
# <details><summary>Answer</summary>
#
# Not better than by guessing one of the two nouns: the word that decides stands to the right. A model that writes from left
# to right can only know at the end of the sentence, and then no longer at "it".
#
# </details>

# %%
causal = np.tri(5, dtype=bool)
square = [rng.standard_normal((5, 3)) for _ in "qkv"]
_, cache = attention_forward(*square, mask=causal)
assert not cache.weights[~causal].any()
mv.check.check_vjp(attention_forward, attention_backward, *square, mask=causal)


def exchanged(dy, cache):
    grads = attention_backward(dy, cache)
    return grads._replace(q=grads.k, k=grads.q)


def without_the_sum(dy, cache):
    dscores = cache.weights * (dy @ cache.v.T)  # forgot: minus the weighted mean
    scale, grads = cache.scale, attention_backward(dy, cache)
    return grads._replace(q=scale * dscores @ cache.k, k=scale * dscores.T @ cache.q)


for wrong in (exchanged, without_the_sum):
    try:
        mv.check.check_vjp(attention_forward, wrong, *square)
    except mv.check.GradientError as error:
        message = str(error)
    print(message, end="\n\n")
    assert "right: v" in message

# %%
x, gamma = rng.standard_normal((3, 5)), rng.standard_normal(5)
for name, scales in (("equal gamma", np.full(5, 2.0)), ("random gamma", gamma)):
    _, cache = mv.ops.layer_norm_forward(x, scales, np.zeros(5))
    dx, _, _ = mv.ops.layer_norm_backward(np.ones((3, 5)), cache)
    print(f"{name}: the largest gradient is {np.abs(dx).max():.1e}")
    assert (np.abs(dx).max() < 1e-12) == (name == "equal gamma")


net = learn(depth=2, causal=True)
logits, _ = net.forward(tokens)
right = np.mean(logits.argmax(1) == answers)
print(f"if nobody looks to the right: {right:.0%} right")
assert 0.4 < right < 0.6

# %% [markdown]
# **Next:** [the Transformer](03_transformer.ipynb), built of such layers.
#
# *Sources.* Vaswani et al. 2017, section 3.2; the backward pass of attention with matrices is in Dao et al. 2022,
# "FlashAttention", appendix B.2; gradient checks in Goodfellow et al. 2016, "Deep Learning", section 11.5.
