import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from minivit.data import Dataset, LabeledImages, LabeledSounds, channel_statistics, load_dataset, shapes
from minivit.data.resized import resized
from tests.sampled import REST
from tests.unchecked import without_annotations


def dataset(**changes) -> Dataset:
    """A good one, but for the changes."""
    given = {
        "name": "tiny",
        "train_images": np.zeros((3, 5, 7, 3), np.uint8),
        "train_labels": np.array([0, 1, 1]),
        "test_images": np.zeros((2, 5, 7, 3), np.uint8),
        "test_labels": np.array([1, 0]),
        "class_names": ("a", "b"),
        "mean": (0.5, 0.5, 0.5),
        "std": (0.2, 0.2, 0.2),
    }
    given |= changes
    for split in ("train", "test"):
        given[split] = LabeledImages(given.pop(f"{split}_images"), given.pop(f"{split}_labels"))
    return Dataset(**given)


def test_a_consistent_data_set():
    assert dataset().class_names == ("a", "b")


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
        dataset(**changes)


def data_of_sounds(length: int = 5, **changes) -> Dataset:
    waves = np.zeros((3, 5), np.int16)
    given = {"name": "tiny", "train": LabeledSounds(waves, np.array([0, 1, 1])), "class_names": ("a", "b"), "sr": 8000}
    given["test"] = LabeledSounds(waves[:1, :length], np.array([1]))
    return Dataset(**{**given, **changes})


def test_a_consistent_data_set_of_sounds():
    sr = without_annotations(data_of_sounds)(sr=np.int64(8000)).sr
    assert (sr, type(sr)) == (8000, int)  # as a checkpoint stores it
    assert dataset().sr is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: data_of_sounds(length=4), "train sounds have 5 samples but test sounds 4; they must be alike"),
        (lambda: data_of_sounds(sr=None), "sr is None; expected a whole number, the samples in a second"),
        (lambda: data_of_sounds(sr=True), "sr is True; expected a whole number"),
        (lambda: data_of_sounds(sr=8000.0), "sr is 8000.0; expected a whole number"),
        (lambda: data_of_sounds(sr=0), "sr is 0; expected at least 1 sample in a second"),
        (lambda: dataset(sr=8000), "sr is 8000, and there are no sounds; expected None"),
        (lambda: data_of_sounds(class_names=("a",)), "the train split has the label 1"),
        (lambda: data_of_sounds(mean=(0.0,), std=(1.0,)), "one number for each of the 0 channels, got 1 and 1"),
    ],
)
def test_every_inconsistency_of_sounds_is_named(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        without_annotations(call)()


@pytest.mark.parametrize("n", [1, 255, 256, 600])
@pytest.mark.parametrize("channels", [1, 3])
def test_channel_statistics(n, channels):
    images = np.random.default_rng(0).integers(0, 256, (n, 5, 7, channels), dtype=np.uint8)
    images[..., -1] = 255  # the largest sums
    mean, std = channel_statistics(images)
    np.testing.assert_allclose(mean, images.mean((0, 1, 2)) / 255, rtol=1e-12)
    np.testing.assert_allclose(std, images.std((0, 1, 2)) / 255, rtol=1e-9, atol=1e-9)


def test_unknown_names():
    with pytest.raises(ValueError, match="unknown data set 'mnist': expected shapes, scenes, sounds, cifar10"):
        load_dataset("mnist")


@pytest.mark.parametrize("name", ["", "~nosuchuser", "~nosuchuser/pets"])
def test_names_that_are_none(name):
    message = "the data set is empty; expected a folder" if not name else r"the data set is '~nosuchuser.*no such user"
    with pytest.raises(ValueError, match=message):
        load_dataset(name)


def test_a_file_is_no_data_set(tmp_path):
    (tmp_path / "pets.zip").touch()
    with pytest.raises(NotADirectoryError, match=r"the data set is '.*pets.zip', which is not a folder"):
        load_dataset(tmp_path / "pets.zip")


def test_the_home_folder_is_written_out(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME" if sys.platform != "win32" else "USERPROFILE", str(tmp_path))
    (tmp_path / "pets").mkdir()
    with pytest.raises(FileNotFoundError, match=r"pets holds no data set"):
        load_dataset("~/pets")


def test_a_folder_with_the_name_of_a_data_set(tmp_path, monkeypatch):
    """A string is a name, a path is a path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shapes").mkdir()
    with pytest.raises(FileNotFoundError, match="shapes holds no data set"):
        load_dataset(Path("shapes"))


@REST
def test_images_of_another_size():
    """Means and deviations are those of what is trained on; a small image is stretched, and one side cut off."""
    small, large = shapes(40, 20), load_dataset("shapes", img_size=(24, 48))
    assert large.train.images.shape[1:] == large.test.images.shape[1:] == (24, 48, 3)
    assert (large.mean, large.std) == channel_statistics(large.train.images)
    assert large.class_names == small.class_names
    again = resized(small, 48)
    assert again.train.images.dtype == np.uint8
    np.testing.assert_array_equal(again.train.labels, small.train.labels)
    thumbnail = again.train.images.reshape(40, 16, 3, 16, 3, 3)[:, :, 1, :, 1].astype(float)
    middle = small.train.images.reshape(40, 16, 2, 16, 2, 3).mean((2, 4))
    assert np.corrcoef(thumbnail.ravel(), middle.ravel())[0, 1] > 0.98
    np.testing.assert_array_equal(resized(small, 32).train.images, small.train.images)


@REST
@pytest.mark.parametrize("size", [0, -3, (8, 10**6)])
def test_sizes_that_no_image_has(size):
    with pytest.raises(ValueError, match="img_size is"):
        load_dataset("shapes", img_size=size)


# What users have


def test_arrays_that_are_read_only_or_not_contiguous():
    images = np.random.default_rng(0).integers(0, 256, (6, 7, 5, 3), np.uint8)
    labels = np.arange(12) % 2
    images.flags.writeable = labels.flags.writeable = False
    views = {
        "train_images": images.swapaxes(1, 2)[::-2],
        "train_labels": labels[::4],
        "test_images": images[:2, :5, :, :],
    }
    data = dataset(**views | {"test_images": images.swapaxes(1, 2)[:2]})
    mean, std = channel_statistics(data.train.images)
    np.testing.assert_allclose(mean, data.train.images.mean((0, 1, 2)) / 255, rtol=1e-12)
    np.testing.assert_allclose(std, data.train.images.std((0, 1, 2)) / 255, rtol=1e-9)


def test_one_image_of_one_class():
    one = LabeledImages(np.zeros((1, 4, 4, 1), np.uint8), np.array([0]))
    data = Dataset("one", one, one, class_names=("a",), mean=(0.0,), std=(0.0,))
    assert channel_statistics(data.train.images) == ((0.0,), (0.0,))


def test_numbers_become_what_a_checkpoint_can_hold():
    """JSON knows no numbers of NumPy, and would say so only when the first checkpoint is written."""
    data = dataset(mean=tuple(np.full(3, 0.5)), std=tuple(np.full(3, 0.2)))
    assert type(data.mean[0]) is type(data.std[0]) is float


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"class_names": ()}, "class_names is empty"),
        ({"class_names": ("a", "a")}, "class_names has 'a' 2 times; expected a name of its own"),
        ({"class_names": ("a", "\x1b[31m")}, r"class_names has '\\x1b\[31m', with characters that cannot be printed"),
        ({"class_names": ("a", "\ud800")}, r"class_names has '\\ud800', with characters that cannot be printed"),
        ({"class_names": ("a", "")}, r"must be strings, and none of them empty; got \('a', ''\)"),
        ({"class_names": ("a",)}, r"has the label 1; labels must lie in 0\.\.0, because there are 1 class names"),
        ({"mean": (0.5, float("nan"), 0.5)}, "mean is .*nan.*; expected finite numbers"),
        ({"std": (0.5, float("inf"), 0.5)}, "std is .*inf.*; expected finite numbers"),
        ({"std": (0.5, -0.1, 0.5)}, "none of std below zero"),
    ],
)
def test_more_inconsistencies(changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        dataset(**changes)


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 0, 4, 3), (2, 4, 4, 0), (2, 4, 4)])
def test_statistics_of_nothing(shape):
    with pytest.raises(ValueError, match=r"there are no images|images has shape .*; expected \(N, Y, X, C\)"):
        channel_statistics(np.zeros(shape, np.uint8))


def test_statistics_of_many_images():
    """More than fit in 32 bits: 70,000 white pixels, squared, in each place. (The array itself is one pixel.)"""
    images = np.broadcast_to(np.full((1, 1, 1, 3), 255, np.uint8), (70_000, 1, 1, 3))
    assert channel_statistics(images) == ((1.0,) * 3, (0.0,) * 3)


def test_statistics_of_large_pictures_take_no_more_memory_than_the_pictures():
    pictures = np.zeros((256, 128, 128, 3), np.uint8)
    tracemalloc.start()
    channel_statistics(pictures)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * pictures.nbytes  # of 32 bits each, and their squares, they would take 8 times as much
