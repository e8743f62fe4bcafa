"""How well do ViT, Swin and Mixer learn CIFAR-10, each in the same time?

    python experiments/families.py speed  DATA_DIR     # seconds per step, measured in turn: how many epochs are SECONDS
    python experiments/families.py search DATA_DIR     # a learning rate for each
    python experiments/families.py train  DATA_DIR     # the trainings, which can be stopped and go on where they were
    python experiments/families.py table               # prints the table, draws docs/images/families.png

Each makes what is not yet in its file of results/. The three models have about a million parameters. The learning rate
is the best of RATES, by 5,000 of the training images, after a training on 22,500 others; test images are looked at in
the trainings only.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from record import RUNS, record, runs_of

import minivit as mv
from minivit.data.dataset import Dataset
from minivit.plot import save
from minivit.plot.figure import SMALL, STYLES, TITLE, labelled, new_panel
from minivit.train import AdamW, Trainer, training_step
from minivit.train.recipes import recipe_of

MODELS = ("vit_tiny_patch4_32", "swin_tiny_patch2_32", "mixer_tiny_patch4_32")
RATES = (5e-4, 1e-3, 2e-3)
SECONDS, THREADS, BATCH_SIZE, ROUNDS = 900, 2, 128, 20


def command(what: str) -> str:
    """The line that makes a file of results."""
    return f"python experiments/families.py {what} DATA_DIR"


def step_of(name: str, dataset: Dataset) -> Any:
    """A training step, to be called again and again."""
    trainer = Trainer(recipe_of("cifar10", model=name), dataset, threads=THREADS)
    inputs, targets = trainer.task.draw(dataset.train.take(slice(BATCH_SIZE)), normalize=trainer.normalize)
    optimizer = AdamW(trainer.model, lr=1e-3)
    return lambda: training_step(
        trainer.model, inputs, targets, optimizer=optimizer, task=trainer.task, threads=THREADS, clip_norm=1.0
    )


def speed(dataset: Dataset) -> None:
    """Seconds of the fastest of so many steps: what a machine can do that does nothing else."""
    steps = {name: step_of(name, dataset) for name in MODELS}
    seconds: dict[str, list[float]] = {name: [] for name in MODELS}
    for _ in range(ROUNDS):
        for name, step in steps.items():
            begin = perf_counter()
            step()
            seconds[name].append(perf_counter() - begin)
    record(
        "families_speed",
        {"command": command("speed"), "threads": THREADS, "batch_size": BATCH_SIZE},
        ({"model": name} for name in MODELS),
        lambda model: {"seconds_per_step": round(min(seconds[model]), 4)},
    )


def search(dataset: Dataset) -> None:
    """The score on images held back, after one pass over 22,500."""
    train = dataset.train
    half = replace(dataset, train=train.take(slice(22_500)), test=train.take(slice(45_000, 50_000)))

    def measure(model: str, lr: float) -> dict[str, Any]:
        recipe = recipe_of("cifar10", model=model, lr=lr, epochs=1, warmup_epochs=0.1)
        rows = [*Trainer(recipe, half, threads=THREADS).run()]
        return {"score": rows[-1].test_score}

    runs = ({"model": name, "lr": lr} for lr in RATES for name in MODELS)
    record("families_search", {"command": command("search"), "images": 22_500}, runs, measure)


def train(data_dir: str) -> None:
    """As many whole epochs as fit into the time, at the best rate."""
    steps_per_epoch = 50_000 // BATCH_SIZE
    seconds = {run["model"]: run["seconds_per_step"] * steps_per_epoch for run in runs_of("families_speed")}
    found = runs_of("families_search")

    def measure(model: str) -> dict[str, Any]:
        lr = max((run for run in found if run["model"] == model), key=lambda run: run["score"])["lr"]
        epochs, folder = int(SECONDS / seconds[model]), RUNS / f"families-{model}"
        new = ["--data", "cifar10", "--model", model, "--lr", str(lr), "--epochs", str(epochs), "--out", str(folder)]
        how = ["--resume", str(folder)] if folder.exists() else new
        program = [sys.executable, "-m", "minivit", "train", *how]
        subprocess.run([*program, "--data-dir", data_dir, "--threads", str(THREADS)], check=True)
        rows = (folder / "metrics.csv").read_text().splitlines()
        scores = [float(row.rsplit(",", 1)[1]) for row in rows[1:] if row.rsplit(",", 1)[1]]
        return {"lr": lr, "epochs": epochs, "seconds_per_epoch": round(seconds[model], 1), "test": scores}

    about = {"command": command("train"), "seconds": SECONDS, "threads": THREADS}
    record("families", about, ({"model": name} for name in MODELS), measure)


def table() -> None:
    """Cost and accuracy of each, and the accuracy after every epoch over the time."""
    ax = new_panel(3.4)
    print("| model | parameters | MACs | peak of a step | s per epoch | epochs | learning rate | test accuracy |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for run, (colour, marker, dash) in zip(runs_of("families"), STYLES, strict=False):
        trained = mv.create_model(run["model"], **recipe_of("cifar10", model=run["model"]).options)
        cost = mv.cost.estimate(trained, batch=BATCH_SIZE, threads=THREADS)
        columns = [
            f"{cost.params:,}",
            f"{cost.macs_forward // BATCH_SIZE:,}",
            f"{cost.peak_training_bytes / 2**20:.0f} MiB",
        ]
        columns += [f"{run['seconds_per_epoch']:.0f}", f"{run['epochs']}", f"{run['lr']:g}", f"{run['test'][-1]:.1%}"]
        print("|", " | ".join([f"`{run['model']}`", *columns]), "|")
        minutes = [run["seconds_per_epoch"] * (epoch + 1) / 60 for epoch in range(run["epochs"])]
        ax.plot(minutes, [100 * score for score in run["test"]], dash, color=colour, marker=marker, label=run["model"])
    labelled(ax, "minutes on two processors", "test accuracy (%)").legend(frameon=False, fontsize=SMALL)
    ax.set_title("CIFAR-10, in the same time", fontsize=TITLE, loc="left")
    save(ax, Path(__file__).parent.parent / "docs" / "images" / "families.png")


if __name__ == "__main__":
    what, *data_dir = sys.argv[1:]
    if what == "table":
        table()
    elif what == "train":
        train(data_dir[0])
    elif what in ("speed", "search"):
        {"speed": speed, "search": search}[what](mv.data.load_dataset("cifar10", data_dir=data_dir[0]))
