"""Sounds and an AST that train in milliseconds."""

from typing import Any

import numpy as np

from minivit.data import Dataset, LabeledSounds
from minivit.models import AST
from minivit.train import Recipe, Trainer

SMALL_AST: dict[str, Any] = {"n_mels": 12, "patch_size": 4, "stride": 3, "embed_dim": 16, "depth": 1, "num_heads": 2}


def small_sounds(n: int = 24, length: int = 600) -> Dataset[LabeledSounds]:
    """A deep and a high tone, at 8 kHz: seven frames a sound."""
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 2
    phase = rng.uniform(0, 2 * np.pi, n)[:, None] + 2 * np.pi * np.arange(length) * np.where(labels, 0.3, 0.05)[:, None]
    waves = (8_000 * np.sin(phase) + 500 * rng.standard_normal((n, length))).astype(np.int16)
    examples = LabeledSounds(waves, labels)
    return Dataset("tones", examples, examples, ("a", "b"), sr=8_000)


def small_sound_trainer(dataset: Dataset | None = None, **choices: Any) -> Trainer:
    recipe = {"model": "ast_tiny_patch16_64x98", "options": SMALL_AST, "epochs": 2, "batch_size": 8}
    return Trainer(Recipe(**{**recipe, **choices}), dataset or small_sounds(), threads=1)


def model_of(trainer: Trainer) -> AST:
    assert isinstance(trainer.model, AST)
    return trainer.model
