"""Tiny CIFAR folders in the official layouts, and the bytes of Python 2 pickles, which Python 3 no longer writes."""

import struct
import tarfile
from pathlib import Path

import numpy as np

NAMES_10 = [f"class{i}" for i in range(10)]
NAMES_100 = [f"class{i}" for i in range(100)]


def random_batch(n, classes, seed):
    """Return n images (n, 32, 32, 3) and their labels."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8), rng.integers(0, classes, n)


def planes(images):
    """Return the rows of the official files: all red, then all green, then all blue pixels."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2).reshape(len(images), -1))


def python2(value) -> bytes:
    """Encode a value with the opcodes of Python 2's protocol 2, without header and end."""
    match value:
        case str():
            return b"U" + bytes([len(value)]) + value.encode("latin1")
        case int():
            return b"J" + struct.pack("<i", value)
        case list():
            return b"](" + b"".join(map(python2, value)) + b"e"
        case dict():
            return b"}(" + b"".join(python2(key) + python2(item) for key, item in value.items()) + b"u"
        case np.ndarray():
            shape = b"(" + b"".join(map(python2, value.shape)) + b"t"
            dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
            raw = b"T" + struct.pack("<i", value.nbytes) + value.tobytes()
            born = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
            return born + b"(K\x01" + shape + dtype + b"\x89" + raw + b"tb"
    raise TypeError(type(value))


def python2_pickle(value) -> bytes:
    return b"\x80\x02" + python2(value) + b"."


def write_cifar10_python(folder: Path, n=4):
    folder.mkdir(parents=True)
    for i, name in enumerate([f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]):
        images, labels = random_batch(n, 10, i)
        batch = {"batch_label": name, "labels": labels.tolist(), "data": planes(images), "filenames": ["a.png"] * n}
        (folder / name).write_bytes(python2_pickle(batch))
    (folder / "batches.meta").write_bytes(python2_pickle({"num_vis": 3072, "label_names": NAMES_10}))


def write_cifar100_python(folder: Path, n=4):
    folder.mkdir(parents=True)
    for i, name in enumerate(["train", "test"]):
        images, labels = random_batch(n, 100, i)
        batch = {"coarse_labels": [0] * n, "fine_labels": labels.tolist(), "data": planes(images)}
        (folder / name).write_bytes(python2_pickle(batch))
    meta = {"fine_label_names": NAMES_100, "coarse_label_names": ["all"]}
    (folder / "meta").write_bytes(python2_pickle(meta))


def write_cifar10_binary(folder: Path, n=4):
    folder.mkdir(parents=True)
    for i, name in enumerate([f"data_batch_{k}.bin" for k in range(1, 6)] + ["test_batch.bin"]):
        images, labels = random_batch(n, 10, i)
        (folder / name).write_bytes(np.c_[labels.astype(np.uint8), planes(images)].tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(NAMES_10) + "\n\n")


def write_cifar100_binary(folder: Path, n=4):
    folder.mkdir(parents=True)
    for i, name in enumerate(["train.bin", "test.bin"]):
        images, labels = random_batch(n, 100, i)
        coarse = np.full(n, 7, np.uint8)
        (folder / name).write_bytes(np.c_[coarse, labels.astype(np.uint8), planes(images)].tobytes())
    (folder / "fine_label_names.txt").write_text("\n".join(NAMES_100) + "\n")


def write_archive(path: Path, folder: Path):
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, folder.name)
