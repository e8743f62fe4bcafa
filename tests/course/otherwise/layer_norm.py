# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def layer_norm_forward(x, gamma, beta, *, eps=1e-6):
    rstd = (x.var(-1, keepdims=True) + eps) ** -0.5
    xhat = (x - x.mean(-1, keepdims=True)) * rstd
    return gamma * xhat + beta, LayerNormCache(xhat, rstd, gamma)


def layer_norm_backward(dy, cache):
    xhat, rstd, gamma = cache
    rows = tuple(range(dy.ndim - 1))
    g = dy * gamma
    dx = rstd * (g - g.mean(-1, keepdims=True) - xhat * (g * xhat).mean(-1, keepdims=True))
    return NormGrads(dx, (dy * xhat).sum(rows), dy.sum(rows))
