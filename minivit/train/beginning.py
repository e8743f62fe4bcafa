"""How a training begins where another one has ended: fine-tuning, a probe of a frozen body, and learning by layers.

Sources: Dosovitskiy et al. 2021, section 3.2, "Fine-tuning and higher resolution"; for rates that grow from layer to
layer, Howard and Ruder 2018, "Universal Language Model Fine-tuning", section 3.2, "Discriminative fine-tuning".
"""

import re
from collections.abc import Callable
from itertools import groupby, pairwise
from pathlib import Path
from typing import Annotated, Any, get_args

import numpy as np
from numpy import ndarray

from minivit.checked import checked
from minivit.layers.param import Param
from minivit.models.model import Model, model_options, with_article
from minivit.storage import is_ours, load, must_be_finite
from minivit.train.trained_on import checkpoint_of
from minivit.types import Range, Rate, pair
from minivit.weights import load_any, resample_abs_pos_embed
from minivit.weights.names import listed, of_other_images, within

LAYER = re.compile(r"(?:\w+\.)*?\w+\.\d+\.(?:(?:\w+\.)?blocks\.\d+\.|\d+\.)?")
"""The beginning of a name up to the first number, and up to that of a block in a stage."""

OF_ITS_OWN = (
    *("img_size", "length", "mean", "std"),  # the data
    *("num_classes", "target", "heads_apart", "global_pool", "fc_norm"),  # the head, and what it reads
    *("seed", "init_values", "zero_init_last"),  # initial values
    *("dtype", "grad_checkpointing", "chunk_size"),
)
"""Options in which a model may differ from the one that it begins with, beside rates of what is dropped."""

MASK_TOKEN = "mask_token"


def begin_with(model: Model, run_or_file: str | Path, *, interpolation: str = "bicubic") -> None:
    """Give a model what another one has learned, all but the head; nothing changes if it does not fit.

    A model that is built on a classifier (a UPerNet on a Swin, a DETR on a ResNet or a Swin, a non-local network on a
    ResNet) may begin with such a classifier, too: what there is beside it begins anew.

    Positions on another grid, because the images have another size, are resampled with antialiasing; those of class
    tokens and their like stay as they are.

    A file of minivit says which options its model has. Those that both models have must agree, or the same weights
    would compute something else: all but what is about the data, the head, the initial values, the precision, the
    memory, and rates of what is dropped. An option that is None on one side (such as ``sr`` of a model that is shown
    spectrograms) is not asked.

    Nothing of a file is left aside in silence. Each of its parameters must have a place in the model, but those of
    heads, and the mask token of a :class:`~minivit.models.MaskedViT`, which stood for hidden patches only. Of a file of
    others, too, heads are left aside, and beside them only what its loader names, with the reason, in a warning. Such a
    file does not tell all options: that ``num_heads``, say, are the same, is for the user to see to.

    Parameters
    ----------
    model : Model
        With a head of its own, for other classes.
    run_or_file : str or Path
        The folder of a run, its checkpoint, or a file of timm, transformers or Google: .safetensors or .npz.
    interpolation : "bicubic" or "bilinear"
        How positions of a run are resampled; those of a file of others are as its own code does it.

    Raises
    ------
    FileNotFoundError, OSError
        If there is no such file, or it cannot be read.
    ValueError
        If it is damaged, a weight is no finite number, what it holds is another model in more than that, or there is
        no such interpolation.
    """
    if interpolation not in ("bicubic", "bilinear"):
        raise ValueError(f'interpolation is {interpolation!r}; expected "bicubic" or "bilinear"')
    path = checkpoint_of(run_or_file)
    if is_of_others(path):
        _begin_with_others(model, path)
        return
    theirs = load(path)
    must_be_finite(theirs, path)
    known, ours = theirs.named_state(), model.named_state()
    body = {name: param for name, param in ours.items() if not within(name, model.head_names)}
    config = model.config
    if (backbone := model.backbone_in_it()) and type(theirs) is backbone.kind:
        known = {backbone.called(name): its for name, its in known.items() if not within(name, theirs.head_names)}
        body = {name: param for name, param in body.items() if name in known}
        config = backbone.config
    missing = [name for name in body if name not in known]
    alike = type(theirs) is type(model)
    if (alike or not missing) and (others := _differing(theirs.config, type(theirs), config)):
        than = "this one" if alike else f"this {type(model).__name__}"
        raise ValueError(f"{run_or_file} holds another {type(theirs).__name__} than {than}: {'; '.join(others)}")
    if missing:
        raise ValueError(
            f"{run_or_file} holds {with_article(_kind(theirs))}, which has no {listed(missing)} for this {_kind(model)}"
        )
    rest = [name for name in known if name not in ours and not within(name, theirs.head_names)]
    if more := [name for name in rest if name.rpartition(".")[2] != MASK_TOKEN]:
        raise ValueError(
            f"{run_or_file} holds {with_article(_kind(theirs))}, which has {listed(more)} beside this {_kind(model)}"
        )
    other = _of_another_size(theirs.config.get("img_size"), config.get("img_size"))
    values = {name: _fitted(name, known[name], param, interpolation, other) for name, param in body.items()}
    for name, value in values.items():
        body[name].value = value


def is_of_others(path: Path) -> bool:
    """Whether weights are in a file that minivit has not written. OSError, ValueError as :func:`begin_with`."""
    try:
        return not is_ours(path)
    except ValueError:  # it is no safetensors file, or a damaged one
        if path.suffix != ".npz":
            raise
        return True


def _begin_with_others(model: Model, path: Path) -> None:
    before = model.state_dict()
    try:
        load_any(model, path, keep_head=True)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} does not fit this {_kind(model)}: {error.args[0]}") from error
    try:
        must_be_finite(model, path)
    except ValueError:
        model.load_state_dict(before)
        raise


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


def _differing(theirs: dict[str, Any], kind: type[Model], config: dict[str, Any]) -> list[str]:
    """What to say of each option that both models have, and that must agree and does not."""
    hints = model_options(kind)
    return [
        f"its {name} is {theirs[name]!r}, not {ours!r}"
        for name, ours in config.items()
        if name in theirs
        and name not in OF_ITS_OWN
        and Rate not in (hints[name], *get_args(hints[name]))
        and not _same(theirs[name], ours)
    ]


def _same(theirs: Any, ours: Any) -> bool:
    """Whether an option is the same on both sides, a number being as good as a tuple of it alone; None is not asked."""
    if None in (theirs, ours):
        return True
    if isinstance(theirs, tuple) and isinstance(ours, tuple):
        return theirs == ours
    one, other = (option if isinstance(option, tuple) else (option,) for option in (theirs, ours))
    return all(a == b for a in one for b in other)


def _of_another_size(theirs: Any, ours: Any) -> str:
    """What to say of an array that depends on the size of images, if that is another one."""
    if theirs is None or ours is None or _same(theirs, ours):
        return ""
    (Y, X), (rows, columns) = pair(theirs), pair(ours)
    return f": it depends on the size of the images, {Y} x {X} pixels there, {rows} x {columns} here (--img-size)"


def _fitted(name: str, theirs: Param, ours: Param, interpolation: str, other_images: str) -> ndarray:
    """A value of theirs as one of ours: resampled, if it is a table on another grid."""
    if theirs.shape == ours.shape and theirs.grid == ours.grid:
        return theirs.value
    alike = theirs.axes == ours.axes == ("batch", "position", "width") and theirs.shape[2] == ours.shape[2]
    if theirs.grid is None or ours.grid is None or not alike:
        why = of_other_images(name, theirs.shape, ours.shape) or other_images or ": more differs than the head"
        raise ValueError(f"{name} has shape {theirs.shape} there and {ours.shape} here{why}")
    front = [param.shape[1] - rows * columns for param, (rows, columns) in ((theirs, theirs.grid), (ours, ours.grid))]
    if front[0] != front[1]:
        raise ValueError(f"{name} has {front[0]} positions in front of the patches there and {front[1]} here")
    options: dict[str, Any] = {"num_prefix_tokens": front[0], "interpolation": interpolation}
    return resample_abs_pos_embed(theirs.value, ours.grid, theirs.grid, **options)


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
    Where parts stand beside one another, such as the towers of a CLIP, each is counted for itself, from its end.

    Raises
    ------
    ValueError, TypeError
        If the decay is not above 0 and at most 1.
    """
    places = _places(model)
    top = max(places.values(), default=0)
    return lambda name, param: decay ** (top - places[name])


def _places(model: Model) -> dict[str, int]:
    """Of each parameter, how many layers have begun before it, its own among them.

    Of parts beside one another the longest one counts, and the others end where it ends.
    """
    places: dict[str, int] = {}
    here, layer = 0, ""
    for _, together in groupby(model.named_params(), lambda name: _part(model, name)[0]):
        parts: dict[str, list[str]] = {}
        for name in together:
            parts.setdefault(_part(model, name)[1], []).append(name)
        counted: list[ndarray] = []
        for names in parts.values():
            layers = [layer, *(_layer(model, name) for name in names)]
            counted.append(here + np.cumsum([one != other for one, other in pairwise(layers)]))
        here = max(int(numbers[-1]) for numbers in counted)
        for names, numbers in zip(parts.values(), counted, strict=True):
            places |= zip(names, (numbers + here - numbers[-1]).tolist(), strict=True)
        layer = _layer(model, [*places][-1])
    return places


def _part(model: Model, name: str) -> tuple[str, str]:
    """Where parts stand beside one another, and in which of them this parameter is; twice nothing if in none."""
    for way in model.beside:
        if found := re.match(way, name):
            return way, found[0]
    return "", ""


def _layer(model: Model, name: str) -> str:
    """The layer of a list that it is in; nothing if it is in none, or in a head, which is one layer."""
    found = None if within(name, model.head_names) else LAYER.match(name)
    return found[0] if found else ""
