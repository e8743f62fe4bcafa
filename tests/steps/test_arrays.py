"""Arrays of a page: what the letters say is what was recorded, to the digits that are shown."""

import json
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minivit.steps.arrays import DIGITS, LETTERS, Store, cropped, letters


def bytes_of(text, length):
    """The way back of ``letters``, as the page goes it."""
    values = [LETTERS.index(code) for code in text.encode()]
    bits = "".join(f"{high * len(LETTERS) + low:013b}" for high, low in zip(values[::2], values[1::2], strict=True))
    return bytes(int(bits[8 * n : 8 * n + 8], 2) for n in range(length))


def unpacked(packed):
    """The numbers of a piece of memory, as the page reads them."""
    planes = np.frombuffer(zlib.decompress(bytes_of(packed["letters"], packed["bytes"])), np.uint8)
    count = packed["numbers"]
    planes, rest = np.split(planes.astype(np.int64), [{"whole": 4}.get(packed["kind"], 3) * count])
    planes = planes.reshape(-1, count) if count else planes.reshape(3, 0)
    if packed["kind"] == "whole":
        return (planes.T @ [2**24, 2**16, 2**8, 1]).astype(np.uint32).astype(np.int32)
    if packed["kind"] == "exact":
        halves = np.stack([rest >> 4, rest & 15], 1).ravel()[:count]
        return (planes.T @ [2**24, 2**16, 2**8] + 16 * halves).astype(np.uint32).view(np.float32)
    exponent, digits = planes[0].astype(np.int8), (planes[1] * 256 + planes[2]).astype(np.int16)
    special = {127: 0.0, 125: np.nan}
    numbers = [
        special[e] if e in special else (np.copysign(np.inf, d) if e == 126 else float(f"{d}e{e - 3}"))
        for e, d in zip(exponent.tolist(), digits.tolist(), strict=True)
    ]
    return np.array(numbers)


def read(store, found):
    """An array of the page, with the digits that it shows."""
    flat, shape = unpacked(store.packed()[found["at"]]), found.get("shown", found["shape"])
    places = np.full(shape, found["offset"])
    for axis, (length, step) in enumerate(zip(shape, found["strides"], strict=True)):
        places += (np.arange(length) * step).reshape(-1, *[1] * (len(shape) - axis - 1))
    numbers = flat[places]
    return shown(numbers) if numbers.dtype.kind == "f" else numbers


def shown(array):
    return np.vectorize(lambda value: float(f"{value:.{DIGITS - 1}e}"), otypes=[float])(array)


@given(data=st.binary(max_size=60))
def test_letters_hold_every_byte(data):
    text = letters(data)
    assert bytes_of(text, len(data)) == data
    assert json.loads(json.dumps(text)) == text
    assert json.dumps(text) == f'"{text}"'  # nothing is escaped, in JSON or in a page
    assert "<" not in text


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_are_exact_to_their_digits(dtype):
    rng = np.random.default_rng(0)
    values = (rng.standard_normal(5000) * 10.0 ** rng.integers(-30, 30, 5000)).astype(dtype)
    edges = np.array([0, -0.0, 1, 10, 9999, 9999.5, 0.99995, 99999, 1e-5, -1, np.inf, -np.inf, np.nan, 1e30], dtype)
    array = np.concatenate([values, edges])
    store = Store()
    np.testing.assert_array_equal(read(store, store.add(array)), shown(array))


def test_the_smallest_and_largest_numbers_do_not_break_a_page():
    store = Store()
    found = read(store, store.add(np.array([5e-324, 1e-200, -1.234e-119, 1e119, -1e300])))
    np.testing.assert_array_equal(found, [0, 0, -1.234e-119, 1e119, -np.inf])


def test_views_take_no_room():
    memory = np.random.default_rng(0).standard_normal((5, 3, 4))
    store = Store()
    views = [
        memory,
        memory.transpose(2, 0, 1),
        memory[:, 1],
        memory[::-2, :, 1:3],
        np.broadcast_to(memory, (2, 5, 3, 4)),
    ]
    places = [store.add(view) for view in views]
    assert store.size == memory.size
    for view, place in zip(views, places, strict=True):
        assert place["shape"] == list(view.shape)
        np.testing.assert_array_equal(read(store, place), shown(view))


def test_what_lies_beside_a_small_part_is_not_kept():
    images = np.arange(20 * 4 * 4.0).reshape(20, 4, 4)
    store = Store()
    np.testing.assert_array_equal(read(store, store.add(images[7])), images[7])
    assert store.size == 16


def test_what_changes_later_stays_as_it_was():
    array, store = np.ones((2, 3)), Store()
    first = store.add(array)
    array[0] = 7
    second = store.add(array)
    np.testing.assert_array_equal(read(store, first), np.ones((2, 3)))
    np.testing.assert_array_equal(read(store, second), array)


def test_what_the_page_computes_with_has_28_bits():
    array = np.random.default_rng(0).standard_normal(1001).astype(np.float32)
    store = Store()
    found = store.add(array, exact=True)
    np.testing.assert_allclose(unpacked(store.packed()[found["at"]]), array, rtol=2**-20, atol=0)


def test_few_numbers_have_28_bits_where_that_shows_them_right():
    store = Store()
    few = np.log(np.random.default_rng(0).random(10))
    place = store.add(few)["at"]
    np.testing.assert_allclose(unpacked(store.packed()[place]), few, rtol=2**-20)
    odd = np.array([1e-60, 1e60, np.nan, -np.inf, 1e-200])
    np.testing.assert_array_equal(read(store, store.add(odd)), [1e-60, 1e60, np.nan, -np.inf, 0])
    least = np.array([-8e-45, -3e-45, 2.5e-43, 1.0], np.float32)  # they have fewer than 28 bits
    np.testing.assert_array_equal(read(store, store.add(least)), shown(least))
    assert [kept["kind"] for kept in store.packed()] == ["exact", "digits", "digits"]


@pytest.mark.parametrize("array", [np.arange(-3, 5), np.array([True, False]), np.array([[0, 255]], np.uint8)])
def test_whole_numbers(array):
    store = Store()
    np.testing.assert_array_equal(read(store, store.add(array)), array.astype(int))


@pytest.mark.parametrize("array", [np.array([2**31, -5]), np.array([2**64 - 1], np.uint64), np.array([-(2**40), 7])])
def test_whole_numbers_of_more_than_four_bytes_have_digits(array):
    store = Store()
    np.testing.assert_array_equal(read(store, store.add(array)), shown(array.astype(float)))


@pytest.mark.parametrize("array", [np.float64(3), np.zeros(0), np.zeros((2, 0, 3)), np.zeros((0, 5), np.float32)])
def test_single_numbers_and_nothing(array):
    store = Store()
    assert read(store, store.add(array)).shape == np.shape(array)


def test_of_large_arrays_a_corner_and_facts():
    array = np.random.default_rng(0).standard_normal((3, 50, 40))
    store = Store(most=1000)
    found = store.add(array)
    corner = tuple(map(slice, found["shown"]))
    assert np.prod(found["shown"]) <= 1000
    np.testing.assert_array_equal(read(store, found), shown(array[corner]))
    assert found["facts"] == {name: float(f"{getattr(array, name)():.4g}") for name in ("min", "max", "mean", "std")}


def test_the_facts_of_large_arrays_are_of_finite_numbers():
    array = np.full((100, 100), -np.inf)
    for numbers in ([], [1.0, 3.0, np.nan], [1e300, -1e300]):
        array[0, : len(numbers)] = numbers
        facts = Store(most=100).add(array)["facts"]
        assert np.isfinite(list(facts.values())).all()
    array[1:] = 2
    assert Store(most=100).add(array)["facts"]["max"] == 1e120


def test_what_the_page_computes_with_is_whole_and_shown_as_it_is():
    array = np.random.default_rng(0).standard_normal((100, 300)).astype(np.float32)
    store = Store(most=100)
    found = store.add(array, exact=True)
    assert "shown" not in found
    np.testing.assert_array_equal(shown(read(store, found)), shown(array))


def test_a_corner_keeps_rows_whole_as_long_as_it_can():
    assert cropped((1, 6, 1370, 1370), 2**14) == [1, 6, 1, 1370]
    assert cropped((5000,), 1000) == [625]
    assert cropped((7, 9), 63) == [7, 9]
    assert cropped((2, 2**16), 2**20) == [2, 2**14]  # no browser draws a picture of so many pixels
