import os
import pickle
import shutil
import tarfile
from pathlib import Path

import cifar_files
import numpy as np
import pytest
from cifar_files import python2_pickle, random_batch

from minivit.data import cifar, cifar10, cifar100, load_dataset

LAYOUTS = {
    "cifar-10-batches-py": (cifar_files.write_cifar10_python, cifar10, 10),
    "cifar-100-python": (cifar_files.write_cifar100_python, cifar100, 100),
    "cifar-10-batches-bin": (cifar_files.write_cifar10_binary, cifar10, 10),
    "cifar-100-binary": (cifar_files.write_cifar100_binary, cifar100, 100),
}


@pytest.fixture
def py10(tmp_path):
    folder = tmp_path / "cifar-10-batches-py"
    cifar_files.write_cifar10_python(folder)
    return folder


@pytest.mark.parametrize("subfolder", LAYOUTS)
@pytest.mark.parametrize("inside", [True, False])
def test_reads_every_official_layout(tmp_path, subfolder, inside):
    write, read, classes = LAYOUTS[subfolder]
    write(tmp_path / subfolder)
    folder = tmp_path / subfolder if inside else tmp_path
    for dataset in (read(folder), read(data_dir=folder), load_dataset(str(folder)), load_dataset(folder)):
        assert dataset.name == f"cifar{classes}"
        assert dataset.class_names == tuple(f"class{i}" for i in range(classes))
        batches = [random_batch(4, classes, seed) for seed in range(6 if classes == 10 else 2)]
        images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
        np.testing.assert_array_equal(np.concatenate([dataset.train.images, dataset.test.images]), images)
        np.testing.assert_array_equal(np.concatenate([dataset.train.labels, dataset.test.labels]), labels)
        np.testing.assert_allclose(dataset.mean, dataset.train.images.mean((0, 1, 2)) / 255, rtol=1e-12)
        np.testing.assert_allclose(dataset.std, dataset.train.images.std((0, 1, 2)) / 255, rtol=1e-9)


def test_a_folder_without_the_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not hold the files of cifar10"):
        cifar10(tmp_path)


def test_a_missing_file_is_named(py10):
    (py10 / "data_batch_3").unlink()
    with pytest.raises(FileNotFoundError, match="data_batch_3 is missing: cifar10 is not complete"):
        load_dataset(py10)


def test_cifar100_is_not_taken_for_cifar10(py10):
    with pytest.raises(FileNotFoundError, match="cifar100"):
        cifar100(py10)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        ([1], "must hold a dictionary, got list"),
        ({"labels": [0]}, "no entry 'data'"),
        ({"data": np.zeros((1, 3072), np.uint8)}, "no entry 'labels'"),
        ({"data": np.zeros((1, 3071), np.uint8), "labels": [0]}, "3072 columns"),
        ({"data": [1], "labels": [0]}, "uint8 array"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": ["cat"]}, "list of integers"),
        ({"data": np.zeros((1, 3072), np.uint8), "labels": [10]}, "train split has the label 10"),
        ({"data": np.zeros((2, 3072), np.uint8), "labels": [1]}, "data_batch_2 has 2 images but 1 labels"),
    ],
)
def test_wrong_contents(py10, batch, message):
    (py10 / "data_batch_2").write_bytes(python2_pickle(batch))
    with pytest.raises(ValueError, match=message):
        load_dataset(py10)


def test_wrong_names(py10):
    (py10 / "batches.meta").write_bytes(python2_pickle({"label_names": [1, 2]}))
    with pytest.raises(ValueError, match="list of names"):
        load_dataset(py10)


def test_a_truncated_pickle_is_named(py10):
    path = py10 / "test_batch"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"test_batch (is truncated|cannot be read)"):
        load_dataset(py10)


def test_a_pickle_with_code_is_refused(py10):
    (py10 / "data_batch_1").write_bytes(b"cos\nsystem\n(S'true'\ntR.")
    with pytest.raises(ValueError, match=r"data_batch_1 .* os.system"):
        load_dataset(py10)


def test_a_truncated_record_file_is_named(tmp_path):
    cifar_files.write_cifar100_binary(tmp_path / "b")
    path = tmp_path / "b" / "test.bin"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match=r"test.bin is truncated: 12295 bytes .* 3074-byte records"):
        load_dataset(tmp_path / "b")


def test_an_empty_record_file(tmp_path):
    cifar_files.write_cifar10_binary(tmp_path / "b")
    (tmp_path / "b" / "test_batch.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"test_batch.bin holds no images"):
        load_dataset(tmp_path / "b")


@pytest.mark.parametrize("name", ["data_batch_1", "data_batch_4", "test_batch"])
def test_a_file_without_images_is_named(py10, tmp_path, name):
    """Also where the other files have enough."""
    batch = {"data": np.zeros((0, 3072), np.uint8), "labels": []}
    (py10 / name).write_bytes(python2_pickle(batch))
    cifar_files.write_cifar10_binary(tmp_path / "b")
    (tmp_path / "b" / f"{name}.bin").write_bytes(b"")
    for folder in (py10, tmp_path / "b"):
        with pytest.raises(ValueError, match=f"{name}(.bin)? holds no images"):
            load_dataset(folder)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([True], "list of integers"),
        ([1.0], "list of integers"),
        ([None], "list of integers"),
        ([[1]], "list of integers"),
        ((1,), "list of integers"),
        (1, "list of integers"),
        (np.array([1]), "list of integers"),
        ([2**70], "an integer of 9 bytes, where 8 are the most"),
        ([2**63 - 1], "has the label 9223372036854775807; labels must lie in 0..9, because there are 10 class names"),
        ([-(2**63)], "has the label -9223372036854775808"),
        ([-1], "has the label -1"),
    ],
)
def test_labels_that_are_none(py10, labels, message):
    batch = {"data": np.zeros((1, 3072), np.uint8), "labels": labels}
    for protocol in (2, 5):
        (py10 / "data_batch_2").write_bytes(pickle.dumps(batch, protocol))
        with pytest.raises(ValueError, match=message):
            load_dataset(py10)


def test_a_label_of_200_000_digits(py10):
    (py10 / "data_batch_2").write_bytes(b"(dS'labels'\n(lI" + b"7" * 200_000 + b"\nas.")
    with pytest.raises(ValueError, match=r"data_batch_2 cannot be read .* a number or a name of 200,000 characters"):
        load_dataset(py10)


@pytest.mark.parametrize("protocol", range(6))
def test_written_by_python_3(py10, protocol):
    """In each protocol: the same data set."""
    expected = load_dataset(py10)
    for path in py10.iterdir():
        content = pickle.loads(path.read_bytes(), encoding="bytes")
        path.write_bytes(pickle.dumps({key.decode(): value for key, value in content.items()}, protocol))
    dataset = load_dataset(py10)
    np.testing.assert_array_equal(dataset.train.images, expected.train.images)
    np.testing.assert_array_equal(dataset.test.labels, expected.test.labels)
    assert dataset.class_names == expected.class_names


# Names of classes


@pytest.fixture
def bin10(tmp_path):
    cifar_files.write_cifar10_binary(tmp_path / "b")
    return tmp_path / "b"


NAMES = "\n".join(cifar_files.NAMES_10).encode()


@pytest.mark.parametrize(
    "content", [NAMES, NAMES + b"\n", NAMES + b"\n\n \n", b"\xef\xbb\xbf" + NAMES, NAMES.replace(b"\n", b"\r\n")]
)
def test_names_however_the_text_was_saved(bin10, content):
    (bin10 / "batches.meta.txt").write_bytes(content)
    assert load_dataset(bin10).class_names == tuple(cifar_files.NAMES_10)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "batches.meta.txt has no name in line 1; expected one name a line"),
        (b"\n" + NAMES, "batches.meta.txt has no name in line 1"),
        (NAMES.replace(b"class3", b" "), "batches.meta.txt has no name in line 4"),
        (NAMES.replace(b"class3", b"\xff\xfe"), "batches.meta.txt is not a text in UTF-8"),
        (NAMES.replace(b"class3", b"class4"), "class_names has 'class4' 2 times"),
        (b"class0", r"has the label \d; labels must lie in 0..0, because there are 1 class names"),
    ],
)
def test_names_that_are_none(bin10, content, message):
    (bin10 / "batches.meta.txt").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        load_dataset(bin10)


def test_more_names_than_labels(bin10):
    """Classes of which there are no images: a part of CIFAR is a data set, too."""
    (bin10 / "batches.meta.txt").write_bytes(NAMES + b"\nname with spaces\n")
    assert load_dataset(bin10).class_names[9:] == ("class9", "name with spaces")


def test_names_in_utf8(py10):
    names = [f"zü{i}".encode() for i in range(10)]
    (py10 / "batches.meta").write_bytes(pickle.dumps({"label_names": names}, 5))
    assert load_dataset(py10).class_names[3] == "zü3"


@pytest.mark.parametrize("name", ["data_batch_2", "batches.meta"])
def test_a_file_that_may_not_be_read(public_folder, forbid, name):
    cifar_files.write_cifar10_python(public_folder / "c")
    forbid(public_folder / "c" / name)
    with pytest.raises(PermissionError, match=f"Permission denied: .*{name}"):
        load_dataset(public_folder / "c")


# The network is played by a folder of files: what a mirror serves, or nothing.


@pytest.fixture
def network(tmp_path, monkeypatch):
    """Serve ``served[url] = path`` instead of the network; count what is asked for."""
    import hashlib

    import requests

    source = tmp_path / "source" / "cifar-10-batches-py"
    cifar_files.write_cifar10_python(source)
    archive = tmp_path / "source" / "cifar-10-python.tar.gz"
    cifar_files.write_archive(archive, source)
    served, asked = {}, []

    def choose_downloader(url, **_):
        def download(url, output, _pooch):
            asked.append(url)
            if url not in served:
                raise requests.exceptions.ConnectionError("no route")
            output = Path(getattr(output, "name", output))
            output.write_bytes(b"half of it")
            if served[url] is KeyboardInterrupt:
                raise KeyboardInterrupt
            shutil.copy(served[url], output)

        return download

    monkeypatch.setattr("pooch.core.choose_downloader", choose_downloader)
    md5 = hashlib.md5(archive.read_bytes()).hexdigest()
    real_load = cifar._load
    monkeypatch.setattr(cifar, "_load", lambda dataset, name, _, *rest: real_load(dataset, name, md5, *rest))
    urls = [mirror.format(dataset="cifar10") + "cifar-10-python.tar.gz" for mirror in cifar.MIRRORS]
    return urls, served, asked, archive


def test_downloads_once(tmp_path, network):
    urls, served, asked, archive = network
    served[urls[0]] = archive
    home = tmp_path / "new" / "home"
    first, second = cifar10(data_dir=home), load_dataset("cifar10", data_dir=home)
    assert asked == [urls[0]]
    np.testing.assert_array_equal(first.train.images, second.train.images)
    assert sorted(os.listdir(home)) == ["cifar-10-batches-py", "cifar-10-python.tar.gz"]


def test_the_environment_says_where(tmp_path, network, monkeypatch):
    urls, served, _, archive = network
    served[urls[0]] = archive
    monkeypatch.setenv("MINIVIT_DATA", str(tmp_path / "env"))
    cifar10()
    assert (tmp_path / "env" / "cifar-10-batches-py" / "test_batch").is_file()
    cifar10(data_dir=tmp_path / "argument")  # the argument goes before the environment
    assert (tmp_path / "argument" / "cifar-10-batches-py").is_dir()


@pytest.mark.parametrize("by", ["argument", "environment"])
@pytest.mark.parametrize(
    ("folder", "error", "message"),
    [
        ("", ValueError, "{} is empty; expected a folder"),
        ("~nosuchuser", ValueError, "{} is '~nosuchuser', and there is no such user"),
        ("~nosuchuser/data", ValueError, "{} is '~nosuchuser/data', and there is no such user"),
        ("file", NotADirectoryError, "{} is 'file', which is not a folder"),
        ("file/below", OSError, "Not a directory|cannot find the path"),
    ],
)
def test_a_data_folder_that_is_none(tmp_path, monkeypatch, by, folder, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    monkeypatch.delenv("MINIVIT_DATA", raising=False)
    if by == "environment":
        monkeypatch.setenv("MINIVIT_DATA", folder)
    with pytest.raises(error, match=message.format("data_dir" if by == "argument" else "MINIVIT_DATA")):
        cifar10(data_dir=folder if by == "argument" else None)


@pytest.mark.parametrize("folder", ["", "~nosuchuser", "a\0b", "\ud800"])
def test_a_folder_that_is_none(folder):
    with pytest.raises(ValueError, match="folder is "):
        cifar10(folder)


def test_a_data_folder_that_may_not_be_read(public_folder, forbid):
    cifar_files.write_cifar10_python(public_folder / "home" / "cifar-10-batches-py")
    forbid(public_folder / "home")
    with pytest.raises(PermissionError, match=r"Permission denied: .*home"):
        cifar10(data_dir=public_folder / "home")


def test_a_data_folder_that_may_not_be_written(public_folder, forbid):
    forbid(public_folder)
    with pytest.raises(PermissionError, match=r"Permission denied: .*new"):
        cifar10(data_dir=public_folder / "new")


def test_the_home_folder_is_written_out(tmp_path, monkeypatch):
    from minivit.data.download import data_folder

    monkeypatch.setenv("HOME" if os.name == "posix" else "USERPROFILE", str(tmp_path))
    assert data_folder("~/data") == tmp_path / "data"
    monkeypatch.setenv("MINIVIT_DATA", "~")
    assert data_folder() == tmp_path


def test_the_default_is_the_cache_folder(monkeypatch):
    import pooch

    from minivit.data.download import data_folder

    monkeypatch.delenv("MINIVIT_DATA", raising=False)
    assert data_folder() == Path(pooch.os_cache("minivit"))


def test_the_next_mirror_helps(tmp_path, network):
    urls, served, asked, archive = network
    damaged = tmp_path / "damaged"
    damaged.write_bytes(archive.read_bytes()[:-100])
    served[urls[1]], served[urls[2]] = damaged, archive
    cifar10(data_dir=tmp_path / "home")
    assert asked == urls


def test_no_mirror_works(tmp_path, network):
    urls, served, _, archive = network
    damaged = tmp_path / "damaged"
    damaged.write_bytes(archive.read_bytes()[:-100])
    served[urls[2]] = damaged
    with pytest.raises(OSError, match="could not be downloaded") as caught:
        cifar10(data_dir=tmp_path / "home")
    message = str(caught.value)
    assert all(url in message for url in urls)
    assert "ConnectionError" in message
    assert "truncated or altered" in message
    assert "by hand" in message
    assert "--data-dir" in message
    assert "\n" not in message
    assert os.listdir(tmp_path / "home") == []


def test_an_archive_put_there_by_hand(tmp_path, network):
    *_, asked, archive = network
    (tmp_path / "home").mkdir()
    shutil.copy(archive, tmp_path / "home")
    cifar10(data_dir=tmp_path / "home")
    assert asked == []


def test_a_damaged_archive_is_not_used(tmp_path, network):
    *_, archive = network
    home = tmp_path / "home"
    home.mkdir()
    (home / archive.name).write_bytes(archive.read_bytes()[:1000])
    with pytest.raises(OSError, match="found there is truncated or altered"):
        cifar10(data_dir=home)
    assert os.listdir(home) == [archive.name]  # somebody put it there: it is his to remove


def test_an_interrupted_download_leaves_nothing(tmp_path, network):
    urls, served, _, _ = network
    served[urls[0]] = KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        cifar10(data_dir=tmp_path / "home")
    assert os.listdir(tmp_path / "home") == []


@pytest.mark.parametrize("damage", ["truncated", "missing", "link", "text"])
def test_unpacking_is_all_or_nothing(tmp_path, damage):
    from minivit.data.download import unpack

    archive = tmp_path / "a.tar.gz"
    (tmp_path / "sub").mkdir()
    for name in ("one", "two"):
        (tmp_path / "sub" / name).write_bytes(os.urandom(5000))
    if damage == "missing":
        (tmp_path / "sub" / "two").unlink()
    if damage == "link":
        (tmp_path / "sub" / "two").unlink()
        (tmp_path / "sub" / "two").symlink_to("/etc/hostname")
    cifar_files.write_archive(archive, tmp_path / "sub")
    if damage == "truncated":
        archive.write_bytes(archive.read_bytes()[:-3000])
    if damage == "text":
        archive.write_text("<html>not found</html>")
    shutil.rmtree(tmp_path / "sub")
    with pytest.raises(ValueError, match=r"a.tar.gz"):
        unpack(archive, "sub", ["one", "two"])
    assert os.listdir(tmp_path) == ["a.tar.gz"]


def test_unpacking_takes_only_the_expected_names(tmp_path):
    from minivit.data.download import unpack

    (tmp_path / "file").write_text("content")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        for name in ("sub/one", "sub/evil", "../evil", "/evil"):
            tar.add(tmp_path / "file", name)
    assert unpack(tmp_path / "a.tar", "sub", ["one"]) == tmp_path / "sub"
    assert os.listdir(tmp_path / "sub") == ["one"]
    assert not (tmp_path.parent / "evil").exists()
