"""The ear: which place of the basilar membrane hears which frequency, and how sharply.

The membrane is a rolled up ribbon, narrow and stiff where sound comes in (the base), wide and loose at its end (the
apex). High frequencies move it at the base, low ones at the apex.
"""

from typing import Annotated, NamedTuple

import numpy as np

from minivit.checked import checked, real_numbers
from minivit.types import Range, Real, ndarray

Filters = Annotated[int, Range(at_least=1, at_most=10_000)]
"""How many: of an ear, that has 3,500 inner hair cells, nobody wants more."""


class Membrane(NamedTuple):
    """Of one kind of animal: the constants of Greenwood's map, and how long the membrane is."""

    A: float
    """Hertz."""
    a: float
    k: float
    length: float
    """Millimetres."""


SPECIES = {"human": Membrane(165.4, 2.1, 0.88, 35.0), "cat": Membrane(456.0, 2.1, 0.80, 25.0)}
"""Greenwood 1990, "A cochlear frequency-position function for several species: 29 years later"."""

ERB_SHARE = 0.0223
"""How much of the membrane a filter covers: of a human's this is what :func:`erb` is at high frequencies."""

ORDER = 4
"""Of a gammatone: so many resonators one behind the other."""

WIDER = 1.019
"""The parameter b of a gammatone of order 4 over its equivalent rectangular bandwidth."""


@checked
def greenwood(position: float | ndarray, *, species: str = "human") -> float | ndarray:
    r"""The frequency in hertz that a place of the basilar membrane hears best.

    .. math:: f = A (10^{a x} - k)

    Parameters
    ----------
    position : float, or array of floats
        x, from 0 at the apex to 1 at the base.
    species : str
        "human" or "cat".

    Raises
    ------
    ValueError, TypeError
        If a place is not between 0 and 1, or the species is none of these.

    References
    ----------
    Greenwood 1990, equation 1.
    """
    A, a, k, _ = membrane_of("greenwood", species)
    x = real_numbers("greenwood: position", position)
    if not ((x >= 0) & (x <= 1)).all():
        raise ValueError("greenwood: position must lie between 0, the apex, and 1, the base")
    return (A * (10 ** (a * x) - k))[()]


@checked
def greenwood_position(frequency: float | ndarray, *, species: str = "human") -> float | ndarray:
    """The place of the basilar membrane that hears a frequency best: the inverse of :func:`greenwood`.

    Parameters
    ----------
    frequency : float, or array of floats
        Hertz.
    species : str
        "human" or "cat".

    Raises
    ------
    ValueError, TypeError
        If no place hears it (a human hears 20 to 20,677 Hz, a cat 91 to 57,042 Hz), or the species is none of these.
    """
    A, a, k, _ = membrane_of("greenwood_position", species)
    f = real_numbers("greenwood_position: frequency", frequency)
    lowest, highest = A * (1 - k), A * (10**a - k)
    if not ((f >= lowest * (1 - 1e-9)) & (f <= highest * (1 + 1e-9))).all():
        heard = f"{lowest:.0f} to {highest:,.0f} Hz"
        raise ValueError(f"greenwood_position: frequency is none that this ear hears ({species}: {heard})")
    return np.clip(np.log10(f / A + k) / a, 0, 1)[()]


@checked
def greenwood_frequencies(
    n_filters: Filters = 64, *, fmin: float = 50.0, fmax: float = 8000.0, species: str = "human"
) -> Real[ndarray, " F"]:
    """So many frequencies from ``fmin`` to ``fmax``, whose places are equally far apart on the membrane.

    Raises
    ------
    ValueError, TypeError
        If not fmin < fmax, or one of them is none of :func:`greenwood_position`.
    """
    if not fmin < fmax:
        raise ValueError(f"greenwood_frequencies: fmin is {fmin:g} and fmax {fmax:g}; expected fmin < fmax")
    first, last = (greenwood_position(f, species=species) for f in (fmin, fmax))
    return np.asarray(greenwood(np.linspace(first, last, n_filters), species=species))


@checked
def erb(frequency: float | ndarray, *, species: str = "human") -> float | ndarray:
    r"""How wide an auditory filter is, in hertz: as wide as a rectangle that lets as much noise through.

    .. math:: 24.7 (4.37 f / 1000 + 1)

    of a human. Greenwood's map makes of it nearly the same length of membrane everywhere: 2.2 % of the whole (0.8 mm)
    at high frequencies, 2.4 % at 1 kHz, and 3 % at 100 Hz. The cat's filters are taken to be as wide as a human's at
    high frequencies, measured in this way: :math:`0.0223\, a \ln(10) (f + A k)`.

    Parameters
    ----------
    frequency : float, or array of floats
        Hertz, where the filter lies.
    species : str
        "human" or "cat".

    Raises
    ------
    ValueError, TypeError
        If a frequency is not above 0, or the species is none of these.

    References
    ----------
    Glasberg and Moore 1990, "Derivation of auditory filter shapes from notched-noise data", equation 3.
    """
    A, a, k, _ = membrane_of("erb", species)
    f = real_numbers("erb: frequency", frequency)
    if not ((f > 0) & np.isfinite(f)).all():
        raise ValueError("erb: frequency must be above 0 Hz, and finite")
    if species == "human":
        return (24.7 * (4.37 * f / 1000 + 1))[()]
    return (ERB_SHARE * a * np.log(10) * (f + A * k))[()]


@checked
def basilar_membrane_response(
    frequency: Real[ndarray, " K"], place: Real[ndarray, " P"], *, species: str = "cat"
) -> Real[ndarray, "P K"]:
    r"""How much places of the basilar membrane move at each frequency, in decibels below their largest motion.

    A place answers low frequencies a little and high ones not at all. A gammatone filter is too even for that; with its
    poles alone, and nothing let through at 0 Hz, it is as uneven as an ear:

    .. math:: |H(f)| \propto \frac{f}{|f_0^2 - f^2 + i f f_0 / Q|^{n}}, \qquad
        Q = \frac{f_0}{2 \cdot 1.019\, \mathrm{ERB}(f_0)}, \quad n = 4.

    Parameters
    ----------
    frequency : (K,)
        Hertz.
    place : (P,)
        From 0 at the apex to 1 at the base; :math:`f_0` is what :func:`greenwood` says.
    species : str
        "human" or "cat".

    Returns
    -------
    decibels : (P, K)
        At most 0.

    Raises
    ------
    ValueError, TypeError
        If a frequency is not above 0, a place not between 0 and 1, or the species none of these.

    References
    ----------
    Lyon 1997, "All-pole models of auditory filtering"; Katsiamis, Drakakis and Lyon 2007, "Practical gammatone-like
    filters for auditory processing" (the differentiated all-pole gammatone filter).
    """
    if not ((frequency > 0) & np.isfinite(frequency)).all():
        raise ValueError("basilar_membrane_response: frequency must be above 0 Hz, and finite")
    f0 = np.asarray(greenwood(place, species=species))[:, None]  # (P, 1)
    Q = f0 / (2 * WIDER * np.asarray(erb(f0, species=species)))
    c = 2 - 1 / Q**2
    # The largest |H|^2 = u / (u^2 - c u + 1)^n, with u = f^2 / f0^2, is where its slope is 0.
    n = ORDER
    highest = ((n - 1) * c + np.sqrt(((n - 1) * c) ** 2 + 4 * (2 * n - 1))) / (2 * (2 * n - 1))

    def decibels(u: ndarray) -> ndarray:
        return 10 * np.log10(u) - 10 * n * np.log10(u * u - c * u + 1)

    return (decibels((frequency / f0) ** 2) - decibels(highest)).astype(frequency.dtype)


@checked
def membrane_of(label: str, species: str) -> Membrane:
    """The constants of a species; ValueError, with the name of who asks, if they are not known."""
    if species not in SPECIES:
        raise ValueError(f"{label}: species is {species!r:.100}; expected {' or '.join(SPECIES)}")
    return SPECIES[species]
