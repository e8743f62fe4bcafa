"""What is on the patches that cannot be seen?"""

from typing import NamedTuple

import numpy as np

from minivit.ops.losses import MseCache, mse_backward, mse_forward
from minivit.tasks.task import Task
from minivit.types import Bool, Float, Scalar, ndarray


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

    Outputs are (B, N, D), a patch of pixels for every token. The score is the share of the variance of the masked
    patches that the outputs explain.

    Source: He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners", section 3.
    """

    def over(self, targets: Masked) -> int:
        return int(targets.mask.sum())

    def forward(self, outputs: Float[ndarray, "B N D"], targets: Masked) -> tuple[Scalar, MaskedPatchesCache]:
        patches, mask = targets
        loss, c_loss = mse_forward(outputs[mask], patches[mask])
        return loss, MaskedPatchesCache(mask, c_loss)

    def backward(self, dloss: Scalar, cache: MaskedPatchesCache) -> Float[ndarray, "B N D"]:
        (dhidden,) = mse_backward(dloss, cache.loss)
        doutputs = np.zeros((*cache.mask.shape, dhidden.shape[-1]), dhidden.dtype)
        doutputs[cache.mask] = dhidden  # forward: outputs[mask]
        return doutputs

    def score(self, outputs: Float[ndarray, "B N D"], targets: Masked) -> float:
        patches, mask = targets
        hidden = patches[mask]
        return float(1 - np.square(outputs[mask] - hidden).sum() / np.square(hidden - hidden.mean(0)).sum())
