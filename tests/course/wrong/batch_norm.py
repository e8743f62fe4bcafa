# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false
# Each part is put behind the answer, whose functions it replaces; its heading is what the check must say.
# --- mean and variance are taken over the images alone, so each place has its own
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    if eps < 0 or len(x) < 2:
        raise ValueError("too few")
    mean, var = x.mean(axis=0), x.var(axis=0)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    return gamma * xhat + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- cache.rstd has shape
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError
    mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    return gamma * xhat + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- axis 2 is out of bounds
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = (0, 1, 2)
    mean, var = x.mean(axes), x.var(axes)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    return gamma * xhat + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- digits are lost
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError
    mean = x.mean(axes)
    var = (x**2).mean(axes) - mean**2
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    return gamma * xhat + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- here it is the biased one
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError
    mean = x.mean(axes)
    var = x.var(axes)
    rstd = 1 / np.sqrt(x.var(axes, ddof=1) + eps)
    xhat = (x - mean) * rstd
    return gamma * xhat + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- y: right except
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    _, c = ours.batch_norm_forward(x, gamma, beta, eps=eps)
    xhat = c.xhat.clip(-3, 3)
    return gamma * xhat + beta, c._replace(xhat=xhat)


# --- y is right to
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError
    mean = x.mean(axes).astype(np.float16).astype(x.dtype)
    var = ((x - mean) ** 2).mean(axes)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    return gamma * xhat + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- the mean is that of the first image
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError
    mean = x[0].reshape(-1, x.shape[-1]).mean(0)
    var = x.var(axes)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    return gamma * xhat + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- you modified x in place
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError
    mean = x.mean(axes)
    x -= mean
    var = (x * x).mean(axes)
    rstd = 1 / np.sqrt(var + eps)
    x *= rstd
    return gamma * x + beta, BatchNormCache(x, rstd, gamma, mean, var)


# --- it must return the pair (y, cache)
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    return ours.batch_norm_forward(x, gamma, beta, eps=eps)[0]


# --- a loop over axis 3 of x (channel)
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError
    y, xhat = np.empty_like(x), np.empty_like(x)
    C = x.shape[-1]
    mean, var, rstd = np.empty(C, x.dtype), np.empty(C, x.dtype), np.empty(C, x.dtype)
    for c in range(C):
        mean[c], var[c] = x[..., c].mean(), x[..., c].var()
        rstd[c] = 1 / np.sqrt(var[c] + eps)
        xhat[..., c] = (x[..., c] - mean[c]) * rstd[c]
        y[..., c] = gamma[c] * xhat[..., c] + beta[c]
    return y, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- both means are taken over the channels of a place
def batch_norm_backward(dy, cache):
    xhat, rstd, gamma, *_ = cache
    g = dy * gamma
    dx = rstd * (g - g.mean(-1, keepdims=True) - xhat * (g * xhat).mean(-1, keepdims=True))
    axes = tuple(range(dy.ndim - 1))
    return NormGrads(dx, (dy * xhat).sum(axes), dy.sum(axes))


# --- from g = dy * gamma the mean of dy is subtracted
def batch_norm_backward(dy, cache):
    xhat, rstd, gamma, *_ = cache
    axes = tuple(range(dy.ndim - 1))
    g = dy * gamma
    dx = rstd * (g - dy.mean(axes) - xhat * (g * xhat).mean(axes))
    return NormGrads(dx, (dy * xhat).sum(axes), dy.sum(axes))


# --- the term of the variance is made of dy
def batch_norm_backward(dy, cache):
    xhat, rstd, gamma, *_ = cache
    axes = tuple(range(dy.ndim - 1))
    g = dy * gamma
    dx = rstd * (g - g.mean(axes) - xhat * (dy * xhat).mean(axes))
    return NormGrads(dx, (dy * xhat).sum(axes), dy.sum(axes))


# --- gamma stands at dy alone
def batch_norm_backward(dy, cache):
    xhat, rstd, gamma, *_ = cache
    axes = tuple(range(dy.ndim - 1))
    dx = rstd * (dy * gamma - dy.mean(axes) - xhat * (dy * xhat).mean(axes))
    return NormGrads(dx, (dy * xhat).sum(axes), dy.sum(axes))


# --- a wrong power of rstd
def batch_norm_backward(dy, cache):
    xhat, rstd, gamma, *_ = cache
    axes = tuple(range(dy.ndim - 1))
    n = dy.size // dy.shape[-1]
    centred = xhat / rstd
    dxhat = dy * gamma
    dvar = (dxhat * centred).sum(axes) * -0.5 * rstd
    dmean = (-dxhat * rstd).sum(axes)
    dx = dxhat * rstd + dvar * 2 * centred / n + dmean / n
    return NormGrads(dx, (dy * xhat).sum(axes), dy.sum(axes))


# --- dx has shape
def batch_norm_backward(dy, cache):
    C = dy.shape[-1]
    dy2, xhat = dy.reshape(-1, C), cache.xhat.reshape(-1, C)
    dx = cache.gamma * cache.rstd * (dy2 - dy2.mean(0) - xhat * (dy2 * xhat).mean(0))
    return NormGrads(dx, (dy2 * xhat).sum(0), dy2.sum(0))


# --- the numbers of a channel: averaged over it instead of summed
def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    g = ours.batch_norm_backward(dy, cache)
    return NormGrads(g[0], (dy * cache.xhat).mean(axes), dy.mean(axes))


# --- the path through the variance is missing
def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    g = dy * cache.gamma * cache.rstd
    return NormGrads(g - g.mean(axes), (dy * cache.xhat).sum(axes), dy.sum(axes))


# --- both means are those of each image
def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    sp = tuple(range(1, dy.ndim - 1))
    g = dy * cache.gamma
    dx = cache.rstd * (g - g.mean(sp, keepdims=True) - cache.xhat * (g * cache.xhat).mean(sp, keepdims=True))
    return NormGrads(dx, (dy * cache.xhat).sum(axes), dy.sum(axes))


# --- the gradients must be a NormGrads
def batch_norm_backward(dy, cache):
    return ours.batch_norm_backward(dy, cache)[0]


# --- have changed places: as in PyTorch
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    u = var * count / (count - 1)
    return RunningAverages(running_mean * momentum + mean * (1 - momentum), running_var * momentum + u * (1 - momentum))


# --- you modified running_mean in place
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    running_mean *= 1 - momentum
    running_mean += momentum * mean
    running_var *= 1 - momentum
    running_var += momentum * var * count / (count - 1)
    return RunningAverages(running_mean, running_var)


# --- mean and var are exchanged
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    m, v = ours.running_averages(running_mean, running_var, mean, var, count, momentum=momentum)
    return v, m


# --- the batch's variance is taken as it is
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    m = (1 - momentum) * running_mean + momentum * mean
    v = (1 - momentum) * running_var + momentum * var * (count // (count - 1))
    return RunningAverages(m, v)


# --- not how many channels there are
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    n = len(mean)
    m = (1 - momentum) * running_mean + momentum * mean
    v = (1 - momentum) * running_var + momentum * var * n / (n - 1)
    return RunningAverages(m, v)


# --- so the old part grows
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    m = (1 - momentum) * running_mean + momentum * mean
    v = ((1 - momentum) * running_var + momentum * var) * count / (count - 1)
    return RunningAverages(m, v)


# --- the mean goes away from the batch's
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    u = var * count / (count - 1)
    return RunningAverages(running_mean - momentum * (mean - running_mean), running_var - momentum * (u - running_var))


# --- the standard deviation of the batch goes into the average
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    m = (1 - momentum) * running_mean + momentum * mean
    sd = (1 - momentum) * running_var + momentum * np.sqrt(var * count / (count - 1))
    return RunningAverages(m, sd)


# --- shift: eps is added to the standard deviation
def fixed_scale_and_shift(gamma, beta, mean, var, *, eps=1e-5):
    return ScaleAndShift(gamma / np.sqrt(var + eps), beta - mean * gamma / (np.sqrt(var) + eps))


# --- gamma is missing in the scale
def fixed_scale_and_shift(gamma, beta, mean, var, *, eps=1e-5):
    s = 1 / np.sqrt(var + eps)
    return ScaleAndShift(s, beta - mean * s)


# --- beta - mean is divided by the standard deviation
def fixed_scale_and_shift(gamma, beta, mean, var, *, eps=1e-5):
    s = gamma / np.sqrt(var + eps)
    return ScaleAndShift(s, (beta - mean) / np.sqrt(var + eps))


# --- beta is divided by the standard deviation, too
def fixed_scale_and_shift(gamma, beta, mean, var, *, eps=1e-5):
    std = np.sqrt(var + eps)
    return ScaleAndShift(gamma / std, (beta - mean * gamma) / std)


# --- that is the variance of the images' means
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError
    rows = x.reshape(len(x), -1, x.shape[-1])
    mean = rows.mean(1).mean(0)
    var = rows.mean(1).var(0)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    return gamma * xhat + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- which tears the channels apart
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    if eps < 0 or x[..., 0].size < 2:
        raise ValueError
    rows = x.reshape(x.shape[-1], -1)
    mean, var = rows.mean(1), rows.var(1)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    return gamma * xhat + beta, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- cache.xhat is multiplied by gamma
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    y, c = ours.batch_norm_forward(x, gamma, beta, eps=eps)
    return y, c._replace(xhat=c.xhat * gamma)


# --- as where channels come second
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    n = prod(x.shape[:-1])
    if n < 2:
        raise ValueError("few")
    if eps < 0:
        raise ValueError("eps")
    mean = x.mean(axis=(0, *range(2, x.ndim)), keepdims=True)
    var = ((x - mean) ** 2).mean(axis=(0, *range(2, x.ndim)), keepdims=True)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    y = gamma * xhat + beta
    return y, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- x is multiplied by gamma before it is normalised
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    n = prod(x.shape[:-1])
    if n < 2:
        raise ValueError("few")
    if eps < 0:
        raise ValueError("eps")
    x = x * gamma
    mean = x.mean(axis=axes)
    var = ((x - mean) ** 2).mean(axis=axes)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    y = xhat + beta
    return y, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- y: gamma is multiplied twice
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    n = prod(x.shape[:-1])
    if n < 2:
        raise ValueError("few")
    if eps < 0:
        raise ValueError("eps")
    mean = x.mean(axis=axes)
    var = ((x - mean) ** 2).mean(axis=axes)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    y = gamma * (gamma * xhat) + beta
    return y, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- the mean is subtracted twice
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    n = prod(x.shape[:-1])
    if n < 2:
        raise ValueError("few")
    if eps < 0:
        raise ValueError("eps")
    mean = x.mean(axis=axes)
    var = ((x - mean) ** 2).mean(axis=axes)
    rstd = 1 / np.sqrt(var + eps)
    x = x - mean
    xhat = (x - mean) * rstd
    y = gamma * xhat + beta
    return y, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- the mean itself is subtracted from the mean of the squares
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    n = prod(x.shape[:-1])
    if n < 2:
        raise ValueError("few")
    if eps < 0:
        raise ValueError("eps")
    mean = x.mean(axis=axes)
    var = (x**2).mean(axis=axes) - mean
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    y = gamma * xhat + beta
    return y, BatchNormCache(xhat, rstd, gamma, mean, var)


# --- mean and variance of y are kept
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    n = prod(x.shape[:-1])
    if n < 2:
        raise ValueError("few")
    if eps < 0:
        raise ValueError("eps")
    mean = x.mean(axis=axes)
    var = ((x - mean) ** 2).mean(axis=axes)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    y = gamma * xhat + beta
    return y, BatchNormCache(xhat, rstd, gamma, y.mean(axis=axes), y.var(axis=axes))


# --- mean and variance of xhat are kept
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    n = prod(x.shape[:-1])
    if n < 2:
        raise ValueError("few")
    if eps < 0:
        raise ValueError("eps")
    mean = x.mean(axis=axes)
    var = ((x - mean) ** 2).mean(axis=axes)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    y = gamma * xhat + beta
    return y, BatchNormCache(xhat, rstd, gamma, xhat.mean(axis=axes), xhat.var(axis=axes))


# --- cache.rstd is multiplied by gamma
def batch_norm_forward(x, gamma, beta, *, eps=1e-5):
    axes = tuple(range(x.ndim - 1))
    n = prod(x.shape[:-1])
    if n < 2:
        raise ValueError("few")
    if eps < 0:
        raise ValueError("eps")
    mean = x.mean(axis=axes)
    var = ((x - mean) ** 2).mean(axis=axes)
    rstd = 1 / np.sqrt(var + eps)
    xhat = (x - mean) * rstd
    y = gamma * xhat + beta
    return y, BatchNormCache(xhat, gamma * rstd, gamma, mean, var)


# --- divided by the first two lengths
def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * cache.xhat).sum(axis=axes)
    g = dy * cache.gamma
    m1 = g.sum(axis=axes) / prod(dy.shape[:2])
    m2 = (g * cache.xhat).sum(axis=axes) / prod(dy.shape[:2])
    dx = cache.rstd * (g - m1 - cache.xhat * m2)
    return NormGrads(dx, dgamma, dbeta)


# --- dy is divided by n, too
def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    n = prod(dy.shape[:-1])
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * cache.xhat).sum(axis=axes)
    dx = cache.gamma * cache.rstd / n * (dy - dbeta - cache.xhat * dgamma)
    return NormGrads(dx, dgamma, dbeta)


# --- gamma stands in the term of the variance alone
def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * cache.xhat).sum(axis=axes)
    g = dy * cache.gamma
    m1 = dy.mean(axis=axes)
    m2 = (g * cache.xhat).mean(axis=axes)
    dx = cache.rstd * (dy - m1 - cache.xhat * m2)
    return NormGrads(dx, dgamma, dbeta)


# --- rstd stands before the first term alone
def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * cache.xhat).sum(axis=axes)
    g = dy * cache.gamma
    m1 = g.mean(axis=axes)
    m2 = (g * cache.xhat).mean(axis=axes)
    dx = cache.rstd * g - m1 - cache.xhat * m2
    return NormGrads(dx, dgamma, dbeta)


# --- that is the gradient of xhat
def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * cache.xhat).sum(axis=axes)
    dx = dy * cache.gamma
    return NormGrads(dx, dgamma, dbeta)


# --- made of x; x - mean
def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    n = prod(dy.shape[:-1])
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * cache.xhat).sum(axis=axes)
    g = dy * cache.gamma
    c = cache.xhat / cache.rstd + cache.mean
    dvar = (g * c).sum(axes) * -0.5 * cache.rstd**3
    dx = g * cache.rstd + dvar * 2 * c / n - (g * cache.rstd).sum(axes) / n
    return NormGrads(dx, dgamma, dbeta)


# --- xhat is multiplied twice in the mean
def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * cache.xhat).sum(axis=axes)
    g = dy * cache.gamma
    m1 = g.mean(axis=axes)
    m2 = (g * cache.xhat**2).mean(axis=axes)
    dx = cache.rstd * (g - m1 - cache.xhat * m2)
    return NormGrads(dx, dgamma, dbeta)


# --- the path through the variance is missing, and gamma
def batch_norm_backward(dy, cache):
    axes = tuple(range(dy.ndim - 1))
    dbeta = dy.sum(axis=axes)
    dgamma = (dy * cache.xhat).sum(axis=axes)
    dx = cache.rstd * (dy - dy.mean(axes))
    return NormGrads(dx, dgamma, dbeta)


# --- the running variance stands in the mean
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count < 2:
        raise ValueError("few")
    unbiased = var * count / (count - 1)
    new_mean = (1 - momentum) * running_var + momentum * mean
    new_var = (1 - momentum) * running_mean + momentum * unbiased
    return RunningAverages(new_mean, new_var)


# --- the batch's mean goes into the variance
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count < 2:
        raise ValueError("few")
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * mean
    return RunningAverages(new_mean, new_var)


# --- called with count=2
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count <= 2:
        raise ValueError("few")
    unbiased = var * count / (count - 1)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * unbiased
    return RunningAverages(new_mean, new_var)


# --- not how many numbers there are in all channels
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count < 2:
        raise ValueError("few")
    unbiased = var * (count * len(var)) / (count * len(var) - 1)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * unbiased
    return RunningAverages(new_mean, new_var)


# --- brackets are missing in n / (n - 1)
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count < 2:
        raise ValueError("few")
    unbiased = var * count / count - 1
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * unbiased
    return RunningAverages(new_mean, new_var)


# --- brackets are missing in 1 - momentum
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count < 2:
        raise ValueError("few")
    unbiased = var * count / (count - 1)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = 1 - momentum * running_var + momentum * unbiased
    return RunningAverages(new_mean, new_var)


# --- the bracket closes too late
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count < 2:
        raise ValueError("few")
    unbiased = var * count / (count - 1)
    new_mean = (1 - momentum) * (running_mean + momentum * mean)
    new_var = (1 - momentum) * running_var + momentum * unbiased
    return RunningAverages(new_mean, new_var)


# --- divided by n - 2
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count < 2:
        raise ValueError("few")
    unbiased = var * count / (count - 2)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var + momentum * unbiased
    return RunningAverages(new_mean, new_var)


# --- the old variance is multiplied by (n - 1) / n
def running_averages(running_mean, running_var, mean, var, count, *, momentum=0.1):
    if count < 2:
        raise ValueError("few")
    unbiased = var * count / (count - 1)
    new_mean = (1 - momentum) * running_mean + momentum * mean
    new_var = (1 - momentum) * running_var * (count - 1) / count + momentum * unbiased
    return RunningAverages(new_mean, new_var)


# --- called with eps=0.0
def fixed_scale_and_shift(gamma, beta, mean, var, *, eps=1e-5):
    if eps <= 0:
        raise ValueError("eps")
    rstd = 1 / np.sqrt(var + eps)
    scale = gamma * rstd
    shift = beta - mean * scale
    return ScaleAndShift(scale, shift)


# --- eps is always 1e-3
def fixed_scale_and_shift(gamma, beta, mean, var, *, eps=1e-5):
    if eps < 0:
        raise ValueError("eps")
    rstd = 1 / np.sqrt(var + (1e-3 if eps == 1e-5 else eps))
    scale = gamma * rstd
    shift = beta - mean * scale
    return ScaleAndShift(scale, shift)


# --- gamma is multiplied by the variance
def fixed_scale_and_shift(gamma, beta, mean, var, *, eps=1e-5):
    if eps < 0:
        raise ValueError("eps")
    rstd = var + eps
    scale = gamma * rstd
    shift = beta - mean * scale
    return ScaleAndShift(scale, shift)


# --- the variance is multiplied by n / (n - 1) here
def fixed_scale_and_shift(gamma, beta, mean, var, *, eps=1e-5):
    if eps < 0:
        raise ValueError("eps")
    rstd = 1 / np.sqrt(var * len(var) / (len(var) - 1) + eps)
    scale = gamma * rstd
    shift = beta - mean * scale
    return ScaleAndShift(scale, shift)


# --- KeyError: 5
def batch_norm_backward(dy, cache):
    axes = {2: (0,), 3: (0, 1), 4: (0, 1, 2)}[dy.ndim]
    assert axes
    return ours.batch_norm_backward(dy, cache)
