"""Which of the classes is on the image?"""

from typing import Any

import numpy as np

from minivit.checked import check_range, check_type
from minivit.ops.losses import CrossEntropyCache, cross_entropy_backward, cross_entropy_forward
from minivit.tasks.task import Task
from minivit.types import Float, Scalar, ndarray


class Classification(Task):
    """Cross-entropy of logits (B, classes), a mean over images; the score is the share of right answers.

    Targets are class numbers (B,) or soft targets (B, classes).
    """

    def __init__(self, *, label_smoothing: float = 0.0) -> None:
        check_range("label_smoothing", label_smoothing, at_least=0, below=1)
        self.label_smoothing = label_smoothing

    def over(self, targets: Any) -> int:
        check_type("labels", targets, ndarray)
        return len(targets)

    def forward(self, outputs: Float[ndarray, "B classes"], targets: ndarray) -> tuple[Scalar, CrossEntropyCache]:
        return cross_entropy_forward(outputs, targets, label_smoothing=self.label_smoothing)

    def backward(self, dloss: Scalar, cache: CrossEntropyCache) -> Float[ndarray, "B classes"]:
        (dlogits,) = cross_entropy_backward(dloss, cache)
        return dlogits

    def score(self, outputs: Float[ndarray, "B classes"], targets: ndarray) -> float:
        labels = targets if targets.ndim == 1 else targets.argmax(-1)
        return float(np.mean(outputs.argmax(-1) == labels))
