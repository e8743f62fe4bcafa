"""Recurrent nets: one symbol after the other, and a state that is handed on."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from minivit.checked import check_shape, checked
from minivit.layers.basic import Linear
from minivit.layers.layer import Layer
from minivit.ops.gru import GruCache, gru_backward, gru_forward
from minivit.ops.linear import LinearCache
from minivit.types import Bool, Float, ndarray


class GRUCellCache(NamedTuple):
    """Caches of the steps of :class:`GRUCell`."""

    ih: LinearCache
    hh: LinearCache
    gru: GruCache


class GRUCell(Layer):
    """One step of a gated recurrent unit: an input and the state give the next state.

    The columns of both weights are those of the gates r, z and of n, as PyTorch's ``GRUCell`` has them in the rows of
    ``weight_ih`` and ``weight_hh``.

    Source: Cho et al. 2014, section 2.3; see :func:`minivit.ops.gru_forward`.
    """

    def __init__(self, in_features: int, dim: int) -> None:
        self.ih = Linear(in_features, 3 * dim)
        self.hh = Linear(dim, 3 * dim)

    def forward(self, x: ndarray, h: ndarray, *, rng: Generator | None = None) -> tuple[ndarray, GRUCellCache]:
        """(B, in_features) and (B, D) -> (B, D)."""
        gates_x, c_ih = self.ih.forward(x)  # (B, 3D)
        gates_h, c_hh = self.hh.forward(h)  # (B, 3D)
        y, c_gru = gru_forward(gates_x, gates_h, h)
        return y, GRUCellCache(c_ih, c_hh, c_gru)

    def backward(self, dy: ndarray, cache: GRUCellCache) -> tuple[ndarray, ndarray]:
        """Add to the gradients of the parameters; return those of input and state."""
        dgates_x, dgates_h, dh = gru_backward(dy, cache.gru)
        dx = self.ih.backward(dgates_x, cache.ih)
        # forward: gru_forward(gates_x, gates_h, h); h made gates_h, too
        return dx, dh + self.hh.backward(dgates_h, cache.hh)


class GRUCache(NamedTuple):
    """Caches of the steps of :class:`GRU`, in the order in which they were made, and which places count."""

    cell: list[GRUCellCache]
    mask: ndarray | None


class GRU(Layer):
    """A gated recurrent unit reads a sequence and gives its state after each place; it starts from zeros.

    ``reverse``: it reads from the last place to the first, so its state at a place knows what stands behind.
    """

    def __init__(self, in_features: int, dim: int, *, reverse: bool = False) -> None:
        self.dim, self.reverse = dim, reverse
        self.cell = GRUCell(in_features, dim)

    @checked
    def forward(
        self, x: Float[ndarray, "B N D"], *, mask: Bool[ndarray, "B N"] | None = None, rng: Generator | None = None
    ) -> tuple[ndarray, GRUCache]:
        """(B, N, in_features) -> (B, N, D). Where ``mask`` (B, N) is False, nothing is read: the state stays."""
        B, N, _ = x.shape
        h = np.zeros_like(x, shape=(B, self.dim))
        y = np.empty_like(x, np.result_type(x, self.cell.ih.weight.value), shape=(B, N, self.dim))
        caches = []
        for n in self._order(N):
            new, c_cell = self.cell.forward(x[:, n], h)
            h = y[:, n] = new if mask is None else np.where(mask[:, n, None], new, h)
            caches.append(c_cell)
        return y, GRUCache(caches, mask)

    def backward(self, dy: ndarray, cache: GRUCache) -> ndarray:
        """Backwards through time, the last step first; what comes back through a state goes on to the step before."""
        B, N = len(dy), len(cache.cell)
        check_shape("dy", dy, (B, N, self.dim))
        dx = np.empty_like(dy, shape=(B, N, self.cell.ih.weight.shape[0]))
        dh = np.zeros_like(dy, shape=(B, self.dim))
        for n, c_cell in zip(reversed(self._order(N)), reversed(cache.cell), strict=True):
            dh = dh + dy[:, n]  # forward: h = y[:, n] = new; the output of this place is the state of the next
            read = True if cache.mask is None else cache.mask[:, n, None]
            dx[:, n], dh_before = self.cell.backward(np.where(read, dh, 0), c_cell)
            dh = dh_before + np.where(read, 0, dh)  # forward: np.where(mask[:, n, None], new, h)
        return dx

    def _order(self, places: int) -> range:
        return range(places)[::-1] if self.reverse else range(places)
