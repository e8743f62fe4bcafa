"""Level 3: one paper per file, and the presets by which models are known."""

from typing import Any

from minivit.models.vit import PRESETS as VIT_PRESETS
from minivit.models.vit import ViT

MODELS: dict[str, type[ViT]] = {"ViT": ViT}
"""Every model class by name, as checkpoints store it."""

PRESETS: dict[str, tuple[type[ViT], dict[str, Any]]] = {name: (ViT, config) for name, config in VIT_PRESETS.items()}
"""Every preset: its class and its options. Names follow timm where timm has the model."""


def create_model(name: str, **options: Any) -> ViT:
    """Build a model by the name of its preset; ``options`` replace the preset's.

    >>> create_model("vit_tiny_patch4_32", num_classes=10, seed=0).num_params
    811146

    Raises
    ------
    ValueError
        If there is no preset of that name.
    """
    if name not in PRESETS:
        raise ValueError(f"there is no model {name!r}; the models are {', '.join(sorted(PRESETS))}")
    model_class, config = PRESETS[name]
    return model_class(**{**config, **options})


__all__ = ["MODELS", "PRESETS", "ViT", "create_model"]
