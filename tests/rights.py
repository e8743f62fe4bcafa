"""Tests of what happens to somebody who may not, also where the tests run as root, who may do everything."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other files and rights")


@contextmanager
def as_nobody() -> Iterator[None]:
    """While it lasts, have no rights but those that everybody has."""
    assert sys.platform != "win32"
    am_root = os.geteuid() == 0
    if am_root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if am_root:
            os.seteuid(0)
