"""Which object is meant by a click, or by a box?"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.data.clicks import correction, inexact_box, mask_iou, middle, somewhere
from minivit.data.dataset import Dataset
from minivit.data.examples import Scenes
from minivit.layers.checkpoint import checkpointed
from minivit.layers.prompts import NEGATIVE, PADDING, POSITIVE
from minivit.ops.losses import MseCache, mse_backward, mse_forward
from minivit.ops.mask_losses import (
    DiceLossCache,
    SigmoidFocalLossCache,
    dice_loss_backward,
    dice_loss_forward,
    sigmoid_focal_loss_backward,
    sigmoid_focal_loss_forward,
)
from minivit.ops.resize import ResizeCache, resize_backward, resize_forward
from minivit.tasks.task import Normalize, Pictures, Task, joined, part_of
from minivit.threads import run_in_threads
from minivit.types import Bool, Factor, Float, Int, Positive, Scalar, Share, ndarray

AT_ONCE = 16
"""Images that the model looks at at a time, to find where its masks are wrong."""


class Prompted(NamedTuple):
    """Targets of :class:`Prompt`: what is meant by each of P prompts, and what there was to see of them."""

    masks: Bool[ndarray, "B P Y X"]
    valid: Bool[ndarray, "B P"]
    """False where an image has fewer objects."""
    several: Bool[ndarray, " B"]
    """Whether the prompt is more than one click or box, so that it means one thing."""
    points: Float[ndarray, "B P N 2"]
    labels: Int[ndarray, "B P N"]
    boxes: Float[ndarray, "B Q 4"]
    """Q is P, or 0 where there are none."""


class PromptCache(NamedTuple):
    """What ``Prompt.backward`` needs: the outputs, of whose kind their gradients are, and which masks have a say."""

    outputs: Any
    best: tuple[ndarray, ndarray, ndarray]
    size: tuple[int, ...]
    resize: ResizeCache | None
    focal: SigmoidFocalLossCache
    dice: DiceLossCache
    scored: tuple[ndarray, ndarray, ndarray]
    iou: MseCache


class Prompt(Task):
    r"""Masks of the objects that clicks and boxes mean; of several masks for one prompt the best one alone learns.

    .. math:: L = \frac1n \sum_{p} \left(\lambda\, L^{\text{focal}}_{p, m} + L^{\text{dice}}_{p, m} +
              (s_{p, m} - \text{IoU}_{p, m})^2\right), \qquad
              m = \arg\min_m \lambda\, L^{\text{focal}}_{p, m} + L^{\text{dice}}_{p, m}

    a mean over prompts. s is the IoU that the model says its mask has, and IoU the one that it has, a constant. After
    one click, or one box, m is one of the masks for what may mean several things, after more the single one.

    Inputs are images, points with labels, boxes and masks, as :meth:`minivit.models.SAM.forward` takes them; outputs
    have fields ``masks`` (B, P, M, ...), the single one first, and ``iou_scores`` (B, P, M). In training, an object is
    clicked on somewhere, or boxed in inexactly. In every second batch further clicks follow: the model answers, and is
    clicked where its mask is wrong, with its mask for another prompt. The model as it is then answers, so that its
    mistakes are those of now; nothing of that has a gradient.

    To be tested, each object is clicked on once, in its middle: where it is farthest to its edge. The score is the mean
    IoU of the mask that the model says is best.

    Parameters
    ----------
    prompts : int
        P, for each image; an image with fewer objects has some of them twice.
    rounds : int
        Clicks at most, or a box and clicks. 1: no further clicks follow.
    box_share : float
        Of the batches that begin with a box.
    focal_weight : float
        :math:`\lambda`.
    score_all : bool
        Whether all masks for what may mean several things learn to say their IoU, not the best one alone.
    model : minivit.models.SAM, optional
        Which answers, for those who train without :class:`minivit.train.Trainer`.

    Notes
    -----
    In the paper each click has its own loss, eleven in a step, and the mask of 256 x 256 is compared in its own size;
    here it is made as large as the image. Which of the scores learn, it does not say.

    References
    ----------
    Kirillov et al. 2023, "Segment Anything", section 3, "Efficiency" to "Losses and training", and appendix A,
    "Making the model ambiguity-aware" to "Training algorithm".
    """

    kind = Scenes
    usual_model = "sam_tiny_patch4_64"
    usual_data = "scenes"
    loss_name = "focal, dice and IoU loss"
    score_name = "IoU"

    @checked
    def __init__(
        self,
        *,
        prompts: Positive = 3,
        rounds: Positive = 3,
        box_share: Share = 0.25,
        focal_weight: Factor = 20.0,
        score_all: bool = True,
        model: Any = None,
    ) -> None:
        self.prompts, self.rounds, self.box_share = prompts, rounds, box_share
        self.focal_weight, self.score_all, self.model = focal_weight, score_all, model

    def begin(self, model: Any, dataset: Dataset) -> None:
        """This model answers from now on."""
        self.model = model

    def draw(
        self, examples: Scenes, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[tuple[ndarray, ...], Prompted]:
        self.check(examples)
        images = normalize(examples.images)
        masks, valid = self._objects(examples, rng)
        B, P, *_ = masks.shape
        no_boxes, logits = np.zeros((B, 0, 4), images.dtype), np.zeros((B, 0, 1, 1), images.dtype)
        if rng is None:
            points, labels = _clicks(masks, valid, lambda b, p: (middle(masks[b, p]), True), images.dtype)
            targets = Prompted(masks, valid, np.zeros(B, bool), points, labels, no_boxes)
            return (images, points, labels, no_boxes, logits), targets

        further = int(rng.integers(1, self.rounds)) if self.rounds > 1 and rng.random() < 0.5 else 0
        boxes = _boxes(masks, valid, rng, images.dtype) if rng.random() < self.box_share else no_boxes
        points, labels = np.zeros((B, P, 0, 2), images.dtype), np.zeros((B, P, 0), np.intp)
        if boxes is no_boxes:
            points, labels = _clicks(masks, valid, lambda b, p: (somewhere(masks[b, p], rng), True), images.dtype)
        inputs = images, points, labels, boxes, logits
        targets = Prompted(masks, valid, np.zeros(B, bool), points, labels, boxes)
        for _ in range(further):
            inputs, targets = self.followed(inputs, targets, self._answer(inputs), rng)
        return inputs, targets

    def followed(
        self, inputs: tuple[ndarray, ...], targets: Prompted, outputs: Any, rng: np.random.Generator
    ) -> tuple[tuple[ndarray, ...], Prompted]:
        """The same prompts with one more click each, where the mask that was answered is wrong, and with that mask."""
        images, points, labels, boxes, _ = inputs
        logits, truth = best_masks(outputs, targets.several), targets.masks
        said = grown(logits, truth.shape[2:]) > 0
        more, kinds = _clicks(truth, targets.valid, lambda b, p: correction(said[b, p], truth[b, p], rng), points.dtype)
        points, labels = np.concatenate((points, more), axis=2), np.concatenate((labels, kinds), axis=2)
        several = np.ones_like(targets.several)
        return (images, points, labels, boxes, logits), targets._replace(several=several, points=points, labels=labels)

    def _objects(self, examples: Scenes, rng: np.random.Generator | None) -> tuple[ndarray, ndarray]:
        """P of the objects of each image that can be seen, all of them for a test, and of which there is none."""
        _, Y, X, _ = examples.images.shape
        for masks in examples.masks:
            if masks.shape[1:] != (Y, X):
                raise ValueError(f"Prompt: masks have shape {masks.shape}; expected (objects, {Y}, {X}), as the images")
        there = [masks[masks.any((1, 2))] for masks in examples.masks]
        P = self.prompts if rng else max(1, *map(len, there))
        chosen, valid = np.zeros((len(there), P, Y, X), bool), np.zeros((len(there), P), bool)
        for b, masks in enumerate(there):
            order = np.resize(rng.permutation(len(masks)), P) if rng and len(masks) else np.arange(len(masks))
            chosen[b, : len(order)], valid[b, : len(order)] = masks[order], True
        return chosen, valid

    def _answer(self, inputs: tuple[ndarray, ...]) -> Any:
        """What the model makes of these prompts now; nothing is kept for backward."""
        if self.model is None:
            raise ValueError("Prompt: there is no model to answer a click; expected Prompt(model=...) or rounds=1")
        model = checkpointed(self.model)
        parts = [part_of(inputs, slice(start, start + AT_ONCE)) for start in range(0, len(inputs[0]), AT_ONCE)]
        return joined(list(run_in_threads(lambda part: model.forward(*part)[0], parts, threads=None)))

    def over(self, targets: Prompted) -> int:
        return int(targets.valid.sum())

    def forward(self, outputs: Any, targets: Prompted) -> tuple[Scalar, PromptCache]:
        _check_prompts(outputs, targets)
        b, p = np.nonzero(targets.valid)
        if not len(b):
            raise ValueError("Prompt: there is no object on these images; expected one at least")
        truth, size = targets.masks[b, p].reshape(len(b), -1), targets.masks.shape[2:]
        some = candidates(outputs.masks.shape[2], targets.several)[b]  # (n, M)
        prompt, m = np.nonzero(some)
        logits = grown(outputs.masks[b[prompt], p[prompt], m], size).reshape(len(prompt), -1)
        losses = np.full(some.shape, np.inf, logits.dtype)
        losses[prompt, m] = self._losses(logits, truth[prompt])[0]
        best = losses.argmin(1)
        ious = np.zeros_like(losses)
        ious[prompt, m] = mask_iou(logits > 0, truth[prompt])

        chosen, c_resize = outputs.masks[b, p, best], None
        if chosen.shape[1:] != size:
            h, c_resize = resize_forward(chosen[..., None], size=size)
            chosen = h[..., 0]
        of_masks, c_focal, c_dice = self._losses(chosen.reshape(len(b), -1), truth)
        prompt, m = (prompt, m) if self.score_all else (np.arange(len(b)), best)
        scored = b[prompt], p[prompt], m
        of_scores, c_iou = mse_forward(outputs.iou_scores[scored][:, None], ious[prompt, m][:, None])
        loss = of_masks.sum() / len(b) + of_scores
        return loss, PromptCache(
            outputs=outputs,
            best=(b, p, best),
            size=size,
            resize=c_resize,
            focal=c_focal,
            dice=c_dice,
            scored=scored,
            iou=c_iou,
        )

    def _losses(self, logits: ndarray, truth: ndarray) -> tuple[ndarray, SigmoidFocalLossCache, DiceLossCache]:
        """That of each mask."""
        focal, c_focal = sigmoid_focal_loss_forward(logits, truth)
        dice, c_dice = dice_loss_forward(logits, truth)
        return self.focal_weight * focal + dice, c_focal, c_dice

    def backward(self, dloss: Scalar, cache: PromptCache) -> Any:
        dmasks, dscores = np.zeros_like(cache.outputs.masks), np.zeros_like(cache.outputs.iou_scores)
        (dscored,) = mse_backward(dloss, cache.iou)
        dscores[cache.scored] = dscored[:, 0]  # forward: outputs.iou_scores[scored]
        n = len(cache.best[0])
        dlosses = np.full_like(dscored, dloss / n, shape=n)  # forward: of_masks.sum() / len(b)
        dchosen = sigmoid_focal_loss_backward(self.focal_weight * dlosses, cache.focal).logits
        dchosen = dchosen + dice_loss_backward(dlosses, cache.dice).logits
        dchosen = dchosen.reshape(n, *cache.size)
        if cache.resize is not None:
            dchosen = resize_backward(dchosen[..., None], cache.resize).x[..., 0]
        dmasks[cache.best] = dchosen  # forward: outputs.masks[b, p, best]
        return type(cache.outputs)(masks=dmasks, iou_scores=dscores)

    def score(self, outputs: Any, targets: Prompted) -> float:
        _check_prompts(outputs, targets)
        ious = said_and_true(outputs, targets)[1][targets.valid]
        return float(ious.mean()) if len(ious) else np.nan

    def pictures(self, dataset: Dataset, examples: Scenes, targets: Prompted, outputs: Any) -> Pictures:
        from minivit import plot

        said, ious = said_and_true(outputs, targets)
        b, p = np.transpose([(i, i % max(1, int(valid.sum()))) for i, valid in enumerate(targets.valid)])  # one of each
        titles = [f"IoU {iou:.2f}" for iou in ious[b, p]]
        return {
            "clicks": lambda: plot.prompted_masks(
                examples.images, said[b, p], targets.points[b, p], targets.labels[b, p], titles=titles
            )
        }


def _check_prompts(outputs: Any, targets: Prompted) -> None:
    theirs, ours = targets.valid.shape, outputs.masks.shape[:2]
    if ours != theirs:
        raise ValueError(f"Prompt: there are masks for {ours} images and prompts; expected {theirs}, as targets")
    if targets.several.any() != targets.several.all():  # a prompt has more scores in one case than in the other
        raise ValueError("Prompt: several is True for some images and False for others; expected the same in a batch")


def _clicks(
    masks: Bool[ndarray, "B P Y X"], valid: Bool[ndarray, "B P"], click: Callable[..., Any], dtype: np.dtype
) -> tuple[Float[ndarray, "B P 1 2"], Int[ndarray, "B P 1"]]:
    """A click ``((x, y), on the object)`` for each prompt that is one, and for the others a point that is none."""
    points, labels = np.zeros((*valid.shape, 1, 2), dtype), np.full((*valid.shape, 1), PADDING)
    for b, p in zip(*np.nonzero(valid), strict=True):
        points[b, p, 0], on_it = click(b, p)
        labels[b, p] = POSITIVE if on_it else NEGATIVE
    return points, labels


def _boxes(
    masks: Bool[ndarray, "B P Y X"], valid: Bool[ndarray, "B P"], rng: np.random.Generator, dtype: np.dtype
) -> Float[ndarray, "B P 4"]:
    """A box for each prompt; for one that is none, the whole image."""
    B, P, Y, X = masks.shape
    boxes = np.tile(np.array([0, 0, X, Y], dtype), (B, P, 1))
    for b, p in zip(*np.nonzero(valid), strict=True):
        boxes[b, p] = inexact_box(masks[b, p], rng)
    return boxes


def best_masks(outputs: Any, several: Bool[ndarray, " B"]) -> Float[ndarray, "B P Y X"]:
    """Of the masks that a prompt may mean, the logits of the one that the model says is best."""
    some = candidates(outputs.masks.shape[2], several)[:, None]  # (B, 1, M)
    best = np.where(some, outputs.iou_scores, -np.inf).argmax(-1)
    return np.take_along_axis(outputs.masks, best[..., None, None, None], axis=2)[:, :, 0]


def said_and_true(outputs: Any, targets: Prompted) -> tuple[Bool[ndarray, "B P Y X"], Float[ndarray, "B P"]]:
    """The mask of each prompt, and its IoU with what was meant."""
    said = grown(best_masks(outputs, targets.several), targets.masks.shape[2:]) > 0
    pixels = (*said.shape[:2], -1)
    return said, mask_iou(said.reshape(pixels), targets.masks.reshape(pixels))


def grown(logits: Float[ndarray, "*B y x"], size: tuple[int, ...]) -> Float[ndarray, "*B Y X"]:
    """Masks as large as the image, bilinearly, as the official code makes them; as they are, if they are as large."""
    *B, y, x = logits.shape
    if (y, x) == size:
        return logits
    h, _ = resize_forward(logits.reshape(-1, y, x, 1), size=(size[0], size[1]))
    return h.reshape(*B, *size)


def candidates(count: int, several: Bool[ndarray, " B"]) -> Bool[ndarray, "B M"]:
    """Which of the masks a prompt may mean: the single one, which is the first, if there were several clicks."""
    first = np.arange(count) == 0
    return np.where(several[:, None], first, ~first)
