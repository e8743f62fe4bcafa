"""Accuracy against the number of training images: a small Vision Transformer beside a small convolutional net.

    python experiments/data_hunger.py

Each net makes the same number of steps whatever the number of images, so that only the images differ, not the work. It
takes six minutes on one processor and writes results/data_hunger.json; started again, it goes on where it was.
"""

from itertools import product
from typing import Any

from record import record
from small_cnn import SmallCnn
from training import Settings, accuracy, train

import minivit as mv
from minivit.layers import Layer

SETTINGS = Settings(steps=1500, lr=2e-3, batch_size=16)
IMAGES, TEST_IMAGES, SEEDS = (100, 300, 1000, 3000, 8000), 2000, (0, 1, 2)
VIT = {"name": "vit_micro_patch4_32", "patch_size": 8, "embed_dim": 48}


def build(net: str, seed: int) -> Layer:
    """The net of this name, with fresh initial values."""
    return SmallCnn(seed=seed) if net == "CNN" else mv.create_model(**VIT, seed=seed)


def measure(*, net: str, images: int, seed: int) -> dict[str, Any]:
    """Train on the first so many images of a seed: the share of these, and of others, that gets the right class."""
    data, model = mv.data.shapes(images, TEST_IMAGES, seed=seed), build(net, seed)
    for _ in train(model, data.train, SETTINGS, seed=seed):
        pass
    return {"train": accuracy(model, data.train), "test": accuracy(model, data.test)}


if __name__ == "__main__":
    about = {
        "data": f"shapes(n, {TEST_IMAGES}, seed=seed), 32 x 32 pixels, no augmentation",
        "ViT": VIT,
        "params": {net: build(net, 0).num_params for net in ("ViT", "CNN")},
        **SETTINGS._asdict(),
    }
    runs = [
        {"net": net, "images": images, "seed": seed} for seed, images, net in product(SEEDS, IMAGES, ("ViT", "CNN"))
    ]
    record("data_hunger", about, runs, measure)
