"""The process in which a student's functions run: ``python -m minivit.course.child``.

It answers requests that come on what was its standard input with what was its standard output. It is told arguments
and returns results; what is right it never knows.
"""

import linecache
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FunctionType
from typing import Any

import minivit
from minivit.course.call import Outcome, load_source, perform
from minivit.course.wire import LARGEST_MESSAGE, find_in_minivit, pack, receive, send, unpack

MEMORY = 2 * 2**30  # bytes of address space
CPU_SECONDS = 300
LARGEST_FILE = 64 * 2**20


def main() -> None:
    """Serve until the parent closes the pipe."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)  # input() finds nothing
    os.dup2(2, 1)  # print() goes where it cannot be taken for an answer
    limit_resources()
    send(answers, pack("ready"))

    module: Any = None
    ours: dict[str, Callable] = {}

    def find_class(name: str) -> type | None:
        return getattr(module, name, None) or find_in_minivit(name)

    while (data := receive(requests)) is not None:
        try:
            request = unpack(data, find_class)
        except ValueError as error:
            outcome = Outcome("raised", str(error))
        else:
            if "source" in request:
                ours = copies(request["closed"])
                outcome, module = load(**request)
            else:
                given = {name: ours[name] for name in (where.partition(":")[2] for where in request.pop("given"))}
                outcome = perform(module, **request, given=given)
        send(answers, shorten(pack(tuple(outcome))))


def load(source: str, path: str, closed: list[str]) -> tuple[Outcome, Any]:
    """Close the answers, then run the text of the solution."""
    import scipy.special  # noqa: F401  (before files of the package are closed; erf needs it)

    for name in closed:
        close(name)
    close_sources()
    sys.path.append(str(Path(path).parent))
    linecache.cache[path] = (len(source), None, source.splitlines(keepends=True), path)
    try:
        return Outcome("returned"), load_source(source, path)
    except SystemExit:
        return Outcome("raised", "it calls sys.exit() while it is imported"), None
    except SyntaxError as error:
        return Outcome("raised", "".join(traceback.format_exception_only(error)).strip()), None
    except Exception:
        kept = traceback.format_exc(limit=-1, chain=False)
        return Outcome("raised", kept.removeprefix("Traceback (most recent call last):\n").strip()[:1500]), None


def copies(names: list[str]) -> dict[str, Callable]:
    """Functions of minivit as they are before they are closed, by name. They call each other's copies."""
    found = [where.split(":") for where in names if "." not in where.partition(":")[2]]
    scopes = {module: dict(vars(sys.modules[module])) for module, _ in found}
    out: dict[str, Callable] = {}
    for module, name in found:
        old: Any = scopes[module][name]
        out[name] = FunctionType(old.__code__, scopes[module], name, old.__defaults__, old.__closure__)
        out[name].__kwdefaults__ = old.__kwdefaults__
        scopes[module][name] = out[name]
    return out


def close(name: str) -> None:
    """Make a function of minivit refuse to work, under whatever name the solution may have got hold of it."""
    module_name, _, path = name.partition(":")
    function: Any = sys.modules[module_name]
    for part in path.split("."):
        function = getattr(function, part)
    text = f"this is minivit's own {path}: it is closed during the check, the answer is in it"
    namespace: dict[str, Any] = {}
    exec(f"def refuse(*args, **kwargs): raise PermissionError({text!r})", namespace)
    function.__code__ = namespace["refuse"].__code__


def close_sources() -> None:
    """From now on no file of the package can be opened here."""
    package = str(Path(minivit.__file__).resolve().parent)

    def refuse(event: str, arguments: tuple) -> None:
        if event != "open" or not isinstance(arguments[0], (str, bytes)):
            return
        if os.path.realpath(os.fsdecode(arguments[0])).startswith(package + os.sep):
            raise PermissionError("the files of minivit are closed during the check: the answer is in them")

    sys.addaudithook(refuse)


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


def shorten(data: bytes) -> bytes:
    """An answer that is too large to be sent is replaced by a message."""
    if len(data) <= LARGEST_MESSAGE:
        return data
    return pack(tuple(Outcome("raised", f"it returned {len(data):,} bytes, far more than was asked for")))


if __name__ == "__main__":
    main()
