"""One token of each sequence: the one that stands where the sequence ends, for example."""

from typing import NamedTuple

import numpy as np

from minivit.checked import check_numbers, check_shape, checked
from minivit.ops.input_grad import InputGrad
from minivit.types import Float, Int, ndarray


class PickTokenCache(NamedTuple):
    """What ``pick_token_backward`` needs."""

    x_shape: tuple[int, ...]
    places: Int[ndarray, "B"]


@checked
def pick_token_forward(
    x: Float[ndarray, "B N D"], *, places: Int[ndarray, "B"]
) -> tuple[Float[ndarray, "B D"], PickTokenCache]:
    r"""The token at one place of each sequence, which may be another in each.

    .. math:: y_b = x_{b, n_b}

    Parameters
    ----------
    x : (B, N, D)
    places : integers (B,)
        :math:`n_b`, from 0 to N - 1: it does not count from the end.

    Raises
    ------
    ValueError
        If a place is outside 0..N-1.

    References
    ----------
    Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision", section 2.4: the
    features of a text are those at its end.
    """
    check_numbers("pick_token: place", places, x.shape[1], "tokens")
    places = places.astype(np.intp)  # a copy: whoever writes into the array leaves the cache as it is
    return x[np.arange(len(x), like=places), places], PickTokenCache(x.shape, places)


@checked
def pick_token_backward(dy: Float[ndarray, "B D"], cache: PickTokenCache) -> InputGrad:
    """Gradient of :func:`pick_token_forward`: to the token that was picked; the others had no say."""
    check_shape("pick_token_backward: dy", dy, cache.x_shape[::2])
    dx = np.zeros_like(dy, shape=cache.x_shape)
    dx[np.arange(len(dx), like=cache.places), cache.places] = dy  # formula: y_b = x[b, places_b]
    return InputGrad(dx)
