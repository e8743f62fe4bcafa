import numpy as np
import pytest
from PIL import Image

from minivit.data import Dataset, channel_statistics, load


def arrays(**changes):
    good = {
        "name": "tiny",
        "train_images": np.zeros((3, 5, 7, 3), np.uint8),
        "train_labels": np.array([0, 1, 1]),
        "test_images": np.zeros((2, 5, 7, 3), np.uint8),
        "test_labels": np.array([1, 0]),
        "class_names": ("a", "b"),
        "mean": (0.5, 0.5, 0.5),
        "std": (0.2, 0.2, 0.2),
    }
    return good | changes


def test_a_consistent_data_set():
    assert Dataset(**arrays()).class_names == ("a", "b")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_images": np.zeros((3, 5, 7, 3))}, "train images must be uint8, got float64"),
        ({"test_images": np.zeros((2, 5, 7, 4), np.uint8)}, r"test images must be .* \(2, 5, 7, 4\)"),
        ({"train_images": np.zeros((3, 5, 7), np.uint8)}, r"train images must be .* \(3, 5, 7\)"),
        ({"test_images": np.zeros((0, 5, 7, 3), np.uint8)}, "the test split is empty"),
        ({"train_labels": np.array([0, 1, 1], np.int32)}, "train labels must be one axis of int64, got int32"),
        ({"test_labels": np.zeros((2, 1), np.int64)}, "test labels must be one axis"),
        ({"test_labels": np.array([1])}, "the test split has 2 images but 1 labels"),
        ({"train_labels": np.array([0, 1, 2])}, r"the train split has the label 2; labels must lie in 0\.\.1"),
        ({"test_labels": np.array([0, -1])}, "the test split has the label -1"),
        ({"test_images": np.zeros((2, 5, 8, 3), np.uint8)}, "5 x 7 pixels with 3 channels but test images are 5 x 8"),
        ({"mean": (0.5,)}, "one number for each of the 3 channels, got 1 and 3"),
    ],
)
def test_every_inconsistency_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        Dataset(**arrays(**changes))


@pytest.mark.parametrize("n", [1, 255, 256, 600])
@pytest.mark.parametrize("channels", [1, 3])
def test_channel_statistics(n, channels):
    images = np.random.default_rng(0).integers(0, 256, (n, 5, 7, channels), dtype=np.uint8)
    images[..., -1] = 255  # the largest sums
    mean, std = channel_statistics(images)
    np.testing.assert_allclose(mean, images.mean((0, 1, 2)) / 255, rtol=1e-12)
    np.testing.assert_allclose(std, images.std((0, 1, 2)) / 255, rtol=1e-9, atol=1e-9)


def test_unknown_names():
    with pytest.raises(ValueError, match="unknown data set 'mnist': expected shapes, cifar10, cifar100 or an existing"):
        load("mnist")


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
    dataset = load(tmp_path)
    assert dataset.name == tmp_path.name
    assert dataset.class_names == ("cat", "dog")
    assert dataset.train_images.shape == (7, 5, 7, 3)
    assert dataset.train_labels.tolist() == [0, 0, 0, 0, 1, 1, 1]
    assert dataset.test_labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.test_images[3, 0, 0].tolist() == [100, 0, 0]
    assert dataset.train_images[3, 0, 0].tolist() == [9, 9, 9]


def test_an_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no data set: expected the files of CIFAR"):
        load(tmp_path)


def test_no_classes(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "test").mkdir()
    with pytest.raises(ValueError, match="train has no subfolders"):
        load(tmp_path)


def test_no_images(tmp_path):
    write_images(tmp_path, ["train"])
    (tmp_path / "test" / "cat").mkdir(parents=True)
    with pytest.raises(ValueError, match="test holds no images"):
        load(tmp_path)


def test_an_unknown_class(tmp_path):
    write_images(tmp_path)
    (tmp_path / "test" / "zebra").mkdir()
    with pytest.raises(ValueError, match=r"zebra is a class that .*train does not have"):
        load(tmp_path)


def test_another_size(tmp_path):
    write_images(tmp_path)
    Image.new("RGB", (6, 5)).save(tmp_path / "test" / "dog" / "small.png")
    with pytest.raises(ValueError, match=r"small.png is 6 x 5 pixels but .* is 7 x 5: all images must have one size"):
        load(tmp_path)


@pytest.mark.parametrize("content", [b"not an image", b"\x89PNG\r\n\x1a\n", b""])
def test_a_broken_image(tmp_path, content):
    write_images(tmp_path)
    (tmp_path / "train" / "dog" / "broken.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"broken.png cannot be read as an image"):
        load(tmp_path)
