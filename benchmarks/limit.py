"""Share of the limit: the time of a training step's matrix products alone, divided by the time of the step.

The products are recorded while minivit trains one shard, so they are the ones of the step, with its shapes and its
transposed and strided views. Replayed alone, their operands lie in two buffers that stay in the cache: what remains is
the time that the BLAS needs. No training step in NumPy can be faster than that.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from measure import alternate, seconds
from numpy.lib.stride_tricks import as_strided
from recording import Operand, Operation, record, recording
from speed import make_data, our_training
from workload import Workload, check_memory, macs, model_of

from minivit.ops import cross_entropy_backward, cross_entropy_forward
from minivit.threads import run_in_threads
from minivit.train.step import shards_of


def compare(workload: list, threads: int, pairs: int) -> dict[str, Any]:
    """Seconds of the products ("minivit": the step; "peer": its products alone) and the FLOPs of both."""
    check_memory(Workload(*workload), "step", threads)
    _, config, batch_size = workload
    products = replay(config, batch_size, threads)
    step = our_training(model_of(config), *make_data(config, batch_size), threads)
    for _ in range(3):
        products()
        step()
    times = alternate(partial(seconds, step), partial(seconds, products), pairs)
    return {"seconds": times, "flops": 6 * batch_size * macs(config)}


def products_of_shard(config: dict[str, Any], size: int) -> list[Operation]:
    """Every matrix product of forward and backward of one shard, in order.

    Raises
    ------
    AssertionError
        If they are not the multiplications that the model's closed form counts: three times those of forward.
    """
    log: list[Operation] = []
    model = model_of(config)
    for param in model.params:
        param._value = record(param.value, log)
    images, labels = make_data(config, size)
    with np.errstate(all="ignore"), recording(log):
        logits, c_model = model.forward(record(images, log))
        loss, c_loss = cross_entropy_forward(logits, labels, label_smoothing=0.1)
        (dlogits,) = cross_entropy_backward(np.ones_like(loss), c_loss)
        model.backward(dlogits, c_model)
    products = [operation for operation in log if operation.is_product]
    counted, expected = sum(product.macs for product in products), 3 * size * macs(config)
    if counted != expected:
        raise AssertionError(f"the recorded products have {counted:,} MACs, the model {expected:,}")
    return products


def replay(config: dict[str, Any], batch_size: int, threads: int) -> Callable[[], None]:
    """A function that runs the products of a whole step: all shards, in as many threads as the step."""
    shard_sizes = [shard.stop - shard.start for shard in shards_of(batch_size)]
    pairs = {size: operand_pairs(products_of_shard(config, size)) for size in set(shard_sizes)}

    @np.errstate(all="ignore")
    def run_shard(size: int) -> None:
        for a, b in pairs[size]:
            np.matmul(a, b)  # which is a @ b; what it returns is dropped, only the time counts

    def run() -> None:
        for _ in run_in_threads(run_shard, shard_sizes, threads=threads):
            pass

    return run


def operand_pairs(products: list[Operation]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Arrays of the recorded shapes and strides: all left ones lie in one buffer, all right ones in another."""
    rng = np.random.default_rng(0)
    sides = []
    for side in (0, 1):
        operands = [product.inputs[side] for product in products]
        buffer = rng.standard_normal(max(map(span, operands)), dtype=np.float32)
        sides.append([as_strided(buffer, x.shape, x.strides, writeable=False) for x in operands])
    return list(zip(*sides, strict=True))


def span(x: Operand) -> int:
    """Elements from the first to the last of a strided array of float32."""
    return 1 + sum((n - 1) * stride for n, stride in zip(x.shape, x.strides, strict=True)) // 4
