"""Training steps and inference of minivit and a peer, after their numbers have been found equal. Runs in a child.

Each side is timed in a process of its own: in one process, the memory that one side has freed and the threads that it
has started would be in the way of the other.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from measure import Times, Worker, alternate
from workload import Workload, check_memory, image_shape, model_of, one_shard, only_vit

from minivit.tasks import Classification
from minivit.train import AdamW, predict, training_step

LOSS_TOLERANCE = 1e-4
LOGIT_TOLERANCE = 2e-5


def compare(what: str, workload: list, peer: str, threads: int, pairs: int) -> Times:
    """Seconds of every "step" or "inference" of both sides."""
    check_memory(Workload(*workload), what, threads)
    side = {"what": what, "workload": workload, "peer": peer, "threads": threads}
    check = check_logits if what == "inference" else check_losses
    checked = [*one_shard(Workload(*workload))]
    check(*(one_side(name, what, checked, peer, threads) for name in ("minivit", "peer")))
    ours, theirs = (partial(Worker, "speed.one_side", name=name, **side) for name in ("minivit", "peer"))
    with ours() as our_seconds, theirs() as their_seconds:
        return alternate(our_seconds, their_seconds, pairs)


def one_side(name: str, what: str, workload: list, peer: str, threads: int) -> Callable[[], Any]:
    """A function that runs a step or an inference of "minivit" or of its "peer"; both begin with the same weights."""
    _, config, batch_size = workload
    model = model_of(config)
    images, labels = make_data(config, batch_size)
    if name == "minivit":
        if what == "inference":
            return partial(predict, model, images, threads=threads)
        return our_training(model, images, labels, threads)
    if peer.startswith("torch"):
        from torch_twin import inference, training
    else:
        only_vit(config)
        from functional_twin import inference, training
    if what == "inference":
        return inference(peer, model, images, threads)
    return training(peer, model, images, labels, threads)


def make_data(config: dict[str, Any], batch_size: int) -> tuple[np.ndarray, np.ndarray]:
    """Images and labels of random numbers; drawn as float32, so that nothing larger has ever been in memory."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal(image_shape(config, batch_size), dtype=np.float32)
    return images, rng.integers(0, config["num_classes"], batch_size)


def our_training(model: Any, images: np.ndarray, labels: np.ndarray, threads: int) -> Callable[[], float]:
    """A function that trains minivit one step and returns its loss."""
    optimizer = AdamW(model, lr=1e-3, weight_decay=0.05)
    options = {"task": Classification(label_smoothing=0.1), "clip_norm": 1.0, "threads": threads}
    return partial(training_step, model, images, labels, optimizer=optimizer, **options)


def check_losses(ours: Callable[[], float], theirs: Callable[[], float]) -> None:
    """Train three steps on both sides (which is also the warm-up) and compare the losses."""
    losses = [(ours(), theirs()) for _ in range(3)]
    if not all(abs(a - b) <= LOSS_TOLERANCE * max(1, abs(b)) for a, b in losses):
        raise AssertionError(f"losses of minivit and its peer in the first steps: {losses}; they should be equal")


def check_logits(ours: Callable[[], np.ndarray], theirs: Callable[[], np.ndarray]) -> None:
    """Compare all logits, twice (which is also the warm-up)."""
    for _ in range(2):
        a, b = ours(), theirs()
        error = np.abs(a - b).max() / np.abs(b).max()
        if not error <= LOGIT_TOLERANCE:
            raise AssertionError(f"logits of minivit and its peer differ by {error:.1e} of the largest")
