"""How much memory is free: of a machine, and of the control groups around a process."""

import sys
from pathlib import Path

import pytest

from minivit.memory import free_memory
from tests.test_processors import write

MACHINE = "MemTotal:       16000000 kB\nMemFree:         100 kB\nMemAvailable:    1000 kB\n"


@pytest.mark.skipif(sys.platform != "linux", reason="files of Linux")
@pytest.mark.parametrize(
    ("machine", "groups", "files", "expected"),
    [
        (MACHINE, "0::/\n", {}, 1024_000),
        (MACHINE, "0::/\n", {"memory.max": "max\n", "memory.current": "5\n"}, 1024_000),
        (MACHINE, "0::/a\n", {"a/memory.max": "5000\n", "a/memory.current": "2000\n"}, 3000),
        (MACHINE, "0::/a\n", {"memory.max": "5000\n", "memory.current": "7000\n"}, 0),
        (
            MACHINE,
            "4:memory:/x\n0::/\n",
            {"memory/x/memory.limit_in_bytes": "900\n", "memory/x/memory.usage_in_bytes": "200\n"},
            700,
        ),
        (None, "0::/\n", {}, None),
        ("nonsense", "0::/\n", {}, None),
    ],
)
def test_what_is_free(
    tmp_path: Path, machine: str | None, groups: str, files: dict[str, str], expected: int | None
) -> None:
    if machine is not None:
        write(tmp_path / "proc/meminfo", machine)
    write(tmp_path / "proc/self/cgroup", groups)
    for name, text in files.items():
        write(tmp_path / "sys/fs/cgroup" / name, text)
    assert free_memory(tmp_path) == expected


def test_this_machine() -> None:
    free = free_memory()
    assert free is None or free > 2**20
