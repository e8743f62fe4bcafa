"""The loss of DeiT: what ``DistillationLoss`` in its code says, github.com/facebookresearch/deit, commit 7e160fe."""

# pyright: reportMissingImports=false

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from timm.loss import LabelSmoothingCrossEntropy
from torch import Tensor

SOFT = {"alpha": 0.4, "temperature": 3.0, "label_smoothing": 0.1}
HARD = {"alpha": 0.3, "label_smoothing": 0.2}


def deit_loss(record: Callable[..., None]) -> None:
    """Soft and hard, and for a model with a single head; the base loss is timm's, as in its main.py."""
    torch.manual_seed(9)
    heads = {name: torch.randn(4, 6, requires_grad=True) for name in ("class", "distillation")}
    teacher, labels = 2 * torch.randn(4, 6), torch.tensor([0, 5, 2, 2])

    def soft(student: Tensor) -> Tensor:
        tau = SOFT["temperature"]
        log_probs, said = (F.log_softmax(logits / tau, dim=1) for logits in (student, teacher))
        return F.kl_div(log_probs, said, reduction="sum", log_target=True) * (tau * tau) / student.numel()

    def hard(student: Tensor) -> Tensor:
        return F.cross_entropy(student, teacher.argmax(dim=1))

    def whole(distil: Callable[[Tensor], Tensor], head: str, options: dict[str, float]) -> Tensor:
        base = LabelSmoothingCrossEntropy(smoothing=options["label_smoothing"])(heads["class"], labels)
        return base * (1 - options["alpha"]) + distil(heads[head]) * options["alpha"]

    record(
        "deit_loss",
        lambda: {
            "soft": whole(soft, "class", SOFT),
            "hard": whole(hard, "class", HARD),
            "soft_token": whole(soft, "distillation", SOFT),
            "hard_token": whole(hard, "distillation", HARD),
        },
        heads,
        constants={"teacher": teacher, "labels": labels},
        options={"soft": SOFT, "hard": HARD},
    )
