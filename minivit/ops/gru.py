"""Gated recurrent unit: a state that is handed on, and gates that say how much of it is kept."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_shape, checked
from minivit.ops.activations import SigmoidCache, sigmoid_backward, sigmoid_forward
from minivit.types import Float, ndarray


class GruCache(NamedTuple):
    """What ``gru_backward`` needs: the gates, the candidate, and the parts of which they were made."""

    h: Float[ndarray, "*B D"]
    reset: Float[ndarray, "*B D"]
    update: Float[ndarray, "*B D"]
    new: Float[ndarray, "*B D"]
    from_h: Float[ndarray, "*B D"]


class GruGrads(NamedTuple):
    """Gradients of the arguments of ``gru_forward``, by name."""

    gates_x: Float[ndarray, "*B F"]
    gates_h: Float[ndarray, "*B F"]
    h: Float[ndarray, "*B D"]


@checked
def gru_forward(
    gates_x: Float[ndarray, "*B F"], gates_h: Float[ndarray, "*B F"], h: Float[ndarray, "*B D"]
) -> tuple[Float[ndarray, "*B D"], GruCache]:
    r"""The next state of a gated recurrent unit, of what input and state say to its gates.

    .. math::
        r = \sigma(a_r + b_r), \qquad z = \sigma(a_z + b_z), \qquad n = \tanh(a_n + r \circ b_n), \qquad
        h' = (1 - z) \circ n + z \circ h

    :math:`a` is a linear map of the input, :math:`b` one of the state. Where the update gate z is 1, the state is
    handed on as it is; where it is 0, it is replaced by n. The reset gate r may keep n from looking at the old state.

    Parameters
    ----------
    gates_x, gates_h : (..., 3 D)
        :math:`a` and :math:`b`: the columns are those of r, z and n, in PyTorch's order.
    h : (..., D)
        The state.

    Returns
    -------
    y : (..., D)
        The next state.
    cache : GruCache

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Notes
    -----
    Cho et al. exchange the roles of z and 1 - z in some versions, and put r on the state before its linear map,
    :math:`U (r \circ h)`; PyTorch and cuDNN put it after, as here, so that one product is enough for all three parts.

    References
    ----------
    Cho et al. 2014, "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation",
    section 2.3.
    """
    check_shape("gru: gates_x", gates_x, (*h.shape[:-1], 3 * h.shape[-1]))
    a_reset, a_update, a_new = np.split(gates_x, 3, axis=-1)
    b_reset, b_update, b_new = np.split(gates_h, 3, axis=-1)
    reset, _ = sigmoid_forward(a_reset + b_reset)
    update, _ = sigmoid_forward(a_update + b_update)
    new = np.tanh(a_new + reset * b_new)
    y = (1 - update) * new + update * h
    return y, GruCache(h=h, reset=reset, update=update, new=new, from_h=b_new)


@checked
def gru_backward(dy: Float[ndarray, "*B D"], cache: GruCache) -> GruGrads:
    r"""Gradients of :func:`gru_forward`.

    From :math:`h' = (1 - z) \circ n + z \circ h`:

    .. math::
        \bar h = \bar h' \circ z, \qquad \bar n = \bar h' \circ (1 - z), \qquad \bar z = \bar h' \circ (h - n)

    and from :math:`n = \tanh(u)`, :math:`u = a_n + r \circ b_n`:

    .. math::
        \bar a_n = \bar n \circ (1 - n^2), \qquad \bar b_n = \bar a_n \circ r, \qquad \bar r = \bar a_n \circ b_n

    A gate is a sigmoid, whose slope is made of its output:

    .. math:: \bar a_z = \bar z \circ z \circ (1 - z), \qquad \bar a_r = \bar r \circ r \circ (1 - r)

    The gates add what comes from input and state, so both get the same gradient. The way through z, from state to
    state, has no matrix in it: where z is near 1, the gradient passes as it is, over many steps.
    """
    h, reset, update, new, from_h = cache
    dh = dy * update  # forward: y = (1 - update) * new + update * h
    da_new = dy * (1 - update) * (1 - new * new)  # forward: new = np.tanh(a_new + reset * b_new)
    (da_update,) = sigmoid_backward(dy * (h - new), SigmoidCache(update))  # formula: update = sigmoid(...)
    (da_reset,) = sigmoid_backward(da_new * from_h, SigmoidCache(reset))  # formula: reset = sigmoid(...)
    dgates_x = np.concatenate((da_reset, da_update, da_new), axis=-1)
    dgates_h = np.concatenate((da_reset, da_update, da_new * reset), axis=-1)
    return GruGrads(dgates_x, dgates_h, dh)
