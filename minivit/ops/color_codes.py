"""Colours in 3 bits per channel, and what can be asked of a patch that is not shown."""

from math import prod

import numpy as np

from minivit.checked import check_numbers, check_range, checked
from minivit.types import Int, Positive, Size, ndarray, pair

LEVELS = 8
"""Of each channel: 3 bits."""

MOST_CHANNELS = 6
"""Whose colours have codes: 8 times as many for each channel."""

SMALL = 4
"""Rows and columns of a patch that is made smaller."""

MASK = -1
"""In place of the number of a patch: the mask token is shown."""

TARGETS = ("mean", "rgb", "downsized", "pixels")


@checked
def color_codes(colors: ndarray) -> Int[ndarray, "..."]:
    r"""One number for each colour: its class out of 512, if there are three channels.

    .. math:: k = \sum_c 8^{C-1-c} \left\lfloor x_c / 32 \right\rfloor

    Parameters
    ----------
    colors : (..., C)
        Numbers from 0 to 255, whole ones or means of them.

    Raises
    ------
    ValueError
        If a number is outside of 0 to 255.

    References
    ----------
    Dosovitskiy et al. 2021, section B.1.2 ("3bit, mean color (i.e., 512 colors in total)").
    """
    if colors.size and not (colors.min() >= 0 and colors.max() <= 255):
        raise ValueError(f"color_codes: numbers go from {colors.min():g} to {colors.max():g}; expected 0 to 255")
    C = colors.shape[-1]
    levels = np.floor_divide(colors, 256 // LEVELS).astype(np.intp)
    return (levels * LEVELS ** np.arange(C - 1, -1, -1)).sum(-1)


@checked
def colors_of(codes: ndarray, *, channels: Positive) -> ndarray:
    """The colour in the middle of each class: what :func:`color_codes` has lost is at most 16 of 255."""
    check_numbers("code", codes, LEVELS**channels, "colours")
    levels = codes[..., None] // LEVELS ** np.arange(channels - 1, -1, -1) % LEVELS
    return levels * (256 // LEVELS) + 128 // LEVELS


@checked
def patch_outputs(target: str, *, patch_size: Size, in_chans: Positive) -> int:
    """How many numbers a model says of each patch.

    Parameters
    ----------
    target : str
        "mean": a logit for each code of the patch's mean colour, 512 of three channels. "rgb": the mean colour itself.
        "downsized": logits for the codes of the patch made smaller, to 4 x 4. "pixels": all of its numbers.
    patch_size : int or (rows, columns)
    in_chans : int

    Raises
    ------
    ValueError
        If ``target`` is none of them, 4 does not divide the sides of a patch that is to be made smaller, or there are
        codes to be told of more than six channels.

    References
    ----------
    Dosovitskiy et al. 2021, section B.1.2, has all but "rgb", which slides show.
    """
    if target not in TARGETS:
        raise ValueError(f"target is {target!r}; expected one of {', '.join(TARGETS)}")
    if target in ("mean", "downsized"):
        check_range("in_chans", in_chans, at_most=MOST_CHANNELS)
    P, Q = pair(patch_size)
    if target == "downsized" and (P % SMALL or Q % SMALL):
        raise ValueError(f"a patch of {P} x {Q} cannot be made {SMALL} x {SMALL}; expected sides that 4 divides")
    if target in ("rgb", "pixels"):
        return in_chans if target == "rgb" else prod((P, Q, in_chans))
    return LEVELS**in_chans * (1 if target == "mean" else SMALL**2)
