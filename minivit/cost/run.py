"""Run the real code on arrays without numbers: a model's passes and steps, or a single function."""

from collections.abc import Callable, Iterable
from math import prod
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator

from minivit.caches import nbytes
from minivit.cost.errors import CostError
from minivit.cost.meta import MetaArray, MetaParam
from minivit.cost.tally import Tally, named_layers
from minivit.layers.checkpoint import checkpointed
from minivit.layers.layer import Layer
from minivit.layers.param import Param
from minivit.models.model import Model, create_model, model_options
from minivit.nests import mapped
from minivit.tasks.classification import Classification
from minivit.tasks.next_token import NextToken
from minivit.tasks.task import Task
from minivit.train.optim import Optimizer
from minivit.train.step import predict, training_step
from minivit.types import Size


def built(model: str | Model, *, img_size: Size | None, dtype: str | None, options: dict[str, Any]) -> Model:
    """The model of a name, or one of a model's class and configuration; what is given takes the place of its options.

    Raises
    ------
    ValueError
        If a model has other parameters by now than its configuration says.
    """
    given = options | {name: it for name, it in {"img_size": img_size, "dtype": dtype}.items() if it is not None}
    model_options(model if isinstance(model, str) else type(model), options)
    if isinstance(model, str):
        return create_model(model, **given)
    kind, config = type(model), model.config
    said, there = ({name: it.shape for name, it in m.named_params().items()} for m in (kind(**config), model))
    for name in {**said, **there}:
        if said.get(name) != there.get(name):
            raise ValueError(
                f"the model has been changed since it was built: {name} has shape {there.get(name)}, and its options "
                f"say {said.get(name)}; mv.cost.of counts its layers as they are"
            )
    return kind(**{**config, **given})


def reads_sequences(model: Model) -> bool:
    """Whether what goes in depends on how long sequences are."""
    short, longer = (model.example(1, length, np.empty) for length in (1, 2))
    return any(a.shape != b.shape for a, b in zip(short, longer, strict=True))


class MetaGenerator(Generator):
    """Draws arrays without numbers, for dropout."""

    def __init__(self, tally: Tally) -> None:
        super().__init__(np.random.PCG64(0))
        self.tally = tally

    def random(self, size: Any = None, dtype: Any = np.float64, out: Any = None) -> Any:  # type: ignore[override]
        """Shares from 0 to 1."""
        if out is not None:
            self.tally.elementwise(out.size)
            return out
        shape = () if size is None else tuple(np.atleast_1d(size).tolist())
        self.tally.elementwise(prod(shape))
        return MetaArray(shape, dtype, self.tally)

    standard_normal = random  # type: ignore[assignment]

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        """Around ``loc``."""
        return self.random(size)

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """From ``low`` to ``high``."""
        return self.random(size)

    def spawn(self, n_children: int) -> Any:
        """As many more."""
        return [MetaGenerator(self.tally) for _ in range(n_children)]

    def __deepcopy__(self, memo: Any) -> "MetaGenerator":
        return self


class AnyLoss(Task):
    """Stands for the loss of outputs that are no logits: what comes back is as large as they are."""

    def forward(self, outputs: Any, targets: Any) -> tuple[Any, Any]:
        return np.float64(1), outputs

    def backward(self, dloss: Any, cache: Any) -> Any:
        return mapped(np.ones_like, cache)


class Scene:
    """A model whose parameters have no numbers, inputs for it, and the tally of what it does with them."""

    def __init__(
        self,
        model: Model,
        batch: int,
        length: int,
        *,
        optimizer: Callable[..., Optimizer] | None = None,
        recompute: bool = False,
    ) -> None:
        self.tally = Tally()
        numberless(model, self.tally)
        self.model = model
        self.running: Any = checkpointed(model) if recompute else model
        self.optimizer = optimizer(self.running) if optimizer else None
        self.inputs = model.example(batch, length, self._new)
        self.input_bytes = sum(array.nbytes for array in self.inputs)
        self.target_bytes = self.output_bytes = 0
        self.rng = MetaGenerator(self.tally)
        self.cache: Any = None

    def _new(self, shape: tuple[int, ...], dtype: Any) -> MetaArray:
        return MetaArray(shape, dtype, self.tally)

    @property
    def optimizer_bytes(self) -> int:
        """Of the running averages."""
        return sum(array.nbytes for array in self.optimizer.state.values()) if self.optimizer else 0

    def forward(self) -> Any:
        """Of all samples at once."""
        self.tally.phase = "forward"
        outputs, self.cache = self.running.forward(*self.inputs, rng=self.rng)
        return outputs

    def whole_batch(self) -> tuple[Task, tuple[int, ...]]:
        """Forward, loss, backward and update of all samples at once, as other libraries train.

        Returns the task that suits the outputs, and the shape of a target.
        """
        assert self.optimizer is not None
        self.tally.names = named_layers(self.running)
        outputs = self.forward()
        self.output_bytes = nbytes(outputs)
        task, shape = task_for(outputs)
        targets = self._new((len(self.inputs[0]), *shape), np.intp)
        self.target_bytes = targets.nbytes
        self.tally.phase = "loss"
        _, c_loss = task.forward(outputs, targets)
        doutputs = task.backward(np.float64(1), c_loss)
        self.tally.phase = "backward"
        del outputs, c_loss
        self.running.backward(doutputs, self.cache)
        self.tally.phase = "update"
        self.optimizer.step()
        return task, shape

    def in_shards(self, task: Task, target_shape: tuple[int, ...]) -> None:
        """One training step, as minivit trains."""
        assert self.optimizer is not None
        targets = self._new((len(self.inputs[0]), *target_shape), np.intp)
        self.target_bytes = targets.nbytes
        training_step(self.running, self.inputs, targets, optimizer=self.optimizer, task=task, rng=self.rng, threads=1)

    def predict(self) -> None:
        """Outputs for all samples."""
        self.output_bytes = nbytes(predict(self.model, self.inputs, threads=1))


def task_for(outputs: Any) -> tuple[Task, tuple[int, ...]]:
    """A class for each sample, or a token for each place, or whatever it may be; and the shape of one target."""
    if not isinstance(outputs, ndarray) or outputs.ndim not in (2, 3):
        return AnyLoss(), ()
    return Classification() if outputs.ndim == 2 else NextToken(), outputs.shape[1:-1]


def numberless(layer: Layer, tally: Tally) -> None:
    """Give every parameter a value without numbers: nothing is drawn, and nothing allocated."""
    for param in layer.named_state().values():
        param.adopt(MetaParam(param.shape, param.dtype, tally))


def like(array: Any, tally: Tally, maker: str = "") -> MetaArray:
    """Another array of the same shape and dtype, as the gradient of one is; ``maker`` says what returned this one."""
    if not isinstance(array, MetaArray):
        raise CostError(
            f"the code returns an array of numbers, of shape {np.shape(array)}, where only shapes went in: "
            f"np.zeros(shape) and np.asarray make such{maker}"
        )
    return MetaArray(array.shape, array.dtype, tally)


def nbytes_of(params: Iterable[Param]) -> int:
    """Of their values."""
    return sum(param.size * param.dtype.itemsize for param in params)
