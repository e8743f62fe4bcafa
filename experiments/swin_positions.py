"""What the shift of windows, and what positions are worth to a Swin: table 4 of its paper, on CIFAR-10.

    python experiments/swin_positions.py DATA_DIR      # the trainings; started again, it goes on where it was
    python experiments/swin_positions.py               # the table

Each row is a Swin of 22 million MACs that sees 20,000 images five times. It writes results/swin_positions.json.
"""

from typing import Any

from cifar import MODELS, RATES, SEEN, main, markdown, part, recipe_for, scores, trained
from record import SEEDS, record, runs_of

from minivit.data.dataset import Dataset

IMAGES = 20_000
ROWS: dict[str, dict[str, Any]] = {
    "windows that stay where they are": {"shifted": False},
    "shifted windows, relative positions": {},
    "no position": {"relative_position": "none"},
    "absolute positions": {"relative_position": "none", "ape": True},
    "absolute and relative": {"ape": True},
    "relative without appearance": {"relative_position": "only"},
}


def measure_all(dataset: Dataset) -> None:
    """Every training that is not in the results yet."""

    def measure(*, row: str, seed: int) -> dict[str, Any]:
        recipe = recipe_for("Swin", IMAGES, seed=seed, options=ROWS[row])
        return scores(trained(recipe, part(dataset, IMAGES, seed)), dataset)

    about = {"command": "python experiments/swin_positions.py DATA_DIR", "images": IMAGES, "seen": SEEN}
    about |= {"model": MODELS["Swin"], "lr": RATES["Swin"]}
    record("swin_positions", about, [{"row": row, "seed": seed} for seed in SEEDS for row in ROWS], measure)


def table() -> str:
    """Mean and spread of the test accuracy, in Markdown."""
    return markdown(runs_of("swin_positions"), lambda run: run["row"], lambda run: "test accuracy")


if __name__ == "__main__":
    main(measure_all, table)
