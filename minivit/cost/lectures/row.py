"""One number of a slide: as printed, as computed, and the verdict that follows from the two."""

from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

PREFIXES = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}

UNITS: dict[str, tuple[int, str]] = {
    f"{prefix} {thing}".strip(): (scale, thing)
    for prefix, scale in PREFIXES.items()
    for thing in ("", "parameters", "attention weights", "MACs", "FLOPs", "FLOP/s", "B/s")
}
"""Units, each with what one of them is: "G MACs" is 10^9 "MACs"."""
UNITS |= {f"{prefix}B": (PREFIXES[prefix], "bytes") for prefix in "KMGT"}
UNITS |= {f"{prefix}iB": (1024 ** (place + 1), "bytes") for place, prefix in enumerate("KMGT")}

MODEL = "model"
"""The number is that of a model of minivit."""
FORMULA = "formula"
"""A closed formula of :mod:`minivit.cost.formulas`."""
NO_MODEL = "formula, no model here"
"""A closed formula, of a family that is not in minivit."""
ARITHMETIC = "arithmetic"

VERDICTS = ("right", "rounded", "wrong unit", "wrong", "quoted")

Number = int | float | Fraction


class Row(NamedTuple):
    """A number of a slide. ``unit`` is the slide's, ``meant`` the one in which its number is to be read.

    ``computed`` is exact, in bytes, parameters, MACs, ...; None if the number is quoted. ``source`` says where it is
    from: a model of minivit, a formula, arithmetic, or a paper.
    """

    topic: str
    printed: str
    unit: str
    meant: str
    computed: int | float | str | None
    verdict: str
    why: str
    source: str


def held(
    topic: str,
    printed: str,
    unit: str,
    computed: Number | str,
    why: str,
    *,
    meant: str | None = None,
    step: int | None = None,
    source: str = ARITHMETIC,
) -> Row:
    """A number that is held against what is computed here; ``meant`` is ``unit`` if not given."""
    meant = unit if meant is None else meant
    found = verdict(printed, unit, meant, computed, step)
    if found in ("rounded", "wrong unit") and not isinstance(computed, str):
        why = _how_rounded(printed, meant, computed, step) + why
    exact = float(computed) if isinstance(computed, Fraction) else computed
    return Row(topic, printed, unit, meant, exact, found, why, source)


def quoted(topic: str, printed: str, unit: str, source: str, why: str, *, meant: str | None = None) -> Row:
    """A number that only a measurement gives, with its paper."""
    return Row(topic, printed, unit, unit if meant is None else meant, None, "quoted", why, source)


def _away(printed: str, meant: str, computed: Number, step: int | None) -> Fraction:
    """How far the printed number is above the computed one, in steps of its last digit."""
    number = Decimal(printed.replace(",", "").removeprefix("~"))
    last = Fraction(step) if step else Fraction(10) ** int(number.as_tuple().exponent)
    return (Fraction(number) - Fraction(computed) / UNITS[meant][0]) / last


def _how_rounded(printed: str, meant: str, computed: Number, step: int | None) -> str:
    """Words for a number that is not rounded to the nearest."""
    away = _away(printed, meant, computed, step)
    return "cut, not rounded; " if away < -0.5 else "rounded up; " if away > 0.5 else ""


def verdict(printed: str, unit: str, meant: str, computed: Number | str, step: int | None = None) -> str:
    """What a printed number is, given the computed one.

    "right": the same. "rounded": less than one step of its last digit away, so rounded up, down or cut. "wrong unit":
    right or rounded, if read in the unit that is meant. Else "wrong".

    Parameters
    ----------
    printed : str
        A number as it stands on the slide, or words, which are compared with words.
    unit, meant : str
        Names in :data:`UNITS`.
    computed
        In what ``meant`` is a multiple of: bytes for "GiB".
    step : int, optional
        Of the last digit that counts, where zeros at the end do not.
    """
    if isinstance(computed, str):
        return "right" if printed == computed else "wrong"
    away = abs(_away(printed, meant, computed, step))
    if away >= 1:
        return "wrong"
    if unit != meant:
        return "wrong unit"
    return "rounded" if away else "right"
