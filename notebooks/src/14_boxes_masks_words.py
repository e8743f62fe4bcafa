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
# "task-specific" Transformers: DETR and SAM in a sentence each, CLIP and SwinIR in a few words. A fourth prints Swin's tables of COCO
# and ADE20K. What they misprint is said where it stands; citations first, for they are quickly mended:
#
# | | on slides | in truth |
# |---|---|---|
# | CLIP | Bianchi et al., "Contrastive Language-Image Pre-training for the Italian Language", "by Open-AI" | Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021; Bianchi et al. trained CLIP-Italian, and are not OpenAI |
# | SwinIR | ICCV 2021 | a workshop of ICCV 2021 |
# | Swin | CVPR 2021 | ICCV 2021 |
# | SAGAN | ICML 2018 | ICML 2019 |
# | ViT | ICLR 2021, and in another deck CVPR 2020 | ICLR 2021 (on arXiv in 2020) |
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

# %%
from minivit.ops.boxes import (
    box_corners_backward,
    box_corners_forward,
    box_iou_backward,
    box_iou_forward,
    giou_backward,
    giou_forward,
)
from minivit.ops.confusion import class_iou, confusion_matrix, mean_iou, pixel_accuracy
from minivit.ops.image_quality import psnr
from minivit.ops.image_text import (
    scaled_similarities_forward,
    symmetric_cross_entropy_backward,
    symmetric_cross_entropy_forward,
)

# %%
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
# **Exercise.** [`matching`](../minivit/course/exercises/matching.md): `minivit course start matching`. This section shows answers of it.
#
# ### One image, many right answers
#
# A scene has three objects: A and B are stars, C is an hourglass. A detector shall say three boxes with classes. In which order? There
# is none: the answer is a [set](../docs/glossary.md#set-prediction). DETR has a fixed number of *queries*, more than objects on any
# image; each says a box and a distribution over the classes and "no object". Here are five of them, by hand. Queries 0 and 1 both mean
# A; query 2 lies between B and C.

# %%
image, labels, true = (
    part[1] for part in (data.train.images, data.train.labels, data.train.boxes)
)
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
found_rows = found.rows.tolist()
assert found_rows == literal.rows.tolist() == [0, 2, 3]
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
assert (
    grads.logits[0, 0, 1, 10] < 0 < grads.logits[0, 0, 1, 3]
)  # down the slope: more "no object"
W = 3 + 2 * 0.1  # weights: 1 for a query with an object, 0.1 for one without
assert np.allclose(grads.logits[0, 0, 1, 3], 0.1 / W * 0.5)
matrices(shown, digits=3, title="Gradients, a row for each query")

# %% [markdown]
# Query 1 is told to say "no object", however good its box is, because query 0 has A. Its box gets no gradient. So two queries that
# say the same are a mistake *in training*. They can avoid it, because queries look at each other in every block of the decoder. Other
# detectors say dozens of boxes for each object, on purpose, and leave it to a procedure behind the network, non-maximum suppression
# (NMS), to keep the best of those that overlap. A DETR that has been trained for long needs none.
#
# "No object" has the weight 0.1. **Predict.** An image with seven objects, 100 queries. Which share of the weights has "no object",
# with and without that?

# %%
with_it, without = 93 * 0.1 / (7 + 93 * 0.1), 93 / 100
print(f"{with_it:.0%} in place of {without:.0%}")
assert (round(with_it, 2), without) == (0.57, 0.93)
assert round(1 / (1 + 0.1), 2) == 0.91  # even odds, as such a detector says them
over = Detect(num_queries=100).over(Objects([np.zeros(7, int)], [np.zeros((7, 4))]))
assert np.allclose(over, [7 + 9.3, 7])  # what the two losses are means over

# %% [markdown]
# Without it, whoever says "nothing" to everything is nearly right. It has a price: probabilities are too high. A query that holds it for
# as likely as not that an object is its own says so with $p / (1 - p) = 1 / 0.1$, so even odds are not 50 % but 91 %. Who draws all
# boxes above 50 % sees many twice.
#
# The matching itself is a choice, and has no gradient: who is for whom is computed anew in each step, from what queries say then.
#
# On slides: "No anchors, no regression of box transforms. Match predicted boxes to GT boxes with bipartite matching; train to regress
# box coordinates". That is this section: other detectors begin with thousands of boxes of fixed places and sizes, the anchors, and
# learn by how much each is to be moved and stretched, its transform; here queries give boxes outright. But another deck says that DETR "replaces traditional convolutional layers with
# transformer-based architectures". It does not: it begins with a ResNet, which in section 3 turns out to have more than half of its
# parameters.
#
# *Sources.* Carion et al. 2020, "End-to-End Object Detection with Transformers" (ECCV), sections 3.1 and A.2; Kuhn 1955, "The Hungarian
# Method for the Assignment Problem".

# %% [markdown]
# ## 2 Boxes that lie apart
#
# **Exercise.** [`giou`](../minivit/course/exercises/giou.md): `minivit course start giou`. This section shows answers of it.
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
# a larger $A$ makes the union larger, by 2, and the box around both, too, by 2, so that $8/10$ becomes $10/12$ for a whole step. So if
# its edges were learned one by one, $A$ would not walk: it would grow, mostly towards $B$.

# %%
show_source(giou_backward)
rng = np.random.default_rng(0)
corners = np.sort(rng.random((2, 5, 2, 2)), axis=-2).reshape(2, 5, 4)
mv.check.check_pair(giou_forward, giou_backward, *corners)
small, large = (giou_forward(A * s, B * s)[0] for s in (1, 10))
assert np.isclose(small, large)  # of one shape: the same; an L1 distance is ten times as large

# %%
shifts = np.linspace(0.025, 3, 120)
moved = np.stack([A + np.array([3 - 2 * s, 0, 3 - 2 * s, 0]) for s in shifts])  # 0: on B
measures = {}
for name, forward, backward in (
    ("IoU", box_iou_forward, box_iou_backward),
    ("GIoU", giou_forward, giou_backward),
):
    values, c_values = forward(moved, B)
    slope = backward(np.ones(120), c_values).a  # to the left is minus, in x0 and x1; a width is 2
    measures[name] = values, -2 * (slope[:, 0] + slope[:, 2])
assert np.all(measures["IoU"][1][shifts > 1.01] == 0)
assert np.all(measures["GIoU"][1][shifts > 1.01] < -0.1)
lecture.overlaps(shifts, measures)

# %% [markdown]
# ### By walking
#
# Now let a small box climb, 200 steps in centre and size, along GIoU alone; and along GIoU and L1 together, as DETR does it.
# **Predict.** Does it first move, or first grow? (Which edges does a centre take along?)


# %%
def climb(start, target, box_weight, giou_weight, steps=200):
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
}

# %%
paths = {name: path for name, (path, _) in both.items()}
for name, (path, ious) in both.items():
    areas = np.prod(path[:, 2:] - path[:, :2], axis=1)
    first = int(np.argmax(ious > 0))
    largest = int(np.argmax(areas))
    print(f"{name}: touches at step {first}, {areas[first] / areas[0]:.1f} times as large")
    print(f"    largest at step {largest}, {areas[largest] / areas[0]:.1f} times")
    print(f"    at the end IoU {ious[-1]:.2f}")
    assert largest > first and np.all(path[first] > path[0])  # all four edges move towards it
touch = [int(np.argmax(ious > 0)) for _, ious in both.values()]
assert touch[1] < touch[0] and all(ious[-1] > 0.9 for _, ious in both.values())
lecture.walk(paths, target, shown=(0, 15, 30, 60, 200))

# %% [markdown]
# Both at once. A centre takes all edges along: what pulls at $x_1$ moves $c_x$, and with it $x_0$, by more than $x_0$'s own slope pushes
# it back ($\Delta x_0 = \frac54 g_{x_0} + \frac34 g_{x_1}$, as $x_0 = c_x - w/2$). So the box walks *and* grows, until it nearly covers the
# target, and then lets go of what is behind it. With L1, which pulls as much however far away the target is, it is there in half of
# the steps. But L1 says as much of a large box that is off by a tenth of the image as of a small one. Hence both, in the cost and in
# the loss, with 5 for L1 and 2 for GIoU.
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
pieces = (
    "c_backbone =",
    "c_input_proj =",
    "pos =",
    "c_transformer =",
    "= self.class",
    "= self.bbox",
    "= sigmoid",
)
show_source(DETR.forward, *pieces)

# %%
model = mv.create_model("detr_tiny_64", num_classes=10, seed=0)
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
twins = mv.create_model("detr_tiny_64", num_classes=10, seed=0)
twins.query_embed.value = np.repeat(twins.query_embed.value[:1], 10, axis=0)
of_twins, _ = twins.forward(inputs)
assert np.allclose(of_twins.boxes, of_twins.boxes[:, :, :1], atol=1e-6)
assert np.ptp(said.boxes, axis=2).max() > 1e-3
for words, its in (("equal rows", of_twins), ("rows as drawn", said)):
    print(f"{words}: ten boxes differ by up to {np.ptp(its.boxes, axis=2).max():.3f}")

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
# DETR is slow to train, 300 to 500 epochs of COCO in the paper, and the minutes that our small one takes are long in a lecture. So it shall learn
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

# %%
_, targets = task.draw(data.train, normalize=lambda x: normalize(x, data.mean, data.std))
optimizer = AdamW(model, lr=1e-3)
losses = [
    training_step(
        model, inputs, targets, optimizer=optimizer, task=task, clip_norm=1.0, threads=1
    )
    for _ in range(100)
]
given = np.array(task.given)
changed = np.append(1, (given[1:] != given[:-1]).mean(1))
print(f"loss {losses[0]:.1f} to {losses[-1]:.1f}")
first, last = changed[1:21].mean(), changed[-20:].mean()
print(
    f"another query than in the step before: {first:.0%} of objects at first, {last:.0%} at last"
)
assert losses[-1] < 0.3 * losses[0] and last < first
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
most = 1  # the scene of section 1
rows = np.flatnonzero(sure[most])
found_there = type(found[most])(*(part[rows] for part in found[most]))
weights = cache.transformer.decoder[-1].cross_attn.attention.weights[most].mean(0)
weights = weights[rows].reshape(-1, *cache.map_size)
plot.object_attention(data.train.images[most], found_there, weights, names)

# %% [markdown]
# Before any query, the encoder has let the places of the map look at each other. Where do four of them look, the mean of the heads?

# %%
weights = cache.transformer.encoder[-1].attn.attention.weights[most].mean(0)
places = [(1, 1), (1, 6), (4, 4), (6, 2)]
plot.pixel_attention(
    data.train.images[most], weights.reshape(*cache.map_size, *cache.map_size), places
)

# %% [markdown]
# The paper's figure 3 shows that its encoder tells one cow from the next already. And each query has its habits, its figure 7: here are
# the middles of the boxes that each has said of the eight scenes, tall ones in blue, wide ones in red, others in green.

# %%
plot.query_habits(said.boxes[:, -1])

# %% [markdown]
# One query looks at nearly everything but its star: who knows eight scenes by heart can tell them by their backgrounds. This is how it
# goes on scenes that were never seen, for a model that was trained for 15 epochs on 5,000 (`minivit train --task detect --data scenes`):
#
# ![A scene, its boxes, and where the query of each box looks](../docs/images/detr_objects.webp)
#
# Queries look at edges and corners, where a box ends. (So says the paper, too: at the extremities of objects, such as legs and heads.)
# Shown are boxes above 91 %. Of all of its boxes many are said twice: its AP50 on 500 scenes is 0.87. The paper has it in figure 4:
# behind the first block of the decoder non-maximum suppression would help, behind the last one, of six, it no longer does. Ours has
# three, and few epochs.
#
# *Sources.* Carion et al. 2020, sections 3.2, 4.2, 4.3 and A.3, figures 3, 4, 6, 7 and 10.

# %% [markdown]
# ## 4 A click becomes a mask
#
# SAM ("Segment Anything Model") has another question: not what is there, but where is that which I mean? A
# [prompt](../docs/glossary.md#prompt) says what is meant: points on it or beside it, a box, a mask that is not right yet. The image
# is read once, by a ViT with windows; each prompt then costs only a light decoder. (A slide says that "SAM focuses on Semantic
# Segmentation tasks". It does not: it knows no classes. Section 5 is about semantic segmentation.)
#
# ### From a click to a token
#
# A click is a place and a kind. The place becomes waves with random frequencies, which are drawn once and stay; the kind is a learned
# row. **Predict.** Two tokens for a click at x = 20, y = 9 in an image of 64 × 64: one for "on the object", one for "beside it". In what
# do they differ? And how many tokens are a box?

# %%
encoder = PromptEncoder(8, (16, 16), (64, 64)).init(0, "float64")
clicks = np.array([[[20.0, 9.0], [20.0, 9.0], [21.0, 9.0]]])
kinds = np.array([[1, 0, 1]])
tokens = encoder.forward(clicks, kinds)[0].tokens[0]
share = (np.array([20, 9]) + 0.5) / 64  # of the sides, from the middle of the pixel
angle = 2 * np.pi * (2 * share - 1) @ encoder.frequencies.value
waves = np.concatenate((np.sin(angle), np.cos(angle)))
rows = [
    param.value[0] for param in encoder.point_embeddings
]  # beside, on, and two corners of a box
assert np.allclose(tokens[0], waves + rows[1]) and np.allclose(tokens[1], waves + rows[0])
assert not encoder.frequencies.learned and len(rows) == 4
steps = {"waves of (20, 9)": waves, "row: on it": rows[1], "token": tokens[0]}
steps |= {"beside it": tokens[1], "one pixel to the right": tokens[2]}
matrices(steps, columns=1, shared=True, title="A click, as eight numbers")

# %% [markdown]
# In their rows alone. A box is two tokens: its corners, each with its kind. Rows begin small and are learned; that a click on it
# and one beside it are nearly alike here is the beginning, not the end.
#
# ### Two ways
#
# A decoder as you know it lets queries look at the image. In SAM's the image looks back: its places ask the tokens. **Predict.** What
# for? In DETR's decoder the map stays as it is.

# %%
lines = (
    "if self.first",
    "else",
    "c_self_attn =",
    "q = tokens",
    "tokens = tokens",
    "k = image",
    "c_token_to_image =",
    "tokens, c_norm2",
    "c_mlp =",
    "tokens, c_norm3",
)
show_source(TwoWayBlock.forward, *lines, "c_image_to_token =", "image, c_norm4")
block = TwoWayBlock(8, 2, 16, inner_dim=4).init(0, "float64")
places, places_pos = rng.standard_normal((2, 1, 9, 8))
prompt = rng.standard_normal((2, 1, 3, 8))  # two different prompts for the same places
(_, one), _ = block.forward(prompt[0], places, prompt[0], places_pos)
(_, other), _ = block.forward(prompt[1], places, prompt[1], places_pos)
assert not np.allclose(one, other, atol=1e-3)  # the same image, another map
mv.check.check_layer(block, prompt[0], places, prompt[0], places_pos)

# %% [markdown]
# The mask is made of the *map*: after two such blocks it is made four times as large, and a token's vector is multiplied with every
# place of it. So the map has to know what was meant, and its places ask for that.

# %%
lines = "c_prepend =", "c_transformer =", "c_upscaling =", "c_mlps =", "c_products ="
show_source(MaskDecoder.forward, *lines)

# %%
sam = mv.create_model("sam_tiny_patch4_64", seed=0)
seen = normalize(data.train.images[:1], data.mean, data.std)
at = np.array([[[[20.0, 23.0]], [[36.0, 20.0]]]], np.float32)  # a click for each of two prompts
answers, c_sam = sam.forward(seen, at)
two_way = c_sam.mask_decoder.transformer
shown = {
    "clicks": at.shape,
    "the image's map, as tokens": two_way.final_attn_token_to_image.k.x.shape,
    "tokens: score, four masks, click, none": two_way.norm_final_attn.xhat.shape,
    "masks": answers.masks.shape,
    "what IoU each is said to have": answers.iou_scores.shape,
}
assert answers.masks.shape == (1, 2, 4, 64, 64)
table(["", "shape"], shown.items())

# %% [markdown]
# ### Three answers, and the loss of the best
#
# A click on a shirt: the shirt, or the person? It is not said. **Predict.** If half of those who click *here* mean a small thing, and
# half the large one around it, which probability has a pixel that only the large one has, and what is the least that a model must
# lose on it? If it may give two answers, and the better one counts?

# %%
chance = np.linspace(0.001, 0.999, 999)
one_mask = -0.5 * np.log(chance) - 0.5 * np.log(1 - chance)
print(f"one mask: p = {chance[one_mask.argmin()]:.2f}, loss {one_mask.min():.3f}; two masks: 0")
assert np.isclose(chance[one_mask.argmin()], 0.5) and np.isclose(one_mask.min(), np.log(2))

# %% [markdown]
# With one answer it is a grey veil. So SAM gives three, and in training only the one with the smallest loss learns; beside them it says
# of each which IoU it will have, which all learn. (A fourth, the first in the outputs, is for several clicks: then it is clear.)
#
# A click on C, the hourglass of the first scene, and three answers by hand: C, but for some columns; all three things; everything.

# %%
masks, things = data.train.masks[1], data.train.labels[1]
x, y = middle(masks[2])
cut = masks[2] & (np.arange(64) > 11)
answers = np.stack([cut, masks.any(0), np.ones((64, 64), bool)])
logits = np.where(np.concatenate((answers[:1], answers)), 2.0, -2.0)[None, None]
scores = np.array([[[0.5, 0.6, 0.6, 0.6]]])
truth = Prompted(
    masks=masks[None, 2:],
    valid=np.ones((1, 1), bool),
    several=np.zeros(1, bool),
    points=np.array([[[[x, y]]]], float),
    labels=np.ones((1, 1, 1), int),
    boxes=np.zeros((1, 0, 4)),
)
task = Prompt(rounds=1)
loss, cache = task.forward(MaskOutputs(logits, scores), truth)
grads = task.backward(1.0, cache)
learns = [bool(it.any()) for it in grads.masks[0, 0]]
ious = mask_iou(answers.reshape(3, -1), np.repeat(masks[2].reshape(1, -1), 3, axis=0))
print("which of four masks has a gradient:", learns)
print("IoU", ious.round(2), "said 0.6 each; gradient", grads.iou_scores[0, 0, 1:].round(2))

# %%
assert learns == [False, True, False, False] and grads.iou_scores[0, 0, 0] == 0
assert np.array_equal(np.sign(grads.iou_scores[0, 0, 1:]), np.sign(0.6 - ious))
plot.prompted_masks(
    np.repeat(data.train.images[1:2], 3, axis=0),
    answers,
    np.repeat(truth.points[0], 3, axis=0),
    np.ones((3, 1), int),
    titles=[
        f"IoU {iou:.2f}{', learns' if it else ''}"
        for iou, it in zip(ious, learns[1:], strict=True)
    ],
    columns=3,
)

# %% [markdown]
# The mask with an IoU near 1 is the one that learns; of the others the scores learn: down, where 0.6 was too much. Trained for four
# epochs on scenes (`minivit train --task prompt --data scenes`), one click in the middle of an object is answered as in the first row
# and in the third. Below it are the same objects after two more clicks where the mask was wrong: green is on the object, red beside it.
#
# ![Objects, clicks on them and beside them, and the masks that answer them](../docs/images/sam_clicks.webp)
#
# *Sources.* Kirillov et al. 2023, "Segment Anything" (ICCV), section 3 and appendix A; Tancik et al. 2020, "Fourier Features Let Networks
# Learn High Frequency Functions in Low Dimensional Domains".

# %% [markdown]
# ## 5 Every pixel
#
# Semantic segmentation: the class of every pixel. Pixels are many, and the last map of a backbone is small. A hierarchy
# ([lecture 7](07_windows.ipynb#1-Shrink-and-widen,-or-stay)) has larger ones: fine maps know where, coarse ones know what.
#
# UPerNet pools the coarsest map of a Swin once more, at several scales, and goes down from there: each map takes in the one above, and
# all of them together say what a pixel is. SegFormer's decoder hardly looks around: a linear map for each stage, made as large as the
# finest, and mixed. Its encoder has looked already. **Predict.** Which share of the parameters has each decoder?

# %%
lines = "c_psp =", "c_bottleneck =", "c_lateral =", "for lateral", "above,", "tops,", "fused,"
show_source(UPerHead.forward, *lines)

# %%
rows = []
presets = "upernet_swin_tiny", "segformer_b0", "segformer_b2", "upernet_swin_tiny_patch4_64"
for name in presets:
    net = mv.create_model(name)
    whole = sum(param.size for param in net.params)
    decoder = sum(param.size for param in net.decode_head.params)
    rows.append([f"`{name}`", f"{whole:,}", f"{decoder / whole:.0%}"])
assert [row[2] for row in rows[:3]] == ["53%", "12%", "12%"]
table(["", "parameters", "of these the decoder"], rows)

# %% [markdown]
# More than half of an UPerNet on Swin-T is its decoder; of SegFormer an eighth.
#
# ### Mean IoU from a matrix of counts
#
# How good is it? Count for every pixel what it is and what it was said to be: a matrix $N_{ij}$. Its diagonal is right. The IoU of a class
# is $N_{ii}$ over the sum of its row and its column, $N_{ii}$ not twice. The [mean IoU](../docs/glossary.md#mean-iou) is the mean over
# classes, of all images of the test *together*. **Predict.** A map of 4 × 6 with three classes. Background is 0.

# %%
is_there, was_said = np.zeros((2, 4, 6), int)
is_there[1:3, 1:3], is_there[2:4, 5] = 1, 2
was_said[1, 1:4], was_said[2, 1], was_said[2, 5] = 1, 1, 2
N = confusion_matrix(is_there, was_said, 3)
ious = class_iou(N)
assert N.tolist() == [[17, 1, 0], [1, 3, 0], [1, 0, 1]]
assert np.allclose(ious, [17 / 20, 3 / 5, 1 / 2])
nothing = confusion_matrix(is_there, 0 * is_there, 3)
scores = {
    "this answer": (pixel_accuracy(N), mean_iou(N), mean_iou(N, background=False)),
    '"background" everywhere': (
        pixel_accuracy(nothing),
        mean_iou(nothing),
        mean_iou(nothing, background=False),
    ),
}
assert np.allclose(scores["this answer"], [21 / 24, 0.65, 0.55])
assert np.allclose(scores['"background" everywhere'], [18 / 24, 0.25, 0])
steps = {"is": is_there, "was said": was_said, "counts": N, "IoU": ious[:, None]}
matrices(steps, title="Counts: rows are what is there, columns what was said")

# %%
maps = segmented(data).test.maps
print(f"background in 300 scenes: {(maps == 0).mean():.0%} of all pixels")
assert 0.8 < (maps == 0).mean() < 0.9
rows = [[name, *[f"{value:.2f}" for value in values]] for name, values in scores.items()]
table(["", "right pixels", "mean IoU", "mean IoU of objects"], rows)

# %% [markdown]
# Who says "background" everywhere is right in three of four pixels here, and in more than four of five of the scenes. Mean IoU is not
# taken in. It is also no mean over images: there a class would count for more where it is rare.
#
# A small UPerNet on Swin, after ten epochs on scenes (`minivit train --task segment --data scenes`), on scenes that it has not seen:
#
# ![Scenes, what a UPerNet says of each pixel, and what is there](../docs/images/segments.webp)
#
# *Sources.* Xiao et al. 2018, "Unified Perceptual Parsing for Scene Understanding" (ECCV), section 3.1; Xie et al. 2021, "SegFormer:
# Simple and Efficient Design for Semantic Segmentation with Transformers" (NeurIPS), section 3; Long et al. 2015, "Fully Convolutional
# Networks for Semantic Segmentation" (CVPR).

# %% [markdown]
# ## 6 Words and images in one space
#
# **Exercise.** [`contrastive_pairs`](../minivit/course/exercises/contrastive_pairs.md): `minivit course start contrastive_pairs`. This section shows answers of it.
#
# ### The matrix
#
# All tasks so far have a list of classes. CLIP has sentences. One tower makes a vector of an image, another makes one of a text, both of
# length 1; those that belong together shall point the same way. A batch of $B$ [pairs](../docs/glossary.md#contrastive-pairs) is $B^2$
# pairs of which $B$ are right, the diagonal. The loss is cross-entropy, along rows (which text for this image?) and along columns (which
# image for this text?), of cosines times a learned number $e^t$, the inverse of the temperature. Three images and three texts:

# %%
show_source(scaled_similarities_forward)
show_source(symmetric_cross_entropy_forward)
angles = np.radians([0, 60, 90]), np.radians([10, 40, 100])
images, texts = (np.stack((np.cos(it), np.sin(it)), axis=1) for it in angles)
cosines = images @ texts.T
logits, _ = scaled_similarities_forward(images, texts, np.full(3, np.log(10)))
assert np.allclose(logits, 10 * cosines) and np.isclose(cosines[1, 0], np.cos(np.radians(50)))
loss, c_loss = symmetric_cross_entropy_forward(logits)
by_row = ops.softmax_forward(logits)[0]
by_column = ops.softmax_forward(logits.T)[0].T
by_hand = (by_row + by_column - 2 * np.eye(3)) / (2 * 3)
slope = symmetric_cross_entropy_backward(np.float64(1), c_loss).logits
assert np.allclose(slope, by_hand)
steps = {"cosines": cosines, "which text?": by_row, "which image?": by_column, "gradient": slope}
says = f"Loss {loss:.2f}; who knows nothing has ln 3 = {np.log(3):.2f}"
matrices(steps, title=f"Rows: images; columns: texts. {says}")

# %% [markdown]
# The gradient of a logit is what both directions believe, minus 1 on the diagonal: right pairs are pulled together (negative: a step
# goes against it), all others apart, the more the likelier they seem. It couples the whole batch: no image has a loss of its own. So
# large batches are hard questions; CLIP had 32,768 pairs in each.
#
# ### Temperature
#
# Cosines are never above 1. **Predict.** With $e^t$ = 1, 1,000 texts, the right one at a cosine of 1 and all others at 0: what is its
# probability? With 14 (where CLIP begins, $1 / 0.07$) and with 100 (where it is held)?

# %%
scales = np.array([1, 1 / 0.07, 100])
right = np.exp(scales) / (np.exp(scales) + 999)
assert round(right[0], 4) == 0.0027 and right[1] > 0.999
row = np.array([0.3, 0.25, 0.1, -0.2])
at_scale = {f"{scale:.0f}": ops.softmax_forward(scale * row)[0] for scale in scales}
assert at_scale["1"].max() < 0.35 and at_scale["100"].max() > 0.99
print("a perfect match among 1,000:", right.round(4))
groups = [f"cosine {it:g}" for it in row]
training_better.bars(groups, {f"times {it}": p for it, p in at_scale.items()})

# %% [markdown]
# Without a temperature even a perfect model could not lower its loss; so the scale is learned with all else, and held at 100 at most.
#
# ### One, trained here
#
# 768 small pictures, each with one thing and its sentence: "a red circle". A tiny CLIP, four epochs. Nobody tells it what a colour is.
# **Predict.** Which classes can be named afterwards by sentences alone: the eight colours, the ten shapes, or both?

# %%
single = mv.data.scenes(n_train=768, n_test=300, size=32, max_objects=1, seed=0)
tiny = {"img_size": 32, "embed_dim": 16, "num_heads": 4, "joint_dim": 32}
tiny |= {"text_dim": 32, "text_depth": 1, "text_heads": 2}
options = {"epochs": 4, "batch_size": 48, "lr": 5e-3, "flip": False, "crop_padding": 0}
recipe = Recipe(model="clip_resnet_tiny_64", task="match", options=tiny, **options)
trainer = Trainer(recipe, single, threads=1)
*_, metrics = trainer.run()
clip, words = trainer.model, trainer.dataset.class_names
a = {colour: f"{'an' if colour == 'orange' else 'a'} {colour}" for colour in PALETTE}
sentences = {
    "colours": {colour: [f"{a[colour]} {shape}" for shape in SHAPES] for colour in PALETTE},
    "shapes": {shape: [f"{a[colour]} {shape}" for colour in PALETTE] for shape in SHAPES},
}
pixels = trainer.normalize(single.test.images)
said = [caption.split()[1:] for caption in single.test.captions]
told = {}
for place, (kind, of_class) in enumerate(sentences.items()):
    found = zero_shot(clip, pixels, class_vectors(clip, of_class, words))
    truth = [list(of_class).index(caption[place]) for caption in said]
    told[kind] = float(np.mean(found == truth))

# %%
chance = {kind: 1 / len(of_class) for kind, of_class in sentences.items()}
print({kind: f"{share:.0%}, by chance {chance[kind]:.0%}" for kind, share in told.items()})
assert told["colours"] > 0.8 > 0.4 > told["shapes"]
some = [next(i for i, it in enumerate(said) if it[0] == colour) for colour in list(PALETTE)[:5]]
some.append(next(i for i, it in enumerate(said) if it[0] == said[some[0]][0] and i not in some))
six = [single.test.captions[i] for i in some]
texts, _ = clip.encode_texts(mv.data.encode_captions(six, words, length=clip.max_length))
pictures, _ = mv.layers.batch_norm.frozen(clip).encode_images(pixels[some])
plot.matches(single.test.images[some], six, pictures @ texts.T)

# %% [markdown]
# Colours, nearly without a mistake; shapes by chance. A colour can be read off any pixel of an object, a shape off none alone: after
# four epochs the one is learned and the other is not. The first and the last picture have the same colour and different shapes: look at their rows. (With more scenes and
# time shapes follow: [training](../docs/training.md), and the table of section 8.)
#
# Classes as sentences is "zero-shot": the model has never been trained to name classes. Its vectors for a class are means over
# several sentences, the class being in all of them and the rest not.
#
# *Sources.* Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision" (ICML), sections 2.3, 2.5 and
# 3.1, figure 3.

# %% [markdown]
# ## 7 What was there before
#
# ### Noise, and decibels
#
# SwinIR has blocks of Swin at full resolution between convolutions, and gives an image back: one without noise, or one with more
# pixels. How near is an image to another? [PSNR](../docs/glossary.md#psnr), in decibels:
# $10 \log_{10} (R^2 / \text{MSE})$ with $R$ from black to white. **Predict.** Noise with a standard deviation of 25 grey levels of 255.
# How many decibels? With half of the noise?

# %%
shapes = mv.data.shapes(n_train=512, n_test=64, seed=0)
task = Denoise(sigma=25.0)
noisy, clean = task.draw(shapes.test, normalize=np.asarray)
by_formula = [20 * np.log10(255 / sigma) for sigma in (25, 12.5)]
measured_dB = psnr(noisy, clean.images, data_range=1).mean()
print(f"formula {by_formula[0]:.2f} and {by_formula[1]:.2f} dB; measured {measured_dB:.2f}")
assert np.round(by_formula, 2).tolist() == [20.17, 26.19] and abs(measured_dB - 20.17) < 0.1

# %% [markdown]
# Half of the noise is 6 dB, whatever the image. Who trains nothing can blur: neighbours are alike, and noise is not. A small SwinIR, 64
# steps of eight images, against the Gaussian blur whose width is best:

# %%
recipe = Recipe(
    model="swinir_tiny_dn",
    task="denoise",
    epochs=1,
    batch_size=8,
    lr=2e-3,
    weight_decay=0.0,
    warmup_epochs=0.1,
)
trainer = Trainer(recipe, shapes, threads=1)
*_, metrics = trainer.run()
mended = predict(trainer.finished(), noisy)

# %%
from scipy.ndimage import gaussian_filter

tried = [gaussian_filter(noisy, (0, width, width, 0)) for width in np.arange(0.4, 1.3, 0.1)]
blurred = max(tried, key=lambda it: psnr(it, clean.images, data_range=1).mean())
answers = {"noisy": noisy, "blurred": blurred, "SwinIR": mended}
decibels = {
    name: float(psnr(as_pixels(it), shapes.test.images, data_range=255).mean())
    for name, it in answers.items()
}
print({name: f"{value:.1f} dB" for name, value in decibels.items()})
assert decibels["SwinIR"] > decibels["noisy"] + 3
rows = {name: as_pixels(it[:6]) for name, it in answers.items()} | {
    "as it was": shapes.test.images[:6]
}
training_better.sheet(rows, title="What 64 steps are worth")

# %% [markdown]
# Decibels of rounded grey levels, as papers have them (the noisy ones have a little more than by the formula, because what was beyond
# white and black is cut off). The blur has only one number, and pays with every edge; SwinIR has learned where edges are.
#
# ### Channels that become pixels
#
# **Exercise.** [`pixel_shuffle`](../minivit/course/exercises/pixel_shuffle.md): `minivit course start pixel_shuffle`. This section shows answers of it.
#
# A larger image is made at the end: all of the network works on the small map, its last convolution gives $r^2$ channels for each
# channel of the image, and [pixel shuffle](../docs/glossary.md#pixel-shuffle) lays them out as $r \times r$ pixels. **Predict.** A map
# of 2 × 3 with four channels, $r$ = 2. Channel $k$ has the numbers $10 k$ to $10 k + 5$. Where does 23 go?

# %%
show_source(ops.pixel_shuffle_forward)
channels = [10 * k + np.arange(6.0).reshape(2, 3) for k in range(4)]
small = np.stack(channels, axis=-1)[None]  # (1, 2, 3, 4)
large, c_large = ops.pixel_shuffle_forward(small, upscale=2)
assert large.shape == (1, 4, 6, 1) and np.array_equal(large, pixel_shuffle_loops(small, 2))
assert np.argwhere(large[0, :, :, 0] == 23).tolist() == [[3, 0]]
back = ops.pixel_shuffle_backward(large, c_large).x
assert np.array_equal(back, small)  # a permutation: its backward is its inverse
steps = {f"channel {k}": channel for k, channel in enumerate(channels)} | {
    "4 × 6": large[0, ..., 0]
}
matrices(steps, shared=True)

# %% [markdown]
# Place (1, 0) becomes four pixels, rows 2 and 3, columns 0 and 1; channel 2 is the lower left one. Nothing is computed, so nothing is
# lost, and backward puts every number where it came from. And everything in front
# of the last convolution is computed for $r^2$ times fewer places than if the image had been made larger first.
#
# *Sources.* Liang et al. 2021, "SwinIR: Image Restoration Using Swin Transformer" (ICCV workshops), section 3.1; Shi et al. 2016,
# "Real-Time Single Image and Video Super-Resolution Using an Efficient Sub-Pixel Convolutional Neural Network" (CVPR), section 3.1.

# %% [markdown]
# ## 8 Tables
#
# Quoted first. One deck prints tables of Swin's paper: objects of COCO, found by four kinds of detectors, each with a ResNet-50 and
# with Swin-T as its backbone; found by one of them on seven backbones; and what shift and positions of Swin are worth on three tasks. DETR is on the slides in figures only; its
# row, and the one that its paper puts beside it, are from the paper. AP is COCO's
# [average precision](../docs/glossary.md#average-precision), a mean over ten thresholds of IoU.

# %%
quoted = {  # COCO 2017 val; Swin's table 2 (a), as the deck has it, and DETR's table 1
    "Cascade Mask R-CNN": (46.3, 50.5),
    "ATSS": (43.5, 47.2),
    "RepPoints V2": (46.5, 50.0),
    "Sparse R-CNN": (44.5, 47.9),
}
rows = [[name, *its, round(its[1] - its[0], 1)] for name, its in quoted.items()]
assert [row[3] for row in rows] == [4.2, 3.7, 3.5, 3.4]
rows += [["Faster R-CNN with FPN, trained longer (DETR's paper)", "42.0", "", ""]]
rows += [["DETR", "42.0", "", ""]]
table(["box AP on COCO", "ResNet-50", "Swin-T", "more"], rows)

# %%
backbones = {  # Swin's table 2 (b): parameters, GFLOPs, images a second, box AP and mask AP
    "DeiT-S": (80, 889, 10.4, 48.0, 41.4),
    "ResNet-50": (82, 739, 18.0, 46.3, 40.1),
    "Swin-T": (86, 745, 15.3, 50.5, 43.7),
    "ResNeXt-101, 32 x 4d": (101, 819, 12.8, 48.1, 41.6),
    "Swin-S": (107, 838, 12.0, 51.8, 44.7),
    "ResNeXt-101, 64 x 4d": (140, 972, 10.4, 48.3, 41.7),
    "Swin-B": (145, 982, 11.6, 51.9, 45.0),
}
pairs = (
    ("Swin-T", "ResNet-50"),
    ("Swin-S", "ResNeXt-101, 32 x 4d"),
    ("Swin-B", "ResNeXt-101, 64 x 4d"),
)
more = [
    np.subtract(backbones[ours][3:], backbones[theirs][3:]).round(1) for ours, theirs in pairs
]
assert np.array_equal(more, [[4.2, 3.6], [3.7, 3.1], [3.6, 3.3]])
rates = [backbones[ours][2] / backbones[theirs][2] for ours, theirs in pairs]
assert np.round(rates, 2).tolist() == [0.85, 0.94, 1.12]
costs = ["parameters, M", "GFLOPs", "images a second"]
head = ["Cascade Mask R-CNN on", *costs, "box AP", "mask AP"]
table(head, [[name, *its] for name, its in backbones.items()])

# %% [markdown]
# At as many GFLOPs, box AP is 3.6 to 4.2 higher than with a convolutional backbone. But operations are not time: Swin-T finds objects
# in 15 % fewer images a second than the ResNet-50, on the paper's GPU; only Swin-B is ahead of what it stands beside. DeiT is a ViT, whose map has one size only: there
# transposed convolutions make the larger maps that a detector asks for, and the table has it at more multiplications than Swin-T
# and 2.5 points lower. All of them have learned to classify ImageNet first. In our own table below, where no backbone has, and each
# has ten minutes, it is the ResNet that is far ahead.

# %%
swin = {  # Swin's table 4: ImageNet top-1, COCO box and mask AP, ADE20K mean IoU with UPerNet
    "windows stay": (80.2, 47.7, 41.5, 43.3),
    "no positions": (80.1, 49.2, 42.6, 43.8),
    "absolute positions": (80.5, 49.0, 42.4, 43.2),
    "absolute and relative": (81.3, 50.2, 43.4, 44.0),
    "relative, without appearance": (79.3, 48.2, 41.9, 44.1),
    "shifted, relative": (81.3, 50.5, 43.7, 46.1),
}
loses = np.subtract(swin["shifted, relative"], swin["windows stay"]).round(1)
absolute = np.subtract(swin["absolute positions"], swin["no positions"]).round(1)
assert loses.tolist() == [1.1, 2.8, 2.2, 2.8] and absolute.tolist() == [0.4, -0.2, -0.2, -0.6]
head = ["Swin-T", "top-1, %", "box AP", "mask AP", "mean IoU"]
table(head, [[name, *its] for name, its in swin.items()])

# %% [markdown]
# What is worth one point of ImageNet is worth two to three where objects have to be found and outlined, and pixels named: windows that
# stay are a worse fault there. And absolute positions help to tell classes, but harm boxes and masks, which must not depend on where a
# thing is.
#
# Ours are small: models of minutes on scenes of 64 × 64 pixels and on CIFAR-10, with three seeds, made by the programs in `experiments`.
# A table is shown once its results are complete.


# %%
sys.path.append(str(Path("../experiments")))
from record import measured

# %% [markdown]
# ### Objects

# %%
Markdown(measured("detection", "tables", ["detection", "detection_ablation"]))

# %% [markdown]
# ### Clicks

# %%
Markdown(measured("clicks"))

# %% [markdown]
# ### Pixels

# %%
Markdown(measured("segmentation", "tables", ["segmentation", "segmentation_ablation"]))

# %%
swin_64 = mv.create_model("upernet_swin_tiny_patch4_64")
last_map = 64 // swin_64.config["patch_size"] // 2 ** (len(swin_64.config["depths"]) - 1)
assert last_map == swin_64.config["window_size"] == 4

# %% [markdown]
# What is worth one to three points in Swin's table is worth nothing in ours: of boxes and of pixels, all four rows lie within their
# spreads. But our maps are small, 16, 8 and 4 places wide with windows of 4, so that in the third stage one window is the map; and
# behind this Swin stands what sees all of it anyway: DETR's encoder, which has positions of its own, and UPerNet's pooled pyramid. (The
# rows of boxes are those of a model that has hardly begun: after ten minutes it is at three times as much, in the table above it.)
#
# ### Words

# %%
Markdown(measured("matching"))

# %% [markdown]
# ### Restoration

# %%
Markdown(measured("restoration"))

# %% [markdown]
# ## Questions
#
# 1. A cost matrix with two queries and three objects. How many pairs has the matching, and what does the third object lose?
# 2. All costs of one object are raised by 7. Does the matching change?
# 3. A box inside another one, of a quarter of its area. IoU and GIoU? In which other case are both equal?
# 4. Why has the matching's cost $-p$ and not $-\log p$?
# 5. In DETR positions are not added to values. What would a place's position in the values tell that it does not tell now?
# 6. SAM: the same click on the same image twice, in one call. Are both answers the same? What is computed once?
# 7. Two classes, and the answer is right but for one pixel, the only one of class 1, which was said to be 0; 100 pixels. Mean IoU?
# 8. A batch of CLIP has the same caption twice. What do both images lose at least?
# 9. $r$ = 3, three colours. How many channels does the last convolution give? From 32 × 32, which size comes out?
#
# <details><summary>Answers</summary>
#
# 1. Two. Nothing: it is in no pair, and no query hears of it. So queries should be more than objects.
# 2. No: every matching that is possible costs 7 more. (Of one *query* it may, for that one can be left out.)
# 3. Both 0.25: the box around both is the larger one, and their union. They are equal whenever the union fills the box around both.
# 4. Boxes and classes shall count about alike. $-\log p$ grows without bound, and a class that is wrong with certainty would outweigh
#    any box.
# 5. Where it is, whoever looks at it. Now weights tell that to a query in part only: what is carried is what is seen, not where.
#    (But convolutions with zeros around them leak it: [lecture 13](13_after_swin.ipynb#1-Fewer-keys).)
# 6. Yes. The image's map; each of the prompts then has a decoder of its own.
# 7. Class 0: 99 / 100, class 1: 0 / 1, together 0.495. And 99 % of the pixels are right.
# 8. In rows each of both has two columns that look the same, one of them wrong: at best 1/2 for its own, so each loses $\ln 2$ there. The two
#    columns have the same numbers and different targets: $\ln 2$ each on average, at least.
# 9. 27; 96 × 96.
#
# </details>

# %%
two = match(np.array([[1.0, 5, 2], [4, 1, 3]]))
assert len(two.rows) == 2 and two.columns.tolist() == [0, 1]
raised = C + np.array([0, 7, 0])
assert match(raised).rows.tolist() == found_rows
outer, inner = np.array([0.0, 0, 4, 4]), np.array([1.0, 1, 3, 3])
assert box_iou_forward(inner, outer)[0] == giou_forward(inner, outer)[0] == 0.25
twice, _ = sam.forward(seen, np.repeat(at[:, :1], 2, axis=1))
assert np.allclose(twice.masks[0, 0], twice.masks[0, 1], atol=1e-5)
counts = np.array([[99, 0], [1, 0]])
assert np.isclose(mean_iou(counts), 0.495) and pixel_accuracy(counts) == 0.99
same = np.array([[50.0, 50, 0], [50, 50, 0], [0, 0, 50]])
rows_only = -np.log(ops.softmax_forward(same)[0].diagonal())
assert np.allclose(rows_only, [np.log(2), np.log(2), 0])
assert ops.pixel_shuffle_forward(np.ones((1, 32, 32, 27)), upscale=3)[0].shape == (1, 96, 96, 3)
