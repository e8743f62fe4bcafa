"""Results: printed as rows of tables, row by row as they come, and written to a JSON file that is always complete."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any


class Report:
    """Everything measured so far, with the description of the machine, in a file if a path is given."""

    def __init__(self, path: str | None, machine: dict[str, Any], options: dict[str, Any]) -> None:
        self.path = Path(path) if path else None
        self.content: dict[str, Any] = {"machine": machine, "options": options, "results": []}
        self.write()  # a path that cannot be written is found out now

    def add(self, what: str, **result: Any) -> None:
        """Keep one result and write the file again, so that an interruption loses nothing."""
        self.content["results"].append({"what": what, **result})
        self.write()

    def write(self) -> None:
        """Write the file as a whole or not at all."""
        if self.path:
            temporary = self.path.with_name(f".{self.path.name}.tmp")
            temporary.write_text(json.dumps(self.content, indent=1) + "\n")
            os.replace(temporary, self.path)


class Table:
    """A printed table: a title, notes, and rows under fixed headings; text to the left, numbers to the right."""

    def __init__(self, title: str, notes: Sequence[str], columns: Sequence[tuple[str, int]]) -> None:
        self.widths = [width for _, width in columns]
        print("\n".join(("", title, *notes, "")))
        self.row(*(heading for heading, _ in columns))
        print("  ".join("-" * abs(width) for width in self.widths))

    def row(self, *cells: Any) -> None:
        """Print one row; a negative width is that of a column of text."""
        texts = (f"{cell:<{-w}}" if w < 0 else f"{cell:>{w}}" for cell, w in zip(cells, self.widths, strict=False))
        print("  ".join(texts).rstrip(), flush=True)


def in_seconds(seconds: float) -> str:
    """A time with a unit that suits it."""
    factor, unit = (1, "s") if seconds >= 1 else (1e3, "ms") if seconds >= 1e-3 else (1e6, "us")
    value = seconds * factor
    return f"{value:.{0 if value >= 100 else 1 if value >= 10 else 2}f} {unit}"
