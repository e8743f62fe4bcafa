"""One HTML file of a recorded run: data, style and scripts in it, nothing from anywhere else."""

import inspect
import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import Any

from minivit.files import replace_file
from minivit.json_text import to_json
from minivit.steps.arrays import DIGITS, Store, letters
from minivit.steps.explain import explained
from minivit.steps.record import RULES, UPDATE, Call
from minivit.types import ndarray
from minivit.version import __version__

ANSWERS = ("because", "attends", "moves", "rates")
"""Those that have the derivatives of all ops: not for pages of a student's wrong numbers."""
SCRIPTS = ("numbers", "heat", *ANSWERS, "what_if", "pictures", "page")

PARTS = ("inputs", "outputs", "expected", "difference", "cache")
"""Of a call, where there are arrays."""

MOST_BYTES = 50 * 10**6
BYTES_OF_NUMBER = 2.4


@dataclass
class Steps:
    """A recorded run. At the end of a notebook's cell it is a page; :meth:`save` writes the page to a file."""

    title: str
    calls: list[Call]
    store: Store
    pixels: ndarray | None = None
    """The image (Y, X) or (Y, X, C) as it is looked at, uint8."""
    grid: tuple[int, int] | None = None
    """Rows and columns of patches."""
    class_names: Sequence[str] = ()
    label: int | None = None
    probabilities: Sequence[float] = ()
    notes: list[str] = field(default_factory=list)
    """What is left out, and why."""
    error: str = ""
    """What ended the run before its end."""
    raised: dict[str, Any] | None = None
    """File and line of a student's code in which that was raised."""
    what_if: dict[str, Any] = field(default_factory=dict)
    field: dict[str, Any] = field(default_factory=dict)

    def html(self) -> str:
        """The page: one file, which needs nothing else.

        Raises
        ------
        ValueError
            If it would be larger than 50 MB.
        """
        return page(self)

    def save(self, path: str | Path) -> None:
        """Write the page to a file, which opens in any browser.

        Raises
        ------
        ValueError
            If the file's name has another ending than ``.html``, or the page would be larger than 50 MB.
        """
        must_be_html(path)
        replace_file(path, self.html().encode())

    def _repr_html_(self) -> str:
        return f'<iframe srcdoc="{escape(self.html())}" style="width: 100%; height: 720px; border: 0"></iframe>'

    def __repr__(self) -> str:
        ended = f", which ended with an error: {self.error}" if self.error else ""
        return f"<{len(self.calls)} steps of {self.title}{ended}>"


def must_be_html(path: str | Path) -> None:
    """ValueError if a name ends as that of another kind of file."""
    if (ending := Path(path).suffix).lower() not in ("", ".html", ".htm"):
        raise ValueError(f"{path} ends in {ending}; expected .html, for what is written is a page for a browser")


def page(run: Steps) -> str:
    """The page as text.

    Raises
    ------
    ValueError
        If it would be larger than 50 MB.
    """
    size = run.store.size * BYTES_OF_NUMBER
    if size > MOST_BYTES:
        raise ValueError(
            f"the page would have {size / 10**6:,.0f} MB, more than {MOST_BYTES // 10**6}: show the inside of one "
            "block alone (--block 0), forward alone (--no-backward), or a smaller image"
        )
    hidden = ANSWERS if any(call.words for call in run.calls) else ()
    text = zlib.compress(to_json(_told(run)).encode(), 9)
    data = {"text": {"letters": letters(text), "bytes": len(text)}, "arrays": run.store.packed()}
    parts = {
        "TITLE": escape(f"{run.title}, step by step"),
        "STYLE": _file("page.css"),
        "RUN": json.dumps(data),
        "SCRIPT": '"use strict";\n' + "\n".join(_file(f"{name}.js") for name in SCRIPTS if name not in hidden),
    }
    html = _file("index.html")
    before = ""
    for name, part in parts.items():
        start, html = html.split(name, 1)
        before += start + part
    return before + html


def _file(name: str) -> str:
    return files("minivit.steps").joinpath("web", name).read_text(encoding="utf-8")


def _told(run: Steps) -> dict[str, Any]:
    """All that is no number."""
    functions: dict[str, dict[str, Any]] = {}
    calls = [_call(call, run.calls, functions) for call in run.calls]
    known = _axes_known(calls)
    for call in calls:
        for part in PARTS:
            for array in call[part].values():
                if "axes" not in array and (axes := known.get(_place(array))):
                    array["axes"] = axes
        _name_alike([array for part in PARTS for array in call[part].values()])
    return {
        "calls": calls,
        "functions": functions,
        "pixels": None if run.pixels is None else run.store.add(run.pixels, most=run.pixels.size),
        "grid": run.grid,
        "class_names": list(run.class_names),
        "label": run.label,
        "probabilities": list(run.probabilities),
        "notes": run.notes,
        "error": run.error,
        "raised": run.raised,
        "what_if": run.what_if,
        "field": run.field,
        "digits": DIGITS,
        "about": f"Made by minivit {__version__}.",
    }


def _call(call: Call, calls: list[Call], functions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    function = inspect.unwrap(call.function)
    line = function.__code__.co_firstlineno  # all lambdas have one name
    name = f"{function.__module__}.{function.__qualname__}:{line}"
    if call.about:
        functions[name] = call.about
    elif name not in functions:
        forward = inspect.unwrap(calls[call.partner].function) if call.partner is not None else None
        doc = _doc_of_class(function) if call.kind == "layer" else ""
        functions[name] = explained(function, forward if call.way == "backward" else None, doc=doc)
        if call.way == UPDATE:  # of AdamW the step of Adam, which it leaves to another rule
            names = function.__code__.co_names
            functions[name]["calls"] = [explained(rule) for rule in RULES if rule.__name__ in names]
    told = {key: value for key, value in vars(call).items() if key not in ("function", "about")}
    return told | {"function": name}


def _doc_of_class(method: Any) -> str:
    """What is said of the layer whose method this is, or of its base that has it."""
    kind: Any = vars(sys.modules[method.__module__]).get(method.__qualname__.partition(".")[0])
    return getattr(kind, "__doc__", None) or ""


def _name_alike(arrays: list[dict[str, Any]]) -> None:
    """Arrays of a call without names of axes have those of the first one of their shape: a gradient, those of dy."""
    named = {tuple(array["shape"]): array["axes"] for array in reversed(arrays) if "axes" in array}
    for array in arrays:
        if "axes" not in array and tuple(array["shape"]) in named:
            array["axes"] = named[tuple(array["shape"])]


def _place(array: dict[str, Any]) -> tuple[Any, ...]:
    return array["at"], array["offset"], *array["shape"]


def _axes_known(calls: list[dict[str, Any]]) -> dict[tuple[Any, ...], list[str]]:
    """Names of the axes of arrays, as the first op that says them has them."""
    found: dict[tuple[Any, ...], list[str]] = {}
    for call in calls:
        for part in PARTS:
            for array in call[part].values():
                if "axes" in array:
                    found.setdefault(_place(array), array["axes"])
    return found
