"""Which of these frames comes so many steps later?"""

from typing import Any, NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.data.dataset import Dataset
from minivit.data.examples import Sounds
from minivit.ops.activations import sigmoid_forward
from minivit.ops.binary_cross_entropy import (
    BinaryCrossEntropyCache,
    binary_cross_entropy_backward,
    binary_cross_entropy_forward,
)
from minivit.ops.future import (
    FutureLogitsCache,
    future_logits_backward,
    future_logits_forward,
    future_pairs,
    other_frames,
)
from minivit.tasks.task import Normalize, Pictures, Task, part_of
from minivit.types import Float, Int, Positive, Scalar, ndarray

AT_ONCE = 16
"""Sounds that are scored at a time: what a whole test set needs for it is ten times what the model has made of it."""


class FutureCache(NamedTuple):
    """What ``Future.backward`` needs: the outputs, of whose kind their gradients are."""

    outputs: Any
    logits: FutureLogitsCache
    loss: BinaryCrossEntropyCache


class Future(Task):
    r"""Tell the frame that comes n steps later from distractors, other frames of the same sound: logistic loss, a mean
    over all frames that are asked about, true ones and distractors.

    .. math:: -\log \sigma(z_{t+n} \cdot h_n(c_t)) - \sum_{m=1}^{N} \log \sigma(-z_{d_m} \cdot h_n(c_t))

    for each of K steps n and each t (K is the model's), divided by N + 1. Every step and every frame counts as much as
    any other; in the paper, too, the distractors together weigh as N true frames.

    Inputs are waves (B, samples); outputs have fields ``z`` (B, T, D) and ``h`` (B, T, K, D), as those of
    :class:`minivit.models.Wav2Vec`; targets are a seed (B,) for the distractors of each sound. The score is the share
    of predictions that fit the true frame better than every distractor; by chance it is 1 / (1 + N).

    Parameters
    ----------
    num_negatives : int
        N, distractors for each frame. They are drawn uniformly from all other frames of the sound, and all steps that
        are about a frame share them. In the paper the true frame may be drawn, too; fairseq means to leave it out, but
        lays its draws out in another order than it has drawn them for, and so it may come up there as well.
    offset : int
        n of the nearest step. In the paper it is 1; fairseq begins where a frame shares no sample with the present one,
        which is step 3 for the published kernels and strides. (:class:`minivit.train.Trainer` asks the model for it.)

    References
    ----------
    Schneider et al. 2019, "wav2vec: Unsupervised Pre-training for Speech Recognition", section 2.2.
    """

    kind = Sounds
    loss_name = "logistic loss (nats)"
    score_name = "true frames found"

    @checked
    def __init__(self, *, num_negatives: Positive = 10, offset: Positive = 3) -> None:
        self.num_negatives, self.offset = num_negatives, offset

    def draw(
        self, examples: Sounds, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B samples"], Int[ndarray, " B"]]:
        self.check(examples)
        rng = np.random.default_rng(0) if rng is None else rng
        return normalize(examples.waves), rng.integers(2**63, size=len(examples))

    def model_options(self, dataset: Dataset) -> dict[str, Any]:
        return {}

    def forward(self, outputs: Any, targets: Int[ndarray, " B"]) -> tuple[Scalar, FutureCache]:
        logits, c_logits = self.logits(outputs, targets)
        truth = np.zeros_like(logits)
        truth[..., 0] = 1
        loss, c_loss = binary_cross_entropy_forward(logits, truth)
        return loss, FutureCache(outputs, c_logits, c_loss)

    def logits(self, outputs: Any, targets: Int[ndarray, " B"]) -> tuple[Float[ndarray, "B P M"], FutureLogitsCache]:
        """How well each thing said fits the true frame, which comes first, and the distractors."""
        chosen = distractors(targets, outputs.z.shape[1], self.num_negatives)
        return future_logits_forward(outputs.h, outputs.z, chosen, offset=self.offset)

    def backward(self, dloss: Scalar, cache: FutureCache) -> Any:
        (dlogits,) = binary_cross_entropy_backward(dloss, cache.loss)
        dh, dz = future_logits_backward(dlogits, cache.logits)
        nothing = {name: np.zeros_like(output) for name, output in cache.outputs._asdict().items()}
        return type(cache.outputs)(**{**nothing, "h": dh, "z": dz})

    def score(self, outputs: Any, targets: Int[ndarray, " B"]) -> float:
        parts = [slice(start, start + AT_ONCE) for start in range(0, len(targets), AT_ONCE)]
        right = [found(self.logits(part_of(outputs, part), targets[part])[0]) for part in parts]
        return float(np.concatenate(right).mean())

    def pictures(self, dataset: Dataset, examples: Sounds, targets: Int[ndarray, " B"], outputs: Any) -> Pictures:
        from minivit import plot

        right = found(self.logits(outputs, targets)[0])
        steps, _ = future_pairs(outputs.h.shape[1], outputs.h.shape[2], self.offset)
        shares = [float(right[:, steps == k].mean()) for k in np.unique(steps)]
        first, _ = sigmoid_forward(outputs.h[0, :, 0] @ outputs.z[0].T)
        return {
            "steps_ahead": lambda: plot.steps_ahead(shares, self.offset, chance=1 / (1 + self.num_negatives)),
            "foretold": lambda: plot.foretold(first, self.offset),
        }


def found(logits: Float[ndarray, "B P M"]) -> ndarray:
    """Whether the true frame, which comes first, fits better than all others: not, if one fits as well."""
    return logits[..., 0] > logits[..., 1:].max(-1)


def distractors(seeds: Int[ndarray, " B"], frames: int, count: int) -> Int[ndarray, "B T N"]:
    """For each frame of each sound ``count`` other frames of the same sound, drawn from the seed of that sound.

    Raises
    ------
    ValueError
        If there are no other frames.
    """
    if frames < 2:
        raise ValueError(f"distractors: there are {frames} frames in a sound; expected at least 2")
    drawn = [np.random.default_rng(seed).integers(frames - 1, size=(frames, count)) for seed in seeds]
    return other_frames(np.reshape(drawn, (len(seeds), frames, count)).astype(np.intp))
