"""Pre-emphasis: what a voice has less of, its high frequencies, is raised."""

from typing import NamedTuple

from minivit.checked import check_shape, checked
from minivit.ops.input_grad import WaveGrad
from minivit.types import Float, Share, ndarray


class PreemphasisCache(NamedTuple):
    """What ``preemphasis_backward`` needs."""

    shape: tuple[int, ...]
    coef: float
    pad_mode: str


@checked
def preemphasis_forward(
    y: Float[ndarray, "*B T"], *, coef: Share = 0.97, pad_mode: str = "constant"
) -> tuple[Float[ndarray, "*B T"], PreemphasisCache]:
    r"""Each sample less a part of the one before it, :math:`z_t = y_t - c\, y_{t-1}`.

    A filter: what is constant is left as 1 - c of itself, what changes its sign with every sample as 1 + c. Others
    differ in what stands before the first sample: zero (``"constant"``, torchaudio), or the first sample once more
    (``"edge"``, Kaldi, which does it in every frame). librosa has neither: there the first sample is 3 y_0 - y_1.

    Parameters
    ----------
    y : (..., T)
    coef : float
        c, from 0 to 1.
    pad_mode : "constant" or "edge"
        What stands before the first sample.

    Raises
    ------
    ValueError
        If an option is out of its range.

    References
    ----------
    Young et al. 2002, "The HTK Book", section 5.2.
    """
    if pad_mode not in ("constant", "edge"):
        raise ValueError(f"preemphasis: pad_mode is {pad_mode!r:.100}; expected 'constant' or 'edge'")
    z = y.copy()
    z[..., 1:] -= coef * y[..., :-1]
    if pad_mode == "edge":
        z[..., :1] -= coef * y[..., :1]
    return z, PreemphasisCache(y.shape, coef, pad_mode)


@checked
def preemphasis_backward(dy: Float[ndarray, "*B T"], cache: PreemphasisCache) -> WaveGrad:
    r"""Gradient of :func:`preemphasis_forward`: backwards in time, :math:`\bar y_t = \bar z_t - c\, \bar z_{t+1}`."""
    shape, coef, pad_mode = cache
    check_shape("preemphasis_backward: dy", dy, shape)
    dx = dy.copy()
    dx[..., :-1] -= coef * dy[..., 1:]  # forward: z[..., 1:] -= coef * y[..., :-1]
    if pad_mode == "edge":
        dx[..., :1] -= coef * dy[..., :1]  # forward: z[..., :1] -= coef * y[..., :1]
    return WaveGrad(dx)
