"""Record a run: every call of a layer and of a pair, in order, with what went in and what came out.

Nothing is changed for it, neither ops nor layers: Python tells a profiler of each call and each return. So a student's
own functions are recorded as well, where they stand in place of ours.

That costs little: of forward, backward and update of the default model on shapes, 7 ms, Python tells 21,600 times,
which takes 2 ms; to find and keep the arrays takes 60. The caches alone would need no profiler, and do not have the
outputs; ``sys.monitoring`` begins with Python 3.12.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType, FunctionType
from typing import Any, NamedTuple, get_args

import numpy as np

from minivit.caches import arrays_in
from minivit.cost.tally import named_layers
from minivit.every_op import EVERY_OP
from minivit.layers import Identity, Layer
from minivit.nests import NESTS, named_leaves
from minivit.steps.arrays import Store
from minivit.steps.explain import axes_of, hints_of
from minivit.train.optim import adam_update, adamw_update, sgd_update

WAYS = ("forward", "backward")
UPDATE = "update"
RULES = tuple(map(inspect.unwrap, (adam_update, adamw_update, sgd_update)))
"""The optimizers', as functions."""
CORNER = 2**8
"""So many numbers are kept of a parameter that has moved, and of its running averages: the rule is the same for all."""

Array = dict[str, Any]
"""Where the page finds an array, see :meth:`minivit.steps.arrays.Store.add`, and the names of its axes."""


@dataclass
class Call:
    """A call of a layer or of an op: where, which way, what went in, what came out."""

    kind: str
    """"layer", "op" or "update"."""
    place: str
    """Name of the layer in which it was made, or of the parameter that was moved."""
    label: str
    """Name of the op, or of the layer's class."""
    way: str
    """"forward", "backward" or "update"."""
    function: Callable[..., Any]
    parent: int | None
    inputs: dict[str, Array] = field(default_factory=dict)
    options: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, Array] = field(default_factory=dict)
    cache: dict[str, Array] = field(default_factory=dict)
    expected: dict[str, Array] = field(default_factory=dict)
    """What would have been right, of a student's function that was wrong."""
    difference: dict[str, Array] = field(default_factory=dict)
    """What came out minus that, where it has the same shape."""
    wrong: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of each output that is wrong, ``at`` which index the most (None: the shape is wrong), and ``words`` for it."""
    words: str = ""
    """What the check of a student's function says."""
    about: dict[str, Any] | None = None
    """What the page says in place of :func:`minivit.steps.explain.explained`: there is an answer in the latter."""
    partner: int | None = None
    """The forward of this backward, or the other way round."""
    error: str = ""
    """What ended it, and the run."""
    idle: bool = False
    """Whether it gave back what it was given: a step that a configuration leaves out."""


class Known(NamedTuple):
    """A function that is recorded wherever it is called."""

    kind: str
    label: str
    way: str
    function: Callable[..., Any]

    def runs_in(self, frame: FrameType) -> bool:
        """Whether the frame is this function's, and not that of another which the same ``def`` has made."""
        cells = self.function.__closure__ or ()  # type: ignore[attr-defined]
        closed_over = dict(zip(frame.f_code.co_freevars, cells, strict=True))
        return all(frame.f_locals.get(name) is cell.cell_contents for name, cell in closed_over.items())


def known_functions() -> list[Known]:
    """Both functions of every op, a student's where they stand in place of ours, and the optimizers' rules."""
    ops = [
        Known("op", name, way, function)
        for name, op in EVERY_OP.items()
        for way, function in zip(WAYS, map(inspect.unwrap, op), strict=True)
    ]
    return [*ops, *(Known(UPDATE, rule.__name__, UPDATE, rule) for rule in RULES)]


class Open(NamedTuple):
    """A call that has not come back: its frame, its number, and the arrays that it was given."""

    frame: FrameType
    number: int
    given: list[np.ndarray]


class Recorder:
    """What Python tells of each call and return, as ``sys.setprofile`` has it.

    With ``block`` only the inside of the layer of that name is recorded, and the others as wholes.
    """

    def __init__(self, model: Layer | None, store: Store, *, block: str | None = None) -> None:
        self.store, self.block = store, block
        self.calls: list[Call] = []
        self.names = named_layers(model) if model else {}
        self.params = {id(param.value): name for name, param in model.named_params().items()} if model else {}
        self.functions: dict[CodeType, list[Known]] = {}  # what a decorator has made of several is one code
        self.unseen: list[Known] = []  # a student's objects that can be called, and what is written in C: no code
        for known in known_functions():
            if isinstance(known.function, FunctionType):
                self.functions.setdefault(known.function.__code__, []).append(known)
            else:
                self.unseen.append(known)
        self.open: list[Open] = []
        self.lost = False  # whether what was recorded has put another profiler in place of this one
        self.failed: int | None = None  # the first call, and so the innermost, that an error went through
        self.made: dict[tuple[int, str], int] = {}  # which call has made a cache, by its identity and the call's label
        self.alive: list[Any] = []  # these caches, so that none gets the identity of another

    def __call__(self, frame: FrameType, event: str, arg: Any) -> None:
        """Python tells of every call and every return in this thread."""
        if event == "return":
            if self.open and self.open[-1].frame is frame:
                _, index, given = self.open.pop()
                if arg is None and self.calls[index].way != UPDATE:  # an error goes through
                    self.failed = index if self.failed is None else self.failed
                elif arg is not None:
                    self.finish(index, arg, given)
        elif event == "call":
            several = self.functions.get(frame.f_code, ())
            known = next((each for each in several if len(several) == 1 or each.runs_in(frame)), None)
            known = known or self.method(frame)
            if known is not None:
                self.begin(known, frame)

    def method(self, frame: FrameType) -> Known | None:
        """A layer's forward or backward, as a whole; what does nothing is left out."""
        code = frame.f_code
        if code.co_name not in WAYS or code.co_varnames[:1] != ("self",):
            return None
        layer = frame.f_locals.get("self")
        if id(layer) not in self.names or isinstance(layer, Identity):
            return None
        function = getattr(type(layer), code.co_name)
        if inspect.unwrap(function).__code__ is not code:  # that of its base, which it calls
            return None
        return Known("layer", type(layer).__name__, code.co_name, function)

    def begin(self, known: Known, frame: FrameType) -> None:
        """Note what goes in."""
        parent = self.open[-1].number if self.open else None
        values = dict(frame.f_locals)
        if known.kind == "layer":
            place = self.names[id(values.pop("self"))]
        elif known.kind == UPDATE:
            place = self.params.get(id(values["value"]), "")
        else:
            place = "" if parent is None else self.calls[parent].place
        call = Call(known.kind, place, known.label, known.way, known.function, parent)
        if not self.wanted(call):
            return
        index, hints = len(self.calls), hints_of(known.function)
        self.calls.append(call)
        self.open.append(Open(frame, index, [value for value in values.values() if isinstance(value, np.ndarray)]))
        for name, value in values.items():
            if name == "cache":
                self.join(self.made.get((id(value), call.label)), index)
                call.cache = self.fields(value) if call.kind == "op" else {}
            elif name == "rng":
                continue
            elif isinstance(value, (np.ndarray, *NESTS)) and any(True for _ in arrays_in({name: value})):
                call.inputs |= self.shown({name: value}, hints)
            elif value is not None:
                call.options[name] = repr(value)

    def wanted(self, call: Call) -> bool:
        """What a rule calls of another rule is left out, and what is inside of other blocks than the one asked for."""
        depth, parent = 0, call.parent
        while parent is not None:
            depth, parent = depth + 1, self.calls[parent].parent
        if call.kind == UPDATE:
            return depth == 0
        return self.block is None or depth < 2 or f"{call.place}.".startswith(f"{self.block}.")

    def finish(self, index: int, result: Any, given: list[np.ndarray]) -> None:
        """Note what comes out."""
        call, hints = self.calls[index], hints_of(self.calls[index].function)
        hint = hints.get("return")
        if call.way == "forward" and isinstance(result, tuple) and len(result) == 2:
            result, cache = result
            hint = (*get_args(hint), None)[0]
            if not isinstance(cache, tuple) or len(cache):  # all empty tuples may be one
                self.alive.append(cache)
                self.made[id(cache), call.label] = index
            call.cache = self.fields(cache) if call.kind == "op" else {}
        was_given = call.kind == "op" and any(result is value for value in given)
        if hasattr(result, "_asdict"):
            sign = {"forward": "", "backward": "d", UPDATE: "new "}[call.way]
            named, hints = result._asdict(), hints_of(type(result))  # type: ignore[union-attr]
            named, hints = ({sign + name: it for name, it in its.items()} for its in (named, hints))
        else:
            name = "y" if call.way == "forward" else "dx"
            named, hints = {name: result}, {name: hint}
        call.outputs = self.shown(named, hints, most=CORNER if call.way == UPDATE else None)
        before = [_without_axes(array) for array in call.inputs.values()]  # what works in place has other numbers now
        call.idle = was_given and all(_without_axes(array) in before for array in call.outputs.values())

    def missing(self) -> list[str]:
        """Sentences on what was not told."""
        found = [f"{it.label}_{it.way} is no function of Python's own, so no step shows it." for it in self.unseen]
        if self.lost:
            found.append(
                "Something in the run called sys.setprofile, by which it is recorded: what followed is missing."
            )
        return found

    def ended(self, reason: str) -> None:
        """Let the innermost call that has not come to its end say why."""
        if self.failed is not None:
            self.calls[self.failed].error = reason

    def join(self, forward: int | None, backward: int) -> None:
        """Let both know of each other."""
        if forward is not None:
            self.calls[forward].partner, self.calls[backward].partner = backward, forward

    def join_the_rest(self) -> None:
        """Backwards whose cache was made anew, or is empty: where their forward is, the last of this name is theirs."""
        for index, call in enumerate(self.calls):
            if call.way == "backward" and call.partner is None:
                outer = None if call.parent is None else self.calls[call.parent].partner
                inside = [
                    n
                    for n, other in enumerate(self.calls)
                    if other.parent == outer and (other.label, other.way) == (call.label, "forward")
                ]
                known = call.parent is None or outer is not None
                free = [n for n in inside if self.calls[n].partner is None] if known else []
                self.join(free[-1] if free else None, index)

    def steps(self) -> list[Call]:
        """The calls that do something, each joined with its partner."""
        self.join_the_rest()
        idle = {n for n, call in enumerate(self.calls) if call.idle}
        idle |= {call.partner for call in self.calls if call.idle and call.partner is not None}
        left = [n for n in range(len(self.calls)) if n not in idle and self.calls[n].parent not in idle]
        number = {n: place for place, n in enumerate(left)}
        for n in left:
            call = self.calls[n]
            call.parent, call.partner = (None if it is None else number.get(it) for it in (call.parent, call.partner))
        return [self.calls[n] for n in left]

    def fields(self, cache: Any) -> dict[str, Array]:
        """The arrays in a cache."""
        return self.shown(cache, hints_of(type(cache)))

    def shown(self, nest: Any, hints: Mapping[str, Any], *, most: int | None = None) -> dict[str, Array]:
        """The arrays in a nest, by their paths, with the numbers that they have now."""
        found: dict[str, Array] = {}
        for name, array in _numbers_in(nest):
            axes = axes_of(hints.get(name), array.ndim)
            for part, numbers in real_parts(name, array).items():
                found[part] = self.store.add(numbers, most=most) | ({"axes": axes} if axes else {})
        return found


def _without_axes(array: Array) -> Array:
    """Which numbers they are, whatever their axes are called."""
    return {key: value for key, value in array.items() if key != "axes"}


def real_parts(name: str, array: np.ndarray) -> dict[str, np.ndarray]:
    """What is shown of an array: of complex numbers both parts, of what are no numbers nothing."""
    if array.dtype.kind == "c":
        return {f"Re {name}": np.real(array), f"Im {name}": np.imag(array)}
    return {name: array} if array.dtype.kind in "biuf" else {}


def _numbers_in(nest: Any) -> Iterator[tuple[str, np.ndarray]]:
    """The arrays and the single numbers with a fraction in a nest, by their paths."""
    for name, leaf in named_leaves(nest if isinstance(nest, NESTS) else {"cache": nest}):
        if isinstance(leaf, (float, np.inexact)):
            yield name, np.asarray(leaf)
        else:
            yield from arrays_in(leaf, name)


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """While it lasts, what runs in this thread is recorded; what raises an error is noted, and the error goes on."""
    before: Any = sys.getprofile()
    if hasattr(before, "disable"):  # cProfile, which Python cannot put back by setprofile
        before.disable()
    sys.setprofile(recorder)
    try:
        yield
    finally:
        recorder.lost |= sys.getprofile() is not recorder
        if hasattr(before, "enable"):
            before.enable()
        else:
            sys.setprofile(before)
