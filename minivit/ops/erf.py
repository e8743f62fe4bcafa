"""The error function, which NumPy does not have: scipy's where digits count, a faster one where float32 trains."""

import numpy as np

from minivit.types import Float, ndarray

# erf(x) = tanh(x P(x^2)): atanh(erf(x)) / x is smooth and even, and NumPy's tanh is fast. The coefficients of P, of
# degree 6, minimise the largest error of the tanh on |x| <= 4 (6e-8); beyond 4, erf rounds to 1 in float32, and so does
# this tanh, because x P(x^2) goes on growing.
_P = (1.12837971, 1.02765482e-01, -1.84385009e-04, -6.25718170e-04, 8.97119319e-05, -5.98555666e-06, 1.58950504e-07)


@np.errstate(over="ignore")  # x P(x^2) may grow to infinity, of which the tanh is 1
def erf(x: Float[ndarray, "..."]) -> Float[ndarray, "..."]:
    r"""Error function.

    .. math:: \operatorname{erf}(x) = \frac{2}{\sqrt\pi} \int_0^x e^{-t^2} dt

    float64 and complex numbers go to ``scipy.special.erf``. float32 gets :math:`\tanh(x P(x^2))` with a polynomial P,
    at most 1.5e-7 off (about one unit in the last place of 1), which takes a sixth of scipy's time.
    """
    if x.dtype != np.float32:
        from scipy.special import erf as exact

        return exact(x)
    square = x * x
    y = square * _P[-1]
    for coefficient in _P[-2:0:-1]:
        y += coefficient
        y *= square
    y += _P[0]
    y *= x
    return np.tanh(y, out=y)
