"""What a processor can do at most, from its data sheet, and what that costs."""

from math import inf
from typing import Annotated

from minivit.checked import checked
from minivit.types import Positive, Range

Price = Annotated[float, Range(above=0, below=inf)]


@checked
def peak_flops(processors: Positive, cores: Positive, flops_per_cycle: Positive, clock: Positive) -> int:
    """FLOP/s of a chip on which every core is busy in every cycle.

    Processors, times cores in each, times operations of a core in a cycle (2 for one that multiplies and adds), times
    cycles per second: ``peak_flops(132, 128, 2, 1_775_000_000)`` is an H100's in FP32, 60 TFLOP/s.
    """
    return processors * cores * flops_per_cycle * clock


@checked
def memory_bandwidth(bus_bits: Positive, clock: Positive) -> int:
    """Bytes per second of a memory that moves ``bus_bits`` twice in a cycle (double data rate)."""
    return bus_bits * 2 * clock // 8


@checked
def flops_per_dollar(flops: Price, dollars: Price) -> float:
    """FLOP/s that one dollar of the price buys. Prices change; ask for today's."""
    return flops / dollars
