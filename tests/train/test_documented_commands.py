"""The commands of docs/training.md that build on other runs, typed in their order: each must train."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from minivit import cli
from minivit.data import Dataset, LabeledImages, source
from minivit.data.dataset import channel_statistics
from minivit.train.folder import RunFolder
from minivit.train.trainer import Trainer
from tests.sampled import REST

TEXT = (Path(__file__).parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
BEFORE = "    minivit train --data cifar10\n    minivit train --data pets --img-size 64\n"
"""What a reader has trained in the sections before."""


def commands(text: str) -> list[list[str]]:
    return [
        shlex.split(line, comments=True)[1:] for line in re.findall(r"^    (minivit train .*)$", text, re.MULTILINE)
    ]


def few_of_cifar10() -> Dataset[LabeledImages]:
    images = np.random.default_rng(0).integers(0, 256, (1200, 32, 32, 3), np.uint8)
    train, test = (LabeledImages(part, np.arange(len(part)) % 10) for part in (images[:1100], images[1100:]))
    return Dataset("cifar10", train, test, tuple("abcdefghij"), *channel_statistics(train.images))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """With the photographs, which have all sizes, and a training that ends before its first step."""
    rng, load = np.random.default_rng(1), source.load_dataset
    folders = [f"pets/{split}/{name}" for split in ("train", "test") for name in ("cat", "dog")]
    for folder in [*folders, "photos"]:
        (tmp_path / folder).mkdir(parents=True)
        for i in range(2):
            pixels = rng.integers(0, 256, (70 + i, 80, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / folder / f"{i}.png")

    def saved_at_once(trainer: Trainer, folder: RunFolder) -> bool:
        folder.save(trainer, [])
        return True

    monkeypatch.setattr(
        source, "load_dataset", lambda data, **how: few_of_cifar10() if data == "cifar10" else load(data, **how)
    )
    monkeypatch.setattr(cli, "run_to_the_end", saved_at_once)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@REST
@pytest.mark.parametrize(("section", "count"), [("Fine-tuning", 6), ("Hidden patches", 2), ("A teacher", 6)])
def test_each_command_of_the_section_trains(section: str, count: int, place: Path, capsys) -> None:
    found = commands(TEXT.split(f"\n## {section}\n")[1].split("\n## ")[0])
    assert len(found) == count
    for args in [*commands(BEFORE), *found]:
        assert cli.main([*args, "--threads", "1"]) == 0, f"minivit {shlex.join(args)}: {capsys.readouterr().err}"
