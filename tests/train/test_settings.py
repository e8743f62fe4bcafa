"""Options of models as the command line says them."""

import inspect
from typing import Any

import numpy as np
import pytest

from minivit.models import MODELS
from minivit.train.settings import DECIDED, read_settings, read_value, readers_of
from minivit.types import Depth, Depths, Rate, Size


@pytest.mark.parametrize(
    ("hint", "text", "value"),
    [
        (int, "12", 12),
        (Depth, "12", 12),
        (Size, "12", 12),
        (Size, "12,24", (12, 24)),
        (tuple[int, ...], "2,2,6,2", (2, 2, 6, 2)),
        (Depths, "2,2,6,2", (2, 2, 6, 2)),
        (float | tuple[float, float], "0.5", 0.5),
        (float | tuple[float, float], "0.5,4", (0.5, 4.0)),
        (float, "12", 12.0),
        (Rate, "1e-1", 0.1),
        (Rate | None, "1e-1", 0.1),
        (Rate | None, "none", None),
        (bool, "true", True),
        (bool, "False", False),
        (bool | None, "none", None),
        (bool | None, "true", True),
        (int | None, "None", None),
        (int | None, "3", 3),
        (str, "true", "true"),
        (str, "3", "3"),
        (str | None, "none", None),
        (str | type | np.dtype, "float64", "float64"),
    ],
)
def test_a_value_is_of_the_type_of_its_option(hint: Any, text: str, value: object) -> None:
    found = read_value("x", text, hint)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("hint", "text", "expected"),
    [
        (int, "four", "a whole number"),
        (int, "4.0", "a whole number"),
        (int, "9" * 5000, "a whole number"),
        (Size, "4,", "a whole number or ROWS,COLUMNS"),
        (float, "one", "a number"),
        (float | tuple[float, float], "0.5,inf", "a number or NUMBER,NUMBER"),
        (float, "nan", "a number"),
        (Rate, "1e400", "a number"),
        (bool, "1", "true or false"),
        (bool | None, "no", "none or true or false"),
    ],
)
def test_a_value_of_another_type(hint: Any, text: str, expected: str) -> None:
    with pytest.raises(ValueError, match=f"^x is '.*'; expected {expected}$") as error:
        read_value("x", text, hint)
    assert len(str(error.value)) < 100


def test_every_option_of_every_model_can_be_set_or_is_decided() -> None:
    known: set[str] = set()
    for model in MODELS.values():
        types = {name: it.annotation for name, it in inspect.signature(model).parameters.items() if name != "self"}
        assert [name for name, hint in types.items() if name not in DECIDED and not readers_of(hint)] == []
        known |= types.keys()
    assert DECIDED.keys() <= known


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ([("dpeth", "4")], "vit_micro_patch4_32 has no option 'dpeth'; its options are img_size, .*, depth, .*"),
        ([("depth", "4"), ("depth", "4")], "--set sets depth twice"),
        ([("num_classes", "4")], "--set cannot change num_classes: it is that of the data set"),
        ([("img_size", "32,48")], r"--set cannot change img_size: it is that of the images \(--img-size\)"),
        ([("seed", "4")], "--set cannot change seed: --seed does"),
        ([("dtype", "float64")], "--set cannot change dtype: a training computes in float32"),
        ([("depth", "four")], "depth is 'four'; expected a whole number"),
    ],
)
def test_an_option_that_cannot_be_set(settings: list[tuple[str, str]], says: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"^{says}$"):
        read_settings("vit_micro_patch4_32", settings)
