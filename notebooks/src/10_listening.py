# %% [markdown]
# # A transformer that listens
#
# Sound is a wave, and a Vision Transformer reads images. Between the two lies the spectrogram, which [the last
# lecture](09_sound.ipynb) made. Here a Transformer is given spectrograms and learns to tell sounds apart; then two networks
# are given the wave itself, and no labels at all, and learn by guessing what comes next.
#
# 1. [A spectrogram is an image](#1-A-spectrogram-is-an-image), and where it is not: axes, patches that overlap, tokens
#    counted.
# 2. [The Audio Spectrogram Transformer](#2-The-Audio-Spectrogram-Transformer): two tokens that are read together, positions
#    from another world, what it costs; a small one, trained, and what it gets wrong.
# 3. [What its attention looks at](#3-What-its-attention-looks-at), gradients down to the wave, and time put out of order.
# 4. [Two networks that listen to a wave](#4-Two-networks-that-listen-to-a-wave): the convolutions of wav2vec, how far they
#    hear, and through what the future leaks.
# 5. [Which future is the true one?](#5-Which-future-is-the-true-one?) A [contrastive](../docs/glossary.md#contrastive-loss)
#    task and its backward pass.
# 6. [What has it learnt?](#6-What-has-it-learnt?-The-probe) A short training, and a probe that reads off classes nobody told
#    it.
#
# It takes about half a minute on two processors and needs no download. *Predict* means: write down a guess before you run the
# cell below. Every number that the text claims stands in an `assert`. Shapes, counts and costs are the same on every machine;
# what is trained (sections 2, 3 and 6) moves by a few percent, and there the asserts ask for what holds anyway. Words in blue
# lead to the [glossary](../docs/glossary.md).

# %%
import json
import warnings
from pathlib import Path

import numpy as np
from IPython.display import HTML, Audio, Markdown

import minivit as mv
from minivit import ops, plot
from minivit.cost import formulas
from minivit.layers import Identity, MeanPool
from minivit.models import AST
from minivit.models.wav2vec import Steps, Wav2VecOutputs
from minivit.ops.conv1d import conv1d_loops
from minivit.plot.lectures import listening as lecture
from minivit.plot.matrices import matrices
from minivit.plot.source import show_source
from minivit.tasks.future import distractors, found
from minivit.train import Recipe, Trainer, linear_probe, predict

np.set_printoptions(precision=3, suppress=True)

# %% [markdown]
# ## 1 A spectrogram is an image
#
# The data are 3,000 sounds of one second, drawn from a seed: five kinds, and in each something moves up, down, or up and down
# again. A tone glides, a voice goes from a to i, a string plays a melody, a noise grows, beats become faster. Listen to ten of
# the fifteen classes:

# %%
data = mv.data.sounds(2400, 600, seed=0)
SR, names = data.sr, data.class_names
waves, labels = mv.train.normalize_waves(data.test.waves), data.test.labels
one_of = {name: int(np.flatnonzero(labels == i)[0]) for i, name in enumerate(names)}
assert (SR, len(names)) == (8000, 15) and waves.shape == (600, 8000)


def players(sounds):
    """A player for each sound of a mapping of names to waves, five in a row."""
    audio = '<audio controls style="width: 11em" src="{}"></audio>'
    cells = [
        f"<td>{name}<br>{audio.format(Audio(y, rate=SR).src_attr())}</td>"
        for name, y in sounds.items()
    ]
    rows = ("".join(cells[i : i + 5]) for i in range(0, len(cells), 5))
    return HTML("<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>")


ways = [*names[0::3], *names[1::3]]  # up, then down
players({name: waves[one_of[name]] for name in ways})

# %% [markdown]
# What a model gets is a [log-mel spectrogram](09_sound.ipynb#6-Mel-features), made as Kaldi makes it: frames of 25 ms, one
# every 10 ms, each without its mean and with pre-emphasis, a Hann window, the power spectrum of each, summed under triangles
# that are equally far apart in mel, and of that the natural logarithm,
#
# $$z_{m,t} = \ln \max\Bigl(\epsilon, \sum_k W_m[k]\, |X_t[k]|^2\Bigr) .$$
#
# At 16 kHz, as in the paper, it has 128 bands; our sounds, at 8 kHz, get 64. **Predict.** How many columns do 10.24 s make,
# and how many our second?


# %%
def features(y, sr=SR, n_mels=64):
    """Kaldi's log-mel features of waves (..., T): (..., bands, frames)."""
    return mv.audio.kaldi_fbank_forward(y, sr=float(sr), n_mels=n_mels, window="hann")[0]


long = np.random.default_rng(0).standard_normal(163_840)  # 10.24 s at 16 kHz
with warnings.catch_warnings(record=True) as said:
    shapes = [features(long, 16_000, 128).shape, features(waves[0]).shape]
for (M, N), sr, T in zip(shapes, (16_000, 8_000), (163_840, 8_000), strict=True):
    frame, hop = sr * 25 // 1000, sr * 10 // 1000
    assert 1 + (T - frame) // hop == N  # whole frames
    print(f"{sr} Hz: frames of {frame} samples, {hop} apart, {M} bands: {M} x {N} numbers")
print("and a word of warning:", str(said[0].message).split(";")[0])
assert shapes == [(128, 1022), (64, 98)]

# %% [markdown]
# 1,022 and 98. (A paper that says "$128 \times 100\,t$" rounds; its code puts zeros behind the frames until there are 1,024.)
# And of 128 triangles one, no. 3, is empty: so low, the mel scale is finer than the bins of a DFT of 512 samples. Published
# weights have learned with that empty band, so it stays.

# %%
HOP = 0.01  # seconds
HERTZ = mv.audio.mel_frequencies(64 + 2, fmin=20, fmax=SR / 2, htk=True)[1:-1]  # of the triangles
order = [name for way in range(3) for name in names[way::3]]
pictures = features(waves[[one_of[name] for name in order]])
title = "One sound of each class: up, down, up and down"
lecture.log_mels(pictures, order, hertz=HERTZ, hop=HOP, title=title)

# %% [markdown]
# ### Where it is an image, and where it is not
#
# One may look at it, so one may cut it into patches. But an image is of a world in which things move left, right, up and down,
# come nearer and hide one another. **Predict.** What does each of these do to the picture, and what to the class? (a) the
# sound comes 0.1 s later, (b) it is ten times as loud, (c) the wave changes its sign, (d) it is played backwards, (e) a second
# sound is added.

# %%
chirp, vowel = waves[one_of["chirp up"]], waves[one_of["vowels ia"]]
later = np.concatenate([np.zeros(10 * 80, np.float32), chirp[: -10 * 80]])
a, b = features(np.stack([chirp, vowel]))
both = features(chirp + vowel)
changed = {
    "chirp up": a,
    "(a) later": features(later),
    "(d) backwards": features(chirp[::-1].copy()),
    "vowels ia": b,
    "(e) both at once": both,
}
assert np.allclose(
    changed["(a) later"][:, 10:], a[:, :-10], atol=1e-3
)  # ten columns to the right
brighter = (features(10 * chirp) - a)[a > -15]  # but for what lay at the floor, -15.9
assert np.allclose(brighter, 2 * np.log(10), atol=1e-3)  # by a constant
assert np.allclose(features(-chirp), a, atol=1e-3)  # nothing
near = np.abs(both - np.maximum(a, b)) < 1
print(f"both at once: in {near.mean():.0%} of the places about the louder of the two")
assert near.mean() > 0.85
lecture.log_mels(np.stack([*changed.values()]), [*changed], hertz=HERTZ, hop=HOP)

# %% [markdown]
# (a) is a shift, as in an image, (b) adds $2 \ln 10 = 4.6$ everywhere, a brighter picture, and (c) leaves no trace, for the
# spectrogram has lost the phase. (d) mirrors the picture, which for photographs makes more training data at no cost; here the
# chirp that rose falls, so it is another class. And (e): sounds do not hide one another. Powers add, and of two the logarithm
# shows about the louder one, place by place; each patch may hold a piece of both.
#
# Nor are the axes alike. A shift to the right is a delay, always. A shift upwards is no change of pitch. **Predict.** One
# octave up: by how many bands does a tone of 200 Hz move, and one of 1,500 Hz?

# %%
bands = {f: np.interp([f, 2 * f], HERTZ, np.arange(64)) for f in (200, 1500)}
octave = {f: up - here for f, (here, up) in bands.items()}
print({f"{f} Hz": f"{moved:.1f} bands up" for f, moved in octave.items()})
assert round(octave[200], 1) == 7.0 and round(octave[1500], 1) == 18.0

# %% [markdown]
# 7 and 18: nearly linear below 700 Hz, nearly logarithmic above. And a voice has harmonics, $f, 2f, 3f$, which move by
# different numbers of bands at once. What a net learns about a pattern at one height it has to learn again at another.
#
# ### Patches that overlap
#
# A ViT cuts images into tiles that touch. The Audio Spectrogram Transformer (AST) lets patches of 16 × 16 begin every 10 bands
# and every 10 frames, so that they [overlap](../docs/glossary.md#overlapping-patches) by 6. Of $M$ bands and $T$ frames, with
# a stride $s$, come
#
# $$N = \left(\left\lfloor \frac{M - 16}{s} \right\rfloor + 1\right) \left(\left\lfloor \frac{T - 16}{s} \right\rfloor + 1\right)$$
#
# tokens. **Predict.** How many of 128 × 1024, and of our 64 × 98? And how many if patches only touched?


# %%
def grid(M, T, stride=10):
    return (M - 16) // stride + 1, (T - 16) // stride + 1


def starts(length, stride=10):
    return range(0, length - 16 + 1, stride)


seen = np.zeros((64, 98), int)
for row in starts(64):
    for column in starts(98):
        seen[row : row + 16, column : column + 16] += 1  # one patch
assert grid(64, 98) == (5, 9) == (len(starts(64)), len(starts(98)))  # formula = count
assert grid(128, 1024) == (12, 101) and 12 * 101 == 1212
for stride in (16, 14, 12, 10):
    (rows, columns), (r, c) = grid(128, 1024, stride), grid(64, 98, stride)
    print(f"stride {stride}: {rows} x {columns:3} = {rows * columns:4} tokens, here {r} x {c}")
tokens = [int(np.prod(grid(128, 1024, stride))) for stride in (16, 14, 12, 10)]
assert tokens == [512, 657, 850, 1212] and round((1212 / 512) ** 2, 1) == 5.6

# %%
how_many = {n: int((seen == n).sum()) for n in (0, 1, 2, 4)}
assert how_many == {0: 896, 1: 1536, 2: 2688, 4: 1152} and sum(how_many.values()) == 64 * 98
top_bands = np.flatnonzero(~seen.any(1))
print(
    f"never seen: bands {top_bands[0]} to 63, from {HERTZ[top_bands[0]]:.0f} Hz on; frames 96, 97"
)
assert top_bands.tolist() == [*range(56, 64)]
lecture.overlapping_patches(a, 16, 10, seen, hertz=HERTZ, hop=HOP)

# %% [markdown]
# 1,212 tokens where tiles would make 512. It buys that what lies on the edge of one patch lies inside of another, and it costs
# $(1212 / 512)^2 = 5.6$ times the attention weights. The paper tried all four strides; the largest overlap was the best.
#
# What is left over at the far edge is not seen: at the paper's size 2 of 128 bands, in our small one 8 of 64, from 3 kHz up.
# (The paper writes $12 \lceil (100\,t - 16) / 10 \rceil$. That is one column less where 10 divides $T - 16$.) As a matrix:
# cut, flatten, multiply, as in [lecture 4](04_vit.ipynb#2-From-an-image-to-tokens). As a convolution: kernel 16 × 16, stride
# 10. One is the other:

# %%
ast = mv.create_model("ast_tiny_patch16_64x98", seed=0)
E, bias = ast.patch_embed.proj.weight.value.reshape(256, 64), ast.patch_embed.proj.bias.value
embedded, c_embed = ast.patch_embed.forward(a[None, :, :, None])
cut = [a[r : r + 16, c : c + 16].reshape(256) for r in starts(64) for c in starts(98)]
assert np.allclose(cut @ E + bias, embedded[0], atol=1e-4) and embedded.shape == (1, 45, 64)
show_source(mv.layers.OverlappingPatchEmbed.forward)
show_source(mv.layers.OverlappingPatchEmbed.backward)
lengths = np.arange(16, 1200)
paper = -(-(lengths - 16) // 10)  # rounded up
assert np.array_equal(paper != grid(16, lengths)[1], (lengths - 16) % 10 == 0)
assert 128 - (16 + 11 * 10) == 2 and 64 - (16 + 4 * 10) == 8

# %% [markdown]
# **Predict.** Backward, what does a number get that lies in four patches?

# %%
dtokens = np.random.default_rng(0).standard_normal((1, 45, 64), np.float32)
dz = ast.patch_embed.backward(dtokens, c_embed)[0, :, :, 0]
corners = [(r, c) for r in starts(64) for c in starts(98)]
by_hand = np.zeros((64, 98))
for (r, c), dtoken in zip(corners, dtokens[0], strict=True):
    by_hand[r : r + 16, c : c + 16] += (E @ dtoken).reshape(16, 16)  # forward: cut @ E
assert np.allclose(dz, by_hand, atol=1e-4) and np.array_equal(dz != 0, seen > 0)

# %% [markdown]
# Its share from each, summed: backward, gradients of neighbouring tokens meet where their patches overlap.
#
# ### Mean and standard deviation
#
# Logarithms of power are about -5, and far from being of size 1. So they are brought to mean 0 and a standard deviation of
# *one half*, by $(z - \mu) / 2\sigma$, with numbers measured once on the training data: for AudioSet $\mu = -4.27$, $\sigma =
# 4.57$.

# %%
training_waves = mv.train.normalize_waves(data.train.waves)
z = features(training_waves[:600])
mean, std = ast.config["mean"], ast.config["std"]
standard, _ = ast.standardize.forward(z)
print(f"measured {z.mean():.2f} and {z.std():.2f}; the model has {mean} and {std}")
print(f"after it {standard.mean():+.2f} and {standard.std():.2f}")
assert abs(z.mean() - mean) < 0.1 and abs(z.std() - std) < 0.1
assert abs(standard.mean()) < 0.02 and abs(standard.std() - 0.5) < 0.02

# %% [markdown]
# *Sources.* Gong, Chung and Glass 2021, "AST: Audio Spectrogram Transformer", sections 2.1, 2.2 and 3.1.3 (it says "Hamming";
# its code and transformers take a Hann window); Povey et al. 2011, "The Kaldi Speech Recognition Toolkit"; Hershey et al.
# 2017, "CNN Architectures for Large-Scale Audio Classification", for the same with a convolutional net.

# %% [markdown]
# ## 2 The Audio Spectrogram Transformer
#
# The rest is a ViT. What is new in its forward: a spectrogram in front, one channel, patches that overlap, two tokens and not
# one, and a mean and a norm before the head.

# %%
show_source(AST.forward, "x, c_", "logits, c_head")
show_source(AST.backward)

# %% [markdown]
# ### Two tokens
#
# AST begins with the weights of a DeiT, a ViT that was trained with a teacher. A DeiT has a [distillation
# token](../docs/glossary.md#distillation-token) beside the class token, each with a head of its own: the one learns from
# labels, the other from what the teacher says, and the answer is the mean of both heads (of the logits in its code; its paper
# adds what softmax makes of them). AST has one head, on the mean of both tokens. **Predict.** If both heads of a DeiT were
# equal, would there be a difference?

# %%
small = {"img_size": 16, "patch_size": 8, "embed_dim": 12, "depth": 1, "num_heads": 2}
small |= {"num_classes": 5, "distilled": True, "dtype": "float64"}
deit, apart = mv.models.ViT(**small), mv.models.ViT(**small, heads_apart=True)
images = np.random.default_rng(0).standard_normal((2, 16, 16, 3))
(logits, cache), (both, _) = deit.forward(images), apart.forward(images)
assert both.shape == (2, 2, 5) and np.allclose(both.mean(1), logits)  # the mean of two heads
deit.head_dist.weight.value = deit.head.weight.value
deit.head_dist.bias.value = deit.head.bias.value
two_heads = deit.forward(images)[0]
tokens = cache.head.x, cache.head_dist.x  # (2, 12) each
one_head, _ = deit.head.forward((tokens[0] + tokens[1]) / 2)
assert np.allclose(two_heads, one_head)

# %% [markdown]
# None: a linear map of a mean is the mean of the linear maps. So the mean of tokens is what the mean of heads becomes with one
# head. (AST's norm behind the mean is not linear, so that it is a little more than that.)
#
# Backward, each token gets half of the gradient, the same half. **Predict.** Then how do the two ever become different?

# %%
dmean = np.random.default_rng(0).standard_normal((2, 12))
dtokens = MeanPool().backward(dmean, MeanPool().forward(np.zeros((2, 2, 12)))[1])
assert np.allclose(dtokens, dmean[:, None] / 2)

twins = mv.models.AST(**ast.config | {"dtype": "float64"})
twins.dist_token.value = twins.cls_token.value.copy()
twins.pos_embed.value[:, 1] = twins.pos_embed.value[:, 0]
for tokens_differ, net in ((False, twins), (True, AST(**ast.config | {"dtype": "float64"}))):
    logits, cache = net.forward(waves[:4].astype(float))
    net.backward(np.random.default_rng(0).standard_normal(logits.shape), cache)
    gap = (
        np.abs(net.cls_token.grad - net.dist_token.grad).max() / np.abs(net.cls_token.grad).max()
    )
    print(
        f"{'drawn apart' if tokens_differ else 'equal at first'}: gradients differ by {gap:.1%}"
    )
    assert (gap > 0.01) == tokens_differ

# %% [markdown]
# Only because they were drawn apart, or come apart from a DeiT. If they and their positions were equal once, they would get
# equal gradients for ever, and one of them would be for nothing. And to be drawn apart may not be enough: DeiT's authors tried
# a second class token with the same target, and the two met again (cosine 0.999). What kept theirs apart was the teacher.
#
# ### Weights from another world
#
# Its blocks may come from images as they are. Three things do not fit. *Colours*: a kernel for three channels meets one. The
# paper speaks of the average of the three kernels; its code has the sum. **Predict.** Which is the same as to show one grey
# image to all three channels?

# %%
rng = np.random.default_rng(0)
kernel, grey = rng.standard_normal((4, 4, 3, 5)), rng.standard_normal((1, 9, 9, 1))
three, _ = ops.conv2d_forward(np.repeat(grey, 3, axis=3), kernel, stride=2)
summed, _ = ops.conv2d_forward(grey, kernel.sum(2, keepdims=True), stride=2)
assert np.allclose(three, summed)
assert np.allclose(
    three, 3 * ops.conv2d_forward(grey, kernel.mean(2, keepdims=True), stride=2)[0]
)

# %% [markdown]
# The sum. *Positions*: a DeiT for 384 × 384 pixels has a grid of 24 × 24, a spectrogram of ten seconds one of 12 × 101. They
# are cut where there are too many, and stretched where there are too few. Here each position says where it came from, its row
# and its column:

# %%
table = np.zeros((1, 2 + 24 * 24, 2))
table[0, :2] = -1  # class and distillation token
table[0, 2:] = np.indices((24, 24)).reshape(2, -1).T
fitted = mv.weights.cut_or_stretch_pos_embed(table, (12, 101), (24, 24))
rows, columns = fitted[0, 2:].reshape(12, 101, 2).transpose(2, 0, 1)
assert np.all(fitted[0, :2] == -1) and fitted.shape == (1, 2 + 1212, 2)
assert rows[:, 0].tolist() == [*range(6, 18)] and np.all(rows == rows[:, :1])  # the middle
step = np.diff(columns[0])[5:-5]
assert (columns[0, 0], columns[0, -1]) == (0, 23) and np.allclose(step, 24 / 101)
print("rows", rows[:, 0].astype(int), "columns", columns[0, :3], "...", columns[0, -3:])
second = mv.weights.cut_or_stretch_pos_embed(fitted, (12, 9), (12, 101))
assert np.array_equal(
    second[0, 2:].reshape(12, 9, 2), fitted[0, 2:].reshape(12, 101, 2)[:, 46:55]
)

# %% [markdown]
# Twelve rows from the middle, 101 columns for 24. For a shorter sound the middle is cut out and not squeezed: 10 ms stay 10
# ms. *The head* is drawn anew, for 527 kinds of sounds.
#
# It pays: with the same recipe, the paper's model is much better begun from photographs of dogs and cars than from random
# numbers. Edges and textures are of use in both worlds.
#
# ### What it costs
#
# **Predict.** An AST for ten seconds against the DeiT that it comes from, at 224 × 224 pixels: how many times the
# multiplications? Which share of them is attention's two products?

# %%
nets = {
    "DeiT-B, 224 × 224": mv.create_model("deit_base_distilled_patch16_224"),
    "AST, 10.24 s": mv.create_model("ast_base_patch16_128x1024"),
    "AST, 1 s": mv.create_model("ast_base_patch16_128x1024", length=98),
    "the small one, 1 s": ast,
}
lines = ["| | tokens | parameters | MACs | of which attention's products |", "|-|-|-|-|-|"]
macs, share = {}, {}
for name, net in nets.items():
    tokens, D, depth = net.pos_embed.shape[1], net.config["embed_dim"], net.config["depth"]
    macs[name] = mv.cost.estimate(net, batch=1).macs_forward
    share[name] = depth * 2 * tokens**2 * D / macs[name]
    counted = f"| {net.num_params:,} | {macs[name]:,} | {share[name]:.1%} |"
    lines.append(f"| {name} | {tokens:,} {counted}")
Markdown("\n".join(lines))

# %%
blocks = formulas.encoder_macs(1214, 768, 3072, 12)
assert macs["AST, 10.24 s"] == 1212 * 256 * 768 + blocks + 768 * 527 == 130_514_373_888
assert nets["AST, 10.24 s"].num_params == 86_594_063 and ast.num_params == 121_231
assert round(macs["AST, 10.24 s"] / macs["DeiT-B, 224 × 224"], 1) == 7.4
assert [round(part, 3) for part in share.values()][:2] == [0.041, 0.208]
assert round(1214 / 198, 1) == 6.1 and round(0.208 / 0.041) == 5

# %% [markdown]
# 7.4 times, for 6.1 times the tokens, and attention's part, which grows with their square, is five times as large: 21 %.
# (These are exact: the model's own code is run on arrays without numbers, see [lecture 6](06_costs.ipynb).)
#
# ### A small one, trained
#
# Width 64, three blocks, 121,231 parameters, 45 patches of a second. It hears waves: the spectrogram is made in its forward.
# Three times over 2,400 sounds, moved by up to 0.1 s and with either sign. **Predict.** How many of the fifteen classes'
# sounds does it get right? And somebody who hears only *how often* each frequency is there, not when: logistic regression on
# the mean spectrum?

# %%
recipe = Recipe(
    model="ast_tiny_patch16_64x98", epochs=3, batch_size=16, lr=1.5e-3, crop_padding=800, seed=0
)
trainer = Trainer(recipe, data)
rows = [*trainer.run()]
model = trainer.model
assert model.num_params == 121_231 and rows[-1].test_score > 0.7
plot.learning_curves(rows, least=trainer.task.least_loss(data))

# %%
answers = trainer.probabilities(data.test.waves).argmax(1)
right, kind = answers == labels, answers // 3 == labels // 3


def mean_spectra(y):
    return np.concatenate([features(part).mean(2) for part in np.split(y, len(y) // 300)])


spectra = mean_spectra(waves)
reader = linear_probe(mean_spectra(training_waves), data.train.labels, penalty=1e-3)
guesses = (spectra @ reader.weight + reader.bias).argmax(1)
by_mean, its_kind = guesses == labels, guesses // 3 == labels // 3
lines = ["| | class right | kind right | class, if the kind is right |", "|-|-|-|-|"]
for name, ok, of_kind in (("AST", right, kind), ("mean spectrum", by_mean, its_kind)):
    lines.append(
        f"| {name} | {ok.mean():.1%} | {of_kind.mean():.1%} | {ok[of_kind].mean():.1%} |"
    )
assert by_mean.mean() < 0.5 and its_kind.mean() > 0.75  # the kind, yes
assert abs(by_mean[its_kind].mean() - 1 / 3) < 0.08  # the way: one in three
Markdown("\n".join(lines))

# %% [markdown]
# The mean spectrum tells the kinds apart, but within a kind it guesses one of three: all three ways spend the same time at
# each frequency, which is how the data were made. What it lacks is order in time. And what does the AST get wrong?

# %%
counts = np.zeros((15, 15), int)
np.add.at(counts, (labels, answers), 1)
wrong = counts.sum(1) - counts.diagonal()
of_beats = wrong[12:].sum() / wrong.sum()
print(f"{kind[~right].mean():.0%} of its errors are within the kind, {of_beats:.0%} are beats")
assert kind[~right].mean() > 0.8 and of_beats > 0.5
lecture.confusion(counts, names, title=f"{right.sum()} of {len(right)} right")

# %% [markdown]
# It has the kinds, and mostly it has the way of whatever glides, swells or steps. Most of what is wrong are beats: whether
# pauses become shorter or longer, it does not know. A gliding tone shows in each patch, as a slanted line. A pause does not:
# to compare two of them, one needs several patches and their order. That is learned last. After ten epochs over 6,000 sounds,
# two minutes of a processor, it is 98.6 %: `minivit train --data sounds`, [training](../docs/training.md#sounds).
#
# *Sources.* Gong et al. 2021, section 2 (and `ast_models.py` of its code, for the sum, the mean of tokens and the second
# norm); Touvron et al. 2021, "Training data-efficient image transformers & distillation through attention", section 4.

# %% [markdown]
# ## 3 What its attention looks at
#
# The rows of the class and the distillation token, mean of both, from the last block, over the spectrograms (time to the
# right, frequencies upwards):

# %%
shown = [one_of[name] for name in ("chirp up and down", "vowels ai", "noise swelling")]
shown.append(one_of["beats slower"])
_, cache = model.forward(waves[shown])
pictures = plot.spectrogram_images(features(waves[shown]))
plot.attention_maps(pictures, cache, origin="lower")

# %% [markdown]
# One is tempted to say: it looks where the sound is. Some of it does, as on the noise. Is it so in general? Take the quarter
# of the patches with the most power. **Predict.** How much of the attention of the last block falls on it, mean of all heads
# and 200 sounds? And for which of the kinds is it more?

# %%
few, kinds = waves[:200], [name.split()[0] for name in names[::3]]
power = features(few)
tiles = [power[:, r : r + 16, c : c + 16].mean((1, 2)) for r in starts(64) for c in starts(98)]
loudest = np.argsort(tiles, axis=0).T[:, -11:]  # 11 of 45 patches


def on_the_loudest(net):
    """Share of the last block's attention that falls on the loudest quarter, of each sound."""
    _, cache = net.forward(few)
    weights = cache.blocks[-1].attn.attention.weights
    assert np.allclose(weights.sum(-1), 1, atol=1e-5)
    seen = plot.read_by_head(weights, cache).mean(1).reshape(200, 45)
    return np.take_along_axis(seen / seen.sum(1, keepdims=True), loudest, axis=1).sum(1)


before, after = on_the_loudest(ast), on_the_loudest(model)
by_kind = {kind: after[labels[:200] // 3 == k].mean() for k, kind in enumerate(kinds)}
print(
    f"an even share {11 / 45:.1%}, before training {before.mean():.1%}, after {after.mean():.1%}"
)
print({kind: f"{part:.0%}" for kind, part in by_kind.items()})
assert abs(after.mean() - 11 / 45) < 0.08 and np.ptp([*by_kind.values()]) > 0.03

# %% [markdown]
# About an even share, before and after. It differs by kind, but the picture has told a story that the numbers do not. A silent
# patch says something, too: that the tone is over, or has not begun. So ask for more than maps.
#
# ### Gradients, down to the wave
#
# Attention says where a model looks, a gradient what moves its answer. Backward does not end at the spectrogram: log-mel
# features have a backward pass of their own ([lecture 9](09_sound.ipynb#6-Mel-features)), and so the gradient of $\log p$ of
# the true class arrives at every sample. To see it on its way, here is the same net without its ears: it is given
# spectrograms, and what it hands back goes on through the two layers that were left out.

# %%
eyes = AST(**model.config | {"sr": None, "length": 98})  # the same net, from the spectrogram on
eyes.load_state_dict(model.state_dict())


def gradient(net, inputs, of):
    """Answers, and the gradient of log p of a class with respect to each input."""
    logits, cache = net.forward(inputs)
    p, _ = ops.softmax_forward(logits)
    return logits.argmax(1), net.backward(ops.one_hot(of, 15).astype(np.float32) - p, cache)


i = one_of["chirp up and down"]
wave, label = waves[i : i + 1], labels[i : i + 1]
z, c_log_mel = model.log_mel.forward(wave)
standard, c_standardize = model.standardize.forward(z)
_, dstandard = gradient(eyes, standard, label)
dz = model.standardize.backward(dstandard, c_standardize)
dwave = model.log_mel.backward(dz, c_log_mel)
assert np.allclose(dwave, gradient(model, wave, label)[1], rtol=1e-3, atol=1e-5)  # the whole way
title = f"What would make it surer of “{names[label[0]]}”"
axes = {"hertz": HERTZ, "hop": HOP, "sr": SR, "title": title}
lecture.input_gradients(z[0], dz[0], wave[0], dwave[0], **axes)

# %%
assert not dz[0, 56:].any() and not dz[0, :, 96:].any()  # what no patch sees
unheard = SR - (95 * 80 + 200)  # the last frame that is seen ends here
assert np.flatnonzero(dwave[0])[-1] < SR - unheard == 7800
noise, tone = slice(0, 3200), slice(4000, 7600)
arrived = {"wave": wave[0], "gradient": dwave[0]}
size = {name: [np.std(x[part]) for part in (noise, tone)] for name, x in arrived.items()}
ratio = {name: loud / soft for name, (soft, loud) in size.items()}
loud, louder = ratio["gradient"], ratio["wave"]
print(f"the tone is {louder:.0f} times as large as the noise before it, its gradient {loud:.1f}")
assert ratio["wave"] > 15 and ratio["gradient"] < 3
show_source(mv.audio.kaldi_fbank_backward)

# %% [markdown]
# Blue: more power here would help, orange: less. One sees the patches, and the bands that no patch sees; and much of it lies
# where there is nothing but noise. Down at the wave, the noise before the tone gets a gradient about as large as the tone's,
# at an eighteenth of its amplitude. **Predict.** Why?
#
# Because of the logarithm: its slope is one over the power, so where it is soft a small change of the wave is a large one of
# the picture. That has a price. Move each wave against its gradient, by a hundredth of its size, 40 dB below the sound.
# **Predict.** How many are still right? And with noise that is as strong?

# %%
answers_few, slopes = gradient(model, few, labels[:200])
steps = {
    "as they are": np.zeros_like(few),
    "noise, 40 dB below": np.random.default_rng(0).standard_normal(few.shape, np.float32),
    "against the gradient": -slopes,
}
still, moved = {}, {}
for name, step in steps.items():
    level = np.linalg.norm(few, axis=1, keepdims=True) / 100
    length = np.maximum(np.linalg.norm(step, axis=1, keepdims=True), 1e-30)
    moved[name] = few + level * step / length
    still[name] = np.mean(predict(model, moved[name]).argmax(1) == labels[:200])
    print(f"{name:20} {still[name]:.1%} right")
assert still["as they are"] - still["noise, 40 dB below"] < 0.05
assert still["as they are"] - still["against the gradient"] > 0.15
now = predict(model, moved["against the gradient"]).argmax(1)
turned = np.flatnonzero((answers_few == labels[:200]) & (now != labels[:200]))[0]
print(f"one of them: {names[answers_few[turned]]!r}, then {names[now[turned]]!r}")
players({name: sounds[turned] for name, sounds in moved.items()})

# %% [markdown]
# Noise does next to nothing, and against the gradient a good part of the right answers is lost, here about 40 points of a
# hundred. The three sounds above are taken for two different classes; hear for yourself. It is not a nice thing to know of a
# model, but it says that the gradient is right: a direction drawn at random does nothing of the kind.
#
# ### Time, put out of order
#
# All classes differ by order in time. So shuffle time and see what is left: cut the spectrogram into pieces of so many frames
# and put them together in another order. The mean spectrum stays exactly what it was. **Predict.** How short may the pieces
# be? And does it help to know that a patch is 160 ms long?

# %%
standard_few, _ = model.standardize.forward(power)
pieces = np.array([1, 2, 4, 8, 16, 32])
rng, parts = np.random.default_rng(0), {"kind": [], "class": []}


def shuffled(frames):
    """The frames of a second in another order, in which so many at a time stay together."""
    cuts = np.split(np.arange(98), np.arange(frames, 98, frames))
    return np.concatenate([cuts[i] for i in rng.permutation(len(cuts))])


for frames in pieces:
    orders = np.stack([shuffled(frames) for _ in few])  # another one for each sound
    mixed = np.take_along_axis(standard_few, orders[:, None], axis=2)
    said = predict(eyes, mixed).argmax(1)
    parts["class"].append(np.mean(said == labels[:200]))
    parts["kind"].append(np.mean(said // 3 == labels[:200] // 3))
    assert np.allclose(mixed.mean(2), standard_few.mean(2), atol=1e-4)  # the same mean spectrum
parts = {name: np.array(values) for name, values in parts.items()}
marks = {"a patch": 160}
lecture.shuffled_time(10 * pieces, parts, marks=marks, title="What is left when time is shuffled")

# %%
print({f"{10 * n} ms": f"{share:.0%}" for n, share in zip(pieces, parts["class"], strict=True)})
assert parts["class"][0] < 0.35 and parts["class"][5] > parts["class"][3] + 0.2
assert parts["kind"][3] > 0.6 and abs(parts["class"][3] - parts["kind"][3] / 3) < 0.12
assert parts["kind"][0] < 0.5
mirrored = labels[:200] // 3 * 3 + np.array([1, 0, 2])[labels[:200] % 3]  # up becomes down
backwards = predict(model, np.ascontiguousarray(few[:, ::-1])).argmax(1)
same, mirror = np.mean(backwards == labels[:200]), np.mean(backwards == mirrored)
print(f"played backwards: {same:.0%} for the class it was, {mirror:.0%} for the mirrored one")
assert mirror > 0.6 and same < 0.45  # up and down is its own mirror image
state = model.state_dict()
columns = np.random.default_rng(0).permutation(9)
grid_of = state["pos_embed"][:, 2:].reshape(1, 5, 9, 64)[:, :, columns].reshape(1, 45, 64)
exchanged = np.concatenate([state["pos_embed"][:, :2], grid_of], axis=1)
eyes.load_state_dict({**state, "pos_embed": exchanged})
without = np.mean(predict(eyes, standard_few).argmax(1) == labels[:200])
eyes.load_state_dict(state)
print(f"positions exchanged along time: {without:.0%} right")
assert still["as they are"] - without < 0.12

# %% [markdown]
# Pieces of two patches leave most as it was, pieces of half a patch leave one of three ways, which is guessing, while the kind
# is still mostly known; frame by frame the kind, too, is lost more often than not. Played backwards, what rose falls. But:
# exchange the *positions*, so that no patch knows when it was, and hardly anything changes. This model reads the order in time
# *inside* of its patches, and has not yet begun to compare them; that is why it fails at beats (and see question 6). Lecture 5
# found the same of shapes: a bag of patches. Whoever says "the Transformer looks at the whole sound" should shuffle it first.
#
# *Sources.* Gong et al. 2021, section 2; Simonyan et al. 2014, "Deep Inside Convolutional Networks" (gradients as pictures);
# Szegedy et al. 2014, "Intriguing properties of neural networks" (small steps against them); Jain and Wallace 2019, "Attention
# is not Explanation".

# %% [markdown]
# ## 4 Two networks that listen to a wave
#
# A spectrogram is a choice: 25 ms, a window, mel. And a thousand labels for a thousand sounds is work. wav2vec, the first of
# its name, does without both. An *encoder* of convolutions makes of the wave $x$ a frame $z_t$ every 10 ms; a *context
# network* of convolutions makes of the frames up to $t$ a context $c_t$:
#
# $$z = f(x), \qquad c_t = g(z_t, z_{t-1}, \dots) .$$
#
# ### How far they hear
#
# The encoder's five layers have kernels 10, 8, 4, 4, 4 and strides 5, 4, 2, 2, 2. With $r_l$ the samples that a number behind
# layer $l$ hears, and $j_l$ the samples from one to the next,
#
# $$r_l = r_{l-1} + (k_l - 1)\, j_{l-1}, \qquad j_l = s_l\, j_{l-1}, \qquad r_0 = j_0 = 1 .$$
#
# **Predict.** At 16 kHz, how many milliseconds is a frame of wav2vec, and how many apart? How many does a context hear, behind
# nine more layers with kernel 3?

# %%
kernels, strides, r, j = (10, 8, 4, 4, 4), (5, 4, 2, 2, 2), 1, 1
lines = ["| layer | kernel | stride | hears (samples) | apart | at 16 kHz |", "|-|-|-|-|-|-|"]
for layer, (k, s) in enumerate(zip(kernels, strides, strict=True), 1):
    r, j = r + (k - 1) * j, s * j
    lines.append(f"| {layer} | {k} | {s} | {r} | {j} | {r / 16:.2f} ms, every {j / 16:.2f} ms |")
context = r + 9 * (3 - 1) * j
large = r + sum(k - 1 for k in range(2, 14)) * j
lines.append(
    f"| 9 × context | 3 | 1 | {context} | {j} | {context / 16:.2f} ms, every {j / 16:.2f} ms |"
)
lines.append(f"| 12 × context, large | 2 to 13 | 1 | {large} | {j} | {large / 16:.2f} ms |")
wav2vec = mv.create_model("wav2vec")
assert (r, j, context, large) == (465, 160, 3345, 12945)
assert (wav2vec.receptive_field, wav2vec.hop) == (465, 160)
assert (wav2vec.kernels, wav2vec.strides) == (kernels, strides)
Markdown("\n".join(lines))

# %% [markdown]
# 29 ms, every 10 ms, and 209 ms: the "about 30" and "about 210" of the paper, and 809 ms for its large model. The figures of
# the spectrogram, 25 and 10 ms, nearly; but the filters are learned. (At 8 kHz, as here, all is twice as long.)
#
# Formulas of receptive fields are easily off by one. So ask the gradient: a random gradient at *one* frame, and back to the
# wave. **Predict.** It must be zero but for 465 samples. Is it?


# %%
def back_from(model, wave, frame):
    """Sizes of the gradient of each sample, from a random one at one frame of z."""
    outputs, cache = model.forward(wave)
    dy = Wav2VecOutputs(*map(np.zeros_like, outputs))
    dy.z[0, frame] = np.random.default_rng(0).standard_normal(dy.z.shape[2])
    return np.abs(model.backward(dy, cache))[0]


narrow = {"conv_dim": (16,) * 5, "context_dim": (16,) * 9, "dtype": "float64", "seed": 0}
normed, bare = mv.create_model("wav2vec", **narrow), mv.create_model("wav2vec", **narrow)
for block in [*bare.feature_extractor, *bare.feature_aggregator]:
    block.norm = Identity()
noise = np.random.default_rng(1).standard_normal((1, 8000))  # half a second at 16 kHz
t = 30
sizes = {"as it is": back_from(normed, noise, t), "without norms": back_from(bare, noise, t)}

# %%
heard = np.flatnonzero(sizes["without norms"])
assert (heard[0], heard[-1]) == (160 * t, 160 * t + 464)  # 465 samples, to the sample
inside = np.isin(np.arange(8000), heard)
of_others = np.median(sizes["as it is"][~inside]) / np.median(sizes["as it is"][inside])
print(f"with norms, a sample elsewhere has {of_others:.1%} of the say of one of the 465 (median)")
assert np.count_nonzero(sizes["as it is"]) > 7900 and 0.001 < of_others < 0.05
milliseconds = np.arange(8000) / 16
spans = {"465 samples": (10 * t, 10 * t + 465 / 16)}
title = f"Which samples have a say in frame {t}"
lecture.gradient_sizes(milliseconds, sizes, xlabel="time (ms)", title=title, spans=spans)

# %% [markdown]
# Without the norms it is 465 samples, to the sample. With them, all of the wave: each of the layers is a convolution, a [group
# norm](../docs/glossary.md#group-normalisation) with *one* group, and a ReLU. One group means that mean and variance are of
# all channels and all *frames* of a sound,
#
# $$\hat x_{tc} = \frac{x_{tc} - \mu}{\sqrt{\sigma^2 + \epsilon}}, \qquad
#   \mu = \frac{1}{TC} \sum_{t,c} x_{tc}, \quad \sigma^2 = \frac{1}{TC} \sum_{t,c} (x_{tc} - \mu)^2 ,$$
#
# so two numbers of every layer come from the whole sound. The say of each other sample is about a hundredth, but it is not
# nothing.
#
# And the context network, which must not know the future, because it is to foretell it? Its convolutions are
# [causal](../docs/glossary.md#causal-convolution). **Predict.** From which frames $z$ does a gradient at context 30 come, with
# the norms and without?


# %%
def back_to_frames(model, frames, t):
    """Sizes of the gradients of frames (1, T, D) from a random one of context t."""
    caches, c = [], frames
    for block in model.feature_aggregator:
        c, cache = block.forward(c)
        caches.append(cache)
    dc = np.zeros_like(c)
    dc[0, t] = np.random.default_rng(0).standard_normal(c.shape[2])
    for block, cache in zip(model.feature_aggregator[::-1], caches[::-1], strict=True):
        dc = block.backward(dc, cache)
    return np.abs(dc[0]).sum(1)


frames = normed.forward(noise)[0].z
sizes = {
    "as it is": back_to_frames(normed, frames, t),
    "without norms": back_to_frames(bare, frames, t),
}
past = np.flatnonzero(sizes["without norms"])
assert (past[0], past[-1]) == (t - 18, t)  # 19 frames, itself the last
leak = sizes["as it is"][t + 1 :]
assert np.all(leak > 0) and 0.01 < leak.max() / sizes["as it is"].max() < 0.3
print(f"from the future comes at most {leak.max() / sizes['as it is'].max():.0%} of the largest")
spans, title = {"19 frames": (t - 18, t)}, f"Which frames have a say in context {t}"
lecture.gradient_sizes(np.arange(48), sizes, xlabel="frame", title=title, spans=spans)

# %% [markdown]
# (Frame 0 stands out, for it is repeated in front of itself.) So "causal" is true of the convolutions and not quite of the
# network. For who wants to hear sounds while they come, it is not true at all: the norm of the first layer waits for the last
# sample. What the norm is for: a louder recording is no other sound.

# %%
z, c, _ = normed.forward(noise)[0]
loud = normed.forward(20 * noise)[0]
assert np.allclose(loud.z, z, atol=1e-3) and np.allclose(loud.c, c, atol=1e-3)
assert (
    np.abs(bare.forward(20 * noise)[0].z / np.maximum(bare.forward(noise)[0].z, 1e-9)).max() > 19
)

# %% [markdown]
# ### Convolution along time, and its gradient
#
# $$y_{t,o} = \beta_o + \sum_{k,c} x_{s t + k,\, c}\; W_{k,c,o}$$
#
# is the convolution of an image with one row. As a matrix it has the kernel in each row, moved by the stride. **Predict.**
# What is its backward, as a matrix? And what is a causal one with kernel 3, which has the first frame repeated in front?

# %%
kernel = np.array([1.0, 2, 3, 4])


def as_matrix(op, length):
    """The matrix of a linear op on waves of this length: its outputs for every unit vector."""
    return op(np.eye(length)[:, :, None])[0][:, :, 0].T


C = as_matrix(lambda x: ops.conv1d_forward(x, kernel[:, None, None], stride=2), 10)
causal = as_matrix(
    lambda x: ops.conv1d_forward(ops.causal_pad_forward(x, before=2)[0], kernel[:3, None, None]),
    6,
)
assert np.array_equal(causal, np.tril(causal)) and causal[:, 0].tolist() == [6, 3, 1, 0, 0, 0]
shown = {"kernel 4, stride 2": C, "its backward": C.T, "causal, kernel 3": causal}
matrices(shown, digits=0, columns=3, shared=True)

# %%
rng = np.random.default_rng(0)
x, W = rng.standard_normal((2, 23, 3)), rng.standard_normal((4, 3, 5))
y, cache = ops.conv1d_forward(x, W, stride=2)
assert np.allclose(y, conv1d_loops(x, W, 2))
dy = rng.standard_normal(y.shape)
dx, dW = np.zeros_like(x), np.zeros_like(W)
for t_out in range(y.shape[1]):  # each window gets back what it gave
    window = slice(2 * t_out, 2 * t_out + 4)
    dx[:, window] += np.einsum("bo,kco->bkc", dy[:, t_out], W)
    dW += np.einsum("bkc,bo->kco", x[:, window], dy[:, t_out])
grads = ops.conv1d_backward(dy, cache)
assert np.allclose(grads.x, dx) and np.allclose(grads.weight, dW)
show_source(
    ops.conv1d_forward,
    "y, cache = conv2d",
    "x[:, None]",
    "weight[None]",
    "bias,",
    "stride=",
    "return",
)
show_source(ops.conv1d_backward)

# %% [markdown]
# The transpose: where a window took from, its gradient goes. In the causal matrix the first frame stands in three places, so
# its column holds sums, $1 + 2 + 3$, and backward it gets the sum of three gradients. The whole network, encoder and context,
# is these steps and no others. Against differences, with the norms:

# %%
tiny = {"conv_dim": (3, 4), "conv_kernel": (4, 3), "conv_stride": (3, 2), "prediction_steps": 3}
tiny |= {"context_dim": (5, 6), "context_kernel": (2, 3), "seed": 0}
mv.check.check_layer(mv.models.Wav2Vec(**tiny), rng.standard_normal((2, 34)))  # silent: right
lines = ["| | parameters | MACs for 98 frames, a second of sound at 16 kHz |", "|-|-|-|"]
counted = {}
for name in ("wav2vec", "wav2vec_large"):
    macs = mv.cost.estimate(name, batch=1, length=98).macs_forward  # of 15,985 samples, no more
    counted[name] = mv.create_model(name).num_params, macs
    lines.append(f"| {name} | {counted[name][0]:,} | {macs:,} |")
assert [params for params, _ in counted.values()] == [15_491_072, 32_537_088]
assert (16_000 - 465) // 160 + 1 == 98 and 97 * 160 + 465 == 15_985
assert round(130_514_373_888 / 10.24 / 1e9, 1) == 12.7
Markdown("\n".join(lines))

# %% [markdown]
# (An AST takes 12.7 billion for each of its ten seconds. Of the figures above a part is for what is said of the future; who
# wants the contexts only, does without.)
#
# *Sources.* Schneider, Baevski, Collobert and Auli 2019, "wav2vec: Unsupervised Pre-training for Speech Recognition", section
# 2.1; Oord et al. 2016, "WaveNet", section 2.1 (causal convolutions); Wu and He 2018, "Group Normalization".

# %% [markdown]
# ## 5 Which future is the true one?
#
# There are no labels. But the sound itself goes on, and what comes next is known, a little later. To foretell samples would be
# to foretell noise. wav2vec has an easier question, and a better one: here is a context; here are eleven frames of the same
# sound, one of which comes $n$ steps later. *Which one?* (Figure 1 of the paper, which stands on slides, calls it "next time
# step prediction". It is twelve steps, and to recognise a frame, not to make one.)
#
# For each of $K = 12$ steps an affine map says of a context what the frame will be like, $h_n(c_t) = W_n c_t + b_n$. How well
# that fits a frame is a dot product. Each of the eleven is a question of yes or no, with the [logistic
# loss](../docs/glossary.md#logistic-loss):
#
# $$L_n = -\sum_t \Bigl( \log \sigma\bigl(z_{t+n} \cdot h_n(c_t)\bigr)
#   + \sum_{m=1}^{10} \log \sigma\bigl(-z_{d_m} \cdot h_n(c_t)\bigr) \Bigr), \qquad L = \sum_{n=1}^{12} L_n ,$$
#
# where $d_1, \dots, d_{10}$ are drawn at random from the frames of this sound, the
# [distractors](../docs/glossary.md#distractor).
#
# **Exercise.** [`contrastive`](../minivit/course/exercises/contrastive.md): `minivit course start contrastive`. The rest of
# this section shows its answers; try it before you read their code.
#
# On one sound, with frames that are 20 ms apart at 8 kHz:

# %%
t, n, seed = 16, 12, np.array([5])
others = distractors(seed, 48, 10)[0, t + n]
assert others.shape == (10,) and t + n not in others


def reaches(first, last=None):
    """From when to when frames first to last hear, in seconds."""
    return first * 160 / SR, ((first if last is None else last) * 160 + 465) / SR


frames = {
    "12 steps later": [reaches(t + n)],
    "what the context has heard": [reaches(t - 6 * 2, t)],  # six layers with kernel 3
    "distractors": [reaches(d) for d in sorted(others)],
}
assert np.isclose(np.ptp(frames["what the context has heard"][0]), (12 * 160 + 465) / SR)
lecture.which_future(features(chirp), frames, hertz=HERTZ, hop=HOP)

# %% [markdown]
# Why from the *same* sound? Were they from other sounds, it would be enough to know who speaks, or in which room. Within a
# sound, one has to know what is going on. And why not the next frame? It shares samples with the present one. **Predict.** How
# many steps until a frame shares none, and how many samples do frames share that are one step apart?

# %%
shared = [max(0, 465 - 160 * n) for n in (1, 2, 3)]
print("shared samples, 1, 2 and 3 steps apart:", shared)
assert shared == [305, 145, 0] and wav2vec.offset == 3

# %% [markdown]
# Three. The paper counts from step 1; its code begins at the first step that shares nothing, so there, and here, the twelve
# are 3, 4, ... 14. (In the paper the true frame may be drawn as its own distractor, here not. And its code has one bias for
# all steps.)
#
# ### By hand
#
# Four frames in a plane, and one step of 2. What is said at frame 0 is about frame 2, at frame 1 about frame 3. **Predict.**
# The logits, the loss of somebody who says nothing, $h = 0$, and the loss of somebody who only knows that one in eleven is
# true.

# %%
z = np.array([[[1.0, 0], [0, 1], [-1, 0], [0, -1]]])
h = np.zeros((1, 4, 1, 2))
h[0, 0, 0], h[0, 1, 0] = [-2, 0], [1, -1]  # right, and half right
drawn = np.array([[[1, 3], [0, 2], [0, 1], [0, 2]]])  # two distractors for each frame
logits, cache = ops.future_logits_forward(h, z, drawn, offset=2)
assert logits.tolist() == [[[2, -2, 0], [1, 1, -1]]]  # the true one first
assert ops.future_pairs(4, 1, 2)[1].tolist() == [2, 3]  # which frames are asked about
truth = np.zeros_like(logits)
truth[..., 0] = 1
loss, c_loss = ops.binary_cross_entropy_forward(logits, truth)
p = 1 / (1 + np.exp(-logits))
assert np.isclose(loss, -np.mean(truth * np.log(p) + (1 - truth) * np.log(1 - p)))
one = 1 / 11
knows = -(one * np.log(one) + (1 - one) * np.log(1 - one))
print(f"this one {loss:.3f}, saying nothing {np.log(2):.3f}, knowing how many {knows:.3f}")
assert round(knows, 3) == 0.305

# %% [markdown]
# The first is sure and right. The second finds a distractor as likely as the truth: not found. And 0.305 is a mark to
# remember, for that is where a training stands that has learned nothing but to say "mostly no".

# %%
show_source(ops.future_logits_forward)

# %% [markdown]
# ### The way back
#
# The logistic loss hands back what was said minus what is true, $\delta = \sigma(y) - 1$ for the true frame and $\sigma(y)$
# for a distractor, over the number of questions. A dot product hands each side the other:
#
# $$\bar h_{t,n} = \sum_m \delta_m\, z_{d_m}, \qquad \bar z_i = \sum_{\text{asked about } i} \delta\, h, \qquad
#   \bar W_n = \sum_t \bar h_{t,n}\, c_t^\top, \qquad \bar b_n = \sum_t \bar h_{t,n} ,$$
#
# with the true frame as $d_0$. **Predict.** A step against the gradient: where does what is said move? Where does a true
# frame, and where a distractor?

# %%
(dlogits,) = ops.binary_cross_entropy_backward(np.float64(1), c_loss)
assert np.allclose(dlogits, (p - truth) / 6)
dh, dz = ops.future_logits_backward(dlogits, cache)
by_hand = dlogits[0, 0] @ z[0, [2, 0, 1]]  # frame 2, and its distractors 0 and 1
assert np.allclose(dh[0, 0, 0], by_hand)
of_frame_0 = dlogits[0, 0, 1] * h[0, 0, 0] + dlogits[0, 1, 1] * h[0, 1, 0]  # twice a distractor
assert np.allclose(dz[0, 0], of_frame_0)
assert not dh[0, 2:].any()  # of which there is nothing to say
mv.check.check_vjp(ops.future_logits_forward, ops.future_logits_backward, h, z, drawn, offset=2)
show_source(ops.future_logits_backward)
show_source(ops.binary_cross_entropy_backward)
show_source(Steps.backward)

# %% [markdown]
# What is said moves towards the true frame and away from the distractors; the true frame comes towards what was said of it,
# and distractors go away. Both are learned at once, so there is an easy way out: all frames alike. It does not pay, because
# then nobody can be told from anybody, and the loss stays at 0.305.
#
# Frames are picked by number, several times the same, so $\bar z$ is the gradient of an embedding: a sum over all places where
# an index comes twice, as [in lecture 7](07_windows.ipynb#5-Relative-positions).
#
# *Sources.* Schneider et al. 2019, section 2.2; Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding"
# (the same with one softmax over all eleven); Mikolov et al. 2013, "Distributed Representations of Words and Phrases", section
# 2.2 (negative sampling).

# %% [markdown]
# ## 6 What has it learnt? The probe
#
# A small wav2vec: six causal layers in the context network, with skips, twice over 2,400 sounds, of whose classes it is told
# nothing. (The model of [training](../docs/training.md#sounds-without-labels) has more channels in its first layers, and goes
# further.) **Predict.** By chance one finds the true frame in one of eleven cases. How often after 600 steps?

# %%
recipe = Recipe(
    model="wav2vec_tiny",
    options={"conv_dim": (8, 16, 32, 64, 64)},
    epochs=2,
    batch_size=8,
    lr=1e-2,
    crop_padding=800,
    seed=0,
)
teller = Trainer(recipe, data)
listener, rows = teller.model, [*teller.run()]
losses = np.array([row.loss for row in rows])
assert len(rows) == 600 and rows[-1].test_score > 0.2
early, late = losses[50:100].mean(), losses[-50:].mean()
print(f"{listener.num_params:,} parameters; loss {early:.3f}, then {late:.3f}")
assert abs(early - knows) < 0.01 and late < 0.29
plot.learning_curves(rows, loss=teller.task.loss_name, score=teller.task.score_name)

# %% [markdown]
# The loss falls to 0.305, that of one who has learned how many, and stays there for a while. Then it finds something to say.
# How far ahead does it know, and of what?

# %%
outputs = predict(listener, waves[:200])
hits = found(teller.task.logits(outputs, np.arange(200))[0])
step, _ = ops.future_pairs(48, 12, 3)
ahead = np.array([hits[:, step == k].mean() for k in range(12)])
print(f"3 frames ahead {ahead[0]:.0%}, 14 ahead {ahead[-1]:.0%}")
assert ahead[0] > ahead[-1] > 1 / 11
plot.steps_ahead(ahead.tolist(), 3, chance=1 / 11)

# %%
by_kind = {kind: hits[labels[:200] // 3 == k].mean() for k, kind in enumerate(kinds)}
print({kind: f"{share:.0%}" for kind, share in by_kind.items()})
assert by_kind["beats"] < min(by_kind[kind] for kind in ("chirp", "vowels", "noise"))
i = one_of["chirp up and down"]
(z, _, h), _ = listener.forward(waves[i : i + 1])
probabilities, _ = ops.sigmoid_forward(h[0, :, 0] @ z[0].T)
plot.foretold(probabilities, 3)

# %% [markdown]
# In the second picture, each row is a moment, and what is bright in it fits what was said there of three frames later. On the
# dotted line is the truth. In the noise before the tone, any frame of noise will do, which is all that can be known of it.
# Then comes the tone, and on its way it says where it will be. Near the top it hesitates, for it cannot know when the tone
# will turn.
#
# By kinds, it knows best what glides or swells, and beats least: between two of them one silence is like the other.
#
# ### What is it worth?
#
# Nobody told it a class. Does it know them? A [linear probe](../docs/glossary.md#linear-probe): keep the features as they are,
# take their mean over time, and fit logistic regression, here to 1,000 labels. **Predict.** How many of fifteen classes'
# sounds are right with the contexts of this net, with those of the same net before training, and with log-mel energies?


# %%
def probed(features_of, count=1000):
    """Test accuracy of logistic regression on means over time of features (B, T, D)."""
    means = [
        np.concatenate([features_of(part).mean(1) for part in np.split(y, len(y) // 100)])
        for y in (training_waves[:count], waves)
    ]
    probe = linear_probe(means[0], data.train.labels[:count], penalty=1e-3)
    return probe.accuracy(means[1], labels)


fresh = mv.create_model("wav2vec_tiny", **recipe.options, seed=0)
here = {
    "contexts, trained": probed(lambda y: predict(listener, y).c),
    "contexts, untrained": probed(lambda y: predict(fresh, y).c),
    "log-mel": probed(lambda y: features(y).mT),
}
print({name: f"{share:.1%}" for name, share in here.items()})
assert here["contexts, trained"] > here["contexts, untrained"] + 0.1
assert here["contexts, untrained"] > here["log-mel"] - 0.05 and here["log-mel"] < 0.5

# %% [markdown]
# One run is one run. Longer ones, five seeds with sounds of their own each, made by `python experiments/probe_sounds.py`:
# 6,000 sounds to train on, and all of their labels for the probe, 1,500 to test; 935 steps; mean and standard deviation.

# %%
results = json.loads(Path("../experiments/results/probe_sounds.json").read_text(encoding="utf-8"))
assert results["command"] == "python experiments/probe_sounds.py" and len(results["runs"]) == 5
settings, epochs = results["settings"], ["0", "1", "2", "5"]
assert (settings["n_train"], settings["n_test"]) == (6000, 1500)


def of_five(values):
    return f"{100 * np.mean(values):.1f} ± {100 * np.std(values, ddof=1):.1f} %"


heads = "untrained", "after 1 epoch", "after 2", "after 5"
lines = [f"| mean over time of | {' | '.join(heads)} |", "|-|-|-|-|-|"]
scores = {}
for key, name in (
    ("context", "contexts c"),
    ("frame", "frames z"),
    ("true_frames", "*frames found*"),
):
    scores[key] = np.array([[run[key][epoch] for epoch in epochs] for run in results["runs"]])
    lines.append(f"| {name} | {' | '.join(of_five(column) for column in scores[key].T)} |")
log_mel = np.array([run["log_mel"] for run in results["runs"]])
lines.append(f"| 64 log-mel bands | {of_five(log_mel)} | | | |")
Markdown("\n".join(lines))

# %%
gain = scores["context"][:, 3] - scores["context"][:, 0]
assert gain.min() > 0.26 and gain.max() < 0.34 and log_mel.mean() < 0.36
assert round(scores["context"][:, 3].mean(), 3) == 0.817 and round(log_mel.mean(), 3) == 0.354
assert round((scores["context"][:, 3] - log_mel).mean(), 2) == 0.46
curves = {"contexts c": scores["context"], "frames z": scores["frame"]}
curves["64 log-mel bands"] = np.repeat(log_mel[:, None], 4, axis=1)
lecture.probes([0, 1, 2, 5], curves)

# %% [markdown]
# Training without labels is worth 27 to 33 points over the same net untrained, in each of the five runs, and 46 over log-mel
# energies. That a mean over time knows of order at all is the contexts' merit: each of them has heard 300 ms before its frame,
# so it knows which way things go, and the mean of all says how much of a sound went up and how much down. A net of random
# numbers hears some of that too; that is why "untrained" is the thing to compare with, and not chance.
#
# For the paper it was speech: a recogniser that got these contexts in place of log-mel features erred by up to 36 % less where
# only a few hours of transcribed speech were at hand. Its successor, wav2vec 2.0, puts a Transformer in the place of the
# context network, and masks frames in place of foretelling them. There the two halves of this lecture meet.
#
# *Sources.* Schneider et al. 2019, abstract and section 4; Alain and Bengio 2017, "Understanding intermediate layers using
# linear classifier probes"; Baevski et al. 2020, "wav2vec 2.0: A Framework for Self-Supervised Learning of Speech
# Representations".
#
# ### To do yourself
#
# 1. The authors of AST tried patches of 128 × 2, too: all bands, two frames. How many tokens do 128 × 1024 make, if they
#    touch? What would our model, which reads order inside of its patches, make of that?
# 2. Add a sixth layer to the encoder, kernel 4 and stride 2. How much does a frame hear, how far apart are frames, and at
#    which step do they share no sample?
# 3. With one distractor for each frame in place of ten: which share is found by chance, and at which loss does a training
#    stand that has learned nothing?
# 4. Of images one makes more by mirroring them. Which augmentations of sounds keep the class here, and which do not?
# 5. A batch has sounds of different lengths, filled up with zeros. Which layer of wav2vec notices?
# 6. Train the whole run, `minivit train --data sounds`, read it with `mv.load("runs/sounds-1/checkpoint.safetensors")`, and
#    exchange its positions along time as in section 3. Which classes notice?
#
# <details><summary>Answers</summary>
#
# 1. 512. There is hardly any order in time inside of such a patch, so it would have to compare patches, which is what ours has
#    not learned.
# 2. 945 samples, 320 apart: from step 3 on, as before.
# 3. One half; $\ln 2 = 0.693$, which is also the loss of saying nothing.
# 4. Later, louder, turned in sign, with noise added: the same class. Backwards, no. Higher or slower: yes, within limits.
# 5. The group norm: its mean and variance are over all frames, and zeros are frames. Convolutions see them at the end only.
# 6. The beats, and no others. As trained it is right for 98.6 %: for 94 % of the beats and 99.8 % of the rest. With positions
#    exchanged, in three ways, it is right for 70 to 84 % of the beats, and still for 99.5 % of the rest (on the machine where
#    this was written). So order between patches can be learned, and that is what the longer training is for.
#
# </details>

# %%
assert (128 // 128) * (1024 // 2) == 512
r, j = 465 + 3 * 160, 160 * 2
assert (r, j) == (945, 320) and -(-r // j) == 3
half = np.array([0.5, 0.5])
assert np.isclose(-(half * np.log(half)).sum(), np.log(2)) and round(np.log(2), 3) == 0.693
short = normed.forward(noise)[0].z
filled = normed.forward(np.concatenate([noise, np.zeros_like(noise)], axis=1))[0].z[:, :48]
alike = bare.forward(np.concatenate([noise, np.zeros_like(noise)], axis=1))[0].z[:, :48]
assert np.abs(filled - short).max() > 0.01 and np.allclose(alike, bare.forward(noise)[0].z)
