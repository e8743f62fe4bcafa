"""The folder of a training run: config.json, metrics.csv, checkpoint.safetensors, and pictures."""

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from math import isfinite
from pathlib import Path
from reprlib import repr as short
from types import MappingProxyType
from typing import Any

from minivit.checked import check_type
from minivit.errors import sentence
from minivit.files import LOCK, TEMPORARY, must_be_file, must_take_files, replace_file, sole_use
from minivit.json_text import from_json, to_json, tuples
from minivit.terminal import command_line
from minivit.train.beginning import is_of_others
from minivit.train.distilling import Distilling
from minivit.train.recipe import OFF, Recipe
from minivit.train.trained_on import checkpoint_of
from minivit.train.trainer import Metrics, Trainer
from minivit.version import __version__

HEAD = ",".join(Metrics._fields)
OLDER_HEAD = HEAD.replace("test_score", "test_accuracy")  # when there was no other task than classification

ASKED_FOR = {"img_size": int, "labeled": int, "unlabeled": str}
"""What config.json says of the data only where it was asked for."""

NONE: Mapping[str, str] = MappingProxyType({})


class RunFolder:
    """Where a run keeps its files; each of them is written as a whole or not at all.

    ``solutions`` are the folders of a student's functions that the run computes with: those that it was created with,
    or, after :meth:`read_config`, those that its config.json names. So is ``distilling``, who teaches the model, and
    so are ``fingerprints``, those of a :class:`minivit.train.Trainer`.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config_path = self.path / "config.json"
        self.metrics_path = self.path / "metrics.csv"
        self.checkpoint_path = self.path / "checkpoint.safetensors"
        self.solutions: list[str] = []
        self.distilling: Distilling | None = None
        self.fingerprints: dict[str, str] = {}
        self._held: os.stat_result | None = None  # which folder it was when we took it

    def create(
        self,
        recipe: Recipe,
        data: dict[str, Any],
        solutions: Sequence[str] = (),
        distilling: Distilling | None = None,
        fingerprints: Mapping[str, str] = NONE,
    ) -> None:
        """Make the folder and write what the run was asked for.

        The folders of ``solutions`` are written in full, so that the run can be resumed from anywhere. A folder that is
        there and empty will do, so that one in which the first write failed can be used again.

        Raises
        ------
        FileExistsError
            If there is anything in the folder already: a run never writes over another.
        BlockingIOError
            If another process works in it.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(f"{self.path} cannot be made: {self.path.parent} is not a folder") from None
        with suppress(FileExistsError):
            self.path.mkdir()
        self._must_be_empty()
        with sole_use(self.path):
            self._must_be_empty()
            self.solutions, self.distilling, self.fingerprints = in_full(solutions), distilling, {**fingerprints}
            config = {"minivit": __version__, "recipe": asdict(recipe), "data": data, "with": self.solutions}
            config["fingerprints"] = self.fingerprints
            if distilling:
                config["distillation"] = asdict(distilling)
            replace_file(self.config_path, (to_json(config, indent=2) + "\n").encode())

    def must_be_new(self) -> None:
        """FileExistsError, before any work, for a place where :meth:`create` would find anything."""
        if os.path.lexists(self.path):
            self._must_be_empty()
        must_take_files(self.path, "a run")

    def _must_be_empty(self) -> None:
        if self.path.is_dir() and all(name == LOCK or TEMPORARY.fullmatch(name) for name in os.listdir(self.path)):
            return
        go_on = f", or go on with that run by --resume {self.path}" if self.config_path.exists() else ""
        raise FileExistsError(f"{self.path} exists already: choose another --out{go_on}")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the folder of a run for this process alone, and clear away what a killed one has left.

        Raises
        ------
        BlockingIOError
            If another process trains in it.
        """
        with sole_use(self.path) as locked:
            self._held = os.stat(self.path)
            if locked:
                for name in filter(TEMPORARY.fullmatch, os.listdir(self.path)):
                    (self.path / name).unlink()
            else:
                print(f"{self.path}: this file system has no locks; see to it that no other process trains in there")
            yield

    def read_config(self) -> tuple[Recipe, dict[str, Any], list[str]]:
        """What the run was asked for: its recipe, where its data come from, and the solutions that it computes with.

        Raises
        ------
        FileNotFoundError, OSError, ValueError
            If there is no such run, or its config.json cannot be read or is damaged.
        """
        try:
            must_be_file(self.config_path)
        except (FileNotFoundError, NotADirectoryError):
            why = "it is a file" if self.path.is_file() else "there is no config.json in it"
            raise FileNotFoundError(f"{self.path} is not the folder of a run: {why}") from None
        try:
            config = from_json(self.config_path.read_text(encoding="utf-8"))
            check_type("all of it", config, dict[str, Any])
            recipe, data = config["recipe"], config["data"]
            check_type("recipe", recipe, dict[str, Any])
            check_type("data", data, dict[str, Any])
            source = {"data": data["data"], "data_dir": data["data_dir"]}
            for name, hint in ASKED_FOR.items():
                if name in data:
                    source[name] = data[name]
                    check_type(name, source[name], hint)
            check_type("data", source["data"], str)
            check_type("data_dir", source["data_dir"], str | None)
            solutions = config.get("with", [])  # runs begun before there was this entry have none
            if not isinstance(solutions, list) or not all(isinstance(folder, str) for folder in solutions):
                raise ValueError(f"its entry 'with' is {short(solutions)}; expected a list of folders")
            self.solutions = in_full(solutions)
            recipe, self.fingerprints = OFF | recipe, config.get("fingerprints", {})  # nor have they this
            check_type("fingerprints", self.fingerprints, dict[str, str])
            if "distillation" in config:
                check_type("distillation", config["distillation"], dict[str, Any])
                self.distilling = Distilling(**config["distillation"])
            for choice in fields(Recipe):
                if choice.name not in recipe:  # its default may be another one now
                    raise KeyError(choice.name)
            return Recipe(**tuples(recipe)), source, self.solutions
        except KeyError as error:
            raise ValueError(f"{self.config_path} is damaged: it has no entry {error}") from error
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.config_path} is damaged: {error}") from error

    def must_be_named(self, folders: Sequence[str]) -> None:
        """Refuse to go on unless the user has named the solutions of this run: they are code, and would run.

        Raises
        ------
        ValueError
            If ``folders`` are not those of the run, in their order; it says what to type.
        """
        if in_full(folders) == self.solutions:
            return
        if not self.solutions:
            raise ValueError("--resume goes on with a run as it was begun; --with cannot change it")
        raise ValueError(
            f"{self.path} computes with functions of its own, and minivit runs only code that you name; "
            f"if you trust these folders, go on with: {self.resume_command()}"
        )

    def resume_command(self) -> str:
        """What to type to go on with this run."""
        words = ["minivit", "train", "--resume", str(self.path)]
        words += [word for folder in self.solutions for word in ("--with", folder)]
        return command_line(words)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """If the system refuses to write, say what there is of the run, and how to go on.

        Nothing is written into another folder that has been put in the place of ours.
        """
        try:
            if self._is_another():
                raise FileNotFoundError(errno.ENOENT, "another folder is there now", str(self.path))
            yield
        except OSError as error:
            go_on = f"make room, or whatever is needed, then go on with: {self.resume_command()}"
            if not self.config_path.exists() or self._is_another():
                left = f"{self.path} was moved or removed during the training, and what was saved went with it"
            elif self.checkpoint_path.exists():
                left = f"what was saved before is untouched: {go_on}"
            else:
                left = f"nothing was saved yet: {go_on}"
            raise OSError(error.errno, f"{sentence(error)}; {left}") from error

    def _is_another(self) -> bool:
        """Whether the path leads to another folder than the one that we hold."""
        return bool(self._held) and not os.path.samestat(self._held, os.stat(self.path))

    @property
    def has_begun(self) -> bool:
        """Whether there is a checkpoint; what cannot be read is there, too, and must not be written over."""
        return os.path.lexists(self.checkpoint_path)

    def resume(self, trainer: Trainer) -> None:
        """Go on from the checkpoint; if there is none yet, begin anew, but with what the run was begun with.

        Raises
        ------
        FileNotFoundError, OSError, ValueError
            As :meth:`minivit.train.Trainer.resume`; if the examples, or the weights to begin with, have changed.
        """
        if self.has_begun:
            trainer.resume(self.checkpoint_path)
        else:
            trainer.must_have_begun_with(self.fingerprints)

    def save(self, trainer: Trainer, rows: list[Metrics]) -> None:
        """Write metrics.csv anew, one row per step, and the checkpoint."""
        lines = [HEAD]
        for row in rows:
            lines.append(",".join("" if value is None else repr(value) for value in row))
        with self.writing():
            replace_file(self.metrics_path, ("\n".join(lines) + "\n").encode())
            trainer.save(self.checkpoint_path)

    def read_metrics(self, last_step: int) -> list[Metrics]:
        """Rows up to and including ``last_step``; later ones belong to steps that a resumed run does again.

        The first row need not be that of the first step: whoever has removed the file goes on with a new one.

        Raises
        ------
        ValueError
            If a row is missing, stands there twice, or holds anything but numbers.
        """
        try:
            must_be_file(self.metrics_path)
        except FileNotFoundError:
            return []
        try:
            return _parse(self.metrics_path.read_text(encoding="utf-8"), last_step)
        except ValueError as error:
            raise ValueError(f"{self.metrics_path} is damaged: {error}; without that file it works") from error


def _parse(text: str, last_step: int) -> list[Metrics]:
    if not text.startswith((f"{HEAD}\n", f"{OLDER_HEAD}\n")) or not text.endswith("\n"):
        raise ValueError(f"its first line is not {HEAD}, or its last one is not whole")
    rows = []
    for line in text.splitlines()[1:]:
        step, epoch, loss, lr, score = line.split(",")
        row = Metrics(int(step), float(epoch), float(loss), float(lr), float(score) if score else None)
        if not all(map(isfinite, row[:-1])):  # the score of a model may be none: a step looks at the loss alone
            raise ValueError(f"a number of step {row.step} is not finite")
        if rows and row.step != rows[-1].step + 1:
            raise ValueError(f"step {rows[-1].step} is followed by step {row.step}")
        rows.append(row)
    if last_step and (not rows or rows[-1].step < last_step):
        raise ValueError(f"it ends before step {last_step}, where the checkpoint stands")
    return [row for row in rows if row.step <= last_step]


def model_of_beginning(run_or_file: str, *, named: bool) -> dict[str, Any]:
    """What :func:`minivit.train.recipes.recipe_of` is to know of the model that a training begins with.

    Of a run its model and options, unless another one is ``named``; of a file of others that the head reads what the
    preset says.
    """
    run = RunFolder(run_or_file)
    known: dict[str, Any] = {"as_preset": is_of_others(checkpoint_of(run_or_file))}
    if not named and run.config_path.is_file():
        recipe, *_ = run.read_config()
        known |= {"model": recipe.model, "options": recipe.options}
    return known


def in_full(folders: Sequence[str]) -> list[str]:
    """Paths that are right from wherever one stands."""
    return [os.path.realpath(folder) for folder in folders]


def create_numbered(
    parent: str | Path,
    name: str,
    recipe: Recipe,
    data: dict[str, Any],
    solutions: Sequence[str] = (),
    distilling: Distilling | None = None,
    fingerprints: Mapping[str, str] = NONE,
) -> RunFolder:
    """Create ``parent/name-1``, or the next number that is free: looked for and taken in one step."""
    number = 1
    while True:
        folder = RunFolder(Path(parent) / f"{name}-{number}")
        try:
            folder.create(recipe, data, solutions, distilling, fingerprints)
        except (FileExistsError, BlockingIOError):  # another run, or one that another process has just begun
            number += 1
        else:
            return folder
