"""Times: alternating pairs, the spread of their ratios, and fresh processes. Nothing heavy is imported here."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Times = dict[str, list[float]]
"""Seconds of every run by side, "minivit" and "peer"; the runs at one place of the two lists are a pair."""


CHILD = [sys.executable, str(Path(__file__).with_name("child.py"))]


class Skip(Exception):  # noqa: N818 (nothing is wrong)
    """This cannot be measured here; the message says why."""


class ChildError(Exception):
    """A fresh process did not do what it was asked for."""


def seconds(work: Callable[[], Any]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def alternate(ours: Callable[[], float], theirs: Callable[[], float], pairs: int) -> Times:
    """Run both sides in turn and keep every time that they return, so a machine that slows down slows both.

    Every other pair begins with the other side. The pause lets the threads of one side, which spin for a while when
    they have nothing to do, go to sleep before the other is timed.
    """
    times: Times = {"minivit": [], "peer": []}
    for i in range(pairs):
        sides = [("minivit", ours), ("peer", theirs)]
        for name, timed in sides if i % 2 == 0 else reversed(sides):
            time.sleep(0.01)
            times[name].append(timed())
    return times


def spread(values: Sequence[float]) -> tuple[float, float, float]:
    """10 %, median and 90 %."""
    import numpy as np

    low, median, high = np.percentile(values, (10, 50, 90)).tolist()
    return low, median, high


def speed_ratios(times: Times) -> list[float]:
    """Throughput of minivit divided by that of its peer, pair by pair: above 1, minivit is faster."""
    return [theirs / ours for ours, theirs in zip(times["minivit"], times["peer"], strict=True)]


class Worker:
    """A fresh process that makes a function and calls it whenever it is asked, giving the seconds of each call.

    The process is asked for what :func:`in_child` would ask; the result stays there, and must be a function without
    arguments. It is called three times to warm up.
    """

    def __init__(self, function: str, **arguments: Any) -> None:
        request = {"function": function, "cores": None, "arguments": arguments, "repeat": True}
        self.process = subprocess.Popen(CHILD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._ask(json.dumps(request))

    def __call__(self) -> float:
        return float(self._ask("again"))

    def _ask(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.process.communicate()
            raise ChildError(f"a process that was to be timed ended with exit code {self.process.returncode}")
        return answer

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()


def in_child(function: str, *, cores: int | None = None, **arguments: Any) -> Any:
    """Call ``"module.function"`` of this folder in a fresh process; arguments and result travel as JSON.

    Parameters
    ----------
    cores : int, optional
        How many processors the process may use; all if not given. Libraries without a setting for threads obey this.

    Raises
    ------
    Skip
        If the function raised it.
    ChildError
        If the process failed; the message is what it wrote.
    """
    request = json.dumps({"function": function, "cores": cores, "arguments": arguments})
    done = subprocess.run(CHILD, input=request, capture_output=True, text=True, check=False)
    if done.returncode:
        killed = f"killed by signal {-done.returncode} (out of memory?)"
        raise ChildError(killed if done.returncode < 0 else done.stderr.strip())
    answer = json.loads(done.stdout.splitlines()[-1])
    if "skip" in answer:
        raise Skip(answer["skip"])
    return answer["result"]
