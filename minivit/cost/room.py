"""Is there room in memory for what is about to be computed? Counted, not tried."""

from minivit.cost.estimate import estimate
from minivit.memory import free_memory
from minivit.processors import available_processors
from minivit.train.kinds import ImageKind
from minivit.train.trainer import Trainer


def check_training_fits(trainer: Trainer) -> None:
    """Refuse a training of which one step takes more memory than is free, by the code that it is going to run.

    Raises
    ------
    MemoryError
        If it does not fit. What the system does not say is taken to be enough.
    """
    kind, threads = trainer.kind, trainer.threads or available_processors()
    needed = estimate(trainer.model, batch=trainer.batch_size, threads=threads).peak_training_bytes
    what, smaller = kind.what, ""
    if isinstance(kind, ImageKind):
        Y, X = kind.img_size
        what, smaller = f"images of {Y} x {X} pixels", "smaller images (--img-size), "
    must_have_room(
        needed,
        f"a training step of {trainer.recipe.model} with {trainer.batch_size} {what} and --threads {threads}",
        f"use {smaller}fewer --threads or a smaller --batch-size",
    )


def must_have_room(needed: int, what: str, advice: str) -> None:
    """MemoryError if ``what`` takes more bytes than are free."""
    free = free_memory()
    if free is not None and needed > free:
        raise MemoryError(f"{what} takes {needed / 2**20:,.1f} MiB, and {free / 2**20:,.1f} MiB are free: {advice}")
