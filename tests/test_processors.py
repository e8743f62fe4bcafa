"""Processors of a container: fake control groups, as Docker, Kubernetes, Slurm and systemd make them."""

import os
import sys
from pathlib import Path

import pytest

from minivit.processors import available_processors, container_limits


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def limits(root: Path, proc: str, files: dict[str, str]) -> list[float]:
    """What is found where /proc/self/cgroup says this and these files are in /sys/fs/cgroup."""
    write(root / "proc/self/cgroup", proc)
    for name, text in files.items():
        write(root / "sys/fs/cgroup" / name, text)
    return list(container_limits(root))


@pytest.mark.parametrize(
    ("proc", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "150000 100000\n"}, [1.5]),  # a container with a name space of its own
        ("0::/\n", {"cpu.max": "max 100000\n"}, []),
        ("0::/\n", {}, []),  # the root group of a machine has no such file
        ("0::/a.slice/b.scope\n", {"a.slice/b.scope/cpu.max": "max 100000", "a.slice/cpu.max": "50000 25000"}, [2]),
        ("0::/a/b\n", {"a/b/cpu.max": "300000 100000", "a/cpu.max": "200000 100000"}, [3, 2]),
        ("0::/docker/1f\n", {"cpu.max": "50000 100000"}, [0.5]),  # the name outside, the files inside
        (
            "5:memory:/x\n4:cpu,cpuacct:/docker/1f\n0::/docker/1f\n",
            {"cpu/docker/1f/cpu.cfs_quota_us": "250000\n", "cpu/docker/1f/cpu.cfs_period_us": "100000\n"},
            [2.5],
        ),
        ("1:cpu:/x:y\n", {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "50000"}, [2]),
        ("1:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, []),
        ("2:cpuset:/\n", {"cpu/cpu.cfs_quota_us": "100000", "cpu/cpu.cfs_period_us": "50000"}, []),
        ("0::/\n", {"cpu.max": "100000 0"}, []),  # what no kernel writes harms nobody
        ("0::/\n", {"cpu.max": "much"}, []),
    ],
)
def test_limits_of_the_groups(tmp_path: Path, proc: str, files: dict[str, str], expected: list[float]) -> None:
    assert limits(tmp_path, proc, files) == expected


@pytest.mark.parametrize(("quota", "expected"), [(150, 2), (100, 1), (20, 1), (101, 2), (1600, 8)])
def test_a_container_has_as_many_as_it_can_keep_busy(
    tmp_path: Path, quota: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "process_cpu_count" if sys.version_info >= (3, 13) else "cpu_count"
    monkeypatch.setattr(os, name, lambda: 8)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    limits(tmp_path, "0::/\n", {"cpu.max": f"{quota} 100"})
    assert available_processors(tmp_path) == expected


def test_where_there_are_no_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1 <= available_processors(tmp_path) <= (os.cpu_count() or 1)
    monkeypatch.setattr(sys, "platform", "emscripten")
    assert available_processors() == 1


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="only Linux has affinity masks")
def test_a_mask_counts(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [min(before)])  # of this thread
    try:
        assert available_processors(tmp_path) == 1
    finally:
        os.sched_setaffinity(0, before)
