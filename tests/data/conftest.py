"""What several tests of data need."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


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
    root, forbidden = os.geteuid() == 0, []

    def take_permissions(path: Path) -> None:
        forbidden.append((path, path.stat().st_mode))
        path.chmod(0)
        if root:
            os.seteuid(65534)

    yield take_permissions
    if root:
        os.seteuid(0)
    for path, mode in forbidden:
        path.chmod(mode)
