"""What a model, a layer or a function costs: its code is run on arrays without numbers, and what it does is counted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy import ndarray

from minivit.caches import arrays_in, nbytes
from minivit.checked import check_range, check_type
from minivit.cost.meta import CostError, MetaArray, MetaParam
from minivit.cost.tally import Tally, Work
from minivit.layers.checkpoint import checkpointed
from minivit.layers.layer import HOLDERS, Layer
from minivit.layers.param import Param
from minivit.models.model import Model, create_model
from minivit.nests import NESTS, entries, mapped
from minivit.ops import OPS, Op
from minivit.train.optim import SGD, Adam, AdamW, Optimizer
from minivit.train.step import SHARD_SIZE, predict, training_step

OPTIMIZERS: dict[str, type[Optimizer]] = {"adamw": AdamW, "adam": Adam, "sgd": SGD}


@dataclass(frozen=True)
class Cost:
    """What a function does and keeps."""

    forward: Work
    backward: Work
    kept_bytes: int
    """What backward keeps: the arrays of the cache, each piece of memory once."""
    peak_bytes: int
    """The most that was alive at once, arguments included."""


def of(function: Callable | Op | str, *, dtype: str = "float32", **arguments: Any) -> Cost:
    """What an op or another function costs, forward and (of an op) backward.

    >>> of(mv.ops.attention_forward, q=(8, 4, 197, 64), k=(8, 4, 197, 64), v=(8, 4, 197, 64)).forward.macs
    158967808

    Parameters
    ----------
    function : function, Op or str
        ``mv.ops.NAME_forward``, its name, or a function of your own.
    arguments
        By name. A tuple of whole numbers, where the function takes an array, is its shape; give other tuples as lists.

    Raises
    ------
    CostError
        If the function looks at numbers, or calls what the counter does not know.
    """
    op = OPS.get(function) if isinstance(function, str) else function if isinstance(function, Op) else _op_of(function)
    tally = Tally()
    given = {name: _argument(value, dtype, tally) for name, value in arguments.items()}
    tally.phase = "forward"
    result = (op.forward if op else function)(**given)
    cache = result[1] if isinstance(result, tuple) and len(result) == 2 else None
    kept = 0 if cache is None else nbytes(cache)
    if op is not None:
        tally.phase = "backward"
        op.backward(mapped(lambda y: like(y, tally), result[0]), cache)
    return Cost(tally.total(phase="forward"), tally.total(phase="backward"), kept, tally.peak)


def _op_of(function: Any) -> Op | None:
    return next((op for op in OPS.values() if op.forward is function), None)


def _argument(value: Any, dtype: str, tally: Tally) -> Any:
    is_shape = isinstance(value, tuple) and all(isinstance(n, (int, np.integer)) for n in value)
    return MetaArray(value, dtype, tally) if is_shape else value


def like(array: Any, tally: Tally) -> MetaArray:
    """Another array of the same shape and dtype, as the gradient of one is."""
    if not isinstance(array, MetaArray):
        raise CostError(
            f"the code returns an array of numbers, of shape {np.shape(array)}, where only shapes went in: "
            "np.zeros(shape) and np.asarray make such"
        )
    return MetaArray(array.shape, array.dtype, tally)


@dataclass(frozen=True)
class Estimate:
    """What a model costs, as exact whole numbers. ``print`` it, or end a notebook cell with it."""

    name: str
    batch: int
    dtype: str
    params: int
    forward: Work
    backward: Work
    activation_bytes: int
    """What backward keeps of the whole batch."""
    weight_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    input_bytes: int
    peak_training_bytes: int
    """Of a step in shards: the most that is alive at once, all of the above included."""
    peak_inference_bytes: int
    layers: "list[LayerCost]"
    work: dict[Any, Work]

    @property
    def macs_forward(self) -> int:
        """Multiply-accumulates."""
        return self.forward.macs

    @property
    def macs_backward(self) -> int:
        """Multiply-accumulates."""
        return self.backward.macs


@dataclass(frozen=True)
class LayerCost:
    """One layer, with all that is in it."""

    name: str
    params: int
    forward: Work
    backward: Work
    activation_bytes: int


def numberless(model: Layer, tally: Tally) -> None:
    """Give every parameter a value without numbers: nothing is drawn, and nothing allocated."""
    for param in model.named_state().values():
        param.take(MetaParam(param.shape, param.dtype, tally))


def named_layers(layer: Layer, prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer inside, by its name."""
    for name, item in vars(layer).items():
        if isinstance(item, HOLDERS):
            yield from _layers_in(item, f"{prefix}{name}")


def _layers_in(item: Any, name: str) -> Iterator[tuple[str, Layer]]:
    if isinstance(item, Layer):
        yield name, item
        yield from named_layers(item, f"{name}.")
    elif isinstance(item, NESTS):
        for key, part in entries(item):
            yield from _layers_in(part, f"{name}.{key}")
