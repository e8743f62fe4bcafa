"""The folder of a training run: config.json, metrics.csv, checkpoint.safetensors, and pictures."""

import csv
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from minivit.storage import replace_file
from minivit.train.trainer import Metrics, Recipe, Trainer


class RunFolder:
    """Where a run keeps its files; each of them is written as a whole or not at all."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config_path = self.path / "config.json"
        self.metrics_path = self.path / "metrics.csv"
        self.checkpoint_path = self.path / "checkpoint.safetensors"

    def create(self, recipe: Recipe, data: dict[str, Any], solutions: Sequence[str] = ()) -> None:
        """Make the folder and write what the run was asked for.

        The folders of ``solutions`` are written in full, so that the run can be resumed from anywhere.

        Raises
        ------
        FileExistsError
            If the folder exists already: a run never writes over another.
        """
        from minivit import __version__

        try:
            self.path.mkdir(parents=True)
        except FileExistsError:
            go_on = f", or go on with that run by --resume {self.path}" if self.config_path.exists() else ""
            raise FileExistsError(f"{self.path} exists already: choose another --out{go_on}") from None
        full = [str(Path(folder).resolve()) for folder in solutions]
        config = {"minivit": __version__, "recipe": asdict(recipe), "data": data, "with": full}
        replace_file(self.config_path, (json.dumps(config, indent=2) + "\n").encode())

    def read_config(self) -> tuple[Recipe, dict[str, Any], list[str]]:
        """What the run was asked for: its recipe, where its data come from, and the solutions that it computes with.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such run, or its config.json is damaged.
        """
        if not self.config_path.is_file():
            raise FileNotFoundError(f"{self.path} is not the folder of a run: there is no config.json in it")
        try:
            config = json.loads(self.config_path.read_text(encoding="utf-8"))
            recipe, data = config["recipe"], config["data"]
            source = {"data": data["data"], "data_dir": data["data_dir"]}
            if "img_size" in data:  # only where it was asked for
                source["img_size"] = data["img_size"]
            solutions = config.get("with", [])  # runs begun before there was this entry have none
            if not isinstance(solutions, list) or not all(isinstance(folder, str) for folder in solutions):
                raise ValueError(f"its entry 'with' is {solutions!r}; expected a list of folders")
            return Recipe(**{**recipe, "betas": tuple(recipe["betas"])}), source, solutions
        except KeyError as error:
            raise ValueError(f"{self.config_path} is damaged: it has no entry {error}") from error
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.config_path} is damaged: {error}") from error

    def save(self, trainer: Trainer, rows: list[Metrics]) -> None:
        """Write metrics.csv anew, one row per step, and the checkpoint."""
        lines = [",".join(Metrics._fields)]
        for row in rows:
            lines.append(",".join("" if value is None else repr(value) for value in row))
        replace_file(self.metrics_path, ("\n".join(lines) + "\n").encode())
        trainer.save(self.checkpoint_path)

    def read_metrics(self, last_step: int) -> list[Metrics]:
        """Rows up to and including ``last_step``; later ones belong to steps that a resumed run does again."""
        if not self.metrics_path.is_file():
            return []
        rows = []
        with open(self.metrics_path, newline="", encoding="utf-8") as file:
            try:
                for step, epoch, loss, lr, accuracy in list(csv.reader(file))[1:]:
                    measured = float(accuracy) if accuracy else None
                    rows.append(Metrics(int(step), float(epoch), float(loss), float(lr), measured))
            except ValueError as error:
                raise ValueError(f"{self.metrics_path} is damaged: {error}; without that file it works") from error
        return [row for row in rows if row.step <= last_step]

    def remove_leftovers(self) -> None:
        """Remove the temporary files of a process that was killed while it wrote."""
        for path in self.path.glob(".*.tmp"):
            path.unlink()


def new_run_path(parent: str | Path, name: str) -> Path:
    """``parent/name-1``, or the next number that is free."""
    number = 1
    while (path := Path(parent) / f"{name}-{number}").exists():
        number += 1
    return path
