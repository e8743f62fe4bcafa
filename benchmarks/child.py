"""The other end of :func:`measure.in_child`: read one call from stdin, make it, write its result to stdout."""

import json
import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

from measure import Skip, seconds


def main() -> None:
    request = json.loads(sys.stdin.readline())
    try:
        if request["cores"] is not None:  # before any import: libraries count the processors when they are loaded
            use_cores(request["cores"])
        module, function = request["function"].split(".")
        result = getattr(import_module(module), function)(**request["arguments"])
        if request.get("repeat"):
            repeat(result)
            return
        answer = {"result": result}
    except Skip as reason:
        answer = {"skip": str(reason)}
    print()  # ends whatever a library has left on the line
    print(json.dumps(answer))


def repeat(work: Callable[[], Any]) -> None:
    """Warm up, then call once for every line that comes in, and write how long it took."""
    for _ in range(3):
        work()
    print("ready", flush=True)
    for _ in sys.stdin:
        print(seconds(work), flush=True)


def use_cores(count: int) -> None:
    """Let this process use only so many of the processors that it may use."""
    if not hasattr(os, "sched_setaffinity"):
        raise Skip("this system cannot limit a process to some of its cores")
    available = sorted(os.sched_getaffinity(0))
    if count > len(available):
        raise Skip(f"{count} threads need {count} cores; there are {len(available)}")
    os.sched_setaffinity(0, available[:count])


if __name__ == "__main__":
    main()
