"""Which two views are of the same image?"""

import numpy as np

from minivit.checked import check_range
from minivit.ops.contrastive import info_nce_backward, info_nce_forward
from minivit.tasks.task import Task
from minivit.types import Float, ndarray


class Contrastive(Task):
    """InfoNCE between the two views of each image, in both directions; it couples the whole batch.

    Outputs are (B, 2, D): what the model makes of the two views. There are no targets: any array or list of B entries.
    The score is the share of views whose most similar one is the other view of their image.

    Source: van den Oord et al. 2018, "Representation Learning with Contrastive Predictive Coding"; both directions as
    in Radford et al. 2021, "CLIP", section 2.3.
    """

    coupled = True

    def __init__(self, *, temperature: float = 0.1) -> None:
        check_range("temperature", temperature, above=0, below=np.inf)
        self.temperature = temperature

    def forward(self, outputs: Float[ndarray, "B 2 D"], targets: object, over: float) -> tuple[float, tuple]:
        first, second = outputs[:, 0], outputs[:, 1]
        there, c_there = info_nce_forward(first, second, temperature=self.temperature)
        back, c_back = info_nce_forward(second, first, temperature=self.temperature)
        return (float(there) + float(back)) / 2, (c_there, c_back, outputs.dtype)

    def backward(self, cache: tuple) -> Float[ndarray, "B 2 D"]:
        c_there, c_back, dtype = cache
        half = np.asarray(0.5, dtype)  # forward: (there + back) / 2
        dfirst, dsecond = info_nce_backward(half, c_there)
        dsecond_too, dfirst_too = info_nce_backward(half, c_back)
        return np.stack((dfirst + dfirst_too, dsecond + dsecond_too), axis=1)

    def score(self, outputs: Float[ndarray, "B 2 D"], targets: object) -> float:
        units = outputs / np.linalg.norm(outputs, axis=-1, keepdims=True)
        similarity = units[:, 0] @ units[:, 1].T
        own = np.arange(len(outputs))
        return float(np.mean([similarity.argmax(0) == own, similarity.argmax(1) == own]))
