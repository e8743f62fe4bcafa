"""Which caption belongs to which image? A CLIP is trained on scenes, and asked for what it was never trained on.

    python experiments/matching.py speed      # seconds per step, on a machine that does nothing else
    python experiments/matching.py train      # fifteen minutes for each run that there is not yet
    python experiments/matching.py            # the tables

It writes results/matching_speed.json and matching.json. A run draws scenes of its own, of one to four objects on 64
x 64 pixels, and trains ``clip_resnet_tiny_64``; ``by_epoch`` has its zero-shot scores after each epoch.

``image_to_text`` and ``text_to_image``: among 100 test scenes with different captions, the share of images whose own
caption is the most similar, and of captions whose own image is. ``zero_shot``: the share of the images of the data set
``shapes``, resized to 64 x 64, that are told by sentences alone ("a red circle", averaged over the colours), and
``zero_shot_small`` of the same, 40 x 40 and in the middle of a picture whose border repeats their edge: there shapes
are as large as in scenes. Chance is 0.01, and 0.1 of shapes.
"""

import sys
from dataclasses import replace
from typing import Any

import numpy as np
import on_scenes
from cifar import blind
from numpy import ndarray
from record import record, runs_of, spread
from timed import THREADS, epochs_in, seconds_of

from minivit.data import Dataset, encode_captions, one_object_captions, scenes, shapes
from minivit.data.image_file import fit_image
from minivit.models.clip import CLIP
from minivit.tasks.match import different_captions, retrieval
from minivit.train import Recipe, Trainer, predict
from minivit.train.matching import class_vectors, zero_shot
from minivit.train.recipes import recipe_of

MODEL, SIZE, SMALL = "clip_resnet_tiny_64", 64, 40
SCENES: dict[str, Any] = {"n_train": 15_000, "n_test": 500}
SETTINGS: dict[str, Any] = {"minutes": 15, **SCENES, "n_shapes": 1_000}
SEEDS = (0, 1, 2)
SHAPES_TOLD = "zero_shot", "zero_shot_small"


def recipe_for(**choices: Any) -> Recipe:
    """That of ``minivit train --task match``."""
    return recipe_of("scenes", model=MODEL, **choices)


def measure_speed() -> None:
    """Seconds per step."""
    on_scenes.measure_speed("matching", SCENES, {MODEL: {}}, recipe_for)


def measure_training() -> None:
    """Retrieval and zero-shot classification after fifteen minutes."""
    about = {"command": "python experiments/matching.py train", "settings": SETTINGS, "threads": THREADS}
    record("matching", about, ({"seed": seed} for seed in SEEDS), measure)


def measure(*, seed: int) -> dict[str, Any]:
    """Train, then find captions, images, and classes."""
    data = scenes(**SCENES, seed=seed)
    recipe = recipe_for(seed=seed)
    epochs = epochs_in(SETTINGS["minutes"], recipe, len(data.train), seconds_of("matching", net=MODEL))
    trainer = Trainer(replace(recipe, epochs=epochs), blind(data), threads=THREADS)
    rows = [scores(trainer, data, seed=seed) for row in trainer.run() if row.test_score is not None]
    return {**rows[-1], "by_epoch": {name: [row[name] for row in rows] for name in SHAPES_TOLD}}


def scores(trainer: Trainer, data: Dataset, *, seed: int) -> dict[str, Any]:
    """Of captions, images and classes that are found."""
    model: Any = trainer.model
    words = trainer.dataset.class_names
    tokens = encode_captions(data.test.captions, words, length=model.max_length)
    outputs = predict(model, (trainer.normalize(data.test.images), tokens))
    first = different_captions(tokens)
    there, back = retrieval(outputs.image[first], outputs.text[first])
    found = {"image_to_text": round(there, 4), "text_to_image": round(back, 4), "among": len(first)}
    classes = class_vectors(model, one_object_captions(), words)
    test = shapes(1, SETTINGS["n_shapes"], seed=seed).test
    for name, side in zip(SHAPES_TOLD, (SIZE, SMALL), strict=True):
        found[name] = told(model, trainer.normalize(in_size(test.images, side)), classes, test.labels)
    return {"steps": trainer.step, **found, "scale": round(float(np.exp(model.logit_scale.value)), 2)}


def told(model: CLIP, images: ndarray, classes: ndarray, labels: ndarray) -> float:
    """The share of images whose class has the most similar vector."""
    return round(float(np.mean(zero_shot(model, images, classes) == labels)), 4)


def in_size(images: ndarray, side: int) -> ndarray:
    """Images in this size, in the middle of one of 64 x 64 pixels, whose border repeats their edge."""
    border = (SIZE - side) // 2
    large = np.stack([fit_image(image, (side, side)) for image in images])
    return np.pad(large, ((0, 0), (border, border), (border, border), (0, 0)), mode="edge")


def table() -> str:
    """Mean and standard deviation over the seeds."""
    runs = runs_of("matching")
    words = {
        "image_to_text": "the caption of an image, among 100",
        "text_to_image": "the image of a caption, among 100",
        "zero_shot": "shapes by sentences alone, enlarged to the whole image",
        "zero_shot_small": "shapes by sentences alone, as large as in scenes",
    }
    lines = ["| | found at once |", "|---|---:|"]
    lines += [f"| {text} | {spread([run[name] for run in runs])} |" for name, text in words.items()]
    return "\n".join(lines)


def curve() -> str:
    """Enlarged shapes that are told by sentences alone, in percent, after each epoch."""
    runs = {run["seed"]: run["by_epoch"]["zero_shot"] for run in runs_of("matching")}
    epochs = range(1, 1 + max(map(len, runs.values())))
    lines = [f"| after epoch | {' | '.join(map(str, epochs))} |", "|---" + "|---:" * len(epochs) + "|"]
    lines += [f"| seed {seed} | {' | '.join(f'{100 * share:.0f}' for share in told)} |" for seed, told in runs.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:]:
        {"speed": measure_speed, "train": measure_training}[sys.argv[1]]()
    else:
        print(table(), curve(), sep="\n\n")
