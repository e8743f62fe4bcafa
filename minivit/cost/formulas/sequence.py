r"""Four layers that read n vectors of width d, and what each costs: table 1 of the Transformer, with its constants.

The table says O(...). Here are the numbers behind it: which factor stands in front, and what is left out.

Source: Vaswani et al. 2017, section 4, table 1.
"""

from itertools import count
from typing import Annotated, NamedTuple

from minivit.checked import checked
from minivit.types import Positive, Range

Window = Annotated[int, Range(at_least=2)]


class SequenceCost(NamedTuple):
    """``macs`` of one layer, its ``steps`` that must be done one after the other, and the longest ``path``.

    The path is the number of connections that a signal walks from the first place of the input to the last of the
    output. For layers that do not connect them it is the number of layers, one on the other, that do.
    """

    macs: int
    steps: int
    path: int


@checked
def recurrent_layer(n: Positive, d: Positive) -> SequenceCost:
    r"""Recurrent layer, :math:`h_t = \tanh(x_t W + h_{t-1} U + b)`.

    Two products with a d x d matrix at each of n steps: :math:`2 n d^2` MACs, the table's :math:`O(n d^2)`. (A GRU
    has :math:`6 n d^2`.) Every step waits for the one before: n steps. The first input reaches the last output through
    n connections, one into its own state and n - 1 along the states.
    """
    return SequenceCost(macs=2 * n * d**2, steps=n, path=n)


@checked
def convolution_layer(n: Positive, d: Positive, k: Window, *, dilated: bool = False) -> SequenceCost:
    r"""1-D convolution over k places, its own and k - 1 before it, d channels to d channels.

    :math:`k n d^2` MACs, as the table says, with the padding's zeros counted; one step. A layer reaches :math:`k - 1`
    places back, so to lead the first input to the last output takes

    .. math:: L = \left\lceil \frac{n - 1}{k - 1} \right\rceil

    layers, the table's :math:`O(n / k)`. Its :math:`O(\log_k n)` holds for *dilated* convolutions only: with dilation
    :math:`k^l` in layer l, L layers reach :math:`(k - 1) (1 + k + \dots + k^{L-1}) = k^L - 1` places, so
    :math:`L = \lceil \log_k n \rceil`. A kernel that is centred reaches half as far to either side, and with dilation
    leaves out pairs near the ends, whose ways lead over the padding.
    """
    path = _layers(n, k)
    if dilated:
        path = next(layers for layers in count(1) if k**layers >= n)
    return SequenceCost(macs=k * n * d**2, steps=1, path=path)


@checked
def self_attention_layer(n: Positive, d: Positive) -> SequenceCost:
    r"""Self-attention: :math:`2 n^2 d + 4 n d^2` MACs.

    Scores and weighted values are :math:`n^2 d` each: the table's :math:`O(n^2 d)` is :math:`2 n^2 d`. The four
    projections, :math:`4 n d^2`, are left out there, though they are the larger part while :math:`n < 2d`. One step,
    and one connection between any two places.
    """
    return SequenceCost(macs=2 * n**2 * d + 4 * n * d**2, steps=1, path=1)


@checked
def restricted_self_attention_layer(n: Positive, d: Positive, r: Window) -> SequenceCost:
    r"""Self-attention over r places, its own and r - 1 before it: :math:`2 r n d + 4 n d^2` MACs.

    The first part is the table's :math:`O(r n d)`; places before the first count, as padding does. The path is that of
    a convolution, :math:`\lceil (n - 1) / (r - 1) \rceil`, the table's :math:`O(n / r)`. (In the paper the r places are
    centred; then it is twice as long.)
    """
    return SequenceCost(macs=2 * r * n * d + 4 * n * d**2, steps=1, path=_layers(n, r))


def _layers(n: int, k: int) -> int:
    """Layers over k places until the last of n places knows of the first; one, too, if there is only one place."""
    return max(1, -(-(n - 1) // (k - 1)))  # rounded up
