"""Recipes of data sets."""

from typing import Any

import pytest

from minivit.layers import Linear
from minivit.models import MODELS, PRESETS, Model
from minivit.train import Recipe
from minivit.train.recipes import OF_MODELS, POOLING, RECIPES, img_size_of, recipe_of


def test_a_data_set_has_its_recipe() -> None:
    assert recipe_of("cifar10") == Recipe(options=POOLING)
    assert recipe_of("pets") == Recipe(options=POOLING)
    assert recipe_of("shapes") == Recipe(**RECIPES["shapes"], options=POOLING)


def test_what_is_given_stands_in_its_place() -> None:
    recipe = recipe_of("shapes", model="vit_tiny_patch4_32", epochs=None, lr=0.1)
    assert recipe == Recipe(**RECIPES["shapes"] | {"model": "vit_tiny_patch4_32", "lr": 0.1}, options=POOLING)


def test_a_model_has_what_differs_for_it() -> None:
    choices: dict[str, Any] = RECIPES["sounds"] | OF_MODELS["wav2vec_tiny"] | {"model": "wav2vec_tiny"}
    recipe = recipe_of("sounds", model="wav2vec_tiny")
    assert recipe == Recipe(**choices)
    assert recipe_of("sounds", model="wav2vec_tiny", lr=0.1).lr == 0.1
    assert recipe_of("sounds").lr == RECIPES["sounds"]["lr"] != recipe.lr


def test_options_of_the_model() -> None:
    settings = [("depth", "2"), ("patch_size", "4,8"), ("class_token", "true"), ("drop_rate", "0.5")]
    expected = {"global_pool": "avg", "class_token": True, "depth": 2, "patch_size": (4, 8), "drop_rate": 0.5}
    assert recipe_of("shapes", settings).options == expected


def test_the_size_of_images_where_none_is_given() -> None:
    assert img_size_of("imagegpt_tiny_16", "shapes") == 16
    assert img_size_of("imagegpt_small", "cifar10") == 32
    assert img_size_of("vit_tiny_patch4_32", "shapes") is None
    assert img_size_of("imagegpt_tiny_16", "sounds") is None  # which have no pixels
    with pytest.raises(ValueError, match="there is no model 'imagegpt'"):
        img_size_of("imagegpt", "shapes")


def test_a_distilled_model_reads_its_tokens() -> None:
    assert recipe_of("shapes", model="deit_tiny_distilled_patch16_224").options == {}
    assert recipe_of("shapes", [("distilled", "true")]).options == {"distilled": True}
    assert recipe_of("shapes", [("distilled", "false")]).options == {**POOLING, "distilled": False}


def test_a_model_that_leaves_no_choice_of_pooling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("minivit.models.model.MODELS", dict(MODELS))

    class Flat(Model):
        def __init__(self, *, width: int = 3, seed: int = 0, dtype: Any = "float32") -> None:
            self.map = Linear(width, width)
            self.init(seed, dtype)

    monkeypatch.setitem(PRESETS, "flat", (Flat, {}))
    assert recipe_of("shapes", [("width", "5")], model="flat").options == {"width": 5}
