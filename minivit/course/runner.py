"""Where a solution runs: in a process of its own (:class:`ChildRunner`), or right here (:class:`InPlaceRunner`)."""

import contextlib
import os
import queue
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import minivit
from minivit.course.call import Outcome, perform
from minivit.course.wire import WireError, pack, receive, send, unpack

CALL_SECONDS = 5.0
START_SECONDS = 60.0  # importing minivit, on a slow disk
KEPT_OUTPUT = 4096  # characters of what the solution prints


class CannotRunError(ValueError):
    """The solution cannot even be loaded."""


class InPlaceRunner:
    """No process, no limits: for a browser, for functions in a notebook, and for code that is trusted."""

    isolated = False
    output = ""

    def __init__(self, module: Any) -> None:
        self.module = module

    def call(
        self, name: str, args: tuple, kwargs: dict[str, Any], repeats: int = 0, given: tuple[str, ...] = ()
    ) -> Outcome:
        """As :func:`perform`; ``given`` are names, ``module:name``."""
        ours = {}
        for module, other in (where.split(":") for where in given):
            ours[other] = getattr(import_module(module), other)
        return perform(self.module, name, args, kwargs, repeats, ours)

    def close(self) -> None:
        """Nothing to do."""


class ChildRunner:
    """One child process for all calls, and a fresh one whenever it dies or does not answer in time.

    Parameters
    ----------
    source, path : str
        Text of the solution, read once (it may delete itself), and where it came from.
    closed : list of str
        ``module:name`` of functions that the solution may not call.
    """

    isolated = True

    def __init__(self, source: str, path: str, closed: list[str], *, seconds: float = CALL_SECONDS) -> None:
        self.seconds = seconds
        self.output = ""
        self._start_message = pack({"source": source, "path": path, "closed": closed})
        self._folder = str(Path(path).parent)
        self._child: subprocess.Popen | None = None
        self._start()

    def call(
        self, name: str, args: tuple, kwargs: dict[str, Any], repeats: int = 0, given: tuple[str, ...] = ()
    ) -> Outcome:
        """As :func:`perform`, in the child; ``given`` are names, ``module:name``."""
        if self._child is None:
            self._start()
        request = {"name": name, "args": args, "kwargs": kwargs, "repeats": repeats, "given": given}
        return self._ask(pack(request), self.seconds)

    def close(self) -> None:
        """End the child and what it has started: its session, and on Linux also what has left it."""
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(child.pid, signal.SIGKILL)
        child.kill()
        child.wait()
        _end_marked(self._mark)
        self._noise.join(1)
        # The two other pipes are left to the threads that read them: while a process that is left holds the far end,
        # to close one would wait for ever. The raw file, because nobody may be there to read what is still buffered.
        stdin: Any = child.stdin
        stdin.raw.close()

    def _start(self) -> None:
        """A new child with the solution loaded, or CannotRunError."""
        self._mark = secrets.token_hex(16)
        self._child = child = subprocess.Popen(
            # -P: a numpy.py in the student's folder must not stand in for NumPy
            [sys.executable, "-P", "-m", "minivit.course.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self._folder if os.path.isdir(self._folder) else tempfile.gettempdir(),  # it may delete its folder
            env=_environment(self._mark),
            start_new_session=True,
        )
        self._answers: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=_forward, args=(child.stdout, self._answers), daemon=True).start()
        self._noise = threading.Thread(target=self._drain, args=(child.stderr,), daemon=True)
        self._noise.start()
        ready = self._ask(None, START_SECONDS)
        loaded = self._ask(self._start_message, self.seconds) if ready.status == "returned" else ready
        if loaded.status != "returned":
            self.close()
            raise CannotRunError(f"the solution cannot be loaded: {loaded.message}")

    def _ask(self, message: bytes | None, seconds: float) -> Outcome:
        """Send, and wait for the answer; a child that gives none is ended."""
        assert self._child
        pipe: Any = self._child.stdin
        try:
            if message is not None:
                send(pipe, message)
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            self.close()
            return Outcome("too slow", f"no answer after {seconds:g} seconds: an endless loop?")
        except OSError:
            answer = None
        if answer is None:
            return self._died()
        try:
            value = unpack(answer)
            return Outcome("returned") if value == "ready" else Outcome(*value)
        except (WireError, TypeError, ValueError):
            self.close()
            return Outcome("died", "the process answered with something that is no answer")

    def _died(self) -> Outcome:
        child = self._child
        assert child
        try:
            code = child.wait(1)
        except subprocess.TimeoutExpired:
            code = None
        self.close()
        if code is not None and code < 0:
            why = {"SIGXCPU": "too much processor time"}.get(name := signal.Signals(-code).name, f"by signal {name}")
        else:
            why = "os._exit, or a crash in compiled code" if code is not None else "it closed its connection"
        return Outcome("died", f"the process ended during the call ({why})")

    def _drain(self, pipe: Any) -> None:
        """Read away what the solution prints, and keep its beginning."""
        with pipe, contextlib.suppress(OSError, ValueError):
            while data := os.read(pipe.fileno(), 2**16):
                if len(self.output) < KEPT_OUTPUT:
                    self.output = (self.output + data.decode(errors="replace"))[:KEPT_OUTPUT]


Runner = ChildRunner | InPlaceRunner
"""Calls the functions of one solution: ``call``, ``close``, ``output``, ``isolated``."""


def _forward(pipe: Any, answers: "queue.Queue[bytes | None]") -> None:
    with pipe, contextlib.suppress(OSError, ValueError):
        while (answer := receive(pipe)) is not None:
            answers.put(answer)
    answers.put(None)


def _end_marked(mark: str) -> None:
    """End every process that was started with this mark in its environment, whatever session it is in now (Linux)."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes():
                os.kill(int(folder.name), signal.SIGKILL)


def _environment(mark: str) -> dict[str, str]:
    """One BLAS thread (each would reserve memory), this very minivit, and a mark to know its processes by."""
    home = str(Path(minivit.__file__).resolve().parent.parent)
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**os.environ, **threads, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "MINIVIT_CHECK": mark}


def processes_exist() -> bool:
    """False in a browser."""
    return sys.platform not in ("emscripten", "wasi")
