"""What is on the patches that cannot be seen?"""

from typing import NamedTuple

import numpy as np

from minivit.ops.losses import mse_backward, mse_forward
from minivit.tasks.task import Task, share_of
from minivit.types import Bool, Float, ndarray


class Masked(NamedTuple):
    """Targets of :class:`MaskedPatches`: all patches, and which of them the model has not seen."""

    patches: Float[ndarray, "B N D"]
    mask: Bool[ndarray, "B N"]


class MaskedPatches(Task):
    """Squared error of the masked patches, a mean over these, whichever images they are on.

    Outputs are (B, N, D), a patch of pixels for every token. The score is the share of the variance of the masked
    patches that the outputs explain.

    Source: He et al. 2022, "Masked Autoencoders Are Scalable Vision Learners", section 3.
    """

    def over(self, targets: Masked) -> float:
        return int(targets.mask.sum())

    def forward(self, outputs: Float[ndarray, "B N D"], targets: Masked, over: float) -> tuple[float, tuple]:
        patches, mask = targets
        count = int(mask.sum())
        if count == 0:
            return 0.0, (outputs, mask, None, None)
        loss, c_loss = mse_forward(outputs[mask], patches[mask])
        return float(loss) * (count / over), (outputs, mask, c_loss, share_of(count, over, outputs.dtype))

    def backward(self, cache: tuple) -> Float[ndarray, "B N D"]:
        outputs, mask, c_loss, share = cache
        doutputs = np.zeros_like(outputs)
        if mask.any():
            doutputs[mask] = mse_backward(share, c_loss).x  # forward: outputs[mask]
        return doutputs

    def score(self, outputs: Float[ndarray, "B N D"], targets: Masked) -> float:
        patches, mask = targets
        hidden = patches[mask]
        return float(1 - np.square(outputs[mask] - hidden).sum() / np.square(hidden - hidden.mean(0)).sum())
