"""Trained weights of presets, from the public hub: where they lie, how they are fetched, and how a model gets them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from minivit.checked import checked
from minivit.data.download import data_folder, fetch_file
from minivit.models.model import Model, model_options
from minivit.models.model import create_model as build
from minivit.weights.files import open_arrays
from minivit.weights.names import listed
from minivit.weights.timm import load_timm

BY_HAND = "download it by hand and put it there under this name; MINIVIT_DATA says where another folder is"


class Pretrained(NamedTuple):
    """Where the weights of a preset lie, and what they were trained for.

    Parameters
    ----------
    url : str
        A .safetensors file with timm's names.
    hash : str, optional
        "sha256:...", where it is known.
    num_classes : int
        0 if there is no head among them.
    mean, std : tuple of float
        Of the channels of images, as shares of 255: what is subtracted, and by what it is divided.
    """

    url: str
    hash: str | None
    num_classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


@cache
def addresses() -> dict[str, Pretrained]:
    """{preset: where its weights lie}, as ``addresses.json`` says it; timm's first choice for each."""
    rows = json.loads((files("minivit.weights") / "addresses.json").read_text(encoding="utf-8"))
    return {name: Pretrained(**{**row, "mean": (*row["mean"],), "std": (*row["std"],)}) for name, row in rows.items()}


@checked
def create_model(name: str, *, pretrained: bool = False, **options: Any) -> Any:
    """Build a model by the name of its preset; ``options`` replace the preset's.

    Parameters
    ----------
    name : str
    pretrained : bool
        Download trained weights of it from the public hub, once: they are kept where data sets are
        (:func:`minivit.data.download.data_folder`). The model has as many classes as they have, unless ``num_classes``
        is given: then its head is new. For another ``img_size`` the positions are resampled, as timm does it.
    options
        Of the model, in place of the preset's.

    Raises
    ------
    ValueError
        If there is no preset of that name, no weights of it are known, or they do not fit the options. What is wrong
        with the options themselves is said before anything is downloaded.
    TypeError
        If the model has no such option.
    OSError
        If the weights cannot be downloaded or written; nothing is left half-written.

    Examples
    --------
    >>> create_model("vit_tiny_patch4_32", num_classes=10, seed=0).num_params
    811146
    """
    if not pretrained:
        return build(name, **options)
    model_options(name, options)  # which says that there is no such model, or option
    known = _known(name)
    model: Model = build(name, **{"num_classes": known.num_classes, **options})  # before anything is downloaded
    other = not known.num_classes or model.config["num_classes"] != known.num_classes
    path = fetch_weights(name)
    with must_fit(path, name):
        load_timm(model, path, keep_head=other)
    return model


def fetch_weights(name: str) -> Path:
    """The file of trained weights of a preset, downloaded if it is not there already.

    Raises
    ------
    ValueError
        If no weights of it are known.
    OSError
        If it cannot be downloaded or written.
    """
    known, folder = _known(name), data_folder() / "weights"
    folder.mkdir(parents=True, exist_ok=True)
    return fetch_file(
        [known.url], f"{name}.safetensors", folder, known_hash=known.hash, by_hand=BY_HAND, check=_must_be_weights
    )


@contextmanager
def must_fit(path: Path, name: str) -> Iterator[None]:
    """Say of weights that do not fit which file they are in: whoever has put another one there, can remove it."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} does not fit this {name}: {error.args[0]}; if it holds anything else than it should, "
            "delete it: it is downloaded again then"
        ) from error


def _known(name: str) -> Pretrained:
    if name not in addresses():
        raise ValueError(f"no trained weights of {name} are known; they are of {listed(addresses())}")
    return addresses()[name]


def _must_be_weights(path: Path) -> None:
    with open_arrays(path):
        pass
