"""Recipes that have a name: how much augmentation, and how much regularisation."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from minivit.checked import check_range, check_type, did_you_mean
from minivit.train.randaugment import FULL, OPERATIONS, Drawn, Operation

AUGMENTATIONS: dict[str, dict[str, Any]] = {
    "none": {"randaugment": None, "mixup": 0.0},
    "light1": {"randaugment": (2, 0.0), "mixup": 0.0},
    "light2": {"randaugment": (2, 10.0), "mixup": 0.2},
    "medium1": {"randaugment": (2, 15.0), "mixup": 0.2},
    "medium2": {"randaugment": (2, 15.0), "mixup": 0.5},
    "strong1": {"randaugment": (2, 20.0), "mixup": 0.5},
    "strong2": {"randaugment": (2, 20.0), "mixup": 0.8},
}
"""RandAugment's layers and magnitude, and MixUp's alpha: choices of :class:`minivit.train.Recipe`.

The names are those of the code of Steiner et al. 2021, "How to train your ViT? Data, Augmentation, and Regularization
in Vision Transformers"; its figure 4, and slides, say "heavy" for "strong".
"""


def augmentation(name: str) -> dict[str, Any]:
    """The choices of a named recipe.

    Raises
    ------
    TypeError, ValueError
        If there is none of that name.
    """
    check_type("named", name, str)
    if name not in AUGMENTATIONS:
        hint = did_you_mean(name.lower().replace("heavy", "strong"), AUGMENTATIONS)
        raise ValueError(f"there is no recipe {name!r:.40}; the recipes are {', '.join(AUGMENTATIONS)}{hint}")
    return AUGMENTATIONS[name]


def regularisation(model: str, rate: float, known: dict[str, Any]) -> dict[str, float]:
    """Options of a model that drop a share ``rate``: inside its MLPs alone, and of the last block's branches.

    Parameters
    ----------
    model : str
    rate : float
        Steiner et al. have 0 and 0.1. (They drop at "intermediate activations of ViT"; their code as it is published
        drops behind attention, too. Slides on it have the MLPs alone.)
    known : dict
        The options that the model has. Without attention, as of a Mixer, ``proj_drop_rate`` is about MLPs alone.

    Raises
    ------
    ValueError
        If the rate is no share below 1, or it is not 0 and the model has no such options.
    """
    check_range("regularisation", rate, at_least=0, below=1)
    names = "mlp_drop_rate" if "num_heads" in known else "proj_drop_rate", "drop_path_rate"
    if rate and not {*names} <= known.keys():
        raise ValueError(
            f"regularisation is dropout inside MLPs and stochastic depth, and {model} has not got both; "
            f"its options are {', '.join(known)}"
        )
    return {name: rate for name in names if name in known}


def described(name: str) -> Iterator[str]:
    """What a named recipe means, line by line."""
    choices = augmentation(name)
    alpha, randaugment = choices["mixup"], choices["randaugment"]
    if randaugment is None:
        yield f"{name}: no RandAugment"
    else:
        layers, magnitude = randaugment
        yield f"{name}: RandAugment({layers}, {magnitude:g}), {layers} of {len(OPERATIONS)} operations on each image,"
        yield f"  drawn with equal chances, one after the other; magnitude {magnitude:g}, where {FULL} is full:"
        for title, operation in OPERATIONS.items():
            nothing = "" if change(operation, magnitude) else ": nothing changes"
            yield f"    {title:13}{operation.words(operation.amount(magnitude / FULL))}{nothing}"
        if magnitude == 0:
            weaker = [title for title, it in OPERATIONS.items() if change(it, FULL) < change(it, 0)]
            yield f"  0 is not nothing: {', '.join(weaker)} change an image more than at {FULL}"
    if alpha:
        yield f"  MixUp({alpha:g}): each batch mixed with itself turned round, images and labels,"
        yield f"    {_shares(alpha)}"
    else:
        yield "  no MixUp"
    yield "  and what the data set's own recipe has (crops, mirror images, label smoothing), which stays as it is"
    yield f"minivit train --recipe {name} [--regularisation 0.1], which is dropout in the MLPs and stochastic depth"


def change(operation: Operation, magnitude: float) -> float:
    """How much an operation changes the pixels of noise, in grey levels, on average."""
    noise = np.random.default_rng(0).integers(40, 250, (1, 32, 32, 3), np.uint8)
    changed = operation.apply(noise, operation.amount(magnitude / FULL), Drawn(np.array([1]), np.array([[0.5, 0.5]])))
    return float(np.abs(changed.astype(int) - noise).mean())


def _shares(alpha: float) -> str:
    """How even the mixtures are."""
    from scipy.special import betainc

    even = 1 - 2 * betainc(alpha, alpha, 0.1)
    return f"in shares drawn from Beta({alpha:g}, {alpha:g}): both of at least 10 % in {even:.0%} of all batches"
