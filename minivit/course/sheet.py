"""A list of grades for spreadsheets: a row for each student and exercise, written as a whole or not at all."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from minivit.files import must_be_file, replace_file
from minivit.terminal import one_line, shortened

ENCODING = "utf-8-sig"  # the mark at the beginning tells a spreadsheet how to read names
BEFORE = ("student", "id", "exercise", "state", "passed", "total")
BEHIND = ("isolated", "message", "file", "check")
LONGEST = 500  # characters of a cell

Row = dict[str, str]
Key = tuple[str, str, str]


def header(functions: Sequence[str]) -> list[str]:
    """The names of all columns, between which stand those of the functions."""
    return [*BEFORE, *functions, *BEHIND]


def key_of(row: Row) -> Key:
    """Whose row it is, and of what."""
    return row["student"], row["id"], row["exercise"]


def cell(value: Any) -> str:
    """A value as text on one line. No spreadsheet takes it for a formula, which could send the others away.

    See https://owasp.org/www-community/attacks/CSV_Injection.
    """
    text = shortened(one_line(str(value)), LONGEST)
    return f"'{text}" if text.lstrip()[:1] in tuple("=+-@") else text


def read_sheet(path: str | Path, functions: Sequence[str]) -> dict[Key, Row]:
    """The rows of a list with these columns for functions; none if there is no file.

    Raises
    ------
    ValueError
        If it is anything else, which must not be written over.
    OSError
        If it cannot be read.
    """
    try:
        must_be_file(path)
    except FileNotFoundError:
        return {}
    try:
        with open(path, encoding=ENCODING, newline="") as file:
            names, *lines = csv.reader(file, strict=True)
            if names != header(functions):
                raise ValueError(names)
            rows = [dict(zip(names, line, strict=True)) for line in lines]
    except (ValueError, csv.Error):
        raise ValueError(f"{path} is no list of grades with these exercises and checks; choose another file") from None
    return {key_of(row): row for row in rows}


def write_sheet(path: str | Path, functions: Sequence[str], rows: Iterable[Row]) -> None:
    """Write all rows in the order in which they come; what a row does not have stays empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, header(functions))
    writer.writeheader()
    writer.writerows(rows)
    replace_file(path, text.getvalue().encode(ENCODING))
