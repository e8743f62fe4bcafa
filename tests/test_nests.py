"""Lists, tuples and dicts in each other."""

from typing import Any, NamedTuple

import pytest

from minivit.nests import mapped, named_leaves


class Pair(NamedTuple):
    a: Any
    b: Any


def test_the_same_nest_with_other_leaves():
    nest = {"a": [1, (2, Pair(3, {"b": 4}))], "c": 5, "d": []}
    twice = mapped(lambda leaf: 2 * leaf, nest)
    assert twice == {"a": [2, (4, Pair(6, {"b": 8}))], "c": 10, "d": []}
    assert isinstance(twice["a"][1][1], Pair)
    assert nest["c"] == 5


def test_several_nests_of_one_form():
    assert mapped(lambda x, y: x + y, {"a": (1, 2), "b": [3]}, {"b": [30], "a": (10, 20)}) == {"a": (11, 22), "b": [33]}
    with pytest.raises(ValueError, match="shorter"):
        mapped(lambda x, y: x, [1, 2], [1])


def test_what_is_a_leaf_can_be_said():
    assert mapped(len, ({"a": [1, 2]}, [3]), nests=(tuple, dict)) == ({"a": 2}, 1)


def test_leaves_bear_the_names_of_fields_keys_and_places():
    nest = {"a": [1, (2, Pair(3, {"b": None}))], 5: 6, "d": [], "e": ()}
    assert [*named_leaves(nest)] == [("a.0", 1), ("a.1.0", 2), ("a.1.1.a", 3), ("a.1.1.b.b", None), ("5", 6)]
    assert [*named_leaves(Pair(1, [2]), "dy")] == [("dy.a", 1), ("dy.b.0", 2)]
    assert [*named_leaves(3, "dy")] == [("dy", 3)]
    assert [*named_leaves(3)] == [("", 3)]
