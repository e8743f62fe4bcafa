"""How much each part of an input counts for what a model makes of one place, after each of its blocks.

It is asked by trying: the part is changed, and the model computes again. So it can be asked of any model, and what has
no say at all shows where the receptive field ends.
"""

from math import isqrt
from typing import Any

import numpy as np

from minivit.layers import Layer, frozen
from minivit.layers.batch_norm import Frozen
from minivit.models.model import Model
from minivit.nests import NESTS, mapped, named_leaves
from minivit.types import Float, ndarray

NOTHING = 1e-9
"""A smaller share of a vector is rounding."""

AT_ONCE = 64
"""Inputs that are computed together: a forward pass keeps what backward would need."""


def influence(
    model: Model, example: ndarray, changed: ndarray, *, every_token: bool = False
) -> dict[str, Float[ndarray, "n ..."]]:
    r"""Of each block, how far the vector in the middle of its map moves, as a share of its length.

    .. math:: \frac{|h(x_i) - h(x)|}{\max(|h(x_i)|, |h(x)|)}

    Blocks are the items of lists of layers that are made of layers, that make maps (B, Y, X, C) or tokens (B, N, D),
    and that have no such blocks in them. (The convolution and the norm on a block's shortcut are no blocks.) Tokens are
    taken for those of a square map, and what there is more of them for class tokens in front.

    Parameters
    ----------
    model : Model
        It computes in float64 here, with the weights that it has, and with its running averages where it keeps any.
    example : array (1, ...)
        What the model takes, such as an image.
    changed : array (n, ...)
        The same n times, another part of it changed in each.
    every_token : bool
        Of every vector, not of that in the middle alone.

    Returns
    -------
    shares : dict of array (n,), or (n, N) of tokens and (n, Y, X) of maps
        By the name of the block, in the order of forward; 0 where there is no more than rounding (``NOTHING``).
    """
    twin = type(model)(**{**model.config, "dtype": "float64"})
    twin.load_state_dict(model.state_dict())
    twin = frozen(twin)
    heard: dict[str, ndarray] = {}
    _listen(twin, "", heard)
    pick = _every if every_token else _middle

    def middles(inputs: ndarray) -> dict[str, ndarray]:
        heard.clear()
        twin.forward(inputs.astype(np.float64) if np.issubdtype(inputs.dtype, np.floating) else inputs)
        return {name: pick(y) for name, y in heard.items() if len(y) == len(inputs)}

    before = middles(example)
    pieces = [middles(changed[start : start + AT_ONCE]) for start in range(0, len(changed), AT_ONCE)]
    shares = {}
    for name, h in before.items():
        if any(other.startswith(f"{name}.") for other in before):
            continue
        after = np.concatenate([piece[name] for piece in pieces])
        longer = np.maximum(np.linalg.norm(after, axis=-1), np.linalg.norm(h, axis=-1))
        moved = np.linalg.norm(after - h, axis=-1)
        shares[name] = np.where(moved > NOTHING * longer, moved / np.maximum(longer, np.finfo(float).tiny), 0)
    return shares


def _middle(y: ndarray) -> Float[ndarray, "B D"]:
    """The vector in the middle of a map, or of the tokens of a square one."""
    if y.ndim == 4:
        return y[:, y.shape[1] // 2, y.shape[2] // 2]
    side = isqrt(y.shape[1])
    return y[:, y.shape[1] - side**2 + side * (side // 2) + side // 2]


def _every(y: ndarray) -> ndarray:
    """Every vector."""
    return y


class Heard(Layer):
    """A layer of which is kept what it has computed last, if that is a map."""

    def __init__(self, layer: Layer, name: str, heard: dict[str, ndarray]) -> None:
        self.layer, self.name, self.heard = layer, name, heard

    def forward(self, *args: Any, **options: Any) -> tuple[ndarray, Any]:
        y, cache = self.layer.forward(*args, **options)
        if y.ndim in (3, 4):
            self.heard[self.name] = y
        return y, cache


def _listen(layer: Layer, name: str, heard: dict[str, ndarray]) -> None:
    """Put :class:`Heard` around every layer that is in a list, wherever it is, and made of layers."""
    for field, item in list(vars(layer).items()):
        path = f"{name}.{field}" if name else field
        if isinstance(item, Layer):
            _listen(item, path, heard)
        elif isinstance(item, NESTS):
            names = iter([leaf for leaf, _ in named_leaves(item, path)])
            vars(layer)[field] = mapped(lambda part, names=names: _heard(part, next(names), heard), item)


def _heard(part: Any, name: str, heard: dict[str, ndarray]) -> Any:
    if not isinstance(part, Layer):
        return part
    made_of_layers = not isinstance(part, Frozen) and any(
        isinstance(leaf, Layer) for _, leaf in named_leaves(vars(part))
    )
    _listen(part, name, heard)
    return Heard(part, name, heard) if made_of_layers else part
