"""Every shape annotation of the package is verified in every call of the whole test run."""

import os
import signal
import sys
from typing import Self

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy is imported: the tests run in as many processes

from beartype import BeartypeConf, beartype
from hypothesis import settings
from jaxtyping import install_import_hook

check_calls = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int may stand for a float


def verified(function):
    """What jaxtyping puts on every function: beartype, which only cannot resolve ``Self`` outside its own classes."""
    return function if function.__annotations__.get("return") is Self else check_calls(function)


install_import_hook("minivit", "tests.conftest.verified")  # conftest runs before anything imports minivit

settings.register_profile("dev", max_examples=10, deadline=None)
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("thorough", max_examples=500, deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "dev")

sys.warnoptions.append("error")  # as `python -W error` does: the command line leaves warnings to whoever asks for them

# Under nohup, or in the background of a script, signals are ignored; here they are heard, as at a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
for name in {"SIGTERM", "SIGHUP"} & signal.Signals.__members__.keys():
    signal.signal(signal.Signals[name], signal.SIG_DFL)
