"""A recipe takes what can be cooked, and says of everything else what is wrong with it."""

import json
from dataclasses import asdict, fields
from math import inf, nan
from typing import Any

import pytest

from minivit.json_text import to_json, tuples
from minivit.train import Recipe
from tests.sampled import REST
from tests.unchecked import said

EXTREMES = {
    "epochs": [1, 10**30],
    "batch_size": [1],
    "lr": [1e-300, 1e300, 1],
    "betas": [(0, 0), (0.999999, 0.0)],
    "weight_decay": [0, 1e30],
    "warmup_epochs": [0, 100.5],
    "label_smoothing": [0, 1],
    "clip_norm": [None, 1e-300, 10],
    "crop_padding": [0, 100],
    "flip": [False],
    "randaugment": [None, (0, 0), (16, 30.0)],
    "random_erasing": [0, 1],
    "mixup": [0, 1e30],
    "cutmix": [0, 1e-300],
    "ema": [None, 0, 0.999999],
    "init": [None, "runs/shapes-1"],
    "freeze": [False],
    "layer_decay": [None, 1, 1e-300],
    "task": [None, "denoise", "upscale"],
    "seed": [0, 2**64 - 1],
    "model": ["vit_tiny_patch4_32"],
    "options": [{}, {"depth": 2, "img_size": (8, 6), "fc_norm": None, "act_layer": "relu", "qkv_bias": False}],
}


@pytest.mark.parametrize("name", EXTREMES)
def test_what_is_just_allowed(name: str) -> None:
    for value in EXTREMES[name]:
        assert getattr(Recipe(**{name: value}), name) == value


def test_every_choice_has_its_extremes() -> None:
    assert EXTREMES.keys() == {choice.name for choice in fields(Recipe)}


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"epochs": 0}, "epochs is 0; expected at least 1"),
        ({"batch_size": 0}, "batch_size is 0; expected at least 1"),
        ({"lr": 0.0}, "lr is 0.0; expected a positive, finite number"),
        ({"lr": nan}, "lr is nan; expected a positive, finite number"),
        ({"lr": inf}, "lr is inf; expected a positive, finite number"),
        ({"betas": (1.0, 0.9)}, r"betas is \(1.0, 0.9\); expected two numbers from 0 to below 1"),
        ({"betas": (0.9, -0.1)}, r"betas is \(0.9, -0.1\); expected two numbers from 0 to below 1"),
        ({"betas": (0.9, nan)}, r"betas is \(0.9, nan\); expected two numbers from 0 to below 1"),
        ({"weight_decay": -0.1}, "weight_decay is -0.1; expected 0 or a positive, finite number"),
        ({"weight_decay": nan}, "weight_decay is nan; expected 0 or a positive, finite number"),
        ({"weight_decay": inf}, "weight_decay is inf; expected 0 or a positive, finite number"),
        ({"warmup_epochs": -0.5}, "warmup_epochs is -0.5; expected 0 or a positive, finite number"),
        ({"warmup_epochs": nan}, "warmup_epochs is nan; expected 0 or a positive, finite number"),
        ({"warmup_epochs": inf}, "warmup_epochs is inf; expected 0 or a positive, finite number"),
        ({"label_smoothing": -0.1}, "label_smoothing is -0.1; expected a number from 0 to 1"),
        ({"label_smoothing": 1.1}, "label_smoothing is 1.1; expected a number from 0 to 1"),
        ({"label_smoothing": nan}, "label_smoothing is nan; expected a number from 0 to 1"),
        ({"clip_norm": -1.0}, "clip_norm is -1.0; expected a positive, finite number, or None to clip nothing"),
        ({"clip_norm": 0.0}, "clip_norm is 0.0; expected a positive, finite number, or None to clip nothing"),
        ({"clip_norm": nan}, "clip_norm is nan; expected a positive, finite number, or None to clip nothing"),
        ({"clip_norm": inf}, "clip_norm is inf; expected a positive, finite number, or None to clip nothing"),
        ({"crop_padding": -1}, "crop_padding is -1; expected 0 or more"),
        ({"randaugment": (-1, 5)}, r"randaugment is \(-1, 5\); expected 0 to 16 layers, or None"),
        ({"randaugment": (17, 5)}, r"randaugment is \(17, 5\); expected 0 to 16 layers, or None"),
        ({"randaugment": (2, -0.1)}, r"randaugment is \(2, -0.1\); expected a magnitude from 0 to 30, or None"),
        ({"randaugment": (2, 30.1)}, r"randaugment is \(2, 30.1\); expected a magnitude from 0 to 30, or None"),
        ({"randaugment": (2, nan)}, r"randaugment is \(2, nan\); expected a magnitude from 0 to 30, or None"),
        ({"random_erasing": -0.1}, "random_erasing is -0.1; expected a number from 0 to 1"),
        ({"random_erasing": nan}, "random_erasing is nan; expected a number from 0 to 1"),
        ({"mixup": -0.1}, "mixup is -0.1; expected 0 or a positive, finite number"),
        ({"mixup": nan}, "mixup is nan; expected 0 or a positive, finite number"),
        ({"cutmix": inf}, "cutmix is inf; expected 0 or a positive, finite number"),
        ({"ema": 1.0}, "ema is 1.0; expected a number from 0 to below 1, or None"),
        ({"ema": nan}, "ema is nan; expected a number from 0 to below 1, or None"),
        ({"seed": -1}, "seed is -1; expected 0 or more"),
        ({"seed": 2**64}, "seed is 18446744073709551616; expected a number of at most 64 bits"),
        ({"options": {"drop_rate": nan}}, "options cannot be written down: the number NaN is not finite"),
        ({"options": {"depth": {3}}}, "options cannot be written down: .* a set is not JSON serializable"),
    ],
)
def test_what_is_out_of_range(choices: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{message}$"):
        Recipe(**choices)


@REST
def test_wrong_types_and_numpy_numbers() -> None:
    """Each choice refuses each value of another type, True for a number too; NumPy's numbers become Python's."""
    values = ["True", "3", "2.5", "'3'", "None", "[]", "(1,)", "(1, 2, 3)", "('a', 'b')", "{}", "{1: 2}", "1j", "int"]
    setup = f"""
import numpy as np
from dataclasses import asdict
from minivit.train import Recipe
def accepted(name):
    found = []
    for value in {values!r}:
        try:
            Recipe(**{{name: eval(value)}})
            found.append(value)
        except (TypeError, ValueError) as error:
            assert str(error).startswith((name + " is ", "freeze leaves")) and "\\n" not in str(error), error
    return found
"""
    right = {"model": ["'3'"], "options": ["{}"], "betas": [], "label_smoothing": [], "flip": ["True"]}
    right |= {name: ["3"] for name in ("epochs", "batch_size", "crop_padding", "seed")}
    right |= {name: ["3", "2.5"] for name in ("lr", "weight_decay", "warmup_epochs")}
    right |= {"clip_norm": ["3", "2.5", "None"]}
    right |= {
        "randaugment": ["None"],
        "random_erasing": [],
        "mixup": ["3", "2.5"],
        "cutmix": ["3", "2.5"],
        "ema": ["None"],
        "init": ["'3'", "None"],
        "freeze": [],
        "layer_decay": ["None"],
        "task": ["None"],
    }
    assert right.keys() == EXTREMES.keys()
    ours = "epochs=np.int64(3), lr=np.float32(0.5), betas=(np.float64(0.5), np.float32(0.25)), flip=np.bool_(False), "
    ours += "seed=np.uint64(2**64 - 1), options={'num_classes': np.int64(7), 'img_size': [np.int32(8), 6]}"
    *accepted, made_plain = said(setup, [*(f"accepted({name!r})" for name in right), f"asdict(Recipe({ours}))"])
    assert dict(zip(right, accepted, strict=True)) == {name: repr(found) for name, found in right.items()}
    options = {"num_classes": 7, "img_size": (8, 6)}
    changes = {"epochs": 3, "lr": 0.5, "betas": (0.5, 0.25), "flip": False, "seed": 2**64 - 1, "options": options}
    assert made_plain == repr({**asdict(Recipe()), **changes})


def test_a_recipe_comes_back_from_json() -> None:
    recipe = Recipe(options={"img_size": (8, 6), "depth": 2}, betas=(0, 0.5), clip_norm=None)
    assert Recipe(**tuples(json.loads(to_json(asdict(recipe))))) == recipe
