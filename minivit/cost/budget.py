"""The largest batch that fits into a memory, and what would let a larger one fit."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from minivit.checked import check_range, checked
from minivit.cost.estimate import estimate
from minivit.models.model import Model, create_model
from minivit.train.step import SHARD_SIZE
from minivit.types import pair

UNITS = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
MOST = 2**50
FRUGAL = {"recompute": "blocks", "optimizer": "sgd", "dtype": "float32"}


class LargestBatch(NamedTuple):
    """How many samples fit into one training step, and the most bytes that are alive then.

    Where not even one fits, the batch is 0, and the bytes are those of one.
    """

    in_shards: int
    """As minivit trains: a few samples at a time."""
    at_once: int
    """With the whole batch at once, as other libraries train."""
    peak_in_shards: int
    peak_at_once: int


def bytes_of(text: str) -> int:
    """A size of memory in bytes: ``16GiB`` (2**30 bytes each), ``16 GB`` (10**9), ``0.5MiB``; a part of one is no byte.

    Raises
    ------
    ValueError
        If it is no number with one of these units.
    """
    found = re.fullmatch(r"(\d{1,30}(?:\.\d{1,30})?) ?([A-Za-z]{1,3})", text, re.ASCII)
    if not found or found[2] not in UNITS:
        raise ValueError(f"{text!r} is no size of memory; expected a number and one of {', '.join(UNITS)}, as in 16GiB")
    return int(Decimal(found[1]) * UNITS[found[2]])


@checked
def largest_batch(model: str | Model, budget: int | str, **options: Any) -> LargestBatch:
    """The largest batch of which a training step needs no more than a budget: one sample more would not fit.

    The budget is for arrays, as :func:`~minivit.cost.estimate` counts them. Python, NumPy and the data set come on top.

    Parameters
    ----------
    model : str or Model
    budget : int or str
        Bytes, or a text such as ``"16GiB"`` or ``"16 GB"``.
    options
        Those of :func:`~minivit.cost.estimate`, but ``batch``.

    Raises
    ------
    ValueError, TypeError
        If not even one sample fits: it says what one needs. Or as :func:`~minivit.cost.estimate`.

    Examples
    --------
    >>> import minivit as mv
    >>> mv.cost.largest_batch("vit_base_patch16_224", "16GiB").at_once
    105
    """
    budget = _in_bytes(budget)
    found = _largest(model, budget, options)
    if found.in_shards == 0:
        name = model if isinstance(model, str) else type(model).__name__
        raise ValueError(
            f"a training step of {name} with a single sample takes {found.peak_in_shards:,} bytes "
            f"({found.peak_in_shards / 2**20:,.1f} MiB), more than the budget of {budget:,}"
        )
    return found


@checked
def largest_otherwise(model: str | Model, budget: int | str, **options: Any) -> dict[str, LargestBatch]:
    """What may let a larger batch fit, and how large it then can be: ``{"recompute=blocks": LargestBatch(...), ...}``.

    Each is tried by itself, by counting: blocks that are computed again, SGD (one average for each parameter in place
    of Adam's two), float32 in place of float64 (there is nothing smaller), images of half the side. What is chosen
    already, or does not fit the model, is left out. The arguments are those of :func:`largest_batch`.
    """
    budget = _in_bytes(budget)
    config = (create_model(model) if isinstance(model, str) else model).config
    now = {"dtype": config["dtype"], **options}
    found = {
        f"{name}={value}": _largest(model, budget, {**options, name: value})
        for name, value in FRUGAL.items()
        if now.get(name) != value
    }
    Y, X = (side // 2 for side in pair(options.get("img_size") or config.get("img_size", 1)))
    with suppress(ValueError):  # half the side may be no whole number of patches, or nothing
        found[f"img_size={Y}x{X}"] = _largest(model, budget, {**options, "img_size": (Y, X)})
    return found


def _in_bytes(budget: int | str) -> int:
    budget = bytes_of(budget) if isinstance(budget, str) else budget
    check_range("budget", budget, at_least=0, at_most=MOST)
    return budget


def _largest(model: str | Model, budget: int, options: dict[str, Any]) -> LargestBatch:
    if "batch" in options:
        raise TypeError("the batch is what is looked for; leave it out")
    one = estimate(model, **options)
    # from three shards on one more is nothing but its inputs
    in_shards, peak_in_shards = largest(
        one.peak_training_bytes, one.peaks.in_shards, budget, (3 * SHARD_SIZE, 4 * SHARD_SIZE)
    )
    at_once, peak_at_once = largest(one.peak_whole_batch_bytes, cache(one.peaks.at_once), budget, (SHARD_SIZE,))
    return LargestBatch(in_shards, at_once, peak_in_shards, peak_at_once)


def largest(at_one: int, needs: Callable[[int], int], budget: int, first: Sequence[int]) -> tuple[int, int]:
    """The largest n with ``needs(n) <= budget``, and what it needs; 0, and what 1 needs, if 1 needs more.

    ``at_one`` is ``needs(1)``, and ``needs`` must grow with n, all in all: where it does not, one n is found that fits
    while n + 1 does not. Where it is straight, the line through two of its points leads to the answer, so that a few
    points are enough; where three lines one after the other have not halved what is left, its middle is tried.
    ``first`` are the points that are tried before all others, as long as they fit.
    """
    if at_one > budget:
        return 0, at_one
    low, at_low = 1, at_one
    high, slow, (guess, *ahead) = None, 0, first
    while high is None or high - low > 1:
        at_guess, left = needs(guess), high - low if high else None
        run, rise = guess - low, max(1, at_guess - at_low)
        if at_guess <= budget:
            low, at_low = guess, at_guess
        else:
            high, ahead = guess, []
        guess = ahead.pop(0) if ahead else low + max(1, (budget - at_low) * run // rise)
        if high is not None:
            slow = slow + 1 if left and 2 * (high - low) > left else 0
            guess = (low + high) // 2 if slow == 3 else min(guess, high - 1)
            slow %= 3
    return low, at_low
