"""Check many solutions, some at a time, each by a ``minivit course check`` of its own.

So one that ends the process that checks it, or fills its memory, costs nobody else anything.
"""

import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from minivit.course.process import this_minivit
from minivit.course.submissions import Solution
from minivit.json_text import from_json
from minivit.train.interrupt import InterruptFlag

LONGEST = 900.0  # seconds for one solution: each call has a limit of its own, but there are hundreds
PAUSE = 0.02  # seconds between two looks at who is done


class Verdict(NamedTuple):
    """How a check went: ``checked`` with a report, or why there is none."""

    state: str
    message: str = ""
    report: dict[str, Any] | None = None


class Running:
    """A check that runs on a copy, so that nothing of what was handed in is changed.

    Parameters
    ----------
    solution : Solution
    options : sequence of str
        Of ``minivit course check``.
    """

    def __init__(self, solution: Solution, options: Sequence[str]) -> None:
        self._copy, self._answer = (TemporaryDirectory(ignore_cleanup_errors=True) for _ in range(2))
        self._folder = os.path.realpath(self._copy.name)
        for name, content in {**solution.beside, solution.name: solution.content}.items():
            Path(self._folder, name).write_bytes(content)
        self._report, self._said = (Path(self._answer.name, name) for name in ("report.json", "said"))
        # -P: nothing that lies in the current folder, such as somebody's numpy.py, is taken for a module
        command = [sys.executable, "-P", "-m", "minivit", "course", "check", os.path.join(self._folder, solution.name)]
        with self._said.open("wb") as said:
            self._process = subprocess.Popen(
                [*command, "--json", str(self._report), *options],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                env={**this_minivit(), "PYTHONIOENCODING": "utf-8"},
                start_new_session=True,  # Ctrl-C is for whoever waits for it
            )
        self._until = time.monotonic() + LONGEST

    def verdict(self) -> Verdict | None:
        """How it went; None as long as it runs."""
        code = self._process.poll()
        if code is None:
            late = time.monotonic() > self._until
            return Verdict("no result", f"ended after {LONGEST / 60:g} minutes") if late else None
        if code == 2:
            said = self._said.read_text(encoding="utf-8", errors="replace").strip()
            said = said.removeprefix("minivit: ").replace(r"\n", " ")  # there a new line is an escape
            return Verdict("cannot run", said.replace(self._folder + os.sep, ""))
        with suppress(OSError, ValueError):
            return Verdict("checked", "", from_json(self._report.read_text(encoding="utf-8")))
        return Verdict("no result", f"the check was ended (exit code {code})")

    def end(self) -> None:
        """End it, and remove the copy."""
        self._process.kill()
        self._process.wait()
        self._copy.cleanup()
        self._answer.cleanup()


def check_all(
    solutions: Sequence[Solution], options: Sequence[str], jobs: int
) -> Generator[tuple[int, Verdict], None, None]:
    """The number of each solution with its verdict, as soon as it is known. To close the generator ends what runs.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl-C, a polite kill or a closed terminal; not in the middle of starting a process.
    """
    waiting = deque(enumerate(solutions))
    running: dict[int, Running] = {}
    with InterruptFlag() as interrupt:
        try:
            while (waiting or running) and not interrupt.seen:
                while waiting and len(running) < jobs:
                    number, solution = waiting.popleft()
                    running[number] = Running(solution, options)
                for number, check in list(running.items()):
                    if verdict := check.verdict():
                        running.pop(number).end()
                        yield number, verdict
                time.sleep(PAUSE)
        finally:
            for check in running.values():
                check.end()
        if interrupt.seen:
            raise KeyboardInterrupt
