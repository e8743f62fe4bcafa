"""Annotations of the package are not verified while its code runs on arrays without numbers: that looks at numbers."""

import jaxtyping
import pytest


@pytest.fixture(autouse=True)
def _annotations_are_not_verified():
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
