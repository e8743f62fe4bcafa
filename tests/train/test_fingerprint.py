"""Fingerprints of examples of every kind: the same of the same, another of whatever is another."""

from dataclasses import replace

import numpy as np
import pytest

from minivit.data import Dataset, partly_labeled, reversal, scenes, shapes
from minivit.train.fingerprint import of_examples
from tests.train.sounds import small_sounds

KINDS = {
    "images": lambda: shapes(6, 3),
    "images of which some have no label": lambda: partly_labeled(shapes(6, 3), labeled=4),
    "scenes": lambda: scenes(4, 3, size=32),
    "sequences": lambda: reversal(5, 3, length=4),
    "sounds": lambda: small_sounds(6),
}


def changed(row):
    """Another one of the same shape, in the same range."""
    if isinstance(row, str):
        return f"{row}."
    return ~row if row.dtype == bool else np.where(row > 0, row - 1, row + 1).astype(row.dtype)


@pytest.mark.parametrize("kind", KINDS)
def test_of_the_same_it_is_the_same(kind: str) -> None:
    assert of_examples(KINDS[kind]()) == of_examples(KINDS[kind]())


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("kind", KINDS)
def test_whatever_changes_is_seen(kind: str, split: str) -> None:
    """One row of any column, the order of the rows, or their number."""
    dataset: Dataset = KINDS[kind]()
    examples = getattr(dataset, split)
    others = [examples.take(slice(1, None)), examples.take(np.arange(len(examples))[::-1])]
    for name, column in examples.columns():
        if not isinstance(column, np.ndarray) or column.size:  # nobody has asked a teacher
            another = column[0] if kind == "sequences" else changed(column[-1])  # begin and end must stay
            rows = [*column[:-1], another]
            others.append(replace(examples, **{name: np.array(rows) if isinstance(column, np.ndarray) else rows}))
    found = {of_examples(replace(dataset, **{split: other})) for other in (examples, *others)}
    assert len(found) == 1 + len(others)


def test_how_arrays_lie_in_memory_is_not_seen() -> None:
    dataset = shapes(6, 3)
    images, labels = dataset.train.images, np.repeat(dataset.train.labels, 2)
    turned = replace(dataset.train, images=np.asfortranarray(images), labels=labels[::2])
    assert of_examples(replace(dataset, train=turned)) == of_examples(dataset)
