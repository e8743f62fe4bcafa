# %% [markdown]
# # Training a Vision Transformer
#
# The [last lecture](04_vit.ipynb) built a Vision Transformer (ViT) and left it untrained. Here it is trained, on two
# processors in half a minute, then looked into, and then asked what it costs: images, and memory.
#
# 1. [Training it, here](#1-Training-it,-here), and why the loss has a bump.
# 2. [Looking into it](#2-Looking-into-it): attention maps, what the embedding responds to, positions.
# 3. [Class token or mean](#3-Class-token-or-mean), measured.
# 4. [Why a ViT wants data](#4-Why-a-ViT-wants-data): accuracy against the number of training images, beside a small
#    convolutional net.
# 5. [Fine-tuning at a higher resolution](#5-Fine-tuning-at-a-higher-resolution): positions for a grid that was never seen.
# 6. [What backward keeps](#6-What-backward-keeps), and what it costs to keep less.
#
# *Predict* means: write down a guess before you run the cell below. Words in blue lead to the
# [glossary](../docs/glossary.md).
#
# **Which numbers move between machines.** Byte counts, parameter counts and shapes are the same everywhere. A training is
# not: the last digits of floating-point numbers differ between processors, and a few hundred steps make large differences
# of small ones. So losses, accuracies, attention maps and what is measured in this model (sections 1 and 2) move by a few
# percent; the text says what holds anyway, and the asserts ask for that. Seconds move most. The curves of
# sections 3 to 5 are drawn from files in the repository, from longer runs of three seeds each; the commands that make them
# stand beside.

# %%
import json
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
from IPython.display import Markdown, display

import minivit as mv
from minivit import ops, plot
from minivit.plot.lectures import training_vit as lecture
from minivit.plot.source import show_source
from minivit.threads import one_blas_thread
from minivit.train import Recipe, Trainer, predict

np.set_printoptions(precision=3, suppress=True)
KIB, MIB = 2**10, 2**20
RESULTS = Path("../experiments/results")

# %% [markdown]
# ## 1 Training it, here
#
# A ViT of four blocks and width 48 sees 8,000 images three times (three [epochs](../docs/glossary.md#epoch)), in
# [batches](../docs/glossary.md#batch) of 32. [Cross-entropy](../docs/glossary.md#cross-entropy)
# (its gradient is in the [second lecture](02_attention.ipynb#3-Backwards)),
# [AdamW](../docs/glossary.md#adamw), a [warmup](../docs/glossary.md#warmup) and a
# [cosine](../docs/glossary.md#cosine-schedule), gradients [clipped](../docs/glossary.md#clipping) at length 1: what
# `minivit train` does, only smaller. The curve is drawn again every 75 steps. All processors work; with `threads=1` only one
# does, and the result is the same to the bit.
#
# **Predict.** Guessing gives 10 %; a linear classifier on the pixels stays below 40 % (a test of the package trains one).
# Where will this be after one pass over the images? After three?

# %%
data = mv.data.shapes(n_train=8000, n_test=500, seed=0)
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

# %%
KEPT = 275  # the step whose state we keep, for later
rows, screen = [], display(Markdown("training ..."), display_id="curve")
least = trainer.task.least_loss(data)
for metrics in trainer.run():
    rows.append(metrics)
    if metrics.step % 150 == 0:
        screen.update(plot.learning_curves(rows, least=least))
    if metrics.step == KEPT:
        kept = trainer.model.state_dict(), trainer.optimizer.state_dict()

assert rows[-1].test_score > 0.8

# %% [markdown]
# The loss begins at $\ln 10 \approx 2.3$ [nats](../docs/glossary.md#nats), which is guessing, stays near it for a while,
# then falls: attention has found out what to look at. It does not go to zero: the labels are
# [smoothed](../docs/glossary.md#label-smoothing) by 0.1, so even the best answer costs 0.5 nats, the dotted line.

# %%
best = 0.1 / 10 + 0.9 * ops.one_hot(data.test.labels[0], 10)  # a smoothed label
assert np.isclose(-(best * np.log(best)).sum(), least)  # predicted exactly: the dotted line
assert abs(least - 0.5) < 0.01
assert abs(rows[0].loss - np.log(10)) < 0.2
pixels, labels = data.test.images[:18], data.test.labels[:18]
probabilities = trainer.probabilities(pixels)
assert np.allclose(probabilities.sum(1), 1, atol=1e-5)
plot.predictions(pixels, labels, probabilities, data.class_names)

# %% [markdown]
# ### Why is there a bump?
#
# On the way down, the mean of the loss rises for a while (here after step 275; on another machine, perhaps elsewhere). Three
# suspects: a few hard batches; images that come a second time, for the second epoch begins at step 250; steps that are too
# long. **Predict.** How can one tell?
#
# Go back to the state that was kept, weights and the averages of AdamW, and run the same batches again with a quarter of the
# [learning rate](../docs/glossary.md#learning-rate). Hard batches and second visits would make the same bump.

# %%
calm = Trainer(replace(recipe, lr=recipe.lr / 4), data)
calm.model.load_state_dict(kept[0])
calm.optimizer.load_state_dict(kept[1])
calm.step = KEPT
window = range(KEPT, KEPT + 75)
slower = [metrics.loss for _, metrics in zip(window, calm.run(), strict=False)]
as_it_was = [rows[step].loss for step in window]
for name, losses in (("as it was", as_it_was), ("a quarter of the rate", slower)):
    thirds = np.reshape(losses, (3, 25)).mean(1)
    print(f"{name:22} mean loss of 25 steps each:", *(f"{loss:.2f}" for loss in thirds))
assert np.mean(slower[25:]) < np.mean(as_it_was[25:]) - 0.03

# %% [markdown]
# The same batches, and no bump: the steps were too long for this stretch of the way. The rate is near its height here, and
# as the cosine takes it down, the loss comes down as well. Why then such a rate? Because over all 750 steps it pays: with a
# quarter of it, the whole training ends higher up, as the first of the questions at the end finds out.
#
# ### What the optimizer does with the rate
#
# With the gradient $g$ of a parameter $\theta$ in step $t$, AdamW keeps two averages, of the gradient and of its square. They begin
# at 0 and are too small at first, by a factor that is known:
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1)\, g, \qquad v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2, \qquad
# \hat m = \frac{m}{1 - \beta_1^t}, \qquad \hat v = \frac{v}{1 - \beta_2^t},$$
#
# $$\theta \leftarrow \theta - \eta\, \frac{\hat m}{\sqrt{\hat v} + \epsilon} - \eta \lambda\, \theta .$$
#
# The last term, the [weight decay](../docs/glossary.md#weight-decay), is kept apart from the averages: in Adam, without the W, it
# was added to $g$ and divided by the root like the rest of it.
#
# **Predict.** How long is the first step, if the gradient is 0.001, and if it is 1000? And later, if it changes its sign every time?

# %%
options = {"lr": 0.1, "betas": (0.9, 0.999), "weight_decay": 0.0}
nothing = np.zeros(3)
value, m, v = nothing, nothing, nothing
grad = np.array([0.001, 1000.0, -7.0])
first = mv.train.optim.adamw_update(value, grad, m, v, 1, **options)
print("first step", first.value)
assert np.allclose(first.value, -0.1 * np.sign(grad))  # of length lr, whatever the size
for t in range(1, 201):
    before, (value, m, v) = value, mv.train.optim.adamw_update(value, grad, m, v, t, **options)
    grad = -grad
print("step 200, when the sign always changes", value - before)
assert np.all(abs(value - before) < 0.06 * 0.1)
decayed = mv.train.optim.adamw_update(np.ones(1), *np.zeros((3, 1)), 1, lr=0.1, weight_decay=0.5)
assert np.allclose(decayed.value, 1 - 0.1 * 0.5)  # without a gradient: only the decay

# %% [markdown]
# The first is as long as the rate, for both: a mean over the root of a mean square has no unit. Where the gradient changes its sign
# each time, the mean is small and the root is not: 5 % of the rate is left. Where it is sure, a step is as long as it may be.
#
# **Exercise.** [`adamw`](../minivit/course/exercises/adamw.md): `minivit course start adamw`
#
# **Step through it:** <a href="../docs/steps/vit.html#head.weight/update">a step of AdamW</a>.
#
# *Sources.* Loshchilov and Hutter 2019, "Decoupled Weight Decay Regularization"; the UvA Deep Learning tutorials (Lippe),
# number 15, walk the same way in PyTorch.

# %% [markdown]
# ## 2 Looking into it
#
# Here are pictures; [`minivit step`](../docs/steps.md) makes a page of one image, on which every number of a run can be
# seen, forward and backward.
#
# ### Attention maps
#
# The row of the class token in $A$ says where it looked. It is in the cache, nothing else is needed:
# `cache.blocks[3].attn.attention.weights[:, :, 0, 1:]` for block 4. *[Rollout](../docs/glossary.md#attention-rollout)* multiplies the maps of all blocks, half and
# half with the identity for the [residual path](../docs/glossary.md#residual-path), to say how much of each patch arrives.
# All maps have one scale, so compare them: which head stares at a single patch, and which glances at many?

# %%
model = trainer.model
_, cache = model.forward(trainer.normalize(pixels[:4]))
for block in cache.blocks:
    assert np.allclose(block.attn.attention.weights.sum(-1), 1, atol=1e-5)


def maps_of(block=4):
    return plot.attention_maps(pixels[:4], cache, block=block - 1)


plot.frames(maps_of, block=[1, 2, 3, 4])

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
# **Step through it:** <a href="../docs/steps/vit.html#blocks.0.attn/attention/forward">where the heads of a first block look</a>,
# at each patch.
#
# ### What the embedding responds to
#
# The paper shows the principal components of the 48 filters in $E$ (figure 7). Here they would be noise: $E$ is still mostly
# what it was drawn as. But two questions can be answered. *What did training change?* The principal components of
# $E - E_0$, each scaled to the full range of colours:

# %%
fresh_weight = fresh.patch_embed.proj.weight.value
weight = model.patch_embed.proj.weight.value
change = weight - fresh_weight
cosine = (weight * fresh_weight).sum() / np.linalg.norm(weight) / np.linalg.norm(fresh_weight)
print(f"cosine of the filters with their initial values: {cosine:.2f}")
assert cosine > 0.8  # mostly as drawn
_, shares = plot.principal_filters(change)
_, drawn = plot.principal_filters(fresh_weight)
print(f"first three components: {shares[:3].sum():.0%} of the change,", end=" ")
print(f"{drawn[:3].sum():.0%} of noise")
assert shares[:3].sum() > 2 * drawn[:3].sum()
ax = plot.patch_filters(change, count=7)
ax.set_title("What training changed: seven principal filters", loc="left")
ax

# %% [markdown]
# The first ones are smooth: light above and dark below, light ends and a dark middle, one side against the other. *To what
# do the tokens respond?* Take the tokens of 500 real patches, one from each test image, and the directions in which they
# differ most. **Predict.** In the pixels, brightness is most of all differences (more than half). And in the tokens?

# %%
every = ops.patchify_forward(data.test.images.astype(float), patch_size=4)[0]  # (500, 64, 48)
one_each = np.random.default_rng(0).integers(64, size=500)
patches = every[np.arange(500), one_each].astype(np.uint8).reshape(500, 4, 4, 3)
inputs = trainer.normalize(patches).reshape(500, 48)


def spread(vectors):
    """Share of the variance along each principal direction, and the coordinates along them."""
    vectors = vectors - vectors.mean(0)
    _, S, directions = np.linalg.svd(vectors, full_matrices=False)
    return S**2 / (S**2).sum(), vectors @ directions.T


of_pixels, _ = spread(inputs)
of_fresh, _ = spread(inputs @ fresh_weight.reshape(48, 48))
of_tokens, coordinates = spread(inputs @ weight.reshape(48, 48))
for name, share in (
    ("pixels", of_pixels),
    ("tokens, untrained", of_fresh),
    ("tokens", of_tokens),
):
    print(f"{name:18}", *(f"{part:4.0%}" for part in share[:5]))
assert of_pixels[0] > 0.5 and of_tokens[0] < of_fresh[0] - 0.05

# %%
lecture.strongest_patches(patches, {str(i + 1): coordinates[:, i] for i in range(4)})

# %% [markdown]
# Training has turned brightness down and edges up: one direction parts dark-above from light-above, another left from right,
# whatever the colour. (Which comes first, and which sign it has, differs from machine to machine.) An edge and its place in
# the patch is what one would measure to tell shapes apart, if the colour is random. After weeks of training on photographs
# the filters themselves look like those of a convolutional net.
#
# ### Positions
#
# Nobody told the model that patch 9 lies below patch 1 (a row has eight). Each small map shows how
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
# enough. A [position embedding](../docs/glossary.md#position-embedding) holds what the task needs, not geometry for its own
# sake.
#
# Does the model *use* them? Pictures of what has been learned do not say that; an experiment does. **Predict.** The
# accuracy, when the positions of the patches are exchanged at random?

# %%
test_inputs, test_labels = trainer.normalize(data.test.images), data.test.labels
shuffled = mv.models.ViT(**model.config)
shuffled.load_state_dict(model.state_dict())
order = np.concatenate(
    ([0], 1 + np.random.default_rng(0).permutation(64))
)  # 0: the class token's
shuffled.pos_embed.value = model.pos_embed.value[:, order]
right, right_shuffled = (
    np.mean(predict(net, test_inputs).argmax(1) == test_labels) for net in (model, shuffled)
)
print(f"accuracy {right:.1%}, with positions exchanged {right_shuffled:.1%}")
assert right - right_shuffled < 0.1

# %% [markdown]
# It hardly needs them. To tell ten shapes apart, it is enough *which* edges and corners there are; this model reads a bag of
# patches. Ask it *where* something is, and that changes: see section 5.
#
# *Sources.* Dosovitskiy et al. 2021, figures 6 and 7 and appendix D.8 (arXiv version 2); Abnar and Zuidema 2020,
# "Quantifying Attention Flow in Transformers".

# %% [markdown]
# ## 3 Class token or mean
#
# Step 4 of the last lecture left it open: read a [class token](../docs/glossary.md#class-token), or the mean of the patches?
# **Predict.** Which learns faster?
#
# Trained by `python experiments/class_token.py`; bands are from the lowest to the highest of three runs.


# %%
def read_results(name):
    """The settings of an experiment, and its runs."""
    results = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert results["command"] == f"python experiments/{name}.py"
    return results, results["runs"]


about, made = read_results("class_token")
asked = np.array(about["asked after"])
read = {"class token": [], "mean": []}
for run in made:
    read[run["read"]].append(run["test"])
read = {name: np.array(scores) for name, scores in read.items()}
assert all(scores.shape == (3, len(asked)) for scores in read.values())
by_step = {name: scores.mean(0) for name, scores in read.items()}
for name, scores in by_step.items():
    print(f"{name:12}", *(f"{score:.1%}" for score in scores))
assert by_step["mean"][0] > by_step["class token"][0]  # at first
assert 0 < by_step["class token"][-1] - by_step["mean"][-1] < 0.01  # at the end
ax = lecture.runs(asked, read, xlabel="training step", title="What the head reads")
ax.legend(frameon=False, loc="lower right")
ax

# %% [markdown]
# Neither, to speak of: on the way now one is ahead and now the other, and at the end half a point lies between them. So the
# class token is a choice, not a need. Its merit is that there is one place to read from, and one row of attention to look
# at; the mean's, that every patch gets its share of the gradient in every step.
#
# *Sources.* Dosovitskiy et al. 2021, appendix D.3.

# %% [markdown]
# ## 4 Why a ViT wants data
#
# The last lecture measured what is built into a convolutional net and not into a ViT. Here is what it is worth. Two nets of
# about the same size and the same number of multiplications ([MACs](../docs/glossary.md#mac)) learn our shapes from 100 to
# 8,000 images: a ViT of four blocks with patches of 8 × 8, and a net of five convolutions (`experiments/small_cnn.py`).
# Each makes 1,500 steps of 16 images, whatever their number: the work is the same, the images are seen more often or less.
# **Predict.** Draw both curves, then run the cell.
#
# Trained by `python experiments/data_hunger.py`, three seeds each, every seed with images of its own.

# %%
about, made = read_results("data_hunger")
images = np.array(sorted({run["images"] for run in made}))
scores = {net: np.zeros((2, 3, len(images))) for net in ("CNN", "ViT")}
for run in made:
    place = run["seed"], int(np.flatnonzero(images == run["images"])[0])
    scores[run["net"]][(slice(None), *place)] = run["train"], run["test"]
lecture.data_curve(images, {net: test for net, (_, test) in scores.items()})

# %%
vit_macs = 16 * 192 * 48 + 4 * (17 * (4 * 48**2 + 2 * 48 * 96) + 2 * 17**2 * 48) + 48 * 10
ends, channels, sides = (3, 16, 32, 32, 64), (16, 32, 32, 64, 64), (16, 8, 8, 4, 4)
cnn_macs = sum(9 * i * o * side**2 for i, o, side in zip(ends, channels, sides, strict=True))
cnn_macs += 64 * 10
print(f"ViT: {about['params']['ViT']:,} parameters, {vit_macs / 1e6:.2f} million MACs per image")
print(f"CNN: {about['params']['CNN']:,} parameters, {cnn_macs / 1e6:.2f} million MACs per image")
assert about["params"] == {"ViT": 86_554, "CNN": 70_826}
assert (vit_macs, cnn_macs) == (1_512_288, 1_880_704)
lines = ["| training images | " + " | ".join(f"{n:,}" for n in images) + " |", "|---" * 6 + "|"]
for net, (train, test) in scores.items():
    for name, values in (("training images", train), ("held-out images", test)):
        cells = (f"{value:.1%}" for value in values.mean(0))
        lines.append(f"| {net}, {name} | " + " | ".join(cells) + " |")
Markdown("\n".join(lines))

# %%
mean = {net: test.mean(0) for net, (_, test) in scores.items()}
gap = dict(zip(images.tolist(), mean["CNN"] - mean["ViT"], strict=True))
print("the convolutional net is ahead by", {n: f"{100 * g:.1f} points" for n, g in gap.items()})
few = images <= 1000
assert all((train[:, few] == 1).all() for train, _ in scores.values())  # learned by heart
assert gap[300] > 0.4 and 0.035 < gap[8000] < 0.045
assert (np.diff(mean["ViT"]) > 0).all()
assert abs(mean["CNN"][images == 300].item() - mean["ViT"][images == 1000].item()) < 0.05

# %% [markdown]
# Up to 1,000 images both nets [learn them by heart](../docs/glossary.md#overfitting), every one, so it is not that one of
# them could not fit them. The difference is in what they make of others. The convolutional net does with 300 images what the
# ViT does with 1,000: what is built in need not be learned. With 100 images neither can do much; and with many the gap
# nearly closes, from more than 40 points at 300 images to 4 at 8,000, because what is not built in *can* be learned.
#
# The paper has the same at its scale: with ImageNet alone (1.3 million images) its large ViTs do not reach the ResNets of
# the time, with ImageNet-21k (14 million) they are level, with JFT (300 million) ahead. And where there are not so many
# images, there are means to make more of them; they are options here, and
# [Training better](11_training_better.ipynb) takes them one by one.
#
# | means | here |
# |---|---|
# | [weight decay](../docs/glossary.md#weight-decay) | `Recipe(weight_decay=...)` |
# | [stochastic depth](../docs/glossary.md#stochastic-depth) | `drop_path_rate` of the model |
# | [dropout](../docs/glossary.md#dropout) | `drop_rate`, `pos_drop_rate`, `proj_drop_rate`, `mlp_drop_rate` |
# | [augmentation](../docs/glossary.md#augmentation): other images of the same things | `Recipe(flip=..., crop_padding=...)` |
# | a convolutional net as a teacher ([distillation](../docs/glossary.md#distillation)) | `mv.tasks.Distillation` |
# | images without labels | `mv.tasks.MaskedPrediction`, `mv.tasks.MaskedPatches` |
#
# *Sources.* Dosovitskiy et al. 2021, sections 4.1 and 4.3, figures 3 and 4; Touvron et al. 2021, "Training data-efficient
# image transformers & distillation through attention"; Steiner et al. 2022, "How to train your ViT?".

# %% [markdown]
# ## 5 Fine-tuning at a higher resolution
#
# A ViT is trained on small images, which is cheap, and [fine-tuned](../docs/glossary.md#fine-tuning) on larger ones, which
# is accurate: 224 × 224 and then 384 × 384 in the paper. The patches keep their size, so there are more of them.
# **Predict.** Which parameters of a ViT depend on the number of patches?

# %%
old = model.state_dict()
large = mv.create_model("vit_micro_patch4_32", embed_dim=48, img_size=48, seed=0)
other = [name for name, array in large.state_dict().items() if array.shape != old[name].shape]
assert other == ["pos_embed"]
assert old["pos_embed"].shape == (1, 1 + 8 * 8, 48)
assert large.pos_embed.shape == (1, 1 + 12 * 12, 48)
tokens = [(side // 16) ** 2 + 1 for side in (224, 384)]  # of the paper's
assert tokens == [197, 577]

# %% [markdown]
# The positions only: there are 65 of them, and 145 are needed. The paper's answer: they lie on a grid, so resample that
# grid as one resamples an image. The class token's stays as it is. Two ways that do not know of the grid, to compare: to
# keep the list in its reading order and draw the rest anew, or to draw all of them anew. Below, the positions of the model
# that was trained above, along the five directions in which they differ most; all panels have one scale.

# %%
grid = mv.weights.resample_abs_pos_embed(old["pos_embed"], 12)
assert np.array_equal(grid[:, 0], old["pos_embed"][:, 0]) and grid.shape == large.pos_embed.shape
listed = np.concatenate((old["pos_embed"], large.pos_embed.value[:, 65:]), axis=1)
lecture.position_components(
    {
        "learned": old["pos_embed"][0, 1:].reshape(8, 8, 48),
        "2-D": grid[0, 1:].reshape(12, 12, 48),
        "reading order": listed[0, 1:].reshape(12, 12, 48),
    },
    title="Positions learned at 32 × 32 pixels, made to fit 48 × 48",
)

# %% [markdown]
# The middle row is the upper one, finer. In the lower one, a row of the old grid of 8 is laid over a row of 12, and nothing
# stands where it stood.
#
# Does it matter? Section 2 says: for the question *what is it*, hardly. So there is a second question, *where is it*: in
# which ninth of the image does the shape's middle lie? For each, a ViT (patches of 8 × 8) learns from images of 32 × 32;
# then it is asked at 48 × 48, at once and after 25, 50 and 100 steps of fine-tuning. **Predict.** For both questions: the
# accuracy before fine-tuning, with either way of making positions?
#
# Trained by `python experiments/resolution.py`, three seeds each.

# %%
about, made = read_results("resolution")
steps = np.array(about["asked after"])
ways = ("2-D", "reading order", "drawn anew", "from scratch")
tuned, pretrained = {}, {}
for question in ("what", "where"):
    chosen = [run for run in made if run["question"] == question]
    assert [run["seed"] for run in chosen] == [0, 1, 2]
    tuned[question] = {way: np.array([run[way] for run in chosen]) for way in ways}
    pretrained[question] = np.mean([run["pretrained"] for run in chosen])
lecture.fine_tuning(
    steps, {f"{name} is it?": way for name, way in tuned.items()}, title="Asked at 48 × 48 pixels"
)

# %%
head = "| | at 32 × 32 | positions | before fine-tuning | after 100 steps |"
lines = [head, "|---|---|---|---|---|"]
for question, by_way in tuned.items():
    for way, values in by_way.items():
        before, after = values.mean(0)[[0, -1]]
        lines.append(
            f"| {question} | {pretrained[question]:.1%} | {way} | {before:.1%} | {after:.1%} |"
        )
Markdown("\n".join(lines))

# %%
at_once = {q: {way: v.mean(0)[0] for way, v in by_way.items()} for q, by_way in tuned.items()}
in_the_end = {q: {way: v.mean(0)[-1] for way, v in by_way.items()} for q, by_way in tuned.items()}
kept_ways = ways[:3]
assert np.ptp([at_once["what"][way] for way in kept_ways]) < 0.03  # no way is better
assert at_once["where"]["2-D"] > at_once["where"]["reading order"] + 0.2
assert 0.08 < at_once["where"]["reading order"] < 0.12
assert at_once["where"]["2-D"] > at_once["where"]["drawn anew"] + 0.2
assert in_the_end["where"]["2-D"] > max(in_the_end["where"][way] for way in ways[1:]) + 0.2
assert in_the_end["what"]["2-D"] > in_the_end["what"]["from scratch"] + 0.4

drawn = mv.data.scenes(1, 400, size=48, max_objects=1).test  # how often is each ninth the answer?
x0, y0, x1, y1 = np.concatenate(drawn.boxes).T
ninth = 3 * (3 * (y0 + y1) // 96) + 3 * (x0 + x1) // 96
often = np.bincount(ninth.astype(int), minlength=9) / 400
assert often.argmax() == 4 and 0.25 < often[4] < 0.35

# %% [markdown]
# *Where is it* is a question of positions, and only those that were resampled on their grid can answer it, at once and after
# 100 steps. (A shape lies in the middle ninth more often than in any other, so to answer "the middle" always gets more than
# a quarter; in the old reading order, the model gets a tenth at first.) *What is it* does not ask for positions, and gets
# the same answer with any. (That it loses accuracy at first must have another reason, because all three ways lose the same.
# The likely one: shapes are larger here, and a patch shows a smaller part of one.) Either way, 100 steps from scratch lead
# nowhere near.
#
# So the interpolation is not a detail: it keeps what the positions know. Whether that shows depends on what one asks, and a
# benchmark that asks only *what* would not notice if it were missing. How it is computed, and that libraries compute it in
# three ways, is in [Training better](11_training_better.ipynb#7-Where-another-one-ended).
#
# *Sources.* Dosovitskiy et al. 2021, section 3.2; Touvron et al. 2019, "Fixing the train-test resolution discrepancy".

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
# A third, or 31 %: the largest line, but by a little. They alone grow with $N^2$: for images of twice the side they take 64
# %, more than four times as much as any other line.
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
print(f"{more:.0%} more multiplications")


# %%
def seconds(net):
    """Processor time of one forward and backward."""
    start = time.process_time()
    net.backward(dlogits, net.forward(batch)[1])
    return time.process_time() - start


with one_blas_thread():
    pairs = np.array([(seconds(model), seconds(frugal)) for _ in range(30)])[5:]
low, middle, high = np.quantile(pairs[:, 1] / pairs[:, 0] - 1, (0.25, 0.5, 0.75))
print(f"{middle:.0%} more time (half of the pairs lie between {low:.0%} and {high:.0%})")
assert 0.05 < middle < 0.6

# %% [markdown]
# The gradients are the same to the last bit. What is kept is three times less, but what is alive at once only about
# two times, because some 1.8 MiB live for a moment in both. (The gradients of the parameters, the state of the
# optimizer and the images come on top, and do not change.)
#
# Forward costs one unit of multiplications and backward two (two products for each one of forward), so one more forward
# makes four units out of three: a third more, or a little less, because only the blocks run again. The time is measured as
# carefully as a busy machine allows: processor time instead of the clock, one BLAS thread, pairs one after the other, the
# median. It was between 20 and 35 % whenever we looked, and it is another number that moves.
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
# The [next lecture](06_costs.ipynb) counts all that a step needs: weights, gradients and the optimizer's state as well, and
# for models that fit into no notebook.
#
# *Sources.* Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"; the presets are those of Dosovitskiy
# et al. 2021, table 1, and of timm.
#
# ### To do yourself
#
# 1. Train with `lr=1e-3` from the beginning. Is there a bump? Where does the loss end?
# 2. Train with `"patch_size": 8`. How many tokens are left, what does a step cost, and what does it do to the accuracy?
# 3. At which side $R$ (patches of 16, 12 heads, width 768, MLP of 3072) do the attention weights become the largest part of
#    a block? Use `block_bytes`.
# 4. Replace `attention_forward` by `attention_chunked_forward` in a layer of your own. What does `mv.describe` say then?
#
# <details><summary>Answers</summary>
#
# 1. There is none, and at the end the model is worse: the loss ends at 1.20 instead of 0.68 (mean of the last 25 steps),
#    and 69 % are right instead of 92 % (on the machine where this was written). Long steps cost a bump and are worth it,
#    if they get short in the end.
# 2. 16 patches and the class token. A step costs 4.3 times fewer multiplications, and the accuracy is *better*, 95.6 % (once
#    more, there): a shape of 20 pixels is told from a few large pieces more easily than from many small ones.
# 3. The attention weights are $12 N^2$ numbers, the MLP's part is $N (768 + 2 \cdot 3072) = 6912 N$. So from $N$ = 577 on, and
#    that is 384 × 384 pixels, exactly what the paper fine-tunes at.
# 4. No line is of shape `(B, H, N, N)` any more: what is kept is `q`, `k`, `v`, the output, and one number for each query
#    (`lse`), all in proportion to $N$.
#
# </details>

# %%
at_576, at_577 = (block_bytes(N, 768, 3072, 12) for N in (576, 577))
assert max(at_576.values()) == at_576["MLP"] == at_576["attention weights"]  # a tie
assert max(at_577, key=at_577.__getitem__) == "attention weights"
assert (384 // 16) ** 2 + 1 == 577
of_8 = 16 * 192 * 48 + 4 * multiplications(17, 48, 96) + 48 * 10  # answer 2
assert round(forward / of_8, 1) == 4.3
