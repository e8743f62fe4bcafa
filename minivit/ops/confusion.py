"""What is taken for what: counts of pixels, and the scores that follow from them. They are measured, not learned by."""

import numpy as np

from minivit.checked import check_numbers, checked
from minivit.types import Float, Int, Positive, ndarray


@checked
def confusion_matrix(
    labels: Int[ndarray, "*B"], answers: Int[ndarray, "*B"], num_classes: Positive, *, ignore_index: int = 255
) -> Int[ndarray, "classes classes"]:
    r"""How often each class was taken for each: :math:`N_{ij}`, pixels of class i that were said to be of class j.

    Of several batches, matrices are added up.

    Parameters
    ----------
    labels, answers : integers (...)
        What is true, and what was said.
    num_classes : int
    ignore_index : int
        Pixels with this label do not count, whatever was said of them.

    Raises
    ------
    ValueError
        If the shapes differ, or a number is that of no class.

    >>> import numpy as np
    >>> from minivit.ops.confusion import confusion_matrix
    >>> confusion_matrix(np.array([0, 0, 1, 255]), np.array([0, 1, 1, 1]), 2)
    array([[1, 1],
           [0, 1]])
    """
    counted = labels != ignore_index
    rows, columns = labels[counted].astype(np.int64), answers[counted].astype(np.int64)
    check_numbers("label", rows, num_classes, "classes")
    check_numbers("answer", columns, num_classes, "classes")
    counts = np.bincount(rows * num_classes + columns, minlength=num_classes * num_classes)
    return counts.reshape(num_classes, num_classes)


@checked
def class_iou(confusion: Int[ndarray, "classes classes"]) -> Float[ndarray, " classes"]:
    r"""Intersection over union of each class, over all pixels of all images together.

    .. math:: \text{IoU}_i = \frac{N_{ii}}{\sum_j N_{ij} + \sum_j N_{ji} - N_{ii}}

    nan of a class that is nowhere, and was said nowhere. (A mean over images of their IoUs would be another number: in
    it a class counts for more where it is rare.)

    References
    ----------
    Everingham et al. 2010, "The PASCAL Visual Object Classes (VOC) Challenge", section 4.4; Long et al. 2015, "Fully
    Convolutional Networks for Semantic Segmentation", section 5.
    """
    both = np.diagonal(confusion)
    union = confusion.sum(0) + confusion.sum(1) - both
    return np.where(union > 0, both / np.maximum(union, 1), np.nan)


@checked
def mean_iou(confusion: Int[ndarray, "classes classes"], *, background: bool = True) -> float:
    """Mean of the IoUs of all classes that are somewhere, or were said somewhere; nan if there are none.

    ``background`` False leaves out class 0: of mostly empty images its IoU is high whatever is found.
    """
    ious = class_iou(confusion)[0 if background else 1 :]
    there = ious[~np.isnan(ious)]
    return float(there.mean()) if len(there) else np.nan


@checked
def pixel_accuracy(confusion: Int[ndarray, "classes classes"]) -> float:
    """Share of the pixels that were said to be what they are; nan of none."""
    total = confusion.sum()
    return float(np.trace(confusion) / total) if total else np.nan
