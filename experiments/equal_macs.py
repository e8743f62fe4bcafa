"""As many MACs, as fast? A ViT beside a ResNet and a hybrid: seconds of a training step, and what of it is products.

    python experiments/equal_macs.py measure      # on a machine that does nothing else
    python experiments/equal_macs.py              # the table, with the accuracies of inductive_bias.py

"Same FLOPs, faster", slides say of a ViT. The steps are timed in turn, and the matrix products of each beside its step
(see benchmarks/limit.py). It writes results/equal_macs.json.
"""

# pyright: reportMissingImports=false

import sys
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from cifar import BATCH_SIZE, options_for
from record import record, runs_of, spread

import minivit as mv

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))

NETS, PAIRS, THREADS, IMAGES = ("ViT", "ResNet", "hybrid"), 20, (1, 2), 50_000


def config_of(net: str) -> dict[str, Any]:
    """As benchmarks write a model."""
    model = mv.create_model(**options_for(net))
    return {"family": type(model).__name__, **model.config}


@cache
def steps_in_turn(threads: int) -> dict[str, list[float]]:
    """Seconds of a training step of each, one after the other, again and again."""
    from measure import seconds
    from speed import make_data, our_training
    from workload import model_of

    configs = {net: config_of(net) for net in NETS}
    steps = {net: our_training(model_of(c), *make_data(c, BATCH_SIZE), threads) for net, c in configs.items()}
    for step in steps.values():
        step()
    rounds = [{net: seconds(step) for net, step in steps.items()} for _ in range(PAIRS)]
    return {net: [times[net] for times in rounds] for net in NETS}


def share_of_products(net: str, threads: int) -> float:
    """How much of a training step its matrix products take, if nothing is done beside them."""
    from limit import compare

    seconds = compare([net, config_of(net), BATCH_SIZE], threads, PAIRS)["seconds"]
    return median(alone / step for step, alone in zip(seconds["minivit"], seconds["peer"], strict=True))


def measure(*, net: str, threads: int) -> dict[str, Any]:
    """Seconds of a step, how often a ViT's fits into them (10 %, median, 90 %), and the share of products."""
    from measure import spread as low_median_high

    times = steps_in_turn(threads)
    ratios = [one / vit for one, vit in zip(times[net], times["ViT"], strict=True)]
    return {
        "step": round(median(times[net]), 4),
        "ratio": [round(ratio, 3) for ratio in low_median_high(ratios)],
        "products": round(share_of_products(net, threads), 3),
    }


def table() -> str:
    """What each costs, and what it is right for, in Markdown."""
    lines = ["| | MACs | step, 1 thread | 2 threads | products, 1 thread | 2 threads | test accuracy |"]
    lines.append("|---|---:|---:|---:|---:|---:|---:|")
    runs, learned = runs_of("equal_macs"), runs_of("inductive_bias")
    for net in NETS:
        mine = {run["threads"]: run for run in runs if run["net"] == net}
        right = [run["test"] for run in learned if (run["net"], run["images"]) == (net, IMAGES)]
        macs = mv.cost.estimate(mv.create_model(**options_for(net))).macs_forward
        times = [f"{1000 * mine[n]['step']:.0f} ms ({mine[n]['ratio'][1]:.2f})" if n in mine else "" for n in THREADS]
        shares = [f"{mine[n]['products']:.0%}" if n in mine else "" for n in THREADS]
        lines.append(f"| {net} | {' | '.join([f'{macs:,}', *times, *shares, spread(right)])} |")
    return "\n".join(lines)


if __name__ == "__main__":
    if sys.argv[1:]:
        about = {"command": "python experiments/equal_macs.py measure", "batch_size": BATCH_SIZE, "pairs": PAIRS}
        runs = [{"net": net, "threads": threads} for threads in THREADS for net in NETS]
        record("equal_macs", {**about, "models": {net: options_for(net) for net in NETS}}, runs, measure)
    else:
        print(table())
