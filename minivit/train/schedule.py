"""Learning-rate schedules: the rate of every step, as a function of the step."""

from math import cos, inf, pi

from minivit.checked import check_range, checked


@checked
def warmup_cosine(step: int, *, total: int, warmup: int, lr: float, min_lr: float = 0.0) -> float:
    r"""Linear warmup, then half a cosine down.

    .. math::
        \eta_t = \eta \frac{t + 1}{w} \;\; (t < w), \qquad
        \eta_t = \eta_{\min} + \frac{\eta - \eta_{\min}}{2} \left(1 + \cos \pi \frac{t - w}{T - w}\right) \;\; (t \ge w)

    Parameters
    ----------
    step : int
        t, from 0 to total - 1. After the last step, the rate stays at its end.
    total, warmup : int
        Number of all steps T, and of those in which the rate rises, w.

    Raises
    ------
    ValueError
        If the warmup is longer than the training or negative, or the step or a rate is negative.

    References
    ----------
    Loshchilov and Hutter 2017, "SGDR", equation 5, without restarts; warmup as in Vaswani et al. 2017.
    """
    if not 0 <= warmup <= total:
        raise ValueError(f"warmup_cosine: warmup is {warmup} steps; expected from 0 to {total}, the whole training")
    if step < 0:
        raise ValueError(f"warmup_cosine: step is {step}; expected 0 or more")
    check_range("lr", lr, at_least=0, below=inf)
    check_range("min_lr", min_lr, at_least=0, below=inf)
    if step < warmup:
        return lr * (step + 1) / warmup
    done = (step - warmup) / (total - warmup) if step < total else 1
    return min_lr + (lr - min_lr) * (1 + cos(pi * done)) / 2
