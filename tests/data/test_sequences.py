from typing import Any

import numpy as np
import pytest

from minivit.data import END, PAD, START, CaptionedImages, Dataset, Sequences, captioned, decode, encode, scenes, shapes
from minivit.data.sequences import addition, reversal, sorting
from tests.unchecked import without_annotations

TASKS = {
    sorting: lambda source: "".join(sorted(source)),
    reversal: lambda source: source[::-1],
    addition: lambda source: str(sum(map(int, source.split("+")))),
}
every_task = pytest.mark.parametrize("task", TASKS)
VOCABULARY = ("<pad>", "<start>", "<end>", "a", "b")


def texts(tokens: np.ndarray, data: Dataset) -> list[str]:
    return ["".join(symbols) for symbols in decode(tokens, data.class_names)]


@every_task
@pytest.mark.parametrize("length", [3, 5, 8])
def test_targets_are_right(task, length):
    data = task(200, 30, length=length, seed=1)
    assert (len(data.train), len(data.test)) == (200, 30)
    for split in (data.train, data.test):
        for source, target in zip(texts(split.source, data), texts(split.target, data), strict=True):
            assert target == TASKS[task](source)


@every_task
def test_rows_are_start_tokens_end_and_padding(task):
    data = task(100, 10)
    for row in data.train.target:
        end = row.tolist().index(END)
        assert row[0] == START
        assert (row[1:end] > END).all()
        assert (row[end + 1 :] == PAD).all()
    for row in data.train.source:
        assert (np.flatnonzero(row > END) == np.arange((row != PAD).sum())).all()
        assert set(row[row <= END].tolist()) <= {PAD}


@every_task
def test_the_seed_decides(task):
    one, again, other = task(50, 5), task(20, 5), task(50, 5, seed=1)
    np.testing.assert_array_equal(one.train.source[:20], again.train.source)
    np.testing.assert_array_equal(one.test.target, again.test.target)
    assert (one.train.source != other.train.source).any()


@pytest.mark.parametrize("task", [sorting, reversal])
def test_no_test_source_is_one_to_train_on_even_where_there_are_few(task):
    data = task(2_000, 300, length=5)
    assert not {*texts(data.train.source, data)} & {*texts(data.test.source, data)}
    lengths = (data.train.source != PAD).sum(1)
    assert np.unique(lengths).tolist() == [2, 3, 4, 5]


def test_more_to_test_on_than_there_are():
    with pytest.raises(ValueError, match="sorting: n_test is 20000, and nearly all that can be drawn is there"):
        sorting(10, 20_000, length=3)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"length": 2}, ValueError, "length is 2; expected at least 3 and below 19"),
        ({"length": 2.5}, TypeError, r"length is 2\.5; expected int"),
        ({"n_train": 0}, ValueError, "n_train is 0; expected at least 1"),
        ({"seed": -1}, ValueError, "seed is -1; expected at least 0"),
    ],
)
def test_wrong_options(options, error, message):
    with pytest.raises(error, match=message):
        without_annotations(lambda: sorting(**options))()


def test_options_may_be_numbers_of_numpy():
    count: Any = np.int64(4)
    assert len(sorting(count, count, length=count).train) == 4


def test_encode_and_decode():
    rows: list[str] = ["abba", "", "b"]
    tokens = encode(rows, VOCABULARY)
    np.testing.assert_array_equal(tokens, [[3, 4, 4, 3], [0, 0, 0, 0], [4, 0, 0, 0]])
    assert ["".join(row) for row in decode(tokens, VOCABULARY)] == rows
    assert encode([], VOCABULARY).shape == (0, 0)
    assert decode(np.array([[START, 3, END, 4, 4]]), VOCABULARY) == [["a"]]
    assert decode(np.array([[START, 3, 4]]), VOCABULARY) == [["a", "b"]]


def test_what_cannot_be_encoded():
    with pytest.raises(ValueError, match="the symbol 'c' is not in the vocabulary"):
        encode(["abc"], VOCABULARY)
    with pytest.raises(ValueError, match="a sequence has 3 symbols; expected at most 2"):
        encode(["aba"], VOCABULARY, width=2)
    with pytest.raises(ValueError, match="token 5 is out of range; expected 0 to 4 for 5 symbols"):
        decode(np.array([[5]]), VOCABULARY)


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (np.array([[3.0]]), np.array([[1, 2]]), r"train source must be int64 \(sequences, tokens\), got float64"),
        (np.array([3]), np.array([[1, 2]]), r"train source must be .*, got int64 of shape \(1,\)"),
        ([[3]], np.array([[1, 2]]), r"train source must be .*, got list"),
        (np.array([[5]]), np.array([[1, 2]]), "train source: token 5 is out of range"),
        (np.array([[3]]), np.array([[3, 2]]), r"train target has \[3, 2\]; expected start, tokens, one end, padding"),
        (np.array([[3]]), np.array([[1, 3]]), r"train target has \[1, 3\]; expected"),
        (np.array([[3]]), np.array([[1, 2, 2]]), r"train target has \[1, 2, 2\]; expected"),
        (np.array([[3]]), np.array([[1, 2, 3]]), r"train target has \[1, 2, 3\]; expected"),
        (np.array([[3]]), np.array([[1, 0, 2]]), r"train target has \[1, 0, 2\]; expected"),
        (np.array([[3]]), np.zeros((1, 0), int), r"train target has \[\]; expected"),
        (np.array([[3], [3]]), np.array([[1, 2]]), "the train split has 2 source but 1 target"),
    ],
)
def test_columns_that_are_no_sequences(source, target, message):
    good = Sequences(np.array([[3]]), np.array([[1, 2]]))
    with pytest.raises((ValueError, TypeError), match=message):
        without_annotations(lambda: Dataset("odd", Sequences(source, target), good, VOCABULARY))()


def test_sequences_have_no_channels():
    data = sorting(5, 5)
    assert data.mean == data.std == ()
    with pytest.raises(ValueError, match="one number for each of the 0 channels, got 1 and 1"):
        Dataset("odd", data.train, data.test, data.class_names, (0.5,), (0.2,))


def test_captions_are_tokens():
    drawn = scenes(60, 20, size=16, max_objects=3)
    data = captioned(drawn)
    assert isinstance(data.train, CaptionedImages)
    for split, its in ((drawn.train, data.train), (drawn.test, data.test)):
        np.testing.assert_array_equal(its.images, split.images)
        said = [" ".join(words).replace(" ,", ",") for words in decode(its.target, data.class_names)]
        assert said == split.captions
    assert (data.mean, data.std) == (drawn.mean, drawn.std)
    assert "," in data.class_names


def test_words_are_those_of_captions_to_train_on():
    drawn = scenes(60, 20, size=16, max_objects=3)
    every = Dataset("scenes", drawn.train, drawn.test.take([3]), drawn.class_names, drawn.mean, drawn.std)
    assert captioned(every).class_names == captioned(drawn).class_names  # whatever there is to test on
    few = Dataset("scenes", drawn.train.take([0]), drawn.test, drawn.class_names, drawn.mean, drawn.std)
    known = drawn.train.captions[0].split()
    caption = next(caption for caption in drawn.test.captions if {*caption.replace(",", "").split()} - {*known})
    with pytest.raises(ValueError, match=f"captioned: the caption '{caption}' to test on has the word '.*', which no"):
        captioned(few)


def test_images_without_captions():
    with pytest.raises(TypeError, match="examples are LabeledImages; expected Scenes, which have captions"):
        captioned(shapes(3, 3))
