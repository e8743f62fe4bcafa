"""How much memory there is to compute in."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from minivit.processors import group_numbers


def free_memory(root: Path = Path("/")) -> int | None:
    """Bytes that this process may still take without anything being swapped out; None where the system does not say.

    On Linux it is what the kernel thinks available, but no more than a control group around this process leaves: a
    container or a batch system ends who takes more.

    Parameters
    ----------
    root : Path
        Where ``proc`` and ``sys`` are.
    """
    if sys.platform == "linux":
        own = ["memory.limit_in_bytes", "memory.usage_in_bytes"]
        groups = group_numbers(root, "memory", unified=["memory.max", "memory.current"], own=own)
        return min([*_available(root), *(max(0, limit - used) for limit, used in groups)], default=None)
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows, macOS
        return None


def _available(root: Path) -> Iterator[int]:
    """MemAvailable, see proc_meminfo(5)."""
    try:
        for line in (root / "proc/meminfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("MemAvailable:"):
                yield int(line.split()[1]) * 2**10
    except (OSError, ValueError, IndexError):
        return
