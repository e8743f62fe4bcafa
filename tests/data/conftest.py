"""What several tests of data need."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.rights import as_nobody


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike ``tmp_path``."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def forbid() -> Iterator[Callable[[Path], None]]:
    """Take all permissions from a path of ``public_folder``; root, whom nothing is forbidden, is then somebody else."""
    if not hasattr(os, "geteuid"):
        pytest.skip("Windows has other permissions")
    with ExitStack() as afterwards:

        def take_permissions(path: Path) -> None:
            afterwards.callback(path.chmod, path.stat().st_mode)
            path.chmod(0)
            afterwards.enter_context(as_nobody())

        yield take_permissions
