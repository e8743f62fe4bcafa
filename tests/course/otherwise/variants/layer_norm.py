# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- var and mean
def layer_norm_forward(x, gamma, beta, *, eps=1e-6):
    rstd = 1 / np.sqrt(np.var(x, axis=-1, keepdims=True) + eps)
    xhat = rstd * (x - np.mean(x, axis=-1, keepdims=True))
    return xhat * gamma + beta, LayerNormCache(xhat, rstd, gamma)


# --- in float64 on the way
def layer_norm_forward(x, gamma, beta, *, eps=1e-6):
    wide = x.astype(np.float64)
    centred = wide - wide.mean(-1, keepdims=True)
    rstd = (np.square(centred).mean(-1, keepdims=True) + eps) ** -0.5
    xhat = (centred * rstd).astype(x.dtype)
    return xhat * gamma + beta, LayerNormCache(xhat, rstd.astype(x.dtype), gamma)


# --- products with a vector of ones
def layer_norm_forward(x, gamma, beta, *, eps=1e-6):
    D = x.shape[-1]
    ones = np.ones((D, 1), x.dtype)
    centred = x - x @ ones / D
    rstd = 1 / np.sqrt(centred**2 @ ones / D + eps)
    xhat = centred * rstd
    return gamma * xhat + beta, LayerNormCache(xhat=xhat, rstd=rstd, gamma=gamma)


# --- the mean taken off twice
def layer_norm_forward(x, gamma, beta, *, eps=1e-6):
    xhat = x - x.mean(-1)[..., None]
    xhat = xhat - xhat.mean(-1)[..., None]
    rstd = 1 / np.sqrt(np.einsum("...d,...d->...", xhat, xhat)[..., None] / x.shape[-1] + eps)
    xhat = xhat * rstd
    return xhat * gamma + beta, LayerNormCache(xhat, rstd, gamma)


# --- one bracket
def layer_norm_backward(dy, cache):
    xhat, rstd, gamma = cache
    D = dy.shape[-1]
    g = dy * gamma
    dx = rstd / D * (D * g - g.sum(-1, keepdims=True) - xhat * (g * xhat).sum(-1, keepdims=True))
    axes = tuple(range(dy.ndim - 1))
    return NormGrads(dx, (dy * xhat).sum(axes), dy.sum(axes))


# --- a projection
def layer_norm_backward(dy, cache):
    xhat, rstd, gamma = cache
    D = dy.shape[-1]
    g = (dy * gamma)[..., None]
    both = np.stack((np.ones_like(xhat), xhat), -1)
    dx = rstd * (g - both @ (both.mT @ g) / D)[..., 0]
    return NormGrads(dx, np.einsum("rd,rd->d", dy.reshape(-1, D), xhat.reshape(-1, D)), dy.reshape(-1, D).sum(0))


# --- gradients by place
def layer_norm_backward(dy, cache):
    g = dy * cache.gamma
    dx = g - g.mean(-1, keepdims=True) - cache.xhat * (g * cache.xhat).mean(-1, keepdims=True)
    D = dy.shape[-1]
    return [dx * cache.rstd, (dy * cache.xhat).reshape(-1, D).sum(0), dy.reshape(-1, D).sum(0)]


# --- the cache keeps the input
def layer_norm_forward(x, gamma, beta, *, eps=1e-6):
    mean, var = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
    return (x - mean) / np.sqrt(var + eps) * gamma + beta, {
        "x": x,
        "mean": mean,
        "var": var,
        "gamma": gamma,
        "eps": eps,
    }


def layer_norm_backward(dy, cache):
    rstd = (cache["var"] + cache["eps"]) ** -0.5
    xhat = (cache["x"] - cache["mean"]) * rstd
    g, D = dy * cache["gamma"], dy.shape[-1]
    dvar = (g * xhat).sum(-1, keepdims=True) * -0.5 * rstd**2
    dmean = -(g * rstd).sum(-1, keepdims=True)
    dx = g * rstd + dvar * 2 * (cache["x"] - cache["mean"]) / D + dmean / D
    return NormGrads(dx, (dy * xhat).reshape(-1, D).sum(0), dy.reshape(-1, D).sum(0))
