"""Sequences of symbols that are turned into others: sorting, reversal and addition, drawn from a seed; captions.

What all of them keep to:

- A token is a number, the place of its symbol in ``dataset.class_names``: one vocabulary for source and target.
- The first three symbols are none of the task: ``<pad>`` fills up rows, ``<start>`` stands before the first symbol of a
  target, ``<end>`` behind its last. ``PAD``, ``START`` and ``END`` are their numbers.
- A source is a row of its symbols, then padding. A target is start, its symbols, end, then padding.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from minivit.checked import check_numbers, checked
from minivit.data.dataset import Dataset
from minivit.data.examples import Examples, Images, Scenes
from minivit.ops.embedding import PAD
from minivit.types import Count, Int, Positive, Range, ndarray

SPECIAL = ("<pad>", "<start>", "<end>")
START, END = 1, 2  # and PAD, which is 0
DIGITS = "0123456789"
Digits = Annotated[int, Range(at_least=3, below=19)]
"""How long: with fewer there are hardly enough different ones to train on some and to test on others."""


@dataclass(frozen=True, eq=False)
class Sequences(Examples):
    """Sequences, and what is to be written for each.

    Attributes
    ----------
    source : int64 (N, S)
        Tokens, then padding.
    target : int64 (N, T)
        Start, tokens, end, then padding.
    """

    source: ndarray
    target: ndarray

    def check(self, split: str, num_classes: int) -> None:
        """As :meth:`Examples.check`, and all must be tokens."""
        super().check(split, num_classes)
        check_tokens(f"{split} source", self.source, num_classes)
        check_tokens(f"{split} target", self.target, num_classes, framed=True)


@dataclass(frozen=True, eq=False)
class CaptionedImages(Images):
    """Images, and what is to be written for each.

    Attributes
    ----------
    images : uint8 (N, Y, X, C)
    target : int64 (N, T)
        Start, tokens, end, then padding.
    """

    target: ndarray

    def check(self, split: str, num_classes: int) -> None:
        """As :meth:`Images.check`, and the targets must be tokens."""
        super().check(split, num_classes)
        check_tokens(f"{split} target", self.target, num_classes, framed=True)


def check_tokens(name: str, tokens: object, count: int, *, framed: bool = False) -> None:
    """See that a column holds rows of tokens; ``framed``: that each has a start and an end."""
    if not isinstance(tokens, ndarray):
        raise TypeError(f"{name} must be a NumPy array, got {type(tokens).__name__}")
    if tokens.dtype != np.int64 or tokens.ndim != 2:
        raise ValueError(f"{name} must be int64 (sequences, tokens), got {tokens.dtype} of shape {tokens.shape}")
    check_numbers(f"{name}: token", tokens, count, "symbols")
    for row in tokens.tolist() if framed else ():
        end = row.index(END) if END in row else len(row)
        if row[:1] != [START] or PAD in row[:end] or row[end:] != [END, *[PAD] * (len(row) - end - 1)]:
            raise ValueError(f"{name} has {row}; expected start, tokens, one end, padding")


@checked
def sorting(n_train: Positive = 10_000, n_test: Positive = 500, *, length: Digits = 8, seed: Count = 0) -> Dataset:
    """Digits, to be put in order: 3 1 4 1 5 -> 1 1 3 4 5.

    Half of ``length`` to ``length`` digits, each number of them equally often.

    Raises
    ------
    ValueError, TypeError
        If a number is out of range, or no whole number.
    """
    return _drawn(
        "sorting", DIGITS, lambda rng: _digits(rng, length), sorted, (n_train, n_test), (length, length), seed
    )


@checked
def reversal(n_train: Positive = 10_000, n_test: Positive = 500, *, length: Digits = 8, seed: Count = 0) -> Dataset:
    """Digits, to be written backwards: 3 1 4 1 5 -> 5 1 4 1 3. Arguments and errors as for :func:`sorting`."""
    counts, longest = (n_train, n_test), (length, length)
    return _drawn(
        "reversal", DIGITS, lambda rng: _digits(rng, length), lambda source: source[::-1], counts, longest, seed
    )


@checked
def addition(n_train: Positive = 10_000, n_test: Positive = 500, *, length: Digits = 3, seed: Count = 0) -> Dataset:
    """Two numbers of at most ``length`` digits, to be added: 1 2 + 9 9 -> 1 1 1.

    All numbers are equally frequent, so most have as many digits as they may. Errors as for :func:`sorting`.
    """

    def draw(rng: np.random.Generator) -> str:
        first, second = rng.integers(10**length, size=2)
        return f"{first}+{second}"

    def added(source: str) -> str:
        return str(sum(map(int, source.split("+"))))

    return _drawn("addition", DIGITS + "+", draw, added, (n_train, n_test), (2 * length + 1, length + 1), seed)


def _digits(rng: np.random.Generator, length: int) -> str:
    return "".join(map(str, rng.integers(10, size=rng.integers(length // 2, length + 1))))


def _drawn(
    name: str,
    symbols: str,
    draw: Callable[[np.random.Generator], str],
    solve: Callable[[str], Sequence[str]],
    counts: tuple[int, int],
    longest: tuple[int, int],
    seed: int,
) -> Dataset:
    """The data set of a task; ``longest`` are the most symbols of a source and of what is to be written.

    No source to test on is one to train on: a model that has learned all of these by heart is right on none of those.
    """
    train_rng, test_rng = np.random.default_rng(seed).spawn(2)
    n_train, n_test = counts
    test = [draw(test_rng) for _ in range(n_test)]
    unseen, train, unlucky = {*test}, [], 0
    while len(train) < n_train:
        if (source := draw(train_rng)) not in unseen:
            train.append(source)
        elif (unlucky := unlucky + 1) > 100 * n_train:
            raise ValueError(f"{name}: n_test is {n_test}, and nearly all that can be drawn is there; expected fewer")
    vocabulary = (*SPECIAL, *symbols)

    def columns(sources: list[str]) -> Sequences:
        targets = [framed(solve(source)) for source in sources]
        source_width, target_width = longest
        return Sequences(
            encode(sources, vocabulary, width=source_width), encode(targets, vocabulary, width=target_width + 2)
        )

    return Dataset(name, columns(train), columns(test), vocabulary)


@checked
def captioned(scenes: Dataset) -> Dataset:
    """The images of scenes with their captions as tokens; a symbol is a word or a comma.

    The vocabulary has the words of captions to train on, and no others.

    >>> from minivit.data import captioned, decode, scenes
    >>> data = captioned(scenes(99, 3, size=16, max_objects=1))
    >>> decode(data.train.target[:1], data.class_names)
    [['an', 'orange', 'circle']]

    Raises
    ------
    TypeError
        If there are no captions.
    ValueError
        If a caption to test on has a word that none to train on has.
    """
    if not isinstance(scenes.train, Scenes):
        raise TypeError(f"captioned: examples are {type(scenes.train).__name__}; expected Scenes, which have captions")
    words = [[words_of(caption) for caption in split.captions] for split in (scenes.train, scenes.test)]
    known = {word for caption in words[0] for word in caption}
    for caption, its in zip(scenes.test.captions, words[1], strict=True):
        if unknown := [word for word in its if word not in known]:
            raise ValueError(
                f"captioned: the caption {caption!r:.200} to test on has the word {unknown[0]!r}, which no caption to "
                f"train on has; expected more to train on than {len(words[0])}"
            )
    vocabulary = (*SPECIAL, *sorted(known))
    longest = max(len(caption) for split in words for caption in split) + 2
    targets = [encode([framed(caption) for caption in split], vocabulary, width=longest) for split in words]
    train, test = scenes.train.images, scenes.test.images
    splits = CaptionedImages(train, targets[0]), CaptionedImages(test, targets[1])
    return Dataset("captioned scenes", *splits, vocabulary, scenes.mean, scenes.std)


def words_of(caption: str) -> list[str]:
    """The words and commas of a caption."""
    return caption.replace(",", " ,").split()


def framed(symbols: Sequence[str]) -> list[str]:
    """A target: start, the symbols, end."""
    return [SPECIAL[START], *symbols, SPECIAL[END]]


@checked
def encode(
    sequences: Sequence[Sequence[str]], vocabulary: tuple[str, ...], *, width: Count | None = None
) -> Int[ndarray, "N T"]:
    """Symbols as tokens: int64 (N, width), filled up with padding; without ``width`` as wide as the longest.

    >>> from minivit.data import encode
    >>> encode(["ab", "b"], ("<pad>", "<start>", "<end>", "a", "b"))
    array([[3, 4],
           [4, 0]])

    Raises
    ------
    ValueError
        If a symbol is not in the vocabulary, or a sequence is longer than ``width``.
    """
    number = {symbol: token for token, symbol in enumerate(vocabulary)}
    longest = max(map(len, sequences), default=0)
    width = longest if width is None else width
    if longest > width:
        raise ValueError(f"encode: a sequence has {longest} symbols; expected at most {width}")
    tokens = np.full((len(sequences), width), PAD)
    for row, symbols in zip(tokens, sequences, strict=True):
        if unknown := [symbol for symbol in symbols if symbol not in number]:
            raise ValueError(f"encode: the symbol {unknown[0]!r} is not in the vocabulary")
        row[: len(symbols)] = [number[symbol] for symbol in symbols]
    return tokens


@checked
def decode(tokens: Int[ndarray, "N T"], vocabulary: tuple[str, ...]) -> list[list[str]]:
    """The symbols of each row up to its end, without start and padding: the inverse of :func:`encode`.

    Raises
    ------
    ValueError
        If a token is not in the vocabulary.
    """
    check_numbers("token", tokens, len(vocabulary), "symbols")
    rows = [row[: [*row, END].index(END)] for row in tokens.tolist()]
    return [[vocabulary[token] for token in row if token not in (PAD, START)] for row in rows]
