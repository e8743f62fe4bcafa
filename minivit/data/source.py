"""A data set as the command line names it and as the folder of a run remembers it."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from minivit.data.dataset import Dataset
from minivit.data.download import data_folder
from minivit.data.examples import Scenes
from minivit.data.names import NAMES, load_dataset
from minivit.data.paths import folder_path
from minivit.data.unlabeled import partly_labeled
from minivit.terminal import one_line, warnings_said


def full_source(
    data: str,
    *,
    data_dir: str | None = None,
    img_size: int | None = None,
    labeled: int | None = None,
    unlabeled: str | None = None,
) -> dict[str, Any]:
    """The arguments of :func:`load_source`, with folders in full, so that a run can be resumed from anywhere."""
    if data not in NAMES and (folder := folder_path(data, "--data")).is_dir():
        data = str(folder.resolve())
    kept = None if data_dir is None else str(data_folder(data_dir).resolve())
    more = None if unlabeled is None else str(folder_path(unlabeled, "--unlabeled").resolve())
    given = {"img_size": img_size, "labeled": labeled, "unlabeled": more}
    return {"data": data, "data_dir": kept, **{name: value for name, value in given.items() if value is not None}}


def load_source(data: str, *, labeled: int | None = None, unlabeled: str | None = None, **options: Any) -> Dataset:
    """The data set, :func:`partly_labeled` if that was asked for; what was left out of a folder is said on stderr."""
    with warnings_said():
        dataset = load_dataset(data, **options)
        if labeled is None and unlabeled is None:
            return dataset
        return partly_labeled(dataset, labeled=labeled, unlabeled=unlabeled)


def summary(dataset: Dataset) -> Iterator[str]:
    """What is in a data set, line by line."""
    classes = len(dataset.class_names)
    if dataset.sr:
        what, size = "sounds", f"{dataset.train.waves.shape[1] / dataset.sr:g} s at {dataset.sr:,} Hz"
    else:
        _, rows, columns, channels = dataset.train.images.shape
        what, size = "images", f"{rows} x {columns} pixels, {channels} channels"
    if not hasattr(dataset.train, "labels"):
        yield f"{one_line(dataset.name)}: {size}, without classes"
        yield f"train: {len(dataset.train):,} {what}, test: {len(dataset.test):,}"
        return
    yield f"{one_line(dataset.name)}: {size}, {classes} classes"
    for split, examples in (("train", dataset.train), ("test", dataset.test)):
        several = isinstance(examples, Scenes)
        labels = np.concatenate(examples.labels) if several else examples.labels
        counts, objects = np.bincount(labels, minlength=classes), f" with {len(labels):,} objects" if several else ""
        yield f"{split}: {len(examples):,} {what}{objects}, {counts.min():,} to {counts.max():,} of a class"
    yield one_line(f"classes: {', '.join(dataset.class_names)}")
