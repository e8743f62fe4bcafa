"""What a teacher is worth to a ViT of 22 million MACs on CIFAR-10, and how a model with two heads is best read.

    python experiments/distillation.py DATA_DIR      # the trainings; started again, it goes on where it was
    python experiments/distillation.py               # the table

The rows of the table of DeiT's paper, by a convolutional net and by other ViTs, with few labels, and longer. Teachers
learn from the same images, which they see as often. It writes results/distillation.json, and keeps the teachers
in runs/.
"""

from functools import cache
from pathlib import Path
from typing import Any

from cifar import (
    MODELS,
    RATES,
    THREADS,
    accuracy,
    blind,
    main,
    name_of,
    part,
    recipe_for,
    right,
    spread,
    to_the_end,
    trained,
)
from record import RUNS, SEEDS, record, runs_of

import minivit as mv
from minivit.data import partly_labeled
from minivit.data.dataset import Dataset
from minivit.tasks.distillation import Distillation
from minivit.train import Trainer, predict
from minivit.train.distilling import Distilling, trainer_of
from minivit.train.kinds import kind_of

IMAGES, LABELED, SEEN = 20_000, 2_000, 60_000
TOKEN = {"global_pool": "token", "class_token": True}
"""All students read their tokens, as DeiT does."""

TEACHERS: dict[str, dict[str, Any]] = {
    "ResNet-20": {"net": "ResNet", "options": {"layers": (3, 3, 3)}},
    "larger ViT": {"net": "ViT", "options": {"embed_dim": 128, "depth": 6}},
    "smaller ViT": {"net": "ViT", "options": {"embed_dim": 64, "depth": 2}},
}
"""Of 41, 58 and 6 million MACs."""

STUDENTS: dict[str, dict[str, Any]] = {
    "no teacher": {},
    "soft": {"teacher": "ResNet-20", "method": "soft"},
    "hard": {"teacher": "ResNet-20", "method": "hard"},
    "hard, with a token": {"teacher": "ResNet-20", "method": "hard", "token": True},
    "hard, with a token, by a larger ViT": {"teacher": "larger ViT", "method": "hard", "token": True},
    "hard, with a token, by a smaller ViT": {"teacher": "smaller ViT", "method": "hard", "token": True},
    "2,000 labels: no teacher": {"labeled": LABELED},
    "2,000 labels: soft": {"labeled": LABELED, "teacher": "ResNet-20", "method": "soft"},
    "2,000 labels and 18,000 images without: soft": {
        "labeled": LABELED,
        "teacher": "ResNet-20",
        "method": "soft",
        "unlabeled": True,
    },
    "2,000 labels and 18,000 images without: soft, alpha 0.9": {
        "labeled": LABELED,
        "teacher": "ResNet-20",
        "method": "soft",
        "alpha": 0.9,
        "unlabeled": True,
    },
    "twice as long: no teacher": {"seen": 2 * SEEN},
    "twice as long: hard, with a token": {
        "seen": 2 * SEEN,
        "teacher": "ResNet-20",
        "method": "hard",
        "token": True,
    },
}


def teacher_of(name: str, dataset: Dataset, seed: int) -> Path:
    """The checkpoint of a teacher of all classes of a part of the images, which is trained if there is none yet."""
    recipe = recipe_for(**TEACHERS[name], images=len(dataset.train), seed=seed, seen=SEEN)
    trainer = Trainer(recipe, blind(dataset), threads=THREADS)
    path = RUNS / f"teacher-{name_of(trainer)}.safetensors"
    if not path.exists():
        RUNS.mkdir(exist_ok=True)
        to_the_end(trainer).save(path)
    return path


def read_out(trainer: Trainer, dataset: Dataset) -> dict[str, float]:
    """The accuracy of what may be read of a student: of its class token, its distillation token, of both."""
    task = trainer.task
    if not (isinstance(task, Distillation) and task.token):
        return {"class": accuracy(trainer, dataset.test)}
    outputs = predict(trainer.trained, trainer.normalize(dataset.test.images), threads=THREADS)
    return {name: right(logits, dataset.test) for name, logits in task.read_outs(outputs).items()}


def measure_all(dataset: Dataset) -> None:
    """Every training that is not in the results yet, of a teacher or a student."""

    @cache
    def score_of(teacher: Path) -> float:
        images = kind_of(dataset).normalize(dataset.test.images)
        return right(predict(mv.load(teacher), images, threads=THREADS), dataset.test)

    def measure(*, student: str, seed: int) -> dict[str, Any]:
        how = dict(STUDENTS[student])
        name, labeled, unlabeled = how.pop("teacher", None), how.pop("labeled", None), how.pop("unlabeled", False)
        seen, images = how.pop("seen", SEEN), part(dataset, IMAGES, seed)
        known = images if labeled is None else part(images, labeled, 0)  # as partly_labeled draws them
        shown = partly_labeled(images, labeled=labeled) if unlabeled else known
        options = TOKEN | ({"distilled": True} if how.get("token") else {})
        recipe = recipe_for("ViT", len(shown.train), seed=seed, seen=seen, options=options)
        if name is None:
            return read_out(trained(recipe, shown), dataset)
        teacher = teacher_of(name, known, seed)
        trainer, _ = trainer_of(recipe, blind(shown), Distilling(str(teacher), **how), threads=THREADS)
        return read_out(to_the_end(trainer), dataset) | {"teacher": score_of(teacher)}

    about = {"command": "python experiments/distillation.py DATA_DIR", "images": IMAGES, "seen": SEEN}
    about |= {"model": MODELS["ViT"], "lr": RATES["ViT"], "teachers": TEACHERS, "students": STUDENTS}
    runs = [{"student": student, "seed": seed} for seed in SEEDS for student in STUDENTS]
    record("distillation", about, runs, measure)


def table() -> str:
    """Mean and spread of each read-out, in Markdown."""
    runs = runs_of("distillation")
    columns = ("teacher", "class", "distillation", "both")
    lines = ["| | teacher | class token | distillation token | both |", "|---|---|---|---|---|"]
    for student in STUDENTS:
        mine = [run for run in runs if run["student"] == student]
        cells = [[run[column] for run in mine if column in run] for column in columns]
        lines.append(f"| {student} | {' | '.join(map(spread, cells))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main(measure_all, table)
