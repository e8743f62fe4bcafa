"""A real training step, beside its estimate."""

import tracemalloc
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np

from minivit.caches import nbytes
from minivit.checked import checked
from minivit.cost.estimate import OPTIMIZERS, Estimate, estimate
from minivit.cost.room import must_have_room
from minivit.cost.run import built, task_for
from minivit.layers.checkpoint import checkpointed
from minivit.layers.layer import Layer
from minivit.models.model import Model
from minivit.train.step import shards_of, training_step
from minivit.types import Positive, Size, ndarray


class Measured(NamedTuple):
    """What a real step kept, needed and took, and what was estimated."""

    estimate: Estimate
    """For one thread."""
    shard_activation_bytes: int
    """What backward keeps of one shard: the arrays in its cache."""
    peak_training_bytes: int
    """The most that was alive at once in a step of one thread, as Python records it (tracemalloc)."""
    seconds: float
    """Of a step, with as many threads as were asked for: the fastest of three."""

    @property
    def flops_per_second(self) -> float:
        """Of the matrix products, forward and backward."""
        return (self.estimate.flops_forward + self.estimate.flops_backward) / self.seconds


@checked
def measure(
    model: str | Model,
    *,
    img_size: Size | None = None,
    batch: Positive = 1,
    length: Positive = 32,
    dtype: str | None = None,
    optimizer: str = "adamw",
    recompute: str = "none",
    threads: Positive = 1,
    **options: Any,
) -> Measured:
    """Train a model for a few steps on noise, and see how far its estimate is from that.

    The model is built anew, with initial values; the arguments are those of :func:`~minivit.cost.estimate`.

    Raises
    ------
    MemoryError
        If the estimated peak is more than the memory that is free: nothing is run then.
    ValueError, TypeError
        As in :func:`~minivit.cost.estimate`.
    """
    given: dict[str, Any] = {"img_size": img_size, "dtype": dtype}
    how = {"batch": batch, "length": length, "optimizer": optimizer, "recompute": recompute, **given, **options}
    expected, needed = (estimate(model, **how, threads=n) for n in (1, threads))
    must_have_room(needed.peak_training_bytes, "a training step", "measure with a smaller batch or model")
    tracemalloc.start()
    try:
        made = built(model, **given, options=options)
        steps = _Steps(checkpointed(made) if recompute == "blocks" else made, made, batch, length, optimizer)
        steps.step(threads=1)
        tracemalloc.reset_peak()
        steps.step(threads=1)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    seconds = min(steps.step(threads=threads) for _ in range(3))
    return Measured(expected, steps.kept_of_a_shard(), peak, seconds)


class _Steps:
    """A model with numbers, noise to train it on, and an optimizer."""

    def __init__(self, running: Layer, model: Model, batch: int, length: int, optimizer: str) -> None:
        self.rng = np.random.default_rng(0)
        self.inputs = model.example(batch, length, self._noise)
        self.model = running
        make: Any = OPTIMIZERS[optimizer]
        self.optimizer = make(running)
        outputs, _ = running.forward(*(array[:1] for array in self.inputs))
        self.task, shape = task_for(outputs)
        classes = outputs.shape[-1] if isinstance(outputs, ndarray) else 1
        self.targets = np.full((batch, *shape), min(1, classes - 1))

    def _noise(self, shape: tuple[int, ...], dtype: Any) -> ndarray:
        if np.issubdtype(dtype, np.integer):
            return np.ones(shape, dtype)  # a token that is there, whatever the vocabulary
        return self.rng.standard_normal(shape, np.dtype(dtype).type)

    def kept_of_a_shard(self) -> int:
        """Bytes that backward keeps of the largest one."""
        shard = max(shards_of(len(self.inputs[0])), key=lambda shard: shard.stop - shard.start)
        _, cache = self.model.forward(*(array[shard] for array in self.inputs), rng=self.rng)
        return nbytes(cache)

    def step(self, threads: int) -> float:
        """Do one; returns the seconds."""
        start = perf_counter()
        how: dict[str, Any] = {"optimizer": self.optimizer, "task": self.task, "rng": self.rng, "threads": threads}
        training_step(self.model, self.inputs, self.targets, **how)
        return perf_counter() - start
