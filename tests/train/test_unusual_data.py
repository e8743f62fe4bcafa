"""A training takes a user's arrays as they are: read-only, not contiguous, of one image, class or colour."""

import numpy as np
import pytest

from minivit.data import Dataset, LabeledImages, channel_statistics
from tests.train.small import small_trainer

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 16, 32, 3), np.uint8)
LABELS = np.arange(40) % 2
for array in (PIXELS, LABELS):
    array.flags.writeable = False

FLAT = PIXELS.copy()
FLAT[..., 1] = 7

KINDS = {
    "read-only": (PIXELS, LABELS),
    "not contiguous": (PIXELS[::-2, :, ::2], LABELS[::-2]),
    "columns first": (np.asfortranarray(PIXELS), LABELS),
    "one image": (PIXELS[:1], LABELS[:1]),
    "one class": (PIXELS, np.zeros(40, np.int64)),
    "grey": (PIXELS[..., :1], LABELS),
    "a channel that never changes": (FLAT, LABELS),
    "black": (np.zeros_like(PIXELS), LABELS),
    "one image, many times": (np.broadcast_to(PIXELS[0], PIXELS.shape), LABELS),
}


@pytest.mark.parametrize("kind", KINDS)
def test_it_trains(kind: str) -> None:
    images, labels = KINDS[kind]
    names = ("a",) if kind == "one class" else ("a", "b")
    split = LabeledImages(images, labels)
    data = Dataset("unusual", split, split, names, *channel_statistics(images))
    before = images.tobytes()
    *_, last = small_trainer(data, epochs=1).run()
    assert np.isfinite(last.loss)
    assert last.test_score is not None
    assert images.tobytes() == before


@pytest.mark.parametrize("kind", ["not contiguous", "columns first"])
def test_how_an_array_lies_in_memory_changes_nothing(kind: str) -> None:
    images, labels = KINDS[kind]
    losses = []
    for pixels in (images, np.ascontiguousarray(images)):
        split = LabeledImages(pixels, labels)
        data = Dataset("unusual", split, split, ("a", "b"), *channel_statistics(pixels))
        losses.append([metrics.loss for metrics in small_trainer(data, epochs=1).run()])
    assert losses[0] == losses[1]
