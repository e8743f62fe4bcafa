"""Annotations of the package are not verified while exercises are judged: every step is counted there."""

import inspect
from pathlib import Path

import jaxtyping
import pytest

import tests.conftest
from minivit.course import steps
from minivit.course.steps import Counter, Seen

for kind, name in ((Counter, "__call__"), (Seen, "__array_finalize__")):
    setattr(kind, name, inspect.unwrap(getattr(kind, name)))
steps.SKIPPED = (*steps.SKIPPED, str(Path(jaxtyping.__file__).parent), tests.conftest.CALL.co_filename)


@pytest.fixture(autouse=True)
def _annotations_are_not_verified():
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
