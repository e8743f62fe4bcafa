# %% [markdown]
# # Boxes, masks and words
#
# One class for one image is what most of these lectures were about. The decks end elsewhere: "Applications to all tasks:
# classification, detection, segmentation, etc" and "task-specific Vision Transformers". This lecture takes the tasks one by one:
# what is the output, what is the loss, and which idea makes it work? The Transformers in it are those that you know.
#
# 1. [A set of boxes](#1-A-set-of-boxes): matching, what it costs, and why nothing has to be sorted out afterwards.
# 2. [Boxes that lie apart](#2-Boxes-that-lie-apart): GIoU, and a box that walks along its gradient.
# 3. [DETR](#3-DETR): the model in code, eight scenes by heart, and where a query looks.
# 4. [A click becomes a mask](#4-A-click-becomes-a-mask): SAM, its prompts, its two ways, and its three answers.
# 5. [Every pixel](#5-Every-pixel): UPerNet and SegFormer; mean IoU from a matrix of counts.
# 6. [Words and images in one space](#6-Words-and-images-in-one-space): CLIP, its temperature, and classes that are sentences.
# 7. [What was there before](#7-What-was-there-before): SwinIR, noise, decibels, and channels that become pixels.
# 8. [Tables](#8-Tables), quoted and measured. [Questions](#Questions), with answers.
#
# **On the slides.** Two decks have six slides of DETR: one with its idea in words, five with figures of the paper. A third names four
# "task-specific" Transformers in a sentence each: DETR, SAM, CLIP and SwinIR. A fourth prints Swin's tables of COCO and ADE20K. What
# they misprint is said where it stands; citations first, for they are quickly mended:
#
# | | on slides | in truth |
# |---|---|---|
# | CLIP | Bianchi et al., "Contrastive Language-Image Pre-training for the Italian Language", "by Open-AI" | Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021; Bianchi et al. trained CLIP-Italian, and are not OpenAI |
# | SwinIR | ICCV 2021 | a workshop of ICCV 2021 |
# | Swin | CVPR 2021 | ICCV 2021 |
# | SAGAN | ICML 2018 | ICML 2019 |
# | ViT | ICLR 2021 | ICLR 2021: right (on arXiv in 2020) |
#
# Letters: $Q$ queries, $N$ objects (as many as an image has), $B$ images of a batch; boxes are $(c_x, c_y, w, h)$, shares of the image's
# sides, or corners $(x_0, y_0, x_1, y_1)$. It takes less than a minute on two processors and needs no download. *Predict* means: write
# down a guess before you run the cell below. Every number that the text claims stands in an `assert`; where something is trained, the
# asserts ask for what holds on any machine. Words in blue lead to the [glossary](../docs/glossary.md).

# %%
import math
import sys
from pathlib import Path

import numpy as np
from IPython.display import Markdown
from PIL import Image

import minivit as mv
from minivit import ops, plot
from minivit.data.clicks import mask_iou, middle
from minivit.data.geometry import PALETTE, SHAPES
from minivit.data.segments import segmented
from minivit.layers.detr_block import PositionedCrossAttention, PositionedSelfAttention
from minivit.layers.mask_decoder import MaskDecoder, MaskOutputs
from minivit.layers.prompt_encoder import PromptEncoder
from minivit.layers.two_way_block import TwoWayBlock
from minivit.layers.upernet_head import UPerHead
from minivit.models.detr import DETR, Detections
from minivit.ops.boxes import box_corners_backward, box_corners_forward
from minivit.ops.boxes import box_iou_backward, box_iou_forward, giou_backward, giou_forward

# %%
from minivit.ops.confusion import class_iou, confusion_matrix, mean_iou, pixel_accuracy
from minivit.ops.image_quality import psnr
from minivit.ops.image_text import scaled_similarities_forward, symmetric_cross_entropy_backward
from minivit.ops.image_text import symmetric_cross_entropy_forward
from minivit.ops.matching import match, match_literal, matching_cost
from minivit.ops.pixel_shuffle import pixel_shuffle_loops
from minivit.plot.lectures import boxes_masks_words as lecture
from minivit.plot.lectures import training_better
from minivit.plot.matrices import matrices
from minivit.plot.source import show_source
from minivit.tasks import Denoise
from minivit.tasks.detect import Detect, Objects, centred, cornered, detected
from minivit.tasks.prompt import Prompt, Prompted
from minivit.tasks.restoration import as_pixels
from minivit.train import AdamW, Recipe, Trainer, normalize, predict, training_step
from minivit.train.matching import class_vectors, zero_shot

np.set_printoptions(precision=3, suppress=True)
data = mv.data.scenes(n_train=8, n_test=300, seed=0)
names = data.class_names


def table(head, rows):
    """A table in Markdown, its first column in words, the others numbers."""
    lines = [f"| {' | '.join(head)} |", f"|-|{'-:|' * (len(head) - 1)}"]
    return Markdown("\n".join(lines + [f"| {' | '.join(map(str, row))} |" for row in rows]))


# %% [markdown]
# ## 1 A set of boxes
#
# **Exercise.** `matching`: `minivit course start matching`. This section shows answers of it.
#
# ### One image, many right answers
#
# A scene has three objects: A and B are stars, C is an hourglass. A detector shall say three boxes with classes. In which order? There
# is none: the answer is a [set](../docs/glossary.md#set-prediction). DETR has a fixed number of *queries*, more than objects on any
# image; each says a box and a distribution over the classes and "no object". Here are five of them, by hand. Queries 0 and 1 both mean
# A; query 2 lies between B and C.

# %%
image, labels, true = (part[1] for part in (data.train.images, data.train.labels, data.train.boxes))
boxes = [[25, 7, 47, 31], [27, 11, 50, 36], [9, 18, 29, 42], [4, 10, 25, 30], [44, 44, 60, 60]]
boxes = np.array(boxes, float)
p = np.zeros((5, 11))  # ten classes, and last "no object"
p[:, 3] = 0.7, 0.5, 0.2, 0.1, 0.05  # star
p[:, 9] = 0, 0.1, 0.5, 0.3, 0.05  # hourglass
p[:, 10] = 0.2, 0.3, 0.2, 0.5, 0.8
p[:, 0] = 1 - p.sum(1)  # circle has the rest
assert names[3] == "star" and names[9] == "hourglass" and labels.tolist() == [3, 3, 9]
b, t = centred(boxes / 64), centred(true / 64)  # centres and sizes, as shares of the sides
parts = {
    "−p of its class": -p[:, labels],
    "L1 distance": np.abs(b[:, None] - t).sum(-1),
    "−GIoU": -giou_forward(cornered(b)[:, None], cornered(t))[0],
}
C = matching_cost(p, b, labels, t)
assert np.allclose(C, parts["−p of its class"] + 5 * parts["L1 distance"] + 2 * parts["−GIoU"])
matrices({**parts, "C = −p + 5 L1 − 2 GIoU": C}, title="Rows: queries; columns: A, B, C")

# %% [markdown]
# The [matching](../docs/glossary.md#matching) is the choice of a query for each object, none of them twice, whose costs have the
# smallest sum, $\hat\sigma = \arg\min_\sigma \sum_n C_{\sigma(n), n}$. **Predict.** In how many ways can it be made here? With 100
# queries and 20 objects? And does it help to give every object, cheapest pair first, what it likes best?

# %%
show_source(match_literal)
found = match(C)
literal = match_literal(C)
assert found.rows.tolist() == literal.rows.tolist() == [0, 2, 3]
assert found.columns.tolist() == literal.columns.tolist() == [0, 1, 2]
left, greedy = C.copy(), []
while np.isfinite(left).any():
    q, n = np.unravel_index(left.argmin(), C.shape)  # the cheapest pair that is left
    greedy.append((int(q), "ABC"[n], float(C[q, n])))
    left[q], left[:, n] = np.inf, np.inf
sums = C[found].sum(), sum(cost for _, _, cost in greedy)
print(f"{math.perm(5, 3)} ways; {math.perm(100, 20):.1e}")
print("greedy:", *greedy)
print(f"matched {sums[0]:.2f}, greedy {sums[1]:.2f}")
assert math.perm(5, 3) == 60 and round(math.perm(100, 20) / 1e39, 1) == 1.3
assert [pair[:2] for pair in greedy] == [(0, "A"), (2, "C"), (3, "B")]
assert np.allclose(np.round(sums, 2), [-1.07, 0.53])

# %%
lecture.matching(image, boxes, true, C, found)

# %% [markdown]
# Greedily, C takes query 2, which it likes a little better than query 3, and B is left with a box that has nothing of it: 3.45. The
# matching gives C the second best, and saves more with B. Nobody tries $10^{39}$ ways: the assignment problem is solved in
# $O(Q N \min(Q, N))$ steps (the "Hungarian method"), and `match` leaves that to scipy.
#
# ### The loss, and what it does to the second box of A
#
# Once it is known who is for whom, all is as usual: cross-entropy of classes for all queries, where those that were given nothing
# shall say "no object"; L1 and GIoU for the boxes of the others. **Predict.** Query 1 has a good box of A, and holds it for a star.
# What does the gradient do to its logits? And to its box?

# %%
task = Detect(num_queries=5)
outputs = Detections(np.log(p + 1e-9)[None, None], b[None, None])  # one image, one decoder block
losses, cache = task.forward(outputs, Objects([labels], [t]))
grads = task.backward(np.ones(2), cache)
assert cache.matches.query.tolist() == [0, 2, 3]
shown = {
    "star, hourglass, no object": grads.logits[0, 0][:, [3, 9, 10]],
    "box: cx, cy, w, h": grads.boxes[0, 0],
}
assert np.all(grads.boxes[0, 0, [1, 4]] == 0) and np.all(grads.boxes[0, 0, [0, 2, 3]] != 0)
assert grads.logits[0, 0, 1, 10] < 0 < grads.logits[0, 0, 1, 3]  # down the slope: more "no object"
W = 3 + 2 * 0.1  # weights: 1 for a query with an object, 0.1 for one without
assert np.allclose(grads.logits[0, 0, 1, 3], 0.1 / W * 0.5)
title = "Gradients: rows are queries (steps go against them)"
matrices(shown, digits=3, title=title)

# %% [markdown]
# Query 1 is told to say "no object", however good its box is, because query 0 has A. Its box gets no gradient. So two queries that
# say the same are a mistake *in training*, and a trained DETR does not make it: queries look at each other in every block of the
# decoder. Other detectors say dozens of boxes for each object, on purpose, and leave it to a procedure behind the network,
# non-maximum suppression, to keep the best of those that overlap. DETR needs none; nothing is sorted out afterwards.
#
# "No object" has the weight 0.1. **Predict.** An image with seven objects, 100 queries. Which share of the weights has "no object",
# with and without that?

# %%
with_it, without = 93 * 0.1 / (7 + 93 * 0.1), 93 / 100
print(f"{with_it:.0%} in place of {without:.0%}")
assert (round(with_it, 2), without) == (0.57, 0.93)
over = Detect(num_queries=100).over(Objects([np.zeros(7, int)], [np.zeros((7, 4))]))
assert np.allclose(over, [7 + 9.3, 7])  # what the two losses are means over

# %% [markdown]
# Without it, whoever says "nothing" to everything is nearly right. (It is a choice, and has no gradient, as the matching has none: who
# is for whom is computed anew in each step, from what the queries say then.)
#
# On slides: "No anchors, no regression of box transforms. Match predicted boxes to GT boxes with bipartite matching; train to regress
# box coordinates". That is this section. But another deck says that DETR "replaces traditional convolutional layers with
# transformer-based architectures". It does not: it begins with a ResNet, which in section 3 turns out to have more than half of its
# parameters.
#
# *Sources.* Carion et al. 2020, "End-to-End Object Detection with Transformers" (ECCV), sections 3.1 and A.2; Kuhn 1955, "The Hungarian
# Method for the Assignment Problem".

# %% [markdown]
# ## 2 Boxes that lie apart
#
# **Exercise.** `giou`: `minivit course start giou`. This section shows answers of it.
#
# ### By numbers
#
# How much have two boxes in common? Intersection over union, $|A \cap B| / |A \cup B|$, does not depend on their size, and detectors
# are judged by it. As a loss it has a hole. Two squares of 2 × 2, one beside the other, with a gap of 1. **Predict.** IoU, and its
# slope. Then [GIoU](../docs/glossary.md#giou): $\text{IoU} - (|C| - |A \cup B|) / |C|$ with $C$ the smallest box around both. Which
# of the four edges of $A$ will move, and where to?

# %%
A, B = np.array([0.0, 0, 2, 2]), np.array([3.0, 0, 5, 2])
iou, c_iou = box_iou_forward(A, B)
giou, c_giou = giou_forward(A, B)
one = np.ones(())
slopes = {"IoU": box_iou_backward(one, c_iou).a, "GIoU": giou_backward(one, c_giou).a}
print(f"IoU {iou:g}, GIoU {giou:g}: union 4 + 4, box around both 5 x 2")
assert iou == 0 and np.isclose(giou, 0 - (10 - 8) / 10)
assert not slopes["IoU"].any() and np.allclose(slopes["GIoU"], [-0.04, 0, 0.2, 0])
matrices(slopes, title="How IoU and GIoU change with x0, y0, x1, y1 of A")

# %% [markdown]
# IoU is 0 and stays 0. GIoU pulls the edge that is nearest to $B$ towards it. And the other one? It is pushed *away* from $B$, gently:
# a larger $A$ makes the union larger, by 2, and the box around both, too, by 2, so that $8/10$ becomes $10/12$ for a whole step. So $A$
# will not walk: it grows, mostly towards $B$.

# %%
show_source(giou_backward)
rng = np.random.default_rng(0)
corners = np.sort(rng.random((2, 5, 2, 2)), axis=-2).reshape(2, 5, 4)
mv.check.check_pair(giou_forward, giou_backward, *corners)
small, large = (giou_forward(A * s, B * s)[0] for s in (1, 10))
assert np.isclose(small, large)  # of one shape: the same; an L1 distance is ten times as large

# %%
shifts = np.linspace(0, 3, 121)
moved = np.stack([A + np.array([3 - 2 * s, 0, 3 - 2 * s, 0]) for s in shifts])  # 0: on B
measures = {}
for name, forward, backward in (
    ("IoU", box_iou_forward, box_iou_backward),
    ("GIoU", giou_forward, giou_backward),
):
    values, c_values = forward(moved, B)
    slope = backward(np.ones(121), c_values).a  # to the left is minus, in x0 and x1; a width is 2
    measures[name] = values, -2 * (slope[:, 0] + slope[:, 2])
assert np.all(measures["IoU"][1][shifts > 1.01] == 0)
assert np.all(measures["GIoU"][1][shifts > 1.01] < -0.1)
lecture.overlaps(shifts, measures)

# %% [markdown]
# ### By walking
#
# Now let a small box climb, 100 steps in centre and size, along GIoU alone; and along GIoU and L1 together, as DETR does it.
# **Predict.** Does it first move, or first grow?


# %%
def climb(start, target, box_weight, giou_weight, steps=100):
    """Corners of a box that goes up its slope, in ever smaller steps; and its IoU."""
    x, goal = np.array(start), centred(target)
    path, ious = [], []
    for i in range(steps + 1):
        corners, c_corners = box_corners_forward(x)
        _, c_giou = giou_forward(corners, target)
        path.append(corners)
        ious.append(float(box_iou_forward(corners, target)[0]))
        dx = box_corners_backward(giou_backward(np.asarray(giou_weight), c_giou).a, c_corners).x
        dx = dx - box_weight * np.sign(x - goal)
        x = x + 0.5 * (1 - i / steps) * dx
    return np.array(path), np.array(ious)


target = np.array([4.0, 2, 6, 5])
start = 1.0, 1.0, 1.6, 1.2
both = {
    "GIoU alone": climb(start, target, 0, 1.0),
    "GIoU and a little L1": climb(start, target, 0.08, 1.0),
    "IoU alone": None,
}

# %%
del both["IoU alone"]  # it would never leave its place
paths = {name: path for name, (path, _) in both.items()}
for name, (path, ious) in both.items():
    areas = np.prod(path[:, 2:] - path[:, :2], axis=1)
    first = int(np.argmax(ious > 0))
    print(f"{name}: touches at step {first}, {areas[first] / areas[0]:.1f} times as large")
    print(f"    at the end IoU {ious[-1]:.2f}")
touch = [int(np.argmax(ious > 0)) for _, ious in both.values()]
assert touch[1] < touch[0] and all(ious[-1] > 0.9 for _, ious in both.values())
lecture.walk(paths, target, shown=(0, 10, 20, 30, 100))

# %% [markdown]
# It grows until it touches the target, and then lets go of what is behind it. L1 moves it from the beginning, whatever the boxes have
# in common; but it says as much of a large box that is off by a tenth of the image as of a small one. Hence both, in the cost and in the
# loss, with 5 for L1 and 2 for GIoU.
#
# *Sources.* Rezatofighi et al. 2019, "Generalized Intersection over Union: A Metric and A Loss for Bounding Box Regression" (CVPR),
# algorithm 1; Carion et al. 2020, section 3.1 and table 4 (GIoU has most of the effect, L1 helps).

# %% [markdown]
# ## 3 DETR
#
# ### The model
#
# A ResNet makes a small map of the image; its places are tokens of an encoder; queries are tokens of a decoder, all answered at once
# (no mask: [lecture 3](03_transformer.ipynb#7-Encoder-and-decoder) had one because words come one after the other); two small heads
# read each answer. **Predict.** Shapes, for `detr_tiny_64`: 64 × 64 pixels, width 96, ten queries, three decoder blocks. Where did the
# three in the outputs come from?

# %%
pieces = "c_backbone =", "c_input_proj =", "pos =", "c_transformer =", "logits,", "c_bbox", "boxes,"
show_source(DETR.forward, *pieces)
model = mv.create_model("detr_tiny_64", seed=0)
inputs = normalize(data.train.images, data.mean, data.std)
said, cache = model.forward(inputs)
last = cache.transformer.decoder[-1]
shapes = {
    "images": inputs.shape,
    "map": (*inputs.shape[:1], *cache.map_size, model.backbone.num_features),
    "queries": model.query_embed.shape,
    "encoder, who looks where": cache.transformer.encoder[-1].attn.attention.weights.shape,
    "decoder, queries at queries": last.attn.attention.weights.shape,
    "decoder, queries at places": last.cross_attn.attention.weights.shape,
    "logits": said.logits.shape,
    "boxes": said.boxes.shape,
}
assert shapes["map"] == (8, 8, 8, 64) and shapes["logits"] == (8, 3, 10, 11)
assert shapes["decoder, queries at places"] == (8, 4, 10, 64)
table(["", "shape"], shapes.items())

# %% [markdown]
# Each block of the decoder is asked for its answer, by the same heads, and each answer has a loss of its own, with a matching of its
# own. In use only the last one counts.
#
# ### Positions: to queries and keys only
#
# Places have no order, so they are told where they are, by sines and cosines of their row and column. In a ViT that is added once, to
# the tokens, at the entrance. In DETR it is added in *every* block, to what asks and to what offers; what is carried goes without.

# %%
show_source(PositionedSelfAttention.forward)
show_source(PositionedSelfAttention.backward)
show_source(PositionedCrossAttention.forward)
layer = PositionedSelfAttention(8, 2).init(0, "float64")
x, pos = rng.standard_normal((2, 1, 6, 8))
y, c_layer = layer.forward(x, pos)
heads = [layer.q.forward(x + pos)[0], layer.k.forward(x + pos)[0], layer.v.forward(x)[0]]
q, k, v = (ops.split_heads_forward(it, num_heads=2)[0] for it in heads)
by_hand = layer.proj.forward(ops.merge_heads_forward(ops.attention_forward(q, k, v)[0])[0])[0]
assert np.allclose(by_hand, y, atol=1e-14)  # by hand = the layer
mv.check.check_layer(layer, x, pos)  # silent: right
with_v, _ = layer.v.forward(x + pos)
assert not np.allclose(with_v, heads[2])

# %% [markdown]
# **Predict.** The decoder begins with zeros. What would happen if all rows of `query_embed` were the same?

# %%
twins = mv.create_model("detr_tiny_64", seed=0)
twins.query_embed.value = np.repeat(twins.query_embed.value[:1], 10, axis=0)
of_twins, _ = twins.forward(inputs)
assert np.allclose(of_twins.boxes, of_twins.boxes[:, :, :1], atol=1e-6)
assert np.ptp(said.boxes, axis=2).max() > 1e-3
print("spread of ten boxes:", np.ptp(of_twins.boxes, axis=2).max(), np.ptp(said.boxes, axis=2).max())

# %% [markdown]
# All ten would say the same for ever: nothing else tells queries apart. So these learned rows *are* the queries; what each of them
# looks for is what it has learned.
#
# Which part of it is a Transformer? **Predict.** The ResNet's share of the parameters of the paper's DETR, for COCO.

# %%
detr = mv.create_model("detr_resnet50", img_size=64)
everything = sum(param.size for param in detr.params)
backbone = sum(param.size for param in detr.backbone.params)
transformer = sum(param.size for param in detr.transformer.params)
print(f"{everything:,}: ResNet {backbone:,}, Transformer {transformer:,}")
assert 0.55 < backbone / everything < 0.58
del detr

# %% [markdown]
# ### Eight scenes by heart
#
# DETR is slow to train, 300 epochs of COCO in the paper, and hours with our small one on a laptop would be no lecture. So it shall learn
# eight scenes by heart, 100 steps. That shows nothing about new images, and everything about how a set is learned. We watch whom the
# last block's queries are given. **Predict.** Does an object keep its query from the beginning?


# %%
class Watched(Detect):
    """Keeps in mind which query each object was given."""

    def forward(self, outputs, targets):
        losses, cache = super().forward(outputs, targets)
        of_last = cache.matches.block == outputs.logits.shape[1] - 1
        self.given.append(cache.matches.query[of_last][np.argsort(cache.matches.object[of_last])])
        return losses, cache


task = Watched(num_queries=10, flip=False)
task.given = []
_, targets = task.draw(data.train, normalize=lambda x: normalize(x, data.mean, data.std))
optimizer = AdamW(model, lr=1e-3)
losses = [
    training_step(model, inputs, targets, optimizer=optimizer, task=task, clip_norm=1.0, threads=1)
    for _ in range(100)
]
given = np.array(task.given)
changed = np.append(1, (given[1:] != given[:-1]).mean(1))
print(f"loss {losses[0]:.1f} to {losses[-1]:.1f}")
print(f"another query: {changed[1:21].mean():.0%} of objects at first, {changed[-20:].mean():.0%} at last")
assert losses[-1] < 0.3 * losses[0] and changed[-20:].mean() < changed[1:21].mean()
lecture.settling(np.array(losses), changed)

# %%
said, cache = model.forward(inputs)
score = task.score(said, targets)
found = [its._replace(shapes=64 * its.shapes) for its in detected(said)]
sure = [its.scores > 0.5 for its in found]
counts = [int(it.sum()) for it in sure], [len(it) for it in data.train.labels]
print(f"AP50 {score:.2f}; boxes said {counts[0]}, objects {counts[1]}")
assert score > 0.8
plot.detections(data.train.images, found, names)

# %% [markdown]
# As many boxes as there are objects, or nearly, and no procedure has thrown any away. Where does a query look that has found something?
# The weights of the last decoder block say it: for each query 8 × 8 places, mean over heads.

# %%
most = int(np.argmax(counts[0]))
rows = np.flatnonzero(sure[most])
found_there = type(found[most])(*(part[rows] for part in found[most]))
weights = cache.transformer.decoder[-1].cross_attn.attention.weights[most].mean(0)
weights = weights[rows].reshape(-1, *cache.map_size)
plot.object_attention(data.train.images[most], found_there, weights, names)

# %% [markdown]
# These eight are known by heart. This is how it goes on scenes that were never seen, for a model that was trained for 15 epochs on
# 5,000 (`minivit train --task detect --data scenes`):
