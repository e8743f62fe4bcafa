"""Scores of maps, beside their definitions pixel by pixel."""

import numpy as np
import pytest

from minivit.ops.confusion import class_iou, confusion_matrix, mean_iou, pixel_accuracy

RNG = np.random.default_rng(0)


def test_counts_are_of_what_is_true_in_rows() -> None:
    labels, answers = np.array([[0, 1, 1], [2, 2, 255]], np.uint8), np.array([[0, 2, 1], [2, 2, 0]])
    expected = [[1, 0, 0], [0, 1, 1], [0, 0, 2]]
    assert confusion_matrix(labels, answers, 3).tolist() == expected
    assert confusion_matrix(labels[:0], answers[:0], 3).tolist() == [[0] * 3] * 3


def test_overlaps_are_those_of_sets_of_pixels() -> None:
    labels, answers = RNG.integers(0, 5, (2, 4, 7, 9))
    labels[0, :3] = 255
    confusion = confusion_matrix(labels, answers, 6)
    counted = labels != 255
    expected = []
    for c in range(6):
        truth, said = (labels == c) & counted, (answers == c) & counted
        expected.append((truth & said).sum() / (truth | said).sum() if (truth | said).any() else np.nan)
    np.testing.assert_allclose(class_iou(confusion), expected)
    assert np.isnan(class_iou(confusion)[5])  # which is nowhere
    assert mean_iou(confusion) == pytest.approx(np.mean(expected[:5]))
    assert mean_iou(confusion, background=False) == pytest.approx(np.mean(expected[1:5]))
    assert pixel_accuracy(confusion) == pytest.approx((labels == answers)[counted].mean())


def test_a_class_that_was_only_said_counts_for_nothing_found() -> None:
    confusion = confusion_matrix(np.zeros(4, int), np.array([0, 0, 0, 1]), 3)
    np.testing.assert_array_equal(class_iou(confusion), [0.75, 0, np.nan])
    assert mean_iou(confusion) == 0.375
    assert mean_iou(confusion, background=False) == 0


def test_over_all_images_is_not_the_mean_over_images() -> None:
    labels, answers = np.array([[0, 0, 0, 1], [1, 1, 1, 1]]), np.array([[0, 0, 0, 0], [1, 1, 1, 1]])
    each = [mean_iou(confusion_matrix(*pair, 2)) for pair in zip(labels, answers, strict=True)]
    together = confusion_matrix(labels[0], answers[0], 2) + confusion_matrix(labels[1], answers[1], 2)
    np.testing.assert_array_equal(together, confusion_matrix(labels, answers, 2))
    assert mean_iou(together) == pytest.approx((3 / 4 + 4 / 5) / 2)
    assert np.mean(each) == pytest.approx((3 / 8 + 1) / 2)


def test_of_no_pixels_there_is_no_score() -> None:
    nothing = confusion_matrix(np.full((2, 3), 255), np.zeros((2, 3), int), 4)
    assert np.isnan(mean_iou(nothing))
    assert np.isnan(pixel_accuracy(nothing))
    assert np.isnan(mean_iou(confusion_matrix(np.zeros(3, int), np.zeros(3, int), 2), background=False))


def test_numbers_of_no_class_are_refused() -> None:
    with pytest.raises(ValueError, match="label 3 is out of range; expected 0 to 2 for 3 classes"):
        confusion_matrix(np.array([0, 3]), np.array([0, 1]), 3)
    with pytest.raises(ValueError, match="answer -1 is out of range"):
        confusion_matrix(np.array([0, 1]), np.array([0, -1]), 3)
    with pytest.raises(ValueError, match=r"answers has shape \(3,\); expected .* as in labels, which has shape \(2,\)"):
        confusion_matrix(np.zeros(2, int), np.zeros(3, int), 3)
