"""Images without labels: withheld, and from a folder."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import minivit as mv
from minivit.data import LabeledImages, TaughtImages, partly_labeled
from minivit.tasks import Classification
from tests.unchecked import without_annotations


def write(folder: Path, sizes: list[tuple[int, int]]) -> None:
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    for i, size in enumerate(sizes):
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(folder / f"{i}.png")


def test_so_many_keep_their_label():
    data = mv.data.shapes(50, 10)
    few, more = (partly_labeled(data, labeled=n) for n in (7, 20))
    for some, n in ((few, 7), (more, 20)):
        known = some.train.labels >= 0
        assert known.sum() == n
        np.testing.assert_array_equal(some.train.labels[known], data.train.labels[known])
        assert (some.train.labels[~known] == -1).all()
        np.testing.assert_array_equal(some.train.images, data.train.images)
        np.testing.assert_array_equal(some.test.labels, data.test.labels)
    assert set(np.flatnonzero(few.train.labels >= 0)) < set(np.flatnonzero(more.train.labels >= 0))
    assert (data.train.labels >= 0).all()  # nothing is written to
    assert (partly_labeled(data, labeled=0).train.labels == -1).all()


def test_a_number_of_labels_is_a_whole_one():
    data = mv.data.shapes(50, 10)
    with pytest.raises(TypeError, match=r"^labeled is 2\.5; expected int$"):
        without_annotations(partly_labeled)(data, labeled=2.5)
    some = without_annotations(partly_labeled)(data, labeled=np.int64(7))
    np.testing.assert_array_equal(some.train.labels, partly_labeled(data, labeled=7).train.labels)


def test_a_folder_of_images(tmp_path):
    write(tmp_path, [(32, 32), (40, 32), (64, 100)])
    data = mv.data.shapes(5, 3)
    more = partly_labeled(data, unlabeled=tmp_path, labeled=2)
    assert more.train.images.shape == (8, 32, 32, 3)
    np.testing.assert_array_equal(more.train.images[:5], data.train.images)
    np.testing.assert_array_equal(more.train.images[5], np.asarray(Image.open(tmp_path / "0.png")))
    np.testing.assert_array_equal(more.train.labels[5:], -1)
    assert (more.train.labels >= 0).sum() == 2
    assert (more.mean, more.std, len(more.test)) == (data.mean, data.std, 3)


def test_what_is_left_out_is_said(tmp_path):
    write(tmp_path, [(32, 32)])
    (tmp_path / "cat").mkdir()
    (tmp_path / "notes.txt").touch()
    (tmp_path / ".DS_Store").touch()
    with pytest.warns(UserWarning, match="left out 'cat' and 1 more; images are "):
        more = partly_labeled(mv.data.shapes(5, 3), unlabeled=tmp_path)
    assert len(more.train) == 6
    with warnings.catch_warnings(action="error"):
        (tmp_path / "notes.txt").unlink()
        (tmp_path / "cat").rmdir()
        partly_labeled(mv.data.shapes(5, 3), unlabeled=str(tmp_path))


def test_what_is_refused(tmp_path):
    data = mv.data.shapes(5, 3)
    for n in (6, -1):
        with pytest.raises(ValueError, match=rf"labeled is {n}; expected at least 0 and at most 5$"):
            partly_labeled(data, labeled=n)
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*nowhere$"):
        partly_labeled(data, unlabeled=tmp_path / "nowhere")
    write(tmp_path / "classes", [])
    (tmp_path / "classes" / "cat").mkdir()
    with pytest.raises(ValueError, match=r"classes holds no images: expected \*.png, .*, and no folders around them$"):
        partly_labeled(data, unlabeled=tmp_path / "classes")
    (tmp_path / "classes" / "cat").rmdir()
    (tmp_path / "classes" / "0.png").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"0\.png cannot be read as an image"):
        partly_labeled(data, unlabeled=tmp_path / "classes")
    with pytest.raises(TypeError, match="unlabeled are for images that have labels; sounds has LabeledSounds"):
        partly_labeled(mv.data.sounds(15, 15), labeled=1)


def test_only_a_teacher_can_use_them():
    some = partly_labeled(mv.data.shapes(5, 3), labeled=2)
    with pytest.raises(TypeError, match=r"Classification is about .*; these examples are TaughtImages"):
        Classification().check(some.train)


IMAGES, LABELS = np.zeros((3, 4, 4, 3), np.uint8), np.array([0, -1, 1])


NONE = np.zeros((3, 0))


@pytest.mark.parametrize(
    ("labels", "answers", "error", "message"),
    [
        (LABELS, [0, 1, 2], TypeError, "train answers must be a NumPy array, got list"),
        (LABELS, np.zeros((2, 2)), ValueError, "the train split has 3 images but 2 answers"),
        (LABELS, np.zeros((3, 5)), ValueError, r"\(images, 2\) or .*, got float64 of shape \(3, 5\)"),
        (LABELS, np.zeros((3, 2), int), ValueError, "train answers must be floating-point numbers"),
        (LABELS - 1, NONE, ValueError, "the train split has the label -2; labels must lie in"),
        (LABELS + 1, NONE, ValueError, "the train split has the label 2; labels must lie in"),
        (LABELS * 1.0, NONE, ValueError, "train labels must be one axis of int64, got float64"),
    ],
)
def test_columns_that_do_not_fit(labels, answers, error, message):
    with pytest.raises(error, match=message):
        without_annotations(TaughtImages)(IMAGES, labels, answers).check("train", 2)


def test_images_to_test_on_have_labels():
    TaughtImages.unasked(IMAGES, LABELS).check("train", 2)
    with pytest.raises(ValueError, match="the test split has 1 images without a label; expected one for each"):
        TaughtImages.unasked(IMAGES, LABELS).check("test", 2)


def test_a_part_of_them():
    part = TaughtImages(IMAGES, LABELS, np.arange(6.0).reshape(3, 2)).take([2, 0])
    np.testing.assert_array_equal(part.answers, [[4, 5], [0, 1]])
    assert isinstance(part, TaughtImages)
    assert not isinstance(part, LabeledImages)
