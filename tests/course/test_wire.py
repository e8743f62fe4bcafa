"""What crosses between the processes comes out as it went in, and nothing else does."""

import io
from typing import NamedTuple

import numpy as np
import pytest

from minivit.course.wire import LARGEST_MESSAGE, WireError, pack, receive, send, type_name, unpack
from minivit.ops.softmax import SoftmaxCache


class Pair(NamedTuple):
    x: object
    sizes: tuple


def test_a_nest_survives():
    value = {
        "a": (1, None, 2.5, "text", True),
        "b": [np.arange(3, dtype=np.float32)],
        "c": Pair(np.bool_(True), (2, 3)),
    }
    back = unpack(pack(value), {"Pair": Pair}.get)
    assert back["a"] == value["a"]
    assert back["b"][0].dtype == np.float32
    assert back["c"] == value["c"]


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


@pytest.mark.parametrize("data", [b"", b"garbage", pack(1)[:-5]])
def test_garbage_is_refused(data):
    with pytest.raises(WireError):
        unpack(data)


def test_frames():
    pipe = io.BytesIO()
    send(pipe, b"one")
    send(pipe, b"")
    pipe.seek(0)
    assert [receive(pipe), receive(pipe), receive(pipe)] == [b"one", b"", None]
    assert receive(io.BytesIO((LARGEST_MESSAGE + 1).to_bytes(8, "little") + b"x")) is None
