"""Fingerprints of what a training reads: when it goes on, they tell whether that is still the same."""

import numpy as np
from numpy import ndarray

from minivit.data.dataset import Dataset
from minivit.models.model import Model
from minivit.storage import checksum


def of_examples(dataset: Dataset) -> str:
    """Of all examples in their order, those to test on, too, and of what is known of each."""
    arrays: dict[str, ndarray] = {}
    for split, examples in (("train", dataset.train), ("test", dataset.test)):
        for name, column in examples.columns():
            if isinstance(column, ndarray) and column.dtype != object:
                arrays[f"{split} {name}"] = column
            else:  # rows of any length, or texts
                arrays |= {f"{split} {name} {i}": np.asarray(row) for i, row in enumerate(column)}
    return checksum(arrays, {})


def of_weights(model: Model) -> str:
    """Of all that a model keeps."""
    return checksum(model.state_dict(), {})
