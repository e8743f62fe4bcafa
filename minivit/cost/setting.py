"""A model and how it is trained: what an estimate is asked, but for the number of samples."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from minivit.cost.estimate import OPTIMIZERS, _check_choice
from minivit.cost.run import Scene, nbytes_of
from minivit.models.model import Model, create_model
from minivit.train.optim import Optimizer
from minivit.train.step import SHARD_SIZE
from minivit.types import Size


@dataclass(frozen=True)
class Setting:
    """Builds the scenes of one model, trained in one way."""

    model: str | Model
    options: dict[str, Any]
    """That replace the preset's or the model's."""
    length: int
    optimizer: Callable[..., Optimizer]
    recompute: bool
    threads: int

    def build(self) -> Model:
        """The model."""
        if isinstance(self.model, str):
            return create_model(self.model, **self.options)
        return type(self.model)(**{**self.model.config, **self.options})

    def scene(self, samples: int) -> Scene:
        """The model and so many samples, none of which has numbers."""
        return Scene(self.build(), samples, self.length, self.optimizer, self.recompute)

    def peak_in_shards(self, batch: int) -> int:
        """The most bytes that are alive at once in a training step, as :func:`~minivit.cost.estimate.estimate` has it.

        At most four shards are run, however large the batch is.
        """
        few = min(batch, 3 * SHARD_SIZE + batch % SHARD_SIZE)
        step = self.scene(few)
        step.in_shards()
        others = step.input_bytes // few * (batch - few)
        optimizer_bytes = sum(array.nbytes for array in step.optimizer.state.values())
        lasting = nbytes_of(step.model.named_state().values()) + nbytes_of(step.model.params) + optimizer_bytes
        busy = step.tally.peak - lasting - step.input_bytes
        return step.tally.peak + others + busy * (min(self.threads, -(-batch // SHARD_SIZE)) - 1)

    def peak_at_once(self, batch: int) -> int:
        """The same without shards."""
        step = self.scene(batch)
        step.whole_batch()
        return step.tally.peak


def setting_of(
    model: str | Model,
    *,
    img_size: Size | None,
    length: int,
    dtype: str,
    optimizer: str,
    recompute: str,
    threads: int,
    options: dict[str, Any],
) -> Setting:
    """From the arguments of :func:`~minivit.cost.estimate.estimate`."""
    _check_choice("optimizer", optimizer, OPTIMIZERS)
    _check_choice("recompute", recompute, ("none", "blocks"))
    given = {**options, "dtype": dtype} | ({} if img_size is None else {"img_size": img_size})
    return Setting(model, given, length, OPTIMIZERS[optimizer], recompute == "blocks", threads)
