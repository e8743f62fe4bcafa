"""The most bytes that are alive at once in a training step, for one batch or another."""

from collections.abc import Callable
from functools import cache

from minivit.cost.run import Scene, nbytes_of
from minivit.tasks.task import Task
from minivit.train.step import SHARD_SIZE


class Peaks:
    """Peaks of the training steps of one model, whatever the batch.

    Parameters
    ----------
    scene : function
        Builds model, optimizer and inputs for so many samples.
    task, target_shape
        What the outputs are for, and the shape of one target.
    threads : int
        How many shards are in the making at a time.
    """

    def __init__(
        self, scene: Callable[[int], Scene], task: Task, target_shape: tuple[int, ...], threads: int = 1
    ) -> None:
        self.scene = scene
        self.task = task
        self.target_shape = target_shape
        self.threads = threads
        self._step = cache(self._run)  # batches that leave as many samples over have the same one

    def at_once(self, batch: int) -> int:
        """With the whole batch at once, as other libraries train."""
        scene = self.scene(batch)
        scene.tally.counts_work = False
        scene.whole_batch()
        return scene.tally.peak

    def in_shards(self, batch: int) -> int:
        """As minivit trains: a few samples at a time.

        Two whole shards and what is left over are run: with a third, no more is alive at once than with the second, but
        its inputs and targets.
        """
        few = min(batch, 2 * SHARD_SIZE + batch % SHARD_SIZE)
        peak, of_a_shard, waiting = self._step(few)
        shards = max(1, -(-(batch - 1) // SHARD_SIZE))  # a single sample left over is no shard of its own
        others = min(self.threads, shards) - 1
        return peak + (batch - few) * waiting + of_a_shard * others

    def _run(self, batch: int) -> tuple[int, int, int]:
        """The peak of a step, what of it is a shard's own, and what a sample takes that waits for its shard."""
        scene = self.scene(batch)
        scene.in_shards(self.task, self.target_shape)
        waiting = scene.input_bytes + scene.target_bytes
        lasting = nbytes_of(scene.model.named_state().values()) + nbytes_of(scene.model.params) + scene.optimizer_bytes
        return scene.tally.peak, scene.tally.peak - lasting - waiting, waiting // batch
