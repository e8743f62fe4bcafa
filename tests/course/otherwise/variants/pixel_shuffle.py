# ruff: noqa: F811
# pyright: reportUndefinedVariable=false, reportRedeclaration=false, reportAttributeAccessIssue=false
# Each part, with its imports, is put behind the answer, whose functions it replaces.
# --- pixel by pixel of a place: r * r assignments, with steps
def pixel_shuffle_forward(x, *, upscale):
    B, Y, X, D = x.shape
    r = upscale
    C, rest = divmod(D, r * r)
    if rest:
        raise ValueError("r * r must divide the channels")
    y = np.empty((B, r * Y, r * X, C), x.dtype)
    for p in range(r):
        for q in range(r):
            y[:, p::r, q::r] = x[..., p * r + q :: r * r]
    return y, (x.shape, r)


def pixel_shuffle_backward(dy, cache):
    shape, r = cache
    dx = np.zeros(shape, dy.dtype)
    for p in range(r):
        for q in range(r):
            dx[..., p * r + q :: r * r] = dy[:, p::r, q::r]
    return (dx,)


# --- one index for all, and the same index back
def pixel_shuffle_forward(x, *, upscale):
    _, Y, X, D = x.shape
    if D % upscale**2:
        raise ValueError("r * r must divide the channels")
    (i, p), (j, q) = (np.divmod(np.arange(n * upscale), upscale) for n in (Y, X))
    c = np.arange(D // upscale**2)
    channels = c * upscale**2 + p[:, None, None] * upscale + q[:, None]
    return x[:, i[:, None, None], j[:, None], channels], PixelShuffleCache(x.shape, upscale)


def pixel_shuffle_backward(dy, cache):
    (B, Y, X, D), r = cache
    (i, p), (j, q) = (np.divmod(np.arange(n * r), r) for n in (Y, X))
    channels = np.arange(D // r**2) * r**2 + p[:, None, None] * r + q[:, None]
    dx = np.zeros((B, Y, X, D), dy.dtype)
    dx[:, i[:, None, None], j[:, None], channels] = dy
    return InputGrad(dx)


# --- place by place of a block: r * s assignments, with steps
def upsample_nearest_forward(x, *, scale=2):
    (r, s), (B, Y, X, C) = pair(scale), x.shape
    y = np.empty((B, Y * r, X * s, C), x.dtype)
    for p in range(r):
        for q in range(s):
            y[:, p::r, q::s] = x
    return y, (x.shape, (r, s))


def upsample_nearest_backward(dy, cache):
    shape, (r, s) = cache
    dx = np.zeros(shape, dy.dtype)
    for p in range(r):
        for q in range(s):
            dx += dy[:, p::r, q::s]
    return (dx,)


# --- by matrices of zeros and ones
def upsample_nearest_forward(x, *, scale=2):
    r, s = pair(scale)
    rows, columns = (np.repeat(np.eye(n, dtype=x.dtype), k, axis=0) for n, k in ((x.shape[1], r), (x.shape[2], s)))
    return np.einsum("iy,jx,byxc->bijc", rows, columns, x), UpsampleNearestCache(x.shape, (r, s))


def upsample_nearest_backward(dy, cache):
    (_, Y, X, _), (r, s) = cache
    rows, columns = (np.repeat(np.eye(n, dtype=dy.dtype), k, axis=0) for n, k in ((Y, r), (X, s)))
    return InputGrad(np.einsum("iy,jx,bijc->byxc", rows, columns, dy))


# --- of a difference that is divided by eps first
def charbonnier_forward(x, target, *, eps=1e-3):
    if x.shape != target.shape or not x.size or not 0 < eps < np.inf:
        raise ValueError("these are no two images, or eps is not above 0")
    difference = x - target
    root = eps * np.sqrt(1 + (difference / eps) ** 2)
    return root.sum() / x.size, (difference, root)


def charbonnier_backward(dy, cache):
    difference, root = cache
    return (dy / difference.size * difference / root,)
