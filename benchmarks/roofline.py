"""The roofline of this machine, by NumPy alone: how fast it computes and moves data, and where each op stands.

    python benchmarks/roofline.py [--png FILE] [--model NAME]

An op that does few FLOPs per byte waits for memory, however fast the processor is: its speed is at most
bandwidth x FLOPs per byte. One that does many is at most as fast as a large matrix product. The two limits look like a
roof (Williams, Waterman and Patterson 2009, "Roofline: An Insightful Visual Performance Model"). One thread, float32.
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

SIZES = [2**n for n in range(14, 29)]  # 16 KiB to 256 MiB
LARGE = 1536
SHORTEST = 0.02  # seconds that a timing takes at least


class Bandwidth(NamedTuple):
    """GB/s with arrays of so many bytes in all."""

    nbytes: int
    read: float
    write: float
    copy: float


class Point(NamedTuple):
    """An op, or a matrix product: FLOPs per byte that its operands have, and how fast it ran."""

    name: str
    intensity: float
    gflops: float
    share: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--png", metavar="FILE", help="also draw it (needs Matplotlib)")
    parser.add_argument("--model", metavar="NAME", default="vit_tiny_patch4_32:avg", help="whose shapes; %(default)s")
    args = parser.parse_args()

    import machine

    from minivit.threads import one_blas_thread

    description = machine.in_words(machine.describe())
    print(description)
    print("everything below is measured with one thread, in float32; the best of a few timings")
    with one_blas_thread():
        peak = large_product()
        print(f"\nCOMPUTE: a product of two {LARGE} x {LARGE} matrices runs at {peak:.0f} GFLOP/s; this is the roof")
        bandwidths = print_bandwidths()
        products, points = print_points(args.model, peak)
    print_where(bandwidths, peak)
    if args.png:
        from roofline_plot import draw

        draw(args.png, description.splitlines()[0], peak, bandwidths, products + points)
        print(f"\nwritten: {args.png}")


def best_seconds(work: Callable[[], Any], rounds: int = 5) -> float:
    """The shortest of some timings per call: what the machine can do when nothing disturbs it."""
    from measure import seconds

    work()
    count = 1 + int(SHORTEST / max(seconds(work), 1e-7))

    def repeated() -> None:
        for _ in range(count):
            work()

    return min(seconds(repeated) for _ in range(rounds)) / count


def large_product() -> float:
    """GFLOP/s of a product that is large enough to reach the most that the BLAS can."""
    import numpy as np

    a, b = np.random.default_rng(0).standard_normal((2, LARGE, LARGE), dtype=np.float32)
    return 2e-9 * LARGE**3 / best_seconds(lambda: a @ b)


def bandwidth(nbytes: int) -> Bandwidth:
    """Measure reading, writing and copying arrays of so many bytes in all."""
    import numpy as np

    whole = np.ones(nbytes // 4, np.float32)
    source, target = np.split(whole, 2)
    works = (partial(np.dot, whole, whole), partial(whole.fill, 1), partial(np.copyto, target, source))
    return Bandwidth(nbytes, *(nbytes / best_seconds(work, 3) / 1e9 for work in works))


def print_bandwidths() -> list[Bandwidth]:
    """Measure every size; every cache is a step."""
    from report import Table

    notes = [
        "read: a dot product of an array with itself; write: fill; copy: half of the bytes are read, half written",
        "as long as all arrays fit into a cache, its speed is seen; beyond the last one, that of memory",
    ]
    table = Table("BANDWIDTH, GB/s", notes, [("bytes in all", 12), ("read", 7), ("write", 7), ("copy", 7)])
    found = []
    for nbytes in SIZES:
        found.append(bandwidth(nbytes))
        table.row(in_bytes(nbytes), *(f"{speed:.0f}" for speed in found[-1][1:]))
    return found


def in_bytes(nbytes: int) -> str:
    """Such as 16 KiB."""
    return f"{nbytes >> 20} MiB" if nbytes >= 2**20 else f"{nbytes >> 10} KiB"


def print_points(label: str, peak: float) -> tuple[list[Point], list[Point]]:
    """Measure the matrix products of the model's step, and its ops, and print where they stand."""
    from report import Table
    from workload import make_workload, only_vit

    config = make_workload(label, None).config
    only_vit(config)
    columns = [("", -34), ("FLOPs/byte", 10), ("GFLOP/s", 8), ("of the roof", 11)]
    notes = [
        "bytes: every operand and result once; the time of the products of a shard is shared out in the last column",
    ]
    table = Table(f"MATRIX PRODUCTS of {label}", notes, [*columns, ("of the time", 11)])
    products = product_points(config)
    for name, intensity, gflops, share in products:
        table.row(name, f"{intensity:.1f}", f"{gflops:.0f}", f"{gflops / peak:.0%}", f"{share:.0%}")
    notes = [
        "counted in the NumPy operations that the op really runs: two FLOPs per multiply-add, one for any other number",
        "computed, be it a sum or an exponential; all bytes that a pass reads and writes, in a cache or in memory",
    ]
    table = Table(f"OPS of {label}, on its shards", notes, columns)
    points = op_points(config)
    for name, intensity, gflops, _ in points:
        table.row(name, f"{intensity:.2f}", f"{gflops:.1f}", f"{gflops / peak:.1%}")
    return products, points


def product_points(config: dict[str, Any]) -> list[Point]:
    """Each kind of matrix product in the training step of one shard."""
    import numpy as np
    from limit import operand_pairs, products_of_shard

    from minivit.train.step import SHARD_SIZE

    kinds: dict[Any, list[Any]] = {}
    for product in products_of_shard(config, SHARD_SIZE):
        kinds.setdefault(tuple((x.shape, x.strides) for x in product.inputs), []).append(product)
    timed = []
    for products in kinds.values():
        (a, b), first = operand_pairs(products[:1])[0], products[0]
        with np.errstate(all="ignore"):
            seconds = best_seconds(partial(np.matmul, a, b), 3)
        *stack, rows, inner = a.shape
        name = f"{f'{np.prod(stack)} x ' if stack else ''}({rows}, {inner}) @ ({inner}, {b.shape[-1]})"
        name += "".join(f", {side}^T" for side, x in (("A", a), ("B", b)) if x.strides[-1] != 4)
        timed.append((name, first.flops / first.nbytes, first.flops / seconds / 1e9, seconds * len(products)))
    total = sum(seconds for *_, seconds in timed)
    points = [Point(name, intensity, gflops, seconds / total) for name, intensity, gflops, seconds in timed]
    return sorted(points, key=lambda point: -point.share)


def op_points(config: dict[str, Any]) -> list[Point]:
    """Forward and backward of each op on one shard."""
    import numpy as np
    from op_cases import op_cases, shard_runs
    from recording import Operation, record, recording

    from minivit.train.step import SHARD_SIZE

    points = []
    for case in op_cases(config, SHARD_SIZE):
        (run,) = shard_runs(case)
        seen: list[Operation] = []
        with recording(seen), np.errstate(all="ignore"):
            floats = [record(x, seen) if x.dtype == np.float32 else x for x in run.arguments]
            _, cache = case.forward(*floats)
            logs = [seen.copy()]
            seen.clear()
            case.backward(record(run.dy, seen), cache)
            logs.append(seen)
        works = (partial(case.forward, *run.arguments), partial(case.backward, run.dy, run.cache))
        for direction, log, work in zip(("forward", "backward"), logs, works, strict=True):
            flops, nbytes = sum(x.flops for x in log), sum(x.nbytes for x in log)
            with np.errstate(all="ignore"):
                gflops = flops / best_seconds(work, 3) / 1e9
            points.append(Point(f"{case.name}, {direction}", flops / nbytes, gflops, 0))
    return points


def print_where(bandwidths: Sequence[Bandwidth], peak: float) -> None:
    """Say what the numbers mean together."""
    near, far = max(b.copy for b in bandwidths), bandwidths[-1].copy
    print(
        f"\nAn op needs {peak / far:.0f} FLOPs per byte to be limited by arithmetic when its data come from memory "
        f"({far:.0f} GB/s),\nand {peak / near:.1f} when they come from the best cache ({near:.0f} GB/s). "
        "What does less waits for data:\nonly doing more with each byte (fewer passes, smaller pieces) makes it faster."
    )


if __name__ == "__main__":
    main()
