"""What does wav2vec learn from sounds, without labels? A linear probe on its contexts, before and after training.

    python experiments/probe_sounds.py        # makes the runs that are not in results/probe_sounds.json yet

A run draws train and test sounds of its own, trains ``wav2vec_tiny`` on the train sounds, of which it is told no class,
and fits logistic regression to features that stay as they are:

- ``context``: the mean of c over time. A context has heard what led to its frame, so that a mean of contexts knows
  which way things went.
- ``frame``: the mean of z over time, of the encoder alone, which hears 58 ms at a time.
- ``log_mel``: the mean over time of 64 log-mel energies, which no training changes. The classes of these sounds differ
  by nothing but their order in time, of which this mean knows nothing.

In epoch 0 nothing is trained yet: what a net of random numbers makes of a sound is worth something, too.
"""

from typing import Any

import numpy as np
from numpy import ndarray
from record import record

from minivit import data
from minivit.data.sounds import SR
from minivit.layers import LogMel
from minivit.train import Trainer, linear_probe, predict
from minivit.train.recipes import recipe_of

EPOCHS = (0, 1, 2, 5)
"""After which the features are probed; the last is the end of the training."""

SETTINGS: dict[str, Any] = {"n_train": 6_000, "n_test": 1_500, "penalty": 1e-3, "epochs": EPOCHS}
SEEDS = (0, 1, 2, 3, 4)


def measure(*, seed: int) -> dict[str, Any]:
    """Test accuracy of the probes, and of the task itself, after each of the epochs."""
    sounds = data.sounds(SETTINGS["n_train"], SETTINGS["n_test"], seed=seed)
    recipe = recipe_of("sounds", model="wav2vec_tiny", epochs=SETTINGS["epochs"][-1], seed=seed)
    trainer = Trainer(recipe, sounds, threads=1)
    log_mel = LogMel(sr=SR, n_fft=512, hop_length=160, n_mels=64)
    found: dict[str, Any] = {"log_mel": probed(trainer, lambda waves: log_mel.forward(waves)[0].mT)}
    found |= {"context": {}, "frame": {}, "true_frames": {}}

    def note(epoch: int, score: float) -> None:
        if epoch in SETTINGS["epochs"]:
            found["context"][str(epoch)] = probed(trainer, lambda waves: predict(trainer.model, waves, threads=1).c)
            found["frame"][str(epoch)] = probed(trainer, lambda waves: predict(trainer.model, waves, threads=1).z)
            found["true_frames"][str(epoch)] = score

    note(0, trainer.test_score())
    for row in trainer.run():
        if row.test_score is not None:
            note(round(row.epoch), row.test_score)
    return found


def probed(trainer: Trainer, features_of: Any) -> float:
    """Test accuracy of logistic regression on the mean over time of features (B, T, D)."""
    (train, labels), (test, answers) = (
        (np.concatenate([features_of(trainer.normalize(part)).mean(1) for part in chunks(split.waves)]), split.labels)
        for split in (trainer.dataset.train, trainer.dataset.test)
    )
    return linear_probe(train, labels, penalty=SETTINGS["penalty"]).accuracy(test, answers)


def chunks(waves: ndarray) -> list[ndarray]:
    """A few hundred sounds at a time: what is said of all their frames takes much memory."""
    return np.array_split(waves, -(-len(waves) // 250))


if __name__ == "__main__":
    record("probe_sounds", {"settings": SETTINGS}, ({"seed": seed} for seed in SEEDS), measure)
