"""minivit: Vision Transformers in pure NumPy, every forward and every backward pass written by hand."""

from importlib import import_module
from typing import Any

from minivit import audio, check, data, layers, models, ops, tasks, train, weights
from minivit.caches import describe, nbytes
from minivit.storage import load, save
from minivit.version import __version__
from minivit.weights import create_model

__all__ = [
    "__version__",
    "audio",
    "check",
    "create_model",
    "data",
    "describe",
    "layers",
    "load",
    "models",
    "nbytes",
    "ops",
    "save",
    "tasks",
    "train",
    "weights",
]

ON_DEMAND = ("cost", "course", "look", "plot", "steps")
"""Parts that most programs do without: imported when they are first asked for, as in ``minivit.plot.samples``."""


def __getattr__(name: str) -> Any:
    if name in ON_DEMAND:
        return import_module(f"minivit.{name}")
    if name == "step":  # a function, from a part that most programs do without
        return import_module("minivit.steps").step
    raise AttributeError(f"module 'minivit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *ON_DEMAND, "step"})
