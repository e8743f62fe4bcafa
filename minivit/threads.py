"""Work in threads: one BLAS thread for each, and memory that is kept for the next piece of work."""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from errno import EAGAIN
from functools import cache
from threading import Lock
from typing import Any

import numpy as np

from minivit.processors import available_processors


def run_in_threads(work: Callable[..., Any], *items: Iterable[Any], threads: int | None) -> Generator[Any]:
    """``map`` in a pool of threads, each with one BLAS thread; serially where there are no threads (a browser)."""
    threads = available_processors() if threads is None else threads
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
