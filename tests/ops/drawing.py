"""Draw cases with other lengths."""

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from unittest.mock import patch


@contextmanager
def drawn_with(**functions: Callable) -> Iterator[None]:
    """While it lasts, all cases are drawn with these functions in place of those of ``minivit.check.draw``."""
    modules = [
        module for name, module in sys.modules.items() if name.startswith(("minivit.check.draw", "minivit.check.cases"))
    ]
    with ExitStack() as stack:
        for module in modules:
            for name, function in functions.items():
                if hasattr(module, name):
                    stack.enter_context(patch.object(module, name, function))
        yield
