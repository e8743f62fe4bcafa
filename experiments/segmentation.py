"""What is at each pixel of a scene? A small UPerNet on Swin after ten minutes, beside simpler decoders after five.

    python experiments/segmentation.py speed        # seconds per step, on a machine that does nothing else
    python experiments/segmentation.py train        # ten or five minutes for each run; can be stopped and goes on
    python experiments/segmentation.py ablation     # Swin without its shift, and without relative positions
    python experiments/segmentation.py              # the tables

It writes results/segmentation_speed.json, segmentation.json and segmentation_ablation.json. The images are those of
``minivit train --task segment``, scenes of one to four objects; scores are those of 500 test scenes together. A row of
the ablation sees as many images as the UPerNet does in five minutes, whatever its steps take.
"""

import sys
from typing import Any

import on_scenes
from record import runs_of, table
from timed import THREADS

from minivit.data import scenes
from minivit.tasks.segment import Segment
from minivit.train import Recipe, Trainer, predict
from minivit.train.recipes import recipe_of

SCENES: dict[str, Any] = {"n_train": 5_000, "n_test": 500, "max_objects": 4, "seed": 0}
SEEDS = (0, 1, 2)
UPERNET = "UPerNet"
NETS: dict[str, dict[str, Any]] = {
    UPERNET: {},
    "linear maps of all stages": {"settings": [("decode_head", "linear")]},
    "a linear map of the last stage": {"settings": [("decode_head", "linear_last")]},
    "SegFormer": {"model": "segformer_tiny_64"},
}
MINUTES = {**dict.fromkeys(NETS, 5), UPERNET: 10}
SCORES = {"mean_iou_of_objects": "mean IoU of objects", "mean_iou": "with background", "pixel_accuracy": "pixels"}
ROWS: dict[str, list[tuple[str, str]]] = {
    "shifted windows, relative positions": [],
    "windows that stay where they are": [("shifted", "false")],
    "no relative positions": [("relative_position", "none")],
    "neither": [("shifted", "false"), ("relative_position", "none")],
}


def recipe_for(*, settings: list[tuple[str, str]] | None = None, **choices: Any) -> Recipe:
    """That of ``minivit train --task segment``."""
    return recipe_of("scenes", settings or (), task="segment", **choices)


def measure_speed() -> None:
    """Seconds per step of each net."""
    on_scenes.measure_speed("segmentation", SCENES, NETS, recipe_for)


def scores(trainer: Trainer) -> dict[str, Any]:
    """Of the test scenes, which the training has not seen."""
    task, test = trainer.task, trainer.task.recast(scenes(**SCENES)).test
    assert isinstance(task, Segment)
    inputs, targets = task.draw(test, normalize=trainer.normalize)
    found = task.scores(predict(trainer.finished(), inputs, threads=THREADS), targets)
    return {"steps": trainer.step, **{name: round(value, 4) for name, value in found._asdict().items()}}


def measure_training() -> None:
    """Scores after the minutes of each."""
    on_scenes.measure_training("segmentation", SCENES, NETS, recipe_for, scores, minutes=MINUTES, seeds=SEEDS)


def measure_ablation() -> None:
    """Scores of each row."""

    def recipe_of_row(row: str, **choices: Any) -> Recipe:
        return recipe_for(settings=ROWS[row], **choices)

    on_scenes.measure_ablation("segmentation", SCENES, ROWS, recipe_of_row, scores, as_long_as=UPERNET, seeds=SEEDS)


def tables() -> str:
    """Of minutes and decoders, and of the ablation."""
    both = ("segmentation", "decoder | minutes", ("net", "minutes")), ("segmentation_ablation", "Swin", ("row",))
    return "\n\n".join(table(*its, SCORES) for its in both if runs_of(its[0]))


if __name__ == "__main__":
    measures = {"speed": measure_speed, "train": measure_training, "ablation": measure_ablation}
    if sys.argv[1:]:
        measures[sys.argv[1]]()
    else:
        print(tables())
