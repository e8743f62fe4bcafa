"""How many processors there are to compute with."""

import os
import sys
from collections.abc import Iterator
from math import ceil
from pathlib import Path


def available_processors(root: Path = Path("/")) -> int:
    """Processors this process may use: those it may run on, but no more than its container may keep busy.

    In a container that may keep one and a half busy, two threads do. Where Python cannot start threads (a browser), it
    is 1.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are.
    """
    if sys.platform == "emscripten":
        return 1
    if sys.version_info >= (3, 13):
        count = os.process_cpu_count()
    elif sys.platform == "linux":
        count = len(os.sched_getaffinity(0))
    else:
        count = os.cpu_count()
    return min([count or 1, *(max(1, ceil(limit)) for limit in container_limits(root))])


def container_limits(root: Path) -> Iterator[float]:
    """How many processors each control group around this process may keep busy; nothing where there is no limit."""
    own = ["cpu.cfs_quota_us", "cpu.cfs_period_us"]
    for quota, period in group_numbers(root, "cpu", unified=["cpu.max"], own=own):
        if quota > 0 and period > 0:
            yield quota / period


def group_numbers(root: Path, controller: str, *, unified: list[str], own: list[str]) -> Iterator[tuple[int, int]]:
    """Two whole numbers from the files of each control group around this process; nothing where there is no limit.

    Containers and batch systems limit processors and memory so. Linux has two versions:
    https://docs.kernel.org/admin-guide/cgroup-v2.html (where the files are ``unified``) and, with files of its ``own``
    for each controller, https://docs.kernel.org/admin-guide/cgroup-v1/index.html.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            top, files = root / "sys/fs/cgroup", unified
        elif controller in controllers.split(","):
            top, files = root / "sys/fs/cgroup" / controller, own
        else:
            continue
        group = top / path.strip("/")  # not there where a container sees its own group as the top
        for folder in (group, *group.parents):
            try:
                first, second = map(int, " ".join((folder / name).read_text("utf-8") for name in files).split())
            except (OSError, ValueError):  # no such file, or no limit ("max")
                continue
            yield first, second
