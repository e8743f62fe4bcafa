"""The vocal tract as a row of tubes: its shape decides where its resonances lie, the formants.

A tube that is shut at one end (the glottis) and open at the other (the lips) rings where it is a quarter of a wave
long, three quarters, five quarters, and so on. The tongue makes it narrow here and wide there, and moves these
frequencies.
"""

from collections.abc import Sequence
from typing import Annotated

import numpy as np

from minivit.checked import checked
from minivit.types import Range, Real, ndarray

SPEED = 35_000.0
"""Of sound in warm and moist air: centimetres in a second."""

LOSS = 60.0
"""How wide all resonances are, in hertz: walls and lips take something away, which the tubes alone do not know."""

TUBES: dict[str, tuple[tuple[float, float], ...]] = {
    "uh": ((17.5, 5.0),),
    "a": ((9.0, 1.0), (8.0, 7.0)),
    "ae": ((4.0, 1.0), (13.0, 8.0)),
    "i": ((9.0, 8.0), (6.0, 1.0)),
}
"""Tracts of two tubes or one, from the glottis to the lips: of each its length in cm and its area in square cm. "uh" is
the vowel of a tract that is as wide everywhere, "ae" that of "had". After Fant 1960, "Acoustic Theory of Speech
Production", in Rabiner and Schafer 1978, "Digital Processing of Speech Signals", chapter 3."""

HIGHEST = 5000.0
"""Hertz, up to where resonances are looked for: above, waves run across the tubes, too."""


@checked
def tube_response(frequency: Real[ndarray, " K"], tubes: Sequence[tuple[float, float]]) -> Real[ndarray, " K"]:
    r"""How much more air moves at the lips than at the glottis, in decibels, at each frequency.

    At the ends of a tube of length l and area A, pressure p and flow U hang together by

    .. math::
        \begin{pmatrix} p \\ U \end{pmatrix}_{\text{in}} =
        \begin{pmatrix} \cos kl & i Z \sin kl \\ i \sin(kl) / Z & \cos kl \end{pmatrix}
        \begin{pmatrix} p \\ U \end{pmatrix}_{\text{out}}, \qquad Z = \frac{\rho c}{A},
        \quad k = \frac{2 \pi f - i \pi B}{c},

    B being how wide the resonances are. At the lips the pressure is 0, so that the lower right number of the product of
    all these matrices is the flow at the glottis over that at the lips. (All areas may be multiplied by the same
    number: only how they differ counts.)

    Parameters
    ----------
    frequency : (K,)
        Hertz.
    tubes : sequence of (length in cm, area in square cm)
        From the glottis to the lips, such as those of ``TUBES``.

    Raises
    ------
    ValueError, TypeError
        If there are no tubes, a length or an area is not between 0.01 and 100, or a frequency below 0.

    References
    ----------
    Rabiner and Schafer 1978, section 3.3 (lossless tubes).
    """
    _check_tubes("tube_response", tubes)
    if not ((frequency >= 0) & np.isfinite(frequency)).all():
        raise ValueError("tube_response: frequency must be at least 0 Hz, and finite")
    k = (2 * np.pi * frequency.astype(np.float64) - 1j * np.pi * LOSS) / SPEED
    return (-20 * np.log10(np.abs(_flow(k, tubes)))).astype(frequency.dtype)


@checked
def tube_formants(
    tubes: Sequence[tuple[float, float]], *, highest: Annotated[float, Range(above=0, at_most=HIGHEST)] = HIGHEST
) -> Real[ndarray, " K"]:
    """The frequencies in hertz at which a tract of tubes resonates, up to ``highest``, if nothing is lost.

    A tube of 17.5 cm has 500, 1500, 2500, ...: its quarter, three quarters, five quarters of a wave. (For the arguments
    and errors see :func:`tube_response`.)

    Parameters
    ----------
    highest : float
        Hertz, at most 5000.
    """
    _check_tubes("tube_formants", tubes)
    frequency = np.arange(0, highest + 2, 0.5)
    flow = np.real(_flow(2 * np.pi * frequency / SPEED, tubes))  # nothing is lost: its imaginary part is 0
    at = np.flatnonzero(np.diff(np.signbit(flow)))
    found = frequency[at] + 0.5 * flow[at] / (flow[at] - flow[at + 1])  # where the line between both crosses 0
    return found[found <= highest]


def _flow(k: ndarray, tubes: Sequence[tuple[float, float]]) -> ndarray:
    """The flow at the glottis for a flow of 1 and a pressure of 0 at the lips."""
    p, U = np.zeros(k.shape, complex), np.ones(k.shape, complex)
    for length, area in reversed(tubes):
        Z = 1 / area  # in units in which the density of air times the speed of sound is 1
        cos, sin = np.cos(k * length), np.sin(k * length)
        p, U = cos * p + 1j * Z * sin * U, 1j / Z * sin * p + cos * U
    return U


def _check_tubes(label: str, tubes: Sequence[tuple[float, float]]) -> None:
    if len(tubes) == 0:
        raise ValueError(f"{label}: there are no tubes; expected a (length, area) for each, and at least one")
    if not ((np.asarray(tubes) >= 0.01) & (np.asarray(tubes) <= 100)).all():
        raise ValueError(f"{label}: tubes have a length or an area that is not between 0.01 and 100 cm")
