"""What a model costs: its code is run on arrays without numbers, and what it does is counted."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from minivit.caches import describe, nbytes
from minivit.checked import checked
from minivit.cost.peaks import Peaks
from minivit.cost.run import Scene, built, nbytes_of
from minivit.cost.tally import NOTHING, Tally, Work, layers_in
from minivit.cost.units import memory
from minivit.models.model import Model
from minivit.train.optim import SGD, Adam, AdamW, Optimizer
from minivit.train.step import SHARD_SIZE, shards_of
from minivit.types import Positive, Size

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"adamw": AdamW, "adam": Adam, "sgd": SGD}


class LayerCost(NamedTuple):
    """One layer, or list of layers, with all that is in it."""

    name: str
    params: int
    forward: Work
    backward: Work
    activation_bytes: int


class OpCost(NamedTuple):
    """All calls of one op; without a name, what layers do themselves, such as residual sums."""

    name: str
    forward: Work
    backward: Work


@dataclass(frozen=True)
class Estimate:
    """What a model costs, as exact whole numbers; all of the batch, and all of one step."""

    name: str
    batch: int
    dtype: str
    groups: dict[str, int]
    """Learned numbers of each part of the model."""
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
    peaks: Peaks = field(repr=False, compare=False)
    """Those of other batches."""

    @property
    def params(self) -> int:
        """Learned numbers."""
        return sum(self.groups.values())

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
        """Layers whose names have at most so many parts: 1 for ``blocks``, all in one row, 2 for each ``blocks.3``."""
        return [layer for layer in self.layers if layer.name and (depth is None or layer.name.count(".") < depth)]

    def by_op(self) -> list[OpCost]:
        """Every op that was called, the most expensive first."""
        return list(self.ops)

    def rows(self) -> list[tuple[str, str]]:
        """The figures in words, with their units."""
        sizes = {
            "weights": self.weight_bytes,
            "gradients": self.gradient_bytes,
            "optimizer": self.optimizer_bytes,
            "kept for backward, all at once": self.activation_bytes,
            "kept for backward, a shard": self.shard_activation_bytes,
            "peak of a training step, in shards": self.peak_training_bytes,
            "peak of a training step, all at once": self.peak_whole_batch_bytes,
            "peak of inference": self.peak_inference_bytes,
        }
        return [
            ("model", f"{self.name}, batch of {self.batch}, {self.dtype}"),
            ("parameters", f"{self.params:,}"),
            ("matrix products", f"{self.macs_forward:,} MACs forward, {self.macs_backward:,} backward"),
            ("FLOPs", f"{self.flops_forward:,} forward, {self.flops_backward:,} backward"),
            ("elementwise", f"{self.forward.elements:,} elements forward, {self.backward.elements:,} backward"),
            *((name, memory(size)) for name, size in sizes.items()),
        ]

    def __str__(self) -> str:
        rows = self.rows()
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {figure}" for name, figure in rows)

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><th style='text-align:left'>{name}</th><td>{text}</td></tr>" for name, text in self.rows())
        return f"<table>{rows}</table>"

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
    img_size: Size | None = None,
    batch: Positive = 1,
    length: Positive = 32,
    dtype: str | None = None,
    optimizer: str = "adamw",
    recompute: str = "none",
    threads: Positive = 1,
    **options: Any,
) -> Estimate:
    """Count what a model costs, exactly and without allocating it.

    Its forward and its backward run on arrays that have a shape and no numbers, and so does a whole training step:
    classification where a sample has one row of outputs, the next token where it has several.

    Parameters
    ----------
    model : str or Model
        The name of a preset, or a model; of that its configuration is taken.
    img_size : int or (rows, columns), optional
        Another one than the model's.
    batch : int
        Samples in a step.
    length : int
        Tokens in a sequence, of models that read any; nothing to others.
    dtype : "float32" or "float64", optional
        Another one than the model's; presets are of float32.
    optimizer : "adamw", "adam" or "sgd"
    recompute : "none" or "blocks"
        Whether each block keeps its input only and runs forward again in backward.
    threads : int
        How many shards are in the making at a time. What one needs is counted; so many need at most so much.
    options
        Of the model.

    Raises
    ------
    ValueError, TypeError
        If there is no such model, or an option is none of its options or out of range, or a model has other parameters
        by now than its configuration says.
    CostError
        If the model's code does what cannot be counted, such as looking at a number; it says where.

    Notes
    -----
    Parameters, products, what backward keeps, weights, gradients and optimizer are equal to those of a real run. Peaks
    are those of NumPy's arrays: Python's own objects come on top, a few hundred KiB, and what BLAS takes, which is not
    seen from here. From 20 MiB on they are within 2 % of what ``tracemalloc`` sees with one thread. How many different
    tokens a batch has depends on numbers: as many are counted as can be. From Python 3.14 on it is not seen where NumPy
    writes ``a * b + c`` into the memory of ``a * b``; peaks are a few per cent above then.

    A product with nothing but ones is a sum, and is counted among the elements.

    Examples
    --------
    >>> import minivit as mv
    >>> mv.cost.estimate("vit_base_patch16_224").macs_forward
    17563828224
    """
    _check_choice("optimizer", optimizer, OPTIMIZERS)
    _check_choice("recompute", recompute, ("none", "blocks"))
    name = model if isinstance(model, str) else type(model).__name__

    def scene(samples: int, **how: Any) -> Scene:
        return Scene(built(model, img_size=img_size, dtype=dtype, options=options), samples, length, **how)

    training = partial(scene, optimizer=OPTIMIZERS[optimizer], recompute=recompute == "blocks")
    few = min(batch, SHARD_SIZE + batch % SHARD_SIZE)  # the first shard of which is the largest of all
    whole, shard = training(batch), training(shards_of(few)[0].stop)
    task, target_shape = whole.whole_batch()
    shard.forward()
    prediction = scene(few)
    prediction.predict()
    peaks = Peaks(training, task, target_shape, threads)
    return Estimate(
        name=name,
        batch=batch,
        dtype=whole.model.dtype.name,
        groups=_by_group(whole.model),
        forward=whole.tally.total(phase="forward"),
        backward=whole.tally.total(phase="backward"),
        activation_bytes=nbytes(whole.cache),
        shard_activation_bytes=nbytes(shard.cache),
        weight_bytes=nbytes_of(whole.model.named_state().values()),
        gradient_bytes=nbytes_of(whole.model.params),
        optimizer_bytes=whole.optimizer_bytes,
        input_bytes=whole.input_bytes,
        peak_training_bytes=peaks.in_shards(batch),
        peak_whole_batch_bytes=whole.tally.peak,
        peak_inference_bytes=_peak_of_prediction(prediction, whole),
        layers=tuple(_layers(whole)),
        ops=tuple(_ops(whole.tally)),
        peaks=peaks,
    )


def _peak_of_prediction(few: Scene, whole: Scene) -> int:
    """Of all samples, from that of a few: outputs wait until the last are there, and are then joined in a copy."""
    if few.input_bytes == whole.input_bytes:
        return few.tally.peak
    inputs = whole.input_bytes - few.input_bytes
    running = few.tally.peak + inputs + whole.output_bytes - few.output_bytes
    joining = nbytes_of(few.model.named_state().values()) + whole.input_bytes + 2 * whole.output_bytes
    return max(running, joining)


def _check_choice(name: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(choices)}")


def _by_group(model: Model) -> dict[str, int]:
    groups: dict[str, int] = {}
    for name, param in model.named_params().items():
        part = name.partition(".")[0]
        groups[part] = groups.get(part, 0) + param.size
    return groups


def _layers(scene: Scene) -> Iterator[LayerCost]:
    """What is done in a layer is done in those that it is in, too, and in the list."""
    works: dict[tuple[str, str], Work] = defaultdict(lambda: NOTHING)
    kept: dict[str, int] = defaultdict(int)
    sizes: dict[str, dict[int, int]] = defaultdict(dict)
    for place, work in scene.tally.work.items():
        for name in _around(place.layer):
            works[place.phase, name] += work
    for row in describe(scene.cache).rows:
        for name in _around(row.name):
            kept[name] += row.nbytes
    for layer_name, layer in layers_in(scene.model):
        own = {id(param): param.size for param in layer.params}
        for name in reversed([*_around(layer_name)]):
            sizes[name] |= own  # a parameter in two places counts in both, and once where both are in
    for name, size in sizes.items():
        yield LayerCost(name, sum(size.values()), works["forward", name], works["backward", name], kept[name])


def _around(name: str) -> Iterator[str]:
    """A name, and the beginnings of it: ``blocks.3``, ``blocks``, and the model's, which has none."""
    while name:
        yield name
        name = name.rpartition(".")[0]
    yield ""


def _ops(tally: Tally) -> Iterator[OpCost]:
    names = dict.fromkeys(place.op for place in tally.work if place.phase in ("forward", "backward"))
    costs = [OpCost(name, *(tally.total(op=name, phase=phase) for phase in ("forward", "backward"))) for name in names]
    return iter(sorted(costs, key=lambda cost: cost.forward + cost.backward, reverse=True))
