"""One library alone in a fresh process: how much memory its training takes, and that it has trained at all."""

# pyright: reportMissingImports=false

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

from measure import Times, alternate, in_child, seconds


def build(library: str, config: dict[str, Any], batch_size: int, threads: int) -> Callable[[], float]:
    """Model, data and optimizer of "minivit" or "torch"; returns the training step. Imports nothing of the other."""
    if library == "minivit":
        from speed import make_data, our_training
        from workload import model_of

        return our_training(model_of(config), *make_data(config, batch_size), threads)
    import torch
    from torch_twin import both_sides, training_of, twin

    torch.set_num_threads(threads)
    pixels = torch.randn(batch_size, config["in_chans"], *both_sides(config["img_size"]))
    targets = torch.randint(config["num_classes"], (batch_size,))
    return training_of(twin(config), pixels, targets)


def peak_memory(library: str, config: dict[str, Any], batch_size: int, threads: int) -> dict[str, int]:
    """Largest resident memory in bytes before and after three training steps. To be called in a fresh process."""
    step = build(library, config, batch_size, threads)
    built = peak_bytes()
    for _ in range(3):
        step()
    return {"built": built, "peak": peak_bytes()}


def train_once(library: str, config: dict[str, Any], batch_size: int, threads: int) -> float:
    """The loss of one training step, everything being built for it."""
    return build(library, config, batch_size, threads)()


def peak_bytes() -> int:
    """Largest resident memory of this process until now.

    Linux hands this number down to a child process, so it is right only if the parent has never been larger.
    """
    import resource  # here: Windows has none

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def import_seconds(library: str) -> float:
    """Wall time of a fresh process that imports a library and ends."""
    return seconds(lambda: subprocess.run([sys.executable, "-c", f"import {library}"], check=True))


def first_step_seconds(library: str, config: dict[str, Any], batch_size: int, threads: int) -> float:
    """Wall time of a fresh process that imports a library, builds model and data, trains one step and ends."""
    arguments = {"library": library, "config": config, "batch_size": batch_size, "threads": threads}
    return seconds(lambda: in_child("alone.train_once", **arguments))


def compare_memory(workload: list, threads: int, pairs: int) -> dict[str, list[dict[str, int]]]:
    """Peaks of fresh processes of minivit and PyTorch, in turn."""
    from workload import Workload, check_memory  # here: it imports minivit, which PyTorch's processes must not

    check_memory(Workload(*workload), "step", threads)
    _, config, batch_size = workload
    arguments = {"config": config, "batch_size": batch_size, "threads": threads}
    sides: dict[str, list[dict[str, int]]] = {"minivit": [], "peer": []}
    for _ in range(pairs):
        sides["minivit"].append(in_child("alone.peak_memory", library="minivit", **arguments))
        sides["peer"].append(in_child("alone.peak_memory", library="torch", **arguments))
    return sides


def compare_import(pairs: int) -> Times:
    """Seconds of fresh processes that import minivit and PyTorch, in turn."""
    return alternate_fresh(import_seconds, pairs)


def compare_first_step(workload: list, threads: int, pairs: int) -> Times:
    """Seconds from the start of a fresh process to its end after one training step, in turn."""
    _, config, batch_size = workload
    return alternate_fresh(partial(first_step_seconds, config=config, batch_size=batch_size, threads=threads), pairs)


def alternate_fresh(timed: Callable[[str], float], pairs: int) -> Times:
    """Alternate fresh processes, after one of each side that fills the system's file cache."""
    ours, theirs = partial(timed, "minivit"), partial(timed, "torch")
    ours()
    theirs()
    return alternate(ours, theirs, pairs)
