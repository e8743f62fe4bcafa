"""Augmentation and regularisation: recipes without and with dropout and stochastic depth, in two sizes of ViT.

    python experiments/augmentation.py DATA_DIR      # the trainings; started again, it goes on where it was
    python experiments/augmentation.py               # the table, and docs/images/augmentation.png, the same as colours

The heat map of Steiner et al. 2021, "How to train your ViT?", figure 4, at another scale: four of its seven recipes,
and 5,000 images of CIFAR-10, each seen twenty times. It writes results/augmentation.json.
"""

from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
from cifar import MODELS, RATES, SEEN, main, markdown, part, recipe_for, scores, trained
from matplotlib.axes import Axes
from record import SEEDS, record, runs_of

from minivit.data.dataset import Dataset
from minivit.plot import heat_map, save
from minivit.plot.figure import TEXT, TITLE

RECIPES, IMAGES, REGULARISATIONS = ("none", "light1", "medium1", "strong2"), 5_000, (0.0, 0.1)
DOCS = Path(__file__).parent.parent / "docs"
SIZES: dict[str, dict[str, Any]] = {"small": {"embed_dim": 64, "depth": 2}, "large": {}}
"""Of about 5 and 22 million MACs."""


def measure_all(dataset: Dataset) -> None:
    """Every training that is not in the results yet."""

    def measure(*, size: str, recipe: str, regularisation: float, seed: int) -> dict[str, Any]:
        how = {"named": recipe, "regularised": regularisation, "options": SIZES[size]}
        return scores(trained(recipe_for("ViT", IMAGES, seed=seed, **how), part(dataset, IMAGES, seed)), dataset)

    about = {"command": "python experiments/augmentation.py DATA_DIR", "images": IMAGES, "seen": SEEN}
    about |= {"model": MODELS["ViT"], "sizes": SIZES, "lr": RATES["ViT"]}
    runs = [
        {"size": size, "recipe": recipe, "regularisation": regularisation, "seed": seed}
        for seed in SEEDS
        for size in SIZES
        for regularisation in REGULARISATIONS
        for recipe in RECIPES
    ]
    record("augmentation", about, runs, measure)


def row(run: dict[str, Any]) -> str:
    """Of the table and of the heat map."""
    return f"{run['size']}, {run['regularisation']:g}"


def table() -> str:
    """Mean and spread of the test accuracy, in Markdown."""
    return markdown(runs_of("augmentation"), row, lambda run: run["recipe"])


def picture() -> Axes:
    """The means as colours."""
    runs = runs_of("augmentation")
    rows = [*dict.fromkeys(map(row, runs))]
    found = {(name, recipe): [] for name in rows for recipe in RECIPES}
    for run in runs:
        found[row(run), run["recipe"]].append(run["test"])
    means = np.array([mean(values) if values else np.nan for values in found.values()])
    ax = heat_map(means.reshape(len(rows), len(RECIPES)), rows, RECIPES)
    ax.set_title("Test accuracy (%)", fontsize=TITLE, loc="left")
    ax.set_xlabel("recipe", fontsize=TEXT)
    ax.set_ylabel("size, regularisation", fontsize=TEXT)
    return ax


def drawn() -> str:
    """The table; the picture is written beside it."""
    if runs_of("augmentation"):
        save(picture(), DOCS / "images" / "augmentation.png")
    return table()


if __name__ == "__main__":
    main(measure_all, drawn)
