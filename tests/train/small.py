"""A model and a data set that train in milliseconds."""

from typing import Any

import numpy as np

import minivit as mv
from minivit.train import Recipe, Trainer

TINY = {"embed_dim": 16, "depth": 2, "num_heads": 2, "patch_size": 8}


def small_model(**options: Any) -> mv.models.ViT:
    config = {"img_size": (8, 12), "patch_size": 4, "embed_dim": 12, "depth": 2, "num_heads": 3, "num_classes": 5}
    return mv.models.ViT(**{**config, **options})


def small_batch(B: int, dtype: str = "float32") -> tuple[np.ndarray, np.ndarray]:
    """Images for ``small_model`` and their labels."""
    rng = np.random.default_rng(1)
    return rng.standard_normal((B, 8, 12, 3)).astype(dtype), rng.integers(0, 5, B)


def small_dataset(n_train: int = 40, n_test: int = 10) -> mv.data.Dataset:
    return mv.data.shapes(n_train, n_test)


def small_recipe(**choices: Any) -> Recipe:
    recipe = {"model": "vit_micro_patch4_32", "options": TINY, "epochs": 2, "batch_size": 12}
    return Recipe(**{**recipe, **choices})


def small_trainer(dataset: mv.data.Dataset, *, threads: int = 1, **choices: Any) -> Trainer:
    return Trainer(small_recipe(**choices), dataset, threads=threads)


def assert_same_bits(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    assert a.keys() == b.keys()
    for name in a:
        assert a[name].dtype == b[name].dtype, name
        assert a[name].tobytes() == b[name].tobytes(), name
