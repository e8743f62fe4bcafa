"""The training loop: batches in a fixed random order, the schedule, the step, the test score after every epoch.

All randomness is derived from the seed and the step number, so the state of a training is the parameters, the
optimizer's averages and the step. A training that was killed and resumed ends in the same bits as one that was not.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from inspect import signature
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minivit.checked import check_type
from minivit.data.dataset import Dataset
from minivit.data.examples import Examples, Images, Sounds
from minivit.json_text import from_json, to_json
from minivit.layers.batch_norm import frozen
from minivit.layers.param import Param
from minivit.models.model import PRESETS, Model, create_model, model_options
from minivit.ops.softmax import softmax_forward
from minivit.storage import first_nonfinite_weight, fitting, read_arrays, save, split_arrays
from minivit.tasks import NAMED
from minivit.tasks.classification import Classification, Mix
from minivit.tasks.task import Task
from minivit.train.beginning import begin_with, by_layer, only_head
from minivit.train.ema import WeightAverage
from minivit.train.fingerprint import of_examples, of_weights
from minivit.train.fit import check_attention_fits
from minivit.train.kinds import Kind, kind_of, must_be_off
from minivit.train.mixing import mix
from minivit.train.optim import AdamW, the_same
from minivit.train.recipe import OFF, Recipe, task_for
from minivit.train.schedule import warmup_cosine
from minivit.train.step import predict, training_step
from minivit.train.trained_on import CLASSIFICATION
from minivit.types import Float, ndarray

ORDER, NOISE = 0, 1  # two independent streams of random numbers from one seed
LEARNED = "learned."  # what the names of the weights begin with where the model of a checkpoint has their averages


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
        The model gets image size and channels, or length and rate of sounds, and the number of classes from here, if
        the task does not say otherwise.
    task : Task, optional
        What the model is trained for, with an augmentation of its own. If not given, what it is usually trained for:
        most models to classify, as the recipe has it (``label_smoothing`` and all augmentation, which are for this task
        alone).
    threads : int, optional
        Does not change the result.
    to_resume : bool
        Whether :meth:`resume` is to follow: what the recipe's ``init`` names is not needed then, and may be gone.

    Attributes
    ----------
    fingerprints : {"data": str, "init": str}
        Of the examples, and of the weights that the model begins with, if it has read them from what ``init`` names.
    """

    def __init__(
        self,
        recipe: Recipe,
        dataset: Dataset,
        *,
        task: Task | None = None,
        threads: int | None = None,
        to_resume: bool = False,
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads is {threads}; expected at least 1")
        self.recipe, self.threads = recipe, threads
        self.kind = kind_of(dataset)
        known = model_options(recipe.model)
        fixed = {"name": recipe.model, "seed": recipe.seed}
        if twice := fixed.keys() & recipe.options.keys():
            raise ValueError(f"options has an entry {min(twice)!r}, which the recipe itself decides")
        self.task = task or _usual_task(recipe, dataset, self.kind)
        self.dataset = dataset = self.task.recast(dataset)
        _check_kind(self.task, dataset)
        needed = self.task.model_options(dataset)
        for size in {"img_size", "length"} & needed.keys() - known.keys():  # it takes images of any size
            del needed[size]
        if strange := needed.keys() - known.keys():
            raise ValueError(
                f"{recipe.model} cannot be trained on {self.kind.what}: it has no option {min(strange)}; "
                f"its options are {', '.join(known)}"
            )
        try:
            self.model: Model = create_model(**fixed, **{**needed, **recipe.options})
        except ValueError as error:
            sizes = [needed.get("img_size"), self.kind.facts().get("img_size")]
            raise ValueError(f"{error}{_as_they_go_in(*sizes)}") from error
        check_attention_fits(recipe.model, self.model)
        self.task.begin(self.model, dataset)
        self.fingerprints = {"data": of_examples(dataset)}
        if recipe.init is not None and not to_resume:
            begin_with(self.model, recipe.init)
            self.fingerprints["init"] = of_weights(self.model)
        self.learner = frozen(self.model) if recipe.freeze else self.model  # its parameters are those of the model
        self.optimizer = AdamW(
            self.learner,
            lr=recipe.lr,
            betas=recipe.betas,
            weight_decay=recipe.weight_decay,
            rates=_rates(recipe, self.model),
        )
        self.average = None if recipe.ema is None else WeightAverage(self.model, decay=recipe.ema)
        self.step = 0
        self.batch_size = min(recipe.batch_size, len(dataset.train))
        if self.task.coupled and self.batch_size < 2:
            what = f"{type(self.task).__name__} tells the examples of a batch apart"
            raise ValueError(f"{what}: batch_size is {self.batch_size}; expected at least 2")
        self.steps_per_epoch = len(dataset.train) // self.batch_size  # what is left over waits for another epoch
        self.total_steps = recipe.epochs * self.steps_per_epoch

    def run(self) -> Iterator[Metrics]:
        """Train to the end, yielding after every step; stop when you like and call again to go on."""
        recipe, epoch, order = self.recipe, None, np.empty(0, int)
        if self.step < self.total_steps:
            self.dataset = self.task.prepared(self.dataset, normalize=self.normalize)
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
                    self.learner,
                    inputs,
                    targets,
                    optimizer=self.optimizer,
                    task=self.task,
                    clip_norm=recipe.clip_norm,
                    rng=rng,
                    threads=self.threads,
                )
                ends_epoch = (self.step + 1) % self.steps_per_epoch == 0
                if ends_epoch and (name := first_nonfinite_weight(self.model)):  # else the loss of the next step tells
                    raise FloatingPointError(f"{name} is not finite")
            except FloatingPointError as error:
                raise FloatingPointError(
                    f"training stopped at step {self.step + 1}: {error}; a smaller lr or a longer warmup usually helps"
                ) from error
            self.step += 1
            if self.average:
                self.average.update(self.model, self.step)
            score = self.test_score() if self.step % self.steps_per_epoch == 0 else None
            yield Metrics(self.step, self.step / self.steps_per_epoch, loss, lr, score)

    @property
    def trained(self) -> Model:
        """What is tested and kept: the model, or where the recipe has ``ema`` one with the average of its weights."""
        return self.average.model if self.average else self.model

    def finished(self) -> Model:
        """The model as it is kept and asked, see :meth:`minivit.tasks.Task.finished`."""
        return self.task.finished(self.trained)

    def normalize(self, stored: ndarray) -> Float[ndarray, "B ..."]:
        """Pixels, or samples of sounds, as the model wants them."""
        return self.kind.normalize(stored)

    def probabilities(self, stored: ndarray) -> Float[ndarray, "B classes"]:
        """Probability of each class for each image or sound, of a model that classifies."""
        probabilities, _ = softmax_forward(predict(self.finished(), self.normalize(stored), threads=self.threads))
        return probabilities

    def score(self, examples: Examples) -> float:
        """How good the model is on examples, as its task has it: for classification, the accuracy."""
        inputs, targets = self.task.draw(examples, normalize=self.normalize)
        return float(self.task.score(predict(self.trained, inputs, threads=self.threads), targets))

    def test_score(self) -> float:
        """The score on the test examples."""
        return self.score(self.dataset.test)

    def save(self, path: str | Path) -> None:
        """Write all that :meth:`resume` needs; the file is also one for :func:`minivit.load`."""
        names, mean, std = self.dataset.class_names, self.dataset.mean, self.dataset.std
        data = {"name": self.dataset.name, "class_names": names, "mean": mean, "std": std, **self.kind.facts()}
        about = {"recipe": asdict(self.recipe), "data": data, **_named(self.task), "step": self.step}
        about["fingerprints"] = {"data": self.fingerprints["data"]}
        save(self.finished(), path, optimizer_state=self._to_go_on(), **about)

    def _to_go_on(self) -> dict[str, ndarray]:
        """What a checkpoint holds beside what is kept: the optimizer's state, and the weights if these are others."""
        weights = self.model.state_dict() if self.average else {}
        return self.optimizer.state_dict() | {LEARNED + name: array for name, array in weights.items()}

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
        identity = self.identity()
        options = metadata.get("task_options", identity["task_options"])  # nor do older ones tell its options
        theirs = {**OFF, **metadata["recipe"], **metadata["data"], "task": task, "task_options": options}
        theirs.setdefault("img_size", identity.get("img_size"))  # nor this
        for name, ours in identity.items():
            if theirs.get(name) != ours:
                raise ValueError(f"{path} belongs to another training: its {name} is {theirs.get(name)}, not {ours}")
        config = header["config"] if isinstance(header.get("config"), dict) else {}
        for name, ours in from_json(to_json(self.finished().config)).items():
            if (its := config.get(name, ours)) != ours:  # nor do they have all options
                raise ValueError(f"{path} belongs to another training: the {name} of its model is {its}, not {ours}")
        model, optimizer = split_arrays(arrays)
        fingerprints: Any = metadata.get("fingerprints", {})  # nor have those from before there were any
        try:
            check_type("fingerprints", fingerprints, dict[str, str])
            optimizer = fitting(self._to_go_on(), optimizer)
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
        try:
            self.must_have_begun_with(fingerprints)
        except ValueError as error:
            raise ValueError(f"{path} belongs to another training: {error}") from error
        self.trained.load_state_dict(model)
        if self.average:
            self.model.load_state_dict({name: optimizer.pop(LEARNED + name) for name in model})
        self.optimizer.load_state_dict(optimizer)
        self.step = step

    def must_have_begun_with(self, fingerprints: Mapping[str, str]) -> None:
        """ValueError if examples, or weights to begin with, are others than when these fingerprints were taken."""
        words = {
            "data": (f"the examples of {self.dataset.name}", "some were added, removed or changed"),
            "init": (f"the weights in {self.recipe.init}", "it was trained further, or another model is there now"),
        }
        for name, ours in self.fingerprints.items():
            if fingerprints.get(name, ours) != ours:
                what, why = words[name]
                raise ValueError(f"{what} are not those that this run was begun with: {why}")

    def identity(self) -> dict[str, Any]:
        """What a checkpoint must agree with, as it reads when it comes back from JSON: recipe, task, examples."""
        identity = asdict(self.recipe) | {"class_names": self.dataset.class_names} | self.kind.facts()
        return from_json(to_json(identity | _named(self.task)))


def _check_kind(task: Task, dataset: Dataset) -> None:
    """As :meth:`minivit.tasks.Task.check`; it says for which of the tasks that have a name the examples are, too."""
    try:
        task.check(dataset.train)
    except TypeError as error:
        said, found = [str(error)], [word for word, it in NAMED.items() if _is_about(it, dataset)]
        if type(dataset.train) in (Images, Sounds):
            said.append("no folder says of which class they are")
        if found:
            said.append(f"for such there is --task {', '.join(found)}")
        raise TypeError("; ".join(said)) from error


def _is_about(task: type[Task], dataset: Dataset) -> bool:
    return dataset.name == task.usual_data or isinstance(dataset.train, task.kind)


def _as_they_go_in(size: tuple[int, int] | None, stored: tuple[int, int] | None) -> str:
    """What to add to a sentence about images that the model gets in another size than they have."""
    if size is None or stored is None or size == stored:
        return ""
    return f" (images of {stored[0]} x {stored[1]} pixels go in as {size[0]} x {size[1]}: --img-size makes them larger)"


def _rates(recipe: Recipe, model: Model) -> Callable[[str, Param], float]:
    """By what factor the learning rate of each parameter differs from the recipe's."""
    if recipe.freeze:
        return only_head(model)
    return the_same if recipe.layer_decay is None else by_layer(model, recipe.layer_decay)


def _usual_task(recipe: Recipe, dataset: Dataset, kind: Kind) -> Task:
    """What its model is trained for, as the recipe has it."""
    model_class, _ = PRESETS[recipe.model]
    if recipe.task is None and model_class.usual_task == CLASSIFICATION:
        augment, mixing = kind.augment(recipe), mixing_of(recipe, dataset)
        return Classification(label_smoothing=recipe.label_smoothing, augment=augment, mix=mixing)
    augmentations = ("randaugment", "random_erasing", "mixup", "cutmix")
    must_be_off(recipe, augmentations, f"{recipe.model} is not trained to classify")
    if recipe.label_smoothing not in (0, Recipe.label_smoothing):  # which is there without being asked for
        raise ValueError(f"label_smoothing is {recipe.label_smoothing}, and {recipe.model} is not trained to classify")
    task = task_for(recipe.model, recipe.task)
    recipe = replace(recipe, flip=recipe.flip and task.mirrors)
    known = signature(task).parameters
    options = {"augment": kind.augment(recipe)} if "augment" in known else {}
    options |= {"flip": recipe.flip} if "flip" in known else {}
    return task.of(create_model(recipe.model, **recipe.options), **options)


def mixing_of(recipe: Recipe, dataset: Dataset) -> Mix | None:
    """What mixes a batch, inputs and labels alike, as the recipe has it."""
    alphas = {"mixup_alpha": recipe.mixup, "cutmix_alpha": recipe.cutmix}
    return partial(mix, num_classes=len(dataset.class_names), **alphas) if any(alphas.values()) else None


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
