"""Calls that go against an annotation fail in this test run, with the shape of an array in it and without."""

import numpy as np
import pytest

from minivit.nests import named_leaves
from minivit.ops.rows import row_dot
from minivit.processors import available_processors
from tests.unchecked import without_annotations


def test_what_has_no_shape_is_verified():
    with pytest.raises(TypeError, match="violates type hint"):
        available_processors("/")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="violates type hint"):
        next(iter(named_leaves([], 3)))  # type: ignore[arg-type]


def test_shapes_are_verified_together():
    a, b = np.zeros((2, 3)), np.zeros((2, 5))
    with pytest.raises(TypeError, match="Type-check error"):
        row_dot(a, b)


def test_both_can_be_left_unverified():
    assert without_annotations(lambda: [*named_leaves({3: 1}, 5)])() == [("5.3", 1)]  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="mismatch"):
        without_annotations(row_dot)(np.zeros((2, 3)), np.zeros((2, 5)))
