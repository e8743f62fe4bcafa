"""Level 3: one paper per file, and the presets by which models are known. A new file here needs no other."""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

from minivit.models.model import MODELS, PRESETS, Model, create_model

for _module in iter_modules(__path__, __name__ + "."):
    import_module(_module.name)
globals().update(MODELS)

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


__all__ = ["MODELS", "PRESETS", "Model", "create_model"]
