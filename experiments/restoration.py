"""A small SwinIR beside what needs no training: noise taken off CIFAR-10, and its images made twice as large.

    python experiments/restoration.py speed DATA_DIR     # seconds per step, on a machine that does nothing else
    python experiments/restoration.py train DATA_DIR     # five minutes for each run; can be stopped and goes on
    python experiments/restoration.py photograph FILE    # the models of the first seed on a photograph, and a picture
    python experiments/restoration.py                    # the tables

It writes results/restoration_speed.json, restoration.json and restoration_photograph.json; models are kept in runs/,
and pictures of the photograph in docs/images. Noise has a standard deviation of 25 grey levels. Beside denoising stands
the Gaussian filter whose width gives the highest PSNR on images of the training, beside enlarging the bicubic kernel.
PSNR (decibels) and SSIM are means over the first images of the test, of pixels rounded to grey levels.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev
from typing import Any, cast

import numpy as np
from cifar import blind, cifar, to_the_end
from numpy import ndarray
from record import RUNS, record, runs_of
from scipy.ndimage import gaussian_filter
from timed import OF_STEPS, SPARE, THREADS, seconds_of, speed_of

from minivit import plot
from minivit.data.dataset import Dataset
from minivit.ops.image_quality import psnr, ssim
from minivit.tasks import NAMED
from minivit.tasks.restoration import as_pixels
from minivit.train import Recipe, Trainer, predict
from minivit.train.recipes import recipe_of
from minivit.train.restoring import restorer

IMAGES = Path(__file__).parent.parent / "docs" / "images"
MINUTES, SEEDS, TASKS = 5, (0, 1, 2), ("denoise", "upscale")
TESTED, WIDTH_FOUND_ON = 2_000, 500  # images
WIDTHS = tuple(np.arange(0.3, 1.5, 0.05).round(2).tolist())


def recipe_for(task: str, **choices: Any) -> Recipe:
    """That of ``minivit train --task TASK --data cifar10``."""
    return recipe_of("cifar10", task=task, **choices)


def about(what: str, **settings: Any) -> dict[str, Any]:
    """How a file of results was made."""
    return {"command": f"python experiments/restoration.py {what}", "threads": THREADS, **settings}


def measure_speed(dataset: Dataset) -> None:
    """Seconds per step of each."""

    def measure(*, task: str) -> dict[str, Any]:
        return speed_of(recipe_for(task), dataset)

    record("restoration_speed", about("speed DATA_DIR", **OF_STEPS), ({"task": task} for task in TASKS), measure)


def shown(recipe: Recipe, dataset: Dataset, seconds_per_step: float, minutes: float) -> tuple[Recipe, Dataset]:
    """Recipe and images of a training that takes as long, in whole epochs: as few as possible, each of as many images.

    Of models for images an epoch of CIFAR is long, and half of the time would be left over.
    """
    images = max(1, int(SPARE * 60 * minutes / seconds_per_step)) * recipe.batch_size
    epochs = -(-images // len(dataset.train))
    train = dataset.train.take(slice(max(recipe.batch_size, images // epochs)))
    return replace(recipe, epochs=epochs), replace(dataset, train=train)


def quality(made: ndarray, pixels: ndarray) -> dict[str, float]:
    """Mean PSNR and SSIM."""
    options: dict[str, Any] = {"data_range": 255}
    found = {"psnr": psnr(as_pixels(made), pixels, **options), "ssim": ssim(as_pixels(made), pixels, **options)}
    return {name: round(float(values.mean()), 4) for name, values in found.items()}


def best_width(noisy: ndarray, pixels: ndarray) -> float:
    """Of Gaussian filters."""
    return max(WIDTHS, key=lambda width: quality(filtered(noisy, width), pixels)["psnr"])


def filtered(images: ndarray, width: float) -> ndarray:
    """Each channel of each image alone."""
    return gaussian_filter(images, (0, width, width, 0))


def without_training(task: Any, dataset: Dataset) -> dict[str, Any]:
    """What there is without a model: the noisy images, and these filtered, or the bicubic enlargement."""
    test = dataset.test.take(slice(TESTED))
    _, targets = task.draw(test, normalize=np.asarray)
    plain = {"plain": quality(targets.plain, test.images)}
    if not isinstance(task, NAMED["denoise"]):
        return {**plain, "baseline": plain["plain"]}
    known = dataset.train.take(slice(WIDTH_FOUND_ON))
    width = best_width(task.draw(known, normalize=np.asarray)[1].plain, known.images)
    return {**plain, "width": width, "baseline": quality(filtered(targets.plain, width), test.images)}


def measure_training(dataset: Dataset) -> None:
    """Quality after five minutes, and the decibels more than there are without training."""

    def measure(*, task: str, seed: int) -> dict[str, Any]:
        recipe, images = shown(recipe_for(task, seed=seed), dataset, seconds_of("restoration", task=task), MINUTES)
        trainer = to_the_end(Trainer(recipe, blind(images), threads=THREADS))
        RUNS.mkdir(exist_ok=True)
        trainer.save(model_of(task, seed))
        test = dataset.test.take(slice(TESTED))
        inputs, _ = trainer.task.draw(test, normalize=np.asarray)
        model = quality(predict(trainer.finished(), inputs, threads=THREADS), test.images)
        found = without_training(trainer.task, dataset)
        gain = round(model["psnr"] - found["baseline"]["psnr"], 4)
        return {"steps": trainer.step, "epochs": recipe.epochs, **found, "model": model, "gain": gain}

    runs = ({"task": task, "seed": seed} for seed in SEEDS for task in TASKS)
    record("restoration", about("train DATA_DIR", minutes=MINUTES, tested=TESTED), runs, measure)


def model_of(task: str, seed: int) -> Path:
    """Where the model of a run is kept."""
    return RUNS / f"restoration-{task}-{seed}.safetensors"


def measure_photograph(file: Path) -> None:
    """PSNR and SSIM of a photograph as it was spoiled, and as the models of the first seed restore it; draw both."""

    def measure(*, task: str) -> dict[str, Any]:
        made, kind = restorer(model_of(task, SEEDS[0]))(file), cast(Any, NAMED[task])
        plot.save(plot.restored(*made, shown=kind.plain_name), IMAGES / f"restored_{task}.webp")
        return {
            name: {"psnr": round(decibels, 4), "ssim": round(like, 4)}
            for name, (decibels, like) in made.quality.items()
        }

    runs = ({"task": task} for task in TASKS)
    record("restoration_photograph", about("photograph FILE", photograph=file.name), runs, measure)


def table() -> str:
    """Mean and standard deviation over the seeds."""

    def cell(values: list[float], digits: int) -> str:
        spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
        return f"{mean(values):.{digits}f}{spread}"

    def row(task: str, runs: list[dict[str, Any]]) -> Iterator[str]:
        for name in ("plain", "baseline", "model"):
            digits = {"psnr": 2, "ssim": 3}
            yield " / ".join(cell([run[name][kind] for run in runs], n) for kind, n in digits.items())
        yield cell([run["gain"] for run in runs], 2)

    head = "| | spoiled, PSNR / SSIM | without training | SwinIR | decibels more |"
    lines = [head, "|---|---:|---:|---:|---:|"]
    for task in TASKS:
        if runs := [run for run in runs_of("restoration") if run["task"] == task]:
            lines.append(f"| {task} | {' | '.join(row(task, runs))} |")
    return "\n".join(lines)


def photograph_table() -> str:
    """Of the photograph, as it was spoiled and as it was restored."""
    lines = ["| | spoiled, PSNR / SSIM | SwinIR |", "|---|---:|---:|"]
    for run in runs_of("restoration_photograph"):
        cells = (f"{run[name]['psnr']:.1f} / {run[name]['ssim']:.3f}" for name in ("plain", "result"))
        lines.append(f"| {run['task']} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["photograph"]:
        measure_photograph(Path(sys.argv[2]))
    elif sys.argv[1:]:
        {"speed": measure_speed, "train": measure_training}[sys.argv[1]](cifar(sys.argv[2]))
    else:
        print(table(), photograph_table(), sep="\n\n")
