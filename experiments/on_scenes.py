"""Nets that are given minutes on scenes: what detection.py, segmentation.py and matching.py share.

``nets`` are the options of ``recipe_for`` for each net by its name; ``scores`` makes numbers of a trainer at its end.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from record import record
from timed import OF_STEPS, THREADS, seconds_of, speed_of, trained_for

from minivit.data import scenes
from minivit.train import Recipe, Trainer

Options = Mapping[str, Any]
Scores = Callable[[Trainer], dict[str, Any]]


def about(program: str, what: str, shown: Options, **settings: Any) -> dict[str, Any]:
    """How a file of results was made."""
    command = f"python experiments/{program}.py {what}"
    return {"command": command, "scenes": shown, "threads": THREADS, **settings}


def measure_speed(program: str, shown: Options, nets: Mapping[str, Options], recipe_for: Callable[..., Recipe]) -> None:
    """Seconds per step of each net."""
    data = scenes(**shown)

    def measure(*, net: str) -> dict[str, Any]:
        return speed_of(recipe_for(**nets[net]), data)

    record(f"{program}_speed", about(program, "speed", shown, **OF_STEPS), ({"net": net} for net in nets), measure)


def measure_training(
    program: str,
    shown: Options,
    nets: Mapping[str, Options],
    recipe_for: Callable[..., Recipe],
    scores: Scores,
    *,
    minutes: Mapping[str, int],
    seeds: Sequence[int],
) -> None:
    """Scores of each net after its minutes."""
    data = scenes(**shown)

    def measure(*, net: str, minutes: int, seed: int) -> dict[str, Any]:
        return scores(trained_for(minutes, recipe_for(seed=seed, **nets[net]), data, seconds_of(program, net=net)))

    runs = ({"net": net, "minutes": minutes[net], "seed": seed} for seed in seeds for net in nets)
    record(program, about(program, "train", shown), runs, measure)


def measure_ablation(
    program: str,
    shown: Options,
    rows: Iterable[str],
    recipe_of: Callable[..., Recipe],
    scores: Scores,
    *,
    as_long_as: str,
    seeds: Sequence[int],
) -> None:
    """Scores of each row, which sees as many images as this net does in five minutes, whatever its steps take."""
    data, rows = scenes(**shown), [*rows]

    def measure(*, row: str, seed: int) -> dict[str, Any]:
        return scores(trained_for(5, recipe_of(row, seed=seed), data, seconds_of(program, net=as_long_as)))

    runs = ({"row": row, "seed": seed} for seed in seeds for row in rows)
    record(f"{program}_ablation", about(program, "ablation", shown), runs, measure)
