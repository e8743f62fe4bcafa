"""The training loop: batches in a fixed random order, the schedule, the step, the test score after every epoch.

All randomness is derived from the seed and the step number, so the state of a training is the parameters, the
optimizer's averages and the step. A training that was killed and resumed ends in the same bits as one that was not.
"""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import numpy as np

from minivit.checked import check_range, check_type
from minivit.data.dataset import Dataset
from minivit.data.examples import Images
from minivit.json_text import from_json, to_json, tuples
from minivit.models.model import Model, create_model, model_options
from minivit.ops.softmax import softmax_forward
from minivit.storage import fitting, read_arrays, read_metadata, save, split_arrays
from minivit.tasks.classification import Classification
from minivit.tasks.task import Task
from minivit.train.augment import normalize, random_crop_flip
from minivit.train.fit import check_attention_fits
from minivit.train.optim import AdamW
from minivit.train.recipe import Recipe
from minivit.train.schedule import warmup_cosine
from minivit.train.step import predict, training_step
from minivit.types import Float, UInt8, ndarray, pair

LONGEST_SIDE = 2**13  # pixels, of the images that a file asks for
ORDER, NOISE = 0, 1  # two independent streams of random numbers from one seed
CLASSIFICATION = Classification.__name__


class Metrics(NamedTuple):
    """What one step has to report. ``test_score``, that of the task, is measured after the last step of each epoch."""

    step: int
    epoch: float
    loss: float
    lr: float
    test_score: float | None


class Trainer:
    """A training in progress: model, optimizer and step count, and :meth:`run`, which goes on from there.

    >>> trainer = Trainer(Recipe(epochs=1), dataset)          # doctest: +SKIP
    >>> for metrics in trainer.run():                         # doctest: +SKIP
    ...     plot(metrics)

    Parameters
    ----------
    recipe : Recipe
    dataset : Dataset
        The model gets its image size, channels and number of classes from here, if the task does not say otherwise.
    task : Task, optional
        What the model is trained for, with an augmentation of its own. If not given, classification as the recipe has
        it: ``label_smoothing``, ``crop_padding`` and ``flip``.
    threads : int, optional
        Does not change the result.
    """

    def __init__(
        self, recipe: Recipe, dataset: Dataset, *, task: Task | None = None, threads: int | None = None
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads is {threads}; expected at least 1")
        self.recipe, self.dataset, self.threads = recipe, dataset, threads
        if isinstance(dataset.train, Images):
            _, Y, X, _ = dataset.train.images.shape
            check_range("crop_padding", recipe.crop_padding, at_least=0, below=min(Y, X))  # something of each stays
        augment = partial(random_crop_flip, padding=recipe.crop_padding, flip=recipe.flip)
        self.task = task or Classification(label_smoothing=recipe.label_smoothing, augment=augment)
        self.task.check(dataset.train)
        fixed = {"name": recipe.model, "seed": recipe.seed}
        if twice := fixed.keys() & recipe.options.keys():
            raise ValueError(f"options has an entry {min(twice)!r}, which the recipe itself decides")
        needed = self.task.model_options(dataset)
        if "img_size" not in model_options(recipe.model):  # it takes images of any size
            needed.pop("img_size", None)
        self.model: Model = create_model(**fixed, **{**needed, **recipe.options})
        check_attention_fits(recipe.model, self.model)
        self.optimizer = AdamW(self.model, lr=recipe.lr, betas=recipe.betas, weight_decay=recipe.weight_decay)
        self.step = 0
        self.batch_size = min(recipe.batch_size, len(dataset.train))
        self.steps_per_epoch = len(dataset.train) // self.batch_size  # what is left over waits for another epoch
        self.total_steps = recipe.epochs * self.steps_per_epoch

    def run(self) -> Iterator[Metrics]:
        """Train to the end, yielding after every step; stop when you like and call again to go on."""
        recipe, epoch, order = self.recipe, None, np.empty(0, int)
        warmup = round(min(recipe.warmup_epochs * self.steps_per_epoch, self.total_steps))
        while self.step < self.total_steps:
            if epoch != self.step // self.steps_per_epoch:
                epoch = self.step // self.steps_per_epoch
                order_rng = np.random.default_rng([recipe.seed, ORDER, epoch])
                order = order_rng.permutation(len(self.dataset.train))
            place = self.step % self.steps_per_epoch * self.batch_size
            batch = order[place : place + self.batch_size]
            rng = np.random.default_rng([recipe.seed, NOISE, self.step])
            inputs, targets = self.task.draw(self.dataset.train.take(batch), normalize=self.normalize, rng=rng)
            lr = warmup_cosine(self.step, total=self.total_steps, warmup=warmup, lr=recipe.lr)
            self.optimizer.lr = lr
            try:
                loss = training_step(
                    self.model,
                    inputs,
                    targets,
                    optimizer=self.optimizer,
                    task=self.task,
                    clip_norm=recipe.clip_norm,
                    rng=rng,
                    threads=self.threads,
                )
            except FloatingPointError as error:
                raise FloatingPointError(
                    f"training stopped at step {self.step + 1}: {error}; a smaller lr or a longer warmup usually helps"
                ) from error
            self.step += 1
            score = self.test_score() if self.step % self.steps_per_epoch == 0 else None
            yield Metrics(self.step, self.step / self.steps_per_epoch, loss, lr, score)

    def normalize(self, pixels: UInt8[ndarray, "B Y X C"]) -> Float[ndarray, "B Y X C"]:
        """Pixels as the model wants them."""
        return normalize(pixels, self.dataset.mean, self.dataset.std)

    def probabilities(self, pixels: UInt8[ndarray, "B Y X C"]) -> Float[ndarray, "B classes"]:
        """Probability of each class for each image, of a model that classifies."""
        probabilities, _ = softmax_forward(predict(self.model, self.normalize(pixels), threads=self.threads))
        return probabilities

    def test_score(self) -> float:
        """How good the model is on the test examples, as its task has it: for classification, the accuracy."""
        inputs, targets = self.task.draw(self.dataset.test, normalize=self.normalize)
        return float(self.task.score(predict(self.model, inputs, threads=self.threads), targets))

    def save(self, path: str | Path) -> None:
        """Write all that :meth:`resume` needs; the file is also one for :func:`minivit.load`."""
        names, mean, std = self.dataset.class_names, self.dataset.mean, self.dataset.std
        data = {"name": self.dataset.name, "class_names": names, "mean": mean, "std": std}
        if isinstance(self.dataset.train, Images):
            _, *data["img_size"], _ = self.dataset.train.images.shape
        about = {"recipe": asdict(self.recipe), "data": data, **_named(self.task), "step": self.step}
        save(self.model, path, optimizer_state=self.optimizer.state_dict(), **about)

    def resume(self, path: str | Path) -> None:
        """Go on from a checkpoint of the same training; nothing changes if it is not one.

        Raises
        ------
        FileNotFoundError, OSError, ValueError
            If the file is missing, cannot be read, is damaged, or belongs to another training.
        """
        arrays, header = read_arrays(path)
        metadata = header.get("metadata")
        if not isinstance(metadata, dict) or not all(isinstance(metadata.get(n), dict) for n in ("recipe", "data")):
            raise ValueError(f"{path} holds no training to go on with, at most a model")
        task = metadata.get("task", CLASSIFICATION)  # files from when there was no other do not name it
        identity = self._identity()
        options = metadata.get("task_options", identity["task_options"])  # nor do older ones tell its options
        theirs = {**metadata["recipe"], **metadata["data"], "task": task, "task_options": options}
        for name, ours in identity.items():
            if theirs.get(name) != ours:
                raise ValueError(f"{path} belongs to another training: its {name} is {theirs.get(name)}, not {ours}")
        model, optimizer = split_arrays(arrays)
        try:
            optimizer = fitting(self.optimizer.state_dict(), optimizer)
            model = fitting(self.model.named_state(), model)
            step: Any = metadata.get("step")
            check_type("step", step, int)
            steps = int(optimizer["steps"])
            if not 0 <= step <= self.total_steps:
                raise ValueError(f"step is {step}; expected 0 to {self.total_steps}")
            if step != steps:
                raise ValueError(f"step is {step}, but the optimizer has made {steps}")
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is damaged: {error.args[0]}") from error
        self.optimizer.load_state_dict(optimizer)
        self.model.load_state_dict(model)
        self.step = step

    def _identity(self) -> dict[str, Any]:
        """What a checkpoint must agree with, as it reads when it comes back from JSON: recipe, task, images."""
        data = self.dataset
        identity = {**asdict(self.recipe), "class_names": data.class_names, "mean": data.mean, "std": data.std}
        return from_json(to_json(identity | _named(self.task)))


def _named(task: Task) -> dict[str, Any]:
    """What a checkpoint says of its task."""
    return {"task": type(task).__name__, "task_options": _options(task)}


def _options(task: Task) -> dict[str, Any]:
    """Numbers and words that a task was made with, and those of tasks in it; functions have no name to be known by."""
    options: dict[str, Any] = {}
    for name, option in vars(task).items():
        if isinstance(option, Task):
            options[name] = _options(option)
        elif isinstance(option, str) or _are_numbers(option if isinstance(option, tuple) else (option,)):
            options[name] = option
    return options


def _are_numbers(values: tuple[Any, ...]) -> bool:
    """Whether JSON can write them."""
    return all(isinstance(value, (int, float)) and isfinite(value) for value in values)


class TrainedOn(NamedTuple):
    """What a model must know of its training images to look at others."""

    class_names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    img_size: tuple[int, int]


def read_trained_on(path: str | Path, model: Model) -> TrainedOn:
    """What the checkpoint of this model says of the images that it was trained on.

    Raises
    ------
    ValueError
        If it does not say it, or says what does not fit the model.
    """
    metadata = read_metadata(path).get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("data"), dict):
        raise ValueError(f"{path} does not say what its classes are: it was not written by minivit train")
    if (task := metadata.get("task", CLASSIFICATION)) != CLASSIFICATION:
        raise ValueError(f"the model of {path} was trained for {task}, not to name classes")
    said = metadata["data"]
    if "img_size" in model.config:  # else it takes images of any size, and is shown those that it has learned
        said = said | {"img_size": pair(model.config["img_size"])}
    found = TrainedOn(*(tuples(said.get(name)) for name in TrainedOn._fields))
    channels = model.config["in_chans"]
    lengths = {"class_names": model.config["num_classes"], "mean": channels, "std": channels, "img_size": 2}
    try:
        for name, hint in get_type_hints(TrainedOn).items():
            check_type(name, getattr(found, name), hint)
            if len(getattr(found, name)) != lengths[name]:
                raise ValueError(f"{name} has {len(getattr(found, name))} entries; expected {lengths[name]}")
        if min(found.std) < 0:
            raise ValueError(f"std is {found.std}; expected 0 or more")
        for side in found.img_size:
            check_range("img_size", side, at_least=1, below=LONGEST_SIDE)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is damaged: {error}") from error
    return found
