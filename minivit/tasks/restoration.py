"""What was on the image before it was spoiled? What the tasks of image restoration have in common."""

from dataclasses import replace
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np

from minivit.checked import checked
from minivit.data.dataset import Dataset
from minivit.data.examples import Images
from minivit.ops import OPS
from minivit.tasks.task import Normalize, Pictures, Task, check_as_many
from minivit.types import Float, Positive, Scalar, UInt8, ndarray

MOST_TESTED = 1000
"""Images for a test after each epoch: the first ones, where there are more."""


class Restored(NamedTuple):
    """Targets: the images, and what one has of them without a model. Of all, white is 1."""

    images: Float[ndarray, "B Y X C"]
    plain: Float[ndarray, "B Y X C"]


class Restoration(Task):
    """Make images as they were, of what :meth:`spoiled` leaves of them: a loss, a mean over all numbers.

    Inputs and outputs are images from 0 to 1; normalisation and the recipe's augmentation have no part in it. In
    training images are turned by quarters and mirrored, in one of eight ways drawn for each (those that are not square,
    in one of four).

    The score is the share of the squared error that a model takes away, of what there would be without it (the noisy
    image itself, or its bicubic enlargement): with a share s the PSNR of all images together is
    :math:`-10 \\log_{10}(1 - s)` decibels higher. nan where nothing is spoiled.

    Parameters
    ----------
    upscale : int
        How many times as many rows and columns come out as go in.

    References
    ----------
    Liang et al. 2021, "SwinIR", section 3.1, equations 7 and 8.
    """

    kind = Images
    score_name = "squared error removed"
    loss: ClassVar[str]
    """The op that it is."""
    plain_name: ClassVar[str]
    """What one has without a model, in a word."""

    @checked
    def __init__(self, *, upscale: Positive = 1) -> None:
        self.upscale = upscale

    @classmethod
    def of(cls, model: Any, **options: Any) -> Self:
        if "upscale" not in model.config:
            raise ValueError(
                f"{type(model).__name__} gives no images back; expected a model that does, such as {cls.usual_model}"
            )
        return cls(**model.task_options(), **options)

    def spoiled(
        self, images: Float[ndarray, "B Y X C"], rng: np.random.Generator
    ) -> tuple[Float[ndarray, "B y x C"], Float[ndarray, "B Y X C"]]:
        """What a model is given of images, and what one has of them without it."""
        raise NotImplementedError

    def draw(
        self, examples: Images, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B y x C"], Restored]:
        self.check(examples)
        pixels = self.cut(examples.images)
        pixels = pixels if rng is None else turned(pixels, rng)
        images = pixels * np.float32(1 / 255)
        inputs, plain = self.spoiled(images, np.random.default_rng(0) if rng is None else rng)
        return inputs, Restored(images, plain)

    def cut(self, pixels: UInt8[ndarray, "B Y X C"]) -> UInt8[ndarray, "B rows columns C"]:
        """Without the last rows and columns that do not make one pixel of the smaller image.

        Raises
        ------
        ValueError
            If nothing is left.
        """
        _, Y, X, _ = pixels.shape
        rows, columns = (side // self.upscale * self.upscale for side in (Y, X))
        if not rows or not columns:
            raise ValueError(
                f"images of {Y} x {X} pixels are too small to be made {self.upscale} times smaller; "
                f"expected at least {self.upscale} x {self.upscale}"
            )
        return pixels[:, :rows, :columns]

    def model_options(self, dataset: Dataset) -> dict[str, Any]:
        """Of images as they go in."""
        _, Y, X, C = self.cut(dataset.train.images[:1]).shape
        return {"img_size": (Y // self.upscale, X // self.upscale), "in_chans": C}

    def prepared(self, dataset: Dataset, *, normalize: Normalize) -> Dataset:
        """With as many of the first images to test on as do not take long."""
        return replace(dataset, test=dataset.test.take(slice(MOST_TESTED)))

    @checked
    def forward(self, outputs: Float[ndarray, "B Y X C"], targets: Restored) -> tuple[Scalar, Any]:
        check_as_many(type(self).__name__, outputs, targets)
        if outputs.shape != targets.images.shape:
            raise ValueError(
                f"{type(self).__name__}: outputs have shape {outputs.shape}; expected {targets.images.shape}, "
                f"{self.upscale} times as large as what goes in"
            )
        return OPS[self.loss].forward(outputs, targets.images)

    def backward(self, dloss: Scalar, cache: Any) -> Float[ndarray, "B Y X C"]:
        (doutputs,) = OPS[self.loss].backward(dloss, cache)
        return doutputs

    @checked
    def score(self, outputs: Float[ndarray, "B Y X C"], targets: Restored) -> float:
        check_as_many(type(self).__name__, outputs, targets)
        images, plain = targets
        left, was = (float(np.square(made.clip(0, 1) - images).mean(dtype=float)) for made in (outputs, plain))
        return 1 - left / was if was else np.nan

    def pictures(
        self, dataset: Dataset, examples: Images, targets: Restored, outputs: Float[ndarray, "B Y X C"]
    ) -> Pictures:
        from minivit import plot

        rows = [as_pixels(made[:8]) for made in (targets.images, targets.plain, outputs)]
        return {"restored": lambda: plot.reconstructions(*rows)}


def turned(pixels: UInt8[ndarray, "B Y X C"], rng: np.random.Generator) -> UInt8[ndarray, "B Y X C"]:
    """Each image in one of the eight ways in which a square can lie, or in one of the four of a rectangle."""
    B, Y, X, _ = pixels.shape
    down, right, across = rng.random((3, B, 1, 1, 1)) < 0.5
    pixels = np.where(down, pixels[:, ::-1], pixels)
    pixels = np.where(right, pixels[:, :, ::-1], pixels)
    return np.where(across, pixels.swapaxes(1, 2), pixels) if Y == X else pixels


def as_pixels(images: Float[ndarray, "..."]) -> UInt8[ndarray, "..."]:
    """Shares of white, 0 to 1, as grey levels; what is beyond becomes black, or white."""
    return np.clip(np.round(255 * images), 0, 255).astype(np.uint8)
