"""Which two views are of the same image?"""

from typing import NamedTuple

import numpy as np

from minivit.checked import checked
from minivit.data.dataset import Dataset
from minivit.data.examples import Images
from minivit.ops.contrastive import InfoNceCache, info_nce_backward, info_nce_forward, unit_norm_forward
from minivit.tasks.task import Augment, Normalize, Pictures, Task
from minivit.types import Float, Scalar, Temperature, ndarray


class ContrastiveCache(NamedTuple):
    """Caches of the two directions."""

    there: InfoNceCache
    back: InfoNceCache


class Contrastive(Task):
    """InfoNCE between the two views of each image, in both directions; it couples the whole batch.

    Inputs are (B, 2, Y, X, C), two views of each image; outputs (B, 2, D), what the model makes of them. There are no
    targets: any array or list of B entries. The score is the share of views whose most similar one is the other view of
    their image.

    Parameters
    ----------
    augment : function of pixels and a random generator
        What makes a view of an image: ``functools.partial(random_crop_flip, padding=4)``.
    temperature : float
        See :func:`minivit.ops.info_nce_forward`.

    References
    ----------
    van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding"; both directions as in
    Radford et al. 2021, "CLIP", section 2.3.
    """

    coupled = True
    kind = Images
    loss_name = "InfoNCE (nats)"
    score_name = "accuracy of the most similar view"

    @checked
    def __init__(self, augment: Augment, *, temperature: Temperature = 0.1) -> None:
        self.augment, self.temperature = augment, temperature

    def draw(
        self, examples: Images, *, normalize: Normalize, rng: np.random.Generator | None = None
    ) -> tuple[Float[ndarray, "B 2 Y X C"], range]:
        self.check(examples)
        rng = np.random.default_rng(0) if rng is None else rng
        views = [normalize(self.augment(examples.images, rng)) for _ in range(2)]
        return np.stack(views, axis=1), range(len(examples))

    @checked
    def forward(self, outputs: Float[ndarray, "B 2 D"], targets: object) -> tuple[Scalar, ContrastiveCache]:
        first, second = outputs[:, 0], outputs[:, 1]
        there, c_there = info_nce_forward(first, second, temperature=self.temperature)
        back, c_back = info_nce_forward(second, first, temperature=self.temperature)
        return (there + back) / 2, ContrastiveCache(c_there, c_back)

    def backward(self, dloss: Scalar, cache: ContrastiveCache) -> Float[ndarray, "B 2 D"]:
        half = dloss / 2  # forward: (there + back) / 2
        dfirst, dsecond = info_nce_backward(half, cache.there)
        dsecond_too, dfirst_too = info_nce_backward(half, cache.back)
        return np.stack((dfirst + dfirst_too, dsecond + dsecond_too), axis=1)

    @checked
    def score(self, outputs: Float[ndarray, "B 2 D"], targets: object) -> float:
        similarity, own = similarities(outputs), np.arange(len(outputs))
        return float(np.mean([similarity.argmax(0) == own, similarity.argmax(1) == own]))

    def pictures(
        self, dataset: Dataset, examples: Images, targets: object, outputs: Float[ndarray, "B 2 D"]
    ) -> Pictures:
        from minivit import plot

        return {"similarity_matrix": lambda: plot.similarity_matrix(similarities(outputs))}


def similarities(outputs: Float[ndarray, "B 2 D"]) -> Float[ndarray, "B B"]:
    """Cosines between the first view of each image (row) and the second view of each (column)."""
    units, _ = unit_norm_forward(outputs)
    return units[:, 0] @ units[:, 1].T
