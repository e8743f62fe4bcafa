# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    if x[..., 0].size < 2 or eps < 0:
        raise ValueError("nothing to normalise")
    mean, var = x.mean(axes), x.var(axes)
    rstd = (var + eps) ** -0.5
    xhat = (x - mean) * rstd
    return gamma * xhat + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


def batch_norm_backward(dy, cache):
    xhat, rstd, gamma, *_ = cache
    axes = tuple(range(dy.ndim - 1))
    g = dy * gamma
    dx = rstd * (g - g.mean(axes) - xhat * (g * xhat).mean(axes))
    return NormGrads(dx, (dy * xhat).sum(axes), dy.sum(axes))


def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count < 2 or not 0 <= momentum <= 1:
        raise ValueError("no such batch")
    return RunningAverages(
        running_mean + momentum * (mean - running_mean),
        running_var + momentum * (count * var / (count - 1) - running_var),
    )


def fixed_scale_and_shift(gamma, beta, mean, var, *, eps=1e-5):
    if eps < 0:
        raise ValueError("eps is negative")
    rstd = (var + eps) ** -0.5
    return ScaleAndShift(gamma * rstd, -gamma * mean * rstd + beta)
