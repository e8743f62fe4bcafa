"""timm, importable without torchvision: it imports that for its data pipeline, which nothing here uses."""

# pyright: reportMissingImports=false

import sys
from collections.abc import Callable
from importlib.util import find_spec
from unittest.mock import MagicMock, patch

import numpy as np
import torch

PARTS = ["datasets", "models", "models.feature_extraction", "ops", "ops.boxes", "ops.misc"]
PARTS += ["transforms", "transforms.functional"]
stand_ins = {} if find_spec("torchvision") else {f"torchvision.{part}": MagicMock() for part in PARTS}
if stand_ins:
    stand_ins["torchvision"] = MagicMock()

sys.modules.update(stand_ins)
import timm  # noqa: E402
from timm.data import mixup as timm_mixup  # noqa: E402
from timm.layers import resample_abs_pos_embed  # noqa: E402
from timm.models.vision_transformer import VisionTransformer  # noqa: E402

for name in stand_ins:  # other libraries look whether torchvision is there
    del sys.modules[name]

__all__ = ["VisionTransformer", "mixtures", "resample_abs_pos_embed", "timm"]


def mixtures(write: Callable) -> None:
    """A batch mixed by timm: MixUp, and CutMix with boxes inside the image and cut off by its edge."""
    x, y = torch.randn(5, 3, 6, 8), torch.tensor([0, 3, 1, 2, 3])
    mixer = timm_mixup.Mixup(1.0, label_smoothing=0.1, num_classes=5, mode="batch")
    arrays, boxes = {"in/x": x.clone(), "in/y": y}, []
    for name, lam, cuts, seed in (("mixup", 0.3, False, 0), ("cutmix", 0.7, True, 4), ("cut_off", 0.4, True, 2)):
        np.random.seed(seed)  # noqa: NPY002 (timm draws from it)
        boxes.append([int(side) for side in timm_mixup.rand_bbox(x.shape, lam)])  # top, bottom, left, right
        np.random.seed(seed)  # noqa: NPY002
        mixed = x.clone()
        with patch.object(mixer, "_params_per_batch", lambda lam=lam, cuts=cuts: (lam, cuts)):
            real_lam = mixer._mix_batch(mixed)
        target = timm_mixup.mixup_target(y, 5, real_lam, smoothing=0.1)
        arrays |= {f"out/{name}": mixed, f"out/{name}_target": target, f"in/{name}_lam": np.array(real_lam)}
    write("timm_mixup", arrays, {"boxes": dict(zip(("mixup", "cutmix", "cut_off"), boxes, strict=True))})
