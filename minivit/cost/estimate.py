"""What a model, a layer or a function costs: its code is run on arrays without numbers, and what it does is counted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from minivit.caches import nbytes
from minivit.checked import checked
from minivit.cost.meta import CostError, MetaArray, MetaParam
from minivit.cost.tally import Tally, Work
from minivit.layers.checkpoint import checkpointed
from minivit.layers.layer import HOLDERS, Layer
from minivit.models.model import Model, create_model
from minivit.nests import NESTS, entries, mapped
from minivit.ops import OPS, Op
from minivit.train.optim import SGD, Adam, AdamW, Optimizer
from minivit.train.step import SHARD_SIZE, predict, training_step

OPTIMIZERS: dict[str, type[Optimizer]] = {"adamw": AdamW, "adam": Adam, "sgd": SGD}


@dataclass(frozen=True)
class Cost:
    """What a function does, keeps and needs."""

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


class LayerCost(NamedTuple):
    """One layer, with all that is in it."""

    name: str
    params: int
    forward: Work
    backward: Work
    activation_bytes: int


class OpCost(NamedTuple):
    """All calls of one op."""

    name: str
    forward: Work
    backward: Work


@dataclass(frozen=True)
class Estimate:
    """What a model costs, as exact whole numbers; all of the batch, and all of one step."""

    name: str
    batch: int
    dtype: str
    params: int
    """Learned numbers."""
    forward: Work
    backward: Work
    activation_bytes: int
    """What backward keeps, if the whole batch is computed at once."""
    shard_activation_bytes: int
    """What backward keeps of one shard: no more is kept at a time by one thread."""
    weight_bytes: int
    gradient_bytes: int
    optimizer_bytes: int
    input_bytes: int
    peak_training_bytes: int
    """The most that is alive at once in a step that runs in shards, all of the above included."""
    peak_whole_batch_bytes: int
    """The same without shards, as other libraries train."""
    peak_inference_bytes: int
    layers: tuple[LayerCost, ...]
    """Every layer; the first one, without a name, is the model."""
    ops: tuple[OpCost, ...]

    @property
    def macs_forward(self) -> int:
        """Multiply-accumulates of the matrix products of forward, convolutions among them."""
        return self.forward.macs

    @property
    def macs_backward(self) -> int:
        """Those of backward."""
        return self.backward.macs

    @property
    def flops_forward(self) -> int:
        """Two for each multiply-accumulate: a multiplication and an addition."""
        return 2 * self.forward.macs

    @property
    def flops_backward(self) -> int:
        """Those of backward."""
        return 2 * self.backward.macs

    def by_layer(self, depth: int | None = None) -> list[LayerCost]:
        """Layers whose names have at most so many parts: 1 for those of the model itself, 2 for each ``blocks.3``."""
        return [layer for layer in self.layers if layer.name and (depth is None or layer.name.count(".") < depth)]

    def by_op(self) -> list[OpCost]:
        """Every op that was called, the most expensive first."""
        return list(self.ops)

    def to_dict(self) -> dict[str, Any]:
        """The figures by name, as JSON can write them."""
        keys = "params macs_forward macs_backward flops_forward flops_backward activation_bytes shard_activation_bytes"
        keys += " weight_bytes gradient_bytes optimizer_bytes input_bytes peak_training_bytes peak_whole_batch_bytes"
        figures = {key: getattr(self, key) for key in f"name batch dtype {keys} peak_inference_bytes".split()}
        return figures | {
            "elements_forward": self.forward.elements,
            "elements_backward": self.backward.elements,
        }


@checked
def estimate(
    model: str | Model,
    *,
    img_size: Any = None,
    batch: int = 1,
    dtype: str = "float32",
    optimizer: str = "adamw",
    recompute: str = "none",
    threads: int = 1,
    **options: Any,
) -> Estimate:
    """Count what a model costs, exactly and without allocating it.

    Its forward and its backward run on arrays that have a shape and no numbers, and so does a whole training step.

    Parameters
    ----------
    model : str or Model
        The name of a preset, or a model; of that its configuration is taken.
    img_size : int or (rows, columns), optional
        Another one than the model's.
    batch : int
    dtype : "float32" or "float64"
    optimizer : "adamw", "adam" or "sgd"
    recompute : "none" or "blocks"
        Whether blocks keep their inputs only and run forward again in backward.
    threads : int
        So many shards are in the making at a time.
    options
        Of the model.
    """
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"optimizer is {optimizer!r}; expected one of {', '.join(OPTIMIZERS)}")
    if recompute not in ("none", "blocks"):
        raise ValueError(f'recompute is {recompute!r}; expected "none" or "blocks"')
    options |= {"dtype": dtype} | ({} if img_size is None else {"img_size": img_size})
    name = model if isinstance(model, str) else type(model).__name__
    config = {} if isinstance(model, str) else model.config

    def build() -> tuple[Any, Tally]:
        tally = Tally()
        built = create_model(model, **options) if isinstance(model, str) else type(model)(**{**config, **options})
        numberless(built, tally)
        return (checkpointed(built) if recompute == "blocks" else built), tally

    counted, layers, ops, activation_bytes, peak_whole = _one_pass(*build(), batch)
    net, tally = build()
    weight_bytes = tally.alive
    shard_bytes, peak_training, optimizer_bytes = _one_step(net, tally, batch, OPTIMIZERS[optimizer], threads)
    net, tally = build()
    inputs = net.example(batch, lambda *shape: MetaArray(shape, dtype, tally))
    predict(net, inputs, threads=1)
    return Estimate(
        name=name,
        batch=batch,
        dtype=dtype,
        params=net.num_params,
        forward=counted["forward"],
        backward=counted["backward"],
        activation_bytes=activation_bytes,
        shard_activation_bytes=shard_bytes,
        weight_bytes=weight_bytes,
        gradient_bytes=sum(param.size * param.dtype.itemsize for param in net.params),
        optimizer_bytes=optimizer_bytes,
        input_bytes=sum(each.nbytes for each in inputs),
        peak_training_bytes=peak_training,
        peak_whole_batch_bytes=peak_whole,
        peak_inference_bytes=tally.peak,
        layers=layers,
        ops=ops,
    )


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
