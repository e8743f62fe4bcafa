"""JSON: what comes back, what is not read, and that nothing is written which could not be read."""

import json
from itertools import count
from math import inf, nan
from typing import Any

import numpy as np
import pytest

from minivit.json_text import from_json, to_json, tuples


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    "value",
    [None, True, 3, -0.0, 1e-300, "ä\n\ud800", [], {}, {"a": [1, {"b": None}]}, 10**30, json.loads(nested(32))],
)
def test_plain_values_come_back(value: Any) -> None:
    assert from_json(to_json(value)) == value
    assert to_json(from_json(to_json(value))) == to_json(value)  # a checksum of the text may rely on it


def test_numpy_numbers_become_plain() -> None:
    numbers = {"i": np.int64(3), "f": np.float32(0.5), "b": np.bool_(True), "s": np.str_("a"), "a": np.eye(2)}
    assert from_json(to_json(numbers)) == {"i": 3, "f": 0.5, "b": True, "s": "a", "a": [[1, 0], [0, 1]]}


def test_lists_become_tuples() -> None:
    value = {"size": [8, 6], "nest": [[1], {"a": [(2, [3])]}], "text": "ab", "none": None}
    assert tuples(value) == {"size": (8, 6), "nest": ((1,), {"a": ((2, (3,)),)}), "text": "ab", "none": None}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ("{", "Expecting"),
        ("NaN", "the number NaN is not finite"),
        ('{"a": [-Infinity]}', "the number -Infinity is not finite"),
        ("1e999", "the number 1e999 is not finite"),
        ('{"a": 1, "b": {"c": 1, "c": 1}}', "the name 'c' stands there twice"),
        (nested(33), "nested more than 32 deep"),
        (nested(100_000), "nested more than 32 deep"),
        ('{"a":' * 1000 + "1" + "}" * 1000, "nested more than 32 deep"),
        (f"[{'[],' * 4_000_000}[]]", "a text of 12,000,004 characters is too long; expected at most 10,000,000"),
    ],
    ids=count(),
)
def test_json_is_read_strictly(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(text)


@pytest.mark.parametrize(
    "value", [nan, inf, np.float32(nan), {"a": [inf]}, {1: 2, "1": 3}, json.loads(nested(33)), 10**5000], ids=count()
)
def test_what_could_not_be_read_again_is_not_written(value: Any) -> None:
    with pytest.raises(ValueError, match=r"is not finite|stands there twice|nested|digits"):
        to_json(value)


@pytest.mark.parametrize("value", [{1, 2}, {(1, 2): 3}, b"bytes", np.complex64(1), object()])
def test_what_json_has_no_words_for(value: Any) -> None:
    with pytest.raises(TypeError):
        to_json(value)


def test_endless_values_are_not_written() -> None:
    value: list = []
    value.append(value)
    with pytest.raises(ValueError, match="Circular"):
        to_json(value)
