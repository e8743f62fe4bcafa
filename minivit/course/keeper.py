"""Stands between the check and the child, and ends the child when the check is gone: ``keeper.py COMMAND...``.

The check may be killed at any moment, and then cannot tidy up. So the child is started by this small program, which
runs nothing of the solution, is not held up by it, and watches both. It is run by its path, without minivit.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter

MARK = "MINIVIT_CHECK"  # this variable of the environment tells whose a process is
LOOKS = 100  # in a row that must find nothing
SECONDS = 5.0  # to look, at most


def end_session(leader: int, mark: str) -> None:
    """End the processes of a session, and on Linux those that have left it."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(OSError):
            os.killpg(leader, signal.SIGKILL)  # all at one moment: none of them can start another in between
    end_marked(mark)


def end_marked(mark: str) -> None:
    """End every other process that was started with this mark, whatever session it is in now (Linux).

    A process may start another and end while the list is read. So each is stopped as soon as it is found, and there are
    many quick looks, until a good number of them in a row has found nothing.
    """
    looks: Counter[str] = Counter({str(os.getpid()): 2})
    nothing, until = 0, time.monotonic() + SECONDS
    while nothing < LOOKS and time.monotonic() < until:
        unknown = [
            process for process in processes() if looks[process] < 2
        ]  # one that is starting may have no mark yet
        found = [process for process in unknown if stopped(process, mark)]
        for process in found:
            with contextlib.suppress(OSError):
                os.kill(int(process), signal.SIGKILL)
        looks.update(unknown)
        nothing = 0 if found else nothing + 1


def processes() -> list[str]:
    """The numbers of all processes; none where there is no /proc."""
    try:
        return [name for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []


def stopped(process: str, mark: str) -> bool:
    """Stop a process if it has the mark in its environment, and may be seen at all."""
    try:
        with open(f"/proc/{process}/environ", "rb") as file:
            is_ours = mark.encode() in file.read()
        if is_ours:
            os.kill(int(process), signal.SIGSTOP)
    except OSError:
        return False
    return is_ours


def main() -> None:
    """Start the child and wait for its end, or that of the check."""
    check = os.getppid()
    child = subprocess.Popen(sys.argv[1:])
    while child.returncode is None and os.getppid() == check:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(0.2)
    code = child.returncode
    end_marked(os.environ[MARK])
    if code is None:
        os.killpg(0, signal.SIGKILL)  # this process, too
    else:
        os._exit(code if code >= 0 else 128 - code)  # as shells tell that a signal ended it


if __name__ == "__main__":
    main()
