"""How a training begins where another one has ended: fine-tuning, a probe of a frozen body, and learning by layers.

Sources: Dosovitskiy et al. 2021, section 3.2, "Fine-tuning and higher resolution"; for rates that grow from layer to
layer, Howard and Ruder 2018, "Universal Language Model Fine-tuning", section 3.2, "Discriminative fine-tuning".
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

from numpy import ndarray

from minivit.checked import checked
from minivit.layers.param import Param
from minivit.models.model import Model, with_article
from minivit.storage import load
from minivit.train.trained_on import checkpoint_of
from minivit.types import Range
from minivit.weights import load_any, resample_abs_pos_embed
from minivit.weights.names import listed, within

LAYER = re.compile(r"(?:\w+\.)*?\w+\.\d+\.(?:blocks\.\d+\.)?")
"""The beginning of a name up to the first number, and up to that of a block in a stage."""


def begin_with(model: Model, run_or_file: str | Path) -> None:
    """Give a model what another one has learned, all but the head; nothing changes if it does not fit.

    Positions on another grid, because the images have another size, are resampled (bicubic, with antialiasing); those
    of class tokens and their like stay as they are. What the other model has beside, such as a mask token, is left.

    Parameters
    ----------
    model : Model
        With a head of its own, for other classes.
    run_or_file : str or Path
        The folder of a run, its checkpoint, or a file of timm, transformers or Google: .safetensors or .npz.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is damaged, or what it holds is not of this model's shape.
    """
    path = checkpoint_of(run_or_file)
    try:
        theirs = load(path)
    except ValueError as error:
        if "was not written by minivit" not in str(error) and path.suffix != ".npz":
            raise
        try:
            load_any(model, path, keep_head=True)
        except (KeyError, TypeError, ValueError) as trouble:
            raise ValueError(f"{path} does not fit this {_kind(model)}: {trouble.args[0]}") from trouble
        return
    known, ours = theirs.named_state(), model.named_state()
    body = {name: param for name, param in ours.items() if not within(name, model.head_names)}
    if missing := [name for name in body if name not in known]:
        raise ValueError(
            f"{run_or_file} holds {with_article(_kind(theirs))}, which has no {listed(missing)} for this {_kind(model)}"
        )
    values = {name: _fitted(name, known[name], param) for name, param in body.items()}
    for name, value in values.items():
        body[name].value = value


def full_path(run_or_file: str) -> str:
    """The path as it is found from anywhere, with ``~`` written out. ValueError if no file can be called so."""
    try:
        return str(Path(run_or_file).expanduser().resolve(strict=True))
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no run or file {run_or_file}") from None
    except (RuntimeError, ValueError) as error:  # no such user, or half a letter
        raise ValueError(f"{run_or_file!a} leads nowhere: {error}") from error


def _kind(model: Model) -> str:
    return f"{type(model).__name__} of {model.num_params:,} parameters"


def _fitted(name: str, theirs: Param, ours: Param) -> ndarray:
    """A value of theirs as one of ours: resampled, if it is a table on another grid."""
    if theirs.shape == ours.shape and theirs.grid == ours.grid:
        return theirs.value
    alike = theirs.axes == ours.axes == ("batch", "position", "width") and theirs.shape[2] == ours.shape[2]
    if theirs.grid is None or ours.grid is None or not alike:
        raise ValueError(f"{name} has shape {theirs.shape} there and {ours.shape} here: more differs than the head")
    front = [param.shape[1] - rows * columns for param, (rows, columns) in ((theirs, theirs.grid), (ours, ours.grid))]
    if front[0] != front[1]:
        raise ValueError(f"{name} has {front[0]} positions in front of the patches there and {front[1]} here")
    return resample_abs_pos_embed(theirs.value, ours.grid, theirs.grid, num_prefix_tokens=front[0])


def only_head(model: Model) -> Callable[[str, Param], float]:
    """Rates for a probe: 1 for the head, 0 for all else. ValueError for a model without a head."""
    if not any(within(name, model.head_names) for name in model.named_params()):
        raise ValueError(f"freeze leaves all but the head as it is, and this {type(model).__name__} has none")
    return lambda name, param: float(within(name, model.head_names))


@checked
def by_layer(model: Model, decay: Annotated[float, Range(above=0, at_most=1)]) -> Callable[[str, Param], float]:
    """Rates that shrink by a factor from layer to layer, from the head down to what stands in front of the blocks.

    The head, and what is between it and the blocks, has 1, the last block ``decay``, the one before ``decay`` squared,
    and so on: what is near to the pixels is of use for any task, and is to change least. What stands in lists counts
    as a layer for each, such as ``blocks.3`` or ``layers.1.blocks.0``, and so does what stands between two lists, such
    as what a hybrid has between its ResNet and its blocks. A model names its parameters in the order of its forward.

    Raises
    ------
    ValueError, TypeError
        If the decay is not above 0 and at most 1.
    """
    names = [*model.named_params()]
    places = dict(zip(names, _places(names), strict=True))
    top = max(places.values(), default=0)
    return lambda name, param: decay ** (top - places[name])


def _places(names: Iterable[str]) -> list[int]:
    """Of each name, how many layers of lists have begun before it, its own among them; behind the lists one more."""
    places, here, layer = [], 0, ""
    for name in names:
        found = LAYER.match(name)
        inside = found[0] if found else ""
        here += inside != layer
        layer = inside
        places.append(here)
    return places
