"""minivit: Vision Transformers in pure NumPy, every forward and every backward pass written by hand."""

from minivit import layers, models, ops
from minivit.caches import describe, nbytes
from minivit.models import create_model

__version__ = "0.1.0"

__all__ = ["__version__", "create_model", "describe", "layers", "models", "nbytes", "ops"]
