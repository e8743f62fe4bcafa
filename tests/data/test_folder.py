"""Folders of images, as people have them."""

import json
import os
import sys
import unicodedata
from typing import Any

import numpy as np
import pytest
from PIL import Image

from minivit.data import folder, image_folder, load_dataset
from minivit.data.examples import Images
from minivit.data.source import summary

INT64: Any = np.int64  # which stands for an int, though the type checker does not know it


def write_images(folder, splits=("train", "test"), names=("cat", "dog"), size=(7, 5)):
    for split in splits:
        for label, name in enumerate(names):
            (folder / split / name).mkdir(parents=True)
            for i, suffix in enumerate(["png", "JPG", "jpeg"]):
                Image.new("RGB", size, (100 * label, 50 * i, 0)).save(folder / split / name / f"{i}.{suffix}")


@pytest.mark.parametrize("test", ["test", "val"])
def test_image_folder(tmp_path, test):
    write_images(tmp_path, ("train", test))
    (tmp_path / "train" / "cat" / "notes.txt").write_text("not an image")
    Image.new("L", (7, 5), 9).save(tmp_path / "train" / "cat" / "grey.png")
    with pytest.warns(UserWarning, match=r"left out 'train/cat/notes.txt'; images are"):
        dataset = load_dataset(tmp_path)
    assert dataset.name == tmp_path.name
    assert dataset.class_names == ("cat", "dog")
    assert dataset.train.images.shape == (7, 5, 7, 3)
    assert dataset.train.labels.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert dataset.test.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.test.images[3, 0, 0].tolist() == [100, 0, 0]
    assert dataset.train.images[3, 0, 0].tolist() == [9, 9, 9]


def test_an_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no data set: expected the files of CIFAR"):
        load_dataset(tmp_path)


def test_no_classes(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    with pytest.raises(ValueError, match=r"train has no images: expected .*train/CLASS/.*, or .* without classes"):
        load_dataset(tmp_path)


def test_images_without_classes(tmp_path):
    for split, count in (("train", 3), ("test", 2)):
        (tmp_path / split).mkdir()
        for i in range(count):
            Image.new("RGB", (7, 5), (50 * i, 0, 0)).save(tmp_path / split / f"{i}.png")
    data = load_dataset(tmp_path)
    assert type(data.train) is type(data.test) is Images
    assert (data.train.images.shape, data.test.images.shape) == ((3, 5, 7, 3), (2, 5, 7, 3))
    assert data.train.images[:, 0, 0, 0].tolist() == [0, 50, 100]
    assert data.class_names == ("image",)
    assert [*summary(data)] == [f"{data.name}: 5 x 7 pixels, 3 channels, without classes", "train: 3 images, test: 2"]
    (tmp_path / "test" / "notes.txt").write_text("not an image")
    with pytest.warns(UserWarning, match=r"left out 'test/notes.txt'; images are \*.png"):
        load_dataset(tmp_path)
    for path in (tmp_path / "test").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"test holds no images: expected .*test/\*.png.*, as in .*train"):
        load_dataset(tmp_path)
    (tmp_path / "train" / "image").mkdir()  # now there is a class, and images beside it are left out
    with pytest.raises(ValueError, match="train has the subfolder image only: expected one for each class"):
        load_dataset(tmp_path)


def test_a_class_called_image(tmp_path):
    write_images(tmp_path, names=("image", "other"))
    assert load_dataset(tmp_path).class_names == ("image", "other")


def test_no_images(tmp_path):
    write_images(tmp_path, ["train"])
    (tmp_path / "test" / "cat").mkdir(parents=True)
    with pytest.raises(ValueError, match="test holds no images"):
        load_dataset(tmp_path)


def test_an_unknown_class(tmp_path):
    write_images(tmp_path)
    (tmp_path / "test" / "zebra").mkdir()
    with pytest.raises(ValueError, match=r"zebra is a class that .*train does not have"):
        load_dataset(tmp_path)


def test_another_size(tmp_path):
    write_images(tmp_path)
    Image.new("RGB", (6, 5)).save(tmp_path / "test" / "dog" / "small.png")
    with pytest.raises(ValueError, match=r"small.png is 6 x 5 pixels but .* is 7 x 5: all images must have one size"):
        load_dataset(tmp_path)


@pytest.mark.parametrize("content", [b"not an image", b"\x89PNG\r\n\x1a\n", b""])
def test_a_broken_image(tmp_path, content):
    write_images(tmp_path)
    (tmp_path / "train" / "dog" / "broken.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"broken.png cannot be read as an image"):
        load_dataset(tmp_path)


def add(path, size=(7, 5), colour=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (colour, colour, colour)).save(path)


@pytest.fixture
def pets(tmp_path):
    write_images(tmp_path / "pets")
    return tmp_path / "pets"


# What is left out


@pytest.mark.parametrize(
    "hidden",
    [".DS_Store", "train/.DS_Store", "train/cat/._0.png", "train/.ipynb_checkpoints/0.png", "test/.x/0.png", ".git/a"],
)
def test_hidden_files_and_folders_are_skipped(pets, hidden):
    (pets / hidden).parent.mkdir(exist_ok=True)
    (pets / hidden).write_bytes(b"\0\5\x16\7 not an image")
    dataset = load_dataset(pets)
    assert dataset.class_names == ("cat", "dog")
    assert len(dataset.train.images) == len(dataset.test.images) == 6


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["train/cat/notes.txt"], "left out 'train/cat/notes.txt'; images are CLASS/*.png, *.jpg, *.jpeg, *.webp, "),
        (["train/cat/more/0.png", "train/cat/more/1.png"], "left out 'train/cat/more'; "),
        (["train/cat/0.heic", "test/dog/a.txt", "train/0.png"], "left out 'train/0.png' and 2 more; "),
        (["val/cat/0.png"], "left out 'val'; "),
        (["train/cat/a\nb.txt"], r"left out 'train/cat/a\nb.txt'; "),
        (["train/dog/folder.png/0.png"], "left out 'train/dog/folder.png'; "),
    ],
)
def test_what_is_left_out_is_said(pets, names, said):
    if sys.platform == "win32" and "\n" in names[0]:
        pytest.skip("Windows has no such names")
    for name in names:
        add(pets / "new.png")
        (pets / name).parent.mkdir(parents=True, exist_ok=True)
        (pets / "new.png").rename(pets / name)
    with pytest.warns(UserWarning, match="left out") as caught:
        dataset = load_dataset(pets)
    assert len(caught) == 1
    assert f"pets: {said}" in str(caught[0].message)
    assert len(dataset.train.images) == 6


def test_every_format_is_read(pets):
    for number, suffix in enumerate(["webp", "bmp", "gif", "tiff", "TIF", "ppm"]):
        add(pets / "train" / "dog" / f"{number}.{suffix}")
    assert len(load_dataset(pets).train.images) == 12


# Classes


def test_a_class_without_images(pets):
    for path in (pets / "train" / "dog").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match=r"train.dog holds no images: expected \*.png, \*.jpg"):
        load_dataset(pets)


def test_a_class_that_is_not_tested(pets):
    for path in (pets / "test" / "cat").iterdir():
        path.unlink()
    dataset = load_dataset(pets)
    assert dataset.test.labels.tolist() == [1, 1, 1]
    (pets / "test" / "cat").rmdir()
    assert load_dataset(pets).test.labels.tolist() == [1, 1, 1]


def test_one_image_of_each_class(tmp_path):
    for name in ("train/a/0.png", "train/b/0.png", "test/a/0.png"):
        add(tmp_path / name)
    dataset = load_dataset(tmp_path)
    assert (len(dataset.train.images), len(dataset.test.images)) == (2, 1)


@pytest.mark.parametrize("name", ["日本", "zü", "a b", "ΑΒΓ", "🦒", "'; --", "%s{}"])
def test_names_of_classes_in_every_language(tmp_path, name):
    add(tmp_path / "train" / name / "0.png")
    add(tmp_path / "train" / "0" / "0.png")
    add(tmp_path / "test" / unicodedata.normalize("NFD", name) / "ä ö.png")  # as macOS writes it
    dataset = load_dataset(tmp_path)
    assert sorted(dataset.class_names) == sorted(["0", name])
    assert json.loads(json.dumps(dataset.class_names)) == list(dataset.class_names)


def test_a_folder_with_an_umlaut(tmp_path):
    write_images(tmp_path / "zü")
    assert load_dataset(tmp_path / "zü").name == "zü"


@pytest.mark.parametrize(
    ("one", "other"), [("Cat", "cat"), ("STRASSE", "straße"), ("zü", unicodedata.normalize("NFD", "zü"))]
)
def test_classes_that_other_systems_take_for_one(tmp_path, one, other):
    for name in (one, other):
        try:
            (tmp_path / "train" / name).mkdir(parents=True)
        except FileExistsError:
            pytest.skip("this file system takes them for one")
    (tmp_path / "test").mkdir()
    with pytest.raises(ValueError, match="have the same name but for capitals; rename one"):
        load_dataset(tmp_path)


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="their file systems have no such names")
@pytest.mark.parametrize("name", [b"\xff\xfe", b"a\nb", b"\x1b[2J"])
def test_a_name_that_is_no_text(pets, name):
    os.rename(pets / "train" / "cat", os.fsencode(pets / "train" / "a") + name)
    (pets / "test" / "cat").rename(pets / "cat")
    with pytest.raises(ValueError, match=r"class_names has 'a.*\\.*', with characters that cannot be printed"):
        load_dataset(pets)


def test_a_single_class(pets):
    """Which is mostly a folder too many, or too few."""
    for split in ("train", "test"):
        (pets / split / "cat").rename(pets / split / ".cat")
    with pytest.raises(ValueError, match="train has the subfolder dog only: expected one for each class"):
        load_dataset(pets)


def test_classes_stand_in_alphabetical_order(tmp_path):
    for name in ("b", "a", "c", "B2"):
        add(tmp_path / "train" / name / "0.png", colour=ord(name[0]))
        add(tmp_path / "test" / name / "0.png")
    dataset = load_dataset(tmp_path)
    assert dataset.class_names == ("B2", "a", "b", "c")
    assert dataset.train.images[:, 0, 0, 0].tolist() == [ord("B"), ord("a"), ord("b"), ord("c")]
    assert dataset.train.labels.tolist() == [0, 1, 2, 3]


# Splits


def test_no_images_to_test_on(tmp_path):
    write_images(tmp_path, ["train"])
    with pytest.raises(
        FileNotFoundError, match=r"has a folder train, but neither test nor val: move some .* test/CLASS"
    ):
        load_dataset(tmp_path)


@pytest.mark.parametrize("name", ["cat/0.png", "0.png", "training/cat/0.png", "Train.zip"])
def test_another_layout(tmp_path, name):
    add(tmp_path / "new.png")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "new.png").rename(tmp_path / name)
    with pytest.raises(
        FileNotFoundError, match=r"holds no data set: expected .* train/CLASS/\*.png and test/CLASS/\*.png"
    ):
        load_dataset(tmp_path)


# Links, permissions


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_links(pets):
    """Are followed to classes and images, and never round in circles."""
    (pets / "train" / "dog").rename(pets / "dogs")
    (pets / "train" / "dog").symlink_to(pets / "dogs")
    (pets / "train" / "cat" / "9.png").symlink_to(pets / "train" / "cat" / "0.png")
    (pets / "train" / "cat" / "up").symlink_to(pets / "train")
    (pets / "train" / "itself").symlink_to(pets / "train" / "itself")
    with pytest.warns(UserWarning, match="left out 'train/cat/up' and 1 more"):
        dataset = load_dataset(pets)
    assert dataset.class_names == ("cat", "dog")
    assert len(dataset.train.images) == 7
    (pets / "train" / "cat" / "dead.png").symlink_to(pets / "nowhere.png")
    with (
        pytest.warns(UserWarning, match="left out"),
        pytest.raises(FileNotFoundError, match=r"there is no file .*dead.png"),
    ):
        load_dataset(pets)


@pytest.mark.parametrize("name", ["train/cat/0.png", "train/cat", "train", "test"])
def test_what_may_not_be_read(public_folder, forbid, name):
    write_images(public_folder / "pets")
    forbid(public_folder / "pets" / name)
    with pytest.raises(PermissionError, match=f"Permission denied: .*{name}"):
        load_dataset(public_folder / "pets")


# Sizes


def test_all_sizes_are_welcome_with_a_size(pets):
    add(pets / "train" / "dog" / "large.png", (90, 70), 77)
    add(pets / "test" / "dog" / "small.png", (1, 2), 99)
    dataset = load_dataset(pets, img_size=8)
    assert dataset.train.images.shape == (7, 8, 8, 3)
    assert dataset.test.images.shape == (7, 8, 8, 3)
    assert (dataset.train.images[-1] == 77).all()
    assert (dataset.test.images[-1] == 99).all()
    assert image_folder(pets, img_size=(INT64(4), 6)).train.images.shape == (7, 4, 6, 3)


@pytest.mark.parametrize("split", ["train", "test"])
def test_many_sizes_need_one(pets, split):
    add(pets / split / "dog" / "large.png", (90, 70))
    with pytest.raises(
        ValueError, match=r"large.png is 90 x 70 pixels but .*train.cat.0.png is 7 x 5: .* \(--img-size\)"
    ):
        load_dataset(pets)


@pytest.mark.parametrize("size", [0, -3, (0, 4)])
def test_a_size_that_is_none(pets, size):
    with pytest.raises(ValueError, match=r"img_size is .*; expected at least 1"):
        load_dataset(pets, img_size=size)


@pytest.mark.parametrize("size", [65_536, 10**30, (9, 2**20)])
def test_a_size_beyond_all_pictures(pets, size):
    with pytest.raises(ValueError, match=r"img_size is \d+; expected below 65536"):
        load_dataset(pets, img_size=size)


def test_more_images_than_memory(pets, monkeypatch):
    """Is said before the first of them is read."""

    def no_room(shape, dtype):
        raise MemoryError(f"Unable to allocate an array with shape {shape}")

    monkeypatch.setattr(folder, "read_image", None)
    monkeypatch.setattr(np, "empty", no_room)
    with pytest.raises(MemoryError, match=r"array with shape \(12, 8, 8, 3\)"):
        load_dataset(pets, img_size=8)
