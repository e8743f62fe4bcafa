"""Does a small Transformer solve its tasks? Sorting, reversal and addition, three seeds each.

    python experiments/transformer_tasks.py        # makes the runs that are not in results/transformer_tasks.json yet

What is scored are the 500 test sequences, none of which is one to train on: the share that is written without any
mistake, measured after every epoch.
"""

from itertools import product
from typing import Any

from record import record

from minivit import data
from minivit.tasks import NextToken
from minivit.train import Recipe, Trainer

EPOCHS = {"sorting": 4, "reversal": 6, "addition": 10}
SETTINGS = {"batch_size": 64, "lr": 2e-3, "sequences": {"sorting": 10_000, "reversal": 10_000, "addition": 20_000}}
SEEDS = (0, 1, 2)


def measure(*, task: str, seed: int) -> dict[str, Any]:
    """The test score after every epoch."""
    recipe = Recipe(
        model="transformer_micro",
        epochs=EPOCHS[task],
        batch_size=SETTINGS["batch_size"],
        lr=SETTINGS["lr"],
        weight_decay=0.0,
        seed=seed,
    )
    examples = getattr(data, task)(SETTINGS["sequences"][task], 500, seed=seed)
    trainer = Trainer(recipe, examples, task=NextToken(), threads=1)
    return {"right": [row.test_score for row in trainer.run() if row.test_score is not None]}


if __name__ == "__main__":
    runs = ({"task": task, "seed": seed} for seed, task in product(SEEDS, EPOCHS))
    record("transformer_tasks", {"settings": SETTINGS | {"epochs": EPOCHS}}, runs, measure)
