"""Options of a model as the command line says them: ``--set KEY=VALUE``."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from math import isfinite
from reprlib import repr as in_short
from types import NoneType, UnionType
from typing import Any, get_args

from minivit.checked import without_range
from minivit.models.model import Model, model_options

DECIDED = {
    "img_size": "it is that of the images (--img-size)",
    "in_chans": "it is that of the images",
    "sr": "it is that of the sounds",
    "length": "it is that of the sounds",
    "num_classes": "it is that of the data set",
    "heads_apart": "it is for a task with a loss for each head",
    "seed": "--seed does",
    "dtype": "a training computes in float32",
}
"""Options of models that are no matter of ``--set`` in a training, and what decides them."""


def read_settings(
    model: str | type[Model], settings: Sequence[tuple[str, str]], decided: Mapping[str, str] = DECIDED
) -> dict[str, Any]:
    """Options of a model, each value read by the type of its option; none of those that are decided elsewhere."""
    types = model_options(model, given=[name for name, _ in settings])
    options: dict[str, Any] = {}
    for name, text in settings:
        if name in options:
            raise ValueError(f"--set sets {name} twice")
        if name in decided:
            raise ValueError(f"--set cannot change {name}: {decided[name]}")
        options[name] = read_value(name, text, types[name])
    return options


def read_value(name: str, text: str, hint: Any) -> Any:
    """What a text says, by the type that the option has."""
    readers = readers_of(hint)
    for _, read in readers:
        with suppress(KeyError, ValueError):
            return read(text)
    raise ValueError(f"{name} is {in_short(text)}; expected {' or '.join(words for words, _ in readers)}")


def readers_of(hint: Any) -> list[tuple[str, Callable[[str], Any]]]:
    """How values of a type are written, in words, and what reads them."""
    hint = without_range(hint)
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return [reader for kind, reader in READERS.items() if kind in kinds]


def read_number(text: str) -> float:
    """A number that JSON can write."""
    if not isfinite(number := float(text)):
        raise ValueError
    return number


def read_numbers(text: str) -> tuple[int, ...]:
    """Whole numbers with commas between."""
    return tuple(map(int, text.split(",")))


def read_floats(text: str) -> tuple[float, ...]:
    """Numbers with commas between."""
    return tuple(map(read_number, text.split(",")))


READERS: dict[Any, tuple[str, Callable[[str], Any]]] = {
    NoneType: ("none", lambda text: {"none": None}[text.lower()]),
    bool: ("true or false", lambda text: {"true": True, "false": False}[text.lower()]),
    int: ("a whole number", int),
    float: ("a number", read_number),
    tuple[int, int]: ("ROWS,COLUMNS", read_numbers),
    tuple[int, ...]: ("N,N,...", read_numbers),
    tuple[float, float]: ("NUMBER,NUMBER", read_floats),
    tuple[float, ...]: ("NUMBER,NUMBER,...", read_floats),
    tuple[int | tuple[int, int], ...]: ("N,N,...", read_numbers),
    str: ("a word", str),  # the last, because it reads everything
}
"""For each type that an option can have."""
