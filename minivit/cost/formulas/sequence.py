r"""Four layers that read n vectors of width d, and what each costs: table 1 of the Transformer, with its constants.

The table says O(...). Here are the numbers behind it: which factor stands in front, and what is left out.

Source: Vaswani et al. 2017, section 4, table 1.
"""

from typing import NamedTuple

from minivit.checked import checked
from minivit.types import Positive


class SequenceCost(NamedTuple):
    """``macs`` of one layer, its ``steps`` that must be done one after the other, and the longest ``path``.

    The path is the number of connections that a signal walks from one place of the input to the output that is hardest
    to reach from there. For layers that do not connect all places it is the number of layers that do.
    """

    macs: int
    steps: int
    path: int


@checked
def recurrent_layer(n: Positive, d: Positive) -> SequenceCost:
    r"""Recurrent layer, :math:`h_t = \tanh(x_t W + h_{t-1} U + b)`.

    Two products with a d x d matrix at each of n steps: :math:`2 n d^2` MACs, the table's :math:`O(n d^2)`. (A GRU has
    :math:`6 n d^2`, an LSTM :math:`8 n d^2`.) Every step waits for the one before: n steps. The first input reaches the
    last output through n connections, one into its own state and n - 1 along the states.
    """
    return SequenceCost(macs=2 * n * d**2, steps=n, path=n)


@checked
def convolution_layer(n: Positive, d: Positive, k: Positive, *, dilated: bool = False) -> SequenceCost:
    r"""1-D convolution over k neighbours, d channels to d channels, padded so that n places remain.

    :math:`k n d^2` MACs, as the table says, with the padding's zeros counted; one step. The kernel reaches
    :math:`(k - 1) / 2` places to either side. To connect the two ends, :math:`n - 1` places apart, takes

    .. math:: L = \left\lceil \frac{2 (n - 1)}{k - 1} \right\rceil

    layers, the table's :math:`O(n / k)`. The :math:`O(\log_k n)` of the table is for *dilated* convolutions only: with
    dilation :math:`k^l` in layer l, L layers reach :math:`\frac{k - 1}{2} (1 + k + \dots + k^{L-1}) = (k^L - 1) / 2`
    places, so :math:`k^L \ge 2n - 1` is what is needed, :math:`L = \lceil \log_k (2n - 1) \rceil`.

    Raises
    ------
    ValueError
        If k is even or 1: such a kernel has no middle, or sees no neighbours.
    """
    _check_width("k", k)
    path = _layers(n, k)
    if dilated:
        path = 1
        while k**path < 2 * n - 1:
            path += 1
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
def restricted_self_attention_layer(n: Positive, d: Positive, r: Positive) -> SequenceCost:
    r"""Self-attention over the r places around each: :math:`2 r n d + 4 n d^2` MACs.

    The first part is the table's :math:`O(r n d)`; neighbours over the ends count, as padding does. One layer reaches
    :math:`(r - 1) / 2` places, so the path is that of a convolution, :math:`\lceil 2 (n - 1) / (r - 1) \rceil`, the
    table's :math:`O(n / r)`.

    Raises
    ------
    ValueError
        If r is even or 1.
    """
    _check_width("r", r)
    return SequenceCost(macs=2 * r * n * d + 4 * n * d**2, steps=1, path=_layers(n, r))


def _layers(n: int, k: int) -> int:
    """Layers until each end of n places knows of the other; one, too, if there is only one place."""
    return max(1, -(-(n - 1) // (k // 2)))  # rounded up


def _check_width(name: str, k: int) -> None:
    if k < 3 or k % 2 == 0:
        raise ValueError(f"{name} is {k}; expected an odd number of places around each, at least 3")
