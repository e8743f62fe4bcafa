"""Byte-pair encoding, with a tiny file of merges that was made up."""

import gzip
import json
from itertools import pairwise

import numpy as np
import pytest

from minivit.data import BytePairs
from minivit.data.byte_pairs import END_OF_TEXT, START_OF_TEXT, byte_letters, cleaned, split_words

MERGES = ["a t</w>", "c at</w>", "d o", "do g</w>", "g</w> x", "Ã ©</w>", "l o", "lo w</w>"]


@pytest.fixture
def merges(tmp_path):
    path = tmp_path / "merges.txt"
    path.write_text("#version: 0.2\n" + "\n".join(MERGES) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def pairs(merges):
    return BytePairs(merges)


def test_numbers_are_those_of_openai(pairs):
    """Bytes that print, those that do not, the same at the end of a word, merges, start and end."""
    assert len(pairs) == 2 * 256 + len(MERGES) + 2
    assert pairs.tokens("!") == [256]  # "!" is the first byte that prints: 0, and at the end of a word 256
    assert pairs.tokens("at") == [512]
    assert (pairs.start, pairs.end) == (len(pairs) - 2, len(pairs) - 1)


def test_the_first_merge_of_the_list_is_made_first(pairs):
    """As the definition says, one merge after the other, over a whole word."""
    rank = {tuple(line.split()): i for i, line in enumerate(MERGES)}
    for word in ("cat", "dog", "low", "slow", "datatatat", "dodog", "bat"):
        symbols = [*word[:-1], word[-1] + "</w>"]
        while known := [pair for pair in pairwise(symbols) if pair in rank]:
            best, i = min(known, key=rank.__getitem__), 0
            while i < len(symbols) - 1:
                if (symbols[i], symbols[i + 1]) == best:
                    symbols[i : i + 2] = ["".join(best)]
                i += 1
        assert [pairs._symbol[token] for token in pairs.tokens(word)] == symbols


def test_merges_stay_within_words_and_bytes_are_the_last_resort(pairs):
    assert pairs.tokens("cat dog") == pairs.tokens("cat") + pairs.tokens("dog")
    assert [pairs._symbol[token] for token in pairs.tokens("é")] == ["Ã©</w>"]
    assert len(pairs.tokens("😀")) == 4  # its bytes
    assert pairs.decode(np.array(pairs.tokens("A Cat, 😀 é"))) == "a cat , 😀 é"


def test_words():
    assert [*split_words("i'll see 3cats² don't!!'s ₂")] == [
        *("i", "'ll", "see", "3", "cats", "²", "don", "'t", "!!'", "s", "₂"),
    ]
    assert [*split_words("naïve <|endoftext|>x _a")] == ["naïve", "<|endoftext|>", "x", "_", "a"]
    assert [*split_words("")] == []


def test_what_is_cleaned():
    assert cleaned("  A &amp;amp;  B&lt;\n e\u0301 ") == "a & b< é"


def test_rows(pairs):
    rows = pairs.encode(["a cat", "dog"], length=5)
    a, cat, dog = pairs.tokens("a")[0], pairs.tokens("cat")[0], pairs.tokens("dog")[0]
    np.testing.assert_array_equal(rows, [[pairs.start, a, cat, pairs.end, 0], [pairs.start, dog, pairs.end, 0, 0]])
    np.testing.assert_array_equal(rows.argmax(1), [3, 2])  # the end is the highest token
    assert pairs.decode(rows[0]) == "a cat"
    cut = pairs.encode(["cat " * 9], length=5, truncate=True)
    np.testing.assert_array_equal(cut, [[pairs.start, cat, cat, cat, pairs.end]])
    with pytest.raises(
        ValueError, match=r"the text 'cat cat .*' has 11 tokens, .*; expected at most 5, or truncate=True"
    ):
        pairs.encode(["cat " * 9], length=5)


def test_a_packed_file_and_a_vocabulary(merges, tmp_path, pairs):
    packed = tmp_path / "bpe.txt.gz"
    packed.write_bytes(gzip.compress(merges.read_bytes()))
    assert BytePairs(packed).tokens("slow cats") == pairs.tokens("slow cats")
    vocab = tmp_path / "vocab.json"
    vocab.write_text(json.dumps({symbol: 900 - number for symbol, number in pairs._number.items()}))
    other = BytePairs(merges, vocab)
    assert other.tokens("slow cats") == [900 - token for token in pairs.tokens("slow cats")]
    assert (other.start, other.end) == (900 - pairs.start, 900 - pairs.end)


def test_only_as_many_merges_as_openai_reads(tmp_path, monkeypatch):
    monkeypatch.setattr("minivit.data.byte_pairs.MOST_MERGES", 2)
    path = tmp_path / "merges.txt"
    path.write_text("#version\n" + "\n".join(MERGES))
    pairs = BytePairs(path)
    assert len(pairs) == 2 * 256 + 2 + 2
    assert len(pairs.tokens("dog")) == 3


def test_each_byte_has_a_letter_of_its_own():
    letters = byte_letters()
    assert len({*letters}) == 256
    assert all(letter.isprintable() and not letter.isspace() for letter in letters)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"#version\na b c\n", "a line has 3 symbols, not two"),
        (b"#version\n", "it has no merges"),
        (b"#\n\xff\xfe x\n", "is no file of merges, or it is damaged"),
        (b"\x1f\x8bxx", "is no file of merges, or it is damaged"),
    ],
)
def test_no_file_of_merges(tmp_path, content, message):
    path = tmp_path / "merges.txt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        BytePairs(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "it does not say a number for each symbol"),
        ('{"a": "b"}', "it does not say a number for each symbol"),
        (
            json.dumps({letter: i for i, letter in enumerate(byte_letters())}),
            "it has no number for '!</w>'|it has no number",
        ),
        ("{", "is no vocabulary for these merges, or it is damaged"),
    ],
)
def test_no_vocabulary(merges, tmp_path, content, message):
    path = tmp_path / "vocab.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=message):
        BytePairs(merges, path)


def test_no_file(merges, tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        BytePairs(tmp_path / "nowhere.gz")
    with pytest.raises(FileNotFoundError, match="there is no file"):
        BytePairs(merges, tmp_path / "nowhere.json")


def test_a_token_of_no_symbol(pairs):
    with pytest.raises(ValueError, match="token"):
        pairs.decode(np.array([len(pairs)]))
    assert pairs.tokens(f"{START_OF_TEXT} {END_OF_TEXT}") == [pairs.start, pairs.end]
