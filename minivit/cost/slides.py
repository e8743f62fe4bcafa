"""The numbers of the lectures' slides, one by one, each held against what is computed here."""

from collections import Counter
from html import escape
from typing import Any

from minivit.cost.lectures import attention, hardware, language, models, results
from minivit.cost.lectures.row import UNITS, VERDICTS, Row

HEAD = ("topic", "slide", "computed", "verdict", "from", "why")


class Slides:
    """Table of the numbers: ``rows``, and a text or (in Jupyter) HTML rendering."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows

    def __str__(self) -> str:
        cells = [HEAD, *map(_cells, self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(map(str.ljust, line, widths)).rstrip() for line in cells]
        return "\n".join([*lines, self.summary()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = "".join(f"<th style='text-align:left'>{name}</th>" for name in ("topic", "slide", "computed", "", "why"))
        body = "".join(
            "<tr>" + "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in _short_cells(row)) + "</tr>"
            for row in self.rows
        )
        return f"<table><tr>{head}</tr>{body}</table><p>{self.summary()}</p>"

    def only(self, *verdicts: str) -> "Slides":
        """The numbers of these verdicts. ValueError if there is no such verdict."""
        for name in verdicts:
            if name not in VERDICTS:
                raise ValueError(f"there is no verdict {name!r}; expected {', '.join(VERDICTS)}")
        return Slides([row for row in self.rows if row.verdict in verdicts])

    def summary(self) -> str:
        """How many rows there are of each verdict."""
        found = Counter(row.verdict for row in self.rows)
        return f"{len(self.rows)} rows: " + ", ".join(f"{found[name]} {name}" for name in VERDICTS if found[name])

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Plain data: the fields of each row, by its topic."""
        return {row.topic: row._asdict() for row in self.rows}


def slides() -> Slides:
    """Numbers that the slides of the lectures state, each beside the computed one, its unit sorted out, with a verdict.

    A row holds one number if it is computed, or what belongs together if it is quoted, such as a line of a table. Not
    here: a table of 9 x 14 accuracies of Steiner et al. 2022; widths and heads of the language models, and layers other
    than Transformer-Base's and -Large's; numbers of drawings (the weights "0.71 0.62 0.47", "ImageNet - 1M").

    The verdict is "right", "rounded" (up, down or cut), "wrong unit" (right if read in the unit that is meant),
    "wrong", or "quoted" for what only a measurement or a paper can say: it stands as on the slide. ``print`` it, or end
    a notebook cell with it.
    """
    return Slides([row for topic in (attention, models, language, hardware, results) for row in topic.rows()])


def _cells(row: Row) -> tuple[str, ...]:
    slide = f"{row.printed} {row.unit}".strip()
    return row.topic, slide, _computed(row), row.verdict, row.source, row.why


def _short_cells(row: Row) -> tuple[str, ...]:
    """Without the exact number, and where it is from: what fits on a page."""
    topic, slide, computed, verdict, _, why = _cells(row)
    return topic, slide, computed.partition(" = ")[0], verdict, why


def _computed(row: Row) -> str:
    """In the unit that is meant, and exactly: "768 GiB = 824,633,720,832 bytes"."""
    if row.computed is None or isinstance(row.computed, str):
        return row.computed or ""
    scale, thing = UNITS[row.meant]
    exact = f"{row.computed:,}" if isinstance(row.computed, int) else f"{row.computed:.4g}"
    if scale == 1:
        return f"{exact} {thing}".strip()
    return f"{row.computed / scale:.5g} {row.meant} = {exact} {thing}".strip()
