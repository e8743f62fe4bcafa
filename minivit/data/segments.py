"""Images with a map of classes: of each pixel it is known of which class the thing is that it shows."""

from dataclasses import dataclass

import numpy as np

from minivit.data.dataset import Dataset
from minivit.data.examples import Images, Scenes
from minivit.types import ndarray

BACKGROUND = "background"
"""The name of class 0, where nothing is."""

IGNORED = 255
"""In place of a class, where nobody has said what is there: such pixels count neither in the loss nor in the score."""


@dataclass(frozen=True, eq=False)
class SegmentedImages(Images):
    """Images, and of which class each of their pixels is.

    Attributes
    ----------
    images : uint8 (N, Y, X, C)
    maps : uint8 (N, Y, X)
        Below the number of classes; or 255, which counts for nothing.
    """

    maps: ndarray

    def check(self, split: str, num_classes: int) -> None:
        """As :meth:`Images.check`; a map is as large as its image, and has numbers of classes, or 255."""
        super().check(split, num_classes)
        if self.maps.dtype != np.uint8 or self.maps.shape != self.images.shape[:3]:
            raise ValueError(
                f"{split} maps must be uint8 of shape {self.images.shape[:3]}, as large as the images, "
                f"got {self.maps.dtype} of shape {self.maps.shape}"
            )
        if num_classes > IGNORED:
            raise ValueError(f"there are {num_classes} class names; maps of uint8 tell at most {IGNORED} apart")
        wrong = self.maps[(self.maps >= num_classes) & (self.maps != IGNORED)]
        if len(wrong):
            raise ValueError(
                f"the {split} maps have the class {wrong[0]}; expected 0 to {num_classes - 1}, because there are "
                f"{num_classes} class names, or {IGNORED} where nobody has said what is there"
            )


def segmented(dataset: Dataset[Scenes]) -> Dataset[SegmentedImages]:
    """Scenes as images with a map each: 0 where nothing is, and one more than its label where an object is.

    Raises
    ------
    ValueError
        If there are more classes than a map can tell apart.
    """
    count = len(dataset.class_names)
    if count >= IGNORED:
        raise ValueError(f"there are {count} classes and the background; maps of uint8 tell at most {IGNORED} apart")
    train, test = (SegmentedImages(scenes.images, semantic_maps(scenes)) for scenes in (dataset.train, dataset.test))
    return Dataset(dataset.name, train, test, (BACKGROUND, *dataset.class_names), dataset.mean, dataset.std)


def semantic_maps(scenes: Scenes) -> ndarray:
    """Of each pixel the class of the object that is there, plus one: uint8 (N, Y, X). The last object lies on top."""
    maps = np.zeros(scenes.images.shape[:3], np.uint8)
    for its, labels, masks in zip(maps, scenes.labels, scenes.masks, strict=True):
        for label, mask in zip(labels, masks, strict=True):
            its[np.asarray(mask, bool)] = label + 1
    return maps
