"""Time from the start of a fresh process to a test accuracy on CIFAR-10, with the recipe of ``minivit train``."""

import json
import subprocess
import sys
import time
from typing import Any

from measure import ChildError


def measure(target: float, threads: int, data_dir: str | None) -> dict[str, Any]:
    """Run the training in a fresh process; what it prints after every epoch is passed on.

    Returns
    -------
    dict with ``epochs``: for each, the seconds since the process was started and the test accuracy; and ``recipe``.
    """
    program = [sys.executable, __file__, json.dumps([target, threads, data_dir, time.time()])]
    epochs, recipe = [], None
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            message = json.loads(line)
            if "recipe" in message:
                recipe = message["recipe"]
                continue
            epochs.append(message)
            print(f"  epoch {len(epochs)}: {message['seconds']:.1f} s, {message['accuracy']:.2%}", flush=True)
    if process.returncode:
        raise ChildError(f"the training ended with exit code {process.returncode}")
    return {"epochs": epochs, "recipe": recipe}


def train(target: float, threads: int, data_dir: str | None, started: float) -> None:
    """Train until the target or the end of the recipe; print one line of JSON per epoch."""
    from dataclasses import asdict

    from minivit.data import load_dataset
    from minivit.train import Trainer
    from minivit.train.recipes import recipe_of

    recipe = recipe_of("cifar10")
    print(json.dumps({"recipe": asdict(recipe)}), flush=True)
    for metrics in Trainer(recipe, load_dataset("cifar10", data_dir=data_dir), threads=threads).run():
        if metrics.test_score is not None:
            print(json.dumps({"seconds": time.time() - started, "accuracy": metrics.test_score}), flush=True)
            if metrics.test_score >= target:
                break


if __name__ == "__main__":
    train(*json.loads(sys.argv[1]))
