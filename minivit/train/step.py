"""One training step: the batch in small shards, the shards in threads, the same bits whatever the number of threads.

A shard is a few images, so that what its forward keeps stays near the processor until its backward reads it. Each shard
runs on a replica of the model, and the gradients of the shards are added up in their order, whichever is ready first.
"""

import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from errno import EAGAIN
from functools import cache
from threading import Lock
from typing import Any

import numpy as np

from minivit.caches import first_nonfinite
from minivit.checked import check_range, checked
from minivit.layers.checkpoint import checkpointed
from minivit.layers.layer import Layer
from minivit.ops.losses import cross_entropy_backward, cross_entropy_forward
from minivit.train.optim import Optimizer, clip_grad_norm
from minivit.types import Float, ndarray

SHARD_SIZE = 16


@checked
def training_step(
    model: Layer,
    images: Float[ndarray, "B Y X C"],
    labels: ndarray,
    *,
    optimizer: Optimizer,
    label_smoothing: float = 0.0,
    clip_norm: float | None = None,
    rng: np.random.Generator | None = None,
    threads: int | None = None,
) -> float:
    """Forward, loss, backward, update; returns the loss (mean cross-entropy over the batch).

    Parameters
    ----------
    images, labels : (B, Y, X, C) and (B,) class numbers or (B, classes) soft targets
    optimizer : Optimizer
        Its ``step`` is called at the end. ``param.grad`` of the model then still holds the gradient of this step.
    clip_norm : float, optional
        Largest global norm of the gradient.
    rng : numpy.random.Generator, optional
        For dropout and stochastic depth; each shard gets a generator of its own.
    threads : int, optional
        How many shards run at a time; as many as there are processors if not given. Does not change the result.

    Raises
    ------
    ValueError
        If the batch is empty, images and labels are not of the same number, the optimizer is another model's, or an
        option is out of range.
    FloatingPointError
        If the loss or the gradient is not finite. It names the first place; no parameter has been changed then.
    """
    labels = np.atleast_1d(labels)
    if len(images) == 0 or len(images) != len(labels):
        raise ValueError(
            f"training_step: {len(images)} images and {len(labels)} labels; expected as many, at least one"
        )
    if clip_norm is not None:
        check_range("clip_norm", clip_norm, above=0)
    shards = [slice(start, start + SHARD_SIZE) for start in range(0, len(images), SHARD_SIZE)]
    rngs = rng.spawn(len(shards)) if rng else [None] * len(shards)

    @np.errstate(all="ignore")  # what is not finite is found below, and reported with its place
    def run_shard(shard: slice, shard_rng: np.random.Generator | None) -> tuple[float, Layer]:
        twin = model.replica()
        share = len(labels[shard]) / len(labels)
        logits, c_model = twin.forward(images[shard], rng=shard_rng)
        loss, c_loss = cross_entropy_forward(logits, labels[shard], label_smoothing=label_smoothing)
        (dlogits,) = cross_entropy_backward(np.asarray(share, logits.dtype), c_loss)
        twin.backward(dlogits, c_model)
        return float(loss) * share, twin

    loss, params = 0.0, model.params
    if not {*optimizer.params.values()} <= {*params}:
        raise ValueError("training_step: the optimizer was made for another model")
    model.zero_grad()
    with closing(run_in_threads(run_shard, shards, rngs, threads=threads)) as results:
        for shard_loss, twin in results:
            loss += shard_loss
            for param, part in zip(params, twin.params, strict=True):
                param.add_grad(part.grad)
    if not np.isfinite(loss):
        raise FloatingPointError(f"the loss is {loss}: {_first_trouble(model, images, rngs)}")
    norm = clip_grad_norm(params, np.inf if clip_norm is None else clip_norm)
    if not np.isfinite(norm):
        bad = [name for name, param in model.named_params().items() if not np.isfinite(param.grad).all()]
        place = f"the first parameter with such a gradient is {bad[0]}" if bad else "its square overflows"
        raise FloatingPointError(f"the norm of the gradient is {norm}: {place}")
    optimizer.step()
    return loss


@checked
def predict(
    model: Layer, images: Float[ndarray, "B Y X C"], *, threads: int | None = None
) -> Float[ndarray, "B classes"]:
    """Logits of any number of images, shard by shard in threads; nothing is kept for backward."""
    if len(images) == 0:
        raise ValueError("predict: there are no images; expected at least one")
    shards = [images[start : start + SHARD_SIZE] for start in range(0, len(images), SHARD_SIZE)]
    model = checkpointed(model)  # and draws what has not been drawn yet, here and not in several threads at once
    return np.concatenate(list(run_in_threads(lambda shard: model.forward(shard)[0], shards, threads=threads)))


def run_in_threads(work: Callable[..., Any], *items: Iterable[Any], threads: int | None) -> Generator[Any]:
    """``map`` in a pool of threads, each with one BLAS thread; serially where there are no threads (a browser)."""
    threads = default_threads() if threads is None else threads
    if threads < 1:
        raise ValueError(f"threads is {threads}; expected at least 1")
    keep_freed_memory()
    with one_blas_thread():
        if threads == 1:
            yield from map(work, *items)
        else:
            with ThreadPoolExecutor(threads) as pool:
                try:
                    results = pool.map(work, *items)
                except RuntimeError as error:  # such as where the system limits how many a user may have
                    raise OSError(EAGAIN, f"{error}; threads=1 (--threads 1) needs none") from error
                yield from results


def default_threads() -> int:
    """Number of processors this process may use; 1 where Python cannot start threads."""
    import sys

    if sys.platform == "emscripten":
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """While it lasts, every matrix product runs in the thread that asks for it (the pool does the sharing).

    The number of BLAS threads is one for the whole process: of several that ask for this at a time, the first sets it
    and the last puts it back.
    """
    with _blas_limit.lock:
        if _blas_limit.users == 0:
            _blas_limit.limiter = _blas_libraries().limit(limits=1, user_api="blas")
        _blas_limit.users += 1
    try:
        yield
    finally:
        with _blas_limit.lock:
            _blas_limit.users -= 1
            if _blas_limit.users == 0:
                _blas_limit.limiter.restore_original_limits()


class _BlasLimit:
    """Who needs the limit, and what puts it back."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.users = 0
        self.limiter: Any = None


_blas_limit = _BlasLimit()


@cache
def keep_freed_memory() -> None:
    """Have the C library keep what a shard frees for the next shard.

    glibc gives large blocks back to the system, which clears them before it hands them out again: some 20,000 page
    faults in a training step, a twentieth of its time. But it learns: once it has freed a block of some size, it keeps
    blocks of that size (M_MMAP_THRESHOLD in mallopt(3)). So it is shown one of nearly 32 MiB, the most that it can
    learn. The block is never touched, and takes no memory.
    """
    np.empty(2**25 - 2**13, np.uint8)


@cache
def _blas_libraries() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # finding the libraries takes milliseconds, so once per process


def _first_trouble(model: Layer, images: ndarray, rngs: Sequence[np.random.Generator | None]) -> str:
    """Run forward again, shard by shard, and say where the first nan or infinity stands."""
    for name, param in model.named_params().items():
        if not np.isfinite(param.value).all():
            return f"parameter {name} is not finite"
    for i, shard_rng in enumerate(rngs):
        shard = images[i * SHARD_SIZE : (i + 1) * SHARD_SIZE]
        if not np.isfinite(shard).all():
            return "the images are not finite"
        with np.errstate(all="ignore"):
            logits, c_model = model.forward(shard, rng=shard_rng)
        if place := first_nonfinite({**c_model._asdict(), "logits": logits}):
            return f"the first place that is not finite is {place}"
    return "every activation is finite; the loss itself overflows"
