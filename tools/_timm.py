"""timm, importable without torchvision: it imports that for its data pipeline, which nothing here uses."""

# pyright: reportMissingImports=false

import sys
from importlib.util import find_spec
from unittest.mock import MagicMock

PARTS = ["datasets", "models", "models.feature_extraction", "ops", "ops.misc", "transforms", "transforms.functional"]
stand_ins = {} if find_spec("torchvision") else {f"torchvision.{part}": MagicMock() for part in PARTS}
if stand_ins:
    stand_ins["torchvision"] = MagicMock()

sys.modules.update(stand_ins)
import timm  # noqa: E402
from timm.layers import resample_abs_pos_embed  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402

for name in stand_ins:  # other libraries look whether torchvision is there
    del sys.modules[name]

__all__ = ["VisionTransformer", "resample_abs_pos_embed", "timm"]
