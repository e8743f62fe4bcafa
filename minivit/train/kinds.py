"""Kinds of examples: how images, and how sounds, come to a model, from a data set or from a file."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np

from minivit.checked import check_range
from minivit.data.dataset import Dataset
from minivit.data.examples import Images, Sounds
from minivit.data.image_file import read_image
from minivit.data.sound_file import read_sound
from minivit.tasks.task import Augment
from minivit.train.augment import normalize, normalize_waves, random_crop_flip, random_shift_flip
from minivit.train.erasing import random_erasing
from minivit.train.randaugment import randaugment
from minivit.train.recipe import OFF, Recipe
from minivit.types import HIGHEST_RATE, ndarray

LONGEST_SIDE = 2**13  # pixels, of the images that a file asks for
LONGEST_SOUND = 2**24  # samples, likewise


class Kind:
    """What is to be known of examples beside what a task knows: of sequences, say, nothing."""

    what = "examples"

    def normalize(self, stored: ndarray) -> ndarray:
        """What is stored as the model wants it."""
        return stored

    def augment(self, recipe: Recipe) -> Augment | None:
        """What makes other examples of the same things, as the recipe has it."""
        return None

    def read(self, path: str | Path) -> ndarray:
        """A file as a batch of one, as the model wants it."""
        raise ValueError("there are no files of such examples")

    def facts(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {}


@dataclass(frozen=True)
class ImageKind(Kind):
    """Images of one size; mean and standard deviation of each channel are in units of pixel / 255."""

    mean: tuple[float, ...]
    std: tuple[float, ...]
    img_size: tuple[int, int]

    what = "images"

    def normalize(self, stored: ndarray) -> ndarray:
        return normalize(stored, self.mean, self.std)

    def augment(self, recipe: Recipe) -> Augment:
        if recipe.crop_padding >= min(self.img_size):
            raise ValueError(
                f"images of {self.img_size[0]} x {self.img_size[1]} pixels can be pushed out of their frame by a "
                f"crop_padding of {recipe.crop_padding}; expected larger ones (--img-size)"
            )
        steps: list[Augment] = [partial(random_crop_flip, padding=recipe.crop_padding, flip=recipe.flip)]
        if recipe.randaugment is not None:
            layers, magnitude = recipe.randaugment
            steps.append(partial(randaugment, layers=layers, magnitude=magnitude))
        if recipe.random_erasing:
            steps.append(partial(random_erasing, probability=recipe.random_erasing))
        return partial(_one_after_the_other, steps)

    def read(self, path: str | Path) -> ndarray:
        return self.normalize(read_image(path, size=self.img_size, channels=len(self.mean))[None])

    def facts(self) -> dict[str, Any]:
        return asdict(self)

    def check(self) -> None:
        """ValueError for numbers that no images have."""
        if min(self.std) < 0:
            raise ValueError(f"std is {self.std}; expected 0 or more")
        for side in self.img_size:
            check_range("img_size", side, at_least=1, below=LONGEST_SIDE)


@dataclass(frozen=True)
class SoundKind(Kind):
    """Sounds of one length, in samples, and one rate."""

    sr: int
    length: int

    what = "sounds"

    def normalize(self, stored: ndarray) -> ndarray:
        return normalize_waves(stored)

    def augment(self, recipe: Recipe) -> Augment:
        must_be_off(recipe, ("randaugment", "random_erasing", "cutmix"), "that is for images, not for sounds")
        check_range("crop_padding", recipe.crop_padding, at_least=0, below=self.length)
        return partial(random_shift_flip, padding=recipe.crop_padding, flip=recipe.flip)

    def read(self, path: str | Path) -> ndarray:
        return read_sound(path, sr=self.sr, length=self.length)[None]

    def facts(self) -> dict[str, Any]:
        return asdict(self)

    def check(self) -> None:
        """ValueError for numbers that no sounds have."""
        check_range("sr", self.sr, at_least=1, at_most=HIGHEST_RATE)
        check_range("length", self.length, at_least=1, at_most=LONGEST_SOUND)


def _one_after_the_other(steps: list[Augment], stored: ndarray, rng: np.random.Generator) -> ndarray:
    return reduce(lambda images, step: step(images, rng), steps, stored)


def must_be_off(recipe: Recipe, names: Sequence[str], reason: str) -> None:
    """ValueError for a choice that would have no effect."""
    for name in names:
        if (value := getattr(recipe, name)) != OFF[name]:
            raise ValueError(f"{name} is {value}, and {reason}; expected {OFF[name]}")


def kind_of(dataset: Dataset) -> Kind:
    """That of the examples of a data set."""
    if isinstance(dataset.train, Images):
        _, Y, X, _ = dataset.train.images.shape
        return ImageKind(dataset.mean, dataset.std, (Y, X))
    if isinstance(dataset.train, Sounds):
        assert dataset.sr is not None
        return SoundKind(dataset.sr, dataset.train.waves.shape[1])
    return Kind()
