"""The process in which a solution runs, as the check sees it: start it, ask it, end it."""

import contextlib
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import minivit
from minivit.course import keeper, wire
from minivit.course.call import Outcome

KEPT_OUTPUT = 4096  # characters of what the solution prints


class Child:
    """A process that answers questions. It is ended as soon as an answer is late, or is none.

    Parameters
    ----------
    folder : str
        Where it works.
    """

    def __init__(self, folder: str) -> None:
        self.output = ""
        self.ended = False
        self._mark = secrets.token_hex(16)
        command = [sys.executable, "-P", "-m", "minivit.course.child"]  # -P: numpy.py in the folder must not be NumPy
        if hasattr(os, "killpg"):  # elsewhere, to end the keeper would not end the child
            command = [sys.executable, "-P", "-S", keeper.__file__, *command]
        self._process = subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=folder if os.path.isdir(folder) else tempfile.gettempdir(),  # the solution may delete its folder
            env=_environment(self._mark),
            start_new_session=True,
        )
        self._asking: threading.Thread | None = None
        self._noise = threading.Thread(target=self._drain, args=(self._process.stderr,), daemon=True)
        self._noise.start()

    def ask(self, question: bytes, seconds: float) -> Outcome:
        """Send a question and wait for the answer, so many seconds for both.

        Another thread writes and reads, because there is no other way to stop doing so that all systems have.
        """
        answers: queue.Queue[Outcome] = queue.Queue(1)
        self._asking = threading.Thread(target=lambda: answers.put(self._exchange(question)), daemon=True)
        self._asking.start()
        try:
            outcome = answers.get(timeout=seconds)
        except queue.Empty:
            outcome = Outcome("too slow", f"no answer after {seconds:g} seconds: an endless loop, or too many rounds?")
        if outcome.status in ("too slow", "died"):
            self.end()
        return outcome

    def end(self) -> None:
        """End the process and all that it has started."""
        if self.ended:
            return
        self.ended = True
        keeper.end_session(self._process.pid, self._mark)
        self._process.kill()
        self._process.wait()
        for thread in (self._noise, self._asking):
            if thread:
                thread.join(1)  # done at once, unless a process is left that holds the far ends
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()

    def _exchange(self, question: bytes) -> Outcome:
        try:
            return wire.read_outcome(wire.ask(self._process.stdin, self._process.stdout, question))
        except wire.WireError:
            return Outcome("died", "the process answered with something that is no answer")
        except (OSError, EOFError, ValueError):
            return Outcome("died", f"the process ended during the call ({self._cause()})")

    def _cause(self) -> str:
        """Why it ended. The keeper tells a signal as shells do: 128 and its number."""
        try:
            code = self._process.wait(1)
        except subprocess.TimeoutExpired:
            return "it closed its connection"
        with contextlib.suppress(ValueError):
            name = signal.Signals(-code if code < 0 else code - 128).name
            return "too much processor time" if name == "SIGXCPU" else f"by signal {name}"
        return "os._exit, or a crash in compiled code"

    def _drain(self, pipe: Any) -> None:
        """Read away what the solution prints, and keep its beginning."""
        with pipe, contextlib.suppress(OSError, ValueError):
            while data := os.read(pipe.fileno(), 2**16):
                if len(self.output) < KEPT_OUTPUT:
                    self.output = (self.output + data.decode(errors="replace"))[:KEPT_OUTPUT]


def _environment(mark: str) -> dict[str, str]:
    """One BLAS thread (each would reserve memory), this very minivit, and a mark to know its processes by."""
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**this_minivit(), **threads, "PYTHONDONTWRITEBYTECODE": "1", keeper.MARK: mark}


def this_minivit() -> dict[str, str]:
    """The environment, in which Python finds this very minivit (with ``-P`` wherever it runs)."""
    home = str(Path(minivit.__file__).resolve().parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))}


def processes_exist() -> bool:
    """False in a browser."""
    return sys.platform not in ("emscripten", "wasi")
