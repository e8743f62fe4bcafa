"""Every annotation of the package is verified in every call of the whole test run."""

import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from inspect import isfunction
from typing import Any, Self, get_args

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: the tests run in as many processes

import jaxtyping
from beartype import BeartypeConf, beartype
from hypothesis import settings

check_calls = beartype(conf=BeartypeConf(is_pep484_tower=True, violation_type=TypeError))  # an int may be a float


def verified(function):
    """What jaxtyping puts on every function: beartype, which only cannot resolve ``Self`` outside its own classes."""
    return function if function.__annotations__.get("return") is Self else check_calls(function)


def has_shape(hint: Any) -> bool:
    """Whether an annotation says the shape of an array; of a text, that is read later, nobody knows."""
    if isinstance(hint, (list, tuple)):
        return any(map(has_shape, hint))
    return isinstance(hint, str) or hasattr(hint, "dim_str") or has_shape(get_args(hint))


CALL = compile(  # of no file, so that a traceback through it is still one of minivit's
    "def call(*args, **options): return (as_it_is if config.jaxtyping_disable else verified)(*args, **options)",
    "<verified call>",
    "exec",
)
with_shapes = jaxtyping.jaxtyped


def jaxtyped(*, typechecker: Any) -> Callable:
    """What jaxtyping's hook puts on every function and class; without shapes beartype alone is much faster."""

    def decorated(it: Any) -> Any:
        counts = it.__module__.startswith("minivit.cost.")  # who has called it, over jaxtyping's frames, is looked for
        if counts or not isfunction(it) or has_shape([*it.__annotations__.values()]):
            return with_shapes(it, typechecker=typechecker)
        names = {"config": jaxtyping.config, "as_it_is": it, "verified": verified(it)}
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
