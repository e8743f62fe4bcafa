"""How well does a small SAM find what one click means, in scenes of one to four objects, after ten minutes?

    python experiments/clicks.py                   # makes the runs that are not in results/clicks.json yet

Each object of a test scene is clicked on once, in its middle, and the mask that the model says is best is compared with
it. Two more numbers say what a choice is worth: the IoU of the mask that is best in truth, and of the single mask after
three clicks, the second and third where the mask before is wrong.
"""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
from cifar import blind, to_the_end
from numpy import ndarray
from record import record, runs_of, spread
from timed import THREADS, epochs_in

from minivit.data import scenes
from minivit.data.clicks import mask_iou
from minivit.data.examples import Scenes
from minivit.models.model import Model
from minivit.tasks.prompt import Prompt, Prompted, grown, said_and_true
from minivit.tasks.task import Normalize
from minivit.train import Recipe, Trainer, predict
from minivit.train.recipes import OF_MODELS

MODEL = "sam_tiny_patch4_64"
MINUTES = 10
SECONDS_PER_STEP = 0.45  # of 16 images on two processors that do nothing else, clicks that follow included
SCENES: dict[str, Any] = {"n_train": 5_000, "n_test": 500, "max_objects": 4, "seed": 0}
SEEDS = 3


def recipe_of(seed: int) -> Recipe:
    """As many epochs as fit into the time."""
    recipe = Recipe(**OF_MODELS[MODEL], model=MODEL, seed=seed)
    return replace(recipe, epochs=epochs_in(MINUTES, recipe, SCENES["n_train"], SECONDS_PER_STEP))


def after_clicks(model: Model, test: Scenes, clicks: int, *, normalize: Normalize) -> tuple[Any, Prompted]:
    """Outputs and targets of test scenes after so many clicks, the first of them in the middle of the object."""
    task = Prompt()
    inputs, targets = task.draw(test, normalize=normalize)
    outputs = predict(model, inputs, threads=THREADS)
    rng = np.random.default_rng(0)
    for _ in range(clicks - 1):
        inputs, targets = task.followed(inputs, targets, outputs, rng)
        outputs = predict(model, inputs, threads=THREADS)
    return outputs, targets


def best_in_truth(outputs: Any, targets: Prompted) -> ndarray:
    """IoU of the best of the masks for what may mean several things."""
    said = grown(outputs.masks[:, :, 1:], targets.masks.shape[2:]) > 0
    pixels = (*said.shape[:3], -1)
    truth = np.broadcast_to(targets.masks[:, :, None], said.shape)
    return mask_iou(said.reshape(pixels), truth.reshape(pixels)).max(2)


def measure(seed: int) -> dict[str, Any]:
    """Train, click, compare."""
    data = scenes(**SCENES)
    trainer = to_the_end(Trainer(recipe_of(seed), blind(data), threads=THREADS))
    model, normalize = trainer.model, trainer.normalize
    outputs, targets = after_clicks(model, data.test, 1, normalize=normalize)
    _, ious = said_and_true(outputs, targets)
    several, said_of_several = after_clicks(model, data.test, 3, normalize=normalize)
    _, after_three = said_and_true(several, said_of_several)
    valid, count = targets.valid, targets.valid.sum(1)
    return {
        "iou": round(float(ious[valid].mean()), 4),
        "iou_of_the_best": round(float(best_in_truth(outputs, targets)[valid].mean()), 4),
        "iou_after_three_clicks": round(float(after_three[valid].mean()), 4),
        "iou_by_objects": [round(float(ious[count == n][valid[count == n]].mean()), 4) for n in (1, 2, 3, 4)],
    }


def table() -> str:
    """Mean and standard deviation over the seeds."""
    runs = runs_of("clicks")
    words = {
        "iou": "one click, the mask that the model says is best",
        "iou_of_the_best": "one click, the mask that is best in truth",
        "iou_after_three_clicks": "three clicks, the single mask",
    }
    lines = ["| | IoU |", "|---|---:|"]
    lines += [f"| {text} | {spread([run[name] for run in runs])} |" for name, text in words.items()]
    for n in range(4):
        objects = "one object" if n == 0 else f"{n + 1} objects"
        lines.append(f"| one click, scenes of {objects} | {spread([run['iou_by_objects'][n] for run in runs])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    about = {"scenes": SCENES, "minutes": MINUTES, "recipe": {**asdict(recipe_of(0)), "seed": "of the run"}}
    record("clicks", about, [{"seed": s} for s in range(SEEDS)], measure)
