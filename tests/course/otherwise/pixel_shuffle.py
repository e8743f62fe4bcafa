# pyright: reportUndefinedVariable=false
# This text is appended to the stub, which defines the names.


def pixel_shuffle_loops(x, upscale):
    B, Y, X, channels = x.shape
    r = upscale
    y = np.empty((B, Y * r, X * r, channels // r**2), x.dtype)
    for row in range(Y * r):
        for column in range(X * r):
            first = (row % r) * r + column % r
            y[:, row, column] = x[:, row // r, column // r, first :: r * r]
    return y


def pixel_shuffle_forward(x, *, upscale):
    B, Y, X, channels = x.shape
    if channels % upscale**2:
        raise ValueError("these are not enough channels")
    parts = x.reshape(B, Y, X, -1, upscale, upscale)
    y = np.einsum("byxcpq->bypxqc", parts)
    return y.reshape(B, Y * upscale, X * upscale, -1), PixelShuffleCache(x.shape, upscale)


def pixel_shuffle_backward(dy, cache):
    B, Y, X, channels = cache.x_shape
    r = cache.upscale
    parts = np.stack([dy[:, p::r, q::r] for p in range(r) for q in range(r)], axis=-1)  # (B, Y, X, C, r * r)
    return InputGrad(parts.reshape(B, Y, X, channels))


def upsample_nearest_forward(x, *, scale=2):
    B, Y, X, C = x.shape
    r, s = pair(scale)
    y = np.broadcast_to(x[:, :, None, :, None], (B, Y, r, X, s, C)).reshape(B, Y * r, X * s, C)
    return y, UpsampleNearestCache(x.shape, (r, s))


def upsample_nearest_backward(dy, cache):
    r, s = cache.scale
    rows = np.add.reduceat(dy, np.arange(0, dy.shape[1], r), axis=1)
    return InputGrad(np.add.reduceat(rows, np.arange(0, dy.shape[2], s), axis=2))


def charbonnier_forward(x, target, *, eps=1e-3):
    if x.shape != target.shape or not x.size or not 0 < eps < np.inf:
        raise ValueError("these are no two images, or eps is not above 0")
    difference = x - target
    root = np.hypot(difference, eps)
    return root.mean(), CharbonnierCache(difference, root)


def charbonnier_backward(dy, cache):
    return InputGrad(dy * cache.difference / (cache.root * cache.difference.size))
