"""What the loaders share: a table of where each parameter stands in a checkpoint, and the code that follows it."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray

from minivit.models.vit import ViT
from minivit.weights.files import Arrays, Stored, open_arrays
from minivit.weights.names import listed, misfit, prefix_of

FLOATS = ("float16", "bfloat16", "float32", "float64")
MOST_TOKENS = 2**16  # of a table of positions: the only array whose size the model does not tell beforehand


class Place(NamedTuple):
    """Where a parameter stands in a checkpoint: the arrays that make it, side by side, and the shape of each.

    With ``resample`` it may be a table (1, any number of tokens, D), of which that function makes the one that fits.
    """

    names: tuple[str, ...]
    shape: tuple[int, ...]
    resample: Callable[[ndarray], ndarray] | None = None

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Whether an array of this shape can stand here."""
        table = self.resample and len(shape) == 3 and shape[1] <= MOST_TOKENS
        return shape == (self.shape[0], shape[1], self.shape[2]) if table else shape == self.shape


Layout = Mapping[str, Place]
"""{name of our parameter: its place}"""


class Family(NamedTuple):
    """What checkpoints of one family have in common.

    ``to_our_axes`` turns the axes of one array into our order; which of them belong together is then a reshape:
    (D, H, K) and (P, Q, C, D) become (D, H*K) and (P*Q*C, D). ``head`` is what the names of the classifier begin with.
    ``aside`` tells, by the beginning of their names, which arrays the official loader leaves aside, too, and why.
    ``separator`` joins names in a nest of mappings.
    """

    to_our_axes: Callable[[ndarray], ndarray]
    head: str
    aside: Mapping[str, str]
    separator: str = "."


def load_places(model: ViT, arrays: Arrays, layouts: Sequence[Layout], family: Family, *, keep_head: bool) -> None:
    """Set every parameter of the model from its place in the checkpoint; nothing changes if anything does not fit.

    What was in front of all names, and what was left aside, is said in a warning.

    Parameters
    ----------
    layouts : list of {name of our parameter: Place}
        The ways in which the family's checkpoints are laid out; the one of which the checkpoint has most is taken.
    keep_head : bool
        Leave our head alone, and the checkpoint's aside.
    """
    if keep_head:
        layouts = [{name: layout[name] for name in layout if not name.startswith("head.")} for layout in layouts]
    params = model.named_params()
    with open_arrays(arrays, family.separator) as stored:
        layout, prefix = _choose(layouts, stored)
        said = _check_names(layout, stored, prefix, family, keep_head)
        _check_classes(layout, stored)
        _check_arrays(layout, stored)
        values = {}
        with np.errstate(over="ignore", invalid="ignore"):  # of numbers that are looked at afterwards
            for name, place in layout.items():
                parts = [family.to_our_axes(_numbers(part, stored[part], params[name].dtype)) for part in place.names]
                if place.resample:
                    parts = [place.resample(part) for part in parts]
                rows = params[name].shape[:-1]
                values[name] = params[name].empty()
                np.concatenate([part.reshape(*rows, -1) for part in parts], axis=-1, out=values[name])
    strange = [name for name, value in values.items() if not np.isfinite(value).all()]
    if strange:
        said.append(f"loaded nan or infinite numbers into {listed(strange)}")
    for sentence in said:
        warnings.warn(sentence, stacklevel=3)  # which may be an error to whoever wants it so: nothing is changed yet
    for name, value in values.items():
        params[name].take(value)


def _choose(layouts: Sequence[Layout], stored: Mapping[str, Stored]) -> tuple[Layout, str]:
    """The layout of which the checkpoint has most, under the checkpoint's names, and what stands in front of these."""
    found = [prefix_of(stored, {name for place in layout.values() for name in place.names}) for layout in layouts]
    best = max(range(len(layouts)), key=lambda i: found[i][1])
    prefix, _ = found[best]
    named = {
        name: place._replace(names=tuple(prefix + part for part in place.names))
        for name, place in layouts[best].items()
    }
    return named, prefix


def _check_names(
    layout: Layout, stored: Mapping[str, Stored], prefix: str, family: Family, keep_head: bool
) -> list[str]:
    """Refuse arrays that are missing or have no place; sentences on what was left aside."""
    expected = {name for place in layout.values() for name in place.names}
    missing = expected.difference(stored)
    rest = [name for name in stored if name not in expected]
    if keep_head:
        rest = [name for name in rest if not name.startswith(prefix + family.head)]
    left = {name: why for start, why in family.aside.items() for name in rest if name.startswith(prefix + start)}
    elsewhere = [name for name in rest if not name.startswith(prefix)]
    unknown = set(rest).difference(elsewhere, left)
    if missing or unknown:
        raise KeyError(misfit(missing, unknown, expected, stored))
    reasons = dict.fromkeys(left.values())
    said = [f"left {listed(name for name in left if left[name] == why)} aside: {why}" for why in reasons]
    if prefix:
        others = f" and left {listed(elsewhere)} aside" if elsewhere else ""
        said.append(f"took the arrays whose names begin with {prefix!r}{others}")
    return said


def _check_classes(layout: Layout, stored: Mapping[str, Stored]) -> None:
    """The commonest misfit deserves a sentence of its own."""
    if "head.bias" not in layout:
        return
    (name,), (classes,), _ = layout["head.bias"]
    if len(stored[name].shape) == 1 and stored[name].shape != (classes,):
        theirs = stored[name].shape[0]
        raise ValueError(
            f"the checkpoint is for {theirs} classes, the model for {classes}: "
            f"build the model with num_classes={theirs}, or keep the model's own head (keep_head=True)"
        )


def _check_arrays(layout: Layout, stored: Mapping[str, Stored]) -> None:
    """Shapes, and what the numbers are, before anything is read: so no file has us read more than the model has."""
    for place in layout.values():
        for name in place.names:
            shape, dtype, _ = stored[name]
            if dtype not in FLOATS:
                raise ValueError(
                    f"array {name!r} holds {dtype}; weights are NumPy arrays of {', '.join(FLOATS)} "
                    "(of a PyTorch tensor, tensor.detach().float().cpu().numpy())"
                )
            if not place.fits(shape):
                raise ValueError(f"array {name!r} has shape {shape}; this model expects {place.shape}")


def _numbers(name: str, stored: Stored, dtype: np.dtype) -> ndarray:
    """Read an array and convert it to the model's dtype."""
    array = stored.read()
    numbers = array.astype(dtype, copy=False)
    if numbers is not array and np.isinf(numbers).sum() > np.isinf(array).sum():
        raise ValueError(
            f'array {name!r} holds numbers too large for the model\'s {dtype}: build it with dtype="float64"'
        )
    return numbers
