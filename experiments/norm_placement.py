"""Pre-norm against post-norm: which one trains without warmup?

    python experiments/norm_placement.py           # makes the runs that are not in results/norm_placement.json yet

Transformers with six blocks in the encoder and six in the decoder learn to sort, each for one epoch, 156 steps:
pre- and post-norm, at two learning rates, with warmup and without. Nothing else differs, and no gradient is clipped:
clipping would do a part of what warmup does.
"""

from itertools import product
from typing import Any

from record import record

from minivit.data import sorting
from minivit.tasks import NextToken
from minivit.train import Recipe, Trainer

SETTINGS = {"depth": 6, "batch_size": 64, "sequences": 10_000}
LEARNING_RATES, WARMUPS, SEEDS = (1e-3, 3e-3), (0.0, 0.5), (0, 1, 2)  # warmup in epochs


def measure(*, norm_first: bool, lr: float, warmup: float, seed: int) -> dict[str, Any]:
    """The loss of every step, and the share of test sequences that are sorted at the end."""
    depth = SETTINGS["depth"]
    recipe = Recipe(
        model="transformer_micro",
        options={"encoder_depth": depth, "decoder_depth": depth, "norm_first": norm_first},
        epochs=1,
        batch_size=SETTINGS["batch_size"],
        lr=lr,
        warmup_epochs=warmup,
        weight_decay=0.0,
        clip_norm=None,
        seed=seed,
    )
    trainer = Trainer(recipe, sorting(SETTINGS["sequences"], 500), task=NextToken(), threads=1)
    rows = list(trainer.run())
    return {"sorted": rows[-1].test_score, "losses": [round(row.loss, 3) for row in rows]}


if __name__ == "__main__":
    runs: list[dict[str, Any]] = [
        {"seed": seed, "lr": lr, "warmup": warmup, "norm_first": norm_first}
        for seed, lr, warmup, norm_first in product(SEEDS, LEARNING_RATES, WARMUPS, (False, True))
    ]
    record("norm_placement", {"settings": SETTINGS}, runs, measure)
