"""``minivit train --distill-from RUN``: what it asks for, and the training that follows."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from os.path import realpath
from pathlib import Path
from typing import Any

from minivit.checked import check_range, check_type
from minivit.data.dataset import Dataset
from minivit.data.examples import TaughtImages
from minivit.models.model import model_options
from minivit.tasks.classification import Classification
from minivit.tasks.distillation import Distillation
from minivit.terminal import warnings_said
from minivit.train.kinds import kind_of
from minivit.train.recipe import Recipe, task_for
from minivit.train.recipes import recipe_of
from minivit.train.teacher import Teacher
from minivit.train.trained_on import checkpoint_of
from minivit.train.trainer import Trainer, mixing_of

OPTIONS = ("distill", "distill_token", "distill_alpha", "distill_temperature")


@dataclass(frozen=True)
class Distilling:
    """Who teaches, and how: what config.json keeps of it. The rest is the recipe's."""

    teacher: str
    """Folder of a run, or its checkpoint, in full."""

    method: str = "soft"
    token: bool = False
    alpha: float = 0.5
    temperature: float = 1.0
    fingerprint: str | None = None
    """Of the teacher; None before it has been looked at."""

    def __post_init__(self) -> None:
        for option in fields(self):
            check_type(option.name, getattr(self, option.name), option.type)
        if self.method not in ("soft", "hard"):
            raise ValueError(f'method is {self.method!r}; expected "soft" or "hard"')
        check_range("alpha", self.alpha, at_least=0, at_most=1)
        check_range("temperature", self.temperature, at_least=0.001, at_most=100)  # as distillation_forward in float32
        if self.method == "hard" and self.temperature != 1:
            raise ValueError("a temperature is for --distill soft: the likeliest class is the same at any temperature")


def add_distillation(train: ArgumentParser) -> None:
    """The options of ``minivit train`` that are about a teacher, and about images that only a teacher can use."""
    train.add_argument("--distill-from", metavar="RUN", help="learn from the model of this run, too")
    train.add_argument("--distill", choices=("soft", "hard"), help="its probabilities (the default), or its classes")
    train.add_argument(
        "--distill-token", action="store_true", default=None, help="by a distillation token with a head of its own"
    )
    train.add_argument(
        "--distill-alpha", type=float, metavar="A", help="weight of the teacher, 0 to 1; 0.5 if not given"
    )
    train.add_argument("--distill-temperature", type=float, metavar="T", help="soften probabilities; 1 if not given")
    train.add_argument("--labeled", type=int, metavar="N", help="withhold the labels of all images but N")
    train.add_argument(
        "--unlabeled", metavar="DIR", help="train on the images in this folder, too; they have no labels"
    )


def distilling_of(args: Namespace) -> Distilling | None:
    """What these arguments ask for; None without a teacher."""
    given = {name: getattr(args, name) for name in OPTIONS if getattr(args, name) is not None}
    if args.distill_from is None:
        if given:
            raise ValueError(f"--{min(given).replace('_', '-')} needs a teacher: add --distill-from RUN")
        return None
    names = {"distill": "method"}
    choices = {names.get(name, name.removeprefix("distill_")): value for name, value in given.items()}
    return Distilling(realpath(args.distill_from), **choices)


def recipe_for(distilling: Distilling | None, data: str, settings: Sequence[tuple[str, str]], **given: Any) -> Recipe:
    """The recipe of a data set, as :func:`minivit.train.recipes.recipe_of`; with a distillation token if one is wanted.

    Raises
    ------
    ValueError
        If the model can have none, or there is a teacher for one that names no classes.
    """
    recipe = recipe_of(data, settings, **given)
    if distilling and (task := task_for(recipe.model, recipe.task)) is not Classification:
        its = f"{recipe.model} is trained for {task.__name__}"
        raise ValueError(f"--distill-from is for models that name classes, as their teacher does; {its}")
    if distilling is None or not distilling.token:
        return recipe
    if "distilled" in dict(settings):
        if not recipe.options["distilled"]:
            raise ValueError("--distill-token is for a model with such a token, which --set distilled=false takes away")
        return recipe
    if "heads_apart" not in model_options(recipe.model):
        raise ValueError(f"--distill-token is for models that can have such a token, as a ViT can; not {recipe.model}")
    return recipe_of(data, [*settings, ("distilled", "true")], **given)


@warnings_said()
def trainer_of(
    recipe: Recipe,
    dataset: Dataset,
    distilling: Distilling | None,
    *,
    threads: int | None = None,
    to_resume: bool = False,
) -> tuple[Trainer, Distilling | None]:
    """The training that was asked for, of a student if there is a teacher; and what is asked for, with its fingerprint.

    What is left aside of a file to begin with is said on stderr.

    Raises
    ------
    OSError, KeyError, ValueError
        As :class:`minivit.train.teacher.Teacher`; if it is not the one that this run was begun with; or if there are
        images without labels and nobody to teach them.
    """
    if distilling is None:
        if isinstance(dataset.train, TaughtImages):
            raise ValueError("images without labels need a teacher: add --distill-from RUN to --labeled or --unlabeled")
        return Trainer(recipe, dataset, threads=threads, to_resume=to_resume), None
    teacher, kind = Teacher(distilling.teacher, dataset, threads=threads), kind_of(dataset)
    if distilling.fingerprint not in (None, teacher.fingerprint):
        raise ValueError(
            f"the teacher {teacher.path} is not the one that this run was begun with: it was trained further, "
            "or another model is there now"
        )
    mixing = mixing_of(recipe, dataset)
    if mixing and isinstance(dataset.train, TaughtImages):
        why = "images without labels have none to mix: --mixup 0 and --cutmix 0 leave a recipe's other augmentation"
        raise ValueError(f"mixup and cutmix mix labels, too; {why}")
    changed = recipe.crop_padding > 0 or recipe.flip or recipe.randaugment or recipe.random_erasing > 0
    task = Distillation(
        teacher,
        method=distilling.method,
        token=distilling.token,
        alpha=distilling.alpha,
        temperature=distilling.temperature,
        label_smoothing=recipe.label_smoothing,
        augment=kind.augment(recipe) if changed else None,
        mix=mixing,
    )
    trainer = Trainer(recipe, dataset, task=task, threads=threads, to_resume=to_resume)
    return trainer, replace(distilling, fingerprint=teacher.fingerprint)


def must_not_be_its_own_teacher(distilling: Distilling | None, run: str | Path) -> None:
    """ValueError for a run in the folder of its teacher."""
    if distilling and checkpoint_of(distilling.teacher).parent == Path(realpath(run)):
        raise ValueError(f"{run} is the run of the teacher: a model cannot be its own")
