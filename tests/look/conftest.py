"""A model with LayerScale and registers, of the width of a small preset, and photographs."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import save_file

import minivit as mv
from minivit.models import PRESETS, ViT

NAME = "vit_micro_patch4_32"
OPTIONS = {**PRESETS[NAME][1], "embed_dim": 24, "depth": 2, "init_values": 0.5, "reg_tokens": 2, "no_embed_class": True}


@pytest.fixture(autouse=True)
def preset(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under a name of its own, so that weights of others can be for it."""
    monkeypatch.setitem(PRESETS, "vit_pocket_patch4_32", (ViT, OPTIONS))


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    model = ViT(**{**OPTIONS, "seed": 3})
    path = tmp_path / "weights.safetensors"
    save_file({name: np.ascontiguousarray(array) for name, array in mv.weights.to_timm(model).items()}, path)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """60 x 90 pixels, a bright square on a dark ground."""
    pixels = np.random.default_rng(0).integers(0, 60, (60, 90, 3), np.uint8)
    pixels[20:45, 30:60] += 150
    path = tmp_path / "photo.png"
    Image.fromarray(pixels).save(path)
    return path
