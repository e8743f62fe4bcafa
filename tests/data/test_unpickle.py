import os
import pickle
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from cifar_files import python2_pickle
from hypothesis import given
from hypothesis import strategies as st

from minivit.data import unpickle
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


# What is honest is read as Python reads it


def plain_values():
    texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
        ["x" * 300, "\ud800", "\u20ac\n\\u0041"]
    )
    numbers = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False)
    leaves = st.none() | st.booleans() | numbers | texts | st.binary(max_size=8) | st.just(b"\n" * 300)
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    )


@given(plain_values(), st.integers(0, 5))
def test_plain_values_are_those_of_python(tmp_path_factory, value, protocol):
    path = tmp_path_factory.getbasetemp() / "plain"
    path.write_bytes(pickle.dumps(value, protocol))
    out = load_pickle(path)
    assert out == value
    assert repr(out) == repr(value)  # True is not 1, and -0.0 is not 0.0


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("shape", [(), (0, 3), (3, 0, 2), (1,) * 32])
def test_shapes_of_every_kind(tmp_path, protocol, shape):
    array = np.ones(shape, np.int16)
    np.testing.assert_array_equal(read(tmp_path, pickle.dumps(array, protocol)), array, strict=True)


@pytest.mark.parametrize("protocol", range(6))
def test_axes_in_another_order(tmp_path, protocol):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4).transpose(1, 0, 2)
    np.testing.assert_array_equal(read(tmp_path, pickle.dumps(array, protocol)), array, strict=True)


def test_one_array_in_two_places(tmp_path):
    array = np.arange(3)
    a, b = read(tmp_path, pickle.dumps([array, array], 2))
    assert a is b
    np.testing.assert_array_equal(a, array)


def test_python2_in_its_oldest_protocol(tmp_path):
    """As Python 2 writes by default; Python 3 never writes the S of its text."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\np3\n(cnumpy\nndarray\np4\n(I0\ntp5\nS'b'\np6\ntp7\nRp8\n"
        b"(I1\n(I2\nI2\ntp9\ncnumpy\ndtype\np10\n(S'u1'\np11\nI0\nI1\ntp12\nRp13\n"
        b"(I3\nS'|'\np14\nNNNI-1\nI-1\nI0\ntp15\nbI00\nS'\\xc8\\n\\'a'\np16\ntp17\nb"
    )
    stream = b"(dp0\nS'data'\np1\n" + array + b"sS'labels'\np18\n(lp19\nI6\naL9L\naI01\nas."
    out, expected = read(tmp_path, stream), pickle.loads(stream, encoding="bytes")
    assert out.keys() == expected.keys() == {b"data", b"labels"}
    assert out[b"labels"] == [6, 9, True]
    np.testing.assert_array_equal(out[b"data"], [[200, 10], [39, 97]])
    np.testing.assert_array_equal(out[b"data"], expected[b"data"], strict=True)


# What is not


def text(value: bytes) -> bytes:
    return b"X" + len(value).to_bytes(4, "little") + value


ENCODE = b"c_codecs\nencode\n\x94"
LATIN1 = text(b"latin1") + b"\x94"
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
DTYPE = b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR"

REFUSED = {
    "a memo of four billion entries": (b"Nr\xff\xff\xff\xff.", "gives a value the number 4294967295"),
    "a memo entry below zero": (b"Np-1\n.", "gives a value the number -1"),
    "a memo entry that is not there": (b"h\x05.", "is damaged"),
    "keys that collide": (b"}(I1\nNI2305843009213693952\nNu.", "keys are not short texts"),
    "a key that is a tuple in a tuple": (b"}(" + b")" + b"\x85" * 9 + b"Nu.", "keys are not short texts"),
    "a key that takes long to compare": (b"}" + text(b"a" * 101) + b"Ns.", "keys are not short texts"),
    "a key without a value": (b"}(NNNu.", "is damaged"),
    "a number of 200,000 digits": (b"I" + b"9" * 200_000 + b"\n.", "a number or a name of 200,000 characters"),
    "a long number of 200,000 digits": (b"L" + b"9" * 200_000 + b"L\n.", "a number or a name of 200,001 characters"),
    "a fraction of 200,000 digits": (b"F" + b"9" * 200_000 + b"\n.", "a number or a name of 200,000 characters"),
    "2 ** 70 in digits": (b"I%d\n." % 2**70, "the integer 1180591620717411303424, where 64 bits are the most"),
    "2 ** 70 in bytes": (pickle.dumps(2**70), "an integer of 9 bytes, where 8 are the most"),
    "2 ** 63": (pickle.dumps(2**63), "an integer of 9 bytes, where 8 are the most"),
    "an integer of a million bytes": (b"\x8b\x40\x42\x0f\x00" + b"\x01" * 1_000_000 + b".", "of 1,000,000 bytes"),
    "more bytes than there are": (b"T\xff\xff\xff\x7fabc.", "is truncated"),
    "eight exabytes": (b"\x8e" + b"\xff" * 7 + b"\x7fabc.", "is truncated"),
    "lists in lists to be encoded": (ENCODE + b"]" * 1000 + b"a" * 999 + LATIN1 + b"\x86R.", "is damaged"),
    "a list to be encoded": (ENCODE + b"](NNe" + LATIN1 + b"\x86R.", "is damaged"),
    "one text encoded many times": (
        ENCODE + text(b"a" * 1000) + b"\x94" + LATIN1 + b"h\x00h\x01h\x02\x86R" * 1000 + b".",
        "makes more bytes than it holds",
    ),
    "one text for many arrays": (
        text(b"a" * 1000).replace(b"X", b"T", 1)
        + b"\x94"
        + DTYPE
        + b"\x94"
        + (ARRAY + b"(K\x01M\xe8\x03\x85h\x01\x89h\x00tb") * 100
        + b".",
        "makes more bytes than it holds",
    ),
    "a shape of huge numbers": (
        ARRAY + b"(K\x01(" + b"I9223372036854775807\n" * 20 + b"t" + DTYPE + b"\x89U\x01atb.",
        "array of shape .* which is too large",
    ),
    "a shape of many axes": (ARRAY + b"(K\x01(" + b"K\x01" * 33 + b"t" + DTYPE + b"\x89U\x01atb.", "shape is none"),
    "a shape that is huge but for a zero": (
        ARRAY + b"(K\x01(K\x00I9223372036854775807\nI9223372036854775807\nt" + DTYPE + b"\x89U\x00tb.",
        "array of shape .* which is too large",
    ),
    "a shape of booleans": (ARRAY + b"(K\x01\x88\x85" + DTYPE + b"\x89U\x01atb.", "shape is none"),
    "an array that is filled twice": (ARRAY + (b"(K\x01K\x01\x85" + DTYPE + b"\x89U\x01atb") * 2 + b".", "is damaged"),
    "a list that is told to be an array": (b"](K\x01K\x01\x85" + DTYPE + b"\x89U\x01atb.", "is damaged"),
    "a dtype of two": (b"cnumpy\ndtype\n(U\x05u1,u1K\x00K\x01tR.", "only numbers are allowed"),
    "a dtype that is a list": (b"cnumpy\ndtype\n(]K\x00K\x01tR.", "only numbers are allowed"),
    "a function with many arguments": (b"cnumpy\ndtype\n(" + b"N" * 1_000 + b"tR.", "is damaged"),
    "arguments that are bytes": (b"cnumpy\ndtype\nU\x03abcR.", "is damaged"),
    "a call of what is none": (b"K\x01)R.", "is damaged"),
    "a name that is a list": (b"]]\x93.", "is damaged"),
    "a name with an escape": (b"cos\n\x1b]0;mine\x07\n.", r"asks for os.\\x1b\]0;mine\\x07, and"),
    "a name without end": (b"c" + b"a" * 1_000_000, "is truncated"),
    "a set": (pickle.dumps({1}), r"the opcode b'\\x8f', which plain values"),
    "an end without a value": (b".", "is damaged"),
    "a mark that is not there": (b"]e.", "is damaged"),
    "too many steps": (b"]" + b"Na" * 5_000 + b".", "more than 10,000 steps"),
    "a persistent id": (b"NQ.", "the opcode b'Q'"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_sentence(tmp_path, monkeypatch, name):
    monkeypatch.setattr(unpickle, "MAX_STEPS", 10_000)
    stream, message = REFUSED[name]
    with pytest.raises(
        ValueError, match=rf"batch (cannot be read as a pickle|is truncated).*{message}|batch {message}"
    ) as caught:
        read(tmp_path, stream)
    assert len(str(caught.value)) < 1200
    assert str(caught.value).isprintable()
    assert not str(caught.value).endswith(".")


WORST = {  # the most that a program of so many steps can make
    "lists in lists": lambda n: b"]" * (n // 2 - 1) + b"a" * (n // 2 - 2) + b".",
    "tuples in tuples": lambda n: b")" + b"\x85" * (n - 3) + b".",
    "dictionaries, each remembered": lambda n: b"}\x94" * (n // 2 - 2) + b".",
    "tuples, each remembered": lambda n: b")\x85\x94" * (n // 3 - 2) + b".",
    "numbers": lambda n: b"](" + b"Mab" * (n - 8) + b"e.",
    "long numbers": lambda n: b"](" + b"\x8a\x08abcdefgh" * (n - 8) + b"e.",
    "keys": lambda n: b"}(" + b"".join(b"C\x03" + i.to_bytes(3, "little") + b"N" for i in range(n // 2 - 4)) + b"u.",
    "calls": lambda n: b"cnumpy\ndtype\n(U\x02u1K\x00K\x01t\x94" + b"cnumpy\ndtype\nh\x00R" * (n // 3 - 8) + b".",
    "arrays": lambda n: ARRAY * (n // 9 - 1) + b".",
    "text that grows": lambda n: b"](" + text(b"a" * (20 * n) + "\U0001f600".encode()) + b"e.",
    "bytes": lambda n: b"](" + (ENCODE + text(b"a" * 250) + LATIN1 + b"\x86R") * (n // 8) + b"e.",
}


@pytest.mark.parametrize("name", WORST)
def test_memory_is_bounded(tmp_path, monkeypatch, name):
    """By the length of the file and the number of steps, which are few here to be quick."""
    steps = 2_000
    monkeypatch.setattr(unpickle, "MAX_STEPS", steps)
    stream = WORST[name](steps)
    path = tmp_path / "batch"
    path.write_bytes(stream)
    tracemalloc.start()
    try:
        load_pickle(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 7 * len(stream) + 150 * steps, (peak - len(stream)) / steps


@pytest.mark.slow
def test_a_million_steps(tmp_path):
    """As many as there may be, in a process without the checks of the test run: what they take, and what memory."""
    for number, stream in enumerate(WORST.values()):
        (tmp_path / f"{number:02}").write_bytes(stream(unpickle.MAX_STEPS))
    program = f"""
import sys, time
from pathlib import Path
from minivit.data.unpickle import load_pickle
for path in sorted(Path({str(tmp_path)!r}).iterdir()):
    start = time.process_time()
    load_pickle(path)
    print(time.process_time() - start)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    times = dict(zip(WORST, map(float, done.stdout.split()), strict=True))
    assert max(times.values()) < 15, times  # a second or two, and room for a slow machine


def test_lists_that_share_each_other(tmp_path):
    """Written out, they would have 2 ** 60 entries."""
    stream = b"]\x94" + b"".join(b"](h" + bytes([i]) + b"h" + bytes([i]) + b"e\x94" for i in range(60)) + b"."
    assert len(read(tmp_path, stream)) == 2


def test_a_list_in_itself(tmp_path):
    out = read(tmp_path, b"]\x94h\x00a.")
    assert out[0] is out


@pytest.mark.parametrize("protocol", range(6))
def test_changed_bytes(tmp_path, protocol):
    """Whatever one changed byte makes of a pickle: a value, or one sentence."""
    value = {
        "data": np.arange(12, dtype=np.uint8).reshape(3, 4),
        "labels": [1, 2, 300],
        "names": ("a", b"b", 2.5, None),
    }
    whole, rng = pickle.dumps(value, protocol), np.random.default_rng(protocol)
    for place in rng.integers(len(whole), size=100):
        changed = bytearray(whole)
        changed[place] = rng.integers(256)
        try:
            read(tmp_path, bytes(changed))
        except ValueError as error:
            assert "batch" in str(error)  # noqa: PT017 (a value is right, too)


def test_a_file_that_may_not_be_read(public_folder, forbid):
    (public_folder / "batch").write_bytes(b"N.")
    forbid(public_folder / "batch")
    with pytest.raises(PermissionError, match=r"Permission denied: .*batch"):
        load_pickle(public_folder / "batch")
