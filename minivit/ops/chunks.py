"""Work on large arrays some thousand numbers at a time.

NumPy computes ``x * x + 1`` in two passes over memory. An op of twenty passes over an array that is larger than the
processor's cache waits twenty times for memory; chunk by chunk it waits once.
"""

from collections.abc import Iterator

from minivit.types import ndarray

CHUNK = 32768
"""Numbers in a chunk: 128 KiB in float32, so that a few of them fit the L2 cache of any recent processor."""


def chunks(*arrays: ndarray) -> Iterator[tuple[ndarray, ...]]:
    """Tuples of flat pieces, the same place of each array; of contiguous arrays they are views, to be written to."""
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, len(flat[0]), CHUNK):
        yield tuple(array[start : start + CHUNK] for array in flat)
