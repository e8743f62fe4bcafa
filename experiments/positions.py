"""What does a learned table of positions learn, and is it as good as sines and cosines?

    python experiments/positions.py                # makes the runs that are not in results/positions.json yet

A small Transformer learns to write digits backwards, where everything depends on the place; the cosines between the
learned rows of the places of the source are kept. The same with sines and cosines is a part of
``transformer_tasks.py``.
"""

from typing import Any

import numpy as np
from record import record

from minivit.data import reversal
from minivit.tasks import NextToken
from minivit.train import Recipe, Trainer

SETTINGS = {"length": 8, "sequences": 10_000, "epochs": 6, "batch_size": 64, "lr": 2e-3}


def measure(*, seed: int) -> dict[str, Any]:
    """The test score after every epoch; cosines of the rows of the table."""
    options = {"positions": "learned", "max_length": 16}
    chosen = {name: SETTINGS[name] for name in ("epochs", "batch_size", "lr")}
    recipe = Recipe(model="transformer_micro", options=options, weight_decay=0.0, seed=seed, **chosen)
    examples = reversal(SETTINGS["sequences"], 500, length=SETTINGS["length"], seed=seed)
    trainer = Trainer(recipe, examples, task=NextToken(), threads=1)
    right = [row.test_score for row in trainer.run() if row.test_score is not None]
    table = trainer.model.named_params()["src_embed.positions.table"].value[: SETTINGS["length"]]
    rows = table / np.linalg.norm(table, axis=1, keepdims=True)
    return {"right": right, "cosines": np.round(rows @ rows.T, 3).tolist()}


if __name__ == "__main__":
    record("positions", {"settings": SETTINGS}, ({"seed": seed} for seed in range(3)), measure)
