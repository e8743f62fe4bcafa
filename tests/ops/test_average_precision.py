"""Average precision: what it takes; tests/test_parity_detr.py holds its numbers against pycocotools."""

from typing import Any

import numpy as np
import pytest

from minivit.ops.average_precision import Found, Truth, average_precision, average_precision_at, mask_overlap
from tests.unchecked import without_annotations

BOXES = np.array([[0, 0, 9, 9.0], [90, 90, 99, 99]])
MASK = np.ones((1, 10, 10), bool)


@pytest.mark.parametrize("kind", [np.uint8, np.int8, np.float32, np.float16, int])
def test_scores_of_any_type_are_in_their_order(kind: Any) -> None:
    found = Found(np.array([2, 0], kind), np.array([1, 1]), BOXES)
    assert average_precision_at(0.5, [found], [Truth(np.array([1]), BOXES[:1])]) == 1


@pytest.mark.parametrize(
    ("found", "truth", "kind", "says"),
    [
        (([0.9], [1], MASK.astype(np.uint8) * 255), ([1], MASK), TypeError, "masks have dtype uint8; expected bool"),
        (([0.9], [1], MASK), ([1], MASK * 1.0), TypeError, "masks have dtype float64; expected bool"),
        (([0.9, 0.5], [1], BOXES), ([1], BOXES[:1]), ValueError, "2 scores, 1 labels and 2 boxes or masks"),
        (([0.9, 0.5], [1, 1], BOXES[:1]), ([1], BOXES[:1]), ValueError, "2 scores, 2 labels and 1 boxes or masks"),
        (([0.9, 0.5], [1, 1], BOXES), ([1], BOXES), ValueError, "an image has 1 labels and 2 boxes or masks"),
        (([True, False], [1, 1], BOXES), ([1], BOXES[:1]), TypeError, "scores have dtype bool; expected numbers"),
    ],
)
def test_what_cannot_be_compared(found: Any, truth: Any, kind: Any, says: str) -> None:
    one, other = Found(*map(np.asarray, found)), Truth(*map(np.asarray, truth))
    with pytest.raises(kind, match=f"average_precision: .*{says}"):
        without_annotations(average_precision)([one], [other])


@pytest.mark.parametrize("threshold", [0.0, -1.0, 1.5, np.nan])
def test_thresholds_that_are_no_iou(threshold: float) -> None:
    with pytest.raises(ValueError, match=r"average_precision_at: threshold is .*; expected above 0"):
        average_precision_at(threshold, [], [])


def test_masks_of_numbers_have_no_overlap() -> None:
    with pytest.raises(TypeError, match="masks have dtype uint8; expected bool"):
        without_annotations(mask_overlap)(MASK.astype(np.uint8) * 255, MASK)
