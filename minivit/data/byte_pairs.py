"""Byte-pair encoding of texts, as OpenAI's CLIP has it: from a file of merges that is named, never downloaded.

Sources: Sennrich et al. 2016, "Neural Machine Translation of Rare Words with Subword Units" (the merges); Radford et
al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2 (of bytes); Radford et al. 2021, section
2.4.
"""

import gzip
import html
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from reprlib import repr as in_short

import numpy as np

from minivit.checked import check_numbers, checked
from minivit.files import must_be_file
from minivit.json_text import from_json
from minivit.types import Int, Positive, ndarray

START_OF_TEXT, END_OF_TEXT = "<|startoftext|>", "<|endoftext|>"
END_OF_WORD = "</w>"
MOST_MERGES = 49_152 - 256 - 2
"""OpenAI's file has 262,144 of them, and its code reads so many."""
MOST_BYTES = 2**26
"""Of a file of merges when it is unpacked: OpenAI's has 3.2 million."""
CONTRACTIONS = ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d")


def byte_letters() -> list[str]:
    """A printable letter for each of 256 bytes: itself, of those that print; of the others one from 256 on.

    Source: Radford et al. 2019; the table is that of GPT-2's code.

    >>> from minivit.data.byte_pairs import byte_letters
    >>> byte_letters()[ord("a")], byte_letters()[ord(" ")]
    ('a', 'Ġ')
    """
    printed = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printed]
    letters = {byte: chr(byte) for byte in printed} | {byte: chr(256 + i) for i, byte in enumerate(others)}
    return [letters[byte] for byte in range(256)]


def split_words(text: str) -> Iterator[str]:
    """A text in runs of letters, single digits and runs of all else, without spaces; ``'s`` and its like are words.

    These are the pieces that merges stay within.

    >>> from minivit.data.byte_pairs import split_words
    >>> [*split_words("a dog's 12 toys...")]
    ['a', 'dog', "'s", '1', '2', 'toys', '...']
    """
    place = 0
    while place < len(text):
        whole = next((it for it in (START_OF_TEXT, END_OF_TEXT, *CONTRACTIONS) if text.startswith(it, place)), "")
        end = place + max(len(whole), 1)
        kind = _kind(text[place])
        if not whole and kind in "LO":
            while end < len(text) and _kind(text[end]) == kind:
                end += 1
        if whole or kind != " ":
            yield text[place:end]
        place = end


def _kind(letter: str) -> str:
    """L of a letter, N of a number, a space of a space, O of all else."""
    category = unicodedata.category(letter)[0]
    return " " if letter.isspace() else category if category in "LN" else "O"


class BytePairs:
    """Texts as tokens, and back.

    A text is cleaned, made of small letters and cut into words (:func:`split_words`). The bytes of a word are its first
    symbols, the last of which says that the word ends; then, again and again, the two neighbours that stand first in
    the list of merges become one.

    Of cleaning, this does what needs no other library: HTML's entities become characters (twice, as in OpenAI's code),
    letters with accents become one character each (NFC), and runs of spaces one space. OpenAI's code runs ``ftfy``
    before, which also mends texts that were read in a wrong encoding, and makes curly quotes straight; transformers
    without ftfy do it less. So a text with such faults may get other tokens here.

    Parameters
    ----------
    merges : str or Path
        OpenAI's ``bpe_simple_vocab_16e6.txt.gz``, or transformers' ``merges.txt``: a line of comment, then two symbols
        in each line.
    vocab : str or Path, optional
        transformers' ``vocab.json``, the number of each symbol. Without it symbols are numbered as OpenAI's code does:
        bytes, bytes at the end of a word, merges in their order, start and end of a text; in its files both agree.

    Raises
    ------
    FileNotFoundError, ValueError
        If a file is missing, or no such file.
    """

    @checked
    def __init__(self, merges: str | Path, vocab: str | Path | None = None) -> None:
        pairs = _read_merges(merges)
        self._rank = {pair: rank for rank, pair in enumerate(pairs)}
        self._letters = byte_letters()
        if vocab is None:
            # the order of GPT-2's table: bytes that print, then those that do not
            letters = sorted(self._letters, key=lambda letter: (ord(letter) >= 256, ord(letter)))
            ends = [letter + END_OF_WORD for letter in letters]
            symbols = [*letters, *ends, *("".join(pair) for pair in pairs), START_OF_TEXT, END_OF_TEXT]
            self._number = {symbol: number for number, symbol in enumerate(symbols)}
        else:
            self._number = _read_vocab(vocab, pairs)
        self._symbol = {number: symbol for symbol, number in self._number.items()}
        self.start, self.end = self._number[START_OF_TEXT], self._number[END_OF_TEXT]

    def __len__(self) -> int:
        return max(self._symbol) + 1

    @checked
    def encode(self, texts: Sequence[str], *, length: Positive = 77, truncate: bool = False) -> Int[ndarray, "N T"]:
        """Texts as rows of tokens: start, the text, end, then zeros. (transformers fill up with the end's number.)

        Parameters
        ----------
        texts : sequence of str
        length : int
            Of the rows, start and end included.
        truncate : bool
            Whether what is too long is cut off, its last token being the end.

        Raises
        ------
        ValueError
            If a text has too many tokens.
        """
        rows = np.zeros((len(texts), length), np.int64)
        for row, text in zip(rows, texts, strict=True):
            tokens = [self.start, *self.tokens(text), self.end]
            if len(tokens) > length:
                if not truncate:
                    said = f"the text {in_short(text)} has {len(tokens)} tokens, start and end included"
                    raise ValueError(f"{said}; expected at most {length}, or truncate=True")
                tokens = [*tokens[: length - 1], self.end]
            row[: len(tokens)] = tokens
        return rows

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text, without start and end."""
        return [self._number[symbol] for word in split_words(cleaned(text)) for symbol in self._symbols(word)]

    @checked
    def decode(self, tokens: Int[ndarray, "T"]) -> str:
        """The text of a row up to its end, in small letters, a space behind each word.

        Raises
        ------
        ValueError
            If a token is not in the vocabulary.
        """
        check_numbers("token", tokens, len(self), "symbols")
        numbers = tokens.tolist()
        numbers = numbers[: numbers.index(self.end)] if self.end in numbers else numbers
        text = "".join(self._symbol[number] for number in numbers if number != self.start)
        byte = {letter: number for number, letter in enumerate(self._letters)}
        words = (bytes(byte[letter] for letter in word).decode(errors="replace") for word in text.split(END_OF_WORD))
        return " ".join(words).strip()

    def _symbols(self, word: str) -> list[str]:
        if word in (START_OF_TEXT, END_OF_TEXT):
            return [word]
        symbols = [self._letters[byte] for byte in word.encode()]
        symbols[-1] += END_OF_WORD
        while len(symbols) > 1:
            first = min(pairwise(symbols), key=lambda pair: self._rank.get(pair, len(self._rank)))
            if first not in self._rank:
                break
            symbols = _merged(symbols, first)
        return symbols


def _merged(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    """The symbols, with one in place of the pair wherever it stands, from left to right."""
    merged, place = [], 0
    while place < len(symbols):
        both = tuple(symbols[place : place + 2]) == pair
        merged.append("".join(pair) if both else symbols[place])
        place += 2 if both else 1
    return merged


def cleaned(text: str) -> str:
    """What a text is before it is cut into words: see :class:`BytePairs`.

    >>> from minivit.data.byte_pairs import cleaned
    >>> cleaned("  A  cat &amp;amp; a dog ")
    'a cat & a dog'
    """
    text = unicodedata.normalize("NFC", html.unescape(html.unescape(text)))
    return " ".join(text.split()).lower()


def _read_merges(path: str | Path) -> list[tuple[str, str]]:
    must_be_file(path)
    try:
        with open(path, "rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if packed else open(path, "rb") as file:
            text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        lines = text.decode().split("\n")[1 : 1 + MOST_MERGES]  # the first line is a comment
        pairs = [tuple(line.split()) for line in lines if line.strip()]
        wrong = [pair for pair in pairs if len(pair) != 2]
        if wrong or not pairs:
            raise ValueError(f"a line has {len(wrong[0])} symbols, not two" if wrong else "it has no merges")
        return [(first, second) for first, second in pairs]
    except (EOFError, UnicodeDecodeError, ValueError, gzip.BadGzipFile) as error:
        raise ValueError(f"{path} is no file of merges, or it is damaged: {error}") from error


def _read_vocab(path: str | Path, pairs: Sequence[tuple[str, str]]) -> dict[str, int]:
    must_be_file(path)
    try:
        number = from_json(Path(path).read_text(encoding="utf-8"))
        if not isinstance(number, dict) or not all(type(it) is int and 0 <= it < 2**24 for it in number.values()):
            raise ValueError("it does not say a number for each symbol")
        symbols = [*byte_letters(), *(letter + END_OF_WORD for letter in byte_letters())]
        symbols += [*map("".join, pairs), START_OF_TEXT, END_OF_TEXT]
        if lacking := [symbol for symbol in symbols if symbol not in number]:
            raise ValueError(f"it has no number for {in_short(lacking[0])}, which the merges make")
        return number
    except (UnicodeDecodeError, ValueError) as error:
        raise ValueError(f"{path} is no vocabulary for these merges, or it is damaged: {error}") from error
