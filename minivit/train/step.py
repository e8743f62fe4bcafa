"""One training step: the batch in small shards, the shards in threads, the same bits whatever the number of threads.

A shard is a few samples (:func:`shards_of`), so that what its forward keeps stays near the processor until its backward
reads it. Each shard runs on a replica of the model, and the gradients of the shards are added up in their order,
whichever is ready first.
"""

import copy
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import Any

import numpy as np

from minivit.caches import first_nonfinite
from minivit.checked import check_range, checked
from minivit.layers.batch_norm import frozen
from minivit.layers.checkpoint import checkpointed
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.tasks.classification import Classification
from minivit.tasks.task import Task, joined, number_of, part_of
from minivit.threads import run_in_threads
from minivit.train.optim import Optimizer, clip_grad_norm
from minivit.types import ndarray

SHARD_SIZE = 16


@checked
def training_step(
    model: Layer,
    inputs: Any,
    targets: Any,
    *,
    optimizer: Optimizer,
    task: Task | None = None,
    clip_norm: float | None = None,
    rng: np.random.Generator | None = None,
    threads: int | None = None,
) -> float:
    """Forward, loss, backward, update; returns the loss of the batch.

    Parameters
    ----------
    inputs : array, or tuple of arrays
        What ``model.forward`` takes, with one entry for each sample: for a classifier images (B, Y, X, C).
    targets
        What the task takes: for classification class numbers (B,), or soft targets (B, classes).
    optimizer : Optimizer
        Its ``step`` is called at the end. ``param.grad`` of the model then still holds the gradient of this step.
    task : Task, optional
        What the model is trained for; :class:`minivit.tasks.Classification` if not given.
    clip_norm : float, optional
        Largest global norm of the gradient.
    rng : numpy.random.Generator, optional
        For dropout and stochastic depth; each shard gets a generator of its own.
    threads : int, optional
        How many shards run at a time; as many as there are processors if not given. Does not change the result.

    Raises
    ------
    ValueError
        If the batch is empty, inputs and targets are not of the same number, the optimizer is another model's, or an
        option is out of range.
    FloatingPointError
        If the loss or the gradient is not finite. It names the first place; no parameter has been changed then.
    """
    task = task or Classification()
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    targets = np.atleast_1d(targets) if isinstance(targets, (int, np.generic, ndarray)) else targets
    counts = [*map(number_of, inputs)]
    count = max(counts, default=0)
    if count == 0 or {*counts, number_of(targets)} != {count}:
        raise ValueError(
            f"training_step: {' and '.join(map(str, counts))} inputs and {number_of(targets)} targets; "
            "expected as many, at least one"
        )
    if clip_norm is not None:
        check_range("clip_norm", clip_norm, above=0)
    state = model.named_state()
    params = {name: param for name, param in state.items() if param.learned}
    averages = [param for param in state.values() if not param.learned]
    if not {*optimizer.params.values()} <= {*params.values()}:
        raise ValueError("training_step: the optimizer was made for another model")
    shards = shards_of(count)
    rngs = rng.spawn(len(shards)) if rng else [None] * len(shards)
    over = task.over(targets)
    loss, doutputs = _whole_batch(model, task, inputs, targets, shards, rngs, threads) if task.coupled else (0.0, None)

    @np.errstate(all="ignore")  # what is not finite is found below, and reported with its place
    def run_shard(shard: slice, shard_rng: np.random.Generator | None) -> tuple[float, Layer, Any]:
        twin, shard_loss = model.replica(), 0.0
        outputs, c_model = twin.forward(*part_of(inputs, shard), rng=shard_rng)
        if task.coupled:
            twin.backward(part_of(doutputs, shard), c_model)
        elif np.any(part := task.over(part_of(targets, shard))):  # if there is anything to take a mean over
            mean, c_loss = task.forward(outputs, part_of(targets, shard))
            share = np.asarray(part / np.where(over, over, 1))  # of each part of the loss; 0 of what there is none of
            twin.backward(task.backward(share.astype(np.asarray(mean).dtype), c_loss), c_model)
            shard_loss = float(np.sum(mean * share))
        return shard_loss, twin, c_model if averages else None

    for param in params.values():
        param.zero_grad()
    with (
        closing(run_in_threads(run_shard, shards, rngs, threads=threads)) as results,
        _as_before_on_error(averages),
    ):
        for shard_loss, twin, c_model in results:
            loss += shard_loss
            for param, part in zip(params.values(), twin.params, strict=True):
                param.add_grad(part.grad)
                part.zero_grad()  # the next shard needs the memory
            if averages:
                model.absorb(c_model)
            del c_model
        if not np.isfinite(loss):
            raise FloatingPointError(f"the loss is {loss}: {_first_trouble(model, inputs, rngs)}")
        norm = clip_grad_norm([*optimizer.params.values()], np.inf if clip_norm is None else clip_norm)
        if not np.isfinite(norm):
            bad = [name for name, param in optimizer.params.items() if not np.isfinite(param.grad).all()]
            place = f"the first parameter with such a gradient is {bad[0]}" if bad else "its square overflows"
            raise FloatingPointError(f"the norm of the gradient is {norm}: {place}")
        optimizer.step()
    return loss


@contextmanager
def _as_before_on_error(params: Sequence[Param]) -> Iterator[None]:
    """Give parameters their values back if an error ends what is done inside."""
    before = [param.value.copy() for param in params]
    try:
        yield
    except BaseException:
        for param, value in zip(params, before, strict=True):
            param.value = value
        raise


def shards_of(count: int) -> list[slice]:
    """A batch in shards: 16 samples each, and the last one what is left over; a single sample joins the 16 before it.

    It depends on the size of the batch alone, so that threads do not change what comes out. No sample is alone in its
    shard unless it is alone in its batch: of one place of one image, normalisation by the batch could make nothing.
    """
    ends = [*range(SHARD_SIZE, count - 1, SHARD_SIZE), count]
    return [slice(start, end) for start, end in pairwise((0, *ends))]


@np.errstate(all="ignore")  # as in the step: what is not finite is found there
def _whole_batch(
    model: Layer,
    task: Task,
    inputs: tuple,
    targets: Any,
    shards: Sequence[slice],
    rngs: Sequence[np.random.Generator | None],
    threads: int | None,
) -> tuple[float, Any]:
    """Loss and gradient of the outputs, where they depend on all samples: forward once, and nothing kept of it.

    The generators are left as they were, so that the shards, when they run again, drop the same numbers.
    """
    light = checkpointed(model)

    @np.errstate(all="ignore")  # each thread has its own
    def outputs_of(shard: slice, shard_rng: np.random.Generator | None) -> Any:
        return light.forward(*part_of(inputs, shard), rng=copy.deepcopy(shard_rng))[0]

    outputs = joined(list(run_in_threads(outputs_of, shards, rngs, threads=threads)))
    loss, c_loss = task.forward(outputs, targets)
    return float(np.sum(loss)), task.backward(np.ones_like(loss), c_loss)


@checked
def predict(model: Layer, inputs: ndarray | tuple, *, threads: int | None = None) -> Any:
    """Outputs for any number of inputs, shard by shard in threads; nothing is kept for backward.

    Parameters
    ----------
    inputs : array, or tuple of arrays
        As for :func:`training_step`.
    threads : int, optional
        Does not change the result; as many as there are processors if not given.

    Returns
    -------
    What ``model.forward`` returns for all of them: logits (B, classes), or a nest of arrays.

    Raises
    ------
    ValueError
        If there are none.
    """
    inputs = inputs if isinstance(inputs, tuple) else (inputs,)
    count = number_of(inputs)
    if count == 0:
        raise ValueError("predict: there are no inputs; expected at least one")
    shards = [part_of(inputs, shard) for shard in shards_of(count)]
    # a replica draws what has not been drawn yet, here and not in several threads at once
    model = checkpointed(frozen(model))
    return joined(list(run_in_threads(lambda shard: model.forward(*shard)[0], shards, threads=threads)))


def _first_trouble(model: Layer, inputs: tuple, rngs: Sequence[np.random.Generator | None]) -> str:
    """Run forward again, shard by shard, and say where the first nan or infinity stands."""
    for name, param in model.named_params().items():
        if not np.isfinite(param.value).all():
            return f"parameter {name} is not finite"
    for shard, shard_rng in zip(shards_of(number_of(inputs)), rngs, strict=True):
        shown = part_of(inputs, shard)
        if first_nonfinite({"inputs": shown}):
            return "the inputs are not finite"
        with np.errstate(all="ignore"):
            outputs, c_model = model.forward(*shown, rng=_anew(shard_rng))
        steps = c_model._asdict() if hasattr(c_model, "_asdict") else {"cache": c_model}
        if place := first_nonfinite({**steps, "logits": outputs}):
            return f"the first place that is not finite is {place}"
    return "every activation is finite: the loss itself overflows, or the targets are not finite"


def _anew(rng: np.random.Generator | None) -> np.random.Generator | None:
    """A generator that draws, from the beginning, what this one has drawn since it was spawned."""
    if rng is None:
        return None
    bits = rng.bit_generator
    return np.random.Generator(type(bits)(bits.seed_seq))  # type: ignore[call-arg]
