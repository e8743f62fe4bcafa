"""Recipes with a name: what they hold, what is said of them, and names that are none."""

from typing import Any

import pytest

from minivit.models.model import model_options
from minivit.train import Recipe, named
from minivit.train.randaugment import OPERATIONS
from minivit.train.recipes import POOLING, recipe_of
from tests.unchecked import without_annotations

# Layers and magnitude of RandAugment, alpha of MixUp, as Steiner et al. 2021 have them.
TABLE = {
    "none": (None, 0),
    "light1": ((2, 0), 0),
    "light2": ((2, 10), 0.2),
    "medium1": ((2, 15), 0.2),
    "medium2": ((2, 15), 0.5),
    "strong1": ((2, 20), 0.5),
    "strong2": ((2, 20), 0.8),
}


def recipes_are_those_of_the_table() -> None:
    assert list(named.AUGMENTATIONS) == list(TABLE)
    for name, (randaugment, mixup) in TABLE.items():
        recipe = recipe_of("cifar10", named=name)
        assert recipe == Recipe(options=POOLING, randaugment=randaugment, mixup=mixup)


def test_recipes_are_those_of_the_table() -> None:
    recipes_are_those_of_the_table()


def test_a_recipe_without_a_name() -> None:
    with pytest.raises(TypeError, match="named is None"):
        without_annotations(recipe_of)("shapes", named=None)


def test_what_is_given_stands_in_place_of_what_a_name_means() -> None:
    recipe = recipe_of("shapes", named="strong2", mixup=0.0, randaugment=(1, 5), label_smoothing=0.0)
    assert (recipe.mixup, recipe.randaugment, recipe.label_smoothing, recipe.epochs) == (0.0, (1, 5), 0.0, 3)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("medium", "did you mean medium2 or medium1?"),
        ("Light1", "did you mean light1 or light2?"),
        ("heavy2", "did you mean strong2 or strong1?"),
        ("x" * 500, ""),
        ("", ""),
    ],
)
def test_a_recipe_that_does_not_exist(name: str, hint: str) -> None:
    with pytest.raises(ValueError, match=r"^there is no recipe '") as error:
        recipe_of("shapes", named=name)
    says = str(error.value)
    assert "the recipes are none, light1, light2, medium1, medium2, strong1, strong2" in says
    assert says.endswith(hint)
    assert len(says) < 200


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("vit_tiny_patch4_32", {"mlp_drop_rate": 0.1, "drop_path_rate": 0.1}),
        ("swin_tiny_patch2_32", {"mlp_drop_rate": 0.1, "drop_path_rate": 0.1}),
        ("mixer_tiny_patch4_32", {"proj_drop_rate": 0.1, "drop_path_rate": 0.1}),
        ("ast_tiny_patch16_64x98", {"mlp_drop_rate": 0.1, "drop_path_rate": 0.1}),
    ],
)
def test_regularisation(model: str, expected: dict[str, float]) -> None:
    assert named.regularisation(model, 0.1, model_options(model)) == expected
    options = recipe_of("shapes", [("drop_path_rate", "0.3")], model=model, regularised=0.1).options
    assert options | expected == options | {"drop_path_rate": 0.1}
    assert options["drop_path_rate"] == 0.3  # what --set says


def test_a_regularisation_of_nothing_is_for_every_model() -> None:
    assert named.regularisation("resnet18", 0.0, model_options("resnet18")).keys() <= {"drop_path_rate"}
    assert recipe_of("shapes", model="wav2vec_tiny", regularised=0.0) == recipe_of("shapes", model="wav2vec_tiny")


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_regularisation_that_is_none(rate: float) -> None:
    with pytest.raises(ValueError, match=f"regularisation is {rate}; expected at least 0 and below 1"):
        recipe_of("shapes", regularised=rate)


@pytest.mark.parametrize("model", ["wav2vec_tiny", "resnet18"])
def test_a_model_without_mlps(model: str) -> None:
    with pytest.raises(ValueError, match=f"regularisation is .*, and {model} has not got both; its options are "):
        recipe_of("shapes", model=model, regularised=0.1)


def said(name: str) -> dict[str, str]:
    lines = [line.strip() for line in named.described(name)]
    return {line.split()[0]: line for line in lines} | {"all": "\n".join(lines)}


def test_every_operation_is_told() -> None:
    lines = said("medium1")
    assert OPERATIONS.keys() <= lines.keys()
    assert "RandAugment(2, 15)" in lines["all"]
    assert "MixUp(0.2)" in lines["all"]
    assert lines["Rotate"].endswith("turned by 45 degrees, one way or the other")
    assert lines["Posterize"].endswith("6 of the 8 bits of each pixel kept")
    assert lines["Solarize"].endswith("pixels from 384 on made negative: nothing changes")
    assert lines["TranslateX"].endswith("moved by 67% of the width, one way or the other")
    assert lines["Cutout"].endswith("grey over 54% of either side, or what of it lies on the image")


def test_of_magnitude_zero_it_is_said_that_it_is_not_nothing() -> None:
    lines = said("light1")
    assert "0 is not nothing: Posterize, Solarize, Color, Contrast, Brightness, Sharpness change" in lines["all"]
    assert lines["Rotate"].endswith(": nothing changes")
    assert "nothing changes" not in lines["Posterize"]
    assert "no MixUp" in lines["all"]
    assert "is not nothing" not in said("light2")["all"]


def test_none_is_nothing() -> None:
    assert said("none")["none:"] == "none: no RandAugment"
    assert "Rotate" not in said("none")["all"]


@pytest.mark.parametrize(("alpha", "share"), [(0.2, 33), (0.5, 59), (0.8, 74)])
def test_how_even_mixtures_are(alpha: float, share: int) -> None:
    """Held against draws, not against the same function."""
    import numpy as np

    lam: Any = np.random.default_rng(0).beta(alpha, alpha, 200_000)
    assert abs(100 * np.mean((lam >= 0.1) & (lam <= 0.9)) - share) < 1
    name = next(name for name, (_, mixup) in TABLE.items() if mixup == alpha)
    assert f"both of at least 10 % in {share}% of all batches" in said(name)["all"]
