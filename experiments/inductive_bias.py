"""Inductive bias against data: a ViT, a ResNet and a hybrid of the same MACs, on more and more images of CIFAR-10.

    python experiments/inductive_bias.py DATA_DIR      # the trainings; started again, it goes on where it was
    python experiments/inductive_bias.py               # the table

Whatever the number of images, a training makes the same number of steps. It writes results/inductive_bias.json.
"""

from typing import Any

from cifar import MODELS, RATES, SEEN, main, markdown, part, recipe_for, scores, trained
from record import SEEDS, record, runs_of

from minivit.data.dataset import Dataset

NETS, IMAGES = ("ViT", "ResNet", "hybrid"), (1_000, 5_000, 50_000)


def measure_all(dataset: Dataset) -> None:
    """Every training that is not in the results yet."""

    def measure(*, net: str, images: int, seed: int) -> dict[str, Any]:
        return scores(trained(recipe_for(net, images, seed=seed), part(dataset, images, seed)), dataset)

    about = {"command": "python experiments/inductive_bias.py DATA_DIR", "seen": SEEN}
    about |= {"models": {net: MODELS[net] for net in NETS}, "lr": {net: RATES[net] for net in NETS}}
    runs = [{"net": net, "images": images, "seed": seed} for seed in SEEDS for images in IMAGES for net in NETS]
    record("inductive_bias", about, runs, measure)


def table() -> str:
    """Mean and spread of the test accuracy, in Markdown."""
    return markdown(runs_of("inductive_bias"), lambda run: f"{run['images']:,} images", lambda run: run["net"])


if __name__ == "__main__":
    main(measure_all, table)
