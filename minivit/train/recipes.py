"""The recipe of each data set, and what differs for some models."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from minivit.models.model import PRESETS, create_model, model_options
from minivit.tasks import NAMED, Classification
from minivit.train.named import augmentation, regularisation
from minivit.train.recipe import Recipe, task_for
from minivit.train.settings import read_settings

RECIPES: dict[str, dict[str, Any]] = {
    "shapes": {"model": "vit_micro_patch4_32", "epochs": 3, "lr": 3e-3, "crop_padding": 0, "flip": False},
    "sounds": {"model": "ast_tiny_patch16_64x98", "epochs": 10, "batch_size": 64, "lr": 3e-3, "crop_padding": 800},
}
"""What differs from the recipe of CIFAR, which :class:`Recipe` itself holds."""

OF_MODELS: dict[str, dict[str, Any]] = {
    "imagegpt_tiny_16": {"epochs": 2, "batch_size": 32, "lr": 3e-3},
    "swinir_tiny_dn": {"epochs": 2, "batch_size": 32, "lr": 2e-3, "weight_decay": 0.0},
    "swinir_tiny_x2": {"epochs": 4, "batch_size": 32, "lr": 2e-3, "weight_decay": 0.0},
    "clip_resnet_tiny_64": {"epochs": 30, "lr": 3e-3},
    "clip_vit_tiny_patch8_64": {"epochs": 30, "lr": 2e-3},
    "wav2vec_tiny": {"epochs": 5, "batch_size": 32, "lr": 1e-2},
    "detr_tiny_64": {"epochs": 15, "batch_size": 32, "lr": 1e-3},
    "detr_swin_tiny_64": {"epochs": 15, "batch_size": 32, "lr": 1e-3},
    "upernet_swin_tiny_patch4_64": {"epochs": 10, "batch_size": 32, "lr": 2e-3, "crop_padding": 0},
    "segformer_tiny_64": {"epochs": 10, "batch_size": 32, "lr": 2e-3, "crop_padding": 0},
    "sam_tiny_patch4_64": {"epochs": 4, "batch_size": 16, "lr": 2e-3},
}
"""What differs for a model, whatever it is trained on."""


def img_size_of(model: str, data: str) -> int | None:
    """The size that images get where none is given, of a model that is not built for any; None: they stay as they are.

    Raises
    ------
    ValueError
        If there is no such model.
    """
    model_options(model)
    kind, options = PRESETS[model]
    return kind(**options).config["img_size"] if kind.keeps_img_size and data != "sounds" else None


POOLING = {"global_pool": "avg", "class_token": False}
"""What the head reads, of models that leave one the choice; with a distillation token there is none."""


def recipe_of(
    data: str,
    settings: Sequence[tuple[str, str]] = (),
    *,
    named: str = "none",
    regularised: float | None = None,
    options: Mapping[str, Any] = MappingProxyType({}),
    as_preset: bool = False,
    **given: Any,
) -> Recipe:
    """The recipe of a data set.

    Parameters
    ----------
    data : str
        Its name, or a folder.
    settings : pairs of str
        Options of the model and their values, as ``--set KEY=VALUE`` says them.
    named : str
        Of :data:`minivit.train.named.AUGMENTATIONS`.
    regularised : float, optional
        How much dropout in MLPs, and stochastic depth, where ``settings`` do not say otherwise.
    options : {name: value}
        Options of the model where ``settings`` do not say otherwise.
    as_preset : bool
        Whether the head reads what it reads in the preset, which weights of others are of, and not the mean of all
        patches.
    **given
        Choices of :class:`Recipe` to be made otherwise; None for those that are not.

    Raises
    ------
    TypeError, ValueError
        If there is no such model, option or named recipe, an option is not for ``--set``, is set twice, or a value is
        not of its type; if the model is not for the task.
    """
    given = {name: value for name, value in given.items() if value is not None}
    of_data: dict[str, Any] = RECIPES.get(data, {})
    if (task := given.get("task")) in NAMED:
        of_data = {"model": NAMED[task].usual_model}
    model = (of_data | given).get("model", Recipe.model)
    known, asked = model_options(model), read_settings(model, settings)
    _, preset = PRESETS[model]
    unmirrored: dict[str, Any] = {} if task_for(model, task).mirrors else {"flip": False}
    choices = of_data | OF_MODELS.get(model, {}) | unmirrored | augmentation(named) | given
    distilled = (preset | {**options} | asked).get("distilled", False)
    pooling = {} if distilled or as_preset else {name: value for name, value in POOLING.items() if name in known}
    dropped = {} if regularised is None else regularisation(model, regularised, known)
    recipe = Recipe(**choices, options={**pooling, **options, **dropped, **asked})
    if given.get("label_smoothing") and task_for(model, task) is not Classification:
        raise ValueError(f"label_smoothing is {recipe.label_smoothing}, and {model} is not trained to classify")
    if recipe.task is not None:  # a model that is not for it is refused before data are drawn or read
        NAMED[recipe.task].of(create_model(model, **recipe.options))
    return recipe
