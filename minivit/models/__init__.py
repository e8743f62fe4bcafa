"""Level 3: one paper per file, and the presets by which models are known."""

from inspect import signature
from reprlib import repr as in_short
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
    TypeError
        If the model has no such option.
    """
    if name not in PRESETS:
        raise ValueError(f"there is no model {name!r}; the models are {', '.join(sorted(PRESETS))}")
    model_class, config = PRESETS[name]
    known = signature(model_class).parameters
    for option in options:
        if option not in known:
            raise TypeError(f"{name} has no option {in_short(option)}; its options are {', '.join(known)}")
    return model_class(**{**config, **options})


__all__ = ["MODELS", "PRESETS", "ViT", "create_model"]
