"""What is where in a scene? A small DETR after ten minutes, on a ResNet and on a Swin.

    python experiments/detection.py speed        # seconds per step, on a machine that does nothing else
    python experiments/detection.py train        # ten minutes for each run; can be stopped and goes on
    python experiments/detection.py ablation     # Swin without its shift, and without relative positions
    python experiments/detection.py              # the tables

It writes results/detection_speed.json, detection.json and detection_ablation.json. The images are those of ``minivit
train --task detect``, scenes of one to four objects; scores are COCO's, of the boxes on 500 test scenes. A row of the
ablation sees as many images as the DETR on Swin does in five minutes, whatever its steps take.
"""

import sys
from typing import Any

import on_scenes
from record import runs_of, table
from timed import THREADS

from minivit.data import scenes
from minivit.models.detr import BACKBONES
from minivit.ops.average_precision import Truth, average_precision
from minivit.tasks.detect import cornered, detected
from minivit.train import Recipe, Trainer, predict
from minivit.train.recipes import recipe_of

SIDE = 64
SCENES: dict[str, Any] = {"n_train": 5_000, "n_test": 500, "size": SIDE, "max_objects": 4, "seed": 0}
SEEDS = (0, 1, 2)
SWIN = "swin_tiny_patch4_64"
NETS: dict[str, dict[str, Any]] = {"ResNet": {}, "Swin": {"model": "detr_swin_tiny_64"}}
MINUTES = dict.fromkeys(NETS, 10)
ROWS: dict[str, dict[str, Any]] = {
    "shifted windows, relative positions": {},
    "windows that stay where they are": {"shifted": False},
    "no relative positions": {"relative_position": "none"},
    "neither": {"shifted": False, "relative_position": "none"},
}
SCORES = {name: name for name in ("AP", "AP50", "AP75")}


def backbone_of(row: str) -> str:
    """A Swin with these options, among the backbones from now on."""
    name, (kind, options) = f"{SWIN}, {row}", BACKBONES[SWIN]
    BACKBONES[name] = kind, {**options, **ROWS[row]}
    return name


def recipe_for(*, settings: list[tuple[str, str]] | None = None, **choices: Any) -> Recipe:
    """That of ``minivit train --task detect``."""
    return recipe_of("scenes", settings or (), task="detect", **choices)


def measure_speed() -> None:
    """Seconds per step of each net."""
    on_scenes.measure_speed("detection", SCENES, NETS, recipe_for)


def scores(trainer: Trainer) -> dict[str, Any]:
    """Of the test scenes, which the training has not seen."""
    inputs, targets = trainer.task.draw(scenes(**SCENES).test, normalize=trainer.normalize)
    found = detected(predict(trainer.finished(), inputs, threads=THREADS))
    in_pixels = [its._replace(shapes=its.shapes * SIDE) for its in found]
    true = [Truth(labels, cornered(boxes) * SIDE) for labels, boxes in zip(*targets, strict=True)]
    measured = average_precision(in_pixels, true)
    return {"steps": trainer.step, **{name: round(getattr(measured, name), 4) for name in SCORES}}


def measure_training() -> None:
    """Scores after ten minutes."""
    on_scenes.measure_training("detection", SCENES, NETS, recipe_for, scores, minutes=MINUTES, seeds=SEEDS)


def measure_ablation() -> None:
    """Scores of each row."""

    def recipe_of_row(row: str, **choices: Any) -> Recipe:
        return recipe_for(settings=[("backbone", backbone_of(row))], **NETS["Swin"], **choices)

    on_scenes.measure_ablation("detection", SCENES, ROWS, recipe_of_row, scores, as_long_as="Swin", seeds=SEEDS)


def tables() -> str:
    """Of minutes and backbones, and of the ablation."""
    both = ("detection", "backbone | minutes", ("net", "minutes")), ("detection_ablation", "Swin", ("row",))
    return "\n\n".join(table(*its, SCORES) for its in both if runs_of(its[0]))


if __name__ == "__main__":
    measures = {"speed": measure_speed, "train": measure_training, "ablation": measure_ablation}
    if sys.argv[1:]:
        measures[sys.argv[1]]()
    else:
        print(tables())
