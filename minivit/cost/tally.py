"""What was done, and where: multiplications of matrix products, passes over elements, and the memory that was alive."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from inspect import unwrap
from types import CodeType, FrameType
from typing import Any, NamedTuple

from minivit.layers.layer import HOLDERS, Layer
from minivit.nests import NESTS, entries
from minivit.ops import OPS


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


class Tally:
    """Counts while code runs on arrays without numbers.

    ``names`` are the names of layers by their ``id``; ``phase`` is written into each place.
    """

    def __init__(self) -> None:
        self.work: dict[Place, Work] = defaultdict(lambda: NOTHING)
        self.names: dict[int, str] = {}
        self.phase = ""
        self.alive = 0
        """Bytes of arrays that are alive."""
        self.peak = 0
        """The most bytes that were alive at once."""

    def product(self, macs: int) -> None:
        """A matrix product."""
        self.work[self._place()] += Work(macs, 0)

    def elementwise(self, elements: int) -> None:
        """A pass over so many elements."""
        self.work[self._place()] += Work(0, elements)

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

    def _place(self) -> Place:
        frame: FrameType | None = sys._getframe(2)
        layer = op = None
        while frame is not None and layer is None:
            code = frame.f_code
            if op is None:
                op = op_codes().get(code)
            if code.co_name in ("forward", "backward") and code.co_varnames[:1] == ("self",):
                layer = self.names.get(id(frame.f_locals["self"]))
            frame = frame.f_back
        return Place(self.phase, layer or "", op or "")


_CODES: dict[CodeType, str] = {}


def op_codes() -> dict[CodeType, str]:
    """The name of the op to which a piece of code belongs."""
    if not _CODES:
        for name, op in OPS.items():
            _CODES.update({unwrap(function).__code__: name for function in (op.forward, op.backward)})
    return _CODES


def layers_in(item: Any, name: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer in a layer, list, tuple or dict, itself first, by its name: ``blocks.3.attn``."""
    if isinstance(item, Layer):
        yield name, item
        item = {key: part for key, part in vars(item).items() if isinstance(part, HOLDERS)}
    for key, part in entries(item) if isinstance(item, NESTS) else ():
        yield from layers_in(part, f"{name}.{key}" if name else str(key))


def named_layers(layer: Layer) -> dict[int, str]:
    """Names of layers by their ``id``."""
    return {id(each): name for name, each in layers_in(layer)}
