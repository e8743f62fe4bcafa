"""What the library says as a user meets it: without the checks of every call that the test run adds."""

import subprocess
import sys
from collections.abc import Iterable
from functools import wraps

import jaxtyping


def said(setup: str, calls: Iterable[str]) -> list[str]:
    """Of each call, in one process of their own: the error as ``TypeError: message``, or what it gave."""
    program = f"""{setup}
for call in {list(calls)!r}:
    try:
        print(repr(eval(call)))
    except Exception as error:
        print(f"{{type(error).__name__}}: {{error}}")
"""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def without_annotations(function):
    """The same function, in which calls are not held to their annotations."""

    @wraps(function)
    def free(*args, **options):
        jaxtyping.config.update("jaxtyping_disable", True)
        try:
            return function(*args, **options)
        finally:
            jaxtyping.config.update("jaxtyping_disable", False)

    return free
