import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from cifar_files import python2_pickle

from minivit.data.unpickle import load_pickle


def read(tmp_path, content: bytes):
    path = tmp_path / "batch"
    path.write_bytes(content)
    return load_pickle(path)


class Call:
    """An object whose pickle calls a function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("dtype", ["uint8", ">i4", "float64", "bool"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_every_protocol(tmp_path, protocol, dtype, order):
    array = np.asarray(np.arange(30).reshape(2, 3, 5) % 7, dtype, order=order)
    out = read(tmp_path, pickle.dumps({"a": [array], "n": (1, "x", b"y", None, 2.5)}, protocol))
    assert out["n"] == (1, "x", b"y", None, 2.5)
    np.testing.assert_array_equal(out["a"][0], array)
    assert out["a"][0].dtype in (array.dtype, array.dtype.newbyteorder("="))  # NumPy turns the bytes before protocol 5


def test_python2(tmp_path):
    array = np.arange(6, dtype=np.uint8).reshape(2, 3) + 200
    out = read(tmp_path, python2_pickle({"data": array, "labels": [1, 2]}))
    np.testing.assert_array_equal(out[b"data"], array)
    assert out[b"labels"] == [1, 2]


@pytest.mark.parametrize(
    ("attack", "named"),
    [
        (Call(os.system, "echo owned > owned"), f"{os.system.__module__}.system"),
        (Call(eval, "open('owned', 'w')"), "eval"),
        (Call(exec, "open('owned', 'w')"), "exec"),
        (Call(getattr, "x", "upper"), "getattr"),
        (Call(__import__, "os"), "__import__"),
        (Call(subprocess.Popen, ["touch", "owned"]), "Popen"),
        (Call(np.load, "owned"), "load"),
        (Call(np.array, [1]), "array"),
        (np.float64(1), "scalar"),
    ],
)
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_code_is_named_and_never_run(tmp_path, monkeypatch, attack, named, protocol):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=rf"batch cannot be read as a pickle: it asks for .*{named}"):
        read(tmp_path, pickle.dumps({"data": attack}, protocol))
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize(
    "stream",
    [
        b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.tofile\x93.",  # a dotted name reaches into an allowed class
        b"\x80\x04\x8c\x05numpy\x8c\x11testing.os.system\x93.",
        b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.",
        b"(S'echo owned > owned'\nios\nsystem\n.",  # the INST opcode of protocol 0
        b"\x80\x02\x82\x01.",  # the extension registry
        b"Powner\n.",  # a persistent id
        b"cnumpy\nndarray\n(K\x03tR.",  # calling ndarray itself
        b"cnumpy\nndarray\n)\x81.",
    ],
)
def test_ways_around_the_names(tmp_path, monkeypatch, stream):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="batch cannot be read as a pickle"):
        read(tmp_path, stream)
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_of_objects_are_refused(tmp_path, protocol):
    array = np.array([None, {}], dtype=object)
    with pytest.raises(ValueError, match="object"):
        read(tmp_path, pickle.dumps(array, protocol))


@pytest.mark.parametrize("dtype", ["U3", "S3", "M8[s]", "V4", [("a", "i4")]])
def test_only_numbers(tmp_path, dtype):
    with pytest.raises(ValueError, match="only numbers"):
        read(tmp_path, pickle.dumps(np.zeros(2, dtype)))


@pytest.mark.parametrize("shape", [b"J\x00\x00\x00\x7f", b"J\xff\xff\xff\xff", b"U\x01a", b"K\x03"])
def test_shape_must_match_the_bytes(tmp_path, shape):
    honest = python2_pickle(np.zeros(2, np.uint8))
    changed = honest.replace(b"(J\x02\x00\x00\x00t", b"(" + shape + b"t")
    assert changed != honest
    with pytest.raises(ValueError, match="an array"):
        read(tmp_path, changed)


def test_truncated_anywhere(tmp_path):
    whole = python2_pickle({"data": np.zeros((2, 3), np.uint8), "labels": [1, 2]})
    for length in range(len(whole)):
        with pytest.raises(ValueError, match=r"batch (is truncated|cannot be read)"):
            read(tmp_path, whole[:length])


def test_noise_is_one_clear_error(tmp_path):
    rng = np.random.default_rng(0)
    for length in range(1, 200):
        with pytest.raises(ValueError, match="batch"):
            read(tmp_path, b"\xff" + rng.bytes(length))


def test_the_stand_ins_leave_numpy_alone():
    """Nothing is patched: unrestricted pickling works as before in the same process."""
    array = np.arange(3)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(array)), array)
    assert "numpy" in sys.modules
