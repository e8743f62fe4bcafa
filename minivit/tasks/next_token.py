"""Which token comes next?"""

from typing import Any, NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.data.dataset import Dataset
from minivit.data.examples import Images
from minivit.data.sequences import END, PAD, START, CaptionedImages, Sequences
from minivit.layers.layer import Layer
from minivit.ops.losses import CrossEntropyCache, cross_entropy_backward, cross_entropy_forward, least_cross_entropy
from minivit.tasks.task import Normalize, Task
from minivit.types import Bool, Float, Int, Positive, Scalar, Share, ndarray


class NextTokenCache(NamedTuple):
    """What ``NextToken.backward`` needs: in which places there is a token."""

    real: Bool[ndarray, "B T"]
    loss: CrossEntropyCache


class NextToken(Task):
    """Cross-entropy of each token, given those before it: a mean over tokens, in whichever sequences; the score is the
    share of sequences in which every token is right.

    Inputs are the source, tokens (B, S) or images, and the target but for its last place, (B, T); outputs are logits
    (B, T, V), each of which may depend on the source and on the target up to its place; targets are the target but for
    its first place, (B, T). So every place is trained at once, with the true tokens before it ("teacher forcing").
    Padding has no say.

    The score, too, is taken with the true tokens before each place. It is that of :func:`greedy` decoding nonetheless:
    where all tokens are right, the model's own tokens before each place are the true ones; and the first that is wrong
    is wrong in both.

    Parameters
    ----------
    label_smoothing : float
        See :func:`minivit.ops.cross_entropy_forward`; 0.1 in the paper.

    References
    ----------
    Williams and Zipser 1989, "A Learning Algorithm for Continually Running Fully Recurrent Neural Networks" (teacher
    forcing); Vaswani et al. 2017, "Attention Is All You Need", sections 3.1 and 5.4.
    """

    kind = Sequences | CaptionedImages
    loss_name = "cross-entropy of a token (nats)"
    score_name = "sequences right"

    @checked
    def __init__(self, *, label_smoothing: Share = 0.0) -> None:
        self.label_smoothing = label_smoothing

    def draw(
        self, examples: Sequences | CaptionedImages, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[tuple[ndarray, Int[ndarray, "B T"]], Int[ndarray, "B T"]]:
        self.check(examples)
        source = normalize(examples.images) if isinstance(examples, Images) else examples.source
        return (source, examples.target[:, :-1]), examples.target[:, 1:]

    def model_options(self, dataset: Dataset) -> dict[str, Any]:
        images = super().model_options(dataset) if isinstance(dataset.train, Images) else {}
        return images | {"vocab_size": len(dataset.class_names)}

    def over(self, targets: Int[ndarray, "B T"]) -> int:
        return int((targets != PAD).sum())

    @checked
    def forward(self, outputs: Float[ndarray, "B T V"], targets: Int[ndarray, "B T"]) -> tuple[Scalar, NextTokenCache]:
        real = targets != PAD
        loss, c_loss = cross_entropy_forward(outputs[real], targets[real], label_smoothing=self.label_smoothing)
        return loss, NextTokenCache(real, c_loss)

    def backward(self, dloss: Scalar, cache: NextTokenCache) -> Float[ndarray, "B T V"]:
        (dreal,) = cross_entropy_backward(dloss, cache.loss)
        doutputs = np.zeros_like(dreal, shape=(*cache.real.shape, dreal.shape[-1]))
        doutputs[cache.real] = dreal  # forward: outputs[real]
        return doutputs

    @checked
    def score(self, outputs: Float[ndarray, "B T V"], targets: Int[ndarray, "B T"]) -> float:
        right = (outputs.argmax(-1) == targets) | (targets == PAD)
        return float(right.all(1).mean())

    def least_loss(self, dataset: Dataset) -> float:
        """That of a model which says for every token exactly what the smoothed targets say, their entropy."""
        return least_cross_entropy(len(dataset.class_names), self.label_smoothing)


@checked
def greedy(model: Layer, source: ndarray, *, length: Positive) -> Int[ndarray, "B T"]:
    """What a model writes when it takes the likeliest token each time: start, tokens, end, then padding.

    All that is written runs through the model again for each token, and the source, too: plain, and wasteful. For T
    tokens the model computes 1 + 2 + ... + T = T (T + 1) / 2 places, of which all but T were computed before. Where
    each layer keeps its keys and values (a "KV cache"), one new place per token is enough.

    Parameters
    ----------
    model : Layer
        Takes (source, tokens before) and gives logits (B, T, V), as for :class:`NextToken`.
    source : tokens (B, S), or images (B, Y, X, C) as the model sees them
    length : int
        Of the rows that are returned, start included; what is not at its end by then stops.
    """
    written = np.full((len(source), 1), START)
    for _ in range(length - 1):
        logits, _ = model.forward(source, written)
        token = logits[:, -1].argmax(-1)
        over = (written[:, -1] == END) | (written[:, -1] == PAD)
        written = np.concatenate((written, np.where(over, PAD, token)[:, None]), axis=1)
    return written
