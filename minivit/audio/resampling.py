"""Sound at another rate."""

from math import gcd

import numpy as np

from minivit.checked import checked
from minivit.types import Real, SampleRate, ndarray


@checked
def resample(y: Real[ndarray, "*B T"], *, orig_sr: SampleRate, target_sr: SampleRate) -> Real[ndarray, "*B S"]:
    """Give a sound another number of samples in a second.

    Between its samples zeros are put until both rates divide, what neither rate can have is filtered out, and of what
    is left every so-manyth sample is taken; scipy's polyphase filter does so without the work that comes to nothing.

    Parameters
    ----------
    y : (..., T)
    orig_sr, target_sr : int
        Samples in a second that it has, and that it shall have.

    Returns
    -------
    y : (..., ceil(T * target_sr / orig_sr))
        As loud as before.

    Raises
    ------
    ValueError, TypeError
        If a rate is not between 1 and 1,000,000.
    """
    from scipy.signal import resample_poly

    common = gcd(orig_sr, target_sr)
    up, down = target_sr // common, orig_sr // common
    if up == down:
        return y.copy()
    if y.size == 0:
        return np.empty((*y.shape[:-1], -(-y.shape[-1] * up // down)), y.dtype)
    return np.asarray(resample_poly(y, up, down, axis=-1), y.dtype)
