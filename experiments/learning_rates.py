"""A learning rate for each of the models of about 22 million MACs: the best of RATES on images that are held back.

    python experiments/learning_rates.py DATA_DIR

Each trains on 5,000 images of CIFAR-10, seen ten times, and is asked about 5,000 others of those to train with; nobody
looks at the images to test with. It writes results/learning_rates.json; started again, it goes on where it was.
"""

import sys
from dataclasses import replace
from typing import Any

from cifar import MODELS, accuracy, cifar, recipe_for, trained
from record import record

RATES = (1e-3, 2e-3, 4e-3, 8e-3, 16e-3, 32e-3, 64e-3)
IMAGES, HELD_BACK, SEEN = 5_000, slice(45_000, 50_000), 50_000

if __name__ == "__main__":
    dataset = cifar(sys.argv[1])
    dataset = replace(dataset, train=dataset.train.take(slice(IMAGES)), test=dataset.train.take(HELD_BACK))

    def measure(*, net: str, lr: float) -> dict[str, Any]:
        trainer = trained(recipe_for(net, IMAGES, seed=0, seen=SEEN, lr=lr), dataset)
        return {"held back": accuracy(trainer, dataset.test)}

    about = {"command": "python experiments/learning_rates.py DATA_DIR", "images": IMAGES, "seen": SEEN}
    runs = [{"net": net, "lr": lr} for net in MODELS for lr in RATES]
    record("learning_rates", {**about, "models": MODELS}, runs, measure)
