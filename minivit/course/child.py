"""The process in which a student's functions run: ``python -m minivit.course.child``.

It answers questions that come on what was its standard input with what was its standard output. It is told arguments
and returns results; what is right it never knows. Of our functions it has none that is still asked of the solution.
"""

import inspect
import os
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import minivit
from minivit.course.call import Outcome, load_source, perform, shut, text_of_error
from minivit.course.wire import WireError, find_in_minivit, pack, receive, send, unpack

MEMORY = 2 * 2**30  # bytes of address space
CPU_SECONDS = 300
LARGEST_FILE = 64 * 2**20
PATHS = {"open": 1, "os.link": 2, "os.remove": 1, "os.rename": 2, "os.symlink": 2, "os.truncate": 1}
"""Events of Python that begin with so many paths."""
STARTING = {
    *("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system"),
    *("_winapi.CreateProcess", "pty.spawn", "subprocess.Popen"),
}
UNHEARD = {"_posixsubprocess": "fork_exec", "subprocess": "_fork_exec"}  # start a process and tell no event


def main() -> None:
    """Serve until the parent closes the pipe."""
    questions = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # input() finds nothing
    os.dup2(2, 1)  # print() goes where it cannot be taken for an answer
    limit_resources()
    module: Any = None

    def find_class(name: str) -> type | None:
        return getattr(module, name, None) or find_in_minivit(name)

    while (message := receive(questions)) is not None:
        number, data = message
        try:
            question = unpack(data, find_class)
        except WireError as error:
            outcome = Outcome("raised", str(error))
        else:
            if question is None:
                outcome = Outcome("returned")
            elif "source" in question:
                outcome, module = load(**question)
            else:
                outcome = perform(module, **question | {"given": functions(question["given"])})
        send(answers, number, packed(outcome))


def packed(outcome: Outcome) -> bytes:
    """An answer, or a message where it cannot be sent: too large, or an object that fails when it is looked at."""
    try:
        return pack(tuple(outcome))
    except Exception as error:
        return pack(tuple(Outcome("raised", f"what it returned cannot be handed over: {text_of_error(error)}")))


def load(source: str, path: str, closed: list[str]) -> tuple[Outcome, Any]:
    """Close the answers, then run the text of the solution."""
    import subprocess  # noqa: F401  (so that it is there to be closed)

    import scipy.special  # noqa: F401  (before files of the package are closed; erf needs it)

    for where in closed:
        close(where)
    for module, name in UNHEARD.items():
        if hasattr(sys.modules.get(module), name):
            setattr(sys.modules[module], name, start_nothing)
    sys.addaudithook(refuse)
    sys.path.append(str(Path(path).parent))
    try:
        return Outcome("returned"), load_source(source, path)
    except SystemExit:
        return Outcome("raised", "it calls sys.exit() while it is imported"), None
    except SyntaxError as error:
        return Outcome("raised", "".join(traceback.format_exception_only(error)).strip()), None
    except Exception:
        kept = traceback.format_exc(limit=-1, chain=False)
        return Outcome("raised", kept.removeprefix("Traceback (most recent call last):\n").strip()), None


def functions(texts: dict[str, str]) -> dict[str, Callable]:
    """Functions of minivit from their texts, given as ``{"module:name": text}``. They call each other."""
    modules = dict.fromkeys(where.partition(":")[0] for where in texts)
    names = {module: dict(vars(import_module(module))) for module in modules}
    for where, text in texts.items():
        exec(text, names[where.partition(":")[0]])
    found = {name: names[module][name] for module, _, name in (where.partition(":") for where in texts)}
    for table in names.values():  # they call each other, also from one file to another
        table.update({name: function for name, function in found.items() if name in table})
    return found


def close(where: str) -> None:
    """Make a function of minivit refuse to work, under whatever name the solution may have got hold of it."""
    module_name, _, path = where.partition(":")
    function: Any = import_module(module_name)
    for part in path.split("."):
        function = getattr(function, part)
    function = inspect.unwrap(function)  # a decorator calls it in the end
    shut(function, f"this is minivit's own {path}: it is closed during the check, the answer is in it")


PACKAGE = os.path.realpath(os.path.dirname(minivit.__file__))
BESIDE = os.path.dirname(PACKAGE)
BYTECODE = os.path.realpath(os.path.dirname(cache_from_source(minivit.__file__)))
CLOSED = tuple(
    path + os.sep
    for path in (PACKAGE, BYTECODE, os.path.join(BESIDE, "docs", "answers"), os.path.join(BESIDE, "build", "site"))
)
"""The package, and its bytecode, which may lie elsewhere (PYTHONPYCACHEPREFIX); where this is a copy of the repository,
the pages with answers and the built site, too."""


def start_nothing(*args: Any) -> None:
    """In place of what starts a process."""
    raise PermissionError("during the check a solution starts no other process")


def refuse(event: str, arguments: tuple) -> None:
    """Hear what Python is about to do; refuse to open or change a file of the package, and to start a process."""
    if event in STARTING:
        start_nothing()
    for name in arguments[: PATHS.get(event, 0)]:
        if not isinstance(name, (str, bytes, os.PathLike)):
            continue
        path = os.path.realpath(os.fsdecode(name))
        # nor a folder around them: with it open, a file can be named from there
        if path.startswith(CLOSED) or any(closed.startswith(path.rstrip(os.sep) + os.sep) for closed in CLOSED):
            raise PermissionError("the files of minivit are closed during the check: the answer is in them")


def limit_resources() -> None:
    """Memory, processor time, size of files, where the system has such limits."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = ((resource.RLIMIT_AS, MEMORY), (resource.RLIMIT_CPU, CPU_SECONDS), (resource.RLIMIT_FSIZE, LARGEST_FILE))
    for which, limit in (*limits, (resource.RLIMIT_CORE, 0)):
        try:
            resource.setrlimit(which, (limit, limit))
        except (ValueError, OSError):  # macOS refuses some
            continue


if __name__ == "__main__":
    main()
