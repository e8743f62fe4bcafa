"""Every annotation of the package is verified in the whole test run, in the first calls of each test."""

import os
import signal
import sys
from collections.abc import Callable
from functools import partial, wraps
from inspect import isfunction
from types import SimpleNamespace
from typing import Any, Self, get_args

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: the tests run in as many processes

import jaxtyping
from beartype import BeartypeConf, beartype
from hypothesis import settings

from tests.browser import browser  # noqa: F401 (a fixture)
from tests.sampled import pytest_addoption, pytest_collection_modifyitems  # noqa: F401 (hooks of pytest's)

check_calls = beartype(conf=BeartypeConf(is_pep484_tower=True, violation_type=TypeError))  # an int may be a float


def verified(function):
    """What jaxtyping puts on every function: beartype, which only cannot resolve ``Self`` outside its own classes."""
    return function if function.__annotations__.get("return") is Self else check_calls(function)


def has_shape(hint: Any) -> bool:
    """Whether an annotation says the shape of an array; of a text, that is read later, nobody knows."""
    if isinstance(hint, (list, tuple)):
        return any(map(has_shape, hint))
    return isinstance(hint, str) or hasattr(hint, "dim_str") or has_shape(get_args(hint))


MOST_VERIFIED = 3  # calls of a function in a test: a numerical derivative makes thousands alike, at twice the time
now = SimpleNamespace(test=None)  # the name of the test that runs


def pytest_runtest_setup(item: Any) -> None:
    now.test = item.nodeid  # a test that is kept itself may hold layers, which nothing may hide


CALL = compile(  # of no file, so that a traceback through it is still one of minivit's
    """
def call(*args, **options):
    global test, left, held
    if test is not now.test:
        test, left = now.test, most
    if left and not config.jaxtyping_disable:
        left -= 1
        held = held or hold(function)  # not before it is called: most tests call few functions
        return held(*args, **options)
    return function(*args, **options)
""",
    "<verified call>",
    "exec",
)
with_shapes = jaxtyping.jaxtyped


def hold(function: Callable, typechecker: Any) -> Callable:
    """The function, held to its annotations; without shapes beartype alone is much faster."""
    shaped = has_shape([*function.__annotations__.values()])
    return with_shapes(function, typechecker=typechecker) if shaped else verified(function)


def jaxtyped(*, typechecker: Any) -> Callable:
    """What jaxtyping's hook puts on every function and class."""

    def decorated(it: Any) -> Any:
        if not isfunction(it):
            return with_shapes(it, typechecker=typechecker)
        names = {"function": it, "held": None, "hold": partial(hold, typechecker=typechecker), "now": now}
        names |= {"test": None, "left": MOST_VERIFIED, "most": MOST_VERIFIED}
        names |= {"config": jaxtyping.config, "__name__": "jaxtyping.call"}  # a frame that is nobody's
        exec(CALL, names)
        return wraps(it)(names["call"])

    return decorated


jaxtyping.jaxtyped = jaxtyped
jaxtyping.install_import_hook("minivit", "tests.conftest.verified")  # conftest runs before anything imports minivit

settings.register_profile("dev", max_examples=5, deadline=None)
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

sys.warnoptions.append("error")  # as `python -W error` does: the command line leaves warnings to whoever asks for them

# Under nohup, or in the background of a script, signals are ignored; here they are heard, as at a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
for name in {"SIGTERM", "SIGHUP"} & signal.Signals.__members__.keys():
    signal.signal(signal.Signals[name], signal.SIG_DFL)
