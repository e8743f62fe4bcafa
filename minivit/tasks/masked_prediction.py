"""What colour has the patch that is not shown?"""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from minivit.checked import check_range, checked
from minivit.data.dataset import Dataset
from minivit.data.examples import Images
from minivit.ops.color_codes import LEVELS, MASK, SMALL, color_codes, colors_of, patch_outputs
from minivit.ops.losses import (
    CrossEntropyCache,
    MseCache,
    cross_entropy_backward,
    cross_entropy_forward,
    mse_backward,
    mse_forward,
)
from minivit.ops.patches import patchify_forward, unpatchify_forward
from minivit.tasks.masked import explained_variance
from minivit.tasks.task import Normalize, Pictures, Task
from minivit.types import Bool, Float, Int, Scalar, Size, ndarray, pair


class AskedPatches(NamedTuple):
    """Targets of :class:`MaskedPrediction`: what is on every patch, and of which of them it is asked."""

    answers: ndarray
    asked: Bool[ndarray, "B N"]


class MaskedPredictionCache(NamedTuple):
    """What ``MaskedPrediction.backward`` needs."""

    asked: Bool[ndarray, "B N"]
    loss: CrossEntropyCache | MseCache


class MaskedPrediction(Task):
    """Say what is on the patches that are hidden; the loss is a mean over these, whichever images they are on.

    Inputs are the images and, for each place of the grid, which patch is shown there: see
    :meth:`minivit.models.MaskedViT.forward`. Of the patches that are asked for, 80 % are hidden behind the mask token,
    in place of 10 % another patch of the image is shown, and 10 % are left, so that no token can be sure of itself.
    Outputs are (B, N, outputs), for each patch as many as :func:`minivit.ops.color_codes.patch_outputs` says.

    Parameters
    ----------
    patch_size : int or (rows, columns)
        Of the model.
    target : "mean", "rgb", "downsized" or "pixels"
        The code of the mean colour, or of those of the patch made smaller, by cross-entropy; the mean colour itself, or
        every pixel, by the squared error, in units of normalised pixels.
    mask_ratio : float
        Share of the patches of each image that are asked for, at random; at least one is.

    Notes
    -----
    The score is the share of codes that are right or, of colours and pixels, the share of their variance that is
    explained; nan where there is none.

    References
    ----------
    Dosovitskiy et al. 2021, "An Image is Worth 16x16 Words", section B.1.2; "rgb" is what slides show.
    """

    kind = Images
    loss_name = "loss of hidden patches"
    score_name = "score on hidden patches"

    @checked
    def __init__(self, patch_size: Size, *, target: str = "mean", mask_ratio: float = 0.5) -> None:
        patch_outputs(target, patch_size=patch_size, in_chans=1)  # which says whether they fit
        check_range("mask_ratio", mask_ratio, above=0, at_most=1)
        self.patch_size, self.target, self.mask_ratio = patch_size, target, mask_ratio

    @property
    def of_codes(self) -> bool:
        """Whether classes are asked for."""
        return self.target in ("mean", "downsized")

    def draw(
        self, examples: Images, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[tuple[Float[ndarray, "B Y X C"], Int[ndarray, "B N"]], AskedPatches]:
        self.check(examples)
        images = normalize(examples.images)
        answers = self.answers(examples.images, images)
        B, N = answers.shape[:2]
        rng = np.random.default_rng(0) if rng is None else rng
        rank = rng.random((B, N)).argsort(axis=1).argsort(axis=1)  # of each image, a random order of its patches
        asked = rank < max(1, round(N * self.mask_ratio))
        fate, other = rng.random((B, N)), rng.integers(1, max(N, 2), (B, N))
        places = np.arange(N)
        shown = np.where(fate < 0.8, MASK, np.where(fate < 0.9, (places + other) % N, places))
        return (images, np.where(asked, shown, places)), AskedPatches(answers, asked)

    def answers(self, pixels: ndarray, images: ndarray) -> ndarray:
        """What is on all patches: codes of pixels (B, N) or (B, N, 16), or numbers (B, N, n) of normalised images."""
        patches, _ = patchify_forward(images, patch_size=self.patch_size)
        if self.target == "pixels":
            return patches
        C, P, Q = images.shape[3], *pair(self.patch_size)
        if self.target == "rgb":
            return patches.reshape(*patches.shape[:2], P * Q, C).mean(2)
        tiles, _ = patchify_forward(pixels.astype(np.float32), patch_size=self.patch_size)
        tiles = tiles.reshape(*tiles.shape[:2], P, Q, C)  # (B, N, P, Q, C)
        if self.target == "mean":
            return color_codes(tiles.mean((2, 3)))
        small = tiles.reshape(*tiles.shape[:2], SMALL, P // SMALL, SMALL, Q // SMALL, C).mean((3, 5))
        return color_codes(small).reshape(*small.shape[:2], SMALL**2)

    def model_options(self, dataset: Dataset) -> dict[str, Any]:
        return super().model_options(dataset) | {"target": self.target, "patch_size": self.patch_size}

    def over(self, targets: AskedPatches) -> int:
        return int(targets.asked.sum())

    def forward(
        self, outputs: Float[ndarray, "B N outputs"], targets: AskedPatches
    ) -> tuple[Scalar, MaskedPredictionCache]:
        said, true = self.hidden(outputs, targets)
        loss, c_loss = cross_entropy_forward(said, true) if self.of_codes else mse_forward(said, true)
        return loss, MaskedPredictionCache(targets.asked, c_loss)

    def hidden(self, outputs: Float[ndarray, "B N outputs"], targets: AskedPatches) -> tuple[ndarray, ndarray]:
        """What the model says of the patches that are asked for, with an axis for classes, and what is on them."""
        answers, asked = targets
        if outputs.ndim != 3 or outputs.shape[:2] != asked.shape:
            raise ValueError(
                f"MaskedPrediction: outputs have shape {outputs.shape}; expected {asked.shape} and an axis of outputs, "
                f"for patches of size {self.patch_size}"
            )
        said, true = outputs[asked], answers[asked]
        if len(true) == 0:
            raise ValueError("MaskedPrediction: no patch is asked for; expected one at least")
        numbers, given = prod(true.shape[1:]), said.shape[-1]
        if given % numbers or (given != numbers and not self.of_codes):
            expected = f"a number for each class, {numbers} times" if self.of_codes else numbers
            raise ValueError(f"MaskedPrediction: {given} outputs for each patch; expected {expected}")
        if self.of_codes:
            return said.reshape(*true.shape, given // numbers), true
        return said, true.astype(said.dtype, copy=False)

    def backward(self, dloss: Scalar, cache: MaskedPredictionCache) -> Float[ndarray, "B N outputs"]:
        asked, c_loss = cache
        (dsaid,) = cross_entropy_backward(dloss, c_loss) if self.of_codes else mse_backward(dloss, c_loss)  # type: ignore
        dsaid = dsaid.reshape(len(dsaid), -1)  # forward: said.reshape(*true.shape, given // numbers)
        doutputs = np.zeros_like(dsaid, shape=(*asked.shape, dsaid.shape[-1]))
        doutputs[asked] = dsaid  # forward: outputs[asked]
        return doutputs

    def score(self, outputs: Float[ndarray, "B N outputs"], targets: AskedPatches) -> float:
        said, true = self.hidden(outputs, targets)
        if self.of_codes:
            return float(np.mean(said.argmax(-1) == true))
        return explained_variance(said, true)

    def pictures(
        self, dataset: Dataset, examples: Images, targets: AskedPatches, outputs: Float[ndarray, "B N outputs"]
    ) -> Pictures:
        from minivit import plot

        _, Y, X, C = examples.images.shape
        P, Q = pair(self.patch_size)
        true, _ = patchify_forward(examples.images.astype(np.float32), patch_size=self.patch_size)
        asked = targets.asked[..., None]

        def picture(patches: ndarray) -> ndarray:
            images, _ = unpatchify_forward(
                np.where(asked, patches, true).astype(np.float32), img_size=(Y, X), patch_size=self.patch_size
            )
            return np.clip(np.round(images), 0, 255).astype(np.uint8)

        def painted(said: ndarray) -> ndarray:
            """Outputs as patches of pixels from 0 to 255."""
            if self.of_codes:
                side = SMALL if self.target == "downsized" else 1
                codes = said.reshape(*said.shape[:2], side, side, LEVELS**C).argmax(-1)
                colors = colors_of(codes, channels=C).repeat(P // side, 2).repeat(Q // side, 3)
            else:
                std = np.array([s or 1.0 for s in dataset.std])  # as normalize divides
                numbers = said.reshape(*said.shape[:2], *((P, Q) if self.target == "pixels" else (1, 1)), C)
                colors = 255 * np.broadcast_to(numbers * std + np.array(dataset.mean), (*said.shape[:2], P, Q, C))
            return colors.reshape(true.shape)

        hidden, guessed = picture(np.zeros_like(true)), picture(painted(outputs))
        return {"reconstructions": lambda: plot.reconstructions(examples.images[:8], hidden[:8], guessed[:8])}
