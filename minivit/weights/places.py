"""Where the files of others keep what our parameters hold: what is said of a source, and of one model in it."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from numpy import ndarray

from minivit.layers.param import Param
from minivit.models.model import Model

OF_WINDOWS = "it is computed from the window's size, not learned"
"""Why an index, a mask or a table of ways in a window is left aside."""

Grid = tuple[int, int] | None
Resample = Callable[[ndarray, Param, Grid], ndarray]
"""From a checkpoint's table (with our order of axes), our parameter and the table's grid, if it was given, to ours."""


class Place(NamedTuple):
    """Where a checkpoint keeps a layer of ours, or an array that is no layer's.

    Parameters
    ----------
    names : tuple of str
        What it is called there. Several are joined along our axis "out": a query, a key and a value to ``qkv``.
    split : {axis: lengths}
        An axis of ours that is several there, heads, and the width of one; or none, if ours has length 1.
    share : (which, of how many)
        Ours is one of several equal parts of theirs, along our axis "out": a query of ``in_proj_weight``.
    as_ours : bool
        Its axes are in our order there, whatever the source's usual one is.
    """

    names: tuple[str, ...]
    split: Mapping[str, tuple[int, ...]] = MappingProxyType({})
    share: tuple[int, int] = (0, 1)
    as_ours: bool = False


Way = Mapping[str, Place]
"""{name of our layer or array: its place}"""


def unfit(model: Model, theirs: Mapping[str, object]) -> str:
    """Why a model that was built with other options than transformers know is none of theirs; "" if it has these."""
    others = {name: model.config[name] for name, value in theirs.items() if model.config[name] != value}
    if not others:
        return ""
    has, needs = (" and ".join(f"{name}={its[name]!r}" for name in others) for its in (others, theirs))
    return (
        f"transformers have no {type(model).__name__} with {has}, and would compute something else: build the model "
        f"with {needs}"
    )


class Table(NamedTuple):
    """What a source calls the parts of one model.

    Parameters
    ----------
    ways : list of {name: Place}
        How files are written, one for each version of the names.
    aside : {pattern: reason}
        Arrays that the source's own loader leaves aside, too.
    trained_with : {option: value}
        What the model must be built with to compute the same.
    unfit : str
        Why this model, as it was built, is none of theirs.
    no_way_back : str
        Why the weights of this model cannot be given to the source, though its own can be loaded.
    resample : {name of an axis: function}
        Where the tables of this model are made to fit another grid in another way than the source's are.
    ours_alone : tuple of str
        Arrays of ours that the source does not keep with the weights: they stay as the model has them.
    """

    ways: Sequence[Way]
    aside: Mapping[str, str] = MappingProxyType({})
    trained_with: Mapping[str, object] = MappingProxyType({})
    unfit: str = ""
    no_way_back: str = ""
    resample: Mapping[str, Resample] = MappingProxyType({})
    ours_alone: tuple[str, ...] = ()


class Source(NamedTuple):
    """What all files of a source have in common, whatever the model.

    Parameters
    ----------
    loader : str
        The function that loads them.
    table : callable (model) -> Table
    separator : str
        Between the parts of a name.
    leaf : callable (kind, param) -> str
        What they call the weight, or the bias, of a layer.
    axes : callable (param) -> tuple of int
        Our axes in their order.
    resample : {name of an axis: function}
        How a table that has this axis, and a grid, is made to fit another grid.
    """

    loader: str
    table: Callable[[Model], Table]
    separator: str
    leaf: Callable[[str, Param], str]
    axes: Callable[[Param], tuple[int, ...]]
    resample: Mapping[str, Resample]
