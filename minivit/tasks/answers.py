"""Masks that answer prompts: which of them the model says is best, and how good it is."""

from typing import Any, NamedTuple

import numpy as np

from minivit.data.clicks import mask_iou
from minivit.ops.resize import resize_forward
from minivit.types import Bool, Float, Int, ndarray


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
