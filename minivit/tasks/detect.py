"""What is where?"""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import numpy as np

from minivit.checked import check_numbers, checked, first_wrong
from minivit.data.dataset import Dataset
from minivit.data.examples import Scenes, check_corners
from minivit.layers.detr_transformer import Detections
from minivit.ops.average_precision import Found, Truth, average_precision_at
from minivit.ops.boxes import box_corners_forward
from minivit.ops.matching import (
    MatchedBoxesCache,
    match,
    matched_boxes_backward,
    matched_boxes_forward,
    matching_cost,
)
from minivit.ops.softmax import softmax_forward
from minivit.ops.weighted_cross_entropy import (
    WeightedCrossEntropyCache,
    weighted_cross_entropy_backward,
    weighted_cross_entropy_forward,
)
from minivit.tasks.task import Normalize, Pictures, Task, check_as_many
from minivit.types import Factor, Float, Int, Positive, Range, Scalar, ndarray


class Objects(NamedTuple):
    """Targets of :class:`Detect`: what is on each image."""

    labels: list[ndarray]
    """Class numbers (n)."""
    boxes: list[ndarray]
    """Centre and size (n, 4), as shares of the image's sides."""


class Matches(NamedTuple):
    """Which query of which decoder block is for which object: a row for each pair, of all images and blocks."""

    image: Int[ndarray, "M"]
    block: Int[ndarray, "M"]
    query: Int[ndarray, "M"]
    object: Int[ndarray, "M"]
    """Its place among the objects of all images, one after the other."""


class DetectCache(NamedTuple):
    """What ``Detect.backward`` needs, and who was matched with whom."""

    matches: Matches
    shape: tuple[int, ...]
    classes: WeightedCrossEntropyCache
    boxes: MatchedBoxesCache


class Detect(Task):
    r"""A set of boxes with classes. Each object is given to one query; all others say "no object".

    Which query is for which object, decides the matching of least cost, anew for each decoder block:

    .. math:: C_{qn} = -\lambda_p\, p_q(c_n) + \lambda_1 \lVert b_q - b_n \rVert_1 - \lambda_G\, \mathrm{GIoU}(b_q, b_n)

    As it is a choice, it has no gradient. The loss is the sum over the decoder's blocks of

    .. math:: \frac{\sum_q w_q\, \mathrm{CE}_q}{\sum_q w_q} + \frac1n \sum_{n} \left(\lambda_1 \lVert b_{\sigma(n)} -
              b_n \rVert_1 + \lambda_G (1 - \mathrm{GIoU}(b_{\sigma(n)}, b_n))\right)

    with the weight w of a query 1 if it is matched, and else ``no_object_weight``. The first mean is over the sum of
    the weights in the whole batch, the second over its boxes, however they lie in the shards.

    Outputs are :class:`minivit.layers.detr_transformer.Detections`; targets :class:`Objects`. If there are more objects
    than queries, those that cost least are matched. The score is COCO's average precision at an IoU of 0.5 ("AP50").

    Parameters
    ----------
    num_queries : int
        Of the model.
    class_cost, box_cost, giou_cost : float
        :math:`\lambda_p, \lambda_1, \lambda_G` of the matching.
    box_weight, giou_weight : float
        :math:`\lambda_1, \lambda_G` of the loss.
    no_object_weight : float
        Above 0, and at most 1. With less, several queries claim the same object; with more, none dares to for long.
    aux_loss : bool
        False: only the last block's answer has a loss.
    flip : bool
        Whether training images are mirrored at random, left to right, with their boxes.

    Notes
    -----
    The official code takes the mean over at least one box, and weighs "no object" by an entry of PyTorch's ``weight``.

    References
    ----------
    Carion et al. 2020, "End-to-End Object Detection with Transformers", sections 3.1 and A.2, official code
    (``HungarianMatcher``, ``SetCriterion``).
    """

    kind = Scenes
    usual_model = "detr_tiny_64"
    usual_data = "scenes"
    loss_name = "class and box loss"
    score_name = "AP50"

    @checked
    def __init__(
        self,
        *,
        num_queries: Positive = 100,
        class_cost: Factor = 1.0,
        box_cost: Factor = 5.0,
        giou_cost: Factor = 2.0,
        box_weight: Factor = 5.0,
        giou_weight: Factor = 2.0,
        no_object_weight: Annotated[float, Range(above=0, at_most=1)] = 0.1,
        aux_loss: bool = True,
        flip: bool = True,
    ) -> None:
        self.num_queries = num_queries
        self.class_cost, self.box_cost, self.giou_cost = class_cost, box_cost, giou_cost
        self.box_weight, self.giou_weight = box_weight, giou_weight
        self.no_object_weight, self.aux_loss, self.flip = no_object_weight, aux_loss, flip

    def model_options(self, dataset: Dataset) -> dict[str, Any]:
        return super().model_options(dataset) | {"num_classes": len(dataset.class_names)}

    def draw(
        self, examples: Scenes, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[ndarray, Objects]:
        self.check(examples)
        images = normalize(examples.images)
        _, Y, X, _ = images.shape
        labels, boxes = [], []
        for i, (kinds, its) in enumerate(zip(examples.labels, examples.boxes, strict=True)):
            check_corners(its, f"a box of image {i}")
            inside = np.clip(its, 0, (X, Y, X, Y))  # what the edge cuts off cannot be answered
            there = (inside[:, 2:] > inside[:, :2]).all(1)
            labels.append(np.asarray(kinds)[there])
            boxes.append(centred(inside[there].astype(images.dtype) / np.array((X, Y, X, Y), images.dtype)))
        if rng is not None and self.flip:
            mirrored = rng.random(len(images)) < 0.5
            images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
            boxes = [mirror(its) if flip else its for its, flip in zip(boxes, mirrored, strict=True)]
        return images, Objects(labels, boxes)

    def over(self, targets: Objects) -> Float[ndarray, "2"]:
        """The sum of the weights of all queries, and the number of boxes that are matched."""
        matched = sum(min(len(labels), self.num_queries) for labels in targets.labels)
        others = len(targets.labels) * self.num_queries - matched
        return np.array((matched + self.no_object_weight * others, matched), np.float64)

    def forward(self, outputs: Detections, targets: Objects) -> tuple[Float[ndarray, "2"], DetectCache]:
        """The loss of classes, and that of boxes: 0, where there is none."""
        check_as_many("Detect", outputs, targets)
        if not targets.labels:
            raise ValueError("Detect: there are no images; expected one at least")
        if (queries := outputs.logits.shape[2]) != self.num_queries:
            raise ValueError(
                f"Detect: outputs have {queries} queries; expected num_queries, which is {self.num_queries}"
            )
        logits, boxes = outputs if self.aux_loss else (part[:, -1:] for part in outputs)
        check_numbers("label", np.concatenate(targets.labels), logits.shape[-1] - 1, "classes")
        for i, its in enumerate(targets.boxes):
            sizes = its[:, 2:]
            right = np.isfinite(its).all(1) & ((sizes >= 0) & (sizes <= 1)).all(1)  # it may lie beside the image
            if not right.all():
                box = first_wrong(its, right)
                raise ValueError(
                    f"Detect: a box of image {i} is {box}; expected centre and size, as shares of the sides"
                )
        matches = self.match(Detections(logits, boxes), targets)
        places = matches.image, matches.block, matches.query
        labels = np.full(logits.shape[:3], logits.shape[-1] - 1)
        weights = np.full(logits.shape[:3], self.no_object_weight, logits.dtype)
        labels[places] = np.concatenate(targets.labels)[matches.object]
        weights[places] = 1
        class_loss, c_classes = weighted_cross_entropy_forward(logits, labels, weights)
        box_loss, c_boxes = matched_boxes_forward(
            boxes.reshape(-1, 4),
            np.concatenate(targets.boxes).astype(boxes.dtype),
            np.ravel_multi_index(places, logits.shape[:3]),
            matches.object,
            box_weight=self.box_weight,
            giou_weight=self.giou_weight,
        )
        losses = np.array((class_loss, box_loss), logits.dtype)
        blocks = logits.shape[1]  # each loss is a mean over all of them, and is to be their sum
        return losses * blocks, DetectCache(matches, outputs.logits.shape, c_classes, c_boxes)

    def backward(self, dloss: Scalar, cache: DetectCache) -> Detections:
        B, L, Q, _ = cache.shape
        blocks = L if self.aux_loss else 1
        dclass, dbox = np.asarray(dloss) * blocks  # forward: return losses * blocks
        (dboxes,) = matched_boxes_backward(dbox, cache.boxes)
        (dlogits,) = weighted_cross_entropy_backward(dclass, cache.classes)
        if blocks == L:
            return Detections(dlogits, dboxes.reshape(B, L, Q, 4))
        doutputs = Detections(np.zeros_like(dlogits, shape=cache.shape), np.zeros_like(dlogits, shape=(B, L, Q, 4)))
        doutputs.logits[:, -1:] = dlogits  # forward: part[:, -1:]
        doutputs.boxes[:, -1:] = dboxes.reshape(B, 1, Q, 4)
        return doutputs

    def match(self, outputs: Detections, targets: Objects) -> Matches:
        """For each image and decoder block, the matching of least cost; it has no gradient."""
        probs, _ = softmax_forward(outputs.logits)
        pairs, before = [], 0  # so many objects are on the images before
        for i, (labels, boxes) in enumerate(zip(targets.labels, targets.boxes, strict=True)):
            costs = matching_cost(
                probs[i],
                outputs.boxes[i],
                labels,
                boxes.astype(probs.dtype),
                class_cost=self.class_cost,
                box_cost=self.box_cost,
                giou_cost=self.giou_cost,
            )
            for block, cost in enumerate(costs):
                rows, columns = match(np.nan_to_num(cost))  # where there is nan, the loss tells of it
                here = np.full_like(rows, i), np.full_like(rows, block)
                pairs.append((*here, rows, columns + before))
            before += len(labels)
        return Matches(*(np.concatenate(parts).astype(np.intp) for parts in zip(*pairs, strict=True)))

    def score(self, outputs: Detections, targets: Objects) -> float:
        check_as_many("Detect", outputs, targets)
        true = [Truth(labels, cornered(boxes)) for labels, boxes in zip(*targets, strict=True)]
        return average_precision_at(0.5, detected(outputs), true)

    def pictures(self, dataset: Dataset, examples: Scenes, targets: Objects, outputs: Detections) -> Pictures:
        from minivit import plot

        _, Y, X, _ = examples.images.shape
        found = [its._replace(shapes=its.shapes * (X, Y, X, Y)) for its in detected(outputs)]
        return {
            "boxes": lambda: plot.detections(examples.images, found, dataset.class_names),
            "queries": lambda: plot.query_habits(outputs.boxes[:, -1]),
        }


def detected(outputs: Detections) -> list[Found]:
    """What the last decoder block says of each image: of each query its likeliest class but "no object", the
    probability of which is the score; corners of boxes are shares of the image's sides.
    """
    probabilities, _ = softmax_forward(outputs.logits[:, -1])
    classes = probabilities[..., :-1]
    return [
        Found(scores, labels, boxes)
        for scores, labels, boxes in zip(
            classes.max(-1), classes.argmax(-1), cornered(outputs.boxes[:, -1]), strict=True
        )
    ]


def mirror(boxes: Float[ndarray, "n 4"]) -> Float[ndarray, "n 4"]:
    """The boxes of the image that is mirrored, left to right: their middles are as far from the other side."""
    return np.concatenate((1 - boxes[:, :1], boxes[:, 1:]), axis=1)


def cornered(boxes: Float[ndarray, "*B 4"]) -> Float[ndarray, "*B 4"]:
    """From centres and sizes to corners."""
    return box_corners_forward(boxes)[0]


def centred(boxes: Sequence[Any] | ndarray) -> Float[ndarray, "*B 4"]:
    """From corners to centres and sizes."""
    boxes = np.asarray(boxes)
    first, second = boxes[..., :2], boxes[..., 2:]
    return np.concatenate(((first + second) / 2, second - first), axis=-1)
