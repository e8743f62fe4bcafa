"""What the head reads: a class token, or the mean of the patches.

    python experiments/class_token.py

The Vision Transformer of data_hunger.py on 8,000 images, with either. It takes two minutes on one processor and writes
results/class_token.json; started again, it goes on where it was.
"""

from typing import Any

from data_hunger import SEEDS, SETTINGS, TEST_IMAGES, VIT
from record import record
from training import accuracy, train

import minivit as mv

IMAGES, ASKED = 8000, (300, 600, 900, 1200, 1500)
READ = {"class token": {}, "mean": {"class_token": False, "global_pool": "avg"}}


def measure(*, read: str, seed: int) -> dict[str, Any]:
    """Train, and ask on the way: the share of other images that gets the right class."""
    data, model = mv.data.shapes(IMAGES, TEST_IMAGES, seed=seed), mv.create_model(**VIT, **READ[read], seed=seed)
    steps = train(model, data.train, SETTINGS, seed=seed)
    return {"test": [accuracy(model, data.test) for step in steps if step in ASKED]}


if __name__ == "__main__":
    about = {
        "data": f"shapes({IMAGES}, {TEST_IMAGES}, seed=seed), 32 x 32 pixels, no augmentation",
        "ViT": VIT,
        "asked after": ASKED,
        **SETTINGS._asdict(),
    }
    record("class_token", about, [{"read": read, "seed": seed} for seed in SEEDS for read in READ], measure)
