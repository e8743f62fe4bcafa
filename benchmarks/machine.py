"""What a measurement was made on: without it, a number of seconds means nothing."""

import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "scipy", "torch", "jax", "jaxlib", "autograd", "librosa", "torchaudio")


def describe() -> dict[str, Any]:
    """Processor, caches, memory, BLAS, versions, load and date; what the system does not tell is None or missing."""
    import numpy  # noqa: F401 (loads the BLAS that threadpool_info then finds)
    from threadpoolctl import threadpool_info

    import minivit

    blas = [library for library in threadpool_info() if library["user_api"] == "blas"]
    keys = ("internal_api", "version", "architecture", "threading_layer", "num_threads")
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "os": platform.platform(),
        "cpu": cpu_name(),
        "cores_available": cores_available(),
        "caches": caches(),
        "ram_bytes": ram_bytes(),
        "load_average_1_minute": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        "blas": [{key: library.get(key) for key in keys} for library in blas],
        "versions": {
            "python": platform.python_version(),
            "minivit": minivit.__version__,
            **{package: installed_version(package) for package in PACKAGES if installed_version(package)},
        },
    }


def in_words(machine: dict[str, Any]) -> str:
    """The description in a few lines, to stand above the tables."""
    caches = ", ".join(f"{name} {size}" for name, size in machine["caches"].items())
    blas = ", ".join(f"{b['internal_api']} {b['version']} ({b['architecture']})" for b in machine["blas"])
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    ram, load = machine["ram_bytes"], machine["load_average_1_minute"]
    lines = [
        f"{machine['cpu']}, {machine['cores_available']} cores available"
        + (f", caches {caches}" if caches else "")
        + (f", {ram / 2**30:.1f} GiB of memory" if ram else ""),
        f"{versions}; BLAS of NumPy: {blas or 'unknown'}",
        f"{machine['os']}, {machine['date']}",
    ]
    if load is not None and load > 0.5:
        lines.append(f"NOTE: the machine is busy (load {load:.1f}); only ratios mean something, and less than usual")
    return "\n".join(lines)


def cpu_name() -> str:
    """Name of the processor as it calls itself."""
    if sys.platform == "darwin":
        name = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
        return name.stdout.strip() or platform.machine()
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def cores_available() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def caches() -> dict[str, str]:
    """Sizes of the first processor's caches, such as {"L1 data": "32K", "L2": "1024K"}, where Linux tells."""
    found = {}
    for place in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = ((place / name).read_text().strip() for name in ("level", "type", "size"))
        if kind != "Instruction":
            found[f"L{level}{' data' if kind == 'Data' else ''}"] = size
    return found


def ram_bytes() -> int | None:
    """Memory of the machine."""
    names = getattr(os, "sysconf_names", {})
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") if "SC_PHYS_PAGES" in names else None


def available_bytes() -> int | None:
    """Memory that is free or can be freed; all of it where the system does not say."""
    info = Path("/proc/meminfo")
    for line in info.read_text(encoding="utf-8").splitlines() if info.exists() else []:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return ram_bytes()


def installed_version(package: str) -> str | None:
    """Version of a package, or None if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None
