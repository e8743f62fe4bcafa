"""Files of others: formats of numbers, and files that are damaged, hostile, or of another kind."""

import io
import json
import os
import re
import struct
import tracemalloc
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy import ndarray
from numpy.lib import format as npy
from safetensors.numpy import save_file

import minivit as mv
from minivit.models import ViT
from minivit.weights import load_timm, read, to_timm

from .test_loaders import CONFIG, FIXTURES, assert_refuses, assert_same

MODEL = ViT(**CONFIG)
ARRAYS = to_timm(MODEL)
NAME = "head.bias"  # the array that the tests damage


def loads(path: Path) -> None:
    model = ViT(**CONFIG, seed=1)
    load_timm(model, path)
    assert_same(model, MODEL)


def refused(path: Path, message: str) -> None:
    """In one sentence, with the model as it was."""
    model = ViT(**CONFIG, seed=1)
    before = model.state_dict()
    with pytest.raises(ValueError, match=message) as caught:
        load_timm(model, path)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, before[name])


def npy_bytes(array: ndarray) -> bytes:
    stream = io.BytesIO()
    npy.write_array(stream, array)
    return stream.getvalue()


def npy_header(text: str, version: tuple[int, int] = (1, 0), length: int | None = None) -> bytes:
    size = struct.pack("<H" if version == (1, 0) else "<I", len(text) if length is None else length)
    return b"\x93NUMPY" + bytes(version) + size + text.encode()


def described(shape: str, descr: str = "'<f4'") -> str:
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n"


def write_npz(path: Path, members: Iterable[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def members(**changed: bytes) -> list[tuple[str, bytes]]:
    """Those of a good file, but for ``changed``, by name with _ for the dots; others are added."""
    plain = {name: npy_bytes(array) for name, array in ARRAYS.items()}
    plain |= {name.replace("_", ".", 1): content for name, content in changed.items()}
    return [(f"{name}.npy", content) for name, content in plain.items()]


def write_safetensors(path: Path, entries: Mapping[str, tuple[str, Iterable[int], bytes]]) -> Path:
    header: dict[str, Any] = {}
    content = b""
    for name, (dtype, shape, data) in entries.items():
        header[name] = {"dtype": dtype, "shape": list(shape)}
        header[name]["data_offsets"] = [len(content), len(content) + len(data)]
        content += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
    return path


def bfloat16(array: ndarray) -> ndarray:
    """The upper halves of float32 numbers."""
    return (array.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def rounded(array: ndarray) -> ndarray:
    return (bfloat16(array).astype(np.uint32) << 16).view(np.float32)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bfloat16_loads_exactly(dtype: str, tmp_path: Path) -> None:
    """From a safetensors file, and from an .npz, in which NumPy calls it two bytes without meaning."""
    halves = {name: bfloat16(array) for name, array in ARRAYS.items()}
    entries = {name: ("BF16", a.shape, a.tobytes()) for name, a in halves.items()}
    write_safetensors(tmp_path / "a.safetensors", entries)
    np.savez(tmp_path / "a.npz", **{name: a.view("V2") for name, a in halves.items()})  # pyright: ignore[reportArgumentType]
    expected = ViT(**CONFIG, dtype=dtype)
    load_timm(expected, {name: rounded(array) for name, array in ARRAYS.items()})
    for name in ("a.safetensors", "a.npz"):
        model = ViT(**CONFIG, seed=1, dtype=dtype)
        load_timm(model, tmp_path / name)
        assert_same(model, expected)
        assert all(array.dtype == np.float32 for array in read(tmp_path / name).values())


@pytest.mark.parametrize("dtype", ["float16", "float64", ">f4", ">f8"])
def test_other_floats_load(dtype: str, tmp_path: Path) -> None:
    arrays = {name: np.asfortranarray(array.astype(dtype)) for name, array in ARRAYS.items()}
    expected, model = ViT(**CONFIG), ViT(**CONFIG)
    load_timm(expected, {name: array.astype(np.float32) for name, array in arrays.items()})
    np.savez(tmp_path / "a.npz", **arrays)  # pyright: ignore[reportArgumentType]
    load_timm(model, tmp_path / "a.npz")
    assert_same(model, expected)


@pytest.mark.parametrize(
    ("dtype", "name"), [("F8_E4M3", "f8_e4m3"), ("I8", "int8"), ("BOOL", "bool"), ("C64", "complex64"), ("U8", "uint8")]
)
def test_numbers_that_are_no_weights_are_refused(dtype: str, name: str, tmp_path: Path) -> None:
    entries = {key: ("BF16", array.shape, bfloat16(array).tobytes()) for key, array in ARRAYS.items()}
    entries[NAME] = (dtype, (5,), bytes(40 if dtype == "C64" else 5))
    path = write_safetensors(tmp_path / "a.safetensors", entries)
    message = f"array '{NAME}' holds {name}; weights are NumPy arrays of float16, bfloat16"
    assert_refuses(load_timm, ViT(**CONFIG), path, ValueError, message)


def test_read_gives_every_array(tmp_path: Path) -> None:
    arrays = {"a/b": np.arange(3), "c": np.ones((2, 0)), "d": np.array(True)}
    save_file(arrays, tmp_path / "a.safetensors")
    np.savez(tmp_path / "a.npz", **arrays)  # pyright: ignore[reportArgumentType]
    for suffix in (".safetensors", ".npz"):
        found = read(tmp_path / f"a{suffix}")
        assert sorted(found) == sorted(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(found[name], array, strict=True)


def test_numbers_that_numpy_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match=r"array 'float8' of .*numbers\.safetensors cannot be read: "):
        read(FIXTURES / "numbers.safetensors")


def test_suffixes_in_capitals(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", **ARRAYS)  # pyright: ignore[reportArgumentType]
    loads((tmp_path / "a.npz").rename(tmp_path / "a.NPZ"))
    save_file(ARRAYS, tmp_path / "a.SafeTensors")
    loads(tmp_path / "a.SafeTensors")


@pytest.mark.parametrize("name", ["model.pth", "pytorch_model.bin", "a.pt", "last.ckpt", "checkpoint.pth.tar", "a.PKL"])
def test_pickles_are_refused_with_the_way_out(name: str, tmp_path: Path) -> None:
    refused(tmp_path / name, rf"safetensors\.torch\.save_file\(torch\.load\('{re.escape(name)}', weights_only=True\)")


@pytest.mark.parametrize("name", ["a.h5", "a.onnx", "a.gguf", "a", "model.safetensors.index.json"])
def test_other_kinds_of_file_are_refused(name: str, tmp_path: Path) -> None:
    refused(tmp_path / name, rf"read from \.safetensors and \.npz files, not from {re.escape(name)}$")


def test_a_file_of_pytorch_is_refused_whatever_its_name(tmp_path: Path) -> None:
    refused(write_npz(tmp_path / "a.npz", [("archive/data.pkl", b""), ("archive/data/0", b"")]), "a pickle of PyTorch")
    (tmp_path / "a.safetensors").write_bytes(b"\x80\x04\x95" + bytes(100))
    refused(tmp_path / "a.safetensors", "not a safetensors file")


def test_minivits_own_files_are_sent_to_its_own_loader(tmp_path: Path) -> None:
    mv.save(MODEL, tmp_path / "a.safetensors")
    refused(tmp_path / "a.safetensors", r"was written by minivit: load it by minivit\.load")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_what_is_no_regular_file_is_not_opened(suffix: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / f"pipe{suffix}")  # opening it would wait for ever
    (tmp_path / f"folder{suffix}").mkdir()
    for name, says in (("pipe", "Not an ordinary file"), ("folder", "Is a directory")):
        with pytest.raises(OSError, match=says):
            load_timm(ViT(**CONFIG), tmp_path / f"{name}{suffix}")


def test_what_is_not_needed_is_not_read(tmp_path: Path) -> None:
    """A few kilobytes that unpack to 4 MiB: an array that nobody asked for, and those that have another shape."""
    zeros = bytes(2**22)
    model = ViT(**CONFIG)
    _ = model.state_dict()
    cases = {
        "extra": (npy_header(described("(1048576,)")) + zeros, KeyError, "array 'extra' has no place in this model"),
        "pre_logits_": (npy_header(described("(1048576,)")) + zeros, None, ""),
        NAME: (npy_header(described("(1048576,)")) + zeros, ValueError, "is for 1048576 classes"),
        "norm.bias": (npy_header(described("(1048576,)")) + zeros, ValueError, r"has shape \(1048576,\)"),
        "pos_embed": (npy_header(described("(1, 87381, 12)")) + zeros[: 87381 * 48], ValueError, "has shape"),
        "norm.weight": (npy_header("{", version=(2, 0), length=2**22) + zeros, ValueError, "norm.weight"),
        "cls_token": (npy_header(described("(1, 1, 12)")) + zeros, ValueError, "not as long as its header says"),
    }
    for name, (content, error, message) in cases.items():
        plain = {name: npy_bytes(array) for name, array in ARRAYS.items()} | {name: content}
        path = write_npz(tmp_path / "a.npz", [(f"{key}.npy", value) for key, value in plain.items()])
        assert path.stat().st_size < 2**16
        tracemalloc.start()
        try:
            if error:
                with pytest.raises(error, match=message):
                    load_timm(model, path)
            else:
                with pytest.warns(UserWarning, match="left 'pre_logits_' aside"):
                    load_timm(model, path)
            assert tracemalloc.get_traced_memory()[1] < 2**20
        finally:
            tracemalloc.stop()


HEADERS = {
    "too deep": ("-" * 9000 + "1", "'head.bias'"),  # a MemoryError of Python's parser
    "brackets": ("(" * 9000, "'head.bias'"),
    "no header": ("", "'head.bias'"),
    "another object": ("[1, 2]", "'head.bias'"),
    "negative": (described("(-5,)"), "not as long as its header says"),
    "twice negative": (described("(-1, -5)"), "not as long as its header says"),
    "not a number": (described("(float('nan'),)"), "'head.bias'"),
    "a fraction": (described("(5.0,)"), "'head.bias'"),
    "true": (described("(True,)"), "not as long as its header says"),
    "more than there is": (described("(6,)"), "not as long as its header says"),
    "more than any computer has": (described(f"({10**200},)"), "not as long as its header says"),
    "huge items": (described("(5,)", "'|V1000000000'"), "not as long as its header says"),
    "objects": (described("(5,)", "'|O'"), "holds Python objects, which are never unpickled"),
    "objects in fields": (described("(5,)", "[('a', '|O')]"), "holds Python objects, which are never unpickled"),
    "no dtype": (described("(5,)", "'what'"), "'head.bias'"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers_that_are_none(case: str, tmp_path: Path) -> None:
    header, message = HEADERS[case]
    refused(write_npz(tmp_path / "a.npz", members(head_bias=npy_header(header) + bytes(20))), message)


@pytest.mark.parametrize("descr", ["[('a', '<f4')]", "[('a', '<i2'), ('b', '<i2')]", "'<M8[s]'", "'<U1'", "'|b1'"])
def test_numbers_of_npz_that_are_no_weights_are_refused(descr: str, tmp_path: Path) -> None:
    size = np.dtype(npy.descr_to_dtype(eval(descr))).itemsize
    content = npy_header(described("(5,)", descr)) + bytes(5 * size)
    path = write_npz(tmp_path / "a.npz", members(head_bias=content))
    with pytest.raises(ValueError, match=f"array '{NAME}' holds .*; weights are NumPy arrays of"):
        load_timm(ViT(**CONFIG), path)


def damaged(kind: str, good: bytes) -> bytes:
    content = bytearray(good)
    local, central, end = content.find(b"PK\3\4"), content.find(b"PK\1\2"), content.rfind(b"PK\5\6")
    if kind == "empty":
        return b""
    if kind == "truncated":
        return good[:-100]
    if kind == "no zip":
        return npy_bytes(np.ones(3))
    if kind == "data":
        content[content.find(b"head.weight") + 300] ^= 1
    elif kind == "encrypted":
        content[local + 6] |= 1
        content[central + 8] |= 1
    elif kind == "compression":
        content[local + 8] = content[central + 10] = 99
    elif kind == "names":
        content[local + 30] ^= 1
    elif kind == "offset":
        content[end + 16 : end + 20] = b"\xff\xff\xff\x7f"
    elif kind == "size":
        content[central + 24] ^= 1
    return bytes(content)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize(
    "kind", ["empty", "truncated", "no zip", "data", "encrypted", "compression", "names", "offset", "size"]
)
def test_damage_is_one_sentence(kind: str, method: int, tmp_path: Path) -> None:
    path = write_npz(tmp_path / "a.npz", members(), method)
    path.write_bytes(damaged(kind, path.read_bytes()))
    refused(path, "cannot be read: ")


def test_any_flipped_byte_is_noticed_or_harmless(tmp_path: Path) -> None:
    """Loaded as it was, or refused: never other numbers, never another error."""
    path = write_npz(tmp_path / "a.npz", members())
    good = path.read_bytes()
    for place in np.random.default_rng(0).choice(len(good), 30, replace=False):
        content = bytearray(good)
        content[place] ^= 255
        path.write_bytes(content)
        model = ViT(**CONFIG, seed=1)
        try:
            load_timm(model, path)
        except (KeyError, ValueError):  # a KeyError if the name of an array was hit
            continue
        assert_same(model, MODEL)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_ways_of_compression_that_numpy_does_not_write_are_refused(method: int, tmp_path: Path) -> None:
    refused(write_npz(tmp_path / "a.npz", members(), method), "compressed in a way that NumPy does not write")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["head.bias.npy", "head.bias"])
def test_an_array_that_is_there_twice_is_refused(name: str, tmp_path: Path) -> None:
    path = write_npz(tmp_path / "a.npz", [*members(), (name, npy_bytes(np.ones(5)))])
    refused(path, "it holds 'head.bias' more than once")


def test_names_are_names_not_paths(tmp_path: Path) -> None:
    for name in ("../../outside", "/outside", "C:\\outside"):
        path = write_npz(tmp_path / "a.npz", [*members(), (f"{name}.npy", npy_bytes(np.ones(5)))])
        with pytest.raises(KeyError, match="outside' has no place in this model"):
            load_timm(ViT(**CONFIG), path)
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.npz"]
    loads(write_npz(tmp_path / "a.npz", [("folder/", b""), *members()]))


def test_what_is_no_array_is_named(tmp_path: Path) -> None:
    refused(write_npz(tmp_path / "a.npz", [*members(), ("README.txt", b"hello")]), "array 'README.txt'")


SAFETENSORS = {
    "empty": lambda good: b"",
    "truncated": lambda good: good[:-7],
    "longer": lambda good: good + b"xx",
    "header too long": lambda good: struct.pack("<Q", 2**62) + good[8:],
    "no JSON": lambda good: struct.pack("<Q", 2) + b"{\xff",
    "a list": lambda good: struct.pack("<Q", 2) + b"[]",
    "nested deeply": lambda good: struct.pack("<Q", 99_999) + b"[" * 99_999,
    "unknown numbers": lambda good: good.replace(b'"F32"', b'"F12"', 1),
    "negative": lambda good: good.replace(b'"shape":[12,', b'"shape":[-1,', 1),
}


@pytest.mark.parametrize("case", SAFETENSORS)
def test_damaged_safetensors(case: str, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file(ARRAYS, path)
    content = SAFETENSORS[case](path.read_bytes())
    assert content != path.read_bytes()
    path.write_bytes(content)
    refused(path, "is not a safetensors file, or it is damaged: ")


def test_a_file_that_may_not_be_opened_is_the_systems_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "a.npz", **ARRAYS)  # pyright: ignore[reportArgumentType]

    def forbidden(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", forbidden)
    with pytest.raises(PermissionError):
        load_timm(ViT(**CONFIG), tmp_path / "a.npz")
