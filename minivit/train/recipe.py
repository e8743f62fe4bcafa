"""What a training is made of, but for its examples."""

from dataclasses import dataclass, field, fields
from math import inf
from typing import Any

from minivit import tasks
from minivit.checked import check_type, plain
from minivit.json_text import to_json, tuples
from minivit.models.model import PRESETS
from minivit.tasks import NAMED
from minivit.tasks.task import Task
from minivit.train.randaugment import MOST_LAYERS, MOST_MAGNITUDE

# What each number must be beside its type, and how to say it.
LIMITS = (
    ("epochs", lambda n: n >= 1, "at least 1"),
    ("batch_size", lambda n: n >= 1, "at least 1"),
    ("lr", lambda x: 0 < x < inf, "a positive, finite number"),
    ("betas", lambda pair: all(0 <= beta < 1 for beta in pair), "two numbers from 0 to below 1"),
    ("weight_decay", lambda x: 0 <= x < inf, "0 or a positive, finite number"),
    ("warmup_epochs", lambda x: 0 <= x < inf, "0 or a positive, finite number"),
    ("label_smoothing", lambda x: 0 <= x <= 1, "a number from 0 to 1"),
    ("clip_norm", lambda x: x is None or 0 < x < inf, "a positive, finite number, or None to clip nothing"),
    ("crop_padding", lambda n: n >= 0, "0 or more"),
    ("randaugment", lambda it: it is None or 0 <= it[0] <= MOST_LAYERS, f"0 to {MOST_LAYERS} layers, or None"),
    (
        "randaugment",
        lambda it: it is None or 0 <= it[1] <= MOST_MAGNITUDE,
        f"a magnitude from 0 to {MOST_MAGNITUDE}, or None",
    ),
    ("random_erasing", lambda x: 0 <= x <= 1, "a number from 0 to 1"),
    ("mixup", lambda x: 0 <= x < inf, "0 or a positive, finite number"),
    ("cutmix", lambda x: 0 <= x < inf, "0 or a positive, finite number"),
    ("ema", lambda x: x is None or 0 <= x < 1, "a number from 0 to below 1, or None"),
    ("layer_decay", lambda x: x is None or 0 < x <= 1, "a number above 0 and at most 1, or None"),
    ("task", lambda it: it is None or it in NAMED, f"{', '.join(NAMED)}, or None"),
    ("seed", lambda n: n >= 0, "0 or more"),
    ("seed", lambda n: n < 2**64, "a number of at most 64 bits"),
)

OFF: dict[str, Any] = {
    "randaugment": None,
    "random_erasing": 0.0,
    "mixup": 0.0,
    "cutmix": 0.0,
    "ema": None,
    "init": None,
    "freeze": False,
    "layer_decay": None,
    "task": None,
}
"""Choices that runs begun before there were such things did without: their files do not name them."""


def task_for(model: str, word: str | None) -> type[Task]:
    """What a model is trained for: what this word of ``NAMED`` says, or, if it is none, what it usually is."""
    kind, _ = PRESETS[model]
    return NAMED.get(word or "") or getattr(tasks, kind.usual_task)


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the outcome of a training but the examples: model, schedule, regularisation, seed.

    ``options`` go to :func:`minivit.create_model`; ``warmup_epochs`` may be a fraction; ``clip_norm=None`` clips
    nothing. ``crop_padding`` and ``flip`` are about pixels and mirror images (:func:`minivit.train.random_crop_flip`),
    or, of sounds, about samples and signs (:func:`minivit.train.random_shift_flip`).

    ``randaugment`` are its layers and magnitude (:func:`minivit.train.randaugment`), ``random_erasing`` is the share of
    images that :func:`minivit.train.random_erasing` erases a part of, ``mixup`` and ``cutmix`` are alphas
    (:func:`minivit.train.mix`); ``ema`` is the decay of the average of the weights that is then tested and kept
    (:class:`minivit.train.WeightAverage`).

    ``init`` is the run, or the file, with whose weights the model begins (:func:`minivit.train.begin_with`); with
    ``freeze`` only its head is trained, and with ``layer_decay`` each layer has this share of the learning rate of the
    layer above it (:func:`minivit.train.by_layer`). All of these are off if not given.

    ``task`` is the word for what the model is trained for, of ``minivit.tasks.NAMED``; if not given, it is what the
    model is usually trained for.

    NumPy's numbers become Python's, so that a recipe can be written down as JSON.

    Raises
    ------
    TypeError, ValueError
        If a choice is of another type, or out of range.
    """

    model: str = "vit_tiny_patch4_32"
    options: dict[str, Any] = field(default_factory=dict)
    epochs: int = 8
    batch_size: int = 128
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    weight_decay: float = 0.05
    warmup_epochs: float = 0.5
    label_smoothing: float = 0.1
    clip_norm: float | None = 1.0
    crop_padding: int = 4
    flip: bool = True
    randaugment: tuple[int, float] | None = OFF["randaugment"]
    random_erasing: float = OFF["random_erasing"]
    mixup: float = OFF["mixup"]
    cutmix: float = OFF["cutmix"]
    ema: float | None = OFF["ema"]
    init: str | None = OFF["init"]
    freeze: bool = OFF["freeze"]
    layer_decay: float | None = OFF["layer_decay"]
    task: str | None = OFF["task"]
    seed: int = 0

    def __post_init__(self) -> None:
        for choice in fields(self):
            value = tuples(plain(getattr(self, choice.name)))
            object.__setattr__(self, choice.name, value)  # the dataclass is frozen
            check_type(choice.name, value, choice.type)
        for name, is_right, expected in LIMITS:
            if not is_right(getattr(self, name)):
                raise ValueError(f"{name} is {getattr(self, name)}; expected {expected}")
        if self.freeze and self.init is None:
            raise ValueError("freeze leaves all but the head as it is: it needs init, or the model has learned nothing")
        if self.freeze and self.layer_decay is not None:
            raise ValueError("with freeze only the head is trained; layer_decay is for models that are trained whole")
        try:
            to_json(self.options)
        except (TypeError, ValueError) as error:
            raise type(error)(f"options cannot be written down: {error}") from error
