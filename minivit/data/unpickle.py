"""Reading a pickle without running it.

A pickle is a program for a machine with a stack: each opcode pushes a value, or makes one of those on top. Python's own
machine imports any function that it is told and calls it with any arguments, and a few bytes are enough to fill the
memory or to keep it busy for ever. The machine of this file knows only the opcodes that plain values and NumPy arrays
of numbers need, in the pickles of Python 2 and 3, and calls no functions but those of
:mod:`minivit.data.unpickle_arrays`. What it spends is bounded, too: there are at most ``MAX_STEPS`` steps, each costs
no more than the bytes that it reads, and what steps copy of earlier values is together at most twice as long as the
file.

``python -m pickletools -a FILE`` explains the opcodes of a pickle.
"""

import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from numpy import ndarray

from minivit.data.unpickle_arrays import FUNCTIONS, Dtype, build_array

MAX_STEPS = 1_000_000
"""The wordiest pickle of CIFAR-100 takes a third: 50,000 images, each with two labels and the name of its file."""

MAX_SHORT = 100
"""Longest number, name or key, in characters."""


def load_pickle(path: str | Path) -> Any:
    """Read a pickle of plain values and NumPy arrays of numbers, written by Python 2 or 3.

    Plain values are None, booleans, integers of 64 bits, floats, text, bytes, tuples, lists, and dictionaries whose
    keys are short texts. Text written by Python 2 comes back as bytes.

    Nothing in the file ever runs. Whatever it holds, reading it takes at most 150 MB and seven times its own size, and
    no more than a second or two longer than an honest file of that size.

    Raises
    ------
    ValueError
        If the pickle holds anything else (code, objects, arrays of objects), is damaged, or is too long a program.
    OSError
        If the file cannot be read.
    """
    content = Path(path).read_bytes()
    try:
        return _Machine(content).run()
    except EOFError as error:
        raise ValueError(f"{path} is truncated: the pickle ends too early") from error
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as a pickle: {error}") from error
    except (IndexError, KeyError, TypeError) as error:  # a value is not there, or not of the kind that was expected
        raise ValueError(f"{path} cannot be read as a pickle: it is damaged") from error


class _Machine:
    """A program, the place in it, and the values made so far: on the stack, and in the memo to be used again."""

    def __init__(self, content: bytes) -> None:
        self.content, self.place = content, 0
        self.stack: list[Any] = []
        self.marks: list[int] = []  # heights of the stack
        self.memo: dict[int, Any] = {}
        self.may_copy = 2 * len(content)

    def run(self) -> Any:
        for _ in range(MAX_STEPS):
            opcode = self.take(1)
            if opcode == b".":
                return self.stack.pop()
            if opcode not in STEPS:
                raise ValueError(f"it has the opcode {opcode!r}, which plain values and NumPy arrays do not need")
            STEPS[opcode](self)
        raise ValueError(f"it has more than {MAX_STEPS:,} steps")

    # What comes next in the program

    def take(self, length: int) -> bytes:
        start, self.place = self.place, self.place + length
        if self.place > len(self.content):
            raise EOFError
        return self.content[start : self.place]

    def number(self, layout: str) -> Any:
        return struct.unpack(layout, self.take(struct.calcsize(layout)))[0]

    def counted(self, layout: str) -> bytes:
        """As many bytes as the number before them says."""
        return self.take(self.number(layout))

    def text(self, layout: str) -> str:
        return self.counted(layout).decode("utf-8", "surrogatepass")

    def line(self) -> bytes:
        end = self.content.find(b"\n", self.place)
        return self.take((end if end >= 0 else len(self.content)) + 1 - self.place)[:-1]

    def word(self) -> str:
        line = self.line()
        if len(line) > MAX_SHORT:
            raise ValueError(f"it has a number or a name of {len(line):,} characters")
        return line.decode()

    # Values

    def since_mark(self) -> list[Any]:
        mark = self.marks.pop()
        items = self.stack[mark:]
        del self.stack[mark:]
        return items

    def last(self, count: int) -> list[Any]:
        return [self.stack.pop() for _ in range(count)][::-1]

    def top(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise TypeError
        return self.stack[-1]

    def extend_list(self, items: Sequence[Any]) -> None:
        self.top(list).extend(items)

    def extend_dict(self, items: Sequence[Any]) -> None:
        target = self.top(dict)
        if len(items) % 2:
            raise IndexError
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Nobody can choose short texts whose hashes collide, as he can numbers; and they are quickly compared.
            if not isinstance(key, (str, bytes)) or len(key) > MAX_SHORT:
                raise ValueError("it has a dictionary whose keys are not short texts")
            target[key] = value

    def new_dict(self, items: Sequence[Any]) -> None:
        self.stack.append({})
        self.extend_dict(items)

    def remember(self, number: int) -> None:
        if not 0 <= number < MAX_STEPS:
            raise ValueError(f"it gives a value the number {number}, and cannot have as many")
        self.memo[number] = self.stack[-1]

    # Arrays

    def find(self, module: Any, name: Any) -> Any:
        if not isinstance(module, str) or not isinstance(name, str):
            raise TypeError
        if (module, name) not in FUNCTIONS:
            asked = f"{module}.{name}"[:MAX_SHORT].encode("unicode_escape").decode()
            raise ValueError(f"it asks for {asked}, and only NumPy arrays are allowed")
        return FUNCTIONS[module, name]

    def call(self, function: Any, arguments: Any) -> Any:
        if not callable(function) or not isinstance(arguments, tuple) or len(arguments) > 5:
            raise TypeError
        value = function(*arguments)  # one of FUNCTIONS: nothing else on the stack can be called
        if isinstance(value, bytes):
            self.copies(len(value))
        return value

    def build(self, target: Any, state: Any) -> Any:
        """Tell a value that was made first what it is."""
        if not isinstance(state, tuple):
            raise TypeError
        if isinstance(target, Dtype):
            target.build(state)
        elif isinstance(target, ndarray) and target.size == 0:
            build_array(target, state)
            self.copies(target.nbytes)
        else:
            raise TypeError
        return target

    def copies(self, length: int) -> None:
        self.may_copy -= length
        if self.may_copy < 0:
            raise ValueError("it makes more bytes than it holds")


def _push(make: Callable[[_Machine], Any]) -> Callable[[_Machine], None]:
    return lambda m: m.stack.append(make(m))


def _integer(raw: bytes) -> int:
    if len(raw) > 8:
        raise ValueError(f"it has an integer of {len(raw):,} bytes, where 8 are the most")
    return int.from_bytes(raw, "little", signed=True)


def _written_integer(word: str) -> int | bool:
    if word in ("00", "01"):  # False and True
        return word == "01"
    value = int(word.removesuffix("L"))
    if not -(2**63) <= value < 2**63:
        raise ValueError(f"it has the integer {value}, where 64 bits are the most")
    return value


STEPS: dict[bytes, Callable[[_Machine], Any]] = {
    b"N": _push(lambda m: None),
    b"\x88": _push(lambda m: True),
    b"\x89": _push(lambda m: False),
    # numbers
    b"K": _push(lambda m: m.number("B")),
    b"M": _push(lambda m: m.number("<H")),
    b"J": _push(lambda m: m.number("<i")),
    b"I": _push(lambda m: _written_integer(m.word())),
    b"L": _push(lambda m: _written_integer(m.word())),
    b"\x8a": _push(lambda m: _integer(m.counted("B"))),
    b"\x8b": _push(lambda m: _integer(m.counted("<I"))),
    b"F": _push(lambda m: float(m.word())),
    b"G": _push(lambda m: m.number(">d")),
    # bytes, and the text of Python 2
    b"S": _push(lambda m: m.line()[1:-1].decode("unicode_escape").encode("latin1")),
    b"U": _push(lambda m: m.counted("B")),
    b"T": _push(lambda m: m.counted("<I")),
    b"C": _push(lambda m: m.counted("B")),
    b"B": _push(lambda m: m.counted("<I")),
    b"\x8e": _push(lambda m: m.counted("<Q")),
    b"\x96": _push(lambda m: m.counted("<Q")),
    # text
    b"V": _push(lambda m: m.line().decode("raw_unicode_escape")),
    b"X": _push(lambda m: m.text("<I")),
    b"\x8c": _push(lambda m: m.text("B")),
    b"\x8d": _push(lambda m: m.text("<Q")),
    # tuples, lists, dictionaries
    b"(": lambda m: m.marks.append(len(m.stack)),
    b")": _push(lambda m: ()),
    b"\x85": _push(lambda m: tuple(m.last(1))),
    b"\x86": _push(lambda m: tuple(m.last(2))),
    b"\x87": _push(lambda m: tuple(m.last(3))),
    b"t": _push(lambda m: tuple(m.since_mark())),
    b"]": _push(lambda m: []),
    b"l": _push(lambda m: m.since_mark()),
    b"a": lambda m: m.extend_list(m.last(1)),
    b"e": lambda m: m.extend_list(m.since_mark()),
    b"}": _push(lambda m: {}),
    b"d": lambda m: m.new_dict(m.since_mark()),
    b"s": lambda m: m.extend_dict(m.last(2)),
    b"u": lambda m: m.extend_dict(m.since_mark()),
    # values to be used again
    b"p": lambda m: m.remember(int(m.word())),
    b"q": lambda m: m.remember(m.number("B")),
    b"r": lambda m: m.remember(m.number("<I")),
    b"\x94": lambda m: m.remember(len(m.memo)),
    b"g": _push(lambda m: m.memo[int(m.word())]),
    b"h": _push(lambda m: m.memo[m.number("B")]),
    b"j": _push(lambda m: m.memo[m.number("<I")]),
    # arrays
    b"c": _push(lambda m: m.find(m.word(), m.word())),
    b"\x93": _push(lambda m: m.find(*m.last(2))),
    b"R": _push(lambda m: m.call(*m.last(2))),
    b"b": _push(lambda m: m.build(*m.last(2))),
    # protocol and frames, which say nothing about values
    b"\x80": lambda m: m.take(1),
    b"\x95": lambda m: m.take(8),
}
