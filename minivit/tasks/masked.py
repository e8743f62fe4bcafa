"""What is on the patches that cannot be seen?"""

from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.data.dataset import Dataset
from minivit.data.examples import Images
from minivit.ops.losses import MseCache, mse_backward, mse_forward
from minivit.ops.patches import patchify_forward, unpatchify_forward
from minivit.tasks.task import Normalize, Pictures, Task
from minivit.types import Bool, Float, Rate, Scalar, Size, ndarray


class Masked(NamedTuple):
    """Targets of :class:`MaskedPatches`: all patches, and which of them the model has not seen."""

    patches: Float[ndarray, "B N D"]
    mask: Bool[ndarray, "B N"]


class MaskedPatchesCache(NamedTuple):
    """What ``MaskedPatches.backward`` needs."""

    mask: Bool[ndarray, "B N"]
    loss: MseCache


class MaskedPatches(Task):
    """Squared error of the masked patches, a mean over these, whichever images they are on.

    Inputs are the images and a mask (B, N) that is True where the model must not look; outputs (B, N, D), a patch of
    pixels for every token. The score is the share of the variance of the masked patches that the outputs explain; nan
    where there is no variance.

    Parameters
    ----------
    patch_size : int or (rows, columns)
        Of the model.
    mask_ratio : float
        Share of the patches of each image that are masked, at random; at least one is.

    References
    ----------
    He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners", section 3.
    """

    kind = Images
    loss_name = "squared error of masked pixels"
    score_name = "explained variance"

    @checked
    def __init__(self, patch_size: Size, *, mask_ratio: Rate = 0.75) -> None:
        self.patch_size, self.mask_ratio = patch_size, mask_ratio

    def draw(
        self, examples: Images, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[tuple[Float[ndarray, "B Y X C"], Bool[ndarray, "B N"]], Masked]:
        self.check(examples)
        images = normalize(examples.images)
        patches, _ = patchify_forward(images, patch_size=self.patch_size)
        B, N, _ = patches.shape
        rng = np.random.default_rng(0) if rng is None else rng
        order = rng.random((B, N)).argsort(axis=1)  # of each image, a random order of its patches
        mask = order < max(1, round(N * self.mask_ratio))
        return (images, mask), Masked(patches, mask)

    def over(self, targets: Masked) -> int:
        return int(targets.mask.sum())

    def forward(self, outputs: Float[ndarray, "B N D"], targets: Masked) -> tuple[Scalar, MaskedPatchesCache]:
        loss, c_loss = mse_forward(*self.hidden(outputs, targets))
        return loss, MaskedPatchesCache(targets.mask, c_loss)

    def hidden(self, outputs: Float[ndarray, "B N D"], targets: Masked) -> tuple[ndarray, ndarray]:
        """What the model says of the masked patches, and what is on them."""
        patches, mask = targets
        if outputs.shape != patches.shape:
            raise ValueError(
                f"MaskedPatches: outputs have shape {outputs.shape}; expected {patches.shape}, "
                f"a number for each pixel of patches of size {self.patch_size}"
            )
        if not mask.any():
            raise ValueError("MaskedPatches: no patch is masked; expected one at least")
        return outputs[mask], patches[mask]

    def backward(self, dloss: Scalar, cache: MaskedPatchesCache) -> Float[ndarray, "B N D"]:
        (dhidden,) = mse_backward(dloss, cache.loss)
        doutputs = np.zeros_like(dhidden, shape=(*cache.mask.shape, dhidden.shape[-1]))
        doutputs[cache.mask] = dhidden  # forward: outputs[mask]
        return doutputs

    def score(self, outputs: Float[ndarray, "B N D"], targets: Masked) -> float:
        return explained_variance(*self.hidden(outputs, targets))

    def pictures(
        self, dataset: Dataset, examples: Images, targets: Masked, outputs: Float[ndarray, "B N D"]
    ) -> Pictures:
        from minivit import plot

        def pixels(patches: ndarray) -> ndarray:
            _, Y, X, _ = examples.images.shape
            images, _ = unpatchify_forward(patches, img_size=(Y, X), patch_size=self.patch_size)
            std = [s or 1.0 for s in dataset.std]  # as normalize divides
            shares = images * np.array(std, images.dtype) + np.array(dataset.mean, images.dtype)
            return np.clip(np.round(255 * shares), 0, 255).astype(np.uint8)

        hidden = targets.mask[..., None]
        seen = pixels(np.where(hidden, 0, targets.patches))
        guessed = pixels(np.where(hidden, outputs, targets.patches))
        return {"reconstructions": lambda: plot.reconstructions(examples.images[:8], seen[:8], guessed[:8])}


def explained_variance(said: Float[ndarray, "M D"], true: Float[ndarray, "M D"]) -> float:
    """The share of the variance of each column that is explained, of all together; nan where there is none.

    In float64: the mean of many equal float32 numbers is not quite one of them, and would leave a variance.
    """
    true = true.astype(np.float64)
    variation = np.square(true - true.mean(0)).sum()
    return float(1 - np.square(said - true).sum() / variation) if (true != true[0]).any() else np.nan
