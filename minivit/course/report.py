"""The outcome of a check of a solution: for people on a terminal or in a notebook, and for programs as JSON."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import escape
from typing import Any

from minivit.course.checks import Result

MARKS = {"passed": "ok  ", "failed": "NO  ", "not implemented": "... ", "skipped": " -  "}


@dataclass
class Report:
    """Results in order. ``isolated`` says whether the solution ran in a process of its own.

    ``wrong`` is the first check in which numbers were wrong, with the numbers; if there is none, the first in which an
    error came in place of numbers.
    """

    exercise: str
    isolated: bool
    results: list[Result] = field(default_factory=list)
    output: str = ""
    wrong: Result | None = None

    def add(self, results: Iterable[Result]) -> None:
        """Note results as they come; of the numbers that were compared, only those of ``wrong`` are kept."""
        for result in results:
            found, before = result.compared, self.wrong and self.wrong.compared
            if found and ((found.wrong and not (before and before.wrong)) or (found.raised and not before)):
                self.wrong = result
            self.results.append(result._replace(compared=None))

    @property
    def passed(self) -> int:
        """Number of checks passed."""
        return sum(result.status == "passed" for result in self.results)

    @property
    def ok(self) -> bool:
        """Whether all passed, and there were any."""
        return bool(self.results) and self.passed == len(self.results)

    def of(self, task: str) -> list[Result]:
        """Results of one function."""
        return [result for result in self.results if result.task == task]

    def __str__(self) -> str:
        lines = []
        for task in dict.fromkeys(result.task for result in self.results):
            results = self.of(task)
            done = sum(result.status == "passed" for result in results)
            if all(result.status == "not implemented" for result in results):
                lines.append(f"{task}: not implemented (0 of {len(results)})")
                lines += [f"      {results[0].message}"] * ("write this" not in results[0].message)
                continue
            lines.append(f"{task}: {done} of {len(results)}")
            said: dict[str, str] = {}
            lines += [_line(result, said) for result in results if result.status != "skipped"]
        if self.output.strip():
            lines += ["what the solution printed:", *(f"    {line}" for line in self.output.splitlines()[:10])]
        if not self.isolated:
            lines.append("(run in place: no limits of time and memory, and nothing keeps the solution apart)")
        lines.append(f"{self.exercise}: {self.passed} of {len(self.results)} checks passed")
        return "".join(c if c.isprintable() or c == "\n" else "?" for c in "\n".join(lines))  # no escape sequences

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    def as_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "exercise": self.exercise,
            "isolated": self.isolated,
            "passed": self.passed,
            "total": len(self.results),
            "checks": [
                {"function": r.task, "check": r.check, "status": r.status, "message": r.message} for r in self.results
            ],
            "output": self.output,
        }


def _line(result: Result, said: dict[str, str]) -> str:
    """One check. What has been said of this function already, with other numbers perhaps, is not said again."""
    if result.status == "passed":
        note = f"  ({result.message})" if result.message else ""
        return f"  {MARKS['passed']}{result.check}{note}"
    first = result.message.partition("\n")[0]
    what = re.sub(r"\d+", "0", first) if re.match(r"\w+Error: ", first) else first
    if what in said:
        return f"  {MARKS[result.status]}{result.check}: the same as under {said[what]!r}"
    said[what] = result.check
    message = result.message.replace("\n", "\n      ")
    return f"  {MARKS[result.status]}{result.check}\n      {message}"
