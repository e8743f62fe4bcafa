"""The folder of a training run: config.json, metrics.csv, checkpoint.safetensors, and pictures."""

import csv
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from minivit.train.trainer import Metrics, Recipe


class RunFolder:
    """Where a run keeps its files. Creating one makes the folder; opening one (``RunFolder.open``) reads it.

    Raises
    ------
    FileExistsError
        If the folder exists already: a run never writes over another.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.config_path = self.path / "config.json"
        self.metrics_path = self.path / "metrics.csv"
        self.checkpoint_path = self.path / "checkpoint.safetensors"

    def create(self, recipe: Recipe, data: dict[str, Any]) -> None:
        """Make the folder and write what the run was asked for."""
        from minivit import __version__

        try:
            self.path.mkdir(parents=True)
        except FileExistsError:
            raise FileExistsError(
                f"the folder {self.path} exists already: choose another --out, or continue that run with "
                f"--resume {self.path}"
            ) from None
        config = {"minivit": __version__, "recipe": asdict(recipe), "data": data}
        replace_text(self.config_path, json.dumps(config, indent=2) + "\n")

    def read_config(self) -> tuple[Recipe, dict[str, Any]]:
        """What the run was asked for: its recipe, and where its data come from.

        Raises
        ------
        FileNotFoundError, ValueError
            If there is no such run, or its config.json is damaged.
        """
        if not self.config_path.is_file():
            raise FileNotFoundError(
                f"{self.path} is not the folder of a run: there is no {self.config_path.name} in it"
            )
        try:
            config = json.loads(self.config_path.read_text(encoding="utf-8"))
            recipe = config["recipe"]
            return Recipe(**{**recipe, "betas": tuple(recipe["betas"])}), config["data"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{self.config_path} is damaged: {error}") from error

    def write_metrics(self, rows: list[Metrics]) -> None:
        """Write metrics.csv anew, one row per step."""
        lines = [",".join(Metrics._fields)]
        for row in rows:
            lines.append(",".join("" if value is None else repr(value) for value in row))
        replace_text(self.metrics_path, "\n".join(lines) + "\n")

    def read_metrics(self, last_step: int) -> list[Metrics]:
        """Rows up to and including ``last_step``; later ones belong to steps that a resumed run does again."""
        if not self.metrics_path.is_file():
            return []
        with open(self.metrics_path, newline="", encoding="utf-8") as file:
            rows = [
                Metrics(
                    int(row["step"]),
                    float(row["epoch"]),
                    float(row["loss"]),
                    float(row["lr"]),
                    float(row["test_accuracy"]) if row["test_accuracy"] else None,
                )
                for row in csv.DictReader(file)
            ]
        return [row for row in rows if row.step <= last_step]


def new_run_path(parent: str | Path, name: str) -> Path:
    """``parent/name-1``, or the next number that is free."""
    number = 1
    while (path := Path(parent) / f"{name}-{number}").exists():
        number += 1
    return path


def replace_text(path: Path, text: str) -> None:
    """Write a text file as a whole or not at all."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
