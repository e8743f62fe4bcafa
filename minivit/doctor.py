"""What one needs to know to help somebody whose minivit does not do what it should."""

import platform
from collections.abc import Iterator
from importlib.metadata import version

import numpy as np

from minivit.models import PRESETS
from minivit.processors import available_processors
from minivit.version import __version__

PACKAGES = ("numpy", "scipy", "matplotlib", "pillow", "jaxtyping", "threadpoolctl", "safetensors", "pooch", "tqdm")


def findings() -> Iterator[str]:
    """Versions, BLAS, threads and models, line by line."""
    from threadpoolctl import threadpool_info

    yield f"minivit {__version__}, Python {platform.python_version()}, {platform.platform()}"
    for package in PACKAGES:
        yield f"  {package} {version(package)}"
    yield f"threads: {available_processors()} (processors this process may use)"
    libraries = threadpool_info()
    for library in libraries:
        name = f"{library['user_api']}: {library['internal_api']} {library['version']}"
        yield f"  {name}, {library['num_threads']} threads"
    if not any(library["user_api"] == "blas" for library in libraries):  # such as Apple's, which shares out as it likes
        blas = np.show_config("dicts")["Build Dependencies"]["blas"]["name"]
        yield f"  blas: {blas}, whose threads are its own matter"
    yield f"models: {', '.join(sorted(PRESETS))}"
