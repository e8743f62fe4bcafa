"""What an exercise is: a title, a statement, and the functions to write with what is asked of each. Data, no code.

The exercises themselves stand in :mod:`minivit.course.exercises`, one file each.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.random import Generator

from minivit.check.draw import Case

Draw = Callable[[Generator], Case]
"""Draws the arguments of one call, as in :mod:`minivit.check.cases`."""

Call = Callable[..., Any]
"""The function that is judged."""

Kind = Literal["forward", "backward", "plain"]
"""What a function returns: ``(y, cache)``, gradients, or just a result."""

ELSEWHERE = "... "
"""Before what another check says."""

PACKAGES = (
    *("minivit.ops", "minivit.layers", "minivit.train", "minivit.cost.formulas", "minivit.audio", "minivit.weights"),
)
"""Where references are looked for."""


class Trial(NamedTuple):
    """One case with all that the reference makes of it.

    ``args`` are the arguments of the function itself; ``inputs``, ``y`` and ``cache`` those and the results of the
    forward. ``dy``, ``y`` and ``cache`` are None for what is no backward.
    """

    case: Case
    inputs: tuple[Any, ...]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    dy: Any
    y: Any
    cache: Any
    expected: Any


class Mistake(NamedTuple):
    """What people write: ``new`` where the reference has ``old`` (if empty, all of its body). They hear ``says``.

    It is ``known`` by its numbers: whoever has those of the reference with this mistake, hears of it. Of one that is
    not (it is one of shapes, manners or speed, or follows a rule such as "the wrong sign"), ``says`` is a piece of what
    another check says.
    """

    old: str
    new: str
    says: str
    known: bool


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
    cases : mapping of str to Draw
        The first one is the plain call; the others are told by their name: "with a mask".
    mistakes : mapping of str to mapping of str to str
        ``{piece: {new: says}}``: what people write for a piece of the reference, and what they hear, see
        :class:`Mistake`. What begins with dots is said by another check.
    big : Draw, optional
        A case that a loop over its rows would make slow.
    sizes : function of a case, optional
        Numbers that may turn up as a wrong factor, by name: ``{"the head width": 8}``.
    reasons : mapping of str to str
        Why that factor: ``{"sqrt(the head width)": "the forward divides the scores by it"}``.
    simpler : mapping of str to function
        Easier cases to try when the answer is wrong: ``{"for one sample": ...}``; None where a case has no such form.
    axes : mapping of str to str
        What an axis of an output is called, or one of an argument: ``{"dq": "sample head query width"}``.
    uses : tuple of str
        Functions of the same exercise that it may call: while it is checked they are the reference's, so that their
        mistakes cost nothing here. They must stand before it: then they have been judged, and are no answers any more.
    free : tuple of str
        Parts of the cache that depend on how the same is computed: ``("cache.attn.attention.bias_shape",)``.
    loops : mapping of str to tuple of int
        Axes of arguments over which it may loop though the reference does not: ``{"weight": (0, 1)}``.
    keep_loops : bool
        The stub keeps the loops and leaves out what stands in them: the first rung of a ladder.
    hides_docstring : bool
        The stub leaves the docstring out: it says the formula that is asked for.
    closed : tuple of str
        ``module:name`` of functions of other packages that refuse while it is called, because they are the answer.
    instead : str
        What who loops, or takes too long, is told to do instead.
    fitting : function of a case
        Makes of a case with another length one that is meant: shares that sum to one, of which some were cut off.
    """

    name: str
    cases: Mapping[str, Draw]
    properties: tuple[Property, ...] = ()
    mistakes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    big: Draw | None = None
    sizes: Callable[[Case], dict[str, float]] | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    simpler: Mapping[str, Callable[[Case], Case | None]] = field(default_factory=dict)
    axes: Mapping[str, str] = field(default_factory=dict)
    uses: tuple[str, ...] = ()
    free: tuple[str, ...] = ()
    loops: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    keep_loops: bool = False
    hides_docstring: bool = False
    closed: tuple[str, ...] = ()
    instead: str = ""
    fitting: Callable[[Case], Case] = lambda case: case

    @property
    def kind(self) -> Kind:
        """What it returns, which its name says."""
        return "forward" if self.name.endswith("forward") else "backward" if self.name.endswith("backward") else "plain"

    @property
    def module(self) -> str:
        """Where the reference stands."""
        return home(self.name.partition(".")[0])

    @property
    def bugs(self) -> Iterator[Mistake]:
        """The mistakes one by one."""
        for old, changes in self.mistakes.items():
            for new, says in changes.items():
                yield Mistake(old, new, says.removeprefix(ELSEWHERE), known=not says.startswith(ELSEWHERE))

    @property
    def is_layer(self) -> bool:
        """Whether it is a method of a layer."""
        return "." in self.name

    @property
    def has_arrays(self) -> bool:
        """Whether it is given arrays; a formula of costs is given whole numbers."""
        case = next(iter(self.cases.values()))(np.random.default_rng(0))
        return any(isinstance(arg, np.ndarray) for arg in (*case.args, *case.kwargs.values()))

    @property
    def forward(self) -> str:
        """Of a backward, the name of its forward."""
        return self.name.removesuffix("backward") + "forward"

    @property
    def given(self) -> tuple[str, ...]:
        """``module:name`` of what it uses."""
        return tuple(f"{home(name)}:{name}" for name in self.uses)


@cache
def home(name: str) -> str:
    """The module in which a function or a layer of minivit is defined.

    Raises
    ------
    LookupError
        If minivit has none of this name.
    """
    for package in map(import_module, PACKAGES):
        if hasattr(package, name):
            return getattr(package, name).__module__
    raise LookupError(f"minivit has no function or layer {name}")


@dataclass(frozen=True)
class Exercise:
    """Some functions to write, in the order in which to write them.

    ``offers`` are names that the stub imports because they help (in full where the reference does not import them);
    ``closed`` are further functions of minivit that would give the answer away, beside those to write. ``lecture`` (the
    name of a file in ``notebooks/src``) and the number of a ``section`` in it say where it belongs.
    """

    name: str
    title: str
    minutes: int
    tasks: tuple[Task, ...]
    offers: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()
    lecture: str = ""
    section: int = 0

    @property
    def place(self) -> str:
        """Where it belongs, in words."""
        return f"lecture {self.lecture}, section {self.section}"

    @property
    def statement(self) -> str:
        """The text of the exercise, in Markdown."""
        return (Path(__file__).parent / "exercises" / f"{self.name}.md").read_text(encoding="utf-8")
