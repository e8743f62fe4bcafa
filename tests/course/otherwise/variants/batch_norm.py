# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- rows of numbers
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    if eps < 0 or x.size // x.shape[-1] < 2:
        raise ValueError("nothing to normalise")
    rows = x.reshape(-1, x.shape[-1])
    mean = rows.sum(0) / len(rows)
    var = np.square(rows - mean).sum(0) / len(rows)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (rows - mean) * rstd
    y = xhat * gamma + beta
    return y.reshape(x.shape), BatchNormCache(xhat.reshape(x.shape), rstd, gamma, mean, var)


def batch_norm_backward(dy, cache):
    rows, xhat = dy.reshape(-1, dy.shape[-1]), cache.xhat.reshape(-1, dy.shape[-1])
    n = len(rows)
    g = rows * cache.gamma
    dx = cache.rstd / n * (n * g - g.sum(0) - xhat * (g * xhat).sum(0))
    return NormGrads(dx.reshape(dy.shape), (rows * xhat).sum(0), rows.sum(0))


# --- step by step, as a graph of computations
def batch_norm_backward(dy, cache):
    xhat, rstd, gamma, _, _ = cache
    axes = tuple(range(dy.ndim - 1))
    n = dy.size / dy.shape[-1]
    centred = xhat / rstd
    dxhat = dy * gamma
    dvar = (dxhat * centred).sum(axes) * -0.5 * rstd**3
    dmean = (-dxhat * rstd).sum(axes) + dvar * (-2 * centred).sum(axes) / n
    dx = dxhat * rstd + dvar * 2 * centred / n + dmean / n
    return NormGrads(dx, (dy * xhat).sum(axes), dy.sum(axes))


# --- channels first, and back
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    if eps < 0 or np.prod(x.shape[:-1]) < 2:
        raise ValueError("nothing to normalise")
    first = np.moveaxis(x, -1, 0).reshape(x.shape[-1], -1)
    mean, var = first.mean(1), first.var(1)
    rstd = np.reciprocal(np.sqrt(var + eps))
    xhat = np.moveaxis(((first - mean[:, None]) * rstd[:, None]).reshape(-1, *x.shape[:-1]), 0, -1)
    return xhat * gamma + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- einsum
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    if not eps >= 0 or x.size < 2 * x.shape[-1]:
        raise ValueError("nothing to normalise")
    n = x.size // x.shape[-1]
    mean = np.einsum("nc->c", x.reshape(n, -1)) / n
    centred = x - mean
    var = np.einsum("nc,nc->c", *[centred.reshape(n, -1)] * 2) / n
    rstd = (var + eps) ** -0.5
    xhat = np.einsum("...c,c->...c", centred, rstd)
    return np.einsum("...c,c->...c", xhat, gamma) + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


def batch_norm_backward(dy, cache):
    n = dy.size // dy.shape[-1]
    rows = dy.reshape(n, -1)
    dgamma, dbeta = np.einsum("nc,nc->c", rows, cache.xhat.reshape(n, -1)), np.einsum("nc->c", rows)
    dx = cache.gamma * cache.rstd * (dy - (dbeta + cache.xhat * dgamma) / n)
    return NormGrads(dx, dgamma, dbeta)


# --- keepdims, taken away in the cache alone
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError("nothing to normalise")
    mean, var = np.mean(x, axes, keepdims=True), np.var(x, axes, keepdims=True)
    rstd = 1 / np.sqrt(var + eps)
    xhat = rstd * (x - mean)
    return xhat * gamma + beta, BatchNormCache(xhat, rstd.ravel(), gamma, mean.ravel(), var.ravel())


# --- in place on arrays of its own
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError("nothing to normalise")
    xhat = x.copy()
    mean = xhat.mean(axes)
    xhat -= mean
    var = (xhat**2).mean(axes)
    rstd = 1 / np.sqrt(var + eps)
    xhat *= rstd
    y = xhat.copy()
    y *= gamma
    y += beta
    return y, BatchNormCache(xhat, rstd, gamma, mean, var)


def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    dx = dy * cache.gamma
    dx -= dx.mean(axes) + cache.xhat * (dx * cache.xhat).mean(axes)
    dx *= cache.rstd
    return NormGrads(dx, np.sum(dy * cache.xhat, axes), np.sum(dy, axes))


# --- one axis after the other
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError("nothing to normalise")
    mean = x
    while mean.ndim > 1:
        mean = mean.mean(0)
    var = (x - mean) ** 2
    while var.ndim > 1:
        var = var.mean(0)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    return gamma * xhat + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- in float64 on the way
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError("nothing to normalise")
    wide = x.astype(np.float64)
    mean, var = wide.mean(axes), wide.var(axes)
    rstd = 1 / np.sqrt(var + eps)
    xhat = ((wide - mean) * rstd).astype(x.dtype)
    kept = (a.astype(x.dtype) for a in (rstd, mean, var))
    rstd, mean, var = kept
    return xhat * gamma + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- a cache with the input
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError("nothing to normalise")
    mean, var = x.mean(axes), x.var(axes)
    return (x - mean) / np.sqrt(var + eps) * gamma + beta, (x, mean, np.sqrt(var + eps), gamma)


def batch_norm_backward(dy, cache):
    x, mean, std, gamma = cache
    axes = tuple(range(dy.ndim - 1))
    xhat = (x - mean) / std
    g = dy * gamma
    return (g - g.mean(axes) - xhat * (g * xhat).mean(axes)) / std, (dy * xhat).sum(axes), dy.sum(axes)


# --- a dict for a cache
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    y, cache = ours.batch_norm_forward(x, gamma, beta, eps=eps)
    return y, {"xhat": cache.xhat, "rstd": cache.rstd, "gamma": gamma}


def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    dgamma, dbeta = (dy * cache["xhat"]).sum(axes), dy.sum(axes)
    dx = cache["gamma"] * cache["rstd"] * (dy - dy.mean(axes) - cache["xhat"] * (dy * cache["xhat"]).mean(axes))
    return dx, dgamma, dbeta


# --- a matrix that takes out both parts
def batch_norm_backward(dy, cache):
    C = dy.shape[-1]
    g = (dy * cache.gamma).reshape(-1, C).T  # (C, n)
    xhat = cache.xhat.reshape(-1, C).T
    both = np.stack((np.ones_like(xhat), xhat), 1)  # (C, 2, n)
    taken = (both @ g[..., None])[..., 0] / g.shape[1]  # (C, 2)
    dx = (g - (taken[:, None] @ both)[:, 0]) * cache.rstd[:, None]
    rows = dy.reshape(-1, C)
    return NormGrads(dx.T.reshape(dy.shape), np.vecdot(rows.T, xhat), rows.T.sum(1))


# --- numpy's unbiased variance, and back
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    n = int(np.prod(x.shape[:-1]))
    if eps < 0 or n < 2:
        raise ValueError("nothing to normalise")
    axes = tuple(range(x.ndim - 1))
    var = np.var(x, axis=axes, ddof=1) * ((n - 1) / n)
    mean = np.average(x, axis=axes)
    rstd = 1 / np.sqrt(eps + var)
    xhat = (x - mean) * rstd
    return xhat * gamma + beta, BatchNormCache(xhat=xhat, rstd=rstd, gamma=gamma, mean=mean, var=var)


# --- a dict of averages
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count < 2:
        raise ValueError("no variance")
    new_mean = (1 - momentum) * running_mean + momentum * mean
    return {"mean": new_mean, "var": (1 - momentum) * running_var + momentum * var * count / (count - 1)}


# --- a tuple of averages, towards the batch
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count < 2:
        raise ValueError("no variance")
    unbiased = var * count / (count - 1)
    return running_mean - momentum * (running_mean - mean), running_var - momentum * (running_var - unbiased)


# --- weighted means of stacks
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count <= 1:
        raise ValueError("no variance")
    shares = [1 - momentum, momentum]
    stacks = np.stack((running_mean, mean)), np.stack((running_var, var / (1 - 1 / count)))
    return RunningAverages(*(np.average(a, 0, shares).astype(mean.dtype) for a in stacks))


# --- what becomes of 0 and of 1
def fixed_scale_and_shift(gamma, beta, mean, var, *, eps=1e-5):
    if eps < 0:
        raise ValueError("eps is negative")

    def normalised(x):
        return (x - mean) / np.sqrt(var + eps) * gamma + beta

    at_zero = normalised(np.zeros_like(mean))
    return ScaleAndShift(scale=normalised(np.ones_like(mean)) - at_zero, shift=at_zero)


# --- a tuple of scale and shift
def fixed_scale_and_shift(gamma, beta, mean, var, *, eps=1e-5):
    if not 0 <= eps < np.inf:
        raise ValueError("eps is negative")
    std = np.sqrt(var + eps)
    return gamma / std, beta - gamma * mean / std


# --- gradients by the names of the messages
def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    dx, dgamma, dbeta = ours.batch_norm_backward(dy, cache)
    assert dbeta.shape == dy.sum(axes).shape
    return {"dx": dx, "dgamma": dgamma, "dbeta": dbeta}


# --- a tuple of its own for the gradients, in another order
class Gradients(NamedTuple):
    dgamma: Any
    dbeta: Any
    dx: Any


def batch_norm_backward(dy, cache):
    dx, dgamma, dbeta = ours.batch_norm_backward(dy, cache)
    return Gradients(dx=dx, dgamma=dgamma, dbeta=dbeta)
