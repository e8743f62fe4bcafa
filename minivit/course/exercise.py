"""What an exercise is: a title, a statement, and the functions to write with what is asked of each. Data, no code.

The exercises themselves stand in :mod:`minivit.course.exercises`, one file each.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from numpy import ndarray
from numpy.random import Generator

from minivit.check.draw import Case

Draw = Callable[[Generator], Case]
"""Draws the arguments of one call, as in :mod:`minivit.check.cases`."""

Call = Callable[..., Any]
"""The function that is judged."""


class Trial(NamedTuple):
    """One case with all that the reference makes of it; ``dy``, ``cache`` are None for what is no backward."""

    case: Case
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    dy: Any
    cache: Any
    expected: Any


class Mistake(NamedTuple):
    """A known wrong formula: when the student's numbers equal ``wrong(trial)``, they hear ``says``."""

    output: str
    wrong: Callable[[Trial], ndarray]
    says: str


class Property(NamedTuple):
    """Something that must hold whatever the numbers. ``holds`` returns None, or a sentence that says what does not."""

    name: str
    holds: Callable[[Call, Generator], str | None]


@dataclass(frozen=True)
class Task:
    """One function to write.

    Parameters
    ----------
    name : str
        ``softmax_forward``; of a layer ``SelfAttention.forward``.
    module : str
        Where the reference stands.
    kind : "forward", "backward" or "plain"
        What it returns: ``(y, cache)``, gradients, or just a result.
    cases : mapping of str to Draw
        The first one is the plain call; the others are told by their name: "with a mask".
    big : Draw, optional
        A case that a loop over its rows would make slow.
    sizes : function of a case, optional
        Numbers that may turn up as a wrong factor, by name: ``{"the head width": 8}``.
    reasons : mapping of str to str
        Why that factor: ``{"sqrt(the head width)": "the forward divides the scores by it"}``.
    simpler : mapping of str to function
        Easier cases to try when the answer is wrong: ``{"for one sample": ...}``; None where a case has no such form.
    axes : mapping of str to str
        What an axis of an output is called: ``{"dq": "sample head query width"}``.
    uses : tuple of str
        Functions of the same exercise that it may call: while it is checked they are the reference's, so that their
        mistakes cost nothing here. They must stand before it: then they have been judged, and are no answers any more.
    keep_loops : bool
        The stub keeps the loops and leaves out what stands in them: the first rung of a ladder.
    """

    name: str
    module: str
    kind: Literal["forward", "backward", "plain"]
    cases: Mapping[str, Draw]
    properties: tuple[Property, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    big: Draw | None = None
    sizes: Callable[[Case], dict[str, float]] | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    simpler: Mapping[str, Callable[[Case], Case | None]] = field(default_factory=dict)
    axes: Mapping[str, str] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    keep_loops: bool = False

    @property
    def is_layer(self) -> bool:
        """Whether it is a method of a layer."""
        return "." in self.name

    @property
    def given(self) -> tuple[str, ...]:
        """``module:name`` of what it uses."""
        return tuple(f"{self.module}:{name}" for name in self.uses)


@dataclass(frozen=True)
class Exercise:
    """Some functions to write, in the order in which to write them.

    ``offers`` are names that the stub imports because they help (in full where the reference does not import them);
    ``closed`` are further functions of minivit that would give the answer away, beside those to write.
    """

    name: str
    title: str
    minutes: int
    tasks: tuple[Task, ...]
    offers: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()

    @property
    def statement(self) -> str:
        """The text of the exercise, in Markdown."""
        return (Path(__file__).parent / "exercises" / f"{self.name}.md").read_text(encoding="utf-8")
