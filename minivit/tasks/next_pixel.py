"""Which colour comes next?"""

from dataclasses import replace
from math import log, prod
from typing import Any, NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.data.dataset import Dataset
from minivit.data.examples import Images
from minivit.ops.losses import CrossEntropyCache, cross_entropy_backward, cross_entropy_forward
from minivit.tasks.task import Normalize, Task
from minivit.types import Float, Int, Scalar, ndarray

MOST_LOGITS = 2**25
"""For a test: as many images as have no more."""


class NextPixelCache(NamedTuple):
    """What ``NextPixel.backward`` needs."""

    shape: tuple[int, ...]
    loss: CrossEntropyCache


class NextPixel(Task):
    r"""Cross-entropy of the colour of each pixel, given those before it, row by row: a mean over pixels, in nats.

    .. math:: L = -\frac{1}{BN} \sum_{b, n} \log p(x_{bn} \mid x_{b1}, \dots, x_{b, n-1})

    Inputs are tokens (B, N), the start token and the codes of all pixels but the last; outputs are logits (B, N, K);
    targets are the codes of all pixels. So every place is trained at once, with the true pixels before it.

    Where all of K colours are equally likely, the loss is log K nats. The score is the share of that which a model
    saves, 1 - loss / log K. Divided by log 2, nats are bits, and those of a pixel divided by its channels what others
    call bits per dimension; mind that they are bits of the palette's colours, which are fewer than those of 8 bits.

    Images are encoded by the model's palette, which :meth:`begin` finds in the images to train on; normalisation and
    augmentation have no part in it.

    Parameters
    ----------
    model : minivit.models.ImageGPT, optional
        Whose palette encodes, for those who train without :class:`minivit.train.Trainer`.

    References
    ----------
    Chen et al. 2020, "Generative Pretraining from Pixels", section 3.1, equations 1 and 2.
    """

    kind = Images
    loss_name = "cross-entropy of a pixel (nats)"
    score_name = "share of bits saved"

    def __init__(self, model: Any = None) -> None:
        self.model = model

    def begin(self, model: Any, dataset: Dataset) -> None:
        """Find the model's palette in the images to train on, and encode with it from now on."""
        model.fit_colors(dataset.train.images)
        self.model = model

    def prepared(self, dataset: Dataset, *, normalize: Normalize) -> Dataset:
        """With as many of the first images to test on as there is room for: outputs are large."""
        most = max(1, MOST_LOGITS // (prod(self.model.img_size) * self.model.start))
        return replace(dataset, test=dataset.test.take(slice(most)))

    def draw(
        self, examples: Images, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[Int[ndarray, "B N"], Int[ndarray, "B N"]]:
        self.check(examples)
        if self.model is None:
            raise ValueError("NextPixel: there is no palette to encode images with; expected NextPixel(model)")
        codes = self.model.encode(examples.images)
        return self.model.inputs_of(codes), codes

    def over(self, targets: Int[ndarray, "B N"]) -> int:
        return targets.size

    @checked
    def forward(
        self, outputs: Float[ndarray, "B N colors"], targets: Int[ndarray, "B N"]
    ) -> tuple[Scalar, NextPixelCache]:
        loss, c_loss = cross_entropy_forward(outputs.reshape(-1, outputs.shape[2]), targets.reshape(-1))
        return loss, NextPixelCache(outputs.shape, c_loss)

    def backward(self, dloss: Scalar, cache: NextPixelCache) -> Float[ndarray, "B N colors"]:
        (doutputs,) = cross_entropy_backward(dloss, cache.loss)
        return doutputs.reshape(cache.shape)

    @checked
    def score(self, outputs: Float[ndarray, "B N colors"], targets: Int[ndarray, "B N"]) -> float:
        colors = outputs.shape[2]
        if colors == 1:  # there is nothing to be said
            return 1.0
        return 1 - float(self.forward(outputs, targets)[0]) / log(colors)
