"""minivit: Vision Transformers in pure NumPy, every forward and every backward pass written by hand."""

from minivit import check, data, layers, models, ops, tasks, train, weights
from minivit.caches import describe, nbytes
from minivit.models import create_model
from minivit.storage import load, save

__version__ = "0.1.0"

__all__ = [
    "__version__",
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
