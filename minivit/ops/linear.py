"""Linear map: ``Y = X W + b``, the same for every row of ``X``."""

from typing import NamedTuple

from minivit.checked import checked
from minivit.ops.rows import column_sum, token_product
from minivit.types import Float, ndarray


class LinearCache(NamedTuple):
    """What ``linear_backward`` needs."""

    x: Float[ndarray, "*B D"]
    weight: Float[ndarray, "D F"]
    has_bias: bool


class LinearGrads(NamedTuple):
    """Gradients of the arguments of ``linear_forward``, by name."""

    x: Float[ndarray, "*B D"]
    weight: Float[ndarray, "D F"]
    bias: Float[ndarray, " F"] | None


@checked
def linear_forward(
    x: Float[ndarray, "*B D"], weight: Float[ndarray, "D F"], bias: Float[ndarray, " F"] | None = None
) -> tuple[Float[ndarray, "*B F"], LinearCache]:
    r"""Multiply every row by one matrix and add one bias.

    .. math:: y = x W + b

    Parameters
    ----------
    x : (..., D)
        Any number of leading axes; each row of width D is mapped alone.
    weight : (D, F)
        Rows are inputs, columns are outputs, as the formula is written. (PyTorch stores the transpose.)
    bias : (F,), optional

    Returns
    -------
    y : (..., F)
    cache : LinearCache

    Raises
    ------
    ValueError
        If the width of ``x`` is not the number of rows of ``weight``, or ``bias`` not one number per output.
    """
    # One product over all rows at once, however many axes they are spread over.
    y = (x.reshape(-1, x.shape[-1]) @ weight).reshape(*x.shape[:-1], weight.shape[1])
    if bias is not None:
        y += bias
    return y, LinearCache(x, weight, bias is not None)


@checked
def linear_backward(dy: Float[ndarray, "*B F"], cache: LinearCache) -> LinearGrads:
    r"""Gradients of :func:`linear_forward`.

    In components :math:`y_{nf} = \sum_d x_{nd} W_{df} + b_f`, so with :math:`\bar y = \partial L / \partial y`

    .. math::
        \bar x_{nd} = \sum_f \bar y_{nf} W_{df}, \qquad
        \bar W_{df} = \sum_n x_{nd} \bar y_{nf}, \qquad
        \bar b_f = \sum_n \bar y_{nf}

    that is :math:`\bar X = \bar Y W^\top`, :math:`\bar W = X^\top \bar Y`, :math:`\bar b = 1^\top \bar Y`.
    """
    x, weight, has_bias = cache
    rows = x.reshape(-1, x.shape[-1])  # (rows, D)
    drows = dy.reshape(-1, dy.shape[-1])  # (rows, F)
    dbias = column_sum(drows) if has_bias else None  # forward: y += bias
    dweight = token_product(rows, drows)  # formula: Y = X W
    dx = (drows @ weight.T).reshape(x.shape)  # formula: Y = X W
    return LinearGrads(dx, dweight, dbias)
