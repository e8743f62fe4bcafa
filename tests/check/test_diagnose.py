import numpy as np
import pytest

from minivit.check import diagnose

E = np.random.default_rng(0).standard_normal((4, 3, 5))
SIZES = {"the batch size": 4, "the width": 5, "temperature": 7.0}


def but(index, value):
    wrong = E.copy()
    wrong[index] = value
    return wrong


@pytest.mark.parametrize(
    ("got", "sentence"),
    [
        (E, None),
        (E.swapaxes(1, 2), "transposed: right after exchanging axes 1 and 2"),
        (-E, "off by the factor -1: the wrong sign"),
        (E / 4, "1 / the batch size (averaged instead of summed?)"),
        (E * 4, "the batch size (summed instead of averaged?)"),
        (E * 5**0.5, "sqrt(the width)"),
        (E / 5**0.5, "1 / sqrt(the width)"),
        (E * 49, "temperature squared"),
        (E * 2, "off by the constant factor 2"),
        (E * 0, "all zeros"),
        (E + 3, "the constant 3 is added everywhere"),
        (but((slice(None), 2), 0), "nothing reaches index 2 of axis 1"),
        (but((slice(None), slice(1, 3)), 0), "nothing reaches indices 1 to 2 of axis 1"),
        (but(slice(1, None), E[0]), "right for the first sample"),
        (but(3, 2 * E[3]), "right except at index 3 of axis 0; there: off by the constant factor 2"),
        (but((1, 2, 3), np.nan), "nan or infinity in 1 places, first at index (1, 2, 3)"),
        (np.flip(E, 1), "reversed along axis 1"),
        (np.roll(E, 1, 2), "permuted along axis 2: index 0 to 4 hold what belongs to [4, 0, 1, 2, 3]"),
        (E * np.array([1.5, 2, 3])[:, None], "off by a factor of its own for each index of axis 1"),
        (E * np.arange(2, 14).reshape(4, 3, 1), "off by a factor of its own for each row"),
        (E.transpose(1, 0, 2).reshape(4, 3, 5), "the right numbers in the wrong places"),
    ],
)
def test_pattern(got, sentence):
    found = diagnose(got, E, SIZES)
    assert sentence in found if sentence else found is None


def test_what_is_repeated_in_each_row_has_no_factor_of_its_own():
    """It would fit whatever stands there: in ends of which each repeats one number, say."""
    repeated = np.repeat(E[:, :, :1], 4, axis=2)
    assert diagnose(repeated + np.repeat(E[:, :, 1:2], 4, axis=2), repeated) is None


@pytest.mark.parametrize(
    ("got", "sentence"),
    [
        (but((slice(None), 2), 0), "nothing reaches the third head (zeros there, the rest is right)"),
        (but((slice(None), slice(1, 3)), 0),
         "nothing reaches indices 1 to 2 (counted from 0) of the head axis (zeros there, the rest is right)"),
        (but(slice(1, None), 0), "right for the first sample, wrong for all others"),
        (np.flip(E, 2), "reversed along the query axis"),
        (E.swapaxes(1, 2), "transposed: right after exchanging the axes head and query"),
        (but((1, 2, 3), 2 * E[1, 2, 3]), "right except at index (1, 2, 3)"),
        (but((slice(None), 1), 2 * E[:, 1]), "right except at the second head; there: off by the constant factor 2"),
        (np.roll(E, 1, 1), "permuted along the head axis: index 0 to 2 hold what belongs to [2, 0, 1]"),
    ],
)  # fmt: skip
def test_axes_have_names(got, sentence):
    assert diagnose(got, E, axes="sample head query") == sentence
    assert diagnose(got, E, axes="layer sample head query") == sentence
    assert diagnose(got, E, axes="head query") == diagnose(got, E)


def test_no_pattern_is_claimed_where_there_is_none():
    noise = np.random.default_rng(1).standard_normal(E.shape)
    assert diagnose(noise, E, SIZES) is None
    assert diagnose(E * 1.001 + 1e-3 * noise, E, SIZES) is None
    assert diagnose(-E + 1e-4 * noise, E, SIZES) is None


def test_a_factor_without_a_name_is_only_told():
    assert diagnose(E * 1.37, E, SIZES) == "off by the constant factor 1.37"


def test_gradient_that_should_be_zero():
    assert diagnose(E, 0 * E) is None


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ([*range(15), *range(30, 45)], "indices 0 to 14, 30 to 44 of axis 0"),
        ([1, 2, 5, 9, 10], "indices 1 to 2, 5, 9 to 10 of axis 0"),
        ([*range(0, 70, 2)], "indices 0, 2, 4, 6, 8, ... (35 of them) of axis 0"),
    ],
)
def test_many_indices_are_told_in_a_few_words(wrong, words):
    expected = np.random.default_rng(0).standard_normal(70)
    got = expected.copy()
    got[wrong] = np.random.default_rng(1).standard_normal(len(wrong))
    assert diagnose(got, expected) == f"right except at {words}"


def test_a_mask_with_as_many_ones_is_no_other_order_of_the_same():
    """That would hold of any."""
    mask, other = (np.random.default_rng(seed).permutation(np.arange(60) < 20).reshape(4, 3, 5) for seed in (0, 1))
    assert diagnose(1.0 * other, 1.0 * mask) is None
