"""What was done, and where: multiplications of matrix products, passes over elements, and the memory that was alive."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from types import CodeType, FrameType
from typing import Any, NamedTuple

from minivit.layers.checkpoint import Checkpoint
from minivit.layers.layer import HOLDERS, Layer
from minivit.nests import NESTS, entries


class Place(NamedTuple):
    """Where something was done: the innermost layer by its name, and the innermost op."""

    phase: str
    layer: str
    op: str


class Work(NamedTuple):
    """How much was done."""

    macs: int
    """Multiply-accumulates of matrix products, convolutions among them."""
    elements: int
    """Elements that passes over memory have read or made, one operation each."""

    def __add__(self, other: "Work") -> "Work":  # type: ignore[override]
        return Work(self.macs + other.macs, self.elements + other.elements)


NOTHING = Work(0, 0)


class _Probe:
    def __add__(self, other: Any) -> tuple[int, int]:
        return sys.getrefcount(self), sys.getrefcount(other)


class Tally:
    """Counts while code runs on arrays without numbers.

    ``names`` are the names of layers by their ``id``. ``phase`` is written into each place; work is counted while there
    is one, memory always.
    """

    def __init__(self) -> None:
        self.work: dict[Place, Work] = defaultdict(lambda: NOTHING)
        self.names: dict[int, str] = {}
        self.phase = ""
        self.counts_work = True
        """Not where memory alone is asked for: looking where work is done takes a quarter of the time."""
        self.alive = 0
        """Bytes of arrays that are alive."""
        self.peak = 0
        """The most bytes that were alive at once."""
        self.made = 0
        """Arrays that were made, views among them."""
        probe = _Probe()
        temporary, named = _Probe() + probe
        self.temporary = temporary if temporary < named else None
        """References to an operand that has no name; Python 3.14 borrows those to others, and one cannot tell."""

    def product(self, macs: int) -> None:
        """A matrix product."""
        self._count(Work(macs, 0))

    def elementwise(self, elements: int) -> None:
        """A pass over so many elements."""
        self._count(Work(0, elements))

    def total(self, **where: str) -> Work:
        """All that was done at these places: ``total(phase="forward")``."""
        found = (
            work
            for place, work in self.work.items()
            if all(getattr(place, key) == value for key, value in where.items())
        )
        return sum(found, NOTHING)

    def allocate(self, array: Any) -> None:
        """An array with memory of its own."""
        self.alive += array.nbytes
        self.peak = max(self.peak, self.alive)

    def release(self, array: Any) -> None:
        """It is gone."""
        self.alive -= array.nbytes

    def _count(self, work: Work) -> None:
        """What is done outside of all phases is not asked for, and looking where it is done takes time."""
        if self.phase and self.counts_work:
            self.work[self._place()] += work

    def _place(self) -> Place:
        op = ""
        frame: FrameType | None = sys._getframe(3)
        while frame is not None:
            kind = _KINDS.get(frame.f_code) or _kind(frame.f_code)
            if kind is LAYER:
                values = frame.f_locals
                layer = self.names.get(id(values["self"]))
                if isinstance(values, dict):  # before Python 3.13 a copy, which would keep arrays alive
                    values.clear()
                if layer is not None:
                    return Place(self.phase, layer, op)
            elif not op and kind is not OTHER:
                op = kind
            frame = frame.f_back
        return Place(self.phase, "", op)


LAYER, OTHER = "a layer's", "other"
_KINDS: dict[CodeType, str] = {}
"""What pieces of code are: LAYER, OTHER, or the NAME of an op, whose functions are NAME_forward and NAME_backward."""


def _kind(code: CodeType) -> str:
    name, _, way = code.co_name.rpartition("_")
    if way in ("forward", "backward") and name:
        return _KINDS.setdefault(code, name)
    is_layer = way in ("forward", "backward") and code.co_varnames[:1] == ("self",)
    return _KINDS.setdefault(code, LAYER if is_layer else OTHER)


def layers_in(item: Any, name: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer in a layer, list, tuple or dict, itself first, by its name: ``blocks.3.attn``.

    What is in a :class:`~minivit.layers.checkpoint.Checkpoint` has the name that it would have without.
    """
    if isinstance(item, Layer):
        yield name, item
    if isinstance(item, Checkpoint):
        yield from layers_in(item.layer, name)
    elif isinstance(item, Layer):
        item = {key: part for key, part in vars(item).items() if isinstance(part, HOLDERS)}
    for key, part in entries(item) if isinstance(item, NESTS) else ():
        yield from layers_in(part, f"{name}.{key}" if name else str(key))


def named_layers(layer: Layer) -> dict[int, str]:
    """Names of layers by their ``id``."""
    return {id(each): name for name, each in layers_in(layer)}
