"""What crosses between the processes comes out as it went in, and nothing else does."""

import io
import json
from typing import NamedTuple

import numpy as np
import pytest

from minivit.course.call import Outcome
from minivit.course.wire import (
    DEEPEST,
    HEAD,
    LARGEST_MESSAGE,
    WireError,
    ask,
    pack,
    read_outcome,
    receive,
    send,
    type_name,
    unpack,
)
from minivit.ops.softmax import SoftmaxCache


class Pair(NamedTuple):
    x: object
    sizes: tuple


def test_a_nest_survives():
    value = {
        "a": (1, None, 2.5, "text", True, -(2**63), float("inf")),
        "b": [np.arange(3, dtype=np.float32), np.zeros((0, 2)), np.array("text"), np.eye(3)[::-2].T],
        "c": Pair(np.bool_(True), (2, 3)),
    }
    back = unpack(pack(value), {"Pair": Pair}.get)
    assert back["a"] == value["a"]
    for got, array in zip(back["b"], value["b"], strict=True):
        np.testing.assert_array_equal(got, array, strict=True)
        assert got.flags.writeable
        assert got.flags.aligned
    assert back["c"] == value["c"]


def test_a_generator_draws_what_it_would_have_drawn():
    rng = np.random.default_rng(5)
    rng.integers(7, size=3)  # half of what its bits give is kept for the next draw
    back = unpack(pack({"rng": rng}))["rng"]
    draws = [[g.integers(7), g.random(), g.beta(0.3, 0.3), g.standard_normal()] for g in (back, rng)]
    assert draws[0] == draws[1]
    assert type_name(unpack(pack(np.random.Generator(np.random.MT19937(0))))) == "Generator"  # of others none crosses


def test_scalars_keep_their_dtype():
    assert unpack(pack(np.float32(2))).dtype == np.float32


def test_an_unknown_class_becomes_a_dict_and_a_changed_one_is_told():
    data = pack(SoftmaxCache(np.ones(2)))
    assert set(unpack(data)) == {"y"}
    with pytest.raises(WireError, match="must have the fields y"):
        unpack(data, lambda name: Pair)


def test_objects_do_not_cross():
    assert type_name(unpack(pack(object()))) == "object"
    assert type_name(unpack(pack(np.array([object()])))) == "an array of Python objects"
    assert type_name(unpack(pack(np.zeros(2, "M8[s]")))) == "an array of no numbers"
    assert type_name(unpack(pack(10**400))) == "whole number of 1,329 bits"
    assert len(type_name(unpack(pack(type("T" * 10_000, (), {})())))) == 100


def itself():
    nest: list = []
    nest.append(nest)
    return nest


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (np.broadcast_to(1.0, (10**6, 10**6)), r"8,000,000,000,\d+ bytes are more than the 67,108,864"),
        ({f"{i:050}": 1 for i in range(20_000)}, "too many parts"),
        ("text" * 10**6, "too much text"),
        (itself(), f"nested more than {DEEPEST} levels deep"),
    ],
)
def test_what_is_too_much_is_not_sent(value, says):
    """Not even made into bytes: the first would have eight terabytes."""
    with pytest.raises(WireError, match=says):
        pack(value)


def message(structure, numbers=b""):
    """Bytes as another hand could write them."""
    text = structure if isinstance(structure, bytes) else json.dumps(structure).encode()
    return len(text).to_bytes(8, "little") + text + numbers


ARRAY = {"array": ["<f8", [2]]}
FORGED = {
    "nothing": b"",
    "garbage": b"garbage",
    "cut": pack(1)[:-1],
    "cut array": pack(np.ones(3))[:-5],
    "longer than it says": pack(np.ones(3)) + b"more",
    "no JSON": message(b"{"),
    "more JSON than there is": (10**6).to_bytes(8, "little") + b"1",
    "too much JSON": message(b" " * 2**20 + b"1"),
    "a nest without end": message(b"[" * 10**5 + b"]" * 10**5),
    "an integer of 400 digits": message(b"1" * 400),
    "an integer of 5,000 digits": message(b"1" * 5000),
    "an integer in a list": message({"list": [10**30]}),
    "a list as it is": message([1, 2]),
    "an empty object": message({}),
    "another kind": message({"pickle": "gASVAA=="}),
    "no fields": message({"named": "Pair"}),
    "a dtype that is none": message({"array": ["<q9", [2]]}, bytes(16)),
    "a dtype of objects": message({"array": ["|O8", [2]]}, bytes(16)),
    "a dtype that is code": message({"array": ["i8,(1000000,1000000)f8", [1]]}, bytes(16)),
    "a shape without end": message({"array": ["<f8", [2**62, 2**62]]}, bytes(16)),
    "a shape below zero": message({"array": ["<f8", [-2]]}, bytes(16)),
    "a shape of text": message({"array": ["<f8", "12"]}, bytes(16)),
    "a generator of text": message({"generator": ["a", 1, 0, 0]}),
    "a generator of too many bits": message({"generator": [2**200, 1, 0, 0]}),
    "a generator without end": message({"generator": [float("inf"), 1, 0, 0]}),
    "half a generator": message({"generator": [1, 1]}),
    "one array for two": message({"list": [ARRAY, ARRAY]}, bytes(16)),
}


@pytest.mark.parametrize("data", FORGED.values(), ids=FORGED)
def test_garbage_is_refused(data):
    with pytest.raises(WireError):
        unpack(data)


def test_messages_of_another_hand_can_be_right():
    """Otherwise the test above would hold for any bytes."""
    np.testing.assert_array_equal(unpack(message(ARRAY, bytes(16))), np.zeros(2))
    assert unpack(message({"list": [1, None]})) == [1, None]


@pytest.mark.parametrize(
    "answer",
    [
        None,
        "returned",
        ("returned", "", None, None),
        ["returned", "", None, None, 0.0],
        ("passed", "", None, None, 0.0),
        ("died", "", None, None, 0.0),
        (["returned"], "", None, None, 0.0),
        ({"returned": 1}, "", None, None, 0.0),
        ("returned", 1, None, None, 0.0),
        ("returned", "", None, None, 0),
        ("returned", "", None, None, -1.0),
        ("returned", "", None, None, float("nan")),
        ("returned", "", None, None, float("inf")),
        ("returned", "", None, None, np.array([1.0, 2.0])),
    ],
)
def test_an_answer_of_another_form_is_refused(answer):
    with pytest.raises(WireError):
        read_outcome(pack(answer))


def test_an_answer():
    outcome = Outcome("returned", "", np.ones(2), (1,), 0.5)
    back = read_outcome(pack(tuple(outcome)))
    np.testing.assert_array_equal(back.value, outcome.value)
    assert back._replace(value=None) == outcome._replace(value=None)


def test_frames():
    pipe = io.BytesIO()
    send(pipe, 7, b"one")
    send(pipe, 2**64 - 1, b"")
    pipe.seek(0)
    assert [receive(pipe), receive(pipe), receive(pipe)] == [(7, b"one"), (2**64 - 1, b""), None]
    with pytest.raises(WireError, match="a message of 67,108,865 bytes"):
        receive(io.BytesIO(HEAD.pack(1, LARGEST_MESSAGE + 1) + b"x"))


class Slow(io.BytesIO):
    """A pipe that takes and gives a few bytes at a time."""

    def write(self, data, /):
        return super().write(bytes(data)[:3])

    def read(self, size=None, /):
        return super().read(min(size or 3, 3))


def test_frames_through_a_pipe_that_is_slow():
    pipe = Slow()
    send(pipe, 7, b"a long message")
    pipe.seek(0)
    assert receive(pipe) == (7, b"a long message")


def test_only_the_answer_with_the_number_of_the_question_counts(monkeypatch):
    """Also where others lie in the pipe before the question is asked: nobody can know its number."""
    questions, answers = io.BytesIO(), io.BytesIO()
    for number in (0, 1, 2):
        send(answers, number, b"forged")
    answers.seek(0)
    with pytest.raises(EOFError):
        ask(questions, answers, b"question")
    number, _ = HEAD.unpack(questions.getvalue()[: HEAD.size])
    assert number > 2

    monkeypatch.setattr("minivit.course.wire.secrets.randbits", lambda bits: 2)
    answers.seek(0)
    assert ask(io.BytesIO(), answers, b"question") == b"forged"


def test_numbers_that_stand_by_columns_do_so_on_the_other_side():
    sent = {"columns": np.asfortranarray(np.arange(12.0).reshape(3, 4)), "rows": np.arange(12).reshape(3, 4)}
    came = unpack(pack(sent))
    assert all(np.array_equal(came[name], array) for name, array in sent.items())
    assert came["columns"].flags.f_contiguous
    assert came["rows"].flags.c_contiguous
